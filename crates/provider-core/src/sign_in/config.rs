//! The variable `providers`.

use super::{Person, github::GitHub, person::ClaimNames};
use crate::{Provider, Settings};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt;
use web_core::PublicUrl;

/// The most providers.
const MAX_PROVIDERS: usize = 16;

/// The longest text in an entry, in bytes.
const MAX_TEXT_BYTES: usize = 1024;

/// The signature algorithms and the `typ` of ID tokens (OpenID Connect Core section 2).
const ALGORITHMS: &str = "RS256 PS256 ES256 EdDSA";
const TYPES: &str = "jwt none";

/// A provider at which users sign in.
#[derive(Clone)]
pub struct UpstreamProvider {
    /// Its name in URLs: lower-case letters, digits and hyphens.
    pub name: String,
    /// Its name on a button.
    pub label: String,
    pub(super) kind: Kind,
    pub(super) client_id: String,
    /// `None` for a public client.
    pub(super) client_secret: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) claims: ClaimNames,
    /// In lower case. Empty for no restriction.
    pub(super) allowed_domains: Vec<String>,
    /// Whether a user of this provider may make an account. `None` leaves it to the variable `sign_up`.
    pub sign_up: Option<bool>,
}

/// Leaves out the secret.
impl fmt::Debug for UpstreamProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamProvider").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub(super) enum Kind {
    OpenId(Provider),
    GitHub(GitHub),
}

/// Why the variable `providers` cannot be used. An entry may contain secrets, so the text has only its number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("providers: {0}")]
pub struct ProvidersError(String);

/// An entry of the variable. `serde` refuses members that occur twice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    label: Option<String>,
    #[serde(rename = "type", default)]
    kind: EntryKind,
    issuer: Option<String>,
    url: Option<String>,
    client_id: String,
    client_secret: Option<String>,
    scopes: Option<Vec<String>>,
    #[serde(default)]
    claims: ClaimNames,
    #[serde(default)]
    allowed_domains: Vec<String>,
    #[serde(default)]
    allowed_organizations: Vec<String>,
    sign_up: Option<EntrySignUp>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EntryKind {
    #[default]
    Openid,
    Github,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EntrySignUp {
    Open,
    Closed,
}

/// What people call a provider whose entry has no label: known ones as they spell their names, others with a capital
/// letter at the beginning of each word.
fn default_label(name: &str) -> String {
    const KNOWN: [(&str, &str); 6] = [
        ("auth0", "Auth0"),
        ("entra", "Microsoft Entra"),
        ("github", "GitHub"),
        ("gitlab", "GitLab"),
        ("linkedin", "LinkedIn"),
        ("onelogin", "OneLogin"),
    ];
    if let Some((_, label)) = KNOWN.iter().find(|(known, _)| *known == name) {
        return (*label).to_owned();
    }
    let words = name.split('-').filter(|word| !word.is_empty()).map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    });
    let label = words.collect::<Vec<_>>().join(" ");
    if label.is_empty() { name.to_owned() } else { label }
}

impl UpstreamProvider {
    /// Reads the variable `providers` of a server at `public_url`: a JSON array. Empty for none.
    pub fn parse_all(text: &str, public_url: &PublicUrl) -> Result<Vec<Self>, ProvidersError> {
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let entries: Vec<Box<RawValue>> = serde_json::from_str(text)
            .map_err(|_| ProvidersError("it must be a JSON array of objects".to_owned()))?;
        if entries.len() > MAX_PROVIDERS {
            return Err(ProvidersError(format!("there may be {MAX_PROVIDERS} at most")));
        }
        let mut providers: Vec<Self> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let wrong =
                |problem: &str| ProvidersError(format!("entry {}: {problem}", index.saturating_add(1)));
            let provider = Self::parse(entry.get(), public_url).map_err(wrong)?;
            if providers.iter().any(|known| known.name == provider.name) {
                return Err(wrong("another entry has the same name"));
            }
            providers.push(provider);
        }
        Ok(providers)
    }

    fn parse(text: &str, public_url: &PublicUrl) -> Result<Self, &'static str> {
        let entry: Entry = serde_json::from_str(text).map_err(|_| {
            "it must be an object with name and client_id, and else only label, type, issuer, url, client_secret, \
             scopes, claims, allowed_domains, allowed_organizations and sign_up, each once and of its type"
        })?;
        let is_name = |text: &str| {
            (1..=32).contains(&text.len())
                && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        if !is_name(&entry.name) {
            return Err("its name must be lower-case letters, digits and hyphens, 32 at most");
        }
        let is_text = |text: &String| !text.is_empty() && text.len() <= MAX_TEXT_BYTES;
        let secret = entry.client_secret.as_ref();
        if !is_text(&entry.client_id) || secret.is_some_and(|secret| !is_text(secret)) {
            return Err("its client_id or client_secret is empty or too long");
        }
        let label = entry.label.unwrap_or_else(|| default_label(&entry.name));
        if label.trim().is_empty() || label.len() > 64 || label.contains(char::is_control) {
            return Err("its label must be a short text");
        }
        let is_scope = |scope: &String| {
            !scope.is_empty()
                && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
        };
        if !entry.scopes.iter().flatten().all(is_scope) {
            return Err("its scopes must be scope tokens, each a text of its own");
        }
        let is_domain = |text: &String| {
            text.contains('.')
                && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
        };
        if !entry.allowed_domains.iter().all(is_domain) {
            return Err("its allowed_domains must be domain names in lower case");
        }
        // An explicit allow-list implies open sign-up.
        let is_restricted = !entry.allowed_domains.is_empty() || !entry.allowed_organizations.is_empty();
        let sign_up = match entry.sign_up {
            Some(sign_up) => Some(sign_up == EntrySignUp::Open),
            None => is_restricted.then_some(true),
        };
        let (kind, default_scopes) = match entry.kind {
            EntryKind::Openid => {
                if entry.url.is_some() || !entry.allowed_organizations.is_empty() {
                    return Err("url and allowed_organizations are for type github");
                }
                let settings = Settings {
                    authorization_server: entry.issuer.as_deref().unwrap_or_default(),
                    jwks_uri: "",
                    token_algorithms: ALGORITHMS,
                    token_types: TYPES,
                };
                let provider = Provider::parse(&settings, public_url).map_err(|_| {
                    "its issuer must be written exactly as its metadata writes it: https://HOST[:PORT][/PATH]"
                })?;
                (Kind::OpenId(provider), vec!["openid".to_owned(), "email".to_owned(), "profile".to_owned()])
            }
            EntryKind::Github => {
                if entry.issuer.is_some() || entry.claims != ClaimNames::default() {
                    return Err("issuer and claims are for OpenID providers");
                }
                if !entry.allowed_domains.is_empty() {
                    return Err("GitHub does not vouch for domains; use allowed_organizations");
                }
                let github = GitHub::parse(entry.url.as_deref(), entry.allowed_organizations, public_url)?;
                let scopes = github.default_scopes();
                (Kind::GitHub(github), scopes)
            }
        };
        let scopes = entry.scopes.unwrap_or(default_scopes);
        if matches!(kind, Kind::OpenId(_)) && !scopes.iter().any(|scope| scope == "openid") {
            return Err("its scopes must have openid among them");
        }
        Ok(Self {
            name: entry.name,
            label,
            kind,
            client_id: entry.client_id,
            client_secret: entry.client_secret,
            scopes,
            claims: entry.claims,
            allowed_domains: entry.allowed_domains,
            sign_up,
        })
    }

    /// Whether the operator admits this user. Organisations have been checked before.
    pub(super) fn admits(&self, person: &Person) -> bool {
        self.allowed_domains.is_empty()
            || person.domain.as_ref().is_some_and(|domain| self.allowed_domains.contains(domain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<UpstreamProvider>, ProvidersError> {
        UpstreamProvider::parse_all(text, &PublicUrl::parse("https://mcp.example.com").unwrap())
    }

    #[test]
    fn providers_are_read() {
        assert!(parse("").unwrap().is_empty());
        let providers = parse(
            r#"[{"name":"google","label":"Google","issuer":"https://accounts.google.com","client_id":"a","client_secret":"b",
                "claims":{"domain":"hd"},"allowed_domains":["example.com"]},
               {"name":"github","type":"github","client_id":"c","client_secret":"d","allowed_organizations":["Acme"]},
               {"name":"staff","issuer":"https://id.corp.internal:8443/realms/staff","client_id":"e","sign_up":"open"},
               {"name":"plain","type":"github","url":"https://github.corp.internal","client_id":"f","sign_up":"closed"}]"#,
        )
        .unwrap();
        let facts: Vec<_> = providers
            .iter()
            .map(|provider| (provider.label.as_str(), provider.scopes.join(" "), provider.sign_up))
            .collect();
        assert_eq!(
            facts,
            [
                ("Google", "openid email profile".into(), Some(true)),
                ("GitHub", "read:org".into(), Some(true)),
                ("Staff", "openid email profile".into(), Some(true)),
                ("Plain", String::new(), Some(false)),
            ]
        );
        assert!(!format!("{providers:?}").contains("\"b\""), "the secret is in no log");
    }

    /// DS-10: a mistake refuses the whole variable, and the text repeats nothing of the entry.
    #[test]
    fn mistakes_are_told_by_number() {
        let good = r#""name":"a","issuer":"https://id.example.com","client_id":"hunter2""#;
        assert!(parse(&format!("[{{{good}}}]")).is_ok());
        for bad in [
            "{}".to_owned(),
            "[1]".to_owned(),
            format!("[{{{good},\"client_secrets\":\"hunter2\"}}]"),
            format!("[{{{good},\"client_secret\":\"hunter2\",\"client_secret\":\"x\"}}]"),
            format!("[{{{good},\"client_secret\":\"\"}}]"),
            format!("[{{{good},\"scopes\":[\"hunter2\"]}}]"),
            format!("[{{{good},\"scopes\":[\"openid hunter2\"]}}]"),
            format!("[{{{good},\"allowed_organizations\":[\"hunter2\"]}}]"),
            format!("[{{{good},\"allowed_domains\":[\"Hunter2.example\"]}}]"),
            format!("[{{{good},\"type\":\"saml\"}}]"),
            format!("[{{{good}}},{{{good}}}]"),
            r#"[{"name":"A","issuer":"https://id.example.com","client_id":"hunter2"}]"#.to_owned(),
            r#"[{"name":"a","issuer":"http://id.example.com","client_id":"hunter2"}]"#.to_owned(),
            r#"[{"name":"a","issuer":"https://mcp.example.com","client_id":"hunter2"}]"#.to_owned(),
            r#"[{"name":"a","client_id":"hunter2"}]"#.to_owned(),
            r#"[{"name":"a","type":"github","client_id":"hunter2","allowed_domains":["example.com"]}]"#
                .to_owned(),
            r#"[{"name":"a","type":"github","client_id":"hunter2","allowed_organizations":["a/b"]}]"#
                .to_owned(),
            r#"[{"name":"a","type":"github","client_id":"hunter2","url":"https://github.example.com/"}]"#
                .to_owned(),
        ] {
            let error = parse(&bad).expect_err(&bad).to_string();
            assert!(error.starts_with("providers: ") && !error.contains("hunter2"), "{error}");
        }
    }
}
