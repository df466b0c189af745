//! What the black-box tests are written with. It knows the product through HTTP alone: nothing of
//! ours is linked in, so the same assertions hold a deployment, or another host, to account.
//!
//! Reading order: [`Server`] sends requests ([`http`]); [`Browser`] is a person's browser, which keeps
//! cookies and fills in forms ([`html`]); [`oauth`] walks the sign-in that a client starts; [`mcp`]
//! speaks the protocol with what came of it; [`host`] is a server that a test starts for itself, and
//! [`documents`] one that a client would have; [`sqlite`] and [`redis`] are where such a server keeps its
//! data, to look into and to break.
//!
//! Whatever goes wrong in here is a failed test, so everything panics with what was answered.
#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a panic is how a test fails, and a test reads its environment and its clock"
)]

pub mod browser;
pub mod documents;
pub mod host;
pub mod html;
pub mod http;
pub mod mcp;
pub mod oauth;
pub mod redis;
pub mod sqlite;

pub use browser::{Browser, Landing};
pub use host::Host;
pub use http::{Connection, Request, Response, Server};
pub use oauth::{Authorization, Client, Person, Tokens};

/// Random text of 22 characters that need no escaping anywhere.
pub fn random() -> String {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("randomness");
    Base64UrlUnpadded::encode_string(&bytes)
}
