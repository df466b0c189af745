//! Confidential clients: each authenticates as it registered, and no other way (RFC 6749 section 2.3).

use crate::support::{Client, Params, Request, Tokens, World, basic, header, json, refusal};
use oauth_core::{client, config::Tolerances};
use store_core::{Keyring, seal};
use web_core::Reply;

fn invalid_client() -> (u16, String) {
    (401, "invalid_client".to_owned())
}

/// The same request with the secret in the header.
fn with_basic(request: Request, client: &Client, secret: &str) -> Request {
    request.with("authorization", &basic(&client.id, secret))
}

/// The same request with the secret in the body.
fn with_post(request: Request, secret: &str) -> Request {
    let body = String::from_utf8(request.body.clone()).unwrap();
    request.with_body(format!("{body}&client_secret={secret}"))
}

#[track_caller]
fn assert_challenged(reply: &Reply) {
    assert_eq!(refusal(reply), invalid_client());
    assert!(header(reply, "www-authenticate").starts_with("Basic "), "RFC 6749 section 5.2");
}

/// MCP-X-07.
#[test]
fn confidential_clients_go_all_the_way() {
    let world = World::public();
    let (client, secret) = world.confidential("client_secret_basic");
    let code = world.code(&client);
    let named_in_header = Request::post_form("/token", &client.redemption(&code).without("client_id"));
    let tokens = Tokens::of(&world.send(with_basic(named_in_header, &client, &secret)));
    let named_twice = with_basic(client.refresh(&tokens.refresh), &client, &secret);
    Tokens::of(&world.send(named_twice));
    let (client, secret) = world.confidential("client_secret_post");
    let code = world.code(&client);
    let tokens = Tokens::of(&world.send(with_post(client.redeem(&code), &secret)));
    Tokens::of(&world.send(with_post(client.refresh(&tokens.refresh), &secret)));
}

/// TK-17, TK-19, TK-20: another method, no secret, another client's secret, almost the secret; nothing
/// is used up, and one text for all.
/// MCP-S-51.
#[test]
fn only_the_registered_method_with_the_secret_is_good() {
    let world = World::public();
    for method in ["client_secret_basic", "client_secret_post"] {
        let (client, secret) = world.confidential(method);
        let (_, other_secret) = world.confidential(method);
        let code = world.code(&client);
        let before = world.store.snapshot();
        let redeem = || client.redeem(&code);
        let mut attempts = vec![redeem()];
        for wrong in ["x", &other_secret, &secret[..secret.len() - 1], &format!("{secret}A"), "postern_cs_"] {
            attempts.push(with_basic(redeem(), &client, wrong));
            attempts.push(with_post(redeem(), wrong));
        }
        attempts.push(with_basic(redeem(), &client, ""));
        attempts.push(match method {
            "client_secret_basic" => with_post(redeem(), &secret),
            _ => with_basic(redeem(), &client, &secret),
        });
        let replies: Vec<Reply> = attempts.into_iter().map(|attempt| world.send(attempt)).collect();
        for reply in &replies {
            assert_challenged(reply);
            assert_eq!(*reply, replies[0]);
        }
        let both = with_basic(with_post(redeem(), &secret), &client, &secret);
        assert_eq!(refusal(&world.send(both)), (400, "invalid_request".into()), "TK-16");
        assert_eq!(world.store.snapshot(), before);
        let good = match method {
            "client_secret_basic" => with_basic(redeem(), &client, &secret),
            _ => with_post(redeem(), &secret),
        };
        Tokens::of(&world.send(good));
    }
}

/// TK-18: malformed headers; a name in the body that is not the one in the header.
#[test]
fn header_must_be_well_formed_and_agree_with_the_body() {
    let world = World::public();
    let (client, secret) = world.confidential("client_secret_basic");
    let (other, _) = world.confidential("client_secret_basic");
    let code = world.code(&client);
    let good = basic(&client.id, &secret);
    for bad in ["Basic", "Basic ", "Basic !", "Basic bm8gY29sb24=", "Basic OnNlY3JldA==", "Basic JXp6Ong="] {
        assert_challenged(&world.send(client.redeem(&code).with("authorization", bad)));
    }
    let twice = client.redeem(&code).with("authorization", &good).with("authorization", &good);
    assert_challenged(&world.send(twice));
    let disagreeing = Request::post_form("/token", &client.redemption(&code).with("client_id", &other.id));
    assert_challenged(&world.send(disagreeing.with("authorization", &good)));
    let lower_case = good.replacen("Basic", "bASIC", 1);
    Tokens::of(&world.send(client.redeem(&code).with("authorization", &lower_case)));
}

/// TK-19: a public client has nothing to show, so whoever shows something in its name is not it.
#[test]
fn public_client_cannot_show_a_secret() {
    let mut world = World::public();
    let client = world.client();
    let (_, secret) = world.confidential("client_secret_basic");
    let code = world.code(&client);
    for secret in ["x", &secret] {
        assert_challenged(&world.send(with_basic(client.redeem(&code), &client, secret)));
        assert_challenged(&world.send(with_post(client.redeem(&code), secret)));
    }
    world.config.tolerances = Tolerances::parse("empty_secret").unwrap();
    assert_challenged(&world.send(with_basic(client.redeem(&code), &client, "")));
    Tokens::of(&world.send(client.redeem(&code)));
}

/// C18, tolerance `empty_secret`: a public client names itself in the header, with nothing where the secret would be.
#[test]
fn public_client_may_send_an_empty_secret() {
    let mut world = World::public();
    let configured = world.configured();
    for client in [world.client(), configured] {
        let code = world.code(&client);
        world.logged.borrow_mut().clear();
        let unnamed = Request::post_form("/token", &client.redemption(&code).without("client_id"));
        let tokens = Tokens::of(&world.send(with_basic(unnamed, &client, "")));
        assert_eq!(*world.logged.borrow(), ["tolerance: empty_secret"]);
        Tokens::of(&world.send(with_basic(client.refresh(&tokens.refresh), &client, "")));
        let (other, _) = world.confidential("client_secret_basic");
        assert_challenged(&world.send(with_basic(client.refresh(&tokens.refresh), &other, "")));
    }
    let (confidential, _) = world.confidential("client_secret_basic");
    let code = world.code(&confidential);
    assert_challenged(&world.send(with_basic(confidential.redeem(&code), &confidential, "")));
}

/// C7: each refusal has one line in the log, which says why and has no secret, token or code in it.
#[test]
fn refusals_have_one_line_in_the_log() {
    let world = World::public();
    let (client, secret) = world.confidential("client_secret_basic");
    let public = world.client();
    let code = world.code(&public);
    let good = |request: Request| with_basic(request, &client, &secret);
    let form = |path: &str, params: &[(&str, &str)]| Request::post_form(path, &Params::of(params));
    for (request, cause) in [
        (Request::get("/token"), "the method is not allowed"),
        (Request::post_form("/token", &Params::default()), "invalid_request: grant_type is missing"),
        (form("/token", &[("grant_type", "x"), ("client_id", &public.id)]), "unsupported_grant_type: "),
        (form("/token", &[("grant_type", "x")]), "invalid_client: the request names no client"),
        (public.redeem("x").with("authorization", "Basic !"), "invalid_client: the Authorization header"),
        (
            client.redeem("x"),
            "invalid_client: the client is registered for client_secret_basic and used none",
        ),
        (with_basic(client.redeem("x"), &client, "s3cret"), "invalid_client: the client secret is wrong"),
        (
            form("/token", &[("grant_type", "x"), ("client_id", "x")]),
            "invalid_client: the client id is unknown",
        ),
        (public.redeem("postern_ac_s3cret"), "invalid_grant: the code or refresh token is not one of"),
        (
            good(client.redeem(&code)),
            "invalid_grant: the code or refresh token is not good: of another client",
        ),
        (public.refresh("s3cret"), "invalid_grant: "),
        (form("/revoke", &[("token", "s3cret")]), "invalid_client: the request names no client"),
        (form("/revoke", &[("client_id", &public.id)]), "invalid_request: token is missing"),
        (Request::get("/revoke"), "the method is not allowed"),
        (form("/introspect", &[("token", "s3cret"), ("client_id", &public.id)]), "invalid_client: a public"),
        (Request::get("/introspect"), "the method is not allowed"),
        (
            Request::post_json("/register", &serde_json::json!({})),
            "invalid_redirect_uri: redirect_uris must be",
        ),
        (Request::get("/register"), "the method is not allowed"),
    ] {
        world.logged.borrow_mut().clear();
        let path = request.path.clone();
        let reply = world.send(request);
        assert!(reply.status.is_client_error(), "{cause}");
        let log = world.logged.borrow();
        assert_eq!(log.len(), 1, "{cause}: {log:?}");
        assert!(log[0].starts_with(&format!("refused: {path}: {cause}")), "{cause}: {log:?}");
        assert!(!log[0].contains("s3cret") && !log[0].contains(&code), "{log:?}");
    }
}

/// TK-20, RG-11: who registers a client's metadata again is not given its secret, and nothing of either
/// is stored.
#[test]
fn same_metadata_gives_another_confidential_client() {
    let world = World::public();
    let (one, secret) = world.confidential("client_secret_basic");
    let (other, other_secret) = world.confidential("client_secret_basic");
    assert_ne!(one.id, other.id);
    assert_ne!(secret, other_secret);
    assert_eq!(world.client().id, world.client().id, "a public client stays one client");
    assert!(world.store.is_empty());
}

/// The secret lives as long as the id: through a rotation, and no longer than the key.
#[test]
fn secret_survives_rotation() {
    let mut world = World::public();
    let (client, secret) = world.confidential("client_secret_basic");
    let (new, old) = (seal::to_text(&[8; 32]), seal::to_text(&[7; 32]));
    world.keys = Keyring::parse(&format!("{new},{old}")).unwrap();
    let code = world.code(&client);
    Tokens::of(&world.send(with_basic(client.redeem(&code), &client, &secret)));
    let code = world.code(&client);
    world.keys = Keyring::parse(&new).unwrap();
    assert_challenged(&world.send(with_basic(client.redeem(&code), &client, &secret)));
}

/// DS-04.
#[test]
fn metadata_names_the_methods() {
    let document = json(&World::public().send(Request::get("/.well-known/oauth-authorization-server")));
    let methods = &document["token_endpoint_auth_methods_supported"];
    assert_eq!(*methods, serde_json::json!(client::authentication::METHODS));
}
