//! A server, a provider, and the network between them.

use jwt_core::testing::{TestKey, key_set};
use provider_core::{
    Access, Introspection, IntrospectionError, KeyMemory, Provider, Settings, introspection,
};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use store_core::{
    Keyring, Records,
    testing::{MemoryStore, SequenceRandom, block_on},
};
use web_core::{
    PublicUrl,
    fetch::testing::{Answer, FakeNetwork},
};

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const METADATA: &str = "https://id.example.com/.well-known/openid-configuration";
pub(crate) const OAUTH_METADATA: &str = "https://id.example.com/.well-known/oauth-authorization-server";
pub(crate) const JWKS: &str = "https://id.example.com/jwks";
pub(crate) const RESOURCE: &str = "https://mcp.example.com/mcp";
pub(crate) const START: u64 = 1_800_000_000;

pub(crate) struct Bench {
    pub(crate) network: FakeNetwork,
    pub(crate) store: MemoryStore,
    /// What the instance that answers knows.
    pub(crate) memory: KeyMemory,
    pub(crate) now: Cell<u64>,
    pub(crate) settings: Settings<'static>,
    pub(crate) log: RefCell<Vec<String>>,
    random: SequenceRandom,
}

pub(crate) fn metadata(issuer: &str, jwks_uri: &str) -> Answer {
    Answer::json(json!({ "issuer": issuer, "jwks_uri": jwks_uri }).to_string())
}

pub(crate) fn jwks(keys: &[Value]) -> Answer {
    Answer::json(key_set(keys))
}

pub(crate) fn key() -> TestKey {
    TestKey::p256(7)
}

pub(crate) fn claims() -> Value {
    json!({ "iss": ISSUER, "sub": "alice", "aud": RESOURCE, "client_id": "app", "scope": "math", "exp": START + 1_000_000 })
}

/// A token of the provider, as it should be, with these claims in place of its own.
pub(crate) fn token(changes: &Value) -> String {
    sign(&key(), "one", changes)
}

pub(crate) fn sign(key: &TestKey, kid: &str, changes: &Value) -> String {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    key.sign(&json!({ "alg": key.algorithm(), "typ": "at+jwt", "kid": kid }), &claims)
}

impl Bench {
    pub(crate) fn new() -> Self {
        let network = FakeNetwork::default();
        network.serve(METADATA, metadata(ISSUER, JWKS));
        network.serve(JWKS, jwks(&[key().jwk("one")]));
        Self {
            network,
            store: MemoryStore::default(),
            memory: KeyMemory::default(),
            now: Cell::new(START),
            settings: Settings {
                authorization_server: ISSUER,
                jwks_uri: "",
                token_algorithms: "RS256 PS256 ES256 EdDSA",
                token_types: "at+jwt",
            },
            log: RefCell::default(),
            random: SequenceRandom::default(),
        }
    }

    pub(crate) fn introspect(&self, token: &str) -> Result<Option<Access>, IntrospectionError> {
        self.introspect_with(token, &[7; 32])
    }

    pub(crate) fn introspect_with(
        &self,
        token: &str,
        secret: &[u8],
    ) -> Result<Option<Access>, IntrospectionError> {
        let public_url = PublicUrl::parse("https://mcp.example.com").unwrap();
        let provider = Provider::parse(&self.settings, &public_url).unwrap();
        let log = |line: &str| self.log.borrow_mut().push(line.to_owned());
        let Some(judged) = introspection::judge(token, &provider, self.now.get(), &log) else {
            return Ok(None);
        };
        let keys = Keyring::from_secret(secret).unwrap();
        let introspection = Introspection {
            provider: &provider,
            records: Records { store: &self.store, keys: &keys, random: &self.random },
            fetch: &self.network.fetcher(),
            memory: &self.memory,
            now: self.now.get(),
            log: &log,
        };
        let outcome = block_on(introspection.introspect(judged));
        let part = token.rsplit('.').next().filter(|part| part.len() > 8);
        let tells = |line: &String| part.is_some_and(|part| line.contains(part));
        assert!(!self.log.borrow().iter().any(tells), "no token in the log");
        outcome
    }

    pub(crate) fn is_active(&self, token: &str) -> bool {
        self.introspect(token).unwrap().is_some()
    }

    /// The next request is answered by an instance that knows nothing.
    pub(crate) fn forget(&mut self) {
        self.memory = KeyMemory::default();
    }

    pub(crate) fn later(&self, seconds: u64) {
        self.now.set(self.now.get() + seconds);
    }

    /// How many requests went out since the last call.
    pub(crate) fn requests(&self) -> usize {
        self.network.take_requests().len()
    }
}
