//! A change of how a person signs in, such as another password: a conversation with the identity component,
//! rendered here.

use super::{Restarted, connections, user_of};
use crate::{
    AuthorizationServer,
    authorize::{SignedIn, find_session_of_page, page_form, sign_in},
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
        return sign_in::show_for_account(server, head, Some(session.display_name.clone())).await;
    }
    let changes = server.identity.changes(&user_of(session)).await?;
    let item = changes.into_iter().find(|item| item.name == name).ok_or(PageError::StalePage)?;
    let step = ChangeStep {
        browser_id: sign_in::find_or_make_browser_id(server, head),
        session_id: session.id.clone(),
        name: item.name,
        label: item.label,
        identity_state: Vec::new(),
    };
    let request = step.identity_request(server, head, session, routes::RETURN);
    let next = server.identity.begin(&request).await?;
    go_on(server, head, step, session, next).await
}

/// Answers a request to `/account/change`.
pub async fn serve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<Reply, PageError> {
    if head.method != Method::POST {
        return Ok(Reply::method_not_allowed("POST"));
    }
    let (mut step, form): (ChangeStep, _) = page_form::read(server, head, body).await?;
    let SignedIn { session, .. } = find_session_of_page(server, head, &step.session_id).await?;
    let request = step.identity_request(server, head, &session, routes::RETURN);
    let identity_state = std::mem::take(&mut step.identity_state);
    let next = server.identity.resume(&request, identity_state, page_form::answers(&form)).await?;
    go_on(server, head, step, &session, next).await
}

/// Goes on with a browser that was elsewhere for a change.
pub(crate) async fn returned<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    step: ChangeStep,
    identity_state: Vec<u8>,
    parameters: Vec<(String, String)>,
) -> Result<Reply, PageError> {
    let SignedIn { session, .. } = find_session_of_page(server, head, &step.session_id).await?;
    let request = step.identity_request(server, head, &session, &head.path);
    let next = server.identity.returned(&request, identity_state, parameters).await?;
    go_on(server, head, step, &session, next).await
}

async fn go_on<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    step: ChangeStep,
    session: &BrowserSession,
    next: Step,
) -> Result<Reply, PageError> {
    match next {
        Step::Ask(prompt) => Ok(page(server, step, prompt)),
        Step::Send(redirect) => {
            let browser_id = step.browser_id.clone();
            away::send(server, head, &browser_id, redirect, Conversation::Change(step))
        }
        Step::Done(done) => finish(server, head, step, session, done).await,
        Step::User(_) => Err(IdentityError::Other("a change ended as a sign-in does".into()).into()),
    }
}

fn page<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    mut step: ChangeStep,
    prompt: Prompt,
) -> Reply {
    step.identity_state = prompt.state;
    let page = ChangePage {
        action: routes::CHANGE,
        account: routes::ACCOUNT,
        transaction: server.seal_transaction(&step),
        label: step.label,
        notice: prompt.notice,
        problem: prompt.problem,
        fields: prompt.fields,
        submit: prompt.submit,
        alternatives: prompt.alternatives,
    };
    let forms = if page.alternatives.is_empty() { Forms::StayHere } else { Forms::LeadAway };
    pages::prompt_reply(prompt.retry_after, &page, &server.config.brand, forms)
        .with_cookie(&browser::browser_id_cookie(&step.browser_id, server.config))
}

/// The change is made; what it ends besides is ended here.
async fn finish<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    step: ChangeStep,
    session: &BrowserSession,
    done: Done,
) -> Result<Reply, PageError> {
    let page = DonePage { account: routes::ACCOUNT, label: step.label, notice: done.notice };
    let reply = pages::reply(StatusCode::OK, &page, &server.config.brand, Forms::StayHere);
    if !done.ends_sessions {
        return Ok(reply);
    }
    // LG-12.
    let next = Restarted::of(server, head, session);
    let entry = Some(&next.entry);
    let user = connections::end_sign_ins(&server.records, &session.subject, entry, server.now).await?;
    Ok(reply.with_cookie(&next.cookie(server, &user)))
}
