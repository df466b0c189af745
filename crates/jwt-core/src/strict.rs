//! Strict base64url and JSON: every value has exactly one accepted encoding.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny},
};

/// Decodes base64url as RFC 7515 section 2 writes it: no padding, no line breaks. Returns `None` for a text
/// that encoding would not produce.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
    (Base64UrlUnpadded::encode_string(&bytes) == text).then_some(bytes)
}

/// Reads a JSON object. `serde` alone also reads an array as a structure.
pub(crate) fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    let is_object = json.trim_ascii_start().first() == Some(&b'{');
    is_object.then(|| serde_json::from_slice(json).ok()).flatten()
}

/// Returns whether a member is present, with any value, `null` included. For use with `default`.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Decodes exactly `N` bytes; see [`decode`].
pub(crate) fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_encoding_is_accepted() {
        assert_eq!(decode("AQAB").as_deref(), Some(&[1, 0, 1][..]));
        assert_eq!(decode("").as_deref(), Some(&[][..]));
        assert_eq!(decode_array::<1>("-A"), Some([0xf8]));
        for bad in ["AQAB=", "AQ==", "AR", "A", "A QAB", "AQAB\n", "AQ+B", "AQ/B", "é"] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }
}
