//! The record of a stream that is kept.

use crate::{
    conversation::Pending,
    jsonrpc::{Fault, Id},
    sse,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The most events that are kept of a stream, and their bytes. Older ones give way.
const MAX_EVENTS: usize = 256;
const MAX_EVENT_BYTES: usize = 180 * 1024;

/// The record of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Its name.
    pub(super) id: String,
    /// The session. A slot may have been given to another.
    pub(super) session: String,
    /// The id of the request that it answers, as JSON text.
    pub(super) request_id: String,
    /// The request itself, if it can be gone on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) request: Option<String>,
    /// The number of the last event.
    pub(super) last: u64,
    /// The last events, oldest first.
    pub(super) events: Vec<Event>,
    /// Nothing more comes.
    pub(super) is_done: bool,
    /// Until when an instance certainly runs the request, in seconds since the Unix epoch.
    pub(super) run_until: u64,
    /// The state from which another instance resumes the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pending: Option<Pending>,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Event {
    number: u64,
    /// `None`: it was too long to be kept.
    message: Option<String>,
}

impl Kept {
    /// Adds messages, and returns the number of the first.
    pub(super) fn push(&mut self, messages: &[Vec<u8>]) -> u64 {
        let first = self.last + 1;
        for message in messages {
            self.last += 1;
            let text =
                (message.len() <= MAX_EVENT_BYTES).then(|| String::from_utf8_lossy(message).into_owned());
            self.events.push(Event { number: self.last, message: text });
        }
        let size = |event: &Event| event.message.as_ref().map_or(0, String::len);
        let mut bytes: usize = self.events.iter().map(size).sum();
        let mut excess = self.events.len().saturating_sub(MAX_EVENTS);
        bytes -= self.events.iter().take(excess).map(size).sum::<usize>();
        while bytes > MAX_EVENT_BYTES {
            bytes -= self.events.get(excess).map_or(bytes, size);
            excess += 1;
        }
        self.events.drain(..excess);
        first
    }

    /// The events after a number, as they are sent.
    pub(super) fn after(&self, number: u64) -> Vec<(u64, Bytes)> {
        let events = self.events.iter().filter(|event| event.number > number);
        let sent = events.map(|event| {
            let message = event.message.clone().map(String::into_bytes).unwrap_or_else(|| self.too_long());
            (event.number, sse::event_with_id(&event_id(&self.id, event.number), message))
        });
        sent.collect()
    }

    /// In place of an answer that was too long to be kept.
    fn too_long(&self) -> Vec<u8> {
        self.error(Fault::Interrupted("The answer was too long to be sent a second time"))
    }

    pub(super) fn error(&self, fault: Fault) -> Vec<u8> {
        let id = serde_json::from_str(&self.request_id).ok().and_then(Id::parse);
        fault.to_message(id.as_ref())
    }
}

/// The id of an event: the stream, and its number in it.
pub(super) fn event_id(stream: &str, number: u64) -> String {
    format!("{stream}.{number}")
}

/// Reads the id of an event.
pub(crate) fn parse_event_id(text: &str) -> Option<(&str, u64)> {
    let (stream, number) = text.rsplit_once('.')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    Some((stream, number.parse().ok().filter(|_| is_number)?))
}
