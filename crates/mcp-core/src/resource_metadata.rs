//! Protected resource metadata (RFC 9728): which authorization server a client has to go to.
//!
//! Built from configuration and the scopes of the tools. Of the request it reflects nothing but which
//! of a closed list of its addresses a client used (DS-01, DS-03), and whether there was a slash at the end.

use crate::{
    McpServer,
    challenge::{self, RETRY_AFTER_SECONDS},
    ports::Outside,
};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;
use web_core::{Head, Reply, cors};

/// How long a copy may be kept (DS-07).
const CACHE_CONTROL: &str = "public, max-age=3600";

const METHODS: &str = "GET, HEAD, OPTIONS";

/// The slash that a request's path has at its end and a resource's has not (tolerance `trailing_slash`).
pub(crate) fn trailing_slash(head: &Head) -> &'static str {
    if head.path.len() > 1 && head.path.ends_with('/') { "/" } else { "" }
}

impl<O: Outside> McpServer<O> {
    /// Answers a request for the document about the resource at `path` below our address.
    pub(crate) async fn resource_metadata(&self, head: &Head, path: &str) -> Reply {
        let reply = match head.method {
            Method::GET | Method::HEAD => self.resource_metadata_document(head, path).await,
            Method::OPTIONS => cors::preflight(head, METHODS),
            _ => Reply::method_not_allowed(METHODS),
        };
        cors::allow_any(reply)
    }

    async fn resource_metadata_document(&self, head: &Head, path: &str) -> Reply {
        let Some(scopes) = self.initial_scopes().await else {
            // A document without scopes would be kept for an hour.
            return Reply::empty(StatusCode::SERVICE_UNAVAILABLE)
                .no_store()
                .with_retry_after(RETRY_AFTER_SECONDS);
        };
        let url = self.public_url.url_for(head.authority.as_deref());
        let slash = if path.is_empty() { "" } else { trailing_slash(head) };
        let document = json!({
            // What the client was given is what it compares this with (section 3.3).
            "resource": format!("{url}{path}{slash}"),
            "authorization_servers": [self.authorization_server.as_str()],
            "scopes_supported": scopes,
            "bearer_methods_supported": ["header"],
            "resource_name": crate::methods::SERVER_TITLE,
        });
        Reply::json(StatusCode::OK, &document)
            .with(header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL))
    }

    /// The scopes that a client should ask for at first (MCP-A-24). `None` when the tools do not say.
    pub(crate) async fn initial_scopes(&self) -> Option<Vec<String>> {
        let scopes = self.outside.list_scopes().await;
        let scopes = scopes.map_err(|error| self.log_tools_failure("list-scopes", &error)).ok()?;
        let initial = scopes.into_iter().filter(|scope| scope.initial).map(|scope| scope.name);
        Some(initial.filter(|scope| challenge::belongs_in_a_challenge(scope)).collect())
    }
}
