//! Who is it? One id may be known in several ways; the operator's word comes first, then a document at
//! that address, then what the client registered.

use super::{
    Client,
    document::{self, DocumentError},
    document_cache::{CacheError, Kind},
    metadata::Rules,
    policy::MetadataDocuments,
    redirect_uri,
};
use crate::{Config, config::log_tolerance, page_error::PageError, ports::Network};
use store_core::{Random, Records, Store};
use web_core::fetch::{FetchPolicy, FetchUrl};

/// Where clients are looked up, for one request.
pub struct Clients<'a, S, R> {
    /// What the operator decided.
    pub config: &'a Config,
    /// The records, and the keys of the deployment.
    pub records: &'a Records<'a, S, R>,
    /// The time of this request, in seconds since the Unix epoch.
    pub now: u64,
    /// The operator's log.
    pub log: &'a dyn Fn(&str),
}

impl<S, R> Clients<'_, S, R> {
    /// The client of this id, if it was configured or registered itself.
    pub(crate) fn find_known(&self, id: &str) -> Option<Client> {
        let mut client = self.find_configured(id).or_else(|| Client::find(id, self.records.keys))?;
        // RG-13: what was registered under older rules is judged by today's.
        client.redirect_uris.retain(|uri| redirect_uri::check(uri, self.config.private_schemes()).is_ok());
        Some(client)
    }

    /// The client of this id that the operator wrote down.
    pub(crate) fn find_configured(&self, id: &str) -> Option<Client> {
        self.config.clients.configured.iter().find(|client| client.id == id).cloned()
    }

    /// Whether the operator switched this client off.
    pub(crate) fn is_denied(&self, id: &str) -> bool {
        self.config.clients.denied.contains(id)
    }

    /// Whether an id may be the address of a metadata document. None of those that are given out here is.
    pub(super) fn is_document_address(&self, id: &str) -> bool {
        self.config.clients.metadata_documents != MetadataDocuments::Off
            && (id.starts_with("https://") || id.starts_with("http://"))
    }
}

/// Whether metadata documents are taken (OP-05).
pub(crate) async fn takes_documents(config: &Config, network: &dyn Network) -> bool {
    match config.clients.metadata_documents {
        MetadataDocuments::Off => false,
        MetadataDocuments::On => true,
        MetadataDocuments::Auto => config.public_url.is_loopback() || network.blocks_private_networks().await,
    }
}

impl<S: Store, R: Random> Clients<'_, S, R> {
    /// The client of this id, for a person who is about to be asked about it. This is the only place where
    /// a client's document is fetched.
    pub(crate) async fn find(&self, id: &str, network: &dyn Network) -> Result<Client, PageError> {
        if self.is_denied(id) {
            return Err(PageError::DeniedClient);
        }
        let is_elsewhere = self.find_configured(id).is_none() && self.is_document_address(id);
        if is_elsewhere && takes_documents(self.config, network).await {
            return self.find_by_document(id, network).await;
        }
        self.find_known(id).ok_or(PageError::UnknownClient(None))
    }

    async fn find_by_document(&self, id: &str, network: &dyn Network) -> Result<Client, PageError> {
        let policy = FetchPolicy::of(&self.config.public_url);
        let found = match FetchUrl::parse(id, &policy) {
            Ok(url) if url.is_loopback() && !self.config.tolerances.loopback_documents => {
                Err(DocumentError::Url(web_core::fetch::FetchUrlError::Host).into())
            }
            Ok(url) => {
                if url.is_loopback() {
                    log_tolerance(self.log, "loopback_documents");
                }
                let rules = Rules::of(self.config, self.log);
                let drops_redirect_uris = self.config.tolerances.document_redirect_uris;
                let rules = Rules { drops_redirect_uris, ..rules };
                let judge = |body: &[u8]| {
                    let client = document::parse(&url, body, rules, &policy)?;
                    Ok((client, document::reduce(body)))
                };
                self.document(Kind::ClientMetadata, &url, network, judge).await
            }
            Err(error) => Err(DocumentError::from(error).into()),
        };
        found.map_err(|error| match error {
            CacheError::Record(error) => error.into(),
            CacheError::Document(error) => {
                let host = id.split('/').nth(2).unwrap_or_default();
                (self.log)(&format!("the metadata document of a client at {host:?} cannot be used: {error}"));
                PageError::Document
            }
        })
    }
}
