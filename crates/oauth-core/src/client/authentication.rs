//! Client authentication (RFC 6749 section 2.3), the same at every endpoint that a client calls itself.
//!
//! A client authenticates exactly as it registered: one that shows a secret by another way, or shows
//! none, or has none and shows one, is not who it says. The caller gets one response for all of these;
//! which of them it was is in the operator's log ([`ClientRefusal`]).

use super::{Client, ClientKeys, Clients, Source, assertion, assertion::UnusedAssertion};
use crate::{
    config::log_tolerance,
    credential::{Credential, Kind},
    error::{ErrorCode, WireError},
    grants,
    records::Grant,
};
use base64ct::{Base64, Encoding};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use store_core::{Random, RecordError, Store};
use web_core::{Form, Head, form::Repeated};

/// How a client proves who it is (RFC 7591 section 2, `token_endpoint_auth_method`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// Not at all: a public client is named, and proves itself by PKCE and by holding its tokens.
    #[default]
    #[serde(rename = "n")]
    None,
    /// By its secret in the `Authorization` header.
    #[serde(rename = "b")]
    ClientSecretBasic,
    /// By its secret in the body.
    #[serde(rename = "p")]
    ClientSecretPost,
    /// By an assertion that it signs (RFC 7523).
    #[serde(rename = "k")]
    PrivateKeyJwt,
}

/// The names of all methods, for the metadata of endpoints that serve every client.
pub const METHODS: &[&str] = &[
    Method::None.as_str(),
    Method::ClientSecretBasic.as_str(),
    Method::ClientSecretPost.as_str(),
    Method::PrivateKeyJwt.as_str(),
];

impl Method {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// The method of this name.
    pub fn find(name: &str) -> Option<Self> {
        [Self::None, Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt]
            .into_iter()
            .find(|method| method.as_str() == name)
    }

    /// Whether it proves nothing: the client is a public one.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Whether it takes a secret that the server knows too.
    pub fn has_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

/// The one answer to whoever is not the client that they name, or names none (RFC 6749 section 5.2).
pub const INVALID_CLIENT: WireError = WireError {
    status: StatusCode::UNAUTHORIZED,
    code: ErrorCode::InvalidClient,
    description: Cow::Borrowed("the client is unknown, or did not authenticate as registered"),
};

/// Why a request gets [`INVALID_CLIENT`]: for the operator's log alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid_client: {0}")]
pub struct ClientRefusal(Cow<'static, str>);

impl ClientRefusal {
    pub(crate) fn new(cause: impl Into<Cow<'static, str>>) -> Self {
        Self(cause.into())
    }
}

/// A client that has proven who it is.
pub struct Authenticated {
    /// The client.
    pub client: Client,
    /// What it signed to prove it, until [`Clients::use_assertion`] has used it.
    assertion: Option<UnusedAssertion>,
}

impl Authenticated {
    /// Whether an assertion is left to use. A request that will be refused must not use it.
    pub fn has_assertion(&self) -> bool {
        self.assertion.is_some()
    }
}

/// What a request shows.
struct Shown {
    client_id: String,
    proof: Proof,
}

/// What a request proves its client with.
enum Proof {
    Nothing,
    Basic(String),
    Post(String),
    Assertion(String),
}

impl Proof {
    fn method(&self) -> Method {
        match self {
            Self::Nothing => Method::None,
            Self::Basic(_) => Method::ClientSecretBasic,
            Self::Post(_) => Method::ClientSecretPost,
            Self::Assertion(_) => Method::PrivateKeyJwt,
        }
    }
}

/// Why a client is not authenticated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// The request is malformed.
    #[error("{}", .0.description)]
    Request(WireError),
    /// The client is unknown, or did not authenticate as registered.
    #[error(transparent)]
    Client(#[from] ClientRefusal),
    /// The store is unavailable.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<WireError> for AuthenticationError {
    fn from(error: WireError) -> Self {
        Self::Request(error)
    }
}

impl From<Repeated> for AuthenticationError {
    fn from(error: Repeated) -> Self {
        Self::Request(error.into())
    }
}

/// The answer to a client that the operator switched off (RFC 6749 section 5.2). Not `invalid_client`:
/// then it would register again, and come back.
pub const UNAUTHORIZED_CLIENT: WireError =
    WireError::bad_request(ErrorCode::UnauthorizedClient, "this client is not let in here");

/// Where a request has what it is about: the parameter, and the kinds of credentials that it may hold. A
/// client may be judged by the approval that it comes from, and that has to be of what the request is then
/// answered by, not of something else that it brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject(&'static str, &'static [Kind]);

impl Subject {
    /// Nothing: the request is not one that is answered by a credential.
    pub const NONE: Self = Self("", &[]);
    /// The code to redeem.
    pub const CODE: Self = Self("code", &[Kind::AuthorizationCode]);
    /// The refresh token to use.
    pub const REFRESH_TOKEN: Self = Self("refresh_token", &[Kind::RefreshToken]);
    /// The token that is asked about, or given back.
    pub const TOKEN: Self = Self("token", &[Kind::RefreshToken, Kind::AccessToken]);
}

impl<S: Store, R: Random> Clients<'_, S, R> {
    /// Authenticates the client that sends a request. Fetches nothing (CM-20).
    ///
    /// An assertion is verified here and not yet used: the endpoint calls
    /// [`use_assertion`](Self::use_assertion) when everything else about the request is good.
    pub async fn authenticate(
        &self,
        head: &Head,
        form: &Form,
        subject: Subject,
    ) -> Result<Authenticated, AuthenticationError> {
        let Shown { client_id, mut proof } = read(head, form)?;
        let known = self.find_known(&client_id);
        let is_elsewhere = match &known {
            Some(client) => matches!(client.keys, ClientKeys::At(_)),
            None => self.is_document_address(&client_id),
        };
        let client =
            if is_elsewhere { self.find_approved(known, &client_id, form, subject).await? } else { known };
        let client = client.ok_or(ClientRefusal::new(
            "the client id is unknown: it was not issued here, or under a deployment_secret that is gone",
        ))?;
        if self.is_empty_secret(&client, &proof) {
            proof = Proof::Nothing;
        }
        if client.authentication != proof.method() {
            let (registered, used) = (client.authentication.as_str(), proof.method().as_str());
            let cause = format!("the client is registered for {registered} and used {used}");
            return Err(ClientRefusal::new(cause).into());
        }
        let assertion = match (proof, &client.keys) {
            (Proof::Nothing, _) => None,
            // TK-20.
            (Proof::Basic(secret) | Proof::Post(secret), _) => {
                if !client.is_secret(&secret, self.records.keys) {
                    return Err(ClientRefusal::new("the client secret is wrong").into());
                }
                None
            }
            (Proof::Assertion(assertion), ClientKeys::Set(keys)) => {
                Some(self.verify_assertion(&client, keys, &assertion)?)
            }
            (Proof::Assertion(_), ClientKeys::None | ClientKeys::At(_)) => {
                let cause = "the request is about no grant of the client, which would have its keys";
                return Err(ClientRefusal::new(cause).into());
            }
        };
        Ok(Authenticated { client, assertion })
    }

    /// Uses the assertion that the client authenticated with, if it did: each is good once (RFC 7523 section
    /// 3, rule 7). Called when the rest of the request is good and before it has any effect, so that a
    /// request that is refused stores nothing.
    pub async fn use_assertion(&self, authenticated: &Authenticated) -> Result<(), AuthenticationError> {
        match &authenticated.assertion {
            None => Ok(()),
            Some(assertion) => self.use_once(&authenticated.client, assertion).await,
        }
    }

    /// Tolerance `empty_secret`: a public client sends its id in the `Authorization` header, with nothing
    /// where the secret would be.
    fn is_empty_secret(&self, client: &Client, proof: &Proof) -> bool {
        let is_empty = matches!(proof, Proof::Basic(secret) if secret.is_empty());
        let is_tolerated = is_empty && client.authentication.is_none() && self.config.tolerances.empty_secret;
        if is_tolerated {
            log_tolerance(self.log, "empty_secret");
        }
        is_tolerated
    }

    /// A client whose metadata, or only its keys, is elsewhere: as it was when a user approved it. Which
    /// approval it comes for is in what it brings along. One that brings nothing of its own is as good as
    /// a public client that brings nothing: there is nothing to be had for it.
    async fn find_approved(
        &self,
        known: Option<Client>,
        client_id: &str,
        form: &Form,
        subject: Subject,
    ) -> Result<Option<Client>, RecordError> {
        let grant = self.find_presented(form, subject).await?.filter(|grant| grant.client_id == client_id);
        let keys = match &grant {
            Some(grant) => self.approved_keys(grant).await?,
            None => ClientKeys::None,
        };
        if let Some(known) = known {
            return Ok(Some(Client { keys, ..known }));
        }
        let approved = grant.and_then(|grant| grant.client);
        Ok(Some(Client {
            id: client_id.to_owned(),
            name: String::new(),
            redirect_uris: Vec::new(),
            authentication: approved.map_or(Method::None, |approved| approved.authentication),
            keys,
            source: Source::MetadataDocument { host: String::new() },
        }))
    }

    /// The grant that a request is about, whoever sent it and whatever state it is in.
    async fn find_presented(&self, form: &Form, subject: Subject) -> Result<Option<Grant>, RecordError> {
        let Subject(parameter, kinds) = subject;
        let text = form.single(parameter).ok().flatten().unwrap_or_default();
        let credential = kinds.iter().find_map(|kind| Credential::verify(*kind, text, self.records.keys));
        match credential {
            Some(credential) => grants::find(self.records, &credential.grant.key()).await,
            None => Ok(None),
        }
    }
}

fn read(head: &Head, form: &Form) -> Result<Shown, AuthenticationError> {
    let has_header = head.headers.contains_key(header::AUTHORIZATION);
    let ways = [has_header, form.contains("client_secret"), form.contains("client_assertion")];
    // RFC 6749 sections 2.3 and 5.2.
    if ways.into_iter().filter(|is_used| *is_used).count() > 1 {
        return Err(WireError::bad_request(
            ErrorCode::InvalidRequest,
            "one way of client authentication at a time",
        )
        .into());
    }
    let named = form.single("client_id")?;
    if has_header {
        let malformed = "the Authorization header does not hold well-formed Basic credentials";
        let (client_id, client_secret) = basic_credentials(head).ok_or(ClientRefusal::new(malformed))?;
        // Many clients name themselves in the body as well. It must be the same name.
        if named.is_some_and(|named| named != client_id) {
            return Err(ClientRefusal::new("the header and the body name different clients").into());
        }
        return Ok(Shown { client_id, proof: Proof::Basic(client_secret) });
    }
    if let Some(assertion) = form.single("client_assertion")? {
        // RFC 7521 section 4.2.
        if form.single("client_assertion_type")? != Some(assertion::TYPE) {
            return Err(WireError::bad_request(
                ErrorCode::InvalidRequest,
                "client_assertion_type must be that of a JWT",
            )
            .into());
        }
        let client_id = match named {
            Some(named) => named.to_owned(),
            None => assertion::claimed_issuer(assertion)
                .ok_or(ClientRefusal::new("the client assertion names no issuer"))?,
        };
        return Ok(Shown { client_id, proof: Proof::Assertion(assertion.to_owned()) });
    }
    let client_id = named.ok_or(ClientRefusal::new("the request names no client"))?.to_owned();
    let secret = form.single("client_secret")?;
    let proof = secret.map_or(Proof::Nothing, |secret| Proof::Post(secret.to_owned()));
    Ok(Shown { client_id, proof })
}

/// TK-18: the id and the secret of a Basic header (RFC 7617 section 2), each of them form-encoded
/// (RFC 6749 section 2.3.1). `None` when it is another scheme, or malformed.
fn basic_credentials(head: &Head) -> Option<(String, String)> {
    let (scheme, encoded) = head.single_header(header::AUTHORIZATION).ok()??.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = String::from_utf8(Base64::decode_vec(encoded.trim_start_matches(' ')).ok()?).ok()?;
    let (client_id, client_secret) = credentials.split_once(':')?;
    let (client_id, client_secret) = (form_decode(client_id)?, form_decode(client_secret)?);
    (!client_id.is_empty()).then_some((client_id, client_secret))
}

/// One value of `application/x-www-form-urlencoded`.
fn form_decode(value: &str) -> Option<String> {
    let form = Form::parse(format!("value={value}").as_bytes()).ok()?;
    let mut pairs = form.iter();
    match (pairs.next(), pairs.next()) {
        (Some((_, value)), None) => Some(value.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    fn credentials(authorization: &str) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", authorization.parse().unwrap());
        let method = http::Method::POST;
        basic_credentials(&Head { method, path: "/token".into(), query: None, authority: None, headers })
    }

    fn basic(text: &str) -> String {
        format!("Basic {}", Base64::encode_string(text.as_bytes()))
    }

    /// RFC 6749 section 2.3.1: what is encoded once for the form is decoded once.
    #[test]
    fn credentials_are_form_decoded() {
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(credentials("Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"), {
            pair("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw")
        });
        assert_eq!(credentials(&basic("a%3Ab+c:%2525:d")), pair("a:b c", "%25:d"));
        assert_eq!(credentials(&basic("id:")), pair("id", ""));
        for scheme in ["basic", "BASIC", "bAsIc "] {
            assert_eq!(credentials(&basic("a:b").replace("Basic", scheme)), pair("a", "b"), "{scheme}");
        }
    }

    /// TK-18.
    #[test]
    fn malformed_headers_are_no_credentials() {
        for bad in ["no colon", ":secret", "%zz:secret", "id:%4", "id:%ff", "a&b:c", "id:a&b=c", ""] {
            assert_eq!(credentials(&basic(bad)), None, "{bad}");
        }
        for bad in
            ["Basic", "Basic ", "Basic !!!", "Basic aWQ6c2VjcmV0=", "Basic aWQ", "Bearer aWQ6cw==", "x"]
        {
            assert_eq!(credentials(bad), None, "{bad}");
        }
    }

    #[test]
    fn methods_have_their_registered_names() {
        for &name in METHODS {
            assert_eq!(Method::find(name).unwrap().as_str(), name);
        }
        for unknown in ["", "client_secret_jwt", "None"] {
            assert_eq!(Method::find(unknown), None);
        }
    }
}
