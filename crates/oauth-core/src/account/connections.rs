//! A person's grants: what is shown of them, and their end.

use super::day;
use crate::{
    client::{
        Clients,
        redirect_uri::{self, Destination as Leads},
    },
    grants,
    page_error::PageError,
    pages::{
        ClientIdentity, Destination,
        account::{Connection, ShownDay},
    },
    ports::Offer,
    records::{Grant, GrantId, GrantState, SignIn, UserGrants},
    sign_ins,
};
use store_core::{Random, RecordError, Records, Store};

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

/// When a grant was last used, as far as that is written down without a write for each request: when its code was
/// redeemed, and at each refresh.
pub(super) fn last_used_at(grant: &Grant) -> Option<u64> {
    match grant.state {
        GrantState::Active { rotated_at, .. } => Some(rotated_at),
        GrantState::Issued { .. } | GrantState::Revoked { .. } => None,
    }
}

/// A grant, for the person who made it.
pub(super) fn describe<S: Store, R: Random>(
    clients: &Clients<'_, S, R>,
    id: GrantId,
    grant: &Grant,
    offer: &Offer,
) -> Connection {
    let in_words = |name: &String| {
        let offered = offer.scopes.iter().find(|scope| scope.name == *name);
        offered.map_or_else(|| name.clone(), |scope| scope.description.clone())
    };
    let shown = |seconds| ShownDay { date: day::date(seconds), words: day::in_words(seconds) };
    Connection {
        id: id.hex(),
        client_name: grant.client_name.clone(),
        identity: identity(clients, grant),
        destination: Destination::from(redirect_uri::destination(&grant.redirect_uri)),
        scopes: grant.scopes.iter().map(in_words).collect(),
        approved_on: shown(grant.approved_at),
        last_used_on: last_used_at(grant).map(shown),
        ends_on: shown(grant.expires_at),
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
        Leads::App(_) => ClientIdentity::Registered,
    }
}

/// Revokes one grant of this user's. One that is somebody else's does not exist.
pub(super) async fn revoke<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    subject: &str,
    user: &UserGrants,
    id: GrantId,
    now: u64,
) -> Result<(), PageError> {
    let is_entered = user.grants.iter().any(|entry| entry.id == id);
    let grant = grants::find::<Grant, _, _>(records, &id.key()).await?;
    if is_entered && grant.is_some_and(|grant| grant.subject == subject) {
        grants::revoke(records, id, now).await?;
    }
    Ok(())
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
