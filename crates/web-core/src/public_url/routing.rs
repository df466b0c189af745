//! What the path of a request means, at a server that may have less than all of its host.

use super::PublicUrl;
use std::borrow::Cow;

/// Where well-known documents are (RFC 8615).
const WELL_KNOWN: &str = "/.well-known/";

/// A path of ours, as the tables of routes have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route<'a> {
    /// The path below the server's address, without a slash at its end. A well-known path is without the address's path
    /// in the middle of it.
    pub path: Cow<'a, str>,
    /// Whether there was a slash at its end (tolerance `trailing_slash`).
    pub has_trailing_slash: bool,
}

impl PublicUrl {
    /// What `path` means in a request that names `authority` in its `Host` header. It is compared byte for byte: a path
    /// that is escaped or has an empty name in it is no path of ours, so that no check here can disagree with a check
    /// made in front of us. `None` for a path that is not below the address.
    ///
    /// Well-known documents are asked for at the root of the host, with the address's path behind the well-known part
    /// (RFC 8414 section 3.1, RFC 9728 section 3.1), whatever the proxy does with the path. Clients that put the
    /// well-known part behind the address get the same.
    pub fn route<'a>(&self, path: &'a str, authority: Option<&str>) -> Option<Route<'a>> {
        let address = self.address_for(authority);
        let (path, has_trailing_slash) = self.without_trailing_slash(path)?;
        let inserted = (!address.path().is_empty()).then(|| {
            let (name, rest) = split_well_known(path)?;
            let rest = address.below(rest)?;
            Some(Cow::Owned(format!("{name}{}", if rest == "/" { "" } else { rest })))
        });
        let path = match inserted.flatten() {
            Some(path) => path,
            None if self.0.keeps_path => Cow::Borrowed(address.below(path)?),
            None => Cow::Borrowed(path),
        };
        Some(Route { path, has_trailing_slash })
    }

    /// What an operator may have set wrong when `path` is no path of ours, in words for the log.
    pub fn explain_path(&self, path: &str, authority: Option<&str>) -> Option<&'static str> {
        let address = self.address_for(authority);
        match (address.path(), self.0.keeps_path, address.below(path)) {
            ("", _, _) => None,
            (_, false, Some(_)) => Some(
                "the path begins with that of public_url; if the proxy in front does not take it off, set public_path \
                 to keep",
            ),
            (_, true, None) => Some(
                "the path does not begin with that of public_url; if the proxy in front takes it off, set public_path \
                 to strip",
            ),
            _ => None,
        }
    }

    /// Tolerance `trailing_slash`: one slash at the end makes no difference.
    fn without_trailing_slash<'a>(&self, path: &'a str) -> Option<(&'a str, bool)> {
        match path.strip_suffix('/') {
            None | Some("") => Some((path, false)),
            Some(before) => {
                // The server's own address is written with a slash by browsers and without one by clients.
                let is_root = self.0.keeps_path && self.all().any(|address| address.path() == before);
                (is_root || self.0.takes_trailing_slash).then_some((before, !is_root))
            }
        }
    }
}

/// The name of a well-known document with what it is under, and what follows it.
fn split_well_known(path: &str) -> Option<(&str, &str)> {
    let after = path.strip_prefix(WELL_KNOWN)?;
    let name = after.find('/').unwrap_or(after.len());
    path.split_at_checked(WELL_KNOWN.len() + name)
}
