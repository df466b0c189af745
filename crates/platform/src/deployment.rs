//! The deployment's public address and keys, as its variables give them.

use crate::{random::HostRandom, store::HostStore, variables};
use std::{cell::RefCell, time::Duration};
use store_core::{DeploymentError, Keyring, Provision};
use web_core::{PublicUrl, PublicUrlError};

/// How long to wait between two looks for the secret that another request is making for a developer's server:
/// the first requests of a client tend to come together.
const WAIT: Duration = Duration::from_millis(20);

thread_local! {
    /// The keyring that this instance has made or found, and the variables that it came from. Deriving
    /// it costs two hashes, and finding it on a developer's machine a store read; both once.
    static KEYRING: RefCell<Option<((String, bool), Keyring)>> = const { RefCell::new(None) };
}

/// The server's public addresses (variables `public_url`, `public_path`, `also_served_at` and `strict`).
pub fn public_url() -> Result<PublicUrl, PublicUrlError> {
    PublicUrl::read(variables::value)
}

/// The deployment's keys (variable `deployment_secret`).
pub async fn keyring(
    public_url: &PublicUrl,
    provision: Provision,
    store: &HostStore,
) -> Result<Option<Keyring>, DeploymentError> {
    let source = (variables::value("deployment_secret"), public_url.is_loopback());
    let known = KEYRING.with_borrow(|known| {
        known.as_ref().filter(|(known_source, _)| *known_source == source).map(|(_, keys)| keys.clone())
    });
    if known.is_some() {
        return Ok(known);
    }
    let pause = || std::thread::sleep(WAIT);
    let keys =
        store_core::deployment::keyring_or_wait(&source.0, source.1, provision, store, &HostRandom, pause)
            .await?;
    if let Some(keys) = &keys {
        KEYRING.with_borrow_mut(|known| *known = Some((source, keys.clone())));
    }
    Ok(keys)
}
