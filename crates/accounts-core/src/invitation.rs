//! Invitations: a code with which one e-mail address may make an account.
//!
//! Whoever has the deployment's secret can write one, without the server or its store. Nothing is kept of
//! it: it is good for one address and until a time, both of which it is authenticated with, and it is used up
//! when that address has its account.

use store_core::{Keyring, Purpose, keyring::KeyId, seal};
use subtle::ConstantTimeEq;

/// The bytes of the MAC that are in a code. 128 bits are not guessed.
const MAC_BYTES: usize = 16;

/// Writes an invitation for the account with this [normalised](crate::name::normalise) address. `expires_at`
/// is in seconds since the Unix epoch, and counts to the minute. `None` for a time beyond the year 10000.
pub fn issue(keys: &Keyring, email: &str, expires_at: u64) -> Option<String> {
    let (key_id, minute) = (keys.newest_id(), u32::try_from(expires_at / 60).ok()?);
    let mac = authenticate(keys, key_id, email, minute)?;
    Some(seal::to_text(&[&key_id[..], &minute.to_be_bytes(), &mac].concat()))
}

/// Whether this is an invitation for this address, and still good.
pub fn verify(keys: &Keyring, code: &str, email: &str, now: u64) -> bool {
    let is_good = || {
        let bytes = seal::from_text(code.trim())?;
        let (key_id, rest) = bytes.split_first_chunk()?;
        let (minute, mac) = rest.split_first_chunk()?;
        let minute = u32::from_be_bytes(*minute);
        let expected = authenticate(keys, *key_id, email, minute)?;
        Some(bool::from(expected.ct_eq(mac)) && now < u64::from(minute) * 60)
    };
    is_good().unwrap_or(false)
}

fn authenticate(keys: &Keyring, key_id: KeyId, email: &str, minute: u32) -> Option<Vec<u8>> {
    let message = [&minute.to_be_bytes(), email.as_bytes()].concat();
    let mac = keys.authenticate(key_id, Purpose::Invitation, &message)?;
    mac.get(..MAC_BYTES).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    /// LG-11: for one address, until a time, from whoever has the secret.
    #[test]
    fn invitation_is_for_one_address_and_a_time() {
        let keys = Keyring::from_secret(&[7; 32]).unwrap();
        let code = issue(&keys, "alice@example.com", NOW + 3_600).unwrap();
        assert_eq!(code.len(), 32, "short enough to be typed");
        let is_good = |code: &str, email, now| verify(&keys, code, email, now);
        assert!(is_good(&code, "alice@example.com", NOW));
        assert!(is_good(&format!(" {code}\n"), "alice@example.com", NOW + 3_599));
        assert!(!is_good(&code, "alice@example.com", NOW + 3_600));
        assert!(!is_good(&code, "bob@example.com", NOW));
        for bad in ["", "x", &code[1..], &format!("{code}AAAA"), &"A".repeat(32)] {
            assert!(!is_good(bad, "alice@example.com", NOW), "{bad}");
        }
        let elsewhere = Keyring::from_secret(&[8; 32]).unwrap();
        assert!(!verify(&elsewhere, &code, "alice@example.com", NOW));
        assert_eq!(issue(&keys, "a@b", u64::MAX), None);
    }
}
