//! What becomes of a call: results, failures, and where the difference is told.

use crate::bench::{Bench, Request, error, json, result};
use mcp_core::ports::ToolsError;
use serde_json::{Value, json};

fn both(name: &str) -> [(Bench, Request); 2] {
    [Request::modern, Request::legacy]
        .map(|request| (Bench::new(), request("tools/call", json!({ "name": name }))))
}

/// MCP-M-06, TL-02.
#[test]
fn unknown_tool_is_a_protocol_error() {
    for name in ["nothing", "Add", "add ", "../add", "tools/call", ""] {
        for (bench, call) in both(name) {
            let call = call.header("mcp-name", &format!("=?base64?{}?=", base64(name)));
            let reply = bench.send(call);
            assert_eq!(error(&reply), (200, -32602), "{name}");
            assert_eq!(json(&reply)["error"]["message"], format!("Unknown tool: {name}"));
            assert_eq!(bench.effects().1, 0);
        }
    }
}

/// By hand, so that the decoder under test is not its own witness.
fn base64(text: &str) -> &'static str {
    match text {
        "nothing" => "bm90aGluZw==",
        "Add" => "QWRk",
        "add " => "YWRkIA==",
        "../add" => "Li4vYWRk",
        "tools/call" => "dG9vbHMvY2FsbA==",
        "" => "",
        _ => panic!("{text}"),
    }
}

/// MCP-M-07.
#[test]
fn arguments_may_be_left_out() {
    let bench = Bench::new();
    result(&bench.send(Request::legacy("tools/call", json!({ "name": "add" }))));
    assert_eq!(bench.calls.borrow()[0].1.arguments, "{}");
}

/// The tolerance `null_parameters`.
#[test]
fn null_counts_as_left_out_while_the_tolerance_is_on() {
    let bench = Bench::new();
    let requests = || {
        [
            Request::legacy("tools/call", json!({ "name": "add", "arguments": null })),
            Request::legacy("tools/list", json!({ "cursor": null })),
        ]
    };
    for request in requests() {
        result(&bench.send(request));
    }
    assert_eq!(bench.calls.borrow()[0].1.arguments, "{}");
    bench.be_strict(|tolerances| tolerances.null_parameters = false);
    for request in requests() {
        assert_eq!(error(&bench.send(request)), (200, -32602));
    }
}

/// What the client wrote is what the tool reads: no digit is lost on the way.
#[test]
fn arguments_reach_the_tool_as_they_were_written() {
    let bench = Bench::new();
    let arguments = r#"{ "n": 12345678901234567890.10, "e": 1E2, "s": "\u00e4" }"#;
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"\u0061dd","arguments":{arguments}}}}}"#
    );
    result(&bench.send(Request::post(body)));
    let (_, call) = bench.calls.borrow()[0].clone();
    assert_eq!((&*call.name, &*call.arguments), ("add", arguments));
}

/// Malformed parameters are the client's fault in every revision.
#[test]
fn malformed_parameters_are_a_protocol_error() {
    for params in [
        json!({}),
        json!({ "name": 5 }),
        json!({ "name": null }),
        json!({ "name": "add", "arguments": [1] }),
        json!({ "name": "add", "arguments": "{}" }),
    ] {
        let bench = Bench::new();
        assert_eq!(
            error(&bench.send(Request::legacy("tools/call", params.clone()))),
            (200, -32602),
            "{params}"
        );
        assert_eq!(bench.effects().1, 0);
    }
    let call = Request::modern("tools/call", json!({ "name": "add", "arguments": 5 }));
    assert_eq!(error(&Bench::new().send(call)), (200, -32602));
}

/// MCP-M-08, MCP-M-09.
#[test]
fn arguments_that_do_not_fit_are_told_as_the_revision_says() {
    for (bench, call) in both("refuses-arguments") {
        let told = result(&bench.send(call));
        assert_eq!(told["isError"], true);
        assert_eq!(told["content"], json!([{ "type": "text", "text": "a must be a number" }]));
    }
    let call = Request::legacy("tools/call", json!({ "name": "refuses-arguments" }));
    let reply = Bench::new().send(call.header("mcp-protocol-version", "2025-06-18"));
    assert_eq!(error(&reply), (200, -32602));
    assert_eq!(json(&reply)["error"]["message"], "a must be a number");
}

/// MCP-M-10.
#[test]
fn tool_that_fails_has_a_result() {
    for (bench, call) in both("fails") {
        let told = result(&bench.send(call));
        assert_eq!(told["isError"], true);
        assert_eq!(told["content"][0]["text"], "Division by zero");
    }
}

/// MCP-M-13, MCP-M-14.
#[test]
fn structured_content_that_is_no_object_is_for_modern_clients() {
    let [modern, legacy] = both("gives-a-list").map(|(bench, call)| result(&bench.send(call)));
    assert_eq!(modern["structuredContent"], json!([1]));
    assert!(legacy.get("structuredContent").is_none());
    assert_eq!(modern["content"], legacy["content"]);

    let schema = |request: Request| {
        let tools = result(&Bench::new().send(request));
        let tool = tools["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == "gives-a-list");
        tool.unwrap().get("outputSchema").cloned()
    };
    assert_eq!(schema(Request::modern("tools/list", json!({}))), Some(json!({ "type": "array" })));
    assert_eq!(schema(Request::legacy("tools/list", json!({}))), None);
}

/// MCP-M-12.
#[test]
fn structured_content_without_text_is_given_some() {
    for (bench, call) in both("gives-structure-only") {
        let told = result(&bench.send(call));
        assert_eq!(told["content"], json!([{ "type": "text", "text": "{\"n\": 1}" }]));
        assert_eq!(told["structuredContent"], json!({ "n": 1 }));
    }
}

/// MP-21, I12: the cause is for the operator.
/// MCP-M-52.
#[test]
fn cause_of_a_failure_is_logged_and_not_told() {
    for (tool, line) in [
        ("is-broken", "mcp: tool is-broken: call-tool failed: DETAIL-secret trace="),
        ("is-unavailable", "mcp: tool is-unavailable: call-tool failed: unavailable trace="),
    ] {
        for (bench, call) in both(tool) {
            let reply = bench.send(call);
            assert_eq!(error(&reply), (200, -32603), "{tool}");
            let logged = bench.log.take();
            assert!(logged.len() == 1 && logged[0].starts_with(line), "{logged:?}");
            // U16: what the person reports is what the operator looks for.
            if tool == "is-broken" {
                let (_, trace) = logged[0].split_once("trace=").unwrap();
                let error = &json(&reply)["error"];
                assert_eq!((trace.len(), &error["data"]["traceId"]), (16, &json!(trace)));
                assert!(error["message"].as_str().unwrap().ends_with(&format!("trace={trace}")), "{error}");
            }
        }
    }
    for error_of_list in
        [ToolsError::Unavailable, ToolsError::Other("DETAIL-secret".into()), ToolsError::UnknownTool]
    {
        let bench = Bench::with(|shared| shared.tools_error = Some(error_of_list));
        for method in ["tools/list", "tools/call"] {
            let reply = bench.send(Request::modern(method, json!({ "name": "add" })));
            assert_eq!(error(&reply), (200, -32603));
        }
        assert_eq!(bench.log.borrow().len(), 2);
        assert_eq!(bench.effects().1, 0);
    }
}

/// TL-08, MCP-M-11.
#[test]
fn result_that_breaks_its_promise_is_an_internal_error() {
    for (tool, line) in [
        ("gives-no-json", "mcp: tool gives-no-json: its structured content is not JSON"),
        (
            "forgets-structure",
            "mcp: tool forgets-structure: its result lacks the structured content it promises",
        ),
    ] {
        for (bench, call) in both(tool) {
            assert_eq!(error(&bench.send(call)), (200, -32603), "{tool}");
            assert_eq!(*bench.log.borrow(), [line]);
        }
    }
}

/// TL-08, MCP-M-02: one bad description does not take the others with it.
#[test]
fn tool_with_a_bad_schema_is_left_out_of_the_list() {
    let bench = Bench::new();
    let listed = result(&bench.send(Request::modern("tools/list", json!({}))));
    let tools = listed["tools"].as_array().unwrap();
    assert!(tools.iter().all(|tool| tool["inputSchema"]["type"] == "object"));
    let names = tools.iter().map(|tool| &tool["name"]).collect::<Vec<&Value>>();
    assert!(names.contains(&&json!("add")) && !names.contains(&&json!("has-a-bad-schema")), "{names:?}");
    let line = "mcp: tool has-a-bad-schema: its input schema is not a JSON object";
    assert!(bench.log.borrow().iter().any(|logged| logged == line), "{:?}", bench.log.borrow());
}

/// TL-01, MCP-M-08, MCP-M-09, MCP-M-15: the tool is not called with arguments that do not fit its schema.
#[test]
fn arguments_are_checked_before_the_tool_is_called() {
    for (arguments, reason) in [
        (json!({}), "missing properties 'n'"),
        (json!({ "n": "1" }), "at '/n': want integer, but got string"),
        (json!({ "n": 10 }), "at '/n': must be <=9, but got 10"),
        (json!({ "n": 1, "__proto__": 2 }), "additionalProperties '__proto__' not allowed"),
    ] {
        let params = json!({ "name": "takes-a-number", "arguments": arguments });
        let told = format!("The arguments do not fit: {reason}");
        for request in [Request::modern, Request::legacy] {
            let bench = Bench::new();
            let result = result(&bench.send(request("tools/call", params.clone())));
            assert_eq!((&result["isError"], &result["content"][0]["text"]), (&json!(true), &json!(told)));
            assert_eq!(bench.effects().1, 0);
        }
        let bench = Bench::new();
        let old = Request::legacy("tools/call", params).header("mcp-protocol-version", "2025-06-18");
        let reply = bench.send(old);
        assert_eq!((error(&reply), &json(&reply)["error"]["message"]), ((200, -32602), &json!(told)));
        assert_eq!(bench.effects().1, 0);
    }
    let good = json!({ "name": "takes-a-number", "arguments": { "n": 9 } });
    assert!(result(&Bench::new().send(Request::modern("tools/call", good))).get("isError").is_none());
}

/// MCP-B-18, MCP-B-19, MP-20: nothing is fetched, and nothing is called unchecked.
#[test]
fn tool_whose_schema_cannot_be_used_says_so() {
    for (tool, why) in [
        ("has-a-dialect", "it is of an unknown dialect"),
        ("refers-elsewhere", "it is not valid, or refers to another document"),
        ("has-a-bad-schema", "it is not JSON"),
    ] {
        for (bench, call) in both(tool) {
            let reply = bench.send(call);
            assert_eq!(error(&reply), (200, -32603));
            assert_eq!(
                json(&reply)["error"]["message"],
                format!("The tool's input schema cannot be used: {why}")
            );
            assert_eq!(*bench.log.borrow(), [format!("mcp: tool {tool}: {why}")]);
            assert_eq!(bench.effects().1, 0);
        }
    }
}

/// The hot path: a call that asks for nothing of all this touches neither store nor keys.
#[test]
fn plain_call_costs_no_store_operation() {
    let bench = Bench::new();
    result(&bench.send(Request::modern("tools/call", json!({ "name": "add" }))));
    let operations = bench.store.take_operations();
    assert_eq!((operations.reads, operations.writes), (0, 0));
}
