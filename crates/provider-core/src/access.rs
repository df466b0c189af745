//! The claims of an access token.

use jwt_core::VerifiedToken;
use serde::Deserialize;

/// The longest accepted identifier of a user or a client, in bytes.
const MAX_IDENTIFIER_BYTES: usize = 255;

/// What an access token stands for. The resource server checks audience and scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The user: `sub`.
    pub subject: String,
    /// The client: `client_id` (RFC 9068 section 2.2), or else `azp`.
    pub client_id: String,
    /// `scope` (RFC 9068 section 2.2.3), or else `scp`, which some providers write instead, as a list or
    /// as one text.
    pub scopes: Vec<String>,
    /// `aud`.
    pub audience: Vec<String>,
    /// `exp`, in seconds since the Unix epoch.
    pub expires_at: u64,
}

#[derive(Deserialize)]
struct AccessClaims {
    client_id: Option<String>,
    scope: Option<String>,
    scp: Option<Scopes>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scopes {
    Text(String),
    List(Vec<String>),
}

impl Access {
    /// Reads the claims. Returns `None` when the user or the client is missing, or a claim has the wrong type.
    pub fn of(token: VerifiedToken) -> Option<Self> {
        let AccessClaims { client_id, scope, scp } = token.claims_as()?;
        let claims = token.claims;
        let is_identifier = |text: &String| (1..=MAX_IDENTIFIER_BYTES).contains(&text.len());
        let scopes = match (scope, scp) {
            (Some(text), _) | (None, Some(Scopes::Text(text))) => split(&text),
            (None, Some(Scopes::List(list))) => list.iter().flat_map(|text| split(text)).collect(),
            (None, None) => Vec::new(),
        };
        Some(Self {
            subject: claims.subject.filter(is_identifier)?,
            client_id: client_id.or(claims.authorized_party).filter(is_identifier)?,
            scopes,
            audience: claims.audience,
            expires_at: claims.expires_at,
        })
    }
}

fn split(scope: &str) -> Vec<String> {
    scope.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
