//! What goes out.

use bytes::Bytes;
use futures_core::stream::LocalBoxStream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use std::fmt;

/// A reply: complete, unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply<B = Bytes> {
    /// The status.
    pub status: StatusCode,
    /// The headers, without `content-length`: the edge adds that where the length is known.
    pub headers: HeaderMap,
    /// The body.
    pub body: B,
}

/// Where the forms of a page lead, for its content security policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forms {
    /// To this server, which answers with another page of its own: `form-action 'self'`.
    StayHere,
    /// To this server, which sends the browser on to another site. Such a page has no `form-action`.
    ///
    /// Chromium applies that directive to every hop of the redirects that follow a form (CSP Level 3 section
    /// 6.4.1). The server sees the first hop only: a client's callback may answer with a redirect to an
    /// application's own scheme, such as `claude:` or `vscode:`, and no source expression stands for all
    /// schemes. A list that names `https:` would keep no form in, because an attacker has an `https` address too.
    LeadAway,
}

/// A body that may still be in the making.
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// Piece by piece. What makes the pieces is polled for the next one only when the last is on its way, and is
    /// dropped when nobody reads any more.
    Stream(LocalBoxStream<'static, Bytes>),
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => f.debug_tuple("Whole").field(bytes).finish(),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl From<Reply> for Reply<Body> {
    fn from(Reply { status, headers, body }: Reply) -> Self {
        Self { status, headers, body: Body::Whole(body) }
    }
}

impl<B> Reply<B> {
    /// Sets a header.
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Nobody may keep a copy.
    pub fn no_store(self) -> Self {
        self.with(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }
}

impl Reply<Body> {
    /// An event stream (HTML, section 9.2): never kept by anybody, nor held back by a proxy on its way.
    pub fn event_stream(events: LocalBoxStream<'static, Bytes>) -> Self {
        let Reply { status, headers, body: _ } = Reply::empty(StatusCode::OK);
        Self { status, headers, body: Body::Stream(events) }
            .with(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))
            .with(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))
            .no_store()
    }

    /// Answers a HEAD request: the same headers, `content-length` included, and no body
    /// (RFC 9110 section 9.3.2).
    pub fn for_method(mut self, method: &Method) -> Self {
        if *method == Method::HEAD {
            if let Body::Whole(body) = &self.body {
                self.headers.insert(header::CONTENT_LENGTH, body.len().into());
            }
            self.body = Body::Whole(Bytes::new());
        }
        self
    }
}

impl Reply {
    /// No body.
    pub fn empty(status: StatusCode) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Self { status, headers, body: Bytes::new() }
    }

    /// A JSON document.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::json_bytes(status, body.into()),
            // Only a map with keys that are not strings or a failing `Serialize` gets here; no type
            // of ours is one.
            Err(_) => Self::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// A JSON document that is serialised already.
    pub fn json_bytes(status: StatusCode, body: Bytes) -> Self {
        Self { body, ..Self::empty(status) }
            .with(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    /// A page. `style_hash` is the CSP source (`sha256-…`) of the one stylesheet it inlines.
    ///
    /// The headers are the ones that keep a page from being framed, sniffed, cached, or from telling
    /// other sites where its reader came from (RFC 9700 sections 4.2 and 4.16). The referrer policy is not
    /// `no-referrer`: under that, a form is posted with `Origin: null` (the Fetch standard, "append a request
    /// `Origin` header"), and browsers without Fetch Metadata could not show that it was ours.
    pub fn html(status: StatusCode, body: String, style_hash: &str, forms: Forms) -> Self {
        let form_action = match forms {
            Forms::StayHere => "form-action 'self'; ",
            Forms::LeadAway => "",
        };
        let policy = format!(
            "default-src 'none'; style-src '{style_hash}'; img-src data:; {form_action}frame-ancestors 'none'; \
             base-uri 'none'"
        );
        let policy = HeaderValue::try_from(policy)
            .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        Self { body: body.into(), ..Self::empty(status) }
            .with(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))
            .with(header::CONTENT_SECURITY_POLICY, policy)
            .with(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"))
            .with(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"))
            .with(
                HeaderName::from_static("cross-origin-opener-policy"),
                HeaderValue::from_static("same-origin"),
            )
            .no_store()
    }

    /// 303 to `location`: the browser follows with GET, so a password is never posted onwards
    /// (RFC 9700 section 4.12).
    pub fn see_other(location: &str) -> Self {
        match HeaderValue::try_from(location) {
            Ok(location) => Self::empty(StatusCode::SEE_OTHER)
                .with(header::LOCATION, location)
                .with(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
                .no_store(),
            // A location that is no header value was never a checked URI.
            Err(_) => Self::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// 405 with the methods that would do, for example `"GET, HEAD"` (RFC 9110 section 15.5.6).
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self::empty(StatusCode::METHOD_NOT_ALLOWED).with(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// Adds a cookie. `value` is written by us, from characters that a cookie may have.
    pub fn with_cookie(mut self, cookie: &str) -> Self {
        if let Ok(value) = HeaderValue::try_from(cookie) {
            self.headers.append(header::SET_COOKIE, value);
        }
        self
    }

    /// For a store or another part that did not answer: the client may try again
    /// (RFC 9110 sections 15.6.4 and 10.2.3).
    pub fn with_retry_after(self, seconds: u32) -> Self {
        self.with(header::RETRY_AFTER, seconds.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_has_the_length_and_no_body() {
        let reply = Reply::<Body>::from(Reply::json(StatusCode::OK, &"abc")).for_method(&Method::HEAD);
        assert_eq!(reply.headers[header::CONTENT_LENGTH], "5");
        assert!(matches!(reply.body, Body::Whole(body) if body.is_empty()));
    }

    /// HT-12: a line break cannot get into a header.
    #[test]
    fn location_with_a_line_break_is_refused() {
        let reply = Reply::see_other("https://example.com/\r\nset-cookie: a=b");
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!reply.headers.contains_key(header::LOCATION));
    }

    /// BR-02, BR-05.
    #[test]
    fn pages_cannot_be_framed_or_kept() {
        let reply = Reply::html(StatusCode::OK, String::new(), "sha256-x", Forms::StayHere);
        assert_eq!(reply.headers[header::X_FRAME_OPTIONS], "DENY");
        assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(reply.headers[header::REFERRER_POLICY], "same-origin");
        let policy = reply.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
    }
}
