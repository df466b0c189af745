//! The example's tools that tell and ask, as a client of 2026-07-28 sees them: what a tool's author writes as plain calls
//! has gone through a stream, and through rounds.

use postern_tests::mcp::{STATELESS, message_in, post};
use postern_tests::{Client, Response, Server};
use serde_json::{Value, json};

const META: &str = "io.modelcontextprotocol/";

/// Calls a tool, and wants to know how far it is.
fn call(
    server: &Server,
    token: &str,
    name: &str,
    arguments: Value,
    capabilities: Value,
    round: Value,
) -> Response {
    let mut params = json!({
        "name": name,
        "arguments": arguments,
        "_meta": {
            format!("{META}protocolVersion"): STATELESS,
            format!("{META}clientCapabilities"): capabilities,
            "progressToken": "p",
        },
    });
    if let (Some(params), Value::Object(round)) = (params.as_object_mut(), round) {
        params.extend(round);
    }
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let request = post(token, &message).header("mcp-protocol-version", STATELESS);
    server.send(&request.header("mcp-method", "tools/call").header("mcp-name", name)).expect(200)
}

/// MCP-M-46: progress comes before the result, each more than the last, and only to whoever asked for it.
#[test]
fn a_tool_that_tells_how_far_it_is_is_heard() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    let response = call(&server, &token, "count_primes", json!({ "limit": 30_000 }), json!({}), json!({}));
    assert_eq!(response.header("content-type"), Some("text/event-stream"), "{response}");
    let text = response.text();
    let told: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok())
        .filter(|message: &Value| message.get("method") == Some(&json!("notifications/progress")))
        .map(|message| message["params"]["progress"].clone())
        .collect();
    assert_eq!(told, [json!(10_000.0), json!(20_000.0), json!(30_000.0)], "{response}");
    assert_eq!(message_in(&response)["result"]["structuredContent"], json!({ "result": 3245 }), "{response}");
    // One that has nothing to tell is answered at once.
    let response = call(&server, &token, "count_primes", json!({ "limit": 100 }), json!({}), json!({}));
    assert_eq!(response.header("content-type"), Some("application/json"), "{response}");
    assert_eq!(response.json()["result"]["structuredContent"], json!({ "result": 25 }), "{response}");
}

/// MCP-R-04: a tool asks, and is called again with the answer.
#[test]
fn a_tool_that_asks_is_answered() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    let (bill, can) = (json!({ "amount": 90 }), json!({ "elicitation": { "form": {} } }));
    let ask = call(&server, &token, "split_bill", bill.clone(), can.clone(), json!({})).json();
    assert_eq!(ask["result"]["resultType"], "input_required", "{ask}");
    let asked = &ask["result"]["inputRequests"]["party"];
    assert_eq!(asked["method"], "elicitation/create", "{ask}");
    let people =
        json!({ "type": "integer", "description": "How many people pay", "minimum": 1, "maximum": 65535 });
    assert_eq!(asked["params"]["requestedSchema"]["properties"]["people"], people, "{ask}");
    let answer = json!({ "action": "accept", "content": { "people": 4, "tip": 10 } });
    let round = json!({
        "inputResponses": { "party": answer }, "requestState": ask["result"]["requestState"],
    });
    let done = call(&server, &token, "split_bill", bill.clone(), can, round).json();
    assert_eq!(done["result"]["structuredContent"], json!({ "result": 24.75 }), "{done}");
    let refused = {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "split_bill", "arguments": bill, "_meta": {
                format!("{META}protocolVersion"): STATELESS, format!("{META}clientCapabilities"): {},
            },
        } });
        let request = post(&token, &message).header("mcp-protocol-version", STATELESS);
        server.send(&request.header("mcp-method", "tools/call").header("mcp-name", "split_bill")).json()
    };
    assert_eq!(refused["error"]["code"], -32021, "{refused}");
}
