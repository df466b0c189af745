//! What every answer that goes on does meanwhile: it shows that it is still there, and ends with its token.

use crate::{
    McpServer,
    access::Credential,
    challenge::Refusal,
    places::{Kind, NoPlace, Place},
    ports::Outside,
    sse,
};
use async_stream::stream;
use bytes::Bytes;
use futures_core::stream::LocalBoxStream;
use futures_util::{
    StreamExt,
    future::{Either, select},
};
use std::{pin::pin, rc::Rc, time::Duration};

/// How often the token is looked up again, in seconds (SS-07, MCP-A-26).
const LOOKUP_SECONDS: u64 = 5;

/// After how many seconds without an event there is a sign of life (MCP-T-42). It is also how it is found out that
/// a client has left.
pub(crate) const SILENCE_SECONDS: u64 = 5;

/// How often either is thought of.
const TURN: Duration = Duration::from_secs(1);

/// What is due on a stream that goes on.
pub(crate) struct Watch {
    credential: Credential,
    /// The user, once the token has been looked up again.
    subject: Option<String>,
    looked_up: u64,
    sent: u64,
}

impl Watch {
    /// Begins now.
    pub(crate) fn new(credential: Credential, now: u64) -> Self {
        Self { credential, subject: None, looked_up: now, sent: now }
    }

    /// Whether the token has expired.
    pub(crate) fn is_expired(&self, now: u64) -> bool {
        self.credential.is_expired(now)
    }

    /// Something was sent.
    pub(crate) fn sent(&mut self, now: u64) {
        self.sent = now;
    }

    /// Whether it is time for a sign of life.
    pub(crate) fn is_silent(&self, now: u64) -> bool {
        now.saturating_sub(self.sent) >= SILENCE_SECONDS
    }

    /// Whether the token is still good. An outage of introspection does not invalidate the token (RS-15); but the
    /// token's expiry is known all the same, and counts.
    pub(crate) async fn is_good<O: Outside>(&mut self, server: &McpServer<O>) -> bool {
        let now = server.unix_now();
        if self.credential.is_expired(now) {
            return false;
        }
        if now.saturating_sub(self.looked_up) < LOOKUP_SECONDS {
            return true;
        }
        self.looked_up = now;
        match self.credential.introspect(&server.outside, server.outside.now()).await {
            Ok(access) => {
                self.credential.refresh(&access);
                self.subject = Some(access.subject);
                true
            }
            Err(refusal) => refusal == Refusal::Unavailable,
        }
    }
}

/// How a stream is counted among those of its user.
pub(crate) enum Counted<O: Outside> {
    /// It has this place. `None` where nothing can be counted.
    Place(Option<Place<O>>),
    /// As soon as it has lasted for a few seconds.
    WhenItLasts,
    /// What runs on it is counted instead.
    Not,
}

impl<O: Outside> Counted<O> {
    /// Whether the stream may go on.
    async fn may_go_on(&mut self, server: &Rc<McpServer<O>>, watch: &mut Watch) -> bool {
        match self {
            Self::Place(Some(place)) => place.is_kept().await,
            Self::Place(None) | Self::Not => true,
            Self::WhenItLasts => {
                let Some(subject) = watch.subject.take() else { return true };
                match server.take_place(&subject, Kind::Stream).await {
                    Ok(place) => *self = Self::Place(place),
                    Err(NoPlace::TooMany) => return false,
                    // It is tried again at the next look.
                    Err(NoPlace::Unavailable(_)) => {}
                }
                true
            }
        }
    }
}

impl<O: Outside> McpServer<O> {
    /// Events as they come, for as long as the token is good and the stream has its place.
    pub(crate) fn watched(
        self: &Rc<Self>,
        mut events: LocalBoxStream<'static, Bytes>,
        credential: Credential,
        mut counted: Counted<O>,
    ) -> LocalBoxStream<'static, Bytes> {
        let server = Rc::clone(self);
        let mut watch = Watch::new(credential, server.unix_now());
        Box::pin(stream! {
            loop {
                let event = match select(events.next(), pin!(server.outside.sleep(TURN))).await {
                    Either::Left((Some(event), _)) => Some(event),
                    Either::Left((None, _)) => return,
                    Either::Right(_) => None,
                };
                if !watch.is_good(&server).await {
                    return;
                }
                if !counted.may_go_on(&server, &mut watch).await {
                    return;
                }
                let now = server.unix_now();
                if let Some(event) = event.or_else(|| watch.is_silent(now).then(sse::keep_alive)) {
                    yield event;
                    watch.sent(now);
                }
            }
        })
    }

    /// Events as they come, of a stream that checks its token itself.
    pub(crate) fn kept_alive(
        self: &Rc<Self>,
        mut events: LocalBoxStream<'static, Bytes>,
    ) -> LocalBoxStream<'static, Bytes> {
        let server = Rc::clone(self);
        Box::pin(stream! {
            loop {
                let silence = pin!(server.outside.sleep(Duration::from_secs(SILENCE_SECONDS)));
                match select(events.next(), silence).await {
                    Either::Left((Some(event), _)) => yield event,
                    Either::Left((None, _)) => return,
                    Either::Right(_) => yield sse::keep_alive(),
                }
            }
        })
    }
}
