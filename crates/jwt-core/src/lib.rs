//! JSON Web Tokens that other parties sign: parsed strictly, checked, verified, and only then read.
//!
//! The tokens are an outside provider's access tokens (RFC 9068), a client's assertions (RFC 7523) and
//! ID tokens (OpenID Connect Core). Postern's own tokens are not JWTs. This crate does no I/O: the time and the
//! keys are arguments. Reading order:
//!
//! 1. [`token`]: the compact form, the checks that need no key, and the check of the
//!    signature, after which the claims can be read, and not before;
//! 2. [`claims`]: the claims of a token;
//! 3. [`key_set`]: the public keys of a party (RFC 7517);
//! 4. [`algorithm`]: the supported signature algorithms;
//! 5. [`testing`]: keys for tests.
//!
//! The types enforce what RFC 8725 requires: the caller names the accepted algorithms, issuer, `typ` and
//! audience; `none` and the HMAC algorithms do not exist, so that no public key can be
//! taken for a secret; keys come from the caller's set and never from the token; and a key is of one
//! kind, which fits one family of algorithms.
//!
//! ```
//! use jwt_core::{Algorithm, Audience, Expected, JwtError, UnverifiedToken};
//!
//! let expected = Expected {
//!     algorithms: &[Algorithm::Es256],
//!     types: &["at+jwt"],
//!     issuer: "https://id.example.com",
//!     audience: Audience::LeftToCaller,
//!     max_lifetime: None,
//!     now: 1_800_000_000,
//! };
//! // {"alg":"none"} and an empty signature: refused before anything is fetched.
//! let refused = UnverifiedToken::parse("eyJhbGciOiJub25lIn0.e30.", &expected);
//! assert_eq!(refused.unwrap_err(), JwtError::Algorithm);
//! ```

pub mod algorithm;
pub mod claims;
pub mod key_set;
pub mod testing;
pub mod token;

mod key_material;
mod strict;

pub use algorithm::Algorithm;
pub use claims::Claims;
pub use key_set::{KeySet, KeySetError};
pub use token::{Audience, Expected, JwtError, LEEWAY_SECONDS, UnverifiedToken, VerifiedToken};
