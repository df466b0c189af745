//! How long an answer may be used (RFC 9111), for one user of it: ourselves.

use http::{HeaderMap, header};
use std::time::Duration;

/// What the headers of an answer say about keeping it. Whoever keeps it sets bounds of their own:
/// see [`within`](Self::within).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It may be used for so long from now; for no time at all when `no-store`, `no-cache` or a lifetime
    /// that cannot be read is among the headers (RFC 9111 section 4.2.1).
    For(Duration),
    /// They do not say.
    Unstated,
}

impl Freshness {
    /// The freshness that these headers give: `max-age`, or else `Expires` less `Date`, and less the
    /// `Age` that the answer has already.
    pub fn of(headers: &HeaderMap) -> Self {
        let directives = Directives::of(headers);
        if directives.forbids {
            return Self::For(Duration::ZERO);
        }
        let lifetime = match directives.max_age {
            Some(seconds) => Duration::from_secs(seconds),
            None => match expires(headers) {
                Some(lifetime) => lifetime,
                None => return Self::Unstated,
            },
        };
        let age = match headers.get(header::AGE) {
            None => 0,
            Some(age) => age.to_str().ok().and_then(delta_seconds).unwrap_or(u64::MAX),
        };
        Self::For(lifetime.saturating_sub(Duration::from_secs(age)))
    }

    /// How long the answer is kept by somebody who keeps everything for at least `least`, at most
    /// `most`, and `unstated` when the headers do not say.
    pub fn within(self, least: Duration, most: Duration, unstated: Duration) -> Duration {
        match self {
            Self::For(lifetime) => lifetime.max(least).min(most),
            Self::Unstated => unstated,
        }
    }
}

#[derive(Default)]
struct Directives {
    forbids: bool,
    /// The smallest, if there are several.
    max_age: Option<u64>,
}

impl Directives {
    fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for line in headers.get_all(header::CACHE_CONTROL) {
            let Ok(line) = line.to_str() else {
                found.forbids = true;
                continue;
            };
            for directive in line.split(',') {
                let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
                match name.trim().to_ascii_lowercase().as_str() {
                    "no-store" | "no-cache" => found.forbids = true,
                    "max-age" => {
                        let seconds = delta_seconds(value.trim().trim_matches('"')).unwrap_or(0);
                        found.max_age = Some(found.max_age.map_or(seconds, |other| other.min(seconds)));
                    }
                    _ => {}
                }
            }
        }
        found
    }
}

/// RFC 9111 section 1.2.2: digits only, and what is too large counts as very large.
fn delta_seconds(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The lifetime that `Expires` gives. One that is no date is over (RFC 9111 section 5.3); one that
/// stands beside no date of the answer says nothing.
fn expires(headers: &HeaderMap) -> Option<Duration> {
    let expires = headers.get(header::EXPIRES)?;
    let Some(expires) = date(expires) else { return Some(Duration::ZERO) };
    let answered = date(headers.get(header::DATE)?)?;
    Some(expires.duration_since(answered).unwrap_or(Duration::ZERO))
}

fn date(value: &http::HeaderValue) -> Option<std::time::SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn freshness(headers: &[(&'static str, &'static str)]) -> Freshness {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Freshness::of(&map)
    }

    fn seconds(seconds: u64) -> Freshness {
        Freshness::For(Duration::from_secs(seconds))
    }

    #[test]
    fn max_age_less_age() {
        assert_eq!(freshness(&[("cache-control", "public, max-age=600")]), seconds(600));
        assert_eq!(freshness(&[("cache-control", "MAX-AGE=\"600\"")]), seconds(600));
        assert_eq!(freshness(&[("cache-control", "max-age=600"), ("age", "100")]), seconds(500));
        assert_eq!(freshness(&[("cache-control", "max-age=600"), ("age", "700")]), seconds(0));
        assert_eq!(freshness(&[("cache-control", "max-age=600"), ("age", "soon")]), seconds(0));
        assert_eq!(freshness(&[("cache-control", "max-age=600, max-age=5")]), seconds(5));
        assert_eq!(freshness(&[("cache-control", "max-age=never")]), seconds(0));
        assert_eq!(freshness(&[("cache-control", "max-age=99999999999999999999")]), seconds(u64::MAX));
    }

    #[test]
    fn expires_counts_from_the_date_of_the_answer() {
        let date = ("date", "Tue, 24 Nov 2026 08:00:00 GMT");
        assert_eq!(freshness(&[date, ("expires", "Tue, 24 Nov 2026 08:10:00 GMT")]), seconds(600));
        assert_eq!(freshness(&[date, ("expires", "Tue, 24 Nov 2026 07:00:00 GMT")]), seconds(0));
        assert_eq!(freshness(&[date, ("expires", "0")]), seconds(0));
        assert_eq!(freshness(&[("expires", "Tue, 24 Nov 2026 08:10:00 GMT")]), Freshness::Unstated);
        let max_age = ("cache-control", "max-age=60");
        assert_eq!(freshness(&[date, ("expires", "Tue, 24 Nov 2026 08:10:00 GMT"), max_age]), seconds(60));
    }

    #[test]
    fn no_store_and_no_cache_win() {
        assert_eq!(freshness(&[("cache-control", "no-store, max-age=600")]), seconds(0));
        assert_eq!(freshness(&[("cache-control", "max-age=600"), ("cache-control", "No-Cache")]), seconds(0));
        assert_eq!(freshness(&[]), Freshness::Unstated);
        assert_eq!(freshness(&[("cache-control", "private")]), Freshness::Unstated);
    }

    /// Neither no time nor ten years.
    #[test]
    fn bounds_are_the_keepers() {
        let [least, most, unstated] = [60, 86_400, 300].map(Duration::from_secs);
        let kept = |freshness: Freshness| freshness.within(least, most, unstated).as_secs();
        assert_eq!(kept(seconds(0)), 60);
        assert_eq!(kept(seconds(315_360_000)), 86_400);
        assert_eq!(kept(seconds(600)), 600);
        assert_eq!(kept(Freshness::Unstated), 300);
    }
}
