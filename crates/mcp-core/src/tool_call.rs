//! `tools/call`: from a request to a call that may be made, and from its outcome to a result.
//!
//! [`prepare_call`](McpServer::prepare_call) makes every check that there is, and [`ToolCall`] then stands for the call
//! in all its rounds. [`run_call`](McpServer::run_call) is the call while it goes on, and
//! [`conclude`](McpServer::conclude) says in the client's revision how it came out. Nothing here borrows from
//! the request: a call may outlive it, as a stream.

use crate::{
    McpServer, access,
    answer::{Answered, Messages},
    changes::Changed,
    content::{self, WireContent},
    json,
    jsonrpc::{self, Call, Fault, Id, repeated},
    known_tools::KnownTool,
    limits::Overrun,
    methods::{Context, Envelope, Failure},
    mirrored_headers,
    ports::{
        self, Caller, ClientCapabilities, LogEvent, Outcome, Outside, Resumption, Running, Tool, ToolResult,
        ToolsError,
    },
    revision::Revision,
    rounds::{Binding, Unasked},
    schema::Misfit,
    told::{Teller, Wishes},
    tool_rounds,
};
use async_stream::stream;
use futures_util::{
    StreamExt,
    future::{Either, select},
    stream::LocalBoxStream,
};
use serde::Serialize;
use serde_json::value::RawValue;
use std::{pin::pin, rc::Rc, time::Duration};
use store_core::{Connection, Random};

/// After how long a call is answered by a stream, although it has told nothing yet: while its bytes keep
/// coming, nobody between here and the client takes the connection for dead, and a client that leaves is missed.
const SLOW: Duration = Duration::from_secs(5);

/// The most scopes that a tool can ask for besides those that it declares, and the longest.
const MAX_SCOPES: usize = 32;
const MAX_SCOPE: usize = 256;

/// The longest text of a tool's that goes into an error, in bytes. In a result, it may be as long as any.
const MAX_REASON: usize = 4096;

/// A call that may be made: its caller has the scopes, and what is checked before a tool runs has been.
#[derive(Debug, Clone)]
pub(crate) struct ToolCall {
    /// The request's id.
    pub(crate) id: Id,
    pub(crate) revision: Revision,
    pub(crate) tool: Rc<KnownTool>,
    pub(crate) caller: Caller,
    /// What its token was issued under.
    pub(crate) grant_id: Option<String>,
    /// The text of a JSON object. A call of many rounds is cloned for each.
    pub(crate) arguments: Rc<str>,
    pub(crate) client: ClientCapabilities,
    pub(crate) wishes: Wishes,
    /// How many rounds there were.
    pub(crate) round: u32,
}

impl ToolCall {
    /// The call, as the tools take it.
    pub(crate) fn request(&self, resumption: Option<Resumption>) -> ports::Call {
        ports::Call {
            name: self.tool.name.clone(),
            arguments: self.arguments.as_ref().to_owned(),
            resumption,
            client: self.client,
            wants_progress: self.wishes.progress_token.is_some(),
            log_level: self.wishes.log_level,
        }
    }

    /// Where what is kept for its caller lies.
    pub(crate) fn connection(&self) -> Connection {
        Connection::of(self.grant_id.as_deref(), &self.caller.subject, &self.caller.client_id)
    }
}

/// What comes of the checks before a call.
pub(crate) enum Prepared {
    /// It may be made.
    Call(Box<ToolCall>),
    /// It is answered already: its arguments do not fit, and that is for the model to read.
    Answer(Vec<u8>),
}

/// What a call says.
pub(crate) enum Said {
    /// A message for the client, before the last.
    Message(Vec<u8>),
    /// The last one, or why there is none.
    End(Result<Vec<u8>, Failure>),
}

impl<O: Outside> McpServer<O> {
    /// Runs a tool for a caller who has the scopes that it takes. If it tells the client nothing before it ends, and
    /// ends soon, the answer is one message; otherwise a stream of them.
    pub(crate) async fn call_tool(
        self: &Rc<Self>,
        id: &Id,
        call: &Call<'_>,
        context: Context<'_>,
    ) -> Result<Answered, Failure> {
        let mut tool_call = match self.prepare_call(id, call, &context).await? {
            Prepared::Call(tool_call) => *tool_call,
            Prepared::Answer(message) => return Ok(message.into()),
        };
        let mut resumption = None;
        if context.revision.is_modern() {
            let resumed = self.resume(call, || self.binding(&tool_call)).await?;
            (resumption, tool_call.round) = (resumed.resumption, resumed.round);
        }
        let id = tool_call.id.clone();
        let mut said = self.run_call(tool_call, resumption);
        let first = match select(said.next(), pin!(self.outside.sleep(SLOW))).await {
            Either::Left((first, _)) => first,
            Either::Right(((), next)) if context.reads_streams => {
                drop(next);
                return Ok(Answered::Stream(messages(None, said, id)));
            }
            Either::Right(((), next)) => next.await,
        };
        match first {
            Some(Said::Message(first)) => Ok(Answered::Stream(messages(Some(first), said, id))),
            Some(Said::End(end)) => Ok(end?.into()),
            None => Err(Fault::Internal.into()),
        }
    }

    /// Checks everything that is checked before a tool runs.
    pub(crate) async fn prepare_call(
        self: &Rc<Self>,
        id: &Id,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Prepared, Failure> {
        let name = call.params.name.and_then(json::string);
        let name = name.ok_or_else(|| Fault::InvalidParams("name must be a string".to_owned()))?;
        let arguments = match self.optional(call.params.arguments) {
            None => "{}",
            Some(arguments) if json::is_object(arguments) => arguments.get(),
            Some(_) => return Err(Fault::InvalidParams("arguments must be an object".to_owned()).into()),
        };
        let tool = self.find_tool(&name).await?;
        if context.revision.is_modern() && tool.mirrors_arguments() {
            mirrored_headers::check_arguments(context.headers, &tool.input_schema, arguments)?;
        }
        access::authorize(&context.access.scopes, &tool.scopes)?;
        let tool_call = ToolCall {
            id: id.clone(),
            revision: context.revision,
            tool,
            caller: context.caller(),
            grant_id: context.access.grant_id.clone(),
            arguments: arguments.into(),
            client: context.client_capabilities(),
            wishes: Wishes {
                revision: context.revision,
                progress_token: context.meta.progress_token(),
                log_level: context.log_level(),
            },
            round: 0,
        };
        // Once a schema has been compiled, this costs little; see `schema`.
        if let Err(misfit) = tool_call.tool.arguments().check(&tool_call.arguments) {
            let error = self.judge_misfit(misfit, &tool_call.tool)?;
            return Ok(Prepared::Answer(self.conclude(&tool_call, Err(error)).await?));
        }
        Ok(Prepared::Call(Box::new(tool_call)))
    }

    /// The tool of that name. One that nobody may be shown is none (MCP-T-27).
    pub(crate) async fn find_tool(&self, name: &str) -> Result<Rc<KnownTool>, Fault> {
        let tool = self.known_tool(name).await?.ok_or_else(|| unknown_tool(name))?;
        match tool.fault() {
            None => Ok(tool),
            Some(fault) => {
                self.malformed(&tool, fault);
                Err(unknown_tool(name))
            }
        }
    }

    /// What belongs to this call in all its rounds, and to no other.
    pub(crate) fn binding(&self, call: &ToolCall) -> Binding {
        let caller = (call.caller.subject.as_str(), call.caller.client_id.as_str());
        Binding::new("tools/call", &call.tool.name, &call.arguments, caller, self.resource())
    }

    /// A round of a call, as it goes on.
    pub(crate) fn run_call(
        self: &Rc<Self>,
        call: ToolCall,
        resumption: Option<Resumption>,
    ) -> LocalBoxStream<'static, Said> {
        let server = Rc::clone(self);
        Box::pin(stream! {
            let reply = server.call_within_limits(&call.tool, call.caller.clone(), call.request(resumption)).await;
            let outcome = match reply {
                Err(error) => Err(error),
                Ok(ports::Reply::Done(outcome)) => Ok(outcome),
                Ok(ports::Reply::Running(Running { mut notifications, outcome })) => {
                    let mut teller = Teller::new(call.wishes.clone(), server.tool_limits);
                    while let Some(notification) = notifications.next().await {
                        if let Some(change) = Changed::told_by(&notification) {
                            if teller.may_tell_of_a_change() {
                                server.record_change(&change).await;
                            }
                        } else if let Some(message) = teller.tell(notification) {
                            yield Said::Message(message);
                        }
                    }
                    drop(notifications);
                    outcome.await
                }
            };
            yield Said::End(server.conclude(&call, outcome).await);
        })
    }

    /// The message that ends a round of a call.
    pub(crate) async fn conclude(
        self: &Rc<Self>,
        call: &ToolCall,
        outcome: Result<Outcome, ToolsError>,
    ) -> Result<Vec<u8>, Failure> {
        let result = match outcome {
            Ok(Outcome::Complete(result)) => result,
            Ok(Outcome::InputRequired(input)) if call.revision.is_modern() => {
                let (binding, asking) = (self.binding(call), (call.client, call.revision));
                let asked = self.input_required(&call.id, &binding, call.round, asking, &input).await;
                return asked.map_err(|unasked| self.judge_unasked(unasked, &call.tool).into());
            }
            // Questions take a session and a stream: see `conversation`.
            Ok(Outcome::InputRequired(_)) => tool_rounds::unasked(),
            // The tool can do it in no other way, or it would have (MCP-K-02, MCP-K-05).
            Ok(Outcome::Task(_)) if !call.client.tasks => {
                let tasks = ClientCapabilities { tasks: true, ..ClientCapabilities::default() };
                let error = ToolsError::MissingCapability(tasks);
                self.judge_tool_error(error, &call.tool, &call.caller, call.revision)?
            }
            Ok(Outcome::Task(task)) => return Ok(self.begin_task(call, task).await?),
            Err(error) => self.judge_tool_error(error, &call.tool, &call.caller, call.revision)?,
        };
        self.write_result(call, &result)
    }

    /// The message that carries a result.
    pub(crate) fn write_result(&self, call: &ToolCall, result: &ToolResult) -> Result<Vec<u8>, Failure> {
        let write = |result| {
            let wire = self.wire_result(&call.tool, call.revision, result)?;
            jsonrpc::result_message(&call.id, &wire)
        };
        let limit = self.tool_limits.output;
        // What is too large as it is, is not written out for nothing.
        if result.len() <= limit {
            let message = write(result)?;
            if message.len() <= limit {
                return Ok(message);
            }
        }
        Ok(write(&self.stopped(&call.tool.name, Overrun::Output))?)
    }

    /// Why the tool's questions are not put to the client.
    pub(crate) fn judge_unasked(&self, unasked: Unasked, tool: &Tool) -> Fault {
        match unasked {
            Unasked::Fault(fault) => fault,
            Unasked::Malformed(fault) => self.malformed(tool, fault),
        }
    }

    /// What arguments that do not fit are: the client's mistake, or the author's of a schema that nothing can be
    /// checked against.
    fn judge_misfit(&self, misfit: Misfit, tool: &Tool) -> Result<ToolsError, Fault> {
        match misfit {
            Misfit::Instance(how) => {
                Ok(ToolsError::InvalidArguments(format!("The arguments do not fit: {how}")))
            }
            Misfit::Schema(why) => {
                self.malformed(tool, why);
                Err(Fault::UnusableSchema(why))
            }
        }
    }

    /// A parameter that may be left out.
    pub(crate) fn optional<'a>(&self, parameter: Option<&'a RawValue>) -> Option<&'a RawValue> {
        parameter.filter(|value| {
            let is_tolerated = self.tolerances.null_parameters && value.get() == "null";
            if is_tolerated {
                self.outside.log(LogEvent::Tolerance("null_parameters"));
            }
            !is_tolerated
        })
    }

    /// What becomes of a call that did not come to run the tool: an answer to the client, or, where
    /// the revision says so, a result for the model to read.
    pub(crate) fn judge_tool_error(
        &self,
        error: ToolsError,
        tool: &Tool,
        caller: &Caller,
        revision: Revision,
    ) -> Result<ToolResult, Failure> {
        match error {
            ToolsError::UnknownTool => Err(unknown_tool(&tool.name).into()),
            ToolsError::InvalidArguments(how) if revision.bad_arguments_are_results() => {
                let content = vec![ports::ContentBlock::Text(how)];
                Ok(ToolResult { content, structured_content: None, is_error: true })
            }
            ToolsError::InvalidArguments(mut how) => {
                how.truncate(how.floor_char_boundary(MAX_REASON));
                Err(Fault::InvalidParams(how).into())
            }
            // It goes into a header.
            ToolsError::InsufficientScope(more)
                if more.len() > MAX_SCOPES || more.iter().any(|scope| scope.len() > MAX_SCOPE) =>
            {
                Err(self.malformed(tool, "it asks for more scopes than there can be").into())
            }
            ToolsError::InsufficientScope(more) => {
                let needed = [tool.scopes.as_slice(), more.as_slice()].concat();
                access::authorize(&caller.scopes, &needed)?;
                Err(self.malformed(tool, "it asks for scopes that the caller has").into())
            }
            // There is no error for it before the modern era.
            ToolsError::MissingCapability(needed) if !revision.is_modern() => {
                Ok(tool_rounds::cannot_ask(needed))
            }
            ToolsError::MissingCapability(needed) => Err(Fault::MissingCapability(needed).into()),
            ToolsError::Unavailable => {
                self.log_tool_failure(&tool.name, &error);
                Err(Fault::Unavailable.into())
            }
            ToolsError::Other(_) => {
                let trace = self.log_tool_failure(&tool.name, &error);
                Err(Fault::ToolFailed { trace }.into())
            }
        }
    }

    /// A result, as the client's revision writes it.
    pub(crate) fn wire_result<'a>(
        &self,
        tool: &Tool,
        revision: Revision,
        result: &'a ToolResult,
    ) -> Result<CallToolResult<'a>, Fault> {
        let structured = match &result.structured_content {
            None if tool.output_schema.is_some() && !result.is_error => {
                return Err(self.malformed(tool, "its result lacks the structured content it promises"));
            }
            None => None,
            Some(text) => Some(
                json::check(text.as_bytes())
                    .ok_or_else(|| self.malformed(tool, "its structured content is not JSON"))?,
            ),
        };
        let in_revision = |block| WireContent::in_revision(block, revision);
        let mut content: Vec<_> = result.content.iter().map(in_revision).collect();
        if let (true, Some(structured)) = (content.is_empty(), structured) {
            // For clients that read text only (MCP-M-12).
            content.push(WireContent::Text { text: structured.get().into() });
        }
        Ok(CallToolResult {
            content,
            structured_content: structured.filter(|value| content::may_send_structured(value, revision)),
            is_error: result.is_error,
            envelope: Envelope::for_revision(revision),
        })
    }

    /// Logs why a tool failed, and gives what joins the line with the client's error.
    fn log_tool_failure(&self, tool: &str, error: &ToolsError) -> String {
        let trace = self.outside.random().bytes::<8>().map(|byte| format!("{byte:02x}")).concat();
        self.outside.log(LogEvent::ToolFailed { tool, error, trace: &trace });
        trace
    }

    pub(crate) fn malformed(&self, tool: &Tool, fault: &'static str) -> Fault {
        self.outside.log(LogEvent::ToolMalformed { tool: &tool.name, fault });
        Fault::Internal
    }
}

/// A tool's result on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallToolResult<'a> {
    content: Vec<WireContent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
    #[serde(flatten)]
    envelope: Option<Envelope>,
}

pub(crate) fn unknown_tool(name: &str) -> Fault {
    Fault::InvalidParams(format!("Unknown tool: {}", repeated(name)))
}

/// What is still to be said, as messages. In a stream that has begun, an error has no status of its own any more.
fn messages(first: Option<Vec<u8>>, mut said: LocalBoxStream<'static, Said>, id: Id) -> Messages {
    Box::pin(stream! {
        if let Some(first) = first {
            yield first;
        }
        while let Some(said) = said.next().await {
            match said {
                Said::Message(message) => yield message,
                Said::End(end) => {
                    yield end.unwrap_or_else(|failure| failure.to_message(&id));
                    break;
                }
            }
        }
    })
}
