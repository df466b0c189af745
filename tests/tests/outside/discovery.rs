//! What a client finds out before it asks for anything.

use postern_tests::mcp::{ping, post};
use postern_tests::oauth::{BASIC, STATISTICS};
use postern_tests::{Authorization, Browser, Client, Person, Request, Server, Tokens};
use serde_json::{Value, json};

const AUTHORIZATION_SERVER: [&str; 1] = ["/.well-known/oauth-authorization-server"];
const PROTECTED_RESOURCE: [&str; 2] =
    ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"];

fn contains(document: &Value, key: &str, value: &str) -> bool {
    document.get(key).and_then(Value::as_array).is_some_and(|values| values.contains(&json!(value)))
}

/// RFC 8414 sections 2, 3.2 and 3.3; RFC 9207 section 3.
#[test]
fn authorization_server_metadata_says_what_is_supported() {
    let server = Server::under_test();
    for path in AUTHORIZATION_SERVER {
        let document = server.get(path).expect(200).json();
        assert_eq!(document["issuer"], json!(server.base), "byte for byte");
        assert_eq!(document["authorization_endpoint"], json!(server.url("/authorize")));
        assert_eq!(document["token_endpoint"], json!(server.url("/token")));
        assert_eq!(document["registration_endpoint"], json!(server.url("/register")));
        assert_eq!(document["response_types_supported"], json!(["code"]));
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(document["authorization_response_iss_parameter_supported"], json!(true));
        assert!(contains(&document, "grant_types_supported", "authorization_code"), "{document}");
        assert!(contains(&document, "grant_types_supported", "refresh_token"), "{document}");
        assert!(contains(&document, "token_endpoint_auth_methods_supported", "none"), "{document}");
        assert!(contains(&document, "scopes_supported", BASIC), "{document}");
    }
}

/// RFC 8414 section 3.3: a document of the issuer is where the issuer is, and no copy of it anywhere else.
/// MCP-S-02.
#[test]
fn authorization_server_metadata_is_not_there_for_other_paths() {
    let server = Server::under_test();
    for path in AUTHORIZATION_SERVER {
        for more in ["/mcp", "/sse", "//"] {
            server.get(&format!("{path}{more}")).expect(404);
        }
    }
}

/// C11: OpenID Connect's document would have to have members about ID tokens. A client falls back to RFC 8414's if it can
/// read that there is none, in a browser too, where its headers cause a preflight.
#[test]
fn openid_configuration_is_not_there_and_scripts_can_tell() {
    let server = Server::under_test();
    for path in ["/.well-known/openid-configuration", "/.well-known/openid-configuration/mcp", "/nowhere"] {
        let ask = |method: &str| Request::new(method, path).header("origin", "https://app.example");
        let response = server.send(&ask("GET")).expect(404);
        assert_eq!(response.header("access-control-allow-origin"), Some("*"), "{path}: {response}");
        assert_eq!(response.header("content-type"), Some("application/json"), "{path}");
        let preflight = ask("OPTIONS")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "mcp-protocol-version,traceparent");
        let response = server.send(&preflight);
        assert_eq!(
            (response.status, response.header("access-control-allow-origin")),
            (204, Some("*")),
            "{path}"
        );
        let allowed = response.expect_header("access-control-allow-headers");
        assert!(allowed.contains("traceparent"), "C27: {allowed}");
    }
}

/// U8: a person who is lost gets words and a way on.
#[test]
fn path_that_is_not_there_is_a_page_for_a_person() {
    let server = Server::under_test();
    let ask = Request::new("GET", "/nowhere").header("accept", "text/html,application/xhtml+xml");
    let response = server.send(&ask).expect(404);
    assert!(response.expect_header("content-type").starts_with("text/html"), "{response}");
    assert!(response.text().contains("<a href=\"/\">"), "{response}");
}

/// C5: what people and clients write with a slash at the end is what they mean, without a redirect.
#[test]
fn slash_at_the_end_of_a_path_makes_no_difference() {
    let server = Server::under_test();
    for (method, path) in [
        ("POST", "/mcp"),
        ("POST", "/sse"),
        ("GET", "/sse"),
        ("POST", "/token"),
        ("POST", "/register"),
        ("POST", "/revoke"),
        ("GET", "/authorize"),
        ("GET", "/account"),
        ("GET", AUTHORIZATION_SERVER[0]),
        ("GET", PROTECTED_RESOURCE[0]),
        ("GET", PROTECTED_RESOURCE[1]),
        ("GET", "/.well-known/oauth-protected-resource/sse"),
    ] {
        let one = server.send(&Request::new(method, path));
        let other = server.send(&Request::new(method, &format!("{path}/")));
        assert_eq!(one.status, other.status, "{method} {path}: {other}");
        assert_ne!(one.status, 404, "{method} {path}: {one}");
    }
    let token = Client::register(&server).sign_in().access_token;
    let ping = Request::json("/mcp/", &ping()).header("accept", "application/json, text/event-stream");
    server.send(&ping.bearer(&token)).expect(200);
}

/// RFC 9728 sections 3.2 and 3.3: a document is about the resource in whose address it was asked for.
#[test]
fn resource_metadata_points_to_the_authorization_server() {
    let server = Server::under_test();
    for (path, resource) in PROTECTED_RESOURCE.into_iter().zip([server.base.clone(), server.url("/mcp")]) {
        let document = server.get(path).expect(200).json();
        assert_eq!(document["resource"], json!(resource), "{path}");
        assert_eq!(document["authorization_servers"], json!([server.base]), "{path}");
        assert_eq!(document["bearer_methods_supported"], json!(["header"]), "{path}");
        // DS-06: what a client needs to begin with. What else there is, a step-up asks for; and
        // `offline_access` is nothing that a resource has.
        assert_eq!(document["scopes_supported"], json!([BASIC]), "{path}");
    }
}

/// RFC 8707 section 2: clients ask for the resource that they were told, some with a slash after it,
/// and the token is good at the endpoint.
#[test]
fn every_resource_that_is_named_can_be_asked_for() {
    let server = Server::under_test();
    for path in PROTECTED_RESOURCE {
        let resource = server.get(path).expect(200).json()["resource"].as_str().unwrap().to_owned();
        for resource in [format!("{resource}/"), resource] {
            let client = Client::register(&server);
            let authorization = Authorization::new(&client).with("resource", &resource);
            let answer = Person::new().approve(&mut Browser::new(&server), &authorization);
            let tokens = client.token(&[
                ("grant_type", "authorization_code"),
                ("client_id", &client.client_id),
                ("redirect_uri", &client.redirect_uri),
                ("code", answer.code()),
                ("code_verifier", &authorization.verifier),
                ("resource", &resource),
            ]);
            server.send(&post(&Tokens::of(&tokens).access_token, &ping())).expect(200);
        }
    }
}

/// RFC 9728 section 3.1: there is a document for each resource, and none for what is no resource.
#[test]
fn resource_metadata_is_not_there_for_other_paths() {
    let server = Server::under_test();
    server.get("/.well-known/oauth-protected-resource/elsewhere").expect(404);
}

/// Scripts of any page may read the documents: no cookie has a part in them.
#[test]
fn documents_are_open_to_scripts() {
    let server = Server::under_test();
    for path in AUTHORIZATION_SERVER.iter().chain(&PROTECTED_RESOURCE) {
        let response = server.send(&Request::new("GET", path).header("origin", "https://app.example"));
        assert_eq!(response.header("access-control-allow-origin"), Some("*"), "{path}: {response}");
        assert_eq!(response.header("access-control-allow-credentials"), None, "{path}");
        let preflight = Request::new("OPTIONS", path)
            .header("origin", "https://app.example")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "mcp-protocol-version");
        let response = server.send(&preflight);
        assert!((200..300).contains(&response.status), "{path}: {response}");
        assert_eq!(response.header("access-control-allow-origin"), Some("*"), "{path}: {response}");
    }
}

/// RFC 9110 section 9.3.2.
#[test]
fn head_is_get_without_the_body() {
    let server = Server::under_test();
    for path in AUTHORIZATION_SERVER.iter().chain(&PROTECTED_RESOURCE) {
        let (get, head) = (server.get(path), server.send(&Request::new("HEAD", path)));
        assert_eq!(head.status, 200, "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

/// RFC 9728 section 3.3: a client insists on the name that it was given, and a developer's machine
/// has three. The tolerance is for loopback servers alone.
#[test]
fn loopback_server_answers_to_each_of_its_names() {
    let server = Server::under_test();
    if !server.is_loopback() {
        return;
    }
    for name in ["127.0.0.1", "localhost", "[::1]"] {
        let authority = format!("{name}:{}", server.port());
        let resource = format!("http://{authority}/mcp");
        let get = |path: &str| server.send(&Request::new("GET", path).header("host", &authority));
        let challenge = get("/mcp").expect(401);
        let challenge = challenge.expect_header("www-authenticate");
        assert!(
            challenge.contains(&format!("\"http://{authority}{}\"", PROTECTED_RESOURCE[1])),
            "{challenge}"
        );
        let document = get(PROTECTED_RESOURCE[1]).expect(200).json();
        assert_eq!(document["resource"], json!(resource));
        // From there on it is the authorization server's name for itself, which it keeps to.
        assert_eq!(document["authorization_servers"], json!([server.base]));
        assert_eq!(get(AUTHORIZATION_SERVER[0]).expect(200).json()["issuer"], json!(server.base));

        let client = Client::register(&server);
        let authorization = Authorization::new(&client).with("resource", &resource);
        let answer = Person::new().approve(&mut Browser::new(&server), &authorization);
        let tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
        server.send(&post(&tokens.access_token, &ping()).header("host", &authority)).expect(200);
    }
}

/// Attack: a website makes its own name resolve to 127.0.0.1 (DNS rebinding). And nothing that a
/// request claims gets into a document.
#[test]
fn foreign_host_names_are_not_served_nor_repeated() {
    let server = Server::under_test();
    for path in
        ["/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/mcp", "/mcp", "/"]
    {
        for authority in ["evil.example", "127.0.0.1.evil.example", "localhost:1"] {
            let response = server.send(&Request::new("GET", path).header("host", authority));
            assert!(!response.to_string().contains(authority), "{path} repeats {authority}: {response}");
            if server.is_loopback() {
                assert!((400..500).contains(&response.status), "{path} serves {authority}: {response}");
            }
        }
        let forwarded = Request::new("GET", path)
            .header("x-forwarded-host", "evil.example")
            .header("forwarded", "host=evil.example");
        assert!(!server.send(&forwarded).to_string().contains("evil.example"), "{path}");
    }
}

/// DS-02, DS-07, DS-09: a cache may keep it for an hour; a query and a slash at the end change nothing.
#[test]
fn metadata_is_one_document_that_caches_may_keep() {
    let server = Server::under_test();
    let document = server.get(AUTHORIZATION_SERVER[0]).expect(200);
    for path in AUTHORIZATION_SERVER {
        for target in [path.to_owned(), format!("{path}/"), format!("{path}?issuer=https://evil.example")] {
            let response = server.get(&target).expect(200);
            assert_eq!(response.text(), document.text(), "{target}");
            let kept = response.expect_header("cache-control").strip_prefix("public, max-age=").unwrap();
            assert!(kept.parse::<u32>().unwrap() <= 3600, "{kept}");
            assert!(response.expect_header("vary").eq_ignore_ascii_case("origin"), "{response}");
        }
    }
}

/// DS-09, RFC 8414 section 3.3: what is no address of a document is not found, and never ours by another
/// name; what only reads may be done, and 405 says what that is.
#[test]
fn metadata_has_its_addresses_and_no_others() {
    let server = Server::under_test();
    for path in AUTHORIZATION_SERVER {
        for target in [
            format!("{path}//"),
            format!("{path}/mcp"),
            format!("/mcp{path}"),
            format!("/{path}"),
            path.replace("known", "%6bnown"),
        ] {
            let response = server.get(&target);
            assert_eq!(response.status, 404, "{target}: {response}");
            assert!(!response.text().contains("issuer"), "{target}");
        }
    }
    for path in AUTHORIZATION_SERVER.iter().chain(&PROTECTED_RESOURCE) {
        for method in ["POST", "PUT", "DELETE"] {
            let response = server.send(&Request::new(method, path)).expect(405);
            assert_eq!(response.header("allow"), Some("GET, HEAD, OPTIONS"), "{method} {path}");
        }
    }
}

/// DS-06: the authorization server names all scopes; the resource, and the challenge, those that a client
/// should begin with. `offline_access` is of no resource.
#[test]
fn resource_asks_for_little_at_first() {
    let server = Server::under_test();
    let all = server.get(AUTHORIZATION_SERVER[0]).expect(200).json();
    assert!(contains(&all, "scopes_supported", STATISTICS), "{all}");
    let challenge = server.get("/mcp").expect(401);
    let challenge = challenge.expect_header("www-authenticate");
    assert!(challenge.contains(&format!("scope=\"{BASIC}\"")), "{challenge}");
    for path in PROTECTED_RESOURCE {
        let document = server.get(path).expect(200).json();
        assert_eq!(document["scopes_supported"], json!([BASIC]), "{path}");
    }
}
