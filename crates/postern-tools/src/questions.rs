//! Questions to the client, as calls that return the answer. How that comes about: [`Context`].

use crate::{
    Context,
    carried::KeptAnswer,
    context::needed,
    contract::{Ask, ContentBlock, ElicitForm, ElicitUrl, Role, Root, Sample, SamplingMessage},
    decode,
    error::Unanswered,
    json, schema,
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

impl Context {
    /// Has the person fill in a form, and gives what they filled in.
    ///
    /// The form's fields are those of `F`: texts, numbers, `bool`s, and enums of names, each with its doc comment; those
    /// in an `Option` may be left out. Never ask for passwords, keys or payment data like this: that is what
    /// [`visit`](Self::visit) is for. `key` names the question, and no other of this call.
    ///
    /// ```
    /// use postern_tools::{Context, Unanswered, testing, tool};
    /// use serde_json::json;
    ///
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct Table {
    ///     /// How many people come
    ///     #[schemars(range(min = 1, max = 12))]
    ///     people: u8,
    ///     outside: Option<bool>,
    /// }
    ///
    /// /// Books a table.
    /// #[tool(title = "Book a table")]
    /// async fn book(ctx: &Context, day: String) -> Result<String, Unanswered> {
    ///     let table: Table = ctx.elicit("table", "For how many?").await?;
    ///     Ok(format!("A table for {} on {day}.", table.people))
    /// }
    ///
    /// let call = testing::call::<book>(json!({ "day": "Friday" }));
    /// let booked = call.clone().answer("table", testing::accept(json!({ "people": 4 }))).run();
    /// assert_eq!(booked.text(), "A table for 4 on Friday.");
    /// let refused = call.answer("table", testing::decline()).run();
    /// assert!(refused.is_error());
    /// ```
    ///
    /// # Errors
    ///
    /// When the person declines, or the client sends something else than was asked for.
    pub async fn elicit<F: DeserializeOwned + JsonSchema>(
        &self,
        key: &str,
        message: impl Into<String>,
    ) -> Result<F, Unanswered> {
        let ask = || {
            Ask::ElicitForm(ElicitForm { message: message.into(), requested_schema: schema::of_form::<F>() })
        };
        let needed = needed(|needed| needed.elicit_form = true);
        let content = accepted(self.ask(key, needed, ask, is_elicited).await)?;
        decode::from_text(content.as_deref().unwrap_or("{}"))
            .map_err(|misfit| Unanswered::Unusable(misfit.to_string()))
    }

    /// Sends the person to a page, for what must not pass through the client. The address is https and has nothing
    /// secret in it. That this returns means that the person went there, not that anything was done there.
    ///
    /// # Errors
    ///
    /// When the person does not want to.
    pub async fn visit(
        &self,
        key: &str,
        message: impl Into<String>,
        url: impl Into<String>,
    ) -> Result<(), Unanswered> {
        let ask = || Ask::ElicitUrl(ElicitUrl { message: message.into(), url: url.into() });
        let needed = needed(|needed| needed.elicit_url = true);
        accepted(self.ask(key, needed, ask, is_elicited).await).map(|_| ())
    }

    /// Has the client's model write something.
    ///
    /// ```
    /// use postern_tools::{Context, Sampling, Unanswered, tool};
    ///
    /// /// Sums a text up.
    /// #[tool(title = "Sum up")]
    /// async fn sum_up(ctx: &Context, text: String) -> Result<String, Unanswered> {
    ///     let prompt = Sampling::new(format!("Sum this up in a sentence:\n\n{text}")).max_tokens(200);
    ///     Ok(ctx.sample("summary", prompt).await?.text())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When the client sends something else than was asked for.
    pub async fn sample(&self, key: &str, sampling: Sampling) -> Result<Sampled, Unanswered> {
        let uses_tools =
            sampling.options.contains_key("tools") || sampling.options.contains_key("toolChoice");
        let needed = needed(|needed| {
            needed.sample = true;
            needed.sample_with_tools = uses_tools;
        });
        let answer = self.ask(
            key,
            needed,
            || Ask::Sample(sampling.into_contract()),
            |answer| matches!(answer, KeptAnswer::Sampled(_)),
        );
        let KeptAnswer::Sampled(result) = answer.await else {
            return Err(Unanswered::Unusable("it is no message".to_owned()));
        };
        read(&result).map(Sampled)
    }

    /// Which places the client works in. For guidance: it grants nothing.
    pub async fn roots(&self, key: &str) -> Vec<Root> {
        let needed = needed(|needed| needed.list_roots = true);
        let answer =
            self.ask(key, needed, || Ask::ListRoots, |answer| matches!(answer, KeptAnswer::Roots(_)));
        let KeptAnswer::Roots(roots) = answer.await else { return Vec::new() };
        roots.into_iter().map(|(uri, name)| Root { uri, name }).collect()
    }
}

fn read(text: &str) -> Result<Value, Unanswered> {
    serde_json::from_str(text).map_err(|error| Unanswered::Unusable(error.to_string()))
}

fn is_elicited(answer: &KeptAnswer) -> bool {
    matches!(answer, KeptAnswer::Accepted(_) | KeptAnswer::Declined | KeptAnswer::Cancelled)
}

fn accepted(answer: KeptAnswer) -> Result<Option<String>, Unanswered> {
    match answer {
        KeptAnswer::Accepted(content) => Ok(content),
        KeptAnswer::Declined => Err(Unanswered::Declined),
        KeptAnswer::Cancelled => Err(Unanswered::Cancelled),
        KeptAnswer::Sampled(_) | KeptAnswer::Roots(_) => {
            Err(Unanswered::Unusable("it is no answer of a person".to_owned()))
        }
    }
}

/// Something for the client's model to write.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    messages: Vec<SamplingMessage>,
    max_tokens: u32,
    system_prompt: Option<String>,
    options: Map<String, Value>,
}

impl Sampling {
    /// The answer to this, of at most 1000 tokens.
    pub fn new(prompt: impl Into<String>) -> Self {
        let empty = Self { messages: Vec::new(), max_tokens: 1000, system_prompt: None, options: Map::new() };
        empty.message(Role::User, ContentBlock::Text(prompt.into()))
    }

    /// One more message of the conversation: a text, a picture or a sound.
    #[must_use]
    pub fn message(mut self, role: Role, content: ContentBlock) -> Self {
        self.messages.push(SamplingMessage { role, content });
        self
    }

    /// At most so many tokens.
    #[must_use]
    pub fn max_tokens(mut self, max_tokens: u32) -> Self {
        self.max_tokens = max_tokens;
        self
    }

    /// The system prompt.
    #[must_use]
    pub fn system_prompt(mut self, prompt: impl Into<String>) -> Self {
        self.system_prompt = Some(prompt.into());
        self
    }

    /// A further member of `sampling/createMessage`, such as `temperature`, `modelPreferences` or `tools`. One that
    /// cannot be written as JSON is left out.
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.options.insert(name.into(), value);
        }
        self
    }

    fn into_contract(self) -> Sample {
        let options =
            (!self.options.is_empty()).then(|| json::text(&Value::Object(self.options)).unwrap_or_default());
        let Self { messages, max_tokens, system_prompt, .. } = self;
        Sample { messages, max_tokens, system_prompt, options }
    }
}

/// What the client's model wrote: the result of `sampling/createMessage`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled(Value);

impl Sampled {
    /// The text of it; empty if it has none.
    #[must_use]
    pub fn text(&self) -> String {
        let block = |block: &Value| block.get("text").and_then(Value::as_str).map(str::to_owned);
        match self.0.get("content") {
            Some(Value::Array(blocks)) => blocks.iter().filter_map(block).collect(),
            Some(content) => block(content).unwrap_or_default(),
            None => String::new(),
        }
    }

    /// All of it, with `model` and `stopReason`.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }
}
