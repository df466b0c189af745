//! JSON Web Tokens that other parties made: read strictly, judged, and only then believed.
//!
//! The tokens are an outside provider's access tokens (RFC 9068), a client's assertions (RFC 7523) and
//! ID tokens (OpenID Connect Core). Postern makes none of its own. Nothing here does I/O; time and the
//! keys are arguments. Reading order:
//!
//! 1. [`token`]: the compact form, what is judged before a key is looked for, and the check of the
//!    signature, after which the claims can be read, and not before;
//! 2. [`claims`]: what they say;
//! 3. [`key_set`]: the public keys of a party (RFC 7517);
//! 4. [`algorithm`]: the signatures that are understood;
//! 5. [`testing`]: keys for tests.
//!
//! What RFC 8725 asks for holds by construction: the caller says which algorithms, issuer, `typ` and
//! audience will do; `none` and the HMAC algorithms do not exist here, so that no public key can be
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

mod strict;

pub use algorithm::Algorithm;
pub use claims::Claims;
pub use key_set::{KeySet, KeySetError};
pub use token::{Audience, Expected, JwtError, LEEWAY_SECONDS, UnverifiedToken, VerifiedToken};
