//! Typed, sealed records, and the one way in which a record changes.

use crate::{
    Keyring, Purpose, Random, Store, StoreError, connection,
    seal::{self, Nonce},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The longest value that is written, in bytes, but for [slots](connection::Slot). Every record of ours is far
/// smaller; a backend's own limit is far larger.
const MAX_VALUE_BYTES: usize = 32 * 1024;

/// How often a transition is tried before giving up on a contended record.
const MAX_ATTEMPTS: usize = 5;

/// How many past writes a record remembers. A writer that was overtaken between its write and its
/// reading back finds itself there, and knows that its change was made.
const TRAIL_LENGTH: usize = 4;

/// Records in a store.
#[derive(Debug)]
pub struct Records<'a, S, R> {
    /// Where they are.
    pub store: &'a S,
    /// What they are sealed with.
    pub keys: &'a Keyring,
    /// Where nonces come from.
    pub random: &'a R,
}

/// What a transition decides to do with the record that it sees.
#[derive(Debug)]
pub enum Change<T, O> {
    /// Write this record, and give this result if the write is made.
    Write(T, O),
    /// Leave the record as it is, and give this result.
    Keep(O),
}

/// Why records cannot be had. None of the cases says that a record is absent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is a value, but it is damaged, forged, or of a newer version. Only this record is affected.
    #[error("a record cannot be read")]
    Unreadable,
    /// There is a value, and it says that it was sealed with a secret that is not here (any more).
    #[error("a record is sealed with a secret that is not here")]
    Retired,
    /// A record outgrew what is written.
    #[error("a record is too large")]
    TooLarge,
    /// Too many others changed the record at the same time, or the outcome of a write is unknown.
    #[error("a record is contended")]
    Contended,
}

impl RecordError {
    /// The fault with what the store said of it: for the operator's log, and for nobody else.
    pub fn for_log(&self) -> String {
        match self {
            Self::Store(error) => format!("{error}: {}", error.detail),
            Self::Unreadable | Self::Retired | Self::TooLarge | Self::Contended => self.to_string(),
        }
    }
}

/// Why a transition was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransitionError<E> {
    /// There is no such record.
    #[error("there is no such record")]
    NotFound,
    /// The decision was to refuse. Nothing was written.
    #[error("refused")]
    Refused(E),
    /// The record could not be had.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl<E> TransitionError<E> {
    /// The fault, if it is one of the record and not a refusal.
    pub fn into_record_error(self) -> Option<RecordError> {
        match self {
            Self::Record(error) => Some(error),
            Self::NotFound | Self::Refused(_) => None,
        }
    }
}

impl<E> From<StoreError> for TransitionError<E> {
    fn from(error: StoreError) -> Self {
        Self::Record(error.into())
    }
}

/// How many claimants are turned away before one of them begins a copy of a record that the first one has not
/// begun: that one has probably died.
const PATIENCE: i64 = 64;

/// The last copy of a record that claimants begin. Each further one needs another claimant that died between
/// two operations.
const LAST_COPY: i64 = 3;

/// What is sealed: the record, and the nonces of the writes before this one, newest first.
#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    trail: Vec<String>,
    record: T,
}

impl<S: Store, R: Random> Records<'_, S, R> {
    /// Reads a record.
    pub async fn find<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, RecordError> {
        match self.store.get(key).await? {
            Some(value) => Ok(Some(self.open::<T>(key, &value)?.record)),
            None => Ok(None),
        }
    }

    /// Seals a record anew if it is sealed with an older secret, so that it outlives that one. For records
    /// that nothing else changes for as long as a secret may live.
    pub async fn reseal<T: Serialize + DeserializeOwned + Clone>(
        &self,
        key: &str,
    ) -> Result<(), RecordError> {
        match self.store.get(key).await? {
            Some(value) if seal::key_id(&value) != Some(self.keys.newest_id()) => {}
            _ => return Ok(()),
        }
        let resealed = self.transition(key, |record: &T| Ok(Change::Write(record.clone(), ()))).await;
        match resealed {
            Ok(()) | Err(TransitionError::NotFound | TransitionError::Refused(())) => Ok(()),
            Err(TransitionError::Record(error)) => Err(error),
        }
    }

    /// Writes a record under a key that is fresh, or that nobody else can be writing.
    pub async fn create<T: Serialize>(&self, key: &str, record: &T) -> Result<(), RecordError> {
        let value = self.seal(key, &Envelope { trail: Vec::new(), record })?;
        Ok(self.store.put(key, &value).await?)
    }

    /// Deletes a record.
    pub async fn delete(&self, key: &str) -> Result<(), RecordError> {
        Ok(self.store.delete(key).await?)
    }

    /// Changes a record, whole or not at all, whoever else is changing it.
    ///
    /// `decide` is pure: it sees the record as it is and says what it shall become. It may be called
    /// again with what another writer made of it. Everything that can be refused is refused before
    /// anything is written.
    ///
    /// Whether a write was made is decided by reading back: it was if the stored value, or the trail
    /// in it, has this write's nonce. A store's own answer cannot be relied on: one backend says
    /// "failed" to a swap that it made.
    pub async fn transition<T, O, E>(
        &self,
        key: &str,
        decide: impl FnMut(&T) -> Result<Change<T, O>, E>,
    ) -> Result<O, TransitionError<E>>
    where
        T: Serialize + DeserializeOwned,
    {
        self.transition_from(key, decide, None).await
    }

    /// As [`transition`](Self::transition), for a record that begins anew when the secret that it was
    /// sealed with is gone: whatever it said was about things that ended with that secret.
    pub async fn transition_or_renew<T, O, E>(
        &self,
        key: &str,
        decide: impl FnMut(&T) -> Result<Change<T, O>, E>,
    ) -> Result<O, TransitionError<E>>
    where
        T: Serialize + DeserializeOwned + Default,
    {
        self.transition_from(key, decide, Some(T::default)).await
    }

    /// As [`transition_or_renew`](Self::transition_or_renew), for a record that may not be there yet, and is
    /// one of a fixed number. Stores have no create-if-absent, but they count exactly: the first claimant on
    /// `claim_key`, which nothing else ever writes, begins the record. A caller that comes at the very moment
    /// in which it is begun may be told that it is contended.
    ///
    /// A claimant that died before it began the record is replaced by the `PATIENCE`th after it, which begins
    /// a copy under a key of its own. So each key is begun by one claimant, once, and neither a claimant that
    /// comes back late nor one that a late store tells "not found" resets what others wrote. The copies count
    /// together: what `decide` refuses or keeps in one of them, it refuses or keeps.
    pub async fn transition_or_begin<T, O, E>(
        &self,
        key: &str,
        claim_key: &str,
        mut decide: impl FnMut(&T) -> Result<Change<T, O>, E>,
    ) -> Result<O, TransitionError<E>>
    where
        T: Serialize + DeserializeOwned + Default,
    {
        match self.transition_of_copies(key, 0, &mut decide).await {
            Err(TransitionError::NotFound) => {}
            outcome => return outcome,
        }
        let earlier = self.store.increment(claim_key).await?.saturating_sub(1);
        let last = (earlier / PATIENCE).clamp(0, LAST_COPY);
        if earlier % PATIENCE == 0 {
            self.create(&copy_key(key, last), &T::default()).await?;
        }
        for _ in 0..MAX_ATTEMPTS {
            match self.transition_of_copies(key, last, &mut decide).await {
                Err(TransitionError::NotFound) => {}
                outcome => return outcome,
            }
        }
        Err(RecordError::Contended.into())
    }

    /// Changes the first copy that is there, unless another one says no. Looks at the copies up to `last`, and at
    /// those after it until one is not there.
    async fn transition_of_copies<T, O, E>(
        &self,
        key: &str,
        last: i64,
        decide: &mut impl FnMut(&T) -> Result<Change<T, O>, E>,
    ) -> Result<O, TransitionError<E>>
    where
        T: Serialize + DeserializeOwned + Default,
    {
        let mut first_copy = None;
        for copy in 1..=LAST_COPY {
            let copy_key = copy_key(key, copy);
            match self.find::<T>(&copy_key).await {
                Ok(Some(record)) => match decide(&record) {
                    Ok(Change::Write(..)) => drop(first_copy.get_or_insert(copy_key)),
                    Ok(Change::Keep(result)) => return Ok(result),
                    Err(refusal) => return Err(TransitionError::Refused(refusal)),
                },
                Ok(None) if copy > last => break,
                Ok(None) => {}
                Err(RecordError::Retired) => drop(first_copy.get_or_insert(copy_key)),
                Err(error) => return Err(error.into()),
            }
        }
        match (self.transition_or_renew(key, &mut *decide).await, first_copy) {
            (Err(TransitionError::NotFound), Some(copy)) => self.transition_or_renew(&copy, decide).await,
            (outcome, _) => outcome,
        }
    }

    async fn transition_from<T, O, E>(
        &self,
        key: &str,
        decide: impl FnMut(&T) -> Result<Change<T, O>, E>,
        renew: Option<fn() -> T>,
    ) -> Result<O, TransitionError<E>>
    where
        T: Serialize + DeserializeOwned,
    {
        let mut decision = Decision { decide, renew, tried: Vec::new(), pending: None, outcome: None };
        self.swap_until_over(key, &mut decision).await?;
        match decision.outcome {
            Some(outcome) => outcome.map_err(TransitionError::Refused),
            None => Err(TransitionError::NotFound),
        }
    }

    /// The loop of every transition. It knows nothing of what is in the record, so that there is one of it.
    async fn swap_until_over(&self, key: &str, decision: &mut dyn Decide) -> Result<(), RecordError> {
        let (mut current, mut swap) = self.store.begin_swap(key).await?;
        for attempt in 0..=MAX_ATTEMPTS {
            let Some(value) = current else { return Ok(()) };
            let plaintext = match self.unseal(key, &value) {
                Ok(plaintext) => Some(plaintext),
                Err(RecordError::Retired) => None,
                Err(error) => return Err(error),
            };
            let Some(plaintext) = decision.decide(plaintext.as_deref(), nonce_text(&value))? else {
                return Ok(());
            };
            if attempt == MAX_ATTEMPTS {
                break;
            }
            let new_value = self.seal_plaintext(key, &plaintext)?;
            decision.try_write(nonce_text(&new_value));
            self.store.swap(swap, &new_value).await;
            (current, swap) = self.store.begin_swap(key).await?;
        }
        Err(RecordError::Contended)
    }

    fn seal<T: Serialize>(&self, key: &str, envelope: &Envelope<T>) -> Result<Vec<u8>, RecordError> {
        self.seal_plaintext(key, &serde_json::to_vec(envelope).map_err(|_| RecordError::Unreadable)?)
    }

    fn seal_plaintext(&self, key: &str, plaintext: &[u8]) -> Result<Vec<u8>, RecordError> {
        let value = seal::seal(self.keys, Purpose::Record, key.as_bytes(), plaintext, self.random);
        let limit = if connection::is_slot(key) { connection::MAX_SLOT_BYTES } else { MAX_VALUE_BYTES };
        if value.len() > limit { Err(RecordError::TooLarge) } else { Ok(value) }
    }

    fn open<T: DeserializeOwned>(&self, key: &str, value: &[u8]) -> Result<Envelope<T>, RecordError> {
        serde_json::from_slice(&self.unseal(key, value)?).map_err(|_| RecordError::Unreadable)
    }

    fn unseal(&self, key: &str, value: &[u8]) -> Result<Vec<u8>, RecordError> {
        let plaintext = seal::open(self.keys, Purpose::Record, key.as_bytes(), value);
        plaintext.ok_or_else(|| match seal::is_of_unknown_key(self.keys, value) {
            true => RecordError::Retired,
            false => RecordError::Unreadable,
        })
    }
}

/// What a transition decides, for the loop that carries it out.
trait Decide {
    /// What to write in the place of this, in plain; nothing if it is over. `plaintext` is nothing when the secret
    /// that it was sealed with is gone, and `nonce` is that of the value.
    fn decide(
        &mut self,
        plaintext: Option<&[u8]>,
        nonce: Option<String>,
    ) -> Result<Option<Vec<u8>>, RecordError>;

    /// What was decided last is about to be written, with this nonce.
    fn try_write(&mut self, nonce: Option<String>);
}

/// One transition.
struct Decision<T, O, E, F> {
    decide: F,
    /// What a record of a retired secret begins anew as, if it may.
    renew: Option<fn() -> T>,
    /// The writes that were tried, by nonce.
    tried: Vec<(String, O)>,
    /// The result of the write that is about to be tried.
    pending: Option<O>,
    /// How it ended.
    outcome: Option<Result<O, E>>,
}

impl<T, O, E, F> Decide for Decision<T, O, E, F>
where
    T: Serialize + DeserializeOwned,
    F: FnMut(&T) -> Result<Change<T, O>, E>,
{
    fn decide(
        &mut self,
        plaintext: Option<&[u8]>,
        nonce: Option<String>,
    ) -> Result<Option<Vec<u8>>, RecordError> {
        let Envelope { mut trail, record } = match (plaintext, self.renew) {
            (Some(plaintext), _) => serde_json::from_slice(plaintext).map_err(|_| RecordError::Unreadable)?,
            (None, Some(renew)) => Envelope { trail: Vec::new(), record: renew() },
            (None, None) => return Err(RecordError::Retired),
        };
        if let Some(result) = take_written(&mut self.tried, nonce.as_ref(), &trail) {
            self.outcome = Some(Ok(result));
            return Ok(None);
        }
        match (self.decide)(&record) {
            Ok(Change::Write(record, result)) => {
                trail.splice(0..0, nonce);
                trail.truncate(TRAIL_LENGTH);
                self.pending = Some(result);
                let plaintext = serde_json::to_vec(&Envelope { trail, record });
                plaintext.map(Some).map_err(|_| RecordError::Unreadable)
            }
            Ok(Change::Keep(result)) => {
                self.outcome = Some(Ok(result));
                Ok(None)
            }
            Err(refusal) => {
                self.outcome = Some(Err(refusal));
                Ok(None)
            }
        }
    }

    fn try_write(&mut self, nonce: Option<String>) {
        self.tried.extend(nonce.zip(self.pending.take()));
    }
}

/// The result of the write that is in place, if it is one of those tried.
fn take_written<O>(tried: &mut Vec<(String, O)>, stored: Option<&String>, trail: &[String]) -> Option<O> {
    let index = tried.iter().position(|(nonce, _)| stored == Some(nonce) || trail.contains(nonce))?;
    Some(tried.swap_remove(index).1)
}

/// The key of a copy of a record. The record itself is copy 0.
fn copy_key(key: &str, copy: i64) -> String {
    if copy == 0 { key.to_owned() } else { format!("{key}:{copy}") }
}

fn nonce_text(value: &[u8]) -> Option<String> {
    let nonce: Nonce = seal::nonce(value)?;
    Some(seal::to_text(&nonce))
}

#[cfg(test)]
mod tests;
