//! HTTP requests that come in, and their replies.

use bytes::Bytes;
use futures_core::future::LocalBoxFuture;
use futures_util::StreamExt;
use http::{HeaderValue, StatusCode, header};
use http_body::Frame;
use http_body_util::{Either, Full, StreamBody};
use spin_sdk::http::{Request, Response};
use std::{convert::Infallible, pin::Pin};
use wasip3::http::types;
use web_core::{Body, Head, Reply};

/// The body of a reply, as the edge of the component takes it.
type OutgoingBody = Either<
    Full<Bytes>,
    StreamBody<Pin<Box<dyn futures_core::Stream<Item = Result<Frame<Bytes>, Infallible>>>>>,
>;

/// The body of the request being answered, unread so far.
pub type IncomingBody = crate::body::Body<types::Request>;

/// Answers one request.
pub async fn serve<B: Into<Body>>(
    request: Request,
    handle: impl AsyncFnOnce(Head, IncomingBody) -> Reply<B>,
) -> Response<OutgoingBody> {
    let (parts, body) = request.into_parts();
    let head = Head {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        authority: authority(&parts),
        method: parts.method,
        headers: parts.headers,
    };
    let body = IncomingBody::new(body, &head.headers);
    let method = head.method.clone();
    let Reply { status, headers, body } = handle(head, body).await;
    into_response(Reply { status, headers, body: body.into() }.for_method(&method))
}

/// Does something beside the request that is being answered, and after it. Hosts let an instance go on for a while
/// when its answer has left; for how long is theirs to say.
pub fn spawn(work: LocalBoxFuture<'static, ()>) {
    wit_bindgen::spawn(work);
}

/// Where the client thinks it is: the target's authority, which the host takes from `Host`.
fn authority(parts: &http::request::Parts) -> Option<String> {
    match parts.uri.authority() {
        Some(authority) => Some(authority.as_str().to_owned()),
        None => Some(parts.headers.get(header::HOST)?.to_str().ok()?.to_owned()),
    }
}

fn into_response(reply: Reply<Body>) -> Response<OutgoingBody> {
    let Reply { status, mut headers, body } = reply;
    let body = match body {
        Body::Whole(body) => {
            let may_have_body = status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED;
            if may_have_body && !headers.contains_key(header::CONTENT_LENGTH) {
                // With it, a host can send head and body in one segment.
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
            }
            Either::Left(Full::new(body))
        }
        Body::Stream(chunks) => {
            Either::Right(StreamBody::new(Box::pin(chunks.map(|chunk| Ok(Frame::data(chunk)))) as _))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
