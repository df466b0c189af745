//! A provider that says wrong things, or nothing. Whatever it does, it is never said of the token.

use crate::bench::{Bench, ISSUER, JWKS, METADATA, OAUTH_METADATA, jwks, key, metadata, token};
use bytes::Bytes;
use http::header;
use jwt_core::testing::TestKey;
use provider_core::{IntrospectionError, Settings};
use serde_json::json;
use web_core::fetch::testing::{Answer, End};

fn good() -> String {
    token(&json!({}))
}

/// The provider answers as `set` makes it, and no keys are had.
fn no_keys(set: impl FnOnce(&Bench), logged: &str) {
    let bench = Bench::new();
    set(&bench);
    assert_eq!(bench.introspect(&good()), Err(IntrospectionError::NoKeys), "{logged}");
    let log = bench.log.take();
    assert!(log.iter().any(|line| line.contains(logged)), "{logged}: {log:?}");
    // It is left alone for a while, and the answer is the same.
    bench.requests();
    assert_eq!(bench.introspect(&good()), Err(IntrospectionError::NoKeys), "{logged}");
    assert_eq!(bench.requests(), 0, "{logged}");
    // As soon as it says the right thing, it is heard.
    bench.network.serve(METADATA, metadata(ISSUER, JWKS));
    bench.network.serve(JWKS, jwks(&[key().jwk("one")]));
    bench.later(10);
    assert!(bench.is_active(&good()), "{logged}");
}

/// RS-15: an outage is no judgement.
#[test]
fn provider_that_is_gone_or_silent() {
    no_keys(|bench| bench.network.unplug(METADATA), "metadata: no answer");
    no_keys(|bench| bench.network.unplug(JWKS), "key set: no answer");
    for end in [End::NoHead, End::Silent] {
        no_keys(|bench| bench.network.serve(METADATA, metadata(ISSUER, JWKS).end(end)), "took too long");
        no_keys(|bench| bench.network.serve(JWKS, jwks(&[key().jwk("one")]).end(end)), "took too long");
    }
    no_keys(|bench| bench.network.serve(JWKS, jwks(&[key().jwk("one")]).end(End::Broken)), "incomplete");
    no_keys(|bench| bench.network.serve(JWKS, jwks(&[]).status(500)), "status 500");
}

#[test]
fn provider_that_sends_elsewhere() {
    let away = |answer: Answer| answer.status(302).with(header::LOCATION, "https://evil.example/jwks");
    for (url, logged) in [(JWKS, "key set: the answer has status 302"), (METADATA, "metadata: no answer")] {
        no_keys(
            |bench| {
                bench.network.serve("https://evil.example/jwks", jwks(&[key().jwk("one")]));
                bench.network.serve(url, away(jwks(&[])));
            },
            logged,
        );
        let bench = Bench::new();
        bench.network.serve(url, away(jwks(&[])));
        let _ = bench.introspect(&good());
        let asked = bench.network.take_requests();
        assert!(asked.iter().all(|(url, _)| url.starts_with(ISSUER)), "{asked:?}");
    }
}

impl Bench {
    /// The RFC 8414 form of the address answers this.
    fn oauth(&self, answer: Answer) {
        self.network.serve(OAUTH_METADATA, answer);
    }
}

/// The rule of RFC 8414 section 3.3, at start and at every refresh.
#[test]
fn metadata_of_somebody_else_is_refused() {
    for issuer in ["https://evil.example", "https://id.example.com/", "https://ID.example.com", ""] {
        no_keys(|bench| bench.network.serve(METADATA, metadata(issuer, JWKS)), "another issuer");
    }
    let bench = Bench::new();
    assert!(bench.is_active(&good()));
    bench.network.serve(METADATA, metadata("https://evil.example", "https://evil.example/jwks"));
    bench.network.serve("https://evil.example/jwks", jwks(&[TestKey::p256(9).jwk("nine")]));
    bench.later(3600);
    assert!(bench.is_active(&good()), "the keys of before stand in");
    assert!(bench.log.borrow().iter().any(|line| line.contains("another issuer")));
}

#[test]
fn keys_are_never_fetched_from_inside() {
    for uri in [
        "http://id.example.com/jwks",
        "https://127.0.0.1/jwks",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/jwks",
        "https://mcp.spin.internal/jwks",
        "https://id.example.com:8443/jwks",
        "file:///etc/passwd",
        "",
    ] {
        no_keys(|bench| bench.network.serve(METADATA, metadata(ISSUER, uri)), "jwks_uri: ");
    }
}

#[test]
fn documents_that_are_none() {
    for body in ["", "<html>", "{}", "[]", "{\"issuer\":1}", "{\"issuer\":\"https://id.example.com\"}"] {
        no_keys(|bench| bench.network.serve(METADATA, Answer::json(body)), "metadata");
    }
    for body in ["", "<html>", "{}", "[]", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"AA"}]}"#] {
        no_keys(|bench| bench.network.serve(JWKS, Answer::json(body)), "key set");
    }
    let page = Answer::json("<html>").with(header::CONTENT_TYPE, "text/html");
    no_keys(|bench| bench.network.serve(JWKS, page.clone()), "not of the expected type");
    let twice = format!(r#"{{"issuer":"{ISSUER}","issuer":"{ISSUER}","jwks_uri":"{JWKS}"}}"#);
    no_keys(|bench| bench.network.serve(METADATA, Answer::json(twice)), "not well-formed");
}

/// Key sets that are huge, in bytes or in number.
#[test]
fn huge_key_sets_are_refused() {
    let many = vec![key().jwk("one"); 33];
    no_keys(|bench| bench.network.serve(JWKS, jwks(&many)), "too many keys");
    let mut padded = key().jwk("one");
    padded["x5c"] = json!(["A".repeat(70_000)]);
    no_keys(|bench| bench.network.serve(JWKS, jwks(&[padded])), "too long");
    let endless = Answer { pieces: vec![Bytes::from_static(b"[[[[")], ..Answer::json("").end(End::Endless) };
    no_keys(|bench| bench.network.serve(JWKS, endless), "too long");
    let packed = jwks(&[key().jwk("one")]).with(header::CONTENT_ENCODING, "gzip");
    no_keys(|bench| bench.network.serve(JWKS, packed), "encoded");
}

#[test]
fn metadata_may_be_where_oauth_has_it() {
    let bench = Bench::new();
    bench.network.serve(METADATA, Answer::json("{}").status(404));
    bench.oauth(metadata(ISSUER, JWKS));
    assert!(bench.is_active(&good()));
    assert_eq!(bench.requests(), 3);
}

#[test]
fn address_of_the_keys_may_be_configured() {
    let mut bench = Bench::new();
    bench.settings = Settings { jwks_uri: "https://keys.corp.internal:8443/jwks", ..bench.settings };
    bench.network.unplug(METADATA);
    bench.network.serve("https://keys.corp.internal:8443/jwks", jwks(&[key().jwk("one")]));
    assert!(bench.is_active(&good()));
    assert_eq!(bench.requests(), 1);
}
