//! What anybody sees of the server that `BASE_URL` names.
//!
//! A test makes what it needs (a client, a person) and leaves alone what it did not make, so all of
//! them run at once, against any server, as often as wanted.

mod authorize;
mod discovery;
mod example;
mod http_sse;
mod introspection;
mod limits;
mod mcp;
mod modern;
mod offers;
mod pages;
mod raw;
mod registration;
mod scopes;
mod sign_in;
mod token;
