//! Client metadata (RFC 7591 section 2), the same wherever it comes from: a registration, a metadata
//! document or the configuration. What the three differ in is for each of them to judge.

use super::{ClientKeys, Method, clean_name, json, redirect_uri};
use crate::{
    Config,
    config::{Tolerances, log_tolerance},
    error::{ErrorCode, WireError},
    scope,
};
use jwt_core::KeySet;
use serde_json::{Map, Value};

/// The most redirect URIs that a client registers.
const MAX_REDIRECT_URIS: usize = 10;

/// What is accepted, and where it is said that a tolerance made the difference.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    /// Where the server is less strict than it could be.
    pub(crate) tolerances: Tolerances,
    /// Private-use schemes without a dot that redirect URIs may have.
    pub(crate) private_schemes: &'a [String],
    /// Whether redirect URIs that are not accepted are left out, as long as some are left. A metadata
    /// document is for every server that there is.
    pub(crate) drops_redirect_uris: bool,
    /// The operator's log.
    pub(crate) log: &'a dyn Fn(&str),
}

impl<'a> Rules<'a> {
    /// The rules that this configuration makes.
    pub(crate) fn of(config: &'a Config, log: &'a dyn Fn(&str)) -> Self {
        Self {
            tolerances: config.tolerances,
            private_schemes: config.private_schemes(),
            drops_redirect_uris: false,
            log,
        }
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
    /// Its public keys.
    pub(crate) keys: ClientKeys,
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
                "token_endpoint_auth_method must be none, client_secret_basic, client_secret_post or private_key_jwt",
            ))?),
        };
        let bad_scope = "scope must be scope tokens separated by spaces";
        let scopes = members.text("scope", bad_scope)?.map(scope::parse).transpose();
        let scopes = scopes.map_err(|_| invalid(bad_scope))?;
        let name = name.unwrap_or_default();
        let keys = members.keys()?;
        Ok(Self { name, redirect_uris, authentication, application_type, scopes, keys })
    }
}

/// An error about metadata (RFC 7591 section 3.2.2).
pub(crate) fn invalid(description: &'static str) -> WireError {
    WireError::bad_request(ErrorCode::InvalidClientMetadata, description)
}

fn invalid_redirect_uri(description: &'static str) -> WireError {
    WireError::bad_request(ErrorCode::InvalidRedirectUri, description)
}

/// The longest key set that is kept, in bytes: a handful of RSA keys.
const MAX_KEY_SET_BYTES: usize = 4096;

/// The members of a public key that matter for checking a signature (RFC 7517, RFC 7518 section 6).
const KEY_MEMBERS: [&str; 10] = ["alg", "crv", "e", "key_ops", "kid", "kty", "n", "use", "x", "y"];

/// A JWK set reduced to what is needed of it: certificates and the like are left out. `None` when it has no
/// key that can be used, one that is not public (CM-13), or too many to keep.
pub(crate) fn reduce_keys(set: &[u8]) -> Option<String> {
    KeySet::parse(set).ok()?;
    let mut set = json::object(set)?;
    let Some(Value::Array(keys)) = set.remove("keys") else { return None };
    let keys = keys.into_iter().map(|key| match key {
        Value::Object(mut members) => {
            members.retain(|name, _| KEY_MEMBERS.contains(&name.as_str()));
            Value::Object(members)
        }
        other => other,
    });
    let reduced = serde_json::json!({ "keys": keys.collect::<Vec<_>>() }).to_string();
    (reduced.len() <= MAX_KEY_SET_BYTES).then_some(reduced)
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
        // A metadata document is short; that is bound enough.
        if values.is_empty() || (values.len() > MAX_REDIRECT_URIS && !self.rules.drops_redirect_uris) {
            return Err(invalid_redirect_uri("redirect_uris must have 1 to 10 entries"));
        }
        let mut uris = Vec::new();
        for value in values {
            let uri = value.as_str().ok_or(invalid_redirect_uri("redirect_uris must be strings"))?;
            match self.check_redirect_uri(uri, application_type) {
                Ok(()) if uris.iter().any(|known| known == uri) => {}
                Ok(()) => uris.push(uri.to_owned()),
                Err(_) if self.rules.drops_redirect_uris => {
                    log_tolerance(self.rules.log, "document_redirect_uris");
                }
                Err(error) => return Err(error),
            }
        }
        if uris.is_empty() {
            return Err(invalid_redirect_uri("none of the redirect_uris is accepted"));
        }
        Ok(uris)
    }

    fn check_redirect_uri(
        &self,
        uri: &str,
        application_type: Option<ApplicationType>,
    ) -> Result<(), WireError> {
        let kind = redirect_uri::check(uri, self.rules.private_schemes).map_err(|_| {
            invalid_redirect_uri(
                "a redirect URI must be https, http on a loopback host, or an accepted private-use scheme, and plain",
            )
        })?;
        self.check_kind(kind, application_type)
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

    /// RFC 7591 section 2: by value or by reference, not both.
    fn keys(&self) -> Result<ClientKeys, WireError> {
        match (
            self.find("jwks"),
            self.text("jwks_uri", "jwks_uri must be a string")?.filter(|uri| !uri.is_empty()),
        ) {
            (None, None) => Ok(ClientKeys::None),
            (None, Some(uri)) => Ok(ClientKeys::At(uri.to_owned())),
            (Some(set), None) => {
                let set = reduce_keys(set.to_string().as_bytes());
                set.map(ClientKeys::Set)
                    .ok_or(invalid("jwks must be a set of public keys that can be used here"))
            }
            (Some(_), Some(_)) => Err(invalid("jwks and jwks_uri exclude each other")),
        }
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
