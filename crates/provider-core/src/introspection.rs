//! Introspection of a provider's access tokens: what `postern:introspection` answers.

use crate::{
    Access, Provider,
    discovery::fetch_keys,
    key_record::{KeyRecord, Reason},
};
use jwt_core::{Audience, Expected, JwtError, KeySet, UnverifiedToken, VerifiedToken};
use std::{cell::RefCell, rc::Rc};
use store_core::{Random, RecordError, Records, Store};
use web_core::fetch::Fetch;

/// Looks tokens up during one request.
pub struct Introspection<'a, S, R, F> {
    /// The provider whose tokens are accepted.
    pub provider: &'a Provider,
    /// The store of its keys, which every instance shares. The keys are sealed, so that a writer to the store cannot
    /// add one.
    pub records: Records<'a, S, R>,
    /// Fetches from the provider.
    pub fetch: &'a F,
    /// The keys that this instance has in memory.
    pub memory: &'a KeyMemory,
    /// The time of this request, in seconds since the Unix epoch.
    pub now: u64,
    /// The log, for reasons. It never receives a part of a token.
    pub log: &'a dyn Fn(&str),
}

/// Why a token could not be checked. Neither error says anything about the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntrospectionError {
    /// The provider's keys are not available. The cause has been logged.
    #[error("the provider's keys are not available at the moment")]
    NoKeys,
    /// The store failed.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The provider's keys in memory, for later requests in the same instance. A
/// clone shares the memory.
#[derive(Debug, Clone, Default)]
pub struct KeyMemory(Rc<RefCell<Option<Known>>>);

#[derive(Debug, Clone)]
struct Known {
    /// The key of the record, which identifies the provider.
    place: String,
    record: KeyRecord,
    keys: Option<Rc<KeySet>>,
}

/// Checks everything about a token that needs no key, neither the store nor the network. Returns `None` and logs
/// the reason when the token is not acceptable.
pub fn judge(token: &str, provider: &Provider, now: u64, log: &dyn Fn(&str)) -> Option<UnverifiedToken> {
    let types: Vec<&str> = provider.token_types.iter().map(String::as_str).collect();
    let expected = Expected {
        algorithms: &provider.algorithms,
        types: &types,
        issuer: provider.issuer.as_str(),
        audience: Audience::LeftToCaller,
        max_lifetime: None,
        now,
    };
    match UnverifiedToken::parse(token, &expected) {
        Ok(token) => Some(token),
        Err(error) => {
            // Every JWT begins so. Other texts are not worth a line.
            if token.starts_with("ey") {
                refuse(&error, log);
            }
            None
        }
    }
}

fn refuse(why: &impl std::fmt::Display, log: &dyn Fn(&str)) {
    log(&format!("a token is refused: {why}"));
}

impl<S: Store, R: Random, F: Fetch> Introspection<'_, S, R, F> {
    /// Looks up an access token that passed [`judge`]. Returns `None` and logs the reason when it is not authentic or
    /// lacks a claim. With keys in memory, it uses neither the store nor the network.
    pub async fn introspect(&self, token: UnverifiedToken) -> Result<Option<Access>, IntrospectionError> {
        match self.verify(token).await? {
            Ok(token) => {
                let access = Access::of(token);
                if access.is_none() {
                    refuse(&"it names no user (sub) or no client (client_id, azp)", self.log);
                }
                Ok(access)
            }
            Err(error) => {
                refuse(&error, self.log);
                Ok(None)
            }
        }
    }

    /// Verifies the signature of a token that passed [`judge`]: with the keys in memory, else with the stored keys,
    /// else with the keys that the provider publishes now.
    pub async fn verify(
        &self,
        token: UnverifiedToken,
    ) -> Result<Result<VerifiedToken, JwtError>, IntrospectionError> {
        let place = KeyRecord::place(self.provider);
        let known = self.memory.recall(&place);
        if let Some(judged) = known.as_ref().and_then(|known| known.judge(&token, self.now)) {
            return Ok(judged);
        }
        let stored = self.find(&place).await?;
        let record = match known {
            Some(known) => known.record.newer(stored),
            None => stored,
        };
        let known = self.memory.remember(&place, record);
        if let Some(judged) = known.judge(&token, self.now) {
            return Ok(judged);
        }
        let reason = known.record.reason(self.now);
        let may_ask = known.record.may_ask(reason, self.now);
        if may_ask && let Some(known) = self.ask(&place, known.record.clone(), reason).await? {
            return known.check(token, self.now).ok_or(IntrospectionError::NoKeys);
        }
        // No newer keys are available. A key is unknown for certain only if the last fetch succeeded, so that no
        // newer set was missed.
        let is_all = reason == Reason::UnknownKey && !may_ask && known.record.is_settled();
        match known.check(token, self.now) {
            None => Err(IntrospectionError::NoKeys),
            Some(Err(JwtError::UnknownKey)) if !is_all => Err(IntrospectionError::NoKeys),
            Some(judged) => Ok(judged),
        }
    }

    /// Reads the stored record. An unreadable one counts as absent and is written anew.
    async fn find(&self, place: &str) -> Result<KeyRecord, RecordError> {
        let found = match self.records.find::<KeyRecord>(place).await {
            Err(RecordError::Unreadable | RecordError::Retired) => None,
            found => found?,
        };
        Ok(found.filter(|record| record.is_of_now(self.now)).unwrap_or_default())
    }

    /// Fetches the keys. Stores first that a fetch is running, so that other instances wait. Returns `None` on failure.
    async fn ask(
        &self,
        place: &str,
        record: KeyRecord,
        reason: Reason,
    ) -> Result<Option<Known>, RecordError> {
        let record = record.asking(reason, self.now);
        self.save(place, &record).await?;
        match fetch_keys(self.provider, self.fetch).await {
            Ok((keys, freshness)) => {
                let record = record.answered(&keys, freshness, self.now);
                self.save(place, &record).await?;
                Ok(Some(self.memory.remember(place, record)))
            }
            Err(error) => {
                (self.log)(&error.to_string());
                // Another instance may have succeeded meanwhile.
                let record = record.newer(self.find(place).await?);
                self.save(place, &record.failed(self.now)).await?;
                Ok(None)
            }
        }
    }

    async fn save(&self, place: &str, record: &KeyRecord) -> Result<(), RecordError> {
        match self.records.create(place, record).await {
            // The set has very many very long keys. Every instance then fetches for itself.
            Err(RecordError::TooLarge) => {
                (self.log)("the provider's key set is too large to store");
                Ok(())
            }
            saved => saved,
        }
    }
}

impl KeyMemory {
    fn recall(&self, place: &str) -> Option<Known> {
        self.0.borrow().clone().filter(|known| known.place == place)
    }

    fn remember(&self, place: &str, record: KeyRecord) -> Known {
        let mut memory = self.0.borrow_mut();
        match &*memory {
            Some(known) if known.place == place && known.record == record => known.clone(),
            _ => {
                let keys = record.keys().map(Rc::new);
                memory.insert(Known { place: place.to_owned(), record, keys }).clone()
            }
        }
    }
}

impl Known {
    /// Verifies a token if the keys are fresh and include its key.
    fn judge(&self, token: &UnverifiedToken, now: u64) -> Option<Result<VerifiedToken, JwtError>> {
        let judged = self.record.is_fresh(now).then(|| self.check(token.clone(), now))??;
        (judged.as_ref().err() != Some(&JwtError::UnknownKey)).then_some(judged)
    }

    /// Verifies a token if any keys can still be used.
    fn check(&self, token: UnverifiedToken, now: u64) -> Option<Result<VerifiedToken, JwtError>> {
        let keys = self.keys.as_ref().filter(|_| self.record.is_usable(now))?;
        Some(token.verify(keys))
    }
}
