//! How many passwords are hashed at once for strangers.
//!
//! A hash is the most expensive thing that a request can ask of the server before sign-in. So
//! there are [`PLACES`] places for it, and a stranger's request takes one before it hashes and gives it back
//! afterwards. When all are taken, the next stranger is told to come back; nothing is hashed or counted for it.
//!
//! A browser in which the person has signed in before needs no place (LG-06): strangers can take no more of the
//! processor than the places give them, and never hold such a person up.
//!
//! The places are one record, because instances serve one request at a time and share nothing but the store.
//! They are taken by compare-and-swap. A place whose request died is free again after [`LEASE_SECONDS`].

use serde::{Deserialize, Serialize};
use store_core::{Change, Random, RecordError, Records, Store, TransitionError, seal};

/// How many hashes there are at once for strangers, in the whole deployment.
pub const PLACES: usize = 4;

/// How long a place is taken at most, in seconds. Far longer than a hash takes.
pub const LEASE_SECONDS: u64 = 10;

/// What a stranger who finds no place is told to wait, in seconds.
pub const RETRY_AFTER_SECONDS: u32 = 2;

const KEY: &str = "postern:h";
const CLAIM_KEY: &str = "postern:h-claim";

/// How often a place is tried to be given back, while others take and give back theirs.
const MAX_RELEASES: usize = 4;

/// The record: who has a place, and until when, in seconds since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Taken {
    places: Vec<(String, u64)>,
}

impl Taken {
    /// The places that are taken now. One that ends later than any can be was taken before the clock was set back.
    fn at(&self, now: u64) -> Vec<(String, u64)> {
        let latest = now.saturating_add(LEASE_SECONDS);
        self.places.iter().filter(|(_, until)| now < *until && *until <= latest).cloned().collect()
    }
}

/// A place that was taken.
#[derive(Debug)]
pub(crate) struct Place(String);

/// The places of a deployment.
pub(crate) struct HashPlaces<'a, S, R> {
    /// Where they are.
    pub(crate) records: &'a Records<'a, S, R>,
    /// The time, in seconds since the Unix epoch.
    pub(crate) now: u64,
}

impl<S: Store, R: Random> HashPlaces<'_, S, R> {
    /// Takes a place. `None` when there is none, or when too many are after the last one.
    pub(crate) async fn take(&self) -> Result<Option<Place>, RecordError> {
        let id = seal::to_text(&self.records.random.bytes::<9>());
        let decide = |taken: &Taken| {
            let mut places = taken.at(self.now);
            if places.len() >= PLACES {
                return Err(());
            }
            places.push((id.clone(), self.now.saturating_add(LEASE_SECONDS)));
            Ok(Change::Write(Taken { places }, ()))
        };
        match self.records.transition_or_begin(KEY, CLAIM_KEY, decide).await {
            Ok(()) => Ok(Some(Place(id))),
            Err(
                TransitionError::Refused(())
                | TransitionError::NotFound
                | TransitionError::Record(RecordError::Contended),
            ) => Ok(None),
            Err(TransitionError::Record(error)) => Err(error),
        }
    }

    /// Gives a place back. If that fails, it is free again when the lease ends.
    pub(crate) async fn give_back(&self, Place(id): Place) {
        let decide = |taken: &Taken| {
            let mut places = taken.at(self.now);
            if !places.iter().any(|(known, _)| *known == id) {
                return Ok::<_, ()>(Change::Keep(()));
            }
            places.retain(|(known, _)| *known != id);
            Ok(Change::Write(Taken { places }, ()))
        };
        for _ in 0..MAX_RELEASES {
            match self.records.transition(KEY, decide).await {
                Err(TransitionError::Record(RecordError::Contended)) => {}
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store_core::{
        Keyring,
        testing::{MemoryStore, SequenceRandom, block_on, run_interleaved},
    };

    const NOW: u64 = 1_800_000_000;

    fn keys() -> Keyring {
        Keyring::from_secret(&[7; 32]).unwrap()
    }

    /// S16, DQ-02: there are so many places and no more, and one that is given back is free.
    #[test]
    fn places_are_bounded() {
        let (store, keys, random) = (MemoryStore::default(), keys(), SequenceRandom::default());
        let records = Records { store: &store, keys: &keys, random: &random };
        let at = |now| HashPlaces { records: &records, now };
        let mut taken: Vec<Place> =
            (0..PLACES).map(|_| block_on(at(NOW).take()).unwrap().expect("there is a place")).collect();
        store.take_operations();
        assert!(block_on(at(NOW).take()).unwrap().is_none());
        assert_eq!(store.take_operations().writes, 0, "being turned away writes nothing");
        block_on(at(NOW).give_back(taken.pop().unwrap()));
        assert!(block_on(at(NOW).take()).unwrap().is_some());
        assert!(block_on(at(NOW).take()).unwrap().is_none());
        assert!(block_on(at(NOW + LEASE_SECONDS - 1).take()).unwrap().is_none());
        assert!(block_on(at(NOW + LEASE_SECONDS).take()).unwrap().is_some(), "their requests died");
        assert!(block_on(at(NOW - 1_000).take()).unwrap().is_some(), "the clock was set back");
        assert_eq!(store.snapshot().len(), 2);
    }

    /// S16: of many at once no more get a place than there are, and all places are free afterwards.
    #[test]
    fn places_are_bounded_for_many_at_once() {
        for seed in 0..100 {
            let (store, keys) = (MemoryStore::default(), keys());
            let randoms: Vec<SequenceRandom> = (1..=12).map(SequenceRandom::new).collect();
            let at_once = std::cell::Cell::new(0_usize);
            let tasks = randoms.iter().map(|random| {
                let (store, keys, at_once) = (&store, &keys, &at_once);
                async move {
                    let records = Records { store, keys, random };
                    let places = HashPlaces { records: &records, now: NOW };
                    let Some(place) = places.take().await.unwrap() else { return false };
                    at_once.set(at_once.get() + 1);
                    assert!(at_once.get() <= PLACES, "seed {seed}");
                    // Something is hashed.
                    store.get("x").await.unwrap();
                    at_once.set(at_once.get() - 1);
                    places.give_back(place).await;
                    true
                }
            });
            let served = run_interleaved(tasks, seed).into_iter().filter(|served| *served).count();
            assert!(served > 0, "seed {seed}");
        }
    }

    /// A stored format: a change to it needs a "Stored data" line in the changelog.
    #[test]
    fn record_stays_as_it_is() {
        let taken = Taken { places: vec![("AAAAAAAAAAAA".into(), NOW + 10)] };
        let golden = include_str!("../tests/golden/hash_places.json");
        assert_eq!(serde_json::to_string_pretty(&taken).unwrap(), golden.trim_end());
        assert_eq!(serde_json::from_str::<Taken>(golden).unwrap(), taken);
    }
}
