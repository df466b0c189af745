//! Who may call from a browser (the Fetch standard's CORS protocol).
//!
//! Documents and endpoints that rely on no cookie are open to scripts of every origin; pages and
//! forms are open to none. The MCP endpoint has a list of origins and judges them itself.

use crate::Reply;
use http::{HeaderValue, StatusCode, header};

/// Methods and request headers that a script may use, for a preflight's answer.
#[derive(Debug, Clone, Copy)]
pub struct Preflight {
    /// For example `"POST, OPTIONS"`.
    pub methods: &'static str,
    /// For example `"content-type, authorization"`.
    pub headers: &'static str,
}

/// Lets a script of `origin` (or of every origin, with `*`) read the reply, without credentials, and
/// the headers named in `expose` with it.
pub fn allow<B>(reply: Reply<B>, origin: HeaderValue, expose: &'static str) -> Reply<B> {
    let mut reply = reply.with(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    reply.headers.append(header::VARY, HeaderValue::from_static("origin"));
    if expose.is_empty() {
        return reply;
    }
    reply.with(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(expose))
}

/// As [`allow`], for scripts of every origin.
pub fn allow_any(reply: Reply) -> Reply {
    allow(reply, HeaderValue::from_static("*"), "www-authenticate")
}

/// Answers an OPTIONS request.
pub fn preflight(preflight: Preflight) -> Reply {
    Reply::empty(StatusCode::NO_CONTENT)
        .with(header::ALLOW, HeaderValue::from_static(preflight.methods))
        .with(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(preflight.methods))
        .with(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(preflight.headers))
        .with(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"))
}
