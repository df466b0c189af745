//! From a connection to a component and back.
//!
//! HTTP/1.1 on TCP with Nagle's algorithm off. An answer whose length is known and small is collected
//! and leaves in one write; then a guest that fails halfway is a 500 and not a torn answer. Anything
//! else is passed on as it comes. Not here: TLS, HTTP/2, a limit on request bodies (the guest has
//! one), and Spin's `/.well-known/spin/info`, which tells strangers what runs here.
//!
//! On its way a request passes [`crate::places`] and [`crate::request_body`]; what comes of it is an
//! [`Answer`].

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use http::header::{CONTENT_LENGTH, EXPECT};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::ProxyHandler;

use crate::answer::{Answer, Entry, Streamed};
use crate::headers::{self, Malformed};
use crate::instance::Instances;
use crate::limits::Limits;
use crate::log;
use crate::options::Options;
use crate::places::{Party, Places};
use crate::request_body::{Bodies, Unusable};
use crate::routes::{Router, WELL_KNOWN_PREFIX};
use crate::spin_latency::Wire;
use crate::turn::{Delivery, Turn};

/// The longest answer that is collected before it is sent.
const SMALL_BODY: u64 = 1 << 20;

/// How long a client may take to send a head, and how long a connection may wait for the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest head, and the size of the buffers.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// How long answers that are under way have when the host is asked to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// An application, ready to serve.
pub struct Application {
    pub(crate) router: Router,
    pub(crate) components: HashMap<String, ProxyHandler<Instances>>,
    limits: Limits,
    places: Places,
    bodies: Bodies,
    quiet: bool,
    imitate_spin_latency: bool,
}

impl Application {
    /// Routes, and the components that they lead to.
    pub fn new(
        router: Router,
        components: HashMap<String, Instances>,
        limits: Limits,
        options: &Options,
    ) -> Self {
        let components = components.into_iter().map(|(id, made)| (id, ProxyHandler::new(made))).collect();
        let (places, bodies) = (Places::new(&limits.places), Bodies::new(limits.least_body_rate));
        let Options { quiet, imitate_spin_latency, .. } = *options;
        Self { router, components, limits, places, bodies, quiet, imitate_spin_latency }
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
        let wire = Wire::new(stream, self.imitate_spin_latency);
        let service = service_fn(|request| {
            let application = self.clone();
            async move { Ok::<_, Infallible>(application.answer(request, client).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(wire), service);
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
        let (mut head, incoming) = request.into_parts();
        // Whatever comes of it: the rest of the body is read and dropped.
        let mut body = self.bodies.watch(incoming, head.headers.contains_key(EXPECT));
        let mut entry = Entry {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
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

        if let Err(malformed) = headers::prepare(&mut head, &route, client) {
            // Where this request ends is not for sure, so nothing after it is read.
            return entry.last(StatusCode::BAD_REQUEST, explain(malformed));
        }
        let party = self.places.party(client.ip(), &head.headers);
        let share = match self.places.enter(party).await {
            Ok(share) => share,
            Err(refused) => return entry.refused(refused),
        };
        match self.bodies.read_small(&mut body).await {
            Ok(()) => {}
            Err(Unusable::Slow) => return entry.last(StatusCode::REQUEST_TIMEOUT, TOO_SLOW),
            Err(Unusable::Busy) => return entry.later(StatusCode::SERVICE_UNAVAILABLE),
            Err(Unusable::Broken) => return entry.last(StatusCode::BAD_REQUEST, "The body broke off.\n"),
        }
        let place = match self.places.take(party, share, !body.is_whole()).await {
            Ok(place) => place,
            Err(refused) => return entry.refused(refused),
        };
        let turn = Arc::new(Turn::new(place));
        let delivery = Delivery(turn.clone());
        entry.turn = Some(turn.clone());
        let slow = body.slowness();
        let request = Request::from_parts(head, body.boxed_unsync());
        let handled = component.handle(turn, request).await;
        if slow.load(Ordering::Relaxed) {
            return entry.last(StatusCode::REQUEST_TIMEOUT, TOO_SLOW);
        }
        match handled {
            Ok(response) => self.deliver(response, entry, delivery, party).await,
            Err(error) => match entry.failure(&error) {
                StatusCode::SERVICE_UNAVAILABLE => entry.later(StatusCode::SERVICE_UNAVAILABLE),
                status => entry.failed(status),
            },
        }
    }

    /// Pass a guest's response on.
    async fn deliver(
        &self,
        response: Response<WasiBody>,
        mut entry: Entry,
        delivery: Delivery,
        party: Party,
    ) -> Answer {
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
            let streamed = Streamed::new(body, entry, delivery, self.places.stream(party));
            return Response::from_parts(head, Either::Right(streamed));
        };
        let collected = timeout(self.limits.request, body.collect()).await;
        drop(delivery);
        match collected.map(|collected| collected.map(|collected| collected.to_bytes())) {
            Ok(Ok(bytes)) if bytes.len() as u64 == length => {
                entry.close(Response::from_parts(head, Either::Left(Full::new(bytes))))
            }
            _ if entry.turn.as_ref().is_some_and(|turn| turn.has_run_out_of_memory()) => {
                entry.later(StatusCode::SERVICE_UNAVAILABLE)
            }
            Err(_) => entry.failed(StatusCode::GATEWAY_TIMEOUT),
            _ => entry.failed(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// What a client is told that sends its request too slowly.
const TOO_SLOW: &str = "The request arrives too slowly.\n";

fn explain(malformed: Malformed) -> &'static str {
    match malformed {
        Malformed::Host => "The request does not name one valid host.\n",
        Malformed::Header => "A header of the request is not text.\n",
        Malformed::Path => "The request has no path.\n",
        Malformed::Coding => "The body is encoded more than once.\n",
    }
}
