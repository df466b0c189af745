//! Tokens of other parties from outside: what is taken, and what is not. Rows such as RS-09 are those of
//! the design's threat list.

#[cfg(test)]
mod claims;
#[cfg(test)]
mod forgeries;
#[cfg(test)]
mod key_sets;
#[cfg(test)]
mod vectors;

#[cfg(test)]
mod support {
    use jwt_core::{
        Algorithm, Audience, Expected, JwtError, KeySet, UnverifiedToken, VerifiedToken, testing::TestKey,
    };
    use serde_json::{Value, json};

    pub(crate) const NOW: u64 = 1_800_000_000;
    pub(crate) const ISSUER: &str = "https://id.example.com";
    pub(crate) const RESOURCE: &str = "https://mcp.example.com/mcp";

    pub(crate) const EXPECTED: Expected<'static> = Expected {
        algorithms: &Algorithm::ALL,
        types: &["at+jwt"],
        issuer: ISSUER,
        audience: Audience::OneOf(&[RESOURCE]),
        max_lifetime: None,
        now: NOW,
    };

    pub(crate) fn key() -> TestKey {
        TestKey::p256(7)
    }

    pub(crate) fn keys() -> KeySet {
        KeySet::parse(jwt_core::testing::key_set(&[key().jwk("one")]).as_bytes()).unwrap()
    }

    pub(crate) fn header() -> Value {
        json!({ "alg": "ES256", "typ": "at+jwt", "kid": "one" })
    }

    pub(crate) fn claims() -> Value {
        json!({ "iss": ISSUER, "sub": "alice", "aud": RESOURCE, "exp": NOW + 300, "iat": NOW - 5 })
    }

    /// `base` with some members replaced, or taken out by `null`.
    pub(crate) fn with(mut base: Value, changes: Value) -> Value {
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                base.as_object_mut().unwrap().remove(name);
            } else {
                base[name] = value.clone();
            }
        }
        base
    }

    pub(crate) fn check(token: &str, expected: &Expected<'_>) -> Result<VerifiedToken, JwtError> {
        UnverifiedToken::parse(token, expected)?.verify(&keys())
    }

    pub(crate) fn check_signed(header: Value, claims: Value) -> Result<VerifiedToken, JwtError> {
        check(&key().sign(&header, &claims), &EXPECTED)
    }
}
