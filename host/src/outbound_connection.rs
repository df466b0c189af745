//! One outgoing request over one connection, to addresses that were checked before.
//!
//! `wasmtime-wasi-http` can send a request too, but looks the name up again while doing so; then what
//! was checked and what is called could differ. TLS trusts the roots that Mozilla publishes.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::outbound::Sent;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(120);
const BETWEEN_BYTES_TIMEOUT: Duration = Duration::from_secs(120);

static TLS: LazyLock<TlsConnector> = LazyLock::new(|| {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    TlsConnector::from(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
});

/// Send `request` to the first of `addresses` that accepts a connection.
pub(crate) async fn send(
    mut request: Request<WasiBody>,
    options: Option<&RequestOptions>,
    addresses: &[SocketAddr],
) -> Result<Sent, Error> {
    let connect_timeout = options.and_then(|o| o.connect_timeout).unwrap_or(CONNECT_TIMEOUT);
    let first_byte = options.and_then(|o| o.first_byte_timeout).unwrap_or(FIRST_BYTE_TIMEOUT);
    let between_bytes = options.and_then(|o| o.between_bytes_timeout).unwrap_or(BETWEEN_BYTES_TIMEOUT);

    let stream = timeout(connect_timeout, TcpStream::connect(addresses))
        .await
        .map_err(|_| Error::ConnectionTimeout)?
        .map_err(Error::Connect)?;
    stream.set_nodelay(true).map_err(Error::Connect)?;

    let uri = std::mem::take(request.uri_mut());
    // Only a proxy is told scheme and authority; the server finds them in `host`.
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);

    if uri.scheme() == Some(&Scheme::HTTPS) {
        let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?.trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned())?;
        let stream = timeout(connect_timeout, TLS.connect(name, stream))
            .await
            .map_err(|_| Error::ConnectionTimeout)?
            .map_err(Error::Tls)?;
        exchange(request, http1::handshake(TokioIo::new(stream)).await?, first_byte, between_bytes).await
    } else {
        exchange(request, http1::handshake(TokioIo::new(stream)).await?, first_byte, between_bytes).await
    }
}

async fn exchange<S>(
    request: Request<WasiBody>,
    (mut sender, connection): (http1::SendRequest<WasiBody>, http1::Connection<S, WasiBody>),
    first_byte: Duration,
    between_bytes: Duration,
) -> Result<Sent, Error>
where
    S: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    let mut connection = Box::pin(connection);
    let mut closed = false;
    let response = {
        let mut answer = std::pin::pin!(timeout(first_byte, sender.send_request(request)));
        // The connection makes progress only while somebody polls it.
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            end = &mut connection => {
                closed = true;
                end?;
                answer.await
            }
        }
    };
    let response = response.map_err(|_| Error::ConnectionReadTimeout)??;
    let body = |incoming| Timed { incoming, limit: between_bytes, sleep: Box::pin(sleep(between_bytes)) };
    let rest = async move { if closed { Ok(()) } else { connection.await.map_err(Error::from) } };
    Ok((response.map(|incoming| body(incoming).boxed_unsync()), Box::new(rest)))
}

/// A response body that ends with an error when nothing arrives for too long.
struct Timed {
    incoming: Incoming,
    limit: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl Body for Timed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) {
            let next = Instant::now() + self.limit;
            self.sleep.as_mut().reset(next);
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        }
        ready!(self.sleep.as_mut().poll(cx));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
