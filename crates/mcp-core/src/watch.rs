//! What every answer that goes on does meanwhile: it shows that it is still there, and ends with its token.

use crate::{McpServer, access::Credential, challenge::Refusal, ports::Outside, sse};
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
const SILENCE_SECONDS: u64 = 5;

/// How often either is thought of.
const TURN: Duration = Duration::from_secs(1);

/// Keeps in mind what is due on a stream that goes on.
pub(crate) struct Watch {
    credential: Credential,
    looked_up: u64,
    sent: u64,
}

impl Watch {
    /// Begins now.
    pub(crate) fn new(credential: Credential, now: u64) -> Self {
        Self { credential, looked_up: now, sent: now }
    }

    /// Something was sent.
    pub(crate) fn sent(&mut self, now: u64) {
        self.sent = now;
    }

    /// Whether it is time for a sign of life.
    pub(crate) fn is_silent(&self, now: u64) -> bool {
        now.saturating_sub(self.sent) >= SILENCE_SECONDS
    }

    /// Whether the token is still good, as far as is known.
    pub(crate) async fn is_good<O: Outside>(&mut self, server: &McpServer<O>) -> bool {
        let now = server.unix_now();
        if now.saturating_sub(self.looked_up) < LOOKUP_SECONDS {
            return true;
        }
        self.looked_up = now;
        // Whoever cannot be asked does not say no (RS-15).
        let looked_up = self.credential.introspect(&server.outside, server.outside.now()).await;
        matches!(looked_up, Ok(_) | Err(Refusal::Unavailable))
    }
}

impl<O: Outside> McpServer<O> {
    /// Events as they come, for as long as the token is good.
    pub(crate) fn watched(
        self: &Rc<Self>,
        mut events: LocalBoxStream<'static, Bytes>,
        credential: Credential,
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
                let now = server.unix_now();
                if let Some(event) = event.or_else(|| watch.is_silent(now).then(sse::keep_alive)) {
                    yield event;
                    watch.sent(now);
                }
            }
        })
    }

    /// Events as they come, of what looks after its token itself.
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

    /// Events as they come, of what looks after its token itself.
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

    /// Events as they come, of what looks after its token itself.
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
