//! Signing in: a conversation with the identity component, rendered here.

use super::{page_form, refuse_later, request::AuthorizationRequest};
use crate::{
    AuthorizationServer,
    away::{self, Conversation},
    browser::{self, Arrival, BrowserSession, Known},
    error::ErrorCode,
    flash::Flash,
    page_error::PageError,
    pages,
    ports::{Catalog, Identity, IdentityError, IdentityRequest, Prompt, Purpose, Step, User},
    routes, sign_ins, transaction, user_agent,
};
use http::Method;
use serde::{Deserialize, Serialize};
use store_core::{Random, Store};
use web_core::{Form, Forms, Head, ReadBody, Reply};

/// What a sign-in page hands back, or a browser that was sent elsewhere.
#[derive(Serialize, Deserialize)]
pub(crate) struct SignInStep {
    /// The browser that the page was shown in.
    browser_id: String,
    /// Where to go on afterwards.
    goal: Goal,
    /// How it came in.
    arrival: Arrival,
    /// Shown on the page.
    client_name: String,
    /// Whether the sign-in may lead on to the client at once, because a remembered decision stands.
    may_lead_to_client: bool,
    /// What the identity component wants back.
    identity_state: Vec<u8>,
    login_hint: Option<String>,
    /// Which form of this page asks whether to stay signed in.
    asks_to_keep: Asks,
    /// What they last said.
    keeps_signed_in: bool,
}

/// Which form of a sign-in page has the check box [`KEEP`].
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Asks {
    /// None: the page only asks about what was filled in before.
    Nowhere,
    /// The one with the fields.
    WithFields,
    /// The one with the providers, on a page without fields.
    WithProviders,
}

/// The name of the check box that keeps somebody signed in when the browser is closed.
const KEEP: &str = "keep-signed-in";

/// The name of the buttons that choose another way to go on.
const ALTERNATIVE: &str = "alternative";

/// What somebody signs in for.
#[derive(Serialize, Deserialize)]
enum Goal {
    /// An authorization request, as it came. It is checked again then.
    Request(String),
    /// To see their account.
    Account,
    /// To go on with this button of the account page.
    AccountFor(String),
}

impl Goal {
    /// The path at which the sign-in begins again.
    fn way_back(&self) -> String {
        match self {
            Self::Request(query) => format!("{}?{query}", routes::AUTHORIZE),
            Self::Account | Self::AccountFor(_) => routes::ACCOUNT.to_owned(),
        }
    }

    /// What becomes of an error on the way there.
    fn explain(&self, error: IdentityError) -> PageError {
        PageError::from(error).with_way_back(self.way_back())
    }
}

impl transaction::Step for SignInStep {
    const NAME: &'static str = "sign-in";
}

/// Begins a sign-in. Nothing is stored.
pub(super) async fn show<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    request: &AuthorizationRequest,
    query: String,
    arrival: Arrival,
) -> Result<Reply, PageError> {
    let step = SignInStep {
        browser_id: find_or_make_browser_id(server, head),
        goal: Goal::Request(query),
        arrival,
        client_name: request.client.name.clone(),
        may_lead_to_client: server.config.remembers_consent,
        identity_state: Vec::new(),
        login_hint: request.login_hint.clone(),
        asks_to_keep: Asks::Nowhere,
        keeps_signed_in: true,
    };
    begin(server, head, step).await
}

/// Begins a sign-in of a person who wants to see their account, or to go on with a button of it.
pub(crate) async fn show_for_account<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    login_hint: Option<String>,
    then: Option<String>,
) -> Result<Reply, PageError> {
    let step = SignInStep {
        browser_id: find_or_make_browser_id(server, head),
        goal: then.map_or(Goal::Account, Goal::AccountFor),
        arrival: Arrival::of(head, routes::ACCOUNT),
        client_name: String::new(),
        may_lead_to_client: false,
        identity_state: Vec::new(),
        login_hint,
        asks_to_keep: Asks::Nowhere,
        keeps_signed_in: true,
    };
    begin(server, head, step).await
}

/// The id of the browser that a conversation begins in.
pub(crate) fn find_or_make_browser_id<S, R: Random, I, C>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
) -> String {
    browser::find_browser_id(head, &server.config.public_url)
        .unwrap_or_else(|| browser::new_id(server.records.random))
}

async fn begin<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    step: SignInStep,
) -> Result<Reply, PageError> {
    let request = step.identity_request(server, head, routes::RETURN);
    let next = server.identity.begin(&request).await.map_err(|error| step.goal.explain(error))?;
    go_on(server, head, step, next).await
}

/// Answers a request to `/sign-in`.
pub async fn serve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<Reply, PageError> {
    if head.method != Method::POST {
        return Err(PageError::MethodNotAllowed("POST"));
    }
    let (mut step, form): (SignInStep, Form) = page_form::read(server, head, body).await?;
    // AZ-25, BR-10: a page goes on in the browser that it was shown in.
    if browser::find_browser_id(head, &server.config.public_url) != Some(step.browser_id.clone()) {
        return Err(match step.goal {
            Goal::Request(query) => PageError::OtherSignIn(query),
            Goal::Account | Goal::AccountFor(_) => PageError::OtherBrowser,
        });
    }
    let request = step.identity_request(server, head, routes::RETURN);
    let identity_state = std::mem::take(&mut step.identity_state);
    let is_asked = match step.asks_to_keep {
        Asks::Nowhere => false,
        Asks::WithFields => !form.contains(ALTERNATIVE),
        Asks::WithProviders => true,
    };
    if is_asked {
        step.keeps_signed_in = form.contains(KEEP);
    }
    let mut answers = page_form::answers(&form);
    answers.retain(|(name, _)| name != KEEP);
    let next = server.identity.resume(&request, identity_state, answers).await;
    let next = next.map_err(|error| step.goal.explain(error))?;
    go_on(server, head, step, next).await
}

/// Goes on with a browser that was elsewhere to sign in.
pub(crate) async fn returned<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    step: SignInStep,
    identity_state: Vec<u8>,
    parameters: Vec<(String, String)>,
) -> Result<Reply, PageError> {
    let request = step.identity_request(server, head, &head.path);
    match (server.identity.returned(&request, identity_state, parameters).await, &step.goal) {
        (Ok(next), _) => go_on(server, head, step, next).await,
        // FD-07: the client is told that, and not how.
        (Err(IdentityError::Denied), Goal::Request(query)) => {
            let description = "the user declined to sign in";
            refuse_later(server, query, ErrorCode::AccessDenied, description).await
        }
        (Err(IdentityError::Failed(_)), Goal::Request(query)) => {
            let description = "the user could not be signed in elsewhere";
            refuse_later(server, query, ErrorCode::ServerError, description).await
        }
        (Err(error), goal) => Err(goal.explain(error)),
    }
}

async fn go_on<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    step: SignInStep,
    next: Step,
) -> Result<Reply, PageError> {
    match next {
        Step::Ask(prompt) => Ok(page(server, step, prompt)),
        Step::User(user) => signed_in(server, head, user, step).await,
        Step::Send(redirect) => {
            let browser_id = step.browser_id.clone();
            away::send(server, head, &browser_id, redirect, Conversation::SignIn(step))
        }
        Step::Ready(_) | Step::Done(_) => {
            Err(IdentityError::Other("a sign-in ended as a change does".into()).into())
        }
    }
}

impl SignInStep {
    /// `return_path` is where a browser comes back to, or did come back to.
    fn identity_request<S, R, I, C>(
        &self,
        server: &AuthorizationServer<'_, S, R, I, C>,
        head: &Head,
        return_path: &str,
    ) -> IdentityRequest {
        identity_request(server, head, Purpose::SignIn, self.login_hint.clone(), return_path)
    }
}

/// What the identity component is told at every step of a conversation.
pub(crate) fn identity_request<S, R, I, C>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    purpose: Purpose,
    login_hint: Option<String>,
    return_path: &str,
) -> IdentityRequest {
    let public_url = &server.config.public_url;
    IdentityRequest {
        login_hint,
        loopback: public_url.is_loopback(),
        purpose,
        known_subjects: Known::find(head, server.config, server.records.keys).subjects,
        client_address: browser::client_address(head),
        return_url: public_url.join(return_path),
        trace_id: server.trace.to_string(),
    }
}

fn page<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    mut step: SignInStep,
    prompt: Prompt,
) -> Reply {
    step.identity_state = prompt.state;
    let leads_elsewhere = prompt.alternatives.iter().any(|way| way.leads_elsewhere);
    step.asks_to_keep = match () {
        () if !prompt.fields.is_empty() => Asks::WithFields,
        () if leads_elsewhere => Asks::WithProviders,
        () => Asks::Nowhere,
    };
    let page = pages::SignInPage {
        keeps_signed_in: (step.asks_to_keep != Asks::Nowhere).then_some(step.keeps_signed_in),
        transaction: server.seal_transaction(&step),
        client_name: step.client_name,
        host: pages::host_of(&server.config.public_url),
        heading: prompt.heading,
        notice: prompt.notice,
        problem: prompt.problem,
        fields: prompt.fields,
        submit: prompt.submit,
        alternatives: prompt.alternatives,
        action: server.config.public_url.local(routes::SIGN_IN),
    };
    let retry_after = prompt.retry_after;
    let forms = if step.may_lead_to_client || leads_elsewhere { Forms::LeadAway } else { Forms::StayHere };
    pages::prompt_reply(retry_after, &page, &server.config.brand, forms)
        .with_cookie(&browser::browser_id_cookie(&step.browser_id, server.config))
}

/// Starts the browser's session and goes back to what the person wanted, which now finds it.
async fn signed_in<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    user: User,
    step: SignInStep,
) -> Result<Reply, PageError> {
    let AuthorizationServer { config, records, now, .. } = server;
    let (keys, random) = (records.keys, records.random);
    let known = Known::find(head, config, keys).with_device(random);
    let device = known.device.clone();
    let known = known.cookie(&user.subject, config, keys, random);
    let session =
        BrowserSession::start(user, step.arrival, device, step.keeps_signed_in, config, random, *now);
    let replaced = BrowserSession::find(head, config, keys, *now);
    let browser = user_agent::describe(head);
    let record = sign_ins::begin(records, &session, browser, replaced.as_ref(), *now).await?;
    let session = session.under(&record);
    let reply = match step.goal {
        Goal::Request(query) => Reply::see_other(&format!("{}?{query}", routes::AUTHORIZE)),
        Goal::Account => Reply::see_other(routes::ACCOUNT),
        Goal::AccountFor(action) => {
            Reply::see_other(routes::ACCOUNT).with_cookie(&Flash::Then(action).cookie(server))
        }
    };
    let reply = reply.with_cookie(&session.cookie(config, keys, random));
    Ok(match known {
        Some(known) => reply.with_cookie(&known),
        None => reply,
    })
}
