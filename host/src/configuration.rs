//! `wasi:config` in the draft that Spin implements: a component's variables.
//!
//! A key that is not defined, or could not be, has no value; that is not an error.

use wasmtime::component::{HasData, Linker};

use crate::variables::Values;

use self::bindings::wasi::config::store;

mod bindings {
    #![allow(missing_docs, unreachable_pub, clippy::allow_attributes, reason = "generated from WIT")]
    wasmtime::component::bindgen!({ path: "../wit/wasi/config", world: "imports" });
}

/// What the host functions work with.
pub struct Configuration<'a>(pub &'a Values);

/// Names [`Configuration`] to the linker.
pub struct HasConfiguration;

impl HasData for HasConfiguration {
    type Data<'a> = Configuration<'a>;
}

/// Provide the interface.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> Configuration<'_>,
) -> wasmtime::Result<()> {
    store::add_to_linker::<T, HasConfiguration>(linker, view)
}

impl store::Host for Configuration<'_> {
    fn get(&mut self, key: String) -> Result<Option<String>, store::Error> {
        Ok(self.0.get(&key).cloned())
    }

    fn get_all(&mut self) -> Result<Vec<(String, String)>, store::Error> {
        Ok(self.0.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}
