//! What a method gives a transport to send.

use crate::{conversation::Step, jsonrpc::Id, session::OpenSession};
use futures_core::stream::LocalBoxStream;
use std::rc::Rc;

/// JSON-RPC messages, one after the other. The last is the one that answers the request.
pub(crate) type Messages = LocalBoxStream<'static, Vec<u8>>;

/// The answer to a request.
pub(crate) enum Answered {
    /// One message.
    Message(Vec<u8>),
    /// Others before it. They are made as they are sent, and what makes them ends when nobody reads any more.
    Stream(Messages),
    /// The same, for as long as the client listens: there is no other way to answer.
    Endless(Messages),
    /// One message, and a session begins with it.
    Handshake(Vec<u8>, Box<OpenSession>),
    /// What takes the client's session.
    Conversation(Conversation),
}

/// A request of a session, in all its rounds.
pub(crate) struct Conversation {
    pub(crate) session: Rc<OpenSession>,
    /// The request's id.
    pub(crate) id: Id,
    pub(crate) steps: LocalBoxStream<'static, Step>,
}

impl From<Vec<u8>> for Answered {
    fn from(message: Vec<u8>) -> Self {
        Self::Message(message)
    }
}
