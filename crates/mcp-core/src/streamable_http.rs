//! The Streamable HTTP transport: from a request to a message, and from its outcome to a reply.
//!
//! The checks come in this order, and the first that fails answers: Origin, method, token, content
//! types, size, JSON, JSON-RPC, era, what the era asks for, and only then the method itself. Nothing
//! of a body is read for a page or a token that has no business here. There are no sessions and no
//! stream to GET: each POST is answered by one message, or by a stream that ends with it.

use crate::{
    McpServer,
    accept::{self, Format},
    access,
    answer::{Answered, Messages},
    challenge::{self, Refusal},
    era::{self, Era},
    jsonrpc::{self, Call, Fault, Id, Message},
    methods::{Context, Failure},
    origin,
    ports::{Access, Outside},
    routes,
};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, StatusCode};
use std::{rc::Rc, time::SystemTime};
use web_core::{Body, BodyError, Head, ReadBody, Reply};

/// The longest body that is read (HT-01).
const MAX_BODY: usize = 1024 * 1024;

impl<O: Outside> McpServer<O> {
    /// Answers a request to the MCP endpoint.
    pub(crate) async fn streamable_http(
        self: &Rc<Self>,
        head: &Head,
        body: &mut impl ReadBody,
        now: SystemTime,
    ) -> Reply<Body> {
        let Ok(origin) = origin::judge(head, &self.public_url) else {
            return refuse(StatusCode::FORBIDDEN, "This origin is not allowed");
        };
        let reply = match head.method {
            Method::OPTIONS => origin::preflight(head).into(),
            Method::POST | Method::GET | Method::DELETE => {
                self.authenticated(head, body, now).await.no_store()
            }
            _ => Reply::method_not_allowed(origin::METHODS).into(),
        };
        origin::allow(reply, origin)
    }

    async fn authenticated(
        self: &Rc<Self>,
        head: &Head,
        body: &mut impl ReadBody,
        now: SystemTime,
    ) -> Reply<Body> {
        let access = match access::admit(head, &self.audiences(head), &self.outside, now).await {
            Ok(access) => access,
            Err(refusal) => return self.challenge(head, &refusal).await.into(),
        };
        if head.method != Method::POST {
            // The session operations of legacy revisions. A client that finds out here that it has no
            // token yet gets to signing in (MCP-A-16); one that has learns that there are none.
            return Reply::method_not_allowed(origin::METHODS).into();
        }
        if head.content_type().as_deref() != Some("application/json") {
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json");
        }
        if head.has_content_encoding() {
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body must not be encoded");
        }
        let Some(format) = accept::negotiate(&head.headers) else {
            return refuse(
                StatusCode::NOT_ACCEPTABLE,
                "Accept must allow application/json and text/event-stream",
            );
        };
        match body.read(MAX_BODY).await {
            Ok(body) => self.message(head, &body, access, format).await,
            Err(BodyError::TooLarge) => refuse(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Err(BodyError::Incomplete) => refuse(StatusCode::BAD_REQUEST, "The body is incomplete"),
        }
    }

    /// The resources that a token may have been issued for. A client that knows a developer's server by
    /// another name was told to ask for that, and an outside provider writes what was asked for.
    fn audiences(&self, head: &Head) -> Vec<String> {
        let names =
            [self.public_url.origin().to_owned(), self.public_url.origin_for(head.authority.as_deref())];
        let endpoints = names.iter().map(|origin| format!("{origin}{}", routes::MCP)).collect::<Vec<_>>();
        let origins = names.into_iter().filter(|_| self.tolerances.origin_audience);
        endpoints.into_iter().chain(origins).collect()
    }

    async fn challenge(&self, head: &Head, refusal: &Refusal) -> Reply {
        let initial_scopes = match refusal {
            Refusal::NoCredential | Refusal::InvalidToken => self.initial_scopes().await.unwrap_or_default(),
            Refusal::InvalidRequest | Refusal::InsufficientScope { .. } | Refusal::Unavailable => Vec::new(),
        };
        let origin = self.public_url.origin_for(head.authority.as_deref());
        challenge::reply(refusal, &format!("{origin}{}", routes::MCP_METADATA), &initial_scopes)
    }

    async fn message(
        self: &Rc<Self>,
        head: &Head,
        body: &[u8],
        access: Access,
        format: Format,
    ) -> Reply<Body> {
        match jsonrpc::parse(body) {
            Err((id, fault)) => error_reply(&fault, id.as_ref(), false, format),
            Ok(Message::Notification(call)) => notification(head, &call),
            Ok(Message::Request(id, call)) => self.request(head, &id, &call, access, format).await,
        }
    }

    async fn request(
        self: &Rc<Self>,
        head: &Head,
        id: &Id,
        call: &Call<'_>,
        access: Access,
        format: Format,
    ) -> Reply<Body> {
        let context = match Context::of(head, call, access) {
            Ok(context) => context,
            Err(fault) => return error_reply(&fault, Some(id), true, format),
        };
        let modern = context.revision.is_modern();
        match self.run(id, call, context).await {
            Ok(Answered::Message(message)) => write(StatusCode::OK, message, format),
            Ok(Answered::Stream(messages)) => write_stream(messages, format).await,
            Err(Failure::Fault(fault)) => error_reply(&fault, Some(id), modern, format),
            Err(Failure::Refusal(refusal)) => self.challenge(head, &refusal).await.into(),
        }
    }
}

/// No notification asks this server for anything: there is no session to be initialized and no
/// request of ours to be cancelled. So they are accepted, unless they contradict themselves.
fn notification(head: &Head, call: &Call<'_>) -> Reply<Body> {
    let judged = era::classify(&head.headers, call).and_then(|era| match era {
        Era::Legacy(_) => Ok(()),
        Era::Modern(meta) => meta.judge_notification(&head.headers),
    });
    match judged {
        Ok(()) => Reply::empty(StatusCode::ACCEPTED).into(),
        Err(fault) => error_reply(&fault, None, true, Format::Json),
    }
}

fn error_reply(fault: &Fault, id: Option<&Id>, modern: bool, format: Format) -> Reply<Body> {
    write(fault.status(modern), fault.to_message(id), format)
}

/// A refusal of the transport: it is about the request as HTTP, so there is no id to it.
fn refuse(status: StatusCode, what: &'static str) -> Reply<Body> {
    write(status, Fault::InvalidRequest(what).to_message(None), Format::Json)
}

fn write(status: StatusCode, message: Vec<u8>, format: Format) -> Reply<Body> {
    // An event stream carries what was answered; what went wrong as HTTP is JSON.
    if format == Format::EventStream && status == StatusCode::OK {
        let Reply { status, headers, .. } = Reply::event_stream(Box::pin(futures_util::stream::empty()));
        return Reply { status, headers, body: Body::Whole(event(message)) };
    }
    Reply::json_bytes(status, message.into()).into()
}

/// Messages as they are made. A client that reads JSON only gets the last one.
async fn write_stream(messages: Messages, format: Format) -> Reply<Body> {
    if format == Format::Json {
        let last = messages.fold(Vec::new(), async |_, message| message).await;
        return write(StatusCode::OK, last, format);
    }
    Reply::event_stream(Box::pin(messages.map(event)))
}

/// A message as an event (HTML, section 9.2.6).
fn event(message: Vec<u8>) -> Bytes {
    // Line breaks in JSON are whitespace between tokens, and would end the event's line.
    let one_line = message.into_iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
    b"event: message\ndata: ".iter().copied().chain(one_line).chain(*b"\n\n").collect()
}
