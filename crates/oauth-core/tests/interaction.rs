//! What the client wants the user to be asked: `prompt`, `max_age` and `login_hint` (OpenID Connect Core
//! section 3.1.2.1).

use crate::support::{
    Browser, Client, PageForm, Params, Request, World, body_text, header, json, location, refusal,
};
use http::StatusCode;
use web_core::Reply;

const SIGN_IN: [(&str, &str); 2] = [("email", "alice@example.com"), ("password", "good")];

fn target(request: &Params) -> String {
    format!("/authorize?{}", request.encode())
}

/// A browser that alice is signed in at, because of an earlier request.
fn signed_in(world: &World, client: &Client) -> Browser {
    let browser = Browser::default();
    browser.sign_in(world, "alice@example.com", &client.request().with("state", "earlier").encode());
    browser
}

#[track_caller]
fn assert_page(reply: &Reply, action: &str) {
    assert_eq!(reply.status, StatusCode::OK, "{}", body_text(reply));
    assert_eq!(PageForm::of(reply).action, action);
}

#[track_caller]
fn assert_sent_back(reply: &Reply, error: &str) {
    let (uri, params) = location(reply);
    assert_eq!((uri.as_str(), params["error"].as_str()), ("https://client.example/cb", error));
    assert_eq!(params["iss"], "https://mcp.example.com", "AZ-22");
    assert_eq!(params["state"], "state of the client");
}

/// OpenID Connect Core section 3.1.2.6: with `none`, whatever would need a person is an error.
#[test]
fn nobody_is_asked_when_the_client_forbids_it() {
    let mut world = World::public();
    let client = world.configured();
    let silent = client.request().with("prompt", "none");
    assert_sent_back(&Browser::default().get(&world, &target(&silent)), "login_required");
    let browser = signed_in(&world, &client);
    assert_sent_back(&browser.get(&world, &target(&silent)), "consent_required");
    world.advance(60);
    let recent = silent.clone().with("max_age", "60");
    assert_sent_back(&browser.get(&world, &target(&recent)), "login_required");
    let older = silent.clone().with("max_age", "61");
    assert_sent_back(&browser.get(&world, &target(&older)), "consent_required");
    world.raise_epoch("alice@example.com");
    assert_sent_back(&browser.get(&world, &target(&silent)), "login_required");
    assert!(world.grants().is_empty());
    let program = Request::get(&target(&silent)).with("accept", "application/json");
    assert_eq!(refusal(&world.send(program)), (400, "login_required".into()));
}

/// `login` asks once: neither never nor again and again, and the request stays as it came.
#[test]
fn login_is_asked_for_once() {
    let world = World::public();
    let client = world.client();
    for prompt in ["login", "login consent"] {
        let browser = signed_in(&world, &client);
        let request = client.request().with("prompt", prompt);
        let page = browser.get(&world, &target(&request));
        assert_page(&page, "/sign-in");
        let refused = browser.post_page(&world, &page, &[("password", "bad")], None);
        assert_page(&refused, "/sign-in");
        let answered = browser.post_page(&world, &refused, &SIGN_IN, None);
        assert_eq!(header(&answered, "location"), target(&request));
        let consent = browser.follow(&world, &answered);
        assert_page(&consent, "/consent");
        assert_page(&browser.get(&world, &target(&request)), "/consent");
        location(&browser.approve(&world, &consent, &["math:basic"]));
    }
}

/// A sign-in counts for the request that it was made for, and for as long as a page is good.
#[test]
fn sign_in_for_one_request_is_none_for_another() {
    let world = World::public();
    let client = world.client();
    let browser = signed_in(&world, &client);
    let request = client.request().with("prompt", "login");
    let page = browser.get(&world, &target(&request));
    browser.follow(&world, &browser.post_page(&world, &page, &SIGN_IN, None));
    let other = request.clone().with("state", "another");
    assert_page(&browser.get(&world, &target(&other)), "/sign-in");
    world.advance(599);
    assert_page(&browser.get(&world, &target(&request)), "/consent");
    world.advance(1);
    assert_page(&browser.get(&world, &target(&request)), "/sign-in");
}

/// `max_age`: whoever signed in too long ago signs in again; 0 is as `login`.
#[test]
fn old_sign_in_is_made_anew() {
    let world = World::public();
    let client = world.client();
    let browser = signed_in(&world, &client);
    world.advance(100);
    for (max_age, action) in [("101", "/consent"), ("100", "/sign-in"), ("0", "/sign-in")] {
        let request = client.request().with("max_age", max_age);
        assert_page(&browser.get(&world, &target(&request)), action);
    }
    let request = client.request().with("max_age", "0");
    let page = browser.get(&world, &target(&request));
    world.advance(5);
    let consent = browser.follow(&world, &browser.post_page(&world, &page, &SIGN_IN, None));
    world.advance(5);
    assert_page(&consent, "/consent");
    location(&browser.approve(&world, &consent, &["math:basic"]));
}

/// `consent` and `select_account`: the consent page names the account, and lets the user take another.
#[test]
fn account_can_be_chosen_on_the_consent_page() {
    let world = World::public();
    let client = world.client();
    for prompt in ["consent", "select_account", "consent select_account"] {
        let browser = signed_in(&world, &client);
        let request = client.request().with("prompt", prompt).with("login_hint", "bob@example.com");
        let consent = browser.get(&world, &target(&request));
        assert_page(&consent, "/consent");
        assert!(body_text(&consent).contains("alice@example.com"));
        let page = browser.follow(&world, &browser.post_page(&world, &consent, &[], Some("switch")));
        assert_page(&page, "/sign-in");
        assert_eq!(PageForm::of(&page).inputs[1].1, "bob@example.com", "the hint is filled in");
        let bob = [("email", "bob@example.com"), ("password", "good")];
        let consent = browser.follow(&world, &browser.post_page(&world, &page, &bob, None));
        assert!(body_text(&consent).contains("bob@example.com"));
    }
}

/// `login_hint` is filled in and stays there when the password is wrong; it decides nothing.
#[test]
fn hint_is_filled_in_and_no_more() {
    let world = World::public();
    let client = world.client();
    let browser = Browser::default();
    let request = client.request().with("login_hint", "carol@example.com");
    let page = browser.get(&world, &target(&request));
    assert_eq!(PageForm::of(&page).inputs[1].1, "carol@example.com");
    let wrong = browser.post_page(&world, &page, &[("password", "bad")], None);
    assert_eq!(PageForm::of(&wrong).inputs[1].1, "carol@example.com");
    let consent = browser.follow(&world, &browser.post_page(&world, &wrong, &SIGN_IN, None));
    assert!(body_text(&consent).contains("alice@example.com"));
}

/// AZ-15: what cannot be meant is sent back.
#[test]
fn senseless_wishes_are_sent_back() {
    let mut world = World::public();
    let client = world.configured();
    for (name, value) in [
        ("prompt", "none login"),
        ("prompt", "none consent"),
        ("prompt", "create"),
        ("prompt", "LOGIN"),
        ("max_age", "-1"),
        ("max_age", "soon"),
    ] {
        let request = client.request().with(name, value);
        assert_sent_back(&Browser::default().get(&world, &target(&request)), "invalid_request");
    }
    let twice = client.request().with("prompt", "login").and("prompt", "none");
    assert_sent_back(&Browser::default().get(&world, &target(&twice)), "invalid_request");
}

/// DS-04.
#[test]
fn prompts_are_in_the_metadata() {
    let mut world = World::public();
    let client = world.configured();
    let document = json(&world.send(Request::get("/.well-known/oauth-authorization-server")));
    for prompt in document["prompt_values_supported"].as_array().unwrap() {
        let request = client.request().with("prompt", prompt.as_str().unwrap());
        let reply = Browser::default().get(&world, &target(&request));
        match prompt.as_str() {
            Some("none") => assert_sent_back(&reply, "login_required"),
            _ => assert_page(&reply, "/sign-in"),
        }
    }
}
