//! What the operator's log says of a tool that panics.
//!
//! A panic ends the instance, and with it everything that could report it. So the tool's name, the place and the message go to
//! standard error, as one line, before that.

use std::{
    cell::Cell,
    panic::{self, PanicHookInfo},
    sync::Once,
};

/// The most characters of a message that are written.
const MAX_MESSAGE: usize = 500;

thread_local! {
    /// The tool that runs at this moment.
    static RUNNING: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Runs a part of a tool.
pub(crate) fn during<T>(tool: &'static str, run: impl FnOnce() -> T) -> T {
    let before = RUNNING.replace(Some(tool));
    let done = run();
    RUNNING.set(before);
    done
}

/// Has panics be written with the tool's name, from now on.
pub(crate) fn name_the_tool() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| panic::set_hook(Box::new(|info| eprintln!("{}", line(info)))));
}

fn line(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("no message");
    let message: String = message.chars().take(MAX_MESSAGE).collect();
    let tool = RUNNING.get().map_or_else(|| "a tool".to_owned(), |name| format!("tool {name}"));
    let place = info.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
    format!("{tool} panicked{}: {}", place.unwrap_or_default(), message.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::Mutex,
    };

    /// U16.
    #[test]
    fn a_panic_is_told_with_the_tool_and_the_place_on_one_line() {
        static LINE: Mutex<String> = Mutex::new(String::new());
        let before = panic::take_hook();
        panic::set_hook(Box::new(|info| {
            if RUNNING.get() == Some("test-tool") {
                *LINE.lock().unwrap() = line(info);
            }
        }));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            during("test-tool", || {
                during("inner", || ());
                panic!("a\nforged line {}", "x".repeat(9999))
            })
        }));
        panic::set_hook(before);
        assert!(panicked.is_err());
        let line = LINE.lock().unwrap().clone();
        assert!(line.starts_with("tool test-tool panicked at "), "{line}");
        assert!(line.contains("panics.rs:") && line.contains(": a\\nforged line xxx"), "{line}");
        assert!(!line.contains('\n') && line.len() < 700, "{line}");
    }
}
