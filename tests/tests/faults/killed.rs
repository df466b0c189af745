//! `kill -9` in the middle of every write of every flow. The write that is under way is undone when the
//! file is next opened, so exactly those before it remain.

use crate::scene::{FLOWS, Flow, Scene};
use postern_tests::Host;
use postern_tests::host::State;
use postern_tests::sqlite::Database;

fn kill_in(flow: Flow) {
    let state = State::new();
    let mut host = Host::start(&state);
    let listen = host.authority().to_owned();
    Scene::set(&host, Flow::Refresh).send().expect(200);
    let mut database = Database::open(&state);
    database.arm();
    for count in 0.. {
        let scene = Scene::set(&host, flow);
        database.stall_after(count);
        let answer = std::thread::scope(|scope| {
            let request = scope.spawn(|| scene.try_send());
            let is_stalled = database.wait_for_stall(count, || !request.is_finished());
            if is_stalled {
                host.kill();
            }
            request.join().unwrap().filter(|_| !is_stalled)
        });
        if let Some(answer) = answer {
            assert!(scene.is_done(&answer), "{answer}");
            assert!(count > 0, "{flow:?} writes nothing");
            return;
        }
        // The first to open the file undoes the write.
        assert_eq!(database.heal(), count, "{flow:?}");
        host = Host::start_on(&state, &listen);
        assert!(scene.is_untouched(), "{flow:?} after {count}");
        scene.assert_sound(count);
    }
}

/// K-09.
#[test]
fn every_flow_survives_being_killed() {
    for flow in FLOWS {
        kill_in(flow);
    }
}
