//! `tools/list` and `tools/call`.
//!
//! The tools are asked what there is on each of them: nothing is kept from one request for another.

use crate::{
    McpServer, access,
    content::{self, WireContent},
    json,
    jsonrpc::{self, Call, Fault, Id},
    methods::{Caching, Context, Envelope, Failure},
    mirrored_headers,
    ports::{
        self, Annotations, Caller, Introspection, Log, LogEvent, Outcome, Tool, ToolResult, Tools, ToolsError,
    },
    revision::Revision,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// How long a client may go without asking for the tools again. They change with a deployment only,
/// and a person who waits for a new one should not have to wait long.
const LIST_TTL_MS: u32 = 300_000;

impl<T: Tools, I: Introspection, L: Log> McpServer<T, I, L> {
    /// Lists all tools, on one page, in the order that their author gave them. Which of them a token
    /// may call is decided on the call; see [`access`] for why.
    pub(crate) async fn list_tools(
        &self,
        id: Id<'_>,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<u8>, Failure> {
        #[derive(Serialize)]
        struct ListToolsResult<'a> {
            tools: Vec<WireTool<'a>>,
            #[serde(flatten)]
            caching: Option<Caching>,
            #[serde(flatten)]
            envelope: Option<Envelope>,
        }
        if self.optional(call.params.cursor).is_some() {
            // There is one page, so no cursor is one of ours, the empty one included (MP-14).
            return Err(Fault::InvalidParams("Unknown cursor".to_owned()).into());
        }
        let tools = self.tools_on_offer().await?;
        let tools = tools.iter().filter_map(|tool| {
            let wire = WireTool::new(tool, context.revision);
            wire.map_err(|fault| self.log.log(LogEvent::ToolMalformed { tool: &tool.name, fault })).ok()
        });
        let result = ListToolsResult {
            tools: tools.collect(),
            // A gateway with an opinion on who may see what must not find this shared.
            caching: context.caching(Caching { ttl_ms: LIST_TTL_MS, cache_scope: "private" }),
            envelope: context.envelope(),
        };
        Ok(jsonrpc::result_message(id, &result)?)
    }

    /// Runs a tool for a caller who has the scopes that it takes.
    pub(crate) async fn call_tool(
        &self,
        id: Id<'_>,
        call: &Call<'_>,
        context: Context<'_>,
    ) -> Result<Vec<u8>, Failure> {
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
            client_info: context.meta.as_ref().and_then(|meta| meta.client_info()),
        };
        let request = ports::Call { name: name.into_owned(), arguments: arguments.to_owned() };
        let result = match self.tools.call_tool(caller, request).await {
            Ok(Outcome::Complete(result)) => result,
            Err(error) => self.judge_tool_error(error, &tool, &context)?,
        };
        self.write_result(id, &tool, &result, &context)
    }

    /// A parameter that may be left out.
    fn optional<'a>(&self, parameter: Option<&'a RawValue>) -> Option<&'a RawValue> {
        parameter.filter(|value| !(self.tolerances.null_parameters && value.get() == "null"))
    }

    async fn tools_on_offer(&self) -> Result<Vec<Tool>, Fault> {
        self.tools.list_tools().await.map_err(|error| {
            self.log_tools_failure("list-tools", &error);
            match error {
                ToolsError::Unavailable => Fault::Unavailable,
                ToolsError::UnknownTool
                | ToolsError::InvalidArguments(_)
                | ToolsError::InsufficientScope(_)
                | ToolsError::Other(_) => Fault::Internal,
            }
        })
    }

    /// What becomes of a call that did not come to run the tool: an answer to the client, or, where
    /// the revision says so, a result for the model to read.
    fn judge_tool_error(
        &self,
        error: ToolsError,
        tool: &Tool,
        context: &Context<'_>,
    ) -> Result<ToolResult, Failure> {
        match error {
            ToolsError::UnknownTool => Err(unknown_tool(&tool.name).into()),
            ToolsError::InvalidArguments(how) if context.revision.bad_arguments_are_results() => {
                let content = vec![ports::ContentBlock::Text(how)];
                Ok(ToolResult { content, structured_content: None, is_error: true })
            }
            ToolsError::InvalidArguments(how) => Err(Fault::InvalidParams(how).into()),
            ToolsError::InsufficientScope(more) => {
                let needed = [tool.scopes.as_slice(), more.as_slice()].concat();
                access::authorize(&context.access.scopes, &needed)?;
                Err(self.malformed(tool, "it asks for scopes that the caller has").into())
            }
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

    fn write_result(
        &self,
        id: Id<'_>,
        tool: &Tool,
        result: &ToolResult,
        context: &Context<'_>,
    ) -> Result<Vec<u8>, Failure> {
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
            structured_content: structured
                .filter(|value| content::may_send_structured(value, context.revision)),
            is_error: result.is_error,
            envelope: context.envelope(),
        };
        Ok(jsonrpc::result_message(id, &wire)?)
    }

    fn malformed(&self, tool: &Tool, fault: &'static str) -> Fault {
        self.log.log(LogEvent::ToolMalformed { tool: &tool.name, fault });
        Fault::Internal
    }
}

fn unknown_tool(name: &str) -> Fault {
    Fault::InvalidParams(format!("Unknown tool: {name}"))
}

/// A tool on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireTool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    description: &'a str,
    input_schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_schema: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<WireAnnotations>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireAnnotations {
    #[serde(skip_serializing_if = "Option::is_none")]
    read_only_hint: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destructive_hint: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotent_hint: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_world_hint: Option<bool>,
}

impl<'a> WireTool<'a> {
    /// Schemas go out as the text that the author wrote, so that no keyword is lost (MCP-M-05).
    fn new(tool: &'a Tool, revision: Revision) -> Result<Self, &'static str> {
        let schema = |text: &'a str| {
            serde_json::from_str::<&RawValue>(text).ok().filter(|schema| json::is_object(schema))
        };
        let output_schema = match tool.output_schema.as_deref() {
            None => None,
            Some(text) => Some(schema(text).ok_or("its output schema is not a JSON object")?),
        };
        Ok(Self {
            name: &tool.name,
            title: tool.title.as_deref(),
            description: &tool.description,
            input_schema: schema(&tool.input_schema).ok_or("its input schema is not a JSON object")?,
            output_schema: output_schema.filter(|schema| content::may_send_output_schema(schema, revision)),
            annotations: (tool.annotations != Annotations::default()).then_some(WireAnnotations {
                read_only_hint: tool.annotations.read_only,
                destructive_hint: tool.annotations.destructive,
                idempotent_hint: tool.annotations.idempotent,
                open_world_hint: tool.annotations.open_world,
            }),
        })
    }
}
