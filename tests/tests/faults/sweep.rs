//! The k-th write of a request fails, and all after it, for every k until the request gets through.

use crate::scene::{FLOWS, Flow, Scene, assert_try_again};
use postern_tests::host::State;
use postern_tests::oauth::{REDIRECT_URI, register};
use postern_tests::sqlite::Database;
use postern_tests::{Client, Host};

/// More writes than any request makes.
const ENOUGH: u32 = 20;

/// K-07, K-08, K-13, TK-36: every write of every flow.
#[test]
fn every_write_of_every_flow_may_fail() {
    let state = State::new();
    let host = Host::start(&state);
    // Once, so that a developer's server has its secret: how that is made is another test's affair.
    Scene::set(&host, Flow::Refresh).send().expect(200);
    let database = Database::open(&state);
    database.arm();
    for flow in FLOWS {
        let mut failures = 0;
        for count in 0..ENOUGH {
            let scene = Scene::set(&host, flow);
            let before = database.rows();
            database.fail_after(count);
            let answer = scene.send();
            let writes = database.heal();
            if scene.is_done(&answer) {
                break;
            }
            assert_try_again(&answer);
            assert_eq!(writes, count, "{flow:?}: it went on after a write had failed");
            assert!(count > 0 || database.rows() == before, "I11: {flow:?}");
            assert!(scene.is_untouched(), "{flow:?} after {count}");
            scene.assert_sound(writes);
            failures += 1;
        }
        let expected = match flow {
            // The account and the user; the index and the grant.
            Flow::SignUp | Flow::Consent => 2,
            Flow::Redemption | Flow::Refresh | Flow::Revocation => 1,
        };
        assert_eq!(failures, expected, "{flow:?}");
    }
}

/// K-08: while a developer's server cannot keep the secret that it makes, it serves nobody and hands out
/// nothing; then it makes one.
#[test]
fn secret_that_cannot_be_kept_is_not_used() {
    let state = State::new();
    let host = Host::start(&state);
    let database = Database::open(&state);
    database.arm();
    let metadata = serde_json::json!({ "redirect_uris": [REDIRECT_URI] });
    for count in 0..2 {
        database.fail_after(count);
        let answer = register(&host, &metadata);
        database.heal();
        assert_try_again(&answer);
        answer.expect_oauth_error(503, "temporarily_unavailable");
    }
    // The claim was made, and then nothing; that is waited for once, and not for ever.
    assert_try_again(&register(&host, &metadata));
    register(&host, &metadata).expect(201);
    Client::register(&host).sign_in();
}
