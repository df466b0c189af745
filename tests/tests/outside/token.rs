//! `/token`: redeeming codes and refreshing.

use postern_tests::mcp::{ping, post};
use postern_tests::oauth::{BASIC, STATISTICS};
use postern_tests::{Authorization, Browser, Client, Person, Request, Server, Tokens};
use serde_json::json;
use std::time::Duration;

/// A code, and the request that it answers.
fn code(client: &Client, server: &Server) -> (String, Authorization) {
    let authorization = Authorization::new(client);
    let answer = Person::new().approve(&mut Browser::new(server), &authorization);
    (answer.code().to_owned(), authorization)
}

fn is_accepted(server: &Server, access_token: &str) -> bool {
    let response = server.send(&post(access_token, &ping()));
    assert!(matches!(response.status, 200 | 401), "{response}");
    response.status == 200
}

/// RFC 6749 section 5.1.
/// TK-30.
/// MCP-S-50, MCP-S-53.
#[test]
fn tokens_come_with_their_lifetime_and_are_not_kept() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let (code, authorization) = code(&client, &server);
    let response = client.redeem(&code, &authorization.verifier);
    Tokens::of(&response);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let document = response.json();
    assert_eq!(document["expires_in"], json!(900));
    assert_eq!(document["scope"], json!(BASIC));
}

/// RFC 7636 section 4.6. The one who guesses must not take the code from the one who knows.
#[test]
fn wrong_verifier_is_invalid_grant_and_the_right_one_still_works() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let (code, authorization) = code(&client, &server);
    client.redeem(&code, &"x".repeat(43)).expect_oauth_error(400, "invalid_grant");
    client.redeem(&code, &"x".repeat(42)).expect_oauth_error(400, "invalid_grant");
    let missing = client.token(&[
        ("grant_type", "authorization_code"),
        ("client_id", &client.client_id),
        ("redirect_uri", &client.redirect_uri),
        ("code", &code),
    ]);
    assert_eq!(missing.status, 400, "{missing}");
    Tokens::of(&client.redeem(&code, &authorization.verifier));
}

/// RFC 6749 sections 4.1.3 and 10.5.
#[test]
fn code_belongs_to_its_client_and_redirect_uri() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let (code, authorization) = code(&client, &server);
    Client::register(&server).redeem(&code, &authorization.verifier).expect_oauth_error(400, "invalid_grant");
    let elsewhere = Client { redirect_uri: "https://elsewhere.example/".into(), ..client.clone() };
    elsewhere.redeem(&code, &authorization.verifier).expect_oauth_error(400, "invalid_grant");
    Tokens::of(&client.redeem(&code, &authorization.verifier));
}

/// RFC 6749 section 4.1.2. A client that sends the request twice keeps what it was given; a code that
/// turns up again later was stolen, and then everything that it gave is revoked.
#[test]
fn code_is_single_use_and_a_late_second_use_revokes() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let (code, authorization) = code(&client, &server);
    let tokens = Tokens::of(&client.redeem(&code, &authorization.verifier));
    client.redeem(&code, &authorization.verifier).expect_oauth_error(400, "invalid_grant");
    assert!(is_accepted(&server, &tokens.access_token), "at once, it may be the same client");
    std::thread::sleep(Duration::from_millis(11_500));
    client.redeem(&code, &"x".repeat(43)).expect_oauth_error(400, "invalid_grant");
    assert!(is_accepted(&server, &tokens.access_token), "without the verifier, it is not a proof");
    client.redeem(&code, &authorization.verifier).expect_oauth_error(400, "invalid_grant");
    assert!(!is_accepted(&server, &tokens.access_token));
    client.refresh(&tokens.refresh_token).expect_oauth_error(400, "invalid_grant");
}

/// Two at once: one is served.
#[test]
fn code_is_redeemed_once_by_many_at_once() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let (code, authorization) = code(&client, &server);
    let attempts: Vec<_> = (0..8)
        .map(|_| {
            let (client, code, verifier) = (client.clone(), code.clone(), authorization.verifier.clone());
            std::thread::spawn(move || client.redeem(&code, &verifier))
        })
        .collect();
    let responses: Vec<_> = attempts.into_iter().map(|attempt| attempt.join().unwrap()).collect();
    let served: Vec<_> = responses.iter().filter(|response| response.status == 200).collect();
    assert_eq!(served.len(), 1, "{responses:#?}");
    for response in responses.iter().filter(|response| response.status != 200) {
        assert!(matches!(response.status, 400 | 503), "{response}");
    }
    assert!(is_accepted(&server, &Tokens::of(served[0]).access_token));
}

/// RFC 6749 section 5.2, and nothing in it tells which of the reasons it was.
#[test]
fn every_bad_code_gets_the_same_answer() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let (code, authorization) = code(&client, &server);
    let mut answers = vec![client.redeem(&code, &"x".repeat(43))];
    Tokens::of(&client.redeem(&code, &authorization.verifier));
    answers.push(client.redeem(&code, &authorization.verifier));
    for unknown in ["garbage", "a.b.c", &code[..code.len() - 1], &format!("{code}A")] {
        answers.push(client.redeem(unknown, &authorization.verifier));
    }
    let bodies: Vec<String> =
        answers.into_iter().map(|answer| answer.expect_oauth_error(400, "invalid_grant").text()).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:#?}");
}

/// RFC 6749 section 6 and RFC 9700 section 4.14.2.
#[test]
fn refresh_gives_new_tokens_of_the_same_scope() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let first = client.sign_in();
    let second = Tokens::of(&client.refresh(&first.refresh_token));
    assert_ne!(first.refresh_token, second.refresh_token, "a public client's refresh tokens rotate");
    assert_ne!(first.access_token, second.access_token);
    assert_eq!(first.scope, second.scope);
    assert!(is_accepted(&server, &second.access_token));
    let third = Tokens::of(&client.refresh(&second.refresh_token));
    assert!(is_accepted(&server, &third.access_token));
}

/// A client that lost the answer asks again, and does not lose the grant.
#[test]
fn lost_refresh_can_be_repeated_without_forking() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let first = client.sign_in();
    let second = Tokens::of(&client.refresh(&first.refresh_token));
    let again = Tokens::of(&client.refresh(&first.refresh_token));
    assert_eq!(second.refresh_token, again.refresh_token, "the same successor, not a second family");
    Tokens::of(&client.refresh(&second.refresh_token));
}

/// RFC 9700 section 4.14.2: a refresh token that was used long since was stolen, and both holders lose.
#[test]
fn reuse_of_an_old_refresh_token_revokes_the_grant() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let first = client.sign_in();
    let second = Tokens::of(&client.refresh(&first.refresh_token));
    let third = Tokens::of(&client.refresh(&second.refresh_token));
    client.refresh(&first.refresh_token).expect_oauth_error(400, "invalid_grant");
    client.refresh(&third.refresh_token).expect_oauth_error(400, "invalid_grant");
    assert!(!is_accepted(&server, &third.access_token));
}

/// RFC 6749 section 10.4.
#[test]
fn refresh_token_belongs_to_its_client() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let tokens = client.sign_in();
    Client::register(&server).refresh(&tokens.refresh_token).expect_oauth_error(400, "invalid_grant");
    Tokens::of(&client.refresh(&tokens.refresh_token));
}

/// A refresh token is no access token, and the other way round.
#[test]
fn tokens_are_good_for_one_purpose() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let (code, authorization) = code(&client, &server);
    assert!(!is_accepted(&server, &code));
    let tokens = Tokens::of(&client.redeem(&code, &authorization.verifier));
    assert!(!is_accepted(&server, &tokens.refresh_token));
    client.refresh(&tokens.access_token).expect_oauth_error(400, "invalid_grant");
    client.redeem(&tokens.refresh_token, &authorization.verifier).expect_oauth_error(400, "invalid_grant");
}

/// RFC 6749 section 6: less may be asked for, never more.
#[test]
fn refresh_cannot_widen_the_scope() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let tokens = client.sign_in();
    let refresh = |scope: &str| {
        client.token(&[
            ("grant_type", "refresh_token"),
            ("client_id", &client.client_id),
            ("refresh_token", &tokens.refresh_token),
            ("scope", scope),
        ])
    };
    refresh(STATISTICS).expect_oauth_error(400, "invalid_scope");
    refresh(&format!("{BASIC} {STATISTICS}")).expect_oauth_error(400, "invalid_scope");
    assert_eq!(Tokens::of(&refresh(BASIC)).scope, [BASIC]);
}

/// Some clients repeat the resource when they refresh (RFC 8707 section 2.2).
#[test]
fn refresh_takes_the_granted_resource_and_no_other() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let tokens = client.sign_in();
    let refresh = |resource: &str| {
        client.token(&[
            ("grant_type", "refresh_token"),
            ("client_id", &client.client_id),
            ("refresh_token", &tokens.refresh_token),
            ("resource", resource),
        ])
    };
    refresh("https://other.example/mcp").expect_oauth_error(400, "invalid_target");
    Tokens::of(&refresh(&server.url("/mcp")));
}

/// RFC 6749 section 5.2.
/// MCP-S-51.
#[test]
fn malformed_requests_get_the_registered_error() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let client_id = client.client_id.as_str();
    for (fields, error) in [
        (&[("client_id", client_id)][..], "invalid_request"),
        (
            &[("client_id", client_id), ("grant_type", "password"), ("username", "a"), ("password", "b")],
            "unsupported_grant_type",
        ),
        (&[("client_id", client_id), ("grant_type", "authorization_code")], "invalid_request"),
        (&[("client_id", client_id), ("grant_type", "refresh_token")], "invalid_request"),
        (
            &[
                ("client_id", client_id),
                ("client_id", client_id),
                ("grant_type", "refresh_token"),
                ("refresh_token", "x"),
            ],
            "invalid_request",
        ),
        (
            &[
                ("client_id", client_id),
                ("grant_type", "refresh_token"),
                ("refresh_token", "x"),
                ("refresh_token", "x"),
            ],
            "invalid_request",
        ),
        (
            &[("client_id", client_id), ("grant_type", "refresh_token"), ("refresh_token", "garbage")],
            "invalid_grant",
        ),
    ] {
        client.token(fields).expect_oauth_error(400, error);
    }
}

/// RFC 6749 section 5.2: a client that is told this registers anew.
#[test]
fn unknown_client_is_invalid_client() {
    let server = Server::under_test();
    let client = Client { client_id: "nobody".into(), ..Client::register(&server) };
    for response in [client.refresh("x"), client.redeem("x", &"x".repeat(43))] {
        assert!(matches!(response.status, 400 | 401), "{response}");
        assert_eq!(response.json()["error"], json!("invalid_client"), "{response}");
    }
}

/// RFC 6749 section 4.1.3: the endpoint takes forms.
#[test]
fn other_kinds_of_bodies_are_refused() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let document =
        json!({ "grant_type": "refresh_token", "client_id": client.client_id, "refresh_token": "x" });
    let response = server.send(&Request::json("/token", &document));
    assert!(matches!(response.status, 400 | 415), "{response}");
    let form = format!("grant_type=refresh_token&client_id={}&refresh_token=%zz", client.client_id);
    let request = Request::new("POST", "/token").body("application/x-www-form-urlencoded", form);
    server.send(&request).expect_oauth_error(400, "invalid_request");
}

/// RFC 7009 section 2, RS-12: either token ends both at once, and only its own client can do it. The access
/// token was good a moment before, and nothing has kept that.
#[test]
fn revocation_ends_the_grant_on_the_next_request() {
    let server = Server::under_test();
    let client = Client::register(&server);
    for which in 0..2 {
        let tokens = client.sign_in();
        let token = [&tokens.access_token, &tokens.refresh_token][which];
        let revoke = |client: &Client, token: &str| {
            let fields = [("client_id", client.client_id.as_str()), ("token", token)];
            server.send(&Request::form("/revoke", &fields))
        };
        revoke(&Client::register(&server), token).expect(200);
        assert!(is_accepted(&server, &tokens.access_token), "another client's stays good");
        revoke(&client, "garbage").expect(200);
        revoke(&client, "").expect_oauth_error(400, "invalid_request");
        revoke(&client, token).expect(200);
        assert!(!is_accepted(&server, &tokens.access_token));
        client.refresh(&tokens.refresh_token).expect_oauth_error(400, "invalid_grant");
    }
    assert_eq!(server.get("/revoke").expect(405).header("allow"), Some("POST, OPTIONS"));
}

/// Scripts of any page may ask for tokens: no cookie has a part in it.
#[test]
fn token_endpoint_is_open_to_scripts() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let tokens = client.sign_in();
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", client.client_id.as_str()),
        ("refresh_token", tokens.refresh_token.as_str()),
    ];
    let response = server.send(&Request::form("/token", &fields).header("origin", "https://app.example"));
    assert_eq!(response.expect(200).header("access-control-allow-origin"), Some("*"));
}
