//! The ceiling: `add` on axum and rmcp, behind the token check that Postern makes.
//!
//!     postern-bench-native ADDR:PORT STORE PUBLIC_URL
//!
//! It reads the grants of a Postern server on the same SQLite file, whose tokens it therefore takes:
//! the same rules (`oauth-core`, `store-core`), compiled for this machine, in one process, with no
//! component between them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use oauth_core::{Config, introspection};
use rmcp::handler::server::{router::tool::ToolRouter, wrapper::Parameters};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{Json, ServerHandler, tool, tool_handler, tool_router};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store_core::{Keyring, Provision, Random, Records, Store, StoreError};
use web_core::PublicUrl;

#[derive(Deserialize, JsonSchema)]
struct Summands {
    a: f64,
    b: f64,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    result: f64,
}

#[derive(Clone)]
struct Tools {
    tool_router: ToolRouter<Self>,
}

#[tool_router(router = tool_router)]
impl Tools {
    #[tool(description = "Adds two numbers.")]
    async fn add(&self, Parameters(Summands { a, b }): Parameters<Summands>) -> Json<Sum> {
        Json(Sum { result: a + b })
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Tools {}

struct Sqlite(Mutex<Connection>);

impl Store for Sqlite {
    type Swap = std::convert::Infallible;

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = connection
            .prepare_cached("SELECT value FROM spin_key_value WHERE store = 'default' AND key = ?1")
            .and_then(|mut statement| statement.query_row([key], |row| row.get(0)).optional());
        value.map_err(|error| StoreError { detail: error.to_string() })
    }

    async fn put(&self, _: &str, _: &[u8]) -> Result<(), StoreError> {
        Err(read_only())
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        Err(read_only())
    }

    async fn increment(&self, _: &str) -> Result<i64, StoreError> {
        Err(read_only())
    }

    async fn begin_swap(&self, _: &str) -> Result<(Option<Vec<u8>>, Self::Swap), StoreError> {
        Err(read_only())
    }

    async fn swap(&self, swap: Self::Swap, _: &[u8]) {
        match swap {}
    }
}

fn read_only() -> StoreError {
    StoreError { detail: "it is only read here".to_owned() }
}

struct Unneeded;

impl Random for Unneeded {
    fn fill(&self, _: &mut [u8]) {
        // Checking a token takes no chance.
        unreachable!()
    }
}

struct Check {
    store: Sqlite,
    keys: Keyring,
    config: Config,
    resource: String,
}

impl Check {
    /// Whether the request's token is good here and now. The store answers at once, so nothing waits.
    fn accepts(&self, request: &Request) -> Result<bool> {
        let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(token) = token.and_then(|value| value.strip_prefix("Bearer ")) else { return Ok(false) };
        let Some(token) = introspection::parse(token) else { return Ok(false) };
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let records = Records { store: &self.store, keys: &self.keys, random: &Unneeded };
        let access = introspection::introspect(token, &records, &self.config, now)
            .now_or_never()
            .context("the store made somebody wait")??;
        Ok(access.is_some_and(|access| access.expires_at > now && access.audience.contains(&self.resource)))
    }
}

async fn check(State(check): State<Arc<Check>>, request: Request, next: Next) -> Response {
    match check.accepts(&request) {
        Ok(true) => next.run(request).await,
        Ok(false) => {
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")])
                .into_response()
        }
        Err(error) => {
            eprintln!("{error:#}");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, store, public_url] = arguments.as_slice() else {
        bail!("usage: postern-bench-native ADDR:PORT STORE PUBLIC_URL");
    };
    let connection = Connection::open_with_flags(Path::new(store), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let store = Sqlite(Mutex::new(connection));
    let keys = store_core::deployment::keyring("", true, Provision::FindOnly, &store, &Unneeded)
        .await?
        .context("the store has no secret")?;
    let config = Config::read_for_introspection(PublicUrl::parse(public_url)?, |_| String::new())?;
    let check_state = Arc::new(Check { store, keys, config, resource: format!("{public_url}/mcp") });

    let mut settings = StreamableHttpServerConfig::default();
    settings.legacy_session_mode = false;
    settings.json_response = true;
    let tools = Tools { tool_router: Tools::tool_router() };
    let service = StreamableHttpService::new(
        move || Ok(tools.clone()),
        Arc::new(LocalSessionManager::default()),
        settings,
    );
    let router = axum::Router::new()
        .route_service("/mcp", service)
        .layer(middleware::from_fn_with_state(check_state, check));
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("Serving http://{}", listener.local_addr()?);
    use axum::serve::ListenerExt as _;
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await?;
    Ok(())
}
