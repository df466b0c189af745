//! The stored keys of a provider, and when newer ones are fetched.

use crate::Provider;
use jwt_core::KeySet;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use web_core::fetch::Freshness;

/// How long keys are used before they are fetched again: as the provider's headers say, between these bounds. The
/// upper bound is how long a key that the provider withdraws may still be accepted.
const LEAST: Duration = Duration::from_secs(5 * 60);
const MOST: Duration = Duration::from_secs(60 * 60);
const UNSTATED: Duration = Duration::from_secs(15 * 60);

/// How old keys may be while the provider is unavailable, in seconds.
const USABLE: u64 = 24 * 60 * 60;

/// How long to wait after a failed fetch, or for the fetch of another instance, in seconds: as
/// long as both documents may take to arrive.
const RETRY: u64 = 10;

/// The shortest interval between fetches for unknown keys, in seconds.
const UNKNOWN_KEY_INTERVAL: u64 = 5 * 60;

/// How far ahead the clock of another instance may be before its record is ignored, in seconds.
const CLOCK_TOLERANCE: u64 = 60;

/// Keys, and the times of fetches. All times are in seconds since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The key set, as [`KeySet::to_json`] writes it. Empty before the first success.
    keys: String,
    fetched_at: u64,
    fresh_until: u64,
    /// The start of the last fetch. It is stored before the fetch, so that other instances wait.
    attempted_at: u64,
    /// The start of the last fetch for an unknown key.
    unknown_key_at: u64,
    /// The last failure.
    failed_at: u64,
}

/// The reason for a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There are no usable keys. Every instance fetches, because none can do without.
    Missing,
    /// The keys are stale. One instance fetches, and the others use the stale keys.
    Stale,
    /// A token names an unknown key.
    UnknownKey,
}

impl KeyRecord {
    /// Returns the key of a provider's record. A deployment has one, whatever tokens clients send.
    pub fn place(provider: &Provider) -> String {
        let jwks_uri = provider.jwks_uri.as_ref().map_or("", |url| url.as_str());
        let digest = Sha256::digest(format!("{} {jwks_uri}", provider.issuer.as_str()));
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("postern:k:{hex}")
    }

    /// Returns the keys, if there are any.
    pub fn keys(&self) -> Option<KeySet> {
        KeySet::parse(self.keys.as_bytes()).ok()
    }

    /// Whether the keys can be used at all, fresh or not.
    pub fn is_usable(&self, now: u64) -> bool {
        now < self.fetched_at.saturating_add(USABLE)
    }

    /// Whether the keys need not be fetched again.
    pub fn is_fresh(&self, now: u64) -> bool {
        now < self.fresh_until
    }

    /// Whether the last fetch succeeded. False while one runs.
    pub fn is_settled(&self) -> bool {
        self.attempted_at <= self.fetched_at
    }

    /// Whether the clock of the record's writer agrees with this one.
    pub fn is_of_now(&self, now: u64) -> bool {
        self.attempted_at <= now.saturating_add(CLOCK_TOLERANCE)
    }

    /// Returns the reason for which newer keys would be fetched now.
    pub fn reason(&self, now: u64) -> Reason {
        match (self.is_fresh(now), self.is_usable(now)) {
            (true, _) => Reason::UnknownKey,
            (false, true) => Reason::Stale,
            (false, false) => Reason::Missing,
        }
    }

    /// Whether a fetch may begin now. After a failure there is a pause.
    pub fn may_ask(&self, reason: Reason, now: u64) -> bool {
        let is_since = |time: u64, interval: u64| now >= time.saturating_add(interval);
        let is_idle = self.is_settled() || is_since(self.attempted_at, RETRY);
        is_since(self.failed_at, RETRY)
            && match reason {
                Reason::Missing => true,
                Reason::Stale => is_idle,
                Reason::UnknownKey => is_idle && is_since(self.unknown_key_at, UNKNOWN_KEY_INTERVAL),
            }
    }

    /// Returns the record for the time of a fetch.
    pub fn asking(mut self, reason: Reason, now: u64) -> Self {
        self.attempted_at = now;
        if reason == Reason::UnknownKey {
            self.unknown_key_at = now;
        }
        self
    }

    /// Returns the record after a failed fetch.
    pub fn failed(mut self, now: u64) -> Self {
        self.failed_at = now;
        self
    }

    /// Returns the record with fetched keys.
    pub fn answered(mut self, keys: &KeySet, freshness: Freshness, now: u64) -> Self {
        self.keys = keys.to_json();
        self.fetched_at = now;
        self.attempted_at = now;
        self.fresh_until = now.saturating_add(freshness.within(LEAST, MOST, UNSTATED).as_secs());
        self
    }

    /// Returns the newer of two records; `other` if both are equally old.
    pub fn newer(self, other: Self) -> Self {
        let age = |record: &Self| (record.fetched_at, record.attempted_at, record.failed_at);
        if age(&other) >= age(&self) { other } else { self }
    }
}
