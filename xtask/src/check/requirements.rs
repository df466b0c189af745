//! Every rule of MCP that binds a server has a test that carries its id, or a reason in
//! `tests/requirements.md` why there is none.

use super::ledger::Ledger;
use anyhow::Result;

/// B the base protocol, T the transport of 2026-07-28, V versions and eras, L the transports before, M
/// methods, R what is asked of clients, K tasks, A the resource server's authorization, S the authorization
/// server, X its extensions, Z security across all of them.
const REQUIREMENTS: Ledger = Ledger {
    what: "rules of MCP",
    prefix: "MCP-",
    groups: &[
        ("B", 21),
        ("T", 53),
        ("V", 24),
        ("L", 41),
        ("M", 54),
        ("R", 35),
        ("K", 26),
        ("A", 26),
        ("S", 66),
        ("X", 22),
        ("Z", 11),
    ],
    reasons: "tests/requirements.md",
};

/// The rule.
pub(super) fn check() -> Result<()> {
    REQUIREMENTS.check()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_rule_has_a_test_or_a_reason() {
        super::check().unwrap();
    }
}
