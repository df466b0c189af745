//! Browsers that are sent elsewhere to sign in, and what may come back from there.

use crate::support::{Browser, Client, PageForm, Request, World, body_text, header, location};
use http::StatusCode;
use oauth_core::ports::IdentityError;
use web_core::Reply;

const BACK: &str = "https://mcp.example.com/sign-in/callback/elsewhere";

/// A browser on its way.
struct Trip {
    world: World,
    client: Client,
    browser: Browser,
}

impl Trip {
    fn new() -> Self {
        let world = World::public();
        world.people.has_elsewhere.set(true);
        let client = world.client();
        Self { world, client, browser: Browser::default() }
    }

    fn page(&self) -> Reply {
        self.browser.get(&self.world, &format!("/authorize?{}", self.client.request().encode()))
    }

    /// Presses the button. Returns the token.
    fn leave(&self) -> String {
        let page = self.page();
        let reply = self.browser.post_page(&self.world, &page, &[], Some("elsewhere"));
        let (uri, params) = location(&reply);
        assert_eq!(uri, "https://id.example.com/authorize");
        assert_eq!(params["back"], BACK);
        params["state"].clone()
    }

    /// Comes back: a navigation that a foreign site began.
    fn come(&self, query: &str) -> Reply {
        self.browser.send(&self.world, Self::request("elsewhere", query))
    }

    fn request(place: &str, query: &str) -> Request {
        Request::get(&format!("/sign-in/callback/{place}?{query}"))
            .with("accept", "text/html")
            .with("sec-fetch-site", "cross-site")
            .with("sec-fetch-mode", "navigate")
    }
}

fn back(token: &str, rest: &str) -> String {
    let token: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
    format!("state={token}&{rest}")
}

#[track_caller]
fn assert_refused(reply: &Reply, status: StatusCode) {
    assert_eq!(reply.status, status, "{}", body_text(reply));
    assert_eq!(header(reply, "content-type"), "text/html; charset=utf-8");
    let mut cookies = reply.headers.get_all("set-cookie").iter();
    assert!(cookies.all(|line| !line.to_str().unwrap().contains("session")), "nobody is signed in");
}

/// FD-02, MCP-S-61: what comes back from elsewhere is a sign-in, and never consent.
#[test]
fn person_who_signed_in_elsewhere_is_asked_for_consent() {
    let trip = Trip::new();
    let token = trip.leave();
    assert!(trip.world.store.is_empty(), "nothing is stored before sign-in");
    let answered = trip.come(&back(&token, "code=alice&iss=x"));
    let came = trip.world.people.came_back.take();
    assert_eq!(came[0].0, BACK);
    assert!(came[0].1.contains(&("iss".into(), "x".into())), "{came:?}");
    assert!(!trip.browser.cookies.borrow().keys().any(|name| name.contains("away")), "and it is taken back");
    let consent = trip.browser.follow(&trip.world, &answered);
    assert_eq!(PageForm::of(&consent).action, "/consent");
    assert!(body_text(&consent).contains("alice from elsewhere"));
    let (uri, params) = location(&trip.browser.approve(&trip.world, &consent, &["math:basic"]));
    assert_eq!(uri, trip.client.redirect_uri);
    assert!(params.contains_key("code"));
    assert_eq!(trip.world.grant().subject, "subject of alice");
}

/// The page's policy lets its form lead elsewhere, where there is an elsewhere.
#[test]
fn policy_names_where_the_form_leads() {
    let trip = Trip::new();
    let policy = |reply: &Reply| header(reply, "content-security-policy").to_owned();
    assert!(!policy(&trip.page()).contains("form-action"), "{}", policy(&trip.page()));
    trip.world.people.has_elsewhere.set(false);
    assert!(policy(&trip.page()).contains("form-action 'self';"));
}

/// FD-01: the cookie is sealed, goes to the sign-in's own paths only, and is seen by no script.
#[test]
fn cookie_tells_nothing() {
    let trip = Trip::new();
    let page = trip.page();
    let reply = trip.browser.post_page(&trip.world, &page, &[], Some("elsewhere"));
    let lines: Vec<_> =
        reply.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned()).collect();
    let away = lines.iter().find(|line| line.starts_with("__Secure-postern-away-0=")).unwrap();
    for attribute in ["; Path=/sign-in;", "; Max-Age=600;", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
        assert!(away.contains(attribute), "{away}");
    }
    assert!(away.len() < 4096 && !away.contains("return") && !away.contains("client.example"));
    assert_eq!(header(&reply, "referrer-policy"), "no-referrer");
}

/// FD-01, MCP-S-62.
#[test]
fn browser_comes_back_with_its_own_token_once_and_in_time() {
    // Without, with a foreign one, with two.
    for query in ["code=alice", "state=&code=alice", "state=return+token+0000000&code=alice"] {
        let trip = Trip::new();
        trip.leave();
        assert_refused(&trip.come(query), StatusCode::BAD_REQUEST);
        assert!(trip.world.people.came_back.take().is_empty(), "{query}: nobody is asked");
    }
    let trip = Trip::new();
    let token = trip.leave();
    let twice = format!("{}&{}", back(&token, "code=alice"), back(&token, ""));
    assert_refused(&trip.come(&twice), StatusCode::BAD_REQUEST);
    // Replayed.
    assert_eq!(trip.come(&back(&token, "code=alice")).status, StatusCode::SEE_OTHER);
    assert_refused(&trip.come(&back(&token, "code=alice")), StatusCode::BAD_REQUEST);
    // In another browser, which has been sent away itself.
    let victim = Trip::new();
    victim.leave();
    let attacker = Browser::default();
    let page = attacker.get(&victim.world, &format!("/authorize?{}", victim.client.request().encode()));
    let (_, params) = location(&attacker.post_page(&victim.world, &page, &[], Some("elsewhere")));
    assert_refused(&victim.come(&back(&params["state"], "code=mallory")), StatusCode::BAD_REQUEST);
    // With the attacker's cookie planted, but not the browser's own.
    let planted: Vec<_> = attacker.cookies.borrow().clone().into_iter().collect();
    for (name, value) in planted.into_iter().filter(|(name, _)| name.contains("away")) {
        victim.browser.cookies.borrow_mut().insert(name, value);
    }
    assert_refused(&victim.come(&back(&params["state"], "code=mallory")), StatusCode::FORBIDDEN);
    // Too late.
    let trip = Trip::new();
    let token = trip.leave();
    trip.world.advance(600);
    assert_refused(&trip.come(&back(&token, "code=alice")), StatusCode::BAD_REQUEST);
}

/// FD-03: what comes back to another place's address is judged as that.
#[test]
fn each_place_has_an_address_of_its_own() {
    let trip = Trip::new();
    let token = trip.leave();
    let request = Trip::request("another", &back(&token, "code=alice"));
    assert_refused(&trip.browser.send(&trip.world, request), StatusCode::BAD_REQUEST);
    for place in ["/", "A", "a/b", "a%2fb", "a.b", &"a".repeat(33)] {
        let request = Trip::request(place, &back(&token, "code=alice"));
        assert_eq!(trip.world.send(trip.browser.dress(request)).status, StatusCode::NOT_FOUND, "{place}");
    }
    let posted = Request::post_form("/sign-in/callback/elsewhere", &Default::default());
    assert_eq!(trip.world.send(posted).status, StatusCode::METHOD_NOT_ALLOWED);
}

/// Two applications at once: each tab comes back to its own request.
#[test]
fn tabs_do_not_disturb_each_other() {
    let trip = Trip::new();
    let tokens = [trip.leave(), trip.leave(), trip.leave()];
    for token in &tokens[..2] {
        assert_eq!(trip.come(&back(token, "code=alice")).status, StatusCode::SEE_OTHER);
    }
    // There is an end to it: the newest is always good.
    let trip = Trip::new();
    for _ in 0..10 {
        let token = trip.leave();
        assert!(trip.browser.cookies.borrow().len() <= 5);
        let newest = trip.browser.dress(Trip::request("elsewhere", &back(&token, "code=alice")));
        let reply = trip.world.send(newest);
        assert_eq!(reply.status, StatusCode::SEE_OTHER);
    }
}

/// FD-07: the client is told what became of it in words of ours.
#[test]
fn client_is_told_of_a_denial_and_of_a_failure() {
    for (failure, code) in
        [(IdentityError::Denied, "access_denied"), (IdentityError::Failed(None), "server_error")]
    {
        let trip = Trip::new();
        let token = trip.leave();
        *trip.world.people.failure.borrow_mut() = Some(failure);
        let reply = trip.come(&back(&token, "error=x&error_description=%3Cscript%3Esecret"));
        let (uri, params) = location(&reply);
        assert_eq!((uri, params["error"].as_str()), (trip.client.redirect_uri.clone(), code));
        assert_eq!(params["state"], "state of the client");
        assert!(!header(&reply, "location").contains("secret") && !params.contains_key("code"));
        assert!(!trip.browser.cookies.borrow().keys().any(|name| name.contains("away")));
    }
}

/// U14: the page of a provider that cannot be reached names it, and leads back to where one can try again.
#[test]
fn provider_that_fails_is_named_with_a_way_back() {
    let trip = Trip::new();
    let page = trip.page();
    *trip.world.people.failure.borrow_mut() = Some(IdentityError::Failed(Some("Field & Co".into())));
    let failed = trip.browser.post_page(&trip.world, &page, &[], Some("elsewhere"));
    assert_eq!(failed.status, StatusCode::BAD_GATEWAY);
    let html = body_text(&failed);
    assert!(html.contains("Field &#38; Co"), "{html}");
    let way_back = html.split_once("<a href=\"").unwrap().1.split_once('"').unwrap().0.replace("&#38;", "&");
    assert!(way_back.starts_with("/authorize?"), "{way_back}");
    assert_eq!(PageForm::of(&trip.browser.get(&trip.world, &way_back)).action, "/sign-in");
    let told = trip.world.people.told.borrow();
    assert_eq!(told.trace_id.len(), 32);
    // Back to one's own account, from there.
    drop(told);
    let page = trip.browser.get(&trip.world, "/account");
    *trip.world.people.failure.borrow_mut() = Some(IdentityError::Unproven);
    let unproven = trip.browser.post_page(&trip.world, &page, &[], Some("elsewhere"));
    assert!(body_text(&unproven).contains("<a href=\"/account\">"), "{}", body_text(&unproven));
}

/// Who is not let in from there is asked again, and can sign in another way.
#[test]
fn person_who_is_not_let_in_may_try_another_way() {
    let trip = Trip::new();
    let token = trip.leave();
    let page = trip.come(&back(&token, "x=y"));
    assert!(body_text(&page).contains("not let in from there"));
    let fill_in = [("email", "alice@example.com"), ("password", "good")];
    let answered = trip.browser.post_page(&trip.world, &page, &fill_in, None);
    assert_eq!(PageForm::of(&trip.browser.follow(&trip.world, &answered)).action, "/consent");
}

/// Rule 3: accounts that cannot be had are no judgement, and trying again may help.
#[test]
fn fault_keeps_the_way_back_open() {
    let trip = Trip::new();
    let token = trip.leave();
    *trip.world.people.failure.borrow_mut() = Some(IdentityError::Unavailable);
    assert_refused(&trip.come(&back(&token, "code=alice")), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(trip.come(&back(&token, "code=alice")).status, StatusCode::SEE_OTHER);
}

/// A request that is too large for a cookie is told so, and the person can sign in with a password.
#[test]
fn request_that_fits_no_cookie_is_refused() {
    let trip = Trip::new();
    let request = trip.client.request().with("state", &"s".repeat(4000));
    let page = trip.browser.get(&trip.world, &format!("/authorize?{}", request.encode()));
    let reply = trip.browser.post_page(&trip.world, &page, &[], Some("elsewhere"));
    assert_refused(&reply, StatusCode::PAYLOAD_TOO_LARGE);
    let fill_in = [("email", "alice@example.com"), ("password", "good")];
    assert_eq!(trip.browser.post_page(&trip.world, &page, &fill_in, None).status, StatusCode::SEE_OTHER);
}
