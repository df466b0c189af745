//! `/introspect` (RFC 7662): for confidential clients, about their own tokens.

use base64ct::{Base64, Encoding};
use postern_tests::oauth::{BASIC, REDIRECT_URI, register};
use postern_tests::{Authorization, Browser, Client, Person, Request, Response, Server, Tokens};
use serde_json::{Value, json};

/// A client with a secret, and the header that shows it.
fn confidential(server: &Server) -> (Client, String) {
    let metadata = json!({
        "client_name": "Black-box test",
        "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "client_secret_basic",
    });
    let document = register(server, &metadata).expect(201).json();
    let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let credentials = format!("{}:{}", text("client_id"), text("client_secret"));
    let client = Client { client_id: text("client_id"), ..Client::register(server) };
    (client, format!("Basic {}", Base64::encode_string(credentials.as_bytes())))
}

fn tokens(server: &Server, client: &Client, authorization: &str) -> Tokens {
    let request = Authorization::new(client);
    let answer = Person::new().approve(&mut Browser::new(server), &request);
    let fields =
        [("grant_type", "authorization_code"), ("code", answer.code()), ("code_verifier", &request.verifier)];
    Tokens::of(&server.send(&Request::form("/token", &fields).header("authorization", authorization)))
}

fn introspect(server: &Server, token: &str, authorization: &str) -> Response {
    server.send(&Request::form("/introspect", &[("token", token)]).header("authorization", authorization))
}

/// TK-37: its own tokens are described, and everything else has one answer.
#[test]
fn confidential_client_is_told_about_its_own_tokens_only() {
    let server = Server::under_test();
    let (client, secret) = confidential(&server);
    let (other, other_secret) = confidential(&server);
    let (mine, others) = (tokens(&server, &client, &secret), tokens(&server, &other, &other_secret));
    let public = Client::register(&server).sign_in();
    for token in [&mine.access_token, &mine.refresh_token] {
        let response = introspect(&server, token, &secret).expect(200);
        assert_eq!(response.header("cache-control"), Some("no-store"));
        let document = response.json();
        assert_eq!(document["active"], json!(true), "{response}");
        assert_eq!(document["client_id"], json!(client.client_id));
        assert_eq!(document["scope"], json!(BASIC));
        assert_eq!(document["aud"], json!([server.url("/mcp")]));
        assert_eq!(document["iss"], json!(server.base));
    }
    for token in [&others.access_token, &others.refresh_token, &public.access_token, "x"] {
        let response = introspect(&server, token, &secret).expect(200);
        assert_eq!(response.text(), r#"{"active":false}"#, "{response}");
    }
    let revoke = Request::form("/revoke", &[("token", &mine.access_token)]).header("authorization", &secret);
    server.send(&revoke).expect(200);
    assert_eq!(introspect(&server, &mine.refresh_token, &secret).text(), r#"{"active":false}"#);
}

/// TK-37: whoever proves nothing is told nothing.
#[test]
fn nobody_else_is_told_anything() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let tokens = client.sign_in();
    for fields in [
        vec![("token", tokens.access_token.as_str())],
        vec![("token", tokens.access_token.as_str()), ("client_id", client.client_id.as_str())],
    ] {
        server.send(&Request::form("/introspect", &fields)).expect_oauth_error(401, "invalid_client");
    }
    let response = server.get("/introspect").expect(405);
    assert_eq!(response.header("allow"), Some("POST"));
}
