//! `/mcp`: who may enter, and what is said inside, in every revision.

use postern_tests::mcp::{HANDSHAKE, McpClient, STATELESS, message_in, ping, post, unauthorized};
use postern_tests::oauth::{BASIC, STATISTICS};
use postern_tests::{Authorization, Browser, Client, Person, Request, Response, Server, Tokens};
use serde_json::{Value, json};

/// A parameter of a `WWW-Authenticate: Bearer` challenge.
fn challenge(response: &Response, parameter: &str) -> Option<String> {
    let challenge = response.expect_header("www-authenticate");
    assert!(challenge.starts_with("Bearer "), "{challenge}");
    let (_, value) = challenge.split_once(&format!("{parameter}=\""))?;
    value.split_once('"').map(|(value, _)| value.to_owned())
}

fn error_code(answer: &Value) -> Option<i64> {
    answer.pointer("/error/code").and_then(Value::as_i64)
}

fn tokens_for(server: &Server, scope: &str) -> Tokens {
    let client = Client::register(server);
    let authorization = Authorization::new(&client).with("scope", scope);
    let answer = Person::new().approve(&mut Browser::new(server), &authorization);
    Tokens::of(&client.redeem(answer.code(), &authorization.verifier))
}

/// RFC 9728 section 5.1; RFC 6750 section 3: no error code for somebody who sent no token.
/// DS-06: it asks for what any call needs, and not for all that there is.
#[test]
fn without_a_token_there_is_a_challenge() {
    let server = Server::under_test();
    for request in [
        unauthorized(&ping()),
        Request::new("GET", "/mcp").header("accept", "text/event-stream, application/json"),
        Request::new("GET", "/mcp"),
        Request::new("POST", "/mcp"),
        Request::new("GET", "/mcp?access_token=x"),
        unauthorized(&ping()).header("authorization", "Basic eDp5"),
    ] {
        let response = server.send(&request).expect(401);
        assert_eq!(challenge(&response, "error"), None, "{response}");
        assert_eq!(challenge(&response, "scope").as_deref(), Some(BASIC), "{response}");
        let metadata = challenge(&response, "resource_metadata").expect("where to go on");
        let path = server.path_of(&metadata).expect("an address of this server");
        assert_eq!(server.get(path).expect(200).json()["resource"], json!(server.url("/mcp")));
    }
}

/// RFC 6750 section 3.1.
#[test]
fn garbage_token_is_invalid_token() {
    let server = Server::under_test();
    let good = Client::register(&server).sign_in().access_token;
    let cut = &good[..good.len() - 1];
    let last = if good.ends_with('A') { "B" } else { "A" };
    for token in [
        "x",
        "a.b.c",
        &"x".repeat(4000),
        cut,
        &format!("{cut}{last}"),
        &format!("{good}A"),
        &good.to_uppercase(),
    ] {
        let response = server.send(&post(token, &ping())).expect(401);
        assert_eq!(challenge(&response, "error").as_deref(), Some("invalid_token"), "{response}");
        assert!(challenge(&response, "resource_metadata").is_some(), "{response}");
    }
    server.send(&unauthorized(&ping()).header("authorization", &format!("bearer {good}"))).expect(200);
}

/// A token in the address would be in every log on the way (RFC 9700 section 4.3.2).
#[test]
fn token_in_the_query_is_not_taken() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    let request = Request::json(&format!("/mcp?access_token={token}"), &ping())
        .header("accept", "application/json, text/event-stream");
    server.send(&request).expect(401);
    server.send(&post(&token, &ping()).bearer("another")).expect_not(200);
}

/// The whole walk, in every revision: discovery has told the client where to go, and a tool answers.
#[test]
fn signed_in_client_calls_a_tool_in_every_revision() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    for revision in HANDSHAKE.into_iter().chain([STATELESS]) {
        let client = McpClient::connect(&server, &token, revision);
        assert!(client.tools().contains(&"add".to_owned()), "{revision}");
        let result = client.call_tool("add", json!({ "a": 23, "b": 19 }));
        assert_eq!(result.pointer("/content/0/type"), Some(&json!("text")), "{revision}: {result}");
        assert_eq!(result.pointer("/content/0/text"), Some(&json!("42")), "{revision}: {result}");
        assert_ne!(result.get("isError"), Some(&json!(true)), "{revision}: {result}");
        let structured = (!["2024-11-05", "2025-03-26"].contains(&revision)).then(|| json!({ "result": 42 }));
        assert_eq!(result.get("structuredContent"), structured.as_ref(), "{revision}: {result}");
        assert_eq!(result.get("resultType").is_some(), revision == STATELESS, "{revision}: {result}");
    }
}

/// What `tools/list` promises is what a caller may rely on.
#[test]
fn tools_are_described() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    let answer = McpClient::connect(&server, &token, "2025-11-25").call("tools/list", json!({}));
    for tool in answer.pointer("/result/tools").and_then(Value::as_array).unwrap() {
        assert!(tool["name"].is_string() && tool["description"].is_string(), "{tool}");
        assert_eq!(tool.pointer("/inputSchema/type"), Some(&json!("object")), "{tool}");
    }
}

/// Revision 2026-07-28 asks before it speaks.
#[test]
fn server_discover_names_every_revision() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    let answer = McpClient::connect(&server, &token, STATELESS).call("server/discover", json!({}));
    let revisions = answer.pointer("/result/supportedVersions").and_then(Value::as_array);
    let revisions = revisions.unwrap_or_else(|| panic!("{answer}"));
    assert!(revisions.contains(&json!(STATELESS)), "{answer}");
}

/// Calling a tool that needs a scope which the person did not grant says what to ask for (RFC 6750
/// section 3.1, `insufficient_scope`). It is listed: what nobody sees, nobody asks for.
#[test]
fn tool_beyond_the_granted_scopes_is_a_step_up() {
    let server = Server::under_test();
    let (basic, all) = (tokens_for(&server, BASIC), tokens_for(&server, &format!("{BASIC} {STATISTICS}")));
    for revision in ["2025-11-25", STATELESS] {
        let call = |tokens: &Tokens, tool: &str| {
            let client = McpClient::connect(&server, &tokens.access_token, revision);
            client.send("tools/call", json!({ "name": tool, "arguments": {} }))
        };
        let tools = McpClient::connect(&server, &basic.access_token, revision).tools();
        let beyond: Vec<&String> = tools.iter().filter(|tool| call(&basic, tool).status == 403).collect();
        assert!(!beyond.is_empty() && beyond.len() < tools.len(), "{beyond:?} of {tools:?}");
        for tool in beyond {
            let response = call(&basic, tool);
            assert_eq!(challenge(&response, "error").as_deref(), Some("insufficient_scope"), "{response}");
            let scope = challenge(&response, "scope").expect("what to ask for");
            assert!(scope.split(' ').any(|scope| scope == STATISTICS), "{response}");
            assert!(
                scope.split(' ').any(|scope| scope == BASIC),
                "what was granted is asked for again: {response}"
            );
            assert!(challenge(&response, "resource_metadata").is_some(), "{response}");
            assert_ne!(call(&all, tool).status, 403, "{tool}");
        }
    }
}

/// JSON-RPC 2.0 section 5.1.
#[test]
fn broken_json_is_a_parse_error() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    for body in ["{", "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} x", "\u{0}"] {
        let request = Request::new("POST", "/mcp")
            .body("application/json", body)
            .header("accept", "application/json, text/event-stream")
            .bearer(&token);
        let response = server.send(&request).expect(400);
        let answer = response.json();
        assert_eq!(error_code(&answer), Some(-32700), "{response}");
        assert_eq!(answer["jsonrpc"], json!("2.0"), "{response}");
    }
}

/// JSON-RPC 2.0 section 5.1, and the transport's own errors.
#[test]
fn messages_that_are_none_are_refused() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    for message in [json!(7), json!("x"), json!({}), json!({ "jsonrpc": "1.0", "id": 1, "method": "ping" })] {
        let response =
            server.send(&post(&token, &message).header("mcp-protocol-version", "2025-11-25")).expect(400);
        assert_eq!(error_code(&response.json()), Some(-32600), "{message}: {response}");
    }
}

/// An unknown method is JSON-RPC's own error; 2026-07-28 gives it a status as well.
#[test]
fn unknown_methods_and_tools_are_errors() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    for revision in ["2025-11-25", STATELESS] {
        let client = McpClient::connect(&server, &token, revision);
        let response = client.send("no/such/method", json!({}));
        assert_eq!(response.status, if revision == STATELESS { 404 } else { 200 }, "{revision}: {response}");
        assert_eq!(error_code(&message_in(&response)), Some(-32601), "{revision}: {response}");
        let answer = client.call("tools/call", json!({ "name": "no_such_tool", "arguments": {} }));
        assert_eq!(error_code(&answer), Some(-32602), "{revision}: {answer}");
    }
}

/// A wrong argument is something that a model can correct, if it is told.
#[test]
fn wrong_arguments_are_said_to_be_wrong() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    let client = McpClient::connect(&server, &token, "2025-11-25");
    for arguments in [json!({}), json!({ "a": "x", "b": 1 }), json!({ "a": 1 })] {
        let answer = client.call("tools/call", json!({ "name": "add", "arguments": arguments }));
        let failed =
            answer.pointer("/result/isError") == Some(&json!(true)) || error_code(&answer) == Some(-32602);
        assert!(failed, "{arguments}: {answer}");
    }
}

/// Streamable HTTP: an unknown `MCP-Protocol-Version` is 400.
#[test]
fn unknown_revision_is_refused() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    server.send(&post(&token, &ping()).header("mcp-protocol-version", "1999-01-01")).expect(400);
}

/// C20: in `initialize` the body alone counts.
#[test]
fn initialize_is_not_refused_for_its_header() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    let answer =
        server.send(&post(&token, &message).header("mcp-protocol-version", "2099-01-01")).expect(200);
    assert_eq!(message_in(&answer).pointer("/result/protocolVersion"), Some(&json!("2025-06-18")));
}

/// C15, C16: what clients write that is not quite a request, and what the caller is told of it.
#[test]
fn odd_messages_are_answered_with_their_id() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    let send = |body: &str| {
        let request = Request::new("POST", "/mcp")
            .body("application/json", body)
            .header("accept", "application/json, text/event-stream")
            .bearer(&token);
        message_in(&server.send(&request))
    };
    let answer = send(r#"{"jsonrpc":"2.0","id":"a","method":"ping","params":null}"#);
    assert_eq!((&answer["id"], &answer["result"]), (&json!("a"), &json!({})));
    for params in [
        r#"{"name":"add","arguments":{"a":"\ud83d"}}"#,
        r#"{"name":"add","arguments":{"a":1,"a":2}}"#,
        r#"{"name":"add","arguments":{"a":1e999}}"#,
    ] {
        let answer =
            send(&format!(r#"{{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{params}}}"#));
        assert_eq!((&answer["id"], error_code(&answer)), (&json!("a"), Some(-32602)), "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains("/params/arguments/a"), "{answer}");
    }
    // S9.
    let id = "x".repeat(100_000);
    let answer = send(&format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"ping"}}"#));
    assert!(answer.get("id").is_none() && error_code(&answer) == Some(-32600), "{answer}");
}

/// U8, C22: a browser at the address, and a program without a token.
#[test]
fn who_comes_without_a_token_is_told_what_to_do() {
    let server = Server::under_test();
    for path in ["/mcp", "/sse"] {
        let page =
            server.send(&Request::new("GET", path).header("accept", "text/html, */*;q=0.8")).expect(401);
        assert!(page.expect_header("content-type").starts_with("text/html"), "{page}");
        assert!(page.text().contains("MCP clients") && page.header("www-authenticate").is_some(), "{page}");
        let refused =
            server.send(&Request::new("GET", path).header("accept", "text/event-stream")).expect(401);
        assert!(refused.json()["error_description"].as_str().unwrap().contains("Unauthorized"), "{refused}");
    }
}

/// In `initialize` an unknown revision is answered with one that is known.
#[test]
fn initialize_offers_a_known_revision() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    let params = json!({ "protocolVersion": "1999-01-01", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    let answer = message_in(&server.send(&post(&token, &message)).expect(200));
    let offered = answer.pointer("/result/protocolVersion").and_then(Value::as_str).unwrap_or_default();
    assert!(HANDSHAKE.contains(&offered), "{answer}");
}

/// Revision 2026-07-28: what the headers say is what the body says, or a proxy was deceived.
#[test]
fn headers_must_agree_with_the_body() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({ "name": "add", "arguments": { "a": 1, "b": 2 }, "_meta": meta });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    for (method, name) in [("tools/list", "add"), ("tools/call", "subtract")] {
        let request = post(&token, &message)
            .header("mcp-protocol-version", STATELESS)
            .header("mcp-method", method)
            .header("mcp-name", name);
        let response = server.send(&request).expect(400);
        assert_eq!(error_code(&response.json()), Some(-32020), "{response}");
    }
}

/// Attack: a website calls a server on this machine (Streamable HTTP, "Security Warning").
#[test]
fn foreign_origins_are_refused() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    for origin in ["https://evil.example", "null", "http://localhost.evil.example"] {
        // A public server takes every page that has a token, unless its operator says otherwise.
        if server.is_loopback() {
            server.send(&post(&token, &ping()).header("origin", origin)).expect(403);
        }
    }
    server.send(&post(&token, &ping()).header("origin", &server.base)).expect(200);
}

trait ExpectNot {
    fn expect_not(self, status: u16);
}

impl ExpectNot for Response {
    #[track_caller]
    fn expect_not(self, status: u16) {
        assert_ne!(self.status, status, "{self}");
    }
}
