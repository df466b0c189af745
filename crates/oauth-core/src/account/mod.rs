//! Where a person sees what they allowed, and ends it: `/account`.
//!
//! Reading order: [`serve`] (the page, and its buttons), [`connections`] (what is shown of a grant, and the end of
//! one or all), [`change`] (another password and the like, a conversation with the identity component),
//! [`record`] (the same as a document), [`day`].
//!
//! Only whoever is signed in at this browser sees any of it. Every change is posted, from a page of ours, under
//! the sign-in that the page was shown to (BR-11).

pub mod change;
pub mod connections;
pub mod day;
pub mod record;

use crate::{
    AuthorizationServer,
    authorize::{SignedIn, find_session, find_session_of_page, page_form, sign_in},
    browser::{self, BrowserSession},
    page_error::PageError,
    pages::{self, AccountPage},
    ports::{Catalog, Identity, User},
    records::{GrantId, SignIn, UserGrants},
    routes, sign_ins, transaction, user_agent,
};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use store_core::{Random, Store};
use web_core::{Form, Forms, Head, ReadBody, Reply};

/// The most connections on a page, so that it stays small.
const CONNECTIONS_PER_PAGE: usize = 10;

/// What the page hands back.
#[derive(Serialize, Deserialize)]
struct AccountStep {
    /// The sign-in under which the page was shown.
    session_id: String,
}

impl transaction::Step for AccountStep {
    const NAME: &'static str = "account";
}

/// What a button does, as it is posted in the parameter [`DO`].
#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Revoke(GrantId),
    RevokeAll,
    SignOut,
    SignOutEverywhere,
    Change(String),
}

/// The parameter that says which button was pressed.
const DO: &str = "do";
const REVOKE: &str = "revoke:";
const REVOKE_ALL: &str = "revoke-all";
const SIGN_OUT: &str = "sign-out";
const SIGN_OUT_EVERYWHERE: &str = "sign-out-everywhere";
const CHANGE: &str = "change:";

impl Action {
    fn parse(text: &str) -> Option<Self> {
        match text {
            REVOKE_ALL => Some(Self::RevokeAll),
            SIGN_OUT => Some(Self::SignOut),
            SIGN_OUT_EVERYWHERE => Some(Self::SignOutEverywhere),
            _ => match text.strip_prefix(REVOKE) {
                Some(id) => Some(Self::Revoke(GrantId::from_hex(id)?)),
                None => Some(Self::Change(text.strip_prefix(CHANGE)?.to_owned())),
            },
        }
    }
}

/// Answers a request to `/account`.
pub async fn serve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<Reply, PageError> {
    match head.method {
        Method::GET | Method::HEAD => match find_session(server, head).await? {
            Some(signed_in) => show(server, head, &signed_in).await,
            None => sign_in::show_for_account(server, head, None).await,
        },
        Method::POST => act(server, head, body).await,
        _ => Ok(Reply::method_not_allowed("GET, HEAD, POST")),
    }
}

async fn show<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    signed_in: &SignedIn,
) -> Result<Reply, PageError> {
    let SignedIn { session, user } = signed_in;
    let changes = server.identity.changes(&user_of(session)).await?;
    let live = connections::list_live(&server.records, user, server.now).await?;
    let count = live.len();
    let page_count = count.div_ceil(CONNECTIONS_PER_PAGE).max(1);
    let page_number = page_number(head).min(page_count);
    let offer = server.catalog.list().await?;
    let shown = live.iter().skip((page_number - 1) * CONNECTIONS_PER_PAGE).take(CONNECTIONS_PER_PAGE);
    let clients = server.clients();
    // A change may begin at a provider.
    let forms = if changes.is_empty() { Forms::StayHere } else { Forms::LeadAway };
    let page = AccountPage {
        action: routes::ACCOUNT,
        record: routes::RECORD,
        transaction: server.seal_transaction(&AccountStep { session_id: session.id.clone() }),
        host: pages::host_of(&server.config.public_url),
        user: session.display_name.clone(),
        connections: shown.map(|(id, grant)| connections::describe(&clients, *id, grant, &offer)).collect(),
        count,
        page_number,
        page_count,
        changes,
    };
    Ok(pages::reply(StatusCode::OK, &page, &server.config.brand, forms))
}

/// Which page of the list is asked for. Anything that is no number of one is the first.
fn page_number(head: &Head) -> usize {
    let query = head.query.as_deref().unwrap_or_default();
    let form = Form::parse(query.as_bytes()).unwrap_or_default();
    form.single("page").ok().flatten().and_then(|number| number.parse().ok()).unwrap_or(1).max(1)
}

async fn act<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<Reply, PageError> {
    let (step, form): (AccountStep, _) = page_form::read(server, head, body).await?;
    let SignedIn { session, user } = find_session_of_page(server, head, &step.session_id).await?;
    let action = form.single(DO).map_err(|_| PageError::Malformed)?.and_then(Action::parse);
    let (records, public_url) = (&server.records, &server.config.public_url);
    match action.ok_or(PageError::Malformed)? {
        Action::Revoke(id) => {
            connections::revoke(records, &session.subject, &user, id, server.now).await?;
            Ok(Reply::see_other(routes::ACCOUNT))
        }
        Action::RevokeAll => {
            let next = Restarted::of(server, head, &session);
            let user = connections::revoke_all(records, &session.subject, &next.entry, server.now).await?;
            Ok(Reply::see_other(routes::ACCOUNT).with_cookie(&next.cookie(server, &user)))
        }
        Action::SignOut => {
            let BrowserSession { id, subject, expires_at, .. } = &session;
            sign_ins::end(records, subject, id, *expires_at, server.now).await?;
            Ok(Reply::see_other(routes::HOME).with_cookie(&browser::sign_out_cookie(public_url)))
        }
        Action::SignOutEverywhere => {
            connections::end_sign_ins(records, &session.subject, None, server.now).await?;
            Ok(Reply::see_other(routes::HOME).with_cookie(&browser::sign_out_cookie(public_url)))
        }
        Action::Change(name) => change::begin(server, head, &session, name).await,
    }
}

/// A new sign-in of the same person at the same browser, for when all others are ended (BR-09). It is no younger
/// than the one that it replaces.
struct Restarted {
    session: BrowserSession,
    /// What the user's record says of it.
    entry: SignIn,
}

impl Restarted {
    fn of<S: Store, R: Random, I, C>(
        server: &AuthorizationServer<'_, S, R, I, C>,
        head: &Head,
        session: &BrowserSession,
    ) -> Self {
        let session = session.restart(server.records.random);
        let entry = session.to_sign_in(user_agent::describe(head));
        Self { session, entry }
    }

    /// The `Set-Cookie` value that goes on with it. `user` is the record that lists it.
    fn cookie<S: Store, R: Random, I, C>(
        self,
        server: &AuthorizationServer<'_, S, R, I, C>,
        user: &UserGrants,
    ) -> String {
        let AuthorizationServer { config, records, .. } = server;
        self.session.under(user).cookie(config, records.keys, records.random)
    }
}

fn user_of(session: &BrowserSession) -> User {
    User { subject: session.subject.clone(), display_name: session.display_name.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_say_what_they_do() {
        let id = GrantId([0xab; 16]);
        assert_eq!(Action::parse(&format!("revoke:{}", id.hex())), Some(Action::Revoke(id)));
        assert_eq!(Action::parse("change:password"), Some(Action::Change("password".into())));
        assert_eq!(Action::parse("sign-out"), Some(Action::SignOut));
        for bad in ["", "revoke:", "revoke:abc", "revoke:é", &format!("revoke:{}0", id.hex()), "sign-out-x"]
        {
            assert_eq!(Action::parse(bad), None, "{bad}");
        }
    }
}
