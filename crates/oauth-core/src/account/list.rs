//! Which applications are on a page of the account's list: what was searched for, in which order, how many. And the
//! person's sign-ins.

use super::{
    action::Action,
    connections::{self, Live},
    day,
};
use crate::{
    approvals,
    browser::BrowserSession,
    pages::account::{PageLinks, ShownSignIn, SortOption},
    records::UserGrants,
    words::account as words,
};
use web_core::{Form, Head};

/// The most connections on a page, so that it stays small.
pub(super) const CONNECTIONS_PER_PAGE: usize = 8;

/// The longest text that is searched for, in characters: that of a client's name.
const MAX_SEARCH_CHARACTERS: usize = 64;

/// The parameters of the form that searches and sorts.
const SEARCH: &str = "q";
const SORT: &str = "sort";
const PAGE: &str = "page";

/// The order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// The application that was approved last is first.
    Newest,
    /// The application that was used last is first.
    Used,
    /// By name.
    Name,
}

const SORTS: [(Sort, &str, &str); 3] = [
    (Sort::Newest, "newest", words::SORT_NEWEST),
    (Sort::Used, "used", words::SORT_USED),
    (Sort::Name, "name", words::SORT_NAME),
];

/// What a person wants to see of the list. Whatever cannot be read is left out.
pub(super) struct View {
    /// A part of the name or the address.
    pub(super) search: String,
    sort: Sort,
    page: usize,
}

impl View {
    /// Reads the query.
    pub(super) fn of(head: &Head) -> Self {
        let form = Form::parse(head.query.as_deref().unwrap_or_default().as_bytes()).unwrap_or_default();
        let value = |name| form.single(name).ok().flatten().unwrap_or_default();
        let sort = SORTS.iter().find(|(_, name, _)| *name == value(SORT)).map(|(sort, ..)| *sort);
        Self {
            search: value(SEARCH).trim().chars().take(MAX_SEARCH_CHARACTERS).collect(),
            sort: sort.unwrap_or(Sort::Newest),
            page: value(PAGE).parse().unwrap_or(1).max(1),
        }
    }

    /// The orders to choose from.
    pub(super) fn sorts(&self) -> Vec<SortOption> {
        let options = SORTS.iter().map(|(sort, value, label)| SortOption {
            value,
            label,
            is_chosen: *sort == self.sort,
        });
        options.collect()
    }

    /// The addresses of the pages before and after this one. `account` is where the account page is.
    pub(super) fn links(&self, account: &str, number: usize, count: usize) -> PageLinks {
        let link = |number: usize| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            if !self.search.is_empty() {
                query.append_pair(SEARCH, &self.search);
            }
            if let Some((_, name, _)) = SORTS.iter().skip(1).find(|(sort, ..)| *sort == self.sort) {
                query.append_pair(SORT, name);
            }
            query.append_pair(PAGE, &number.to_string());
            format!("{account}?{}", query.finish())
        };
        PageLinks {
            newer: (number > 1).then(|| link(number - 1)),
            older: (number < count).then(|| link(number + 1)),
        }
    }
}

/// A page of the list.
pub(super) struct Listed<'a> {
    /// The connections on it, by application. An application that does not fit goes on on the next page.
    pub(super) page: Vec<Vec<&'a Live>>,
    /// Which page it is: the first is 1.
    pub(super) page_number: usize,
    /// How many pages there are.
    pub(super) page_count: usize,
    /// How many applications there are, whatever was searched for.
    pub(super) count: usize,
    /// How many of them were found.
    pub(super) found: usize,
}

/// Searches, sorts and cuts the list. `live` has the newest connection first.
pub(super) fn arrange<'a>(live: &'a [Live], view: &View) -> Listed<'a> {
    let mut applications = connections::group(live);
    let count = applications.len();
    let wanted = view.search.to_lowercase();
    applications.retain(|application| {
        application.first().is_some_and(|(_, grant)| {
            grant.client_name.to_lowercase().contains(&wanted)
                || connections::address(grant).to_lowercase().contains(&wanted)
        })
    });
    match view.sort {
        Sort::Newest => {}
        Sort::Used => applications.sort_by_key(|application| {
            let used = application.iter().filter_map(|(_, grant)| approvals::last_used_at(grant)).max();
            std::cmp::Reverse(used)
        }),
        Sort::Name => applications.sort_by_cached_key(|application| {
            application.first().map(|(_, grant)| grant.client_name.to_lowercase())
        }),
    }
    let found = applications.len();
    let total: usize = applications.iter().map(Vec::len).sum();
    let page_count = total.div_ceil(CONNECTIONS_PER_PAGE).max(1);
    let page_number = view.page.min(page_count);
    let first = (page_number - 1) * CONNECTIONS_PER_PAGE;
    let mut place = 0;
    let mut page = Vec::new();
    for application in applications {
        let on_page = application.into_iter().filter(|_| {
            place += 1;
            (first + 1..=first + CONNECTIONS_PER_PAGE).contains(&place)
        });
        let on_page: Vec<&Live> = on_page.collect();
        if !on_page.is_empty() {
            page.push(on_page);
        }
    }
    Listed { page, page_number, page_count, count, found }
}

/// The person's sign-ins, this one first and then the newest. `browser` is the one that the page is shown in: it may
/// have been dropped from the list.
pub(super) fn sign_ins(
    session: &BrowserSession,
    user: &UserGrants,
    browser: Option<String>,
    now: u64,
) -> Vec<ShownSignIn> {
    let here = ShownSignIn {
        action: Action::SignOut.text(),
        browser,
        since: day::shown_moment(session.signed_in_at),
        is_here: true,
    };
    let others = user.sign_ins.listed.iter().rev();
    let others = others.filter(|sign_in| sign_in.id != session.id && sign_in.expires_at > now);
    let others = others.map(|sign_in| ShownSignIn {
        action: Action::EndSignIn(sign_in.id.clone()).text(),
        browser: sign_in.browser.clone(),
        since: day::shown_moment(sign_in.signed_in_at),
        is_here: false,
    });
    std::iter::once(here).chain(others).collect()
}
