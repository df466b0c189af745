//! The consent page: what a slip of the hand does, two tabs, and where the answer leads.

use crate::support::{Browser, PageForm, Params, World, body_text, header, location};
use http::StatusCode;
use oauth_core::client::policy::KnownClients;
use web_core::Reply;

/// A consent page, and the browser that it is shown in.
fn consent(world: &World) -> (Browser, Reply) {
    let browser = Browser::default();
    let page = browser.sign_in(world, "alice@example.com", &world.client().request().encode());
    (browser, page)
}

/// The page again, with something to say, and nobody has been granted anything.
#[track_caller]
fn assert_shown_again(world: &World, reply: &Reply, words: &str) {
    assert_eq!(reply.status, StatusCode::OK, "{}", body_text(reply));
    assert_eq!(PageForm::of(reply).action, "/consent");
    let html = body_text(reply);
    assert!(html.contains("role=\"alert\"") && html.contains(words), "{html}");
    assert!(world.grants().is_empty());
}

/// U1, BR-12: browsers take the first button of a form for Enter in a check box (HTML section 4.10.21.2). The method
/// `dialog` does nothing outside a dialog; a browser that does not know it posts no decision.
#[test]
fn first_button_of_the_form_decides_nothing() {
    let world = World::public();
    let (browser, page) = consent(&world);
    let html = body_text(&page);
    let form = html.split_once("<form").unwrap().1;
    let buttons: Vec<&str> =
        form.split("<button ").skip(1).map(|tag| tag.split('>').next().unwrap()).collect();
    assert!(buttons[0].contains("formmethod=\"dialog\"") && !buttons[0].contains("name="), "{buttons:?}");
    assert!(!buttons[0].contains("disabled"), "browsers would take the next one: {buttons:?}");
    let entered = PageForm::of(&page).ticked(&["math:statistics"], "approve").without("decision");
    let again = browser.post(&world, "/consent", &entered.and("remember", "yes"));
    assert_shown_again(&world, &again, "Nothing is decided yet");
    assert_eq!(PageForm::of(&again).checkboxes(), ["math:statistics"], "what was ticked stays");
    let (_, answer) = location(&browser.approve(&world, &again, &["math:statistics"]));
    assert!(answer.contains_key("code"));
    let bad = PageForm::of(&again).filled_in(&[], Some("approve")).with("decision", "maybe");
    assert_eq!(browser.post(&world, "/consent", &bad).status, StatusCode::BAD_REQUEST);
}

/// U1, BR-12: a person's click or key press that comes too soon was meant for something else. A program's is not
/// one, and a clock that is behind the one that made the page proves nothing.
#[test]
fn nobody_approves_within_half_a_second_by_hand() {
    let world = World::public();
    world.millisecond.set(300);
    let (browser, page) = consent(&world);
    let by_hand = |page: &Reply, button: &str| {
        let form = browser.form_request("/consent", &PageForm::of(page).filled_in(&[], Some(button)));
        browser.send(&world, form.with("sec-fetch-user", "?1"))
    };
    world.millisecond.set(799);
    let again = by_hand(&page, "approve");
    assert_shown_again(&world, &again, "too soon");
    assert_eq!(PageForm::of(&again).checkboxes(), ["math:basic", "math:statistics"]);
    // The page that is shown again has its own half second, and both are one approval.
    world.advance(1);
    world.millisecond.set(298);
    assert_shown_again(&world, &by_hand(&again, "approve"), "too soon");
    world.millisecond.set(299);
    assert!(location(&by_hand(&again, "approve")).1.contains_key("code"));
    assert!(location(&by_hand(&page, "approve")).1.contains_key("code"));
    assert_eq!(world.grants().len(), 1);

    let world = World::public();
    let (browser, page) = consent(&world);
    let program = browser.post_page(&world, &page, &[], Some("approve"));
    assert!(location(&program).1.contains_key("code"));
    let (browser, page) = consent(&world);
    world.now.set(world.now.get() - 1);
    let form = browser.form_request("/consent", &PageForm::of(&page).filled_in(&[], Some("approve")));
    let behind = browser.send(&world, form.with("sec-fetch-user", "?1"));
    assert!(location(&behind).1.contains_key("code"));
}

/// Deny is never too soon.
#[test]
fn denial_is_never_too_soon() {
    let world = World::public();
    let (browser, page) = consent(&world);
    let form = browser.form_request("/consent", &PageForm::of(&page).filled_in(&[], Some("deny")));
    let denied = browser.send(&world, form.with("sec-fetch-user", "?1"));
    assert_eq!(location(&denied).1["error"], "access_denied");
}

/// U10: nothing ticked is neither a grant of nothing nor a denial.
#[test]
fn approving_none_of_the_scopes_stays_on_the_page() {
    let world = World::local();
    let (browser, page) = consent(&world);
    let again = browser.approve(&world, &page, &[]);
    assert_shown_again(&world, &again, "none of the permissions");
    assert!(PageForm::of(&again).checkboxes().is_empty(), "what was not ticked stays so");
    assert!(body_text(&again).contains("value=\"math:basic\""));
    let ticked = PageForm::of(&again).filled_in(&[], Some("approve")).and("scope", "math:basic");
    assert!(location(&browser.post(&world, "/consent", &ticked)).1.contains_key("code"));
    assert_eq!(world.grant().scopes, ["math:basic"]);
    // A request for no scope has none to tick.
    let denied = browser.post_page(&world, &page, &[], Some("deny"));
    assert_eq!(location(&denied).1["error"], "access_denied");
}

/// Two tabs of one browser, signed out: A's authorization request, and B's.
struct Tabs {
    world: World,
    browser: Browser,
    sign_ins: [Reply; 2],
}

impl Tabs {
    fn new() -> Self {
        let world = World::public();
        let browser = Browser::default();
        let open = |state: &str| {
            let request = world.client().request().with("state", state);
            browser.get(&world, &format!("/authorize?{}", request.encode()))
        };
        let sign_ins = [open("of A"), open("of B")];
        Self { world, browser, sign_ins }
    }

    fn sign_in(&self, tab: usize, email: &str) -> Reply {
        let answers = [("email", email), ("password", "good")];
        let answered = self.browser.post_page(&self.world, &self.sign_ins[tab], &answers, None);
        self.browser.follow(&self.world, &answered)
    }
}

/// C10: the same account keeps the page of the tab that it signed in at first.
#[test]
fn second_sign_in_of_the_same_account_keeps_the_first_page() {
    let tabs = Tabs::new();
    let [a, b] = [0, 1].map(|tab| tabs.sign_in(tab, "alice@example.com"));
    for (page, state) in [(&a, "of A"), (&b, "of B")] {
        let (_, answer) = location(&tabs.browser.approve(&tabs.world, page, &["math:basic"]));
        assert_eq!(answer["state"], state, "BR-13");
        assert!(answer.contains_key("code"));
    }
    assert_eq!(tabs.world.grants().len(), 2);
}

/// C10: another account gets a page with a button that begins A's request again.
#[test]
fn page_of_another_account_begins_again_with_a_button() {
    let tabs = Tabs::new();
    let a = tabs.sign_in(0, "alice@example.com");
    tabs.sign_in(1, "bob@example.com");
    let refused = tabs.browser.approve(&tabs.world, &a, &["math:basic"]);
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(tabs.world.grants().is_empty());
    let anew = begin_again(&tabs, &refused);
    assert!(body_text(&anew).contains("bob@example.com"));
    let (_, answer) = location(&tabs.browser.approve(&tabs.world, &anew, &["math:basic"]));
    assert_eq!(answer["state"], "of A");
    assert_eq!(tabs.world.grant().subject, "subject of bob@example.com");
    // Signed out meanwhile: the same button leads to the sign-in.
    tabs.browser.cookies.borrow_mut().clear();
    let page = begin_again(&tabs, &tabs.browser.approve(&tabs.world, &a, &["math:basic"]));
    assert_eq!(PageForm::of(&page).action, "/sign-in");
    // So does the one of a sign-in page that another browser is at.
    let page = begin_again(&tabs, &Browser::default().post_page(&tabs.world, &page, &[], None));
    assert_eq!(PageForm::of(&page).action, "/sign-in");
}

/// Presses the button of an error page. It leads away: the request may be answered at the client.
fn begin_again(tabs: &Tabs, refused: &Reply) -> Reply {
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!header(refused, "content-security-policy").contains("form-action"));
    let html = body_text(refused);
    assert!(html.contains("<form action=\"/authorize\">") && html.contains("Begin again"), "{html}");
    let inputs = html.split("<input type=\"hidden\" name=\"").skip(1);
    let params = inputs.fold(Params::default(), |params, input| {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        params.and(name, &rest.split('"').next().unwrap().replace("&#38;", "&"))
    });
    tabs.browser.get(&tabs.world, &format!("/authorize?{}", params.encode()))
}

/// C1: the browser follows wherever the client's own site leads it, also to a scheme of an application's.
#[test]
fn page_that_sends_people_away_does_not_say_where() {
    let mut world = World::public();
    let page = consent(&world).1;
    assert!(!header(&page, "content-security-policy").contains("form-action"));
    let sign_in = |world: &World| {
        let request = world.client().request().encode();
        let page = Browser::default().get(world, &format!("/authorize?{request}"));
        header(&page, "content-security-policy").to_owned()
    };
    assert!(sign_in(&world).contains("form-action 'self';"));
    // A remembered decision leads from the sign-in to the client.
    world.config.remembers_consent = true;
    assert!(!sign_in(&world).contains("form-action"));
}

/// U20: the operator's list takes the place of ours.
#[test]
fn known_addresses_are_the_operators_to_list() {
    let mut world = World::public();
    let badge = |world: &World| {
        let html = body_text(&consent(world).1).to_owned();
        ["Known address", "Unverified"].into_iter().find(|badge| html.contains(badge)).unwrap()
    };
    assert_eq!(badge(&world), "Unverified");
    world.config.clients.known = KnownClients::parse("client.example").unwrap();
    assert_eq!(badge(&world), "Known address");
}

/// U21: where an application asks for more than it has, the page says what is new; otherwise nothing is.
#[test]
fn new_scopes_are_marked_in_a_step_up() {
    let world = World::public();
    let client = world.client();
    let browser = Browser::default();
    let ask = |scope: &str| {
        let request = client.request().with("scope", scope).encode();
        browser.get(&world, &format!("/authorize?{request}"))
    };
    let marked = |page: &Reply| {
        let html = body_text(page);
        let is_marked =
            |scope: &str| html.contains(&format!("<code>{scope}</code> <strong class=\"badge\">New"));
        ["math:basic", "math:statistics"].into_iter().filter(|scope| is_marked(scope)).collect::<Vec<_>>()
    };
    let first = client.request().with("scope", "math:basic").encode();
    let first = browser.sign_in(&world, "alice@example.com", &first);
    assert!(marked(&first).is_empty());
    location(&browser.approve(&world, &first, &["math:basic"]));
    let more = ask("math:basic math:statistics");
    assert_eq!(marked(&more), ["math:statistics"]);
    // As it was, when the page is shown again.
    assert_eq!(marked(&browser.approve(&world, &more, &[])), ["math:statistics"]);
    assert!(marked(&ask("math:basic")).is_empty());
    // What is revoked is not held.
    world.raise_epoch("alice@example.com");
    let again = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    assert!(marked(&again).is_empty());
}

/// U22: a browser that is not to stay signed in gets a cookie without an age, and the session ends in time all the
/// same.
#[test]
fn browser_may_forget_the_sign_in_when_it_is_closed() {
    let world = World::public();
    let request = format!("/authorize?{}", world.client().request().encode());
    let session = |browser: &Browser, page: &Reply, answers: Params| {
        let reply = browser.post(&world, "/sign-in", &answers);
        let cookies =
            reply.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned());
        let cookie = cookies.into_iter().find(|line| line.contains("postern-session=")).unwrap();
        assert_eq!(PageForm::of(page).action, "/sign-in");
        cookie
    };
    let answers = [("email", "alice@example.com"), ("password", "good")];
    let browser = Browser::default();
    let page = browser.get(&world, &request);
    assert!(body_text(&page).contains("name=\"keep-signed-in\" value=\"yes\" checked"), "as it was");
    let kept = session(&browser, &page, PageForm::of(&page).filled_in(&answers, None));
    assert!(kept.contains("; Max-Age=43200;"), "{kept}");
    assert!(!world.people.answers.borrow().iter().any(|(name, _)| name == "keep-signed-in"));

    let browser = Browser::default();
    let page = browser.get(&world, &request);
    let unticked = PageForm::of(&page).filled_in(&answers, None).without("keep-signed-in");
    let wrong = browser.post(&world, "/sign-in", &unticked.clone().with("password", "bad"));
    assert!(body_text(&wrong).contains("name=\"keep-signed-in\" value=\"yes\">"), "what was said stays");
    let forgotten = session(&browser, &page, unticked);
    assert!(!forgotten.contains("Max-Age") && forgotten.contains("; HttpOnly; SameSite=Lax; Secure"));
    world.advance(12 * 60 * 60);
    assert_eq!(PageForm::of(&browser.get(&world, &request)).action, "/sign-in");
}

/// U21: the icon, and where password managers send people.
#[test]
fn icon_and_change_password_have_their_usual_addresses() {
    let world = World::public();
    let icon = Browser::default().get(&world, "/favicon.ico");
    assert_eq!(header(&icon, "content-type"), "image/svg+xml");
    assert!(body_text(&icon).starts_with("<svg ") && body_text(&icon).contains(">P</text>"));
    let change = Browser::default().get(&world, "/.well-known/change-password");
    assert_eq!((change.status, header(&change, "location")), (StatusCode::SEE_OTHER, "/account"));
}
