//! Revision 2026-07-28.

use crate::{Call, META, Scene, everything};
use postern_tests::mcp::{STATELESS, message_in, post};
use serde_json::{Value, json};

/// MCP-T-44: nobody reads any more, so the tool is told, in the middle of its work.
#[test]
fn client_that_leaves_ends_the_tool() {
    let mut scene = Scene::open(&[]);
    let call = Call::tool("tell_until_left").with_meta("progressToken", json!("p"));
    let mut stream = scene.open_stream(&call);
    stream.read_until("\"progress\":2.0");
    assert!(!scene.host.log().contains("nobody listens any more"));
    drop(stream);
    scene.host.log_line(0, &["nobody listens any more"]);
}

/// MCP-B-01, MCP-B-04, MCP-B-10, MCP-B-11, MCP-B-12, MCP-B-15, MCP-T-01, MCP-T-50: whatever is asked, well or badly.
#[test]
fn every_answer_is_one_message_with_a_result_or_an_error_of_the_list() {
    let scene = Scene::open(&[]);
    let tools = scene.answer(&Call::new("tools/list", json!({})));
    let tools: Vec<String> = names(&tools["result"]["tools"], "name");
    assert!(tools.len() > 30, "{tools:?}");
    let mut calls: Vec<Call> =
        tools.iter().filter(|name| *name != "tell_until_left").map(|name| Call::tool(name)).collect();
    calls.extend(calls.clone().into_iter().map(|call| call.with_meta("clientCapabilities", everything())));
    for method in [
        "server/discover",
        "tools/list",
        "resources/list",
        "resources/templates/list",
        "prompts/list",
        "completion/complete",
        "tasks/get",
        "tasks/list",
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "no/such/method",
    ] {
        calls.push(Call::new(method, json!({})));
    }
    calls.push(Call::tool("no_such_tool"));
    calls.push(Call::new("resources/read", json!({ "uri": "test://nothing" })));
    calls.push(Call::new("resources/read", json!({ "uri": "test://static-text" })));
    calls.push(Call::new("prompts/get", json!({ "name": "nothing" })));
    calls.push(Call::new("prompts/get", json!({ "name": "test_simple_prompt" })));
    calls.push(Call::tool("greet").with_param("arguments", json!({ "name": 5 })));
    calls.push(
        Call::tool("greet").with_param("cursor", json!(7)).with_param("requestState", json!("made-up")),
    );
    for call in calls {
        let response = scene.send(&call);
        let answer = message_in(&response);
        let shown = format!("{}\n{response}", call.message);
        assert_eq!(answer["jsonrpc"], "2.0", "{shown}");
        assert!(!response.text().contains("notifications/cancelled"), "{shown}");
        assert_eq!(answer["id"], 1, "{shown}");
        assert!(answer.get("result").is_some() != answer.get("error").is_some(), "{shown}");
        if let Some(error) = answer.get("error") {
            let code = error["code"].as_i64().unwrap_or_else(|| panic!("{shown}"));
            assert!(error["message"].is_string(), "{shown}");
            let known = [-32700, -32600, -32601, -32602, -32603, -32020, -32021, -32022];
            assert!(known.contains(&code), "{shown}");
        }
        for key in answer
            .pointer("/result/_meta")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|meta| meta.keys())
        {
            assert_eq!(
                key,
                &format!("{META}serverInfo"),
                "a name of the protocol's, and none that only looks so"
            );
        }
    }
    // A path of its own, and one message at a time.
    let list = json!([Call::tool("greet").message]);
    let request = post(&scene.token, &list).header("mcp-protocol-version", STATELESS);
    assert_eq!(scene.host.send(&request).status, 400);
}

fn names(list: &Value, member: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

/// MCP-V-03, MCP-V-04, MCP-V-08, MCP-M-48: what one request says of its client is not there in the next, be
/// it of the same era or of the other.
#[test]
fn nothing_is_remembered_from_request_to_request() {
    let scene = Scene::open(&["--max-instance-concurrent-reuse-count", "16"]);
    let lists =
        ["tools/list", "resources/list", "resources/templates/list", "prompts/list", "server/discover"];
    let look = || lists.map(|method| scene.answer(&Call::new(method, json!({}))));
    let before = look();
    let needs_sampling = Call::tool("test_missing_capability");
    let may_log = Call::tool("test_logging_tool");
    for _ in 0..3 {
        let able = needs_sampling.clone().with_meta("clientCapabilities", json!({ "sampling": {} }));
        assert!(scene.answer(&able).get("result").is_some());
        assert_eq!(scene.answer(&needs_sampling)["error"]["code"], -32021);
        let logged = scene.send(&may_log.clone().with_meta("logLevel", json!("debug")));
        assert!(logged.text().contains("notifications/message"), "{logged}");
        assert!(!scene.send(&may_log).text().contains("notifications/message"));
        let initialized = scene.legacy(
            "initialize",
            json!({ "protocolVersion": "2025-06-18", "capabilities": everything(), "clientInfo": { "name": "c", "version": "1" } }),
        );
        assert_eq!(initialized["result"]["protocolVersion"], "2025-06-18");
        for change in ["test_trigger_tool_change", "test_trigger_prompt_change"] {
            assert!(scene.answer(&Call::tool(change)).get("result").is_some());
        }
    }
    assert_eq!(before, look());
}

/// MCP-B-14, MCP-B-16: what a client says of itself, and what nobody here knows, changes nothing.
#[test]
fn client_info_and_unknown_members_change_nothing() {
    let scene = Scene::open(&[]);
    for call in [
        Call::tool("test_simple_text"),
        Call::new("tools/list", json!({})),
        Call::new("server/discover", json!({})),
    ] {
        let plain = scene.answer(&call);
        for name in ["claude-ai", "postern", "', DROP TABLE"] {
            let info = json!({ "name": name, "version": "0", "title": "T", "unknown": [1] });
            assert_eq!(scene.answer(&call.clone().with_meta("clientInfo", info)), plain);
        }
        let unknown = call
            .with_meta("com.example/unknown", json!({ "a": [null] }))
            .with_meta("traceparent", json!("not a trace"))
            .with_param("unknown", json!({ "b": 1 }));
        assert_eq!(scene.answer(&unknown), plain);
    }
}

/// MCP-T-14: RFC 9110 section 5.1, on the wire.
#[test]
fn header_names_are_matched_in_any_case() {
    let scene = Scene::open(&[]);
    for spell in [str::to_uppercase, str::to_lowercase] {
        let mut request = post(&scene.token, &Call::tool("test_simple_text").message);
        for (name, value) in &Call::tool("test_simple_text").headers {
            request = request.header(&spell(name), value);
        }
        scene.host.send(&request).expect(200);
    }
}

/// MCP-V-24, MCP-M-01, MCP-M-28, MCP-M-51: what is announced is there, and what is there is announced.
#[test]
fn capabilities_are_what_is_served() {
    let scene = Scene::open(&[]);
    let discovered = scene.answer(&Call::new("server/discover", json!({})));
    let capabilities = discovered["result"]["capabilities"].as_object().unwrap();
    let complete = json!({
        "ref": { "type": "ref/prompt", "name": "test_prompt_with_arguments" },
        "argument": { "name": "arg1", "value": "t" },
    });
    for (capability, method, params) in [
        ("tools", "tools/list", json!({})),
        ("resources", "resources/list", json!({})),
        ("resources", "resources/templates/list", json!({})),
        ("prompts", "prompts/list", json!({})),
        ("completions", "completion/complete", complete),
    ] {
        let answer = scene.answer(&Call::new(method, params));
        assert_eq!(
            capabilities.contains_key(capability),
            answer.get("result").is_some(),
            "{method}: {answer}"
        );
        assert!(capabilities.contains_key(capability), "the suite's component offers it");
    }
    let logged = scene.send(&Call::tool("test_logging_tool").with_meta("logLevel", json!("debug")));
    assert_eq!(capabilities.contains_key("logging"), logged.text().contains("notifications/message"));
}

/// MCP-R-04, MCP-R-05, MCP-R-15: each round in an instance of its own, and a restart in between; and a first
/// round that nobody comes back to.
#[test]
fn rounds_go_on_in_other_instances_and_after_a_restart() {
    let scene = Scene::open(&["--max-instance-reuse-count", "1"]);
    let call =
        Call::tool("test_input_required_result_multi_round").with_meta("clientCapabilities", everything());
    for _ in 0..3 {
        assert_eq!(scene.answer(&call)["result"]["resultType"], "input_required");
    }
    let first = scene.answer(&call);
    let accepted = |content: Value| json!({ "action": "accept", "content": content });
    let answer = |asked: &Value, key: &str, content: Value| {
        call.clone()
            .with_param("requestState", asked["result"]["requestState"].clone())
            .with_param("inputResponses", json!({ key: accepted(content) }))
    };
    let second = scene.answer(&answer(&first, "step1", json!({ "name": "Alice" })));
    assert!(second["result"]["inputRequests"]["step2"].is_object(), "{second}");
    assert_ne!(first["result"]["requestState"], second["result"]["requestState"]);
    let scene = scene.restart();
    let last = scene.answer(&answer(&second, "step2", json!({ "color": "blue" })));
    assert_eq!(last["result"]["content"][0]["text"], "Alice likes blue.", "{last}");
}

/// MCP-M-05, MCP-L-02: a schema comes out with every member that went in, in both eras.
#[test]
fn schemas_are_passed_on_whole() {
    let scene = Scene::open(&[]);
    for answer in [scene.answer(&Call::new("tools/list", json!({}))), scene.legacy("tools/list", json!({}))] {
        let tools = answer["result"]["tools"].as_array().unwrap();
        let tool = tools.iter().find(|tool| tool["name"] == "json_schema_2020_12_tool").unwrap();
        let schema = &tool["inputSchema"];
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["$defs"]["address"]["$anchor"], "addressDef");
        assert_eq!(schema["properties"]["address"], json!({ "$ref": "#/$defs/address" }));
        assert_eq!(
            schema["allOf"][0]["anyOf"],
            json!([{ "required": ["phone"] }, { "required": ["email"] }])
        );
        assert_eq!(schema["if"]["required"], json!(["contactMethod"]));
        assert_eq!(
            (&schema["then"], &schema["else"]),
            (&json!({ "required": ["phone"] }), &json!({ "required": ["email"] }))
        );
        assert_eq!(schema["additionalProperties"], false);
    }
}

/// MCP-T-48: JSON and streams, as they come, each with its own answer; in one instance and in many.
#[test]
fn requests_at_once_have_their_own_answers() {
    for flags in [&[][..], &["--max-instance-concurrent-reuse-count", "16"]] {
        let scene = Scene::open(flags);
        std::thread::scope(|threads| {
            for number in 0..16 {
                let (scene, id) = (&scene, format!("request-{number}"));
                threads.spawn(move || {
                    let mut call = match number % 2 {
                        0 => Call::tool("test_tool_with_progress").with_meta("progressToken", json!(id)),
                        _ => Call::tool("greet").with_param("arguments", json!({ "name": id })),
                    };
                    call.message["id"] = json!(id);
                    let response = scene.send(&call).expect(200);
                    assert_eq!(message_in(&response)["id"], json!(id));
                    let own = response.text().matches(&id).count();
                    // The id; and the greeting, or the token of each of three notifications.
                    assert_eq!(own, if number % 2 == 0 { 4 } else { 2 }, "{response}");
                    assert_eq!(response.text().matches("request-").count(), own, "{response}");
                });
            }
        });
    }
}

/// MCP-M-42, MCP-M-44: another instance's call tells of a change, and of its progress and its log to its own
/// client only.
#[test]
fn listeners_hear_of_changes_and_of_nothing_else() {
    let scene = Scene::open(&["--max-instance-reuse-count", "1"]);
    let wanted = json!({ "toolsListChanged": true, "promptsListChanged": true });
    let mut listener =
        scene.open_stream(&Call::new("subscriptions/listen", json!({ "notifications": wanted })));
    listener.read_until("notifications/subscriptions/acknowledged");
    let loud = |name: &str| {
        Call::tool(name).with_meta("progressToken", json!("p")).with_meta("logLevel", json!("debug"))
    };
    for name in ["test_tool_with_progress", "test_tool_with_logging", "test_logging_tool"] {
        scene.send(&loud(name)).expect(200);
    }
    for (name, told) in [
        ("test_trigger_tool_change", "notifications/tools/list_changed"),
        ("test_trigger_prompt_change", "notifications/prompts/list_changed"),
    ] {
        assert!(!scene.send(&loud(name)).expect(200).text().contains("list_changed"));
        let heard = listener.read_until(told);
        for other in ["notifications/progress", "notifications/message"] {
            assert!(!heard.contains(other), "{heard}");
        }
    }
}

/// MCP-K-18, MCP-K-26: what revision 2025-11-25 called a task is not taken for one, and its clients get no others.
#[test]
fn tasks_are_for_clients_that_know_the_extension() {
    let scene = Scene::open(&[]);
    let arguments = json!({ "name": "slow_compute", "arguments": { "seconds": 0 }, "task": { "ttl": 1000 } });
    let answer = scene.legacy("tools/call", arguments.clone());
    assert!(answer["result"]["content"][0]["text"].is_string(), "{answer}");
    assert!(
        answer["result"].get("taskId").is_none() && answer["result"].get("resultType").is_none(),
        "{answer}"
    );
    let answer = scene.answer(&Call::new("tools/call", arguments));
    assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
}
