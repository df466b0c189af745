//! The MCP endpoint as a component: it converts, calls `mcp-core`, and returns.
//!
//! Its ports are the four interfaces that `spin.toml` composes in. Nothing is decided here.

mod bindings;
mod convert;

use bindings::postern::{introspection::introspection, prompts::prompts, resources::resources, tools::tools};
use futures_core::future::LocalBoxFuture;
use mcp_core::{
    KnownTools, LogEvent, McpServer, Tolerances, ToolLimits,
    ports::{
        Access, Call, Caller, Clock, Completion, GetPrompt, Introspection, IntrospectionError, Lasting, Log,
        Prompt, PromptOutcome, Prompts, PromptsError, Read, ReadOutcome, Resource, Resources, ResourcesError,
        Scope, Suggestions, Template, Tool, Tools, ToolsError,
    },
};
use platform::{clock, deployment, random::HostRandom, store::HostStore};
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use std::{
    rc::Rc,
    time::{Duration, SystemTime},
};
use store_core::{DeploymentError, Keyring, Provision};
use web_core::{Body, Issuer, PublicUrl, Reply};

thread_local! {
    /// What this instance knows of the tools.
    static KNOWN_TOOLS: Rc<KnownTools> = Rc::default();
}

#[spin_sdk::http_service]
async fn serve(request: Request) -> impl IntoResponse {
    platform::http::serve(request, async |head, mut body| {
        let public_url = match deployment::public_url() {
            Ok(public_url) => public_url,
            Err(error) => return misconfigured(&error),
        };
        let authorization_server = platform::variables::value("authorization_server");
        let authorization_server = match Issuer::parse(&authorization_server, &public_url) {
            Ok(authorization_server) => authorization_server,
            Err(error) => return misconfigured(&error),
        };
        let tool_limits = match ToolLimits::read(&platform::variables::value) {
            Ok(tool_limits) => tool_limits,
            Err(error) => return misconfigured(&error),
        };
        let strict = platform::variables::value("strict");
        let outside = Imported { public_url: public_url.clone(), store: HostStore::default() };
        let server = Rc::new(McpServer {
            public_url: public_url.strictly(&strict),
            authorization_server,
            tolerances: Tolerances::without(&strict),
            tool_limits,
            known_tools: KNOWN_TOOLS.with(Rc::clone),
            outside,
        });
        server.handle(&head, &mut body, clock::now()).await
    })
    .await
}

/// Without its address the server cannot say who it is, nor without an authorization server where to
/// sign in, so it says nothing to clients.
fn misconfigured(error: &impl std::fmt::Display) -> Reply<Body> {
    platform::log::line(&format!("mcp: {error}"));
    Reply::empty(StatusCode::INTERNAL_SERVER_ERROR).into()
}

/// The components that are composed in, and the host.
struct Imported {
    public_url: PublicUrl,
    store: HostStore,
}

impl Tools for Imported {
    async fn list_tools(&self) -> Result<Vec<Tool>, ToolsError> {
        Ok(convert::all(tools::list_tools().await?))
    }

    async fn list_scopes(&self) -> Result<Vec<Scope>, ToolsError> {
        Ok(convert::all(tools::list_scopes().await?))
    }

    async fn call_tool(&self, caller: Caller, call: Call) -> Result<mcp_core::ports::Reply, ToolsError> {
        Ok(tools::call_tool(caller.into(), call.into()).await?.into())
    }
}

impl Resources for Imported {
    async fn list_resources(&self, caller: Caller) -> Result<Vec<Resource>, ResourcesError> {
        Ok(convert::all(resources::list_resources(caller.into()).await?))
    }

    async fn list_templates(&self, caller: Caller) -> Result<Vec<Template>, ResourcesError> {
        Ok(convert::all(resources::list_templates(caller.into()).await?))
    }

    async fn read_resource(&self, caller: Caller, read: Read) -> Result<ReadOutcome, ResourcesError> {
        Ok(resources::read_resource(caller.into(), read.into()).await?.into())
    }

    async fn complete_template(
        &self,
        caller: Caller,
        completion: Completion,
    ) -> Result<Suggestions, ResourcesError> {
        Ok(resources::complete(caller.into(), completion.into()).await?.into())
    }
}

impl Prompts for Imported {
    async fn list_prompts(&self, caller: Caller) -> Result<Vec<Prompt>, PromptsError> {
        Ok(convert::all(prompts::list_prompts(caller.into()).await?))
    }

    async fn get_prompt(&self, caller: Caller, get: GetPrompt) -> Result<PromptOutcome, PromptsError> {
        Ok(prompts::get_prompt(caller.into(), get.into()).await?.into())
    }

    async fn complete_prompt(
        &self,
        caller: Caller,
        completion: Completion,
    ) -> Result<Suggestions, PromptsError> {
        Ok(prompts::complete(caller.into(), completion.into()).await?.into())
    }
}

impl Introspection for Imported {
    async fn introspect(&self, token: &str) -> Result<Option<Access>, IntrospectionError> {
        Ok(introspection::introspect(token.to_owned()).await?.map(Access::from))
    }
}

impl Lasting for Imported {
    type Store = HostStore;
    type Random = HostRandom;

    fn store(&self) -> &HostStore {
        &self.store
    }

    fn random(&self) -> &HostRandom {
        &HostRandom
    }

    async fn keys(&self) -> Result<Option<Keyring>, DeploymentError> {
        deployment::keyring(&self.public_url, Provision::FindOnly, &self.store).await
    }
}

impl Clock for Imported {
    fn now(&self) -> SystemTime {
        clock::now()
    }

    async fn sleep(&self, time: Duration) {
        clock::sleep(time).await;
    }

    fn spawn(&self, work: LocalBoxFuture<'static, ()>) {
        platform::http::spawn(work);
    }
}

impl Log for Imported {
    fn log(&self, event: LogEvent<'_>) {
        platform::log::line(&event.to_string());
    }
}
