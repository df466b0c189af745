//! HTTP+SSE, the transport of revision 2024-11-05: one stream that a client opens, and an address that it posts
//! messages to. Everything that the server says comes on the stream.
//!
//! One instance holds the stream ([`holder`]), and POSTs reach any. So requests are put into the session's inbox; the
//! holder takes them out, runs them, and sends what comes of them. What HTTP can say about a request is said before it
//! is accepted: that its token is not good, that its token does not allow it, and that its session is over. The last
//! is found out by waiting for the holder to see the POST, for nothing else tells of an instance that has ended.

mod holder;

use crate::{
    McpServer,
    accept::{self, Format},
    access::Admitted,
    challenge::Refusal,
    connection::Unavailable,
    era::Meta,
    jsonrpc::{self, Fault, Message, Parsed},
    methods::Context,
    places::Kind,
    ports::{ClientCapabilities, LogEvent, Outside},
    revision::Revision,
    routes::Endpoint,
    session::{Allowed, Begun, Handshake, Lost, OpenSession},
    session_http::SessionFault,
    streamable_http::{error_reply, refuse, too_many},
};
use http::{HeaderMap, StatusCode};
use std::{rc::Rc, time::Duration};
use store_core::RecordError;
use web_core::{Body, Form, Head, Reply};

/// The parameter that names the session.
const SESSION: &str = "sessionId";

/// How often a POST looks whether it has been seen, and for how long. The holder looks at least once a second, and a
/// widespread client gives up on a POST after five seconds.
const SEEN_POLL: Duration = Duration::from_millis(75);
const SEEN_TIMEOUT_MS: u64 = 3_000;

impl<O: Outside> McpServer<O> {
    /// Answers GET: a stream, and a session with it.
    pub(crate) async fn open_sse(self: &Rc<Self>, head: &Head, admitted: Admitted) -> Reply<Body> {
        if matches!(accept::negotiate(&head.headers), None | Some(Format::Json)) {
            return refuse(StatusCode::NOT_ACCEPTABLE, "Accept must allow text/event-stream");
        }
        // Until client and server have agreed on a revision, the first one holds.
        let handshake = Handshake {
            revision: Revision::R2024_11_05,
            client_info: None,
            capabilities: ClientCapabilities::default(),
            is_held: true,
        };
        let place = match self.take_place(&admitted.access.subject, Kind::Stream).await {
            Ok(place) => place,
            Err(refusal) => return self.no_place(refusal),
        };
        match self.begin_session(&admitted.access, handshake).await {
            Ok(Begun::Open(open)) => {
                // In the terms of the address that the client knows: it resolves this against it.
                let path = self.public_url.address_for(head.authority.as_deref()).path();
                Reply::event_stream(self.hold_sse(Rc::new(*open), path, admitted, place).await)
            }
            Ok(Begun::Full) => too_many(
                "This client has as many sessions in use as the server allows; end one of them first",
                FULL_RETRY_SECONDS,
            ),
            Ok(Begun::NoKeys) => SessionFault::Unavailable.reply(None),
            Err(error) => {
                self.log_unavailable(&error);
                SessionFault::Unavailable.reply(None)
            }
        }
    }

    /// Answers a POST of a message.
    pub(crate) async fn sse_message(
        self: &Rc<Self>,
        head: &Head,
        body: &[u8],
        admitted: Admitted,
    ) -> Reply<Body> {
        match self.take_in(head, body, &admitted).await {
            Ok(()) => Reply::empty(StatusCode::ACCEPTED).into(),
            Err(Refused::TooMany) => Reply::empty(StatusCode::TOO_MANY_REQUESTS).with_retry_after(1).into(),
            Err(Refused::TooLong) => {
                self.outside.log(LogEvent::InboxTooSmall);
                refuse(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "The message is too long to wait for its stream: 256 KiB is the most over this transport",
                )
            }
            Err(Refused::Misread((id, fault))) => error_reply(&fault, id.as_ref(), false, Format::Json),
            Err(Refused::Session(fault)) => fault.reply(None),
            Err(Refused::NotAllowed(refusal)) => {
                self.challenge(Endpoint::SseMessage, head, &refusal).await.into()
            }
        }
    }

    /// Takes a POST in: judges all of it, and then acts on it.
    async fn take_in(self: &Rc<Self>, head: &Head, body: &[u8], admitted: &Admitted) -> Result<(), Refused> {
        let form = Form::parse(head.query.as_deref().unwrap_or_default().as_bytes()).unwrap_or_default();
        let name = form.single(SESSION).ok().flatten();
        let name = name.ok_or((None, Fault::InvalidRequest("sessionId must name a session, once")))?;
        let open = self.session(&admitted.access, name, true).await?;
        let messages = match self.read_message(body)? {
            Parsed::One(message) => vec![message],
            Parsed::Batch(messages) if open.session.revision.has_batches() => {
                messages.into_iter().collect::<Result<_, _>>()?
            }
            Parsed::Batch(_) => {
                return Err((None, Fault::InvalidRequest("The body must be one JSON-RPC message")).into());
            }
        };
        let is_batch = messages.len() > 1;
        let mut requests = Vec::new();
        for message in &messages {
            let Message::Request(id, call) = message else { continue };
            if is_batch && call.method == "initialize" {
                let fault = Fault::InvalidRequest("initialize must not be in a batch");
                return Err((Some(id.clone()), fault).into());
            }
            // The answer to a request of another era is an error on the stream: clients that try the newer one first
            // go on from there.
            if !Meta::parse(call.params.meta).claims_a_revision()
                && let Some(refusal) = self.refusal(call, &posted_context(&open, admitted, call)).await
            {
                return Err(Refused::NotAllowed(refusal));
            }
            requests.push(call.text);
        }
        for message in messages {
            match message {
                Message::Response(response) => self.answered(&open, response).await?,
                Message::Notification(call) => self.notified(&open, &call).await?,
                Message::Request(..) => {}
            }
        }
        let allowed = Allowed::from(&admitted.access);
        match self.change_inbox(&open, |inbox| inbox.post(&requests, &allowed)).await {
            Ok(Some(number)) => Ok(self.wait_until_seen(&open, number).await?),
            Ok(None) => Err(Refused::TooMany),
            Err(Lost::Ended) => Err(SessionFault::from(Fault::SessionNotFound).into()),
            Err(Lost::Unavailable(Unavailable::Record(RecordError::TooLarge))) => Err(Refused::TooLong),
            Err(lost @ Lost::Unavailable(_)) => {
                self.log_lost(&lost);
                Err(SessionFault::Unavailable.into())
            }
        }
    }

    /// Waits until the holder of the stream has seen a POST. When none does, the session is over: the instance that
    /// held its stream has ended, and the client has to connect anew.
    async fn wait_until_seen(&self, open: &OpenSession, number: u64) -> Result<(), SessionFault> {
        let until = self.unix_now_ms().saturating_add(SEEN_TIMEOUT_MS);
        loop {
            let is_last = self.unix_now_ms() >= until;
            match self.inbox(open).await {
                Ok(inbox) if inbox.seen >= number => return Ok(()),
                Ok(_) if is_last => {
                    self.end_session(open).await.map_err(|error| self.unavailable(&error))?;
                    return Err(Fault::SessionNotFound.into());
                }
                Err(Lost::Unavailable(error)) if is_last => return Err(self.unavailable(&error)),
                Err(Lost::Ended) => return Err(Fault::SessionNotFound.into()),
                Ok(_) | Err(Lost::Unavailable(_)) => self.outside.sleep(SEEN_POLL).await,
            }
        }
    }
}

/// When to try again where all sessions are in use.
const FULL_RETRY_SECONDS: u32 = 60;

/// No header of a POST says anything about its message.
static NO_HEADERS: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);

/// What is known about a request of a session, with the token that it came with.
fn posted_context<'a>(open: &Rc<OpenSession>, admitted: &Admitted, call: &jsonrpc::Call<'a>) -> Context<'a> {
    Context {
        revision: open.session.revision,
        access: admitted.access.clone(),
        credential: admitted.credential.clone(),
        meta: Meta::parse(call.params.meta),
        headers: &NO_HEADERS,
        session: Some(Rc::clone(open)),
        conversation: Some(false),
        reads_streams: true,
    }
}

/// Why a POST is not taken in.
enum Refused {
    TooMany,
    TooLong,
    Misread(jsonrpc::Misread),
    Session(SessionFault),
    NotAllowed(Refusal),
}

impl From<jsonrpc::Misread> for Refused {
    fn from(misread: jsonrpc::Misread) -> Self {
        Self::Misread(misread)
    }
}

impl From<SessionFault> for Refused {
    fn from(fault: SessionFault) -> Self {
        Self::Session(fault)
    }
}
