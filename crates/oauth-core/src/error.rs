//! The registered error codes, and the answers that carry them.
//!
//! What goes out is chosen from fixed texts, at most with the number of an element in it: an error never
//! repeats what the client sent, what the store said, or anything that tells one kind of failure from
//! another where that would help a thief. The causes are each endpoint's own, and go to the operator's
//! log, one line for each refused request (`log_refusal`).

use crate::client::authentication::{AuthenticationError, ClientRefusal, INVALID_CLIENT};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use std::borrow::Cow;
use store_core::RecordError;
use web_core::{BodyError, FormError, Head, Reply, form::Repeated};

/// Error codes in use, from the IANA OAuth Extensions Error Registry and the RFCs that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The user said no (RFC 6749 section 4.1.2.1).
    AccessDenied,
    /// The user has not consented, and may not be asked (OpenID Connect Core section 3.1.2.6).
    ConsentRequired,
    /// The user would have to be asked something, and may not be (OpenID Connect Core section 3.1.2.6).
    InteractionRequired,
    /// The client is unknown or did not prove who it is (RFC 6749 section 5.2).
    InvalidClient,
    /// Registration metadata that cannot be accepted (RFC 7591 section 3.2.2).
    InvalidClientMetadata,
    /// A code or refresh token that is not good, or not this client's (RFC 6749 section 5.2).
    InvalidGrant,
    /// A redirect URI that cannot be registered (RFC 7591 section 3.2.2).
    InvalidRedirectUri,
    /// A parameter is missing, repeated or malformed (RFC 6749 sections 4.1.2.1 and 5.2).
    InvalidRequest,
    /// A scope that is malformed, or beyond what was granted (RFC 6749 section 5.2).
    InvalidScope,
    /// A resource that is not served here, or beyond what was granted (RFC 8707 section 2).
    InvalidTarget,
    /// The user is not signed in, or not recently enough, and may not be asked to (OpenID Connect Core section
    /// 3.1.2.6).
    LoginRequired,
    /// Request objects are not taken (OpenID Connect Core section 3.1.2.6).
    RequestNotSupported,
    /// Request objects are not fetched (OpenID Connect Core section 3.1.2.6).
    RequestUriNotSupported,
    /// Something here is wrong, and trying again does not help (RFC 6749 section 4.1.2.1).
    ServerError,
    /// Something here failed; trying again may help (RFC 6749 section 4.1.2.1).
    TemporarilyUnavailable,
    /// The client may not do this here (RFC 6749 sections 4.1.2.1 and 5.2).
    UnauthorizedClient,
    /// A grant type that is not offered (RFC 6749 section 5.2).
    UnsupportedGrantType,
    /// A response type that is not offered (RFC 6749 section 4.1.2.1).
    UnsupportedResponseType,
}

impl ErrorCode {
    /// The code on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired => "interaction_required",
            Self::InvalidClient => "invalid_client",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::LoginRequired => "login_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
        }
    }
}

/// An error as a program gets it (RFC 6749 section 5.2, RFC 7591 section 3.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    /// The status.
    pub status: StatusCode,
    /// The code.
    pub code: ErrorCode,
    /// One sentence for the client's developer: ASCII without `"` and `\` (RFC 6749 section 5.2).
    pub description: Cow<'static, str>,
}

#[derive(Serialize)]
struct Document<'a> {
    error: &'static str,
    error_description: &'a str,
}

impl WireError {
    /// An error with status 400.
    pub const fn bad_request(code: ErrorCode, description: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, description: Cow::Borrowed(description) }
    }

    /// The code and the description, for the operator's log.
    pub fn for_log(&self) -> String {
        format!("{}: {}", self.code.as_str(), self.description)
    }

    /// The store, or another part of ours, did not answer. Never an answer about the grant.
    pub const UNAVAILABLE: Self = Self {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: ErrorCode::TemporarilyUnavailable,
        description: Cow::Borrowed("the server cannot answer at the moment; try again"),
    };

    /// As a JSON document that nobody may keep.
    pub fn reply(&self) -> Reply {
        let document = Document { error: self.code.as_str(), error_description: &self.description };
        let reply = Reply::json(self.status, &document)
            .no_store()
            .with(header::PRAGMA, HeaderValue::from_static("no-cache"));
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => reply.with_retry_after(RETRY_AFTER_SECONDS),
            // RFC 6749 section 5.2 and RFC 9110 section 15.5.2: a 401 says how.
            StatusCode::UNAUTHORIZED => {
                reply.with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"postern\""))
            }
            _ => reply,
        }
    }
}

/// Writes the cause of a refused request into the operator's log. `cause` has no secret in it.
pub(crate) fn log_refusal(log: &dyn Fn(&str), path: &str, cause: &str) {
    log(&format!("refused: {path}: {cause}"));
}

/// Answers 405, and says so in the log.
pub(crate) fn refuse_method(head: &Head, allowed: &'static str, log: &dyn Fn(&str)) -> Reply {
    log_refusal(log, &head.path, "the method is not allowed");
    Reply::method_not_allowed(allowed)
}

/// What `Retry-After` says.
pub const RETRY_AFTER_SECONDS: u32 = 2;

impl From<FormError> for WireError {
    fn from(_: FormError) -> Self {
        Self::bad_request(ErrorCode::InvalidRequest, "the parameters are not well encoded")
    }
}

impl From<Repeated> for WireError {
    fn from(_: Repeated) -> Self {
        Self::bad_request(ErrorCode::InvalidRequest, "a parameter is repeated")
    }
}

impl From<BodyError> for WireError {
    fn from(error: BodyError) -> Self {
        let (status, description) = match error {
            BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
            BodyError::Incomplete => (StatusCode::BAD_REQUEST, "the body is incomplete"),
        };
        Self { status, code: ErrorCode::InvalidRequest, description: Cow::Borrowed(description) }
    }
}

impl From<&RecordError> for WireError {
    fn from(_: &RecordError) -> Self {
        Self::UNAVAILABLE
    }
}

/// Why an endpoint that a client calls itself gives no answer about a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The request is malformed.
    #[error("{}", .0.description)]
    Request(WireError),
    /// The client is unknown, or did not authenticate as registered.
    #[error(transparent)]
    Client(#[from] ClientRefusal),
    /// The store is unavailable.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<WireError> for EndpointError {
    fn from(error: WireError) -> Self {
        Self::Request(error)
    }
}

impl From<Repeated> for EndpointError {
    fn from(error: Repeated) -> Self {
        Self::Request(error.into())
    }
}

impl From<AuthenticationError> for EndpointError {
    fn from(error: AuthenticationError) -> Self {
        match error {
            AuthenticationError::Request(error) => Self::Request(error),
            AuthenticationError::Client(refusal) => Self::Client(refusal),
            AuthenticationError::Record(error) => Self::Record(error),
        }
    }
}

impl EndpointError {
    /// The response. The cause goes to the operator's log, under the endpoint's path.
    pub fn reply(&self, path: &str, log: &dyn Fn(&str)) -> Reply {
        match self {
            Self::Request(error) => {
                log_refusal(log, path, &error.for_log());
                error.reply()
            }
            Self::Client(refusal) => {
                log_refusal(log, path, &refusal.to_string());
                INVALID_CLIENT.reply()
            }
            Self::Record(error) => {
                log(&format!("{path}: {}", error.for_log()));
                WireError::from(error).reply()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_serialise_as_they_are_written() {
        for code in
            [ErrorCode::AccessDenied, ErrorCode::RequestUriNotSupported, ErrorCode::InvalidRedirectUri]
        {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn unavailable_says_when_to_come_back() {
        let reply = WireError::UNAVAILABLE.reply();
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(reply.headers.contains_key(header::RETRY_AFTER));
        assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");
    }
}
