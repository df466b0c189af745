//! Sessions of the legacy era, over Streamable HTTP. A clone of the bench is another instance: nothing here goes by
//! way of one's memory.

use crate::bench::{Bench, Reply, Request, error, json, result};
use futures_core::stream::LocalBoxStream;
use futures_util::StreamExt;
use http::Method;
use mcp_core::ports::{Clock, IntrospectionError};
use serde_json::{Value, json};
use std::time::Duration;
use store_core::testing::Fault;
use web_core::Body;

/// A client that has shaken hands.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) bench: Bench,
    pub(crate) session: String,
    pub(crate) revision: &'static str,
    pub(crate) token: &'static str,
}

/// Everything that a client can be asked for.
pub(crate) fn everything() -> Value {
    json!({ "elicitation": { "form": {}, "url": {} }, "sampling": {}, "roots": {} })
}

pub(crate) fn initialize(revision: &str, capabilities: Value) -> Request {
    let params = json!({ "protocolVersion": revision, "capabilities": capabilities,
                         "clientInfo": { "name": "c", "version": "1" } });
    Request::legacy("initialize", params).without("mcp-protocol-version").token("lasting")
}

impl Client {
    pub(crate) fn connect(bench: &Bench, revision: &'static str) -> Self {
        Self::with(bench, revision, everything())
    }

    fn with(bench: &Bench, revision: &'static str, capabilities: Value) -> Self {
        let reply = bench.send(initialize(revision, capabilities));
        assert_eq!(result(&reply)["protocolVersion"], revision);
        let session = reply.headers["mcp-session-id"].to_str().unwrap().to_owned();
        Self { bench: bench.clone(), session, revision, token: "lasting" }
    }

    fn post(&self, message: &Value) -> Request {
        self.own(Request::post(message.to_string()))
    }

    fn own(&self, request: Request) -> Request {
        let request = request.token(self.token).header("mcp-session-id", &self.session);
        match self.revision {
            "2024-11-05" | "2025-03-26" => request,
            revision => request.header("mcp-protocol-version", revision),
        }
    }

    fn request(&self, method: &str, params: Value) -> Request {
        self.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
    }

    pub(crate) fn send(&self, method: &str, params: Value) -> Reply {
        self.bench.send(self.request(method, params))
    }

    pub(crate) fn get(&self) -> Request {
        self.own(Request::post("").method(Method::GET)).header("accept", "text/event-stream")
    }

    fn delete(&self) -> Request {
        self.own(Request::post("").method(Method::DELETE))
    }

    pub(crate) fn listen(&self) -> Stream {
        self.open(self.get())
    }

    pub(crate) fn resume(&self, last: &str) -> Stream {
        self.open(self.get().header("last-event-id", last))
    }

    pub(crate) fn call(&self, tool: &str) -> Stream {
        self.open(self.request("tools/call", json!({ "name": tool, "_meta": { "progressToken": "p" } })))
    }

    pub(crate) fn open(&self, request: Request) -> Stream {
        Stream::open(&self.bench, request)
    }

    /// Answers a request of the server's.
    pub(crate) fn answer(&self, id: &Value, result: Value) {
        let reply = self.bench.send(self.post(&json!({ "jsonrpc": "2.0", "id": id, "result": result })));
        assert_eq!((reply.status.as_u16(), reply.body.len()), (202, 0));
    }
}

/// A stream that is read event by event.
pub(crate) struct Stream {
    bench: Bench,
    events: LocalBoxStream<'static, bytes::Bytes>,
    /// The id of the last event.
    pub(crate) last: String,
}

impl Stream {
    pub(crate) fn open(bench: &Bench, request: Request) -> Self {
        let reply = bench.run(bench.begin(request));
        assert_eq!(reply.status, 200);
        let Body::Stream(events) = reply.body else { panic!("{:?}", reply.body) };
        assert_eq!(reply.headers["content-type"], "text/event-stream");
        Self { bench: bench.clone(), events, last: String::new() }
    }

    /// The next event, as its lines. `None` at the end.
    pub(crate) fn event(&mut self) -> Option<Vec<(String, String)>> {
        loop {
            let event = self.bench.run(self.events.next())?;
            let event = String::from_utf8(event.to_vec()).unwrap();
            assert!(event.ends_with("\n\n"), "{event}");
            let lines = event.lines().filter(|line| !line.is_empty() && !line.starts_with(':'));
            let lines: Vec<(String, String)> = lines
                .map(|line| line.split_once(": ").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap())
                .collect();
            if let Some((_, id)) = lines.iter().find(|(name, _)| name == "id") {
                self.last.clone_from(id);
            }
            if !lines.is_empty() {
                return Some(lines);
            }
        }
    }

    /// Whatever comes next. `None` at the end.
    pub(crate) async fn next_chunk(&mut self) -> Option<bytes::Bytes> {
        self.events.next().await
    }

    /// Nothing comes for a while but the comment that says that the stream is still there.
    #[track_caller]
    pub(crate) fn expect_sign_of_life(&mut self) {
        assert_eq!(self.bench.run(self.events.next()).as_deref(), Some(&b":\n\n"[..]));
    }

    /// The next message. `None` at the end.
    pub(crate) fn message(&mut self) -> Option<Value> {
        loop {
            let event = self.event()?;
            let data = event.iter().find(|(name, _)| name == "data").map(|(_, data)| data.as_str());
            if let Some(data) = data.filter(|data| !data.is_empty()) {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }

    /// The text that the tool gave in the end.
    #[track_caller]
    pub(crate) fn text(&mut self) -> String {
        let message = self.message().expect("a message");
        message["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned()
    }
}

const REVISIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// MCP-L-14, MCP-L-15, MCP-Z-01: of characters that a header may have, and never the same.
#[test]
fn handshake_begins_a_session() {
    let bench = Bench::new();
    for revision in REVISIONS {
        let (one, two) = (Client::connect(&bench, revision), Client::connect(&bench, revision));
        assert_ne!(one.session, two.session);
        assert!(one.session.len() >= 33 && one.session.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
        assert!(result(&one.send("tools/list", json!({})))["tools"].is_array());
    }
}

/// MCP-L-17, SS-01: the same answer to what was never given out and what looks like nothing of ours.
#[test]
fn unknown_session_is_not_found_on_every_verb() {
    let bench = Bench::new();
    let mut client = Client::connect(&bench, "2025-11-25");
    for name in [format!("0{}", "0".repeat(32)), "x".into(), client.session.to_uppercase(), "9".into()] {
        client.session = name;
        assert_eq!(error(&client.send("ping", json!({}))), (404, -32600));
        assert_eq!(bench.send(client.get()).status, 404);
        assert_eq!(bench.send(client.delete()).status, 404);
        for message in [
            json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
            json!({ "jsonrpc": "2.0", "id": "a", "result": {} }),
        ] {
            assert_eq!(bench.send(client.post(&message)).status, 404);
        }
    }
}

/// MCP-L-20, MCP-L-21, MCP-Z-03, MCP-Z-04, SS-02, SS-03: neither another user's token, nor one of the same user's for
/// another client, nor none.
#[test]
fn session_belongs_to_its_user_and_client() {
    let bench = Bench::new();
    let owner = Client::connect(&bench, "2025-11-25");
    for token in ["of-another-user", "of-another-client"] {
        let thief = Client { token, ..owner.clone() };
        assert_eq!(error(&thief.send("ping", json!({}))), (404, -32600), "{token}");
        assert_eq!(bench.send(thief.get()).status, 404);
        assert_eq!(bench.send(thief.delete()).status, 404);
    }
    for request in [owner.request("ping", json!({})), owner.get(), owner.delete()] {
        assert_eq!(bench.send(request.without("authorization")).status, 401);
    }
    result(&owner.send("ping", json!({})));
}

/// MCP-A-12: a client that has got more scope has a token of a new grant, and its session goes on with what it agreed on.
#[test]
fn session_goes_on_under_another_grant_of_the_same_client() {
    let bench = Bench::new();
    let before = Client::connect(&bench, "2025-06-18");
    let after = Client { token: "of-another-grant", ..before.clone() };
    let (call, log_level) = (json!({ "name": "asks" }), json!({ "level": "info" }));
    result(&after.send("logging/setLevel", log_level));
    let mut stream = after.open(after.request("tools/call", call));
    assert_eq!(stream.message().unwrap()["method"], "elicitation/create", "what the client offers is known");
    // It is one session, and ends once.
    assert_eq!(bench.send(after.delete()).status, 204);
    assert_eq!(error(&before.send("ping", json!({}))), (404, -32600));
}

/// MCP-L-18, MCP-L-19.
#[test]
fn session_that_was_deleted_is_not_found() {
    let bench = Bench::new();
    let (client, other) = (Client::connect(&bench, "2025-11-25"), Client::connect(&bench, "2025-11-25"));
    let reply = bench.send(client.delete());
    assert_eq!((reply.status.as_u16(), reply.body.len()), (204, 0));
    assert_eq!(error(&client.send("ping", json!({}))), (404, -32600));
    assert_eq!(bench.send(client.delete()).status, 404);
    result(&other.send("ping", json!({})));
}

/// MCP-V-19: what was agreed on counts, also for clients of revisions that have no header.
#[test]
fn session_knows_its_revision() {
    let bench = Bench::new();
    for (revision, type_of_sound, type_of_link) in [
        ("2024-11-05", "text", "text"),
        ("2025-03-26", "audio", "text"),
        ("2025-06-18", "audio", "resource_link"),
    ] {
        let client = Client::connect(&bench, revision);
        for header in [None, Some("2025-06-18")] {
            let request = client.request("tools/call", json!({ "name": "makes-a-noise" }));
            let request = match header {
                None => request.without("mcp-protocol-version"),
                Some(header) => request.header("mcp-protocol-version", header),
            };
            let content = result(&bench.send(request))["content"].take();
            assert_eq!(content[0]["type"], type_of_sound, "{revision}");
            assert_eq!(content[1]["type"], type_of_link, "{revision}");
        }
    }
}

/// MCP-M-09, MCP-M-13, MCP-M-16: no member that the revision does not have.
#[test]
fn tools_are_shown_in_the_revision_of_the_session() {
    let bench = Bench::new();
    for (revision, members) in [
        ("2024-11-05", &["description", "inputSchema", "name"][..]),
        ("2025-03-26", &["annotations", "description", "inputSchema", "name"]),
        ("2025-06-18", &["annotations", "description", "inputSchema", "name", "outputSchema", "title"]),
    ] {
        let client = Client::connect(&bench, revision);
        let listed = result(&client.send("tools/list", json!({})));
        let tool = listed["tools"][0].as_object().unwrap();
        let mut names: Vec<_> = tool.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, members, "{revision}");
        let called = result(&client.send("tools/call", json!({ "name": "add" })));
        assert_eq!(called.get("structuredContent").is_some(), revision == "2025-06-18");
        let bad = client.send("tools/call", json!({ "name": "refuses-arguments" }));
        assert_eq!(error(&bad), (200, -32602));
    }
}

/// A client that looks after no session gets all that needs none.
#[test]
fn client_without_a_session_is_served() {
    let bench = Bench::new();
    bench.send(initialize("2025-06-18", json!({})));
    let request = |method: &str, params: Value| Request::legacy(method, params).token("lasting");
    result(&bench.send(request("ping", json!({}))));
    result(&bench.send(request("tools/call", json!({ "name": "add" }))));
    // MCP-L-16
    for (method, params) in [
        ("logging/setLevel", json!({ "level": "info" })),
        ("resources/subscribe", json!({ "uri": "test://x" })),
        ("resources/unsubscribe", json!({ "uri": "test://x" })),
    ] {
        assert_eq!(error(&bench.send(request(method, params))), (400, -32600), "{method}");
    }
    let asked = result(&bench.send(request("tools/call", json!({ "name": "asks-to-fill-in" }))));
    assert_eq!(asked["isError"], true);
}

/// MCP-M-50: for this session only, from whichever instance; MCP-M-25.
#[test]
fn level_and_subscriptions_are_the_sessions_own() {
    let bench = Bench::new();
    let (one, two) = (Client::connect(&bench, "2025-11-25"), Client::connect(&bench, "2025-11-25"));
    assert_eq!(result(&one.send("logging/setLevel", json!({ "level": "debug" }))), json!({}));
    assert_eq!(error(&one.send("logging/setLevel", json!({ "level": "loud" }))), (200, -32602));
    let call = |client: &Client| client.request("tools/call", json!({ "name": "tells" }));
    let mut told = one.open(call(&one));
    assert_eq!(told.message().unwrap()["method"], "notifications/message");
    json(&two.bench.send(call(&two)));
    for method in ["resources/subscribe", "resources/unsubscribe"] {
        assert_eq!(result(&one.send(method, json!({ "uri": "test://bench/text" }))), json!({}));
        assert_eq!(error(&one.send(method, json!({}))), (200, -32602));
    }
}

/// SS-10, MP-15: nobody is told of what they may not read.
#[test]
fn only_what_can_be_read_is_subscribed_to() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    let subscribe = |uri: &str| client.send("resources/subscribe", json!({ "uri": uri }));
    for uri in ["test://bench/nothing", "test://bench/../escapes", "file:///etc/passwd", "x"] {
        assert_eq!(error(&subscribe(uri)), (200, -32002), "{uri}");
    }
    assert_eq!(subscribe("test://bench/needs-statistics").status, 403);
    // What was subscribed to, and has gone since, can still be left.
    result(&client.send("resources/unsubscribe", json!({ "uri": "test://bench/nothing" })));
}

/// MCP-L-23, MCP-L-26, MCP-L-27: an event to come back to before anything happens, where it is known.
#[test]
fn stream_begins_with_an_empty_event_where_the_revision_has_it() {
    let bench = Bench::new();
    for revision in REVISIONS {
        let mut stream = Client::connect(&bench, revision).call("tells");
        let first = stream.event().unwrap();
        let names: Vec<_> = first.iter().map(|(name, _)| name.as_str()).collect();
        if revision == "2025-11-25" {
            assert_eq!(names, ["id", "retry", "data"]);
            assert_eq!(first[2].1, "");
        } else {
            assert_eq!(names, ["id", "event", "data"]);
        }
    }
}

/// MCP-L-08, MCP-L-22, MCP-L-24, MCP-L-25, SS-11: what came after an event, of its stream, from another instance and
/// when the first one is gone.
#[test]
fn stream_is_sent_again_from_where_it_was_lost() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    let (mut one, mut two) = (client.call("tells"), client.call("tells"));
    let half = one.message().unwrap();
    let lost_at = one.last.clone();
    let rest: Vec<_> = std::iter::from_fn(|| one.message()).collect();
    while two.message().is_some() {}
    assert_ne!(lost_at.split('.').next(), two.last.split('.').next());
    bench.stop();
    let again = |last: &str| {
        let mut stream = client.open(client.get().header("last-event-id", last));
        std::iter::from_fn(|| stream.message()).collect::<Vec<_>>()
    };
    assert_eq!(half["params"]["progress"], 1.0);
    assert_eq!(again(&lost_at), rest);
    assert_eq!(rest.len(), 2);
    assert_eq!(again(&two.last), Vec::<Value>::new());
    // Another session's streams are not there.
    let other = Client::connect(&bench, "2025-11-25");
    let reply = bench.send(other.get().header("last-event-id", &lost_at));
    assert_eq!(error(&reply), (400, -32600));
    let thief = Client { token: "of-another-user", ..client.clone() };
    assert_eq!(bench.send(thief.get().header("last-event-id", &lost_at)).status, 404);
}

/// MCP-L-09: who leaves has not said that nobody wants the result.
#[test]
fn call_goes_on_when_its_reader_leaves() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-06-18");
    let mut stream = client.call("takes-a-minute");
    assert_eq!(stream.message().unwrap()["params"]["progress"], 1.0);
    let last = stream.last.clone();
    drop(stream);
    let mut again = client.open(client.get().header("last-event-id", &last));
    assert_eq!(again.message().unwrap()["params"]["progress"], 2.0);
    assert_eq!(again.text(), "at last");
    assert_eq!(again.message(), None);
    assert_eq!(bench.calls.borrow().len(), 1, "MP-17: it is not run twice");
}

/// MP-17: when the instance is gone, nobody knows how far the tool was. The client learns that, and can decide.
#[test]
fn call_that_was_interrupted_is_not_run_again() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    let mut stream = client.call("takes-a-minute");
    stream.message().unwrap();
    let last = stream.last.clone();
    drop(stream);
    bench.stop();
    let mut again = client.open(client.get().header("last-event-id", &last));
    let message = again.message().unwrap();
    assert_eq!((&message["id"], &message["error"]["code"]), (&json!(1), &json!(-32603)), "{message}");
    assert_eq!(again.message(), None);
    assert_eq!(bench.calls.borrow().len(), 1);
}

/// MCP-L-09, MCP-L-39, MP-19: the caller's own request, wherever it runs; after it, nothing is answered.
#[test]
fn cancelled_request_is_given_up() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-06-18");
    let other = Client::connect(&bench, "2025-06-18");
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } });
    let mut stream = client.call("takes-a-minute");
    stream.message().unwrap();
    // Somebody else's request of the same id.
    assert_eq!(bench.send(other.post(&cancel)).status, 202);
    assert_eq!(stream.message().unwrap()["params"]["progress"], 2.0);
    assert_eq!(bench.send(client.post(&cancel)).status, 202);
    assert_eq!(stream.message(), None);
    let unknown =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": "x" } });
    assert_eq!(bench.send(client.post(&unknown)).status, 202);
}

/// MCP-L-29, MCP-R-17, MCP-R-30: a question goes out on the call's own stream, its answer comes in anywhere.
#[test]
fn tool_asks_its_client() {
    let bench = Bench::new();
    for (tool, method, answer, heard) in [
        (
            "asks-to-fill-in",
            "elicitation/create",
            json!({ "action": "accept", "content": { "name": "Ada" } }),
            r#"Accept(Some("{\"name\":\"Ada\"}"))"#,
        ),
        ("asks-to-fill-in", "elicitation/create", json!({ "action": "decline" }), "Decline"),
        ("asks-to-visit", "elicitation/create", json!({ "action": "accept" }), "Accept(None)"),
        (
            "asks-the-model",
            "sampling/createMessage",
            json!({ "role": "assistant", "content": { "type": "text", "text": "Hello" }, "model": "m" }),
            "Sampled",
        ),
        ("asks-for-roots", "roots/list", json!({ "roots": [{ "uri": "file:///a" }] }), "file:///a"),
    ] {
        let client = Client::connect(&bench, "2025-11-25");
        let mut stream = client.call(tool);
        let question = stream.message().unwrap();
        assert_eq!(question["method"], method, "{question}");
        assert!(question["id"].as_str().is_some_and(|id| id.len() >= 32), "{question}");
        client.answer(&question["id"], answer);
        let text = stream.text();
        assert!(text.contains(heard), "{tool}: {text}");
        assert_eq!(stream.message(), None);
    }
}

/// MCP-L-10, MCP-R-20: both on one stream, in the words of the revision.
#[test]
fn several_questions_are_answered_in_any_order() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-06-18");
    let mut stream = client.call("asks-two-at-once");
    let (one, two) = (stream.message().unwrap(), stream.message().unwrap());
    assert_eq!(one["params"].get("mode"), None);
    client.answer(&two["id"], json!({ "action": "cancel" }));
    client.answer(&one["id"], json!({ "action": "decline" }));
    let text = stream.text();
    assert!(text.contains("Decline") && text.contains("Cancel"), "{text}");
}

/// SS-02, MCP-R-07: an answer of somebody else's, to something else, or twice, changes nothing.
#[test]
fn only_the_asked_client_answers() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    let other = Client::connect(&bench, "2025-11-25");
    let mut stream = client.call("asks-to-fill-in");
    let id = stream.message().unwrap()["id"].clone();
    let answer = |action: &str| json!({ "action": action });
    let thief = Client { token: "of-another-user", ..client.clone() };
    let message = json!({ "jsonrpc": "2.0", "id": id, "result": answer("cancel") });
    assert_eq!(bench.send(thief.post(&message)).status, 404);
    other.answer(&id, answer("cancel"));
    client.answer(&json!("0".repeat(32)), answer("cancel"));
    client.answer(&json!(7), answer("cancel"));
    client.answer(&id, answer("decline"));
    client.answer(&id, answer("cancel"));
    assert!(stream.text().contains("Decline"));
}

/// MCP-R-29: what does not fit is not passed on, and neither is an error.
#[test]
fn answer_that_does_not_fit_ends_the_call() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    for answer in [
        json!({ "result": { "action": "accept", "content": { "name": 5 } } }),
        json!({ "result": { "action": "perhaps" } }),
        json!({ "error": { "code": -1, "message": "No" } }),
    ] {
        let mut stream = client.call("asks-to-fill-in");
        let mut message = json!({ "jsonrpc": "2.0", "id": stream.message().unwrap()["id"] });
        message.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
        assert_eq!(bench.send(client.post(&message)).status, 202);
        let message = stream.message().unwrap();
        assert_eq!(message["result"]["isError"], true, "{message}");
    }
}

/// MCP-L-30, MCP-R-19, MCP-R-35, MCP-V-14: nothing that the client did not offer, or that its revision does not have.
#[test]
fn client_is_asked_only_for_what_it_offers() {
    let bench = Bench::new();
    let form = json!({ "elicitation": {} });
    for (revision, capabilities, tool) in [
        ("2025-11-25", json!({}), "asks-to-fill-in"),
        ("2025-11-25", json!({}), "asks-the-model"),
        ("2025-11-25", json!({}), "asks-for-roots"),
        ("2025-11-25", form.clone(), "asks-to-visit"),
        ("2025-06-18", everything(), "asks-to-visit"),
        ("2025-03-26", everything(), "asks-to-fill-in"),
        ("2024-11-05", everything(), "asks-to-fill-in"),
    ] {
        let client = Client::with(&bench, revision, capabilities);
        let answer = result(&client.send("tools/call", json!({ "name": tool })));
        assert_eq!(answer["isError"], true, "{revision} {tool}");
        let text = answer["content"][0]["text"].as_str().unwrap();
        assert!(text.contains("does not offer"), "{text}");
    }
    let client = Client::connect(&bench, "2024-11-05");
    assert_eq!(client.call("asks-the-model").message().unwrap()["method"], "sampling/createMessage");
}

/// A client that reads no streams cannot be asked, and learns it at once.
#[test]
fn client_that_reads_only_json_is_not_asked() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    let request = client.request("tools/call", json!({ "name": "asks-to-fill-in" }));
    let answer = result(&bench.send(request.header("accept", "application/json")));
    assert_eq!(answer["isError"], true);
}

/// Nobody answers for ten minutes.
#[test]
fn question_that_is_not_answered_is_given_up() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    let mut stream = client.call("asks-to-fill-in");
    let id = stream.message().unwrap()["id"].clone();
    let answer = stream.message().unwrap();
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    // Too late, and no offence.
    client.answer(&id, json!({ "action": "accept", "content": { "name": "Ada" } }));
}

/// MCP-R-34: a tool that is never content comes to an end.
#[test]
fn tool_that_asks_in_circles_is_stopped() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    let mut stream = client.call("asks-forever");
    let mut rounds = 0;
    loop {
        let message = stream.message().unwrap();
        if message.get("method").is_none() {
            assert_eq!(message["error"]["code"], -32603, "{message}");
            break;
        }
        client.answer(&message["id"], json!({ "action": "cancel" }));
        rounds += 1;
    }
    assert!((10..100).contains(&rounds), "{rounds}");
}

/// MCP-L-28: the connection ends and the stream does not; whoever the client comes back to goes on. Nothing runs in
/// between, so it does not matter which instances there still are.
#[test]
fn stream_pauses_and_goes_on_elsewhere() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    let mut stream = client.call("asks-later");
    assert_eq!(stream.event().unwrap().len(), 3);
    let last = stream.last.clone();
    let retry = stream.event().unwrap();
    assert_eq!(retry[0].0, "retry");
    assert_eq!(stream.event(), None);
    assert_eq!(bench.calls.borrow().len(), 1);
    bench.stop();
    let mut again = client.open(client.get().header("last-event-id", &last));
    assert_eq!(again.text(), "[]");
    assert_eq!(again.message(), None);
    assert_eq!(bench.calls.borrow().len(), 2);
}

/// Older clients do not come back, so they wait.
#[test]
fn stream_does_not_pause_for_clients_that_do_not_come_back() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-06-18");
    let answer = result(&client.send("tools/call", json!({ "name": "asks-later" })));
    assert_eq!(answer["content"][0]["text"], "[]");
}

/// MCP-L-29: a question survives the instance that asked it.
#[test]
fn question_survives_a_restart() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    let mut stream = client.call("asks-to-fill-in");
    let id = stream.message().unwrap()["id"].clone();
    let last = stream.last.clone();
    drop(stream);
    bench.stop();
    client.answer(&id, json!({ "action": "decline" }));
    let mut again = client.open(client.get().header("last-event-id", &last));
    assert!(again.text().contains("Decline"));
}

/// SS-07, MCP-A-26: nothing goes on with a token that is no longer good.
#[test]
fn streams_end_with_their_token() {
    let bench = Bench::new();
    let client = Client { token: "for-a-minute", ..Client::connect(&bench, "2025-11-25") };
    let (mut listening, mut asking) = (client.open(client.get()), client.call("asks-to-fill-in"));
    assert_eq!(asking.message().unwrap()["method"], "elicitation/create");
    assert_eq!(listening.message(), None);
    assert_eq!(asking.message(), None);
    assert!(bench.later.get() < 120_000, "{}", bench.later.get());
}

/// S11: the expiry of a token is known, also while nothing can be looked up.
#[test]
fn streams_end_with_their_token_during_an_outage() {
    let bench = Bench::new();
    let client = Client { token: "for-a-minute", ..Client::connect(&bench, "2025-11-25") };
    let (mut listening, mut asking) = (client.open(client.get()), client.call("asks-to-fill-in"));
    asking.message().unwrap();
    *bench.outage.borrow_mut() = Some(IntrospectionError::Unavailable);
    assert_eq!(listening.message(), None);
    assert!(bench.later.get() > 55_000, "an outage is no end: {}", bench.later.get());
    assert_eq!(asking.message(), None);
    assert!(bench.later.get() < 90_000, "{}", bench.later.get());
}

/// S12: a client that does not read holds up the tool that it called, and nothing piles up for it.
#[test]
fn slow_reader_slows_the_tool() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    let mut stream = client.call("floods");
    stream.message().unwrap();
    for _ in 0..50 {
        bench.run(async { bench.sleep(Duration::from_millis(100)).await });
    }
    let told = bench.world.told.get();
    assert!(told < 20, "{told} notifications were made for a client that read one");
    assert_eq!(stream.message().unwrap()["params"]["progress"], 2.0, "none is lost");
}

/// And with the session.
#[test]
fn streams_end_with_their_session() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    let (mut listening, mut asking) = (client.open(client.get()), client.call("asks-to-fill-in"));
    asking.message().unwrap();
    assert_eq!(bench.send(client.delete()).status, 204);
    assert_eq!(listening.message(), None);
    assert_eq!(asking.message(), None);
}

/// MCP-L-11, MCP-T-51.
#[test]
fn stream_is_for_who_can_read_it() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    assert_eq!(bench.send(client.get().header("accept", "application/json")).status, 406);
    assert_eq!(bench.send(client.get().header("mcp-protocol-version", "1900-01-01")).status, 400);
    assert_eq!(
        bench.send(client.get().another("last-event-id", "a").another("last-event-id", "b")).status,
        400
    );
    assert_eq!(bench.send(client.get().another("mcp-session-id", "x")).status, 400);
}

/// MCP-L-10, MCP-L-12, MCP-L-13, SS-08: several at once, of which one carries; at most four.
#[test]
fn streams_without_a_request_are_bounded() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-06-18");
    let mut oldest = client.open(client.get());
    let _others: Vec<_> = (0..4).map(|_| client.open(client.get())).collect();
    assert_eq!(oldest.message(), None);
}

/// MCP-L-03, MCP-L-04, MCP-L-06.
#[test]
fn batch_is_answered_together() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-03-26");
    let ping = |id: Value| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let unknown = json!({ "jsonrpc": "2.0", "id": 3, "method": "unknown" });
    let call = json!({ "jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": { "name": "tells" } });
    let reply =
        bench.send(client.post(&json!([ping(json!("a")), notification, ping(json!(2)), unknown, call, 5])));
    let answers = json(&reply);
    assert_eq!(answers.as_array().unwrap().len(), 5, "{answers}");
    assert_eq!(answers[0], json!({ "jsonrpc": "2.0", "id": "a", "result": {} }));
    assert_eq!(answers[1]["id"], 2);
    assert_eq!(answers[2]["error"]["code"], -32601);
    assert_eq!(answers[3]["result"]["content"][0]["text"], "told");
    assert_eq!(answers[4]["error"]["code"], -32600);
    let response = json!({ "jsonrpc": "2.0", "id": "x", "result": {} });
    for messages in [json!([notification]), json!([response, notification])] {
        let reply = bench.send(client.post(&messages));
        assert_eq!((reply.status.as_u16(), reply.body.len()), (202, 0));
    }
    // Also without a session.
    json(&bench.send(Request::post(json!([ping(json!(1))]).to_string())));
    let event_stream = client.post(&json!([ping(json!(1))])).header("accept", "text/event-stream");
    assert!(bench.send(event_stream).body.starts_with(b"event: message\ndata: [{"));
}

/// MCP-L-05, MCP-L-07, MCP-T-47, MP-08.
#[test]
fn batch_is_refused_where_there_is_none() {
    let bench = Bench::new();
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    for revision in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        let client = Client::connect(&bench, revision);
        assert_eq!(error(&bench.send(client.post(&json!([ping])))), (400, -32600), "{revision}");
    }
    let client = Client::connect(&bench, "2025-03-26");
    let modern =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": { "_meta": crate::bench::meta() } });
    let many = vec![ping.clone(); 17];
    for batch in [json!([]), json!([ping, modern]), json!(many)] {
        assert_eq!(error(&bench.send(client.post(&batch))), (400, -32600), "{batch}");
    }
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize",
                             "params": { "protocolVersion": "2025-03-26" } });
    let answers = json(&bench.send(client.post(&json!([initialize, ping]))));
    assert_eq!(answers[0]["error"]["code"], -32600);
    assert_eq!(answers[1]["result"], json!({}));
}

/// MCP-L-31: and the client may answer a ping of ours that there never was.
#[test]
fn ping_is_answered_at_once() {
    let bench = Bench::new();
    for revision in REVISIONS {
        let client = Client::connect(&bench, revision);
        assert_eq!(result(&client.send("ping", json!({}))), json!({}));
        client.answer(&json!(1), json!({}));
    }
}

/// RS-15: what is not known to be gone is not said to be.
#[test]
fn store_that_is_down_is_503_and_no_404() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    bench.store.fail_after(0, Fault::Error);
    for request in [
        client.request("ping", json!({})),
        client.get(),
        client.delete(),
        initialize("2025-11-25", json!({})),
    ] {
        let reply = bench.send(request);
        assert_eq!(reply.status, 503);
        assert!(reply.headers.contains_key("retry-after"));
    }
    bench.store.heal();
    result(&client.send("ping", json!({})));
    assert!(bench.log.borrow().iter().any(|line| line.contains("injected")));
}

/// What cannot be kept goes out all the same, without ids that nobody could come back to.
#[test]
fn stream_that_cannot_be_kept_goes_on() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-06-18");
    bench.store.fail_after(1, Fault::WriteError);
    let mut stream = client.call("tells");
    let first = stream.event().unwrap();
    assert_eq!(first[0].0, "event");
    while let Some(message) = stream.message() {
        assert!(message.get("error").is_none(), "{message}");
    }
}

/// I9: nothing that a client sends gets into a key, and nothing is in clear.
#[test]
fn what_is_kept_is_sealed() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    result(&client.send("resources/subscribe", json!({ "uri": "test://bench/parts" })));
    let mut stream = client.call("asks-to-fill-in");
    stream.message().unwrap();
    for (key, value) in bench.store.snapshot() {
        assert!(key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b':')), "{key}");
        for secret in [&client.session[..], "bench/parts", "Who are you?", "alice"] {
            assert!(
                !value.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{key}: {secret}"
            );
        }
    }
}

/// The authorization server deletes what it does not know, by its keys.
#[test]
fn nothing_is_left_when_the_grant_is_forgotten() {
    let bench = Bench::new();
    let clients: Vec<_> = (0..9).map(|_| Client::connect(&bench, "2025-11-25")).collect();
    for client in &clients[1..] {
        let mut stream = client.call("tells");
        while stream.message().is_some() {}
    }
    let grant = store_core::Connection::of(Some("0123456789abcdef0123456789abcdef"), "", "");
    store_core::testing::block_on(grant.forget(&bench.store)).unwrap();
    assert!(bench.store.is_empty(), "{:?}", bench.store.snapshot().keys());
    assert_eq!(error(&clients[8].send("ping", json!({}))), (404, -32600));
}

/// MCP-T-42: a quiet stream shows that it is there.
#[test]
fn quiet_streams_give_signs_of_life() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-06-18");
    for request in [client.get(), client.request("tools/call", json!({ "name": "asks-to-fill-in" }))] {
        let reply = bench.run(bench.begin(request));
        let Body::Stream(mut events) = reply.body else { panic!() };
        bench.run(events.next()).unwrap();
        let before = bench.later.get();
        assert_eq!(bench.run(events.next()).unwrap(), ":\n\n");
        assert!(bench.later.get() - before <= Duration::from_secs(20).as_millis() as u64);
    }
}

/// What asks its client something besides tools, and where its answer is found.
const OTHERS_THAT_ASK: [(&str, &str, &str, &str); 2] = [
    ("prompts/get", "name", "asks", "/result/messages/0/content/text"),
    ("resources/read", "uri", "test://bench/asks", "/result/contents/0/text"),
];

/// MCP-L-29: prompts and resources ask as tools do; and what asks nothing is answered at once, as JSON.
#[test]
fn prompts_and_resources_ask_their_client_too() {
    let bench = Bench::new();
    let client = Client::connect(&bench, "2025-11-25");
    for (method, member, name, place) in OTHERS_THAT_ASK {
        let ask = client.request(method, json!({ member: name }));
        let mut stream = client.open(ask.clone());
        let question = stream.message().unwrap();
        assert_eq!(question["method"], "elicitation/create", "{question}");
        client.answer(&question["id"], json!({ "action": "accept", "content": { "tone": "warm" } }));
        assert_eq!(stream.message().unwrap().pointer(place), Some(&json!(r#"{"tone":"warm"}"#)));
        assert_eq!(stream.message(), None);
        // In whichever instance, and after any of them was ended.
        let mut stream = client.open(ask);
        let id = stream.message().unwrap()["id"].clone();
        let last = stream.last.clone();
        drop(stream);
        bench.stop();
        client.answer(&id, json!({ "action": "decline" }));
        let mut again = client.open(client.get().header("last-event-id", &last));
        assert_eq!(again.message().unwrap().pointer(place), Some(&json!("none")));
    }
    assert_eq!(
        result(&client.send("prompts/get", json!({ "name": "simple" })))["messages"][0]["role"],
        "user"
    );
    let read = client.send("resources/read", json!({ "uri": "test://bench/text" }));
    assert_eq!(result(&read)["contents"][0]["text"], "hello");
}

/// MCP-B-10, MCP-L-30, MCP-R-35: in words, because legacy revisions have no code for it.
#[test]
fn prompts_and_resources_that_cannot_ask_are_errors() {
    let bench = Bench::new();
    let unable = Client::with(&bench, "2025-11-25", json!({}));
    let sessionless = |method, params| bench.send(Request::legacy(method, params));
    for (method, member, name, _) in OTHERS_THAT_ASK {
        let params = json!({ member: name });
        for (reply, why) in [
            (unable.send(method, params.clone()), "does not offer"),
            (sessionless(method, params), "takes a session"),
        ] {
            assert_eq!(error(&reply), (200, -32603), "{method}");
            let message = json(&reply)["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.contains(why), "{message}");
        }
    }
    // One that knows what it needs says so by itself.
    let reply = sessionless("prompts/get", json!({ "name": "wants-a-form" }));
    assert_eq!(error(&reply), (200, -32603));
    assert!(json(&reply)["error"]["message"].as_str().unwrap().contains("elicitation (forms)"));
}
