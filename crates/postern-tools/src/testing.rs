//! Tools without a host, for the tests of a tool.
//!
//! A call is made natively, in the test's own process, through all its rounds: the same code runs as in a component,
//! but for the stream. What the server does before a call is not done here: arguments are not checked against the schema
//! (only against the types), and scopes not against the tool's.
//!
//! ```
//! use postern_tools::{Context, LogLevel, testing, tool};
//! use serde_json::json;
//!
//! /// Adds numbers up.
//! #[tool(title = "Sum")]
//! async fn sum(ctx: &Context, numbers: Vec<f64>) -> f64 {
//!     let mut sum = 0.0;
//!     for (index, number) in numbers.iter().enumerate() {
//!         sum += number;
//!         ctx.progress(index as f64 + 1.0, numbers.len() as f64).await;
//!     }
//!     sum
//! }
//!
//! let run = testing::call::<sum>(json!({ "numbers": [1, 2.5] })).run();
//! assert_eq!(run.text(), "3.5");
//! assert_eq!(run.structured(), json!({ "result": 3.5 }));
//! assert_eq!(run.progress(), [(1.0, Some(2.0)), (2.0, Some(2.0))]);
//! ```

use crate::{
    contract::{
        self, Answer, AnswerValue, Caller, ClientCapabilities, ClientInfo, ContentBlock, Elicited, Error,
        LogLevel, Notification, Progress, Question, Resumption, Root, Scope, ToolResult,
    },
    definition::{self, Entry, Provider, Tool},
    round::{Round, Step, Work},
    schema::Shape,
};
use serde_json::{Value, json};
use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

/// The tools that a component lists.
#[must_use]
pub fn tools<P: Provider>() -> Vec<contract::Tool> {
    definition::list_tools::<P>()
}

/// The scopes that a component lists.
#[must_use]
pub fn scopes<P: Provider>() -> Vec<Scope> {
    definition::list_scopes::<P>()
}

/// A call of a tool, by somebody whose client offers everything and wants to know everything.
pub fn call<T: Tool>(arguments: Value) -> Call {
    let client = ClientCapabilities {
        elicit_form: true,
        elicit_url: true,
        sample: true,
        sample_with_tools: true,
        list_roots: true,
        tasks: true,
    };
    let caller = Caller {
        subject: "alice".to_owned(),
        client_id: "test-client".to_owned(),
        scopes: T::SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
        client_info: Some(ClientInfo { name: "test".to_owned(), version: "1".to_owned() }),
    };
    let call = contract::Call {
        name: T::NAME.to_owned(),
        arguments: arguments.to_string(),
        resumption: None,
        client,
        wants_progress: true,
        log_level: Some(LogLevel::Debug),
    };
    let shape = Entry::of::<T>().describe().shape;
    Call { name: T::NAME, begin: T::call, shape, caller, call, answers: Vec::new(), leaves_after: None }
}

/// A call that can be made.
#[derive(Clone)]
#[must_use]
pub struct Call {
    name: &'static str,
    begin: fn(crate::Context, String) -> Work,
    shape: Shape,
    caller: Caller,
    call: contract::Call,
    answers: Vec<Answer>,
    leaves_after: Option<usize>,
}

impl Call {
    /// Whoever calls.
    pub fn caller(mut self, change: impl FnOnce(&mut Caller)) -> Self {
        change(&mut self.caller);
        self
    }

    /// What the client offers.
    pub fn client(mut self, change: impl FnOnce(&mut ClientCapabilities)) -> Self {
        change(&mut self.call.client);
        self
    }

    /// Nobody wants to know how far the tool is, and no log.
    pub fn quietly(mut self) -> Self {
        self.call.wants_progress = false;
        self.call.log_level = None;
        self
    }

    /// What the client answers when the question of this key is asked: [`accept`], [`decline`], [`sampled`] and so on.
    /// Of two answers to one key, the later one counts.
    pub fn answer(mut self, key: &str, value: AnswerValue) -> Self {
        self.answers.retain(|answer| answer.key != key);
        self.answers.push(Answer { key: key.to_owned(), value });
        self
    }

    /// The client leaves when it has been told this often.
    pub fn leaves_after(mut self, notifications: usize) -> Self {
        self.leaves_after = Some(notifications);
        self
    }

    /// Makes the call, and answers what is asked as long as there are answers. Each question is asked once.
    ///
    /// What the tool waits for besides is waited for, on this thread.
    pub fn run(self) -> Run {
        let mut run = Run {
            outcome: None,
            notifications: Vec::new(),
            questions: Vec::new(),
            rounds: 0,
            call: self.clone(),
        };
        let mut resumption = self.call.resumption.clone();
        loop {
            run.rounds += 1;
            let call = contract::Call { resumption: resumption.take(), ..self.call.clone() };
            let mut round = match Round::begin(self.name, self.caller.clone(), call, self.shape, self.begin) {
                Ok(round) => round,
                Err(error) => return run.with(Err(error)),
            };
            let outcome = loop {
                match wait(round.step()) {
                    // The reader has gone, so the tool is dropped where it is.
                    Step::Tell(_) if self.leaves_after == Some(run.notifications.len()) => return run,
                    Step::Tell(notification) => run.notifications.push(notification),
                    Step::End(outcome) => break outcome,
                }
            };
            let (questions, state) = match &outcome {
                Ok(contract::Outcome::InputRequired(input)) => (&input.questions, &input.state),
                Ok(contract::Outcome::Task(task)) if !task.questions.is_empty() => {
                    (&task.questions, &task.state)
                }
                _ => return run.with(outcome),
            };
            let answer = |question: &Question| {
                let is_new = !run.questions.iter().any(|asked| asked.key == question.key);
                self.answers.iter().find(|answer| answer.key == question.key && is_new).cloned()
            };
            let answers: Vec<_> = questions.iter().filter_map(answer).collect();
            if answers.is_empty() {
                run.questions.extend(questions.iter().cloned());
                return run.with(outcome);
            }
            resumption = Some(Resumption { state: state.clone(), answers, cancelled: false });
            run.questions.extend(questions.iter().cloned());
        }
    }
}

/// What came of a call.
#[derive(Clone)]
pub struct Run {
    /// How its last round came out; `None`, if the client left before.
    pub outcome: Option<Result<contract::Outcome, Error>>,
    /// What was told, in order.
    pub notifications: Vec<Notification>,
    /// What was asked, in order.
    pub questions: Vec<Question>,
    /// How many rounds it took.
    pub rounds: usize,
    call: Call,
}

impl Run {
    fn with(mut self, outcome: Result<contract::Outcome, Error>) -> Self {
        self.outcome = Some(outcome);
        self
    }

    /// The result.
    ///
    /// # Panics
    ///
    /// When the call came out in another way.
    #[must_use]
    pub fn result(&self) -> &ToolResult {
        match &self.outcome {
            Some(Ok(contract::Outcome::Complete(result))) => result,
            other => unexpected("a result", other),
        }
    }

    /// All texts of the result, one line each.
    ///
    /// # Panics
    ///
    /// As [`result`](Self::result).
    #[must_use]
    pub fn text(&self) -> String {
        let text = |block: &ContentBlock| match block {
            ContentBlock::Text(text) => Some(text.clone()),
            _ => None,
        };
        self.result().content.iter().filter_map(text).collect::<Vec<_>>().join("\n")
    }

    /// The structured content; `null` if there is none.
    ///
    /// # Panics
    ///
    /// As [`result`](Self::result), and when it is not JSON.
    #[must_use]
    pub fn structured(&self) -> Value {
        let text = self.result().structured_content.as_deref().unwrap_or("null");
        serde_json::from_str(text).unwrap_or_else(|error| unexpected("JSON", &(text, error)))
    }

    /// Whether the tool ran and failed.
    ///
    /// # Panics
    ///
    /// As [`result`](Self::result).
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.result().is_error
    }

    /// The error, of a call that did not come to run the tool to an end.
    ///
    /// # Panics
    ///
    /// When the call came out in another way.
    #[must_use]
    pub fn error(&self) -> &Error {
        match &self.outcome {
            Some(Err(error)) => error,
            other => unexpected("an error", other),
        }
    }

    /// The task that was begun, or goes on.
    ///
    /// # Panics
    ///
    /// When the call came out in another way.
    #[must_use]
    pub fn task(&self) -> &contract::Task {
        match &self.outcome {
            Some(Ok(contract::Outcome::Task(task))) => task,
            other => unexpected("a task", other),
        }
    }

    /// The next call about that task.
    ///
    /// # Panics
    ///
    /// As [`task`](Self::task).
    pub fn ask_again(&self) -> Call {
        self.about_task(false)
    }

    /// The call with which the client gives that task up.
    ///
    /// # Panics
    ///
    /// As [`task`](Self::task).
    pub fn give_up(&self) -> Call {
        self.about_task(true)
    }

    fn about_task(&self, cancelled: bool) -> Call {
        let state = self.task().state.clone();
        let mut next = self.call.clone();
        next.call.resumption = Some(Resumption { state, answers: Vec::new(), cancelled });
        next
    }

    /// What was told of progress: how far, of how much.
    #[must_use]
    pub fn progress(&self) -> Vec<(f64, Option<f64>)> {
        let progress = |notification: &Notification| match notification {
            Notification::Progress(Progress { progress, total, .. }) => Some((*progress, *total)),
            _ => None,
        };
        self.notifications.iter().filter_map(progress).collect()
    }
}

#[expect(clippy::panic, reason = "this is how a test fails")]
fn unexpected(expected: &str, found: &dyn std::fmt::Debug) -> ! {
    panic!("not {expected}, but {found:?}")
}

/// The person fills the form in like this.
#[must_use]
pub fn accept(content: Value) -> AnswerValue {
    AnswerValue::Elicited(Elicited::Accept(Some(content.to_string())))
}

/// The person goes to the page.
#[must_use]
pub fn visited() -> AnswerValue {
    AnswerValue::Elicited(Elicited::Accept(None))
}

/// The person says no.
#[must_use]
pub fn decline() -> AnswerValue {
    AnswerValue::Elicited(Elicited::Decline)
}

/// The person closes the form.
#[must_use]
pub fn cancel() -> AnswerValue {
    AnswerValue::Elicited(Elicited::Cancel)
}

/// The client's model writes this.
#[must_use]
pub fn sampled(text: &str) -> AnswerValue {
    let message = json!({
        "role": "assistant",
        "content": { "type": "text", "text": text },
        "model": "test-model",
        "stopReason": "endTurn",
    });
    AnswerValue::Sampled(message.to_string())
}

/// The client works in these places.
#[must_use]
pub fn roots(uris: &[&str]) -> AnswerValue {
    AnswerValue::Roots(uris.iter().map(|uri| Root { uri: (*uri).to_owned(), name: None }).collect())
}

/// Waits for a future, on this thread.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
