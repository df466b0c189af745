//! Scopes that clients ask for at first: the variable `initial_scopes`.
//!
//! A client without a token asks for the scopes that the MCP server names in its challenge and its metadata. By
//! default these are the ones that the tools declare as initial; for others a client asks when a tool refuses it
//! (`insufficient_scope`). Some clients answer that refusal by refreshing, which widens nothing, and give up.
//! With this variable an operator has further scopes asked for at first, so that those clients reach the tools
//! that need them. The user still decides about each scope on the consent page.

/// What a scope that counts as initial is called, for all of them.
const ALL: &str = "*";

/// Scopes that count as initial besides those that the tools declare so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InitialScopes(Vec<String>);

/// The variable `initial_scopes` cannot be used. The text names the variable and never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("initial_scopes: {}", self.problem())]
pub struct InitialScopesError;

impl InitialScopesError {
    /// What is wrong, without the name of the variable.
    pub fn problem(self) -> &'static str {
        "it must list scopes (RFC 6749 section 3.3) separated by spaces, or be * for all of them"
    }
}

impl InitialScopes {
    /// Reads the variable.
    pub fn parse(variable: &str) -> Result<Self, InitialScopesError> {
        let names: Vec<String> = variable.split_whitespace().map(str::to_owned).collect();
        let is_token =
            |name: &String| name.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        // Commas separate elsewhere; here they would be part of a name that no tool has.
        let is_good = names.iter().all(|name| is_token(name) && !name.contains(','));
        let is_alone = names.len() == 1 || !names.iter().any(|name| name == ALL);
        if is_good && is_alone { Ok(Self(names)) } else { Err(InitialScopesError) }
    }

    /// Whether a scope counts as initial, of which the tools say whether it is.
    pub fn is_initial(&self, name: &str, is_declared: bool) -> bool {
        is_declared || self.0.iter().any(|known| known == name || known == ALL)
    }

    /// The names that are not among these scopes: probably misspelt.
    pub fn unknown<'a>(&'a self, offered: impl Iterator<Item = &'a str> + Clone) -> Vec<&'a str> {
        let is_known = |name: &str| name == ALL || offered.clone().any(|known| known == name);
        self.0.iter().map(String::as_str).filter(|name| !is_known(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C26.
    #[test]
    fn named_scopes_count_as_initial() {
        let none = InitialScopes::parse(" ").unwrap();
        assert!(none.is_initial("a", true) && !none.is_initial("a", false));
        let some = InitialScopes::parse("a  math:statistics\n").unwrap();
        assert!(some.is_initial("math:statistics", false) && some.is_initial("b", true));
        assert!(!some.is_initial("b", false));
        assert_eq!(some.unknown(["a", "b"].into_iter()), ["math:statistics"]);
        let all = InitialScopes::parse("*").unwrap();
        assert!(all.is_initial("b", false) && all.unknown(["a"].into_iter()).is_empty());
    }

    #[test]
    fn mistakes_are_told_without_the_value() {
        for bad in ["a,b", "a * b", "s3\"cret", "b\\c", "é"] {
            let error = InitialScopes::parse(bad).unwrap_err().to_string();
            assert!(error.starts_with("initial_scopes: ") && !error.contains(bad), "{error}");
        }
    }
}
