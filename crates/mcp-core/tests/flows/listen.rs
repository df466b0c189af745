//! `subscriptions/listen`.

use crate::bench::{Bench, NOW, Request, error, json};
use futures_util::StreamExt;
use mcp_core::ports::IntrospectionError;
use serde_json::{Value, json};
use store_core::testing::block_on;
use web_core::Body;

const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

fn listen(notifications: Value) -> Request {
    Request::modern("subscriptions/listen", json!({ "notifications": notifications })).token("lasting")
}

fn changes() -> Request {
    Request::modern("tools/call", json!({ "name": "changes" })).token("lasting")
}

/// Listens, lets `meanwhile` happen after the acknowledgement, and reads until `count` messages have come or the
/// stream has ended.
async fn heard(bench: &Bench, request: Request, count: usize, meanwhile: impl AsyncFnOnce()) -> Vec<Value> {
    heard_after(1, bench, request, count, meanwhile).await
}

/// The same, but for something that happens after so many messages.
async fn heard_after(
    after: usize,
    bench: &Bench,
    request: Request,
    count: usize,
    meanwhile: impl AsyncFnOnce(),
) -> Vec<Value> {
    let Body::Stream(mut chunks) = bench.begin(request).await.body else { panic!("no stream") };
    let mut messages = Vec::new();
    let mut meanwhile = Some(meanwhile);
    let mut comments = 0;
    while messages.len() < count {
        let Some(chunk) = chunks.next().await else { break };
        let text = std::str::from_utf8(&chunk).unwrap();
        match text.strip_prefix("event: message\ndata: ") {
            Some(data) => messages.push(serde_json::from_str(data).unwrap()),
            None => {
                assert_eq!(text, ":\n\n");
                comments += 1;
                assert!(comments < 100, "nothing comes: {messages:?}");
            }
        }
        if messages.len() == after
            && let Some(meanwhile) = meanwhile.take()
        {
            meanwhile().await;
        }
    }
    messages
}

/// MCP-M-39, MCP-M-40, MCP-M-41, MCP-M-44, MCP-M-45: what was asked for, with the id of the request as it was written.
#[test]
fn listener_hears_of_what_it_asked_for() {
    block_on(async {
        for id in [json!(1), json!("listen-1")] {
            let bench = Bench::new();
            let request = listen(json!({
                "toolsListChanged": true, "promptsListChanged": false,
                "resourceSubscriptions":
                    ["test://bench/text", "test://bench/text", "test://bench/needs-statistics", "unlisted://x"],
            }))
            .edit(|message| message["id"] = id.clone());
            let messages = heard(&bench, request, 3, async || {
                bench.clone().begin(changes()).await;
            })
            .await;
            let meta = json!({ "io.modelcontextprotocol/subscriptionId": id });
            let message = |method: &str, mut params: Value| {
                params["_meta"] = meta.clone();
                json!({ "jsonrpc": "2.0", "method": method, "params": params })
            };
            assert_eq!(
                messages,
                [
                    message(
                        "notifications/subscriptions/acknowledged",
                        json!({ "notifications": { "toolsListChanged": true, "resourceSubscriptions": ["test://bench/text"] } })
                    ),
                    message("notifications/tools/list_changed", json!({})),
                    message("notifications/resources/updated", json!({ "uri": "test://bench/text" })),
                ]
            );
        }
    });
}

/// MCP-M-41: a listener for prompts does not hear of tools. What was before is no news.
#[test]
fn listener_hears_of_nothing_else() {
    block_on(async {
        let bench = Bench::new();
        bench.begin(changes()).await;
        let messages = heard(&bench, listen(json!({ "promptsListChanged": true })), 2, async || {
            bench.clone().begin(changes()).await;
        })
        .await;
        assert_eq!(messages[1]["method"], "notifications/prompts/list_changed");
    });
}

/// MCP-A-26, MCP-M-43: the stream ends with the result.
#[test]
fn stream_ends_with_its_token() {
    block_on(async {
        let bench = Bench::new();
        let request = listen(json!({ "toolsListChanged": true })).token("good-secret");
        let messages = heard(&bench, request, 9, async || {}).await;
        let [_, last] = &messages[..] else { panic!("{messages:?}") };
        let meta = &last["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
        assert_eq!(
            (&last["id"], &last["result"]["resultType"], meta),
            (&json!(1), &json!("complete"), &json!(1))
        );
        assert!(bench.later.get() <= 2_000, "the token was good for a second after {NOW}");

        let revoked = Bench::new();
        let messages = heard(&revoked, listen(json!({})), 9, async || revoked.is_revoked.set(true)).await;
        assert_eq!(messages.len(), 2);
        assert!(revoked.later.get() <= 6_000, "asked about every five seconds");
    });
}

/// A lookup that fails is not the token's end; but nobody listens for long on one that nobody can judge.
#[test]
fn stream_outlives_a_short_outage() {
    block_on(async {
        let bench = Bench::new();
        *bench.outage.borrow_mut() = Some(IntrospectionError::Unavailable);
        bench.outage_begins_after.set(1);
        let messages = heard(&bench, listen(json!({})), 9, async || {}).await;
        assert_eq!(messages.len(), 2);
        let later = bench.later.get();
        assert!((30_000..60_000).contains(&later), "{later}");
    });
}

/// MCP-T-42.
#[test]
fn quiet_stream_is_kept_alive_by_comments() {
    block_on(async {
        let bench = Bench::new();
        let Body::Stream(chunks) = bench.begin(listen(json!({}))).await.body else { panic!() };
        let chunks: Vec<_> = chunks.take(2).collect().await;
        assert_eq!(chunks[1], ":\n\n");
    });
}

/// MCP-K-04, MCP-K-25, MCP-K-24.
#[test]
fn tasks_are_followed_by_their_owner() {
    block_on(async {
        let bench = Bench::new();
        let with_tasks = |request: Request| {
            request.edit(|message| {
                message["params"]["_meta"][CAPABILITIES] =
                    json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
            })
        };
        let call = with_tasks(Request::modern("tools/call", json!({ "name": "begins" })).token("lasting"));
        let Body::Whole(begun) = bench.begin(call).await.body else { panic!() };
        let begun: Value = serde_json::from_slice(&begun).unwrap();
        let id = begun["result"]["taskId"].clone();
        let request = listen(json!({ "taskIds": [id, "unknown"] }));
        assert_eq!(error(&bench.send(request.clone())), (400, -32021));
        let messages =
            heard_after(2, &bench, with_tasks(request), 3, async || bench.world.is_done.set(true)).await;
        assert_eq!(messages[0]["params"]["notifications"], json!({ "taskIds": [id] }));
        let [.., working, done] = &messages[..] else { panic!() };
        for message in [working, done] {
            assert_eq!(message["method"], "notifications/tasks");
            assert_eq!(message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 1);
            assert_eq!(message["params"]["taskId"], id);
        }
        assert_eq!(
            (&working["params"]["status"], &done["params"]["status"]),
            (&json!("working"), &json!("completed"))
        );
        assert_eq!(done["params"]["result"]["content"][0]["text"], "done");
    });
}

#[test]
fn filter_that_is_none_is_refused() {
    for bad in [
        json!(null),
        json!([]),
        json!({ "toolsListChanged": "yes" }),
        json!({ "resourceSubscriptions": "x:y" }),
        json!({ "resourceSubscriptions": vec!["x:y"; 65] }),
        json!({ "taskIds": [5] }),
    ] {
        assert_eq!(error(&Bench::new().send(listen(bad.clone()))), (200, -32602), "{bad}");
    }
    // What is not known is not honoured, and does no harm.
    block_on(async {
        let messages = heard(&Bench::new(), listen(json!({ "moonPhases": true })), 1, async || {}).await;
        assert_eq!(messages[0]["params"]["notifications"], json!({}));
    });
}

/// MCP-T-51: there is no other way to listen.
#[test]
fn client_that_reads_no_stream_cannot_listen() {
    let reply = Bench::new().send(listen(json!({})).header("accept", "application/json"));
    assert_eq!(reply.status, 406);
    json(&reply);
}

/// MCP-M-53: a tool that tells of one change after the other is heard a hundred times.
#[test]
fn changes_of_one_call_are_bounded() {
    let bench = Bench::new();
    bench.store.take_operations();
    bench.send(Request::modern("tools/call", json!({ "name": "changes-a-lot" })));
    assert!(bench.store.take_operations().writes <= 100);
}
