//! TL-05, TL-10, TL-12: tools have no more of the host than they were granted.

use crate::{Scene, message_in};
use postern_tests::documents::{Answer, DocumentServer};
use postern_tests::host::State;
use postern_tests::http::Server;
use serde_json::{Value, json};

/// What a tool tries, the error that it gets, and the interface that the log names. The errors are those of Spin.
const DENIED: [(&str, &str, &str); 5] = [
    ("opens_sockets", "Permission denied", "wasi:sockets/"),
    (
        "calls_out",
        "ErrorCode::InternalError(Some(\"\\\"wasi:http/client\\\" is not permitted\"))",
        "wasi:http/client",
    ),
    ("opens_the_store", "AccessDenied", "wasi:keyvalue/store"),
    ("empties_the_store", "AccessDenied", "wasi:keyvalue/store"),
    ("reads_variables", "Io(\"\\\"wasi:config/store\\\" is not permitted\")", "wasi:config/store"),
];

/// What a tool may look for, and how its answer begins that it found nothing.
const EMPTY: [(&str, &str); 3] = [
    ("reads_the_environment", "got 0 arguments and 0 variables"),
    ("reads_files", "denied: "),
    ("writes_files", "denied: "),
];

fn authority(server: &DocumentServer) -> Value {
    let authority = Server::at(server.url("").trim_end_matches('/')).authority().to_owned();
    json!({ "authority": authority })
}

fn said(scene: &Scene, tool: &str, arguments: Value) -> String {
    let message = message_in(&scene.call(tool, arguments).expect(200));
    message["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned()
}

/// TL-05, TL-12: as the manifest is, a tool has neither the store, nor the network, nor files, environment and
/// variables. An attempt is an error that the tool can handle, as on Spin; the log names what was tried.
#[test]
fn tool_reaches_nothing_that_it_was_not_granted() {
    let mut scene = Scene::open(&[]);
    let server = DocumentServer::start();
    server.publish("/", Answer::json(&json!({})));
    let before = scene.rows();
    for (tool, error, interface) in DENIED {
        let skip = scene.host.log_lines();
        let said = said(&scene, tool, authority(&server));
        assert!(said.starts_with("denied: ") && said.contains(error), "{tool}: {said}");
        if tool != "empties_the_store" {
            // The store was named when it was opened before, if that was the same instance.
            scene.host.request_line(skip, &[interface, "which it does not inherit"]);
        }
        scene.expect_good_service();
    }
    // A name has to be looked up first.
    let said_of_name = said(&scene, "opens_sockets", json!({ "authority": "localhost:1" }));
    assert!(said_of_name.starts_with("denied: "), "{said_of_name}");
    // There are none: that is an answer, and no attempt.
    for (tool, answer) in EMPTY {
        let said = said(&scene, tool, json!({}));
        assert!(said.starts_with(answer), "{tool}: {said}");
    }
    // These are nobody's.
    assert!(said(&scene, "reads_clocks_and_randomness", json!({})).starts_with("got "));
    assert_eq!(server.take_requests(), [""; 0], "nobody was called");
    assert!(before == scene.rows(), "the store is as it was");
}

/// TL-10: a grant of a host is a grant of that host, whatever address a caller names.
#[test]
fn granted_host_is_reached_and_no_other() {
    let (granted, other) = (DocumentServer::start(), DocumentServer::start());
    for server in [&granted, &other] {
        server.publish("/", Answer::json(&json!({})));
    }
    let state = State::new()
        .with_manifest("target/hostile/granted.toml")
        .with_variable("tool_hosts", granted.url("").trim_end_matches('/'));
    let scene = Scene::of(state);
    assert_eq!(said(&scene, "calls_out", authority(&granted)), "got 200");
    assert_eq!(granted.take_requests().len(), 1);
    let denied = said(&scene, "calls_out", authority(&other));
    assert!(denied.starts_with("denied: ") && denied.contains("HttpRequestDenied"), "{denied}");
    for name in ["self.alt", "oauth.spin.internal", "127.0.0.1:1"] {
        let denied = said(&scene, "calls_out", json!({ "authority": name }));
        assert!(denied.starts_with("denied: "), "{name}: {denied}");
    }
    assert_eq!(other.take_requests(), [""; 0]);
    // It is no grant of anything else.
    let denied = said(&scene, "opens_the_store", json!({}));
    assert!(denied.starts_with("denied: ") && denied.contains("AccessDenied"), "{denied}");
}

/// TL-04: there is no way to a tool but `/mcp`, and none to `/mcp` without a token.
#[test]
fn tool_has_no_address_of_its_own() {
    let scene = Scene::open(&[]);
    for path in
        ["/tools", "/tools/call", "/who_am_i", "/postern:tools/tools", "/mcp/tools", "/hostile_tools.wasm"]
    {
        scene.host.get(path).expect(404);
    }
    let mut request = scene.request("who_am_i", json!({}));
    request = request.header("host", "tools.spin.internal");
    assert_ne!(scene.host.send(&request).status, 200);
    let client =
        postern_tests::mcp::unauthorized(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "who_am_i", "arguments": {} } }));
    scene.host.send(&client).expect(401);
}
