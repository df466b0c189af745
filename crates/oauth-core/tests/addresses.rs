//! Servers that have less than all of a host, or more than one host; and paths that are not there.

use crate::support::{Browser, PageForm, Proxy, Request, Tokens, World, body_text, header, json, location};
use http::{Method, StatusCode};
use oauth_core::config::Tolerances;
use web_core::Reply;

const METADATA: &str = "/.well-known/oauth-authorization-server";

/// A server below a path, and the proxy in front of it.
fn below_a_path(proxy: Proxy) -> World {
    let mut world = World::at("https://example.com/mcp-server");
    world.proxy = proxy;
    if let Proxy::Keeps = proxy {
        let url = world.config.public_url.clone();
        world.config.public_url = url.with_path_handling("keep").unwrap();
    }
    world
}

/// C8, RFC 8414 section 3.1: every address is below the issuer, and the whole life leads nowhere else: the world that
/// tests run in looks at each link, form, redirect and cookie.
#[test]
fn server_below_a_path_lives_there_alone() {
    for proxy in [Proxy::Strips, Proxy::Keeps] {
        let world = below_a_path(proxy);
        world.people.can_change.set(true);
        let document = json(&world.send(Request::get(&format!("{METADATA}/mcp-server"))));
        assert_eq!(document["issuer"], "https://example.com/mcp-server");
        for (name, value) in document.as_object().unwrap() {
            let Some(address) = value.as_str().filter(|_| name.ends_with("_endpoint")) else { continue };
            let path = address.strip_prefix("https://example.com").unwrap();
            assert!(path.starts_with("/mcp-server/"), "{name}");
            assert_ne!(world.send(Request::get(path)).status, StatusCode::NOT_FOUND, "{name}");
        }
        assert_eq!(document["protected_resources"][0], "https://example.com/mcp-server/mcp");

        let client = world.client();
        let request = client.request().with("resource", "https://example.com/mcp-server/mcp");
        let code = world.code_for(&client, "alice@example.com", &request);
        let tokens = Tokens::of(&world.send(client.redeem(&code)));
        let access = world.introspect(&tokens.access).unwrap();
        assert_eq!(access.audience, ["https://example.com/mcp-server/mcp"]);
        let refreshed = Tokens::of(&world.send(client.refresh(&tokens.refresh)));

        let browser = Browser::default();
        let page = browser.get(&world, "/mcp-server/account");
        let signed_in =
            browser.post_page(&world, &page, &[("email", "alice@example.com"), ("password", "good")], None);
        assert_eq!(header(&signed_in, "location"), "/mcp-server/account");
        let account = browser.follow(&world, &signed_in);
        assert!(browser.cookies.borrow().keys().all(|name| !name.starts_with("__Host-")));
        let changed = browser.post_page(&world, &account, &[], Some("change:password"));
        assert_eq!(PageForm::of(&changed).action, "/mcp-server/account/change");
        let account = browser.get(&world, "/mcp-server/account");
        let signed_out = browser.post_page(&world, &account, &[], Some("sign-out"));
        assert_eq!(header(&signed_out, "location"), "/mcp-server/account");
        browser.follow(&world, &signed_out);
        let home = browser.get(&world, "/mcp-server/");
        assert!(body_text(&home).contains("https://example.com/mcp-server/mcp"));
        assert!(world.introspect(&refreshed.access).is_some());
    }
}

/// C8: a provider leads back to below the path, with the cookie that knows what for.
#[test]
fn sign_in_elsewhere_comes_back_below_the_path() {
    for proxy in [Proxy::Strips, Proxy::Keeps] {
        let world = below_a_path(proxy);
        world.people.has_elsewhere.set(true);
        let (client, browser) = (world.client(), Browser::default());
        let page = browser.get(&world, &format!("/mcp-server/authorize?{}", client.request().encode()));
        let away = browser.post_page(&world, &page, &[], Some("elsewhere"));
        let (_, params) = location(&away);
        assert_eq!(params["back"], "https://example.com/mcp-server/sign-in/callback/elsewhere");
        let state: String = form_urlencoded::byte_serialize(params["state"].as_bytes()).collect();
        let back = browser.get(
            &world,
            &format!("/mcp-server/sign-in/callback/elsewhere?state={state}&code=alice%40example.com"),
        );
        assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", body_text(&back));
        assert!(header(&back, "location").starts_with("/mcp-server/authorize?"));
    }
}

/// C8: an operator who told the proxy one thing and the server another is told which.
#[test]
fn log_says_when_the_proxy_does_something_else() {
    for (proxy, path, advice) in [
        (Proxy::Strips, "/mcp-server/mcp-server/token", "keep"),
        (Proxy::Keeps, "/.well-known/../token", "strip"),
    ] {
        let world = below_a_path(proxy);
        assert_eq!(world.send(Request::get(path)).status, StatusCode::NOT_FOUND, "{path}");
        let log = world.logged.borrow().join("\n");
        assert!(log.contains(&format!("set public_path to {advice}")), "{log}");
    }
    let world = below_a_path(Proxy::Keeps);
    world.send(Request::get("/mcp-server/mcp"));
    assert!(
        world.logged.borrow().join("\n").contains("has no route from /mcp-server/mcp to mcp"),
        "{:?}",
        world.logged
    );
}

/// C5: the same page, document or endpoint, without a redirect. A form is posted to where its page says, so that what
/// counts tries by path in front of us sees all of them.
#[test]
fn slash_at_the_end_of_a_path_makes_no_difference() {
    let world = World::public();
    let with_slash = |method: Method, path: &str| {
        let one = world.send(Request::new(method.clone(), path));
        let other = world.send(Request::new(method, &format!("{path}/")));
        (one, other)
    };
    for path in ["/token", "/register", "/revoke", "/introspect"] {
        let (one, other) = with_slash(Method::POST, path);
        assert_eq!((one.status, &one.body), (other.status, &other.body), "{path}");
        assert_ne!(one.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(world.send(Request::get(&format!("{METADATA}/"))), world.send(Request::get(METADATA)));
    for path in ["/authorize", "/account", "/account/record"] {
        let (one, other) = with_slash(Method::GET, path);
        assert_eq!(one.status, other.status, "{path}");
        assert_ne!(one.status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/sign-in/", "/consent/", "/account/change/"] {
        assert_eq!(
            world.send(Request::new(Method::POST, path)).status,
            StatusCode::NOT_FOUND,
            "LG-05: {path}"
        );
    }
    assert!(world.logged.borrow().iter().any(|line| line == "tolerance: trailing_slash"));
    let mut strict = World::public();
    strict.config.public_url = strict.config.public_url.strictly("trailing_slash");
    assert_eq!(strict.send(Request::get(&format!("{METADATA}/"))).status, StatusCode::NOT_FOUND);
    assert!(Tolerances::parse("trailing_slash").is_ok());
}

/// C12: tokens for each listed resource; pages and documents of one authorization server.
#[test]
fn each_listed_address_has_tokens_of_its_own_and_one_issuer() {
    let mut world = World::public();
    let listed = "https://mcp.internal.example,https://b.example/tools";
    world.config.public_url = world.config.public_url.also_served_at(listed).unwrap();
    let document = json(&world.send(Request::get(METADATA).with_authority("mcp.internal.example")));
    assert_eq!(document["issuer"], "https://mcp.example.com");
    assert_eq!(document["protected_resources"].as_array().unwrap().len(), 3);
    let client = world.client();
    for resource in ["https://mcp.internal.example/mcp", "https://b.example/tools/mcp"] {
        let request = client.request().with("resource", resource);
        let code = world.code_for(&client, "alice@example.com", &request);
        let redemption = client.redemption(&code).with("resource", resource);
        let tokens = Tokens::of(&world.send(Request::post_form("/token", &redemption)));
        assert_eq!(world.introspect(&tokens.access).unwrap().audience, [resource]);
    }
    let home = world.send(Request::get("/").with_authority("mcp.internal.example"));
    assert!(body_text(&home).contains("https://mcp.internal.example/mcp"));
    for (authority, lead) in
        [("mcp.internal.example", true), ("mcp.example.com", false), ("evil.example", false)]
    {
        let reply = world.send(Request::get("/account?page=2").with_authority(authority));
        let expected = if lead { "https://mcp.example.com/account?page=2" } else { "" };
        assert_eq!(header(&reply, "location"), expected, "{authority}");
    }
}

fn not_found(path: &str, accept: &str) -> Reply {
    let reply = World::public().send(Request::get(path).with("accept", accept));
    assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
    reply
}

/// C11, C27, U8: a person gets a page with a way on, a program a document that scripts may read.
#[test]
fn path_that_is_not_there_is_told_in_the_callers_terms() {
    for path in ["/nowhere", "/sign-in/x", "/.well-known/openid-configuration", "/robots.txt"] {
        for accept in ["*/*", "application/json", "text/plain"] {
            let reply = not_found(path, accept);
            assert_eq!(json(&reply)["error_description"], "there is nothing here", "{path}");
            assert_eq!(header(&reply, "access-control-allow-origin"), "*", "{path}");
        }
        let preflight = World::public().send(
            Request::new(Method::OPTIONS, path)
                .with("access-control-request-headers", "mcp-protocol-version"),
        );
        assert_eq!(preflight.status, StatusCode::NO_CONTENT, "{path}");
        assert_eq!(header(&preflight, "access-control-allow-origin"), "*", "{path}");
    }
    let page = not_found("/nowhere", "text/html,*/*;q=0.8");
    assert!(body_text(&page).contains("<a href=\"/\">"), "{}", body_text(&page));
    assert_eq!(header(&page, "access-control-allow-origin"), "", "pages are open to no script");
}
