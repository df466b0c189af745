//! How many sessions a client has, and which of them give way to others.

use crate::bench::{Bench, Request, error, result};
use crate::sessions::{Client, everything, initialize};
use mcp_core::UserLimits;
use serde_json::json;

fn with_sessions(sessions_per_connection: u16) -> Bench {
    let limits = UserLimits { sessions_per_connection, ..UserLimits::default() };
    Bench::with(|shared| shared.user_limits.set(limits))
}

/// C4, MCP-L-41, SS-04: a fixed number for a grant; the one that was used longest ago gives way.
#[test]
fn sessions_of_a_grant_are_bounded() {
    let bench = Bench::new();
    let clients: Vec<_> = (0..32).map(|_| Client::connect(&bench, "2025-11-25")).collect();
    for client in &clients {
        result(&client.send("ping", json!({})));
    }
    bench.later.set(20 * 60 * 1000);
    for (number, client) in clients.iter().enumerate() {
        if number != 3 {
            result(&client.send("ping", json!({})));
        }
    }
    let keys = bench.store.snapshot().len();
    let newest = Client::connect(&bench, "2025-11-25");
    assert_eq!(bench.store.snapshot().len(), keys);
    for (number, client) in clients.iter().enumerate() {
        assert_eq!(client.send("ping", json!({})).status.as_u16(), if number == 3 { 404 } else { 200 });
    }
    result(&newest.send("ping", json!({})));
    bench.later.set(30 * 60 * 60 * 1000);
    assert_eq!(Client { token: "everlasting", ..newest }.send("ping", json!({})).status, 404);
}

/// C4: neither an open stream, nor a running call, nor a request a moment ago is of a session that goes. When all are
/// in use, a client is served without one, as is any that looks after none; over HTTP+SSE, which takes one, it is told.
#[test]
fn session_in_use_never_gives_way() {
    let bench = with_sessions(3);
    let [listens, calls, asks] = [(); 3].map(|()| Client::connect(&bench, "2025-11-25"));
    let mut listening = listens.open(listens.get());
    listening.event().unwrap();
    let mut calling = calls.call("asks-to-fill-in");
    calling.message().unwrap();
    for _ in 0..30 {
        listening.expect_sign_of_life();
    }
    assert!(bench.later.get() > 120_000);
    result(&asks.send("ping", json!({})));
    for _ in 0..2 {
        let reply = bench.send(initialize("2025-11-25", everything()));
        assert!(!reply.headers.contains_key("mcp-session-id"));
        let capabilities = result(&reply)["capabilities"].take();
        assert!(capabilities["tools"].is_object() && capabilities.get("logging").is_none());
        let over_sse =
            bench.send(Request::get("/sse").header("accept", "text/event-stream").token("lasting"));
        assert_eq!((over_sse.status.as_u16(), error(&over_sse).1), (429, -32600));
        assert!(over_sse.headers.contains_key("retry-after"));
    }
    assert!(bench.log.borrow()[0].contains("sessions_per_connection"), "{:?}", bench.log.borrow());
    for client in [&listens, &calls, &asks] {
        result(&client.send("ping", json!({})));
    }
    // Who has not asked for anything for a while makes room; the others stay.
    for _ in 0..30 {
        listening.expect_sign_of_life();
    }
    Client::connect(&bench, "2025-11-25");
    assert_eq!(asks.send("ping", json!({})).status, 404);
    result(&listens.send("ping", json!({})));
    result(&calls.send("ping", json!({})));
}

/// C4: clients that shake hands again and again hold up none that works.
#[test]
fn handshakes_without_a_request_give_way_to_each_other() {
    let bench = with_sessions(3);
    let works = Client::connect(&bench, "2025-11-25");
    result(&works.send("ping", json!({})));
    for _ in 0..10 {
        let newest = Client::connect(&bench, "2025-11-25");
        assert!(!newest.session.is_empty());
    }
    result(&works.send("ping", json!({})));
}

/// C4: an operator who lowers the limit loses no session in use for it.
#[test]
fn limit_of_sessions_may_be_lowered() {
    let bench = with_sessions(5);
    let clients: Vec<_> = (0..5).map(|_| Client::connect(&bench, "2025-11-25")).collect();
    bench.user_limits.set(UserLimits { sessions_per_connection: 2, ..UserLimits::default() });
    result(&clients[0].send("ping", json!({})));
    let newest = Client::connect(&bench, "2025-11-25");
    result(&newest.send("ping", json!({})));
    result(&clients[0].send("ping", json!({})));
}

/// S17: two that begin the first session of a grant at the same time both have one, however long the store takes with
/// any operation of either.
#[test]
fn first_sessions_of_a_grant_do_not_depend_on_time() {
    for pause_after in 0..80 {
        let bench = Bench::new();
        let mut slow = Box::pin(bench.begin(initialize("2025-11-25", everything())));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut done = None;
        for _ in 0..pause_after {
            if let std::task::Poll::Ready(reply) = slow.as_mut().poll(&mut context) {
                done = Some(reply);
                break;
            }
        }
        let reply = bench.send(initialize("2025-11-25", everything()));
        // It may have to be tried again, but what was told holds.
        let fast = reply.headers.get("mcp-session-id").cloned();
        let slow_reply = done.unwrap_or_else(|| bench.run(slow));
        let sessions = [fast, slow_reply.headers.get("mcp-session-id").cloned()];
        assert!(sessions.iter().any(Option::is_some), "{pause_after}");
        let others: Vec<_> = (0..3).map(|_| Client::connect(&bench, "2025-11-25")).collect();
        for session in sessions.into_iter().flatten() {
            let session = session.to_str().unwrap().to_owned();
            let client = Client { session, ..others[0].clone() };
            assert_eq!(client.send("ping", json!({})).status, 200, "{pause_after}");
        }
    }
}
