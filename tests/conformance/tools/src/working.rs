//! Tools that go on after the call that began them. Nothing runs meanwhile: when somebody asks how it
//! stands, it is worked out from when it began and what was answered since, both of which are in the state.

use crate::asking::{Asked, form};
use crate::bindings::exports::postern::tools::tools::{
    Call, Error, InputRequired, Outcome, Task, ToolResult,
};
use crate::{argument, missing, text, text_argument};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long the jobs take that are given no time of their own.
const JOB: Duration = Duration::from_millis(300);

/// Where a task stands.
#[derive(Serialize, Deserialize)]
struct State {
    /// Milliseconds since 1970.
    began: u64,
    /// What was answered, in order: the key, and the answer's one member.
    answers: Vec<(String, String)>,
}

/// The outcome of the tool of this name, if it is one of these.
pub(crate) fn find(call: &Call) -> Option<Result<Outcome, Error>> {
    let name = call.name.as_str();
    let known =
        ["greet", "slow_compute", "failing_job", "protocol_error_job", "confirm_delete", "multi_input"];
    if !known.contains(&name) && name != "test_tool_with_task" {
        return None;
    }
    if name == "greet" {
        let greeting = format!("Hello, {}!", text_argument(call, "name"));
        return Some(Ok(Outcome::Complete(text(greeting))));
    }
    Some(match State::of(call) {
        Some(state) => go_on(call, state),
        None => begin(call),
    })
}

fn begin(call: &Call) -> Result<Outcome, Error> {
    let began = State { began: now(), answers: Vec::new() };
    if call.name == "test_tool_with_task" {
        let asked = Asked::of(call);
        if asked.elicited("user_name").is_none() {
            let questions = vec![form("user_name", "What is your name?", "name", "string")];
            let round = InputRequired { questions, state: Vec::new() };
            return Ok(Outcome::InputRequired(round));
        }
        let name = asked.member("user_name", "name");
        if !call.client.tasks {
            return Ok(Outcome::Complete(text(format!("Done for {name}."))));
        }
        return task(&State { answers: vec![("user_name".to_owned(), name)], ..began }, &[]);
    }
    match call.name.as_str() {
        // It can be waited for.
        "slow_compute" if !call.client.tasks => Ok(Outcome::Complete(computed(call))),
        _ if !call.client.tasks => Err(missing(|needed| needed.tasks = true)),
        _ => task(&began, &[]),
    }
}

fn go_on(call: &Call, mut state: State) -> Result<Outcome, Error> {
    let asked = Asked::of(call);
    if call.resumption.as_ref().is_some_and(|resumption| resumption.cancelled) {
        return Ok(Outcome::Complete(text("Given up.")));
    }
    let elapsed = Duration::from_millis(now().saturating_sub(state.began));
    let needed: &[(&str, &str, &str, &str)] = match call.name.as_str() {
        "confirm_delete" => &[("confirm", "Really delete it?", "confirm", "boolean")],
        "multi_input" => &[
            ("first", "What is your first name?", "name", "string"),
            ("last", "What is your last name?", "name", "string"),
        ],
        _ => &[],
    };
    for (key, _, member, _) in needed {
        let new = !state.answers.iter().any(|(answered, _)| answered == key);
        if new && asked.elicited(key).is_some() {
            state.answers.push(((*key).to_owned(), asked.member(key, member)));
        }
    }
    let open: Vec<_> = needed
        .iter()
        .filter(|(key, ..)| !state.answers.iter().any(|(answered, _)| answered == key))
        .copied()
        .collect();
    let enough = match call.name.as_str() {
        "slow_compute" => elapsed >= seconds(call),
        _ => elapsed >= JOB,
    };
    if !open.is_empty() || !enough {
        return task(&state, &open);
    }
    let answers: Vec<&str> = state.answers.iter().map(|(_, answer)| answer.as_str()).collect();
    match call.name.as_str() {
        "slow_compute" => Ok(Outcome::Complete(computed(call))),
        "failing_job" => Ok(Outcome::Complete(ToolResult { is_error: true, ..text("The job failed.") })),
        "protocol_error_job" => Err(Error::Other("the job broke, as it always does".to_owned())),
        "confirm_delete" if answers != ["true"] => Ok(Outcome::Complete(text("Nothing was deleted."))),
        "confirm_delete" => {
            Ok(Outcome::Complete(text(format!("Deleted {}.", text_argument(call, "filename")))))
        }
        _ => Ok(Outcome::Complete(text(format!("Done for {}.", answers.join(" "))))),
    }
}

fn task(state: &State, open: &[(&str, &str, &str, &str)]) -> Result<Outcome, Error> {
    let questions =
        open.iter().map(|(key, message, member, kind)| form(key, message, member, kind)).collect();
    let state = serde_json::to_vec(state).map_err(|error| Error::Other(error.to_string()))?;
    Ok(Outcome::Task(Task {
        state,
        status_message: Some(
            if open.is_empty() { "It goes on." } else { "It waits for answers." }.to_owned(),
        ),
        questions,
        ttl_ms: Some(300_000),
        poll_interval_ms: Some(100),
    }))
}

impl State {
    /// What an earlier round left, if one did.
    fn of(call: &Call) -> Option<Self> {
        call.resumption.as_ref().and_then(|resumption| serde_json::from_slice(&resumption.state).ok())
    }
}

fn computed(call: &Call) -> ToolResult {
    text(format!("Computed {}.", text_argument(call, "label")))
}

fn seconds(call: &Call) -> Duration {
    let seconds = argument(call, "seconds").as_f64().unwrap_or_default();
    Duration::try_from_secs_f64(seconds).unwrap_or(JOB)
}

#[expect(clippy::disallowed_methods, reason = "how far a task is depends on the time")]
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
