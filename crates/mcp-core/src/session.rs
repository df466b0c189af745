//! Sessions of the legacy era: what a client agreed on in its handshake, and what has come in for it since.
//!
//! A session selects state and authenticates nobody. Whoever names one has shown a token first, and finds sessions
//! of the same user's and the same client's only; to all others the name means nothing. A session ends with the grant
//! that it began under, and goes on under another: a client that asks its user for more scope comes back with a token of
//! a new grant, and knows no way but to go on. A grant has at most eight: the one that was not used for longest gives way.
//!
//! Instances share nothing but the store, so whatever one of them has to tell another goes through the session's
//! inbox ([`Inbox`]): an answer to a question, a cancellation, and on the older transport every message.

mod inbox;

pub(crate) use inbox::{Answered, Inbox};

use crate::{
    McpServer, connection,
    connection::{Entry, Root, Unavailable, free_slot},
    ports::{Access, ClientCapabilities, ClientInfo, LogLevel, Outside},
    revision::Revision,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use store_core::{Change, Connection, Keyring, Random, RecordError, Slot, TransitionError};

/// How long a session that is not used lasts, in seconds.
const IDLE_SECONDS: u64 = 24 * 60 * 60;

/// How far behind the truth the record of a session's last use may be, in seconds. A write each time would make
/// every request one.
const USE_GRAIN_SECONDS: u64 = 10 * 60;

/// How long whoever holds an `/sse` stream may go without saying that it still does, in seconds.
pub(crate) const LEASE_SECONDS: u64 = 45;

/// The most streams of a session that are kept.
pub(crate) const STREAMS: u8 = Slot::Stream.count() / Slot::Session.count();

/// The most streams of a session that nothing but changes comes on. One more ends the oldest (SS-08).
const MAX_LISTENERS: usize = 4;

/// The most subscriptions of a session, and their bytes altogether.
const MAX_SUBSCRIPTIONS: usize = 64;
const MAX_SUBSCRIPTION_BYTES: usize = 16 * 1024;

/// The record of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Its name: the number of its slot, 128 bits that nobody can guess, and the connection that it lies in.
    pub(crate) id: String,
    /// Whose it is: user and client. Without, it is of no grant but the one that it began under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    /// What was agreed on.
    #[serde(serialize_with = "write_revision", deserialize_with = "read_revision")]
    pub(crate) revision: Revision,
    /// What the client says of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_info: Option<ClientInfo>,
    /// What it can be asked for.
    pub(crate) capabilities: ClientCapabilities,
    /// The least severe log message that it wants to have. `None`: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) log_level: Option<LogLevel>,
    /// The resources whose changes it wants to be told of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) subscriptions: Vec<String>,
    /// The streams that are kept, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) streams: Vec<StreamEntry>,
    /// The open streams for what belongs to no request. The last one carries it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) listeners: Vec<String>,
    /// When it was used, in seconds since the Unix epoch.
    pub(crate) used_at: u64,
    /// On the older transport: until when somebody holds the stream for sure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held_until: Option<u64>,
}

/// A stream that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StreamEntry {
    /// Its name.
    pub(crate) id: String,
    /// Which of the session's [`STREAMS`] slots it has.
    pub(crate) slot: u8,
}

/// A session that was found, and where.
#[derive(Debug, Clone)]
pub(crate) struct OpenSession {
    pub(crate) session: Session,
    pub(crate) keys: Keyring,
    pub(crate) connection: Connection,
    slot: u8,
}

/// What a client says in its handshake.
#[derive(Debug)]
pub(crate) struct Handshake {
    pub(crate) revision: Revision,
    pub(crate) client_info: Option<ClientInfo>,
    pub(crate) capabilities: ClientCapabilities,
    /// Over the older transport.
    pub(crate) is_held: bool,
}

/// Why a session is not changed: it is no longer there.
#[derive(Debug)]
pub(crate) enum Lost {
    /// It was ended, or gave way.
    Ended,
    /// It could not be had.
    Unavailable(Unavailable),
}

impl From<TransitionError<()>> for Lost {
    fn from(error: TransitionError<()>) -> Self {
        match error {
            TransitionError::NotFound
            | TransitionError::Refused(())
            | TransitionError::Record(RecordError::Retired) => Self::Ended,
            TransitionError::Record(error) => Self::Unavailable(error.into()),
        }
    }
}

impl OpenSession {
    fn session_key(&self) -> String {
        self.connection.slot(Slot::Session, self.slot)
    }

    pub(crate) fn inbox_key(&self) -> String {
        self.connection.slot(Slot::Inbox, self.slot)
    }

    /// The key of one of its streams.
    pub(crate) fn stream_key(&self, slot: u8) -> String {
        self.connection.slot(Slot::Stream, self.slot * STREAMS + slot)
    }
}

impl<O: Outside> McpServer<O> {
    /// Begins a session. `None` when there are no keys yet: then nothing can be kept.
    pub(crate) async fn begin_session(
        &self,
        access: &Access,
        handshake: Handshake,
    ) -> Result<Option<OpenSession>, Unavailable> {
        let Some(keys) = self.keys().await? else { return Ok(None) };
        let connection = connection::of(access);
        let secret = self.outside.random().bytes::<16>().map(|byte| format!("{byte:02x}")).concat();
        let now = self.unix_now();
        let least_used = self.least_used_session(&keys, &connection, now).await?;
        let id = |slot| format!("{slot}{secret}-{}", connection.id());
        let slot = self
            .change_root(&keys, &connection, |root| {
                let mut root = root.clone();
                let slot = make_room(&mut root, least_used.as_deref(), now);
                let expires_at = now.saturating_add(MAX_SECONDS);
                root.sessions.push(Entry { id: id(slot), slot, expires_at });
                Change::Write(root, slot)
            })
            .await?;
        let Handshake { revision, client_info, capabilities, is_held } = handshake;
        let session = Session {
            id: id(slot),
            owner: Some(connection::owner(access)),
            revision,
            client_info,
            capabilities: capabilities.in_revision(revision),
            log_level: None,
            subscriptions: Vec::new(),
            streams: Vec::new(),
            listeners: Vec::new(),
            used_at: now,
            held_until: is_held.then(|| now.saturating_add(LEASE_SECONDS)),
        };
        let open = OpenSession { session, keys, connection, slot };
        let inbox = Inbox { session: open.session.id.clone(), ..Inbox::default() };
        self.replace(&open.keys, &open.inbox_key(), &inbox).await?;
        self.replace(&open.keys, &open.session_key(), &open.session).await?;
        Ok(Some(open))
    }

    /// When the sessions are full: the one that was not used for longest.
    async fn least_used_session(
        &self,
        keys: &Keyring,
        connection: &Connection,
        now: u64,
    ) -> Result<Option<String>, Unavailable> {
        let records = self.records(keys);
        let root = match records.find::<Root>(connection.root()).await {
            Ok(root) => root.unwrap_or_default(),
            Err(RecordError::Retired) => Root::default(),
            Err(error) => return Err(error.into()),
        };
        if root.sessions.len() < usize::from(Slot::Session.count()) {
            return Ok(None);
        }
        let mut least: Option<(u64, String)> = None;
        for entry in root.sessions {
            let found = records.find::<Session>(&connection.slot(Slot::Session, entry.slot)).await;
            // What cannot be read, or is not there, is of no use.
            let used_at = match found {
                Ok(Some(session)) if session.id == entry.id && session.is_alive(now) => session.used_at,
                Err(RecordError::Store(error)) => return Err(RecordError::Store(error).into()),
                _ => 0,
            };
            if least.as_ref().is_none_or(|(at, _)| used_at < *at) {
                least = Some((used_at, entry.id));
            }
        }
        Ok(least.map(|(_, id)| id))
    }

    /// Finds a session of the caller's.
    pub(crate) async fn find_session(
        &self,
        access: &Access,
        id: &str,
    ) -> Result<Option<OpenSession>, Unavailable> {
        let own = connection::of(access);
        let Some((slot, connection)) = place_of(id) else { return Ok(None) };
        let connection = connection.unwrap_or_else(|| own.clone());
        let Some(keys) = self.keys().await? else { return Ok(None) };
        let found = self.records(&keys).find::<Session>(&connection.slot(Slot::Session, slot)).await;
        let session = match found {
            Err(RecordError::Retired) => None,
            found => found?,
        };
        let now = self.unix_now();
        let is_callers = |session: &Session| {
            connection == own
                || session.owner.as_ref().is_some_and(|owner| *owner == connection::owner(access))
        };
        let is_found = |session: &Session| session.id == id && is_callers(session) && session.is_alive(now);
        let Some(session) = session.filter(is_found) else {
            return Ok(None);
        };
        let mut open = OpenSession { session, keys, connection, slot };
        if now.saturating_sub(open.session.used_at) >= USE_GRAIN_SECONDS {
            let used = self.change_session(&open, |session| session.used_at = now).await;
            match used {
                Ok(session) => open.session = session,
                Err(Lost::Ended) => return Ok(None),
                Err(Lost::Unavailable(error)) => return Err(error),
            }
        }
        Ok(Some(open))
    }

    /// Changes the record of a session and returns it as it is then.
    pub(crate) async fn change_session(
        &self,
        open: &OpenSession,
        mut change: impl FnMut(&mut Session),
    ) -> Result<Session, Lost> {
        let (records, key) = (self.records(&open.keys), open.session_key());
        let changed = records.transition(&key, |session: &Session| {
            if session.id != open.session.id {
                return Err(());
            }
            let mut changed = session.clone();
            change(&mut changed);
            Ok(if changed == *session {
                Change::Keep(changed)
            } else {
                Change::Write(changed.clone(), changed)
            })
        });
        Ok(changed.await?)
    }

    /// Ends a session: from the first step on, it is not found any more.
    pub(crate) async fn end_session(&self, open: &OpenSession) -> Result<(), Unavailable> {
        let records = self.records(&open.keys);
        records.delete(&open.session_key()).await?;
        records.delete(&open.inbox_key()).await?;
        for slot in 0..STREAMS {
            records.delete(&open.stream_key(slot)).await?;
        }
        let removed = records.transition(open.connection.root(), |root: &Root| {
            let mut root = root.clone();
            root.sessions.retain(|entry| entry.id != open.session.id);
            Ok(Change::Write(root, ()))
        });
        match removed.await.map_err(Lost::from) {
            Ok(()) | Err(Lost::Ended) => Ok(()),
            Err(Lost::Unavailable(error)) => Err(error),
        }
    }

    /// Changes what has come in for a session.
    pub(crate) async fn change_inbox<T>(
        &self,
        open: &OpenSession,
        mut decide: impl FnMut(&mut Inbox) -> T,
    ) -> Result<T, Lost> {
        let (records, key) = (self.records(&open.keys), open.inbox_key());
        let changed = records.transition(&key, |inbox: &Inbox| {
            if inbox.session != open.session.id {
                return Err(());
            }
            let mut changed = inbox.clone();
            let result = decide(&mut changed);
            Ok(if changed == *inbox { Change::Keep(result) } else { Change::Write(changed, result) })
        });
        Ok(changed.await?)
    }

    /// Looks at what has come in for a session.
    pub(crate) async fn inbox(&self, open: &OpenSession) -> Result<Inbox, Lost> {
        let found = self.records(&open.keys).find::<Inbox>(&open.inbox_key()).await;
        match found {
            Ok(Some(inbox)) if inbox.session == open.session.id => Ok(inbox),
            Ok(_) | Err(RecordError::Retired) => Err(Lost::Ended),
            Err(error) => Err(Lost::Unavailable(error.into())),
        }
    }

    /// Puts a record into a slot, whatever was there.
    pub(crate) async fn replace<T: Serialize + DeserializeOwned + Clone>(
        &self,
        keys: &Keyring,
        key: &str,
        record: &T,
    ) -> Result<(), RecordError> {
        let records = self.records(keys);
        // Where there is something, it is swapped: one backend must not be put over what it swaps.
        match records.transition(key, |_: &T| Ok(Change::Write(record.clone(), ()))).await {
            Ok(()) => Ok(()),
            Err(
                TransitionError::NotFound
                | TransitionError::Refused(())
                | TransitionError::Record(RecordError::Retired | RecordError::Unreadable),
            ) => records.create(key, record).await,
            Err(TransitionError::Record(error)) => Err(error),
        }
    }
}

/// After which a session can be cleared away, however much it is used. No grant lives longer.
const MAX_SECONDS: u64 = 60 * 24 * 60 * 60;

/// Frees a slot for one more session, and returns its number.
fn make_room(root: &mut Root, least_used: Option<&str>, now: u64) -> u8 {
    root.sessions.retain(|entry| entry.expires_at > now);
    loop {
        if let Some(slot) = free_slot(&root.sessions, Slot::Session.count()) {
            return slot;
        }
        let victim = root.sessions.iter().position(|entry| Some(entry.id.as_str()) == least_used);
        root.sessions.remove(victim.unwrap_or(0));
    }
}

/// The slot that a session's name begins with, and the connection that it ends with, if it does. `None` when it is no
/// name of ours.
fn place_of(id: &str) -> Option<(u8, Option<Connection>)> {
    let (slot, rest) = id.split_at_checked(1)?;
    let (secret, connection) = match rest.split_once('-') {
        Some((secret, connection)) => (secret, Some(Connection::parse(connection)?)),
        None => (rest, None),
    };
    let is_secret =
        secret.len() == 32 && secret.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let slot = slot.parse().ok().filter(|slot| is_secret && *slot < Slot::Session.count())?;
    Some((slot, connection))
}

impl Session {
    fn is_alive(&self, now: u64) -> bool {
        now < self.used_at.saturating_add(IDLE_SECONDS) && self.held_until.is_none_or(|until| now < until)
    }

    /// Takes over what was agreed on.
    pub(crate) fn agree(&mut self, handshake: &Handshake) {
        self.revision = handshake.revision;
        self.client_info.clone_from(&handshake.client_info);
        self.capabilities = handshake.capabilities.in_revision(handshake.revision);
    }

    /// Adds a stream for what belongs to no request.
    pub(crate) fn listen(&mut self, id: &str) {
        let excess = (self.listeners.len() + 1).saturating_sub(MAX_LISTENERS);
        self.listeners.drain(..excess);
        self.listeners.push(id.to_owned());
    }

    /// Gives a stream a slot. The stream that has had one for longest gives way.
    pub(crate) fn keep_stream(&mut self, id: &str) -> u8 {
        let is_free = |slot: &u8| self.streams.iter().all(|stream| stream.slot != *slot);
        let slot = match (0..STREAMS).find(is_free) {
            Some(slot) => slot,
            None => self.streams.remove(0).slot,
        };
        self.streams.push(StreamEntry { id: id.to_owned(), slot });
        slot
    }

    /// Adds a subscription. `Err` when there are too many.
    pub(crate) fn subscribe(&mut self, uri: &str) -> Result<(), TooManySubscriptions> {
        if self.subscriptions.iter().any(|known| known == uri) {
            return Ok(());
        }
        let bytes: usize = self.subscriptions.iter().map(String::len).sum();
        if self.subscriptions.len() >= MAX_SUBSCRIPTIONS || bytes + uri.len() > MAX_SUBSCRIPTION_BYTES {
            return Err(TooManySubscriptions);
        }
        self.subscriptions.push(uri.to_owned());
        Ok(())
    }
}

/// A session has as many subscriptions as one may have.
#[derive(Debug)]
pub(crate) struct TooManySubscriptions;

fn write_revision<S: Serializer>(revision: &Revision, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(revision.as_str())
}

fn read_revision<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Revision, D::Error> {
    let text = String::deserialize(deserializer)?;
    Revision::parse(&text).ok_or_else(|| serde::de::Error::custom("no revision of ours"))
}

#[cfg(test)]
mod tests;
