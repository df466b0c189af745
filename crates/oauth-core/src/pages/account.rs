//! The pages of somebody who is signed in.

use super::{ClientIdentity, Destination, Page, first_empty, ways};
use crate::{
    ports::{Alternative, ChangeItem, Field},
    words,
};
use askama::Template;

/// What a person allowed, and how they sign in.
#[derive(Debug, Clone, Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    /// Where the form goes.
    pub action: String,
    /// Where the record is.
    pub record: String,
    /// The sealed transaction.
    pub transaction: String,
    /// The server's host.
    pub host: String,
    /// Who is signed in.
    pub user: String,
    /// A word about what was done just now.
    pub notice: Option<String>,
    /// The applications on this page of the list.
    pub applications: Vec<Application>,
    /// How many there are altogether.
    pub count: usize,
    /// Whether there is none at all.
    pub is_empty: bool,
    /// Whether there are enough to search among.
    pub has_filter: bool,
    /// How many were found, in words, if there was a search.
    pub found: Option<String>,
    /// The pages before and after this one.
    pub links: PageLinks,
    /// What was searched for.
    pub search: String,
    /// The orders to choose from.
    pub sorts: Vec<SortOption>,
    /// Which page of the list this is: the first is 1.
    pub page_number: usize,
    /// How many pages the list has.
    pub page_count: usize,
    /// Where the person is signed in.
    pub sign_ins: Vec<ShownSignIn>,
    /// Whether there may be sign-ins that are not listed.
    pub has_unlisted_sign_ins: bool,
    /// What the person can change about how they sign in.
    pub changes: Vec<ChangeItem>,
}

/// An application that is connected.
#[derive(Debug, Clone)]
pub struct Application {
    /// What it calls itself. Unverified; may be empty.
    pub client_name: String,
    /// Who says so.
    pub identity: ClientIdentity,
    /// Where the user was sent.
    pub destination: Option<Destination>,
    /// Whether it is connected once only.
    pub is_one: bool,
    /// Each time that it was connected.
    pub connections: Vec<Connection>,
}

impl Application {
    /// What every connection may do, if that is the same.
    fn scopes(&self) -> Option<&[String]> {
        let scopes = &self.connections.first()?.scopes;
        self.connections.iter().all(|connection| connection.scopes == *scopes).then_some(scopes)
    }
}

/// A connection of an application.
#[derive(Debug, Clone)]
pub struct Connection {
    /// What its button does.
    pub action: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Where on a computer the user was sent, if that tells it apart.
    pub address: Option<String>,
    /// The browser in which it was allowed.
    pub browser: Option<String>,
    /// When it was allowed.
    pub approved_at: ShownDay,
    /// When it was last used; nothing if it never was.
    pub last_used_on: Option<ShownDay>,
    /// When it ends by itself.
    pub ends_on: ShownDay,
}

/// A sign-in of the person.
#[derive(Debug, Clone)]
pub struct ShownSignIn {
    /// What its button does.
    pub action: String,
    /// The browser.
    pub browser: Option<String>,
    /// When it began.
    pub since: ShownDay,
    /// Whether the page is shown there.
    pub is_here: bool,
}

/// Pages of a list.
#[derive(Debug, Clone)]
pub struct PageLinks {
    /// The one before.
    pub newer: Option<String>,
    /// The one after.
    pub older: Option<String>,
}

/// An order of a list.
#[derive(Debug, Clone)]
pub struct SortOption {
    /// Its value.
    pub value: &'static str,
    /// Its name.
    pub label: &'static str,
    /// Whether it is the one.
    pub is_chosen: bool,
}

/// A day or a moment, for people and for programs.
#[derive(Debug, Clone)]
pub struct ShownDay {
    /// `2026-11-24`.
    pub date: String,
    /// `24 Nov 2026`.
    pub words: String,
}

/// A question before something that cannot be undone.
#[derive(Debug, Clone, Template)]
#[template(path = "confirm.html")]
pub struct ConfirmPage {
    /// Where the form goes, and the way back.
    pub action: String,
    /// The sealed transaction.
    pub transaction: String,
    /// The question.
    pub heading: String,
    /// What comes of it.
    pub text: &'static str,
    /// Which connection it is about.
    pub detail: Option<Approved>,
    /// The value of the button that does it.
    pub confirm: String,
    /// Its text.
    pub button: &'static str,
}

/// An approval, to be told from others.
#[derive(Debug, Clone)]
pub struct Approved {
    /// When it was.
    pub at: ShownDay,
    /// In which browser.
    pub browser: Option<String>,
    /// When the application last used it.
    pub last_used_on: Option<ShownDay>,
}

/// The person is signed out.
#[derive(Debug, Clone, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOutPage {
    /// The way back.
    pub account: String,
    /// What was done.
    pub notice: String,
}

/// A step of a change of how somebody signs in.
#[derive(Debug, Clone, Template)]
#[template(path = "change.html")]
pub struct ChangePage {
    /// Where the form goes.
    pub action: String,
    /// The way back.
    pub account: String,
    /// The sealed transaction.
    pub transaction: String,
    /// What is changed.
    pub label: String,
    /// One sentence under the heading.
    pub notice: Option<String>,
    /// What was wrong with the last answer.
    pub problem: Option<String>,
    /// What to fill in.
    pub fields: Vec<Field>,
    /// The text of the button that sends the fields.
    pub submit: String,
    /// Other ways to go on.
    pub alternatives: Vec<Alternative>,
    /// Never asked here; see [`super::SignInPage`].
    pub keeps_signed_in: Option<bool>,
}

impl ChangePage {
    fn focus(&self) -> usize {
        first_empty(&self.fields)
    }

    fn ways(&self, leads_elsewhere: bool) -> Vec<&Alternative> {
        ways(&self.alternatives, leads_elsewhere)
    }
}

/// A change has been made.
#[derive(Debug, Clone, Template)]
#[template(path = "done.html")]
pub struct DonePage {
    /// The way back.
    pub account: String,
    /// What was changed.
    pub label: String,
    /// What came of it.
    pub notice: String,
}

impl Page for AccountPage {
    fn title(&self) -> &str {
        words::account::TITLE
    }
}

impl Page for ConfirmPage {
    fn title(&self) -> &str {
        &self.heading
    }
}

impl Page for SignedOutPage {
    fn title(&self) -> &str {
        words::account::SIGNED_OUT
    }
}

impl Page for ChangePage {
    fn title(&self) -> &str {
        &self.label
    }
}

impl Page for DonePage {
    fn title(&self) -> &str {
        &self.label
    }
}
