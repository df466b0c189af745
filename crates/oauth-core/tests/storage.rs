//! What is stored, and how often the store is asked: bounded by users, never by requests.

use crate::support::{
    Browser, Client, PageForm, Params, Request, Tokens, World, body_text, location, refusal,
};
use http::{Method, StatusCode};
use oauth_core::{
    approvals::{self, ApprovalError, CONNECTIONS_PER_USER, Terms},
    records::{EndedSignIn, GrantEntry, GrantId, GrantState, RememberedConsent, SignIn, SignIns, UserGrants},
    sign_ins,
};
use store_core::{
    Keyring, seal,
    testing::{Operations, SequenceRandom, block_on},
};

const DAY: u64 = 24 * 60 * 60;

fn reads(reads: usize) -> Operations {
    Operations { reads, writes: 0 }
}

/// I6, D8: whatever is asked before somebody has signed in, nothing is written and nothing is read.
#[test]
fn nothing_is_stored_before_sign_in() {
    let world = World::public();
    let client = world.client();
    let browser = Browser::default();
    let ((), operations) = world.count(|| {
        world.client();
        let page = browser.get(&world, &format!("/authorize?{}", client.request().encode()));
        browser.post_page(&world, &page, &[("email", "a@a.example"), ("password", "bad")], None);
        browser.send(&world, Request::post_form("/authorize", &client.request()));
        for target in ["/", "/authorize", "/nothing", "/.well-known/oauth-authorization-server"] {
            browser.get(&world, target);
            world.send(Request::new(Method::OPTIONS, target));
        }
        for garbage in ["", "garbage", "postern_ac_AAAA", "postern_rt_AAAA"] {
            world.send(client.redeem(garbage));
            world.send(client.refresh(garbage));
            assert_eq!(world.introspect(garbage), None);
        }
        browser.post(&world, "/consent", &Params::of(&[("transaction", "AAAA"), ("decision", "approve")]));
    });
    assert_eq!(operations, reads(0));
    assert!(world.store.is_empty());
}

/// D5, D13: what each request costs.
#[test]
fn requests_cost_what_they_should() {
    let world = World::public();
    let client = world.client();
    let browser = Browser::default();
    let page = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    let (page, consent_page) = world.count(|| {
        drop(page);
        browser.get(&world, &format!("/authorize?{}", client.request().encode()))
    });
    assert_eq!(consent_page, reads(1));
    let (approved, approval) = world.count(|| browser.approve(&world, &page, &["math:basic"]));
    assert_eq!(approval.writes, 2, "the index and the grant");
    let (_, params) = location(&approved);
    let (reply, redemption) = world.count(|| world.send(client.redeem(&params["code"])));
    let tokens = Tokens::of(&reply);
    assert_eq!(redemption.writes, 1);
    let (access, introspection) = world.count(|| world.introspect(&tokens.access));
    assert!(access.is_some());
    assert_eq!(introspection, reads(2));
    let (reply, refresh) = world.count(|| world.send(client.refresh(&tokens.refresh)));
    assert_eq!(refresh.writes, 1);
    let refreshed = Tokens::of(&reply);
    for (name, operations) in [("redemption", redemption), ("refresh", refresh)] {
        assert!(operations.reads <= 4, "{name}: {operations:?}");
    }
    world.advance(900);
    let (access, expired) = world.count(|| world.introspect(&refreshed.access));
    assert_eq!((access, expired), (None, reads(0)), "what is past its time costs nothing");
}

/// I11: a request that is refused leaves the store as it was, to the byte.
#[test]
fn refused_request_leaves_no_trace() {
    let world = World::local();
    let client = world.client();
    let code = world.code(&client);
    let tokens = world.tokens(&client);
    let wrong = Params::of(&[("code_verifier", &"v".repeat(43)), ("redirect_uri", "https://x.example/")]);
    let before = world.store.snapshot();
    for (name, value) in &wrong.0 {
        let redemption = client.redemption(&code).with(name, value);
        assert_eq!(refusal(&world.send(Request::post_form("/token", &redemption))).0, 400);
    }
    let refreshment = client.refreshment(&tokens.refresh).with("scope", "admin");
    assert_eq!(refusal(&world.send(Request::post_form("/token", &refreshment))).0, 400);
    assert_eq!(refusal(&world.send(client.redeem(&tokens.refresh))).0, 400);
    assert_eq!(world.store.snapshot(), before);
}

/// Rule 1: the store has no credential, no verifier, no e-mail and no address in it that could be read.
/// MCP-A-23, MCP-Z-02.
#[test]
fn store_has_nothing_to_read() {
    let world = World::local();
    let client = world.client();
    let code = world.code(&client);
    let tokens = Tokens::of(&world.send(client.redeem(&code)));
    let refreshed = Tokens::of(&world.send(client.refresh(&tokens.refresh)));
    let stored: Vec<u8> = world
        .store
        .snapshot()
        .into_iter()
        .flat_map(|(key, value)| [key.into_bytes(), value].concat())
        .collect();
    let secrets = [code, tokens.access, tokens.refresh, refreshed.access, refreshed.refresh, client.id];
    let bodies = secrets.iter().map(|secret| &secret["postern_xx_".len()..]);
    let texts = ["alice", "client.example", "Inspector", "math:", "dBjftJeZ4CVP", "E9Melhoa2Owv", "issued"];
    for text in bodies.chain(texts) {
        assert!(!stored.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
}

/// D8: fifty grants, and the oldest gives way, to the last record of it.
#[test]
fn oldest_grant_gives_way() {
    let world = World::local();
    let client = world.client();
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS_PER_USER {
        all.push(world.tokens(&client));
        world.advance(1);
    }
    let oldest: GrantId = world.user("alice@example.com").grants[0].id;
    assert!(all.iter().all(|tokens| world.introspect(&tokens.access).is_some()));
    let newest = world.tokens(&client);
    assert_eq!(world.introspect(&all[0].access), None);
    assert_eq!(refusal(&world.send(client.refresh(&all[0].refresh))), (400, "invalid_grant".into()));
    assert!(all[1..].iter().chain([&newest]).all(|tokens| world.introspect(&tokens.access).is_some()));
    let user = world.user("alice@example.com");
    assert_eq!(user.grants.len(), CONNECTIONS_PER_USER);
    assert!(user.grants.iter().all(|entry| entry.id != oldest));
    assert!(!world.store.snapshot().contains_key(&oldest.key()));
}

/// D8: what has ended goes first, and nobody's live grant goes for it.
#[test]
fn dead_grants_go_before_live_ones() {
    let world = World::local();
    let client = world.client();
    let live = world.tokens(&client);
    for _ in 1..CONNECTIONS_PER_USER {
        world.code(&client);
    }
    world.advance(61);
    world.code(&client);
    assert!(world.introspect(&live.access).is_some());
    assert_eq!(world.user("alice@example.com").grants.len(), 2);
    assert_eq!(world.store.snapshot().len(), 3, "two grants and the user");
}

/// K-23: a month of people who sign in, connect, and never come back.
#[test]
fn month_of_logins_leaves_bounded_rows() {
    let world = World::local();
    let client = world.client();
    for day in 0..40 {
        for round in 0..5 {
            for email in ["alice@example.com", "bob@example.com"] {
                let code = world.code_for(&client, email, &client.request());
                if (day + round) % 3 == 0 {
                    Tokens::of(&world.send(client.redeem(&code)));
                }
            }
        }
        world.advance(DAY);
        assert!(world.store.snapshot().len() <= 2 * (1 + CONNECTIONS_PER_USER), "day {day}");
    }
}

/// K-33, RG-12: retiring the secret ends every client, sign-in, grant and token, and is no obstacle to
/// starting again, not even for those who were here before.
#[test]
fn retiring_the_secret_ends_everything() {
    let mut world = World::local();
    let client = world.client();
    let browser = Browser::default();
    let page = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    let (code, tokens) = (world.code(&client), world.tokens(&client));
    world.keys = Keyring::from_secret(&[8; 32]).unwrap();
    assert_eq!(world.introspect(&tokens.access), None);
    for request in [client.redeem(&code), client.refresh(&tokens.refresh)] {
        assert_eq!(refusal(&world.send(request)), (401, "invalid_client".into()));
    }
    let anew = world.client();
    for request in [anew.redeem(&code), anew.refresh(&tokens.refresh)] {
        assert_eq!(refusal(&world.send(request)), (400, "invalid_grant".into()));
    }
    let form = PageForm::of(&page).filled_in(&[], Some("approve"));
    assert_eq!(browser.post(&world, "/consent", &form).status, StatusCode::BAD_REQUEST);
    let sign_in = browser.get(&world, &format!("/authorize?{}", anew.request().encode()));
    assert_eq!(PageForm::of(&sign_in).action, "/sign-in");
    let again = world.tokens(&anew);
    assert!(world.introspect(&again.access).is_some());
}

/// Keys rotate by key id: a new secret in front changes nothing for anybody, and what is used meanwhile
/// outlives the old one only if the user has signed in since.
/// MCP-Z-10.
#[test]
fn rotating_the_secret_keeps_everything() {
    let mut world = World::local();
    let client = world.client();
    let browser = Browser::default();
    let page = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    let (code, tokens) = (world.code(&client), world.tokens(&client));
    let (new, old) = (seal::to_text(&[8; 32]), seal::to_text(&[7; 32]));
    world.keys = Keyring::parse(&format!("{new},{old}")).unwrap();
    assert!(world.introspect(&tokens.access).is_some());
    location(&browser.approve(&world, &page, &["math:basic"]));
    Tokens::of(&world.send(client.redeem(&code)));
    let refreshed = Tokens::of(&world.send(client.refresh(&tokens.refresh)));
    assert!(world.introspect(&refreshed.access).is_some());
}

/// The usual rotation: both secrets for a while, then the old one goes. Nobody may be locked out by a
/// record that nobody wrote meanwhile.
#[test]
fn user_who_stayed_away_during_a_rotation_can_sign_in() {
    let mut world = World::local();
    let client = world.client();
    let tokens = world.tokens(&client);
    let (new, old) = (seal::to_text(&[8; 32]), seal::to_text(&[7; 32]));
    world.keys = Keyring::parse(&format!("{new},{old}")).unwrap();
    let refreshed = Tokens::of(&world.send(client.refresh(&tokens.refresh)));
    let anew = world.client();
    world.keys = Keyring::parse(&new).unwrap();
    // The user's record was sealed with the old secret, the grant with the new one.
    assert_eq!(world.introspect(&refreshed.access), None);
    let refresh = anew.refresh(&refreshed.refresh);
    assert_eq!(refusal(&world.send(refresh)), (400, "invalid_grant".into()));
    let again = world.tokens(&anew);
    assert!(world.introspect(&again.access).is_some());
    assert_eq!(world.introspect(&refreshed.access), None, "and what was ended stays so");
}

/// K-32: chance repeats itself (a cloned instance). Nobody's grant is overwritten by another's.
#[test]
fn grant_is_never_made_over_another() {
    let mut world = World::local();
    let client = world.client();
    let query = client.request().encode();
    let (alice, bob) = (Browser::default(), Browser::default());
    alice.sign_in(&world, "alice@example.com", &query);
    bob.sign_in(&world, "bob@example.com", &query);
    let target = format!("/authorize?{query}");
    world.random = SequenceRandom::new(9);
    let one = alice.get(&world, &target);
    world.random = SequenceRandom::new(9);
    let other = bob.get(&world, &target);
    let (_, params) = location(&alice.approve(&world, &one, &["math:basic"]));
    let second = bob.approve(&world, &other, &["math:basic"]);
    assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE);
    let grant = world.grant();
    assert_eq!(grant.subject, "subject of alice@example.com");
    assert!(matches!(grant.state, GrantState::Issued { .. }));
    Tokens::of(&world.send(client.redeem(&params["code"])));
}

/// AZ-28, D8: a double click when the index is full costs the user one old grant, not two.
#[test]
fn double_click_revokes_one_grant_only() {
    let world = World::local();
    let client = world.client();
    let all: Vec<Tokens> = (0..CONNECTIONS_PER_USER).map(|_| world.tokens(&client)).collect();
    let browser = Browser::default();
    let page = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    let clicks = [(), ()].map(|()| browser.approve(&world, &page, &["math:basic"]));
    assert_eq!(clicks[0], clicks[1]);
    let alive = all.iter().filter(|tokens| world.introspect(&tokens.access).is_some()).count();
    assert_eq!(alive, CONNECTIONS_PER_USER - 1);
}

/// K-06: the user signs out everywhere between the check of the session and the approval.
#[test]
fn approval_from_before_signing_out_everywhere_makes_no_grant() {
    let world = World::local();
    let client = world.client();
    world.code(&client);
    let (key, grant) = world.grants().remove(0);
    world.raise_epoch("alice@example.com");
    let before = world.store.snapshot();
    let id = GrantId([1; 16]);
    assert_ne!(id.key(), key);
    let terms = Terms { remembered: None, place: "", agreed: None, limit: CONNECTIONS_PER_USER };
    let outcome = block_on(approvals::approve(&world.records(), id, &grant, &terms, world.now.get()));
    assert_eq!(outcome, Err(ApprovalError::SignedOut));
    assert_eq!(world.store.snapshot(), before);
}

/// U2: at the bound, the connection that was unused for longest goes, not the oldest, and the page says which.
#[test]
fn connection_that_was_unused_for_longest_gives_way() {
    let mut world = World::local();
    world.config.connections_per_user = 3;
    let client = world.client();
    let mut all = Vec::new();
    for _ in 0..3 {
        world.advance(60);
        all.push(world.tokens(&client));
    }
    world.advance(60);
    let used = Tokens::of(&world.send(client.refresh(&all[0].refresh)));
    let browser = Browser::default();
    let page = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    let text = body_text(&page);
    assert!(text.contains("You have 3 connections") && text.contains("15 Jan 2027, 08:02 UTC"), "{text}");
    assert!(
        all.iter().skip(1).all(|tokens| world.introspect(&tokens.access).is_some()),
        "nothing has ended yet"
    );
    location(&browser.approve(&world, &page, &["math:basic"]));
    assert!(world.introspect(&used.access).is_some());
    assert_eq!(world.introspect(&all[1].access), None);
    assert!(world.introspect(&all[2].access).is_some());
    assert_eq!(world.user("alice@example.com").grants.len(), 3);
}

/// U2: when another connection would have to end than the page said, the person is asked again.
#[test]
fn nothing_ends_that_the_page_did_not_name() {
    let mut world = World::local();
    world.config.connections_per_user = 2;
    let client = world.client();
    let first = world.tokens(&client);
    let browser = Browser::default();
    let page = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    assert!(!body_text(&page).contains("You have 2 connections"));
    let second = world.tokens(&client);
    let again = browser.approve(&world, &page, &["math:basic"]);
    assert_eq!(again.status, StatusCode::OK);
    let text = body_text(&again);
    assert!(
        text.contains("Your connections changed meanwhile") && text.contains("You have 2 connections"),
        "{text}"
    );
    assert!([&first, &second].iter().all(|tokens| world.introspect(&tokens.access).is_some()));
    location(&browser.approve(&world, &again, &["math:basic"]));
    assert_eq!(world.introspect(&first.access), None);
    assert!(world.introspect(&second.access).is_some());
}

/// U2: a client that connects again at the same address in the same browser takes the place of its own grant, and the
/// page says so. In another browser, or at another address, it does not: that may be another device.
#[test]
fn client_takes_the_place_of_its_own_connection() {
    let world = World::local();
    let client = world.register(&["http://127.0.0.1/cb"]);
    let at = |port: u16| Client { redirect_uri: format!("http://127.0.0.1:{port}/cb"), ..client.clone() };
    let connect = |browser: &Browser, client: &Client| {
        world.advance(60);
        let page = browser.get(&world, &format!("/authorize?{}", client.request().encode()));
        let page = match PageForm::of(&page).action.as_str() {
            "/sign-in" => browser.sign_in(&world, "alice@example.com", &client.request().encode()),
            _ => page,
        };
        let says_so = body_text(&page).contains("the connection that you made earlier for this application");
        let (_, params) = location(&browser.approve(&world, &page, &["math:basic"]));
        (Tokens::of(&world.send(client.redeem(&params["code"]))), says_so)
    };
    let (laptop, phone) = (Browser::default(), Browser::default());
    let (first, says_so) = connect(&laptop, &at(1));
    assert!(!says_so);
    let (elsewhere, says_so) = connect(&phone, &at(1));
    assert!(!says_so, "another device");
    let (port, says_so) = connect(&laptop, &at(2));
    assert!(!says_so, "another address");
    let (again, says_so) = connect(&laptop, &at(1));
    assert!(says_so);
    assert_eq!(world.introspect(&first.access), None);
    for tokens in [&elsewhere, &port, &again] {
        assert!(world.introspect(&tokens.access).is_some());
    }
    let live = world.grants().into_iter().filter(|(_, grant)| !grant.is_dead(world.now.get()));
    assert_eq!(live.count(), 3);
    // The browser is known beyond its sign-in.
    laptop.cookies.borrow_mut().remove("postern-session");
    let (_, says_so) = connect(&laptop, &at(2));
    assert!(says_so);
    assert_eq!(world.introspect(&port.access), None);
}

/// The fullest record that there can be fits.
#[test]
fn fullest_user_record_fits() {
    let world = World::local();
    let text = |length: usize| "x".repeat(length);
    let entry = GrantEntry {
        id: GrantId([255; 16]),
        approved_at: u64::from(u32::MAX),
        expires_at: u64::from(u32::MAX),
        attempt: text(12),
        place: text(12),
        remembered: Some(RememberedConsent { digest: text(43), expires_at: u64::from(u32::MAX) }),
    };
    let sign_in = SignIn {
        id: text(22),
        signed_in_at: u64::from(u32::MAX),
        expires_at: u64::from(u32::MAX),
        browser: Some("Samsung Internet on Android".into()),
    };
    let ended = EndedSignIn { id: text(22), expires_at: u64::from(u32::MAX) };
    let user = UserGrants {
        epoch: u64::from(u32::MAX),
        sign_in_epoch: u64::from(u32::MAX),
        grants: vec![entry; approvals::MAX_CONNECTIONS_PER_USER],
        sign_ins: SignIns {
            listed: vec![sign_in; sign_ins::MAX_LISTED],
            ended: vec![ended; sign_ins::MAX_ENDED],
            unlisted_until: u64::from(u32::MAX),
        },
    };
    block_on(world.records().create("postern:u:full", &user)).unwrap();
}
