use super::*;
use std::collections::BTreeSet;
use store_core::{
    Keyring,
    testing::{MemoryStore, SequenceRandom, block_on, run_interleaved},
};

const NOW: u64 = 1_800_000_000;
const ADDRESS: Option<&str> = Some("198.51.100.7:4711");

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

    fn turn(&self, guest: Guest<'_>, now: u64) -> Turn {
        let records = Records { store: &self.store, keys: &self.keys, random: &self.random };
        block_on(Throttle { records: &records, now }.take_turn(guest)).unwrap()
    }

    fn give_back(&self, guest: Guest<'_>, now: u64) {
        let records = Records { store: &self.store, keys: &self.keys, random: &self.random };
        block_on(Throttle { records: &records, now }.give_back(guest)).unwrap();
    }
}

fn anybody(name: &str) -> Guest<'_> {
    Guest::Unknown { name, address: None }
}

/// LG-03: five are free; then the pauses double, to a quarter of an hour and no more.
#[test]
fn pauses_double_to_a_quarter_of_an_hour() {
    let world = World::new();
    let (mut now, mut pauses) = (NOW, Vec::new());
    for _ in 0..25 {
        let pause = match world.turn(anybody("a"), now) {
            Turn::Taken => 0,
            Turn::Wait(pause) => {
                assert_eq!(world.turn(anybody("a"), now + pause - 1), Turn::Wait(1));
                now += pause;
                assert_eq!(world.turn(anybody("a"), now), Turn::Taken);
                pause
            }
        };
        pauses.push(pause);
    }
    assert_eq!(pauses[..17], [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    assert!(pauses.iter().all(|pause| *pause <= 900));
    assert_eq!(world.turn(anybody("b"), now), Turn::Taken, "somebody else's");
    assert_eq!(world.turn(anybody("a"), now + 16 * 3_600), Turn::Taken, "and a day later it is over");
    assert_eq!(world.turn(anybody("a"), now + 16 * 3_600), Turn::Taken);
}

/// LG-03: what an attacker gets in a day, whatever the pace.
#[test]
fn guesses_of_a_day_are_few() {
    for step in [1, 10, 60, 600, 900, 1_200, 3_600] {
        let mut count = Count::default();
        let times = (NOW..NOW + 86_400).step_by(step);
        let taken = times.filter(|time| {
            let is_free = count.pause(OF_ACCOUNT, *time) == 0;
            count = if is_free { count.raise(OF_ACCOUNT, *time) } else { count };
            is_free
        });
        assert!(taken.count() <= 115, "one every {step} s");
    }
}

/// LG-06: whoever guesses from elsewhere does not hold up a browser that the person has signed in with.
#[test]
fn known_browser_is_not_held_up() {
    let world = World::new();
    while world.turn(anybody("a"), NOW) == Turn::Taken {}
    let known = Guest::Known { subject: "acct_a" };
    assert_eq!(world.turn(known, NOW), Turn::Taken);
    for _ in 0..4 {
        world.turn(known, NOW);
    }
    assert_eq!(world.turn(known, NOW), Turn::Wait(1), "but it does not guess without end either");
    world.give_back(known, NOW);
    assert_eq!(world.turn(known, NOW), Turn::Taken, "a right answer ends the count");
}

/// LG-04: one address may not try many accounts, and IPv6 has one address for each network.
#[test]
fn address_may_not_try_many_accounts() {
    for of_one in [
        ["198.51.100.7:1", "198.51.100.7:2", "[::ffff:198.51.100.7]:3"],
        ["[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff::9]:1", "2001:db8:1:2:3:4:5:6"],
    ] {
        let world = World::new();
        let turn = |count: usize| {
            let name = format!("user{count}");
            world.turn(Guest::Unknown { name: &name, address: Some(of_one[count % 3]) }, NOW)
        };
        let taken = (0..100).filter(|count| turn(*count) == Turn::Taken).count();
        assert_eq!(taken, 20);
        let elsewhere = Guest::Unknown { name: "user0", address: Some("[2001:db8:1:3::1]:1") };
        assert_eq!(world.turn(elsewhere, NOW), Turn::Taken);
        assert_eq!(world.turn(Guest::Unknown { name: "x", address: Some(of_one[0]) }, NOW + 61), Turn::Taken);
    }
}

/// Right answers do not add up: an office may share an address.
#[test]
fn right_answers_do_not_count() {
    let world = World::new();
    for count in 0..100 {
        let name = format!("user{count}");
        let guest = Guest::Unknown { name: &name, address: ADDRESS };
        assert_eq!(world.turn(guest, NOW), Turn::Taken);
        world.give_back(guest, NOW);
    }
}

/// The address of a proxy is everybody's.
#[test]
fn inner_addresses_are_nobodys() {
    for inner in [
        "127.0.0.1:1",
        "10.0.0.1:1",
        "192.168.1.1:1",
        "172.16.0.9",
        "100.64.0.1",
        "[::1]:1",
        "[fd00::1]:1",
        "[fe80::1]:1",
        "",
        "x",
    ] {
        assert_eq!(network(inner), None, "{inner}");
    }
    assert_eq!(network("203.0.113.9:1").as_deref(), Some("203.0.113.9"));
}

/// LG-04, DQ-02: a flood over all names is bounded in what it stores and in what it gets.
#[test]
fn flood_of_names_is_bounded() {
    let world = World::new();
    while world.turn(anybody("victim"), NOW) == Turn::Taken {}
    let is_taken = |name: String, now| world.turn(anybody(&name), now) == Turn::Taken;
    let taken = (0..4_000).filter(|count| is_taken(format!("n{count}"), NOW)).count();
    assert_eq!(taken, 64 * 30 - 5, "thirty for each list, and the five of the victim");
    let records = Records { store: &world.store, keys: &world.keys, random: &world.random };
    let victim = Throttle { records: &records, now: NOW }.counter("name", "victim", OF_ACCOUNT, true);
    let find_victim = |list: &List| list.find(&victim.name).clear_at;
    let mut list: List = block_on(records.find(&key(victim.list))).unwrap().unwrap();
    for count in 0..1_000 {
        list = list.with(&format!("m{count}"), Count::default().raise(OF_ACCOUNT, NOW), NOW);
    }
    assert_eq!(list.counts.len(), MAX_ENTRIES);
    assert_eq!(find_victim(&list), NOW + 5 * 3_600, "a high count outlives the flood");
    block_on(records.create(&key(victim.list), &list)).unwrap();
    let records = world.store.snapshot();
    assert_eq!(records.len(), 2 * usize::from(LISTS));
    assert!(records.values().all(|value| value.len() <= 12 * 1024));
}

/// LG-07: of many at once no more get through than one after the other.
#[test]
fn answers_at_once_are_all_counted() {
    for seed in 0..50 {
        let (store, keys) = (MemoryStore::default(), Keyring::from_secret(&[7; 32]).unwrap());
        let randoms: Vec<SequenceRandom> = (1..=20).map(SequenceRandom::new).collect();
        let tasks = randoms.iter().map(|random| {
            let records = Records { store: &store, keys: &keys, random };
            async move { Throttle { records: &records, now: NOW }.take_turn(anybody("a")).await }
        });
        let turns = run_interleaved(tasks, seed);
        let taken = turns.iter().filter(|turn| **turn == Ok(Turn::Taken)).count();
        assert!(taken <= 5, "seed {seed}: {taken}");
        let refused = |turn: &Result<Turn, RecordError>| matches!(turn, Ok(_) | Err(RecordError::Contended));
        assert!(turns.iter().all(refused), "{turns:?}");
    }
}

#[test]
fn of_several_one_has_the_claim() {
    for seed in 0..100 {
        let (store, keys) = (MemoryStore::default(), Keyring::from_secret(&[7; 32]).unwrap());
        let randoms = [1, 2, 3].map(SequenceRandom::new);
        let tasks = randoms.iter().map(|random| {
            let records = Records { store: &store, keys: &keys, random };
            async move { Throttle { records: &records, now: NOW }.claim("a").await }
        });
        let claims = run_interleaved(tasks, seed);
        assert!(claims.iter().filter(|claim| **claim == Ok(true)).count() <= 1, "seed {seed}");
        let records = Records { store: &store, keys: &keys, random: &randoms[0] };
        assert_eq!(block_on(Throttle { records: &records, now: NOW + 30 }.claim("a")), Ok(true));
    }
}

/// K-26: a clock that was set back holds nobody up.
#[test]
fn clock_that_was_set_back_holds_nobody_up() {
    let world = World::new();
    while world.turn(anybody("a"), NOW) == Turn::Taken {}
    assert_eq!(world.turn(anybody("a"), NOW - 1_000_000), Turn::Taken);
}

/// A stored format: a change to it needs a "Stored data" line in the changelog.
#[test]
fn record_stays_as_it_is() {
    let count = Count { clear_at: NOW + 3_600, raised_at: NOW };
    let list = List { all: count, counts: vec![("AAAAAAAAAAAA".into(), count)] };
    let golden = include_str!("../../tests/golden/throttle.json");
    assert_eq!(serde_json::to_string_pretty(&list).unwrap(), golden.trim_end());
    assert_eq!(serde_json::from_str::<List>(golden).unwrap(), list);
}

#[test]
fn names_are_spread_over_all_lists() {
    let world = World::new();
    let records = Records { store: &world.store, keys: &world.keys, random: &world.random };
    let throttle = Throttle { records: &records, now: NOW };
    let lists: BTreeSet<u8> =
        (0..2_000).map(|count| throttle.counter("name", &count.to_string(), OF_ACCOUNT, true).list).collect();
    assert_eq!(lists.len(), usize::from(LISTS));
}
