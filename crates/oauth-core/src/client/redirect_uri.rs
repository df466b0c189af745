//! Redirect URIs: which may be registered, and which of those a request means.

use url::Url;

/// The longest redirect URI that is registered, in bytes.
const MAX_BYTES: usize = 512;

/// The longest scheme that the log shows, in bytes.
const MAX_SCHEME_BYTES: usize = 32;

/// Names of the machine that the browser runs on.
const LOOPBACK_HOSTS: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Why a redirect URI cannot be registered. The text is for the client's developer, after `redirect_uris[0]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// It is not an absolute URI of plain characters.
    #[error("is not an absolute URI of plain ASCII characters, 512 at most, with its host in lower case")]
    Syntax,
    /// It has a fragment (RFC 6749 section 3.1.2).
    #[error("has a fragment")]
    Fragment,
    /// It has a user name or password, which hide where it really leads.
    #[error("has a user name or a password in it")]
    UserInfo,
    /// It has a wildcard. Redirect URIs are compared as they are.
    #[error("has a wildcard; register each redirect URI in full")]
    Wildcard,
    /// Plain `http` to another machine: everybody on the way would read the code.
    #[error("is http on a host that is not localhost, 127.0.0.1 or [::1]; use https")]
    InsecureHost,
    /// A scheme that runs scripts, reads files, or is nobody's in particular.
    #[error(
        "has a scheme that is not accepted; use https, http on a loopback host, a scheme that is a reversed domain \
         name (com.example.app), or one that the operator has listed"
    )]
    Scheme,
    /// Its query has a parameter that we add (`code`, `state`, `iss`, `error`).
    #[error("has code, state, iss or error in its query, which the response adds")]
    ReservedParameter,
}

/// What the operator can do about a scheme that is not accepted, for the log. The scheme is shown if it can be
/// one; nothing else of the redirect URI is.
pub(crate) fn scheme_advice(uri: &str, is_tolerated: bool) -> String {
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    if scheme.len() > MAX_SCHEME_BYTES || !may_be_private_scheme(scheme) {
        return "no variable allows that scheme".to_owned();
    }
    match is_tolerated {
        true => format!("add {scheme} to the variable private_schemes to allow it"),
        false => format!("the scheme is {scheme}; the variable strict switches private_schemes off"),
    }
}

/// The kinds of redirect URIs that may be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `https`, anywhere.
    Web,
    /// `http`, on the user's own machine (RFC 8252 section 7.3).
    Loopback,
    /// A private-use scheme that is a reversed domain name (RFC 8252 section 7.1).
    PrivateScheme,
    /// A private-use scheme without a dot in it. Tolerance `private_schemes`.
    DotlessScheme,
}

impl Kind {
    /// Whether an app on the user's computer is opened by its scheme.
    pub fn is_private_scheme(self) -> bool {
        matches!(self, Self::PrivateScheme | Self::DotlessScheme)
    }
}

/// Which kind of redirect URI it is, if it may be registered. `private_schemes` are the ones without a
/// dot that are accepted.
pub fn check(uri: &str, private_schemes: &[String]) -> Result<Kind, RedirectUriError> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&byte);
    if uri.is_empty() || uri.len() > MAX_BYTES || !uri.bytes().all(plain) {
        return Err(RedirectUriError::Syntax);
    }
    if uri.contains('#') {
        return Err(RedirectUriError::Fragment);
    }
    if uri.contains('*') {
        return Err(RedirectUriError::Wildcard);
    }
    let (scheme, rest) = uri.split_once(':').ok_or(RedirectUriError::Syntax)?;
    let is_scheme = scheme.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'))
        && scheme.starts_with(|first: char| first.is_ascii_lowercase());
    if !is_scheme {
        return Err(RedirectUriError::Scheme);
    }
    if rest.split(['/', '?']).nth(2).is_some_and(|authority| authority.contains('@')) {
        return Err(RedirectUriError::UserInfo);
    }
    // Before it is parsed: the parser's own tables are not made for encoded names (see `Cargo.toml`), which it
    // looks for in the schemes of the web.
    match scheme {
        "http" | "https" if !authority(uri).is_some_and(is_plain_authority) => {
            return Err(RedirectUriError::Syntax);
        }
        "file" | "ftp" | "ws" | "wss" => return Err(RedirectUriError::Scheme),
        _ => {}
    }
    let parsed = Url::parse(uri).map_err(|_| RedirectUriError::Syntax)?;
    if !parsed.username().is_empty() {
        return Err(RedirectUriError::UserInfo);
    }
    let kind = match scheme {
        "https" => {
            check_written_authority(uri, &parsed)?;
            Kind::Web
        }
        "http" => {
            check_written_authority(uri, &parsed)?;
            loopback_parts(uri).ok_or(RedirectUriError::InsecureHost)?;
            Kind::Loopback
        }
        private if private.contains('.') => Kind::PrivateScheme,
        dotless if private_schemes.iter().any(|known| known == dotless) => Kind::DotlessScheme,
        _ => return Err(RedirectUriError::Scheme),
    };
    if parsed.query_pairs().any(|(name, _)| ["code", "state", "iss", "error"].contains(&&*name)) {
        return Err(RedirectUriError::ReservedParameter);
    }
    Ok(kind)
}

/// Schemes that an operator cannot accept as somebody's own: they run scripts, read files, lead to the
/// web, or belong to the platform and with it to any app (RFC 8252 section 8.4).
const NOBODYS_SCHEMES: &[&str] = &[
    "about",
    "android-app",
    "blob",
    "chrome",
    "chrome-extension",
    "content",
    "data",
    "edge",
    "facetime",
    "file",
    "filesystem",
    "ftp",
    "http",
    "https",
    "intent",
    "jar",
    "javascript",
    "mailto",
    "market",
    "moz-extension",
    "resource",
    "sms",
    "tel",
    "vbscript",
    "view-source",
    "wss",
];

/// Whether an operator may accept this scheme as one of a client's own: a scheme (RFC 3986 section 3.1)
/// in lower case, without a dot, that is not one of the platform's.
pub fn may_be_private_scheme(scheme: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-');
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(is_plain)
        && !NOBODYS_SCHEMES.contains(&scheme)
        && !scheme.starts_with("ms-")
        && scheme != "ws"
}

/// The host must be written as a browser would read it: then what we compare and show is where the
/// browser goes.
fn check_written_authority(uri: &str, parsed: &Url) -> Result<(), RedirectUriError> {
    let authority = authority(uri).ok_or(RedirectUriError::Syntax)?;
    let host = parsed.host_str().filter(|host| !host.is_empty()).ok_or(RedirectUriError::Syntax)?;
    let port = authority.strip_prefix(host).ok_or(RedirectUriError::Syntax)?;
    if port.is_empty() || is_written_port(port) { Ok(()) } else { Err(RedirectUriError::Syntax) }
}

/// Whether a host and port are of the characters that name one in lower case. Some others, which a URL may
/// have in its host, end a directive of the page's security policy.
fn is_plain_authority(authority: &str) -> bool {
    let is_plain =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'[' | b':' | b']');
    !authority.is_empty() && authority.bytes().all(is_plain)
}

/// Whether this is a colon and a port, as a browser would write it: no sign, no zero in front.
fn is_written_port(text: &str) -> bool {
    text.strip_prefix(':')
        .is_some_and(|digits| digits.parse::<u16>().is_ok_and(|port| port != 0 && port.to_string() == digits))
}

/// How a registered redirect URI covers a requested one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Byte for byte (RFC 9700 section 2.1).
    Exact,
    /// On the same loopback address with another port, because a native client takes what it gets
    /// (RFC 8252 section 7.3).
    OtherPort,
    /// The same on the name `localhost`, which that section does not speak of, and which most clients
    /// register. Tolerance `loopback_localhost`.
    OtherPortOfLocalhost,
}

/// Whether, and how, a registered redirect URI covers the requested one.
pub fn matches(registered: &str, requested: &str) -> Option<Match> {
    if registered == requested {
        return Some(Match::Exact);
    }
    let (registered, requested) = (loopback_parts(registered)?, loopback_parts(requested)?);
    match registered {
        _ if registered != requested => None,
        ("localhost", _) => Some(Match::OtherPortOfLocalhost),
        _ => Some(Match::OtherPort),
    }
}

/// The host, and what follows the port, of an `http` URI on a loopback host.
fn loopback_parts(uri: &str) -> Option<(&str, &str)> {
    let authority = authority(uri.strip_prefix("http://").map(|_| uri)?)?;
    let after_authority = uri.get("http://".len() + authority.len()..)?;
    let host = LOOPBACK_HOSTS.into_iter().find(|host| {
        authority.strip_prefix(host).is_some_and(|port| port.is_empty() || is_written_port(port))
    })?;
    Some((host, after_authority))
}

/// What stands between `//` and the path or query, as written. The `//` comes right after the scheme: one
/// further on is part of something else.
fn authority(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once(':')?;
    rest.strip_prefix("//")?.split(['/', '?']).next()
}

/// Where a redirect URI leads, for the person who is asked: the host as written, or the scheme of a
/// client's own.
pub fn destination(uri: &str) -> Destination<'_> {
    match (uri.split_once(':'), authority(uri)) {
        (Some(("https", _)), Some(authority)) => Destination::Host(authority),
        (Some(("http", _)), Some(authority)) => Destination::ThisComputer(authority),
        (Some((scheme, _)), _) => Destination::App(scheme),
        (None, _) => Destination::App(""),
    }
}

/// Where a redirect URI leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination<'a> {
    /// A website.
    Host(&'a str),
    /// A program on the user's computer that listens there.
    ThisComputer(&'a str),
    /// A program on the user's computer that has this scheme.
    App(&'a str),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::policy::ClientPolicy;

    fn check(uri: &str) -> Result<Kind, RedirectUriError> {
        super::check(uri, &ClientPolicy::default().private_schemes)
    }

    fn matches(registered: &str, requested: &str) -> bool {
        super::matches(registered, requested).is_some()
    }

    #[test]
    fn clients_that_people_use_can_register() {
        for (good, kind) in [
            ("https://claude.ai/api/mcp/auth_callback", Kind::Web),
            ("http://127.0.0.1:33418/", Kind::Loopback),
            ("http://localhost:3334/oauth/callback", Kind::Loopback),
            ("http://localhost/callback", Kind::Loopback),
            ("http://[::1]:8080/cb?tenant=1", Kind::Loopback),
            ("https://vscode.dev/redirect", Kind::Web),
            ("https://insiders.vscode.dev/redirect", Kind::Web),
            ("cursor://anysphere.cursor-mcp/oauth/callback", Kind::DotlessScheme),
            ("vscode://vscode.github-authentication/did-authenticate", Kind::DotlessScheme),
            ("claude://claude.ai/mcp-auth-callback/sdk", Kind::DotlessScheme),
            ("warp://mcp/oauth2callback", Kind::DotlessScheme),
            ("grokbot://mcp/oauth/callback", Kind::DotlessScheme),
            ("com.raycast:/oauth?package_name=Extension", Kind::PrivateScheme),
            ("com.example.app:/callback", Kind::PrivateScheme),
        ] {
            assert_eq!(check(good), Ok(kind), "{good}");
        }
    }

    /// RG-04: without the operator's list, a scheme must be a reversed domain name.
    #[test]
    fn schemes_without_a_dot_are_on_the_operators_list() {
        let listed = ["zed".to_owned()];
        assert_eq!(super::check("zed://cb", &listed), Ok(Kind::DotlessScheme));
        assert_eq!(super::check("cursor://cb", &listed), Err(RedirectUriError::Scheme));
        assert_eq!(super::check("com.example:/cb", &[]), Ok(Kind::PrivateScheme));
        for good in ["zed", "vscode-insiders", "x1+y"] {
            assert!(may_be_private_scheme(good), "{good}");
        }
        for bad in
            ["", "javascript", "data", "https", "intent", "ms-settings", "Zed", "a.b", "zed:", "1x", "é"]
        {
            assert!(!may_be_private_scheme(bad), "{bad}");
        }
    }

    /// C7: the log names a scheme and the variable for it, and shows nothing else of the URI.
    #[test]
    fn advice_names_the_scheme_and_the_variable() {
        let advice = scheme_advice("acme://s3cret/cb", true);
        assert_eq!(advice, "add acme to the variable private_schemes to allow it");
        assert!(scheme_advice("acme://s3cret/cb", false).contains("strict"));
        let long = format!("{}://cb", "a".repeat(33));
        for bad in ["javascript:s3cret", "data:s3cret", "A\nB://s3cret", "s3cret", "ms-x:s3cret", &long] {
            assert_eq!(scheme_advice(bad, true), "no variable allows that scheme", "{bad}");
        }
    }

    /// RG-02, RG-03, RG-04, AZ-04, AZ-08, AZ-23.
    #[test]
    fn dangerous_ones_cannot() {
        use RedirectUriError::*;
        for (bad, error) in [
            ("", Syntax),
            ("/callback", Syntax),
            ("https://", Syntax),
            ("https:/callback", Syntax),
            ("https:a.example/cb", Syntax),
            // Which ends a debug build of the parser's tables.
            ("http://LO%CAL.example/cb", Syntax),
            ("http:///LO%CAL.example/cb", Syntax),
            // A browser goes to port 99.
            ("https:a.example:99/?x=://a.example:88/", Syntax),
            ("https://a.example/cb#x", Fragment),
            ("https://*.example/cb", Wildcard),
            ("http://example.com/cb", InsecureHost),
            ("http://127.0.0.1.example.com/cb", InsecureHost),
            ("http://127.0.0.2/cb", InsecureHost),
            ("http://localhost@evil.example/cb", UserInfo),
            ("https://user:pw@a.example/cb", UserInfo),
            ("javascript:alert(1)", Scheme),
            ("JavaScript:alert(1)", Scheme),
            ("java\tscript:alert(1)", Syntax),
            ("data:text/html,x", Scheme),
            ("file:///etc/passwd", Scheme),
            ("ftp://LO%CAL.example/cb", Scheme),
            ("vbscript:x", Scheme),
            ("blob:https://a.example/x", Scheme),
            ("ms-settings:x", Scheme),
            ("intent://x", Scheme),
            ("https://a.example:0/cb", Syntax),
            ("https://a.example:99999/cb", Syntax),
            ("https://a.example:0443/cb", Syntax),
            ("https://A.example/cb", Syntax),
            ("https://bücher.example/cb", Syntax),
            ("https://a.example\\@evil.example/", Syntax),
            ("https://0x7f.1/cb", Syntax),
            ("https://a.example;sandbox/cb", Syntax),
            ("https://a.example,b.example/cb", Syntax),
            ("https://a.example/cb?code=1", ReservedParameter),
            ("https://a.example/cb?st%61te=1", ReservedParameter),
        ] {
            assert_eq!(check(bad), Err(error), "{bad}");
        }
    }

    /// AZ-02, AZ-05.
    #[test]
    fn comparison_is_byte_for_byte() {
        let registered = "https://a.example/cb";
        assert!(matches(registered, registered));
        for other in [
            "https://a.example/cb/",
            "https://a.example/cb?x=1",
            "https://a.example/CB",
            "https://a.example:443/cb",
            "https://a.example/c%62",
            "https://b.example/cb",
            "http://a.example/cb",
            "https://a.example/cb/../evil",
        ] {
            assert!(!matches(registered, other), "{other}");
        }
    }

    /// AZ-06, AZ-07, RFC 8252 section 7.3.
    /// MCP-S-34, MCP-S-35.
    #[test]
    fn loopback_may_have_any_port_and_nothing_else() {
        let registered = "http://localhost:3334/oauth/callback";
        assert!(matches(registered, "http://localhost:49150/oauth/callback"));
        assert!(matches("http://127.0.0.1/cb?a=1", "http://127.0.0.1:9/cb?a=1"));
        assert!(matches("http://[::1]:1/", "http://[::1]:2/"));
        let localhost = super::matches(registered, "http://localhost:49150/oauth/callback");
        assert_eq!(localhost, Some(Match::OtherPortOfLocalhost));
        assert_eq!(super::matches("http://[::1]:1/", "http://[::1]:2/"), Some(Match::OtherPort));
        for other in [
            "http://127.0.0.1:3334/oauth/callback",
            "http://localhost:3334/other",
            "http://localhost:3334/oauth/callback?x=1",
            "https://localhost:3334/oauth/callback",
            "http://localhost:0/oauth/callback",
            "http://localhost:70000/oauth/callback",
            "http://localhost:x/oauth/callback",
            "http://localhost:+80/oauth/callback",
            "http://localhost:080/oauth/callback",
            "http://localhost:1@evil.example/oauth/callback",
            "http://localhost.evil.example/oauth/callback",
        ] {
            assert!(!matches(registered, other), "{other}");
        }
        assert!(!matches("https://localhost:1/cb", "https://localhost:2/cb"));
    }

    #[test]
    fn destinations_are_told_apart() {
        assert_eq!(destination("https://claude.ai/cb"), Destination::Host("claude.ai"));
        assert_eq!(destination("http://localhost:1/cb"), Destination::ThisComputer("localhost:1"));
        assert_eq!(destination("cursor://x/cb"), Destination::App("cursor"));
    }
}
