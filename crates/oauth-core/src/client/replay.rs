//! Client assertions that were used: each is good once (RFC 7523 section 3, rule 7).
//!
//! Used assertions are in lists of a fixed length. Which list an assertion is in, and what it is called there,
//! follows from a MAC, so that no client can aim at a list. Only an assertion whose signature is good, in a
//! request that is good otherwise, gets there.
//!
//! What strangers can fill holds up no other client:
//!
//! * **Configured clients have lists of their own** ([`Room::Own`]), 256 for each. A full one refuses the
//!   client's next assertion for a while rather than forget one.
//! * **All other clients share 256 lists** ([`Room::Shared`]), which never refuse. In a full one, the client that
//!   has the most there gives way with its oldest. So the newest assertion of a client that floods the lists
//!   evicts the same client's oldest, and no other client's.
//!
//! Using an assertion is one compare-and-swap on its list, so that of two hosts one uses it.

use serde::{Deserialize, Serialize};
use store_core::{Change, KeyId, Purpose, Random, RecordError, Records, Store, TransitionError, seal};

/// The most assertions in a list, so that it fits a record.
const MAX_ENTRIES: usize = 256;

/// How many characters of an entry's name tell the client. The rest tells the assertion.
const CLIENT_CHARACTERS: usize = 8;

/// Where a client's used assertions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// In lists of the client's own.
    Own,
    /// In lists that all clients share that the operator did not configure.
    Shared,
}

/// Assertions that were used, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UsedAssertions {
    /// Names, each with when it need not be remembered any more.
    used: Vec<(String, u64)>,
}

impl UsedAssertions {
    fn contains(&self, name: &str, now: u64) -> bool {
        self.used.iter().any(|(known, until)| known == name && now < *until)
    }

    /// The list with one more entry. `None` when it is full and forgets nothing.
    fn with(&self, name: &str, until: u64, room: Room, now: u64) -> Option<Self> {
        let mut used = self.used.clone();
        used.retain(|(_, until)| now < *until);
        if used.len() >= MAX_ENTRIES {
            if room == Room::Own {
                return None;
            }
            used.remove(evicted(&used, client_of(name)));
        }
        used.push((name.to_owned(), until));
        Some(Self { used })
    }
}

/// The index of the entry that makes room for the client's next one: the oldest of the client that has the most. Of
/// several that have as many, it is the client itself, and otherwise the one whose entry is the oldest.
fn evicted(used: &[(String, u64)], client: &str) -> usize {
    let count = |of: &str| used.iter().filter(|(name, _)| client_of(name) == of).count();
    let rank = |(index, (name, _)): &(usize, &(String, u64))| {
        let of = client_of(name);
        (count(of), of == client, std::cmp::Reverse(*index))
    };
    used.iter().enumerate().max_by_key(rank).map_or(0, |(index, _)| index)
}

fn client_of(name: &str) -> &str {
    name.get(..CLIENT_CHARACTERS).unwrap_or(name)
}

/// Where an assertion is remembered.
struct Place {
    key: String,
    claim_key: String,
    name: String,
}

/// Uses an assertion. False if it was used before.
pub(super) async fn use_once<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    room: Room,
    client_id: &str,
    token_id: &str,
    until: u64,
    now: u64,
) -> Result<bool, RecordError> {
    // What was used before the deployment secret was rotated is in the list that the older one named.
    for key_id in records.keys.older_ids() {
        let Place { key, name, .. } = place(records, key_id, room, client_id, token_id);
        match records.find::<UsedAssertions>(&key).await {
            Ok(Some(list)) if list.contains(&name, now) => return Ok(false),
            Ok(_) | Err(RecordError::Retired) => {}
            Err(error) => return Err(error),
        }
    }
    let Place { key, claim_key, name } = place(records, records.keys.newest_id(), room, client_id, token_id);
    let decide = |list: &UsedAssertions| {
        if list.contains(&name, now) {
            return Ok(Change::Keep(false));
        }
        list.with(&name, until, room, now).map(|list| Change::Write(list, true)).ok_or(())
    };
    match records.transition_or_begin(&key, &claim_key, decide).await {
        Ok(is_new) => Ok(is_new),
        // Full, or being made by another request at this moment.
        Err(TransitionError::Refused(()) | TransitionError::NotFound) => Err(RecordError::Contended),
        Err(TransitionError::Record(error)) => Err(error),
    }
}

fn place<S, R>(
    records: &Records<'_, S, R>,
    key_id: KeyId,
    room: Room,
    client_id: &str,
    token_id: &str,
) -> Place {
    let mac = |message: &[u8]| {
        records.keys.authenticate(key_id, Purpose::ClientAssertion, message).unwrap_or_default()
    };
    let client = mac(&[b"client\0", client_id.as_bytes()].concat());
    let length = (client_id.len() as u64).to_be_bytes();
    let assertion = mac(&[b"assertion\0", &length[..], client_id.as_bytes(), token_id.as_bytes()].concat());
    let [list, ..] = assertion;
    let list = match room {
        Room::Shared => format!("{list:02x}"),
        Room::Own => format!("{}:{list:02x}", hex(client.get(16..24).unwrap_or_default())),
    };
    // Six bytes are eight characters, and twelve are sixteen.
    let part = |mac: &[u8; 32], length| seal::to_text(mac.get(1..=length).unwrap_or_default());
    Place {
        key: format!("postern:j:{list}"),
        claim_key: format!("postern:j-claim:{list}"),
        name: part(&client, 6) + &part(&assertion, 12),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
