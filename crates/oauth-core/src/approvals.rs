//! The approval of a grant: how it begins, and what it takes the place of.
//!
//! A user has a bounded number of connections. What gives way to a new one is never a surprise:
//!
//! * What has ended goes first.
//! * A client that is approved again at the same redirect URI in the same browser takes the place of its own grant.
//!   The browser is a part of it, because registrations are sealed alike on all devices and many clients use one
//!   redirect URI everywhere: the client's id and the URI do not tell two devices apart, and what the other one
//!   uses must not end.
//! * When there is no room, the grant that was unused for longest goes. Use is what is written down: the redemption
//!   of the code, and each refresh.
//!
//! The consent page names the connection that ends ([`find_replaced`]), and only that one ends ([`Terms::agreed`]).

use crate::{
    grants::{self, revoke},
    records::{Grant, GrantEntry, GrantId, GrantState, RememberedConsent, UserGrants, user_key},
};
use sha2::{Digest, Sha256};
use store_core::{Change, Random, RecordError, Records, Store, TransitionError, seal};

/// How many connections a user may have, unless the operator says otherwise.
pub const CONNECTIONS_PER_USER: usize = 50;

/// The most that an operator can allow. The user's record has to hold their index.
pub const MAX_CONNECTIONS_PER_USER: usize = 100;

/// The outcome of an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// The grant was made.
    Made,
    /// This very transaction had been approved before, and made this grant.
    MadeBefore(Box<Grant>),
}

/// Why a grant was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// The user signed out everywhere since the page was shown.
    #[error("the user's epoch has moved on")]
    SignedOut,
    /// The user has as many connections as a user may have, and did not agree to the end of one of them.
    #[error("no room for one more connection")]
    NoRoom,
    /// The store failed.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// What an approval goes by.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The decision, if it is to stand for later requests.
    pub remembered: Option<&'a RememberedConsent>,
    /// Which client, address and browser it is for ([`place`]). Empty if the browser is not known.
    pub place: &'a str,
    /// The connection that the user was told would end.
    pub agreed: Option<GrantId>,
    /// How many connections the user may have.
    pub limit: usize,
}

/// Why a connection ends for a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It is of the same client, at the same address, in the same browser.
    SamePlace,
    /// There is no room, and it was unused for longest.
    NoRoom,
}

/// A connection that ends for a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Which.
    pub id: GrantId,
    /// The grant.
    pub grant: Grant,
    /// Why.
    pub cause: Cause,
}

/// A digest of the client, the redirect URI and the browser that an approval is for. Empty if the browser is not known.
pub fn place(client_id: &str, redirect_uri: &str, device: &str) -> String {
    if device.is_empty() {
        return String::new();
    }
    let facts = serde_json::to_vec(&(client_id, redirect_uri, device)).unwrap_or_default();
    seal::to_text(Sha256::digest(facts).get(..9).unwrap_or_default())
}

/// When a grant was last used, as far as that is written down without a write for each request: when its code was
/// redeemed, and at each refresh.
pub fn last_used_at(grant: &Grant) -> Option<u64> {
    match grant.state {
        GrantState::Active { rotated_at, .. } => Some(rotated_at),
        GrantState::Issued { .. } | GrantState::Revoked { .. } => None,
    }
}

/// Finds the connection that ends when the user approves a new one at this place. It costs no read while there is room
/// and nothing was approved at this place before.
pub async fn find_replaced<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    user: &UserGrants,
    place: &str,
    limit: usize,
    now: u64,
) -> Result<Option<Replaced>, RecordError> {
    let own = user.grants.iter().rev().filter(|entry| !place.is_empty() && entry.place == place);
    for entry in own {
        let grant = grants::find::<Grant, _, _>(records, &entry.id.key()).await?;
        if let Some(grant) = grant.filter(|grant| grant.user_epoch == user.epoch && !grant.is_dead(now)) {
            return Ok(Some(Replaced { id: entry.id, grant, cause: Cause::SamePlace }));
        }
    }
    if user.grants.len() < limit {
        return Ok(None);
    }
    let (_, live) = judge(records, user, now).await?;
    if live.len() < limit {
        return Ok(None);
    }
    let unused = live.into_iter().filter_map(|(id, grant)| Some((id, grant?)));
    let unused = unused.min_by_key(|(_, grant)| last_used_at(grant).unwrap_or(grant.approved_at));
    Ok(unused.map(|(id, grant)| Replaced { id, grant, cause: Cause::NoRoom }))
}

/// How long an entry in a user's index may be ahead of its grant, in seconds. Longer than any request.
const APPROVAL_SECONDS: u64 = 60;

/// Stores a grant that the user has approved: first in the user's index, then the grant itself, which
/// alone makes the code good. A crash in between leaves an entry without a grant, and no permission.
///
/// The index is also what makes one transaction one grant: `id` comes from the transaction, and only
/// whoever enters it there creates the grant. An entry says which request made it, so that one that was
/// overtaken by many others after it had written still knows its own (K-31). An entry that never got its
/// grant, because the server died in between, is taken over when nobody can be about to make it any more.
pub async fn approve<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    id: GrantId,
    grant: &Grant,
    terms: &Terms<'_>,
    now: u64,
) -> Result<Approval, ApprovalError> {
    // K-32: chance may repeat itself, and no grant is ever made over another.
    match grants::find::<Grant, _, _>(records, &id.key()).await? {
        Some(made) if made.subject == grant.subject => return Ok(Approval::MadeBefore(Box::new(made))),
        Some(_) => return Err(RecordError::Contended.into()),
        None => {}
    }
    let dead = make_room(records, id, &grant.subject, terms, now).await?;
    let key = user_key(&grant.subject);
    let new_entry = GrantEntry {
        id,
        approved_at: now,
        expires_at: grant.expires_at,
        attempt: seal::to_text(&records.random.bytes::<9>()),
        remembered: terms.remembered.cloned(),
        place: terms.place.to_owned(),
    };
    // What the entry that is in place has dropped, if it is ours.
    let mut dropped_before = Vec::new();
    let entered = records.transition(&key, |user: &UserGrants| {
        if user.epoch != grant.user_epoch {
            return Err(ApprovalError::SignedOut);
        }
        match user.grants.iter().find(|entry| entry.id == id) {
            Some(entry) if *entry == new_entry => return Ok(Change::Keep(Some(dropped_before.clone()))),
            Some(entry) if !is_abandoned(entry, now) => return Ok(Change::Keep(None)),
            Some(_) | None => {}
        }
        let (dropped, mut kept): (Vec<GrantEntry>, Vec<GrantEntry>) = user
            .grants
            .iter()
            .filter(|entry| entry.id != id)
            .cloned()
            .partition(|entry| entry.expires_at <= now || dead.contains(&entry.id));
        kept.push(new_entry.clone());
        dropped_before.clone_from(&dropped);
        Ok(Change::Write(UserGrants { grants: kept, ..user.clone() }, Some(dropped)))
    });
    let entered = entered.await.map_err(|error| match error {
        TransitionError::NotFound | TransitionError::Record(RecordError::Retired) => ApprovalError::SignedOut,
        TransitionError::Refused(error) => error,
        TransitionError::Record(error) => error.into(),
    })?;
    let Some(dropped) = entered else {
        let made = grants::find::<Grant, _, _>(records, &id.key()).await?.ok_or(RecordError::Contended)?;
        return Ok(Approval::MadeBefore(Box::new(made)));
    };
    records.create(&id.key(), grant).await?;
    for entry in dropped {
        // What stays behind is dead, and one record; the approval is not undone for it.
        drop(grants::forget(records, entry.id).await);
        drop(records.delete(&entry.id.key()).await);
    }
    Ok(Approval::Made)
}

/// Whether an entry without a grant will never get one. Another approval may have entered it just now, and
/// be about to make the grant.
fn is_abandoned(entry: &GrantEntry, now: u64) -> bool {
    now.saturating_sub(entry.approved_at) > APPROVAL_SECONDS
}

/// A grant in the index. There is no record while another approval is about to make it.
type Judged = (GrantId, Option<Grant>);

/// Tells the entries of which nothing can come any more from the others, oldest first.
async fn judge<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    user: &UserGrants,
    now: u64,
) -> Result<(Vec<GrantId>, Vec<Judged>), RecordError> {
    let (mut dead, mut live) = (Vec::new(), Vec::new());
    for entry in &user.grants {
        match grants::find::<Grant, _, _>(records, &entry.id.key()).await? {
            Some(grant) if grant.user_epoch != user.epoch || grant.is_dead(now) => dead.push(entry.id),
            None if is_abandoned(entry, now) => dead.push(entry.id),
            grant => live.push((entry.id, grant)),
        }
    }
    Ok((dead, live))
}

/// Ends what the user agreed to end, and returns the entries of the index that can go for the new one.
async fn make_room<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    new_id: GrantId,
    subject: &str,
    terms: &Terms<'_>,
    now: u64,
) -> Result<Vec<GrantId>, ApprovalError> {
    let user = grants::find::<UserGrants, _, _>(records, &user_key(subject)).await?.unwrap_or_default();
    if user.grants.iter().any(|entry| entry.id == new_id) {
        return Ok(Vec::new());
    }
    let agreed = terms.agreed.filter(|id| user.grants.iter().any(|entry| entry.id == *id));
    if agreed.is_none() && user.grants.len() < terms.limit {
        return Ok(Vec::new());
    }
    let (mut dead, live) = if user.grants.len() < terms.limit {
        (Vec::new(), Vec::new())
    } else {
        judge(records, &user, now).await?
    };
    if let Some(id) = agreed {
        let is_own = user
            .grants
            .iter()
            .any(|entry| entry.id == id && !terms.place.is_empty() && entry.place == terms.place);
        if is_own && user.grants.len() < terms.limit {
            grants::supersede(records, id, now).await?;
        } else {
            revoke(records, id, now).await?;
            dead.push(id);
        }
    } else if live.len() >= terms.limit {
        return Err(ApprovalError::NoRoom);
    }
    Ok(dead)
}
