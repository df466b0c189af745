//! Clients that the operator registered: the variable `clients`.

use super::{
    Client, ClientKeys, Method, Source, json,
    metadata::{ClientMetadata, Rules},
    secret::SecretDigest,
};
use crate::config::{ConfigError, Tolerances};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The variable.
const VARIABLE: &str = "clients";

/// The members that an entry may have, those of RFC 7591 section 2 that are not used here among them. Another name
/// is probably a mistake. One of them may have a language tag (`client_name#de`), which is not used either.
const MEMBERS: [&str; 19] = [
    "application_type",
    "client_id",
    "client_name",
    "client_secret",
    "client_secret_sha256",
    "client_uri",
    "contacts",
    "grant_types",
    "jwks",
    "jwks_uri",
    "logo_uri",
    "policy_uri",
    "redirect_uris",
    "response_types",
    "scope",
    "software_id",
    "software_version",
    "token_endpoint_auth_method",
    "tos_uri",
];

fn is_known_member(name: &str) -> bool {
    MEMBERS.contains(&name.split('#').next().unwrap_or(name))
}

/// The longest id, in bytes.
const MAX_ID_BYTES: usize = 1024;

/// Reads the variable: a JSON array of objects, each with `client_id`, and with client metadata as a
/// registration has it (RFC 7591 section 2). A client that is to prove who it is has `client_secret`, or
/// `client_secret_sha256` so that the secret itself is not in the configuration, or keys: `jwks`, or
/// `jwks_uri`, which is fetched when a user approves.
///
/// A mistake is told by the number of its entry. What is in the entry is not, for it may be a secret.
pub(crate) fn parse(variable: &str, private_schemes: &[String]) -> Result<Vec<Client>, ConfigError> {
    if variable.trim().is_empty() {
        return Ok(Vec::new());
    }
    let Some(Value::Array(entries)) = json::value(variable.as_bytes()) else {
        return Err(ConfigError::new(
            VARIABLE,
            "it must be a JSON array of objects without repeated members",
        ));
    };
    let mut clients: Vec<Client> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let wrong = |problem: &str| {
            ConfigError::new(VARIABLE, format_args!("entry {}: {problem}", index.saturating_add(1)))
        };
        let client = entry
            .as_object()
            .ok_or(Cow::Borrowed("it must be an object"))
            .and_then(|members| client(members, private_schemes));
        let client = client.map_err(|problem| wrong(&problem))?;
        if clients.iter().any(|known| known.id == client.id) {
            return Err(wrong("its client_id is another entry's too"));
        }
        clients.push(client);
    }
    Ok(clients)
}

fn client(members: &Map<String, Value>, private_schemes: &[String]) -> Result<Client, Cow<'static, str>> {
    if !members.keys().all(|name| is_known_member(name)) {
        return Err("it has a member that is not known here".into());
    }
    let id = members.get("client_id").and_then(Value::as_str).ok_or("client_id must be a string")?;
    if id.is_empty() || id.len() > MAX_ID_BYTES || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("client_id must be visible ASCII characters, 1024 at most".into());
    }
    // What the operator writes down is tolerated by that.
    let tolerances = Tolerances::default();
    let rules = Rules {
        tolerances,
        private_schemes,
        drops_redirect_uris: false,
        keys_imply_method: true,
        log: &|_| (),
    };
    let metadata = ClientMetadata::parse(members, rules).map_err(|error| error.error.description)?;
    let secret = secret(members)?;
    let has_keys = metadata.keys != ClientKeys::None;
    let authentication = metadata.authentication.unwrap_or(match (&secret, has_keys) {
        (Some(_), _) => Method::ClientSecretBasic,
        (None, true) => Method::PrivateKeyJwt,
        (None, false) => Method::None,
    });
    // Keys that it does not sign with are not used. A secret that is not used is a mistake.
    if authentication == Method::PrivateKeyJwt && !has_keys {
        return Err("a client of private_key_jwt has jwks or jwks_uri".into());
    }
    if authentication.has_secret() != secret.is_some() {
        return Err("it has a secret exactly if its token_endpoint_auth_method is one with a secret".into());
    }
    Ok(Client {
        id: id.to_owned(),
        name: metadata.name,
        redirect_uris: metadata.redirect_uris,
        authentication,
        keys: metadata.keys,
        source: Source::Configured { secret },
    })
}

fn secret(members: &Map<String, Value>) -> Result<Option<SecretDigest>, &'static str> {
    match (members.get("client_secret"), members.get("client_secret_sha256")) {
        (None, None) => Ok(None),
        (Some(secret), None) => {
            let secret = secret
                .as_str()
                .filter(|secret| secret.len() >= 32 && secret.bytes().all(|byte| byte.is_ascii_graphic()));
            Ok(Some(SecretDigest::of(
                secret.ok_or("client_secret must be 32 visible ASCII characters at least")?,
            )))
        }
        (None, Some(digest)) => {
            let digest = digest.as_str().and_then(SecretDigest::from_hex);
            Ok(Some(digest.ok_or("client_secret_sha256 must be 64 hexadecimal digits")?))
        }
        (Some(_), Some(_)) => Err("it has both client_secret and client_secret_sha256"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn parse(value: &Value) -> Result<Vec<Client>, ConfigError> {
        super::parse(&value.to_string(), &[])
    }

    #[test]
    fn clients_are_read() {
        let clients = parse(&json!([
            { "client_id": "desk", "client_name": "Desk", "redirect_uris": ["https://desk.example/cb"] },
            {
                "client_id": "https://web.example/client",
                "redirect_uris": ["https://web.example/cb"],
                "client_secret": SECRET,
            },
            {
                "client_id": "hashed",
                "redirect_uris": ["https://web.example/cb"],
                "token_endpoint_auth_method": "client_secret_post",
                // printf %s 0123456789abcdef0123456789abcdef | sha256sum
                "client_secret_sha256": "3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9",
            },
        ]))
        .unwrap();
        assert_eq!(clients[0].authentication, Method::None);
        assert_eq!(clients[1].authentication, Method::ClientSecretBasic);
        assert_eq!(clients[2].authentication, Method::ClientSecretPost);
        assert_eq!(clients[1].source, clients[2].source, "a secret and its digest are the same");
        assert_eq!(super::parse(" ", &[]).unwrap(), []);
        assert!(!format!("{clients:?}").contains(SECRET));
    }

    /// C19: what is not used is no reason to refuse a client.
    #[test]
    fn members_that_are_not_used_are_ignored() {
        let uris: Vec<String> = (0..32).map(|index| format!("https://a.example/{index}")).collect();
        let clients = parse(&json!([{
            "client_id": "a", "redirect_uris": uris, "token_endpoint_auth_method": "none",
            "client_uri": "HTTPS://a.example/", "logo_uri": "data:image/png;base64,AAAA",
            "client_name#de": 1, "contacts": "x", "jwks": { "keys": [] }, "jwks_uri": 1,
        }]));
        let clients = clients.unwrap();
        assert_eq!((&clients[0].keys, clients[0].authentication), (&ClientKeys::None, Method::None));
        assert_eq!(clients[0].redirect_uris, uris);
    }

    /// A mistake names the variable and the entry, and nothing of what is in it.
    #[test]
    fn mistakes_are_told_without_their_contents() {
        let good = json!({ "client_id": "a", "redirect_uris": ["https://a.example/cb"] });
        let with = |name: &str, value: Value| {
            let mut entry = good.clone();
            entry[name] = value;
            json!([good, entry])
        };
        for (wrong, part) in [
            (json!({}), "array"),
            (json!([1]), "entry 1: it must be an object"),
            (with("client_id", json!(1)), "entry 2: client_id"),
            (with("client_id", json!("s3cret with space")), "entry 2: client_id"),
            (with("client_id", json!("")), "entry 2: client_id"),
            (with("client_name", json!("A")), "another entry"),
            (with("redirect_uris", json!(["http://s3cret.example/"])), "entry 2: redirect_uris[0] is http"),
            (with("redirect_uris", json!(["s3cret:x"])), "entry 2: redirect_uris[0] has a scheme"),
            (with("jwks", json!({ "keys": [] })), "entry 2: jwks must be"),
            (with("redirect_uri", json!("s3cret")), "not known"),
            (with("client_secret", json!("s3cret")), "32 visible"),
            (with("client_secret_sha256", json!("s3cret")), "hexadecimal"),
            (with("token_endpoint_auth_method", json!("client_secret_basic")), "exactly if"),
            (with("token_endpoint_auth_method", json!("s3cret")), "token_endpoint_auth_method must be"),
        ] {
            let text = parse(&wrong).unwrap_err().to_string();
            assert!(text.starts_with("clients: ") && text.contains(part), "{text}");
            assert!(!text.contains("s3cret"), "{text}");
        }
        let text = super::parse("[{\"client_id\":\"s3cret\"", &[]).unwrap_err().to_string();
        assert!(text.starts_with("clients: ") && !text.contains("s3cret"));
    }
}
