use super::*;
use crate::testing::{MemoryStore, SequenceRandom, block_on, run_interleaved};

#[test]
fn public_server_needs_a_configured_secret() {
    let (store, random) = (MemoryStore::default(), SequenceRandom::default());
    for provision in [Provision::Make, Provision::FindOnly] {
        let outcome = block_on(keyring("", false, provision, &store, &random));
        assert_eq!(outcome.unwrap_err(), DeploymentError::Missing);
    }
    assert!(store.is_empty());
    let configured = "VGhpcyBpcyBub3QgYSBzZWNyZXQsIGl0J3MgYSBkb2N0ZXN0";
    assert!(block_on(keyring(configured, false, Provision::FindOnly, &store, &random)).unwrap().is_some());
    assert_eq!(store.take_operations().reads, 0, "a configured secret costs no store operation");
}

#[test]
fn loopback_server_makes_one_and_keeps_it() {
    let store = MemoryStore::default();
    let find = |provision| block_on(keyring("", true, provision, &store, &SequenceRandom::new(9)));
    assert!(find(Provision::FindOnly).unwrap().is_none());
    assert!(store.is_empty(), "checking something makes no secret");
    let made = find(Provision::Make).unwrap().unwrap();
    assert_eq!(find(Provision::FindOnly).unwrap().unwrap().newest_id(), made.newest_id());
}

#[test]
fn maker_that_died_is_replaced() {
    let (store, random) = (MemoryStore::default(), SequenceRandom::default());
    block_on(store.increment(CLAIM_KEY)).unwrap();
    for _ in 0..100 {
        let outcome = block_on(keyring("", true, Provision::Make, &store, &random));
        assert_eq!(outcome.unwrap_err(), DeploymentError::BeingMade, "it may still be at work");
    }
    block_on(give_up(&store)).unwrap();
    assert!(block_on(keyring("", true, Provision::Make, &store, &random)).unwrap().is_some());
}

/// Two first requests at once end up with one secret, or are told to try again.
#[test]
fn racing_makers_agree() {
    for seed in 0..200 {
        let store = MemoryStore::default();
        let randoms = [SequenceRandom::new(1), SequenceRandom::new(2), SequenceRandom::new(3)];
        let tasks = randoms.iter().map(|random| keyring("", true, Provision::Make, &store, random));
        let ids: Vec<_> = run_interleaved(tasks, seed)
            .into_iter()
            .filter_map(|outcome| match outcome {
                Ok(keys) => Some(keys.unwrap().newest_id()),
                Err(error) => {
                    assert_eq!(error, DeploymentError::BeingMade);
                    None
                }
            })
            .collect();
        assert!(!ids.is_empty() && ids.iter().all(|id| *id == ids[0]), "seed {seed}: {ids:?}");
    }
}

/// S14: a first maker that comes back after the others gave up on it changes nothing.
#[test]
fn slow_maker_does_not_replace_the_secret() {
    for polls in 0..12 {
        let store = MemoryStore::default();
        let randoms = [SequenceRandom::new(1), SequenceRandom::new(2)];
        let make = |random| keyring_or_wait("", true, Provision::Make, &store, random, || ());
        let mut slow = std::pin::pin!(make(&randoms[0]));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        if (0..polls).any(|_| slow.as_mut().poll(&mut context).is_ready()) {
            continue;
        }
        let second = block_on(make(&randoms[1])).unwrap().unwrap();
        let first = block_on(slow).unwrap().unwrap();
        assert_eq!(first.newest_id(), second.newest_id(), "after {polls} operations");
        let found = block_on(keyring("", true, Provision::FindOnly, &store, &randoms[0]));
        assert_eq!(found.unwrap().unwrap().newest_id(), second.newest_id(), "after {polls} operations");
    }
}

/// S14: however the operations of makers that gave up on each other interleave, one secret counts.
#[test]
fn impatient_makers_agree() {
    for seed in 0..2_000 {
        let store = MemoryStore::default();
        let randoms = [1, 2, 3, 4].map(SequenceRandom::new);
        let tasks = randoms.iter().enumerate().map(|(index, random)| {
            let store = &store;
            async move {
                if index % 2 == 1 {
                    give_up(store).await?;
                }
                keyring("", true, Provision::Make, store, random).await
            }
        });
        let outcomes = run_interleaved(tasks, seed);
        let found = block_on(keyring("", true, Provision::FindOnly, &store, &randoms[0])).unwrap().unwrap();
        for outcome in outcomes {
            match outcome {
                Ok(keys) => assert_eq!(keys.unwrap().newest_id(), found.newest_id(), "seed {seed}"),
                Err(error) => assert_eq!(error, DeploymentError::BeingMade),
            }
        }
    }
}

/// A secret that an older version made is the one that counts.
#[test]
fn secret_of_an_older_version_is_found() {
    let store = MemoryStore::default();
    block_on(store.put(SECRET_KEY, &[7; 32])).unwrap();
    let found = block_on(keyring("", true, Provision::FindOnly, &store, &SequenceRandom::new(1)));
    assert_eq!(found.unwrap().unwrap().newest_id(), Keyring::from_secret(&[7; 32]).unwrap().newest_id());
}
