//! The resources on offer (`postern:resources`).

use super::{
    Caller, ClientCapabilities, Completion, InputRequired, ResourceContents, Resumption, Role, Suggestions,
};

/// The resources on offer (`postern:resources`).
pub trait Resources {
    /// The resources that a caller may know of, in a fixed order.
    fn list_resources(&self, caller: Caller) -> impl Future<Output = Result<Vec<Resource>, ResourcesError>>;
    /// The templates that a caller may know of, in a fixed order.
    fn list_templates(&self, caller: Caller) -> impl Future<Output = Result<Vec<Template>, ResourcesError>>;
    /// Reads a resource, for a caller who has the scopes that were declared for it.
    fn read_resource(
        &self,
        caller: Caller,
        read: Read,
    ) -> impl Future<Output = Result<ReadOutcome, ResourcesError>>;
    /// What could be meant by the beginning of a value of a template's variable.
    fn complete_template(
        &self,
        caller: Caller,
        completion: Completion,
    ) -> impl Future<Output = Result<Suggestions, ResourcesError>>;
}

/// A resource, as its author describes it.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/resources/resources.wit")]
pub struct Resource {
    pub uri: String,
    pub name: String,
    pub title: Option<String>,
    pub description: Option<String>,
    pub mime_type: Option<String>,
    pub size: Option<u64>,
    pub annotations: ResourceAnnotations,
    pub scopes: Vec<String>,
}

/// Resources by the form of their addresses.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/resources/resources.wit")]
pub struct Template {
    pub uri_template: String,
    pub name: String,
    pub title: Option<String>,
    pub description: Option<String>,
    pub mime_type: Option<String>,
    pub annotations: ResourceAnnotations,
    pub scopes: Vec<String>,
}

/// Hints for whoever chooses among resources.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/resources/resources.wit")]
pub struct ResourceAnnotations {
    pub audience: Vec<Role>,
    pub priority: Option<f64>,
    pub last_modified: Option<String>,
}

/// One wish to read a resource, or the next round of one.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/resources/resources.wit")]
pub struct Read {
    pub uri: String,
    pub resumption: Option<Resumption>,
    pub client: ClientCapabilities,
}

/// How a read came out.
#[derive(Debug, Clone, PartialEq)]
pub enum ReadOutcome {
    /// What the resource contains.
    Complete(ReadResult),
    /// The client has to be asked something first.
    InputRequired(InputRequired),
}

/// What a resource contains, now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/resources/resources.wit")]
pub struct ReadResult {
    pub contents: Vec<Contents>,
    pub ttl_ms: Option<u32>,
}

/// What a resource contains, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/resources/resources.wit")]
pub struct Contents {
    pub uri: String,
    pub mime_type: Option<String>,
    pub body: ResourceContents,
}

/// Why the resources did not do what they were asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourcesError {
    /// There is no such resource, or this caller may not know that there is.
    #[error("not found")]
    NotFound,
    /// It takes these scopes besides those that were declared.
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
