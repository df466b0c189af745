//! Sealed values: XChaCha20-Poly1305 under a derived key.
//!
//! A sealed value is `version (1) | key id (4) | nonce (24) | ciphertext and tag`. The associated data
//! says where the value belongs (a record's key, for example), so that it cannot be moved elsewhere.

use crate::{
    Keyring, Purpose, Random,
    keyring::{KeyId, hmac_sha256},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

/// The nonce of a sealed value. It is random for every write, so it also identifies the write.
pub type Nonce = [u8; 24];

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 1 + 4 + 24;

/// Seals `plaintext` with a random nonce.
pub fn seal(
    keys: &Keyring,
    purpose: Purpose,
    associated_data: &[u8],
    plaintext: &[u8],
    random: &impl Random,
) -> Vec<u8> {
    seal_with_nonce(keys, purpose, associated_data, plaintext, random.bytes())
}

/// Seals `plaintext` so that the same plaintext gives the same sealed value. The nonce is a keyed hash
/// of what is sealed, so it repeats only when everything does.
pub fn seal_deterministically(
    keys: &Keyring,
    purpose: Purpose,
    associated_data: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    let (_, key) = keys.newest_key(purpose);
    let length = (associated_data.len() as u64).to_be_bytes();
    let hash = hmac_sha256(key, &[b"nonce", &length[..], associated_data, plaintext].concat());
    let mut nonce = Nonce::default();
    nonce.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    seal_with_nonce(keys, purpose, associated_data, plaintext, nonce)
}

fn seal_with_nonce(
    keys: &Keyring,
    purpose: Purpose,
    associated_data: &[u8],
    plaintext: &[u8],
    nonce: Nonce,
) -> Vec<u8> {
    let (key_id, key) = keys.newest_key(purpose);
    let payload = Payload { msg: plaintext, aad: associated_data };
    #[expect(clippy::expect_used, reason = "XChaCha20-Poly1305 fails only for messages over 256 GiB")]
    let ciphertext = XChaCha20Poly1305::new(key.into())
        .encrypt(XNonce::from_slice(&nonce), payload)
        .expect("the message fits");
    [&[VERSION][..], &key_id, &nonce, &ciphertext].concat()
}

/// Opens a sealed value. `None` when it is damaged, forged, moved, of another purpose, of a version
/// that is not known, or made with a secret that is no longer here: nobody needs to know which.
pub fn open(keys: &Keyring, purpose: Purpose, associated_data: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (header, ciphertext) = sealed.split_at_checked(HEADER_BYTES)?;
    let (version, header) = header.split_first()?;
    let (key_id, nonce) = header.split_first_chunk::<4>()?;
    if *version != VERSION {
        return None;
    }
    let key = keys.find_key(*key_id, purpose)?;
    XChaCha20Poly1305::new(key.into())
        .decrypt(XNonce::from_slice(nonce), Payload { msg: ciphertext, aad: associated_data })
        .ok()
}

/// Whether a sealed value names a secret that is not here, unverified: whoever can write the store can
/// make a value say so, as they can delete it.
pub fn is_of_unknown_key(keys: &Keyring, sealed: &[u8]) -> bool {
    let is_known = |id: KeyId| keys.find_key(id, Purpose::Record).is_some();
    sealed.first() == Some(&VERSION) && key_id(sealed).is_some_and(|id| !is_known(id))
}

/// The id of the secret that a sealed value names, unverified.
pub fn key_id(sealed: &[u8]) -> Option<KeyId> {
    sealed.get(..HEADER_BYTES)?.get(1..)?.first_chunk().copied()
}

/// The nonce of a sealed value, unverified.
pub fn nonce(sealed: &[u8]) -> Option<Nonce> {
    sealed.get(5..HEADER_BYTES)?.try_into().ok()
}

/// A sealed value as text: base64url without padding.
pub fn to_text(sealed: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(sealed)
}

/// Reads [`to_text`]'s form, and only that: other alphabets, padding and stray bits are refused, so
/// that no two texts stand for the same value (RFC 4648 section 3.5).
pub fn from_text(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SequenceRandom;

    fn keys() -> Keyring {
        Keyring::from_secret(&[7; 32]).unwrap()
    }

    #[test]
    fn opens_only_where_it_belongs() {
        let (keys, random) = (keys(), SequenceRandom::default());
        let sealed = seal(&keys, Purpose::Record, b"here", b"text", &random);
        assert_eq!(open(&keys, Purpose::Record, b"here", &sealed).as_deref(), Some(&b"text"[..]));
        assert_eq!(open(&keys, Purpose::Record, b"there", &sealed), None);
        assert_eq!(open(&keys, Purpose::Cookie, b"here", &sealed), None);
        let other = Keyring::from_secret(&[8; 32]).unwrap();
        assert_eq!(open(&other, Purpose::Record, b"here", &sealed), None);
    }

    /// Whoever can write the store cannot forge a record: each bit counts.
    #[test]
    fn damage_anywhere_is_noticed() {
        let (keys, random) = (keys(), SequenceRandom::default());
        let sealed = seal(&keys, Purpose::Record, b"", b"text", &random);
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[index] ^= 1;
            assert_eq!(open(&keys, Purpose::Record, b"", &damaged), None, "byte {index}");
            assert_eq!(open(&keys, Purpose::Record, b"", &sealed[..index]), None, "cut at {index}");
        }
    }

    #[test]
    fn deterministic_seals_repeat_only_with_their_plaintext() {
        let keys = keys();
        let one = seal_deterministically(&keys, Purpose::ClientId, b"", b"one");
        assert_eq!(one, seal_deterministically(&keys, Purpose::ClientId, b"", b"one"));
        let two = seal_deterministically(&keys, Purpose::ClientId, b"", b"two");
        assert_ne!(nonce(&one), nonce(&two));
        assert_eq!(open(&keys, Purpose::ClientId, b"", &two).as_deref(), Some(&b"two"[..]));
    }

    #[test]
    fn survives_rotation_until_its_secret_is_retired() {
        let old = keys();
        let sealed = seal_deterministically(&old, Purpose::Record, b"", b"text");
        let new = "bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmU";
        let rotated = Keyring::parse(&format!("{new},{}", to_text(&[7; 32]))).unwrap();
        assert!(open(&rotated, Purpose::Record, b"", &sealed).is_some());
        let retired = Keyring::parse(new).unwrap();
        assert!(open(&retired, Purpose::Record, b"", &sealed).is_none());
    }

    /// TK-09.
    #[test]
    fn text_has_one_form() {
        assert_eq!(from_text(&to_text(&[1, 2, 3, 4])).as_deref(), Some(&[1, 2, 3, 4][..]));
        for bad in ["AQIDBA==", "AQIDBB", "AQID BA", "AQID+A"] {
            assert_eq!(from_text(bad), None, "{bad}");
        }
    }
}
