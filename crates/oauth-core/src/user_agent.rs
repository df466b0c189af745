//! A browser and its system in a few words, for the person who looks for it in a list.
//!
//! `User-Agent` (RFC 9110 section 10.1.5) says anything that its sender likes, so nothing is decided by it. Only words
//! from the tables below are kept: what a person reads never comes from the header itself.

use http::header;
use web_core::Head;

/// Browsers, by a product that only they name. Most also name those below them.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Systems, likewise.
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// Describes the browser that a request comes from: `Firefox on Linux`. `None` if it names none that is known.
pub fn describe(head: &Head) -> Option<String> {
    let agent = head.single_header(header::USER_AGENT).ok()??;
    let find = |table: &[(&str, &'static str)]| {
        table.iter().find(|(product, _)| agent.contains(product)).map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(name), None) | (None, Some(name)) => Some(name.to_owned()),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};

    #[test]
    fn browsers_are_described_in_our_own_words() {
        let describe = |agent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, agent.parse().unwrap());
            describe(&Head { method: Method::GET, path: "/".into(), query: None, authority: None, headers })
        };
        let mozilla = "Mozilla/5.0";
        for (agent, expected) in [
            (
                format!("{mozilla} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
                Some("Firefox on Linux"),
            ),
            (
                format!(
                    "{mozilla} (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
                ),
                Some("Edge on Windows"),
            ),
            (
                format!(
                    "{mozilla} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15"
                ),
                Some("Safari on macOS"),
            ),
            (
                format!(
                    "{mozilla} (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.0.0 Mobile/15E148 Safari/604.1"
                ),
                Some("Chrome on iPhone"),
            ),
            (
                format!(
                    "{mozilla} (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
                ),
                Some("Chrome on Android"),
            ),
            ("curl/8.5.0".to_owned(), None),
            ("<script>alert(1)</script> Firefox/1".to_owned(), Some("Firefox")),
        ] {
            assert_eq!(describe(&agent).as_deref(), expected, "{agent}");
        }
    }
}
