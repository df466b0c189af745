//! What one call of a tool may take and give: the operator's limits, and how a call is kept to them.
//!
//! A tool is code of somebody else's that may hang, or never stop talking. Here it is watched by the clock and by
//! count: when it goes beyond a limit it is given up, and its call has a result that says so, for the model to
//! read (MCP, tools, "error handling"). What takes processor time or memory without end is not seen from here, because
//! all components of a request are one instance: ending that is for the host.
//!
//! [`call_within_limits`](McpServer::call_within_limits) is the only way to a tool.

use crate::{
    McpServer,
    known_tools::KnownTool,
    places::{Kind, NoPlace},
    ports::{
        Call, Caller, ContentBlock, LogEvent, Notification, Outcome, Outside, Reply, Running, Tool,
        ToolResult, ToolsError,
    },
};
use async_stream::stream;
use futures_core::future::LocalBoxFuture;
use futures_util::{
    StreamExt,
    future::{Either, select},
};
use std::{
    cell::{Cell, RefCell},
    fmt,
    future::poll_fn,
    ops::RangeInclusive,
    pin::pin,
    rc::Rc,
    task::Poll,
    time::Duration,
};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// A call that tells so many times what goes on to the client is given up: what is left of it would only cost time.
const FLOOD: u64 = 100;

/// How long a call that was given up is left alone, so that the answer leaves first: a tool may take its time with
/// ending.
const PARTING: Duration = Duration::from_secs(1);

/// After how long a call takes a [place](crate::places) of its user's. What is shorter is not counted.
const LONG_CALL: Duration = Duration::from_secs(5);

/// How often a call looks after its place.
const PLACE_TURN: Duration = Duration::from_secs(60);

/// How long the tools may take to say what there is.
const LISTING: Duration = Duration::from_secs(10);

/// The longest message that a client may post, in bytes (HT-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageLimit(pub(crate) usize);

impl MessageLimit {
    /// Reads the variable `message_limit`; the default where it is empty.
    pub fn read(variable: &impl Fn(&str) -> String) -> Result<Self, LimitError> {
        let expected = "a whole number and KiB or MiB, from 1KiB to 64MiB";
        let limit = read_size(variable, Self::VARIABLE, KIB..=64 * MIB, expected)?;
        Ok(limit.map_or_else(Self::default, Self))
    }

    /// The variable's name, for the operator.
    pub(crate) const VARIABLE: &str = "message_limit";
}

impl Default for MessageLimit {
    fn default() -> Self {
        Self(MIB as usize)
    }
}

impl fmt::Display for MessageLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 as u64).is_multiple_of(MIB) {
            true => write!(f, "{} MiB", self.0 as u64 / MIB),
            false => write!(f, "{} KiB", self.0 as u64 / KIB),
        }
    }
}

/// What one call of a tool may take and give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolLimits {
    /// Time, from the call to its outcome. What a client takes to answer questions does not count.
    pub timeout: Duration,
    /// The longest message that a call ends with, in bytes.
    pub output: usize,
    /// How many notifications go on to the client. What is more is dropped, and a call that tells a hundred times as
    /// many is given up.
    pub notifications: u32,
    /// The longest notification that does, in bytes. What is longer is dropped.
    pub notification_size: usize,
}

impl Default for ToolLimits {
    /// Five minutes are longer than most clients wait. Four MiB are more than a model reads.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(300),
            output: 4 * MIB as usize,
            notifications: 1000,
            notification_size: 64 * KIB as usize,
        }
    }
}

/// A variable that cannot be understood. Its value is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {expected}")]
pub struct LimitError {
    variable: &'static str,
    expected: &'static str,
}

impl ToolLimits {
    /// What the variables say; the default where one is empty.
    pub fn read(variable: &impl Fn(&str) -> String) -> Result<Self, LimitError> {
        let default = Self::default();
        let read = |name, units, bounds, expected| read_number(variable, name, units, bounds, expected);
        let size = |name, bounds, expected| read_size(variable, name, bounds, expected);
        let timeout = read(
            "tool_timeout",
            &[("s", 1), ("m", 60), ("h", 3600)],
            1..=24 * 3600,
            "a whole number and s, m or h, from 1s to 24h",
        )?;
        let output =
            size("tool_output_limit", KIB..=64 * MIB, "a whole number and KiB or MiB, from 1KiB to 64MiB")?;
        let notifications =
            read("tool_notification_limit", &[("", 1)], 0..=100_000, "a whole number, at most 100000")?;
        let notification_size = size(
            "tool_notification_size_limit",
            KIB..=MIB,
            "a whole number and KiB or MiB, from 1KiB to 1MiB",
        )?;
        Ok(Self {
            timeout: timeout.map_or(default.timeout, Duration::from_secs),
            output: output.unwrap_or(default.output),
            notifications: notifications
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or(default.notifications),
            notification_size: notification_size.unwrap_or(default.notification_size),
        })
    }
}

/// Reads a variable that is a whole number. `None` if it is empty.
pub(crate) fn whole_number(
    variable: &impl Fn(&str) -> String,
    name: &'static str,
    bounds: RangeInclusive<u64>,
    expected: &'static str,
) -> Result<Option<u64>, LimitError> {
    read_number(variable, name, &[("", 1)], bounds, expected)
}

/// Reads a variable that is a size. `None` when it is empty.
fn read_size(
    variable: &impl Fn(&str) -> String,
    name: &'static str,
    bounds: RangeInclusive<u64>,
    expected: &'static str,
) -> Result<Option<usize>, LimitError> {
    let bytes = read_number(variable, name, &[("KiB", KIB), ("MiB", MIB)], bounds, expected)?;
    Ok(bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)))
}

/// Reads a variable that is a number with one of these units. `None` when it is empty.
fn read_number(
    variable: &impl Fn(&str) -> String,
    name: &'static str,
    units: &[(&str, u64)],
    bounds: RangeInclusive<u64>,
    expected: &'static str,
) -> Result<Option<u64>, LimitError> {
    let text = variable(name);
    if text.trim().is_empty() {
        return Ok(None);
    }
    match parse(text.trim(), units).filter(|value| bounds.contains(value)) {
        Some(value) => Ok(Some(value)),
        None => Err(LimitError { variable: name, expected }),
    }
}

/// Reads a whole number and its unit.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// The limit that a call went beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overrun {
    Time,
    Notifications,
    Output,
    /// The user has as many long calls as there may be.
    Calls,
}

impl ToolLimits {
    /// What the model reads in place of an outcome.
    fn told(&self, overrun: Overrun) -> ToolResult {
        let why = match overrun {
            Overrun::Time => {
                let time = humantime::format_duration(self.timeout);
                format!("The tool did not finish within {time}, and was stopped")
            }
            Overrun::Notifications => "The tool sent too many notifications, and was stopped".to_owned(),
            Overrun::Calls => {
                "This user has as many long calls running as the server allows, and this one was stopped; \
                 try again when another has ended"
                    .to_owned()
            }
            Overrun::Output => {
                format!("The tool's result is larger than {} KiB, the most that is sent", self.output / 1024)
            }
        };
        ToolResult { content: vec![ContentBlock::Text(why)], structured_content: None, is_error: true }
    }
}

/// The clock and the count of one call.
struct Watch {
    deadline: RefCell<LocalBoxFuture<'static, Overrun>>,
    overrun: Cell<Option<Overrun>>,
    heard: Cell<u64>,
}

impl Watch {
    /// Waits for something, unless the call goes beyond its time first.
    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        if self.overrun.get().is_some() {
            return None;
        }
        let mut work = pin!(work);
        let done = poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => self.deadline.borrow_mut().as_mut().poll(context).map(|overrun| {
                self.overrun.set(Some(overrun));
                None
            }),
        });
        done.await
    }

    /// Counts a notification: a large one as several.
    fn hear(&self, notification: &Notification, limits: &ToolLimits) {
        let weight = 1 + notification.text_len() / limits.notification_size;
        self.heard.set(self.heard.get().saturating_add(weight as u64));
        if self.heard.get() > FLOOD.saturating_mul(u64::from(limits.notifications.max(1))) {
            self.overrun.set(Some(Overrun::Notifications));
        }
    }
}

impl<O: Outside> McpServer<O> {
    /// Calls a tool, and keeps it to its time and to what it may tell. A call that goes beyond is given up, and has
    /// a result that says so.
    pub(crate) async fn call_within_limits(
        self: &Rc<Self>,
        tool: &Rc<KnownTool>,
        caller: Caller,
        call: Call,
    ) -> Result<Reply, ToolsError> {
        let (server, tool, subject) = (Rc::clone(self), Rc::clone(tool), caller.subject.clone());
        let calling: LocalBoxFuture<'static, _> =
            Box::pin(async move { server.outside.call_tool(caller, call).await });
        let deadline: LocalBoxFuture<'static, Overrun> = Box::pin(Rc::clone(self).until_overrun(subject));
        match select(calling, deadline).await {
            Either::Left((Ok(Reply::Running(running)), deadline)) => {
                Ok(Reply::Running(self.keep_within_limits(tool, running, deadline)))
            }
            Either::Left((reply, _)) => reply,
            Either::Right((overrun, calling)) => {
                let server = Rc::clone(self);
                self.outside.spawn(Box::pin(async move {
                    server.outside.sleep(PARTING).await;
                    drop(calling);
                }));
                Ok(Reply::Done(Outcome::Complete(self.stopped(&tool.name, overrun))))
            }
        }
    }

    /// Waits until a call that begins now goes beyond a limit. A call that takes long has a place of its user's
    /// meanwhile.
    async fn until_overrun(self: Rc<Self>, subject: String) -> Overrun {
        let timeout = self.tool_limits.timeout;
        let at_first = timeout.min(LONG_CALL);
        self.outside.sleep(at_first).await;
        // What few calls come to is not part of what all calls carry along.
        match timeout.checked_sub(at_first).filter(|rest| !rest.is_zero()) {
            Some(rest) => Box::pin(self.until_long_overrun(subject, rest)).await,
            None => Overrun::Time,
        }
    }

    async fn until_long_overrun(self: &Rc<Self>, subject: String, mut rest: Duration) -> Overrun {
        let mut place = match self.take_place(&subject, Kind::Call).await {
            Ok(place) => place,
            Err(NoPlace::TooMany) => return Overrun::Calls,
            // A call that runs does not fail because the store does.
            Err(NoPlace::Unavailable(error)) => {
                self.log_unavailable(&error);
                None
            }
        };
        while !rest.is_zero() {
            let turn = rest.min(PLACE_TURN);
            self.outside.sleep(turn).await;
            rest = rest.saturating_sub(turn);
            if let Some(place) = &mut place {
                place.is_kept().await;
            }
        }
        Overrun::Time
    }

    fn keep_within_limits(
        self: &Rc<Self>,
        tool: Rc<KnownTool>,
        Running { mut notifications, outcome }: Running,
        deadline: LocalBoxFuture<'static, Overrun>,
    ) -> Running {
        let limits = self.tool_limits;
        let watch = Rc::new(Watch {
            deadline: RefCell::new(deadline),
            overrun: Cell::default(),
            heard: Cell::default(),
        });
        let (watching, known_tools) = (Rc::clone(&watch), Rc::clone(&self.known_tools));
        let notifications = stream! {
            while let Some(Some(notification)) = watching.in_time(notifications.next()).await {
                watching.hear(&notification, &limits);
                if matches!(notification, Notification::ToolsChanged) {
                    known_tools.forget();
                }
                yield notification;
            }
        };
        let server = Rc::clone(self);
        let outcome = async move {
            match watch.in_time(outcome).await {
                Some(outcome) => outcome,
                None => {
                    let overrun = watch.overrun.get().unwrap_or(Overrun::Time);
                    Ok(Outcome::Complete(server.stopped(&tool.name, overrun)))
                }
            }
        };
        Running { notifications: Box::pin(notifications), outcome: Box::pin(outcome) }
    }

    /// What a call has for a result that went beyond a limit.
    pub(crate) fn stopped(&self, tool: &str, overrun: Overrun) -> ToolResult {
        let fault = match overrun {
            Overrun::Time => "it took too long and was stopped",
            Overrun::Notifications => "it told too much and was stopped",
            Overrun::Output => "its result is larger than is sent",
            Overrun::Calls => "its user has as many long calls as calls_per_user allows",
        };
        self.outside.log(LogEvent::ToolMalformed { tool, fault });
        self.tool_limits.told(overrun)
    }

    /// What the tools offer. A list takes no time, or none is to be had.
    pub(crate) async fn list_within_limits(&self) -> Result<Vec<Tool>, ToolsError> {
        match select(pin!(self.outside.list_tools()), pin!(self.outside.sleep(LISTING))).await {
            Either::Left((tools, _)) => tools,
            Either::Right(_) => Err(ToolsError::Unavailable),
        }
    }
}

impl Notification {
    /// How much text is in it, in bytes.
    fn text_len(&self) -> usize {
        match self {
            Self::Progress(progress) => progress.message.as_ref().map_or(0, String::len),
            Self::Log(log) => log.data.len() + log.logger.as_ref().map_or(0, String::len),
            Self::ResourceUpdated(uri) => uri.len(),
            Self::ToolsChanged | Self::PromptsChanged | Self::ResourcesChanged => 0,
        }
    }
}

impl ToolResult {
    /// How much is in it at least, in bytes, before it is written out.
    pub(crate) fn len(&self) -> usize {
        let content = self.content.iter().map(|block| match block {
            ContentBlock::Text(text) => text.len(),
            ContentBlock::Image(media) | ContentBlock::Audio(media) => media.data.len(),
            ContentBlock::ResourceLink(link) => {
                link.uri.len() + link.description.as_ref().map_or(0, String::len)
            }
            ContentBlock::EmbeddedResource(resource) => match &resource.contents {
                crate::ports::ResourceContents::Text(text) => text.len(),
                crate::ports::ResourceContents::Blob(bytes) => bytes.len(),
            },
        });
        content.sum::<usize>() + self.structured_content.as_ref().map_or(0, String::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<ToolLimits, LimitError> {
        ToolLimits::read(&|variable: &str| if variable == name { value.to_owned() } else { String::new() })
    }

    /// TL-03, TL-07.
    #[test]
    fn limits_are_variables() {
        let default = ToolLimits::default();
        assert_eq!(read("", ""), Ok(default));
        assert_eq!(
            read("tool_timeout", "90s"),
            Ok(ToolLimits { timeout: Duration::from_secs(90), ..default })
        );
        assert_eq!(read("tool_output_limit", " 512KiB "), Ok(ToolLimits { output: 512 * 1024, ..default }));
        assert_eq!(read("tool_notification_limit", "0"), Ok(ToolLimits { notifications: 0, ..default }));
        assert_eq!(
            read("tool_notification_size_limit", "1MiB"),
            Ok(ToolLimits { notification_size: 1 << 20, ..default })
        );
    }

    /// C13.
    #[test]
    fn the_limit_of_messages_is_a_variable() {
        let read = |value: &str| {
            MessageLimit::read(&|name: &str| {
                assert_eq!(name, "message_limit");
                value.to_owned()
            })
        };
        for (value, bytes, shown) in [
            ("", 1 << 20, "1 MiB"),
            ("1KiB", 1 << 10, "1 KiB"),
            (" 1536KiB ", 1536 << 10, "1536 KiB"),
            ("64MiB", 64 << 20, "64 MiB"),
        ] {
            let limit = read(value).unwrap();
            assert_eq!((limit.0, limit.to_string().as_str()), (bytes, shown), "{value}");
        }
        for value in ["0KiB", "1", "65MiB", "1MB", "1.5MiB", "-1KiB", "99999999999999999999MiB"] {
            let error = read(value).unwrap_err().to_string();
            assert_eq!(error, "message_limit: a whole number and KiB or MiB, from 1KiB to 64MiB");
        }
    }

    #[test]
    fn limit_that_cannot_be_understood_is_named_and_not_repeated() {
        for (variable, values) in [
            ("tool_timeout", ["0s", "25h", "5", "-1s", "1 s", "9999999999999999999h"]),
            ("tool_output_limit", ["0KiB", "65MiB", "4", "4MB", "KiB", "1.5MiB"]),
            ("tool_notification_limit", ["-1", "many", "100001", "1s", "+1", "1 0"]),
            ("tool_notification_size_limit", ["2MiB", "1B", "0", "x", "1000", "64 KiB"]),
        ] {
            for value in values {
                let error = read(variable, value).unwrap_err().to_string();
                assert!(error.starts_with(&format!("{variable}: a whole number")), "{value}: {error}");
            }
        }
    }
}
