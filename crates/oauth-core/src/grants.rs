//! The life of a grant: redeemed, refreshed, and at an end. How it begins is in [`crate::approvals`].
//!
//! Each step is one compare-and-swap on the grant's one record, so no half-written grant can exist.
//! The functions here decide; [`Records::transition`] carries out.

use crate::{
    Config,
    lifetimes::latest_end,
    records::{Grant, GrantId, GrantState, RememberedConsent, UserGrants, user_key},
};
use serde::{Deserialize, de::DeserializeOwned};
use store_core::{Change, Connection, Random, RecordError, Records, Store, TransitionError};

/// Reads a record. One that was sealed with a secret since retired ended with it.
pub async fn find<T: DeserializeOwned, S: Store, R: Random>(
    records: &Records<'_, S, R>,
    key: &str,
) -> Result<Option<T>, RecordError> {
    match records.find(key).await {
        Err(RecordError::Retired) => Ok(None),
        found => found,
    }
}

/// The user's epoch now. A user without a record never signed in, and has none.
pub async fn find_epoch<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    subject: &str,
) -> Result<Option<u64>, RecordError> {
    /// So much of [`UserGrants`]: each access token is checked by it, and its list may be long.
    #[derive(Deserialize)]
    struct Epoch {
        epoch: u64,
    }
    Ok(find::<Epoch, _, _>(records, &user_key(subject)).await?.map(|user| user.epoch))
}

/// The user's record. A user without one never signed in.
pub async fn find_user<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    subject: &str,
) -> Result<Option<UserGrants>, RecordError> {
    find(records, &user_key(subject)).await
}

/// The user's last decision with this digest, if it is to stand for later ones and the grant that it made is
/// still live: to revoke the grant is to be asked again.
pub async fn find_remembered<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    user: &UserGrants,
    digest: &str,
    now: u64,
) -> Result<Option<RememberedConsent>, RecordError> {
    let entries = user.grants.iter().rev();
    let mut remembered = entries.filter_map(|entry| Some((entry.id, entry.remembered.as_ref()?)));
    let Some((id, remembered)) = remembered.find(|(_, remembered)| remembered.digest == digest) else {
        return Ok(None);
    };
    if remembered.expires_at <= now {
        return Ok(None);
    }
    let grant = find::<Grant, _, _>(records, &id.key()).await?;
    let is_live = grant.is_some_and(|grant| grant.user_epoch == user.epoch && !grant.is_dead(now));
    Ok(is_live.then(|| remembered.clone()))
}

/// Whether the user has approved this client, and sent a code to a redirect URI of which `leads_there` holds, and
/// has not revoked that since.
pub async fn has_approved<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    user: &UserGrants,
    client_id: &str,
    leads_there: impl Fn(&str) -> bool,
    now: u64,
) -> Result<bool, RecordError> {
    for entry in user.grants.iter().rev().filter(|entry| now < entry.expires_at) {
        let grant = find::<Grant, _, _>(records, &entry.id.key()).await?;
        let is_approval = grant.is_some_and(|grant| {
            grant.client_id == client_id
                && grant.user_epoch == user.epoch
                && !matches!(grant.state, GrantState::Revoked { .. })
                && leads_there(&grant.redirect_uri)
        });
        if is_approval {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Revokes a grant, whatever state it is in, and deletes what was kept for its client. One that is not there is as
/// good as revoked.
pub async fn revoke<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    id: GrantId,
    now: u64,
) -> Result<(), RecordError> {
    supersede(records, id, now).await?;
    forget(records, id).await
}

/// Revokes a grant that another one of the same client takes the place of. What was kept for the client stays until
/// the grant leaves its user's index: a client that was granted more scope goes on with the session that it has.
pub async fn supersede<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    id: GrantId,
    now: u64,
) -> Result<(), RecordError> {
    let key = id.key();
    let revoked = records.transition(&key, |grant: &Grant| match grant.state {
        GrantState::Revoked { .. } => Ok(Change::Keep(())),
        GrantState::Issued { .. } | GrantState::Active { .. } => Ok(Change::Write(revoked(grant, now), ())),
    });
    match revoked.await {
        Ok(())
        | Err(
            TransitionError::NotFound
            | TransitionError::Refused(())
            | TransitionError::Record(RecordError::Retired),
        ) => Ok(()),
        Err(TransitionError::Record(error)) => Err(error),
    }
}

/// Deletes what was kept for the client under this grant, which is at its end.
pub async fn forget<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    id: GrantId,
) -> Result<(), RecordError> {
    Ok(Connection::of(Some(&id.hex()), "", "").forget(records.store).await?)
}

/// The same grant, revoked. A tombstone, not a deletion: revoked wins over whoever is changing it.
fn revoked(grant: &Grant, now: u64) -> Grant {
    Grant { state: GrantState::Revoked { revoked_at: now }, ..grant.clone() }
}

/// Tokens to hand out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The refresh token's generation.
    pub generation: u32,
    /// When that generation became current; the access token's life counts from there, so that a
    /// repeated answer is the same answer.
    pub issued_at: u64,
    /// The grant.
    pub grant: Grant,
}

/// Why a code or refresh token is not good. To the client all are `invalid_grant`: whoever presents a
/// token that is not theirs learns nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotGood {
    /// It was issued to another client.
    #[error("of another client")]
    OtherClient,
    /// The redirect URI is not the one that the code was sent to.
    #[error("another redirect URI")]
    OtherRedirectUri,
    /// The code verifier is not the challenge's.
    #[error("wrong code verifier")]
    WrongVerifier,
    /// It, or the grant, is past its time.
    #[error("expired")]
    Expired,
    /// The code was redeemed, or the refresh token used, before.
    #[error("used before")]
    UsedBefore,
    /// It was used before, and not by accident: the grant has been revoked.
    #[error("used before; the grant is revoked")]
    Replayed,
    /// The grant is revoked.
    #[error("revoked")]
    Revoked,
}

/// What a client shows to redeem a code.
#[derive(Debug, Clone, Copy)]
pub struct Redemption<'a> {
    /// The client.
    pub client_id: &'a str,
    /// The redirect URI, if it is sent: OAuth 2.1 no longer asks for it.
    pub redirect_uri: Option<&'a str>,
    /// The PKCE verifier.
    pub code_verifier: &'a str,
}

/// The outcome of a step that may have to be written: what to hand out, or that the grant was revoked.
type Decision = Change<Grant, Result<Issue, NotGood>>;

/// Decides on a code (RFC 6749 section 4.1.3, RFC 7636 section 4.6). Everything about the caller is
/// checked first: whoever cannot prove to be the client changes nothing, and burns no one's code.
pub fn redeem(
    grant: &Grant,
    redemption: Redemption<'_>,
    config: &Config,
    now: u64,
) -> Result<Decision, NotGood> {
    let lifetimes = config.lifetimes;
    if grant.client_id != redemption.client_id {
        return Err(NotGood::OtherClient);
    }
    if redemption.redirect_uri.is_some_and(|uri| uri != grant.redirect_uri) {
        return Err(NotGood::OtherRedirectUri);
    }
    if !crate::pkce::verify(redemption.code_verifier, &grant.code_challenge) {
        return Err(NotGood::WrongVerifier);
    }
    match grant.state {
        GrantState::Revoked { .. } => Err(NotGood::Revoked),
        GrantState::Issued { code_expires_at } if now >= code_expires_at.min(grant.expires_at) => {
            Err(NotGood::Expired)
        }
        // K-26: the clock was set back since, and the code would live longer than codes live.
        GrantState::Issued { code_expires_at }
            if code_expires_at > latest_end(now, lifetimes.authorization_code) =>
        {
            Err(NotGood::Expired)
        }
        GrantState::Issued { .. } => Ok(activate(grant, now, 1, now, config)),
        // RFC 6749 section 4.1.2: a second use revokes what the first one gave. Unless it comes at
        // once: then it is the same client, which sent its request twice or lost the answer.
        GrantState::Active { redeemed_at, .. }
            if now.saturating_sub(redeemed_at) <= lifetimes.code_retry.as_secs() =>
        {
            Err(NotGood::UsedBefore)
        }
        GrantState::Active { .. } => Ok(Change::Write(revoked(grant, now), Err(NotGood::Replayed))),
    }
}

/// Decides on a refresh token of this generation (RFC 6749 section 6, OAuth 2.1 section 4.3.1).
pub fn refresh(
    grant: &Grant,
    client_id: &str,
    presented: u32,
    config: &Config,
    now: u64,
) -> Result<Decision, NotGood> {
    if grant.client_id != client_id {
        return Err(NotGood::OtherClient);
    }
    let (redeemed_at, generation, rotated_at, refresh_expires_at) = match grant.state {
        GrantState::Revoked { .. } => return Err(NotGood::Revoked),
        // No refresh token of a grant that was never redeemed can be out, nor one from the future,
        // unless the store went back in time.
        GrantState::Issued { .. } => return Err(NotGood::Expired),
        GrantState::Active { redeemed_at, generation, rotated_at, refresh_expires_at } => {
            (redeemed_at, generation, rotated_at, refresh_expires_at)
        }
    };
    if now >= refresh_expires_at.min(grant.expires_at) || presented > generation {
        return Err(NotGood::Expired);
    }
    if presented == generation {
        return Ok(activate(grant, redeemed_at, generation.saturating_add(1), now, config));
    }
    let is_retry = presented + 1 == generation
        && now.saturating_sub(rotated_at) <= config.lifetimes.refresh_retry.as_secs();
    if is_retry {
        // The answer got lost, or the client refreshed twice at once: the same answer again.
        let issue = Issue { generation, issued_at: rotated_at, grant: grant.clone() };
        return Ok(Change::Keep(Ok(issue)));
    }
    // Two parties hold this grant's tokens, and one of them is a thief (RFC 9700 section 4.14.2).
    Ok(Change::Write(revoked(grant, now), Err(NotGood::Replayed)))
}

fn activate(grant: &Grant, redeemed_at: u64, generation: u32, now: u64, config: &Config) -> Decision {
    let refresh_expires_at =
        now.saturating_add(config.lifetimes.refresh_token.as_secs()).min(grant.expires_at);
    let state = GrantState::Active { redeemed_at, generation, rotated_at: now, refresh_expires_at };
    let grant = Grant { state, ..grant.clone() };
    let issue = Issue { generation, issued_at: now, grant: grant.clone() };
    Change::Write(grant, Ok(issue))
}
