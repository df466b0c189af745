//! A user, as a provider describes them.

use jwt_core::VerifiedToken;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest name of a person on a page, in characters.
const MAX_NAME_CHARACTERS: usize = 100;

/// A user of a provider. Issuer and subject together identify the user (OpenID Connect Core
/// section 5.7); everything else may change or be reassigned (FD-06).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The provider, by its issuer or its address.
    pub issuer: String,
    /// The provider's identifier of the user, never reassigned.
    pub subject: String,
    /// The name for pages.
    pub display_name: String,
    /// The domain that the provider states, in lower case.
    pub domain: Option<String>,
}

/// The names of the claims of an ID token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimNames {
    /// The claim with the name for pages. By default the verified e-mail address, else `preferred_username`, else `name`.
    display_name: Option<String>,
    /// The claim that `allowed_domains` is compared with, such as Google's `hd`. By default the domain of the
    /// verified e-mail address.
    domain: Option<String>,
}

impl Person {
    /// Reads the user from an ID token. Returns `None` when the subject is missing.
    pub(super) fn of(token: &VerifiedToken, names: &ClaimNames) -> Option<Self> {
        let is_identifier = |text: &String| (1..=255).contains(&text.len()) && text.is_ascii();
        let subject = token.claims.subject.clone().filter(is_identifier)?;
        let claims: Map<String, Value> = token.claims_as()?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        // Some providers write the boolean as a string.
        let is_verified = matches!(claims.get("email_verified"), Some(Value::Bool(true)))
            || text("email_verified") == Some("true");
        let email = text("email").filter(|_| is_verified);
        let display_name = match &names.display_name {
            Some(name) => text(name),
            None => email.or_else(|| text("preferred_username")).or_else(|| text("name")),
        };
        let domain = match &names.domain {
            Some(name) => text(name),
            None => email.and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain),
        };
        Some(Self {
            issuer: token.claims.issuer.clone(),
            display_name: display_name.and_then(shown).unwrap_or_else(|| subject.clone()),
            subject,
            domain: domain.map(str::to_lowercase),
        })
    }
}

/// Returns a name that fits on a page: one line, bounded.
pub(super) fn shown(name: &str) -> Option<String> {
    let plain: String = name.chars().filter(|character| !character.is_control()).collect();
    let plain = plain.trim();
    if plain.chars().count() > MAX_NAME_CHARACTERS {
        let kept: String = plain.chars().take(MAX_NAME_CHARACTERS - 1).collect();
        return Some(format!("{}\u{2026}", kept.trim_end()));
    }
    (!plain.is_empty()).then(|| plain.to_owned())
}
