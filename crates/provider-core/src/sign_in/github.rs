//! GitHub, or a GitHub Enterprise Server, as the operator configures it.

use web_core::{
    PublicUrl,
    fetch::{FetchFailure, FetchPolicy, FetchUrl},
};

const GITHUB: &str = "https://github.com";
const GITHUB_API: &str = "https://api.github.com";

/// The most organisations. A sign-in may cause a request for each.
const MAX_ORGANIZATIONS: usize = 8;

/// GitHub, or a GitHub Enterprise Server.
#[derive(Debug, Clone)]
pub(super) struct GitHub {
    /// The address, without a slash at the end. It is part of a user's identity.
    pub(super) url: String,
    pub(super) api: String,
    policy: FetchPolicy,
    /// Users must be active members of one of these. Empty for no restriction.
    pub(super) organizations: Vec<String>,
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

    /// Returns the fewest scopes that suffice.
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

    pub(super) fn endpoint(&self, base: &str, path: &str) -> Result<FetchUrl, FetchFailure> {
        Ok(FetchUrl::parse(&format!("{base}{path}"), &self.policy)?)
    }
}
