//! What `cargo xtask new` makes, in whatever language: the server that `BASE_URL` names has it in the place of the example
//! tools. Every language's example has the same tools, and has to pass the same tests.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "this is how a test fails")]

use postern_tests::mcp::{McpClient, STATELESS, message_in, post, text};
use postern_tests::{Client, Request, Response, Server};
use serde_json::{Value, json};

const META: &str = "io.modelcontextprotocol/";

fn connect(scope: &str) -> (Server, String) {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in_with(scope).access_token;
    (server, token)
}

fn client(scope: &str) -> McpClient {
    let (server, token) = connect(scope);
    McpClient::connect(&server, &token, STATELESS)
}

/// A call of revision 2026-07-28, with what is said in `_meta` and more parameters.
fn call(token: &str, tool: &str, arguments: Value, meta: Value, more: Value) -> Request {
    let mut params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    params["_meta"][format!("{META}protocolVersion")] = STATELESS.into();
    if params["_meta"].get(format!("{META}clientCapabilities")).is_none() {
        params["_meta"][format!("{META}clientCapabilities")] = json!({});
    }
    for (name, value) in more.as_object().unwrap() {
        params[name] = value.clone();
    }
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    post(token, &message)
        .header("mcp-protocol-version", STATELESS)
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
}

fn messages(response: &Response) -> Vec<Value> {
    let text = response.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    data.map(|message| serde_json::from_str(message).unwrap()).collect()
}

#[test]
fn the_tools_are_listed_with_their_schemas() {
    let client = client("math:basic math:statistics");
    let tools = client.tools();
    assert_eq!(tools[..6], ["add", "divide", "square_root", "statistics", "sum_slowly", "round_number"]);
    let answer = client.result("tools/list", json!({}));
    let add = &answer["tools"][0];
    assert_eq!(add["title"], "Add");
    assert_eq!(add["description"], "Adds two numbers: a + b.");
    assert_eq!(add["annotations"]["readOnlyHint"], true);
    let schema = &add["inputSchema"];
    assert_eq!(schema["required"], json!(["a", "b"]), "{schema}");
    assert_eq!(schema["properties"]["a"]["type"], "number", "{schema}");
    assert_eq!(add["outputSchema"]["properties"]["result"]["type"], "number");
    let statistics = &answer["tools"][3];
    assert_eq!(statistics["inputSchema"]["properties"]["numbers"]["minItems"], 1, "{statistics}");
    // A context is none of the arguments.
    assert_eq!(answer["tools"][5]["inputSchema"]["properties"].as_object().unwrap().len(), 1);
}

#[test]
fn tools_answer_with_text_and_structured_content() {
    let client = client("math:basic math:statistics");
    for (a, b, sum) in [(19.0, 23.0, json!(42)), (0.5, 0.25, json!(0.75))] {
        let result = client.call_tool("add", json!({ "a": a, "b": b }));
        assert_eq!(result["structuredContent"], json!({ "result": sum }));
        assert_eq!(text(&result, "/content/0/text"), sum.to_string());
    }
    let result = client.call_tool("statistics", json!({ "numbers": [9, 2, 4, 4, 5, 5, 7, 4] }));
    assert_eq!(result["structuredContent"], json!({ "count": 8, "mean": 5, "median": 4.5 }));
}

#[test]
fn a_tool_that_fails_says_why() {
    let client = client("math:basic");
    let result = client.call_tool("divide", json!({ "a": 1, "b": 0 }));
    assert_eq!(result["isError"], true);
    assert_eq!(text(&result, "/content/0/text"), "Division by zero.");
    let result = client.call_tool("add", json!({ "a": 1e308, "b": 1e308 }));
    assert_eq!(result["isError"], true, "JSON has no number for it: {result}");
}

/// U16. `fail_inside` is the ring's own, in the languages whose exceptions have places.
#[test]
#[expect(clippy::disallowed_methods, reason = "the task `test` tells which language is tested")]
fn an_exception_is_logged_with_its_place_and_the_client_learns_nothing_of_it() {
    let expected = match std::env::var("FAILING_TOOL").unwrap_or_default().as_str() {
        "python" => {
            ["fail_inside: ZeroDivisionError", "app.py:", "(inner), called from app.py:", "(fail_inside)"]
        }
        "js" => ["fail_inside: TypeError", "app.js:", "(inner)", "called from app.js:"],
        _ => return,
    };
    let (server, token) = connect("math:basic");
    // By the short way, and by the one with notifications.
    for meta in [json!({}), json!({ "progressToken": 1 })] {
        let response = server.send(&call(&token, "fail_inside", json!({}), meta, json!({})));
        let answer = message_in(&response);
        assert_eq!(answer["error"]["code"], -32603, "{answer}");
        for internal in ["app.", "inner", "Error:", "division", "nothing"] {
            assert!(!response.text().contains(internal), "{response}");
        }
    }
    let log = std::env::var("SERVER_LOG").unwrap();
    let lines = || {
        let log = std::fs::read_to_string(&log).unwrap();
        log.lines().filter(|line| expected.iter().all(|part| line.contains(part))).count()
    };
    for _ in 0..50 {
        if lines() == 2 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("the log has {} such lines: {}", lines(), std::fs::read_to_string(&log).unwrap());
}

#[test]
fn arguments_that_do_not_fit_do_not_reach_the_tool() {
    let client = client("math:basic");
    for arguments in [json!({ "a": 1 }), json!({ "a": 1, "b": "2" }), json!({ "a": 1, "b": 2, "c": 3 })] {
        let answer = client.call("tools/call", json!({ "name": "add", "arguments": arguments }));
        let refused = answer["result"]["isError"] == true || answer["error"]["code"] == -32602;
        assert!(refused, "{answer}");
    }
    let answer = client.call("tools/call", json!({ "name": "square_root", "arguments": { "number": -1 } }));
    assert!(answer["result"]["isError"] == true || answer["error"]["code"] == -32602, "{answer}");
}

#[test]
fn a_scope_of_a_tool_is_what_it_takes_to_call_it() {
    let (server, token) = connect("math:basic");
    let arguments = json!({ "numbers": [1] });
    let response = server.send(&call(&token, "statistics", arguments.clone(), json!({}), json!({})));
    assert_eq!(response.status, 403, "{response}");
    let challenge = response.expect_header("www-authenticate");
    assert!(challenge.contains("insufficient_scope") && challenge.contains("math:statistics"), "{challenge}");
    let (server, token) = connect("math:statistics");
    server.send(&call(&token, "statistics", arguments, json!({}), json!({}))).expect(200);
}

#[test]
fn progress_comes_while_the_tool_runs_and_only_if_somebody_wants_it() {
    let (server, token) = connect("math:basic");
    let arguments = json!({ "numbers": [1, 2, 3.5] });
    let wanted = json!({ "progressToken": "p" });
    let response = server.send(&call(&token, "sum_slowly", arguments.clone(), wanted, json!({}))).expect(200);
    let messages = messages(&response);
    let steps: Vec<&Value> =
        messages.iter().filter(|message| message["method"] == "notifications/progress").collect();
    assert_eq!(steps.len(), 3, "{response}");
    for (step, total) in steps.iter().zip(["1", "3", "6.5"]) {
        assert_eq!(step["params"]["total"], 3.0);
        assert_eq!(step["params"]["message"], format!("{total} so far"));
    }
    assert_eq!(steps[2]["params"]["progress"], 3.0);
    assert_eq!(messages[3]["result"]["structuredContent"], json!({ "result": 6.5 }), "{response}");

    let response = server.send(&call(&token, "sum_slowly", arguments, json!({}), json!({}))).expect(200);
    assert!(!response.text().contains("notifications/progress"), "{response}");
    assert_eq!(message_in(&response)["result"]["structuredContent"], json!({ "result": 6.5 }));
}

#[test]
fn a_tool_asks_the_person_and_goes_on_with_the_answer() {
    let (server, token) = connect("math:basic");
    let arguments = json!({ "number": 2.71728 });
    let able = json!({ format!("{META}clientCapabilities"): { "elicitation": { "form": {} } } });
    let round = |more: Value| {
        // With somebody who watches as well, who is told in the same stream.
        let mut meta = able.clone();
        meta["progressToken"] = json!(1);
        message_in(&server.send(&call(&token, "round_number", arguments.clone(), meta, more)))
    };
    let asked = round(json!({}));
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    let questions = asked["result"]["inputRequests"].as_object().unwrap();
    let (key, question) = questions.iter().next().unwrap();
    assert_eq!(text(question, "/params/message"), "How precisely do you want 2.71728?");
    let schema = &question["params"]["requestedSchema"];
    assert_eq!(schema["properties"]["digits"]["maximum"], 10, "{schema}");
    let state = &asked["result"]["requestState"];
    let answer = |answer: Value| round(json!({ "requestState": state, "inputResponses": { key: answer } }));
    let rounded = answer(json!({ "action": "accept", "content": { "digits": 2 } }));
    assert_eq!(rounded["result"]["structuredContent"], json!({ "result": 2.72 }), "{rounded}");
    let odd = answer(json!({ "action": "accept", "content": { "other": 2 } }));
    assert!(odd["result"]["isError"] == true || odd["error"]["code"] == -32602, "{odd}");
    for action in ["decline", "cancel"] {
        let refused = answer(json!({ "action": action }));
        assert_eq!(refused["result"]["isError"], true, "{refused}");
        assert_eq!(text(&refused, "/result/content/0/text"), "Nobody said how precisely.");
    }
}

#[test]
fn a_client_that_cannot_ask_is_told_what_it_takes() {
    let (server, token) = connect("math:basic");
    for meta in [json!({}), json!({ "progressToken": 1 })] {
        let answer =
            message_in(&server.send(&call(&token, "round_number", json!({ "number": 1 }), meta, json!({}))));
        assert_eq!(answer["error"]["code"], -32021, "{answer}");
    }
}
