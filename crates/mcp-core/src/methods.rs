//! The methods, by era. Those about tools are in [`tool_list`](crate::tool_list) and [`tool_call`](crate::tool_call),
//! the others in modules called after what they are about.

use crate::{
    McpServer,
    accept::{self, Format},
    access::{Admitted, Credential},
    answer::Answered,
    challenge::Refusal,
    era::{self, Era, Meta},
    jsonrpc::{self, Call, Fault, Id},
    ports::{Access, Caller, ClientCapabilities, ClientInfo, LogEvent, LogLevel, Outside, ToolsError},
    revision::Revision,
    session::OpenSession,
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
    pub(crate) credential: Credential,
    /// What the request says of itself. A legacy one says little.
    pub(crate) meta: Meta<'a>,
    pub(crate) headers: &'a HeaderMap,
    /// The client reads event streams.
    pub(crate) reads_streams: bool,
    /// The session that a legacy request belongs to, if it has one.
    pub(crate) session: Option<Rc<OpenSession>>,
    /// Whether the answer may be a stream that carries our requests too, and if so, whether it may pause.
    pub(crate) conversation: Option<MayPause>,
}

/// Whether a client comes back for what a stream did not bring.
pub(crate) type MayPause = bool;

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
    pub(crate) fn of(head: &'a Head, call: &Call<'a>, admitted: Admitted) -> Result<Self, Fault> {
        let Admitted { access, credential } = admitted;
        let headers = &head.headers;
        let (revision, meta) = match era::classify(headers, call)? {
            Era::Legacy(revision) => (revision, Meta::parse(call.params.meta)),
            Era::Modern(meta) => (meta.judge(headers, call)?, meta),
        };
        let reads_streams = accept::negotiate(headers) != Some(Format::Json);
        Ok(Self {
            revision,
            access,
            credential,
            meta,
            headers,
            reads_streams,
            session: None,
            conversation: None,
        })
    }

    /// The members that a modern result has besides its own.
    pub(crate) fn envelope(&self) -> Option<Envelope> {
        Envelope::for_revision(self.revision)
    }

    /// Who asks, as the components behind this one are told.
    pub(crate) fn caller(&self) -> Caller {
        Caller {
            subject: self.access.subject.clone(),
            client_id: self.access.client_id.clone(),
            scopes: self.access.scopes.clone(),
            client_info: self.client_info(),
        }
    }

    /// What the client can be asked for.
    pub(crate) fn client_capabilities(&self) -> ClientCapabilities {
        // A legacy client says it once, in the handshake.
        match &self.session {
            _ if self.revision.is_modern() => self.meta.client_capabilities(),
            Some(session) if self.conversation.is_some() => session.session.capabilities,
            Some(_) | None => ClientCapabilities::default(),
        }
    }

    /// What the client says of itself.
    pub(crate) fn client_info(&self) -> Option<ClientInfo> {
        match &self.session {
            _ if self.revision.is_modern() => self.meta.client_info(),
            Some(session) => session.session.client_info.clone(),
            None => None,
        }
    }

    /// The least severe log message that the client wants to have. `None`: none.
    pub(crate) fn log_level(&self) -> Option<LogLevel> {
        match &self.session {
            _ if self.revision.is_modern() => self.meta.log_level(),
            Some(session) => session.session.log_level,
            None => None,
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
        context.meta.judge_progress_token()?;
        if context.revision.is_modern() {
            context.meta.judge_log_level()?;
        }
        match method {
            Method::Initialize => Box::pin(self.initialize(id, call, &context)).await,
            Method::SetLogLevel => Ok(self.set_log_level(id, call, &context).await?.into()),
            Method::Subscribe => Ok(self.subscribe(id, call, &context, true).await?.into()),
            Method::Unsubscribe => Ok(self.subscribe(id, call, &context, false).await?.into()),
            Method::Ping => Ok(jsonrpc::result_message(id, &Empty {})?.into()),
            Method::Discover => Ok(discover(id, &context)?.into()),
            Method::ListTools => Ok(self.list_tools(id, call, &context).await?.into()),
            Method::CallTool if context.conversation.is_some() => {
                self.converse_with_tool(id, call, context).await
            }
            Method::CallTool => self.call_tool(id, call, context).await,
            Method::ListResources => Ok(self.list_resources(id, call, &context).await?.into()),
            Method::ListTemplates => Ok(self.list_templates(id, call, &context).await?.into()),
            Method::ReadResource => self.grant(self.prepare_read(id, call, &context).await?, call).await,
            Method::ListPrompts => Ok(self.list_prompts(id, call, &context).await?.into()),
            Method::GetPrompt => self.grant(self.prepare_get(id, call, &context).await?, call).await,
            Method::Complete => Ok(self.complete(id, call, &context).await?.into()),
            Method::Listen => Box::pin(self.listen_for_changes(id, call, context)).await,
            Method::GetTask => Ok(self.get_task(id, call, &context).await?.into()),
            Method::UpdateTask => Ok(self.update_task(id, call, &context).await?.into()),
            Method::CancelTask => Ok(self.cancel_task(id, call, &context).await?.into()),
        }
    }

    /// Logs why the tools did not do what they were asked.
    pub(crate) fn log_tools_failure(&self, function: &'static str, error: &ToolsError) {
        self.outside.log(LogEvent::ToolsFailed { function, error });
    }
}

/// The methods that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Initialize,
    Ping,
    SetLogLevel,
    Subscribe,
    Unsubscribe,
    Discover,
    ListTools,
    CallTool,
    ListResources,
    ListTemplates,
    ReadResource,
    ListPrompts,
    GetPrompt,
    Complete,
    Listen,
    GetTask,
    UpdateTask,
    CancelTask,
}

impl Method {
    /// The method of this name in a revision.
    pub(crate) fn find(name: &str, revision: Revision) -> Option<Self> {
        match (name, revision.is_modern()) {
            ("initialize", false) => Some(Self::Initialize),
            ("ping", false) => Some(Self::Ping),
            ("logging/setLevel", false) => Some(Self::SetLogLevel),
            ("resources/subscribe", false) => Some(Self::Subscribe),
            ("resources/unsubscribe", false) => Some(Self::Unsubscribe),
            ("server/discover", true) => Some(Self::Discover),
            ("subscriptions/listen", true) => Some(Self::Listen),
            ("tasks/get", true) => Some(Self::GetTask),
            ("tasks/update", true) => Some(Self::UpdateTask),
            ("tasks/cancel", true) => Some(Self::CancelTask),
            ("tools/list", _) => Some(Self::ListTools),
            ("tools/call", _) => Some(Self::CallTool),
            ("resources/list", _) => Some(Self::ListResources),
            ("resources/templates/list", _) => Some(Self::ListTemplates),
            ("resources/read", _) => Some(Self::ReadResource),
            ("prompts/list", _) => Some(Self::ListPrompts),
            ("prompts/get", _) => Some(Self::GetPrompt),
            ("completion/complete", _) => Some(Self::Complete),
            _ => None,
        }
    }
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
        capabilities: Capabilities::MODERN,
        caching: context.caching(Caching { ttl_ms: DISCOVER_TTL_MS, cache_scope: "public" }),
        envelope: context.envelope(),
    };
    jsonrpc::result_message(id, &result)
}

/// What is served changes with a deployment only.
const DISCOVER_TTL_MS: u32 = 3_600_000;

impl ServerInfo {
    pub(crate) fn for_revision(revision: Revision) -> Self {
        Self {
            name: "postern",
            title: revision.has_titles().then_some(SERVER_TITLE),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// What is advertised is what is served (MCP-V-24).
#[derive(Serialize)]
pub(crate) struct Capabilities {
    tools: ListCapability,
    resources: ResourcesCapability,
    prompts: ListCapability,
    #[serde(skip_serializing_if = "Option::is_none")]
    completions: Option<Empty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logging: Option<Empty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Extensions>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListCapability {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    list_changed: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourcesCapability {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    subscribe: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    list_changed: bool,
}

#[derive(Serialize)]
struct Extensions {
    #[serde(rename = "io.modelcontextprotocol/tasks")]
    tasks: Empty,
}

impl Capabilities {
    const MODERN: Self = Self {
        tools: ListCapability { list_changed: true },
        resources: ResourcesCapability { subscribe: true, list_changed: true },
        prompts: ListCapability { list_changed: true },
        completions: Some(Empty {}),
        logging: Some(Empty {}),
        extensions: Some(Extensions { tasks: Empty {} }),
    };

    /// To a legacy client. What has to be remembered of it takes a session, and so does telling it of changes.
    pub(crate) fn legacy(revision: Revision, has_session: bool) -> Self {
        Self {
            tools: ListCapability { list_changed: has_session },
            resources: ResourcesCapability { subscribe: has_session, list_changed: has_session },
            prompts: ListCapability { list_changed: has_session },
            completions: revision.has_completions_capability().then_some(Empty {}),
            logging: has_session.then_some(Empty {}),
            extensions: None,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct ServerInfo {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'static str>,
    version: &'static str,
}

/// `{}`.
#[derive(Serialize)]
pub(crate) struct Empty {}

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
    #[serde(rename = "io.modelcontextprotocol/subscriptionId", skip_serializing_if = "Option::is_none")]
    subscription_id: Option<Id>,
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
        revision.is_modern().then(|| Self::of_type("complete"))
    }

    /// For a modern result of this type.
    pub(crate) fn of_type(result_type: &'static str) -> Self {
        let server_info = ServerInfo::for_revision(Revision::R2026_07_28);
        Self { result_type, meta: ResultMeta { server_info, subscription_id: None } }
    }

    /// For the result that ends a stream of changes.
    pub(crate) fn of_subscription(id: &Id) -> Self {
        let mut envelope = Self::of_type("complete");
        envelope.meta.subscription_id = Some(id.clone());
        envelope
    }
}

impl Failure {
    /// The message for a stream that has begun: there, neither has an HTTP status any more.
    pub(crate) fn to_message(&self, id: &Id) -> Vec<u8> {
        match self {
            Self::Fault(fault) => fault.to_message(Some(id)),
            Self::Refusal(Refusal::InsufficientScope { scopes }) => {
                Fault::InsufficientScope(scopes.clone()).to_message(Some(id))
            }
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
        for legacy_only in
            ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"]
        {
            assert!(Method::find(legacy_only, Revision::R2025_11_25).is_some());
            assert_eq!(Method::find(legacy_only, Revision::R2026_07_28), None);
        }
        assert!(Method::find("server/discover", Revision::R2026_07_28).is_some());
        assert_eq!(Method::find("server/discover", Revision::R2025_11_25), None);
    }

    /// MCP-T-35, TL-02.
    #[test]
    fn method_names_are_matched_exactly() {
        for name in ["Tools/List", "tools/list ", "tools", "", "tasks/list", "prompts/List", "tasks/result"] {
            for revision in Revision::ALL {
                assert_eq!(Method::find(name, revision), None, "{name}");
            }
        }
    }
}
