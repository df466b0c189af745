//! What a request looks like to a guest: Spin's headers, and an absolute address.
//!
//! As in Spin, the `spin-…` headers are appended and whatever the client sent under those names is
//! left in place, so only the last value of each can be trusted. The path is passed on as it came.

use std::fmt::Write as _;
use std::net::SocketAddr;

use http::header::{CONNECTION, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, Scheme, Uri};

use crate::routes::RouteMatch;

/// Why a request is refused before a guest sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It names no host, or an impossible one, or two different ones.
    Host,
    /// A header's value is not text.
    Header,
    /// It has no path.
    Path,
    /// Its body is encoded more than once, so that two readers could see two different ends of it.
    Coding,
}

/// Turn the request's head into the one that the guest gets.
pub fn prepare(head: &mut Parts, route: &RouteMatch<'_>, client: SocketAddr) -> Result<(), Malformed> {
    if head.headers.values().any(|value| std::str::from_utf8(value.as_bytes()).is_err()) {
        return Err(Malformed::Header);
    }
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    if codings.next().is_some_and(|coding| coding.as_bytes().contains(&b',')) || codings.next().is_some() {
        return Err(Malformed::Coding);
    }
    let authority = authority(head)?;
    let path = head.uri.path_and_query().cloned().ok_or(Malformed::Path)?;
    if !path.as_str().starts_with('/') {
        return Err(Malformed::Path);
    }
    let mut url = String::with_capacity(7 + authority.as_str().len() + path.as_str().len());
    // Writing to a string cannot fail.
    let _ = write!(url, "http://{authority}{path}");

    let headers = &mut head.headers;
    headers.remove(CONNECTION);
    let mut append = |name: HeaderName, value: &str| {
        // A value that cannot be a header is left out, as in Spin.
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            headers.append(name, value);
        }
    };
    append(HeaderName::from_static("spin-path-info"), &route.path_info);
    append(HeaderName::from_static("spin-full-url"), &url);
    append(HeaderName::from_static("spin-matched-route"), &route.normalized());
    append(HeaderName::from_static("spin-base-path"), "/");
    append(HeaderName::from_static("spin-raw-component-route"), route.pattern);
    append(HeaderName::from_static("spin-component-route"), route.prefix());
    append(HeaderName::from_static("spin-client-addr"), &client.to_string());
    for (name, value) in &route.segments {
        let name = format!("spin-path-match-{}", name.to_ascii_lowercase().replace('_', "-"));
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            append(name, value);
        }
    }

    head.uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(authority)
        .path_and_query(path)
        .build()
        .map_err(|_| Malformed::Host)?;
    Ok(())
}

/// The host that the client asked for: in `Host`, or in the address itself; both have to agree. More than one
/// `Host` line is malformed even if they agree (RFC 9112 section 3.2).
fn authority(head: &Parts) -> Result<Authority, Malformed> {
    let mut lines = head.headers.get_all(HOST).iter();
    let named = match (lines.next(), lines.next()) {
        (None, _) => None,
        (Some(value), None) => Some(host(value).ok_or(Malformed::Host)?),
        (Some(_), Some(_)) => return Err(Malformed::Host),
    };
    match (named, head.uri.authority()) {
        (Some(named), Some(asked)) if named != *asked => Err(Malformed::Host),
        (Some(named), _) => Ok(named),
        (None, Some(asked)) => Ok(asked.clone()),
        (None, None) => Err(Malformed::Host),
    }
}

/// A host with or without a port. A user name is for addresses only, and a port is a number.
fn host(value: &HeaderValue) -> Option<Authority> {
    let authority: Authority = value.to_str().ok()?.parse().ok()?;
    let port = authority.as_str().strip_prefix(authority.host())?;
    let digits = port.strip_prefix(':').unwrap_or_default();
    let is_port = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.is_empty() || digits.parse::<u16>().is_ok());
    // Two lines that were joined on the way here.
    let is_list = authority.host().contains(',');
    (is_port && !is_list && !authority.host().is_empty()).then_some(authority)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use http::Request;

    use super::*;

    fn route() -> RouteMatch<'static> {
        RouteMatch {
            component: "a",
            pattern: "/a/...",
            path_info: "/b".to_owned(),
            segments: BTreeMap::from([("User_Id".to_owned(), "7".to_owned())]),
        }
    }

    fn prepared(request: http::request::Builder) -> Result<Parts, Malformed> {
        let mut head = request.body(()).unwrap().into_parts().0;
        prepare(&mut head, &route(), "127.0.0.1:50000".parse().unwrap()).map(|()| head)
    }

    #[test]
    fn spins_headers_are_appended() {
        let head = prepared(Request::get("//a/%62/?q=1").header("host", "h:3000")).unwrap();
        for (name, value) in [
            ("spin-path-info", "/b"),
            ("spin-full-url", "http://h:3000//a/%62/?q=1"),
            ("spin-matched-route", "/a/..."),
            ("spin-base-path", "/"),
            ("spin-raw-component-route", "/a/..."),
            ("spin-component-route", "/a"),
            ("spin-client-addr", "127.0.0.1:50000"),
            ("spin-path-match-user-id", "7"),
        ] {
            assert_eq!(head.headers.get_all(name).iter().collect::<Vec<_>>(), [value], "{name}");
        }
        assert_eq!(head.uri.path_and_query().unwrap(), "//a/%62/?q=1");
    }

    #[test]
    fn the_hosts_value_comes_after_the_clients() {
        let head =
            prepared(Request::get("/").header("host", "h").header("spin-client-addr", "6.6.6.6:6")).unwrap();
        let values: Vec<_> = head.headers.get_all("spin-client-addr").iter().collect();
        assert_eq!(values, ["6.6.6.6:6", "127.0.0.1:50000"]);
    }

    #[test]
    fn the_connection_header_stays_here() {
        let head =
            prepared(Request::get("/").header("host", "h").header("connection", "keep-alive")).unwrap();
        assert!(!head.headers.contains_key("connection"));
    }

    #[test]
    fn the_host_has_to_be_clear() {
        assert_eq!(prepared(Request::get("/")).unwrap_err(), Malformed::Host);
        assert_eq!(prepared(Request::get("/").header("host", "a b")).unwrap_err(), Malformed::Host);
        assert_eq!(prepared(Request::get("http://a/").header("host", "b")).unwrap_err(), Malformed::Host);
        assert_eq!(prepared(Request::get("http://a/")).unwrap().uri, "http://a/");
    }

    /// S6, RFC 9112 section 3.2.
    #[test]
    fn two_host_lines_are_malformed_even_if_they_agree() {
        for (one, two) in [("a", "b"), ("a", "a"), ("a", "")] {
            let request = Request::get("/").header("host", one).header("host", two);
            assert_eq!(prepared(request).unwrap_err(), Malformed::Host, "{one} {two}");
        }
    }

    #[test]
    fn a_host_is_a_name_and_a_port() {
        for host in ["user@a", "a:x", "a:+1", "a:99999", ":80", "", "a,b", "a/b", "a b", "[::1"] {
            let refused = prepared(Request::get("/").header("host", host));
            assert_eq!(refused.unwrap_err(), Malformed::Host, "{host:?}");
        }
        for host in ["a", "a:", "a:80", "127.0.0.1:3000", "[::1]:3000", "[::1]"] {
            assert!(prepared(Request::get("/").header("host", host)).is_ok(), "{host:?}");
        }
    }

    #[test]
    fn a_header_has_to_be_text() {
        let value = HeaderValue::from_bytes(b"\xff").unwrap();
        assert_eq!(
            prepared(Request::get("/").header("host", "h").header("x", value)).unwrap_err(),
            Malformed::Header
        );
    }

    #[test]
    fn there_has_to_be_a_path() {
        assert_eq!(prepared(Request::options("*").header("host", "h")).unwrap_err(), Malformed::Path);
    }
}
