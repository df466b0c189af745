//! Accounts, and the page where people see what they allowed, through the real components.

use postern_tests::host::State;
use postern_tests::html::{Form, forms};
use postern_tests::mcp::{ping, post};
use postern_tests::oauth::is_sign_in;
use postern_tests::{Authorization, Browser, Client, Host, Landing, Person, Response, Tokens, random};
use serde_json::json;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PASSWORD: &str = "fifteen penguins";

/// An invitation, as an operator has it written.
fn invite(secret: &str, email: &str) -> String {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--package", "accounts-core", "--example", "invite", "--", email]);
    let output = command.env("SPIN_VARIABLE_DEPLOYMENT_SECRET", secret).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn only_form(page: &Response) -> Form {
    let mut forms = forms(&page.text());
    assert_eq!(forms.len(), 1, "{page}");
    forms.remove(0)
}

/// Fills in the form of a page and sends it.
fn fill_in(browser: &mut Browser, page: &Response, values: &[(&str, &str)]) -> Landing {
    let mut form = only_form(page);
    for (name, value) in values {
        assert!(form.find(name).is_some(), "{name} on {page}");
        form.fill(name, value);
    }
    browser.submit(&form, None)
}

/// Presses a button of the account page, and says yes if that is asked about.
fn press(browser: &mut Browser, button: &str) -> Landing {
    let page = browser.open("/account").page().expect_page(200);
    match browser.submit(&only_form(&page), Some(button)) {
        Landing::Page(page) if page.text().contains("value=\"confirm\"") => {
            browser.submit(&only_form(&page), Some("confirm"))
        }
        landing => landing,
    }
}

/// The button that disconnects the one application that is connected.
fn revoke_button(page: &Response) -> String {
    let form = only_form(page);
    let buttons = form.controls.iter().filter(|control| control.value.starts_with("revoke:"));
    let [button] = buttons.collect::<Vec<_>>()[..] else { panic!("not one application on {page}") };
    button.value.clone()
}

/// LG-11, LG-12: on a public server nobody has an account but whom the operator invited, the first included;
/// and the invitation is good once.
#[test]
fn invited_person_makes_the_first_account() {
    let secret = random() + &random();
    let state = State::new()
        .with_variable("public_url", "https://postern.example")
        .with_variable("deployment_secret", &secret)
        .with_variable("sign_up", "invited");
    let host = Host::start_public(&state);
    let (email, code) = ("alice@example.com", invite(&secret, "Alice@Example.com"));
    let mut browser = Browser::new(&host);
    let page = browser.open("/account").page().expect_page(200);
    let refused = fill_in(&mut browser, &page, &[("email", email), ("password", PASSWORD)]).page();
    assert!(refused.text().contains("The e-mail or the password is wrong."), "{refused}");
    let page = browser.submit(&only_form(&refused), Some("invitation")).page().expect_page(200);
    assert!(page.text().contains("<h1>Create your account</h1>"), "U12: {page}");
    let guess = [("invitation", "guess"), ("email", email), ("new-password", PASSWORD)];
    let refused = fill_in(&mut browser, &page, &guess).page().expect_page(200);
    assert!(refused.text().contains("The invitation is not for this e-mail"), "{refused}");
    let other = [("invitation", code.as_str()), ("email", "mallory@example.com"), ("new-password", PASSWORD)];
    let refused = fill_in(&mut browser, &refused, &other).page().expect_page(200);
    assert!(refused.text().contains("The invitation is not for this e-mail"), "{refused}");
    // U12: the code is there still.
    let good = [("email", email), ("new-password", PASSWORD)];
    let account = fill_in(&mut browser, &refused, &good).page().expect_page(200);
    assert!(account.text().contains(email), "{account}");

    let mut again = Browser::new(&host);
    let page = again.open("/account").page().expect_page(200);
    let page = again.submit(&only_form(&page), Some("invitation")).page().expect_page(200);
    let stolen =
        [("invitation", code.as_str()), ("email", email), ("new-password", "another long enough one")];
    let refused = fill_in(&mut again, &page, &stolen).page().expect_page(200);
    assert!(refused.text().contains("Sign in instead"), "{refused}");
    let client = Client::register(&host);
    let person = Person { email: email.into(), password: PASSWORD.into() };
    person.approve(&mut Browser::new(&host), &Authorization::new(&client)).code();
}

/// A public server at which anyone may make an account.
fn public_with_open_sign_up() -> State {
    State::new()
        .with_variable("public_url", "https://postern.example")
        .with_variable("deployment_secret", &(random() + &random()))
        .with_variable("sign_up", "open")
}

/// Returns a browser in which Alice made her account and signed out.
fn browser_of_alice(host: &Host) -> Browser {
    let mut browser = Browser::new(host);
    let page = browser.open("/account").page().expect_page(200);
    let page = browser.submit(&only_form(&page), Some("sign-up")).page().expect_page(200);
    let account = [("email", "alice@example.com"), ("new-password", PASSWORD)];
    fill_in(&mut browser, &page, &account).page().expect_page(200);
    press(&mut browser, "sign-out").page().expect_page(200);
    browser
}

/// LG-01, LG-03, LG-06: a guesser has to wait, whether there is an account or not; the person is not held up in a
/// browser that they have signed in with.
#[test]
fn guesses_are_slowed_down() {
    let state = public_with_open_sign_up();
    let host = Host::start_public(&state);
    let mut own = browser_of_alice(&host);

    let guess = |email: &str| {
        let mut browser = Browser::new(&host);
        let mut page = browser.open("/account").page().expect_page(200);
        for _ in 0..30 {
            page = fill_in(&mut browser, &page, &[("email", email), ("password", "guess")]).page();
            if page.status == 429 {
                return page;
            }
        }
        panic!("thirty guesses at once: {page}")
    };
    for email in ["alice@example.com", "nobody@example.com"] {
        let page = guess(email);
        let seconds: u32 = page.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=900).contains(&seconds) && page.text().contains("Too many wrong passwords"), "{page}");
        assert!(is_sign_in(&page), "and the form is there to try again");
    }
    let page = own.open("/account").page().expect_page(200);
    let own_page = fill_in(&mut own, &page, &[("email", "alice@example.com"), ("password", PASSWORD)]);
    assert!(own_page.page().expect_page(200).text().contains("alice@example.com"));
}

/// What is disconnected is refused with the next request, and the record says so.
#[test]
fn disconnected_application_is_refused_at_once() {
    let state = State::new();
    let host = Host::start(&state);
    let client = Client::register(&host);
    let person = Person::new();
    let mut browser = Browser::new(&host);
    let authorization = Authorization::new(&client);
    let answer = person.approve(&mut browser, &authorization);
    let tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
    host.send(&post(&tokens.access_token, &ping())).expect(200);
    let page = browser.open("/account").page().expect_page(200);
    assert!(page.text().contains("Black-box test") && page.text().contains("127.0.0.1:6274"), "{page}");
    let left = press(&mut browser, &revoke_button(&page)).page().expect_page(200);
    assert!(left.text().contains("\u{201d} is disconnected.</p>"), "{left}");
    let left = browser.open("/account").page().expect_page(200);
    assert!(!left.text().contains("Black-box test"), "{left}");
    host.send(&post(&tokens.access_token, &ping())).expect(401);
    client.refresh(&tokens.refresh_token).expect_oauth_error(400, "invalid_grant");
    let record = browser.open("/account/record").page().expect(200);
    assert!(record.header("content-disposition").unwrap().starts_with("attachment"));
    assert_eq!(record.json()["connections"][0]["status"], json!("revoked"));
    assert_eq!(record.json()["name"], json!(person.email));
}

/// LG-12: with another password, other browsers are signed out, and the old one is over.
#[test]
fn changed_password_holds_at_once() {
    let state = State::new();
    let host = Host::start(&state);
    let person = Person::new();
    let sign_in = |person: &Person| {
        let mut browser = Browser::new(&host);
        let page = browser.open("/account").page().expect_page(200);
        let page = person.sign_in(&mut browser, &page).page();
        (browser, page)
    };
    let (mut browser, page) = sign_in(&person);
    assert!(!is_sign_in(&page), "{page}");
    let (mut elsewhere, _) = sign_in(&person);
    let page = press(&mut browser, "change:password").page().expect_page(200);
    let new = random();
    let typed = |current: &str, new: &str, repeated: &str| {
        [("password", current), ("new-password", new), ("repeated-password", repeated)]
            .map(|(name, value)| (name, value.to_owned()))
    };
    let send = |browser: &mut Browser, page: &Response, typed: &[(&str, String)]| {
        let typed: Vec<(&str, &str)> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fill_in(browser, page, &typed).page().expect_page(200)
    };
    let page = send(&mut browser, &page, &typed("wrong", &new, &new));
    assert!(page.text().contains("The current password is wrong."), "{page}");
    let page = send(&mut browser, &page, &typed(&person.password, &new, "other"));
    assert!(page.text().contains("not the same"), "{page}");
    let page = send(&mut browser, &page, &typed(&person.password, &new, &new));
    assert!(page.text().contains("Your password is changed"), "{page}");
    assert!(is_sign_in(&elsewhere.open("/account").page()), "signed out");
    assert!(!is_sign_in(&browser.open("/account").page()), "and here not");
    assert!(is_sign_in(&sign_in(&person).1), "the old password");
    let person = Person { password: new, ..person };
    let (_, page) = sign_in(&person);
    assert!(page.text().contains(&person.email) && forms(&page.text()).len() == 1);
}

/// S4: after *Sign out*, a copy of the cookie that was taken before opens neither the account nor an application's
/// request, and other browsers go on.
#[test]
fn signed_out_cookie_is_worth_nothing() {
    let state = State::new();
    let host = Host::start(&state);
    let (client, person) = (Client::register(&host), Person::new());
    let sign_in = || {
        let mut browser = Browser::new(&host);
        let page = browser.open("/account").page().expect_page(200);
        assert!(!is_sign_in(&person.sign_in(&mut browser, &page).page()));
        browser
    };
    let (mut browser, mut other) = (sign_in(), sign_in());
    let mut stolen = browser.clone();
    let told = press(&mut browser, "sign-out").page().expect_page(200);
    assert!(told.text().contains("You are signed out"), "{told}");
    assert!(is_sign_in(&stolen.open("/account").page()));
    assert!(is_sign_in(&stolen.open(&Authorization::new(&client).target()).page()));
    assert!(!is_sign_in(&other.open("/account").page()));
}

/// U9, U11: the sign-in was ended elsewhere while the account page was open: the person signs in, and is asked about
/// what they pressed. U8: the address of a form has a page of its own.
#[test]
fn person_goes_on_after_signing_in_again() {
    let state = State::new();
    let host = Host::start(&state);
    let person = Person::new();
    let sign_in =
        |browser: &mut Browser, page: &Response| person.sign_in(browser, page).page().expect_page(200);
    let (mut browser, mut other) = (Browser::new(&host), Browser::new(&host));
    for browser in [&mut browser, &mut other] {
        let page = browser.open("/account").page().expect_page(200);
        sign_in(browser, &page);
    }
    for (button, there) in
        [("change:password", "Current password"), ("sign-out-everywhere", "Sign out everywhere?")]
    {
        let page = browser.open("/account").page().expect_page(200);
        press(&mut other, "sign-out-everywhere").page().expect_page(200);
        let asked = browser.submit(&only_form(&page), Some(button)).page().expect_page(200);
        assert!(is_sign_in(&asked), "{asked}");
        let page = sign_in(&mut browser, &asked);
        assert!(page.text().contains(there), "{button}: {page}");
        let page = other.open("/account").page().expect_page(200);
        sign_in(&mut other, &page);
    }
    for path in ["/sign-in", "/consent", "/account/change"] {
        let page = browser.open(path).page().expect_page(405);
        assert!(page.text().contains("Please begin again"), "{page}");
    }
}

/// S16: strangers who guess on many connections at once are told to come back, and do not hold up a person at a browser
/// that they have signed in with.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test gives up after a while")]
fn flood_of_strangers_does_not_hold_up_a_known_browser() {
    let state = public_with_open_sign_up();
    let host = Host::start_public(&state);
    let mut own = browser_of_alice(&host);

    let is_over = AtomicBool::new(false);
    let turned_away = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (host, is_over, turned_away) = (&host, &is_over, &turned_away);
            scope.spawn(move || {
                let mut browser = Browser::new(host);
                let mut page = browser.open("/account").page().expect_page(200);
                for guess in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let email = format!("nobody-{thread}-{guess}@example.com");
                    page = fill_in(&mut browser, &page, &[("email", &email), ("password", "guess")]).page();
                    assert!(matches!(page.status, 200 | 429 | 503), "{page}");
                    if page.status == 429 && page.text().contains("Many people are signing in") {
                        assert!(page.header("retry-after").is_some() && is_sign_in(&page), "{page}");
                        turned_away.fetch_add(1, Ordering::Relaxed);
                    }
                    if !is_sign_in(&page) {
                        page = browser.open("/account").page().expect_page(200);
                    }
                }
            });
        }
        let begun = Instant::now();
        while turned_away.load(Ordering::Relaxed) < 20 && begun.elapsed() < Duration::from_secs(120) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let outcomes: Vec<bool> = (0..3)
            .map(|_| {
                let page = own.open("/account").page().expect_page(200);
                let values = [("email", "alice@example.com"), ("password", PASSWORD)];
                let is_in = fill_in(&mut own, &page, &values).page().text().contains("Signed in as");
                press(&mut own, "sign-out").page().expect_page(200);
                is_in
            })
            .collect();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(outcomes, [true; 3]);
    });
    assert!(turned_away.load(Ordering::Relaxed) >= 20, "{turned_away:?}");
}
