//! HTTP+SSE, the transport of revision 2024-11-05: one stream that a client opens, and an address that it posts
//! messages to. Everything that the server says comes on the stream.
//!
//! The stream is held by one instance, and posts reach any. So they are put into the session's inbox, and whoever
//! holds the stream takes them out, runs them, and sends what comes of it. A session lasts as long as its stream:
//! the instance that holds it says so every now and then, and what it no longer says is over.

use crate::{
    McpServer,
    accept::{self, Format},
    access::Admitted,
    answer::Answered,
    connection::Unavailable,
    conversation::Step,
    era::Meta,
    jsonrpc::{self, Fault, Message, Parsed},
    methods::{Context, Failure},
    pace::Pace,
    ports::{Access, ClientCapabilities, Outside},
    revision::Revision,
    routes,
    session::{Handshake, Inbox, LEASE_SECONDS, Lost, OpenSession},
    session_http::{SessionFault, changed_message, wanted},
    sse,
    streamable_http::{error_reply, refuse},
    watch::Watch,
};
use async_stream::stream;
use bytes::Bytes;
use futures_core::stream::LocalBoxStream;
use futures_util::{
    StreamExt,
    future::{Either, select},
    stream::SelectAll,
};
use http::{HeaderMap, StatusCode};
use std::{pin::pin, rc::Rc};
use store_core::RecordError;
use web_core::{Body, Form, Head, Reply};

/// The parameter that names the session.
const SESSION: &str = "sessionId";

impl<O: Outside> McpServer<O> {
    /// Answers GET: a stream, and a session with it.
    pub(crate) async fn open_sse(self: &Rc<Self>, head: &Head, admitted: Admitted) -> Reply<Body> {
        if matches!(accept::negotiate(&head.headers), None | Some(Format::Json)) {
            return refuse(StatusCode::NOT_ACCEPTABLE, "Accept must allow text/event-stream");
        }
        // Until they have agreed on something, the least that there is.
        let handshake = Handshake {
            revision: Revision::R2024_11_05,
            client_info: None,
            capabilities: ClientCapabilities::default(),
            is_held: true,
        };
        match self.begin_session(&admitted.access, handshake).await {
            Ok(Some(open)) => Reply::event_stream(self.hold_sse(Rc::new(open), admitted)),
            Ok(None) => SessionFault::Unavailable.reply(None),
            Err(error) => {
                self.log_unavailable(&error);
                SessionFault::Unavailable.reply(None)
            }
        }
    }

    fn hold_sse(
        self: &Rc<Self>,
        open: Rc<OpenSession>,
        admitted: Admitted,
    ) -> LocalBoxStream<'static, Bytes> {
        let server = Rc::clone(self);
        Box::pin(stream! {
            let held = Held { server: Rc::clone(&server), open: Rc::clone(&open) };
            yield sse::endpoint(&format!("{}?{SESSION}={}", routes::SSE_MESSAGE, open.session.id));
            let mut watch = Watch::new(admitted.credential.clone(), server.unix_now());
            let mut said = server.unix_now();
            let mut seen = server.begin_to_listen().await.ok();
            let mut pace = Pace::new(server.unix_now_ms());
            let mut looks = 0_u32;
            let mut running: SelectAll<LocalBoxStream<'static, Vec<u8>>> = SelectAll::new();
            loop {
                let next = async {
                    match running.next().await {
                        Some(message) => message,
                        None => std::future::pending().await,
                    }
                };
                let pause = pace.pause(server.unix_now_ms());
                let told = match select(pin!(next), pin!(server.outside.sleep(pause))).await {
                    Either::Left((message, _)) => Some(message),
                    Either::Right(_) => None,
                };
                if !watch.is_good(&server).await {
                    break;
                }
                let now = server.unix_now();
                if let Some(message) = told {
                    yield sse::event(message);
                    watch.sent(now);
                    pace.came(server.unix_now_ms());
                }
                if now.saturating_sub(said) >= LEASE_SECONDS / 3 {
                    said = now;
                    match server.say_held(&held.open, now).await {
                        Ok(()) | Err(Lost::Unavailable(_)) => {}
                        Err(Lost::Ended) => break,
                    }
                }
                match server.take_messages(&open).await {
                    Ok(texts) => for text in texts {
                        pace.came(server.unix_now_ms());
                        let mut messages = server.answer_message(&open, text, admitted.clone());
                        if messages.1 {
                            // What comes after a handshake is read by what was agreed on in it.
                            while let Some(message) = messages.0.next().await {
                                yield sse::event(message);
                            }
                        } else {
                            running.push(messages.0);
                        }
                    },
                    Err(Lost::Ended) => break,
                    Err(Lost::Unavailable(_)) => {}
                }
                looks += 1;
                // What changes for everybody may wait a little longer than what this client posts.
                if looks.is_multiple_of(2) {
                    let look = server.begin_to_listen().await.ok();
                    if let (Some(look), Some(before)) = (&look, &seen)
                        && look != before
                        && let Ok(Some(current)) = server.find_session(&admitted.access, &open.session.id).await
                    {
                        for message in look.since(before, &wanted(&current.session)).iter().filter_map(changed_message) {
                            yield sse::event(message);
                        }
                    }
                    seen = look.or(seen);
                }
                if watch.is_silent(server.unix_now()) {
                    yield sse::keep_alive();
                    watch.sent(server.unix_now());
                }
            }
            drop(held);
        })
    }

    /// Says that the stream is still held.
    async fn say_held(&self, open: &OpenSession, now: u64) -> Result<(), Lost> {
        let until = now.saturating_add(LEASE_SECONDS);
        let said = self.change_session(open, |session| {
            session.held_until = Some(until);
            session.used_at = now;
        });
        said.await.map(drop)
    }

    /// Takes out what came in.
    async fn take_messages(&self, open: &OpenSession) -> Result<Vec<String>, Lost> {
        if self.inbox(open).await?.messages.is_empty() {
            return Ok(Vec::new());
        }
        self.change_inbox(open, |inbox| std::mem::take(&mut inbox.messages)).await
    }

    /// What a request is answered with, and whether it is the handshake.
    fn answer_message(
        self: &Rc<Self>,
        open: &Rc<OpenSession>,
        text: String,
        admitted: Admitted,
    ) -> (LocalBoxStream<'static, Vec<u8>>, bool) {
        let is_handshake = matches!(
            jsonrpc::parse(text.as_bytes()),
            Ok(Parsed::One(Message::Request(_, call))) if call.method == "initialize"
        );
        let (server, name) = (Rc::clone(self), open.session.id.clone());
        let messages = Box::pin(stream! {
            // It was read once before.
            let Ok(Parsed::One(Message::Request(id, call))) = jsonrpc::parse(text.as_bytes()) else { return };
            let open = match server.session(&admitted.access, &name, true).await {
                Ok(open) => open,
                Err(SessionFault::Fault(fault)) => {
                    yield fault.to_message(Some(&id));
                    return;
                }
                Err(SessionFault::Unavailable) => {
                    yield Fault::Unavailable.to_message(Some(&id));
                    return;
                }
            };
            let headers = HeaderMap::new();
            let context = Context {
                revision: open.session.revision,
                access: admitted.access,
                credential: admitted.credential,
                meta: Meta::parse(call.params.meta),
                headers: &headers,
                session: Some(open),
                conversation: Some(false),
                reads_streams: true,
            };
            match server.run(&id, &call, context).await {
                Ok(Answered::Message(message) | Answered::Handshake(message, _)) => yield message,
                Ok(Answered::Stream(mut messages) | Answered::Endless(mut messages)) => {
                    while let Some(message) = messages.next().await {
                        yield message;
                    }
                }
                Ok(Answered::Conversation(mut conversation)) => {
                    while let Some(step) = conversation.steps.next().await {
                        match step {
                            Step::Message(message) | Step::Final(message) => yield message,
                            Step::Asked(_, questions) => for question in questions {
                                yield question;
                            },
                            Step::Resumed | Step::Paused(_) | Step::GivenUp => {}
                        }
                    }
                }
                Err(Failure::Fault(fault)) => yield fault.to_message(Some(&id)),
                Err(Failure::Refusal(_)) => {
                    // What it takes is said by HTTP, and that has been answered.
                    let fault = Fault::InvalidRequest("The access token does not allow this operation");
                    yield fault.to_message(Some(&id));
                }
            }
        });
        (messages, is_handshake)
    }

    /// Answers a POST of a message.
    pub(crate) async fn sse_message(&self, head: &Head, body: &[u8], admitted: Admitted) -> Reply<Body> {
        match self.take_in(head, body, &admitted.access).await {
            Ok(true) => Reply::empty(StatusCode::ACCEPTED).into(),
            Ok(false) => Reply::empty(StatusCode::TOO_MANY_REQUESTS).with_retry_after(1).into(),
            Err(Refused::TooLong) => refuse(StatusCode::PAYLOAD_TOO_LARGE, "The message is too large"),
            Err(Refused::Misread((id, fault))) => error_reply(&fault, id.as_ref(), false, Format::Json),
            Err(Refused::Session(fault)) => fault.reply(None),
        }
    }

    /// Takes a message in. `false` when there are too many.
    async fn take_in(&self, head: &Head, body: &[u8], access: &Access) -> Result<bool, Refused> {
        let form = Form::parse(head.query.as_deref().unwrap_or_default().as_bytes()).unwrap_or_default();
        let name = form.single(SESSION).ok().flatten();
        let name = name.ok_or((None, Fault::InvalidRequest("sessionId must name a session, once")))?;
        let open = self.session(access, name, true).await?;
        let messages = match jsonrpc::parse(body)? {
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
        for message in messages {
            match message {
                Message::Response(response) => self.answered(&open, response).await?,
                Message::Notification(call) => self.notified(&open, &call).await?,
                Message::Request(id, call) => {
                    if Meta::parse(call.params.meta).claims_a_revision() {
                        let fault =
                            Fault::InvalidRequest("There is no such protocol version over this transport");
                        return Err((Some(id), fault).into());
                    }
                    if is_batch && call.method == "initialize" {
                        let fault = Fault::InvalidRequest("initialize must not be in a batch");
                        return Err((Some(id), fault).into());
                    }
                    requests.push(call.text);
                }
            }
        }
        let push = |inbox: &mut Inbox| requests.iter().all(|request| inbox.push(request.get()));
        match self.change_inbox(&open, push).await {
            Ok(has_room) => Ok(has_room),
            Err(Lost::Ended) => Err(SessionFault::from(Fault::SessionNotFound).into()),
            Err(Lost::Unavailable(Unavailable::Record(RecordError::TooLarge))) => Err(Refused::TooLong),
            Err(lost @ Lost::Unavailable(_)) => {
                self.log_lost(&lost);
                Err(SessionFault::Unavailable.into())
            }
        }
    }
}

/// Why a message is not taken in.
enum Refused {
    TooLong,
    Misread(jsonrpc::Misread),
    Session(SessionFault),
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

/// Ends the session with its stream, also when the stream is dropped because nobody reads it any more.
struct Held<O: Outside> {
    server: Rc<McpServer<O>>,
    open: Rc<OpenSession>,
}

impl<O: Outside> Drop for Held<O> {
    fn drop(&mut self) {
        let (server, open) = (Rc::clone(&self.server), Rc::clone(&self.open));
        self.server.outside.spawn(Box::pin(async move {
            if let Err(error) = server.end_session(&open).await {
                server.log_unavailable(&error);
            }
        }));
    }
}
