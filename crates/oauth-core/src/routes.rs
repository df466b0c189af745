//! The paths, and the one match over them. Paths are compared byte for byte: a second spelling of one
//! (another slash, an escaped letter) is no path of ours.

use crate::{
    AuthorizationServer, Config, account, authorize, away,
    client::registration,
    introspection_endpoint, metadata,
    page_error::PageError,
    pages,
    ports::{Catalog, Identity},
    revocation, token,
};
use http::{Method, StatusCode};
use store_core::{Random, Store};
use web_core::{Forms, Head, ReadBody, Reply};

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
/// Authorization server metadata (RFC 8414 section 3). The issuer has no path, so there is none to insert
/// after this one: any longer path is of an issuer that is not here, and is not found. A client that asked
/// for it and were given ours would have to refuse it (section 3.3).
pub const METADATA: &str = "/.well-known/oauth-authorization-server";
/// The same, where OpenID Connect Discovery has it (RFC 8414 section 5).
pub const OPENID_METADATA: &str = "/.well-known/openid-configuration";

/// Whether nobody but programs comes here, so that an error is a document whatever they say they accept.
pub(crate) fn is_for_programs(path: &str) -> bool {
    matches!(path, TOKEN | REVOKE | INTROSPECT | REGISTER | METADATA | OPENID_METADATA)
}

/// Finds the endpoint and answers.
pub(crate) async fn serve<S: Store, R: Random, I: Identity, C: Catalog>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<Reply, PageError> {
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
        METADATA | OPENID_METADATA => {
            Ok(metadata::serve(head, server.config, server.catalog, server.network, server.log).await)
        }
        ICON => Ok(pages::icon(&server.config.brand)),
        CHANGE_PASSWORD => Ok(Reply::see_other(ACCOUNT)),
        HOME => match head.method {
            Method::GET | Method::HEAD => {
                let Config { public_url, brand, .. } = server.config;
                let page = pages::HomePage::new(public_url, brand, &server.catalog.list().await?);
                Ok(pages::reply(StatusCode::OK, &page, brand, Forms::StayHere))
            }
            _ => Ok(Reply::method_not_allowed("GET, HEAD")),
        },
        _ => Err(PageError::NotFound),
    }
}
