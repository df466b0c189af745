//! For tests: a network of servers that say what they are told to. Nothing that is served uses this.

use super::{FetchUrl, Fetcher, Response, Transport, TransportError};
use crate::{BodyError, ReadBody};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::{pending, poll_fn},
    rc::Rc,
    task::Poll,
    time::Duration,
};

/// The network. A clone is the same one.
#[derive(Clone, Default)]
pub struct FakeNetwork(Rc<Inner>);

#[derive(Default)]
struct Inner {
    answers: RefCell<BTreeMap<String, Answer>>,
    requests: RefCell<Vec<(String, HeaderMap)>>,
    bodies: RefCell<Vec<Option<Bytes>>>,
    waited: Cell<Duration>,
}

/// What a server says.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, in the pieces in which it comes.
    pub pieces: Vec<Bytes>,
    /// What becomes of it after that.
    pub end: End,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Complete,
    /// The connection breaks.
    Broken,
    /// Nothing more comes, and the connection stays open.
    Silent,
    /// The pieces come again and again.
    Endless,
    /// There is not even a head: the connection stays open.
    NoHead,
}

impl Answer {
    /// 200 and a JSON document.
    pub fn json(body: impl Into<Bytes>) -> Self {
        let answer = Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            pieces: vec![body.into()],
            end: End::Complete,
        };
        answer.with(header::CONTENT_TYPE, "application/json")
    }

    /// Another status.
    pub fn status(mut self, status: u16) -> Self {
        self.status = StatusCode::from_u16(status).unwrap_or_default();
        self
    }

    /// Another end.
    pub fn end(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// With a header, in place of others of that name.
    pub fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Without a header.
    pub fn without(mut self, name: HeaderName) -> Self {
        self.headers.remove(name);
        self
    }
}

impl FakeNetwork {
    /// From now on, `url` answers this.
    pub fn serve(&self, url: &str, answer: Answer) {
        self.0.answers.borrow_mut().insert(url.to_owned(), answer);
    }

    /// From now on, nobody answers at `url`.
    pub fn unplug(&self, url: &str) {
        self.0.answers.borrow_mut().remove(url);
    }

    /// The addresses that were asked for since the last call, with the headers that were sent.
    pub fn take_requests(&self) -> Vec<(String, HeaderMap)> {
        self.0.requests.take()
    }

    /// What was posted with the requests since the last call; nothing, with a GET.
    pub fn take_bodies(&self) -> Vec<Option<Bytes>> {
        self.0.bodies.take()
    }

    /// How long was waited for altogether, for answers that did not come.
    pub fn waited(&self) -> Duration {
        self.0.waited.get()
    }

    /// [`Fetch`](super::Fetch) over this network, with all its rules.
    pub fn fetcher(&self) -> Fetcher<Self> {
        Fetcher(self.clone())
    }
}

impl Transport for FakeNetwork {
    type Body = FakeBody;

    async fn send(
        &self,
        url: &FetchUrl,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Response<FakeBody>, TransportError> {
        self.0.requests.borrow_mut().push((url.as_str().to_owned(), headers));
        self.0.bodies.borrow_mut().push(body);
        let answer = self.0.answers.borrow().get(url.as_str()).cloned();
        let answer = answer.ok_or_else(|| TransportError("no such server".into()))?;
        if answer.end == End::NoHead {
            pending::<()>().await;
        }
        let Answer { status, headers, pieces, end } = answer;
        Ok(Response { status, headers, body: FakeBody { pieces, end } })
    }

    /// Time passes when everything else has come to a standstill.
    async fn wait(&self, duration: Duration) {
        let mut polls = 0;
        poll_fn(|_| {
            polls += 1;
            if polls > 10 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.0.waited.set(self.0.waited.get().saturating_add(duration));
    }
}

/// The body of an [`Answer`].
#[derive(Debug)]
pub struct FakeBody {
    pieces: Vec<Bytes>,
    end: End,
}

impl ReadBody for FakeBody {
    async fn read(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        let mut read = Vec::new();
        loop {
            for piece in &self.pieces {
                if read.len() + piece.len() > limit {
                    return Err(BodyError::TooLarge);
                }
                read.extend_from_slice(piece);
            }
            match self.end {
                End::Complete => return Ok(read.into()),
                End::Broken => return Err(BodyError::Incomplete),
                End::Silent | End::NoHead => pending().await,
                End::Endless => {}
            }
        }
    }
}
