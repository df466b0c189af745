//! The pages of somebody who is signed in.

use super::{ClientIdentity, Destination, Page, first_empty};
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
    pub action: &'static str,
    /// Where the record is.
    pub record: &'static str,
    /// The sealed transaction.
    pub transaction: String,
    /// The server's host.
    pub host: String,
    /// Who is signed in.
    pub user: String,
    /// The applications on this page of the list.
    pub connections: Vec<Connection>,
    /// How many there are altogether.
    pub count: usize,
    /// Which page of the list this is: the first is 1.
    pub page_number: usize,
    /// How many pages the list has.
    pub page_count: usize,
    /// What the person can change about how they sign in.
    pub changes: Vec<ChangeItem>,
}

/// An application that is connected.
#[derive(Debug, Clone)]
pub struct Connection {
    /// What names it in the form.
    pub id: String,
    /// What it calls itself. Unverified; may be empty.
    pub client_name: String,
    /// Who says so.
    pub identity: ClientIdentity,
    /// Where the user was sent.
    pub destination: Destination,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was allowed.
    pub approved_on: ShownDay,
    /// When it was last used; nothing if it never was.
    pub last_used_on: Option<ShownDay>,
    /// When it ends by itself.
    pub ends_on: ShownDay,
}

/// A day, for people and for programs.
#[derive(Debug, Clone)]
pub struct ShownDay {
    /// `2026-11-24`.
    pub date: String,
    /// `24 Nov 2026`.
    pub words: String,
}

/// A step of a change of how somebody signs in.
#[derive(Debug, Clone, Template)]
#[template(path = "change.html")]
pub struct ChangePage {
    /// Where the form goes.
    pub action: &'static str,
    /// The way back.
    pub account: &'static str,
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
}

impl ChangePage {
    fn focus(&self) -> usize {
        first_empty(&self.fields)
    }
}

/// A change has been made.
#[derive(Debug, Clone, Template)]
#[template(path = "done.html")]
pub struct DonePage {
    /// The way back.
    pub account: &'static str,
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
