//! Outside identity providers: one in place of our own authorization server, with its metadata, its keys, and
//! what its access tokens say (RFC 9068); and any number that people sign in at.
//!
//! The network, the store, time and chance are arguments. Reading order:
//!
//! 1. [`introspection`]: from a token to the facts behind it, and when the provider is asked for keys;
//! 2. [`config`]: what an operator decides;
//! 3. [`key_record`]: the provider's keys as they are kept, and the limits on asking for newer ones;
//! 4. [`discovery`]: where the keys are, and getting them;
//! 5. [`access`]: which claims become which facts;
//! 6. [`sign_in`]: sending people there, and what they bring back.
//!
//! Nothing that is wrong with a token is ever a reason to ask for anything but the newest keys of the one
//! configured provider, and that at most once in five minutes. That the provider or the store does not
//! answer is never said of a token.

pub mod access;
pub mod config;
pub mod discovery;
pub mod introspection;
pub mod key_record;
pub mod sign_in;

pub use access::Access;
pub use config::{ConfigError, Provider, Settings};
pub use introspection::{Introspection, IntrospectionError, KeyMemory};
