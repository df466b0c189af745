//! The MCP endpoint as a component: it converts, calls `mcp-core`, and returns.
//!
//! Its ports are the two interfaces that `spin.toml` composes in. Nothing is decided here.

mod bindings;
mod convert;

use bindings::postern::{introspection::introspection, tools::tools};
use mcp_core::{
    LogEvent, McpServer, Tolerances,
    ports::{
        Access, Call, Caller, Introspection, IntrospectionError, Outcome, Scope, Tool, Tools, ToolsError,
    },
};
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use web_core::{Issuer, PublicUrl, Reply};

#[spin_sdk::http_service]
async fn serve(request: Request) -> impl IntoResponse {
    platform::http::serve(request, async |head, mut body| {
        let public_url = match PublicUrl::parse(&platform::variables::value("public_url")) {
            Ok(public_url) => public_url,
            Err(error) => return misconfigured(&error),
        };
        let authorization_server = platform::variables::value("authorization_server");
        let authorization_server = match Issuer::parse(&authorization_server, &public_url) {
            Ok(authorization_server) => authorization_server,
            Err(error) => return misconfigured(&error),
        };
        let server = McpServer {
            public_url,
            authorization_server,
            tolerances: Tolerances::default(),
            tools: Imported,
            introspection: Imported,
            log: |event: LogEvent<'_>| platform::log::line(&event.to_string()),
        };
        server.handle(&head, &mut body, platform::clock::now()).await
    })
    .await
}

/// Without its address the server cannot say who it is, nor without an authorization server where to
/// sign in, so it says nothing to clients.
fn misconfigured(error: &impl std::fmt::Display) -> Reply {
    platform::log::line(&format!("mcp: {error}"));
    Reply::empty(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The components that are composed in.
struct Imported;

impl Tools for Imported {
    async fn list_tools(&self) -> Result<Vec<Tool>, ToolsError> {
        Ok(tools::list_tools().await?.into_iter().map(Tool::from).collect())
    }

    async fn list_scopes(&self) -> Result<Vec<Scope>, ToolsError> {
        Ok(tools::list_scopes().await?.into_iter().map(Scope::from).collect())
    }

    async fn call_tool(&self, caller: Caller, call: Call) -> Result<Outcome, ToolsError> {
        Ok(tools::call_tool(caller.into(), call.into()).await?.into())
    }
}

impl Introspection for Imported {
    async fn introspect(&self, token: &str) -> Result<Option<Access>, IntrospectionError> {
        Ok(introspection::introspect(token.to_owned()).await?.map(Access::from))
    }
}
