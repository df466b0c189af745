//! Where the deployment's secrets come from.
//!
//! An operator configures them. A developer's machine, whose public address is a loopback one, may do
//! without: then a secret is made and kept in the store, so that what it issues survives a restart.
//! That secret protects nothing from a program that can read the store; on the machine where both are,
//! nothing else would either. A server with a public address refuses to do so.
//!
//! # How it is decided which secret that is
//!
//! The first request makes a secret and puts it under a key that no other request writes. Requests that come
//! meanwhile wait. When they have waited for long, the maker may have died, or be slow; nobody can tell. So
//! another one makes a second secret under a second key. Both may be there in the end, and it is decided once
//! which of them counts, by a compare-and-swap on the second, which is there by then:
//!
//! * The first secret counts if the second one is not there, seen in this order.
//! * Otherwise the second says which one counts. Until it does, a request that sees it reads the first, and
//!   swaps the second to "the first" if that is there, and to "the second" if not.
//!
//! A first maker that comes back late puts a secret that is not the one that counts, and changes nothing.

use crate::{Keyring, KeyringError, Random, Store, StoreError, keyring::MIN_SECRET_BYTES};

/// Where a loopback server keeps the secret that it made.
const SECRET_KEY: &str = "postern:secret";

/// Where it keeps the second one: `[FIRST]`, or `[SECOND]` and the secret, or an undecided secret alone.
const SECOND_KEY: &str = "postern:secret:2";

/// Counts who set out to make the first. Stores have no create-if-absent, but they count exactly.
const CLAIM_KEY: &str = "postern:secret-claim";

/// Counts who set out to make the second.
const SECOND_CLAIM_KEY: &str = "postern:secret-claim:2";

/// Says that requests gave up waiting for the first.
const GIVEN_UP_KEY: &str = "postern:secret-late";

/// What the second secret begins with once it is decided which one counts.
const FIRST: u8 = b'1';
const SECOND: u8 = b'2';

/// How often the decision is looked at anew before it is left to the next request.
const MAX_ATTEMPTS: usize = 5;

/// How often a request that waits for the secret looks again.
pub const MAX_WAITS: usize = 100;

/// Whether a missing secret is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provision {
    /// By a component that issues things.
    Make,
    /// Not by a component that only checks them: without a secret nothing can have been issued.
    FindOnly,
}

/// Why there are no keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeploymentError {
    /// The configured secret cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// There is none, and the server has a public address.
    #[error(
        "deployment_secret is not set, and a server with a public address does not start without it; \
         make one with: openssl rand -base64 32 | tr '+/' '-_' | tr -d '='"
    )]
    Missing,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another request is making the secret at this moment.
    #[error(
        "the deployment secret is being made; if that lasts, two requests died while they made it: set \
         deployment_secret, or delete the state of this server"
    )]
    BeingMade,
}

/// The keyring of this deployment. `None` only with [`Provision::FindOnly`].
pub async fn keyring(
    configured: &str,
    is_loopback: bool,
    provision: Provision,
    store: &impl Store,
    random: &impl Random,
) -> Result<Option<Keyring>, DeploymentError> {
    if !configured.is_empty() {
        return Ok(Some(Keyring::parse(configured)?));
    }
    if !is_loopback {
        return Err(DeploymentError::Missing);
    }
    if let Some(secret) = find(store).await? {
        return Ok(Some(Keyring::from_secret(&secret)?));
    }
    if provision == Provision::FindOnly {
        return Ok(None);
    }
    let (key, claim_key) = match store.get(GIVEN_UP_KEY).await? {
        None => (SECRET_KEY, CLAIM_KEY),
        Some(_) => (SECOND_KEY, SECOND_CLAIM_KEY),
    };
    if store.increment(claim_key).await? == 1 {
        store.put(key, &random.bytes::<MIN_SECRET_BYTES>()).await?;
    }
    // What counts is what is stored, whichever request stored it.
    let secret = find(store).await?.ok_or(DeploymentError::BeingMade)?;
    Ok(Some(Keyring::from_secret(&secret)?))
}

/// As [`keyring`], and waits while another request is making the secret. `pause` waits for a moment; after
/// [`MAX_WAITS`] of them this request makes a second secret.
pub async fn keyring_or_wait(
    configured: &str,
    is_loopback: bool,
    provision: Provision,
    store: &impl Store,
    random: &impl Random,
    pause: impl Fn(),
) -> Result<Option<Keyring>, DeploymentError> {
    match keyring(configured, is_loopback, provision, store, random).await {
        Err(DeploymentError::BeingMade) => {}
        found => return found,
    }
    for _ in 0..MAX_WAITS {
        pause();
        if let Some(secret) = find(store).await? {
            return Ok(Some(Keyring::from_secret(&secret)?));
        }
    }
    give_up(store).await?;
    keyring(configured, is_loopback, provision, store, random).await
}

/// Lets the next request make a second secret: the maker of the first has probably died. There is no third, for
/// that would be put over the second of a maker that is only slow.
pub async fn give_up(store: &impl Store) -> Result<(), DeploymentError> {
    Ok(store.put(GIVEN_UP_KEY, b"1").await?)
}

/// The secret that counts, if one has been made.
async fn find(store: &impl Store) -> Result<Option<Vec<u8>>, DeploymentError> {
    for _ in 0..MAX_ATTEMPTS {
        let first = store.get(SECRET_KEY).await?;
        let second = store.get(SECOND_KEY).await?;
        let (first, second) = match (first, second) {
            (first, None) => return Ok(first),
            // The first may have come since it was looked for.
            (None, second) => (store.get(SECRET_KEY).await?, second),
            both => both,
        };
        match (second.as_deref(), first) {
            (Some([FIRST]), Some(first)) => return Ok(Some(first)),
            (Some([SECOND, second @ ..]), _) if second.len() == MIN_SECRET_BYTES => {
                return Ok(Some(second.to_vec()));
            }
            (Some(undecided), first) if undecided.len() == MIN_SECRET_BYTES => {
                decide(store, undecided, first.is_some()).await?;
            }
            // The store is behind itself.
            _ => {}
        }
    }
    Err(DeploymentError::BeingMade)
}

/// Writes which secret counts, unless another request has.
async fn decide(store: &impl Store, undecided: &[u8], is_first_there: bool) -> Result<(), DeploymentError> {
    let (current, swap) = store.begin_swap(SECOND_KEY).await?;
    if current.as_deref() == Some(undecided) {
        let decided = if is_first_there { vec![FIRST] } else { [&[SECOND], undecided].concat() };
        store.swap(swap, &decided).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
