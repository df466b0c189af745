//! `grant_type=authorization_code` (RFC 6749 section 4.1.3).

use super::{TokenError, TokenRequest};
use crate::{
    client::{Clients, request::invalid_request},
    credential::Kind,
    grants::{self, NotGood, Redemption},
    records::Grant,
};
use store_core::{Random, Store};
use web_core::Reply;

/// Redeems a code.
pub(super) async fn redeem<S: Store, R: Random>(
    request: &TokenRequest<'_>,
    clients: &Clients<'_, S, R>,
) -> Result<Reply, TokenError> {
    let records = clients.records;
    let code_verifier = request.form.single("code_verifier")?;
    let redemption = Redemption {
        client_id: request.client_id(),
        redirect_uri: request.form.single("redirect_uri")?,
        code_verifier: code_verifier.ok_or(invalid_request("code_verifier is missing"))?,
    };
    let code = request.credential("code", Kind::AuthorizationCode, records.keys)?;
    let key = code.grant.key();
    // The resource never changes after approval, so it may be judged before the transition, and must
    // be: a mistaken resource does not burn the code.
    let grant = grants::find::<Grant, _, _>(records, &key).await?.ok_or(TokenError::Unknown)?;
    let mut audience = Vec::new();
    if grant.client_id == request.client_id() {
        audience = request.audience(&grant.audience)?;
    }
    if grants::find_epoch(records, &grant.subject).await? != Some(grant.user_epoch) {
        return Err(TokenError::NotGood(NotGood::Revoked));
    }
    // A refused request does not use the client's assertion.
    if request.authenticated.has_assertion() {
        grants::redeem(&grant, redemption, request.config, request.now).map_err(TokenError::NotGood)?;
    }
    clients.use_assertion(&request.authenticated).await?;
    let issue = records
        .transition(&key, |grant: &Grant| grants::redeem(grant, redemption, request.config, request.now))
        .await?;
    if issue == Err(NotGood::Replayed) {
        grants::forget(records, code.grant).await?;
    }
    let issue = issue.map_err(TokenError::NotGood)?;
    Ok(request.reply(code.grant, &issue, &issue.grant.scopes, &audience, records.keys))
}
