//! The application's variables (`wasi:config`; on Spin, the component's `variables`).

use crate::{bindings::wasi::config::store, log};
use std::{cell::RefCell, collections::BTreeMap};

thread_local! {
    /// What the host has told this instance. It lives for a number of requests, each of which asks for
    /// the same few; a change of a variable reaches those instances that are made after it.
    static KNOWN: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
}

/// The value of a variable. Empty when it is not set or cannot be had: the component then says which
/// variable it misses.
pub fn value(name: &str) -> String {
    if let Some(known) = KNOWN.with_borrow(|known| known.get(name).cloned()) {
        return known;
    }
    match store::get(name) {
        Ok(value) => {
            let value = value.unwrap_or_default();
            KNOWN.with_borrow_mut(|known| known.insert(name.to_owned(), value.clone()));
            value
        }
        Err(_) => {
            log::line(&format!("variable {name}: the host could not provide it"));
            String::new()
        }
    }
}
