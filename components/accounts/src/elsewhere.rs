//! The ways to sign in that lead elsewhere, converted. The rules are in [`accounts_core::elsewhere`].

use crate::bindings::exports::postern::identity::identity::{
    Alternative, Answer, Change, ChangeItem, Done, Error, Prompt, Purpose, Redirect, Request, Step, User,
};
use accounts_core::{
    SignUp,
    elsewhere::{self, Elsewhere, ElsewhereError, Next},
};
use platform::{
    clock, deployment, fault::Fault, fetch::HostFetch, log, random::HostRandom, store::HostStore, variables,
};
use provider_core::{
    KeyMemory,
    sign_in::{SignIn, SignInError, UpstreamProvider},
};
use store_core::{DeploymentError, Keyring, Provision, Records};

thread_local! {
    static MEMORY: KeyMemory = KeyMemory::default();
}

type Providers<'a> = Elsewhere<'a, HostStore, HostRandom, HostFetch>;

/// The answer that names another way to go on.
const ALTERNATIVE: &str = "alternative";

/// Adds the ways that lead elsewhere to the form of a sign-in, and takes the fields away where there are to be
/// no passwords.
pub(crate) async fn complete(request: &Request, step: Step) -> Result<Step, Error> {
    let (Purpose::SignIn, Step::Ask(mut prompt)) = (&request.purpose, step.clone()) else { return Ok(step) };
    let opened = Opened::new().await?;
    if !opened.has_passwords {
        prompt = Prompt {
            fields: Vec::new(),
            notice: None,
            submit: String::new(),
            alternatives: Vec::new(),
            ..prompt
        };
    }
    let alternatives = opened.elsewhere().alternatives().into_iter();
    prompt.alternatives.extend(alternatives.map(|(name, label)| Alternative {
        name,
        label,
        leads_elsewhere: true,
    }));
    Ok(Step::Ask(prompt))
}

/// Goes on with a sign-in or a change that leads elsewhere. `None` when another one was chosen.
pub(crate) async fn choose(request: &Request, answers: &[Answer]) -> Result<Option<Step>, Error> {
    let opened = Opened::new().await?;
    let chosen = answers.iter().find(|answer| answer.name == ALTERNATIVE);
    let chosen = chosen.map(|answer| answer.value.as_str()).unwrap_or_default();
    let hint = request.login_hint.as_deref();
    let next = match &request.purpose {
        Purpose::SignIn => opened.elsewhere().choose(chosen, hint, &request.return_url).await,
        Purpose::Change(Change { user, name }) => {
            opened.elsewhere().resume_change(&user.subject, name, chosen).await
        }
    };
    Ok(next.map_err(|error| opened.explain(error, chosen))?.map(Step::from))
}

/// Makes a change. `None` when it is none of these.
pub(crate) async fn apply(user: &User, name: &str) -> Result<Option<Step>, Error> {
    let opened = Opened::new().await?;
    Ok(opened.elsewhere().apply(&user.subject, name).await?.map(Step::from))
}

/// Begins a change. `None` when it is none of these.
pub(crate) async fn change(request: &Request, change: &Change) -> Result<Option<Step>, Error> {
    let Change { user, name } = change;
    let opened = Opened::new().await?;
    let next = opened.elsewhere().change(&user.subject, name, &request.return_url).await;
    let provider = elsewhere::provider_to_add(name).unwrap_or_default();
    Ok(next.map_err(|error| opened.explain(error, provider))?.map(Step::from))
}

/// Goes on with a browser that comes back.
pub(crate) async fn returned(
    request: &Request,
    state: &[u8],
    parameters: Vec<Answer>,
) -> Result<Step, Error> {
    let parameters: Vec<_> =
        parameters.into_iter().map(|parameter| (parameter.name, parameter.value)).collect();
    let purpose = match &request.purpose {
        Purpose::SignIn => elsewhere::Purpose::SignIn,
        Purpose::Change(Change { user, name }) => elsewhere::Purpose::Change { subject: &user.subject, name },
    };
    let opened = Opened::new().await?;
    let next = opened.elsewhere().returned(purpose, state, &request.return_url, &parameters).await;
    let provider = elsewhere::provider_of(state).unwrap_or_default();
    Ok(next.map_err(|error| opened.explain(error, &provider))?.into())
}

/// What a person can change: the password, if there is one, and the ways that lead elsewhere.
pub(crate) async fn changes(
    user: &User,
    password: Option<(String, String)>,
) -> Result<Vec<ChangeItem>, Error> {
    let opened = Opened::new().await?;
    let changes = opened.elsewhere().changes(&user.subject, password).await?;
    Ok(changes.into_iter().map(|(name, label)| ChangeItem { name, label }).collect())
}

/// What the providers of a deployment are made of, for one request.
struct Opened {
    providers: Vec<UpstreamProvider>,
    admits_newcomers: bool,
    has_passwords: bool,
    store: HostStore,
    keys: Keyring,
    fetch: HostFetch,
    memory: KeyMemory,
    now: u64,
}

impl Opened {
    /// Of this deployment.
    async fn new() -> Result<Self, Error> {
        let public_url = deployment::public_url().map_err(Fault::from)?;
        let providers =
            UpstreamProvider::parse_all(&variables::value("providers"), &public_url).map_err(wrong)?;
        let sign_up = SignUp::parse(&variables::value("sign_up"), public_url.is_loopback()).map_err(wrong)?;
        let has_passwords =
            elsewhere::parse_password_sign_in(&variables::value("password_sign_in"), !providers.is_empty());
        let store = HostStore::default();
        let keys = deployment::keyring(&public_url, Provision::Make, &store).await.map_err(Fault::from)?;
        Ok(Self {
            providers,
            admits_newcomers: elsewhere::admits_newcomers(sign_up),
            has_passwords: has_passwords.map_err(wrong)?,
            store,
            keys: keys.ok_or(DeploymentError::Missing).map_err(Fault::from)?,
            fetch: HostFetch::default(),
            memory: MEMORY.with(KeyMemory::clone),
            now: clock::unix_now(),
        })
    }

    /// The error, with what people call the provider where that is what failed.
    fn explain(&self, error: ElsewhereError, provider: &str) -> Error {
        match error {
            ElsewhereError::SignIn(SignInError::Failed) => {
                let provider = self.providers.iter().find(|known| known.name == provider);
                Error::Failed(provider.map(|provider| provider.label.clone()))
            }
            other => other.into(),
        }
    }

    fn elsewhere(&self) -> Providers<'_> {
        let sign_in = SignIn {
            providers: &self.providers,
            records: Records { store: &self.store, keys: &self.keys, random: &HostRandom },
            fetch: &self.fetch,
            memory: &self.memory,
            now: self.now,
            log: &|line| log::line(&format!("accounts: {line}")),
        };
        let Self { admits_newcomers, has_passwords, .. } = *self;
        Elsewhere { sign_in, admits_newcomers, has_passwords }
    }
}

fn wrong(error: impl std::fmt::Display) -> Error {
    Error::Other(error.to_string())
}

/// A form with nothing on it.
fn blank() -> Prompt {
    Prompt {
        heading: None,
        notice: None,
        problem: None,
        fields: Vec::new(),
        submit: String::new(),
        alternatives: Vec::new(),
        retry_after: None,
        state: Vec::new(),
    }
}

impl From<Next> for Step {
    fn from(next: Next) -> Self {
        match next {
            Next::Send { url, return_token, state } => Self::Send(Redirect { url, return_token, state }),
            Next::User { subject, display_name } => Self::User(User { subject, display_name }),
            Next::Ready => Self::Ready(Vec::new()),
            Next::Done { notice } => Self::Done(Done { notice }),
            Next::Problem(problem) => Self::Ask(Prompt { problem: Some(problem), ..blank() }),
            Next::Confirm { notice, label } => {
                let confirmed =
                    Alternative { name: elsewhere::CONFIRMED.into(), label, leads_elsewhere: false };
                Self::Ask(Prompt { notice: Some(notice), alternatives: vec![confirmed], ..blank() })
            }
        }
    }
}

impl From<ElsewhereError> for Error {
    fn from(error: ElsewhereError) -> Self {
        match error {
            ElsewhereError::InvalidState => Self::InvalidState,
            ElsewhereError::SignIn(error) => match error {
                SignInError::UnknownProvider => Self::InvalidState,
                SignInError::Unproven => Self::Unproven,
                // Those who are not let in are told so in a prompt.
                SignInError::Denied | SignInError::NotAdmitted => Self::Denied,
                SignInError::Failed => Self::Failed(None),
                SignInError::Record(error) => Fault::from(error).into(),
            },
        }
    }
}
