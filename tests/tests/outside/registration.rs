//! Dynamic client registration (RFC 7591).

use base64ct::{Base64, Encoding};
use postern_tests::oauth::{REDIRECT_URI, register};
use postern_tests::{Request, Server};
use serde_json::json;

/// RFC 7591 section 3.2.1.
/// MCP-S-27, MCP-S-28.
#[test]
fn registration_returns_what_was_registered() {
    let server = Server::under_test();
    let response = register(
        &server,
        &json!({ "redirect_uris": [REDIRECT_URI], "client_name": "Some client", "token_endpoint_auth_method": "none" }),
    )
    .expect(201);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let document = response.json();
    assert!(document["client_id"].as_str().is_some_and(|client_id| !client_id.is_empty()), "{document}");
    assert_eq!(document["redirect_uris"], json!([REDIRECT_URI]));
    assert_eq!(document["client_name"], json!("Some client"));
    assert_eq!(document["token_endpoint_auth_method"], json!("none"));
    assert_eq!(document.get("client_secret"), None, "a public client has none");
}

/// RFC 7591 section 2: what is left out has a default, and what is not known is left out of the answer
/// rather than refused.
#[test]
fn registration_takes_little_and_ignores_the_unknown() {
    let server = Server::under_test();
    let document = register(
        &server,
        &json!({ "redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none", "x_new": {} }),
    )
    .expect(201)
    .json();
    assert_eq!(document["response_types"], json!(["code"]));
    assert!(
        document["grant_types"].as_array().is_some_and(|kinds| kinds.contains(&json!("authorization_code")))
    );
    assert_eq!(document.get("x_new"), None);
}

/// An editor registers a custom scheme, a hosted page and a loopback address at once.
#[test]
fn registration_takes_all_the_redirect_uris_of_an_editor() {
    let server = Server::under_test();
    let uris = json!([
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "https://www.cursor.com/agents/mcp/oauth/callback",
        "http://localhost:8787/callback"
    ]);
    let metadata =
        json!({ "redirect_uris": uris, "application_type": "web", "token_endpoint_auth_method": "none" });
    assert_eq!(register(&server, &metadata).expect(201).json()["redirect_uris"], uris);
}

/// RFC 7591 section 3.2.2, RFC 8252 section 7 and RFC 9700 section 4.1.
/// MCP-S-29, MCP-S-31.
#[test]
fn registration_refuses_redirect_uris_that_would_leak_codes() {
    let server = Server::under_test();
    for uris in [
        json!([]),
        json!(["http://app.example/callback"]),
        json!(["https://app.example/callback#fragment"]),
        json!(["https://user@app.example/callback"]),
        json!(["javascript:alert(1)"]),
        json!(["data:text/html,x"]),
        json!(["/callback"]),
        json!(["https://*.app.example/callback"]),
        json!([REDIRECT_URI, "http://app.example/callback"]),
        json!("https://app.example/callback"),
    ] {
        let response =
            register(&server, &json!({ "redirect_uris": uris, "token_endpoint_auth_method": "none" }));
        let error = response.clone().expect(400).json();
        let error = error["error"].as_str().unwrap_or_default();
        assert!(matches!(error, "invalid_redirect_uri" | "invalid_client_metadata"), "{uris}: {response}");
    }
}

/// RFC 7591 section 3.2.2.
#[test]
fn registration_of_broken_json_is_invalid_client_metadata() {
    let server = Server::under_test();
    for body in ["", "{", "[]", "null", "{\"redirect_uris\":[\"https://a.example/\"]} x", "\u{feff}"] {
        let request = Request::new("POST", "/register").body("application/json", body);
        server.send(&request).expect_oauth_error(400, "invalid_client_metadata");
    }
}

/// A flood of registrations must not fill the store, so a registration is its own record: the same
/// server takes as many as come, and each can be used at once.
#[test]
fn registrations_do_not_wear_out() {
    let server = Server::under_test();
    let metadata = json!({ "redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none" });
    for _ in 0..30 {
        let client_id = register(&server, &metadata).expect(201).json();
        assert!(
            client_id["client_id"].as_str().map(str::len).is_some_and(|length| length < 2048),
            "{client_id}"
        );
    }
}

/// Scripts of any page may register: no cookie has a part in it.
#[test]
fn registration_is_open_to_scripts() {
    let server = Server::under_test();
    let metadata = json!({ "redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none" });
    let response =
        server.send(&Request::json("/register", &metadata).header("origin", "https://app.example"));
    assert_eq!(response.expect(201).header("access-control-allow-origin"), Some("*"));
}

/// RFC 7591 section 3.2.1, RFC 6749 section 2.3.1: each gets what it asked for, and a secret that is good
/// by that method only.
#[test]
fn registration_gives_a_secret_for_the_method_that_was_asked_for() {
    let server = Server::under_test();
    let supported = server.get("/.well-known/oauth-authorization-server").json();
    let supported = supported["token_endpoint_auth_methods_supported"].as_array().unwrap().clone();
    for method in ["client_secret_basic", "client_secret_post"] {
        let metadata = json!({ "redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": method });
        let document = register(&server, &metadata).expect(201).json();
        assert_eq!(document["token_endpoint_auth_method"], json!(method));
        assert_eq!(document["client_secret_expires_at"], json!(0));
        assert!(supported.contains(&json!(method)));
        let (id, secret) =
            (document["client_id"].as_str().unwrap(), document["client_secret"].as_str().unwrap());
        let fields = [("grant_type", "refresh_token"), ("refresh_token", "x")];
        let posted = |secret| {
            let fields = [fields[0], fields[1], ("client_id", id), ("client_secret", secret)];
            server.send(&Request::form("/token", &fields))
        };
        let basic = format!("Basic {}", Base64::encode_string(format!("{id}:{secret}").as_bytes()));
        let by_basic = server.send(&Request::form("/token", &fields).header("authorization", &basic));
        let (good, bad) = match method {
            "client_secret_basic" => (by_basic, posted(secret)),
            _ => (posted(secret), by_basic),
        };
        good.expect_oauth_error(400, "invalid_grant");
        for refused in [bad, posted("wrong")] {
            let refused = refused.expect_oauth_error(401, "invalid_client");
            assert!(refused.expect_header("www-authenticate").starts_with("Basic "));
        }
    }
}
