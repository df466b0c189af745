//! `grant_type=refresh_token` (RFC 6749 section 6), with rotation (OAuth 2.1 section 4.3.1).

use super::{TokenError, TokenRequest};
use crate::{
    client::Clients,
    config::log_tolerance,
    credential::Kind,
    error::{ErrorCode, WireError},
    grants,
    records::Grant,
    scope,
};
use store_core::{Random, Store};
use web_core::Reply;

/// Hands out new tokens for a refresh token.
pub(super) async fn refresh<S: Store, R: Random>(
    request: &TokenRequest<'_>,
    clients: &Clients<'_, S, R>,
) -> Result<Reply, TokenError> {
    let records = clients.records;
    let token = request.credential("refresh_token", Kind::RefreshToken, records.keys)?;
    let key = token.grant.key();
    let grant = grants::find::<Grant, _, _>(records, &key).await?.ok_or(TokenError::Unknown)?;
    // What was granted never changes, so what is asked for is judged before anything is rotated, and
    // only for the client that it was granted to.
    let (mut scopes, mut audience) = (Vec::new(), Vec::new());
    if grant.client_id == request.client_id() {
        audience = request.audience(&grant.audience)?;
        scopes = narrow(request, &grant)?;
    }
    if grants::find_epoch(records, &grant.subject).await? != Some(grant.user_epoch) {
        return Err(TokenError::NotGood(grants::NotGood::Revoked));
    }
    let (client_id, presented) = (request.client_id(), token.generation);
    // A refused request does not use the client's assertion.
    if request.authenticated.has_assertion() {
        grants::refresh(&grant, client_id, presented, request.config, request.now)
            .map_err(TokenError::NotGood)?;
    }
    clients.use_assertion(&request.authenticated).await?;
    let issue = records
        .transition(&key, |grant: &Grant| {
            grants::refresh(grant, client_id, presented, request.config, request.now)
        })
        .await?;
    if issue == Err(grants::NotGood::Replayed) {
        grants::forget(records, token.grant).await?;
    }
    let issue = issue.map_err(TokenError::NotGood)?;
    Ok(request.reply(token.grant, &issue, &scopes, &audience, records.keys))
}

/// The scopes for this access token: fewer if the client asks for fewer, never more. The grant keeps
/// its own.
///
/// Tolerance `declined_scopes`: clients repeat what they asked for at first; what was not granted of it
/// then is not granted now, and not held against them.
fn narrow(request: &TokenRequest<'_>, grant: &Grant) -> Result<Vec<String>, WireError> {
    let invalid_scope = || WireError::bad_request(ErrorCode::InvalidScope, "the scope was not granted");
    let Some(parameter) = request.form.single("scope")? else { return Ok(grant.scopes.clone()) };
    let asked = scope::parse(parameter).map_err(|_| invalid_scope())?;
    let (granted, beyond): (Vec<String>, Vec<String>) =
        asked.into_iter().partition(|scope| grant.scopes.contains(scope));
    if !beyond.is_empty() {
        let are_declined = beyond.iter().all(|scope| grant.declined_scopes.contains(scope));
        if !are_declined || !request.config.tolerances.declined_scopes {
            return Err(invalid_scope());
        }
        log_tolerance(request.log, "declined_scopes");
    }
    Ok(if granted.is_empty() { grant.scopes.clone() } else { granted })
}
