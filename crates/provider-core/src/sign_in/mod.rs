//! Sign-in at a provider of the operator's choice (OpenID Connect Core section 3.1, and GitHub's
//! OAuth): the browser is sent there with a request, and the code that it brings back is redeemed and checked.
//!
//! Reading order: [`config`] (the variable `providers`), [`SignIn::start`] and
//! [`SignIn::finish`], `openid` and `github_sign_in` (the end of a sign-in), `endpoints` (the addresses of an OpenID
//! provider), [`person`] (the user).
//!
//! These rules keep one sign-in apart from another: a request has a fresh `state`, PKCE
//! challenge and nonce; each provider has a redirect URI of its own; `iss` (RFC 9207) is
//! compared when it is present, and required where the metadata promises it; and an ID token counts only with the
//! provider's signature, for this client alone and with this request's nonce. The provider's tokens are used once
//! and not stored. The text of a provider's error is dropped.

pub mod config;
mod endpoints;
mod github;
mod github_sign_in;
mod openid;
pub mod person;

pub use config::{ProvidersError, UpstreamProvider};
pub use person::Person;

use crate::KeyMemory;
use base64ct::{Base64UrlUnpadded, Encoding};
use config::Kind;
use form_urlencoded::Serializer;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store_core::{Random, RecordError, Records, Store};
use web_core::fetch::{Fetch, FetchFailure, FetchRequest, FetchUrl, MediaRule, Sending};

/// The longest accepted response of a token endpoint or of GitHub's API, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What a sign-in at a provider needs, during one request.
pub struct SignIn<'a, S, R, F> {
    /// The providers.
    pub providers: &'a [UpstreamProvider],
    /// The store of their keys and endpoints, sealed.
    pub records: Records<'a, S, R>,
    /// Fetches from the providers.
    pub fetch: &'a F,
    /// The keys that this instance has in memory.
    pub memory: &'a KeyMemory,
    /// The time of this request, in seconds since the Unix epoch.
    pub now: u64,
    /// The log, for causes. It never receives anything that a provider or a browser sent.
    pub log: &'a dyn Fn(&str),
}

/// Where to send the browser, and what to keep until it returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The provider's authorization endpoint, with the request.
    pub url: String,
    /// The request's `state`.
    pub return_token: String,
    /// The caller seals it and hands it back to [`SignIn::finish`].
    pub pending: Pending,
}

/// A sign-in in progress. The caller keeps it secret and unaltered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The provider's name.
    pub provider: String,
    /// The redirect URI, which is this provider's own.
    return_url: String,
    /// The PKCE verifier (RFC 7636 section 4.1).
    verifier: String,
    /// The nonce that the ID token must carry.
    nonce: String,
}

/// Why a sign-in failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The provider is no longer configured.
    #[error("there is no such provider")]
    UnknownProvider,
    /// The browser's parameters or the provider's proof do not belong to this sign-in. The cause has been logged.
    #[error("the response does not prove who the user is")]
    Unproven,
    /// The user declined.
    #[error("the user declined")]
    Denied,
    /// The provider failed. The cause has been logged.
    #[error("the provider failed")]
    Failed,
    /// The user is authenticated, and the operator does not admit them.
    #[error("the user is not admitted")]
    NotAdmitted,
    /// The store did not answer.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl<'a, S: Store, R: Random, F: Fetch> SignIn<'a, S, R, F> {
    /// Returns the provider of this name.
    pub fn provider(&self, name: &str) -> Option<&'a UpstreamProvider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// Makes the authorization request. The browser returns to the provider's own address under
    /// `return_url`.
    pub async fn start(
        &self,
        provider: &UpstreamProvider,
        login_hint: Option<&str>,
        return_url: &str,
    ) -> Result<Departure, SignInError> {
        let [return_token, verifier, nonce] =
            [(); 3].map(|()| Base64UrlUnpadded::encode_string(&self.records.random.bytes::<32>()));
        let pending = Pending {
            provider: provider.name.clone(),
            return_url: format!("{return_url}/{}", provider.name),
            verifier,
            nonce,
        };
        let challenge = Base64UrlUnpadded::encode_string(&Sha256::digest(&pending.verifier));
        let mut query = Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &provider.client_id)
            .append_pair("redirect_uri", &pending.return_url)
            .append_pair("state", &return_token)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if !provider.scopes.is_empty() {
            query.append_pair("scope", &provider.scopes.join(" "));
        }
        let endpoint = match &provider.kind {
            Kind::OpenId(openid) => {
                query.append_pair("nonce", &pending.nonce);
                if let Some(hint) = login_hint {
                    query.append_pair("login_hint", hint);
                }
                self.endpoints(openid).await?.authorization_endpoint
            }
            Kind::GitHub(github) => github.authorization_endpoint(),
        };
        let separator = if endpoint.contains('?') { '&' } else { '?' };
        Ok(Departure { url: format!("{endpoint}{separator}{}", query.finish()), return_token, pending })
    }

    /// Checks what a browser brought back to `return_url`. The caller has checked that it carries the request's
    /// `state`.
    pub async fn finish(
        &self,
        pending: &Pending,
        return_url: &str,
        parameters: &[(String, String)],
    ) -> Result<Person, SignInError> {
        let provider = self.provider(&pending.provider).ok_or(SignInError::UnknownProvider)?;
        // FD-03: each provider has an address of its own.
        if pending.return_url != return_url {
            return Err(self.unproven(provider, "the browser came back to another provider's address"));
        }
        let single = |name| single(parameters, name);
        let repeated = |()| self.unproven(provider, "a parameter is repeated");
        let issuer = single("iss").map_err(repeated)?;
        let code = single("code").map_err(repeated)?;
        let error = single("error").map_err(repeated)?;
        let person = match &provider.kind {
            Kind::OpenId(openid) => {
                let endpoints = self.endpoints(openid).await?;
                // RFC 9207 section 2.4: errors too count only from the provider.
                let is_missing = issuer.is_none() && endpoints.authorization_response_iss_parameter_supported;
                if is_missing || issuer.is_some_and(|issuer| issuer != openid.issuer.as_str()) {
                    return Err(self.unproven(provider, "the response's issuer is wrong or missing"));
                }
                let code = self.code(provider, code, error)?;
                self.finish_openid(provider, openid, &endpoints, pending, code).await?
            }
            Kind::GitHub(github) => {
                if issuer.is_some_and(|issuer| !github.is_issuer(issuer)) {
                    return Err(self.unproven(provider, "the response's issuer is wrong"));
                }
                let code = self.code(provider, code, error)?;
                self.finish_github(provider, github, pending, code).await?
            }
        };
        if provider.admits(&person) { Ok(person) } else { Err(SignInError::NotAdmitted) }
    }

    fn code<'p>(
        &self,
        provider: &UpstreamProvider,
        code: Option<&'p str>,
        error: Option<&str>,
    ) -> Result<&'p str, SignInError> {
        match (error, code) {
            (Some("access_denied"), _) => Err(SignInError::Denied),
            (Some(_), _) => Err(self.failed(provider, "it answered the authorization request with an error")),
            (None, Some(code)) => Ok(code),
            (None, None) => Err(self.unproven(provider, "there is neither a code nor an error")),
        }
    }

    /// Redeems a code (RFC 6749 section 4.1.3). Returns the body of the token response.
    async fn redeem(
        &self,
        provider: &UpstreamProvider,
        pending: &Pending,
        code: &str,
        endpoint: &FetchUrl,
        secret_in_body: bool,
    ) -> Result<Vec<u8>, SignInError> {
        let mut body = Serializer::new(String::new());
        body.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &pending.return_url)
            .append_pair("code_verifier", &pending.verifier);
        let mut authorization = None;
        match &provider.client_secret {
            Some(secret) if secret_in_body => {
                body.append_pair("client_id", &provider.client_id).append_pair("client_secret", secret);
            }
            Some(secret) => authorization = Some(basic(&provider.client_id, secret)),
            None => {
                body.append_pair("client_id", &provider.client_id);
            }
        }
        let body = body.finish();
        let sending = Sending::Form { body: &body, authorization: authorization.as_deref() };
        match self.get(endpoint, sending).await {
            // FD-04: most likely `invalid_grant`, for a code of another sign-in.
            Err(FetchFailure::Status(http::StatusCode::BAD_REQUEST)) => {
                Err(self.unproven(provider, "the token endpoint refused the code"))
            }
            Err(cause) => Err(self.failed(provider, &format!("the token endpoint: {cause}"))),
            Ok(answer) => Ok(answer),
        }
    }

    async fn get(&self, url: &FetchUrl, sending: Sending<'_>) -> Result<Vec<u8>, FetchFailure> {
        let media = MediaRule::Json;
        let request = FetchRequest { url, media, max_bytes: MAX_ANSWER_BYTES, sending };
        self.fetch.fetch(request).await.map(|fetched| fetched.body.into()).map_err(|error| error.cause)
    }

    fn unproven(&self, provider: &UpstreamProvider, why: &str) -> SignInError {
        (self.log)(&format!("a sign-in at {} is refused: {why}", provider.name));
        SignInError::Unproven
    }

    fn failed(&self, provider: &UpstreamProvider, why: &str) -> SignInError {
        (self.log)(&format!("sign-in at {} fails: {why}", provider.name));
        SignInError::Failed
    }
}

/// Returns a parameter that may occur once. An empty one counts as absent.
fn single<'p>(parameters: &'p [(String, String)], name: &str) -> Result<Option<&'p str>, ()> {
    let mut found = parameters.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(()),
        (value, None) => Ok(value.filter(|value| !value.is_empty())),
    }
}

/// RFC 6749 section 2.3.1: both are form-encoded first.
fn basic(client_id: &str, client_secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let credentials = format!("{}:{}", encode(client_id), encode(client_secret));
    format!("Basic {}", base64ct::Base64::encode_string(credentials.as_bytes()))
}
