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

fn press(world: &World, browser: &Browser, button: &str) -> Reply {
    let page = browser.get(world, "/account");
    browser.post_page(world, &page, &[], Some(button))
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
    let other = sign_in(&world, &stranger, "bob@example.com");
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
    let revoked = browser.post_page(&world, &page, &[], Some(&buttons[1]));
    assert_eq!(header(&revoked, "location"), "/account");
    assert!(world.introspect(&first.access).is_none() && world.introspect(&second.access).is_some());
    let refused = world.send(client.refresh(&first.refresh));
    assert_eq!(json(&refused)["error"], "invalid_grant");
    let left = browser.follow(&world, &revoked);
    assert_eq!(revoke_buttons(&left), buttons[..1]);
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
    let out = press(&world, &browser, "sign-out");
    assert_eq!(header(&out, "location"), "/");
    assert_eq!(PageForm::of(&browser.get(&world, "/account")).action, "/sign-in");
    assert_eq!(PageForm::of(&elsewhere.get(&world, "/account")).action, "/account");
    let stolen = elsewhere.clone();
    sign_in(&world, &browser, ALICE);
    press(&world, &browser, "sign-out-everywhere");
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
    let before = world.store.snapshot();
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
        let nobody = Browser::default().post(&world, "/account", &params);
        assert_eq!(nobody.status, StatusCode::FORBIDDEN);
    }
    world.advance(600);
    let late = browser.post_page(&world, &own, &[], Some("revoke-all"));
    assert_eq!(late.status, StatusCode::BAD_REQUEST, "AZ-33");
    assert_eq!(world.store.snapshot(), before);
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
    for other in [Browser::default(), alice(&world)] {
        assert_eq!(other.post(&world, "/account/change", &params).status, StatusCode::FORBIDDEN);
    }
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
    press(&world, &browser, "sign-out");
    sign_in(&world, &browser, "bob@example.com");
    press(&world, &browser, "sign-out");
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

/// Fifty applications make five pages, none of them large.
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
        [("", 10), ("?page=2", 10), ("?page=3", 3), ("?page=9", 3), ("?page=0", 10), ("?page=x", 10)]
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
            let params = PageForm::of(&page).filled_in(&[], Some(&pressed));
            world.store.fail_after(count, Fault::Error);
            let reply = browser.post(&world, "/account", &params);
            world.store.heal();
            if reply.status == StatusCode::SERVICE_UNAVAILABLE {
                failures += 1;
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
        let form = PageForm::of(&page).filled_in(&[], Some(button));
        let stuffed = names.iter().fold(form, |form, name| form.and(name, evil));
        let reply = browser.post(&world, "/account", &stuffed);
        assert!(["/", "/account"].contains(&header(&reply, "location")), "{button}");
    }
}
