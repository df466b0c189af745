//! Dynamic client registration (RFC 7591), without storing anything.

use super::{Client, authentication, clean_name, redirect_uri};
use crate::error::{ErrorCode, WireError};
use http::{Method, StatusCode};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor},
};
use serde_json::{Map, Value};
use std::fmt;
use store_core::{Keyring, Random};
use web_core::{
    Head, ReadBody, Reply,
    cors::{self, Preflight},
};

/// The longest registration, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// The most redirect URIs of a client.
const MAX_REDIRECT_URIS: usize = 10;

/// What a registered client is told (section 3.2.1): everything that was registered, whatever it had
/// asked for.
#[derive(Serialize)]
struct Registered<'a> {
    client_id: &'a str,
    client_id_issued_at: u64,
    client_name: &'a str,
    redirect_uris: &'a [String],
    grant_types: [&'static str; 2],
    response_types: [&'static str; 1],
    token_endpoint_auth_method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_type: Option<&'static str>,
    #[serde(flatten)]
    secret: Option<Secret>,
}

/// What only a confidential client is told besides.
#[derive(Serialize)]
struct Secret {
    client_secret: String,
    /// 0: it lives as long as the id.
    client_secret_expires_at: u64,
}

/// The metadata in a request: a JSON object in which no member is repeated, so that nobody who looked at
/// it before us can have seen another value (RFC 8259 section 4).
struct Metadata(Map<String, Value>);

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Metadata;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Metadata, A::Error> {
                let mut map = Map::new();
                while let Some((name, value)) = members.next_entry()? {
                    if map.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member is repeated"));
                    }
                }
                Ok(Metadata(map))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Answers a request to `/register`.
pub async fn serve(
    head: &Head,
    body: &mut impl ReadBody,
    keys: &Keyring,
    random: &impl Random,
    now: u64,
) -> Reply {
    let reply = match head.method {
        Method::POST => register(head, body, keys, random, now).await.unwrap_or_else(WireError::reply),
        Method::OPTIONS => cors::preflight(Preflight {
            methods: "POST, OPTIONS",
            headers: "accept, content-type, mcp-protocol-version",
        }),
        _ => Reply::method_not_allowed("POST, OPTIONS"),
    };
    cors::allow_any(reply)
}

async fn register(
    head: &Head,
    body: &mut impl ReadBody,
    keys: &Keyring,
    random: &impl Random,
    now: u64,
) -> Result<Reply, WireError> {
    let metadata = invalid_metadata("the body must be a JSON object with client metadata");
    if head.content_type().as_deref() != Some("application/json") || head.has_content_encoding() {
        return Err(WireError { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, ..metadata });
    }
    let body = body.read(MAX_BODY_BYTES).await?;
    let Metadata(request) = serde_json::from_slice(&body).map_err(|_| metadata)?;
    let redirect_uris = redirect_uris(&request)?;
    check_capabilities(&request)?;
    let authentication = authentication_method(&request)?;
    let application_type = application_type(&request)?;
    let name = match request.get("client_name") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(name)) => clean_name(name),
        Some(_) => return Err(invalid_metadata("client_name must be a string")),
    };
    let client = Client::register(name, redirect_uris, authentication, keys, random)
        .ok_or(invalid_metadata("the metadata is too large"))?;
    let registered = Registered {
        client_id: &client.id,
        client_id_issued_at: now,
        client_name: &client.name,
        redirect_uris: &client.redirect_uris,
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: client.authentication.as_str(),
        application_type,
        secret: client
            .secret(keys)
            .map(|client_secret| Secret { client_secret, client_secret_expires_at: 0 }),
    };
    Ok(Reply::json(StatusCode::CREATED, &registered).no_store())
}

fn invalid_metadata(description: &'static str) -> WireError {
    WireError::bad_request(ErrorCode::InvalidClientMetadata, description)
}

fn redirect_uris(request: &Map<String, Value>) -> Result<Vec<String>, WireError> {
    let invalid = |description| WireError::bad_request(ErrorCode::InvalidRedirectUri, description);
    let Some(Value::Array(values)) = request.get("redirect_uris") else {
        return Err(invalid("redirect_uris must be an array"));
    };
    if values.is_empty() || values.len() > MAX_REDIRECT_URIS {
        return Err(invalid("redirect_uris must have 1 to 10 entries"));
    }
    let mut uris = Vec::new();
    for value in values {
        let uri = value.as_str().ok_or(invalid("redirect_uris must be strings"))?;
        redirect_uri::check(uri).map_err(|_| {
            invalid(
                "a redirect URI must be https, http on a loopback host, or a private-use scheme, and plain",
            )
        })?;
        if !uris.iter().any(|known| known == uri) {
            uris.push(uri.to_owned());
        }
    }
    Ok(uris)
}

/// Section 2: without it, a client would be one of `client_secret_basic`.
///
/// Tolerance `public_by_default`: it is a public one instead, and the answer says so (section 3.2.1 lets
/// the server choose). Native clients leave it out and then show no secret, which would lock them out;
/// one that wants a secret sees that it was given none.
fn authentication_method(request: &Map<String, Value>) -> Result<authentication::Method, WireError> {
    let named = match request.get("token_endpoint_auth_method") {
        None | Some(Value::Null) => return Ok(authentication::Method::None),
        Some(value) => value.as_str().and_then(authentication::Method::find),
    };
    named.ok_or(invalid_metadata(
        "token_endpoint_auth_method must be none, client_secret_basic or client_secret_post",
    ))
}

/// OpenID Connect Registration section 2. It changes nothing: which redirect URIs are good does not
/// depend on it, because the claim is the client's own.
///
/// Tolerance `web_loopback`: a client of type `web` may have loopback redirect URIs. Editors that run on
/// the user's machine say that they are one.
fn application_type(request: &Map<String, Value>) -> Result<Option<&'static str>, WireError> {
    match request.get("application_type") {
        None | Some(Value::Null) => Ok(None),
        Some(value) if value == "native" => Ok(Some("native")),
        Some(value) if value == "web" => Ok(Some("web")),
        Some(_) => Err(invalid_metadata("application_type must be native or web")),
    }
}

/// Refuses clients that want what is not offered, and would find out only later.
fn check_capabilities(request: &Map<String, Value>) -> Result<(), WireError> {
    let contains = |name: &str, wanted: &str| match request.get(name) {
        None | Some(Value::Null) => Ok(true),
        Some(Value::Array(values)) => Ok(values.iter().any(|value| value == wanted)),
        Some(_) => Err(invalid_metadata("grant_types and response_types must be arrays")),
    };
    if !contains("grant_types", "authorization_code")? {
        return Err(invalid_metadata("grant_types must include authorization_code"));
    }
    if !contains("response_types", "code")? {
        return Err(invalid_metadata("response_types must include code"));
    }
    // RG-05: never fetched, never shown, and still not accepted as anything but addresses of pages.
    for (name, value) in request {
        let base = name.split('#').next().unwrap_or(name);
        let is_address = ["client_uri", "logo_uri", "policy_uri", "tos_uri", "jwks_uri"].contains(&base);
        let is_web = |value: &str| value.starts_with("https://") || value.starts_with("http://");
        if is_address
            && !(value.is_null() || value.as_str().is_some_and(|value| value.is_empty() || is_web(value)))
        {
            return Err(invalid_metadata("an address in the metadata is not a web address"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::HeaderMap;
    use serde_json::json;
    use store_core::testing::{SequenceRandom, block_on};

    fn post(body: impl Into<Bytes>) -> (StatusCode, Value) {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        let head =
            Head { method: Method::POST, path: "/register".into(), query: None, authority: None, headers };
        let keys = Keyring::from_secret(&[7; 32]).unwrap();
        let reply = block_on(serve(&head, &mut body.into(), &keys, &SequenceRandom::default(), 1_000));
        assert_eq!(reply.headers["cache-control"], "no-store");
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    fn refused(body: Value) -> String {
        let (status, document) = post(body.to_string());
        assert_eq!(status, StatusCode::BAD_REQUEST, "{document}");
        document["error"].as_str().unwrap().to_owned()
    }

    #[test]
    fn answer_says_what_was_registered() {
        let metadata = |method: Value| {
            let uris = ["http://localhost:3334/oauth/callback"];
            json!({
                "client_name": "MCP CLI Client", "redirect_uris": uris,
                "grant_types": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_method": method, "application_type": "web",
                "software_id": "x", "client_id": "https://chosen.example", "client_secret": "chosen",
            })
            .to_string()
        };
        for method in authentication::METHODS {
            let (status, document) = post(metadata(json!(method)));
            assert_eq!(status, StatusCode::CREATED);
            assert_eq!(document["client_name"], "MCP CLI Client");
            assert_eq!(document["token_endpoint_auth_method"], method);
            assert_eq!(document["application_type"], "web", "with a loopback redirect URI");
            assert_eq!(document["client_id_issued_at"], 1_000);
            assert!(document["client_id"].as_str().unwrap().starts_with(super::super::PREFIX), "RG-10");
            let secret = document.get("client_secret").map(|secret| secret.as_str().unwrap());
            assert_eq!(secret.is_some(), method != "none");
            assert!(secret.is_none_or(|secret| secret.starts_with(super::super::SECRET_PREFIX)));
            let ends = document.get("client_secret_expires_at");
            assert_eq!(ends.is_some_and(|ends| ends == 0), method != "none", "RG-17");
        }
        let (_, document) = post(metadata(Value::Null));
        assert_eq!(document["token_endpoint_auth_method"], "none", "tolerance public_by_default");
        assert!(document.get("client_secret").is_none());
    }

    /// RG-01, RG-02.
    #[test]
    fn redirect_uris_are_needed_and_checked() {
        for uris in [json!(null), json!([]), json!("https://a.example/"), json!([1]), json!(["javascript:x"])]
        {
            assert_eq!(refused(json!({ "redirect_uris": uris })), "invalid_redirect_uri", "{uris}");
        }
        assert_eq!(refused(json!({})), "invalid_redirect_uri");
        let many: Vec<String> = (0..11).map(|index| format!("https://a.example/{index}")).collect();
        assert_eq!(refused(json!({ "redirect_uris": many })), "invalid_redirect_uri");
    }

    /// RG-05, RG-08.
    #[test]
    fn metadata_is_checked() {
        let with = |name: &str, value: Value| {
            let mut body = json!({ "redirect_uris": ["https://a.example/cb"] });
            body[name] = value;
            refused(body)
        };
        assert_eq!(with("grant_types", json!(["implicit"])), "invalid_client_metadata");
        assert_eq!(with("response_types", json!(["token"])), "invalid_client_metadata");
        assert_eq!(with("response_types", json!("code")), "invalid_client_metadata");
        assert_eq!(with("client_name", json!(1)), "invalid_client_metadata");
        for method in [json!("private_key_jwt"), json!("client_secret_jwt"), json!(1), json!([])] {
            assert_eq!(with("token_endpoint_auth_method", method), "invalid_client_metadata");
        }
        assert_eq!(with("application_type", json!("desktop")), "invalid_client_metadata");
        assert_eq!(with("logo_uri", json!("javascript:x")), "invalid_client_metadata");
        assert_eq!(with("client_uri#de", json!("data:x")), "invalid_client_metadata");
    }

    /// RG-07.
    #[test]
    fn body_must_be_one_json_object_of_bounded_size() {
        for body in ["", "[]", "{", "{} {}", "{\"a\":NaN}", "\u{feff}{}"] {
            assert_eq!(post(body.to_owned()).1["error"], "invalid_client_metadata", "{body}");
        }
        assert_eq!(post(vec![b'{', 0xff, b'}']).1["error"], "invalid_client_metadata");
        let nested = "[".repeat(5_000);
        assert_eq!(post(format!("{{\"x\":{nested}")).1["error"], "invalid_client_metadata");
        assert_eq!(post(" ".repeat(20_000)).0, StatusCode::PAYLOAD_TOO_LARGE);
        let large: Vec<String> =
            (0..10).map(|index| format!("https://a.example/{index}{}", "x".repeat(480))).collect();
        assert_eq!(refused(json!({ "redirect_uris": large })), "invalid_client_metadata");
    }
}
