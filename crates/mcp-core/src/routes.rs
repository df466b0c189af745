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
            MCP => self.streamable_http(head, body, now).await,
            MCP_METADATA => self.resource_metadata(head, MCP).await.into(),
            // Whoever is told of this resource gets tokens for it, so it goes with their acceptance.
            ORIGIN_METADATA if self.tolerances.origin_audience => {
                self.resource_metadata(head, "").await.into()
            }
            _ => Reply::empty(StatusCode::NOT_FOUND).into(),
        }
    }
}
