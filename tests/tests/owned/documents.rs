//! Clients that publish who they are, through the real components: a server of the test's own stands in
//! for the client's.

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use postern_tests::documents::{Answer, DocumentServer};
use postern_tests::host::State;
use postern_tests::mcp::{McpClient, ping, post};
use postern_tests::oauth::{REDIRECT_URI, consent_form, register};
use postern_tests::{
    Authorization, Browser, Client, Host, Person, Request, Response, Server, Tokens, random,
};
use serde_json::{Value, json};

/// A server that a client on this machine is developed with.
fn state() -> State {
    State::new().with_variable("development_documents", "http://127.0.0.1:*")
}

fn document(id: &str) -> Value {
    json!({
        "client_id": id,
        "client_name": "Published client",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    })
}

/// The client whose document is at this path.
fn client(server: &Server, publisher: &DocumentServer, path: &str) -> Client {
    Client { server: server.clone(), client_id: publisher.url(path), redirect_uri: REDIRECT_URI.into() }
}

fn open(host: &Server, client: &Client) -> Response {
    Browser::new(host).open(&Authorization::new(client).target()).page()
}

/// From nothing to a tool call, without registering anywhere; and on from there while the client's own
/// server is down.
#[test]
fn published_client_calls_a_tool_without_registering() {
    let (state, publisher) = (state(), DocumentServer::start());
    let host = Host::start(&state);
    let metadata = host.get("/.well-known/oauth-authorization-server").expect(200).json();
    assert_eq!(metadata["client_id_metadata_document_supported"], json!(true));
    let client = client(&host, &publisher, "/client.json");
    publisher.publish("/client.json", Answer::json(&document(&client.client_id)));
    let person = Person::new();
    let mut browser = Browser::new(&host);
    let authorization = Authorization::new(&client);
    let page = person.consent_page(&mut browser, &authorization);
    let text = page.text();
    assert!(text.contains("127.0.0.1:") && text.contains("Any program on this computer"), "{text}");
    let url = browser.submit(&consent_form(&page), Some("approve")).elsewhere();
    let answer = authorization.answer(&host, &url);
    let requests = publisher.take_requests();
    assert_eq!(requests.len(), 1, "one document, for all pages: {requests:?}");
    let head = requests[0].to_ascii_lowercase();
    for line in ["cookie", "authorization", "referer", "spin-", "traceparent"] {
        assert!(!head.contains(&format!("\n{line}")), "{head}");
    }

    publisher.withdraw_all();
    let tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
    let result = McpClient::connect(&host, &tokens.access_token, "2025-11-25")
        .call_tool("add", json!({ "a": 23, "b": 19 }));
    assert_eq!(result["content"][0]["text"], json!("42"));
    let tokens = Tokens::of(&client.refresh(&tokens.refresh_token));
    host.send(&post(&tokens.access_token, &ping())).expect(200);
    let fields = [("token", tokens.refresh_token.as_str()), ("client_id", &client.client_id)];
    host.send(&Request::form("/revoke", &fields)).expect(200);
    host.send(&post(&tokens.access_token, &ping())).expect(401);
    assert!(publisher.take_requests().is_empty(), "nothing of that asks the client's server");
    assert!(!host.log().contains("client.json"), "{}", host.log());
}

/// Whatever the client's server does, it is one page, nobody waits for long, nothing is kept, and others
/// are served.
#[test]
fn bad_documents_are_one_page() {
    let (state, publisher) = (state(), DocumentServer::start());
    let host = Host::start(&state);
    let with = |name: &str, value: Value| {
        let mut document = document(&publisher.url("/x"));
        document[name] = value;
        Answer::json(&document)
    };
    let json = ("content-type", "application/json");
    let good = document(&publisher.url("/x")).to_string();
    let here = publisher.url("/good");
    publisher.publish("/good", Answer::json(&document(&here)));
    let answers = [
        Answer::with("302 Found", &[("location", &here)], ""),
        Answer::with("308 Permanent Redirect", &[("location", &here)], ""),
        Answer::with("404 Not Found", &[json], &good),
        Answer::with("200 OK", &[json], ""),
        Answer::with("200 OK", &[json], &format!("{good}{}", " ".repeat(16 * 1024))),
        Answer::with("200 OK", &[("content-type", "text/html")], &good),
        Answer::with("200 OK", &[], &good),
        Answer::with("200 OK", &[json, ("content-encoding", "gzip")], &good),
        Answer::with("200 OK", &[json], "<html>"),
        Answer::Bytes(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{".into(),
        ),
        Answer::Bytes(b"SSH-2.0-OpenSSH_9.9\r\n".into()),
        Answer::Endless,
        Answer::Slow,
        Answer::Silent,
        with("client_id", json!(here)),
        with("client_secret", json!("s")),
        with("redirect_uris", json!(["javascript:alert(1)"])),
    ];
    let client = client(&host, &publisher, "/x");
    let mut texts = Vec::new();
    for answer in answers {
        publisher.publish("/x", answer.clone());
        publisher.take_requests();
        let page = open(&host, &client).expect_page(400);
        assert_eq!(publisher.take_requests().len(), 1, "no redirect is followed: {answer:?}");
        texts.push(text_without_trace(&page));
    }
    let nobody = Client { client_id: "http://127.0.0.1:1/x".into(), ..client.clone() };
    texts.push(text_without_trace(&open(&host, &nobody).expect_page(400)));
    assert!(texts.iter().all(|text| *text == texts[0] && text.contains("cannot be checked")), "{texts:?}");
    host.get("/").expect(200);
    publisher.publish("/x", Answer::with("200 OK", &[json], &good));
    open(&host, &client).expect_page(200);
}

/// A page but for what is another one each time.
fn text_without_trace(page: &Response) -> String {
    page.text().replace(page.header("x-trace-id").unwrap(), "")
}

/// A client that was not asked to sign in anew is held to the document that the user saw.
#[test]
fn document_may_change_while_the_page_is_open() {
    let (state, publisher) = (state(), DocumentServer::start());
    let host = Host::start(&state);
    let client = client(&host, &publisher, "/client.json");
    publisher.publish("/client.json", Answer::json(&document(&client.client_id)));
    let (person, mut browser) = (Person::new(), Browser::new(&host));
    let authorization = Authorization::new(&client);
    let form = person.consent_form(&mut browser, &authorization);
    let mut changed = document(&client.client_id);
    changed["redirect_uris"] = json!(["https://evil.example/cb"]);
    publisher.publish("/client.json", Answer::json(&changed));
    let url = browser.submit(&form, Some("approve")).elsewhere();
    Tokens::of(&client.redeem(authorization.answer(&host, &url).code(), &authorization.verifier));
}

/// Documents are switched off by a variable, and then neither fetched nor announced.
#[test]
fn documents_can_be_switched_off() {
    let (state, publisher) = (state().with_variable("metadata_documents", "off"), DocumentServer::start());
    let host = Host::start(&state);
    let metadata = host.get("/.well-known/oauth-authorization-server").expect(200).json();
    assert_eq!(metadata.get("client_id_metadata_document_supported"), None);
    let client = client(&host, &publisher, "/client.json");
    publisher.publish("/client.json", Answer::json(&document(&client.client_id)));
    open(&host, &client).expect_page(400);
    assert!(publisher.take_requests().is_empty());
}

/// Without the operator's grant of outbound hosts, the host keeps a document from being fetched.
#[test]
fn loopback_is_reached_only_where_the_operator_says_so() {
    let (state, publisher) = (State::new(), DocumentServer::start());
    let host = Host::start(&state);
    let client = client(&host, &publisher, "/client.json");
    publisher.publish("/client.json", Answer::json(&document(&client.client_id)));
    open(&host, &client).expect_page(400);
    assert!(publisher.take_requests().is_empty());
}

/// A public server takes documents only where private networks are out of reach, and asks its host whether
/// they are (OP-05).
#[test]
fn public_server_asks_whether_private_networks_are_blocked() {
    let announces = |state: State| {
        let state = state
            .with_variable("public_url", "https://mcp.example.com")
            .with_variable("deployment_secret", &(random() + &random()));
        let host = Host::start_public(&state);
        let metadata = host.get("/.well-known/oauth-authorization-server").expect(200).json();
        metadata.get("client_id_metadata_document_supported").cloned()
    };
    assert_eq!(announces(State::new()), None);
    let blocking =
        State::new().with_runtime_config("[outbound_networking]\nblock_networks = [\"private\"]\n");
    assert_eq!(announces(blocking), Some(json!(true)));
    assert_eq!(announces(State::new().with_variable("metadata_documents", "on")), Some(json!(true)));
}

struct ClientKey(SigningKey);

impl ClientKey {
    fn new() -> Self {
        Self(SigningKey::from_bytes(&[11; 32]))
    }

    fn key_set(&self) -> Value {
        let x = Base64UrlUnpadded::encode_string(self.0.verifying_key().as_bytes());
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "a" }] })
    }

    fn assertion(&self, client: &Client, token_id: &str) -> String {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let id = &client.client_id;
        let claims = json!({
            "iss": id, "sub": id, "aud": client.server.base, "jti": token_id, "iat": now, "exp": now + 60,
        });
        let encode = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
        let input = format!("{}.{}", encode(&json!({ "alg": "EdDSA", "kid": "a" })), encode(&claims));
        let signature = self.0.sign(input.as_bytes()).to_bytes();
        format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature))
    }

    fn token(&self, client: &Client, token_id: &str, fields: &[(&str, &str)]) -> Response {
        let assertion = self.assertion(client, token_id);
        let shown = [
            ("client_id", client.client_id.as_str()),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ];
        client.token(&[&shown[..], fields].concat())
    }
}

/// A client that signs, with its keys at an address of their own: fetched when the user approves, and then
/// not needed any more.
#[test]
fn client_that_signs_goes_all_the_way() {
    let (state, publisher, key) = (state(), DocumentServer::start(), ClientKey::new());
    let host = Host::start(&state);
    let client = client(&host, &publisher, "/client.json");
    let mut published = document(&client.client_id);
    published["token_endpoint_auth_method"] = json!("private_key_jwt");
    published["jwks_uri"] = json!(publisher.url("/jwks"));
    publisher.publish("/client.json", Answer::json(&published));
    publisher.publish("/jwks", Answer::json(&key.key_set()));
    let authorization = Authorization::new(&client);
    let answer = Person::new().approve(&mut Browser::new(&host), &authorization);
    publisher.withdraw_all();
    client.redeem(answer.code(), &authorization.verifier).expect_oauth_error(401, "invalid_client");
    let redemption = [
        ("grant_type", "authorization_code"),
        ("code", answer.code()),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", &authorization.verifier),
    ];
    let tokens = Tokens::of(&key.token(&client, "1", &redemption));
    let refreshment = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh_token.as_str())];
    key.token(&client, "1", &refreshment).expect_oauth_error(401, "invalid_client");
    let tokens = Tokens::of(&key.token(&client, "2", &refreshment));
    host.send(&post(&tokens.access_token, &ping())).expect(200);
    assert!(!host.log().contains("eyJ"), "{}", host.log());
}

/// A client of this name that registered itself with the key's public half.
fn registered(host: &Host, key: &ClientKey, name: &str) -> Client {
    let metadata = json!({
        "client_name": name,
        "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": key.key_set(),
    });
    let registered = register(host, &metadata).expect(201).json();
    let client_id = registered.get("client_id").and_then(Value::as_str).unwrap_or_default().to_owned();
    Client { server: (**host).clone(), client_id, redirect_uri: REDIRECT_URI.into() }
}

/// The tokens of a person who approves, for a client that signs.
fn sign_in(client: &Client, key: &ClientKey) -> Tokens {
    let authorization = Authorization::new(client);
    let answer = Person::new().approve(&mut Browser::new(&client.server), &authorization);
    let redemption = [
        ("grant_type", "authorization_code"),
        ("code", answer.code()),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", &authorization.verifier),
    ];
    Tokens::of(&key.token(client, "first", &redemption))
}

/// TK-21: many requests at once show the same assertion, on a store where its list is not there yet. One
/// of them is the client; the others are not, or are told to come back.
#[test]
fn assertion_shown_by_many_at_once_is_good_for_one() {
    let (state, key) = (State::new(), ClientKey::new());
    let host = Host::start(&state);
    let client = registered(&host, &key, "Signer");
    let tokens = sign_in(&client, &key);
    let assertion = key.assertion(&client, "1");
    let fields = [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion.as_str()),
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh_token.as_str()),
    ];
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let requests: Vec<_> = (0..16).map(|_| scope.spawn(|| client.token(&fields).status)).collect();
        requests.into_iter().map(|request| request.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| [200, 401, 503].contains(status)), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 200).count() <= 1, "{statuses:?}");
    // The list is there now, and it is decided.
    let again = client.token(&fields).status;
    let is_used = statuses.contains(&200);
    assert_eq!(again, if is_used { 401 } else { 200 }, "{statuses:?}");
}

/// S1: a stranger who signs without end locks out no other client, be it configured or registered.
#[test]
fn flood_of_assertions_locks_out_nobody() {
    let key = ClientKey::new();
    let clients = json!([{ "client_id": "desk", "redirect_uris": [REDIRECT_URI], "jwks": key.key_set() }]);
    let state = State::new().with_variable("clients", &clients.to_string());
    let host = Host::start(&state);
    let desk =
        Client { server: (*host).clone(), client_id: "desk".into(), redirect_uri: REDIRECT_URI.into() };
    let (stranger, honest) = (registered(&host, &key, "Stranger"), registered(&host, &key, "Honest"));
    let mut tokens = sign_in(&stranger, &key);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (stranger, key) = (&stranger, &key);
            scope.spawn(move || {
                for index in 0..100 {
                    let fields = [("grant_type", "refresh_token"), ("refresh_token", "made up")];
                    let refused = key.token(stranger, &format!("bad {thread} {index}"), &fields);
                    refused.expect_oauth_error(400, "invalid_grant");
                }
            });
        }
        for index in 0..50 {
            let fields = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh_token.as_str())];
            tokens = Tokens::of(&key.token(&stranger, &format!("good {index}"), &fields));
        }
    });
    for client in [&desk, &honest] {
        let tokens = sign_in(client, &key);
        let fields = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh_token.as_str())];
        Tokens::of(&key.token(client, "second", &fields));
        key.token(client, "second", &fields).expect_oauth_error(401, "invalid_client");
    }
}
