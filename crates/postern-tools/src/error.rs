//! What a tool fails with.

use crate::contract;
use std::fmt::{self, Display};

/// Why a tool did not do what it was called for.
///
/// Whatever can be displayed becomes one with `?`, and then means that the tool ran and failed: its text is the
/// result, for the model to read. So a tool that needs nothing else here can return `Result<T, String>`, or any
/// error type there is.
///
/// ```
/// use postern_tools::ToolError;
///
/// fn parse(text: &str) -> Result<u16, ToolError> {
///     let port: u16 = text.trim().parse()?;
///     if port < 1024 {
///         return Err(ToolError::insufficient_scope(["ports:privileged"]));
///     }
///     Ok(port)
/// }
///
/// assert_eq!(parse("http").unwrap_err(), ToolError::Failed("invalid digit found in string".into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolError {
    /// The tool ran and failed. The text is the result (`isError`): the model reads it and may try again, so it says what
    /// would help, and nothing that is not for the caller.
    Failed(String),
    /// The arguments fit the schema and are wrong all the same. The text says how, and the model reads it.
    InvalidArguments(String),
    /// This call takes these scopes beyond those that the tool declares. The client is told to ask the person for them.
    InsufficientScope(Vec<String>),
    /// What the tool depends on does not answer; trying again later may help.
    Unavailable,
    /// Something is wrong here. The text is for the operator's log, and the client does not see it.
    Other(String),
}

impl ToolError {
    /// This call takes these scopes too.
    pub fn insufficient_scope<S: Into<String>>(scopes: impl IntoIterator<Item = S>) -> Self {
        Self::InsufficientScope(scopes.into_iter().map(S::into).collect())
    }

    /// The error as the contract has it; the text, if it is a result.
    pub(crate) fn into_contract(self) -> Result<String, contract::Error> {
        Err(match self {
            Self::Failed(why) => return Ok(why),
            Self::InvalidArguments(how) => contract::Error::InvalidArguments(how),
            Self::InsufficientScope(scopes) => contract::Error::InsufficientScope(scopes),
            Self::Unavailable => contract::Error::Unavailable,
            Self::Other(cause) => contract::Error::Other(cause),
        })
    }
}

// Not `Display` and not `Error`: what can be displayed is a failure that the model reads, and this is more.
impl<E: Display> From<E> for ToolError {
    fn from(error: E) -> Self {
        // In full, from those that have a short form and a long one.
        Self::Failed(format!("{error:#}"))
    }
}

/// Why there is no answer to a question.
///
/// It is a failure of the tool if it is passed on with `?`; a tool that can do without an answer matches it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unanswered {
    /// The person said no.
    Declined,
    /// The person closed the form, or did not go to the page, without saying anything.
    Cancelled,
    /// The client sent something that is no answer to this. What is wrong with it.
    Unusable(String),
}

impl Display for Unanswered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declined => formatter.write_str("The person who was asked declined."),
            Self::Cancelled => formatter.write_str("The person who was asked did not answer."),
            Self::Unusable(how) => write!(formatter, "The client's answer cannot be used: {how}"),
        }
    }
}

impl std::error::Error for Unanswered {}

impl From<Unanswered> for String {
    fn from(unanswered: Unanswered) -> Self {
        unanswered.to_string()
    }
}
