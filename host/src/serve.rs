//! From a connection to a component and back.
//!
//! HTTP/1.1 on TCP with Nagle's algorithm off. An answer whose length is known and small is collected
//! and leaves in one write; then a guest that fails halfway is a 500 and not a torn answer. Anything
//! else is passed on as it comes. Not here: TLS, HTTP/2, a limit on request bodies (the guest has
//! one), and Spin's `/.well-known/spin/info`, which tells strangers what runs here.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError, ProxyHandler, TrapOrPanicError};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::headers::{self, Malformed};
use crate::instance::Instances;
use crate::limits::Limits;
use crate::log::{self, Answered};
use crate::routes::{Router, WELL_KNOWN_PREFIX};
use crate::turn::{Delivery, Turn};

/// The longest answer that is collected before it is sent.
const SMALL_BODY: u64 = 1 << 20;

/// How long a client may take to send a head, and how long a connection may wait for the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest head, and the size of the buffers.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// How long a request waits for its turn when all are taken.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long answers that are under way have when the host is asked to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// An application, ready to serve.
pub struct Application {
    router: Router,
    components: HashMap<String, ProxyHandler<Instances>>,
    limits: Limits,
    places: Arc<Semaphore>,
    quiet: bool,
}

type Answer = Response<Either<Full<Bytes>, Streamed>>;

impl Application {
    /// Routes, and the components that they lead to. With `quiet`, requests are not logged.
    pub fn new(router: Router, components: HashMap<String, Instances>, limits: Limits, quiet: bool) -> Self {
        let components = components.into_iter().map(|(id, made)| (id, ProxyHandler::new(made))).collect();
        let places = Arc::new(Semaphore::new(limits.concurrent_requests));
        Self { router, components, limits, places, quiet }
    }

    /// Serve `listener` until `stop` is done, and give what is under way a few seconds to end.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let application = Arc::new(self);
        let (stopping, stopped) = watch::channel(false);
        // Each connection holds a sender; when the last is gone, so is the last connection.
        let (alive, mut gone) = mpsc::channel::<Infallible>(1);
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, client)) => {
                        let connection = application.clone().connection(stream, client, stopped.clone());
                        let alive = alive.clone();
                        tokio::spawn(async move {
                            connection.await;
                            drop(alive);
                        });
                    }
                    Err(error) => {
                        // Out of file descriptors, most likely: wait for some to come back.
                        log::line(format_args!("cannot accept a connection: {error}"));
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        drop((listener, alive));
        // Nobody listens when no connection is left.
        let _ = stopping.send(true);
        let _ = timeout(DRAIN_TIMEOUT, gone.recv()).await;
    }

    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        mut stopped: watch::Receiver<bool>,
    ) {
        // A connection that is gone already fails below.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request| {
            let application = self.clone();
            async move { Ok::<_, Infallible>(application.answer(request, client).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        // How a connection ends is the client's affair: nothing to report.
        tokio::select! {
            _ = &mut connection => return,
            _ = stopped.changed() => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }

    async fn answer(&self, request: Request<Incoming>, client: SocketAddr) -> Answer {
        let mut entry = Entry {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            start: Instant::now(),
            component: None,
            status: StatusCode::OK,
            turn: None,
            quiet: self.quiet,
        };
        if let Some(rest) = entry.path.strip_prefix(WELL_KNOWN_PREFIX) {
            let healthy = rest == "health";
            return if healthy {
                entry.plain(StatusCode::OK, "OK")
            } else {
                entry.empty(StatusCode::NOT_FOUND)
            };
        }
        let path = entry.path.clone();
        let Some(route) = self.router.find(&path) else { return entry.empty(StatusCode::NOT_FOUND) };
        let Some(component) = self.components.get(route.component) else {
            return entry.empty(StatusCode::NOT_FOUND);
        };
        entry.component = Some(component.state().grant.component.clone());

        let (mut head, body) = request.into_parts();
        if let Err(malformed) = headers::prepare(&mut head, &route, client) {
            let explanation = match malformed {
                Malformed::Host => "The request does not name one valid host.\n",
                Malformed::Header => "A header of the request is not text.\n",
                Malformed::Path => "The request has no path.\n",
                Malformed::Coding => "The body is encoded more than once.\n",
            };
            let mut answer = entry.plain(StatusCode::BAD_REQUEST, explanation);
            // Where this request ends is not for sure, so nothing after it is read.
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return answer;
        }
        let Ok(Ok(place)) = timeout(QUEUE_TIMEOUT, self.places.clone().acquire_owned()).await else {
            let mut answer = entry.empty(StatusCode::SERVICE_UNAVAILABLE);
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            return answer;
        };
        let turn = Arc::new(Turn::new(place));
        let delivery = Delivery(turn.clone());
        entry.turn = Some(turn.clone());
        let request = Request::from_parts(head, body.map_err(Error::from).boxed_unsync());
        match component.handle(turn, request).await {
            Ok(response) => self.deliver(response, entry, delivery).await,
            Err(error) => {
                let status = entry.failure(&error);
                entry.failed(status)
            }
        }
    }

    /// Pass a guest's response on.
    async fn deliver(&self, response: Response<WasiBody>, mut entry: Entry, delivery: Delivery) -> Answer {
        let (head, body) = response.into_parts();
        entry.status = head.status;
        let length: Option<u64> =
            head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let bodiless = entry.method == Method::HEAD
            || head.status == StatusCode::NO_CONTENT
            || head.status == StatusCode::NOT_MODIFIED;
        if bodiless {
            drop((body, delivery));
            return entry.close(Response::from_parts(head, Either::Left(Full::default())));
        }
        let Some(length) = length.filter(|length| *length <= SMALL_BODY) else {
            let streamed = Streamed { body, entry: Some(entry), delivery };
            return Response::from_parts(head, Either::Right(streamed));
        };
        let collected = timeout(self.limits.request, body.collect()).await;
        drop(delivery);
        match collected.map(|collected| collected.map(|collected| collected.to_bytes())) {
            Ok(Ok(bytes)) if bytes.len() as u64 == length => {
                entry.close(Response::from_parts(head, Either::Left(Full::new(bytes))))
            }
            Err(_) => entry.failed(StatusCode::GATEWAY_TIMEOUT),
            _ => entry.failed(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// A request on its way to becoming a line of the log.
struct Entry {
    method: Method,
    path: String,
    start: Instant,
    component: Option<Arc<str>>,
    status: StatusCode,
    turn: Option<Arc<Turn>>,
    quiet: bool,
}

impl Entry {
    /// The status for a guest that gave no response. What the instance itself died of is logged by
    /// the instance; what else went wrong is logged here.
    fn failure(&self, error: &wasmtime::Error) -> StatusCode {
        let timed_out = self.turn.as_ref().is_some_and(|turn| turn.has_timed_out());
        if timed_out || error.is::<ExpirationError>() {
            return StatusCode::GATEWAY_TIMEOUT;
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

    fn empty(self, status: StatusCode) -> Answer {
        self.plain(status, "")
    }

    /// The response for a request whose instance failed. It has the trace id that the log has.
    fn failed(mut self, status: StatusCode) -> Answer {
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

    fn plain(mut self, status: StatusCode, text: &'static str) -> Answer {
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

    fn close(self, answer: Answer) -> Answer {
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
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
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
