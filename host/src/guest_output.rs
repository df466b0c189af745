//! What a guest prints: each line goes to the host's standard error, after the component's id.
//!
//! A guest may print what came from a client, so control characters are escaped, and a line that
//! never ends is cut into pieces.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// The longest line that is shown in one piece.
const LONGEST_LINE: usize = 8192;

/// One output of one instance.
#[derive(Clone, Debug)]
pub struct GuestOutput {
    component: Arc<str>,
    line: Arc<Mutex<Vec<u8>>>,
}

impl GuestOutput {
    /// An output of the component with this id.
    pub fn new(component: Arc<str>) -> Self {
        Self { component, line: Arc::default() }
    }

    fn take(&self, bytes: &[u8], show: impl Fn(&str)) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for piece in piece.chunks(LONGEST_LINE) {
                line.extend_from_slice(piece);
                if line.len() >= LONGEST_LINE || line.last() == Some(&b'\n') {
                    show(&format!("[{}] {}\n", self.component, readable(&line)));
                    line.clear();
                }
            }
        }
    }
}

fn readable(line: &[u8]) -> String {
    let mut shown = String::with_capacity(line.len());
    for c in String::from_utf8_lossy(line).trim_end().chars() {
        if c.is_control() {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", c as u32);
        } else {
            shown.push(c);
        }
    }
    shown
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for GuestOutput {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.take(bytes, |line| {
            // As with the log: nobody to tell.
            let _ = io::stderr().lock().write_all(line.as_bytes());
        });
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn shown(pieces: &[&[u8]]) -> Vec<String> {
        let output = GuestOutput::new("mcp".into());
        let lines = RefCell::new(Vec::new());
        for piece in pieces {
            output.take(piece, |line| lines.borrow_mut().push(line.to_owned()));
        }
        lines.into_inner()
    }

    #[test]
    fn lines_are_shown_whole_and_prefixed() {
        assert_eq!(shown(&[b"one\ntw", b"o\n", b"three"]), ["[mcp] one\n", "[mcp] two\n"]);
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(shown(&[b"a\x1b[31m\rb\n"]), ["[mcp] a\\u{1b}[31m\\u{d}b\n"]);
    }

    #[test]
    fn an_endless_line_is_cut() {
        assert_eq!(shown(&[&[b'a'; 3 * LONGEST_LINE]]).len(), 3);
    }
}
