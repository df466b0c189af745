//! Attacks on the pages in the browser: rows AZ-24 to AZ-33 and BR of the threat list.

use crate::support::{
    Browser, Client, PageForm, Params, Request, Tokens, World, body_text, header, json, location,
};
use http::StatusCode;
use oauth_core::records::GrantState;
use serde_json::json;
use web_core::Reply;

const SIGN_IN: [(&str, &str); 2] = [("email", "alice@example.com"), ("password", "good")];

/// A consent page, and the browser that it is shown in.
fn consent(world: &World) -> (Browser, Reply) {
    let browser = Browser::default();
    let page = browser.sign_in(world, "alice@example.com", &world.client().request().encode());
    (browser, page)
}

fn approval(page: &Reply) -> Params {
    PageForm::of(page).filled_in(&[], Some("approve"))
}

#[track_caller]
fn assert_refused(world: &World, reply: &Reply, status: StatusCode) {
    assert_eq!(reply.status, status, "{}", body_text(reply));
    assert!(!reply.headers.contains_key("location"));
    assert!(world.grants().is_empty());
}

/// AZ-26, BR-10, LG-15: another site, or no site at all, posts our forms.
/// MCP-S-58.
#[test]
fn form_from_elsewhere_is_refused() {
    let world = World::public();
    let (browser, page) = consent(&world);
    let fresh = Browser::default();
    let sign_in = fresh.get(&world, &format!("/authorize?{}", world.client().request().encode()));
    let before = world.store.snapshot();
    for (browser, action, params) in [
        (&browser, "/consent", approval(&page)),
        (&fresh, "/sign-in", PageForm::of(&sign_in).filled_in(&SIGN_IN, None)),
    ] {
        let request = browser.form_request(action, &params).without("sec-fetch-site");
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "none"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://mcp.example.com"),
            ("origin", "https://mcp.example.com.evil.example"),
            ("x-nothing", "x"),
        ] {
            let reply = browser.send(&world, request.clone().with(name, value));
            assert_refused(&world, &reply, StatusCode::FORBIDDEN);
        }
        let both = request.with("sec-fetch-site", "cross-site").with("origin", "https://mcp.example.com");
        assert_refused(&world, &browser.send(&world, both), StatusCode::FORBIDDEN);
    }
    assert_eq!(world.store.snapshot(), before);
    assert_eq!(world.people.calls.get(), 3, "no password was tried");
    let old_browser = browser.form_request("/consent", &approval(&page)).without("sec-fetch-site");
    let old_browser = browser.send(&world, old_browser.with("origin", "https://mcp.example.com"));
    assert_eq!(old_browser.status, StatusCode::SEE_OTHER);
}

/// AZ-25, BR-13: a page that was made for the attacker is posted in the victim's browser, and the other
/// way round.
#[test]
fn page_of_another_browser_is_refused() {
    let world = World::public();
    let (_, page) = consent(&world);
    let victim = Browser::default();
    victim.sign_in(&world, "victim@example.com", &world.client().request().encode());
    assert_refused(&world, &victim.post(&world, "/consent", &approval(&page)), StatusCode::FORBIDDEN);
    let nobody = Browser::default();
    assert_refused(&world, &nobody.post(&world, "/consent", &approval(&page)), StatusCode::FORBIDDEN);
    let query = world.client().request().encode();
    let attacker = Browser::default();
    let sign_in = attacker.get(&world, &format!("/authorize?{query}"));
    for other in [Browser::default(), victim] {
        let reply = other.post_page(&world, &sign_in, &SIGN_IN, None);
        assert_refused(&world, &reply, StatusCode::FORBIDDEN);
        assert!(header(&reply, "set-cookie").is_empty(), "nobody is signed in");
    }
}

/// AZ-25, BR-09: whoever signs in at the same browser after somebody else does not decide on that one's pages.
#[test]
fn page_of_another_account_is_refused() {
    let world = World::public();
    let (browser, page) = consent(&world);
    let switched = browser.post_page(&world, &page, &[], Some("switch"));
    assert_refused(&world, &browser.post(&world, "/consent", &approval(&page)), StatusCode::FORBIDDEN);
    let sign_in = browser.follow(&world, &switched);
    let bob = [("email", "bob@example.com"), ("password", "good")];
    let anew = browser.follow(&world, &browser.post_page(&world, &sign_in, &bob, None));
    assert_refused(&world, &browser.post(&world, "/consent", &approval(&page)), StatusCode::FORBIDDEN);
    location(&browser.approve(&world, &anew, &["math:basic"]));
    assert_eq!(world.grant().subject, "subject of bob@example.com");
}

/// TK-29, K-06: the user signs out everywhere while a page is open.
#[test]
fn page_from_before_signing_out_everywhere_is_refused() {
    let world = World::public();
    let (browser, page) = consent(&world);
    world.raise_epoch("alice@example.com");
    assert_refused(&world, &browser.post(&world, "/consent", &approval(&page)), StatusCode::FORBIDDEN);
    let again = browser.get(&world, &format!("/authorize?{}", world.client().request().encode()));
    assert_eq!(PageForm::of(&again).action, "/sign-in");
}

/// AZ-27, I8: fields are added that name another client, user, scope or place, or the seal is changed.
#[test]
fn only_the_seal_says_what_is_approved() {
    let world = World::public();
    let (browser, page) = consent(&world);
    let good = approval(&page);
    let sealed = PageForm::of(&page).hidden("transaction").to_owned();
    for position in [0, 7, 45, sealed.len() / 2, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed
            .replace_range(position..=position, if &sealed[position..=position] == "A" { "B" } else { "A" });
        let reply = browser.post(&world, "/consent", &good.clone().with("transaction", &changed));
        assert_refused(&world, &reply, StatusCode::BAD_REQUEST);
    }
    for bad in [good.clone().without("transaction"), good.clone().and("transaction", &sealed)] {
        assert_refused(&world, &browser.post(&world, "/consent", &bad), StatusCode::BAD_REQUEST);
    }
    assert_refused(&world, &browser.post(&world, "/sign-in", &good), StatusCode::BAD_REQUEST);
    let other = world.register(&["https://evil.example/cb"]);
    let stuffed = good
        .and("client_id", &other.id)
        .and("redirect_uri", "https://evil.example/cb")
        .and("subject", "subject of victim@example.com")
        .and("resource", "https://evil.example/mcp")
        .and("code_challenge", "x");
    let (uri, _) = location(&browser.post(&world, "/consent", &stuffed));
    assert_eq!(uri, "https://client.example/cb");
    let grant = world.grant();
    assert_eq!(grant.subject, "subject of alice@example.com");
    assert_eq!(grant.redirect_uri, "https://client.example/cb");
    assert_eq!(grant.audience, ["https://mcp.example.com/mcp"]);
}

/// AZ-28, BR-14: a double click is one grant and one code; another decision on the same page is none.
#[test]
fn double_click_gets_the_same_answer() {
    let world = World::public();
    let (browser, page) = consent(&world);
    let first = browser.post(&world, "/consent", &approval(&page));
    world.advance(1);
    let second = browser.post(&world, "/consent", &approval(&page));
    assert_eq!(first, second);
    assert_eq!(world.grants().len(), 1);
    let fewer = PageForm::of(&page).ticked(&["math:basic"], "approve");
    let changed_mind = browser.post(&world, "/consent", &fewer);
    assert_eq!(changed_mind.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.grant().scopes, ["math:basic", "math:statistics"]);
}

/// AZ-28: the page is posted again when its code has been used, or has ended.
#[test]
fn used_page_is_stale() {
    for redeemed in [true, false] {
        let world = World::public();
        let (browser, page) = consent(&world);
        let (_, params) = location(&browser.post(&world, "/consent", &approval(&page)));
        if redeemed {
            Tokens::of(&world.send(world.client().redeem(&params["code"])));
        } else {
            world.advance(60);
        }
        let before = world.store.snapshot();
        let again = browser.post(&world, "/consent", &approval(&page));
        assert_eq!(again.status, StatusCode::BAD_REQUEST, "redeemed: {redeemed}");
        assert!(!again.headers.contains_key("location"));
        assert_eq!(world.store.snapshot(), before);
        assert_eq!(matches!(world.grant().state, GrantState::Active { .. }), redeemed);
    }
}

/// AZ-33: pages are left open for longer than ten minutes.
#[test]
fn open_page_goes_stale() {
    let world = World::public();
    let (browser, page) = consent(&world);
    let fresh = Browser::default();
    let sign_in = fresh.get(&world, &format!("/authorize?{}", world.client().request().encode()));
    world.advance(600);
    assert_refused(&world, &browser.post(&world, "/consent", &approval(&page)), StatusCode::BAD_REQUEST);
    let reply = fresh.post_page(&world, &sign_in, &SIGN_IN, None);
    assert_refused(&world, &reply, StatusCode::BAD_REQUEST);
    assert_eq!(world.people.calls.get(), 3, "no password was tried");
}

/// BR-08: a second cookie of the same name, from who knows where, makes both worthless.
#[test]
fn shadowed_cookies_count_as_none() {
    let world = World::local();
    let (browser, page) = consent(&world);
    let session = browser.cookies.borrow()["postern-session"].clone();
    let request = browser.form_request("/consent", &approval(&page));
    let shadowed = format!("postern-session={session}; postern-session={session}");
    assert_refused(&world, &world.send(request.with("cookie", &shadowed)), StatusCode::FORBIDDEN);
    let garbage = Request::get(&format!("/authorize?{}", world.client().request().encode()));
    let (page, operations) = world.count(|| world.send(garbage.with("cookie", "postern-session=garbage")));
    assert_eq!(PageForm::of(&page).action, "/sign-in");
    assert_eq!(operations.reads, 0);
}

/// BR-02, BR-03, BR-05, BR-06, BR-16, HT-13, HT-16: whatever the answer, no frame, no script, no
/// copy, no referrer, no cross-origin reader, and no redirect that posts a password onwards.
/// MCP-S-58.
/// MCP-S-59.
#[test]
fn every_page_has_the_headers() {
    let world = World::public();
    let (browser, consent) = consent(&world);
    let query = world.client().request().encode();
    let sign_in = Browser::default().get(&world, &format!("/authorize?{query}"));
    let error = browser.get(&world, "/authorize");
    let not_found = browser.get(&world, "/nothing");
    let home = browser.get(&world, "/");
    for page in [&consent, &sign_in, &error, &not_found, &home] {
        let policy = header(page, "content-security-policy");
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        // C1: only the page that sends people away says nothing about where its form leads.
        let leads_away = std::ptr::eq(page, &consent);
        assert_eq!(policy.contains("form-action 'self';"), !leads_away, "{policy}");
        assert_eq!(policy.contains("form-action"), !leads_away, "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"));
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("access-control-allow-origin", ""),
        ] {
            assert_eq!(header(page, name), value, "{name}");
        }
        // BR-04: links lead to applications and to pages of ours only, and what is in them is ours.
        let links: Vec<&str> = body_text(page).split("<a ").skip(1).collect();
        let expected =
            if std::ptr::eq(page, &home) { 3 } else { usize::from(std::ptr::eq(page, &not_found)) };
        assert_eq!(links.len(), expected, "{links:?}");
        assert!(links.iter().all(|link| {
            ["href=\"vscode:", "href=\"cursor:", "href=\"/account\"", "href=\"/\""]
                .iter()
                .any(|ours| link.contains(ours))
        }));
        assert!(!body_text(page).contains("<script"));
    }
    let approved = browser.post(&world, "/consent", &approval(&consent));
    assert_eq!(approved.status, StatusCode::SEE_OTHER, "never 307 or 308");
    assert_eq!(header(&approved, "referrer-policy"), "no-referrer");
    assert_eq!(header(&approved, "cache-control"), "no-store");
    assert_eq!(header(&approved, "access-control-allow-origin"), "");
}

/// BR-01: what somebody else wrote is on the page: hint, e-mail, and what was posted.
/// MCP-S-58.
#[test]
fn what_people_write_is_only_text() {
    let world = World::public();
    let hostile = "\"><script>alert(1)</script>";
    let browser = Browser::default();
    let query = world.client().request().and("login_hint", hostile).encode();
    let page = browser.get(&world, &format!("/authorize?{query}"));
    assert!(!body_text(&page).contains("<script"));
    let form = PageForm::of(&page);
    assert_eq!(form.inputs[1].1, hostile, "the hint is filled in");
    let again = browser.post_page(&world, &page, &[("email", hostile), ("password", "bad")], None);
    assert!(!body_text(&again).contains("<script"));
    let signed_in = browser.post_page(&world, &again, &[("email", hostile), ("password", "good")], None);
    let consent = browser.follow(&world, &signed_in);
    assert!(!body_text(&consent).contains("<script") && body_text(&consent).contains("alert(1)"));
}

/// BR-17: nothing is there for a password manager to fill in that the person does not see, and what is seen
/// says what it is.
#[test]
fn hidden_fields_are_not_for_passwords() {
    let world = World::public();
    let (_, consent) = consent(&world);
    let query = world.client().request().encode();
    let sign_in = Browser::default().get(&world, &format!("/authorize?{query}"));
    for page in [&consent, &sign_in] {
        let inputs = PageForm::of(page).inputs;
        let hidden: Vec<_> = inputs.iter().filter(|(.., kind)| kind == "hidden").collect();
        assert!(matches!(hidden[..], [(name, ..)] if name == "transaction"), "{hidden:?}");
        let html = body_text(page);
        let seen = html.matches("type=\"password\"").count() + html.matches("type=\"email\"").count();
        assert_eq!(html.matches("autocomplete=\"").count(), seen, "each says what it is for");
        assert!(!html.contains("hidden>") && !html.contains("tabindex"));
    }
}

/// AZ-30, BR-15: a client that calls itself what another is called is shown for what it is, and may still be
/// approved.
#[test]
fn consent_page_warns_of_names_that_are_not_the_clients() {
    let world = World::public();
    let page_for = |name: &str, uri: &str| {
        let metadata = json!({ "client_name": name, "redirect_uris": [uri] });
        let id = json(&world.send(Request::post_json("/register", &metadata)));
        let client = Client { id: id["client_id"].as_str().unwrap().into(), redirect_uri: uri.into() };
        let browser = Browser::default();
        let page = browser.sign_in(&world, "alice@example.com", &client.request().encode());
        (browser, page)
    };
    let (browser, page) = page_for("Cl\u{430}ude", "https://evil.example/cb");
    let html = body_text(&page);
    assert!(html.contains("Unverified") && html.contains("evil.example"), "{html}");
    assert!(html.contains("different alphabets") && html.contains("looks like “Claude”"), "{html}");
    // U20: Deny comes first, and is the coloured button.
    assert_eq!(PageForm::of(&page).buttons[1].1, "deny");
    assert!(
        html.contains("value=\"deny\" class=\"primary\"")
            && html.contains("value=\"approve\" class=\"armed\"")
    );
    location(&browser.approve(&world, &page, &["math:basic"]));
    for (name, uri) in
        [("Claude", "https://claude.ai/api/mcp/auth_callback"), ("Notes", "https://a.example/")]
    {
        let (_, page) = page_for(name, uri);
        assert!(!body_text(&page).contains("class=\"problem\""), "{name}");
        // U20: what is unusual is marked, and a known address says nothing of the name.
        let is_known = name == "Claude";
        assert_eq!(body_text(&page).contains("Unverified"), !is_known, "{name}");
        assert_eq!(body_text(&page).contains("Known address"), is_known, "{name}");
        assert_eq!(PageForm::of(&page).buttons[1].1, "approve");
    }
    let (_, page) = page_for("MCP Inspector", "http://localhost:6274/oauth/callback");
    assert!(body_text(&page).contains("On this computer") && !body_text(&page).contains("badge caution"));
}

/// The person is told a trace id that the answer's header has too; what the operator reads is in the log.
/// A program finds it in the header, and its document is as it was.
#[test]
fn error_page_has_a_trace_id() {
    let world = World::public();
    let page = Browser::default().get(&world, "/authorize?client_id=nobody&code=s3cret");
    let trace = header(&page, "x-trace-id");
    assert!(trace.len() == 32 && body_text(&page).contains(trace), "{trace}");
    assert_eq!(*world.logged.borrow(), ["refused: /authorize: unknown client"]);
    let program = Request::get("/authorize?client_id=nobody").with("accept", "application/json");
    let program = world.send(program);
    assert_eq!(header(&program, "x-trace-id").len(), 32);
    let members: Vec<String> = json(&program).as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["error", "error_description"]);
    let fine = Browser::default().get(&world, "/");
    assert_eq!(header(&fine, "x-trace-id"), "");
}

/// A registration that is older than the application's address is reset as one that is unknown.
#[test]
fn unregistered_address_says_how_to_register_anew() {
    let world = World::public();
    let client = world.register(&["http://localhost:3334/callback"]);
    let moved = client.request().with("redirect_uri", "http://localhost:3334/oauth/callback").encode();
    let page = Browser::default().get(&world, &format!("/authorize?{moved}"));
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(body_text(&page).contains(".mcp-auth"), "{}", body_text(&page));
    let stranger = client.request().with("redirect_uri", "https://evil.example/?x=%3Cscript").encode();
    let page = Browser::default().get(&world, &format!("/authorize?{stranger}"));
    assert!(!body_text(&page).contains("It looks like") && !body_text(&page).contains("evil"), "BR-18");
}
