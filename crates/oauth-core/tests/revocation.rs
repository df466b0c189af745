//! The revocation endpoint (RFC 7009): rows TK-32 to TK-36 and TK-38.

use crate::support::{Client, Params, Request, Tokens, World, basic, body_text, header, json, refusal};
use http::{Method, StatusCode};
use store_core::testing::Fault;
use web_core::Reply;

fn request(client: &Client, token: &str) -> Request {
    Request::post_form("/revoke", &Params::of(&[("client_id", &client.id), ("token", token)]))
}

#[track_caller]
fn assert_accepted(reply: &Reply) {
    assert_eq!(reply.status, StatusCode::OK, "{}", body_text(reply));
    assert!(reply.body.is_empty());
    assert_eq!(header(reply, "cache-control"), "no-store");
    assert_eq!(header(reply, "access-control-allow-origin"), "*", "TK-39");
}

/// TK-34, TK-35: either token ends both, whatever the hint says; an older refresh token too.
#[test]
fn either_token_ends_the_grant() {
    for hint in ["", "access_token", "refresh_token", "pigeon"] {
        for which in 0..3 {
            let world = World::public();
            let client = world.client();
            let first = world.tokens(&client);
            let second = Tokens::of(&world.send(client.refresh(&first.refresh)));
            let token = [&second.access, &second.refresh, &first.refresh][which];
            let params =
                Params::of(&[("client_id", &client.id), ("token", token), ("token_type_hint", hint)]);
            assert_accepted(&world.send(Request::post_form("/revoke", &params)));
            assert_eq!(world.introspect(&second.access), None);
            assert_eq!(world.introspect(&first.access), None);
            let refused = world.send(client.refresh(&second.refresh));
            assert_eq!(refusal(&refused), (400, "invalid_grant".into()));
            assert_accepted(&world.send(request(&client, token)));
        }
    }
}

/// TK-32: another client's token stays good, and the answer does not tell.
#[test]
fn token_of_another_client_is_left_alone() {
    let world = World::public();
    let (client, thief) = (world.client(), world.register(&["https://thief.example/cb"]));
    let tokens = world.tokens(&client);
    let before = world.store.snapshot();
    for token in [&tokens.access, &tokens.refresh] {
        assert_accepted(&world.send(request(&thief, token)));
    }
    assert_eq!(world.store.snapshot(), before);
    assert!(world.introspect(&tokens.access).is_some());
}

/// TK-33: what is no token of ours is not good already; forged ones cost no store operation.
/// MCP-S-66.
#[test]
fn unknown_tokens_are_as_good_as_revoked() {
    let world = World::public();
    let client = world.client();
    let code = world.code(&client);
    let tokens = Tokens::of(&world.send(client.redeem(&code)));
    let cut = &tokens.access[..tokens.access.len() - 1];
    for token in ["x", "postern_at_", "postern_rt_AAAA", cut, &code] {
        let (reply, operations) = world.count(|| world.send(request(&client, token)));
        assert_accepted(&reply);
        assert_eq!((operations.reads, operations.writes), (0, 0), "{token}");
    }
    world.advance(900);
    assert_accepted(&world.send(request(&client, &tokens.access)));
    Tokens::of(&world.send(client.refresh(&tokens.refresh)));
}

/// TK-19, TK-13, TK-14: the client proves who it is as everywhere else, and the request is a form.
#[test]
fn request_is_read_and_authenticated_as_at_the_token_endpoint() {
    let world = World::public();
    let (client, secret) = world.confidential("client_secret_basic");
    let code = world.code(&client);
    let authorization = basic(&client.id, &secret);
    let redeem = client.redeem(&code).with("authorization", &authorization);
    let tokens = Tokens::of(&world.send(redeem));
    let good = request(&client, &tokens.refresh);
    assert_eq!(refusal(&world.send(good.clone())), (401, "invalid_client".into()));
    let nobody = Request::post_form("/revoke", &Params::of(&[("token", &tokens.refresh)]));
    assert_eq!(refusal(&world.send(nobody)), (401, "invalid_client".into()));
    let invalid = (400, "invalid_request".to_owned());
    let no_token = Request::post_form("/revoke", &Params::of(&[("client_id", &client.id)]));
    assert_eq!(refusal(&world.send(no_token.with("authorization", &authorization))), invalid);
    let twice = Params::of(&[("client_id", &client.id), ("token", "a"), ("token", "b")]);
    assert_eq!(refusal(&world.send(Request::post_form("/revoke", &twice))), invalid);
    let in_query = Request { query: Some("token=x".into()), ..good.clone() };
    assert_eq!(refusal(&world.send(in_query)), invalid);
    assert!(world.introspect(&tokens.access).is_some());
    assert_accepted(&world.send(good.with("authorization", &authorization)));
    assert_eq!(world.introspect(&tokens.access), None);
}

/// TK-36: while the store fails, nothing is said to be revoked that is not.
#[test]
fn store_fault_is_never_a_success() {
    for fault in [Fault::Error, Fault::WriteError] {
        for count in 0..3 {
            let world = World::public();
            let client = world.client();
            let tokens = world.tokens(&client);
            world.store.fail_after(count, fault);
            let reply = world.send(request(&client, &tokens.refresh));
            world.store.heal();
            match reply.status {
                StatusCode::OK => assert_eq!(world.introspect(&tokens.access), None),
                _ => {
                    assert_eq!(refusal(&reply), (503, "temporarily_unavailable".into()));
                    assert!(!header(&reply, "retry-after").is_empty());
                    assert!(!world.logged.borrow().is_empty());
                }
            }
            assert_accepted(&world.send(request(&client, &tokens.refresh)));
            assert_eq!(world.introspect(&tokens.access), None);
        }
    }
}

/// TK-38, TK-39, DS-04.
#[test]
fn endpoint_is_announced_and_takes_posts_only() {
    let world = World::public();
    let reply = world.send(Request::get("/revoke?token=x"));
    assert_eq!((reply.status, header(&reply, "allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST, OPTIONS"));
    let preflight = world.send(Request::new(Method::OPTIONS, "/revoke").with("origin", "https://a.example"));
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    let document = json(&world.send(Request::get("/.well-known/oauth-authorization-server")));
    assert_eq!(document["revocation_endpoint"], "https://mcp.example.com/revoke");
    let methods = &document["revocation_endpoint_auth_methods_supported"];
    assert_eq!(*methods, document["token_endpoint_auth_methods_supported"]);
}
