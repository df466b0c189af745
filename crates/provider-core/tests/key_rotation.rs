//! When the provider is asked for keys, and what holds in between.

use crate::bench::{Bench, JWKS, METADATA, RESOURCE, START, jwks, key, sign, token};
use http::header;
use jwt_core::testing::TestKey;
use provider_core::{IntrospectionError, KeyMemory};
use serde_json::json;
use store_core::testing::{Fault, Operations};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

fn good() -> String {
    token(&json!({}))
}

fn newer() -> TestKey {
    TestKey::ed25519(3)
}

fn of_newer() -> String {
    sign(&newer(), "two", &json!({}))
}

#[test]
fn instance_that_knows_the_keys_asks_nobody() {
    let mut bench = Bench::new();
    assert!(bench.is_active(&good()));
    assert_eq!(bench.requests(), 2, "metadata and keys");
    bench.store.take_operations();
    assert!(bench.is_active(&good()));
    assert_eq!((bench.requests(), bench.store.take_operations()), (0, Operations::default()));
    // Another instance finds them in the store.
    bench.forget();
    assert!(bench.is_active(&good()));
    assert_eq!((bench.requests(), bench.store.take_operations()), (0, Operations { reads: 1, writes: 0 }));
}

/// Of one provider there is one record, whatever is asked.
#[test]
fn store_does_not_grow() {
    let bench = Bench::new();
    for index in 0..50 {
        bench.later(MINUTE);
        let _ = bench.introspect(&sign(&key(), &format!("kid-{index}"), &json!({})));
        let _ = bench.introspect(&token(
            &json!({ "sub": format!("user-{index}"), "aud": [RESOURCE, index.to_string()] }),
        ));
    }
    assert_eq!(bench.store.snapshot().len(), 1);
}

#[test]
fn provider_says_how_long_keys_are_good_within_bounds() {
    for (cache_control, seconds) in [
        ("max-age=600", 600),
        ("max-age=0", 5 * MINUTE),
        ("no-store", 5 * MINUTE),
        ("max-age=31536000", HOUR),
        ("public", 15 * MINUTE),
    ] {
        let bench = Bench::new();
        let answer = jwks(&[key().jwk("one")]).with(header::CACHE_CONTROL, cache_control);
        bench.network.serve(JWKS, answer);
        assert!(bench.is_active(&good()));
        bench.requests();
        bench.later(seconds - 1);
        assert!(bench.is_active(&good()));
        assert_eq!(bench.requests(), 0, "{cache_control}");
        bench.later(1);
        assert!(bench.is_active(&good()));
        assert_eq!(bench.requests(), 2, "{cache_control}");
    }
}

/// A key that was withdrawn is not taken any more once the set was asked for again.
#[test]
fn withdrawn_key_is_refused() {
    let bench = Bench::new();
    assert!(bench.is_active(&good()));
    bench.network.serve(JWKS, jwks(&[newer().jwk("two")]));
    bench.later(HOUR);
    assert!(bench.is_active(&of_newer()));
    assert!(!bench.is_active(&good()));
}

/// One refetch in five minutes for keys that are not known.
#[test]
fn unknown_key_is_asked_for_once_in_five_minutes() {
    let bench = Bench::new();
    assert!(bench.is_active(&good()));
    bench.requests();
    bench.network.serve(JWKS, jwks(&[key().jwk("one"), newer().jwk("two")]));
    assert!(bench.is_active(&of_newer()), "a new key is found at once");
    assert_eq!(bench.requests(), 2);
    for index in 0..20 {
        bench.later(10);
        assert!(!bench.is_active(&sign(&key(), &format!("kid-{index}"), &json!({}))));
    }
    assert_eq!(bench.requests(), 0, "and then not for a while");
    bench.later(5 * MINUTE);
    assert!(!bench.is_active(&sign(&key(), "kid", &json!({}))));
    assert_eq!(bench.requests(), 2);
    assert!(bench.is_active(&good()) && bench.is_active(&of_newer()));
}

/// The limit is the deployment's, not the instance's.
#[test]
fn limit_on_asking_is_shared() {
    let mut bench = Bench::new();
    assert!(bench.is_active(&good()));
    assert!(!bench.is_active(&sign(&key(), "a", &json!({}))));
    bench.requests();
    for _ in 0..10 {
        bench.forget();
        assert!(!bench.is_active(&sign(&key(), "b", &json!({}))));
    }
    assert_eq!(bench.requests(), 0);
}

/// An instance with older keys finds what another one has fetched.
#[test]
fn instances_learn_from_each_other() {
    let mut bench = Bench::new();
    assert!(bench.is_active(&good()));
    let old = std::mem::take(&mut bench.memory);
    bench.network.serve(JWKS, jwks(&[newer().jwk("two")]));
    assert!(bench.is_active(&of_newer()));
    bench.requests();
    bench.memory = old;
    assert!(bench.is_active(&of_newer()));
    assert_eq!(bench.requests(), 0);
}

/// RS-15: stale keys stand in for a day, and then nothing is known.
#[test]
fn provider_that_is_gone_is_missed_after_a_day() {
    let bench = Bench::new();
    assert!(bench.is_active(&good()));
    bench.network.unplug(METADATA);
    bench.requests();
    bench.later(HOUR);
    for _ in 0..5 {
        assert!(bench.is_active(&good()));
    }
    assert_eq!(bench.requests(), 1, "it is left alone for a while");
    bench.later(10);
    assert!(bench.is_active(&good()));
    assert_eq!(bench.requests(), 1);
    // A forgery is still one; of a key that is not known, nothing can be said.
    assert_eq!(bench.introspect(&sign(&newer(), "one", &json!({}))), Err(IntrospectionError::NoKeys));
    assert!(!bench.is_active(&sign(&TestKey::p256(9), "one", &json!({}))));
    assert_eq!(bench.introspect(&of_newer()), Err(IntrospectionError::NoKeys));
    bench.later(23 * HOUR - 11);
    assert!(bench.is_active(&good()));
    bench.later(1);
    assert_eq!(bench.introspect(&good()), Err(IntrospectionError::NoKeys));
}

/// While one asks, the others use what there is.
#[test]
fn refetch_in_flight_holds_nobody_up() {
    let mut bench = Bench::new();
    assert!(bench.is_active(&good()));
    bench.later(HOUR);
    let before = bench.store.snapshot();
    bench.network.unplug(METADATA);
    assert!(bench.is_active(&good()));
    assert_ne!(bench.store.snapshot(), before, "the start of a fetch is stored");
    bench.requests();
    bench.forget();
    assert!(bench.is_active(&good()));
    assert_eq!(bench.requests(), 0);
}

/// RS-15: the store's failure is no judgement either.
#[test]
fn store_that_fails_is_said_to_fail() {
    let mut bench = Bench::new();
    for operations in 0..3 {
        bench.forget();
        bench.store.fail_after(operations, Fault::Error);
        assert!(matches!(bench.introspect(&good()), Err(IntrospectionError::Record(_))), "{operations}");
        bench.store.heal();
    }
    assert!(bench.is_active(&good()));
    bench.store.fail_after(0, Fault::Error);
    assert!(bench.is_active(&good()), "an instance that knows the keys does not need it");
}

/// A writer to the store cannot add a key; an unreadable record is written anew.
#[test]
fn keys_in_the_store_are_sealed() {
    let mut bench = Bench::new();
    assert!(bench.is_active(&good()));
    let stored = bench.store.snapshot();
    let (place, value) = stored.iter().next().unwrap();
    assert!(place.starts_with("postern:k:"));
    assert!(!String::from_utf8_lossy(value).contains("P-256"));
    // Made under another secret, in which the thief is the provider.
    let thief = Bench::new();
    thief.network.serve(JWKS, jwks(&[TestKey::p256(9).jwk("one")]));
    let forged = sign(&TestKey::p256(9), "one", &json!({}));
    assert!(thief.introspect_with(&forged, &[8; 32]).unwrap().is_some());
    bench.store = thief.store;
    bench.forget();
    bench.requests();
    assert!(!bench.is_active(&forged));
    assert_eq!(bench.requests(), 2);
    bench.memory = KeyMemory::default();
    assert!(bench.is_active(&good()));
    assert_eq!(bench.requests(), 0);
}

/// K-26: a record from the future is not believed.
#[test]
fn clock_that_was_set_back_does_not_keep_keys_for_ever() {
    let mut bench = Bench::new();
    bench.now.set(START + 365 * 24 * HOUR);
    bench.network.serve(JWKS, jwks(&[newer().jwk("two")]));
    let _ = bench.introspect(&sign(&newer(), "two", &json!({ "exp": START * 2 })));
    bench.network.serve(JWKS, jwks(&[key().jwk("one")]));
    bench.now.set(START);
    bench.forget();
    assert!(bench.is_active(&good()));
    assert!(!bench.is_active(&of_newer()));
}
