//! The tools that the official conformance suite calls by name. They ship nowhere: `cargo xtask conformance`
//! puts them in the place of the example's, by the line of `spin.toml` that a user changes.
//!
//! Reading order: [`catalogue`] is the list; [`content`] answers at once; [`telling`] notifies first;
//! [`asking`] has questions; [`working`] takes its time, as a task.
//!
//! Nothing is kept between two calls: what a tool has to remember is in the state that it hands out, so
//! that the next round may come to any instance.

mod asking;
mod catalogue;
mod content;
mod telling;
mod working;

use bindings::exports::postern::tools::tools::{
    Call, Caller, ClientCapabilities, ContentBlock, Error, Guest, Outcome, Reply, Scope, Tool, ToolResult,
};
use serde_json::Value;

/// What every tool here asks for, so that the token has to come from somebody who agreed to something.
const SCOPE: &str = "conformance";

struct Conformance;

impl Guest for Conformance {
    async fn list_tools() -> Result<Vec<Tool>, Error> {
        Ok(catalogue::tools())
    }

    async fn list_scopes() -> Result<Vec<Scope>, Error> {
        let description = "Call the tools of the conformance suite".to_owned();
        Ok(vec![Scope { name: SCOPE.to_owned(), description, initial: true }])
    }

    async fn call_tool(_caller: Caller, call: Call) -> Result<Reply, Error> {
        if let Some(result) = content::find(&call.name) {
            return Ok(done(result));
        }
        if let Some(reply) = telling::find(&call) {
            return Ok(reply);
        }
        if let Some(outcome) = asking::find(&call) {
            return outcome.map(Reply::Done);
        }
        working::find(&call).unwrap_or(Err(Error::UnknownTool)).map(Reply::Done)
    }
}

/// A tool that answers at once.
fn done(result: ToolResult) -> Reply {
    Reply::Done(Outcome::Complete(result))
}

/// A result of one text.
fn text(text: impl Into<String>) -> ToolResult {
    blocks([ContentBlock::Text(text.into())])
}

/// A result of several pieces.
fn blocks(content: impl Into<Vec<ContentBlock>>) -> ToolResult {
    ToolResult { content: content.into(), structured_content: None, is_error: false }
}

/// One of the call's arguments. They fit the schema: that was checked before.
fn argument(call: &Call, name: &str) -> Value {
    let mut arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
    arguments.get_mut(name).map(Value::take).unwrap_or_default()
}

/// The same, of one that is a text; empty if it is not there.
fn text_argument(call: &Call, name: &str) -> String {
    argument(call, name).as_str().unwrap_or_default().to_owned()
}

/// A tool that cannot do without this.
fn missing(change: impl FnOnce(&mut ClientCapabilities)) -> Error {
    let mut needed = ClientCapabilities {
        elicit_form: false,
        elicit_url: false,
        sample: false,
        sample_with_tools: false,
        list_roots: false,
        tasks: false,
    };
    change(&mut needed);
    Error::MissingCapability(needed)
}

#[expect(unsafe_code, reason = "generated: the component model's calling convention")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/tools", world: "tool-provider" });
    use super::Conformance;
    export!(Conformance);
}
