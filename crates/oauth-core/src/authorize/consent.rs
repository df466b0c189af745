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
//!
//! # Approval by accident
//!
//! A click or a key press that was meant for something else must not approve (BR-12). The first button of the
//! form, which Enter in a check box presses, does nothing (`formmethod="dialog"` without a dialog); Approve can be neither focused nor clicked until
//! the page has been visible for a moment (`.armed` in the stylesheet); and where a browser has no such
//! animation, an approval that a person sends too soon shows the page again (`is_too_soon`).

use super::{
    SignedIn, find_session, page_form, parse_again, refusal, request::AuthorizationRequest,
    response::ValidatedRedirect,
};
use crate::{
    AuthorizationServer,
    account::day,
    approvals::{self, Approval, ApprovalError, Cause, Replaced, Terms},
    browser::{self, BrowserSession},
    client::{
        Client, Source,
        approval::ApprovedClient,
        policy::KnownClients,
        redirect_uri::{self, Destination},
    },
    credential::{Audience, Credential, Kind, ScopeSet},
    error::ErrorCode,
    grants, look_alike,
    page_error::PageError,
    pages::{self, ClientIdentity, ConsentPage, ConsentScope, ReplacedConnection},
    ports::{Catalog, Identity, Offer},
    records::{Grant, GrantId, GrantState, RememberedConsent, UserGrants},
    routes, sign_ins, transaction,
    words::consent as words,
};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store_core::{Purpose, Random, RecordError, Store, seal};
use web_core::{Form, Forms, Head, ReadBody, Reply};

/// What a consent page hands back: everything that was checked, and who saw it.
#[derive(Serialize, Deserialize)]
struct ConsentStep {
    /// Makes this page one approval, however often it is posted.
    id: String,
    /// The account that the page was shown to.
    subject: String,
    /// When the page was shown, in milliseconds since the Unix epoch.
    shown_at_ms: u64,
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
    /// Which client, address and browser an approval would be for.
    #[serde(default)]
    place: String,
    /// The connection that the page says would end.
    #[serde(default)]
    agreed: Option<GrantId>,
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
        subject: signed_in.session.subject.clone(),
        shown_at_ms: server.now_ms,
        client_id: request.client.id.clone(),
        client_name: request.client.name.clone(),
        client: request.client.to_approve(),
        redirect: request.redirect.clone(),
        code_challenge: request.code_challenge.clone(),
        scopes: request.scopes.clone(),
        unknown_scopes: request.unknown_scopes.clone(),
        audience: request.audience.clone(),
        client_digest: request.client.digest(),
        place: approvals::place(&request.client.id, request.redirect.uri(), &signed_in.session.device),
        agreed: None,
        query,
    };
    let mut remembered = None;
    if server.config.remembers_consent && request.interaction.allows_remembered_consent() {
        let digest = step.fingerprint(&step.scopes);
        remembered = grants::find_remembered(&server.records, &signed_in.user, &digest, server.now).await?;
    }
    match remembered {
        Some(remembered) if is_own => {
            // Nothing ends unasked but, when there is no room, what this client has in this browser already.
            let is_full = signed_in.user.grants.len() >= server.config.connections_per_user;
            let own = if is_full { find_replaced(server, &step, &signed_in.user).await? } else { None };
            match own {
                Some(Replaced { cause: Cause::NoRoom, .. }) if request.interaction.is_forbidden => {
                    let code = ErrorCode::InteractionRequired;
                    refusal::refuse_to_ask(server, request, code, Some(signed_in)).await
                }
                Some(Replaced { cause: Cause::NoRoom, .. }) => {
                    page(server, step, &request.client, signed_in, offer, None).await
                }
                own => {
                    let step = ConsentStep { agreed: own.map(|own| own.id), ..step };
                    let scopes = step.scopes.clone();
                    match approve(server, &step, signed_in, scopes, Some(remembered)).await? {
                        Some(reply) => Ok(reply),
                        None => page(server, step, &request.client, signed_in, offer, None).await,
                    }
                }
            }
        }
        Some(_) if request.interaction.is_forbidden => {
            refusal::refuse_to_ask(server, request, ErrorCode::InteractionRequired, Some(signed_in)).await
        }
        None if request.interaction.is_forbidden => {
            refusal::refuse_to_ask(server, request, ErrorCode::ConsentRequired, Some(signed_in)).await
        }
        _ => page(server, step, &request.client, signed_in, offer, None).await,
    }
}

/// Why the page is shown again, and what was on it.
struct Again<'a> {
    problem: &'static str,
    form: &'a Form,
}

/// Shows the page. Nothing is stored.
async fn page<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    step: ConsentStep,
    client: &Client,
    signed_in: &SignedIn,
    offer: &Offer,
    again: Option<Again<'_>>,
) -> Result<Reply, PageError> {
    let replaced = find_replaced(server, &step, &signed_in.user).await?;
    let step = ConsentStep { agreed: replaced.as_ref().map(|replaced| replaced.id), ..step };
    // A request for more scopes takes the place of the connection that has fewer.
    let held = replaced.as_ref().filter(|replaced| matches!(replaced.cause, Cause::SamePlace));
    let held_scopes = held.map(|held| held.grant.scopes.as_slice()).unwrap_or_default();
    let is_ticked = |scope: &str| again.as_ref().is_none_or(|it| it.form.all("scope").any(|it| it == scope));
    let page = ConsentPage {
        transaction: server.seal_transaction(&step),
        identity: client_identity(client, step.redirect.uri(), &server.config.clients.known),
        warnings: look_alike::warnings(client, step.redirect.uri(), &server.config.brand),
        client_name: step.client_name.clone(),
        host: pages::host_of(&server.config.public_url),
        account: pages::without_scheme(&server.config.public_url.join(routes::ACCOUNT)),
        destination: pages::Destination::from(redirect_uri::destination(step.redirect.uri())),
        user: signed_in.session.display_name.clone(),
        problem: again.as_ref().map(|it| it.problem),
        scopes: consent_scopes(&step.scopes, held_scopes, offer, is_ticked),
        open_tools: offer
            .tools
            .iter()
            .filter(|tool| tool.scopes.is_empty())
            .map(|tool| tool.title.clone())
            .collect(),
        replaced: replaced
            .as_ref()
            .map(|replaced| describe_replaced(replaced, server.config.connections_per_user)),
        can_be_remembered: server.config.remembers_consent,
        is_to_be_remembered: again.as_ref().is_some_and(|it| it.form.contains(REMEMBER)),
        action: server.config.public_url.local(routes::CONSENT),
    };
    Ok(pages::reply(StatusCode::OK, &page, &server.config.brand, Forms::LeadAway))
}

/// The connection that ends if the user approves.
async fn find_replaced<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    step: &ConsentStep,
    user: &UserGrants,
) -> Result<Option<Replaced>, RecordError> {
    let limit = server.config.connections_per_user;
    approvals::find_replaced(&server.records, user, &step.place, limit, server.now).await
}

/// What the page says of a connection that ends.
fn describe_replaced(replaced: &Replaced, limit: usize) -> ReplacedConnection {
    let Grant { client_name, approved_at, browser, .. } = &replaced.grant;
    ReplacedConnection {
        text: match replaced.cause {
            Cause::SamePlace => words::SAME_PLACE.to_owned(),
            Cause::NoRoom => words::no_room(limit, client_name),
        },
        approved_at: day::shown_moment(*approved_at),
        browser: browser.clone(),
        last_used_on: approvals::last_used_at(&replaced.grant).map(day::shown),
    }
}

/// Shows the page again, because what was posted is no decision. It stays one approval.
async fn show_again<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    step: ConsentStep,
    signed_in: &SignedIn,
    again: Again<'_>,
) -> Result<Reply, PageError> {
    let offer = server.catalog.list().await?;
    match parse_again(server, &step.query, &offer).await? {
        Ok(request) => {
            let step = ConsentStep { shown_at_ms: server.now_ms, ..step };
            page(server, step, &request.client, signed_in, &offer, Some(again)).await
        }
        Err((error, client)) => refusal::answer(server, &client, &error, Some(signed_in)).await,
    }
}

impl ConsentStep {
    /// What a decision to grant these scopes is remembered by. It is kept in a sealed record only.
    fn fingerprint(&self, scopes: &[String]) -> String {
        let facts = (&self.client_id, &self.client_digest, self.redirect.uri(), scopes, &self.audience);
        seal::to_text(&Sha256::digest(serde_json::to_vec(&facts).unwrap_or_default()))
    }
}

/// Who says what is on the page of the client.
fn client_identity(client: &Client, redirect_uri: &str, known: &KnownClients) -> ClientIdentity {
    match &client.source {
        Source::Configured { .. } => ClientIdentity::Configured,
        Source::MetadataDocument { host } => {
            let is_loopback =
                |uri: &String| matches!(redirect_uri::destination(uri), Destination::ThisComputer(_));
            let anybodys = client.redirect_uris.iter().all(is_loopback);
            ClientIdentity::Published { host: host.clone(), anybodys }
        }
        Source::Registered => ClientIdentity::registered(redirect_uri::destination(redirect_uri), known),
    }
}

/// The scopes, each with the tools that it takes part in unlocking.
fn consent_scopes(
    scopes: &[String],
    held_scopes: &[String],
    offer: &Offer,
    is_ticked: impl Fn(&str) -> bool,
) -> Vec<ConsentScope> {
    let offered = offer.scopes.iter().filter(|scope| scopes.contains(&scope.name));
    let is_new = |scope: &String| !held_scopes.is_empty() && !held_scopes.contains(scope);
    offered
        .map(|scope| ConsentScope {
            is_ticked: is_ticked(&scope.name),
            is_new: is_new(&scope.name),
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

/// How long a page has to have been there before a person can approve it, in milliseconds.
const SOONEST_APPROVAL_MS: u64 = 500;

/// Whether a person approved a page that has been there for less than half a second, by a click or a key press that
/// was meant for something else (BR-12). Browsers say whether a person's action sent a form (`Sec-Fetch-User`, W3C
/// Fetch Metadata section 2.4); programs, which make no such mistakes, do not.
fn is_too_soon(head: &Head, step: &ConsentStep, now_ms: u64) -> bool {
    let is_by_hand = matches!(head.single_header("sec-fetch-user"), Ok(Some("?1")));
    // The page may come from another host, whose clock is ahead of this one's.
    let age = now_ms.checked_sub(step.shown_at_ms);
    is_by_hand && age.is_some_and(|age| age < SOONEST_APPROVAL_MS)
}

/// Answers a request to `/consent`.
pub async fn serve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<Reply, PageError> {
    if head.method != Method::POST {
        return Err(PageError::MethodNotAllowed("POST"));
    }
    let (step, form): (ConsentStep, _) = page_form::read(server, head, body).await?;
    let public_url = &server.config.public_url;
    // AZ-25, BR-13: the account that saw the page decides, whether or not it has signed in again since.
    let signed_in = find_session(server, head).await?.filter(|found| found.session.subject == step.subject);
    let Some(signed_in) = signed_in else { return Err(PageError::OtherSignIn(step.query)) };
    // It may have been switched off while the page was open.
    if server.clients().is_denied(&step.client_id) {
        return Err(PageError::DeniedClient);
    }
    let denied = |description| step.redirect.error(ErrorCode::AccessDenied, description).reply(public_url);
    match form.single("decision").map_err(|_| PageError::Malformed)? {
        Some("approve") if is_too_soon(head, &step, server.now_ms) => {
            show_again(server, step, &signed_in, Again { problem: words::TOO_SOON, form: &form }).await
        }
        Some("approve") => {
            // AZ-29: of what was on the page, what is still ticked.
            let ticked: Vec<&str> = form.all("scope").collect();
            let scopes: Vec<String> =
                step.scopes.iter().filter(|scope| ticked.contains(&scope.as_str())).cloned().collect();
            if scopes.is_empty() && !step.scopes.is_empty() {
                let again = Again { problem: words::NOTHING_TICKED, form: &form };
                return show_again(server, step, &signed_in, again).await;
            }
            // A decision is remembered as it was taken: a request for more is asked about again.
            let is_remembered = server.config.remembers_consent && form.contains(REMEMBER);
            let remembered = is_remembered.then(|| RememberedConsent {
                digest: step.fingerprint(&scopes),
                expires_at: server.now.saturating_add(server.config.lifetimes.grant.as_secs()),
            });
            match approve(server, &step, &signed_in, scopes, remembered).await? {
                Some(reply) => Ok(reply),
                None => {
                    let again = Again { problem: words::NO_ROOM_ANY_MORE, form: &form };
                    show_again(server, step, &signed_in, again).await
                }
            }
        }
        Some("deny") => Ok(denied("the user denied the request")),
        Some("switch") => {
            let BrowserSession { id, subject, expires_at, .. } = &signed_in.session;
            sign_ins::end(&server.records, subject, id, *expires_at, server.now).await?;
            Ok(Reply::see_other(&format!("{}?{}", routes::AUTHORIZE, step.query))
                .with_cookie(&browser::sign_out_cookie(public_url)))
        }
        // Enter in a check box.
        None => show_again(server, step, &signed_in, Again { problem: words::UNDECIDED, form: &form }).await,
        Some(_) => Err(PageError::Malformed),
    }
}

/// Makes the grant and sends the browser back with its code. `None` when another connection has to end for it that
/// the user was not told of.
async fn approve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    step: &ConsentStep,
    SignedIn { session, user }: &SignedIn,
    scopes: Vec<String>,
    remembered: Option<RememberedConsent>,
) -> Result<Option<Reply>, PageError> {
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
        browser: user.sign_ins.browser_of(&session.id),
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
    let terms = Terms {
        remembered: remembered.as_ref(),
        place: &step.place,
        agreed: step.agreed,
        limit: server.config.connections_per_user,
    };
    let approval = match approvals::approve(&server.records, id, &grant, &terms, now).await {
        Err(ApprovalError::NoRoom) => return Ok(None),
        Err(error) => return Err(error.into()),
        Ok(approval) => approval,
    };
    let code_expires_at = match approval {
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
    Ok(Some(step.redirect.reply_with_code(&code, &server.config.public_url)))
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
