//! The authorization server's HTTP component.
//!
//! It converts, calls and returns; the rules are in [`oauth_core`].

use oauth_core::{AuthorizationServer, Config, reply_misconfigured, reply_without_keys, trace::TraceId};
use platform::{clock, deployment, http, log, random::HostRandom, store::HostStore, variables};
use spin_sdk::http::{IntoResponse, Request};
use store_core::{Provision, Records};
use web_core::{Head, Reply};

mod ports;

#[spin_sdk::http_service]
async fn serve(request: Request) -> impl IntoResponse {
    http::serve(request, handle).await
}

async fn handle(head: Head, body: http::IncomingBody) -> Reply {
    let trace = TraceId::of(&head, &HostRandom);
    log::traced(trace.as_str(), answer(head, body, &trace)).await
}

async fn answer(head: Head, mut body: http::IncomingBody, trace: &TraceId) -> Reply {
    let public_url = match deployment::public_url() {
        Ok(public_url) => public_url,
        Err(error) => {
            log::line(&error.to_string());
            return reply_misconfigured(&head, trace);
        }
    };
    let config = match Config::read(public_url, variables::value) {
        Ok(config) => config,
        Err(error) => {
            log::line(&error.to_string());
            return reply_misconfigured(&head, trace);
        }
    };
    let store = HostStore::default();
    let keys = match deployment::keyring(&config.public_url, Provision::Make, &store).await {
        Ok(Some(keys)) => keys,
        Ok(None) => return reply_misconfigured(&head, trace),
        Err(error) => {
            log::line(&error.to_string());
            return reply_without_keys(&head, &error, trace);
        }
    };
    let now_ms = clock::unix_now_ms();
    let server = AuthorizationServer {
        config: &config,
        records: Records { store: &store, keys: &keys, random: &HostRandom },
        identity: &ports::Accounts,
        catalog: &ports::Tools,
        network: &ports::Outside,
        now: now_ms / 1000,
        now_ms,
        trace,
        log: &log::line,
    };
    server.handle(&head, &mut body).await
}
