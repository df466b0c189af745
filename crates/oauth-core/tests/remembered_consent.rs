//! Remembered consent: what it stands for, and what it never does (AZ-24).

use crate::support::{
    Browser, Client, PageForm, Params, Request, Tokens, World, body_text, header, json, location, refusal,
};
use http::{Method, StatusCode};
use oauth_core::records::GrantState;
use serde_json::json;
use web_core::{Reply, fetch::testing::Answer};

const DAY: u64 = 24 * 60 * 60;

/// A server that offers to remember.
fn world() -> World {
    let mut world = World::public();
    world.config.remembers_consent = true;
    world
}

/// What a browser sends when the person, or a program of the person's, opens an address.
fn opened(request: &Params) -> Request {
    Request::get(&format!("/authorize?{}", request.encode()))
        .with("accept", "text/html")
        .with("sec-fetch-site", "none")
        .with("sec-fetch-mode", "navigate")
        .with("sec-fetch-dest", "document")
}

/// Signs in and approves these scopes, so that it is remembered.
fn approved(world: &World, client: &Client, scopes: &[&str]) -> (Browser, Tokens) {
    let browser = Browser::default();
    let consent = browser.sign_in(world, "alice@example.com", &client.request().encode());
    let form = PageForm::of(&consent).ticked(scopes, "approve").and("remember", "yes");
    let (_, params) = location(&browser.post(world, "/consent", &form));
    let tokens = Tokens::of(&world.send(client.redeem(&params["code"])));
    (browser, tokens)
}

const ALL: [&str; 2] = ["math:basic", "math:statistics"];

#[track_caller]
fn assert_asked(reply: &Reply, why: &str) {
    assert_eq!(reply.status, StatusCode::OK, "{why}: {}", body_text(reply));
    assert!(matches!(PageForm::of(reply).action.as_str(), "/consent" | "/sign-in"), "{why}");
}

/// The same request again, opened by the person: the answer is there, and it is a grant of its own.
#[test]
fn decision_stands_for_the_same_request() {
    let world = world();
    let client = world.client();
    let (browser, first) = approved(&world, &client, &ALL);
    world.advance(60);
    for request in [
        client.request(),
        client.request().with("state", "another"),
        client.request().with("prompt", "none"),
        client.request().with("max_age", "3600"),
    ] {
        let (uri, params) = location(&browser.send(&world, opened(&request)));
        assert_eq!(uri, client.redirect_uri);
        let tokens = Tokens::of(&world.send(client.redeem(&params["code"])));
        assert_eq!(tokens.scope, first.scope);
        world.advance(1);
    }
    assert_eq!(world.grants().len(), 5);
    assert!(world.introspect(&first.access).is_some());
}

/// AZ-24: without the operator's switch, or without the user's tick, everybody is asked every time.
#[test]
fn user_is_asked_every_time_unless_both_want_otherwise() {
    let mut world = world();
    let client = world.client();
    let browser = Browser::default();
    let consent = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    assert!(!PageForm::of(&consent).inputs.iter().any(|(name, ..)| name == "remember"), "it is not ticked");
    location(&browser.approve(&world, &consent, &ALL));
    assert_asked(&browser.send(&world, opened(&client.request())), "not ticked");

    world.config.remembers_consent = false;
    let (browser, _) = approved(&world, &client, &ALL);
    assert_asked(&browser.send(&world, opened(&client.request())), "not offered");
    assert!(!body_text(&consent_page(&world, &client)).contains("remember"));
    assert!(world.user("alice@example.com").grants.iter().all(|entry| entry.remembered.is_none()));

    world.config.remembers_consent = true;
    let (browser, _) = approved(&world, &client, &ALL);
    world.config.remembers_consent = false;
    assert_asked(&browser.send(&world, opened(&client.request())), "no longer offered");
}

fn consent_page(world: &World, client: &Client) -> Reply {
    Browser::default().sign_in(world, "alice@example.com", &client.request().encode())
}

/// AZ-24: a website chooses the client, the state and the challenge, and sends the person here. Nobody's
/// page counts as the person, nor does a browser that says nothing, looks ahead, or shows us in a frame.
#[test]
fn request_that_a_website_opened_is_asked_about() {
    let world = world();
    let client = world.client();
    let (browser, _) = approved(&world, &client, &ALL);
    let grants = world.grants().len();
    let good = opened(&client.request());
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", ""),
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-dest", "iframe"),
        ("sec-fetch-dest", "image"),
        ("sec-purpose", "prefetch;prerender"),
    ] {
        let request = good.clone().without(name).with(name, value);
        assert_asked(&browser.send(&world, request), &format!("{name}: {value}"));
    }
    for name in ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"] {
        assert_asked(&browser.send(&world, good.clone().without(name)), name);
    }
    let twice = good.clone().with("sec-fetch-site", "none");
    assert_asked(&browser.send(&world, twice), "said twice");
    let head = Request { method: Method::HEAD, ..good.clone() };
    assert_asked(&browser.send(&world, head), "HEAD changes nothing");
    let posted = Request::post_form("/authorize", &client.request()).with("accept", "text/html");
    let posted = posted.with("sec-fetch-site", "none").with("sec-fetch-mode", "navigate");
    assert_asked(&browser.send(&world, posted.with("sec-fetch-dest", "document")), "POST");
    assert_eq!(world.grants().len(), grants);
    location(&browser.send(&world, good));
}

/// AZ-24: the website sends the person here while nobody is signed in. Signing in comes from our own page,
/// and does not make the request the person's own; nor does signing in as somebody else.
#[test]
fn signing_in_does_not_launder_a_websites_request() {
    let world = world();
    let client = world.client();
    approved(&world, &client, &ALL);
    let sign_in = [("email", "alice@example.com"), ("password", "good")];
    for (site, is_asked) in [("cross-site", true), ("same-origin", true), ("none", false)] {
        let browser = Browser::default();
        let request = opened(&client.request()).without("sec-fetch-site").with("sec-fetch-site", site);
        let page = browser.send(&world, request);
        let answered = browser.post_page(&world, &page, &sign_in, None);
        let back = Request::get(answered.headers["location"].to_str().unwrap())
            .with("accept", "text/html")
            .with("sec-fetch-site", "same-origin")
            .with("sec-fetch-mode", "navigate")
            .with("sec-fetch-dest", "document");
        let reply = browser.send(&world, back.clone());
        assert_eq!(reply.status == StatusCode::OK, is_asked, "{site}");
        if is_asked {
            let switched = browser.post_page(&world, &reply, &[], Some("switch"));
            assert_eq!(switched.status, StatusCode::SEE_OTHER);
            let page = browser.send(&world, back.clone());
            browser.post_page(&world, &page, &sign_in, None);
            assert_asked(&browser.send(&world, back), "after switching");
        }
    }
}

/// BR-03: browsers hold the redirects of a form to the policy of its page. Where a decision may stand, the
/// sign-in page leads to the client; otherwise it leads nowhere but here.
#[test]
fn sign_in_page_may_lead_to_the_client_only_where_that_happens() {
    let mut world = world();
    let client = world.client();
    let policy = |world: &World| {
        let page = Browser::default().send(world, opened(&client.request()));
        header(&page, "content-security-policy").to_owned()
    };
    assert!(!policy(&world).contains("form-action"));
    world.config.remembers_consent = false;
    assert!(policy(&world).contains("form-action 'self';"));
}

/// AZ-24: with `prompt=none` nothing is asked of the person, and nothing given to the website either.
#[test]
fn website_gets_an_error_where_it_forbids_asking() {
    let world = world();
    let client = world.client();
    let (browser, _) = approved(&world, &client, &ALL);
    let silent = client.request().with("prompt", "none");
    let foreign = opened(&silent).without("sec-fetch-site").with("sec-fetch-site", "cross-site");
    let (_, params) = location(&browser.send(&world, foreign));
    assert_eq!(params["error"], "interaction_required");
    assert!(!params.contains_key("code"));
    let more = silent.with("resource", "https://mcp.example.com");
    assert_eq!(location(&browser.send(&world, opened(&more))).1["error"], "consent_required");
}

/// AZ-24: another redirect host, path or port, other scopes, another resource, another client or another
/// user: each is another question.
#[test]
fn any_change_is_asked_about() {
    let world = world();
    let uris = ["https://client.example/cb", "https://client.example/other", "http://localhost:3334/cb"];
    let client = world.register(&uris);
    let (browser, _) = approved(&world, &client, &ALL);
    for (name, value) in [
        ("redirect_uri", uris[1]),
        ("redirect_uri", uris[2]),
        ("scope", "math:basic"),
        ("scope", ""),
        ("resource", "https://mcp.example.com"),
        ("prompt", "consent"),
        ("prompt", "select_account"),
        ("prompt", "login"),
        ("max_age", "0"),
        ("client_id", &world.register(&[uris[0]]).id),
    ] {
        let request = client.request().with(name, value);
        assert_asked(&browser.send(&world, opened(&request)), &format!("{name}={value}"));
    }
    let metadata = json!({ "client_name": "Claude", "redirect_uris": uris });
    let renamed = json(&world.send(Request::post_json("/register", &metadata)));
    let request = client.request().with("client_id", renamed["client_id"].as_str().unwrap());
    assert_asked(&browser.send(&world, opened(&request)), "another name");
    let bob = Browser::default();
    bob.sign_in(&world, "bob@example.com", &client.request().with("state", "x").encode());
    assert_asked(&bob.send(&world, opened(&client.request())), "another user");
    location(&browser.send(&world, opened(&client.request())));
}

/// AZ-24: a loopback port is anybody's, so a decision for one port is none for another.
#[test]
fn loopback_port_is_part_of_the_decision() {
    let world = world();
    let client = world.register(&["http://localhost:3334/cb"]);
    let (browser, _) = approved(&world, &client, &ALL);
    let other = client.request().with("redirect_uri", "http://localhost:4444/cb");
    assert_asked(&browser.send(&world, opened(&other)), "another program may listen there");
    location(&browser.send(&world, opened(&client.request())));
}

/// AZ-24, AZ-29: what was unticked was not granted, and the question for all of it is another.
#[test]
fn narrowed_decision_stands_for_what_was_granted() {
    let world = world();
    let client = world.client();
    let (browser, tokens) = approved(&world, &client, &["math:basic"]);
    assert_eq!(tokens.scope, "math:basic");
    assert_asked(&browser.send(&world, opened(&client.request())), "more than was granted");
    let less = client.request().with("scope", "math:basic");
    let (_, params) = location(&browser.send(&world, opened(&less)));
    assert_eq!(Tokens::of(&world.send(client.redeem(&params["code"]))).scope, "math:basic");
}

/// A way for a grant to end.
type End = dyn Fn(&World, &Client, &Tokens);

/// It ends with the grant that it made: given back, replayed, or signed out everywhere. AZ-32: and what is
/// denied is not remembered.
#[test]
fn revoking_the_grant_is_forgetting_the_decision() {
    let revoke = |world: &World, client: &Client, tokens: &Tokens| {
        let params = Params::of(&[("client_id", &client.id), ("token", &tokens.access)]);
        world.send(Request::post_form("/revoke", &params));
    };
    let replay = |world: &World, client: &Client, tokens: &Tokens| {
        Tokens::of(&world.send(client.refresh(&tokens.refresh)));
        world.advance(60);
        assert_eq!(refusal(&world.send(client.refresh(&tokens.refresh))).0, 400);
    };
    let sign_out = |world: &World, _: &Client, _: &Tokens| world.raise_epoch("alice@example.com");
    let ends: [(&str, &End); 3] = [("revoked", &revoke), ("replayed", &replay), ("signed out", &sign_out)];
    for (how, end) in ends {
        let world = world();
        let client = world.client();
        let (browser, tokens) = approved(&world, &client, &ALL);
        end(&world, &client, &tokens);
        assert_asked(&browser.send(&world, opened(&client.request())), how);
    }
    let world = world();
    let client = world.client();
    let browser = Browser::default();
    let consent = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    let denial = PageForm::of(&consent).filled_in(&[], Some("deny")).and("remember", "yes");
    assert_eq!(location(&browser.post(&world, "/consent", &denial)).1["error"], "access_denied");
    assert_asked(&browser.send(&world, opened(&client.request())), "denied");
    assert!(world.grants().is_empty());
}

/// TK-27: the decision stands for as long as its grant could, and nothing that it made lives longer.
#[test]
fn remembered_decision_does_not_renew_itself() {
    let mut world = world();
    world.config.lifetimes.browser_session = std::time::Duration::from_secs(40 * DAY);
    let client = world.client();
    let (browser, mut tokens) = approved(&world, &client, &ALL);
    for _ in 0..2 {
        world.advance(13 * DAY);
        let (_, params) = location(&browser.send(&world, opened(&client.request())));
        tokens = Tokens::of(&world.send(client.redeem(&params["code"])));
    }
    world.advance(4 * DAY - 60);
    let last = Tokens::of(&world.send(client.refresh(&tokens.refresh)));
    assert_eq!(last.expires_in, 60, "thirty days after the user's decision");
    world.advance(60);
    assert_asked(&browser.send(&world, opened(&client.request())), "thirty days are over");
    assert_eq!(refusal(&world.send(client.refresh(&last.refresh))).0, 400);
}

/// D8, I6: it is part of the user's record, which has room for so many grants and no more.
#[test]
fn memory_is_bounded_by_the_grants() {
    let world = world();
    let client = world.client();
    let (browser, _) = approved(&world, &client, &ALL);
    for _ in 0..60 {
        world.advance(1);
        let (_, params) = location(&browser.send(&world, opened(&client.request())));
        Tokens::of(&world.send(client.redeem(&params["code"])));
    }
    let user = world.user("alice@example.com");
    assert_eq!(user.grants.len(), oauth_core::approvals::CONNECTIONS_PER_USER);
    assert!(user.grants.iter().all(|entry| entry.remembered.is_some()));
    let live = world.grants().into_iter().filter(|(_, it)| matches!(it.state, GrantState::Active { .. }));
    assert_eq!(live.count(), oauth_core::approvals::CONNECTIONS_PER_USER);
}

/// K-07: while the store fails, nobody is sent anywhere; afterwards there is an answer, or the question
/// again. And the memory costs one read, where there is one.
#[test]
fn store_fault_is_no_decision() {
    let mut failed = 0;
    for count in 0..20 {
        let world = world();
        let client = world.client();
        let (browser, _) = approved(&world, &client, &ALL);
        world.store.fail_after(count, store_core::testing::Fault::Error);
        let reply = browser.send(&world, opened(&client.request()));
        world.store.heal();
        if reply.status == StatusCode::SEE_OTHER {
            break;
        }
        failed += 1;
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{count}");
        assert_eq!(world.grants().len(), 1, "{count}");
        let again = browser.send(&world, opened(&client.request()));
        assert!(matches!(again.status, StatusCode::SEE_OTHER | StatusCode::OK), "{count}");
    }
    assert!((3..20).contains(&failed), "{failed}");
    let world = world();
    let client = world.client();
    let (browser, _) = approved(&world, &client, &ALL);
    let other = client.request().with("scope", "math:basic");
    let (_, operations) = world.count(|| browser.send(&world, opened(&other)));
    // The user, and the connection that a new one would take the place of.
    assert_eq!((operations.reads, operations.writes), (2, 0));
}

/// AZ-24: a client that publishes who it is may say something else one day. That is another question, though
/// its id and its address are the same.
#[test]
fn changed_metadata_is_asked_about() {
    let world = world();
    let client = Client {
        id: "https://client.example/metadata.json".into(),
        redirect_uri: "https://client.example/cb".into(),
    };
    let publish = |name: &str, uris: &[&str]| {
        let document = json!({ "client_id": client.id, "client_name": name, "redirect_uris": uris });
        world.network.servers.serve(&client.id, Answer::json(document.to_string()));
        // Longer than a copy of the document is kept, and shorter than a browser stays signed in.
        world.advance(5 * 60 * 60);
    };
    publish("Published client", &[&client.redirect_uri]);
    let (browser, tokens) = approved(&world, &client, &ALL);
    Tokens::of(&world.send(client.refresh(&tokens.refresh)));
    location(&browser.send(&world, opened(&client.request())));
    publish("Another name", &[&client.redirect_uri]);
    assert_asked(&browser.send(&world, opened(&client.request())), "another name");
    publish("Published client", &[&client.redirect_uri, "https://client.example/other"]);
    assert_asked(&browser.send(&world, opened(&client.request())), "another redirect URI");
}
