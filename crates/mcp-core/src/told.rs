//! What a call tells while it runs, as the client gets it: what it asked for, in the order of the rules, and no more
//! than anybody reads.

use crate::{
    json,
    jsonrpc::{self, Id},
    limits::ToolLimits,
    ports::{LogLevel, LogMessage, Notification, Progress},
    revision::Revision,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// The most changes that one call makes known.
const MAX_CHANGES: u32 = 100;

/// What a client wants to be told.
#[derive(Debug, Clone)]
pub(crate) struct Wishes {
    pub(crate) revision: Revision,
    /// What it wants its progress notifications to be marked with. `None`: it wants none.
    pub(crate) progress_token: Option<Id>,
    /// The least severe log message. `None`: none.
    pub(crate) log_level: Option<LogLevel>,
}

/// Writes the notifications of one call.
#[derive(Debug)]
pub(crate) struct Teller {
    wishes: Wishes,
    limits: ToolLimits,
    /// How far the call said that it was.
    progress: f64,
    told: u32,
    changes: u32,
}

impl Teller {
    pub(crate) fn new(wishes: Wishes, limits: ToolLimits) -> Self {
        Self { wishes, limits, progress: f64::NEG_INFINITY, told: 0, changes: 0 }
    }

    /// Whether another change may be made known.
    pub(crate) fn may_tell_of_a_change(&mut self) -> bool {
        self.changes += 1;
        self.changes <= MAX_CHANGES
    }

    /// The message that the client gets, if it gets one. What is for everybody is not for it.
    pub(crate) fn tell(&mut self, notification: Notification) -> Option<Vec<u8>> {
        if self.told >= self.limits.notifications {
            return None;
        }
        let message = match notification {
            Notification::Progress(progress) => self.progress(progress),
            Notification::Log(message) => self.log(message),
            Notification::ToolsChanged
            | Notification::PromptsChanged
            | Notification::ResourcesChanged
            | Notification::ResourceUpdated(_) => None,
        };
        let message = message.filter(|message| message.len() <= self.limits.notification_size)?;
        self.told += 1;
        Some(message)
    }

    /// More than the last time, or it is no progress (MCP-M-46).
    fn progress(&mut self, Progress { progress, total, message }: Progress) -> Option<Vec<u8>> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire<'a> {
            progress_token: &'a Id,
            progress: f64,
            #[serde(skip_serializing_if = "Option::is_none")]
            total: Option<f64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            message: Option<String>,
        }
        let progress_token = self.wishes.progress_token.as_ref()?;
        // JSON has no number for what is not finite.
        if !progress.is_finite() || progress <= self.progress {
            return None;
        }
        self.progress = progress;
        let total = total.filter(|total| total.is_finite());
        let message = message.filter(|_| self.wishes.revision.progress_has_a_message());
        jsonrpc::notification_message(
            "notifications/progress",
            &Wire { progress_token, progress, total, message },
        )
    }

    /// Only to who asked for this level (MCP-M-48).
    fn log(&self, LogMessage { level, logger, data }: LogMessage) -> Option<Vec<u8>> {
        #[derive(Serialize)]
        struct Wire {
            level: LogLevel,
            #[serde(skip_serializing_if = "Option::is_none")]
            logger: Option<String>,
            data: Box<RawValue>,
        }
        self.wishes.log_level.filter(|least| level >= *least)?;
        json::check(data.as_bytes())?;
        let data = RawValue::from_string(data).ok()?;
        jsonrpc::notification_message("notifications/message", &Wire { level, logger, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn teller(log_level: Option<LogLevel>) -> Teller {
        let token = Id::parse(serde_json::from_str("7").unwrap());
        let wishes = Wishes { revision: Revision::R2026_07_28, progress_token: token, log_level };
        Teller::new(wishes, ToolLimits::default())
    }

    fn progress(progress: f64) -> Notification {
        Notification::Progress(Progress { progress, total: Some(f64::INFINITY), message: None })
    }

    fn log(level: LogLevel, data: &str) -> Notification {
        Notification::Log(LogMessage { level, logger: None, data: data.into() })
    }

    /// MCP-M-46.
    #[test]
    fn progress_only_ever_grows() {
        let mut teller = teller(None);
        let told: Vec<_> = [0.0, 0.0, 1.5, 1.0, f64::NAN, f64::INFINITY, 2.0]
            .into_iter()
            .filter_map(|value| teller.tell(progress(value)))
            .map(|message| serde_json::from_slice::<Value>(&message).unwrap()["params"].take())
            .collect();
        let values: Vec<_> = told.iter().map(|params| params["progress"].as_f64().unwrap()).collect();
        assert_eq!(values, [0.0, 1.5, 2.0]);
        assert!(told.iter().all(|params| params["progressToken"] == 7 && params.get("total").is_none()));
    }

    /// MCP-M-48, MCP-M-53, TL-07.
    #[test]
    fn what_is_not_wanted_and_what_is_too_much_is_dropped() {
        let mut wanting = teller(Some(LogLevel::Warning));
        assert!(wanting.tell(log(LogLevel::Notice, "1")).is_none());
        assert!(wanting.tell(log(LogLevel::Error, "1")).is_some());
        assert!(wanting.tell(log(LogLevel::Error, "{")).is_none(), "not JSON");
        let long = format!("\"{}\"", "x".repeat(ToolLimits::default().notification_size));
        assert!(wanting.tell(log(LogLevel::Error, &long)).is_none());
        assert!(teller(None).tell(log(LogLevel::Emergency, "1")).is_none());
        let told = (0..5000).filter_map(|n| wanting.tell(progress(f64::from(n)))).count();
        assert_eq!(told, 999);
        assert_eq!((0..500).filter(|_| wanting.may_tell_of_a_change()).count(), 100);
    }
}
