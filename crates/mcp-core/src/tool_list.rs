//! `tools/list`, and the tools as it shows them.

use crate::{
    McpServer, content, json,
    jsonrpc::{self, Call, Fault, Id},
    methods::{Caching, Context, Envelope, Failure},
    ports::{Annotations, LogEvent, Outside, Tool, ToolsError},
    revision::Revision,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// How long a client may go without asking for the tools again. They change with a deployment only,
/// and a person who waits for a new one should not have to wait long.
const LIST_TTL_MS: u32 = 300_000;

impl<O: Outside> McpServer<O> {
    /// Lists all tools, on one page, in the order that their author gave them. Which of them a token
    /// may call is decided on the call; see [`access`](crate::access) for why.
    pub(crate) async fn list_tools(
        &self,
        id: &Id,
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
            wire.map_err(|fault| self.outside.log(LogEvent::ToolMalformed { tool: &tool.name, fault })).ok()
        });
        let result = ListToolsResult {
            tools: tools.collect(),
            // A gateway with an opinion on who may see what must not find this shared.
            caching: context.caching(Caching { ttl_ms: LIST_TTL_MS, cache_scope: "private" }),
            envelope: context.envelope(),
        };
        Ok(jsonrpc::result_message(id, &result)?)
    }

    /// The tools, asked for on each request: nothing is kept from one for another.
    pub(crate) async fn tools_on_offer(&self) -> Result<Vec<Tool>, Fault> {
        self.outside.list_tools().await.map_err(|error| {
            self.log_tools_failure("list-tools", &error);
            match error {
                ToolsError::Unavailable => Fault::Unavailable,
                ToolsError::UnknownTool
                | ToolsError::InvalidArguments(_)
                | ToolsError::InsufficientScope(_)
                | ToolsError::MissingCapability(_)
                | ToolsError::Other(_) => Fault::Internal,
            }
        })
    }
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
