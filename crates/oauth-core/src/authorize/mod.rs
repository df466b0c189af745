//! The authorization endpoint (RFC 6749 section 3.1), from the client's request to the answer that
//! the browser takes back to it.
//!
//! Reading order: [`request`] (what the client asks, in ordered checks), [`interaction`] (what the user is
//! to be asked), [`serve`] (who is there), [`sign_in`], [`consent`], and [`response`] (what the client is
//! told).

pub mod consent;
pub mod interaction;
pub(crate) mod page_form;
mod refusal;
pub mod request;
pub mod response;
pub mod sign_in;

use crate::{
    AuthorizationServer,
    browser::{Arrival, BrowserSession},
    client::Client,
    config::{Tolerances, log_tolerance},
    error::{ErrorCode, log_refusal, refuse_method},
    grants,
    page_error::PageError,
    ports::{Catalog, Identity, Offer},
    records::UserGrants,
    routes,
};
use http::{Method, StatusCode, header};
use request::{AuthorizationRequest, Refusal};
use response::RedirectError;
use serde_json::json;
use store_core::{Random, Store};
use web_core::{Form, Head, ReadBody, Reply};

/// The longest request, in bytes, in the URL or posted. All of it must fit into a transaction.
const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// Answers a request to `/authorize`.
pub async fn serve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<Reply, PageError> {
    // OpenID Connect Core section 3.1.2.1: POST as well as GET.
    let query = match head.method {
        Method::GET | Method::HEAD => head.query.clone().unwrap_or_default(),
        Method::POST => {
            let body = body.read(MAX_REQUEST_BYTES).await?;
            if head.query.is_some() {
                return Err(PageError::Malformed);
            }
            // It becomes a URL's query after the sign-in, so it is written as a browser writes one.
            let form = Form::parse(&body).map_err(|_| PageError::Malformed)?;
            form_urlencoded::Serializer::new(String::new()).extend_pairs(form.iter()).finish()
        }
        _ => return Ok(refuse_method(head, "GET, HEAD, POST", server.log)),
    };
    if query.len() > MAX_REQUEST_BYTES {
        return Err(PageError::TooLarge);
    }
    let is_program = wants_json(head, &server.config.tolerances);
    if is_program {
        log_tolerance(server.log, "json_answer");
    }
    let offer = server.catalog.list().await?;
    let clients = server.clients();
    let request = match AuthorizationRequest::parse(&query, &offer, &clients, server.network).await {
        Ok(request) => request,
        Err(Refusal::Page(error)) => return Err(error),
        Err(Refusal::Redirect(error, _)) if is_program => {
            log_refusal(server.log, &head.path, &error.for_log());
            return Ok(error.reply_to_program());
        }
        Err(Refusal::Redirect(error, client)) => {
            let signed_in = find_session(server, head).await?;
            return refusal::answer(server, &client, &error, signed_in.as_ref()).await;
        }
    };
    if is_program {
        return Ok(answer_to_program(server, head, &request));
    }
    let arrival = Arrival::of(head, &query);
    let found = find_session(server, head).await?;
    let signed_in = found.as_ref().filter(|SignedIn { session, .. }| {
        let is_for_this = session.is_for(&arrival, server.config, server.now);
        !request.interaction.needs_sign_in(session, is_for_this, server.now)
    });
    let Some(signed_in) = signed_in else {
        if request.interaction.is_forbidden {
            let code = ErrorCode::LoginRequired;
            return refusal::refuse_to_ask(server, &request, code, found.as_ref()).await;
        }
        return sign_in::show(server, head, &request, query, arrival).await;
    };
    // Where our own sign-in page led here, what counts is who led to that.
    let SignedIn { session, .. } = signed_in;
    let is_own =
        arrival.is_own || session.is_for(&arrival, server.config, server.now) && session.signed_in_for.is_own;
    consent::decide(server, &request, signed_in, &offer, query, is_own).await
}

/// Tells the client that the person, who was asked to sign in, did not. The request is judged again, so that the
/// error goes nowhere that it may not.
async fn refuse_later<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    query: &str,
    code: ErrorCode,
    description: &'static str,
) -> Result<Reply, PageError> {
    let offer = server.catalog.list().await?;
    let error = match parse_again(server, query, &offer).await? {
        Ok(request) => request.redirect.error(code, description),
        Err((error, _)) => error,
    };
    log_refusal(server.log, routes::AUTHORIZE, &error.for_log());
    Ok(error.reply(&server.config.public_url))
}

/// Judges a request again that was accepted before: the client may have changed since, or what is on offer.
async fn parse_again<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    query: &str,
    offer: &Offer,
) -> Result<Result<AuthorizationRequest, (RedirectError, Box<Client>)>, PageError> {
    match AuthorizationRequest::parse(query, offer, &server.clients(), server.network).await {
        Ok(request) => Ok(Ok(request)),
        Err(Refusal::Redirect(error, client)) => Ok(Err((error, client))),
        Err(Refusal::Page(error)) => Err(error),
    }
}

/// Whether a program asks rather than a person. Clients do so to find out whether their registration
/// is still good. Tolerance `json_answer`: OAuth has no such question.
pub fn wants_json(head: &Head, tolerances: &Tolerances) -> bool {
    let accepts = |media_type: &str| {
        head.headers
            .get_all(header::ACCEPT)
            .iter()
            .any(|value| value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains(media_type)))
    };
    tolerances.json_answer && accepts("application/json") && !accepts("text/html")
}

/// The request is good; what comes next needs a person. Nothing has been done.
fn answer_to_program<S, R, I, C>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    request: &AuthorizationRequest,
) -> Reply {
    if request.interaction.is_forbidden {
        let description = "prompt=none cannot be satisfied: a program is not signed in";
        let error = request.redirect.error(ErrorCode::LoginRequired, description);
        log_refusal(server.log, &head.path, &error.for_log());
        return error.reply_to_program();
    }
    let message = "the request is valid; open this URL in a browser to sign in and approve it";
    Reply::json(StatusCode::OK, &json!({ "status": "interaction_required", "message": message })).no_store()
}

/// Somebody who is signed in.
pub(crate) struct SignedIn {
    /// At this browser.
    pub(crate) session: BrowserSession,
    /// The record, as it was just now.
    pub(crate) user: UserGrants,
}

/// The browser's session, if it has not been ended since: here, from another browser, or with all others.
pub(crate) async fn find_session<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
) -> Result<Option<SignedIn>, PageError> {
    let session = BrowserSession::find(head, server.config, server.records.keys, server.now);
    let Some(session) = session else { return Ok(None) };
    let user = grants::find_user(&server.records, &session.subject).await?;
    let user = user.filter(|user| user.is_signed_in(&session));
    Ok(user.map(|user| SignedIn { session, user }))
}

/// The browser's session, if it is the one that a page was shown to (BR-11).
pub(crate) async fn find_session_of_page<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    session_id: &str,
) -> Result<SignedIn, PageError> {
    let signed_in = find_session(server, head).await?.filter(|found| found.session.id == session_id);
    signed_in.ok_or(PageError::OtherBrowser)
}
