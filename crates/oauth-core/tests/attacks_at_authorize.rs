//! Attacks on the authorization endpoint: rows AZ of the threat list.

use crate::support::{
    Browser, CHALLENGE, Client, PageForm, Params, Request, Tokens, VERIFIER, World, body_text, header, json,
    location, refusal,
};
use http::{Method, StatusCode};
use oauth_core::config::Tolerances;
use web_core::Reply;

/// Asks, as a browser would; whatever comes back, nothing may have been stored.
fn ask(world: &World, params: &Params) -> Reply {
    let before = world.store.snapshot();
    let reply =
        world.send(Request::get(&format!("/authorize?{}", params.encode())).with("accept", "text/html"));
    assert_eq!(world.store.snapshot(), before);
    reply
}

#[track_caller]
fn assert_shown_here(reply: &Reply, attack: &str) {
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{attack}");
    assert!(!reply.headers.contains_key("location"), "{attack}");
    assert!(header(reply, "content-type").starts_with("text/html"), "{attack}");
}

#[track_caller]
fn assert_sent_back(reply: &Reply, error: &str, attack: &str) {
    let (uri, params) = location(reply);
    assert_eq!(uri, "https://client.example/cb", "{attack}");
    assert_eq!(params["error"], error, "{attack}");
    assert_eq!(params["iss"], "https://mcp.example.com", "AZ-22: {attack}");
    assert!(!params.contains_key("code"), "{attack}");
}

/// AZ-01, RG-12: a client id that is missing, made up, changed, another deployment's, or given twice.
/// MCP-S-36.
#[test]
fn unknown_client_is_told_here_and_nowhere_else() {
    let world = World::public();
    let client = world.client();
    let mut changed = client.id.clone();
    changed.replace_range(40..41, if &changed[40..41] == "A" { "B" } else { "A" });
    let cut = &client.id[..client.id.len() - 4];
    let url = "https://client.example/metadata.json";
    for id in ["", "x", "postern_cl_", url, cut, changed.as_str(), &"A".repeat(5_000)] {
        assert_shown_here(&ask(&world, &client.request().with("client_id", id)), id);
    }
    assert_shown_here(&ask(&world, &client.request().without("client_id")), "missing");
    assert_shown_here(&ask(&world, &client.request().and("client_id", &client.id)), "repeated");
    let mut other = World::public();
    other.keys = store_core::Keyring::from_secret(&[8; 32]).unwrap();
    assert_shown_here(&ask(&other, &client.request()), "of another deployment");
}

/// AZ-01, BR-18: whose registration is unknown is guessed from the redirect URI, among fixed texts: the page
/// says how that application forgets it, repeats nothing of the request, and leads nowhere.
#[test]
fn stale_client_is_named_with_the_way_to_reset_it() {
    let world = World::public();
    for (redirect_uri, way) in [
        ("http://localhost:3334/oauth/callback", "~/.mcp-auth"),
        (
            "https://claude.ai/api/mcp/auth_callback",
            "It looks like Claude: in its settings, under Connectors",
        ),
        ("http://127.0.0.1:33418/", "Remove Dynamic Authentication Providers"),
        ("cursor://anysphere.cursor-mcp/oauth/callback", "It looks like Cursor"),
        ("https://client.example/cb?c0nspicuous", "In the application, remove this server and add it again."),
        ("javascript:c0nspicuous", "In the application, remove this server and add it again."),
    ] {
        let params = world.client().request().with("client_id", "gone").with("redirect_uri", redirect_uri);
        let reply = ask(&world, &params);
        assert_shown_here(&reply, redirect_uri);
        let page = body_text(&reply).replace("&#39;", "'");
        assert!(page.contains(way), "{redirect_uri}: {page}");
        assert!(!page.contains("c0nspicuous") && !page.contains("gone"), "{redirect_uri}");
        let program = Request::get(&format!("/authorize?{}", params.encode()));
        let program = world.send(program.with("accept", "application/json"));
        assert_eq!(refusal(&program), (400, "invalid_client".into()), "{redirect_uri}");
    }
}

/// AZ-02, AZ-04, AZ-05, AZ-06, AZ-07: redirect URIs that look like the registered one.
/// MCP-S-33, MCP-S-36.
#[test]
fn redirect_uri_must_be_the_registered_one() {
    let world = World::public();
    let client = world.register(&["https://client.example/cb", "http://localhost:3334/cb"]);
    for uri in [
        "https://client.example/cb/",
        "https://client.example/cb/more",
        "https://client.example/cb?x=1",
        "https://client.example/cb#x",
        "https://client.example/CB",
        "https://client.example/c%62",
        "https://client.example:443/cb",
        "https://CLIENT.example/cb",
        "https://client.example@evil.example/cb",
        "https://client.example.evil.example/cb",
        "https://client.example\\@evil.example/cb",
        "https://evil.example/cb",
        "http://client.example/cb",
        "https://client.example/cb\r\nset-cookie: a=b",
        "https://client.example/cb ",
        "http://127.0.0.1:3334/cb",
        "http://127.0.0.2:3334/cb",
        "http://localhost:3334/cb/../other",
        "http://localhost:3334/other",
        "https://localhost:3334/cb",
        "http://localhost:+80/cb",
        "http://localhost:080/cb",
        "http://localhost:0/cb",
        "http://localhost:/cb",
        "http://localhost:3334@evil.example/cb",
        "http://localhost.evil.example:3334/cb",
        "javascript:alert(1)",
        "",
    ] {
        assert_shown_here(&ask(&world, &client.request().with("redirect_uri", uri)), uri);
    }
    assert_shown_here(&ask(&world, &client.request().without("redirect_uri")), "AZ-03: two to choose from");
}

/// AZ-09, RFC 9700 section 4.11.2: an error is the bait, and the redirect to an unregistered URI the
/// catch.
#[test]
fn no_error_goes_to_an_unregistered_redirect_uri() {
    let world = World::public();
    let client = world.client();
    let evil = client.request().with("redirect_uri", "https://evil.example/");
    for (name, value) in [
        ("response_type", "token"),
        ("scope", "\""),
        ("code_challenge", ""),
        ("resource", "https://evil.example/mcp"),
        ("request_uri", "https://evil.example/r"),
        ("state", &"s".repeat(5_000)),
    ] {
        let reply = ask(&world, &evil.clone().with(name, value));
        assert_shown_here(&reply, name);
        assert!(!body_text(&reply).contains("evil.example"), "{name}");
    }
}

/// AZ-10, AZ-12, AZ-13, AZ-14, AZ-17, AZ-18, AZ-19, AZ-20: requests that ask for what is not offered, or
/// leave out what protects.
/// MCP-S-10, MCP-S-37, MCP-S-38, MCP-S-39, MCP-S-48.
#[test]
fn weak_requests_are_sent_back() {
    let mut world = World::public();
    let client = world.configured();
    for (name, value, error) in [
        ("response_type", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "id_token", "unsupported_response_type"),
        ("response_type", "code token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("response_mode", "form_post", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", VERIFIER.trim_end_matches('k'), "invalid_request"),
        ("code_challenge", &format!("{CHALLENGE}="), "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "s256", "invalid_request"),
        ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
        ("request_uri", "https://evil.example/r", "request_uri_not_supported"),
        ("resource", "https://evil.example/mcp", "invalid_target"),
        ("resource", "https://mcp.example.com/mcp#x", "invalid_target"),
        ("resource", "https://mcp.example.com/mcp/more", "invalid_target"),
        ("resource", "/mcp", "invalid_target"),
        ("scope", "math:basic \"", "invalid_scope"),
        ("scope", "math:basic\\", "invalid_scope"),
        ("scope", "m\u{e4}th", "invalid_scope"),
    ] {
        let reply = ask(&world, &client.request().with(name, value));
        assert_sent_back(&reply, error, &format!("{name}={value}"));
        assert_eq!(location(&reply).1["state"], "state of the client");
    }
    for name in ["response_type", "code_challenge", "code_challenge_method"] {
        assert_sent_back(&ask(&world, &client.request().without(name)), "invalid_request", name);
    }
}

/// AZ-15, RFC 6749 section 3.1: a second value, plain or in another encoding, for a check that reads
/// the other one.
/// MCP-S-65.
#[test]
fn repeated_parameters_are_refused() {
    let mut world = World::public();
    let client = world.configured();
    let query = client.request().encode();
    let get =
        |query: &str| world.send(Request::get(&format!("/authorize?{query}")).with("accept", "text/html"));
    for name in ["response_type", "code_challenge", "code_challenge_method", "scope", "state", "anything"] {
        let once = client.request().without(name).encode();
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for second in [name, &encoded] {
            let reply = get(&format!("{once}&{name}=a&{second}=a"));
            assert_sent_back(&reply, "invalid_request", name);
            assert_eq!(location(&reply).1.contains_key("state"), name != "state", "{name}");
        }
    }
    for name in ["client_id", "client%5Fid", "redirect_uri", "redirect%5furi"] {
        assert_shown_here(&get(&format!("{query}&{name}=https://client.example/cb")), name);
    }
    let twice = Request::post_form("/authorize", &client.request()).with("accept", "text/html");
    let both = Request { query: Some("scope=math:statistics".into()), ..twice };
    assert_shown_here(&world.send(both), "query against body");
}

/// AZ-16: unknown parameters change nothing and are not shown.
/// MCP-S-65.
#[test]
fn unknown_parameters_are_ignored() {
    let world = World::public();
    let client = world.client();
    let reply = ask(&world, &client.request().and("is_admin", "<img src=x>").and("max_age", "0"));
    assert_eq!(PageForm::of(&reply).action, "/sign-in");
    assert!(!body_text(&reply).contains("is_admin") && !body_text(&reply).contains("<img"));
}

/// AZ-21, HT-12: a state that breaks headers, pages, or memory.
#[test]
fn state_returns_as_it_came_or_not_at_all() {
    let mut world = World::public();
    let client = world.configured();
    let long = "s".repeat(4096);
    for state in [
        "a b+c%20d",
        "\r\nset-cookie: a=b",
        "<script>alert(1)</script>",
        "\u{e9}\u{1f600}",
        &long,
        "a&iss=evil",
    ] {
        let request = client.request().with("state", state).with("response_type", "token");
        let (_, params) = location(&ask(&world, &request));
        assert_eq!(params["state"], state);
        assert_eq!(params["iss"], "https://mcp.example.com");
    }
    let too_long = ask(&world, &client.request().with("state", &"s".repeat(4097)));
    assert_sent_back(&too_long, "invalid_request", "too long");
    assert!(!location(&too_long).1.contains_key("state"));
    for absent in [client.request().without("state"), client.request().with("state", "")] {
        let (_, params) = location(&ask(&world, &absent.with("response_type", "token")));
        assert!(!params.contains_key("state"));
    }
}

/// AZ-21: a posted request may have bytes in it that no URL has; they come back as they were sent.
#[test]
fn posted_request_survives_the_sign_in_whatever_is_in_it() {
    let world = World::public();
    let client = world.client();
    let rest = client.request().without("state").without("scope").encode();
    for state in ["one\r\ntwo", "one#two", "one two", "\u{e9}", "one?two"] {
        let browser = Browser::default();
        let request = Request::post_form("/authorize", &Params::default()).with("accept", "text/html");
        let page = browser.send(&world, request.with_body(format!("state={state}&{rest}&scope=math:basic")));
        let signed_in =
            browser.post_page(&world, &page, &[("email", "a@a.example"), ("password", "good")], None);
        let back = header(&signed_in, "location");
        assert!(back.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'), "{back}");
        let consent = browser.follow(&world, &signed_in);
        let (_, params) = location(&browser.approve(&world, &consent, &["math:basic"]));
        assert_eq!(params["state"], state);
    }
}

/// AZ-29: scopes are posted that the page did not offer.
#[test]
fn scopes_beyond_the_request_are_dropped() {
    let world = World::local();
    let client = world.client();
    let browser = Browser::default();
    let request = client.request().with("scope", "math:basic");
    let consent = browser.sign_in(&world, "alice@example.com", &request.encode());
    let form = PageForm::of(&consent).filled_in(&[], Some("approve"));
    let widened = form.and("scope", "math:statistics").and("scope", "admin");
    let (_, params) = location(&browser.post(&world, "/consent", &widened));
    assert_eq!(Tokens::of(&world.send(client.redeem(&params["code"]))).scope, "math:basic");
}

/// AZ-34, HT-07: other methods, and a method that is talked into being another.
#[test]
fn other_methods_are_refused_and_told_which_would_do() {
    let world = World::public();
    for (path, allow) in [
        ("/", "GET, HEAD"),
        ("/authorize", "GET, HEAD, POST"),
        ("/sign-in", "POST"),
        ("/consent", "POST"),
        ("/token", "POST, OPTIONS"),
        ("/register", "POST, OPTIONS"),
        ("/.well-known/oauth-authorization-server", "GET, HEAD, OPTIONS"),
    ] {
        for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::TRACE] {
            let request = Request::new(method, path).with("x-http-method-override", "POST");
            let reply = world.send(request);
            assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
            assert_eq!(header(&reply, "allow"), allow, "{path}");
        }
    }
    for path in ["/token", "/register", "/sign-in", "/consent"] {
        assert_eq!(world.send(Request::get(path)).status, StatusCode::METHOD_NOT_ALLOWED, "TK-38: {path}");
    }
}

/// DS-01, MP-02: a website makes its own name lead to the developer's machine (DNS rebinding).
#[test]
fn loopback_server_answers_to_its_own_names_only() {
    let world = World::local();
    let client = world.client();
    let authorize = format!("/authorize?{}", client.request().encode());
    for target in ["/", &authorize, "/token", "/register", "/.well-known/oauth-authorization-server"] {
        for authority in
            ["evil.example:3000", "evil.example", "127.0.0.1:3001", "localhost.evil.example:3000"]
        {
            let reply = world.send(Request::get(target).with_authority(authority));
            assert_eq!(reply.status, StatusCode::MISDIRECTED_REQUEST, "{target} {authority}");
            assert!(reply.body.is_empty());
        }
    }
    let page = world.send(Request::get(&authorize).with_authority("localhost:3000"));
    assert_eq!(page.status, StatusCode::OK);
    let public = World::public();
    let behind_a_proxy =
        Request::get("/.well-known/oauth-authorization-server").with_authority("evil.example");
    let spoofed = public.send(behind_a_proxy.with("x-forwarded-host", "evil.example"));
    assert_eq!(json(&spoofed)["issuer"], "https://mcp.example.com");
    assert!(!body_text(&spoofed).contains("evil"));
}

/// TK-31, BR-18: error descriptions are of the characters that RFC 6749 section 5.2 allows, and say
/// nothing that the client sent.
#[test]
fn program_is_told_fixed_texts() {
    let world = World::public();
    let client = world.client();
    for (name, value) in [("client_id", "c0nspicuous"), ("redirect_uri", "https://c0nspicuous.example/")] {
        let target = format!("/authorize?{}", client.request().with(name, value).encode());
        let reply = world.send(Request::get(&target).with("accept", "application/json"));
        assert_eq!(refusal(&reply).0, 400);
        assert!(!body_text(&reply).contains("c0nspicuous"));
    }
}

/// AZ-21, HT-10: whatever is long in a request is refused at once, and never after the user's approval.
#[test]
fn long_request_is_refused_at_once_or_carried_to_the_end() {
    let world = World::public();
    let uris: Vec<String> =
        (0..5).map(|index| format!("https://client.example/{}{index}", "x".repeat(450))).collect();
    let client = world.register(&uris.iter().map(String::as_str).collect::<Vec<_>>());
    let mut outcomes = Vec::new();
    for (name, value) in [
        ("state", "s".repeat(4096)),
        ("state", "{".repeat(4096)),
        ("state", "\u{e9}".repeat(2048)),
        ("state", "\u{1}".repeat(4000)),
        ("login_hint", "\u{1}".repeat(4000)),
        ("anything", "x".repeat(16 * 1024)),
        ("anything", "\u{1}".repeat(3_500)),
        ("scope", format!("math:basic {}", "x ".repeat(1_000))),
    ] {
        let request = client.request().with(name, &value);
        for is_posted in [false, true] {
            let browser = Browser::default();
            let asked = if is_posted {
                Request::post_form("/authorize", &request)
            } else {
                Request::get(&format!("/authorize?{}", request.encode()))
            };
            let page = browser.send(&world, asked.with("accept", "text/html"));
            outcomes.push(page.status);
            if page.status != StatusCode::OK {
                assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE, "{name}");
                continue;
            }
            let signed_in =
                browser.post_page(&world, &page, &[("email", "a@a.example"), ("password", "good")], None);
            let consent = browser.follow(&world, &signed_in);
            let (_, params) = location(&browser.approve(&world, &consent, &["math:basic"]));
            assert!(params.contains_key("code"));
            assert!(name != "state" || params["state"] == value);
        }
    }
    assert!(outcomes.contains(&StatusCode::OK) && outcomes.contains(&StatusCode::PAYLOAD_TOO_LARGE));
}

/// The tolerances of an authorization request, each with its line in the log; and each switched off.
#[test]
fn tolerances_are_logged_and_can_be_switched_off() {
    let client_request = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for (tolerance, (name, value), error) in [
        ("default_resource", client_request("resource", ""), "invalid_target"),
        ("origin_audience", client_request("resource", "https://mcp.example.com"), "invalid_target"),
        ("resource_spelling", client_request("resource", "https://mcp.example.com/mcp/"), "invalid_target"),
        ("undefined_parameters", client_request("max_age", "undefined"), "invalid_request"),
        ("undefined_parameters", client_request("prompt", "null"), "invalid_request"),
        ("unknown_scopes", client_request("scope", "openid math:basic"), "invalid_scope"),
    ] {
        let mut world = World::public();
        let request = world.configured().request().with("resource", "https://mcp.example.com/mcp");
        world.logged.borrow_mut().clear();
        ask(&world, &request);
        assert!(world.logged.borrow().is_empty(), "nothing to tolerate");
        let request = request.with(&name, &value);
        assert_eq!(PageForm::of(&ask(&world, &request)).action, "/sign-in", "{tolerance}");
        assert_eq!(*world.logged.borrow(), [format!("tolerance: {tolerance}")]);
        world.config.tolerances = Tolerances::parse(tolerance).unwrap();
        assert_sent_back(&ask(&world, &request), error, tolerance);
    }
}

/// The tolerance `json_answer`: without it, a program gets what a browser gets.
#[test]
fn json_answer_can_be_switched_off() {
    let mut world = World::public();
    let request = world.client().request();
    let program = |request: &Params| {
        Request::get(&format!("/authorize?{}", request.encode())).with("accept", "application/json")
    };
    assert_eq!(json(&world.send(program(&request)))["status"], "interaction_required");
    assert!(world.logged.borrow().contains(&"tolerance: json_answer".to_owned()));
    world.config.tolerances = Tolerances::parse("json_answer").unwrap();
    assert_eq!(PageForm::of(&world.send(program(&request))).action, "/sign-in");
    assert_shown_here(&world.send(program(&request.with("client_id", "x"))), "a page");
}

/// A request that fails, by a client whose redirect URI is good.
fn failing(client: &Client) -> Params {
    client.request().without("response_type")
}

/// S7, AZ-09, RFC 9700 section 4.11.2: a client that registered itself makes its request fail, so that a link to this
/// server leads wherever it likes.
#[test]
fn browser_is_sent_to_no_client_that_nobody_approved() {
    let world = World::public();
    let registered = world.register(&["https://bait.example/cb?a=1"]);
    let id = "https://client.example/metadata.json";
    let document = serde_json::json!({
        "client_id": id, "client_name": "Published", "redirect_uris": ["https://bait.example/cb?a=1"],
    });
    world.network.servers.serve(id, web_core::fetch::testing::Answer::json(document.to_string()));
    let published = Client { id: id.into(), ..registered.clone() };
    for client in [registered, published] {
        for request in [
            failing(&client),
            client.request().with("prompt", "none"),
            client.request().with("prompt", "none login"),
            client.request().with("response_type", "token"),
            client.request().with("scope", "\""),
            client.request().with("resource", "https://evil.example/"),
            client.request().without("code_challenge"),
            client.request().with("request", "x"),
        ] {
            world.logged.borrow_mut().clear();
            let reply = world
                .send(Request::get(&format!("/authorize?{}", request.encode())).with("accept", "text/html"));
            assert_shown_here(&reply, "an error");
            let page = body_text(&reply);
            assert!(page.contains("<strong class=\"address\">bait.example</strong>"), "{page}");
            assert!(page.contains("href=\"https://bait.example/cb?a=1&#38;error="), "{page}");
            assert_eq!(header(&reply, "cache-control"), "no-store");
            let log = world.logged.take();
            let refused = log.iter().filter(|line| line.starts_with("refused: /authorize: ")).count();
            assert_eq!(refused, 1, "{log:?}");
            let program = Request::get(&format!("/authorize?{}", request.encode()));
            assert_eq!(refusal(&world.send(program.with("accept", "application/json"))).0, 400);
        }
    }
    let mut world = World::public();
    let configured = world.configured();
    assert_sent_back(&ask(&world, &failing(&configured)), "invalid_request", "configured");
}

/// S7: a person who is signed in and has approved the client is sent back to it, until the approval is revoked, and
/// nobody else is.
#[test]
fn browser_is_sent_to_a_client_that_its_user_approved() {
    let world = World::public();
    let client = world.client();
    let other = world.register(&["https://client.example/other"]);
    let (alice, bob) = (Browser::default(), Browser::default());
    let consent = alice.sign_in(&world, "alice@example.com", &client.request().encode());
    bob.sign_in(&world, "bob@example.com", &client.request().encode());
    let target = |client: &Client| format!("/authorize?{}", failing(client).encode());
    assert_shown_here(&alice.get(&world, &target(&client)), "not yet");
    let (_, params) = location(&alice.approve(&world, &consent, &["math:basic"]));
    let tokens = Tokens::of(&world.send(client.redeem(&params["code"])));
    assert_sent_back(&alice.get(&world, &target(&client)), "invalid_request", "approved");
    assert_shown_here(&alice.get(&world, &target(&other)), "another client");
    assert_shown_here(&bob.get(&world, &target(&client)), "another person");
    assert_shown_here(&Browser::default().get(&world, &target(&client)), "nobody");
    let revocation = Params::of(&[("token", tokens.refresh.as_str()), ("client_id", client.id.as_str())]);
    assert_eq!(world.send(Request::post_form("/revoke", &revocation)).status, StatusCode::OK);
    assert_shown_here(&alice.get(&world, &target(&client)), "revoked");
}
