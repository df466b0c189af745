//! Who is told that an authorization request is refused: the client, or the person at the browser.
//!
//! A client that registered or published itself chooses its redirect URI and can make its request fail at
//! will. If a browser in which nobody has decided anything were sent there, a link to this server would be a
//! link to any site (RFC 9700 section 4.11.2). So the browser is sent to a client only if the operator
//! configured the client, or if the person who is signed in has approved it before. Otherwise the person gets a
//! page that says what is wrong and where the link on it leads. A program that asks for JSON gets JSON.

use super::{
    SignedIn,
    request::AuthorizationRequest,
    response::{RedirectError, ValidatedRedirect},
};
use crate::{
    AuthorizationServer,
    client::{Client, Source, redirect_uri},
    error::{ErrorCode, log_refusal},
    grants,
    page_error::PageError,
    pages::{self, RefusedPage},
    ports::{Catalog, Identity},
    routes,
};
use http::StatusCode;
use store_core::{Random, RecordError, Store};
use web_core::{Forms, Reply};

/// Answers a browser whose request is refused.
pub(super) async fn answer<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    client: &Client,
    error: &RedirectError,
    signed_in: Option<&SignedIn>,
) -> Result<Reply, PageError> {
    log_refusal(server.log, routes::AUTHORIZE, &error.for_log());
    let public_url = &server.config.public_url;
    if may_send(server, client, error.redirect(), signed_in).await? {
        return Ok(error.reply(public_url));
    }
    let page = RefusedPage {
        reason: error.description().to_owned(),
        destination: pages::Destination::from(redirect_uri::destination(error.redirect().uri())),
        link: error.location(public_url),
    };
    Ok(pages::reply(StatusCode::BAD_REQUEST, &page, &server.config.brand, Forms::StayHere).no_store())
}

/// The client asked for an answer without the user being asked, and there is none.
pub(super) async fn refuse_to_ask<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    request: &AuthorizationRequest,
    code: ErrorCode,
    signed_in: Option<&SignedIn>,
) -> Result<Reply, PageError> {
    let error =
        request.redirect.error(code, "prompt=none cannot be satisfied: the user would have to be asked");
    answer(server, &request.client, &error, signed_in).await
}

/// Whether a browser may be sent to the client without a decision of the person at it.
async fn may_send<S: Store, R: Random, I, C>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    client: &Client,
    redirect: &ValidatedRedirect,
    signed_in: Option<&SignedIn>,
) -> Result<bool, RecordError> {
    if matches!(client.source, Source::Configured { .. }) {
        return Ok(true);
    }
    let Some(SignedIn { user, .. }) = signed_in else { return Ok(false) };
    // A published client may have got other redirect URIs since.
    let leads_there = |approved: &str| {
        redirect_uri::matches(approved, redirect.uri()).is_some()
            || redirect_uri::destination(approved) == redirect_uri::destination(redirect.uri())
    };
    grants::has_approved(&server.records, user, &client.id, leads_there, server.now).await
}
