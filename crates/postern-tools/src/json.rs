//! JSON, written in one way: a component ships each that it has.

use serde::Serialize;
use serde_json::{
    Error, Serializer,
    ser::{CompactFormatter, Formatter},
};
use std::io;

/// The text of a value.
pub(crate) fn text(value: &impl Serialize) -> Result<String, Error> {
    let mut written = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut written, Plain))?;
    // It is UTF-8, as all JSON.
    Ok(String::from_utf8(written).unwrap_or_default())
}

/// Numbers as a person writes them: 42, not 42.0.
struct Plain;

impl Formatter for Plain {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        const EXACT: f64 = 9_007_199_254_740_992.0; // 2 to the 53: up to there f64 has every integer.
        if value.fract() == 0.0 && value.abs() <= EXACT {
            return self.write_i64(writer, value as i64);
        }
        CompactFormatter.write_f64(writer, value)
    }
}
