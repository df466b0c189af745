//! The provider's keys as they are kept, and when newer ones are asked for.

use crate::Provider;
use jwt_core::KeySet;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use web_core::fetch::Freshness;

/// How long keys are used before they are asked for again: what the provider says, between these. The
/// upper end is how long a key that the provider withdraws may still be taken.
const LEAST: Duration = Duration::from_secs(5 * 60);
const MOST: Duration = Duration::from_secs(60 * 60);
const UNSTATED: Duration = Duration::from_secs(15 * 60);

/// How old keys may be that are used because the provider does not answer, in seconds.
const USABLE: u64 = 24 * 60 * 60;

/// How long to wait after an attempt that failed, or for one that somebody else is making, in seconds: as
/// long as both documents may take.
const RETRY: u64 = 10;

/// How often tokens that name an unknown key may make us ask, in seconds.
const UNKNOWN_KEY_INTERVAL: u64 = 5 * 60;

/// How far ahead of us the clock of another instance may be before its record is not believed.
const CLOCK_TOLERANCE: u64 = 60;

/// Keys, and what is known about asking for them. All times are in seconds since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The key set, as [`KeySet::to_json`] writes it. Empty before the first success.
    keys: String,
    fetched_at: u64,
    fresh_until: u64,
    /// When the provider was last asked. It is written before asking, so that others wait.
    attempted_at: u64,
    /// When it was last asked because of a key that was not known.
    unknown_key_at: u64,
    /// When it was last asked in vain.
    failed_at: u64,
}

/// Why the provider would be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There are no keys that can be used. Everybody asks, because nobody can do without.
    Missing,
    /// The keys are old. One asks, and the others use what there is.
    Stale,
    /// A token names a key that is not among them.
    UnknownKey,
}

impl KeyRecord {
    /// Where the record of a provider is kept. There is one in a deployment, whatever anybody sends.
    pub fn place(provider: &Provider) -> String {
        let jwks_uri = provider.jwks_uri.as_ref().map_or("", |url| url.as_str());
        let digest = Sha256::digest(format!("{} {jwks_uri}", provider.issuer.as_str()));
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("postern:k:{hex}")
    }

    /// The keys, if there are any.
    pub fn keys(&self) -> Option<KeySet> {
        KeySet::parse(self.keys.as_bytes()).ok()
    }

    /// Whether the keys can be used at all, fresh or not.
    pub fn is_usable(&self, now: u64) -> bool {
        now < self.fetched_at.saturating_add(USABLE)
    }

    /// Whether the keys need not be asked for again.
    pub fn is_fresh(&self, now: u64) -> bool {
        now < self.fresh_until
    }

    /// Whether the last attempt brought keys. While somebody is at it, it has not.
    pub fn is_settled(&self) -> bool {
        self.attempted_at <= self.fetched_at
    }

    /// Whether the record was written by somebody whose clock agrees with ours.
    pub fn is_of_now(&self, now: u64) -> bool {
        self.attempted_at <= now.saturating_add(CLOCK_TOLERANCE)
    }

    /// Why newer keys would be asked for now.
    pub fn reason(&self, now: u64) -> Reason {
        match (self.is_fresh(now), self.is_usable(now)) {
            (true, _) => Reason::UnknownKey,
            (false, true) => Reason::Stale,
            (false, false) => Reason::Missing,
        }
    }

    /// Whether the provider may be asked now. After a failure it is left alone for a while.
    pub fn may_ask(&self, reason: Reason, now: u64) -> bool {
        let is_since = |time: u64, interval: u64| now >= time.saturating_add(interval);
        let nobody_is_asking = self.is_settled() || is_since(self.attempted_at, RETRY);
        is_since(self.failed_at, RETRY)
            && match reason {
                Reason::Missing => true,
                Reason::Stale => nobody_is_asking,
                Reason::UnknownKey => nobody_is_asking && is_since(self.unknown_key_at, UNKNOWN_KEY_INTERVAL),
            }
    }

    /// The record while the provider is being asked.
    pub fn asking(mut self, reason: Reason, now: u64) -> Self {
        self.attempted_at = now;
        if reason == Reason::UnknownKey {
            self.unknown_key_at = now;
        }
        self
    }

    /// The record after it was asked in vain.
    pub fn failed(mut self, now: u64) -> Self {
        self.failed_at = now;
        self
    }

    /// The record with what the provider answered.
    pub fn answered(mut self, keys: &KeySet, freshness: Freshness, now: u64) -> Self {
        self.keys = keys.to_json();
        self.fetched_at = now;
        self.attempted_at = now;
        self.fresh_until = now.saturating_add(freshness.within(LEAST, MOST, UNSTATED).as_secs());
        self
    }

    /// Which of two records is newer; `other`, when both are of one second.
    pub fn newer(self, other: Self) -> Self {
        let age = |record: &Self| (record.fetched_at, record.attempted_at, record.failed_at);
        if age(&other) >= age(&self) { other } else { self }
    }
}
