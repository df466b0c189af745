//! Schemas that say nothing but the types of an object's members and the bounds of numbers, as most tools' do.
//!
//! To compile any schema, `boon` first compiles that of its dialect: three milliseconds, in every new instance. For these
//! the answer "it fits" takes no compiler. It is the only answer that is given here: whatever is not certain, be it of the
//! schema or of the instance, is `boon`'s to judge and to put into words.

use serde_json::{Map, Number, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Keywords that say nothing about what fits, by what they have to be.
const TEXTS: [&str; 2] = ["title", "description"];

/// The dialect that is meant when none is named.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What an object has to be like.
#[derive(Debug)]
pub(crate) struct PlainSchema {
    members: BTreeMap<String, Member>,
    required: Vec<String>,
    /// Whether it may have other members.
    is_open: bool,
}

/// What a member has to be like.
#[derive(Debug)]
struct Member {
    /// One of these. None: anything.
    types: Vec<Type>,
    /// If it is a number.
    minimum: Option<f64>,
    maximum: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
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
                        plain.members.insert(name, Member::read(member)?);
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
                Some(member) => member.is_met_by(value),
                None => self.is_open,
            })
    }
}

impl Member {
    fn read(member: Value) -> Option<Self> {
        let Value::Object(mut member) = member else { return None };
        drop_texts(&mut member)?;
        // Any value can be a default, and only `mirrored_headers` cares for the other.
        member.remove("default");
        member.remove("x-mcp-header");
        let types = match member.remove("type") {
            None => Vec::new(),
            Some(Value::Array(names)) if !names.is_empty() => {
                names.iter().map(Type::read).collect::<Option<_>>()?
            }
            Some(name) => vec![Type::read(&name)?],
        };
        let mut bound = |keyword| match member.remove(keyword) {
            None => Some(None),
            Some(Value::Number(bound)) => exact(&bound).map(Some),
            Some(_) => None,
        };
        let (minimum, maximum) = (bound("minimum")?, bound("maximum")?);
        // What is wrong with a type that occurs twice, the validator says.
        let is_list_good = matches!(types[..], [] | [_]) || matches!(types[..], [one, other] if one != other);
        (member.is_empty() && is_list_good).then_some(Self { types, minimum, maximum })
    }

    fn is_met_by(&self, value: &Value) -> bool {
        let is_within = |number: &Number| match (self.minimum, self.maximum) {
            (None, None) => true,
            (minimum, maximum) => exact(number).is_some_and(|number| {
                minimum.is_none_or(|minimum| minimum <= number)
                    && maximum.is_none_or(|maximum| number <= maximum)
            }),
        };
        (self.types.is_empty() || self.types.iter().any(|kind| kind.is_of(value)))
            && value.as_number().is_none_or(is_within)
    }
}

/// A number, if it is the same as a `f64`: with others, comparing is left to who knows.
fn exact(number: &Number) -> Option<f64> {
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    number.as_f64().filter(|value| number.is_f64() || value.abs() < LARGEST)
}

impl Type {
    fn read(name: &Value) -> Option<Self> {
        match name.as_str()? {
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

    const SCHEMAS: [&str; 18] = [
        r#"{"type":"object"}"#,
        r#"{"type":"object","title":"T","description":"D","properties":{}}"#,
        r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false}"#,
        r#"{"type":"object","properties":{"a":{"type":"number"},"b":{"type":"integer","default":"x"}}}"#,
        r#"{"type":"object","properties":{"a":{"type":"string"},"b":{}},"required":["a"]}"#,
        r#"{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a","b"],"additionalProperties":true}"#,
        r#"{"type":"object","properties":{"a":{"type":"null"}},"additionalProperties":false}"#,
        r#"{"type":"object","properties":{"a":{"type":"number","minimum":1.5},"b":{"type":"integer","minimum":0,"maximum":255}}}"#,
        r#"{"type":"object","properties":{"a":{"type":["number","null"],"maximum":1},"b":{"minimum":2}}}"#,
        // These are not so plain, or not good.
        r#"{"type":"object","properties":{"a":{"type":"number","exclusiveMinimum":2}}}"#,
        r#"{"type":"object","properties":{"a":{"type":"number","minimum":"2"}}}"#,
        r#"{"type":"object","properties":{"a":{"type":"integer","minimum":9007199254740993}}}"#,
        r#"{"type":"object","properties":{"a":{"type":["null","null"]}}}"#,
        r#"{"type":"object","required":["a","a"]}"#,
        r#"{"type":"object","properties":{"a":{"type":"number","title":7}}}"#,
        r#"{"type":"object","properties":{"a":false}}"#,
        r#"{"type":"object","additionalProperties":{"type":"string"}}"#,
        r#"{"type":"object","minProperties":1}"#,
    ];

    const INSTANCES: [&str; 16] = [
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
        r#"{"a":-1,"b":255}"#,
        r#"{"b":256}"#,
        r#"{"b":-1}"#,
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
        assert_eq!(is_plain, std::array::from_fn(|index| index < 9));
        assert!(
            PlainSchema::read(r#"{"type":"object","$schema":"http://json-schema.org/draft-07/schema#"}"#)
                .is_none()
        );
        assert!(PlainSchema::read("{}").is_none());
        assert!(PlainSchema::read("true").is_none());
    }
}
