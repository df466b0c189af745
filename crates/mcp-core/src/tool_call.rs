//! `tools/call`: from a request to a call that may be made, and from its outcome to a result.
//!
//! [`prepare_call`](McpServer::prepare_call) makes every check that there is, [`ToolCall`] then stands for the call
//! in all its rounds, and [`write_result`](McpServer::write_result) says in the client's revision how it came out.
//! Nothing here borrows from the request: a call may outlive it, as a stream.

use crate::{
    McpServer, access,
    answer::{Answered, Messages},
    content::{self, WireContent},
    json,
    jsonrpc::{self, Call, Fault, Id},
    methods::{Context, Envelope, Failure},
    mirrored_headers,
    ports::{
        self, Caller, ClientCapabilities, LogEvent, LogLevel, Notification, Outcome, Outside, Running, Tool,
        ToolResult, ToolsError,
    },
    revision::Revision,
};
use async_stream::stream;
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::value::RawValue;
use std::{future::ready, rc::Rc};

/// A call that may be made: its caller has the scopes, and what is checked before a tool runs has been.
#[derive(Debug, Clone)]
pub(crate) struct ToolCall {
    /// The request's id.
    pub(crate) id: Id,
    pub(crate) revision: Revision,
    pub(crate) tool: Tool,
    pub(crate) caller: Caller,
    /// The text of a JSON object.
    pub(crate) arguments: String,
    pub(crate) client: ClientCapabilities,
    /// What the client wants its progress notifications to be marked with. `None`: it wants none.
    pub(crate) progress_token: Option<Id>,
    pub(crate) log_level: Option<LogLevel>,
}

impl ToolCall {
    /// The call, as the tools take it.
    fn request(&self, resumption: Option<ports::Resumption>) -> ports::Call {
        ports::Call {
            name: self.tool.name.clone(),
            arguments: self.arguments.clone(),
            resumption,
            client: self.client,
            wants_progress: self.progress_token.is_some(),
            log_level: self.log_level,
        }
    }
}

impl<O: Outside> McpServer<O> {
    /// Runs a tool for a caller who has the scopes that it takes.
    pub(crate) async fn call_tool(
        self: &Rc<Self>,
        id: &Id,
        call: &Call<'_>,
        context: Context<'_>,
    ) -> Result<Answered, Failure> {
        let tool_call = self.prepare_call(id, call, context).await?;
        let reply = self.outside.call_tool(tool_call.caller.clone(), tool_call.request(None)).await;
        match reply {
            Ok(ports::Reply::Done(outcome)) => Ok(self.conclude(&tool_call, Ok(outcome))?.into()),
            Ok(ports::Reply::Running(running)) => self.follow(tool_call, running).await,
            Err(error) => Ok(self.conclude(&tool_call, Err(error))?.into()),
        }
    }

    /// Checks everything that is checked before a tool runs.
    async fn prepare_call(
        &self,
        id: &Id,
        call: &Call<'_>,
        context: Context<'_>,
    ) -> Result<ToolCall, Failure> {
        let name = call.params.name.and_then(json::string);
        let name = name.ok_or_else(|| Fault::InvalidParams("name must be a string".to_owned()))?;
        let arguments = match self.optional(call.params.arguments) {
            None => "{}",
            Some(arguments) if json::is_object(arguments) => arguments.get(),
            Some(_) => return Err(Fault::InvalidParams("arguments must be an object".to_owned()).into()),
        };
        let tools = self.tools_on_offer().await?;
        let tool = tools.into_iter().find(|tool| tool.name == name).ok_or_else(|| unknown_tool(&name))?;
        if context.revision.is_modern() {
            mirrored_headers::check_arguments(context.headers, &tool.input_schema, arguments)?;
        }
        access::authorize(&context.access.scopes, &tool.scopes)?;
        let caller = Caller {
            subject: context.access.subject.clone(),
            client_id: context.access.client_id.clone(),
            scopes: context.access.scopes.clone(),
            client_info: context.meta.client_info().filter(|_| context.revision.is_modern()),
        };
        Ok(ToolCall {
            id: id.clone(),
            revision: context.revision,
            tool,
            caller,
            arguments: arguments.to_owned(),
            client: context.client_capabilities(),
            progress_token: context.meta.progress_token(),
            log_level: context.meta.log_level(),
        })
    }

    /// Follows a call that tells how it goes. If it tells the client nothing before it ends, the answer is one
    /// message; otherwise a stream of them.
    async fn follow(
        self: &Rc<Self>,
        call: ToolCall,
        Running { notifications, outcome }: Running,
    ) -> Result<Answered, Failure> {
        let told = call.clone();
        let mut messages: Messages = Box::pin(
            notifications.filter_map(move |notification| ready(notification_message(&told, notification))),
        );
        let Some(first) = messages.next().await else {
            return Ok(self.conclude(&call, outcome.await)?.into());
        };
        let server = Rc::clone(self);
        Ok(Answered::Stream(Box::pin(stream! {
            yield first;
            while let Some(message) = messages.next().await {
                yield message;
            }
            let concluded = server.conclude(&call, outcome.await);
            yield concluded.unwrap_or_else(|failure| failure.to_message(&call.id));
        })))
    }

    /// The message that ends a call.
    fn conclude(&self, call: &ToolCall, outcome: Result<Outcome, ToolsError>) -> Result<Vec<u8>, Failure> {
        let result = match outcome {
            Ok(Outcome::Complete(result)) => result,
            Ok(Outcome::InputRequired(_) | Outcome::Task(_)) => {
                return Err(self.malformed(&call.tool, "it asks for what is not served yet").into());
            }
            Err(error) => self.judge_tool_error(error, call)?,
        };
        self.write_result(call, &result)
    }

    /// A parameter that may be left out.
    pub(crate) fn optional<'a>(&self, parameter: Option<&'a RawValue>) -> Option<&'a RawValue> {
        parameter.filter(|value| !(self.tolerances.null_parameters && value.get() == "null"))
    }

    /// What becomes of a call that did not come to run the tool: an answer to the client, or, where
    /// the revision says so, a result for the model to read.
    fn judge_tool_error(&self, error: ToolsError, call: &ToolCall) -> Result<ToolResult, Failure> {
        let tool = &call.tool;
        match error {
            ToolsError::UnknownTool => Err(unknown_tool(&tool.name).into()),
            ToolsError::InvalidArguments(how) if call.revision.bad_arguments_are_results() => {
                let content = vec![ports::ContentBlock::Text(how)];
                Ok(ToolResult { content, structured_content: None, is_error: true })
            }
            ToolsError::InvalidArguments(how) => Err(Fault::InvalidParams(how).into()),
            ToolsError::InsufficientScope(more) => {
                let needed = [tool.scopes.as_slice(), more.as_slice()].concat();
                access::authorize(&call.caller.scopes, &needed)?;
                Err(self.malformed(tool, "it asks for scopes that the caller has").into())
            }
            ToolsError::MissingCapability(needed) => Err(Fault::MissingCapability(needed).into()),
            ToolsError::Unavailable => {
                self.log_tools_failure("call-tool", &error);
                Err(Fault::Unavailable.into())
            }
            ToolsError::Other(_) => {
                self.log_tools_failure("call-tool", &error);
                Err(Fault::Internal.into())
            }
        }
    }

    fn write_result(&self, call: &ToolCall, result: &ToolResult) -> Result<Vec<u8>, Failure> {
        let tool = &call.tool;
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct CallToolResult<'a> {
            content: Vec<WireContent<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            structured_content: Option<&'a RawValue>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            is_error: bool,
            #[serde(flatten)]
            envelope: Option<Envelope>,
        }
        let structured = match &result.structured_content {
            None if tool.output_schema.is_some() && !result.is_error => {
                return Err(self
                    .malformed(tool, "its result lacks the structured content it promises")
                    .into());
            }
            None => None,
            Some(text) => Some(
                serde_json::from_str::<&RawValue>(text)
                    .map_err(|_| self.malformed(tool, "its structured content is not JSON"))?,
            ),
        };
        let mut content: Vec<_> = result.content.iter().map(WireContent::from).collect();
        if let (true, Some(structured)) = (content.is_empty(), structured) {
            // For clients that read text only (MCP-M-12).
            content.push(WireContent::Text { text: structured.get() });
        }
        let wire = CallToolResult {
            content,
            structured_content: structured.filter(|value| content::may_send_structured(value, call.revision)),
            is_error: result.is_error,
            envelope: Envelope::for_revision(call.revision),
        };
        Ok(jsonrpc::result_message(&call.id, &wire)?)
    }

    fn malformed(&self, tool: &Tool, fault: &'static str) -> Fault {
        self.outside.log(LogEvent::ToolMalformed { tool: &tool.name, fault });
        Fault::Internal
    }
}

fn unknown_tool(name: &str) -> Fault {
    Fault::InvalidParams(format!("Unknown tool: {name}"))
}

/// A notification as the client gets it, if it is for this client. What is for all clients is not.
fn notification_message(call: &ToolCall, notification: Notification) -> Option<Vec<u8>> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct WireProgress<'a> {
        progress_token: &'a Id,
        progress: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    }
    #[derive(Serialize)]
    struct WireLogMessage {
        level: LogLevel,
        #[serde(skip_serializing_if = "Option::is_none")]
        logger: Option<String>,
        data: Box<RawValue>,
    }
    match notification {
        Notification::Progress(ports::Progress { progress, total, message }) => {
            let progress_token = call.progress_token.as_ref()?;
            let message = message.filter(|_| call.revision.progress_has_a_message());
            let params = WireProgress { progress_token, progress, total, message };
            jsonrpc::notification_message("notifications/progress", &params)
        }
        Notification::Log(ports::LogMessage { level, logger, data }) => {
            let data = RawValue::from_string(data).ok()?;
            call.log_level.filter(|least| level >= *least)?;
            jsonrpc::notification_message("notifications/message", &WireLogMessage { level, logger, data })
        }
        Notification::ToolsChanged
        | Notification::PromptsChanged
        | Notification::ResourcesChanged
        | Notification::ResourceUpdated(_) => None,
    }
}
