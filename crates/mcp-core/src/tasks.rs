//! The methods of the tasks extension, and how a task begins ([`begin`]). What a task is: [`task`](crate::task).
//!
//! A task lies in a slot of its caller's connection. Its id says which, and has enough chance in it that nobody guesses
//! it; and whoever brings one is looked for it among what is theirs, so that another's id is an unknown one
//! (MCP-K-22, MCP-Z-03). When all slots are in use, one whose end was told makes room; while there is none, no
//! further task begins.

mod begin;

use crate::{
    McpServer, access,
    connection::{self, Unavailable},
    json,
    jsonrpc::{self, Call, Fault, Id},
    known_tools::KnownTool,
    methods::{Context, Envelope, Failure},
    ports::{self, Caller, ClientCapabilities, LogEvent, Outcome, Outside, Resumption, Tool, ToolsError},
    questions::{self, Asked},
    revision::Revision,
    rounds::Unasked,
    task::{Ended, Next, Step, Task, WireTask},
};
use futures_util::StreamExt;
use serde::Serialize;
use std::{rc::Rc, time::UNIX_EPOCH};
use store_core::{Change, Connection, Keyring, Random, RecordError, Slot, TransitionError, seal};

/// The longest result that is kept, in bytes. A slot holds a little more.
const MAX_RESULT: usize = 192 * 1024;

/// Whoever asks about a task.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    caller: Caller,
    connection: Connection,
    client: ClientCapabilities,
}

impl Asker {
    /// Whoever makes this request. Only a client that knows tasks may ask about any (MCP-K-03, MCP-K-04).
    pub(crate) fn of(context: &Context<'_>) -> Result<Self, Fault> {
        let client = context.client_capabilities();
        if !client.tasks {
            let tasks = ClientCapabilities { tasks: true, ..ClientCapabilities::default() };
            return Err(Fault::MissingCapability(tasks));
        }
        Ok(Self { caller: context.caller(), connection: connection::of(&context.access), client })
    }
}

/// A task that was found, and where.
struct Found {
    task: Task,
    key: String,
    keys: Keyring,
}

/// There is another task in the slot, or none.
struct Gone;

/// A result that says only that something was done.
#[derive(Serialize)]
struct Done {
    #[serde(flatten)]
    envelope: Envelope,
}

/// A result that shows a task.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    task: WireTask<'a>,
    #[serde(flatten)]
    envelope: Envelope,
}

impl<O: Outside> McpServer<O> {
    /// `tasks/get`: how a task stands.
    pub(crate) async fn get_task(
        self: &Rc<Self>,
        id: &Id,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let asker = Asker::of(context)?;
        let task = self.ask_about_task(&asker, &task_id(call)?).await?;
        let wire = task.to_wire().ok_or(Fault::Internal)?;
        Ok(jsonrpc::result_message(id, &Shown { task: wire, envelope: Envelope::of_type("complete") })?)
    }

    /// `tasks/update`: answers to what a task asks.
    pub(crate) async fn update_task(
        &self,
        id: &Id,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let asker = Asker::of(context)?;
        let task_id = task_id(call)?;
        let responses = call.params.input_responses;
        let responses =
            responses.ok_or_else(|| Fault::InvalidParams("inputResponses must be an object".to_owned()))?;
        let Found { task, key, keys } = self.find_task(&asker, &task_id).await?;
        let expected: Vec<_> = task
            .outstanding
            .iter()
            .map(|Asked { key, expects, .. }| (key.clone(), expects.clone()))
            .collect();
        // With nothing outstanding, whatever comes is passed over.
        let answers = if expected.is_empty() && json::is_object(responses) {
            Vec::new()
        } else {
            questions::read_responses(responses, &expected)?
        };
        let now = self.unix_now_ms();
        self.change_task(&keys, &key, &task_id, |task| match task.answered(&answers, now) {
            Some(task) => Change::Write(task, ()),
            None => Change::Keep(()),
        })
        .await?;
        Ok(jsonrpc::result_message(id, &Done { envelope: Envelope::of_type("complete") })?)
    }

    /// `tasks/cancel`: the client gives a task up. One that has ended stays as it is (MCP-K-16).
    pub(crate) async fn cancel_task(
        self: &Rc<Self>,
        id: &Id,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let asker = Asker::of(context)?;
        let task_id = task_id(call)?;
        let Found { key, keys, .. } = self.find_task(&asker, &task_id).await?;
        let now = self.unix_now_ms();
        let cancelled = self
            .change_task(&keys, &key, &task_id, |task| match &task.ended {
                Some(_) => Change::Keep(None),
                None => {
                    // It is the client's own doing, so nobody has to tell it.
                    let ended = task.told().ending(Ended::Cancelled, now);
                    Change::Write(ended, Some(task.clone()))
                }
            })
            .await?;
        if let Some(task) = cancelled
            && let Ok(tool) = self.find_tool(&task.tool).await
        {
            let resumption = task.resumption(true);
            self.call_off(&tool, asker.caller, &task.arguments, asker.client, resumption).await;
        }
        Ok(jsonrpc::result_message(id, &Done { envelope: Envelope::of_type("complete") })?)
    }

    /// How a task stands by now. If it may have gone on, its tool is asked.
    pub(crate) async fn ask_about_task(self: &Rc<Self>, asker: &Asker, id: &str) -> Result<Task, Failure> {
        let found = self.find_task(asker, id).await?;
        let who = seal::to_text(&self.outside.random().bytes::<12>());
        let task = if found.task.take(&who, self.unix_now_ms()).is_some() {
            self.take_on_task(asker, &found, id, &who).await?
        } else {
            found.task
        };
        if task.ended.is_some() && !task.is_told {
            // If this fails, the slot is kept until the task is over, and that is all.
            let told = |task: &Task| Change::Write(task.told(), ());
            self.change_task(&found.keys, &found.key, id, told).await.ok();
        }
        Ok(task)
    }

    /// Asks the tool about a task, unless somebody else does so already.
    async fn take_on_task(
        self: &Rc<Self>,
        asker: &Asker,
        Found { key, keys, .. }: &Found,
        id: &str,
        who: &str,
    ) -> Result<Task, Failure> {
        let now = self.unix_now_ms();
        let (task, is_ours) = self
            .change_task(keys, key, id, |task| match task.take(who, now) {
                Some(taken) => Change::Write(taken.clone(), (taken, true)),
                None => Change::Keep((task.clone(), false)),
            })
            .await?;
        if !is_ours {
            return Ok(task);
        }
        // Whatever comes of it, the task is let go of again.
        let (next, failure) = match self.ask_tool(asker, &task).await {
            Ok(next) => (next, None),
            Err(failure) => (Next::Unknown, Some(failure)),
        };
        let now = self.unix_now_ms();
        let step = |task: &Task| match task.after(who, &next, now) {
            None => Change::Keep(task.clone()),
            Some(Ok(task)) => Change::Write(task.clone(), task),
            Some(Err(_)) => {
                let task = task.clone().ending(failed(&Fault::Internal), now);
                Change::Write(task.clone(), task)
            }
        };
        let stepped = self.try_change_task(keys, key, id, step).await;
        let task = match stepped {
            Err(TransitionError::Record(RecordError::TooLarge)) => {
                self.outside.log(LogEvent::ToolMalformed { tool: &task.tool, fault: TASK_TOO_LARGE });
                self.change_task(keys, key, id, |task| {
                    let task = task.clone().ending(failed(&Fault::Internal), now);
                    Change::Write(task.clone(), task)
                })
                .await?
            }
            stepped => self.judge_change(stepped)?,
        };
        failure.map_or(Ok(task), Err)
    }

    /// What becomes of a task, in its tool's words. A failure here is about the one who asks, not about the task.
    async fn ask_tool(self: &Rc<Self>, asker: &Asker, task: &Task) -> Result<Next, Failure> {
        let tool = match self.find_tool(&task.tool).await {
            Ok(tool) => tool,
            // It is no longer offered.
            Err(fault @ Fault::InvalidParams(_)) => return Ok(Next::Ended(failed(&fault))),
            Err(fault) => return Err(fault.into()),
        };
        access::authorize(&asker.caller.scopes, &tool.scopes)?;
        let caller = asker.caller.clone();
        let outcome =
            self.call_quietly(&tool, caller, &task.arguments, asker.client, task.resumption(false)).await;
        let revision = Revision::R2026_07_28;
        let result = match outcome {
            Ok(Outcome::Complete(result)) => result,
            Ok(Outcome::Task(next)) => {
                let ports::Task { state, status_message, questions, poll_interval_ms, ttl_ms: _ } = next;
                let questions = self.questions(&tool, &questions, asker.client);
                return go_on(questions, state, status_message, poll_interval_ms);
            }
            Ok(Outcome::InputRequired(input)) => {
                let questions = self.questions(&tool, &input.questions, asker.client);
                return go_on(questions, input.state, None, None);
            }
            Err(error) => match self.judge_tool_error(error, &tool, &asker.caller, revision) {
                Ok(result) => result,
                Err(Failure::Fault(Fault::Unavailable)) => return Ok(Next::Unknown),
                Err(Failure::Fault(fault @ Fault::MissingCapability(_))) => return Err(fault.into()),
                Err(Failure::Fault(fault)) => return Ok(Next::Ended(failed(&fault))),
                Err(refusal @ Failure::Refusal(_)) => return Err(refusal),
            },
        };
        let result = self.wire_result(&tool, revision, &result);
        let text = result.and_then(|result| serde_json::to_string(&result).map_err(|_| Fault::Internal));
        Ok(Next::Ended(match text {
            Ok(text) if text.len() <= MAX_RESULT => Ended::Completed(text),
            Ok(_) => failed(&self.malformed(&tool, TASK_TOO_LARGE)),
            Err(fault) => failed(&fault),
        }))
    }

    /// Calls a tool about a task. What it tells meanwhile is for those who listen to changes only (MCP-K-24).
    async fn call_quietly(
        self: &Rc<Self>,
        tool: &Rc<KnownTool>,
        caller: Caller,
        arguments: &str,
        client: ClientCapabilities,
        resumption: Resumption,
    ) -> Result<Outcome, ToolsError> {
        let call = ports::Call {
            name: tool.name.clone(),
            arguments: arguments.to_owned(),
            resumption: Some(resumption),
            client,
            wants_progress: false,
            log_level: None,
        };
        match self.call_within_limits(tool, caller, call).await? {
            ports::Reply::Done(outcome) => Ok(outcome),
            ports::Reply::Running(ports::Running { mut notifications, outcome }) => {
                while let Some(notification) = notifications.next().await {
                    self.pass_on_change(&notification).await;
                }
                drop(notifications);
                outcome.await
            }
        }
    }

    /// Lets a tool undo what it has begun.
    async fn call_off(
        self: &Rc<Self>,
        tool: &Rc<KnownTool>,
        caller: Caller,
        arguments: &str,
        client: ClientCapabilities,
        resumption: Resumption,
    ) {
        if let Err(error) = self.call_quietly(tool, caller, arguments, client, resumption).await {
            self.log_tools_failure("call-tool", &error);
        }
    }

    fn questions(
        &self,
        tool: &Tool,
        questions: &[ports::Question],
        client: ClientCapabilities,
    ) -> Result<Vec<Asked>, Fault> {
        let asked = questions::ask(questions, client, Revision::R2026_07_28, String::new);
        asked.map_err(|misasked| self.judge_unasked(Unasked::from(misasked), tool))
    }

    /// Finds a task of this caller's.
    async fn find_task(&self, asker: &Asker, id: &str) -> Result<Found, Failure> {
        let slot =
            seal::from_text(id).filter(|bytes| bytes.len() == 25).and_then(|bytes| bytes.first().copied());
        let slot = slot.filter(|slot| u16::from(*slot) < Slot::Task.count()).ok_or_else(unknown_task)?;
        let keys = self.keys_or_fault().await?.ok_or_else(unknown_task)?;
        let key = asker.connection.slot(Slot::Task, u16::from(slot));
        let task = match self.records(&keys).find::<Task>(&key).await {
            Ok(task) => task,
            Err(RecordError::Retired) => None,
            Err(error) => return Err(self.store_fault(error).into()),
        };
        let now = self.unix_now_ms();
        let task = task.filter(|task| task.id == id && !task.is_over(now)).ok_or_else(unknown_task)?;
        access::authorize(&asker.caller.scopes, &task.scopes)?;
        Ok(Found { task, key, keys })
    }

    async fn change_task<T>(
        &self,
        keys: &Keyring,
        key: &str,
        id: &str,
        decide: impl FnMut(&Task) -> Change<Task, T>,
    ) -> Result<T, Fault> {
        self.judge_change(self.try_change_task(keys, key, id, decide).await)
    }

    async fn try_change_task<T>(
        &self,
        keys: &Keyring,
        key: &str,
        id: &str,
        mut decide: impl FnMut(&Task) -> Change<Task, T>,
    ) -> Result<T, TransitionError<Gone>> {
        let records = self.records(keys);
        records.transition(key, |task: &Task| if task.id == id { Ok(decide(task)) } else { Err(Gone) }).await
    }

    fn judge_change<T>(&self, changed: Result<T, TransitionError<Gone>>) -> Result<T, Fault> {
        changed.map_err(|error| match error {
            TransitionError::NotFound | TransitionError::Refused(Gone) => unknown_task(),
            TransitionError::Record(error) => self.store_fault(error),
        })
    }

    fn store_fault(&self, error: RecordError) -> Fault {
        self.log_unavailable(&Unavailable::from(error));
        Fault::Unavailable
    }

    /// Now, in milliseconds since the Unix epoch.
    pub(crate) fn unix_now_ms(&self) -> u64 {
        let since = self.outside.now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

const TASK_TOO_LARGE: &str = "its task is larger than is kept";

/// A task goes on, once its questions are answered. One whose questions break a rule ends.
fn go_on(
    questions: Result<Vec<Asked>, Fault>,
    state: Vec<u8>,
    status_message: Option<String>,
    poll_interval_ms: Option<u32>,
) -> Result<Next, Failure> {
    match questions {
        Ok(questions) => Ok(Next::GoesOn(Step { state, status_message, poll_interval_ms, questions })),
        Err(fault @ Fault::MissingCapability(_)) => Err(fault.into()),
        Err(fault) => Ok(Next::Ended(failed(&fault))),
    }
}

fn failed(fault: &Fault) -> Ended {
    Ended::Failed(serde_json::to_string(fault).unwrap_or_default())
}

fn task_id(call: &Call<'_>) -> Result<String, Fault> {
    let id = call.params.task_id.and_then(json::string);
    id.map(String::from).ok_or_else(|| Fault::InvalidParams("taskId must be a string".to_owned()))
}

fn unknown_task() -> Fault {
    Fault::InvalidParams("Unknown task".to_owned())
}
