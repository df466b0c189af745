//! Between the types of the contracts and those of `mcp-core`. They differ only in where they come from.

use crate::bindings::postern::{introspection::introspection, tools::tools};
use mcp_core::ports;

impl From<ports::Caller> for tools::Caller {
    fn from(ports::Caller { subject, client_id, scopes, client_info }: ports::Caller) -> Self {
        let client_info =
            client_info.map(|ports::ClientInfo { name, version }| tools::ClientInfo { name, version });
        Self { subject, client_id, scopes, client_info }
    }
}

impl From<ports::Call> for tools::Call {
    fn from(ports::Call { name, arguments }: ports::Call) -> Self {
        Self { name, arguments }
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

impl From<tools::Outcome> for ports::Outcome {
    fn from(outcome: tools::Outcome) -> Self {
        match outcome {
            tools::Outcome::Complete(tools::ToolResult { content, structured_content, is_error }) => {
                let content = content.into_iter().map(ports::ContentBlock::from).collect();
                Self::Complete(ports::ToolResult { content, structured_content, is_error })
            }
        }
    }
}

impl From<tools::ContentBlock> for ports::ContentBlock {
    fn from(block: tools::ContentBlock) -> Self {
        let media = |tools::Media { data, mime_type }| ports::Media { data, mime_type };
        match block {
            tools::ContentBlock::Text(text) => Self::Text(text),
            tools::ContentBlock::Image(image) => Self::Image(media(image)),
            tools::ContentBlock::Audio(audio) => Self::Audio(media(audio)),
            tools::ContentBlock::ResourceLink(link) => {
                let tools::ResourceLink { uri, name, title, description, mime_type } = link;
                Self::ResourceLink(ports::ResourceLink { uri, name, title, description, mime_type })
            }
            tools::ContentBlock::EmbeddedResource(tools::EmbeddedResource { uri, mime_type, contents }) => {
                let contents = match contents {
                    tools::ResourceContents::Text(text) => ports::ResourceContents::Text(text),
                    tools::ResourceContents::Blob(bytes) => ports::ResourceContents::Blob(bytes),
                };
                Self::EmbeddedResource(ports::EmbeddedResource { uri, mime_type, contents })
            }
        }
    }
}

impl From<tools::Error> for ports::ToolsError {
    fn from(error: tools::Error) -> Self {
        match error {
            tools::Error::UnknownTool => Self::UnknownTool,
            tools::Error::InvalidArguments(how) => Self::InvalidArguments(how),
            tools::Error::InsufficientScope(scopes) => Self::InsufficientScope(scopes),
            tools::Error::Unavailable => Self::Unavailable,
            tools::Error::Other(cause) => Self::Other(cause),
        }
    }
}

impl From<introspection::Access> for ports::Access {
    fn from(access: introspection::Access) -> Self {
        let introspection::Access { subject, client_id, scopes, audience, expires_at } = access;
        Self { subject, client_id, scopes, audience, expires_at }
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
