//! Signing people in at a provider that the operator chose (OpenID Connect Core section 3.1, and GitHub's
//! OAuth): the browser is sent there with a request, and what it brings back is redeemed and judged.
//!
//! Reading order: [`config`] (what an operator says of a provider), [`SignIn::start`] and
//! [`SignIn::finish`], `openid` and `github_sign_in` (what is particular to each), `endpoints` (where an OpenID
//! provider is talked to), [`person`] (what is learned, and who is let in).
//!
//! The rules that keep one sign-in from being taken for another: a request goes out with a fresh `state`, PKCE
//! challenge and nonce; a browser comes back to an address that is that provider's alone; `iss` (RFC 9207) is
//! compared when it is there and demanded where it is promised; and an ID token counts only with the
//! provider's signature, for us alone and with our nonce. The provider's tokens are looked at once, and
//! kept nowhere. What a provider writes in an error goes nowhere either.

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

/// The longest answer of a token endpoint or of an interface of GitHub's that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Everything that a sign-in elsewhere takes, for one request.
pub struct SignIn<'a, S, R, F> {
    /// The providers.
    pub providers: &'a [UpstreamProvider],
    /// Where their keys and endpoints are kept, sealed.
    pub records: Records<'a, S, R>,
    /// The way to them.
    pub fetch: &'a F,
    /// What this instance knows of keys already.
    pub memory: &'a KeyMemory,
    /// The time of this request, in seconds since the Unix epoch.
    pub now: u64,
    /// Where causes go. Never given anything that a provider or a browser wrote.
    pub log: &'a dyn Fn(&str),
}

/// Where the browser is to be sent, and what is needed when it comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The provider's authorization endpoint, with the request.
    pub url: String,
    /// The request's `state`.
    pub return_token: String,
    /// For whoever carries it, sealed, to [`SignIn::finish`].
    pub pending: Pending,
}

/// A sign-in under way. Whoever carries it keeps it secret and unaltered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The provider's name.
    pub provider: String,
    /// Where the browser is to come back to: the provider's own address.
    return_url: String,
    /// The PKCE verifier (RFC 7636 section 4.1).
    verifier: String,
    /// The nonce that the ID token has to have.
    nonce: String,
}

/// Why nobody is signed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The provider is not there any more.
    #[error("there is no such provider")]
    UnknownProvider,
    /// What the browser brought is not what was asked for, or proves nothing. The cause has been logged.
    #[error("what came back proves nothing")]
    Unproven,
    /// The person declined.
    #[error("the person declined")]
    Denied,
    /// The provider did not do its part. The cause has been logged.
    #[error("the provider failed")]
    Failed,
    /// The person is who they say, and the operator lets others in.
    #[error("the person is not let in")]
    NotAdmitted,
    /// The store did not answer.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl<'a, S: Store, R: Random, F: Fetch> SignIn<'a, S, R, F> {
    /// The provider of this name.
    pub fn provider(&self, name: &str) -> Option<&'a UpstreamProvider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// Makes the request to send the browser with. It comes back to the provider's own address under
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

    /// Judges what a browser brought back to `return_url`. The caller has found that it has the request's
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
                // RFC 9207 section 2.4. Errors too are told by the provider only.
                let is_missing = issuer.is_none() && endpoints.authorization_response_iss_parameter_supported;
                if is_missing || issuer.is_some_and(|issuer| issuer != openid.issuer.as_str()) {
                    return Err(self.unproven(provider, "the answer's issuer is another, or is missing"));
                }
                let code = self.code(provider, code, error)?;
                self.finish_openid(provider, openid, &endpoints, pending, code).await?
            }
            Kind::GitHub(github) => {
                if issuer.is_some_and(|issuer| !github.is_issuer(issuer)) {
                    return Err(self.unproven(provider, "the answer's issuer is another"));
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

    /// Redeems a code (RFC 6749 section 4.1.3). Returns what the token endpoint says.
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
            // FD-04: above all `invalid_grant`, of a code that is not of this sign-in.
            Err(FetchFailure::Status(http::StatusCode::BAD_REQUEST)) => {
                Err(self.unproven(provider, "the token endpoint does not take the code"))
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
        (self.log)(&format!("nobody can sign in at {}: {why}", provider.name));
        SignInError::Failed
    }
}

/// A parameter that may occur once. An empty one counts as absent.
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
