//! A change of how a person signs in, such as another password: a conversation with the identity component,
//! rendered here.

use super::{Restarted, action::Action, connections, go_on_with, user_of};
use crate::{
    AuthorizationServer,
    authorize::{SignedIn, find_session, find_session_of_page, page_form, sign_in},
    away::{self, Conversation},
    browser::{self, BrowserSession},
    page_error::PageError,
    pages::{self, ChangePage, DonePage},
    ports::{Catalog, Done, Identity, IdentityError, IdentityRequest, Prompt, Purpose, Step},
    routes, transaction,
};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use store_core::{Random, Store};
use web_core::{Forms, Head, ReadBody, Reply};

/// What a page of a change hands back, or a browser that was sent elsewhere.
#[derive(Serialize, Deserialize)]
pub(crate) struct ChangeStep {
    /// The browser that the page was shown in.
    browser_id: String,
    /// The sign-in that asked for the change.
    session_id: String,
    /// What is to be changed.
    name: String,
    /// The same in words.
    label: String,
    /// What the identity component wants back.
    identity_state: Vec<u8>,
}

impl transaction::Step for ChangeStep {
    const NAME: &'static str = "change";
}

impl ChangeStep {
    fn identity_request<S, R, I, C>(
        &self,
        server: &AuthorizationServer<'_, S, R, I, C>,
        head: &Head,
        session: &BrowserSession,
        return_path: &str,
    ) -> IdentityRequest {
        let purpose = Purpose::Change { user: user_of(session), name: self.name.clone() };
        sign_in::identity_request(server, head, purpose, None, return_path)
    }
}

/// Begins a change. Whoever has been signed in for longer than a page may be left open signs in again first: a
/// browser that was left alone is not enough.
pub(super) async fn begin<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    session: &BrowserSession,
    name: String,
) -> Result<Reply, PageError> {
    let recent = server.config.lifetimes.transaction.as_secs();
    if server.now.saturating_sub(session.signed_in_at) > recent {
        let then = Action::Change(name).text();
        return sign_in::show_for_account(server, head, Some(session.display_name.clone()), Some(then)).await;
    }
    let changes = server.identity.changes(&user_of(session), server.trace.as_str()).await?;
    let item = changes.into_iter().find(|item| item.name == name).ok_or(PageError::StalePage)?;
    let step = ChangeStep {
        browser_id: sign_in::find_or_make_browser_id(server, head),
        session_id: session.id.clone(),
        name: item.name,
        label: item.label,
        identity_state: Vec::new(),
    };
    let request = step.identity_request(server, head, session, routes::RETURN);
    let next = server.identity.begin(&request).await.map_err(explain)?;
    go_on(server, head, step, session, &request, next).await
}

/// Answers a request to `/account/change`.
pub async fn serve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<Reply, PageError> {
    if head.method != Method::POST {
        return Err(PageError::MethodNotAllowed("POST"));
    }
    let form = page_form::read_form(server, head, body).await?;
    let mut step: ChangeStep = page_form::open(server, &form)?;
    if find_session(server, head).await?.is_none() {
        return Ok(go_on_with(server, &Action::Change(step.name)));
    }
    let SignedIn { session, .. } = find_session_of_page(server, head, &step.session_id).await?;
    let request = step.identity_request(server, head, &session, routes::RETURN);
    let identity_state = std::mem::take(&mut step.identity_state);
    let next = server.identity.resume(&request, identity_state, page_form::answers(&form)).await;
    let next = next.map_err(explain)?;
    go_on(server, head, step, &session, &request, next).await
}

/// Goes on with a browser that was elsewhere for a change.
pub(crate) async fn returned<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    step: ChangeStep,
    identity_state: Vec<u8>,
    parameters: Vec<(String, String)>,
) -> Result<Reply, PageError> {
    if find_session(server, head).await?.is_none() {
        return Ok(go_on_with(server, &Action::Change(step.name)));
    }
    let SignedIn { session, .. } = find_session_of_page(server, head, &step.session_id).await?;
    let request = step.identity_request(server, head, &session, &head.path);
    let next = server.identity.returned(&request, identity_state, parameters).await.map_err(explain)?;
    go_on(server, head, step, &session, &request, next).await
}

async fn go_on<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    step: ChangeStep,
    session: &BrowserSession,
    request: &IdentityRequest,
    next: Step,
) -> Result<Reply, PageError> {
    match next {
        Step::Ask(prompt) => Ok(page(server, step, prompt)),
        Step::Send(redirect) => {
            let browser_id = step.browser_id.clone();
            away::send(server, head, &browser_id, redirect, Conversation::Change(step))
        }
        Step::Ready(state) => apply(server, head, step, session, request, state).await,
        Step::Done(done) => Ok(done_page(server, step, done)),
        Step::User(_) => Err(IdentityError::Other("a change ended as a sign-in does".into()).into()),
    }
}

/// An error on the way to a change, with the way back to the account.
fn explain(error: IdentityError) -> PageError {
    PageError::from(error).with_way_back(routes::ACCOUNT.to_owned())
}

fn page<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    mut step: ChangeStep,
    prompt: Prompt,
) -> Reply {
    step.identity_state = prompt.state;
    let page = ChangePage {
        action: server.config.public_url.local(routes::CHANGE),
        account: server.config.public_url.local(routes::ACCOUNT),
        transaction: server.seal_transaction(&step),
        label: step.label,
        notice: prompt.notice,
        problem: prompt.problem,
        fields: prompt.fields,
        submit: prompt.submit,
        alternatives: prompt.alternatives,
        keeps_signed_in: None,
    };
    let leads_elsewhere = page.alternatives.iter().any(|way| way.leads_elsewhere);
    let forms = if leads_elsewhere { Forms::LeadAway } else { Forms::StayHere };
    pages::prompt_reply(prompt.retry_after, &page, &server.config.brand, forms)
        .with_cookie(&browser::browser_id_cookie(&step.browser_id, server.config))
}

/// Ends the person's other sign-ins, and then makes the change (LG-12). If the server fails in between, they are
/// ended for nothing. The other way round, a browser that was signed in with a stolen password would stay signed in
/// after the password was changed, and no page could say so.
async fn apply<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    step: ChangeStep,
    session: &BrowserSession,
    request: &IdentityRequest,
    state: Vec<u8>,
) -> Result<Reply, PageError> {
    let next = Restarted::of(server, head, session);
    let entry = Some(&next.entry);
    let user = connections::end_sign_ins(&server.records, &session.subject, entry, server.now).await?;
    let cookie = next.cookie(server, &user);
    let applied = match server.identity.apply(request, state).await {
        Ok(Step::Done(done)) => Ok(done_page(server, step, done)),
        Ok(_) => Err(IdentityError::Other("a change that was ready did not end".into())),
        Err(error) => Err(error),
    };
    // Either way this browser goes on with the sign-in that was not ended.
    let reply =
        applied.unwrap_or_else(|error| server.answer_error(head, &PageError::UnfinishedChange(error)));
    Ok(reply.with_cookie(&cookie))
}

fn done_page<S, R, I, C>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    step: ChangeStep,
    done: Done,
) -> Reply {
    let account = server.config.public_url.local(routes::ACCOUNT);
    let page = DonePage { account, label: step.label, notice: done.notice };
    pages::reply(StatusCode::OK, &page, &server.config.brand, Forms::StayHere)
}
