//! The token endpoint (RFC 6749 section 3.2).
//!
//! Reading order: [`serve`] (who may ask, and for what), then the two grant types.

mod authorization_code;
mod refresh_token;

use crate::{
    Config,
    client::{
        Clients,
        authentication::{self, Authenticated, AuthenticationError, ClientRefusal, INVALID_CLIENT, Subject},
        request::{self, invalid_request},
    },
    config::log_tolerance,
    credential::{Audience, Credential, Kind, ScopeSet},
    error::{ErrorCode, WireError, log_refusal, refuse_method},
    grants::{Issue, NotGood},
    records::GrantId,
    resource,
};
use http::{HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use store_core::{Keyring, Random, RecordError, Store, TransitionError};
use web_core::{Form, Head, ReadBody, Reply, cors, form::Repeated};

/// Why no token was issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The request is malformed, or asks for what it cannot have.
    #[error("{}", .0.for_log())]
    Request(WireError),
    /// The client is unknown, or did not authenticate as registered.
    #[error(transparent)]
    Client(#[from] ClientRefusal),
    /// The code or refresh token is not good.
    #[error("invalid_grant: the code or refresh token is not good: {0}")]
    NotGood(NotGood),
    /// The code or refresh token is not one of ours, or its grant is gone.
    #[error("invalid_grant: the code or refresh token is not one of this deployment, or its grant is gone")]
    Unknown,
    /// The store is unavailable.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl TokenError {
    /// The one mapping to the wire.
    pub fn wire(&self) -> WireError {
        match self {
            Self::Request(error) => error.clone(),
            Self::Client(_) => INVALID_CLIENT,
            Self::NotGood(_) | Self::Unknown => {
                WireError::bad_request(ErrorCode::InvalidGrant, "the code or refresh token is not good")
            }
            Self::Record(error) => error.into(),
        }
    }
}

impl From<WireError> for TokenError {
    fn from(error: WireError) -> Self {
        Self::Request(error)
    }
}

impl From<Repeated> for TokenError {
    fn from(error: Repeated) -> Self {
        Self::Request(error.into())
    }
}

impl From<AuthenticationError> for TokenError {
    fn from(error: AuthenticationError) -> Self {
        match error {
            AuthenticationError::Request(error) => Self::Request(error),
            AuthenticationError::Client(refusal) => Self::Client(refusal),
            AuthenticationError::Record(error) => Self::Record(error),
        }
    }
}

impl From<TransitionError<NotGood>> for TokenError {
    fn from(error: TransitionError<NotGood>) -> Self {
        match error {
            TransitionError::NotFound | TransitionError::Record(RecordError::Retired) => Self::Unknown,
            TransitionError::Refused(reason) => Self::NotGood(reason),
            TransitionError::Record(error) => Self::Record(error),
        }
    }
}

/// Parameters that a client may leave out, and that may say `undefined` when it has none.
const OPTIONAL: [&str; 2] = ["resource", "scope"];

/// A request from a client that is known.
struct TokenRequest<'a> {
    authenticated: Authenticated,
    form: &'a Form,
    config: &'a Config,
    now: u64,
    log: &'a dyn Fn(&str),
}

/// Answers a request to `/token`.
pub async fn serve<S: Store, R: Random>(
    head: &Head,
    body: &mut impl ReadBody,
    clients: &Clients<'_, S, R>,
) -> Reply {
    let log = clients.log;
    let reply = match head.method {
        Method::POST => match issue(head, body, clients).await {
            Ok(reply) => reply,
            Err(error) => {
                match &error {
                    TokenError::Record(cause) => log(&format!("{}: {}", head.path, cause.for_log())),
                    refused => log_refusal(log, &head.path, &refused.to_string()),
                }
                error.wire().reply()
            }
        },
        Method::OPTIONS => cors::preflight(head, request::METHODS),
        _ => refuse_method(head, request::METHODS, log),
    };
    cors::allow_any(reply)
}

async fn issue<S: Store, R: Random>(
    head: &Head,
    body: &mut impl ReadBody,
    clients: &Clients<'_, S, R>,
) -> Result<Reply, TokenError> {
    let Clients { config, now, log, .. } = *clients;
    let mut form = request::read(head, body, &["resource"]).await?;
    if config.tolerances.undefined_parameters && form.forget_undefined(&OPTIONAL) {
        log_tolerance(log, "undefined_parameters");
    }
    let grant_type = form.single("grant_type")?.ok_or(invalid_request("grant_type is missing"))?;
    let subject = match grant_type {
        "authorization_code" => Subject::CODE,
        "refresh_token" => Subject::REFRESH_TOKEN,
        _ => Subject::NONE,
    };
    let authenticated = clients.authenticate(head, &form, subject).await?;
    if clients.is_denied(&authenticated.client.id) {
        return Err(authentication::UNAUTHORIZED_CLIENT.into());
    }
    let request = TokenRequest { authenticated, form: &form, config, now, log };
    match grant_type {
        "authorization_code" => authorization_code::redeem(&request, clients).await,
        "refresh_token" => refresh_token::refresh(&request, clients).await,
        _ => Err(WireError::bad_request(
            ErrorCode::UnsupportedGrantType,
            "grant_type must be authorization_code or refresh_token",
        )
        .into()),
    }
}

/// A successful answer (RFC 6749 section 5.1).
#[derive(Serialize)]
struct Tokens<'a> {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: String,
    /// RFC 6749 section 3.3 has no empty scope.
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
}

impl TokenRequest<'_> {
    /// The client's id.
    fn client_id(&self) -> &str {
        &self.authenticated.client.id
    }

    /// The code or refresh token in this parameter, if it is authentic. Whether it is within its time, the
    /// grant says: a code that comes too late may still be a replay.
    fn credential(&self, parameter: &str, kind: Kind, keys: &Keyring) -> Result<Credential, TokenError> {
        let text = self.form.single(parameter)?;
        let text = text.ok_or(invalid_request("the code or refresh token is missing"))?;
        Credential::verify(kind, text, keys).ok_or(TokenError::Unknown)
    }

    /// The resources that the access token is to be for: those that the request names, which must be within
    /// what was granted (RFC 8707 section 2.2), or all of that.
    fn audience(&self, granted: &[String]) -> Result<Vec<String>, WireError> {
        let error = || WireError::bad_request(ErrorCode::InvalidTarget, "the resource was not granted");
        if !self.form.contains("resource") {
            return Ok(granted.to_vec());
        }
        let asked =
            resource::audience(self.form.all("resource"), self.config, self.log).map_err(|_| error())?;
        if asked.iter().all(|resource| granted.contains(resource)) { Ok(asked) } else { Err(error()) }
    }

    /// Hands tokens out. `scopes` and `audience` are the access token's own.
    fn reply(
        &self,
        id: GrantId,
        issue: &Issue,
        scopes: &[String],
        audience: &[String],
        keys: &Keyring,
    ) -> Reply {
        let lifetime = self.config.lifetimes.access_token.as_secs();
        let expires_at = issue.issued_at.saturating_add(lifetime).min(issue.grant.expires_at);
        let access_token = Credential {
            kind: Kind::AccessToken,
            grant: id,
            generation: issue.generation,
            expires_at,
            scopes: ScopeSet::of(&issue.grant.scopes, scopes),
            audience: Audience::of(&issue.grant.audience, audience),
        };
        let refresh_token = Credential {
            kind: Kind::RefreshToken,
            expires_at: issue.grant.expires_at,
            scopes: ScopeSet::ALL,
            audience: Audience::ALL,
            ..access_token
        };
        let tokens = Tokens {
            access_token: access_token.issue(keys),
            token_type: "Bearer",
            expires_in: expires_at.saturating_sub(self.now),
            refresh_token: refresh_token.issue(keys),
            scope: &scopes.join(" "),
        };
        Reply::json(StatusCode::OK, &tokens)
            .no_store()
            .with(header::PRAGMA, HeaderValue::from_static("no-cache"))
    }
}
