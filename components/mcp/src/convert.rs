//! Between the types of the contracts and those of `mcp-core`. They differ only in where they come from.

mod prompts;
mod resources;
mod same;

use crate::bindings::postern::{introspection::introspection, tools::tools};
use futures_util::stream;
use mcp_core::ports;

impl From<ports::Call> for tools::Call {
    fn from(call: ports::Call) -> Self {
        let ports::Call { name, arguments, resumption, client, wants_progress, log_level } = call;
        Self {
            name,
            arguments,
            resumption: resumption.map(tools::Resumption::from),
            client: client.into(),
            wants_progress,
            log_level: log_level.map(tools::LogLevel::from),
        }
    }
}

impl From<ports::Resumption> for tools::Resumption {
    fn from(ports::Resumption { state, answers, cancelled }: ports::Resumption) -> Self {
        Self { state, answers: all(answers), cancelled }
    }
}

impl From<ports::ClientCapabilities> for tools::ClientCapabilities {
    fn from(capabilities: ports::ClientCapabilities) -> Self {
        let ports::ClientCapabilities {
            elicit_form,
            elicit_url,
            sample,
            sample_with_tools,
            list_roots,
            tasks,
        } = capabilities;
        Self { elicit_form, elicit_url, sample, sample_with_tools, list_roots, tasks }
    }
}

impl From<tools::ClientCapabilities> for ports::ClientCapabilities {
    fn from(capabilities: tools::ClientCapabilities) -> Self {
        let tools::ClientCapabilities {
            elicit_form,
            elicit_url,
            sample,
            sample_with_tools,
            list_roots,
            tasks,
        } = capabilities;
        Self { elicit_form, elicit_url, sample, sample_with_tools, list_roots, tasks }
    }
}

impl From<ports::LogLevel> for tools::LogLevel {
    fn from(level: ports::LogLevel) -> Self {
        match level {
            ports::LogLevel::Debug => Self::Debug,
            ports::LogLevel::Info => Self::Info,
            ports::LogLevel::Notice => Self::Notice,
            ports::LogLevel::Warning => Self::Warning,
            ports::LogLevel::Error => Self::Error,
            ports::LogLevel::Critical => Self::Critical,
            ports::LogLevel::Alert => Self::Alert,
            ports::LogLevel::Emergency => Self::Emergency,
        }
    }
}

impl From<tools::LogLevel> for ports::LogLevel {
    fn from(level: tools::LogLevel) -> Self {
        match level {
            tools::LogLevel::Debug => Self::Debug,
            tools::LogLevel::Info => Self::Info,
            tools::LogLevel::Notice => Self::Notice,
            tools::LogLevel::Warning => Self::Warning,
            tools::LogLevel::Error => Self::Error,
            tools::LogLevel::Critical => Self::Critical,
            tools::LogLevel::Alert => Self::Alert,
            tools::LogLevel::Emergency => Self::Emergency,
        }
    }
}

impl From<tools::Tool> for ports::Tool {
    fn from(tool: tools::Tool) -> Self {
        let tools::Tool { name, title, description, input_schema, output_schema, annotations, scopes } = tool;
        let tools::Annotations { read_only, destructive, idempotent, open_world } = annotations;
        let annotations = ports::Annotations { read_only, destructive, idempotent, open_world };
        Self { name, title, description, input_schema, output_schema, annotations, scopes }
    }
}

impl From<tools::Scope> for ports::Scope {
    fn from(tools::Scope { name, description, initial }: tools::Scope) -> Self {
        Self { name, description, initial }
    }
}

impl From<tools::Reply> for ports::Reply {
    fn from(reply: tools::Reply) -> Self {
        match reply {
            tools::Reply::Done(outcome) => Self::Done(outcome.into()),
            tools::Reply::Running(tools::Running { notifications, outcome }) => {
                let notifications = stream::unfold(notifications, |mut notifications| async {
                    let notification = notifications.next().await?;
                    Some((notification.into(), notifications))
                });
                let outcome = async {
                    let outcome: Result<tools::Outcome, tools::Error> = outcome.await;
                    Ok(outcome?.into())
                };
                Self::Running(ports::Running {
                    notifications: Box::pin(notifications),
                    outcome: Box::pin(outcome),
                })
            }
        }
    }
}

impl From<tools::Notification> for ports::Notification {
    fn from(notification: tools::Notification) -> Self {
        match notification {
            tools::Notification::Progress(tools::Progress { progress, total, message }) => {
                Self::Progress(ports::Progress { progress, total, message })
            }
            tools::Notification::Log(tools::LogMessage { level, logger, data }) => {
                Self::Log(ports::LogMessage { level: level.into(), logger, data })
            }
            tools::Notification::ToolsChanged => Self::ToolsChanged,
            tools::Notification::PromptsChanged => Self::PromptsChanged,
            tools::Notification::ResourcesChanged => Self::ResourcesChanged,
            tools::Notification::ResourceUpdated(uri) => Self::ResourceUpdated(uri),
        }
    }
}

impl From<tools::Outcome> for ports::Outcome {
    fn from(outcome: tools::Outcome) -> Self {
        match outcome {
            tools::Outcome::Complete(tools::ToolResult { content, structured_content, is_error }) => {
                Self::Complete(ports::ToolResult { content: all(content), structured_content, is_error })
            }
            tools::Outcome::InputRequired(required) => Self::InputRequired(required.into()),
            tools::Outcome::Task(task) => {
                let tools::Task { state, status_message, questions, ttl_ms, poll_interval_ms } = task;
                let questions = all(questions);
                Self::Task(ports::Task { state, status_message, questions, ttl_ms, poll_interval_ms })
            }
        }
    }
}

/// Converts each.
pub(crate) fn all<T, U: From<T>>(items: Vec<T>) -> Vec<U> {
    items.into_iter().map(U::from).collect()
}

impl From<tools::SamplingMessage> for ports::SamplingMessage {
    fn from(tools::SamplingMessage { role, content }: tools::SamplingMessage) -> Self {
        Self { role: role.into(), content: content.into() }
    }
}

impl From<tools::Error> for ports::ToolsError {
    fn from(error: tools::Error) -> Self {
        match error {
            tools::Error::UnknownTool => Self::UnknownTool,
            tools::Error::InvalidArguments(how) => Self::InvalidArguments(how),
            tools::Error::InsufficientScope(scopes) => Self::InsufficientScope(scopes),
            tools::Error::MissingCapability(needed) => Self::MissingCapability(needed.into()),
            tools::Error::Unavailable => Self::Unavailable,
            tools::Error::Other(cause) => Self::Other(cause),
        }
    }
}

impl From<introspection::Access> for ports::Access {
    fn from(access: introspection::Access) -> Self {
        let introspection::Access { subject, client_id, scopes, audience, expires_at, grant_id } = access;
        Self { subject, client_id, scopes, audience, expires_at, grant_id }
    }
}

impl From<introspection::Error> for ports::IntrospectionError {
    fn from(error: introspection::Error) -> Self {
        match error {
            introspection::Error::Unavailable => Self::Unavailable,
            introspection::Error::Other(cause) => Self::Other(cause),
        }
    }
}
