//! The authorization server's ports: over the WIT imports that `spin.toml` composes in, and the network.

use bindings::postern::{
    identity::identity::{self, FieldKind},
    tools::tools,
};
use oauth_core::ports::{
    Catalog, CatalogError, Field, Identity, IdentityError, IdentityRequest, Later, Network, Offer,
    OfferedScope, OfferedTool, Prompt, Step, User,
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
        let answers = answers.into_iter().map(|(name, value)| identity::Answer { name, value }).collect();
        identity::resume(to_wit(request), state, answers).await.map(Step::from).map_err(IdentityError::from)
    }
}

fn to_wit(request: &IdentityRequest) -> identity::Request {
    identity::Request { login_hint: request.login_hint.clone(), loopback: request.loopback }
}

impl From<identity::Step> for Step {
    fn from(step: identity::Step) -> Self {
        match step {
            identity::Step::User(identity::User { subject, display_name }) => {
                Self::User(User { subject, display_name })
            }
            identity::Step::Ask(identity::Prompt { notice, problem, fields, submit, state }) => {
                let fields = fields.into_iter().map(Field::from).collect();
                Self::Ask(Prompt { notice, problem, fields, submit, state })
            }
        }
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
