//! The end of a sign-in at GitHub. GitHub issues no ID tokens for users, so the access token is used once to ask who
//! the user is, and then dropped.

use super::{Pending, Person, SignIn, SignInError, UpstreamProvider, github::GitHub, person::shown};
use http::StatusCode;
use serde::Deserialize;
use store_core::{Random, Store};
use web_core::fetch::{Fetch, FetchFailure, Sending};

/// The response of RFC 6749 section 5.1. GitHub also answers 200, without a token, when it refuses the code.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
}

#[derive(Deserialize)]
struct Membership {
    state: String,
}

impl<S: Store, R: Random, F: Fetch> SignIn<'_, S, R, F> {
    pub(super) async fn finish_github(
        &self,
        provider: &UpstreamProvider,
        github: &GitHub,
        pending: &Pending,
        code: &str,
    ) -> Result<Person, SignInError> {
        let failed = |cause: FetchFailure| self.failed(provider, &cause.to_string());
        let endpoint = github.endpoint(&github.url, "/login/oauth/access_token").map_err(failed)?;
        let answer = self.redeem(provider, pending, code, &endpoint, true).await?;
        let answer: TokenResponse = serde_json::from_slice(&answer)
            .map_err(|_| self.failed(provider, "the token endpoint's answer is not well-formed"))?;
        let Some(token) = answer.access_token else {
            return Err(self.unproven(provider, "the token endpoint refused the code"));
        };
        let authorization = format!("Bearer {token}");
        let ask = async |path: &str| {
            let endpoint = github.endpoint(&github.api, path)?;
            self.get(&endpoint, Sending::Authorization(&authorization)).await
        };
        let user =
            ask("/user").await.map_err(|cause| self.failed(provider, &format!("its users: {cause}")))?;
        let user: User = serde_json::from_slice(&user)
            .map_err(|_| self.failed(provider, "its response about a user is not well-formed"))?;
        let mut is_member = github.organizations.is_empty();
        for organization in &github.organizations {
            is_member = match ask(&format!("/user/memberships/orgs/{organization}")).await {
                Ok(membership) => serde_json::from_slice::<Membership>(&membership)
                    .is_ok_and(|membership| membership.state == "active"),
                // Not a member, or the organization hides its members from this application.
                Err(FetchFailure::Status(StatusCode::NOT_FOUND | StatusCode::FORBIDDEN)) => false,
                Err(cause) => return Err(self.failed(provider, &format!("its organizations: {cause}"))),
            };
            if is_member {
                break;
            }
        }
        if !is_member {
            return Err(SignInError::NotAdmitted);
        }
        Ok(Person {
            issuer: github.url.clone(),
            subject: user.id.to_string(),
            display_name: shown(&user.login).unwrap_or_else(|| user.id.to_string()),
            domain: None,
        })
    }
}
