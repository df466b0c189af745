//! Errors that are shown here, because there is nowhere that they could safely be sent.

use crate::{
    client::authentication,
    error::{ErrorCode, RETRY_AFTER_SECONDS, WireError},
    grants::ApprovalError,
    pages::{self, ErrorPage},
    ports::{CatalogError, IdentityError},
    stale_client::Application,
};
use http::StatusCode;
use store_core::RecordError;
use web_core::{BodyError, Reply};

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
    /// The redirect URI is not the client's.
    #[error("unregistered redirect URI")]
    UnregisteredRedirectUri,
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
    /// The form comes from a page that is not ours.
    #[error("a foreign form")]
    ForeignForm,
    /// What a browser brought from elsewhere does not prove who the person is.
    #[error("an unproven sign-in")]
    Unproven,
    /// The person was asked elsewhere, and declined.
    #[error("a sign-in that was declined elsewhere")]
    DeclinedElsewhere,
    /// Elsewhere something failed.
    #[error("a sign-in that failed elsewhere")]
    FailedElsewhere,
    /// There is no such page.
    #[error("no such page")]
    NotFound,
    /// The configuration cannot be used. The operator has been told why.
    #[error("the configuration cannot be used")]
    Misconfigured,
    /// A record cannot be had.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The identity component failed.
    #[error(transparent)]
    Identity(IdentityError),
    /// The tools component failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
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
            IdentityError::Unproven => Self::Unproven,
            IdentityError::Denied => Self::DeclinedElsewhere,
            IdentityError::Failed => Self::FailedElsewhere,
            other => Self::Identity(other),
        }
    }
}

impl From<ApprovalError> for PageError {
    fn from(error: ApprovalError) -> Self {
        match error {
            ApprovalError::SignedOut => Self::OtherBrowser,
            ApprovalError::Record(error) => Self::Record(error),
        }
    }
}

impl PageError {
    /// Whether the operator should know: something of ours failed.
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Record(_) | Self::Identity(_) | Self::Catalog(_))
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
            Self::DeniedClient => {
                let WireError { status, code, description } = authentication::UNAUTHORIZED_CLIENT;
                (status, code, description)
            }
            Self::Document => (
                StatusCode::BAD_REQUEST,
                ErrorCode::InvalidClient,
                "the client metadata document cannot be used",
            ),
            Self::MissingRedirectUri => {
                (StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, "redirect_uri is missing")
            }
            Self::UnregisteredRedirectUri => (
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
            Self::OtherBrowser | Self::ForeignForm => {
                (StatusCode::FORBIDDEN, ErrorCode::InvalidRequest, "the form was not posted from our page")
            }
            Self::Unproven => {
                (StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, "the sign-in elsewhere proves nothing")
            }
            Self::DeclinedElsewhere => {
                (StatusCode::BAD_REQUEST, ErrorCode::AccessDenied, "the sign-in elsewhere was declined")
            }
            Self::FailedElsewhere => {
                (StatusCode::BAD_GATEWAY, ErrorCode::ServerError, "the sign-in elsewhere failed")
            }
            Self::NotFound => (StatusCode::NOT_FOUND, ErrorCode::InvalidRequest, "there is nothing here"),
            Self::Misconfigured => {
                (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::ServerError, "the server is not set up yet")
            }
            Self::Record(_) | Self::Identity(_) | Self::Catalog(_) => return WireError::UNAVAILABLE,
        };
        WireError { status, code, description }
    }

    /// The answer to a person: what happened, and what to do about it.
    pub fn page(&self) -> Reply {
        let (title, text, help) = match self {
            Self::MissingClient | Self::MissingRedirectUri | Self::Malformed => (
                "This link is not complete",
                "The application that sent you here left something out of its request.",
                "Go back to the application and connect again. If it keeps happening, tell its makers.",
            ),
            Self::UnknownClient(application) => (
                "This application is not known here",
                "It shows a registration that this server did not make, or no longer accepts. That happens when the server was set up anew. You have not been sent anywhere.",
                application.map_or(
                    "In the application, remove this server and add it again.",
                    Application::how_to_reset,
                ),
            ),
            Self::DeniedClient => (
                "This application is not let in here",
                "Whoever runs this server has switched it off. You have not been asked to approve anything.",
                "If you think that is a mistake, ask whoever runs this server.",
            ),
            Self::Document => (
                "This application cannot be checked",
                "What it publishes about itself could not be read, or is not accepted here. Nothing has been approved.",
                "Try again in a while. If it keeps happening, tell the makers of the application.",
            ),
            Self::UnregisteredRedirectUri => (
                "This link leads somewhere unexpected",
                "The application asks to send you to an address that it has not registered. You have not been sent there.",
                "Go back to the application and connect again. If you did not start this yourself, close this page.",
            ),
            Self::TooLarge => ("That is too much", "The request is larger than anything expected here.", ""),
            Self::StalePage => (
                "This page is out of date",
                "It was open for too long, or was used before. Nothing has been approved by it now.",
                "Go back to the application and connect again.",
            ),
            Self::OtherBrowser => (
                "This page belongs to another sign-in",
                "You are not signed in, or as somebody else than when this page was shown. Nothing has been approved.",
                "Go back to the application and connect again. Cookies must be allowed for this site.",
            ),
            Self::ForeignForm => (
                "That did not come from here",
                "A form was sent to this server from a page that is not its own. Nothing has been done.",
                "If you did not start this yourself, close the page that you came from.",
            ),
            Self::Unproven => (
                "You could not be signed in",
                "What came back from where you signed in does not prove that it was you, or that it was meant for this browser. Nobody has been signed in.",
                "Go back to the application and connect again. If you did not start this yourself, close this page.",
            ),
            Self::DeclinedElsewhere => (
                "You have not been signed in",
                "Where you were sent to sign in, the answer was no. Nothing has been changed.",
                "To try again, or in another way, begin again where you came from.",
            ),
            Self::FailedElsewhere => (
                "Signing in elsewhere did not work",
                "Where you were sent to sign in, something failed. Nothing has been changed.",
                "Try again in a while. If it keeps happening, tell whoever runs this server.",
            ),
            Self::NotFound => ("There is nothing here", "The address may be mistyped.", ""),
            Self::Misconfigured => (
                "This server is not set up yet",
                "Its configuration is missing something that it does not serve without.",
                "If you run it: the log says which variable to set, and how.",
            ),
            Self::Record(_) | Self::Identity(_) | Self::Catalog(_) => (
                "Please try again in a moment",
                "The server cannot answer just now. Nothing has been changed.",
                "Reload this page. If it keeps happening, tell whoever runs this server.",
            ),
        };
        let status = self.wire().status;
        // It was a guess.
        let otherwise = match self {
            Self::UnknownClient(Some(_)) => {
                " If it is another one, remove this server in it and add it again."
            }
            _ => "",
        };
        let help = format!("{help}{otherwise}");
        let reply = pages::reply(status, &ErrorPage { title, text, help: &help }, "");
        if status == StatusCode::SERVICE_UNAVAILABLE {
            reply.with_retry_after(RETRY_AFTER_SECONDS)
        } else {
            reply
        }
    }
}
