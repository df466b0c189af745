//! What a tools component in Python or JavaScript declares, and the mistakes in it that Rust's compiler would refuse.
//!
//! A mistake that is not found here shows only when the server runs: a tool that no caller may call, that clients hide,
//! or that a model never chooses because nothing says what it does.

use super::{LanguageWords, schema};
use serde_json::Value;
use std::collections::BTreeSet;

/// Where something is declared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Relative to the component's folder, where it is in there.
    pub(super) file: String,
    /// From 1.
    pub(super) line: u32,
}

/// What a component declares, as the language's own program reports it.
#[derive(Debug)]
pub(super) struct Declarations {
    pub(super) tools: Vec<Tool>,
    pub(super) scopes: Vec<Scope>,
}

/// A tool. Members may have any value, because these languages check no types.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) name: Value,
    pub(super) title: Value,
    pub(super) description: Value,
    pub(super) input_schema: Value,
    pub(super) output_schema: Value,
    pub(super) annotations: Value,
    pub(super) scopes: Value,
    /// Regular expressions in the schemas that the language's engine cannot read, and why.
    pub(super) bad_patterns: Vec<(String, String)>,
    pub(super) place: Option<Place>,
}

/// A scope.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) name: Value,
    pub(super) description: Value,
    pub(super) initial: Value,
    pub(super) place: Option<Place>,
}

/// One thing to mend.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mistake {
    pub(super) place: Option<Place>,
    pub(super) what: String,
}

/// The longest schema that a server uses, in bytes.
const MAX_SCHEMA: usize = 64 * 1024;

const BAD_NAME: &str = "a tool's name is 1 to 64 of A-Z a-z 0-9 _ - .";
const BAD_SCOPE: &str = "a scope is printable ASCII without space, `\"` and `\\`";

impl Place {
    /// Reads `{"file": …, "line": …}`.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let line = value.get("line").and_then(Value::as_u64).and_then(|line| u32::try_from(line).ok())?;
        Some(Self { file: value.get("file")?.as_str()?.to_owned(), line })
    }
}

impl Declarations {
    /// Reads what the language's own program reports.
    pub(super) fn read(report: &Value) -> Option<Self> {
        let list = |name: &str| report.get(name).and_then(Value::as_array);
        let tools = list("tools")?.iter().map(Tool::read).collect();
        Some(Self { tools, scopes: list("scopes")?.iter().map(Scope::read).collect() })
    }

    /// Returns every mistake, in the order of the places.
    pub(super) fn mistakes(&self, words: &LanguageWords) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let mut known = BTreeSet::new();
        for scope in &self.scopes {
            let mut add = |what: String| mistakes.push(Mistake { place: scope.place.clone(), what });
            match scope.name.as_str() {
                Some(name) if is_scope_token(name) => {
                    if !known.insert(name) {
                        add(format!("the scope `{name}` is declared twice"));
                    }
                    if is_blank(&scope.description) {
                        add(format!(
                            "the scope `{name}` has no description. The person who is asked reads it: write what the \
                             scope allows, as in scope(\"{name}\", \"Do arithmetic\")"
                        ));
                    }
                    if !scope.initial.is_boolean() {
                        add(format!(
                            "`initial` of the scope `{name}` is {}, and must be true or false",
                            scope.initial
                        ));
                    }
                }
                _ => add(format!("{} is no name of a scope: {BAD_SCOPE}", scope.name)),
            }
        }
        let mut names = BTreeSet::new();
        for tool in &self.tools {
            let mut whats = tool.mistakes(&known, words);
            if let Some(name) = tool.name.as_str()
                && !names.insert(name)
            {
                whats.push(format!("two tools have the name `{name}`"));
            }
            mistakes.extend(whats.into_iter().map(|what| Mistake { place: tool.place.clone(), what }));
        }
        mistakes.sort();
        mistakes
    }
}

impl Scope {
    fn read(value: &Value) -> Self {
        let member = |name: &str| value.get(name).cloned().unwrap_or_default();
        Self {
            name: member("name"),
            description: member("description"),
            initial: member("initial"),
            place: Place::read(&member("place")),
        }
    }
}

impl Tool {
    fn read(value: &Value) -> Self {
        let member = |name: &str| value.get(name).cloned().unwrap_or_default();
        let pair = |pair: &Value| {
            let text = |index: usize| pair.get(index).and_then(Value::as_str).unwrap_or_default().to_owned();
            (text(0), text(1))
        };
        Self {
            name: member("name"),
            title: member("title"),
            description: member("description"),
            input_schema: member("input_schema"),
            output_schema: member("output_schema"),
            annotations: member("annotations"),
            scopes: member("scopes"),
            bad_patterns: member("bad_patterns").as_array().into_iter().flatten().map(pair).collect(),
            place: Place::read(&member("place")),
        }
    }

    fn mistakes(&self, known: &BTreeSet<&str>, words: &LanguageWords) -> Vec<String> {
        let mut found = Vec::new();
        let name = match self.name.as_str().filter(|name| is_tool_name(name)) {
            Some(name) => format!("the tool `{name}`"),
            None => {
                found.push(format!("{} is no name of a tool: {BAD_NAME}", self.name));
                format!("the tool {}", self.name)
            }
        };
        if is_blank(&self.description) {
            found.push(format!(
                "{name} has no {}. A model reads it to decide whether to call the tool: {}",
                words.description, words.description_advice
            ));
        }
        if !self.title.is_null() && is_blank(&self.title) {
            found.push(format!("{name} has the title {}; write a text, or leave the title out", self.title));
        }
        self.scope_mistakes(&name, known, &mut found);
        for (hint, value) in self.annotations.as_object().into_iter().flatten() {
            if !(value.is_null() || value.is_boolean()) {
                found.push(format!("{name}: `{hint}` is {value}, and must be {}", words.booleans));
            }
        }
        let mut of_schema = |which: &str, text: &Value| {
            for (path, what) in schema_faults(text) {
                let at = if path.is_empty() { which.to_owned() } else { format!("{which} `{path}`") };
                found.push(format!("{name}, {at}: {what}"));
            }
        };
        of_schema("argument", &self.input_schema);
        if !self.output_schema.is_null() {
            of_schema("result", &self.output_schema);
        }
        header_faults(&self.input_schema, &name, &mut found);
        for (pattern, why) in &self.bad_patterns {
            found.push(format!("{name}: the pattern {pattern:?} is no regular expression: {why}"));
        }
        found
    }

    fn scope_mistakes(&self, name: &str, known: &BTreeSet<&str>, found: &mut Vec<String>) {
        let Some(scopes) = self.scopes.as_array() else {
            found.push(format!(
                "{name}: `scopes` is {}, and must be a list of scopes, as in [\"math:basic\"]",
                self.scopes
            ));
            return;
        };
        for scope in scopes {
            match scope.as_str() {
                Some(scope) if known.contains(scope) => {}
                Some(scope) if is_scope_token(scope) => {
                    let declared = match known.len() {
                        0 => "No scope is declared".to_owned(),
                        _ => format!("Declared: {}", known.iter().copied().collect::<Vec<_>>().join(", ")),
                    };
                    found.push(format!(
                        "{name} needs the scope `{scope}`, which is not declared, so no caller could ever have it. \
                         {declared}. Correct the name, or write scope(\"{scope}\", \"What it allows\") above the tool"
                    ));
                }
                _ => found.push(format!("{name} needs the scope {scope}: {BAD_SCOPE}")),
            }
        }
    }
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_none_or(|text| text.trim().is_empty())
}

fn is_tool_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

/// RFC 6749 section 3.3.
fn is_scope_token(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    !name.is_empty() && name.bytes().all(allowed)
}

/// What is wrong with a schema that is given as text.
fn schema_faults(text: &Value) -> Vec<(String, String)> {
    let one = |what: &str| vec![(String::new(), what.to_owned())];
    let Some(text) = text.as_str() else { return one("the schema is not the text of a JSON object") };
    if text.len() > MAX_SCHEMA {
        return one("the schema is longer than 64 KiB, and servers do not use such schemas");
    }
    // Python writes NaN and Infinity, which JSON does not have.
    let Ok(schema) = serde_json::from_str::<Value>(text) else { return one("the schema is not JSON") };
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return one("the schema is not of the type object");
    }
    schema::faults(&schema)
}

/// Headers that repeat an argument: a client that keeps the rules hides a tool that breaks them (MCP 2026-07-28).
fn header_faults(schema: &Value, name: &str, found: &mut Vec<String>) {
    let schema =
        schema.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()).unwrap_or_default();
    let mut headers = BTreeSet::new();
    for (argument, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let Some(header) = schema.get("x-mcp-header") else { continue };
        let at = format!("{name}, argument `{argument}`");
        let text = header.as_str().filter(|text| !text.is_empty() && text.bytes().all(is_header_byte));
        match text {
            None => found.push(format!("{at}: {header} is no name of an HTTP header")),
            Some(text) if !headers.insert(text.to_ascii_lowercase()) => {
                found.push(format!("{at}: two arguments have the header `{text}`"));
            }
            Some(_) => {}
        }
        if !matches!(schema.get("type").and_then(Value::as_str), Some("string" | "integer" | "boolean")) {
            found.push(format!("{at}: a header is for a text, an integer or a boolean"));
        }
    }
}

/// RFC 9110 section 5.6.2.
fn is_header_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::PYTHON_WORDS;
    use serde_json::json;

    /// A component with a tool that differs from a good one in these members.
    fn with(members: Value) -> Declarations {
        let mut tool = json!({
            "name": "add",
            "title": null,
            "description": "Adds.",
            "input_schema": r#"{"type":"object","properties":{"a":{"type":"number"}}}"#,
            "output_schema": null,
            "annotations": { "read_only": true, "destructive": null },
            "scopes": ["math:basic"],
            "place": { "file": "app.py", "line": 7 },
        });
        for (name, value) in members.as_object().unwrap() {
            tool[name] = value.clone();
        }
        let scope = json!({ "name": "math:basic", "description": "Do arithmetic", "initial": true });
        Declarations::read(&json!({ "tools": [tool], "scopes": [scope] })).unwrap()
    }

    fn mistake(members: Value) -> String {
        let mistakes = with(members.clone()).mistakes(&PYTHON_WORDS);
        assert_eq!(mistakes.len(), 1, "{members}: {mistakes:?}");
        assert_eq!(mistakes[0].place, Some(Place { file: "app.py".to_owned(), line: 7 }));
        mistakes[0].what.clone()
    }

    #[test]
    fn a_good_tool_has_no_mistakes() {
        assert_eq!(with(json!({})).mistakes(&PYTHON_WORDS), []);
        assert_eq!(with(json!({ "scopes": [] })).mistakes(&PYTHON_WORDS), []);
    }

    #[test]
    fn a_scope_that_is_not_declared_is_refused() {
        let what = mistake(json!({ "scopes": ["math:basics"] }));
        assert!(what.contains("needs the scope `math:basics`, which is not declared"), "{what}");
        assert!(what.contains("Declared: math:basic.") && what.contains("scope(\"math:basics\""), "{what}");
        let what = mistake(json!({ "scopes": "math:basic" }));
        assert!(what.contains("must be a list of scopes"), "{what}");
        assert!(mistake(json!({ "scopes": ["a b"] })).contains("printable ASCII"));
        assert!(mistake(json!({ "scopes": [1] })).contains("printable ASCII"));
    }

    #[test]
    fn a_tool_without_a_description_is_refused() {
        for description in [json!(""), json!(" \n"), json!(null), json!(1)] {
            assert!(mistake(json!({ "description": description })).contains("has no docstring"));
        }
    }

    #[test]
    fn names_titles_and_hints_are_what_they_can_be() {
        for name in [json!("a b"), json!(""), json!("\u{e4}"), json!("a".repeat(65)), json!(null)] {
            assert!(mistake(json!({ "name": name })).contains("is no name of a tool"));
        }
        assert!(mistake(json!({ "title": "" })).contains("leave the title out"));
        let what = mistake(json!({ "annotations": { "read_only": "yes" } }));
        assert!(what.contains("`read_only` is \"yes\", and must be True or False"), "{what}");
    }

    #[test]
    fn a_schema_that_is_none_is_refused_with_the_argument_s_name() {
        let schema = r#"{"type":"object","properties":{"n":{"type":"number","minimum":"zero"}}}"#;
        let what = mistake(json!({ "input_schema": schema }));
        assert_eq!(what, "the tool `add`, argument `n`: `minimum` is \"zero\", and must be a number");
        let what = mistake(json!({ "output_schema": schema }));
        assert!(what.contains("result `n`: `minimum`"), "{what}");
        for schema in
            [json!("{"), json!("[]"), json!(r#"{"type":"string"}"#), json!(r#"{"a":NaN}"#), json!(null)]
        {
            assert!(mistake(json!({ "input_schema": schema })).contains("argument: the schema is not"));
        }
        let long = format!(r#"{{"type":"object","description":"{}"}}"#, "x".repeat(MAX_SCHEMA));
        assert!(mistake(json!({ "input_schema": long })).contains("longer than 64 KiB"));
        assert!(
            mistake(json!({ "bad_patterns": [["(", "it does not end"]] })).contains("no regular expression")
        );
    }

    /// MCP-T-27.
    #[test]
    fn headers_that_clients_would_not_send_are_refused() {
        let of = |properties: Value| {
            mistake(
                json!({ "input_schema": json!({ "type": "object", "properties": properties }).to_string() }),
            )
        };
        assert!(
            of(json!({ "a": { "type": "string", "x-mcp-header": "a b" } }))
                .contains("no name of an HTTP header")
        );
        assert!(of(json!({ "a": { "type": "number", "x-mcp-header": "A" } })).contains("is for a text"));
        let twice = json!({
            "a": { "type": "string", "x-mcp-header": "Region" },
            "b": { "type": "string", "x-mcp-header": "region" },
        });
        assert!(of(twice).contains("two arguments have the header"));
    }

    #[test]
    fn scopes_are_described_for_the_person_who_is_asked() {
        let scopes = |scopes: Value| {
            let declared = Declarations::read(&json!({ "tools": [], "scopes": scopes })).unwrap();
            declared
                .mistakes(&PYTHON_WORDS)
                .into_iter()
                .map(|mistake| mistake.what)
                .collect::<Vec<_>>()
                .join("\n")
        };
        let good = json!({ "name": "a", "description": "Do", "initial": false });
        assert_eq!(scopes(json!([good])), "");
        assert!(scopes(json!([good, good])).contains("declared twice"));
        for (member, value, complaint) in [
            ("name", json!("a b"), "is no name of a scope"),
            ("name", json!(""), "is no name of a scope"),
            ("description", json!(" "), "has no description"),
            ("initial", json!("yes"), "must be true or false"),
        ] {
            let mut bad = good.clone();
            bad[member] = value;
            let found = scopes(json!([bad]));
            assert!(found.contains(complaint), "{found}");
        }
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let declared = with(json!({ "description": "", "scopes": ["x"], "title": "" }));
        assert_eq!(declared.mistakes(&PYTHON_WORDS).len(), 3);
    }
}
