//! `postern:identity` over local accounts.
//!
//! It converts, calls and returns; the rules are in [`accounts_core`].

use accounts_core::{
    Accounts, Answers, ConversationError, Form, Prompt as Question, SignUp, Step as Next, change,
    form::FieldKind as Kind,
};
use bindings::exports::postern::identity::identity::{
    Alternative, Answer, Change, ChangeItem, Done, Error, Field, FieldKind, Guest, Prompt, Purpose, Request,
    Step, User,
};
use platform::{clock, deployment, fault::Fault, log, random::HostRandom, store::HostStore, variables};
use store_core::{Provision, Records};
use web_core::PublicUrl;

mod elsewhere;

#[expect(unsafe_code, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/identity", world: "sign-in" });
    export!(Component);
    use super::Component;
}

struct Component;

type LocalAccounts<'a> = Accounts<'a, HostStore, HostRandom>;

/// Each function does its work under the request's trace id, so that its log lines carry it.
impl Guest for Component {
    async fn begin(request: Request) -> Result<Step, Error> {
        let trace_id = request.trace_id.clone();
        log::traced(&trace_id, begin(request)).await
    }

    async fn resume(request: Request, state: Vec<u8>, answers: Vec<Answer>) -> Result<Step, Error> {
        let trace_id = request.trace_id.clone();
        log::traced(&trace_id, resume(request, state, answers)).await
    }

    async fn returned(request: Request, state: Vec<u8>, parameters: Vec<Answer>) -> Result<Step, Error> {
        let trace_id = request.trace_id.clone();
        log::traced(&trace_id, returned(request, state, parameters)).await
    }

    async fn apply(request: Request, state: Vec<u8>) -> Result<Step, Error> {
        let trace_id = request.trace_id.clone();
        log::traced(&trace_id, apply(request, state)).await
    }

    async fn changes(user: User, trace_id: String) -> Result<Vec<ChangeItem>, Error> {
        log::traced(&trace_id, changes(user)).await
    }
}

async fn begin(request: Request) -> Result<Step, Error> {
    let visitor = Visitor::from(&request);
    let begin = async |accounts: LocalAccounts<'_>| match &request.purpose {
        Purpose::SignIn => Ok(accounts.begin(request.login_hint.as_deref())),
        Purpose::Change(Change { user, name }) if name == change::PASSWORD => {
            accounts.begin_change(&user.subject, &user.display_name).await
        }
        Purpose::Change(_) => Err(ConversationError::InvalidState),
    };
    if let Purpose::Change(change) = &request.purpose
        && let Some(step) = elsewhere::change(&request, change).await?
    {
        return Ok(step);
    }
    elsewhere::complete(&request, with_accounts(visitor, begin).await?.into()).await
}

async fn resume(request: Request, state: Vec<u8>, answers: Vec<Answer>) -> Result<Step, Error> {
    if let Some(step) = elsewhere::choose(&request, &answers).await? {
        return Ok(step);
    }
    let answers: Vec<(String, String)> =
        answers.into_iter().map(|Answer { name, value }| (name, value)).collect();
    let answers = Answers(&answers);
    let visitor = Visitor::from(&request);
    let resume = async |accounts: LocalAccounts<'_>| match &request.purpose {
        Purpose::SignIn => accounts.resume(&state, answers).await,
        Purpose::Change(Change { user, name }) if name == change::PASSWORD => {
            accounts.resume_change(&user.subject, &user.display_name, &state, answers).await
        }
        Purpose::Change(_) => Err(ConversationError::InvalidState),
    };
    elsewhere::complete(&request, with_accounts(visitor, resume).await?.into()).await
}

async fn returned(request: Request, state: Vec<u8>, parameters: Vec<Answer>) -> Result<Step, Error> {
    match elsewhere::returned(&request, &state, parameters).await? {
        // The sign-in was refused: the form is shown again with the problem.
        Step::Ask(Prompt { problem, .. }) => Ok(match begin(request).await? {
            Step::Ask(prompt) => Step::Ask(Prompt { problem, ..prompt }),
            other => other,
        }),
        step => Ok(step),
    }
}

async fn apply(request: Request, state: Vec<u8>) -> Result<Step, Error> {
    let Purpose::Change(Change { user, name }) = &request.purpose else {
        return Err(Error::InvalidState);
    };
    if let Some(step) = elsewhere::apply(user, name).await? {
        return Ok(step);
    }
    let apply = async |accounts: LocalAccounts<'_>| {
        accounts.apply_change(&user.subject, &user.display_name, &state).await
    };
    Ok(with_accounts(Visitor::from(&request), apply).await?.into())
}

async fn changes(user: User) -> Result<Vec<ChangeItem>, Error> {
    let has_password = async |accounts: LocalAccounts<'_>| {
        Ok(accounts.has_password(&user.subject, &user.display_name).await?)
    };
    let password = (change::PASSWORD.to_owned(), change::PASSWORD_LABEL.to_owned());
    let has_password = with_accounts(Visitor::default(), has_password).await?;
    elsewhere::changes(&user, has_password.then_some(password)).await
}

/// Who is there, as far as the authorization server knows.
#[derive(Default)]
struct Visitor<'a> {
    known_subjects: &'a [String],
    address: Option<&'a str>,
}

impl<'a> From<&'a Request> for Visitor<'a> {
    fn from(request: &'a Request) -> Self {
        Self { known_subjects: &request.known_subjects, address: request.client_address.as_deref() }
    }
}

/// Calls `judge` with the deployment's accounts.
async fn with_accounts<T>(
    visitor: Visitor<'_>,
    judge: impl AsyncFnOnce(LocalAccounts<'_>) -> Result<T, ConversationError>,
) -> Result<T, Error> {
    let public_url = deployment::public_url().map_err(Fault::from)?;
    let is_loopback = public_url.is_loopback();
    let sign_up = SignUp::parse(&variables::value("sign_up"), is_loopback)
        .map_err(|error| Error::Other(error.to_string()))?;
    let store = HostStore::default();
    let keys = deployment::keyring(&public_url, Provision::Make, &store).await.map_err(Fault::from)?;
    let keys = keys.ok_or(Fault::Unavailable)?;
    let accounts = Accounts {
        records: Records { store: &store, keys: &keys, random: &HostRandom },
        sign_up,
        is_loopback,
        host: host(&public_url),
        known_subjects: visitor.known_subjects,
        address: visitor.address,
        now: clock::unix_now(),
    };
    judge(accounts).await.map_err(|error| match error {
        ConversationError::InvalidState => Error::InvalidState,
        ConversationError::Record(error) => Fault::from(error).into(),
    })
}

fn host(public_url: &PublicUrl) -> &str {
    let origin = public_url.origin();
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

impl From<Next> for Step {
    fn from(step: Next) -> Self {
        match step {
            Next::Ask(question) => Self::Ask(question.into()),
            Next::User { subject, email } => Self::User(User { subject, display_name: email }),
            Next::Ready { state } => Self::Ready(state),
            Next::Changed { notice } => Self::Done(Done { notice: notice.into() }),
        }
    }
}

impl From<Question> for Prompt {
    fn from(question: Question) -> Self {
        let Question { form, sign_up, .. } = question;
        let fields = form.fields().iter().map(|field| Field {
            name: field.name.into(),
            label: field.label.into(),
            kind: match field.kind {
                Kind::Text => FieldKind::Text,
                Kind::Email => FieldKind::Email,
                Kind::Password => FieldKind::Password,
            },
            autocomplete: field.autocomplete.into(),
            value: question.value(field).into(),
        });
        let alternative = |form: &Form| Alternative {
            name: form.name().into(),
            label: form.label().into(),
            leads_elsewhere: false,
        };
        Self {
            heading: form.heading().map(str::to_owned),
            notice: question.notice(),
            fields: fields.collect(),
            submit: form.submit().into(),
            alternatives: form.alternatives(sign_up).iter().map(alternative).collect(),
            state: question.state(),
            retry_after: question.retry_after,
            problem: question.problem,
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
