//! Clients with a metadata document, and attacks by way of it: rows CM of the threat list.

use crate::support::{
    Browser, Client, PageForm, Params, Request, Tokens, World, body_text, header, json, refusal,
};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use oauth_core::Config;
use serde_json::{Value, json};
use store_core::testing::Fault;
use web_core::{
    PublicUrl, Reply,
    fetch::testing::{Answer, End},
};

const ID: &str = "https://client.example/metadata.json";
const CALLBACK: &str = "https://client.example/cb";

fn document() -> Value {
    json!({
        "client_id": ID,
        "client_name": "Published client",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut document = document();
    document[name] = value;
    document
}

fn client() -> Client {
    Client { id: ID.into(), redirect_uri: CALLBACK.into() }
}

fn publish(world: &World, document: &Value) {
    world.network.servers.serve(ID, Answer::json(document.to_string()));
}

/// A public server, and the client's.
fn world() -> World {
    let world = World::public();
    publish(&world, &document());
    world
}

fn open(world: &World, client: &Client) -> Reply {
    Browser::default().get(world, &format!("/authorize?{}", client.request().encode()))
}

fn fetches(world: &World) -> usize {
    world.network.servers.take_requests().len()
}

fn configure(world: &mut World, variables: &[(&str, &str)]) {
    let url = PublicUrl::parse(world.issuer()).unwrap();
    let variable = |name: &str| {
        let set = variables.iter().find(|(set, _)| *set == name);
        set.map(|(_, value)| (*value).to_owned()).unwrap_or_default()
    };
    world.config = Config::read(url, variable).unwrap();
}

/// The one page for everything that is wrong with a document.
#[track_caller]
fn assert_unusable(reply: &Reply) {
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", body_text(reply));
    assert!(!reply.headers.contains_key(LOCATION));
    assert!(body_text(reply).contains("This application cannot be checked"), "{}", body_text(reply));
}

/// The whole way, for a client that nobody registered.
/// MCP-S-12.
#[test]
fn published_client_goes_all_the_way() {
    let world = world();
    let tokens = world.tokens(&client());
    assert_eq!(world.introspect(&tokens.access).unwrap().client_id, ID);
    let tokens = Tokens::of(&world.send(client().refresh(&tokens.refresh)));
    let revoked = Params::of(&[("client_id", ID), ("token", &tokens.refresh)]);
    assert_eq!(world.send(Request::post_form("/revoke", &revoked)).status, StatusCode::OK);
    assert_eq!(world.introspect(&tokens.access), None);
}

/// OP-05: nothing is fetched, and nothing announced, unless private networks are out of reach or the
/// operator says that they are.
/// MCP-S-11.
#[test]
fn documents_are_taken_where_that_is_safe() {
    let announces = |world: &World| {
        let document = json(&world.send(Request::get("/.well-known/oauth-authorization-server")));
        document.get("client_id_metadata_document_supported").cloned()
    };
    let mut world = world();
    assert_eq!(announces(&world), Some(json!(true)));
    world.network.blocks_private_networks.set(false);
    assert_eq!(announces(&world), None);
    let refused = open(&world, &client());
    assert!(body_text(&refused).contains("not known here"), "as any other unknown client");
    configure(&mut world, &[("metadata_documents", "on")]);
    assert_eq!(announces(&world), Some(json!(true)));
    assert_eq!(open(&world, &client()).status, StatusCode::OK);
    configure(&mut world, &[("metadata_documents", "off")]);
    world.network.blocks_private_networks.set(true);
    assert_eq!(announces(&world), None);
    fetches(&world);
    assert_eq!(open(&world, &client()).status, StatusCode::BAD_REQUEST);
    assert_eq!(refusal(&world.send(client().redeem("x"))), (401, "invalid_client".into()));
    assert_eq!(fetches(&world), 0);
    let local = World::local();
    local.network.blocks_private_networks.set(false);
    assert_eq!(announces(&local), Some(json!(true)), "a developer's own machine");
}

/// CM-01, CM-02, CM-03, CM-06: addresses that are no client ids are not fetched from.
/// MCP-S-13, MCP-S-15.
#[test]
fn addresses_inside_are_not_fetched_from() {
    let world = world();
    for id in [
        "http://client.example/metadata.json",
        "https://client.example",
        "https://client.example/../metadata.json",
        "https://client.example/%2e%2e/metadata.json",
        "https://client.example/metadata.json#x",
        "https://user@client.example/metadata.json",
        "https://127.0.0.1/metadata.json",
        "https://[::1]/metadata.json",
        "https://2130706433/metadata.json",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/metadata.json",
        "https://mcp.spin.internal/metadata.json",
        "https://self.alt/metadata.json",
        "https://client.example:8443/metadata.json",
        "https://client.example./metadata.json",
    ] {
        assert_unusable(&open(&world, &Client { id: id.into(), redirect_uri: CALLBACK.into() }));
    }
    assert_eq!(fetches(&world), 0);
    assert!(world.store.is_empty());
}

/// CM-03: a developer's machine takes documents from itself, as a tolerance.
#[test]
fn loopback_documents_are_for_developers() {
    let id = "http://127.0.0.1:4000/client.json";
    let mut world = World::local();
    world.network.servers.serve(id, Answer::json(with("client_id", json!(id)).to_string()));
    let local = Client { id: id.into(), redirect_uri: CALLBACK.into() };
    assert_eq!(open(&world, &local).status, StatusCode::OK);
    assert!(world.logged.borrow().contains(&"tolerance: loopback_documents".to_owned()));
    configure(&mut world, &[("strict", "loopback_documents")]);
    assert_unusable(&open(&world, &local));
    let public = World::public();
    public.network.servers.serve(id, Answer::json(with("client_id", json!(id)).to_string()));
    assert_unusable(&open(&public, &local));
    assert_eq!(fetches(&public), 0);
}

/// CM-07 to CM-13, CM-15, CM-19: whatever is wrong, one page, and nothing is kept. CM-09: reading stops.
/// CM-10: waiting stops.
/// MCP-S-14, MCP-S-16, MCP-S-17, MCP-S-18, MCP-S-21, MCP-S-26, MCP-Z-09.
#[test]
fn every_failure_is_one_page_and_none_is_kept() {
    let world = world();
    let good = || Answer::json(document().to_string());
    let mut answers = vec![
        good().status(301).with(LOCATION, "https://client.example/elsewhere"),
        good().status(302).with(LOCATION, ID),
        good().status(308).with(LOCATION, "http://127.0.0.1/"),
        good().status(204),
        good().status(404),
        good().status(500),
        Answer::json(""),
        Answer::json(" ".repeat(16 * 1024 + 1)),
        Answer::json("[").end(End::Endless),
        good().end(End::Broken),
        good().end(End::Silent),
        good().end(End::NoHead),
        good().with(CONTENT_TYPE, "text/html"),
        good().with(CONTENT_TYPE, "text/plain"),
        good().without(CONTENT_TYPE),
        good().with(http::header::CONTENT_ENCODING, "gzip"),
        Answer::json("not json"),
        Answer::json("[]"),
    ];
    for wrong in [
        with("client_id", json!("https://client.example/other.json")),
        with("client_id", json!("https://client.example/metadata.json ")),
        with("client_name", json!("")),
        with("redirect_uris", json!([])),
        with("redirect_uris", json!(["javascript:alert(1)"])),
        with("client_secret", json!("s")),
        with("client_secret_expires_at", json!(0)),
        with("token_endpoint_auth_method", json!("client_secret_post")),
        with("token_endpoint_auth_method", json!("private_key_jwt")),
        with("grant_types", json!(["client_credentials"])),
    ] {
        answers.push(Answer::json(wrong.to_string()));
    }
    let mut pages = Vec::new();
    for answer in answers {
        world.network.servers.serve(ID, answer.clone());
        pages.push(open(&world, &client()));
        assert_eq!(fetches(&world), 1, "no redirect is followed: {answer:?}");
    }
    world.network.servers.unplug(ID);
    pages.push(open(&world, &client()));
    for page in &pages {
        assert_unusable(page);
        assert_eq!(page, &pages[0]);
    }
    assert!(world.store.is_empty());
    let log = world.logged.borrow().join("\n");
    assert!(log.contains("client.example") && log.contains("status 404"), "the operator is told: {log}");
    assert!(!log.contains("metadata.json"), "and not what was asked for: {log}");
    publish(&world, &document());
    assert_eq!(open(&world, &client()).status, StatusCode::OK, "a failure is not remembered");
}

/// CM-19: a program gets a code that makes it register instead.
#[test]
fn program_is_told_to_register() {
    let world = World::public();
    let request = Request::get(&format!("/authorize?{}", client().request().encode()));
    let refused = world.send(request.with("accept", "application/json"));
    assert_eq!(refusal(&refused), (400, "invalid_client".into()));
}

/// CM-14: the same comparison as for everybody.
/// MCP-S-22.
#[test]
fn redirect_uri_must_be_in_the_document() {
    let world = world();
    publish(&world, &with("redirect_uris", json!([CALLBACK, "http://127.0.0.1/cb"])));
    let at = |uri: &str| open(&world, &Client { id: ID.into(), redirect_uri: uri.into() });
    for uri in [CALLBACK, "http://127.0.0.1:33418/cb"] {
        assert_eq!(at(uri).status, StatusCode::OK, "{uri}");
    }
    for uri in [
        "https://client.example/cb/",
        "https://evil.example/cb",
        "http://localhost/cb",
        "https://client.example/cb?x",
    ] {
        let refused = at(uri);
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{uri}");
        assert!(!refused.headers.contains_key(LOCATION));
    }
}

/// CM-16: kept for as long as its server says, within a minute and a day; one fetch for both pages.
/// MCP-S-20.
#[test]
fn document_is_kept_for_as_long_as_it_says() {
    for (cache_control, kept) in
        [("max-age=600", 600), ("no-store", 60), ("max-age=0", 60), ("max-age=315360000", 86_400)]
    {
        let world = World::public();
        let answer = Answer::json(document().to_string()).with(CACHE_CONTROL, cache_control);
        world.network.servers.serve(ID, answer);
        world.tokens(&client());
        assert_eq!(fetches(&world), 1, "sign-in and consent are one fetch");
        world.advance(kept - 1);
        open(&world, &client());
        assert_eq!(fetches(&world), 0, "{cache_control}");
        world.advance(1);
        open(&world, &client());
        assert_eq!(fetches(&world), 1, "{cache_control}");
    }
}

/// CM-15: a document that became unusable is not replaced by what was kept of it, once that has had its
/// time; two spellings of an address are two clients.
#[test]
fn stale_and_foreign_documents_are_not_used() {
    let world = world();
    open(&world, &client());
    world.advance(86_400);
    publish(&world, &with("redirect_uris", json!(["javascript:x"])));
    assert_unusable(&open(&world, &client()));
    world.network.servers.unplug(ID);
    assert_unusable(&open(&world, &client()));
    publish(&world, &document());
    open(&world, &client());
    fetches(&world);
    let other = Client { id: format!("{ID}?"), redirect_uri: CALLBACK.into() };
    assert_unusable(&open(&world, &other));
    assert_eq!(fetches(&world), 1, "it is another address");
}

/// CM-16, I6, D8: a flood of addresses that all have good documents.
#[test]
fn flood_of_documents_is_bounded() {
    let world = World::public();
    let address = |index: usize| format!("https://client.example/{index}");
    for index in 0..1_500 {
        let id = address(index);
        world.network.servers.serve(&id, Answer::json(with("client_id", json!(id)).to_string()));
        let client = Client { id, redirect_uri: CALLBACK.into() };
        assert_eq!(open(&world, &client).status, StatusCode::OK);
    }
    assert!(world.store.snapshot().len() <= 256);
    assert!(world.store.snapshot().keys().all(|key| key.starts_with("postern:m:")));
    // And whoever is thrown out of a slot is fetched again, and is still itself.
    let first = Client { id: address(0), redirect_uri: CALLBACK.into() };
    world.tokens(&first);
}

/// CM-18, CM-20: the client's server is down, or somebody else's by now; tokens go on, and nothing but the
/// authorization page fetches.
#[test]
fn only_authorization_fetches() {
    let world = world();
    let code = world.code(&client());
    assert_eq!(fetches(&world), 1);
    world.network.servers.unplug(ID);
    world.advance(30);
    let tokens = Tokens::of(&world.send(client().redeem(&code)));
    let tokens = Tokens::of(&world.send(client().refresh(&tokens.refresh)));
    world.introspect(&tokens.access).unwrap();
    for garbage in ["x", &tokens.access] {
        assert_eq!(refusal(&world.send(client().refresh(garbage))), (400, "invalid_grant".into()));
    }
    let stranger = Client { id: "https://other.example/x".into(), redirect_uri: CALLBACK.into() };
    assert_eq!(
        refusal(&world.send(stranger.refresh(&tokens.refresh))),
        (400, "invalid_grant".into()),
        "TK-24"
    );
    let unknown = Params::of(&[("client_id", "https://other.example/x"), ("token", "x")]);
    assert_eq!(world.send(Request::post_form("/revoke", &unknown)).status, StatusCode::OK);
    for target in ["/.well-known/oauth-authorization-server", "/", "/nowhere", "/authorize?client_id=x"] {
        world.send(Request::get(target));
    }
    // RG-06: nor what a registration points to.
    let logo = json!({
        "redirect_uris": [CALLBACK],
        "logo_uri": "https://client.example/logo.png",
        "jwks_uri": "https://client.example/jwks",
        "client_uri": ID,
        "sector_identifier_uri": ID,
    });
    assert_eq!(world.send(Request::post_json("/register", &logo)).status, StatusCode::CREATED);
    let revoked = Params::of(&[("client_id", ID), ("token", &tokens.refresh)]);
    assert_eq!(world.send(Request::post_form("/revoke", &revoked)).status, StatusCode::OK);
    assert_eq!(world.introspect(&tokens.access), None);
    assert_eq!(fetches(&world), 0);
}

/// CM-17: the document changes after the page was shown, and after the grant was made. What was approved
/// stays what it was; whoever asks anew is asked with the new document.
#[test]
fn grant_keeps_what_was_approved() {
    let world = world();
    let browser = Browser::default();
    let page = browser.sign_in(&world, "alice@example.com", &client().request().encode());
    publish(&world, &with("redirect_uris", json!(["https://evil.example/cb"])));
    world.advance(599);
    let approved = browser.approve(&world, &page, &["math:basic"]);
    assert!(header(&approved, "location").starts_with(CALLBACK), "not where the document leads now");
    let first = world.grant().client.expect("the grant says what was approved").digest;
    world.advance(86_400);
    let refused = open(&world, &client());
    assert!(body_text(&refused).contains("leads somewhere unexpected"), "{}", body_text(&refused));
    publish(&world, &with("redirect_uris", json!([CALLBACK, "https://client.example/other"])));
    world.advance(86_400);
    world.code(&client());
    let digests: Vec<String> =
        world.grants().into_iter().map(|(_, grant)| grant.client.unwrap().digest).collect();
    assert!(digests.iter().any(|digest| *digest != first), "another document has another digest");
}

/// CM-21: the fetch tells nothing about anybody.
#[test]
fn fetch_carries_nothing_of_ours() {
    let world = world();
    let request = Request::get(&format!("/authorize?{}", client().request().encode()))
        .with("cookie", "postern-session=x")
        .with("authorization", "Bearer x")
        .with("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    world.send(request);
    let requests = world.network.servers.take_requests();
    let [(_, headers)] = requests.as_slice() else { panic!("{requests:?}") };
    let mut names: Vec<&str> = headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "user-agent"]);
}

/// CM-22, CM-24, AZ-30: the page names the host in ASCII, whatever the client calls itself, and loads no
/// picture of anybody's.
#[test]
fn page_says_who_publishes_the_client() {
    let world = World::public();
    let id = "https://xn--pypal-4ve.example/metadata.json";
    let mut published = with("client_id", json!(id));
    published["client_name"] = json!("PayPal");
    published["logo_uri"] = json!("https://xn--pypal-4ve.example/logo.png");
    world.network.servers.serve(id, Answer::json(published.to_string()));
    let client = Client { id: id.into(), redirect_uri: CALLBACK.into() };
    let page = Browser::default().sign_in(&world, "alice@example.com", &client.request().encode());
    let html = body_text(&page);
    assert!(html.contains("xn--pypal-4ve.example") && html.contains("client.example"), "{html}");
    assert!(
        !html.contains("logo.png") && !html.contains("<img") && !html.contains("registered itself"),
        "{html}"
    );
    assert!(!html.contains("Any program on this computer"), "{html}");
    assert!(!header(&page, "content-security-policy").contains("xn--"));
}

/// AZ-31: who leads to the user's own computer and nowhere else can be anybody there.
/// MCP-S-24.
#[test]
fn page_warns_of_clients_that_anybody_can_be() {
    let world = World::public();
    let page_for = |uris: Value, redirect_uri: &str| {
        publish(&world, &with("redirect_uris", uris));
        world.advance(86_400);
        let client = Client { id: ID.into(), redirect_uri: redirect_uri.into() };
        Browser::default().sign_in(&world, "alice@example.com", &client.request().encode())
    };
    let only_loopback = json!(["http://127.0.0.1/cb", "http://localhost/cb"]);
    let page = page_for(only_loopback, "http://127.0.0.1:33418/cb");
    assert!(body_text(&page).contains("Any program on this computer"), "{}", body_text(&page));
    assert!(body_text(&page).contains("127.0.0.1:33418"), "it names the port");
    let form = PageForm::of(&page);
    assert!(form.buttons.iter().any(|(_, value)| value == "deny"), "and still asks");
    let page = page_for(json!(["http://127.0.0.1/cb", CALLBACK]), CALLBACK);
    assert!(!body_text(&page).contains("Any program on this computer"));
}

/// CM-23: every installation of a client has the same id. That one of them is approved anew, or revoked,
/// ends nothing of the others.
#[test]
fn installations_do_not_end_each_other() {
    let world = world();
    let (desktop, laptop) = (world.tokens(&client()), world.tokens(&client()));
    for tokens in [&desktop, &laptop] {
        assert!(world.introspect(&tokens.access).is_some());
    }
    let revoked = Params::of(&[("client_id", ID), ("token", &desktop.refresh)]);
    world.send(Request::post_form("/revoke", &revoked));
    assert_eq!(world.introspect(&desktop.access), None);
    Tokens::of(&world.send(client().refresh(&laptop.refresh)));
}

/// Switching a client off works by its address and by its host, before anything is fetched.
#[test]
fn denied_hosts_are_not_fetched_from() {
    for denied in [ID, "client.example", "example"] {
        let mut world = world();
        let tokens = world.tokens(&client());
        fetches(&world);
        configure(&mut world, &[("denied_clients", denied)]);
        let page = open(&world, &client());
        assert!(body_text(&page).contains("not let in here"), "{denied}");
        assert_eq!(
            refusal(&world.send(client().refresh(&tokens.refresh))),
            (400, "unauthorized_client".into())
        );
        assert_eq!(world.introspect(&tokens.access), None);
        assert_eq!(fetches(&world), 0);
    }
}

/// A client that the operator wrote down is that one, and its address is not fetched from.
#[test]
fn configuration_comes_before_documents() {
    let mut world = world();
    let pinned = json!([{ "client_id": ID, "redirect_uris": ["https://pinned.example/cb"] }]).to_string();
    configure(&mut world, &[("clients", &pinned)]);
    world.tokens(&Client { id: ID.into(), redirect_uri: "https://pinned.example/cb".into() });
    assert_eq!(open(&world, &client()).status, StatusCode::BAD_REQUEST);
    assert_eq!(fetches(&world), 0);
}

/// Rule 3 of the list: a store that fails is no decision, and what is kept is no part of one.
#[test]
fn store_fault_is_503_and_a_damaged_slot_is_fetched_anew() {
    let world = world();
    world.store.fail_after(0, Fault::Error);
    assert_eq!(open(&world, &client()).status, StatusCode::SERVICE_UNAVAILABLE);
    world.store.heal();
    world.store.fail_after(0, Fault::WriteError);
    assert_eq!(open(&world, &client()).status, StatusCode::OK, "what cannot be kept is good all the same");
    world.store.heal();
    open(&world, &client());
    let key = world.store.snapshot().into_keys().next().unwrap();
    store_core::testing::block_on(store_core::Store::put(&world.store, &key, b"damaged")).unwrap();
    fetches(&world);
    assert_eq!(open(&world, &client()).status, StatusCode::OK);
    assert_eq!(fetches(&world), 1);
}
