//! Targets for the authorization server's requests: registrations, redirect URIs and cookies.

use crate::{Target, shape, two_lines};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use oauth_core::client::redirect_uri::{Destination, destination};
use oauth_core::ports::{
    Catalog, CatalogError, ChangeItem, Field, Identity, IdentityError, IdentityRequest, Later, Network,
    Offer, OfferedScope, Prompt, Step, User,
};
use oauth_core::trace::TraceId;
use oauth_core::{AuthorizationServer, Config};
use serde_json::{Value, json};
use std::cell::RefCell;
use store_core::testing::{MemoryStore, SequenceRandom, block_on};
use store_core::{Keyring, Records};
use url::Url;
use web_core::fetch::{FetchError, FetchRequest, Fetched};
use web_core::{Head, PublicUrl, Reply};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The identity port: one user signs in with any password.
struct People;

impl Identity for People {
    async fn begin(&self, _: &IdentityRequest) -> Result<Step, IdentityError> {
        let password = Field {
            name: "password".into(),
            label: "Password".into(),
            kind: "password",
            autocomplete: "current-password".into(),
            value: String::new(),
        };
        let (submit, state) = ("Continue".into(), Vec::new());
        let (fields, alternatives) = (vec![password], Vec::new());
        Ok(Step::Ask(Prompt {
            heading: None,
            notice: None,
            problem: None,
            fields,
            submit,
            alternatives,
            state,
            retry_after: None,
        }))
    }

    async fn resume(
        &self,
        _: &IdentityRequest,
        _: Vec<u8>,
        _: Vec<(String, String)>,
    ) -> Result<Step, IdentityError> {
        Ok(Step::User(User { subject: "alice".into(), display_name: "Alice".into() }))
    }

    async fn returned(
        &self,
        _: &IdentityRequest,
        _: Vec<u8>,
        _: Vec<(String, String)>,
    ) -> Result<Step, IdentityError> {
        Err(IdentityError::InvalidState)
    }

    async fn apply(&self, _: &IdentityRequest, _: Vec<u8>) -> Result<Step, IdentityError> {
        Err(IdentityError::InvalidState)
    }

    async fn changes(&self, _: &User, _: &str) -> Result<Vec<ChangeItem>, IdentityError> {
        Ok(Vec::new())
    }
}

struct Tools;

impl Catalog for Tools {
    async fn list(&self) -> Result<Offer, CatalogError> {
        let scope = OfferedScope { name: "math:basic".into(), description: "Do sums".into(), initial: true };
        Ok(Offer { scopes: vec![scope], tools: Vec::new() })
    }
}

/// A network that fetches nothing.
struct Nowhere;

impl Network for Nowhere {
    fn fetch<'a>(&'a self, request: FetchRequest<'a>) -> Later<'a, Result<Fetched, FetchError>> {
        panic!("SSRF: {}", request.url.as_str());
    }

    fn blocks_private_networks(&self) -> Later<'_, bool> {
        Box::pin(std::future::ready(true))
    }
}

/// A loopback server.
struct World {
    config: Config,
    keys: Keyring,
    store: MemoryStore,
    random: SequenceRandom,
}

impl World {
    fn new() -> Self {
        Self {
            config: Config::new(PublicUrl::parse("http://127.0.0.1:3000").unwrap()),
            keys: Keyring::from_secret(&[7; 32]).unwrap(),
            store: MemoryStore::default(),
            random: SequenceRandom::new(1),
        }
    }

    fn send(&self, method: Method, target: &str, headers: &[(&'static str, &[u8])], body: &[u8]) -> Reply {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let values = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap()));
        let head = Head {
            method,
            path: path.into(),
            query: query.map(Into::into),
            authority: Some("127.0.0.1:3000".into()),
            headers: values.collect::<HeaderMap>(),
        };
        let server = AuthorizationServer {
            config: &self.config,
            records: Records { store: &self.store, keys: &self.keys, random: &self.random },
            identity: &People,
            catalog: &Tools,
            network: &Nowhere,
            now: 1_800_000_000,
            now_ms: 1_800_000_000_000,
            trace: &TraceId::of(&head, &self.random),
            log: &|line| {
                let is_expected = line.starts_with("tolerance: ") || line.starts_with("refused: ");
                assert!(is_expected, "a fault: {line}");
            },
        };
        block_on(server.handle(&head, &mut Bytes::copy_from_slice(body)))
    }

    fn register(&self, body: &[u8]) -> (StatusCode, Value) {
        let reply = self.send(Method::POST, "/register", &[("content-type", b"application/json")], body);
        assert_eq!(reply.headers["cache-control"], "no-store");
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    fn authorize(
        &self,
        client_id: &str,
        redirect_uri: &str,
        response_type: &str,
        headers: &[(&'static str, &[u8])],
    ) -> Reply {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", response_type),
                ("client_id", client_id),
                ("redirect_uri", redirect_uri),
                ("state", "state"),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        self.send(Method::GET, &format!("/authorize?{query}"), headers, b"")
    }
}

/// RG-01, RG-02, RG-07, RG-14: a registration that is accepted follows the rules, and one that is refused gets the
/// codes of RFC 7591.
pub(crate) const REGISTRATION: Target = Target {
    name: "registration",
    run: registration,
    seeds: || {
        let seeds = [
            r#"{"redirect_uris":["https://a.example/cb","http://localhost:1/cb"],"client_name":"Ä \u202e name"}"#,
            r#"{"redirect_uris":["com.example.app:/cb"],"token_endpoint_auth_method":"client_secret_basic","grant_types":["authorization_code"],"response_types":["code"],"application_type":"native","logo_uri":"https://a.example/l"}"#,
            r#"{"redirect_uris":[],"scope":"x"}"#,
            r#"{"redirect_uris":["https://a.example/cb"],"redirect_uris":["https://b.example/cb"]}"#,
            r#"{"redirect_uris":["javascript:alert(1)"]}"#,
            r#"{"redirect_uris":["https://a.example/cb"],"jwks":{"keys":[]},"software_statement":"x"}"#,
            "[]",
        ];
        seeds.map(|seed| seed.as_bytes().to_vec()).to_vec()
    },
    words: &[
        "\"redirect_uris\"",
        ",\"http://[::1]/cb\"",
        ",\"cursor://x/cb\"",
        "\"client_name\":\"\\u200b\\u0007x\",",
        "\"application_type\":\"web\",",
        "\"grant_types\":[\"implicit\"],",
        "\"token_endpoint_auth_method\":\"client_secret_post\",",
        "\"client_uri#de\":\"data:x\",",
        "?code=1",
        "\"client_name\"",
        "\"grant_types\"",
        "\"application_type\"",
        "\"web\"",
        "\"none\"",
        "null",
        "true",
        "1e400",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "\\u0000",
        "\\ud800",
        "https://",
        "#",
        "*",
        "@",
        "\"logo_uri#de\"",
    ],
    iterations: 20_000,
};

fn registration(input: &[u8]) -> String {
    let world = World::new();
    let (status, answer) = world.register(input);
    assert!(world.store.is_empty(), "I6");
    if status != StatusCode::CREATED {
        assert!([StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE].contains(&status), "{status}");
        let error = answer["error"].as_str().unwrap();
        assert!(
            ["invalid_client_metadata", "invalid_redirect_uri", "invalid_request"].contains(&error),
            "{answer}"
        );
        return format!("{status} {error} {} {}", answer["error_description"], shape(input));
    }
    let asked: Value = serde_json::from_slice(input).unwrap();
    // A name that cannot be used is dropped.
    if let Some(name) = answer.get("client_name") {
        let name = name.as_str().unwrap();
        assert!(name.chars().count() <= 64 && !name.chars().any(char::is_control), "{name:?}");
    }
    let uris = answer["redirect_uris"].as_array().unwrap();
    assert!((1..=32).contains(&uris.len()));
    for uri in uris {
        assert!(asked["redirect_uris"].as_array().unwrap().contains(uri), "not what was asked for: {uri}");
        assert_harmless(uri.as_str().unwrap());
    }
    // The client is known from now on, and nothing was stored for it.
    let page = world.authorize(answer["client_id"].as_str().unwrap(), uris[0].as_str().unwrap(), "code", &[]);
    assert_eq!(page.status, StatusCode::OK);
    let again = world.register(input).1;
    assert_eq!(answer["client_id"] == again["client_id"], answer.get("client_secret").is_none());
    format!("{} of {} {}", answer["token_endpoint_auth_method"], uris.len(), shape(input))
}

/// Whether a redirect URI is forbidden, as a browser parses it.
fn assert_harmless(uri: &str) {
    let parsed = Url::parse(uri).unwrap_or_else(|error| panic!("{uri}: {error}"));
    assert!(
        parsed.username().is_empty() && parsed.password().is_none() && parsed.fragment().is_none(),
        "{uri}"
    );
    match parsed.scheme() {
        "https" => {}
        "http" => {
            assert!(["localhost", "127.0.0.1", "[::1]"].contains(&parsed.host_str().unwrap()), "{uri}");
        }
        scheme => {
            let bad =
                ["javascript", "data", "file", "blob", "vbscript", "about", "ftp", "ws", "wss", "intent"];
            assert!(!bad.contains(&scheme), "{uri}");
            return;
        }
    }
    // The page shows the address to which the browser goes.
    let host = parsed.host_str().unwrap();
    let (Destination::Host(shown) | Destination::ThisComputer(shown)) = destination(uri) else {
        panic!("{uri} is no web address");
    };
    let with_port = format!("{host}:{}", parsed.port_or_known_default().unwrap());
    assert!(shown == with_port || (parsed.port().is_none() && shown == host), "{uri} is shown as {shown}");
    assert!(
        !parsed.query_pairs().any(|(name, _)| ["code", "state", "iss", "error"].contains(&&*name)),
        "{uri}"
    );
}

/// AZ-02, AZ-04 to AZ-09, I7: the browser is sent to the registered redirect URI, as the browser parses it, or
/// nowhere. The first line of the input is registered, the second one is requested.
pub(crate) const REDIRECT_URI: Target = Target {
    name: "redirect_uri",
    run: redirect_uri,
    seeds: || {
        let pairs = [
            ("https://a.example/cb", "https://a.example/cb"),
            ("https://a.example/cb?x=1", "https://a.example/cb?x=1"),
            ("https://a.example:8443/cb", "https://a.example/cb"),
            ("http://localhost:3334/oauth/callback", "http://localhost:49150/oauth/callback"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:9/cb"),
            ("http://[::1]:1/cb?x=%20", "http://[::1]:2/cb?x=%20"),
            ("http://localhost/cb", "http://localhost:80@evil.example/cb"),
            ("http://localhost/cb", "http://localhost:+80/cb"),
            ("http://LO%CAL.example/cb", "http://LO%CAL.example/cb"),
            ("com.example.app:/cb", "com.example.app:/cb"),
            ("cursor://anysphere.cursor-mcp/cb", "cursor://anysphere.cursor-mcp/cb"),
            ("https:a.example/cb?x=://a.example/", "https:a.example/cb?x=://a.example/"),
            ("https:a.example:99/?://a.example:88/", "https:a.example:99/?://a.example:88/"),
        ];
        pairs.map(|(registered, asked)| format!("{registered}\n{asked}").into_bytes()).to_vec()
    },
    words: &[
        "http://",
        "https://",
        "//",
        "://",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "a.example",
        ":",
        "@",
        ":80",
        ":+80",
        ":080",
        ":65536",
        "?",
        "#",
        "\\",
        "/..",
        "/%2e%2e",
        "%00",
        "\t",
        ".",
        "*",
        "?x=://a.example/",
        "evil.example",
        "&",
        ";",
    ],
    iterations: 30_000,
};

/// Returns the link of an error page that carries the error to the client.
fn link_with_error(page: &str) -> Option<String> {
    let links = page.split("<a href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let decode = |link: &str| {
        let entities = [("&#38;", "&"), ("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'")];
        entities.iter().fold(link.to_owned(), |text, (entity, sign)| text.replace(entity, sign))
    };
    links.map(decode).find(|link| link.contains("error=unsupported_response_type"))
}

fn redirect_uri(input: &[u8]) -> String {
    let Some((registered, asked)) = two_lines(input) else { return "no two lines".to_owned() };
    let world = World::new();
    let metadata = json!({ "redirect_uris": [registered] });
    let (status, answer) = world.register(metadata.to_string().as_bytes());
    if status != StatusCode::CREATED {
        return "not registered".to_owned();
    }
    assert_harmless(registered);
    // An error is the shortest way to the client. No user has approved it, so the page of the error has a link to it, and
    // no redirect (RFC 9700 section 4.11.2).
    let reply = world.authorize(answer["client_id"].as_str().unwrap(), asked, "token", &[]);
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(!reply.headers.contains_key("location"));
    let page = String::from_utf8(reply.body.to_vec()).unwrap();
    let Some(location) = link_with_error(&page) else {
        assert_ne!(registered, asked);
        return "not matched".to_owned();
    };
    let location = location.as_str();
    // AZ-03: the client has one redirect URI and leaves it out.
    let asked = if asked.is_empty() { registered } else { asked };
    assert!(location.starts_with(asked), "{location}");
    assert_harmless(asked);
    let parse = |text: &str| Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let (sent, wanted) = (parse(location), parse(registered));
    let place =
        |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.path().to_owned());
    assert_eq!(place(&sent), place(&wanted), "{location}");
    assert!(sent.port() == wanted.port() || sent.scheme() == "http", "{location}");
    let parameters: Vec<_> = sent.query_pairs().collect();
    assert!(wanted.query_pairs().zip(&parameters).all(|(wanted, sent)| wanted == *sent), "{location}");
    let ours = &parameters[wanted.query_pairs().count()..];
    let names: Vec<&str> = ours.iter().map(|(name, _)| &**name).collect();
    assert!(names.contains(&"error") && names.contains(&"state") && names.contains(&"iss"), "{location}");
    format!("sent to {}, {}", sent.scheme(), sent.port() == wanted.port())
}

/// A browser that is signed in: its cookie, and a client.
fn signed_in(world: &World) -> (String, String) {
    let client = world.register(br#"{"redirect_uris":["https://a.example/cb"]}"#).1;
    let client_id = client["client_id"].as_str().unwrap().to_owned();
    let page = world.authorize(&client_id, "https://a.example/cb", "code", &[]);
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    let mut form = form_urlencoded::Serializer::new(String::new());
    for input in html.split("<input").skip(1) {
        let attribute = |name: &str| {
            let (_, rest) = input.split('>').next()?.split_once(&format!(" {name}=\""))?;
            rest.split('"').next()
        };
        form.append_pair(attribute("name").unwrap_or_default(), attribute("value").unwrap_or_default());
    }
    let cookies = |reply: &Reply| -> Vec<String> {
        let lines = reply.headers.get_all("set-cookie").iter();
        lines.map(|line| line.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
    };
    let browser = cookies(&page).join("; ");
    let headers: [(&'static str, &[u8]); 3] = [
        ("cookie", browser.as_bytes()),
        ("content-type", b"application/x-www-form-urlencoded"),
        ("sec-fetch-site", b"same-origin"),
    ];
    let reply = world.send(Method::POST, "/sign-in", &headers, form.finish().as_bytes());
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{:?}", reply.body);
    let session = cookies(&reply).into_iter().find(|cookie| cookie.starts_with("postern-session="));
    (client_id, session.unwrap())
}

thread_local! {
    static SIGNED_IN: RefCell<Option<(World, String, String)>> = const { RefCell::new(None) };
}

/// BR-08: only the exact cookie that the server set, once, is a sign-in.
pub(crate) const COOKIE: Target = Target {
    name: "cookie",
    run: cookie,
    seeds: || {
        let (_, session) = signed_in(&World::new());
        let more = format!("a=1; {session}; b=2");
        let twice = format!("{session}; {session}");
        let quoted = session.replacen('=', "=\"", 1) + "\"";
        [session, more, twice, quoted, "postern-session=".into()].map(String::into_bytes).to_vec()
    },
    words: &[
        "postern-session=",
        "__Host-",
        ";",
        "; ",
        "=",
        "\"",
        ",",
        " ",
        "\t",
        "postern-browser=AAAAAAAAAAAAAAAAAAAAAA",
        "A",
    ],
    iterations: 4_000,
};

fn cookie(input: &[u8]) -> String {
    if HeaderValue::from_bytes(input).is_err() {
        return "no header".to_owned();
    }
    SIGNED_IN.with_borrow_mut(|world| {
        let (world, client_id, session) = world.get_or_insert_with(|| {
            let world = World::new();
            let (client_id, session) = signed_in(&world);
            (world, client_id, session)
        });
        let headers: [(&'static str, &[u8]); 1] = [("cookie", input)];
        let page = world.authorize(client_id, "https://a.example/cb", "code", &headers);
        assert_eq!(page.status, StatusCode::OK);
        let html = String::from_utf8(page.body.to_vec()).unwrap();
        let is_signed_in = html.contains("name=\"decision\"");
        let text = std::str::from_utf8(input).ok().filter(|text| text.bytes().all(|byte| byte < 0x7f));
        let pairs = text.into_iter().flat_map(|text| text.split(';')).map(str::trim);
        let ours: Vec<&str> = pairs.filter(|pair| pair.starts_with("postern-session=")).collect();
        assert_eq!(is_signed_in, ours == [session.as_str()], "{ours:?}");
        format!("{is_signed_in} {}", ours.len())
    })
}
