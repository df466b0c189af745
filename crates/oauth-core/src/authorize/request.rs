//! The authorization request (RFC 6749 section 4.1.1, OAuth 2.1), in ordered checks.
//!
//! Until client and redirect URI are known to be good, errors are shown here; after that they are for the
//! client, to which the browser is sent where that is safe (`refusal`). The types keep the two apart: a [`RedirectError`] can only be made from a
//! [`ValidatedRedirect`], and only the redirect URI check makes one.

use super::{
    interaction::Interaction,
    response::{RedirectError, ValidatedRedirect},
};
use crate::{
    Config,
    client::{
        Client, Clients,
        redirect_uri::{self, Kind, Match},
    },
    config::log_tolerance,
    error::ErrorCode,
    page_error::PageError,
    pkce,
    ports::{Network, Offer},
    resource, scope,
    stale_client::Application,
};
use store_core::{Random, Store};
use web_core::Form;

/// The longest `state` that is carried, in bytes.
const MAX_STATE_BYTES: usize = 4096;

/// The longest `scope` that is read, in bytes.
const MAX_SCOPE_BYTES: usize = 2048;

/// Parameters that a client may leave out, and that may say `undefined` when it has none. Not `state`,
/// which goes back as it came.
const OPTIONAL: [&str; 6] = ["login_hint", "max_age", "prompt", "resource", "response_mode", "scope"];

/// A request in which everything has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: Client,
    /// Where the answer goes.
    pub redirect: ValidatedRedirect,
    /// The PKCE challenge, method S256.
    pub code_challenge: String,
    /// What to offer the user, of what the client asked for.
    pub scopes: Vec<String>,
    /// What the client asked for that is not offered to the user: nothing here needs it.
    pub unknown_scopes: Vec<String>,
    /// The resources that the tokens will be for.
    pub audience: Vec<String>,
    /// Who the client hopes to see. Unverified.
    pub login_hint: Option<String>,
    /// What the client wants the user to be asked.
    pub interaction: Interaction,
}

/// Why a request is refused, by where the error goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Shown here.
    Page(PageError),
    /// An error for this client.
    Redirect(RedirectError, Box<Client>),
}

impl From<PageError> for Refusal {
    fn from(error: PageError) -> Self {
        Self::Page(error)
    }
}

impl AuthorizationRequest {
    /// Checks a request, given as the query or the posted form.
    pub async fn parse<S: Store, R: Random>(
        query: &str,
        offer: &Offer,
        clients: &Clients<'_, S, R>,
        network: &dyn Network,
    ) -> Result<Self, Refusal> {
        let Clients { config, log, .. } = *clients;
        let mut form = Form::parse(query.as_bytes()).map_err(|_| PageError::Malformed)?;
        if config.tolerances.undefined_parameters && form.forget_undefined(&OPTIONAL) {
            log_tolerance(log, "undefined_parameters");
        }
        let client = check_client(&form, query, clients, network).await?;
        let redirect = check_redirect_uri(&form, query, &client, clients)?;
        let checked = match check_rest(&form, offer, config, log) {
            Ok(checked) => checked,
            Err((code, description)) => {
                return Err(Refusal::Redirect(redirect.error(code, description), Box::new(client)));
            }
        };
        let Checked { code_challenge, audience, requested, scopes, interaction } = checked;
        let unknown_scopes = requested.into_iter().filter(|scope| !scopes.contains(scope)).collect();
        let login_hint = form.single("login_hint").ok().flatten().map(str::to_owned);
        Ok(Self {
            client,
            redirect,
            code_challenge,
            scopes,
            unknown_scopes,
            audience,
            login_hint,
            interaction,
        })
    }
}

/// What a check that comes after the redirect URI's has to say.
type Check<T> = Result<T, (ErrorCode, &'static str)>;

/// What those checks found.
struct Checked {
    code_challenge: String,
    audience: Vec<String>,
    requested: Vec<String>,
    scopes: Vec<String>,
    interaction: Interaction,
}

/// Everything that is checked once there is somewhere to send the answer, in this order.
fn check_rest(form: &Form, offer: &Offer, config: &Config, log: &dyn Fn(&str)) -> Check<Checked> {
    check_parameters(form)?;
    check_response_type(form)?;
    let code_challenge = check_pkce(form)?;
    let audience = check_resource(form, config, log)?;
    let requested = check_scope(form)?;
    let offered = offer.scopes.iter().map(|scope| scope.name.as_str());
    if !config.initial_scopes.unknown(offered).is_empty() {
        log("the variable initial_scopes names a scope that no tool declares");
    }
    let scopes = scope::narrow(&requested, offer, config, log);
    Ok(Checked {
        code_challenge,
        audience,
        requested,
        scopes: scopes.map_err(|_| (ErrorCode::InvalidScope, "scope has a value that is not known here"))?,
        interaction: Interaction::parse(form)?,
    })
}

/// AZ-01.
async fn check_client<S: Store, R: Random>(
    form: &Form,
    query: &str,
    clients: &Clients<'_, S, R>,
    network: &dyn Network,
) -> Result<Client, PageError> {
    let client_id = form.single("client_id").map_err(|_| PageError::Malformed)?;
    match clients.find(client_id.ok_or(PageError::MissingClient)?, network).await {
        Err(PageError::UnknownClient(_)) => Err(PageError::UnknownClient(Application::guess(query))),
        found => found,
    }
}

/// RFC 6749 section 3.1.2.3. Before everything else, so that no error goes to an address that has not
/// been checked (RFC 9700 section 4.11.2).
fn check_redirect_uri<S, R>(
    form: &Form,
    query: &str,
    client: &Client,
    clients: &Clients<'_, S, R>,
) -> Result<ValidatedRedirect, PageError> {
    let requested = form.single("redirect_uri").map_err(|_| PageError::Malformed)?;
    let uri = match (requested, client.redirect_uris.as_slice()) {
        (Some(requested), registered) => {
            if !is_registered(registered, requested, clients) {
                return Err(PageError::UnregisteredRedirectUri(Application::guess(query)));
            }
            requested
        }
        // Section 3.1.2.3: it may be left out when there is nothing to choose from.
        (None, [only]) => only,
        (None, _) => return Err(PageError::MissingRedirectUri),
    };
    // A repeated `state` cannot be sent back; that it is repeated is said without it.
    let state = form.single("state").ok().flatten().filter(|state| state.len() <= MAX_STATE_BYTES);
    Ok(ValidatedRedirect::new(uri, state))
}

/// AZ-02 to AZ-08.
fn is_registered<S, R>(registered: &[String], requested: &str, clients: &Clients<'_, S, R>) -> bool {
    let is_localhost_tolerated = clients.config.tolerances.loopback_localhost;
    let matches = registered.iter().filter_map(|uri| redirect_uri::matches(uri, requested));
    let is_good = |found: &Match| *found != Match::OtherPortOfLocalhost || is_localhost_tolerated;
    let matches: Vec<Match> = matches.filter(is_good).collect();
    // What matches is not always what was checked at registration: a port may differ.
    let kind = redirect_uri::check(requested, clients.config.private_schemes());
    let (false, Ok(kind)) = (matches.is_empty(), kind) else { return false };
    if matches.iter().all(|found| *found == Match::OtherPortOfLocalhost) {
        log_tolerance(clients.log, "loopback_localhost");
    }
    if kind == Kind::DotlessScheme {
        log_tolerance(clients.log, "private_schemes");
    }
    true
}

/// AZ-15, AZ-17, AZ-21.
fn check_parameters(form: &Form) -> Check<()> {
    if form.has_repeats_except(&["resource"]) {
        return Err((ErrorCode::InvalidRequest, "a parameter is repeated"));
    }
    if form.single("state").ok().flatten().is_some_and(|state| state.len() > MAX_STATE_BYTES) {
        return Err((ErrorCode::InvalidRequest, "state is too long"));
    }
    if form.contains("request") {
        return Err((ErrorCode::RequestNotSupported, "request objects are not supported"));
    }
    if form.contains("request_uri") {
        return Err((ErrorCode::RequestUriNotSupported, "request objects are not supported"));
    }
    Ok(())
}

/// AZ-10.
fn check_response_type(form: &Form) -> Check<()> {
    match form.single("response_type").ok().flatten() {
        None => return Err((ErrorCode::InvalidRequest, "response_type is missing")),
        Some("code") => {}
        Some(_) => return Err((ErrorCode::UnsupportedResponseType, "response_type must be code")),
    }
    match form.single("response_mode").ok().flatten() {
        None | Some("query") => Ok(()),
        Some(_) => Err((ErrorCode::InvalidRequest, "response_mode must be query")),
    }
}

/// AZ-12, AZ-13, AZ-14; for every client, public or not (OAuth 2.1 section 4.1.1).
fn check_pkce(form: &Form) -> Check<String> {
    let challenge = form.single("code_challenge").ok().flatten();
    let challenge = challenge.ok_or((ErrorCode::InvalidRequest, "code_challenge is missing"))?;
    // RFC 7636 section 4.3: without a method it would be `plain`.
    if form.single("code_challenge_method").ok().flatten() != Some(pkce::METHOD) {
        return Err((ErrorCode::InvalidRequest, "code_challenge_method must be S256"));
    }
    if !pkce::is_challenge(challenge) {
        return Err((ErrorCode::InvalidRequest, "code_challenge is not one of S256"));
    }
    Ok(challenge.to_owned())
}

/// AZ-18, AZ-19.
fn check_resource(form: &Form, config: &Config, log: &dyn Fn(&str)) -> Check<Vec<String>> {
    resource::audience(form.all("resource"), config, log)
        .map_err(|_| (ErrorCode::InvalidTarget, "the resource is not served here"))
}

/// AZ-20.
fn check_scope(form: &Form) -> Check<Vec<String>> {
    let parameter = form.single("scope").ok().flatten().unwrap_or_default();
    if parameter.len() > MAX_SCOPE_BYTES {
        return Err((ErrorCode::InvalidScope, "scope is too long"));
    }
    scope::parse(parameter).map_err(|_| (ErrorCode::InvalidScope, "scope is malformed"))
}
