//! Client metadata (RFC 7591 section 2), the same wherever it comes from: a registration, a metadata
//! document or the configuration. What the three differ in is for each of them to judge.

use super::{ClientKeys, Method, clean_name, json, redirect_uri};
use crate::{
    Config,
    config::{Tolerances, log_tolerance},
    error::{ErrorCode, WireError},
    scope,
};
use http::StatusCode;
use jwt_core::KeySet;
use redirect_uri::RedirectUriError;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The most redirect URIs that a client registers.
const MAX_REDIRECT_URIS: usize = 32;

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
    /// Whether a client that names no authentication method and has keys is one that signs.
    pub(crate) keys_imply_method: bool,
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
            keys_imply_method: false,
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
    /// Checks what a client says of itself. Members that are not known are ignored (RFC 7591 section 2), and so
    /// are those that nothing here uses: what is only for display is no reason to refuse a client, nor are keys
    /// that it does not sign with. What cannot be used of these is dropped.
    pub(crate) fn parse(members: &Map<String, Value>, rules: Rules<'_>) -> Result<Self, MetadataError> {
        let members = Members { members, rules };
        let application_type = members.application_type()?;
        let redirect_uris = members.redirect_uris(application_type)?;
        members.check_capabilities()?;
        let name = match members.find("client_name") {
            // Without the tolerance `null_members`.
            Some(Value::Null) => return Err(MetadataError::new("client_name must be a string")),
            name => name.and_then(Value::as_str).map(clean_name).unwrap_or_default(),
        };
        let authentication = match members.find("token_endpoint_auth_method") {
            None => None,
            Some(value) => Some(value.as_str().and_then(Method::find).ok_or(MetadataError::new(
                "token_endpoint_auth_method must be none, client_secret_basic, client_secret_post or private_key_jwt",
            ))?),
        };
        let bad_scope = "scope must be scope tokens separated by spaces";
        let scopes = match members.find("scope") {
            None => None,
            Some(value) => {
                let scopes = value.as_str().and_then(|scope| scope::parse(scope).ok());
                Some(scopes.ok_or(MetadataError::new(bad_scope))?)
            }
        };
        let keys = match authentication {
            Some(Method::PrivateKeyJwt) => members.keys()?,
            // Its keys say how it means to authenticate.
            None if rules.keys_imply_method => members.keys()?,
            Some(_) | None => ClientKeys::None,
        };
        Ok(Self { name, redirect_uris, authentication, application_type, scopes, keys })
    }
}

/// Why metadata is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetadataError {
    /// What the client is told (RFC 7591 section 3.2.2). Never anything that it sent.
    pub(crate) error: WireError,
    /// More for the operator's log.
    advice: Option<String>,
}

impl MetadataError {
    /// An error about a member other than the redirect URIs.
    pub(crate) fn new(description: &'static str) -> Self {
        Self { error: WireError::bad_request(ErrorCode::InvalidClientMetadata, description), advice: None }
    }

    fn redirect_uris(description: &'static str) -> Self {
        Self { error: WireError::bad_request(ErrorCode::InvalidRedirectUri, description), advice: None }
    }

    /// An error about one of the redirect URIs, which is named by its index.
    fn redirect_uri(index: usize, problem: &RedirectUriProblem) -> Self {
        let status = StatusCode::BAD_REQUEST;
        let description = Cow::Owned(format!("redirect_uris[{index}] {}", problem.rule));
        let error = WireError { status, code: ErrorCode::InvalidRedirectUri, description };
        Self { error, advice: problem.advice.clone() }
    }

    /// The cause, for the operator's log.
    pub(crate) fn for_log(&self) -> String {
        match &self.advice {
            Some(advice) => format!("{}: {advice}", self.error.for_log()),
            None => self.error.for_log(),
        }
    }
}

/// The rule that a redirect URI breaks.
struct RedirectUriProblem {
    /// In words that follow the name of the URI.
    rule: String,
    /// What the operator can do.
    advice: Option<String>,
}

impl RedirectUriProblem {
    fn new(rule: impl ToString) -> Self {
        Self { rule: rule.to_string(), advice: None }
    }
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

    fn application_type(&self) -> Result<Option<ApplicationType>, MetadataError> {
        match self.find("application_type").map(Value::as_str) {
            None => Ok(None),
            Some(Some("native")) => Ok(Some(ApplicationType::Native)),
            Some(Some("web")) => Ok(Some(ApplicationType::Web)),
            Some(_) => Err(MetadataError::new("application_type must be native or web")),
        }
    }

    /// RG-01.
    fn redirect_uris(&self, application_type: Option<ApplicationType>) -> Result<Vec<String>, MetadataError> {
        let wrong = MetadataError::redirect_uris;
        let Some(Value::Array(values)) = self.find("redirect_uris") else {
            return Err(wrong("redirect_uris must be an array"));
        };
        // A metadata document is short; that is bound enough.
        if values.is_empty() || (values.len() > MAX_REDIRECT_URIS && !self.rules.drops_redirect_uris) {
            return Err(wrong("redirect_uris must have 1 to 32 entries"));
        }
        let mut uris = Vec::new();
        let mut first_error = None;
        for (index, value) in values.iter().enumerate() {
            let not_a_string =
                || MetadataError::redirect_uri(index, &RedirectUriProblem::new("is not a string"));
            let uri = value.as_str().ok_or_else(not_a_string)?;
            match self.check_redirect_uri(uri, application_type) {
                Ok(()) if uris.iter().any(|known| known == uri) => {}
                Ok(()) => uris.push(uri.to_owned()),
                Err(problem) => {
                    let error = MetadataError::redirect_uri(index, &problem);
                    if !self.rules.drops_redirect_uris {
                        return Err(error);
                    }
                    log_tolerance(self.rules.log, "document_redirect_uris");
                    first_error.get_or_insert(error);
                }
            }
        }
        match first_error {
            Some(error) if uris.is_empty() => Err(error),
            _ => Ok(uris),
        }
    }

    fn check_redirect_uri(
        &self,
        uri: &str,
        application_type: Option<ApplicationType>,
    ) -> Result<(), RedirectUriProblem> {
        match redirect_uri::check(uri, self.rules.private_schemes) {
            Ok(kind) => self.check_kind(kind, application_type),
            Err(error @ RedirectUriError::Scheme) => {
                let is_tolerated = self.rules.tolerances.private_schemes;
                let advice = Some(redirect_uri::scheme_advice(uri, is_tolerated));
                Err(RedirectUriProblem { advice, ..RedirectUriProblem::new(error) })
            }
            Err(error) => Err(RedirectUriProblem::new(error)),
        }
    }

    /// What OpenID Connect Registration section 2 says of redirect URIs. A client that says nothing of
    /// its type is held to neither.
    fn check_kind(
        &self,
        kind: redirect_uri::Kind,
        application_type: Option<ApplicationType>,
    ) -> Result<(), RedirectUriProblem> {
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
                (tolerances.native_https, "native_https", "is https, which a native client must not have")
            }
            (Some(ApplicationType::Web), Loopback) => (
                tolerances.web_loopback,
                "web_loopback",
                "is on a loopback host, which a web client must not have",
            ),
            (Some(ApplicationType::Web), PrivateScheme | DotlessScheme) => (
                tolerances.web_private_schemes,
                "web_private_schemes",
                "has a private-use scheme, which a web client must not have",
            ),
        };
        if self.rules.tolerate(is_tolerated, name) {
            return Ok(());
        }
        let advice = Some(format!("the variable strict switches {name} off"));
        Err(RedirectUriProblem { advice, ..RedirectUriProblem::new(problem) })
    }

    /// RG-08: refuses clients that want what is not offered, and would find out only later.
    fn check_capabilities(&self) -> Result<(), MetadataError> {
        let contains = |name: &str, wanted: &str| match self.find(name) {
            None => Ok(true),
            Some(Value::Array(values)) => Ok(values.iter().any(|value| value == wanted)),
            Some(_) => Err(MetadataError::new("grant_types and response_types must be arrays")),
        };
        if !contains("grant_types", "authorization_code")? {
            return Err(MetadataError::new("grant_types must include authorization_code"));
        }
        if !contains("response_types", "code")? {
            return Err(MetadataError::new("response_types must include code"));
        }
        Ok(())
    }

    /// The keys of a client that signs. RFC 7591 section 2: by value or by reference, not both.
    fn keys(&self) -> Result<ClientKeys, MetadataError> {
        let jwks_uri = match self.find("jwks_uri") {
            None => None,
            Some(Value::String(uri)) if uri.is_empty() => None,
            Some(value) => {
                let uri = value.as_str().filter(|uri| is_web_address(uri));
                Some(uri.ok_or(MetadataError::new("jwks_uri must be a web address"))?)
            }
        };
        match (self.find("jwks"), jwks_uri) {
            (None, None) => Ok(ClientKeys::None),
            (None, Some(uri)) => Ok(ClientKeys::At(uri.to_owned())),
            (Some(set), None) => {
                let set = reduce_keys(set.to_string().as_bytes());
                set.map(ClientKeys::Set)
                    .ok_or(MetadataError::new("jwks must be a set of public keys that can be used here"))
            }
            (Some(_), Some(_)) => Err(MetadataError::new("jwks and jwks_uri exclude each other")),
        }
    }
}

/// Whether this is a URL of the web. Schemes are compared without regard to case (RFC 3986 section 3.1).
fn is_web_address(text: &str) -> bool {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
}
