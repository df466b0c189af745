//! Forged tokens.

use crate::support::{EXPECTED, check, check_signed, claims, header, key, keys, with};
use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_core::{
    JwtError, KeySet, UnverifiedToken,
    testing::{TestKey, key_set},
};
use serde_json::json;

fn encode(text: &str) -> String {
    Base64UrlUnpadded::encode_string(text.as_bytes())
}

/// RS-09, TK-21: RFC 8725 section 3.1. Refused before a key is looked up.
#[test]
fn none_and_hmac_do_not_exist() {
    for alg in ["none", "None", "NONE", "", "HS256", "HS512", "RS384", "ES384", "es256", "RSA-OAEP", "ES256 "]
    {
        let token = key().sign(&with(header(), json!({ "alg": alg })), &claims());
        assert_eq!(UnverifiedToken::parse(&token, &EXPECTED).unwrap_err(), JwtError::Algorithm, "{alg}");
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        assert!(UnverifiedToken::parse(&unsigned, &EXPECTED).is_err(), "{alg}");
    }
    for header in [json!({}), json!({ "alg": null }), json!({ "alg": ["ES256"] }), json!({ "alg": 1 })] {
        let token = key().sign(&header, &claims());
        assert_eq!(UnverifiedToken::parse(&token, &EXPECTED).unwrap_err(), JwtError::Malformed, "{header}");
    }
}

/// RS-09: a key that comes with the token, or a place to find one, proves nothing.
#[test]
fn keys_in_the_token_are_refused() {
    let thief = TestKey::p256(9);
    for parameter in [
        json!({ "jwk": thief.jwk("one") }),
        json!({ "jku": "https://evil.example/jwks" }),
        json!({ "x5u": "https://evil.example/cert" }),
        json!({ "x5c": ["MIIB"] }),
    ] {
        let token = thief.sign(&with(header(), parameter.clone()), &claims());
        assert_eq!(check(&token, &EXPECTED).unwrap_err(), JwtError::Header, "{parameter}");
    }
}

/// RS-09: RFC 7515 section 4.1.11. What is not understood is not ignored.
#[test]
fn extensions_are_refused() {
    for header in [
        r#"{"alg":"ES256","typ":"at+jwt","kid":"one","crit":["exp"],"exp":1}"#,
        r#"{"alg":"ES256","typ":"at+jwt","kid":"one","crit":[]}"#,
        r#"{"alg":"ES256","typ":"at+jwt","kid":"one","crit":null}"#,
        r#"{"alg":"ES256","typ":"at+jwt","kid":"one","crit":["b64"],"b64":false}"#,
        r#"{"alg":"ES256","typ":"at+jwt","kid":"one","b64":true}"#,
        r#"{"alg":"ES256","typ":"at+jwt","kid":"one","zip":"DEF"}"#,
    ] {
        let token = key().sign_text(header, &claims().to_string());
        assert_eq!(check(&token, &EXPECTED).unwrap_err(), JwtError::Header, "{header}");
    }
    // Others are ignored (section 4), a certificate's digest among them.
    assert!(check_signed(with(header(), json!({ "x5t": "abc", "foo": { "bar": 1 } })), claims()).is_ok());
}

/// RS-09: RFC 8725 section 3.11.
#[test]
fn nested_and_encrypted_tokens_are_refused() {
    let inner = key().sign(&header(), &claims());
    for cty in ["JWT", "jwt", "application/jwt"] {
        let token =
            key().sign_text(&with(header(), json!({ "cty": cty })).to_string(), &claims().to_string());
        assert_eq!(check(&token, &EXPECTED).unwrap_err(), JwtError::Malformed, "{cty}");
    }
    let nested = key().sign_text(&header().to_string(), &inner);
    assert_eq!(check(&nested, &EXPECTED).unwrap_err(), JwtError::Malformed);
    let encrypted = format!("{}.a.b.c.d", encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#));
    assert_eq!(check(&encrypted, &EXPECTED).unwrap_err(), JwtError::Malformed);
}

/// RS-09: there is one text of a token, and nothing can be added, cut or changed.
#[test]
fn only_the_exact_text_is_good() {
    let token = key().sign(&header(), &claims());
    assert!(check(&token, &EXPECTED).is_ok());
    for index in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        assert!(check(&String::from_utf8(bytes).unwrap(), &EXPECTED).is_err(), "{index}");
        assert!(check(&token[..index], &EXPECTED).is_err(), "{index}");
    }
    for changed in [
        format!("{token}="),
        format!("{token}."),
        format!(".{token}"),
        format!("{token} "),
        format!(" {token}"),
        format!("{token}\n"),
        token.replacen('.', "..", 1),
        String::new(),
        ".".into(),
        "..".into(),
        "postern_at_abc".into(),
    ] {
        assert_eq!(check(&changed, &EXPECTED).unwrap_err(), JwtError::Malformed, "{changed}");
    }
    let long = key().sign(&header(), &with(claims(), json!({ "pad": "x".repeat(16 * 1024) })));
    assert_eq!(check(&long, &EXPECTED).unwrap_err(), JwtError::Malformed);
}

/// A parser that reads the first member and one that reads the last must not both be satisfied.
#[test]
fn members_that_occur_twice_are_refused() {
    let claims = claims().to_string();
    let header = r#"{"alg":"ES256","alg":"none","typ":"at+jwt","kid":"one"}"#;
    assert_eq!(check(&key().sign_text(header, &claims), &EXPECTED).unwrap_err(), JwtError::Malformed);
    let header = crate::support::header().to_string();
    let twice = claims.replacen('{', r#"{"aud":"other","#, 1);
    assert_eq!(check(&key().sign_text(&header, &twice), &EXPECTED).unwrap_err(), JwtError::Malformed);
    for payload in ["[]", "null", "\"x\"", "", "{", "{}{}", "\u{feff}{}"] {
        let token = key().sign_text(&header, payload);
        assert_eq!(check(&token, &EXPECTED).unwrap_err(), JwtError::Malformed, "{payload}");
    }
}

/// TK-21: which key it was, and whether a newer set may know better.
#[test]
fn key_id_is_binding() {
    let thief = TestKey::p256(9);
    let stolen_name = thief.sign(&header(), &claims());
    assert_eq!(check(&stolen_name, &EXPECTED).unwrap_err(), JwtError::Signature);
    let other_name = key().sign(&with(header(), json!({ "kid": "two" })), &claims());
    assert_eq!(check(&other_name, &EXPECTED).unwrap_err(), JwtError::UnknownKey);
    let no_name = key().sign(&with(header(), json!({ "kid": null })), &claims());
    assert!(check(&no_name, &EXPECTED).is_ok());
    let no_name = thief.sign(&with(header(), json!({ "kid": null })), &claims());
    assert_eq!(check(&no_name, &EXPECTED).unwrap_err(), JwtError::UnknownKey);
    let long_name = key().sign(&with(header(), json!({ "kid": "k".repeat(257) })), &claims());
    assert_eq!(check(&long_name, &EXPECTED).unwrap_err(), JwtError::Header);
}

/// RS-14: what a forgery costs has an end.
#[test]
fn token_that_names_no_key_is_tried_with_four() {
    let jwks: Vec<_> = (1..=8).map(|seed| TestKey::p256(seed).jwk(&seed.to_string())).collect();
    let set = KeySet::parse(key_set(&jwks).as_bytes()).unwrap();
    let verify = |seed: u8, kid: serde_json::Value| {
        let token = TestKey::p256(seed).sign(&with(header(), json!({ "kid": kid })), &claims());
        UnverifiedToken::parse(&token, &EXPECTED).unwrap().verify(&set).map(drop)
    };
    assert_eq!(verify(4, json!(null)), Ok(()));
    assert_eq!(verify(5, json!(null)), Err(JwtError::UnknownKey));
    assert_eq!(verify(8, json!("8")), Ok(()));
}

#[test]
fn signature_is_of_one_length() {
    let token = key().sign(&header(), &claims());
    let (input, _) = token.rsplit_once('.').unwrap();
    for signature in [vec![], vec![0; 63], vec![0; 64], vec![0; 65], vec![0xff; 64]] {
        let token = format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature));
        let outcome = UnverifiedToken::parse(&token, &EXPECTED).unwrap().verify(&keys());
        assert_eq!(outcome.unwrap_err(), JwtError::Signature);
    }
}
