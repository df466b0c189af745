//! Other applications in the same store: another label in the same SQLite file, other keys in the same
//! Redis, and keys that begin as ours do.

use crate::scene::{FLOWS, Flow, Scene};
use postern_tests::Host;
use postern_tests::host::State;
use postern_tests::redis::{Redis, Reply};
use postern_tests::sqlite::Database;

/// What somebody else may have there.
const FOREIGN: [(&str, &[u8]); 6] = [
    ("counter", b"\x01\x00\x00\x00\x00\x00\x00\x00"),
    ("session:1", b"{}"),
    ("postern", b"not ours"),
    ("postern:g:not-a-grant", b"not ours either"),
    ("postern:u:00000000000000000000000000000000", b""),
    ("postern:new-kind:1", b"\xff\xfe"),
];

fn live(host: &Host) {
    for flow in FLOWS {
        let scene = Scene::set(host, flow);
        let answer = scene.send();
        assert!(scene.is_done(&answer), "{answer}");
    }
    let scene = Scene::set(host, Flow::Refresh);
    scene.assert_sound(0);
}

/// K-22.
#[test]
fn foreign_rows_are_neither_read_nor_touched_on_sqlite() {
    let state = State::new();
    drop(Host::start(&state));
    let database = Database::open(&state);
    for (key, value) in FOREIGN {
        database.insert("default", key, value);
        database.insert("of-another-application", key, value);
    }
    live(&Host::start(&state));
    let rows = database.rows();
    for (key, value) in FOREIGN {
        for store in ["default", "of-another-application"] {
            let row = (store.to_owned(), key.to_owned(), value.to_vec());
            assert!(rows.contains(&row), "{row:?}");
        }
    }
}

/// K-22: in Redis there are no labels at all.
#[test]
fn foreign_keys_are_neither_read_nor_touched_on_redis() {
    let redis = Redis::start();
    for (key, value) in FOREIGN {
        redis.command(&[b"SET", key.as_bytes(), value]);
    }
    redis.command(&[b"LPUSH", b"queue", b"a list, and no text"]);
    let state = State::new().with_redis(&redis);
    live(&Host::start(&state));
    for (key, value) in FOREIGN {
        assert_eq!(redis.command(&[b"GET", key.as_bytes()]), Reply::Text(value.to_vec()), "{key}");
    }
    assert_eq!(redis.command(&[b"LLEN", b"queue"]), Reply::Number(1));
}
