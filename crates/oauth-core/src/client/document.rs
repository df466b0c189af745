//! Client id metadata documents: what a client publishes of itself, at the address that is its id
//! (draft-ietf-oauth-client-id-metadata-document).

use super::{
    Client, ClientKeys, Method, Source, json,
    metadata::{ClientMetadata, Rules},
};
use serde_json::Value;
use web_core::fetch::{FetchFailure, FetchPolicy, FetchUrl, FetchUrlError};

/// The longest document that is read, in bytes. Section 6.6 of the draft recommends 5 KB; documents with a logo in
/// them, or with redirect URIs for many platforms, are longer.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// The members that are used here. The cache keeps no others.
const MEMBERS: [&str; 10] = [
    "application_type",
    "client_id",
    "client_name",
    "grant_types",
    "jwks",
    "jwks_uri",
    "redirect_uris",
    "response_types",
    "scope",
    "token_endpoint_auth_method",
];

/// Why a document cannot be used: for the operator's log. Whoever asked gets one answer for all of them,
/// so that nobody finds out by it what there is at an address (CM-19). No text has anything in it that was
/// received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DocumentError {
    /// The address is none that is fetched from.
    #[error(transparent)]
    Url(#[from] FetchUrlError),
    /// It cannot be had.
    #[error(transparent)]
    Fetch(#[from] FetchFailure),
    /// It is not a JSON object without repeated members.
    #[error("it is not a JSON object without repeated members")]
    Syntax,
    /// It is another client's.
    #[error("its client_id is not its address")]
    ClientId,
    /// It says nothing that a person could go by.
    #[error("it has no client_name")]
    Name,
    /// It has a secret in it, or wants to be asked for one.
    #[error("it has a shared secret")]
    Secret,
    /// It wants to sign and has no keys, or the other way round.
    #[error("its keys do not fit its token_endpoint_auth_method")]
    Keys,
    /// It has metadata that is not accepted.
    #[error("{0}")]
    Metadata(String),
}

/// Reads the document that was found at `id` (section 4.1 of the draft).
pub(super) fn parse(
    id: &FetchUrl,
    document: &[u8],
    rules: Rules<'_>,
    policy: &FetchPolicy,
) -> Result<Client, DocumentError> {
    let members = json::object(document).ok_or(DocumentError::Syntax)?;
    // Byte for byte: two spellings of an address are two clients.
    if members.get("client_id").and_then(Value::as_str) != Some(id.as_str()) {
        return Err(DocumentError::ClientId);
    }
    if members.contains_key("client_secret") || members.contains_key("client_secret_expires_at") {
        return Err(DocumentError::Secret);
    }
    let metadata =
        ClientMetadata::parse(&members, rules).map_err(|error| DocumentError::Metadata(error.for_log()))?;
    if metadata.name.is_empty() {
        return Err(DocumentError::Name);
    }
    // A client that names no method is a public one: nobody could have given it a secret.
    let authentication = metadata.authentication.unwrap_or(Method::None);
    let keys = match (authentication, metadata.keys) {
        (Method::ClientSecretBasic | Method::ClientSecretPost, _) => return Err(DocumentError::Secret),
        (Method::PrivateKeyJwt, ClientKeys::None) => return Err(DocumentError::Keys),
        (Method::PrivateKeyJwt, keys) => keys,
        (Method::None, _) => ClientKeys::None,
    };
    // CM-25: the keys' address is judged as the document's own is, before anything is made of either.
    if let ClientKeys::At(uri) = &keys {
        FetchUrl::parse(uri, policy)?;
    }
    Ok(Client {
        id: id.as_str().to_owned(),
        name: metadata.name,
        redirect_uris: metadata.redirect_uris,
        authentication,
        keys,
        source: Source::MetadataDocument { host: id.authority().to_owned() },
    })
}

/// The document without the members that are not used here, which is what the cache keeps. It is the same client's
/// as the document is.
pub(super) fn reduce(document: &[u8]) -> String {
    let mut members = json::object(document).unwrap_or_default();
    members.retain(|name, _| MEMBERS.contains(&name.as_str()));
    serde_json::Value::Object(members).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tolerances;
    use jwt_core::testing::TestKey;
    use serde_json::json;
    use std::cell::RefCell;
    use web_core::PublicUrl;

    const ID: &str = "https://client.example/metadata.json";

    fn good() -> Value {
        json!({
            "client_id": ID,
            "client_name": "Client",
            "redirect_uris": ["https://client.example/cb", "http://127.0.0.1/cb"],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "logo_uri": "https://client.example/logo.png",
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut document = good();
        document[name] = value;
        document
    }

    fn without(name: &str) -> Value {
        let mut document = good();
        document.as_object_mut().unwrap().remove(name);
        document
    }

    fn parse_with(document: &str, drops_redirect_uris: bool) -> (Result<Client, DocumentError>, Vec<String>) {
        let policy = FetchPolicy::of(&PublicUrl::parse("https://mcp.example.com").unwrap());
        let logged = RefCell::new(Vec::new());
        let log = |line: &str| logged.borrow_mut().push(line.to_owned());
        let tolerances = Tolerances::default();
        let rules = Rules {
            tolerances,
            private_schemes: &[],
            drops_redirect_uris,
            keys_imply_method: false,
            log: &log,
        };
        let id = FetchUrl::parse(ID, &policy).unwrap();
        let client = super::parse(&id, document.as_bytes(), rules, &policy);
        (client, logged.take())
    }

    fn parse(document: &Value) -> Result<Client, DocumentError> {
        parse_with(&document.to_string(), false).0
    }

    #[test]
    fn good_document_is_a_client() {
        let client = parse(&good()).unwrap();
        assert_eq!((client.id.as_str(), client.name.as_str()), (ID, "Client"));
        assert_eq!(client.source, Source::MetadataDocument { host: "client.example".into() });
        assert_eq!(client.authentication, Method::None);
        assert_eq!(parse(&without("token_endpoint_auth_method")).unwrap(), client);
        assert_ne!(parse(&with("client_name", json!("Other"))).unwrap().digest(), client.digest());
        assert_eq!(parse(&with("logo_uri", json!(""))).unwrap().digest(), client.digest());
    }

    /// CM-12: byte for byte.
    #[test]
    fn client_id_is_the_address() {
        for id in [
            json!("https://client.example/metadata.json?"),
            json!("https://client.example/Metadata.json"),
            json!("https://client.example:443/metadata.json"),
            json!("https://client.example/metadata.json "),
            json!("https://other.example/metadata.json"),
            json!([ID]),
            json!(null),
        ] {
            assert_eq!(parse(&with("client_id", id.clone())), Err(DocumentError::ClientId), "{id}");
        }
        assert_eq!(parse(&without("client_id")), Err(DocumentError::ClientId));
        let twice = good().to_string().replacen('{', "{\"client_id\":\"https://other.example/\",", 1);
        assert_eq!(parse_with(&twice, false).0, Err(DocumentError::Syntax));
    }

    /// CM-13: secrets, methods that need one, private keys, no keys.
    #[test]
    fn nothing_secret_is_in_a_document() {
        for (name, value) in [
            ("client_secret", json!("s")),
            ("client_secret", json!(null)),
            ("client_secret_expires_at", json!(0)),
            ("token_endpoint_auth_method", json!("client_secret_basic")),
            ("token_endpoint_auth_method", json!("client_secret_post")),
        ] {
            assert_eq!(parse(&with(name, value.clone())), Err(DocumentError::Secret), "{name} {value}");
        }
        for method in ["client_secret_jwt", "tls_client_auth", ""] {
            let refused = parse(&with("token_endpoint_auth_method", json!(method)));
            assert!(matches!(refused, Err(DocumentError::Metadata(_))), "{method}");
        }
        let mut private = TestKey::p256(1).jwk("a");
        private["d"] = json!("AAAA");
        let mut document = with("token_endpoint_auth_method", json!("private_key_jwt"));
        assert_eq!(parse(&document), Err(DocumentError::Keys));
        for keys in [json!({ "keys": [private] }), json!({ "keys": [] }), json!({}), json!([]), json!("x")] {
            document["jwks"] = keys.clone();
            assert!(matches!(parse(&document), Err(DocumentError::Metadata(_))), "{keys}");
        }
    }

    #[test]
    fn keys_are_kept_without_what_is_not_needed() {
        let mut jwk = TestKey::p256(1).jwk("a");
        jwk["x5c"] = json!(["MIIB"]);
        jwk["unknown"] = json!({});
        let mut document = with("token_endpoint_auth_method", json!("private_key_jwt"));
        document["jwks"] = json!({ "keys": [jwk], "more": 1 });
        let ClientKeys::Set(keys) = parse(&document).unwrap().keys else { panic!("no keys") };
        assert_eq!(
            serde_json::from_str::<Value>(&keys).unwrap(),
            json!({ "keys": [TestKey::p256(1).jwk("a")] })
        );
        document["jwks_uri"] = json!("https://client.example/jwks");
        assert!(matches!(parse(&document), Err(DocumentError::Metadata(_))), "not both");
    }

    /// CM-25: an address inside is no address of keys.
    #[test]
    fn address_of_keys_is_judged() {
        let mut document = with("token_endpoint_auth_method", json!("private_key_jwt"));
        document["jwks_uri"] = json!("https://keys.example/jwks");
        assert_eq!(parse(&document).unwrap().keys, ClientKeys::At("https://keys.example/jwks".into()));
        for uri in [
            "https://10.0.0.1/jwks",
            "https://localhost/jwks",
            "https://keys.internal/x",
            "https://keys.example",
        ] {
            document["jwks_uri"] = json!(uri);
            assert!(matches!(parse(&document), Err(DocumentError::Url(_))), "{uri}");
        }
        for uri in ["http://keys.example/jwks", "file:///etc/passwd"] {
            document["jwks_uri"] = json!(uri);
            assert!(parse(&document).is_err(), "{uri}");
        }
    }

    #[test]
    fn document_says_who_and_where_to() {
        for name in [json!(""), json!(" \u{200b}"), json!(null)] {
            assert_eq!(parse(&with("client_name", name)), Err(DocumentError::Name));
        }
        assert_eq!(parse(&without("client_name")), Err(DocumentError::Name));
        for uris in
            [json!([]), json!(null), json!("https://client.example/cb"), json!([1]), json!(["javascript:x"])]
        {
            let refused = parse(&with("redirect_uris", uris.clone()));
            assert!(matches!(refused, Err(DocumentError::Metadata(_))), "{uris}");
        }
        for (name, value) in
            [("grant_types", json!(["client_credentials"])), ("response_types", json!(["token"]))]
        {
            assert!(matches!(parse(&with(name, value)), Err(DocumentError::Metadata(_))), "{name}");
        }
        for text in ["", "[]", "null", "{", "{} {}"] {
            assert_eq!(parse_with(text, false).0, Err(DocumentError::Syntax), "{text}");
        }
    }

    /// C14, C19: what is not used is no reason to refuse a document, and is not kept of it.
    #[test]
    fn members_that_are_not_used_are_ignored_and_not_kept() {
        let mut document = good();
        let client = parse(&document).unwrap();
        let logo = format!("data:image/png;base64,{}", "A".repeat(12_000));
        for (name, value) in [
            ("client_uri", json!("HTTPS://client.example/")),
            ("logo_uri", json!(logo)),
            ("logo_uri#de", json!("javascript:x")),
            ("tos_uri", json!(1)),
            ("jwks", json!({ "keys": [] })),
            ("jwks_uri", json!("http://10.0.0.1/jwks")),
            ("unknown", json!({ "a": [1] })),
        ] {
            document[name] = value;
        }
        assert_eq!(parse(&document), Ok(client.clone()));
        let reduced = reduce(document.to_string().as_bytes());
        assert!(reduced.len() < 1_000, "{reduced}");
        assert_eq!(parse_with(&reduced, false).0, Ok(client));
    }

    #[test]
    fn foreign_redirect_uris_are_left_out() {
        let document =
            with("redirect_uris", json!(["vendor:cb", "https://client.example/cb", "http://a.example/"]));
        assert!(parse(&document).is_err());
        let (client, logged) = parse_with(&document.to_string(), true);
        assert_eq!(client.unwrap().redirect_uris, ["https://client.example/cb"]);
        assert_eq!(logged, ["tolerance: document_redirect_uris", "tolerance: document_redirect_uris"]);
        let nothing_left = with("redirect_uris", json!(["vendor:cb"]));
        assert!(parse_with(&nothing_left.to_string(), true).0.is_err());
    }
}
