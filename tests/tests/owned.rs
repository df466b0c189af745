//! What needs a server of the test's own: to stop it, to read its log, to look into its store.
#![expect(clippy::panic, clippy::unwrap_used, reason = "this is how a test fails")]

#[path = "owned/accounts.rs"]
mod accounts;
#[path = "owned/clients.rs"]
mod clients;
#[path = "owned/documents.rs"]
mod documents;
#[path = "owned/large.rs"]
mod large;
#[path = "owned/limits.rs"]
mod limits;

use postern_tests::host::{State, refused};
use postern_tests::mcp::{McpClient, ping, post};
use postern_tests::oauth::{REDIRECT_URI, register};
use postern_tests::random;
use postern_tests::sqlite::Database;
use postern_tests::{Authorization, Browser, Client, Host, Person, Request, Tokens};
use serde_json::json;

#[path = "owned/deployment.rs"]
mod deployment;
#[path = "owned/streams.rs"]
mod streams;

/// Reads and writes of the store, from a line of the log.
fn store_operations(line: &str) -> (u32, u32) {
    let counts = line.split_once("kv=").and_then(|(_, rest)| rest.split_whitespace().next());
    let counts = counts.and_then(|counts| counts.trim_end_matches('w').split_once("r/"));
    let (reads, writes) = counts.unwrap_or_else(|| panic!("no kv=…r/…w in {line}"));
    (reads.parse().unwrap(), writes.parse().unwrap())
}

/// Nothing that outlives a request is kept in memory.
#[test]
fn grant_and_account_survive_a_restart() {
    let state = State::new();
    let host = Host::start(&state);
    let listen = host.authority().to_owned();
    let client = Client::register(&host);
    let person = Person::new();
    let mut browser = Browser::new(&host);
    let authorization = Authorization::new(&client);
    let answer = person.approve(&mut browser, &authorization);
    let tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
    host.stop();

    let host = Host::start_on(&state, &listen);
    let result = McpClient::connect(&host, &tokens.access_token, "2025-11-25")
        .call_tool("add", json!({ "a": 23, "b": 19 }));
    assert_eq!(result["content"][0]["text"], json!("42"));
    let tokens = Tokens::of(&client.refresh(&tokens.refresh_token));
    host.send(&post(&tokens.access_token, &ping())).expect(200);
    // The browser is still signed in, and the registration still stands.
    person.approve(&mut browser, &Authorization::new(&client)).code();
    // And the account is one that exists, with its own password.
    let mut elsewhere = Browser::new(&host);
    let page = elsewhere.open(&Authorization::new(&client).target()).page();
    let stranger = Person { password: "another".into(), ..person };
    assert!(postern_tests::oauth::is_sign_in(&stranger.sign_in(&mut elsewhere, &page).page()));
}

/// Attack: ask with made-up tokens until the store gives in.
#[test]
fn garbage_token_costs_no_store_operation() {
    let state = State::new();
    let mut host = Host::start(&state);
    for token in ["garbage", "a.b.c"] {
        let skip = host.log_lines();
        host.send(&post(token, &ping())).expect(401);
        if let Some(line) = host.request_line(skip, &["POST /mcp 401"]) {
            assert_eq!(store_operations(&line), (0, 0), "{token}: not even in a new instance");
        }
    }
}

/// The same with a token of the right shape, on a server whose secret is configured. A developer's own
/// server reads the secret that it made from the store, once for every instance that it starts.
#[test]
fn forged_token_costs_no_store_operation_and_a_good_one_two_reads() {
    let state = State::new().with_variable("deployment_secret", &(random() + &random()));
    let mut host = Host::start(&state);
    let good = Client::register(&host).sign_in().access_token;
    let skip = host.log_lines();
    host.send(&post(&good, &ping())).expect(200);
    if let Some(line) = host.request_line(skip, &["POST /mcp 200"]) {
        let (reads, writes) = store_operations(&line);
        assert!(
            (1..=2).contains(&reads) && writes == 0,
            "a good token costs {reads} reads and {writes} writes"
        );
    }

    let forged = format!("{}AAAA", &good[..good.len() - 4]);
    let skip = host.log_lines();
    host.send(&post(&forged, &ping())).expect(401);
    if let Some(line) = host.request_line(skip, &["POST /mcp 401"]) {
        assert_eq!(store_operations(&line), (0, 0));
    }
}

/// The first requests to a developer's server come together, and each wants the secret that is only now
/// being made: all are answered, and with the same one.
#[test]
fn first_requests_may_all_come_at_once() {
    // The bundled host would make the first request itself.
    let state = State::new().with_flags(&["--no-start-check"]);
    let host = Host::start(&state);
    let metadata = json!({ "client_name": "The same", "redirect_uris": [REDIRECT_URI] });
    let client_ids: Vec<String> = std::thread::scope(|scope| {
        let requests: Vec<_> =
            (0..24).map(|_| scope.spawn(|| register(&host, &metadata).expect(201).json())).collect();
        let answers = requests.into_iter().map(|request| request.join().unwrap());
        answers.map(|answer| answer["client_id"].as_str().unwrap().to_owned()).collect()
    });
    assert!(client_ids.iter().all(|id| *id == client_ids[0]), "{client_ids:?}");
}

/// Attack: fill the store without ever signing in.
#[test]
fn nothing_is_stored_before_sign_in() {
    let state = State::new();
    let mut host = Host::start(&state);
    // The first request may write the secret that a developer's server makes for itself.
    host.get("/.well-known/oauth-authorization-server").expect(200);
    let client = Client::register(&host);
    host.request_line(0, &["POST /register 201"]);
    let stored = Database::open(&state).rows();
    let skip = host.log_lines();
    for _ in 0..20 {
        let metadata = json!({ "redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none" });
        register(&host, &metadata).expect(201);
        Browser::new(&host).open(&Authorization::new(&client).target()).page().expect_page(200);
        client.redeem("garbage", &"x".repeat(43)).expect(400);
        client.refresh("garbage").expect(400);
        host.send(&Request::new("GET", "/mcp")).expect(401);
    }
    host.send(&Request::new("GET", "/the-last-one"));
    if host.request_line(skip, &["GET /the-last-one"]).is_some() {
        let log = host.log();
        let lines: Vec<&str> = log.lines().skip(skip).filter(|line| line.contains("kv=")).collect();
        assert!(lines.len() > 100, "{log}");
        for line in lines {
            assert_eq!(store_operations(line).1, 0, "{line}");
        }
    }
    assert!(Database::open(&state).rows() == stored, "something was stored");
}

/// Whoever reads the log or steals the file has no secret and no name (D6 and the seal on every record).
/// MCP-A-23.
#[test]
fn secrets_are_neither_logged_nor_stored() {
    let state = State::new();
    let host = Host::start(&state);
    let client = Client::register(&host);
    let person = Person::new();
    let mut browser = Browser::new(&host);
    let authorization = Authorization::new(&client);
    let answer = person.approve(&mut browser, &authorization);
    let first = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
    let second = Tokens::of(&client.refresh(&first.refresh_token));
    host.send(&post(&second.access_token, &ping())).expect(200);
    host.send(&Request::new("GET", &format!("/mcp?access_token={}", second.access_token)));
    let log = host.stop();
    let stored = state.bytes();
    assert!(stored.len() > 1000, "the store is where it is looked for");

    let cookies = browser.cookies().expect("a signed-in browser");
    let mut secrets = vec![
        ("password", person.password.clone()),
        ("code", answer.code().to_owned()),
        ("code verifier", authorization.verifier.clone()),
        ("state", authorization.state.clone()),
        ("first access token", first.access_token),
        ("first refresh token", first.refresh_token),
        ("second access token", second.access_token),
        ("second refresh token", second.refresh_token),
        ("e-mail address", person.email),
    ];
    secrets.extend(
        cookies
            .split("; ")
            .filter_map(|pair| pair.split_once('='))
            .map(|(_, value)| ("cookie", value.to_owned())),
    );
    for (what, secret) in secrets {
        assert!(!log.contains(&secret), "the {what} is in the log:\n{log}");
        let secret = secret.as_bytes();
        assert!(!stored.windows(secret.len()).any(|window| window == secret), "the {what} is in the store");
    }
}

/// Two servers share nothing but the machine.
#[test]
fn servers_with_their_own_state_know_nothing_of_each_other() {
    let (here, there) = (State::new(), State::new());
    let (here, there) = (Host::start(&here), Host::start(&there));
    let client = Client::register(&here);
    let tokens = client.sign_in();
    here.send(&post(&tokens.access_token, &ping())).expect(200);
    there.send(&post(&tokens.access_token, &ping())).expect(401);
    let stranger = Client { server: (*there).clone(), ..client };
    stranger.refresh(&tokens.refresh_token).expect_oauth_error(401, "invalid_client");
    Browser::new(&there).open(&Authorization::new(&stranger).target()).page().expect_page(400);
}

/// RFC 8707 section 2: a token that was given for another address of the same store is not for here.
/// MCP-S-47.
#[test]
fn token_for_another_resource_is_refused() {
    let state = State::new();
    let here = Host::start(&state);
    let tokens = Client::register(&here).sign_in();
    here.stop();
    let there = Host::start(&state);
    let response = there.send(&post(&tokens.access_token, &ping())).expect(401);
    assert!(response.expect_header("www-authenticate").contains("error=\"invalid_token\""), "{response}");
}

/// A newcomer has something on port 3000 already. That is a sentence, not a backtrace.
#[test]
fn busy_port_is_a_sentence() {
    let (state, other) = (State::new(), State::new());
    let host = Host::start(&state);
    let (success, said) = refused(&other, host.authority());
    assert!(!success, "{said}");
    assert!(said.contains(host.port()), "it names the address: {said}");
    assert!(said.contains("use") && !said.contains("panicked"), "it says what is wrong: {said}");
}

/// The log says what a request cost, and nothing of what it carried.
#[test]
fn every_request_is_a_line_in_the_log() {
    let state = State::new();
    let mut host = Host::start(&state);
    let skip = host.log_lines();
    host.get("/.well-known/oauth-authorization-server?secret=1").expect(200);
    if let Some(line) = host.request_line(skip, &["GET /.well-known/oauth-authorization-server 200"]) {
        assert!(!line.contains("secret"), "{line}");
        store_operations(&line);
    }
    assert!(!host.log().contains("secret=1"), "{}", host.log());
}

/// Who asks for help gives the trace id of the page, and the operator finds it in the log. A proxy in front may
/// have given the request one already.
#[test]
fn trace_id_of_an_error_page_is_in_the_log() {
    let state = State::new();
    let mut host = Host::start(&state);
    let page = host.send(&Request::new("GET", "/authorize?client_id=nobody").header("accept", "text/html"));
    let page = page.expect_page(400);
    let trace = page.expect_header("x-trace-id").to_owned();
    assert!(page.text().contains(&trace), "{page}");
    host.log_line(0, &["refused: /authorize", &format!("trace={trace}")]);

    let given = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = Request::new("GET", "/authorize").header("accept", "text/html");
    let request = request.header("traceparent", &format!("00-{given}-00f067aa0ba902b7-01"));
    let page = host.send(&request).expect_page(400);
    assert_eq!(page.expect_header("x-trace-id"), given);
    host.log_line(0, &["refused: /authorize", &format!("trace={given}")]);
}

/// An operator makes the pages their own without a rebuild, and a mistake in that is named.
#[test]
fn pages_have_the_operators_name() {
    let state = State::new()
        .with_variable("server_name", "Weather Desk")
        .with_variable("accent_color", "#b00020")
        .with_variable("support_url", "mailto:help@example.com");
    let host = Host::start(&state);
    let page = host.get("/").expect_page(200).text();
    for part in ["Weather Desk", host.authority(), "#b00020", "href=\"mailto:help@example.com\""] {
        assert!(page.contains(part), "no {part}: {page}");
    }
    host.stop();
    let state = state.with_variable("accent_color", "red");
    let mut host = Host::start(&state);
    host.get("/").expect_page(500);
    host.log_line(0, &["accent_color: ", "trace="]);
}
