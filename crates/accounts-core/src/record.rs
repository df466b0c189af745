//! What is stored of an account.
//!
//! | key | record | lives | written |
//! |---|---|---|---|
//! | `postern:a:<digest of the e-mail>` | [`Account`] | as long as the account | created at first sign-in |

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store_core::Random;

/// An account. Sealed like every record.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Stable identifier: random, so that it says nothing and is never given twice.
    pub subject: String,
    /// The e-mail address, normalised.
    pub email: String,
    /// The password's hash, in PHC string format.
    pub password_hash: String,
}

/// The key of the account with this normalised e-mail address.
pub fn key(email: &str) -> String {
    let digest = Sha256::digest([b"postern account v1\0", email.as_bytes()].concat());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("postern:a:{hex}")
}

/// A fresh identifier.
pub(crate) fn new_subject(random: &impl Random) -> String {
    format!("acct_{}", Base64UrlUnpadded::encode_string(&random.bytes::<16>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_digests() {
        let key = key("'\"; drop/\0@Ünïcode");
        assert!(key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b':')), "{key}");
    }

    /// A stored format: a change to it needs a "Stored data" line in the changelog.
    #[test]
    fn record_stays_as_it_is() {
        let account = Account {
            subject: "acct_AAAAAAAAAAAAAAAAAAAAAA".into(),
            email: "alice@example.com".into(),
            password_hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".into(),
        };
        let golden = include_str!("../tests/golden/account.json");
        assert!(serde_json::from_str::<Account>(golden).unwrap() == account);
        assert_eq!(serde_json::to_string_pretty(&account).unwrap(), golden.trim_end());
    }
}
