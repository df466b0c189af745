//! What a client says that it can be asked for (`ClientCapabilities`), read and written.

use crate::{json, ports::ClientCapabilities, revision::Revision};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json, value::RawValue};

/// The name of the tasks extension.
pub(crate) const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

impl ClientCapabilities {
    /// Reads the object that a client sent. What is not an object in it, and what is unknown, is not offered.
    pub(crate) fn parse(text: &RawValue) -> Self {
        #[derive(Default, Deserialize)]
        struct Wire<'a> {
            #[serde(default, borrow)]
            elicitation: Option<&'a RawValue>,
            #[serde(default, borrow)]
            sampling: Option<&'a RawValue>,
            #[serde(default, borrow)]
            roots: Option<&'a RawValue>,
            #[serde(default, borrow)]
            extensions: Option<&'a RawValue>,
        }
        let wire: Wire<'_> = serde_json::from_str(text.get()).unwrap_or_default();
        let offered = |value: Option<&RawValue>| value.is_some_and(json::is_object);
        // Without either member, forms: so it was before there were pages.
        let elicit_url = has_member(wire.elicitation, "url");
        let elicit_form = offered(wire.elicitation) && (has_member(wire.elicitation, "form") || !elicit_url);
        Self {
            elicit_form,
            elicit_url,
            sample: offered(wire.sampling),
            sample_with_tools: has_member(wire.sampling, "tools"),
            list_roots: offered(wire.roots),
            tasks: has_member(wire.extensions, TASKS_EXTENSION),
        }
    }

    /// What of it there is in a legacy revision, whatever the client says (MCP-R-19, MCP-R-20, MCP-K-26).
    pub(crate) fn in_revision(self, revision: Revision) -> Self {
        Self {
            elicit_form: self.elicit_form && revision.elicits_forms(),
            elicit_url: self.elicit_url && revision.elicits_pages(),
            sample: self.sample,
            sample_with_tools: self.sample_with_tools && revision.samples_with_tools(),
            list_roots: self.list_roots,
            tasks: self.tasks && revision.is_modern(),
        }
    }
}

impl<'de> Deserialize<'de> for ClientCapabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::parse(<&RawValue>::deserialize(deserializer)?))
    }
}

/// Capabilities for a person to read.
pub(crate) fn in_words(capabilities: ClientCapabilities) -> String {
    let named = [
        (capabilities.elicit_form, "elicitation (forms)"),
        (capabilities.elicit_url, "elicitation (pages)"),
        (capabilities.sample, "sampling"),
        (capabilities.sample_with_tools, "sampling with tools"),
        (capabilities.list_roots, "roots"),
        (capabilities.tasks, "tasks"),
    ];
    named.into_iter().filter(|(lacks, _)| *lacks).map(|(_, name)| name).collect::<Vec<_>>().join(", ")
}

/// Whether the object has an object under this name.
fn has_member(object: Option<&RawValue>, name: &str) -> bool {
    let object = object.and_then(|object| serde_json::from_str::<Value>(object.get()).ok());
    object.is_some_and(|object| object.get(name).is_some_and(Value::is_object))
}

impl Serialize for ClientCapabilities {
    /// As an error says which capabilities it takes (2026-07-28, `requiredCapabilities`).
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut wire = serde_json::Map::new();
        let mut elicitation = serde_json::Map::new();
        for (needed, name) in [(self.elicit_form, "form"), (self.elicit_url, "url")] {
            if needed {
                elicitation.insert(name.to_owned(), json!({}));
            }
        }
        if !elicitation.is_empty() {
            wire.insert("elicitation".to_owned(), elicitation.into());
        }
        if self.sample_with_tools {
            wire.insert("sampling".to_owned(), json!({ "tools": {} }));
        } else if self.sample {
            wire.insert("sampling".to_owned(), json!({}));
        }
        if self.list_roots {
            wire.insert("roots".to_owned(), json!({}));
        }
        if self.tasks {
            wire.insert("extensions".to_owned(), json!({ TASKS_EXTENSION: {} }));
        }
        wire.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> String {
        let capabilities = ClientCapabilities::parse(serde_json::from_str(text).unwrap());
        serde_json::to_string(&capabilities).unwrap()
    }

    /// MCP 2026-07-28, elicitation: `{}` means forms.
    #[test]
    fn capabilities_are_read_and_written() {
        for (sent, understood) in [
            ("{}", "{}"),
            (r#"{"elicitation":{}}"#, r#"{"elicitation":{"form":{}}}"#),
            (r#"{"elicitation":{"url":{}}}"#, r#"{"elicitation":{"url":{}}}"#),
            (r#"{"elicitation":{"form":{},"url":{}}}"#, r#"{"elicitation":{"form":{},"url":{}}}"#),
            (r#"{"sampling":{},"roots":{"listChanged":true}}"#, r#"{"roots":{},"sampling":{}}"#),
            (r#"{"sampling":{"tools":{}}}"#, r#"{"sampling":{"tools":{}}}"#),
            (
                r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#,
                r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#,
            ),
            (r#"{"sampling":null,"roots":true,"elicitation":"yes"}"#, "{}"),
        ] {
            assert_eq!(parse(sent), understood, "{sent}");
        }
    }
}
