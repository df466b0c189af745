//! The writing end of an event stream whose reader may be slow, or leave.
//!
//! What writes such a stream runs beside it, and has other things to do than to wait for a reader. So events wait in an
//! [`Outlet`], and its owner makes no more of them while some do: a slow reader slows down what it reads from, and
//! nothing piles up.

use bytes::Bytes;
use futures_channel::mpsc::{Receiver, Sender, channel};
use std::{collections::VecDeque, future::poll_fn, task::Poll};

/// The writing end.
#[derive(Debug)]
pub(crate) struct Outlet {
    sender: Sender<Bytes>,
    waiting: VecDeque<Bytes>,
}

/// The reader has left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gone;

impl Outlet {
    /// Both ends. One event at most is on its way between them.
    pub(crate) fn new() -> (Self, Receiver<Bytes>) {
        let (sender, receiver) = channel(0);
        (Self { sender, waiting: VecDeque::new() }, receiver)
    }

    /// Adds an event.
    pub(crate) fn push(&mut self, event: Bytes) {
        self.waiting.push_back(event);
    }

    /// Whether every event is on its way, so that there may be more.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether the reader has left.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Waits until every event is on its way. It may be dropped before that: no event is lost.
    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        poll_fn(|context| {
            while !self.waiting.is_empty() {
                match self.sender.poll_ready(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(Gone)),
                    Poll::Ready(Ok(())) => {}
                }
                let sent = self.waiting.pop_front().map(|event| self.sender.start_send(event));
                if matches!(sent, Some(Err(_))) {
                    return Poll::Ready(Err(Gone));
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, StreamExt};

    /// S12: a reader that does not read has one event on its way, however many there are.
    #[test]
    fn events_wait_for_their_reader() {
        let (mut outlet, mut reader) = Outlet::new();
        for number in 0..3 {
            outlet.push(Bytes::from(vec![number]));
        }
        assert_eq!(outlet.flush().now_or_never(), None);
        assert_eq!(outlet.waiting.len(), 2);
        for number in 0..3 {
            let read = reader.next().now_or_never().flatten();
            assert_eq!(read.as_deref(), Some(&[number][..]));
            let _ = outlet.flush().now_or_never();
        }
        assert!(outlet.is_empty());
        assert_eq!(outlet.flush().now_or_never(), Some(Ok(())));
    }

    #[test]
    fn reader_that_leaves_is_missed() {
        let (mut outlet, reader) = Outlet::new();
        drop(reader);
        outlet.push(Bytes::new());
        assert!(outlet.is_closed());
        assert_eq!(outlet.flush().now_or_never(), Some(Err(Gone)));
    }
}
