//! Signing in, making an account and changing a password: rows LG of the threat list.
#![expect(clippy::panic, reason = "tests fail loudly")]

mod support;

use accounts_core::{
    Answers, ConversationError, Form, SignUp, Step, invitation, password, record, record::Account,
};
use serde_json::json;
use store_core::{
    Keyring, RecordError, Records,
    testing::{Fault, SequenceRandom, block_on, run_interleaved},
};
use support::{ALICE, GOOD, NOW, World, problem, prompt, subject};

const WRONG: &str = "The e-mail or the password is wrong.";

#[test]
fn first_sign_in_on_loopback_creates_the_account() {
    let world = World::local();
    let alice = subject(world.sign_in("Alice@Example.com ", "x"));
    assert_eq!(subject(world.sign_in(ALICE, "x")), alice, "however it is typed");
    assert_ne!(subject(world.sign_in("bob@example.com", "x")), alice);
    assert_eq!(problem(world.sign_in(ALICE, "y")), WRONG);
    assert_eq!(problem(world.sign_in(ALICE, "")), WRONG);
    assert!(problem(world.sign_in("carol@example.com", "")).contains("password"));
    assert_eq!(world.accounts_in_store(), 2);
}

/// U15: a mistyped address makes no account unasked, and the way back keeps what was typed.
#[test]
fn new_account_on_loopback_is_confirmed() {
    let world = World::local();
    subject(world.sign_in(ALICE, "x"));
    let mistyped = prompt(world.type_in("Alcie@example.com", "a secret"));
    assert_eq!((mistyped.form, mistyped.problem.as_deref()), (Form::NewAccount, None));
    let notice = mistyped.notice().unwrap();
    assert!(notice.contains("no account for alcie@example.com"), "{notice}");
    assert!(mistyped.form.fields().is_empty() && mistyped.form.submit() == "Create account");
    assert_eq!(world.accounts_in_store(), 1);
    let state = mistyped.state();
    assert!(!String::from_utf8_lossy(&state).contains("a secret"), "the password goes on as a hash");
    let back = [("alternative".to_owned(), "sign-in".to_owned())];
    let back = world.accounts(async |accounts| accounts.resume(&state, Answers(&back)).await);
    let back = prompt(back);
    assert_eq!((back.form, back.email.as_str()), (Form::SignIn, "alcie@example.com"));
    assert_eq!(world.accounts_in_store(), 1);
    // A double click makes one account, with the password that was typed.
    let made = subject(world.confirm(&mistyped));
    assert_eq!(subject(world.confirm(&mistyped)), made);
    assert_eq!(subject(world.type_in("alcie@example.com", "a secret")), made);
    assert_eq!(world.accounts_in_store(), 2);
}

/// U15: an account that another page has made meanwhile is kept, and only a requested account is confirmed.
#[test]
fn confirmation_takes_no_account_over() {
    let world = World::local();
    let [mine, theirs] = ["mine", "theirs"].map(|password| prompt(world.type_in(ALICE, password)));
    let made = subject(world.confirm(&theirs));
    assert!(problem(world.confirm(&mine)).contains("an account with this e-mail now"));
    assert_eq!(subject(world.type_in(ALICE, "theirs")), made);
    assert_eq!(problem(world.type_in(ALICE, "mine")), WRONG);
    let bad = |state: &[u8]| world.accounts(async |accounts| accounts.resume(state, Answers(&[])).await);
    for state in ["new-account", "new-account ", "new-account a@b.example", "new-account a@b.example x y"] {
        assert_eq!(bad(state.as_bytes()), Err(ConversationError::InvalidState), "{state}");
    }
    // It is for a developer's machine only.
    let (public, _) = World::with_alice();
    assert_eq!(public.confirm(&mine), Err(ConversationError::InvalidState));
}

/// U15: what is said fits what happened.
#[test]
fn words_on_loopback_fit_the_state() {
    let world = World::local();
    let Step::Ask(first) = world.accounts(async |accounts| accounts.begin(None)) else { panic!("no form") };
    assert!(first.notice().unwrap().contains("any e-mail and password will do"));
    subject(world.sign_in(ALICE, "x"));
    let wrong = prompt(world.type_in(ALICE, "y"));
    assert_eq!((wrong.problem.as_deref(), wrong.notice()), (Some(WRONG), None));
}

/// LG-01, LG-02: the same words, the same work at the store, the same hash.
#[test]
fn unknown_e_mail_and_wrong_password_look_the_same() {
    let (world, _) = World::with_alice();
    world.sign_in("zoe@example.com", "first").unwrap();
    let (wrong, at_wrong) = world.count(|| prompt(world.sign_in(ALICE, "another password")));
    let (mut unknown, at_unknown) =
        world.count(|| prompt(world.sign_in("malice@example.com", "another password")));
    assert_eq!(wrong.problem.as_deref(), Some(WRONG));
    unknown.email = ALICE.into();
    assert_eq!(wrong, unknown);
    // The very first count in a list takes one more.
    assert!(at_unknown.writes.abs_diff(at_wrong.writes) <= 2, "{at_wrong:?} {at_unknown:?}");
    let (_, at_wrong) = world.count(|| world.sign_in(ALICE, "another password"));
    let (_, at_unknown) = world.count(|| world.sign_in("malice@example.com", "another password"));
    assert_eq!(at_wrong, at_unknown);
}

/// LG-01: also when there is a pause.
#[test]
fn pause_says_nothing_of_the_account() {
    let (mut world, _) = World::with_alice();
    world.address = None;
    let last = |email: &str| {
        let mut last = prompt(world.sign_in(email, "wrong"));
        for _ in 0..9 {
            last = prompt(world.sign_in(email, "wrong"));
        }
        last.email = String::new();
        last
    };
    let (known, unknown) = (last(ALICE), last("nobody@example.com"));
    assert_eq!(known, unknown);
    assert_eq!(known.retry_after, Some(1));
    assert!(known.problem.unwrap().contains("Try again in 1 seconds") || unknown.problem.is_some());
}

/// LG-03, LG-06: guesses are slowed down, a right password too while the pause lasts; but not where the person
/// has signed in before.
#[test]
fn guesses_hold_up_whoever_guesses_and_not_the_person() {
    let (mut world, alice) = World::with_alice();
    for second in 0..40 {
        world.now.set(NOW + second);
        prompt(world.sign_in(ALICE, "wrong"));
    }
    assert!(prompt(world.sign_in(ALICE, GOOD)).retry_after.is_some(), "not even the right one is looked at");
    world.known_subjects = vec!["acct_other".into(), alice.clone()];
    assert_eq!(subject(world.sign_in(ALICE, GOOD)), alice);
    world.known_subjects.clear();
    assert!(prompt(world.sign_in(ALICE, GOOD)).retry_after.is_some(), "the attacker's count goes on");
    world.now.set(NOW + 40 + 900);
    assert_eq!(subject(world.sign_in(ALICE, GOOD)), alice);
    for _ in 0..4 {
        assert_eq!(problem(world.sign_in(ALICE, "typo")), WRONG, "a right password ends the count");
    }
}

/// LG-07: of many guesses at once no more are judged than one after the other.
#[test]
fn guesses_at_once_are_counted() {
    let (world, alice) = World::with_alice();
    let randoms: Vec<_> = (1..=30).map(store_core::testing::SequenceRandom::new).collect();
    let tasks = randoms.iter().enumerate().map(|(index, random)| {
        let world = &world;
        async move {
            let accounts = accounts_core::Accounts {
                records: Records { store: &world.store, keys: &world.keys, random },
                sign_up: SignUp::Closed,
                is_loopback: false,
                host: "mcp.example.com",
                known_subjects: &[],
                address: None,
                now: NOW,
            };
            let password = if index == 29 { GOOD.to_owned() } else { format!("guess {index}") };
            let answers = [("email".to_owned(), ALICE.to_owned()), ("password".to_owned(), password)];
            accounts.resume(b"sign-in", accounts_core::Answers(&answers)).await
        }
    });
    let outcomes = run_interleaved(tasks, 3);
    let judged = outcomes.iter().filter(|outcome| match outcome {
        Ok(Step::Ask(prompt)) => prompt.retry_after.is_none(),
        Ok(_) => true,
        Err(error) => {
            assert_eq!(*error, ConversationError::Record(RecordError::Contended));
            false
        }
    });
    assert!(judged.count() <= 6, "five, and the one that a right answer gives back: {alice}");
}

/// LG-08: what is huge is refused before it is hashed or counted.
/// LG-10: nothing is cut; spaces and NUL count, at sign-up and at sign-in.
#[test]
fn passwords_count_whole() {
    let world = World::new(SignUp::Open);
    let (_, operations) =
        world.count(|| assert!(problem(world.sign_up(ALICE, &"x".repeat(1025))).contains("too long")));
    assert_eq!((operations.reads, operations.writes), (0, 0));
    let long: String = (0..140).map(|number| format!("{number}\0 ä")).collect();
    let long = format!(" {long} ");
    subject(world.sign_up(ALICE, &long));
    assert_eq!(problem(world.sign_in(ALICE, long.trim())), WRONG);
    assert_eq!(problem(world.sign_in(ALICE, long.strip_suffix(' ').unwrap())), WRONG);
    subject(world.sign_in(ALICE, &long));
}

/// LG-05: one account, however its name is typed.
#[test]
fn names_are_normalised_before_they_are_counted() {
    let (mut world, _) = World::with_alice();
    world.address = None;
    for typed in [
        "alice@example.com",
        "ALICE@example.com",
        " alice@EXAMPLE.com",
        "Alice@example.com\t",
        "aLiCe@example.com",
    ] {
        assert_eq!(problem(world.sign_in(typed, "wrong")), WRONG);
    }
    assert!(prompt(world.sign_in("alIce@example.com", "wrong")).retry_after.is_some());
    assert!(problem(world.sign_in("ａlice@example.com", "wrong")).contains("not an e-mail"));
}

#[test]
fn closed_sign_up_makes_no_account() {
    let world = World::new(SignUp::Closed);
    assert_eq!(problem(world.sign_in(ALICE, GOOD)), WRONG);
    let code = invitation::issue(&world.keys, ALICE, NOW + 3_600).unwrap();
    for outcome in [world.sign_up(ALICE, GOOD), world.accept(&code, ALICE, GOOD)] {
        assert_eq!(outcome, Err(ConversationError::InvalidState));
    }
    for form in ["sign-up", "invitation", "change-password"] {
        let outcome = world.answer(Form::SignIn, &[("alternative", form)]);
        assert_eq!(outcome, Err(ConversationError::InvalidState));
    }
    assert_eq!(world.accounts_in_store(), 0);
}

/// Signing in makes no account on a public server, and signing up does.
#[test]
fn open_sign_up_is_a_form_of_its_own() {
    let world = World::new(SignUp::Open);
    assert_eq!(problem(world.sign_in(ALICE, GOOD)), WRONG);
    let form = prompt(world.answer(Form::SignIn, &[("alternative", "sign-up"), ("email", ALICE)]));
    assert_eq!((form.form, form.email.as_str()), (Form::SignUp, ALICE));
    assert!(problem(world.sign_up(ALICE, "14 characters!")).contains("15 characters"));
    assert!(problem(world.sign_up(ALICE, "passwordpassword")).contains("guess"));
    assert!(problem(world.sign_up(ALICE, "alice@example.com")).contains("guess"));
    assert_eq!(world.accounts_in_store(), 0);
    let alice = subject(world.sign_up(ALICE, GOOD));
    assert_eq!(subject(world.sign_in(ALICE, GOOD)), alice);
    assert_eq!(subject(world.sign_up(ALICE, GOOD)), alice, "twice is once");
    assert!(problem(world.sign_up(ALICE, "another long enough one")).contains("Sign in instead"));
    assert_eq!(world.accounts_in_store(), 1);
}

/// LG-11: an invitation makes one account, for its address, in its time; then it is used up.
#[test]
fn invitation_makes_one_account() {
    let world = World::new(SignUp::Invited);
    let code = invitation::issue(&world.keys, ALICE, NOW + 3_600).unwrap();
    let form = prompt(world.answer(Form::SignIn, &[("alternative", "invitation")]));
    assert_eq!(form.form, Form::Invitation);
    assert_eq!(world.sign_up(ALICE, GOOD), Err(ConversationError::InvalidState), "not without one");
    for (code, email) in [("", ALICE), ("guess", ALICE), (code.as_str(), "mallory@example.com")] {
        assert!(problem(world.accept(code, email, GOOD)).contains("invitation"));
    }
    world.now.set(NOW + 3_600);
    assert!(problem(world.accept(&code, ALICE, GOOD)).contains("too old"));
    world.now.set(NOW + 3_599);
    assert!(problem(world.accept(&code, ALICE, "too short")).contains("15"), "and the code is still good");
    let alice = subject(world.accept(&code, ALICE, GOOD));
    assert!(problem(world.accept(&code, ALICE, "another long enough one")).contains("another password"));
    assert_eq!(subject(world.sign_in(ALICE, GOOD)), alice, "whoever finds the code later changes nothing");
    assert_eq!(world.accounts_in_store(), 1);
}

/// LG-11: of two who use it at the same moment, one has the account.
#[test]
fn invitation_is_used_once_by_whoever_comes_first() {
    for seed in 0..60 {
        let world = World::new(SignUp::Invited);
        let code = invitation::issue(&world.keys, ALICE, NOW + 3_600).unwrap();
        let randoms = [1, 2].map(store_core::testing::SequenceRandom::new);
        let tasks = randoms.iter().zip(["the first of two to come", "the other of two to come"]).map(
            |(random, password)| {
                let (world, code) = (&world, &code);
                async move {
                    let accounts = accounts_core::Accounts {
                        records: Records { store: &world.store, keys: &world.keys, random },
                        sign_up: SignUp::Invited,
                        is_loopback: false,
                        host: "mcp.example.com",
                        known_subjects: &[],
                        address: None,
                        now: NOW,
                    };
                    let answers =
                        [("invitation", code.as_str()), ("email", ALICE), ("new-password", password)];
                    let answers = answers.map(|(name, value)| (name.to_owned(), value.to_owned()));
                    accounts.resume(b"invitation", accounts_core::Answers(&answers)).await
                }
            },
        );
        let outcomes = run_interleaved(tasks, seed);
        let made = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Step::User { .. }))).count();
        assert!(made <= 1, "seed {seed}: {outcomes:?}");
    }
}

/// LG-09: a hash of former days is renewed when the password is there.
#[test]
fn outdated_hash_is_renewed_at_sign_in() {
    let (world, alice) = World::with_alice();
    let records = Records { store: &world.store, keys: &world.keys, random: &world.random };
    let find = || block_on(records.find::<Account>(&record::key(ALICE))).unwrap().unwrap();
    let old = {
        use argon2::password_hash::{PasswordHasher, SaltString};
        let params = argon2::Params::new(64, 1, 1, None).unwrap();
        let salt = SaltString::encode_b64(&[1; 16]).unwrap();
        argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
            .hash_password(GOOD.as_bytes(), &salt)
            .unwrap()
            .to_string()
    };
    let account = Account { password_hash: old.clone(), ..find() };
    block_on(records.create(&record::key(ALICE), &account)).unwrap();
    assert_eq!(problem(world.sign_in(ALICE, "wrong")), WRONG);
    assert_eq!(find().password_hash, old, "only by the right password");
    assert_eq!(subject(world.sign_in(ALICE, GOOD)), alice);
    let renewed = find().password_hash;
    assert!(!password::is_outdated(&renewed));
    subject(world.sign_in(ALICE, GOOD));
    assert_eq!(find().password_hash, renewed, "and once is enough");
}

/// LG-12: the old password is over, and whoever signed in with it is to be signed out.
#[test]
fn password_is_changed_by_whoever_knows_it() {
    let (world, alice) = World::with_alice();
    let new = "twenty one penguins";
    let begun = world.accounts(async |accounts| accounts.begin_change(&alice, ALICE).await);
    assert_eq!(prompt(begun).form, Form::ChangePassword);
    for (current, chosen, repeated, said) in [
        ("wrong", new, new, "current password is wrong"),
        (GOOD, new, "twenty two penguins", "not the same"),
        (GOOD, "short", "short", "15 characters"),
        (GOOD, "passwordpassword", "passwordpassword", "guess"),
        (GOOD, GOOD, GOOD, "that you have"),
        (GOOD, "", "", "Type a password"),
    ] {
        assert!(problem(world.change(&alice, current, chosen, repeated)).contains(said), "{said}");
    }
    subject(world.sign_in(ALICE, GOOD));
    assert!(matches!(world.change(&alice, GOOD, new, new), Ok(Step::Changed { .. })));
    assert_eq!(problem(world.sign_in(ALICE, GOOD)), WRONG);
    assert_eq!(subject(world.sign_in(ALICE, new)), alice);
}

/// LG-03: a browser that somebody forgot to sign out of does not give the password away.
#[test]
fn change_of_password_is_throttled_too() {
    let (world, alice) = World::with_alice();
    let new = "twenty one penguins";
    for _ in 0..5 {
        assert!(problem(world.change(&alice, "guess", new, new)).contains("wrong"));
    }
    assert_eq!(prompt(world.change(&alice, GOOD, new, new)).retry_after, Some(1));
}

#[test]
fn nobody_changes_the_password_of_somebody_else() {
    let (world, _) = World::with_alice();
    let new = "twenty one penguins";
    assert_eq!(world.change("acct_other", GOOD, new, new), Err(ConversationError::InvalidState));
    let has = |subject: &str, email: &str| {
        world.accounts(async |accounts| accounts.has_password(subject, email).await).unwrap()
    };
    assert!(!has("acct_other", ALICE) && !has("acct_other", "Somebody"));
}

#[test]
fn account_outlives_the_secret_it_was_made_with() {
    let mut world = World::local();
    let alice = subject(world.sign_in(ALICE, "x"));
    let (old, new) =
        ("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc", "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg");
    world.keys = Keyring::parse(&format!("{new},{old}")).unwrap();
    assert_eq!(subject(world.sign_in(ALICE, "x")), alice, "and is sealed anew on the way");
    world.keys = Keyring::parse(new).unwrap();
    assert_eq!(subject(world.sign_in(ALICE, "x")), alice);
    world.keys = Keyring::from_secret(&[9; 32]).unwrap();
    assert_ne!(subject(world.sign_in(ALICE, "x")), alice, "retired: a new account");
}

/// D4, D10: neither e-mail nor password is to be seen in the store.
#[test]
fn store_shows_nothing() {
    let (world, _) = World::with_alice();
    world.sign_in(ALICE, "wrong horse").unwrap();
    for (key, value) in world.store.snapshot() {
        let text = format!("{key} {}", String::from_utf8_lossy(&value));
        for secret in ["alice", "penguins", "horse", "argon2", "198.51"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

/// Rule 3: a store that does not answer is no wrong password.
#[test]
fn store_fault_is_no_answer() {
    for world in [World::local(), World::with_alice().0] {
        drop(world.sign_in(ALICE, GOOD));
        for count in 0..4 {
            for email in [ALICE, "bob@example.com"] {
                world.store.fail_after(count, Fault::Error);
                match world.sign_in(email, "wrong") {
                    Err(ConversationError::Record(RecordError::Store(_))) => {}
                    // The answer had been counted and judged by then.
                    Ok(_) if count > 0 => {}
                    other => panic!("{email} after {count}: {other:?}"),
                }
                world.store.heal();
            }
        }
    }
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
            let mut world = World::local();
            let known = is_known.then(|| subject(world.sign_in(ALICE, "x")));
            // Signing in with an account that is sealed with an older secret seals it anew.
            world.keys = Keyring::parse(&format!("{new},{old}")).unwrap();
            world.store.fail_after(count, fault);
            let answer = world.sign_in(ALICE, "x");
            world.store.heal();
            let alice = subject(world.sign_in(ALICE, "x"));
            assert!(known.is_none_or(|known| known == alice), "{fault:?} after {count}");
            assert_eq!(world.store.snapshot().len(), 1);
            match answer {
                Ok(Step::User { subject: told, .. }) => {
                    assert_eq!(told, alice);
                    if failures > 0 {
                        break;
                    }
                }
                Ok(other) => panic!("{fault:?} after {count}: {other:?}"),
                Err(_) => failures += 1,
            }
        }
        assert!(failures > 0 || fault == Fault::WriteError, "{is_known} {fault:?}");
    }
}

/// S5: nothing is changed before the authorization server has ended the other sign-ins, and what was judged is not
/// made over another change that came in between.
#[test]
fn judged_change_is_not_made_yet() {
    let new = "twenty one penguins";
    let (world, alice) = World::with_alice();
    let before = world.store.snapshot();
    let Ok(Step::Ready { state }) = world.judge_change(&alice, GOOD, new, new) else { panic!("not judged") };
    let accounts = |snapshot: std::collections::BTreeMap<String, Vec<u8>>| {
        snapshot.into_iter().filter(|(key, _)| key.starts_with("postern:a:")).collect::<Vec<_>>()
    };
    assert_eq!(accounts(world.store.snapshot()), accounts(before));
    let apply = |subject: &str, state: &[u8]| {
        world.accounts(async |accounts| accounts.apply_change(subject, ALICE, state).await)
    };
    for (subject, state) in [("acct_other", &state[..]), (&alice, b""), (&alice, b"{}")] {
        assert_eq!(apply(subject, state), Err(ConversationError::InvalidState));
    }
    let other = "thirty one penguins";
    assert!(matches!(world.change(&alice, GOOD, other, other), Ok(Step::Changed { .. })));
    assert_eq!(apply(&alice, &state), Err(ConversationError::Record(RecordError::Contended)));
    assert_eq!(subject(world.sign_in(ALICE, other)), alice);
}

/// U12: the code is long, so the form comes back with it whatever was wrong, and is called what it is.
#[test]
fn invitation_form_keeps_its_code() {
    let world = World::new(SignUp::Invited);
    let code = "a code of an invitation";
    for (email, password) in [("", GOOD), ("no address", GOOD), (ALICE, ""), (ALICE, "short"), (ALICE, GOOD)]
    {
        let form = prompt(world.accept(&format!(" {code}\n"), email, password));
        assert!(form.problem.is_some(), "{email} {password}");
        assert_eq!(form.form.heading(), Some("Create your account"));
        for field in form.form.fields() {
            let expected = match field.name {
                "invitation" => code,
                "email" => email,
                _ => "",
            };
            assert_eq!(form.value(field), expected, "{}", field.name);
        }
    }
    let long = prompt(world.accept(&"x".repeat(10_000), ALICE, GOOD));
    assert!(long.code.len() <= 64);
}

/// K-07: the same for a change of password: the old or the new one is good, and nobody is told otherwise.
#[test]
fn every_operation_of_a_change_may_fail() {
    let new = "twenty one penguins";
    for count in 0..40 {
        let (world, alice) = World::with_alice();
        world.store.fail_after(count, Fault::Error);
        let changed = world.change(&alice, GOOD, new, new);
        world.store.heal();
        let is_new = matches!(world.sign_in(ALICE, new), Ok(Step::User { .. }));
        match changed {
            Ok(Step::Changed { .. }) => assert!(is_new),
            Ok(other) => panic!("after {count}: {other:?}"),
            Err(_) => assert!(is_new || matches!(world.sign_in(ALICE, GOOD), Ok(Step::User { .. }))),
        }
    }
}

/// S16: strangers' hashes are bounded; a browser that the person has signed in with before is not held up, and a
/// stranger who is turned away is not counted.
#[test]
fn strangers_wait_behind_known_browsers() {
    let (mut world, subject_of_alice) = World::with_alice();
    let random = SequenceRandom::new(77);
    let taken = json!({ "places": [["a", NOW + 10], ["b", NOW + 10], ["c", NOW + 10], ["d", NOW + 10]] });
    let records = Records { store: &world.store, keys: &world.keys, random: &random };
    block_on(records.create("postern:h", &taken)).unwrap();
    let before = world.store.snapshot();
    for outcome in
        [world.sign_in(ALICE, GOOD), world.sign_in(ALICE, "wrong"), world.sign_in("nobody@example.com", GOOD)]
    {
        let prompt = prompt(outcome);
        assert!(prompt.problem.unwrap().starts_with("Many people are signing in"));
        assert_eq!(prompt.retry_after, Some(2));
    }
    assert_eq!(world.store.snapshot(), before, "nothing is counted or written");
    world.known_subjects = vec![subject_of_alice.clone()];
    assert_eq!(subject(world.sign_in(ALICE, GOOD)), subject_of_alice);
    world.known_subjects.clear();
    world.now.set(NOW + 10);
    assert_eq!(subject(world.sign_in(ALICE, GOOD)), subject_of_alice, "their requests died");
}
