//! Every record that the authorization server stores.
//!
//! | key | record | lives | written |
//! |---|---|---|---|
//! | `postern:g:<grant id>` | [`Grant`] | until the grant ends; see [`crate::grants`] for who deletes it | created when the user approves; then by transition |
//! | `postern:u:<digest of the subject>` | [`UserGrants`] | as long as the user | created at first sign-in; then by transition, also at each sign-in and sign-out |
//!
//! | `postern:m:<slot>` | a document of a client (see [`crate::client`]), in one of 256 slots | until another takes its slot | put, by whoever fetched it |
//! | `postern:j:<list>`, `postern:j:<client>:<list>` | client assertions that were used, in one of 256 lists that clients share or that a configured client has | for ever; its entries until they would have expired | created by the first claimant on `postern:j-claim:…`; then by transition |
//!
//! Values are sealed JSON (see [`store_core::seal`]); `tests/golden/` has one of each, and changing one
//! needs a "Stored data" line in the changelog. No code, token or secret is stored, hashed or otherwise:
//! they are authenticated by keys of the deployment, and a grant only says which of them are good.

use crate::client::approval::ApprovedClient;
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A grant's id: 128 bits that nobody can guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GrantId(pub [u8; 16]);

impl GrantId {
    /// The key of the grant's record.
    pub fn key(self) -> String {
        format!("postern:g:{}", self.hex())
    }

    /// The id that [`hex`](Self::hex) gives this for.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut id = [0; 16];
        let mut pairs = text.as_bytes().chunks_exact(2);
        let is_whole = pairs.len() == id.len() && pairs.remainder().is_empty();
        for (byte, pair) in id.iter_mut().zip(&mut pairs) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        let id = Self(id);
        (is_whole && id.hex() == text).then_some(id)
    }

    /// In lower-case hexadecimal.
    pub fn hex(self) -> String {
        hex(&self.0)
    }
}

impl Serialize for GrantId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Base64UrlUnpadded::encode_string(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for GrantId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut id = [0; 16];
        match Base64UrlUnpadded::decode(&text, &mut id) {
            Ok(bytes) if bytes.len() == 16 => Ok(Self(id)),
            _ => Err(serde::de::Error::custom("not a grant id")),
        }
    }
}

/// What a user allowed a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The user.
    pub subject: String,
    /// The user's epoch at approval. When the user's own has moved on, the grant is dead.
    pub user_epoch: u64,
    /// The client.
    pub client_id: String,
    /// What was approved of a client whose metadata, or keys, are elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ApprovedClient>,
    /// What the client called itself at approval, for the user to recognise it by.
    pub client_name: String,
    /// Where the code was sent.
    pub redirect_uri: String,
    /// The browser in which the user approved, in a few words (see [`crate::user_agent`]). Older records have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// What was granted. Tokens refer to scopes by position, so this never changes.
    pub scopes: Vec<String>,
    /// What the client asked for and did not get.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declined_scopes: Vec<String>,
    /// Resources that the tokens may be used at (RFC 8707).
    pub audience: Vec<String>,
    /// The PKCE challenge (RFC 7636). Kept after the code is redeemed, so that a replay by somebody
    /// who knows the verifier can be told from one by somebody who only saw the code.
    pub code_challenge: String,
    /// When the user approved, in seconds since the Unix epoch.
    pub approved_at: u64,
    /// The absolute end. Whoever reads the grant later treats it as absent.
    pub expires_at: u64,
    /// Where in its life it is.
    pub state: GrantState,
}

/// The life of a grant. There is no way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum GrantState {
    /// An authorization code is out.
    Issued {
        /// When the code stops being good.
        code_expires_at: u64,
    },
    /// The code was redeemed; tokens are out.
    Active {
        /// When the code was redeemed.
        redeemed_at: u64,
        /// Which refresh token is current: the first is 1.
        generation: u32,
        /// When it became current.
        rotated_at: u64,
        /// When it stops being good if it is not used.
        refresh_expires_at: u64,
    },
    /// Nothing of it is good any more.
    Revoked {
        /// Since when.
        revoked_at: u64,
    },
}

impl Grant {
    /// Whether nothing can come of this grant any more.
    pub fn is_dead(&self, now: u64) -> bool {
        self.expires_at <= now
            || match self.state {
                GrantState::Issued { code_expires_at } => code_expires_at <= now,
                GrantState::Active { refresh_expires_at, .. } => refresh_expires_at <= now,
                GrantState::Revoked { .. } => true,
            }
    }
}

/// A user, as far as grants are concerned. Accounts are another component's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserGrants {
    /// Raised to end every grant and sign-in of the user at once.
    pub epoch: u64,
    /// Raised to end every sign-in and no grant.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sign_in_epoch: u64,
    /// The user's grants, oldest first.
    pub grants: Vec<GrantEntry>,
    /// The user's sign-ins at browsers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sign_ins: SignIns,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// An entry in the index of a user's grants. It may outlive its grant; that is tidied up later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantEntry {
    /// Which.
    pub id: GrantId,
    /// When it was approved.
    #[serde(default)]
    pub approved_at: u64,
    /// When it ends at the latest.
    pub expires_at: u64,
    /// Which request entered it: random text, and nothing in records that are older than this field.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub attempt: String,
    /// Which client, address and browser it is for (see [`crate::approvals::place`]). Nothing in records that are
    /// older than this field.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// The decision that made it, if the user wants it to stand for requests like that one. It is worth
    /// something only while the grant is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remembered: Option<RememberedConsent>,
}

/// The sign-ins of a user at browsers, under the user's present epochs. [`crate::sign_ins`] has the rules.
///
/// Both lists only gain facts until those expire, so two copies of the record merge by union.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIns {
    /// Sign-ins that the user is shown, oldest first. A sign-in that is missing here may be good all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listed: Vec<SignIn>,
    /// Sign-ins that were ended before they would have expired.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<EndedSignIn>,
    /// The latest expiry of a sign-in that was dropped from the list, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unlisted_until: u64,
}

/// A sign-in at a browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The id of the [`BrowserSession`](crate::browser::BrowserSession). It is no credential: the cookie that
    /// carries it is sealed.
    pub id: String,
    /// When the user signed in, in seconds since the Unix epoch.
    pub signed_in_at: u64,
    /// When it ends by itself.
    pub expires_at: u64,
    /// The browser and its system in a few words, if it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
}

/// A sign-in that was ended. Kept until the cookie of that sign-in would have expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedSignIn {
    /// Which one.
    pub id: String,
    /// When it would have ended by itself, in seconds since the Unix epoch.
    pub expires_at: u64,
}

/// A decision that stands for later requests of the same kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedConsent {
    /// A digest of what was decided upon: see [`crate::authorize::consent`].
    pub digest: String,
    /// How long it stands: as long as the first grant that it made could live. What it makes later ends
    /// with it.
    pub expires_at: u64,
}

/// The key of a user's record. The subject may be anything; what is in the key is only a digest.
pub fn user_key(subject: &str) -> String {
    let digest = Sha256::digest([b"postern user v1\0", subject.as_bytes()].concat());
    format!("postern:u:{}", hex(digest.get(..16).unwrap_or_default()))
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(if digit < 10 { b'0' + digit } else { b'a' - 10 + digit })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D10, I9.
    /// K-21.
    #[test]
    fn keys_are_digests_in_a_small_alphabet() {
        let keys = [user_key("'; drop/\0\\ Ünïcode"), user_key(""), GrantId([255; 16]).key()];
        for key in keys {
            assert!(
                key.len() <= 96 && key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b':')),
                "{key}"
            );
        }
    }
}
