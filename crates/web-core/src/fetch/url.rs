//! Which addresses are fetched from.

use crate::{
    PublicUrl,
    authority::{is_host, split_authority},
    public_url::is_loopback_authority,
};

/// The longest address that is judged, in bytes.
const MAX_URL_BYTES: usize = 2048;

/// What depends on the deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchPolicy {
    /// A developer's machine fetches from itself, by plain `http` and at any port.
    allows_loopback: bool,
    /// Hosts and ports that an operator wrote down, whatever they are.
    trusted: Vec<String>,
}

impl FetchPolicy {
    /// The policy of a server at `public_url`: what is fetched from loopback names is nobody else's
    /// business only if this server is itself on a developer's machine.
    pub fn of(public_url: &PublicUrl) -> Self {
        Self { allows_loopback: public_url.is_loopback(), trusted: Vec::new() }
    }

    /// Allows one host and port more, such as `id.corp.internal:8443`, by `https`: for addresses that the
    /// operator wrote down. What the component may reach is the operator's grant in any case.
    pub fn trusting(mut self, authority: &str) -> Self {
        self.trusted.push(authority.to_owned());
        self
    }
}

/// Why an address is not fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchUrlError {
    /// Too long, or with characters that a URL does not have, or with a fragment.
    #[error("the address is not written as a URL is")]
    Spelling,
    /// Another scheme than `https`.
    #[error("the address is not https")]
    Scheme,
    /// A user name or password.
    #[error("the address has a user name in it")]
    UserInfo,
    /// Not a public host name in lower case: an IP address in whatever notation, a name of one label, a
    /// name that only means something inside a network or an application, a dot at the end.
    #[error("the address does not have a public host name")]
    Host,
    /// A port, which can only be another than 443.
    #[error("the address has a port")]
    Port,
    /// No path, or one with `.` or `..` in it, however written.
    #[error("the address has no path, or one with dot segments")]
    Path,
}

/// An address that was judged and may be fetched from. It is text that every parser of URLs reads alike:
/// nothing in it needs to be normalised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FetchUrl {
    text: String,
    authority: std::ops::Range<usize>,
    host: std::ops::Range<usize>,
    is_loopback: bool,
}

impl FetchUrl {
    /// Judges an address, without looking its name up.
    pub fn parse(text: &str, policy: &FetchPolicy) -> Result<Self, FetchUrlError> {
        if text.len() > MAX_URL_BYTES || !text.bytes().all(is_url_byte) {
            return Err(FetchUrlError::Spelling);
        }
        let (is_secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) if policy.allows_loopback => (false, rest),
            _ => return Err(FetchUrlError::Scheme),
        };
        let authority_len = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path_and_query) =
            rest.split_at_checked(authority_len).ok_or(FetchUrlError::Spelling)?;
        if authority.contains('@') {
            return Err(FetchUrlError::UserInfo);
        }
        let is_loopback = policy.allows_loopback && is_loopback_authority(authority);
        if !is_secure && !is_loopback {
            return Err(FetchUrlError::Scheme);
        }
        let is_trusted = is_loopback || policy.trusted.iter().any(|trusted| trusted == authority);
        let host = if is_trusted { trusted_host(authority)? } else { judge_authority(authority)? };
        if !is_plain_path(path_and_query) {
            return Err(FetchUrlError::Path);
        }
        let start = text.len() - rest.len();
        Ok(Self {
            text: text.to_owned(),
            authority: start..start + authority.len(),
            host: start..start + host.len(),
            is_loopback,
        })
    }

    /// The address, exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `https`, or `http` on a developer's machine.
    pub fn scheme(&self) -> &str {
        self.text.split(':').next().unwrap_or_default()
    }

    /// Host and port, as written.
    pub fn authority(&self) -> &str {
        self.text.get(self.authority.clone()).unwrap_or_default()
    }

    /// The host, which is ASCII and in lower case.
    pub fn host(&self) -> &str {
        self.text.get(self.host.clone()).unwrap_or_default()
    }

    /// Path and query.
    pub fn path_and_query(&self) -> &str {
        self.text.get(self.authority.end..).unwrap_or_default()
    }

    /// Whether it is on the machine that this server runs on.
    pub fn is_loopback(&self) -> bool {
        self.is_loopback
    }
}

/// RFC 3986 section 2, without `#`, which begins a fragment, and without `[` and `]`, which stand for
/// IPv6 addresses only. (The loopback address with them is allowed in as a whole.) And without `'`, which
/// some parsers encode in a query and others do not.
fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&()*+,;=%".contains(&byte)
}

/// The host of an address that is there for a reason: any host, so long as it is written as one.
fn trusted_host(authority: &str) -> Result<&str, FetchUrlError> {
    let (host, _) = split_authority(authority).ok_or(FetchUrlError::Host)?;
    if is_host(host) { Ok(host) } else { Err(FetchUrlError::Host) }
}

/// The host of a public address. Its port goes without saying, and is not written.
fn judge_authority(authority: &str) -> Result<&str, FetchUrlError> {
    let host = authority.split(':').next().unwrap_or_default();
    match (is_public_name(host), host == authority) {
        (false, _) => Err(FetchUrlError::Host),
        (true, false) => Err(FetchUrlError::Port),
        (true, true) => Ok(host),
    }
}

/// Names that mean something only inside a machine, a network or an application, and their subdomains
/// (RFC 6761, RFC 6762, RFC 9476; `self.alt` and `spin.internal` are Spin's).
const SPECIAL_NAMES: [&str; 9] =
    ["localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa", "alt"];

/// Whether this is a name in the public domain name system, in lower case (RFC 1123 section 2.1). A
/// number in the last place makes an IPv4 address of it, in whatever base.
fn is_public_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let Some((_, last)) = host.rsplit_once('.') else { return false };
    host.len() <= 253
        && host.split('.').all(is_label)
        && last.starts_with(|first: char| first.is_ascii_lowercase())
        && !SPECIAL_NAMES.contains(&last)
}

/// Whether there is a path without dot segments, and with percent signs that encode something.
fn is_plain_path(path_and_query: &str) -> bool {
    let path = path_and_query.split('?').next().unwrap_or_default();
    let decoded_dots = path.to_ascii_lowercase().replace("%2e", ".");
    path.starts_with('/')
        && !decoded_dots.split('/').any(|segment| segment == "." || segment == "..")
        && !path_and_query.contains(['[', ']'])
        && path_and_query
            .split('%')
            .skip(1)
            .all(|after| after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(public_url: &str) -> FetchPolicy {
        FetchPolicy::of(&PublicUrl::parse(public_url).unwrap())
    }

    fn public() -> FetchPolicy {
        policy("https://mcp.example.com")
    }

    fn refused(text: &str) -> FetchUrlError {
        FetchUrl::parse(text, &public()).expect_err(text)
    }

    #[test]
    fn addresses_that_are_fetched_from() {
        for text in [
            "https://client.example.com/",
            "https://client.example.com/oauth/metadata.json?v=1%20a&b=/../x",
            "https://xn--bcher-kva.example/a-b_c~d/%C3%A9/..a/...",
            "https://1.2.3.example.com/x",
            "https://a.b/c",
        ] {
            let url = FetchUrl::parse(text, &public()).expect(text);
            assert_eq!(url.as_str(), text);
            assert_eq!(format!("{}://{}{}", url.scheme(), url.authority(), url.path_and_query()), text);
            assert!(!url.is_loopback());
        }
        assert_eq!(FetchUrl::parse("https://a.example/b", &public()).unwrap().host(), "a.example");
    }

    /// CM-01.
    #[test]
    fn scheme_user_name_fragment_and_dot_segments() {
        for text in [
            "http://a.example/x",
            "HTTPS://a.example/x",
            "ftp://a.example/x",
            "//a.example/x",
            "a.example/x",
            "",
        ] {
            assert_eq!(refused(text), FetchUrlError::Scheme, "{text}");
        }
        for text in [
            "https://u@a.example/x",
            "https://u:p@a.example/x",
            "https://a.example:443@b.example/x",
            "https://@a.example/x",
        ] {
            assert_eq!(refused(text), FetchUrlError::UserInfo, "{text}");
        }
        for text in [
            "https://a.example/x#y",
            "https://a.example/x#",
            "https://a.example\\x",
            "https://a.example/ x",
            " https://a.example/x",
            "https://a.example/x\n",
            "https://a.exam\tple/x",
            "https://ä.example/x",
            "https://a.example/<x>",
            "https://a.example/x?y='z'",
        ] {
            assert_eq!(refused(text), FetchUrlError::Spelling, "{text:?}");
        }
        for text in [
            "https://a.example",
            "https://a.example?x",
            "https://a.example/.",
            "https://a.example/../x",
            "https://a.example/a/./x",
            "https://a.example/%2e%2E/x",
            "https://a.example/.%2e",
            "https://a.example/%2",
            "https://a.example/%zz",
            "https://a.example/[x]",
        ] {
            assert_eq!(refused(text), FetchUrlError::Path, "{text}");
        }
        assert_eq!(refused(&format!("https://a.example/{}", "x".repeat(2048))), FetchUrlError::Spelling);
    }

    /// CM-02: literals in every notation that some parser understands.
    #[test]
    fn ip_addresses_are_no_hosts() {
        for host in [
            "93.184.216.34",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "1.2.3.4.5",
            "a.1",
            "a.0x1",
            "[::1]",
            "[2606:4700::1111]",
            "[::ffff:127.0.0.1]",
            "[fe80::1%25eth0]",
        ] {
            assert_eq!(refused(&format!("https://{host}/x")), FetchUrlError::Host, "{host}");
        }
    }

    /// CM-03.
    #[test]
    fn names_that_are_not_public_are_no_hosts() {
        for host in [
            "localhost",
            "a.localhost",
            "intranet",
            "printer.local",
            "metadata.google.internal",
            "mcp.spin.internal",
            "self.alt",
            "1.0.0.127.in-addr.arpa",
            "router.home.arpa",
            "a.example.",
            "a..example",
            ".a.example",
            "A.example",
            "a_b.example",
            "-a.example",
            "a-.example",
            "a.example%2ecom",
            "a*.example",
            "",
        ] {
            assert_eq!(refused(&format!("https://{host}/x")), FetchUrlError::Host, "{host}");
        }
        let long = format!("https://{}.example/x", "a".repeat(64));
        assert_eq!(refused(&long), FetchUrlError::Host);
        let many = format!("https://{}example/x", "a.".repeat(130));
        assert_eq!(refused(&many), FetchUrlError::Host);
    }

    /// CM-06.
    #[test]
    fn port_goes_without_saying() {
        for port in ["443", "80", "8443", "0", "", "x", "+8443", "08443", "65536", "8443:8443"] {
            assert_eq!(refused(&format!("https://a.example:{port}/x")), FetchUrlError::Port, "{port}");
        }
    }

    #[test]
    fn operator_may_write_down_any_host() {
        let policy = public().trusting("id.corp.internal:8443").trusting("10.0.0.7");
        for text in ["https://id.corp.internal:8443/x", "https://10.0.0.7/x"] {
            let url = FetchUrl::parse(text, &policy).expect(text);
            assert_eq!(format!("https://{}/x", url.authority()), text);
        }
        for text in [
            "http://10.0.0.7/x",
            "https://10.0.0.7:80/x",
            "https://id.corp.internal/x",
            "https://a.id.corp.internal:8443/x",
            "https://u@10.0.0.7/x",
            "https://10.0.0.7/../x",
        ] {
            assert!(FetchUrl::parse(text, &policy).is_err(), "{text}");
        }
    }

    /// CM-03: loopback is for servers that are there themselves.
    #[test]
    fn loopback_is_fetched_from_on_a_developers_machine_only() {
        let policy = policy("http://127.0.0.1:3000");
        for text in [
            "http://127.0.0.1:4000/x",
            "http://localhost/x",
            "http://[::1]:4000/x",
            "https://localhost:8443/x",
        ] {
            let url = FetchUrl::parse(text, &policy).expect(text);
            assert!(url.is_loopback());
            assert_eq!(format!("{}://{}{}", url.scheme(), url.authority(), url.path_and_query()), text);
            assert!(FetchUrl::parse(text, &public()).is_err(), "{text}");
        }
        assert!(!FetchUrl::parse("https://a.example/x", &policy).unwrap().is_loopback());
        for text in [
            "http://a.example/x",
            "http://localhost.a.example/x",
            "http://127.0.0.2/x",
            "http://u@localhost/x",
            "http://localhost:x/x",
            "http://[::1]a/x",
            "http://169.254.169.254/latest",
            "https://10.0.0.1/x",
        ] {
            assert!(FetchUrl::parse(text, &policy).is_err(), "{text}");
        }
    }
}
