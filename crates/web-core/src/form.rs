//! `application/x-www-form-urlencoded`, where a repeated parameter stays visible.

use std::collections::BTreeMap;

/// The most parameters that any request of ours has a use for, with room to spare.
const MAX_PARAMETERS: usize = 64;

/// The parameters of a query or a form body.
#[derive(Debug, Clone, Default)]
pub struct Form {
    values: BTreeMap<String, Vec<String>>,
}

/// Why a query or a body is no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A percent sign is not followed by two hexadecimal digits, or what it encodes is not UTF-8.
    #[error("the form is not well encoded")]
    Encoding,
    /// More parameters than any request has a use for.
    #[error("the form has too many parameters")]
    TooMany,
}

/// A parameter occurred more than once (RFC 6749 sections 3.1 and 3.2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a parameter is repeated")]
pub struct Repeated;

impl Form {
    /// Parses a query (without the `?`) or a body. Stricter than a browser: bad encoding is an error,
    /// not a replacement character.
    pub fn parse(input: &[u8]) -> Result<Self, FormError> {
        check_encoding(input)?;
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (index, (name, value)) in form_urlencoded::parse(input).enumerate() {
            if index >= MAX_PARAMETERS {
                return Err(FormError::TooMany);
            }
            values.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Ok(Self { values })
    }

    /// A parameter that may occur once. An empty value counts as absent (RFC 6749 section 3.1).
    pub fn single(&self, name: &str) -> Result<Option<&str>, Repeated> {
        match self.values.get(name).map(Vec::as_slice) {
            None | Some([]) => Ok(None),
            Some([value]) => Ok(Some(value.as_str()).filter(|value| !value.is_empty())),
            Some(_) => Err(Repeated),
        }
    }

    /// All values of a parameter that may occur several times.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values.get(name).into_iter().flatten().map(String::as_str)
    }

    /// Whether the parameter occurs. An empty value counts as absent here too.
    pub fn contains(&self, name: &str) -> bool {
        self.all(name).any(|value| !value.is_empty())
    }

    /// Whether any parameter but the named ones occurs more than once.
    pub fn has_repeats_except(&self, names: &[&str]) -> bool {
        self.values.iter().any(|(name, values)| values.len() > 1 && !names.contains(&name.as_str()))
    }

    /// Forgets the named parameters where their value is what programs write that have none. Whether there
    /// was one.
    pub fn forget_undefined(&mut self, names: &[&str]) -> bool {
        let count = |values: &BTreeMap<String, Vec<String>>| values.values().map(Vec::len).sum::<usize>();
        let before = count(&self.values);
        for (_, values) in self.values.iter_mut().filter(|(name, _)| names.contains(&name.as_str())) {
            values.retain(|value| !matches!(value.as_str(), "undefined" | "null"));
        }
        count(&self.values) != before
    }

    /// All names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str())))
    }
}

fn check_encoding(input: &[u8]) -> Result<(), FormError> {
    let mut decoded = Vec::with_capacity(input.len());
    let mut bytes = input.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
        let (high, low) = (digit(bytes.next()), digit(bytes.next()));
        let (Some(high), Some(low)) = (high, low) else { return Err(FormError::Encoding) };
        decoded.extend(u8::try_from(high * 16 + low));
    }
    std::str::from_utf8(&decoded).map(drop).map_err(|_| FormError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_stay_visible_however_they_are_encoded() {
        let form = Form::parse(b"client_id=a&client%5Fid=a&resource=x&resource=y").unwrap();
        assert_eq!(form.single("client_id"), Err(Repeated));
        assert_eq!(form.all("resource").collect::<Vec<_>>(), ["x", "y"]);
        assert!(form.has_repeats_except(&["resource"]));
        assert!(!form.has_repeats_except(&["resource", "client_id"]));
    }

    #[test]
    fn empty_counts_as_absent() {
        let form = Form::parse(b"scope=&state").unwrap();
        assert_eq!(form.single("scope"), Ok(None));
        assert_eq!(form.single("state"), Ok(None));
        assert!(!form.contains("scope") && !form.contains("state"));
    }

    #[test]
    fn undefined_is_forgotten_where_it_is_told_to_be() {
        let mut form = Form::parse(b"scope=undefined&resource=null&resource=x&state=null").unwrap();
        assert!(form.forget_undefined(&["scope", "resource"]));
        assert_eq!(form.single("scope"), Ok(None));
        assert_eq!(form.single("resource"), Ok(Some("x")));
        assert_eq!(form.single("state"), Ok(Some("null")));
        assert!(!form.forget_undefined(&["scope", "resource"]));
    }

    /// HT-08.
    #[test]
    fn bad_encoding_is_an_error_and_semicolons_are_data() {
        for bad in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%ff", b"a=\xff"] {
            assert_eq!(Form::parse(bad).unwrap_err(), FormError::Encoding, "{bad:?}");
        }
        assert_eq!(Form::parse(b"a=1;b=2").unwrap().single("a"), Ok(Some("1;b=2")));
        assert_eq!(Form::parse(b"a=1+2%2B3").unwrap().single("a"), Ok(Some("1 2+3")));
    }

    #[test]
    fn parameters_are_bounded() {
        let many = "a=1&".repeat(65);
        assert_eq!(Form::parse(many.as_bytes()).unwrap_err(), FormError::TooMany);
    }
}
