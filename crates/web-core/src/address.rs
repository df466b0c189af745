//! One address under which clients reach this server, as an operator writes it.

use crate::authority::{is_host, split_authority};

/// Scheme, host and port, and the path below which the server is, if it has not all of its host. It is kept as
/// metadata writes it: in lower case up to the path, without the scheme's own port and without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    url: String,
    /// How long the origin is.
    origin_length: usize,
}

/// Why a text is no address of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not begin with a scheme that is served.
    #[error(
        "it must begin with https://, for example https://mcp.example.com; http:// is for 127.0.0.1, localhost and \
         [::1] alone. Write the address under which clients reach the server"
    )]
    Scheme,
    /// It has a user name, a query or a fragment.
    #[error("it must be https://HOST[:PORT][/PATH], without a user name, a query and a fragment")]
    NotPlain,
    /// Its host is empty or has characters that a host does not have, or its port is none.
    #[error(
        "its host must be a name in ASCII (xn--… for one that is not) or an IP address, and its port, if there is one, a \
         number from 1 to 65535"
    )]
    Host,
    /// Its path has something that could be written in two ways, or that is others'.
    #[error(
        "its path must be names of letters, digits and any of -._~ with one slash before each, and not begin with \
         /.well-known; for example https://example.com/mcp-server"
    )]
    Path,
}

impl Address {
    /// Parses an address, and says whether it is a secure one. What may be written in several ways becomes what
    /// metadata writes: upper case in scheme and host, the scheme's own port, and one slash at the end.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(AddressError::Scheme)?;
        let default_port = match scheme.to_ascii_lowercase().as_str() {
            "https" => 443,
            "http" => 80,
            _ => return Err(AddressError::Scheme),
        };
        if rest.contains(['?', '#', '@', '\\']) {
            return Err(AddressError::NotPlain);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = authority.to_ascii_lowercase();
        let (host, port) = split_authority(&authority).ok_or(AddressError::Host)?;
        if !is_host(host) || port == Some(0) {
            return Err(AddressError::Host);
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        if !is_plain_path(path) {
            return Err(AddressError::Path);
        }
        let scheme = if default_port == 443 { "https" } else { "http" };
        let mut url = format!("{scheme}://{host}");
        if let Some(port) = port.filter(|port| *port != default_port) {
            url.push_str(&format!(":{port}"));
        }
        let origin_length = url.len();
        url.push_str(path);
        Ok(Self { url, origin_length })
    }

    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        self.url.get(..self.origin_length).unwrap_or_default()
    }

    /// The path, without a slash at its end; empty where the server has all of its host.
    pub fn path(&self) -> &str {
        self.url.get(self.origin_length..).unwrap_or_default()
    }

    /// Host, and port unless it is the scheme's own.
    pub fn authority(&self) -> &str {
        self.origin().split_once("://").map_or("", |(_, authority)| authority)
    }

    /// Whether it is reached by TLS.
    pub fn is_secure(&self) -> bool {
        self.url.starts_with("https://")
    }

    /// The part of `path` that is below this address; `None` where `path` is not at or below it. At it, the part
    /// is a slash.
    pub(crate) fn below<'a>(&self, path: &'a str) -> Option<&'a str> {
        match path.strip_prefix(self.path())? {
            "" => Some("/"),
            rest => rest.starts_with('/').then_some(rest),
        }
    }
}

/// Whether a path can be written in one way only, and be before or behind a well-known part.
fn is_plain_path(path: &str) -> bool {
    let is_name = |name: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !matches!(name, "" | "." | "..") && name.bytes().all(is_plain)
    };
    let Some(names) = path.strip_prefix('/') else { return path.is_empty() };
    names.split('/').all(is_name) && names.split('/').next() != Some(".well-known")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C9: what an operator may write differently, and what metadata writes.
    #[test]
    fn one_address_may_be_written_in_several_ways() {
        for (written, meant) in [
            ("https://mcp.example.com", "https://mcp.example.com"),
            ("https://mcp.example.com/", "https://mcp.example.com"),
            (" https://mcp.example.com\n", "https://mcp.example.com"),
            ("HTTPS://MCP.Example.com:443/", "https://mcp.example.com"),
            ("https://a.example:8443", "https://a.example:8443"),
            ("https://a.example:0443", "https://a.example"),
            ("https://a.example:80", "https://a.example:80"),
            ("http://LOCALHOST:80", "http://localhost"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
            ("https://example.com/mcp-server", "https://example.com/mcp-server"),
            ("https://example.com/a/B_~.1/", "https://example.com/a/B_~.1"),
        ] {
            assert_eq!(Address::parse(written).unwrap().as_str(), meant, "{written:?}");
        }
    }

    /// DS-10.
    #[test]
    fn what_is_no_address_is_refused_by_what_is_wrong_with_it() {
        for (bad, error) in [
            ("", AddressError::Scheme),
            ("mcp.example.com", AddressError::Scheme),
            ("javascript://a.example/", AddressError::Scheme),
            ("https://user@a.example", AddressError::NotPlain),
            ("https://a.example?x", AddressError::NotPlain),
            ("https://a.example/x#y", AddressError::NotPlain),
            ("https://a.example\\x", AddressError::NotPlain),
            ("https://", AddressError::Host),
            ("https:///x", AddressError::Host),
            ("https://a.example:x", AddressError::Host),
            ("https://a.example:", AddressError::Host),
            ("https://a.example:0", AddressError::Host),
            ("https://a.example:65536", AddressError::Host),
            ("https://a$(id).example", AddressError::Host),
            ("https://ä.example", AddressError::Host),
            ("https://a.example//", AddressError::Path),
            ("https://a.example/x//y", AddressError::Path),
            ("https://a.example/x/../y", AddressError::Path),
            ("https://a.example/.", AddressError::Path),
            ("https://a.example/%78", AddressError::Path),
            ("https://a.example/a b", AddressError::Path),
            ("https://a.example/x;y", AddressError::Path),
            ("https://a.example/.well-known/x", AddressError::Path),
        ] {
            assert_eq!(Address::parse(bad), Err(error), "{bad:?}");
        }
    }

    #[test]
    fn parts_make_the_whole() {
        let address = Address::parse("https://example.com:8443/a/b").unwrap();
        assert_eq!((address.origin(), address.path()), ("https://example.com:8443", "/a/b"));
        assert_eq!((address.authority(), address.is_secure()), ("example.com:8443", true));
        assert_eq!(address.below("/a/b/mcp"), Some("/mcp"));
        assert_eq!((address.below("/a/b"), address.below("/a/b/")), (Some("/"), Some("/")));
        for other in ["/a", "/a/bmcp", "/A/b/mcp", "/mcp", "//a/b/mcp", "/a/b%2fmcp"] {
            assert_eq!(address.below(other), None, "{other}");
        }
    }
}
