//! What the MCP server needs from outside: the tools, the meaning of access tokens, and a place for
//! lines that only the operator reads.
//!
//! The types say what the WIT packages `postern:tools` and `postern:introspection` say; the
//! documentation of their members is there.

use std::fmt;

/// The tools on offer (`postern:tools`).
pub trait Tools {
    /// All tools, in a fixed order.
    fn list_tools(&self) -> impl Future<Output = Result<Vec<Tool>, ToolsError>>;
    /// All scopes that the tools name, in the order in which to show them.
    fn list_scopes(&self) -> impl Future<Output = Result<Vec<Scope>, ToolsError>>;
    /// Runs a tool, for a caller who has the scopes that it declares.
    fn call_tool(&self, caller: Caller, call: Call) -> impl Future<Output = Result<Outcome, ToolsError>>;
}

/// What access tokens stand for (`postern:introspection`).
pub trait Introspection {
    /// The facts behind a token; `None` when it is not active.
    fn introspect(&self, token: &str) -> impl Future<Output = Result<Option<Access>, IntrospectionError>>;
}

/// Where the operator reads what the client is not told.
pub trait Log {
    /// Writes one line. The event's `Display` is that line; it has no token and no line break in it.
    fn log(&self, event: LogEvent<'_>);
}

impl<F: Fn(LogEvent<'_>)> Log for F {
    fn log(&self, event: LogEvent<'_>) {
        self(event);
    }
}

/// A tool, as its author describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct Tool {
    pub name: String,
    pub title: Option<String>,
    pub description: String,
    pub input_schema: String,
    pub output_schema: Option<String>,
    pub annotations: Annotations,
    pub scopes: Vec<String>,
}

/// Hints about a tool's behaviour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct Annotations {
    pub read_only: Option<bool>,
    pub destructive: Option<bool>,
    pub idempotent: Option<bool>,
    pub open_world: Option<bool>,
}

/// A scope that the tools ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct Scope {
    pub name: String,
    pub description: String,
    pub initial: bool,
}

/// On whose behalf a tool runs. There is no member for the token (RS-11).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct Caller {
    pub subject: String,
    pub client_id: String,
    pub scopes: Vec<String>,
    pub client_info: Option<ClientInfo>,
}

/// What a client says of itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct ClientInfo {
    pub name: String,
    pub version: String,
}

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct Call {
    pub name: String,
    pub arguments: String,
}

/// How a call came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The tool ran to its end, well or badly.
    Complete(ToolResult),
}

/// What a tool gives back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct ToolResult {
    pub content: Vec<ContentBlock>,
    pub structured_content: Option<String>,
    pub is_error: bool,
}

/// One piece of content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub enum ContentBlock {
    Text(String),
    Image(Media),
    Audio(Media),
    ResourceLink(ResourceLink),
    EmbeddedResource(EmbeddedResource),
}

/// Bytes and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct Media {
    pub data: Vec<u8>,
    pub mime_type: String,
}

/// A resource by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct ResourceLink {
    pub uri: String,
    pub name: String,
    pub title: Option<String>,
    pub description: Option<String>,
    pub mime_type: Option<String>,
}

/// A resource with its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct EmbeddedResource {
    pub uri: String,
    pub mime_type: Option<String>,
    pub contents: ResourceContents,
}

/// What a resource contains.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub enum ResourceContents {
    Text(String),
    Blob(Vec<u8>),
}

/// Why the tools did not do what they were asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolsError {
    /// There is no tool of that name.
    #[error("unknown tool")]
    UnknownTool,
    /// The arguments do not fit; how, in words for the model.
    #[error("invalid arguments: {0}")]
    InvalidArguments(String),
    /// The call needs these scopes besides those that the tool declares.
    #[error("insufficient scope")]
    InsufficientScope(Vec<String>),
    /// What the tool depends on does not answer.
    #[error("unavailable")]
    Unavailable,
    /// Anything else; what, in words for the operator.
    #[error("{0}")]
    Other(String),
}

/// The facts behind an active access token. The server judges them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/introspection/introspection.wit")]
pub struct Access {
    pub subject: String,
    pub client_id: String,
    pub scopes: Vec<String>,
    pub audience: Vec<String>,
    pub expires_at: u64,
}

/// Why a token could not be looked up. It says nothing about the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntrospectionError {
    /// The place where tokens are kept did not answer.
    #[error("unavailable")]
    Unavailable,
    /// Anything else; what, in words for the operator.
    #[error("{0}")]
    Other(String),
}

/// Something that the client gets a fixed text for, and the operator the cause of.
#[derive(Debug, Clone, Copy)]
pub enum LogEvent<'a> {
    /// A token could not be looked up.
    IntrospectionFailed(&'a IntrospectionError),
    /// `list-tools`, `list-scopes` or `call-tool` failed.
    ToolsFailed {
        /// The WIT function.
        function: &'static str,
        /// What it answered.
        error: &'a ToolsError,
    },
    /// A tool's description or result is not what its interface promises.
    ToolMalformed {
        /// Its name.
        tool: &'a str,
        /// What is wrong with it.
        fault: &'static str,
    },
}

/// The most characters of a cause that get into a line.
const MAX_CAUSE: usize = 500;

impl fmt::Display for LogEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Causes are text from another component: escaped, they stay on their line.
        let one_line =
            |text: &str| text.chars().take(MAX_CAUSE).collect::<String>().escape_debug().to_string();
        match self {
            Self::IntrospectionFailed(error) => {
                write!(f, "mcp: introspection failed: {}", one_line(&error.to_string()))
            }
            Self::ToolsFailed { function, error } => {
                write!(f, "mcp: {function} failed: {}", one_line(&error.to_string()))
            }
            Self::ToolMalformed { tool, fault } => write!(f, "mcp: tool {}: {fault}", one_line(tool)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_stays_on_its_line() {
        let error = ToolsError::Other(format!("a\nmcp: forged\u{1b}[0m {}", "x".repeat(9999)));
        let line = LogEvent::ToolsFailed { function: "call-tool", error: &error }.to_string();
        assert!(line.starts_with("mcp: call-tool failed: a\\nmcp: forged\\u{1b}[0m xxx"), "{line}");
        assert!(!line.contains(char::is_control) && line.len() < 600, "{line}");
    }
}
