//! The rules of a fetch, over a transport that has none.

use super::{
    Fetch, FetchError, FetchFailure, FetchRequest, Fetched, Freshness, MediaRule, Sending, TIME_BUDGET,
};
use crate::ReadBody;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

/// What carries one request. It follows no redirects, and keeps no cookies and no connections' secrets.
#[expect(async_fn_in_trait, reason = "everything runs in one task of one instance; nothing needs Send")]
pub trait Transport {
    /// The body of an answer.
    type Body: ReadBody;

    /// Sends a request with these headers and no others, and waits for the head of the answer: a POST with
    /// this body, or a GET without one. Dropping the future gives the request up.
    async fn send(
        &self,
        url: &super::FetchUrl,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Response<Self::Body>, TransportError>;

    /// Waits.
    async fn wait(&self, duration: Duration);
}

/// The head of an answer, with its body still unread.
#[derive(Debug, Clone)]
pub struct Response<B> {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: B,
}

/// There was no answer. The text is for the operator's log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransportError(pub String);

/// [`Fetch`] over a transport.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fetcher<T>(pub T);

impl<T: Transport> Fetch for Fetcher<T> {
    async fn fetch(&self, request: FetchRequest<'_>) -> Result<Fetched, FetchError> {
        let mut fetched = pin!(self.fetch_untimed(request));
        let mut over = pin!(self.0.wait(TIME_BUDGET));
        // Whichever is first; the other is dropped, and with it the request.
        poll_fn(|context| {
            if let Poll::Ready(outcome) = fetched.as_mut().poll(context) {
                return Poll::Ready(outcome);
            }
            over.as_mut().poll(context).map(|()| Err(FetchFailure::TooSlow.into()))
        })
        .await
    }
}

impl<T: Transport> Fetcher<T> {
    async fn fetch_untimed(&self, request: FetchRequest<'_>) -> Result<Fetched, FetchError> {
        let (headers, body) = outgoing(request.sending)?;
        let answer = self.0.send(request.url, headers, body).await;
        let Response { status, headers, mut body } =
            answer.map_err(|TransportError(cause)| FetchFailure::NoAnswer(cause))?;
        judge_head(status, &headers, request)?;
        let body = body.read(request.max_bytes).await.map_err(FetchFailure::from)?;
        if body.is_empty() {
            return Err(FetchFailure::Empty.into());
        }
        Ok(Fetched { body, freshness: Freshness::of(&headers) })
    }
}

/// All that is sent: nothing that tells the other side, or lets it ask, anything about a caller, but what the
/// request's maker sends along.
fn outgoing(sending: Sending<'_>) -> Result<(HeaderMap, Option<Bytes>), FetchFailure> {
    const HEADERS: [(HeaderName, &str); 3] = [
        (header::USER_AGENT, concat!("postern/", env!("CARGO_PKG_VERSION"))),
        (header::ACCEPT, "application/json"),
        (header::ACCEPT_ENCODING, "identity"),
    ];
    let mut headers: HeaderMap =
        HEADERS.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
    let (authorization, body) = match sending {
        Sending::Nothing => (None, None),
        Sending::Authorization(value) => (Some(value), None),
        Sending::Form { body, authorization } => {
            (authorization, Some(Bytes::copy_from_slice(body.as_bytes())))
        }
    };
    if let Some(value) = authorization {
        let mut value = HeaderValue::try_from(value).map_err(|_| FetchFailure::Unsendable)?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    if let Some(body) = &body {
        const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, FORM);
        headers.insert(header::CONTENT_LENGTH, body.len().into());
    }
    Ok((headers, body))
}

fn judge_head(
    status: StatusCode,
    headers: &HeaderMap,
    request: FetchRequest<'_>,
) -> Result<(), FetchFailure> {
    if status != StatusCode::OK {
        return Err(FetchFailure::Status(status));
    }
    let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain) {
        return Err(FetchFailure::Encoding);
    }
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let media_type = types.next().and_then(|value| value.to_str().ok()).map(media_type).unwrap_or_default();
    if types.next().is_some() || !request.media.allows(&media_type) {
        return Err(FetchFailure::MediaType);
    }
    let length = headers.get(header::CONTENT_LENGTH).map(|value| value.to_str().ok()?.parse::<u64>().ok());
    match length {
        Some(Some(length)) if length > request.max_bytes as u64 => Err(FetchFailure::TooLong),
        Some(None) => Err(FetchFailure::Incomplete),
        Some(Some(_)) | None => Ok(()),
    }
}

fn media_type(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

impl MediaRule {
    fn allows(self, media_type: &str) -> bool {
        let is_json = media_type == "application/json"
            || media_type.strip_prefix("application/").is_some_and(|subtype| subtype.ends_with("+json"));
        is_json
            || self == Self::JsonOrUnnamed
                && ["", "text/plain", "application/octet-stream"].contains(&media_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        PublicUrl,
        fetch::{
            FetchPolicy, FetchUrl,
            testing::{Answer, End, FakeNetwork},
        },
    };
    use std::task::{Context, Waker};

    const URL: &str = "https://client.example.com/metadata.json";

    fn fetch(network: &FakeNetwork, media: MediaRule) -> Result<Fetched, FetchFailure> {
        let policy = FetchPolicy::of(&PublicUrl::parse("https://mcp.example.com").unwrap());
        let url = FetchUrl::parse(URL, &policy).unwrap();
        let fetcher = network.fetcher();
        let mut fetched =
            pin!(fetcher.fetch(FetchRequest { url: &url, media, max_bytes: 100, sending: Sending::Nothing }));
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(outcome) = fetched.as_mut().poll(&mut context) {
                return outcome.map_err(|error| {
                    assert_eq!(error.to_string(), "the document could not be fetched");
                    error.cause
                });
            }
        }
    }

    fn outcome(answer: Answer) -> Result<Fetched, FetchFailure> {
        let network = FakeNetwork::default();
        network.serve(URL, answer);
        fetch(&network, MediaRule::Json)
    }

    /// CM-21.
    #[test]
    fn request_carries_nothing_of_ours() {
        let network = FakeNetwork::default();
        network.serve(URL, Answer::json("{}").with(header::CACHE_CONTROL, "max-age=60"));
        let fetched = fetch(&network, MediaRule::Json).unwrap();
        assert_eq!(fetched.body, "{}");
        assert_eq!(fetched.freshness, Freshness::For(Duration::from_secs(60)));
        let requests = network.take_requests();
        let [(url, headers)] = requests.as_slice() else { panic!("{requests:?}") };
        assert_eq!(url, URL);
        assert_eq!(headers.len(), 3);
        assert_eq!(headers[header::ACCEPT], "application/json");
        assert_eq!(headers[header::ACCEPT_ENCODING], "identity");
        assert!(headers[header::USER_AGENT].to_str().unwrap().starts_with("postern/"));
    }

    /// What goes along is what was given, under the same rules, and is in no text of ours.
    #[test]
    fn request_carries_what_its_maker_sends_along() {
        let network = FakeNetwork::default();
        network.serve(URL, Answer::json("{}"));
        let policy = FetchPolicy::of(&PublicUrl::parse("https://mcp.example.com").unwrap());
        let url = FetchUrl::parse(URL, &policy).unwrap();
        let send = |sending| {
            let fetcher = network.fetcher();
            let request = FetchRequest { url: &url, media: MediaRule::Json, max_bytes: 100, sending };
            assert!(!format!("{request:?}").contains("secret"));
            let mut fetched = pin!(fetcher.fetch(request));
            match fetched.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(outcome) => outcome.map_err(|error| error.cause),
                Poll::Pending => panic!("it waits"),
            }
        };
        let form = Sending::Form { body: "code=secret", authorization: Some("Basic secret") };
        assert_eq!(send(form).unwrap().body, "{}");
        let (requests, bodies) = (network.take_requests(), network.take_bodies());
        assert_eq!(requests[0].1[header::CONTENT_TYPE], "application/x-www-form-urlencoded");
        assert_eq!(requests[0].1[header::CONTENT_LENGTH], "11");
        assert_eq!(requests[0].1[header::AUTHORIZATION], "Basic secret");
        assert_eq!(bodies, [Some(Bytes::from_static(b"code=secret"))]);
        send(Sending::Authorization("Bearer secret")).unwrap();
        assert_eq!(network.take_requests()[0].1[header::AUTHORIZATION], "Bearer secret");
        assert_eq!(network.take_bodies(), [None], "a GET");
        assert_eq!(send(Sending::Authorization("Bearer a\nb: c")), Err(FetchFailure::Unsendable));
        assert!(network.take_requests().is_empty());
    }

    /// CM-07, CM-08: one request, and nothing but 200 will do.
    #[test]
    fn redirects_are_not_followed_and_errors_are_no_documents() {
        for status in [100, 201, 203, 204, 206, 301, 302, 303, 304, 307, 308, 400, 404, 500, 503] {
            let network = FakeNetwork::default();
            network.serve(
                URL,
                Answer::json("{}").status(status).with(header::LOCATION, "https://client.example.com/"),
            );
            let failure = fetch(&network, MediaRule::Json).unwrap_err();
            assert_eq!(failure, FetchFailure::Status(StatusCode::from_u16(status).unwrap()));
            assert_eq!(network.take_requests().len(), 1);
        }
        assert_eq!(outcome(Answer::json("")), Err(FetchFailure::Empty));
        let nobody = fetch(&FakeNetwork::default(), MediaRule::Json);
        assert_eq!(nobody, Err(FetchFailure::NoAnswer("no such server".into())));
    }

    /// CM-09.
    #[test]
    fn size_is_bounded_and_nothing_is_unpacked() {
        assert!(outcome(Answer::json(" ".repeat(100))).is_ok());
        assert_eq!(outcome(Answer::json(" ".repeat(101))), Err(FetchFailure::TooLong));
        assert_eq!(outcome(Answer::json("{").end(End::Endless)), Err(FetchFailure::TooLong));
        let declared =
            |length| outcome(Answer::json("{}").with(header::CONTENT_LENGTH, length).end(End::Silent));
        assert_eq!(declared("101"), Err(FetchFailure::TooLong));
        assert_eq!(declared("-1"), Err(FetchFailure::Incomplete));
        for encoding in ["gzip", "br", "deflate", "identity, gzip", "x"] {
            let answer = Answer::json("{}").with(header::CONTENT_ENCODING, encoding);
            assert_eq!(outcome(answer), Err(FetchFailure::Encoding), "{encoding}");
        }
        assert!(outcome(Answer::json("{}").with(header::CONTENT_ENCODING, "Identity")).is_ok());
        assert_eq!(outcome(Answer::json("{}").end(End::Broken)), Err(FetchFailure::Incomplete));
    }

    /// CM-10: one budget for all of it.
    #[test]
    fn time_is_bounded() {
        for end in [End::NoHead, End::Silent] {
            let network = FakeNetwork::default();
            network.serve(URL, Answer::json("{}").end(end));
            assert_eq!(fetch(&network, MediaRule::Json), Err(FetchFailure::TooSlow), "{end:?}");
            assert_eq!(network.waited(), Duration::from_secs(5));
        }
    }

    /// CM-11.
    #[test]
    fn type_is_json() {
        let typed = |media_type| Answer::json("{}").with(header::CONTENT_TYPE, media_type);
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/jwk-set+json"] {
            assert!(outcome(typed(good)).is_ok(), "{good}");
        }
        for bad in [
            "text/html",
            "text/json",
            "application/jsonp",
            "text/x+json",
            "application/json, text/html",
            "json",
            "",
        ] {
            assert_eq!(outcome(typed(bad)), Err(FetchFailure::MediaType), "{bad}");
        }
        assert_eq!(outcome(Answer::json("{}").without(header::CONTENT_TYPE)), Err(FetchFailure::MediaType));
        let mut twice = typed("application/json");
        twice.headers.append(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        assert_eq!(outcome(twice), Err(FetchFailure::MediaType));
    }

    #[test]
    fn plain_files_will_do_where_an_operator_points() {
        for (media_type, taken) in
            [("text/plain", true), ("application/octet-stream", true), ("text/html", false)]
        {
            let network = FakeNetwork::default();
            network.serve(URL, Answer::json("{}").with(header::CONTENT_TYPE, media_type));
            assert_eq!(fetch(&network, MediaRule::JsonOrUnnamed).is_ok(), taken, "{media_type}");
            assert!(fetch(&network, MediaRule::Json).is_err());
        }
    }

    /// CM-19: whatever happened, the sentence is the same, and the log has nothing that was received.
    #[test]
    fn failures_are_told_apart_in_the_log_only() {
        let bad_type = outcome(Answer::json("secret").with(header::CONTENT_TYPE, "text/secret")).unwrap_err();
        assert_eq!(bad_type.to_string(), "the answer is not of the expected type");
        assert_eq!(
            FetchError::from(bad_type).to_string(),
            FetchError::from(FetchFailure::TooSlow).to_string()
        );
    }
}
