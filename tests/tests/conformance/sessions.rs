//! The revisions with sessions.

use crate::{Call, Scene, everything};
use postern_tests::mcp::{message_in, post};
use postern_tests::{Request, Response};
use serde_json::{Value, json};

/// A session of an era before, over the wire.
struct Session<'a> {
    scene: &'a Scene,
    id: String,
}

impl<'a> Session<'a> {
    fn begin(scene: &'a Scene, revision: &str) -> Self {
        let info = json!({ "name": "c", "version": "1" });
        let params = json!({ "protocolVersion": revision, "capabilities": everything(), "clientInfo": info });
        let message = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let response = scene.host.send(&post(&scene.token, &message)).expect(200);
        assert_eq!(message_in(&response)["result"]["protocolVersion"], *revision, "{response}");
        let session = Self { scene, id: response.expect_header("mcp-session-id").to_owned() };
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        session.post(&initialized).expect(202);
        session
    }

    fn post(&self, message: &Value) -> Response {
        self.scene.host.send(&post(&self.scene.token, message).header("mcp-session-id", &self.id))
    }

    fn call(&self, tool: &str, arguments: Value) -> Response {
        let params = json!({ "name": tool, "arguments": arguments });
        self.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }))
    }

    fn bare(&self, method: &str) -> Request {
        Request::new(method, "/mcp")
            .header("accept", "text/event-stream")
            .header("mcp-session-id", &self.id)
            .bearer(&self.scene.token)
    }

    /// Comes back for what followed an event.
    fn come_back(&self, last: &str) -> Response {
        self.scene.host.send(&self.bare("GET").header("last-event-id", last))
    }
}

/// The id of the last event of a stream.
fn last_event(response: &Response) -> String {
    let text = response.text();
    let last = text.lines().filter_map(|line| line.strip_prefix("id: ")).next_back();
    last.unwrap_or_else(|| panic!("no event has an id in {response}")).to_owned()
}

/// MCP-L-19, MCP-L-24, MCP-L-25, MCP-L-28: the connection is closed before there is a result, the server is
/// started again, and the client comes back for it, more than once if it has to; and then ends its session.
#[test]
fn stream_is_taken_up_again_after_a_restart() {
    let scene = Scene::open(&["--max-instance-reuse-count", "1"]);
    let session = Session::begin(&scene, "2025-11-25");
    let first = session.call("test_reconnection", json!({})).expect(200);
    assert!(first.text().contains("retry: ") && !first.text().contains("\"result\""), "{first}");
    let id = session.id.clone();
    let scene = scene.restart();
    let session = Session { scene: &scene, id };
    let resumed = session.come_back(&last_event(&first)).expect(200);
    assert!(resumed.text().contains("while nobody was connected"), "{resumed}");
    assert_eq!(session.come_back(&last_event(&first)).expect(200).text(), resumed.text());
    scene.host.send(&session.bare("DELETE")).expect(204);
    session.call("test_simple_text", json!({})).expect(404);
}

/// MCP-L-29: a question goes out from one instance, the answer comes in at another, and the result is told by a
/// third, of a server that was started in between.
#[test]
fn question_is_answered_at_a_server_that_was_started_again() {
    let scene = Scene::open(&["--max-instance-reuse-count", "1"]);
    let session = Session::begin(&scene, "2025-11-25");
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "test_elicitation", "arguments": { "message": "Who are you?" } },
    });
    let headers =
        vec![("mcp-session-id", session.id.clone()), ("mcp-protocol-version", "2025-11-25".to_owned())];
    let mut stream = scene.open_stream(&Call { message, headers });
    stream.read_until("elicitation/create");
    let read = stream.read_until("}}}\n\n");
    let asked = read.lines().find(|line| line.contains("elicitation/create")).unwrap();
    let asked: Value = serde_json::from_str(asked.split_once("data: ").unwrap().1).unwrap();
    let last = read.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap().to_owned();
    let id = session.id.clone();
    drop(stream);
    let scene = scene.restart();
    let session = Session { scene: &scene, id };
    let content = json!({ "username": "alice", "email": "alice@example.com" });
    let answer =
        json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "action": "accept", "content": content } });
    session.post(&answer).expect(202);
    let told = session.come_back(&last).expect(200);
    assert!(told.text().contains("User response: action=accept"), "{told}");
}

/// MCP-L-03, MCP-L-07: many messages at once, where the revision has that.
#[test]
fn batch_is_answered_where_the_revision_has_it() {
    let scene = Scene::open(&[]);
    let request = |id: u32, tool: &str| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": tool } });
    let batch = json!([
        request(1, "test_simple_text"),
        { "jsonrpc": "2.0", "method": "notifications/roots/list_changed" },
        request(2, "no_such_tool"),
    ]);
    let answered = Session::begin(&scene, "2025-03-26").post(&batch).expect(200);
    let text = answered.text();
    assert!(text.contains("simple text response") && text.contains("-32602"), "{answered}");
    assert_eq!(text.matches("\"id\":").count(), 2, "{answered}");
    for revision in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        Session::begin(&scene, revision).post(&batch).expect(400);
    }
}
