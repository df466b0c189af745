//! HTTP as plain data, shared by the authorization server and the MCP server.
//!
//! Nothing here does I/O and nothing here knows OAuth or MCP. Reading order: [`request`] (what comes
//! in, and the body that is read only when somebody asks for it), [`reply`] (what goes out, with the
//! security headers in one place), [`form`], [`address`] and [`public_url`], [`issuer`], [`cors`], and [`mod@fetch`]
//! (documents from elsewhere).
//!
//! ```
//! use web_core::{PublicUrl, Reply};
//! let public_url = PublicUrl::parse("https://mcp.example.com").unwrap();
//! let reply = Reply::json(http::StatusCode::OK, &serde_json::json!({ "resource": public_url.join("/mcp") }));
//! assert_eq!(reply.headers["content-type"], "application/json");
//! ```

pub mod address;
mod authority;
pub mod cors;
pub mod fetch;
pub mod form;
pub mod initial_scopes;
pub mod issuer;
pub mod public_url;
pub mod reply;
pub mod request;

pub use address::{Address, AddressError};
pub use form::{Form, FormError};
pub use initial_scopes::{InitialScopes, InitialScopesError};
pub use issuer::{Issuer, IssuerError};
pub use public_url::{PublicUrl, PublicUrlError};
pub use reply::{Body, Forms, Reply};
pub use request::{BodyError, Head, ReadBody};
