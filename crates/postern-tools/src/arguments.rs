//! A tool's arguments, from their text.
//!
//! They are taken one by one out of a JSON object, and not read as a struct: so tools that take the same types share
//! the code that reads them.

use crate::error::ToolError;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Arguments that are still to be taken.
#[doc(hidden)]
#[derive(Debug)]
pub struct Arguments(Map<String, Value>);

impl Arguments {
    /// Reads the text of a JSON object.
    pub fn read(text: &str) -> Result<Self, ToolError> {
        serde_json::from_str(text).map(Self).map_err(|error| ToolError::InvalidArguments(error.to_string()))
    }

    /// Takes one. What is not there is `null`, as far as its type has that.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, ToolError> {
        let value = self.0.get_mut(name).map(Value::take);
        let is_missing = value.is_none();
        T::deserialize(value.unwrap_or(Value::Null)).map_err(|error| misfit(name, is_missing, &error))
    }

    /// There may be no others: a name that is written wrong would otherwise go unnoticed (TL-01).
    pub fn end(self, known: &[&str]) -> Result<(), ToolError> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(ToolError::InvalidArguments(format!("unknown field `{name}`"))),
        }
    }
}

/// What the model is told of an argument that does not fit.
fn misfit(name: &str, is_missing: bool, error: &serde_json::Error) -> ToolError {
    ToolError::InvalidArguments(if is_missing {
        format!("missing field `{name}`")
    } else {
        format!("{name}: {error}")
    })
}
