//! The application's variables (`wasi:config`; on Spin, the component's `variables`).

use crate::{bindings::wasi::config::store, log};
use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeMap,
};

thread_local! {
    /// What the host has told this instance. It lives for a number of requests, each of which asks for
    /// the same few; a change of a variable reaches those instances that are made after it.
    static KNOWN: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };

    /// How often it could not tell.
    static FAULTS: Cell<u32> = const { Cell::new(0) };
}

/// What `read` makes of variables. It is kept in `known` for the life of the instance, as they are; but not what was made without
/// a variable that the host could not provide.
pub fn read_once<T: Clone, E>(known: &OnceCell<T>, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    if let Some(known) = known.get() {
        return Ok(known.clone());
    }
    let faults = FAULTS.get();
    let made = read()?;
    if FAULTS.get() == faults {
        // Whoever was faster has read the same.
        let _ = known.set(made.clone());
    }
    Ok(made)
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
            FAULTS.set(FAULTS.get().wrapping_add(1));
            log::line(&format!("variable {name}: the host could not provide it"));
            String::new()
        }
    }
}
