//! No room left on the disk, and the file deleted under the server.

use crate::scene::{Flow, Scene, assert_try_again};
use postern_tests::host::State;
use postern_tests::mcp::{ping, post};
use postern_tests::oauth::{is_sign_in, sign_in_form};
use postern_tests::{Authorization, Browser, Client, Host, Person};

/// K-19: nobody new gets in, those who were there go on, and when there is room again everybody does,
/// without a restart.
#[cfg(target_os = "linux")]
#[test]
fn full_disk_turns_newcomers_away_and_nobody_else() {
    let state = State::new();
    let host = Host::start_on_small_disk(&state);
    let client = Client::register(&host);
    let tokens = client.sign_in();
    host.send(&post(&tokens.access_token, &ping())).expect(200);
    let file = std::fs::metadata(state.dir.join("sqlite_key_value.db")).unwrap();
    // Room for some records more.
    host.limit_disk(Some(file.len() + 4 * 4096));
    let newcomers = std::iter::repeat_with(|| Scene::set(&host, Flow::SignUp)).take(200);
    let turned_away = newcomers.into_iter().find_map(|scene| {
        let answer = scene.send();
        (!scene.is_done(&answer)).then_some((scene, answer))
    });
    let (turned_away, answer) = turned_away.expect("the disk is full at some time");
    assert_try_again(&answer);
    host.send(&post(&tokens.access_token, &ping())).expect(200);

    host.limit_disk(None);
    host.send(&post(&tokens.access_token, &ping())).expect(200);
    client.refresh(&tokens.refresh_token).expect(200);
    turned_away.assert_sound(0);
}

/// K-19: what cannot be read any more is not accepted, and people can sign up again.
#[test]
fn deleted_file_ends_everything_and_nothing_is_accepted_unread() {
    let state = State::new();
    let host = Host::start(&state);
    let listen = host.authority().to_owned();
    let tokens = Client::register(&host).sign_in();
    std::fs::remove_file(state.dir.join("sqlite_key_value.db")).unwrap();
    // Until it is restarted the server still has the file, or an error; both are true.
    let status = host.send(&post(&tokens.access_token, &ping())).status;
    assert!(status == 200 || status == 503, "{status}");
    host.stop();

    let host = Host::start_on(&state, &listen);
    host.send(&post(&tokens.access_token, &ping())).expect(401);
    let client = Client::register(&host);
    let mut browser = Browser::new(&host);
    let page = browser.open(&Authorization::new(&client).target()).page().expect_page(200);
    assert!(is_sign_in(&page));
    sign_in_form(&page);
    Person::new().approve(&mut browser, &Authorization::new(&client)).code();
}
