//! Every abuse case that the design names has a test that carries its id, or a reason in
//! `tests/threats.md` why there is none.

use super::ledger::Ledger;
use anyhow::Result;

/// AZ authorization and consent, TK tokens, RG registration, CM client id metadata documents, DS discovery,
/// RS the resource server, TL tools, K storage, HT HTTP, BR browser pages, LG signing in, FD providers that people
/// sign in at.
const THREATS: Ledger = Ledger {
    what: "abuse cases",
    prefix: "",
    groups: &[
        ("AZ", 34),
        ("TK", 40),
        ("RG", 19),
        ("CM", 25),
        ("DS", 10),
        ("RS", 16),
        ("TL", 12),
        ("K", 33),
        ("HT", 17),
        ("BR", 18),
        ("LG", 15),
        ("FD", 13),
    ],
    reasons: "tests/threats.md",
};

/// The rule.
pub(super) fn check() -> Result<()> {
    THREATS.check()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_has_a_test_or_a_reason() {
        super::check().unwrap();
    }
}
