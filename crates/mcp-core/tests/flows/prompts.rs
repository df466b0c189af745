//! What can be said: `prompts/list`, `prompts/get`.

use crate::bench::{Bench, Request, challenge, error, json, result};
use serde_json::{Value, json};

fn get(name: &str, arguments: Value) -> Request {
    Request::modern("prompts/get", json!({ "name": name, "arguments": arguments }))
}

/// MCP-M-01, MCP-M-34.
#[test]
fn prompts_are_listed() {
    let bench = Bench::new();
    for request in [Request::legacy, Request::modern] {
        let listed = result(&bench.send(request("prompts/list", json!({}))));
        assert_eq!(listed["prompts"][0], json!({ "name": "simple" }));
        assert_eq!(
            listed["prompts"][1],
            json!({
                "name": "greet",
                "title": "Greet",
                "description": "Greets somebody",
                "arguments": [
                    { "name": "name", "title": "Name", "description": "Whom", "required": true },
                    { "name": "tone", "required": false },
                ],
            })
        );
    }
    let listed = result(&bench.send(Request::modern("prompts/list", json!({}))));
    assert_eq!((&listed["cacheScope"], listed["ttlMs"].is_u64()), (&json!("private"), true));
    assert!(result(&bench.send(Request::legacy("prompts/list", json!({})))).get("ttlMs").is_none());
}

/// MCP-M-27; not cacheable, so no hints (MCP-M-34).
#[test]
fn prompts_are_given() {
    let bench = Bench::new();
    let given = result(&bench.send(get("greet", json!({ "name": "Ada" }))));
    assert_eq!((&given["description"], &given["resultType"]), (&json!("A greeting"), &json!("complete")));
    assert_eq!(
        given["messages"],
        json!([
            { "role": "user", "content": { "type": "text", "text": "Greet Ada." } },
            { "role": "assistant", "content": {
                "type": "resource",
                "resource": { "uri": "test://bench/text", "mimeType": "text/plain", "text": "hello" },
            } },
        ])
    );
    assert!(given.get("ttlMs").is_none() && given.get("cacheScope").is_none());
    assert_eq!(bench.gets.borrow()[0].1.arguments, [("name".to_owned(), "Ada".to_owned())]);

    let given = result(&bench.send(Request::legacy("prompts/get", json!({ "name": "simple" }))));
    assert_eq!(
        given,
        json!({ "messages": [{ "role": "user", "content": { "type": "text", "text": "Say something." } }] })
    );
}

/// MCP-M-26; the prompts are not asked.
#[test]
fn unknown_prompts_and_arguments_that_do_not_fit_are_refused() {
    let bench = Bench::new();
    for (name, arguments, message) in [
        ("absent", json!({}), "Unknown prompt: absent"),
        ("Greet", json!({ "name": "Ada" }), "Unknown prompt: Greet"),
        ("greet", json!({}), "Missing argument: name"),
        ("greet", json!({ "name": null }), "Missing argument: name"),
        ("greet", json!(null), "Missing argument: name"),
        ("greet", json!({ "name": "Ada", "toString": "x" }), "Unknown argument: toString"),
        ("greet", json!({ "name": 7 }), "arguments must be an object of strings"),
        ("greet", json!(["Ada"]), "arguments must be an object of strings"),
        ("greet", json!("Ada"), "arguments must be an object of strings"),
    ] {
        let reply = bench.send(get(name, arguments));
        assert_eq!(error(&reply), (200, -32602), "{message}");
        assert_eq!(json(&reply)["error"]["message"], message);
    }
    let reply = bench.send(Request::legacy("prompts/get", json!({ "name": 7 })));
    assert_eq!(error(&reply), (200, -32602));
    assert!(bench.gets.borrow().is_empty());
    // The prompt itself knows better.
    let reply = bench.send(get("refuses-arguments", json!({})));
    assert_eq!((error(&reply), &json(&reply)["error"]["message"]), ((200, -32602), &json!("no such tone")));
}

/// MCP-T-15, MCP-T-16.
#[test]
fn header_and_name_must_agree() {
    let bench = Bench::new();
    let request = get("simple", json!({}));
    assert_eq!(error(&bench.send(request.clone().header("mcp-name", "greet"))), (400, -32020));
    assert_eq!(error(&bench.send(request.without("mcp-name"))), (400, -32020));
    assert!(bench.gets.borrow().is_empty());
}

/// RS-08, MCP-A-12.
#[test]
fn lacking_scope_is_challenged() {
    let bench = Bench::new();
    let reply = bench.send(get("needs-statistics", json!({})));
    assert!(challenge(&reply).contains(r#"scope="math:statistics math:basic""#));
    assert_eq!((reply.status.as_u16(), bench.gets.borrow().len()), (403, 0));
    let reply = bench.send(get("wants-more-scope", json!({})));
    assert!(challenge(&reply).contains(r#"scope="math:basic math:more""#));
    assert_eq!(error(&bench.send(get("wants-scope-that-is-there", json!({})))), (200, -32603));
}

/// I12.
#[test]
fn failures_have_fixed_texts() {
    let bench = Bench::new();
    for (name, message) in [("is-unavailable", "Temporarily unavailable"), ("is-broken", "Internal error")] {
        let reply = bench.send(get(name, json!({})));
        assert_eq!((error(&reply), &json(&reply)["error"]["message"]), ((200, -32603), &json!(message)));
    }
    assert!(bench.log.borrow().iter().any(|line| line.contains("get-prompt of the prompts failed")));
    assert_eq!(error(&bench.send(get("wants-a-form", json!({})))), (400, -32021));
}

/// MCP-R-01, MCP-R-09, MCP-R-11, MCP-R-12, MCP-R-16.
#[test]
fn a_prompt_may_ask_first() {
    let bench = Bench::new();
    let asks = |name: &str, responses: Option<Value>, state: Option<&Value>| {
        get("asks", json!({ "name": name })).edit(|message| {
            let params = &mut message["params"];
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": {} });
            if let Some(responses) = responses {
                params["inputResponses"] = responses;
            }
            if let Some(state) = state {
                params["requestState"] = state.clone();
            }
        })
    };
    let asked = result(&bench.send(asks("Ada", None, None)));
    assert_eq!(asked["resultType"], "input_required");
    assert!(asked["inputRequests"]["tone"]["params"]["message"].is_string());
    let state = &asked["requestState"];
    let given = |responses| result(&bench.send(asks("Ada", Some(responses), Some(state))));
    let warm = json!({ "action": "accept", "content": { "tone": "warm" } });
    assert_eq!(
        given(json!({ "tone": warm, "other": warm }))["messages"][0]["content"]["text"],
        r#"{"tone":"warm"}"#
    );
    assert_eq!(given(json!({ "tone": { "action": "decline" } }))["messages"][0]["content"]["text"], "none");
    assert_eq!(given(json!({ "other": warm }))["resultType"], "input_required");
    // Other arguments are another request.
    let other = asks("Eve", Some(json!({ "tone": warm })), Some(state));
    assert_eq!(error(&bench.send(other)), (200, -32602));
}
