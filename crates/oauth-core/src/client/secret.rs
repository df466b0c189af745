//! Client secrets, as far as they have to be compared.

use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

/// A secret that is known by its digest only. Secrets are long and random, so a plain hash will do.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// The digest of a secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits: Option<Vec<u8>> =
            text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
        let bytes = digits?
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect::<Vec<_>>();
        Some(Self(bytes.try_into().ok().filter(|_| text.len() == 64)?))
    }

    /// Whether this is the digest of `shown` (TK-20: in constant time).
    pub fn is_of(&self, shown: &str) -> bool {
        self.0.ct_eq(&Self::of(shown).0).into()
    }
}

/// Shows nothing.
impl fmt::Debug for SecretDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretDigest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_read() {
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(SecretDigest::from_hex(digest).unwrap().is_of("abc"));
        assert!(!SecretDigest::from_hex(digest).unwrap().is_of("abd"));
        for bad in ["", "ba78", &digest[1..], &format!("{digest}00"), &digest.replace('b', "g")] {
            assert_eq!(SecretDigest::from_hex(bad), None, "{bad}");
        }
    }
}
