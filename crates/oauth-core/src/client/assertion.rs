//! `private_key_jwt`: a client signs who it is (RFC 7523 section 3).

use super::{
    Client, Clients, Source,
    authentication::{AuthenticationError, ClientRefusal},
    json,
    replay::{self, Room},
};
use crate::routes;
use jwt_core::{Algorithm, Audience, Expected, KeySet, LEEWAY_SECONDS, UnverifiedToken};
use store_core::{Random, Store, seal};

/// The only `client_assertion_type` (RFC 7523 section 2.2).
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long an assertion may live, in seconds. A used one is remembered until it has expired, so this
/// also bounds what is remembered. The SDKs of MCP make assertions that live for five minutes at most.
pub(crate) const MAX_LIFETIME: u64 = 5 * 60;

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

/// An assertion that was verified, and has not been used.
pub(super) struct UnusedAssertion {
    token_id: String,
    /// Until when it would pass, in seconds since the Unix epoch.
    until: u64,
}

impl<S: Store, R: Random> Clients<'_, S, R> {
    /// Verifies that an assertion is the client's, meant for this server, and within its time.
    pub(super) fn verify_assertion(
        &self,
        client: &Client,
        key_set: &str,
        assertion: &str,
    ) -> Result<UnusedAssertion, ClientRefusal> {
        let refused = |cause: &dyn std::fmt::Display| {
            ClientRefusal::new(format!("the client assertion is refused: {cause}"))
        };
        let url = &self.config.public_url;
        let expected = Expected {
            algorithms: &Algorithm::ALL,
            types: &TYPES,
            issuer: &client.id,
            // Section 3, rule 3, and what clients of RFC 7523bis send.
            audience: Audience::OneOf(&[url.as_str(), &url.join(routes::TOKEN)]),
            max_lifetime: Some(MAX_LIFETIME),
            now: self.now,
        };
        let keys = KeySet::parse(key_set.as_bytes()).map_err(|error| refused(&error))?;
        let verified = UnverifiedToken::parse(assertion, &expected).and_then(|token| token.verify(&keys));
        let claims = verified.map_err(|error| refused(&error))?.claims;
        if claims.subject.as_deref() != Some(client.id.as_str()) {
            return Err(refused(&"its subject is not its issuer"));
        }
        let token_id = claims.token_id.filter(|id| !id.is_empty());
        let token_id = token_id.ok_or_else(|| refused(&"it has no jti"))?;
        // For as long as the clocks may differ it would pass after it has expired.
        Ok(UnusedAssertion { token_id, until: claims.expires_at.saturating_add(LEEWAY_SECONDS) })
    }

    /// Uses an assertion, which is refused if it was used before.
    pub(super) async fn use_once(
        &self,
        client: &Client,
        assertion: &UnusedAssertion,
    ) -> Result<(), AuthenticationError> {
        let UnusedAssertion { token_id, until } = assertion;
        let room = match client.source {
            Source::Configured { .. } => Room::Own,
            Source::MetadataDocument { .. } | Source::Registered => Room::Shared,
        };
        match replay::use_once(self.records, room, &client.id, token_id, *until, self.now).await? {
            true => Ok(()),
            false => Err(ClientRefusal::new("the client assertion is refused: it was used before").into()),
        }
    }
}
