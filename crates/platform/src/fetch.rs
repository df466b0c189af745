//! Documents from elsewhere (`wasi:http`'s client). The rules are in [`web_core::fetch`].

use crate::{body::Body, log};
use bytes::Bytes;
use http::HeaderMap;
use std::{cell::Cell, time::Duration};
use wasip3::{
    clocks::monotonic_clock,
    http::{client, types},
    http_compat, wit_future, wit_stream,
};
use web_core::fetch::{FetchUrl, Fetcher, Response, Transport, TransportError};

/// [`Fetch`](web_core::fetch::Fetch) over the host's HTTP client. Which hosts may be reached is the
/// component's grant (`allowed_outbound_hosts`); which networks may not, the host's configuration.
pub type HostFetch = Fetcher<HostTransport>;

/// The host's HTTP client.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostTransport;

impl Transport for HostTransport {
    type Body = Body<types::Response>;

    async fn send(
        &self,
        url: &FetchUrl,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Response<Self::Body>, TransportError> {
        let request =
            request(url, headers, body).ok_or_else(|| TransportError("the host took no request".into()))?;
        let response = client::send(request).await.map_err(code)?;
        let (head, body) = http_compat::http_from_wasi_response(response).map_err(code)?.into_parts();
        let body = Body::new(body, &head.headers);
        Ok(Response { status: head.status, headers: head.headers, body })
    }

    async fn wait(&self, duration: Duration) {
        monotonic_clock::wait_for(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)).await;
    }
}

thread_local! {
    /// What [`blocks_private_networks`] found. It is the host's configuration, and does not change while
    /// an instance lives.
    static BLOCKS_PRIVATE_NETWORKS: Cell<Option<bool>> = const { Cell::new(None) };
}

/// How long the machine's own address is waited for.
const CANARY_NANOSECONDS: u64 = 1_000_000_000;

/// Whether the host refuses to call private networks: it is asked for the address of the machine that it
/// runs on. Only a refusal for that reason will do; anything else, an answer or none, says that the address
/// was tried.
pub async fn blocks_private_networks() -> bool {
    if let Some(known) = BLOCKS_PRIVATE_NETWORKS.get() {
        return known;
    }
    let is_blocked = match canary() {
        Some(request) => {
            matches!(client::send(request).await, Err(types::ErrorCode::DestinationIpProhibited))
        }
        None => false,
    };
    if !is_blocked {
        log::line("the host does not block private networks, so nothing is fetched from where strangers say");
    }
    BLOCKS_PRIVATE_NETWORKS.set(Some(is_blocked));
    is_blocked
}

fn canary() -> Option<types::Request> {
    let options = types::RequestOptions::new();
    options.set_connect_timeout(Some(CANARY_NANOSECONDS)).ok()?;
    options.set_first_byte_timeout(Some(CANARY_NANOSECONDS)).ok()?;
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let (request, _) = types::Request::new(types::Fields::new(), None, no_trailers, Some(options));
    request.set_method(&types::Method::Get).ok()?;
    request.set_scheme(Some(&types::Scheme::Https)).ok()?;
    request.set_authority(Some("127.0.0.1")).ok()?;
    request.set_path_with_query(Some("/")).ok()?;
    Some(request)
}

/// A POST with a body, or a GET without one. `None` when the host finds fault with a part of it.
fn request(url: &FetchUrl, headers: HeaderMap, body: Option<Bytes>) -> Option<types::Request> {
    let headers = headers.try_into().ok()?;
    let method = if body.is_some() { types::Method::Post } else { types::Method::Get };
    let contents = body.map(|body| {
        let (mut writer, contents) = wit_stream::new();
        // The host reads it while the request is sent.
        wit_bindgen::spawn(async move {
            writer.write_all(body.into()).await;
        });
        contents
    });
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let (request, _) = types::Request::new(headers, contents, no_trailers, None);
    let scheme = if url.scheme() == "http" { types::Scheme::Http } else { types::Scheme::Https };
    request.set_method(&method).ok()?;
    request.set_scheme(Some(&scheme)).ok()?;
    request.set_authority(Some(url.authority())).ok()?;
    request.set_path_with_query(Some(url.path_and_query())).ok()?;
    Some(request)
}

/// The host's word for what went wrong.
fn code(error: types::ErrorCode) -> TransportError {
    TransportError(format!("{error:?}"))
}
