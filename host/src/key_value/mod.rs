//! `wasi:keyvalue@0.2.0-draft2`, as Spin provides it.
//!
//! A component opens the stores that its `key_value_stores` name; any other label is `access-denied`.
//! What a store does is the backend's affair ([`sqlite`], [`redis`]), each with the semantics of
//! Spin's own, including those that surprise. Every operation is counted for the request's log line.
//!
//! Not here: `spin:key-value`, and listing keys with a cursor, which Spin does not have either.

pub mod redis;
pub mod sqlite;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result as HostResult};
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};

use crate::runtime_config::StoreConfig;
use crate::turn::Tally;

use self::bindings::wasi::keyvalue::{atomics, batch, store};

mod bindings {
    #![allow(missing_docs, unreachable_pub, clippy::allow_attributes, reason = "generated from WIT")]
    wasmtime::component::bindgen!({
        path: "../wit/wasi/keyvalue",
        world: "imports",
        imports: { default: async | trappable },
        with: {
            "wasi:keyvalue/store.bucket": crate::key_value::Bucket,
            "wasi:keyvalue/atomics.cas": crate::key_value::Cas,
        },
    });
}

/// What a component is told when an operation fails.
pub type Error = store::Error;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

/// The most that one operation may return, as in Spin: the host has to hold it in memory.
const MAX_RESULT_BYTES: usize = 128 << 20;

/// A place that keeps values: one per label, shared by every component that may open it.
#[derive(Debug)]
pub enum Backend {
    /// A SQLite file.
    Sqlite(sqlite::Database),
    /// A Redis server.
    Redis(redis::Server),
}

impl Backend {
    /// Open the store that `config` describes.
    pub fn open(config: &StoreConfig) -> HostResult<Self> {
        match config {
            StoreConfig::Sqlite(path) => Ok(Self::Sqlite(sqlite::Database::open(path.as_deref())?)),
            StoreConfig::Redis(url) => Ok(Self::Redis(redis::Server::new(url)?)),
        }
    }

    /// Where the values are, for people: a file, or a server without its password.
    pub fn place(&self) -> String {
        match self {
            Self::Sqlite(database) => {
                let shown = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                database.path().map_or("in memory".to_owned(), |path| shown(path).display().to_string())
            }
            Self::Redis(server) => server.to_string(),
        }
    }
}

/// The stores that a component may open, by label.
pub type Stores = BTreeMap<String, Arc<Backend>>;

/// The stores in `labels`, out of all that exist.
pub fn grant(labels: &[String], all: &Stores) -> HostResult<Stores> {
    labels
        .iter()
        .map(|label| {
            let backend = all
                .get(label)
                .with_context(|| format!("it uses the key-value store {label:?}, which is not configured"))?;
            Ok((label.clone(), backend.clone()))
        })
        .collect()
}

/// The directory that a store's file needs.
pub fn directory(config: &StoreConfig) -> Option<PathBuf> {
    match config {
        StoreConfig::Sqlite(Some(path)) => path.parent().map(PathBuf::from),
        StoreConfig::Sqlite(None) | StoreConfig::Redis(_) => None,
    }
}

/// An open store.
pub struct Bucket {
    backend: Arc<Backend>,
    label: Arc<str>,
}

/// A compare-and-swap in progress. It keeps its own hold on the store, so that unlike in Spin the
/// bucket may be dropped before the swap.
pub struct Cas {
    backend: Arc<Backend>,
    label: Arc<str>,
    key: String,
    state: CasState,
}

enum CasState {
    /// What `current` saw last.
    Sqlite(Option<Vec<u8>>),
    /// The connection that watches the key.
    Redis(redis::Watch),
}

/// Why a swap did not happen.
#[derive(Debug, PartialEq, Eq)]
pub enum SwapError {
    /// Somebody else was faster, or the backend says so.
    Lost,
    /// The store failed.
    Store(String),
}

/// What the host functions work with.
pub struct KeyValue<'a> {
    /// What the component may open.
    pub stores: &'a Stores,
    /// Its handles.
    pub table: &'a mut ResourceTable,
    /// Where its operations are counted.
    pub tally: &'a Tally,
}

/// Names [`KeyValue`] to the linker.
pub struct HasKeyValue;

impl HasData for HasKeyValue {
    type Data<'a> = KeyValue<'a>;
}

/// Provide all three interfaces.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> KeyValue<'_>,
) -> wasmtime::Result<()> {
    store::add_to_linker::<T, HasKeyValue>(linker, view)?;
    atomics::add_to_linker::<T, HasKeyValue>(linker, view)?;
    batch::add_to_linker::<T, HasKeyValue>(linker, view)
}

fn other<T>(tally: &Tally, result: Result<T, String>) -> Result<T, Error> {
    result.map_err(|error| {
        tally.fail();
        Error::Other(error)
    })
}

fn within_limit<T>(result: T, bytes: usize) -> Result<T, String> {
    if bytes > MAX_RESULT_BYTES { Err("the result is too large".to_owned()) } else { Ok(result) }
}

impl store::Host for KeyValue<'_> {
    async fn open(&mut self, identifier: String) -> Answer<Resource<Bucket>> {
        let Some(backend) = self.stores.get(&identifier) else { return Ok(Err(Error::AccessDenied)) };
        let bucket = Bucket { backend: backend.clone(), label: identifier.into() };
        Ok(Ok(self.table.push(bucket)?))
    }
}

impl store::HostBucket for KeyValue<'_> {
    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<Option<Vec<u8>>> {
        self.tally.read();
        let Bucket { backend, label } = self.table.get(&bucket)?;
        let value = match &**backend {
            Backend::Sqlite(database) => database.get(label, &key),
            Backend::Redis(server) => server.get(&key).await,
        };
        Ok(other(
            self.tally,
            value.and_then(|value| {
                let length = value.as_ref().map_or(0, Vec::len);
                within_limit(value, length)
            }),
        ))
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Answer<()> {
        self.tally.write();
        let Bucket { backend, label } = self.table.get(&bucket)?;
        Ok(other(
            self.tally,
            match &**backend {
                Backend::Sqlite(database) => database.set(label, &key, &value),
                Backend::Redis(server) => server.set(&key, &value).await,
            },
        ))
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<()> {
        self.tally.write();
        let Bucket { backend, label } = self.table.get(&bucket)?;
        Ok(other(
            self.tally,
            match &**backend {
                Backend::Sqlite(database) => database.delete(label, &key),
                Backend::Redis(server) => server.delete(&[key]).await,
            },
        ))
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<bool> {
        self.tally.read();
        let Bucket { backend, label } = self.table.get(&bucket)?;
        Ok(other(
            self.tally,
            match &**backend {
                Backend::Sqlite(database) => database.exists(label, &key),
                Backend::Redis(server) => server.exists(&key).await,
            },
        ))
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<String>,
    ) -> Answer<store::KeyResponse> {
        if cursor.is_some() {
            return Ok(Err(Error::Other("a cursor is not supported".to_owned())));
        }
        self.tally.read();
        let Bucket { backend, label } = self.table.get(&bucket)?;
        let keys = match &**backend {
            Backend::Sqlite(database) => database.keys(label),
            Backend::Redis(server) => server.keys().await,
        };
        let keys = keys.and_then(|keys| {
            let length = keys.iter().map(|key| size_of::<String>() + key.len()).sum();
            within_limit(keys, length)
        });
        Ok(other(self.tally, keys).map(|keys| store::KeyResponse { keys, cursor: None }))
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl batch::Host for KeyValue<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Answer<Vec<(String, Option<Vec<u8>>)>> {
        if keys.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        self.tally.read();
        let Bucket { backend, label } = self.table.get(&bucket)?;
        let found = match &**backend {
            Backend::Sqlite(database) => database.get_many(label, &keys),
            Backend::Redis(server) => server.get_many(&keys).await,
        };
        Ok(other(
            self.tally,
            found.and_then(|found| {
                let length =
                    found.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum();
                within_limit(found, length)
            }),
        ))
    }

    async fn set_many(&mut self, bucket: Resource<Bucket>, values: Vec<(String, Vec<u8>)>) -> Answer<()> {
        if values.is_empty() {
            return Ok(Ok(()));
        }
        self.tally.write();
        let Bucket { backend, label } = self.table.get(&bucket)?;
        Ok(other(
            self.tally,
            match &**backend {
                Backend::Sqlite(database) => database.set_many(label, &values),
                Backend::Redis(server) => server.set_many(&values).await,
            },
        ))
    }

    async fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Answer<()> {
        if keys.is_empty() {
            return Ok(Ok(()));
        }
        self.tally.write();
        let Bucket { backend, label } = self.table.get(&bucket)?;
        Ok(other(
            self.tally,
            match &**backend {
                Backend::Sqlite(database) => database.delete_many(label, &keys),
                Backend::Redis(server) => server.delete(&keys).await,
            },
        ))
    }
}

impl atomics::HostCas for KeyValue<'_> {
    async fn new(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<Resource<Cas>> {
        let Bucket { backend, label } = self.table.get(&bucket)?;
        let (backend, label) = (backend.clone(), label.clone());
        match begin(backend, label, key).await {
            Ok(cas) => Ok(Ok(self.table.push(cas)?)),
            Err(error) => {
                self.tally.fail();
                Ok(Err(error))
            }
        }
    }

    async fn current(&mut self, cas: Resource<Cas>) -> Answer<Option<Vec<u8>>> {
        self.tally.read();
        let tally = self.tally;
        Ok(other(tally, current(self.table.get_mut(&cas)?).await))
    }

    async fn drop(&mut self, cas: Resource<Cas>) -> wasmtime::Result<()> {
        self.table.delete(cas)?;
        Ok(())
    }
}

impl atomics::Host for KeyValue<'_> {
    async fn increment(&mut self, bucket: Resource<Bucket>, key: String, delta: i64) -> Answer<i64> {
        self.tally.write();
        let Bucket { backend, label } = self.table.get(&bucket)?;
        Ok(other(
            self.tally,
            match &**backend {
                Backend::Sqlite(database) => database.increment(label, &key, delta),
                Backend::Redis(server) => server.increment(&key, delta).await,
            },
        ))
    }

    async fn swap(
        &mut self,
        cas: Resource<Cas>,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), atomics::CasError>> {
        self.tally.write();
        let Cas { backend, label, key, state } = self.table.delete(cas)?;
        let swapped = match (&*backend, state) {
            (Backend::Sqlite(database), CasState::Sqlite(seen)) => {
                database.swap(&label, &key, seen.as_deref(), &value)
            }
            (Backend::Redis(_), CasState::Redis(watch)) => watch.swap(&key, &value).await,
            _ => Err(SwapError::Store("the handle belongs to another store".to_owned())),
        };
        Ok(match swapped {
            Ok(()) => Ok(()),
            Err(SwapError::Store(error)) => {
                self.tally.fail();
                Err(atomics::CasError::StoreError(Error::Other(error)))
            }
            Err(SwapError::Lost) => {
                // As in Spin, the handle to try again with has already looked at the value.
                self.tally.read();
                let again = async {
                    let mut again = begin(backend, label, key).await?;
                    current(&mut again).await.map_err(Error::Other)?;
                    Ok(again)
                };
                match again.await {
                    Ok(again) => Err(atomics::CasError::CasFailed(self.table.push(again)?)),
                    Err(error) => {
                        self.tally.fail();
                        Err(atomics::CasError::StoreError(error))
                    }
                }
            }
        })
    }
}

async fn begin(backend: Arc<Backend>, label: Arc<str>, key: String) -> Result<Cas, Error> {
    let state = match &*backend {
        Backend::Sqlite(_) => CasState::Sqlite(None),
        Backend::Redis(server) => CasState::Redis(server.watch().await.map_err(Error::Other)?),
    };
    Ok(Cas { backend, label, key, state })
}

async fn current(cas: &mut Cas) -> Result<Option<Vec<u8>>, String> {
    let value = match (&*cas.backend, &mut cas.state) {
        (Backend::Sqlite(database), CasState::Sqlite(seen)) => {
            *seen = database.get(&cas.label, &cas.key)?;
            seen.clone()
        }
        (Backend::Redis(_), CasState::Redis(watch)) => watch.current(&cas.key).await?,
        _ => return Err("the handle belongs to another store".to_owned()),
    };
    let length = value.as_ref().map_or(0, Vec::len);
    within_limit(value, length)
}
