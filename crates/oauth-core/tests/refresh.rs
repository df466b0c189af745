//! Refresh tokens (RFC 6749 section 6, OAuth 2.1 section 4.3, RFC 9700 section 4.14).

use crate::support::{Browser, Params, Request, START, Tokens, World, location, refusal};
use oauth_core::config::Tolerances;
use store_core::{Store, testing::block_on};

const DAY: u64 = 24 * 60 * 60;

fn invalid(code: &str) -> (u16, String) {
    (400, code.to_owned())
}

/// OAuth 2.1 section 4.3.1.
/// MCP-S-54.
#[test]
fn refresh_token_is_rotated() {
    let world = World::local();
    let client = world.client();
    let first = world.tokens(&client);
    world.advance(600);
    let second = Tokens::of(&world.send(client.refresh(&first.refresh)));
    assert_ne!(second.refresh, first.refresh);
    assert_ne!(second.access, first.access);
    assert_eq!(second.scope, first.scope);
    assert_eq!(world.introspect(&second.access).unwrap().expires_at, START + 600 + 900);
    assert!(world.introspect(&first.access).is_some(), "the older access token lives out its time");
    world.advance(600);
    let third = Tokens::of(&world.send(client.refresh(&second.refresh)));
    assert!(world.introspect(&third.access).is_some());
    assert!(world.introspect(&first.access).is_none(), "and no longer");
}

/// TK-23: the answer was lost, and is given again.
#[test]
fn retry_in_the_window_gets_the_very_same_answer() {
    let world = World::local();
    let client = world.client();
    let first = world.tokens(&client);
    let once = Tokens::of(&world.send(client.refresh(&first.refresh)));
    for waited in [0, 29, 1] {
        world.advance(waited);
        let (again, operations) = world.count(|| world.send(client.refresh(&first.refresh)));
        let again = Tokens::of(&again);
        assert_eq!((&again.access, &again.refresh), (&once.access, &once.refresh));
        assert_eq!(again.expires_in, START + 900 - world.now.get(), "no longer than the first answer");
        assert_eq!(operations.writes, 0);
    }
    Tokens::of(&world.send(client.refresh(&once.refresh)));
}

/// TK-22, RFC 9700 section 4.14.2: two parties hold the token, and everything of the grant ends.
/// MCP-S-55.
#[test]
fn reuse_after_the_window_revokes_the_grant() {
    let world = World::local();
    let client = world.client();
    let first = world.tokens(&client);
    let second = Tokens::of(&world.send(client.refresh(&first.refresh)));
    world.advance(31);
    assert_eq!(refusal(&world.send(client.refresh(&first.refresh))), invalid("invalid_grant"));
    for access_token in [&first.access, &second.access] {
        assert_eq!(world.introspect(access_token), None);
    }
    assert_eq!(refusal(&world.send(client.refresh(&second.refresh))), invalid("invalid_grant"));
}

/// TK-22, D6: the window is for the last rotation only.
#[test]
fn token_before_the_last_one_is_a_replay_at_any_time() {
    let world = World::local();
    let client = world.client();
    let first = world.tokens(&client);
    let second = Tokens::of(&world.send(client.refresh(&first.refresh)));
    let third = Tokens::of(&world.send(client.refresh(&second.refresh)));
    assert_eq!(refusal(&world.send(client.refresh(&first.refresh))), invalid("invalid_grant"));
    assert_eq!(world.introspect(&third.access), None);
}

/// TK-26, RFC 6749 section 6: fewer scopes are for one access token, not for the grant.
#[test]
fn narrowed_scope_does_not_stick() {
    let world = World::local();
    let client = world.client();
    let first = world.tokens(&client);
    let narrow = client.refreshment(&first.refresh).with("scope", "math:basic");
    let narrowed = Tokens::of(&world.send(Request::post_form("/token", &narrow)));
    assert_eq!(narrowed.scope, "math:basic");
    assert_eq!(world.introspect(&narrowed.access).unwrap().scopes, ["math:basic"]);
    let wide = client.refreshment(&narrowed.refresh).with("scope", "math:statistics math:basic");
    let again = Tokens::of(&world.send(Request::post_form("/token", &wide)));
    assert_eq!(world.introspect(&again.access).unwrap().scopes, ["math:basic", "math:statistics"]);
}

/// TK-25, RFC 6749 section 6, RFC 8707 section 2.2: refused before anything is rotated.
/// MCP-S-56.
#[test]
fn more_than_was_granted_is_refused_before_rotating() {
    let world = World::public();
    let client = world.client();
    let first = world.tokens(&client);
    let before = world.store.snapshot();
    for (name, value, code) in [
        ("scope", "math:basic admin", "invalid_scope"),
        ("scope", "\"", "invalid_scope"),
        ("resource", "https://mcp.example.com", "invalid_target"),
        ("resource", "https://other.example/mcp", "invalid_target"),
    ] {
        let request = client.refreshment(&first.refresh).with(name, value);
        let reply = world.send(Request::post_form("/token", &request));
        assert_eq!(refusal(&reply), invalid(code), "{value}");
    }
    assert_eq!(world.store.snapshot(), before);
    Tokens::of(&world.send(client.refresh(&first.refresh)));
}

/// Tolerance `declined_scopes`: a client that repeats what it asked for at first gets what it has.
#[test]
fn declined_scopes_are_not_held_against_the_client() {
    let world = World::local();
    let client = world.client();
    let browser = Browser::default();
    let asked = "math:basic math:statistics openid";
    let request = client.request().with("scope", asked);
    let consent = browser.sign_in(&world, "alice@example.com", &request.encode());
    let (_, params) = location(&browser.approve(&world, &consent, &["math:basic"]));
    let tokens = Tokens::of(&world.send(client.redeem(&params["code"])));
    let refreshment = client.refreshment(&tokens.refresh).with("scope", asked);
    let refreshed = Tokens::of(&world.send(Request::post_form("/token", &refreshment)));
    assert_eq!(refreshed.scope, "math:basic");
    assert_eq!(world.introspect(&refreshed.access).unwrap().scopes, ["math:basic"]);
}

/// TK-24: a stolen refresh token is of no use to another client, and the owner's stays good.
/// MCP-S-56.
#[test]
fn another_client_cannot_refresh() {
    let world = World::local();
    let (client, thief) = (world.client(), world.register(&["https://thief.example/cb"]));
    let tokens = world.tokens(&client);
    let before = world.store.snapshot();
    for extra in [("scope", "math:basic"), ("scope", "admin"), ("resource", "https://x.example"), ("x", "y")]
    {
        let request = thief.refreshment(&tokens.refresh).with(extra.0, extra.1);
        let reply = world.send(Request::post_form("/token", &request));
        assert_eq!(refusal(&reply), invalid("invalid_grant"), "{extra:?} tells nothing about the grant");
    }
    assert_eq!(world.store.snapshot(), before);
    Tokens::of(&world.send(client.refresh(&tokens.refresh)));
}

/// TK-27, TK-28: 30 days after the user's approval it is over, however often it was refreshed, and no
/// access token outlives that.
#[test]
fn grant_ends_thirty_days_after_approval() {
    let world = World::local();
    let client = world.client();
    let mut tokens = world.tokens(&client);
    for _ in 0..29 {
        world.advance(DAY);
        tokens = Tokens::of(&world.send(client.refresh(&tokens.refresh)));
    }
    world.advance(DAY - 60);
    tokens = Tokens::of(&world.send(client.refresh(&tokens.refresh)));
    assert_eq!(tokens.expires_in, 60);
    world.advance(59);
    assert!(world.introspect(&tokens.access).is_some());
    world.advance(1);
    assert_eq!(world.introspect(&tokens.access), None);
    assert_eq!(refusal(&world.send(client.refresh(&tokens.refresh))), invalid("invalid_grant"));
}

/// A refresh token that nobody uses ends after 14 days; each use starts them again.
#[test]
fn unused_refresh_token_ends() {
    let world = World::local();
    let client = world.client();
    let first = world.tokens(&client);
    world.advance(14 * DAY - 1);
    let second = Tokens::of(&world.send(client.refresh(&first.refresh)));
    world.advance(14 * DAY);
    assert_eq!(refusal(&world.send(client.refresh(&second.refresh))), invalid("invalid_grant"));
}

/// TK-29: signed out everywhere, or the password reset.
#[test]
fn nothing_survives_signing_out_everywhere() {
    let world = World::local();
    let client = world.client();
    let tokens = world.tokens(&client);
    world.raise_epoch("alice@example.com");
    assert_eq!(world.introspect(&tokens.access), None);
    assert_eq!(refusal(&world.send(client.refresh(&tokens.refresh))), invalid("invalid_grant"));
    let anew = world.tokens(&client);
    assert!(world.introspect(&anew.access).is_some(), "the user can start again");
}

/// K-06: nor does a code that was not yet redeemed.
#[test]
fn code_from_before_signing_out_everywhere_is_not_good() {
    let world = World::local();
    let client = world.client();
    let code = world.code(&client);
    world.raise_epoch("alice@example.com");
    assert_eq!(refusal(&world.send(client.redeem(&code))), invalid("invalid_grant"));
}

/// K-26: a clock that jumps ahead ends things for good only where their time is over; one that jumps
/// back lengthens no access token's life.
#[test]
fn clock_that_jumps_lengthens_nothing() {
    let world = World::local();
    let client = world.client();
    world.advance(DAY);
    let ahead = world.tokens(&client);
    world.now.set(START);
    assert_eq!(world.introspect(&ahead.access), None, "it would live a day longer");
    Tokens::of(&world.send(client.refresh(&ahead.refresh)));
}

/// K-26: a code that nobody has used lives no longer when the clock is set back.
#[test]
fn clock_that_jumps_back_lengthens_no_code() {
    let world = World::local();
    let client = world.client();
    world.advance(DAY);
    let code = world.code(&client);
    world.now.set(START);
    assert_eq!(refusal(&world.send(client.redeem(&code))), invalid("invalid_grant"));
    world.now.set(START + DAY);
    Tokens::of(&world.send(client.redeem(&code)));
}

/// K-27, RS-16: clocks of two hosts are never quite the same. What one has just issued is good at the other,
/// half a minute behind; beyond that it may fail early, and nothing lives longer than its lifetime and that.
#[test]
fn hosts_may_differ_by_half_a_minute() {
    let world = World::local();
    let client = world.client();
    let (code, tokens) = (world.code(&client), world.tokens(&client));
    for (behind, is_good) in [(1, true), (30, true), (31, false), (90, false)] {
        world.now.set(START - behind);
        assert_eq!(world.introspect(&tokens.access).is_some(), is_good, "{behind}");
        let redeemed = world.store.snapshot();
        let reply = world.send(client.redeem(&code));
        assert_eq!(reply.status == http::StatusCode::OK, is_good, "{behind}");
        for (key, value) in redeemed {
            block_on(world.store.put(&key, &value)).unwrap();
        }
    }
    for ahead in [60, 90] {
        world.now.set(START + ahead);
        assert_eq!(refusal(&world.send(client.redeem(&code))), invalid("invalid_grant"));
    }
}

/// RFC 8707 section 2.2: an access token is for the resources that its request names, of those that were
/// granted; without any, for all of those. The grant keeps them all, and a retry gets the same answer.
#[test]
fn each_access_token_has_its_own_audience() {
    let world = World::local();
    let client = world.client();
    let (origin, endpoint) = ("http://127.0.0.1:3000", "http://127.0.0.1:3000/mcp");
    let request = client.request().and("resource", origin).and("resource", endpoint);
    let code = world.code_for(&client, "alice@example.com", &request);
    let audience = |tokens: &Tokens| world.introspect(&tokens.access).unwrap().audience;
    let redemption = client.redemption(&code).with("resource", endpoint);
    let first = Tokens::of(&world.send(Request::post_form("/token", &redemption)));
    assert_eq!(audience(&first), [endpoint]);
    let other = client.refreshment(&first.refresh).with("resource", origin);
    let second = Tokens::of(&world.send(Request::post_form("/token", &other)));
    assert_eq!(audience(&second), [origin]);
    assert_eq!(audience(&first), [endpoint], "what was handed out stays as it is");
    let again = Tokens::of(&world.send(Request::post_form("/token", &other)));
    assert_eq!(again, second);
    let third = Tokens::of(&world.send(client.refresh(&second.refresh)));
    assert_eq!(audience(&third), [origin, endpoint]);
}

/// TK-25: a resource that was not granted is refused before anything is rotated; the tolerance
/// `undefined_parameters` is for what means none.
#[test]
fn resource_beyond_the_grant_is_refused() {
    let mut world = World::local();
    let client = world.client();
    let tokens = world.tokens(&client);
    for resource in ["http://127.0.0.1:3000", "https://x.example/mcp", "mcp"] {
        let request = client.refreshment(&tokens.refresh).with("resource", resource);
        let reply = world.send(Request::post_form("/token", &request));
        assert_eq!(refusal(&reply), invalid("invalid_target"), "{resource}");
    }
    let undefined = client.refreshment(&tokens.refresh).with("resource", "undefined").with("scope", "null");
    let tokens = Tokens::of(&world.send(Request::post_form("/token", &undefined)));
    assert!(world.logged.borrow().contains(&"tolerance: undefined_parameters".to_owned()));
    world.config.tolerances = Tolerances::parse("undefined_parameters").unwrap();
    let undefined = client.refreshment(&tokens.refresh).with("resource", "undefined");
    let reply = world.send(Request::post_form("/token", &undefined));
    assert_eq!(refusal(&reply), invalid("invalid_target"));
}

/// The tolerance `declined_scopes`, its line in the log, and its switch.
#[test]
fn declined_scopes_are_tolerated_unless_switched_off() {
    let mut world = World::local();
    let client = world.client();
    let tokens = world.tokens(&client);
    world.advance(60);
    let browser = Browser::default();
    let consent = browser.sign_in(&world, "bob@example.com", &client.request().encode());
    let (_, params) = location(&browser.approve(&world, &consent, &["math:basic"]));
    let narrowed = Tokens::of(&world.send(client.redeem(&params["code"])));
    let all = client.refreshment(&narrowed.refresh).with("scope", "math:basic math:statistics");
    let again = Tokens::of(&world.send(Request::post_form("/token", &all)));
    assert_eq!(again.scope, "math:basic");
    assert!(world.logged.borrow().contains(&"tolerance: declined_scopes".to_owned()));
    world.config.tolerances = Tolerances::parse("declined_scopes").unwrap();
    let all = client.refreshment(&again.refresh).with("scope", "math:basic math:statistics");
    assert_eq!(refusal(&world.send(Request::post_form("/token", &all))), invalid("invalid_scope"));
    let granted = client.refreshment(&tokens.refresh).with("scope", "math:basic math:statistics");
    Tokens::of(&world.send(Request::post_form("/token", &granted)));
}

/// RFC 6749 section 3.2: parameters without a value count as left out.
#[test]
fn empty_parameters_count_as_absent() {
    let world = World::local();
    let client = world.client();
    let origin = client.request().with("resource", "http://127.0.0.1:3000");
    let code = world.code_for(&client, "alice@example.com", &origin);
    let empty = |params: Params| {
        params.with("client_secret", "").with("resource", "").with("scope", "").with("client_assertion", "")
    };
    let redemption = empty(client.redemption(&code)).with("redirect_uri", "");
    let tokens = Tokens::of(&world.send(Request::post_form("/token", &redemption)));
    let refreshment = empty(client.refreshment(&tokens.refresh));
    Tokens::of(&world.send(Request::post_form("/token", &refreshment)));
}
