//! Where the deployment's secrets come from.
//!
//! An operator configures them. A developer's machine, whose public address is a loopback one, may do
//! without: then a secret is made and kept in the store, so that what it issues survives a restart.
//! That secret protects nothing from whoever can read the store; on the machine where both are, nothing
//! else would either. A server with a public address refuses to do so.

use crate::{Keyring, KeyringError, Random, Store, StoreError, keyring::MIN_SECRET_BYTES};

/// Where a loopback server keeps the secret that it made.
const SECRET_KEY: &str = "postern:secret";

/// Counts who set out to make it. Stores have no create-if-absent, but they count exactly.
const CLAIM_KEY: &str = "postern:secret-claim";

/// Whether a missing secret is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provision {
    /// By whoever issues things.
    Make,
    /// Not by whoever only checks them: without a secret nothing can have been issued.
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
    /// Another request is making the secret at this moment. Whoever waits looks again with
    /// [`Provision::FindOnly`], and calls [`give_up`] in the end.
    #[error("the deployment secret is being made")]
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
    if let Some(secret) = store.get(SECRET_KEY).await? {
        return Ok(Some(Keyring::from_secret(&secret)?));
    }
    if provision == Provision::FindOnly {
        return Ok(None);
    }
    if store.increment(CLAIM_KEY).await? == 1 {
        store.put(SECRET_KEY, &random.bytes::<MIN_SECRET_BYTES>()).await?;
    }
    // What counts is what is stored, whoever stored it.
    let secret = store.get(SECRET_KEY).await?.ok_or(DeploymentError::BeingMade)?;
    Ok(Some(Keyring::from_secret(&secret)?))
}

/// Lets the next request make the secret: whoever set out to make it must have died before it did.
pub async fn give_up(store: &impl Store) -> Result<(), DeploymentError> {
    Ok(store.delete(CLAIM_KEY).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MemoryStore, SequenceRandom, block_on, run_interleaved};

    #[test]
    fn public_server_needs_a_configured_secret() {
        let (store, random) = (MemoryStore::default(), SequenceRandom::default());
        for provision in [Provision::Make, Provision::FindOnly] {
            let outcome = block_on(keyring("", false, provision, &store, &random));
            assert_eq!(outcome.unwrap_err(), DeploymentError::Missing);
        }
        assert!(store.is_empty());
        let configured = "VGhpcyBpcyBub3QgYSBzZWNyZXQsIGl0J3MgYSBkb2N0ZXN0";
        assert!(
            block_on(keyring(configured, false, Provision::FindOnly, &store, &random)).unwrap().is_some()
        );
        assert_eq!(store.take_operations().reads, 0, "a configured secret costs no store operation");
    }

    #[test]
    fn loopback_server_makes_one_and_keeps_it() {
        let store = MemoryStore::default();
        let find = |provision| block_on(keyring("", true, provision, &store, &SequenceRandom::new(9)));
        assert!(find(Provision::FindOnly).unwrap().is_none());
        assert!(store.is_empty(), "checking something makes no secret");
        let made = find(Provision::Make).unwrap().unwrap();
        assert_eq!(find(Provision::FindOnly).unwrap().unwrap().newest_id(), made.newest_id());
    }

    #[test]
    fn maker_that_died_is_replaced() {
        let (store, random) = (MemoryStore::default(), SequenceRandom::default());
        block_on(store.increment(CLAIM_KEY)).unwrap();
        for _ in 0..100 {
            let outcome = block_on(keyring("", true, Provision::Make, &store, &random));
            assert_eq!(outcome.unwrap_err(), DeploymentError::BeingMade, "it may still be at work");
        }
        block_on(give_up(&store)).unwrap();
        assert!(block_on(keyring("", true, Provision::Make, &store, &random)).unwrap().is_some());
    }

    /// Two first requests at once end up with one secret, or are told to try again.
    #[test]
    fn racing_makers_agree() {
        for seed in 0..200 {
            let store = MemoryStore::default();
            let randoms = [SequenceRandom::new(1), SequenceRandom::new(2), SequenceRandom::new(3)];
            let tasks = randoms.iter().map(|random| keyring("", true, Provision::Make, &store, random));
            let ids: Vec<_> = run_interleaved(tasks, seed)
                .into_iter()
                .filter_map(|outcome| match outcome {
                    Ok(keys) => Some(keys.unwrap().newest_id()),
                    Err(error) => {
                        assert_eq!(error, DeploymentError::BeingMade);
                        None
                    }
                })
                .collect();
            assert!(!ids.is_empty() && ids.iter().all(|id| *id == ids[0]), "seed {seed}: {ids:?}");
        }
    }
}
