//! `private_key_jwt`: a client signs who it is (RFC 7523 section 3).

use super::{Clients, authentication::AuthenticationError, authentication::INVALID_CLIENT, json, replay};
use crate::routes;
use jwt_core::{Algorithm, Audience, Expected, KeySet, LEEWAY_SECONDS, UnverifiedToken};
use store_core::{Random, Store, seal};

/// The only `client_assertion_type` (RFC 7523 section 2.2).
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long an assertion may live, in seconds. It is remembered for as long.
const MAX_LIFETIME: u64 = 60 * 60;

/// The values of `typ` that an assertion may have; most have none, or say only that they are JWTs.
const TYPES: [&str; 3] = ["", "jwt", "client-authentication+jwt"];

/// The names of the algorithms, for the metadata of endpoints that take assertions.
pub(crate) const ALGORITHMS: [&str; Algorithm::ALL.len()] = {
    let [a, b, c, d] = Algorithm::ALL;
    [a.name(), b.name(), c.name(), d.name()]
};

/// Whose assertion it says it is, unverified: only to know by whose keys to judge it.
pub(super) fn claimed_issuer(assertion: &str) -> Option<String> {
    let payload = assertion.split('.').nth(1)?;
    let claims = json::object(&seal::from_text(payload)?)?;
    Some(claims.get("iss")?.as_str()?.to_owned())
}

impl<S: Store, R: Random> Clients<'_, S, R> {
    /// Whether an assertion is this client's, meant for us, in time, and not used before. The caller is told
    /// nothing of what is wrong with it; the log is.
    pub(super) async fn check_assertion(
        &self,
        client_id: &str,
        key_set: &str,
        assertion: &str,
    ) -> Result<(), AuthenticationError> {
        let refused = |cause: &dyn std::fmt::Display| {
            (self.log)(&format!("a client assertion is refused: {cause}"));
            AuthenticationError::from(INVALID_CLIENT)
        };
        let url = &self.config.public_url;
        let expected = Expected {
            algorithms: &Algorithm::ALL,
            types: &TYPES,
            issuer: client_id,
            // Section 3, rule 3, and what clients of RFC 7523bis send.
            audience: Audience::OneOf(&[url.origin(), &url.join(routes::TOKEN)]),
            max_lifetime: Some(MAX_LIFETIME),
            now: self.now,
        };
        let keys = KeySet::parse(key_set.as_bytes()).map_err(|error| refused(&error))?;
        let verified = UnverifiedToken::parse(assertion, &expected).and_then(|token| token.verify(&keys));
        let claims = verified.map_err(|error| refused(&error))?.claims;
        if claims.subject.as_deref() != Some(client_id) {
            return Err(refused(&"its subject is not its issuer"));
        }
        let token_id = claims.token_id.filter(|id| !id.is_empty());
        let token_id = token_id.ok_or_else(|| refused(&"it has no jti"))?;
        // For as long as the clocks may differ it would pass after it has expired.
        let until = claims.expires_at.saturating_add(LEEWAY_SECONDS);
        match replay::use_once(self.records, client_id, &token_id, until, self.now).await? {
            true => Ok(()),
            false => Err(refused(&"it was used before")),
        }
    }
}
