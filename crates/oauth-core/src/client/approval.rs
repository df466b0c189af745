//! What a user approved of a client whose metadata is elsewhere, and how a grant holds it to that.
//!
//! A document can be another one the next minute. So the grant keeps what was approved: a digest of the
//! metadata, how the client proves who it is, and its keys (CM-17). The token endpoint goes by that alone
//! and fetches nothing (CM-18, CM-20).
//!
//! Keys that are in the document are part of what was approved: others need a new approval. Where the
//! document only says where the keys are, it has said that they may change there. Those are fetched when a
//! user approves, by whoever is signed in and never by a stranger (CM-25), and kept in the grant; when
//! another user approves later, what is fetched then takes the place of older copies for as long as it
//! is kept, so that keys which a client withdrew do not live on, and new ones work, without a fetch.

use super::{
    Client, ClientKeys, Clients, Method, Source,
    document::DocumentError,
    document_cache::{CacheError, Kind},
    metadata::reduce_keys,
};
use crate::{page_error::PageError, ports::Network, records::Grant};
use serde::{Deserialize, Serialize};
use store_core::{Random, RecordError, Store};
use web_core::fetch::{FetchPolicy, FetchUrl};

/// What was approved of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovedClient {
    /// The digest of its metadata, [`Client::digest`].
    pub digest: String,
    /// How it proves who it is.
    #[serde(default, skip_serializing_if = "Method::is_none")]
    pub authentication: Method,
    /// Where its keys are, if they are not in its metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Its keys, a JWK set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
}

impl Client {
    /// What a user approves of this client, as far as a grant has to keep it. Nothing of clients whose
    /// metadata is here.
    pub fn to_approve(&self) -> Option<ApprovedClient> {
        let (jwks_uri, keys) = match &self.keys {
            ClientKeys::None => (None, None),
            ClientKeys::Set(keys) => (None, Some(keys.clone())),
            ClientKeys::At(uri) => (Some(uri.clone()), None),
        };
        let is_elsewhere = matches!(self.source, Source::MetadataDocument { .. }) || jwks_uri.is_some();
        let authentication = self.authentication;
        is_elsewhere.then(|| ApprovedClient { digest: self.digest(), authentication, jwks_uri, keys })
    }
}

impl<S: Store, R: Random> Clients<'_, S, R> {
    /// What is kept in the grant of a user who approved this: with the keys, if they have to be fetched.
    pub(crate) async fn approve(
        &self,
        client_id: &str,
        approved: Option<ApprovedClient>,
        network: &dyn Network,
    ) -> Result<Option<ApprovedClient>, PageError> {
        let Some(approved) = approved else { return Ok(None) };
        let Some(uri) = &approved.jwks_uri else { return Ok(Some(approved)) };
        let keys = match FetchUrl::parse(uri, &self.key_policy(client_id, uri)) {
            Ok(url) => {
                let judge = |body: &[u8]| {
                    let keys = reduce_keys(body).ok_or(DocumentError::Keys)?;
                    Ok((keys.clone(), keys))
                };
                self.document(Kind::ClientKeys, &url, network, judge).await
            }
            Err(error) => Err(DocumentError::from(error).into()),
        };
        match keys {
            Ok(keys) => Ok(Some(ApprovedClient { keys: Some(keys), ..approved })),
            Err(CacheError::Record(error)) => Err(error.into()),
            Err(CacheError::Document(error)) => {
                (self.log)(&format!("the keys of a client cannot be used: {error}"));
                Err(PageError::Document)
            }
        }
    }

    /// What an operator wrote down may be anywhere.
    fn key_policy(&self, client_id: &str, uri: &str) -> FetchPolicy {
        let policy = FetchPolicy::of(&self.config.public_url);
        let is_configured = self.config.clients.configured.iter().any(|client| client.id == client_id);
        let authority = uri.strip_prefix("https://").and_then(|rest| rest.split(['/', '?']).next());
        match authority {
            Some(authority) if is_configured => policy.trusting(authority),
            _ => policy,
        }
    }

    /// The keys of a client that was approved: those of the grant, unless newer ones are at hand.
    pub(super) async fn approved_keys(&self, grant: &Grant) -> Result<ClientKeys, RecordError> {
        let Some(approved) = &grant.client else { return Ok(ClientKeys::None) };
        if let Some(uri) = &approved.jwks_uri
            && let Some(newer) = self.find_document(Kind::ClientKeys, uri).await?
            && newer.fetched_at >= grant.approved_at
        {
            return Ok(ClientKeys::Set(newer.text));
        }
        Ok(approved.keys.clone().map_or(ClientKeys::None, ClientKeys::Set))
    }
}
