//! What has changed for everybody: the lists of tools, prompts and resources, and single resources.
//!
//! A tool tells of a change in whichever instance it runs in; those who want to hear of it listen in others. Between
//! them is one small record in the store. A tool's instance [records](McpServer::record_change) there, and listeners
//! [look](McpServer::look_for_changes) every now and then whether there is anything new to them.
//!
//! Hearing of a change that was none does no harm: a client lists again what it has. So a listener that cannot tell
//! what it has missed is told of everything that it asked for.

use crate::{
    McpServer,
    connection::Unavailable,
    ports::{Notification, Outside},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use store_core::{Change, RecordError, TransitionError, seal};

/// Where the record is.
const KEY: &str = "postern:changes";

/// How many changes of single resources the record remembers.
const MAX_UPDATES: usize = 64;

/// Something that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Changed {
    /// The list of tools.
    Tools,
    /// The list of prompts.
    Prompts,
    /// The list of resources.
    Resources,
    /// The resource at this URI.
    Resource(String),
}

impl Changed {
    /// What a tool's notification tells everybody, if it is not for its caller only.
    pub(crate) fn told_by(notification: &Notification) -> Option<Self> {
        match notification {
            Notification::ToolsChanged => Some(Self::Tools),
            Notification::PromptsChanged => Some(Self::Prompts),
            Notification::ResourcesChanged => Some(Self::Resources),
            Notification::ResourceUpdated(uri) => Some(Self::Resource(uri.clone())),
            Notification::Progress(_) | Notification::Log(_) => None,
        }
    }
}

/// What a listener wants to hear of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) tools: bool,
    pub(crate) prompts: bool,
    pub(crate) resources: bool,
    /// URIs of resources.
    pub(crate) uris: Vec<String>,
}

/// The record. Each change gets the next number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// Random, made with the record: another one's numbers mean nothing.
    epoch: String,
    /// The number of the last change.
    last: u64,
    /// The numbers of the last changes of the lists.
    tools: u64,
    prompts: u64,
    resources: u64,
    /// Digests of the URIs of resources that have changed, and the numbers of those changes, oldest first.
    updates: VecDeque<(String, u64)>,
    /// The number of the last update that is no longer in the list.
    forgotten: u64,
}

impl Record {
    fn with(mut self, change: &Changed) -> Self {
        self.last += 1;
        match change {
            Changed::Tools => self.tools = self.last,
            Changed::Prompts => self.prompts = self.last,
            Changed::Resources => self.resources = self.last,
            Changed::Resource(uri) => {
                let digest = digest(uri);
                self.updates.retain(|(earlier, _)| *earlier != digest);
                self.updates.push_back((digest, self.last));
                if self.updates.len() > MAX_UPDATES {
                    self.forgotten = self.updates.pop_front().map_or(self.last, |(_, number)| number);
                }
            }
        }
        self
    }

    /// What of `wanted` has changed between two states of the record.
    fn since(&self, seen: &Self, wanted: &Wanted) -> Vec<Changed> {
        let after = if self.epoch == seen.epoch { seen.last } else { 0 };
        let all = self.epoch != seen.epoch;
        let is_new = |number: u64| all || number > after;
        let mut changed = Vec::new();
        for (is_wanted, number, change) in [
            (wanted.tools, self.tools, Changed::Tools),
            (wanted.prompts, self.prompts, Changed::Prompts),
            (wanted.resources, self.resources, Changed::Resources),
        ] {
            if is_wanted && is_new(number) {
                changed.push(change);
            }
        }
        let some_forgotten = is_new(self.forgotten) && self.forgotten > 0;
        for uri in &wanted.uris {
            let digest = digest(uri);
            let updated = || self.updates.iter().any(|(other, number)| *other == digest && is_new(*number));
            if all || some_forgotten || updated() {
                changed.push(Changed::Resource(uri.clone()));
            }
        }
        changed
    }
}

/// How far a listener has looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen(Record);

impl Seen {
    /// What of `wanted` has changed since an earlier look.
    pub(crate) fn since(&self, earlier: &Self, wanted: &Wanted) -> Vec<Changed> {
        self.0.since(&earlier.0, wanted)
    }

    /// As text, for a listener that goes on in another instance.
    pub(crate) fn mark(&self) -> String {
        format!("{}.{}", self.0.epoch, self.0.last)
    }

    /// Reads [`mark`](Self::mark)'s form.
    pub(crate) fn at(mark: &str) -> Option<Self> {
        let (epoch, last) = mark.split_once('.')?;
        Some(Self(Record { epoch: epoch.to_owned(), last: last.parse().ok()?, ..Record::default() }))
    }
}

impl<O: Outside> McpServer<O> {
    /// Makes a change known. A fault is logged, and not the caller's business: the change itself has been made.
    pub(crate) async fn record_change(&self, change: &Changed) {
        if let Err(error) = self.try_record_change(change).await {
            self.log_unavailable(&error);
        }
    }

    /// Makes known what a notification tells everybody, if it does.
    pub(crate) async fn pass_on_change(&self, notification: &Notification) {
        if let Some(change) = Changed::told_by(notification) {
            self.record_change(&change).await;
        }
    }

    async fn try_record_change(&self, change: &Changed) -> Result<(), Unavailable> {
        // Without keys there are no tokens, and nobody can be listening.
        let Some(keys) = self.keys().await? else { return Ok(()) };
        let records = self.records(&keys);
        let recorded = records.transition(KEY, |record: &Record| {
            Ok::<_, std::convert::Infallible>(Change::Write(record.clone().with(change), ()))
        });
        match recorded.await {
            Ok(()) => Ok(()),
            // Two that make the record at once may undo each other's; their epochs differ, so that listeners are
            // told of everything.
            Err(
                TransitionError::NotFound
                | TransitionError::Record(RecordError::Retired | RecordError::Unreadable),
            ) => {
                let epoch = seal::to_text(&store_core::Random::bytes::<9>(self.outside.random()));
                let record = Record { epoch, ..Record::default() }.with(change);
                Ok(records.create(KEY, &record).await?)
            }
            Err(TransitionError::Refused(never)) => match never {},
            Err(TransitionError::Record(error)) => Err(error.into()),
        }
    }

    /// Where a listener begins: nothing that has changed until now is news to it.
    pub(crate) async fn begin_to_listen(&self) -> Result<Seen, Unavailable> {
        let Some(keys) = self.keys().await? else { return Ok(Seen(Record::default())) };
        match self.records(&keys).find(KEY).await {
            Ok(record) => Ok(Seen(record.unwrap_or_default())),
            Err(RecordError::Retired | RecordError::Unreadable) => Ok(Seen(Record::default())),
            Err(error) => Err(error.into()),
        }
    }

    /// What has changed since a listener looked last.
    pub(crate) async fn look_for_changes(
        &self,
        seen: &mut Seen,
        wanted: &Wanted,
    ) -> Result<Vec<Changed>, Unavailable> {
        let Seen(now) = self.begin_to_listen().await?;
        if now == seen.0 {
            return Ok(Vec::new());
        }
        let changed = now.since(&seen.0, wanted);
        if changed.contains(&Changed::Tools) {
            self.known_tools.forget();
        }
        seen.0 = now;
        Ok(changed)
    }
}

/// Names a URI: the record says nothing about what anybody reads.
fn digest(uri: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(uri.as_bytes()).into();
    seal::to_text(digest.first_chunk::<16>().map_or(&digest[..], |half| half))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted { tools: true, prompts: true, resources: false, uris: vec!["a:1".into(), "a:2".into()] }
    }

    fn record() -> Record {
        Record { epoch: "e".into(), ..Record::default() }
    }

    fn updated(uri: &str) -> Changed {
        Changed::Resource(uri.into())
    }

    /// MCP-M-41.
    #[test]
    fn only_what_is_wanted_and_new_is_told() {
        let before = record().with(&Changed::Tools).with(&updated("a:1"));
        assert_eq!(before.since(&before, &wanted()), []);
        let after = before
            .clone()
            .with(&Changed::Resources)
            .with(&Changed::Prompts)
            .with(&updated("a:2"))
            .with(&updated("a:3"));
        assert_eq!(after.since(&before, &wanted()), [Changed::Prompts, updated("a:2")]);
        assert_eq!(after.since(&before, &Wanted::default()), []);
        // The same again is news again.
        let again = after.clone().with(&updated("a:2"));
        assert_eq!(again.since(&after, &wanted()), [updated("a:2")]);
    }

    #[test]
    fn listener_goes_on_from_its_mark() {
        let before = Seen(record().with(&Changed::Tools));
        let after = Seen(before.0.clone().with(&updated("a:1")));
        let seen = Seen::at(&before.mark()).unwrap();
        assert_eq!(after.since(&seen, &wanted()), [updated("a:1")]);
        assert!(Seen::at("e").is_none() && Seen::at("e.x").is_none());
    }

    #[test]
    fn listener_that_may_have_missed_something_is_told_of_everything() {
        let all = [Changed::Tools, Changed::Prompts, updated("a:1"), updated("a:2")];
        let other = Record { epoch: "other".into(), ..Record::default() }.with(&Changed::Tools);
        assert_eq!(other.since(&record(), &wanted()), all);
        assert_eq!(record().since(&Record::default(), &wanted()), all, "there was no record before");
        let many = (0..=MAX_UPDATES).fold(record(), |record, n| record.with(&updated(&format!("b:{n}"))));
        assert_eq!(many.since(&record(), &wanted()), all[2..]);
        assert_eq!(many.updates.len(), MAX_UPDATES);
    }
}
