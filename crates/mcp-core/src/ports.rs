//! What the MCP server needs from outside: the tools, resources and prompts, the meaning of access tokens,
//! what lasts, the time, and a place for lines that only the operator reads.
//!
//! The types say what the WIT packages `postern:tools`, `postern:resources`, `postern:prompts` and
//! `postern:introspection` say; the documentation of their members is there. What several of them say
//! is one type here.

mod log;
mod prompts;
mod resources;
mod tools;

pub use log::*;
pub use prompts::*;
pub use resources::*;
pub use tools::*;

use futures_core::future::LocalBoxFuture;
use std::time::{Duration, SystemTime};
use store_core::{DeploymentError, Keyring, Random, Store};

/// Everything that the server needs from outside. One type supplies all of it.
///
/// It outlives the request: an answer that is a stream goes on when its head has left.
pub trait Outside: Tools + Resources + Prompts + Introspection + Lasting + Clock + Log + 'static {}

impl<O: Tools + Resources + Prompts + Introspection + Lasting + Clock + Log + 'static> Outside for O {}

/// What lasts from one request to the next, and in which instance.
pub trait Lasting {
    /// The store.
    type Store: Store;
    /// Chance.
    type Random: Random;

    /// The store.
    fn store(&self) -> &Self::Store;
    /// Chance.
    fn random(&self) -> &Self::Random;
    /// The deployment's keys. `None` before a developer's server has made itself any.
    fn keys(&self) -> impl Future<Output = Result<Option<Keyring>, DeploymentError>>;
}

/// The time, for answers that take some.
pub trait Clock {
    /// Now.
    fn now(&self) -> SystemTime;
    /// Waits.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()>;
    /// Does something beside, whoever waits for what else; also when the answer has left or nobody reads it any
    /// more, for as long as the host lets it.
    fn spawn(&self, work: LocalBoxFuture<'static, ()>);
}

/// What access tokens stand for (`postern:introspection`).
pub trait Introspection {
    /// The facts behind a token; `None` when it is not active.
    fn introspect(&self, token: &str) -> impl Future<Output = Result<Option<Access>, IntrospectionError>>;
}

/// Where the operator reads what the client is not told.
pub trait Log {
    /// Writes one line. The event's `Display` is that line; it has no token and no line break in it.
    fn log(&self, event: LogEvent<'_>);
}

/// The beginning of a value that somebody is typing, of a template's variable or a prompt's argument.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/prompts/prompts.wit")]
pub struct Completion {
    /// The URI template, or the prompt's name.
    pub of: String,
    pub argument: String,
    pub value: String,
    pub context: Vec<(String, String)>,
}

/// What fits what was typed so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/prompts/prompts.wit")]
pub struct Suggestions {
    pub values: Vec<String>,
    pub total: Option<u32>,
    pub has_more: bool,
}

/// The facts behind an active access token. The server judges them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/introspection/introspection.wit")]
pub struct Access {
    pub subject: String,
    pub client_id: String,
    pub scopes: Vec<String>,
    pub audience: Vec<String>,
    pub expires_at: u64,
    pub grant_id: Option<String>,
}

/// Why a token could not be looked up. It says nothing about the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntrospectionError {
    /// The place where tokens are kept did not answer.
    #[error("unavailable")]
    Unavailable,
    /// Anything else; what, in words for the operator.
    #[error("{0}")]
    Other(String),
}
