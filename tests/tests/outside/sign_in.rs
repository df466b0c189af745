//! Sign-in, and the forms that only the person's own browser may send.

use postern_tests::oauth::{consent_form, find_confirmation, is_sign_in, sign_in_form};
use postern_tests::{Authorization, Browser, Client, Landing, Person, Request, Response, Server};

fn sign_in_page(browser: &mut Browser) -> (Authorization, Response) {
    let authorization = Authorization::new(&Client::register(browser.server()));
    let page = browser.open(&authorization.target()).page().expect_page(200);
    assert!(is_sign_in(&page), "{page}");
    (authorization, page)
}

/// On a developer's machine anybody is in with any e-mail address and password.
#[test]
fn first_sign_in_creates_the_account_and_the_password_holds_from_then_on() {
    let server = Server::under_test();
    let person = Person::new();
    person.approve(&mut Browser::new(&server), &Authorization::new(&Client::register(&server))).code();

    let mut elsewhere = Browser::new(&server);
    let (authorization, page) = sign_in_page(&mut elsewhere);
    let stranger = Person { password: "not the password".into(), ..person.clone() };
    let refused = stranger.sign_in(&mut elsewhere, &page).page();
    assert!(refused.status < 500 && is_sign_in(&refused), "the form comes again: {refused}");
    assert!(!refused.text().contains("not the password"), "a password is never filled in");
    let form = sign_in_form(&refused);
    assert_eq!(form.find("email").unwrap().value, person.email, "what was typed stays, but for the password");
    person.sign_in(&mut elsewhere, &refused).page().expect_page(200);
    person.approve(&mut elsewhere, &authorization).code();
}

/// U15: a mistyped address makes no account unasked, and the words are those of what happened.
#[test]
fn new_account_is_made_when_it_is_confirmed() {
    let server = Server::under_test();
    if !server.is_loopback() {
        return;
    }
    let mut browser = Browser::new(&server);
    let (_, page) = sign_in_page(&mut browser);
    assert!(page.text().contains("any e-mail and password will do"), "{page}");
    let person = Person::new();
    let mut form = sign_in_form(&page);
    form.fill("email", &person.email);
    form.fill("password", &person.password);
    let asked = browser.submit(&form, None).page().expect_page(200);
    assert!(asked.text().contains(&format!("no account for {}", person.email)), "{asked}");
    assert!(!asked.to_string().contains(&person.password), "the password is not on the page");
    let confirmation = find_confirmation(&asked).unwrap();
    let back = browser.submit(&confirmation, Some("sign-in")).page().expect_page(200);
    assert_eq!(sign_in_form(&back).find("email").unwrap().value, person.email);
    let consent = browser.submit(&confirmation, None).page().expect_page(200);
    assert!(!is_sign_in(&consent) && consent.text().contains(&person.email), "{consent}");
    let mut browser = Browser::new(&server);
    let (_, page) = sign_in_page(&mut browser);
    let wrong = Person { password: "wrong".into(), ..person }.sign_in(&mut browser, &page).page();
    assert!(wrong.text().contains("password is wrong") && !wrong.text().contains("any e-mail"), "{wrong}");
}

/// Attack: find out who has an account. The same words for every failure.
#[test]
fn every_wrong_password_gets_the_same_page() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let wrong_passwords = ["first wrong one", "x", "second wrong one, which is longer"];
    let pages = wrong_passwords.map(|wrong| {
        let person = Person::new();
        person.approve(&mut Browser::new(&server), &Authorization::new(&client)).code();
        let mut browser = Browser::new(&server);
        let page = browser.open(&Authorization::new(&client).target()).page();
        let refused = Person { password: wrong.into(), ..person.clone() }.sign_in(&mut browser, &page).page();
        let mut text = refused.to_string().replace(&person.email, "E-MAIL");
        // What differs in any two pages: the sealed values, the browser's number, and the time.
        for control in &sign_in_form(&refused).controls {
            if control.kind == "hidden" {
                text = text.replace(&control.value, "HIDDEN");
            }
        }
        let differs = ["date: ", "content-length: ", "set-cookie: "];
        let lines = text.lines().filter(|line| !differs.iter().any(|header| line.starts_with(header)));
        lines.collect::<Vec<_>>().join("\n")
    });
    assert!(pages.iter().all(|page| *page == pages[0]), "{pages:#?}");
}

/// An empty answer is no answer, and nobody is signed in by it.
#[test]
fn empty_fields_do_not_sign_in() {
    let server = Server::under_test();
    for (email, password) in [("", "password"), ("somebody@example.com", ""), ("", "")] {
        let mut browser = Browser::new(&server);
        let (_, page) = sign_in_page(&mut browser);
        let nobody = Person { email: email.into(), password: password.into() };
        let answer = nobody.sign_in(&mut browser, &page).page();
        assert!(is_sign_in(&answer) || answer.status >= 400, "{answer}");
    }
}

/// RFC 6265bis sections 4.1.2.6, 4.1.3.2 and 5.8.3: scripts cannot read the cookies, other sites cannot
/// send them with a form, and on https nobody else can set them.
#[test]
fn cookies_are_kept_from_scripts_and_other_sites() {
    let server = Server::under_test();
    let mut browser = Browser::new(&server);
    Person::new().approve(&mut browser, &Authorization::new(&Client::register(&server))).code();
    assert!(!browser.set_cookies.is_empty());
    for cookie in &browser.set_cookies {
        let attributes: Vec<String> =
            cookie.split(';').map(|part| part.trim().to_ascii_lowercase()).collect();
        let has = |attribute: &str| attributes.iter().any(|other| other == attribute);
        assert!(has("httponly") && has("samesite=lax") && has("path=/"), "{cookie}");
        assert!(!attributes.iter().any(|attribute| attribute.starts_with("domain")), "{cookie}");
        if !server.is_loopback() {
            assert!(has("secure") && cookie.starts_with("__Host-"), "{cookie}");
        }
    }
}

/// Attack: another site sends our form (login CSRF, and consent without the person).
#[test]
fn forms_from_other_sites_are_refused() {
    let server = Server::under_test();
    let mut browser = Browser::new(&server);
    let (authorization, page) = sign_in_page(&mut browser);
    let mut sign_in = sign_in_form(&page);
    sign_in.fill("email", "victim@example.com");
    sign_in.fill("password", "password");
    let consent = Person::new().consent_form(&mut browser, &authorization);
    for (form, button) in [(&sign_in, None), (&consent, Some("approve"))] {
        let fields = form.fields(button);
        let path = server.path_of(&form.action).unwrap();
        for headers in [
            &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")][..],
            &[("origin", "https://evil.example")],
            &[("sec-fetch-site", "cross-site")],
            &[("origin", "null")],
            &[],
        ] {
            let mut request = Request::form(path, &fields);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            browser.send(request).expect_page(403);
        }
    }
    // The forms themselves were good.
    let url = browser.submit(&consent, Some("approve")).elsewhere();
    authorization.answer(&server, &url).code();
}

/// Attack: the attacker's own page, sent by the victim's browser, which never asked for it.
#[test]
fn forms_of_another_browser_are_refused() {
    let server = Server::under_test();
    let mut attacker = Browser::new(&server);
    let (authorization, page) = sign_in_page(&mut attacker);
    let mut sign_in = sign_in_form(&page);
    sign_in.fill("email", &Person::new().email);
    sign_in.fill("password", "password");
    let consent = Person::new().consent_form(&mut attacker, &authorization);
    // A victim without any cookie, and one who is signed in.
    let mut signed_in = Browser::new(&server);
    Person::new().approve(&mut signed_in, &Authorization::new(&Client::register(&server))).code();
    for mut victim in [Browser::new(&server), signed_in] {
        for (form, button) in [(&sign_in, None), (&consent, Some("approve"))] {
            match victim.submit(form, button) {
                Landing::Page(page) => assert!(matches!(page.status, 400 | 403), "{page}"),
                Landing::Elsewhere(url) => panic!("a code was sent to {url}"),
            }
        }
    }
}

/// Attack: change the sealed request between two pages.
#[test]
fn tampered_transaction_is_refused() {
    let server = Server::under_test();
    let mut browser = Browser::new(&server);
    let authorization = Authorization::new(&Client::register(&server));
    let consent = Person::new().consent_form(&mut browser, &authorization);
    let sealed = consent.find("transaction").unwrap().value.clone();
    let middle = sealed.len() / 2;
    let other = if sealed.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let flipped = format!("{}{other}{}", &sealed[..middle], &sealed[middle + 1..]);
    for tampered in [flipped, sealed[..middle].to_owned(), String::new()] {
        let mut form = consent.clone();
        form.fill("transaction", &tampered);
        let page = browser.submit(&form, Some("approve")).page();
        assert!((400..500).contains(&page.status), "{page}");
    }
    let mut form = consent.clone();
    form.controls.retain(|control| control.name != "transaction");
    assert!((400..500).contains(&browser.submit(&form, Some("approve")).page().status));
}

/// Without a decision, or with one that is none, nothing is decided. Without one, the page comes back (Enter in a check
/// box), and can be approved.
#[test]
fn consent_needs_a_decision() {
    let server = Server::under_test();
    let mut browser = Browser::new(&server);
    let authorization = Authorization::new(&Client::register(&server));
    let form = Person::new().consent_form(&mut browser, &authorization);
    let again = consent_form(&browser.submit(&form, None).page().expect_page(200));
    let mut other = form.clone();
    other.fill("decision", "perhaps");
    assert!((400..500).contains(&browser.submit(&other, Some("perhaps")).page().status));
    let is_connected = |browser: &mut Browser| {
        browser.open("/account").page().expect_page(200).text().contains("Black-box test")
    };
    assert!(!is_connected(&mut browser), "nothing is approved");
    let url = browser.submit(&again, Some("approve")).elsewhere();
    authorization.answer(&server, &url).code();
    assert!(is_connected(&mut browser));
}
