//! The walk that a client starts: register, send the person to `/authorize`, take the code, ask for
//! tokens. Every step can be taken wrongly on purpose.

use crate::browser::{Browser, Landing, find_form};
use crate::html::Form;
use crate::http::{Request, Response, Server, encode};
use crate::random;
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Where codes are sent in most tests. Nobody listens there: the test reads the redirect instead.
pub const REDIRECT_URI: &str = "http://127.0.0.1:6274/oauth/callback";

/// The scope that a client asks for first.
pub const BASIC: &str = "math:basic";

/// The scope that some tools need besides.
pub const STATISTICS: &str = "math:statistics";

/// A registered client.
#[derive(Debug, Clone)]
pub struct Client {
    /// Where it registered.
    pub server: Server,
    /// Its identifier.
    pub client_id: String,
    /// Where it has codes sent.
    pub redirect_uri: String,
}

impl Client {
    /// Registers a public client (RFC 7591).
    pub fn register(server: &Server) -> Self {
        Self::register_for(server, REDIRECT_URI)
    }

    /// Registers a public client with this redirect URI.
    pub fn register_for(server: &Server, redirect_uri: &str) -> Self {
        let registered = register(
            server,
            &json!({
                // A registration may be nothing but its own contents: two with the same are one client.
            "client_name": format!("Black-box test {}", random()),
                "redirect_uris": [redirect_uri],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
            }),
        )
        .expect(201)
        .json();
        let client_id = registered.get("client_id").and_then(Value::as_str).expect("a client_id").to_owned();
        Self { server: server.clone(), client_id, redirect_uri: redirect_uri.to_owned() }
    }

    /// Posts to the token endpoint.
    pub fn token(&self, fields: &[(&str, &str)]) -> Response {
        self.server.send(&Request::form("/token", fields))
    }

    /// The request that redeems a code.
    pub fn redemption(&self, code: &str, verifier: &str) -> Request {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("code", code),
            ("code_verifier", verifier),
        ];
        Request::form("/token", &fields)
    }

    /// The request that uses a refresh token.
    pub fn refreshment(&self, refresh_token: &str) -> Request {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.client_id),
            ("refresh_token", refresh_token),
        ];
        Request::form("/token", &fields)
    }

    /// Redeems a code.
    pub fn redeem(&self, code: &str, verifier: &str) -> Response {
        self.server.send(&self.redemption(code, verifier))
    }

    /// Uses a refresh token.
    pub fn refresh(&self, refresh_token: &str) -> Response {
        self.server.send(&self.refreshment(refresh_token))
    }

    /// The whole walk, by somebody who was never here before, up to the tokens.
    pub fn sign_in(&self) -> Tokens {
        self.sign_in_with(BASIC)
    }

    /// The same, with other scopes.
    pub fn sign_in_with(&self, scope: &str) -> Tokens {
        let authorization = Authorization::new(self).with("scope", scope);
        let mut browser = Browser::new(&self.server);
        let answer = Person::new().approve(&mut browser, &authorization);
        Tokens::of(&self.redeem(answer.code(), &authorization.verifier))
    }
}

/// Posts client metadata to the registration endpoint.
pub fn register(server: &Server, metadata: &Value) -> Response {
    server.send(&Request::json("/register", metadata))
}

/// What the token endpoint gave.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// The granted scopes.
    pub scope: Vec<String>,
}

impl Tokens {
    /// Reads a successful answer (RFC 6749 section 5.1).
    #[track_caller]
    pub fn of(response: &Response) -> Self {
        let document = response.clone().expect(200).json();
        let text = |name: &str| {
            let value = document.get(name).and_then(Value::as_str);
            value.unwrap_or_else(|| panic!("no {name} in {response}")).to_owned()
        };
        assert_eq!(text("token_type"), "Bearer");
        let scope = text("scope").split(' ').map(str::to_owned).collect();
        Self { access_token: text("access_token"), refresh_token: text("refresh_token"), scope }
    }
}

/// An authorization request.
#[derive(Debug, Clone)]
pub struct Authorization {
    parameters: Vec<(String, String)>,
    /// What proves, at the token endpoint, who made this request (RFC 7636).
    pub verifier: String,
    /// What the answer has to bring back.
    pub state: String,
    redirect_uri: String,
}

impl Authorization {
    /// The request that a client of MCP makes.
    pub fn new(client: &Client) -> Self {
        let (verifier, state) = (random() + &random(), random());
        let challenge = Base64UrlUnpadded::encode_string(&Sha256::digest(&verifier));
        let parameters = [
            ("response_type", "code"),
            ("client_id", &client.client_id),
            ("redirect_uri", &client.redirect_uri),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", &state),
            ("scope", BASIC),
            ("resource", &client.server.url("/mcp")),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let redirect_uri = client.redirect_uri.clone();
        Self { parameters: parameters.into(), verifier, state, redirect_uri }
    }

    /// Sets a parameter.
    #[must_use]
    pub fn with(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    /// Leaves a parameter out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.parameters.retain(|(key, _)| key != name);
        self
    }

    /// Adds a parameter, be it there already or not.
    #[must_use]
    pub fn and(mut self, name: &str, value: &str) -> Self {
        match name {
            "state" => self.state = value.to_owned(),
            "redirect_uri" => self.redirect_uri = value.to_owned(),
            _ => {}
        }
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Path and query of the request.
    pub fn target(&self) -> String {
        format!("/authorize?{}", encode(&self.parameters))
    }

    /// Reads the answer that the browser was sent away with. Fails unless it goes to the client and
    /// brings back its state, once and byte for byte, and the issuer (RFC 9207).
    #[track_caller]
    pub fn answer(&self, server: &Server, url: &str) -> Answer {
        let query = url.strip_prefix(&self.redirect_uri).and_then(|rest| rest.strip_prefix(['?', '&']));
        let query = query.unwrap_or_else(|| panic!("sent to {url}, not to {}", self.redirect_uri));
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let repeated = parameters.insert(name.into_owned(), value.into_owned());
            assert!(repeated.is_none(), "a parameter is repeated in {url}");
        }
        let answer = Answer { parameters };
        assert_eq!(answer.find("state"), Some(self.state.as_str()), "in {url}");
        assert_eq!(answer.find("iss"), Some(server.base.as_str()), "in {url}");
        answer
    }
}

/// What came back to the client.
#[derive(Debug)]
pub struct Answer {
    parameters: BTreeMap<String, String>,
}

impl Answer {
    /// A parameter.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// The code.
    #[track_caller]
    pub fn code(&self) -> &str {
        self.find("code").unwrap_or_else(|| panic!("no code in {self:?}"))
    }

    /// Fails unless this is an error with this code, and no authorization code besides.
    #[track_caller]
    pub fn expect_error(&self, code: &str) {
        assert_eq!(self.find("error"), Some(code), "{self:?}");
        assert_eq!(self.find("code"), None, "{self:?}");
    }
}

/// Somebody with an account, or about to have one.
#[derive(Debug, Clone)]
pub struct Person {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
}

impl Default for Person {
    fn default() -> Self {
        Self::new()
    }
}

impl Person {
    /// Somebody who was never here.
    pub fn new() -> Self {
        Self { email: format!("{}@example.com", random().to_lowercase()), password: random() }
    }

    /// Signs in, if asked to, and approves everything.
    #[track_caller]
    pub fn approve(&self, browser: &mut Browser, authorization: &Authorization) -> Answer {
        let form = self.consent_form(browser, authorization);
        let url = browser.submit(&form, Some("approve")).elsewhere();
        authorization.answer(browser.server(), &url)
    }

    /// Signs in, if asked to, and refuses.
    #[track_caller]
    pub fn deny(&self, browser: &mut Browser, authorization: &Authorization) -> Answer {
        let form = self.consent_form(browser, authorization);
        let url = browser.submit(&form, Some("deny")).elsewhere();
        authorization.answer(browser.server(), &url)
    }

    /// Signs in, if asked to, and reads the consent page.
    #[track_caller]
    pub fn consent_form(&self, browser: &mut Browser, authorization: &Authorization) -> Form {
        consent_form(&self.consent_page(browser, authorization))
    }

    /// Signs in, if asked to, and stops at the consent page.
    #[track_caller]
    pub fn consent_page(&self, browser: &mut Browser, authorization: &Authorization) -> Response {
        let page = browser.open(&authorization.target()).page().expect_page(200);
        if is_sign_in(&page) { self.sign_in(browser, &page).page().expect_page(200) } else { page }
    }

    /// Fills in the sign-in page and sends it. Where anybody may make an account, it is made; where the server asks
    /// whether a new one is meant, it is.
    #[track_caller]
    pub fn sign_in(&self, browser: &mut Browser, page: &Response) -> Landing {
        let mut form = sign_in_form(page);
        if form.controls.iter().any(|control| control.value == "sign-up") {
            form = sign_in_form(&browser.submit(&form, Some("sign-up")).page());
            form.fill("new-password", &self.password);
        }
        form.fill("email", &self.email);
        form.fill("password", &self.password);
        match browser.submit(&form, None) {
            Landing::Page(page) if let Some(form) = find_confirmation(&page) => browser.submit(&form, None),
            landing => landing,
        }
    }
}

/// The form with which a new account is confirmed, if this is the page that asks: it has no fields, and a way back to
/// the sign-in.
pub fn find_confirmation(page: &Response) -> Option<Form> {
    let leads_back = |form: &Form| form.controls.iter().any(|control| control.value == "sign-in");
    let mut forms = crate::html::forms(&page.text()).into_iter();
    forms
        .find(|form| leads_back(form) && form.find("email").is_none() && form.find_kind("password").is_none())
}

/// Whether a page asks for a password.
pub fn is_sign_in(page: &Response) -> bool {
    crate::html::forms(&page.text()).iter().any(|form| form.find_kind("password").is_some())
}

/// The form of a sign-in page.
#[track_caller]
pub fn sign_in_form(page: &Response) -> Form {
    find_form(page, "with a password", |form| form.find_kind("password").is_some())
}

/// The form of a consent page.
#[track_caller]
pub fn consent_form(page: &Response) -> Form {
    find_form(page, "with a decision", |form| form.find("decision").is_some())
}
