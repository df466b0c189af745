//! Several messages in one POST (2025-03-26, base protocol, batching).

use crate::{
    McpServer,
    accept::Format,
    access::Admitted,
    answer::Answered,
    era::Meta,
    jsonrpc::{Call, Fault, Id, Message, Misread},
    methods::{Context, Failure},
    ports::{Access, Outside},
    revision::Revision,
    session::OpenSession,
    session_http::{SessionFault, legacy_revision},
    streamable_http,
};
use futures_util::StreamExt;
use http::StatusCode;
use std::rc::Rc;
use web_core::{Body, Head, Reply};

impl<O: Outside> McpServer<O> {
    /// Answers a POST of several messages. They are taken one after the other, and answered together: there is
    /// no stream on which one of them could ask the client something.
    pub(crate) async fn batch(
        self: &Rc<Self>,
        head: &Head,
        messages: Vec<Result<Message<'_>, Misread>>,
        admitted: Admitted,
        format: Format,
    ) -> Reply<Body> {
        let session = match self.batch_session(head, &messages, &admitted.access).await {
            Ok(session) => session,
            Err(fault) => return fault.reply(None),
        };
        let mut answers: Vec<Vec<u8>> = Vec::new();
        for message in messages {
            let taken_in = match message {
                Err((id, fault)) => {
                    answers.push(fault.to_message(id.as_ref()));
                    Ok(())
                }
                Ok(Message::Notification(call)) => match &session {
                    Some(session) => self.notified(session, &call).await,
                    None => Ok(()),
                },
                Ok(Message::Response(response)) => match &session {
                    Some(session) => self.answered(session, response).await,
                    None => Err(Fault::InvalidRequest("There is no session to which this answers").into()),
                },
                Ok(Message::Request(id, call)) => {
                    answers.push(self.in_batch(head, &id, &call, admitted.clone(), session.clone()).await);
                    Ok(())
                }
            };
            if let Err(fault) = taken_in {
                return fault.reply(None);
            }
        }
        if answers.is_empty() {
            return Reply::empty(StatusCode::ACCEPTED).into();
        }
        let together = [&b"["[..], &answers.join(&b","[..]), b"]"].concat();
        streamable_http::write(StatusCode::OK, together, format)
    }

    /// Judges a batch as a whole, and finds its session.
    async fn batch_session(
        &self,
        head: &Head,
        messages: &[Result<Message<'_>, Misread>],
        access: &Access,
    ) -> Result<Option<Rc<OpenSession>>, SessionFault> {
        const NO_BATCHES: Fault = Fault::InvalidRequest("The body must be one JSON-RPC message");
        let is_modern = |message: &Result<Message<'_>, Misread>| match message {
            Ok(Message::Request(_, call) | Message::Notification(call)) => {
                Meta::parse(call.params.meta).claims_a_revision()
            }
            Ok(Message::Response(_)) | Err(_) => false,
        };
        if messages.iter().any(is_modern) {
            return Err(NO_BATCHES.into());
        }
        let header = legacy_revision(&head.headers)?;
        let session = self.named_session(head, access).await?;
        let agreed = session.as_ref().map(|session| session.session.revision);
        match agreed.or(header).unwrap_or(Revision::WITHOUT_HEADER).has_batches() {
            true => Ok(session),
            false => Err(NO_BATCHES.into()),
        }
    }

    async fn in_batch(
        self: &Rc<Self>,
        head: &Head,
        id: &Id,
        call: &Call<'_>,
        admitted: Admitted,
        session: Option<Rc<OpenSession>>,
    ) -> Vec<u8> {
        if call.method == "initialize" {
            return Fault::InvalidRequest("initialize must not be in a batch").to_message(Some(id));
        }
        let answered = match Context::of(head, call, admitted) {
            Ok(mut context) => {
                context.revision = Revision::R2025_03_26;
                context.session = session;
                self.run(id, call, context).await
            }
            Err(fault) => Err(fault.into()),
        };
        match answered {
            Ok(Answered::Message(message) | Answered::Handshake(message, _)) => message,
            Ok(Answered::Stream(messages)) => messages.fold(Vec::new(), async |_, message| message).await,
            // Without a stream there are none.
            Ok(Answered::Conversation(_) | Answered::Endless(_)) => Fault::Internal.to_message(Some(id)),
            Err(Failure::Refusal(crate::challenge::Refusal::InsufficientScope { .. })) => {
                // What it takes is said by HTTP, and there is one status for all of a batch.
                Fault::InvalidRequest("The access token does not allow this; send it by itself to learn more")
                    .to_message(Some(id))
            }
            Err(failure) => failure.to_message(id),
        }
    }
}
