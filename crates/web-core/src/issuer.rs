//! Who issues tokens: an authorization server's identifier.

use crate::{
    PublicUrl,
    fetch::{FetchPolicy, FetchUrl},
};

/// The identifier of an authorization server (RFC 8414 section 2): an `https` URL without query and
/// fragment. It is compared byte for byte, so it is kept exactly as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(String);

/// What was configured is no issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "authorization_server must be an issuer exactly as its metadata writes it: https://HOST[:PORT][/PATH] in lower \
     case (http:// is for loopback hosts, and only if public_url is one too)"
)]
pub struct IssuerError;

impl Issuer {
    /// This server itself.
    pub fn own(public_url: &PublicUrl) -> Self {
        Self(public_url.as_str().to_owned())
    }

    /// Parses the variable `authorization_server` of a server at `public_url`. Left empty, it is this
    /// server itself.
    pub fn parse(text: &str, public_url: &PublicUrl) -> Result<Self, IssuerError> {
        if text.is_empty() {
            return Ok(Self::own(public_url));
        }
        let authority = authority_of(text).filter(|_| !text.contains('?')).ok_or(IssuerError)?;
        let policy = FetchPolicy::of(public_url).trusting(authority);
        // With a path at its end it has to be an address.
        FetchUrl::parse(&format!("{text}/x"), &policy).map_err(|_| IssuerError)?;
        Ok(Self(text.to_owned()))
    }

    /// The identifier, exactly as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        authority_of(&self.0).unwrap_or_default()
    }
}

fn authority_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, public_url: &str) -> Result<Issuer, IssuerError> {
        Issuer::parse(text, &PublicUrl::parse(public_url).unwrap())
    }

    #[test]
    fn issuers_are_kept_as_they_are_written() {
        for good in [
            "https://id.example.com",
            "https://tenant.eu.auth0.com/",
            "https://login.example.com/0-1/v2.0",
            "https://id.corp.internal:8443/realms/staff",
            "https://10.0.0.7",
        ] {
            let issuer = parse(good, "https://mcp.example.com").expect(good);
            assert_eq!(issuer.as_str(), good);
            assert!(good.contains(issuer.authority()) && !issuer.authority().is_empty());
        }
        assert_eq!(parse("", "https://mcp.example.com").unwrap().as_str(), "https://mcp.example.com");
        assert!(parse("http://127.0.0.1:4000", "http://127.0.0.1:3000").is_ok());
    }

    /// DS-10.
    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "id.example.com",
            "http://id.example.com",
            "http://127.0.0.1:4000",
            "https://",
            "https:///x",
            "https://ID.example.com",
            "https://id.example.com?x",
            "https://id.example.com/?x",
            "https://id.example.com#x",
            "https://user@id.example.com",
            "https://id.example.com/a/../b",
            "https://id.example.com/a b",
            "https://id.example.com:x",
            "https://id$(x).example.com",
            "javascript://id.example.com/%0a",
        ] {
            assert_eq!(parse(bad, "https://mcp.example.com"), Err(IssuerError), "{bad}");
        }
    }
}
