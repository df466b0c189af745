//! Which clients there may be: what the operator decides.

use super::{Client, configured, redirect_uri};
use crate::config::ConfigError;
use std::borrow::Cow;

/// The operator's decisions about clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPolicy {
    /// Whether clients may register themselves (variable `registration`).
    pub registration: bool,
    /// Whether a client's id may be the address of a metadata document (variable `metadata_documents`).
    pub metadata_documents: MetadataDocuments,
    /// Clients that are switched off (variable `denied_clients`).
    pub denied: DeniedClients,
    /// Private-use schemes without a dot that redirect URIs may have (variable `private_schemes`).
    pub private_schemes: Vec<String>,
    /// Clients that the operator registered (variable `clients`).
    pub configured: Vec<Client>,
    /// Where known clients have people sent (variable `known_clients`).
    pub known: KnownClients,
}

/// Well-known clients have private-use schemes without a dot: Claude, Cursor, Grok, VS Code, Warp and Windsurf.
const PRIVATE_SCHEMES: &str = "claude,cursor,grokbot,vscode,vscode-insiders,warp,windsurf";

impl Default for ClientPolicy {
    fn default() -> Self {
        Self {
            registration: true,
            metadata_documents: MetadataDocuments::default(),
            denied: DeniedClients::default(),
            private_schemes: PRIVATE_SCHEMES.split(',').map(str::to_owned).collect(),
            configured: Vec::new(),
            known: KnownClients::default(),
        }
    }
}

impl ClientPolicy {
    /// What the variables say. `variable` gives a variable's value, empty when it is not set: then there
    /// are no private-use schemes, no denied clients and no configured ones.
    pub fn read(variable: impl Fn(&str) -> String) -> Result<Self, ConfigError> {
        let private_schemes = private_schemes(&variable("private_schemes"))?;
        Ok(Self {
            registration: switch("registration", &variable("registration"), ["open", "closed"])?,
            metadata_documents: MetadataDocuments::parse(&variable("metadata_documents"))?,
            denied: DeniedClients::parse(&variable("denied_clients"))?,
            configured: configured::parse(&variable("clients"), &private_schemes)?,
            private_schemes,
            known: KnownClients::parse(&variable("known_clients"))?,
        })
    }
}

/// Addresses that belong to known clients: an application that registered itself and has people sent to one of them
/// is nothing unusual, and the consent page says so. An address proves no name; [`crate::look_alike`] judges names.
///
/// An entry is a host, which stands for itself alone, or a private-use scheme with its colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownClients(Cow<'static, str>);

/// ChatGPT, Claude, Cursor, Grok, VS Code, Warp and Windsurf.
const KNOWN_CLIENTS: &str = "chatgpt.com,claude.ai,claude.com,www.cursor.com,vscode.dev,insiders.vscode.dev,claude:,\
                             cursor:,grokbot:,vscode:,vscode-insiders:,warp:,windsurf:";

impl Default for KnownClients {
    fn default() -> Self {
        Self(KNOWN_CLIENTS.into())
    }
}

impl KnownClients {
    /// Reads the variable `known_clients`: hosts and schemes, separated by commas. When it is empty, none is known.
    pub fn parse(list: &str) -> Result<Self, ConfigError> {
        // Every request of the server comes here, so the default is compared and not judged.
        if list == KNOWN_CLIENTS {
            return Ok(Self::default());
        }
        let is_word = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'+'))
        };
        let is_good = |entry: &str| match entry.strip_suffix(':') {
            Some(scheme) => is_word(scheme) && !matches!(scheme, "http" | "https"),
            None => is_word(entry) && entry.contains('.') && !entry.contains('+'),
        };
        let known = Self(list.to_owned().into());
        if known.entries().all(is_good) {
            return Ok(known);
        }
        let problem = "it must list hosts, and private-use schemes with their colon, in lower case and separated by \
                       commas";
        Err(ConfigError::new("known_clients", problem))
    }

    fn entries(&self) -> impl Iterator<Item = &str> {
        self.0.split(',').map(str::trim).filter(|entry| !entry.is_empty())
    }

    /// Whether the address that people are sent to is one of these.
    pub fn contains(&self, destination: redirect_uri::Destination<'_>) -> bool {
        use redirect_uri::Destination;
        self.entries().any(|entry| match destination {
            Destination::Host(host) => entry == host,
            Destination::App(scheme) => entry.strip_suffix(':') == Some(scheme),
            Destination::ThisComputer(_) => false,
        })
    }
}

/// Whether client id metadata documents are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MetadataDocuments {
    /// If nothing can be reached by them that should not be: the host blocks private networks (OP-05), or
    /// this is a developer's own machine.
    #[default]
    Auto,
    /// Yes. The operator has seen to it that private networks are out of reach.
    On,
    /// No.
    Off,
}

impl MetadataDocuments {
    /// Reads the variable `metadata_documents`.
    pub fn parse(value: &str) -> Result<Self, ConfigError> {
        match value.trim() {
            "" | "auto" => Ok(Self::Auto),
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err(ConfigError::new("metadata_documents", "it must be auto, on or off")),
        }
    }
}

/// A variable that is one of two words: the first, which is the default, or the second.
fn switch(variable: &'static str, value: &str, [on, off]: [&str; 2]) -> Result<bool, ConfigError> {
    match value.trim() {
        "" => Ok(true),
        value if value == on => Ok(true),
        value if value == off => Ok(false),
        _ => Err(ConfigError::new(variable, format_args!("it must be {on} or {off}"))),
    }
}

fn private_schemes(list: &str) -> Result<Vec<String>, ConfigError> {
    let schemes = list.split(',').map(str::trim).filter(|scheme| !scheme.is_empty());
    let schemes: Vec<String> = schemes.map(str::to_owned).collect();
    // Every request of the server comes here, so the default is compared and not judged.
    if list == PRIVATE_SCHEMES || schemes.iter().all(|scheme| redirect_uri::may_be_private_scheme(scheme)) {
        return Ok(schemes);
    }
    let problem = "it must list schemes without a dot or colon, in lower case, separated by commas, and none that \
                   runs scripts, reads files or belongs to the platform";
    Err(ConfigError::new("private_schemes", problem))
}

/// Clients that are switched off: they get no codes and no tokens, and the tokens that they have are not
/// good any more.
///
/// An entry is a client id, or a host: then it stands for every client whose id is a URL there or on one
/// of its subdomains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeniedClients(Vec<String>);

impl DeniedClients {
    /// Reads the variable `denied_clients`: ids and hosts, separated by white space. Ids may have commas.
    pub fn parse(list: &str) -> Result<Self, ConfigError> {
        let entries: Vec<String> = list.split_whitespace().map(str::to_owned).collect();
        // Ids and hosts are ASCII here; one that is not would deny nobody.
        if entries.iter().all(|entry| entry.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Ok(Self(entries));
        }
        let problem = "it must list client ids and hosts in ASCII (hosts with xn-- where they have it), separated \
                       by spaces";
        Err(ConfigError::new("denied_clients", problem))
    }

    /// Whether this client is switched off.
    pub fn contains(&self, client_id: &str) -> bool {
        let host = client_id.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#', ':']).next());
        self.0
            .iter()
            .any(|entry| entry == client_id || host.is_some_and(|host| is_same_or_subdomain(host, entry)))
    }
}

fn is_same_or_subdomain(host: &str, domain: &str) -> bool {
    let (host, domain) = (host.to_ascii_lowercase(), domain.to_ascii_lowercase());
    host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CM-24: hosts are compared in their ASCII form, whole labels at a time.
    #[test]
    fn clients_are_denied_by_id_and_by_host() {
        let denied = DeniedClients::parse("postern_cl_x  https://a.example/client\nEvil.example").unwrap();
        for id in [
            "postern_cl_x",
            "https://a.example/client",
            "https://evil.example/client",
            "https://www.evil.example:8443/x",
            "https://EVIL.example/",
        ] {
            assert!(denied.contains(id), "{id}");
        }
        for id in [
            "postern_cl_xx",
            "https://a.example/client2",
            "https://notevil.example/client",
            "https://evil.example.org/client",
            "evil.example.org",
            "",
        ] {
            assert!(!denied.contains(id), "{id}");
        }
        assert!(DeniedClients::parse("bücher.example").is_err());
        assert!(!DeniedClients::default().contains(""));
    }

    #[test]
    fn variables_are_read() {
        let read = |name: &'static str, value: &'static str| {
            ClientPolicy::read(|asked| if asked == name { value.into() } else { String::new() })
        };
        assert!(read("registration", "").unwrap().registration);
        assert!(!read("registration", "closed").unwrap().registration);
        assert_eq!(read("private_schemes", "zed, x-y").unwrap().private_schemes, ["zed", "x-y"]);
        assert!(read("private_schemes", "").unwrap().private_schemes.is_empty());
        let known = read("known_clients", "app.example, zed:").unwrap().known;
        let knows = |uri: &str| known.contains(redirect_uri::destination(uri));
        for uri in ["https://app.example/cb", "zed://x"] {
            assert!(knows(uri), "{uri}");
        }
        for uri in [
            "https://www.app.example/",
            "https://app.example:8443/",
            "http://localhost:1/",
            "zeds://x",
            "https://claude.ai/",
        ] {
            assert!(!knows(uri), "{uri}");
        }
        for (name, value) in [
            ("registration", "off"),
            ("private_schemes", "zed javascript"),
            ("private_schemes", "javascript"),
            ("private_schemes", "cursor:"),
            ("known_clients", "https://app.example"),
            ("known_clients", "App.example"),
            ("known_clients", "https:"),
            ("known_clients", "zed"),
        ] {
            let error = read(name, value).unwrap_err();
            assert_eq!(error.variable, name);
            assert!(!error.to_string().contains(value), "{error}");
        }
    }
}
