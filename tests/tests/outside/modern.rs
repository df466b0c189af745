//! What only clients of 2026-07-28 get from `/mcp`.

use postern_tests::mcp::{HANDSHAKE, McpClient, STATELESS};
use postern_tests::{Client, Server};
use serde_json::{Value, json};

fn code(answer: &Value) -> Option<i64> {
    answer.pointer("/error/code").and_then(Value::as_i64)
}

/// MCP-M-39, MCP-M-40, MCP-M-43, MCP-A-26: a listener is told what it will hear of, and that it is over once its user
/// has taken the access back.
#[test]
fn listening_ends_when_access_is_revoked() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let tokens = client.sign_in();
    let modern = McpClient::connect(&server, &tokens.access_token, STATELESS);
    let wanted = json!({ "toolsListChanged": true, "resourceSubscriptions": ["nowhere://x"] });
    let mut stream = server.open(&modern.request("subscriptions/listen", json!({ "notifications": wanted })));
    let head = stream.read_until("\r\n\r\n").to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/event-stream"), "{head}");
    assert!(head.contains("x-accel-buffering: no") && head.contains("cache-control: no-store"), "{head}");
    stream.read_until(
        r#"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":7},"notifications":{"toolsListChanged":true}}}"#,
    );
    let fields = [("token", tokens.refresh_token.as_str()), ("client_id", client.client_id.as_str())];
    server.send(&postern_tests::Request::form("/revoke", &fields)).expect(200);
    stream.read_until(r#""resultType":"complete""#);
    let all = stream.read_to_end();
    assert_eq!(all.matches("event: message").count(), 2, "{all}");
    assert!(all.contains(r#""io.modelcontextprotocol/subscriptionId":7}"#), "{all}");
}

/// TL-01, MCP-M-08, MCP-M-09.
#[test]
fn arguments_that_do_not_fit_are_told_as_the_revision_says() {
    let server = Server::under_test();
    let tokens = Client::register(&server).sign_in();
    for revision in HANDSHAKE.into_iter().chain([STATELESS]) {
        let client = McpClient::connect(&server, &tokens.access_token, revision);
        let answer = client.call("tools/call", json!({ "name": "add", "arguments": { "a": 1, "b": "2" } }));
        let told = "The arguments do not fit: at '/b': want number, but got string";
        if revision >= "2025-11-25" {
            assert_eq!(answer.pointer("/result/isError"), Some(&json!(true)), "{answer}");
            assert_eq!(answer.pointer("/result/content/0/text"), Some(&json!(told)), "{answer}");
        } else {
            assert_eq!(code(&answer), Some(-32602), "{answer}");
            assert_eq!(answer.pointer("/error/message"), Some(&json!(told)));
        }
    }
}

/// MCP-R-06, MCP-M-32, MCP-K-03, MCP-K-15: what was never given out is not taken, and tasks are for who knows them.
#[test]
fn what_was_never_given_out_is_refused() {
    let server = Server::under_test();
    let tokens = Client::register(&server).sign_in();
    let client = McpClient::connect(&server, &tokens.access_token, STATELESS);
    let state = json!({ "name": "add", "arguments": { "a": 1, "b": 2 }, "requestState": "AAAA" });
    assert_eq!(code(&client.call("tools/call", state)), Some(-32602));
    assert_eq!(code(&client.call("tools/list", json!({ "cursor": "AAAA" }))), Some(-32602));
    let get = client.request("tasks/get", json!({ "taskId": "AAAA" })).header("mcp-name", "AAAA");
    let refused = server.send(&get).expect(400).json();
    assert_eq!(code(&refused), Some(-32021), "{refused}");
    let discovered = client.call("server/discover", json!({}));
    let extensions = discovered.pointer("/result/capabilities/extensions");
    assert_eq!(extensions, Some(&json!({ "io.modelcontextprotocol/tasks": {} })));
}
