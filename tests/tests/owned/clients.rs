//! What an operator decides about clients, through the real components.

use postern_tests::host::State;
use postern_tests::mcp::{ping, post};
use postern_tests::oauth::{REDIRECT_URI, register};
use postern_tests::{Authorization, Browser, Client, Host, Tokens, random};
use serde_json::json;

/// A client that is switched off loses what it has with the next request, and is told so in a way that does
/// not send it to register again.
#[test]
fn denied_client_loses_everything_at_once() {
    let state = State::new();
    let host = Host::start(&state);
    let listen = host.authority().to_owned();
    let (client, other) = (Client::register(&host), Client::register(&host));
    let (tokens, others) = (client.sign_in(), other.sign_in());
    host.send(&post(&tokens.access_token, &ping())).expect(200);
    host.stop();

    let state = state.with_variable("denied_clients", &format!("denied.example {}", client.client_id));
    let host = Host::start_on(&state, &listen);
    host.send(&post(&tokens.access_token, &ping())).expect(401);
    client.refresh(&tokens.refresh_token).expect_oauth_error(400, "unauthorized_client");
    let page = Browser::new(&host).open(&Authorization::new(&client).target()).page().expect_page(400);
    assert!(page.text().contains("not let in here"), "{page}");
    host.send(&post(&others.access_token, &ping())).expect(200);
    Tokens::of(&other.refresh(&others.refresh_token));
}

/// A server for clients of the operator's own, and no others.
#[test]
fn configured_clients_are_enough() {
    let clients = json!([{ "client_id": "desk", "client_name": "Desk", "redirect_uris": [REDIRECT_URI] }]);
    let state =
        State::new().with_variable("registration", "closed").with_variable("clients", &clients.to_string());
    let host = Host::start(&state);
    register(&host, &json!({ "redirect_uris": [REDIRECT_URI] })).expect(404);
    let metadata = host.get("/.well-known/oauth-authorization-server").expect(200).json();
    assert_eq!(metadata.get("registration_endpoint"), None);
    let desk =
        Client { server: (*host).clone(), client_id: "desk".into(), redirect_uri: REDIRECT_URI.into() };
    let tokens = desk.sign_in();
    host.send(&post(&tokens.access_token, &ping())).expect(200);
}

/// A mistake in a variable is told to the operator by the variable's name, and what is in it to nobody.
#[test]
fn mistake_in_the_configuration_is_named_and_not_shown() {
    let secret = random();
    let clients = json!([{ "client_id": "desk", "redirect_uris": [REDIRECT_URI], "client_secret": secret }]);
    let state = State::new().with_variable("clients", &clients.to_string());
    let mut host = Host::start(&state);
    let refused = register(&host, &json!({ "redirect_uris": [REDIRECT_URI] })).expect(500);
    assert_eq!(refused.json()["error"], json!("server_error"));
    host.log_line(0, &["clients: entry 1: client_secret"]);
    assert!(!host.log().contains(&secret) && !refused.text().contains(&secret));
}
