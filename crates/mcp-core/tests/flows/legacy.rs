//! The legacy era: 2025-06-18 and 2025-11-25.

use crate::bench::{Bench, Request, error, json, meta, result};
use serde_json::json;

fn initialize(version: &str) -> Request {
    Request::legacy(
        "initialize",
        json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } }),
    )
    .without("mcp-protocol-version")
}

/// MCP-V-09, MCP-V-15, MCP-B-09: the whole message.
#[test]
fn initialize_is_answered() {
    let reply = Bench::new().send(initialize("2025-11-25"));
    assert_eq!(
        reply.body,
        concat!(
            r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"#,
            r#""resources":{"subscribe":true,"listChanged":true},"prompts":{"listChanged":true},"completions":{},"logging":{}},"#,
            r#""serverInfo":{"name":"postern","title":"Postern","version":""#,
            env!("CARGO_PKG_VERSION"),
            r#""}}}"#
        )
    );
    assert_eq!(reply.headers["cache-control"], "no-store");
}

/// MCP-V-11, MCP-V-12, MCP-V-13.
#[test]
fn initialize_agrees_on_a_legacy_revision_whatever_is_asked_for() {
    for (asked, agreed) in [
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2025-03-26", "2025-03-26"),
        ("2024-11-05", "2024-11-05"),
        ("2024-10-07", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("draft", "2025-11-25"),
    ] {
        let reply = Bench::new().send(initialize(asked));
        assert_eq!(result(&reply)["protocolVersion"], agreed, "{asked}");
    }
    let reply = Bench::new().send(Request::legacy("initialize", json!({})).without("mcp-protocol-version"));
    assert_eq!(error(&reply), (200, -32602));
}

/// The exchange of a client from its first request to its last.
#[test]
fn client_lists_and_calls_after_the_handshake() {
    let bench = Bench::new();
    result(&bench.send(initialize("2025-11-25")));
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let reply =
        bench.send(Request::post(initialized.to_string()).header("mcp-protocol-version", "2025-11-25"));
    assert_eq!((reply.status.as_u16(), reply.body.len()), (202, 0));
    assert_eq!(result(&bench.send(Request::legacy("ping", json!({})))), json!({}));

    let listed = result(&bench.send(Request::legacy("tools/list", json!({}))));
    assert_eq!(
        listed["tools"][0],
        json!({
            "name": "add",
            "title": "Add",
            "description": "Does add",
            "inputSchema": {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "$defs": { "n": { "$anchor": "n" } },
            },
            "outputSchema": { "type": "object" },
            "annotations": { "readOnlyHint": true, "openWorldHint": false },
        })
    );
    // MCP-B-09
    for member in ["resultType", "ttlMs", "cacheScope", "_meta", "nextCursor"] {
        assert!(listed.get(member).is_none(), "{member}");
    }
    let called = bench.send(Request::legacy("tools/call", json!({ "name": "add", "arguments": {} })));
    assert_eq!(
        called.body,
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"42"}],"structuredContent":{"result":42}}}"#
    );
}

/// MCP-V-19: a client that forgets the header is served all the same.
#[test]
fn request_without_version_header_is_served() {
    let bench = Bench::new();
    let request = |method, params| Request::legacy(method, params).without("mcp-protocol-version");
    assert!(result(&bench.send(request("tools/list", json!({}))))["tools"].is_array());
    result(&bench.send(request("tools/call", json!({ "name": "add" }))));
}

/// MCP-V-18: refused in a way that a newer client can adapt to.
#[test]
fn version_header_that_is_not_served_is_refused() {
    for version in ["2024-10-07", "1900-01-01", "draft", ""] {
        for method in ["tools/list", "ping"] {
            let request = Request::legacy(method, json!({})).header("mcp-protocol-version", version);
            let reply = Bench::new().send(request);
            assert_eq!(error(&reply), (400, -32022), "{version}");
            assert_eq!(json(&reply)["id"], 1);
            assert_eq!(json(&reply)["error"]["data"]["requested"], version);
        }
    }
}

/// MCP-L-40, MCP-T-35, MP-10.
#[test]
fn unknown_method_is_an_error_inside_200() {
    for method in
        ["server/discover", "prompts/List", "logging/setlevel", "subscriptions/listen", "tools/List", ""]
    {
        let reply = Bench::new().send(Request::legacy(method, json!({})));
        assert_eq!(error(&reply), (200, -32601), "{method}");
    }
}

/// MCP-L-01, MCP-L-39, MCP-B-05, MP-11: and nothing is run for one, whatever it names.
#[test]
fn notification_is_accepted_and_never_answered() {
    let bench = Bench::new();
    for method in
        ["notifications/initialized", "notifications/cancelled", "notifications/unheard-of", "tools/call"]
    {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": { "name": "add" } });
        let reply = bench.send(Request::post(message.to_string()));
        assert_eq!((reply.status.as_u16(), reply.body.len()), (202, 0), "{method}");
    }
    assert_eq!(bench.effects().1, 0);
}

/// MCP-L-11, MCP-L-18, MCP-T-45: without a session there is no stream to open and nothing to end.
#[test]
fn get_and_delete_without_a_session_are_not_allowed() {
    for method in [http::Method::GET, http::Method::DELETE] {
        let reply = Bench::new().send(Request::post("").method(method));
        assert_eq!(
            (reply.status.as_u16(), &reply.headers["allow"]),
            (405, &"POST, OPTIONS".parse().unwrap())
        );
    }
}

/// MCP-V-07: only the one key is a claim.
#[test]
fn legacy_request_may_have_meta() {
    let mut meta = meta();
    meta.as_object_mut().unwrap().remove("io.modelcontextprotocol/protocolVersion");
    let listed = result(&Bench::new().send(Request::legacy("tools/list", json!({ "_meta": meta }))));
    assert!(listed.get("resultType").is_none());
    result(&Bench::new().send(Request::legacy("tools/list", json!({ "_meta": { "progressToken": 1 } }))));
}
