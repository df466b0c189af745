//! What an account is found by: an e-mail address.

/// The longest e-mail address (RFC 5321 section 4.5.3.1, as corrected by erratum 1690), in bytes.
pub const MAX_BYTES: usize = 254;

/// An e-mail address in the form in which accounts are found: without space around it, in lower case.
/// `None` if it cannot be one; whether it is one only a message to it would tell.
///
/// Only ASCII will do. There the lower case is all that NFKC and case folding do, so one account has one name
/// and one throttle (LG-05); of addresses beyond it (RFC 6531) that would take 150 KB of Unicode tables, and a
/// domain name can be written in ASCII anyway (RFC 5890). What looks like an ASCII address, but in full-width
/// letters, is none.
pub fn normalise(text: &str) -> Option<String> {
    let email = text.trim().to_ascii_lowercase();
    let (local, domain) = email.rsplit_once('@')?;
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic());
    (is_plain(local) && is_plain(domain) && email.len() <= MAX_BYTES).then_some(email)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// LG-05.
    #[test]
    fn one_account_has_one_name() {
        for same in ["alice@example.com", " Alice@EXAMPLE.com\t", "ALICE@example.COM"] {
            assert_eq!(normalise(same).as_deref(), Some("alice@example.com"), "{same}");
        }
        // A Kelvin sign, full-width letters, a long s, an invisible space: to be folded or not at all.
        for other in
            ["mi\u{212a}e@example.com", "ａlice@example.com", "ali\u{17f}a@example.com", "al\u{200b}ice@x.y"]
        {
            assert_eq!(normalise(other), None, "{other}");
        }
    }

    #[test]
    fn only_addresses_are_names() {
        let long = format!("{}@x", "a".repeat(300));
        for bad in ["", "alice", "@example.com", "alice@", "al ice@example.com", "a\0@example.com", &long] {
            assert_eq!(normalise(bad), None, "{bad}");
        }
    }
}
