//! Addresses of resources: which are looked up at all (RFC 3986), and which fit a template (RFC 6570).
//!
//! What a client asks to read reaches the resources only if it is listed or fits a template, and only if it cannot
//! be taken for a way out of a folder (MCP-M-21, MP-15).

use iri_string::{percent_encode::decode::decode_whatwg_bytes, template::UriTemplateStr, types::UriStr};

/// The longest address that is looked up, in bytes.
const MAX_URI: usize = 4096;

/// Whether this is an absolute URI that means the same to whoever reads it as a path: it has no segment `.` or
/// `..` and no control character, encoded or not.
pub(crate) fn is_well_formed(uri: &str) -> bool {
    if uri.len() > MAX_URI || UriStr::new(uri).is_err() {
        return false;
    }
    let Some((_, rest)) = uri.split_once(':') else { return false };
    // The authority is looked at too: without a host, `notes://../x` is a path to many a reader.
    let decoded = decode_whatwg_bytes(rest.as_bytes()).into_bytes();
    let mut segments = decoded.split(|byte| matches!(byte, b'/' | b'\\' | b'?' | b'#'));
    !decoded.iter().any(u8::is_ascii_control) && segments.all(|segment| !matches!(segment, b"." | b".."))
}

/// A URI template.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UriTemplate<'a>(&'a UriTemplateStr);

impl<'a> UriTemplate<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        UriTemplateStr::new(text).ok().map(Self)
    }

    /// Whether it has a variable of this name.
    pub(crate) fn has_variable(self, name: &str) -> bool {
        self.0.variables().any(|variable| variable.as_str() == name)
    }

    /// Whether it can be expanded to `uri`. Where expressions leave it open, the answer is yes: more scopes are
    /// asked for then, not fewer.
    pub(crate) fn fits(self, uri: &str) -> bool {
        let uri = uri.as_bytes();
        // Which beginnings of the URI the template fits up to here, by their lengths.
        let mut reached = vec![false; uri.len() + 1];
        if let Some(start) = reached.first_mut() {
            *start = true;
        }
        for part in Parts(self.0.as_str()) {
            reached = match part {
                Part::Literal(literal) => after_literal(&reached, literal.as_bytes(), uri),
                Part::Expression(expression) => after_expression(&reached, expression, uri),
            };
        }
        reached.last() == Some(&true)
    }
}

fn after_literal(reached: &[bool], literal: &[u8], uri: &[u8]) -> Vec<bool> {
    let mut after = vec![false; reached.len()];
    for (start, _) in reached.iter().enumerate().filter(|(_, reached)| **reached) {
        let end = start + literal.len();
        if uri.get(start..end) == Some(literal)
            && let Some(end) = after.get_mut(end)
        {
            *end = true;
        }
    }
    after
}

/// RFC 6570 section 3.2. An expression whose variables have no values leaves nothing.
fn after_expression(reached: &[bool], expression: &str, uri: &[u8]) -> Vec<bool> {
    let operator = expression.bytes().next().filter(|first| b"+#./;?&".contains(first));
    // What the expansion begins with, besides values.
    let first = operator.filter(|operator| *operator != b'+');
    let allowed = |byte: u8| match operator {
        // Reserved characters stay as they are.
        Some(b'+' | b'#') => true,
        Some(separator) => is_value(byte) || byte == if separator == b'?' { b'&' } else { separator },
        None => is_value(byte),
    };
    let mut after = reached.to_vec();
    let mut inside = false;
    let bytes = uri.iter().zip(reached);
    for ((&byte, &may_start), after) in bytes.zip(after.iter_mut().skip(1)) {
        let starts = may_start && first.map_or_else(|| allowed(byte), |first| first == byte);
        inside = starts || (inside && allowed(byte));
        *after |= inside;
    }
    after
}

/// What a value, or a list of them, is written with where reserved characters are encoded.
fn is_value(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%,=".contains(&byte)
}

/// What a template consists of.
enum Part<'a> {
    Literal(&'a str),
    /// What stands between the braces.
    Expression(&'a str),
}

/// The parts of a template that has been parsed, so that every brace has its other half.
struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if let Some((expression, rest)) = self.0.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            self.0 = rest;
            return Some(Part::Expression(expression));
        }
        let (literal, rest) = self.0.split_at(self.0.find('{').unwrap_or(self.0.len()));
        self.0 = rest;
        (!literal.is_empty()).then_some(Part::Literal(literal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MCP-M-21, MP-15.
    #[test]
    fn only_absolute_uris_that_stay_where_they_are_are_looked_up() {
        for good in [
            "test://static-text",
            "file:///a/b.txt",
            "urn:isbn:0451450523",
            "notes://2026/a%2Fb",
            "notes://2026/a...b/..c?x=..y#z",
            "notes://2026/%252e%252e/x",
        ] {
            assert!(is_well_formed(good), "{good}");
        }
        for bad in [
            "",
            "static-text",
            "/etc/passwd",
            "//host/x",
            "../x",
            "file:///a/../../etc/passwd",
            "file:///a/./b",
            "file:///a/..",
            "file:///a/%2e%2E/b",
            "file:///a/..%2fb",
            "file:///a/..%5Cb",
            "file:///a/.%2E%2F",
            "file:///a\\..\\b",
            "notes://../x",
            "file:///a%00",
            "file:///a%0Ab",
            "file:///a b",
            "file:///a\n",
            "file:///ä",
            "file:///%zz",
            "file:///%",
            &format!("test://{}", "x".repeat(MAX_URI)),
        ] {
            assert!(!is_well_formed(bad), "{bad}");
        }
    }

    /// MCP-M-23; the operators of RFC 6570 section 3.2.
    #[test]
    fn uris_fit_the_templates_that_they_can_come_from() {
        for (template, fitting, others) in [
            (
                "test://template/{id}/data",
                &["test://template/123/data", "test://template//data", "test://template/a%2Fb/data"][..],
                &["test://template/1/2/data", "test://template/123/data/", "test://template/data", ""][..],
            ),
            ("a://{x}{y}", &["a://", "a://b"], &["a://b/c", "b://"]),
            ("file:///{+path}", &["file:///", "file:///a/b?c#d"], &["file://a"]),
            ("a://b{#part}", &["a://b", "a://b#c/d"], &["a://bc"]),
            ("a://b{.type,lang}", &["a://b", "a://b.txt.en"], &["a://btxt", "a://b/x"]),
            ("a://b{/path*}", &["a://b", "a://b/c", "a://b/c/d"], &["a://bc", "a://b/c?d"]),
            ("a://b{/path*}/end", &["a://b/end", "a://b/end/end", "a://b/c/end"], &["a://b/c"]),
            ("a://b{;x,y}", &["a://b;x=1;y=2", "a://b"], &["a://bx=1"]),
            ("a://b{?x,y}", &["a://b?x=1&y=2", "a://b"], &["a://b&x=1", "a://bx"]),
            ("a://b?q=1{&x}", &["a://b?q=1", "a://b?q=1&x=2"], &["a://b?q=1?x=2"]),
            ("a://{x}/{y:3}", &["a://1/2", "a:///"], &["a://1"]),
            ("a://fixed", &["a://fixed"], &["a://fixed/", "A://fixed"]),
        ] {
            let parsed = UriTemplate::parse(template).unwrap();
            for uri in fitting {
                assert!(parsed.fits(uri), "{template} {uri}");
            }
            for uri in others {
                assert!(!parsed.fits(uri), "{template} {uri}");
            }
        }
    }

    #[test]
    fn variables_are_known_by_their_exact_names() {
        let template = UriTemplate::parse("a://{x}{/path*,y:3}{?z}").unwrap();
        for name in ["x", "path", "y", "z"] {
            assert!(template.has_variable(name), "{name}");
        }
        for name in ["", "X", "path*", "y:3", "a", "?z"] {
            assert!(!template.has_variable(name), "{name}");
        }
        for bad in ["a://{", "a://}", "a://{}", "a://{x", "a://{x y}", "a://{{x}}", "a://{=x}"] {
            assert!(UriTemplate::parse(bad).is_none(), "{bad}");
        }
    }

    /// The time that this takes grows with the product of the lengths, whatever the template.
    #[test]
    fn many_expressions_are_no_trap() {
        let template = "{a}".repeat(200) + "!";
        assert!(!UriTemplate::parse(&template).unwrap().fits(&"x".repeat(MAX_URI)));
    }
}
