//! What has come in for a session: how instances that share nothing but the store tell each other something.

use serde::{Deserialize, Serialize};

/// The most requests of ours that a session's client may be waited for to answer.
const MAX_AWAITED: usize = 128;

/// The most messages that wait for whoever holds the stream, and the most cancellations that are remembered.
const MAX_MESSAGES: usize = 64;
const MAX_CANCELLED: usize = 32;

/// How long a cancellation can find its request, in seconds. Ids are unique in a session, but not all clients
/// know that.
const CANCELLED_SECONDS: u64 = 60;

/// What has come in for a session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Inbox {
    /// The session. A slot may have been given to another.
    pub(crate) session: String,
    /// Requests of ours that wait for an answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) awaited: Vec<String>,
    /// Answers that nobody has taken yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) answers: Vec<Answered>,
    /// Requests that the client gave up, newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) cancelled: Vec<Cancelled>,
    /// Messages that nobody has taken yet, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) messages: Vec<String>,
}

/// The answer to a request of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answered {
    /// The request's id.
    pub(crate) id: String,
    /// The text of the response's `result`. `None`: it was an error.
    pub(crate) result: Option<String>,
}

/// A request that the client gave up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cancelled {
    /// The JSON text of its id.
    pub(crate) request: String,
    /// When, in seconds since the Unix epoch.
    pub(crate) at: u64,
}

impl Inbox {
    /// Takes the answer to a request of ours, if it is there.
    pub(crate) fn take_answer(&mut self, id: &str) -> Option<Answered> {
        let index = self.answers.iter().position(|answer| answer.id == id)?;
        self.awaited.retain(|awaited| awaited != id);
        Some(self.answers.remove(index))
    }

    /// Waits for answers to these requests of ours.
    pub(crate) fn wait_for(&mut self, ids: impl Iterator<Item = String>) {
        self.awaited.extend(ids);
        let excess = self.awaited.len().saturating_sub(MAX_AWAITED);
        self.awaited.drain(..excess);
    }

    /// Waits for this answer no longer.
    pub(crate) fn give_up(&mut self, id: &str) {
        self.awaited.retain(|awaited| awaited != id);
        self.answers.retain(|answer| answer.id != id);
    }

    /// Puts an answer in, if it is awaited.
    pub(crate) fn answer(&mut self, answer: Answered) {
        let is_awaited = self.awaited.contains(&answer.id);
        if is_awaited && !self.answers.iter().any(|known| known.id == answer.id) {
            self.answers.push(answer);
        }
    }

    /// Notes that the client gave up a request.
    pub(crate) fn cancel(&mut self, request: &str, now: u64) {
        self.cancelled.retain(|known| now.saturating_sub(known.at) <= CANCELLED_SECONDS);
        let excess = (self.cancelled.len() + 1).saturating_sub(MAX_CANCELLED);
        self.cancelled.drain(..excess);
        self.cancelled.push(Cancelled { request: request.to_owned(), at: now });
    }

    /// Whether the client gave up a request since `since`.
    pub(crate) fn is_cancelled(&self, request: &str, since: u64) -> bool {
        self.cancelled.iter().any(|known| known.request == request && known.at >= since)
    }

    /// Puts a message in. `false` when there are too many.
    pub(crate) fn push(&mut self, message: &str) -> bool {
        let has_room = self.messages.len() < MAX_MESSAGES;
        if has_room {
            self.messages.push(message.to_owned());
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MCP-L-29: what nobody waits for is not kept, and the first answer is the one.
    #[test]
    fn only_awaited_answers_come_in() {
        let answered = |id: &str, result: &str| Answered { id: id.into(), result: Some(result.into()) };
        let mut inbox = Inbox { awaited: vec!["a".into()], ..Inbox::default() };
        inbox.answer(answered("b", "{}"));
        inbox.answer(answered("a", "1"));
        inbox.answer(answered("a", "2"));
        assert_eq!(inbox.answers.len(), 1);
        assert_eq!(inbox.take_answer("a"), Some(answered("a", "1")));
        assert_eq!(inbox.take_answer("a"), None);
        inbox.answer(answered("a", "3"));
        assert!(inbox.answers.is_empty());
    }

    /// MCP-L-39, MP-19: bounded, and only for requests that are not newer than it.
    #[test]
    fn cancellations_are_bounded_in_number_and_time() {
        let mut inbox = Inbox::default();
        for number in 0..100 {
            inbox.cancel(&number.to_string(), 10);
        }
        assert_eq!(inbox.cancelled.len(), MAX_CANCELLED);
        assert!(inbox.is_cancelled("99", 10) && !inbox.is_cancelled("99", 11) && !inbox.is_cancelled("0", 0));
        inbox.cancel("x", 10 + CANCELLED_SECONDS + 1);
        assert_eq!(inbox.cancelled.len(), 1);
    }
}
