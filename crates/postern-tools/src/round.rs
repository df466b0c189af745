//! One round of a call: a tool's future, and what it tells and asks on its way.
//!
//! A round goes on in [`Step`]s. Between two of them nothing happens, so the number of notifications that wait to be
//! read is never more than what a tool tells at once.

use crate::{
    Context,
    carried::Carried,
    contract::{self, Call, Caller, InputRequired, Notification, Resumption},
    error::ToolError,
    panics,
    result::{Finished, Task, conclude},
    schema::Shape,
};
use std::{
    future::poll_fn,
    pin::Pin,
    task::{self, Poll},
};

/// A tool at work.
pub type Work = Pin<Box<dyn Future<Output = Result<Finished, ToolError>>>>;

/// What comes of a round next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Something to tell. The tool goes on when it has been told.
    Tell(Notification),
    /// The end.
    End(Result<contract::Outcome, contract::Error>),
}

/// One round of a call.
pub(crate) struct Round {
    context: Context,
    work: Work,
    /// The tool's name.
    name: &'static str,
    shape: Shape,
    ended: Option<Result<contract::Outcome, contract::Error>>,
}

impl Round {
    /// Begins a round of the tool `name`. `begin` makes the tool's future of the context and the text of the arguments.
    pub(crate) fn begin(
        name: &'static str,
        caller: Caller,
        call: Call,
        shape: Shape,
        begin: impl FnOnce(Context, String) -> Work,
    ) -> Result<Self, contract::Error> {
        let Call { name: _, arguments, resumption, client, wants_progress, log_level } = call;
        let Resumption { state, answers, cancelled } = resumption.unwrap_or_else(|| Resumption {
            state: Vec::new(),
            answers: Vec::new(),
            cancelled: false,
        });
        let carried = if state.is_empty() {
            Carried::default()
        } else {
            // It comes back as it went. If not, it is another version's, of before a deployment.
            Carried::read(&state)
                .ok_or_else(|| contract::Error::Other("the state of a call cannot be read".to_owned()))?
        };
        let context = Context::new(caller, client, wants_progress, log_level, cancelled, carried, answers);
        // What waits for nothing runs here.
        let work = panics::during(name, || begin(context.clone(), arguments));
        Ok(Self { context, work, name, shape, ended: None })
    }

    /// What comes next. What came before counts as told.
    pub(crate) async fn step(&mut self) -> Step {
        self.context.told();
        poll_fn(|waker| self.poll_step(waker)).await
    }

    fn poll_step(&mut self, waker: &mut task::Context<'_>) -> Poll<Step> {
        if self.ended.is_none()
            && let Poll::Ready(ended) = panics::during(self.name, || self.work.as_mut().poll(waker))
        {
            self.ended = Some(self.conclude(ended));
        }
        if let Some(notification) = self.context.next_notification() {
            return Poll::Ready(Step::Tell(notification));
        }
        let ended = self.ended.take().or_else(|| self.halted());
        ended.map_or(Poll::Pending, |ended| Poll::Ready(Step::End(ended)))
    }

    fn conclude(&self, ended: Result<Finished, ToolError>) -> Result<contract::Outcome, contract::Error> {
        match conclude(ended, self.shape)? {
            Ok(result) => Ok(contract::Outcome::Complete(result)),
            Err(task) => {
                self.context.require(|needed| needed.tasks = true)?;
                self.task(task, Vec::new())
            }
        }
    }

    /// Why a tool that waits will wait for ever: it has asked something.
    fn halted(&self) -> Option<Result<contract::Outcome, contract::Error>> {
        let questions = match self.context.take_questions() {
            Ok(questions) if questions.is_empty() => return None,
            Ok(questions) => questions,
            Err(error) => return Some(Err(error)),
        };
        Some(match self.context.carried().task {
            // A task that asks goes on being one.
            Some(state) => {
                let task = Task { state, status_message: None, ttl_ms: None, poll_interval_ms: None };
                self.task(task, questions)
            }
            None => {
                let state = self.context.carried().write();
                state.map(|state| contract::Outcome::InputRequired(InputRequired { questions, state }))
            }
        })
    }

    fn task(
        &self,
        task: Task,
        questions: Vec<contract::Question>,
    ) -> Result<contract::Outcome, contract::Error> {
        let Task { state, status_message, ttl_ms, poll_interval_ms } = task;
        let state = Carried { task: Some(state), ..self.context.carried() }.write()?;
        Ok(contract::Outcome::Task(contract::Task {
            state,
            status_message,
            questions,
            ttl_ms,
            poll_interval_ms,
        }))
    }
}
