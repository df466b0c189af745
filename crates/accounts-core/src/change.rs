//! Another password, for whoever is signed in.

use crate::throttle::{Guest, Turn};
use crate::{Accounts, Answers, ConversationError, Form, Step, form, name, password, record::Account, words};
use serde::{Deserialize, Serialize};
use store_core::{Random, RecordError, Store};
use subtle::ConstantTimeEq;

/// The name of the change of a password, among what a person can change.
pub const PASSWORD: &str = "password";

/// The text of the button that begins it.
pub const PASSWORD_LABEL: &str = words::CHANGE_PASSWORD;

/// A change that was judged and is not made yet.
#[derive(Serialize, Deserialize)]
struct Judged {
    email: String,
    /// The hash of the password that was typed as the current one.
    old_hash: String,
    new_hash: String,
}

impl<S: Store, R: Random> Accounts<'_, S, R> {
    /// Whether this person, whose name is `email` here, has a password.
    pub async fn has_password(&self, subject: &str, email: &str) -> Result<bool, RecordError> {
        Ok(self.find_own(subject, email).await?.is_some())
    }

    /// Begins a change of the person's password.
    pub async fn begin_change(&self, subject: &str, email: &str) -> Result<Step, ConversationError> {
        match self.find_own(subject, email).await? {
            Some(_) => Ok(self.ask(Form::ChangePassword, email, None)),
            None => Err(ConversationError::InvalidState),
        }
    }

    /// Judges a change of the person's password. The current one has to be typed again: a person who finds a browser
    /// that another one is signed in at must not take over the account. Nothing is changed yet ([`Step::Ready`]).
    pub async fn resume_change(
        &self,
        subject: &str,
        email: &str,
        state: &[u8],
        answers: Answers<'_>,
    ) -> Result<Step, ConversationError> {
        let account = self.find_own(subject, email).await?;
        let (Some(form @ Form::ChangePassword), Some(account)) = (Form::from_state(state), account) else {
            return Err(ConversationError::InvalidState);
        };
        let [current, new, repeated] =
            [form::PASSWORD, form::NEW_PASSWORD, form::REPEATED_PASSWORD].map(|name| answers.find(name));
        let problem = match () {
            () if current.len().max(new.len()) > password::MAX_BYTES => Some(words::PASSWORD_TOO_LONG),
            () if !bool::from(new.as_bytes().ct_eq(repeated.as_bytes())) => Some(words::PASSWORDS_DIFFER),
            () if bool::from(new.as_bytes().ct_eq(current.as_bytes())) => Some(words::PASSWORD_SAME),
            () => self.judge_new(&account.email, new),
        };
        if problem.is_some() {
            return Ok(self.ask(form, email, problem));
        }
        let guest = Guest::Known { subject };
        if let Turn::Wait(seconds) = self.take_turn(guest).await? {
            return Ok(self.make_wait(form, email, seconds));
        }
        if !password::verify(current, &account.password_hash) {
            return Ok(self.ask(form, email, Some(words::PASSWORD_WRONG)));
        }
        self.give_back(guest).await;
        let judged = Judged {
            email: account.email,
            old_hash: account.password_hash,
            new_hash: password::hash(new, self.records.random),
        };
        // It always serialises; an empty text is refused when it comes back.
        Ok(Step::Ready { state: serde_json::to_vec(&judged).unwrap_or_default() })
    }

    /// Sets the password that [`resume_change`](Self::resume_change) has judged.
    ///
    /// # Errors
    ///
    /// `Contended` when the account got another password since.
    pub async fn apply_change(
        &self,
        subject: &str,
        email: &str,
        state: &[u8],
    ) -> Result<Step, ConversationError> {
        let judged: Judged = serde_json::from_slice(state).map_err(|_| ConversationError::InvalidState)?;
        let account = self.find_own(subject, email).await?.ok_or(ConversationError::InvalidState)?;
        if account.email != judged.email {
            return Err(ConversationError::InvalidState);
        }
        if !self.set_password_hash(&judged.email, &judged.old_hash, &judged.new_hash).await? {
            return Err(RecordError::Contended.into());
        }
        Ok(Step::Changed { notice: words::CHANGED })
    }

    async fn find_own(&self, subject: &str, email: &str) -> Result<Option<Account>, RecordError> {
        let Some(email) = name::normalise(email) else { return Ok(None) };
        Ok(self.find(&email).await?.filter(|account| account.subject == subject))
    }
}
