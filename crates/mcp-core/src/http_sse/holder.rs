//! The instance that holds the stream of an HTTP+SSE session: it runs what is posted to the session, and sends what
//! comes of it.
//!
//! It works beside the stream, so that POSTs are seen also while the client reads slowly. It makes no more events than
//! are read, and runs a bounded number of requests at the same time; the others wait in the inbox.
//!
//! The session ends with the stream, and the stream with the grant: the authorization server deletes the session then.
//! The token that opened the stream may expire before: each POST shows a token of the same user and client, and the
//! newest one counts. While none is good, nothing is sent but the answers to what was accepted.

use super::{SESSION, posted_context};
use crate::{
    McpServer,
    access::Admitted,
    answer::Answered,
    changes::Seen,
    conversation::Step,
    era::Meta,
    jsonrpc::{self, Fault, Message, Parsed},
    methods::Method,
    outlet::{Gone, Outlet},
    pace::Pace,
    places::Place,
    ports::Outside,
    revision::Revision,
    routes,
    session::{Allowed, IDLE_SECONDS, LEASE_SECONDS, Lost, OpenSession, Posted},
    session_http::{SessionFault, changed_message, wanted},
    sse,
    watch::{SILENCE_SECONDS, Watch},
};
use async_stream::stream;
use bytes::Bytes;
use futures_core::stream::LocalBoxStream;
use futures_util::{
    StreamExt,
    future::{Either, select},
    stream::SelectAll,
};
use std::{pin::pin, rc::Rc};

/// The most requests of one stream that run at the same time.
const MAX_RUNNING: usize = 16;

/// How long a client may take to read an event, in seconds. After that its stream ends.
const READ_SECONDS: u64 = 120;

/// How long a client whose token was revoked has to come back with another, in seconds.
const COMING_BACK_SECONDS: u64 = 30;

/// What a holder waits for.
enum Event {
    /// What there was to send has been sent.
    Sent,
    /// A running request has this message.
    Message(Vec<u8>),
    /// It is time to look into the inbox.
    Look,
}

/// The tokens by which a stream goes on.
struct Permission {
    /// The token that opened the stream, while nothing newer is known.
    opened_by: Option<Watch>,
    opening_grant: Option<String>,
    newest: Allowed,
    /// When the last POST came, in seconds since the Unix epoch.
    posted_at: u64,
    /// Since when the token that opened the stream is known to be revoked.
    revoked_at: Option<u64>,
}

/// Whether a stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// A good token is known.
    Good,
    /// None is: nothing is sent by the server's own doing.
    Quiet,
    /// The stream ends.
    Over,
}

impl Permission {
    fn new(admitted: &Admitted, now: u64) -> Self {
        Self {
            opened_by: Some(Watch::new(admitted.credential.clone(), now)),
            opening_grant: admitted.access.grant_id.clone(),
            newest: Allowed::from(&admitted.access),
            posted_at: now,
            revoked_at: None,
        }
    }

    /// Takes note of the token of a POST.
    fn posted(&mut self, allowed: &Allowed, now: u64) {
        self.posted_at = now;
        self.revoked_at = None;
        // A client that has signed in anew goes on with what it has got then, and the former grant may be over.
        if allowed.grant_id != self.opening_grant {
            self.opened_by = None;
        }
        if *allowed != self.newest {
            self.newest = allowed.clone();
        }
    }

    async fn judge<O: Outside>(&mut self, server: &McpServer<O>) -> Verdict {
        let now = server.unix_now();
        if let Some(watch) = &mut self.opened_by
            && !watch.is_good(server).await
        {
            self.revoked_at = (!watch.is_expired(now)).then_some(now);
            self.opened_by = None;
        }
        // A grant that ends takes its sessions along. When this one is still there, another grant of the same client
        // has taken the place of the first: the client is about to come back with a token of that.
        if let Some(revoked_at) = self.revoked_at {
            let may_come_back =
                self.opening_grant.is_some() && now.saturating_sub(revoked_at) < COMING_BACK_SECONDS;
            return if may_come_back { Verdict::Quiet } else { Verdict::Over };
        }
        if now < self.newest.expires_at {
            return Verdict::Good;
        }
        // A session that is not used ends after a day. Where tokens are issued under no grant, nothing tells when the user's permission ends.
        let lasts = self.newest.grant_id.is_some() && now.saturating_sub(self.posted_at) < IDLE_SECONDS;
        if lasts { Verdict::Quiet } else { Verdict::Over }
    }
}

/// A stream, its session, and what runs on it.
struct Holder<O: Outside> {
    server: Rc<McpServer<O>>,
    open: Rc<OpenSession>,
    admitted: Admitted,
    permission: Permission,
    place: Option<Place<O>>,
    outlet: Outlet,
    running: SelectAll<LocalBoxStream<'static, Vec<u8>>>,
    pace: Pace,
    /// When the lease was renewed, and an event was last read.
    renewed_at: u64,
    sent_at: u64,
    /// How far changes were looked at, and how many looks there were.
    changes: Option<Seen>,
    looks: u32,
}

/// The stream is over.
struct Over;

impl<O: Outside> McpServer<O> {
    /// The stream of a session. `path` is that of the server's address, as the client knows it.
    pub(super) async fn hold_sse(
        self: &Rc<Self>,
        open: Rc<OpenSession>,
        path: &str,
        admitted: Admitted,
        place: Option<Place<O>>,
    ) -> LocalBoxStream<'static, Bytes> {
        let now = self.unix_now();
        let (mut outlet, reader) = Outlet::new();
        outlet.push(sse::endpoint(&format!("{path}{}?{SESSION}={}", routes::SSE_MESSAGE, open.session.id)));
        let holder = Holder {
            server: Rc::clone(self),
            open,
            permission: Permission::new(&admitted, now),
            admitted,
            place,
            outlet,
            running: SelectAll::new(),
            pace: Pace::new(self.unix_now_ms()),
            renewed_at: now,
            sent_at: now,
            changes: self.begin_to_listen().await.ok(),
            looks: 0,
        };
        self.outside.spawn(Box::pin(holder.run()));
        Box::pin(reader)
    }

    /// Renews the lease of the session.
    async fn renew_lease(&self, open: &OpenSession, now: u64) -> Result<(), Lost> {
        let until = now.saturating_add(LEASE_SECONDS);
        let renewed = self.change_session(open, |session| {
            session.held_until = Some(until);
            session.used_at = now;
        });
        renewed.await.map(drop)
    }
}

impl<O: Outside> Holder<O> {
    async fn run(mut self) {
        while self.step().await.is_ok() {}
        let Self { server, open, place, outlet, running, .. } = self;
        // Nothing of the stream is left when it is seen to end.
        drop(running);
        if let Err(error) = server.end_session(&open).await {
            server.log_unavailable(&error);
        }
        if let Some(place) = place {
            place.leave().await;
        }
        drop(outlet);
    }

    async fn step(&mut self) -> Result<(), Over> {
        let event = self.wait().await?;
        let verdict = self.permission.judge(&self.server).await;
        if verdict == Verdict::Over {
            return Err(Over);
        }
        let now = self.server.unix_now();
        match event {
            Event::Sent => self.sent_at = now,
            Event::Message(message) => {
                self.pace.came(self.server.unix_now_ms());
                self.outlet.push(sse::event(message));
            }
            Event::Look => {}
        }
        if self.outlet.is_closed()
            || (!self.outlet.is_empty() && now.saturating_sub(self.sent_at) >= READ_SECONDS)
        {
            return Err(Over);
        }
        if now.saturating_sub(self.renewed_at) >= LEASE_SECONDS / 3 {
            self.renewed_at = now;
            match self.server.renew_lease(&self.open, now).await {
                Ok(()) | Err(Lost::Unavailable(_)) => {}
                Err(Lost::Ended) => return Err(Over),
            }
        }
        if let Some(place) = &mut self.place
            && !place.is_kept().await
        {
            return Err(Over);
        }
        self.look_into_the_inbox(now).await?;
        self.looks = self.looks.wrapping_add(1);
        // What changes for everyone may wait a little longer than what this client posts.
        if verdict == Verdict::Good && self.outlet.is_empty() && self.looks.is_multiple_of(2) {
            self.tell_of_changes().await;
        }
        if self.outlet.is_empty() && now.saturating_sub(self.sent_at) >= SILENCE_SECONDS {
            self.outlet.push(sse::keep_alive());
        }
        Ok(())
    }

    /// Waits for the next event. Requests go on while there is nothing left to send.
    async fn wait(&mut self) -> Result<Event, Over> {
        let Self { server, outlet, running, pace, .. } = self;
        let pause = pace.pause(server.unix_now_ms());
        let next = async {
            if !outlet.is_empty() {
                return outlet.flush().await.map(|()| Event::Sent);
            }
            match running.next().await {
                Some(message) => Ok(Event::Message(message)),
                None => std::future::pending().await,
            }
        };
        match select(pin!(next), pin!(server.outside.sleep(pause))).await {
            Either::Left((event, _)) => event.map_err(|Gone| Over),
            Either::Right(_) => Ok(Event::Look),
        }
    }

    /// Takes note of what was posted, and runs it as far as there is room.
    async fn look_into_the_inbox(&mut self, now: u64) -> Result<(), Over> {
        let room = MAX_RUNNING.saturating_sub(self.running.len());
        let inbox = match self.server.inbox(&self.open).await {
            Ok(inbox) => inbox,
            Err(Lost::Ended) => return Err(Over),
            Err(Lost::Unavailable(_)) => return Ok(()),
        };
        if inbox.seen == inbox.posts && (inbox.requests.is_empty() || room == 0) {
            return Ok(());
        }
        let taken = self.server.change_inbox(&self.open, |inbox| {
            let allowed = inbox.allowed.clone().filter(|_| inbox.seen != inbox.posts);
            (allowed, inbox.take_requests(room))
        });
        let (allowed, taken) = match taken.await {
            Ok(taken) => taken,
            Err(Lost::Ended) => return Err(Over),
            Err(Lost::Unavailable(_)) => return Ok(()),
        };
        self.pace.came(self.server.unix_now_ms());
        if let Some(allowed) = allowed {
            self.permission.posted(&allowed, now);
        }
        for posted in taken {
            let is_handshake = is_handshake(&posted);
            let mut messages = self.run_request(posted);
            if is_handshake {
                // What comes after a handshake is read by what was agreed on in it.
                while let Some(message) = messages.next().await {
                    self.outlet.push(sse::event(message));
                }
            } else {
                self.running.push(messages);
            }
        }
        Ok(())
    }

    async fn tell_of_changes(&mut self) {
        let Ok(look) = self.server.begin_to_listen().await else { return };
        if let Some(before) = self.changes.as_ref().filter(|before| **before != look) {
            let found = self.server.find_session(&self.admitted.access, &self.open.session.id).await;
            let Ok(Some(current)) = found else { return };
            for message in look.since(before, &wanted(&current.session)).iter().filter_map(changed_message) {
                self.outlet.push(sse::event(message));
            }
        }
        self.changes = Some(look);
    }

    /// The messages that answer a request.
    fn run_request(&self, posted: Posted) -> LocalBoxStream<'static, Vec<u8>> {
        let (server, name) = (Rc::clone(&self.server), self.open.session.id.clone());
        let Posted { text, allowed: Allowed { scopes, grant_id, expires_at } } = posted;
        let mut admitted = self.admitted.clone();
        (admitted.access.scopes, admitted.access.grant_id, admitted.access.expires_at) =
            (scopes, grant_id, expires_at);
        Box::pin(stream! {
            // It was read once before.
            let Ok(Parsed::One(Message::Request(id, call))) = jsonrpc::parse(text.as_bytes(), true) else { return };
            let open = match server.session(&admitted.access, &name, true).await {
                Ok(open) => open,
                Err(SessionFault::Fault(fault)) => {
                    yield fault.to_message(Some(&id));
                    return;
                }
                Err(SessionFault::Unavailable) => {
                    yield Fault::Unavailable.to_message(Some(&id));
                    return;
                }
            };
            if let Some(fault) = of_another_era(&call) {
                yield fault.to_message(Some(&id));
                return;
            }
            let context = posted_context(&open, &admitted, &call);
            match server.run(&id, &call, context).await {
                Ok(Answered::Message(message) | Answered::Handshake(message, _)) => yield message,
                Ok(Answered::Stream(mut messages) | Answered::Endless(mut messages)) => {
                    while let Some(message) = messages.next().await {
                        yield message;
                    }
                }
                Ok(Answered::Conversation(mut conversation)) => {
                    while let Some(step) = conversation.steps.next().await {
                        match step {
                            Step::Message(message) | Step::Final(message) => yield message,
                            Step::Asked(_, questions) => for question in questions {
                                yield question;
                            },
                            Step::Resumed | Step::Paused(_) | Step::GivenUp => {}
                        }
                    }
                }
                Err(failure) => yield failure.to_message(&id),
            }
        })
    }
}

fn is_handshake(posted: &Posted) -> bool {
    matches!(
        jsonrpc::parse(posted.text.as_bytes(), true),
        Ok(Parsed::One(Message::Request(_, call))) if call.method == "initialize"
    )
}

/// The error that answers a request of an era that this transport does not have. Clients that try the newer era first
/// read it as "this server has a handshake".
fn of_another_era(call: &jsonrpc::Call<'_>) -> Option<Fault> {
    let requested = Meta::parse(call.params.meta).claim()?;
    let is_known =
        Method::find(&call.method, Revision::NEWEST_LEGACY).is_some() && call.method != "initialize";
    Some(if is_known { Fault::UnsupportedOverSse { requested } } else { Fault::MethodNotFound })
}
