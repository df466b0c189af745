//! The contract of prompts.

use super::all;
use crate::bindings::postern::prompts::prompts;
use mcp_core::ports;

impl From<prompts::Prompt> for ports::Prompt {
    fn from(prompt: prompts::Prompt) -> Self {
        let prompts::Prompt { name, title, description, arguments, scopes } = prompt;
        Self { name, title, description, arguments: all(arguments), scopes }
    }
}

impl From<prompts::Argument> for ports::PromptArgument {
    fn from(argument: prompts::Argument) -> Self {
        let prompts::Argument { name, title, description, required } = argument;
        Self { name, title, description, required }
    }
}

impl From<ports::GetPrompt> for prompts::Get {
    fn from(ports::GetPrompt { name, arguments, resumption, client }: ports::GetPrompt) -> Self {
        let resumption = resumption.map(prompts::Resumption::from);
        Self { name, arguments, resumption, client: client.into() }
    }
}

impl From<prompts::Outcome> for ports::PromptOutcome {
    fn from(outcome: prompts::Outcome) -> Self {
        match outcome {
            prompts::Outcome::Complete(prompts::PromptMessages { description, messages }) => {
                Self::Complete(ports::PromptMessages { description, messages: all(messages) })
            }
            prompts::Outcome::InputRequired(required) => Self::InputRequired(required.into()),
        }
    }
}

impl From<prompts::Message> for ports::PromptMessage {
    fn from(prompts::Message { role, content }: prompts::Message) -> Self {
        Self { role: role.into(), content: content.into() }
    }
}

impl From<prompts::Message> for ports::SamplingMessage {
    fn from(prompts::Message { role, content }: prompts::Message) -> Self {
        Self { role: role.into(), content: content.into() }
    }
}

impl From<ports::Completion> for prompts::Completion {
    fn from(ports::Completion { of, argument, value, context }: ports::Completion) -> Self {
        Self { name: of, argument, value, context }
    }
}

impl From<prompts::Error> for ports::PromptsError {
    fn from(error: prompts::Error) -> Self {
        match error {
            prompts::Error::UnknownPrompt => Self::UnknownPrompt,
            prompts::Error::InvalidArguments(how) => Self::InvalidArguments(how),
            prompts::Error::InsufficientScope(scopes) => Self::InsufficientScope(scopes),
            prompts::Error::MissingCapability(needed) => Self::MissingCapability(needed.into()),
            prompts::Error::Unavailable => Self::Unavailable,
            prompts::Error::Other(cause) => Self::Other(cause),
        }
    }
}
