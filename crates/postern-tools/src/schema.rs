//! JSON Schemas, from types.
//!
//! They are written for a model and for a person who fills in a form, so what only a code generator would miss is left
//! out: `$schema`, the name of the Rust type, and the width of a number.

use schemars::{JsonSchema, generate::SchemaSettings};
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

/// The text of the schema of a tool's arguments.
pub(crate) fn of_arguments<T: JsonSchema>() -> String {
    let mut schema = of::<T>(SchemaSettings::default());
    if let Some(members) = schema.as_object_mut() {
        members.entry("type").or_insert_with(|| "object".into());
    }
    schema.to_string()
}

/// What a value of this type becomes as a result.
pub(crate) fn of_result<T: JsonSchema>() -> OutputSchema {
    shaped(of::<T>(SchemaSettings::default().for_serialize()))
}

/// The text of the schema of a form. Forms are flat, and a field that may be left out is not `null`.
pub(crate) fn of_form<T: JsonSchema>() -> String {
    let mut schema = of::<T>(SchemaSettings::default());
    if let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        fields.values_mut().for_each(never_null);
    }
    schema.to_string()
}

fn of<T: JsonSchema>(settings: SchemaSettings) -> Value {
    let settings = settings.with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut schema = Value::from(settings.into_generator().into_root_schema_for::<T>());
    if let Some(members) = schema.as_object_mut() {
        members.remove("title");
    }
    tidy(&mut schema);
    schema
}

/// Removes the widths of numbers, of which clients make nothing.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let is_width = |format: &str| {
                matches!(format, "float" | "double")
                    || format.trim_start_matches('u').strip_prefix("int").is_some()
            };
            if members.get("format").and_then(Value::as_str).is_some_and(is_width) {
                members.remove("format");
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn shaped(mut schema: Value) -> OutputSchema {
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
            // Only a type that contains itself is still referred to by name.
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
    OutputSchema { shape, schema: schema.map(|schema| schema.to_string()) }
}

/// Turns "this or null" into "this".
fn never_null(field: &mut Value) {
    let Some(members) = field.as_object_mut() else { return };
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
    // Named choices are strings, and a client looks for that in the field itself.
    if members.contains_key("oneOf") && !members.contains_key("type") {
        members.insert("type".to_owned(), "string".into());
    }
}

fn merge(members: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        members.entry(name).or_insert(value);
    }
}
