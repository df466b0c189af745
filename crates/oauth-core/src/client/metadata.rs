//! Client metadata (RFC 7591 section 2), the same wherever it comes from: a registration, a metadata
//! document or the configuration. What the three differ in is for each of them to judge.

use super::{Method, clean_name, redirect_uri};
use crate::{
    Config,
    config::{Tolerances, log_tolerance},
    error::{ErrorCode, WireError},
    scope,
};
use serde_json::{Map, Value};

/// The most redirect URIs of a client.
const MAX_REDIRECT_URIS: usize = 10;

/// What is accepted, and where it is said that a tolerance made the difference.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    /// Where the server is less strict than it could be.
    pub(crate) tolerances: Tolerances,
    /// Private-use schemes without a dot that redirect URIs may have.
    pub(crate) private_schemes: &'a [String],
    /// The operator's log.
    pub(crate) log: &'a dyn Fn(&str),
}

impl<'a> Rules<'a> {
    /// The rules that this configuration makes.
    pub(crate) fn of(config: &'a Config, log: &'a dyn Fn(&str)) -> Self {
        Self { tolerances: config.tolerances, private_schemes: config.private_schemes(), log }
    }

    /// Whether a tolerance, which is on or off, lets something pass. If it does, that is logged.
    fn tolerate(&self, is_on: bool, name: &'static str) -> bool {
        if is_on {
            log_tolerance(self.log, name);
        }
        is_on
    }
}

/// What a client says of itself, as far as it matters here, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientMetadata {
    /// What it calls itself, cleaned for display; may be empty.
    pub(crate) name: String,
    /// At least one, none twice.
    pub(crate) redirect_uris: Vec<String>,
    /// `None` when it names no method.
    pub(crate) authentication: Option<Method>,
    /// What kind of application it says it is.
    pub(crate) application_type: Option<ApplicationType>,
    /// The scopes that it wants to be able to ask for.
    pub(crate) scopes: Option<Vec<String>>,
}

/// OpenID Connect Registration section 2, `application_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApplicationType {
    /// It runs on the user's computer.
    Native,
    /// It runs on a server.
    Web,
}

impl ApplicationType {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Web => "web",
        }
    }
}

impl ClientMetadata {
    /// Checks what a client says of itself. Members that are not known are ignored (RFC 7591 section 2).
    pub(crate) fn parse(members: &Map<String, Value>, rules: Rules<'_>) -> Result<Self, WireError> {
        let members = Members { members, rules };
        let application_type = members.application_type()?;
        let redirect_uris = members.redirect_uris(application_type)?;
        members.check_capabilities()?;
        members.check_addresses()?;
        let name = members.text("client_name", "client_name must be a string")?.map(clean_name);
        let authentication = match members.find("token_endpoint_auth_method") {
            None => None,
            Some(value) => Some(value.as_str().and_then(Method::find).ok_or(invalid(
                "token_endpoint_auth_method must be none, client_secret_basic or client_secret_post",
            ))?),
        };
        let bad_scope = "scope must be scope tokens separated by spaces";
        let scopes = members.text("scope", bad_scope)?.map(scope::parse).transpose();
        let scopes = scopes.map_err(|_| invalid(bad_scope))?;
        let name = name.unwrap_or_default();
        Ok(Self { name, redirect_uris, authentication, application_type, scopes })
    }
}

/// An error about metadata (RFC 7591 section 3.2.2).
pub(crate) fn invalid(description: &'static str) -> WireError {
    WireError::bad_request(ErrorCode::InvalidClientMetadata, description)
}

fn invalid_redirect_uri(description: &'static str) -> WireError {
    WireError::bad_request(ErrorCode::InvalidRedirectUri, description)
}

struct Members<'a> {
    members: &'a Map<String, Value>,
    rules: Rules<'a>,
}

impl Members<'_> {
    /// A member. Tolerance `null_members`: one that is `null` counts as left out.
    fn find(&self, name: &str) -> Option<&Value> {
        let value = self.members.get(name)?;
        if value.is_null() && self.rules.tolerate(self.rules.tolerances.null_members, "null_members") {
            return None;
        }
        Some(value)
    }

    fn text(&self, name: &str, problem: &'static str) -> Result<Option<&str>, WireError> {
        self.find(name).map(|value| value.as_str().ok_or(invalid(problem))).transpose()
    }

    fn application_type(&self) -> Result<Option<ApplicationType>, WireError> {
        match self.find("application_type").map(Value::as_str) {
            None => Ok(None),
            Some(Some("native")) => Ok(Some(ApplicationType::Native)),
            Some(Some("web")) => Ok(Some(ApplicationType::Web)),
            Some(_) => Err(invalid("application_type must be native or web")),
        }
    }

    /// RG-01.
    fn redirect_uris(&self, application_type: Option<ApplicationType>) -> Result<Vec<String>, WireError> {
        let Some(Value::Array(values)) = self.find("redirect_uris") else {
            return Err(invalid_redirect_uri("redirect_uris must be an array"));
        };
        if values.is_empty() || values.len() > MAX_REDIRECT_URIS {
            return Err(invalid_redirect_uri("redirect_uris must have 1 to 10 entries"));
        }
        let mut uris = Vec::new();
        for value in values {
            let uri = value.as_str().ok_or(invalid_redirect_uri("redirect_uris must be strings"))?;
            let kind = redirect_uri::check(uri, self.rules.private_schemes).map_err(|_| {
                invalid_redirect_uri(
                    "a redirect URI must be https, http on a loopback host, or an accepted private-use scheme, and plain",
                )
            })?;
            self.check_kind(kind, application_type)?;
            if !uris.iter().any(|known| known == uri) {
                uris.push(uri.to_owned());
            }
        }
        Ok(uris)
    }

    /// What OpenID Connect Registration section 2 says of redirect URIs. A client that says nothing of
    /// its type is held to neither.
    fn check_kind(
        &self,
        kind: redirect_uri::Kind,
        application_type: Option<ApplicationType>,
    ) -> Result<(), WireError> {
        use redirect_uri::Kind::{DotlessScheme, Loopback, PrivateScheme, Web};
        let tolerances = self.rules.tolerances;
        if kind == DotlessScheme {
            // Whether it is on was decided by there being such schemes at all.
            self.rules.tolerate(true, "private_schemes");
        }
        let (is_tolerated, name, problem) = match (application_type, kind) {
            (None, _)
            | (Some(ApplicationType::Web), Web)
            | (Some(ApplicationType::Native), Loopback | PrivateScheme | DotlessScheme) => return Ok(()),
            (Some(ApplicationType::Native), Web) => {
                (tolerances.native_https, "native_https", "a native client must not have https redirect URIs")
            }
            (Some(ApplicationType::Web), Loopback) => {
                (tolerances.web_loopback, "web_loopback", "a web client must not have loopback redirect URIs")
            }
            (Some(ApplicationType::Web), PrivateScheme | DotlessScheme) => (
                tolerances.web_private_schemes,
                "web_private_schemes",
                "a web client must not have redirect URIs with a private-use scheme",
            ),
        };
        if self.rules.tolerate(is_tolerated, name) { Ok(()) } else { Err(invalid_redirect_uri(problem)) }
    }

    /// RG-08: refuses clients that want what is not offered, and would find out only later.
    fn check_capabilities(&self) -> Result<(), WireError> {
        let contains = |name: &str, wanted: &str| match self.find(name) {
            None => Ok(true),
            Some(Value::Array(values)) => Ok(values.iter().any(|value| value == wanted)),
            Some(_) => Err(invalid("grant_types and response_types must be arrays")),
        };
        if !contains("grant_types", "authorization_code")? {
            return Err(invalid("grant_types must include authorization_code"));
        }
        if !contains("response_types", "code")? {
            return Err(invalid("response_types must include code"));
        }
        Ok(())
    }

    /// RG-05: never fetched, never shown, and still not accepted as anything but addresses of pages.
    fn check_addresses(&self) -> Result<(), WireError> {
        let is_web = |value: &str| value.starts_with("https://") || value.starts_with("http://");
        for (name, value) in self.members {
            let base = name.split('#').next().unwrap_or(name);
            let is_address = ["client_uri", "logo_uri", "policy_uri", "tos_uri", "jwks_uri"].contains(&base);
            let is_left_out = value.as_str() == Some("") || (is_address && self.find(name).is_none());
            if is_address && !is_left_out && !value.as_str().is_some_and(is_web) {
                return Err(invalid("an address in the metadata is not a web address"));
            }
        }
        Ok(())
    }
}
