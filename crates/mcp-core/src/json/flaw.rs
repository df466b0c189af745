//! What is wrong with a body that did not pass, where, and whose request it was.
//!
//! This reads the body a second time, byte by byte, and only after [`check`](super::check) refused it. It keeps names and
//! the path to where it is, and recurses no deeper than a body may.

use super::MAX_DEPTH;
use serde_json::value::RawValue;
use std::{collections::BTreeSet, fmt};

/// The longest place that is told, in bytes.
const MAX_PLACE: usize = 200;

/// What is wrong with JSON whose grammar is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string has bytes that are not UTF-8 (RFC 8259 section 8.1).
    Encoding,
    /// A string has an escaped half of a surrogate pair (RFC 8259 section 8.2).
    Surrogate,
    /// An object has a member twice (RFC 8259 section 4).
    Repeated,
    /// Arrays and objects are nested deeper than is read.
    Depth,
    /// A number has no place in an IEEE 754 double (RFC 8259 section 6).
    Number,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding => f.write_str("A string is not UTF-8"),
            Self::Surrogate => {
                f.write_str("A string has half of a surrogate pair, which is no Unicode character")
            }
            Self::Repeated => f.write_str("An object has a member twice"),
            Self::Depth => write!(f, "Arrays and objects are nested deeper than {MAX_DEPTH}"),
            Self::Number => f.write_str("A number is too large for a double"),
        }
    }
}

/// The first flaw of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Flaw<'a> {
    pub(crate) kind: Kind,
    /// A JSON Pointer (RFC 6901), cut if it is long.
    pub(crate) place: String,
    /// The JSON text of the member `id`, if there is one and nothing is wrong with it.
    pub(crate) id: Option<&'a str>,
}

impl Flaw<'_> {
    /// Whether it is in the parameters.
    pub(crate) fn is_in_params(&self) -> bool {
        self.place.strip_prefix("/params").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Finds the first flaw. `None`: the body is not JSON by its grammar.
pub(crate) fn find(body: &[u8]) -> Option<Flaw<'_>> {
    let mut scanner = Scanner { bytes: body, at: 0, path: Vec::new(), flaw: None, id: None };
    scanner.value().ok()?;
    scanner.space();
    if scanner.at < body.len() {
        return None;
    }
    let (kind, place) = scanner.flaw?;
    let id = scanner.id.filter(|_| place != "/id").and_then(|id| std::str::from_utf8(id).ok());
    Some(Flaw { kind, place, id })
}

/// It is not JSON.
struct Syntax;

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    path: Vec<Step>,
    flaw: Option<(Kind, String)>,
    id: Option<&'a [u8]>,
}

enum Step {
    Member(String),
    Element(usize),
}

impl<'a> Scanner<'a> {
    fn value(&mut self) -> Result<(), Syntax> {
        self.space();
        match self.peek() {
            Some(b'{' | b'[') if self.path.len() >= MAX_DEPTH => {
                self.note(Kind::Depth);
                self.skip_nested()
            }
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => ["true", "false", "null"]
                .iter()
                .find(|word| self.rest().starts_with(word.as_bytes()))
                .map(|word| self.at += word.len())
                .ok_or(Syntax),
            None => Err(Syntax),
        }
    }

    fn object(&mut self) -> Result<(), Syntax> {
        let mut names = BTreeSet::new();
        self.at += 1;
        if self.takes(b'}') {
            return Ok(());
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(Syntax);
            }
            let raw = self.string()?;
            let name = unescaped(raw);
            let is_repeated = !names.insert(name.clone());
            let is_id = self.path.is_empty() && name == "id";
            self.path.push(Step::Member(name));
            if is_repeated {
                self.note(Kind::Repeated);
            }
            if !self.takes(b':') {
                return Err(Syntax);
            }
            self.space();
            let start = self.at;
            self.value()?;
            self.path.pop();
            if is_id {
                self.id = self.bytes.get(start..self.at);
            }
            match self.takes(b',') {
                true => {}
                false if self.takes(b'}') => return Ok(()),
                false => return Err(Syntax),
            }
        }
    }

    fn array(&mut self) -> Result<(), Syntax> {
        self.at += 1;
        if self.takes(b']') {
            return Ok(());
        }
        for index in 0.. {
            self.path.push(Step::Element(index));
            self.value()?;
            self.path.pop();
            if self.takes(b']') {
                break;
            }
            if !self.takes(b',') {
                return Err(Syntax);
            }
        }
        Ok(())
    }

    /// Reads a string, and gives what is between its quotation marks.
    fn string(&mut self) -> Result<&'a [u8], Syntax> {
        self.at += 1;
        let start = self.at;
        loop {
            let byte = self.peek().ok_or(Syntax)?;
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => self.escape()?,
                0..0x20 => return Err(Syntax),
                _ => {}
            }
        }
        let text = self.bytes.get(start..self.at - 1).unwrap_or_default();
        if std::str::from_utf8(text).is_err() {
            self.note(Kind::Encoding);
        }
        Ok(text)
    }

    fn escape(&mut self) -> Result<(), Syntax> {
        let byte = self.peek().ok_or(Syntax)?;
        self.at += 1;
        match byte {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                match self.code_unit()? {
                    0xd800..0xdc00 => {
                        let before = self.at;
                        if self.rest().starts_with(b"\\u") {
                            self.at += 2;
                            if (0xdc00..0xe000).contains(&self.code_unit()?) {
                                return Ok(());
                            }
                            // The other is judged by itself.
                            self.at = before;
                        }
                        self.note(Kind::Surrogate);
                    }
                    0xdc00..0xe000 => self.note(Kind::Surrogate),
                    _ => {}
                }
                Ok(())
            }
            _ => Err(Syntax),
        }
    }

    fn code_unit(&mut self) -> Result<u32, Syntax> {
        let digits = self.rest().get(..4).ok_or(Syntax)?;
        self.at += 4;
        digits.iter().try_fold(0, |unit, digit| {
            let digit = char::from(*digit).to_digit(16).ok_or(Syntax)?;
            Ok(unit * 16 + digit)
        })
    }

    fn number(&mut self) -> Result<(), Syntax> {
        let is_part = |byte: &&u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
        let length = self.rest().iter().take_while(is_part).count();
        let text = std::str::from_utf8(self.rest().get(..length).unwrap_or_default()).unwrap_or_default();
        self.at += length;
        if serde_json::from_str::<f64>(text).is_ok() {
            return Ok(());
        }
        // By its grammar it is one.
        serde_json::from_str::<&RawValue>(text).map_err(|_| Syntax)?;
        self.note(Kind::Number);
        Ok(())
    }

    /// Skips what is too deep to be read.
    fn skip_nested(&mut self) -> Result<(), Syntax> {
        let mut depth = 0_usize;
        loop {
            match self.peek().ok_or(Syntax)? {
                b'"' => drop(self.string()?),
                byte => {
                    self.at += 1;
                    match byte {
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Notes what is wrong at the place that the path leads to. The first counts.
    fn note(&mut self, kind: Kind) {
        if self.flaw.is_some() {
            return;
        }
        let mut place = String::new();
        for step in &self.path {
            let step = match step {
                Step::Member(name) => name.replace('~', "~0").replace('/', "~1"),
                Step::Element(index) => index.to_string(),
            };
            place.push('/');
            place.push_str(&step);
            if place.len() > MAX_PLACE {
                place.truncate(place.floor_char_boundary(MAX_PLACE));
                place.push('…');
                break;
            }
        }
        self.flaw = Some((kind, place));
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.space();
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn space(&mut self) {
        let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().iter().take_while(is_space).count();
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

/// The text that stands between quotation marks; as it is written, if it stands for none.
fn unescaped(raw: &[u8]) -> String {
    let raw = String::from_utf8_lossy(raw);
    serde_json::from_str(&format!("\"{raw}\"")).unwrap_or_else(|_| raw.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &[u8]) -> (Kind, String, Option<String>) {
        let flaw = find(body).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(body)));
        (flaw.kind, flaw.place, flaw.id.map(str::to_owned))
    }

    /// C16.
    #[test]
    fn a_flaw_has_its_place_and_the_requests_id() {
        let surrogate = br#"{"id":7,"params":{"arguments":{"a":["x",{"b~/c":"\ud83d"}]}}}"#;
        assert_eq!(
            found(surrogate),
            (Kind::Surrogate, "/params/arguments/a/1/b~0~1c".to_owned(), Some("7".to_owned()))
        );
        for (body, kind, place) in [
            (&br#"{"params":{"x":"\udc00\ud800"},"id":"a"}"#[..], Kind::Surrogate, "/params/x"),
            (br#"{"params":{"x":"\ud83d\ud83d\ude00"},"id":"a"}"#, Kind::Surrogate, "/params/x"),
            (br#"{"params":{"\ud83d":1},"id":"a"}"#, Kind::Surrogate, "/params"),
            (b"{\"params\":{\"x\":\"\xff\"},\"id\":\"a\"}", Kind::Encoding, "/params/x"),
            (b"{\"params\":{\"x\":\"\xc3\"},\"id\":\"a\"}", Kind::Encoding, "/params/x"),
            (br#"{"params":{"x":{"a":1,"\u0061":2}},"id":"a"}"#, Kind::Repeated, "/params/x/a"),
            (br#"{"method":"x","id":"a","method":"y"}"#, Kind::Repeated, "/method"),
            (br#"{"params":{"x":[1,-1e400]},"id":"a"}"#, Kind::Number, "/params/x/1"),
        ] {
            assert_eq!(found(body), (kind, place.to_owned(), Some("\"a\"".to_owned())));
        }
        let deep = format!("{{\"params\":{}\"]\"{},\"id\":1}}", "[".repeat(100_000), "]".repeat(100_000));
        let (kind, place, id) = found(deep.as_bytes());
        assert_eq!((kind, id.as_deref()), (Kind::Depth, Some("1")));
        assert!(place.starts_with("/params/0/0/0") && place.len() <= MAX_PLACE + 3, "{place}");
    }

    #[test]
    fn an_id_that_is_not_certain_is_none() {
        for body in [
            &br#"{"id":"\ud800","method":"x"}"#[..],
            br#"{"id":1,"method":"x","id":2}"#,
            br#"[{"id":1,"params":{"x":"\ud800"}}]"#,
            br#"{"params":{"id":1,"x":"\ud800"}}"#,
            br#"{"params":{"x":"\ud800"}}"#,
        ] {
            assert_eq!(found(body).2, None, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn what_is_not_json_by_its_grammar_has_no_flaw() {
        for body in [
            &b""[..],
            b"{\"id\":1,\"x\":\"\\ud800\"",
            b"{\"id\":1,\"x\":\"\\ud8\"}",
            b"{\"id\":1,\"x\":\"\\ud800\",}",
            b"{\"id\":1 \"x\":2}",
            b"{\"id\":1}{}",
            b"\xef\xbb\xbf{}",
            b"{\"x\":\xff}",
            b"{\"x\":01}",
            b"{\"x\":\"\\x\"}",
            b"{\"x\":\"\n\"}",
            b"{x:1}",
            b"[1,]",
            b"[1 2]",
            b"NaN",
            b"{\"x\":[[[",
        ] {
            assert_eq!(find(body), None, "{}", String::from_utf8_lossy(body));
        }
        let unclosed = format!("{{\"a\":{}", "[".repeat(100_000));
        assert_eq!(find(unclosed.as_bytes()), None);
    }
}
