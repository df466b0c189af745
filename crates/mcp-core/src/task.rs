//! A task (the extension `io.modelcontextprotocol/tasks`): a call that is not over when its request is answered.
//!
//! This is its record, and in which ways it changes; [`tasks`](crate::tasks) are the methods. Nothing runs between two
//! requests: how a task stands is found out when somebody asks, by calling the tool again with its own state. So that
//! two who ask at once do not both do that, whoever asks first takes the task for a while, and the other is told how
//! it stood.

use crate::{
    ports::{self, Answer, AnswerValue, Elicited, Resumption, Root},
    questions::{Asked, InputRequests},
};
use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::time::{Duration, SystemTime};

/// For how long a task is kept if its tool does not say, in milliseconds.
pub(crate) const DEFAULT_TTL_MS: u32 = 24 * 60 * 60 * 1000;

/// How long a client should wait before it asks again if the tool does not say, in milliseconds.
pub(crate) const DEFAULT_POLL_INTERVAL_MS: u32 = 5000;

/// For how long whoever asks the tool has a task for themselves. Their instance may end before they are done.
const TAKEN_MS: u64 = 60_000;

/// How many questions a task may ask over its life.
const MAX_KEYS: usize = 256;

/// The record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    /// Its id, to tell it from others that had the slot before.
    pub(crate) id: String,
    /// The tool.
    pub(crate) tool: String,
    /// The scopes that it took to begin.
    pub(crate) scopes: Vec<String>,
    /// The text of a JSON object.
    pub(crate) arguments: String,
    /// What the tool keeps, in Base64.
    state: String,
    /// In words for a person.
    status_message: Option<String>,
    /// In milliseconds since the Unix epoch, like all times here.
    created_at: u64,
    updated_at: u64,
    ttl_ms: u32,
    poll_interval_ms: u32,
    /// What has to be known before it goes on.
    pub(crate) outstanding: Vec<Asked>,
    /// What is known since the tool was called last.
    answers: Vec<StoredAnswer>,
    /// The keys of all questions that were ever asked.
    keys: Vec<String>,
    /// Who asks the tool, and until when nobody else does.
    taken: Option<(String, u64)>,
    /// How it ended.
    pub(crate) ended: Option<Ended>,
    /// Whether its end was told. Then its slot may be had, if there is no other.
    pub(crate) is_told: bool,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ended {
    /// With a result, whose text this is.
    Completed(String),
    /// With a protocol error, whose text this is.
    Failed(String),
    /// By the client's wish.
    Cancelled,
}

/// An answer in the record.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredAnswer {
    key: String,
    value: StoredValue,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredValue {
    Accepted(Option<String>),
    Declined,
    Cancelled,
    Sampled(String),
    Roots(Vec<(String, Option<String>)>),
}

/// What becomes of a task that a tool was asked about.
#[derive(Debug)]
pub(crate) enum Next {
    /// It goes on like this; with questions, once they are answered.
    GoesOn(Step),
    /// It has ended.
    Ended(Ended),
    /// The tool could not be asked.
    Unknown,
}

/// How a task goes on.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) state: Vec<u8>,
    pub(crate) status_message: Option<String>,
    pub(crate) poll_interval_ms: Option<u32>,
    pub(crate) questions: Vec<Asked>,
}

/// A question of a task has a key that one before it had, or there were too many.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyUsedTwice;

impl Task {
    /// A task that begins now.
    pub(crate) fn new(
        (id, tool, scopes, arguments): (String, String, Vec<String>, String),
        ttl_ms: Option<u32>,
        step: Step,
        now: u64,
    ) -> Result<Self, KeyUsedTwice> {
        let task = Self {
            id,
            tool,
            scopes,
            arguments,
            state: String::new(),
            status_message: None,
            created_at: now,
            updated_at: now,
            ttl_ms: ttl_ms.unwrap_or(DEFAULT_TTL_MS).max(1),
            poll_interval_ms: DEFAULT_POLL_INTERVAL_MS,
            outstanding: Vec::new(),
            answers: Vec::new(),
            keys: Vec::new(),
            taken: None,
            ended: None,
            is_told: false,
        };
        task.going_on(step, now)
    }

    /// Whether it need not be kept any longer.
    pub(crate) fn is_over(&self, now: u64) -> bool {
        now >= self.expires_at()
    }

    /// Until when it is kept.
    pub(crate) fn expires_at(&self) -> u64 {
        self.created_at.saturating_add(u64::from(self.ttl_ms))
    }

    /// How long a client should wait before it asks again.
    pub(crate) fn poll_interval(&self) -> Duration {
        Duration::from_millis(u64::from(self.poll_interval_ms))
    }

    /// The same task, taken by whoever is to ask the tool. `None` while that is nobody's turn: it has ended, waits for
    /// answers, or somebody else is asking.
    pub(crate) fn take(&self, who: &str, now: u64) -> Option<Self> {
        let is_free = self.taken.as_ref().is_none_or(|(_, until)| now >= *until);
        if self.ended.is_some() || !self.outstanding.is_empty() || !is_free {
            return None;
        }
        Some(Self { taken: Some((who.to_owned(), now + TAKEN_MS)), ..self.clone() })
    }

    /// What the tool is asked with.
    pub(crate) fn resumption(&self, cancelled: bool) -> Resumption {
        let answers = self.answers.iter().cloned().map(Answer::from).collect();
        Resumption { state: Base64::decode_vec(&self.state).unwrap_or_default(), answers, cancelled }
    }

    /// The same task after its tool was asked. `None` if that is not what is waited for any more: it was cancelled
    /// meanwhile, or took too long and somebody else asked.
    pub(crate) fn after(&self, who: &str, next: &Next, now: u64) -> Option<Result<Self, KeyUsedTwice>> {
        if self.ended.is_some() || self.taken.as_ref().is_none_or(|(holder, _)| holder != who) {
            return None;
        }
        let released = Self { taken: None, ..self.clone() };
        Some(match next {
            Next::Unknown => Ok(released),
            Next::Ended(ended) => Ok(released.ending(ended.clone(), now)),
            Next::GoesOn(step) => {
                let Step { state, status_message, poll_interval_ms, questions } = step;
                let step = Step {
                    state: state.clone(),
                    status_message: status_message.clone(),
                    poll_interval_ms: *poll_interval_ms,
                    questions: questions.clone(),
                };
                released.going_on(step, now)
            }
        })
    }

    fn going_on(mut self, step: Step, now: u64) -> Result<Self, KeyUsedTwice> {
        // A key names one question for the whole life of a task (MCP-K-13).
        if step.questions.iter().any(|asked| self.keys.contains(&asked.key))
            || self.keys.len() + step.questions.len() > MAX_KEYS
        {
            return Err(KeyUsedTwice);
        }
        self.keys.extend(step.questions.iter().map(|asked| asked.key.clone()));
        if !step.questions.is_empty() || self.status_message != step.status_message {
            self.updated_at = now;
        }
        self.state = Base64::encode_string(&step.state);
        self.status_message = step.status_message;
        self.poll_interval_ms = step.poll_interval_ms.unwrap_or(self.poll_interval_ms).max(1);
        self.outstanding = step.questions;
        self.answers.clear();
        Ok(self)
    }

    /// The same task, ended. One that has ended already stays as it is (MCP-K-12).
    pub(crate) fn ending(mut self, ended: Ended, now: u64) -> Self {
        if self.ended.is_none() {
            if matches!(ended, Ended::Failed(_)) {
                self.status_message = Some("The task has failed".to_owned());
            }
            self.ended = Some(ended);
            self.updated_at = now;
            self.outstanding.clear();
            self.answers.clear();
            self.taken = None;
        }
        self
    }

    /// The same task, whose end the client knows.
    pub(crate) fn told(&self) -> Self {
        Self { is_told: true, ..self.clone() }
    }

    /// The same task with these answers, as far as they are waited for (MCP-K-14). `None` if none is.
    pub(crate) fn answered(&self, answers: &[Answer], now: u64) -> Option<Self> {
        let is_waited_for = |key: &str| self.outstanding.iter().any(|asked| asked.key == key);
        let new: Vec<_> = answers.iter().filter(|answer| is_waited_for(&answer.key)).collect();
        if self.ended.is_some() || new.is_empty() {
            return None;
        }
        let mut task = self.clone();
        task.outstanding.retain(|asked| new.iter().all(|answer| answer.key != asked.key));
        task.answers.extend(new.into_iter().cloned().map(StoredAnswer::from));
        task.updated_at = now;
        Some(task)
    }

    /// The task as it is shown when somebody asks. `None` if the record does not hold what it should.
    pub(crate) fn to_wire(&self) -> Option<WireTask<'_>> {
        let raw = |text: &String| RawValue::from_string(text.clone());
        let (result, error) = match &self.ended {
            Some(Ended::Completed(result)) => (Some(raw(result).ok()?), None),
            Some(Ended::Failed(error)) => (None, Some(raw(error).ok()?)),
            Some(Ended::Cancelled) | None => (None, None),
        };
        let input_requests = (!self.outstanding.is_empty()).then_some(InputRequests(&self.outstanding));
        Some(WireTask { input_requests, result, error, ..self.to_wire_at_first() })
    }

    /// The task as the call that begins it tells of it: only that there is one.
    pub(crate) fn to_wire_at_first(&self) -> WireTask<'_> {
        WireTask {
            task_id: &self.id,
            status: self.status(),
            status_message: self.status_message.as_deref(),
            created_at: timestamp(self.created_at),
            last_updated_at: timestamp(self.updated_at),
            ttl_ms: self.ttl_ms,
            poll_interval_ms: self.poll_interval_ms,
            input_requests: None,
            result: None,
            error: None,
        }
    }

    /// In the words of the extension.
    pub(crate) fn status(&self) -> &'static str {
        match &self.ended {
            Some(Ended::Completed(_)) => "completed",
            Some(Ended::Failed(_)) => "failed",
            Some(Ended::Cancelled) => "cancelled",
            None if self.outstanding.is_empty() => "working",
            None => "input_required",
        }
    }
}

/// A task on the wire. Flat, and times in whole milliseconds (MCP-K-06, MCP-K-20).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireTask<'a> {
    task_id: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<&'a str>,
    created_at: String,
    last_updated_at: String,
    ttl_ms: u32,
    poll_interval_ms: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_requests: Option<InputRequests<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Box<RawValue>>,
}

/// RFC 3339, in UTC.
fn timestamp(milliseconds: u64) -> String {
    /// The end of the year 9999, after which there are no such timestamps.
    const LAST: u64 = 253_402_300_799_999;
    let milliseconds = milliseconds.min(LAST);
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds));
    humantime::format_rfc3339_millis(time.unwrap_or(SystemTime::UNIX_EPOCH)).to_string()
}

impl From<Answer> for StoredAnswer {
    fn from(ports::Answer { key, value }: Answer) -> Self {
        let value = match value {
            AnswerValue::Elicited(Elicited::Accept(content)) => StoredValue::Accepted(content),
            AnswerValue::Elicited(Elicited::Decline) => StoredValue::Declined,
            AnswerValue::Elicited(Elicited::Cancel) => StoredValue::Cancelled,
            AnswerValue::Sampled(result) => StoredValue::Sampled(result),
            AnswerValue::Roots(roots) => {
                StoredValue::Roots(roots.into_iter().map(|Root { uri, name }| (uri, name)).collect())
            }
        };
        Self { key, value }
    }
}

impl From<StoredAnswer> for Answer {
    fn from(StoredAnswer { key, value }: StoredAnswer) -> Self {
        let value = match value {
            StoredValue::Accepted(content) => AnswerValue::Elicited(Elicited::Accept(content)),
            StoredValue::Declined => AnswerValue::Elicited(Elicited::Decline),
            StoredValue::Cancelled => AnswerValue::Elicited(Elicited::Cancel),
            StoredValue::Sampled(result) => AnswerValue::Sampled(result),
            StoredValue::Roots(roots) => {
                AnswerValue::Roots(roots.into_iter().map(|(uri, name)| Root { uri, name }).collect())
            }
        };
        Self { key, value }
    }
}
