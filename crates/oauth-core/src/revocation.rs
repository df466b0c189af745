//! The revocation endpoint (RFC 7009): a client gives back what it was granted.
//!
//! Either token ends the whole grant, and with it every other token of it. Whether a token was good is not
//! told: what is revoked, expired, unknown or another client's is as revoked as it can be.

use crate::{
    client::{
        Clients,
        authentication::AuthenticationError,
        request::{self, invalid_request},
    },
    credential::{Credential, Kind},
    error::WireError,
    grants,
    records::Grant,
};
use http::{Method, StatusCode};
use store_core::{Random, RecordError, Store};
use web_core::{Head, ReadBody, Reply, cors, form::Repeated};

/// Why nothing can be said about the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// The request is not one, or not from the client that it names.
    #[error("{}", .0.description)]
    Request(WireError),
    /// The records could not be had.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<WireError> for RevocationError {
    fn from(error: WireError) -> Self {
        Self::Request(error)
    }
}

impl From<Repeated> for RevocationError {
    fn from(error: Repeated) -> Self {
        Self::Request(error.into())
    }
}

impl From<AuthenticationError> for RevocationError {
    fn from(error: AuthenticationError) -> Self {
        match error {
            AuthenticationError::Request(error) => Self::Request(error),
            AuthenticationError::Record(error) => Self::Record(error),
        }
    }
}

impl RevocationError {
    /// The one mapping to the wire.
    pub fn wire(&self) -> WireError {
        match self {
            Self::Request(error) => *error,
            Self::Record(error) => error.into(),
        }
    }
}

/// Answers a request to `/revoke`.
pub async fn serve<S: Store, R: Random>(
    head: &Head,
    body: &mut impl ReadBody,
    clients: &Clients<'_, S, R>,
) -> Reply {
    let reply = match head.method {
        Method::POST => match revoke(head, body, clients).await {
            Ok(()) => Reply::empty(StatusCode::OK).no_store(),
            Err(error) => {
                if let RevocationError::Record(cause) = &error {
                    (clients.log)(&format!("revoke: {}", cause.for_log()));
                }
                error.wire().reply()
            }
        },
        Method::OPTIONS => cors::preflight(request::PREFLIGHT),
        _ => Reply::method_not_allowed("POST, OPTIONS"),
    };
    cors::allow_any(reply)
}

async fn revoke<S: Store, R: Random>(
    head: &Head,
    body: &mut impl ReadBody,
    clients: &Clients<'_, S, R>,
) -> Result<(), RevocationError> {
    let Clients { records, now, .. } = *clients;
    let form = request::read(head, body, &[]).await?;
    let client = clients.authenticate(head, &form).await?;
    let token = form.single("token")?.ok_or(invalid_request("token is missing"))?;
    // A token says what it is, so `token_type_hint` has nothing to add (section 2.1).
    let credential = [Kind::RefreshToken, Kind::AccessToken]
        .into_iter()
        .find_map(|kind| Credential::verify(kind, token, records.keys));
    let Some(credential) = credential.filter(|credential| now < credential.expires_at) else { return Ok(()) };
    let grant = grants::find::<Grant, _, _>(records, &credential.grant.key()).await?;
    // A grant's client never changes, so it may be looked at before the transition.
    if grant.is_some_and(|grant| grant.client_id == client.id) {
        grants::revoke(records, credential.grant, now).await?;
    }
    Ok(())
}
