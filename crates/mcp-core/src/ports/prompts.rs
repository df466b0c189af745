//! The prompts on offer (`postern:prompts`).

use super::{
    Caller, ClientCapabilities, Completion, ContentBlock, InputRequired, Resumption, Role, Suggestions,
};

/// The prompts on offer (`postern:prompts`).
pub trait Prompts {
    /// The prompts that a caller may know of, in a fixed order.
    fn list_prompts(&self, caller: Caller) -> impl Future<Output = Result<Vec<Prompt>, PromptsError>>;
    /// Writes a prompt, for a caller who has the scopes that it declares.
    fn get_prompt(
        &self,
        caller: Caller,
        get: GetPrompt,
    ) -> impl Future<Output = Result<PromptOutcome, PromptsError>>;
    /// What could be meant by the beginning of an argument's value.
    fn complete_prompt(
        &self,
        caller: Caller,
        completion: Completion,
    ) -> impl Future<Output = Result<Suggestions, PromptsError>>;
}

/// A prompt, as its author describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/prompts/prompts.wit")]
pub struct Prompt {
    pub name: String,
    pub title: Option<String>,
    pub description: Option<String>,
    pub arguments: Vec<PromptArgument>,
    pub scopes: Vec<String>,
}

/// Something to fill in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/prompts/prompts.wit")]
pub struct PromptArgument {
    pub name: String,
    pub title: Option<String>,
    pub description: Option<String>,
    pub required: bool,
}

/// One wish for a prompt, or the next round of one.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/prompts/prompts.wit")]
pub struct GetPrompt {
    pub name: String,
    pub arguments: Vec<(String, String)>,
    pub resumption: Option<Resumption>,
    pub client: ClientCapabilities,
}

/// How it came out.
#[derive(Debug, Clone, PartialEq)]
pub enum PromptOutcome {
    /// The prompt.
    Complete(PromptMessages),
    /// The client has to be asked something first.
    InputRequired(InputRequired),
}

/// A prompt, filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/prompts/prompts.wit")]
pub struct PromptMessages {
    pub description: Option<String>,
    pub messages: Vec<PromptMessage>,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/prompts/prompts.wit")]
pub struct PromptMessage {
    pub role: Role,
    pub content: ContentBlock,
}

/// Why the prompts did not do what they were asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptsError {
    /// There is no prompt of that name.
    #[error("unknown prompt")]
    UnknownPrompt,
    /// An argument says nothing that can be used; how, in words for the client.
    #[error("invalid arguments: {0}")]
    InvalidArguments(String),
    /// It takes these scopes besides those that the prompt declares.
    #[error("insufficient scope")]
    InsufficientScope(Vec<String>),
    /// It takes something that the client does not offer.
    #[error("missing client capability")]
    MissingCapability(ClientCapabilities),
    /// What they depend on does not answer.
    #[error("unavailable")]
    Unavailable,
    /// Anything else; what, in words for the operator.
    #[error("{0}")]
    Other(String),
}
