//! `postern:introspection` over the JWTs of an outside identity provider.
//!
//! It converts, calls and returns; the rules are in [`provider_core`].

use bindings::exports::postern::introspection::introspection::{Access, Error, Guest};
use platform::{
    clock, deployment, fault::Fault, fetch::HostFetch, log, random::HostRandom, store::HostStore,
};
use provider_core::{Introspection, IntrospectionError, KeyMemory, Provider, Settings, introspection};
use store_core::{DeploymentError, Provision, Records};

#[expect(unsafe_code, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/introspection", world: "token-check" });
    export!(JwtIntrospection);
    use super::JwtIntrospection;
}

thread_local! {
    static MEMORY: KeyMemory = KeyMemory::default();
}

struct JwtIntrospection;

impl Guest for JwtIntrospection {
    async fn introspect(token: String) -> Result<Option<Access>, Error> {
        Ok(introspect(&token).await?.map(Access::from))
    }
}

async fn introspect(token: &str) -> Result<Option<provider_core::Access>, Fault> {
    let public_url = deployment::public_url()?;
    let variable = platform::variables::value;
    let settings = Settings {
        authorization_server: &variable("authorization_server"),
        jwks_uri: &variable("jwks_uri"),
        token_algorithms: &variable("token_algorithms"),
        token_types: &variable("token_types"),
    };
    let provider =
        Provider::parse(&settings, &public_url).map_err(|error| Fault::Other(error.to_string()))?;
    let store = HostStore::default();
    if !public_url.is_loopback() {
        // A mistake in the secret shows at the first request, whatever its token is. A loopback server keeps its
        // secret in the store, and a token that is none costs no store operation.
        let keys = deployment::keyring(&public_url, Provision::Make, &store).await?;
        keys.ok_or(DeploymentError::Missing)?;
    }
    let (now, log) = (clock::unix_now(), |line: &str| log::line(&format!("introspection: {line}")));
    let Some(token) = introspection::judge(token, &provider, now, &log) else { return Ok(None) };
    let keys = deployment::keyring(&public_url, Provision::Make, &store).await?;
    let keys = keys.ok_or(DeploymentError::Missing)?;
    let introspection = Introspection {
        provider: &provider,
        records: Records { store: &store, keys: &keys, random: &HostRandom },
        fetch: &HostFetch::default(),
        memory: &MEMORY.with(KeyMemory::clone),
        now,
        log: &log,
    };
    introspection.introspect(token).await.map_err(|error| match error {
        IntrospectionError::NoKeys => Fault::Unavailable,
        IntrospectionError::Record(error) => error.into(),
    })
}

impl From<provider_core::Access> for Access {
    fn from(access: provider_core::Access) -> Self {
        let provider_core::Access { subject, client_id, scopes, audience, expires_at } = access;
        // A provider's tokens do not tell which of them come of one approval.
        Self { subject, client_id, scopes, audience, expires_at, grant_id: None }
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
