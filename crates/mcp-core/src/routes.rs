//! The paths, and the one decision over them.

use crate::ports::LogEvent;
use crate::{McpServer, ports::Outside};
use http::{Method, StatusCode};
use serde_json::json;
use std::{rc::Rc, time::SystemTime};
use web_core::{Body, Head, ReadBody, Reply, cors};

/// The MCP endpoint, and the path of the resource that tokens are for.
pub const MCP: &str = "/mcp";

/// Metadata of the server's address as a resource, for clients that look nowhere else. Of an address with a path, that
/// path comes behind it (RFC 9728 section 3.1); see [`web_core::PublicUrl::route`].
pub const ORIGIN_METADATA: &str = "/.well-known/oauth-protected-resource";

/// Metadata of [`MCP`], likewise.
pub const MCP_METADATA: &str = "/.well-known/oauth-protected-resource/mcp";

/// The endpoint of HTTP+SSE, the transport of revision 2024-11-05, and a resource of its own. A client that
/// posts to it is served as at [`MCP`], so that whoever is given this address gets in.
pub const SSE: &str = "/sse";

/// Where clients of [`SSE`] post to.
pub const SSE_MESSAGE: &str = "/sse/message";

/// Metadata of [`SSE`].
pub const SSE_METADATA: &str = "/.well-known/oauth-protected-resource/sse";

/// An address that messages go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// [`MCP`].
    Mcp,
    /// [`SSE`].
    Sse,
    /// [`SSE_MESSAGE`].
    SseMessage,
}

impl Endpoint {
    /// The path of the resource that it belongs to.
    pub(crate) fn resource(self) -> &'static str {
        match self {
            Self::Mcp => MCP,
            Self::Sse | Self::SseMessage => SSE,
        }
    }

    /// The path of the other resource.
    pub(crate) fn sibling_resource(self) -> &'static str {
        match self {
            Self::Mcp => SSE,
            Self::Sse | Self::SseMessage => MCP,
        }
    }

    /// The methods, as `Allow` lists them.
    pub(crate) fn methods(self) -> &'static str {
        match self {
            Self::Mcp | Self::Sse => "GET, POST, DELETE, OPTIONS",
            Self::SseMessage => "POST, OPTIONS",
        }
    }
}

impl<O: Outside> McpServer<O> {
    /// Answers a request. `now` is the time of it.
    pub async fn handle(
        self: &Rc<Self>,
        head: &Head,
        body: &mut impl ReadBody,
        now: SystemTime,
    ) -> Reply<Body> {
        if !self.public_url.serves_authority(head.authority.as_deref()) {
            return Reply::empty(StatusCode::MISDIRECTED_REQUEST).into();
        }
        let Some(route) = self.public_url.route(&head.path, head.authority.as_deref()) else {
            return self.not_found(head).into();
        };
        if route.has_trailing_slash {
            self.outside.log(LogEvent::Tolerance("trailing_slash"));
        }
        match &*route.path {
            MCP => self.endpoint(Endpoint::Mcp, head, body, now).await,
            SSE => self.endpoint(Endpoint::Sse, head, body, now).await,
            SSE_MESSAGE => self.endpoint(Endpoint::SseMessage, head, body, now).await,
            MCP_METADATA => self.resource_metadata(head, MCP).await.into(),
            SSE_METADATA => self.resource_metadata(head, SSE).await.into(),
            // Whoever is told of this resource gets tokens for it, so it goes with their acceptance.
            ORIGIN_METADATA if self.tolerances.origin_audience => {
                self.resource_metadata(head, "").await.into()
            }
            _ => self.not_found(head).into(),
        }
    }

    /// Answers a request to a path that is none of ours, so that a script can read that it is not.
    fn not_found(&self, head: &Head) -> Reply {
        if let Some(explanation) = self.public_url.explain_path(&head.path, head.authority.as_deref()) {
            self.outside.log(LogEvent::PathNotFound(explanation));
        }
        cors::allow_any(match head.method {
            Method::OPTIONS => cors::preflight(head, "GET, HEAD, POST, OPTIONS"),
            _ => {
                let endpoint = self.public_url.url_for(head.authority.as_deref());
                let description = format!("There is nothing here. The MCP endpoint is {endpoint}{MCP}");
                let document = json!({ "error": "not_found", "error_description": description });
                Reply::json(StatusCode::NOT_FOUND, &document).no_store()
            }
        })
    }
}
