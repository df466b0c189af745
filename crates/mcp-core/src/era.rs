//! Which era a message belongs to, and what a modern one has to say of itself.
//!
//! One endpoint serves both eras. The body decides first and the header second, for each message anew:
//! nothing is remembered of a connection. The decision comes before any look at the method, so that
//! `initialize` with a modern claim is a method that does not exist, not a handshake.

use crate::{
    json,
    jsonrpc::{Call, Fault, Id, MAX_ID},
    mirrored_headers,
    ports::{ClientCapabilities, ClientInfo, LogLevel},
    revision::Revision,
};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

/// How a message is to be understood.
#[derive(Debug)]
pub(crate) enum Era<'a> {
    /// With a handshake; the revision is the one that the header names.
    Legacy(Revision),
    /// Without. The message has yet to pass [`Meta::judge`].
    Modern(Meta<'a>),
}

/// What of `params._meta` matters here (2026-07-28, basic, `_meta`).
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Meta<'a> {
    #[serde(
        rename = "io.modelcontextprotocol/protocolVersion",
        default,
        borrow,
        deserialize_with = "json::present"
    )]
    protocol_version: Option<&'a RawValue>,
    #[serde(
        rename = "io.modelcontextprotocol/clientCapabilities",
        default,
        borrow,
        deserialize_with = "json::present"
    )]
    client_capabilities: Option<&'a RawValue>,
    #[serde(
        rename = "io.modelcontextprotocol/clientInfo",
        default,
        borrow,
        deserialize_with = "json::present"
    )]
    client_info: Option<&'a RawValue>,
    #[serde(
        rename = "io.modelcontextprotocol/logLevel",
        default,
        borrow,
        deserialize_with = "json::present"
    )]
    log_level: Option<&'a RawValue>,
    #[serde(rename = "progressToken", default, borrow, deserialize_with = "json::present")]
    progress_token: Option<&'a RawValue>,
}

/// Decides the era of a message.
pub(crate) fn classify<'a>(headers: &HeaderMap, call: &Call<'a>) -> Result<Era<'a>, Fault> {
    let header = mirrored_headers::find(headers, "mcp-protocol-version")?;
    let meta = Meta::parse(call.params.meta);
    if meta.protocol_version.is_some() {
        return Ok(Era::Modern(meta));
    }
    // A handshake agrees on a revision by its body. Clients have the header from the request after it on
    // (2025-06-18, transports, protocol version header); what it says before is no reason to refuse.
    let header = header.filter(|header| call.method != "initialize" || Revision::parse(header).is_some());
    match header.map(|header| (header, Revision::parse(header))) {
        None => Ok(Era::Legacy(Revision::WITHOUT_HEADER)),
        Some((_, Some(revision))) if revision.is_modern() => Ok(Era::Modern(meta)),
        Some((_, Some(revision))) => Ok(Era::Legacy(revision)),
        Some((header, None)) => Err(Fault::UnsupportedProtocolVersion { requested: header.to_owned() }),
    }
}

impl<'a> Meta<'a> {
    /// Reads `_meta`.
    pub(crate) fn parse(meta: Option<&'a RawValue>) -> Self {
        // Anything but an object claims nothing.
        meta.and_then(|meta| serde_json::from_str(meta.get()).ok()).unwrap_or_default()
    }

    /// Whether it says that the message is a modern one.
    pub(crate) fn claims_a_revision(&self) -> bool {
        self.protocol_version.is_some()
    }

    /// The revision that it claims, as the client wrote it.
    pub(crate) fn claim(&self) -> Option<String> {
        let claim = self.protocol_version?;
        Some(json::string(claim).map_or_else(|| claim.get().to_owned(), Into::into))
    }

    /// Judges a modern request up to the headers that mirror it, and tells its revision.
    pub(crate) fn judge(&self, headers: &HeaderMap, call: &Call<'_>) -> Result<Revision, Fault> {
        if self.protocol_version.and_then(json::string).is_none() {
            return Err(Fault::InvalidMeta("_meta must name io.modelcontextprotocol/protocolVersion"));
        }
        if !self.client_capabilities.is_some_and(json::is_object) {
            return Err(Fault::InvalidMeta("_meta must have io.modelcontextprotocol/clientCapabilities"));
        }
        if self.client_info.is_some() && self.client_info().is_none() {
            return Err(Fault::InvalidMeta(
                "io.modelcontextprotocol/clientInfo must have a name and a version",
            ));
        }
        let revision = self.judge_version(headers)?;
        mirrored_headers::check(headers, call)?;
        // Without a claim, `protocol_version` was missing and we are not here.
        revision.ok_or(Fault::InvalidMeta("_meta must name io.modelcontextprotocol/protocolVersion"))
    }

    /// Judges a modern notification: only what it claims, for nothing is done with it.
    pub(crate) fn judge_notification(&self, headers: &HeaderMap) -> Result<(), Fault> {
        self.judge_version(headers).map(drop)
    }

    /// That the header says what the claim says is checked before whether we serve it (MCP-T-08).
    fn judge_version(&self, headers: &HeaderMap) -> Result<Option<Revision>, Fault> {
        let Some(claim) = self.protocol_version.and_then(json::string) else { return Ok(None) };
        let header = mirrored_headers::find(headers, "mcp-protocol-version")?;
        if header.is_some_and(|header| header != claim) {
            return Err(Fault::HeaderMismatch(
                "MCP-Protocol-Version and _meta name different revisions".into(),
            ));
        }
        match Revision::parse(&claim).filter(|revision| revision.is_modern()) {
            Some(revision) => Ok(Some(revision)),
            None => Err(Fault::UnsupportedProtocolVersion { requested: claim.into_owned() }),
        }
    }

    /// Checks `logLevel`: a level that is none is a client's mistake.
    pub(crate) fn judge_log_level(&self) -> Result<(), Fault> {
        if self.log_level.is_some() && self.log_level().is_none() {
            return Err(Fault::InvalidMeta("io.modelcontextprotocol/logLevel is no log level"));
        }
        Ok(())
    }

    /// The least severe log message that the client wants to have. `None`: none.
    pub(crate) fn log_level(&self) -> Option<LogLevel> {
        serde_json::from_str(self.log_level?.get()).ok()
    }

    /// Checks that a progress token can be repeated in each notification.
    pub(crate) fn judge_progress_token(&self) -> Result<(), Fault> {
        match self.progress_token {
            Some(token) if token.get().len() > MAX_ID => {
                Err(Fault::InvalidParams(format!("progressToken must be at most {MAX_ID} bytes long")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What the client wants progress notifications to be marked with. `None`: it wants none.
    pub(crate) fn progress_token(&self) -> Option<Id> {
        Id::parse(self.progress_token?)
    }

    /// What the client can be asked for.
    pub(crate) fn client_capabilities(&self) -> ClientCapabilities {
        self.client_capabilities.map(ClientCapabilities::parse).unwrap_or_default()
    }

    /// What the client says of itself.
    pub(crate) fn client_info(&self) -> Option<ClientInfo> {
        serde_json::from_str(self.client_info?.get()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsonrpc::{self, Message, Parsed};

    fn era(header: Option<&'static str>, body: &str) -> Result<String, Fault> {
        let mut headers = HeaderMap::new();
        headers.extend(header.map(|header| {
            (http::HeaderName::from_static("mcp-protocol-version"), http::HeaderValue::from_static(header))
        }));
        let Ok(Parsed::One(Message::Request(_, call))) = jsonrpc::parse(body.as_bytes(), false) else {
            panic!("{body}")
        };
        classify(&headers, &call).map(|era| match era {
            Era::Legacy(revision) => revision.as_str().to_owned(),
            Era::Modern(_) => "modern".to_owned(),
        })
    }

    const CLAIM: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    const NO_CLAIM: &str =
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"_meta":{"progressToken":1}}}"#;

    /// MCP-V-07: the claim decides, whatever the method and the header.
    #[test]
    fn claim_decides_before_header_and_method() {
        for header in [None, Some("2025-06-18"), Some("2026-07-28"), Some("1900-01-01")] {
            assert_eq!(era(header, CLAIM).unwrap(), "modern", "{header:?}");
        }
    }

    /// MCP-V-16, MCP-V-18, MCP-V-19.
    #[test]
    fn header_decides_when_there_is_no_claim() {
        assert_eq!(era(None, NO_CLAIM).unwrap(), "2025-03-26");
        assert_eq!(era(Some("2025-11-25"), NO_CLAIM).unwrap(), "2025-11-25");
        assert_eq!(era(Some("2026-07-28"), NO_CLAIM).unwrap(), "modern");
        let list = NO_CLAIM.replace("initialize", "tools/list");
        let fault = era(Some("1900-01-01"), &list).unwrap_err();
        assert_eq!(fault, Fault::UnsupportedProtocolVersion { requested: "1900-01-01".to_owned() });
    }

    /// C20.
    #[test]
    fn a_handshake_is_not_refused_for_a_header_with_an_unknown_revision() {
        for header in ["1900-01-01", "2025-13-01", "latest", ""] {
            assert_eq!(era(Some(header), NO_CLAIM).unwrap(), "2025-03-26", "{header}");
        }
    }

    #[test]
    fn null_claim_is_a_claim() {
        let body = CLAIM.replace("\"2026-07-28\"", "null");
        assert_eq!(era(None, &body).unwrap(), "modern");
    }
}
