//! The public keys that can verify signatures.

use crate::strict;
use rsa::BoxedUint;

/// RSA moduli, in bits. RFC 7518 section 3.3 requires at least 2048; the upper end bounds the cost of a check.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// The smallest accepted public exponent, which is also the usual one.
const MIN_RSA_EXPONENT: u32 = 65_537;

/// A public key.
#[derive(Debug, Clone)]
pub(crate) enum KeyMaterial {
    Rsa(Box<rsa::PublicKey>),
    P256(p256::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl KeyMaterial {
    /// Reads an RSA key (RFC 7518 section 6.3.1).
    pub(crate) fn rsa(n: &str, e: &str) -> Option<Self> {
        // A longer exponent is not a usual key, and would make the arithmetic expensive.
        if n.len() > 1024 || e.len() > 16 {
            return None;
        }
        let number = |text: &str| Some(BoxedUint::from_be_slice_vartime(&strict::decode(text)?));
        let (n, e) = (number(n)?, number(e)?);
        if e < BoxedUint::from(MIN_RSA_EXPONENT) {
            return None;
        }
        let key = rsa::PublicKey::new_with_size_limits(n, e, RSA_BITS).ok()?;
        Some(Self::Rsa(Box::new(key)))
    }

    /// Reads a P-256 key (RFC 7518 section 6.2.1). A point that is not on the curve is refused.
    pub(crate) fn p256(x: &str, y: &str) -> Option<Self> {
        let (x, y) = (strict::decode_array::<32>(x)?, strict::decode_array::<32>(y)?);
        let point = [&[4][..], &x, &y].concat();
        Some(Self::P256(p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?))
    }

    /// Reads an Ed25519 key (RFC 8037 section 2).
    pub(crate) fn ed25519(x: &str) -> Option<Self> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&strict::decode_array(x)?).ok()?;
        (!key.is_weak()).then_some(Self::Ed25519(key))
    }
}
