//! Who may come in: the bearer token, what it stands for, and whether that is good here and now.
//!
//! Introspection states facts; they are judged here, so that no replacement of it can forget to. The
//! token's text ends in this module: an answer that goes on keeps a [`Credential`].
//!
//! # Policy on scopes
//!
//! `tools/list` shows all tools to every valid token, and `tools/call` refuses those that the token
//! may not call, with a challenge that names the scopes it takes (MP-16). A list without them would
//! be safer to look at, but no client could ever ask for what it does not know of.

use crate::{
    challenge::Refusal,
    ports::{Access, Introspection, Log, LogEvent},
};
use http::header;
use std::{
    fmt,
    rc::Rc,
    time::{SystemTime, UNIX_EPOCH},
};
use web_core::{Form, Head, public_url};

/// The longest token that is looked up (RS-06).
const MAX_TOKEN: usize = 4096;

/// Whoever may come in.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    /// What the token stands for.
    pub(crate) access: Access,
    /// For answers that take a while.
    pub(crate) credential: Credential,
}

/// A token that was good, to be asked about again while its answer goes on (MCP-A-26). It shows nothing of itself.
#[derive(Clone)]
pub(crate) struct Credential {
    token: Rc<str>,
    audiences: Rc<[String]>,
    /// As far as is known, in seconds since the Unix epoch.
    expires_at: u64,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential")
    }
}

impl Credential {
    /// Whether the token has expired, by what is known of it: this is known during an outage of introspection too.
    pub(crate) fn is_expired(&self, now: u64) -> bool {
        now >= self.expires_at
    }

    /// Takes over what introspection says of the token by now.
    pub(crate) fn refresh(&mut self, access: &Access) {
        self.expires_at = access.expires_at;
    }

    /// What the token stands for by now.
    pub(crate) async fn introspect(
        &self,
        outside: &(impl Introspection + Log),
        now: SystemTime,
    ) -> Result<Access, Refusal> {
        match outside.introspect(&self.token).await {
            Ok(Some(access)) if is_good(&access, &self.audiences, now) => Ok(access),
            Ok(_) => Err(Refusal::InvalidToken),
            Err(error) => {
                outside.log(LogEvent::IntrospectionFailed(&error));
                Err(Refusal::Unavailable)
            }
        }
    }
}

/// Takes the token from a request and judges what it stands for. `audiences` are the resources that
/// it must have been issued for one of.
pub(crate) async fn admit(
    head: &Head,
    audiences: Vec<String>,
    outside: &(impl Introspection + Log),
    now: SystemTime,
) -> Result<Admitted, Refusal> {
    let token = bearer_token(head)?.into();
    let mut credential = Credential { token, audiences: audiences.into(), expires_at: 0 };
    let access = credential.introspect(outside, now).await?;
    credential.refresh(&access);
    Ok(Admitted { access, credential })
}

/// The token (RFC 6750 section 2.1). The ways of its sections 2.2 and 2.3 are not taken.
fn bearer_token(head: &Head) -> Result<&str, Refusal> {
    let value = head.single_header(header::AUTHORIZATION).map_err(|_| Refusal::InvalidRequest)?;
    let Some(value) = value else { return Err(Refusal::NoCredential) };
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::NoCredential);
    }
    if has_query_token(head) {
        return Err(Refusal::InvalidRequest);
    }
    let token = token.trim_matches(' ');
    if token.len() > MAX_TOKEN || !is_token68(token) {
        return Err(Refusal::InvalidToken);
    }
    Ok(token)
}

/// Whether a second token stands in the query (RFC 6750 section 2: one method per request).
fn has_query_token(head: &Head) -> bool {
    let form = head.query.as_ref().and_then(|query| Form::parse(query.as_bytes()).ok());
    form.is_some_and(|form| form.contains("access_token"))
}

/// `token68` of RFC 9110 section 11.2.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let is_part = |byte| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    !body.is_empty() && body.bytes().all(is_part)
}

/// Audience by equality as URLs, never by prefix (RS-03, RS-04), and expiry by our clock.
fn is_good(access: &Access, audiences: &[String], now: SystemTime) -> bool {
    // A clock before 1970 is broken, and then no token is known to be unexpired.
    let now = now.duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs());
    // Other token checks than ours may pass on audiences as their provider writes them.
    let is_ours = |audience: &String| {
        audiences.contains(audience) || audiences.contains(&public_url::comparable(audience))
    };
    now < access.expires_at && access.audience.iter().any(is_ours)
}

/// That a token with the scopes `granted` may do what takes the scopes `needed`.
pub(crate) fn authorize(granted: &[String], needed: &[String]) -> Result<(), Refusal> {
    if needed.iter().all(|scope| granted.contains(scope)) {
        return Ok(());
    }
    let mut scopes = needed.to_vec();
    scopes.extend(granted.iter().filter(|scope| !needed.contains(scope)).cloned());
    Err(Refusal::InsufficientScope { scopes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue, Method};
    use std::time::Duration;

    fn token(authorization: &[&str], query: Option<&str>) -> Result<String, Refusal> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let query = query.map(str::to_owned);
        let head = Head { method: Method::POST, path: "/mcp".into(), query, authority: None, headers };
        bearer_token(&head).map(str::to_owned)
    }

    /// RS-07, MCP-A-15.
    #[test]
    fn scheme_is_matched_in_any_case() {
        for value in ["Bearer abc", "bearer abc", "BEARER abc", "Bearer   abc"] {
            assert_eq!(token(&[value], None).as_deref(), Ok("abc"), "{value}");
        }
    }

    /// RS-01, RS-05, MCP-A-17: what is not a bearer header is nothing.
    #[test]
    fn token_counts_only_in_the_header() {
        assert_eq!(token(&[], Some("access_token=abc")), Err(Refusal::NoCredential));
        assert_eq!(token(&["Basic YTpi"], None), Err(Refusal::NoCredential));
        assert_eq!(token(&["Bearerabc"], None), Err(Refusal::NoCredential));
        assert_eq!(token(&["Bearer abc"], Some("x=1&access%5Ftoken=abc")), Err(Refusal::InvalidRequest));
    }

    /// RS-06.
    #[test]
    fn malformed_credentials_are_refused_before_the_lookup() {
        assert_eq!(token(&["Bearer a", "Bearer b"], None), Err(Refusal::InvalidRequest));
        let long = format!("Bearer {}", "x".repeat(MAX_TOKEN + 1));
        for bad in [
            "Bearer",
            "Bearer ",
            "Bearer a, Bearer b",
            "Bearer a b",
            "Bearer \ta",
            "Bearer =",
            "Bearer a=b",
            &long,
        ] {
            assert_eq!(token(&[bad], None), Err(Refusal::InvalidToken), "{bad}");
        }
        assert!(token(&[&format!("Bearer {}", "x".repeat(MAX_TOKEN))], None).is_ok());
    }

    fn access(audience: &str, expires_at: u64) -> Access {
        Access {
            subject: "u".into(),
            client_id: "c".into(),
            scopes: vec![],
            audience: vec!["https://other.example".into(), audience.into()],
            expires_at,
            grant_id: None,
        }
    }

    /// RS-03, RS-04, MCP-A-18.
    #[test]
    fn audience_is_compared_by_equality() {
        let ours = ["https://a.example/mcp".to_owned()];
        let good = |audience| is_good(&access(audience, 10), &ours, UNIX_EPOCH);
        assert!(good("https://a.example/mcp"));
        for bad in [
            "https://a.example/mcp-v2",
            "https://a.example/mcp/",
            "https://a.example/",
            "https://a.example",
            "http://a.example/mcp",
            "https://a.example:444/mcp",
            "https://a.example.evil/mcp",
            "",
        ] {
            assert!(!good(bad), "{bad}");
        }
    }

    /// MCP-A-19.
    #[test]
    fn audience_may_be_written_as_urls_may() {
        let ours = ["https://a.example/mcp".to_owned(), "https://a.example".to_owned()];
        for audience in ["HTTPS://A.example/mcp", "https://a.example:443/mcp", "https://a.example/"] {
            assert!(is_good(&access(audience, 10), &ours, UNIX_EPOCH), "{audience}");
        }
        for audience in ["https://a.example/MCP", "https://a.example//", "https://b.example/"] {
            assert!(!is_good(&access(audience, 10), &ours, UNIX_EPOCH), "{audience}");
        }
    }

    /// MCP-A-22.
    #[test]
    fn token_is_dead_from_the_second_of_its_expiry() {
        let ours = ["r".to_owned()];
        let good_at = |now| is_good(&access("r", 100), &ours, now);
        assert!(good_at(UNIX_EPOCH + Duration::from_secs(99)));
        assert!(!good_at(UNIX_EPOCH + Duration::from_secs(100)));
        assert!(!good_at(UNIX_EPOCH - Duration::from_secs(1)));
    }

    /// RS-08, MCP-A-12.
    #[test]
    fn challenge_for_more_scope_names_what_is_needed_and_what_is_there() {
        let scopes = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(authorize(&scopes("a b"), &scopes("a")), Ok(()));
        assert_eq!(authorize(&scopes("a"), &[]), Ok(()));
        let refused = authorize(&scopes("a b"), &scopes("c a"));
        assert_eq!(refused, Err(Refusal::InsufficientScope { scopes: scopes("c a b") }));
    }
}
