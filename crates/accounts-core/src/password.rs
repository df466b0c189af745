//! How passwords are kept: Argon2id (RFC 9106), at OWASP's parameters for servers.
//!
//! One takes 19 MiB of an instance, and about as long as ARCHITECTURE.md says that it was measured to.

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

/// Whether the hash was made in another way than new ones are, and should be made again while the password
/// is at hand (LG-09).
pub fn is_outdated(hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return true };
    let params =
        Params::try_from(&hash).ok().map(|params| (params.m_cost(), params.t_cost(), params.p_cost()));
    hash.algorithm != Algorithm::Argon2id.ident()
        || hash.version != Some(Version::V0x13.into())
        || params != Some((MEMORY_KIB, PASSES, LANES))
}

fn argon2() -> Argon2<'static> {
    Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default(),
    )
}

/// The commonest passwords that are long enough and are not periods or runs, in lower case and without
/// what is no letter or digit.
const COMMON: [&str; 16] = [
    "qwertyuiopasdfghjkl",
    "qwertyuiopasdfg",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv",
    "1qaz2wsx3edc4rfv5tgb",
    "q1w2e3r4t5y6u7i8",
    "1q2w3e4r5t6y7u8i9o0p",
    "correcthorsebatterystaple",
    "thisismypassword",
    "thisisapassword",
    "mypasswordispassword",
    "passwordpassword1",
    "administrator123",
    "letmeinletmein1",
    "changemechangeme",
    "iloveyousomuch123",
];

/// Whether a new password is one that somebody would try first (NIST SP 800-63B-4 section 3.1.1.2): a short
/// piece over and over, a run of the alphabet, digits or keys, one that many people have, or little but what
/// is known of the account. `known` is that: the address, the server's name.
pub fn is_guessable(password: &str, known: &[&str]) -> bool {
    let plain: Vec<char> = password
        .chars()
        .flat_map(char::to_lowercase)
        .filter(|character| character.is_alphanumeric())
        .collect();
    let text: String = plain.iter().collect();
    let is_periodic =
        (1..=8).any(|period| plain.iter().zip(plain.iter().skip(period)).all(|(one, other)| one == other));
    let steps = plain
        .iter()
        .zip(plain.iter().skip(1))
        .map(|(one, next)| u32::from(*next).wrapping_sub(u32::from(*one)));
    let runs = steps.filter(|step| matches!(*step, 0 | 1 | u32::MAX)).count();
    let is_run = runs * 4 >= plain.len().saturating_sub(1) * 3;
    // What is left of it without what is known has to be something by itself.
    let parts = known.iter().flat_map(|known| known.split(|character: char| !character.is_alphanumeric()));
    let mut rest = text.clone();
    let mut parts: Vec<String> = parts.filter(|part| part.len() > 2).map(str::to_lowercase).collect();
    parts.extend(["password", "postern"].map(str::to_owned));
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    for part in parts {
        rest = rest.replace(&part, "");
    }
    is_periodic || is_run || COMMON.contains(&text.as_str()) || rest.chars().count() < 6
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

    /// LG-09: what was made with other parameters is told from what is made today.
    #[test]
    fn outdated_hashes_are_told() {
        let hash = hash("correct horse", &SequenceRandom::default());
        assert!(!is_outdated(&hash));
        for (today, once) in [
            ("m=19456", "m=12288"),
            ("t=2", "t=3"),
            ("p=1", "p=2"),
            ("v=19", "v=16"),
            ("argon2id", "argon2i"),
        ] {
            assert!(is_outdated(&hash.replacen(today, once, 1)), "{once}");
        }
        assert!(is_outdated("") && is_outdated("not a hash"));
    }

    /// NIST SP 800-63B-4 section 3.1.1.2.
    #[test]
    fn what_would_be_guessed_first_is_told() {
        let known = ["alice.liddell@example.com", "mcp.example.com"];
        for bad in [
            "aaaaaaaaaaaaaaa",
            "passwordpassword",
            "Password-Password",
            "abcdefghijklmnop",
            "123456789012345",
            "0987654321098765",
            "12341234123412341",
            "qwertyuiopasdfgh jkl",
            "correct horse battery staple",
            "alice.liddell@example.com",
            "Alice Liddell 2026",
            "postern-password1",
            "mcp.example.com-1",
            "               ",
        ] {
            assert!(is_guessable(bad, &known), "{bad}");
        }
        for good in [
            "fifteen penguins",
            "a long enough password",
            "15 characters!!",
            "ein zwölf Meter langer Satz",
            "r7Kd0-qPz2x-91Lma",
            "alice goes down the hole",
        ] {
            assert!(!is_guessable(good, &known), "{good}");
        }
    }
}
