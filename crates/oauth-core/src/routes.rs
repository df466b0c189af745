//! The paths below the server's address, and the one match over them ([`web_core::PublicUrl::route`] says what is below
//! it). Paths are compared byte for byte: a second spelling of one (two slashes, an escaped letter) is no path of ours.

use crate::{
    AuthorizationServer, account, authorize, away,
    client::registration,
    introspection_endpoint, metadata,
    page_error::PageError,
    pages,
    ports::{Catalog, Identity},
    revocation, token,
};
use http::{Method, StatusCode};
use store_core::{Random, Store};
use web_core::{Forms, Head, ReadBody, Reply, cors};

/// The home page.
pub const HOME: &str = "/";
/// The authorization endpoint (RFC 6749 section 3.1).
pub const AUTHORIZE: &str = "/authorize";
/// Where the sign-in page posts.
pub const SIGN_IN: &str = "/sign-in";
/// Where a browser comes back to that was sent elsewhere to sign in, or with the place's name behind it.
pub const RETURN: &str = "/sign-in/callback";
/// Where the consent page posts.
pub const CONSENT: &str = "/consent";
/// Where people see and end what they allowed. The page, and where it posts.
pub const ACCOUNT: &str = "/account";
/// Where the pages of a change of how one signs in post.
pub const CHANGE: &str = "/account/change";
/// The record of what a user allowed, to download.
pub const RECORD: &str = "/account/record";
/// The icon, where browsers and link previews look for one.
pub const ICON: &str = "/favicon.ico";
/// Where password managers send people who want to change their password (W3C, A Well-Known URL for Changing
/// Passwords).
pub const CHANGE_PASSWORD: &str = "/.well-known/change-password";
/// The token endpoint (RFC 6749 section 3.2).
pub const TOKEN: &str = "/token";
/// The revocation endpoint (RFC 7009 section 2).
pub const REVOKE: &str = "/revoke";
/// The introspection endpoint (RFC 7662 section 2).
pub const INTROSPECT: &str = "/introspect";
/// The registration endpoint (RFC 7591 section 3).
pub const REGISTER: &str = "/register";
/// Authorization server metadata (RFC 8414 section 3). Where the issuer has a path, that comes behind this one
/// (section 3.1); any other longer path is of an issuer that is not here, and is not found. A client that asked
/// for it and were given ours would have to refuse it (section 3.3).
pub const METADATA: &str = "/.well-known/oauth-authorization-server";

/// Whether only programs come here, so that an error is a document whatever they say they accept. It is asked about
/// paths as they came, too, while it is not known what is below which address.
pub(crate) fn is_for_programs(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    path.contains("/.well-known/")
        || [TOKEN, REVOKE, INTROSPECT, REGISTER].iter().any(|own| path.ends_with(own))
}

/// Whether a form of a page of ours is posted.
pub(crate) fn is_posted_to(head: &Head) -> bool {
    head.method == Method::POST && matches!(head.path.as_str(), SIGN_IN | CONSENT | CHANGE)
}

/// Whether a path is one of the MCP server's.
pub(crate) fn is_of_mcp(path: &str) -> bool {
    matches!(path, "/mcp" | "/sse" | "/sse/message")
        || path.starts_with("/.well-known/oauth-protected-resource")
}

/// Whether people come here, with the cookies that they have at the server's own address.
fn is_page(path: &str) -> bool {
    matches!(path, AUTHORIZE | SIGN_IN | CONSENT | ACCOUNT | CHANGE | RECORD) || away::is_return_path(path)
}

/// Finds the endpoint and answers.
pub(crate) async fn serve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<Reply, PageError> {
    let public_url = &server.config.public_url;
    let address = public_url.address_for(head.authority.as_deref());
    if address.as_str() != public_url.as_str() && is_page(&head.path) && head.method == Method::GET {
        // There is one authorization server, whatever else the MCP server is served at.
        let query = head.query.as_ref().map_or(String::new(), |query| format!("?{query}"));
        return Ok(Reply::see_other(&format!("{}{query}", public_url.join(&head.path))));
    }
    match head.path.as_str() {
        AUTHORIZE => authorize::serve(server, head, body).await,
        SIGN_IN => authorize::sign_in::serve(server, head, body).await,
        path if away::is_return_path(path) => away::serve(server, head).await,
        CONSENT => authorize::consent::serve(server, head, body).await,
        ACCOUNT => account::serve(server, head, body).await,
        CHANGE => account::change::serve(server, head, body).await,
        RECORD => account::record::serve(server, head).await,
        TOKEN => Ok(token::serve(head, body, &server.clients()).await),
        REVOKE => Ok(revocation::serve(head, body, &server.clients()).await),
        INTROSPECT => Ok(introspection_endpoint::serve(head, body, &server.clients()).await),
        REGISTER if server.config.clients.registration => {
            Ok(registration::serve(head, body, &server.clients(), server.catalog).await)
        }
        METADATA => {
            Ok(metadata::serve(head, server.config, server.catalog, server.network, server.log).await)
        }
        ICON => Ok(pages::icon(&server.config.brand)),
        CHANGE_PASSWORD => Ok(Reply::see_other(ACCOUNT)),
        HOME => match head.method {
            Method::GET | Method::HEAD => {
                let brand = &server.config.brand;
                let offer = server.catalog.list().await?;
                let page = pages::HomePage::new(public_url, address.as_str(), brand, &offer);
                Ok(pages::reply(StatusCode::OK, &page, brand, Forms::StayHere))
            }
            _ => Ok(Reply::method_not_allowed("GET, HEAD")),
        },
        // A script that asks whether it may ask is told that it may, and then that there is nothing.
        _ if head.method == Method::OPTIONS => {
            Ok(cors::allow_any(cors::preflight(head, "GET, HEAD, POST, OPTIONS")))
        }
        _ => Err(PageError::NotFound),
    }
}
