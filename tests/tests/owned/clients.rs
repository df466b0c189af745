//! What an operator decides about clients, through the real components.

use base64ct::{Base64, Encoding};
use postern_tests::host::State;
use postern_tests::mcp::{ping, post, unauthorized};
use postern_tests::oauth::{REDIRECT_URI, register};
use postern_tests::{Authorization, Browser, Client, Host, Person, Tokens, random};
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

/// S7: a browser goes to a client that the operator configured, whatever is wrong with the request.
#[test]
fn error_sends_a_browser_to_a_configured_client() {
    let clients = json!([{ "client_id": "desk", "redirect_uris": [REDIRECT_URI] }]);
    let state = State::new().with_variable("clients", &clients.to_string());
    let host = Host::start(&state);
    let desk =
        Client { server: (*host).clone(), client_id: "desk".into(), redirect_uri: REDIRECT_URI.into() };
    for wrong in [
        Authorization::new(&desk).without("response_type"),
        Authorization::new(&desk).with("prompt", "none login"),
    ] {
        let url = Browser::new(&host).open(&wrong.target()).elsewhere();
        wrong.answer(&host, &url).expect_error("invalid_request");
    }
}

/// C6, C7, C18, C19: clients that people use can register and get tokens, and the operator is told what to do
/// about one that cannot.
#[test]
fn refused_client_is_explained_in_the_log() {
    let state = State::new();
    let mut host = Host::start(&state);
    let metadata = |uris: &[&str]| json!({ "redirect_uris": uris, "token_endpoint_auth_method": "none" });
    for uri in ["claude://claude.ai/mcp-auth-callback/sdk", "warp://mcp/oauth2callback"] {
        register(&host, &metadata(&[uri])).expect(201);
    }
    let mut decorated = metadata(&[REDIRECT_URI]);
    decorated["client_uri"] = json!("HTTPS://app.example/");
    decorated["logo_uri"] = json!("data:image/png;base64,AAAA");
    decorated["jwks"] = json!({ "keys": [] });
    register(&host, &decorated).expect(201);
    let refused = register(&host, &metadata(&[REDIRECT_URI, "acme://cb"])).expect(400).json();
    assert_eq!(refused["error"], json!("invalid_redirect_uri"));
    assert!(refused["error_description"].as_str().unwrap().starts_with("redirect_uris[1] has a scheme"));
    let advice = "add acme to the variable private_schemes to allow it";
    host.log_line(0, &["refused: /register: invalid_redirect_uri", advice]);

    let client = Client::register(&host);
    let authorization = Authorization::new(&client);
    let answer = Person::new().approve(&mut Browser::new(&host), &authorization);
    let empty_secret =
        format!("Basic {}", Base64::encode_string(format!("{}:", client.client_id).as_bytes()));
    let redemption = client.redemption(answer.code(), &authorization.verifier);
    Tokens::of(&host.send(&redemption.header("authorization", &empty_secret)));
    host.log_line(0, &["tolerance: empty_secret"]);
    client.redeem("made up", &authorization.verifier).expect_oauth_error(400, "invalid_grant");
    host.log_line(0, &["refused: /token: invalid_grant: "]);
}

/// C26: the operator has clients ask for a scope at first that the tools do not declare as initial.
#[test]
fn initial_scopes_are_asked_for_at_first() {
    let challenged = |state: &State| {
        let host = Host::start(state);
        let challenge = host.send(&unauthorized(&ping())).expect(401);
        let metadata = host.get("/.well-known/oauth-protected-resource/mcp").expect(200).json();
        let scopes = metadata["scopes_supported"].as_array().unwrap().len();
        (challenge.expect_header("www-authenticate").contains("math:statistics"), scopes)
    };
    assert_eq!(challenged(&State::new()), (false, 1));
    assert_eq!(challenged(&State::new().with_variable("initial_scopes", "math:statistics")), (true, 2));
    assert_eq!(challenged(&State::new().with_variable("initial_scopes", "*")), (true, 2));
    let state = State::new().with_variable("initial_scopes", "a,b");
    let mut host = Host::start(&state);
    host.send(&unauthorized(&ping())).expect(500);
    host.log_line(0, &["initial_scopes: it must list scopes"]);
}
