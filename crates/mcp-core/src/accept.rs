//! What the client can read (RFC 9110 section 12.5.1).

use http::{HeaderMap, header};

/// How a reply may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `application/json`, and nothing else.
    Json,
    /// `text/event-stream`, and nothing else.
    EventStream,
    /// Either: JSON where it is enough.
    Either,
}

/// What MCP asks clients to send, as most of them write it.
const USUAL: &str = "application/json, text/event-stream";

/// Chooses. `None` when the client can read neither.
///
/// MCP asks clients to name both types. Many name one, or none, and can be served all the same.
pub(crate) fn negotiate(headers: &HeaderMap) -> Option<Format> {
    let mut values = headers.get_all(header::ACCEPT).iter();
    match (values.next(), values.next()) {
        (None, _) => return Some(Format::Either),
        (Some(value), None) if value == USUAL => return Some(Format::Either),
        (Some(_), _) => {}
    }
    match (accepts(headers, "application", "json"), accepts(headers, "text", "event-stream")) {
        (true, true) => Some(Format::Either),
        (true, false) => Some(Format::Json),
        (false, true) => Some(Format::EventStream),
        (false, false) => None,
    }
}

/// Whether a request comes from the address bar of a browser: it names HTML, and nothing that MCP clients read.
pub(crate) fn is_browser(headers: &HeaderMap) -> bool {
    let names = |media_type: &str| {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        lines.flat_map(|line| line.split(',')).any(|range| {
            let mut parts = range.split(';').map(str::trim);
            parts.next().is_some_and(|named| named.eq_ignore_ascii_case(media_type))
                && !parts.any(|part| {
                    matches!(part.strip_prefix(['q', 'Q']), Some("=0" | "=0.0" | "=0.00" | "=0.000"))
                })
        })
    };
    names("text/html") && !names("text/event-stream") && !names("application/json")
}

/// Whether the most specific range that covers a type has a weight above zero.
fn accepts(headers: &HeaderMap, kind: &str, subtype: &str) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let weights = lines.flat_map(|line| line.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let (range_kind, range_subtype) = parts.next()?.split_once('/')?;
        let specificity = match (range_kind, range_subtype) {
            ("*", "*") => 0,
            (range, "*") if range.eq_ignore_ascii_case(kind) => 1,
            (range, sub) if range.eq_ignore_ascii_case(kind) && sub.eq_ignore_ascii_case(subtype) => 2,
            _ => return None,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some((specificity, weight.and_then(|weight| weight.parse::<f32>().ok()).unwrap_or(1.0)))
    });
    weights.max_by_key(|(specificity, _)| *specificity).is_some_and(|(_, weight)| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn chosen(accept: &[&'static str]) -> Option<Format> {
        negotiate(&accept.iter().map(|value| (header::ACCEPT, HeaderValue::from_static(value))).collect())
    }

    /// U8: what Chrome, Firefox and Safari send for an address, and what clients send.
    #[test]
    fn a_browser_is_known_by_what_it_reads() {
        let is_browser = |accept: &'static str| {
            is_browser(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]))
        };
        for accept in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "Text/HTML",
        ] {
            assert!(is_browser(accept), "{accept}");
        }
        for accept in [
            "*/*",
            "text/event-stream",
            "application/json, text/event-stream",
            "text/html, text/event-stream",
            "text/html, application/json",
            "text/html;q=0, */*",
            "",
        ] {
            assert!(!is_browser(accept), "{accept}");
        }
        assert!(!super::is_browser(&HeaderMap::new()));
    }

    /// MCP-T-51, MP-13.
    #[test]
    fn only_a_client_that_can_read_neither_type_is_refused() {
        for accept in [
            &[][..],
            &["*/*"],
            &["application/json, text/event-stream"],
            &["text/event-stream", "Application/JSON;charset=utf-8"],
            &["text/html, */*;q=0.8"],
        ] {
            assert_eq!(chosen(accept), Some(Format::Either), "{accept:?}");
        }
        for accept in [&["application/json"][..], &["application/*;q=0.1"]] {
            assert_eq!(chosen(accept), Some(Format::Json), "{accept:?}");
        }
        for accept in [&["text/event-stream"][..], &["application/json;q=0, */*"], &["text/*"]] {
            assert_eq!(chosen(accept), Some(Format::EventStream), "{accept:?}");
        }
        for accept in [&["text/html"][..], &["application/xml, image/*"], &["application/json;q=0.0"], &[""]]
        {
            assert_eq!(chosen(accept), None, "{accept:?}");
        }
    }
}
