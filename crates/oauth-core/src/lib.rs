//! The authorization server: OAuth 2.1 for MCP, without I/O.
//!
//! A request comes in as plain data and a reply goes out; the store, the users and the tools are ports,
//! and time and chance are arguments. Reading order:
//!
//! 1. [`routes`]: the paths, and which module answers each;
//! 2. [`config`], [`lifetimes`]: what an operator decides, and why the defaults are what they are;
//! 3. [`authorize`]: from the client's request over sign-in and consent to the code;
//!    [`account`]: where people see and end what they allowed;
//! 4. [`token`]: from the code to tokens, and from tokens to newer ones;
//! 5. [`grants`]: the life of a grant, each step one compare-and-swap on one record;
//! 6. [`records`] and [`credential`]: what is stored, and what clients carry;
//! 7. [`client`], [`metadata`], [`introspection`], [`introspection_endpoint`], [`revocation`]: registration,
//!    discovery, what `mcp` asks, what clients ask, and giving back;
//! 8. [`pkce`], [`scope`], [`resource`]: one rule each;
//! 9. [`transaction`], [`browser`], `away`, [`look_alike`], [`pages`], [`words`], [`page_error`], [`stale_client`], [`trace`],
//!    [`error`]: how it meets people and programs.
//!
//! ```
//! use oauth_core::credential::{Credential, Kind};
//! use store_core::Keyring;
//!
//! let keys = Keyring::from_secret(&[7; 32]).unwrap();
//! // What is not authentic is refused without looking at the store.
//! assert!(Credential::verify(Kind::AccessToken, "postern_at_garbage", &keys).is_none());
//! ```

pub mod account;
pub mod approvals;
pub mod authorize;
mod away;
pub mod browser;
pub mod client;
pub mod config;
pub mod credential;
pub mod error;
mod flash;
pub mod grants;
pub mod introspection;
pub mod introspection_endpoint;
pub mod lifetimes;
pub mod look_alike;
pub mod metadata;
pub mod page_error;
pub mod pages;
pub mod pkce;
pub mod ports;
pub mod records;
pub mod resource;
pub mod revocation;
pub mod routes;
pub mod scope;
pub mod sign_ins;
pub mod stale_client;
pub mod token;
pub mod trace;
pub mod transaction;
pub mod user_agent;
pub mod words;

pub use config::Config;

use config::Tolerances;
use http::{HeaderValue, Method, StatusCode, header};
use page_error::{Asked, PageError};
use pages::Brand;
use ports::{Catalog, Identity, Network};
use std::borrow::Cow;
use store_core::{DeploymentError, Random, RecordError, Records, Store};
use trace::TraceId;
use web_core::{Head, PublicUrl, ReadBody, Reply, cors, public_url::Route};

/// The authorization server, for one request.
pub struct AuthorizationServer<'a, S, R, I, C> {
    /// What the operator decided.
    pub config: &'a Config,
    /// The grants.
    pub records: Records<'a, S, R>,
    /// The users.
    pub identity: &'a I,
    /// The tools.
    pub catalog: &'a C,
    /// Documents elsewhere.
    pub network: &'a dyn Network,
    /// The time of this request, in seconds since the Unix epoch.
    pub now: u64,
    /// The same time, in milliseconds.
    pub now_ms: u64,
    /// What identifies this request, on an error page and in the log.
    pub trace: &'a TraceId,
    /// Where causes go that the client is not told. Never given a secret. Whoever writes a line there adds
    /// [`trace`](Self::trace) to it.
    pub log: &'a dyn Fn(&str),
}

impl<S: Store, R: Random, I: Identity, C: Catalog> AuthorizationServer<'_, S, R, I, C> {
    /// Answers one request.
    pub async fn handle(&self, head: &Head, body: &mut impl ReadBody) -> Reply {
        if !self.config.public_url.serves_authority(head.authority.as_deref()) {
            // RFC 9110 section 15.5.20: another name was made to lead here.
            error::log_refusal(self.log, &head.path, "the Host header names another server");
            return Reply::empty(StatusCode::MISDIRECTED_REQUEST);
        }
        let public_url = &self.config.public_url;
        let Some(Route { path, has_trailing_slash }) =
            public_url.route(&head.path, head.authority.as_deref())
        else {
            self.explain_not_found(head, None);
            return self.answer_error(head, &page_error::PageError::NotFound);
        };
        let arrived = head;
        let head = match path == arrived.path {
            true => Cow::Borrowed(arrived),
            false => Cow::Owned(Head { path: path.into_owned(), ..arrived.clone() }),
        };
        let served = match has_trailing_slash && routes::is_posted_to(&head) {
            // No page of ours posts there, and whoever counts requests in front of us counts by path.
            true => Err(page_error::PageError::NotFound),
            false => routes::serve(self, &head, body).await,
        };
        match served {
            Err(page_error::PageError::NotFound) => self.explain_not_found(arrived, Some(&head.path)),
            _ if has_trailing_slash => config::log_tolerance(self.log, "trailing_slash"),
            _ => {}
        }
        let reply = served.unwrap_or_else(|error| self.answer_error(&head, &error));
        below_address(reply, public_url)
    }

    /// The answer to a request that went wrong. The log has it under the trace id that the person is shown.
    fn answer_error(&self, head: &Head, error: &PageError) -> Reply {
        let cause = match error {
            PageError::Record(error) => error.for_log(),
            other => other.to_string(),
        };
        let refused = if error.is_fault() { "" } else { "refused: " };
        (self.log)(&format!("{refused}{}: {cause}", head.path));
        let Config { tolerances, brand, .. } = self.config;
        reply_with_error(head, error, tolerances, brand, self.trace)
    }

    /// Tells an operator who may have set something wrong why there is no such page. `path` is what it stands for below
    /// the server's address, if it is there.
    fn explain_not_found(&self, arrived: &Head, path: Option<&str>) {
        match path {
            Some(path) if routes::is_of_mcp(path) => (self.log)(&format!(
                "{path} is of the MCP server, and the manifest has no route from {} to mcp; docs/deployment.md, \
                 \"Behind a path\", says which to add",
                arrived.path
            )),
            _ => {
                let public_url = &self.config.public_url;
                if let Some(text) = public_url.explain_path(&arrived.path, arrived.authority.as_deref()) {
                    (self.log)(text);
                }
            }
        }
    }

    /// Where this request's clients are looked up.
    fn clients(&self) -> client::Clients<'_, S, R> {
        let Self { config, records, now, log, .. } = self;
        client::Clients { config, records, now: *now, log }
    }

    fn seal_transaction<T: transaction::Step>(&self, step: &T) -> String {
        let expires_at = self.now.saturating_add(self.config.lifetimes.transaction.as_secs());
        transaction::seal(step, expires_at, self.records.keys, self.records.random)
    }
}

/// Where a reply leads to a path of ours, that is below the server's address.
fn below_address(mut reply: Reply, public_url: &PublicUrl) -> Reply {
    let location = reply.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    let is_ours = |location: &&str| location.starts_with('/') && !location.starts_with("//");
    if let Some(location) = location.filter(is_ours)
        && !public_url.path().is_empty()
        && let Ok(location) = HeaderValue::try_from(public_url.local(location))
    {
        reply.headers.insert(header::LOCATION, location);
    }
    reply
}

/// An error, to whoever asked: a person gets a page, a program a document.
fn reply_with_error(
    head: &Head,
    error: &PageError,
    tolerances: &Tolerances,
    brand: &Brand,
    trace: &TraceId,
) -> Reply {
    // Where there is no page, whoever asks for none is a program.
    let is_program = *error == page_error::PageError::NotFound && !browser::wants_page(head);
    let reply = if is_program || routes::is_for_programs(&head.path) {
        cors::allow_any(error.wire().reply())
    } else if authorize::wants_json(head, tolerances) {
        error.wire().reply()
    } else {
        match error {
            // Pages are for people: a program that asks for none is told by the status.
            PageError::MethodNotAllowed(_) if !browser::wants_page(head) => {
                Reply::empty(StatusCode::METHOD_NOT_ALLOWED)
            }
            _ => error.page(asked(head), brand, trace),
        }
    };
    let reply = match error {
        PageError::MethodNotAllowed(allow) => reply.with(header::ALLOW, HeaderValue::from_static(allow)),
        _ => reply,
    };
    match HeaderValue::from_str(trace.as_str()) {
        Ok(trace) => reply.with(trace::HEADER, trace),
        // It is hexadecimal digits.
        Err(_) => reply,
    }
}

/// What a request was about, for a page that says what went wrong.
fn asked(head: &Head) -> Asked {
    Asked {
        // A browser that comes back from elsewhere does so with a GET, and is signed in or added to an account by it.
        may_have_acted: head.method == Method::POST || away::is_return_path(&head.path),
        is_about_account: matches!(head.path.as_str(), routes::ACCOUNT | routes::CHANGE | routes::RECORD),
    }
}

/// The answer while the deployment has no keys: what to set is in the operator's log.
pub fn reply_without_keys(head: &Head, error: &DeploymentError, trace: &TraceId) -> Reply {
    let error = match error {
        DeploymentError::Store(error) => RecordError::Store(error.clone()),
        DeploymentError::BeingMade => RecordError::Contended,
        DeploymentError::Keyring(_) | DeploymentError::Missing => return reply_misconfigured(head, trace),
    };
    let error = PageError::Record(error);
    reply_with_error(head, &error, &Tolerances::default(), &Brand::default(), trace)
}

/// The answer while the configuration cannot be used: a fault of ours, and no use in trying again.
pub fn reply_misconfigured(head: &Head, trace: &TraceId) -> Reply {
    let error = PageError::Misconfigured;
    reply_with_error(head, &error, &Tolerances::default(), &Brand::default(), trace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use serde_json::Value;
    use store_core::testing::SequenceRandom;

    fn head(path: &str, accept: &str) -> Head {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Head { method: Method::POST, path: path.into(), query: None, authority: None, headers }
    }

    fn trace() -> TraceId {
        TraceId::of(&head("/", "*/*"), &SequenceRandom::new(1))
    }

    /// K-07: a program is told in its own words, and told to come back, whatever it says it accepts.
    #[test]
    fn programs_get_a_document_while_there_are_no_keys() {
        for path in [routes::REGISTER, routes::TOKEN, routes::REVOKE, routes::METADATA] {
            let reply = reply_without_keys(&head(path, "*/*"), &DeploymentError::BeingMade, &trace());
            assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert!(reply.headers.contains_key(header::RETRY_AFTER), "{path}");
            assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");
            assert_eq!(reply.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{path}");
            let document: Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(document["error"], "temporarily_unavailable");
            let reply = reply_without_keys(&head(path, "text/html"), &DeploymentError::Missing, &trace());
            assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
            let document: Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(document["error"], "server_error");
        }
    }

    #[test]
    fn people_get_a_page_while_there_are_no_keys() {
        for (error, status) in [(DeploymentError::BeingMade, 503), (DeploymentError::Missing, 500)] {
            let reply = reply_without_keys(&head(routes::AUTHORIZE, "text/html"), &error, &trace());
            assert_eq!(reply.status, status);
            assert_eq!(reply.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
            let reply = reply_without_keys(&head(routes::AUTHORIZE, "application/json"), &error, &trace());
            assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json");
        }
    }
}
