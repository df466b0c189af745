//! What has come in for a session: how instances that share nothing but the store tell each other something.

use crate::ports::Access;
use serde::{Deserialize, Serialize};

/// The most requests of ours that a session's client may be waited for to answer.
const MAX_AWAITED: usize = 128;

/// The most messages that wait for the instance that holds the stream, and the most cancellations that are remembered.
const MAX_REQUESTS: usize = 64;
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
    /// On the older transport: requests that wait to be run, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) requests: Vec<Posted>,
    /// How many POSTs there have been.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) posts: u64,
    /// How many of them the instance that holds the stream has seen. A POST is accepted when it has been seen.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) seen: u64,
    /// What the token of the last POST allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) allowed: Option<Allowed>,
}

/// A request that was posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Posted {
    /// The text of the message.
    pub(crate) text: String,
    /// What the token that it came with allows.
    pub(crate) allowed: Allowed,
}

/// What a token that came with a POST allows. The user and the client are the session's. The token itself is never
/// stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Allowed {
    /// The scopes.
    pub(crate) scopes: Vec<String>,
    /// The grant that the token was issued under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grant_id: Option<String>,
    /// When the token expires, in seconds since the Unix epoch.
    pub(crate) expires_at: u64,
}

impl From<&Access> for Allowed {
    fn from(access: &Access) -> Self {
        Self {
            scopes: access.scopes.clone(),
            grant_id: access.grant_id.clone(),
            expires_at: access.expires_at,
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
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

    /// Puts the requests of a POST in, and returns the number of the POST. `None` when there are too many requests.
    pub(crate) fn post(&mut self, requests: &[&str], allowed: &Allowed) -> Option<u64> {
        if self.requests.len() + requests.len() > MAX_REQUESTS {
            return None;
        }
        let posted =
            requests.iter().map(|text| Posted { text: (*text).to_owned(), allowed: allowed.clone() });
        self.requests.extend(posted);
        self.allowed = Some(allowed.clone());
        self.posts += 1;
        Some(self.posts)
    }

    /// Takes out as many requests as there is room for. All POSTs are seen with that.
    pub(crate) fn take_requests(&mut self, room: usize) -> Vec<Posted> {
        self.seen = self.posts;
        let count = room.min(self.requests.len());
        self.requests.drain(..count).collect()
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

    /// S10: the rest waits for room. DQ: and what waits is bounded.
    #[test]
    fn requests_wait_for_room_and_are_bounded() {
        let allowed = Allowed { scopes: vec![], grant_id: None, expires_at: 1 };
        let mut inbox = Inbox::default();
        assert_eq!(inbox.post(&["1", "2", "3"], &allowed), Some(1));
        let texts = |taken: Vec<Posted>| taken.into_iter().map(|posted| posted.text).collect::<Vec<_>>();
        assert_eq!(texts(inbox.take_requests(2)), ["1", "2"]);
        assert_eq!(inbox.post(&[], &allowed), Some(2));
        assert_eq!((inbox.seen, inbox.requests.len()), (1, 1));
        assert!(inbox.take_requests(0).is_empty());
        assert_eq!((inbox.seen, texts(inbox.take_requests(9))), (2, vec!["3".to_owned()]));
        assert_eq!(inbox.post(&["x"; MAX_REQUESTS], &allowed), Some(3));
        assert_eq!(inbox.post(&["x"], &allowed), None);
    }
}
