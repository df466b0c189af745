//! Where a person sees what they allowed, and ends it: `/account`.
//!
//! Reading order: [`serve`] (the page, and its buttons), `action` (what the buttons do, and what is asked about
//! first), `flash` (a word about what was done), [`connections`] (what is shown of a grant, and the end of one or
//! all), `list` (which of them are on a page), [`change`] (another password and the like, a conversation with the
//! identity component), [`record`] (the same as a document), [`day`].
//!
//! Only a person who is signed in at this browser sees any of it. Every change is posted, from a page of ours, under
//! the sign-in that the page was shown to (BR-11). When the sign-in is over, the person signs in and goes on where
//! they were.

mod action;
pub mod change;
pub mod connections;
pub mod day;
mod list;
pub mod record;

use crate::{
    AuthorizationServer,
    authorize::{SignedIn, find_session, page_form, sign_in},
    browser::{self, BrowserSession},
    flash::{Flash, Notice},
    page_error::PageError,
    pages::{self, AccountPage, SignedOutPage},
    ports::{Catalog, Identity, User},
    records::{SignIn, UserGrants},
    routes, sign_ins, transaction, user_agent,
    words::count_of_applications,
};
use action::{Action, ConfirmStep, DO};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use store_core::{Random, Store};
use web_core::{Form, Forms, Head, ReadBody, Reply};

/// What the page hands back.
#[derive(Serialize, Deserialize)]
struct AccountStep {
    /// The sign-in under which the page was shown.
    session_id: String,
}

impl transaction::Step for AccountStep {
    const NAME: &'static str = "account";
}

/// Answers a request to `/account`.
pub async fn serve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<Reply, PageError> {
    match head.method {
        Method::GET | Method::HEAD => {
            let Some(flash) = Flash::find(server, head) else { return look(server, head, None).await };
            let gone = browser::flash_cookie("", 0, &server.config.public_url);
            Ok(look(server, head, Some(flash)).await?.with_cookie(&gone))
        }
        Method::POST => act(server, head, body).await,
        _ => Err(PageError::MethodNotAllowed("GET, HEAD, POST")),
    }
}

/// The page, or what comes before it.
async fn look<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    flash: Option<Flash>,
) -> Result<Reply, PageError> {
    let Some(signed_in) = find_session(server, head).await? else {
        return match flash {
            Some(Flash::Done(notice)) => {
                let account = server.config.public_url.local(routes::ACCOUNT);
                let page = SignedOutPage { account, notice: notice.words() };
                Ok(pages::reply(StatusCode::OK, &page, &server.config.brand, Forms::StayHere))
            }
            Some(Flash::Then(action)) => sign_in::show_for_account(server, head, None, Some(action)).await,
            None => sign_in::show_for_account(server, head, None, None).await,
        };
    };
    let notice = match flash {
        Some(Flash::Then(text)) => match Action::parse(&text) {
            Some(Action::Change(name)) => return change::begin(server, head, &signed_in.session, name).await,
            Some(Action::Record) => return Ok(Reply::see_other(routes::RECORD)),
            Some(action) => match action::ask(server, &signed_in, &action).await? {
                Some(page) => return Ok(page),
                None => Some(Notice::NothingToEnd),
            },
            None => None,
        },
        Some(Flash::Done(notice)) => Some(notice),
        None => None,
    };
    show(server, head, &signed_in, notice.as_ref()).await
}

async fn show<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    signed_in: &SignedIn,
    notice: Option<&Notice>,
) -> Result<Reply, PageError> {
    let SignedIn { session, user } = signed_in;
    let changes = server.identity.changes(&user_of(session), server.trace.as_str()).await?;
    let live = connections::list_live(&server.records, user, server.now).await?;
    let offer = server.catalog.list().await?;
    let view = list::View::of(head);
    let list::Listed { page, page_number, page_count, count, found } = list::arrange(&live, &view);
    // A change may begin at a provider.
    let forms = if changes.is_empty() { Forms::StayHere } else { Forms::LeadAway };
    let clients = server.clients();
    let page = AccountPage {
        action: server.config.public_url.local(routes::ACCOUNT),
        record: server.config.public_url.local(routes::RECORD),
        transaction: server.seal_transaction(&AccountStep { session_id: session.id.clone() }),
        host: pages::host_of(&server.config.public_url),
        user: session.display_name.clone(),
        notice: notice.map(Notice::words),
        applications: page.iter().map(|group| connections::describe(&clients, group, &offer)).collect(),
        count,
        is_empty: live.is_empty(),
        has_filter: live.len() > list::CONNECTIONS_PER_PAGE,
        found: (!view.search.is_empty()).then(|| count_of_applications(found)),
        links: view.links(&server.config.public_url.local(routes::ACCOUNT), page_number, page_count),
        search: view.search.clone(),
        sorts: view.sorts(),
        page_number,
        page_count,
        sign_ins: list::sign_ins(session, user, user_agent::describe(head), server.now),
        has_unlisted_sign_ins: user.sign_ins.unlisted_until > server.now,
        changes,
    };
    Ok(pages::reply(StatusCode::OK, &page, &server.config.brand, forms))
}

/// Does what a button says, or asks first.
async fn act<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<Reply, PageError> {
    let form = page_form::read_form(server, head, body).await?;
    let pressed = form.single(DO).map_err(|_| PageError::Malformed)?.and_then(Action::parse);
    let pressed = pressed.ok_or(PageError::Malformed)?;
    let Some(signed_in) = find_session(server, head).await? else {
        return Ok(sign_in_first(server, &form, pressed));
    };
    let (session_id, action, is_confirmed) = match pressed {
        Action::Confirm => {
            let ConfirmStep { session_id, action } = page_form::open(server, &form)?;
            (session_id, Action::parse(&action).ok_or(PageError::Malformed)?, true)
        }
        action => (page_form::open::<AccountStep, _, _, _, _>(server, &form)?.session_id, action, false),
    };
    if session_id != signed_in.session.id {
        return Err(PageError::OtherBrowser);
    }
    if !is_confirmed && let Some(page) = action::ask(server, &signed_in, &action).await? {
        return Ok(page);
    }
    carry_out(server, head, &signed_in, action).await
}

/// The sign-in that the page was shown to is over: the person signs in, and goes on with what they pressed.
fn sign_in_first<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    form: &Form,
    pressed: Action,
) -> Reply {
    let action = match pressed {
        // It is asked about anew.
        Action::Confirm => page_form::open::<ConfirmStep, _, _, _, _>(server, form)
            .ok()
            .and_then(|step| Action::parse(&step.action)),
        action => Some(action),
    };
    let flash = match action {
        Some(Action::SignOut) => Some(Flash::Done(Notice::SignedOut)),
        Some(action) => Some(Flash::Then(action.text())),
        None => None,
    };
    let reply = Reply::see_other(routes::ACCOUNT);
    match flash {
        Some(flash) => reply.with_cookie(&flash.cookie(server)),
        None => reply,
    }
}

async fn carry_out<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    signed_in: &SignedIn,
    action: Action,
) -> Result<Reply, PageError> {
    let SignedIn { session, user } = signed_in;
    let (records, now, subject) = (&server.records, server.now, session.subject.as_str());
    let sign_out = browser::sign_out_cookie(&server.config.public_url);
    let back =
        |notice: Notice| Reply::see_other(routes::ACCOUNT).with_cookie(&Flash::Done(notice).cookie(server));
    match action {
        Action::Revoke(id) => Ok(match connections::revoke(records, subject, user, id, now).await? {
            Some(name) => back(Notice::Disconnected(name)),
            None => back(Notice::NothingToEnd),
        }),
        Action::RevokeAll => {
            let next = Restarted::of(server, head, session);
            let user = connections::revoke_all(records, subject, &next.entry, now).await?;
            Ok(back(Notice::DisconnectedAll).with_cookie(&next.cookie(server, &user)))
        }
        Action::SignOut => {
            sign_ins::end(records, subject, &session.id, session.expires_at, now).await?;
            Ok(back(Notice::SignedOut).with_cookie(&sign_out))
        }
        Action::EndSignIn(id) => {
            let listed = user.sign_ins.listed.iter().find(|sign_in| sign_in.id == id);
            let Some(listed) = listed else { return Ok(back(Notice::NothingToEnd)) };
            sign_ins::end(records, subject, &id, listed.expires_at, now).await?;
            Ok(back(Notice::SignInEnded))
        }
        Action::SignOutEverywhere => {
            connections::end_sign_ins(records, subject, None, now).await?;
            Ok(back(Notice::SignedOutEverywhere).with_cookie(&sign_out))
        }
        Action::Change(name) => change::begin(server, head, session, name).await,
        Action::Record => Ok(Reply::see_other(routes::RECORD)),
        Action::Confirm => Err(PageError::Malformed),
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

/// Sends the browser to the account page, which goes on with this button, after a sign-in if that is needed.
fn go_on_with<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    action: &Action,
) -> Reply {
    Reply::see_other(routes::ACCOUNT).with_cookie(&Flash::Then(action.text()).cookie(server))
}
