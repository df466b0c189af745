//! Outside identity providers: one that takes the place of Postern's authorization server, with its metadata, keys and
//! access tokens (RFC 9068); and any number at which users sign in.
//!
//! The network, the store, the time and the randomness are arguments. Reading order:
//!
//! 1. [`introspection`]: what a token stands for, and when the provider's keys are fetched;
//! 2. [`config`]: the variables of the operator;
//! 3. [`key_record`]: the stored keys of a provider, and the limits on fetching newer ones;
//! 4. [`discovery`]: finds and fetches the keys;
//! 5. [`access`]: the claims of an access token;
//! 6. [`sign_in`]: sends browsers to a provider and checks what they bring back.
//!
//! A bad token causes at most one request: for the newest keys of the configured provider, once in five minutes.
//! An outage of the provider or of the store is never reported as an invalid token.

pub mod access;
pub mod config;
pub mod discovery;
pub mod introspection;
pub mod key_record;
pub mod sign_in;

pub use access::Access;
pub use config::{ConfigError, Provider, Settings};
pub use introspection::{Introspection, IntrospectionError, KeyMemory};
