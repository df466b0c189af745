//! Accounts: with an e-mail address and a password here, or with an identity at a provider. The rules behind the
//! `accounts` component.
//!
//! Reading order: [`Accounts::begin`] and [`Accounts::resume`] (the conversation), [`sign_up`] and
//! [`invitation`] (who may make an account), [`change`] (another password), [`throttle`] (what guesses cost),
//! [`hash_places`] (how many are hashed at once), [`password`] (how passwords are kept), [`mod@name`] and [`record`] (what is stored), [`form`] (what is asked),
//! [`elsewhere`] and [`identity`] (ways to sign in that lead to providers).
//!
//! What it does not do: second factors, resetting a forgotten password.

pub mod change;
pub mod elsewhere;
pub mod form;
pub mod hash_places;
pub mod identity;
pub mod invitation;
pub mod name;
pub mod password;
pub mod record;
pub mod sign_up;
pub mod throttle;
mod words;

pub use form::{Form, Prompt};
pub use sign_up::{InvalidSignUp, SignUp};

use form::Pending;
use hash_places::HashPlaces;
use record::Account;
use store_core::{Change, Random, RecordError, Records, Store, TransitionError};
use throttle::{Guest, Throttle, Turn};

/// What the conversation says next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask.
    Ask(Prompt),
    /// Signed in.
    User {
        /// Stable identifier.
        subject: String,
        /// The e-mail address.
        email: String,
    },
    /// The password can be changed. Every browser that signed in with the old one is to be signed out first; then
    /// [`Accounts::apply_change`] takes this state.
    Ready {
        /// Handed back within the same request. It never leaves the server.
        state: Vec<u8>,
    },
    /// The password is changed.
    Changed {
        /// A sentence for the person.
        notice: &'static str,
    },
}

/// What was filled in, by the names of the fields.
#[derive(Debug, Clone, Copy)]
pub struct Answers<'a>(pub &'a [(String, String)]);

impl<'a> Answers<'a> {
    /// An answer; empty when there is none.
    fn find(self, name: &str) -> &'a str {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// Why a conversation cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConversationError {
    /// The state is not of a conversation of ours, or of one that is for something else.
    #[error("no such conversation")]
    InvalidState,
    /// The records could not be had.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The accounts of a deployment, for one request.
pub struct Accounts<'a, S, R> {
    /// Where they are.
    pub records: Records<'a, S, R>,
    /// Who may make one.
    pub sign_up: SignUp,
    /// Whether this is a developer's machine, where any password will do and nobody guesses.
    pub is_loopback: bool,
    /// The server's host, which is no good as a password.
    pub host: &'a str,
    /// Subjects that have signed in at this browser before.
    pub known_subjects: &'a [String],
    /// The address that the request came from, as the host tells it.
    pub address: Option<&'a str>,
    /// The time, in seconds since the Unix epoch.
    pub now: u64,
}

impl<S: Store, R: Random> Accounts<'_, S, R> {
    /// Begins a sign-in. `login_hint` is who the client hopes to see.
    pub fn begin(&self, login_hint: Option<&str>) -> Step {
        self.ask(Form::SignIn, login_hint.and_then(name::normalise).as_deref().unwrap_or_default(), None)
    }

    /// Goes on with a sign-in. `state` is that of the form that was shown.
    pub async fn resume(&self, state: &[u8], answers: Answers<'_>) -> Result<Step, ConversationError> {
        let form = Form::from_state(state).ok_or(ConversationError::InvalidState)?;
        let pending = Pending::from_state(state);
        let email = pending.as_ref().map_or_else(|| answers.find(form::EMAIL), |pending| pending.email);
        if let Some(other) = Form::from_alternative(answers.find(form::ALTERNATIVE)) {
            if !form.alternatives(self.sign_up).contains(&other) {
                return Err(ConversationError::InvalidState);
            }
            return Ok(self.ask(other, email, None));
        }
        match form {
            Form::SignIn => Ok(self.sign_in(email, answers.find(form::PASSWORD)).await?),
            // It may have been switched off while the page was open.
            Form::SignUp if self.sign_up == SignUp::Open => Ok(self.sign_up(email, answers).await?),
            Form::Invitation if self.sign_up == SignUp::Invited => Ok(self.sign_up(email, answers).await?),
            Form::NewAccount if self.sign_up == SignUp::AtFirstSignIn => {
                let pending = pending.ok_or(ConversationError::InvalidState)?;
                Ok(self.create_confirmed(pending).await?)
            }
            Form::SignUp | Form::Invitation | Form::NewAccount | Form::ChangePassword => {
                Err(ConversationError::InvalidState)
            }
        }
    }

    async fn sign_in(&self, typed: &str, password: &str) -> Result<Step, RecordError> {
        let form = Form::SignIn;
        let (email, known) = match self.look_up(form, typed, password).await? {
            Found::Account { email, account } => (email, account),
            Found::Problem(step) => return Ok(step),
        };
        if known.is_none() && self.sign_up == SignUp::AtFirstSignIn {
            if password.is_empty() {
                return Ok(self.ask(form, &email, Some(words::PASSWORD_MISSING)));
            }
            return Ok(self.confirm(&email, password));
        }
        let guest = self.guest(&email, known.as_ref());
        let judge = async || {
            if let Turn::Wait(seconds) = self.take_turn(guest).await? {
                return Ok(self.make_wait(form, &email, seconds));
            }
            let Some(account) = &known else {
                // As much work as for an account that is there (LG-02).
                password::verify_nothing(password);
                return Ok(self.ask(form, &email, Some(words::WRONG)));
            };
            self.verify(form, account, &email, password, words::WRONG).await
        };
        self.in_a_place(form, guest, &email, judge).await
    }

    /// Asks whether a new account is meant. Nothing is stored: the page carries what was typed, sealed.
    fn confirm(&self, email: &str, password: &str) -> Step {
        let password_hash = Some(password::hash(password, self.records.random));
        match self.ask(Form::NewAccount, email, None) {
            Step::Ask(prompt) => Step::Ask(Prompt { password_hash, ..prompt }),
            other => other,
        }
    }

    /// Makes the account that was confirmed.
    async fn create_confirmed(&self, pending: Pending<'_>) -> Result<Step, RecordError> {
        let Pending { email, password_hash } = pending;
        let made = match self.find(email).await? {
            Some(made) => made,
            None => self.store_new(email, password_hash.to_owned()).await?,
        };
        if made.password_hash == password_hash {
            // It is this page's own, which may have been sent twice.
            return Ok(Step::User { subject: made.subject, email: made.email });
        }
        Ok(self.ask(Form::SignIn, email, Some(words::ACCOUNT_MADE_MEANWHILE)))
    }

    /// Makes an account, for those who may have one. The form comes back with the code that was typed: it is too long
    /// to be typed twice.
    async fn sign_up(&self, typed: &str, answers: Answers<'_>) -> Result<Step, RecordError> {
        Ok(match self.judge_sign_up(typed, answers).await? {
            Step::Ask(prompt) => Step::Ask(prompt.with_code(answers.find(form::CODE))),
            step => step,
        })
    }

    async fn judge_sign_up(&self, typed: &str, answers: Answers<'_>) -> Result<Step, RecordError> {
        let form = if self.sign_up == SignUp::Invited { Form::Invitation } else { Form::SignUp };
        let password = answers.find(form::NEW_PASSWORD);
        let (email, known) = match self.look_up(form, typed, password).await? {
            Found::Account { email, account } => (email, account),
            Found::Problem(step) => return Ok(step),
        };
        // Whether there is an account or not: an invitation must not tell whoever only guesses one.
        if let Some(problem) = self.judge_new(&email, password) {
            return Ok(self.ask(form, &email, Some(problem)));
        }
        let guest = self.guest(&email, known.as_ref());
        let judge = async || {
            if let Turn::Wait(seconds) = self.take_turn(guest).await? {
                return Ok(self.make_wait(form, &email, seconds));
            }
            let code = answers.find(form::CODE);
            if form == Form::Invitation && !invitation::verify(self.records.keys, code, &email, self.now) {
                return Ok(self.ask(form, &email, Some(words::INVITATION_WRONG)));
            }
            match &known {
                Some(account) => self.verify(form, account, &email, password, words::ACCOUNT_EXISTS).await,
                None => self.create(form, email.clone(), password).await,
            }
        };
        self.in_a_place(form, guest, &email, judge).await
    }

    /// Judges what hashes a password. A stranger's request needs a place for it (see [`hash_places`]); one from a
    /// browser in which the person has signed in before does not.
    async fn in_a_place(
        &self,
        form: Form,
        guest: Guest<'_>,
        email: &str,
        judge: impl AsyncFnOnce() -> Result<Step, RecordError>,
    ) -> Result<Step, RecordError> {
        let is_known = self.is_loopback || matches!(guest, Guest::Known { .. });
        if is_known {
            return judge().await;
        }
        let places = HashPlaces { records: &self.records, now: self.now };
        let Some(place) = places.take().await? else {
            let retry_after = Some(hash_places::RETRY_AFTER_SECONDS);
            return Ok(match self.ask(form, email, Some(words::BUSY)) {
                Step::Ask(prompt) => Step::Ask(Prompt { retry_after, ..prompt }),
                step => step,
            });
        };
        let step = judge().await;
        places.give_back(place).await;
        step
    }

    /// The account with this name, if what was typed can be a name and a password at all.
    async fn look_up(&self, form: Form, typed: &str, password: &str) -> Result<Found, RecordError> {
        let Some(email) = name::normalise(typed) else {
            return Ok(Found::Problem(self.ask(form, typed, Some(words::NOT_AN_ADDRESS))));
        };
        if password.len() > password::MAX_BYTES {
            return Ok(Found::Problem(self.ask(form, &email, Some(words::PASSWORD_TOO_LONG))));
        }
        let account = self.find(&email).await?;
        Ok(Found::Account { email, account })
    }

    async fn find(&self, email: &str) -> Result<Option<Account>, RecordError> {
        match self.records.find::<Account>(&record::key(email)).await {
            // The operator has ended everything under its secret, this account with it.
            Err(RecordError::Retired) => Ok(None),
            found => found,
        }
    }

    /// Judges a password that has been counted, and signs in.
    async fn verify(
        &self,
        form: Form,
        account: &Account,
        email: &str,
        password: &str,
        problem: &'static str,
    ) -> Result<Step, RecordError> {
        if !password::verify(password, &account.password_hash) {
            return Ok(self.ask(form, email, Some(problem)));
        }
        self.give_back(self.guest(email, Some(account))).await;
        // Whoever signs in now and then must not lose the account when the operator rotates secrets.
        self.records.reseal::<Account>(&record::key(email)).await?;
        if password::is_outdated(&account.password_hash) {
            // LG-09. Somebody may be changing the password at this moment: theirs stays.
            self.set_password(account, password).await?;
        }
        Ok(Step::User { subject: account.subject.clone(), email: email.to_owned() })
    }

    /// Gives the account this password, unless it got another since it was read. Then false.
    async fn set_password(&self, account: &Account, password: &str) -> Result<bool, RecordError> {
        let password_hash = password::hash(password, self.records.random);
        self.set_password_hash(&account.email, &account.password_hash, &password_hash).await
    }

    /// Replaces this hash of the account's password by another one. False when the account has neither.
    async fn set_password_hash(&self, email: &str, from: &str, to: &str) -> Result<bool, RecordError> {
        let key = record::key(email);
        let set = self.records.transition(&key, |stored: &Account| match &stored.password_hash {
            hash if hash == from => {
                Ok(Change::Write(Account { password_hash: to.to_owned(), ..stored.clone() }, ()))
            }
            hash if hash == to => Ok(Change::Keep(())),
            _ => Err(()),
        });
        match set.await {
            Ok(()) => Ok(true),
            Err(TransitionError::Record(error)) => Err(error),
            Err(TransitionError::NotFound | TransitionError::Refused(())) => Ok(false),
        }
    }

    async fn create(&self, form: Form, email: String, password: &str) -> Result<Step, RecordError> {
        // LG-11: stores have no create-if-absent, and an invitation is good once. Where only its developer is,
        // what is read back decides.
        if !self.is_loopback {
            let throttle = Throttle { records: &self.records, now: self.now };
            if !throttle.claim(&email).await? || self.find(&email).await?.is_some() {
                return Err(RecordError::Contended);
            }
        }
        let password_hash = password::hash(password, self.records.random);
        let stored = self.store_new(&email, password_hash.clone()).await?;
        if stored.password_hash == password_hash {
            // Under the address it stays counted: nobody makes accounts without end.
            self.give_back(Guest::Unknown { name: &email, address: None }).await;
            return Ok(Step::User { subject: stored.subject, email });
        }
        self.verify(form, &stored, &email, password, words::WRONG).await
    }

    /// Stores a new account, and gives the one that is stored then: of two at the same time, one is. Hashes have salts,
    /// so that no two are the same.
    async fn store_new(&self, email: &str, password_hash: String) -> Result<Account, RecordError> {
        let subject = record::new_subject(self.records.random);
        let account = Account { subject, email: email.to_owned(), password_hash };
        let key = record::key(email);
        self.records.create(&key, &account).await?;
        self.records.find::<Account>(&key).await?.ok_or(RecordError::Contended)
    }

    /// What is wrong with a new password, if anything is (NIST SP 800-63B-4 section 3.1.1.2). Where any will do,
    /// only an empty one is.
    fn judge_new(&self, email: &str, password: &str) -> Option<&'static str> {
        match password {
            "" => Some(words::PASSWORD_MISSING),
            _ if self.is_loopback => None,
            _ if password.chars().count() < password::MIN_CHARACTERS => Some(words::PASSWORD_TOO_SHORT),
            _ if password::is_guessable(password, &[email, self.host]) => Some(words::PASSWORD_GUESSABLE),
            _ => None,
        }
    }

    /// Who is counted: a browser that this account has signed in at by itself (LG-06). Whoever has no such
    /// browser does not see by it whether there is an account.
    fn guest<'b>(&'b self, email: &'b str, account: Option<&'b Account>) -> Guest<'b> {
        match account {
            Some(Account { subject, .. }) if self.known_subjects.contains(subject) => {
                Guest::Known { subject }
            }
            _ => Guest::Unknown { name: email, address: self.address },
        }
    }

    /// Counts an answer that is about to be judged.
    async fn take_turn(&self, guest: Guest<'_>) -> Result<Turn, RecordError> {
        if self.is_loopback {
            // Whoever gets here sits at the machine.
            return Ok(Turn::Taken);
        }
        Throttle { records: &self.records, now: self.now }.take_turn(guest).await
    }

    async fn give_back(&self, guest: Guest<'_>) {
        if !self.is_loopback {
            // If it fails, one answer too many is counted, and that goes down by itself.
            drop(Throttle { records: &self.records, now: self.now }.give_back(guest).await);
        }
    }

    fn ask(&self, form: Form, email: &str, problem: Option<&'static str>) -> Step {
        Step::Ask(Prompt {
            form,
            sign_up: self.sign_up,
            problem: problem.map(str::to_owned),
            email: email.chars().take(name::MAX_BYTES).collect(),
            code: String::new(),
            retry_after: None,
            password_hash: None,
        })
    }

    fn make_wait(&self, form: Form, email: &str, seconds: u64) -> Step {
        Step::Ask(Prompt {
            form,
            sign_up: self.sign_up,
            problem: Some(words::wait(seconds)),
            email: email.to_owned(),
            code: String::new(),
            retry_after: Some(u32::try_from(seconds).unwrap_or(u32::MAX)),
            password_hash: None,
        })
    }
}

/// What was looked up.
enum Found {
    Account { email: String, account: Option<Account> },
    Problem(Step),
}
