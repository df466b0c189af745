//! What becomes of a failure on its way out of a library component: WIT errors say whether trying again
//! may help, and the cause goes to the log.

use crate::log;
use store_core::{DeploymentError, RecordError};
use web_core::PublicUrlError;

/// A failure that says nothing about what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Something did not answer; trying again may help. The cause has been logged.
    Unavailable,
    /// Trying again will not help. In words for the operator's log.
    Other(String),
}

impl From<RecordError> for Fault {
    fn from(error: RecordError) -> Self {
        log::line(&error.for_log());
        Self::Unavailable
    }
}

impl From<DeploymentError> for Fault {
    fn from(error: DeploymentError) -> Self {
        match error {
            DeploymentError::Store(error) => RecordError::Store(error).into(),
            DeploymentError::BeingMade => Self::Unavailable,
            DeploymentError::Keyring(_) | DeploymentError::Missing => Self::Other(error.to_string()),
        }
    }
}

impl From<PublicUrlError> for Fault {
    fn from(error: PublicUrlError) -> Self {
        Self::Other(error.to_string())
    }
}
