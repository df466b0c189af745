//! Discovery (RFC 8414): rows DS.

use crate::support::{Browser, Request, Tokens, World, body_text, header, json, location, refusal};
use http::{Method, StatusCode};
use serde_json::Value;

const PATHS: [&str; 1] = ["/.well-known/oauth-authorization-server"];

fn document(world: &World) -> Value {
    json(&world.send(Request::get(PATHS[0])))
}

/// DS-07: what a shared cache keeps is the same for everybody, and kept for an hour at most.
#[test]
fn document_depends_on_nothing_that_a_request_says() {
    let world = World::public();
    let plain = world.send(Request::get(PATHS[0]));
    let cache_control = header(&plain, "cache-control");
    let max_age = cache_control.strip_prefix("public, max-age=").unwrap();
    assert!(max_age.parse::<u32>().unwrap() <= 3_600, "{cache_control}");
    assert_eq!(header(&plain, "vary"), "origin");
    assert_eq!(header(&plain, "access-control-allow-origin"), "*", "HT-16");
    assert_eq!(header(&plain, "access-control-allow-credentials"), "");
    for path in PATHS {
        for query in ["", "?", "?issuer=https://evil.example", "?resource=x&resource=y", "?%"] {
            let request = Request::get(&format!("{path}{query}"))
                .with("origin", "https://evil.example")
                .with("x-forwarded-host", "evil.example")
                .with("accept", "text/html")
                .with("cookie", "postern-session=x");
            assert_eq!(world.send(request), plain, "{path}{query}");
        }
    }
}

/// DS-09, MCP-S-02: HEAD and OPTIONS are answered, other methods are told so, and no other spelling of the path is one.
#[test]
fn document_has_one_address_and_answers_reads() {
    let world = World::public();
    for path in PATHS {
        // What goes out is without the body: the edge sees to that, for every route.
        assert_eq!(world.send(Request::new(Method::HEAD, path)), world.send(Request::get(path)));
        let preflight = Request::new(Method::OPTIONS, path).with("origin", "https://a.example");
        let preflight = world.send(preflight.with("access-control-request-headers", "mcp-protocol-version"));
        assert_eq!(preflight.status, StatusCode::NO_CONTENT);
        assert_eq!(header(&preflight, "access-control-allow-methods"), "GET, HEAD, OPTIONS");
        assert!(header(&preflight, "access-control-allow-headers").contains("mcp-protocol-version"), "HT-17");
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::TRACE] {
            let reply = world.send(Request::new(method, path));
            assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(header(&reply, "allow"), "GET, HEAD, OPTIONS");
        }
        // The issuer has no path, so nothing can be inserted for one: whatever is longer is of an issuer
        // that is not here, and must not be answered with ours (RFC 8414 section 3.3).
        for other in [
            format!("{path}//"),
            format!("{path}/mcp"),
            format!("{path}/https://evil.example"),
            format!("/{path}"),
            format!("/mcp{path}"),
            path.replace("known", "%6bnown"),
            path.replace("/.well-known", "/x/../.well-known"),
            path.to_uppercase(),
        ] {
            let reply = world.send(Request::get(&other).with("accept", "application/json"));
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{other}");
            assert!(!body_text(&reply).contains("issuer") && !body_text(&reply).contains("evil"), "{other}");
        }
    }
}

/// DS-02, DS-05, AZ-22, MCP-S-01, MCP-S-04, MCP-S-05, MCP-S-44, MCP-S-45: one issuer, byte for byte, in the document, in every address and in every answer.
#[test]
fn issuer_is_the_same_everywhere() {
    for world in [World::public(), World::at("https://mcp.example.com:8443"), World::local()] {
        let document = document(&world);
        assert_eq!(document["issuer"], world.issuer());
        assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
        for (name, value) in document.as_object().unwrap() {
            if name.ends_with("_endpoint") {
                let path = value.as_str().unwrap().strip_prefix(world.issuer()).unwrap();
                assert_ne!(world.send(Request::get(path)).status, StatusCode::NOT_FOUND, "{name}");
            }
        }
        let client = world.client();
        let browser = Browser::default();
        let consent = browser.sign_in(&world, "alice@example.com", &client.request().encode());
        let (_, approved) = location(&browser.approve(&world, &consent, &["math:basic"]));
        let wrong = client.request().with("response_type", "token").encode();
        let (_, refused) = location(&browser.get(&world, &format!("/authorize?{wrong}")));
        assert_eq!((approved["iss"].as_str(), refused["iss"].as_str()), (world.issuer(), world.issuer()));
    }
}

/// DS-04, MCP-S-06, MCP-S-10: whatever the document says is supported, works; and what it does not name, does not.
#[test]
fn document_says_what_the_endpoints_do() {
    let world = World::public();
    let document = document(&world);
    let list = |name: &str| -> Vec<String> {
        let values = document[name].as_array().unwrap_or_else(|| panic!("no {name}"));
        values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
    };
    let client = world.client();
    let ask = |name: &str, value: &str| {
        let query = client.request().with(name, value).encode();
        world.send(Request::get(&format!("/authorize?{query}")).with("accept", "text/html")).status
    };
    for (parameter, name, others) in [
        ("response_type", "response_types_supported", &["token", "id_token", "code token"][..]),
        ("response_mode", "response_modes_supported", &["fragment", "form_post"]),
        ("code_challenge_method", "code_challenge_methods_supported", &["plain", "s256"]),
    ] {
        for value in list(name) {
            assert_eq!(ask(parameter, &value), StatusCode::OK, "{name}: {value}");
        }
        for value in others {
            assert_eq!(ask(parameter, value), StatusCode::BAD_REQUEST, "{name} has not {value}");
        }
    }
    let grant = |grant_type: &str| {
        let params = client.redemption("x").with("grant_type", grant_type).with("refresh_token", "x");
        refusal(&world.send(Request::post_form("/token", &params))).1
    };
    for grant_type in list("grant_types_supported") {
        assert_eq!(grant(&grant_type), "invalid_grant", "{grant_type}");
    }
    for other in ["password", "client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"] {
        assert!(!list("grant_types_supported").contains(&other.to_owned()));
        assert_eq!(grant(other), "unsupported_grant_type", "{other}");
    }
    let scopes = list("scopes_supported").join(" ");
    let all = client.request().with("scope", &scopes);
    let code = world.code_for(&client, "alice@example.com", &all);
    assert_eq!(Tokens::of(&world.send(client.redeem(&code))).scope, scopes);
    assert_eq!(list("protected_resources"), ["https://mcp.example.com/mcp"]);
}
