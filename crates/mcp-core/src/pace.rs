//! How often those who wait for others look into the store: the longer nothing has come, the less.
//!
//! Instances tell each other nothing but through the store, so a stream that waits has to look. Most streams wait
//! most of the time, and looking is all that they cost; who was talked to a moment ago is looked after at once.

use std::time::Duration;

/// The shortest pause.
const SHORTEST: Duration = Duration::from_millis(100);

/// The longest: what whoever comes back after a while has to wait at most.
const LONGEST: Duration = Duration::from_secs(1);

/// A pause is this part of the silence before it.
const PART: u32 = 50;

/// Keeps in mind when something came last.
#[derive(Debug)]
pub(crate) struct Pace {
    came: u64,
}

impl Pace {
    /// Begins now, which is in milliseconds since the Unix epoch.
    pub(crate) fn new(now: u64) -> Self {
        Self { came: now }
    }

    /// Something has come.
    pub(crate) fn came(&mut self, now: u64) {
        self.came = now;
    }

    /// How long to wait before looking again.
    pub(crate) fn pause(&self, now: u64) -> Duration {
        (Duration::from_millis(now.saturating_sub(self.came)) / PART).clamp(SHORTEST, LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_the_silence_and_end_with_it() {
        let mut pace = Pace::new(1_000);
        let pauses = [1_000, 0, 6_000, 26_000, 51_000, u64::MAX].map(|now| pace.pause(now).as_millis());
        assert_eq!(pauses, [100, 100, 100, 500, 1_000, 1_000]);
        pace.came(26_000);
        assert_eq!(pace.pause(26_500), SHORTEST);
    }
}
