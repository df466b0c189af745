//! What a browser shows at an MCP endpoint: which address this is, and where to read more.
//!
//! It is the body of the 401 that every request without a token gets, for people who open the address by itself. It has no script,
//! no form and nothing of the request in it.

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use http::{HeaderValue, header};
use sha2::{Digest, Sha256};
use web_core::Reply;

const STYLE: &str = ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;\
margin:12vh auto;padding:0 1.25rem}h1{font-size:1.5rem;line-height:1.25}";

/// The reply with the page for its body. `home` is the address of the home page, without the final slash.
pub(crate) fn shown(reply: Reply, home: &str) -> Reply {
    let style_hash = Base64::encode_string(&Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style_hash}'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    );
    let policy = HeaderValue::try_from(policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    let reply = Reply { body: Bytes::from(page(home)), ..reply };
    reply
        .with(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))
        .with(header::CONTENT_SECURITY_POLICY, policy)
        .with(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"))
        .with(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"))
        // The same address answers programs in JSON.
        .with(header::VARY, HeaderValue::from_static("accept"))
}

fn page(home: &str) -> String {
    let home = home.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>MCP server address</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>This address is for MCP clients</h1>\n\
         <p>It belongs in an application that speaks the Model Context Protocol, such as Claude, VS Code or Cursor. \
         Add it there as a remote MCP server, and the application asks you to sign in.</p>\n\
         <p>Unauthorized: a browser by itself has no access token, so there is nothing else to see here.</p>\n\
         <p><a href=\"{home}/\">How to connect an application</a></p>\n</main>\n</body>\n</html>\n"
    )
}
