//! The endpoints of an OpenID provider, from its metadata (OpenID Connect Discovery section 3). They are stored for a
//! while, in one record for each configured provider.

use super::{SignIn, SignInError};
use crate::{
    Provider,
    discovery::{DiscoveryError, fetch_metadata},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store_core::{Random, RecordError, Store};
use web_core::fetch::{Fetch, FetchUrl};

/// How long the metadata is used before it is fetched again, and how long at most while the provider is
/// unavailable, in seconds.
const FRESH: u64 = 60 * 60;
const USABLE: u64 = 24 * 60 * 60;

/// `serde` refuses a member that occurs twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Endpoints {
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207 section 3.
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

impl Endpoints {
    /// Whether the client's secret goes into the body. The header is the default (OpenID Connect Discovery section 3),
    /// so only if the metadata lists the body and not the header.
    pub(super) fn wants_secret_in_body(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_deref().unwrap_or_default();
        let has = |wanted: &str| methods.iter().any(|method| method == wanted);
        has("client_secret_post") && !has("client_secret_basic")
    }
}

#[derive(Serialize, Deserialize)]
struct EndpointsRecord {
    endpoints: Endpoints,
    fetched_at: u64,
}

impl EndpointsRecord {
    fn place(provider: &Provider) -> String {
        let digest = Sha256::digest(format!("endpoints {}", provider.issuer.as_str()));
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("postern:e:{hex}")
    }

    fn is_younger(&self, than: u64, now: u64) -> bool {
        self.fetched_at <= now.saturating_add(60) && now < self.fetched_at.saturating_add(than)
    }
}

impl<S: Store, R: Random, F: Fetch> SignIn<'_, S, R, F> {
    /// Returns the provider's endpoints: the stored ones, or else those in its metadata now.
    pub(super) async fn endpoints(&self, provider: &Provider) -> Result<Endpoints, SignInError> {
        let place = EndpointsRecord::place(provider);
        let known = match self.records.find::<EndpointsRecord>(&place).await {
            Err(RecordError::Unreadable | RecordError::Retired) => None,
            found => found?,
        };
        let known = match known {
            Some(known) if known.is_younger(FRESH, self.now) => return Ok(known.endpoints),
            known => known.filter(|known| known.is_younger(USABLE, self.now)),
        };
        match self.ask(provider).await {
            Ok(endpoints) => {
                let record = EndpointsRecord { endpoints, fetched_at: self.now };
                match self.records.create(&place, &record).await {
                    Ok(()) | Err(RecordError::TooLarge) => Ok(record.endpoints),
                    Err(error) => Err(error.into()),
                }
            }
            Err(error) => {
                (self.log)(&format!("sign-in at {}: {error}", provider.issuer.as_str()));
                known.map(|known| known.endpoints).ok_or(SignInError::Failed)
            }
        }
    }

    async fn ask(&self, provider: &Provider) -> Result<Endpoints, DiscoveryError> {
        let endpoints: Endpoints = fetch_metadata(provider, self.fetch).await?;
        for url in [&endpoints.authorization_endpoint, &endpoints.token_endpoint] {
            FetchUrl::parse(url, &provider.policy).map_err(DiscoveryError::Endpoint)?;
        }
        Ok(endpoints)
    }
}
