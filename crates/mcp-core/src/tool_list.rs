//! `tools/list`, and the tools as it shows them.

use crate::{
    McpServer, content, json,
    jsonrpc::{self, Call, Fault, Id},
    methods::{Caching, Context, Envelope, Failure},
    mirrored_headers,
    page::List,
    ports::{Annotations, LogEvent, Outside, Tool, ToolsError},
    revision::Revision,
    schema,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// How long a client may go without asking for the tools again. They change with a deployment only,
/// and a person who waits for a new one should not have to wait long.
const LIST_TTL_MS: u32 = 300_000;

impl<O: Outside> McpServer<O> {
    /// Lists all tools, page by page, in the order that their author gave them. Which of them a token
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
            #[serde(rename = "nextCursor", skip_serializing_if = "Option::is_none")]
            next_cursor: Option<String>,
            #[serde(flatten)]
            caching: Option<Caching>,
            #[serde(flatten)]
            envelope: Option<Envelope>,
        }
        let tools = self.tools_on_offer().await?;
        let page =
            self.page(List::Tools, &tools, |tool| &tool.name, call.params.cursor, &context.access).await?;
        let tools = page.items.iter().filter_map(|tool| {
            let wire = WireTool::new(tool, context.revision);
            wire.map_err(|fault| self.outside.log(LogEvent::ToolMalformed { tool: &tool.name, fault })).ok()
        });
        let result = ListToolsResult {
            tools: tools.collect(),
            next_cursor: page.next_cursor,
            // A gateway with an opinion on who may see what must not find this shared.
            caching: context.caching(Caching { ttl_ms: LIST_TTL_MS, cache_scope: "private" }),
            envelope: context.envelope(),
        };
        Ok(jsonrpc::result_message(id, &result)?)
    }

    /// The tools as they are now.
    pub(crate) async fn tools_on_offer(&self) -> Result<Vec<Tool>, Fault> {
        self.list_within_limits().await.map_err(|error| {
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
    /// Schemas go out as the text that the author wrote, so that no keyword is lost (MCP-M-05). A tool that clients
    /// would have to hide, or that could never be called, is not shown (MCP-T-27, MCP-B-18).
    fn new(tool: &'a Tool, revision: Revision) -> Result<Self, &'static str> {
        mirrored_headers::lint(&tool.input_schema)?;
        if schema::has_unknown_dialect(&tool.input_schema) {
            return Err("its input schema is of an unknown dialect");
        }
        let schema = |text: &'a str| {
            serde_json::from_str::<&RawValue>(text).ok().filter(|schema| json::is_object(schema))
        };
        let output_schema = match tool.output_schema.as_deref() {
            None => None,
            Some(text) => Some(schema(text).ok_or("its output schema is not a JSON object")?),
        };
        let has_annotations = revision.has_tool_annotations() && tool.annotations != Annotations::default();
        Ok(Self {
            name: &tool.name,
            title: tool.title.as_deref().filter(|_| revision.has_titles()),
            description: &tool.description,
            input_schema: schema(&tool.input_schema).ok_or("its input schema is not a JSON object")?,
            output_schema: output_schema.filter(|schema| content::may_send_output_schema(schema, revision)),
            annotations: has_annotations.then_some(WireAnnotations {
                read_only_hint: tool.annotations.read_only,
                destructive_hint: tool.annotations.destructive,
                idempotent_hint: tool.annotations.idempotent,
                open_world_hint: tool.annotations.open_world,
            }),
        })
    }
}
