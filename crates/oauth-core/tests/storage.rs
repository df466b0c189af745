//! What is stored, and how often the store is asked: bounded by users, never by requests.

use crate::support::{Browser, PageForm, Params, Request, Tokens, World, location, refusal};
use http::{Method, StatusCode};
use oauth_core::{
    grants::{self, ApprovalError, MAX_GRANTS_PER_USER},
    records::{GrantId, GrantState},
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
    for _ in 0..MAX_GRANTS_PER_USER {
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
    assert_eq!(user.grants.len(), MAX_GRANTS_PER_USER);
    assert!(user.grants.iter().all(|entry| entry.id != oldest));
    assert!(!world.store.snapshot().contains_key(&oldest.key()));
}

/// D8: what has ended goes first, and nobody's live grant goes for it.
#[test]
fn dead_grants_go_before_live_ones() {
    let world = World::local();
    let client = world.client();
    let live = world.tokens(&client);
    for _ in 1..MAX_GRANTS_PER_USER {
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
        assert!(world.store.snapshot().len() <= 2 * (1 + MAX_GRANTS_PER_USER), "day {day}");
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
    let all: Vec<Tokens> = (0..MAX_GRANTS_PER_USER).map(|_| world.tokens(&client)).collect();
    let browser = Browser::default();
    let page = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    let clicks = [(), ()].map(|()| browser.approve(&world, &page, &["math:basic"]));
    assert_eq!(clicks[0], clicks[1]);
    let alive = all.iter().filter(|tokens| world.introspect(&tokens.access).is_some()).count();
    assert_eq!(alive, MAX_GRANTS_PER_USER - 1);
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
    let outcome = block_on(grants::approve(&world.records(), id, &grant, None, world.now.get()));
    assert_eq!(outcome, Err(ApprovalError::SignedOut));
    assert_eq!(world.store.snapshot(), before);
}
