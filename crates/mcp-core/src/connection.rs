//! The root of a connected client's records (see [`store_core::connection`]): the sessions and tasks that it has, and
//! the slots that they lie in.
//!
//! All of it ends with the grant. The authorization server deletes it then, by its keys.

use crate::{
    McpServer,
    ports::{Access, LogEvent, Outside},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use store_core::{
    Change, Connection, DeploymentError, Keyring, RecordError, Records, Store, TransitionError,
};

/// How often a request looks for a root that another request is writing, and how long it waits in between. Neither
/// is needed for correctness: which request writes the root is decided by a counter, however slow the store is.
const ROOT_ATTEMPTS: u32 = 10;
const ROOT_PAUSE: Duration = Duration::from_millis(50);

/// The record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Root {
    /// The sessions, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sessions: Vec<Entry>,
    /// The tasks, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tasks: Vec<Entry>,
}

/// Something in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// What it is called.
    pub(crate) id: String,
    /// The number of its slot.
    pub(crate) slot: u8,
    /// When it can be cleared away, in seconds since the Unix epoch.
    pub(crate) expires_at: u64,
}

/// Why what is kept for a client cannot be had. None of the cases says that there is nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unavailable {
    /// The store, or a record in it.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The deployment's keys.
    #[error(transparent)]
    Keys(#[from] DeploymentError),
}

/// The connection that a token stands for.
pub(crate) fn of(access: &Access) -> Connection {
    Connection::of(access.grant_id.as_deref(), &access.subject, &access.client_id)
}

/// Whose what a token stands for is, under whichever grant: the user and the client, as a digest.
pub(crate) fn owner(access: &Access) -> String {
    Connection::of(None, &access.subject, &access.client_id).id().to_owned()
}

impl<O: Outside> McpServer<O> {
    /// The deployment's keys. `None` before a developer's server has any; then nothing is stored.
    pub(crate) async fn keys(&self) -> Result<Option<Keyring>, Unavailable> {
        Ok(self.outside.keys().await?)
    }

    /// The records, with these keys.
    pub(crate) fn records<'a>(&'a self, keys: &'a Keyring) -> Records<'a, O::Store, O::Random> {
        Records { store: self.outside.store(), keys, random: self.outside.random() }
    }

    /// Changes the root of a connection. The first request of the connection writes it: stores have no
    /// create-if-absent, but they count exactly.
    pub(crate) async fn change_root<T>(
        &self,
        keys: &Keyring,
        connection: &Connection,
        mut decide: impl FnMut(&Root) -> Change<Root, T>,
    ) -> Result<T, RecordError> {
        let (records, claim) = (self.records(keys), connection.root_claim());
        for _ in 0..ROOT_ATTEMPTS {
            let decide = |root: &Root| Ok::<_, std::convert::Infallible>(decide(root));
            match records.transition_or_begin(connection.root(), &claim, decide).await {
                Ok(result) => return Ok(result),
                // Another request has been chosen to write the root, and has not done so yet.
                Err(TransitionError::Record(RecordError::Contended))
                    if self.outside.store().get(connection.root()).await?.is_none() =>
                {
                    self.outside.sleep(ROOT_PAUSE).await;
                }
                Err(TransitionError::NotFound) => return Err(RecordError::Contended),
                Err(TransitionError::Refused(never)) => match never {},
                Err(TransitionError::Record(error)) => return Err(error),
            }
        }
        Err(RecordError::Contended)
    }

    /// Logs why a record of a client is unavailable.
    pub(crate) fn log_unavailable(&self, error: &Unavailable) {
        match error {
            Unavailable::Record(error) => self.outside.log(LogEvent::StoreFailed(error)),
            Unavailable::Keys(error) => self.outside.log(LogEvent::NoKeys(error)),
        }
    }
}

/// The first number below `count` that none of the entries has.
pub(crate) fn free_slot(entries: &[Entry], count: u16) -> Option<u8> {
    let count = u8::try_from(count).unwrap_or(u8::MAX);
    (0..count).find(|number| entries.iter().all(|entry| entry.slot != *number))
}
