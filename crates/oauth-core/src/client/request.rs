//! A request that a client makes itself, not by way of a browser: a form, posted, with everything in
//! its body.

use crate::error::{ErrorCode, WireError};
use http::StatusCode;
use web_core::{Form, Head, ReadBody};

/// The longest request, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// The methods, as `Allow` lists them. Scripts may use them: no cookie has a part in it.
pub const METHODS: &str = "POST, OPTIONS";

/// Reads the form, in which only the named parameters may be repeated.
pub async fn read(head: &Head, body: &mut impl ReadBody, may_repeat: &[&str]) -> Result<Form, WireError> {
    if head.content_type().as_deref() != Some("application/x-www-form-urlencoded") {
        return Err(invalid_request("the body must be application/x-www-form-urlencoded"));
    }
    if head.has_content_encoding() {
        let error = invalid_request("the body must not be compressed");
        return Err(WireError { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, ..error });
    }
    // RFC 6749 section 2.3.1: not in the URI, where logs would keep them.
    if head.query.is_some() {
        return Err(invalid_request("parameters belong in the body"));
    }
    let form = Form::parse(&body.read(MAX_BODY_BYTES).await?)?;
    if form.has_repeats_except(may_repeat) {
        return Err(invalid_request("a parameter is repeated"));
    }
    Ok(form)
}

/// `invalid_request` (RFC 6749 section 5.2).
pub fn invalid_request(description: &'static str) -> WireError {
    WireError::bad_request(ErrorCode::InvalidRequest, description)
}
