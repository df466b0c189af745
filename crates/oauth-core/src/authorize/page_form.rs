//! The forms that our own pages post.

use crate::{AuthorizationServer, browser, page_error::PageError, transaction};
use store_core::{Random, Store};
use web_core::{Form, Head, ReadBody};

/// The longest form, in bytes: a transaction, and room for what a person fills in.
const MAX_BODY_BYTES: usize = transaction::MAX_CHARACTERS + 8 * 1024;

/// The form field that carries the transaction. What else there is, a person filled in.
pub(crate) const TRANSACTION: &str = "transaction";

/// What a person filled in.
pub(crate) fn answers(form: &Form) -> Vec<(String, String)> {
    let filled_in = form.iter().filter(|(name, _)| *name != TRANSACTION);
    filled_in.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Reads a posted form, and opens what the page handed back with it. Only from a page of ours (AZ-26,
/// BR-10), and only within its time (AZ-33).
pub(crate) async fn read<T: transaction::Step, S: Store, R: Random, I, C>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<(T, Form), PageError> {
    let form = read_form(server, head, body).await?;
    Ok((open(server, &form)?, form))
}

/// Reads a posted form from a page of ours.
pub(crate) async fn read_form<S, R, I, C>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    head: &Head,
    body: &mut impl ReadBody,
) -> Result<Form, PageError> {
    if !browser::is_same_origin(head, &server.config.public_url) {
        return Err(PageError::ForeignForm);
    }
    Form::parse(&body.read(MAX_BODY_BYTES).await?).map_err(|_| PageError::Malformed)
}

/// Opens what the page handed back with a form.
pub(crate) fn open<T: transaction::Step, S: Store, R: Random, I, C>(
    server: &AuthorizationServer<'_, S, R, I, C>,
    form: &Form,
) -> Result<T, PageError> {
    let sealed = form.single(TRANSACTION).map_err(|_| PageError::Malformed)?.unwrap_or_default();
    transaction::open(sealed, server.records.keys, server.now).ok_or(PageError::StalePage)
}
