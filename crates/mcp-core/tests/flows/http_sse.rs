//! HTTP+SSE, the transport of 2024-11-05. Each post is taken by another instance than the one that holds the stream.

use crate::{
    bench::{Bench, Request, challenge, error, json, result},
    sessions::Stream,
};
use http::Method;
use serde_json::{Value, json};
use store_core::testing::Fault;
use web_core::Body;

/// A client that holds a stream.
pub(crate) struct Client {
    pub(crate) bench: Bench,
    pub(crate) stream: Stream,
    pub(crate) session: String,
}

pub(crate) fn get() -> Request {
    Request::get("/sse").header("accept", "text/event-stream").token("lasting")
}

pub(crate) fn post(session: &str, message: &Value) -> Request {
    Request::post(message.to_string())
        .path("/sse/message")
        .query(&format!("sessionId={session}"))
        .token("lasting")
        .without("accept")
}

pub(crate) fn request(id: u32, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

impl Client {
    /// MCP-L-32: first of all, where to post to; of the same origin.
    pub(crate) fn open(bench: &Bench) -> Self {
        let mut stream = Stream::open(bench, get());
        let endpoint = stream.event().unwrap();
        assert_eq!(endpoint[0], ("event".to_owned(), "endpoint".to_owned()));
        assert_eq!((endpoint[1].0.as_str(), endpoint.len()), ("data", 2));
        let session = endpoint[1].1.strip_prefix("/sse/message?sessionId=").unwrap().to_owned();
        assert!(session.len() >= 33, "{session}");
        Self { bench: bench.clone(), stream, session }
    }

    pub(crate) fn connect(bench: &Bench, revision: &str) -> Self {
        let mut client = Self::open(bench);
        let capabilities = json!({ "sampling": {}, "roots": {}, "elicitation": {} });
        let params = json!({ "protocolVersion": revision, "capabilities": capabilities,
                             "clientInfo": { "name": "c", "version": "1" } });
        client.post(&request(0, "initialize", params));
        let answer = client.stream.message().unwrap();
        assert_eq!(answer["result"]["protocolVersion"], revision, "{answer}");
        client.post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    /// MCP-L-34: accepted; what comes of it comes on the stream.
    pub(crate) fn post(&self, message: &Value) {
        let reply = self.bench.send(post(&self.session, message));
        assert_eq!((reply.status.as_u16(), reply.body.len()), (202, 0), "{message}");
    }

    pub(crate) fn call(&mut self, tool: &str) -> Value {
        self.post(&request(1, "tools/call", json!({ "name": tool, "_meta": { "progressToken": "p" } })));
        self.stream.message().unwrap()
    }
}

/// MCP-L-33, MCP-V-11: whichever legacy revision the client likes.
#[test]
fn client_shakes_hands_lists_and_calls() {
    let bench = Bench::new();
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut client = Client::connect(&bench, revision);
        client.post(&request(1, "tools/list", json!({})));
        let listed = client.stream.message().unwrap();
        assert_eq!(listed["result"]["tools"][0].get("title").is_some(), revision >= "2025-06-18");
        assert_eq!(client.call("add")["result"]["content"][0]["text"], "42");
        client.post(&request(2, "ping", json!({})));
        assert_eq!(client.stream.message().unwrap(), json!({ "jsonrpc": "2.0", "id": 2, "result": {} }));
    }
    assert!(bench.calls.borrow()[0].0.client_info.is_some());
}

/// Every event is a message, as older clients read it.
#[test]
fn events_are_messages_without_ids() {
    let bench = Bench::new();
    let mut client = Client::connect(&bench, "2025-11-25");
    client.post(&request(1, "tools/call", json!({ "name": "tells", "_meta": { "progressToken": "p" } })));
    for _ in 0..3 {
        let event = client.stream.event().unwrap();
        let names: Vec<_> = event.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!((names[0], names[1].0, names.len()), (("event", "message"), "data", 2));
    }
}

/// MCP-L-37: in the order in which they came, as far as they take no time.
#[test]
fn messages_keep_their_order() {
    let bench = Bench::new();
    let mut client = Client::connect(&bench, "2024-11-05");
    (1..=20).for_each(|id| client.post(&request(id, "ping", json!({}))));
    let mut ids: Vec<_> =
        (1..=20).map(|_| client.stream.message().unwrap()["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=20).collect::<Vec<_>>());
}

/// A call that takes long does not hold up the next, and can be given up.
#[test]
fn calls_run_beside_each_other() {
    let bench = Bench::new();
    let mut client = Client::connect(&bench, "2024-11-05");
    client.post(&request(7, "tools/call", json!({ "name": "takes-a-minute" })));
    assert_eq!(client.call("add")["id"], 1);
    let cancel = json!({ "requestId": 7 });
    client.post(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancel }));
    client.post(&request(8, "ping", json!({})));
    assert_eq!(client.stream.message().unwrap()["id"], 8);
    // Long after the minute is over, nothing more has come of it.
    (0..20).for_each(|_| client.stream.expect_sign_of_life());
    client.post(&request(9, "ping", json!({})));
    assert_eq!(client.stream.message().unwrap()["id"], 9);
}

/// MCP-L-29, MCP-L-30.
#[test]
fn tool_asks_its_client() {
    let bench = Bench::new();
    let mut client = Client::connect(&bench, "2024-11-05");
    let question = client.call("asks-the-model");
    assert_eq!(question["method"], "sampling/createMessage", "{question}");
    let answer = json!({ "role": "assistant", "content": { "type": "text", "text": "Hello" }, "model": "m" });
    client.post(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": answer }));
    let answer = client.stream.message().unwrap();
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("Sampled"), "{answer}");
    assert_eq!(client.call("asks-to-fill-in")["result"]["isError"], true);
    let mut client = Client::connect(&bench, "2025-11-25");
    assert_eq!(client.call("asks-to-fill-in")["method"], "elicitation/create");
    // There is nothing to come back to here, so nothing pauses.
    let mut client = Client::connect(&bench, "2025-11-25");
    assert_eq!(client.call("asks-later")["result"]["content"][0]["text"], "[]");
}

/// MCP-M-50, MCP-M-25.
#[test]
fn session_has_its_level() {
    let bench = Bench::new();
    let mut client = Client::connect(&bench, "2024-11-05");
    client.post(&request(1, "logging/setLevel", json!({ "level": "debug" })));
    assert_eq!(client.stream.message().unwrap()["result"], json!({}));
    client.post(&request(2, "tools/call", json!({ "name": "tells" })));
    assert_eq!(client.stream.message().unwrap()["method"], "notifications/message");
}

/// MCP-L-35, MCP-L-36, MCP-A-25, SS-02, SS-03.
#[test]
fn only_the_client_itself_posts_to_its_session() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2024-11-05");
    let ping = request(1, "ping", json!({}));
    for token in ["of-another-user", "of-another-client"] {
        assert_eq!(error(&bench.send(post(&client.session, &ping).token(token))), (404, -32600));
    }
    assert_eq!(bench.send(post(&client.session, &ping).without("authorization")).status, 401);
    assert_eq!(error(&bench.send(post(&format!("0{}", "0".repeat(32)), &ping))), (404, -32600));
    for query in ["", "sessionId=", "session=x", "sessionId=a&sessionId=b", "sessionId=%zz"] {
        assert_eq!(error(&bench.send(post("", &ping).query(query))), (400, -32600), "{query}");
    }
    // A session of one transport is none of the other.
    let streamable =
        Request::post(ping.to_string()).token("lasting").header("mcp-session-id", &client.session);
    assert_eq!(error(&bench.send(streamable)), (404, -32600));
}

/// What is no message is refused where it is posted.
#[test]
fn posts_are_judged_before_they_are_accepted() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2024-11-05");
    let send = |body: &str| {
        bench.send(
            Request::post(body.to_owned())
                .path("/sse/message")
                .token("lasting")
                .query(&format!("sessionId={}", client.session)),
        )
    };
    assert_eq!(error(&send("{")), (400, -32700));
    for body in ["{}", "[]", r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#] {
        assert_eq!(error(&send(body)), (400, -32600), "{body}");
    }
    let ping = request(1, "ping", json!({}));
    assert_eq!(send(&" ".repeat(1024 * 1024 + 1)).status, 413);
    let long = request(1, "tools/call", json!({ "name": "x".repeat(300_000) }));
    assert_eq!(send(&long.to_string()).status, 413);
    assert_eq!(bench.send(post(&client.session, &ping).header("content-type", "text/plain")).status, 415);
    let reply = bench.send(post(&client.session, &ping).method(Method::GET));
    assert_eq!((reply.status.as_u16(), &reply.headers["allow"]), (405, &"POST, OPTIONS".parse().unwrap()));
}

/// MCP-L-03: where it was agreed on.
#[test]
fn batch_is_taken_where_the_revision_has_it() {
    let bench = Bench::new();
    let mut client = Client::connect(&bench, "2025-03-26");
    client.post(&json!([request(1, "ping", json!({})), request(2, "ping", json!({}))]));
    let mut ids =
        [client.stream.message().unwrap()["id"].clone(), client.stream.message().unwrap()["id"].clone()];
    ids.sort_by_key(|id| id.as_u64());
    assert_eq!(ids, [json!(1), json!(2)]);
}

/// S10: sixteen run at the same time, and the rest waits; DQ: what waits is bounded.
#[test]
fn requests_of_a_stream_run_sixteen_at_a_time() {
    let bench = Bench::new();
    let mut client = Client::connect(&bench, "2024-11-05");
    for id in 1..=60 {
        client.post(&request(id, "tools/call", json!({ "name": "never-answers" })));
    }
    assert_eq!(bench.calls.borrow().len(), 16);
    // Two end, and two begin.
    for id in [3, 7] {
        let cancel = json!({ "requestId": id });
        client.post(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancel }));
    }
    (0..4).for_each(|_| client.stream.expect_sign_of_life());
    assert_eq!(bench.calls.borrow().len(), 18);
    let ping = request(100, "ping", json!({}));
    let refused =
        (0..100).map(|_| bench.send(post(&client.session, &ping))).find(|reply| reply.status != 202);
    let refused = refused.unwrap();
    assert_eq!(refused.status, 429);
    assert!(refused.headers.contains_key("retry-after"));
}

/// MCP-L-35: the session is over with its stream, and leaves nothing.
#[test]
fn session_ends_with_its_stream() {
    let bench = Bench::new();
    let Client { stream, session, .. } = Client::connect(&bench, "2024-11-05");
    drop(stream);
    bench.run(async { store_core::testing::block_on(async {}) });
    for _ in 0..100 {
        bench.run(std::future::ready(()));
        bench.send(Request::legacy("ping", json!({})));
    }
    assert_eq!(error(&bench.send(post(&session, &request(1, "ping", json!({}))))), (404, -32600));
    let left: Vec<_> = bench.store.snapshot().into_keys().collect();
    assert_eq!(left.len(), 4, "the root and the user's places, each with its counter: {left:?}");
}

/// C24, MCP-L-35: nor does it outlive the instance that held the stream. A client learns of it with its next POST,
/// whatever it posts, and not a minute later.
#[test]
fn session_whose_holder_has_ended_is_over() {
    for message in [
        request(1, "ping", json!({})),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": "x", "result": {} }),
    ] {
        let bench = Bench::new();
        let Client { stream, session, .. } = Client::connect(&bench, "2024-11-05");
        std::mem::forget(stream);
        bench.stop();
        let before = bench.later.get();
        assert_eq!(error(&bench.send(post(&session, &message))), (404, -32600), "{message}");
        assert!(bench.later.get() - before < 5_000, "{}", bench.later.get() - before);
        let before = bench.later.get();
        assert_eq!(error(&bench.send(post(&session, &message))), (404, -32600), "{message}");
        assert_eq!(bench.later.get(), before, "from then on it is known");
    }
}

/// C24: a client that reads slowly is no client that has left.
#[test]
fn posts_are_accepted_while_the_stream_is_not_read() {
    let bench = Bench::new();
    let mut client = Client::connect(&bench, "2024-11-05");
    (1..=20).for_each(|id| client.post(&request(id, "ping", json!({}))));
    bench.later.set(bench.later.get() + 20_000);
    client.post(&request(21, "ping", json!({})));
    let ids: Vec<_> = (1..=21).map(|_| client.stream.message().unwrap()["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), 21);
}

/// A stream that nothing comes on looks into the store seldom, and is there at once for whoever posts again.
#[test]
fn silent_stream_looks_seldom() {
    let bench = Bench::new();
    let mut client = Client::connect(&bench, "2024-11-05");
    let reads_in = |client: &mut Client, milliseconds: u64| {
        bench.store.take_operations();
        let begun = bench.later.get();
        while bench.later.get() < begun + milliseconds {
            client.stream.expect_sign_of_life();
        }
        bench.store.take_operations().reads
    };
    let at_first = reads_in(&mut client, 5_000);
    reads_in(&mut client, 60_000);
    let later = reads_in(&mut client, 5_000);
    assert!(later * 5 < at_first, "{at_first}, then {later}");
    let before = bench.later.get();
    assert_eq!(client.call("add")["result"]["content"][0]["text"], "42");
    let waited = bench.later.get() - before;
    assert!(waited <= 1_500, "{waited}");
    assert!(reads_in(&mut client, 5_000) * 2 > at_first);
}

/// But it lasts for as long as it is held.
#[test]
fn session_that_is_held_lasts() {
    let bench = Bench::new();
    let mut client = Client::connect(&bench, "2024-11-05");
    client.post(&request(1, "tools/call", json!({ "name": "takes-a-minute" })));
    assert_eq!(client.stream.message().unwrap()["id"], 1);
    client.post(&request(2, "ping", json!({})));
    assert_eq!(client.stream.message().unwrap()["id"], 2);
}

/// MCP-A-07, MCP-A-16, MCP-T-02: the endpoint is a resource of its own.
#[test]
fn challenge_names_its_own_metadata() {
    let bench = Bench::with(|shared| shared.allowed_origins = "https://app.example");
    for (path, method) in [("/sse", Method::GET), ("/sse", Method::POST), ("/sse/message", Method::POST)] {
        let reply =
            bench.send(Request::post("{}").method(method.clone()).path(path).without("authorization"));
        assert_eq!(reply.status, 401);
        assert!(
            challenge(&reply).contains(
                "resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/sse\""
            ),
            "{path}"
        );
        let foreign = Request::post("{}").method(method).path(path).header("origin", "https://evil.example");
        assert_eq!(bench.send(foreign).status, 403);
    }
    let document = json(&bench.send(Request::get("/.well-known/oauth-protected-resource/sse")));
    assert_eq!(document["resource"], "https://mcp.example.com/sse");
}

/// Tolerance `sibling_audience`, MCP-A-18: off, each endpoint takes its own tokens only.
#[test]
fn token_of_the_other_endpoint_is_good_while_that_is_tolerated() {
    let at = |bench: &Bench, path: &str, token: &str| {
        bench.send(Request::legacy("ping", json!({})).path(path).token(token)).status.as_u16()
    };
    let bench = Bench::new();
    for (path, token) in
        [("/mcp", "for-sse"), ("/sse", "for-sse"), ("/sse", "lasting"), ("/sse", "for-the-origin")]
    {
        assert_eq!(at(&bench, path, token), 200, "{path} {token}");
    }
    bench.be_strict(|tolerances| tolerances.sibling_audience = false);
    assert_eq!((at(&bench, "/mcp", "for-sse"), at(&bench, "/sse", "lasting")), (401, 401));
    assert_eq!((at(&bench, "/sse", "for-sse"), at(&bench, "/mcp", "lasting")), (200, 200));
}

/// Whoever is given this address gets in, with whatever transport it knows.
#[test]
fn posts_to_the_stream_are_served_as_streamable_http() {
    let bench = Bench::new();
    let initialize = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } });
    let at_sse = |request: Request| request.path("/sse").token("lasting");
    let reply = bench.send(at_sse(Request::legacy("initialize", initialize).without("mcp-protocol-version")));
    let session = reply.headers["mcp-session-id"].to_str().unwrap().to_owned();
    let own = |request: Request| at_sse(request).header("mcp-session-id", &session);
    result(&bench.send(own(Request::legacy("tools/list", json!({})))));
    let mut stream = Stream::open(&bench, own(get()));
    assert_eq!(stream.event().unwrap()[0].0, "id", "a stream of that session, and no new one");
    assert_eq!(bench.send(own(Request::post("").method(Method::DELETE))).status, 204);
    assert_eq!(stream.event(), None);
    assert_eq!(
        json(&bench.send(at_sse(Request::modern("tools/list", json!({})))))["result"]["resultType"],
        "complete"
    );
    assert_eq!(bench.send(at_sse(Request::post("").method(Method::DELETE))).status, 405);
}

/// MP-13, RS-15.
#[test]
fn stream_that_cannot_be_had_is_refused() {
    let bench = Bench::new();
    assert_eq!(bench.send(get().header("accept", "application/json")).status, 406);
    bench.store.fail_after(0, Fault::Error);
    let reply = bench.send(get());
    assert_eq!((reply.status.as_u16(), reply.headers.contains_key("retry-after")), (503, true));
    bench.store.heal();
    let reply = bench.run(bench.begin(get()));
    assert!(matches!(reply.body, Body::Stream(_)));
}
