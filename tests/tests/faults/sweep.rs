//! The k-th write of a request fails, and all after it, for every k until the request gets through.

use crate::scene::{FLOWS, Flow, Scene, assert_try_again};
use postern_tests::browser::find_form;
use postern_tests::host::State;
use postern_tests::oauth::{REDIRECT_URI, is_sign_in, register};
use postern_tests::sqlite::Database;
use postern_tests::{Browser, Client, Host, Person};

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

/// S5: whichever write of a change of password fails, there is no new password while another browser stays signed in,
/// and the page does not say that nothing has been changed.
#[test]
fn every_write_of_a_change_of_password_may_fail() {
    let state = State::new();
    let host = Host::start(&state);
    Scene::set(&host, Flow::Refresh).send().expect(200);
    let database = Database::open(&state);
    database.arm();
    let mut failures = 0;
    for count in 0..ENOUGH {
        let person = Person::new();
        let sign_in = |person: &Person| {
            let mut browser = Browser::new(&host);
            let page = browser.open("/account").page().expect_page(200);
            let page = person.sign_in(&mut browser, &page).page();
            (browser, !is_sign_in(&page))
        };
        let ((mut browser, _), (mut other, _)) = (sign_in(&person), sign_in(&person));
        let page = browser.open("/account").page().expect_page(200);
        let form = find_form(&page, "of the account", |form| form.method == "POST");
        let page = browser.submit(&form, Some("change:password")).page().expect_page(200);
        let mut form = find_form(&page, "of the change", |form| form.method == "POST");
        let new = Person { password: format!("{} of another kind", person.password), ..person.clone() };
        form.fill("password", &person.password);
        form.fill("new-password", &new.password);
        form.fill("repeated-password", &new.password);
        database.fail_after(count);
        let answer = browser.submit(&form, None).page();
        database.heal();
        let is_out = is_sign_in(&other.open("/account").page());
        let (_, is_new) = sign_in(&new);
        assert!(!is_new || is_out, "after {count}: {answer}");
        if answer.status == 200 {
            assert!(is_new && answer.text().contains("Your password is changed"), "{answer}");
            break;
        }
        assert_eq!(answer.status, 503, "{answer}");
        assert!(!answer.text().contains("Nothing has been changed"), "{answer}");
        assert!(sign_in(&person).1, "after {count}: the old password is good");
        failures += 1;
    }
    assert_eq!(failures, 2, "the user and the account");
}

/// K-08, S14: while a developer's server cannot keep the secret that it makes, it serves nobody and hands out
/// nothing; then it makes one, and all agree on it.
#[test]
fn secret_that_cannot_be_kept_is_not_used() {
    // The bundled host would have it made before anything can fail.
    let state = State::new().with_flags(&["--no-start-check"]);
    let host = Host::start(&state);
    let database = Database::open(&state);
    database.arm();
    let metadata = serde_json::json!({ "redirect_uris": [REDIRECT_URI] });
    for (count, failed) in [
        (0, "the claim on the first secret"),
        (1, "the first secret"),
        // The first claim was made, and then nothing: that is waited for once, and not for ever.
        (0, "another claim on the first secret"),
        (1, "giving up on the first secret"),
        (2, "the claim on the second secret, after giving up"),
        (0, "the claim on the second secret"),
        (2, "the decision on the second secret"),
    ] {
        database.fail_after(count);
        let answer = register(&host, &metadata);
        assert_eq!(database.heal(), count, "{failed}");
        assert_try_again(&answer);
        answer.expect_oauth_error(503, "temporarily_unavailable");
    }
    register(&host, &metadata).expect(201);
    let client = Client::register(&host);
    client.sign_in();
    // What was used is what is kept.
    let listen = host.authority().to_owned();
    host.stop();
    let _host = Host::start_on(&state, &listen);
    client.sign_in();
}
