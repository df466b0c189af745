//! Schemas that say nothing but the types of an object's members, as most tools' do.
//!
//! To compile any schema, `boon` first compiles that of its dialect: three milliseconds, in every new instance. For these
//! the answer "it fits" takes no compiler. It is the only answer that is given here: whatever is not certain, be it of the
//! schema or of the instance, is `boon`'s to judge and to put into words.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Keywords that say nothing about what fits, by what they have to be.
const TEXTS: [&str; 2] = ["title", "description"];

/// The dialect that is meant when none is named.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What an object has to be like.
#[derive(Debug)]
pub(crate) struct PlainSchema {
    members: BTreeMap<String, Type>,
    required: Vec<String>,
    /// Whether it may have other members.
    is_open: bool,
}

#[derive(Debug, Clone, Copy)]
enum Type {
    Any,
    Boolean,
    Integer,
    Null,
    Number,
    Text,
}

impl PlainSchema {
    /// Reads a schema, if it is such a one.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let Value::Object(mut schema) = serde_json::from_str(text).ok()? else { return None };
        drop_texts(&mut schema)?;
        let kind = schema.remove("type")?;
        let dialect = schema.remove("$schema");
        if kind != "object" || dialect.is_some_and(|dialect| dialect != DIALECT) {
            return None;
        }
        let mut plain = Self { members: BTreeMap::new(), required: Vec::new(), is_open: true };
        for (keyword, value) in schema {
            match (keyword.as_str(), value) {
                ("properties", Value::Object(members)) => {
                    for (name, member) in members {
                        plain.members.insert(name, Type::read(member)?);
                    }
                }
                ("required", Value::Array(names)) => {
                    for name in names {
                        let Value::String(name) = name else { return None };
                        plain.required.push(name);
                    }
                    let different: BTreeSet<&String> = plain.required.iter().collect();
                    if different.len() < plain.required.len() {
                        return None;
                    }
                }
                ("additionalProperties", Value::Bool(is_open)) => plain.is_open = is_open,
                _ => return None,
            }
        }
        Some(plain)
    }

    /// Whether it is certain that the instance fits.
    pub(crate) fn is_met_by(&self, instance: &Value) -> bool {
        let Value::Object(instance) = instance else { return false };
        self.required.iter().all(|name| instance.contains_key(name))
            && instance.iter().all(|(name, value)| match self.members.get(name) {
                Some(kind) => kind.is_of(value),
                None => self.is_open,
            })
    }
}

impl Type {
    fn read(member: Value) -> Option<Self> {
        let Value::Object(mut member) = member else { return None };
        drop_texts(&mut member)?;
        // Any value can be a default, and only `mirrored_headers` cares for the other.
        member.remove("default");
        member.remove("x-mcp-header");
        let Some(kind) = member.remove("type") else { return member.is_empty().then_some(Self::Any) };
        if !member.is_empty() {
            return None;
        }
        match kind.as_str()? {
            "boolean" => Some(Self::Boolean),
            "integer" => Some(Self::Integer),
            "null" => Some(Self::Null),
            "number" => Some(Self::Number),
            "string" => Some(Self::Text),
            _ => None,
        }
    }

    fn is_of(self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Boolean => value.is_boolean(),
            // 1.0 is one too, which is left to who knows.
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Null => value.is_null(),
            Self::Number => value.is_number(),
            Self::Text => value.is_string(),
        }
    }
}

/// Takes what is text for people out of a schema. `None` if it is something else.
fn drop_texts(schema: &mut Map<String, Value>) -> Option<()> {
    let mut texts = TEXTS.iter().filter_map(|name| schema.remove(*name));
    texts.all(|text| text.is_string()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    const SCHEMAS: [&str; 14] = [
        r#"{"type":"object"}"#,
        r#"{"type":"object","title":"T","description":"D","properties":{}}"#,
        r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false}"#,
        r#"{"type":"object","properties":{"a":{"type":"number"},"b":{"type":"integer","default":"x"}}}"#,
        r#"{"type":"object","properties":{"a":{"type":"string"},"b":{}},"required":["a"]}"#,
        r#"{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a","b"],"additionalProperties":true}"#,
        r#"{"type":"object","properties":{"a":{"type":"null"}},"additionalProperties":false}"#,
        // These are not so plain, or not good.
        r#"{"type":"object","properties":{"a":{"type":"number","minimum":2}}}"#,
        r#"{"type":"object","required":["a","a"]}"#,
        r#"{"type":"object","properties":{"a":{"type":["number","null"]}}}"#,
        r#"{"type":"object","properties":{"a":{"type":"number","title":7}}}"#,
        r#"{"type":"object","properties":{"a":false}}"#,
        r#"{"type":"object","additionalProperties":{"type":"string"}}"#,
        r#"{"type":"object","minProperties":1}"#,
    ];

    const INSTANCES: [&str; 13] = [
        "{}",
        r#"{"a":1}"#,
        r#"{"a":1.0,"b":2.0}"#,
        r#"{"a":1.5,"b":2}"#,
        r#"{"a":"text"}"#,
        r#"{"a":null}"#,
        r#"{"a":true,"b":null}"#,
        r#"{"a":[1],"b":18446744073709551615}"#,
        r#"{"b":1e300}"#,
        r#"{"c":1}"#,
        r#"{"a":1,"a":"twice"}"#,
        "[]",
        "7",
    ];

    /// TL-01.
    #[test]
    fn what_is_certain_here_is_so_for_the_validator() {
        let mut certain = 0;
        for text in SCHEMAS {
            let Some(plain) = PlainSchema::read(text) else { continue };
            for instance in INSTANCES {
                if plain.is_met_by(&serde_json::from_str(instance).unwrap()) {
                    certain += 1;
                    assert_eq!(schema::check(text, instance), Ok(()), "{text} {instance}");
                }
            }
        }
        assert!(certain > 20, "{certain}");
    }

    #[test]
    fn what_says_more_is_not_plain() {
        let is_plain = SCHEMAS.map(|text| PlainSchema::read(text).is_some());
        assert_eq!(is_plain, std::array::from_fn(|index| index < 7));
        assert!(
            PlainSchema::read(r#"{"type":"object","$schema":"http://json-schema.org/draft-07/schema#"}"#)
                .is_none()
        );
        assert!(PlainSchema::read("{}").is_none());
        assert!(PlainSchema::read("true").is_none());
    }
}
