//! The authorization endpoint (RFC 6749 section 3.1), from the client's request to the answer that
//! the browser takes back to it.
//!
//! Reading order: [`request`] (what the client asks, in ordered checks), [`serve`] (who is there),
//! [`sign_in`], [`consent`], and [`response`] (what the client is told).

pub mod consent;
pub mod request;
pub mod response;
pub mod sign_in;

use crate::{
    AuthorizationServer,
    browser::BrowserSession,
    grants,
    page_error::PageError,
    ports::{Catalog, Identity},
};
use http::{Method, StatusCode, header};
use request::{AuthorizationRequest, Refusal};
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
        _ => return Ok(Reply::method_not_allowed("GET, HEAD, POST")),
    };
    if query.len() > MAX_REQUEST_BYTES {
        return Err(PageError::TooLarge);
    }
    let offer = server.catalog.list().await?;
    let clients = server.clients();
    let request = match AuthorizationRequest::parse(&query, &offer, &clients, server.network).await {
        Ok(request) => request,
        Err(Refusal::Page(error)) => return Err(error),
        Err(Refusal::Redirect(error)) if wants_json(head) => return Ok(error.reply_to_program()),
        Err(Refusal::Redirect(error)) => return Ok(error.reply(&server.config.public_url)),
    };
    if wants_json(head) {
        return Ok(answer_to_program());
    }
    match find_session(server, head).await? {
        Some(session) => Ok(consent::show(server, &request, &session, &offer, &query)),
        None => sign_in::show(server, head, &request, query).await,
    }
}

/// Whether a program asks rather than a person. Clients do so to find out whether their registration
/// is still good.
pub fn wants_json(head: &Head) -> bool {
    let accepts = |media_type: &str| {
        head.headers
            .get_all(header::ACCEPT)
            .iter()
            .any(|value| value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains(media_type)))
    };
    accepts("application/json") && !accepts("text/html")
}

/// The request is good; what comes next needs a person. Nothing has been done.
fn answer_to_program() -> Reply {
    let message = "the request is valid; open this URL in a browser to sign in and approve it";
    Reply::json(StatusCode::OK, &json!({ "status": "interaction_required", "message": message })).no_store()
}

/// The browser's session, if its user has not signed out everywhere since.
async fn find_session<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
) -> Result<Option<BrowserSession>, PageError> {
    let session = BrowserSession::find(head, server.config, server.records.keys, server.now);
    let Some(session) = session else { return Ok(None) };
    let epoch = grants::find_epoch(&server.records, &session.subject).await?;
    Ok((epoch == Some(session.user_epoch)).then_some(session))
}
