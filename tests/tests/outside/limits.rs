//! Wrong methods, and more than anybody needs.

use postern_tests::{Client, Request, Server};

/// RFC 9110 section 15.5.6.
#[test]
fn wrong_method_is_405_with_those_that_would_do() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    for (path, allowed, wrong) in [
        ("/authorize", "GET", &["PUT", "DELETE", "PATCH"][..]),
        ("/token", "POST", &["GET", "PUT", "DELETE"]),
        ("/register", "POST", &["GET", "PUT", "DELETE"]),
        ("/sign-in", "POST", &["PUT", "DELETE"]),
        ("/consent", "POST", &["PUT", "DELETE"]),
        ("/mcp", "POST", &["PUT", "PATCH"]),
        ("/.well-known/oauth-authorization-server", "GET", &["POST", "DELETE"]),
        ("/.well-known/oauth-protected-resource", "GET", &["POST", "DELETE"]),
        ("/.well-known/oauth-protected-resource/mcp", "GET", &["POST", "DELETE"]),
        ("/", "GET", &["POST", "DELETE"]),
    ] {
        for method in wrong {
            let response = server.send(&Request::new(method, path).bearer(&token));
            assert_eq!(response.status, 405, "{method} {path}: {response}");
            let allow = response.expect_header("allow");
            assert!(allow.split(',').any(|method| method.trim() == allowed), "{method} {path}: {response}");
            assert!(!allow.split(',').any(|other| other.trim() == *method), "{method} {path}: {response}");
        }
    }
}

/// RFC 9110 section 15.5.14. Said at once, or after reading it all; never by falling over.
#[test]
fn two_megabytes_are_too_much() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    let large = "x".repeat(2 << 20);
    let form = format!("grant_type=refresh_token&refresh_token={large}");
    let json = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{large}\"}}");
    server.send(&Request::new("POST", "/token").body("application/x-www-form-urlencoded", form)).expect(413);
    server.send(&Request::new("POST", "/register").body("application/json", json.clone())).expect(413);
    let message = Request::new("POST", "/mcp")
        .body("application/json", json)
        .header("accept", "application/json, text/event-stream")
        .bearer(&token);
    server.send(&message).expect(413);
    // It is none the worse for it.
    server.get("/.well-known/oauth-authorization-server").expect(200);
}

/// Nobody without a token has their body read.
#[test]
fn large_message_without_a_token_is_401() {
    let server = Server::under_test();
    let request = Request::new("POST", "/mcp").body("application/json", "x".repeat(2 << 20));
    server.send(&request).expect(401);
}

/// Paths are compared as they are, but for one slash at the end where no page of the server's posts (C5): what a proxy in
/// front was told about a path stays true.
#[test]
fn paths_are_exact() {
    let server = Server::under_test();
    for path in ["/token//", "//token", "/Token", "/%74oken", "/mcp/x", "/sign-in/", "/consent/"] {
        let response = server.send(&Request::form(path, &[("grant_type", "refresh_token")]));
        assert_eq!(response.status, 404, "{path}: {response}");
    }
}
