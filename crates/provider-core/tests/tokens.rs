//! Which tokens are taken, and what they say.

use crate::bench::{Bench, ISSUER, RESOURCE, START, claims, key, sign, token};
use jwt_core::testing::TestKey;
use provider_core::Settings;
use serde_json::json;

#[test]
fn facts_come_from_the_claims() {
    let bench = Bench::new();
    let access = bench.introspect(&token(&json!({ "scope": "math  files:read" }))).unwrap().unwrap();
    assert_eq!(access.subject, "alice");
    assert_eq!(access.client_id, "app");
    assert_eq!(access.scopes, ["math", "files:read"]);
    assert_eq!(access.audience, [RESOURCE]);
    assert_eq!(access.expires_at, START + 1_000_000);
}

#[test]
fn providers_spell_scopes_and_clients_differently() {
    let bench = Bench::new();
    let access = |changes| bench.introspect(&token(&changes)).unwrap();
    let scopes = |changes| access(changes).unwrap().scopes;
    assert_eq!(scopes(json!({ "scope": null, "scp": "a b" })), ["a", "b"]);
    assert_eq!(scopes(json!({ "scope": null, "scp": ["a", "b"] })), ["a", "b"]);
    assert_eq!(scopes(json!({ "scp": ["c"] })), ["math"]);
    assert_eq!(scopes(json!({ "scope": null })), [""; 0]);
    assert_eq!(access(json!({ "client_id": null, "azp": "other" })).unwrap().client_id, "other");
    assert_eq!(access(json!({ "azp": "other" })).unwrap().client_id, "app");
    for bad in [
        json!({ "client_id": null }),
        json!({ "client_id": "" }),
        json!({ "client_id": 1 }),
        json!({ "sub": null }),
        json!({ "sub": "" }),
        json!({ "sub": "x".repeat(256) }),
        json!({ "scope": ["a"] }),
        json!({ "scope": null, "scp": 7 }),
    ] {
        assert_eq!(access(bad.clone()), None, "{bad}");
    }
}

/// RS-03: the audience is a fact for the resource server to judge.
#[test]
fn audience_is_reported_as_it_is() {
    let bench = Bench::new();
    for (aud, reported) in
        [(json!("https://other.example"), 1), (json!(["a", RESOURCE]), 2), (json!(null), 0)]
    {
        let access = bench.introspect(&token(&json!({ "aud": aud }))).unwrap().unwrap();
        assert_eq!(access.audience.len(), reported);
    }
}

/// RS-09, RS-10, RS-14: what is wrong on its face takes neither the store nor the network.
#[test]
fn foreign_tokens_cost_nothing() {
    let bench = Bench::new();
    let thief = TestKey::p256(9);
    let header = |changes: serde_json::Value| {
        let mut header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "one" });
        header.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        key().sign(&header, &claims())
    };
    for (name, token) in [
        ("opaque", "postern_at_abcdef".to_owned()),
        ("alg none", header(json!({ "alg": "none" }))),
        ("HMAC", header(json!({ "alg": "HS256" }))),
        ("ID token", header(json!({ "typ": "JWT" }))),
        ("jwk", header(json!({ "jwk": thief.jwk("one") }))),
        ("jku", header(json!({ "jku": "https://evil.example/jwks" }))),
        ("x5u", header(json!({ "x5u": "https://evil.example/cert" }))),
        ("crit", header(json!({ "crit": ["exp"] }))),
        ("nested", header(json!({ "cty": "JWT" }))),
        ("other issuer", token(&json!({ "iss": "https://evil.example" }))),
        ("no issuer", token(&json!({ "iss": null }))),
        ("expired", token(&json!({ "exp": START - 30 }))),
        ("no expiry", token(&json!({ "exp": null }))),
        ("future", token(&json!({ "nbf": START + 31 }))),
    ] {
        assert_eq!(bench.introspect(&token), Ok(None), "{name}");
        assert_eq!(bench.requests(), 0, "{name}");
        assert_eq!(bench.store.take_operations(), Default::default(), "{name}");
    }
    assert!(
        bench.log.borrow().contains(&"a token is refused: its issuer is not the one expected".to_owned())
    );
}

/// RS-09.
#[test]
fn forged_signatures_are_refused() {
    let bench = Bench::new();
    assert!(bench.is_active(&token(&json!({}))));
    assert!(!bench.is_active(&sign(&TestKey::p256(9), "one", &json!({}))));
    assert!(!bench.is_active(&format!("{}A", token(&json!({})))));
    let payload = token(&json!({ "sub": "mallory" }));
    let (good, bad) = (token(&json!({})), payload.split('.').nth(1).unwrap().to_owned());
    let mut parts: Vec<&str> = good.split('.').collect();
    parts[1] = &bad;
    assert!(!bench.is_active(&parts.join(".")));
}

#[test]
fn algorithms_and_types_are_pinned_by_configuration() {
    let mut bench = Bench::new();
    bench.settings = Settings { token_algorithms: "RS256 EdDSA", ..bench.settings };
    assert!(!bench.is_active(&token(&json!({}))));
    bench.settings = Settings { token_algorithms: "ES256", token_types: "jwt", ..bench.settings };
    assert!(!bench.is_active(&token(&json!({}))));
    let typed = key().sign(&json!({ "alg": "ES256", "typ": "JWT", "kid": "one" }), &claims());
    assert!(bench.is_active(&typed));
    let untyped = key().sign(&json!({ "alg": "ES256", "kid": "one" }), &claims());
    assert!(!bench.is_active(&untyped));
    bench.settings = Settings { token_types: "jwt none", ..bench.settings };
    assert!(bench.is_active(&untyped));
    assert_eq!(bench.introspect(&typed).unwrap().unwrap().subject, "alice");
    assert_eq!(ISSUER, bench.settings.authorization_server);
}
