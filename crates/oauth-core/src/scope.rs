//! Scopes (RFC 6749 section 3.3).

use crate::{Config, config::log_tolerance, credential::ScopeSet, ports::Offer};

/// A scope parameter that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScope {
    /// It is not a list of scope tokens.
    #[error("scope is malformed")]
    Malformed,
    /// It has a scope that nothing here needs.
    #[error("scope has one that is not known here")]
    Unknown,
}

/// Splits a scope parameter into its tokens, each once.
pub fn parse(parameter: &str) -> Result<Vec<String>, InvalidScope> {
    let mut scopes: Vec<String> = Vec::new();
    for token in parameter.split(' ').filter(|token| !token.is_empty()) {
        if !token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            return Err(InvalidScope::Malformed);
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
pub fn narrow(
    requested: &[String],
    offer: &Offer,
    config: &Config,
    log: &dyn Fn(&str),
) -> Result<Vec<String>, InvalidScope> {
    let is_offered = |name: &String| offer.scopes.iter().any(|scope| scope.name == *name);
    if !requested.iter().all(is_offered) {
        if !config.tolerances.unknown_scopes {
            return Err(InvalidScope::Unknown);
        }
        log_tolerance(log, "unknown_scopes");
    }
    let known = |scope: &str| requested.iter().any(|requested| requested == scope);
    let any_known = requested.iter().any(is_offered);
    let wanted = offer.scopes.iter().filter(|scope| match any_known {
        true => known(&scope.name),
        false => config.initial_scopes.is_initial(&scope.name, scope.initial),
    });
    Ok(wanted.map(|scope| scope.name.clone()).take(ScopeSet::CAPACITY).collect())
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
            assert_eq!(parse(bad), Err(InvalidScope::Malformed), "{bad}");
        }
    }

    /// AZ-20.
    #[test]
    fn unknown_scopes_are_dropped() {
        let config = |variable: &'static str, value: &'static str| {
            let url = web_core::PublicUrl::parse("https://mcp.example.com").unwrap();
            Config::read(url, |name| if name == variable { value.into() } else { String::new() }).unwrap()
        };
        let ask = |parameter: &str, config: &Config| {
            let logged = std::cell::Cell::new(0);
            let log = |_: &str| logged.set(logged.get() + 1);
            let narrowed = narrow(&parse(parameter).unwrap(), &offer(), config, &log)?;
            Ok((narrowed.join(" "), logged.get()))
        };
        let (tolerant, strict) = (config("", ""), config("strict", "unknown_scopes"));
        assert_eq!(ask("", &config("initial_scopes", "b")), Ok(("a b c".into(), 0)), "C26");
        assert_eq!(ask("openid c b", &tolerant), Ok(("b c".into(), 1)));
        assert_eq!(ask("openid email profile", &tolerant), Ok(("a c".into(), 1)));
        for config in [&tolerant, &strict] {
            assert_eq!(ask("", config), Ok(("a c".into(), 0)));
            assert_eq!(ask("c b", config), Ok(("b c".into(), 0)));
        }
        assert_eq!(ask("openid c b", &strict), Err(InvalidScope::Unknown));
    }
}
