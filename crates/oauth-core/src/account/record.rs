//! What a user allowed, as a document to keep.

use super::{action::Action, connections, day, go_on_with};
use crate::{
    AuthorizationServer, approvals,
    authorize::{SignedIn, find_session},
    page_error::PageError,
    ports::{Catalog, Identity},
    records::{Grant, GrantState, UserGrants},
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};
use store_core::{Random, Store};
use web_core::{Head, Reply};

/// Answers a request to `/account/record`.
pub async fn serve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
) -> Result<Reply, PageError> {
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return Err(PageError::MethodNotAllowed("GET, HEAD"));
    }
    let Some(SignedIn { session, user }) = find_session(server, head).await? else {
        return Ok(go_on_with(server, &Action::Record));
    };
    let list = connections::list(&server.records, &user).await?;
    let connections: Vec<Value> = list.iter().map(|(_, grant)| entry(grant, &user, server.now)).collect();
    let document = json!({
        "server": server.config.public_url.as_str(),
        "subject": session.subject,
        "name": session.display_name,
        "made_at": day::date_time(server.now),
        "connections": connections,
    });
    let body = serde_json::to_vec_pretty(&document).unwrap_or_default();
    let disposition = HeaderValue::from_static("attachment; filename=\"connected-applications.json\"");
    Ok(Reply::json_bytes(StatusCode::OK, body.into())
        .no_store()
        .with(header::CONTENT_DISPOSITION, disposition)
        .with(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ))
}

/// One grant. Its id stays with us: whoever has it could say which record is whose.
fn entry(grant: &Grant, user: &UserGrants, now: u64) -> Value {
    let status = match grant.state {
        GrantState::Revoked { .. } => "revoked",
        _ if grant.user_epoch != user.epoch => "revoked",
        _ if grant.is_dead(now) => "expired",
        GrantState::Issued { .. } => "waiting",
        GrantState::Active { .. } => "active",
    };
    let revoked_at = match grant.state {
        GrantState::Revoked { revoked_at } => Some(day::date_time(revoked_at)),
        GrantState::Issued { .. } | GrantState::Active { .. } => None,
    };
    json!({
        "client_id": grant.client_id,
        "client_name": grant.client_name,
        "redirect_uri": grant.redirect_uri,
        "scopes": grant.scopes,
        "declined_scopes": grant.declined_scopes,
        "resources": grant.audience,
        "approved_at": day::date_time(grant.approved_at),
        "last_used_on": approvals::last_used_at(grant).map(day::date),
        "ends_at": day::date_time(grant.expires_at),
        "revoked_at": revoked_at,
        "status": status,
    })
}
