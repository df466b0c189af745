//! The server's public address: the one place that every URL and identifier of ours comes from.

/// Scheme, host and port under which clients reach this server. It is configured; what a request
/// claims in its `Host` header changes nothing, with the one exception of
/// [`origin_for`](Self::origin_for).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    /// For a loopback server: its port, and the origins that its names give.
    loopback: Option<u16>,
    /// Whether a loopback server has no name but the configured one.
    is_strict: bool,
}

/// Why a configured public URL cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicUrlError {
    /// It does not begin with a scheme that is served.
    #[error("public_url must be https://HOST[:PORT]; http:// is for loopback hosts only")]
    Scheme,
    /// It has something after the port, or something before the host.
    #[error("public_url must be scheme, host and port only: no path, no trailing slash, no user name")]
    NotAnOrigin,
    /// Its host is empty or has characters that a host does not have, upper-case letters among them.
    #[error("public_url has a host that is not one (write it in lower case, without a default port)")]
    Host,
}

/// The names by which a machine calls itself.
const LOOPBACK_NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

impl PublicUrl {
    /// Parses the variable `public_url`. It must be written exactly as it is to appear in metadata,
    /// because clients compare it byte for byte (RFC 8414 section 3.3): lower case, no default port, no
    /// trailing slash.
    pub fn parse(text: &str) -> Result<Self, PublicUrlError> {
        let (secure, authority) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(PublicUrlError::Scheme),
        };
        if authority.contains(['/', '?', '#', '@', '\\']) {
            return Err(PublicUrlError::NotAnOrigin);
        }
        let (host, port) = split_authority(authority).ok_or(PublicUrlError::Host)?;
        let default_port = if secure { 443 } else { 80 };
        if !is_host(host) || port == Some(default_port) {
            return Err(PublicUrlError::Host);
        }
        let loopback = (!secure && LOOPBACK_NAMES.contains(&host)).then(|| port.unwrap_or(default_port));
        if !secure && loopback.is_none() {
            return Err(PublicUrlError::Scheme);
        }
        Ok(Self { origin: text.to_owned(), loopback, is_strict: false })
    }

    /// The same address, without the tolerance `loopback_aliases` if the variable `strict` names it:
    /// then a loopback server has only the name that is configured.
    #[must_use]
    pub fn strictly(self, strict: &str) -> Self {
        let is_strict = strict.split(',').any(|name| name.trim() == "loopback_aliases");
        Self { is_strict, ..self }
    }

    /// The origin, which is also the authorization server's issuer identifier.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// An absolute URL of ours. `path` begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Whether this is a developer's machine: plain `http` on a loopback name.
    pub fn is_loopback(&self) -> bool {
        self.loopback.is_some()
    }

    /// Whether a request that names `authority` in its `Host` header is meant for us.
    ///
    /// A loopback server has to ask: a website can make its own name resolve to 127.0.0.1 and so talk
    /// to it as if it were that site (DNS rebinding). A public server is reached through proxies
    /// that may call it anything, and relies on `Host` for nothing.
    pub fn serves_authority(&self, authority: Option<&str>) -> bool {
        self.loopback.is_none() || authority.is_some_and(|authority| self.loopback_alias(authority).is_some())
    }

    /// The origin by which a client that names `authority` knows us.
    ///
    /// Tolerance `loopback_aliases`: on a developer's machine `localhost`, `127.0.0.1` and `[::1]`
    /// with our port are the same server, and clients insist on the name they were given (RFC 9728
    /// section 3.3). A closed list; anything else gets the configured origin.
    pub fn origin_for(&self, authority: Option<&str>) -> String {
        authority.and_then(|authority| self.loopback_alias(authority)).unwrap_or_else(|| self.origin.clone())
    }

    /// Whether `origin` is ours, by any of the names that [`origin_for`](Self::origin_for) gives.
    pub fn is_own_origin(&self, origin: &str) -> bool {
        origin == self.origin
            || origin
                .strip_prefix("http://")
                .is_some_and(|authority| self.loopback_alias(authority).is_some())
    }

    fn loopback_alias(&self, authority: &str) -> Option<String> {
        let own_port = self.loopback?;
        let authority = authority.to_ascii_lowercase();
        if self.is_strict {
            let own = self.origin.strip_prefix("http://")?;
            return (authority == own).then(|| self.origin.clone());
        }
        let (host, port) = split_authority(&authority)?;
        (LOOPBACK_NAMES.contains(&host) && port.unwrap_or(80) == own_port)
            .then(|| format!("http://{authority}"))
    }
}

/// Whether `origin`, as a browser writes it, is a page served by plain `http` from the machine that it is
/// shown on, at whatever port.
pub fn is_loopback_origin(origin: &str) -> bool {
    origin.strip_prefix("http://").is_some_and(is_loopback_authority)
}

/// Whether `authority` is one of the names by which a machine calls itself, at whatever port.
pub(crate) fn is_loopback_authority(authority: &str) -> bool {
    split_authority(authority).is_some_and(|(host, _)| LOOPBACK_NAMES.contains(&host))
}

/// A URL as resources are compared: scheme and host in lower case, without the scheme's own port, and without
/// the slash that stands for no path (RFC 3986 sections 6.2.2.1 and 6.2.3). The rest is compared as it is
/// written.
pub fn comparable(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (scheme, mut authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
    let own_port = if scheme == "https" { ":443" } else { ":80" };
    if authority.ends_with(own_port) {
        authority.truncate(authority.len() - own_port.len());
    }
    format!("{scheme}://{authority}{}", if path == "/" { "" } else { path })
}

/// Splits `host[:port]`. `None` when there is a colon and no port number after it.
pub(crate) fn split_authority(authority: &str) -> Option<(&str, Option<u16>)> {
    let after_host = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at_checked(after_host)?;
    match rest.strip_prefix(':') {
        None => rest.is_empty().then_some((host, None)),
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some((host, Some(port.parse().ok()?)))
        }
        Some(_) => None,
    }
}

pub(crate) fn is_host(host: &str) -> bool {
    let inside = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match inside {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
                && !host.starts_with(['.', '-'])
                && !host.ends_with(['.', '-'])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DS-10.
    /// MCP-S-09.
    #[test]
    fn accepts_origins_only() {
        for good in [
            "https://mcp.example.com",
            "https://a.example:8443",
            "http://127.0.0.1:3000",
            "http://localhost",
            "http://[::1]:8080",
        ] {
            assert_eq!(PublicUrl::parse(good).unwrap().origin(), good);
        }
        for (bad, error) in [
            ("mcp.example.com", PublicUrlError::Scheme),
            ("http://mcp.example.com", PublicUrlError::Scheme),
            ("javascript:alert(1)", PublicUrlError::Scheme),
            ("http://127.0.0.1.example.com", PublicUrlError::Scheme),
            ("https://a.example/", PublicUrlError::NotAnOrigin),
            ("https://user@a.example", PublicUrlError::NotAnOrigin),
            ("https://a.example?x", PublicUrlError::NotAnOrigin),
            ("https://A.example", PublicUrlError::Host),
            ("https://a.example:443", PublicUrlError::Host),
            ("https://a.example:x", PublicUrlError::Host),
            ("https://", PublicUrlError::Host),
            ("https://a$(id).example", PublicUrlError::Host),
        ] {
            assert_eq!(PublicUrl::parse(bad), Err(error), "{bad}");
        }
    }

    /// DS-01, MP-02: the closed list of names, and no prefix tests.
    #[test]
    fn loopback_server_answers_to_its_own_names_only() {
        let url = PublicUrl::parse("http://127.0.0.1:3000").unwrap();
        for good in ["127.0.0.1:3000", "localhost:3000", "LOCALHOST:3000", "[::1]:3000"] {
            assert!(url.serves_authority(Some(good)), "{good}");
        }
        for bad in [
            "evil.example:3000",
            "localhost:3001",
            "localhost",
            "localhost.evil.example:3000",
            "127.0.0.1:3000@evil.example",
            "127.0.0.10:3000",
            "",
        ] {
            assert!(!url.serves_authority(Some(bad)), "{bad}");
        }
        assert!(!url.serves_authority(None));
        assert_eq!(url.origin_for(Some("localhost:3000")), "http://localhost:3000");
        assert_eq!(url.origin_for(Some("evil.example:3000")), "http://127.0.0.1:3000");
        assert!(url.is_own_origin("http://localhost:3000"));
        assert!(!url.is_own_origin("https://localhost:3000"));
    }

    /// MCP-A-19: what may be written differently, and nothing else.
    #[test]
    fn resources_are_compared_as_urls_are() {
        for (written, compared) in [
            ("https://a.example/mcp", "https://a.example/mcp"),
            ("HTTPS://A.Example:443/mcp", "https://a.example/mcp"),
            ("https://a.example/", "https://a.example"),
            ("http://a.example:80", "http://a.example"),
            ("https://a.example:80/", "https://a.example:80"),
            ("https://a.example/MCP", "https://a.example/MCP"),
            ("https://a.example/mcp/", "https://a.example/mcp/"),
            ("https://a.example:443@evil.example/", "https://a.example:443@evil.example"),
            ("https://a.example?x=://B:443", "https://a.example?x=://B:443"),
            ("urn:A", "urn:A"),
        ] {
            assert_eq!(comparable(written), compared, "{written}");
        }
    }

    /// DS-01: the switch of the tolerance `loopback_aliases`.
    #[test]
    fn strict_loopback_server_has_one_name() {
        let url = PublicUrl::parse("http://127.0.0.1:3000").unwrap().strictly("a, loopback_aliases");
        assert!(url.is_loopback() && url.serves_authority(Some("127.0.0.1:3000")));
        assert!(url.is_own_origin("http://127.0.0.1:3000"));
        assert!(!url.serves_authority(Some("localhost:3000")) && !url.is_own_origin("http://[::1]:3000"));
        assert_eq!(url.origin_for(Some("localhost:3000")), "http://127.0.0.1:3000");
    }

    /// MP-01.
    #[test]
    fn loopback_origin_is_matched_exactly() {
        for good in ["http://localhost", "http://localhost:6274", "http://127.0.0.1:1", "http://[::1]:5173"] {
            assert!(is_loopback_origin(good), "{good}");
        }
        for bad in [
            "null",
            "",
            "localhost:6274",
            "https://localhost",
            "http://LOCALHOST",
            "http://localhost/",
            "http://localhost:",
            "http://localhost:x",
            "http://localhost:99999",
            "http://localhost.evil.example",
            "http://evil@localhost",
            "http://127.0.0.2",
            "http://[::1",
            "http://[::1]evil.example",
        ] {
            assert!(!is_loopback_origin(bad), "{bad}");
        }
    }

    #[test]
    fn public_server_has_one_name() {
        let url = PublicUrl::parse("https://mcp.example.com").unwrap();
        assert!(url.serves_authority(Some("internal:8080")));
        assert_eq!(url.origin_for(Some("localhost")), "https://mcp.example.com");
        assert!(url.is_own_origin("https://mcp.example.com"));
        assert!(!url.is_own_origin("http://localhost:3000"));
    }
}
