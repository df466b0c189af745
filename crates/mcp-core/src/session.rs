//! Sessions of the legacy era: what a client agreed on in its handshake, and what has come in for it since.
//!
//! A session selects state and does not authenticate. A request that names one has shown a token first, and finds
//! sessions of the same user and the same client only; to all others the name means nothing. A session ends with the
//! grant that it began under, and goes on under another: a client that asks its user for more scope comes back with a
//! token of a new grant, and knows no way but to go on.
//!
//! A connection has a [limited number](crate::UserLimits) of sessions. When it has them all, a new one takes the
//! place of the one that is unused for longest. A session that is [in use](Session::is_in_use) never gives way.
//!
//! Instances share nothing but the store, so whatever one of them has to tell another goes through the session's
//! inbox ([`Inbox`]): an answer to a question, a cancellation, and on the older transport every message.

mod inbox;
mod room;

pub(crate) use inbox::{Allowed, Answered, Inbox, Posted};
pub(crate) use room::Begun;

use crate::{
    McpServer, connection,
    connection::{Root, Unavailable},
    ports::{Access, ClientCapabilities, ClientInfo, LogLevel, Outside},
    revision::Revision,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use store_core::{Change, Connection, Keyring, RecordError, Slot, Store, TransitionError};

/// How long a session that is not used lasts, in seconds.
pub(crate) const IDLE_SECONDS: u64 = 24 * 60 * 60;

/// How far the record of a session's last use may be behind, in seconds. A write each time would make every request
/// one.
const USE_GRAIN_SECONDS: u64 = 30;

/// How long the instance that holds an `/sse` stream may go without renewing the session's lease, in seconds.
pub(crate) const LEASE_SECONDS: u64 = 45;

/// The most streams of a session that are kept.
pub(crate) const STREAMS: u8 = 4;

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
    /// When it was used, in seconds since the Unix epoch: at most [`USE_GRAIN_SECONDS`] behind.
    pub(crate) used_at: u64,
    /// No request has named it since its handshake.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_new: bool,
    /// On the older transport: until when the lease of the instance that holds the stream lasts.
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
        self.connection.slot(Slot::Session, self.slot.into())
    }

    pub(crate) fn inbox_key(&self) -> String {
        self.connection.slot(Slot::Inbox, self.slot.into())
    }

    /// The key of one of its streams.
    pub(crate) fn stream_key(&self, slot: u8) -> String {
        self.connection.slot(Slot::Stream, u16::from(self.slot) * u16::from(STREAMS) + u16::from(slot))
    }
}

impl<O: Outside> McpServer<O> {
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
        let found = self.records(&keys).find::<Session>(&connection.slot(Slot::Session, slot.into())).await;
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
        if open.session.is_use_due(now) {
            match self.change_session(&open, |session| session.use_now(now)).await {
                Ok(session) => open.session = session,
                Err(Lost::Ended) => return Ok(None),
                // That it is used can be recorded the next time.
                Err(Lost::Unavailable(error)) => self.log_unavailable(&error),
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

    /// Records that a session is in use, if that is due. An open stream and a running call count as use.
    pub(crate) async fn keep_in_use(&self, open: &OpenSession) -> Result<(), Lost> {
        let found = self.records(&open.keys).find::<Session>(&open.session_key()).await;
        let now = self.unix_now();
        match found {
            Ok(Some(session)) if session.id == open.session.id && session.is_use_due(now) => {
                self.change_session(open, |session| session.use_now(now)).await.map(drop)
            }
            Ok(Some(session)) if session.id == open.session.id => Ok(()),
            Ok(_) | Err(RecordError::Retired) => Err(Lost::Ended),
            Err(error) => Err(Lost::Unavailable(error.into())),
        }
    }

    /// Ends a session: from the first step on, it is not found any more.
    pub(crate) async fn end_session(&self, open: &OpenSession) -> Result<(), Unavailable> {
        let records = self.records(&open.keys);
        let mut keys = vec![open.session_key(), open.inbox_key()];
        keys.extend((0..STREAMS).map(|slot| open.stream_key(slot)));
        self.outside.store().delete_many(&keys).await.map_err(RecordError::from)?;
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

/// The slot that a session's name begins with, and the connection that it ends with, if it does. `None` when it is no
/// name of ours.
fn place_of(id: &str) -> Option<(u8, Option<Connection>)> {
    let (place, connection) = match id.split_once('-') {
        Some((place, connection)) => (place, Some(Connection::parse(connection)?)),
        None => (id, None),
    };
    let (slot, secret) = place.split_at_checked(place.len().checked_sub(SECRET_LENGTH)?)?;
    let is_secret = secret.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_number = slot == "0" || (!slot.starts_with('0') && slot.bytes().all(|byte| byte.is_ascii_digit()));
    let slot = slot
        .parse()
        .ok()
        .filter(|slot| is_secret && is_number && u16::from(*slot) < Slot::Session.count())?;
    Some((slot, connection))
}

/// The length of a session's secret, in hexadecimal digits.
const SECRET_LENGTH: usize = 32;

impl Session {
    fn is_alive(&self, now: u64) -> bool {
        now < self.used_at.saturating_add(IDLE_SECONDS) && self.held_until.is_none_or(|until| now < until)
    }

    /// Whether a request has to be recorded as a use of it.
    fn is_use_due(&self, now: u64) -> bool {
        self.is_new || now.saturating_sub(self.used_at) >= USE_GRAIN_SECONDS
    }

    fn use_now(&mut self, now: u64) {
        self.used_at = now;
        self.is_new = false;
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
