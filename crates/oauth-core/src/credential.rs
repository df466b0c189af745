//! Authorization codes, access tokens and refresh tokens: opaque to clients, self-describing to us.
//!
//! A credential is a prefix that tells its kind (to people and to secret scanners), then base64url of
//! `version (1) | key id (4) | grant id (16) | generation (4) | expiry (8) | scopes (4) | audience (1) | HMAC-SHA256 (32)`.
//! The MAC's key is the kind's own, so that none passes for another. What is not authentic is refused
//! without looking at the store; what is authentic is good only if the grant's record says so.

use crate::records::GrantId;
use store_core::{Keyring, Purpose, seal};
use subtle::ConstantTimeEq;

const VERSION: u8 = 2;
const CLAIMS_BYTES: usize = 1 + 4 + 16 + 4 + 8 + 4 + 1;
const MAC_BYTES: usize = 32;

/// The kinds of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An authorization code (RFC 6749 section 1.3.1).
    AuthorizationCode,
    /// An access token (RFC 6749 section 1.4).
    AccessToken,
    /// A refresh token (RFC 6749 section 1.5).
    RefreshToken,
}

impl Kind {
    /// What a credential of this kind begins with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "postern_ac_",
            Self::AccessToken => "postern_at_",
            Self::RefreshToken => "postern_rt_",
        }
    }

    fn purpose(self) -> Purpose {
        match self {
            Self::AuthorizationCode => Purpose::AuthorizationCode,
            Self::AccessToken => Purpose::AccessToken,
            Self::RefreshToken => Purpose::RefreshToken,
        }
    }
}

/// What a credential says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credential {
    /// Its kind.
    pub kind: Kind,
    /// The grant that it is of.
    pub grant: GrantId,
    /// Which in the grant's row of refresh tokens it is, or came with. 0 for codes.
    pub generation: u32,
    /// When it stops being good, in seconds since the Unix epoch.
    pub expires_at: u64,
    /// Of an access token: which of the grant's scopes it carries.
    pub scopes: ScopeSet,
    /// Of an access token: which of the grant's resources it is for (RFC 8707 section 2.2).
    pub audience: Audience,
}

/// Makes a type for a subset of what a grant has a list of, by position: one bit each.
macro_rules! subset {
    ($(#[$doc:meta])* $name:ident($bits:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name($bits);

        impl $name {
            /// The longest list that a grant can have.
            pub const CAPACITY: usize = <$bits>::BITS as usize;
            /// All of the list.
            pub const ALL: Self = Self(<$bits>::MAX);

            /// Those of `granted` that are in `wanted`.
            pub fn of(granted: &[String], wanted: &[String]) -> Self {
                let bits = granted.iter().take(Self::CAPACITY).enumerate();
                let wanted = bits.filter(|(_, name)| wanted.contains(name));
                Self(wanted.fold(0, |set, (index, _)| set | 1 << index))
            }

            /// The names in this set.
            pub fn names(self, granted: &[String]) -> Vec<String> {
                let bits = granted.iter().take(Self::CAPACITY).enumerate();
                bits.filter(|(index, _)| self.0 >> index & 1 == 1).map(|(_, name)| name.clone()).collect()
            }
        }
    };
}

subset!(
    /// A subset of a grant's scopes.
    ScopeSet(u32)
);
subset!(
    /// A subset of a grant's resources.
    Audience(u8)
);

impl Credential {
    /// Writes the credential with the newest key. The same credential gives the same text.
    pub fn issue(&self, keys: &Keyring) -> String {
        let mut bytes = self.claims(keys.newest_id());
        // The newest key is always there.
        bytes.extend(keys.authenticate(keys.newest_id(), self.kind.purpose(), &bytes).unwrap_or_default());
        format!("{}{}", self.kind.prefix(), seal::to_text(&bytes))
    }

    /// Reads a credential of this kind. `None` when it is anything else, or not authentic.
    pub fn verify(kind: Kind, text: &str, keys: &Keyring) -> Option<Self> {
        Unverified::parse(kind, text)?.verify(keys)
    }

    fn claims(&self, key_id: [u8; 4]) -> Vec<u8> {
        [
            &[VERSION][..],
            &key_id,
            &self.grant.0,
            &self.generation.to_be_bytes(),
            &self.expires_at.to_be_bytes(),
            &self.scopes.0.to_be_bytes(),
            &self.audience.0.to_be_bytes(),
        ]
        .concat()
    }
}

/// A text that has the form of a credential. Whether it is one takes a key to say.
#[derive(Debug, Clone)]
pub struct Unverified {
    kind: Kind,
    claims: [u8; CLAIMS_BYTES],
    mac: [u8; MAC_BYTES],
}

impl Unverified {
    /// Takes a text apart. `None` for what no key could have made.
    pub fn parse(kind: Kind, text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(kind.prefix())?;
        if encoded.len() > 2 * (CLAIMS_BYTES + MAC_BYTES) {
            return None;
        }
        let bytes = seal::from_text(encoded)?;
        let (claims, mac) = bytes.split_first_chunk()?;
        Some(Self { kind, claims: *claims, mac: mac.try_into().ok()? })
    }

    /// The credential, if it is authentic.
    pub fn verify(self, keys: &Keyring) -> Option<Credential> {
        let Self { kind, claims, mac } = self;
        let (version, rest) = claims.split_first()?;
        let (key_id, rest) = rest.split_first_chunk::<4>()?;
        let (grant, rest) = rest.split_first_chunk::<16>()?;
        let (generation, rest) = rest.split_first_chunk::<4>()?;
        let (expires_at, rest) = rest.split_first_chunk::<8>()?;
        let (scopes, rest) = rest.split_first_chunk::<4>()?;
        let (audience, _) = rest.split_first_chunk::<1>()?;
        let expected = keys.authenticate(*key_id, kind.purpose(), &claims)?;
        if *version != VERSION || !bool::from(expected.ct_eq(&mac)) {
            return None;
        }
        Some(Credential {
            kind,
            grant: GrantId(*grant),
            generation: u32::from_be_bytes(*generation),
            expires_at: u64::from_be_bytes(*expires_at),
            scopes: ScopeSet(u32::from_be_bytes(*scopes)),
            audience: Audience(u8::from_be_bytes(*audience)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keyring {
        Keyring::from_secret(&[7; 32]).unwrap()
    }

    fn access_token() -> Credential {
        Credential {
            kind: Kind::AccessToken,
            grant: GrantId([3; 16]),
            generation: 2,
            expires_at: 1_800_000_000,
            scopes: ScopeSet::ALL,
            audience: Audience::ALL,
        }
    }

    #[test]
    fn reads_what_it_wrote_and_writes_the_same_again() {
        let text = access_token().issue(&keys());
        assert_eq!(Credential::verify(Kind::AccessToken, &text, &keys()), Some(access_token()));
        assert_eq!(text, access_token().issue(&keys()));
    }

    /// The text of issued tokens is a stored format: clients keep them.
    #[test]
    fn format_stays_as_it_is() {
        assert_eq!(
            access_token().issue(&keys()),
            include_str!("../tests/golden/access_token.txt").trim_end(),
        );
    }

    /// TK-10: no kind passes for another, whatever its prefix.
    #[test]
    fn kinds_are_not_interchangeable() {
        let text = access_token().issue(&keys());
        let body = text.strip_prefix(Kind::AccessToken.prefix()).unwrap();
        for other in [Kind::AuthorizationCode, Kind::RefreshToken] {
            assert_eq!(Credential::verify(other, &text, &keys()), None);
            let renamed = format!("{}{body}", other.prefix());
            assert_eq!(Credential::verify(other, &renamed, &keys()), None);
        }
    }

    /// TK-09: nothing appended, cut, or changed, in any bit.
    #[test]
    fn only_the_exact_text_is_good() {
        let text = access_token().issue(&keys());
        for index in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(Credential::verify(Kind::AccessToken, &changed, &keys()), None, "{index}");
            assert_eq!(Credential::verify(Kind::AccessToken, &text[..index], &keys()), None, "{index}");
        }
        for junk in ["=", "A", " ", "\n"] {
            assert_eq!(Credential::verify(Kind::AccessToken, &format!("{text}{junk}"), &keys()), None);
        }
    }

    #[test]
    fn dies_with_its_key() {
        let text = access_token().issue(&keys());
        let other = Keyring::from_secret(&[8; 32]).unwrap();
        assert_eq!(Credential::verify(Kind::AccessToken, &text, &other), None);
    }

    #[test]
    fn scope_sets_go_by_position() {
        let granted = ["a", "b", "c"].map(str::to_owned);
        let set = ScopeSet::of(&granted, &["c".to_owned(), "a".to_owned(), "x".to_owned()]);
        assert_eq!(set.names(&granted), ["a", "c"]);
        assert_eq!(ScopeSet::ALL.names(&granted), granted);
    }
}
