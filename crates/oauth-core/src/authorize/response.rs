//! What the client is told, by way of the browser (RFC 6749 sections 4.1.2 and 4.1.2.1).

use crate::error::{ErrorCode, WireError};
use form_urlencoded::Serializer;
use serde::{Deserialize, Serialize};
use web_core::{PublicUrl, Reply};

/// A redirect URI that was checked in this very request, or in the one that a sealed transaction
/// carries on. Answers go nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatedRedirect {
    uri: String,
    state: Option<String>,
}

impl ValidatedRedirect {
    /// Only for a URI that was just found to be the client's.
    pub(super) fn new(uri: &str, state: Option<&str>) -> Self {
        Self { uri: uri.to_owned(), state: state.map(str::to_owned) }
    }

    /// The URI.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// An error for the client.
    pub fn error(&self, code: ErrorCode, description: &'static str) -> RedirectError {
        RedirectError { redirect: self.clone(), error: WireError::bad_request(code, description) }
    }

    /// Sends the browser back with an authorization code.
    pub fn reply_with_code(&self, code: &str, public_url: &PublicUrl) -> Reply {
        self.reply(&[("code", code)], public_url)
    }

    fn reply(&self, parameters: &[(&str, &str)], public_url: &PublicUrl) -> Reply {
        Reply::see_other(&self.location(parameters, public_url))
    }

    /// `state` goes back as it came, and `iss` says who answers (RFC 9207 section 2), so that a client
    /// of several servers does not mix them up.
    fn location(&self, parameters: &[(&str, &str)], public_url: &PublicUrl) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(parameters);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", public_url.as_str());
        // RFC 6749 section 3.1.2: the URI's own query is kept.
        let separator = match self.uri.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some((_, own)) if own.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{}{separator}{}", self.uri, query.finish())
    }
}

/// An error that goes back to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectError {
    redirect: ValidatedRedirect,
    error: WireError,
}

impl RedirectError {
    /// Where it goes.
    pub(super) fn redirect(&self) -> &ValidatedRedirect {
        &self.redirect
    }

    /// What is wrong, in a sentence for the client's developer.
    pub(super) fn description(&self) -> &str {
        &self.error.description
    }

    /// The code and the description, for the operator's log.
    pub(super) fn for_log(&self) -> String {
        self.error.for_log()
    }

    /// The redirect URI with the error.
    pub(super) fn location(&self, public_url: &PublicUrl) -> String {
        let error = [("error", self.error.code.as_str()), ("error_description", &*self.error.description)];
        self.redirect.location(&error, public_url)
    }

    /// Sends the browser back with the error.
    pub fn reply(&self, public_url: &PublicUrl) -> Reply {
        Reply::see_other(&self.location(public_url))
    }

    /// Tells a program that asked in person.
    pub fn reply_to_program(&self) -> Reply {
        self.error.reply()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(uri: &str, state: Option<&str>) -> String {
        let url = PublicUrl::parse("https://mcp.example.com").unwrap();
        let reply = ValidatedRedirect::new(uri, state).reply_with_code("c", &url);
        assert_eq!(reply.status, 303, "BR-06");
        reply.headers["location"].to_str().unwrap().to_owned()
    }

    /// AZ-21, AZ-22.
    /// MCP-S-44.
    #[test]
    fn state_returns_and_iss_is_always_there() {
        let iss = "iss=https%3A%2F%2Fmcp.example.com";
        assert_eq!(location("https://a.example/cb", None), format!("https://a.example/cb?code=c&{iss}"));
        let state = "a b&c=<d>\r\n\u{e9}";
        let location = location("https://a.example/cb", Some(state));
        let query = location.split_once('?').unwrap().1;
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        assert_eq!(pairs[1], ("state".into(), state.into()));
        assert!(location.ends_with(iss) && location.is_ascii());
    }

    #[test]
    fn own_query_is_kept() {
        assert!(location("https://a.example/cb?x=1", None).starts_with("https://a.example/cb?x=1&code=c&"));
        assert!(location("https://a.example/cb?", None).starts_with("https://a.example/cb?code=c&"));
    }
}
