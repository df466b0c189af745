//! What an operator decides, and the defaults with their reasons.

use std::time::Duration;
use web_core::PublicUrl;

/// The authorization server's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Scheme, host and port; the issuer identifier (RFC 8414 section 2).
    pub public_url: PublicUrl,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// Whether a user may let a decision stand for later requests like it; see [`crate::authorize::consent`].
    pub remembers_consent: bool,
}

/// How long things live.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// From showing a page to posting its form. Long enough to find a password, short enough that a
    /// page left open is no standing approval.
    pub transaction: Duration,
    /// An authorization code. Clients redeem it at once; a minute covers a slow start.
    pub authorization_code: Duration,
    /// An access token. A store that loses its last write in a power cut could bring a revoked grant
    /// back for this long.
    pub access_token: Duration,
    /// A refresh token that is not used.
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
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
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

impl Config {
    /// The defaults, at this address.
    pub fn new(public_url: PublicUrl) -> Self {
        Self { public_url, lifetimes: Lifetimes::default(), remembers_consent: false }
    }
}
