//! Assertions that were used: each is good once (RFC 7523 section 3, rule 7).
//!
//! What is remembered is bounded: there are 256 lists, each of a fixed length, and an assertion is in the
//! list that its digest names, until it would have expired. Only assertions whose signature was good get
//! there. A list that is full turns the next one away for a while rather than forget one.
//!
//! Using an assertion is one compare-and-swap on its list, so that of two hosts one uses it. That takes a
//! list that is there: stores have no create-if-absent. They do count exactly, so whoever counts first
//! makes the list, and nobody who came later writes over it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store_core::{Change, Random, RecordError, Records, Store, TransitionError, seal};

/// The most assertions in a list, so that it fits a record.
const MAX_ENTRIES: usize = 256;

/// Assertions that were used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UsedAssertions {
    /// Digests, each with when it need not be remembered any more.
    used: Vec<(String, u64)>,
}

/// Uses an assertion. False if it was used before.
pub(super) async fn use_once<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    issuer: &str,
    token_id: &str,
    expires_at: u64,
    now: u64,
) -> Result<bool, RecordError> {
    let (list, digest) = place(issuer, token_id);
    let key = format!("postern:j:{list:02x}");
    let decide = |list: &UsedAssertions| {
        let mut used = list.used.clone();
        used.retain(|(_, until)| now < *until);
        if used.iter().any(|(known, _)| *known == digest) {
            return Ok(Change::Keep(false));
        }
        if used.len() >= MAX_ENTRIES {
            return Err(());
        }
        used.push((digest.clone(), expires_at));
        Ok(Change::Write(UsedAssertions { used }, true))
    };
    let claim_key = format!("postern:j-claim:{list:02x}");
    match records.transition_or_begin(&key, &claim_key, decide).await {
        Ok(is_new) => Ok(is_new),
        // Full, or being made by somebody else at this moment.
        Err(TransitionError::Refused(()) | TransitionError::NotFound) => Err(RecordError::Contended),
        Err(TransitionError::Record(error)) => Err(error),
    }
}

/// Which list an assertion is in, and what it is there.
fn place(issuer: &str, token_id: &str) -> (u8, String) {
    let length = (issuer.len() as u64).to_be_bytes();
    let said = [b"postern assertion v1\0", &length[..], issuer.as_bytes(), token_id.as_bytes()].concat();
    let digest = Sha256::digest(said);
    (digest.first().copied().unwrap_or_default(), seal::to_text(digest.get(..16).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use store_core::{
        Keyring,
        testing::{Fault, MemoryStore, SequenceRandom, block_on, run_interleaved},
    };

    const NOW: u64 = 1_800_000_000;

    fn keys() -> Keyring {
        Keyring::from_secret(&[7; 32]).unwrap()
    }

    /// TK-21: once; by whatever client; until it has expired.
    #[test]
    fn assertion_is_good_once() {
        let (store, keys, random) = (MemoryStore::default(), keys(), SequenceRandom::default());
        let records = Records { store: &store, keys: &keys, random: &random };
        let use_at =
            |issuer: &str, id: &str, now| block_on(use_once(&records, issuer, id, NOW + 60, now)).unwrap();
        assert!(use_at("a", "1", NOW));
        assert!(!use_at("a", "1", NOW + 59));
        assert!(use_at("b", "1", NOW), "another client's is another one");
        assert!(use_at("a1", "", NOW) && use_at("", "a1", NOW), "no two are confused");
        assert!(use_at("a", "1", NOW + 60), "it has expired, and whoever asks has seen that");
    }

    /// TK-21, D3: from the very first one, of many hosts that see one at the same time one uses it.
    #[test]
    fn of_several_hosts_one_uses_it() {
        for seed in 0..300 {
            let (store, keys) = (MemoryStore::default(), keys());
            let randoms = [1, 2, 3].map(SequenceRandom::new);
            let tasks = randoms.iter().map(|random| {
                let records = Records { store: &store, keys: &keys, random };
                async move { use_once(&records, "a", "1", NOW + 60, NOW).await }
            });
            let outcomes = run_interleaved(tasks, seed);
            let used = outcomes.iter().filter(|outcome| **outcome == Ok(true)).count();
            assert!(used <= 1, "seed {seed}: {outcomes:?}");
            // Whoever came while the list was being made tries again, and then it is decided.
            let records = Records { store: &store, keys: &keys, random: &randoms[0] };
            let again = block_on(use_once(&records, "a", "1", NOW + 60, NOW));
            assert_eq!(again, Ok(used == 0), "seed {seed}: {outcomes:?}");
        }
    }

    /// D8: a flood of them is bounded; what is full turns away and forgets nothing.
    #[test]
    fn lists_do_not_grow_without_bound() {
        let (store, keys, random) = (MemoryStore::default(), keys(), SequenceRandom::default());
        let records = Records { store: &store, keys: &keys, random: &random };
        let use_at = |id: u32, now| block_on(use_once(&records, "a", &id.to_string(), now + 3_600, now));
        let of_one_list: Vec<u32> = (0..).filter(|id| place("a", &id.to_string()).0 == 0).take(257).collect();
        let (last, others) = of_one_list.split_last().unwrap();
        for id in others {
            assert_eq!(use_at(*id, NOW), Ok(true));
        }
        let before = store.snapshot();
        assert!(before.len() == 2 && before.values().all(|value| value.len() <= 16 * 1024));
        assert_eq!(use_at(*last, NOW), Err(RecordError::Contended));
        assert_eq!(use_at(others[0], NOW), Ok(false));
        assert_eq!(store.snapshot(), before);
        assert_eq!(use_at(*last, NOW + 3_600), Ok(true), "and after a while there is room again");
        let lists: std::collections::BTreeSet<u8> =
            (0..10_000).map(|id: u32| place("a", &id.to_string()).0).collect();
        assert_eq!(lists.len(), 256, "and there are no more lists than these");
    }

    /// A maker that died leaves no client locked out for ever.
    #[test]
    fn list_is_made_again_after_its_maker_died() {
        let (store, keys, random) = (MemoryStore::default(), keys(), SequenceRandom::default());
        let records = Records { store: &store, keys: &keys, random: &random };
        let attempt = || block_on(use_once(&records, "a", "1", NOW + 60, NOW));
        store.fail_after(2, Fault::Error); // begin, count, and then it dies
        assert!(attempt().is_err());
        store.heal();
        let attempts = (1..=100).find(|_| attempt() == Ok(true));
        assert_eq!(attempts, Some(64));
    }
}
