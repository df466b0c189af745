//! What the next look at the account page begins with: a word about what was done, or what the person was about to
//! do before a sign-in came in between.
//!
//! It travels in a sealed cookie of its own, and is taken from the browser when it is shown. So no URL has it, and no
//! website can make a person read or begin anything.

use crate::{
    AuthorizationServer, browser,
    ports::{Catalog, Identity},
    transaction,
    words::account as words,
};
use serde::{Deserialize, Serialize};
use store_core::{Random, Store};
use web_core::Head;

/// The content of the cookie.
#[derive(Serialize, Deserialize)]
pub(crate) enum Flash {
    /// Something was done.
    Done(Notice),
    /// The person pressed the button of this value.
    Then(String),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Notice {
    /// This application was disconnected.
    Disconnected(String),
    /// All applications were.
    DisconnectedAll,
    /// What was to be ended had ended before.
    NothingToEnd,
    /// The person signed out at this browser.
    SignedOut,
    /// The person signed out everywhere.
    SignedOutEverywhere,
    /// The sign-in at another browser was ended.
    SignInEnded,
}

impl transaction::Step for Flash {
    const NAME: &'static str = "flash";
}

impl Flash {
    /// The `Set-Cookie` value that keeps it for the next look.
    pub(crate) fn cookie<S: Store, R: Random, I: Identity, C: Catalog>(
        &self,
        server: &AuthorizationServer<'_, S, R, I, C>,
    ) -> String {
        let seconds = server.config.lifetimes.transaction.as_secs();
        browser::flash_cookie(&server.seal_transaction(self), seconds, &server.config.public_url)
    }

    /// The one that a request comes with.
    pub(crate) fn find<S: Store, R: Random, I, C>(
        server: &AuthorizationServer<'_, S, R, I, C>,
        head: &Head,
    ) -> Option<Self> {
        let sealed = head.cookie(&browser::flash_cookie_name(&server.config.public_url))?;
        transaction::open(sealed, server.records.keys, server.now)
    }
}

impl Notice {
    /// The same in words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Disconnected(name) => words::disconnected(name),
            Self::DisconnectedAll => words::DISCONNECTED_ALL.to_owned(),
            Self::NothingToEnd => words::NOTHING_TO_END.to_owned(),
            Self::SignedOut => words::SIGNED_OUT_SAYS.to_owned(),
            Self::SignedOutEverywhere => words::SIGNED_OUT_EVERYWHERE_SAYS.to_owned(),
            Self::SignInEnded => words::SIGN_IN_ENDED.to_owned(),
        }
    }
}
