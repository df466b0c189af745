//! Streamable HTTP below the messages: origins, methods, content types, sizes, what is no message.

use crate::bench::{Bench, Request, challenge, error, json, result};
use http::Method;
use serde_json::json;

fn list() -> Request {
    Request::modern("tools/list", json!({}))
}

/// MP-01, MCP-T-02, MCP-T-03: before the token is looked at and the body read.
#[test]
fn page_of_a_stranger_is_refused_first() {
    for origin in ["https://evil.example", "null", "http://localhost:6274"] {
        for method in [Method::POST, Method::GET, Method::OPTIONS] {
            let bench = Bench::with(|shared| shared.allowed_origins = "https://app.example");
            let reply = bench.send(list().method(method).header("origin", origin));
            assert_eq!(error(&reply), (403, -32600), "{origin}");
            assert!(!reply.headers.contains_key("access-control-allow-origin"));
            assert_eq!((bench.effects(), bench.bodies_read.get()), ((0, 0), 0));
            let log = bench.log.borrow();
            assert!(log[0].contains(origin) && log[0].contains("allowed_origins names"), "{log:?}");
        }
    }
}

/// C2: a public server is for the known web clients, and for pages that call it by tokens of their own.
#[test]
fn page_of_every_origin_may_call_a_public_server() {
    for origin in ["https://client.example", "http://localhost:6274", "null", "vscode-file://vscode-app"] {
        let bench = Bench::new();
        let request = || list().header("origin", origin);
        for reply in [
            bench.send(request()),
            bench.send(request().without("authorization")),
            bench.send(request().method(Method::OPTIONS)),
            bench.send(request().method(Method::PUT)),
            bench.send(Request::post(" ".repeat(1024 * 1024 + 1)).header("origin", origin)),
            bench.send(request().path("/nowhere")),
        ] {
            assert_eq!(reply.headers["access-control-allow-origin"], "*", "{origin}: {reply:?}");
            assert!(!reply.headers.contains_key("access-control-allow-credentials"), "BR-10");
        }
        result(&bench.send(request()));
    }
}

/// MCP-T-04, MCP-T-52: a browser client on the same machine, also when it has yet to sign in.
#[test]
fn page_on_the_developers_machine_may_call_and_read_the_challenge() {
    let bench = Bench::loopback();
    let request = || list().authority("localhost:3000").header("origin", "http://localhost:6274");
    for reply in [bench.send(request()), bench.send(request().without("authorization"))] {
        assert_eq!(reply.headers["access-control-allow-origin"], "http://localhost:6274");
        assert!(
            reply.headers["access-control-expose-headers"].to_str().unwrap().contains("www-authenticate")
        );
        assert!(!reply.headers.contains_key("access-control-allow-credentials"));
        assert_eq!(reply.headers["vary"], "origin");
    }
}

/// HT-17: without a token, and without an effect.
#[test]
fn preflight_is_answered_without_a_token() {
    let bench = Bench::new();
    let request = list()
        .method(Method::OPTIONS)
        .without("authorization")
        .header("origin", "https://mcp.example.com")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization, mcp-param-region,traceparent, baggage");
    let reply = bench.send(request);
    assert_eq!(reply.status, 204);
    assert_eq!(reply.headers["access-control-allow-origin"], "*");
    assert_eq!(reply.headers["access-control-allow-methods"], "GET, POST, DELETE, OPTIONS");
    let allowed = reply.headers["access-control-allow-headers"].to_str().unwrap();
    for header in [
        "authorization",
        "content-type",
        "mcp-protocol-version",
        "mcp-method",
        "mcp-name",
        "mcp-param-region",
        "traceparent",
        "baggage",
    ] {
        assert!(allowed.split(", ").any(|name| name == header), "{header}");
    }
    assert_eq!((bench.effects(), bench.bodies_read.get()), ((0, 0), 0));
}

/// HT-07.
#[test]
fn methods_without_a_meaning_are_not_allowed() {
    for method in ["PUT", "PATCH", "HEAD", "TRACE", "post"] {
        let bench = Bench::new();
        let request = list().method(method.parse().unwrap()).header("x-http-method-override", "POST");
        let reply = bench.send(request);
        assert_eq!((reply.status.as_u16(), bench.effects()), (405, (0, 0)), "{method}");
        assert_eq!(reply.headers["allow"], "GET, POST, DELETE, OPTIONS");
    }
}

/// HT-06.
#[test]
fn path_is_compared_as_it_is() {
    for path in ["/mcp//", "//mcp", "/MCP", "/%6dcp", "/x/../mcp", "/mcp;a", "/mcp\\", "/"] {
        let bench = Bench::new();
        assert_eq!((bench.send(list().path(path)).status.as_u16(), bench.effects()), (404, (0, 0)), "{path}");
    }
}

/// C5: clients and people write a slash at the end. It is the same endpoint, without a redirect, and whoever insists on
/// the name that it was given finds that name in the metadata (RFC 9728 section 3.3).
#[test]
fn slash_at_the_end_of_the_endpoint_makes_no_difference() {
    let metadata = "/.well-known/oauth-protected-resource";
    for path in ["/mcp/", "/sse/"] {
        let bench = Bench::new();
        result(&bench.send(list().path(path)));
        assert!(bench.log.borrow().contains(&"mcp: tolerance: trailing_slash".to_owned()));
        let reply = bench.send(list().path(path).without("authorization"));
        let challenge = challenge(&reply);
        let address = format!("https://mcp.example.com{metadata}{path}");
        assert!(challenge.contains(&format!("resource_metadata=\"{address}\"")), "{challenge}");
        let document = json(&bench.send(Request::get(&format!("{metadata}{path}"))));
        assert_eq!(document["resource"], format!("https://mcp.example.com{path}"));
        let strict = Bench::with(|shared| shared.strict = "trailing_slash");
        assert_eq!(strict.send(list().path(path)).status, 404);
    }
}

/// C8: the same server below a path, with a proxy of either kind in front.
#[test]
fn server_below_a_path_names_itself_with_it() {
    let well_known = "/.well-known/oauth-protected-resource";
    for (public_path, prefix) in [("", ""), ("strip", ""), ("keep", "/mcp-server")] {
        let bench = Bench::with(|shared| {
            shared.public_url = "https://example.com/mcp-server";
            shared.public_path = public_path;
        });
        for endpoint in ["/mcp", "/sse"] {
            let reply = bench.send(list().path(&format!("{prefix}{endpoint}")).without("authorization"));
            let metadata = format!("{well_known}/mcp-server{endpoint}");
            let expected = format!("resource_metadata=\"https://example.com{metadata}\"");
            assert!(challenge(&reply).contains(&expected), "{public_path}: {}", challenge(&reply));
            // Where it is at the root of the host, and where it is below the address.
            for path in [metadata, format!("{prefix}{well_known}{endpoint}")] {
                let document = json(&bench.send(Request::get(&path)));
                assert_eq!(
                    document["resource"],
                    format!("https://example.com/mcp-server{endpoint}"),
                    "{path}"
                );
                assert_eq!(document["authorization_servers"], json!(["https://example.com/mcp-server"]));
            }
        }
        let document = json(&bench.send(Request::get(&format!("{well_known}/mcp-server"))));
        assert_eq!(document["resource"], "https://example.com/mcp-server");
        let wrong = if prefix.is_empty() { "/mcp-server/mcp" } else { "/mcp" };
        assert_eq!(bench.send(list().path(wrong)).status, 404);
        assert!(bench.log.borrow().iter().any(|line| line.contains("set public_path")), "{public_path}");
    }
}

/// C12: each listed address has its own metadata, by the `Host` that a client names, and one issuer.
#[test]
fn each_listed_address_is_a_resource_of_its_own() {
    let bench = Bench::with(|shared| shared.also_served_at = "https://mcp.internal.example");
    for (host, address) in [
        ("mcp.internal.example", "https://mcp.internal.example"),
        ("mcp.example.com", "https://mcp.example.com"),
        ("evil.example", "https://mcp.example.com"),
    ] {
        let metadata = "/.well-known/oauth-protected-resource/mcp";
        let reply = bench.send(list().authority(host).without("authorization"));
        assert!(challenge(&reply).contains(&format!("\"{address}{metadata}\"")), "{host}");
        let document = json(&bench.send(Request::get(metadata).authority(host)));
        assert_eq!(document["resource"], format!("{address}/mcp"), "{host}");
        assert_eq!(document["authorization_servers"], json!(["https://mcp.example.com"]), "{host}");
    }
}

/// C27, C11: a script can read that there is nothing, and what to do instead.
#[test]
fn path_that_is_not_there_says_so_to_scripts() {
    let bench = Bench::new();
    let reply =
        bench.send(Request::get("/.well-known/openid-configuration").header("origin", "https://a.example"));
    assert_eq!(
        (reply.status.as_u16(), &reply.headers["access-control-allow-origin"]),
        (404, &"*".parse().unwrap())
    );
    assert!(json(&reply)["error_description"].as_str().unwrap().contains("https://mcp.example.com/mcp"));
    let preflight = bench.send(Request::get("/nowhere").method(Method::OPTIONS));
    assert_eq!((preflight.status.as_u16(), bench.effects()), (204, (0, 0)));
}

/// MP-13, MCP-T-53, HT-14.
#[test]
fn body_that_is_not_plain_json_is_not_read() {
    for request in [
        list().without("content-type"),
        list().header("content-type", "text/plain"),
        list().header("content-type", "application/jsonp"),
        list().header("content-type", "application/x-www-form-urlencoded"),
        list().another("content-type", "application/json"),
        list().header("content-encoding", "gzip"),
    ] {
        let bench = Bench::new();
        assert_eq!(error(&bench.send(request)), (415, -32600));
        assert_eq!(bench.bodies_read.get(), 0);
    }
    result(&Bench::new().send(list().header("content-type", "Application/JSON; charset=utf-8")));
}

/// MP-13, MCP-T-51.
#[test]
fn client_that_can_read_neither_type_is_refused() {
    assert_eq!(error(&Bench::new().send(list().header("accept", "text/html"))), (406, -32600));
    for accept in ["application/json", "*/*", "text/html, */*;q=0.1"] {
        result(&Bench::new().send(list().header("accept", accept)));
    }
    result(&Bench::new().send(list().without("accept")));
}

/// MCP-T-37, MCP-T-40, MCP-T-41: one event, on one line, whatever a tool's schema looks like.
#[test]
fn client_that_reads_only_event_streams_gets_one() {
    let bench = Bench::new();
    let reply = bench.send(list().header("accept", "text/event-stream"));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], "text/event-stream");
    assert_eq!(reply.headers["x-accel-buffering"], "no");
    let text = std::str::from_utf8(&reply.body).unwrap();
    let data =
        text.strip_prefix("event: message\ndata: ").and_then(|rest| rest.strip_suffix("\n\n")).unwrap();
    assert!(!data.contains('\n'));
    let message: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(message["result"]["resultType"], "complete");
    // What is not 200 is JSON.
    let reply = bench.send(Request::modern("ping", json!({})).header("accept", "text/event-stream"));
    assert_eq!(error(&reply), (404, -32601));
}

/// HT-01, MP-09.
#[test]
fn body_is_bounded() {
    let padded = |length: usize| {
        let mut body = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string();
        body.extend(std::iter::repeat_n(' ', length - body.len()));
        Bench::new().send(Request::post(body))
    };
    result(&padded(1024 * 1024));
    assert_eq!(error(&padded(1024 * 1024 + 1)), (413, -32600));
}

/// C13: the client learns the limit, and the operator the variable.
#[test]
fn message_that_is_too_long_is_refused_with_the_limit() {
    let bench = Bench::new();
    let limit = mcp_core::MessageLimit::read(&|_: &str| "2KiB".to_owned()).unwrap();
    bench.message_limit.set(limit);
    let call = |length: usize| list().edit(|message| message["params"]["x"] = json!("x".repeat(length)));
    result(&bench.send(call(1500)));
    assert!(!bench.log.take().iter().any(|line| line.contains("message_limit")));
    let reply = bench.send(call(2048));
    assert_eq!(error(&reply), (413, -32600));
    assert_eq!(json(&reply)["error"]["message"], "The message is longer than 2 KiB, the most that is read");
    assert_eq!(
        *bench.log.borrow(),
        ["mcp: refused: a message is longer than 2 KiB (variable message_limit)"]
    );
}

/// C15.
#[test]
fn null_parameters_are_tolerated_by_name() {
    for (id, method, status) in [(Some(1), "ping", 200), (None, "notifications/initialized", 202)] {
        let bench = Bench::new();
        let mut message = json!({ "jsonrpc": "2.0", "method": method, "params": null });
        if let Some(id) = id {
            message["id"] = json!(id);
        }
        let send =
            || bench.send(Request::post(message.to_string()).header("mcp-protocol-version", "2025-06-18"));
        assert_eq!(send().status, status);
        assert_eq!(bench.log.take(), ["mcp: tolerance: null_parameters"]);
        bench.be_strict(|tolerances| tolerances.null_parameters = false);
        assert_eq!((error(&send()), bench.log.take().len()), ((400, -32600), 0));
    }
}

/// S9: a name, a cursor or a token of the client's does not come back whole if it is long.
#[test]
fn what_a_client_sent_comes_back_in_part() {
    let long = "n".repeat(200_000);
    for (method, params) in [
        ("tools/call", json!({ "name": long })),
        ("prompts/get", json!({ "name": long })),
        ("resources/read", json!({ "uri": format!("test:{long}") })),
        ("tools/list", json!({ "cursor": long })),
        (
            "completion/complete",
            json!({ "ref": { "type": "ref/prompt", "name": long }, "argument": { "name": "a", "value": "" } }),
        ),
        (
            "completion/complete",
            json!({ "ref": { "type": "ref/resource", "uri": long }, "argument": { "name": long, "value": "" } }),
        ),
        ("tools/call", json!({ "name": "add", "arguments": { &*long: 1, "a": long } })),
        ("tools/list", json!({ "_meta": { "progressToken": long } })),
        ("logging/setLevel", json!({ "level": long })),
        (&*long, json!({})),
    ] {
        let reply = Bench::new().send(Request::legacy(method, params));
        assert!(reply.body.len() < 3000, "{} {}", method.get(..20).unwrap_or(method), reply.body.len());
    }
    let reply = Bench::new()
        .send(Request::legacy("ping", json!({})).header("mcp-protocol-version", &"9".repeat(5000)));
    assert_eq!(error(&reply), (400, -32022));
    assert!(reply.body.len() < 700);
}

/// C20: what a client says before anything is agreed on is no reason to refuse a handshake.
#[test]
fn handshake_is_read_by_its_body_alone() {
    for header in ["1900-01-01", "2099-01-01", "draft"] {
        let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } });
        let reply =
            Bench::new().send(Request::legacy("initialize", params).header("mcp-protocol-version", header));
        assert_eq!(result(&reply)["protocolVersion"], "2025-06-18", "{header}");
    }
}

/// MP-07, MP-09, MCP-B-06: what is no JSON, or not the same JSON to everybody.
#[test]
fn body_that_is_no_json_is_a_parse_error() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":{open}{close}}}}}"#)
    };
    for body in ["", "{", "{}{}", "\u{feff}{}", r#"{"jsonrpc":"2.0","id":1,"method":"ping""#] {
        let reply = Bench::new().send(Request::post(body.to_owned()));
        assert_eq!(error(&reply), (400, -32700), "{body}");
        assert!(json(&reply).get("id").is_none());
    }
    assert_eq!(error(&Bench::new().send(Request::post(&b"\"\xff\""[..]))), (400, -32700));
    // C16: by its grammar it is JSON, and its request's id is known.
    for (body, refused) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"\ud800"}}"#, (200, -32602)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":1e400}}"#, (200, -32602)),
        (&nested(63), (200, -32602)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#, (400, -32600)),
    ] {
        let bench = Bench::new();
        let reply = bench.send(Request::post(body.to_owned()));
        assert_eq!((error(&reply), bench.effects().1), (refused, 0), "{body}");
        assert_eq!(json(&reply)["id"], 1);
    }
    result(&Bench::new().send(Request::post(nested(62))));
}

/// MP-08, MP-12, MCP-T-47, MCP-L-07: JSON that is no message of ours.
#[test]
fn body_that_is_no_message_is_an_invalid_request() {
    let bench = Bench::new();
    for body in [
        "[]",
        "null",
        "{}",
        r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add"}}]"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"add"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"#,
    ] {
        let request = Request::post(body).header("mcp-protocol-version", "2025-11-25");
        assert_eq!(error(&bench.send(request)), (400, -32600), "{body}");
    }
    assert_eq!(bench.effects().1, 0);
}

/// MCP-B-03, MP-18: each reply has the id of its own request.
#[test]
fn id_is_echoed_with_its_type() {
    let bench = Bench::new();
    for id in [json!(7), json!("7"), json!(-1), json!("")] {
        let reply = bench.send(list().edit(|message| message["id"] = id.clone()));
        assert_eq!(json(&reply)["id"], id);
        let reply = bench.send(list().without("mcp-method").edit(|message| message["id"] = id.clone()));
        assert_eq!(json(&reply)["id"], id);
    }
}
