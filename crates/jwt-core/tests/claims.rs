//! What a token says, and what of it is judged.

use crate::support::{EXPECTED, ISSUER, NOW, RESOURCE, check, check_signed, claims, header, key, with};
use jwt_core::{Algorithm, Audience, Expected, JwtError, LEEWAY_SECONDS, testing::TestKey};
use serde::Deserialize;
use serde_json::{Value, json};

fn refused(changes: Value) -> JwtError {
    check_signed(header(), with(claims(), changes)).unwrap_err()
}

#[test]
fn token_as_it_should_be() {
    let changes =
        json!({ "jti": "t1", "azp": "app", "nbf": NOW, "scope": "a b", "aud": ["other", RESOURCE] });
    let token = check_signed(header(), with(claims(), changes)).unwrap();
    assert_eq!(token.claims.subject.as_deref(), Some("alice"));
    assert_eq!(token.claims.audience, ["other", RESOURCE]);
    assert_eq!(token.claims.token_id.as_deref(), Some("t1"));
    assert_eq!(token.claims.authorized_party.as_deref(), Some("app"));
    assert_eq!((token.claims.not_before, token.claims.issued_at), (Some(NOW), Some(NOW - 5)));

    #[derive(Deserialize)]
    struct Scoped {
        scope: String,
    }
    assert_eq!(token.claims_as::<Scoped>().unwrap().scope, "a b");
    #[derive(Deserialize)]
    struct Wrong {
        #[serde(rename = "scope")]
        _scope: u8,
    }
    assert!(token.claims_as::<Wrong>().is_none());
}

/// TK-21, RS-09.
#[test]
fn issuer_and_audience_are_compared_byte_for_byte() {
    for issuer in ["https://id.example.com/", "https://ID.example.com", "https://id.example.com.evil", ""] {
        assert_eq!(refused(json!({ "iss": issuer })), JwtError::Issuer, "{issuer}");
    }
    assert_eq!(refused(json!({ "iss": null })), JwtError::Malformed);
    for audience in [json!("https://mcp.example.com"), json!([format!("{RESOURCE}/")]), json!([]), json!("")]
    {
        assert_eq!(refused(json!({ "aud": audience })), JwtError::Audience, "{audience}");
    }
    assert_eq!(refused(json!({ "aud": null })), JwtError::Audience);
    let left = Expected { audience: Audience::LeftToCaller, ..EXPECTED };
    let token = key().sign(&header(), &with(claims(), json!({ "aud": "another" })));
    assert_eq!(check(&token, &left).unwrap().claims.audience, ["another"]);
}

/// TK-21, D12: another party's clock may be 30 seconds off, and no more.
#[test]
fn times_have_thirty_seconds_of_leeway() {
    let taken = |changes: Value| check_signed(header(), with(claims(), changes)).is_ok();
    assert_eq!(LEEWAY_SECONDS, 30);
    assert!(taken(json!({ "exp": NOW - 29 })));
    assert_eq!(refused(json!({ "exp": NOW - 30 })), JwtError::Expired);
    assert_eq!(refused(json!({ "exp": null })), JwtError::Malformed);
    for claim in ["nbf", "iat"] {
        assert!(taken(json!({ claim: NOW + 30 })));
        assert_eq!(refused(json!({ claim: NOW + 31 })), JwtError::NotYetValid);
        assert_eq!(refused(json!({ claim: NOW * 1000 })), JwtError::Malformed);
    }
}

/// TK-21: what is remembered until it expires must expire.
#[test]
fn assertion_must_not_live_for_ever() {
    let expected = Expected { max_lifetime: Some(600), ..EXPECTED };
    let expiring = |exp: u64| key().sign(&header(), &with(claims(), json!({ "exp": exp })));
    assert!(check(&expiring(NOW + 630), &expected).is_ok());
    assert_eq!(check(&expiring(NOW + 631), &expected).unwrap_err(), JwtError::LivesTooLong);
}

/// RS-10: RFC 8725 section 3.12. An ID token is not an access token, even from the right issuer.
#[test]
fn types_are_not_confused() {
    for typ in
        [json!("JWT"), json!("application/jwt"), json!("at+jwt2"), json!("dpop+jwt"), json!(""), json!(null)]
    {
        let outcome = check_signed(with(header(), json!({ "typ": typ })), claims());
        assert_eq!(outcome.unwrap_err(), JwtError::Type, "{typ}");
    }
    // RFC 7515 section 4.1.9.
    for typ in ["AT+JWT", "application/at+jwt", "Application/AT+jwt"] {
        assert!(check_signed(with(header(), json!({ "typ": typ })), claims()).is_ok(), "{typ}");
    }
    let untyped = Expected { types: &["", "jwt"], ..EXPECTED };
    for typ in [json!(null), json!("JWT")] {
        let token = key().sign(&with(header(), json!({ "typ": typ })), &claims());
        assert!(check(&token, &untyped).is_ok(), "{typ}");
    }
}

#[test]
fn algorithm_is_the_callers_choice() {
    let expected = Expected { algorithms: &[Algorithm::EdDsa, Algorithm::Rs256], ..EXPECTED };
    let token = key().sign(&header(), &claims());
    assert_eq!(check(&token, &expected).unwrap_err(), JwtError::Algorithm);
    let token = TestKey::ed25519(3).sign(&with(header(), json!({ "alg": "Ed25519" })), &claims());
    // The right algorithm, and a key that is of another kind.
    assert_eq!(check(&token, &expected).unwrap_err(), JwtError::UnknownKey);
}

#[test]
fn error_texts_have_nothing_of_the_token() {
    let error = refused(json!({ "iss": "https://secret.example" }));
    assert!(!error.to_string().contains("secret") && !error.to_string().contains(ISSUER));
}
