//! What several contracts say in the same words, each with types of its own.

use super::all;
use crate::bindings::postern::{prompts::prompts, resources::resources, tools::tools};
use mcp_core::ports;

/// Who asks, and rounds of questions and answers.
macro_rules! callers_and_questions {
    ($($package:ident)*) => {
        $(
            impl From<ports::Caller> for $package::Caller {
                fn from(ports::Caller { subject, client_id, scopes, client_info }: ports::Caller) -> Self {
                    let client_info =
                        client_info.map(|ports::ClientInfo { name, version }| $package::ClientInfo { name, version });
                    Self { subject, client_id, scopes, client_info }
                }
            }

            impl From<ports::Answer> for $package::Answer {
                fn from(ports::Answer { key, value }: ports::Answer) -> Self {
                    let value = match value {
                        ports::AnswerValue::Elicited(elicited) => $package::AnswerValue::Elicited(match elicited {
                            ports::Elicited::Accept(content) => $package::Elicited::Accept(content),
                            ports::Elicited::Decline => $package::Elicited::Decline,
                            ports::Elicited::Cancel => $package::Elicited::Cancel,
                        }),
                        ports::AnswerValue::Sampled(result) => $package::AnswerValue::Sampled(result),
                        ports::AnswerValue::Roots(roots) => {
                            let root = |ports::Root { uri, name }| $package::Root { uri, name };
                            $package::AnswerValue::Roots(roots.into_iter().map(root).collect())
                        }
                    };
                    Self { key, value }
                }
            }

            impl From<$package::InputRequired> for ports::InputRequired {
                fn from($package::InputRequired { questions, state }: $package::InputRequired) -> Self {
                    Self { questions: all(questions), state }
                }
            }

            impl From<$package::Question> for ports::Question {
                fn from($package::Question { key, ask }: $package::Question) -> Self {
                    let ask = match ask {
                        $package::Ask::ElicitForm($package::ElicitForm { message, requested_schema }) => {
                            ports::Ask::ElicitForm(ports::ElicitForm { message, requested_schema })
                        }
                        $package::Ask::ElicitUrl($package::ElicitUrl { message, url }) => {
                            ports::Ask::ElicitUrl(ports::ElicitUrl { message, url })
                        }
                        $package::Ask::Sample($package::Sample { messages, max_tokens, system_prompt, options }) => {
                            let messages = all(messages);
                            ports::Ask::Sample(ports::Sample { messages, max_tokens, system_prompt, options })
                        }
                        $package::Ask::ListRoots => ports::Ask::ListRoots,
                    };
                    Self { key, ask }
                }
            }

            impl From<$package::Role> for ports::Role {
                fn from(role: $package::Role) -> Self {
                    match role {
                        $package::Role::User => Self::User,
                        $package::Role::Assistant => Self::Assistant,
                    }
                }
            }
        )*
    };
}

/// What a client can be asked for where there are no tasks, and the rounds there.
macro_rules! rounds_without_tasks {
    ($($package:ident)*) => {
        $(
            impl From<ports::ClientCapabilities> for $package::ClientCapabilities {
                fn from(capabilities: ports::ClientCapabilities) -> Self {
                    let ports::ClientCapabilities {
                        elicit_form,
                        elicit_url,
                        sample,
                        sample_with_tools,
                        list_roots,
                        tasks: _,
                    } = capabilities;
                    Self { elicit_form, elicit_url, sample, sample_with_tools, list_roots }
                }
            }

            impl From<$package::ClientCapabilities> for ports::ClientCapabilities {
                fn from(capabilities: $package::ClientCapabilities) -> Self {
                    let $package::ClientCapabilities {
                        elicit_form,
                        elicit_url,
                        sample,
                        sample_with_tools,
                        list_roots,
                    } = capabilities;
                    Self { elicit_form, elicit_url, sample, sample_with_tools, list_roots, tasks: false }
                }
            }

            impl From<ports::Resumption> for $package::Resumption {
                fn from(ports::Resumption { state, answers, cancelled: _ }: ports::Resumption) -> Self {
                    Self { state, answers: all(answers) }
                }
            }

            impl From<$package::Suggestions> for ports::Suggestions {
                fn from(suggestions: $package::Suggestions) -> Self {
                    let $package::Suggestions { values, total, has_more } = suggestions;
                    Self { values, total, has_more }
                }
            }
        )*
    };
}

macro_rules! content_blocks {
    ($($package:ident)*) => {
        $(
            impl From<$package::ContentBlock> for ports::ContentBlock {
                fn from(block: $package::ContentBlock) -> Self {
                    let media = |$package::Media { data, mime_type }| ports::Media { data, mime_type };
                    match block {
                        $package::ContentBlock::Text(text) => Self::Text(text),
                        $package::ContentBlock::Image(image) => Self::Image(media(image)),
                        $package::ContentBlock::Audio(audio) => Self::Audio(media(audio)),
                        $package::ContentBlock::ResourceLink(link) => {
                            let $package::ResourceLink { uri, name, title, description, mime_type } = link;
                            Self::ResourceLink(ports::ResourceLink { uri, name, title, description, mime_type })
                        }
                        $package::ContentBlock::EmbeddedResource($package::EmbeddedResource { uri, mime_type, contents }) => {
                            let contents = match contents {
                                $package::ResourceContents::Text(text) => ports::ResourceContents::Text(text),
                                $package::ResourceContents::Blob(bytes) => ports::ResourceContents::Blob(bytes),
                            };
                            Self::EmbeddedResource(ports::EmbeddedResource { uri, mime_type, contents })
                        }
                    }
                }
            }
        )*
    };
}

callers_and_questions!(tools resources prompts);
rounds_without_tasks!(resources prompts);
content_blocks!(tools prompts);
