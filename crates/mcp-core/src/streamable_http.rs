//! The MCP endpoints: from a request to a message, and from its outcome to a reply.
//!
//! The checks come in this order, and the first that fails answers: Origin, method, token, content
//! types, size, JSON, JSON-RPC, era, what the era asks for, and only then the method itself. Nothing
//! of a body is read for a page or a token that has no business here. A POST is answered by one message, or by a
//! stream that ends with it. What legacy sessions have besides is in `session_http`, and the transport before
//! this one in `http_sse`; both start here.

use crate::{
    McpServer,
    accept::{self, Format},
    access::{self, Admitted},
    answer::{Answered, Conversation},
    challenge::{self, Refusal},
    conversation::Step,
    era::{self, Era},
    jsonrpc::{self, Call, Fault, Id, Message, Misread, Parsed},
    kept_stream, landing_page,
    methods::{Context, Failure},
    origin,
    places::NoPlace,
    ports::{LogEvent, Outside},
    resource_metadata::trailing_slash,
    routes::{self, Endpoint},
    session_http::SessionFault,
    sse,
    watch::Counted,
};
use futures_util::{
    StreamExt,
    future::{Either, select},
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use std::{
    borrow::Cow,
    pin::pin,
    rc::Rc,
    time::{Duration, SystemTime},
};
use web_core::{Body, BodyError, Head, ReadBody, Reply, cors};

/// How long a request of a session may be silent before its answer becomes a stream that can show that it is
/// still there. Hosts and proxies give up on those that cannot.
const PATIENCE: Duration = Duration::from_secs(5);

/// The header that names a session.
pub(crate) const SESSION_HEADER: HeaderName = HeaderName::from_static("mcp-session-id");

impl<O: Outside> McpServer<O> {
    /// Answers a request to an endpoint.
    pub(crate) async fn endpoint(
        self: &Rc<Self>,
        endpoint: Endpoint,
        head: &Head,
        body: &mut impl ReadBody,
        now: SystemTime,
    ) -> Reply<Body> {
        let Ok(origin) = origin::judge(head, &self.allowed_origins, &self.public_url) else {
            let origins = head.headers.get_all(header::ORIGIN).iter();
            let origins: Vec<_> = origins.map(|origin| String::from_utf8_lossy(origin.as_bytes())).collect();
            self.outside.log(LogEvent::OriginRefused(&origins.join(", ")));
            return refuse(StatusCode::FORBIDDEN, "This origin is not allowed");
        };
        let reply = match head.method {
            Method::OPTIONS => cors::preflight(head, endpoint.methods()).into(),
            // A client that finds out here that it has no token yet gets to signing in (MCP-A-16), whatever it
            // will learn then.
            Method::POST | Method::GET | Method::DELETE => {
                self.authenticated(endpoint, head, body, now).await.no_store()
            }
            _ => Reply::method_not_allowed(endpoint.methods()).into(),
        };
        origin::allow(reply, origin)
    }

    async fn authenticated(
        self: &Rc<Self>,
        endpoint: Endpoint,
        head: &Head,
        body: &mut impl ReadBody,
        now: SystemTime,
    ) -> Reply<Body> {
        let admitted = match access::admit(head, self.audiences(endpoint, head), &self.outside, now).await {
            Ok(admitted) => admitted,
            Err(refusal) => {
                let reply = self.challenge(endpoint, head, &refusal).await;
                let is_person = head.method == Method::GET && accept::is_browser(&head.headers);
                let reply = match is_person && refusal == Refusal::NoCredential {
                    true => landing_page::shown(reply, &self.public_url.url_for(head.authority.as_deref())),
                    false => reply,
                };
                return reply.into();
            }
        };
        // What is rare is boxed: the future of every call would carry its size along.
        match (&head.method, endpoint) {
            (&Method::POST, _) => self.post(endpoint, head, body, admitted).await,
            (_, Endpoint::SseMessage) => Reply::method_not_allowed(endpoint.methods()).into(),
            (&Method::GET, Endpoint::Sse) if !head.headers.contains_key(SESSION_HEADER) => {
                Box::pin(self.open_sse(head, admitted)).await
            }
            (&Method::GET, _) => Box::pin(self.get_stream(head, admitted)).await,
            (_, _) => Box::pin(self.delete_session(head, admitted)).await,
        }
    }

    async fn post(
        self: &Rc<Self>,
        endpoint: Endpoint,
        head: &Head,
        body: &mut impl ReadBody,
        admitted: Admitted,
    ) -> Reply<Body> {
        if head.content_type().as_deref() != Some("application/json") {
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json");
        }
        if head.has_content_encoding() {
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body must not be encoded");
        }
        // What is posted to the older transport is answered on its stream.
        let format = match endpoint {
            Endpoint::SseMessage => Some(Format::Json),
            Endpoint::Mcp | Endpoint::Sse => accept::negotiate(&head.headers),
        };
        let Some(format) = format else {
            return refuse(
                StatusCode::NOT_ACCEPTABLE,
                "Accept must allow application/json and text/event-stream",
            );
        };
        match body.read(self.message_limit.0).await {
            Ok(body) if endpoint == Endpoint::SseMessage => {
                Box::pin(self.sse_message(head, &body, admitted)).await
            }
            Ok(body) => self.message(endpoint, head, &body, admitted, format).await,
            Err(BodyError::TooLarge) => {
                self.outside.log(LogEvent::MessageTooLarge(self.message_limit));
                let what =
                    format!("The message is longer than {}, the most that is read", self.message_limit);
                let message = Fault::Unreadable(what).to_message(None);
                write(StatusCode::PAYLOAD_TOO_LARGE, message, Format::Json)
            }
            Err(BodyError::Incomplete) => refuse(StatusCode::BAD_REQUEST, "The body is incomplete"),
        }
    }

    /// The resources that a token may have been issued for: those at each address of the server, behind which is the
    /// same user's same server. A client that knows a developer's server by another name was told to ask for that, and
    /// an outside provider writes what was asked for.
    fn audiences(&self, endpoint: Endpoint, head: &Head) -> Vec<String> {
        let mut audiences = Vec::new();
        let slash = trailing_slash(head);
        let mut add = |url: &str| {
            audiences.push([url, endpoint.resource()].concat());
            if !slash.is_empty() {
                audiences.push([url, endpoint.resource(), slash].concat());
            }
            if self.tolerances.sibling_audience {
                audiences.push([url, endpoint.sibling_resource()].concat());
            }
            if self.tolerances.origin_audience {
                audiences.push(url.to_owned());
            }
        };
        for address in self.public_url.all() {
            add(address.as_str());
        }
        if let Cow::Owned(alias) = self.public_url.url_for(head.authority.as_deref()) {
            add(&alias);
        }
        audiences
    }

    pub(crate) async fn challenge(&self, endpoint: Endpoint, head: &Head, refusal: &Refusal) -> Reply {
        let initial_scopes = match refusal {
            Refusal::NoCredential | Refusal::InvalidToken => self.initial_scopes().await.unwrap_or_default(),
            Refusal::InvalidRequest | Refusal::InsufficientScope { .. } | Refusal::Unavailable => Vec::new(),
        };
        let resource = [endpoint.resource(), trailing_slash(head)].concat();
        let metadata =
            self.public_url.well_known_for(head.authority.as_deref(), routes::ORIGIN_METADATA, &resource);
        challenge::reply(refusal, &metadata, &initial_scopes)
    }

    async fn message(
        self: &Rc<Self>,
        endpoint: Endpoint,
        head: &Head,
        body: &[u8],
        admitted: Admitted,
        format: Format,
    ) -> Reply<Body> {
        match self.read_message(body) {
            Err((id, fault)) => error_reply(&fault, id.as_ref(), false, format),
            Ok(Parsed::Batch(messages)) => Box::pin(self.batch(head, messages, admitted, format)).await,
            Ok(Parsed::One(Message::Response(response))) => {
                self.response(head, &admitted.access, response).await
            }
            Ok(Parsed::One(Message::Notification(call))) => {
                self.notification(head, &call, &admitted.access).await
            }
            Ok(Parsed::One(Message::Request(id, call))) => {
                let request = Request { endpoint, head, id: &id, call: &call };
                self.request(request, admitted, format).await
            }
        }
    }

    /// Reads the messages of a body.
    pub(crate) fn read_message<'a>(&self, body: &'a [u8]) -> Result<Parsed<'a>, Misread> {
        let parsed = jsonrpc::parse(body, self.tolerances.null_parameters)?;
        let has_null = |message: &Message<'_>| match message {
            Message::Request(_, call) | Message::Notification(call) => call.has_null_params,
            Message::Response(_) => false,
        };
        let is_tolerated = match &parsed {
            Parsed::One(message) => has_null(message),
            Parsed::Batch(messages) => messages.iter().flatten().any(has_null),
        };
        if is_tolerated {
            self.outside.log(LogEvent::Tolerance("null_parameters"));
        }
        Ok(parsed)
    }

    async fn request(
        self: &Rc<Self>,
        request: Request<'_>,
        admitted: Admitted,
        format: Format,
    ) -> Reply<Body> {
        let Request { endpoint, head, id, call } = request;
        let mut context = match Context::of(head, call, admitted) {
            Ok(context) => context,
            Err(fault) => return error_reply(&fault, Some(id), true, format),
        };
        if let Err(fault) = self.join_session(&mut context, head, call).await {
            return fault.reply(Some(id));
        }
        if context.session.is_some() && format != Format::Json {
            context.conversation = Some(context.revision.streams_may_pause());
        }
        let modern = context.revision.is_modern();
        let credential = context.credential.clone();
        match self.run(id, call, context).await {
            Ok(Answered::Message(message)) => write(StatusCode::OK, message, format),
            Ok(Answered::Stream(messages)) if format == Format::Json => {
                // It gets the last one, and none of those before.
                let last = messages.fold(Vec::new(), async |_, message| message).await;
                write(StatusCode::OK, last, format)
            }
            Ok(Answered::Endless(_)) if format == Format::Json => {
                refuse(StatusCode::NOT_ACCEPTABLE, "Accept must allow text/event-stream")
            }
            Ok(Answered::Stream(messages)) => Reply::event_stream(self.watched(
                Box::pin(messages.map(sse::event)),
                credential,
                Counted::Not,
            )),
            // It looks after its token itself, and has a last word.
            Ok(Answered::Endless(messages)) => {
                Reply::event_stream(self.kept_alive(Box::pin(messages.map(sse::event))))
            }
            Ok(Answered::Handshake(message, open)) => {
                let reply = write(StatusCode::OK, message, format);
                match HeaderValue::try_from(open.session.id) {
                    Ok(name) => reply.with(SESSION_HEADER, name),
                    // It is in hexadecimal.
                    Err(_) => reply,
                }
            }
            Ok(Answered::Conversation(conversation)) => {
                self.hold(conversation, call.text, credential, format).await
            }
            Err(Failure::Fault(fault)) => error_reply(&fault, Some(id), modern, format),
            Err(Failure::Refusal(refusal)) => self.challenge(endpoint, head, &refusal).await.into(),
        }
    }

    /// Answers with a conversation. If it takes one message and little time, that is the answer.
    async fn hold(
        self: &Rc<Self>,
        conversation: Conversation,
        text: &str,
        credential: access::Credential,
        format: Format,
    ) -> Reply<Body> {
        let Conversation { session, id, mut steps } = conversation;
        let first = match select(steps.next(), pin!(self.outside.sleep(PATIENCE))).await {
            Either::Left((first, _)) => Some(first.unwrap_or(Step::GivenUp)),
            Either::Right(_) => None,
        };
        match first {
            Some(Step::Final(message)) => write(StatusCode::OK, message, format),
            // The client has said that it wants no answer; HTTP has to give one.
            Some(Step::GivenUp) => Reply::empty(StatusCode::ACCEPTED).into(),
            first => {
                let request = kept_stream::Request { session, id, text: Some(text.to_owned()) };
                let events = self.keep(request, first, steps).await;
                Reply::event_stream(self.watched(events, credential, Counted::WhenItLasts))
            }
        }
    }

    /// Accepts a notification, unless it contradicts itself. Only one of them asks for something.
    async fn notification(&self, head: &Head, call: &Call<'_>, access: &crate::ports::Access) -> Reply<Body> {
        let judged = era::classify(&head.headers, call).and_then(|era| match era {
            Era::Legacy(_) => Ok(true),
            Era::Modern(meta) => meta.judge_notification(&head.headers).map(|()| false),
        });
        let is_legacy = match judged {
            Ok(is_legacy) => is_legacy,
            Err(fault) => return error_reply(&fault, None, true, Format::Json),
        };
        match is_legacy {
            true => match self.legacy_notification(head, call, access).await {
                Ok(()) => Reply::empty(StatusCode::ACCEPTED).into(),
                Err(fault) => fault.reply(None),
            },
            false => Reply::empty(StatusCode::ACCEPTED).into(),
        }
    }
}

/// A request in a POST.
struct Request<'a> {
    endpoint: Endpoint,
    head: &'a Head,
    id: &'a Id,
    call: &'a Call<'a>,
}

impl<O: Outside> McpServer<O> {
    /// Answers a request for a stream that gets no place.
    pub(crate) fn no_place(&self, refusal: NoPlace) -> Reply<Body> {
        match refusal {
            NoPlace::TooMany => too_many(
                "This user opens more streams than the server allows; close some of them first",
                PLACE_RETRY_SECONDS,
            ),
            NoPlace::Unavailable(error) => self.unavailable(&error).reply(None),
        }
    }
}

/// When to try again to open a stream where others are still ending.
const PLACE_RETRY_SECONDS: u32 = 10;

impl SessionFault {
    pub(crate) fn reply(&self, id: Option<&Id>) -> Reply<Body> {
        match self {
            Self::Fault(fault) => error_reply(fault, id, true, Format::Json),
            Self::Unavailable => challenge::reply(&Refusal::Unavailable, "", &[]).into(),
        }
    }
}

pub(crate) fn error_reply(fault: &Fault, id: Option<&Id>, modern: bool, format: Format) -> Reply<Body> {
    write(fault.status(modern), fault.to_message(id), format)
}

/// A refusal of the transport: it is about the request as HTTP, so there is no id to it.
pub(crate) fn refuse(status: StatusCode, what: &'static str) -> Reply<Body> {
    write(status, Fault::InvalidRequest(what).to_message(None), Format::Json)
}

/// A refusal of what there is too much of at present.
pub(crate) fn too_many(what: &'static str, retry_after_seconds: u32) -> Reply<Body> {
    refuse(StatusCode::TOO_MANY_REQUESTS, what)
        .with(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds))
}

pub(crate) fn write(status: StatusCode, message: Vec<u8>, format: Format) -> Reply<Body> {
    // An event stream carries what was answered; what went wrong as HTTP is JSON.
    if format == Format::EventStream && status == StatusCode::OK {
        let Reply { status, headers, .. } = Reply::event_stream(Box::pin(futures_util::stream::empty()));
        return Reply { status, headers, body: Body::Whole(sse::event(message)) };
    }
    Reply::json_bytes(status, message.into()).into()
}
