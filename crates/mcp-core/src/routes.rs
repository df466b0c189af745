//! The paths, and the one decision over them.

use crate::{McpServer, ports::Outside};
use http::StatusCode;
use std::{rc::Rc, time::SystemTime};
use web_core::{Body, Head, ReadBody, Reply};

/// The MCP endpoint, and the path of the resource that tokens are for.
pub const MCP: &str = "/mcp";

/// Metadata of the origin as a resource, for clients that look nowhere else.
pub const ORIGIN_METADATA: &str = "/.well-known/oauth-protected-resource";

/// Metadata of [`MCP`] (RFC 9728 section 3.1: the well-known part goes before the resource's path).
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

    /// The path of the resource's metadata.
    pub(crate) fn metadata(self) -> &'static str {
        match self {
            Self::Mcp => MCP_METADATA,
            Self::Sse | Self::SseMessage => SSE_METADATA,
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
        match head.path.as_str() {
            MCP => self.endpoint(Endpoint::Mcp, head, body, now).await,
            SSE => self.endpoint(Endpoint::Sse, head, body, now).await,
            SSE_MESSAGE => self.endpoint(Endpoint::SseMessage, head, body, now).await,
            MCP_METADATA => self.resource_metadata(head, MCP).await.into(),
            SSE_METADATA => self.resource_metadata(head, SSE).await.into(),
            // Whoever is told of this resource gets tokens for it, so it goes with their acceptance.
            ORIGIN_METADATA if self.tolerances.origin_audience => {
                self.resource_metadata(head, "").await.into()
            }
            _ => Reply::empty(StatusCode::NOT_FOUND).into(),
        }
    }
}
