//! The page in the place of a redirect to a client that nobody has approved.

use super::{Destination, Page};
use crate::words;
use askama::Template;

/// A client's request is refused, and the person decides whether to go to the client.
#[derive(Debug, Clone, Template)]
#[template(path = "refused.html")]
pub struct RefusedPage {
    /// What is wrong with the request, in a sentence for the client's developer.
    pub reason: String,
    /// Where the link leads.
    pub destination: Destination,
    /// The client's redirect URI with the error.
    pub link: String,
}

impl Page for RefusedPage {
    fn title(&self) -> &str {
        words::refused::TITLE
    }
}
