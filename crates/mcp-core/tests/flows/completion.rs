//! What could be meant by the beginning of a value: `completion/complete`.

use crate::bench::{Bench, Request, challenge, error, json, result};
use serde_json::{Value, json};

fn complete(reference: Value, argument: &str, value: &str) -> Request {
    let params = json!({ "ref": reference, "argument": { "name": argument, "value": value } });
    Request::modern("completion/complete", params)
}

fn greet() -> Value {
    json!({ "type": "ref/prompt", "name": "greet" })
}

fn notes() -> Value {
    json!({ "type": "ref/resource", "uri": "notes://{year}/{title}" })
}

/// MCP-M-28; not cacheable, so no hints (MCP-M-34).
#[test]
fn values_are_suggested() {
    let bench = Bench::new();
    let completed = result(&bench.send(complete(greet(), "tone", "warm")));
    assert_eq!(completed["completion"], json!({ "values": ["warm!"], "total": 1, "hasMore": false }));
    assert_eq!(completed["resultType"], "complete");
    assert!(completed.get("ttlMs").is_none());
    let completed = result(&bench.send(complete(notes(), "year", "202")));
    assert_eq!(completed["completion"], json!({ "values": ["2025", "2026"], "hasMore": false }));
    let params = json!({ "ref": greet(), "argument": { "name": "name", "value": "" } });
    let completed = result(&bench.send(Request::legacy("completion/complete", params)));
    assert_eq!(completed, json!({ "completion": { "values": ["!"], "total": 1, "hasMore": false } }));
    assert_eq!(bench.completions.borrow()[1].1.of, "notes://{year}/{title}");
}

/// Only what the prompt declares gets there.
#[test]
fn values_that_are_there_already_are_passed_on() {
    let bench = Bench::new();
    let request = complete(greet(), "tone", "").edit(|message| {
        message["params"]["context"] = json!({ "arguments": { "name": "Ada", "other": "x" } });
    });
    result(&bench.send(request));
    assert_eq!(bench.completions.borrow()[0].1.context, [("name".to_owned(), "Ada".to_owned())]);
    for context in [json!({}), json!(null), json!({ "arguments": null })] {
        let request =
            complete(greet(), "tone", "").edit(|message| message["params"]["context"] = context.clone());
        result(&bench.send(request));
    }
}

/// MCP-M-29.
#[test]
fn at_most_a_hundred_values_are_given() {
    let completed = result(&Bench::new().send(complete(greet(), "tone", "many")));
    assert_eq!(completed["completion"]["values"].as_array().unwrap().len(), 100);
    assert_eq!(completed["completion"]["total"], 1000);
    assert_eq!(completed["completion"]["hasMore"], true);
}

/// MCP-M-30, MCP-M-31.
#[test]
fn what_is_unknown_or_malformed_is_refused() {
    let bench = Bench::new();
    for (reference, argument) in [
        (json!({ "type": "ref/prompt", "name": "absent" }), "name"),
        (greet(), "absent"),
        (greet(), "Name"),
        (json!({ "type": "ref/resource", "uri": "absent://{x}" }), "x"),
        (json!({ "type": "ref/resource", "uri": "test://bench/text" }), "x"),
        (json!({ "type": "ref/resource", "uri": "broken://{" }), "x"),
        (notes(), "month"),
        (json!({ "type": "ref/tool", "name": "add" }), "a"),
        (json!({ "type": "ref/prompt" }), "name"),
        (json!({ "type": "ref/resource", "name": "greet" }), "name"),
        (json!("greet"), "name"),
        (json!(null), "name"),
    ] {
        let reply = bench.send(complete(reference.clone(), argument, ""));
        assert_eq!(error(&reply), (200, -32602), "{reference} {argument}");
    }
    for (member, value) in [
        ("argument", json!(null)),
        ("argument", json!({ "name": "tone" })),
        ("argument", json!({ "name": "tone", "value": 7 })),
        ("context", json!("x")),
        ("context", json!({ "arguments": { "name": 7 } })),
    ] {
        let request = complete(greet(), "tone", "").edit(|message| message["params"][member] = value.clone());
        assert_eq!(error(&bench.send(request)), (200, -32602), "{member} {value}");
    }
    assert!(bench.completions.borrow().is_empty());
    let reply = bench.send(complete(greet(), "tone", "refuse"));
    assert_eq!(json(&reply)["error"]["message"], "no such beginning");
    assert_eq!(error(&bench.send(complete(greet(), "tone", "fail"))), (200, -32603));
}

/// MCP-M-31, RS-08: suggestions could tell what may not be read.
#[test]
fn lacking_scope_is_challenged() {
    let bench = Bench::new();
    for reference in [greet(), notes()] {
        let argument = if reference["name"] == "greet" { "name" } else { "year" };
        let reply = bench.send(complete(reference, argument, "").token("no-scopes"));
        assert_eq!(reply.status, 403);
        assert!(challenge(&reply).contains(r#"scope="math:basic""#));
    }
    assert!(bench.completions.borrow().is_empty());
}
