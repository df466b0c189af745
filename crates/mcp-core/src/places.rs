//! The places of a user: how many streams and long calls of one user there are at the same time.
//!
//! A stream takes a place when it opens, a call when it has run for five seconds: what is short costs nothing. The
//! places of a user are one small record, changed by compare-and-swap. When a user has as many streams as there may
//! be, a new one takes the place of the oldest, which finds its place taken the next time that it looks, and ends. A
//! call is never ended for another: one that finds no place is stopped.
//!
//! An instance may end without giving its places back. So a place is held for a few minutes, and renewed.

use crate::{McpServer, connection::Unavailable, ports::Outside};
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use store_core::{Change, Connection, RecordError, TransitionError};

/// The records of users' places. The key goes on with a digest of the user's name.
const PREFIX: &str = "postern:p:";

/// How long a place is held without being renewed, how often it is renewed, and how often a stream looks whether it
/// still has its place. All in seconds.
const LEASE_SECONDS: u64 = 180;
const RENEW_SECONDS: u64 = 60;
const LOOK_SECONDS: u64 = 5;

/// How long a stream whose place was taken may take to end, in seconds. Meanwhile it still counts.
const ENDING_SECONDS: u64 = 10;

/// What takes a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A stream that carries notifications only, or all of a session.
    Stream,
    /// A call.
    Call,
}

/// Why there is no place.
#[derive(Debug)]
pub(crate) enum NoPlace {
    /// The user has as many as there may be.
    TooMany,
    /// The record is unavailable.
    Unavailable(Unavailable),
}

/// The record of a user's places.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Places {
    /// Oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    streams: Vec<Held>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    calls: Vec<Held>,
    /// Until when the streams end whose places were taken, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ending: Vec<u64>,
}

/// A place that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    id: String,
    /// In seconds since the Unix epoch.
    until: u64,
}

impl Places {
    fn of(&mut self, kind: Kind) -> &mut Vec<Held> {
        match kind {
            Kind::Stream => &mut self.streams,
            Kind::Call => &mut self.calls,
        }
    }

    fn clear(&mut self, now: u64) {
        self.streams.retain(|held| held.until > now);
        self.calls.retain(|held| held.until > now);
        self.ending.retain(|until| *until > now);
    }

    /// Takes a place. `false` when there is none.
    fn take(&mut self, kind: Kind, id: &str, limit: usize, now: u64) -> bool {
        self.clear(now);
        while self.of(kind).len() >= limit {
            if kind == Kind::Call || self.ending.len() >= limit {
                return false;
            }
            self.streams.remove(0);
            self.ending.push(now.saturating_add(ENDING_SECONDS));
        }
        self.of(kind).push(Held { id: id.to_owned(), until: now.saturating_add(LEASE_SECONDS) });
        true
    }
}

/// A place of a user. It is given back when this is dropped.
pub(crate) struct Place<O: Outside> {
    server: Rc<McpServer<O>>,
    key: String,
    id: String,
    kind: Kind,
    looked_at: u64,
    renewed_at: u64,
    is_left: bool,
}

impl<O: Outside> McpServer<O> {
    /// Takes a place for something of a user's. `None` when there are no keys yet, so that nothing can be counted.
    pub(crate) async fn take_place(
        self: &Rc<Self>,
        subject: &str,
        kind: Kind,
    ) -> Result<Option<Place<O>>, NoPlace> {
        let Some(keys) = self.keys().await.map_err(NoPlace::Unavailable)? else { return Ok(None) };
        let user = Connection::of(None, subject, "");
        let key = format!("{PREFIX}{}", user.id());
        let claim = format!("{key}:c");
        let limit = usize::from(match kind {
            Kind::Stream => self.user_limits.streams_per_user,
            Kind::Call => self.user_limits.calls_per_user,
        });
        let (id, now) = (self.fresh_id(), self.unix_now());
        let records = self.records(&keys);
        let taken = records.transition_or_begin(&key, &claim, |places: &Places| {
            let mut places = places.clone();
            if places.take(kind, &id, limit, now) { Ok(Change::Write(places, ())) } else { Err(()) }
        });
        match taken.await {
            Ok(()) => {}
            Err(TransitionError::Refused(())) => return Err(NoPlace::TooMany),
            Err(TransitionError::NotFound) => {
                return Err(NoPlace::Unavailable(RecordError::Contended.into()));
            }
            Err(TransitionError::Record(error)) => return Err(NoPlace::Unavailable(error.into())),
        }
        let server = Rc::clone(self);
        Ok(Some(Place { server, key, id, kind, looked_at: now, renewed_at: now, is_left: false }))
    }

    /// Changes the places of a user, as far as there are any.
    async fn change_places(
        &self,
        key: &str,
        mut change: impl FnMut(&mut Places),
    ) -> Result<Places, RecordError> {
        let Ok(Some(keys)) = self.keys().await else { return Ok(Places::default()) };
        let records = self.records(&keys);
        let changed = records.transition(key, |places: &Places| {
            let mut changed = places.clone();
            change(&mut changed);
            Ok::<_, ()>(if changed == *places {
                Change::Keep(changed)
            } else {
                Change::Write(changed.clone(), changed)
            })
        });
        match changed.await {
            Ok(places) => Ok(places),
            Err(TransitionError::Record(RecordError::Retired) | TransitionError::NotFound) => {
                Ok(Places::default())
            }
            Err(TransitionError::Refused(())) => Ok(Places::default()),
            Err(TransitionError::Record(error)) => Err(error),
        }
    }
}

impl<O: Outside> Place<O> {
    /// Whether the place has not been taken. Renews it, when that is due. While the record is unavailable, it counts
    /// as kept.
    pub(crate) async fn is_kept(&mut self) -> bool {
        let now = self.server.unix_now();
        if now.saturating_sub(self.looked_at) < LOOK_SECONDS {
            return true;
        }
        self.looked_at = now;
        let is_due = now.saturating_sub(self.renewed_at) >= RENEW_SECONDS;
        let (id, kind) = (self.id.clone(), self.kind);
        let changed = self.server.change_places(&self.key, |places| {
            let held = places.of(kind).iter_mut().find(|held| held.id == id);
            if let Some(held) = held.filter(|_| is_due) {
                held.until = now.saturating_add(LEASE_SECONDS);
            }
        });
        let Ok(mut places) = changed.await else { return true };
        if is_due {
            self.renewed_at = now;
        }
        self.is_left = places.of(kind).iter().all(|held| held.id != id);
        !self.is_left
    }

    /// Gives the place back.
    pub(crate) async fn leave(mut self) {
        self.is_left = true;
        give_back(&self.server, &self.key, &self.id, self.kind).await;
    }
}

async fn give_back<O: Outside>(server: &McpServer<O>, key: &str, id: &str, kind: Kind) {
    let given_back = server.change_places(key, |places| places.of(kind).retain(|held| held.id != id));
    if let Err(error) = given_back.await {
        server.log_unavailable(&error.into());
    }
}

impl<O: Outside> Drop for Place<O> {
    fn drop(&mut self) {
        if self.is_left {
            return;
        }
        let (server, key, id, kind) = (Rc::clone(&self.server), self.key.clone(), self.id.clone(), self.kind);
        self.server.outside.spawn(Box::pin(async move { give_back(&server, &key, &id, kind).await }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(held: &[Held]) -> Vec<&str> {
        held.iter().map(|held| held.id.as_str()).collect()
    }

    /// S2: the oldest stream gives way, and counts until it has ended.
    #[test]
    fn streams_give_way_to_newer_ones() {
        let mut places = Places::default();
        for id in ["a", "b", "c"] {
            assert!(places.take(Kind::Stream, id, 2, 0));
        }
        assert_eq!(ids(&places.streams), ["b", "c"]);
        assert!(places.take(Kind::Stream, "d", 2, 1));
        assert!(!places.take(Kind::Stream, "e", 2, 9), "two are ending: with the others, twice the limit");
        assert!(places.take(Kind::Stream, "e", 2, 11));
        assert_eq!(ids(&places.streams), ["d", "e"]);
    }

    /// S2: a call has its place until it ends.
    #[test]
    fn calls_do_not_give_way() {
        let mut places = Places::default();
        assert!(places.take(Kind::Call, "a", 1, 0) && !places.take(Kind::Call, "b", 1, 0));
        assert!(places.take(Kind::Stream, "s", 1, 0), "streams are counted by themselves");
        assert!(places.take(Kind::Call, "b", 1, LEASE_SECONDS), "what is not renewed is over");
        assert_eq!((ids(&places.calls), places.streams.len()), (vec!["b"], 0));
    }

    /// The record is as small as any.
    #[test]
    fn places_are_bounded() {
        let mut places = Places::default();
        for number in 0..500 {
            let id = format!("{number:032}");
            places.take(Kind::Stream, &id, 100, 1_800_000_000);
            places.take(Kind::Call, &id, 100, 1_800_000_000);
        }
        let size = serde_json::to_vec(&places).unwrap().len();
        assert!(places.streams.len() == 100 && places.calls.len() == 100 && size < 15_000, "{size}");
    }
}
