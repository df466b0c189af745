//! `/authorize`: what it refuses on a page, what it refuses to the client, and what it answers.

use postern_tests::html::{decode, forms};
use postern_tests::oauth::{BASIC, REDIRECT_URI, STATISTICS, is_sign_in, register};
use postern_tests::{Authorization, Browser, Client, Person, Request, Server, Tokens};
use serde_json::json;

/// What comes of a request that is refused before a person is asked. A browser is not sent to a client that nobody has
/// approved (RFC 9700 section 4.11.2): its page names the destination, and has a link with the error for the client.
#[track_caller]
fn refusal(server: &Server, authorization: &Authorization, error: &str) {
    let page = Browser::new(server).open(&authorization.target()).page().expect_page(400).text();
    assert!(page.contains("127.0.0.1:6274"), "the destination: {page}");
    let mut links = page.split("<a href=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(decode);
    let url = links.find(|link| link.starts_with(REDIRECT_URI)).unwrap_or_default();
    authorization.answer(server, &url).expect_error(error);
}

/// RFC 9700 section 4.11.2: a person who approved the client is sent back to it, and a program gets a document.
#[test]
fn error_sends_a_browser_to_a_client_that_its_user_approved() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let wrong = Authorization::new(&client).without("response_type");
    refusal(&server, &wrong, "invalid_request");
    let mut browser = Browser::new(&server);
    Person::new().approve(&mut browser, &Authorization::new(&client)).code();
    let url = browser.open(&wrong.target()).elsewhere();
    wrong.answer(&server, &url).expect_error("invalid_request");
    let program = Request::new("GET", &wrong.target()).header("accept", "application/json");
    server.send(&program).expect_oauth_error(400, "invalid_request");
}

/// RFC 6749 section 4.1.2.1: nobody may be sent to an address that no client registered.
#[test]
fn unknown_client_is_a_page_and_no_redirect() {
    let server = Server::under_test();
    let authorization = Authorization::new(&Client::register(&server));
    for client_id in ["nobody", "https://evil.example/client", "0", "<b>"] {
        let request = authorization.clone().with("client_id", client_id);
        Browser::new(&server).open(&request.target()).page().expect_page(400);
    }
    Browser::new(&server).open(&authorization.without("client_id").target()).page().expect_page(400);
}

/// A program asks beforehand whether its registration still stands, and registers anew if told that it
/// does not.
#[test]
fn unknown_client_is_an_error_document_to_a_program() {
    let server = Server::under_test();
    let authorization = Authorization::new(&Client::register(&server));
    let ask = |authorization: &Authorization| {
        server.send(&Request::new("GET", &authorization.target()).header("accept", "application/json"))
    };
    let response = ask(&authorization.clone().with("client_id", "nobody"));
    assert!(matches!(response.status, 400 | 401), "{response}");
    assert_eq!(response.json()["error"], json!("invalid_client"), "{response}");
    let response = ask(&authorization);
    assert!(!matches!(response.status, 400 | 401), "a known client is told nothing of the kind: {response}");
}

/// RFC 6749 section 3.1.2.4; RFC 9700 section 4.1.3: compared as text, not as a prefix or a pattern.
#[test]
fn unregistered_redirect_uri_is_a_page_and_no_redirect() {
    let server = Server::under_test();
    let client = Client::register_for(&server, "https://app.example/callback");
    for redirect_uri in [
        "https://evil.example/callback",
        "https://app.example/callback/",
        "https://app.example/callback?x=1",
        "https://app.example/callback/../evil",
        "https://app.example:444/callback",
        "https://app.example.evil.example/callback",
        "https://app.example@evil.example/callback",
        "http://app.example/callback",
        "HTTPS://app.example/callback",
        "https://app.example/Callback",
        "javascript:alert(1)",
    ] {
        let request = Authorization::new(&client).with("redirect_uri", redirect_uri);
        Browser::new(&server).open(&request.target()).page().expect_page(400);
    }
}

/// RFC 8252 section 7.3: a native program listens on whatever port is free that day. The host is the
/// registered one all the same.
#[test]
fn loopback_redirect_uri_matches_on_any_port() {
    let server = Server::under_test();
    for host in ["127.0.0.1", "[::1]", "localhost"] {
        let client = Client::register_for(&server, &format!("http://{host}:3334/oauth/callback"));
        for port in [":51234", ""] {
            let redirect_uri = format!("http://{host}{port}/oauth/callback");
            let authorization = Authorization::new(&client).with("redirect_uri", &redirect_uri);
            let answer = Person::new().approve(&mut Browser::new(&server), &authorization);
            let client = Client { redirect_uri, ..client.clone() };
            Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
        }
        for redirect_uri in [
            format!("http://{host}:51234/elsewhere"),
            format!("https://{host}:51234/oauth/callback"),
            format!("http://{host}.evil.example:51234/oauth/callback"),
            "http://127.0.0.2:51234/oauth/callback".to_owned(),
        ] {
            let request = Authorization::new(&client).with("redirect_uri", &redirect_uri);
            Browser::new(&server).open(&request.target()).page().expect_page(400);
        }
    }
}

/// RFC 6749 section 3.1: parameters must not occur more than once.
#[test]
fn repeated_parameter_is_refused() {
    let server = Server::under_test();
    let client = Client::register(&server);
    for (name, value) in [("client_id", client.client_id.as_str()), ("redirect_uri", REDIRECT_URI)] {
        let request = Authorization::new(&client).and(name, value);
        Browser::new(&server).open(&request.target()).page().expect_page(400);
    }
    for (name, value) in [("scope", BASIC), ("code_challenge_method", "S256"), ("response_type", "code")] {
        refusal(&server, &Authorization::new(&client).and(name, value), "invalid_request");
    }
}

/// RFC 9700 section 2.1.1: without PKCE, and with a challenge that gives the verifier away, there is
/// no code.
#[test]
fn pkce_with_s256_is_required() {
    let server = Server::under_test();
    let authorization = Authorization::new(&Client::register(&server));
    let missing = authorization.clone().without("code_challenge").without("code_challenge_method");
    refusal(&server, &missing, "invalid_request");
    refusal(&server, &authorization.clone().with("code_challenge_method", "plain"), "invalid_request");
    refusal(&server, &authorization.clone().with("code_challenge_method", "s256"), "invalid_request");
    refusal(&server, &authorization.clone().with("code_challenge", "short"), "invalid_request");
    // Without a method, RFC 7636 section 4.3 means `plain`.
    refusal(&server, &authorization.without("code_challenge_method"), "invalid_request");
}

/// RFC 6749 section 4.1.2.1; RFC 9700 section 2.1.2.
#[test]
fn only_the_code_response_type_is_supported() {
    let server = Server::under_test();
    let authorization = Authorization::new(&Client::register(&server));
    for response_type in ["token", "id_token", "code token"] {
        let request = authorization.clone().with("response_type", response_type);
        refusal(&server, &request, "unsupported_response_type");
    }
    refusal(&server, &authorization.without("response_type"), "invalid_request");
}

/// RFC 8707 section 2.
#[test]
fn foreign_resource_is_invalid_target() {
    let server = Server::under_test();
    let authorization = Authorization::new(&Client::register(&server));
    for resource in ["https://other.example/mcp", &server.url("/mcpx"), "mcp", &server.url("/mcp#x")] {
        refusal(&server, &authorization.clone().with("resource", resource), "invalid_target");
    }
}

/// Clients that know nothing of RFC 8707 say nothing of a resource; there is one to mean.
/// MCP-S-49.
#[test]
fn resource_may_be_left_out() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let authorization = Authorization::new(&client).without("resource");
    let answer = Person::new().approve(&mut Browser::new(&server), &authorization);
    let tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
    let tools = postern_tests::mcp::McpClient::connect(&server, &tokens.access_token, "2025-11-25").tools();
    assert!(tools.contains(&"add".to_owned()), "{tools:?}");
}

/// RFC 6749 section 4.1.2 and RFC 9207 section 2, on both ways out. [`Authorization::answer`] compares.
#[test]
fn state_comes_back_byte_for_byte() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let states =
        ["a b+c%20&d=e;f/?#\"'<>\\", "ümläut €", "%%%41", "x".repeat(900).as_str()].map(str::to_owned);
    for state in states {
        let authorization = Authorization::new(&client).with("state", &state);
        let mut browser = Browser::new(&server);
        let person = Person::new();
        person.approve(&mut browser, &authorization).code();
        person.deny(&mut browser, &authorization).expect_error("access_denied");
        refusal(&server, &authorization.without("code_challenge"), "invalid_request");
    }
}

/// RFC 6749 sections 3.1.2.3 and 4.1.3: who registered one address need not name it, neither here nor
/// at the token endpoint. An empty value is the same as none.
#[test]
fn only_redirect_uri_may_be_left_out() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let authorization = Authorization::new(&client);
    for request in
        [authorization.clone().without("redirect_uri"), authorization.clone().with("redirect_uri", "")]
    {
        let mut browser = Browser::new(&server);
        let form = Person::new().consent_form(&mut browser, &request);
        let url = browser.submit(&form, Some("approve")).elsewhere();
        let answer = authorization.answer(&server, &url);
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", client.client_id.as_str()),
            ("code", answer.code()),
            ("code_verifier", authorization.verifier.as_str()),
        ];
        Tokens::of(&client.token(&fields));
    }
}

/// RFC 6749 section 3.1.2: a query that the client registered stays.
#[test]
fn redirect_uri_keeps_its_own_query() {
    let server = Server::under_test();
    let client = Client::register_for(&server, "https://app.example/callback?tenant=a%20b");
    let authorization = Authorization::new(&client);
    let answer = Person::new().approve(&mut Browser::new(&server), &authorization);
    Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
}

/// RFC 6749 section 4.1.2.1.
#[test]
fn deny_sends_access_denied() {
    let server = Server::under_test();
    let authorization = Authorization::new(&Client::register(&server));
    Person::new().deny(&mut Browser::new(&server), &authorization).expect_error("access_denied");
}

/// Clients ask for `openid email profile` when they know no better. RFC 6749 section 3.3 lets a server
/// grant less.
#[test]
fn unknown_scopes_are_dropped() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let authorization = Authorization::new(&client).with("scope", &format!("openid {BASIC} email profile"));
    let answer = Person::new().approve(&mut Browser::new(&server), &authorization);
    let tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
    assert_eq!(tokens.scope, [BASIC]);
}

/// What a client should ask for first is what it gets when it asks for nothing that is known.
#[test]
fn scope_may_be_left_out() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let authorization = Authorization::new(&client).without("scope");
    let answer = Person::new().approve(&mut Browser::new(&server), &authorization);
    let tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
    assert!(tokens.scope.contains(&BASIC.to_owned()), "{tokens:?}");
}

/// The person decides, scope by scope.
#[test]
fn unticked_scope_is_not_granted() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let authorization = Authorization::new(&client).with("scope", &format!("{BASIC} {STATISTICS}"));
    let mut browser = Browser::new(&server);
    let mut form = Person::new().consent_form(&mut browser, &authorization);
    let offered: Vec<&str> = form
        .controls
        .iter()
        .filter(|control| control.name == "scope")
        .map(|control| control.value.as_str())
        .collect();
    assert_eq!(offered, [BASIC, STATISTICS]);
    assert!(form.controls.iter().filter(|control| control.name == "scope").all(|control| control.checked));
    form.untick("scope", STATISTICS);
    let url = browser.submit(&form, Some("approve")).elsewhere();
    let answer = authorization.answer(&server, &url);
    let tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
    assert_eq!(tokens.scope, [BASIC]);
}

/// Attack: a form that was tampered with asks for more than the client did.
#[test]
fn consent_cannot_grant_what_was_not_asked_for() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let authorization = Authorization::new(&client);
    let mut browser = Browser::new(&server);
    let mut form = Person::new().consent_form(&mut browser, &authorization);
    let mut control = form.find("scope").unwrap().clone();
    control.value = STATISTICS.to_owned();
    form.controls.push(control);
    match browser.submit(&form, Some("approve")) {
        postern_tests::Landing::Page(page) => assert!((400..500).contains(&page.status), "{page}"),
        postern_tests::Landing::Elsewhere(url) => {
            let answer = authorization.answer(&server, &url);
            let tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
            assert_eq!(tokens.scope, [BASIC]);
        }
    }
}

/// Consent is asked for every time, also of somebody who is signed in: a page must not be able to get
/// a code by sending a person here.
#[test]
fn signed_in_person_is_asked_for_consent_and_not_for_the_password() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let mut browser = Browser::new(&server);
    let person = Person::new();
    person.approve(&mut browser, &Authorization::new(&client));
    let again = Authorization::new(&client);
    let page = browser.open(&again.target()).page().expect_page(200);
    assert!(!is_sign_in(&page), "{page}");
    assert!(forms(&page.text()).iter().any(|form| form.find("decision").is_some()), "{page}");
    person.approve(&mut browser, &again).code();
}

/// Attack: a client calls itself something that is markup. It is shown, and it is text.
#[test]
fn what_a_client_says_of_itself_is_text_on_the_page() {
    let server = Server::under_test();
    let metadata = json!({
        "client_name": "<script>alert(1)</script>\"'&",
        "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "none",
    });
    let response = register(&server, &metadata);
    if response.status == 400 {
        return;
    }
    let client_id = response.expect(201).json()["client_id"].as_str().unwrap().to_owned();
    let authorization = Authorization::new(&Client::register(&server)).with("client_id", &client_id);
    let page = Person::new().consent_page(&mut Browser::new(&server), &authorization).text();
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;") || page.contains("&#60;script&#62;"), "{page}");
}

/// The page says where it will send the person, because a name can be anybody's.
/// MCP-S-60.
#[test]
fn consent_page_names_the_client_and_where_it_sends_the_person() {
    let server = Server::under_test();
    let client = Client::register_for(&server, "https://app.example/callback");
    let page = Person::new().consent_page(&mut Browser::new(&server), &Authorization::new(&client)).text();
    assert!(page.contains("Black-box test"), "{page}");
    assert!(page.contains("app.example"), "{page}");
    assert!(page.contains("add"), "the tools that a scope unlocks: {page}");
}

/// OpenID Connect Core sections 3.1.2.1 and 3.1.2.6: a client may ask whether there is an answer without
/// anybody being asked, and is told why there is none.
#[test]
fn prompt_none_is_answered_without_a_page() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let silent = Authorization::new(&client).with("prompt", "none");
    refusal(&server, &silent, "login_required");
    refusal(&server, &silent.clone().with("prompt", "none login"), "invalid_request");
    let mut browser = Browser::new(&server);
    Person::new().approve(&mut browser, &Authorization::new(&client)).code();
    let url = browser.open(&silent.target()).elsewhere();
    silent.answer(&server, &url).expect_error("consent_required");
}

/// The same: somebody who is signed in signs in again, once, and comes to the decision.
#[test]
fn prompt_login_and_max_age_ask_for_the_password_once() {
    let server = Server::under_test();
    let client = Client::register(&server);
    for (name, value) in [("prompt", "login"), ("max_age", "0")] {
        let (person, mut browser) = (Person::new(), Browser::new(&server));
        person.approve(&mut browser, &Authorization::new(&client)).code();
        let authorization = Authorization::new(&client).with(name, value);
        let page = browser.open(&authorization.target()).page().expect_page(200);
        assert!(is_sign_in(&page), "{name}={value}: {page}");
        let consent = person.sign_in(&mut browser, &page).page().expect_page(200);
        assert!(!is_sign_in(&consent), "{consent}");
        person.approve(&mut browser, &authorization).code();
    }
}

/// The same: what the client knows of the person is in the field already, through both components.
#[test]
fn login_hint_is_filled_in() {
    let server = Server::under_test();
    let authorization = Authorization::new(&Client::register(&server));
    let authorization = authorization.with("login_hint", "somebody@example.com");
    let page = Browser::new(&server).open(&authorization.target()).page().expect_page(200);
    let form = postern_tests::oauth::sign_in_form(&page);
    assert_eq!(form.find("email").map(|field| field.value.as_str()), Some("somebody@example.com"), "{page}");
}

/// A person whose application kept a registration of another server is told which it is, and what to do.
#[test]
fn stale_client_is_told_how_to_begin_again() {
    let server = Server::under_test();
    let stale = Authorization::new(&Client::register(&server)).with("client_id", "postern_cl_gone");
    for (redirect_uri, way) in [
        ("http://localhost:3334/oauth/callback", "~/.mcp-auth"),
        ("https://claude.ai/api/mcp/auth_callback", "Claude"),
        ("http://127.0.0.1:33418/", "VS Code"),
        ("https://app.example/callback", "remove this server and add it again"),
    ] {
        let request = stale.clone().with("redirect_uri", redirect_uri);
        let page = Browser::new(&server).open(&request.target()).page().expect_page(400);
        assert!(page.text().contains(way), "{redirect_uri}: {page}");
    }
}
