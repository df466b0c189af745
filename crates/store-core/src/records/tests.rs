use super::*;
use crate::testing::{Fault, MemoryStore, SequenceRandom, block_on, run_interleaved};

fn keys() -> Keyring {
    Keyring::from_secret(&[7; 32]).unwrap()
}

fn take_one(left: &u32) -> Result<Change<u32, u32>, &'static str> {
    match left.checked_sub(1) {
        Some(left) => Ok(Change::Write(left, left)),
        None => Err("none left"),
    }
}

fn with_counter(store: &MemoryStore, start: u32) -> Keyring {
    let keys = keys();
    let random = SequenceRandom::default();
    block_on(Records { store, keys: &keys, random: &random }.create("k", &start)).unwrap();
    keys
}

/// K-14: what is not there is not swapped.
#[test]
fn changes_and_refuses() {
    let store = MemoryStore::default();
    let (keys, random) = (with_counter(&store, 1), SequenceRandom::new(1));
    let records = Records { store: &store, keys: &keys, random: &random };
    assert_eq!(block_on(records.transition("k", take_one)), Ok(0));
    assert_eq!(block_on(records.transition("k", take_one)), Err(TransitionError::Refused("none left")));
    assert_eq!(block_on(records.transition("other", take_one)), Err(TransitionError::NotFound));
    assert_eq!(block_on(records.find::<u32>("k")), Ok(Some(0)));
}

/// K-11, K-12: the store's answer is not asked for, so it cannot mislead; K-13: when reading back
/// fails, nothing is claimed.
#[test]
fn unknown_outcome_is_no_success() {
    let store = MemoryStore::default();
    let (keys, random) = (with_counter(&store, 1), SequenceRandom::new(1));
    let records = Records { store: &store, keys: &keys, random: &random };
    store.fail_after(2, Fault::Error); // begin, swap, then the read-back fails
    let outcome = block_on(records.transition("k", take_one));
    assert!(matches!(outcome, Err(TransitionError::Record(RecordError::Store(_)))), "{outcome:?}");
    store.heal();
    assert_eq!(block_on(records.find::<u32>("k")), Ok(Some(0)), "the swap itself had been made");
}

#[test]
fn lost_swap_is_tried_again_on_what_the_winner_wrote() {
    for seed in 0..300 {
        let store = MemoryStore::default();
        let keys = with_counter(&store, 2);
        let randoms = [SequenceRandom::new(1), SequenceRandom::new(2), SequenceRandom::new(3)];
        let tasks = randoms.iter().map(|random| {
            let records = Records { store: &store, keys: &keys, random };
            async move { records.transition("k", take_one).await }
        });
        let mut outcomes = run_interleaved(tasks, seed);
        outcomes.sort_by_key(|outcome| outcome.clone().ok());
        // Two took one each, in some order; the third was refused. Nobody took the same one.
        assert_eq!(outcomes, [Err(TransitionError::Refused("none left")), Ok(0), Ok(1)], "seed {seed}");
    }
}

/// A writer that is overtaken between its write and its reading back still learns that it wrote.
#[test]
fn overtaken_writer_finds_itself_in_the_trail() {
    let store = MemoryStore::default();
    let keys = with_counter(&store, 5);
    let mut overtaken = false;
    let (one, two) = (SequenceRandom::new(1), SequenceRandom::new(2));
    let rival = Records { store: &store, keys: &keys, random: &two };
    store.after_next_swap(Box::new({
        let (store, keys) = (store.clone(), keys.clone());
        move || {
            let random = SequenceRandom::new(3);
            let records = Records { store: &store, keys: &keys, random: &random };
            assert_eq!(block_on(records.transition("k", take_one)), Ok(3));
        }
    }));
    let records = Records { store: &store, keys: &keys, random: &one };
    let mut calls = 0;
    let outcome = block_on(records.transition("k", |left: &u32| {
        calls += 1;
        overtaken = calls > 1;
        take_one(left)
    }));
    assert_eq!(outcome, Ok(4));
    assert!(!overtaken, "the decision was asked for once");
    assert_eq!(block_on(rival.find::<u32>("k")), Ok(Some(3)));
}

/// K-17, D11: one bad record is a fault of that record, never "absent".
#[test]
fn damaged_record_is_a_fault() {
    let store = MemoryStore::default();
    let (keys, random) = (with_counter(&store, 1), SequenceRandom::new(1));
    let records = Records { store: &store, keys: &keys, random: &random };
    block_on(store.put("k", b"garbage")).unwrap();
    assert_eq!(block_on(records.find::<u32>("k")), Err(RecordError::Unreadable));
    let outcome = block_on(records.transition("k", take_one));
    assert_eq!(outcome, Err(TransitionError::Record(RecordError::Unreadable)));
}

/// What was sealed with a retired secret is told from what is damaged.
#[test]
fn retired_record_is_told_from_a_damaged_one() {
    let store = MemoryStore::default();
    let (_, random) = (with_counter(&store, 1), SequenceRandom::new(1));
    let keys = Keyring::from_secret(&[8; 32]).unwrap();
    let records = Records { store: &store, keys: &keys, random: &random };
    assert_eq!(block_on(records.find::<u32>("k")), Err(RecordError::Retired));
    let outcome = block_on(records.transition("k", take_one));
    assert_eq!(outcome, Err(TransitionError::Record(RecordError::Retired)));
    let value = store.snapshot().remove("k").unwrap();
    block_on(store.put("k", &value[..20])).unwrap();
    assert_eq!(block_on(records.find::<u32>("k")), Err(RecordError::Unreadable));
}

/// A record that is only about what ended with a secret begins anew, by the same swap.
#[test]
fn record_of_a_retired_secret_can_begin_anew() {
    let store = MemoryStore::default();
    let (_, random) = (with_counter(&store, 5), SequenceRandom::new(1));
    let keys = Keyring::from_secret(&[8; 32]).unwrap();
    let records = Records { store: &store, keys: &keys, random: &random };
    let add_one = |count: &u32| Ok::<_, ()>(Change::Write(count + 1, count + 1));
    assert_eq!(block_on(records.transition_or_renew("k", add_one)), Ok(1));
    assert_eq!(block_on(records.transition_or_renew("k", add_one)), Ok(2));
    block_on(store.put("k", b"garbage")).unwrap();
    let outcome = block_on(records.transition_or_renew("k", add_one));
    assert_eq!(outcome, Err(TransitionError::Record(RecordError::Unreadable)), "K-17");
}

/// D3: whoever counts first begins the record, and one that died is not waited for for ever.
#[test]
fn record_begins_once_whoever_comes_first() {
    for seed in 0..300 {
        let store = MemoryStore::default();
        let keys = keys();
        let randoms = [SequenceRandom::new(1), SequenceRandom::new(2), SequenceRandom::new(3)];
        let tasks = randoms.iter().map(|random| {
            let records = Records { store: &store, keys: &keys, random };
            let add_one = |count: &u32| Ok::<_, ()>(Change::Write(count + 1, count + 1));
            async move { records.transition_or_begin("k", "claim", add_one).await }
        });
        let outcomes = run_interleaved(tasks, seed);
        let made = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let contended = Err(TransitionError::Record(RecordError::Contended));
        assert!(outcomes.iter().all(|outcome| outcome.is_ok() || *outcome == contended), "{outcomes:?}");
        let records = Records { store: &store, keys: &keys, random: &randoms[0] };
        assert_eq!(block_on(records.find::<u32>("k")), Ok(Some(u32::try_from(made).unwrap())), "seed {seed}");
    }
}

#[test]
fn resealed_record_outlives_its_old_secret() {
    let store = MemoryStore::default();
    let (_, random) = (with_counter(&store, 1), SequenceRandom::new(1));
    let (old, new) = (seal::to_text(&[7; 32]), seal::to_text(&[8; 32]));
    let both = Keyring::parse(&format!("{new},{old}")).unwrap();
    let records = Records { store: &store, keys: &both, random: &random };
    block_on(records.reseal::<u32>("k")).unwrap();
    store.take_operations();
    block_on(records.reseal::<u32>("k")).unwrap();
    assert_eq!(store.take_operations().writes, 0, "once is enough");
    let rotated = Keyring::parse(&new).unwrap();
    let records = Records { store: &store, keys: &rotated, random: &random };
    assert_eq!(block_on(records.find::<u32>("k")), Ok(Some(1)));
}

/// A record cannot be moved to another key by whoever can write the store.
#[test]
fn record_is_bound_to_its_key() {
    let store = MemoryStore::default();
    let (keys, random) = (with_counter(&store, 1), SequenceRandom::new(1));
    let value = block_on(store.get("k")).unwrap().unwrap();
    block_on(store.put("elsewhere", &value)).unwrap();
    let records = Records { store: &store, keys: &keys, random: &random };
    assert_eq!(block_on(records.find::<u32>("elsewhere")), Err(RecordError::Unreadable));
}

#[test]
fn oversized_record_is_not_written() {
    let store = MemoryStore::default();
    let (keys, random) = (keys(), SequenceRandom::default());
    let records = Records { store: &store, keys: &keys, random: &random };
    assert_eq!(block_on(records.create("k", &"x".repeat(40_000))), Err(RecordError::TooLarge));
    assert!(store.is_empty());
}

/// Facts that only grow, as those of lists of used assertions do.
fn add(fact: u32) -> impl FnMut(&Vec<u32>) -> Result<Change<Vec<u32>, bool>, ()> {
    move |known| {
        if known.contains(&fact) {
            return Ok(Change::Keep(false));
        }
        Ok(Change::Write([known.as_slice(), &[fact]].concat(), true))
    }
}

/// S13: claimants that a late store tells "not found" begin copies, and reset nothing that is there.
#[test]
fn late_store_resets_no_record() {
    let (store, keys, random) = (MemoryStore::default(), keys(), SequenceRandom::new(1));
    let late = store.behind();
    let records = Records { store: &store, keys: &keys, random: &random };
    for fact in 0..10 {
        assert_eq!(block_on(records.transition_or_begin("k", "claim", add(fact))), Ok(true));
    }
    let stored = store.snapshot()["k"].clone();
    let behind = Records { store: &late, keys: &keys, random: &random };
    for fact in 0..1_000 {
        let outcome = block_on(behind.transition_or_begin("k", "claim", add(fact)));
        assert_eq!(outcome, Err(RecordError::Contended.into()));
    }
    assert_eq!(store.snapshot()["k"], stored);
    for fact in 0..10 {
        assert_eq!(block_on(records.transition_or_begin("k", "claim", add(fact))), Ok(false), "{fact}");
    }
    assert_eq!(store.snapshot().len(), 2 + 3, "and the copies are bounded");
}

/// S13: a claimant that comes back after others gave up on it resets nothing that they wrote.
#[test]
fn slow_claimant_resets_nothing() {
    let (store, keys) = (MemoryStore::default(), keys());
    let randoms = [SequenceRandom::new(1), SequenceRandom::new(2)];
    let [slow, others] = [0, 1].map(|index| Records { store: &store, keys: &keys, random: &randoms[index] });
    let mut slow = std::pin::pin!(slow.transition_or_begin("k", "claim", add(0)));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    while !store.snapshot().contains_key("claim") {
        assert!(slow.as_mut().poll(&mut context).is_pending());
    }
    let outcomes: Vec<_> =
        (1..100).map(|fact| block_on(others.transition_or_begin("k", "claim", add(fact)))).collect();
    let written: Vec<u32> =
        (1..100).zip(&outcomes).filter(|(_, outcome)| **outcome == Ok(true)).map(|(fact, _)| fact).collect();
    assert!(written.len() > 30, "{outcomes:?}");
    assert!(!store.snapshot().contains_key("k"));
    assert_eq!(block_on(slow), Ok(true));
    assert!(store.snapshot().contains_key("k"));
    for fact in written {
        let again = block_on(others.transition_or_begin("k", "claim", add(fact)));
        assert_eq!(again, Ok(false), "{fact} was not forgotten");
    }
}
