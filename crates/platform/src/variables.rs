//! The application's variables (`wasi:config`; on Spin, the component's `variables`).

use crate::{bindings::wasi::config::store, log};

/// The value of a variable. Empty when it is not set or cannot be had: the component then says which
/// variable it misses.
pub fn value(name: &str) -> String {
    match store::get(name) {
        Ok(value) => value.unwrap_or_default(),
        Err(_) => {
            log::line(&format!("variable {name}: the host could not provide it"));
            String::new()
        }
    }
}
