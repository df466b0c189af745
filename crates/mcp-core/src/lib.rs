//! The MCP server: what its endpoint answers, to whom, and in which words. No I/O; the tools, the
//! meaning of tokens and the operator's log are [`ports`], and the time is an argument.
//!
//! Reading order, which is also the way of a request:
//!
//! * [`routes`]: the paths, and [`McpServer::handle`], where everything begins.
//! * `streamable_http`: one POST, one message. It asks in turn `origin` (which web pages may call),
//!   `access` (what the token stands for, judged; also the policy on scopes), `accept` (what the client reads), `jsonrpc` over
//!   `json` (what the body says) and `era` (which rules it is to be read by), with
//!   `mirrored_headers` for what the headers repeat.
//! * `methods` and `tool_methods`: what the server does; `content`, how a tool's result is written.
//! * `challenge` and `resource_metadata`: how a client without a good token gets one.
//! * [`revision`]: in what the protocol's revisions differ.
//!
//! Three kinds of failure stay apart: what is wrong with the request as HTTP has a status, what is wrong
//! with the message has a JSON-RPC code, and a tool that ran and failed has a result.
//!
//! ```
//! use mcp_core::{LogEvent, McpServer, Tolerances, ports::*};
//! use web_core::{Head, Issuer, PublicUrl};
//!
//! struct NoTools;
//! impl Tools for NoTools {
//!     async fn list_tools(&self) -> Result<Vec<Tool>, ToolsError> { Ok(vec![]) }
//!     async fn list_scopes(&self) -> Result<Vec<Scope>, ToolsError> { Ok(vec![]) }
//!     async fn call_tool(&self, _: Caller, _: Call) -> Result<Outcome, ToolsError> {
//!         Err(ToolsError::UnknownTool)
//!     }
//! }
//! struct NoTokens;
//! impl Introspection for NoTokens {
//!     async fn introspect(&self, _: &str) -> Result<Option<Access>, IntrospectionError> { Ok(None) }
//! }
//!
//! let public_url = PublicUrl::parse("https://mcp.example.com").unwrap();
//! let server = McpServer {
//!     authorization_server: Issuer::own(&public_url),
//!     public_url,
//!     tolerances: Tolerances::default(),
//!     tools: NoTools,
//!     introspection: NoTokens,
//!     log: |event: LogEvent<'_>| eprintln!("{event}"),
//! };
//! let head = Head {
//!     method: http::Method::POST,
//!     path: "/mcp".to_owned(),
//!     query: None,
//!     authority: None,
//!     headers: http::HeaderMap::new(),
//! };
//! let mut body = bytes::Bytes::from_static(b"{}");
//! let reply = server.handle(&head, &mut body, std::time::SystemTime::UNIX_EPOCH);
//! # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
//! # let Poll::Ready(reply) = pin!(reply).poll(&mut Context::from_waker(Waker::noop())) else { panic!() };
//! assert_eq!(
//!     reply.headers["www-authenticate"],
//!     r#"Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp""#
//! );
//! ```

mod accept;
mod access;
mod challenge;
mod content;
mod era;
mod json;
mod jsonrpc;
mod methods;
mod mirrored_headers;
mod origin;
pub mod ports;
mod resource_metadata;
pub mod revision;
pub mod routes;
mod streamable_http;
mod tool_methods;

pub use ports::LogEvent;
pub use revision::Revision;

use web_core::{Issuer, PublicUrl};

/// The MCP server. [`handle`](Self::handle) answers a request.
#[derive(Debug)]
pub struct McpServer<T, I, L> {
    /// Under which address clients reach it.
    pub public_url: PublicUrl,
    /// Who issues the tokens that it takes: where clients are sent to get one.
    pub authorization_server: Issuer,
    /// Where it is less strict than it could be.
    pub tolerances: Tolerances,
    /// The tools.
    pub tools: T,
    /// What tokens stand for.
    pub introspection: I,
    /// The operator's log.
    pub log: L,
}

/// Departures from the strictest reading, each for the sake of clients that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerances {
    /// The origin counts as a resource too: it has metadata of its own, and a token issued for it is
    /// good at the endpoint. Clients that look for metadata at the origin only ask for such a token.
    pub origin_audience: bool,
    /// An optional parameter that is `null` counts as left out. Some clients write out what they have
    /// none of.
    pub null_parameters: bool,
}

impl Default for Tolerances {
    fn default() -> Self {
        Self { origin_audience: true, null_parameters: true }
    }
}
