//! Tools that are not done at once: they ask, begin tasks, or tell everybody of changes.

use mcp_core::ports::{self, *};
use std::cell::Cell;

/// What the tools find outside, where their work goes on.
#[derive(Default)]
pub(crate) struct World {
    /// The work of every task is done.
    pub(crate) is_done: Cell<bool>,
    /// How often a task was called off.
    pub(crate) called_off: Cell<u32>,
    /// No tool ever answers.
    pub(crate) is_stuck: Cell<bool>,
    /// What the work depends on does not answer.
    pub(crate) is_down: Cell<bool>,
    /// How many notifications `floods` has made.
    pub(crate) told: std::rc::Rc<Cell<u32>>,
}

pub(crate) const NAMES: [&str; 25] = [
    "asks",
    "asks-twice",
    "asks-for-ever",
    "asks-badly",
    "asks-while-telling",
    "asks-for-nothing",
    "keeps-too-much",
    "begins",
    "begins-and-asks",
    "begins-and-asks-again",
    "begins-and-fails",
    "begins-and-breaks",
    "begins-after-asking",
    "begins-something-large",
    "changes",
    "changes-a-lot",
    "is-slow",
    "gives-too-much",
    "gives-bytes",
    "never-answers",
    "never-ends",
    "goes-silent",
    "floods",
    "floods-with-text",
    "wants-every-scope",
];

/// Calls one of [`NAMES`].
pub(crate) fn call(world: &World, call: &Call) -> Option<Result<Reply, ToolsError>> {
    let resumption = call.resumption.clone();
    let state = resumption.as_ref().map(|resumption| resumption.state.clone()).unwrap_or_default();
    if resumption.as_ref().is_some_and(|resumption| resumption.cancelled) {
        world.called_off.set(world.called_off.get() + 1);
        return Some(text("called off"));
    }
    let name = answer(call, "name");
    Some(match call.name.as_str() {
        "asks" => match name {
            Some(name) => text(&format!("Hello, {name}! {}", String::from_utf8(state).unwrap())),
            None => asks(&["name"], "kept"),
        },
        "asks-twice" => match (state.as_slice(), name, answer(call, "colour")) {
            (b"", ..) => asks(&["name"], "1"),
            (b"1", Some(name), _) => asks(&["colour"], &format!("2{name}")),
            (state, _, Some(colour)) => text(&format!("{} {colour}", std::str::from_utf8(state).unwrap())),
            _ => asks(&["name"], "1"),
        },
        "asks-for-ever" => asks(&[], ""),
        "asks-badly" => Ok(Reply::Done(Outcome::InputRequired(InputRequired {
            questions: vec![form("k"), form("k")],
            state: vec![],
        }))),
        "asks-while-telling" => {
            let Ok(Reply::Done(outcome)) = asks(&["name"], "") else { unreachable!() };
            Ok(Reply::Running(Running {
                notifications: Box::pin(futures_util::stream::iter([progress(1.0), progress(1.0)])),
                outcome: Box::pin(async { Ok(outcome) }),
            }))
        }
        "asks-for-nothing" => match resumption {
            Some(_) => text("again"),
            None => asks(&[], "later"),
        },
        "keeps-too-much" => asks(&["name"], &"x".repeat(100_000)),
        "begins" if !call.client.tasks => text("at once"),
        "begins" | "begins-something-large" if world.is_down.get() => Err(ToolsError::Unavailable),
        "begins" | "begins-something-large" => match (resumption.is_some(), world.is_done.get()) {
            (true, true) if call.name == "begins" => text("done"),
            (true, true) => text(&"x".repeat(300_000)),
            (false, _) => task(&[], "begun", Some(60_000)),
            (true, false) => task(&[], "going on", None),
        },
        "begins-and-asks" => match resumption {
            None => task(&["name", "colour"], "", None),
            Some(_) => {
                text(&format!("{} {}", name.unwrap_or_default(), answer(call, "colour").unwrap_or_default()))
            }
        },
        "begins-and-asks-again" => task(&["name"], "", None),
        "begins-and-fails" => match resumption {
            None => task(&[], "", None),
            Some(_) => Ok(Reply::Done(Outcome::Complete(ToolResult {
                content: vec![ContentBlock::Text("failed".into())],
                structured_content: None,
                is_error: true,
            }))),
        },
        "begins-and-breaks" => match resumption {
            None => task(&[], "", None),
            Some(_) => Err(ToolsError::Other("DETAIL-secret".into())),
        },
        "begins-after-asking" => match (resumption.is_some(), name) {
            (_, Some(name)) => task(&[], &name, None),
            (false, None) => asks(&["name"], ""),
            (true, None) => text(std::str::from_utf8(&state).unwrap()),
        },
        "changes" => tells(vec![
            Notification::ToolsChanged,
            Notification::PromptsChanged,
            Notification::ResourceUpdated("test://bench/text".into()),
        ]),
        "is-slow" => Ok(Reply::Running(Running {
            notifications: Box::pin(futures_util::stream::empty()),
            outcome: Box::pin(turns(20_000, || Err(ToolsError::InsufficientScope(vec!["math:more".into()])))),
        })),
        "gives-too-much" => text(&"x".repeat(5 * 1024 * 1024)),
        "gives-bytes" => text(&"x".repeat(serde_json::from_str::<Bytes>(&call.arguments).unwrap().bytes)),
        "never-ends" => Ok(Reply::Running(Running {
            notifications: Box::pin(futures_util::stream::pending()),
            outcome: Box::pin(futures_util::future::pending()),
        })),
        "goes-silent" => Ok(Reply::Running(Running {
            notifications: Box::pin(futures_util::stream::iter([progress(1.0), progress(2.0)])),
            outcome: Box::pin(futures_util::future::pending()),
        })),
        "floods" => {
            let mut so_far = 0.0;
            let told = std::rc::Rc::clone(&world.told);
            floods(move || {
                so_far += 1.0;
                told.set(told.get() + 1);
                progress(so_far)
            })
        }
        "floods-with-text" => floods(|| {
            Notification::Log(LogMessage {
                level: LogLevel::Info,
                logger: Some("x".repeat(1_000_000)),
                data: "1".into(),
            })
        }),
        "wants-every-scope" => {
            Err(ToolsError::InsufficientScope((0..10_000).map(|n| format!("s{n}")).collect()))
        }
        "changes-a-lot" => tells(vec![Notification::ToolsChanged; 1000]),
        _ => return None,
    })
}

#[derive(serde::Deserialize)]
struct Bytes {
    bytes: usize,
}

fn floods(tell: impl FnMut() -> Notification + 'static) -> Result<Reply, ToolsError> {
    Ok(Reply::Running(Running {
        notifications: Box::pin(futures_util::stream::repeat_with(tell)),
        outcome: Box::pin(futures_util::future::pending()),
    }))
}

/// What there is after so many turns of everybody else's.
async fn turns<T>(turns: u32, then: impl FnOnce() -> T) -> T {
    for _ in 0..turns {
        crate::bench::yield_once().await;
    }
    then()
}

fn tells(notifications: Vec<Notification>) -> Result<Reply, ToolsError> {
    let Ok(Reply::Done(outcome)) = text("told") else { unreachable!() };
    Ok(Reply::Running(Running {
        notifications: Box::pin(futures_util::stream::iter(notifications)),
        outcome: Box::pin(async { Ok(outcome) }),
    }))
}

fn progress(progress: f64) -> Notification {
    Notification::Progress(Progress { progress, total: None, message: None })
}

fn text(text: &str) -> Result<Reply, ToolsError> {
    let content = vec![ContentBlock::Text(text.into())];
    Ok(Reply::Done(Outcome::Complete(ToolResult { content, ..ToolResult::default() })))
}

fn form(key: &str) -> Question {
    let requested_schema =
        format!(r#"{{"type":"object","properties":{{"{key}":{{"type":"string"}}}},"required":["{key}"]}}"#);
    Question {
        key: key.into(),
        ask: Ask::ElicitForm(ElicitForm { message: format!("What {key}?"), requested_schema }),
    }
}

fn asks(keys: &[&str], state: &str) -> Result<Reply, ToolsError> {
    let questions = keys.iter().copied().map(form).collect();
    Ok(Reply::Done(Outcome::InputRequired(InputRequired { questions, state: state.into() })))
}

fn task(keys: &[&str], state: &str, ttl_ms: Option<u32>) -> Result<Reply, ToolsError> {
    Ok(Reply::Done(Outcome::Task(ports::Task {
        state: state.into(),
        status_message: Some("Working".into()),
        questions: keys.iter().copied().map(form).collect(),
        ttl_ms,
        poll_interval_ms: Some(1000),
    })))
}

/// What the person filled in under this key.
fn answer(call: &Call, key: &str) -> Option<String> {
    let answers = &call.resumption.as_ref()?.answers;
    match &answers.iter().find(|answer| answer.key == key)?.value {
        AnswerValue::Elicited(Elicited::Accept(Some(content))) => {
            let content: serde_json::Value = serde_json::from_str(content).unwrap();
            Some(content[key].as_str()?.to_owned())
        }
        AnswerValue::Elicited(Elicited::Decline) => Some("nothing".into()),
        _ => None,
    }
}
