//! Scopes (RFC 6749 section 3.3).

use crate::{credential::ScopeSet, ports::Offer};

/// A scope parameter that is not a list of scope tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scope parameter has characters that scopes do not have")]
pub struct InvalidScope;

/// Splits a scope parameter into its tokens, each once.
pub fn parse(parameter: &str) -> Result<Vec<String>, InvalidScope> {
    let mut scopes: Vec<String> = Vec::new();
    for token in parameter.split(' ').filter(|token| !token.is_empty()) {
        if !token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            return Err(InvalidScope);
        }
        if !scopes.iter().any(|scope| scope == token) {
            scopes.push(token.to_owned());
        }
    }
    Ok(scopes)
}

/// What to offer the user of what the client asked for, in the offer's order, and no more than a token
/// has room for.
///
/// Tolerance `unknown_scopes`: scopes that nothing here needs are dropped, because clients ask for
/// `openid email profile` or `offline_access` out of habit. A client that asked for nothing that is
/// known gets what a client gets that asked for nothing: the initial scopes.
pub fn narrow(requested: &[String], offer: &Offer) -> Vec<String> {
    let known = |scope: &str| requested.iter().any(|requested| requested == scope);
    let any_known = offer.scopes.iter().any(|scope| known(&scope.name));
    let wanted =
        offer.scopes.iter().filter(|scope| if any_known { known(&scope.name) } else { scope.initial });
    wanted.map(|scope| scope.name.clone()).take(ScopeSet::CAPACITY).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::OfferedScope;

    fn offer() -> Offer {
        let scope =
            |name: &str, initial| OfferedScope { name: name.into(), description: String::new(), initial };
        Offer { scopes: vec![scope("a", true), scope("b", false), scope("c", true)], tools: Vec::new() }
    }

    /// AZ-20.
    #[test]
    fn bad_characters_are_an_error() {
        assert_eq!(parse("a  b a").unwrap(), ["a", "b"]);
        for bad in ["a\"b", "a\\", "a\tb", "é"] {
            assert_eq!(parse(bad), Err(InvalidScope), "{bad}");
        }
    }

    #[test]
    fn unknown_scopes_are_dropped() {
        assert_eq!(narrow(&parse("openid c b").unwrap(), &offer()), ["b", "c"]);
        assert_eq!(narrow(&parse("openid email profile").unwrap(), &offer()), ["a", "c"]);
        assert_eq!(narrow(&[], &offer()), ["a", "c"]);
    }
}
