//! `postern:introspection` over the grants that the authorization server stores.
//!
//! It converts, calls and returns; the rules are in [`oauth_core::introspection`].

use bindings::exports::postern::introspection::introspection::{Access, Error, Guest};
use oauth_core::{Config, introspection};
use platform::{clock, deployment, fault::Fault, random::HostRandom, store::HostStore, variables};
use std::{cell::OnceCell, rc::Rc};
use store_core::{Provision, Records};

#[expect(unsafe_code, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/introspection", world: "token-check" });
    export!(Introspection);
    use super::Introspection;
}

struct Introspection;

thread_local! {
    /// This instance's configuration.
    static CONFIG: OnceCell<Rc<Config>> = const { OnceCell::new() };
}

impl Guest for Introspection {
    async fn introspect(token: String) -> Result<Option<Access>, Error> {
        Ok(introspect(&token).await?.map(Access::from))
    }
}

async fn introspect(token: &str) -> Result<Option<introspection::Access>, Fault> {
    // Before the token is looked at: a server that is not set up says so to its first caller.
    let config = CONFIG.with(|config| variables::read_once(config, read_config))?;
    let Some(token) = introspection::parse(token) else { return Ok(None) };
    let store = HostStore::default();
    // Without a key nothing can have been issued.
    let Some(keys) = deployment::keyring(&config.public_url, Provision::FindOnly, &store).await? else {
        return Ok(None);
    };
    let records = Records { store: &store, keys: &keys, random: &HostRandom };
    Ok(introspection::introspect(token, &records, &config, clock::unix_now()).await?)
}

fn read_config() -> Result<Rc<Config>, Fault> {
    let config = Config::read_for_introspection(deployment::public_url()?, variables::value);
    config.map(Rc::new).map_err(|error| Fault::Other(error.to_string()))
}

impl From<introspection::Access> for Access {
    fn from(access: introspection::Access) -> Self {
        let introspection::Access { subject, client_id, scopes, audience, expires_at, grant_id } = access;
        Self { subject, client_id, scopes, audience, expires_at, grant_id: Some(grant_id) }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unavailable => Self::Unavailable,
            Fault::Other(text) => Self::Other(text),
        }
    }
}
