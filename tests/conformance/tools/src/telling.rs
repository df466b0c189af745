//! Tools that notify while they run. The stream and the future go to the caller at once; what writes to
//! them goes on as a task of this instance.

use crate::bindings::exports::postern::tools::tools::{
    Call, Error, LogLevel, LogMessage, Notification, Outcome, Progress, Reply, Running, ToolResult,
};
use crate::bindings::{wit_future, wit_stream};
use crate::{done, text};
use wit_bindgen::StreamWriter;

/// Between two notifications.
const STEP_MS: u64 = 50;

/// The reply of the tool of this name, if it is one of these.
pub(crate) fn find(call: &Call) -> Option<Reply> {
    let may_log = call.log_level.is_some();
    Some(match call.name.as_str() {
        "test_tool_with_progress" if call.wants_progress => running(async |teller| {
            for progress in [0.0, 50.0, 100.0] {
                let message = Some(format!("{progress} of 100"));
                let progress = Progress { progress, total: Some(100.0), message };
                teller.tell(Notification::Progress(progress)).await?;
                pause(STEP_MS).await;
            }
            Some(text("It is done."))
        }),
        "test_tool_with_progress" => done(text("It is done, and nobody asked how far it was.")),
        "test_tool_with_logging" if may_log => running(async |teller| {
            for line in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
                teller.log(line).await?;
                pause(STEP_MS).await;
            }
            Some(text("It is in the log."))
        }),
        "test_logging_tool" if may_log => running(async |teller| {
            teller.log("The tool was called").await?;
            Some(text("It is in the log."))
        }),
        "test_tool_with_logging" | "test_logging_tool" => done(text("Nobody wants a log.")),
        "test_trigger_tool_change" => changed(Notification::ToolsChanged),
        "test_trigger_prompt_change" => changed(Notification::PromptsChanged),
        "tell_until_left" => running(async |teller| {
            for progress in 1.. {
                let progress = Progress { progress: f64::from(progress), total: None, message: None };
                if teller.tell(Notification::Progress(progress)).await.is_none() {
                    break;
                }
                pause(STEP_MS).await;
            }
            // For the operator's log, where a test looks for it.
            eprintln!("conformance: nobody listens any more");
            None
        }),
        _ => return None,
    })
}

fn changed(notification: Notification) -> Reply {
    running(async |teller| {
        teller.tell(notification).await?;
        Some(text("Whoever listens was told."))
    })
}

/// Where a tool's notifications go.
struct Teller(StreamWriter<Notification>);

impl Teller {
    /// `None` when nobody listens any more.
    async fn tell(&mut self, notification: Notification) -> Option<()> {
        self.0.write_one(notification).await.is_none().then_some(())
    }

    async fn log(&mut self, line: &str) -> Option<()> {
        let data = serde_json::Value::from(line).to_string();
        let line = LogMessage { level: LogLevel::Info, logger: Some("conformance".to_owned()), data };
        self.tell(Notification::Log(line)).await
    }
}

/// Runs a tool beside its reader. It ends early, with `None`, when nobody listens any more.
fn running(run: impl AsyncFnOnce(&mut Teller) -> Option<ToolResult> + 'static) -> Reply {
    let (writer, notifications) = wit_stream::new();
    // What the reader gets if the tool ends without a word.
    let (result, outcome) = wit_future::new(|| Err(Error::Unavailable));
    wit_bindgen::spawn(async move {
        let mut teller = Teller(writer);
        let outcome = run(&mut teller).await;
        drop(teller);
        if let Some(outcome) = outcome {
            // Whether anybody waits for it is not this tool's concern.
            let _ = result.write(Ok(Outcome::Complete(outcome))).await;
        }
    });
    Reply::Running(Running { notifications, outcome })
}

/// Waits, and lets the others in this instance go on.
async fn pause(milliseconds: u64) {
    wasip3::clocks::monotonic_clock::wait_for(milliseconds * 1_000_000).await;
}
