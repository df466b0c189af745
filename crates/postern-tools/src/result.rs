//! What a tool gives back.

use crate::{
    contract::{self, ContentBlock, Media, ToolResult},
    error::ToolError,
    json,
    schema::{self, OutputSchema, Shape},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// What a tool's function may return, alone or in a `Result`.
///
/// | Returned | Result |
/// |---|---|
/// | a struct or map that is `Serialize` and `JsonSchema` | structured content, with its schema, and the same as text |
/// | a number, `bool`, list or enum of these | the same, as the member `result` of an object |
/// | a `String`, or what is written as one | a text |
/// | `()` | nothing |
/// | [`ContentBlock`], [`ToolResult`] | as it is |
/// | [`Structured`] | structured content, with content of its own |
/// | [`Outcome`] | one of these, or a task that goes on |
///
/// JSON has no number for infinity, nor for what is none: such an `f64` is written as `null`, which is not what the schema
/// says. Return an error instead.
#[diagnostic::on_unimplemented(
    message = "a tool cannot give back `{Self}`",
    label = "neither a text, nor content, nor a type with a JSON Schema",
    note = "derive `serde::Serialize` and `schemars::JsonSchema` for it, or return a `String`, a `ContentBlock` or a `ToolResult`"
)]
pub trait ToolOutput {
    /// What the tool's results are like.
    #[doc(hidden)]
    fn schema() -> OutputSchema;

    /// The value, with its type forgotten.
    #[doc(hidden)]
    fn finish(self) -> Result<Finished, ToolError>;
}

/// How a tool ended.
#[doc(hidden)]
#[derive(Debug)]
pub enum Finished {
    /// With a value: the text of its JSON, and content of its own if it has any.
    Value(String, Option<Vec<ContentBlock>>),
    /// With a result.
    Result(ToolResult),
    /// Not yet.
    Task(Task),
}

impl<T: Serialize + JsonSchema> ToolOutput for T {
    fn schema() -> OutputSchema {
        schema::of_result::<T>()
    }

    fn finish(self) -> Result<Finished, ToolError> {
        Ok(Finished::Value(to_json(&self)?, None))
    }
}

impl ToolOutput for ToolResult {
    fn schema() -> OutputSchema {
        OutputSchema { shape: Shape::Nothing, schema: None }
    }

    fn finish(self) -> Result<Finished, ToolError> {
        Ok(Finished::Result(self))
    }
}

impl ToolOutput for ContentBlock {
    fn schema() -> OutputSchema {
        ToolResult::schema()
    }

    fn finish(self) -> Result<Finished, ToolError> {
        ToolResult::from_iter([self]).finish()
    }
}

/// Structured content, with content of its own instead of the same as text: a picture beside the figures, say.
///
/// ```
/// use postern_tools::{ContentBlock, Structured};
/// # #[derive(serde::Serialize, schemars::JsonSchema)]
/// # struct Mean { mean: f64 }
///
/// let result = Structured::new(Mean { mean: 4.0 }, [ContentBlock::text("On average, 4.")]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Structured<T> {
    /// For programs.
    pub value: T,
    /// For the model and the person to read.
    pub content: Vec<ContentBlock>,
}

impl<T> Structured<T> {
    /// This value, and this to read.
    pub fn new(value: T, content: impl Into<Vec<ContentBlock>>) -> Self {
        Self { value, content: content.into() }
    }
}

impl<T: Serialize + JsonSchema> ToolOutput for Structured<T> {
    fn schema() -> OutputSchema {
        T::schema()
    }

    fn finish(self) -> Result<Finished, ToolError> {
        Ok(Finished::Value(to_json(&self.value)?, Some(self.content)))
    }
}

/// What a tool returns that may take longer than a client waits.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<T> {
    /// It is done.
    Complete(T),
    /// It goes on, elsewhere or with time, and the tool will be called again to say how it stands.
    Task(Task),
}

impl<T: ToolOutput> ToolOutput for Outcome<T> {
    fn schema() -> OutputSchema {
        T::schema()
    }

    fn finish(self) -> Result<Finished, ToolError> {
        match self {
            Self::Complete(value) => value.finish(),
            Self::Task(task) => Ok(Finished::Task(task)),
        }
    }
}

/// Something that goes on after the call that began it.
///
/// Nothing runs between two calls. A task is what the tool has to remember to find it again: the id of a job at a
/// service, the time at which something is over. The tool is called again, with the same arguments, whenever the
/// client asks how the task stands, and [`Context::task`](crate::Context::task) gives it what it remembered. It
/// returns the task again, or what came of it.
///
/// A client that cannot come back for a result is told that the tool needs one that can. A tool that has another way
/// looks at [`Context::client`](crate::Context::client) first.
///
/// ```
/// use postern_tools::{Context, Outcome, Task, tool};
/// # struct Job; impl Job {
/// #     async fn begin(_: &str) -> Result<String, String> { Ok("7".into()) }
/// #     async fn result(_: &str) -> Result<Option<String>, String> { Ok(None) }
/// #     async fn stop(_: &str) -> Result<(), String> { Ok(()) }
/// # }
/// # use std::time::Duration;
///
/// /// Renders a scene.
/// #[tool(title = "Render")]
/// async fn render(ctx: &Context, scene: String) -> Result<Outcome<String>, String> {
///     let job: String = match ctx.task()? {
///         Some(job) => job,
///         None => Job::begin(&scene).await?,
///     };
///     if ctx.is_cancelled() {
///         Job::stop(&job).await?;
///         return Ok(Outcome::Complete("Stopped.".into()));
///     }
///     Ok(match Job::result(&job).await? {
///         Some(picture) => Outcome::Complete(picture),
///         None => Outcome::Task(Task::new(job)?.status("Rendering").poll_every(Duration::from_secs(2))),
///     })
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub(crate) state: Value,
    pub(crate) status_message: Option<String>,
    pub(crate) ttl_ms: Option<u32>,
    pub(crate) poll_interval_ms: Option<u32>,
}

impl Task {
    /// A task that is found again by this. It is sealed and kept by the server, and no client sees it.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    pub fn new(state: impl Serialize) -> Result<Self, Unwritable> {
        let state = serde_json::to_value(state).map_err(|error| Unwritable(error.to_string()))?;
        Ok(Self { state, status_message: None, ttl_ms: None, poll_interval_ms: None })
    }

    /// What is being done, in words for a person.
    #[must_use]
    pub fn status(mut self, message: impl Into<String>) -> Self {
        self.status_message = Some(message.into());
        self
    }

    /// For how long, from the beginning, the result will be worth fetching. A day, if this is not said.
    #[must_use]
    pub fn worth_fetching_for(mut self, time: Duration) -> Self {
        self.ttl_ms = Some(milliseconds(time));
        self
    }

    /// How long to wait before asking again. Five seconds, if this is not said.
    #[must_use]
    pub fn poll_every(mut self, time: Duration) -> Self {
        self.poll_interval_ms = Some(milliseconds(time));
        self
    }
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

/// A value that JSON cannot express, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritable(pub(crate) String);

impl std::fmt::Display for Unwritable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "it cannot be written as JSON: {}", self.0)
    }
}

impl std::error::Error for Unwritable {}

impl From<Unwritable> for String {
    fn from(unwritable: Unwritable) -> Self {
        unwritable.to_string()
    }
}

impl ContentBlock {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A picture, of a type such as `image/png`.
    pub fn image(data: impl Into<Vec<u8>>, mime_type: impl Into<String>) -> Self {
        Self::Image(Media { data: data.into(), mime_type: mime_type.into() })
    }

    /// A sound, of a type such as `audio/wav`.
    pub fn audio(data: impl Into<Vec<u8>>, mime_type: impl Into<String>) -> Self {
        Self::Audio(Media { data: data.into(), mime_type: mime_type.into() })
    }
}

/// A result of several pieces of content.
impl FromIterator<ContentBlock> for ToolResult {
    fn from_iter<I: IntoIterator<Item = ContentBlock>>(content: I) -> Self {
        Self { content: content.into_iter().collect(), structured_content: None, is_error: false }
    }
}

/// What the contract makes of how a tool ended, if it is a result.
pub(crate) fn conclude(
    ended: Result<Finished, ToolError>,
    shape: Shape,
) -> Result<Result<ToolResult, Task>, contract::Error> {
    Ok(Ok(match ended {
        Ok(Finished::Task(task)) => return Ok(Err(task)),
        Ok(Finished::Result(result)) => result,
        Ok(Finished::Value(json, content)) => shaped(json, content, shape)?,
        Err(error) => {
            let why = ContentBlock::Text(error.into_contract()?);
            ToolResult { content: vec![why], structured_content: None, is_error: true }
        }
    }))
}

fn shaped(
    json: String,
    content: Option<Vec<ContentBlock>>,
    shape: Shape,
) -> Result<ToolResult, contract::Error> {
    let text = match shape {
        Shape::Nothing => None,
        // What a text is in words is the text itself.
        Shape::Text => Some(match serde_json::from_str(&json) {
            Ok(Value::String(text)) => text,
            _ => return Err(contract::Error::Other("a result is no text, unlike its type".to_owned())),
        }),
        Shape::Object | Shape::Wrapped => Some(json.clone()),
    };
    let structured_content = match shape {
        Shape::Nothing | Shape::Text => None,
        Shape::Object => Some(json),
        Shape::Wrapped => Some(format!("{{\"result\":{json}}}")),
    };
    let content = content.unwrap_or_else(|| text.map(ContentBlock::Text).into_iter().collect());
    Ok(ToolResult { content, structured_content, is_error: false })
}

fn to_json(value: &impl Serialize) -> Result<String, ToolError> {
    json::text(value).map_err(|error| ToolError::Other(error.to_string()))
}
