//! Documents from elsewhere (`wasi:http`'s client). The rules are in [`web_core::fetch`].

use crate::body::Body;
use http::HeaderMap;
use std::time::Duration;
use wasip3::{
    clocks::monotonic_clock,
    http::{client, types},
    http_compat, wit_future,
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

    async fn get(&self, url: &FetchUrl, headers: HeaderMap) -> Result<Response<Self::Body>, TransportError> {
        let request =
            request(url, headers).ok_or_else(|| TransportError("the host took no request".into()))?;
        let response = client::send(request).await.map_err(code)?;
        let (head, body) = http_compat::http_from_wasi_response(response).map_err(code)?.into_parts();
        let body = Body::new(body, &head.headers);
        Ok(Response { status: head.status, headers: head.headers, body })
    }

    async fn wait(&self, duration: Duration) {
        monotonic_clock::wait_for(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)).await;
    }
}

/// A GET without a body. `None` when the host finds fault with a part of it.
fn request(url: &FetchUrl, headers: HeaderMap) -> Option<types::Request> {
    let headers = headers.try_into().ok()?;
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let (request, _) = types::Request::new(headers, None, no_trailers, None);
    let scheme = if url.scheme() == "http" { types::Scheme::Http } else { types::Scheme::Https };
    request.set_method(&types::Method::Get).ok()?;
    request.set_scheme(Some(&scheme)).ok()?;
    request.set_authority(Some(url.authority())).ok()?;
    request.set_path_with_query(Some(url.path_and_query())).ok()?;
    Some(request)
}

/// The host's word for what went wrong.
fn code(error: types::ErrorCode) -> TransportError {
    TransportError(format!("{error:?}"))
}
