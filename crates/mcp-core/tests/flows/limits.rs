//! Tools that take too long, or say too much: their own call ends with a result that says so, and nothing else does.

use crate::bench::{Bench, Request, error, json, result};
use crate::sessions::Client;
use crate::streams::messages;
use mcp_core::ToolLimits;
use serde_json::{Value, json};
use std::time::Duration;

fn bench(change: impl FnOnce(&mut ToolLimits)) -> Bench {
    let mut limits = ToolLimits::default();
    change(&mut limits);
    Bench::with(|shared| shared.tool_limits.set(limits))
}

fn call(tool: &str) -> [Request; 2] {
    // Time passes here, and tokens with it.
    let request = |request: fn(&str, Value) -> Request| request("tools/call", json!({ "name": tool }));
    [Request::modern, Request::legacy].map(|of_era| request(of_era).token("lasting"))
}

fn stopped(why: &str) -> Value {
    json!([{ "type": "text", "text": why }])
}

const TOO_LATE: &str = "The tool did not finish within 4s, and was stopped";

/// TL-03: hanging before the first word, between two, and before the last.
#[test]
fn tool_that_takes_too_long_has_a_result_that_says_so() {
    for tool in ["never-answers", "never-ends", "goes-silent"] {
        for request in call(tool) {
            let bench = bench(|limits| limits.timeout = Duration::from_secs(4));
            let result = result(&bench.send(request));
            assert_eq!((&result["isError"], &result["content"]), (&json!(true), &stopped(TOO_LATE)));
            assert_eq!(*bench.log.borrow(), [format!("mcp: tool {tool}: it took too long and was stopped")]);
            // The same server goes on.
            for request in call("add") {
                assert!(crate::bench::result(&bench.send(request)).get("isError").is_none());
            }
        }
    }
}

/// TL-03: the same where the client sees how far the call is.
#[test]
fn tool_that_takes_too_long_ends_its_stream() {
    let bench = bench(|limits| limits.timeout = Duration::from_secs(4));
    for request in call("goes-silent") {
        let request = request.edit(|message| message["params"]["_meta"]["progressToken"] = json!("t"));
        let told = messages(&bench.send(request));
        assert_eq!(told.iter().filter(|message| message["method"] == "notifications/progress").count(), 2);
        assert_eq!(told.last().unwrap()["result"]["isError"], true);
    }
}

/// TL-03, in a session: the request is answered, and its session goes on.
#[test]
fn tool_that_takes_too_long_ends_its_request_of_a_session() {
    for tool in ["never-answers", "never-ends", "goes-silent"] {
        let bench = bench(|limits| limits.timeout = Duration::from_secs(4));
        let client = Client::connect(&bench, "2025-11-25");
        let told = result(&client.send("tools/call", json!({ "name": tool })));
        assert_eq!((&told["isError"], &told["content"]), (&json!(true), &stopped(TOO_LATE)), "{tool}");
        result(&client.send("tools/call", json!({ "name": "add" })));
    }
}

/// TL-07, DQ-09: what is more than the limit is dropped, and who never stops is given up. Large ones count for several.
#[test]
fn tool_that_never_stops_telling_is_given_up() {
    for tool in ["floods", "floods-with-text"] {
        for request in call(tool) {
            let bench = bench(|limits| limits.notifications = 5);
            let request = request.edit(|message| message["params"]["_meta"]["progressToken"] = json!("t"));
            let reply = bench.send(request);
            let told = if tool == "floods" { messages(&reply) } else { vec![json(&reply)] };
            assert_eq!(told.len(), if tool == "floods" { 6 } else { 1 });
            let result = &told.last().unwrap()["result"];
            let why = "The tool sent too many notifications, and was stopped";
            assert_eq!((&result["isError"], &result["content"]), (&json!(true), &stopped(why)));
            assert_eq!(*bench.log.borrow(), [format!("mcp: tool {tool}: it told too much and was stopped")]);
        }
    }
}

/// TL-07: the limit is on what is sent, to the byte.
#[test]
fn result_that_is_too_large_is_not_sent() {
    let bench = bench(|limits| limits.output = 2048);
    let send = |bytes: usize| {
        let call = json!({ "name": "gives-bytes", "arguments": { "bytes": bytes } });
        bench.send(Request::legacy("tools/call", call))
    };
    let empty = send(0).body.len();
    let largest = send(2048 - empty);
    assert_eq!((largest.body.len(), result(&largest).get("isError")), (2048, None));
    for bytes in [2049 - empty, 2048, 1_000_000] {
        let told = result(&send(bytes));
        let why = "The tool's result is larger than 2 KiB, the most that is sent";
        assert_eq!((&told["isError"], &told["content"]), (&json!(true), &stopped(why)));
        assert_eq!(bench.log.take(), ["mcp: tool gives-bytes: its result is larger than is sent"]);
    }
    let default = Bench::new();
    for request in call("gives-too-much") {
        assert_eq!(result(&default.send(request))["isError"], true);
    }
}

/// TL-08: scopes go into a header, where there is room for some.
#[test]
fn tool_cannot_ask_for_scopes_without_end() {
    for request in call("wants-every-scope") {
        let bench = Bench::new();
        assert_eq!(error(&bench.send(request)), (200, -32603));
        assert_eq!(
            *bench.log.borrow(),
            ["mcp: tool wants-every-scope: it asks for more scopes than there can be"]
        );
    }
}
