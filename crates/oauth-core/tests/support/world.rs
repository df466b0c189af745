//! The server with everything around it.

use super::{
    Browser, Elsewhere, PageForm, People, Tools,
    http::{Params, Request, body_text, header, json, location},
};
use base64ct::{Base64, Encoding};
use http::StatusCode;
use oauth_core::{
    AuthorizationServer, Config,
    client::ClientPolicy,
    introspection::{self, Access},
    records::{Grant, UserGrants, user_key},
    trace::TraceId,
};
use serde_json::json;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use store_core::{
    Keyring, RecordError, Records, Store,
    testing::{MemoryStore, Operations, SequenceRandom, block_on},
};
use web_core::{PublicUrl, Reply};

/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// When every test begins, in seconds since the Unix epoch.
pub(crate) const START: u64 = 1_800_000_000;

/// The server and everything that it depends on.
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) keys: Keyring,
    pub(crate) store: MemoryStore,
    pub(crate) random: SequenceRandom,
    pub(crate) people: People,
    pub(crate) tools: Tools,
    pub(crate) network: Elsewhere,
    pub(crate) now: Cell<u64>,
    /// Of that second.
    pub(crate) millisecond: Cell<u64>,
    /// What stands in front of a server that is below a path.
    pub(crate) proxy: Proxy,
    /// What went to the operator's log.
    pub(crate) logged: Rc<RefCell<Vec<String>>>,
    log: Box<dyn Fn(&str)>,
}

/// What a proxy in front does with the path of the server's address.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Proxy {
    /// It takes it off, where it is.
    #[default]
    Strips,
    /// It leaves it, and tests may leave it out.
    Keeps,
}

impl Proxy {
    fn pass(self, path: &str, prefix: &str) -> String {
        match (self, path.strip_prefix(prefix)) {
            (Self::Strips, Some(rest)) if rest.is_empty() || rest.starts_with('/') => {
                if rest.is_empty() {
                    "/".to_owned()
                } else {
                    rest.to_owned()
                }
            }
            (Self::Keeps, None) if !path.starts_with("/.well-known/") => format!("{prefix}{path}"),
            (Self::Strips | Self::Keeps, _) => path.to_owned(),
        }
    }
}

/// A registered client.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) redirect_uri: String,
}

/// What the token endpoint handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) scope: String,
    pub(crate) expires_in: u64,
}

impl World {
    /// At a developer's machine.
    pub(crate) fn local() -> Self {
        Self::at("http://127.0.0.1:3000")
    }

    /// On the internet.
    pub(crate) fn public() -> Self {
        Self::at("https://mcp.example.com")
    }

    pub(crate) fn at(public_url: &str) -> Self {
        let logged = Rc::new(RefCell::new(Vec::new()));
        let lines = Rc::clone(&logged);
        Self {
            config: Config::new(PublicUrl::parse(public_url).unwrap()),
            keys: Keyring::from_secret(&[7; 32]).unwrap(),
            store: MemoryStore::default(),
            random: SequenceRandom::new(1),
            people: People::default(),
            tools: Tools::default(),
            network: Elsewhere::default(),
            now: Cell::new(START),
            millisecond: Cell::new(0),
            proxy: Proxy::default(),
            logged,
            log: Box::new(move |line| lines.borrow_mut().push(line.to_owned())),
        }
    }

    pub(crate) fn issuer(&self) -> &str {
        self.config.public_url.as_str()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.now.set(self.now.get() + seconds);
    }

    pub(crate) fn records(&self) -> Records<'_, MemoryStore, SequenceRandom> {
        Records { store: &self.store, keys: &self.keys, random: &self.random }
    }

    /// Answers a request from this store, which may be one that fails.
    pub(crate) async fn answer_from<S: Store>(&self, store: &S, request: Request) -> Reply {
        let own_authority = self.config.public_url.origin().split_once("://").unwrap().1;
        let (mut head, mut body) = request.into_parts(own_authority);
        head.path = self.proxy.pass(&head.path, self.config.public_url.path());
        let trace = TraceId::of(&head, &SequenceRandom::new(2));
        let server = AuthorizationServer {
            config: &self.config,
            records: Records { store, keys: &self.keys, random: &self.random },
            identity: &self.people,
            catalog: &self.tools,
            network: &self.network,
            now: self.now.get(),
            now_ms: self.now.get() * 1000 + self.millisecond.get(),
            trace: &trace,
            log: &*self.log,
        };
        let reply = server.handle(&head, &mut body).await;
        self.inspect(&reply);
        reply
    }

    /// Whatever happens: a page of ours leads nowhere on its host that is not below the server's address.
    fn inspect(&self, reply: &Reply) {
        let path = self.config.public_url.path();
        let mut links: Vec<&str> = Vec::new();
        if header(reply, "content-type").starts_with("text/html") {
            for attribute in ["action=\"", "href=\""] {
                links.extend(
                    body_text(reply).split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()),
                );
            }
        }
        links.extend(reply.headers.get("location").map(|location| location.to_str().unwrap()));
        for link in links.into_iter().filter(|link| link.starts_with('/')) {
            assert!(link.starts_with(&format!("{path}/")), "{link}");
        }
        for cookie in reply.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()) {
            let at = cookie.split("; Path=").nth(1).unwrap().split(';').next().unwrap();
            assert!(at.starts_with(path), "{cookie}");
            let is_host_wide = cookie.starts_with("__Host-");
            assert!(!is_host_wide || at == "/", "RFC 6265bis section 4.1.3.2: {cookie}");
        }
    }

    pub(crate) async fn answer(&self, request: Request) -> Reply {
        self.answer_from(&self.store, request).await
    }

    pub(crate) fn send(&self, request: Request) -> Reply {
        block_on(self.answer(request))
    }

    /// The operations that this takes.
    pub(crate) fn count<T>(&self, action: impl FnOnce() -> T) -> (T, Operations) {
        self.store.take_operations();
        let outcome = action();
        (outcome, self.store.take_operations())
    }

    pub(crate) fn register(&self, redirect_uris: &[&str]) -> Client {
        let metadata = json!({ "client_name": "Inspector", "redirect_uris": redirect_uris });
        let reply = self.send(Request::post_json("/register", &metadata));
        assert_eq!(reply.status, StatusCode::CREATED, "{}", body_text(&reply));
        let id = json(&reply)["client_id"].as_str().unwrap().to_owned();
        Client { id, redirect_uri: redirect_uris[0].to_owned() }
    }

    /// A confidential client that authenticates by this method, and its secret.
    pub(crate) fn confidential(&self, method: &str) -> (Client, String) {
        let redirect_uri = "https://client.example/cb";
        let metadata = json!({ "redirect_uris": [redirect_uri], "token_endpoint_auth_method": method });
        let document = json(&self.send(Request::post_json("/register", &metadata)));
        let text = |name: &str| document[name].as_str().unwrap().to_owned();
        let client = Client { id: text("client_id"), redirect_uri: redirect_uri.into() };
        (client, text("client_secret"))
    }

    pub(crate) fn client(&self) -> Client {
        self.register(&["https://client.example/cb"])
    }

    /// A client that the operator configured, with the redirect URI of [`client`](Self::client).
    pub(crate) fn configured(&mut self) -> Client {
        let redirect_uri = "https://client.example/cb";
        let clients = json!([{ "client_id": "desk", "redirect_uris": [redirect_uri] }]).to_string();
        let variable = |name: &str| if name == "clients" { clients.clone() } else { String::new() };
        self.config.clients.configured = ClientPolicy::read(variable).unwrap().configured;
        Client { id: "desk".into(), redirect_uri: redirect_uri.into() }
    }

    /// Signs in, approves, and gives the code.
    pub(crate) fn code(&self, client: &Client) -> String {
        self.code_for(client, "alice@example.com", &client.request())
    }

    pub(crate) fn code_for(&self, client: &Client, email: &str, request: &Params) -> String {
        let browser = Browser::default();
        let consent = browser.sign_in(self, email, &request.encode());
        let ticked = PageForm::of(&consent).checkboxes().join(" ");
        let reply = browser.approve(self, &consent, &ticked.split(' ').collect::<Vec<_>>());
        let (uri, params) = location(&reply);
        assert_eq!(uri, client.redirect_uri);
        params["code"].clone()
    }

    /// The whole dance.
    pub(crate) fn tokens(&self, client: &Client) -> Tokens {
        Tokens::of(&self.send(client.redeem(&self.code(client))))
    }

    pub(crate) fn introspect(&self, access_token: &str) -> Option<Access> {
        self.try_introspect(access_token).unwrap()
    }

    pub(crate) fn try_introspect(&self, access_token: &str) -> Result<Option<Access>, RecordError> {
        let Some(token) = introspection::parse(access_token) else { return Ok(None) };
        block_on(introspection::introspect(token, &self.records(), &self.config, self.now.get()))
    }

    /// The only grant in the store.
    pub(crate) fn grant(&self) -> Grant {
        let grants = self.grants();
        assert_eq!(grants.len(), 1);
        grants.into_iter().next().unwrap().1
    }

    /// All grants in the store, with their keys.
    pub(crate) fn grants(&self) -> Vec<(String, Grant)> {
        let keys = self.store.snapshot().into_keys().filter(|key| key.starts_with("postern:g:"));
        keys.map(|key| (key.clone(), block_on(self.records().find(&key)).unwrap().unwrap())).collect()
    }

    pub(crate) fn user(&self, email: &str) -> UserGrants {
        block_on(self.records().find(&user_key(&format!("subject of {email}")))).unwrap().unwrap()
    }

    /// Signs the user out everywhere.
    pub(crate) fn raise_epoch(&self, email: &str) {
        let user = self.user(email);
        let raised = UserGrants { epoch: user.epoch + 1, ..user };
        block_on(self.records().create(&user_key(&format!("subject of {email}")), &raised)).unwrap();
    }
}

impl Client {
    /// A complete authorization request.
    pub(crate) fn request(&self) -> Params {
        Params::of(&[
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", &self.redirect_uri),
            ("state", "state of the client"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("scope", "math:basic math:statistics"),
        ])
    }

    pub(crate) fn redemption(&self, code: &str) -> Params {
        Params::of(&[
            ("grant_type", "authorization_code"),
            ("client_id", &self.id),
            ("redirect_uri", &self.redirect_uri),
            ("code", code),
            ("code_verifier", VERIFIER),
        ])
    }

    pub(crate) fn redeem(&self, code: &str) -> Request {
        Request::post_form("/token", &self.redemption(code))
    }

    pub(crate) fn refreshment(&self, refresh_token: &str) -> Params {
        Params::of(&[
            ("grant_type", "refresh_token"),
            ("client_id", &self.id),
            ("refresh_token", refresh_token),
        ])
    }

    pub(crate) fn refresh(&self, refresh_token: &str) -> Request {
        Request::post_form("/token", &self.refreshment(refresh_token))
    }
}

impl Tokens {
    pub(crate) fn of(reply: &Reply) -> Self {
        assert_eq!(reply.status, StatusCode::OK, "{}", body_text(reply));
        assert_eq!(header(reply, "cache-control"), "no-store");
        let document = json(reply);
        assert_eq!(document["token_type"], "Bearer");
        let text = |name: &str| document[name].as_str().unwrap().to_owned();
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
            scope: text("scope"),
            expires_in: document["expires_in"].as_u64().unwrap(),
        }
    }
}

/// The value of a Basic header.
pub(crate) fn basic(client_id: &str, client_secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let credentials = format!("{}:{}", encode(client_id), encode(client_secret));
    format!("Basic {}", Base64::encode_string(credentials.as_bytes()))
}

/// Status and error code of an answer to a program.
#[track_caller]
pub(crate) fn refusal(reply: &Reply) -> (u16, String) {
    let document = json(reply);
    assert_eq!(header(reply, "cache-control"), "no-store", "TK-30");
    (reply.status.as_u16(), document["error"].as_str().unwrap_or_default().to_owned())
}
