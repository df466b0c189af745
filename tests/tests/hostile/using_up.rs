//! TL-03: whoever takes time or memory without end, or falls over, takes nobody along.

use crate::{Scene, failure, messages};
use postern_tests::host::State;
use postern_tests::mcp::{McpClient, message_in};
use serde_json::json;

/// Tools that end their instance, and what the operator reads of it.
const DEADLY: [(&str, &str); 6] = [
    ("loops", "of processor time"),
    ("allocates_without_end", "64 MiB of memory"),
    ("recurses_without_end", "failed: wasm trap: "),
    ("panics", "wasm trap: wasm `unreachable`"),
    ("traps", "failed: "),
    ("exits", "failed: "),
];

/// Limits that are soon reached.
const TIGHT: [&str; 4] = ["--cpu-timeout", "1s", "--max-instance-memory", "64"];

/// TL-03, DQ-10: a loop, a flood of memory, a recursion, a panic, a trap and an exit are each a 500 for the call
/// that it happened in. Meanwhile, and after it, others are answered; what was in the store is there.
#[test]
fn tool_that_ends_its_instance_fails_its_own_call_and_no_other() {
    let mut scene = Scene::open(&TIGHT);
    scene.expect_good_service();
    let before = scene.rows();
    for (tool, cause) in DEADLY {
        let skip = scene.host.log_lines();
        let responses = std::thread::scope(|scope| {
            let scene = &scene;
            let attacks: Vec<_> = (0..3).map(|_| scope.spawn(|| scene.call(tool, json!({})))).collect();
            let others: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..10 {
                            scene.expect_good_service();
                        }
                    })
                })
                .collect();
            others.into_iter().for_each(|other| other.join().unwrap());
            attacks.into_iter().map(|attack| attack.join().unwrap().expect(500)).collect::<Vec<_>>()
        });
        // U16: what the caller was told is found in the log, beside the cause.
        for response in responses {
            let trace = response.expect_header("x-trace-id");
            assert!(response.text().contains(trace), "{tool}: {response}");
            let line = scene.host.log_line(skip, &["component mcp failed", cause, &format!("trace={trace}")]);
            assert!(tool != "panics" || line.contains("panicked at "), "{line}");
        }
        scene.expect_good_service();
    }
    assert!(before == scene.rows(), "the store is as it was");
}

/// TL-03: once an answer has begun, a client sees that it was cut: it does not end as a complete one does. What the
/// host had not sent on by then may be lost, to the whole of it.
#[test]
fn tool_that_ends_its_instance_after_a_word_cuts_its_answer() {
    let scene = Scene::open(&TIGHT);
    for tool in ["loops_after_a_word", "panics_after_a_word"] {
        let mut stream = scene.host.open(&scene.attentive_request(tool));
        let text = stream.read_to_end();
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 200"), "{text}");
        let told = messages(text);
        assert!(told.iter().all(|message| message["method"] == "notifications/progress"), "{text}");
        assert!(!text.ends_with("0\r\n\r\n"), "the end of a complete answer: {text}");
        scene.expect_good_service();
    }
}

fn impatient(flags: &[&'static str]) -> Scene {
    let state = State::new().with_manifest("target/hostile/spin.toml").with_flags(flags);
    Scene::of(state.with_variable("tool_timeout", "4s"))
}

const TOO_LATE: &str = "The tool did not finish within 4s, and was stopped";

/// TL-03: a tool that only waits costs nothing but its caller's patience, and its call has a result in every
/// revision's manner.
#[test]
fn tool_that_hangs_has_a_result_that_says_so() {
    let scene = impatient(&[]);
    std::thread::scope(|scope| {
        let scene = &scene;
        for tool in ["hangs", "waits", "hangs_after_a_word"] {
            scope.spawn(move || assert_eq!(failure(&scene.call(tool, json!({}))), TOO_LATE, "{tool}"));
            scope.spawn(move || {
                let client = McpClient::connect(&scene.host, &scene.token, "2025-11-25");
                let response = client.send("tools/call", json!({ "name": tool }));
                assert_eq!(failure(&response), TOO_LATE, "{tool}");
                client.call_tool("who_am_i", json!({}));
            });
            scope.spawn(move || {
                let response = scene.host.send(&scene.attentive_request(tool)).expect(200);
                assert_eq!(failure(&response), TOO_LATE, "{tool}");
            });
        }
        (0..20).for_each(|_| scene.expect_good_service());
    });
}

/// Calls a tool again and again, until the host has had enough of what another one left behind.
fn outlive(scene: &mut Scene, skip: usize, tool: &str, cause: &str) {
    for _ in 0..5000 {
        scene.call(tool, json!({})).expect(200);
        if scene.host.log().lines().skip(skip).any(|line| line.contains("component mcp failed")) {
            scene.host.log_line(skip, &["component mcp failed", cause]);
            return;
        }
    }
    panic!("nothing was left to be ended:\n{}", scene.host.log());
}

/// TL-03: the answer does not wait for the tool to let go. What it does then is its instance's end and nobody else's.
#[test]
fn tool_that_does_not_let_go_is_left_behind() {
    let mut scene = impatient(&["--cpu-timeout", "1s"]);
    let skip = scene.host.log_lines();
    assert_eq!(failure(&scene.call("loops_when_dropped", json!({})).expect(200)), TOO_LATE);
    outlive(&mut scene, skip, "who_am_i", "of processor time");
}

/// TL-03, TL-09: what a tool leaves running behind its answer meets no other caller. It waits for one, and is ended.
#[test]
fn what_a_tool_leaves_running_meets_nobody() {
    let mut scene = Scene::open(&["--cpu-timeout", "1s", "--request-timeout", "8s"]);
    let skip = scene.host.log_lines();
    scene.call("lies_in_wait", json!({})).expect(200);
    outlive(&mut scene, skip, "takes_a_moment", "guest timed out");
}

/// TL-03: who puts the whole instance to sleep is not seen from inside it. The host gives up on it.
#[test]
fn tool_that_sleeps_is_given_up_by_the_host() {
    let scene = Scene::open(&["--request-timeout", "8s"]);
    std::thread::scope(|scope| {
        let scene = &scene;
        let sleeper = scope.spawn(|| scene.call("sleeps", json!({})));
        (0..20).for_each(|_| scene.expect_good_service());
        sleeper.join().unwrap().expect(504);
    });
    scene.expect_good_service();
}

/// TL-07, DQ-09: so many notifications go on, and who never stops is stopped.
#[test]
fn tool_that_floods_is_stopped() {
    let state = State::new().with_manifest("target/hostile/spin.toml");
    let scene = Scene::of(state.with_variable("tool_notification_limit", "20"));
    let flooded = "The tool sent too many notifications, and was stopped";
    let mut stream = scene.host.open(&scene.attentive_request("floods_with_progress"));
    let told = messages(stream.read_to_end());
    assert_eq!(told.len(), 21);
    assert_eq!(told[20]["result"]["content"][0]["text"], flooded);
    // Too long, each of them: the client hears of none.
    let response = scene.host.send(&scene.attentive_request("floods_with_logs")).expect(200);
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(failure(&response), flooded);
    for tool in ["floods_with_progress", "floods_with_logs"] {
        assert_eq!(failure(&scene.call(tool, json!({}))), flooded, "{tool}");
    }
    scene.expect_good_service();
}

/// TL-07: what is for everybody is made known so often and no more, whatever a tool says.
#[test]
fn changes_are_not_made_known_without_end() {
    let mut scene = Scene::open(&[]);
    let before = scene.rows().len();
    let skip = scene.host.log_lines();
    let result = message_in(&scene.call("floods_with_changes", json!({})).expect(200));
    assert!(result["result"]["isError"].is_null() || result["result"]["isError"] == json!(true), "{result}");
    let line = scene.host.log_line(skip, &["POST /mcp 200", "kv="]);
    let writes = line.split_once("r/").unwrap().1.trim_end_matches('w').parse::<u32>().unwrap();
    assert!((1..=200).contains(&writes), "{line}");
    assert!(scene.rows().len() <= before + 1, "one record of changes");
}

/// TL-07: a result has a limit, which is a variable.
#[test]
fn result_without_end_is_not_sent() {
    let scene = Scene::open(&[]);
    for tool in ["gives_eight_mib", "gives_sixty_mib"] {
        let why = failure(&scene.call(tool, json!({})).expect(200));
        assert_eq!(why, "The tool's result is larger than 4096 KiB, the most that is sent", "{tool}");
    }
    drop(scene);
    let state = State::new().with_manifest("target/hostile/spin.toml");
    let generous = Scene::of(state.with_variable("tool_output_limit", "9MiB"));
    let result = message_in(&generous.call("gives_eight_mib", json!({})).expect(200));
    assert_eq!(result["result"]["content"][0]["text"].as_str().unwrap().len(), 8 << 20);
}
