//! Consent: the user sees who asks for what, and decides.

use super::{find_session, request::AuthorizationRequest, response::ValidatedRedirect};
use crate::{
    AuthorizationServer,
    browser::{self, BrowserSession},
    client::{
        Client, Source,
        approval::ApprovedClient,
        redirect_uri::{self, Destination},
    },
    credential::{Credential, Kind, ScopeSet},
    error::ErrorCode,
    grants::{self, Approval},
    page_error::PageError,
    pages::{self, ClientIdentity, ConsentPage, ConsentScope},
    ports::{Catalog, Identity, Offer},
    records::{Grant, GrantId, GrantState},
    routes, transaction,
};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use store_core::{Purpose, Random, Store, seal};
use web_core::{Form, Head, ReadBody, Reply};

/// The longest decision, in bytes.
const MAX_BODY_BYTES: usize = transaction::MAX_CHARACTERS + 8 * 1024;

/// What a consent page hands back: everything that was checked, and who saw it.
#[derive(Serialize, Deserialize)]
struct ConsentStep {
    /// Makes this page one approval, however often it is posted.
    id: String,
    /// The sign-in under which the page was shown.
    session_id: String,
    client_id: String,
    client_name: String,
    /// What is approved of the client, if that is elsewhere.
    client: Option<ApprovedClient>,
    redirect: ValidatedRedirect,
    code_challenge: String,
    scopes: Vec<String>,
    unknown_scopes: Vec<String>,
    audience: Vec<String>,
    /// The authorization request, to begin again as somebody else.
    query: String,
}

impl transaction::Step for ConsentStep {
    const NAME: &'static str = "consent";
}

/// Shows the page. Nothing is stored.
pub(super) fn show<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    request: &AuthorizationRequest,
    session: &BrowserSession,
    offer: &Offer,
    query: &str,
) -> Reply {
    let step = ConsentStep {
        id: browser::new_id(server.records.random),
        session_id: session.id.clone(),
        client_id: request.client.id.clone(),
        client_name: request.client.name.clone(),
        client: request.client.to_approve(),
        redirect: request.redirect.clone(),
        code_challenge: request.code_challenge.clone(),
        scopes: request.scopes.clone(),
        unknown_scopes: request.unknown_scopes.clone(),
        audience: request.audience.clone(),
        query: query.to_owned(),
    };
    let page = ConsentPage {
        transaction: server.seal_transaction(&step),
        identity: client_identity(&request.client),
        client_name: step.client_name,
        host: pages::host_of(&server.config.public_url),
        destination: pages::Destination::from(redirect_uri::destination(step.redirect.uri())),
        user: session.display_name.clone(),
        scopes: consent_scopes(&step.scopes, offer),
        open_tools: offer
            .tools
            .iter()
            .filter(|tool| tool.scopes.is_empty())
            .map(|tool| tool.title.clone())
            .collect(),
        action: routes::CONSENT,
    };
    pages::reply(StatusCode::OK, &page, &form_action(step.redirect.uri()))
}

/// Who says what is on the page of the client.
fn client_identity(client: &Client) -> ClientIdentity {
    match &client.source {
        Source::Configured { .. } => ClientIdentity::Configured,
        Source::MetadataDocument { host } => {
            let is_loopback =
                |uri: &String| matches!(redirect_uri::destination(uri), Destination::ThisComputer(_));
            let anybodys = client.redirect_uris.iter().all(is_loopback);
            ClientIdentity::Published { host: host.clone(), anybodys }
        }
        Source::Registered => ClientIdentity::Registered,
    }
}

/// The scopes, each with the tools that it takes part in unlocking.
fn consent_scopes(scopes: &[String], offer: &Offer) -> Vec<ConsentScope> {
    let offered = offer.scopes.iter().filter(|scope| scopes.contains(&scope.name));
    offered
        .map(|scope| ConsentScope {
            name: scope.name.clone(),
            description: scope.description.clone(),
            tools: offer
                .tools
                .iter()
                .filter(|tool| tool.scopes.contains(&scope.name))
                .map(|tool| tool.title.clone())
                .collect(),
        })
        .collect()
}

/// Where the answer to the form may lead, for the content security policy. Some browsers hold all of a
/// form's redirects to it, also those that the client's site adds, so it says how and not where: the
/// address itself was checked.
fn form_action(uri: &str) -> String {
    match redirect_uri::destination(uri) {
        Destination::Host(_) => " https:".to_owned(),
        Destination::ThisComputer(_) => " http: https:".to_owned(),
        Destination::App(scheme) => format!(" {scheme}:"),
    }
}

/// Answers a request to `/consent`.
pub async fn serve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<Reply, PageError> {
    if head.method != Method::POST {
        return Ok(Reply::method_not_allowed("POST"));
    }
    let public_url = &server.config.public_url;
    if !browser::is_same_origin(head, public_url) {
        return Err(PageError::ForeignForm);
    }
    let form = Form::parse(&body.read(MAX_BODY_BYTES).await?).map_err(|_| PageError::Malformed)?;
    let sealed = form.single("transaction").map_err(|_| PageError::Malformed)?.unwrap_or_default();
    let step: ConsentStep =
        transaction::open(sealed, server.records.keys, server.now).ok_or(PageError::StalePage)?;
    let session = find_session(server, head).await?.ok_or(PageError::OtherBrowser)?;
    // AZ-25, BR-13: whoever decides is who saw the page.
    if session.id != step.session_id {
        return Err(PageError::OtherBrowser);
    }
    // It may have been switched off while the page was open.
    if server.clients().is_denied(&step.client_id) {
        return Err(PageError::DeniedClient);
    }
    let denied = |description| step.redirect.error(ErrorCode::AccessDenied, description).reply(public_url);
    match form.single("decision").map_err(|_| PageError::Malformed)? {
        Some("approve") => {
            // AZ-29: of what was on the page, what is still ticked.
            let ticked: Vec<&str> = form.all("scope").collect();
            let scopes: Vec<String> =
                step.scopes.iter().filter(|scope| ticked.contains(&scope.as_str())).cloned().collect();
            if scopes.is_empty() && !step.scopes.is_empty() {
                return Ok(denied("the user granted none of the scopes"));
            }
            approve(server, &step, &session, scopes).await
        }
        Some("deny") => Ok(denied("the user denied the request")),
        Some("switch") => Ok(Reply::see_other(&format!("{}?{}", routes::AUTHORIZE, step.query))
            .with_cookie(&browser::sign_out_cookie(public_url))),
        _ => Err(PageError::Malformed),
    }
}

async fn approve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    step: &ConsentStep,
    session: &BrowserSession,
    scopes: Vec<String>,
) -> Result<Reply, PageError> {
    let (lifetimes, now) = (&server.config.lifetimes, server.now);
    let client = server.clients().approve(&step.client_id, step.client.clone(), server.network).await?;
    let code_expires_at = now.saturating_add(lifetimes.authorization_code.as_secs());
    let not_ticked = step.scopes.iter().filter(|scope| !scopes.contains(scope));
    let grant = Grant {
        subject: session.subject.clone(),
        user_epoch: session.user_epoch,
        client_id: step.client_id.clone(),
        client,
        client_name: step.client_name.clone(),
        redirect_uri: step.redirect.uri().to_owned(),
        declined_scopes: not_ticked.chain(&step.unknown_scopes).cloned().collect(),
        scopes,
        audience: step.audience.clone(),
        code_challenge: step.code_challenge.clone(),
        approved_at: now,
        expires_at: now.saturating_add(lifetimes.grant.as_secs()),
        state: GrantState::Issued { code_expires_at },
    };
    let id = grant_id(server, step);
    let code_expires_at = match grants::approve(&server.records, id, &grant, now).await? {
        Approval::Made => code_expires_at,
        // AZ-28: a double click gets the same answer; an old page, or another decision, does not.
        Approval::MadeBefore(made) => match made.state {
            GrantState::Issued { code_expires_at }
                if made.scopes == grant.scopes && now < code_expires_at =>
            {
                code_expires_at
            }
            _ => return Err(PageError::StalePage),
        },
    };
    let code = Credential {
        kind: Kind::AuthorizationCode,
        grant: id,
        generation: 0,
        expires_at: code_expires_at,
        scopes: ScopeSet::ALL,
    };
    let code = code.issue(server.records.keys);
    Ok(step.redirect.reply_with_code(&code, &server.config.public_url))
}

/// The grant's id, from the page that approves it: unguessable without our key.
fn grant_id<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    step: &ConsentStep,
) -> GrantId {
    let keys = server.records.keys;
    let message = seal::from_text(&step.id).unwrap_or_default();
    let mac = keys.authenticate(keys.newest_id(), Purpose::GrantId, &message).unwrap_or_default();
    let mut id = [0; 16];
    id.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
    GrantId(id)
}
