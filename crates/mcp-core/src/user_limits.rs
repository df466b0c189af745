//! How much one user or client may hold at the same time: sessions, streams and calls.

use crate::limits::{LimitError, whole_number};
use store_core::Slot;

/// The limits on what one user or client holds at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserLimits {
    /// The sessions of a connection: of one user with one client, under one grant. 1 to 64.
    pub sessions_per_connection: u16,
    /// The open streams of a user that carry notifications only: to GET, of HTTP+SSE, and of
    /// `subscriptions/listen`. 1 to 100.
    pub streams_per_user: u16,
    /// The calls of a user that take longer than five seconds. 1 to 100.
    pub calls_per_user: u16,
}

impl Default for UserLimits {
    fn default() -> Self {
        Self { sessions_per_connection: 32, streams_per_user: 64, calls_per_user: 64 }
    }
}

impl UserLimits {
    /// Reads the variables. An empty one stands for the default.
    pub fn read(variable: &impl Fn(&str) -> String) -> Result<Self, LimitError> {
        let default = Self::default();
        let read = |name, max, expected, default| {
            let number = whole_number(variable, name, 1..=u64::from(max), expected)?;
            Ok(number.and_then(|number| u16::try_from(number).ok()).unwrap_or(default))
        };
        Ok(Self {
            sessions_per_connection: read(
                "sessions_per_connection",
                Slot::Session.count(),
                "a whole number from 1 to 64",
                default.sessions_per_connection,
            )?,
            streams_per_user: read(
                "streams_per_user",
                MAX_PLACES,
                "a whole number from 1 to 100",
                default.streams_per_user,
            )?,
            calls_per_user: read(
                "calls_per_user",
                MAX_PLACES,
                "a whole number from 1 to 100",
                default.calls_per_user,
            )?,
        })
    }
}

/// The highest limit of streams or calls. The record of a user's places holds this many of each.
const MAX_PLACES: u16 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<UserLimits, LimitError> {
        UserLimits::read(&|variable: &str| if variable == name { value.to_owned() } else { String::new() })
    }

    #[test]
    fn limits_are_variables() {
        let default = UserLimits::default();
        assert_eq!(read("", ""), Ok(default));
        let one = read("sessions_per_connection", " 1 ");
        assert_eq!(one, Ok(UserLimits { sessions_per_connection: 1, ..default }));
        assert_eq!(read("streams_per_user", "100"), Ok(UserLimits { streams_per_user: 100, ..default }));
        assert_eq!(read("calls_per_user", "7"), Ok(UserLimits { calls_per_user: 7, ..default }));
    }

    #[test]
    fn limit_that_cannot_be_read_is_named_and_not_repeated() {
        for name in ["sessions_per_connection", "streams_per_user", "calls_per_user"] {
            for value in ["0", "-1", "101", "1s", "+1", "many", "99999999999999999999999"] {
                let error = read(name, value).unwrap_err().to_string();
                assert!(error.starts_with(&format!("{name}: a whole number from 1 to ")), "{value}: {error}");
            }
        }
    }
}
