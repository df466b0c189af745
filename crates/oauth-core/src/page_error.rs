//! Errors that are shown here, because there is nowhere that they could safely be sent.

use crate::{
    approvals::ApprovalError,
    client::authentication,
    error::{ErrorCode, RETRY_AFTER_SECONDS, WireError},
    pages::{self, Brand, ErrorPage},
    ports::{CatalogError, IdentityError},
    stale_client::Application,
    trace::TraceId,
    words::{ErrorWords, errors},
};
use http::StatusCode;
use std::{borrow::Cow, fmt};
use store_core::RecordError;
use web_core::{BodyError, Form, Forms, Reply};

/// Why a page is shown instead of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The request has no client id.
    #[error("no client id")]
    MissingClient,
    /// The client is not known, or not any more. It may be one of these.
    #[error("unknown client")]
    UnknownClient(Option<Application>),
    /// The operator switched this client off.
    #[error("a client that is switched off")]
    DeniedClient,
    /// What a client says of itself elsewhere cannot be had, or not be used. Which of these, and why, is in
    /// the log alone (CM-19).
    #[error("a client's document cannot be used")]
    Document,
    /// The redirect URI is missing and cannot be guessed.
    #[error("no redirect URI")]
    MissingRedirectUri,
    /// The redirect URI is not the client's. It may be one of these, with an address that is newer than its
    /// registration.
    #[error("unregistered redirect URI")]
    UnregisteredRedirectUri(Option<Application>),
    /// The parameters cannot be read, or one that decides where the answer goes is repeated.
    #[error("malformed request")]
    Malformed,
    /// The body is larger than any form of ours.
    #[error("the body is too large")]
    TooLarge,
    /// The page was left open for too long, was used before, or is not ours.
    #[error("stale page")]
    StalePage,
    /// The form comes from another browser, or from another sign-in, than the page was shown in.
    #[error("another browser")]
    OtherBrowser,
    /// The same, of a page that belongs to this authorization request, which can begin again.
    #[error("another sign-in")]
    OtherSignIn(String),
    /// The form comes from a page that is not ours.
    #[error("a foreign form")]
    ForeignForm,
    /// A sign-in elsewhere came to nothing.
    #[error("{0}")]
    Elsewhere(Elsewhere),
    /// There is no such page.
    #[error("no such page")]
    NotFound,
    /// The address takes these methods only. People get here when they open the address of a form again.
    #[error("a method that is not allowed")]
    MethodNotAllowed(&'static str),
    /// The configuration cannot be used. The operator has been told why.
    #[error("the configuration cannot be used")]
    Misconfigured,
    /// A record cannot be had.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The identity component failed.
    #[error(transparent)]
    Identity(IdentityError),
    /// The identity component failed to make a change, after the sign-ins that the change ends were ended.
    #[error("other sign-ins are ended, and the change may not be made: {0}")]
    UnfinishedChange(IdentityError),
    /// The tools component failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// What a request that went wrong was about, as far as the page says so.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// Whether it asked for more than a page, so that a fault may have come after something was done.
    pub may_have_acted: bool,
    /// Whether it was about the person's account, and not for an application.
    pub is_about_account: bool,
}

/// A sign-in elsewhere that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// Why.
    pub problem: ElsewhereProblem,
    /// The path on this server from which the person can try again, or in another way; nothing if it is not known.
    pub way_back: Option<String>,
}

/// Why a sign-in elsewhere came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElsewhereProblem {
    /// What a browser brought from there does not prove who the person is.
    Unproven,
    /// The person was asked there, and declined.
    Declined,
    /// Something failed there, at the place that is called this, if it has a name.
    Failed(Option<String>),
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.problem {
            ElsewhereProblem::Unproven => "an unproven sign-in",
            ElsewhereProblem::Declined => "a sign-in that was declined elsewhere",
            ElsewhereProblem::Failed(_) => "a sign-in that failed elsewhere",
        })
    }
}

impl From<BodyError> for PageError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::TooLarge,
            BodyError::Incomplete => Self::Malformed,
        }
    }
}

impl From<IdentityError> for PageError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::InvalidState => Self::StalePage,
            IdentityError::Unproven => Self::elsewhere(ElsewhereProblem::Unproven),
            IdentityError::Denied => Self::elsewhere(ElsewhereProblem::Declined),
            IdentityError::Failed(place) => Self::elsewhere(ElsewhereProblem::Failed(place)),
            other => Self::Identity(other),
        }
    }
}

impl From<ApprovalError> for PageError {
    fn from(error: ApprovalError) -> Self {
        match error {
            // The consent page is shown again before it comes to that.
            ApprovalError::SignedOut | ApprovalError::NoRoom => Self::OtherBrowser,
            ApprovalError::Record(error) => Self::Record(error),
        }
    }
}

impl PageError {
    fn elsewhere(problem: ElsewhereProblem) -> Self {
        Self::Elsewhere(Elsewhere { problem, way_back: None })
    }

    /// The same, with the path on this server from which the person can try again.
    #[must_use]
    pub(crate) fn with_way_back(self, path: String) -> Self {
        match self {
            Self::Elsewhere(error) => Self::Elsewhere(Elsewhere { way_back: Some(path), ..error }),
            other => other,
        }
    }

    /// Whether the operator should know: something of ours failed.
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Record(_) | Self::Identity(_) | Self::UnfinishedChange(_) | Self::Catalog(_))
    }

    /// The answer to a program, with the code that it knows how to recover from.
    pub fn wire(&self) -> WireError {
        let (status, code, description) = match self {
            Self::MissingClient => {
                (StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, "client_id is missing")
            }
            Self::UnknownClient(_) => (
                StatusCode::BAD_REQUEST,
                ErrorCode::InvalidClient,
                "the client is unknown here; register again",
            ),
            Self::DeniedClient => return authentication::UNAUTHORIZED_CLIENT,
            Self::Document => (
                StatusCode::BAD_REQUEST,
                ErrorCode::InvalidClient,
                "the client metadata document cannot be used",
            ),
            Self::MissingRedirectUri => {
                (StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, "redirect_uri is missing")
            }
            Self::UnregisteredRedirectUri(_) => (
                StatusCode::BAD_REQUEST,
                ErrorCode::InvalidRequest,
                "redirect_uri is not registered for this client",
            ),
            Self::Malformed => {
                (StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, "the request is malformed")
            }
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::InvalidRequest, "the body is too large")
            }
            Self::StalePage => {
                (StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, "the page is no longer valid")
            }
            Self::OtherBrowser | Self::OtherSignIn(_) | Self::ForeignForm => {
                (StatusCode::FORBIDDEN, ErrorCode::InvalidRequest, "the form was not posted from our page")
            }
            Self::Elsewhere(Elsewhere { problem, .. }) => match problem {
                ElsewhereProblem::Unproven => (
                    StatusCode::BAD_REQUEST,
                    ErrorCode::InvalidRequest,
                    "the sign-in elsewhere proves nothing",
                ),
                ElsewhereProblem::Declined => {
                    (StatusCode::BAD_REQUEST, ErrorCode::AccessDenied, "the sign-in elsewhere was declined")
                }
                ElsewhereProblem::Failed(_) => {
                    (StatusCode::BAD_GATEWAY, ErrorCode::ServerError, "the sign-in elsewhere failed")
                }
            },
            Self::MethodNotAllowed(_) => {
                (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::InvalidRequest, "the method is not allowed here")
            }
            Self::NotFound => (StatusCode::NOT_FOUND, ErrorCode::InvalidRequest, "there is nothing here"),
            Self::Misconfigured => {
                (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::ServerError, "the server is not set up yet")
            }
            Self::Record(_) | Self::Identity(_) | Self::UnfinishedChange(_) | Self::Catalog(_) => {
                return WireError::UNAVAILABLE;
            }
        };
        WireError { status, code, description: Cow::Borrowed(description) }
    }

    /// The answer to a person: what happened, and what to do about it.
    pub fn page(&self, asked: Asked, brand: &Brand, trace: &TraceId) -> Reply {
        let status = self.wire().status;
        let (said, application) = match self.words() {
            (errors::UNAVAILABLE, None) if asked.may_have_acted => (errors::UNFINISHED, None),
            (errors::STALE_PAGE, None) if asked.is_about_account => (errors::STALE_ACCOUNT_PAGE, None),
            (errors::OTHER_BROWSER, None) if asked.is_about_account => (errors::OTHER_ACCOUNT_PAGE, None),
            words => words,
        };
        let leads_to_account = asked.is_about_account || matches!(self, Self::MethodNotAllowed(_));
        let reset = application.map(|application| [application.how_to_reset(), errors::OTHERWISE]);
        let more = reset.as_ref().map_or(&[][..], |reset| reset.as_slice());
        let again = self.parameters_to_begin_again();
        let forms = if again.is_empty() { Forms::StayHere } else { Forms::LeadAway };
        let (place, way_back) = match self {
            Self::Elsewhere(Elsewhere { problem: ElsewhereProblem::Failed(place), way_back }) => {
                (place.as_deref(), way_back.as_deref())
            }
            Self::Elsewhere(Elsewhere { way_back, .. }) => (None, way_back.as_deref()),
            _ => (None, None),
        };
        let page = ErrorPage {
            said,
            place,
            more,
            trace,
            again: &again,
            way_back,
            leads_to_account,
            path: &brand.path,
            leads_home: *self == Self::NotFound,
        };
        let reply = pages::reply(status, &page, brand, forms);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            reply.with_retry_after(RETRY_AFTER_SECONDS)
        } else {
            reply
        }
    }

    /// The authorization request that the person can begin again. It was accepted before, and is judged again.
    fn parameters_to_begin_again(&self) -> Vec<(String, String)> {
        let Self::OtherSignIn(query) = self else { return Vec::new() };
        let form = Form::parse(query.as_bytes()).unwrap_or_default();
        form.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// What is said, and which application it seems to be that has to forget what it knows of us.
    fn words(&self) -> (ErrorWords, Option<Application>) {
        let said = match self {
            Self::MissingClient | Self::MissingRedirectUri | Self::Malformed => errors::INCOMPLETE,
            Self::UnknownClient(None) => errors::UNKNOWN_CLIENT,
            // What it says in general is said in particular.
            Self::UnknownClient(application) => {
                return (ErrorWords { help: "", ..errors::UNKNOWN_CLIENT }, *application);
            }
            Self::DeniedClient => errors::DENIED_CLIENT,
            Self::Document => errors::DOCUMENT,
            Self::UnregisteredRedirectUri(application) => {
                return (errors::UNREGISTERED_REDIRECT_URI, *application);
            }
            Self::TooLarge => errors::TOO_LARGE,
            Self::StalePage => errors::STALE_PAGE,
            Self::OtherBrowser => errors::OTHER_BROWSER,
            Self::OtherSignIn(_) => errors::OTHER_SIGN_IN,
            Self::ForeignForm => errors::FOREIGN_FORM,
            Self::Elsewhere(Elsewhere { problem, .. }) => match problem {
                ElsewhereProblem::Unproven => errors::UNPROVEN,
                ElsewhereProblem::Declined => errors::DECLINED_ELSEWHERE,
                ElsewhereProblem::Failed(_) => errors::FAILED_ELSEWHERE,
            },
            Self::MethodNotAllowed(_) => errors::NOT_BY_ITSELF,
            Self::NotFound => errors::NOT_FOUND,
            Self::Misconfigured => errors::MISCONFIGURED,
            Self::UnfinishedChange(_) => errors::UNFINISHED_CHANGE,
            Self::Record(_) | Self::Identity(_) | Self::Catalog(_) => errors::UNAVAILABLE,
        };
        (said, None)
    }
}
