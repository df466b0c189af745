//! What one user or one stranger can take from the others on the bundled host. SECURITY.md has the bounds.
//!
//! Spin has none of these limits, so on another host there is nothing to look at.

use postern_tests::host::{State, is_bundled};
use postern_tests::http::Connection;
use postern_tests::mcp::McpClient;
use postern_tests::{Client, Host, Request};
use serde_json::json;

/// Few places, so that few connections would take them all.
fn small() -> State {
    State::new().with_flags(&["--max-concurrent-requests", "16"])
}

/// That a user is served, again and again.
#[track_caller]
fn assert_served(host: &Host, token: &str) {
    let client = McpClient::connect(host, token, "2026-07-28");
    for _ in 0..10 {
        let result = client.call_tool("add", json!({ "a": 23, "b": 19 }));
        assert_eq!(result.pointer("/content/0/text"), Some(&json!("42")));
    }
}

/// S2: a user who opens as many streams as there are places has a share of them, and the others are served.
#[test]
fn one_users_streams_leave_room_for_others() {
    if !is_bundled() {
        return;
    }
    let state = small();
    let host = Host::start(&state);
    let client = Client::register(&host);
    let (greedy, other) = (client.sign_in().access_token, client.sign_in().access_token);
    let listen = Request::new("GET", "/sse").header("accept", "text/event-stream").bearer(&greedy);
    let mut streams: Vec<_> = (0..16).map(|_| host.open(&listen)).collect();
    assert_served(&host, &other);
    let statuses: Vec<String> = streams
        .iter_mut()
        .map(|stream| stream.read_until("\r\n").split(' ').nth(1).unwrap_or_default().to_owned())
        .collect();
    let open = statuses.iter().filter(|status| *status == "200").count();
    assert!((1..=4).contains(&open), "{statuses:?}");
    assert!(statuses.iter().all(|status| status == "200" || status == "429"), "{statuses:?}");
    assert_served(&host, &other);
}

/// S15: a stranger who sends half of a body on as many connections as there are places takes none of them.
#[test]
fn half_sent_bodies_take_no_place() {
    if !is_bundled() {
        return;
    }
    let state = small();
    let host = Host::start(&state);
    let token = Client::register(&host).sign_in().access_token;
    let half = format!(
        "POST /token HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 1000\r\n\r\ngrant_type=",
        host.authority()
    );
    std::thread::scope(|scope| {
        let host = &host;
        let slow: Vec<_> = (0..40).map(|_| scope.spawn(|| host.send_raw(half.as_bytes()))).collect();
        assert_served(host, &token);
        for answer in slow {
            let answer = answer.join().unwrap().unwrap_or_default();
            assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
        }
    });
}

/// S3: large calls at once take no more memory than the host may use. Those for which there is none are told to come
/// back.
#[cfg(target_os = "linux")]
#[test]
fn large_calls_at_once_have_a_bound_of_memory() {
    if !is_bundled() {
        return;
    }
    const BOUND_MIB: usize = 128;
    // The process itself, compiled code and the bodies.
    const HOST_MIB: usize = 192;
    let state = State::new().with_flags(&["--max-total-memory", "128"]);
    let host = Host::start(&state);
    let token = Client::register(&host).sign_in_with("math:basic math:statistics").access_token;
    let numbers: Vec<u32> = (0..130_000).collect();
    let call = McpClient::connect(&host, &token, "2026-07-28")
        .request("tools/call", json!({ "name": "statistics", "arguments": { "numbers": numbers } }));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let (host, call) = (&host, &call);
        let calls: Vec<_> = (0..24)
            .map(|_| {
                scope.spawn(|| {
                    let response = host.send(call);
                    if response.status == 503 {
                        response.expect_header("retry-after");
                    }
                    response.status
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    assert!(statuses.contains(&200), "{statuses:?}");
    let peak = host.peak_memory() >> 20;
    assert!(peak < BOUND_MIB + HOST_MIB, "{peak} MiB");
    assert_served(&host, &token);
}

/// P7, C13: clients that send everything before they read see that it was too much, wherever it was refused, and can
/// use the connection for their next request.
#[test]
fn refusal_of_a_large_body_reaches_clients_that_read_last() {
    if !is_bundled() {
        return;
    }
    let state = State::new();
    let host = Host::start(&state);
    let token = Client::register(&host).sign_in().access_token;
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(4 << 20));
    let post = |target: &str| Request::new("POST", target).body("application/json", large.clone());
    for (request, status) in [
        (post("/register"), 413),
        (post("/token"), 400),
        (post("/mcp").bearer(&token), 413),
        (post("/mcp"), 401),
        (post("/nowhere"), 404),
    ] {
        for _ in 0..3 {
            let mut connection = Connection::open(&host);
            connection.send(&request).expect(status);
            connection.send(&Request::new("GET", "/.well-known/oauth-authorization-server")).expect(200);
        }
    }
}
