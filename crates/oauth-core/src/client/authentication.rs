//! Client authentication (RFC 6749 section 2.3), the same at every endpoint that a client calls itself.
//!
//! A client authenticates exactly as it registered: one that shows a secret by another way, or shows
//! none, or has none and shows one, is not who it says. To the caller all of that is one answer.

use super::{Client, Clients};
use crate::error::{ErrorCode, WireError};
use base64ct::{Base64, Encoding};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use web_core::{Form, Head};

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
}

/// The names of all methods, for the metadata of endpoints that serve every client.
pub const METHODS: &[&str] =
    &[Method::None.as_str(), Method::ClientSecretBasic.as_str(), Method::ClientSecretPost.as_str()];

impl Method {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }

    /// The method of this name.
    pub fn find(name: &str) -> Option<Self> {
        [Self::None, Self::ClientSecretBasic, Self::ClientSecretPost]
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
    description: "the client is unknown, or did not authenticate as registered",
};

/// What a request shows.
struct Shown {
    method: Method,
    client_id: String,
    client_secret: Option<String>,
}

/// The answer to a client that the operator switched off (RFC 6749 section 5.2). Not `invalid_client`:
/// then it would register again, and come back.
pub const UNAUTHORIZED_CLIENT: WireError =
    WireError::bad_request(ErrorCode::UnauthorizedClient, "this client is not let in here");

impl<S, R> Clients<'_, S, R> {
    /// Which client asks, if it proves to be that.
    pub fn authenticate(&self, head: &Head, form: &Form) -> Result<Client, WireError> {
        let shown = read(head, form)?;
        let client = self.find_known(&shown.client_id).ok_or(INVALID_CLIENT)?;
        if client.authentication != shown.method {
            return Err(INVALID_CLIENT);
        }
        let is_proven = match (client.authentication, &shown.client_secret) {
            (Method::None, None) => true,
            (Method::ClientSecretBasic | Method::ClientSecretPost, Some(secret)) => {
                client.is_secret(secret, self.records.keys)
            }
            (Method::None, Some(_)) | (Method::ClientSecretBasic | Method::ClientSecretPost, None) => false,
        };
        if is_proven { Ok(client) } else { Err(INVALID_CLIENT) }
    }
}

fn read(head: &Head, form: &Form) -> Result<Shown, WireError> {
    let has_header = head.headers.contains_key(header::AUTHORIZATION);
    let ways = [has_header, form.contains("client_secret"), form.contains("client_assertion")];
    // RFC 6749 sections 2.3 and 5.2.
    if ways.into_iter().filter(|is_used| *is_used).count() > 1 {
        return Err(WireError::bad_request(
            ErrorCode::InvalidRequest,
            "one way of client authentication at a time",
        ));
    }
    if form.contains("client_assertion") {
        return Err(INVALID_CLIENT);
    }
    let named = form.single("client_id")?;
    if has_header {
        let (client_id, client_secret) = basic_credentials(head).ok_or(INVALID_CLIENT)?;
        // Many clients name themselves in the body as well. It must be the same name.
        if named.is_some_and(|named| named != client_id) {
            return Err(INVALID_CLIENT);
        }
        let client_secret = Some(client_secret);
        return Ok(Shown { method: Method::ClientSecretBasic, client_id, client_secret });
    }
    let client_id = named.ok_or(INVALID_CLIENT)?.to_owned();
    let client_secret = form.single("client_secret")?.map(str::to_owned);
    let method = if client_secret.is_some() { Method::ClientSecretPost } else { Method::None };
    Ok(Shown { method, client_id, client_secret })
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
        for unknown in ["", "private_key_jwt", "client_secret_jwt", "None"] {
            assert_eq!(Method::find(unknown), None);
        }
    }
}
