//! The authorization code flow as it should go (RFC 6749 section 4.1, OAuth 2.1, MCP authorization).

use crate::support::{
    Browser, PageForm, Params, Request, START, Tokens, World, body_text, header, json, location, refusal,
};
use http::{Method, StatusCode};
use oauth_core::ports::OfferedScope;
use web_core::Reply;

/// RFC 7591 section 3, RFC 6749 section 4.1, RFC 7636, RFC 9207: every step of it, and what is in the
/// answers.
/// MCP-S-08, MCP-S-44, MCP-S-46, MCP-S-57.
#[test]
fn a_newcomer_gets_in() {
    for world in [World::local(), World::public()] {
        let client = world.client();
        let browser = Browser::default();
        let sign_in = browser.get(&world, &format!("/authorize?{}", client.request().encode()));
        assert_eq!(sign_in.status, StatusCode::OK);
        let signed_in = browser.post_page(
            &world,
            &sign_in,
            &[("email", "alice@example.com"), ("password", "good")],
            None,
        );
        let consent = browser.follow(&world, &signed_in);
        assert!(body_text(&consent).contains("client.example"), "where the answer goes");
        assert!(body_text(&consent).contains("alice@example.com"), "who is asked");
        assert_eq!(PageForm::of(&consent).checkboxes(), ["math:basic", "math:statistics"]);
        let approved = browser.approve(&world, &consent, &["math:basic", "math:statistics"]);
        let (uri, params) = location(&approved);
        assert_eq!(uri, "https://client.example/cb");
        assert_eq!(params.keys().collect::<Vec<_>>(), ["code", "iss", "state"]);
        assert_eq!(params["state"], "state of the client");
        assert_eq!(params["iss"], world.issuer());
        let tokens = Tokens::of(&world.send(client.redeem(&params["code"])));
        assert_eq!(tokens.scope, "math:basic math:statistics");
        assert_eq!(tokens.expires_in, 900);
        let access = world.introspect(&tokens.access).unwrap();
        assert_eq!(access.subject, "subject of alice@example.com");
        assert_eq!(access.client_id, client.id);
        assert_eq!(access.scopes, ["math:basic", "math:statistics"]);
        assert_eq!(access.audience, [world.config.public_url.join("/mcp")]);
        assert_eq!(access.expires_at, START + 900);
    }
}

/// BR-08, RFC 6265bis section 4.1.3: on the internet, cookies that no sibling host can set; on a
/// developer's machine there is no https for them.
/// MCP-Z-08.
#[test]
fn cookies_are_as_strict_as_the_address_allows() {
    for (world, prefix, secure) in [(World::public(), "__Host-", true), (World::local(), "", false)] {
        let client = world.client();
        let browser = Browser::default();
        let page = browser.get(&world, &format!("/authorize?{}", client.request().encode()));
        let signed_in =
            browser.post_page(&world, &page, &[("email", "a@a.example"), ("password", "good")], None);
        let cookies = |reply: &Reply| -> Vec<String> {
            let lines = reply.headers.get_all("set-cookie").iter();
            lines.map(|line| line.to_str().unwrap().to_owned()).collect()
        };
        let [session, known] = cookies(&signed_in).try_into().unwrap();
        for (cookie, name) in [
            (cookies(&page).concat(), "postern-browser"),
            (session, "postern-session"),
            (known, "postern-known"),
        ] {
            assert!(cookie.starts_with(&format!("{prefix}{name}=")), "{cookie}");
            for attribute in ["; Path=/;", "; HttpOnly", "; SameSite=Lax"] {
                assert!(cookie.contains(attribute), "{cookie}");
            }
            assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
    }
}

/// A browser that is signed in goes straight to the decision. AZ-24: which is asked for every time.
#[test]
fn signed_in_browser_is_asked_again_for_consent_only() {
    let world = World::local();
    let client = world.client();
    let browser = Browser::default();
    let query = client.request().encode();
    let consent = browser.sign_in(&world, "alice@example.com", &query);
    browser.approve(&world, &consent, &["math:basic"]);
    for _ in 0..2 {
        let page = browser.get(&world, &format!("/authorize?{query}"));
        assert_eq!(PageForm::of(&page).action, "/consent");
        assert!(header(&page, "set-cookie").is_empty());
    }
}

/// AZ-32, RFC 6749 section 4.1.2.1, RFC 9207 section 2.
#[test]
fn denial_reaches_the_client() {
    let world = World::public();
    let client = world.client();
    let browser = Browser::default();
    let consent = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    let before = world.store.snapshot();
    let denied = browser.post_page(&world, &consent, &[], Some("deny"));
    let (uri, params) = location(&denied);
    assert_eq!(uri, client.redirect_uri);
    assert_eq!(params["error"], "access_denied");
    assert_eq!(params["state"], "state of the client");
    assert_eq!(params["iss"], "https://mcp.example.com");
    assert!(!params.contains_key("code"));
    assert_eq!(world.store.snapshot(), before, "a denial leaves nothing behind");
}

/// RFC 6749 section 3.3: the user may grant less than was asked for, and the client is told.
/// MCP-S-52.
#[test]
fn unticked_scopes_are_not_granted() {
    let world = World::local();
    let client = world.client();
    let browser = Browser::default();
    let consent = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    let (_, params) = location(&browser.approve(&world, &consent, &["math:statistics"]));
    let tokens = Tokens::of(&world.send(client.redeem(&params["code"])));
    assert_eq!(tokens.scope, "math:statistics");
    assert_eq!(world.introspect(&tokens.access).unwrap().scopes, ["math:statistics"]);
}

/// The same request, as somebody else.
#[test]
fn user_can_be_switched_on_the_consent_page() {
    let world = World::public();
    let client = world.client();
    let browser = Browser::default();
    let consent = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    let switched = browser.post_page(&world, &consent, &[], Some("switch"));
    assert!(header(&switched, "location").starts_with("/authorize?"), "BR-07: within this server");
    let sign_in = browser.follow(&world, &switched);
    assert_eq!(PageForm::of(&sign_in).action, "/sign-in");
    let signed_in =
        browser.post_page(&world, &sign_in, &[("email", "bob@example.com"), ("password", "good")], None);
    let consent = browser.follow(&world, &signed_in);
    let (_, params) = location(&browser.approve(&world, &consent, &["math:basic"]));
    assert_eq!(params["state"], "state of the client");
    let tokens = Tokens::of(&world.send(client.redeem(&params["code"])));
    assert_eq!(world.introspect(&tokens.access).unwrap().subject, "subject of bob@example.com");
}

/// AZ-34, OpenID Connect Core section 3.1.2.1.
#[test]
fn authorization_request_may_be_posted() {
    let world = World::local();
    let client = world.client();
    let browser = Browser::default();
    let page = browser.send(&world, Request::post_form("/authorize", &client.request()));
    let signed_in =
        browser.post_page(&world, &page, &[("email", "alice@example.com"), ("password", "good")], None);
    let consent = browser.follow(&world, &signed_in);
    let (_, params) = location(&browser.approve(&world, &consent, &["math:basic"]));
    assert_eq!(params["state"], "state of the client");
    Tokens::of(&world.send(client.redeem(&params["code"])));
}

/// A program that asks in person learns whether its registration is good, and nothing is done.
#[test]
fn program_gets_json_from_the_authorization_endpoint() {
    let world = World::local();
    let client = world.client();
    let ask = |params: &Params| {
        let target = format!("/authorize?{}", params.encode());
        world.send(Request::get(&target).with("accept", "application/json"))
    };
    let good = ask(&client.request());
    assert_eq!(good.status, StatusCode::OK);
    assert_eq!(json(&good)["status"], "interaction_required");
    assert_eq!(refusal(&ask(&client.request().with("client_id", "x"))), (400, "invalid_client".into()));
    let unregistered = client.request().with("redirect_uri", "https://evil.example/");
    assert_eq!(refusal(&ask(&unregistered)), (400, "invalid_request".into()));
    let bad_scope = client.request().with("scope", "\"");
    assert_eq!(refusal(&ask(&bad_scope)), (400, "invalid_scope".into()));
    assert!(world.store.is_empty());
    let browser = "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8";
    let target = format!("/authorize?{}", client.request().encode());
    let page = world.send(Request::get(&target).with("accept", browser));
    assert!(header(&page, "content-type").starts_with("text/html"), "a browser gets the page");
}

/// A wrong password is another try on the same page, and tells nothing by its status.
#[test]
fn wrong_password_shows_the_page_again() {
    let world = World::local();
    let client = world.client();
    let browser = Browser::default();
    let page = browser.get(&world, &format!("/authorize?{}", client.request().encode()));
    let again =
        browser.post_page(&world, &page, &[("email", "alice@example.com"), ("password", "bad")], None);
    assert_eq!(again.status, page.status);
    assert!(body_text(&again).contains("wrong e-mail or password"));
    assert!(!body_text(&again).contains("\"bad\""), "the password is not shown again");
    assert!(world.store.is_empty(), "a failed sign-in stores nothing");
    let signed_in =
        browser.post_page(&world, &again, &[("email", "alice@example.com"), ("password", "good")], None);
    assert_eq!(PageForm::of(&browser.follow(&world, &signed_in)).action, "/consent");
}

/// AZ-03, RFC 6749 section 3.1.2.3.
#[test]
fn only_redirect_uri_may_be_left_out() {
    let world = World::local();
    let client = world.client();
    let request = client.request().without("redirect_uri");
    let code = world.code_for(&client, "alice@example.com", &request);
    let redemption = client.redemption(&code).without("redirect_uri");
    Tokens::of(&world.send(Request::post_form("/token", &redemption)));
    let two = world.register(&["https://client.example/cb", "https://client.example/other"]);
    let target = format!("/authorize?{}", two.request().without("redirect_uri").encode());
    assert_eq!(world.send(Request::get(&target)).status, StatusCode::BAD_REQUEST);
}

/// AZ-06, RFC 8252 section 7.3: the callback's port may differ from the registered one, and the code
/// is for the port that was asked for.
#[test]
fn loopback_port_may_change_after_registration() {
    let world = World::public();
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let registered = world.register(&[&format!("http://{host}:3334/oauth/callback")]);
        let mut client = registered.clone();
        client.redirect_uri = format!("http://{host}:49152/oauth/callback");
        let code = world.code(&client);
        let other_port = world.send(registered.redeem(&code));
        assert_eq!(refusal(&other_port), (400, "invalid_grant".into()), "TK-07");
        Tokens::of(&world.send(client.redeem(&code)));
    }
}

/// RFC 8707 section 2: the resource in the spellings that clients use, at both endpoints.
/// MCP-S-47, MCP-A-19.
#[test]
fn resource_is_understood_in_its_spellings() {
    let public = "https://mcp.example.com";
    let local = "http://127.0.0.1:3000";
    for (issuer, asked, audience) in [
        (public, "https://mcp.example.com/mcp", "https://mcp.example.com/mcp"),
        (public, "https://mcp.example.com/mcp/", "https://mcp.example.com/mcp"),
        (public, "https://mcp.example.com/", "https://mcp.example.com"),
        (local, "http://localhost:3000/mcp", "http://127.0.0.1:3000/mcp"),
    ] {
        let world = World::at(issuer);
        let client = world.client();
        let request = client.request().with("resource", asked);
        let code = world.code_for(&client, "alice@example.com", &request);
        let redemption = client.redemption(&code).with("resource", asked);
        let tokens = Tokens::of(&world.send(Request::post_form("/token", &redemption)));
        assert_eq!(world.introspect(&tokens.access).unwrap().audience, [audience], "{asked}");
        let refreshment = client.refreshment(&tokens.refresh).with("resource", asked);
        Tokens::of(&world.send(Request::post_form("/token", &refreshment)));
    }
}

/// AZ-20, tolerance `unknown_scopes`: they are dropped, and the initial scopes stand in for nothing.
#[test]
fn unknown_scopes_are_dropped() {
    let world = World::local();
    let client = world.client();
    for (asked, shown) in [
        ("openid math:statistics offline_access", &["math:statistics"][..]),
        ("openid email profile", &["math:basic"]),
        ("", &["math:basic"]),
    ] {
        let browser = Browser::default();
        let request = client.request().with("scope", asked);
        let consent = browser.sign_in(&world, "alice@example.com", &request.encode());
        assert_eq!(PageForm::of(&consent).checkboxes(), shown, "{asked}");
    }
}

/// The home page and the metadata, for GET and HEAD. DS-02, DS-05, RG-15: what is advertised is there.
/// MCP-S-01, MCP-S-04, MCP-S-05, MCP-S-06, MCP-S-07, MCP-S-45.
#[test]
fn metadata_advertises_what_is_there() {
    let world = World::public();
    for path in ["/.well-known/oauth-authorization-server"] {
        let reply = world.send(Request::get(path));
        let metadata = json(&reply);
        assert_eq!(metadata["issuer"], "https://mcp.example.com");
        assert_eq!(metadata["code_challenge_methods_supported"], serde_json::json!(["S256"]));
        assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
        for (name, value) in metadata.as_object().unwrap() {
            let Some(endpoint) = value.as_str().filter(|_| name.ends_with("_endpoint")) else { continue };
            let path = endpoint.strip_prefix("https://mcp.example.com").unwrap();
            let answer = world.send(Request::new(Method::DELETE, path));
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{name} is served");
        }
        assert_eq!(header(&reply, "access-control-allow-origin"), "*");
    }
    assert_eq!(world.send(Request::get("/")).status, StatusCode::OK);
    assert_eq!(world.send(Request::get("/token//")).status, StatusCode::NOT_FOUND, "HT-06");
}

/// A token has room for 32 scopes: no more are granted, and the client is told what it really has.
#[test]
fn client_is_told_the_scopes_that_its_token_has() {
    let mut world = World::local();
    let template = world.tools.offer.scopes[0].clone();
    let names: Vec<String> = (0..40).map(|index| format!("scope:{index}")).collect();
    world.tools.offer.scopes =
        names.iter().map(|name| OfferedScope { name: name.clone(), ..template.clone() }).collect();
    let client = world.client();
    let request = client.request().with("scope", &names.join(" "));
    let code = world.code_for(&client, "alice@example.com", &request);
    let tokens = Tokens::of(&world.send(client.redeem(&code)));
    assert_eq!(tokens.scope.split(' ').collect::<Vec<_>>(), names[..32]);
    assert_eq!(world.introspect(&tokens.access).unwrap().scopes, names[..32]);
    let refreshment = client.refreshment(&tokens.refresh).with("scope", &names.join(" "));
    assert_eq!(Tokens::of(&world.send(Request::post_form("/token", &refreshment))).scope, tokens.scope);
}
