//! The deployment's secrets and the keys that come from them.

use base64ct::{Base64UrlUnpadded, Encoding};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::{
    fmt,
    sync::{Arc, OnceLock},
};
use zeroize::Zeroizing;

/// The shortest secret that is accepted, in bytes.
pub const MIN_SECRET_BYTES: usize = 32;

/// Names a secret without telling anything about it.
pub type KeyId = [u8; 4];

/// One or several deployment secrets, newest first. New values are made with the newest; values made
/// with any of them are understood. Taking a secret out ends everything that was made with it.
#[derive(Clone)]
pub struct Keyring {
    newest: Secret,
    older: Vec<Secret>,
}

/// What a derived key is for. Each purpose has a key of its own, so that nothing made for one can be
/// passed off as the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Sealing records in the store.
    Record,
    /// Authenticating authorization codes.
    AuthorizationCode,
    /// Authenticating access tokens.
    AccessToken,
    /// Authenticating refresh tokens.
    RefreshToken,
    /// Sealing client metadata into a client id.
    ClientId,
    /// Deriving a client's secret from its id.
    ClientSecret,
    /// Sealing what a page hands back to us.
    Transaction,
    /// Sealing the browser's cookies.
    Cookie,
    /// Deriving a grant's id from the transaction that the user approved.
    GrantId,
    /// Sealing what a tool keeps between the rounds of a call, for the client to carry.
    RequestState,
    /// Sealing where the next page of a list begins.
    Cursor,
    /// Authenticating invitations to make an account.
    Invitation,
    /// Naming what is counted in the throttle of sign-ins.
    Throttle,
    /// Naming client assertions that were used.
    ClientAssertion,
}

impl Purpose {
    /// How many there are.
    const COUNT: usize = Self::ClientAssertion as usize + 1;

    /// The HKDF label. It is part of the stored format: never change one.
    fn label(self) -> &'static [u8] {
        match self {
            Self::Record => b"postern record v1",
            Self::AuthorizationCode => b"postern authorization code v1",
            Self::AccessToken => b"postern access token v1",
            Self::RefreshToken => b"postern refresh token v1",
            Self::ClientId => b"postern client id v1",
            Self::ClientSecret => b"postern client secret v1",
            Self::Transaction => b"postern transaction v1",
            Self::Cookie => b"postern cookie v1",
            Self::GrantId => b"postern grant id v1",
            Self::RequestState => b"postern request state v1",
            Self::Cursor => b"postern cursor v1",
            Self::Invitation => b"postern invitation v1",
            Self::Throttle => b"postern throttle v1",
            Self::ClientAssertion => b"postern client assertion v1",
        }
    }
}

/// Why a configured secret cannot be used. The text names the variable and never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// No secret is given.
    #[error("deployment_secret is empty")]
    Empty,
    /// A secret is not base64url.
    #[error(
        "deployment_secret must be base64url (letters, digits, - and _), or several of those separated by commas"
    )]
    Encoding,
    /// A secret is too short to be one.
    #[error("deployment_secret must be at least {MIN_SECRET_BYTES} random bytes, that is 43 characters")]
    TooShort,
}

#[derive(Clone)]
struct Secret {
    id: KeyId,
    extract: Hkdf<Sha256>,
    /// The keys that have been derived, by purpose. Clones share them.
    derived: Arc<[OnceLock<Derived>; Purpose::COUNT]>,
}

/// A key, and HMAC-SHA256 set up with it.
struct Derived {
    key: Zeroizing<[u8; 32]>,
    mac: Hmac<Sha256>,
}

impl Keyring {
    /// Parses the variable `deployment_secret`: base64url, several separated by commas, newest first.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let mut secrets = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            // `=` at the end is what many tools print.
            let bytes = Base64UrlUnpadded::decode_vec(part.trim_end_matches('='))
                .map_err(|_| KeyringError::Encoding)?;
            secrets.push(Secret::new(&Zeroizing::new(bytes))?);
        }
        let mut secrets = secrets.into_iter();
        let newest = secrets.next().ok_or(KeyringError::Empty)?;
        Ok(Self { newest, older: secrets.collect() })
    }

    /// A keyring of one secret.
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeyringError> {
        Ok(Self { newest: Secret::new(secret)?, older: Vec::new() })
    }

    /// The id of the secret that new values are made with.
    pub fn newest_id(&self) -> KeyId {
        self.newest.id
    }

    /// The ids of the secrets that came before the newest one, newest first.
    pub fn older_ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.older.iter().map(|secret| secret.id)
    }

    /// The key for `purpose` from the newest secret, and that secret's id.
    pub(crate) fn newest_key(&self, purpose: Purpose) -> (KeyId, &[u8; 32]) {
        (self.newest.id, &self.newest.derive(purpose).key)
    }

    /// The key for `purpose` from the secret that `id` names, if it is still here.
    pub(crate) fn find_key(&self, id: KeyId, purpose: Purpose) -> Option<&[u8; 32]> {
        Some(&self.find(id, purpose)?.key)
    }

    /// HMAC-SHA256 over `message` with the key for `purpose` from the secret that `id` names.
    pub fn authenticate(&self, id: KeyId, purpose: Purpose, message: &[u8]) -> Option<[u8; 32]> {
        Some(finish(self.find(id, purpose)?.mac.clone(), message))
    }

    fn find(&self, id: KeyId, purpose: Purpose) -> Option<&Derived> {
        let secret = std::iter::once(&self.newest).chain(&self.older).find(|secret| secret.id == id);
        secret.map(|secret| secret.derive(purpose))
    }
}

impl Secret {
    fn new(bytes: &[u8]) -> Result<Self, KeyringError> {
        if bytes.len() < MIN_SECRET_BYTES {
            return Err(KeyringError::TooShort);
        }
        let extract = Hkdf::<Sha256>::new(None, bytes);
        let mut id = KeyId::default();
        expand(&extract, b"postern key id v1", &mut id);
        Ok(Self { id, extract, derived: Arc::default() })
    }

    fn derive(&self, purpose: Purpose) -> &Derived {
        #[expect(clippy::indexing_slicing, reason = "there is one for each purpose")]
        self.derived[purpose as usize].get_or_init(|| {
            let mut key = Zeroizing::new([0; 32]);
            expand(&self.extract, purpose.label(), &mut *key);
            let mac = keyed(&key);
            Derived { key, mac }
        })
    }
}

fn expand(extract: &Hkdf<Sha256>, label: &[u8], output: &mut [u8]) {
    #[expect(
        clippy::expect_used,
        reason = "HKDF fails only for outputs longer than 255 hashes; ours fit in one"
    )]
    extract.expand(label, output).expect("the output is at most one hash long");
}

pub(crate) fn hmac_sha256(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    finish(keyed(key), message)
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    Hmac::new_from_slice(key).expect("a key of 32 bytes")
}

fn finish(mut mac: Hmac<Sha256>, message: &[u8]) -> [u8; 32] {
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Shows how many secrets there are and nothing of what they are.
impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Keyring({} secrets)", 1 + self.older.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2w";
    const NEW: &str = "bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmU";

    #[test]
    fn secrets_are_checked() {
        assert_eq!(Keyring::parse("").unwrap_err(), KeyringError::Empty);
        assert_eq!(Keyring::parse(" , ").unwrap_err(), KeyringError::Empty);
        assert_eq!(Keyring::parse("c2hvcnQ").unwrap_err(), KeyringError::TooShort);
        assert_eq!(Keyring::parse("not base64!").unwrap_err(), KeyringError::Encoding);
        assert_eq!(Keyring::parse(&format!("{OLD},c2hvcnQ")).unwrap_err(), KeyringError::TooShort);
    }

    #[test]
    fn newest_comes_first_and_older_ones_are_found() {
        let old = Keyring::parse(OLD).unwrap();
        let both = Keyring::parse(&format!("{NEW}, {OLD}")).unwrap();
        assert_ne!(both.newest_id(), old.newest_id());
        assert_eq!(
            both.find_key(old.newest_id(), Purpose::Record),
            old.find_key(old.newest_id(), Purpose::Record)
        );
        assert_eq!(old.find_key(both.newest_id(), Purpose::Record), None);
    }

    #[test]
    fn every_purpose_has_its_own_key() {
        let keys = Keyring::parse(OLD).unwrap();
        let purposes = [
            Purpose::Record,
            Purpose::AuthorizationCode,
            Purpose::AccessToken,
            Purpose::RefreshToken,
            Purpose::ClientId,
            Purpose::ClientSecret,
            Purpose::Transaction,
            Purpose::Cookie,
            Purpose::GrantId,
            Purpose::RequestState,
            Purpose::Cursor,
            Purpose::Invitation,
            Purpose::Throttle,
            Purpose::ClientAssertion,
        ];
        assert_eq!(purposes.len(), Purpose::COUNT);
        for (index, one) in purposes.iter().enumerate() {
            for other in &purposes[index + 1..] {
                assert_ne!(keys.newest_key(*one), keys.newest_key(*other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn debug_output_tells_nothing() {
        assert_eq!(format!("{:?}", Keyring::parse(OLD).unwrap()), "Keyring(1 secrets)");
    }
}
