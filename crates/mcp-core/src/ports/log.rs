//! What the operator reads of it.

use super::{IntrospectionError, PromptsError, ResourcesError, ToolsError};
use crate::MessageLimit;
use std::fmt;
use store_core::{DeploymentError, RecordError};

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
    /// A tool answered a call with an error of its own.
    ToolFailed {
        /// Its name.
        tool: &'a str,
        /// What it answered.
        error: &'a ToolsError,
        /// What joins this line with the client's error.
        trace: &'a str,
    },
    /// A tolerance made the difference to a request. Its name in the variable `strict`.
    Tolerance(&'static str),
    /// A client posted a message that is longer than this.
    MessageTooLarge(MessageLimit),
    /// A client posted a message to `/sse/message` that is longer than what waits for its stream may be.
    InboxTooSmall,
    /// What is kept for a client could not be had.
    StoreFailed(&'a RecordError),
    /// The deployment's keys could not be had.
    NoKeys(&'a DeploymentError),
    /// A function of the resources failed.
    ResourcesFailed {
        /// The WIT function.
        function: &'static str,
        /// What it answered.
        error: &'a ResourcesError,
    },
    /// A resource's or template's description, or what was read, is not what its interface promises.
    ResourceMalformed {
        /// Its URI or URI template.
        uri: &'a str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A function of the prompts failed.
    PromptsFailed {
        /// The WIT function.
        function: &'static str,
        /// What it answered.
        error: &'a PromptsError,
    },
    /// A prompt is not what its interface promises.
    PromptMalformed {
        /// Its name.
        prompt: &'a str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A connection has as many sessions in use as it may have; how many that is.
    TooManySessions(u16),
    /// A page was refused: its origin, as its browser says.
    OriginRefused(&'a str),
    /// A request was to a path that is none of ours, and an operator may have set something wrong.
    PathNotFound(&'static str),
    /// A tool's description or result is not what its interface promises, or went beyond a limit.
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
            Self::ToolFailed { tool, error, trace } => write!(
                f,
                "mcp: tool {}: call-tool failed: {} trace={trace}",
                one_line(tool),
                one_line(&error.to_string())
            ),
            Self::MessageTooLarge(limit) => write!(
                f,
                "mcp: refused: a message is longer than {limit} (variable {})",
                MessageLimit::VARIABLE
            ),
            Self::InboxTooSmall => f.write_str(
                "mcp: refused: a message to /sse/message is longer than the store has room for (256 KiB for all \
                 messages of a session that wait)",
            ),
            Self::Tolerance(name) => write!(f, "mcp: tolerance: {name}"),
            Self::StoreFailed(error) => write!(f, "mcp: {}", one_line(&error.for_log())),
            Self::NoKeys(error) => write!(f, "mcp: {}", one_line(&error.to_string())),
            Self::ResourcesFailed { function, error } => {
                write!(f, "mcp: {function} of the resources failed: {}", one_line(&error.to_string()))
            }
            Self::ResourceMalformed { uri, fault } => {
                write!(f, "mcp: resource {}: {fault}", one_line(uri))
            }
            Self::PromptsFailed { function, error } => {
                write!(f, "mcp: {function} of the prompts failed: {}", one_line(&error.to_string()))
            }
            Self::PromptMalformed { prompt, fault } => {
                write!(f, "mcp: prompt {}: {fault}", one_line(prompt))
            }
            Self::TooManySessions(limit) => {
                write!(
                    f,
                    "mcp: a client has {limit} sessions in use, as many as sessions_per_connection allows"
                )
            }
            Self::OriginRefused(origin) => write!(
                f,
                "mcp: refused: a page of {} may not call; allowed_origins names those that may",
                one_line(origin)
            ),
            Self::PathNotFound(explanation) => write!(f, "mcp: no such path: {explanation}"),
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
