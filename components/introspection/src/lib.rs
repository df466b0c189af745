//! `postern:introspection` over the grants that the authorization server stores.
//!
//! It converts, calls and returns; the rules are in [`oauth_core::introspection`].

use bindings::exports::postern::introspection::introspection::{Access, Error, Guest};
use oauth_core::{Config, introspection};
use platform::{clock, deployment, log, random::HostRandom, store::HostStore};
use store_core::{DeploymentError, Provision, RecordError, Records};

#[expect(unsafe_code, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/introspection", world: "token-check" });
    export!(Introspection);
    use super::Introspection;
}

struct Introspection;

impl Guest for Introspection {
    async fn introspect(token: String) -> Result<Option<Access>, Error> {
        let public_url = deployment::public_url().map_err(|error| other(&error))?;
        let store = HostStore::default();
        let keys = deployment::keyring(&public_url, Provision::FindOnly, &store).await;
        // Without a key nothing can have been issued.
        let Some(keys) = keys.map_err(|error| from_deployment(&error))? else { return Ok(None) };
        let records = Records { store: &store, keys: &keys, random: &HostRandom };
        introspection::introspect(&token, &records, &Config::new(public_url), clock::unix_now())
            .await
            .map(|access| access.map(Access::from))
            .map_err(|error| from_record(&error))
    }
}

impl From<introspection::Access> for Access {
    fn from(access: introspection::Access) -> Self {
        let introspection::Access { subject, client_id, scopes, audience, expires_at } = access;
        Self { subject, client_id, scopes, audience, expires_at }
    }
}

fn from_deployment(error: &DeploymentError) -> Error {
    match error {
        DeploymentError::Store(error) => unavailable(&error.detail),
        DeploymentError::BeingMade => Error::Unavailable,
        DeploymentError::Keyring(_) | DeploymentError::Missing => other(error),
    }
}

fn from_record(error: &RecordError) -> Error {
    match error {
        RecordError::Store(error) => unavailable(&error.detail),
        other => unavailable(&other.to_string()),
    }
}

fn unavailable(detail: &str) -> Error {
    log::line(&format!("introspection: {detail}"));
    Error::Unavailable
}

fn other(error: &impl std::fmt::Display) -> Error {
    Error::Other(error.to_string())
}
