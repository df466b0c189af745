//! Test support: keys that sign, and tokens made with them. The server does not use it.
#![expect(clippy::expect_used, reason = "test support fails loudly")]

use crate::{Algorithm, KeySet, strict};
use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::Signer as _;
use serde_json::{Value, json};

/// A key pair that follows from a seed.
#[derive(Clone)]
pub enum TestKey {
    /// For ES256.
    P256(p256::ecdsa::SigningKey),
    /// For EdDSA.
    Ed25519(ed25519_dalek::SigningKey),
}

impl TestKey {
    /// A key for ES256. The seed is not zero.
    pub fn p256(seed: u8) -> Self {
        Self::P256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).expect("a scalar in the field"))
    }

    /// A key for EdDSA.
    pub fn ed25519(seed: u8) -> Self {
        Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
    }

    /// The name of its algorithm.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    /// The public key as a JWK.
    pub fn jwk(&self, id: &str) -> Value {
        match self {
            Self::P256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                let coordinate =
                    |bytes: Option<&[u8]>| Base64UrlUnpadded::encode_string(bytes.unwrap_or_default());
                let (x, y) =
                    (coordinate(point.x().map(AsRef::as_ref)), coordinate(point.y().map(AsRef::as_ref)));
                json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": id, "use": "sig", "alg": "ES256" })
            }
            Self::Ed25519(key) => {
                let x = Base64UrlUnpadded::encode_string(key.verifying_key().as_bytes());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": id, "use": "sig", "alg": "EdDSA" })
            }
        }
    }

    /// A token with this header and these claims, as they are given.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// Signs texts that need not be JSON; see [`sign`](Self::sign).
    pub fn sign_text(&self, header: &str, payload: &str) -> String {
        let encode = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
        let input = format!("{}.{}", encode(header.as_bytes()), encode(payload.as_bytes()));
        let signature = match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(input.as_bytes());
                encode(&signature.to_bytes())
            }
            Self::Ed25519(key) => encode(&key.sign(input.as_bytes()).to_bytes()),
        };
        format!("{input}.{signature}")
    }
}

/// Returns the key set of these JWKs.
pub fn key_set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// Whether `signature`, in base64url, is over `message` by a JWK: for examples that are not tokens.
pub fn verify(algorithm: &str, jwk: &str, message: &str, signature: &str) -> bool {
    let keys = KeySet::parse(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes()).expect("a key set");
    let algorithm = Algorithm::from_name(algorithm).expect("an algorithm");
    let signature = strict::decode(signature).expect("base64url");
    keys.candidates(algorithm, None)
        .any(|key| algorithm.verify(&key.material, message.as_bytes(), &signature))
}
