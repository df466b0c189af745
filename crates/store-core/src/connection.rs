//! What is kept for a connected client, and how all of it is found again to be forgotten.
//!
//! The MCP server keeps things for the clients that are connected: sessions, what their streams have sent,
//! tasks. All of it hangs on what the client's access token was issued under, and ends with that. The
//! authorization server, which ends it, knows none of these records; it knows their keys, which all follow
//! from one:
//!
//! | key | kept there |
//! |---|---|
//! | `postern:s:<id>` | the root, written before anything else of the connection and deleted last: without a root there is nothing |
//! | `postern:s:<id>:<kind><n>` | the slots, a fixed number of each [kind](Slot) |
//!
//! `<id>` is the grant's, or a digest of user and client where tokens are issued under no grant.

use crate::{Store, StoreError};
use sha2::{Digest, Sha256};

/// The longest value of a slot, in bytes. What the root and other records hold is far smaller; this is what
/// a client may be sent or may send in one message, if it is to be kept, and what every backend takes.
pub const MAX_SLOT_BYTES: usize = 256 * 1024;

/// The longest id of a grant.
const MAX_GRANT_ID: usize = 64;

const PREFIX: &str = "postern:s:";

/// What is kept in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// A session.
    Session,
    /// What has come in for a session, to be found by whichever instance works for it.
    Inbox,
    /// What a stream of a session has sent, to be sent again.
    Stream,
    /// A task.
    Task,
}

impl Slot {
    /// All of them.
    const ALL: [Self; 4] = [Self::Session, Self::Inbox, Self::Stream, Self::Task];

    /// How many there are of each.
    pub const fn count(self) -> u8 {
        match self {
            Self::Session | Self::Inbox => 8,
            Self::Task => 16,
            // Four for each session.
            Self::Stream => 32,
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

/// A connected client: where what is kept for it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection(String);

impl Connection {
    /// The connection that a token stands for. `grant_id` is what it was issued under, if anything.
    pub fn of(grant_id: Option<&str>, subject: &str, client_id: &str) -> Self {
        match grant_id {
            Some(id) if is_plain(id) => Self(format!("{PREFIX}{id}")),
            // Not of the characters that it was promised to be of: then a digest is.
            Some(id) => Self(format!("{PREFIX}{}", digest(&["grant", id]))),
            None => Self(format!("{PREFIX}{}", digest(&["client", subject, client_id]))),
        }
    }

    /// The connection with this [`id`](Self::id). `None` if it is nobody's.
    pub fn parse(id: &str) -> Option<Self> {
        is_plain(id).then(|| Self(format!("{PREFIX}{id}")))
    }

    /// What tells it from others: up to 64 of `a-z 0-9`. It is no secret.
    pub fn id(&self) -> &str {
        self.0.strip_prefix(PREFIX).unwrap_or_default()
    }

    /// The key of the root.
    pub fn root(&self) -> &str {
        &self.0
    }

    /// The key of a slot.
    pub fn slot(&self, slot: Slot, number: u8) -> String {
        format!("{}:{}{}", self.0, slot.letter(), number)
    }

    /// Deletes everything that is kept for the connection. Costs one read if there is nothing.
    pub async fn forget(&self, store: &impl Store) -> Result<(), StoreError> {
        if store.get(&self.0).await?.is_none() {
            return Ok(());
        }
        for slot in Slot::ALL {
            for number in 0..slot.count() {
                store.delete(&self.slot(slot, number)).await?;
            }
        }
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

    /// D10: whatever an identity provider calls its grants and users, none of it gets into a key as it is.
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
            let key = connection.slot(Slot::Stream, 31);
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
