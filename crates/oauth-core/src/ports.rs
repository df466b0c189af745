//! What the authorization server needs from outside. Time is an argument of every request; the store
//! and chance come with [`store_core::Records`].

use std::pin::Pin;
use web_core::fetch::{FetchError, FetchRequest, Fetched};

/// What is not there yet.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The network. Few requests need it, so it is not a part of every type.
pub trait Network {
    /// Gets a document, under the rules of [`web_core::fetch`].
    fn fetch<'a>(&'a self, request: FetchRequest<'a>) -> Later<'a, Result<Fetched, FetchError>>;

    /// Whether the host keeps what is fetched out of private networks, wherever a name leads. A guest
    /// cannot see to that itself: it does not learn which address a name has.
    fn blocks_private_networks(&self) -> Later<'_, bool>;
}

/// Who is this user? See `wit/identity/identity.wit`, whose words these are.
#[expect(async_fn_in_trait, reason = "everything runs in one task of one instance; nothing needs Send")]
pub trait Identity {
    /// Begins a conversation.
    async fn begin(&self, request: &IdentityRequest) -> Result<Step, IdentityError>;

    /// Goes on with what the person filled in.
    async fn resume(
        &self,
        request: &IdentityRequest,
        state: Vec<u8>,
        answers: Vec<(String, String)>,
    ) -> Result<Step, IdentityError>;

    /// Goes on with a browser that comes back from elsewhere with these parameters.
    async fn returned(
        &self,
        request: &IdentityRequest,
        state: Vec<u8>,
        parameters: Vec<(String, String)>,
    ) -> Result<Step, IdentityError>;

    /// Makes a change that is ready.
    async fn apply(&self, request: &IdentityRequest, state: Vec<u8>) -> Result<Step, IdentityError>;

    /// What this person can change about how they sign in. `trace_id` is as in [`IdentityRequest`].
    async fn changes(&self, user: &User, trace_id: &str) -> Result<Vec<ChangeItem>, IdentityError>;
}

/// What is known at every step of a conversation.
#[derive(Debug, Clone, Default)]
pub struct IdentityRequest {
    /// Who the client hopes to see. Unverified.
    pub login_hint: Option<String>,
    /// Whether the server's public address is a loopback one.
    pub loopback: bool,
    /// What the conversation is for.
    pub purpose: Purpose,
    /// Subjects that this browser has signed in as before.
    pub known_subjects: Vec<String>,
    /// The address that the request came from, if the host tells.
    pub client_address: Option<String>,
    /// Where a browser that is sent away is to come back to, or did come back to.
    pub return_url: String,
    /// What the log has this request under.
    pub trace_id: String,
}

/// What a conversation is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To find out who the person is.
    #[default]
    SignIn,
    /// To change how this person signs in.
    Change {
        /// Who asks.
        user: User,
        /// The name of a [`ChangeItem`].
        name: String,
    },
}

/// The next step of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask the person to fill in these fields.
    Ask(Prompt),
    /// Send the browser elsewhere.
    Send(Redirect),
    /// Signed in.
    User(User),
    /// The change is in order and not made yet, and it ends the person's sign-ins at other browsers. They are
    /// ended first; then [`Identity::apply`] takes this state.
    Ready(Vec<u8>),
    /// The change has been made.
    Done(Done),
}

/// Where to send the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The URL.
    pub url: String,
    /// What the browser brings back in the parameter `state`.
    pub return_token: String,
    /// Handed back to [`Identity::returned`].
    pub state: Vec<u8>,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// One sentence for the person.
    pub notice: String,
}

/// Something that a person can change about how they sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeItem {
    /// Its name.
    pub name: String,
    /// The text of the button that begins it.
    pub label: String,
}

/// A form to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What the form is for, if that is not what its page is called anyway.
    pub heading: Option<String>,
    /// One sentence under the heading.
    pub notice: Option<String>,
    /// What was wrong with the last answer.
    pub problem: Option<String>,
    /// The fields, in order.
    pub fields: Vec<Field>,
    /// The text of the button that sends the fields.
    pub submit: String,
    /// Other ways to go on. The chosen one comes back as the answer `alternative`.
    pub alternatives: Vec<Alternative>,
    /// In how many seconds the next answer is looked at, when there were too many wrong ones.
    pub retry_after: Option<u32>,
    /// Handed back to [`Identity::resume`].
    pub state: Vec<u8>,
}

/// Another way to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// Its name.
    pub name: String,
    /// The button's text.
    pub label: String,
    /// Whether it leads to another site to sign in there.
    pub leads_elsewhere: bool,
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its key in the answer.
    pub name: String,
    /// Its label.
    pub label: String,
    /// HTML's input type: `text`, `email` or `password`.
    pub kind: &'static str,
    /// HTML's `autocomplete`.
    pub autocomplete: String,
    /// What to fill in beforehand.
    pub value: String,
}

/// The person who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Stable identifier (`sub`).
    pub subject: String,
    /// What to call this person on a page.
    pub display_name: String,
}

/// Why a conversation cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The state is not of a conversation that can go on; the person starts again.
    #[error("the sign-in cannot be resumed")]
    InvalidState,
    /// What the browser brought from elsewhere does not prove who the person is.
    #[error("the sign-in elsewhere proves nothing")]
    Unproven,
    /// The person was asked elsewhere, and declined.
    #[error("the sign-in elsewhere was declined")]
    Denied,
    /// Elsewhere something failed, at the place that is called this, if it has a name.
    #[error("the sign-in elsewhere failed")]
    Failed(Option<String>),
    /// Accounts cannot be reached.
    #[error("accounts are unavailable")]
    Unavailable,
    /// Anything else, in words for the operator's log.
    #[error("sign-in failed: {0}")]
    Other(String),
}

/// What is on offer: the scopes and the tools that they unlock. The same component answers `mcp`.
#[expect(async_fn_in_trait, reason = "everything runs in one task of one instance; nothing needs Send")]
pub trait Catalog {
    /// All of it.
    async fn list(&self) -> Result<Offer, CatalogError>;
}

/// The scopes and the tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// In the order in which to show them.
    pub scopes: Vec<OfferedScope>,
    /// In their component's order.
    pub tools: Vec<OfferedTool>,
}

/// A scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedScope {
    /// The scope token.
    pub name: String,
    /// What granting it allows, in words for the person who is asked.
    pub description: String,
    /// Whether a client that asks for nothing in particular gets it.
    pub initial: bool,
}

/// A tool, as far as a person needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedTool {
    /// What to call it.
    pub title: String,
    /// What it does.
    pub description: String,
    /// The scopes that it needs.
    pub scopes: Vec<String>,
}

/// The tools could not be listed. The text is for the operator's log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tools cannot be listed: {0}")]
pub struct CatalogError(pub String);
