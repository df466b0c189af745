//! How passwords are kept: Argon2id (RFC 9106), at OWASP's parameters for servers.

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordVerifier, Version,
    password_hash::{PasswordHasher, SaltString},
};
use store_core::Random;

/// The longest password, in bytes. Far beyond any that is typed, and cheap to hash.
pub const MAX_BYTES: usize = 1024;

/// The fewest characters of a new password on a public server (NIST SP 800-63B-4 section 3.1.1.2, for
/// passwords that are the only factor).
pub const MIN_CHARACTERS: usize = 15;

/// 19 MiB, two passes, one lane: the OWASP Password Storage Cheat Sheet's second choice, which takes the
/// least memory of the instance.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes a new password. The salt and the parameters are in the result (PHC string format).
pub fn hash(password: &str, random: &impl Random) -> String {
    // A salt of 16 bytes is always a valid one, and these parameters always hash.
    let hashed = SaltString::encode_b64(&random.bytes::<16>())
        .and_then(|salt| argon2().hash_password(password.as_bytes(), &salt).map(|hash| hash.to_string()));
    hashed.unwrap_or_default()
}

/// Whether this is the password. The parameters are the ones that the hash was made with.
pub fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Does the work of [`verify`] where there is nothing to verify.
pub fn verify_nothing(password: &str) {
    struct Fixed;
    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }
    std::hint::black_box(hash(password, &Fixed));
}

fn argon2() -> Argon2<'static> {
    Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use store_core::testing::SequenceRandom;

    /// LG-09.
    #[test]
    fn hash_says_how_it_was_made() {
        let hash = hash("correct horse", &SequenceRandom::default());
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("correct horse", &hash));
        assert!(!verify("correct horse ", &hash));
        assert!(!verify("", "") && !verify("x", "not a hash"));
    }

    #[test]
    fn salts_differ() {
        let random = SequenceRandom::default();
        assert_ne!(hash("x", &random), hash("x", &random));
    }
}
