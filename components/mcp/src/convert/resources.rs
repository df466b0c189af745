//! The contract of resources.

use super::all;
use crate::bindings::postern::resources::resources;
use mcp_core::ports;

impl From<resources::Resource> for ports::Resource {
    fn from(resource: resources::Resource) -> Self {
        let resources::Resource { uri, name, title, description, mime_type, size, annotations, scopes } =
            resource;
        Self { uri, name, title, description, mime_type, size, annotations: annotations.into(), scopes }
    }
}

impl From<resources::Template> for ports::Template {
    fn from(template: resources::Template) -> Self {
        let resources::Template { uri_template, name, title, description, mime_type, annotations, scopes } =
            template;
        Self { uri_template, name, title, description, mime_type, annotations: annotations.into(), scopes }
    }
}

impl From<resources::Annotations> for ports::ResourceAnnotations {
    fn from(annotations: resources::Annotations) -> Self {
        let resources::Annotations { audience, priority, last_modified } = annotations;
        Self { audience: all(audience), priority, last_modified }
    }
}

impl From<ports::Read> for resources::Read {
    fn from(ports::Read { uri, resumption, client }: ports::Read) -> Self {
        Self { uri, resumption: resumption.map(resources::Resumption::from), client: client.into() }
    }
}

impl From<resources::Outcome> for ports::ReadOutcome {
    fn from(outcome: resources::Outcome) -> Self {
        match outcome {
            resources::Outcome::Complete(resources::ReadResult { contents, ttl_ms }) => {
                Self::Complete(ports::ReadResult { contents: all(contents), ttl_ms })
            }
            resources::Outcome::InputRequired(required) => Self::InputRequired(required.into()),
        }
    }
}

impl From<resources::Contents> for ports::Contents {
    fn from(resources::Contents { uri, mime_type, body }: resources::Contents) -> Self {
        let body = match body {
            resources::Body::Text(text) => ports::ResourceContents::Text(text),
            resources::Body::Blob(bytes) => ports::ResourceContents::Blob(bytes),
        };
        Self { uri, mime_type, body }
    }
}

impl From<resources::SamplingMessage> for ports::SamplingMessage {
    fn from(resources::SamplingMessage { role, content }: resources::SamplingMessage) -> Self {
        let media = |resources::Media { data, mime_type }| ports::Media { data, mime_type };
        let content = match content {
            resources::SamplingContent::Text(text) => ports::ContentBlock::Text(text),
            resources::SamplingContent::Image(image) => ports::ContentBlock::Image(media(image)),
            resources::SamplingContent::Audio(audio) => ports::ContentBlock::Audio(media(audio)),
        };
        Self { role: role.into(), content }
    }
}

impl From<ports::Completion> for resources::Completion {
    fn from(ports::Completion { of, argument, value, context }: ports::Completion) -> Self {
        Self { uri_template: of, argument, value, context }
    }
}

impl From<resources::Error> for ports::ResourcesError {
    fn from(error: resources::Error) -> Self {
        match error {
            resources::Error::NotFound => Self::NotFound,
            resources::Error::InsufficientScope(scopes) => Self::InsufficientScope(scopes),
            resources::Error::MissingCapability(needed) => Self::MissingCapability(needed.into()),
            resources::Error::Unavailable => Self::Unavailable,
            resources::Error::Other(cause) => Self::Other(cause),
        }
    }
}
