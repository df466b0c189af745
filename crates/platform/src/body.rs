//! Bodies that arrive, in requests and in answers.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use wasip3::http_compat::{IncomingBody, IncomingMessage};
use web_core::{BodyError, ReadBody};

/// The most room that is made for a body because its length says so. For more, the body has to come.
const MOST_RESERVED: usize = 1024 * 1024;

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

    /// How long the message says that it is.
    pub(crate) fn declared_length(&self) -> Option<u64> {
        self.declared_length
    }

    /// The next piece.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        let frame = self.body.frame().await?;
        // Trailers end a body, and say nothing here.
        Some(frame.map(|frame| frame.into_data().unwrap_or_default()).map_err(|_| BodyError::Incomplete))
    }
}

impl<T: IncomingMessage> ReadBody for Body<T> {
    async fn read(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        if self.declared_length.is_some_and(|length| length > limit as u64) {
            return Err(BodyError::TooLarge);
        }
        let expected =
            self.declared_length.and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
        let mut read = BytesMut::with_capacity(expected.min(MOST_RESERVED));
        while let Some(data) = self.next().await {
            let data = data?;
            if read.len() + data.len() > limit {
                return Err(BodyError::TooLarge);
            }
            read.extend_from_slice(&data);
        }
        if self.declared_length.is_some_and(|length| length != read.len() as u64) {
            return Err(BodyError::Incomplete);
        }
        Ok(read.freeze())
    }
}
