//! What the client wants the user to be asked, and what not (OpenID Connect Core section 3.1.2.1). Clients
//! of MCP are OAuth clients, and send these parameters all the same.
//!
//! A sign-in counts for the request that it was made for: the session remembers which that was
//! ([`BrowserSession::is_for`]). So `prompt=login` asks once and neither loops nor changes the request.

use crate::{browser::BrowserSession, error::ErrorCode};
use web_core::Form;

/// The values of `prompt`, for the metadata.
pub const PROMPTS: [&str; 4] = ["none", "login", "consent", "select_account"];

/// What the client wants the user to be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Interaction {
    /// Nothing at all: whatever would need a person is an error for the client.
    pub is_forbidden: bool,
    /// To sign in, whether signed in or not.
    asks_to_sign_in: bool,
    /// The whole decision: which account, and whether. The consent page asks both.
    asks_to_decide: bool,
    /// To sign in if it was longer ago than this, in seconds.
    max_age: Option<u64>,
}

impl Interaction {
    /// Reads `prompt` and `max_age`.
    pub(super) fn parse(form: &Form) -> Result<Self, (ErrorCode, &'static str)> {
        let mut interaction = Self::default();
        let prompts = form.single("prompt").ok().flatten().unwrap_or_default();
        let mut count = 0;
        for prompt in prompts.split(' ').filter(|prompt| !prompt.is_empty()) {
            count += 1;
            match prompt {
                "none" => interaction.is_forbidden = true,
                "login" => interaction.asks_to_sign_in = true,
                "consent" | "select_account" => interaction.asks_to_decide = true,
                _ => return Err((ErrorCode::InvalidRequest, "prompt has a value that is not supported")),
            }
        }
        if interaction.is_forbidden && count > 1 {
            return Err((ErrorCode::InvalidRequest, "prompt=none goes with no other value"));
        }
        if let Some(max_age) = form.single("max_age").ok().flatten() {
            let is_number = max_age.bytes().all(|byte| byte.is_ascii_digit());
            let error = (ErrorCode::InvalidRequest, "max_age must be a number of seconds");
            interaction.max_age = Some(max_age.parse().ok().filter(|_| is_number).ok_or(error)?);
        }
        Ok(interaction)
    }

    /// Whether somebody who is signed in like this has to sign in again for this request.
    pub(super) fn needs_sign_in(self, session: &BrowserSession, is_for_this: bool, now: u64) -> bool {
        let is_too_old =
            self.max_age.is_some_and(|max_age| now.saturating_sub(session.signed_in_at) >= max_age);
        !is_for_this && (self.asks_to_sign_in || is_too_old)
    }

    /// Whether a decision that the user made earlier may stand for this request.
    pub(super) fn allows_remembered_consent(self) -> bool {
        !self.asks_to_decide && !self.asks_to_sign_in
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Interaction, (ErrorCode, &'static str)> {
        Interaction::parse(&Form::parse(query.as_bytes()).unwrap())
    }

    /// OpenID Connect Core section 3.1.2.1.
    #[test]
    fn prompts_are_a_list_of_known_words() {
        assert_eq!(parse("x=y").unwrap(), Interaction::default());
        assert_eq!(parse("prompt=").unwrap(), Interaction::default());
        for prompt in PROMPTS {
            assert_ne!(parse(&format!("prompt={prompt}")).unwrap(), Interaction::default());
        }
        let both = Interaction { asks_to_sign_in: true, asks_to_decide: true, ..Interaction::default() };
        assert_eq!(parse("prompt=login+consent").unwrap(), both);
        for bad in ["prompt=none+login", "prompt=none+none", "prompt=create", "prompt=Login"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn max_age_is_a_number_of_seconds() {
        assert_eq!(parse("max_age=0").unwrap().max_age, Some(0));
        assert_eq!(parse("max_age=3600").unwrap().max_age, Some(3600));
        for bad in ["max_age=-1", "max_age=%2B1", "max_age=1.5", "max_age=99999999999999999999", "max_age=x"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
