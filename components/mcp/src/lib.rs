//! The MCP endpoint as a component: it converts, calls `mcp-core`, and returns.
//!
//! Its ports are the four interfaces that `spin.toml` composes in. Nothing is decided here.

mod bindings;
mod convert;

use bindings::postern::{introspection::introspection, prompts::prompts, resources::resources, tools::tools};
use futures_core::future::LocalBoxFuture;
use mcp_core::{
    AllowedOrigins, KnownTools, LogEvent, McpServer, MessageLimit, Tolerances, ToolLimits, UserLimits,
    ports::{
        Access, Call, Caller, Clock, Completion, GetPrompt, Introspection, IntrospectionError, Lasting, Log,
        Prompt, PromptOutcome, Prompts, PromptsError, Read, ReadOutcome, Resource, Resources, ResourcesError,
        Scope, Suggestions, Template, Tool, Tools, ToolsError,
    },
};
use platform::{clock, deployment, random::HostRandom, store::HostStore, variables};
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use std::{
    cell::OnceCell,
    rc::Rc,
    time::{Duration, SystemTime},
};
use store_core::{DeploymentError, Keyring, Provision};
use web_core::{Body, InitialScopes, Issuer, PublicUrl, Reply, cors};

thread_local! {
    /// What this instance knows of the tools.
    static KNOWN_TOOLS: Rc<KnownTools> = Rc::default();

    /// What its variables say.
    static CONFIGURATION: OnceCell<Configuration> = const { OnceCell::new() };
}

#[derive(Clone)]
struct Configuration {
    public_url: PublicUrl,
    authorization_server: Issuer,
    allowed_origins: Rc<AllowedOrigins>,
    tolerances: Tolerances,
    message_limit: MessageLimit,
    tool_limits: ToolLimits,
    user_limits: UserLimits,
    initial_scopes: InitialScopes,
}

impl Configuration {
    /// Reads the variables. In words for the operator if that fails.
    fn read() -> Result<Self, String> {
        let public_url = deployment::public_url().map_err(|error| error.to_string())?;
        let authorization_server = Issuer::parse(&variables::value("authorization_server"), &public_url);
        let strict = variables::value("strict");
        let allowed_origins =
            AllowedOrigins::parse(&variables::value("allowed_origins"), &public_url, &strict);
        Ok(Self {
            allowed_origins: Rc::new(allowed_origins.map_err(|error| error.to_string())?),
            authorization_server: authorization_server.map_err(|error| error.to_string())?,
            message_limit: MessageLimit::read(&variables::value).map_err(|error| error.to_string())?,
            tool_limits: ToolLimits::read(&variables::value).map_err(|error| error.to_string())?,
            user_limits: UserLimits::read(&variables::value).map_err(|error| error.to_string())?,
            initial_scopes: InitialScopes::parse(&variables::value("initial_scopes"))
                .map_err(|error| error.to_string())?,
            public_url,
            tolerances: Tolerances::without(&strict),
        })
    }
}

#[spin_sdk::http_service]
async fn serve(request: Request) -> impl IntoResponse {
    platform::http::serve(request, async |head, mut body| {
        let configuration = CONFIGURATION.with(|known| variables::read_once(known, Configuration::read));
        let configuration = match configuration {
            Ok(configuration) => configuration,
            Err(error) => return misconfigured(&error),
        };
        let Configuration {
            public_url,
            authorization_server,
            allowed_origins,
            tolerances,
            message_limit,
            tool_limits,
            user_limits,
            initial_scopes,
        } = configuration;
        let outside =
            Imported { public_url: public_url.clone(), store: HostStore::default(), initial_scopes };
        let known_tools = KNOWN_TOOLS.with(Rc::clone);
        let server = Rc::new(McpServer {
            public_url,
            authorization_server,
            allowed_origins,
            tolerances,
            message_limit,
            tool_limits,
            user_limits,
            known_tools,
            outside,
        });
        server.handle(&head, &mut body, clock::now()).await
    })
    .await
}

/// Without its address the server cannot say who it is, nor without an authorization server where to
/// sign in, so it says nothing to clients.
fn misconfigured(error: &str) -> Reply<Body> {
    platform::log::line(&format!("mcp: {error}"));
    cors::allow_any(Reply::empty(StatusCode::INTERNAL_SERVER_ERROR)).into()
}

/// The components that are composed in, and the host.
struct Imported {
    public_url: PublicUrl,
    store: HostStore,
    initial_scopes: InitialScopes,
}

impl Tools for Imported {
    async fn list_tools(&self) -> Result<Vec<Tool>, ToolsError> {
        Ok(convert::all(tools::list_tools().await?))
    }

    async fn list_scopes(&self) -> Result<Vec<Scope>, ToolsError> {
        let scopes = convert::all::<_, Scope>(tools::list_scopes().await?).into_iter();
        let is_initial = |scope: &Scope| self.initial_scopes.is_initial(&scope.name, scope.initial);
        Ok(scopes.map(|scope| Scope { initial: is_initial(&scope), ..scope }).collect())
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
