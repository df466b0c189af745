//! What the buttons of the account page do, and the page that asks before something that cannot be undone.

use super::{connections, day};
use crate::{
    AuthorizationServer, approvals,
    authorize::SignedIn,
    page_error::PageError,
    pages::{self, ConfirmPage, account::Approved},
    ports::{Catalog, Identity},
    records::GrantId,
    routes, transaction,
    words::{account as words, count_of_applications},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store_core::{Random, Store};
use web_core::{Forms, Reply};

/// What a button does, as it is posted in the parameter [`DO`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Disconnect one application.
    Revoke(GrantId),
    /// Disconnect all, and end the other sign-ins.
    RevokeAll,
    /// End the sign-in at this browser.
    SignOut,
    /// End the sign-in of this id at another browser.
    EndSignIn(String),
    /// End every sign-in.
    SignOutEverywhere,
    /// Begin this change of how the person signs in.
    Change(String),
    /// Download the record.
    Record,
    /// Do what the page that was confirmed asked about.
    Confirm,
}

/// The parameter that says which button was pressed.
pub(super) const DO: &str = "do";
const REVOKE: &str = "revoke:";
const REVOKE_ALL: &str = "revoke-all";
const SIGN_OUT: &str = "sign-out";
const END_SIGN_IN: &str = "end:";
const SIGN_OUT_EVERYWHERE: &str = "sign-out-everywhere";
const CHANGE: &str = "change:";
const RECORD: &str = "record";
const CONFIRM: &str = "confirm";

/// The longest action that is read, in bytes. It is carried in a cookie.
const MAX_BYTES: usize = 128;

impl Action {
    /// Reads what [`text`](Self::text) writes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let after = |prefix: &str| text.strip_prefix(prefix).filter(|rest| !rest.is_empty());
        match text {
            _ if text.len() > MAX_BYTES => None,
            REVOKE_ALL => Some(Self::RevokeAll),
            SIGN_OUT => Some(Self::SignOut),
            SIGN_OUT_EVERYWHERE => Some(Self::SignOutEverywhere),
            RECORD => Some(Self::Record),
            CONFIRM => Some(Self::Confirm),
            _ => match (after(REVOKE), after(END_SIGN_IN), after(CHANGE)) {
                (Some(id), _, _) => Some(Self::Revoke(GrantId::from_hex(id)?)),
                (_, Some(id), _) => Some(Self::EndSignIn(id.to_owned())),
                (_, _, Some(name)) => Some(Self::Change(name.to_owned())),
                _ => None,
            },
        }
    }

    /// The button's value.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Revoke(id) => format!("{REVOKE}{}", id.hex()),
            Self::RevokeAll => REVOKE_ALL.into(),
            Self::SignOut => SIGN_OUT.into(),
            Self::EndSignIn(id) => format!("{END_SIGN_IN}{id}"),
            Self::SignOutEverywhere => SIGN_OUT_EVERYWHERE.into(),
            Self::Change(name) => format!("{CHANGE}{name}"),
            Self::Record => RECORD.into(),
            Self::Confirm => CONFIRM.into(),
        }
    }
}

/// What a page that asks hands back.
#[derive(Serialize, Deserialize)]
pub(super) struct ConfirmStep {
    /// The sign-in under which the page was shown.
    pub(super) session_id: String,
    /// What it asks about.
    pub(super) action: String,
}

impl transaction::Step for ConfirmStep {
    const NAME: &'static str = "confirm";
}

/// Asks whether the person means it. `None` when there is nothing to ask about, or not any more.
pub(super) async fn ask<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    signed_in: &SignedIn,
    action: &Action,
) -> Result<Option<Reply>, PageError> {
    let SignedIn { session, user } = signed_in;
    let (heading, text, detail, button) = match action {
        Action::Revoke(id) => {
            let live = connections::list_live(&server.records, user, server.now).await?;
            let Some((_, grant)) = live.iter().find(|(entry, _)| entry == id) else { return Ok(None) };
            let heading = words::revoke_one(&grant.client_name);
            let detail = Approved {
                at: day::shown_moment(grant.approved_at),
                browser: grant.browser.clone(),
                last_used_on: approvals::last_used_at(grant).map(day::shown),
            };
            (heading, words::REVOKE_ONE_SAYS, Some(detail), words::REVOKE)
        }
        Action::RevokeAll => {
            let live = connections::list_live(&server.records, user, server.now).await?;
            let count = connections::count_applications(&live);
            let heading = words::revoke_all(&count_of_applications(count));
            (heading, words::REVOKE_ALL_SAYS, None, words::REVOKE_ALL)
        }
        Action::EndSignIn(id) => {
            let listed = user.sign_ins.listed.iter().find(|sign_in| sign_in.id == *id);
            let Some(sign_in) = listed else { return Ok(None) };
            let heading = words::end_sign_in(sign_in.browser.as_deref());
            (heading, words::END_SIGN_IN_SAYS, None, words::END_SIGN_IN)
        }
        Action::SignOutEverywhere => {
            let heading = words::SIGN_OUT_EVERYWHERE_ASKS.to_owned();
            (heading, words::SIGN_OUT_EVERYWHERE_SAYS, None, words::SIGN_OUT_EVERYWHERE)
        }
        Action::SignOut | Action::Change(_) | Action::Record | Action::Confirm => return Ok(None),
    };
    let step = ConfirmStep { session_id: session.id.clone(), action: action.text() };
    let page = ConfirmPage {
        action: server.config.public_url.local(routes::ACCOUNT),
        transaction: server.seal_transaction(&step),
        heading,
        text,
        detail,
        confirm: Action::Confirm.text(),
        button,
    };
    Ok(Some(pages::reply(StatusCode::OK, &page, &server.config.brand, Forms::StayHere)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_say_what_they_do() {
        let id = GrantId([0xab; 16]);
        assert_eq!(Action::parse(&format!("revoke:{}", id.hex())), Some(Action::Revoke(id)));
        for action in [
            Action::Revoke(id),
            Action::RevokeAll,
            Action::SignOut,
            Action::EndSignIn("AQEB".into()),
            Action::SignOutEverywhere,
            Action::Change("password".into()),
            Action::Record,
            Action::Confirm,
        ] {
            assert_eq!(Action::parse(&action.text()), Some(action));
        }
        let long = format!("change:{}", "x".repeat(MAX_BYTES));
        for bad in [
            "",
            "revoke:",
            "revoke:abc",
            "revoke:é",
            &format!("revoke:{}0", id.hex()),
            "sign-out-x",
            "end:",
            &long,
        ] {
            assert_eq!(Action::parse(bad), None, "{bad}");
        }
    }
}
