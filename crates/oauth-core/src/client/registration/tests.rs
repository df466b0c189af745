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
    let head = Head { method: Method::POST, path: "/register".into(), query: None, authority: None, headers };
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
        assert!(
            matches!(logged.as_slice(), [line] if line.starts_with("refused: /register: ")),
            "{logged:?}"
        );
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
    let scope =
        |scope: Value| post(json!({ "redirect_uris": ["https://a.example/cb"], "scope": scope }).to_string());
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
        assert!(document["client_id"].as_str().unwrap().starts_with(crate::client::PREFIX), "RG-10");
        let secret = document.get("client_secret").map(|secret| secret.as_str().unwrap());
        assert_eq!(secret.is_some(), method != "none");
        assert!(secret.is_none_or(|secret| secret.starts_with(crate::client::SECRET_PREFIX)));
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
    for uris in [json!(null), json!([]), json!("https://a.example/"), json!([1]), json!(["javascript:x"])] {
        assert_eq!(refused(json!({ "redirect_uris": uris })), "invalid_redirect_uri", "{uris}");
    }
    assert_eq!(refused(json!({})), "invalid_redirect_uri");
    let many: Vec<String> = (0..33).map(|index| format!("https://a.example/{index}")).collect();
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
    for method in
        [json!("private_key_jwt"), json!("client_secret_jwt"), json!("tls_client_auth"), json!(1), json!([])]
    {
        assert_eq!(with("token_endpoint_auth_method", method), "invalid_client_metadata");
    }
    assert_eq!(with("application_type", json!("desktop")), "invalid_client_metadata");
}

/// C19, RG-05: what is not used is no reason to refuse a client, and the response does not show it.
#[test]
fn members_that_are_not_used_are_dropped() {
    let with = |more: Value| {
        let mut body = json!({
            "redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "none",
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, document) = post(body.to_string());
        assert_eq!(status, StatusCode::CREATED, "{more}: {document}");
        document
    };
    let plain = with(json!({}));
    for (name, value) in [
        ("client_uri", json!("HTTPS://a.example/")),
        ("client_uri", json!("not an address")),
        ("client_uri#de", json!("data:x")),
        ("logo_uri", json!("data:image/png;base64,AAAA")),
        ("logo_uri", json!("javascript:x")),
        ("policy_uri", json!(1)),
        ("tos_uri", json!([])),
        ("contacts", json!("a@a.example")),
        ("client_name", json!(1)),
        ("client_name", json!(["x"])),
        ("jwks", json!({ "keys": [] })),
        ("jwks", json!("x")),
        ("jwks_uri", json!("file:///x")),
        ("software_statement", json!("x")),
    ] {
        assert_eq!(with(json!({ name: value })), plain, "{name} {value}");
    }
    assert_eq!(plain.get("client_name"), None);
    let uris: Vec<String> = (0..32).map(|index| format!("https://app.example.com/cb/{index}")).collect();
    assert_eq!(with(json!({ "redirect_uris": uris }))["redirect_uris"], json!(uris));
}

/// C7: the error names the index and the rule, the log the scheme and the variable, and neither the URI.
#[test]
fn refused_redirect_uri_is_named_by_index_and_rule() {
    let refuse = |config: &Config, uri: &str| {
        let uris = ["https://a.example/cb", uri];
        let body = json!({ "redirect_uris": uris, "token_endpoint_auth_method": "none" });
        let (status, document, logged) = post_to(config, body.to_string());
        assert_eq!((status, &document["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_redirect_uri")));
        assert_eq!(logged.len(), 1, "{logged:?}");
        let description = document["error_description"].as_str().unwrap().to_owned();
        assert!(!description.contains("s3cret") && !logged[0].contains("s3cret"), "{logged:?}");
        assert!(logged[0].starts_with(&format!("refused: /register: invalid_redirect_uri: {description}")));
        (description, logged[0].clone())
    };
    let config = strict("");
    for (uri, rule) in [
        ("http://s3cret.example/cb", "is http on a host"),
        ("https://a.example/#s3cret", "has a fragment"),
        ("https://s3cret:x@a.example/", "has a user name"),
        ("https://*.s3cret.example/", "has a wildcard"),
        ("https://a.example/s3cret?state=1", "has code, state, iss or error"),
        ("s3cret", "is not an absolute URI"),
        ("acme://s3cret", "has a scheme that is not accepted"),
    ] {
        let (description, _) = refuse(&config, uri);
        assert!(description.starts_with(&format!("redirect_uris[1] {rule}")), "{description}");
    }
    let (_, logged) = refuse(&config, "acme://s3cret");
    assert!(logged.ends_with(": add acme to the variable private_schemes to allow it"), "{logged}");
    let (_, logged) = refuse(&strict("private_schemes"), "cursor://s3cret");
    assert!(logged.contains("scheme is cursor; the variable strict"), "{logged}");
}

/// C7: a refused registration has one line in the log.
#[test]
fn refused_registration_has_one_line_in_the_log() {
    let uris = json!(["https://a.example/cb"]);
    for body in [
        "[]".to_owned(),
        " ".repeat(20_000),
        json!({}).to_string(),
        json!({ "redirect_uris": [1] }).to_string(),
        json!({ "redirect_uris": uris, "grant_types": ["implicit"] }).to_string(),
        json!({ "redirect_uris": uris, "token_endpoint_auth_method": "private_key_jwt" }).to_string(),
    ] {
        let (_, document, logged) = post_to(&strict(""), body);
        let code = document["error"].as_str().unwrap();
        assert_eq!(logged.len(), 1, "{logged:?}");
        assert!(logged[0].starts_with(&format!("refused: /register: {code}: ")), "{logged:?}");
    }
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
