//! Targets for pure parsers: forms, sealed values, credentials, other parties' tokens and
//! addresses of documents.

use crate::Target;
use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_core::{Algorithm, Audience, Expected, KeySet, UnverifiedToken, testing};
use oauth_core::credential::{Audience as Resources, Credential, Kind, ScopeSet};
use oauth_core::records::GrantId;
use serde_json::json;
use store_core::{Keyring, Purpose, seal};
use url::{Host, Url};
use web_core::fetch::{FetchPolicy, FetchUrl};
use web_core::{Form, PublicUrl};

fn keys() -> Keyring {
    Keyring::from_secret(&[7; 32]).unwrap()
}

/// HT-08: exactly the well-encoded forms are accepted, and writing the form again gives the same pairs.
pub(crate) const FORM: Target = Target {
    name: "form",
    run: form,
    seeds: || {
        let seeds =
            ["a=1&b=2", "client%5Fid=%C3%A4&x=+%2B", "a=%zz", "a;b=c", "=&=&a", "a=%ff", &"a=1&".repeat(64)];
        seeds.map(|seed| seed.as_bytes().to_vec()).to_vec()
    },
    words: &["%", "%00", "%C3%A4", "%c3", "&", "=", "+", ";", "client_id", "resource=", "%2"],
    iterations: 30_000,
};

fn form(input: &[u8]) -> String {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(input).into_owned().collect();
    let is_good = is_well_encoded(input) && pairs.len() <= 64;
    let Ok(form) = Form::parse(input) else {
        assert!(!is_good);
        return "refused".to_owned();
    };
    assert!(is_good);
    let mut read: Vec<(String, String)> =
        form.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut expected = pairs;
    read.sort();
    expected.sort();
    assert_eq!(read, expected);
    let written = form_urlencoded::Serializer::new(String::new()).extend_pairs(&read).finish();
    let again = Form::parse(written.as_bytes()).unwrap();
    assert!(again.iter().eq(read.iter().map(|(name, value)| (name.as_str(), value.as_str()))));
    for (name, value) in &read {
        let count = read.iter().filter(|(other, _)| other == name).count();
        match form.single(name) {
            Ok(single) => assert!(count == 1 && single.unwrap_or_default() == value),
            Err(_) => assert!(count > 1 && form.has_repeats_except(&[])),
        }
    }
    format!("{} pairs", read.len())
}

/// Checks the encoding without the parser: the decoded form is UTF-8 and has no percent sign left.
fn is_well_encoded(input: &[u8]) -> bool {
    let mut pieces = input.split(|byte| *byte == b'%');
    let mut decoded = pieces.next().unwrap_or_default().to_vec();
    for piece in pieces {
        let Some((digits, rest)) = piece.split_at_checked(2) else { return false };
        let digits = digits.iter().map(|digit| char::from(*digit).to_digit(16));
        let Some(digits) = digits.collect::<Option<Vec<u32>>>() else { return false };
        decoded.extend(digits.iter().fold(0u32, |byte, digit| byte * 16 + digit).to_be_bytes().last());
        decoded.extend(rest);
    }
    std::str::from_utf8(&decoded).is_ok()
}

const PLAINTEXT: &[u8] = b"{\"what\":\"is sealed\"}";

fn sealed_values() -> Vec<Vec<u8>> {
    let of = |purpose| seal::seal_deterministically(&keys(), purpose, b"here", PLAINTEXT);
    vec![of(Purpose::Record), of(Purpose::Cookie), of(Purpose::ClientId), of(Purpose::Transaction)]
}

/// D4, TK-09: only a value that this server sealed for this place opens, and each value has one encoding.
pub(crate) const SEALED: Target = Target {
    name: "sealed",
    run: sealed,
    seeds: || {
        let values = sealed_values();
        let texts: Vec<Vec<u8>> = values.iter().map(|value| seal::to_text(value).into_bytes()).collect();
        [values, texts].concat()
    },
    words: &["=", "==", "A", "-", "_", "+", "/", "\u{1}", " "],
    iterations: 5_000,
};

fn sealed(input: &[u8]) -> String {
    let keys = keys();
    let text = std::str::from_utf8(input).unwrap_or_default();
    let decoded = seal::from_text(text);
    if let Some(bytes) = &decoded {
        assert_eq!(seal::to_text(bytes), text, "one value, one text");
    }
    let mut opened = 0;
    for (bytes, ours) in [(Some(input.to_vec()), "value"), (decoded.clone(), "text")] {
        let Some(bytes) = bytes else { continue };
        for (purpose, value) in [Purpose::Record, Purpose::Cookie, Purpose::ClientId, Purpose::Transaction]
            .into_iter()
            .zip(sealed_values())
        {
            let found = seal::open(&keys, purpose, b"here", &bytes);
            assert_eq!(found.is_some(), bytes == value, "{ours}");
            assert!(found.as_deref().is_none_or(|found| found == PLAINTEXT));
            assert_eq!(seal::open(&keys, purpose, b"elsewhere", &bytes), None);
            opened += usize::from(found.is_some());
        }
        seal::is_of_unknown_key(&keys, &bytes);
        assert_eq!(seal::nonce(&bytes).is_some(), seal::key_id(&bytes).is_some());
    }
    format!("{opened} opened, {}", decoded.is_some())
}

const KINDS: [Kind; 3] = [Kind::AuthorizationCode, Kind::AccessToken, Kind::RefreshToken];

fn credentials() -> Vec<String> {
    let credential = |kind, generation| {
        let grant = GrantId([3; 16]);
        Credential {
            kind,
            grant,
            generation,
            expires_at: 1_800_000_000,
            scopes: ScopeSet::ALL,
            audience: Resources::ALL,
        }
        .issue(&keys())
    };
    KINDS.iter().flat_map(|kind| [credential(*kind, 1), credential(*kind, 2)]).collect()
}

/// TK-08, TK-09, TK-10: only the exact text of an issued credential is accepted, and only as its own kind.
pub(crate) const CREDENTIAL: Target = Target {
    name: "credential",
    run: credential,
    seeds: || {
        let mut seeds: Vec<Vec<u8>> = credentials().into_iter().map(String::into_bytes).collect();
        seeds.push(b"postern_at_".to_vec());
        seeds
    },
    words: &["postern_at_", "postern_rt_", "postern_ac_", "=", "A", "_", "-", "+", " ", "\n"],
    iterations: 15_000,
};

fn credential(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let issued = credentials();
    let mut verified = Vec::new();
    for kind in KINDS {
        let Some(credential) = Credential::verify(kind, &text, &keys()) else { continue };
        assert!(credential.kind == kind && text.starts_with(kind.prefix()));
        assert_eq!(credential.issue(&keys()), text, "one credential, one text");
        assert!(issued.iter().any(|issued| *issued == text), "forged: {text}");
        verified.push(kind);
    }
    assert!(verified.len() <= 1);
    let has_form = oauth_core::introspection::parse(&text).is_some();
    assert!(has_form || !verified.contains(&Kind::AccessToken));
    format!("{verified:?} {has_form}")
}

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://id.example.com";

fn jwts() -> Vec<String> {
    let claims = json!({ "iss": ISSUER, "sub": "alice", "aud": "https://mcp.example.com/mcp", "iat": NOW, "exp": NOW + 300 });
    let signed = |key: testing::TestKey, id: &str| {
        key.sign(&json!({ "alg": key.algorithm(), "typ": "at+jwt", "kid": id }), &claims)
    };
    vec![signed(testing::TestKey::p256(5), "a"), signed(testing::TestKey::ed25519(6), "b")]
}

/// RS-09, TK-21: only bytes that the key's owner signed are accepted; a message may have
/// several signatures; and keys are public.
pub(crate) const JWT: Target = Target {
    name: "jwt",
    run: jwt,
    seeds: || {
        let mut seeds: Vec<Vec<u8>> = jwts().into_iter().map(String::into_bytes).collect();
        let encode = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
        let payload = jwts()[0].split('.').nth(1).unwrap().to_owned();
        for header in [
            r#"{"alg":"none","typ":"at+jwt"}"#,
            r#"{"alg":"HS256","typ":"at+jwt","kid":"a"}"#,
            r#"{"alg":"ES256","typ":"at+jwt","jwk":{}}"#,
            r#"{"alg":"ES256","typ":"at+jwt","crit":["x"],"x":1}"#,
            r#"{"alg":"ES256","alg":"none","typ":"at+jwt"}"#,
        ] {
            seeds.push(format!("{}.{payload}.AAAA", encode(header)).into_bytes());
        }
        seeds.push(key_set().into_bytes());
        seeds.push(br#"{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"EC","d":"x"}]}"#.to_vec());
        seeds
    },
    words: &[
        ".",
        "..",
        "=",
        "eyJhbGciOiJub25lIn0",
        "e30",
        "\"kty\":\"RSA\"",
        "\"d\":\"AQAB\"",
        "\"k\":\"AQAB\"",
        "\"keys\":",
        "null",
        "\"alg\":\"RS256\"",
        "\"use\":\"enc\"",
        "[",
        "]",
        "{",
        "}",
    ],
    iterations: 4_000,
};

fn key_set() -> String {
    testing::key_set(&[testing::TestKey::p256(5).jwk("a"), testing::TestKey::ed25519(6).jwk("b")])
}

fn jwt(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let expected = Expected {
        algorithms: &Algorithm::ALL,
        types: &["at+jwt"],
        issuer: ISSUER,
        audience: Audience::LeftToCaller,
        max_lifetime: Some(3600),
        now: NOW,
    };
    let keys = KeySet::parse(key_set().as_bytes()).unwrap();
    let verified = UnverifiedToken::parse(&text, &expected).and_then(|token| token.verify(&keys));
    if let Ok(token) = &verified {
        assert_eq!((token.claims.issuer.as_str(), token.claims.subject.as_deref()), (ISSUER, Some("alice")));
        let signed = |text: &str| text.rsplit_once('.').map(|(signed, _)| signed.to_owned());
        assert!(jwts().iter().any(|ours| signed(ours) == signed(&text)), "forged: {text}");
    }
    let parsed = KeySet::parse(input);
    if let Ok(keys) = &parsed {
        let written = keys.to_json();
        let value: serde_json::Value = serde_json::from_str(&written).unwrap();
        for key in value["keys"].as_array().unwrap() {
            for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
                assert!(key.get(private).is_none(), "DS-08: {written}");
            }
        }
        assert_eq!(KeySet::parse(written.as_bytes()).unwrap().to_json(), written);
    }
    format!("{:?} {:?}", verified.map(drop), parsed.map(drop))
}

/// CM-01 to CM-03, CM-06: a browser's parser reads an accepted address as the same address, on a
/// public host and the default port, and not as an address inside a network.
pub(crate) const FETCH_URL: Target = Target {
    name: "fetch_url",
    run: fetch_url,
    seeds: || {
        let seeds = [
            "https://client.example.com/metadata.json",
            "https://a.example/x?y=z%20&w=1",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://0x7f.1/x",
            "https://localhost/x",
            "https://a.example:443/x",
            "https://user@a.example/x",
            "https://a.example/a/../b",
            "https://a.example/%2e%2e/b",
            "https://xn--bcher-kva.example/x",
            "https://a.example./x",
            "https://2130706433/x",
            "https://a.spin.internal/x",
        ];
        seeds.map(|seed| seed.as_bytes().to_vec()).to_vec()
    },
    words: &[
        "https://",
        "//",
        "/",
        "\\",
        "@",
        ":",
        "?",
        "#",
        ".",
        "..",
        "%2e",
        "%2f",
        "127.0.0.1",
        "0x7f",
        "[::1]",
        "localhost",
        ".local",
        ".internal",
        "self.alt",
        "xn--",
        "%00",
        "\t",
        ":443",
        ":0",
        "169.254.169.254",
        "0177.0.0.1",
    ],
    iterations: 50_000,
};

fn fetch_url(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let policy = FetchPolicy::of(&PublicUrl::parse("https://mcp.example.com").unwrap());
    let judged = match FetchUrl::parse(&text, &policy) {
        Ok(judged) => judged,
        Err(error) => return format!("{error:?}"),
    };
    let parsed = match Url::parse(&text) {
        // The tables of valid international names are left out; an invalid one does not resolve.
        Err(url::ParseError::IdnaError) if judged.host().contains("xn--") => return "no name".to_owned(),
        parsed => parsed.unwrap_or_else(|error| panic!("{text}: {error}")),
    };
    assert_eq!(parsed.scheme(), "https");
    assert!(parsed.username().is_empty() && parsed.password().is_none() && parsed.fragment().is_none());
    assert_eq!(parsed.port(), None);
    let Some(Host::Domain(host)) = parsed.host() else { panic!("{text} is at an IP address") };
    assert_eq!(host, judged.host());
    assert!(host.contains('.') && !host.ends_with('.'));
    for name in ["localhost", "local", "internal", "arpa", "alt"] {
        assert!(!host.ends_with(&format!(".{name}")), "{text}");
    }
    let path_and_query = &text[text.find(host).unwrap() + host.len()..];
    assert_eq!(path_and_query, judged.path_and_query());
    // It is sent unchanged, and a browser would not change it either.
    assert_eq!(parsed.as_str(), text);
    "fetched".to_owned()
}
