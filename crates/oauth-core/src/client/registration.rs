//! Dynamic client registration (RFC 7591), without storing anything.

use super::{
    Client, ClientKeys, Clients, SealedClient, authentication, json,
    metadata::{ClientMetadata, MetadataError, Rules},
    request,
};
use crate::{
    config::log_tolerance,
    error::{WireError, log_refusal, refuse_method},
    ports::{Catalog, CatalogError, Offer},
};
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::Value;
use store_core::Random;
use web_core::{BodyError, Head, ReadBody, Reply, cors};

/// The longest registration, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// What a registered client is told (section 3.2.1): everything that was registered, whatever it had
/// asked for. What could not be used of its metadata is not there.
#[derive(Serialize)]
struct Registered<'a> {
    client_id: &'a str,
    client_id_issued_at: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    client_name: &'a str,
    redirect_uris: &'a [String],
    grant_types: [&'static str; 2],
    response_types: [&'static str; 1],
    token_endpoint_auth_method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_type: Option<&'static str>,
    /// What it asked for of what there is. No limit: what a client may ask for later is for the user to
    /// decide, and what it may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(flatten)]
    secret: Option<Secret>,
}

/// What only a confidential client is told besides.
#[derive(Serialize)]
struct Secret {
    client_secret: String,
    /// 0: it lives as long as the id.
    client_secret_expires_at: u64,
}

/// Why nothing was registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// The request is malformed.
    #[error("{}", .0.for_log())]
    Request(WireError),
    /// The metadata is not accepted.
    #[error("{cause}")]
    Metadata {
        /// What the client is told.
        error: WireError,
        /// The cause, for the operator's log.
        cause: String,
    },
    /// The scopes could not be listed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<WireError> for RegistrationError {
    fn from(error: WireError) -> Self {
        Self::Request(error)
    }
}

impl From<MetadataError> for RegistrationError {
    fn from(error: MetadataError) -> Self {
        Self::Metadata { cause: error.for_log(), error: error.error }
    }
}

impl From<BodyError> for RegistrationError {
    fn from(error: BodyError) -> Self {
        Self::Request(error.into())
    }
}

impl RegistrationError {
    /// The one mapping to the wire.
    pub fn wire(&self) -> WireError {
        match self {
            Self::Request(error) => error.clone(),
            Self::Metadata { error, .. } => error.clone(),
            Self::Catalog(_) => WireError::UNAVAILABLE,
        }
    }
}

/// Answers a request to `/register`. Whether there is such a path is for the caller to know
/// (RG-18: not when the operator closed registration).
pub async fn serve<S, R: Random>(
    head: &Head,
    body: &mut impl ReadBody,
    clients: &Clients<'_, S, R>,
    catalog: &impl Catalog,
) -> Reply {
    let reply = match head.method {
        Method::POST => register(head, body, clients, catalog).await.unwrap_or_else(|error| {
            match &error {
                RegistrationError::Catalog(cause) => (clients.log)(&format!("{}: {cause}", head.path)),
                refused => log_refusal(clients.log, &head.path, &refused.to_string()),
            }
            error.wire().reply()
        }),
        Method::OPTIONS => cors::preflight(head, request::METHODS),
        _ => refuse_method(head, request::METHODS, clients.log),
    };
    cors::allow_any(reply)
}

async fn register<S, R: Random>(
    head: &Head,
    body: &mut impl ReadBody,
    clients: &Clients<'_, S, R>,
    catalog: &impl Catalog,
) -> Result<Reply, RegistrationError> {
    if head.content_type().as_deref() != Some("application/json") || head.has_content_encoding() {
        let error = MetadataError::new("the body must be application/json, and not compressed").error;
        return Err(WireError { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, ..error }.into());
    }
    let request = json::object(&body.read(MAX_BODY_BYTES).await?).ok_or(MetadataError::new(
        "the body must be one JSON object with client metadata, and no member of it repeated",
    ))?;
    let metadata = ClientMetadata::parse(&request, Rules::of(clients.config, clients.log))?;
    let authentication = metadata.authentication.unwrap_or_else(|| default_method(clients));
    let scope = match &metadata.scopes {
        Some(asked) => offered(asked, &catalog.list().await?),
        None => None,
    };
    let (keys, random) = (clients.records.keys, clients.records.random);
    let ClientMetadata { name, redirect_uris, application_type, .. } = metadata;
    let client_keys = client_keys(authentication, metadata.keys)?;
    let sealed_client = SealedClient { name, redirect_uris, authentication, keys: client_keys };
    let client = Client::register(sealed_client, keys, random).ok_or(MetadataError::new(
        "client_name, redirect_uris and jwks are too large together; register fewer or shorter redirect URIs",
    ))?;
    if clients.is_denied(&client.id) {
        return Err(MetadataError::new("this client has been disabled by the operator").into());
    }
    let registered = Registered {
        client_id: &client.id,
        client_id_issued_at: clients.now,
        client_name: &client.name,
        redirect_uris: &client.redirect_uris,
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: client.authentication.as_str(),
        jwks: match &client.keys {
            ClientKeys::Set(keys) => serde_json::from_str(keys).ok(),
            ClientKeys::None | ClientKeys::At(_) => None,
        },
        application_type: application_type.map(|kind| kind.as_str()),
        scope,
        secret: client
            .secret(keys)
            .map(|client_secret| Secret { client_secret, client_secret_expires_at: 0 }),
    };
    Ok(Reply::json(StatusCode::CREATED, &registered).no_store())
}

/// Section 2: a client that names no method would be one of `client_secret_basic`.
///
/// Tolerance `public_by_default`: it is a public one instead, and the answer says so (section 3.2.1 lets
/// the server choose). Native clients leave it out and then show no secret, which would lock them out;
/// one that wants a secret sees that it was given none.
fn default_method<S, R>(clients: &Clients<'_, S, R>) -> authentication::Method {
    if clients.config.tolerances.public_by_default {
        log_tolerance(clients.log, "public_by_default");
        authentication::Method::None
    } else {
        authentication::Method::ClientSecretBasic
    }
}

/// The keys of a client that signs. They are sealed into its id, so they come with the registration: a
/// stranger's address is not fetched from for it (RG-06). Other clients' keys are ignored.
fn client_keys(
    authentication: authentication::Method,
    keys: ClientKeys,
) -> Result<Option<String>, MetadataError> {
    match (authentication, keys) {
        (authentication::Method::PrivateKeyJwt, ClientKeys::Set(keys)) => Ok(Some(keys)),
        (authentication::Method::PrivateKeyJwt, ClientKeys::None | ClientKeys::At(_)) => {
            Err(MetadataError::new("a client of private_key_jwt registers with jwks, not with jwks_uri"))
        }
        _ => Ok(None),
    }
}

/// RG-09: what a client asks for, cut to what there is.
fn offered(asked: &[String], offer: &Offer) -> Option<String> {
    let names = offer.scopes.iter().map(|scope| scope.name.as_str());
    let scopes: Vec<&str> = names.filter(|name| asked.iter().any(|asked| asked == name)).collect();
    (!scopes.is_empty()).then(|| scopes.join(" "))
}

#[cfg(test)]
mod tests;
