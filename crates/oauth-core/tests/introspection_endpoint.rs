//! The introspection endpoint (RFC 7662): row TK-37.

use crate::support::{
    Client, Params, Request, START, Tokens, World, basic, body_text, header, json, refusal,
};
use http::{Method, StatusCode};
use oauth_core::client::policy::DeniedClients;
use serde_json::{Value, json};
use store_core::testing::Fault;

/// A confidential client with its secret, and its tokens.
struct Caller {
    client: Client,
    authorization: String,
    tokens: Tokens,
}

fn caller(world: &World) -> Caller {
    let (client, secret) = world.confidential("client_secret_basic");
    let authorization = basic(&client.id, &secret);
    let redeem = client.redeem(&world.code(&client)).with("authorization", &authorization);
    let tokens = Tokens::of(&world.send(redeem));
    Caller { client, authorization, tokens }
}

impl Caller {
    fn request(&self, token: &str) -> Request {
        Request::post_form("/introspect", &Params::of(&[("token", token)]))
            .with("authorization", &self.authorization)
    }

    #[track_caller]
    fn ask(&self, world: &World, token: &str) -> Value {
        let reply = world.send(self.request(token));
        assert_eq!(reply.status, StatusCode::OK, "{}", body_text(&reply));
        assert_eq!(header(&reply, "cache-control"), "no-store");
        assert_eq!(header(&reply, "access-control-allow-origin"), "", "it is for servers");
        json(&reply)
    }

    fn refresh(&self, world: &World, refresh_token: &str) -> Tokens {
        let refresh = self.client.refresh(refresh_token).with("authorization", &self.authorization);
        Tokens::of(&world.send(refresh))
    }
}

/// RFC 7662 section 2.2.
#[test]
fn client_is_told_what_its_own_tokens_stand_for() {
    let world = World::public();
    let caller = caller(&world);
    let common = json!({
        "active": true,
        "client_id": caller.client.id,
        "scope": "math:basic math:statistics",
        "sub": "subject of alice@example.com",
        "aud": ["https://mcp.example.com/mcp"],
        "iss": "https://mcp.example.com",
    });
    let mut access = common.clone();
    access["token_type"] = json!("Bearer");
    access["exp"] = json!(START + 900);
    assert_eq!(caller.ask(&world, &caller.tokens.access), access);
    let mut refresh = common;
    refresh["exp"] = json!(START + 14 * 24 * 60 * 60);
    assert_eq!(caller.ask(&world, &caller.tokens.refresh), refresh);
    for hint in ["access_token", "refresh_token", "pigeon"] {
        let params = Params::of(&[("token", &caller.tokens.access), ("token_type_hint", hint)]);
        let request = Request::post_form("/introspect", &params).with("authorization", &caller.authorization);
        assert_eq!(json(&world.send(request))["active"], true, "{hint}");
    }
}

/// What a token carries is its own, not its grant's.
#[test]
fn narrowed_token_is_described_as_it_is() {
    let world = World::public();
    let caller = caller(&world);
    let narrow = caller.client.refreshment(&caller.tokens.refresh).with("scope", "math:basic");
    let narrow = Request::post_form("/token", &narrow).with("authorization", &caller.authorization);
    let tokens = Tokens::of(&world.send(narrow));
    assert_eq!(caller.ask(&world, &tokens.access)["scope"], "math:basic");
}

/// TK-37: whatever is not active, or is somebody else's, has one answer, to the byte.
#[test]
fn everything_else_is_inactive_and_nothing_more() {
    let world = World::public();
    let mine = caller(&world);
    let other = caller(&world);
    let public = world.client();
    let public = world.tokens(&public);
    let code = world.code(&mine.client);
    let rotated = mine.refresh(&world, &mine.tokens.refresh);
    let cut = &rotated.access[..rotated.access.len() - 1];
    for (name, token) in [
        ("another confidential client's", other.tokens.access.as_str()),
        ("another confidential client's", &other.tokens.refresh),
        ("a public client's", &public.access),
        ("a public client's", &public.refresh),
        ("a code", &code),
        ("garbage", "x"),
        ("forged", cut),
        ("used", &mine.tokens.refresh),
    ] {
        let reply = world.send(mine.request(token));
        assert_eq!((reply.status, body_text(&reply)), (StatusCode::OK, "{\"active\":false}"), "{name}");
    }
    assert_eq!(mine.ask(&world, &rotated.access)["active"], true);
    world.advance(900);
    assert_eq!(mine.ask(&world, &rotated.access), json!({ "active": false }), "expired");
    assert_eq!(mine.ask(&world, &rotated.refresh)["active"], true);
    world.raise_epoch("alice@example.com");
    assert_eq!(mine.ask(&world, &rotated.refresh), json!({ "active": false }), "signed out everywhere");
}

/// TK-37, I4: from the next request on.
#[test]
fn revoked_token_is_inactive() {
    let world = World::public();
    let caller = caller(&world);
    let revoke = Request::post_form("/revoke", &Params::of(&[("token", &caller.tokens.refresh)]));
    world.send(revoke.with("authorization", &caller.authorization));
    for token in [&caller.tokens.access, &caller.tokens.refresh] {
        assert_eq!(caller.ask(&world, token), json!({ "active": false }));
    }
}

/// What the operator switched off has no active tokens, also to itself.
#[test]
fn denied_client_has_no_active_tokens() {
    let mut world = World::public();
    let caller = caller(&world);
    world.config.clients.denied = DeniedClients::parse(&caller.client.id).unwrap();
    for token in [&caller.tokens.access, &caller.tokens.refresh] {
        assert_eq!(caller.ask(&world, token), json!({ "active": false }));
    }
}

/// TK-37: whoever does not prove to be a client is told nothing, whatever the token.
#[test]
fn caller_must_authenticate() {
    let world = World::public();
    let caller = caller(&world);
    let public = world.client();
    let unknown = (401, "invalid_client".to_owned());
    let form = |pairs: &[(&str, &str)]| Request::post_form("/introspect", &Params::of(pairs));
    for token in [&caller.tokens.access, "x"] {
        for (name, request) in [
            ("nobody", form(&[("token", token)])),
            ("a public client", form(&[("token", token), ("client_id", &public.id)])),
            ("by name only", form(&[("token", token), ("client_id", &caller.client.id)])),
            (
                "a wrong secret",
                form(&[("token", token)]).with("authorization", &basic(&caller.client.id, "postern_cs_x")),
            ),
            ("a bearer", form(&[("token", token)]).with("authorization", "Bearer x")),
        ] {
            let (reply, operations) = world.count(|| world.send(request));
            assert_eq!(refusal(&reply), unknown, "{name}");
            assert_eq!((operations.reads, operations.writes), (0, 0), "{name}");
        }
    }
    let no_token = form(&[]).with("authorization", &caller.authorization);
    assert_eq!(refusal(&world.send(no_token)), (400, "invalid_request".into()));
    let in_query = Request { query: Some("token=x".into()), ..caller.request("x") };
    assert_eq!(refusal(&world.send(in_query)), (400, "invalid_request".into()));
}

/// TK-37, RS-14: garbage costs no store operation, and an answer no write.
#[test]
fn introspection_costs_two_reads_at_most() {
    let world = World::public();
    let caller = caller(&world);
    for token in ["x", "postern_at_AAAA", "postern_rt_AAAA"] {
        let (_, operations) = world.count(|| caller.ask(&world, token));
        assert_eq!((operations.reads, operations.writes), (0, 0), "{token}");
    }
    for token in [&caller.tokens.access, &caller.tokens.refresh] {
        let (_, operations) = world.count(|| caller.ask(&world, token));
        assert_eq!((operations.reads, operations.writes), (2, 0));
    }
}

/// Rule 3: a store that does not answer makes no token inactive.
#[test]
fn store_fault_is_no_answer() {
    let world = World::public();
    let caller = caller(&world);
    for token in [&caller.tokens.access, &caller.tokens.refresh] {
        for count in [0, 1] {
            world.store.fail_after(count, Fault::Error);
            let reply = world.send(caller.request(token));
            world.store.heal();
            assert_eq!(refusal(&reply), (503, "temporarily_unavailable".into()));
            assert!(!header(&reply, "retry-after").is_empty());
        }
    }
}

/// TK-37, DS-04: the metadata says where it is, and that it takes a secret.
#[test]
fn endpoint_is_announced_with_the_methods_that_it_takes() {
    let world = World::public();
    let document = json(&world.send(Request::get("/.well-known/oauth-authorization-server")));
    assert_eq!(document["introspection_endpoint"], "https://mcp.example.com/introspect");
    let methods = document["introspection_endpoint_auth_methods_supported"].as_array().unwrap();
    let all = document["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(!methods.contains(&json!("none")) && methods.len() + 1 == all.len(), "{methods:?}");
    for method in [Method::GET, Method::OPTIONS, Method::PUT] {
        let reply = world.send(Request::new(method, "/introspect"));
        assert_eq!((reply.status, header(&reply, "allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    }
}
