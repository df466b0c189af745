//! The authorization server's ports: over the WIT imports that `spin.toml` composes in, and the network.

use bindings::postern::{
    identity::identity::{self, FieldKind},
    tools::tools,
};
use oauth_core::ports::{
    Alternative, Catalog, CatalogError, ChangeItem, Done, Field, Identity, IdentityError, IdentityRequest,
    Later, Network, Offer, OfferedScope, OfferedTool, Prompt, Purpose, Redirect, Step, User,
};
use platform::fetch::{self, HostFetch};
use web_core::fetch::{Fetch, FetchError, FetchRequest, Fetched};

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package postern:oauth;
            world oauth {
                import postern:identity/identity@0.1.0;
                import postern:tools/tools@0.1.0;
            }
        ",
        world: "postern:oauth/oauth",
        path: ["../../wit/identity", "../../wit/tools"],
        generate_all,
    });
}

/// The users.
pub(crate) struct Accounts;

impl Identity for Accounts {
    async fn begin(&self, request: &IdentityRequest) -> Result<Step, IdentityError> {
        identity::begin(to_wit(request)).await.map(Step::from).map_err(IdentityError::from)
    }

    async fn resume(
        &self,
        request: &IdentityRequest,
        state: Vec<u8>,
        answers: Vec<(String, String)>,
    ) -> Result<Step, IdentityError> {
        let step = identity::resume(to_wit(request), state, pairs(answers)).await;
        step.map(Step::from).map_err(IdentityError::from)
    }

    async fn returned(
        &self,
        request: &IdentityRequest,
        state: Vec<u8>,
        parameters: Vec<(String, String)>,
    ) -> Result<Step, IdentityError> {
        let step = identity::returned(to_wit(request), state, pairs(parameters)).await;
        step.map(Step::from).map_err(IdentityError::from)
    }

    async fn apply(&self, request: &IdentityRequest, state: Vec<u8>) -> Result<Step, IdentityError> {
        identity::apply(to_wit(request), state).await.map(Step::from).map_err(IdentityError::from)
    }

    async fn changes(&self, user: &User, trace_id: &str) -> Result<Vec<ChangeItem>, IdentityError> {
        let items = identity::changes(user_to_wit(user), trace_id.to_owned()).await?;
        Ok(items.into_iter().map(|identity::ChangeItem { name, label }| ChangeItem { name, label }).collect())
    }
}

fn pairs(pairs: Vec<(String, String)>) -> Vec<identity::Answer> {
    pairs.into_iter().map(|(name, value)| identity::Answer { name, value }).collect()
}

fn to_wit(request: &IdentityRequest) -> identity::Request {
    let IdentityRequest {
        login_hint,
        loopback,
        purpose,
        known_subjects,
        client_address,
        return_url,
        trace_id,
    } = request.clone();
    let purpose = match purpose {
        Purpose::SignIn => identity::Purpose::SignIn,
        Purpose::Change { user, name } => {
            identity::Purpose::Change(identity::Change { user: user_to_wit(&user), name })
        }
    };
    identity::Request { login_hint, loopback, purpose, known_subjects, client_address, return_url, trace_id }
}

fn user_to_wit(user: &User) -> identity::User {
    identity::User { subject: user.subject.clone(), display_name: user.display_name.clone() }
}

impl From<identity::Step> for Step {
    fn from(step: identity::Step) -> Self {
        match step {
            identity::Step::User(identity::User { subject, display_name }) => {
                Self::User(User { subject, display_name })
            }
            identity::Step::Ready(state) => Self::Ready(state),
            identity::Step::Done(identity::Done { notice }) => Self::Done(Done { notice }),
            identity::Step::Send(identity::Redirect { url, return_token, state }) => {
                Self::Send(Redirect { url, return_token, state })
            }
            identity::Step::Ask(prompt) => Self::Ask(prompt.into()),
        }
    }
}

impl From<identity::Prompt> for Prompt {
    fn from(prompt: identity::Prompt) -> Self {
        let identity::Prompt { heading, notice, problem, fields, submit, alternatives, retry_after, state } =
            prompt;
        let fields = fields.into_iter().map(Field::from).collect();
        let alternatives = alternatives
            .into_iter()
            .map(|identity::Alternative { name, label, leads_elsewhere }| Alternative {
                name,
                label,
                leads_elsewhere,
            })
            .collect();
        Self { heading, notice, problem, fields, submit, alternatives, retry_after, state }
    }
}

impl From<identity::Field> for Field {
    fn from(field: identity::Field) -> Self {
        let identity::Field { name, label, kind, autocomplete, value } = field;
        let kind = match kind {
            FieldKind::Text => "text",
            FieldKind::Email => "email",
            FieldKind::Password => "password",
        };
        Self { name, label, kind, autocomplete, value }
    }
}

impl From<identity::Error> for IdentityError {
    fn from(error: identity::Error) -> Self {
        match error {
            identity::Error::InvalidState => Self::InvalidState,
            identity::Error::Unproven => Self::Unproven,
            identity::Error::Denied => Self::Denied,
            identity::Error::Failed(place) => Self::Failed(place),
            identity::Error::Unavailable => Self::Unavailable,
            identity::Error::Other(text) => Self::Other(text),
        }
    }
}

/// The tools.
pub(crate) struct Tools;

impl Catalog for Tools {
    async fn list(&self) -> Result<Offer, CatalogError> {
        let scopes = tools::list_scopes().await.map_err(catalog_error)?;
        let tools = tools::list_tools().await.map_err(catalog_error)?;
        Ok(Offer {
            scopes: scopes.into_iter().map(OfferedScope::from).collect(),
            tools: tools.into_iter().map(OfferedTool::from).collect(),
        })
    }
}

impl From<tools::Scope> for OfferedScope {
    fn from(scope: tools::Scope) -> Self {
        let tools::Scope { name, description, initial } = scope;
        Self { name, description, initial }
    }
}

impl From<tools::Tool> for OfferedTool {
    fn from(tool: tools::Tool) -> Self {
        let title = tool.title.unwrap_or(tool.name);
        Self { title, description: tool.description, scopes: tool.scopes }
    }
}

fn catalog_error(error: tools::Error) -> CatalogError {
    CatalogError(match error {
        tools::Error::Unavailable => "what they depend on does not answer".into(),
        tools::Error::Other(text) => text,
        tools::Error::UnknownTool
        | tools::Error::InvalidArguments(_)
        | tools::Error::InsufficientScope(_)
        | tools::Error::MissingCapability(_) => "they answered as if they had been called".into(),
    })
}

/// The network, as far as the host lets this component have it.
pub(crate) struct Outside;

impl Network for Outside {
    fn fetch<'a>(&'a self, request: FetchRequest<'a>) -> Later<'a, Result<Fetched, FetchError>> {
        Box::pin(async move { HostFetch::default().fetch(request).await })
    }

    fn blocks_private_networks(&self) -> Later<'_, bool> {
        Box::pin(fetch::blocks_private_networks())
    }
}
