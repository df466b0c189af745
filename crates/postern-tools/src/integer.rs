//! Integers as JSON numbers write them.

/// An integer: its sign and its magnitude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Integer {
    is_negative: bool,
    pub(crate) magnitude: u128,
}

impl Integer {
    /// Reads a JSON number (RFC 8259 section 6). Returns `None` for a number with a fraction, and for one of more than 128
    /// bits that is written with an exponent or a point.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let magnitude = match text.parse() {
            Ok(magnitude) => magnitude,
            // More digits than there is room for: out of every bound.
            Err(_) if text.bytes().all(|byte| byte.is_ascii_digit()) => u128::MAX,
            Err(_) => magnitude(text)?,
        };
        Some(Self { is_negative: is_negative && magnitude > 0, magnitude })
    }

    /// Whether it is neither less nor more than these.
    pub(crate) fn is_within(self, least: i128, most: u128) -> bool {
        match self.is_negative {
            true => least < 0 && self.magnitude <= least.unsigned_abs(),
            false => self.magnitude <= most,
        }
    }

    /// Its value, if it is [within](Self::is_within) the bounds of `i128`.
    pub(crate) fn signed(self) -> i128 {
        let value = self.magnitude as i128;
        if self.is_negative { value.wrapping_neg() } else { value }
    }
}

/// The magnitude of a number that has a point or an exponent.
fn magnitude(text: &str) -> Option<u128> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        // An exponent that is out of range is one all the same, as far as `i64` goes for it.
        Some((mantissa, exponent)) => (mantissa, saturated(exponent)),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut magnitude: u128 = 0;
    let mut zeros: i64 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if digit == b'0' {
            zeros += 1;
            continue;
        }
        if magnitude > 0 {
            magnitude = scaled(magnitude, zeros + 1)?;
        }
        magnitude = magnitude.checked_add(u128::from(digit - b'0'))?;
        zeros = 0;
    }
    let scale = exponent.saturating_add(zeros).saturating_sub(i64::try_from(fraction.len()).ok()?);
    match magnitude {
        0 => Some(0),
        _ => scaled(magnitude, scale),
    }
}

/// `magnitude` times ten to the `scale`.
fn scaled(magnitude: u128, scale: i64) -> Option<u128> {
    magnitude.checked_mul(10_u128.checked_pow(u32::try_from(scale).ok()?)?)
}

fn saturated(exponent: &str) -> i64 {
    let limit = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
    exponent.parse().unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<i128> {
        Integer::read(text).map(Integer::signed)
    }

    #[test]
    fn a_whole_number_is_read_however_it_is_written() {
        for (text, value) in [
            ("10", 10),
            ("10.0", 10),
            ("1e1", 10),
            ("1E+1", 10),
            ("100e-1", 10),
            ("0.01e3", 10),
            ("10.000000000000000000000000000000000000000000000000", 10),
            ("1000000000000000000000000000000000000000000000000e-47", 10),
            ("-10.0", -10),
            ("-0.0", 0),
            ("-0", 0),
            ("0e999999999999999999999", 0),
            ("0.0e-99999999999999999999", 0),
            ("9007199254740993.0", 9_007_199_254_740_993),
            ("1e30", 10_i128.pow(30)),
        ] {
            assert_eq!(read(text), Some(value), "{text}");
        }
    }

    #[test]
    fn a_fraction_is_no_integer() {
        for text in ["0.5", "1e-1", "10.01", "1.5e0", "-2.25e1", "1e-99999999999999999999", "1e400", "1.0e39"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn bounds_are_exact() {
        let is_within = |text: &str, least, most| Integer::read(text).unwrap().is_within(least, most);
        for (text, least, most, expected) in [
            ("-128.0", i128::from(i8::MIN), 127, true),
            ("-129", i128::from(i8::MIN), 127, false),
            ("128.0", i128::from(i8::MIN), 127, false),
            ("-1.0", 0, 255, false),
            ("-0.0", 0, 255, true),
            ("18446744073709551615.0", 0, u128::from(u64::MAX), true),
            ("18446744073709551616.0", 0, u128::from(u64::MAX), false),
            ("-170141183460469231731687303715884105728", i128::MIN, i128::MAX as u128, true),
            ("170141183460469231731687303715884105728", i128::MIN, i128::MAX as u128, false),
            (&"9".repeat(100), i128::MIN, i128::MAX as u128, false),
        ] {
            assert_eq!(is_within(text, least, most), expected, "{text}");
        }
    }
}
