//! A tool call as something that may take several rounds of a [conversation](crate::conversation).

use crate::{
    McpServer,
    answer::{Answered, Conversation},
    capabilities::in_words,
    changes::Changed,
    conversation::{Round, Rounds},
    jsonrpc::{Call, Fault, Id},
    methods::{Context, Failure},
    ports::{
        self, ClientCapabilities, ContentBlock, Outcome, Outside, Resumption, Running, ToolResult, ToolsError,
    },
    told::Teller,
    tool_call::{Prepared, ToolCall},
};
use async_stream::stream;
use futures_core::future::LocalBoxFuture;
use futures_util::StreamExt;
use std::rc::Rc;

/// A call that may be made.
pub(crate) struct ToolRounds<O> {
    pub(crate) server: Rc<McpServer<O>>,
    pub(crate) call: ToolCall,
}

impl<O: Outside> ToolRounds<O> {
    /// What became of a round.
    async fn judge(
        server: &Rc<McpServer<O>>,
        call: &ToolCall,
        outcome: Result<Outcome, ToolsError>,
    ) -> Round {
        if let Ok(Outcome::InputRequired(input)) = outcome {
            return Round::Ask(input);
        }
        let concluded = server.conclude(call, outcome).await;
        Round::Final(concluded.unwrap_or_else(|failure| failure.to_message(&call.id)))
    }

    fn result(&self, result: ToolResult) -> Vec<u8> {
        let written = self.server.write_result(&self.call, &result);
        written.unwrap_or_else(|failure| failure.to_message(&self.call.id))
    }
}

impl<O: Outside> McpServer<O> {
    /// Runs a tool for a caller who has the scopes that it takes, and whose client can be asked things.
    pub(crate) async fn converse_with_tool(
        self: &Rc<Self>,
        id: &Id,
        call: &Call<'_>,
        context: Context<'_>,
    ) -> Result<Answered, Failure> {
        let session = context.session.clone().ok_or(Fault::SessionNeeded)?;
        let may_pause = context.conversation.unwrap_or_default();
        let call = match self.prepare_call(id, call, &context).await? {
            Prepared::Call(call) => *call,
            Prepared::Answer(message) => return Ok(message.into()),
        };
        let rounds = Rc::new(ToolRounds { server: Rc::clone(self), call });
        let steps = self.converse(Rc::clone(&session), id.clone(), rounds, None, may_pause);
        Ok(Answered::Conversation(Conversation { session, id: id.clone(), steps }))
    }
}

impl<O: Outside> Rounds for ToolRounds<O> {
    fn round(&self, resumption: Option<Resumption>) -> LocalBoxFuture<'static, Round> {
        let (server, call) = (Rc::clone(&self.server), self.call.clone());
        Box::pin(async move {
            let reply =
                server.call_within_limits(&call.tool, call.caller.clone(), call.request(resumption)).await;
            match reply {
                Ok(ports::Reply::Done(outcome)) => Self::judge(&server, &call, Ok(outcome)).await,
                Err(error) => Self::judge(&server, &call, Err(error)).await,
                Ok(ports::Reply::Running(Running { mut notifications, outcome })) => {
                    let mut teller = Teller::new(call.wishes.clone(), server.tool_limits);
                    let passing_on = Rc::clone(&server);
                    let messages = stream! {
                        while let Some(notification) = notifications.next().await {
                            if let Some(change) = Changed::told_by(&notification) {
                                if teller.may_tell_of_a_change() {
                                    passing_on.record_change(&change).await;
                                }
                            } else if let Some(message) = teller.tell(notification) {
                                yield message;
                            }
                        }
                    };
                    let then = async move { Self::judge(&server, &call, outcome.await).await };
                    Round::Running(Box::pin(messages), Box::pin(then))
                }
            }
        })
    }

    fn unanswered(&self, why: String) -> Vec<u8> {
        self.result(failed(why))
    }

    fn cannot_ask(&self, lacking: ClientCapabilities) -> Vec<u8> {
        self.result(cannot_ask(lacking))
    }

    fn malformed(&self, fault: &'static str) -> Vec<u8> {
        self.server.malformed(&self.call.tool, fault).to_message(Some(&self.call.id))
    }
}

/// Why a tool cannot go on with a client of a legacy revision, for the model to read.
pub(crate) fn cannot_ask(lacking: ClientCapabilities) -> ToolResult {
    failed(format!(
        "This tool has to ask the client for something that it does not offer here: {}",
        in_words(lacking)
    ))
}

/// The same, when the client cannot be asked anything.
pub(crate) fn unasked() -> ToolResult {
    let why =
        "This tool has to ask the client something, and that takes a session and a client that reads streams";
    failed(why.to_owned())
}

fn failed(why: String) -> ToolResult {
    ToolResult { content: vec![ContentBlock::Text(why)], structured_content: None, is_error: true }
}
