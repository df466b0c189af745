//! Refusals that a client can do something about: `WWW-Authenticate` (RFC 6750 section 3, RFC 9728
//! section 5.1).
//!
//! Every value in a challenge is a constant, a configured address, or a scope that was checked to be
//! one; nothing that a client sent gets in (RS-13).
//!
//! The body says the same as the header in JSON. It is there also where the header names no error: some clients look for the
//! word `Unauthorized` in it before they begin to sign in (MCP Inspector 0.15).

use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use web_core::Reply;

/// Why a request may not be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It came without a token.
    NoCredential,
    /// It came with more than one.
    InvalidRequest,
    /// The token is not good here. One answer for every reason (RS-02).
    InvalidToken,
    /// The token is good, and what it allows is too little.
    InsufficientScope {
        /// All scopes that the operation needs, and those that the token has: a client that asks
        /// for exactly these loses nothing.
        scopes: Vec<String>,
    },
    /// The token could not be looked up. Nothing is known about it, so this is no challenge: a
    /// client that got one would throw a good token away (RS-15).
    Unavailable,
}

/// The reply. `initial_scopes` is what a client that has no token yet should ask for.
pub(crate) fn reply(refusal: &Refusal, resource_metadata: &str, initial_scopes: &[String]) -> Reply {
    let (status, error, description, scopes) = match refusal {
        // RFC 6750 section 3.1: without a token, the header names no error.
        Refusal::NoCredential => (
            StatusCode::UNAUTHORIZED,
            None,
            "Sign in, and send the access token in the Authorization header",
            initial_scopes,
        ),
        Refusal::InvalidRequest => (
            StatusCode::BAD_REQUEST,
            Some("invalid_request"),
            "Send one access token, in one Authorization header",
            &[][..],
        ),
        Refusal::InvalidToken => (
            StatusCode::UNAUTHORIZED,
            Some("invalid_token"),
            "The access token is unknown, expired, revoked or for another resource",
            initial_scopes,
        ),
        Refusal::InsufficientScope { scopes } => (
            StatusCode::FORBIDDEN,
            Some("insufficient_scope"),
            "The access token does not allow this operation",
            &**scopes,
        ),
        Refusal::Unavailable => {
            return Reply::json(
                StatusCode::SERVICE_UNAVAILABLE,
                &json!({ "error": "temporarily_unavailable" }),
            )
            .with_retry_after(RETRY_AFTER_SECONDS);
        }
    };
    let mut parameters = Vec::new();
    if let Some(error) = error {
        parameters.push(format!("error=\"{error}\", error_description=\"{description}\""));
    }
    parameters.push(format!("resource_metadata=\"{resource_metadata}\""));
    let scopes =
        scopes.iter().filter(|scope| belongs_in_a_challenge(scope)).map(String::as_str).collect::<Vec<_>>();
    if !scopes.is_empty() {
        parameters.push(format!("scope=\"{}\"", scopes.join(" ")));
    }
    let description = match refusal {
        Refusal::InvalidRequest => description.to_owned(),
        _ => format!("Unauthorized: {description}"),
    };
    let mut body = json!({ "error": error.unwrap_or("unauthorized"), "error_description": description });
    if let (Refusal::InsufficientScope { .. }, Some(members)) = (refusal, body.as_object_mut()) {
        members.insert("scope".to_owned(), scopes.join(" ").into());
    }
    let reply = Reply::json(status, &body);
    match HeaderValue::try_from(format!("Bearer {}", parameters.join(", "))) {
        Ok(challenge) => reply.with(header::WWW_AUTHENTICATE, challenge),
        // The parts are ASCII; there is no such value.
        Err(_) => reply,
    }
}

/// When to come back after a 503.
pub(crate) const RETRY_AFTER_SECONDS: u32 = 2;

/// A scope token (RFC 6749 section 3.3) that is about the resource. `offline_access` is between the
/// client and the authorization server (MCP-A-14).
pub(crate) fn belongs_in_a_challenge(scope: &str) -> bool {
    let is_token =
        !scope.is_empty() && scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    is_token && scope != "offline_access"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(refusal: &Refusal) -> String {
        let reply = reply(refusal, "https://a.example/m", &["x".to_owned(), "y:z".to_owned()]);
        reply.headers[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned()
    }

    /// RS-01, MCP-A-09.
    #[test]
    fn bare_challenge_names_no_error() {
        assert_eq!(
            challenge(&Refusal::NoCredential),
            r#"Bearer resource_metadata="https://a.example/m", scope="x y:z""#
        );
    }

    /// RS-02, RS-08.
    #[test]
    fn other_challenges_name_their_error() {
        assert_eq!(
            challenge(&Refusal::InvalidToken),
            "Bearer error=\"invalid_token\", \
             error_description=\"The access token is unknown, expired, revoked or for another resource\", \
             resource_metadata=\"https://a.example/m\", scope=\"x y:z\""
        );
        let scopes = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(
            challenge(&Refusal::InsufficientScope { scopes }),
            "Bearer error=\"insufficient_scope\", \
             error_description=\"The access token does not allow this operation\", \
             resource_metadata=\"https://a.example/m\", scope=\"a b\""
        );
    }

    /// C22: clients look for the word in the body, and people read it.
    #[test]
    fn the_body_says_in_json_what_is_missing() {
        let body = |refusal: &Refusal| {
            let reply = reply(refusal, "https://a.example/m", &[]);
            assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json");
            serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap()
        };
        let scopes = vec!["a".to_owned(), "b\"".to_owned(), "c".to_owned()];
        let insufficient = Refusal::InsufficientScope { scopes };
        for (refusal, error) in [
            (&Refusal::NoCredential, "unauthorized"),
            (&Refusal::InvalidToken, "invalid_token"),
            (&insufficient, "insufficient_scope"),
        ] {
            let body = body(refusal);
            assert_eq!(body["error"], error);
            assert!(body["error_description"].as_str().unwrap().starts_with("Unauthorized: "), "{body}");
        }
        assert_eq!(body(&insufficient)["scope"], "a c");
        assert_eq!(body(&Refusal::InvalidRequest)["error"], "invalid_request");
    }

    /// RS-13, DS-06, MCP-A-14.
    #[test]
    fn only_scope_tokens_about_the_resource_get_into_a_challenge() {
        let scopes = ["offline_access", "a\", error=\"x", "b\r\nset-cookie: c=d", "", "é", "a b", "good"];
        let scopes = scopes.map(str::to_owned).to_vec();
        assert!(challenge(&Refusal::InsufficientScope { scopes }).ends_with(", scope=\"good\""));
    }

    /// RS-15.
    #[test]
    fn an_outage_is_no_challenge() {
        let reply = reply(&Refusal::Unavailable, "https://a.example/m", &[]);
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(reply.headers.contains_key(header::RETRY_AFTER));
        assert!(!reply.headers.contains_key(header::WWW_AUTHENTICATE));
    }
}
