//! Signing in: a conversation with the identity component, rendered here.

use super::{consent, page_form, refuse_later, request::AuthorizationRequest};
use crate::{
    AuthorizationServer,
    away::{self, Conversation},
    browser::{self, Arrival, BrowserSession},
    error::ErrorCode,
    grants,
    page_error::PageError,
    pages,
    ports::{Catalog, Identity, IdentityError, IdentityRequest, Prompt, Purpose, Step, User},
    routes, transaction,
};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use store_core::{Random, Store};
use web_core::{Head, PublicUrl, ReadBody, Reply};

/// What a sign-in page hands back, or a browser that was sent elsewhere.
#[derive(Serialize, Deserialize)]
pub(crate) struct SignInStep {
    /// The browser that the page was shown in.
    browser_id: String,
    /// Where to go on afterwards: the authorization request, as it came. It is checked again then.
    query: String,
    /// How it came in.
    arrival: Arrival,
    /// Shown on the page.
    client_name: String,
    /// Where the form may lead besides here, for the page's policy (see [`consent::form_action`]): to the
    /// client, where a remembered decision may stand.
    form_action: String,
    /// What the identity component wants back.
    identity_state: Vec<u8>,
    login_hint: Option<String>,
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
    let browser_id = browser::find_browser_id(head, &server.config.public_url)
        .unwrap_or_else(|| browser::new_id(server.records.random));
    let step = SignInStep {
        browser_id,
        query,
        arrival,
        client_name: request.client.name.clone(),
        form_action: if server.config.remembers_consent {
            consent::form_action(request.redirect.uri())
        } else {
            String::new()
        },
        identity_state: Vec::new(),
        login_hint: request.login_hint.clone(),
    };
    let identity_request = identity_request(server, &step, routes::RETURN);
    let next = server.identity.begin(&identity_request).await?;
    go_on(server, head, step, next).await
}

/// Answers a request to `/sign-in`.
pub async fn serve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<Reply, PageError> {
    if head.method != Method::POST {
        return Ok(Reply::method_not_allowed("POST"));
    }
    let (mut step, form): (SignInStep, _) = page_form::read(server, head, body).await?;
    // AZ-25, BR-10: a page goes on in the browser that it was shown in.
    if browser::find_browser_id(head, &server.config.public_url) != Some(step.browser_id.clone()) {
        return Err(PageError::OtherBrowser);
    }
    let answers = form
        .iter()
        .filter(|(name, _)| *name != page_form::TRANSACTION)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let identity_request = identity_request(server, &step, routes::RETURN);
    let identity_state = std::mem::take(&mut step.identity_state);
    let next = server.identity.resume(&identity_request, identity_state, answers).await?;
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
    let identity_request = identity_request(server, &step, &head.path);
    match server.identity.returned(&identity_request, identity_state, parameters).await {
        Ok(next) => go_on(server, head, step, next).await,
        // FD-07: the client is told that, and not how.
        Err(IdentityError::Denied) => {
            let description = "the user declined to sign in";
            refuse_later(server, &step.query, ErrorCode::AccessDenied, description).await
        }
        Err(IdentityError::Failed) => {
            let description = "the user could not be signed in elsewhere";
            refuse_later(server, &step.query, ErrorCode::ServerError, description).await
        }
        Err(error) => Err(error.into()),
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
        Step::User(user) => signed_in(server, user, step).await,
        Step::Send(redirect) => {
            let browser_id = step.browser_id.clone();
            away::send(server, head, &browser_id, redirect, Conversation::SignIn(step))
        }
        Step::Done(_) => Err(IdentityError::Other("a sign-in ended as a change does".into()).into()),
    }
}

/// `return_path` is where a browser comes back to, or did come back to.
fn identity_request<S, R, I, C>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    step: &SignInStep,
    return_path: &str,
) -> IdentityRequest {
    let public_url = &server.config.public_url;
    IdentityRequest {
        login_hint: step.login_hint.clone(),
        loopback: public_url.is_loopback(),
        purpose: Purpose::SignIn,
        known_subjects: Vec::new(),
        client_address: None,
        return_url: public_url.join(return_path),
    }
}

fn page<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    mut step: SignInStep,
    prompt: Prompt,
) -> Reply {
    step.identity_state = prompt.state;
    let page = pages::SignInPage {
        transaction: server.seal_transaction(&step),
        client_name: step.client_name,
        host: pages::host_of(&server.config.public_url),
        notice: prompt.notice,
        problem: prompt.problem,
        fields: prompt.fields,
        submit: prompt.submit,
        alternatives: prompt.alternatives,
        action: routes::SIGN_IN,
    };
    let mut form_action = step.form_action;
    if !page.alternatives.is_empty() {
        form_action.push_str(elsewhere(&server.config.public_url));
    }
    pages::reply(StatusCode::OK, &page, &server.config.brand, &form_action)
        .with_cookie(&browser::browser_id_cookie(&step.browser_id, server.config))
}

/// Where the form leads that has a way to sign in elsewhere, for the page's policy. Some browsers hold all of
/// a form's redirects to it, those that are made elsewhere included.
fn elsewhere(public_url: &PublicUrl) -> &'static str {
    if public_url.is_loopback() { " http: https:" } else { " https:" }
}

/// Starts the browser's session and goes back to the authorization request, which now finds it.
async fn signed_in<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    user: User,
    step: SignInStep,
) -> Result<Reply, PageError> {
    let (config, random) = (server.config, server.records.random);
    let epoch = grants::ensure_user(&server.records, &user.subject).await?;
    let session = BrowserSession::start(user, epoch, step.arrival, config, random, server.now);
    let cookie = session.cookie(config, server.records.keys, random);
    Ok(Reply::see_other(&format!("{}?{}", routes::AUTHORIZE, step.query)).with_cookie(&cookie))
}
