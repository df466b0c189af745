//! HTTP requests that come in, and their replies.

use crate::clock;
use bytes::Bytes;
use futures_core::future::LocalBoxFuture;
use futures_util::{StreamExt, future::select};
use http::{HeaderValue, StatusCode, header};
use http_body::Frame;
use http_body_util::{Either, Full, StreamBody};
use spin_sdk::http::{Request, Response};
use std::{
    convert::Infallible,
    pin::{Pin, pin},
    time::Duration,
};
use wasip3::http::types;
use web_core::{Body, BodyError, Head, ReadBody, Reply};

/// The body of a reply, as the edge of the component takes it.
type OutgoingBody = Either<
    Full<Bytes>,
    StreamBody<Pin<Box<dyn futures_core::Stream<Item = Result<Frame<Bytes>, Infallible>>>>>,
>;

/// How much of a body that is too large is read and dropped, and for how long. A client that is still sending when the response
/// comes may find its connection reset in the place of the response.
const MOST_DROPPED: u64 = 8 * 1024 * 1024;
const DROPPING: Duration = Duration::from_secs(2);

/// The body of the request being answered, unread so far.
pub struct IncomingBody {
    body: crate::body::Body<types::Request>,
    /// Its client sends it without waiting to be asked for it.
    is_sent_anyway: bool,
}

impl IncomingBody {
    /// Reads what is left of a body that is too large, and drops it.
    async fn drop_rest(&mut self) {
        if !self.is_sent_anyway || self.body.declared_length().is_some_and(|length| length > MOST_DROPPED) {
            return;
        }
        let rest = async {
            let mut dropped = 0;
            while let Some(Ok(data)) = self.body.next().await
                && dropped <= MOST_DROPPED
            {
                dropped += data.len() as u64;
            }
        };
        select(pin!(rest), pin!(clock::sleep(DROPPING))).await;
    }
}

impl ReadBody for IncomingBody {
    async fn read(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        let read = self.body.read(limit).await;
        if read == Err(BodyError::TooLarge) {
            self.drop_rest().await;
        }
        read
    }
}

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
    // RFC 9110 section 10.1.1: a client that expects 100 (Continue) sends nothing after a refusal.
    let is_sent_anyway = !head.headers.contains_key(header::EXPECT);
    let body = IncomingBody { body: crate::body::Body::new(body, &head.headers), is_sent_anyway };
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
