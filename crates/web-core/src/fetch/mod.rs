//! Documents from elsewhere: one request, under rules that keep it from being anybody's tool.
//!
//! An address may come from a stranger (a client id that is a URL, for example). So it is judged before
//! anything is sent ([`url`]); the request is a GET that carries nothing of ours, unless its maker says what
//! goes along ([`Sending`]), for a server that the operator chose; redirects are not followed; and what
//! comes back is bounded in type, size and time ([`fetcher`]). How long it may be kept is read off its
//! headers ([`freshness`]). [`testing`] has servers that misbehave as real ones do.
//!
//! What the guest cannot see is what a name resolves to. The host has to refuse private addresses
//! (`block_networks`), because only it knows which address it dials.

pub mod fetcher;
pub mod freshness;
pub mod testing;
pub mod url;

pub use fetcher::{Fetcher, Response, Transport, TransportError};
pub use freshness::Freshness;
pub use url::{FetchPolicy, FetchUrl, FetchUrlError};

use crate::BodyError;
use bytes::Bytes;
use http::StatusCode;
use std::{fmt, time::Duration};

/// How long a fetch may take altogether, from the name's lookup to the last byte.
pub const TIME_BUDGET: Duration = Duration::from_secs(5);

/// A document to get.
#[derive(Debug, Clone, Copy)]
pub struct FetchRequest<'a> {
    /// Where it is. Being judged is part of the type.
    pub url: &'a FetchUrl,
    /// Which types will do.
    pub media: MediaRule,
    /// The most bytes that it may have.
    pub max_bytes: usize,
    /// What goes along.
    pub sending: Sending<'a>,
}

/// What goes along with a request. Not for addresses that a stranger wrote.
#[derive(Clone, Copy, Default)]
pub enum Sending<'a> {
    /// Nothing.
    #[default]
    Nothing,
    /// An `Authorization` header, with a GET.
    Authorization(&'a str),
    /// An `application/x-www-form-urlencoded` body, which makes it a POST, and an `Authorization` header if
    /// there is one.
    Form {
        /// The body.
        body: &'a str,
        /// The header.
        authorization: Option<&'a str>,
    },
}

/// Without what is sent, which is secret.
impl fmt::Debug for Sending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Authorization(_) => "Authorization",
            Self::Form { .. } => "Form",
        })
    }
}

/// The types that a document may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaRule {
    /// `application/json`, or a type that ends in `+json` (RFC 6839 section 3.1).
    Json,
    /// As [`Json`](Self::Json), and what some servers say of any file. For documents that an operator
    /// pointed us to: key sets are often served as `text/plain` or `application/octet-stream`.
    JsonOrUnnamed,
}

/// A document that was had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// All of it.
    pub body: Bytes,
    /// How long its server lets it be used.
    pub freshness: Freshness,
}

/// The port to documents elsewhere. [`Fetcher`] keeps the rules over a [`Transport`].
#[expect(async_fn_in_trait, reason = "everything runs in one task of one instance; nothing needs Send")]
pub trait Fetch {
    /// Gets a document.
    async fn fetch(&self, request: FetchRequest<'_>) -> Result<Fetched, FetchError>;
}

/// Nothing came of a fetch.
///
/// Shown to anybody but the operator it is always the same sentence, so that nobody can use this server
/// to find out what there is at an address. [`cause`](Self::cause) is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the document could not be fetched")]
pub struct FetchError {
    /// What happened.
    pub cause: FetchFailure,
}

/// What happened, for the operator's log. No text has anything in it that was received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchFailure {
    /// What was to go along is no header value.
    #[error("what is to be sent is no header value")]
    Unsendable,
    /// The address is none that is fetched from.
    #[error("{0}")]
    Url(#[from] FetchUrlError),
    /// No answer: no such name, no connection, no TLS, or refused by the host.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// Not 200. Redirects are among these.
    #[error("the answer has status {0}")]
    Status(StatusCode),
    /// The type is missing, or another one.
    #[error("the answer is not of the expected type")]
    MediaType,
    /// The body is compressed, though that was not asked for.
    #[error("the answer is encoded")]
    Encoding,
    /// Longer than it may be.
    #[error("the answer is too long")]
    TooLong,
    /// Nothing in it.
    #[error("the answer is empty")]
    Empty,
    /// The connection ended before the body did.
    #[error("the answer is incomplete")]
    Incomplete,
    /// [`TIME_BUDGET`] was used up.
    #[error("the answer took too long")]
    TooSlow,
}

impl From<FetchFailure> for FetchError {
    fn from(cause: FetchFailure) -> Self {
        Self { cause }
    }
}

impl From<FetchUrlError> for FetchError {
    fn from(cause: FetchUrlError) -> Self {
        Self { cause: cause.into() }
    }
}

impl From<BodyError> for FetchFailure {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::TooLong,
            BodyError::Incomplete => Self::Incomplete,
        }
    }
}
