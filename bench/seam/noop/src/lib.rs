//! A tool that does nothing, behind the seam: what it takes to call it is what the seam takes.

use bindings::exports::postern::tools::tools::{
    Call, Caller, Error, Guest, Outcome, Reply, Scope, Tool, ToolResult,
};

#[expect(unsafe_code, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "tool-provider", path: "../../../wit/tools" });
    use super::Noop;
    export!(Noop);
}

struct Noop;

impl Guest for Noop {
    async fn list_tools() -> Result<Vec<Tool>, Error> {
        Ok(Vec::new())
    }

    async fn list_scopes() -> Result<Vec<Scope>, Error> {
        Ok(Vec::new())
    }

    async fn call_tool(_: Caller, _: Call) -> Result<Reply, Error> {
        let result = ToolResult { content: Vec::new(), structured_content: None, is_error: false };
        Ok(Reply::Done(Outcome::Complete(result)))
    }
}
