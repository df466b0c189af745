//! The introspection endpoint (RFC 7662): a confidential client asks about tokens of its own.
//!
//! Anybody may register a confidential client, so that a caller is one proves nothing about other clients'
//! tokens. Whatever is not the caller's own and active is `{"active":false}`, and nothing more (section 2.2):
//! the endpoint is no oracle for tokens that somebody found (section 4).

use crate::{
    Config,
    client::{
        Clients,
        authentication::{self, ClientRefusal, Subject},
        request::{self, invalid_request},
    },
    credential::{Credential, Kind, Unverified},
    error::{EndpointError, refuse_method},
    grants, introspection,
    records::{Grant, GrantState},
};
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::json;
use store_core::{Random, RecordError, Records, Store};
use web_core::{Head, ReadBody, Reply};

/// How a caller can prove who it is: every way but none at all.
pub fn authentication_methods() -> Vec<&'static str> {
    let none = authentication::Method::None.as_str();
    authentication::METHODS.iter().copied().filter(|method| *method != none).collect()
}

/// What is told of an active token (RFC 7662 section 2.2).
#[derive(Debug, Serialize)]
struct Active {
    active: bool,
    /// RFC 6749 section 3.3 has no empty scope.
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    client_id: String,
    /// How an access token is used. A refresh token is not used at a resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    exp: u64,
    sub: String,
    aud: Vec<String>,
    iss: String,
}

/// Answers a request to `/introspect`. It is for servers, so no script of another origin may read it.
pub async fn serve<S: Store, R: Random>(
    head: &Head,
    body: &mut impl ReadBody,
    clients: &Clients<'_, S, R>,
) -> Reply {
    if head.method != Method::POST {
        return refuse_method(head, "POST", clients.log);
    }
    match introspect(head, body, clients).await {
        Ok(Some(active)) => Reply::json(StatusCode::OK, &active).no_store(),
        Ok(None) => Reply::json(StatusCode::OK, &json!({ "active": false })).no_store(),
        Err(error) => error.reply(&head.path, clients.log),
    }
}

async fn introspect<S: Store, R: Random>(
    head: &Head,
    body: &mut impl ReadBody,
    clients: &Clients<'_, S, R>,
) -> Result<Option<Active>, EndpointError> {
    let Clients { config, records, now, .. } = *clients;
    let form = request::read(head, body, &[]).await?;
    let authenticated = clients.authenticate(head, &form, Subject::TOKEN).await?;
    let client = &authenticated.client;
    if client.authentication.is_none() {
        // TK-37: to name a client proves nothing.
        return Err(ClientRefusal::new("a public client has nothing to prove who it is with").into());
    }
    let token = form.single("token")?.ok_or(invalid_request("token is missing"))?;
    // A token says what it is, so `token_type_hint` has nothing to add (section 2.1).
    let active = match introspection::parse(token) {
        Some(token) => access_token(token, records, config, now).await?,
        None => refresh_token(token, records, config, now).await?,
    };
    let own = active.filter(|active| active.client_id == client.id && !clients.is_denied(&client.id));
    if own.is_some() {
        clients.use_assertion(&authenticated).await?;
    }
    Ok(own)
}

async fn access_token<S: Store, R: Random>(
    token: Unverified,
    records: &Records<'_, S, R>,
    config: &Config,
    now: u64,
) -> Result<Option<Active>, RecordError> {
    let access = introspection::introspect(token, records, config, now).await?;
    Ok(access.map(|access| Active {
        active: true,
        scope: access.scopes.join(" "),
        client_id: access.client_id,
        token_type: Some("Bearer"),
        exp: access.expires_at,
        sub: access.subject,
        aud: access.audience,
        iss: config.public_url.as_str().to_owned(),
    }))
}

/// A refresh token is active while it is the one that can produce a successor.
async fn refresh_token<S: Store, R: Random>(
    token: &str,
    records: &Records<'_, S, R>,
    config: &Config,
    now: u64,
) -> Result<Option<Active>, RecordError> {
    let Some(credential) = Credential::verify(Kind::RefreshToken, token, records.keys) else {
        return Ok(None);
    };
    let Some(grant) = grants::find::<Grant, _, _>(records, &credential.grant.key()).await? else {
        return Ok(None);
    };
    let refresh_expires_at = match grant.state {
        GrantState::Active { generation, refresh_expires_at, .. } if generation == credential.generation => {
            refresh_expires_at
        }
        _ => return Ok(None),
    };
    if grant.is_dead(now) || grants::find_epoch(records, &grant.subject).await? != Some(grant.user_epoch) {
        return Ok(None);
    }
    Ok(Some(Active {
        active: true,
        scope: grant.scopes.join(" "),
        client_id: grant.client_id,
        token_type: None,
        exp: refresh_expires_at.min(grant.expires_at),
        sub: grant.subject,
        aud: grant.audience,
        iss: config.public_url.as_str().to_owned(),
    }))
}
