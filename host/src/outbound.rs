//! What a component may call: `allowed_outbound_hosts`, and the requests that pass it.
//!
//! An entry is `scheme://host[:port]`; scheme, host and port may each be `*`, a host may be
//! `*.domain` or a CIDR block, a port may be a range `from..to`. Nothing is allowed when nothing is
//! listed. Spin's `self` and `*.spin.internal` (an application calling itself) are not provided, so
//! relative requests fail. Redirects are not followed; that is the guest's decision.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use http::Uri;
use url::Host;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::networks::{Blocked, Network};
use crate::variables::{Values, fill};

/// How long looking up a name may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// The hosts that a component may call.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// `None` is any.
    scheme: Option<String>,
    host: HostPattern,
    /// `None` is any.
    ports: Option<Range<u32>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    Any,
    /// An entry without a host, which a variable may have left empty.
    Nothing,
    /// The part after the `*`, with its dot.
    Subdomain(String),
    Exactly(Host),
    Network(Network),
}

impl AllowedHosts {
    /// Understand the entries after their templates are filled.
    pub fn parse(entries: &[String], values: &Values) -> Result<Self> {
        let parse = |template: &String| {
            let entry = fill(template, values)?;
            Entry::parse(&entry).with_context(|| format!("allowed_outbound_hosts {entry:?}"))
        };
        entries.iter().map(parse).collect::<Result<_>>().map(Self)
    }

    /// Whether a request to `uri` may be made.
    pub fn allow(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return false };
        let Ok(host) = Host::parse(host) else { return false };
        let Some(port) = uri.port_u16().or_else(|| default_port(scheme)) else { return false };
        self.0.iter().any(|entry| entry.allows(scheme, &host, port))
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self> {
        let (scheme, rest) = text.trim().split_once("://").context("has no scheme, such as https://")?;
        let scheme = match scheme {
            "*" => None,
            _ => {
                ensure!(
                    !scheme.is_empty() && scheme.chars().all(char::is_alphabetic),
                    "its scheme has to be letters or *"
                );
                Some(scheme.to_owned())
            }
        };
        // A CIDR block is the one host that may have a slash in it.
        if let Ok(network) = rest.parse::<Network>()
            && rest != "private"
        {
            return Ok(Self {
                ports: ports("", scheme.as_deref())?,
                scheme,
                host: HostPattern::Network(network),
            });
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (rest, ""),
        };
        Ok(Self { ports: ports(port, scheme.as_deref())?, scheme, host: HostPattern::parse(host)? })
    }

    fn allows(&self, scheme: &str, host: &Host<String>, port: u16) -> bool {
        self.scheme.as_deref().is_none_or(|allowed| allowed == scheme)
            && self.ports.as_ref().is_none_or(|ports| ports.contains(&u32::from(port)))
            && self.host.allows(host)
    }
}

impl HostPattern {
    fn parse(host: &str) -> Result<Self> {
        match host {
            "*" => return Ok(Self::Any),
            "" => return Ok(Self::Nothing),
            _ => {}
        }
        if ["self", "self.alt"].contains(&host) || host.ends_with(".spin.internal") {
            bail!("an application calling itself is not something this host supports");
        }
        if let Some(network) = host.contains('/').then(|| host.parse::<Network>().ok()).flatten() {
            return Ok(Self::Network(network));
        }
        ensure!(!host.contains('/'), "has a path");
        if let Some(domain) = host.strip_prefix("*.") {
            ensure!(!domain.contains('*'), "a * may only stand for the first labels of a host");
            let Host::Domain(domain) = Host::parse(domain)? else {
                bail!("a * cannot stand before an address")
            };
            return Ok(Self::Subdomain(format!(".{domain}")));
        }
        ensure!(!host.contains('*'), "a * may only stand for the first labels of a host");
        Ok(Self::Exactly(Host::parse(host)?))
    }

    fn allows(&self, host: &Host<String>) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Subdomain(suffix), Host::Domain(domain)) => domain.ends_with(suffix.as_str()),
            (Self::Exactly(exactly), host) => exactly == host,
            (Self::Network(network), Host::Ipv4(address)) => network.contains(IpAddr::V4(*address)),
            (Self::Network(network), Host::Ipv6(address)) => network.contains(IpAddr::V6(*address)),
            (Self::Nothing | Self::Subdomain(_) | Self::Network(_), _) => false,
        }
    }
}

fn ports(port: &str, scheme: Option<&str>) -> Result<Option<Range<u32>>> {
    let number = |text: &str| text.parse::<u16>().map(u32::from).context("its port is not a number");
    Ok(match (port, port.split_once("..")) {
        ("*", _) => None,
        ("", _) => {
            let port =
                scheme.and_then(default_port).context("needs a port, for its scheme has none of its own")?;
            Some(u32::from(port)..u32::from(port) + 1)
        }
        (_, Some((from, to))) => Some(number(from)?..number(to)?),
        (port, None) => Some(number(port)?..number(port)? + 1),
    })
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "redis" => Some(6379),
        "mqtt" => Some(1883),
        "mysql" => Some(3306),
        "postgres" => Some(5432),
        _ => None,
    }
}

/// The door through which a component's requests leave.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// Where they may go.
    pub allowed: AllowedHosts,
    /// Where no component's may go.
    pub blocked: Blocked,
    /// How many have left.
    pub sent: Arc<AtomicU32>,
}

/// A response, and what is still to be done for it while it is read.
pub(crate) type Sent = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        if !self.allowed.allow(request.uri()) {
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        let blocked = self.blocked.clone();
        Box::new(async move {
            let addresses = lookup(request.uri()).await?;
            if addresses.iter().any(|address| blocked.contains(address.ip())) {
                return Err(Error::DestinationIpProhibited);
            }
            crate::outbound_connection::send(request, options.as_ref(), &addresses).await
        })
    }
}

async fn lookup(uri: &Uri) -> Result<Vec<SocketAddr>, Error> {
    let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?;
    let scheme = uri.scheme_str().ok_or(Error::HttpRequestUriInvalid)?;
    let port = uri.port_u16().or_else(|| default_port(scheme)).ok_or(Error::HttpRequestUriInvalid)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host, port)))
        .await
        .map_err(|_| Error::DnsTimeout)?
        .map_err(|_| Error::DnsError { rcode: None, info_code: None })?;
    let addresses: Vec<_> = found.collect();
    if addresses.is_empty() { Err(Error::DestinationNotFound) } else { Ok(addresses) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(entries: &[&str], uri: &str) -> bool {
        let entries: Vec<_> = entries.iter().map(|entry| entry.to_string()).collect();
        AllowedHosts::parse(&entries, &Values::new()).unwrap().allow(&uri.parse().unwrap())
    }

    fn refused(entry: &str) -> bool {
        AllowedHosts::parse(&[entry.to_owned()], &Values::new()).is_err()
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        assert!(!allowed(&[], "https://example.com/"));
    }

    #[test]
    fn scheme_host_and_port_have_to_match() {
        let entry = ["https://example.com"];
        assert!(allowed(&entry, "https://example.com/path?query"));
        assert!(allowed(&entry, "https://EXAMPLE.com:443/"));
        for uri in [
            "http://example.com/",
            "https://example.com:8443/",
            "https://www.example.com/",
            "https://example.com.evil.test/",
            "https://example.org/",
            "/relative",
        ] {
            assert!(!allowed(&entry, uri), "{uri}");
        }
    }

    #[test]
    fn a_user_name_does_not_pass_for_a_host() {
        assert!(!allowed(&["https://example.com"], "https://example.com@evil.test/"));
        assert!(!allowed(&["https://example.com"], "https://example.com:443@evil.test/"));
    }

    #[test]
    fn each_part_may_be_a_wildcard() {
        assert!(allowed(&["*://*:*"], "http://anything.test:1/"));
        assert!(allowed(&["https://*"], "https://anything.test/"));
        assert!(!allowed(&["https://*"], "https://anything.test:444/"));
        assert!(allowed(&["http://127.0.0.1:*"], "http://127.0.0.1:4321/"));
        assert!(allowed(&["https://*.example.com"], "https://a.b.example.com/"));
        assert!(!allowed(&["https://*.example.com"], "https://example.com/"));
        assert!(!allowed(&["https://*.example.com"], "https://badexample.com/"));
    }

    #[test]
    fn addresses_blocks_and_port_ranges_are_understood() {
        assert!(allowed(&["http://[::1]:8080"], "http://[::1]:8080/"));
        assert!(allowed(&["http://10.0.0.0/8"], "http://10.9.8.7/"));
        assert!(!allowed(&["http://10.0.0.0/8"], "http://11.0.0.1/"));
        assert!(allowed(&["http://10.0.0.0/8:*"], "http://10.9.8.7:99/"));
        assert!(allowed(&["http://a.test:8000..9000"], "http://a.test:8999/"));
        assert!(!allowed(&["http://a.test:8000..9000"], "http://a.test:9000/"));
    }

    #[test]
    fn mistakes_are_refused() {
        for entry in [
            "*",
            "example.com",
            "https://a.test/path",
            "https://*.*.test",
            "https://a*.test",
            "*://a.test",
            "ftp://a.test",
            "https://a.test:port",
            "https://self",
            "http://mcp.spin.internal",
            "",
        ] {
            assert!(refused(entry), "{entry}");
        }
    }

    /// As in Spin, which takes the one and not the other.
    #[test]
    fn an_entry_without_a_host_allows_nothing_and_an_empty_one_is_a_mistake() {
        let parse = |upstream: &str| {
            let values = Values::from([("upstream".to_owned(), upstream.to_owned())]);
            AllowedHosts::parse(&["{{ upstream }}".to_owned()], &values)
        };
        for entry in ["https://", "http://"] {
            assert!(!parse(entry).unwrap().allow(&Uri::from_static("https://example.com/")), "{entry}");
        }
        assert!(parse("").is_err());
    }
}
