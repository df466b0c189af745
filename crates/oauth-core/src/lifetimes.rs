//! How long things live: what the operator may decide, within which bounds, and the defaults with their
//! reasons.

use crate::config::ConfigError;
use std::{ops::RangeInclusive, time::Duration};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// How far the clocks of two hosts may be apart. What one has just issued must not be from the future at the
/// other; how long it lives is counted without.
pub const CLOCK_LEEWAY: Duration = Duration::from_secs(30);

/// The latest end that something of this lifetime can have, to a host whose clock says `now`. What ends later
/// is from before the clock was set back, or before the lifetime was shortened.
pub fn latest_end(now: u64, lifetime: Duration) -> u64 {
    now.saturating_add(lifetime.as_secs()).saturating_add(CLOCK_LEEWAY.as_secs())
}

/// How long things live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// From showing a page to posting its form. Long enough to find a password, short enough that a
    /// page left open is no standing approval.
    pub transaction: Duration,
    /// An authorization code. Clients redeem it at once; a minute covers a slow start.
    pub authorization_code: Duration,
    /// An access token. A store that loses its last write in a power cut could bring a revoked grant
    /// back for this long.
    pub access_token: Duration,
    /// A refresh token that is not used: each use starts it anew.
    pub refresh_token: Duration,
    /// A grant, from the user's approval, however often it is refreshed.
    pub grant: Duration,
    /// How long a refresh token still gets the same answer after it was used: clients lose responses,
    /// and refresh twice at once.
    pub refresh_retry: Duration,
    /// How soon a second use of a code counts as a client that sent its request twice, rather than as
    /// a thief.
    pub code_retry: Duration,
    /// A browser's sign-in.
    pub browser_session: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            transaction: Duration::from_secs(10 * MINUTE),
            authorization_code: Duration::from_secs(MINUTE),
            access_token: Duration::from_secs(15 * MINUTE),
            refresh_token: Duration::from_secs(14 * DAY),
            grant: Duration::from_secs(30 * DAY),
            refresh_retry: Duration::from_secs(30),
            code_retry: Duration::from_secs(10),
            browser_session: Duration::from_secs(12 * HOUR),
        }
    }
}

impl Lifetimes {
    /// What the variables say; the default where one is empty. The two windows for retries are no
    /// operator's choice: they tell a client that lost an answer from a thief.
    pub fn read(variable: &impl Fn(&str) -> String) -> Result<Self, ConfigError> {
        let default = Self::default();
        let read = |name, default, bounds| parse(name, &variable(name), default, bounds);
        Ok(Self {
            transaction: read("page_lifetime", default.transaction, MINUTE..=HOUR)?,
            // RFC 6749 section 4.1.2 recommends ten minutes at most.
            authorization_code: read(
                "authorization_code_lifetime",
                default.authorization_code,
                10..=10 * MINUTE,
            )?,
            access_token: Self::read_access_token(variable)?,
            refresh_token: read("refresh_token_lifetime", default.refresh_token, HOUR..=YEAR)?,
            grant: read("grant_lifetime", default.grant, HOUR..=YEAR)?,
            browser_session: read("browser_session_lifetime", default.browser_session, MINUTE..=30 * DAY)?,
            ..default
        })
    }

    /// The lifetime of access tokens alone, for whoever only checks them.
    pub fn read_access_token(variable: &impl Fn(&str) -> String) -> Result<Duration, ConfigError> {
        const NAME: &str = "access_token_lifetime";
        parse(NAME, &variable(NAME), Self::default().access_token, MINUTE..=DAY)
    }
}

/// Reads a whole number and its unit: `90s`, `15m`, `12h`, `30d`.
fn parse(
    variable: &'static str,
    text: &str,
    default: Duration,
    bounds: RangeInclusive<u64>,
) -> Result<Duration, ConfigError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(default);
    }
    let unit = match text.chars().next_back() {
        Some('s') => Some(1),
        Some('m') => Some(MINUTE),
        Some('h') => Some(HOUR),
        Some('d') => Some(DAY),
        _ => None,
    };
    let number = text.get(..text.len().saturating_sub(1)).filter(|number| !number.starts_with('+'));
    let seconds = unit.zip(number).and_then(|(unit, number)| number.parse::<u64>().ok()?.checked_mul(unit));
    match seconds {
        None => Err(ConfigError::new(variable, "it must be a whole number and s, m, h or d, such as 15m")),
        Some(seconds) if !bounds.contains(&seconds) => {
            let (least, most) = (in_words(*bounds.start()), in_words(*bounds.end()));
            Err(ConfigError::new(variable, format!("it must be between {least} and {most}")))
        }
        Some(seconds) => Ok(Duration::from_secs(seconds)),
    }
}

fn in_words(seconds: u64) -> String {
    let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (1, "s")];
    let unit = units.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    unit.map_or_else(String::new, |(unit, name)| format!("{}{name}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &str) -> Result<Lifetimes, ConfigError> {
        Lifetimes::read(&|variable| if variable == name { value.to_owned() } else { String::new() })
    }

    #[test]
    fn every_lifetime_has_a_variable() {
        assert_eq!(read("", ""), Ok(Lifetimes::default()));
        let seconds = |name, value| {
            let lifetimes = read(name, value).unwrap();
            let all = [
                ("page_lifetime", lifetimes.transaction),
                ("authorization_code_lifetime", lifetimes.authorization_code),
                ("access_token_lifetime", lifetimes.access_token),
                ("refresh_token_lifetime", lifetimes.refresh_token),
                ("grant_lifetime", lifetimes.grant),
                ("browser_session_lifetime", lifetimes.browser_session),
            ];
            all.into_iter().find(|(known, _)| *known == name).unwrap().1.as_secs()
        };
        assert_eq!(seconds("page_lifetime", "90s"), 90);
        assert_eq!(seconds("authorization_code_lifetime", "2m"), 120);
        assert_eq!(seconds("access_token_lifetime", " 1h "), 3_600);
        assert_eq!(seconds("refresh_token_lifetime", "90d"), 90 * DAY);
        assert_eq!(seconds("grant_lifetime", "365d"), YEAR);
        assert_eq!(seconds("browser_session_lifetime", "8h"), 8 * HOUR);
    }

    #[test]
    fn mistakes_are_told_with_what_would_do() {
        for bad in
            ["900", "15 m", "m", "-1m", "+1m", "1.5h", "1w", "99999999999999999999s", "15\u{b5}", "\u{e9}"]
        {
            let text = read("access_token_lifetime", bad).unwrap_err().to_string();
            assert!(text.starts_with("access_token_lifetime: it must be a whole number"), "{bad}: {text}");
        }
        for (name, value, text) in [
            ("access_token_lifetime", "59s", "between 1m and 1d"),
            ("access_token_lifetime", "25h", "between 1m and 1d"),
            ("authorization_code_lifetime", "11m", "between 10s and 10m"),
            ("grant_lifetime", "0d", "between 1h and 365d"),
        ] {
            assert_eq!(read(name, value).unwrap_err().to_string(), format!("{name}: it must be {text}"));
        }
    }
}
