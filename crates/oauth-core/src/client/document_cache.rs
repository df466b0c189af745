//! Documents from elsewhere, kept for a while in a fixed number of slots of the store.
//!
//! Anybody can name an address, so what is kept is bounded by the slots and not by the addresses: a
//! document goes into the slot that its address's digest names, in the place of whatever was there. Only
//! what could be used is kept, and nothing of failures (CM-15).

use super::{Clients, document::DocumentError};
use crate::ports::Network;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use store_core::{Random, RecordError, Store};
use web_core::fetch::{FetchRequest, FetchUrl, Fetched, Freshness, MediaRule, Sending};

/// The kinds of documents. One address may be of both, and they are not confused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// A client id metadata document.
    ClientMetadata,
    /// A client's JWK set.
    ClientKeys,
}

impl Kind {
    /// The longest document that is read, in bytes.
    fn max_bytes(self) -> usize {
        match self {
            Self::ClientMetadata => super::document::MAX_BYTES,
            // Many publish certificates with their keys. What is kept is less.
            Self::ClientKeys => 32 * 1024,
        }
    }

    /// How long a document is kept (CM-16). One minute at least, so that nobody can make every request a
    /// fetch, and a day at most, so that a domain that was lost is not vouched for by its last owner.
    ///
    /// Keys are kept for a minute whatever their server says: a client that changed them sends the user
    /// here again, and would be refused until the old ones were forgotten.
    fn lifetime(self, freshness: Freshness) -> Duration {
        const MINUTE: Duration = Duration::from_secs(60);
        const HOUR: Duration = Duration::from_secs(60 * 60);
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        match self {
            Self::ClientMetadata => freshness.within(MINUTE, DAY, HOUR),
            Self::ClientKeys => MINUTE,
        }
    }

    /// The key of the slot that a document at this address goes into: one of 256.
    fn slot(self, url: &str) -> String {
        let kind: &[u8] = match self {
            Self::ClientMetadata => b"client metadata",
            Self::ClientKeys => b"client keys",
        };
        let digest = Sha256::digest([b"postern document v1\0", kind, b"\0", url.as_bytes()].concat());
        format!("postern:m:{:02x}", digest.first().copied().unwrap_or_default())
    }
}

/// A document as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CachedDocument {
    kind: Kind,
    /// The address, exactly: others have the same slot.
    url: String,
    /// When it was fetched.
    pub(super) fetched_at: u64,
    /// When it has to be fetched anew.
    expires_at: u64,
    /// What it says.
    pub(super) text: String,
}

/// Why there is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CacheError {
    /// It cannot be had, or not be used.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The store did not answer.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl<S: Store, R: Random> Clients<'_, S, R> {
    /// The document that is kept for this address, be it fresh or not.
    pub(super) async fn find_document(
        &self,
        kind: Kind,
        url: &str,
    ) -> Result<Option<CachedDocument>, RecordError> {
        match self.records.find::<CachedDocument>(&kind.slot(url)).await {
            Ok(found) => Ok(found.filter(|document| document.kind == kind && document.url == url)),
            Err(error @ RecordError::Store(_)) => Err(error),
            // It is fetched again, and overwrites what cannot be read.
            Err(_) => Ok(None),
        }
    }

    /// The document at this address, kept or fetched. `judge` makes of its bytes what is kept, and of what
    /// was kept the same again; what it refuses is not kept.
    pub(super) async fn document<T>(
        &self,
        kind: Kind,
        url: &FetchUrl,
        network: &dyn Network,
        judge: impl Fn(&[u8]) -> Result<(T, String), DocumentError>,
    ) -> Result<T, CacheError> {
        if let Some(kept) = self.find_document(kind, url.as_str()).await?
            && kept.fetched_at <= self.now
            && self.now < kept.expires_at
        {
            // What was kept under older rules is judged by today's.
            return Ok(judge(kept.text.as_bytes())?.0);
        }
        let request = FetchRequest {
            url,
            media: MediaRule::Json,
            max_bytes: kind.max_bytes(),
            sending: Sending::Nothing,
        };
        let Fetched { body, freshness } =
            network.fetch(request).await.map_err(|error| DocumentError::Fetch(error.cause))?;
        let (document, text) = judge(&body)?;
        let expires_at = self.now.saturating_add(kind.lifetime(freshness).as_secs());
        let url = url.as_str().to_owned();
        let kept = CachedDocument { kind, url, fetched_at: self.now, expires_at, text };
        // Whoever writes a slot last is kept; nothing depends on it.
        if let Err(error) = self.records.create(&kind.slot(&kept.url), &kept).await {
            (self.log)(&format!("a document is not kept: {}", error.for_log()));
        }
        Ok(document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// CM-16.
    #[test]
    fn documents_are_kept_for_a_minute_to_a_day() {
        let kept =
            |kind: Kind, seconds| kind.lifetime(Freshness::For(Duration::from_secs(seconds))).as_secs();
        assert_eq!(kept(Kind::ClientMetadata, 0), 60);
        assert_eq!(kept(Kind::ClientMetadata, 600), 600);
        assert_eq!(kept(Kind::ClientMetadata, 315_360_000), 86_400);
        assert_eq!(Kind::ClientMetadata.lifetime(Freshness::Unstated).as_secs(), 3_600);
        assert_eq!(kept(Kind::ClientKeys, 315_360_000), 60);
    }

    /// D8, K-21: as many addresses as there are, and no more keys than slots, with nothing of them inside.
    #[test]
    fn slots_are_bounded() {
        let slots: BTreeSet<String> = (0..10_000)
            .map(|index| Kind::ClientMetadata.slot(&format!("https://a.example/{index}")))
            .collect();
        assert_eq!(slots.len(), 256);
        assert!(slots.iter().all(|key| key.len() == "postern:m:00".len()));
        assert_ne!(
            Kind::ClientMetadata.slot("https://a.example/"),
            Kind::ClientMetadata.slot("https://A.example/")
        );
    }
}
