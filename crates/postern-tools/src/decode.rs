//! Reads JSON into Rust types, with JSON Schema's notion of an integer.
//!
//! To JSON Schema `10.0` and `1e1` are integers, and clients in JavaScript and Python write them. `serde_json` reads such a number
//! into a float only. [`from_text`] reads it into every integer type, wherever in a type that stands. The value has to be
//! exact: the text of the number is read, not a float that was made of it. What does not fit is refused with its place,
//! its value and the bounds.
//!
//! Where a type does not say what it expects (an untagged enum, a flattened field, a `serde_json::Value`), a float that is a whole
//! number of at most 2^53 is read as an integer. Those types accept it as a float too.

use crate::{integer::Integer, place};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
};
use serde_json::value::RawValue;
use std::{cell::Cell, fmt};

/// The most of a text of the client's that is repeated, in characters.
const MAX_SHOWN: usize = 40;

/// The longest reason, in bytes.
const MAX_REASON: usize = 500;

/// Up to this, an `f64` has every integer: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Why a text does not fit a type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// Where, below the value that was read: `.b[2]`, or nothing.
    pub(crate) place: String,
    /// What is wrong there.
    pub(crate) reason: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.trim_start_matches('.') {
            "" => formatter.write_str(&self.reason),
            place => write!(formatter, "{place}: {}", self.reason),
        }
    }
}

/// Reads a value of the type `T` from a JSON text.
pub(crate) fn from_text<'de, T: serde::Deserialize<'de>>(text: &'de str) -> Result<T, Misfit> {
    let fault = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    T::deserialize(Lenient { inner: &mut deserializer, fault: &fault })
        .map_err(|error| misfit(text, fault.get(), &error))
}

/// Finds the place of an error. `fault` is the address of the number that does not fit, if it was one.
fn misfit(text: &str, fault: Option<usize>, error: &serde_json::Error) -> Misfit {
    let offset = match fault.and_then(|address| address.checked_sub(text.as_ptr() as usize)) {
        Some(offset) => offset,
        None => place::offset(text, error.line(), error.column()),
    };
    let mut reason = error.to_string();
    // That it is at some column of what the client did not write in that form is of no use.
    if let Some(end) = reason.rfind(" at line ")
        && error.line() > 0
    {
        reason.truncate(end);
    }
    Misfit { place: place::find(text, offset), reason: shortened(&reason, MAX_REASON) }
}

/// A text that is cut if it is long.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", text.get(..text.floor_char_boundary(most)).unwrap_or_default())
}

/// A deserializer of `serde_json`'s, and all that comes out of it.
struct Lenient<'c, T> {
    inner: T,
    /// The address of the number that did not fit.
    fault: &'c Cell<Option<usize>>,
}

impl<'c, T> Lenient<'c, T> {
    fn around<U>(&self, inner: U) -> Lenient<'c, U> {
        Lenient { inner, fault: self.fault }
    }
}

impl<'de, D: Deserializer<'de>> Lenient<'_, D> {
    /// Reads an integer, however it is written.
    fn integer<V: Visitor<'de>>(
        self,
        least: i128,
        most: u128,
        visitor: V,
        visit: impl FnOnce(V, Integer) -> Result<V::Value, D::Error>,
    ) -> Result<V::Value, D::Error> {
        let text = <&RawValue as serde::Deserialize>::deserialize(self.inner)?.get();
        let read = if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            match Integer::read(text) {
                Some(integer) if integer.is_within(least, most) => visit(visitor, integer),
                Some(_) => Err(not_an_integer(text, &format!("is not between {least} and {most}"))),
                None => {
                    Err(not_an_integer(text, &format!("is not a whole number between {least} and {most}")))
                }
            }
        } else {
            Err(unexpected(text, &visitor))
        };
        if read.is_err() {
            self.fault.set(Some(text.as_ptr() as usize));
        }
        read
    }
}

fn not_an_integer<E: Error>(text: &str, what: &str) -> E {
    E::custom(format_args!("{} {what}", shortened(text, MAX_SHOWN)))
}

/// What stands where an integer should.
fn unexpected<'de, E: Error, V: Visitor<'de>>(text: &str, visitor: &V) -> E {
    let string;
    let unexpected = match text.as_bytes().first() {
        Some(b'"') => {
            string = shortened(text.trim_matches('"'), MAX_SHOWN);
            Unexpected::Str(&string)
        }
        Some(b'{') => Unexpected::Map,
        Some(b'[') => Unexpected::Seq,
        Some(b't') => Unexpected::Bool(true),
        Some(b'f') => Unexpected::Bool(false),
        _ => Unexpected::Unit,
    };
    E::invalid_type(unexpected, visitor)
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ty),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.integer(<$type>::MIN as i128, <$type>::MAX as u128, visitor, |visitor, integer| {
                // It is within the bounds.
                visitor.$visit(integer.signed() as $type)
            })
        }
    )*};
}

macro_rules! wrapped {
    ($($method:ident($($name:ident: $type:ty),*)),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let visitor = self.around(visitor);
            self.inner.$method($($name,)* visitor)
        }
    )*};
}

macro_rules! plain {
    ($($method:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Lenient<'_, D> {
    type Error = D::Error;

    integers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.integer(0, u128::MAX, visitor, |visitor, integer| visitor.visit_u128(integer.magnitude))
    }

    plain! {
        deserialize_bool, deserialize_f32, deserialize_f64, deserialize_char, deserialize_str, deserialize_string,
        deserialize_unit, deserialize_identifier, deserialize_ignored_any,
    }

    wrapped! {
        deserialize_any(),
        deserialize_bytes(),
        deserialize_byte_buf(),
        deserialize_option(),
        deserialize_unit_struct(name: &'static str),
        deserialize_newtype_struct(name: &'static str),
        deserialize_seq(),
        deserialize_tuple(len: usize),
        deserialize_tuple_struct(name: &'static str, len: usize),
        deserialize_map(),
        deserialize_struct(name: &'static str, fields: &'static [&'static str]),
        deserialize_enum(name: &'static str, variants: &'static [&'static str]),
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! visits {
    ($($method:ident $type:ty),* $(,)?) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Lenient<'_, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(formatter)
    }

    visits! {
        visit_bool bool, visit_i64 i64, visit_i128 i128, visit_u64 u64, visit_u128 u128,
        visit_str &str, visit_borrowed_str &'de str, visit_string String,
        visit_bytes &[u8], visit_borrowed_bytes &'de [u8], visit_byte_buf Vec<u8>,
    }

    /// Only what does not say which type it expects gets here.
    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        if value.fract() == 0.0 && value.abs() <= EXACT {
            return self.inner.visit_i64(value as i64);
        }
        self.inner.visit_f64(value)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.around(deserializer);
        self.inner.visit_some(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.around(deserializer);
        self.inner.visit_newtype_struct(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.around(access);
        self.inner.visit_seq(access)
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.around(access);
        self.inner.visit_map(access)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.around(access);
        self.inner.visit_enum(access)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Lenient<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let deserializer = self.around(deserializer);
        self.inner.deserialize(deserializer)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Lenient<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let seed = self.around(seed);
        self.inner.next_element_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// A key is a string, whatever it stands for, and is left to `serde_json`.
impl<'de, A: MapAccess<'de>> MapAccess<'de> for Lenient<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.around(seed);
        self.inner.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'c, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Lenient<'c, A> {
    type Error = A::Error;
    type Variant = Lenient<'c, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let fault = self.fault;
        let (value, inner) = self.inner.variant_seed(seed)?;
        Ok((value, Lenient { inner, fault }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Lenient<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.around(seed);
        self.inner.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.around(visitor);
        self.inner.tuple_variant(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.around(visitor);
        self.inner.struct_variant(fields, visitor)
    }
}

#[cfg(test)]
mod tests;
