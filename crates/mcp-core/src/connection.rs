//! The root of what is kept for a connected client (see [`store_core::connection`]): which sessions and tasks
//! it has, and in which slots they lie.
//!
//! All of it ends with the grant. The authorization server deletes it then, by its keys.

use crate::{
    McpServer,
    ports::{Access, LogEvent, Outside},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use store_core::{Change, Connection, DeploymentError, Keyring, RecordError, Records, TransitionError};

/// How long whoever has made a root waits before they rely on it. Stores have no create-if-absent: another
/// request may have found no root either, and be about to put its own in place. None takes longer than this
/// between the two; and a client waits once, at the first session or task of its life.
const SETTLING: Duration = Duration::from_millis(50);

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

    /// Changes the root of a connection. If there is none, it is made first.
    pub(crate) async fn change_root<T>(
        &self,
        keys: &Keyring,
        connection: &Connection,
        mut decide: impl FnMut(&Root) -> Change<Root, T>,
    ) -> Result<T, RecordError> {
        let records = self.records(keys);
        for _ in 0..2 {
            let changed = records.transition(connection.root(), |root: &Root| Ok(decide(root)));
            match changed.await {
                Ok(result) => return Ok(result),
                // What was sealed with a secret that is no longer here is as good as gone.
                Err(TransitionError::NotFound | TransitionError::Record(RecordError::Retired)) => {
                    records.create(connection.root(), &Root::default()).await?;
                    self.outside.sleep(SETTLING).await;
                }
                Err(TransitionError::Refused(())) => break,
                Err(TransitionError::Record(error)) => return Err(error),
            }
        }
        Err(RecordError::Contended)
    }

    /// Tells the operator why something kept could not be had.
    pub(crate) fn log_unavailable(&self, error: &Unavailable) {
        match error {
            Unavailable::Record(error) => self.outside.log(LogEvent::StoreFailed(error)),
            Unavailable::Keys(error) => self.outside.log(LogEvent::NoKeys(error)),
        }
    }
}

/// The first number below `count` that none of the entries has.
pub(crate) fn free_slot(entries: &[Entry], count: u8) -> Option<u8> {
    (0..count).find(|number| entries.iter().all(|entry| entry.slot != *number))
}
