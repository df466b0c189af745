//! What identifies a request, to the person who got an error page and to the operator who has the log.

use http::HeaderName;
use std::fmt;
use store_core::Random;
use web_core::Head;

/// The header that an error's answer has the trace id in.
pub const HEADER: HeaderName = HeaderName::from_static("x-trace-id");

/// The trace id of a request (W3C Trace Context section 3.2.2.3): 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceId(String);

impl TraceId {
    /// Of a request: the one that a proxy or a client gave it, so that it is found in their logs too, or a new
    /// one. It identifies and authenticates nothing, so anybody may choose it.
    pub fn of(head: &Head, random: &impl Random) -> Self {
        let given = head.single_header("traceparent").ok().flatten().and_then(parse);
        Self(given.unwrap_or_else(|| hex(&random.bytes::<16>())))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The trace id in a `traceparent` (section 3.2). Later versions may add fields; what there is of this one
/// is where it was.
fn parse(traceparent: &str) -> Option<String> {
    let is_hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let mut fields = traceparent.split('-');
    let (version, trace_id) = (fields.next()?, fields.next()?);
    let (parent_id, flags) = (fields.next()?, fields.next()?);
    let is_whole = is_hex(version, 2) && is_hex(trace_id, 32) && is_hex(parent_id, 16) && is_hex(flags, 2);
    let is_good = match version {
        "ff" => false,
        "00" => fields.next().is_none(),
        _ => true,
    };
    (is_whole && is_good && trace_id.bytes().any(|byte| byte != b'0')).then(|| trace_id.to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};
    use store_core::testing::SequenceRandom;

    fn of(traceparent: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in traceparent {
            headers.append("traceparent", value.parse().unwrap());
        }
        let head = Head { method: Method::GET, path: "/".into(), query: None, authority: None, headers };
        TraceId::of(&head, &SequenceRandom::new(1)).to_string()
    }

    const GIVEN: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn given_trace_is_gone_on_with() {
        assert_eq!(of(&[&format!("00-{GIVEN}-00f067aa0ba902b7-01")]), GIVEN);
        assert_eq!(of(&[&format!("cc-{GIVEN}-00f067aa0ba902b7-01-what-comes")]), GIVEN);
    }

    /// Whatever else is sent, nothing of it gets onto the page or into the log.
    #[test]
    fn other_requests_get_a_trace_of_their_own() {
        let good = format!("00-{GIVEN}-00f067aa0ba902b7-01");
        for bad in [
            vec![],
            vec![""],
            vec![good.as_str(), good.as_str()],
            vec!["00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
            vec!["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
            vec!["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"],
            vec!["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"],
            vec!["00-<script>alert(1)</script>3333333-00f067aa0ba902b7-01"],
            vec!["00-4bf92f3577b34da6a3ce929d0e0e4736"],
        ] {
            let id = of(&bad);
            assert!(id.len() == 32 && id != GIVEN, "{bad:?}: {id}");
            assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        }
    }
}
