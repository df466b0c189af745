//! A browser that is elsewhere in the middle of a conversation with the identity component, and its way
//! back.
//!
//! Nothing is stored: what is needed to go on travels in a cookie of that browser, sealed. It goes on only
//! with the return token that the browser was sent away with, within a page's time, in the same browser, and
//! when it is back the cookie is taken from it (FD-01). What it comes back to is the authorization request,
//! which asks for consent as ever (FD-02).

use crate::{
    AuthorizationServer,
    account::change::{self, ChangeStep},
    authorize::sign_in::{self, SignInStep},
    browser,
    page_error::PageError,
    ports::{Catalog, Identity, IdentityError, Redirect},
    routes, transaction,
};
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};
use store_core::{Random, Store, seal};
use subtle::ConstantTimeEq;
use web_core::{Form, Head, Reply};

/// How many browsers' tabs can be elsewhere at the same time. One more takes the place of another.
const SLOTS: usize = 3;

/// The longest cookie that every browser keeps is 4096 bytes, name and attributes included (RFC 6265
/// section 6.1).
const MAX_COOKIE_CHARACTERS: usize = 3900;

/// The longest query that a browser brings back, in bytes.
const MAX_QUERY_BYTES: usize = 16 * 1024;

/// What the browser was in the middle of.
#[derive(Serialize, Deserialize)]
pub(crate) enum Conversation {
    /// A sign-in.
    SignIn(SignInStep),
    /// A change of how somebody signs in.
    Change(ChangeStep),
}

/// What the cookie carries.
#[derive(Serialize, Deserialize)]
struct Away {
    /// The browser that was sent away.
    browser_id: String,
    return_token: String,
    /// In base64url: as a list of numbers it would be three times as long.
    identity_state: String,
    conversation: Conversation,
}

impl transaction::Step for Away {
    const NAME: &'static str = "away";
}

/// Sends the browser away. `browser_id` is the one that the page of ours was shown in.
pub(crate) fn send<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    browser_id: &str,
    redirect: Redirect,
    conversation: Conversation,
) -> Result<Reply, PageError> {
    let Redirect { url, return_token, state } = redirect;
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    if !is_web || return_token.len() < 16 {
        let cause = "the browser was to be sent somewhere that is no web address, or without a return token";
        return Err(IdentityError::Other(cause.into()).into());
    }
    let slot = (0..SLOTS).find(|slot| cookie(head, *slot, server).is_none());
    let [chance] = server.records.random.bytes();
    let slot = slot.unwrap_or(usize::from(chance) % SLOTS);
    let away = Away {
        browser_id: browser_id.to_owned(),
        return_token,
        identity_state: seal::to_text(&state),
        conversation,
    };
    let sealed = server.seal_transaction(&away);
    if sealed.len() > MAX_COOKIE_CHARACTERS {
        return Err(PageError::TooLarge);
    }
    let public_url = &server.config.public_url;
    let seconds = server.config.lifetimes.transaction.as_secs();
    let reply = Reply::see_other(&url);
    if reply.status != StatusCode::SEE_OTHER {
        let cause = "the browser was to be sent to an address that is no header value";
        return Err(IdentityError::Other(cause.into()).into());
    }
    Ok(reply
        .with_cookie(&browser::away_cookie(slot, &sealed, seconds, public_url))
        .with_cookie(&browser::browser_id_cookie(browser_id, server.config)))
}

/// Answers a request to the address that browsers come back to, or to a place under it.
pub(crate) async fn serve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
) -> Result<Reply, PageError> {
    if head.method != Method::GET {
        return Ok(Reply::method_not_allowed("GET"));
    }
    let query = head.query.as_deref().unwrap_or_default();
    if query.len() > MAX_QUERY_BYTES {
        return Err(PageError::TooLarge);
    }
    let form = Form::parse(query.as_bytes()).map_err(|_| PageError::Malformed)?;
    let token = form.single("state").map_err(|_| PageError::Malformed)?.unwrap_or_default();
    let (slot, away) = find(server, head, token).ok_or(PageError::StalePage)?;
    if browser::find_browser_id(head, &server.config.public_url).as_ref() != Some(&away.browser_id) {
        return Err(PageError::OtherBrowser);
    }
    let identity_state = seal::from_text(&away.identity_state).ok_or(PageError::StalePage)?;
    let parameters = form.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let reply = match away.conversation {
        Conversation::SignIn(step) => sign_in::returned(server, head, step, identity_state, parameters).await,
        Conversation::Change(step) => change::returned(server, head, step, identity_state, parameters).await,
    };
    let reply = match reply {
        // Trying again may help.
        Err(error @ (PageError::Record(_) | PageError::Identity(_) | PageError::Catalog(_))) => {
            return Err(error);
        }
        Err(error) => server.answer_error(head, &error),
        Ok(reply) => reply,
    };
    // Unless it was sent away again, into the same slot.
    let is_away_again = has_away_cookie(&reply.headers, slot, server);
    let gone = browser::away_cookie(slot, "", 0, &server.config.public_url);
    Ok(if is_away_again { reply } else { reply.with_cookie(&gone) })
}

/// The conversation that goes on with this return token.
fn find<S: Store, R: Random, I, C>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    token: &str,
) -> Option<(usize, Away)> {
    (0..SLOTS).find_map(|slot| {
        let away: Away = transaction::open(cookie(head, slot, server)?, server.records.keys, server.now)?;
        bool::from(away.return_token.as_bytes().ct_eq(token.as_bytes())).then_some((slot, away))
    })
}

fn cookie<'a, S, R, I, C>(
    head: &'a Head,
    slot: usize,
    server: &AuthorizationServer<'_, S, R, I, C>,
) -> Option<&'a str> {
    head.cookie(&browser::away_cookie_name(slot, &server.config.public_url))
}

fn has_away_cookie<S, R, I, C>(
    headers: &HeaderMap,
    slot: usize,
    server: &AuthorizationServer<'_, S, R, I, C>,
) -> bool {
    let name = browser::away_cookie_name(slot, &server.config.public_url);
    let mut lines = headers.get_all(http::header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.any(|line| line.split('=').next() == Some(name.as_str()))
}

/// The address to come back to that a path of ours stands for: the one address, or a place under it.
pub(crate) fn is_return_path(path: &str) -> bool {
    let Some(rest) = path.strip_prefix(routes::RETURN) else { return false };
    let is_segment = |segment: &str| {
        (1..=32).contains(&segment.len())
            && segment.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    rest.is_empty() || rest.strip_prefix('/').is_some_and(is_segment)
}
