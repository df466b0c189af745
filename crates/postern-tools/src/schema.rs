//! JSON Schemas, from types.
//!
//! They are written for a model and for a person who fills in a form, so what only a code generator would miss is left
//! out: `$schema`, and the width of a number.

use crate::json;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// How a value becomes a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Nothing.
    Nothing,
    /// A text, and no structured content.
    Text,
    /// An object: it is the structured content.
    Object,
    /// Something else. MCP has objects only as structured content, so it is the member `result` of one.
    Wrapped,
}

/// What a tool gives: its shape, and the text of its schema if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSchema {
    /// How a value becomes a result.
    pub shape: Shape,
    /// The text of the tool's output schema.
    pub schema: Option<String>,
}

/// The schema of a type, as the type gives it. What is the same for all types is done once, behind this pointer: a
/// component has many types, and ships.
pub(crate) type Schemer = fn(&mut SchemaGenerator) -> Schema;

/// The text of the schema of a tool's arguments.
pub(crate) fn of_arguments(schemer: Schemer) -> String {
    let mut schema = make(schemer, SchemaSettings::default());
    // What a header repeats has one type, or clients hide the tool (MCP 2026-07-28).
    for argument in fields(&mut schema) {
        if argument.get("x-mcp-header").is_some() {
            write_field(argument);
        }
    }
    text(&schema)
}

/// What a value of this type becomes as a result.
pub(crate) fn of_result<T: JsonSchema>() -> OutputSchema {
    shaped(T::json_schema)
}

/// The text of the schema of a form. Forms are flat, and a field that may be left out is not `null`.
pub(crate) fn of_form<T: JsonSchema>() -> String {
    form(T::json_schema)
}

fn form(schemer: Schemer) -> String {
    let mut schema = make(schemer, SchemaSettings::default());
    fields(&mut schema).for_each(write_field);
    text(&schema)
}

fn fields(schema: &mut Value) -> impl Iterator<Item = &mut Value> {
    schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
}

/// A schema has nothing in it that could not be written.
fn text(schema: &Value) -> String {
    json::text(schema).unwrap_or_default()
}

fn make(schemer: Schemer, mut settings: SchemaSettings) -> Value {
    settings.meta_schema = None;
    settings.inline_subschemas = true;
    let mut generator = settings.into_generator();
    let mut schema = Value::from(schemer(&mut generator));
    // Only a type that contains itself is still referred to by name.
    let definitions = generator.take_definitions(false);
    if !definitions.is_empty()
        && let Some(members) = schema.as_object_mut()
    {
        members.insert("$defs".to_owned(), definitions.into());
    }
    tidy(&mut schema);
    schema
}

/// Removes the widths of numbers, of which clients make nothing.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            // Of what may be `null` too, the type is a list.
            let kind = members.get("type").and_then(|kind| kind.get(0).unwrap_or(kind).as_str());
            if matches!(kind, Some("integer" | "number")) {
                members.remove("format");
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn shaped(schemer: Schemer) -> OutputSchema {
    let mut schema = make(schemer, SchemaSettings::default().for_serialize());
    let kind = schema.get("type").and_then(Value::as_str);
    let shape = match kind {
        Some("null") => Shape::Nothing,
        Some("string") => Shape::Text,
        Some("object") => Shape::Object,
        _ => Shape::Wrapped,
    };
    let schema = match shape {
        Shape::Nothing | Shape::Text => None,
        Shape::Object => Some(schema),
        Shape::Wrapped => {
            let definitions = schema.as_object_mut().and_then(|members| members.remove("$defs"));
            let mut wrapped = json!({
                "type": "object",
                "properties": { "result": schema },
                "required": ["result"],
                "additionalProperties": false,
            });
            if let (Some(definitions), Some(members)) = (definitions, wrapped.as_object_mut()) {
                members.insert("$defs".to_owned(), definitions);
            }
            Some(wrapped)
        }
    };
    OutputSchema { shape, schema: schema.as_ref().map(text) }
}

/// Writes a field in the way of forms.
fn write_field(field: &mut Value) {
    let Some(members) = field.as_object_mut() else { return };
    // "This or null" is "this".
    if let Some(Value::Array(kinds)) = members.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = &kinds[..] {
            let kind = kind.clone();
            members.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(choices)) = members.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    for either in ["anyOf", "oneOf"] {
        let Some(Value::Array(choices)) = members.get_mut(either) else { continue };
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(_)] = &choices[..]
            && let Some(Value::Array(mut choices)) = members.remove(either)
            && let Some(Value::Object(only)) = choices.pop()
        {
            merge(members, only);
        }
    }
    name_choices(members, "oneOf");
    if let Some(items) = members.get_mut("items").and_then(Value::as_object_mut) {
        name_choices(items, "anyOf");
        if items.contains_key("anyOf") {
            items.remove("type");
        }
    }
}

/// Writes choices with a description in the way of forms: what schemars takes for a description is the name that the
/// person is shown. Below `keyword`, because forms have one for "one of" and another for "some of".
fn name_choices(members: &mut Map<String, Value>, keyword: &str) {
    let Some(Value::Array(choices)) = members.remove("oneOf") else { return };
    let mut named = Vec::new();
    for mut choice in choices {
        match choice.get_mut("enum").map(Value::take) {
            // Those without a description stand together.
            Some(Value::Array(values)) => {
                named.extend(values.into_iter().map(|value| json!({ "title": value, "const": value })));
            }
            _ => {
                let value = choice.get_mut("const").map(Value::take).unwrap_or_default();
                let title = choice.get_mut("description").map(Value::take);
                named.push(json!({ "title": title.as_ref().unwrap_or(&value), "const": value }));
            }
        }
    }
    members.insert("type".to_owned(), "string".into());
    members.insert(keyword.to_owned(), named.into());
}

fn merge(members: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        members.entry(name).or_insert(value);
    }
}
