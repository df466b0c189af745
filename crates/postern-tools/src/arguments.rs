//! A tool's arguments, from their text.
//!
//! They are taken one by one out of a JSON object, and not read as a struct: so tools that take the same types share
//! the code that reads them. Each is read from its text right into its type: a large argument is in memory once as text and
//! once as what the tool takes.

use crate::{
    decode::{self, shortened},
    error::ToolError,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap};

/// The most of a name of the client's that is repeated, in bytes.
const MAX_NAME: usize = 100;

/// Arguments that are still to be taken.
#[doc(hidden)]
#[derive(Debug)]
pub struct Arguments<'a>(BTreeMap<Name<'a>, &'a RawValue>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Arguments<'a> {
    /// Reads the text of a JSON object.
    pub fn read(text: &'a str) -> Result<Self, ToolError> {
        serde_json::from_str(text).map(Self).map_err(|error| ToolError::InvalidArguments(error.to_string()))
    }

    /// Takes one. What is not there is `null`, as far as its type has that.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, ToolError> {
        let value = self.0.get(&Name(name.into()));
        decode::from_text(value.map_or("null", |value| value.get())).map_err(|misfit| {
            ToolError::InvalidArguments(match value {
                None => format!("missing field `{name}`"),
                Some(_) => format!("{name}{}: {}", misfit.place, misfit.reason),
            })
        })
    }

    /// There may be no others: a name that is written wrong would otherwise go unnoticed (TL-01).
    pub fn end(self, known: &[&str]) -> Result<(), ToolError> {
        match self.0.keys().find(|name| !known.contains(&&*name.0)) {
            None => Ok(()),
            Some(name) => {
                let name = shortened(&name.0, MAX_NAME);
                Err(ToolError::InvalidArguments(format!("unknown field `{name}`")))
            }
        }
    }
}
