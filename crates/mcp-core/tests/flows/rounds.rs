//! Calls in rounds: what a tool asks, and what becomes of the answers.

use crate::bench::{Bench, Reply, Request, error, json, result};
use serde_json::{Value, json};

const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// A call by a client that can be asked with forms.
fn call(name: &str, more: Value) -> Request {
    let mut params = json!({ "name": name, "arguments": { "n": 1 } });
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let request = Request::modern("tools/call", params).token("lasting");
    request.edit(|message| message["params"]["_meta"][CAPABILITIES] = json!({ "elicitation": {} }))
}

fn accept(key: &str, value: &str) -> Value {
    json!({ key: { "action": "accept", "content": { key: value } } })
}

fn asked(reply: &Reply) -> Value {
    let result = result(reply);
    assert_eq!(result["resultType"], "input_required");
    result
}

fn retry(state: &Value, responses: Value) -> Value {
    json!({ "requestState": state, "inputResponses": responses })
}

fn text(reply: &Reply) -> Value {
    let mut result = result(reply);
    assert_eq!(result["resultType"], "complete");
    result["content"][0]["text"].take()
}

/// MCP-R-01, MCP-R-02, MCP-M-36, MCP-B-13: the whole result.
#[test]
fn tool_that_asks_is_answered_by_calling_again() {
    let bench = Bench::new();
    let first = asked(&bench.send(call("asks", json!({}))));
    let state = first["requestState"].clone();
    let mut expected = json!({
        "resultType": "input_required",
        "inputRequests": { "name": { "method": "elicitation/create", "params": {
            "message": "What name?",
            "requestedSchema": { "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] },
        } } },
        "requestState": state,
        "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "postern", "title": "Postern" } },
    });
    expected["_meta"]["io.modelcontextprotocol/serverInfo"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    assert_eq!(first, expected);
    assert!(!state.as_str().unwrap().contains("kept"), "sealed");
    // MCP-R-04, MCP-R-05: nothing is stored, and the next round may come anywhere.
    assert!(bench.store.is_empty());
    let elsewhere = Bench::new();
    let told = text(&elsewhere.send(call("asks", retry(&state, accept("name", "Alice")))));
    assert_eq!(told, "Hello, Alice! kept");
}

/// MCP-R-06 to MCP-R-09: refused, and the tool is not called.
#[test]
fn state_is_good_for_the_same_caller_and_call_only() {
    let bench = Bench::new();
    let first = asked(&bench.send(call("asks", json!({}))));
    let state = &first["requestState"];
    let again = retry(state, accept("name", "Alice"));
    let tampered = format!("{}-TAMPERED", state.as_str().unwrap());
    let calls = bench.effects().1;
    for bad in [
        call("asks", retry(&json!(tampered), accept("name", "Alice"))),
        call("asks", retry(&json!(""), json!({}))),
        call("asks", retry(&json!(null), json!({}))),
        call("asks", retry(&json!(5), json!({}))),
        call("asks", retry(&json!("x".repeat(200_000)), json!({}))),
        call("asks-twice", again.clone()),
        call("asks", again.clone()).token("bob"),
        call("asks", again.clone()).edit(|message| message["params"]["arguments"] = json!({ "n": 2 })),
        call("asks", again.clone()).edit(|message| message["params"]["arguments"] = json!({})),
    ] {
        assert_eq!(error(&bench.send(bad)), (200, -32602));
    }
    // MCP-R-08.
    bench.later.set(59 * 60 * 1000);
    assert_eq!(text(&bench.send(call("asks", again.clone()))), "Hello, Alice! kept");
    bench.later.set(60 * 60 * 1000);
    assert_eq!(error(&bench.send(call("asks", again))), (200, -32602));
    assert_eq!(bench.effects().1, calls + 1);
}

/// MCP-R-11, MCP-R-12, MCP-R-16.
#[test]
fn tool_is_told_what_was_answered_and_asks_again_for_the_rest() {
    let bench = Bench::new();
    let state = asked(&bench.send(call("asks", json!({}))))["requestState"].clone();
    for nothing in [json!({}), accept("wrong_key", "Alice")] {
        asked(&bench.send(call("asks", retry(&state, nothing))));
    }
    asked(&bench.send(call("asks", json!({ "requestState": state }))));
    let mut more = accept("name", "Alice");
    more["other"] = json!(5);
    assert_eq!(text(&bench.send(call("asks", retry(&state, more)))), "Hello, Alice! kept");
    let declined = json!({ "name": { "action": "decline" } });
    assert_eq!(text(&bench.send(call("asks", retry(&state, declined)))), "Hello, nothing! kept");
    asked(&bench.send(call("asks", retry(&state, json!({ "name": { "action": "cancel" } })))));
}

/// MCP-R-13, MCP-R-29.
#[test]
fn answers_that_are_none_are_refused() {
    let bench = Bench::new();
    let state = asked(&bench.send(call("asks", json!({}))))["requestState"].clone();
    let calls = bench.effects().1;
    for bad in [
        json!(null),
        json!([]),
        json!({ "name": 12345 }),
        json!({ "name": { "action": "accept", "content": { "name": 5 } } }),
        json!({ "name": { "action": "accept" } }),
    ] {
        assert_eq!(error(&bench.send(call("asks", retry(&state, bad.clone())))), (200, -32602), "{bad}");
        if bad.is_null() {
            assert_eq!(error(&bench.send(call("asks", json!({ "inputResponses": bad })))), (200, -32602));
        }
    }
    assert_eq!(bench.effects().1, calls);
}

/// MCP-R-14.
#[test]
fn first_call_may_bring_the_answers_along() {
    let bench = Bench::new();
    let reply = bench.send(call("asks", json!({ "inputResponses": accept("name", "Alice") })));
    assert_eq!(text(&reply), "Hello, Alice! ");
}

/// MCP-R-15.
#[test]
fn rounds_follow_each_other_with_a_state_of_their_own() {
    let bench = Bench::new();
    let one = asked(&bench.send(call("asks-twice", json!({}))))["requestState"].clone();
    let reply = bench.send(call("asks-twice", retry(&one, accept("name", "Alice"))));
    let two = asked(&reply);
    assert!(two["inputRequests"].get("name").is_none() && two["inputRequests"].get("colour").is_some());
    assert_ne!(two["requestState"], one);
    let reply = bench.send(call("asks-twice", retry(&two["requestState"], accept("colour", "red"))));
    assert_eq!(text(&reply), "2Alice red");
}

/// MCP-R-34: a tool that is never content is stopped.
#[test]
fn rounds_come_to_an_end() {
    let bench = Bench::new();
    let mut params = json!({});
    for _ in 0..64 {
        let asked = asked(&bench.send(call("asks-for-ever", params)));
        // MCP-R-02: a state alone asks to call again.
        assert!(asked.get("inputRequests").is_none());
        params = json!({ "requestState": asked["requestState"] });
    }
    assert_eq!(error(&bench.send(call("asks-for-ever", params))), (200, -32603));
    assert_eq!(*bench.log.borrow(), ["mcp: tool asks-for-ever: it has asked too often"]);
}

#[test]
fn tool_may_ask_for_nothing_but_another_call() {
    let bench = Bench::new();
    let state = asked(&bench.send(call("asks-for-nothing", json!({}))))["requestState"].clone();
    assert_eq!(text(&bench.send(call("asks-for-nothing", json!({ "requestState": state })))), "again");
}

/// MCP-R-03, MCP-T-36: an object shaped like client capabilities, and a status.
#[test]
fn client_that_offers_too_little_is_told_what_it_takes() {
    for offered in [json!({}), json!({ "elicitation": { "url": {} } }), json!({ "sampling": {} })] {
        let request = call("asks", json!({}))
            .edit(|message| message["params"]["_meta"][CAPABILITIES] = offered.clone());
        let reply = Bench::new().send(request);
        assert_eq!(error(&reply), (400, -32021), "{offered}");
        let data = &json(&reply)["error"]["data"];
        assert_eq!(*data, json!({ "requiredCapabilities": { "elicitation": { "form": {} } } }));
    }
}

/// TL-08.
#[test]
fn tool_that_asks_against_the_rules_is_broken() {
    for (tool, line) in [
        ("asks-badly", "the keys of its questions are not unique or of a bad length"),
        ("keeps-too-much", "what it keeps for the next round is too large"),
    ] {
        let bench = Bench::new();
        assert_eq!(error(&bench.send(call(tool, json!({})))), (200, -32603));
        assert_eq!(*bench.log.borrow(), [format!("mcp: tool {tool}: {line}")]);
    }
}

/// MCP-T-38, MCP-T-39, MCP-T-40: nothing follows it, and it is no request.
#[test]
fn question_is_the_last_message_of_a_stream() {
    let request = call("asks-while-telling", json!({}))
        .edit(|message| message["params"]["_meta"]["progressToken"] = json!("p"));
    let reply = Bench::new().send(request);
    let messages = crate::streams::messages(&reply);
    let [told, asked] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(told["method"], "notifications/progress");
    assert_eq!(asked["result"]["resultType"], "input_required");
    assert!(asked.get("method").is_none());
}

/// TL-01, MCP-M-08: a retry's arguments are checked like the first one's.
#[test]
fn keys_that_cannot_be_had_are_an_outage() {
    let bench = Bench::with(|shared| shared.has_keys.set(false));
    assert_eq!(error(&bench.send(call("asks", json!({})))), (200, -32603));
    let retry = retry(&json!("AAAA"), json!({}));
    assert_eq!(error(&bench.send(call("asks", retry))), (200, -32602), "nothing valid can exist");
}
