//! HTTP+SSE, the transport of 2024-11-05, on `/sse` and `/sse/message`.

use postern_tests::http::Stream;
use postern_tests::mcp::{McpClient, ping};
use postern_tests::{Client, Request, Server};
use serde_json::{Value, json};

fn get(token: &str) -> Request {
    Request::new("GET", "/sse").header("accept", "text/event-stream").bearer(token)
}

/// Opens a stream, and returns where to post to.
fn open(server: &Server, token: &str) -> (Stream, String) {
    let mut stream = server.open(&get(token));
    let read = stream.read_until("\n\n").to_owned();
    assert!(read.starts_with("HTTP/1.1 200") && read.contains("text/event-stream"), "{read}");
    let endpoint = read.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
    assert!(endpoint.starts_with("/sse/message?sessionId="), "{read}");
    (stream, endpoint.to_owned())
}

fn request(id: u32, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

/// MCP-L-32, MCP-L-33, MCP-L-34, MCP-L-35, MCP-L-36: the whole life of a session.
#[test]
fn client_of_the_first_revision_lists_and_calls() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    let (mut stream, endpoint) = open(&server, &token);
    let post = |message: &Value| server.send(&Request::json(&endpoint, message).bearer(&token));
    let hello = json!({ "protocolVersion": "2024-11-05", "capabilities": {},
                        "clientInfo": { "name": "c", "version": "1" } });
    post(&request(0, "initialize", hello)).expect(202);
    stream.read_until(r#""protocolVersion":"2024-11-05""#);
    post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).expect(202);
    post(&request(1, "tools/list", json!({}))).expect(202);
    stream.read_until(r#""name":"add""#);
    post(&request(2, "tools/call", json!({ "name": "add", "arguments": { "a": 23, "b": 19 } }))).expect(202);
    let read = stream.read_until(r#""text":"42""#);
    assert!(!read.contains("structuredContent") && !read.contains("\nid:"), "{read}");

    let stranger = Client::register(&server).sign_in().access_token;
    server.send(&Request::json(&endpoint, &ping()).bearer(&stranger)).expect(404);
    server.send(&Request::json(&endpoint, &ping())).expect(401);
    drop(stream);
    // The server finds out when it next has something to say.
    let is_over = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        post(&ping()).status == 404
    });
    assert!(is_over);
}

/// MCP-A-07: without a token, the way to one; and to one that is good here.
#[test]
fn endpoint_is_a_resource_of_its_own() {
    let server = Server::under_test();
    let challenge = server.send(&Request::new("GET", "/sse")).expect(401);
    let metadata = "/.well-known/oauth-protected-resource/sse";
    assert!(challenge.expect_header("www-authenticate").contains(&server.url(metadata)), "{challenge}");
    assert_eq!(server.get(metadata).expect(200).json()["resource"], json!(server.url("/sse")));
}

/// Whoever is given this address gets in, with whatever transport it knows.
#[test]
fn posts_are_served_as_streamable_http() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    let message = request(
        1,
        "initialize",
        json!({ "protocolVersion": "2025-06-18", "capabilities": {},
                                                    "clientInfo": { "name": "c", "version": "1" } }),
    );
    let post = Request::json("/sse", &message).header("accept", "application/json, text/event-stream");
    let response = server.send(&post.bearer(&token)).expect(200);
    let session = response.expect_header("mcp-session-id");
    let delete = Request::new("DELETE", "/sse").header("mcp-session-id", session).bearer(&token);
    server.send(&delete).expect(204);
    server.send(&delete).expect(404);
    // And at the newer address, in each revision with a handshake.
    for revision in ["2024-11-05", "2025-03-26"] {
        let result =
            McpClient::connect(&server, &token, revision).call_tool("add", json!({ "a": 1, "b": 2 }));
        assert_eq!(result["content"][0]["text"], json!("3"), "{revision}");
    }
}
