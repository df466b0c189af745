//! Consent: the user sees who asks for what, and decides.
//!
//! # Remembered consent
//!
//! Where the operator offers it (variable `remember_consent`), the user may tick that a decision stands for
//! later requests like it: of the same client with the same metadata, to the same redirect URI, for the same
//! scopes and resources. It is kept in the user's record beside the grant that it made,
//! counts while that grant is live, and what it makes later ends when the first grant would have.
//!
//! It never counts for a request that a website opened (AZ-24): such a site chooses client, state and
//! challenge, and a person who was not asked cannot notice. So it is for requests that the person or a
//! program of the person's opened, and for none that asks for the decision itself (`prompt`).

use super::{
    SignedIn, find_session_of_page, page_form, refuse_to_ask, request::AuthorizationRequest,
    response::ValidatedRedirect,
};
use crate::{
    AuthorizationServer,
    browser::{self, BrowserSession},
    client::{
        Client, Source,
        approval::ApprovedClient,
        redirect_uri::{self, Destination},
    },
    credential::{Audience, Credential, Kind, ScopeSet},
    error::ErrorCode,
    grants::{self, Approval},
    look_alike,
    page_error::PageError,
    pages::{self, ClientIdentity, ConsentPage, ConsentScope},
    ports::{Catalog, Identity, Offer},
    records::{Grant, GrantId, GrantState, RememberedConsent},
    routes, sign_ins, transaction,
};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store_core::{Purpose, Random, Store, seal};
use web_core::{Head, ReadBody, Reply};

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
    /// What the client says of itself, for a decision that is remembered.
    client_digest: String,
    /// The authorization request, to begin again as somebody else.
    query: String,
}

/// The name of the checkbox that lets a decision stand.
const REMEMBER: &str = "remember";

impl transaction::Step for ConsentStep {
    const NAME: &'static str = "consent";
}

/// Shows the page, unless the user decided earlier and wants that to stand, or may not be asked. `is_own` is
/// whether the person opened the request, and no website did (see [`browser::Arrival`]).
pub(super) async fn decide<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    request: &AuthorizationRequest,
    signed_in: &SignedIn,
    offer: &Offer,
    query: String,
    is_own: bool,
) -> Result<Reply, PageError> {
    let step = ConsentStep {
        id: browser::new_id(server.records.random),
        session_id: signed_in.session.id.clone(),
        client_id: request.client.id.clone(),
        client_name: request.client.name.clone(),
        client: request.client.to_approve(),
        redirect: request.redirect.clone(),
        code_challenge: request.code_challenge.clone(),
        scopes: request.scopes.clone(),
        unknown_scopes: request.unknown_scopes.clone(),
        audience: request.audience.clone(),
        client_digest: request.client.digest(),
        query,
    };
    let mut remembered = None;
    if server.config.remembers_consent && request.interaction.allows_remembered_consent() {
        let digest = step.fingerprint(&step.scopes);
        remembered = grants::find_remembered(&server.records, &signed_in.user, &digest, server.now).await?;
    }
    match remembered {
        Some(remembered) if is_own => {
            approve(server, &step, &signed_in.session, step.scopes.clone(), Some(remembered)).await
        }
        Some(_) if request.interaction.is_forbidden => {
            Ok(refuse_to_ask(server, request, ErrorCode::InteractionRequired))
        }
        None if request.interaction.is_forbidden => {
            Ok(refuse_to_ask(server, request, ErrorCode::ConsentRequired))
        }
        _ => Ok(page(server, &step, &request.client, &signed_in.session, offer)),
    }
}

/// Shows the page. Nothing is stored.
fn page<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    step: &ConsentStep,
    client: &Client,
    session: &BrowserSession,
    offer: &Offer,
) -> Reply {
    let page = ConsentPage {
        transaction: server.seal_transaction(step),
        identity: client_identity(client),
        warnings: look_alike::warnings(client, step.redirect.uri(), &server.config.brand),
        client_name: step.client_name.clone(),
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
        can_be_remembered: server.config.remembers_consent,
        action: routes::CONSENT,
    };
    pages::reply(StatusCode::OK, &page, &server.config.brand, &form_action(step.redirect.uri()))
}

impl ConsentStep {
    /// What a decision to grant these scopes is remembered by. It is kept in a sealed record only.
    fn fingerprint(&self, scopes: &[String]) -> String {
        let facts = (&self.client_id, &self.client_digest, self.redirect.uri(), scopes, &self.audience);
        seal::to_text(&Sha256::digest(serde_json::to_vec(&facts).unwrap_or_default()))
    }
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
pub(super) fn form_action(uri: &str) -> String {
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
    let (step, form): (ConsentStep, _) = page_form::read(server, head, body).await?;
    let public_url = &server.config.public_url;
    let SignedIn { session, .. } = find_session_of_page(server, head, &step.session_id).await?;
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
            // A decision is remembered as it was taken: a request for more is asked about again.
            let is_remembered = server.config.remembers_consent && form.contains(REMEMBER);
            let remembered = is_remembered.then(|| RememberedConsent {
                digest: step.fingerprint(&scopes),
                expires_at: server.now.saturating_add(server.config.lifetimes.grant.as_secs()),
            });
            approve(server, &step, &session, scopes, remembered).await
        }
        Some("deny") => Ok(denied("the user denied the request")),
        Some("switch") => {
            let BrowserSession { id, subject, expires_at, .. } = &session;
            sign_ins::end(&server.records, subject, id, *expires_at, server.now).await?;
            Ok(Reply::see_other(&format!("{}?{}", routes::AUTHORIZE, step.query))
                .with_cookie(&browser::sign_out_cookie(public_url)))
        }
        _ => Err(PageError::Malformed),
    }
}

async fn approve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    step: &ConsentStep,
    session: &BrowserSession,
    scopes: Vec<String>,
    remembered: Option<RememberedConsent>,
) -> Result<Reply, PageError> {
    let (lifetimes, now) = (&server.config.lifetimes, server.now);
    let client = server.clients().approve(&step.client_id, step.client.clone(), server.network).await?;
    let code_expires_at = now.saturating_add(lifetimes.authorization_code.as_secs());
    let grant_expires_at = now.saturating_add(lifetimes.grant.as_secs());
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
        // TK-27: nothing lives longer than the user's own decision does.
        expires_at: remembered.as_ref().map_or(grant_expires_at, |it| it.expires_at.min(grant_expires_at)),
        state: GrantState::Issued { code_expires_at },
    };
    let id = grant_id(server, step);
    let approval = grants::approve(&server.records, id, &grant, remembered.as_ref(), now);
    let code_expires_at = match approval.await? {
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
        audience: Audience::ALL,
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
