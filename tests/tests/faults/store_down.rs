//! The store answers nothing at all for a while: neither reads nor writes. Every endpoint that needs it
//! says so, whatever it is asked, and goes on when it is back.

use crate::scene::{FLOWS, Flow, Scene, assert_try_again};
use postern_tests::host::State;
use postern_tests::mcp::{ping, post};
use postern_tests::redis::Redis;
use postern_tests::sqlite::Database;
use postern_tests::{Client, Host};

/// Every flow's request during the outage, and again after it; and the token check, which must not say
/// that a good token is none.
fn outage(host: &Host, flows: &[Flow], begin: impl FnOnce(), end: impl FnOnce()) {
    let tokens = Client::register(host).sign_in();
    let scenes: Vec<Scene> = flows.iter().map(|flow| Scene::set(host, *flow)).collect();
    begin();
    std::thread::scope(|scope| {
        for scene in &scenes {
            scope.spawn(|| assert_try_again(&scene.send()));
        }
        scope.spawn(|| host.send(&post(&tokens.access_token, &ping())).expect(503));
        // What needs no record is answered: nobody has to read one to see that this is no token.
        host.send(&post("garbage", &ping())).expect(401);
    });
    end();
    host.send(&post(&tokens.access_token, &ping())).expect(200);
    for scene in &scenes {
        assert!(scene.is_untouched());
        scene.assert_sound(0);
    }
}

/// K-08, K-19, RS-15: the table is gone.
#[test]
fn store_that_cannot_even_be_read_is_no_answer_on_sqlite() {
    let state = State::new();
    let host = Host::start(&state);
    Client::register(&host).sign_in();
    let database = Database::open(&state);
    outage(&host, &FLOWS, || database.remove_table(), || database.restore());
}

/// K-08: Redis keeps the connection and does not answer. Nothing waits for ever, and what it was sent
/// meanwhile and carries out later does no harm.
#[test]
fn store_that_does_not_answer_is_no_answer_on_redis() {
    let redis = Redis::start();
    let state = State::new().with_redis(&redis);
    let host = Host::start(&state);
    Client::register(&host).sign_in();
    outage(&host, &FLOWS, || redis.pause(), || redis.resume());
}

/// K-20: somebody copies the file, and holds it for longer than the server waits for it.
#[test]
fn locked_file_is_no_answer_and_loses_nothing_on_sqlite() {
    let state = State::new();
    let host = Host::start(&state);
    let tokens = Client::register(&host).sign_in();
    let scene = Scene::set(&host, Flow::Refresh);
    Database::open(&state).locked(|| {
        std::thread::scope(|scope| {
            scope.spawn(|| assert_try_again(&scene.send()));
            scope.spawn(|| host.send(&post(&tokens.access_token, &ping())).expect(503));
        });
    });
    host.send(&post(&tokens.access_token, &ping())).expect(200);
    scene.assert_sound(0);
}
