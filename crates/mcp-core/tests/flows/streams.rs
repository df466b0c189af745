//! Answers that take a while: notifications before the result.

use crate::bench::{Bench, Reply, Request, json};
use serde_json::{Value, json};

/// A call of the tool that tells how it goes.
fn call(request: fn(&str, Value) -> Request, meta: Value) -> Request {
    request("tools/call", json!({ "name": "tells" })).edit(|message| {
        message["params"]["_meta"].as_object_mut().unwrap().extend(meta.as_object().unwrap().clone())
    })
}

fn legacy(method: &str, mut params: Value) -> Request {
    params["_meta"] = json!({});
    Request::legacy(method, params)
}

/// The messages of an event stream.
pub(crate) fn messages(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.headers["content-type"], "text/event-stream");
    let text = std::str::from_utf8(&reply.body).unwrap();
    let events = text.split("\n\n").filter(|event| !event.is_empty());
    let data = events.map(|event| event.strip_prefix("event: message\ndata: ").unwrap());
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// The token of the request, with its type; the result comes last.
#[test]
fn progress_comes_before_the_result_and_carries_the_token() {
    for token in [json!("t"), json!(7)] {
        for request in [Request::modern, legacy] {
            let reply = Bench::new().send(call(request, json!({ "progressToken": token })));
            let messages = messages(&reply);
            let [half, done, result] = &messages[..] else { panic!("{messages:?}") };
            assert_eq!(
                *half,
                json!({ "jsonrpc": "2.0", "method": "notifications/progress",
                        "params": { "progressToken": token, "progress": 1.0, "total": 2.0 } })
            );
            assert_eq!(done["params"]["message"], "done");
            assert_eq!(result["result"]["content"][0]["text"], "told");
        }
    }
}

/// A client that asked for nothing gets one message.
#[test]
fn without_a_wish_for_notifications_the_answer_is_plain_json() {
    let reply = Bench::new().send(call(Request::modern, json!({})));
    assert_eq!(json(&reply)["result"]["content"][0]["text"], "told");
}

#[test]
fn log_messages_go_to_who_asked_for_their_level() {
    for (level, told) in [("debug", true), ("info", true), ("notice", false)] {
        let wish = json!({ "io.modelcontextprotocol/logLevel": level });
        let reply = Bench::new().send(call(Request::modern, wish));
        if told {
            let params = json!({ "level": "info", "data": "half" });
            assert_eq!(messages(&reply)[0]["params"], params);
        } else {
            json(&reply);
        }
    }
}

/// A client that reads JSON only gets the result and no notification.
#[test]
fn notifications_are_dropped_for_a_client_that_reads_no_stream() {
    let request = call(Request::modern, json!({ "progressToken": 1 })).header("accept", "application/json");
    assert_eq!(json(&Bench::new().send(request))["result"]["content"][0]["text"], "told");
}

/// MCP-T-42, MCP-T-44, MCP-T-49: a slow call becomes a stream, on which something comes now and then. What it would have
/// had a status for is an error in it.
#[test]
fn slow_call_becomes_a_stream() {
    let slow = || Request::modern("tools/call", json!({ "name": "is-slow" })).token("lasting");
    let reply = Bench::new().send(slow());
    assert_eq!(
        (reply.status.as_u16(), reply.headers["content-type"].to_str().unwrap()),
        (200, "text/event-stream")
    );
    let text = std::str::from_utf8(&reply.body).unwrap();
    assert!(text.starts_with(":\n\n:\n\n"), "{text}");
    let last = text.trim_start_matches(":\n\n").strip_prefix("event: message\ndata: ").unwrap();
    assert_eq!(serde_json::from_str::<Value>(last).unwrap()["error"]["code"], -32600);
    // A client that reads JSON only waits, and gets its status.
    let reply = Bench::new().send(slow().header("accept", "application/json"));
    assert_eq!(reply.status, 403);
}
