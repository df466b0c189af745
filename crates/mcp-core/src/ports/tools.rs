//! The tools on offer (`postern:tools`).

use futures_core::{future::LocalBoxFuture, stream::LocalBoxStream};

/// The tools on offer (`postern:tools`).
pub trait Tools {
    /// All tools, in a fixed order.
    fn list_tools(&self) -> impl Future<Output = Result<Vec<Tool>, ToolsError>>;
    /// All scopes that the tools name, in the order in which to show them.
    fn list_scopes(&self) -> impl Future<Output = Result<Vec<Scope>, ToolsError>>;
    /// Runs a tool, for a caller who has the scopes that it declares.
    fn call_tool(&self, caller: Caller, call: Call) -> impl Future<Output = Result<Reply, ToolsError>>;
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
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct ClientInfo {
    pub name: String,
    pub version: String,
}

/// One call of a tool, or the next round of one.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct Call {
    pub name: String,
    pub arguments: String,
    pub resumption: Option<Resumption>,
    pub client: ClientCapabilities,
    pub wants_progress: bool,
    pub log_level: Option<LogLevel>,
}

/// What an earlier round left behind, and what the client has answered since.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct Resumption {
    pub state: Vec<u8>,
    pub answers: Vec<Answer>,
    pub cancelled: bool,
}

/// What a client can be asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct ClientCapabilities {
    pub elicit_form: bool,
    pub elicit_url: bool,
    pub sample: bool,
    pub sample_with_tools: bool,
    pub list_roots: bool,
    pub tasks: bool,
}

/// How a call is answered.
pub enum Reply {
    /// At once.
    Done(Outcome),
    /// With notifications first.
    Running(Running),
}

/// A call that goes on while its notifications are read: all of them first, and then the outcome.
/// Dropping it gives the call up.
pub struct Running {
    /// What it tells meanwhile.
    pub notifications: LocalBoxStream<'static, Notification>,
    /// How it came out.
    pub outcome: LocalBoxFuture<'static, Result<Outcome, ToolsError>>,
}

/// What a call tells while it runs.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub enum Notification {
    Progress(Progress),
    Log(LogMessage),
    ToolsChanged,
    PromptsChanged,
    ResourcesChanged,
    ResourceUpdated(String),
}

/// How far a call is.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct Progress {
    pub progress: f64,
    pub total: Option<f64>,
    pub message: Option<String>,
}

/// A line for whoever watches the client's log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct LogMessage {
    pub level: LogLevel,
    pub logger: Option<String>,
    pub data: String,
}

/// The severities of RFC 5424, least severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub enum LogLevel {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

/// How a call came out.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The tool ran to its end, well or badly.
    Complete(ToolResult),
    /// The tool has to ask the client something first.
    InputRequired(InputRequired),
    /// The tool has begun something that takes longer than a client waits.
    Task(Task),
}

/// What a tool wants to know before it goes on.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct InputRequired {
    pub questions: Vec<Question>,
    pub state: Vec<u8>,
}

/// One question to a client.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct Question {
    pub key: String,
    pub ask: Ask,
}

/// What can be asked of a client.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub enum Ask {
    ElicitForm(ElicitForm),
    ElicitUrl(ElicitUrl),
    Sample(Sample),
    ListRoots,
}

/// A form for the person who uses the client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct ElicitForm {
    pub message: String,
    pub requested_schema: String,
}

/// A page for the person who uses the client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct ElicitUrl {
    pub message: String,
    pub url: String,
}

/// Something for the client's model to write.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct Sample {
    pub messages: Vec<SamplingMessage>,
    pub max_tokens: u32,
    pub system_prompt: Option<String>,
    pub options: Option<String>,
}

/// One message of a conversation with a model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct SamplingMessage {
    pub role: Role,
    pub content: ContentBlock,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub enum Role {
    User,
    Assistant,
}

/// One answer of a client.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct Answer {
    pub key: String,
    pub value: AnswerValue,
}

/// What a client answered.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub enum AnswerValue {
    Elicited(Elicited),
    Sampled(String),
    Roots(Vec<Root>),
}

/// What the person did with a form or a page.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub enum Elicited {
    Accept(Option<String>),
    Decline,
    Cancel,
}

/// A place that a client works in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct Root {
    pub uri: String,
    pub name: Option<String>,
}

/// Something that goes on after the call that began it.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "members are documented in wit/tools/tools.wit")]
pub struct Task {
    pub state: Vec<u8>,
    pub status_message: Option<String>,
    pub questions: Vec<Question>,
    pub ttl_ms: Option<u32>,
    pub poll_interval_ms: Option<u32>,
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
    /// The call takes something that the client does not offer.
    #[error("missing client capability")]
    MissingCapability(ClientCapabilities),
    /// What the tool depends on does not answer.
    #[error("unavailable")]
    Unavailable,
    /// Anything else; what, in words for the operator.
    #[error("{0}")]
    Other(String),
}
