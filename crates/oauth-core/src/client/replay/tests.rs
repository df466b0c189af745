use super::*;
use std::collections::BTreeSet;
use store_core::{
    Keyring,
    testing::{Fault, MemoryStore, SequenceRandom, block_on, run_interleaved},
};

const NOW: u64 = 1_800_000_000;

struct World {
    store: MemoryStore,
    keys: Keyring,
    random: SequenceRandom,
}

impl World {
    fn new() -> Self {
        let keys = Keyring::from_secret(&[7; 32]).unwrap();
        Self { store: MemoryStore::default(), keys, random: SequenceRandom::default() }
    }

    fn records(&self) -> Records<'_, MemoryStore, SequenceRandom> {
        Records { store: &self.store, keys: &self.keys, random: &self.random }
    }

    fn try_use(&self, room: Room, client: &str, id: &str, now: u64) -> Result<bool, RecordError> {
        block_on(use_once(&self.records(), room, client, id, now + 60, now))
    }

    fn use_at(&self, room: Room, client: &str, id: &str, now: u64) -> bool {
        self.try_use(room, client, id, now).unwrap()
    }

    /// Ids of assertions of this client that are all in one list.
    fn of_one_list(&self, room: Room, client: &str, count: usize) -> Vec<String> {
        let key = |id: &String| place(&self.records(), self.keys.newest_id(), room, client, id).key;
        let first = place(&self.records(), self.keys.newest_id(), Room::Shared, "any", "any").key;
        let list = first.rsplit(':').next().unwrap().to_owned();
        (0_u32..).map(|id| id.to_string()).filter(|id| key(id).ends_with(&list)).take(count).collect()
    }
}

/// TK-21: once, by each client, until it has expired.
#[test]
fn assertion_is_good_once() {
    let world = World::new();
    for room in [Room::Own, Room::Shared] {
        let use_at = |client: &str, id: &str, now| world.use_at(room, client, id, now);
        assert!(use_at("a", "1", NOW));
        assert!(!use_at("a", "1", NOW + 59));
        assert!(use_at("b", "1", NOW), "another client's is another one");
        assert!(use_at("a1", "", NOW) && use_at("", "a1", NOW), "no two are confused");
        assert!(use_at("a", "1", NOW + 60), "it has expired, which the verification sees");
    }
}

/// A rotation of the deployment secret lets no assertion be used again.
#[test]
fn assertion_is_good_once_across_a_rotation() {
    let mut world = World::new();
    assert!(world.use_at(Room::Shared, "a", "1", NOW));
    let (new, old) = (seal::to_text(&[8; 32]), seal::to_text(&[7; 32]));
    world.keys = Keyring::parse(&format!("{new},{old}")).unwrap();
    assert!(!world.use_at(Room::Shared, "a", "1", NOW));
    assert!(world.use_at(Room::Shared, "a", "2", NOW));
}

/// TK-21, D3: from the very first one, of many hosts that see one at the same time one uses it.
#[test]
fn of_several_hosts_one_uses_it() {
    for seed in 0..300 {
        let (store, keys) = (MemoryStore::default(), Keyring::from_secret(&[7; 32]).unwrap());
        let randoms = [1, 2, 3].map(SequenceRandom::new);
        let tasks = randoms.iter().map(|random| {
            let records = Records { store: &store, keys: &keys, random };
            async move { use_once(&records, Room::Shared, "a", "1", NOW + 60, NOW).await }
        });
        let outcomes = run_interleaved(tasks, seed);
        let used = outcomes.iter().filter(|outcome| **outcome == Ok(true)).count();
        assert!(used <= 1, "seed {seed}: {outcomes:?}");
        // A request that came while the list was being made tries again, and then it is decided.
        let records = Records { store: &store, keys: &keys, random: &randoms[0] };
        let again = block_on(use_once(&records, Room::Shared, "a", "1", NOW + 60, NOW));
        assert_eq!(again, Ok(used == 0), "seed {seed}: {outcomes:?}");
    }
}

/// S1, D8: strangers who fill every shared list refuse no other client, and what they store is bounded.
#[test]
fn flood_of_a_stranger_refuses_no_other_client() {
    let world = World::new();
    let ids = world.of_one_list(Room::Shared, "stranger", MAX_ENTRIES + 50);
    for id in &ids {
        assert!(world.use_at(Room::Shared, "stranger", id, NOW), "the stranger itself is served too");
    }
    let honest = world.of_one_list(Room::Shared, "honest", 3);
    for id in &honest {
        assert!(world.use_at(Room::Shared, "honest", id, NOW), "the list is full, and nobody is refused");
    }
    for id in world.of_one_list(Room::Shared, "stranger", 2 * MAX_ENTRIES + 50).iter().skip(ids.len()) {
        assert!(world.use_at(Room::Shared, "stranger", id, NOW));
    }
    for id in &honest {
        assert!(!world.use_at(Room::Shared, "honest", id, NOW), "the stranger forgets only its own");
    }
    let configured = world.of_one_list(Room::Own, "desk", 1);
    assert!(world.use_at(Room::Own, "desk", &configured[0], NOW));
    let stored = world.store.snapshot();
    assert_eq!(stored.len(), 4, "one list of each kind, each with its claim");
    assert!(stored.values().all(|value| value.len() <= 16 * 1024));
}

/// S1: many clients that each come once evict the oldest, and the newest is always remembered.
#[test]
fn many_clients_evict_the_oldest() {
    let world = World::new();
    let list = (0..MAX_ENTRIES + 1).fold(UsedAssertions::default(), |list, index| {
        list.with(&format!("{index:08}"), NOW + 60, Room::Shared, NOW).unwrap()
    });
    assert_eq!(list.used.len(), MAX_ENTRIES);
    assert!(!list.contains("00000000", NOW) && list.contains("00000001", NOW));
    assert!(list.contains(&format!("{MAX_ENTRIES:08}"), NOW));
    drop(world);
}

/// A configured client's full list refuses for a while, forgets nothing, and has room again later.
#[test]
fn own_list_that_is_full_forgets_nothing() {
    let world = World::new();
    let ids = world.of_one_list(Room::Own, "desk", MAX_ENTRIES + 1);
    let (last, others) = ids.split_last().unwrap();
    for id in others {
        assert!(world.use_at(Room::Own, "desk", id, NOW));
    }
    let before = world.store.snapshot();
    assert_eq!(world.try_use(Room::Own, "desk", last, NOW), Err(RecordError::Contended));
    assert!(!world.use_at(Room::Own, "desk", &others[0], NOW));
    assert_eq!(world.store.snapshot(), before);
    assert!(world.use_at(Room::Own, "desk", last, NOW + 60));
}

/// S1: where an assertion is kept is told by no digest that a client could compute.
#[test]
fn lists_are_chosen_by_a_key() {
    let (world, mut other) = (World::new(), World::new());
    other.keys = Keyring::from_secret(&[8; 32]).unwrap();
    let key =
        |world: &World, id: &str| place(&world.records(), world.keys.newest_id(), Room::Shared, "a", id).key;
    let lists: BTreeSet<String> = (0..10_000).map(|id: u32| key(&world, &id.to_string())).collect();
    assert_eq!(lists.len(), 256, "and there are no more lists than these");
    let same = (0..1_000).filter(|id: &u32| key(&world, &id.to_string()) == key(&other, &id.to_string()));
    assert!(same.count() < 50);
}

/// A maker that died leaves no client locked out for ever.
#[test]
fn list_is_made_again_after_its_maker_died() {
    let world = World::new();
    world.store.fail_after(2, Fault::Error); // begin, count, and then it dies
    assert!(world.try_use(Room::Shared, "a", "1", NOW).is_err());
    world.store.heal();
    let attempts = (1..=100).find(|_| world.try_use(Room::Shared, "a", "1", NOW) == Ok(true));
    assert!(attempts.is_some());
}

/// What older versions stored is read, and makes room as any other entry does.
#[test]
fn lists_of_older_versions_are_read() {
    let old: UsedAssertions =
        serde_json::from_str(r#"{"used":[["AAAAAAAAAAAAAAAAAAAAAA",1800000060]]}"#).unwrap();
    assert!(old.contains("AAAAAAAAAAAAAAAAAAAAAA", NOW));
    assert_eq!(old.with("x", NOW + 60, Room::Shared, NOW).unwrap().used.len(), 2);
}
