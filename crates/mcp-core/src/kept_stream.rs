//! Streams of a session that can be taken up again (2025-11-25, transports, resumability).
//!
//! What such a stream sends is kept in one of its session's slots before it goes out, as far as there is room,
//! and each event has an id that names stream and place. A client that lost the connection comes back with the
//! last id that it saw, to whichever instance, and gets what came after it; never anything of another stream.
//!
//! A stream outlives its connection in three ways. While whoever runs the request still does, the rest is read
//! from the slot as it comes. When it waits for the client, or is to be called again later, whoever the client
//! comes back to goes on. And when neither is so, because the instance was ended, the client is told that the
//! request was interrupted: a tool is not run twice for it (MP-17).

mod record;

pub(crate) use record::parse_event_id;

use self::record::{Kept, event_id};
use crate::{
    McpServer,
    conversation::{LATER, Pending, Step},
    jsonrpc::{Fault, Id},
    outlet::{Gone, Outlet},
    ports::Outside,
    session::{Lost, OpenSession},
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
use store_core::{Change, Random, RecordError};

/// How long whoever runs a request may go without saying that it still does, in seconds.
const LEASE_SECONDS: u64 = 30;

/// How often it says so.
const LEASE_RENEWAL: Duration = Duration::from_secs(10);

/// How long a reader may take to read an event. After that, its stream ends: it can resume it from where it was.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// How often the slot is looked into for more.
const POLL: Duration = Duration::from_millis(150);

/// A stream that is being kept, to whoever writes it.
#[derive(Debug, Clone)]
struct Writer {
    session: Rc<OpenSession>,
    key: String,
    id: String,
}

/// What a request's stream is made of.
pub(crate) struct Request {
    pub(crate) session: Rc<OpenSession>,
    pub(crate) id: Id,
    /// The text of the message, if it can be gone on with from it.
    pub(crate) text: Option<String>,
}

impl<O: Outside> McpServer<O> {
    /// Runs a conversation whether somebody reads it or not, and returns what to read. `first` is a step that it
    /// has made already.
    pub(crate) async fn keep(
        self: &Rc<Self>,
        request: Request,
        first: Option<Step>,
        steps: LocalBoxStream<'static, Step>,
    ) -> LocalBoxStream<'static, Bytes> {
        let writer = match self.begin_keeping(&request).await {
            Ok(writer) => Some(writer),
            Err(lost) => {
                self.log_lost(&lost);
                None
            }
        };
        // Revisions that know of it begin with an event that has nothing but an id: so a client can come back
        // that lost the connection before anything came. Older clients would read it as a message.
        let primes = request.session.session.revision.streams_may_pause();
        let priming = writer.as_ref().filter(|_| primes).map(|writer| sse::priming(&event_id(&writer.id, 0)));
        let steps = futures_util::stream::iter(first).chain(steps);
        self.run_kept(writer, Box::pin(steps), priming)
    }

    fn run_kept(
        self: &Rc<Self>,
        writer: Option<Writer>,
        steps: LocalBoxStream<'static, Step>,
        priming: Option<Bytes>,
    ) -> LocalBoxStream<'static, Bytes> {
        let (mut outlet, reader) = Outlet::new();
        if let Some(priming) = priming {
            outlet.push(priming);
        }
        self.outside.spawn(Box::pin(Rc::clone(self).run_steps(writer, steps, outlet)));
        Box::pin(reader)
    }

    /// Makes the steps of a conversation, and keeps and sends what they bring.
    async fn run_steps(
        self: Rc<Self>,
        mut writer: Option<Writer>,
        mut steps: LocalBoxStream<'static, Step>,
        outlet: Outlet,
    ) {
        let mut outlet = Some(outlet);
        let mut used_at = self.unix_now();
        loop {
            self.pass_on(&mut writer, &mut outlet).await;
            if let Some(writer) = &writer
                && self.unix_now().saturating_sub(used_at) >= LEASE_RENEWAL.as_secs()
            {
                // A session with a running call is in use.
                used_at = self.unix_now();
                drop(self.keep_in_use(&writer.session).await);
            }
            let step = match select(steps.next(), pin!(self.outside.sleep(LEASE_RENEWAL))).await {
                Either::Left((step, _)) => step,
                Either::Right(_) => {
                    self.write(&mut writer, |_| {}).await;
                    continue;
                }
            };
            let Some(step) = step else { return };
            let is_last = matches!(step, Step::Final(_) | Step::GivenUp | Step::Paused(_));
            let (messages, pending) = match step {
                Step::Message(message) => (vec![message], None),
                Step::Final(message) => (vec![message], Some(None)),
                Step::Asked(pending, messages) => (messages, Some(Some(pending))),
                Step::Resumed | Step::GivenUp => (Vec::new(), Some(None)),
                Step::Paused(pending) => (Vec::new(), Some(Some(pending))),
            };
            let is_paused = is_last && matches!(pending, Some(Some(_)));
            let now = self.unix_now();
            let written = self.write(&mut writer, |kept| {
                let first = kept.push(&messages);
                if let Some(pending) = &pending {
                    kept.pending.clone_from(pending);
                }
                kept.is_done = is_last && !is_paused;
                if is_last {
                    kept.run_until = now;
                }
                first
            });
            let first = written.await;
            for (number, message) in (first.unwrap_or_default()..).zip(messages) {
                let event = match (&writer, first) {
                    (Some(writer), Some(_)) => sse::event_with_id(&event_id(&writer.id, number), message),
                    _ => sse::event(message),
                };
                push(&mut outlet, event);
            }
            if is_paused {
                push(&mut outlet, sse::retry(LATER));
            }
            if is_last {
                self.pass_on(&mut writer, &mut outlet).await;
                return;
            }
        }
    }

    /// Waits until the reader has what is there for it: the request goes on no faster than it is read. When the reader
    /// leaves, or does not read, the request goes on without it.
    async fn pass_on(&self, writer: &mut Option<Writer>, outlet: &mut Option<Outlet>) {
        let mut waited = Duration::ZERO;
        while let Some(open) = outlet {
            let passed_on = match select(pin!(open.flush()), pin!(self.outside.sleep(LEASE_RENEWAL))).await {
                Either::Left((passed_on, _)) => Some(passed_on),
                Either::Right(_) => None,
            };
            match passed_on {
                Some(Ok(())) => return,
                Some(Err(Gone)) => *outlet = None,
                None => {
                    waited += LEASE_RENEWAL;
                    if waited >= READ_TIMEOUT {
                        *outlet = None;
                    }
                    self.write(writer, |_| {}).await;
                }
            }
        }
    }

    /// Gives a stream a slot, and puts its record there.
    async fn begin_keeping(&self, request: &Request) -> Result<Writer, Lost> {
        let session = &request.session;
        let id = self.outside.random().bytes::<8>().map(|byte| format!("{byte:02x}")).concat();
        let mut slot = 0;
        self.change_session(session, |session| slot = session.keep_stream(&id)).await?;
        let key = session.stream_key(slot);
        let text = request.text.as_ref().filter(|text| text.len() <= MAX_REQUEST_BYTES);
        let kept = Kept {
            id: id.clone(),
            session: session.session.id.clone(),
            request_id: request.id.as_str().to_owned(),
            request: text.cloned(),
            last: 0,
            events: Vec::new(),
            is_done: false,
            run_until: self.unix_now().saturating_add(LEASE_SECONDS),
            pending: None,
        };
        let replaced = self.replace(&session.keys, &key, &kept).await;
        replaced.map_err(|error| Lost::Unavailable(error.into()))?;
        Ok(Writer { session: Rc::clone(session), key, id })
    }

    /// Changes the record of a stream that is being run. When it cannot be kept any more, it goes on without.
    async fn write<T>(&self, writer: &mut Option<Writer>, change: impl Fn(&mut Kept) -> T) -> Option<T> {
        let kept_by = writer.as_ref()?;
        let run_until = self.unix_now().saturating_add(LEASE_SECONDS);
        let changed = self.change_kept(kept_by, |kept| {
            kept.run_until = run_until;
            change(kept)
        });
        match changed.await {
            Ok(result) => Some(result),
            Err(lost) => {
                self.log_lost(&lost);
                *writer = None;
                None
            }
        }
    }

    async fn change_kept<T>(&self, writer: &Writer, change: impl Fn(&mut Kept) -> T) -> Result<T, Lost> {
        let records = self.records(&writer.session.keys);
        let changed = records.transition(&writer.key, |kept: &Kept| {
            if kept.id != writer.id || kept.session != writer.session.session.id {
                return Err(());
            }
            let mut changed = kept.clone();
            let result = change(&mut changed);
            Ok(Change::Write(changed, result))
        });
        Ok(changed.await?)
    }

    /// Takes up a stream of a session after one of its events. `None` when it is not there (any more).
    pub(crate) async fn take_up(
        self: &Rc<Self>,
        session: &Rc<OpenSession>,
        stream: &str,
        after: u64,
        go_on: impl GoOn<O>,
    ) -> Result<Option<LocalBoxStream<'static, Bytes>>, Lost> {
        let Some(entry) = session.session.streams.iter().find(|entry| entry.id == stream) else {
            return Ok(None);
        };
        let key = session.stream_key(entry.slot);
        let writer = Writer { session: Rc::clone(session), key, id: stream.to_owned() };
        if self.find_kept(&writer).await?.is_none() {
            return Ok(None);
        }
        let server = Rc::clone(self);
        Ok(Some(Box::pin(stream! {
            let mut after = after;
            loop {
                let kept = match server.find_kept(&writer).await {
                    Ok(Some(kept)) => kept,
                    Ok(None) | Err(Lost::Ended) => return,
                    Err(Lost::Unavailable(_)) => {
                        server.outside.sleep(POLL).await;
                        continue;
                    }
                };
                for (number, event) in kept.after(after) {
                    after = number;
                    yield event;
                }
                if kept.is_done {
                    return;
                }
                if server.unix_now() >= kept.run_until {
                    match server.take_over(&writer).await {
                        Some(TakenOver::Pending(pending, request)) => {
                            let steps = go_on.go_on(&server, &writer.session, &request, pending).await;
                            let mut events = server.run_kept(Some(writer), steps, None);
                            while let Some(event) = events.next().await {
                                yield event;
                            }
                            return;
                        }
                        Some(TakenOver::Interrupted) | None => continue,
                    }
                }
                server.outside.sleep(POLL).await;
            }
        })))
    }

    async fn find_kept(&self, writer: &Writer) -> Result<Option<Kept>, Lost> {
        let found = self.records(&writer.session.keys).find::<Kept>(&writer.key).await;
        match found {
            Ok(kept) => {
                Ok(kept.filter(|kept| kept.id == writer.id && kept.session == writer.session.session.id))
            }
            Err(RecordError::Retired) => Ok(None),
            Err(error) => Err(Lost::Unavailable(error.into())),
        }
    }

    /// Becomes the one that runs a request that nobody runs any more.
    async fn take_over(&self, writer: &Writer) -> Option<TakenOver> {
        let now = self.unix_now();
        let taken = self.change_kept(writer, |kept| {
            if kept.is_done || now < kept.run_until {
                return None;
            }
            match (kept.pending.clone(), kept.request.clone()) {
                (Some(pending), Some(request)) => {
                    kept.run_until = now.saturating_add(LEASE_SECONDS);
                    Some(TakenOver::Pending(pending, request))
                }
                _ => {
                    let fault = Fault::Interrupted("The request was interrupted and cannot be gone on with");
                    kept.push(&[kept.error(fault)]);
                    kept.is_done = true;
                    Some(TakenOver::Interrupted)
                }
            }
        });
        taken.await.ok().flatten()
    }

    /// Tells the operator what could not be had.
    pub(crate) fn log_lost(&self, lost: &Lost) {
        match lost {
            Lost::Ended => {}
            Lost::Unavailable(error) => self.log_unavailable(error),
        }
    }
}

/// The longest request that is kept to be gone on with.
const MAX_REQUEST_BYTES: usize = 32 * 1024;

/// What was found where nobody ran a request any more.
enum TakenOver {
    Pending(Pending, String),
    Interrupted,
}

/// How a request is gone on with.
pub(crate) trait GoOn<O>: 'static {
    /// The steps that are left of the request with this text.
    fn go_on(
        &self,
        server: &Rc<McpServer<O>>,
        session: &Rc<OpenSession>,
        request: &str,
        pending: Pending,
    ) -> impl Future<Output = LocalBoxStream<'static, Step>>;
}

/// Adds an event, if there is a reader.
fn push(outlet: &mut Option<Outlet>, event: Bytes) {
    if let Some(outlet) = outlet {
        outlet.push(event);
    }
}
