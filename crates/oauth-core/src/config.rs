//! What an operator decides, and the defaults with their reasons.

use crate::approvals::{CONNECTIONS_PER_USER, MAX_CONNECTIONS_PER_USER};
use crate::client::policy::{ClientPolicy, DeniedClients};
pub use crate::lifetimes::Lifetimes;
use crate::pages::Brand;
use std::fmt::Display;
use web_core::{InitialScopes, PublicUrl};

/// The authorization server's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The server's addresses, of which one is the issuer identifier (RFC 8414 section 2).
    pub public_url: PublicUrl,
    /// How the pages present the server.
    pub brand: Brand,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// Whether a user may let a decision stand for later requests like it; see [`crate::authorize::consent`].
    pub remembers_consent: bool,
    /// How many connections a user may have; see [`crate::approvals`].
    pub connections_per_user: usize,
    /// Scopes that a client gets that asks for none, besides those that the tools declare as initial.
    pub initial_scopes: InitialScopes,
    /// Where the server is less strict than it could be.
    pub tolerances: Tolerances,
    /// Which clients there may be.
    pub clients: ClientPolicy,
}

/// A variable that cannot be used as it is. The text names the variable and never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct ConfigError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it, in words for the operator.
    pub problem: String,
}

impl ConfigError {
    /// This is wrong with this variable.
    pub fn new(variable: &'static str, problem: impl Display) -> Self {
        Self { variable, problem: problem.to_string() }
    }
}

/// Departures from the strictest reading, each for the sake of clients that exist. All are on unless
/// the variable `strict` names them; the log says when one made the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerances {
    /// Scopes that the user declined are left out when a refresh repeats them, not refused.
    pub declined_scopes: bool,
    /// A request that names no resource is for the MCP endpoint, which is all that it can mean, not refused
    /// with `invalid_target`.
    pub default_resource: bool,
    /// The authorization endpoint answers a program that asks for JSON, and not for a page, with JSON.
    pub json_answer: bool,
    /// A metadata document may have redirect URIs that are not accepted here; they are left out. It is
    /// written for every server that its client meets.
    pub document_redirect_uris: bool,
    /// A public client may send its id in the `Authorization` header with an empty secret, as RFC 6749 section
    /// 2.3.1 has it for clients with a password.
    pub empty_secret: bool,
    /// On a loopback server, a metadata document may be at a loopback address too, by plain `http`, so
    /// that a client can be developed.
    pub loopback_documents: bool,
    /// A redirect URI on `localhost` may have another port than the registered one, as those on
    /// `127.0.0.1` and `[::1]` may (RFC 8252 section 7.3 speaks of addresses only).
    pub loopback_localhost: bool,
    /// A client of type `native` may have `https` redirect URIs (RFC 8252 section 7.2 has them; OpenID
    /// Connect Registration section 2 has not).
    pub native_https: bool,
    /// A member of a registration that is `null` counts as left out.
    pub null_members: bool,
    /// Private-use schemes of well-known clients may lack the dot that RFC 8252 section 7.1 asks for.
    /// The variable `private_schemes` lists them.
    pub private_schemes: bool,
    /// The origin alone counts as a resource: clients that start from its metadata ask for it. The MCP server
    /// has the same switch.
    pub origin_audience: bool,
    /// A client that names no authentication method is a public one, not one of `client_secret_basic`
    /// (RFC 7591 section 2).
    pub public_by_default: bool,
    /// The query of a resource does not count: it is the client's own, as in the address that it was given.
    pub resource_query: bool,
    /// A resource may be spelt with upper case in scheme and host, with the scheme's own port, or with a slash
    /// at its end.
    pub resource_spelling: bool,
    /// An optional parameter whose value is `undefined` or `null` counts as left out.
    pub undefined_parameters: bool,
    /// Scopes that nothing here needs are left out, not refused.
    pub unknown_scopes: bool,
    /// A client of type `web` may have redirect URIs on a loopback host (OpenID Connect Registration
    /// section 2 has them for native clients only).
    pub web_loopback: bool,
    /// A client of type `web` may have redirect URIs with a private-use scheme (the same section).
    pub web_private_schemes: bool,
}

impl Default for Tolerances {
    fn default() -> Self {
        Self {
            declined_scopes: true,
            default_resource: true,
            json_answer: true,
            document_redirect_uris: true,
            empty_secret: true,
            loopback_documents: true,
            loopback_localhost: true,
            native_https: true,
            null_members: true,
            origin_audience: true,
            private_schemes: true,
            public_by_default: true,
            resource_query: true,
            resource_spelling: true,
            undefined_parameters: true,
            unknown_scopes: true,
            web_loopback: true,
            web_private_schemes: true,
        }
    }
}

/// Tolerances of others who read the same variable: of the MCP server, and of [`PublicUrl::strictly`].
const TOLERANCES_OF_OTHERS: [&str; 5] =
    ["any_origin", "loopback_aliases", "null_parameters", "sibling_audience", "trailing_slash"];

impl Tolerances {
    /// Reads the variable `strict`: the names of the tolerances to switch off, separated by commas.
    pub fn parse(strict: &str) -> Result<Self, ConfigError> {
        let mut tolerances = Self::default();
        for name in strict.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match tolerances.find(name) {
                Some(is_on) => *is_on = false,
                None if TOLERANCES_OF_OTHERS.contains(&name) => {}
                None => return Err(ConfigError::new("strict", "it names a tolerance that there is not")),
            }
        }
        Ok(tolerances)
    }

    fn find(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "declined_scopes" => &mut self.declined_scopes,
            "default_resource" => &mut self.default_resource,
            "json_answer" => &mut self.json_answer,
            "document_redirect_uris" => &mut self.document_redirect_uris,
            "empty_secret" => &mut self.empty_secret,
            "loopback_documents" => &mut self.loopback_documents,
            "loopback_localhost" => &mut self.loopback_localhost,
            "native_https" => &mut self.native_https,
            "null_members" => &mut self.null_members,
            "private_schemes" => &mut self.private_schemes,
            "origin_audience" => &mut self.origin_audience,
            "public_by_default" => &mut self.public_by_default,
            "resource_query" => &mut self.resource_query,
            "resource_spelling" => &mut self.resource_spelling,
            "undefined_parameters" => &mut self.undefined_parameters,
            "unknown_scopes" => &mut self.unknown_scopes,
            "web_loopback" => &mut self.web_loopback,
            "web_private_schemes" => &mut self.web_private_schemes,
            _ => return None,
        })
    }
}

/// Tells the log that a tolerance made the difference to a request.
pub fn log_tolerance(log: &dyn Fn(&str), name: &'static str) {
    log(&format!("tolerance: {name}"));
}

impl Config {
    /// The defaults, at this address.
    pub fn new(public_url: PublicUrl) -> Self {
        Self {
            brand: Brand::of(&public_url),
            public_url,
            lifetimes: Lifetimes::default(),
            remembers_consent: false,
            connections_per_user: CONNECTIONS_PER_USER,
            initial_scopes: InitialScopes::default(),
            tolerances: Tolerances::default(),
            clients: ClientPolicy::default(),
        }
    }

    /// What the variables say. `variable` gives a variable's value, empty when it is not set.
    pub fn read(public_url: PublicUrl, variable: impl Fn(&str) -> String) -> Result<Self, ConfigError> {
        let strict = variable("strict");
        Ok(Self {
            brand: Brand::read(&public_url, &variable)?,
            public_url: public_url.strictly(&strict),
            lifetimes: Lifetimes::read(&variable)?,
            remembers_consent: parse_switch("remember_consent", &variable("remember_consent"))?,
            connections_per_user: parse_connections_per_user(&variable("connections_per_user"))?,
            initial_scopes: InitialScopes::parse(&variable("initial_scopes"))
                .map_err(|error| ConfigError::new("initial_scopes", error.problem()))?,
            tolerances: Tolerances::parse(&strict)?,
            clients: ClientPolicy::read(&variable)?,
        })
    }

    /// What decides whether an access token is good: of the variables, those that `introspection` reads.
    pub fn read_for_introspection(
        public_url: PublicUrl,
        variable: impl Fn(&str) -> String,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::new(public_url);
        config.lifetimes.access_token = Lifetimes::read_access_token(&variable)?;
        config.clients.denied = DeniedClients::parse(&variable("denied_clients"))?;
        Ok(config)
    }

    /// Private-use schemes without a dot that redirect URIs may have.
    pub(crate) fn private_schemes(&self) -> &[String] {
        if self.tolerances.private_schemes { &self.clients.private_schemes } else { &[] }
    }
}

/// Reads the variable `connections_per_user`.
fn parse_connections_per_user(text: &str) -> Result<usize, ConfigError> {
    let text = text.trim();
    let number = match text {
        "" => Some(CONNECTIONS_PER_USER),
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    number.filter(|number| (1..=MAX_CONNECTIONS_PER_USER).contains(number)).ok_or_else(|| {
        let problem = format!("it must be a whole number between 1 and {MAX_CONNECTIONS_PER_USER}");
        ConfigError::new("connections_per_user", problem)
    })
}

/// Reads a variable that switches something on.
fn parse_switch(variable: &'static str, text: &str) -> Result<bool, ConfigError> {
    match text.trim() {
        "" | "off" => Ok(false),
        "on" => Ok(true),
        _ => Err(ConfigError::new(variable, "it must be on or off")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_a_user_are_bounded() {
        assert_eq!(parse_connections_per_user(""), Ok(50));
        assert_eq!(parse_connections_per_user(" 100 "), Ok(100));
        for bad in ["0", "101", "-1", "+5", "5.0", "many", "99999999999999999999999"] {
            let text = parse_connections_per_user(bad).unwrap_err().to_string();
            assert_eq!(text, "connections_per_user: it must be a whole number between 1 and 100", "{bad}");
        }
    }

    #[test]
    fn tolerances_are_switched_off_by_name() {
        assert_eq!(Tolerances::parse(""), Ok(Tolerances::default()));
        let strict = Tolerances::parse(" web_loopback, unknown_scopes,,null_parameters").unwrap();
        let expected = Tolerances { web_loopback: false, unknown_scopes: false, ..Tolerances::default() };
        assert_eq!(strict, expected);
        let error = Tolerances::parse("web_loopback,all").unwrap_err();
        assert_eq!(error.to_string(), "strict: it names a tolerance that there is not");
    }

    /// Operators find the names in SECURITY.md.
    #[test]
    fn tolerances_are_listed_for_operators() {
        let listed = include_str!("../../../SECURITY.md");
        let names = listed.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let known = names.filter(|name| Tolerances::default().find(name).is_some()).count();
        // `{:?}` has every field once.
        let fields = format!("{:?}", Tolerances::default()).matches(": ").count();
        assert_eq!(known, fields, "each has a row, and each can be switched off");
    }

    /// The defaults are in two places: here, for who uses this crate, and in the manifest.
    #[test]
    fn manifest_has_the_same_defaults() {
        let manifest = include_str!("../../../spin.toml");
        let default = |name: &str| {
            let start = format!("\n{name} = {{ default = \"");
            let (_, rest) = manifest.split_once(&start).unwrap_or(("", "\""));
            rest.split('"').next().unwrap_or_default().to_owned()
        };
        let url = PublicUrl::parse("https://mcp.example.com").unwrap();
        let read = Config::read(url.clone(), default).unwrap();
        let new = Config::new(url);
        assert_eq!((read.tolerances, read.clients), (new.tolerances, new.clients));
        assert_eq!(read.connections_per_user, new.connections_per_user);
    }

    /// A variable with a mistake in it is named, and what is in it is not.
    #[test]
    fn mistakes_name_their_variable() {
        let url = || PublicUrl::parse("https://mcp.example.com").unwrap();
        let read = |wrong: &str| {
            Config::read(url(), |name| if name == wrong { "s3cret".to_owned() } else { String::new() })
        };
        assert!(read("").is_ok());
        for variable in [
            "strict",
            "accent_color",
            "support_url",
            "remember_consent",
            "connections_per_user",
            "access_token_lifetime",
            "registration",
            "clients",
            "metadata_documents",
            "known_clients",
        ] {
            let text = read(variable).unwrap_err().to_string();
            assert!(text.starts_with(&format!("{variable}: ")) && !text.contains("s3cret"), "{text}");
        }
        let wrong = |name: &str| if name == "initial_scopes" { "s3cret,".to_owned() } else { String::new() };
        let text = Config::read(url(), wrong).unwrap_err().to_string();
        assert!(text.starts_with("initial_scopes: ") && !text.contains("s3cret"), "{text}");
    }
}
