//! The MCP server: what its endpoint answers, to whom, and in which words. No I/O; the tools, resources and
//! prompts, the meaning of tokens, what lasts, the time and the operator's log are [`ports`].
//!
//! Reading order, which is also the way of a request:
//!
//! * [`routes`]: the paths, and [`McpServer::handle`], where everything begins.
//! * `streamable_http`: one POST, one message. It asks in turn `origin` (which web pages may call),
//!   `access` (what the token stands for, judged; also the policy on scopes), `accept` (what the client reads), `jsonrpc` over
//!   `json` (what the body says) and `era` (which rules it is to be read by), with
//!   `mirrored_headers` for what the headers repeat.
//! * `methods`, `tool_list`, `known_tools` and `tool_call`: what the server does; `limits`, what a tool may take and give; `content`, how its
//!   result is written; `answer`, what a method gives a transport to send.
//! * `resources` (over `uri`: addresses and templates), `prompts` and `completion`: the same for what can be read and
//!   said, with `offer_rounds` for what is asked before.
//! * The legacy era's sessions: `connection` and `session` (what is kept, and where), `handshake`, `session_http` (GET and
//!   DELETE), `batch`, `conversation` and `tool_rounds` (a request that asks its client), `kept_stream` (what can be come
//!   back to), `http_sse` (the transport of 2024-11-05). Those that wait look at the store in the steps of `pace`.
//! * `challenge` and `resource_metadata`: how a client without a good token gets one; `landing_page`: what a browser shows there.
//! * [`revision`]: in what the protocol's revisions differ.
//!
//! Three kinds of failure stay apart: what is wrong with the request as HTTP has a status, what is wrong
//! with the message has a JSON-RPC code, and a tool that ran and failed has a result.
//!
//! ```
//! use mcp_core::{AllowedOrigins, KnownTools, LogEvent, McpServer, MessageLimit, Tolerances, ToolLimits, UserLimits, ports::*};
//! use std::{rc::Rc, time::{Duration, SystemTime}};
//! use store_core::{DeploymentError, Keyring, testing::{MemoryStore, SequenceRandom}};
//! use web_core::{Head, Issuer, PublicUrl};
//!
//! #[derive(Default)]
//! struct Nothing(MemoryStore, SequenceRandom);
//! impl Tools for Nothing {
//!     async fn list_tools(&self) -> Result<Vec<Tool>, ToolsError> { Ok(vec![]) }
//!     async fn list_scopes(&self) -> Result<Vec<Scope>, ToolsError> { Ok(vec![]) }
//!     async fn call_tool(&self, _: Caller, _: Call) -> Result<Reply, ToolsError> {
//!         Err(ToolsError::UnknownTool)
//!     }
//! }
//! impl Resources for Nothing {
//!     async fn list_resources(&self, _: Caller) -> Result<Vec<Resource>, ResourcesError> { Ok(vec![]) }
//!     async fn list_templates(&self, _: Caller) -> Result<Vec<Template>, ResourcesError> { Ok(vec![]) }
//!     async fn read_resource(&self, _: Caller, _: Read) -> Result<ReadOutcome, ResourcesError> {
//!         Err(ResourcesError::NotFound)
//!     }
//!     async fn complete_template(&self, _: Caller, _: Completion) -> Result<Suggestions, ResourcesError> {
//!         Err(ResourcesError::NotFound)
//!     }
//! }
//! impl Prompts for Nothing {
//!     async fn list_prompts(&self, _: Caller) -> Result<Vec<Prompt>, PromptsError> { Ok(vec![]) }
//!     async fn get_prompt(&self, _: Caller, _: GetPrompt) -> Result<PromptOutcome, PromptsError> {
//!         Err(PromptsError::UnknownPrompt)
//!     }
//!     async fn complete_prompt(&self, _: Caller, _: Completion) -> Result<Suggestions, PromptsError> {
//!         Err(PromptsError::UnknownPrompt)
//!     }
//! }
//! impl Introspection for Nothing {
//!     async fn introspect(&self, _: &str) -> Result<Option<Access>, IntrospectionError> { Ok(None) }
//! }
//! impl Lasting for Nothing {
//!     type Store = MemoryStore;
//!     type Random = SequenceRandom;
//!     fn store(&self) -> &MemoryStore { &self.0 }
//!     fn random(&self) -> &SequenceRandom { &self.1 }
//!     async fn keys(&self) -> Result<Option<Keyring>, DeploymentError> { Ok(None) }
//! }
//! impl Clock for Nothing {
//!     fn now(&self) -> SystemTime { SystemTime::UNIX_EPOCH }
//!     async fn sleep(&self, _: Duration) {}
//!     fn spawn(&self, _: futures_core::future::LocalBoxFuture<'static, ()>) {}
//! }
//! impl Log for Nothing {
//!     fn log(&self, event: LogEvent<'_>) { eprintln!("{event}") }
//! }
//!
//! let public_url = PublicUrl::parse("https://mcp.example.com").unwrap();
//! let server = Rc::new(McpServer {
//!     authorization_server: Issuer::own(&public_url),
//!     allowed_origins: Rc::new(AllowedOrigins::parse("", &public_url, "").unwrap()),
//!     public_url,
//!     tolerances: Tolerances::default(),
//!     message_limit: MessageLimit::default(),
//!     tool_limits: ToolLimits::default(),
//!     user_limits: UserLimits::default(),
//!     known_tools: Rc::new(KnownTools::default()),
//!     outside: Nothing::default(),
//! });
//! let head = Head {
//!     method: http::Method::POST,
//!     path: "/mcp".to_owned(),
//!     query: None,
//!     authority: None,
//!     headers: http::HeaderMap::new(),
//! };
//! let mut body = bytes::Bytes::from_static(b"{}");
//! let reply = store_core::testing::block_on(server.handle(&head, &mut body, SystemTime::UNIX_EPOCH));
//! assert_eq!(
//!     reply.headers["www-authenticate"],
//!     r#"Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp""#
//! );
//! ```

mod accept;
mod access;
mod answer;
mod batch;
mod capabilities;
mod challenge;
mod changes;
mod completion;
mod connection;
mod content;
mod conversation;
mod era;
mod handshake;
mod http_sse;
mod json;
mod jsonrpc;
mod kept_stream;
mod known_tools;
mod landing_page;
mod limits;
mod listen;
mod methods;
mod mirrored_headers;
mod offer_rounds;
mod origin;
mod outlet;
mod pace;
mod page;
mod places;
mod plain_schema;
pub mod ports;
mod prompts;
mod questions;
mod refusal;
mod resource_metadata;
mod resources;
pub mod revision;
mod rounds;
pub mod routes;
mod schema;
mod sealed;
mod session;
mod session_http;
mod sse;
mod streamable_http;
mod task;
mod tasks;
mod told;
mod tool_call;
mod tool_list;
mod tool_rounds;
mod uri;
mod user_limits;
mod watch;

pub use known_tools::KnownTools;
pub use limits::{LimitError, MessageLimit, ToolLimits};
pub use origin::{AllowedOrigins, OriginsError};
pub use ports::LogEvent;
pub use revision::Revision;
pub use user_limits::UserLimits;

use std::rc::Rc;
use web_core::{Issuer, PublicUrl};

/// The MCP server. [`handle`](Self::handle) answers a request.
#[derive(Debug)]
pub struct McpServer<O> {
    /// Under which address clients reach it.
    pub public_url: PublicUrl,
    /// Who issues the tokens that it takes: where clients are sent to get one.
    pub authorization_server: Issuer,
    /// Which web pages may call it.
    pub allowed_origins: Rc<AllowedOrigins>,
    /// Where it is less strict than it could be.
    pub tolerances: Tolerances,
    /// How long a client's message may be.
    pub message_limit: MessageLimit,
    /// What one call of a tool may take and give.
    pub tool_limits: ToolLimits,
    /// How much one user or client may hold at the same time.
    pub user_limits: UserLimits,
    /// What this instance knows of the tools.
    pub known_tools: Rc<KnownTools>,
    /// Everything else: tools, tokens, what lasts, the time, the log.
    pub outside: O,
}

/// Departures from the strictest reading, each for the sake of clients that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerances {
    /// The origin counts as a resource too: it has metadata of its own, and a token issued for it is
    /// good at the endpoint. Clients that look for metadata at the origin only ask for such a token.
    pub origin_audience: bool,
    /// A token that was issued for `/mcp` is good at `/sse` too, and the other way round: behind both is the same
    /// user's same server. Clients of the first revisions name no resource, and get tokens for `/mcp`.
    pub sibling_audience: bool,
    /// An optional parameter that is `null` counts as left out, and so do `params` themselves. Some clients write out
    /// what they have none of.
    pub null_parameters: bool,
}

impl Tolerances {
    /// What is left of them when the variable `strict` names some, separated by commas. Names that are not
    /// of these are others'; whether there are such, the authorization server says.
    pub fn without(strict: &str) -> Self {
        let is_on = |name| !strict.split(',').any(|named| named.trim() == name);
        Self {
            origin_audience: is_on("origin_audience"),
            sibling_audience: is_on("sibling_audience"),
            null_parameters: is_on("null_parameters"),
        }
    }
}

impl Default for Tolerances {
    fn default() -> Self {
        Self { origin_audience: true, sibling_audience: true, null_parameters: true }
    }
}
