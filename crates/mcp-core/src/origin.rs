//! Which web pages may talk to the MCP endpoint (2026-07-28, transports, security warning).
//!
//! A browser says in `Origin` whose script is calling. Programs that are no browsers send none, and
//! are told apart by their tokens alone.

use http::{HeaderValue, header};
use web_core::{
    Head, PublicUrl, Reply,
    cors::{self, Preflight},
    public_url::is_loopback_origin,
};

const REQUEST_HEADERS: &str = "authorization, content-type, accept, mcp-protocol-version, mcp-method, mcp-name, \
                               mcp-session-id, last-event-id";

const EXPOSED_HEADERS: &str = "www-authenticate, mcp-session-id, mcp-protocol-version";

/// A request comes from a page that may not talk to us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ForeignOrigin;

/// Judges `Origin` (MP-01). `Ok(None)` when there is none.
///
/// Allowed are our own pages and, on a developer's machine, those of other programs on it, such as
/// MCP Inspector.
pub(crate) fn judge<'a>(
    head: &'a Head,
    public_url: &PublicUrl,
) -> Result<Option<&'a HeaderValue>, ForeignOrigin> {
    let origin = head.single_header(header::ORIGIN).map_err(|_| ForeignOrigin)?;
    match origin {
        None => Ok(None),
        Some(origin)
            if public_url.is_own_origin(origin)
                || (public_url.is_loopback() && is_loopback_origin(origin)) =>
        {
            Ok(head.headers.get(header::ORIGIN))
        }
        Some(_) => Err(ForeignOrigin),
    }
}

/// Lets the page read the reply.
pub(crate) fn allow<B>(reply: Reply<B>, origin: Option<&HeaderValue>) -> Reply<B> {
    match origin {
        Some(origin) => cors::allow(reply, origin.clone(), EXPOSED_HEADERS),
        None => reply,
    }
}

/// Answers OPTIONS. The headers that tools ask for (`Mcp-Param-…`) are allowed as they are asked for:
/// no list could name them.
pub(crate) fn preflight(head: &Head, methods: &'static str) -> Reply {
    let reply = cors::preflight(Preflight { methods, headers: REQUEST_HEADERS });
    let asked = head.single_header(header::ACCESS_CONTROL_REQUEST_HEADERS).ok().flatten().unwrap_or_default();
    let parameters = asked
        .split(',')
        .filter_map(|name| http::HeaderName::try_from(name.trim()).ok())
        .filter(|name| name.as_str().starts_with("mcp-param-"))
        .take(MAX_PARAMETER_HEADERS)
        .fold(String::from(REQUEST_HEADERS), |list, name| list + ", " + name.as_str());
    match HeaderValue::try_from(parameters) {
        Ok(list) => reply.with(header::ACCESS_CONTROL_ALLOW_HEADERS, list),
        Err(_) => reply,
    }
}

/// More than any tool has arguments worth mirroring.
const MAX_PARAMETER_HEADERS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};

    fn head(name: header::HeaderName, values: &[&str]) -> Head {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::from_str(value).unwrap());
        }
        Head { method: Method::OPTIONS, path: "/mcp".into(), query: None, authority: None, headers }
    }

    /// MP-01, MCP-T-02 to MCP-T-04: exact, no prefixes, `null` is nobody.
    #[test]
    fn pages_of_strangers_are_refused() {
        let public = PublicUrl::parse("https://mcp.example.com").unwrap();
        let loopback = PublicUrl::parse("http://127.0.0.1:3000").unwrap();
        let allowed = |url: &PublicUrl, origins: &[&str]| judge(&head(header::ORIGIN, origins), url).is_ok();

        assert!(allowed(&public, &[]));
        assert!(allowed(&public, &["https://mcp.example.com"]));
        for origin in
            ["http://localhost:6274", "http://127.0.0.1", "http://[::1]:5173", "http://localhost:3000"]
        {
            assert!(allowed(&loopback, &[origin]), "{origin}");
            assert!(!allowed(&public, &[origin]), "{origin}");
        }
        for origin in [
            "null",
            "",
            "https://evil.example",
            "https://mcp.example.com.evil.example",
            "https://mcp.example.com:444",
            "https://mcp.example.com/",
            "HTTPS://mcp.example.com",
            "http://mcp.example.com",
            "http://localhost.evil.example",
            "http://localhost:1@evil.example",
            "http://127.0.0.1.evil.example:80",
            "http://localhost:",
            "http://localhost:99999",
            "http://[::1",
            "https://mcp.example.com, https://evil.example",
        ] {
            assert!(!allowed(&public, &[origin]), "{origin}");
            assert!(!allowed(&loopback, &[origin]), "{origin}");
        }
        assert!(!allowed(&public, &["https://mcp.example.com", "https://mcp.example.com"]));
    }

    /// MCP-T-52, HT-17.
    #[test]
    fn preflight_allows_parameter_headers_that_are_asked_for_and_no_others() {
        let asked = "authorization, Mcp-Param-Region, x-evil, mcp-param-a b,mcp-param-rows";
        let reply = preflight(&head(header::ACCESS_CONTROL_REQUEST_HEADERS, &[asked]), "POST");
        let list = reply.headers[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap();
        assert_eq!(list, format!("{REQUEST_HEADERS}, mcp-param-region, mcp-param-rows"));
    }
}
