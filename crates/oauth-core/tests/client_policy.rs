//! What an operator decides about clients: who may come, and in which way.

use crate::support::{Browser, Client, Request, Tokens, World, basic, body_text, json, refusal};
use http::StatusCode;
use oauth_core::Config;
use serde_json::{Value, json};
use web_core::{PublicUrl, Reply};

const SECRET: &str = "a secret of the desk's that is long";

/// A public server with these variables.
fn world_with(variables: &[(&str, &str)]) -> World {
    let mut world = World::public();
    configure(&mut world, variables);
    world
}

fn configure(world: &mut World, variables: &[(&str, &str)]) {
    let url = PublicUrl::parse(world.issuer()).unwrap();
    let variable = |name: &str| {
        let set = variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        set.unwrap_or_default()
    };
    world.config = Config::read(url, variable).unwrap();
}

fn deny(world: &mut World, client_id: &str) {
    configure(world, &[("denied_clients", client_id)]);
}

fn page_of(world: &World, client: &Client) -> Reply {
    Browser::default().get(world, &format!("/authorize?{}", client.request().encode()))
}

/// RG-18.
#[test]
fn closed_registration_is_not_there_and_not_announced() {
    let world = world_with(&[("registration", "closed")]);
    let metadata = json!({ "redirect_uris": ["https://client.example/cb"] });
    for request in [Request::post_json("/register", &metadata), Request::get("/register")] {
        assert_eq!(world.send(request).status, StatusCode::NOT_FOUND);
    }
    let closed = json(&world.send(Request::get("/.well-known/oauth-authorization-server")));
    assert_eq!(closed.get("registration_endpoint"), None);
    let open = json(&World::public().send(Request::get("/.well-known/oauth-authorization-server")));
    assert_eq!(open["registration_endpoint"], "https://mcp.example.com/register");
}

/// A client that registered while it could goes on when registration is closed.
#[test]
fn registered_clients_outlive_the_closing_of_registration() {
    let mut world = World::public();
    let client = world.client();
    configure(&mut world, &[("registration", "closed")]);
    world.tokens(&client);
}

/// RG-11: switching a client off reaches everything of it at once: the page, the code, the refresh token
/// and the access tokens that are out; and it cannot register its way around that. Others go on.
#[test]
fn denied_client_gets_nothing_and_keeps_nothing() {
    let mut world = World::public();
    let (client, other) = (world.client(), world.register(&["https://other.example/cb"]));
    let (tokens, others) = (world.tokens(&client), world.tokens(&other));
    let code = world.code(&client);
    let consent = Browser::default();
    let page = consent.sign_in(&world, "alice@example.com", &client.request().encode());
    deny(&mut world, &client.id);

    let before = world.store.snapshot();
    let denied = page_of(&world, &client);
    assert_eq!(denied.status, StatusCode::BAD_REQUEST);
    assert!(body_text(&denied).contains("not let in here"), "{}", body_text(&denied));
    let asked = Request::get(&format!("/authorize?{}", client.request().encode()));
    let unauthorized = (400, "unauthorized_client".to_owned());
    assert_eq!(refusal(&world.send(asked.with("accept", "application/json"))), unauthorized);
    let approved = consent.approve(&world, &page, &["math:basic"]);
    assert_eq!(approved.status, StatusCode::BAD_REQUEST, "a page that was open");
    assert_eq!(refusal(&world.send(client.redeem(&code))), unauthorized);
    assert_eq!(refusal(&world.send(client.refresh(&tokens.refresh))), unauthorized);
    assert_eq!(world.introspect(&tokens.access), None);
    let again = json!({ "client_name": "Inspector", "redirect_uris": [client.redirect_uri] });
    let again = refusal(&world.send(Request::post_json("/register", &again)));
    assert_eq!(again, (400, "invalid_client_metadata".into()));
    assert_eq!(world.store.snapshot(), before, "and nothing is burnt");

    assert!(world.introspect(&others.access).is_some());
    Tokens::of(&world.send(other.refresh(&others.refresh)));
    configure(&mut world, &[]);
    assert!(world.introspect(&tokens.access).is_some(), "it was a switch");
    Tokens::of(&world.send(client.redeem(&code)));
}

fn desk(id: &str, more: &Value) -> (String, Client) {
    let mut entry =
        json!({ "client_id": id, "client_name": "Desk", "redirect_uris": ["https://desk.example/cb"] });
    for (name, value) in more.as_object().unwrap() {
        entry[name] = value.clone();
    }
    let client = Client { id: id.into(), redirect_uri: "https://desk.example/cb".into() };
    (json!([entry]).to_string(), client)
}

/// Clients of the operator's own go all the way, each proving itself in its way; and are switched off as
/// others are.
#[test]
fn configured_clients_go_all_the_way() {
    let (public, client) = desk("desk", &json!({}));
    let mut world = world_with(&[("clients", &public), ("registration", "closed")]);
    let tokens = world.tokens(&client);
    assert_eq!(world.introspect(&tokens.access).unwrap().client_id, "desk");
    configure(&mut world, &[("clients", &public), ("denied_clients", "desk")]);
    assert_eq!(world.introspect(&tokens.access), None);
    assert_eq!(page_of(&world, &client).status, StatusCode::BAD_REQUEST);

    let secret = SECRET.replace(' ', "-");
    let (confidential, client) = desk("desk", &json!({ "client_secret": secret }));
    let world = world_with(&[("clients", &confidential)]);
    let code = world.code(&client);
    for wrong in ["", "x", &secret[1..]] {
        let refused = world.send(client.redeem(&code).with("authorization", &basic("desk", wrong)));
        assert_eq!(refusal(&refused), (401, "invalid_client".into()), "{wrong}");
    }
    assert_eq!(refusal(&world.send(client.redeem(&code))), (401, "invalid_client".into()), "TK-19");
    Tokens::of(&world.send(client.redeem(&code).with("authorization", &basic("desk", &secret))));
}

/// An id that is known in two ways is the operator's client: here one that registered itself is given
/// another redirect URI, and loses the one that it had.
#[test]
fn configuration_comes_before_registration() {
    let mut world = World::public();
    let registered = world.client();
    let (configured, client) = desk(&registered.id, &json!({}));
    configure(&mut world, &[("clients", &configured)]);
    assert_eq!(page_of(&world, &registered).status, StatusCode::BAD_REQUEST);
    world.tokens(&client);
}

/// RG-04, RG-13: a scheme that the operator takes off the list is refused at registration, and at
/// authorization of those who registered it before.
#[test]
fn private_schemes_are_the_operators_to_list() {
    let mut world = World::public();
    let editor =
        world.register(&["cursor://anysphere.cursor-mcp/oauth/callback", "https://client.example/cb"]);
    world.code(&editor);
    assert!(world.logged.borrow().contains(&"tolerance: private_schemes".to_owned()));
    for variables in
        [&[("private_schemes", "zed")][..], &[("private_schemes", "cursor"), ("strict", "private_schemes")]]
    {
        configure(&mut world, variables);
        assert_eq!(page_of(&world, &editor).status, StatusCode::BAD_REQUEST);
        let web = Client { redirect_uri: "https://client.example/cb".into(), ..editor.clone() };
        assert_eq!(page_of(&world, &web).status, StatusCode::OK, "its other redirect URI is as good as ever");
        let metadata = json!({ "redirect_uris": [editor.redirect_uri] });
        let refused = refusal(&world.send(Request::post_json("/register", &metadata)));
        assert_eq!(refused, (400, "invalid_redirect_uri".into()));
    }
}

/// RFC 8252 section 7.3 speaks of loopback addresses; the name is a tolerance, which says so in the log.
#[test]
fn another_port_of_localhost_is_a_tolerance() {
    let mut world = World::public();
    let named = world.register(&["http://localhost:3334/cb"]);
    let address = world.register(&["http://127.0.0.1:3334/cb"]);
    let at = |client: &Client, uri: &str| Client { redirect_uri: uri.into(), ..client.clone() };
    let (named, address) = (at(&named, "http://localhost:9/cb"), at(&address, "http://127.0.0.1:9/cb"));
    // The requests name no resource, which is another tolerance.
    let is_about_this = |line: &String| line != "tolerance: default_resource";
    let logged =
        |world: &World| world.logged.borrow_mut().drain(..).filter(is_about_this).collect::<Vec<_>>();
    logged(&world);
    assert_eq!(page_of(&world, &address).status, StatusCode::OK);
    assert!(logged(&world).is_empty(), "an address needs no tolerance");
    assert_eq!(page_of(&world, &named).status, StatusCode::OK);
    assert_eq!(logged(&world), ["tolerance: loopback_localhost"]);
    configure(&mut world, &[("strict", "loopback_localhost")]);
    assert_eq!(page_of(&world, &named).status, StatusCode::BAD_REQUEST);
    assert_eq!(page_of(&world, &address).status, StatusCode::OK);
    assert_eq!(page_of(&world, &at(&named, "http://localhost:3334/cb")).status, StatusCode::OK);
}

/// One client, one id, at every start and through a rotation of keys.
#[test]
fn registration_is_idempotent() {
    let mut world = World::public();
    let metadata = json!({
        "redirect_uris": ["http://127.0.0.1:1/cb"],
        "token_endpoint_auth_method": "none",
        "application_type": "native",
        "scope": "math:basic",
    });
    let register = |world: &World| json(&world.send(Request::post_json("/register", &metadata)));
    let first = register(&world);
    assert_eq!(first, register(&world));
    assert_eq!(first["scope"], "math:basic");
    let client = Client {
        id: first["client_id"].as_str().unwrap().into(),
        redirect_uri: "http://127.0.0.1:1/cb".into(),
    };
    let (new, old) = (store_core::seal::to_text(&[8; 32]), store_core::seal::to_text(&[7; 32]));
    world.keys = store_core::Keyring::parse(&format!("{new},{old}")).unwrap();
    world.tokens(&client);
}
