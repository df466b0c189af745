//! Who gets in, and what the others are told.

use crate::bench::{Bench, Request, challenge, error, json, result};
use http::Method;
use serde_json::json;

fn list() -> Request {
    Request::modern("tools/list", json!({}))
}

const METADATA: &str =
    "resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\"";

/// RS-01, DS-06, MCP-A-02, MCP-A-03, MCP-A-09, MCP-A-10, MCP-A-16, MCP-A-21: on every method that a client may begin with.
#[test]
fn request_without_token_gets_a_bare_challenge() {
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let bench = Bench::new();
        let reply = bench.send(list().method(method).without("authorization"));
        assert_eq!(reply.status, 401);
        assert_eq!(challenge(&reply), format!("Bearer {METADATA}, scope=\"math:basic\""));
        assert_eq!(json(&reply)["error"], "unauthorized");
        assert_eq!((bench.effects(), bench.bodies_read.get()), ((0, 0), 0));
    }
}

/// RS-02, RS-03, RS-04, MCP-A-08, MCP-A-18: one answer for all of them.
#[test]
fn token_that_is_not_good_here_gets_one_answer() {
    let mut bodies = Vec::new();
    for token in ["unknown", "expired", "for-a-prefix", "for-another-server"] {
        for method in [Method::POST, Method::GET, Method::DELETE] {
            let bench = Bench::new();
            let reply = bench.send(list().token(token).method(method));
            assert_eq!(reply.status, 401, "{token}");
            assert!(challenge(&reply).starts_with("Bearer error=\"invalid_token\", "), "{token}");
            assert!(challenge(&reply).ends_with(&format!("{METADATA}, scope=\"math:basic\"")), "{token}");
            assert_eq!((bench.effects(), bench.bodies_read.get()), ((1, 0), 0));
            bodies.push((challenge(&reply).to_owned(), reply.body));
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
}

/// RS-03 and the tolerance `loopback_aliases`: a token for the name by which a developer's client knows us.
#[test]
fn token_for_the_name_that_was_used_is_good_on_loopback_only() {
    let status = |bench: Bench, authority: &str| {
        bench.send(list().token("for-an-alias").authority(authority)).status.as_u16()
    };
    assert_eq!(status(Bench::loopback(), "localhost:3000"), 200);
    assert_eq!(status(Bench::loopback(), "127.0.0.1:3000"), 401);
    assert_eq!(status(Bench::new(), "localhost:3000"), 401);
}

/// RS-06, RS-14: garbage is not looked up.
#[test]
fn malformed_credentials_cost_no_lookup() {
    let long = format!("Bearer {}", "x".repeat(4097));
    for (value, status) in [
        ("Basic YTpi", 401),
        ("Bearer", 401),
        ("Bearer a, Bearer b", 401),
        ("Bearer a b", 401),
        (&*long, 401),
    ] {
        let bench = Bench::new();
        assert_eq!(bench.send(list().header("authorization", value)).status, status, "{value}");
        assert_eq!((bench.effects(), bench.bodies_read.get()), ((0, 0), 0), "{value}");
    }
}

/// RS-05, RS-06: two tokens, and it is anybody's guess whose request it is.
#[test]
fn two_tokens_are_an_invalid_request() {
    for request in
        [list().another("authorization", "Bearer good-secret"), list().query("access_token=good-secret")]
    {
        let bench = Bench::new();
        let reply = bench.send(request);
        assert_eq!(reply.status, 400);
        assert!(challenge(&reply).contains("error=\"invalid_request\""));
        assert_eq!(json(&reply)["error"], "invalid_request");
        assert_eq!(bench.effects(), (0, 0));
    }
}

/// RS-05, MCP-A-17.
#[test]
fn token_in_the_query_is_ignored() {
    let bench = Bench::new();
    let reply = bench.send(list().without("authorization").query("access_token=good-secret"));
    assert_eq!(challenge(&reply), format!("Bearer {METADATA}, scope=\"math:basic\""));
    assert_eq!(bench.effects(), (0, 0));
}

/// RS-15: the client keeps its token, and the operator learns why.
#[test]
fn lookup_that_fails_is_503_and_no_challenge() {
    for (token, line) in [
        ("store-is-down", "mcp: introspection failed: unavailable"),
        ("introspection-is-broken", "mcp: introspection failed: DETAIL-secret"),
    ] {
        let bench = Bench::new();
        let reply = bench.send(list().token(token));
        assert_eq!(reply.status, 503);
        assert!(reply.headers.contains_key("retry-after"));
        assert!(!reply.headers.contains_key("www-authenticate"));
        assert_eq!(json(&reply), json!({ "error": "temporarily_unavailable" }));
        assert_eq!(*bench.log.borrow(), [line]);
    }
}

/// RS-04 and the tolerance `origin_audience`.
#[test]
fn token_for_the_origin_is_good_while_the_tolerance_is_on() {
    let bench = Bench::new();
    result(&bench.send(list().token("for-the-origin")));
    bench.be_strict(|tolerances| tolerances.origin_audience = false);
    assert_eq!(bench.send(list().token("for-the-origin")).status, 401);
    result(&bench.send(list()));
}

/// RS-08, MCP-A-11, MCP-A-12, MCP-A-14, in both eras.
#[test]
fn tool_that_takes_more_scope_is_not_started() {
    for call in [
        Request::modern("tools/call", json!({ "name": "mean" })),
        Request::legacy("tools/call", json!({ "name": "mean" })),
    ] {
        let bench = Bench::new();
        let reply = bench.send(call.clone());
        assert_eq!(reply.status, 403);
        assert!(challenge(&reply).starts_with("Bearer error=\"insufficient_scope\", "));
        assert!(challenge(&reply).ends_with(&format!("{METADATA}, scope=\"math:statistics math:basic\"")));
        assert_eq!(bench.effects(), (1, 0));
        result(&bench.send(call.token("statistics")));
        assert_eq!(bench.effects(), (2, 1));
    }
}

/// A tool may find out on the call that it takes more; what was granted is asked for again.
/// MCP-Z-06.
#[test]
fn scope_that_a_tool_asks_for_on_the_call_is_challenged_for() {
    let bench = Bench::new();
    let call = Request::modern("tools/call", json!({ "name": "wants-more-scope" }));
    let reply = bench.send(call.token("statistics"));
    assert_eq!(reply.status, 403);
    assert!(
        challenge(&reply).ends_with("scope=\"math:basic math:more math:statistics\""),
        "{}",
        challenge(&reply)
    );
    // A tool that asks for what is there would send its client in circles.
    let call = Request::modern("tools/call", json!({ "name": "wants-scope-that-is-there" }));
    assert_eq!(error(&bench.send(call)), (200, -32603));
    assert_eq!(
        *bench.log.borrow(),
        ["mcp: tool wants-scope-that-is-there: it asks for scopes that the caller has"]
    );
}

/// MP-16, MCP-V-05: the policy that the module `access` states.
#[test]
fn every_valid_token_sees_all_tools() {
    let bench = Bench::new();
    let [few, many] = ["no-scopes", "statistics"].map(|token| result(&bench.send(list().token(token))));
    assert_eq!(few, many);
    assert!(few["tools"].as_array().unwrap().iter().any(|tool| tool["name"] == "mean"));
}

/// RS-11, MCP-A-20, MCP-R-30: and the client's own words are passed on as such.
/// MCP-R-28.
#[test]
fn tool_learns_who_calls_and_never_the_token() {
    let bench = Bench::new();
    let arguments = json!({ "subject": "mallory" });
    bench.send(Request::modern("tools/call", json!({ "name": "add", "arguments": arguments })));
    let calls = bench.calls.borrow();
    let (caller, call) = &calls[0];
    assert_eq!((&*caller.subject, &*caller.client_id), ("alice", "client-1"));
    assert_eq!(caller.scopes, ["math:basic"]);
    assert_eq!(caller.client_info.as_ref().unwrap().name, "bench");
    assert!(!format!("{caller:?}{call:?}").contains("good-secret"));
}

/// A challenge without scopes is better than no challenge.
#[test]
fn challenge_does_without_scopes_that_the_tools_cannot_tell() {
    let bench = Bench::with(|shared| shared.tools_error = Some(mcp_core::ports::ToolsError::Unavailable));
    let reply = bench.send(list().without("authorization"));
    assert_eq!((reply.status.as_u16(), challenge(&reply)), (401, &*format!("Bearer {METADATA}")));
    assert_eq!(*bench.log.borrow(), ["mcp: list-scopes failed: unavailable"]);
}

/// C22: clients and people read the body, and some look for the word in it.
#[test]
fn refusals_say_in_their_body_what_is_missing() {
    for path in ["/mcp", "/sse"] {
        for (token, status, error) in [
            (None, 401, "unauthorized"),
            (Some("unknown"), 401, "invalid_token"),
            (Some("expired"), 401, "invalid_token"),
        ] {
            let request = Request::legacy("tools/list", json!({})).path(path);
            let request = match token {
                None => request.without("authorization"),
                Some(token) => request.token(token),
            };
            let reply = Bench::new().send(request);
            assert_eq!((reply.status.as_u16(), &json(&reply)["error"]), (status, &json!(error)), "{path}");
            let description = json(&reply)["error_description"].as_str().unwrap().to_owned();
            assert!(description.starts_with("Unauthorized: "), "{description}");
            assert!(reply.headers.contains_key("www-authenticate"));
        }
    }
    let call = json!({ "name": "statistics", "arguments": { "numbers": [1] } });
    let reply = Bench::new().send(Request::legacy("tools/call", call));
    if reply.status == 403 {
        assert_eq!(json(&reply)["error"], "insufficient_scope");
    }
}

/// U8: a person who opens the address reads what it is for. To every program it is the same 401 as before.
#[test]
fn a_browser_is_shown_what_the_address_is_for() {
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for path in ["/mcp", "/sse"] {
        let get = || {
            Request::legacy("ping", json!({})).method(http::Method::GET).path(path).without("authorization")
        };
        let reply = Bench::new().send(get().header("accept", BROWSER));
        assert_eq!(reply.status, 401);
        assert!(reply.headers["www-authenticate"].to_str().unwrap().contains("resource_metadata="));
        assert_eq!(reply.headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(reply.headers["cache-control"], "no-store");
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"),
            "{policy}"
        );
        let page = std::str::from_utf8(&reply.body).unwrap();
        assert!(
            page.contains("<a href=\"https://mcp.example.com/\">") && !page.contains("<script"),
            "{page}"
        );
        for accept in ["text/event-stream", "application/json, text/event-stream", "*/*"] {
            let reply = Bench::new().send(get().header("accept", accept));
            assert_eq!((reply.status.as_u16(), &json(&reply)["error"]), (401, &json!("unauthorized")));
        }
        let bad = Bench::new().send(get().header("accept", BROWSER).token("unknown"));
        assert_eq!(json(&bad)["error"], "invalid_token");
    }
}
