//! Attacks on the token endpoint: rows TK of the threat list.

use crate::support::{Params, Request, Tokens, VERIFIER, World, body_text, header, refusal};
use http::{Method, StatusCode};
use oauth_core::records::GrantState;
use web_core::Reply;

fn invalid(code: &str) -> (u16, String) {
    (400, code.to_owned())
}

fn post(world: &World, params: &Params) -> Reply {
    world.send(Request::post_form("/token", params))
}

/// TK-01, RFC 6749 section 4.1.2: a code is redeemed twice in a row; a client that sent its request
/// twice must not lose what it just got.
#[test]
fn code_is_good_once() {
    let world = World::local();
    let client = world.client();
    let code = world.code(&client);
    let tokens = Tokens::of(&world.send(client.redeem(&code)));
    world.advance(10);
    assert_eq!(refusal(&world.send(client.redeem(&code))), invalid("invalid_grant"));
    assert!(world.introspect(&tokens.access).is_some(), "within ten seconds nothing is revoked");
}

/// TK-01: the code comes again later, from somebody who has the verifier too.
/// MCP-S-41.
#[test]
fn code_replay_revokes_the_grant() {
    for wait in [11, 3_600] {
        let world = World::local();
        let client = world.client();
        let code = world.code(&client);
        let tokens = Tokens::of(&world.send(client.redeem(&code)));
        let refreshed = Tokens::of(&world.send(client.refresh(&tokens.refresh)));
        world.advance(wait);
        assert_eq!(refusal(&world.send(client.redeem(&code))), invalid("invalid_grant"));
        assert_eq!(world.introspect(&tokens.access), None);
        assert_eq!(refusal(&world.send(client.refresh(&refreshed.refresh))), invalid("invalid_grant"));
        assert!(matches!(world.grant().state, GrantState::Revoked { .. }));
    }
}

/// TK-02, TK-03, TK-05, TK-07: a stolen code is tried without the verifier, or by another client, or
/// for another redirect URI, before the owner and after: nothing is burned and nothing is revoked.
/// MCP-S-40, MCP-S-43.
#[test]
fn code_is_not_burned_by_who_cannot_prove_to_be_the_client() {
    let world = World::public();
    let (client, thief) = (world.client(), world.register(&["https://thief.example/cb"]));
    let code = world.code(&client);
    let good = client.redemption(&code);
    let long = "v".repeat(129);
    let mut attempts: Vec<Params> =
        ["short", &VERIFIER[1..], &long, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"]
            .map(|verifier| good.clone().with("code_verifier", verifier))
            .to_vec();
    attempts.push(good.clone().with("code_verifier", &format!("{VERIFIER}\u{e9}")));
    attempts.push(good.clone().with("client_id", &thief.id));
    attempts.push(good.clone().with("client_id", &thief.id).with("redirect_uri", &thief.redirect_uri));
    attempts.push(good.clone().with("client_id", &thief.id).with("resource", "https://evil.example/"));
    attempts.push(good.clone().with("redirect_uri", "https://client.example/cb/"));
    let try_all = || {
        let before = world.store.snapshot();
        let bodies: Vec<String> = attempts
            .iter()
            .map(|attempt| {
                let reply = post(&world, attempt);
                assert_eq!(refusal(&reply), invalid("invalid_grant"), "{attempt:?}");
                body_text(&reply).to_owned()
            })
            .collect();
        assert!(bodies.iter().all(|body| *body == bodies[0]), "one text for all of them");
        assert_eq!(
            refusal(&post(&world, &good.clone().without("code_verifier"))),
            invalid("invalid_request")
        );
        assert_eq!(
            refusal(&post(&world, &good.clone().with("code_verifier", ""))),
            invalid("invalid_request")
        );
        assert_eq!(world.store.snapshot(), before);
    };
    try_all();
    let tokens = Tokens::of(&post(&world, &good));
    world.advance(30);
    try_all();
    assert!(world.introspect(&tokens.access).is_some());
}

/// RFC 8707 section 2.2: a mistaken resource is told before the code is used up.
#[test]
fn mistaken_resource_does_not_burn_the_code() {
    let world = World::public();
    let client = world.client();
    let code = world.code(&client);
    for resource in ["https://mcp.example.com", "https://evil.example/mcp"] {
        let reply = post(&world, &client.redemption(&code).with("resource", resource));
        assert_eq!(refusal(&reply), invalid("invalid_target"));
    }
    Tokens::of(&world.send(client.redeem(&code)));
}

/// TK-04: a code is kept for later.
/// MCP-S-42.
#[test]
fn code_ends_after_a_minute() {
    let world = World::local();
    let client = world.client();
    let code = world.code(&client);
    world.advance(59);
    let stolen = post(&world, &client.redemption(&code).with("code_verifier", &"v".repeat(43)));
    assert_eq!(refusal(&stolen), invalid("invalid_grant"));
    world.advance(1);
    assert_eq!(refusal(&world.send(client.redeem(&code))), invalid("invalid_grant"));
}

/// TK-10: one kind of credential is shown where another is wanted, with its prefix changed too.
#[test]
fn credentials_do_not_pass_for_each_other() {
    let world = World::local();
    let client = world.client();
    let spare = world.code(&client);
    let tokens = world.tokens(&client);
    let all = [spare.as_str(), &tokens.access, &tokens.refresh];
    let prefixes = ["postern_ac_", "postern_at_", "postern_rt_"];
    for (index, credential) in all.into_iter().enumerate() {
        for (place, prefix) in prefixes.into_iter().enumerate().filter(|(place, _)| *place != index) {
            let renamed = credential.replace(prefixes[index], prefix);
            for text in [credential, &renamed] {
                match place {
                    0 => assert_eq!(refusal(&world.send(client.redeem(text))), invalid("invalid_grant")),
                    1 => assert_eq!(world.introspect(text), None),
                    _ => assert_eq!(refusal(&world.send(client.refresh(text))), invalid("invalid_grant")),
                }
            }
        }
    }
    assert!(world.introspect(&tokens.access).is_some());
}

/// TK-09: junk at the end, another alphabet, padding, other case.
#[test]
fn credential_has_one_spelling() {
    let world = World::local();
    let client = world.client();
    let tokens = world.tokens(&client);
    let before = world.store.snapshot();
    let spellings = |text: &str| {
        let prefix = text.replacen("postern", "Postern", 1);
        [format!("{text}="), format!("{text}A"), format!(" {text}"), format!("{text}\n"), prefix]
    };
    for refresh_token in spellings(&tokens.refresh) {
        assert_eq!(refusal(&world.send(client.refresh(&refresh_token))), invalid("invalid_grant"));
    }
    for access_token in spellings(&tokens.access) {
        assert_eq!(world.introspect(&access_token), None);
    }
    assert_eq!(world.store.snapshot(), before);
}

/// TK-11, TK-13, TK-14, TK-15, HT-08: requests that another parser would read differently.
#[test]
fn token_request_is_read_strictly() {
    let world = World::local();
    let client = world.client();
    let code = world.code(&client);
    let before = world.store.snapshot();
    let good = client.redemption(&code);
    assert_eq!(refusal(&post(&world, &good.clone().without("grant_type"))), invalid("invalid_request"));
    for grant_type in ["password", "client_credentials", "implicit", "AUTHORIZATION_CODE"] {
        let reply = post(&world, &good.clone().with("grant_type", grant_type));
        assert_eq!(refusal(&reply), invalid("unsupported_grant_type"), "{grant_type}");
    }
    for name in ["grant_type", "client_id", "code", "code_verifier", "redirect_uri", "anything"] {
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for second in [name, &encoded] {
            let body = format!("{}&{name}=x&{second}=x", good.clone().without(name).encode());
            let reply = world.send(client.redeem(&code).with_body(body));
            assert_eq!(refusal(&reply), invalid("invalid_request"), "{name} twice");
        }
    }
    let in_query = Request { query: Some(good.encode()), ..client.redeem(&code) };
    assert_eq!(refusal(&world.send(in_query.with_body(""))), invalid("invalid_request"));
    let beside_it = Request { query: Some("x=1".into()), ..client.redeem(&code) };
    assert_eq!(refusal(&world.send(beside_it)), invalid("invalid_request"), "a query beside a good body");
    for content_type in [
        "application/json",
        "text/plain",
        "multipart/form-data",
        "text/application/x-www-form-urlencoded",
        "",
    ] {
        let request = client.redeem(&code).without("content-type").with("content-type", content_type);
        assert_eq!(refusal(&world.send(request)), invalid("invalid_request"), "{content_type}");
    }
    for body in ["code=%", "code=%zz", "code=%ff", &"a=1&".repeat(65)] {
        let reply = world.send(client.redeem(&code).with_body(body));
        assert_eq!(refusal(&reply), invalid("invalid_request"), "{body}");
    }
    let compressed = world.send(client.redeem(&code).with("content-encoding", "gzip"));
    assert_eq!(compressed.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "HT-14");
    assert_eq!(world.store.snapshot(), before);
    let parameters = "Application/X-WWW-Form-URLEncoded; charset=utf-8";
    let request = client.redeem(&code).without("content-type").with("content-type", parameters);
    Tokens::of(&world.send(request));
}

/// HT-01: a body that is too large, by one byte.
#[test]
fn bodies_are_bounded() {
    let world = World::local();
    for (path, limit, content_type) in [
        ("/token", 16 * 1024, "application/x-www-form-urlencoded"),
        ("/register", 16 * 1024, "application/json"),
        ("/authorize", 16 * 1024, "application/x-www-form-urlencoded"),
        ("/sign-in", 80 * 1024, "application/x-www-form-urlencoded"),
        ("/consent", 80 * 1024, "application/x-www-form-urlencoded"),
    ] {
        for (length, is_too_large) in [(limit, false), (limit + 1, true)] {
            let request = Request::new(Method::POST, path).with("content-type", content_type);
            let request = request
                .with("sec-fetch-site", "same-origin")
                .with_body(format!("a={}", "a".repeat(length - 2)));
            let reply = world.send(request);
            assert_eq!(reply.status == StatusCode::PAYLOAD_TOO_LARGE, is_too_large, "{path} {length}");
        }
    }
}

/// TK-16, TK-18, TK-19: a public client that shows a secret is not what it registered as; two ways at
/// once are no way (RFC 6749 sections 2.3 and 5.2).
#[test]
fn public_client_has_no_secret_to_show() {
    let world = World::local();
    let client = world.client();
    let code = world.code(&client);
    let good = client.redemption(&code);
    for header in ["Basic Zm9vOmJhcg==", "Basic", "Bearer x", "basic %%%"] {
        let reply = world.send(client.redeem(&code).with("authorization", header));
        assert_eq!(refusal(&reply), (401, "invalid_client".into()), "{header}");
        assert!(reply.headers["www-authenticate"].to_str().unwrap().starts_with("Basic "));
    }
    let good_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    for (name, value) in [("client_secret", "guess"), ("client_assertion", "e30.e30."), ("client_id", "x")] {
        let good = match name {
            "client_assertion" => good.clone().with("client_assertion_type", good_type),
            _ => good.clone(),
        };
        let reply = post(&world, &good.with(name, value));
        assert_eq!(refusal(&reply), (401, "invalid_client".into()), "{name}");
    }
    assert_eq!(refusal(&post(&world, &good.clone().without("client_id"))), (401, "invalid_client".into()));
    let twice = Request::post_form("/token", &good.clone().with("client_secret", "guess"));
    let twice = world.send(twice.with("authorization", "Basic Zm9vOmJhcg=="));
    assert_eq!(refusal(&twice), invalid("invalid_request"), "TK-16");
    Tokens::of(&post(&world, &good));
}

/// TK-39, HT-16, HT-17: scripts of any origin may ask, and no cookie is read.
#[test]
fn script_may_ask_without_credentials() {
    let world = World::public();
    for path in ["/token", "/register", "/.well-known/oauth-authorization-server"] {
        let preflight =
            world.send(Request::new(Method::OPTIONS, path).with("origin", "https://inspector.example"));
        assert_eq!(preflight.status, StatusCode::NO_CONTENT);
        assert_eq!(header(&preflight, "access-control-allow-origin"), "*");
        assert!(!preflight.headers.contains_key("access-control-allow-credentials"));
    }
    let client = world.client();
    let code = world.code(&client);
    let reply = world.send(client.redeem(&code).with("origin", "https://inspector.example"));
    assert_eq!(header(&reply, "access-control-allow-origin"), "*");
    let refused = world.send(client.redeem(&code).with("origin", "https://inspector.example"));
    assert_eq!(header(&refused, "access-control-allow-origin"), "*", "errors can be read too");
}
