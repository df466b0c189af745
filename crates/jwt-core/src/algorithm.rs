//! The supported signature algorithms, and how to verify with them.

use crate::key_material::KeyMaterial;
use ed25519_dalek::Signature as EdSignature;
use p256::ecdsa::{Signature as EcSignature, signature::Verifier};
use rsa::{
    Pkcs1v15Sign, Pss,
    sha2::{Digest, Sha256},
};

/// An algorithm of RFC 7518 section 3.1, RFC 8037 or RFC 9864. All of them are public-key signatures;
/// there is no value for `none` or for HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256 and MGF1 with SHA-256; the salt is as long as the hash.
    Ps256,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// Ed25519, under its names `EdDSA` (RFC 8037) and `Ed25519` (RFC 9864).
    EdDsa,
}

impl Algorithm {
    /// All supported algorithms.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// The algorithm of this name, as `alg` writes it. Names are case-sensitive (RFC 7515 section 4.1.1).
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }

    /// Its name in metadata and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Whether a key of this kind can make such signatures.
    pub(crate) fn fits(self, key: &KeyMaterial) -> bool {
        matches!(
            (self, key),
            (Self::Rs256 | Self::Ps256, KeyMaterial::Rsa(_))
                | (Self::Es256, KeyMaterial::P256(_))
                | (Self::EdDsa, KeyMaterial::Ed25519(_))
        )
    }

    /// Whether `signature` is the key's over `message`. False as well when the key is of another kind.
    pub(crate) fn verify(self, key: &KeyMaterial, message: &[u8], signature: &[u8]) -> bool {
        match (self, key) {
            (Self::Rs256, KeyMaterial::Rsa(key)) => {
                let scheme = Pkcs1v15Sign::new::<Sha256>();
                key.verify(scheme, &Sha256::digest(message), signature).is_ok()
            }
            (Self::Ps256, KeyMaterial::Rsa(key)) => {
                key.verify(Pss::<Sha256>::new(), &Sha256::digest(message), signature).is_ok()
            }
            (Self::Es256, KeyMaterial::P256(key)) => EcSignature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            (Self::EdDsa, KeyMaterial::Ed25519(key)) => EdSignature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            _ => false,
        }
    }
}
