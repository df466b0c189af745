//! Bodies that arrive, in requests and in answers.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use wasip3::http_compat::{IncomingBody, IncomingMessage};
use web_core::{BodyError, ReadBody};

/// A body that is still unread.
pub struct Body<T> {
    body: IncomingBody<T>,
    declared_length: Option<u64>,
}

impl<T: IncomingMessage> Body<T> {
    /// The body of the message with these headers.
    pub(crate) fn new(body: IncomingBody<T>, headers: &HeaderMap) -> Self {
        let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
        let declared_length = match (lengths.next(), lengths.next()) {
            (Some(length), None) => length.to_str().ok().and_then(|length| length.parse().ok()),
            _ => None,
        };
        Self { body, declared_length }
    }
}

impl<T: IncomingMessage> ReadBody for Body<T> {
    async fn read(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        if self.declared_length.is_some_and(|length| length > limit as u64) {
            return Err(BodyError::TooLarge);
        }
        let mut read = BytesMut::new();
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|_| BodyError::Incomplete)?;
            let Some(data) = frame.data_ref() else { continue };
            if read.len() + data.len() > limit {
                return Err(BodyError::TooLarge);
            }
            read.extend_from_slice(data);
        }
        if self.declared_length.is_some_and(|length| length != read.len() as u64) {
            return Err(BodyError::Incomplete);
        }
        Ok(read.freeze())
    }
}
