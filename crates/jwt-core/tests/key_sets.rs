//! Key sets: what is taken of them, and which are refused whole.

use crate::support::with;
use jwt_core::{
    KeySet, KeySetError,
    key_set::MAX_KEYS,
    testing::{TestKey, key_set},
};
use serde_json::{Value, json};

fn parse(keys: &[Value]) -> Result<(), KeySetError> {
    KeySet::parse(key_set(keys).as_bytes()).map(drop)
}

fn rsa(changes: Value) -> Value {
    let modulus = include_str!("vectors/ps256_modulus.txt").trim();
    with(json!({ "kty": "RSA", "n": modulus, "e": "AQAB", "kid": "r" }), changes)
}

#[test]
fn keys_of_every_kind_are_taken() {
    assert_eq!(parse(&[rsa(json!({}))]), Ok(()));
    assert_eq!(parse(&[TestKey::p256(1).jwk("a")]), Ok(()));
    assert_eq!(parse(&[TestKey::ed25519(1).jwk("a")]), Ok(()));
}

/// RFC 7517 section 9.3: a published private key is disclosed.
#[test]
fn private_and_symmetric_members_spoil_the_set() {
    let good = TestKey::p256(1).jwk("a");
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let bad = rsa(json!({ member: "AQAB" }));
        assert_eq!(parse(&[good.clone(), bad]), Err(KeySetError::NotPublic), "{member}");
    }
    let symmetric = json!({ "kty": "oct", "k": "c2VjcmV0", "alg": "HS256" });
    assert_eq!(parse(&[good.clone(), symmetric]), Err(KeySetError::NotPublic));
    let null = r#"{"keys":[{"kty":"EC","d":null}]}"#;
    assert_eq!(KeySet::parse(null.as_bytes()).unwrap_err(), KeySetError::NotPublic);
}

/// RFC 7517 section 5: keys that are not understood are left out, and the others stay.
#[test]
fn other_keys_are_left_out() {
    let good = TestKey::p256(1).jwk("a");
    let weak_point = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for other in [
        json!({}),
        json!({ "kty": "EC", "crv": "P-384", "x": "AA", "y": "AA" }),
        json!({ "kty": "PQ", "pub": "AA" }),
        with(good.clone(), json!({ "use": "enc" })),
        with(good.clone(), json!({ "key_ops": ["sign"] })),
        with(good.clone(), json!({ "alg": "RS256" })),
        with(good.clone(), json!({ "alg": "ECDH-ES" })),
        with(good.clone(), json!({ "y": good["x"] })),
        with(good.clone(), json!({ "x": "AA" })),
        with(good.clone(), json!({ "kid": "k".repeat(300) })),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": weak_point }),
        json!({ "kty": "OKP", "crv": "X25519", "x": weak_point }),
        rsa(json!({ "n": null })),
        rsa(json!({ "e": "AQ" })),
        rsa(json!({ "e": "Aw" })),
        rsa(json!({ "e": "AQAC" })),
        rsa(json!({ "e": "_____________w" })),
        rsa(
            json!({ "n": "r9rypJ_6yqyDRw1z0GY56ImengQgbnhNeZvSw0RJj7-vYcE67yy3uDgHt3JIRrTpN_oCC25Q_b2JM9ea0FGf9TG6gxT-BbidwRqD6pgQOoM3u4FPfeVZTwnQjiX3E5wTAfyRPnbPFCMDDRCdV0Yeq4VWtBA59-O9KuHVvw8EljU" }),
        ),
        rsa(json!({ "n": "_".repeat(1000) })),
        rsa(json!({ "n": "_".repeat(100_000) })),
        rsa(json!({ "n": "AQAB=" })),
    ] {
        assert_eq!(parse(std::slice::from_ref(&other)), Err(KeySetError::NoUsableKey), "{other}");
        assert_eq!(parse(&[other, good.clone()]), Ok(()));
    }
}

#[test]
fn documents_that_are_no_key_sets() {
    for bad in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"keys":{}}"#,
        r#"{"keys":[1]}"#,
        r#"{"keys":[[]]}"#,
        "<html>",
        "{\"keys\":[]",
    ] {
        assert_eq!(KeySet::parse(bad.as_bytes()).unwrap_err(), KeySetError::Malformed, "{bad}");
    }
    assert_eq!(parse(&[]), Err(KeySetError::NoUsableKey));
    let twice = r#"{"keys":[{"kty":"EC","kty":"RSA"}]}"#;
    assert_eq!(KeySet::parse(twice.as_bytes()).unwrap_err(), KeySetError::Malformed);
}

/// CM-09, for key sets: there is an end to them.
#[test]
fn number_of_keys_is_bounded() {
    let key = TestKey::p256(1).jwk("a");
    assert_eq!(parse(&vec![key.clone(); MAX_KEYS]), Ok(()));
    assert_eq!(parse(&vec![key; MAX_KEYS + 1]), Err(KeySetError::TooMany));
}

#[test]
fn what_is_written_out_is_read_the_same() {
    let certified =
        with(TestKey::p256(1).jwk("a"), json!({ "x5c": ["MIIB"], "x5t": "abc", "key_ops": ["verify"] }));
    let keys =
        [certified, rsa(json!({ "alg": "RS256" })), TestKey::ed25519(1).jwk("b"), json!({ "kty": "PQ" })];
    let written = KeySet::parse(key_set(&keys).as_bytes()).unwrap().to_json();
    assert!(!written.contains("\"x5") && !written.contains("\"PQ\""), "{written}");
    assert_eq!(KeySet::parse(written.as_bytes()).unwrap().to_json(), written);
    let names = serde_json::from_str::<Value>(&written).unwrap();
    assert_eq!(names["keys"].as_array().unwrap().len(), 3);
    assert_eq!(names["keys"][1]["alg"], "RS256");
}
