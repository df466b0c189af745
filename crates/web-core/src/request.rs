//! What comes in.

use bytes::Bytes;
use http::{HeaderMap, Method, header};

/// A request without its body.
#[derive(Debug, Clone)]
pub struct Head {
    /// The method, as sent.
    pub method: Method,
    /// The path, raw: not decoded, not normalised. Routes are compared with it byte for byte, so that
    /// no check here can disagree with a check made in front of us about what a path means.
    pub path: String,
    /// What follows the `?`, raw, if there is one.
    pub query: Option<String>,
    /// Host and port that the client says it is talking to. An attacker chooses it; see
    /// [`PublicUrl::serves_authority`](crate::PublicUrl::serves_authority).
    pub authority: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
}

impl Head {
    /// The value of a header that may occur once and must be text. `Err` when it occurs more than
    /// once or is not visible ASCII.
    pub fn single_header(&self, name: impl header::AsHeaderName) -> Result<Option<&str>, RepeatedHeader> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value.to_str().map(Some).map_err(|_| RepeatedHeader),
            (Some(_), Some(_)) => Err(RepeatedHeader),
        }
    }

    /// The media type of the body, lower-case and without parameters.
    pub fn content_type(&self) -> Option<String> {
        let value = self.single_header(header::CONTENT_TYPE).ok().flatten()?;
        let media_type = value.split(';').next().unwrap_or_default().trim();
        Some(media_type.to_ascii_lowercase())
    }

    /// Whether the body is encoded (gzip and the like). No route takes such a body.
    pub fn has_content_encoding(&self) -> bool {
        self.headers
            .get_all(header::CONTENT_ENCODING)
            .iter()
            .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
    }

    /// The value of a cookie. `None` when it is absent, and also when it occurs twice: then somebody
    /// put a second one there, and neither can be trusted.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let mut found = None;
        for line in self.headers.get_all(header::COOKIE) {
            for pair in line.to_str().ok()?.split(';') {
                let Some((key, value)) = pair.trim().split_once('=') else { continue };
                if key == name && found.replace(value).is_some() {
                    return None;
                }
            }
        }
        found
    }
}

/// A header that may occur once occurred more than once, or is not visible ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a header is repeated or not ASCII")]
pub struct RepeatedHeader;

/// Why a body could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than the route allows. Reading stopped there.
    #[error("the body is too large")]
    TooLarge,
    /// The connection ended before the body did.
    #[error("the body is incomplete")]
    Incomplete,
}

/// A body that is read when it is wanted, not before: a request without the right to be served is
/// answered without its body being read.
pub trait ReadBody {
    /// Reads the whole body, at most `limit` bytes of it.
    fn read(&mut self, limit: usize) -> impl Future<Output = Result<Bytes, BodyError>>;
}

/// A body that is there already, as in tests.
impl ReadBody for Bytes {
    async fn read(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        if self.len() > limit { Err(BodyError::TooLarge) } else { Ok(std::mem::take(self)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &[(&'static str, &'static str)]) -> Head {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Head { method: Method::GET, path: "/".into(), query: None, authority: None, headers: map }
    }

    #[test]
    fn cookie_is_found_among_others() {
        let head = head(&[("cookie", "a=1; session=xyz"), ("cookie", "b=2")]);
        assert_eq!(head.cookie("session"), Some("xyz"));
        assert_eq!(head.cookie("b"), Some("2"));
        assert_eq!(head.cookie("c"), None);
    }

    /// BR-08: a shadowing cookie makes both worthless.
    #[test]
    fn duplicate_cookie_counts_as_none() {
        assert_eq!(head(&[("cookie", "s=1; s=2")]).cookie("s"), None);
        assert_eq!(head(&[("cookie", "s=1"), ("cookie", "s=1")]).cookie("s"), None);
    }

    #[test]
    fn repeated_header_is_an_error() {
        let head = head(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
        assert_eq!(head.single_header("authorization"), Err(RepeatedHeader));
        assert_eq!(head.single_header("accept"), Ok(None));
    }

    #[test]
    fn content_type_ignores_parameters_and_case() {
        assert_eq!(
            head(&[("content-type", "Application/JSON; charset=utf-8")]).content_type().as_deref(),
            Some("application/json")
        );
        assert_eq!(head(&[]).content_type(), None);
    }
}
