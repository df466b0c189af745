//! Who is it? One id may be known in several ways; the operator's word comes first.

use super::{Client, redirect_uri};
use crate::Config;
use store_core::Records;

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
        let configured = self.config.clients.configured.iter().find(|client| client.id == id).cloned();
        let mut client = configured.or_else(|| Client::find(id, self.records.keys))?;
        // RG-13: what was registered under older rules is judged by today's.
        client.redirect_uris.retain(|uri| redirect_uri::check(uri, self.config.private_schemes()).is_ok());
        Some(client)
    }

    /// Whether the operator switched this client off.
    pub(crate) fn is_denied(&self, id: &str) -> bool {
        self.config.clients.denied.contains(id)
    }
}
