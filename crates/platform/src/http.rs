//! HTTP requests that come in, and their replies.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use spin_sdk::http::{FullBody, Request, Response};
use wasip3::http::types;
use web_core::{Head, Reply};

/// The body of the request being answered, unread so far.
pub type Body = crate::body::Body<types::Request>;

/// Answers one request.
pub async fn serve(
    request: Request,
    handle: impl AsyncFnOnce(Head, Body) -> Reply,
) -> Response<FullBody<Bytes>> {
    let (parts, body) = request.into_parts();
    let head = Head {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        authority: authority(&parts),
        method: parts.method,
        headers: parts.headers,
    };
    let body = Body::new(body, &head.headers);
    let method = head.method.clone();
    into_response(handle(head, body).await.for_method(&method))
}

/// Where the client thinks it is: the target's authority, which the host takes from `Host`.
fn authority(parts: &http::request::Parts) -> Option<String> {
    match parts.uri.authority() {
        Some(authority) => Some(authority.as_str().to_owned()),
        None => Some(parts.headers.get(header::HOST)?.to_str().ok()?.to_owned()),
    }
}

fn into_response(reply: Reply) -> Response<FullBody<Bytes>> {
    let Reply { status, mut headers, body } = reply;
    let may_have_body = status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED;
    if may_have_body && !headers.contains_key(header::CONTENT_LENGTH) {
        // With it, a host can send head and body in one segment.
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let mut response = Response::new(FullBody::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
