//! A person's grants: what is shown of them, and their end.

use super::{action::Action, day};
use crate::{
    approvals::last_used_at,
    client::{
        Clients,
        redirect_uri::{self, Destination as Leads},
    },
    grants,
    page_error::PageError,
    pages::{
        ClientIdentity, Destination,
        account::{Application, Connection},
    },
    ports::Offer,
    records::{Grant, GrantId, SignIn, UserGrants},
    sign_ins,
};
use store_core::{Random, RecordError, Records, Store};

/// A grant and its id.
pub(super) type Live = (GrantId, Grant);

/// Every grant that is still in the user's index, the newest first, whether anything can come of it or not.
pub async fn list<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    user: &UserGrants,
) -> Result<Vec<(GrantId, Grant)>, RecordError> {
    let mut list = Vec::new();
    for entry in user.grants.iter().rev() {
        if let Some(grant) = grants::find::<Grant, _, _>(records, &entry.id.key()).await? {
            list.push((entry.id, grant));
        }
    }
    Ok(list)
}

/// Those that something can still come of.
pub(super) async fn list_live<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    user: &UserGrants,
    now: u64,
) -> Result<Vec<(GrantId, Grant)>, RecordError> {
    let mut list = list(records, user).await?;
    list.retain(|(_, grant)| grant.user_epoch == user.epoch && !grant.is_dead(now));
    Ok(list)
}

/// Groups connections by application: the same client, sending people to the same place. The ports of a program on
/// the person's computer make no difference, because most programs take another one each time (RFC 8252 section 7.3).
pub(super) fn group(live: &[Live]) -> Vec<Vec<&Live>> {
    let mut applications: Vec<Vec<&Live>> = Vec::new();
    for connection in live {
        let is_same = |application: &&mut Vec<&Live>| {
            application.first().is_some_and(|(_, grant)| {
                grant.client_id == connection.1.client_id && place(grant) == place(&connection.1)
            })
        };
        match applications.iter_mut().find(is_same) {
            Some(application) => application.push(connection),
            None => applications.push(vec![connection]),
        }
    }
    applications
}

/// How many applications these are.
pub(super) fn count_applications(live: &[Live]) -> usize {
    group(live).len()
}

/// Where a grant's codes go, without the port of a program on the person's computer.
fn place(grant: &Grant) -> Leads<'_> {
    match redirect_uri::destination(&grant.redirect_uri) {
        Leads::ThisComputer(_) => Leads::ThisComputer(""),
        leads => leads,
    }
}

/// The same as text, to search in.
pub(super) fn address(grant: &Grant) -> &str {
    match redirect_uri::destination(&grant.redirect_uri) {
        Leads::Host(text) | Leads::ThisComputer(text) | Leads::App(text) => text,
    }
}

/// An application with its connections, for the person who made them.
pub(super) fn describe<S: Store, R: Random>(
    clients: &Clients<'_, S, R>,
    connections: &[&Live],
    offer: &Offer,
) -> Application {
    let in_words = |name: &String| {
        let offered = offer.scopes.iter().find(|scope| scope.name == *name);
        offered.map_or_else(|| name.clone(), |scope| scope.description.clone())
    };
    let scopes = |grant: &Grant| grant.scopes.iter().map(in_words).collect::<Vec<_>>();
    let first = connections.first().map(|(_, grant)| grant);
    let is_on_a_computer = first.is_some_and(|grant| matches!(place(grant), Leads::ThisComputer(_)));
    Application {
        client_name: first.map(|grant| grant.client_name.clone()).unwrap_or_default(),
        identity: first.map_or(ClientIdentity::Registered, |grant| identity(clients, grant)),
        destination: first.map(|grant| Destination::from(redirect_uri::destination(&grant.redirect_uri))),
        is_one: connections.len() == 1,
        connections: connections
            .iter()
            .map(|(id, grant)| Connection {
                action: Action::Revoke(*id).text(),
                scopes: scopes(grant),
                address: (is_on_a_computer && connections.len() > 1).then(|| address(grant).to_owned()),
                browser: grant.browser.clone(),
                approved_at: day::shown_moment(grant.approved_at),
                last_used_on: last_used_at(grant).map(day::shown),
                ends_on: day::shown(grant.expires_at),
            })
            .collect(),
    }
}

/// Who says what a client is called. Only its id is at hand, and where it sends people.
fn identity<S: Store, R: Random>(clients: &Clients<'_, S, R>, grant: &Grant) -> ClientIdentity {
    if clients.find_configured(&grant.client_id).is_some() {
        return ClientIdentity::Configured;
    }
    let anybodys = matches!(redirect_uri::destination(&grant.redirect_uri), Leads::ThisComputer(_));
    match redirect_uri::destination(&grant.client_id) {
        Leads::Host(host) | Leads::ThisComputer(host) => {
            ClientIdentity::Published { host: host.to_owned(), anybodys }
        }
        Leads::App(_) => {
            let known = &clients.config.clients.known;
            ClientIdentity::registered(redirect_uri::destination(&grant.redirect_uri), known)
        }
    }
}

/// Revokes one grant of this user's, and returns its client's name. `None` when there is no such grant, not any more,
/// or not of this user.
pub(super) async fn revoke<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    subject: &str,
    user: &UserGrants,
    id: GrantId,
    now: u64,
) -> Result<Option<String>, PageError> {
    let is_entered = user.grants.iter().any(|entry| entry.id == id);
    let grant = grants::find::<Grant, _, _>(records, &id.key()).await?;
    let Some(grant) = grant.filter(|grant| is_entered && grant.subject == subject) else { return Ok(None) };
    grants::revoke(records, id, now).await?;
    Ok((!grant.is_dead(now)).then_some(grant.client_name))
}

/// Ends every grant and every sign-in of the user but `own`, which is new. One write does it (D9): none of the
/// others has the new epoch.
pub(super) async fn revoke_all<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    subject: &str,
    own: &SignIn,
    now: u64,
) -> Result<UserGrants, PageError> {
    let end = |user: &mut UserGrants| {
        user.end_everything();
        user.begin_sign_in(own.clone(), now);
    };
    let user = change(records, subject, &end).await?;
    for entry in &user.grants {
        // They are dead already; this only says so in each, and tidies up what was kept for the client.
        drop(grants::revoke(records, entry.id, now).await);
    }
    Ok(user)
}

/// Ends every sign-in of the user but `own`, which is new, and no grant.
pub(super) async fn end_sign_ins<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    subject: &str,
    own: Option<&SignIn>,
    now: u64,
) -> Result<UserGrants, PageError> {
    let end = |user: &mut UserGrants| {
        user.end_sign_ins();
        if let Some(own) = own {
            user.begin_sign_in(own.clone(), now);
        }
    };
    change(records, subject, &end).await
}

async fn change<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    subject: &str,
    change: &dyn Fn(&mut UserGrants),
) -> Result<UserGrants, PageError> {
    sign_ins::change(records, subject, change).await?.ok_or(PageError::OtherBrowser)
}
