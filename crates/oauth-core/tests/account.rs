//! `/account`: what a person allowed, its end, and how the person signs in. Rows BR and LG of the threat list.

use crate::support::{Browser, Client, PageForm, Request, Tokens, World, body_text, header, json, location};
use http::{Method, StatusCode};
use oauth_core::records::{GrantState, user_key};
use store_core::testing::{Fault, block_on};
use web_core::Reply;

const ALICE: &str = "alice@example.com";
const GOOD: [(&str, &str); 2] = [("email", ALICE), ("password", "good")];

/// A browser at which Alice has signed in for her account.
fn alice(world: &World) -> Browser {
    let browser = Browser::default();
    sign_in(world, &browser, ALICE);
    browser
}

fn sign_in(world: &World, browser: &Browser, email: &str) -> Reply {
    let page = browser.get(world, "/account");
    assert_eq!((page.status, PageForm::of(&page).action.as_str()), (StatusCode::OK, "/sign-in"));
    let signed_in = browser.post_page(world, &page, &[("email", email), ("password", "good")], None);
    assert_eq!(header(&signed_in, "location"), "/account");
    browser.follow(world, &signed_in)
}

/// What Alice connects an application with, and its tokens.
fn connect(world: &World, client: &Client) -> Tokens {
    Tokens::of(&world.send(client.redeem(&world.code_for(client, ALICE, &client.request()))))
}

/// Presses a button of the account page, and says yes if it is asked about.
fn press(world: &World, browser: &Browser, button: &str) -> Reply {
    let page = browser.get(world, "/account");
    confirm(world, browser, browser.post_page(world, &page, &[], Some(button)))
}

/// Signs out, and reads what is said about it.
fn sign_out(world: &World, browser: &Browser, button: &str) {
    let out = press(world, browser, button);
    assert_eq!(header(&out, "location"), "/account");
    assert!(body_text(&browser.follow(world, &out)).contains("You are signed out"));
}

/// Says yes, if this page asks.
fn confirm(world: &World, browser: &Browser, page: Reply) -> Reply {
    let asks = page.status == StatusCode::OK && body_text(&page).contains("value=\"confirm\"");
    if asks { browser.post_page(world, &page, &[], Some("confirm")) } else { page }
}

fn revoke_buttons(page: &Reply) -> Vec<String> {
    let buttons = PageForm::of(page).buttons.into_iter().map(|(_, value)| value);
    buttons.filter(|value| value.starts_with("revoke:")).collect()
}

/// A person who is not signed in signs in first, and nothing is stored until then.
#[test]
fn account_is_for_whoever_is_signed_in() {
    let world = World::public();
    let tokens = connect(&world, &world.client());
    let before = world.store.snapshot();
    let stranger = Browser::default();
    let page = stranger.get(&world, "/account");
    assert!(!body_text(&page).contains("Inspector"));
    let record = stranger.get(&world, "/account/record");
    assert_eq!((record.status, header(&record, "location")), (StatusCode::SEE_OTHER, "/account"));
    assert_eq!(world.store.snapshot(), before);
    let other = sign_in(&world, &Browser::default(), "bob@example.com");
    assert!(body_text(&other).contains("bob@example.com") && !body_text(&other).contains("Inspector"));
    let own = alice(&world).get(&world, "/account");
    assert!(body_text(&own).contains("Inspector"));
    assert!(!body_text(&own).contains(&tokens.access) && !body_text(&own).contains(&tokens.refresh));
}

/// What was allowed, in words, to whom, since when, and when it was last used, to the day.
#[test]
fn page_says_what_was_allowed() {
    let world = World::public();
    let client = world.client();
    let tokens = connect(&world, &client);
    let text = |world: &World| body_text(&alice(world).get(world, "/account")).to_owned();
    for part in [
        "Inspector",
        "Unverified",
        "client.example",
        "Do sums<br>Do statistics",
        "15 Jan 2027",
        "14 Feb 2027",
    ] {
        assert!(text(&world).contains(part), "{part} in {}", text(&world));
    }
    world.advance(3 * 86_400);
    let before = text(&world);
    assert!(before.contains("last used <time datetime=\"2027-01-15\">"), "{before}");
    Tokens::of(&world.send(client.refresh(&tokens.refresh)));
    assert!(text(&world).contains("last used <time datetime=\"2027-01-18\">"));
}

/// Revocation holds for the next request; what else is connected stays.
#[test]
fn one_application_is_disconnected() {
    let world = World::public();
    let (client, other) = (world.client(), world.register(&["https://other.example/cb"]));
    let (first, second) = (connect(&world, &client), connect(&world, &other));
    let browser = alice(&world);
    let page = browser.get(&world, "/account");
    let buttons = revoke_buttons(&page);
    assert_eq!(buttons.len(), 2);
    let asked = browser.post_page(&world, &page, &[], Some(&buttons[1]));
    assert!(world.introspect(&first.access).is_some(), "it is asked about first");
    let revoked = confirm(&world, &browser, asked);
    assert_eq!(header(&revoked, "location"), "/account");
    assert!(world.introspect(&first.access).is_none() && world.introspect(&second.access).is_some());
    let refused = world.send(client.refresh(&first.refresh));
    assert_eq!(json(&refused)["error"], "invalid_grant");
    let left = browser.follow(&world, &revoked);
    assert_eq!(revoke_buttons(&left), buttons[..1]);
    assert!(body_text(&left).contains("\u{201c}Inspector\u{201d} is disconnected."));
    assert!(!body_text(&browser.get(&world, "/account")).contains("is disconnected."), "it is said once");
    let again = browser.post_page(&world, &page, &[], Some(&buttons[1]));
    assert_eq!(again.status, StatusCode::SEE_OTHER, "twice is once");
}

/// D9: one write ends all of it, other browsers included; this one goes on.
#[test]
fn all_applications_are_disconnected_at_once() {
    let world = World::public();
    let (client, other) = (world.client(), world.register(&["https://other.example/cb"]));
    let (first, second) = (connect(&world, &client), connect(&world, &other));
    let (browser, elsewhere) = (alice(&world), alice(&world));
    let page = browser.get(&world, "/account");
    // The store fails after the write that counts.
    let pressed = press(&world, &browser, "revoke-all");
    assert_eq!(header(&pressed, "location"), "/account");
    assert!(world.introspect(&first.access).is_none() && world.introspect(&second.access).is_none());
    assert!(world.grants().iter().all(|(_, grant)| matches!(grant.state, GrantState::Revoked { .. })));
    let after = browser.follow(&world, &pressed);
    assert!(body_text(&after).contains("None.") && revoke_buttons(&after).is_empty());
    assert_eq!(PageForm::of(&elsewhere.get(&world, "/account")).action, "/sign-in");
    // BR-09: a page of the sign-in before is over.
    let old = browser.post_page(&world, &page, &[], Some("sign-out-everywhere"));
    assert_eq!(old.status, StatusCode::FORBIDDEN);
}

/// LG-12, BR-09: signing out ends this browser's sign-in, or everybody's; applications stay.
#[test]
fn sign_ins_end_and_applications_stay() {
    let world = World::public();
    let tokens = connect(&world, &world.client());
    let (browser, elsewhere) = (alice(&world), alice(&world));
    sign_out(&world, &browser, "sign-out");
    assert_eq!(PageForm::of(&browser.get(&world, "/account")).action, "/sign-in");
    assert_eq!(PageForm::of(&elsewhere.get(&world, "/account")).action, "/account");
    let stolen = elsewhere.clone();
    sign_in(&world, &browser, ALICE);
    sign_out(&world, &browser, "sign-out-everywhere");
    for ended in [&browser, &elsewhere, &stolen] {
        assert_eq!(PageForm::of(&ended.get(&world, "/account")).action, "/sign-in");
    }
    let authorize = format!("/authorize?{}", world.client().request().encode());
    assert_eq!(PageForm::of(&stolen.get(&world, &authorize)).action, "/sign-in");
    assert!(world.introspect(&tokens.access).is_some());
}

/// S4: a copy of the cookie that was taken before is worth nothing after *Sign out*: not for the account, nor for
/// an application's request, nor for the pages that were open. Other browsers go on.
#[test]
fn signed_out_cookie_is_worth_nothing() {
    let world = World::public();
    let client = world.client();
    let (browser, other) = (alice(&world), alice(&world));
    let authorize = format!("/authorize?{}", client.request().encode());
    let consent = browser.get(&world, &authorize);
    assert_eq!(PageForm::of(&consent).action, "/consent");
    let stolen = browser.clone();
    let account = stolen.get(&world, "/account");
    press(&world, &browser, "sign-out");
    assert_eq!(PageForm::of(&stolen.get(&world, "/account")).action, "/sign-in");
    assert_eq!(PageForm::of(&stolen.get(&world, &authorize)).action, "/sign-in");
    assert_eq!(stolen.get(&world, "/account/record").status, StatusCode::SEE_OTHER);
    assert_eq!(stolen.approve(&world, &consent, &["math:basic"]).status, StatusCode::FORBIDDEN);
    let before = world.user(ALICE);
    stolen.post_page(&world, &account, &[], Some("sign-out-everywhere"));
    assert_eq!(world.user(ALICE), before);
    assert_eq!(PageForm::of(&other.get(&world, "/account")).action, "/account");
}

/// S4: the same for *Use another account* on the consent page, and for a sign-in that another one replaces in the
/// same browser, also of another person.
#[test]
fn replaced_sign_in_is_ended() {
    let world = World::public();
    let client = world.client();
    let query = client.request().encode();
    let browser = Browser::default();
    let consent = browser.sign_in(&world, ALICE, &query);
    let stolen = browser.clone();
    let switched = browser.post_page(&world, &consent, &[], Some("switch"));
    assert_eq!(switched.status, StatusCode::SEE_OTHER);
    assert_eq!(PageForm::of(&stolen.get(&world, "/account")).action, "/sign-in");
    for next in [ALICE, "bob@example.com"] {
        let browser = alice(&world);
        let stolen = browser.clone();
        let page = browser.get(&world, &format!("/authorize?{query}&prompt=login"));
        let signed_in = browser.post_page(&world, &page, &[("email", next), ("password", "good")], None);
        assert_eq!(signed_in.status, StatusCode::SEE_OTHER, "{next}");
        assert_eq!(PageForm::of(&stolen.get(&world, "/account")).action, "/sign-in", "{next}");
        assert_eq!(PageForm::of(&browser.get(&world, "/account")).action, "/account", "{next}");
    }
}

/// S4: what is kept of sign-ins is bounded, and nothing that was ended comes back for it.
#[test]
fn ended_sign_ins_are_bounded() {
    let world = World::public();
    let mut stolen = Vec::new();
    for _ in 0..100 {
        let browser = alice(&world);
        stolen.push(browser.clone());
        press(&world, &browser, "sign-out");
    }
    for cookie in &stolen {
        assert_eq!(PageForm::of(&cookie.get(&world, "/account")).action, "/sign-in");
    }
    let size = serde_json::to_vec(&world.user(ALICE)).unwrap().len();
    assert!(size < 4_096, "{size} bytes");
}

/// BR-11: from a page that is not ours, of another sign-in, or with a seal that is not ours, nothing is done.
#[test]
fn buttons_work_on_our_own_page_only() {
    let world = World::public();
    connect(&world, &world.client());
    let (browser, page) = (alice(&world), alice(&world).get(&world, "/account"));
    let own = browser.get(&world, "/account");
    alice(&world);
    let grants = world.grants();
    let epochs = |world: &World| (world.user(ALICE).epoch, world.user(ALICE).sign_in_epoch);
    let before = epochs(&world);
    let buttons = [revoke_buttons(&own)[0].clone(), "revoke-all".into(), "sign-out-everywhere".into()];
    for button in &buttons {
        let params = PageForm::of(&own).filled_in(&[], Some(button));
        let request = browser.form_request("/account", &params).without("sec-fetch-site");
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "none"),
            ("origin", "https://evil.example"),
            ("x-no", "x"),
        ] {
            let reply = world.send(browser.dress(request.clone().with(name, value)));
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{button} {name}: {value}");
        }
        for (params, status) in [
            (PageForm::of(&page).filled_in(&[], Some(button)), StatusCode::FORBIDDEN),
            (params.clone().without("transaction"), StatusCode::BAD_REQUEST),
            (params.clone().with("transaction", "x"), StatusCode::BAD_REQUEST),
            (params.clone().with("do", "revoke:x"), StatusCode::BAD_REQUEST),
            (params.clone().and("do", "sign-out"), StatusCode::BAD_REQUEST),
            (params.clone().without("do"), StatusCode::BAD_REQUEST),
        ] {
            assert_eq!(browser.post(&world, "/account", &params).status, status, "{button} {params:?}");
        }
        let nobody = Browser::default();
        let reply = nobody.post(&world, "/account", &params);
        assert_eq!(PageForm::of(&nobody.follow(&world, &reply)).action, "/sign-in");
        // The page that asks is as much of this sign-in as the one before it.
        let asked = browser.post_page(&world, &own, &[], Some(button));
        let params = PageForm::of(&asked).filled_in(&[], Some("confirm"));
        assert_eq!(alice(&world).post(&world, "/account", &params).status, StatusCode::FORBIDDEN);
        let sealed = PageForm::of(&own).hidden("transaction").to_owned();
        let other = params.with("transaction", &sealed);
        assert_eq!(browser.post(&world, "/account", &other).status, StatusCode::BAD_REQUEST, "AZ-27");
    }
    world.advance(600);
    let late = browser.post_page(&world, &own, &[], Some("revoke-all"));
    assert_eq!(late.status, StatusCode::BAD_REQUEST, "AZ-33");
    assert!(body_text(&late).contains("<a href=\"/account\">Open your account</a>"), "{}", body_text(&late));
    assert_eq!((world.grants(), epochs(&world)), (grants, before));
}

/// Somebody who learns the id of another person's grant cannot end it.
#[test]
fn nobody_disconnects_the_applications_of_others() {
    let world = World::public();
    let tokens = connect(&world, &world.client());
    let id = revoke_buttons(&alice(&world).get(&world, "/account")).remove(0);
    let mallory = Browser::default();
    let page = sign_in(&world, &mallory, "mallory@example.com");
    let params = PageForm::of(&page).filled_in(&[], Some("sign-out")).with("do", &id);
    assert_eq!(mallory.post(&world, "/account", &params).status, StatusCode::SEE_OTHER);
    assert!(world.introspect(&tokens.access).is_some());
}

/// LG-12: a change of password asks for it anew, ends every other sign-in, and goes on here.
#[test]
fn changed_password_ends_other_sign_ins() {
    let world = World::public();
    world.people.can_change.set(true);
    let tokens = connect(&world, &world.client());
    let (browser, elsewhere) = (alice(&world), alice(&world));
    let form = press(&world, &browser, "change:password");
    assert_eq!(PageForm::of(&form).action, "/account/change");
    let wrong = browser.post_page(&world, &form, &[("email", ALICE), ("password", "bad")], None);
    assert!(body_text(&wrong).contains("wrong e-mail or password"));
    assert_eq!(PageForm::of(&elsewhere.get(&world, "/account")).action, "/account");
    let stale = browser.get(&world, "/account");
    let done = browser.post_page(&world, &wrong, &GOOD, None);
    assert!(body_text(&done).contains("It is changed."), "{}", body_text(&done));
    assert_eq!(PageForm::of(&elsewhere.get(&world, "/account")).action, "/sign-in");
    assert_eq!(PageForm::of(&browser.get(&world, "/account")).action, "/account");
    let old = browser.post_page(&world, &stale, &[], Some("sign-out"));
    assert_eq!(old.status, StatusCode::FORBIDDEN, "BR-09: it is another sign-in now");
    assert!(world.introspect(&tokens.access).is_some(), "applications stay connected");
}

/// A browser that was left alone for a while signs in again before anything about signing in changes.
#[test]
fn change_needs_a_recent_sign_in() {
    let world = World::public();
    world.people.can_change.set(true);
    let browser = alice(&world);
    world.advance(601);
    let again = press(&world, &browser, "change:password");
    assert_eq!(PageForm::of(&again).action, "/sign-in");
    let signed_in = browser.post_page(&world, &again, &GOOD, None);
    assert_eq!(header(&signed_in, "location"), "/account");
    assert_eq!(PageForm::of(&browser.follow(&world, &signed_in)).action, "/account/change", "U9");
    assert_eq!(PageForm::of(&press(&world, &browser, "change:password")).action, "/account/change");
}

/// BR-11, BR-13: the page of a change belongs to the sign-in that asked for it.
#[test]
fn change_belongs_to_its_sign_in() {
    let world = World::public();
    world.people.can_change.set(true);
    let browser = alice(&world);
    let form = press(&world, &browser, "change:password");
    let params = PageForm::of(&form).filled_in(&GOOD, None);
    let calls = world.people.calls.get();
    assert_eq!(alice(&world).post(&world, "/account/change", &params).status, StatusCode::FORBIDDEN);
    let nobody = Browser::default();
    let reply = nobody.post(&world, "/account/change", &params);
    assert_eq!(header(&reply, "location"), "/account");
    let foreign = browser.form_request("/account/change", &params).without("sec-fetch-site");
    let foreign = world.send(browser.dress(foreign.with("sec-fetch-site", "cross-site")));
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert_eq!(world.people.calls.get(), calls + 3, "all for the other sign-in, none for the change");
    let nothing = press(&world, &browser, "sign-out");
    assert_eq!(nothing.status, StatusCode::SEE_OTHER);
    let unknown = alice(&world);
    let page = unknown.get(&world, "/account");
    let params = PageForm::of(&page).filled_in(&[], Some("sign-out")).with("do", "change:everything");
    assert_eq!(unknown.post(&world, "/account", &params).status, StatusCode::BAD_REQUEST);
}

/// LG-03: a pause is told as 429, and when to come back.
#[test]
fn pause_is_told_with_its_length() {
    let world = World::public();
    let browser = Browser::default();
    let page = browser.get(&world, "/account");
    world.people.retry_after.set(Some(64));
    let paused = browser.post_page(&world, &page, &[("email", ALICE), ("password", "bad")], None);
    assert_eq!(paused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&paused, "retry-after"), "64");
    assert_eq!(PageForm::of(&paused).action, "/sign-in");
}

/// LG-05, LG-06: the identity component is told who has signed in at this browser before, which the browser
/// cannot make up, and the address that the host has seen.
#[test]
fn identity_is_told_who_the_browser_knows() {
    let world = World::public();
    let browser = alice(&world);
    sign_out(&world, &browser, "sign-out");
    sign_in(&world, &browser, "bob@example.com");
    sign_out(&world, &browser, "sign-out");
    assert_eq!(world.people.told.borrow().known_subjects, [format!("subject of {ALICE}")]);
    let request = Request::get("/account")
        .with("spin-client-addr", "192.0.2.9:1")
        .with("spin-client-addr", "198.51.100.7:2");
    browser.send(&world, request);
    let both = ["subject of bob@example.com".to_owned(), format!("subject of {ALICE}")];
    assert_eq!(world.people.told.borrow().known_subjects, both);
    assert_eq!(world.people.told.borrow().client_address.as_deref(), Some("198.51.100.7:2"), "the last");
    let name = "__Host-postern-known";
    let known = browser.cookies.borrow()[name].clone();
    let session = browser.cookies.borrow().get("__Host-postern-browser").cloned().unwrap();
    for forged in [format!("{known}A"), session, "subject of alice@example.com".into(), String::new()] {
        browser.cookies.borrow_mut().insert(name.into(), forged);
        browser.get(&world, "/account");
        assert!(world.people.told.borrow().known_subjects.is_empty());
    }
}

/// The record says what was granted, also what is over, and is for the person alone.
#[test]
fn record_is_a_document_of_everything() {
    let world = World::public();
    let (client, other) = (world.client(), world.register(&["https://other.example/cb"]));
    let tokens = connect(&world, &client);
    connect(&world, &other);
    let browser = alice(&world);
    let first = revoke_buttons(&browser.get(&world, "/account")).remove(1);
    press(&world, &browser, &first);
    let record = browser.get(&world, "/account/record");
    assert_eq!(
        header(&record, "content-disposition"),
        "attachment; filename=\"connected-applications.json\""
    );
    assert_eq!(header(&record, "cache-control"), "no-store");
    assert_eq!(header(&record, "access-control-allow-origin"), "");
    let document = json(&record);
    assert_eq!(document["server"], world.issuer());
    assert_eq!(document["name"], ALICE);
    let of_client = &document["connections"][1];
    assert_eq!(of_client["client_id"], client.id.as_str());
    assert_eq!(of_client["redirect_uri"], "https://client.example/cb");
    assert_eq!(of_client["scopes"], serde_json::json!(["math:basic", "math:statistics"]));
    assert_eq!(of_client["status"], "revoked");
    assert_eq!(of_client["approved_at"], "2027-01-15T08:00:00Z");
    assert_eq!(document["connections"][0]["status"], "active");
    assert_eq!(document["connections"][0]["last_used_on"], "2027-01-15");
    let text = body_text(&record);
    assert!(!text.contains(&tokens.access) && !text.contains(&tokens.refresh) && !text.contains("challenge"));
    world.advance(40 * 86_400);
    assert_eq!(json(&alice(&world).get(&world, "/account/record"))["connections"][0]["status"], "expired");
}

/// Fifty connections make seven pages, none of them large.
#[test]
fn long_list_comes_in_pages() {
    let world = World::public();
    let client = world.client();
    for _ in 0..23 {
        connect(&world, &client);
    }
    let browser = alice(&world);
    let mut seen = Vec::new();
    for (query, count) in
        [("", 8), ("?page=2", 8), ("?page=3", 7), ("?page=9", 7), ("?page=0", 8), ("?page=x", 8)]
    {
        let page = browser.get(&world, &format!("/account{query}"));
        let buttons = revoke_buttons(&page);
        assert_eq!(buttons.len(), count, "{query}");
        assert!(page.body.len() < 20 * 1024, "{}", page.body.len());
        seen.extend(buttons.into_iter().filter(|_| !query.contains(['0', '9', 'x'])));
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 23);
}

/// BR-01: what clients and people call themselves is only text.
/// BR-02: nor can the pages be framed.
#[test]
fn names_are_only_text() {
    let world = World::public();
    let hostile = "\"><script>alert(1)</script>";
    let metadata =
        serde_json::json!({ "client_name": hostile, "redirect_uris": ["https://client.example/cb"] });
    let id = json(&world.send(Request::post_json("/register", &metadata)))["client_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let client = Client { id, redirect_uri: "https://client.example/cb".into() };
    let browser = Browser::default();
    let consent = browser.sign_in(&world, hostile, &client.request().encode());
    location(&browser.approve(&world, &consent, &["math:basic"]));
    let page = browser.get(&world, "/account");
    assert!(!body_text(&page).contains("<script"), "{}", body_text(&page));
    assert_eq!(body_text(&page).matches("alert(1)").count(), 2);
    let asked = browser.post_page(&world, &page, &[], Some(&revoke_buttons(&page)[0]));
    assert!(!body_text(&asked).contains("<script"), "{}", body_text(&asked));
    let done = confirm(&world, &browser, asked);
    assert!(!header(&done, "location").contains("alert") && header(&done, "location") == "/account");
    let told = browser.follow(&world, &done);
    assert!(!body_text(&told).contains("<script") && body_text(&told).contains("alert(1)"));
    let policy = header(&page, "content-security-policy");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self';"), "{policy}");
}

/// K-07: whichever operation fails, it is "try again", and what is said to be done is done.
#[test]
fn every_operation_may_fail() {
    for button in ["revoke", "revoke-all", "sign-out-everywhere"] {
        let mut failures = 0;
        for count in 0..30 {
            let world = World::public();
            let tokens = connect(&world, &world.client());
            let (browser, elsewhere) = (alice(&world), alice(&world));
            let page = browser.get(&world, "/account");
            let pressed =
                if button == "revoke" { revoke_buttons(&page).remove(0) } else { button.to_owned() };
            let asked = browser.post_page(&world, &page, &[], Some(&pressed));
            let params = PageForm::of(&asked).filled_in(&[], Some("confirm"));
            world.store.fail_after(count, Fault::Error);
            let reply = browser.post(&world, "/account", &params);
            world.store.heal();
            if reply.status == StatusCode::SERVICE_UNAVAILABLE {
                failures += 1;
                // S5: how far it got is not known, and not said.
                assert!(!body_text(&reply).contains("Nothing has been changed"), "{button} after {count}");
                continue;
            }
            assert_eq!(reply.status, StatusCode::SEE_OTHER, "{button} after {count}");
            assert_eq!(
                world.introspect(&tokens.access).is_some(),
                button == "sign-out-everywhere",
                "after {count}"
            );
            let is_out = PageForm::of(&elsewhere.get(&world, "/account")).action == "/sign-in";
            assert_eq!(is_out, button != "revoke");
        }
        assert!(failures > 1, "{button}");
    }
}

#[test]
fn other_methods_are_not_allowed() {
    let world = World::public();
    let browser = alice(&world);
    for (path, method, allow) in [
        ("/account", Method::DELETE, "GET, HEAD, POST"),
        ("/account/change", Method::GET, "POST"),
        ("/account/record", Method::POST, "GET, HEAD"),
    ] {
        let reply = browser.send(&world, Request::new(method, path));
        assert_eq!((reply.status, header(&reply, "allow")), (StatusCode::METHOD_NOT_ALLOWED, allow));
    }
}

/// A record from before there was an epoch of sign-ins is one whose sign-ins were never ended.
#[test]
fn older_records_have_never_ended_their_sign_ins() {
    let world = World::public();
    let browser = alice(&world);
    let key = user_key(&format!("subject of {ALICE}"));
    let user = world.user(ALICE);
    assert_eq!(user.sign_in_epoch, 0);
    assert!(!serde_json::to_string(&user).unwrap().contains("sign_in_epoch"), "and it is written as it was");
    block_on(world.records().create(&key, &user)).unwrap();
    assert_eq!(PageForm::of(&browser.get(&world, "/account")).action, "/account");
}

/// BR-07: nothing that comes in with a request says where the browser goes afterwards.
#[test]
fn no_parameter_says_where_to_go() {
    let world = World::public();
    let browser = Browser::default();
    let evil = "https://evil.example/";
    let names = ["return_to", "return-url", "next", "continue", "redirect_uri", "goal", "url"];
    let query: Vec<String> = names.iter().map(|name| format!("{name}={evil}")).collect();
    let page = browser.get(&world, &format!("/account?{}", query.join("&")));
    let stuffed =
        names.iter().fold(PageForm::of(&page).filled_in(&GOOD, None), |form, name| form.and(name, evil));
    let signed_in = browser.post(&world, "/sign-in", &stuffed);
    assert_eq!(header(&signed_in, "location"), "/account");
    for button in ["sign-out", "sign-out-everywhere", "revoke-all"] {
        connect(&world, &world.client());
        let browser = alice(&world);
        let page = browser.get(&world, &format!("/account?{}", query.join("&")));
        let stuff = |page: &Reply, button: &str| {
            let form = PageForm::of(page).filled_in(&[], Some(button));
            let stuffed = names.iter().fold(form, |form, name| form.and(name, evil));
            browser.post(&world, "/account", &stuffed)
        };
        let mut reply = stuff(&page, button);
        if reply.status == StatusCode::OK {
            reply = stuff(&reply, "confirm");
        }
        assert_eq!(header(&reply, "location"), "/account", "{button}");
    }
}

/// U9: the sign-in is over when a button is pressed: the person signs in and is where they were. What cannot be undone
/// is asked about, and nothing is done by the sign-in itself.
#[test]
fn person_goes_on_after_signing_in_again() {
    let tries =
        ["change:password", "sign-out-everywhere", "revoke-all", "revoke", "confirm", "record", "stale"];
    for button in tries {
        let world = World::public();
        world.people.can_change.set(true);
        connect(&world, &world.client());
        let grants = world.grants();
        let browser = alice(&world);
        let page = browser.get(&world, "/account");
        let revoke = revoke_buttons(&page).remove(0);
        let asked = browser.post_page(&world, &page, &[], Some(&revoke));
        press(&world, &alice(&world), "sign-out-everywhere");
        if button == "stale" {
            world.advance(3_600);
        }
        let pressed = match button {
            "record" => browser.get(&world, "/account/record"),
            "revoke" | "stale" => browser.post_page(&world, &page, &[], Some(&revoke)),
            "confirm" => browser.post_page(&world, &asked, &[], Some("confirm")),
            button => browser.post_page(&world, &page, &[], Some(button)),
        };
        let sign_in = browser.follow(&world, &pressed);
        assert_eq!(PageForm::of(&sign_in).action, "/sign-in", "{button}");
        let wrong = browser.post_page(&world, &sign_in, &[("email", ALICE), ("password", "bad")], None);
        let signed_in = browser.post_page(&world, &wrong, &GOOD, None);
        let mut there = browser.follow(&world, &signed_in);
        assert_eq!(world.grants(), grants, "{button}");
        let expected = match button {
            "change:password" => "action=\"/account/change\"",
            "sign-out-everywhere" => "Sign out everywhere?",
            "revoke-all" => "Disconnect 1 application?",
            "record" => {
                there = browser.follow(&world, &there);
                "\"made_at\""
            }
            _ => "Disconnect \u{201c}Inspector\u{201d}?",
        };
        assert!(body_text(&there).contains(expected), "{button}: {}", body_text(&there));
        // Once, and not again whenever the account is opened.
        assert_eq!(PageForm::of(&browser.get(&world, "/account")).action, "/account");
    }
}

/// U9: it goes on for the person who signed in, with what is theirs.
#[test]
fn another_person_goes_on_with_nothing() {
    let world = World::public();
    let tokens = connect(&world, &world.client());
    let browser = alice(&world);
    let page = browser.get(&world, "/account");
    let revoke = revoke_buttons(&page).remove(0);
    press(&world, &alice(&world), "sign-out-everywhere");
    let pressed = browser.post_page(&world, &page, &[], Some(&revoke));
    let sign_in = browser.follow(&world, &pressed);
    let signed_in =
        browser.post_page(&world, &sign_in, &[("email", "bob@example.com"), ("password", "good")], None);
    let there = browser.follow(&world, &signed_in);
    assert!(body_text(&there).contains("bob@example.com") && !body_text(&there).contains("Inspector"));
    assert!(world.introspect(&tokens.access).is_some());
}

/// U11: what cannot be undone is asked about, can be left, and is told afterwards.
#[test]
fn person_is_asked_before_and_told_after() {
    let cases = [
        ("revoke-all", "Disconnect 1 application?", "Every application is disconnected"),
        ("sign-out-everywhere", "Sign out everywhere?", "Every browser is signed out"),
        ("end", "Sign out Firefox on Linux?", "That browser is signed out."),
    ];
    for (button, question, word) in cases {
        let world = World::public();
        connect(&world, &world.client());
        let (browser, other) = (alice(&world), Browser::default());
        let sign_in = other.get(&world, "/account");
        let form = PageForm::of(&sign_in).filled_in(&GOOD, None);
        let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        other.send(&world, other.form_request("/sign-in", &form).with("user-agent", agent));
        let before = world.store.snapshot();
        let page = browser.get(&world, "/account");
        let ends = PageForm::of(&page).buttons.into_iter().map(|(_, value)| value);
        let end = ends.into_iter().find(|value| value.starts_with("end:")).unwrap();
        let pressed = if button == "end" { end } else { button.to_owned() };
        let asked = browser.post_page(&world, &page, &[], Some(&pressed));
        assert_eq!(asked.status, StatusCode::OK);
        let text = body_text(&asked);
        assert!(text.contains(question) && text.contains("href=\"/account\""), "{text}");
        assert_eq!(world.store.snapshot(), before, "{button}");
        let done = confirm(&world, &browser, asked);
        let told = browser.follow(&world, &done);
        assert!(body_text(&told).contains(word), "{button}: {}", body_text(&told));
        let is_out = PageForm::of(&other.get(&world, "/account")).action == "/sign-in";
        assert!(is_out, "{button}");
    }
}

/// U11: the word comes from us alone: a cookie that was made up, and one of another server, say nothing.
#[test]
fn nobody_else_puts_a_word_on_the_page() {
    let world = World::public();
    let browser = alice(&world);
    for forged in ["x", "{}", "AAAA"] {
        browser.cookies.borrow_mut().insert("__Secure-postern-flash".into(), forged.into());
        let page = browser.get(&world, "/account?notice=x&do=revoke-all");
        assert!(!body_text(&page).contains("role=\"status\""), "{}", body_text(&page));
        assert_eq!(PageForm::of(&page).action, "/account");
    }
}

/// U22: a person sees where they are signed in, and ends one of it.
#[test]
fn sign_ins_are_listed_and_ended_one_by_one() {
    let world = World::public();
    let (first, second, browser) = (alice(&world), alice(&world), alice(&world));
    let page = browser.get(&world, "/account");
    let ends = |page: &Reply| {
        let buttons = PageForm::of(page).buttons.into_iter().map(|(_, value)| value);
        buttons.filter(|value| value.starts_with("end:")).collect::<Vec<_>>()
    };
    assert_eq!(ends(&page).len(), 2, "{}", body_text(&page));
    assert_eq!(body_text(&page).matches("this browser").count(), 1);
    let asked = browser.post_page(&world, &page, &[], Some(&ends(&page)[0]));
    confirm(&world, &browser, asked);
    assert_eq!(ends(&browser.get(&world, "/account")).len(), 1);
    let is_in = |browser: &Browser| PageForm::of(&browser.get(&world, "/account")).action == "/account";
    assert_eq!((is_in(&first), is_in(&second), is_in(&browser)), (true, false, true), "the newest is first");
    // Somebody else's is not there to be ended.
    let mallory = Browser::default();
    let page = sign_in(&world, &mallory, "mallory@example.com");
    let params = PageForm::of(&page)
        .filled_in(&[], Some("sign-out"))
        .with("do", &ends(&browser.get(&world, "/account"))[0]);
    mallory.post(&world, "/account", &params);
    assert!(is_in(&first));
    for _ in 0..20 {
        alice(&world);
    }
    let page = browser.get(&world, "/account");
    assert!(body_text(&page).contains("Older sign-ins may be missing here."));
    assert!(is_in(&first), "and go on");
}

/// U3: one card for a client and an address, with what tells its connections apart.
#[test]
fn connections_of_one_application_share_a_card() {
    let world = World::public();
    let client = world.register(&["http://127.0.0.1/cb"]);
    let at = |port: u16| {
        let client = Client { redirect_uri: format!("http://127.0.0.1:{port}/cb"), ..client.clone() };
        world.advance(60);
        connect(&world, &client);
    };
    at(1_001);
    at(1_002);
    connect(&world, &world.client());
    let page = alice(&world).get(&world, "/account");
    let text = body_text(&page);
    assert_eq!(text.matches("<section class=\"card\"").count(), 2, "{text}");
    assert_eq!(revoke_buttons(&page).len(), 3);
    for part in [
        "15 Jan 2027, 08:01 UTC",
        "15 Jan 2027, 08:02 UTC",
        "127.0.0.1:1001",
        "127.0.0.1:1002",
        "<span class=\"soft\">2</span>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

/// U21: a long list is searched and sorted without a script, and says how many there are wherever it does.
#[test]
fn long_list_is_searched_and_sorted() {
    let world = World::public();
    let named = |name: &str, host: &str| {
        let uri = format!("https://{host}/cb");
        let metadata = serde_json::json!({ "client_name": name, "redirect_uris": [uri] });
        let document = json(&world.send(Request::post_json("/register", &metadata)));
        let client = Client { id: document["client_id"].as_str().unwrap().into(), redirect_uri: uri };
        world.advance(60);
        connect(&world, &client);
    };
    for index in (0..12).rev() {
        named(&format!("App {index:02}"), &format!("host{index}.example"));
    }
    let browser = alice(&world);
    let names = |target: &str| {
        let page = browser.get(&world, target);
        let text = body_text(&page).to_owned();
        assert!(text.contains("<span class=\"soft\">12</span>") && page.body.len() < 20 * 1024, "{target}");
        let names = text.split("<bdi>").skip(1).filter_map(|rest| rest.split("</bdi>").next());
        names.filter(|name| name.starts_with("App")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names("/account")[..2], ["App 00", "App 01"]);
    assert_eq!(names("/account?q=app+1"), ["App 10", "App 11"]);
    assert_eq!(names("/account?q=HOST7.ex"), ["App 07"]);
    assert_eq!(names("/account?q=nothing"), Vec::<String>::new());
    assert_eq!(names("/account?sort=name&page=2")[0], "App 08");
    assert_eq!(names("/account?sort=used")[0], "App 00");
    let page = browser.get(&world, "/account?q=%22%3E%3Cscript%3E&sort=x&page=x");
    assert!(!body_text(&page).contains("<script"));
    assert!(
        body_text(&browser.get(&world, "/account?q=a&sort=name")).contains("?q=a&#38;sort=name&#38;page=2"),
        "{}",
        body_text(&browser.get(&world, "/account?q=a&sort=name"))
    );
}

/// U8: the address of a form, opened by itself, says what to do; a program gets the status.
#[test]
fn address_of_a_form_has_a_page() {
    let world = World::public();
    let browser = alice(&world);
    for path in ["/sign-in", "/consent", "/account/change"] {
        let page = browser.get(&world, path);
        assert_eq!((page.status, header(&page, "allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"), "{path}");
        let text = body_text(&page);
        assert!(text.contains("Please begin again") && text.contains("href=\"/account\""), "{text}");
        let program = world.send(Request::get(path));
        assert_eq!((program.status, program.body.len()), (StatusCode::METHOD_NOT_ALLOWED, 0));
    }
}
