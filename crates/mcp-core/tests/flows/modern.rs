//! The modern era: 2026-07-28.

use crate::bench::{Bench, Request, error, json, result};
use serde_json::{Value, json};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

fn add() -> Request {
    Request::modern("tools/call", json!({ "name": "add", "arguments": { "a": 19, "b": 23 } }))
}

fn with_meta(request: Request, key: &str, value: Value) -> Request {
    request.edit(|message| message["params"]["_meta"][key] = value)
}

fn without_meta(request: Request, key: &str) -> Request {
    request.edit(|message| {
        message["params"]["_meta"].as_object_mut().unwrap().remove(key);
    })
}

/// The error that a request gets; it always has the request's id (MCP-B-07), and no tool is called.
fn refused(request: Request) -> (u16, i64) {
    let bench = Bench::new();
    let reply = bench.send(request);
    assert_eq!(json(&reply)["id"], 1);
    assert_eq!(bench.effects().1, 0);
    error(&reply)
}

/// MCP-V-01, MCP-V-02, MCP-M-34: the whole message, as a first request.
/// MCP-V-23.
/// MCP-K-01.
#[test]
fn discover_is_answered() {
    let reply = Bench::new().send(Request::modern("server/discover", json!({})));
    assert_eq!(
        reply.body,
        concat!(
            r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"#,
            r#""capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"#,
            r#""prompts":{"listChanged":true},"completions":{},"logging":{},"extensions":{"io.modelcontextprotocol/tasks":{}}},"ttlMs":3600000,"cacheScope":"public","resultType":"complete","#,
            r#""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"postern","title":"Postern","version":""#,
            env!("CARGO_PKG_VERSION"),
            r#""}}}}"#
        )
    );
}

/// MCP-B-08, MCP-B-13, MCP-M-34, MCP-M-37.
#[test]
fn tools_are_listed_with_caching_hints() {
    let bench = Bench::new();
    let listed = result(&bench.send(Request::modern("tools/list", json!({}))));
    assert_eq!(listed["resultType"], "complete");
    assert_eq!(listed["cacheScope"], "private");
    assert!(listed["ttlMs"].is_u64());
    assert_eq!(listed["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "postern");
    assert!(listed.get("nextCursor").is_none());
    // MCP-M-03
    assert_eq!(result(&bench.send(Request::modern("tools/list", json!({})))), listed);
}

/// A call costs one lookup, one list and one call.
#[test]
fn tool_is_called() {
    let bench = Bench::new();
    let called = result(&bench.send(add()));
    assert_eq!(called["resultType"], "complete");
    assert_eq!(called["structuredContent"], json!({ "result": 42 }));
    assert_eq!(called["content"], json!([{ "type": "text", "text": "42" }]));
    // MCP-M-34: not cacheable, so no hints.
    assert!(called.get("ttlMs").is_none() && called.get("cacheScope").is_none());
    assert_eq!((bench.effects(), bench.listed.get()), ((1, 1), 1));
}

/// Calls that follow each other list the tools once. Asked again is when somebody calls what is not known, when a tool has
/// said that they have changed, and after a second, for changes of which another instance was told.
#[test]
fn tools_are_listed_anew_when_they_may_have_changed() {
    let bench = Bench::new();
    let listed_after = |name: &str| {
        bench.send(Request::modern("tools/call", json!({ "name": name })).token("lasting"));
        bench.listed.get()
    };
    assert_eq!((listed_after("add"), listed_after("add"), listed_after("fails")), (1, 1, 1));
    assert_eq!(listed_after("nothing"), 2);
    assert_eq!((listed_after("add"), listed_after("changes"), listed_after("add")), (2, 2, 3));
    bench.later.set(bench.later.get() + 999);
    assert_eq!(listed_after("add"), 3);
    bench.later.set(bench.later.get() + 1);
    assert_eq!((listed_after("add"), listed_after("add")), (4, 4));
    // Who wants the list gets it as it is.
    bench.send(Request::modern("tools/list", json!({})).token("lasting"));
    assert_eq!(bench.listed.get(), 5);
}

/// MCP-T-29, MCP-V-16, MP-06: with the header alone it is modern all the same.
#[test]
fn request_without_meta_is_refused() {
    let request = Request::modern("tools/list", json!({}));
    assert_eq!(refused(request.clone().edit(|message| message["params"] = json!({}))), (400, -32602));
    assert_eq!(
        refused(request.clone().edit(|message| message["params"]["_meta"] = json!([]))),
        (400, -32602)
    );
    let no_params = request.edit(|message| {
        message.as_object_mut().unwrap().remove("params");
    });
    assert_eq!(refused(no_params), (400, -32602));
    // MCP-V-16: `initialize` too.
    let initialize = Request::legacy("initialize", json!({ "protocolVersion": "2025-11-25" }));
    assert_eq!(refused(initialize.header("mcp-protocol-version", "2026-07-28")), (400, -32602));
}

/// MCP-T-30, MCP-T-31, MP-06.
#[test]
fn member_of_meta_that_is_missing_or_of_another_type_is_refused() {
    for key in [VERSION, CAPABILITIES] {
        assert_eq!(refused(without_meta(add(), key)), (400, -32602), "{key}");
    }
    for (key, value) in [
        (VERSION, json!(20260728)),
        (VERSION, json!(null)),
        (CAPABILITIES, json!(null)),
        (CAPABILITIES, json!([])),
        (CLIENT_INFO, json!("bench")),
        (CLIENT_INFO, json!({ "name": "bench" })),
        (CLIENT_INFO, json!({ "name": "bench", "version": 1 })),
        (CLIENT_INFO, json!(null)),
    ] {
        assert_eq!(refused(with_meta(add(), key, value.clone())), (400, -32602), "{key} {value}");
    }
}

/// MCP-T-32.
#[test]
fn client_info_is_optional() {
    let bench = Bench::new();
    result(&bench.send(without_meta(add(), CLIENT_INFO)));
    assert_eq!(bench.calls.borrow()[0].0.client_info, None);
}

/// MCP-M-49; only once the method is known (rung 13 after rung 12).
#[test]
fn log_level_that_is_none_is_refused() {
    for level in [json!("verbose"), json!("Debug"), json!(3), json!(null)] {
        assert_eq!(refused(with_meta(add(), LOG_LEVEL, level.clone())), (400, -32602), "{level}");
    }
    result(&Bench::new().send(with_meta(add(), LOG_LEVEL, json!("notice"))));
    let unknown = Request::modern("ping", json!({}));
    assert_eq!(refused(with_meta(unknown, LOG_LEVEL, json!("verbose"))), (404, -32601));
}

/// MCP-T-06, MCP-T-07, MP-03, MP-05.
#[test]
fn version_header_must_say_what_meta_says() {
    assert_eq!(refused(add().without("mcp-protocol-version")), (400, -32020));
    assert_eq!(refused(add().header("mcp-protocol-version", "2025-11-25")), (400, -32020));
    // MCP-T-08: the mismatch is found before the version is judged.
    assert_eq!(refused(with_meta(add(), VERSION, json!("v999.0.0"))), (400, -32020));
    assert_eq!(refused(add().another("mcp-protocol-version", "2026-07-28")), (400, -32020));
}

/// MCP-T-09, MCP-T-10, MCP-V-17.
#[test]
fn claim_of_a_revision_that_is_not_served_per_request_is_refused() {
    for version in ["1900-01-01", "2025-11-25", "2024-11-05", "draft", ""] {
        let request = with_meta(add(), VERSION, json!(version)).header("mcp-protocol-version", version);
        let reply = Bench::new().send(request);
        assert_eq!(error(&reply), (400, -32022), "{version}");
        let data = &json(&reply)["error"]["data"];
        assert_eq!(data["requested"], version);
        let discovered = result(&Bench::new().send(Request::modern("server/discover", json!({}))));
        assert_eq!(data["supported"], discovered["supportedVersions"]);
    }
}

/// MCP-T-11, MCP-T-12, MCP-T-13, MP-03.
#[test]
fn method_header_must_say_what_the_body_says() {
    assert_eq!(refused(add().without("mcp-method")), (400, -32020));
    for value in ["tools/list", "TOOLS/CALL", "", "=?base64?dG9vbHMvY2FsbA==?="] {
        assert_eq!(refused(add().header("mcp-method", value)), (400, -32020), "{value}");
    }
    assert_eq!(refused(add().another("mcp-method", "tools/call")), (400, -32020));
}

/// MCP-T-15, MCP-T-16, MCP-T-19, MCP-T-20, MP-04.
#[test]
fn name_header_must_say_what_the_body_says() {
    assert_eq!(refused(add().without("mcp-name")), (400, -32020));
    for value in ["Add", "mean", "", "=?BASE64?YWRk?=", "=?base64?YWR?=", "=?base64?YW!k?="] {
        assert_eq!(refused(add().header("mcp-name", value)), (400, -32020), "{value}");
    }
    let nameless = add().edit(|message| {
        message["params"].as_object_mut().unwrap().remove("name");
    });
    assert_eq!(refused(nameless), (400, -32020));
    // The header is checked before it turns out that there is no such prompt, resource or task.
    for (method, member, then) in [
        ("prompts/get", "name", (200, -32602)),
        ("resources/read", "uri", (200, -32602)),
        ("tasks/get", "taskId", (400, -32021)),
    ] {
        let request = Request::modern(method, json!({ member: "x:y" })).without("mcp-name");
        assert_eq!(refused(request.clone()), (400, -32020), "{method}");
        assert_eq!(refused(request.header("mcp-name", "x:y")), then, "{method}");
    }
}

/// MCP-T-17, MCP-T-18.
#[test]
fn name_header_may_be_padded_or_encoded() {
    result(&Bench::new().send(add().header("mcp-name", "  add\t")));
    result(&Bench::new().send(add().header("mcp-name", "=?base64?YWRk?=")));
    let request = Request::modern("tools/call", json!({ "name": "größer" }));
    result(&Bench::new().send(request.header("mcp-name", "=?base64?Z3LDtsOfZXI=?=")));
}

/// MCP-T-22, MCP-T-23, MCP-T-25, MCP-T-26.
#[test]
fn header_that_a_tool_asked_for_must_say_what_the_argument_says() {
    let call = |arguments| {
        Request::modern("tools/call", json!({ "name": "mirrors-region", "arguments": arguments }))
    };
    let good = call(json!({ "region": "us" })).header("mcp-param-region", "us");
    result(&Bench::new().send(good.clone().header("mcp-param-unheard-of", "x")));
    result(&Bench::new().send(call(json!({ "region": null }))));
    result(&Bench::new().send(call(json!({}))));
    assert_eq!(refused(good.clone().header("mcp-param-region", "eu")), (400, -32020));
    assert_eq!(refused(good.clone().another("mcp-param-region", "us")), (400, -32020));
    assert_eq!(refused(good.without("mcp-param-region")), (400, -32020));
    assert_eq!(refused(call(json!({})).header("mcp-param-region", "us")), (400, -32020));
    // Legacy clients have no such headers.
    let legacy = json!({ "name": "mirrors-region", "arguments": { "region": "us" } });
    result(&Bench::new().send(Request::legacy("tools/call", legacy)));
}

/// MCP-T-33, MCP-T-34, MCP-V-10, MCP-V-21, MP-10: with a body, so that nobody falls back.
#[test]
fn method_that_does_not_exist_is_404_with_a_body() {
    for method in [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "tasks/list",
        "prompts/List",
        "tasks/result",
        "subscriptions/Listen",
        "tools/List",
    ] {
        assert_eq!(refused(Request::modern(method, json!({}))), (404, -32601), "{method}");
    }
}

/// MCP-T-43: nothing is asked of a notification but that it does not contradict itself.
#[test]
fn notification_is_accepted_unless_it_contradicts_itself() {
    let notification = |version: Option<&str>| {
        let request = Request::modern("notifications/cancelled", json!({})).edit(|message| {
            message.as_object_mut().unwrap().remove("id");
            if let Some(version) = version {
                message["params"]["_meta"][VERSION] = json!(version);
            } else {
                message["params"] = json!({});
            }
        });
        Bench::new().send(request.without("mcp-method"))
    };
    for version in [None, Some("2026-07-28")] {
        let reply = notification(version);
        assert_eq!((reply.status.as_u16(), reply.body.len()), (202, 0));
    }
    let reply = notification(Some("2025-11-25"));
    assert_eq!(error(&reply), (400, -32020));
    assert!(json(&reply).get("id").is_none());
}

/// MCP-T-46.
/// MCP-V-06.
#[test]
fn session_headers_are_ignored() {
    let reply = Bench::new().send(add().header("mcp-session-id", "x").header("last-event-id", "y"));
    assert_eq!(result(&reply)["resultType"], "complete");
    assert!(!reply.headers.contains_key("mcp-session-id"));
}

/// MCP-M-32, MP-14.
#[test]
fn cursor_that_was_never_given_out_is_refused() {
    for cursor in [json!(""), json!("2"), json!(5)] {
        let params = json!({ "cursor": cursor });
        assert_eq!(error(&Bench::new().send(Request::modern("tools/list", params.clone()))), (200, -32602));
        assert_eq!(error(&Bench::new().send(Request::legacy("tools/list", params))), (200, -32602));
    }
}

/// MCP-M-03, MCP-M-33, MP-14: all of them, in order, and no cursor on the last page.
#[test]
fn long_lists_come_in_pages() {
    let bench = Bench::with(|shared| shared.more_tools = 230);
    let list = |cursor: &Value| {
        let params = if cursor.is_null() { json!({}) } else { json!({ "cursor": cursor }) };
        result(&bench.send(Request::modern("tools/list", params)))
    };
    let (mut names, mut cursor, mut pages) = (Vec::new(), json!(null), 0);
    loop {
        let page = list(&cursor);
        names.extend(page["tools"].as_array().unwrap().iter().map(|tool| tool["name"].clone()));
        // MCP-M-35.
        assert_eq!(page["cacheScope"], "private");
        pages += 1;
        cursor = page.get("nextCursor").cloned().unwrap_or_default();
        if cursor.is_null() {
            break;
        }
    }
    let more: Vec<_> = (0..230).map(|n| json!(format!("more-{n}"))).collect();
    assert!(pages == 3 && names.ends_with(&more), "{names:?}");

    let cursor = list(&json!(null))["nextCursor"].clone();
    let foreign = Request::modern("tools/list", json!({ "cursor": cursor }));
    assert_eq!(error(&bench.send(foreign.clone().token("bob"))), (200, -32602));
    let elsewhere = Request::modern("prompts/list", json!({ "cursor": cursor }));
    assert_eq!(error(&bench.send(elsewhere)), (200, -32602));
    let forged = format!("{}A", cursor.as_str().unwrap());
    assert_eq!(error(&bench.send(Request::modern("tools/list", json!({ "cursor": forged })))), (200, -32602));
    // An item that is gone takes its cursors with it.
    assert_eq!(error(&Bench::new().send(foreign)), (200, -32602));
}

/// MCP-T-27, MCP-B-18: neither shown nor called, and the operator reads why.
#[test]
fn tool_that_clients_would_hide_is_not_offered() {
    let bench = Bench::new();
    let listed = result(&bench.send(Request::modern("tools/list", json!({}))));
    let has = |name: &str| listed["tools"].as_array().unwrap().iter().any(|tool| tool["name"] == name);
    assert!(has("mirrors-region") && !has("mirrors-a-number") && !has("has-a-dialect"));
    let line = "mcp: tool mirrors-a-number: its x-mcp-header is on an argument that is no string, integer or boolean";
    assert!(bench.log.borrow().iter().any(|logged| logged == line), "{:?}", bench.log.borrow());
    let call = Request::modern("tools/call", json!({ "name": "mirrors-a-number" }));
    assert_eq!(refused(call), (200, -32602));
}
