//! Clients: who asks.
//!
//! A client is known in one of three ways, and [`lookup`] tries them in this order: the operator
//! configured it (`configured`); its id is the address of a metadata document (`document`,
//! `document_cache`); or it registered itself ([`registration`]). Whatever it is known by, its metadata is
//! judged by one set of rules (`metadata`, [`redirect_uri`]), and it proves who it is in one place
//! ([`authentication`], `assertion`, `replay`). What the operator decides about clients is in [`policy`].
//!
//! Documents are fetched while a person is there: metadata at `/authorize`, and the keys that it leads to
//! when the person approves. What was approved is kept in the grant ([`approval`]), so that nothing that a
//! client asks by itself makes this server fetch, or depends on another's being up.
//!
//! A client that registered itself is nowhere in the store: its id *is* its registration, sealed. So a
//! flood of registrations stores nothing, and a registration cannot go stale while its key lives. Its
//! secret, if it has one, is derived from the id, so that is not stored either.

pub mod approval;
mod assertion;
pub mod authentication;
mod configured;
mod document;
mod document_cache;
mod json;
pub mod lookup;
mod metadata;
pub mod policy;
pub mod redirect_uri;
pub mod registration;
mod replay;
pub mod request;
pub mod secret;

pub(crate) use assertion::ALGORITHMS as SIGNING_ALGORITHMS;
pub use lookup::Clients;
pub use policy::ClientPolicy;

use authentication::Method;
use secret::SecretDigest;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store_core::{Keyring, Purpose, Random, seal};

/// What the id of a self-registered client begins with.
const PREFIX: &str = "postern_cl_";

/// What a client secret begins with, for people and for secret scanners.
const SECRET_PREFIX: &str = "postern_cs_";

/// The longest client id that is issued, and looked at.
const MAX_ID_CHARACTERS: usize = 4096;

/// A client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id, as it presents it.
    pub id: String,
    /// What it calls itself, cleaned for display. Unverified.
    pub name: String,
    /// Where it may ask the user to be sent.
    pub redirect_uris: Vec<String>,
    /// How it proves who it is, at every endpoint that it calls itself.
    pub authentication: Method,
    /// What its assertions are checked with.
    pub keys: ClientKeys,
    /// Where all this comes from.
    pub source: Source,
}

/// Public keys of a client, for `private_key_jwt`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub enum ClientKeys {
    /// It has none.
    #[default]
    None,
    /// A JWK set, reduced to what is needed of it.
    Set(String),
    /// The address of one. It is fetched when a user approves.
    At(String),
}

/// Where a client's metadata comes from, which is who vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The operator's configuration.
    Configured {
        /// Its secret, if it has one.
        secret: Option<SecretDigest>,
    },
    /// A document at the address that is the client's id. Whoever has the host vouches for it.
    MetadataDocument {
        /// The document's host, as the id has it.
        host: String,
    },
    /// Itself. Nobody vouches for any of it.
    Registered,
}

/// What is sealed into a client id. The field names are short because clients carry it around.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SealedClient {
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "r")]
    redirect_uris: Vec<String>,
    /// Left out for public clients: their ids are older than this field.
    #[serde(rename = "m", default, skip_serializing_if = "Method::is_none")]
    authentication: Method,
    /// Of a client that signs: its keys.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    keys: Option<String>,
}

impl Client {
    /// The client that registered itself and was given this id. `None` for ids that are forged, cut, of another deployment, or
    /// made with a secret that was retired: to us they are all unknown.
    pub fn find(id: &str, keys: &Keyring) -> Option<Self> {
        if id.len() > MAX_ID_CHARACTERS {
            return None;
        }
        let sealed = seal::from_text(id.strip_prefix(PREFIX)?)?;
        let plaintext = seal::open(keys, Purpose::ClientId, PREFIX.as_bytes(), &sealed)?;
        Some(Self::of(id.to_owned(), serde_json::from_slice(&plaintext).ok()?))
    }

    fn of(id: String, sealed: SealedClient) -> Self {
        let SealedClient { name, redirect_uris, authentication, keys } = sealed;
        let keys = keys.map_or(ClientKeys::None, ClientKeys::Set);
        Self { id, name, redirect_uris, authentication, keys, source: Source::Registered }
    }

    /// Registers a client. `None` when the id would be too long.
    ///
    /// The same metadata always gives the same id, so a client that registers at every start stays one
    /// client. One with a secret gets a new id each time: its name and redirect
    /// URIs are no secret, and whoever registered them again would be given the secret of the first.
    fn register(sealed_client: SealedClient, keys: &Keyring, random: &impl Random) -> Option<Self> {
        let plaintext = serde_json::to_vec(&sealed_client).ok()?;
        let (purpose, associated_data) = (Purpose::ClientId, PREFIX.as_bytes());
        let sealed = if sealed_client.authentication.has_secret() {
            seal::seal(keys, purpose, associated_data, &plaintext, random)
        } else {
            seal::seal_deterministically(keys, purpose, associated_data, &plaintext)
        };
        let id = format!("{PREFIX}{}", seal::to_text(&sealed));
        (id.len() <= MAX_ID_CHARACTERS).then(|| Self::of(id, sealed_client))
    }

    /// A digest of what the client says of itself: another one means that it says something else now.
    pub fn digest(&self) -> String {
        let said = (&self.name, &self.redirect_uris, self.authentication, &self.keys);
        let said = serde_json::to_vec(&said).unwrap_or_default();
        seal::to_text(&Sha256::digest([b"postern client v1\0", said.as_slice()].concat()))
    }

    /// Whether this is the client's secret. A client without one has none to show.
    fn is_secret(&self, shown: &str, keys: &Keyring) -> bool {
        match &self.source {
            Source::Configured { secret } => secret.as_ref().is_some_and(|secret| secret.is_of(shown)),
            // Shared secrets are none of what a document may have.
            Source::MetadataDocument { .. } => false,
            Source::Registered => {
                self.secret(keys).is_some_and(|secret| SecretDigest::of(&secret).is_of(shown))
            }
        }
    }

    /// The client's secret, which only a confidential client has. It comes from the id, by a key of the
    /// secret that the id is sealed with: both live and end together.
    fn secret(&self, keys: &Keyring) -> Option<String> {
        if !self.authentication.has_secret() {
            return None;
        }
        let key_id = seal::key_id(&seal::from_text(self.id.strip_prefix(PREFIX)?)?)?;
        let mac = keys.authenticate(key_id, Purpose::ClientSecret, self.id.as_bytes())?;
        Some(format!("{SECRET_PREFIX}{}", seal::to_text(&mac)))
    }
}

/// The most characters of a client's name that are kept.
const MAX_NAME_CHARACTERS: usize = 64;

/// A name fit for display: without characters that are invisible or change the direction of what
/// follows, with single spaces, and not too long: one that is cut ends with an ellipsis. Markup is no concern here: pages escape.
pub(crate) fn clean_name(name: &str) -> String {
    let visible = name.chars().map(|character| if character.is_whitespace() { ' ' } else { character });
    let visible: String = visible.filter(|character| !is_deceptive(*character)).collect();
    let words: Vec<&str> = visible.split(' ').filter(|word| !word.is_empty()).collect();
    let name = words.join(" ");
    if name.chars().count() <= MAX_NAME_CHARACTERS {
        return name;
    }
    name.chars().take(MAX_NAME_CHARACTERS - 1).chain(['\u{2026}']).collect()
}

/// Control characters, zero-width characters, and the ones that steer bidirectional text.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use store_core::testing::SequenceRandom;

    fn keys() -> Keyring {
        Keyring::from_secret(&[7; 32]).unwrap()
    }

    fn register(authentication: Method, random: &SequenceRandom) -> Client {
        let uris = vec!["http://localhost:1234/cb".into()];
        let sealed =
            SealedClient { name: "Inspector".into(), redirect_uris: uris, authentication, keys: None };
        Client::register(sealed, &keys(), random).unwrap()
    }

    fn registered() -> Client {
        register(Method::None, &SequenceRandom::default())
    }

    #[test]
    fn id_is_the_registration() {
        let client = registered();
        assert_eq!(Client::find(&client.id, &keys()), Some(client.clone()));
        assert_eq!(registered().id, client.id, "registering again gives the same id");
        assert!(!client.id.starts_with("http"), "RG-10");
        assert_eq!(client.secret(&keys()), None);
    }

    /// The text of issued client ids and secrets is a stored format: clients keep them. The first of them
    /// is older than confidential clients.
    /// MCP-S-25.
    #[test]
    fn format_stays_as_it_is() {
        assert_eq!(registered().id, include_str!("../../tests/golden/client_id.txt").trim_end());
        let golden = include_str!("../../tests/golden/confidential_client.txt");
        let (id, secret) = golden.trim_end().split_once('\n').unwrap();
        let client = register(Method::ClientSecretBasic, &SequenceRandom::new(5));
        assert_eq!((client.id.as_str(), client.secret(&keys()).unwrap().as_str()), (id, secret));
        assert_eq!(Client::find(id, &keys()), Some(client));
    }

    /// TK-20: knowing a client's metadata is not enough to be given its secret.
    #[test]
    fn confidential_client_is_one_of_a_kind() {
        let random = SequenceRandom::default();
        let one = register(Method::ClientSecretPost, &random);
        let other = register(Method::ClientSecretPost, &random);
        assert_ne!(one.id, other.id);
        assert_ne!(one.secret(&keys()), other.secret(&keys()));
    }

    #[test]
    fn secret_lives_as_long_as_the_id() {
        let client = register(Method::ClientSecretBasic, &SequenceRandom::default());
        let (new, old) = (seal::to_text(&[8; 32]), seal::to_text(&[7; 32]));
        let rotated = Keyring::parse(&format!("{new},{old}")).unwrap();
        assert_eq!(Client::find(&client.id, &rotated), Some(client.clone()));
        assert_eq!(client.secret(&rotated), client.secret(&keys()));
        let retired = Keyring::parse(&new).unwrap();
        assert_eq!((Client::find(&client.id, &retired), client.secret(&retired)), (None, None));
    }

    /// RG-12.
    #[test]
    fn forged_ids_are_unknown() {
        let id = registered().id;
        let other = Keyring::from_secret(&[8; 32]).unwrap();
        assert_eq!(Client::find(&id, &other), None);
        for bad in
            ["", "postern_cl_", "x", &id[1..], &id[..id.len() - 1], &format!("{id}A"), &"A".repeat(9000)]
        {
            assert_eq!(Client::find(bad, &keys()), None, "{bad}");
        }
    }

    /// RG-14, AZ-30.
    #[test]
    fn names_are_cleaned_and_capped() {
        assert_eq!(clean_name("  Claude\u{202e}\u{200b}\n Desktop\0 "), "Claude Desktop");
        assert_eq!(clean_name(&"x".repeat(64)), "x".repeat(64));
        assert_eq!(clean_name(&"x".repeat(65)), format!("{}\u{2026}", "x".repeat(63)));
        assert_eq!(clean_name("<b>Müller & Söhne</b>"), "<b>Müller & Söhne</b>");
    }
}
