//! Local accounts: e-mail and password. The rules behind the `accounts` component.
//!
//! Reading order: [`Accounts::begin`] and [`Accounts::resume`] (the conversation), [`password`] (how
//! passwords are kept), [`record`] (what is stored), [`SignUp`] (who may make an account).
//!
//! What it does not do: second factors, resetting a forgotten password, other providers.

pub mod elsewhere;
pub mod identity;
pub mod password;
pub mod record;

use record::Account;
use store_core::{Random, RecordError, Records, Store};

/// Who may make an account by signing in for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// Nobody.
    Closed,
    /// Everybody who reaches the page.
    Open,
}

impl SignUp {
    /// Reads the variable `sign_up`. A loopback server is open whatever it says: whoever reaches it sits
    /// at the machine, and any e-mail and password get a newcomer in.
    pub fn parse(text: &str, is_loopback: bool) -> Result<Self, InvalidSignUp> {
        match text {
            "open" => Ok(Self::Open),
            "closed" | "" => Ok(if is_loopback { Self::Open } else { Self::Closed }),
            _ => Err(InvalidSignUp),
        }
    }
}

/// The variable `sign_up` is neither of the words that it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sign_up must be open or closed")]
pub struct InvalidSignUp;

/// What the conversation says next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask for e-mail and password.
    Ask(Prompt),
    /// Signed in.
    User {
        /// Stable identifier.
        subject: String,
        /// The e-mail address.
        email: String,
    },
}

/// What to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What to say before.
    pub notice: Option<&'static str>,
    /// What was wrong with the last answer.
    pub problem: Option<&'static str>,
    /// The e-mail address to fill in beforehand.
    pub email: String,
}

/// What was filled in.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The e-mail address.
    pub email: &'a str,
    /// The password.
    pub password: &'a str,
}

/// The accounts of a deployment.
pub struct Accounts<'a, S, R> {
    /// Where they are.
    pub records: Records<'a, S, R>,
    /// Who may make one.
    pub sign_up: SignUp,
    /// Whether this is a developer's machine, where any password will do.
    pub is_loopback: bool,
}

/// The longest e-mail address (RFC 5321 section 4.5.3.1, as corrected by erratum 1690), in bytes.
const MAX_EMAIL_BYTES: usize = 254;

/// One text for an unknown e-mail and for a wrong password (LG-01).
const WRONG: &str = "The e-mail or the password is wrong.";

impl<S: Store, R: Random> Accounts<'_, S, R> {
    /// Begins a sign-in. `login_hint` is who the client hopes to see.
    pub fn begin(&self, login_hint: Option<&str>) -> Step {
        let email = login_hint.filter(|hint| normalise_email(hint).is_some()).unwrap_or_default();
        self.ask(email, None)
    }

    /// Judges an answer.
    pub async fn resume(&self, answer: Answer<'_>) -> Result<Step, RecordError> {
        let Some(email) = normalise_email(answer.email) else {
            return Ok(self.ask(answer.email, Some("That is not an e-mail address.")));
        };
        if answer.password.len() > password::MAX_BYTES {
            return Ok(self.ask(&email, Some("The password is too long.")));
        }
        let known = match self.records.find::<Account>(&record::key(&email)).await {
            // The operator has ended everything under its secret, this account with it.
            Err(RecordError::Retired) => None,
            found => found?,
        };
        match (known, self.sign_up) {
            (Some(account), _) => self.verify(account, email, answer.password).await,
            (None, SignUp::Open) => self.create(email, answer.password).await,
            (None, SignUp::Closed) => {
                // As much work as for an account that is there (LG-02).
                password::verify_nothing(answer.password);
                Ok(self.ask(&email, Some(WRONG)))
            }
        }
    }

    async fn verify(&self, account: Account, email: String, password: &str) -> Result<Step, RecordError> {
        if !password::verify(password, &account.password_hash) {
            return Ok(self.ask(&email, Some(WRONG)));
        }
        // Nothing else writes an account, and whoever signs in now and then must not lose it when the
        // operator rotates secrets.
        self.records.reseal::<Account>(&record::key(&email)).await?;
        Ok(Step::User { subject: account.subject, email })
    }

    async fn create(&self, email: String, password: &str) -> Result<Step, RecordError> {
        let min_characters = if self.is_loopback { 1 } else { password::MIN_CHARACTERS };
        if password.chars().count() < min_characters {
            let problem = "A new account needs a password of at least 15 characters.";
            return Ok(self.ask(&email, Some(if self.is_loopback { WRONG } else { problem })));
        }
        let account = Account {
            subject: record::new_subject(self.records.random),
            email: email.clone(),
            password_hash: password::hash(password, self.records.random),
        };
        let key = record::key(&email);
        self.records.create(&key, &account).await?;
        // Somebody may have made the same account at the same moment. What counts is what is stored.
        let stored = self.records.find::<Account>(&key).await?.ok_or(RecordError::Contended)?;
        if stored == account {
            return Ok(Step::User { subject: account.subject, email });
        }
        self.verify(stored, email, password).await
    }

    fn ask(&self, email: &str, problem: Option<&'static str>) -> Step {
        let notice = match (self.is_loopback, self.sign_up) {
            (true, _) => Some(
                "This server runs on your own machine: any e-mail and password will do, and your first sign-in creates the account.",
            ),
            (false, SignUp::Open) => Some("Your first sign-in creates the account."),
            (false, SignUp::Closed) => None,
        };
        Step::Ask(Prompt { notice, problem, email: email.chars().take(MAX_EMAIL_BYTES).collect() })
    }
}

/// An e-mail address in the form in which accounts are found: without space around it, in lower case.
/// `None` if it cannot be one; whether it is one only a message to it would tell.
fn normalise_email(text: &str) -> Option<String> {
    let email = text.trim().to_lowercase();
    let (local, domain) = email.rsplit_once('@')?;
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part.contains(|character: char| character.is_whitespace() || character.is_control())
    };
    (is_plain(local) && is_plain(domain) && email.len() <= MAX_EMAIL_BYTES).then_some(email)
}

#[cfg(test)]
mod tests {
    use super::*;
    use store_core::{
        Keyring,
        testing::{Fault, MemoryStore, SequenceRandom, block_on},
    };

    struct World {
        store: MemoryStore,
        keys: Keyring,
        random: SequenceRandom,
        sign_up: SignUp,
        is_loopback: bool,
    }

    fn world(sign_up: SignUp, is_loopback: bool) -> World {
        World {
            store: MemoryStore::default(),
            keys: Keyring::from_secret(&[7; 32]).unwrap(),
            random: SequenceRandom::default(),
            sign_up,
            is_loopback,
        }
    }

    impl World {
        fn answer(&self, email: &str, password: &str) -> Result<Step, RecordError> {
            let records = Records { store: &self.store, keys: &self.keys, random: &self.random };
            let accounts = Accounts { records, sign_up: self.sign_up, is_loopback: self.is_loopback };
            block_on(accounts.resume(Answer { email, password }))
        }

        fn subject(&self, email: &str, password: &str) -> String {
            match self.answer(email, password).unwrap() {
                Step::User { subject, .. } => subject,
                Step::Ask(prompt) => panic!("{prompt:?}"),
            }
        }

        fn problem(&self, email: &str, password: &str) -> &'static str {
            match self.answer(email, password).unwrap() {
                Step::Ask(prompt) => prompt.problem.unwrap(),
                Step::User { .. } => panic!("signed in"),
            }
        }
    }

    #[test]
    fn first_sign_in_on_loopback_creates_the_account() {
        let world = world(SignUp::Open, true);
        let subject = world.subject("Alice@Example.com ", "x");
        assert_eq!(world.subject("alice@example.com", "x"), subject, "however it is typed");
        assert_ne!(world.subject("bob@example.com", "x"), subject);
        assert_eq!(world.problem("alice@example.com", "y"), WRONG);
        assert_eq!(world.problem("alice@example.com", ""), WRONG);
    }

    /// LG-01.
    #[test]
    fn unknown_e_mail_and_wrong_password_look_the_same() {
        let mut world = world(SignUp::Open, false);
        world.subject("alice@example.com", "a long enough password");
        world.sign_up = SignUp::Closed;
        let wrong = world.answer("alice@example.com", "another password").unwrap();
        let Step::Ask(mut unknown) = world.answer("mallory@example.com", "another password").unwrap() else {
            panic!("signed in")
        };
        unknown.email = "alice@example.com".into();
        assert_eq!(wrong, Step::Ask(unknown));
    }

    #[test]
    fn closed_sign_up_stores_nothing() {
        let world = world(SignUp::Closed, false);
        assert_eq!(world.problem("alice@example.com", "a long enough password"), WRONG);
        assert!(world.store.is_empty());
    }

    #[test]
    fn new_accounts_on_a_public_server_need_a_real_password() {
        let world = world(SignUp::Open, false);
        assert!(world.problem("alice@example.com", "14 characters!").contains("15 characters"));
        assert!(world.store.is_empty());
        world.subject("alice@example.com", "15 characters!!");
    }

    /// LG-08, LG-10: nothing is cut, and nothing huge is hashed.
    #[test]
    fn passwords_count_whole() {
        let world = world(SignUp::Open, true);
        let long = "p\0 ä".repeat(200);
        world.subject("alice@example.com", &long);
        assert_eq!(world.problem("alice@example.com", long.trim_end_matches('ä')), WRONG);
        assert!(world.problem("alice@example.com", &"x".repeat(1025)).contains("too long"));
    }

    #[test]
    fn only_addresses_make_accounts() {
        let world = world(SignUp::Open, true);
        for bad in
            ["", "alice", "@example.com", "alice@", "al ice@example.com", &format!("{}@x", "a".repeat(300))]
        {
            assert!(world.problem(bad, "x").contains("not an e-mail"), "{bad}");
        }
    }

    #[test]
    fn account_outlives_the_secret_it_was_made_with() {
        let mut world = world(SignUp::Open, true);
        let subject = world.subject("alice@example.com", "x");
        let (old, new) =
            ("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc", "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg");
        world.keys = Keyring::parse(&format!("{new},{old}")).unwrap();
        assert_eq!(world.subject("alice@example.com", "x"), subject, "and is sealed anew on the way");
        world.keys = Keyring::parse(new).unwrap();
        assert_eq!(world.subject("alice@example.com", "x"), subject);
        world.keys = Keyring::from_secret(&[9; 32]).unwrap();
        assert_ne!(world.subject("alice@example.com", "x"), subject, "retired: a new account");
    }

    /// D4, D10: neither e-mail nor password is to be seen in the store.
    #[test]
    fn store_shows_nothing() {
        let world = world(SignUp::Open, true);
        world.subject("alice@example.com", "correct horse");
        for (key, value) in world.store.snapshot() {
            let text = format!("{key} {}", String::from_utf8_lossy(&value));
            assert!(!text.contains("alice") && !text.contains("horse") && !text.contains("argon2"), "{text}");
        }
    }

    /// Rule 3: a store that does not answer is no wrong password.
    #[test]
    fn store_fault_is_no_answer() {
        let world = world(SignUp::Open, true);
        world.subject("alice@example.com", "x");
        world.store.fail_after(0, Fault::Error);
        assert!(matches!(world.answer("alice@example.com", "x"), Err(RecordError::Store(_))));
        assert!(matches!(world.answer("bob@example.com", "x"), Err(RecordError::Store(_))));
    }

    /// K-07: whichever operation of a sign-up or of a sign-in fails, nobody is told that the password is wrong,
    /// and the same password signs in afterwards, to one account.
    #[test]
    fn every_operation_may_fail() {
        let (old, new) =
            ("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc", "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg");
        for (is_known, fault) in [false, true]
            .into_iter()
            .flat_map(|known| [Fault::Error, Fault::WriteError].map(|fault| (known, fault)))
        {
            let mut failures = 0;
            for count in 0..20 {
                let mut world = world(SignUp::Open, true);
                let known = is_known.then(|| world.subject("alice@example.com", "x"));
                // Signing in with an account that is sealed with an older secret seals it anew.
                world.keys = Keyring::parse(&format!("{new},{old}")).unwrap();
                world.store.fail_after(count, fault);
                let answer = world.answer("alice@example.com", "x");
                world.store.heal();
                let subject = world.subject("alice@example.com", "x");
                assert!(known.is_none_or(|known| known == subject), "{fault:?} after {count}");
                assert_eq!(world.store.snapshot().len(), 1);
                match answer {
                    Ok(Step::User { subject: told, .. }) if failures > 0 => {
                        assert_eq!(told, subject);
                        break;
                    }
                    Ok(Step::User { subject: told, .. }) => assert_eq!(told, subject),
                    Ok(Step::Ask(prompt)) => panic!("{fault:?} after {count}: {prompt:?}"),
                    Err(_) => failures += 1,
                }
            }
            assert!(failures > 0 || fault == Fault::WriteError, "{is_known} {fault:?}");
        }
    }

    #[test]
    fn loopback_is_open_unless_the_word_is_wrong() {
        assert_eq!(SignUp::parse("", true), Ok(SignUp::Open));
        assert_eq!(SignUp::parse("closed", false), Ok(SignUp::Closed));
        assert_eq!(SignUp::parse("open", false), Ok(SignUp::Open));
        assert_eq!(SignUp::parse("yes", false), Err(InvalidSignUp));
    }
}
