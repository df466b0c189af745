//! The shape of a JSON Schema (2020-12): what its meta-schema says of each keyword.
//!
//! This is not a validator. It finds what a validator would refuse to compile, and what it would silently ignore.

use serde_json::{Map, Value};

/// What may stand at a keyword.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Anything,
    Boolean,
    Text,
    Number,
    Count,
    List,
    Names,
    Types,
    LocalReference,
    Schema,
    Schemas,
    SchemaMap,
    NamesMap,
}

use Kind::{
    Anything, Boolean, Count, List, LocalReference, Names, NamesMap, Number, Schema, SchemaMap, Schemas,
    Text, Types,
};

/// The keywords of JSON Schema. The last ones are OpenAPI's and older drafts', which tools for schemas often write.
const KEYWORDS: [(&str, Kind); 66] = [
    ("$schema", Text),
    ("$id", Text),
    ("$anchor", Text),
    ("$dynamicAnchor", Text),
    ("$comment", Text),
    ("$ref", LocalReference),
    ("$dynamicRef", LocalReference),
    ("$vocabulary", Anything),
    ("$defs", SchemaMap),
    ("title", Text),
    ("description", Text),
    ("default", Anything),
    ("examples", List),
    ("deprecated", Boolean),
    ("readOnly", Boolean),
    ("writeOnly", Boolean),
    ("type", Types),
    ("const", Anything),
    ("enum", List),
    ("multipleOf", Number),
    ("maximum", Number),
    ("minimum", Number),
    ("exclusiveMaximum", Number),
    ("exclusiveMinimum", Number),
    ("maxLength", Count),
    ("minLength", Count),
    ("pattern", Text),
    ("format", Text),
    ("contentEncoding", Text),
    ("contentMediaType", Text),
    ("contentSchema", Schema),
    ("maxItems", Count),
    ("minItems", Count),
    ("uniqueItems", Boolean),
    ("maxContains", Count),
    ("minContains", Count),
    ("contains", Schema),
    ("items", Schema),
    ("prefixItems", Schemas),
    ("unevaluatedItems", Schema),
    ("maxProperties", Count),
    ("minProperties", Count),
    ("required", Names),
    ("dependentRequired", NamesMap),
    ("dependentSchemas", SchemaMap),
    ("properties", SchemaMap),
    ("patternProperties", SchemaMap),
    ("additionalProperties", Schema),
    ("propertyNames", Schema),
    ("unevaluatedProperties", Schema),
    ("allOf", Schemas),
    ("anyOf", Schemas),
    ("oneOf", Schemas),
    ("not", Schema),
    ("if", Schema),
    ("then", Schema),
    ("else", Schema),
    ("definitions", SchemaMap),
    ("dependencies", Anything),
    ("additionalItems", Schema),
    ("enumNames", List),
    ("nullable", Boolean),
    ("example", Anything),
    ("discriminator", Anything),
    ("externalDocs", Anything),
    ("xml", Anything),
];

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// The deepest schema that is looked at. A server accepts none that is deeper.
const MAX_DEPTH: usize = 64;

/// Returns what is wrong with a schema, each with the path to it, such as `numbers.items`.
pub(super) fn faults(schema: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    look(schema, &mut Vec::new(), &mut found);
    found
}

fn look(schema: &Value, path: &mut Vec<String>, found: &mut Vec<(String, String)>) {
    let members = match schema {
        Value::Object(members) => members,
        Value::Bool(_) => return,
        other => {
            found.push((
                path.join("."),
                format!("a schema is an object such as {{\"type\": \"string\"}}, not {other}"),
            ));
            return;
        }
    };
    if path.len() >= MAX_DEPTH {
        found.push((path.join("."), format!("schemas are nested more than {MAX_DEPTH} deep")));
        return;
    }
    for (keyword, value) in members {
        if let Some(wrong) = wrong(keyword, value) {
            found.push((path.join("."), wrong));
            continue;
        }
        let mut within = |step: &str, schema: &Value| {
            path.push(step.to_owned());
            look(schema, path, found);
            path.pop();
        };
        match (kind(keyword), value) {
            (Some(Schema), value) => within(keyword, value),
            (Some(Schemas), Value::Array(schemas)) => {
                schemas.iter().for_each(|schema| within(keyword, schema))
            }
            (Some(SchemaMap), Value::Object(schemas)) => {
                schemas.iter().for_each(|(name, schema)| within(name, schema));
            }
            _ => {}
        }
    }
    if let Some(wrong) = unfit_default(members) {
        found.push((path.join("."), wrong));
    }
}

fn kind(keyword: &str) -> Option<Kind> {
    KEYWORDS.iter().find(|(known, _)| *known == keyword).map(|(_, kind)| *kind)
}

/// What is wrong with the value of a keyword, without looking into schemas in it.
fn wrong(keyword: &str, value: &Value) -> Option<String> {
    let Some(kind) = kind(keyword) else {
        // An annotation of the author's own.
        return (!keyword.starts_with("x-")).then(|| {
            format!("JSON Schema has no keyword `{keyword}`, so it would be ignored. An annotation of your own begins with `x-`")
        });
    };
    let names = |value: &Value| value.as_array().is_some_and(|names| names.iter().all(Value::is_string));
    let is_type = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    let (fits, wanted) = match kind {
        Anything => (true, ""),
        Boolean => (value.is_boolean(), "true or false"),
        Text => (value.is_string(), "a text"),
        Number if keyword == "multipleOf" => {
            (value.as_f64().is_some_and(|number| number > 0.0), "a number above 0")
        }
        Number => (value.is_number(), "a number"),
        Count => (
            value.as_f64().is_some_and(|number| number >= 0.0 && number.fract() == 0.0),
            "a whole number from 0",
        ),
        List => (value.is_array(), "a list"),
        Names => (names(value), "a list of names"),
        Types => (
            is_type(value)
                || value.as_array().is_some_and(|types| !types.is_empty() && types.iter().all(is_type)),
            "one of array, boolean, integer, null, number, object, string, or a list of these",
        ),
        LocalReference => (
            value.as_str().is_some_and(|target| target.starts_with('#')),
            "a reference into this schema, such as \"#/$defs/name\": other documents are never fetched",
        ),
        // A schema that is not one is found where it is looked into.
        Schema => (true, ""),
        Schemas => (
            value.as_array().is_some_and(|schemas| !schemas.is_empty()),
            "a list of schemas that is not empty",
        ),
        SchemaMap => (value.is_object(), "an object with a schema for each name"),
        NamesMap => (
            value.as_object().is_some_and(|map| map.values().all(names)),
            "an object with a list of names for each name",
        ),
    };
    (!fits).then(|| format!("`{keyword}` is {value}, and must be {wanted}"))
}

/// What is wrong with a default, as far as the schema's type and choices tell.
fn unfit_default(schema: &Map<String, Value>) -> Option<String> {
    let default = schema.get("default")?;
    let fits_type = |name: &str| match name {
        "array" => default.is_array(),
        "boolean" => default.is_boolean(),
        "integer" => default.as_f64().is_some_and(|number| number.fract() == 0.0),
        "null" => default.is_null(),
        "number" => default.is_number(),
        "object" => default.is_object(),
        "string" => default.is_string(),
        _ => true,
    };
    let of_type = match schema.get("type") {
        Some(Value::String(name)) => fits_type(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(fits_type),
        _ => true,
    };
    if !of_type {
        let name = schema.get("type").map(Value::to_string).unwrap_or_default();
        return Some(format!("the default {default} does not fit the type {name}"));
    }
    let choices = schema.get("enum").and_then(Value::as_array)?;
    (!choices.contains(default)).then(|| format!("the default {default} is none of the choices"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fault(schema: Value) -> String {
        let found = faults(&schema);
        assert_eq!(found.len(), 1, "{schema}: {found:?}");
        format!("{}: {}", found[0].0, found[0].1)
    }

    #[test]
    fn schemas_as_tools_have_them_pass() {
        for schema in [
            json!({}),
            json!(true),
            json!({ "type": "number", "minimum": 0, "maximum": 1.5, "description": "d", "default": 1 }),
            json!({ "type": ["string", "null"], "enum": ["a", null], "default": null, "x-mcp-header": "Region" }),
            json!({ "type": "array", "items": { "$ref": "#/$defs/a" }, "minItems": 1, "$defs": { "a": {} } }),
            json!({ "anyOf": [{ "type": "null" }, { "type": "object", "additionalProperties": false }] }),
        ] {
            assert_eq!(faults(&schema), [], "{schema}");
        }
    }

    #[test]
    fn each_keyword_has_the_value_that_the_meta_schema_asks_for() {
        assert_eq!(fault(json!({ "minimum": "zero" })), ": `minimum` is \"zero\", and must be a number");
        for schema in [
            json!({ "type": "float" }),
            json!({ "type": [] }),
            json!({ "maxLength": -1 }),
            json!({ "minItems": 0.5 }),
            json!({ "multipleOf": 0 }),
            json!({ "pattern": 1 }),
            json!({ "enum": "a" }),
            json!({ "required": true }),
            json!({ "required": [1] }),
            json!({ "anyOf": [] }),
            json!({ "properties": ["a"] }),
            json!({ "uniqueItems": "yes" }),
            json!({ "$ref": "https://example.com/schema" }),
            json!({ "dependentRequired": { "a": "b" } }),
        ] {
            let keyword = schema.as_object().unwrap().keys().next().unwrap().clone();
            assert!(fault(schema).starts_with(&format!(": `{keyword}` is ")));
        }
    }

    #[test]
    fn a_keyword_that_does_not_exist_is_a_mistake_and_an_annotation_is_not() {
        assert!(fault(json!({ "minimun": 0 })).contains("no keyword `minimun`"));
        assert_eq!(faults(&json!({ "x-unit": "m" })), []);
    }

    #[test]
    fn mistakes_are_found_at_any_depth_and_named_by_their_path() {
        let schema = json!({ "properties": { "a": { "items": { "anyOf": [{ "minimum": null }] } } } });
        assert!(fault(schema).starts_with("a.items.anyOf: `minimum` is null"));
        assert!(fault(json!({ "properties": { "a": "number" } })).starts_with("a: a schema is an object"));
        let deep = (0..100).fold(json!({}), |schema, _| json!({ "not": schema }));
        assert!(fault(deep).contains("more than 64 deep"));
    }

    #[test]
    fn a_default_fits_its_own_schema() {
        assert!(fault(json!({ "type": "integer", "default": "x" })).contains("does not fit the type"));
        assert!(fault(json!({ "enum": ["a", "b"], "default": "c" })).contains("none of the choices"));
        assert_eq!(faults(&json!({ "type": "number", "default": 0 })), []);
    }
}
