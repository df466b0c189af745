//! What legacy sessions have of HTTP besides single requests: streams to GET, DELETE, and messages that are not
//! requests; batches are in [`batch`](crate::batch) (2025-11-25, transports, session management).
//!
//! A session is looked for among those of the token's grant only. One that is not there, whoever has it, is 404.
//! A client that does without sessions is served all the same, wherever nothing has to be remembered of it.

use crate::{
    McpServer,
    accept::{self, Format},
    access::{Admitted, Credential},
    changes::{Changed, Seen, Wanted},
    connection::Unavailable,
    conversation::{Pending, Step},
    era::Meta,
    jsonrpc::{self, Call, Fault, Id, Message, Parsed, Response},
    kept_stream::{self, GoOn},
    methods::Context,
    mirrored_headers,
    pace::Pace,
    places::{Kind, Place},
    ports::{Access, Outside},
    revision::Revision,
    session::{self, Inbox, Lost, OpenSession},
    sse,
    streamable_http::{SESSION_HEADER, refuse},
    watch::{Counted, Watch},
};
use async_stream::stream;
use bytes::Bytes;
use futures_core::stream::LocalBoxStream;
use http::{HeaderMap, StatusCode};
use serde_json::{json, value::RawValue};
use std::rc::Rc;
use web_core::{Body, Head, Reply};

/// What the ids of events begin with that belong to no request.
const LISTENING: &str = "changes:";

/// How often a listening stream makes sure of its session, in seconds.
const SESSION_SECONDS: u64 = 3;

/// Why a session cannot be worked with.
#[derive(Debug)]
pub(crate) enum SessionFault {
    /// The client's mistake.
    Fault(Fault),
    /// It cannot be had now.
    Unavailable,
}

impl From<Fault> for SessionFault {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<O: Outside> McpServer<O> {
    /// The session that a request names. `None` when it names none.
    pub(crate) async fn named_session(
        &self,
        head: &Head,
        access: &Access,
    ) -> Result<Option<Rc<OpenSession>>, SessionFault> {
        let name = head.single_header(SESSION_HEADER);
        let name = name.map_err(|_| Fault::InvalidRequest("Mcp-Session-Id must occur once"))?;
        let Some(name) = name else { return Ok(None) };
        self.session(access, name, false).await.map(Some)
    }

    /// The session of this name. `is_held`: it is one of the older transport.
    pub(crate) async fn session(
        &self,
        access: &Access,
        name: &str,
        is_held: bool,
    ) -> Result<Rc<OpenSession>, SessionFault> {
        let found = self.find_session(access, name).await.map_err(|error| self.unavailable(&error))?;
        let found = found.filter(|open| open.session.held_until.is_some() == is_held);
        Ok(Rc::new(found.ok_or(Fault::SessionNotFound)?))
    }

    pub(crate) fn unavailable(&self, error: &Unavailable) -> SessionFault {
        self.log_unavailable(error);
        SessionFault::Unavailable
    }

    fn lost(&self, lost: Lost) -> SessionFault {
        match lost {
            Lost::Ended => Fault::SessionNotFound.into(),
            Lost::Unavailable(error) => self.unavailable(&error),
        }
    }

    /// Joins a legacy request with the session that it names, whose revision counts more than the header.
    pub(crate) async fn join_session(
        &self,
        context: &mut Context<'_>,
        head: &Head,
        call: &Call<'_>,
    ) -> Result<(), SessionFault> {
        // A handshake begins a session, whatever name it comes with.
        if context.revision.is_modern() || call.method == "initialize" {
            return Ok(());
        }
        if let Some(session) = self.named_session(head, &context.access).await? {
            context.revision = session.session.revision;
            context.session = Some(session);
        }
        Ok(())
    }

    /// Takes in a notification. Only one of them asks for something.
    pub(crate) async fn legacy_notification(
        &self,
        head: &Head,
        call: &Call<'_>,
        access: &Access,
    ) -> Result<(), SessionFault> {
        match self.named_session(head, access).await? {
            Some(session) => self.notified(&session, call).await,
            // Without a session, nothing of another request can be found.
            None => Ok(()),
        }
    }

    /// Takes in a notification of a session.
    pub(crate) async fn notified(&self, session: &OpenSession, call: &Call<'_>) -> Result<(), SessionFault> {
        let request = call.params.request_id.and_then(Id::parse);
        let (Some(request), "notifications/cancelled") = (request, &*call.method) else { return Ok(()) };
        let now = self.unix_now();
        let cancel = |inbox: &mut Inbox| inbox.cancel(request.as_str(), now);
        self.change_inbox(session, cancel).await.map_err(|lost| self.lost(lost))
    }

    /// Takes in the answer to a request of ours. One that nobody waits for is nothing to the client's discredit.
    pub(crate) async fn answered(
        &self,
        session: &OpenSession,
        response: Response<'_>,
    ) -> Result<(), SessionFault> {
        let Some(id) = response.id else { return Ok(()) };
        let answered = session::Answered {
            id: id.into_owned(),
            result: response.result.map(RawValue::get).map(str::to_owned),
        };
        let put = self.change_inbox(session, |inbox| inbox.answer(answered.clone())).await;
        put.map_err(|lost| self.lost(lost))
    }

    /// Answers a POST of a response.
    pub(crate) async fn response(&self, head: &Head, access: &Access, response: Response<'_>) -> Reply<Body> {
        let taken_in = async {
            match self.named_session(head, access).await? {
                Some(session) => self.answered(&session, response).await,
                // Nobody without a session was asked anything (MP-12).
                None => Err(Fault::InvalidRequest("The message must be a request or a notification").into()),
            }
        };
        match taken_in.await {
            Ok(()) => Reply::empty(StatusCode::ACCEPTED).into(),
            Err(fault) => fault.reply(None),
        }
    }

    /// Answers DELETE: the client is done with its session.
    pub(crate) async fn delete_session(&self, head: &Head, admitted: Admitted) -> Reply<Body> {
        let ended = async {
            legacy_revision(&head.headers)?;
            let Some(session) = self.named_session(head, &admitted.access).await? else {
                return Ok::<_, SessionFault>(false);
            };
            self.end_session(&session).await.map_err(|error| self.unavailable(&error))?;
            Ok(true)
        };
        match ended.await {
            Ok(true) => Reply::empty(StatusCode::NO_CONTENT).into(),
            Ok(false) => without_session(),
            Err(fault) => fault.reply(None),
        }
    }

    /// Answers GET: a stream for what belongs to no request, or the rest of one that was lost.
    pub(crate) async fn get_stream(self: &Rc<Self>, head: &Head, admitted: Admitted) -> Reply<Body> {
        let Admitted { access, credential } = admitted;
        let named = async {
            legacy_revision(&head.headers)?;
            self.named_session(head, &access).await
        };
        let session = match named.await {
            Ok(Some(session)) => session,
            Ok(None) => return without_session(),
            Err(fault) => return fault.reply(None),
        };
        if matches!(accept::negotiate(&head.headers), None | Some(Format::Json)) {
            return refuse(StatusCode::NOT_ACCEPTABLE, "Accept must allow text/event-stream");
        }
        let Ok(last) = head.single_header("last-event-id") else {
            return refuse(StatusCode::BAD_REQUEST, "Last-Event-ID must occur once");
        };
        let mark = match last {
            None => None,
            Some(last) => match last.strip_prefix(LISTENING) {
                Some(mark) => Some(mark),
                None => return self.resumed(&session, last, access, credential).await,
            },
        };
        let since = mark.and_then(Seen::at);
        let place = match self.take_place(&access.subject, Kind::Stream).await {
            Ok(place) => place,
            Err(refusal) => return self.no_place(refusal),
        };
        match self.listen(session, Admitted { access, credential }, since, place).await {
            Ok(events) => Reply::event_stream(events),
            Err(fault) => fault.reply(None),
        }
    }

    /// Takes up the stream of a request where the client lost it.
    async fn resumed(
        self: &Rc<Self>,
        session: &Rc<OpenSession>,
        last: &str,
        access: Access,
        credential: Credential,
    ) -> Reply<Body> {
        let subject = access.subject.clone();
        let go_on = Continuation { admitted: Admitted { access, credential: credential.clone() } };
        let resumed = match kept_stream::parse_event_id(last) {
            Some((stream, after)) => self.take_up(session, stream, after, go_on).await,
            None => Ok(None),
        };
        match resumed {
            Ok(Some(events)) => match self.take_place(&subject, Kind::Stream).await {
                Ok(place) => Reply::event_stream(self.watched(events, credential, Counted::Place(place))),
                Err(refusal) => self.no_place(refusal),
            },
            Ok(None) => refuse(StatusCode::BAD_REQUEST, "This stream cannot be taken up again"),
            Err(lost) => self.lost(lost).reply(None),
        }
    }

    /// A stream of what changes for everybody. `since`: where an earlier one was lost.
    async fn listen(
        self: &Rc<Self>,
        session: Rc<OpenSession>,
        Admitted { access, credential }: Admitted,
        since: Option<Seen>,
        mut place: Option<Place<O>>,
    ) -> Result<LocalBoxStream<'static, Bytes>, SessionFault> {
        let id = self.fresh_id();
        let joined = self.change_session(&session, |session| session.listen(&id)).await;
        let mut current = joined.map_err(|lost| self.lost(lost))?;
        let begun = self.begin_to_listen().await.map_err(|error| self.unavailable(&error))?;
        let server = Rc::clone(self);
        let mut seen = since.unwrap_or(begun);
        Ok(Box::pin(stream! {
            let mut watch = Watch::new(credential, server.unix_now());
            let mut looked_up = server.unix_now();
            let mut pace = Pace::new(server.unix_now_ms());
            yield if current.revision.streams_may_pause() {
                sse::priming(&format!("{LISTENING}{}", seen.mark()))
            } else {
                // The head alone may wait somewhere on its way.
                sse::keep_alive()
            };
            loop {
                server.outside.sleep(pace.pause(server.unix_now_ms())).await;
                if !watch.is_good(&server).await {
                    return;
                }
                if let Some(place) = &mut place
                    && !place.is_kept().await
                {
                    return;
                }
                // Another instance may have changed it, or ended it.
                let look = server.begin_to_listen().await.unwrap_or_else(|_| seen.clone());
                if look != seen || server.unix_now().saturating_sub(looked_up) >= SESSION_SECONDS {
                    looked_up = server.unix_now();
                    match server.find_session(&access, &session.session.id).await {
                        Ok(Some(open)) => current = open.session,
                        Ok(None) => return,
                        Err(_) => continue,
                    }
                }
                if !current.listeners.contains(&id) {
                    return;
                }
                if look != seen {
                    pace.came(server.unix_now_ms());
                    let changed = look.since(&seen, &wanted(&current));
                    seen = look;
                    // Each message goes out on one stream only (MCP-L-10).
                    if current.listeners.last() == Some(&id) {
                        let event_id = format!("{LISTENING}{}", seen.mark());
                        for message in changed.iter().filter_map(changed_message) {
                            yield sse::event_with_id(&event_id, message);
                            watch.sent(server.unix_now());
                        }
                    }
                }
                if watch.is_silent(server.unix_now()) {
                    yield sse::keep_alive();
                    watch.sent(server.unix_now());
                }
            }
        }))
    }
}

/// What a session wants to hear of: all lists, and the resources that it subscribed to.
pub(crate) fn wanted(session: &session::Session) -> Wanted {
    Wanted { tools: true, prompts: true, resources: true, uris: session.subscriptions.clone() }
}

/// A change, as a session hears of it.
pub(crate) fn changed_message(changed: &Changed) -> Option<Vec<u8>> {
    match changed {
        Changed::Tools => jsonrpc::notification_message("notifications/tools/list_changed", &json!({})),
        Changed::Prompts => jsonrpc::notification_message("notifications/prompts/list_changed", &json!({})),
        Changed::Resources => {
            jsonrpc::notification_message("notifications/resources/list_changed", &json!({}))
        }
        Changed::Resource(uri) => {
            jsonrpc::notification_message("notifications/resources/updated", &json!({ "uri": uri }))
        }
    }
}

/// The legacy revision that the headers name, if they name any.
pub(crate) fn legacy_revision(headers: &HeaderMap) -> Result<Option<Revision>, Fault> {
    let Some(header) = mirrored_headers::find(headers, "mcp-protocol-version")? else { return Ok(None) };
    match Revision::parse(header) {
        Some(revision) if revision.is_modern() => {
            Err(Fault::InvalidRequest("There is no such thing in this protocol version"))
        }
        Some(revision) => Ok(Some(revision)),
        None => Err(Fault::UnsupportedProtocolVersion { requested: header.to_owned() }),
    }
}

/// To a client without a session there is nothing to GET or DELETE.
fn without_session() -> Reply<Body> {
    Reply::method_not_allowed("POST, OPTIONS").into()
}

/// Goes on with a request that another instance began.
struct Continuation {
    admitted: Admitted,
}

impl<O: Outside> GoOn<O> for Continuation {
    async fn go_on(
        &self,
        server: &Rc<McpServer<O>>,
        session: &Rc<OpenSession>,
        request: &str,
        pending: Pending,
    ) -> LocalBoxStream<'static, Step> {
        match self.steps(server, session, request, pending).await {
            Ok(steps) => steps,
            Err(message) => Box::pin(futures_util::stream::iter([Step::Final(message)])),
        }
    }
}

impl Continuation {
    /// The steps that are left; or the message that ends it.
    async fn steps<O: Outside>(
        &self,
        server: &Rc<McpServer<O>>,
        session: &Rc<OpenSession>,
        request: &str,
        pending: Pending,
    ) -> Result<LocalBoxStream<'static, Step>, Vec<u8>> {
        // It was read once before.
        let Ok(Parsed::One(Message::Request(id, call))) = jsonrpc::parse(request.as_bytes(), true) else {
            return Err(Fault::Internal.to_message(None));
        };
        let headers = HeaderMap::new();
        let may_pause = session.session.revision.streams_may_pause();
        let context = Context {
            revision: session.session.revision,
            access: self.admitted.access.clone(),
            credential: self.admitted.credential.clone(),
            meta: Meta::parse(call.params.meta),
            headers: &headers,
            session: Some(Rc::clone(session)),
            conversation: Some(may_pause),
            reads_streams: true,
        };
        let rounds = server.rounds_of(&id, &call, &context).await?;
        Ok(server.converse(Rc::clone(session), id, rounds, Some(pending), may_pause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    /// MCP-V-18.
    #[test]
    fn version_of_streams_is_judged() {
        let judge = |version: &'static str| {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static("mcp-protocol-version"),
                HeaderValue::from_static(version),
            )]);
            legacy_revision(&headers).map(|revision| revision.map(Revision::as_str))
        };
        assert_eq!(judge("2025-06-18"), Ok(Some("2025-06-18")));
        assert!(judge("2026-07-28").is_err() && judge("1900-01-01").is_err());
        assert_eq!(legacy_revision(&HeaderMap::new()).map(drop), Ok(()));
    }
}
