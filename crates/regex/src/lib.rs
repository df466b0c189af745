//! `regex-lite` in the place of `regex` (see `[patch.crates-io]` in the workspace's `Cargo.toml`).
//!
//! Only `boon` uses it here, for the keywords `pattern` and `patternProperties` of JSON Schema. It asks for `regex` with
//! everything, which makes 0.7 MB of a component; the small one is by the same authors and has no Unicode tables, and
//! matches in linear time too. What it lacks is `\p{…}`: a schema with such a pattern cannot be used, and says so.
//! The classes in classes that `boon` makes of `[\w.-]` it lacks as well; those are taken apart here.

use std::fmt;

/// A regular expression.
#[derive(Debug, Clone)]
pub struct Regex(regex_lite::Regex);

/// Why a pattern is none.
#[derive(Debug, Clone)]
pub struct Error(regex_lite::Error);

impl Regex {
    /// Compiles a pattern.
    pub fn new(pattern: &str) -> Result<Self, Error> {
        regex_lite::Regex::new(&flatten(pattern)).map(Self).map_err(Error)
    }

    /// Whether it matches anywhere in a text.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// The pattern, as it is matched.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::error::Error for Error {}

/// The classes that `boon` writes for those of ECMA-262, and what says the same inside another class.
const NESTED: [(&str, &str); 6] = [
    ("[0-9]", "0-9"),
    ("[^0-9]", r"\D"),
    ("[A-Za-z0-9_]", "A-Za-z0-9_"),
    ("[^A-Za-z0-9_]", r"\W"),
    ("[ \t\n\r\u{b}\u{c}\u{a0}\u{feff}\u{2003}\u{2029}]", " \t\n\r\u{b}\u{c}\u{a0}\u{feff}\u{2003}\u{2029}"),
    ("[^ \t\n\r\u{b}\u{c}\u{a0}\u{feff}\u{2003}\u{2029}]", r"\S"),
];

/// The pattern without the classes inside classes that are known. Others are left to be refused.
fn flatten(pattern: &str) -> String {
    let mut flat = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut inside = false;
    while let Some(next) = rest.chars().next() {
        let known = NESTED.iter().find(|(nested, _)| inside && rest.starts_with(nested));
        if let Some((nested, members)) = known {
            flat.push_str(members);
            rest = rest.get(nested.len()..).unwrap_or_default();
            continue;
        }
        let mut taken = next.len_utf8();
        match next {
            '\\' => taken += rest.chars().nth(1).map_or(0, char::len_utf8),
            '[' if !inside => {
                inside = true;
                // A `]` that comes first is a member.
                let negated = usize::from(rest.starts_with("[^"));
                let members = rest.get(1 + negated..).unwrap_or_default();
                taken += negated + usize::from(members.starts_with(']'));
            }
            ']' => inside = false,
            _ => {}
        }
        flat.push_str(rest.get(..taken).unwrap_or(rest));
        rest = rest.get(taken..).unwrap_or_default();
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_classes_inside_classes_are_taken_apart() {
        for (pattern, flat) in [
            ("^[[A-Za-z0-9_].-]+$", "^[A-Za-z0-9_.-]+$"),
            ("[a-f[0-9]][0-9]", "[a-f0-9][0-9]"),
            ("[^[^0-9]x]", r"[^\Dx]"),
            (r"\[[0-9]\]", r"\[[0-9]\]"),
            (r"[\]x[0-9]]", r"[\]x0-9]"),
            ("[]a[0-9]]", "[]a0-9]"),
            ("[^]]", "[^]]"),
            ("ä[ö[0-9]]", "ä[ö0-9]"),
            ("[", "["),
            ("\\", "\\"),
        ] {
            assert_eq!(flatten(pattern), flat, "{pattern}");
        }
        assert!(Regex::new("^[[A-Za-z0-9_].-]+$").unwrap().is_match("a.b-c_9"));
        assert!(!Regex::new("^[[A-Za-z0-9_].-]+$").unwrap().is_match("a b"));
        assert!(Regex::new("[a[b]]").is_err(), "others are refused, not misread");
    }
}
