//! The revocation endpoint (RFC 7009): a client gives back what it was granted.
//!
//! Either token ends the whole grant, and with it every other token of it. Whether a token was good is not
//! told: what is revoked, expired, unknown or another client's is as revoked as it can be.

use crate::{
    client::{
        Clients,
        authentication::Subject,
        request::{self, invalid_request},
    },
    credential::{Credential, Kind},
    error::{EndpointError, refuse_method},
    grants,
    records::Grant,
};
use http::{Method, StatusCode};
use store_core::{Random, Store};
use web_core::{Head, ReadBody, Reply, cors};

/// Answers a request to `/revoke`.
pub async fn serve<S: Store, R: Random>(
    head: &Head,
    body: &mut impl ReadBody,
    clients: &Clients<'_, S, R>,
) -> Reply {
    let reply = match head.method {
        Method::POST => match revoke(head, body, clients).await {
            Ok(()) => Reply::empty(StatusCode::OK).no_store(),
            Err(error) => error.reply(&head.path, clients.log),
        },
        Method::OPTIONS => cors::preflight(head, request::METHODS),
        _ => refuse_method(head, request::METHODS, clients.log),
    };
    cors::allow_any(reply)
}

async fn revoke<S: Store, R: Random>(
    head: &Head,
    body: &mut impl ReadBody,
    clients: &Clients<'_, S, R>,
) -> Result<(), EndpointError> {
    let Clients { records, now, .. } = *clients;
    let form = request::read(head, body, &[]).await?;
    let authenticated = clients.authenticate(head, &form, Subject::TOKEN).await?;
    let token = form.single("token")?.ok_or(invalid_request("token is missing"))?;
    // A token says what it is, so `token_type_hint` has nothing to add (section 2.1).
    let credential = [Kind::RefreshToken, Kind::AccessToken]
        .into_iter()
        .find_map(|kind| Credential::verify(kind, token, records.keys));
    let Some(credential) = credential.filter(|credential| now < credential.expires_at) else { return Ok(()) };
    let grant = grants::find::<Grant, _, _>(records, &credential.grant.key()).await?;
    // A grant's client never changes, so it may be looked at before the transition.
    if grant.is_some_and(|grant| grant.client_id == authenticated.client.id) {
        clients.use_assertion(&authenticated).await?;
        grants::revoke(records, credential.grant, now).await?;
    }
    Ok(())
}
