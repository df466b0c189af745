//! JSON from strangers (RFC 8259), checked once as a whole before any part of it is looked at.
//!
//! What passes means the same to every parser behind us, whatever language a tool is written in: no
//! member twice, no number out of range, no half of a surrogate pair. It is also shallow enough to
//! be walked without fear. After that, parts are kept as the text they came as, and only what
//! is needed is parsed.

pub(crate) mod flaw;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeSet, fmt};

/// How many arrays and objects may be inside each other (MP-09).
const MAX_DEPTH: usize = 64;

/// The text of one JSON value, checked, without the whitespace around it. `None` if it does not pass;
/// [`flaw::find`] says why.
pub(crate) fn check_text(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Check { depth_left: MAX_DEPTH }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(text.trim_matches([' ', '\t', '\n', '\r']))
}

/// One JSON value, checked.
pub(crate) fn check(body: &[u8]) -> Option<&RawValue> {
    serde_json::from_str(check_text(body)?).ok()
}

/// Whether a value is an object.
pub(crate) fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

/// The value, if it is a string.
pub(crate) fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(serde::Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0)
}

/// For `deserialize_with`: a member that is there, `null` or not. `Option` alone makes no difference
/// between `null` and nothing.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Walks a value and keeps nothing of it.
#[derive(Clone, Copy)]
struct Check {
    depth_left: usize,
}

impl Check {
    fn inside<E: Error>(self) -> Result<Self, E> {
        let depth_left = self.depth_left.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth_left })
    }
}

impl<'de> DeserializeSeed<'de> for Check {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Check {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        while elements.next_element_seed(inside)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        #[derive(serde::Deserialize, PartialEq, Eq, PartialOrd, Ord)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
        let inside = self.inside()?;
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<Name<'de>>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a member occurs twice"));
            }
            members.next_value_seed(inside)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MP-07: not JSON, two documents, byte order mark, invalid UTF-8, lone surrogates.
    /// MCP-B-01.
    #[test]
    fn only_one_well_formed_document_passes() {
        for good in ["{}", " [1, -2.5e3, \"\\ud83d\\ude00\", null, true] ", "\"x\"", "7"] {
            assert!(check(good.as_bytes()).is_some(), "{good}");
        }
        for bad in [
            &b""[..],
            b"{",
            b"{}{}",
            b"\xef\xbb\xbf{}",
            b"\"\xff\"",
            b"\"\\ud800\"",
            b"NaN",
            b"{a:1}",
            b"[1,]",
        ] {
            assert!(check(bad).is_none(), "{bad:?}");
        }
    }

    /// MP-09.
    #[test]
    fn depth_and_numbers_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(check(nested(MAX_DEPTH).as_bytes()).is_some());
        assert!(check(nested(MAX_DEPTH + 1).as_bytes()).is_none());
        assert!(check("{\"a\":".repeat(100_000).as_bytes()).is_none());
        assert!(check(b"1e400").is_none());
    }

    /// One parser takes the first, another the last.
    #[test]
    fn member_that_occurs_twice_is_refused_at_any_depth() {
        assert!(check(br#"{"a":{"b":1,"c":2}}"#).is_some());
        assert!(check(br#"{"a":{"b":1,"b":1}}"#).is_none());
        assert!(check(br#"{"a":1,"\u0061":2}"#).is_none());
    }

    #[test]
    fn strings_are_unescaped() {
        let value = |text| serde_json::from_str::<&RawValue>(text).unwrap();
        assert_eq!(string(value(r#""a\u0062""#)).as_deref(), Some("ab"));
        assert!(matches!(string(value(r#""plain""#)), Some(Cow::Borrowed("plain"))));
        assert_eq!(string(value("1")), None);
        assert_eq!(string(value("null")), None);
    }
}
