//! The records that the MCP server keeps for a connected client, and their keys.
//!
//! The MCP server keeps sessions, the events of their streams, and tasks. All of them belong to the grant that the
//! client's access token was issued under, and end with it. The authorization server ends the grant; it knows none
//! of these records, but their keys all follow from one:
//!
//! | key | record |
//! |---|---|
//! | `postern:s:<id>` | the root, written before any other record of the connection and deleted last: without a root there is no record |
//! | `postern:s:<id>:c` | a counter that decides which request writes the root |
//! | `postern:s:<id>:<kind><n>` | the slots, a fixed number of each [kind](Slot) |
//!
//! `<id>` is the grant's id, or a digest of user and client where tokens are issued under no grant.

use crate::{Store, StoreError};
use sha2::{Digest, Sha256};

/// The longest value of a slot, in bytes. A slot holds what a client is sent or sends in one message, and every
/// backend takes this much. The root and all other records are far smaller.
pub const MAX_SLOT_BYTES: usize = 256 * 1024;

/// The longest id of a grant.
const MAX_GRANT_ID: usize = 64;

const PREFIX: &str = "postern:s:";

/// The kinds of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// A session.
    Session,
    /// The messages that have come in for a session, for the instance that works for it.
    Inbox,
    /// The events of a session's stream, for a client that resumes it.
    Stream,
    /// A task.
    Task,
}

impl Slot {
    /// All kinds.
    const ALL: [Self; 4] = [Self::Session, Self::Inbox, Self::Stream, Self::Task];

    /// The number of slots of this kind.
    pub const fn count(self) -> u16 {
        match self {
            Self::Session | Self::Inbox => 64,
            Self::Task => 16,
            // Four for each session.
            Self::Stream => 256,
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::Session => 's',
            Self::Inbox => 'm',
            Self::Stream => 'e',
            Self::Task => 't',
        }
    }
}

/// A connected client, as the keys of its records name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection(String);

impl Connection {
    /// The connection of a token. `grant_id` is the grant that it was issued under, if there is one.
    pub fn of(grant_id: Option<&str>, subject: &str, client_id: &str) -> Self {
        match grant_id {
            Some(id) if is_plain(id) => Self(format!("{PREFIX}{id}")),
            // An id with other characters is replaced by its digest.
            Some(id) => Self(format!("{PREFIX}{}", digest(&["grant", id]))),
            None => Self(format!("{PREFIX}{}", digest(&["client", subject, client_id]))),
        }
    }

    /// The connection with this [`id`](Self::id). `None` if no connection has such an id.
    pub fn parse(id: &str) -> Option<Self> {
        is_plain(id).then(|| Self(format!("{PREFIX}{id}")))
    }

    /// The connection's id: up to 64 characters of `a-z 0-9`. It is no secret.
    pub fn id(&self) -> &str {
        self.0.strip_prefix(PREFIX).unwrap_or_default()
    }

    /// The key of the root.
    pub fn root(&self) -> &str {
        &self.0
    }

    /// The key of the counter by which one request is chosen to write the root (see
    /// [`Records::transition_or_begin`](crate::Records::transition_or_begin)).
    pub fn root_claim(&self) -> String {
        format!("{}:c", self.0)
    }

    /// The key of a slot.
    pub fn slot(&self, slot: Slot, number: u16) -> String {
        format!("{}:{}{}", self.0, slot.letter(), number)
    }

    /// Deletes all records of the connection: the slots in one operation, then the root. Costs one read if there
    /// is no root.
    pub async fn forget(&self, store: &impl Store) -> Result<(), StoreError> {
        if store.get(&self.0).await?.is_none() {
            return Ok(());
        }
        let slots =
            Slot::ALL.into_iter().flat_map(|slot| (0..slot.count()).map(move |number| (slot, number)));
        let mut keys: Vec<String> = slots.map(|(slot, number)| self.slot(slot, number)).collect();
        keys.push(self.root_claim());
        store.delete_many(&keys).await?;
        // Last, and by itself: a store that fails in the middle of the others leaves the root to try again by.
        store.delete(&self.0).await
    }
}

/// Whether a key is a slot's.
pub(crate) fn is_slot(key: &str) -> bool {
    key.strip_prefix(PREFIX).is_some_and(|rest| rest.contains(':'))
}

fn is_plain(id: &str) -> bool {
    (1..=MAX_GRANT_ID).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
}

/// In hexadecimal. Each part goes in with its length, so that no two lists of parts are the same bytes.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new_with_prefix(b"postern connection v1\0");
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MemoryStore, block_on};

    /// D10: no character that an identity provider chose gets into a key as it is.
    #[test]
    fn keys_are_in_a_small_alphabet() {
        let connections = [
            Connection::of(Some("0123abcd"), "u", "c"),
            Connection::of(Some("'; drop/\0"), "u", "c"),
            Connection::of(Some(&"a".repeat(65)), "u", "c"),
            Connection::of(Some(""), "u", "c"),
            Connection::of(None, "Ünï", "https://client.example/"),
        ];
        for connection in &connections {
            let key = connection.slot(Slot::Stream, Slot::Stream.count() - 1);
            let is_good = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b':');
            assert!(key.len() <= 96 && key.bytes().all(is_good), "{key}");
            assert!(is_slot(&key) && !is_slot(connection.root()), "{key}");
            assert_eq!(Connection::parse(connection.id()).as_ref(), Some(connection));
        }
        assert_eq!(connections[0].root(), "postern:s:0123abcd");
        for id in ["", "a:s0", "A", "../a", "é", &"a".repeat(65)] {
            assert_eq!(Connection::parse(id), None, "{id}");
        }
    }

    #[test]
    fn connections_without_a_grant_are_told_apart() {
        let of = |subject, client| Connection::of(None, subject, client);
        assert_eq!(of("a", "bc"), of("a", "bc"));
        assert_ne!(of("a", "bc"), of("ab", "c"));
        assert_ne!(of("a", "b"), of("b", "a"));
    }

    /// S18: hundreds of slots cost as many operations as one.
    #[test]
    fn forgetting_costs_one_batch() {
        let (store, connection) = (MemoryStore::default(), Connection::of(Some("a"), "", ""));
        block_on(store.put(connection.root(), b"x")).unwrap();
        store.take_operations();
        block_on(connection.forget(&store)).unwrap();
        let operations = store.take_operations();
        assert_eq!((operations.reads, operations.writes), (1, 2), "the slots, and the root");
        assert!(store.is_empty());
    }

    /// A store that fails between the slots and the root leaves the root, by which the rest is found again.
    #[test]
    fn forgetting_can_be_tried_again() {
        let (store, connection) = (MemoryStore::default(), Connection::of(Some("a"), "", ""));
        block_on(store.put(connection.root(), b"x")).unwrap();
        for operations in 1..3 {
            store.fail_after(operations, crate::testing::Fault::Error);
            block_on(connection.forget(&store)).unwrap_err();
            store.heal();
            assert!(store.snapshot().contains_key(connection.root()), "{operations}");
        }
        block_on(connection.forget(&store)).unwrap();
        assert!(store.is_empty());
    }

    #[test]
    fn nothing_is_left_of_a_connection_that_is_forgotten() {
        let (store, other) = (MemoryStore::default(), Connection::of(Some("b"), "", ""));
        let connection = Connection::of(Some("a"), "", "");
        block_on(async {
            for slot in Slot::ALL {
                store.put(&connection.slot(slot, 0), b"x").await.unwrap();
                store.put(&connection.slot(slot, slot.count() - 1), b"x").await.unwrap();
            }
            store.put(connection.root(), b"x").await.unwrap();
            store.increment(&connection.root_claim()).await.unwrap();
            store.put(other.root(), b"x").await.unwrap();
            connection.forget(&store).await.unwrap();
        });
        assert_eq!(store.snapshot().into_keys().collect::<Vec<_>>(), [other.root()]);
    }

    #[test]
    fn forgetting_nothing_costs_one_read() {
        let store = MemoryStore::default();
        block_on(Connection::of(Some("a"), "", "").forget(&store)).unwrap();
        assert_eq!((store.take_operations().reads, store.take_operations().writes), (1, 0));
    }
}
