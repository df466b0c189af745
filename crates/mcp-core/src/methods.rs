//! The methods, by era. Those about tools are in [`tool_list`](crate::tool_list) and [`tool_call`](crate::tool_call).

use crate::{
    McpServer,
    answer::Answered,
    challenge::Refusal,
    era::{self, Era, Meta},
    json,
    jsonrpc::{self, Call, Fault, Id},
    ports::{Access, ClientCapabilities, LogEvent, Outside, ToolsError},
    revision::Revision,
};
use http::HeaderMap;
use serde::Serialize;
use std::rc::Rc;
use web_core::Head;

/// The server's name for people.
pub(crate) const SERVER_TITLE: &str = "Postern";

/// What is known about a request besides what it asks for.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) revision: Revision,
    pub(crate) access: Access,
    /// What the request says of itself. A legacy one says little.
    pub(crate) meta: Meta<'a>,
    pub(crate) headers: &'a HeaderMap,
}

/// Why a method has no result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A protocol error: it is answered inside JSON-RPC.
    Fault(Fault),
    /// The caller may not do it: that is answered by HTTP.
    Refusal(Refusal),
}

impl<'a> Context<'a> {
    /// Classifies a request and judges what its era makes it say of itself.
    pub(crate) fn of(head: &'a Head, call: &Call<'a>, access: Access) -> Result<Self, Fault> {
        let headers = &head.headers;
        let (revision, meta) = match era::classify(headers, call)? {
            Era::Legacy(revision) => (revision, Meta::parse(call.params.meta)),
            Era::Modern(meta) => (meta.judge(headers, call)?, meta),
        };
        Ok(Self { revision, access, meta, headers })
    }

    /// The members that a modern result has besides its own.
    pub(crate) fn envelope(&self) -> Option<Envelope> {
        Envelope::for_revision(self.revision)
    }

    /// What the client can be asked for.
    pub(crate) fn client_capabilities(&self) -> ClientCapabilities {
        // A legacy client says it once, in the handshake.
        if self.revision.is_modern() {
            self.meta.client_capabilities()
        } else {
            ClientCapabilities::default()
        }
    }

    /// What a modern result says about being kept.
    pub(crate) fn caching(&self, caching: Caching) -> Option<Caching> {
        self.revision.is_modern().then_some(caching)
    }
}

impl<O: Outside> McpServer<O> {
    /// Runs a method and returns the message that answers it.
    pub(crate) async fn run(
        self: &Rc<Self>,
        id: &Id,
        call: &Call<'_>,
        context: Context<'_>,
    ) -> Result<Answered, Failure> {
        let method = Method::find(&call.method, context.revision).ok_or(Fault::MethodNotFound)?;
        if context.revision.is_modern() {
            context.meta.judge_log_level()?;
        }
        match method {
            Method::Initialize => Ok(initialize(id, call)?.into()),
            Method::Ping => Ok(jsonrpc::result_message(id, &Empty {})?.into()),
            Method::Discover => Ok(discover(id, &context)?.into()),
            Method::ListTools => Ok(self.list_tools(id, call, &context).await?.into()),
            Method::CallTool => self.call_tool(id, call, context).await,
        }
    }

    /// Logs why the tools did not do what they were asked.
    pub(crate) fn log_tools_failure(&self, function: &'static str, error: &ToolsError) {
        self.outside.log(LogEvent::ToolsFailed { function, error });
    }
}

/// The methods that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Initialize,
    Ping,
    Discover,
    ListTools,
    CallTool,
}

impl Method {
    fn find(name: &str, revision: Revision) -> Option<Self> {
        match (name, revision.is_modern()) {
            ("initialize", false) => Some(Self::Initialize),
            ("ping", false) => Some(Self::Ping),
            ("server/discover", true) => Some(Self::Discover),
            ("tools/list", _) => Some(Self::ListTools),
            ("tools/call", _) => Some(Self::CallTool),
            _ => None,
        }
    }
}

/// The handshake (2025-11-25, lifecycle). The client's revision if we serve it, else another that it
/// may take or leave; never a modern one, which has no handshake (MCP-V-13).
fn initialize(id: &Id, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct InitializeResult {
        protocol_version: &'static str,
        capabilities: Capabilities,
        server_info: ServerInfo,
    }
    let requested = call.params.protocol_version.and_then(json::string);
    let requested =
        requested.ok_or_else(|| Fault::InvalidParams("protocolVersion must be a string".to_owned()))?;
    let revision = Revision::parse(&requested)
        .filter(|revision| !revision.is_modern())
        .unwrap_or(Revision::NEWEST_LEGACY);
    let result = InitializeResult {
        protocol_version: revision.as_str(),
        capabilities: CAPABILITIES,
        server_info: SERVER_INFO,
    };
    jsonrpc::result_message(id, &result)
}

/// What there is to know before the first request (2026-07-28, `server/discover`). It depends on
/// nothing about the caller.
fn discover(id: &Id, context: &Context<'_>) -> Result<Vec<u8>, Fault> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct DiscoverResult {
        supported_versions: [&'static str; Revision::ALL.len()],
        capabilities: Capabilities,
        #[serde(flatten)]
        caching: Option<Caching>,
        #[serde(flatten)]
        envelope: Option<Envelope>,
    }
    let result = DiscoverResult {
        supported_versions: Revision::ALL.map(Revision::as_str),
        capabilities: CAPABILITIES,
        caching: context.caching(Caching { ttl_ms: DISCOVER_TTL_MS, cache_scope: "public" }),
        envelope: context.envelope(),
    };
    jsonrpc::result_message(id, &result)
}

/// What is served changes with a deployment only.
const DISCOVER_TTL_MS: u32 = 3_600_000;

/// What is advertised is what is served (MCP-V-24).
const CAPABILITIES: Capabilities = Capabilities { tools: Empty {} };

const SERVER_INFO: ServerInfo =
    ServerInfo { name: "postern", title: SERVER_TITLE, version: env!("CARGO_PKG_VERSION") };

#[derive(Serialize)]
struct Capabilities {
    tools: Empty,
}

#[derive(Serialize)]
struct ServerInfo {
    name: &'static str,
    title: &'static str,
    version: &'static str,
}

/// `{}`.
#[derive(Serialize)]
struct Empty {}

/// The members that a modern result has besides its own.
#[derive(Serialize)]
pub(crate) struct Envelope {
    #[serde(rename = "resultType")]
    result_type: &'static str,
    #[serde(rename = "_meta")]
    meta: ResultMeta,
}

#[derive(Serialize)]
struct ResultMeta {
    #[serde(rename = "io.modelcontextprotocol/serverInfo")]
    server_info: ServerInfo,
}

/// How long a modern result may be kept, and by whom.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Caching {
    pub(crate) ttl_ms: u32,
    /// `public` or `private`.
    pub(crate) cache_scope: &'static str,
}

impl Envelope {
    /// Only modern results have them.
    pub(crate) fn for_revision(revision: Revision) -> Option<Self> {
        let meta = ResultMeta { server_info: SERVER_INFO };
        revision.is_modern().then_some(Self { result_type: "complete", meta })
    }
}

impl Failure {
    /// The message for a stream that has begun: there, neither has an HTTP status any more.
    pub(crate) fn to_message(&self, id: &Id) -> Vec<u8> {
        match self {
            Self::Fault(fault) => fault.to_message(Some(id)),
            Self::Refusal(_) => Fault::Internal.to_message(Some(id)),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MCP-T-34, and the other way round.
    #[test]
    fn methods_belong_to_their_era() {
        for legacy_only in ["initialize", "ping"] {
            assert!(Method::find(legacy_only, Revision::R2025_11_25).is_some());
            assert_eq!(Method::find(legacy_only, Revision::R2026_07_28), None);
        }
        assert!(Method::find("server/discover", Revision::R2026_07_28).is_some());
        assert_eq!(Method::find("server/discover", Revision::R2025_11_25), None);
    }

    /// MCP-T-35, TL-02.
    #[test]
    fn method_names_are_matched_exactly() {
        for name in
            ["Tools/List", "tools/list ", "tools", "", "logging/setLevel", "prompts/list", "tasks/get"]
        {
            for revision in Revision::ALL {
                assert_eq!(Method::find(name, revision), None, "{name}");
            }
        }
    }
}
