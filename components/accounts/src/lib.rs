//! `postern:identity` over local accounts.
//!
//! It converts, calls and returns; the rules are in [`accounts_core`].

use accounts_core::{Accounts, Answer as Filled, Prompt as Question, SignUp, Step as Next};
use bindings::exports::postern::identity::identity::{
    Answer, ChangeItem, Error, Field, FieldKind, Guest, Prompt, Purpose, Request, Step, User,
};
use platform::{deployment, fault::Fault, random::HostRandom, store::HostStore, variables};
use store_core::{Provision, RecordError, Records};

mod elsewhere;

#[expect(unsafe_code, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/identity", world: "sign-in" });
    export!(Component);
    use super::Component;
}

struct Component;

type LocalAccounts<'a> = Accounts<'a, HostStore, HostRandom>;

/// The one state that the conversation has.
const STATE: &[u8] = b"password";
const EMAIL: &str = "email";
const PASSWORD: &str = "password";

impl Guest for Component {
    async fn begin(request: Request) -> Result<Step, Error> {
        if let Purpose::Change(change) = &request.purpose {
            return elsewhere::change(&request, change).await?.ok_or(Error::InvalidState);
        }
        let begin = async |accounts: LocalAccounts<'_>| Ok(accounts.begin(request.login_hint.as_deref()));
        elsewhere::complete(with_accounts(&request, begin).await?.into()).await
    }

    async fn resume(request: Request, state: Vec<u8>, answers: Vec<Answer>) -> Result<Step, Error> {
        if state != STATE {
            return Err(Error::InvalidState);
        }
        if let Some(step) = elsewhere::choose(&request, &answers).await? {
            return Ok(step);
        }
        let find = |name| {
            let found = answers.iter().find(|answer| answer.name == name);
            found.map(|answer| answer.value.as_str()).unwrap_or_default()
        };
        let filled = Filled { email: find(EMAIL), password: find(PASSWORD) };
        let resume = async |accounts: LocalAccounts<'_>| accounts.resume(filled).await;
        elsewhere::complete(with_accounts(&request, resume).await?.into()).await
    }

    async fn returned(request: Request, state: Vec<u8>, parameters: Vec<Answer>) -> Result<Step, Error> {
        match elsewhere::returned(&request, &state, parameters).await? {
            // Nobody is let in that way: the form again, with what is to be said.
            Step::Ask(Prompt { problem, .. }) => Ok(match Self::begin(request).await? {
                Step::Ask(prompt) => Step::Ask(Prompt { problem, ..prompt }),
                other => other,
            }),
            step => Ok(step),
        }
    }

    async fn changes(user: User) -> Result<Vec<ChangeItem>, Error> {
        elsewhere::changes(&user).await
    }
}

/// Calls `judge` with the deployment's accounts.
async fn with_accounts(
    request: &Request,
    judge: impl AsyncFnOnce(LocalAccounts<'_>) -> Result<Next, RecordError>,
) -> Result<Next, Fault> {
    let public_url = deployment::public_url()?;
    let sign_up = SignUp::parse(&variables::value("sign_up"), request.loopback)
        .map_err(|error| Fault::Other(error.to_string()))?;
    let store = HostStore::default();
    let keys = deployment::keyring(&public_url, Provision::Make, &store).await?.ok_or(Fault::Unavailable)?;
    let records = Records { store: &store, keys: &keys, random: &HostRandom };
    Ok(judge(Accounts { records, sign_up, is_loopback: request.loopback }).await?)
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
            alternatives: Vec::new(),
            state: STATE.into(),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unavailable => Self::Unavailable,
            Fault::Other(text) => Self::Other(text),
        }
    }
}
