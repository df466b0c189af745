//! Slowing down whoever guesses passwords.
//!
//! Wrong answers are counted under the account's name, under the address that they come from, and all
//! together. Each count goes down by itself with time. When one is high, there is a pause before the next
//! answer is looked at, which doubles with each further one to a quarter of an hour and no more: nobody is
//! ever locked out for good (LG-03).
//!
//! * **A browser in which the person has signed in before is counted by itself**, so that somebody who guesses
//!   from elsewhere cannot hold the person up (LG-06).
//! * **An answer is counted before it is judged**, by a compare-and-swap, so that of many at once no more get
//!   through than one after the other (LG-07). A right one is taken out of the count again.
//! * **What is stored is bounded**: there are [`LISTS`] records of at most [`MAX_ENTRIES`] counts each. In a
//!   full one the count that would be gone first makes room, so that a high one outlives a flood of new names.
//! * A count says nothing of whose it is: it is named by a MAC.

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use store_core::{Change, Purpose, Random, RecordError, Records, Store, TransitionError, seal};

/// How many lists there are.
pub const LISTS: u8 = 64;

/// The most counts in a list, so that it fits a record.
pub const MAX_ENTRIES: usize = 128;

/// The longest pause, in seconds.
const MAX_PAUSE: u64 = 15 * 60;

/// How fast a count goes down, and from where on there is a pause.
#[derive(Debug, Clone, Copy)]
struct Rate {
    /// In how many seconds the count goes down by one.
    decay: u64,
    /// From which count on there is a pause.
    free: u64,
}

/// Of one account. After fifteen wrong answers the pause is the longest.
const OF_ACCOUNT: Rate = Rate { decay: 60 * 60, free: 5 };
/// Of one address, behind which there may be a household or an office.
const OF_ADDRESS: Rate = Rate { decay: 60, free: 20 };
/// Of all that is counted in one list, which is a sixty-fourth of everything: sixteen a second in the long run.
const OF_LIST: Rate = Rate { decay: 4, free: 30 };

/// A number of wrong answers that goes down by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Count {
    /// When it is down to nothing, in seconds since the Unix epoch.
    clear_at: u64,
    /// When it last went up.
    raised_at: u64,
}

impl Count {
    /// How long there is to wait, in seconds; nothing if an answer may be given now.
    fn pause(self, rate: Rate, now: u64) -> u64 {
        let level = self.clear_at.saturating_sub(now).div_ceil(rate.decay);
        let Some(excess) = level.checked_sub(rate.free) else { return 0 };
        let pause =
            1_u64.checked_shl(u32::try_from(excess).unwrap_or(u32::MAX)).unwrap_or(MAX_PAUSE).min(MAX_PAUSE);
        // The clock may have been set back since: what lies in the future has no claim on anybody's time.
        now.checked_sub(self.raised_at).map_or(0, |passed| pause.saturating_sub(passed))
    }

    fn raise(self, rate: Rate, now: u64) -> Self {
        // Beyond the longest pause there is nothing to count.
        let most = now.saturating_add(rate.decay.saturating_mul(rate.free.saturating_add(10)));
        Self { clear_at: self.clear_at.max(now).saturating_add(rate.decay).min(most), raised_at: now }
    }

    fn lower(self, rate: Rate) -> Self {
        Self { clear_at: self.clear_at.saturating_sub(rate.decay), ..self }
    }
}

/// Counts, by the MAC of what is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct List {
    /// Everything that is counted by account name.
    all: Count,
    counts: Vec<(String, Count)>,
}

impl List {
    fn find(&self, name: &str) -> Count {
        self.counts.iter().find(|(known, _)| known == name).map_or(Count::default(), |(_, count)| *count)
    }

    /// The same list with this count in it, and without those that are down to nothing.
    fn with(&self, name: &str, count: Count, now: u64) -> Self {
        let mut counts = self.counts.clone();
        counts.retain(|(known, count)| known != name && now < count.clear_at);
        if counts.len() >= MAX_ENTRIES {
            let first = counts.iter().enumerate().min_by_key(|(_, (_, count))| count.clear_at);
            if let Some((index, _)) = first {
                counts.swap_remove(index);
            }
        }
        if now < count.clear_at {
            counts.push((name.to_owned(), count));
        }
        Self { all: self.all, counts }
    }
}

/// Who gives an answer.
#[derive(Debug, Clone, Copy)]
pub enum Guest<'a> {
    /// A browser in which this subject has signed in before, or is signed in.
    Known {
        /// The subject.
        subject: &'a str,
    },
    /// Anybody.
    Unknown {
        /// The normalised name of the account, whether there is one or not.
        name: &'a str,
        /// The address that the request came from, as the host tells it.
        address: Option<&'a str>,
    },
}

/// Whether an answer may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Yes, and it has been counted.
    Taken,
    /// Not before so many seconds have passed. Nothing was counted under the account's name.
    Wait(u64),
}

/// What is counted, and where.
struct Counter {
    list: u8,
    name: String,
    rate: Rate,
    /// Whether it is a part of all.
    is_of_all: bool,
}

/// The throttle of a deployment.
pub struct Throttle<'a, S, R> {
    /// Where it counts.
    pub records: &'a Records<'a, S, R>,
    /// The time, in seconds since the Unix epoch.
    pub now: u64,
}

impl<S: Store, R: Random> Throttle<'_, S, R> {
    /// Counts an answer that is about to be judged.
    pub async fn take_turn(&self, guest: Guest<'_>) -> Result<Turn, RecordError> {
        for counter in self.counters(guest) {
            let decide = |list: &List| {
                let count = list.find(&counter.name);
                let all = if counter.is_of_all { list.all.pause(OF_LIST, self.now) } else { 0 };
                let pause = count.pause(counter.rate, self.now).max(all);
                if pause > 0 {
                    return Err(pause);
                }
                let mut list = list.with(&counter.name, count.raise(counter.rate, self.now), self.now);
                if counter.is_of_all {
                    list.all = list.all.raise(OF_LIST, self.now);
                }
                Ok(list)
            };
            if let Err(pause) = self.change(&counter, &decide).await? {
                return Ok(Turn::Wait(pause));
            }
        }
        Ok(Turn::Taken)
    }

    /// The answer was right: the account's count begins anew, and the others go down by this one.
    pub async fn give_back(&self, guest: Guest<'_>) -> Result<(), RecordError> {
        for counter in self.counters(guest) {
            let decide = |list: &List| {
                let is_address = !counter.is_of_all && matches!(guest, Guest::Unknown { .. });
                let count =
                    if is_address { list.find(&counter.name).lower(counter.rate) } else { Count::default() };
                let mut list = list.with(&counter.name, count, self.now);
                if counter.is_of_all {
                    list.all = list.all.lower(OF_LIST);
                }
                Ok(list)
            };
            self.change(&counter, &decide).await?.ok();
        }
        Ok(())
    }

    /// Lets one of several have this for half a minute, which is longer than a request lasts. False to the others.
    pub async fn claim(&self, what: &str) -> Result<bool, RecordError> {
        let counter = self.counter("claim", what, OF_LIST, false);
        let decide = |list: &List| {
            let until = list.find(&counter.name).clear_at;
            if self.now < until {
                return Err(until);
            }
            let until = Count { clear_at: self.now.saturating_add(30), raised_at: self.now };
            Ok(list.with(&counter.name, until, self.now))
        };
        Ok(self.change(&counter, &decide).await?.is_ok())
    }

    /// Writes what a list shall become, or gives the reason why it stays.
    async fn change(
        &self,
        counter: &Counter,
        decide: &dyn Fn(&List) -> Result<List, u64>,
    ) -> Result<Result<(), u64>, RecordError> {
        let (key, claim_key) = (key(counter.list), format!("postern:t-claim:{:02x}", counter.list));
        let decide = |list: &List| decide(list).map(|list| Change::Write(list, ()));
        match self.records.transition_or_begin(&key, &claim_key, decide).await {
            Ok(()) => Ok(Ok(())),
            Err(TransitionError::Refused(reason)) => Ok(Err(reason)),
            Err(TransitionError::Record(error)) => Err(error),
            Err(TransitionError::NotFound) => Err(RecordError::Contended),
        }
    }

    fn counters(&self, guest: Guest<'_>) -> Vec<Counter> {
        match guest {
            Guest::Known { subject } => vec![self.counter("subject", subject, OF_ACCOUNT, false)],
            Guest::Unknown { name, address } => {
                let address =
                    address.and_then(network).map(|it| self.counter("address", &it, OF_ADDRESS, false));
                let name = self.counter("name", name, OF_ACCOUNT, true);
                address.into_iter().chain([name]).collect()
            }
        }
    }

    fn counter(&self, kind: &str, what: &str, rate: Rate, is_of_all: bool) -> Counter {
        let keys = self.records.keys;
        let message = [kind.as_bytes(), b"\0", what.as_bytes()].concat();
        let mac = keys.authenticate(keys.newest_id(), Purpose::Throttle, &message).unwrap_or_default();
        let [list, rest @ ..] = mac;
        let name = seal::to_text(rest.get(..9).unwrap_or_default());
        Counter { list: list % LISTS, name, rate, is_of_all }
    }
}

/// The key of a list.
fn key(list: u8) -> String {
    format!("postern:t:{list:02x}")
}

/// What counts as one address: of IPv6 the network that one subscriber has (LG-05). None for an address that
/// nobody on the internet has: then it is a proxy's, and everybody would be counted as one.
fn network(address: &str) -> Option<String> {
    let parsed = address.parse::<SocketAddr>().map(|address| address.ip());
    match parsed.or_else(|_| address.parse::<IpAddr>()).ok()?.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            let is_inner = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified();
            (!is_shared && !is_inner).then(|| v4.to_string())
        }
        IpAddr::V6(v6) => {
            let is_inner =
                v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local();
            let [a, b, c, d, ..] = v6.segments();
            (!is_inner).then(|| Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string())
        }
    }
}

#[cfg(test)]
mod tests;
