//! What does this access token stand for? The function behind `postern:introspection`, for a provider's
//! tokens.

use crate::{
    Access, Provider,
    discovery::fetch_keys,
    key_record::{KeyRecord, Reason},
};
use jwt_core::{Audience, Expected, JwtError, KeySet, UnverifiedToken, VerifiedToken};
use std::{cell::RefCell, rc::Rc};
use store_core::{Random, RecordError, Records, Store};
use web_core::fetch::Fetch;

/// Looks tokens up, for one request.
pub struct Introspection<'a, S, R, F> {
    /// Whose tokens are taken.
    pub provider: &'a Provider,
    /// Where its keys are kept for every instance of ours. They are sealed there like every record, so
    /// that nobody who can write to the store can add a key.
    pub records: Records<'a, S, R>,
    /// The way to the provider.
    pub fetch: &'a F,
    /// What this instance knows already.
    pub memory: &'a KeyMemory,
    /// The time of this request, in seconds since the Unix epoch.
    pub now: u64,
    /// Where reasons go. Never given a part of a token.
    pub log: &'a dyn Fn(&str),
}

/// Why a lookup could not be made. Neither says anything about the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntrospectionError {
    /// The keys that it takes cannot be had now. The cause has been logged.
    #[error("the provider's keys cannot be had at the moment")]
    NoKeys,
    /// The store did not answer.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The provider's keys, read from their record: for the requests after this one, in the same instance. A
/// clone is the same memory.
#[derive(Debug, Clone, Default)]
pub struct KeyMemory(Rc<RefCell<Option<Known>>>);

#[derive(Debug, Clone)]
struct Known {
    /// Where the record is, which tells the provider.
    place: String,
    record: KeyRecord,
    keys: Option<Rc<KeySet>>,
}

/// Judges what a token says of itself. `None` when it is not a good one of this provider's; why goes to
/// the log. It takes no key, and so neither the store nor the network.
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
            // Every JWT begins so; what is none is not worth a line.
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
    /// Looks up an access token that was [judged](judge). `None` when it is not authentic, or does not say
    /// enough; why goes to the log. With keys in memory it takes neither the store nor the network.
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

    /// Checks the signature of a token that was judged: with the keys that this instance knows, else with those that the deployment
    /// knows, else with what the provider says now.
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
        // What is known is all there is. Whether there is a key that it does not have can be said only
        // if nobody has asked in vain since.
        let is_all = reason == Reason::UnknownKey && !may_ask && known.record.is_settled();
        match known.check(token, self.now) {
            None => Err(IntrospectionError::NoKeys),
            Some(Err(JwtError::UnknownKey)) if !is_all => Err(IntrospectionError::NoKeys),
            Some(judged) => Ok(judged),
        }
    }

    /// The record as it is stored. One that cannot be read is as good as none: it is written anew.
    async fn find(&self, place: &str) -> Result<KeyRecord, RecordError> {
        let found = match self.records.find::<KeyRecord>(place).await {
            Err(RecordError::Unreadable | RecordError::Retired) => None,
            found => found?,
        };
        Ok(found.filter(|record| record.is_of_now(self.now)).unwrap_or_default())
    }

    /// Asks the provider, and writes down before that it is being asked. `None` when nothing came of it.
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
                // Somebody else may have had more luck meanwhile.
                let record = record.newer(self.find(place).await?);
                self.save(place, &record.failed(self.now)).await?;
                Ok(None)
            }
        }
    }

    async fn save(&self, place: &str, record: &KeyRecord) -> Result<(), RecordError> {
        match self.records.create(place, record).await {
            // Very many very long keys. Every instance then asks for itself.
            Err(RecordError::TooLarge) => {
                (self.log)("the provider's key set is too large to be kept");
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
    /// What the keys say of a token, if they are fresh and have its key.
    fn judge(&self, token: &UnverifiedToken, now: u64) -> Option<Result<VerifiedToken, JwtError>> {
        let judged = self.record.is_fresh(now).then(|| self.check(token.clone(), now))??;
        (judged.as_ref().err() != Some(&JwtError::UnknownKey)).then_some(judged)
    }

    /// What the keys say of a token, if there are any that can still be used.
    fn check(&self, token: UnverifiedToken, now: u64) -> Option<Result<VerifiedToken, JwtError>> {
        let keys = self.keys.as_ref().filter(|_| self.record.is_usable(now))?;
        Some(token.verify(keys))
    }
}
