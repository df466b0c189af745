//! The bodies of requests, as they arrive.
//!
//! A small body is read whole before the request takes a place, so that a client that sends slowly
//! holds up only itself. A larger one is passed on as it comes. Either has to arrive with a minimum
//! rate. What a component does not read is read and dropped up to a bound: many clients look for the
//! answer only when they have sent everything, and would see a reset connection in its place.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep, timeout};
use wasmtime_wasi_http::Error;

/// The largest body that is read before the request takes a place.
const SMALL: usize = 64 << 10;

/// The largest body whose memory is not counted. It is less than what a connection takes anyway.
const TINY: usize = 4 << 10;

/// The memory that all small bodies that have not arrived yet may take together.
const ALL_WAITING: usize = 64 << 20;

/// How long a body waits for that memory.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often the rate is looked at.
const WINDOW: Duration = Duration::from_secs(5);

/// How much of a refused body is read and dropped, and for how long.
const DROPPED: usize = 32 << 20;
const DROPPING: Duration = Duration::from_secs(30);

/// Reads bodies.
#[derive(Debug)]
pub struct Bodies {
    /// In KiB.
    waiting: Arc<Semaphore>,
    /// Bytes a second.
    least_rate: usize,
}

/// Why a request's body cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It arrives too slowly.
    Slow,
    /// Too many bodies are on their way.
    Busy,
    /// It broke off, or is malformed.
    Broken,
}

impl Bodies {
    /// Bodies have to arrive with `least_rate` bytes a second.
    pub fn new(least_rate: usize) -> Self {
        Self { waiting: Arc::new(Semaphore::new(ALL_WAITING >> 10)), least_rate }
    }

    /// Watches a body, from now on. If the client `waits` to be told to send it (RFC 9110 section 10.1.1), it is not
    /// read before a component asks for it.
    pub fn watch(&self, incoming: Incoming, waits: bool) -> RequestBody {
        RequestBody {
            arrived: BytesMut::new(),
            trailers: None,
            rest: (!incoming.is_end_stream()).then(|| Rest {
                incoming: Some(incoming),
                pace: Pace::new(self.least_rate),
                waits,
                read_on: true,
                slow: Arc::default(),
            }),
            memory: None,
        }
    }

    /// Reads a small body whole, and of a larger one the beginning.
    pub async fn read_small(&self, body: &mut RequestBody) -> Result<(), Unusable> {
        let hint = body.size_hint();
        let Some(rest) = &mut body.rest else { return Ok(()) };
        if hint.exact().is_some_and(|length| length > SMALL as u64) {
            // It is known to be larger.
            return Ok(());
        }
        let size = hint.exact().and_then(|length| usize::try_from(length).ok()).unwrap_or(SMALL);
        if size > TINY {
            let kib = u32::try_from(size.div_ceil(1024)).unwrap_or(u32::MAX);
            let memory = timeout(PATIENCE, self.waiting.clone().acquire_many_owned(kib)).await;
            body.memory = Some(memory.map_err(|_| Unusable::Busy)?.map_err(|_| Unusable::Busy)?);
        }
        while body.arrived.len() <= SMALL {
            match rest.frame().await {
                // In one piece: a body may come in as many frames as it has bytes.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => body.arrived.extend_from_slice(&data),
                    Err(frame) => body.trailers = frame.into_trailers().ok(),
                },
                Some(Err(_)) if rest.slow.load(Ordering::Relaxed) => return Err(Unusable::Slow),
                Some(Err(_)) => {
                    rest.incoming = None;
                    return Err(Unusable::Broken);
                }
                None => {
                    body.rest = None;
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// A request's body: what has arrived, and what is still on its way.
pub struct RequestBody {
    arrived: BytesMut,
    trailers: Option<HeaderMap>,
    rest: Option<Rest>,
    memory: Option<OwnedSemaphorePermit>,
}

impl RequestBody {
    /// Whether all of it has arrived.
    pub fn is_whole(&self) -> bool {
        self.rest.is_none()
    }

    /// Whether it turned out to arrive too slowly, which a component only sees as a broken body.
    pub fn slowness(&self) -> Arc<AtomicBool> {
        self.rest.as_ref().map(|rest| rest.slow.clone()).unwrap_or_default()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if !self.arrived.is_empty() {
            self.memory = None;
            return Poll::Ready(Some(Ok(Frame::data(self.arrived.split().freeze()))));
        }
        if let Some(trailers) = self.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.arrived.is_empty()
            && self.trailers.is_none()
            && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let arrived = self.arrived.len() as u64;
        let rest = self.rest.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(arrived));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(arrived));
        }
        hint
    }
}

/// What is still on its way.
struct Rest {
    /// `None` when it has ended or broken off.
    incoming: Option<Incoming>,
    pace: Pace,
    /// The client has not been told to send it.
    waits: bool,
    /// Whether its rest is read and dropped after a component has let go of it.
    read_on: bool,
    slow: Arc<AtomicBool>,
}

impl Body for Rest {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        this.waits = false;
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        match Pin::new(incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.pace.saw(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.incoming = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                this.incoming = None;
                Poll::Ready(None)
            }
            Poll::Pending if this.pace.is_over(cx) => {
                // Not read any further: who sends so slowly does not wait for an answer either.
                this.incoming = None;
                this.slow.store(true, Ordering::Relaxed);
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        let Some(incoming) = self.incoming.take().filter(|_| self.read_on && !self.waits) else { return };
        if incoming.is_end_stream() {
            return;
        }
        let pace = Pace::new(self.pace.least_rate);
        let incoming = Some(incoming);
        let rest = Self { incoming, pace, waits: false, read_on: false, slow: Arc::default() };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(timeout(DROPPING, read_and_drop(rest)));
        }
    }
}

/// Reads the rest of a refused body.
async fn read_and_drop(mut rest: Rest) {
    let mut read = 0;
    while read <= DROPPED {
        let Some(Ok(frame)) = rest.frame().await else { break };
        read += frame.data_ref().map_or(0, Bytes::len);
    }
}

/// Whether enough arrives in each window of time.
struct Pace {
    least_rate: usize,
    seen: usize,
    window: Pin<Box<Sleep>>,
}

impl Pace {
    fn new(least_rate: usize) -> Self {
        Self { least_rate, seen: 0, window: Box::pin(sleep(WINDOW)) }
    }

    fn saw(&mut self, bytes: usize) {
        self.seen = self.seen.saturating_add(bytes);
        let now = Instant::now();
        let wanted = self.least_rate.saturating_mul(WINDOW.as_secs() as usize);
        // After the end of a window, it was the component that did not read.
        if self.seen >= wanted || self.window.deadline() <= now {
            self.seen = 0;
            self.window.as_mut().reset(now + WINDOW);
        }
    }

    /// Whether a window ended before enough had arrived. Asked only when the client keeps us waiting.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.window.as_mut().poll(cx).is_ready()
    }
}
