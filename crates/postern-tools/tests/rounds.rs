//! Calls as a tool's author sees them: told, asked, given up.

use postern_tools::{
    Context, LogLevel, Outcome, Sampling, Task, ToolError, Unanswered,
    contract::{self, Ask, Error, Notification},
    testing::{self, accept, call},
    tool,
};
use serde_json::{Value, json};
use std::{cell::Cell, future::poll_fn, pin::pin, task::Poll, time::Duration};

thread_local! {
    /// How often tools came by something. A test runs on a thread of its own.
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

fn count() -> u32 {
    COUNT.get()
}

fn came_by() {
    COUNT.set(COUNT.get() + 1);
}

/// Counts when it is dropped.
struct Held;

impl Drop for Held {
    fn drop(&mut self) {
        came_by();
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Name {
    name: String,
}

/// Asks twice.
#[tool]
async fn asks_twice(ctx: &Context) -> Result<String, Unanswered> {
    came_by();
    let first: Name = ctx.elicit("first", "Your first name?").await?;
    let last: Name = ctx.elicit("last", "And your last?").await?;
    Ok(format!("{} {}", first.name, last.name))
}

/// MCP-R-04, MCP-R-15: what was answered travels with the call, so that a later round needs nothing of an earlier instance.
#[test]
fn a_tool_runs_again_with_the_answers_that_it_has_had() {
    let asked = call::<asks_twice>(json!({}))
        .answer("first", accept(json!({ "name": "Ada" })))
        .answer("last", accept(json!({ "name": "Lovelace" })))
        .run();
    assert_eq!((asked.text().as_str(), asked.rounds, count()), ("Ada Lovelace", 3, 3));
    let keys: Vec<_> = asked.questions.iter().map(|question| question.key.as_str()).collect();
    assert_eq!(keys, ["first", "last"]);
}

#[test]
fn a_question_without_an_answer_ends_the_round() {
    let asked = call::<asks_twice>(json!({})).answer("first", accept(json!({ "name": "Ada" }))).run();
    let Some(Ok(contract::Outcome::InputRequired(input))) = asked.outcome else { panic!() };
    let [question] = &input.questions[..] else { panic!("{input:?}") };
    let Ask::ElicitForm(form) = &question.ask else { panic!("{question:?}") };
    let schema: Value = serde_json::from_str(&form.requested_schema).unwrap();
    assert_eq!((question.key.as_str(), form.message.as_str()), ("last", "And your last?"));
    assert_eq!(
        schema,
        json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] })
    );
}

/// MCP-R-11, MCP-R-16, MCP-R-29: a wrong answer is asked for again, or said to be one; a refusal is a result.
#[test]
fn an_answer_of_another_kind_is_none() {
    let asked = call::<asks_twice>(json!({})).answer("first", testing::sampled("Ada")).run();
    assert!(matches!(asked.outcome, Some(Ok(contract::Outcome::InputRequired(_)))));
    let odd = call::<asks_twice>(json!({})).answer("first", accept(json!({ "name": 7 }))).run();
    assert!(odd.is_error() && odd.text().contains("invalid type: integer `7`"), "{}", odd.text());
    let closed = call::<asks_twice>(json!({})).answer("first", testing::cancel()).run();
    assert_eq!(closed.text(), "The person who was asked did not answer.");
}

/// Asks several things at once.
#[tool]
async fn asks_at_once(ctx: &Context) -> Result<String, Unanswered> {
    let (mut name, mut poem) = (
        pin!(ctx.elicit::<Name>("name", "Your name?")),
        pin!(ctx.sample("poem", Sampling::new("A poem, please.").max_tokens(50).option("temperature", 0.5))),
    );
    let (mut named, mut written) = (None, None);
    poll_fn(|context| {
        if named.is_none()
            && let Poll::Ready(answer) = name.as_mut().poll(context)
        {
            named = Some(answer);
        }
        if written.is_none()
            && let Poll::Ready(answer) = poem.as_mut().poll(context)
        {
            written = Some(answer);
        }
        if named.is_some() && written.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let roots = ctx.roots("places").await;
    ctx.visit("pay", "Pay, please", "https://pay.example/7").await?;
    let (Some(named), Some(written)) = (named, written) else { return Err(Unanswered::Cancelled) };
    Ok(format!("{}: {} ({})", named?.name, written?.text(), roots.len()))
}

#[test]
fn questions_that_are_waited_for_together_go_out_together() {
    let run = call::<asks_at_once>(json!({}))
        .answer("name", accept(json!({ "name": "Ada" })))
        .answer("poem", testing::sampled("Roses"))
        .answer("places", testing::roots(&["file:///a", "file:///b"]))
        .answer("pay", testing::visited())
        .run();
    assert_eq!((run.text().as_str(), run.rounds), ("Ada: Roses (2)", 4));
    let Ask::Sample(sample) = &run.questions[1].ask else { panic!("{:?}", run.questions) };
    assert_eq!((sample.max_tokens, sample.options.as_deref()), (50, Some(r#"{"temperature":0.5}"#)));
}

/// MCP-R-03, MCP-R-35: what a client does not offer is not asked for.
#[test]
fn a_client_that_cannot_be_asked_is_told_what_it_lacks() {
    let run = call::<asks_at_once>(json!({})).client(|client| client.sample = false).run();
    let Error::MissingCapability(lacking) = run.error() else { panic!("{:?}", run.error()) };
    assert!(lacking.sample && !lacking.elicit_form && !lacking.sample_with_tools);
    assert!(run.questions.is_empty());
}

/// Tells and tells.
#[tool]
async fn tells(ctx: &Context, times: u32) -> u32 {
    let _held = Held;
    for time in 1..=times {
        ctx.progress_with(f64::from(time), f64::from(times), format!("step {time}")).await;
        ctx.log(LogLevel::Info, json!({ "step": time })).await;
        ctx.log(LogLevel::Debug, "nobody wants this").await;
    }
    ctx.tools_changed().await;
    times
}

/// MCP-M-46.
#[test]
fn what_nobody_wants_is_not_told() {
    let loud = call::<tells>(json!({ "times": 2 })).run();
    assert_eq!(loud.notifications.len(), 7);
    let quiet = call::<tells>(json!({ "times": 2 })).quietly().run();
    assert_eq!(quiet.notifications, [Notification::ToolsChanged]);
    assert_eq!((quiet.text().as_str(), quiet.structured()), ("2", json!({ "result": 2 })));
}

/// MCP-T-44: a client that leaves cancels the call, and what the tool holds is let go.
#[test]
fn a_tool_ends_where_it_tells_somebody_who_has_left() {
    let run = call::<tells>(json!({ "times": 1_000_000 })).leaves_after(2).run();
    assert!(run.outcome.is_none());
    assert_eq!((run.notifications.len(), count()), (2, 1));
}

/// Tells two things at once.
#[tool]
async fn tells_at_once(ctx: &Context) {
    let (mut one, mut other) = (pin!(ctx.tools_changed()), pin!(ctx.prompts_changed()));
    let (mut told, mut also_told) = (false, false);
    poll_fn(|context| {
        told = told || one.as_mut().poll(context).is_ready();
        also_told = also_told || other.as_mut().poll(context).is_ready();
        if told && also_told { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn two_things_may_be_told_at_once() {
    let run = call::<tells_at_once>(json!({})).run();
    assert_eq!(run.notifications, [Notification::ToolsChanged, Notification::PromptsChanged]);
    assert_eq!(*run.result(), postern_tools::ToolResult::from_iter([]));
}

/// Tells and asks.
#[tool]
async fn tells_and_asks(ctx: &Context) -> Result<String, Unanswered> {
    ctx.progress(1.0, None).await;
    let name: Name = ctx.elicit("name", "Your name?").await?;
    ctx.progress(2.0, None).await;
    Ok(name.name)
}

#[test]
fn what_is_told_before_a_question_is_told_in_every_round() {
    let run = call::<tells_and_asks>(json!({})).answer("name", accept(json!({ "name": "Ada" }))).run();
    assert_eq!(run.text(), "Ada");
    assert_eq!(run.progress(), [(1.0, None), (1.0, None), (2.0, None)]);
}

/// Goes on for a while, and asks on the way.
#[tool]
async fn job(ctx: &Context, steps: u32) -> Result<Outcome<String>, ToolError> {
    let done = match ctx.task::<u32>()? {
        Some(done) => done + 1,
        None => 0,
    };
    if ctx.is_cancelled() {
        return Ok(Outcome::Complete(format!("stopped at {done}")));
    }
    if done == steps {
        let name: Name = ctx.elicit("name", "For whom?").await?;
        return Ok(Outcome::Complete(format!("done for {}", name.name)));
    }
    let task = Task::new(done)?.status(format!("step {done}")).poll_every(Duration::from_millis(100));
    Ok(Outcome::Task(task.worth_fetching_for(Duration::from_secs(u64::MAX))))
}

/// MCP-K-21: a task is found again by what it remembered, and nothing else is kept.
#[test]
fn a_task_goes_on_from_what_it_remembered() {
    let begun = call::<job>(json!({ "steps": 2 })).run();
    let task = begun.task();
    let told = (task.status_message.as_deref(), task.poll_interval_ms, task.ttl_ms);
    assert_eq!(told, (Some("step 0"), Some(100), Some(u32::MAX)));
    let next = begun.ask_again().run();
    assert_eq!(next.task().status_message.as_deref(), Some("step 1"));
    assert_eq!(next.give_up().run().text(), "stopped at 2");
    // It asks as a task, and goes on as one.
    let asking = next.ask_again().run();
    assert_eq!(asking.task().questions[0].key, "name");
    let done = next.ask_again().answer("name", accept(json!({ "name": "Ada" }))).run();
    assert_eq!((done.text().as_str(), done.rounds), ("done for Ada", 2));
}

/// MCP-K-05: a task begins only for a client that can come back for it.
#[test]
fn a_client_that_cannot_come_back_gets_no_task() {
    let run = call::<job>(json!({ "steps": 2 })).client(|client| client.tasks = false).run();
    let Error::MissingCapability(lacking) = run.error() else { panic!("{:?}", run.error()) };
    assert!(lacking.tasks && !lacking.elicit_form);
}

/// Fails in the way that is asked for.
#[tool]
async fn fails(how: String) -> Result<(), ToolError> {
    Err(match how.as_str() {
        "scope" => ToolError::insufficient_scope(["a", "b"]),
        "unavailable" => ToolError::Unavailable,
        "other" => ToolError::Other("a secret".into()),
        "arguments" => ToolError::InvalidArguments("not that one".into()),
        why => why.into(),
    })
}

#[test]
fn each_failure_is_the_error_that_the_contract_has_for_it() {
    let fail = |how: &str| call::<fails>(json!({ "how": how })).run();
    assert_eq!(*fail("scope").error(), Error::InsufficientScope(vec!["a".into(), "b".into()]));
    assert_eq!(*fail("unavailable").error(), Error::Unavailable);
    assert_eq!(*fail("other").error(), Error::Other("a secret".into()));
    assert_eq!(*fail("arguments").error(), Error::InvalidArguments("not that one".into()));
    let failed = fail("no reason");
    assert!(failed.is_error() && failed.text() == "no reason" && failed.structured().is_null());
}

/// Waits for another thread.
#[tool]
async fn waits() -> u8 {
    let mut begun = false;
    poll_fn(|context| {
        if std::mem::replace(&mut begun, true) {
            return Poll::Ready(7);
        }
        let waker = context.waker().clone();
        std::thread::spawn(move || waker.wake());
        Poll::Pending
    })
    .await
}

#[test]
fn a_tool_may_wait_for_something_else() {
    assert_eq!(call::<waits>(json!({})).run().text(), "7");
}
