//! Large messages: what they take, and what becomes of those that are too large.

use postern_tests::host::State;
use postern_tests::mcp::{McpClient, STATELESS, post};
use postern_tests::oauth::{BASIC, STATISTICS};
use postern_tests::{Client, Host};
use serde_json::{Value, json};

/// S3: a call with a megabyte of numbers fits into an instance with little memory. A tree of the arguments, or a few more copies
/// of them, and it would not. What does not fit its schema takes no more.
#[test]
fn a_large_call_takes_little_memory() {
    let state = State::new();
    let host = Host::start(&state);
    let listen = host.authority().to_owned();
    // To hash a password takes more.
    let token = Client::register(&host).sign_in_with(&format!("{BASIC} {STATISTICS}")).access_token;
    host.stop();
    let state = state.with_flags(&["--max-instance-memory", "24"]);
    let host = Host::start_on(&state, &listen);
    let count = 510_000;
    for revision in ["2025-06-18", STATELESS] {
        let mcp = McpClient::connect(&host, &token, revision);
        let numbers = |last: Value| {
            let mut numbers = vec![json!(7); count];
            numbers.push(last);
            json!({ "name": "statistics", "arguments": { "numbers": numbers } })
        };
        let answer = mcp.result("tools/call", numbers(json!(7.0)));
        assert_eq!(answer["structuredContent"]["count"], count + 1, "{revision}: {answer}");
        // Before 2025-11-25 it is an error, and then a result.
        let refused = mcp.call("tools/call", numbers(json!("7"))).to_string();
        assert!(refused.contains("want number, but got string"), "{revision}: {refused}");
    }
}

/// C13: the limit is a variable, and a refused client gets to read why.
#[test]
fn the_limit_of_messages_is_a_variable() {
    let state = State::new().with_variable("message_limit", "4MiB");
    let mut host = Host::start(&state);
    let token = Client::register(&host).sign_in().access_token;
    let message = |length: usize| {
        post(
            &token,
            &json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": { "x": "x".repeat(length) } }),
        )
    };
    host.send(&message(3 << 20)).expect(200);
    for length in [(4 << 20) + 1, 6 << 20] {
        let skip = host.log_lines();
        let refused = host.send(&message(length)).expect(413);
        assert!(refused.text().contains("longer than 4 MiB"), "{refused}");
        host.log_line(skip, &["a message is longer than 4 MiB (variable message_limit)"]);
    }
    // C3, through everything that there is.
    let mcp = McpClient::connect(&host, &token, STATELESS);
    for limit in ["10", "10.0", "1e1"] {
        let arguments = serde_json::from_str::<Value>(&format!("{{\"limit\":{limit}}}")).unwrap();
        assert_eq!(mcp.call_tool("count_primes", arguments)["structuredContent"]["result"], 4, "{limit}");
    }
}
