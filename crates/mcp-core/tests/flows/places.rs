//! How many streams and long calls one user has at the same time (S2). Each is counted wherever it is served.

use crate::bench::{Bench, Request, error, json, result};
use crate::sessions::{Client, Stream};
use futures_util::StreamExt;
use mcp_core::UserLimits;
use serde_json::{Value, json};
use web_core::Body;

fn bench(change: impl FnOnce(&mut UserLimits)) -> Bench {
    let mut limits = UserLimits::default();
    change(&mut limits);
    Bench::with(|shared| shared.user_limits.set(limits))
}

fn listen(token: &str) -> Request {
    let wanted = json!({ "notifications": { "toolsListChanged": true } });
    Request::modern("subscriptions/listen", wanted).token(token)
}

fn over_sse(token: &str) -> Request {
    Request::get("/sse").header("accept", "text/event-stream").token(token)
}

/// Lets ten seconds go by for a stream.
fn wait(stream: &mut Stream) {
    (0..2).for_each(|_| stream.expect_sign_of_life());
}

/// Each stream ends as its protocol ends streams: 2026-07-28 with the result of the request, the others with the end of
/// the body. Streams of all clients of the user count together, and those of another user by themselves.
#[test]
fn oldest_stream_of_a_user_gives_way() {
    let bench = bench(|limits| limits.streams_per_user = 3);
    let mut others = Stream::open(&bench, listen("of-another-user"));
    others.message().unwrap();
    let mut modern = Stream::open(&bench, listen("lasting"));
    assert_eq!(modern.message().unwrap()["method"], "notifications/subscriptions/acknowledged");
    let mut old = Stream::open(&bench, over_sse("of-another-client"));
    old.event().unwrap();
    let client = Client::connect(&bench, "2025-06-18");
    let mut legacy = client.listen();
    wait(&mut modern);
    let mut newest = Vec::new();
    for _ in 0..3 {
        let mut stream = Stream::open(&bench, listen("lasting"));
        stream.message().unwrap();
        newest.push(stream);
        bench.later.set(bench.later.get() + 15_000);
    }
    let last = modern.message().unwrap();
    assert_eq!((&last["id"], &last["result"]["resultType"]), (&json!(1), &json!("complete")), "{last}");
    assert_eq!(modern.message(), None);
    assert_eq!(old.event(), None);
    assert_eq!(legacy.message(), None);
    newest.iter_mut().for_each(wait);
    wait(&mut others);
    // The session of a stream that gave way goes on.
    result(&client.send("ping", json!({})));
}

/// A user who opens streams faster than others end is told so.
#[test]
fn streams_that_come_too_fast_are_refused() {
    let bench = bench(|limits| limits.streams_per_user = 2);
    let streams: Vec<_> = (0..4).map(|_| Stream::open(&bench, listen("lasting"))).collect();
    let refused = bench.send(listen("lasting"));
    assert_eq!(error(&refused), (429, -32603));
    let refused = bench.send(over_sse("lasting"));
    assert_eq!(error(&refused), (429, -32600));
    assert!(refused.headers.contains_key("retry-after"));
    drop(streams);
}

/// What has ended counts no more.
#[test]
fn place_of_a_stream_that_ends_is_free() {
    let bench = bench(|limits| limits.streams_per_user = 2);
    let mut first = Stream::open(&bench, listen("lasting"));
    first.message().unwrap();
    for _ in 0..10 {
        let mut stream = Stream::open(&bench, listen("lasting"));
        stream.message().unwrap();
        drop(stream);
        bench.send(Request::legacy("ping", json!({})).token("lasting"));
        for _ in 0..100 {
            bench.run(std::future::ready(()));
        }
    }
    wait(&mut first);
    // Nor does what a host that was stopped left behind, after a while.
    let abandoned = Stream::open(&bench, listen("lasting"));
    std::mem::forget(abandoned);
    bench.later.set(bench.later.get() + 200_000);
    let mut another = Stream::open(&bench, listen("lasting"));
    another.message().unwrap();
    wait(&mut another);
}

/// A call of a session that waits for its client is a stream like any other once it lasts, and can be resumed when it
/// has given way.
#[test]
fn streams_that_wait_for_their_client_count() {
    let bench = bench(|limits| limits.streams_per_user = 1);
    let client = Client::connect(&bench, "2025-11-25");
    let mut asking = client.call("asks-to-fill-in");
    let question = asking.message().unwrap();
    for _ in 0..3 {
        asking.expect_sign_of_life();
    }
    let mut newer = client.call("asks-to-fill-in");
    newer.message().unwrap();
    for _ in 0..6 {
        bench.run(newer.next_chunk());
    }
    assert_eq!(asking.message(), None);
    client.answer(&question["id"], json!({ "action": "decline" }));
    let mut again = client.resume(&asking.last);
    assert!(again.text().contains("Decline"));
}

/// A call counts when it has run for five seconds, in every revision, also where its client reads no stream; one too
/// many is stopped, and no other for it.
#[test]
fn long_calls_of_a_user_are_bounded() {
    let long = json!({ "name": "never-answers" });
    let why = "This user has as many long calls running as the server allows, and this one was stopped; \
               try again when another has ended";
    for second in [
        Request::modern("tools/call", long.clone()).token("of-another-client"),
        Request::legacy("tools/call", long.clone()).token("of-another-grant"),
        Request::legacy("tools/call", long.clone()).token("lasting").header("accept", "application/json"),
    ] {
        let bench = bench(|limits| limits.calls_per_user = 1);
        let first = bench.run(bench.begin(Request::modern("tools/call", long.clone()).token("lasting")));
        let Body::Stream(mut first) = first.body else { panic!("it takes long") };
        bench.run(first.next()).unwrap();
        let reply = bench.send(second);
        let text = String::from_utf8(reply.body.to_vec()).unwrap();
        let message = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or(&text);
        let message: Value = serde_json::from_str(message).unwrap();
        assert_eq!(
            (&message["result"]["isError"], &message["result"]["content"][0]["text"]),
            (&json!(true), &json!(why))
        );
        assert_eq!(bench.log.borrow().len(), 1);
        // Short calls, and those of others, are not held up.
        assert!(json(&bench.send(Request::modern("tools/call", json!({ "name": "add" })).token("lasting")))["result"].is_object());
        let other =
            bench.run(bench.begin(Request::modern("tools/call", long.clone()).token("of-another-user")));
        let Body::Stream(mut other) = other.body else { panic!("it takes long") };
        for _ in 0..3 {
            assert_eq!(bench.run(other.next()).as_deref(), Some(&b":\n\n"[..]));
        }
        assert_eq!(bench.run(first.next()).as_deref(), Some(&b":\n\n"[..]), "the first one goes on");
    }
}

/// What is short costs no operation of the store.
#[test]
fn short_call_is_not_counted() {
    let bench = Bench::new();
    let call = Request::modern("tools/call", json!({ "name": "add" }));
    result(&bench.send(call.clone()));
    bench.store.take_operations();
    result(&bench.send(call));
    let operations = bench.store.take_operations();
    assert_eq!((operations.reads, operations.writes), (0, 0));
    assert!(bench.store.is_empty());
}
