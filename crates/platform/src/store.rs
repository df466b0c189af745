//! The key-value store (`wasi:keyvalue`).

use crate::bindings::wasi::keyvalue::{
    atomics, batch,
    store::{self, Bucket, Error},
};
use std::cell::OnceCell;
use store_core::{Store, StoreError};

/// The label of the store in `spin.toml`.
const LABEL: &str = "default";

/// A bucket of the host. It is opened on first use, so that a request that needs no store needs none.
#[derive(Debug, Default)]
pub struct HostStore {
    bucket: OnceCell<Bucket>,
}

impl HostStore {
    fn bucket(&self) -> Result<&Bucket, StoreError> {
        if let Some(bucket) = self.bucket.get() {
            return Ok(bucket);
        }
        let bucket = store::open(LABEL).map_err(store_error)?;
        Ok(self.bucket.get_or_init(|| bucket))
    }
}

impl Store for HostStore {
    type Swap = atomics::Cas;

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.bucket()?.get(key).map_err(store_error)
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.bucket()?.set(key, value).map_err(store_error)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.bucket()?.delete(key).map_err(store_error)
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        batch::delete_many(self.bucket()?, keys).map_err(store_error)
    }

    async fn increment(&self, key: &str) -> Result<i64, StoreError> {
        atomics::increment(self.bucket()?, key, 1).map_err(store_error)
    }

    async fn begin_swap(&self, key: &str) -> Result<(Option<Vec<u8>>, atomics::Cas), StoreError> {
        let cas = atomics::Cas::new(self.bucket()?, key).map_err(store_error)?;
        // Always asked for, also where the value is known: a swap without it writes unconditionally.
        let current = cas.current().map_err(store_error)?;
        Ok((current, cas))
    }

    async fn swap(&self, swap: atomics::Cas, value: &[u8]) {
        // The answer is dropped on purpose: on Redis it is "failed" even when the swap was made.
        drop(atomics::swap(swap, value));
    }
}

fn store_error(error: Error) -> StoreError {
    let detail = match error {
        Error::NoSuchStore => format!("there is no key-value store named {LABEL:?}"),
        Error::AccessDenied => format!("the key-value store {LABEL:?} is not granted to this component"),
        Error::Other(detail) => detail,
    };
    StoreError { detail }
}
