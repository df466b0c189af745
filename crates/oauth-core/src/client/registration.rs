//! Dynamic client registration (RFC 7591), without storing anything.

use super::{
    Client, ClientKeys, Clients, SealedClient, authentication, json,
    metadata::{ClientMetadata, Rules, invalid},
};
use crate::{
    config::log_tolerance,
    error::WireError,
    ports::{Catalog, CatalogError, Offer},
};
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::Value;
use store_core::Random;
use web_core::{
    BodyError, Head, ReadBody, Reply,
    cors::{self, Preflight},
};

/// The longest registration, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;

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
    jwks: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_type: Option<&'static str>,
    /// What it asked for of what there is. No limit: what a client may ask for later is for the user to
    /// decide, and what it may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
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

/// Why nothing was registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// The request cannot be accepted.
    #[error("{}", .0.description)]
    Request(WireError),
    /// The scopes could not be listed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<WireError> for RegistrationError {
    fn from(error: WireError) -> Self {
        Self::Request(error)
    }
}

impl From<BodyError> for RegistrationError {
    fn from(error: BodyError) -> Self {
        Self::Request(error.into())
    }
}

impl RegistrationError {
    /// The one mapping to the wire.
    pub fn wire(&self) -> WireError {
        match self {
            Self::Request(error) => *error,
            Self::Catalog(_) => WireError::UNAVAILABLE,
        }
    }
}

/// Answers a request to `/register`. Whether there is such a path is for the caller to know
/// (RG-18: not when the operator closed registration).
pub async fn serve<S, R: Random>(
    head: &Head,
    body: &mut impl ReadBody,
    clients: &Clients<'_, S, R>,
    catalog: &impl Catalog,
) -> Reply {
    let reply = match head.method {
        Method::POST => register(head, body, clients, catalog).await.unwrap_or_else(|error| {
            if let RegistrationError::Catalog(cause) = &error {
                (clients.log)(&format!("register: {cause}"));
            }
            error.wire().reply()
        }),
        Method::OPTIONS => cors::preflight(Preflight {
            methods: "POST, OPTIONS",
            headers: "accept, content-type, mcp-protocol-version",
        }),
        _ => Reply::method_not_allowed("POST, OPTIONS"),
    };
    cors::allow_any(reply)
}

async fn register<S, R: Random>(
    head: &Head,
    body: &mut impl ReadBody,
    clients: &Clients<'_, S, R>,
    catalog: &impl Catalog,
) -> Result<Reply, RegistrationError> {
    let metadata = invalid("the body must be a JSON object with client metadata");
    if head.content_type().as_deref() != Some("application/json") || head.has_content_encoding() {
        return Err(WireError { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, ..metadata }.into());
    }
    let request = json::object(&body.read(MAX_BODY_BYTES).await?).ok_or(metadata)?;
    let metadata = ClientMetadata::parse(&request, Rules::of(clients.config, clients.log))?;
    let authentication = metadata.authentication.unwrap_or_else(|| default_method(clients));
    let scope = match &metadata.scopes {
        Some(asked) => offered(asked, &catalog.list().await?),
        None => None,
    };
    let (keys, random) = (clients.records.keys, clients.records.random);
    let ClientMetadata { name, redirect_uris, application_type, .. } = metadata;
    let client_keys = client_keys(authentication, metadata.keys)?;
    let sealed_client = SealedClient { name, redirect_uris, authentication, keys: client_keys };
    let client = Client::register(sealed_client, keys, random).ok_or(invalid("the metadata is too large"))?;
    if clients.is_denied(&client.id) {
        return Err(invalid("this client is not let in here").into());
    }
    let registered = Registered {
        client_id: &client.id,
        client_id_issued_at: clients.now,
        client_name: &client.name,
        redirect_uris: &client.redirect_uris,
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: client.authentication.as_str(),
        jwks: match &client.keys {
            ClientKeys::Set(keys) => serde_json::from_str(keys).ok(),
            ClientKeys::None | ClientKeys::At(_) => None,
        },
        application_type: application_type.map(|kind| kind.as_str()),
        scope,
        secret: client
            .secret(keys)
            .map(|client_secret| Secret { client_secret, client_secret_expires_at: 0 }),
    };
    Ok(Reply::json(StatusCode::CREATED, &registered).no_store())
}

/// Section 2: a client that names no method would be one of `client_secret_basic`.
///
/// Tolerance `public_by_default`: it is a public one instead, and the answer says so (section 3.2.1 lets
/// the server choose). Native clients leave it out and then show no secret, which would lock them out;
/// one that wants a secret sees that it was given none.
fn default_method<S, R>(clients: &Clients<'_, S, R>) -> authentication::Method {
    if clients.config.tolerances.public_by_default {
        log_tolerance(clients.log, "public_by_default");
        authentication::Method::None
    } else {
        authentication::Method::ClientSecretBasic
    }
}

/// The keys of a client that signs. They are sealed into its id, so they come with the registration: a
/// stranger's address is not fetched from for it (RG-06). Other clients' keys are ignored.
fn client_keys(
    authentication: authentication::Method,
    keys: ClientKeys,
) -> Result<Option<String>, WireError> {
    match (authentication, keys) {
        (authentication::Method::PrivateKeyJwt, ClientKeys::Set(keys)) => Ok(Some(keys)),
        (authentication::Method::PrivateKeyJwt, ClientKeys::None | ClientKeys::At(_)) => {
            Err(invalid("a client of private_key_jwt registers with jwks, not with jwks_uri"))
        }
        _ => Ok(None),
    }
}

/// RG-09: what a client asks for, cut to what there is.
fn offered(asked: &[String], offer: &Offer) -> Option<String> {
    let names = offer.scopes.iter().map(|scope| scope.name.as_str());
    let scopes: Vec<&str> = names.filter(|name| asked.iter().any(|asked| asked == name)).collect();
    (!scopes.is_empty()).then(|| scopes.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, ports::OfferedScope};
    use bytes::Bytes;
    use http::HeaderMap;
    use jwt_core::testing::TestKey;
    use serde_json::json;
    use std::cell::RefCell;
    use store_core::{
        Keyring, Records,
        testing::{MemoryStore, SequenceRandom, block_on},
    };
    use web_core::PublicUrl;

    struct Scopes;

    impl Catalog for Scopes {
        async fn list(&self) -> Result<Offer, CatalogError> {
            let scope =
                |name: &str| OfferedScope { name: name.into(), description: String::new(), initial: true };
            Ok(Offer { scopes: vec![scope("a"), scope("b"), scope("c")], tools: Vec::new() })
        }
    }

    fn strict(strict: &str) -> Config {
        let url = PublicUrl::parse("https://mcp.example.com").unwrap();
        let variable = |name: &str| match name {
            "strict" => strict.to_owned(),
            "private_schemes" => "cursor".to_owned(),
            _ => String::new(),
        };
        Config::read(url, variable).unwrap()
    }

    /// The answer, and what was logged.
    fn post_to(config: &Config, body: impl Into<Bytes>) -> (StatusCode, Value, Vec<String>) {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        let head =
            Head { method: Method::POST, path: "/register".into(), query: None, authority: None, headers };
        let keys = Keyring::from_secret(&[7; 32]).unwrap();
        let (store, random) = (MemoryStore::default(), SequenceRandom::default());
        let logged = RefCell::new(Vec::new());
        let log = |line: &str| logged.borrow_mut().push(line.to_owned());
        let records = Records { store: &store, keys: &keys, random: &random };
        let clients = Clients { config, records: &records, now: 1_000, log: &log };
        let reply = block_on(serve(&head, &mut body.into(), &clients, &Scopes));
        assert_eq!(reply.headers["cache-control"], "no-store");
        (reply.status, serde_json::from_slice(&reply.body).unwrap(), logged.take())
    }

    fn post(body: impl Into<Bytes>) -> (StatusCode, Value) {
        let (status, document, _) = post_to(&strict(""), body);
        (status, document)
    }

    /// Each tolerance is logged when it makes the difference, and refuses when it is switched off.
    #[test]
    fn tolerances_have_switches_and_are_logged() {
        let with = |application_type: &str, uri: &str| {
            json!({
                "redirect_uris": ["https://a.example/cb", uri],
                "token_endpoint_auth_method": "none",
                "application_type": application_type,
            })
        };
        let native_https = json!({
            "redirect_uris": ["https://a.example/cb"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        });
        let nulls = json!({
            "redirect_uris": ["https://a.example/cb"],
            "token_endpoint_auth_method": "none",
            "client_name": null,
        });
        let dotless = json!({ "redirect_uris": ["cursor://cb"], "token_endpoint_auth_method": "none" });
        for (name, metadata, error) in [
            ("native_https", native_https, "invalid_redirect_uri"),
            ("web_loopback", with("web", "http://localhost:1/cb"), "invalid_redirect_uri"),
            ("web_private_schemes", with("web", "com.example:/cb"), "invalid_redirect_uri"),
            ("private_schemes", dotless, "invalid_redirect_uri"),
            ("null_members", nulls, "invalid_client_metadata"),
        ] {
            let (status, document, logged) = post_to(&strict(""), metadata.to_string());
            assert_eq!(status, StatusCode::CREATED, "{name}: {document}");
            assert_eq!(logged, [format!("tolerance: {name}")]);
            let (status, document, logged) = post_to(&strict(name), metadata.to_string());
            assert_eq!((status, &document["error"]), (StatusCode::BAD_REQUEST, &json!(error)), "{name}");
            assert!(logged.is_empty(), "{logged:?}");
        }
        let plain = json!({ "redirect_uris": ["https://a.example/cb"] }).to_string();
        let (_, document, logged) = post_to(&strict("public_by_default"), plain.clone());
        assert_eq!(document["token_endpoint_auth_method"], "client_secret_basic", "RFC 7591 section 2");
        assert!(document["client_secret"].is_string() && logged.is_empty());
        assert_eq!(post_to(&strict(""), plain).2, ["tolerance: public_by_default"]);
    }

    /// OpenID Connect Registration section 2: who keeps to the rules needs no tolerance.
    /// MCP-S-30.
    #[test]
    fn application_types_have_their_redirect_uris() {
        let everything = "native_https,web_loopback,web_private_schemes";
        for (application_type, uri) in [
            ("web", "https://a.example/cb"),
            ("native", "http://127.0.0.1:1/cb"),
            ("native", "http://localhost/cb"),
            ("native", "com.example.app:/cb"),
            ("native", "cursor://cb"),
        ] {
            let metadata = json!({ "redirect_uris": [uri], "application_type": application_type });
            let (status, document, _) = post_to(&strict(everything), metadata.to_string());
            assert_eq!(status, StatusCode::CREATED, "{uri}: {document}");
            assert_eq!(document["application_type"], application_type);
        }
    }

    /// RG-09: the answer has of the scopes that were asked for those that there are.
    #[test]
    fn scopes_are_cut_to_what_is_offered() {
        let scope = |scope: Value| {
            post(json!({ "redirect_uris": ["https://a.example/cb"], "scope": scope }).to_string())
        };
        assert_eq!(scope(json!("c admin a openid")).1["scope"], "a c");
        assert_eq!(scope(json!("admin")).1.get("scope"), None);
        for bad in [json!(1), json!("a\"b"), json!(["a"])] {
            assert_eq!(scope(bad).1["error"], "invalid_client_metadata");
        }
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
        for method in ["none", "client_secret_basic", "client_secret_post"] {
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

    /// A client that signs brings its keys; they are sealed into its id, as everything else is.
    #[test]
    fn client_that_signs_registers_with_its_keys() {
        let jwks = json!({ "keys": [TestKey::p256(1).jwk("a")] });
        let with = |name: &str, value: Value| {
            json!({
                "redirect_uris": ["https://a.example/cb"],
                "token_endpoint_auth_method": "private_key_jwt",
                name: value,
            })
            .to_string()
        };
        let (status, document) = post(with("jwks", jwks.clone()));
        assert_eq!((status, &document["jwks"]), (StatusCode::CREATED, &jwks));
        assert_eq!(document.get("client_secret"), None);
        let id = document["client_id"].as_str().unwrap();
        assert_eq!(post(with("jwks", jwks.clone())).1["client_id"], id, "the same metadata, the same client");
        let client = Client::find(id, &Keyring::from_secret(&[7; 32]).unwrap()).unwrap();
        assert_eq!(client.keys, ClientKeys::Set(jwks.to_string()));
        let many = json!({ "keys": (1..40).map(|seed| TestKey::p256(seed).jwk("a")).collect::<Vec<_>>() });
        for (name, value) in [
            ("jwks", json!({ "keys": [] })),
            ("jwks", json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] })),
            ("jwks", many),
            ("jwks", json!("x")),
            ("jwks_uri", json!("https://a.example/jwks")),
        ] {
            let (_, document) = post(with(name, value));
            assert_eq!(document["error"], "invalid_client_metadata", "{name}");
        }
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
        for method in [
            json!("private_key_jwt"),
            json!("client_secret_jwt"),
            json!("tls_client_auth"),
            json!(1),
            json!([]),
        ] {
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
