//! `call-tool`, with the stream that a call needs which tells something. Only a component can run this.

use crate::{
    bindings::{wit_future, wit_stream},
    contract::{Call, Caller, Error, Notification, Reply, Running},
    definition::{Provider, begin},
    panics,
    round::{Round, Step},
};

/// `call-tool`.
///
/// # Errors
///
/// Those of the contract.
pub async fn call_tool<P: Provider>(caller: Caller, call: Call) -> Result<Reply, Error> {
    panics::name_the_tool();
    let mut round = begin::<P>(caller, call)?;
    match round.step().await {
        Step::End(end) => end.map(Reply::Done),
        Step::Tell(first) => Ok(Reply::Running(run_on(round, first))),
    }
}

/// Goes on beside the reader of the notifications.
fn run_on(mut round: Round, first: Notification) -> Running {
    let (mut writer, notifications) = wit_stream::new();
    // What the reader gets if the tool ends without a word.
    let (result, outcome) = wit_future::new(|| Err(Error::Unavailable));
    wit_bindgen::spawn(async move {
        let mut next = first;
        let end = loop {
            if writer.write_one(next).await.is_some() {
                // Nobody reads any more: the tool is dropped where it is.
                return;
            }
            match round.step().await {
                Step::Tell(notification) => next = notification,
                Step::End(end) => break end,
            }
        };
        // The reader waits for the end of the stream before it looks at the outcome.
        drop(writer);
        // Whether anybody waits for it is not this tool's concern.
        let _ = result.write(end).await;
    });
    Running { notifications, outcome }
}
