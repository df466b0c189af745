//! What the host writes to standard error: one line per request, and what a guest prints.
//!
//! A line says when, what, how it ended and what it cost, and nothing that could be a secret: no
//! query string, no header, no body. A path comes from the client, so it is escaped and cut.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest path that is written out.
const LONGEST_PATH: usize = 200;

/// One line: the time, then `message`.
pub fn line(message: impl fmt::Display) {
    // One write per line, so that lines of different threads do not mix.
    let text = format!("{} {message}\n", Timestamp(SystemTime::now()));
    // Nobody reads the log any more when this fails, so there is nobody to tell.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// A line of a request that was answered.
pub struct Answered<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, without the query.
    pub path: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// From the head of the request to the end of the answer.
    pub took: Duration,
    /// The component that answered, if one did.
    pub component: Option<&'a str>,
    /// Reads of the key-value store.
    pub reads: u32,
    /// Writes to the key-value store.
    pub writes: u32,
}

impl fmt::Display for Answered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, status, took, component, reads, writes } = self;
        write!(
            f,
            "{} {} {status} {:.1}ms {} kv={reads}r/{writes}w",
            Escaped(method),
            Escaped(path),
            took.as_secs_f64() * 1000.0,
            component.unwrap_or("-"),
        )
    }
}

/// Text from outside: no control character, no blank, no end of line, not too long.
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars().take(LONGEST_PATH) {
            match c {
                '\\' | '"' | '!'..='~' => f.write_char(c)?,
                _ => write!(f, "\\u{{{:x}}}", c as u32)?,
            }
        }
        if self.0.chars().nth(LONGEST_PATH).is_some() { f.write_char('…') } else { Ok(()) }
    }
}

/// An error as one line: its causes joined, line ends gone.
pub fn one_line(error: &impl ErrorChain) -> String {
    error
        .chain_text()
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}

/// An error that can show its causes.
pub trait ErrorChain {
    /// The error and its causes, joined by colons.
    fn chain_text(&self) -> String;
}

impl ErrorChain for anyhow::Error {
    fn chain_text(&self) -> String {
        format!("{self:#}")
    }
}

impl ErrorChain for wasmtime::Error {
    fn chain_text(&self) -> String {
        // The outermost message of a trap is a backtrace of the guest; its root says why.
        format!("{}", self.root_cause())
    }
}

/// A time as RFC 3339 in UTC, to the second.
struct Timestamp(SystemTime);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        // Days to a civil date, in years that begin on the first of March (Howard Hinnant).
        let z = days + 719_468;
        let (era, day_of_era) = (z / 146_097, z % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_documented_shape() {
        let answered = Answered {
            method: "POST",
            path: "/mcp",
            status: 200,
            took: Duration::from_micros(1234),
            component: Some("mcp"),
            reads: 2,
            writes: 0,
        };
        assert_eq!(answered.to_string(), "POST /mcp 200 1.2ms mcp kv=2r/0w");
    }

    #[test]
    fn control_characters_and_blanks_are_escaped() {
        assert_eq!(
            Escaped("/a\n2026 GET\x1b[31m\u{202e}é").to_string(),
            "/a\\u{a}2026\\u{20}GET\\u{1b}[31m\\u{202e}\\u{e9}"
        );
    }

    #[test]
    fn a_long_path_is_cut() {
        let shown = Escaped(&"a".repeat(1000)).to_string();
        assert_eq!(shown.chars().count(), LONGEST_PATH + 1);
    }

    #[test]
    fn an_error_is_one_line() {
        let error = anyhow::anyhow!("inner\n  at somewhere\n").context("outer");
        assert_eq!(one_line(&error), "outer: inner; at somewhere");
    }

    #[test]
    fn times_are_rfc_3339() {
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_420_800, "2026-11-23T08:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(Timestamp(UNIX_EPOCH + Duration::from_secs(seconds)).to_string(), shown);
        }
    }
}
