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
use store_core::{DeploymentError, Provision, Records};

thread_local! {
    static MEMORY: KeyMemory = KeyMemory::default();
}

type Providers<'a> = Elsewhere<'a, HostStore, HostRandom, HostFetch>;

/// The answer that names another way to go on.
const ALTERNATIVE: &str = "alternative";

/// Adds the ways that lead elsewhere to the form of a sign-in, and takes the fields away where there are to be
/// no passwords.
pub(crate) async fn complete(step: Step) -> Result<Step, Error> {
    let Step::Ask(mut prompt) = step else { return Ok(step) };
    with_providers(async |elsewhere| {
        if !elsewhere.has_passwords {
            prompt = Prompt { fields: Vec::new(), notice: None, alternatives: Vec::new(), ..prompt };
        }
        prompt
            .alternatives
            .extend(elsewhere.alternatives().into_iter().map(|(name, label)| Alternative { name, label }));
        Ok(Step::Ask(prompt))
    })
    .await
}

/// Goes on with a sign-in that leads elsewhere. `None` when another one was chosen.
pub(crate) async fn choose(request: &Request, answers: &[Answer]) -> Result<Option<Step>, Error> {
    with_providers(async |elsewhere| {
        let chosen = answers.iter().find(|answer| answer.name == ALTERNATIVE);
        let chosen = chosen.map(|answer| answer.value.as_str()).unwrap_or_default();
        let next = elsewhere.choose(chosen, request.login_hint.as_deref(), &request.return_url).await?;
        match next {
            None if !elsewhere.has_passwords => Err(Error::InvalidState),
            next => Ok(next.map(Step::from)),
        }
    })
    .await
}

/// Begins a change. `None` when it is none of these.
pub(crate) async fn change(request: &Request, change: &Change) -> Result<Option<Step>, Error> {
    with_providers(async |elsewhere| {
        let Change { user, name } = change;
        let next = elsewhere.change(&user.subject, name, &request.return_url).await?;
        Ok(next.map(Step::from))
    })
    .await
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
    with_providers(async |elsewhere| {
        Ok(elsewhere.returned(purpose, state, &request.return_url, &parameters).await?.into())
    })
    .await
}

/// What a person can change.
pub(crate) async fn changes(user: &User) -> Result<Vec<ChangeItem>, Error> {
    with_providers(async |elsewhere| {
        let changes = elsewhere.changes(&user.subject).await?;
        Ok(changes.into_iter().map(|(name, label)| ChangeItem { name, label }).collect())
    })
    .await
}

/// Calls `judge` with the deployment's providers.
async fn with_providers<T>(judge: impl AsyncFnOnce(Providers<'_>) -> Result<T, Error>) -> Result<T, Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Other(error.to_string());
    let public_url = deployment::public_url().map_err(Fault::from)?;
    let providers = UpstreamProvider::parse_all(&variables::value("providers"), &public_url)
        .map_err(|error| wrong(&error))?;
    let sign_up = SignUp::parse(&variables::value("sign_up"), public_url.is_loopback())
        .map_err(|error| wrong(&error))?;
    let has_passwords =
        elsewhere::parse_password_sign_in(&variables::value("password_sign_in"), !providers.is_empty())
            .map_err(|error| wrong(&error))?;
    let store = HostStore::default();
    let keys = deployment::keyring(&public_url, Provision::Make, &store).await.map_err(Fault::from)?;
    let keys = keys.ok_or(DeploymentError::Missing).map_err(Fault::from)?;
    let sign_in = SignIn {
        providers: &providers,
        records: Records { store: &store, keys: &keys, random: &HostRandom },
        fetch: &HostFetch::default(),
        memory: &MEMORY.with(KeyMemory::clone),
        now: clock::unix_now(),
        log: &|line| log::line(&format!("accounts: {line}")),
    };
    judge(Elsewhere { sign_in, admits_newcomers: elsewhere::admits_newcomers(sign_up), has_passwords }).await
}

impl From<Next> for Step {
    fn from(next: Next) -> Self {
        match next {
            Next::Send { url, return_token, state } => Self::Send(Redirect { url, return_token, state }),
            Next::User { subject, display_name } => Self::User(User { subject, display_name }),
            Next::Done(notice) => Self::Done(Done { notice, ends_sessions: false }),
            Next::Problem(problem) => Self::Ask(Prompt {
                notice: None,
                problem: Some(problem),
                fields: Vec::new(),
                submit: String::new(),
                alternatives: Vec::new(),
                state: Vec::new(),
            }),
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
                SignInError::Failed => Self::Failed,
                SignInError::Record(error) => Fault::from(error).into(),
            },
        }
    }
}
