//! MCP over Streamable HTTP, in each revision's own manner.

use crate::http::{Request, Response, Server};
use serde_json::{Value, json};

/// The revisions that begin with `initialize`.
pub const HANDSHAKE: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// The revision in which every request stands alone.
pub const STATELESS: &str = "2026-07-28";

/// A client that has a token.
#[derive(Debug, Clone)]
pub struct McpClient {
    server: Server,
    access_token: String,
    revision: &'static str,
    mcp_session: Option<String>,
}

impl McpClient {
    /// Connects in a revision: with the handshake, where the revision has one.
    pub fn connect(server: &Server, access_token: &str, revision: &'static str) -> Self {
        let mut client = Self {
            server: server.clone(),
            access_token: access_token.to_owned(),
            revision,
            mcp_session: None,
        };
        if revision != STATELESS {
            client.shake_hands();
        }
        client
    }

    fn shake_hands(&mut self) {
        let params = json!({
            "protocolVersion": self.revision,
            "capabilities": {},
            "clientInfo": { "name": "postern-tests", "version": "1" },
        });
        let message = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        // The version header comes with the requests after this one.
        let response = self.server.send(&post(&self.access_token, &message)).expect(200);
        self.mcp_session = response.header("mcp-session-id").map(str::to_owned);
        let answer = message_in(&response);
        let result = answer.get("result").unwrap_or_else(|| panic!("{response}"));
        assert_eq!(result.get("protocolVersion").and_then(Value::as_str), Some(self.revision), "{response}");
        assert!(result.pointer("/capabilities/tools").is_some(), "{response}");
        assert!(result.pointer("/serverInfo/name").is_some_and(Value::is_string), "{response}");
        let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let response =
            self.server.send(&self.in_revision(post(&self.access_token, &notification))).expect(202);
        assert!(response.body.is_empty(), "{response}");
    }

    /// Sends a request and returns the whole JSON-RPC answer.
    pub fn call(&self, method: &str, params: Value) -> Value {
        message_in(&self.send(method, params))
    }

    /// Sends a request and returns the whole HTTP answer.
    pub fn send(&self, method: &str, params: Value) -> Response {
        self.server.send(&self.request(method, params))
    }

    /// A request as this revision has it.
    pub fn request(&self, method: &str, mut params: Value) -> Request {
        // What is named by `uri` is read; everything else that has a name is named by `name`.
        let name = params.get("name").or(params.get("uri")).and_then(Value::as_str).map(str::to_owned);
        if self.revision == STATELESS
            && let Some(params) = params.as_object_mut()
        {
            params.insert("_meta".into(), meta());
        }
        let message = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        let mut request = self.in_revision(post(&self.access_token, &message));
        if self.revision == STATELESS {
            request = request.header("mcp-method", method);
            if let Some(name) = name {
                request = request.header("mcp-name", &name);
            }
        }
        request
    }

    /// Calls a tool and returns its result.
    #[track_caller]
    pub fn call_tool(&self, name: &str, arguments: Value) -> Value {
        let answer = self.call("tools/call", json!({ "name": name, "arguments": arguments }));
        answer.get("result").unwrap_or_else(|| panic!("no result in {answer}")).clone()
    }

    /// Sends a request and returns its result.
    #[track_caller]
    pub fn result(&self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params);
        answer.get("result").unwrap_or_else(|| panic!("no result in {answer}")).clone()
    }

    /// The names of the tools that this client is shown.
    #[track_caller]
    pub fn tools(&self) -> Vec<String> {
        let answer = self.call("tools/list", json!({}));
        let tools = answer.pointer("/result/tools").and_then(Value::as_array);
        let tools = tools.unwrap_or_else(|| panic!("no tools in {answer}"));
        let names = tools.iter().filter_map(|tool| tool.get("name")?.as_str());
        names.map(str::to_owned).collect()
    }

    fn in_revision(&self, request: Request) -> Request {
        let request = request.header("mcp-protocol-version", self.revision);
        match &self.mcp_session {
            Some(mcp_session) => request.header("mcp-session-id", mcp_session),
            None => request,
        }
    }
}

/// A message to `/mcp`, with a token and nothing that belongs to a revision.
pub fn post(access_token: &str, message: &Value) -> Request {
    unauthorized(message).bearer(access_token)
}

/// A message to `/mcp`, without a token.
pub fn unauthorized(message: &Value) -> Request {
    Request::json("/mcp", message).header("accept", "application/json, text/event-stream")
}

/// A request that every revision has an answer to.
pub fn ping() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} })
}

/// What a client of [`STATELESS`] says in every request.
fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": { "name": "postern-tests", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// The text at a place of an answer.
#[track_caller]
pub fn text<'a>(answer: &'a Value, pointer: &str) -> &'a str {
    answer.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {answer}"))
}

/// The list of this name in an answer.
#[track_caller]
pub fn list<'a>(answer: &'a Value, name: &str) -> &'a Vec<Value> {
    answer.get(name).and_then(Value::as_array).unwrap_or_else(|| panic!("no {name} in {answer}"))
}

/// The answer in a response, be it JSON or the last message of an event stream.
#[track_caller]
pub fn message_in(response: &Response) -> Value {
    let kind = response.header("content-type").unwrap_or_default();
    if !kind.starts_with("text/event-stream") {
        return response.json();
    }
    let text = response.text();
    let events = text.split("\n\n").filter_map(|event| {
        let data: Vec<&str> =
            event.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim_start).collect();
        serde_json::from_str::<Value>(&data.join("\n")).ok()
    });
    let answer = events.filter(|message| message.get("id").is_some()).last();
    answer.unwrap_or_else(|| panic!("no answer in {response}"))
}
