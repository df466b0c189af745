//! A deployment with its accounts, and what people type.
#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

use accounts_core::{Accounts, Answers, ConversationError, Form, Prompt, SignUp, Step};
use std::cell::Cell;
use store_core::{
    Keyring, Records,
    testing::{MemoryStore, Operations, SequenceRandom, block_on},
};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ALICE: &str = "alice@example.com";
pub(crate) const GOOD: &str = "fifteen penguins";

type Outcome = Result<Step, ConversationError>;

pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) keys: Keyring,
    pub(crate) random: SequenceRandom,
    pub(crate) sign_up: SignUp,
    pub(crate) is_loopback: bool,
    pub(crate) known_subjects: Vec<String>,
    pub(crate) address: Option<&'static str>,
    pub(crate) now: Cell<u64>,
}

impl World {
    pub(crate) fn new(sign_up: SignUp) -> Self {
        Self {
            store: MemoryStore::default(),
            keys: Keyring::from_secret(&[7; 32]).unwrap(),
            random: SequenceRandom::default(),
            sign_up,
            is_loopback: sign_up == SignUp::AtFirstSignIn,
            known_subjects: Vec::new(),
            address: Some("198.51.100.7:4711"),
            now: Cell::new(NOW),
        }
    }

    /// On a developer's machine.
    pub(crate) fn local() -> Self {
        Self::new(SignUp::AtFirstSignIn)
    }

    /// On the internet, with one account, whose subject it gives.
    pub(crate) fn with_alice() -> (Self, String) {
        let mut world = Self::new(SignUp::Open);
        let subject = subject(world.sign_up(ALICE, GOOD));
        world.sign_up = SignUp::Closed;
        (world, subject)
    }

    pub(crate) fn accounts<T>(
        &self,
        act: impl AsyncFnOnce(Accounts<'_, MemoryStore, SequenceRandom>) -> T,
    ) -> T {
        let records = Records { store: &self.store, keys: &self.keys, random: &self.random };
        block_on(act(Accounts {
            records,
            sign_up: self.sign_up,
            is_loopback: self.is_loopback,
            host: "mcp.example.com",
            known_subjects: &self.known_subjects,
            address: self.address,
            now: self.now.get(),
        }))
    }

    pub(crate) fn answer(&self, form: Form, answers: &[(&str, &str)]) -> Outcome {
        let answers = owned(answers);
        self.accounts(async |accounts| accounts.resume(form.name().as_bytes(), Answers(&answers)).await)
    }

    /// Signs in, and confirms a new account where that is asked.
    pub(crate) fn sign_in(&self, email: &str, password: &str) -> Outcome {
        match self.type_in(email, password)? {
            Step::Ask(prompt) if prompt.form == Form::NewAccount => self.confirm(&prompt),
            other => Ok(other),
        }
    }

    /// Fills in the sign-in form.
    pub(crate) fn type_in(&self, email: &str, password: &str) -> Outcome {
        self.answer(Form::SignIn, &[("email", email), ("password", password)])
    }

    /// Confirms a new account.
    pub(crate) fn confirm(&self, prompt: &Prompt) -> Outcome {
        self.accounts(async |accounts| accounts.resume(&prompt.state(), Answers(&[])).await)
    }

    pub(crate) fn sign_up(&self, email: &str, password: &str) -> Outcome {
        self.answer(Form::SignUp, &[("email", email), ("new-password", password)])
    }

    pub(crate) fn accept(&self, code: &str, email: &str, password: &str) -> Outcome {
        self.answer(Form::Invitation, &[("invitation", code), ("email", email), ("new-password", password)])
    }

    /// Judges a change of the password, and makes it.
    pub(crate) fn change(&self, subject: &str, current: &str, new: &str, repeated: &str) -> Outcome {
        match self.judge_change(subject, current, new, repeated)? {
            Step::Ready { state } => {
                self.accounts(async |accounts| accounts.apply_change(subject, ALICE, &state).await)
            }
            other => Ok(other),
        }
    }

    pub(crate) fn judge_change(&self, subject: &str, current: &str, new: &str, repeated: &str) -> Outcome {
        let answers = owned(&[("password", current), ("new-password", new), ("repeated-password", repeated)]);
        let state = Form::ChangePassword.name().as_bytes();
        self.accounts(async |accounts| accounts.resume_change(subject, ALICE, state, Answers(&answers)).await)
    }

    /// The operations that this takes.
    pub(crate) fn count<T>(&self, action: impl FnOnce() -> T) -> (T, Operations) {
        self.store.take_operations();
        let outcome = action();
        (outcome, self.store.take_operations())
    }

    /// The records, but for those of the throttle.
    pub(crate) fn accounts_in_store(&self) -> usize {
        self.store.snapshot().keys().filter(|key| key.starts_with("postern:a:")).count()
    }
}

fn owned(answers: &[(&str, &str)]) -> Vec<(String, String)> {
    answers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[track_caller]
pub(crate) fn subject(outcome: Outcome) -> String {
    match outcome.unwrap() {
        Step::User { subject, .. } => subject,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub(crate) fn prompt(outcome: Outcome) -> Prompt {
    match outcome.unwrap() {
        Step::Ask(prompt) => prompt,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub(crate) fn problem(outcome: Outcome) -> String {
    prompt(outcome).problem.unwrap()
}
