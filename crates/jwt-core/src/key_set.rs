//! Public keys of another party: JSON Web Key Sets (RFC 7517).

use crate::{Algorithm, key_material::KeyMaterial, strict};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The most keys that a set may have. Providers publish a handful.
pub const MAX_KEYS: usize = 32;

/// The most keys that are tried for one token. Providers with more keys name the key in the token; without this
/// limit, a forged token that names none would cost a check with every key of the set.
const MAX_TRIED: usize = 4;

/// The longest accepted key id, in bytes.
pub(crate) const MAX_KEY_ID_BYTES: usize = 256;

/// The usable keys of one issuer.
#[derive(Debug, Clone)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug, Clone)]
pub(crate) struct Key {
    id: Option<String>,
    /// The key's own `alg`, if it is bound to one (RFC 7517 section 4.4).
    algorithm: Option<Algorithm>,
    pub(crate) material: KeyMaterial,
    /// The members that the key was read from.
    members: Members,
}

/// Why a document is not a usable key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// It is not a JSON object with an array `keys` of objects.
    #[error("the key set is not well-formed")]
    Malformed,
    /// More than [`MAX_KEYS`].
    #[error("the key set has too many keys")]
    TooMany,
    /// A key has private or symmetric members, so its publisher has disclosed it.
    #[error("the key set publishes a private or symmetric key")]
    NotPublic,
    /// No key is of a supported kind and meant for signatures.
    #[error("the key set has no key that can check a signature")]
    NoUsableKey,
}

#[derive(Deserialize)]
struct RawKeySet {
    keys: Vec<Box<RawValue>>,
}

/// The members of a key that are read. `serde` refuses a member that occurs twice.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Members {
    #[serde(skip_serializing_if = "Option::is_none")]
    kty: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    public_key_use: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_ops: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
}

/// Whether the private and symmetric members are there (RFC 7518 sections 6.2.2, 6.3.2 and 6.4, RFC 8037
/// section 2).
#[derive(Default, Deserialize)]
#[serde(default)]
struct SecretMembers {
    #[serde(deserialize_with = "strict::present")]
    d: bool,
    #[serde(deserialize_with = "strict::present")]
    p: bool,
    #[serde(deserialize_with = "strict::present")]
    q: bool,
    #[serde(deserialize_with = "strict::present")]
    dp: bool,
    #[serde(deserialize_with = "strict::present")]
    dq: bool,
    #[serde(deserialize_with = "strict::present")]
    qi: bool,
    #[serde(deserialize_with = "strict::present")]
    oth: bool,
    #[serde(deserialize_with = "strict::present")]
    k: bool,
}

impl SecretMembers {
    fn any(&self) -> bool {
        self.d || self.p || self.q || self.dp || self.dq || self.qi || self.oth || self.k
    }
}

impl KeySet {
    /// Reads a JWK Set (RFC 7517 section 5).
    ///
    /// Keys of other kinds, for other uses, or out of the supported range are left out, as that section
    /// asks. A private or symmetric member in any key refuses the whole set. The caller limits the length of the
    /// document.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        let set: RawKeySet = strict::object(json).ok_or(KeySetError::Malformed)?;
        if set.keys.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let mut keys = Vec::new();
        for key in set.keys {
            let key = key.get().as_bytes();
            let secret: SecretMembers = strict::object(key).ok_or(KeySetError::Malformed)?;
            if secret.any() {
                return Err(KeySetError::NotPublic);
            }
            let members: Members = strict::object(key).ok_or(KeySetError::Malformed)?;
            keys.extend(members.into_key());
        }
        if keys.is_empty() { Err(KeySetError::NoUsableKey) } else { Ok(Self { keys }) }
    }

    /// Writes the set, without the keys that [`parse`](Self::parse) left out and without unused members such as
    /// certificates, in a form that `parse` reads.
    pub fn to_json(&self) -> String {
        let keys: Vec<&Members> = self.keys.iter().map(|key| &key.members).collect();
        serde_json::json!({ "keys": keys }).to_string()
    }

    /// Returns the first keys that may have made a signature of this algorithm under this key id. A token that
    /// names no key may have been signed by any key that fits.
    pub(crate) fn candidates(&self, algorithm: Algorithm, id: Option<&str>) -> impl Iterator<Item = &Key> {
        let may_be_it = move |key: &&Key| {
            algorithm.fits(&key.material)
                && key.algorithm.is_none_or(|bound_to| bound_to == algorithm)
                && id.is_none_or(|id| key.id.as_deref() == Some(id))
        };
        self.keys.iter().filter(may_be_it).take(MAX_TRIED)
    }
}

impl Members {
    /// Returns `None` for a key that cannot be used.
    fn into_key(self) -> Option<Key> {
        let for_signatures = self.public_key_use.as_deref().is_none_or(|use_| use_ == "sig")
            && self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|name| name == "verify"));
        let id_fits = self.kid.as_ref().is_none_or(|id| id.len() <= MAX_KEY_ID_BYTES);
        if !for_signatures || !id_fits {
            return None;
        }
        let algorithm = match &self.alg {
            None => None,
            Some(name) => Some(Algorithm::from_name(name)?),
        };
        let material = self.material()?;
        if algorithm.is_some_and(|algorithm| !algorithm.fits(&material)) {
            return None;
        }
        Some(Key { id: self.kid.clone(), algorithm, material, members: self })
    }

    fn material(&self) -> Option<KeyMaterial> {
        match (self.kty.as_deref()?, self.crv.as_deref()) {
            ("RSA", _) => KeyMaterial::rsa(self.n.as_deref()?, self.e.as_deref()?),
            ("EC", Some("P-256")) => KeyMaterial::p256(self.x.as_deref()?, self.y.as_deref()?),
            ("OKP", Some("Ed25519")) => KeyMaterial::ed25519(self.x.as_deref()?),
            _ => None,
        }
    }
}
