//! Who may call from a browser (the Fetch standard's CORS protocol).
//!
//! Documents and endpoints that rely on no cookie are open to scripts of every origin; pages and
//! forms are open to none. The MCP endpoint has a list of origins and judges them itself.

use crate::{Head, Reply};
use http::{HeaderName, HeaderValue, StatusCode, header};

/// What a script may read of a reply besides the few headers that it always may: how to sign in, the session, the
/// revision, when to come back, and what to name in a report.
const EXPOSED: &str = "www-authenticate, mcp-session-id, mcp-protocol-version, retry-after, x-trace-id";

/// The headers that a preflight allows whether it names them or not.
const REQUEST_HEADERS: &str = "authorization, content-type, accept, mcp-protocol-version, mcp-method, mcp-name, \
                               mcp-session-id, last-event-id";

/// The most header names of a preflight that are repeated to it, and the most characters of them.
const MAX_ASKED_HEADERS: usize = 64;
const MAX_ASKED_CHARACTERS: usize = 4096;

/// Lets a script of `origin` (or of every origin, with `*`) read the reply, without credentials.
pub fn allow<B>(reply: Reply<B>, origin: HeaderValue) -> Reply<B> {
    let mut reply = reply.with(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    reply.headers.append(header::VARY, HeaderValue::from_static("origin"));
    reply.with(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED))
}

/// As [`allow`], for scripts of every origin.
pub fn allow_any<B>(reply: Reply<B>) -> Reply<B> {
    allow(reply, HeaderValue::from_static("*"))
}

/// Answers an OPTIONS request. `methods` is for example `"POST, OPTIONS"`.
///
/// Every request header is allowed that is asked for: headers decide nothing that a script could not decide otherwise,
/// and pages send those of their tracing (`traceparent`, `baggage`) with each request. `*` would not do, because it
/// does not stand for `authorization` (Fetch, section "CORS protocol").
pub fn preflight(head: &Head, methods: &'static str) -> Reply {
    let asked = head.headers.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS).iter();
    let asked = asked.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    // What is parsed as names has no other characters than they have.
    let names = asked.filter_map(|name| HeaderName::try_from(name.trim()).ok()).take(MAX_ASKED_HEADERS);
    let list = names.fold(String::from(REQUEST_HEADERS), |list, name| {
        let is_new = !list.split(", ").any(|known| known == name.as_str());
        let has_room = list.len() + name.as_str().len() < MAX_ASKED_CHARACTERS;
        if is_new && has_room { list + ", " + name.as_str() } else { list }
    });
    let list = HeaderValue::try_from(list).unwrap_or(HeaderValue::from_static(REQUEST_HEADERS));
    Reply::empty(StatusCode::NO_CONTENT)
        .with(header::ALLOW, HeaderValue::from_static(methods))
        .with(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods))
        .with(header::ACCESS_CONTROL_ALLOW_HEADERS, list)
        .with(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"))
        .with(header::VARY, HeaderValue::from_static("access-control-request-headers"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};

    fn ask(asked: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in asked {
            headers.append(header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_str(value).unwrap());
        }
        let head = Head { method: Method::OPTIONS, path: "/".into(), query: None, authority: None, headers };
        let reply = allow_any(preflight(&head, "POST, OPTIONS"));
        assert_eq!(reply.headers[header::ACCESS_CONTROL_ALLOW_METHODS], "POST, OPTIONS");
        let vary: Vec<_> = reply.headers.get_all(header::VARY).iter().collect();
        assert_eq!(vary, ["access-control-request-headers", "origin"]);
        reply.headers[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap().to_owned()
    }

    /// C27, MCP-T-52, HT-17: whatever has the form of a name is allowed, once; nothing else is repeated.
    #[test]
    fn preflight_allows_the_headers_that_are_asked_for() {
        assert_eq!(ask(&[]), REQUEST_HEADERS);
        let asked = ask(&["traceparent, Baggage,tracestate", "Mcp-Param-Region, authorization, baggage"]);
        assert_eq!(asked, format!("{REQUEST_HEADERS}, traceparent, baggage, tracestate, mcp-param-region"));
        assert_eq!(ask(&["a b, , (x), x\ty, ok"]), format!("{REQUEST_HEADERS}, ok"));
    }

    /// HT-17: a preflight cannot make its answer long.
    #[test]
    fn preflight_repeats_a_bounded_number_of_headers() {
        let many: Vec<String> = (0..1000).map(|number| format!("x-{number}")).collect();
        let allowed = ask(&[&many.join(",")]);
        assert!(allowed.ends_with("x-63"), "{allowed}");
        let long = ask(&[&format!("{}, b", "a".repeat(5000))]);
        assert_eq!(long, format!("{REQUEST_HEADERS}, b"));
    }

    /// C27.
    #[test]
    fn script_may_read_when_to_come_back() {
        let reply = allow_any(Reply::empty(StatusCode::SERVICE_UNAVAILABLE).with_retry_after(2));
        let exposed = reply.headers[header::ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap();
        for name in
            ["retry-after", "www-authenticate", "mcp-session-id", "mcp-protocol-version", "x-trace-id"]
        {
            assert!(exposed.split(", ").any(|exposed| exposed == name), "{name}");
        }
    }
}
