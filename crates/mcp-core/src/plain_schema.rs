//! Schemas that say nothing but types, bounds, lengths, choices of texts, members and elements, as most tools' do.
//!
//! To compile any schema, `boon` first compiles that of its dialect: three milliseconds, in every new instance. And it judges a tree,
//! which takes up to fifty times the memory of the text that it is made of. For these schemas an instance is judged as it is read: no
//! compiler, and no tree. Whatever is not certain, be it of the schema or of the instance, is `boon`'s to judge, and so is
//! putting into words what is wrong with an instance that is not large.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::{
    borrow::Cow,
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Keywords that say nothing about what fits, by what they have to be. In this dialect `format` is such a one.
const TEXTS: [&str; 3] = ["title", "description", "format"];

/// The dialect that is meant when none is named.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The most members that an object may have to have.
const MAX_REQUIRED: usize = 64;

/// What a value has to be like. What is about values of one type says nothing about others.
#[derive(Debug, Default)]
pub(crate) struct PlainSchema {
    /// One of these. None: anything.
    types: Vec<Type>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    /// In characters.
    min_length: Option<usize>,
    max_length: Option<usize>,
    /// One of these texts, or `null`, which is `None`.
    choices: Option<Vec<Option<String>>>,
    items: Option<Box<Self>>,
    min_items: Option<usize>,
    max_items: Option<usize>,
    members: BTreeMap<String, Self>,
    required: Vec<String>,
    /// An object may have no other members.
    is_closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Array,
    Boolean,
    Integer,
    Null,
    Number,
    Object,
    Text,
}

/// What is known of whether an instance fits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Yes,
    /// No; what is wrong with it, and in which column.
    No(String),
    Unknown,
}

impl PlainSchema {
    /// Reads a schema, if it is such a one, and one of an object.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let Value::Object(mut schema) = serde_json::from_str(text).ok()? else { return None };
        if schema.remove("$schema").is_some_and(|dialect| dialect != DIALECT) {
            return None;
        }
        let plain = Self::of(Value::Object(schema))?;
        (plain.types == [Type::Object]).then_some(plain)
    }

    fn of(schema: Value) -> Option<Self> {
        let mut schema = match schema {
            Value::Object(schema) => schema,
            Value::Bool(true) => return Some(Self::default()),
            _ => return None,
        };
        drop_texts(&mut schema)?;
        // Any value can be a default, and only `mirrored_headers` cares for the other.
        schema.remove("default");
        schema.remove("x-mcp-header");
        let mut plain = Self::default();
        for (keyword, value) in schema {
            match (keyword.as_str(), value) {
                ("type", Value::Array(names)) if !names.is_empty() => {
                    plain.types = names.iter().map(Type::read).collect::<Option<_>>()?;
                    // What is wrong with a type that occurs twice, the validator says.
                    if plain
                        .types
                        .iter()
                        .enumerate()
                        .any(|(index, kind)| plain.types.iter().take(index).any(|other| other == kind))
                    {
                        return None;
                    }
                }
                ("type", name) => plain.types = vec![Type::read(&name)?],
                ("minimum", Value::Number(bound)) => plain.minimum = Some(exact(&bound)?),
                ("maximum", Value::Number(bound)) => plain.maximum = Some(exact(&bound)?),
                ("minLength", length) => plain.min_length = Some(count(&length)?),
                ("maxLength", length) => plain.max_length = Some(count(&length)?),
                ("minItems", length) => plain.min_items = Some(count(&length)?),
                ("maxItems", length) => plain.max_items = Some(count(&length)?),
                ("items", items) => plain.items = Some(Box::new(Self::of(items)?)),
                ("enum", Value::Array(choices)) if !choices.is_empty() => {
                    let choices = choices.into_iter().map(|choice| match choice {
                        Value::String(text) => Some(Some(text)),
                        Value::Null => Some(None),
                        _ => None,
                    });
                    plain.choices = Some(choices.collect::<Option<_>>()?);
                }
                ("properties", Value::Object(members)) => {
                    for (name, member) in members {
                        plain.members.insert(name, Self::of(member)?);
                    }
                }
                ("required", Value::Array(names)) if names.len() <= MAX_REQUIRED => {
                    for name in names {
                        let Value::String(name) = name else { return None };
                        plain.required.push(name);
                    }
                    let different: BTreeSet<&String> = plain.required.iter().collect();
                    if different.len() < plain.required.len() {
                        return None;
                    }
                }
                ("additionalProperties", Value::Bool(is_open)) => plain.is_closed = !is_open,
                _ => return None,
            }
        }
        Some(plain)
    }

    /// Whether a JSON text fits.
    pub(crate) fn judge(&self, text: &str) -> Fit {
        let is_uncertain = Cell::new(false);
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = Reading { schema: self, is_uncertain: &is_uncertain }.deserialize(&mut deserializer);
        match read.and_then(|()| deserializer.end()) {
            Ok(()) => Fit::Yes,
            Err(error) if error.is_data() && !is_uncertain.get() => Fit::No(error.to_string()),
            Err(_) => Fit::Unknown,
        }
    }

    fn allows(&self, kind: Type) -> bool {
        self.types.is_empty() || self.types.contains(&kind)
    }
}

/// A value that is being read.
#[derive(Clone, Copy)]
struct Reading<'s> {
    schema: &'s PlainSchema,
    is_uncertain: &'s Cell<bool>,
}

impl Reading<'_> {
    fn uncertain<E: Error>(self) -> E {
        self.is_uncertain.set(true);
        E::custom("not certain")
    }

    fn of_type<E: Error>(self, kind: Type) -> Result<(), E> {
        if self.schema.allows(kind) { Ok(()) } else { Err(self.misfit(kind.name())) }
    }

    fn misfit<E: Error>(self, got: &str) -> E {
        let wanted: Vec<_> = self.schema.types.iter().map(|kind| kind.name()).collect();
        E::custom(format_args!("want {}, but got {got}", wanted.join(" or ")))
    }

    fn number<E: Error>(self, number: &Number) -> Result<(), E> {
        let PlainSchema { minimum, maximum, choices, .. } = self.schema;
        // To JSON Schema, 1.0 is an integer.
        let is_integer = !number.is_f64() || number.as_f64().is_some_and(|number| number.fract() == 0.0);
        let is_allowed =
            self.schema.allows(Type::Number) || (is_integer && self.schema.allows(Type::Integer));
        if !is_allowed {
            return Err(self.misfit("number"));
        }
        if choices.is_some() {
            return Err(self.uncertain());
        }
        if minimum.is_none() && maximum.is_none() {
            return Ok(());
        }
        let value = exact(number).ok_or_else(|| self.uncertain())?;
        match (minimum, maximum) {
            (Some(minimum), _) if value < *minimum => Err(E::custom(format_args!("must be >={minimum}"))),
            (_, Some(maximum)) if value > *maximum => Err(E::custom(format_args!("must be <={maximum}"))),
            _ => Ok(()),
        }
    }

    fn length<E: Error>(self, length: usize, least: Option<usize>, most: Option<usize>) -> Result<(), E> {
        match (least, most) {
            (Some(least), _) if length < least => Err(E::custom(format_args!("must have at least {least}"))),
            (_, Some(most)) if length > most => Err(E::custom(format_args!("must have at most {most}"))),
            _ => Ok(()),
        }
    }

    fn choice<E: Error>(self, text: Option<&str>) -> Result<(), E> {
        match &self.schema.choices {
            Some(choices) if !choices.iter().any(|choice| choice.as_deref() == text) => {
                Err(E::custom("is none of those that it can be"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What has choices, none of which is of this type.
    fn without_choices<E: Error>(self) -> Result<(), E> {
        if self.schema.choices.is_some() { Err(self.uncertain()) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.of_type(Type::Null)?;
        self.choice(None)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.of_type(Type::Boolean)?;
        self.without_choices()
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.number(&number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.number(&number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        match Number::from_f64(number) {
            Some(number) => self.number(&number),
            None => Err(self.uncertain()),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let PlainSchema { min_length, max_length, .. } = *self.schema;
        self.of_type(Type::Text)?;
        if min_length.is_some() || max_length.is_some() {
            self.length(text.chars().count(), min_length, max_length)?;
        }
        self.choice(Some(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.of_type(Type::Array)?;
        self.without_choices()?;
        let mut length = 0;
        match &self.schema.items {
            Some(items) => {
                while elements.next_element_seed(Self { schema: items, ..self })?.is_some() {
                    length += 1;
                }
            }
            None => {
                while elements.next_element::<IgnoredAny>()?.is_some() {
                    length += 1;
                }
            }
        }
        self.length(length, self.schema.min_items, self.schema.max_items)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        #[derive(serde::Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
        self.of_type(Type::Object)?;
        self.without_choices()?;
        let mut missing = (1_u128 << self.schema.required.len()) - 1;
        while let Some(Name(name)) = members.next_key::<Name<'de>>()? {
            if let Some(index) = self.schema.required.iter().position(|required| *required == name) {
                missing &= !(1 << index);
            }
            match self.schema.members.get(&*name) {
                Some(member) => members.next_value_seed(Self { schema: member, ..self })?,
                None if self.schema.is_closed => {
                    return Err(A::Error::custom("has a member that is not allowed"));
                }
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        match self.schema.required.get(missing.trailing_zeros() as usize) {
            Some(name) if missing != 0 => Err(A::Error::custom(format_args!("missing properties '{name}'"))),
            _ => Ok(()),
        }
    }
}

/// A number, if it is the same as a `f64`: with others, comparing is left to the validator.
fn exact(number: &Number) -> Option<f64> {
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    number.as_f64().filter(|value| number.is_f64() || value.abs() < LARGEST)
}

fn count(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

impl Type {
    fn read(name: &Value) -> Option<Self> {
        match name.as_str()? {
            "array" => Some(Self::Array),
            "boolean" => Some(Self::Boolean),
            "integer" => Some(Self::Integer),
            "null" => Some(Self::Null),
            "number" => Some(Self::Number),
            "object" => Some(Self::Object),
            "string" => Some(Self::Text),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Null => "null",
            Self::Number => "number",
            Self::Object => "object",
            Self::Text => "string",
        }
    }
}

/// Takes what is text for people out of a schema. `None` if it is something else.
fn drop_texts(schema: &mut Map<String, Value>) -> Option<()> {
    if schema.remove("examples").is_some_and(|examples| !examples.is_array()) {
        return None;
    }
    let mut texts = TEXTS.iter().filter_map(|name| schema.remove(*name));
    texts.all(|text| text.is_string()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    const PLAIN: [&str; 22] = [
        r#"{"type":"object"}"#,
        r#"{"type":"object","title":"T","description":"D","properties":{}}"#,
        r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false}"#,
        r#"{"type":"object","properties":{"a":{"type":"number"},"b":{"type":"integer","default":"x"}}}"#,
        r#"{"type":"object","properties":{"a":{"type":"string"},"b":{}},"required":["a"]}"#,
        r#"{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a","b"],"additionalProperties":true}"#,
        r#"{"type":"object","properties":{"a":{"type":"null"}},"additionalProperties":false}"#,
        r#"{"type":"object","properties":{"a":{"type":"number","minimum":1.5},"b":{"type":"integer","minimum":0,"maximum":255}}}"#,
        r#"{"type":"object","properties":{"a":{"type":["number","null"],"maximum":1},"b":{"minimum":2}}}"#,
        r#"{"type":"object","properties":{"a":{"type":"array"}},"required":["a"]}"#,
        r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":"number"},"minItems":1}}}"#,
        r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":"integer","maximum":2},"maxItems":2}}}"#,
        r#"{"type":"object","properties":{"a":{"items":{"type":["string","null"],"minLength":1}}}}"#,
        r#"{"type":"object","properties":{"a":{"type":"string","minLength":2,"maxLength":4,"format":"email"}}}"#,
        r#"{"type":"object","properties":{"a":{"type":["string","null"],"enum":["text","other",null]}}}"#,
        r#"{"type":"object","properties":{"a":{"enum":["text"]}}}"#,
        r#"{"type":"object","properties":{"a":{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"],"additionalProperties":false}}}"#,
        r#"{"type":"object","properties":{"a":{"properties":{"x":{"type":"array","items":{"items":{"type":"string"}}}}}}}"#,
        r#"{"type":"object","properties":{"a":true,"b":{"examples":[1]}}}"#,
        r#"{"type":"object","properties":{"a":{"type":["string","number","array"],"minLength":1,"minimum":1,"minItems":1}}}"#,
        r#"{"type":"object","properties":{"a":{"minLength":100,"maxItems":0,"minimum":100,"required":["x"]}}}"#,
        r#"{"type":"object","required":["a"],"additionalProperties":false}"#,
    ];

    /// These are not so plain, or not good.
    const OTHERS: [&str; 17] = [
        r#"{"type":"object","properties":{"a":{"type":"number","exclusiveMinimum":2}}}"#,
        r#"{"type":"object","properties":{"a":{"type":"number","minimum":"2"}}}"#,
        r#"{"type":"object","properties":{"a":{"type":"integer","minimum":9007199254740993}}}"#,
        r#"{"type":"object","properties":{"a":{"type":["null","null"]}}}"#,
        r#"{"type":"object","properties":{"a":{"type":[]}}}"#,
        r#"{"type":"object","required":["a","a"]}"#,
        r#"{"type":"object","properties":{"a":{"type":"number","title":7}}}"#,
        r#"{"type":"object","properties":{"a":{"type":"number","examples":7}}}"#,
        r#"{"type":"object","properties":{"a":false}}"#,
        r#"{"type":"object","properties":{"a":{"items":false}}}"#,
        r#"{"type":"object","properties":{"a":{"minLength":-1}}}"#,
        r#"{"type":"object","properties":{"a":{"enum":["x",7]}}}"#,
        r#"{"type":"object","additionalProperties":{"type":"string"}}"#,
        r#"{"type":"object","minProperties":1}"#,
        r#"{"type":"object","$schema":"http://json-schema.org/draft-07/schema#"}"#,
        "{}",
        "true",
    ];

    const INSTANCES: [&str; 36] = [
        "{}",
        r#"{"a":1}"#,
        r#"{"a":1.0,"b":2.0}"#,
        r#"{"a":1.5,"b":2}"#,
        r#"{"b":10.0}"#,
        r#"{"b":1e1}"#,
        r#"{"b":-0.0}"#,
        r#"{"b":2.5}"#,
        r#"{"b":256.0}"#,
        r#"{"a":"text"}"#,
        r#"{"a":""}"#,
        r#"{"a":"longer"}"#,
        r#"{"a":"é\ud83d\ude00"}"#,
        r#"{"a":null}"#,
        r#"{"a":true,"b":null}"#,
        r#"{"a":[],"b":1}"#,
        r#"{"a":[1],"b":18446744073709551615}"#,
        r#"{"a":[1.0,2e0]}"#,
        r#"{"a":[1,2,3]}"#,
        r#"{"a":["x",null]}"#,
        r#"{"a":["x",""]}"#,
        r#"{"a":{"x":1}}"#,
        r#"{"a":{"x":1.0}}"#,
        r#"{"a":{"x":"1"}}"#,
        r#"{"a":{"x":[["y"],[]]}}"#,
        r#"{"a":{"x":[["y"],[1]]}}"#,
        r#"{"a":{"y":1}}"#,
        r#"{"b":1e300}"#,
        r#"{"c":1}"#,
        r#"{"a":-1,"b":255}"#,
        r#"{"b":256}"#,
        r#"{"b":-1}"#,
        r#"{"a":1,"a":"twice"}"#,
        r#"{"\u0061":1}"#,
        "[]",
        "7",
    ];

    /// TL-01, C3.
    #[test]
    fn what_is_certain_here_is_so_for_the_validator() {
        let (mut fit, mut unfit) = (0, 0);
        for text in PLAIN {
            let plain = PlainSchema::read(text).unwrap_or_else(|| panic!("{text}"));
            for instance in INSTANCES {
                match plain.judge(instance) {
                    Fit::Yes => {
                        fit += 1;
                        assert_eq!(schema::check(text, instance), Ok(()), "{text} {instance}");
                    }
                    // The tree has the last of two members.
                    Fit::No(_) if instance.contains("twice") => {}
                    Fit::No(why) => {
                        unfit += 1;
                        assert!(schema::check(text, instance).is_err(), "{text} {instance}: {why}");
                    }
                    Fit::Unknown => {}
                }
            }
        }
        assert!(fit > 300 && unfit > 200, "{fit} {unfit}");
    }

    #[test]
    fn a_misfit_is_told_with_its_column() {
        let plain = PlainSchema::read(PLAIN[10]).unwrap();
        assert_eq!(
            plain.judge(r#"{"a":[1,"x"]}"#),
            Fit::No("want number, but got string at line 1 column 11".to_owned())
        );
        assert_eq!(plain.judge("{"), Fit::Unknown);
        assert_eq!(plain.judge("{} {}"), Fit::Unknown);
    }

    #[test]
    fn what_says_more_is_not_plain() {
        for text in OTHERS {
            assert!(PlainSchema::read(text).is_none(), "{text}");
        }
    }
}
