//! Protected resource metadata.

use crate::bench::{Bench, Request, challenge, json};
use http::Method;
use mcp_core::{Tolerances, ports::ToolsError};
use serde_json::json;

const PATH: &str = "/.well-known/oauth-protected-resource";

/// MCP-A-01, MCP-A-02, MCP-A-04, MCP-A-05, MCP-A-24, DS-06: of two scopes, the one that a client should begin with.
#[test]
fn endpoint_has_metadata() {
    let bench = Bench::new();
    let reply = bench.send(Request::get(&format!("{PATH}/mcp")).query("resource=https://evil.example"));
    assert_eq!(reply.status, 200);
    assert_eq!(
        json(&reply),
        json!({
            "resource": "https://mcp.example.com/mcp",
            "authorization_servers": ["https://mcp.example.com"],
            "scopes_supported": ["math:basic"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Postern",
        })
    );
    // DS-07, HT-16
    assert_eq!(reply.headers["cache-control"], "public, max-age=3600");
    assert_eq!(reply.headers["access-control-allow-origin"], "*");
    assert_eq!(reply.headers["vary"], "origin");
    assert_eq!(bench.effects(), (0, 0));
}

#[test]
fn clients_are_sent_to_the_provider_that_is_configured() {
    let bench = Bench::with(|bench| bench.authorization_server = "https://tenant.eu.auth0.com/");
    for path in [PATH, &format!("{PATH}/mcp")] {
        let document = json(&bench.send(Request::get(path)));
        assert_eq!(document["authorization_servers"], json!(["https://tenant.eu.auth0.com/"]));
    }
    assert_eq!(
        challenge(&bench.send(Request::get("/mcp"))),
        challenge(&Bench::new().send(Request::get("/mcp")))
    );
}

/// MCP-A-06, and that it is not there when tokens for the origin are not accepted.
#[test]
fn origin_has_metadata_while_its_tokens_are_accepted() {
    let bench = Bench::new();
    let reply = bench.send(Request::get(PATH));
    assert_eq!(json(&reply)["resource"], "https://mcp.example.com");
    bench.be_strict(|tolerances| *tolerances = Tolerances::without("unknown_scopes, origin_audience"));
    assert_eq!(bench.send(Request::get(PATH)).status, 404);
    assert_eq!(bench.send(Request::get(&format!("{PATH}/mcp"))).status, 200);
}

/// DS-03, DS-09, HT-06.
#[test]
fn other_paths_have_none() {
    for path in
        ["//", "/mcp-v2", "/mcp//", "/%6dcp", "//mcp", "/MCP", "/sse/message", "/https://evil.example"]
    {
        let reply = Bench::new().send(Request::get(&format!("{PATH}{path}")));
        assert_eq!(reply.status.as_u16(), 404, "{path}");
        assert_eq!(json(&reply)["error"], "not_found");
        assert!(!String::from_utf8_lossy(&reply.body).contains("evil"), "{path}");
    }
}

/// DS-09.
#[test]
fn metadata_answers_head_and_options_and_nothing_else() {
    let send = |method: Method| Bench::new().send(Request::get(&format!("{PATH}/mcp")).method(method));
    // What goes out is without the body: the edge sees to that, for every route.
    assert_eq!(send(Method::HEAD), send(Method::GET));
    let options = send(Method::OPTIONS);
    assert_eq!(options.status, 204);
    assert_eq!(options.headers["access-control-allow-methods"], "GET, HEAD, OPTIONS");
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::TRACE] {
        let reply = send(method);
        assert_eq!(
            (reply.status.as_u16(), &reply.headers["allow"]),
            (405, &"GET, HEAD, OPTIONS".parse().unwrap())
        );
    }
}

/// DS-01 and the tolerance `loopback_aliases`: a developer's client finds the name that it was given,
/// and the authorization server has one name all the same.
#[test]
fn loopback_server_describes_itself_by_the_name_that_was_used() {
    for authority in ["127.0.0.1:3000", "localhost:3000", "[::1]:3000"] {
        let bench = Bench::loopback();
        let document = json(&bench.send(Request::get(&format!("{PATH}/mcp")).authority(authority)));
        assert_eq!(document["resource"], format!("http://{authority}/mcp"));
        assert_eq!(document["authorization_servers"], json!(["http://127.0.0.1:3000"]));
        let reply = bench.send(Request::get("/mcp").authority(authority));
        assert!(challenge(&reply).contains(&format!("\"http://{authority}{PATH}/mcp\"")));
    }
}

/// DS-01: a public server has the configured name, whatever the request says.
#[test]
fn public_server_describes_itself_by_its_configured_name() {
    let request = Request::get(&format!("{PATH}/mcp"))
        .authority("evil.example")
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example");
    let reply = Bench::new().send(request);
    assert_eq!(json(&reply)["resource"], "https://mcp.example.com/mcp");
}

/// MP-02, MCP-T-04: rebinding, on every route.
#[test]
fn loopback_server_does_not_answer_to_other_names() {
    for path in ["/mcp", PATH, &format!("{PATH}/mcp"), "/nowhere"] {
        for authority in
            [Some("evil.example"), Some("127.0.0.1.evil.example:3000"), Some("localhost:3001"), None]
        {
            let bench = Bench::loopback();
            let request = Request::post("{}").path(path);
            let request = match authority {
                Some(authority) => request.authority(authority),
                None => request,
            };
            let reply = bench.send(request);
            assert_eq!((reply.status.as_u16(), bench.effects()), (421, (0, 0)), "{path} {authority:?}");
        }
    }
}

/// A document without scopes would be kept for an hour.
#[test]
fn metadata_waits_for_the_tools() {
    let bench = Bench::with(|shared| shared.tools_error = Some(ToolsError::Other("DETAIL-secret".into())));
    let reply = bench.send(Request::get(&format!("{PATH}/mcp")));
    assert_eq!(reply.status, 503);
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert!(reply.headers.contains_key("retry-after"));
}
