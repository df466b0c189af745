//! What a guest prints: each line goes to the host's standard error, after the component's id.
//!
//! A guest may print what came from a client, so control characters are escaped, and a line that
//! never ends is cut into pieces.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// The longest line that is shown in one piece.
const LONGEST_LINE: usize = 8192;

/// How much of what an instance printed is remembered, in characters.
const LAST_OUTPUT: usize = 500;

/// The end of what an instance printed for its request: if it fails, that is most likely why. A tool that panics prints its name, the
/// place and the message before it traps.
#[derive(Clone, Debug, Default)]
pub struct LastOutput(Arc<Mutex<VecDeque<char>>>);

impl LastOutput {
    /// Forgets it. What one request printed says nothing about the next.
    pub fn forget(&self) {
        self.characters().clear();
    }

    /// The text, its lines joined, if there is any.
    pub fn take(&self) -> Option<String> {
        let text: String = self.characters().drain(..).collect();
        (!text.is_empty()).then_some(text)
    }

    fn remember(&self, line: &str) {
        let mut last = self.characters();
        if !last.is_empty() {
            last.extend(" | ".chars());
        }
        last.extend(line.chars());
        let excess = last.len().saturating_sub(LAST_OUTPUT);
        last.drain(..excess);
    }

    fn characters(&self) -> MutexGuard<'_, VecDeque<char>> {
        lock(&self.0)
    }
}

/// Where the lines of one component go.
#[derive(Debug)]
pub struct Output {
    component: Arc<str>,
    withheld: Mutex<Option<Vec<String>>>,
}

impl Output {
    /// The output of the component with this id.
    pub fn new(component: Arc<str>) -> Arc<Self> {
        Arc::new(Self { component, withheld: Mutex::default() })
    }

    /// From now on, lines are kept instead of shown.
    pub fn withhold(&self) {
        lock(&self.withheld).get_or_insert_default();
    }

    /// From now on, lines are shown again. Returns those that were kept.
    pub fn let_go(&self) -> Vec<String> {
        lock(&self.withheld).take().unwrap_or_default()
    }

    /// Shows a line after the component's id.
    pub fn show(&self, line: &str) {
        let line = format!("[{}] {line}\n", self.component);
        // As with the log: if this fails, it cannot be reported.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }

    fn keep_or_show(&self, line: String) {
        match &mut *lock(&self.withheld) {
            Some(withheld) => withheld.push(line),
            None => self.show(&line),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code that could panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One output of one instance.
#[derive(Clone, Debug)]
pub struct GuestOutput {
    output: Arc<Output>,
    line: Arc<Mutex<Vec<u8>>>,
    last_output: LastOutput,
}

impl GuestOutput {
    /// An output of an instance of a component.
    pub fn new(output: Arc<Output>, last_output: LastOutput) -> Self {
        Self { output, line: Arc::default(), last_output }
    }

    fn take(&self, bytes: &[u8], mut show: impl FnMut(String)) {
        let mut line = lock(&self.line);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for piece in piece.chunks(LONGEST_LINE) {
                line.extend_from_slice(piece);
                if line.len() >= LONGEST_LINE || line.last() == Some(&b'\n') {
                    let text = readable(&line);
                    self.last_output.remember(&text);
                    show(text);
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
        self.take(bytes, |line| self.output.keep_or_show(line));
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
    use super::*;

    fn shown(pieces: &[&[u8]]) -> Vec<String> {
        let output = GuestOutput::new(Output::new("mcp".into()), LastOutput::default());
        let mut lines = Vec::new();
        pieces.iter().for_each(|piece| output.take(piece, |line| lines.push(line)));
        lines
    }

    #[test]
    fn lines_are_shown_whole() {
        assert_eq!(shown(&[b"one\ntw", b"o\n", b"three"]), ["one", "two"]);
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(shown(&[b"a\x1b[31m\rb\n"]), ["a\\u{1b}[31m\\u{d}b"]);
    }

    /// U16.
    #[test]
    fn the_end_of_the_output_is_remembered() {
        let last_output = LastOutput::default();
        let output = GuestOutput::new(Output::new("mcp".into()), last_output.clone());
        output.take(b"one\ntwo\x1b\nhalf", |_| {});
        assert_eq!(last_output.take().as_deref(), Some("one | two\\u{1b}"));
        assert_eq!(last_output.take(), None);
        output.take(&[b'a'; 2 * LONGEST_LINE], |_| {});
        output.take(b"\nlast\n", |_| {});
        let text = last_output.take().unwrap();
        assert!(text.len() == LAST_OUTPUT && text.ends_with("aaa |  | last"), "{text}");
        output.take(b"three\n", |_| {});
        last_output.forget();
        assert_eq!(last_output.take(), None);
    }

    #[test]
    fn an_endless_line_is_cut() {
        assert_eq!(shown(&[&[b'a'; 3 * LONGEST_LINE]]).len(), 3);
    }

    #[test]
    fn lines_can_be_kept_for_a_while() {
        let output = Output::new("mcp".into());
        output.withhold();
        output.keep_or_show("kept".to_owned());
        assert_eq!(output.let_go(), ["kept"]);
        assert!(output.let_go().is_empty());
    }
}
