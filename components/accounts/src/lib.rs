//! `postern:identity` over local accounts.
//!
//! It converts, calls and returns; the rules are in [`accounts_core`].

use accounts_core::{Accounts, Answer as Filled, Prompt as Question, SignUp, Step as Next};
use bindings::exports::postern::identity::identity::{
    Answer, Error, Field, FieldKind, Guest, Prompt, Request, Step, User,
};
use platform::{deployment, log, random::HostRandom, store::HostStore, variables};
use store_core::{DeploymentError, Provision, RecordError, Records};

#[expect(unsafe_code, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/identity", world: "sign-in" });
    export!(LocalAccounts);
    use super::LocalAccounts;
}

struct LocalAccounts;

/// The one state that the conversation has.
const STATE: &[u8] = b"password";
const EMAIL: &str = "email";
const PASSWORD: &str = "password";

impl Guest for LocalAccounts {
    async fn begin(request: Request) -> Result<Step, Error> {
        with_accounts(&request, async |accounts| Ok(accounts.begin(request.login_hint.as_deref()))).await
    }

    async fn resume(request: Request, state: Vec<u8>, answers: Vec<Answer>) -> Result<Step, Error> {
        if state != STATE {
            return Err(Error::InvalidState);
        }
        let find = |name| {
            let found = answers.iter().find(|answer| answer.name == name);
            found.map(|answer| answer.value.as_str()).unwrap_or_default()
        };
        let filled = Filled { email: find(EMAIL), password: find(PASSWORD) };
        with_accounts(&request, async |accounts| accounts.resume(filled).await).await
    }
}

/// Calls `judge` with the deployment's accounts.
async fn with_accounts(
    request: &Request,
    judge: impl AsyncFnOnce(Accounts<'_, HostStore, HostRandom>) -> Result<Next, RecordError>,
) -> Result<Step, Error> {
    let public_url = deployment::public_url().map_err(|error| other(&error))?;
    let sign_up =
        SignUp::parse(&variables::value("sign_up"), request.loopback).map_err(|error| other(&error))?;
    let store = HostStore::default();
    let keys = deployment::keyring(&public_url, Provision::Make, &store)
        .await
        .map_err(|error| from_deployment(&error))?
        .ok_or(Error::Unavailable)?;
    let records = Records { store: &store, keys: &keys, random: &HostRandom };
    let accounts = Accounts { records, sign_up, is_loopback: request.loopback };
    judge(accounts).await.map(Step::from).map_err(|error| from_record(&error))
}

impl From<Next> for Step {
    fn from(step: Next) -> Self {
        match step {
            Next::Ask(question) => Self::Ask(question.into()),
            Next::User { subject, email } => Self::User(User { subject, display_name: email }),
        }
    }
}

impl From<Question> for Prompt {
    fn from(question: Question) -> Self {
        let email = Field {
            name: EMAIL.into(),
            label: "E-mail".into(),
            kind: FieldKind::Email,
            autocomplete: "username".into(),
            value: question.email,
        };
        let password = Field {
            name: PASSWORD.into(),
            label: "Password".into(),
            kind: FieldKind::Password,
            autocomplete: "current-password".into(),
            value: String::new(),
        };
        Self {
            notice: question.notice.map(str::to_owned),
            problem: question.problem.map(str::to_owned),
            fields: vec![email, password],
            submit: "Sign in".into(),
            state: STATE.into(),
        }
    }
}

fn from_deployment(error: &DeploymentError) -> Error {
    match error {
        DeploymentError::Store(error) => unavailable(&error.detail),
        DeploymentError::BeingMade => Error::Unavailable,
        DeploymentError::Keyring(_) | DeploymentError::Missing => other(error),
    }
}

fn from_record(error: &RecordError) -> Error {
    match error {
        RecordError::Store(error) => unavailable(&error.detail),
        other => unavailable(&other.to_string()),
    }
}

fn unavailable(detail: &str) -> Error {
    log::line(&format!("accounts: {detail}"));
    Error::Unavailable
}

fn other(error: &impl std::fmt::Display) -> Error {
    Error::Other(error.to_string())
}
