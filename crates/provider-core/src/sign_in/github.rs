//! What is particular to GitHub, which is no OpenID provider for people: who somebody is, is asked with the access
//! token. The token is forgotten with the request.

use super::{Pending, Person, SignIn, SignInError, UpstreamProvider, person::shown};
use http::StatusCode;
use serde::Deserialize;
use store_core::{Random, Store};
use web_core::{
    PublicUrl,
    fetch::{Fetch, FetchFailure, FetchPolicy, FetchUrl, Sending},
};

const GITHUB: &str = "https://github.com";
const GITHUB_API: &str = "https://api.github.com";

/// The most organisations: each may be asked about at every sign-in.
const MAX_ORGANIZATIONS: usize = 8;

/// GitHub, or a GitHub Enterprise Server.
#[derive(Debug, Clone)]
pub(super) struct GitHub {
    /// Its address, without a slash at the end. It is part of people's identity.
    url: String,
    api: String,
    policy: FetchPolicy,
    /// Empty for everybody.
    organizations: Vec<String>,
}

/// RFC 6749 section 5.1; or what GitHub says with status 200 when it takes no code.
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

impl GitHub {
    pub(super) fn parse(
        url: Option<&str>,
        organizations: Vec<String>,
        public_url: &PublicUrl,
    ) -> Result<Self, &'static str> {
        let url = url.unwrap_or(GITHUB);
        let authority = url.split_once("://").map(|(_, authority)| authority).unwrap_or_default();
        let policy = FetchPolicy::of(public_url).trusting(authority);
        if authority.contains(['/', '?']) || FetchUrl::parse(&format!("{url}/x"), &policy).is_err() {
            return Err("its url must be that of a GitHub Enterprise Server: https://HOST");
        }
        let is_organization = |name: &String| {
            (1..=39).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if organizations.len() > MAX_ORGANIZATIONS || !organizations.iter().all(is_organization) {
            return Err("its allowed_organizations must be at most eight names of organizations");
        }
        let api = if url == GITHUB { GITHUB_API.to_owned() } else { format!("{url}/api/v3") };
        Ok(Self { url: url.to_owned(), api, policy, organizations })
    }

    /// The least that will do.
    pub(super) fn default_scopes(&self) -> Vec<String> {
        if self.organizations.is_empty() { Vec::new() } else { vec!["read:org".to_owned()] }
    }

    pub(super) fn authorization_endpoint(&self) -> String {
        format!("{}/login/oauth/authorize", self.url)
    }

    /// Whether `iss` in an answer is GitHub's. It is not documented for sign-ins, so it may be missing.
    pub(super) fn is_issuer(&self, issuer: &str) -> bool {
        issuer.strip_prefix(&self.url).is_some_and(|rest| matches!(rest, "" | "/" | "/login/oauth"))
    }

    fn endpoint(&self, base: &str, path: &str) -> Result<FetchUrl, FetchFailure> {
        Ok(FetchUrl::parse(&format!("{base}{path}"), &self.policy)?)
    }
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
            return Err(self.unproven(provider, "the token endpoint does not take the code"));
        };
        let authorization = format!("Bearer {token}");
        let ask = async |path: &str| {
            let endpoint = github.endpoint(&github.api, path)?;
            self.get(&endpoint, Sending::Authorization(&authorization)).await
        };
        let user =
            ask("/user").await.map_err(|cause| self.failed(provider, &format!("its users: {cause}")))?;
        let user: User = serde_json::from_slice(&user)
            .map_err(|_| self.failed(provider, "its answer about a user is not well-formed"))?;
        let mut is_member = github.organizations.is_empty();
        for organization in &github.organizations {
            is_member = match ask(&format!("/user/memberships/orgs/{organization}")).await {
                Ok(membership) => serde_json::from_slice::<Membership>(&membership)
                    .is_ok_and(|membership| membership.state == "active"),
                // Not a member, or of an organization that does not let this application see.
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
