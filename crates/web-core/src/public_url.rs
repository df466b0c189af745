//! The server's public address: the one place that every URL and identifier of ours comes from.
//!
//! [`Address`] is one address; here is what they are together, [`PublicUrl`]: by which of them a client
//! knows us, and what the path of a request means ([`PublicUrl::route`]).

mod routing;
#[cfg(test)]
mod tests;

pub use routing::Route;

use crate::{Address, address::AddressError, authority::split_authority};
use std::{borrow::Cow, rc::Rc};

/// The addresses under which clients reach this server. They are configured; of what a request claims in its
/// `Host` header, nothing counts but which of these it names (see [`url_for`](Self::url_for)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Rc<Addresses>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Addresses {
    own: Address,
    /// The variable `also_served_at`.
    others: Vec<Address>,
    /// For a loopback server: its port.
    loopback: Option<u16>,
    /// Whether requests come with the address's path before ours: the variable `public_path`.
    keeps_path: bool,
    /// Tolerance: whether a loopback server has other names than the configured one.
    has_loopback_aliases: bool,
    /// Tolerance: whether a slash at the end of a path makes no difference.
    takes_trailing_slash: bool,
}

/// Why a variable cannot be used. The text names the variable and never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct PublicUrlError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a variable, and what to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// It is neither of two words.
    #[error(
        "it must be strip, if the proxy in front takes the path of public_url off, or keep, if requests arrive with it"
    )]
    PathHandling,
    /// It is a list for a server that others do not reach.
    #[error("it is for a server whose public_url begins with https://; leave it empty here")]
    Loopback,
    /// One of the list is no `https` address.
    #[error("each address must begin with https://")]
    NotSecure,
    /// One of the list has the host of another.
    #[error("each address must have a host of its own, or a port of its own, and none that of public_url")]
    SameHost,
}

/// The names by which a machine calls itself.
const LOOPBACK_NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

impl PublicUrl {
    /// Reads the variables `public_url`, `public_path`, `also_served_at` and `strict`. `variable` gives a variable's
    /// value, empty when it is not set.
    pub fn read(variable: impl Fn(&str) -> String) -> Result<Self, PublicUrlError> {
        let url = Self::parse(&variable("public_url"))?;
        let url = url.with_path_handling(&variable("public_path"))?;
        Ok(url.also_served_at(&variable("also_served_at"))?.strictly(&variable("strict")))
    }

    /// Parses the variable `public_url`.
    pub fn parse(text: &str) -> Result<Self, PublicUrlError> {
        let wrong = |problem| PublicUrlError { variable: "public_url", problem: Problem::Address(problem) };
        let own = Address::parse(text).map_err(wrong)?;
        let mut loopback = None;
        if !own.is_secure() {
            let (host, port) = split_authority(own.authority()).ok_or(wrong(AddressError::Host))?;
            if !LOOPBACK_NAMES.contains(&host) {
                return Err(wrong(AddressError::Scheme));
            }
            loopback = Some(port.unwrap_or(80));
        }
        Ok(Self(Rc::new(Addresses {
            own,
            others: Vec::new(),
            loopback,
            keeps_path: false,
            has_loopback_aliases: true,
            takes_trailing_slash: true,
        })))
    }

    /// The same addresses, and what the variable `public_path` says: whether the proxy in front takes the path of
    /// `public_url` off (`strip`, or empty), or requests arrive with it (`keep`).
    pub fn with_path_handling(self, text: &str) -> Result<Self, PublicUrlError> {
        let keeps_path = match text.trim() {
            "" | "strip" => false,
            "keep" => true,
            _ => return Err(PublicUrlError { variable: "public_path", problem: Problem::PathHandling }),
        };
        Ok(self.change(|addresses| addresses.keeps_path = keeps_path))
    }

    /// The same, and the addresses in the variable `also_served_at`, separated by commas. Each is a resource of its own;
    /// the authorization server, and with it the issuer, stays at `public_url`.
    pub fn also_served_at(self, text: &str) -> Result<Self, PublicUrlError> {
        let wrong = |problem| PublicUrlError { variable: "also_served_at", problem };
        let mut others: Vec<Address> = Vec::new();
        for text in text.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let other = Address::parse(text).map_err(|problem| wrong(problem.into()))?;
            if !other.is_secure() {
                return Err(wrong(Problem::NotSecure));
            }
            let is_known = |known: &Address| known.authority() == other.authority();
            if is_known(&self.0.own) || others.iter().any(is_known) {
                return Err(wrong(Problem::SameHost));
            }
            others.push(other);
        }
        if !others.is_empty() && self.is_loopback() {
            return Err(wrong(Problem::Loopback));
        }
        Ok(self.change(|addresses| addresses.others = others))
    }

    /// The same addresses, without the tolerances of theirs that the variable `strict` names: `loopback_aliases`, by
    /// which a loopback server has more names than the configured one, and `trailing_slash`, by which a slash at the
    /// end of a path makes no difference.
    #[must_use]
    pub fn strictly(self, strict: &str) -> Self {
        let is_on = |tolerance| !strict.split(',').any(|name| name.trim() == tolerance);
        self.change(|addresses| {
            addresses.has_loopback_aliases = is_on("loopback_aliases");
            addresses.takes_trailing_slash = is_on("trailing_slash");
        })
    }

    fn change(mut self, change: impl FnOnce(&mut Addresses)) -> Self {
        change(Rc::make_mut(&mut self.0));
        self
    }

    /// The address, which is also the authorization server's issuer identifier (RFC 8414 section 2).
    pub fn as_str(&self) -> &str {
        self.0.own.as_str()
    }

    /// The address's scheme, host and port.
    pub fn origin(&self) -> &str {
        self.0.own.origin()
    }

    /// The address's path: empty, or a slash and what follows, without one at the end.
    pub fn path(&self) -> &str {
        self.0.own.path()
    }

    /// All addresses: the one, and those that the server is also served at.
    pub fn all(&self) -> impl Iterator<Item = &Address> {
        std::iter::once(&self.0.own).chain(&self.0.others)
    }

    /// An absolute URL of ours. `path` begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.as_str())
    }

    /// What a link, a form or a redirect of a page of ours says to get to `path`, which begins with a slash.
    pub fn local(&self, path: &str) -> String {
        format!("{}{path}", self.path())
    }

    /// Whether this is a developer's machine: plain `http` on a loopback name.
    pub fn is_loopback(&self) -> bool {
        self.0.loopback.is_some()
    }

    /// Whether a request that names `authority` in its `Host` header is meant for us.
    ///
    /// A loopback server has to ask: a website can make its own name resolve to 127.0.0.1 and so talk
    /// to it as if it were that site (DNS rebinding). A public server is reached through proxies
    /// that may call it anything, and relies on `Host` for nothing.
    pub fn serves_authority(&self, authority: Option<&str>) -> bool {
        !self.is_loopback() || authority.is_some_and(|authority| self.loopback_alias(authority).is_some())
    }

    /// The listed address that `authority` is of; the one of `public_url` for every other.
    pub fn address_for(&self, authority: Option<&str>) -> &Address {
        let is_named = |other: &&Address| {
            authority.is_some_and(|authority| {
                let authority = authority.strip_suffix(":443").unwrap_or(authority);
                other.authority().eq_ignore_ascii_case(authority)
            })
        };
        self.0.others.iter().find(is_named).unwrap_or(&self.0.own)
    }

    /// The address by which a client that names `authority` knows us: one of the closed list (see
    /// [`also_served_at`](Self::also_served_at)), and for anything else the one of `public_url`.
    ///
    /// Tolerance `loopback_aliases`: on a developer's machine `localhost`, `127.0.0.1` and `[::1]`
    /// with our port are the same server, and clients insist on the name they were given (RFC 9728
    /// section 3.3).
    pub fn url_for(&self, authority: Option<&str>) -> Cow<'_, str> {
        self.known_as(authority, |address| address.as_str(), self.path())
    }

    /// The address of a well-known document (RFC 8414 section 3.1, RFC 9728 section 3.1) for such a client:
    /// `well_known`, which begins with `/.well-known/`, goes before the path of the address and `resource_path`.
    pub fn well_known_for(&self, authority: Option<&str>, well_known: &str, resource_path: &str) -> String {
        let origin = self.known_as(authority, Address::origin, "");
        format!("{origin}{well_known}{}{resource_path}", self.address_for(authority).path())
    }

    fn known_as<'a>(
        &'a self,
        authority: Option<&str>,
        part: impl FnOnce(&'a Address) -> &'a str,
        after_alias: &str,
    ) -> Cow<'a, str> {
        match authority.and_then(|authority| self.loopback_alias(authority)) {
            // It is `public_url` in other words.
            Some(alias) if alias != self.origin() => Cow::Owned(alias + after_alias),
            _ => Cow::Borrowed(part(self.address_for(authority))),
        }
    }

    /// The address of ours that `url` names; a loopback server's aliases stand for its own address.
    pub fn canonical(&self, url: &str) -> Option<&str> {
        if let Some(listed) = self.all().find(|address| address.as_str() == url) {
            return Some(listed.as_str());
        }
        let origin = url.strip_suffix(self.path())?;
        self.is_own_origin(origin).then(|| self.as_str())
    }

    /// Whether `origin` is that of `public_url`, by any of the names that a loopback server has.
    pub fn is_own_origin(&self, origin: &str) -> bool {
        origin == self.origin()
            || origin
                .strip_prefix("http://")
                .is_some_and(|authority| self.loopback_alias(authority).is_some())
    }

    fn loopback_alias(&self, authority: &str) -> Option<String> {
        let own_port = self.0.loopback?;
        let authority = authority.to_ascii_lowercase();
        if !self.0.has_loopback_aliases {
            let own = self.0.own.authority();
            return (authority == own).then(|| self.origin().to_owned());
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
