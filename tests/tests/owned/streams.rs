//! Sessions and streams of a server of the test's own: restarts, short tokens and low limits.

use postern_tests::host::State;
use postern_tests::http::Stream;
use postern_tests::mcp::{McpClient, ping};
use postern_tests::{Client, Host, Request, Tokens};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Opens an `/sse` stream, and returns where to post to.
fn open(host: &Host, token: &str) -> (Stream, String) {
    let mut stream =
        host.open(&Request::new("GET", "/sse").header("accept", "text/event-stream").bearer(token));
    let read = stream.read_until("\n\n").to_owned();
    let endpoint = read.lines().find_map(|line| line.strip_prefix("data: "));
    let endpoint = endpoint.unwrap_or_else(|| panic!("no endpoint in {read}")).to_owned();
    (stream, endpoint)
}

fn post(host: &Host, endpoint: &str, token: &str, message: &Value) -> u16 {
    host.send(&Request::json(endpoint, message).bearer(token)).status
}

/// C24: a client learns with its next POST that nothing holds its stream any more. The bound is generous; it used to
/// take three quarters of a minute.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test gives up after a while")]
fn session_of_a_killed_host_is_gone_with_the_next_post() {
    let state = State::new();
    let host = Host::start(&state);
    let listen = host.authority().to_owned();
    let token = Client::register(&host).sign_in().access_token;
    let (_stream, endpoint) = open(&host, &token);
    assert_eq!(post(&host, &endpoint, &token, &ping()), 202);
    host.kill();

    let host = Host::start_on(&state, &listen);
    let begun = Instant::now();
    assert_eq!(post(&host, &endpoint, &token, &ping()), 404);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let (mut stream, endpoint) = open(&host, &token);
    assert_eq!(post(&host, &endpoint, &token, &ping()), 202);
    stream.read_until(r#""name":"add""#);
}

/// C25: the stream outlives the token that opened it, and ends when the user's permission does.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test gives up after a while")]
fn stream_outlives_its_token_and_ends_with_its_grant() {
    let state = State::new().with_variable("access_token_lifetime", "1m");
    let host = Host::start(&state);
    let client = Client::register(&host);
    let first = client.sign_in();
    let (mut stream, endpoint) = open(&host, &first.access_token);
    let begun = Instant::now();
    while post(&host, &endpoint, &first.access_token, &ping()) == 202 {
        assert!(begun.elapsed() < Duration::from_secs(120), "the token does not expire");
        std::thread::sleep(Duration::from_secs(5));
    }
    std::thread::sleep(Duration::from_secs(10));
    let second = Tokens::of(&client.refresh(&first.refresh_token));
    let message = json!({ "jsonrpc": "2.0", "id": "after", "method": "tools/list" });
    assert_eq!(post(&host, &endpoint, &second.access_token, &message), 202);
    stream.read_until(r#""id":"after""#);

    let form = [("client_id", client.client_id.as_str()), ("token", second.refresh_token.as_str())];
    host.send(&Request::form("/revoke", &form)).expect(200);
    stream.read_to_end();
}

/// C4: a session with an open stream outlives any number of others of the same client.
#[test]
fn session_with_an_open_stream_stays() {
    let state = State::new().with_variable("sessions_per_connection", "4");
    let host = Host::start(&state);
    let token = Client::register(&host).sign_in().access_token;
    let initialize = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } } });
    let request = Request::json("/mcp", &initialize)
        .header("accept", "application/json, text/event-stream")
        .bearer(&token);
    let session = host.send(&request).expect(200).expect_header("mcp-session-id").to_owned();
    let of_session = |request: Request| request.header("mcp-session-id", &session).bearer(&token);
    let get = Request::new("GET", "/mcp").header("accept", "text/event-stream");
    let mut stream = host.open(&of_session(get));
    stream.read_until("\n\n");
    for _ in 0..12 {
        host.send(&request).expect(200).expect_header("mcp-session-id");
    }
    let message = Request::json("/mcp", &ping()).header("accept", "application/json, text/event-stream");
    host.send(&of_session(message)).expect(200);
}

/// S2: one user's streams give way to each other, in each protocol's own way; and another user's do not.
#[test]
fn streams_of_one_user_give_way_to_each_other() {
    let state = State::new().with_variable("streams_per_user", "2");
    let host = Host::start(&state);
    let client = Client::register(&host);
    let (token, other) = (client.sign_in().access_token, client.sign_in().access_token);
    let (mut others, _) = open(&host, &other);
    let listener = McpClient::connect(&host, &token, "2026-07-28");
    let wanted = json!({ "notifications": { "toolsListChanged": true } });
    let mut listening = host.open(&listener.request("subscriptions/listen", wanted));
    listening.read_until("notifications/subscriptions/acknowledged");
    let (mut old, _) = open(&host, &token);
    let _newer = [open(&host, &token), open(&host, &token)];
    assert!(listening.read_to_end().contains(r#""resultType":"complete""#));
    old.read_to_end();
    others.read_until("\n:\n");
}
