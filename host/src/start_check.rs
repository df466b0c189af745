//! A look at every component before the host says that it serves.
//!
//! A component that cannot use one of its variables answers every request with 500 and says why in its
//! log. An operator should not have to find that out from a client. So each component is asked for its
//! pages once, and the host ends with the reason if the answer is 500, or 503 although neither the store nor
//! another server has failed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use wasmtime_wasi_http::Error;

use crate::headers;
use crate::log::one_line;
use crate::manifest::Route;
use crate::serve::Application;
use crate::turn::{Delivery, Turn};

/// What the requests carry as a token. It is no token of anyone's, but makes components look at what they
/// would check one with.
const TOKEN: &str = "Bearer start-check";

impl Application {
    /// Asks each component for what its exact `routes` lead to, as a client of `authority` would. `prefix` is the path
    /// that requests have before that of the route.
    pub async fn check(
        &self,
        routes: &[Route],
        prefix: &str,
        authority: &str,
        address: SocketAddr,
    ) -> Result<()> {
        for route in routes.iter().filter(|route| is_exact(&route.pattern)) {
            self.check_route(&format!("{prefix}{}", route.pattern), authority, address).await?;
        }
        Ok(())
    }

    async fn check_route(&self, path: &str, authority: &str, address: SocketAddr) -> Result<()> {
        let Some(route) = self.router.find(path) else { return Ok(()) };
        let Some(component) = self.components.get(route.component) else { return Ok(()) };
        let request = Request::get(path)
            .header(HOST, authority)
            .header(ACCEPT, "text/html, application/json, text/event-stream")
            .header(AUTHORIZATION, TOKEN)
            .body(())?;
        let (mut head, ()) = request.into_parts();
        if headers::prepare(&mut head, &route, address).is_err() {
            // Not a path that can be asked for.
            return Ok(());
        }
        let grant = &component.state().grant;
        grant.output.withhold();
        let sent = grant.outbound.sent.load(Ordering::Relaxed);
        let turn = Arc::new(Turn::default());
        let delivery = Delivery(turn.clone());
        let body = Empty::<Bytes>::new().map_err(|never| -> Error { match never {} }).boxed_unsync();
        let handled = component.handle(turn.clone(), Request::from_parts(head, body)).await;
        // A store or another server that does not answer now may do so later.
        let outside = turn.tally.has_failures() || grant.outbound.sent.load(Ordering::Relaxed) > sent;
        let reason = match &handled {
            Ok(response) => match response.status() {
                StatusCode::INTERNAL_SERVER_ERROR => Some("it answers 500".to_owned()),
                StatusCode::SERVICE_UNAVAILABLE if !outside => Some("it answers 503".to_owned()),
                _ => None,
            },
            Err(error) => Some(one_line(error)),
        };
        drop((handled, delivery));
        // What a component says of a page that was asked for without a reason is of no use to the operator.
        let lines = grant.output.let_go();
        let Some(reason) = reason else { return Ok(()) };
        let reason = if lines.is_empty() { reason } else { lines.join("; ") };
        Err(anyhow!("component {:?} cannot serve {path}: {reason}", route.component))
    }
}

/// Whether a route is one path.
fn is_exact(pattern: &str) -> bool {
    pattern.starts_with('/') && !pattern.split('/').any(|part| part.starts_with(':') || part == "...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_that_stand_for_many_paths_are_not_asked_for() {
        for (pattern, exact) in
            [("/", true), ("/mcp", true), ("/...", false), ("/users/:id", false), ("/a/...", false)]
        {
            assert_eq!(is_exact(pattern), exact, "{pattern}");
        }
    }
}
