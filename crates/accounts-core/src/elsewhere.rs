//! Ways to sign in that lead elsewhere: to the providers that the operator chose.
//!
//! A person from there gets an account of their own here, if the operator lets newcomers in
//! (`Elsewhere::is_let_in`); or, signed in, adds the provider to the account that they have. Nothing else
//! ever joins the two.

use crate::{
    SignUp,
    identity::{self, Linking, Way},
};
use provider_core::sign_in::{Pending, SignIn, SignInError, UpstreamProvider};
use serde::{Deserialize, Serialize};
use store_core::{Random, RecordError, Store};
use web_core::fetch::Fetch;

/// How the names of changes begin.
const ADD: &str = "add-";
const REMOVE: &str = "remove-";

/// The name of the button with which a person confirms a change.
pub const CONFIRMED: &str = "confirmed";

/// The providers, for one request.
pub struct Elsewhere<'a, S, R, F> {
    /// Signing in there, and the records.
    pub sign_in: SignIn<'a, S, R, F>,
    /// Whether everybody may have an account, where a provider's entry does not say.
    pub admits_newcomers: bool,
    /// Whether people can sign in with a password too.
    pub has_passwords: bool,
}

/// What the conversation says next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Send the browser there.
    Send {
        /// The address.
        url: String,
        /// What it brings back.
        return_token: String,
        /// To go on with.
        state: Vec<u8>,
    },
    /// Signed in.
    User {
        /// Stable identifier.
        subject: String,
        /// What to call the person.
        display_name: String,
    },
    /// The person is not let in from there; let them choose another way.
    Problem(String),
    /// Ask whether the person means it.
    Confirm {
        /// What comes of it.
        notice: String,
        /// The text of the button, whose name is [`CONFIRMED`].
        label: String,
    },
    /// A change can be made ([`Elsewhere::apply`]). Browsers that may be signed in by what it takes away are to be
    /// signed out first.
    Ready,
    /// A change is made, or need not be.
    Done {
        /// A sentence for the person.
        notice: String,
    },
}

/// Why a conversation cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElsewhereError {
    /// The state is not of a conversation that can go on, or of another one.
    #[error("the conversation cannot go on")]
    InvalidState,
    /// See [`SignInError`].
    #[error(transparent)]
    SignIn(SignInError),
}

impl From<SignInError> for ElsewhereError {
    fn from(error: SignInError) -> Self {
        match error {
            // The operator took it out meanwhile.
            SignInError::UnknownProvider => Self::InvalidState,
            other => Self::SignIn(other),
        }
    }
}

impl From<RecordError> for ElsewhereError {
    fn from(error: RecordError) -> Self {
        Self::SignIn(error.into())
    }
}

/// What a browser that was sent away carries.
#[derive(Serialize, Deserialize)]
struct State {
    pending: Pending,
    /// The account that the provider is to be added to. `None` in a sign-in.
    adding_to: Option<String>,
}

/// The name of the provider that a browser with this state was sent to. Only for words: nothing has been checked.
pub fn provider_of(state: &[u8]) -> Option<String> {
    Some(serde_json::from_slice::<State>(state).ok()?.pending.provider)
}

/// The name of the provider that the change of this name adds.
pub fn provider_to_add(name: &str) -> Option<&str> {
    name.strip_prefix(ADD)
}

/// What a conversation is for.
#[derive(Debug, Clone, Copy)]
pub enum Purpose<'a> {
    /// To find out who somebody is.
    SignIn,
    /// To change how the account of this subject is signed in to.
    Change {
        /// The account.
        subject: &'a str,
        /// The name of a change.
        name: &'a str,
    },
}

impl<S: Store, R: Random, F: Fetch> Elsewhere<'_, S, R, F> {
    /// The ways to sign in: names and labels.
    pub fn alternatives(&self) -> Vec<(String, String)> {
        let providers = self.sign_in.providers.iter();
        providers
            .map(|provider| (provider.name.clone(), format!("Continue with {}", provider.label)))
            .collect()
    }

    /// Sends the browser to a provider to sign in. `None` when there is none of this name and a password may
    /// follow; where there are no passwords, nothing else can.
    pub async fn choose(
        &self,
        name: &str,
        login_hint: Option<&str>,
        return_url: &str,
    ) -> Result<Option<Next>, ElsewhereError> {
        match self.sign_in.provider(name) {
            Some(provider) => self.send(provider, login_hint, return_url, None).await.map(Some),
            None if self.has_passwords => Ok(None),
            None => Err(ElsewhereError::InvalidState),
        }
    }

    async fn send(
        &self,
        provider: &UpstreamProvider,
        login_hint: Option<&str>,
        return_url: &str,
        adding_to: Option<&str>,
    ) -> Result<Next, ElsewhereError> {
        let departure = self.sign_in.start(provider, login_hint, return_url).await?;
        let state = State { pending: departure.pending, adding_to: adding_to.map(str::to_owned) };
        // A state of ours always serialises; an empty one is refused when it comes back.
        let state = serde_json::to_vec(&state).unwrap_or_default();
        Ok(Next::Send { url: departure.url, return_token: departure.return_token, state })
    }

    /// Goes on with a browser that comes back to `return_url`.
    pub async fn returned(
        &self,
        purpose: Purpose<'_>,
        state: &[u8],
        return_url: &str,
        parameters: &[(String, String)],
    ) -> Result<Next, ElsewhereError> {
        let State { pending, adding_to } =
            serde_json::from_slice(state).map_err(|_| ElsewhereError::InvalidState)?;
        // What began as a sign-in does not end as a change, nor in another account.
        match (purpose, &adding_to) {
            (Purpose::SignIn, None) => {}
            (Purpose::Change { subject, name }, Some(account))
                if subject == account && name.strip_prefix(ADD) == Some(pending.provider.as_str()) => {}
            _ => return Err(ElsewhereError::InvalidState),
        }
        let provider = self.sign_in.provider(&pending.provider).ok_or(ElsewhereError::InvalidState)?;
        let person = match self.sign_in.finish(&pending, return_url, parameters).await {
            Err(SignInError::NotAdmitted) => return Ok(not_let_in(provider, adding_to.is_some())),
            finished => finished?,
        };
        let way = Way::of(&provider.name, &person);
        match adding_to {
            Some(subject) => self.add(provider, &way, &subject).await,
            None => self.let_in(provider, &way, person.display_name).await,
        }
    }

    async fn let_in(
        &self,
        provider: &UpstreamProvider,
        way: &Way,
        display_name: String,
    ) -> Result<Next, ElsewhereError> {
        let known = identity::find(&self.sign_in.records, way).await?;
        if known.is_none() && !self.is_let_in(provider) {
            return Ok(not_let_in(provider, false));
        }
        let subject = known.map_or_else(|| way.own_subject(), |identity| identity.subject);
        match identity::link(&self.sign_in.records, way, &subject).await? {
            Linking::Linked => Ok(Next::User { subject, display_name }),
            // It was added to another account at this very moment.
            Linking::Taken => Err(RecordError::Contended.into()),
        }
    }

    /// Whether somebody may have an account because this provider knows them.
    fn is_let_in(&self, provider: &UpstreamProvider) -> bool {
        provider.sign_up.unwrap_or(self.admits_newcomers)
    }

    async fn add(
        &self,
        provider: &UpstreamProvider,
        way: &Way,
        subject: &str,
    ) -> Result<Next, ElsewhereError> {
        let label = &provider.label;
        Ok(done(match identity::link(&self.sign_in.records, way, subject).await? {
            Linking::Linked => format!("You can sign in with {label} now."),
            Linking::Taken => {
                format!("That account at {label} signs in to another account here, so it was not added.")
            }
        }))
    }

    /// What the person of this account can change: names and labels. `password` is first, if there is one and
    /// passwords are of use.
    pub async fn changes(
        &self,
        subject: &str,
        password: Option<(String, String)>,
    ) -> Result<Vec<(String, String)>, ElsewhereError> {
        let ways = identity::ways(&self.sign_in.records, subject).await?;
        let changes = self.sign_in.providers.iter().filter_map(|provider| {
            let (name, label) = (&provider.name, &provider.label);
            match ways.iter().find(|way| way.provider == *name) {
                None => Some((format!("{ADD}{name}"), format!("Add {label}"))),
                Some(way) if self.is_removable(way, &ways, subject) => {
                    Some((format!("{REMOVE}{name}"), format!("Remove {label}")))
                }
                Some(_) => None,
            }
        });
        Ok(password.filter(|_| self.has_passwords).into_iter().chain(changes).collect())
    }

    /// Whether an identity can be taken off its account. Not the one that the account was made by: it would
    /// make the same account again. And not the last, where there are no passwords.
    fn is_removable(&self, way: &Way, ways: &[Way], subject: &str) -> bool {
        way.own_subject() != subject && (self.has_passwords || ways.len() > 1)
    }

    /// Begins a change. `None` when it is none of these.
    pub async fn change(
        &self,
        subject: &str,
        name: &str,
        return_url: &str,
    ) -> Result<Option<Next>, ElsewhereError> {
        if let Some(name) = name.strip_prefix(ADD) {
            return match self.sign_in.provider(name) {
                Some(provider) => self.send(provider, None, return_url, Some(subject)).await.map(Some),
                None => Ok(None),
            };
        }
        let Some(provider) = self.removed_by(name) else { return Ok(None) };
        let label = &provider.label;
        Ok(Some(match self.find_removable(provider, subject).await? {
            Ok(_) => Next::Confirm {
                notice: format!("{label} will not sign you in any more. Other browsers will be signed out."),
                label: format!("Remove {label}"),
            },
            Err(next) => next,
        }))
    }

    /// Goes on with a change after a page of ours. `None` when it is none of these.
    pub async fn resume_change(
        &self,
        subject: &str,
        name: &str,
        alternative: &str,
    ) -> Result<Option<Next>, ElsewhereError> {
        let Some(provider) = self.removed_by(name) else { return Ok(None) };
        if alternative != CONFIRMED {
            return Err(ElsewhereError::InvalidState);
        }
        Ok(Some(match self.find_removable(provider, subject).await? {
            Ok(_) => Next::Ready,
            Err(next) => next,
        }))
    }

    /// Makes a change that is [ready](Next::Ready). `None` when it is none of these.
    pub async fn apply(&self, subject: &str, name: &str) -> Result<Option<Next>, ElsewhereError> {
        let Some(provider) = self.removed_by(name) else { return Ok(None) };
        Ok(Some(match self.find_removable(provider, subject).await? {
            Ok(way) => {
                identity::unlink(&self.sign_in.records, &way, subject).await?;
                done(format!(
                    "{} does not sign you in any more, and other browsers are signed out.",
                    provider.label
                ))
            }
            Err(next) => next,
        }))
    }

    /// The provider that the change of this name takes off an account.
    fn removed_by(&self, name: &str) -> Option<&UpstreamProvider> {
        self.sign_in.provider(name.strip_prefix(REMOVE)?)
    }

    /// The identity at this provider that can be taken off the account, or what to say instead.
    async fn find_removable(
        &self,
        provider: &UpstreamProvider,
        subject: &str,
    ) -> Result<Result<Way, Next>, RecordError> {
        let ways = identity::ways(&self.sign_in.records, subject).await?;
        let label = &provider.label;
        Ok(match ways.iter().find(|way| way.provider == provider.name) {
            Some(way) if self.is_removable(way, &ways, subject) => Ok(way.clone()),
            Some(_) => {
                Err(done(format!("{label} cannot be removed: there would be no way left to sign in.")))
            }
            None => Err(done(format!("{label} did not sign you in."))),
        })
    }
}

fn done(notice: String) -> Next {
    Next::Done { notice }
}

/// `is_change` is whether the person is signed in already, and asked for more.
fn not_let_in(provider: &UpstreamProvider, is_change: bool) -> Next {
    let label = &provider.label;
    if is_change {
        return done(format!("Your account at {label} is not let in here, so it was not added."));
    }
    Next::Problem(format!(
        "Your account at {label} is not let in here. If you have an account here already, sign in to it another way, and add {label} there."
    ))
}

/// Whether everybody who comes from a provider may have an account, by the variable `sign_up`.
pub fn admits_newcomers(sign_up: SignUp) -> bool {
    match sign_up {
        SignUp::Open | SignUp::AtFirstSignIn => true,
        // An invitation is typed where a password is made.
        SignUp::Invited | SignUp::Closed => false,
    }
}

/// Reads the variable `password_sign_in`: `on` or `off`. Where there is nowhere else to sign in, it is on.
pub fn parse_password_sign_in(text: &str, has_providers: bool) -> Result<bool, InvalidPasswordSignIn> {
    match text {
        "on" | "" => Ok(true),
        "off" if has_providers => Ok(false),
        _ => Err(InvalidPasswordSignIn),
    }
}

/// The variable `password_sign_in` cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("password_sign_in must be on or off, and can be off only where there are providers")]
pub struct InvalidPasswordSignIn;
