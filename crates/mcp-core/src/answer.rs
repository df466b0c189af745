//! What a method gives a transport to send.

use futures_core::stream::LocalBoxStream;

/// JSON-RPC messages, one after the other. The last is the one that answers the request.
pub(crate) type Messages = LocalBoxStream<'static, Vec<u8>>;

/// The answer to a request.
pub(crate) enum Answered {
    /// One message.
    Message(Vec<u8>),
    /// Others before it. They are made as they are sent, and what makes them ends when nobody reads any more.
    Stream(Messages),
}

impl From<Vec<u8>> for Answered {
    fn from(message: Vec<u8>) -> Self {
        Self::Message(message)
    }
}
