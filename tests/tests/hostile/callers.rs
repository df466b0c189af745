//! TL-06, TL-09: who calls is who has signed in, and what is theirs is nobody else's.

use crate::{Scene, message_in};
use postern_tests::http::Connection;
use postern_tests::mcp::{McpClient, STATELESS};
use postern_tests::{Client, random};
use serde_json::{Value, json};

fn text(message: &Value) -> String {
    message["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned()
}

/// TL-09, MP-18: a thousand calls of two people, all with the same id and side by side in the same few instances. Each
/// gets the answer to what they asked, about themselves.
#[test]
fn answers_never_cross() {
    let scene = Scene::open(&[]);
    let other = Client::register(&scene.host).sign_in_with("hostile").access_token;
    std::thread::scope(|scope| {
        for token in [&scene.token, &other, &scene.token, &other] {
            let scene = &scene;
            scope.spawn(move || {
                let client = McpClient::connect(&scene.host, token, STATELESS);
                let mut connection = Connection::open(&scene.host);
                let mut call = |tool: &str, arguments: Value| {
                    let params = json!({ "name": tool, "arguments": arguments });
                    text(&message_in(&connection.send(&client.request("tools/call", params)).expect(200)))
                };
                let myself = call("who_am_i", json!({}));
                for _ in 0..250 {
                    let said = random();
                    assert_eq!(call("echo", json!({ "text": said })), format!("{myself} {said}"));
                }
            });
        }
    });
}

/// TL-09: what a tool remembers in spite of its contract is gone with the instance. An operator who does not trust
/// a tool with that gives every request an instance of its own.
#[test]
fn instance_of_its_own_remembers_nothing() {
    let scene = Scene::open(&["--max-instance-reuse-count", "1"]);
    for _ in 0..20 {
        let message = message_in(&scene.call("remember", json!({ "text": random() })));
        assert_eq!(text(&message), "nothing");
    }
}

/// TL-06: whoever a caller says that they are in the arguments, the tool is told who has signed in.
#[test]
fn caller_is_who_has_signed_in() {
    let scene = Scene::open(&[]);
    let other = Client::register(&scene.host).sign_in_with("hostile").access_token;
    let who = |token: &str, arguments: Value| {
        let client = McpClient::connect(&scene.host, token, STATELESS);
        client.call_tool("who_am_i", arguments)["content"][0]["text"].as_str().unwrap().to_owned()
    };
    let (me, them) = (who(&scene.token, json!({})), who(&other, json!({})));
    assert_ne!(me, them);
    for claim in ["subject", "sub", "caller", "user_id", "_meta"] {
        assert_eq!(who(&scene.token, json!({ claim: them })), me, "{claim}");
    }
}
