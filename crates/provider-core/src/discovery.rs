//! Where the provider's keys are, and getting them.

use crate::Provider;
use jwt_core::{KeySet, KeySetError};
use serde::{Deserialize, de::DeserializeOwned};
use web_core::fetch::{
    Fetch, FetchError, FetchFailure, FetchRequest, FetchUrl, FetchUrlError, Freshness, MediaRule, Sending,
};

/// The longest document that is read, in bytes. Key sets with certificates have some 20 KB.
const MAX_BYTES: usize = 64 * 1024;

/// Why there are no keys. For the operator's log; no text has anything in it that was received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// There is no metadata.
    #[error("the provider's metadata: {}", .0.cause)]
    Metadata(FetchError),
    /// The metadata is not what RFC 8414 section 2 or OpenID Connect Discovery section 3 say.
    #[error("the provider's metadata is not well-formed, or lacks a member")]
    Malformed,
    /// The metadata is somebody else's (RFC 8414 section 3.3).
    #[error("the provider's metadata names another issuer than the configuration does")]
    Issuer,
    /// The keys are somewhere that is not asked.
    #[error("the provider's jwks_uri: {0}")]
    JwksUri(FetchUrlError),
    /// One of its endpoints is somewhere where nobody is sent.
    #[error("an endpoint in the provider's metadata: {0}")]
    Endpoint(FetchUrlError),
    /// There is no key set.
    #[error("the provider's key set: {}", .0.cause)]
    Keys(FetchError),
    /// The key set is none that can be used.
    #[error("the provider's key set: {0}")]
    KeySet(#[from] KeySetError),
}

/// The members that matter. `serde` refuses one that occurs twice.
#[derive(Deserialize)]
struct Issuer {
    issuer: String,
}

#[derive(Deserialize)]
struct Keys {
    jwks_uri: String,
}

/// Gets the provider's keys.
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

/// Asks the metadata where the keys are.
async fn discover(provider: &Provider, fetch: &impl Fetch) -> Result<FetchUrl, DiscoveryError> {
    let Keys { jwks_uri } = fetch_metadata(provider, fetch).await?;
    FetchUrl::parse(&jwks_uri, &provider.policy).map_err(DiscoveryError::JwksUri)
}

/// Gets the provider's metadata, and finds that it is the provider's.
pub(crate) async fn fetch_metadata<T: DeserializeOwned>(
    provider: &Provider,
    fetch: &impl Fetch,
) -> Result<T, DiscoveryError> {
    let [openid, oauth] = metadata_urls(provider.issuer.as_str());
    let found = match get(&openid, provider, fetch).await {
        // There is no such document; what else may be wrong, another address will not mend.
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

/// Where the metadata of an issuer is: for OpenID Connect behind the issuer (Discovery section 4.1), for
/// RFC 8414 (section 3.1) between its host and its path. A slash at its end does not count.
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
