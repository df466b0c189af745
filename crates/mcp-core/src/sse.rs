//! Event streams (HTML, section 9.2): how messages become events.

use bytes::Bytes;
use std::time::Duration;

/// A message.
pub(crate) fn event(message: Vec<u8>) -> Bytes {
    concat(&[b"event: message\ndata: ", &one_line(message), b"\n\n"])
}

/// A message that can be come back after.
pub(crate) fn event_with_id(id: &str, message: Vec<u8>) -> Bytes {
    concat(&[b"id: ", id.as_bytes(), b"\nevent: message\ndata: ", &one_line(message), b"\n\n"])
}

/// An event that is empty but for its id, and for how long to wait before coming back (2025-11-25, transports).
pub(crate) fn priming(id: &str) -> Bytes {
    format!("id: {id}\nretry: 1000\ndata: \n\n").into()
}

/// How long to wait before coming back.
pub(crate) fn retry(time: Duration) -> Bytes {
    format!("retry: {}\n\n", time.as_millis()).into()
}

/// Where to post messages to (2024-11-05, transports).
pub(crate) fn endpoint(path: &str) -> Bytes {
    format!("event: endpoint\ndata: {path}\n\n").into()
}

/// A sign of life. Nobody reads it, but sending it shows whether somebody would.
pub(crate) fn keep_alive() -> Bytes {
    Bytes::from_static(b":\n\n")
}

/// Line breaks in JSON are whitespace between tokens, and would end the event's line.
fn one_line(message: Vec<u8>) -> Vec<u8> {
    message.into_iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }).collect()
}

fn concat(parts: &[&[u8]]) -> Bytes {
    parts.concat().into()
}
