//! A tool call as something that may take several rounds of a [conversation](crate::conversation).

use crate::{
    McpServer,
    capabilities::in_words,
    conversation::{Round, Rounds},
    methods::Failure,
    ports::{
        self, ClientCapabilities, ContentBlock, Outcome, Outside, Resumption, Running, ToolResult, ToolsError,
    },
    tool_call::{self, ToolCall},
};
use futures_core::future::LocalBoxFuture;
use futures_util::StreamExt;
use std::{future::ready, rc::Rc};

/// A call that may be made.
pub(crate) struct ToolRounds<O> {
    pub(crate) server: Rc<McpServer<O>>,
    pub(crate) call: ToolCall,
}

impl<O: Outside> ToolRounds<O> {
    /// What became of a round.
    fn judge(
        server: &McpServer<O>,
        call: &ToolCall,
        outcome: Result<Outcome, ToolsError>,
    ) -> Result<Round, Failure> {
        match outcome {
            Ok(Outcome::InputRequired(input)) => Ok(Round::Ask(input)),
            outcome => server.conclude(call, outcome).map(Round::Final),
        }
    }

    fn result(&self, text: String) -> Vec<u8> {
        let content = vec![ContentBlock::Text(text)];
        let result = ToolResult { content, structured_content: None, is_error: true };
        let written = self.server.write_result(&self.call, &result);
        written.unwrap_or_else(|failure| failure.to_message(&self.call.id))
    }
}

impl<O: Outside> Rounds for ToolRounds<O> {
    fn round(&self, resumption: Option<Resumption>) -> LocalBoxFuture<'static, Round> {
        let (server, call) = (Rc::clone(&self.server), self.call.clone());
        Box::pin(async move {
            let ended = |outcome: Result<Outcome, ToolsError>, server: &McpServer<O>, call: &ToolCall| {
                let judged = Self::judge(server, call, outcome);
                judged.unwrap_or_else(|failure| Round::Final(failure.to_message(&call.id)))
            };
            let reply = server.outside.call_tool(call.caller.clone(), call.request(resumption)).await;
            match reply {
                Ok(ports::Reply::Done(outcome)) => ended(Ok(outcome), &server, &call),
                Err(error) => ended(Err(error), &server, &call),
                Ok(ports::Reply::Running(Running { notifications, outcome })) => {
                    let told = call.clone();
                    let messages = notifications.filter_map(move |notification| {
                        ready(tool_call::notification_message(&told, notification))
                    });
                    let then = async move { ended(outcome.await, &server, &call) };
                    Round::Running(Box::pin(messages), Box::pin(then))
                }
            }
        })
    }

    fn unanswered(&self, why: String) -> Vec<u8> {
        self.result(why)
    }

    fn cannot_ask(&self, lacking: ClientCapabilities) -> Vec<u8> {
        self.result(cannot_ask(lacking))
    }

    fn malformed(&self, fault: &'static str) -> Vec<u8> {
        self.server.malformed(&self.call.tool, fault).to_message(Some(&self.call.id))
    }
}

/// Why a tool cannot go on with a client of a legacy revision, for the model to read.
pub(crate) fn cannot_ask(lacking: ClientCapabilities) -> String {
    format!(
        "This tool has to ask the client for something that it does not offer here: {}",
        in_words(lacking)
    )
}
