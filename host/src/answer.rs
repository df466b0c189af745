//! What a client gets: an answer of the host's own, a guest's small response, or a guest's stream. Each
//! becomes a line of the log when it ends.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Method, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Either, Full};
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError, TrapOrPanicError};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::log::{self, Answered};
use crate::memory::MemoryUsedUp;
use crate::places::{OpenStream, Refused};
use crate::turn::{Delivery, Turn};

/// What is sent.
pub type Answer = Response<Either<Full<Bytes>, Streamed>>;

/// A request on its way to becoming a line of the log.
pub(crate) struct Entry {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) start: Instant,
    pub(crate) component: Option<Arc<str>>,
    pub(crate) status: StatusCode,
    pub(crate) turn: Option<Arc<Turn>>,
    pub(crate) quiet: bool,
}

impl Entry {
    /// The status for a guest that gave no response. What the instance itself died of is logged by
    /// the instance; what else went wrong is logged here.
    pub(crate) fn failure(&self, error: &wasmtime::Error) -> StatusCode {
        let timed_out = self.turn.as_ref().is_some_and(|turn| turn.has_timed_out());
        if timed_out || error.is::<ExpirationError>() {
            return StatusCode::GATEWAY_TIMEOUT;
        }
        let without_memory = error.downcast_ref::<InstantiationError<Arc<Turn>>>();
        if without_memory.is_some_and(|failed| failed.error.is::<MemoryUsedUp>())
            || self.turn.as_ref().is_some_and(|turn| turn.has_run_out_of_memory())
        {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        let died = error.is::<TrapOrPanicError>() || error.is::<wasmtime::Trap>();
        let cause = match error.downcast_ref::<InstantiationError<Arc<Turn>>>() {
            Some(failed) => format!("cannot be instantiated: {}", log::one_line(&*failed.error)),
            None => format!("gave no response: {}", log::one_line(error)),
        };
        if !died {
            log::line(format_args!("component {} {cause}", self.component.as_deref().unwrap_or("-")));
        }
        StatusCode::INTERNAL_SERVER_ERROR
    }

    /// An answer to a request that is not served now.
    pub(crate) fn later(self, status: StatusCode) -> Answer {
        let mut answer = self.empty(status);
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        answer
    }

    /// An answer to a request that got no place.
    pub(crate) fn refused(self, refused: Refused) -> Answer {
        self.later(match refused {
            Refused::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Refused::Share => StatusCode::TOO_MANY_REQUESTS,
        })
    }

    /// An answer after which the connection is closed: where the request ends is not known.
    pub(crate) fn last(self, status: StatusCode, explanation: &'static str) -> Answer {
        let mut answer = self.plain(status, explanation);
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        answer
    }

    pub(crate) fn empty(self, status: StatusCode) -> Answer {
        self.plain(status, "")
    }

    /// The response for a request whose instance failed. It has the trace id that the log has.
    pub(crate) fn failed(mut self, status: StatusCode) -> Answer {
        let Some(turn) = self.turn.clone() else { return self.empty(status) };
        self.status = status;
        let trace = turn.trace();
        let text = format!("{status}. The server's log says more, under trace={trace}.\n");
        let mut response = Response::new(Either::Left(Full::from(text)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if let Ok(trace) = HeaderValue::from_str(trace) {
            headers.insert("x-trace-id", trace);
        }
        self.close(response)
    }

    pub(crate) fn plain(mut self, status: StatusCode, text: &'static str) -> Answer {
        self.status = status;
        let mut response = Response::new(Either::Left(Full::from(text)));
        *response.status_mut() = status;
        if !text.is_empty() {
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        }
        self.close(response)
    }

    pub(crate) fn close(self, answer: Answer) -> Answer {
        self.write();
        answer
    }

    fn write(&self) {
        if self.quiet {
            return;
        }
        let (reads, writes) = self.turn.as_ref().map_or((0, 0), |turn| turn.tally.counts());
        log::line(Answered {
            method: self.method.as_str(),
            path: &self.path,
            status: self.status.as_u16(),
            took: self.start.elapsed(),
            component: self.component.as_deref(),
            reads,
            writes,
        });
    }
}

/// An answer that is passed on piece by piece; its line is written when it ends.
pub struct Streamed {
    body: WasiBody,
    entry: Option<Entry>,
    delivery: Delivery,
    stream: OpenStream,
}

impl Streamed {
    /// An answer with this body, which counts as a stream.
    pub(crate) fn new(body: WasiBody, entry: Entry, delivery: Delivery, stream: OpenStream) -> Self {
        Self { body, entry: Some(entry), delivery, stream }
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if Pin::new(&mut self.stream.cut).poll(cx) == Poll::Ready(Ok(())) {
            self.delivery.0.give_up();
            return Poll::Ready(Some(Err(Error::HttpResponseIncomplete)));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        // When the instance dies, its stream just ends. The client has to see that it was cut.
        if frame.is_none() && self.delivery.0.has_failed() {
            return Poll::Ready(Some(Err(Error::HttpResponseIncomplete)));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream() && !self.delivery.0.has_failed()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            entry.write();
        }
    }
}
