//! Finds and fetches the provider's keys.

use crate::Provider;
use jwt_core::{KeySet, KeySetError};
use serde::{Deserialize, de::DeserializeOwned};
use web_core::fetch::{
    Fetch, FetchError, FetchFailure, FetchRequest, FetchUrl, FetchUrlError, Freshness, MediaRule, Sending,
};

/// The longest accepted document, in bytes. Key sets with certificates have about 20 KB.
const MAX_BYTES: usize = 64 * 1024;

/// Why the keys are not available. For the operator's log; no text contains anything that was received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// The metadata cannot be fetched.
    #[error("the provider's metadata: {}", .0.cause)]
    Metadata(FetchError),
    /// The metadata does not follow RFC 8414 section 2 or OpenID Connect Discovery section 3.
    #[error("the provider's metadata is not well-formed, or lacks a member")]
    Malformed,
    /// The metadata belongs to another issuer (RFC 8414 section 3.3).
    #[error("the provider's metadata names another issuer than the configuration does")]
    Issuer,
    /// The address of the keys is not allowed.
    #[error("the provider's jwks_uri: {0}")]
    JwksUri(FetchUrlError),
    /// The address of an endpoint is not allowed.
    #[error("an endpoint in the provider's metadata: {0}")]
    Endpoint(FetchUrlError),
    /// The key set cannot be fetched.
    #[error("the provider's key set: {}", .0.cause)]
    Keys(FetchError),
    /// The key set cannot be used.
    #[error("the provider's key set: {0}")]
    KeySet(#[from] KeySetError),
}

/// `serde` refuses a member that occurs twice.
#[derive(Deserialize)]
struct Issuer {
    issuer: String,
}

#[derive(Deserialize)]
struct Keys {
    jwks_uri: String,
}

/// Fetches the provider's keys.
pub async fn fetch_keys(
    provider: &Provider,
    fetch: &impl Fetch,
) -> Result<(KeySet, Freshness), DiscoveryError> {
    let discovered;
    let url = match &provider.jwks_uri {
        Some(url) => url,
        None => {
            discovered = discover(provider, fetch).await?;
            &discovered
        }
    };
    let fetched = fetch.fetch(request(url)).await.map_err(DiscoveryError::Keys)?;
    Ok((KeySet::parse(&fetched.body)?, fetched.freshness))
}

/// Reads the address of the keys from the metadata.
async fn discover(provider: &Provider, fetch: &impl Fetch) -> Result<FetchUrl, DiscoveryError> {
    let Keys { jwks_uri } = fetch_metadata(provider, fetch).await?;
    FetchUrl::parse(&jwks_uri, &provider.policy).map_err(DiscoveryError::JwksUri)
}

/// Fetches the provider's metadata and checks its issuer.
pub(crate) async fn fetch_metadata<T: DeserializeOwned>(
    provider: &Provider,
    fetch: &impl Fetch,
) -> Result<T, DiscoveryError> {
    let [openid, oauth] = metadata_urls(provider.issuer.as_str());
    let found = match get(&openid, provider, fetch).await {
        // There is no document at this address. Other failures would repeat at the other one.
        Err(FetchError { cause: FetchFailure::Status(_) | FetchFailure::MediaType }) => {
            get(&oauth, provider, fetch).await
        }
        found => found,
    };
    let document = found.map_err(DiscoveryError::Metadata)?;
    let malformed = |_| DiscoveryError::Malformed;
    let Issuer { issuer } = serde_json::from_slice(&document).map_err(malformed)?;
    if issuer != provider.issuer.as_str() {
        return Err(DiscoveryError::Issuer);
    }
    serde_json::from_slice(&document).map_err(malformed)
}

async fn get(url: &str, provider: &Provider, fetch: &impl Fetch) -> Result<Vec<u8>, FetchError> {
    let url = FetchUrl::parse(url, &provider.policy)?;
    Ok(fetch.fetch(request(&url)).await?.body.into())
}

fn request(url: &FetchUrl) -> FetchRequest<'_> {
    FetchRequest { url, media: MediaRule::JsonOrUnnamed, max_bytes: MAX_BYTES, sending: Sending::Nothing }
}

/// Returns the addresses of an issuer's metadata: for OpenID Connect after the issuer (Discovery section 4.1), for
/// RFC 8414 (section 3.1) between its host and its path. A final slash of the issuer is dropped.
fn metadata_urls(issuer: &str) -> [String; 2] {
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    let path =
        issuer.find("://").and_then(|scheme| issuer.get(scheme + 3..)?.find('/').map(|at| scheme + 3 + at));
    let (origin, path) = issuer.split_at_checked(path.unwrap_or(issuer.len())).unwrap_or((issuer, ""));
    [
        format!("{issuer}/.well-known/openid-configuration"),
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_where_the_standards_put_it() {
        for issuer in ["https://id.example.com", "https://id.example.com/"] {
            assert_eq!(
                metadata_urls(issuer),
                [
                    "https://id.example.com/.well-known/openid-configuration",
                    "https://id.example.com/.well-known/oauth-authorization-server"
                ]
            );
        }
        assert_eq!(
            metadata_urls("https://id.example.com:8443/realms/staff"),
            [
                "https://id.example.com:8443/realms/staff/.well-known/openid-configuration",
                "https://id.example.com:8443/.well-known/oauth-authorization-server/realms/staff"
            ]
        );
    }
}
