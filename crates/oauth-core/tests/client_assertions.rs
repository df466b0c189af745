//! Clients that sign who they are: `private_key_jwt` (RFC 7523), for all three kinds of clients.

use crate::support::{Browser, Client, Params, Request, START, Tokens, World, body_text, json, refusal};
use http::StatusCode;
use jwt_core::testing::{TestKey, key_set};
use oauth_core::Config;
use serde_json::{Value, json};
use web_core::{PublicUrl, Reply, fetch::testing::Answer};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const CALLBACK: &str = "https://client.example/cb";
const ID: &str = "https://client.example/metadata.json";
const JWKS_URI: &str = "https://keys.example/jwks";

fn key() -> TestKey {
    TestKey::p256(7)
}

fn claims(id: &str, token_id: &str) -> Value {
    json!({
        "iss": id, "sub": id, "aud": "https://mcp.example.com", "jti": token_id,
        "iat": START, "exp": START + 60,
    })
}

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "a" })
}

fn sign(id: &str, token_id: &str) -> String {
    key().sign(&header(), &claims(id, token_id))
}

fn show(params: &Params, assertion: &str) -> Request {
    let params = params.clone().and("client_assertion_type", TYPE).and("client_assertion", assertion);
    Request::post_form("/token", &params)
}

/// A client that registered itself with its keys.
fn registered(world: &World) -> Client {
    let metadata = json!({
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": { "keys": [key().jwk("a")] },
    });
    let document = json(&world.send(Request::post_json("/register", &metadata)));
    Client { id: document["client_id"].as_str().unwrap().into(), redirect_uri: CALLBACK.into() }
}

fn document(more: &Value) -> Value {
    let mut document = json!({
        "client_id": ID, "client_name": "Signer", "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "private_key_jwt",
    });
    for (name, value) in more.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

/// A client with a document, which has its keys in it or elsewhere.
fn published(world: &World, more: &Value) -> Client {
    world.network.servers.serve(ID, Answer::json(document(more).to_string()));
    Client { id: ID.into(), redirect_uri: CALLBACK.into() }
}

fn serve_keys(world: &World, key: &TestKey, id: &str) {
    world.network.servers.serve(JWKS_URI, Answer::json(key_set(&[key.jwk(id)])));
}

fn configured(world: &mut World, more: &Value) -> Client {
    let mut entry = document(more);
    entry["client_id"] = json!("desk");
    let clients = json!([entry]).to_string();
    let url = PublicUrl::parse(world.issuer()).unwrap();
    let variable = |name: &str| if name == "clients" { clients.clone() } else { String::new() };
    world.config = Config::read(url, variable).unwrap();
    Client { id: "desk".into(), redirect_uri: CALLBACK.into() }
}

fn invalid_client() -> (u16, String) {
    (401, "invalid_client".into())
}

#[track_caller]
fn goes_all_the_way(world: &World, client: &Client) {
    let code = world.code(client);
    world.network.servers.take_requests();
    assert_eq!(refusal(&world.send(client.redeem(&code))), invalid_client(), "it must sign");
    let redeemed = world.send(show(&client.redemption(&code), &sign(&client.id, "1")));
    let tokens = Tokens::of(&redeemed);
    assert_eq!(refusal(&world.send(client.refresh(&tokens.refresh))), invalid_client());
    // RFC 7521 section 4.2: the assertion says who it is.
    let unnamed = client.refreshment(&tokens.refresh).without("client_id");
    let tokens = Tokens::of(&world.send(show(&unnamed, &sign(&client.id, "2"))));
    let revocation = Params::of(&[("token", &tokens.refresh)])
        .and("client_assertion_type", TYPE)
        .and("client_assertion", &sign(&client.id, "3"));
    assert_eq!(world.send(Request::post_form("/revoke", &revocation)).status, StatusCode::OK);
    assert_eq!(world.introspect(&tokens.access), None);
    assert_eq!(world.network.servers.take_requests().len(), 0, "CM-20: none of this fetches");
}

/// MCP-S-19, MCP-X-06.
#[test]
fn clients_that_sign_go_all_the_way() {
    let world = World::public();
    goes_all_the_way(&world, &registered(&world));

    let world = World::public();
    let jwks = json!({ "jwks": { "keys": [key().jwk("a")] } });
    goes_all_the_way(&world, &published(&world, &jwks));

    let world = World::public();
    serve_keys(&world, &key(), "a");
    goes_all_the_way(&world, &published(&world, &json!({ "jwks_uri": JWKS_URI })));

    let mut world = World::public();
    let desk = configured(&mut world, &jwks);
    goes_all_the_way(&world, &desk);

    // What the operator wrote down may be inside.
    let mut world = World::public();
    let inside = "https://keys.corp.internal:8443/jwks";
    world.network.servers.serve(inside, Answer::json(key_set(&[key().jwk("a")])));
    let desk = configured(&mut world, &json!({ "jwks_uri": inside }));
    goes_all_the_way(&world, &desk);
}

/// TK-21: whatever is wrong, one answer, and the code is as good as before.
/// MCP-X-04.
#[test]
fn bad_assertions_are_refused() {
    let world = World::public();
    let client = registered(&world);
    let code = world.code(&client);
    let id = client.id.as_str();
    let with = |name: &str, value: Value| {
        let mut claims = claims(id, "1");
        claims[name] = value;
        key().sign(&header(), &claims)
    };
    let mut without_id = claims(id, "1");
    without_id.as_object_mut().unwrap().remove("jti");
    let mut without_end = claims(id, "1");
    without_end.as_object_mut().unwrap().remove("exp");
    let good = claims(id, "1");
    let attempts = [
        with("aud", json!("https://other.example.com")),
        with("aud", json!("https://mcp.example.com/")),
        with("aud", json!([])),
        with("iss", json!("somebody else")),
        with("sub", json!("somebody else")),
        with("exp", json!(START - 31)),
        with("exp", json!(START + 2 * 60 * 60)),
        with("iat", json!(START + 60)),
        with("nbf", json!(START + 60)),
        with("jti", json!("")),
        key().sign(&header(), &without_id),
        key().sign(&header(), &without_end),
        key().sign(&json!({ "alg": "none" }), &good),
        key().sign(&json!({ "alg": "HS256", "kid": "a" }), &good),
        key().sign(&json!({ "alg": "ES256", "kid": "b" }), &good),
        key().sign(&json!({ "alg": "ES256", "jwk": key().jwk("a") }), &good),
        key().sign(&json!({ "alg": "ES256", "kid": "a", "typ": "at+jwt" }), &good),
        TestKey::p256(8).sign(&header(), &good),
        TestKey::ed25519(7).sign(&json!({ "alg": "EdDSA", "kid": "a" }), &good),
        "x".into(),
        "a.b.c".into(),
    ];
    let before = world.store.snapshot();
    for assertion in attempts {
        let refused = world.send(show(&client.redemption(&code), &assertion));
        assert_eq!(refusal(&refused), invalid_client(), "{assertion}");
    }
    let redemption = client.redemption(&code).and("client_assertion", &sign(id, "1"));
    for wrong in [redemption.clone(), redemption.and("client_assertion_type", "urn:x")] {
        let refused = world.send(Request::post_form("/token", &wrong));
        assert_eq!(refusal(&refused), (400, "invalid_request".into()));
    }
    let twice = show(&client.redemption(&code).and("client_secret", "x"), &sign(id, "1"));
    assert_eq!(refusal(&world.send(twice)), (400, "invalid_request".into()), "TK-16");
    assert_eq!(world.store.snapshot(), before, "and nothing is burnt or remembered");
    let log = world.logged.borrow().join("\n");
    assert!(log.contains("its audience is not the one expected") && !log.contains("eyJ"), "{log}");
    Tokens::of(&world.send(show(&client.redemption(&code), &sign(id, "1"))));
}

/// TK-21: an assertion is good once, for whatever it is shown.
/// MCP-X-05.
#[test]
fn assertion_is_good_once() {
    let world = World::public();
    let client = registered(&world);
    let (one, other) = (world.code(&client), world.code(&client));
    Tokens::of(&world.send(show(&client.redemption(&one), &sign(&client.id, "1"))));
    let again = world.send(show(&client.redemption(&other), &sign(&client.id, "1")));
    assert_eq!(refusal(&again), invalid_client());
    Tokens::of(&world.send(show(&client.redemption(&other), &sign(&client.id, "2"))));
}

/// TK-21: the audience may be the issuer or the token endpoint, alone or among others.
#[test]
fn audience_is_the_issuer_or_the_token_endpoint() {
    let world = World::public();
    let client = registered(&world);
    for (index, audience) in [
        json!("https://mcp.example.com"),
        json!("https://mcp.example.com/token"),
        json!(["https://other.example", "https://mcp.example.com"]),
    ]
    .into_iter()
    .enumerate()
    {
        let mut claims = claims(&client.id, &index.to_string());
        claims["aud"] = audience;
        let code = world.code(&client);
        Tokens::of(&world.send(show(&client.redemption(&code), &key().sign(&header(), &claims))));
    }
}

/// TK-03, TK-24: an assertion proves who a client is, not that a code is its own.
#[test]
fn anothers_code_stays_anothers() {
    let world = World::public();
    let (client, public) = (registered(&world), world.client());
    let code = world.code(&public);
    let refused = world.send(show(&client.redemption(&code), &sign(&client.id, "1")));
    assert_eq!(refusal(&refused), (400, "invalid_grant".into()));
    let jwks = json!({ "jwks": { "keys": [key().jwk("a")] } });
    let signer = published(&world, &jwks);
    let refused = world.send(show(&signer.redemption(&code), &sign(&signer.id, "2")));
    assert_eq!(refusal(&refused), invalid_client(), "there is no approval that has its keys");
    Tokens::of(&world.send(Client { redirect_uri: CALLBACK.into(), ..public }.redeem(&code)));
}

/// CM-17: keys in the document are a part of what was approved. Others need a new approval, also if the
/// document that is kept has them.
#[test]
fn keys_in_a_document_are_approved_with_it() {
    let world = World::public();
    let client = published(&world, &json!({ "jwks": { "keys": [key().jwk("a")] } }));
    let code = world.code(&client);
    let thief = TestKey::p256(9);
    published(&world, &json!({ "jwks": { "keys": [thief.jwk("a")] } }));
    world.advance(0);
    let mut tokens = Tokens::of(&world.send(show(&client.redemption(&code), &sign(ID, "1"))));
    let theft =
        world.send(show(&client.refreshment(&tokens.refresh), &thief.sign(&header(), &claims(ID, "2"))));
    assert_eq!(refusal(&theft), invalid_client());
    tokens = Tokens::of(&world.send(show(&client.refreshment(&tokens.refresh), &sign(ID, "3"))));
    // And a client that does not sign any more still has to, for what was approved when it did.
    world
        .network
        .servers
        .serve(ID, Answer::json(document(&json!({ "token_endpoint_auth_method": "none" })).to_string()));
    assert_eq!(refusal(&world.send(client.refresh(&tokens.refresh))), invalid_client());
}

/// CM-17: a client that did not sign once and does now. Whoever has an approval from then brings its code
/// along with a refresh token from now, to be judged by the old one.
#[test]
fn client_is_judged_by_what_the_request_is_about() {
    let world = World::public();
    let client = published(&world, &json!({ "token_endpoint_auth_method": "none" }));
    let old_code = world.code_for(&client, "mallory@example.com", &client.request());
    world.advance(86_400);
    published(&world, &json!({ "jwks": { "keys": [key().jwk("a")] } }));
    let code = world.code(&client);
    let sign_now = |token_id: &str| {
        let mut claims = claims(ID, token_id);
        claims["exp"] = json!(world.now.get() + 60);
        key().sign(&header(), &claims)
    };
    let tokens = Tokens::of(&world.send(show(&client.redemption(&code), &sign_now("1"))));
    let stolen = client.refreshment(&tokens.refresh).and("code", &old_code).and("token", &old_code);
    assert_eq!(refusal(&world.send(Request::post_form("/token", &stolen))), invalid_client());
    let given_back = Params::of(&[
        ("client_id", ID),
        ("token", &tokens.refresh),
        ("code", &old_code),
        ("grant_type", "authorization_code"),
    ]);
    assert_eq!(refusal(&world.send(Request::post_form("/revoke", &given_back))), invalid_client());
    Tokens::of(&world.send(show(&client.refreshment(&tokens.refresh), &sign_now("2"))));
}

/// CM-25: the keys' address is fetched from when a signed-in user approves, under the same rules as the
/// document, and not before.
#[test]
fn keys_are_fetched_when_a_user_approves() {
    let world = World::public();
    serve_keys(&world, &key(), "a");
    let client = published(&world, &json!({ "jwks_uri": JWKS_URI }));
    let browser = Browser::default();
    let page = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    let asked = |world: &World| {
        let requests = world.network.servers.take_requests();
        requests.into_iter().map(|(url, _)| url).collect::<Vec<_>>()
    };
    assert_eq!(asked(&world), [ID], "not at authorization");
    assert_eq!(browser.post_page(&world, &page, &[], Some("deny")).status, StatusCode::SEE_OTHER);
    assert!(asked(&world).is_empty(), "nor when the user says no");
    browser.approve(&world, &page, &["math:basic"]);
    assert_eq!(asked(&world), [JWKS_URI]);
}

/// CM-19, CM-25: keys that cannot be had or used are the same page as a document that cannot, and no grant.
#[test]
fn unusable_keys_are_no_grant() {
    let private = {
        let mut jwk = key().jwk("a");
        jwk["d"] = json!("AAAA");
        key_set(&[jwk])
    };
    let answers: Vec<Option<Answer>> = vec![
        None,
        Some(Answer::json(key_set(&[]))),
        Some(Answer::json(private)),
        Some(Answer::json(key_set(&[key().jwk("a")])).status(302)),
        Some(Answer::json(" ".repeat(40_000))),
        Some(Answer::json("x")),
    ];
    let mut pages: Vec<Reply> = Vec::new();
    for answer in answers {
        let world = World::public();
        if let Some(answer) = answer {
            world.network.servers.serve(JWKS_URI, answer);
        }
        let client = published(&world, &json!({ "jwks_uri": JWKS_URI }));
        let browser = Browser::default();
        let page = browser.sign_in(&world, "alice@example.com", &client.request().encode());
        let refused = browser.approve(&world, &page, &["math:basic"]);
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(body_text(&refused).contains("cannot be checked"), "{}", body_text(&refused));
        assert!(world.grants().is_empty());
        pages.push(refused);
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
}

/// CM-17, CM-18: a client that changes the keys at their address goes on where they were fetched since, and
/// is sent to the user where they were not; keys that it withdrew do not live on.
#[test]
fn keys_elsewhere_may_change() {
    let world = World::public();
    serve_keys(&world, &key(), "a");
    let client = published(&world, &json!({ "jwks_uri": JWKS_URI }));
    let code = world.code(&client);
    let tokens = Tokens::of(&world.send(show(&client.redemption(&code), &sign(ID, "1"))));
    let new_key = TestKey::p256(11);
    serve_keys(&world, &new_key, "b");
    let sign_new = |token_id: &str| {
        let mut claims = claims(ID, token_id);
        claims["exp"] = json!(world.now.get() + 60);
        new_key.sign(&json!({ "alg": "ES256", "kid": "b" }), &claims)
    };
    world.advance(61);
    let refreshed = |assertion: &str| world.send(show(&client.refreshment(&tokens.refresh), assertion));
    assert_eq!(refusal(&refreshed(&sign_new("2"))), invalid_client(), "nobody has fetched them yet");
    let again = world.code_for(&client, "bob@example.com", &client.request());
    Tokens::of(&world.send(show(&client.redemption(&again), &sign_new("3"))));
    let mut old = claims(ID, "4");
    old["exp"] = json!(world.now.get() + 60);
    assert_eq!(refusal(&refreshed(&key().sign(&header(), &old))), invalid_client(), "withdrawn");
    Tokens::of(&refreshed(&sign_new("5")));
    // The address is down and what was fetched is pushed out of its slot: the grants' own copies are there.
    world.network.servers.unplug(JWKS_URI);
    world.advance(86_400);
}

/// DS-04: whoever takes signatures says of which kinds (RFC 8414 section 2).
/// MCP-X-03.
#[test]
fn metadata_names_the_algorithms() {
    let document = json(&World::public().send(Request::get("/.well-known/oauth-authorization-server")));
    for endpoint in ["token", "revocation"] {
        let methods = &document[format!("{endpoint}_endpoint_auth_methods_supported")];
        assert!(methods.as_array().unwrap().contains(&json!("private_key_jwt")));
        let algorithms = &document[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")];
        assert_eq!(*algorithms, json!(["RS256", "PS256", "ES256", "EdDSA"]));
    }
}

/// S1: an assertion counts only if the rest of the request is good, so a client whose requests are refused stores
/// nothing, however many it sends.
#[test]
fn refused_requests_remember_no_assertion() {
    let world = World::public();
    let stranger = registered(&world);
    let code = world.code(&stranger);
    let before = world.store.snapshot();
    let wrong_verifier = stranger.redemption(&code).with("code_verifier", &"x".repeat(43));
    for (index, request) in [
        stranger.redemption("made up"),
        stranger.refreshment("made up"),
        wrong_verifier,
        stranger.redemption(&code).with("redirect_uri", "https://other.example/"),
        stranger.redemption(&code).with("resource", "https://other.example/"),
    ]
    .into_iter()
    .enumerate()
    {
        let refused = world.send(show(&request, &sign(&stranger.id, &index.to_string())));
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", body_text(&refused));
        // The same assertion is good for a request that is.
        let again = world.send(show(&request, &sign(&stranger.id, &index.to_string())));
        assert_eq!(again, refused);
    }
    let revocation = Params::of(&[("token", "made up")])
        .and("client_assertion_type", TYPE)
        .and("client_assertion", &sign(&stranger.id, "revoke"));
    assert_eq!(world.send(Request::post_form("/revoke", &revocation)).status, StatusCode::OK);
    assert_eq!(world.store.snapshot(), before);
    Tokens::of(&world.send(show(&stranger.redemption(&code), &sign(&stranger.id, "0"))));
}

/// S1: a stranger who refreshes without end refuses no honest client, be it registered, published or configured.
#[test]
fn flood_of_a_stranger_refuses_no_honest_client() {
    let mut world = World::public();
    let desk = configured(&mut world, &json!({ "jwks": { "keys": [key().jwk("a")] } }));
    let honest = published(&world, &json!({ "jwks": { "keys": [key().jwk("a")] } }));
    let stranger = registered(&world);
    let redeem = |client: &Client| {
        let code = world.code(client);
        Tokens::of(&world.send(show(&client.redemption(&code), &sign(&client.id, "first"))))
    };
    let [mut desk_tokens, mut honest_tokens, mut tokens] =
        [redeem(&desk), redeem(&honest), redeem(&stranger)];
    for index in 0..60 {
        let refresh = |client: &Client, tokens: &Tokens| {
            let assertion = sign(&client.id, &index.to_string());
            Tokens::of(&world.send(show(&client.refreshment(&tokens.refresh), &assertion)))
        };
        tokens = refresh(&stranger, &tokens);
        if index % 20 == 0 {
            desk_tokens = refresh(&desk, &desk_tokens);
            honest_tokens = refresh(&honest, &honest_tokens);
        }
    }
    let keys: Vec<String> = world.store.snapshot().into_keys().collect();
    let own = keys.iter().filter(|key| key.starts_with("postern:j:") && key.len() > "postern:j:00".len());
    assert!((1..=4).contains(&own.count()), "the configured client has lists of its own: {keys:?}");
}

/// S1: an assertion lives for a few minutes, so that what is remembered is bounded.
#[test]
fn assertion_lives_for_minutes() {
    let world = World::public();
    let client = registered(&world);
    let code = world.code(&client);
    let living = |seconds: u64| {
        let mut claims = claims(&client.id, "1");
        claims["exp"] = json!(START + seconds);
        key().sign(&header(), &claims)
    };
    for seconds in [10 * 60, 60 * 60] {
        let refused = world.send(show(&client.redemption(&code), &living(seconds)));
        assert_eq!(refusal(&refused), invalid_client());
    }
    Tokens::of(&world.send(show(&client.redemption(&code), &living(5 * 60))));
}
