//! Servers whose tools mean harm (`tests/hostile`). Whatever a tool does, its own call fails, others go on
//! answering, and the store is as it was. `cargo xtask test` builds the tools and writes the manifests.
//!
//! [`using_up`] is about time and memory, [`lying`] about what tools give back, [`reaching_out`] about the host's
//! interfaces, [`callers`] about who gets what.
#![expect(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "this is how a test fails")]

mod callers;
mod lying;
mod reaching_out;
mod using_up;

use postern_tests::host::State;
use postern_tests::mcp::{McpClient, STATELESS, message_in, post};
use postern_tests::sqlite::Database;
use postern_tests::{Client, Host, Request, Response};
use serde_json::{Value, json};

/// A server, and somebody who has signed in.
pub(crate) struct Scene {
    pub(crate) host: Host,
    pub(crate) token: String,
    // The last to go: the server has its files in it.
    pub(crate) state: State,
}

/// Everything in the store.
pub(crate) type Rows = Vec<(String, String, Vec<u8>)>;

impl Scene {
    pub(crate) fn open(flags: &[&'static str]) -> Self {
        Self::of(State::new().with_manifest("target/hostile/spin.toml").with_flags(flags))
    }

    pub(crate) fn of(state: State) -> Self {
        let host = Host::start(&state);
        let token = Client::register(&host).sign_in_with("hostile").access_token;
        Self { host, token, state }
    }

    /// A call as a client of 2026-07-28 makes it, which leaves nothing in the store.
    pub(crate) fn request(&self, tool: &str, arguments: Value) -> Request {
        let client = McpClient::connect(&self.host, &self.token, STATELESS);
        client.request("tools/call", json!({ "name": tool, "arguments": arguments }))
    }

    pub(crate) fn call(&self, tool: &str, arguments: Value) -> Response {
        self.host.send(&self.request(tool, arguments))
    }

    /// The same, by a client that wants to be told everything meanwhile.
    pub(crate) fn attentive_request(&self, tool: &str) -> Request {
        let message = json!({
            "jsonrpc": "2.0",
            "id": 7,
            "method": "tools/call",
            "params": {
                "name": tool,
                "arguments": {},
                "_meta": {
                    "progressToken": "p",
                    "io.modelcontextprotocol/protocolVersion": STATELESS,
                    "io.modelcontextprotocol/clientInfo": { "name": "postern-tests", "version": "1" },
                    "io.modelcontextprotocol/clientCapabilities": {},
                    "io.modelcontextprotocol/logLevel": "debug",
                },
            },
        });
        post(&self.token, &message)
            .header("mcp-protocol-version", STATELESS)
            .header("mcp-method", "tools/call")
            .header("mcp-name", tool)
    }

    /// That the server is as good as ever.
    #[track_caller]
    pub(crate) fn expect_good_service(&self) {
        let response = self.call("echo", json!({ "text": "still here" })).expect(200);
        let text = message_in(&response)["result"]["content"][0]["text"].as_str().unwrap().to_owned();
        assert!(text.ends_with(" still here"), "{text}");
    }

    pub(crate) fn rows(&self) -> Rows {
        Database::open(&self.state).rows()
    }
}

/// The result of a call that failed in the way that a model is told of.
#[track_caller]
pub(crate) fn failure(response: &Response) -> String {
    let message = message_in(response);
    assert_eq!(message["result"]["isError"], json!(true), "{message}");
    message["result"]["content"][0]["text"].as_str().unwrap().to_owned()
}

/// The messages of an event stream, from the head of its answer to the last event.
pub(crate) fn messages(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}
