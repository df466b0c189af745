//! The claims of a token (RFC 7519 section 4).

use serde::{Deserialize, Deserializer, de};

/// The claims that every kind of token may have. The rest are read with
/// [`VerifiedToken::claims_as`](crate::VerifiedToken::claims_as).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Claims {
    /// `iss`: the issuer.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// `sub`: the subject of the token.
    #[serde(rename = "sub", default)]
    pub subject: Option<String>,
    /// `aud`: the audience. One string counts as a list of one.
    #[serde(rename = "aud", default, deserialize_with = "one_or_many")]
    pub audience: Vec<String>,
    /// `exp`, in seconds since the Unix epoch. Required.
    #[serde(rename = "exp", deserialize_with = "numeric_date")]
    pub expires_at: u64,
    /// `nbf`, in seconds since the Unix epoch.
    #[serde(rename = "nbf", default, deserialize_with = "optional_numeric_date")]
    pub not_before: Option<u64>,
    /// `iat`, in seconds since the Unix epoch.
    #[serde(rename = "iat", default, deserialize_with = "optional_numeric_date")]
    pub issued_at: Option<u64>,
    /// `jti`: names this token among the issuer's.
    #[serde(rename = "jti", default)]
    pub token_id: Option<String>,
    /// `azp`: the party that it was issued to (OpenID Connect Core section 2).
    #[serde(rename = "azp", default)]
    pub authorized_party: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// `NumericDate` of RFC 7519 section 2: a JSON number, possibly with a fraction.
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    seconds(&number).ok_or_else(|| de::Error::custom("not a date"))
}

fn optional_numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    numeric_date(deserializer).map(Some)
}

/// The latest accepted date, in the year 9999. A later one is most likely in another unit.
const LATEST: u64 = 253_402_300_799;

fn seconds(number: &serde_json::Number) -> Option<u64> {
    let whole = number.as_u64().or_else(|| {
        let number = number.as_f64().filter(|number| *number >= 0.0 && *number <= LATEST as f64)?;
        Some(number as u64)
    })?;
    (whole <= LATEST).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Claims> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn audience_is_one_or_many() {
        let audience =
            |json: &str| read(&format!(r#"{{"iss":"i","exp":1,{json}}}"#)).map(|claims| claims.audience);
        assert_eq!(audience(r#""aud":"a""#).unwrap(), ["a"]);
        assert_eq!(audience(r#""aud":["a","b"]"#).unwrap(), ["a", "b"]);
        assert_eq!(audience(r#""other":1"#).unwrap(), [""; 0]);
        for bad in [r#""aud":1"#, r#""aud":null"#, r#""aud":{"a":1}"#, r#""aud":["a",1]"#] {
            assert_eq!(audience(bad), None, "{bad}");
        }
    }

    #[test]
    fn dates_are_numbers_before_the_year_10000() {
        let expiry =
            |date: &str| read(&format!(r#"{{"iss":"i","exp":{date}}}"#)).map(|claims| claims.expires_at);
        assert_eq!(expiry("1800000000"), Some(1_800_000_000));
        assert_eq!(expiry("1800000000.9"), Some(1_800_000_000));
        assert_eq!(expiry("1.8e9"), Some(1_800_000_000));
        for bad in
            ["-1", "-0.5", "1e300", "18446744073709551615", "1800000000000", "\"1800000000\"", "null", "true"]
        {
            assert_eq!(expiry(bad), None, "{bad}");
        }
    }

    /// RFC 7519 section 4: claim names are unique.
    #[test]
    fn claim_that_occurs_twice_is_refused() {
        assert_eq!(read(r#"{"iss":"i","exp":1,"exp":2}"#), None);
        assert_eq!(read(r#"{"iss":"i","iss":"j","exp":1}"#), None);
        assert_eq!(read(r#"{"iss":"i","exp":1,"aud":"a","aud":"b"}"#), None);
    }
}
