//! Attacks on the registration endpoint: rows RG of the threat list.

use crate::support::{Browser, Request, World, body_text, header, json, refusal};
use http::StatusCode;
use serde_json::{Value, json};

fn register(world: &World, metadata: &Value) -> (u16, String) {
    let reply = world.send(Request::post_json("/register", metadata));
    if reply.status == StatusCode::CREATED { (201, String::new()) } else { refusal(&reply) }
}

/// RG-02, RG-03, RG-04: redirect URIs that run scripts, lead elsewhere than they look, or end up as
/// something else in a header.
#[test]
fn dangerous_redirect_uris_cannot_be_registered() {
    let world = World::public();
    for uri in [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "java\nscript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,x",
        "http://client.example/cb",
        "http://127.0.0.2/cb",
        "https://client.example/cb#x",
        "https://a:b@client.example/cb",
        "https://*.example/cb",
        "https:///cb",
        "https://client.example:0/cb",
        "ms-settings:x",
        "chrome-extension://x/cb",
        "https://client.example/cb?state=1",
        "https://client.example;sandbox/cb",
        "https://client.example,evil.example/cb",
        "https://client.example$/cb",
    ] {
        let outcome = register(&world, &json!({ "redirect_uris": ["https://client.example/cb", uri] }));
        assert_eq!(outcome, (400, "invalid_redirect_uri".into()), "{uri}");
    }
}

/// RG-07, RFC 8259 section 4: a member twice, for a reader that takes the other one.
#[test]
fn repeated_member_is_refused() {
    let world = World::public();
    let body =
        r#"{"redirect_uris":["https://client.example/cb"],"redirect_uris":["https://evil.example/cb"]}"#;
    let reply = world.send(Request::post_json("/register", &Value::Null).with_body(body));
    assert_eq!(refusal(&reply), (400, "invalid_client_metadata".into()));
}

/// RG-09, RG-10, RG-16, RG-17: a client chooses its id or its secret, asks for a scope that there is not, or claims a vouching statement; the answer
/// says what it got.
#[test]
fn answer_says_what_was_registered_and_may_not_be_kept() {
    let world = World::public();
    let metadata = json!({
        "redirect_uris": ["https://client.example/cb"],
        "client_id": "https://evil.example/client",
        "client_secret": "chosen",
        "scope": "admin",
        "software_statement": "eyJhbGciOiJub25lIn0.e30.",
        "token_endpoint_auth_method": "client_secret_post",
    });
    let reply = world.send(Request::post_json("/register", &metadata));
    assert_eq!(reply.status, StatusCode::CREATED);
    assert_eq!(header(&reply, "cache-control"), "no-store");
    let document = json(&reply);
    assert!(document["client_id"].as_str().unwrap().starts_with("postern_cl_"));
    assert_eq!(document["token_endpoint_auth_method"], "client_secret_post");
    assert!(document["client_secret"].as_str().unwrap().starts_with("postern_cs_"));
    assert_eq!(document["client_secret_expires_at"], 0);
    for name in ["scope", "software_statement", "registration_access_token"] {
        assert!(document.get(name).is_none(), "{name}");
    }
}

/// RG-11, I6: a flood of registrations.
#[test]
fn registrations_store_nothing() {
    let world = World::public();
    let ((), operations) = world.count(|| {
        for index in 0..200 {
            world.register(&[&format!("https://client.example/{index}")]);
        }
    });
    assert!(world.store.is_empty());
    assert_eq!((operations.reads, operations.writes), (0, 0));
}

/// RG-14, BR-01, AZ-30: a name that is markup, hides its end, or is endless.
#[test]
fn hostile_names_are_only_text() {
    let world = World::public();
    for name in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "</title><meta http-equiv=refresh content=0>",
        "{{1337*1337}}",
        "\u{202e}moc.elgoog\u{202c}",
        "Claude\0\u{200b}\u{feff}",
        &"long ".repeat(200),
    ] {
        let metadata = json!({ "redirect_uris": ["https://client.example/cb"], "client_name": name });
        let reply = world.send(Request::post_json("/register", &metadata));
        let document = json(&reply);
        assert!(document["client_name"].as_str().unwrap().chars().count() <= 64);
        let id = document["client_id"].as_str().unwrap().to_owned();
        let client = crate::support::Client { id, redirect_uri: "https://client.example/cb".into() };
        let browser = Browser::default();
        let query = client.request().encode();
        let sign_in = browser.get(&world, &format!("/authorize?{query}"));
        let consent = browser.sign_in(&world, "alice@example.com", &query);
        for page in [sign_in, consent] {
            let html = body_text(&page);
            for raw in ["<script", "<img", "<meta http", "\u{202e}", "\u{200b}", "\0"] {
                assert!(!html.contains(raw), "{name:?} gives {raw:?}");
            }
            assert!(!header(&page, "content-security-policy").contains("script-src"));
        }
        assert!(
            !body_text(&browser.get(&world, &format!("/authorize?{query}"))).contains("1787569"),
            "no template"
        );
    }
}

/// RG-19, AZ-30: a client that calls itself what it is not is shown as unverified, with where it leads.
/// MCP-S-23.
#[test]
fn consent_page_says_what_is_verified() {
    let world = World::public();
    let metadata = json!({ "redirect_uris": ["https://evil.example/cb"], "client_name": "Claude" });
    let document = json(&world.send(Request::post_json("/register", &metadata)));
    let client = crate::support::Client {
        id: document["client_id"].as_str().unwrap().to_owned(),
        redirect_uri: "https://evil.example/cb".into(),
    };
    let consent = Browser::default().sign_in(&world, "alice@example.com", &client.request().encode());
    let html = body_text(&consent);
    assert!(html.contains("evil.example") && html.contains("Nobody has verified"), "{html}");
    assert!(html.contains("Do sums") && html.contains("Median"), "scopes in words, and their tools");
}
