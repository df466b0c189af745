//! What the operator is told.

use std::{
    cell::RefCell,
    pin::pin,
    task::{Context, Poll},
};

thread_local! {
    /// The trace id of the request that is being worked on.
    static TRACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Does the work of the request with this trace id: every line that it writes ends with `trace=…`. Other
/// requests that this instance works on meanwhile keep their own.
pub async fn traced<T>(trace_id: &str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut trace_id = trace_id.to_owned();
    std::future::poll_fn(move |context: &mut Context<'_>| -> Poll<T> {
        TRACE.with_borrow_mut(|trace| std::mem::swap(trace, &mut trace_id));
        let polled = work.as_mut().poll(context);
        TRACE.with_borrow_mut(|trace| std::mem::swap(trace, &mut trace_id));
        polled
    })
    .await
}

/// Writes one line to the host's log. Control characters are escaped, so that nothing that a client
/// sent can begin a line of its own. Callers pass no codes, tokens, cookies or passwords.
pub fn line(text: &str) {
    let mut escaped = String::with_capacity(text.len());
    let mut escape = |text: &str, length| {
        for character in text.chars().take(length) {
            if character.is_control() {
                escaped.extend(character.escape_default());
            } else {
                escaped.push(character);
            }
        }
    };
    escape(text, 2000);
    TRACE.with_borrow(|trace| {
        if !trace.is_empty() {
            escape(" trace=", 7);
            escape(trace, 64);
        }
    });
    eprintln!("{escaped}");
}
