//! Questions to a client, as it is asked them, and its answers, as a tool gets them.
//!
//! Both eras ask the same things in the same words. The modern one puts them into a result (`inputRequests`) and gets
//! the answers with the next call (`inputResponses`); legacy revisions have a JSON-RPC request for each, and its
//! result is the answer.
//!
//! What a tool asks is checked before it goes out, and what a client answers before it goes in: against what was
//! asked, because answers are a client's to make up ([`answers`]).

mod answers;

pub(crate) use answers::read_responses;

use crate::{
    content::WireContent,
    ports::{Ask, ClientCapabilities, ContentBlock, ElicitForm, ElicitUrl, Question, Role, Sample},
    revision::Revision,
};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value, value::RawValue};

/// The most questions of one outcome (`wit/tools/tools.wit`).
const MAX_QUESTIONS: usize = 16;

/// The longest key of a question, in bytes.
const MAX_KEY: usize = 128;

/// A question, ready to be put.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The key of its answer.
    pub(crate) key: String,
    /// How it is put.
    pub(crate) request: InputRequest,
    /// What answers it.
    pub(crate) expects: Expects,
}

/// A question on the wire. In the legacy era, the method and parameters of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct InputRequest {
    pub(crate) method: String,
    pub(crate) params: Box<RawValue>,
}

/// What the answer to a question has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Expects {
    /// The outcome of a form with this schema.
    Form(String),
    /// The outcome of a page.
    Page,
    /// What a model wrote.
    Sample,
    /// A list of roots.
    Roots,
}

/// Why questions are not put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misasked {
    /// The client does not offer this, which they take.
    MissingCapability(ClientCapabilities),
    /// They break a rule of the interface; which, in words for the operator.
    Malformed(&'static str),
}

/// Makes the questions of one outcome ready. `elicitation_id` is called for each page where the revision gives it an
/// id of its own.
pub(crate) fn ask(
    questions: &[Question],
    client: ClientCapabilities,
    revision: Revision,
    mut elicitation_id: impl FnMut() -> String,
) -> Result<Vec<Asked>, Misasked> {
    if questions.len() > MAX_QUESTIONS {
        return Err(Misasked::Malformed("it asks too much at once"));
    }
    let mut lacking = ClientCapabilities::default();
    for Question { ask, .. } in questions {
        ask.lacks(client, revision, &mut lacking);
    }
    if lacking != ClientCapabilities::default() {
        return Err(Misasked::MissingCapability(lacking));
    }
    let mut asked: Vec<Asked> = Vec::with_capacity(questions.len());
    for Question { key, ask } in questions {
        if key.is_empty() || key.len() > MAX_KEY || asked.iter().any(|earlier| earlier.key == *key) {
            return Err(Misasked::Malformed("the keys of its questions are not unique or of a bad length"));
        }
        let (request, expects) = ask.put(revision, &mut elicitation_id)?;
        asked.push(Asked { key: key.clone(), request, expects });
    }
    Ok(asked)
}

impl Ask {
    /// Adds to `lacking` what the question takes and the client does not offer.
    fn lacks(&self, client: ClientCapabilities, revision: Revision, lacking: &mut ClientCapabilities) {
        match self {
            Self::ElicitForm(_) => lacking.elicit_form |= !client.elicit_form,
            Self::ElicitUrl(_) => lacking.elicit_url |= !(client.elicit_url && revision.elicits_pages()),
            Self::Sample(sample) => {
                lacking.sample |= !client.sample;
                lacking.sample_with_tools |= !client.sample_with_tools && sample.uses_tools();
            }
            Self::ListRoots => lacking.list_roots |= !client.list_roots,
        }
    }

    fn put(
        &self,
        revision: Revision,
        elicitation_id: &mut impl FnMut() -> String,
    ) -> Result<(InputRequest, Expects), Misasked> {
        match self {
            Self::ElicitForm(form) => {
                let requested_schema = form.schema(revision)?;
                let expects = Expects::Form(requested_schema.get().to_owned());
                // Without `mode`, it is a form: so every revision understands it.
                #[derive(Serialize)]
                #[serde(rename_all = "camelCase")]
                struct Params<'a> {
                    message: &'a str,
                    requested_schema: &'a RawValue,
                }
                let params = Params { message: &form.message, requested_schema: &requested_schema };
                Ok((request("elicitation/create", &params)?, expects))
            }
            Self::ElicitUrl(ElicitUrl { message, url }) => {
                #[derive(Serialize)]
                #[serde(rename_all = "camelCase")]
                struct Params<'a> {
                    mode: &'static str,
                    message: &'a str,
                    url: &'a str,
                    #[serde(skip_serializing_if = "Option::is_none")]
                    elicitation_id: Option<String>,
                }
                if !is_good_page(url) {
                    return Err(Misasked::Malformed("the page that it sends people to is not https"));
                }
                let elicitation_id = revision.pages_have_ids().then(elicitation_id);
                let params = Params { mode: "url", message, url, elicitation_id };
                Ok((request("elicitation/create", &params)?, Expects::Page))
            }
            Self::Sample(sample) => {
                Ok((request("sampling/createMessage", &sample.params()?)?, Expects::Sample))
            }
            Self::ListRoots => Ok((request("roots/list", &Map::new())?, Expects::Roots)),
        }
    }
}

fn request(method: &str, params: &impl Serialize) -> Result<InputRequest, Misasked> {
    let params = serde_json::value::to_raw_value(params);
    let params = params.map_err(|_| Misasked::Malformed("its question cannot be written"))?;
    Ok(InputRequest { method: method.to_owned(), params })
}

/// Whether people may be sent there: https, or http on the machine that they sit at, and nobody's name in it
/// (MCP-R-25, MCP-R-26, MP-22).
fn is_good_page(url: &str) -> bool {
    let is_plain =
        url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\'));
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { authority }
    });
    let is_loopback = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    is_plain
        && !host.is_empty()
        && !authority.contains('@')
        && (scheme == "https" || scheme == "http" && is_loopback)
}

impl ElicitForm {
    /// The schema as the revision knows it. Forms are flat (MCP-R-17).
    fn schema(&self, revision: Revision) -> Result<Box<RawValue>, Misasked> {
        const FAULT: Misasked = Misasked::Malformed("the form that it asks for is not flat");
        let raw = RawValue::from_string(self.requested_schema.clone()).map_err(|_| FAULT)?;
        let mut schema: Value = serde_json::from_str(raw.get()).map_err(|_| FAULT)?;
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(FAULT);
        }
        let fields = schema.get_mut("properties").and_then(Value::as_object_mut).ok_or(FAULT)?;
        if !fields.values().all(is_field) {
            return Err(FAULT);
        }
        if revision.forms_have_titled_choices() {
            // As the author wrote it, with the fields in the author's order.
            return Ok(raw);
        }
        for field in fields.values_mut() {
            simplify(field)?;
        }
        serde_json::value::to_raw_value(&schema).map_err(|_| FAULT)
    }
}

/// Whether a schema is one of those that a form may have for a field.
fn is_field(schema: &Value) -> bool {
    let kind = schema.get("type").and_then(Value::as_str);
    match kind {
        Some("string" | "number" | "integer" | "boolean") => {
            ["properties", "items", "$ref"].iter().all(|keyword| schema.get(keyword).is_none())
        }
        Some("array") => {
            let choices =
                |items: &Value| items.get("enum").or(items.get("anyOf")).is_some_and(Value::is_array);
            schema.get("items").is_some_and(choices)
        }
        _ => false,
    }
}

/// A field for revision 2025-06-18, which knows neither titled choices as such, nor several at once, nor defaults
/// but for yes and no (MCP-R-20).
fn simplify(field: &mut Value) -> Result<(), Misasked> {
    let Some(members) = field.as_object_mut() else { return Ok(()) };
    let kind = members.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if kind == "array" {
        return Err(Misasked::Malformed("it offers several choices at once to a client that knows one only"));
    }
    if kind != "boolean" {
        members.remove("default");
    }
    if let Some(Value::Array(choices)) = members.remove("oneOf") {
        let each =
            |name: &str| choices.iter().filter_map(|choice| choice.get(name).cloned()).collect::<Vec<_>>();
        members.insert("enum".to_owned(), each("const").into());
        members.insert("enumNames".to_owned(), each("title").into());
    }
    Ok(())
}

impl Sample {
    fn options(&self) -> Option<Map<String, Value>> {
        self.options.as_deref().map_or_else(|| Some(Map::new()), |text| serde_json::from_str(text).ok())
    }

    fn uses_tools(&self) -> bool {
        let options = self.options().unwrap_or_default();
        options.contains_key("tools") || options.contains_key("toolChoice")
    }

    /// The parameters. The members that the interface has a place of its own for are taken from there, and what needs
    /// a capability that a tool is not told of is left out (MCP-R-33).
    fn params(&self) -> Result<impl Serialize + use<'_>, Misasked> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Params<'a> {
            messages: Vec<Message<'a>>,
            max_tokens: u32,
            #[serde(skip_serializing_if = "Option::is_none")]
            system_prompt: Option<&'a str>,
            #[serde(flatten)]
            options: Map<String, Value>,
        }
        #[derive(Serialize)]
        struct Message<'a> {
            role: Role,
            content: WireContent<'a>,
        }
        let mut options =
            self.options().ok_or(Misasked::Malformed("the options of its sampling are not a JSON object"))?;
        for member in ["messages", "maxTokens", "systemPrompt", "includeContext", "_meta"] {
            options.remove(member);
        }
        let may_be_sampled = |content: &ContentBlock| {
            matches!(content, ContentBlock::Text(_) | ContentBlock::Image(_) | ContentBlock::Audio(_))
        };
        if self.messages.is_empty() || !self.messages.iter().all(|message| may_be_sampled(&message.content)) {
            return Err(Misasked::Malformed(
                "its sampling takes text, pictures and sounds, and at least one",
            ));
        }
        let messages = self
            .messages
            .iter()
            .map(|message| Message { role: message.role, content: WireContent::from(&message.content) });
        Ok(Params {
            messages: messages.collect(),
            max_tokens: self.max_tokens,
            system_prompt: self.system_prompt.as_deref(),
            options,
        })
    }
}

/// Questions as `inputRequests`: by key, in the order in which they were asked.
#[derive(Debug)]
pub(crate) struct InputRequests<'a>(pub(crate) &'a [Asked]);

impl Serialize for InputRequests<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(self.0.len()))?;
        for asked in self.0 {
            members.serialize_entry(&asked.key, &asked.request)?;
        }
        members.end()
    }
}

#[cfg(test)]
mod tests;
