//! Who gets in from elsewhere, and into which account. The provider is GitHub's kind: which kind it is makes no
//! difference here (`provider-core/tests/sign_in.rs` has both).
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

use accounts_core::elsewhere::{CONFIRMED, Elsewhere, ElsewhereError, Next, Purpose, parse_password_sign_in};
use provider_core::{
    KeyMemory,
    sign_in::{SignIn, SignInError, UpstreamProvider},
};
use std::cell::RefCell;
use store_core::{
    Keyring, RecordError, Records,
    testing::{Fault, MemoryStore, SequenceRandom, block_on},
};
use web_core::{
    PublicUrl,
    fetch::{
        Fetcher,
        testing::{Answer, FakeNetwork},
    },
};

const RETURN: &str = "https://mcp.example.com/sign-in/callback";

struct World {
    store: MemoryStore,
    keys: Keyring,
    random: SequenceRandom,
    network: FakeNetwork,
    providers: Vec<UpstreamProvider>,
    admits_newcomers: bool,
    has_passwords: bool,
    log: RefCell<Vec<String>>,
}

type Ways<'a> = Elsewhere<'a, MemoryStore, SequenceRandom, Fetcher<FakeNetwork>>;

fn world() -> World {
    let providers = r#"[
        {"name":"hub","label":"Hub","type":"github","client_id":"a"},
        {"name":"corp","label":"Corp","type":"github","url":"https://github.corp.example","client_id":"b"},
        {"name":"open","type":"github","url":"https://open.example","client_id":"c","sign_up":"open"},
        {"name":"shut","type":"github","url":"https://shut.example","client_id":"d","sign_up":"closed"}
    ]"#;
    World {
        store: MemoryStore::default(),
        keys: Keyring::from_secret(&[7; 32]).unwrap(),
        random: SequenceRandom::default(),
        network: FakeNetwork::default(),
        providers: UpstreamProvider::parse_all(
            providers,
            &PublicUrl::parse("https://mcp.example.com").unwrap(),
        )
        .unwrap(),
        admits_newcomers: true,
        has_passwords: true,
        log: RefCell::default(),
    }
}

impl World {
    fn run<T>(&self, act: impl AsyncFnOnce(Ways<'_>) -> T) -> T {
        let log = |line: &str| self.log.borrow_mut().push(line.to_owned());
        let (fetch, memory) = (self.network.fetcher(), KeyMemory::default());
        let sign_in = SignIn {
            providers: &self.providers,
            records: Records { store: &self.store, keys: &self.keys, random: &self.random },
            fetch: &fetch,
            memory: &memory,
            now: 1_800_000_000,
            log: &log,
        };
        let (admits_newcomers, has_passwords) = (self.admits_newcomers, self.has_passwords);
        block_on(act(Elsewhere { sign_in, admits_newcomers, has_passwords }))
    }

    fn leave(&self, provider: &str) -> Vec<u8> {
        match self.run(async |ways| ways.choose(provider, None, RETURN).await).unwrap().unwrap() {
            Next::Send { state, .. } => state,
            other => panic!("{other:?}"),
        }
    }

    /// Everybody who comes back from any provider is this person.
    fn everybody_is(&self, id: u64, login: &str) {
        for (site, api) in [
            ("https://github.com", "https://api.github.com"),
            ("https://github.corp.example", "https://github.corp.example/api/v3"),
            ("https://open.example", "https://open.example/api/v3"),
            ("https://shut.example", "https://shut.example/api/v3"),
        ] {
            let token = Answer::json(r#"{"access_token":"x"}"#);
            self.network.serve(&format!("{site}/login/oauth/access_token"), token);
            let user = format!(r#"{{"id":{id},"login":"{login}","email":"alice@example.com"}}"#);
            self.network.serve(&format!("{api}/user"), Answer::json(user));
        }
    }

    fn come(&self, provider: &str, purpose: Purpose<'_>, state: &[u8]) -> Result<Next, ElsewhereError> {
        let back = format!("{RETURN}/{provider}");
        let parameters = [("code".to_owned(), "c".to_owned())];
        self.run(async |ways| ways.returned(purpose, state, &back, &parameters).await)
    }

    fn try_sign_in(&self, provider: &str, id: u64) -> Result<Next, ElsewhereError> {
        self.everybody_is(id, "octocat");
        let state = self.leave(provider);
        self.come(provider, Purpose::SignIn, &state)
    }

    fn sign_in(&self, provider: &str, id: u64) -> String {
        match self.try_sign_in(provider, id).unwrap() {
            Next::User { subject, .. } => subject,
            other => panic!("{other:?}"),
        }
    }

    fn change(&self, subject: &str, name: &str) -> Option<Next> {
        self.run(async |ways| ways.change(subject, name, RETURN).await).unwrap()
    }

    /// Takes a provider off an account, as far as that goes: asks, confirms and makes it.
    fn try_remove(&self, subject: &str, name: &str) -> Result<Option<Next>, ElsewhereError> {
        self.run(async |ways| {
            let Some(Next::Confirm { .. }) = ways.change(subject, name, RETURN).await? else {
                return Ok(None);
            };
            let refused = ways.resume_change(subject, name, "").await;
            assert_eq!(refused, Err(ElsewhereError::InvalidState), "a person has to confirm it");
            match ways.resume_change(subject, name, CONFIRMED).await? {
                Some(Next::Ready) => ways.apply(subject, name).await,
                other => Ok(other),
            }
        })
    }

    fn remove(&self, subject: &str, name: &str) -> Option<Next> {
        self.try_remove(subject, name).unwrap()
    }

    /// Adds a provider to an account. Returns what the person is told.
    fn add(&self, subject: &str, provider: &str, id: u64) -> String {
        self.everybody_is(id, "octocat");
        let name = format!("add-{provider}");
        let Some(Next::Send { state, .. }) = self.change(subject, &name) else { panic!("nobody is sent") };
        match self.come(provider, Purpose::Change { subject, name: &name }, &state).unwrap() {
            Next::Done { notice } => notice,
            other => panic!("{other:?}"),
        }
    }

    fn changes(&self, subject: &str) -> Vec<String> {
        let changes = self.run(async |ways| ways.changes(subject, None).await).unwrap();
        changes.into_iter().map(|(name, _)| name).collect()
    }
}

/// FD-06: issuer and subject are the person, and nothing else is.
#[test]
fn account_is_found_by_provider_and_its_own_identifier() {
    let world = world();
    let alice = world.sign_in("hub", 1);
    assert_eq!(world.sign_in("hub", 1), alice);
    assert_ne!(world.sign_in("hub", 2), alice, "the same name and e-mail, and somebody else");
    assert_ne!(world.sign_in("corp", 1), alice, "the same number elsewhere");
    world.everybody_is(1, "renamed");
    let state = world.leave("hub");
    let renamed = Next::User { subject: alice, display_name: "renamed".into() };
    assert_eq!(world.come("hub", Purpose::SignIn, &state).unwrap(), renamed);
}

/// Nobody gets an account because a provider with a million people knows them, unless the operator says so.
#[test]
fn newcomers_are_let_in_as_the_operator_says() {
    let mut world = world();
    let known = world.sign_in("hub", 1);
    assert!(matches!(world.try_sign_in("shut", 1), Ok(Next::Problem(_))), "its own word counts");
    world.admits_newcomers = false;
    let before = world.store.snapshot().len();
    assert!(matches!(world.try_sign_in("hub", 2), Ok(Next::Problem(_))));
    assert_eq!(world.store.snapshot().len(), before, "and nothing is kept of them");
    assert!(world.sign_in("open", 2).starts_with("acct_"));
    assert_eq!(world.sign_in("hub", 1), known, "whoever has an account is let in");
    // Whoever is signed in may add what would not let them in by itself.
    assert_eq!(world.add("acct_local", "shut", 7), "You can sign in with Shut now.");
    assert_eq!(world.sign_in("shut", 7), "acct_local");
}

/// FD-06: only who is signed in joins an account here with one elsewhere.
#[test]
fn person_adds_and_removes_ways_to_sign_in() {
    let mut world = world();
    assert_eq!(world.changes("acct_local"), ["add-hub", "add-corp", "add-open", "add-shut"]);
    assert_eq!(world.add("acct_local", "hub", 1), "You can sign in with Hub now.");
    assert_eq!(world.add("acct_local", "corp", 1), "You can sign in with Corp now.");
    assert_eq!(world.sign_in("hub", 1), "acct_local");
    assert_eq!(world.sign_in("corp", 1), "acct_local");
    assert_eq!(world.changes("acct_local"), ["remove-hub", "remove-corp", "add-open", "add-shut"]);
    // Not into two accounts at once.
    assert!(world.add("acct_other", "hub", 1).contains("was not added"));
    assert_eq!(world.sign_in("hub", 1), "acct_local");
    assert!(matches!(world.change("acct_other", "remove-hub"), Some(Next::Done { .. })));
    assert!(world.remove("acct_other", "remove-hub").is_none());
    assert_eq!(world.sign_in("hub", 1), "acct_local", "nor taken off by somebody else");
    assert!(matches!(world.change("acct_local", "remove-hub"), Some(Next::Confirm { .. })));
    assert_eq!(world.sign_in("hub", 1), "acct_local", "nothing is removed unasked");
    let Some(Next::Done { notice }) = world.remove("acct_local", "remove-hub") else { panic!("not removed") };
    assert_eq!(notice, "Hub does not sign you in any more, and other browsers are signed out.");
    assert_ne!(world.sign_in("hub", 1), "acct_local");
    // The last way stays, where there are no passwords.
    world.has_passwords = false;
    assert!(!world.changes("acct_local").contains(&"remove-corp".into()));
    assert!(world.remove("acct_local", "remove-corp").is_none());
    assert!(matches!(
        world.run(async |ways| ways.apply("acct_local", "remove-corp").await),
        Ok(Some(Next::Done { .. }))
    ));
    assert_eq!(world.sign_in("corp", 1), "acct_local");
    for name in ["", "add-", "add-x", "remove-x", "password"] {
        assert_eq!(world.change("acct_local", name), None, "{name}");
    }
}

/// An account that a provider made is that provider's: it would be made again.
#[test]
fn way_that_made_the_account_stays() {
    let world = world();
    let subject = world.sign_in("hub", 1);
    world.add(&subject, "corp", 5);
    assert_eq!(world.changes(&subject), ["remove-corp", "add-open", "add-shut"]);
    assert!(world.remove(&subject, "remove-hub").is_none());
    assert_eq!(world.sign_in("hub", 1), subject);
    assert_eq!(world.sign_in("corp", 5), subject);
}

/// FD-01: what began as one thing does not end as another.
#[test]
fn conversation_ends_as_it_began() {
    let world = world();
    world.everybody_is(1, "octocat");
    let sign_in = world.leave("hub");
    let Some(Next::Send { state: adding, .. }) = world.change("acct_victim", "add-hub") else { panic!() };
    let change = |subject, name| Purpose::Change { subject, name };
    for (state, purpose) in [
        (&sign_in, change("acct_victim", "add-hub")),
        (&adding, Purpose::SignIn),
        (&adding, change("acct_mallory", "add-hub")),
        (&adding, change("acct_victim", "add-corp")),
        (&adding, change("acct_victim", "remove-hub")),
        (&b"{}".to_vec(), Purpose::SignIn),
        (&Vec::new(), Purpose::SignIn),
    ] {
        assert_eq!(world.come("hub", purpose, state), Err(ElsewhereError::InvalidState), "{purpose:?}");
    }
    assert_eq!(
        world.come("corp", Purpose::SignIn, &sign_in),
        Err(ElsewhereError::SignIn(SignInError::Unproven)),
        "FD-03"
    );
    assert!(world.store.is_empty() && world.network.take_requests().is_empty());
}

/// K-07: whichever operation fails, nobody gets into another account, and afterwards all is as it should be.
#[test]
fn every_operation_may_fail() {
    for fault in [Fault::Error, Fault::WriteError] {
        let mut failures = 0;
        for count in 0..20 {
            let world = world();
            let own = world.sign_in("corp", 1);
            world.everybody_is(9, "octocat");
            let Some(Next::Send { state, .. }) = world.change(&own, "add-hub") else { panic!() };
            world.store.fail_after(count, fault);
            let added = world.come("hub", Purpose::Change { subject: &own, name: "add-hub" }, &state);
            world.store.heal();
            match added {
                Ok(Next::Done { .. }) => {}
                Err(ElsewhereError::SignIn(SignInError::Record(_))) => {
                    failures += 1;
                    world.add(&own, "hub", 9);
                }
                other => panic!("{fault:?} after {count}: {other:?}"),
            }
            assert_eq!(world.sign_in("hub", 9), own, "{fault:?} after {count}");
            assert_eq!(world.changes(&own), ["remove-hub", "add-open", "add-shut"]);
            world.store.fail_after(count, fault);
            let _ = world.try_remove(&own, "remove-hub");
            world.store.heal();
            let _ = world.remove(&own, "remove-hub");
            assert_ne!(world.sign_in("hub", 9), own);
        }
        assert!(failures > 0, "{fault:?}");
    }
    let world = world();
    world.store.fail_after(0, Fault::Error);
    let state = world.leave("hub");
    world.everybody_is(1, "octocat");
    let judged = world.come("hub", Purpose::SignIn, &state);
    let expected = matches!(judged, Err(ElsewhereError::SignIn(SignInError::Record(RecordError::Store(_)))));
    assert!(expected, "{judged:?}");
}

/// D4, FD-08: neither who it is nor what was given for it is to be seen in the store.
#[test]
fn store_shows_nothing() {
    let world = world();
    world.sign_in("hub", 583_231);
    for (key, value) in world.store.snapshot() {
        let text = format!("{key} {}", String::from_utf8_lossy(&value));
        assert!(!text.contains("583231") && !text.contains("github") && !text.contains("octocat"), "{text}");
    }
}

#[test]
fn account_outlives_the_secret_it_was_made_with() {
    let mut world = world();
    let (old, new) =
        ("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc", "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg");
    world.add("acct_local", "hub", 1);
    world.keys = Keyring::parse(&format!("{new},{old}")).unwrap();
    assert_eq!(world.sign_in("hub", 1), "acct_local", "and is sealed anew on the way");
    world.keys = Keyring::parse(new).unwrap();
    assert_eq!(world.sign_in("hub", 1), "acct_local");
    assert!(world.changes("acct_local").contains(&"remove-hub".into()));
}

#[test]
fn passwords_can_be_switched_off_where_there_is_another_way() {
    assert_eq!(parse_password_sign_in("", false), Ok(true));
    assert_eq!(parse_password_sign_in("on", true), Ok(true));
    assert_eq!(parse_password_sign_in("off", true), Ok(false));
    assert!(parse_password_sign_in("off", false).is_err());
    assert!(parse_password_sign_in("no", true).is_err());
}

/// `password_sign_in=off`: a form that was left open, or made up, gets nobody to a password.
#[test]
fn passwords_are_neither_asked_for_nor_changed_where_there_are_none() {
    let mut world = world();
    let choose = |world: &World| world.run(async |ways| ways.choose("", None, RETURN).await);
    let first = |world: &World| {
        let password = Some(("password".to_owned(), "Change password".to_owned()));
        world.run(async |ways| ways.changes("acct_local", password).await).unwrap().remove(0).0
    };
    assert_eq!((choose(&world), first(&world)), (Ok(None), "password".to_owned()));
    world.has_passwords = false;
    assert_eq!((choose(&world), first(&world)), (Err(ElsewhereError::InvalidState), "add-hub".to_owned()));
}
