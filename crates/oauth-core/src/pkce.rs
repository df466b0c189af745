//! Proof Key for Code Exchange (RFC 7636), method S256 only.

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The one method that is offered. `plain` protects against nothing that sees the request.
pub const METHOD: &str = "S256";

/// Whether this can be an S256 challenge: base64url of 32 bytes (section 4.2).
pub fn is_challenge(challenge: &str) -> bool {
    let mut hash = [0; 32];
    challenge.len() == 43 && Base64UrlUnpadded::decode(challenge, &mut hash).is_ok()
}

/// Whether `verifier` is well-formed (section 4.1) and its hash is `challenge` (section 4.6).
pub fn verify(verifier: &str, challenge: &str) -> bool {
    let well_formed = (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let computed = Base64UrlUnpadded::encode_string(&Sha256::digest(verifier));
    well_formed && bool::from(computed.as_bytes().ct_eq(challenge.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn rfc_vector() {
        assert!(is_challenge(CHALLENGE));
        assert!(verify(VERIFIER, CHALLENGE));
    }

    /// TK-05.
    #[test]
    fn wrong_verifiers() {
        let long = VERIFIER.repeat(3);
        for bad in ["", "short", &VERIFIER[1..], CHALLENGE, &format!("{}+", &VERIFIER[..42]), &long] {
            assert!(!verify(bad, CHALLENGE), "{bad}");
        }
    }

    /// AZ-14.
    #[test]
    fn challenge_is_43_characters_of_base64url() {
        for bad in
            ["", VERIFIER.trim_end_matches('k'), &format!("{CHALLENGE}="), &CHALLENGE.replace('-', "+")]
        {
            assert!(!is_challenge(bad), "{bad}");
        }
    }
}
