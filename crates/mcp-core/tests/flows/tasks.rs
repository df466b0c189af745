//! The tasks extension.

use crate::bench::{Bench, Reply, Request, error, json, result};
use futures_util::future::join;
use serde_json::{Value, json};
use store_core::testing::{Fault, block_on};

const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

fn with_tasks(request: Request) -> Request {
    request.token("lasting").edit(|message| {
        message["params"]["_meta"][CAPABILITIES] =
            json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } });
    })
}

fn call(name: &str) -> Request {
    with_tasks(Request::modern("tools/call", json!({ "name": name, "arguments": { "n": 1 } })))
}

fn about(method: &str, id: &str) -> Request {
    with_tasks(Request::modern(method, json!({ "taskId": id }))).header("mcp-name", id)
}

fn update(id: &str, responses: Value) -> Request {
    about("tasks/update", id).edit(|message| message["params"]["inputResponses"] = responses)
}

fn begin(bench: &Bench, name: &str) -> String {
    let begun = result(&bench.send(call(name)));
    assert_eq!(begun["resultType"], "task");
    begun["taskId"].as_str().unwrap().to_owned()
}

fn get(bench: &Bench, id: &str) -> Value {
    let task = result(&bench.send(about("tasks/get", id)));
    assert_eq!((&task["resultType"], &task["taskId"]), (&json!("complete"), &json!(id)));
    // MCP-K-20.
    for never in ["task", "requestState", "ttl", "pollInterval"] {
        assert!(task.get(never).is_none(), "{never}");
    }
    task
}

fn accept(key: &str, value: &str) -> Value {
    json!({ key: { "action": "accept", "content": { key: value } } })
}

/// MCP-K-06, MCP-K-07, MCP-K-20.
#[test]
fn task_is_there_as_soon_as_it_is_told_of() {
    let bench = Bench::new();
    let begun = result(&bench.send(call("begins")));
    let id = begun["taskId"].as_str().unwrap().to_owned();
    let mut expected = json!({
        "resultType": "task", "taskId": id, "status": "working", "statusMessage": "Working",
        "createdAt": "2027-01-15T08:00:00.050Z", "lastUpdatedAt": "2027-01-15T08:00:00.050Z",
        "ttlMs": 60000, "pollIntervalMs": 1000, "_meta": begun["_meta"],
    });
    // The root of the connection was made, which takes a moment; the task had begun before.
    for time in ["createdAt", "lastUpdatedAt"] {
        expected[time] = begun[time].clone();
        assert!(begun[time].as_str().unwrap().starts_with("2027-01-15T08:00:00."));
    }
    assert_eq!(begun, expected);
    assert_eq!(get(&bench, &id)["status"], "working");
    // A clone is another instance.
    bench.world.is_done.set(true);
    let done = get(&bench.clone(), &id);
    assert_eq!(
        (&done["status"], &done["result"]["content"][0]["text"]),
        (&json!("completed"), &json!("done"))
    );
    assert!(done.get("error").is_none());
}

/// MCP-K-12: what has ended is not asked about again.
#[test]
fn end_of_a_task_is_final() {
    let bench = Bench::new();
    let id = begin(&bench, "begins");
    bench.world.is_done.set(true);
    let done = get(&bench, &id);
    let calls = bench.effects().1;
    bench.world.is_done.set(false);
    assert_eq!(get(&bench, &id), done);
    // MCP-K-16.
    assert_eq!(result(&bench.send(about("tasks/cancel", &id)))["resultType"], "complete");
    assert_eq!(get(&bench, &id), done);
    assert_eq!((bench.effects().1, bench.world.called_off.get()), (calls, 0));
}

/// MCP-K-10, MCP-K-11.
#[test]
fn failed_tool_completes_and_broken_one_fails() {
    let bench = Bench::new();
    let failed = get(&bench, &begin(&bench, "begins-and-fails"));
    assert_eq!((&failed["status"], &failed["result"]["isError"]), (&json!("completed"), &json!(true)));
    let broken = get(&bench, &begin(&bench, "begins-and-breaks"));
    assert_eq!((&broken["status"], &broken["error"]["code"]), (&json!("failed"), &json!(-32603)));
    assert!(broken.get("result").is_none() && broken["statusMessage"].is_string());
}

/// MCP-K-09, MCP-K-13, MCP-K-14, MCP-K-08.
#[test]
fn questions_of_a_task_are_answered_one_by_one() {
    let bench = Bench::new();
    let id = begin(&bench, "begins-and-asks");
    let calls = bench.effects().1;
    let task = get(&bench, &id);
    assert_eq!(task["status"], "input_required");
    assert_eq!(task["inputRequests"].as_object().unwrap().len(), 2);
    let mut answers = accept("name", "Alice");
    answers["unheard-of"] = json!(5);
    let updated = result(&bench.send(update(&id, answers)));
    assert_eq!(updated.as_object().unwrap().keys().collect::<Vec<_>>(), ["_meta", "resultType"]);
    let task = get(&bench, &id);
    assert_eq!(task["status"], "input_required");
    assert_eq!(task["inputRequests"].as_object().unwrap().keys().collect::<Vec<_>>(), ["colour"]);
    // The first answer stands.
    result(&bench.send(update(&id, accept("name", "Mallory"))));
    assert_eq!(bench.effects().1, calls, "the tool is asked when it can go on");
    assert_eq!(error(&bench.send(update(&id, json!({ "colour": 5 })))), (200, -32602));
    assert_eq!(error(&bench.send(update(&id, json!(null)))), (200, -32602));
    result(&bench.send(update(&id, accept("colour", "red"))));
    let task = get(&bench, &id);
    assert_eq!(
        (&task["status"], &task["result"]["content"][0]["text"]),
        (&json!("completed"), &json!("Alice red"))
    );
    // Nothing is waited for any more.
    result(&bench.send(update(&id, accept("name", "Mallory"))));
    assert_eq!(get(&bench, &id), task);
}

/// MCP-K-13.
#[test]
fn tool_that_uses_a_key_twice_ends_its_task() {
    let bench = Bench::new();
    let id = begin(&bench, "begins-and-asks-again");
    result(&bench.send(update(&id, accept("name", "Alice"))));
    assert_eq!(get(&bench, &id)["status"], "failed");
}

/// MCP-K-23: rounds come first, and leave nothing in the task.
#[test]
fn task_may_begin_after_rounds() {
    let bench = Bench::new();
    let asked = result(&bench.send(call("begins-after-asking")));
    assert_eq!(asked["resultType"], "input_required");
    assert!(asked.get("taskId").is_none());
    let retry = call("begins-after-asking").edit(|message| {
        message["params"]["requestState"] = asked["requestState"].clone();
        message["params"]["inputResponses"] = accept("name", "Alice");
    });
    let begun = result(&bench.send(retry));
    assert_eq!(begun["resultType"], "task");
    assert!(begun.get("inputRequests").is_none() && begun.get("requestState").is_none());
    let done = get(&bench, begun["taskId"].as_str().unwrap());
    assert_eq!(done["result"]["content"][0]["text"], "Alice");
}

/// MCP-K-02, MCP-K-03, MCP-K-05, MCP-K-18, MCP-V-22.
#[test]
fn client_without_the_extension_has_no_tasks() {
    let bench = Bench::new();
    let id = begin(&bench, "begins");
    let without = |request: Request| {
        request.edit(|message| message["params"]["_meta"][CAPABILITIES] = json!({ "elicitation": {} }))
    };
    for request in [
        about("tasks/get", &id),
        update(&id, json!({})),
        about("tasks/cancel", &id),
        call("begins-and-fails"),
    ] {
        let reply = bench.send(without(request));
        assert_eq!(error(&reply), (400, -32021));
        let required = &json(&reply)["error"]["data"]["requiredCapabilities"];
        assert_eq!(*required, json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } }));
    }
    let at_once = without(call("begins")).edit(|message| message["params"]["task"] = json!({ "ttl": 1 }));
    assert_eq!(result(&bench.send(at_once))["content"][0]["text"], "at once");
}

/// MCP-K-15, MCP-K-17, MCP-K-19, MCP-K-22, MCP-Z-03, MCP-Z-04, MCP-M-54.
#[test]
fn task_is_its_owners() {
    let bench = Bench::new();
    let id = begin(&bench, "begins");
    let other = begin(&bench, "begins");
    assert_ne!(id, other);
    assert!(id.len() >= 32);
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let request =
            |id: &str| about(method, id).edit(|message| message["params"]["inputResponses"] = json!({}));
        assert_eq!(error(&bench.send(request(&id).token("bob"))), (200, -32602), "{method}");
        for unknown in ["", "unknown", &id.replace(&id[2..8], "AAAAAA"), &format!("{id}A"), &id[..30]] {
            assert_eq!(error(&bench.send(request(unknown))), (200, -32602), "{method} {unknown}");
        }
        assert_eq!(error(&bench.send(request(&id).header("mcp-name", &other))), (400, -32020));
    }
    assert_eq!(bench.world.called_off.get(), 0);
    for method in ["tasks/list", "tasks/result"] {
        assert_eq!(error(&bench.send(about(method, &id))), (404, -32601));
    }
}

/// MCP-A-22: a token with fewer scopes than the task took to begin does not see what came of it.
#[test]
fn scopes_are_checked_whenever_somebody_asks() {
    let bench = Bench::new();
    let id = begin(&bench, "begins");
    let reply = bench.send(about("tasks/get", &id).token("no-scopes"));
    assert_eq!(reply.status, 403);
    bench.world.is_done.set(true);
    get(&bench, &id);
    assert_eq!(bench.send(about("tasks/get", &id).token("no-scopes")).status, 403);
}

/// MCP-K-09: cancelled for good, and undone once.
#[test]
fn task_is_called_off_once() {
    let bench = Bench::new();
    let id = begin(&bench, "begins");
    for _ in 0..2 {
        result(&bench.send(about("tasks/cancel", &id)));
    }
    assert_eq!(bench.world.called_off.get(), 1);
    bench.world.is_done.set(true);
    let task = get(&bench, &id);
    assert_eq!(task["status"], "cancelled");
    assert!(task.get("result").is_none());
}

/// MCP-K-21.
#[test]
fn task_is_kept_for_its_time_and_no_longer() {
    let bench = Bench::new();
    let id = begin(&bench, "begins");
    bench.world.is_done.set(true);
    bench.later.set(59_999);
    get(&bench, &id);
    bench.later.set(61_000);
    assert_eq!(error(&bench.send(about("tasks/get", &id))), (200, -32602));
}

/// Bounded: sixteen, of which those whose end was told make room.
#[test]
fn tasks_are_bounded_and_one_whose_end_was_told_makes_room() {
    let bench = Bench::new();
    let ids: Vec<_> = (0..16).map(|_| begin(&bench, "begins")).collect();
    let keys = bench.store.snapshot().len();
    let refused = bench.send(call("begins"));
    assert_eq!(error(&refused), (200, -32603));
    assert_eq!(
        json(&refused)["error"]["message"],
        "Too many tasks are kept; wait for one to end, or cancel one"
    );
    assert_eq!(bench.world.called_off.get(), 1, "what was begun is undone");
    // One that has ended and was fetched; one that was cancelled.
    bench.world.is_done.set(true);
    get(&bench, &ids[3]);
    bench.world.is_done.set(false);
    result(&bench.send(about("tasks/cancel", &ids[7])));
    for _ in 0..2 {
        begin(&bench, "begins");
    }
    assert_eq!(error(&bench.send(call("begins"))), (200, -32603));
    for (index, id) in ids.iter().enumerate() {
        let expected = if [3, 7].contains(&index) { Some((200, -32602)) } else { None };
        let reply = bench.send(about("tasks/get", id));
        assert_eq!(json(&reply).get("error").map(|_| error(&reply)), expected, "{index}");
    }
    // And those whose time is over.
    bench.later.set(120_000);
    for _ in 0..16 {
        begin(&bench, "begins");
    }
    assert_eq!(bench.store.snapshot().len(), keys);
}

/// Two who ask at once: the tool is asked once, and both are answered.
#[test]
fn tool_is_asked_by_one_at_a_time() {
    let bench = Bench::new();
    let id = begin(&bench, "begins");
    bench.world.is_done.set(true);
    let calls = bench.effects().1;
    let (one, two) =
        block_on(join(bench.begin(about("tasks/get", &id)), bench.begin(about("tasks/get", &id))));
    assert_eq!((one.status, two.status), (http::StatusCode::OK, http::StatusCode::OK));
    assert_eq!(bench.effects().1, calls + 1);
    assert_eq!(get(&bench, &id)["status"], "completed");
}

/// A fault is an error of the request, never the end of the task; nothing is half kept.
#[test]
fn store_that_fails_leaves_no_half_of_a_task() {
    for operations in 0..12 {
        let bench = Bench::new();
        bench.store.fail_after(operations, Fault::Error);
        let reply = bench.send(call("begins"));
        bench.store.heal();
        let begun = json(&reply);
        match begun["result"]["taskId"].as_str() {
            Some(id) => assert_eq!(get(&bench, id)["status"], "working", "{operations}"),
            None => {
                assert_eq!(begun["error"]["code"], -32603);
                assert_eq!(bench.world.called_off.get(), 1, "{operations}: what was begun is undone");
            }
        }
    }
    let bench = Bench::new();
    let id = begin(&bench, "begins");
    for operations in 0..8 {
        bench.store.fail_after(operations, Fault::Error);
        bench.send(about("tasks/get", &id));
        bench.store.heal();
        // Whoever had taken the task is waited for; then it goes on.
        bench.later.set(0);
    }
    bench.world.is_down.set(true);
    assert_eq!(get(&bench, &id)["status"], "working");
}

/// Whoever has taken a task may be gone for good; after a while somebody else asks.
#[test]
fn task_that_was_taken_by_nobody_who_came_back_goes_on() {
    let bench = Bench::new();
    let id = begin(&bench, "begins");
    bench.world.is_done.set(true);
    // The instance dies while it asks: after the task was taken.
    {
        let mut poll = Box::pin(bench.begin(about("tasks/get", &id)));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let calls = bench.effects().1;
        bench.world.is_stuck.set(true);
        while bench.effects().1 == calls {
            assert!(poll.as_mut().poll(&mut context).is_pending());
        }
        bench.world.is_stuck.set(false);
    }
    assert_eq!(get(&bench, &id)["status"], "working");
    bench.later.set(bench.later.get() + 59_000);
    assert_eq!(get(&bench, &id)["status"], "working");
}

/// TL-07: a result that no slot holds ends the task, and the operator reads why.
#[test]
fn result_that_is_too_large_to_keep_fails_the_task() {
    let bench = Bench::new();
    let id = begin(&bench, "begins-something-large");
    bench.world.is_done.set(true);
    assert_eq!(get(&bench, &id)["status"], "failed");
    assert!(bench.log.borrow().iter().any(|line| line.contains("its task is larger than is kept")));
    let long =
        call("begins").edit(|message| message["params"]["arguments"]["long"] = json!("x".repeat(300_000)));
    let refused: Reply = bench.send(long);
    assert_eq!(error(&refused), (200, -32603));
    assert_eq!(bench.world.called_off.get(), 1);
}
