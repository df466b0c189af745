//! What does this access token stand for? The function behind `postern:introspection`.

use crate::{
    Config,
    credential::{Kind, Unverified},
    grants,
    lifetimes::latest_end,
    records::{Grant, GrantState},
};
use store_core::{Random, RecordError, Records, Store};

/// The facts behind an active access token. Judging them is the resource server's task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The user.
    pub subject: String,
    /// The client.
    pub client_id: String,
    /// The scopes that this token carries.
    pub scopes: Vec<String>,
    /// Resources that it may be used at.
    pub audience: Vec<String>,
    /// When it ends, in seconds since the Unix epoch.
    pub expires_at: u64,
    /// The grant that it ends with, in lower-case hexadecimal.
    pub grant_id: String,
}

/// Takes a token apart. What is none is not active, and that takes neither a key nor the store to say.
pub fn parse(token: &str) -> Option<Unverified> {
    Unverified::parse(Kind::AccessToken, token)
}

/// Looks an access token up. `None` when it is not active, for whatever reason. What is not authentic
/// or past its time costs no store operation; anything else two reads and no write.
pub async fn introspect<S: Store, R: Random>(
    token: Unverified,
    records: &Records<'_, S, R>,
    config: &Config,
    now: u64,
) -> Result<Option<Access>, RecordError> {
    let Some(credential) = token.verify(records.keys) else { return Ok(None) };
    // The second half is for clocks that were set back, and for lifetimes that were shortened: no token
    // lives longer than tokens live.
    if credential.expires_at <= now || credential.expires_at > latest_end(now, config.lifetimes.access_token)
    {
        return Ok(None);
    }
    let grant = grants::find::<Grant, _, _>(records, &credential.grant.key()).await?;
    let Some(grant) = grant else { return Ok(None) };
    if config.clients.denied.contains(&grant.client_id) {
        return Ok(None);
    }
    let is_active =
        matches!(grant.state, GrantState::Active { generation, .. } if credential.generation <= generation);
    if !is_active || grant.expires_at <= now {
        return Ok(None);
    }
    if grants::find_epoch(records, &grant.subject).await? != Some(grant.user_epoch) {
        return Ok(None);
    }
    Ok(Some(Access {
        scopes: credential.scopes.names(&grant.scopes),
        subject: grant.subject,
        client_id: grant.client_id,
        audience: credential.audience.names(&grant.audience),
        expires_at: credential.expires_at,
        grant_id: credential.grant.hex(),
    }))
}
