//! How a session begins: it gets a slot, in the place of an unused one if there is no other.
//!
//! The root says which slots are taken. It is written anew when the request that was chosen to write it does not come
//! to do so, and then knows of no session that began meanwhile; so a slot's own record counts more than the root.

use super::{Handshake, Inbox, LEASE_SECONDS, OpenSession, SECRET_LENGTH, Session};
use crate::{
    McpServer, connection,
    connection::{Entry, Root, Unavailable, free_slot},
    ports::{Access, LogEvent, Outside},
};
use store_core::{Change, Connection, Keyring, Random, RecordError, Slot, TransitionError};

/// After which a session can be cleared away, however much it is used. No grant lives longer.
const MAX_SECONDS: u64 = 60 * 24 * 60 * 60;

/// How long a session counts as in use after the last recorded use, in seconds. That record may be half a minute
/// behind, so a session is in use for at least a minute after its last request.
const IN_USE_SECONDS: u64 = 90;

/// How often a slot is looked for, while other requests take it first.
const MAX_ATTEMPTS: u32 = 5;

/// A session that began, if it could.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It began.
    Open(Box<OpenSession>),
    /// There are no keys yet, so nothing can be kept.
    NoKeys,
    /// As many sessions as the connection may have are in use.
    Full,
}

/// Whether a slot was taken.
enum Taken {
    Ours,
    /// It is another session's, which the root does not know of.
    Unlisted(String),
}

impl Session {
    /// Whether it has an open stream, a running call, or has had a request within the last minute. Streams and calls
    /// record their use of it all the time.
    pub(super) fn is_in_use(&self, now: u64) -> bool {
        self.is_alive(now) && !self.is_new && now.saturating_sub(self.used_at) < IN_USE_SECONDS
    }

    /// In which order sessions give way: ended ones, then unused ones, then those that no request has named since the
    /// handshake. `None` when it does not give way.
    fn rank(&self, now: u64) -> Option<(u8, u64)> {
        match self {
            ended if !ended.is_alive(now) => Some(ENDED),
            used if used.is_in_use(now) => None,
            new if new.is_new && now.saturating_sub(new.used_at) < IN_USE_SECONDS => Some((2, new.used_at)),
            unused => Some((1, unused.used_at)),
        }
    }
}

/// The rank of a session that is over.
const ENDED: (u8, u64) = (0, 0);

impl<O: Outside> McpServer<O> {
    /// Begins a session.
    pub(crate) async fn begin_session(
        &self,
        access: &Access,
        handshake: Handshake,
    ) -> Result<Begun, Unavailable> {
        let Some(keys) = self.keys().await? else { return Ok(Begun::NoKeys) };
        let connection = connection::of(access);
        for _ in 0..MAX_ATTEMPTS {
            let secret = self.outside.random().bytes::<{ SECRET_LENGTH / 2 }>();
            let secret = secret.map(|byte| format!("{byte:02x}")).concat();
            let id = |slot: u8| format!("{slot}{secret}-{}", connection.id());
            let Some(slot) = self.take_session_slot(&keys, &connection, id).await? else {
                if self.sessions_giving_way(&keys, &connection).await?.is_none() {
                    self.outside.log(LogEvent::TooManySessions(self.user_limits.sessions_per_connection));
                    return Ok(Begun::Full);
                }
                continue;
            };
            let session = self.new_session(id(slot), access, &handshake);
            let open = OpenSession { session, keys: keys.clone(), connection: connection.clone(), slot };
            match self.write_session(&open).await? {
                Taken::Ours => {
                    let inbox = Inbox { session: open.session.id.clone(), ..Inbox::default() };
                    self.replace(&open.keys, &open.inbox_key(), &inbox).await?;
                    return Ok(Begun::Open(Box::new(open)));
                }
                Taken::Unlisted(other) => self.list_session(&open, other).await?,
            }
        }
        Err(RecordError::Contended.into())
    }

    fn new_session(&self, id: String, access: &Access, handshake: &Handshake) -> Session {
        let now = self.unix_now();
        Session {
            id,
            owner: Some(connection::owner(access)),
            revision: handshake.revision,
            client_info: handshake.client_info.clone(),
            capabilities: handshake.capabilities.in_revision(handshake.revision),
            log_level: None,
            subscriptions: Vec::new(),
            streams: Vec::new(),
            listeners: Vec::new(),
            used_at: now,
            is_new: !handshake.is_held,
            held_until: handshake.is_held.then(|| now.saturating_add(LEASE_SECONDS)),
        }
    }

    /// Takes a slot for a session, which gets its name with it. `None` when there was none.
    async fn take_session_slot(
        &self,
        keys: &Keyring,
        connection: &Connection,
        id: impl Fn(u8) -> String,
    ) -> Result<Option<u8>, Unavailable> {
        let giving_way = self.sessions_giving_way(keys, connection).await?.unwrap_or_default();
        let limit = usize::from(self.user_limits.sessions_per_connection);
        let now = self.unix_now();
        let taken = self.change_root(keys, connection, |root| {
            let mut root = root.clone();
            let Some(slot) = make_room(&mut root, limit, &giving_way, now) else { return Change::Keep(None) };
            root.sessions.push(Entry { id: id(slot), slot, expires_at: now.saturating_add(MAX_SECONDS) });
            Change::Write(root, Some(slot))
        });
        Ok(taken.await?)
    }

    /// The sessions that give way to a new one, the first first. Empty while there is room; `None` when all that there
    /// may be are in use.
    async fn sessions_giving_way(
        &self,
        keys: &Keyring,
        connection: &Connection,
    ) -> Result<Option<Vec<String>>, Unavailable> {
        let records = self.records(keys);
        let root = match records.find::<Root>(connection.root()).await {
            Ok(root) => root.unwrap_or_default(),
            Err(RecordError::Retired) => Root::default(),
            Err(error) => return Err(error.into()),
        };
        let limit = usize::from(self.user_limits.sessions_per_connection);
        let now = self.unix_now();
        let excess =
            (root.sessions.iter().filter(|entry| entry.expires_at > now).count() + 1).saturating_sub(limit);
        if excess == 0 {
            return Ok(Some(Vec::new()));
        }
        let mut ranked = Vec::new();
        for entry in root.sessions {
            let found = records.find::<Session>(&connection.slot(Slot::Session, entry.slot.into())).await;
            let rank = match found {
                Ok(Some(session)) if session.id == entry.id => session.rank(now),
                Err(RecordError::Store(error)) => return Err(RecordError::Store(error).into()),
                // It is gone, or cannot be read.
                _ => Some(ENDED),
            };
            ranked.extend(rank.map(|rank| (rank, entry.id)));
        }
        ranked.sort();
        Ok((ranked.len() >= excess).then(|| ranked.into_iter().map(|(_, id)| id).collect()))
    }

    /// Writes the record of a session into its slot, unless another session is there that the root does not know of.
    async fn write_session(&self, open: &OpenSession) -> Result<Taken, RecordError> {
        let (records, key, now) = (self.records(&open.keys), open.session_key(), self.unix_now());
        let written = records.transition(&key, |there: &Session| {
            if there.is_in_use(now) {
                return Err(there.id.clone());
            }
            Ok(Change::Write(open.session.clone(), ()))
        });
        match written.await {
            Ok(()) => Ok(Taken::Ours),
            Err(TransitionError::Refused(other)) => Ok(Taken::Unlisted(other)),
            Err(
                TransitionError::NotFound
                | TransitionError::Record(RecordError::Retired | RecordError::Unreadable),
            ) => records.create(&key, &open.session).await.map(|()| Taken::Ours),
            Err(TransitionError::Record(error)) => Err(error),
        }
    }

    /// Puts another session into the root, in the place of ours.
    async fn list_session(&self, ours: &OpenSession, other: String) -> Result<(), RecordError> {
        let expires_at = self.unix_now().saturating_add(MAX_SECONDS);
        self.change_root(&ours.keys, &ours.connection, |root| {
            let mut root = root.clone();
            root.sessions.retain(|entry| entry.id != ours.session.id && entry.slot != ours.slot);
            root.sessions.push(Entry { id: other.clone(), slot: ours.slot, expires_at });
            Change::Write(root, ())
        })
        .await
    }
}

/// Frees a slot for one more session, and returns its number. `None` when those that give way are not enough.
fn make_room(root: &mut Root, limit: usize, giving_way: &[String], now: u64) -> Option<u8> {
    root.sessions.retain(|entry| entry.expires_at > now);
    let mut giving_way = giving_way.iter();
    while root.sessions.len() >= limit {
        let next = giving_way.next()?;
        root.sessions.retain(|entry| entry.id != *next);
    }
    free_slot(&root.sessions, Slot::Session.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SS-04: those that give way do so in their order; what is past its time does anyway.
    #[test]
    fn sessions_are_bounded() {
        let mut root = Root::default();
        for number in 0..8 {
            let slot = make_room(&mut root, 8, &[], 0).unwrap();
            root.sessions.push(Entry { id: number.to_string(), slot, expires_at: 100 + u64::from(slot) });
        }
        let giving_way = ["gone", "5", "2"].map(str::to_owned);
        assert_eq!(make_room(&mut root.clone(), 8, &giving_way, 0), Some(5));
        assert_eq!(
            make_room(&mut root.clone(), 7, &giving_way, 0),
            Some(2),
            "both give way to a lower limit"
        );
        assert_eq!(make_room(&mut root.clone(), 6, &giving_way, 0), None);
        assert_eq!(make_room(&mut root.clone(), 8, &[], 0), None, "sessions in use stay");
        assert_eq!(make_room(&mut root, 8, &[], 102), Some(0));
        assert_eq!(root.sessions.len(), 5);
    }
}
