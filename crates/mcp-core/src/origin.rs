//! Which web pages may talk to the MCP endpoint (2026-07-28, transports, security warning).
//!
//! A browser says in `Origin` whose script is calling. Programs that are no browsers send none, and
//! are told apart by their tokens alone.
//!
//! Nothing at the endpoint is authorised by what a browser adds by itself, such as a cookie: a page needs a token, and
//! gets one only if a person signs in and approves. So a public server takes every page that has one, unless the
//! operator names those that may come. A server on a developer's machine is another matter: a website can make its own
//! name resolve to 127.0.0.1 (DNS rebinding), and what such a server trusts is the machine. It takes its own pages, those
//! of other programs on the machine, such as MCP Inspector, and those that the operator names.

use http::{HeaderValue, header};
use web_core::{Head, PublicUrl, Reply, cors, public_url::is_loopback_origin};

/// The pages that may call: the variable `allowed_origins`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigins {
    /// Those of every origin.
    any: bool,
    /// Those that are served by plain `http` from the machine that they are shown on.
    loopback: bool,
    /// Those of these origins, as browsers write them.
    listed: Vec<String>,
    /// Those of every origin with these schemes, for example `vscode-webview://`.
    schemes: Vec<String>,
}

/// The variable cannot be used. The text never has its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "allowed_origins: it must be *, or origins separated by commas: scheme, host and port as https://app.example, null, or \
     SCHEME://* for every origin of a scheme that is not http or https"
)]
pub struct OriginsError;

impl AllowedOrigins {
    /// Reads the variables `allowed_origins` and `strict` of a server at `public_url`.
    ///
    /// Tolerance `any_origin`: a public server whose operator names no origins takes pages of all.
    pub fn parse(text: &str, public_url: &PublicUrl, strict: &str) -> Result<Self, OriginsError> {
        let is_strict = strict.split(',').any(|name| name.trim() == "any_origin");
        let is_empty = text.trim().is_empty();
        let mut allowed = Self {
            any: is_empty && !public_url.is_loopback() && !is_strict,
            loopback: public_url.is_loopback(),
            listed: public_url.all().map(|address| address.origin().to_owned()).collect(),
            schemes: Vec::new(),
        };
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            match (entry, entry.strip_suffix('*')) {
                ("*", _) => allowed.any = true,
                ("null", _) => allowed.listed.push("null".to_owned()),
                (_, Some(scheme)) => allowed.schemes.push(scheme_of(scheme)?),
                (_, None) => allowed.listed.push(origin_of(entry)?),
            }
        }
        Ok(allowed)
    }

    fn allows(&self, origin: &str, public_url: &PublicUrl) -> bool {
        self.any
            || self.listed.iter().any(|listed| listed == origin)
            || self.schemes.iter().any(|scheme| origin.len() > scheme.len() && origin.starts_with(scheme))
            || public_url.is_own_origin(origin)
            || (self.loopback && is_loopback_origin(origin))
    }
}

/// A scheme with its separator, in lower case.
fn scheme_of(text: &str) -> Result<String, OriginsError> {
    let scheme = text.strip_suffix("://").ok_or(OriginsError)?.to_ascii_lowercase();
    let has_letters = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    // An operator who means every website writes one star.
    if !has_letters || matches!(scheme.as_str(), "http" | "https" | "ws" | "wss") {
        return Err(OriginsError);
    }
    Ok(format!("{scheme}://"))
}

/// An origin as a browser writes it (HTML, section 7.1.1): lower case, without the scheme's own port.
fn origin_of(text: &str) -> Result<String, OriginsError> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let (scheme, host) = text.split_once("://").ok_or(OriginsError)?;
    let host = host.to_ascii_lowercase();
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_host) {
        return Err(OriginsError);
    }
    match scheme.to_ascii_lowercase().as_str() {
        scheme @ ("http" | "https") => {
            let own_port = if scheme == "https" { ":443" } else { ":80" };
            Ok(format!("{scheme}://{}", host.strip_suffix(own_port).unwrap_or(&host)))
        }
        scheme => Ok(scheme_of(&format!("{scheme}://"))? + &host),
    }
}

/// A request comes from a page that may not talk to us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ForeignOrigin;

/// Judges `Origin` (MP-01). `Ok(None)` when there is none; otherwise whom the reply is for.
pub(crate) fn judge(
    head: &Head,
    allowed: &AllowedOrigins,
    public_url: &PublicUrl,
) -> Result<Option<HeaderValue>, ForeignOrigin> {
    match head.single_header(header::ORIGIN).map_err(|_| ForeignOrigin)? {
        None => Ok(None),
        Some(_) if allowed.any => Ok(Some(HeaderValue::from_static("*"))),
        Some(origin) if allowed.allows(origin, public_url) => Ok(head.headers.get(header::ORIGIN).cloned()),
        Some(_) => Err(ForeignOrigin),
    }
}

/// Lets the page read the reply.
pub(crate) fn allow<B>(reply: Reply<B>, origin: Option<HeaderValue>) -> Reply<B> {
    match origin {
        Some(origin) => cors::allow(reply, origin),
        None => reply,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};

    fn head(origins: &[&str]) -> Head {
        let mut headers = HeaderMap::new();
        for value in origins {
            headers.append(header::ORIGIN, HeaderValue::from_str(value).unwrap());
        }
        Head { method: Method::POST, path: "/mcp".into(), query: None, authority: None, headers }
    }

    fn public() -> PublicUrl {
        PublicUrl::parse("https://mcp.example.com").unwrap()
    }

    fn loopback() -> PublicUrl {
        PublicUrl::parse("http://127.0.0.1:3000").unwrap()
    }

    /// Whether a page of this origin may call a server with these variables.
    fn is_allowed(url: &PublicUrl, variable: &str, strict: &str, origins: &[&str]) -> bool {
        let allowed = AllowedOrigins::parse(variable, url, strict).unwrap();
        judge(&head(origins), &allowed, url).is_ok()
    }

    /// What is no origin of anything that a loopback server should listen to.
    const STRANGERS: [&str; 15] = [
        "null",
        "",
        "https://evil.example",
        "https://mcp.example.com.evil.example",
        "https://mcp.example.com:444",
        "https://mcp.example.com/",
        "HTTPS://mcp.example.com",
        "http://mcp.example.com",
        "http://localhost.evil.example",
        "http://localhost:1@evil.example",
        "http://127.0.0.1.evil.example:80",
        "http://localhost:",
        "http://localhost:99999",
        "http://[::1",
        "https://mcp.example.com, https://evil.example",
    ];

    /// MP-01, MCP-T-02 to MCP-T-04: exact, no prefixes, `null` is nobody.
    #[test]
    fn pages_of_strangers_are_refused_where_a_machine_is_trusted() {
        for origin in
            ["http://localhost:6274", "http://127.0.0.1", "http://[::1]:5173", "http://localhost:3000"]
        {
            assert!(is_allowed(&loopback(), "", "", &[origin]), "{origin}");
            assert!(!is_allowed(&public(), "", "any_origin", &[origin]), "{origin}");
            assert!(!is_allowed(&public(), "https://a.example", "", &[origin]), "{origin}");
        }
        for origin in STRANGERS {
            assert!(!is_allowed(&loopback(), "", "", &[origin]), "{origin}");
            assert!(!is_allowed(&public(), "", "any_origin", &[origin]), "{origin}");
            assert!(!is_allowed(&public(), "https://a.example", "", &[origin]), "{origin}");
        }
        assert!(is_allowed(&public(), "", "any_origin", &[]), "a program");
        assert!(is_allowed(&public(), "https://a.example", "any_origin", &["https://mcp.example.com"]));
        assert!(!is_allowed(&public(), "", "", &["https://a.example", "https://a.example"]), "twice");
    }

    /// C2: the known web clients work where a token is all that counts.
    #[test]
    fn pages_of_every_origin_may_call_a_public_server() {
        for origin in [
            "https://client.example",
            "http://localhost:6274",
            "null",
            "chrome-extension://abcdefghijklmnop",
            "vscode-file://vscode-app",
            "tauri://localhost",
        ] {
            let allowed = AllowedOrigins::parse("", &public(), "").unwrap();
            assert_eq!(
                judge(&head(&[origin]), &allowed, &public()).unwrap(),
                Some(HeaderValue::from_static("*")),
                "{origin}"
            );
        }
    }

    /// C2: what an operator names is matched exactly, however it was written.
    #[test]
    fn operator_names_the_pages_that_may_call() {
        let named = "https://App.example:443/, http://localhost:6274, null, chrome-extension://abcdef, \
                     vscode-file://vscode-app, tauri://localhost, vscode-webview://*";
        for origin in [
            "https://app.example",
            "http://localhost:6274",
            "null",
            "chrome-extension://abcdef",
            "vscode-file://vscode-app",
            "tauri://localhost",
            "vscode-webview://0a1b2c3d",
        ] {
            assert!(is_allowed(&public(), named, "any_origin", &[origin]), "{origin}");
            assert!(is_allowed(&loopback(), named, "", &[origin]), "{origin}");
        }
        for origin in [
            "http://app.example",
            "https://app.example.evil.example",
            "chrome-extension://abcdefg",
            "vscode-webview://",
            "vscode-webviews://x",
            "http://localhost:6275",
            "https://tauri.localhost",
        ] {
            assert!(!is_allowed(&public(), named, "", &[origin]), "{origin}");
        }
        assert!(is_allowed(&loopback(), named, "", &["http://localhost:6275"]), "a program on the machine");
        assert!(is_allowed(&loopback(), "*", "", &["https://client.example"]));
        assert!(
            is_allowed(&public(), "*", "any_origin", &["https://client.example"]),
            "who says so means it"
        );
    }

    /// C12: the server's own pages are at each of its addresses.
    #[test]
    fn own_pages_may_call_at_every_address() {
        let url = public().also_served_at("https://b.example").unwrap();
        assert!(is_allowed(&url, "https://a.example", "", &["https://b.example"]));
    }

    #[test]
    fn mistakes_name_the_variable_and_not_its_value() {
        for bad in [
            "s3cret",
            "https://",
            "https://*",
            "s3cret*",
            "https://s3cret/x",
            "https://*.s3cret",
            "http://a b",
            "1s3cret://x",
        ] {
            let error = AllowedOrigins::parse(bad, &public(), "").unwrap_err().to_string();
            assert!(error.starts_with("allowed_origins: ") && !error.contains("s3cret"), "{bad}: {error}");
        }
    }
}
