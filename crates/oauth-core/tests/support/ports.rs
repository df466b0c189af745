//! The users, the tools and the network, as small as they can be.

use oauth_core::ports::{
    Alternative, Catalog, CatalogError, ChangeItem, Done, Field, Identity, IdentityError, IdentityRequest,
    Later, Network, Offer, OfferedScope, OfferedTool, Prompt, Purpose, Redirect, Step, User,
};
use std::{
    cell::{Cell, RefCell},
    future::ready,
};
use web_core::fetch::{Fetch, FetchError, FetchRequest, Fetched, testing::FakeNetwork};

/// The address that a browser came back to, and its parameters.
pub(crate) type ComeBack = (String, Vec<(String, String)>);

/// Everybody whose password is "good".
#[derive(Default)]
pub(crate) struct People {
    /// What the next call answers instead.
    pub(crate) failure: RefCell<Option<IdentityError>>,
    /// Whether there is another place to sign in.
    pub(crate) has_elsewhere: Cell<bool>,
    /// What came back from there, with the address that the browser came back to.
    pub(crate) came_back: RefCell<Vec<ComeBack>>,
    /// How often somebody was asked.
    pub(crate) calls: Cell<usize>,
    /// What the last call was told.
    pub(crate) told: RefCell<IdentityRequest>,
    /// The pause that prompts speak of.
    pub(crate) retry_after: Cell<Option<u32>>,
    /// What was filled in last.
    pub(crate) answers: RefCell<Vec<(String, String)>>,
    /// Whether passwords can be changed here.
    pub(crate) can_change: Cell<bool>,
    /// How many passwords were changed.
    pub(crate) changed: Cell<usize>,
    /// Whether a change that is ready cannot be made.
    pub(crate) fails_to_apply: Cell<bool>,
}

impl People {
    fn prompt(&self, problem: Option<&str>, email: &str) -> Step {
        let field = |name: &str, kind, autocomplete: &str, value: &str| Field {
            name: name.into(),
            label: name.into(),
            kind,
            autocomplete: autocomplete.into(),
            value: value.into(),
        };
        Step::Ask(Prompt {
            heading: None,
            notice: None,
            problem: problem.map(str::to_owned),
            fields: vec![
                field("email", "email", "username", email),
                field("password", "password", "current-password", ""),
            ],
            submit: "Continue".into(),
            alternatives: self.alternatives(),
            retry_after: self.retry_after.get(),
            state: b"asked for a password".to_vec(),
        })
    }

    fn alternatives(&self) -> Vec<Alternative> {
        let elsewhere = Alternative {
            name: "elsewhere".into(),
            label: "Continue elsewhere".into(),
            leads_elsewhere: true,
        };
        if self.has_elsewhere.get() { vec![elsewhere] } else { Vec::new() }
    }

    fn count(&self) -> Result<(), IdentityError> {
        self.calls.set(self.calls.get() + 1);
        self.failure.borrow_mut().take().map_or(Ok(()), Err)
    }
}

impl Identity for People {
    async fn begin(&self, request: &IdentityRequest) -> Result<Step, IdentityError> {
        self.told.replace(request.clone());
        self.count()?;
        if matches!(request.purpose, Purpose::Change { .. }) {
            return Ok(self.prompt(None, ""));
        }
        Ok(self.prompt(None, request.login_hint.as_deref().unwrap_or_default()))
    }

    async fn resume(
        &self,
        request: &IdentityRequest,
        state: Vec<u8>,
        answers: Vec<(String, String)>,
    ) -> Result<Step, IdentityError> {
        self.told.replace(request.clone());
        self.answers.replace(answers.clone());
        self.count()?;
        if state != b"asked for a password" {
            return Err(IdentityError::InvalidState);
        }
        let answer = |wanted: &str| answers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        if answer("alternative").is_some_and(|name| name == "elsewhere") {
            let return_token = format!("return token {:07}", self.calls.get());
            let back = format!("{}/elsewhere", request.return_url);
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("state", &return_token)
                .append_pair("back", &back)
                .finish();
            let state = format!("went to {back}").into_bytes();
            let url = format!("https://id.example.com/authorize?{query}");
            return Ok(Step::Send(Redirect { url, return_token, state }));
        }
        match (answer("email"), answer("password")) {
            (_, Some(password)) if password == "good" && request.purpose != Purpose::SignIn => {
                Ok(Step::Ready(b"typed the password again".to_vec()))
            }
            (Some(email), Some(password)) if password == "good" => {
                Ok(Step::User(User { subject: format!("subject of {email}"), display_name: email.clone() }))
            }
            (email, _) => Ok(self.prompt(Some("wrong e-mail or password"), email.map_or("", String::as_str))),
        }
    }

    async fn returned(
        &self,
        request: &IdentityRequest,
        state: Vec<u8>,
        parameters: Vec<(String, String)>,
    ) -> Result<Step, IdentityError> {
        self.count()?;
        let back = request.return_url.clone();
        self.came_back.borrow_mut().push((back.clone(), parameters.clone()));
        if state != format!("went to {back}").into_bytes() {
            return Err(IdentityError::Unproven);
        }
        match parameters.iter().find(|(name, _)| name == "code") {
            Some((_, code)) => Ok(Step::User(User {
                subject: format!("subject of {code}"),
                display_name: format!("{code} from elsewhere"),
            })),
            None => Ok(self.prompt(Some("not let in from there"), "")),
        }
    }

    async fn apply(&self, _: &IdentityRequest, state: Vec<u8>) -> Result<Step, IdentityError> {
        if state != b"typed the password again" {
            return Err(IdentityError::InvalidState);
        }
        if self.fails_to_apply.get() {
            return Err(IdentityError::Unavailable);
        }
        self.changed.set(self.changed.get() + 1);
        Ok(Step::Done(Done { notice: "It is changed.".into() }))
    }

    async fn changes(&self, _: &User, _: &str) -> Result<Vec<ChangeItem>, IdentityError> {
        self.count()?;
        let password = ChangeItem { name: "password".into(), label: "Change password".into() };
        Ok(if self.can_change.get() { vec![password] } else { Vec::new() })
    }
}

/// What there is to be allowed.
pub(crate) struct Tools {
    pub(crate) offer: Offer,
    pub(crate) fails: Cell<bool>,
}

impl Default for Tools {
    fn default() -> Self {
        let scope = |name: &str, description: &str, initial| OfferedScope {
            name: name.into(),
            description: description.into(),
            initial,
        };
        let tool = |title: &str, scopes: &[&str]| OfferedTool {
            title: title.into(),
            description: format!("{title} things"),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        let offer = Offer {
            scopes: vec![
                scope("math:basic", "Do sums", true),
                scope("math:statistics", "Do statistics", false),
            ],
            tools: vec![
                tool("Add", &["math:basic"]),
                tool("Median", &["math:basic", "math:statistics"]),
                tool("Echo", &[]),
            ],
        };
        Self { offer, fails: Cell::new(false) }
    }
}

impl Catalog for Tools {
    async fn list(&self) -> Result<Offer, CatalogError> {
        if self.fails.get() { Err(CatalogError("the tools trapped".into())) } else { Ok(self.offer.clone()) }
    }
}

/// The servers of others, behind a host that blocks private networks.
pub(crate) struct Elsewhere {
    pub(crate) servers: FakeNetwork,
    pub(crate) blocks_private_networks: Cell<bool>,
}

impl Default for Elsewhere {
    fn default() -> Self {
        Self { servers: FakeNetwork::default(), blocks_private_networks: Cell::new(true) }
    }
}

impl Network for Elsewhere {
    fn fetch<'a>(&'a self, request: FetchRequest<'a>) -> Later<'a, Result<Fetched, FetchError>> {
        Box::pin(async move { self.servers.fetcher().fetch(request).await })
    }

    fn blocks_private_networks(&self) -> Later<'_, bool> {
        Box::pin(ready(self.blocks_private_networks.get()))
    }
}
