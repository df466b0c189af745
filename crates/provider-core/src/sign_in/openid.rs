//! The end of a sign-in at an OpenID provider: the ID token (OpenID Connect Core section 3.1.3.7).

use super::{Pending, Person, SignIn, SignInError, UpstreamProvider, endpoints::Endpoints};
use crate::{Introspection, IntrospectionError, Provider};
use jwt_core::{Audience, Expected, UnverifiedToken, VerifiedToken};
use serde::Deserialize;
use store_core::{Random, Records, Store};
use subtle::ConstantTimeEq;
use web_core::fetch::{Fetch, FetchUrl};

#[derive(Deserialize)]
struct TokenResponse {
    id_token: String,
}

#[derive(Deserialize)]
struct IdClaims {
    nonce: String,
}

impl<S: Store, R: Random, F: Fetch> SignIn<'_, S, R, F> {
    pub(super) async fn finish_openid(
        &self,
        provider: &UpstreamProvider,
        openid: &Provider,
        endpoints: &Endpoints,
        pending: &Pending,
        code: &str,
    ) -> Result<Person, SignInError> {
        let endpoint = FetchUrl::parse(&endpoints.token_endpoint, &openid.policy)
            .map_err(|error| self.failed(provider, &format!("its token endpoint: {error}")))?;
        let answer =
            self.redeem(provider, pending, code, &endpoint, endpoints.wants_secret_in_body()).await?;
        let answer: TokenResponse = serde_json::from_slice(&answer)
            .map_err(|_| self.failed(provider, "the token endpoint gave no ID token"))?;
        let token = self.verify_id_token(provider, openid, &answer.id_token).await?;
        self.judge_id_token(provider, pending, &token)?;
        Person::of(&token, &provider.claims)
            .ok_or_else(|| self.unproven(provider, "the ID token does not say who it is about"))
    }

    /// Checks issuer, audience, times and signature. The provider's keys are stored and
    /// fetched as for access tokens.
    async fn verify_id_token(
        &self,
        provider: &UpstreamProvider,
        openid: &Provider,
        token: &str,
    ) -> Result<VerifiedToken, SignInError> {
        let types: Vec<&str> = openid.token_types.iter().map(String::as_str).collect();
        let expected = Expected {
            algorithms: &openid.algorithms,
            types: &types,
            issuer: openid.issuer.as_str(),
            audience: Audience::OneOf(&[&provider.client_id]),
            max_lifetime: None,
            now: self.now,
        };
        let refused = |error| self.unproven(provider, &format!("the ID token: {error}"));
        let token = UnverifiedToken::parse(token, &expected).map_err(refused)?;
        let keys = Introspection {
            provider: openid,
            records: Records { ..self.records },
            fetch: self.fetch,
            memory: self.memory,
            now: self.now,
            log: self.log,
        };
        match keys.verify(token).await {
            Ok(verified) => verified.map_err(refused),
            Err(IntrospectionError::NoKeys) => Err(self.failed(provider, "its keys are not available")),
            Err(IntrospectionError::Record(error)) => Err(error.into()),
        }
    }

    /// Checks that the ID token is for this client alone and belongs to this sign-in.
    fn judge_id_token(
        &self,
        provider: &UpstreamProvider,
        pending: &Pending,
        token: &VerifiedToken,
    ) -> Result<(), SignInError> {
        let claims = &token.claims;
        // Rules 3 to 5: no other audience is trusted.
        let is_ours = |party: &String| *party == provider.client_id;
        if !claims.audience.iter().all(is_ours) || !claims.authorized_party.iter().all(is_ours) {
            return Err(self.unproven(provider, "the ID token has other audiences too"));
        }
        if claims.issued_at.is_none() {
            return Err(self.unproven(provider, "the ID token does not say when it was issued"));
        }
        // Rule 11.
        let nonce = token.claims_as::<IdClaims>().map(|claims| claims.nonce).unwrap_or_default();
        if bool::from(nonce.as_bytes().ct_eq(pending.nonce.as_bytes())) {
            Ok(())
        } else {
            Err(self.unproven(provider, "the ID token is of another sign-in"))
        }
    }
}
