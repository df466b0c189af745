//! A token is parsed, checked without keys, verified, and only then read.

use crate::{Algorithm, Claims, KeySet, key_set::MAX_KEY_ID_BYTES, strict};
use serde::{Deserialize, de::DeserializeOwned};

/// The accepted difference between another party's clock and ours, in seconds.
pub const LEEWAY_SECONDS: u64 = 30;

/// The longest accepted token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// What the caller accepts. There are no defaults: each kind of token has its own rules, and they must not
/// be confused (RFC 8725 section 3.12).
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The accepted algorithms.
    pub algorithms: &'a [Algorithm],
    /// The accepted values of `typ`, without `application/` and in lower case, for example `at+jwt`.
    /// `""` stands for a token that has none.
    pub types: &'a [&'a str],
    /// The accepted issuer, compared byte for byte.
    pub issuer: &'a str,
    /// The accepted audience.
    pub audience: Audience<'a>,
    /// The longest remaining lifetime, in seconds. For tokens that are remembered until they expire, so that
    /// none is remembered for ever (RFC 7523 section 3, rule 4).
    pub max_lifetime: Option<u64>,
    /// The time, in seconds since the Unix epoch.
    pub now: u64,
}

/// The accepted audience of a token.
#[derive(Debug, Clone, Copy)]
pub enum Audience<'a> {
    /// At least one of these names, byte for byte, must be in `aud`.
    OneOf(&'a [&'a str]),
    /// Any audience. The caller checks it.
    LeftToCaller,
}

/// Why a token is refused. For the operator's log: the sender only learns that the token is not valid.
/// No text contains any part of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Not a compact JWS of a JSON object: too long, other than three parts, bad base64url or JSON, a
    /// header or claim that occurs twice or has the wrong type, an encrypted or nested token.
    #[error("it is not a signed JWT")]
    Malformed,
    /// The algorithm is not one of those expected.
    #[error("its algorithm is not one of those expected")]
    Algorithm,
    /// It has critical extensions, or contains a key or the address of one (RFC 7515 sections 4.1.2 to
    /// 4.1.6 and 4.1.11).
    #[error("its header has parameters that are not accepted")]
    Header,
    /// Its `typ` is not accepted.
    #[error("its type is not the one expected")]
    Type,
    /// Another party issued it.
    #[error("its issuer is not the one expected")]
    Issuer,
    /// It is for another audience.
    #[error("its audience is not the one expected")]
    Audience,
    /// It has expired.
    #[error("it has expired")]
    Expired,
    /// It is not valid yet, or was issued in the future.
    #[error("it is not valid yet")]
    NotYetValid,
    /// It lives longer than [`Expected::max_lifetime`].
    #[error("it expires too far in the future")]
    LivesTooLong,
    /// The set has no key that may have signed it. A newer set may have one.
    #[error("its key is not in the key set")]
    UnknownKey,
    /// The signature is not valid.
    #[error("its signature is not valid")]
    Signature,
}

/// A token that meets the caller's expectations if it is authentic. Its claims cannot be read yet.
#[derive(Debug, Clone)]
pub struct UnverifiedToken {
    algorithm: Algorithm,
    key_id: Option<String>,
    claims: Claims,
    payload: Vec<u8>,
    signing_input: String,
    signature: Vec<u8>,
}

/// A token with a verified signature.
#[derive(Debug, Clone)]
pub struct VerifiedToken {
    /// Its claims.
    pub claims: Claims,
    payload: Vec<u8>,
}

/// The header parameters that are read (RFC 7515 section 4.1). `serde` refuses a parameter that occurs twice.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    cty: Option<String>,
    #[serde(default, deserialize_with = "strict::present")]
    crit: bool,
    #[serde(default, deserialize_with = "strict::present")]
    b64: bool,
    #[serde(default, deserialize_with = "strict::present")]
    zip: bool,
    #[serde(default, deserialize_with = "strict::present")]
    enc: bool,
    #[serde(default, deserialize_with = "strict::present")]
    jku: bool,
    #[serde(default, deserialize_with = "strict::present")]
    jwk: bool,
    #[serde(default, deserialize_with = "strict::present")]
    x5u: bool,
    #[serde(default, deserialize_with = "strict::present")]
    x5c: bool,
}

impl UnverifiedToken {
    /// Parses a compact JWS (RFC 7515 section 7.1) and checks everything that needs no key:
    /// algorithm, header, type, issuer, times and audience. A caller fetches keys only after this, so that a
    /// malformed token causes no fetch.
    pub fn parse(token: &str, expected: &Expected<'_>) -> Result<Self, JwtError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JwtError::Malformed);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwtError::Malformed)?;
        let decode = |part: &str| strict::decode(part).ok_or(JwtError::Malformed);
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let header: Header = strict::object(&header).ok_or(JwtError::Malformed)?;
        let algorithm = header.judge(expected)?;
        let claims: Claims = strict::object(&payload).ok_or(JwtError::Malformed)?;
        judge(&claims, expected)?;
        let key_id = header.kid;
        Ok(Self { algorithm, key_id, claims, payload, signing_input: signing_input.to_owned(), signature })
    }

    /// Checks the signature with the keys of the expected issuer.
    ///
    /// A token that names a key is checked with keys of that name only. [`JwtError::UnknownKey`] means
    /// that a newer set may have the key: no key has the name, or the token names none and no key fits.
    pub fn verify(self, keys: &KeySet) -> Result<VerifiedToken, JwtError> {
        let mut candidates = keys.candidates(self.algorithm, self.key_id.as_deref()).peekable();
        if candidates.peek().is_none() {
            return Err(JwtError::UnknownKey);
        }
        let message = self.signing_input.as_bytes();
        if candidates.any(|key| self.algorithm.verify(&key.material, message, &self.signature)) {
            return Ok(VerifiedToken { claims: self.claims, payload: self.payload });
        }
        Err(if self.key_id.is_none() { JwtError::UnknownKey } else { JwtError::Signature })
    }
}

impl VerifiedToken {
    /// Reads the claims into the caller's own type, for those that [`Claims`] does not have. Returns `None` when
    /// they do not fit the type.
    pub fn claims_as<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.payload).ok()
    }
}

impl Header {
    fn judge(&self, expected: &Expected<'_>) -> Result<Algorithm, JwtError> {
        let algorithm = Algorithm::from_name(&self.alg).filter(|found| expected.algorithms.contains(found));
        let algorithm = algorithm.ok_or(JwtError::Algorithm)?;
        // No extension is supported, and a key inside a token proves nothing.
        let has_extension = self.crit || self.b64 || self.zip || self.enc;
        let has_key = self.jku || self.jwk || self.x5u || self.x5c;
        let is_key_id_too_long = self.kid.as_ref().is_some_and(|id| id.len() > MAX_KEY_ID_BYTES);
        if has_extension || has_key || is_key_id_too_long {
            return Err(JwtError::Header);
        }
        // RFC 7519 section 5.2: this is how a nested token announces itself.
        if self.cty.as_deref().map(media_type).is_some_and(|content| content == "jwt") {
            return Err(JwtError::Malformed);
        }
        let found = self.typ.as_deref().map(media_type).unwrap_or_default();
        if expected.types.contains(&found.as_str()) { Ok(algorithm) } else { Err(JwtError::Type) }
    }
}

/// RFC 7515 section 4.1.9: case does not matter, and `application/` may be left out.
fn media_type(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    text.strip_prefix("application/").map_or_else(|| text.clone(), str::to_owned)
}

fn judge(claims: &Claims, expected: &Expected<'_>) -> Result<(), JwtError> {
    if claims.issuer != expected.issuer {
        return Err(JwtError::Issuer);
    }
    let now = expected.now;
    if claims.expires_at.saturating_add(LEEWAY_SECONDS) <= now {
        return Err(JwtError::Expired);
    }
    let latest_start = now.saturating_add(LEEWAY_SECONDS);
    if claims.not_before.into_iter().chain(claims.issued_at).any(|start| start > latest_start) {
        return Err(JwtError::NotYetValid);
    }
    let latest_end = expected.max_lifetime.map(|lifetime| latest_start.saturating_add(lifetime));
    if latest_end.is_some_and(|latest| claims.expires_at > latest) {
        return Err(JwtError::LivesTooLong);
    }
    match expected.audience {
        Audience::OneOf(names) if !claims.audience.iter().any(|name| names.contains(&name.as_str())) => {
            Err(JwtError::Audience)
        }
        Audience::OneOf(_) | Audience::LeftToCaller => Ok(()),
    }
}
