//! What a tool is given besides its arguments.

use crate::{
    carried::{Carried, KeptAnswer},
    contract::{
        self, Answer, AnswerValue, Caller, ClientCapabilities, Elicited, LogLevel, LogMessage, Notification,
        Progress, Question, Root,
    },
    json,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

/// Who calls a tool, and a line to them while it runs.
///
/// A tool that wants it has an argument of the type `&Context`, in any place; it is no argument for the client.
///
/// ```
/// use postern_tools::{Context, tool};
///
/// /// Says who you are.
/// #[tool(title = "Who am I")]
/// async fn who_am_i(ctx: &Context) -> String {
///     format!("{}, through {}", ctx.caller().subject, ctx.caller().client_id)
/// }
/// ```
///
/// # Telling
///
/// [`progress`](Self::progress), [`log`](Self::log) and the others return when the client's side has taken what was
/// told, at once if nobody wants it. **When the client has left, they do not return**: the call ends there, and what
/// the tool holds is dropped. So a tool that tells how far it is can be cancelled without a line of its own.
///
/// # Asking
///
/// [`elicit`](Self::elicit), [`visit`](Self::visit), [`sample`](Self::sample) and [`roots`](Self::roots) read as if the
/// answer simply came. In truth the round ends there: the question goes out, the client calls again with the answer,
/// perhaps an hour later and in another instance, and **the tool runs again from its first line**. The answers that it
/// has already had are there at once, because they travel with the call, sealed. So:
///
/// * What a tool does before its last question, it does again in every round. Ask first, then act.
/// * A tool has to come to the same questions again, by the same keys, whatever the time of day.
/// * Questions that are waited for together (`futures::join!`) go out together, in one round.
///
/// A client that cannot be asked is told what it lacks, and the tool ends there; one that can do without looks at
/// [`client`](Self::client) first.
#[derive(Debug, Clone)]
pub struct Context(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    caller: Caller,
    client: ClientCapabilities,
    wants_progress: bool,
    log_level: Option<LogLevel>,
    is_cancelled: bool,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    carried: Carried,
    /// What the client has answered since the last round.
    answers: Vec<Answer>,
    questions: Vec<Question>,
    /// What the client cannot be asked, if it was to be.
    lacking: Option<ClientCapabilities>,
    untold: VecDeque<Notification>,
    /// How many notifications there were, and how many of them were told.
    count: u64,
    told: u64,
    waiting: Vec<Waker>,
}

impl Context {
    pub(crate) fn new(
        caller: Caller,
        client: ClientCapabilities,
        wants_progress: bool,
        log_level: Option<LogLevel>,
        is_cancelled: bool,
        carried: Carried,
        answers: Vec<Answer>,
    ) -> Self {
        let state = State {
            carried,
            answers,
            questions: Vec::new(),
            lacking: None,
            untold: VecDeque::new(),
            count: 0,
            told: 0,
            waiting: Vec::new(),
        };
        let state = RefCell::new(state);
        Self(Rc::new(Inner { caller, client, wants_progress, log_level, is_cancelled, state }))
    }

    /// On whose behalf the tool runs: the user, the client, the scopes, and what the client says of itself. It has been
    /// checked that the scopes include those that the tool declares.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.0.caller
    }

    /// Whether the user granted this scope to the client.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.0.caller.scopes.iter().any(|granted| granted == scope)
    }

    /// What the client can be asked for, and whether it can come back for a task.
    #[must_use]
    pub fn client(&self) -> &ClientCapabilities {
        &self.0.client
    }

    /// How far the tool is: more than the last time, of a total if that is known, in whatever unit.
    pub async fn progress(&self, progress: f64, total: impl Into<Option<f64>>) {
        self.tell_progress(progress, total.into(), None).await;
    }

    /// The same, and what is being done.
    pub async fn progress_with(
        &self,
        progress: f64,
        total: impl Into<Option<f64>>,
        message: impl Into<String>,
    ) {
        self.tell_progress(progress, total.into(), Some(message.into())).await;
    }

    async fn tell_progress(&self, progress: f64, total: Option<f64>, message: Option<String>) {
        if self.0.wants_progress {
            self.tell(Notification::Progress(Progress { progress, total, message })).await;
        }
    }

    /// A line for whoever watches the client's log: a text, or whatever can be written as JSON. Nothing secret, and
    /// nothing about others.
    pub async fn log(&self, level: LogLevel, data: impl Serialize) {
        let wanted = self.0.log_level.is_some_and(|least| level as u8 >= least as u8);
        // What cannot be written is a map with keys that are no text; it is not worth failing for.
        if wanted && let Ok(data) = json::text(&data) {
            self.tell(Notification::Log(LogMessage { level, logger: None, data })).await;
        }
    }

    /// The tools on offer are no longer the same. Every client that listens is told.
    pub async fn tools_changed(&self) {
        self.tell(Notification::ToolsChanged).await;
    }

    /// The prompts on offer are no longer the same.
    pub async fn prompts_changed(&self) {
        self.tell(Notification::PromptsChanged).await;
    }

    /// The resources on offer are no longer the same.
    pub async fn resources_changed(&self) {
        self.tell(Notification::ResourcesChanged).await;
    }

    /// The resource at this URI has changed.
    pub async fn resource_updated(&self, uri: impl Into<String>) {
        self.tell(Notification::ResourceUpdated(uri.into())).await;
    }

    async fn tell(&self, notification: Notification) {
        let ticket = {
            let mut state = self.0.state.borrow_mut();
            state.untold.push_back(notification);
            state.count += 1;
            state.count
        };
        poll_fn(|context| {
            let mut state = self.0.state.borrow_mut();
            if state.told >= ticket {
                return Poll::Ready(());
            }
            state.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// What this call's task is found again by, when the tool is called again about one; `None` in a call that has begun
    /// none. See [`Task`](crate::Task).
    ///
    /// # Errors
    ///
    /// When it is not of this type, as after a deployment that changed the type.
    pub fn task<T: DeserializeOwned>(&self) -> Result<Option<T>, TaskLost> {
        match &self.0.state.borrow().carried.task {
            None => Ok(None),
            Some(state) => T::deserialize(state).map(Some).map_err(|error| TaskLost(error.to_string())),
        }
    }

    /// The client gives the task up: undo what is under way, and return anything.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled
    }
}

/// What is under the surface.
impl Context {
    /// What was to be told has been.
    pub(crate) fn told(&self) {
        let waiting = {
            let mut state = self.0.state.borrow_mut();
            state.told = state.count - state.untold.len() as u64;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn next_notification(&self) -> Option<Notification> {
        self.0.state.borrow_mut().untold.pop_front()
    }

    /// What goes with the call into its next round.
    pub(crate) fn carried(&self) -> Carried {
        self.0.state.borrow().carried.clone()
    }

    /// What is to be asked; the error, if the client cannot be.
    pub(crate) fn take_questions(&self) -> Result<Vec<Question>, contract::Error> {
        let mut state = self.0.state.borrow_mut();
        match state.lacking.take() {
            Some(lacking) => Err(contract::Error::MissingCapability(lacking)),
            None => Ok(std::mem::take(&mut state.questions)),
        }
    }

    /// An error, if the client does not offer what is set here.
    pub(crate) fn require(&self, set: impl FnOnce(&mut ClientCapabilities)) -> Result<(), contract::Error> {
        let needed = needed(set);
        if lacks(self.0.client, needed) { Err(contract::Error::MissingCapability(needed)) } else { Ok(()) }
    }

    /// The answer to a question. Without one, it is asked, and this never returns.
    pub(crate) async fn ask(
        &self,
        key: &str,
        needed: ClientCapabilities,
        ask: impl FnOnce() -> contract::Ask,
        answers: impl Fn(&KeptAnswer) -> bool,
    ) -> KeptAnswer {
        let answer = self.find_answer(key, answers);
        if let Some(answer) = answer {
            return answer;
        }
        {
            let mut state = self.0.state.borrow_mut();
            if lacks(self.0.client, needed) {
                merge(state.lacking.get_or_insert_with(|| self::needed(|_| ())), needed);
            } else if !state.questions.iter().any(|question| question.key == key) {
                state.questions.push(Question { key: key.to_owned(), ask: ask() });
            }
        }
        std::future::pending().await
    }

    /// An answer that the tool has had already, or gets now. One of the wrong kind is none.
    fn find_answer(&self, key: &str, answers: impl Fn(&KeptAnswer) -> bool) -> Option<KeptAnswer> {
        let mut state = self.0.state.borrow_mut();
        let kept = state.carried.answers.iter().find(|(kept, _)| kept == key);
        if let Some((_, kept)) = kept.filter(|(_, kept)| answers(kept)) {
            return Some(kept.clone());
        }
        let new = state.answers.iter().find(|answer| answer.key == key)?;
        let new = Some(KeptAnswer::from(&new.value)).filter(answers)?;
        state.carried.answers.push((key.to_owned(), new.clone()));
        Some(new)
    }
}

impl From<&AnswerValue> for KeptAnswer {
    fn from(value: &AnswerValue) -> Self {
        match value {
            AnswerValue::Elicited(Elicited::Accept(content)) => Self::Accepted(content.clone()),
            AnswerValue::Elicited(Elicited::Decline) => Self::Declined,
            AnswerValue::Elicited(Elicited::Cancel) => Self::Cancelled,
            AnswerValue::Sampled(result) => Self::Sampled(result.clone()),
            AnswerValue::Roots(roots) => {
                let root = |Root { uri, name }: &Root| (uri.clone(), name.clone());
                Self::Roots(roots.iter().map(root).collect())
            }
        }
    }
}

/// Capabilities, of which none is there but what is set.
pub(crate) fn needed(set: impl FnOnce(&mut ClientCapabilities)) -> ClientCapabilities {
    let mut needed = ClientCapabilities {
        elicit_form: false,
        elicit_url: false,
        sample: false,
        sample_with_tools: false,
        list_roots: false,
        tasks: false,
    };
    set(&mut needed);
    needed
}

fn lacks(client: ClientCapabilities, needed: ClientCapabilities) -> bool {
    let mut both = client;
    merge(&mut both, needed);
    both != client
}

fn merge(capabilities: &mut ClientCapabilities, more: ClientCapabilities) {
    capabilities.elicit_form |= more.elicit_form;
    capabilities.elicit_url |= more.elicit_url;
    capabilities.sample |= more.sample;
    capabilities.sample_with_tools |= more.sample_with_tools;
    capabilities.list_roots |= more.list_roots;
    capabilities.tasks |= more.tasks;
}

/// What a task is found again by is not of the type that was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskLost(String);

impl std::fmt::Display for TaskLost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "The task was begun by another version of this tool: {}", self.0)
    }
}

impl std::error::Error for TaskLost {}

impl From<TaskLost> for String {
    fn from(lost: TaskLost) -> Self {
        lost.to_string()
    }
}
