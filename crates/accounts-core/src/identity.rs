//! Who somebody is elsewhere, and which account that leads to.
//!
//! | key | record | lives | written |
//! |---|---|---|---|
//! | `postern:i:<digest of issuer and subject>` | [`Identity`] | until it is taken off its account | when a person first comes from there, or adds it |
//! | `postern:w:<digest of the account's subject>` | [`Ways`] | as long as the account | with each of these |
//!
//! An identity is found by the provider and the provider's own identifier, and by nothing else: an e-mail address
//! can be given to somebody else, and a provider may not have verified it (FD-06). What [`Ways`] lists counts only
//! where the identity's own record agrees, so that a change that was cut short between the two does no harm.

use base64ct::{Base64UrlUnpadded, Encoding};
use provider_core::sign_in::Person;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store_core::{Change, Random, RecordError, Records, Store, TransitionError};

/// The most identities of one account.
const MAX_IDENTITIES: usize = 32;

/// Somebody's account elsewhere, and the account here that it signs in to. Sealed like every record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The account here.
    pub subject: String,
    /// The provider, by its issuer or its address.
    pub issuer: String,
    /// The provider's identifier of the person.
    pub provider_subject: String,
}

/// The identities of an account, as far as they are its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ways {
    /// In the order in which they were added.
    pub identities: Vec<Way>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The provider's name in the configuration, when the identity was added.
    pub provider: String,
    /// As in [`Identity`].
    pub issuer: String,
    /// As in [`Identity`].
    pub provider_subject: String,
}

/// What came of adding an identity to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linking {
    /// It signs in to this account now.
    Linked,
    /// It signs in to another one.
    Taken,
}

impl Way {
    pub(crate) fn of(provider: &str, person: &Person) -> Self {
        Self {
            provider: provider.to_owned(),
            issuer: person.issuer.clone(),
            provider_subject: person.subject.clone(),
        }
    }

    /// The subject of the account that this identity makes. It follows from the identity, so that a person who
    /// comes twice at the same moment gets one account.
    pub(crate) fn own_subject(&self) -> String {
        let digest = self.digest("postern upstream subject v1");
        format!("acct_{}", Base64UrlUnpadded::encode_string(&digest))
    }

    /// The key of its record.
    pub(crate) fn key(&self) -> String {
        format!("postern:i:{}", hex(self.digest("postern identity v1")))
    }

    /// Neither an issuer nor a subject has a line break in it.
    fn digest(&self, purpose: &str) -> [u8; 16] {
        digest(&format!("{purpose}\n{}\n{}", self.issuer, self.provider_subject))
    }

    fn identity(&self, subject: &str) -> Identity {
        Identity {
            subject: subject.to_owned(),
            issuer: self.issuer.clone(),
            provider_subject: self.provider_subject.clone(),
        }
    }
}

fn ways_key(subject: &str) -> String {
    format!("postern:w:{}", hex(digest(&format!("postern ways v1\n{subject}"))))
}

fn digest(text: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.iter_mut().zip(Sha256::digest(text)).for_each(|(to, from)| *to = from);
    short
}

fn hex(digest: [u8; 16]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The account that an identity signs in to, if it is known.
pub(crate) async fn find<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    way: &Way,
) -> Result<Option<Identity>, RecordError> {
    match records.find::<Identity>(&way.key()).await {
        // The operator has ended everything under its secret.
        Err(RecordError::Retired) => Ok(None),
        found => found,
    }
}

/// Lets an identity sign in to an account, unless it signs in to another one. What it leads to afterwards is
/// read back.
pub(crate) async fn link<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    way: &Way,
    subject: &str,
) -> Result<Linking, RecordError> {
    match find(records, way).await? {
        Some(known) if known.subject != subject => return Ok(Linking::Taken),
        Some(_) => records.reseal::<Identity>(&way.key()).await?,
        None => {
            records.create(&way.key(), &way.identity(subject)).await?;
            let stored = find(records, way).await?.ok_or(RecordError::Contended)?;
            if stored.subject != subject {
                return Ok(Linking::Taken);
            }
        }
    }
    list(records, way, subject).await?;
    Ok(Linking::Linked)
}

/// Writes an identity into its account's list.
async fn list<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    way: &Way,
    subject: &str,
) -> Result<(), RecordError> {
    let key = ways_key(subject);
    let add = |ways: &Ways| {
        if ways.identities.contains(way) {
            return Ok::<_, ()>(Change::Keep(()));
        }
        let mut identities = ways.identities.clone();
        identities.push(way.clone());
        let excess = identities.len().saturating_sub(MAX_IDENTITIES);
        identities.drain(..excess);
        Ok(Change::Write(Ways { identities }, ()))
    };
    match records.transition_or_renew(&key, add).await {
        Err(TransitionError::NotFound) => records.create(&key, &Ways { identities: vec![way.clone()] }).await,
        Err(TransitionError::Record(error)) => Err(error),
        Ok(()) | Err(TransitionError::Refused(())) => records.reseal::<Ways>(&key).await,
    }
}

/// The identities that sign in to an account.
pub(crate) async fn ways<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    subject: &str,
) -> Result<Vec<Way>, RecordError> {
    let listed = match records.find::<Ways>(&ways_key(subject)).await {
        Err(RecordError::Retired) => None,
        found => found?,
    };
    let mut ways = Vec::new();
    for way in listed.unwrap_or_default().identities {
        if find(records, &way).await?.is_some_and(|identity| identity.subject == subject) {
            ways.push(way);
        }
    }
    Ok(ways)
}

/// Takes an identity off its account. Its own record goes first: from then on it signs in to nothing here.
pub(crate) async fn unlink<S: Store, R: Random>(
    records: &Records<'_, S, R>,
    way: &Way,
    subject: &str,
) -> Result<(), RecordError> {
    if find(records, way).await?.is_some_and(|identity| identity.subject == subject) {
        records.delete(&way.key()).await?;
    }
    let remove = |ways: &Ways| {
        let identities = ways.identities.iter().filter(|known| *known != way).cloned().collect();
        Ok::<_, ()>(Change::Write(Ways { identities }, ()))
    };
    match records.transition_or_renew(&ways_key(subject), remove).await {
        Err(TransitionError::Record(error)) => Err(error),
        Ok(()) | Err(TransitionError::NotFound | TransitionError::Refused(())) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stored format: a change to it needs a "Stored data" line in the changelog.
    #[test]
    fn records_stay_as_they_are() {
        let way = Way {
            provider: "google".into(),
            issuer: "https://accounts.google.com".into(),
            provider_subject: "1234567890".into(),
        };
        assert_eq!(way.own_subject(), "acct_CZCZ4bDy2dPOjZ8lgAC5VA");
        assert_eq!(way.key(), "postern:i:457538452182d4bc9e773d6b2606806e");
        assert_eq!(ways_key("acct_x"), "postern:w:3680ce9f5cefa7ad58a430bea023d282");
        assert_eq!(
            serde_json::to_string(&way.identity("acct_x")).unwrap(),
            r#"{"subject":"acct_x","issuer":"https://accounts.google.com","provider_subject":"1234567890"}"#
        );
        assert_eq!(
            serde_json::to_string(&Ways { identities: vec![way] }).unwrap(),
            r#"{"identities":[{"provider":"google","issuer":"https://accounts.google.com","provider_subject":"1234567890"}]}"#
        );
    }
}
