//! Requests that arrive at once: invariants I1, I2 and I4 over many orders of the store's operations.

use crate::support::{Browser, PageForm, Params, Request, Tokens, World, body_text, location, refusal};
use http::StatusCode;
use oauth_core::{
    approvals::CONNECTIONS_PER_USER,
    grants,
    records::{GrantId, GrantState},
};
use std::{cell::RefCell, collections::BTreeSet, pin::Pin, rc::Rc};
use store_core::testing::run_interleaved;
use web_core::Reply;

const SEEDS: std::ops::Range<u64> = 0..150;

/// Sends all of these at once.
fn race(world: &World, requests: Vec<Request>, seed: u64) -> Vec<Reply> {
    run_interleaved(requests.into_iter().map(|request| world.answer(request)), seed)
}

fn grant_id(key: &str) -> GrantId {
    let hex = key.strip_prefix("postern:g:").unwrap();
    GrantId(std::array::from_fn(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap()))
}

/// I1, K-01: one code, several redemptions by its owner.
#[test]
fn code_is_redeemed_once_in_any_order() {
    for seed in SEEDS {
        let world = World::local();
        let client = world.client();
        let code = world.code(&client);
        let replies = race(&world, vec![client.redeem(&code); 2 + seed as usize % 2], seed);
        let (good, bad): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == StatusCode::OK);
        assert_eq!(good.len(), 1, "seed {seed}");
        assert!(bad.iter().all(|reply| refusal(reply) == (400, "invalid_grant".into())), "seed {seed}");
        let tokens = Tokens::of(good[0]);
        assert!(world.introspect(&tokens.access).is_some(), "the winner's tokens work, seed {seed}");
        Tokens::of(&world.send(client.refresh(&tokens.refresh)));
    }
}

/// K-02: the thief's requests, without the verifier, come before, between and after the owner's.
#[test]
fn owner_wins_over_whoever_has_the_code_only() {
    for seed in SEEDS {
        let world = World::local();
        let client = world.client();
        let code = world.code(&client);
        let stolen = client.redemption(&code).with("code_verifier", &"v".repeat(43));
        let stolen = Request::post_form("/token", &stolen);
        let replies = race(&world, vec![stolen.clone(), client.redeem(&code), stolen], seed);
        let statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
        assert_eq!(statuses, [400, 200, 400], "seed {seed}");
    }
}

/// I2, K-03: one refresh token, several refreshes: one successor, and nobody is locked out.
#[test]
fn refreshes_at_once_get_one_successor() {
    for seed in SEEDS {
        let world = World::local();
        let client = world.client();
        let tokens = world.tokens(&client);
        let replies = race(&world, vec![client.refresh(&tokens.refresh); 3], seed);
        let successors: BTreeSet<String> = replies.iter().map(|reply| Tokens::of(reply).refresh).collect();
        assert_eq!(successors.len(), 1, "seed {seed}");
        assert!(matches!(world.grant().state, GrantState::Active { generation: 2, .. }), "seed {seed}");
        Tokens::of(&world.send(client.refresh(successors.first().unwrap())));
    }
}

/// I4, K-05: whichever comes first, when a revocation is done nothing of the grant works, even if it
/// was handed out meanwhile.
#[test]
fn revocation_wins_over_refreshes_and_redemptions() {
    for seed in SEEDS {
        let world = World::local();
        let client = world.client();
        let (request, old) = if seed % 2 == 0 {
            let tokens = world.tokens(&client);
            (client.refresh(&tokens.refresh), Some(tokens))
        } else {
            (client.redeem(&world.code(&client)), None)
        };
        let id = grant_id(&world.grants()[0].0);
        let records = world.records();
        let revocation = async {
            grants::revoke(&records, id, world.now.get()).await.unwrap();
            None
        };
        let tasks: [Pin<Box<dyn Future<Output = Option<Reply>>>>; 3] = [
            Box::pin(async { Some(world.answer(request.clone()).await) }),
            Box::pin(revocation),
            Box::pin(async { Some(world.answer(request.clone()).await) }),
        ];
        let replies = run_interleaved(tasks, seed);
        assert!(matches!(world.grant().state, GrantState::Revoked { .. }), "seed {seed}");
        let handed_out = replies.iter().flatten().filter(|reply| reply.status == StatusCode::OK);
        for tokens in handed_out.map(Tokens::of).chain(old) {
            assert_eq!(world.introspect(&tokens.access), None, "seed {seed}");
            assert_eq!(
                refusal(&world.send(client.refresh(&tokens.refresh))).1,
                "invalid_grant",
                "seed {seed}"
            );
        }
    }
}

/// TK-22 in a race: the thief uses the old token while the owner refreshes. Whatever happens, there is
/// never more than one line of tokens.
#[test]
fn replay_and_refresh_at_once_leave_one_line_or_none() {
    for seed in SEEDS {
        let world = World::local();
        let client = world.client();
        let first = world.tokens(&client);
        let second = Tokens::of(&world.send(client.refresh(&first.refresh)));
        world.advance(31);
        let requests = vec![client.refresh(&first.refresh), client.refresh(&second.refresh)];
        let replies = race(&world, requests, seed);
        assert_eq!(refusal(&replies[0]).1, "invalid_grant", "the replay gets nothing, seed {seed}");
        assert!(matches!(world.grant().state, GrantState::Revoked { .. }), "seed {seed}");
        if replies[1].status == StatusCode::OK {
            assert_eq!(world.introspect(&Tokens::of(&replies[1]).access), None, "seed {seed}");
        }
    }
}

/// AZ-28: both clicks of a double click run at once. One of them may be told to try again.
#[test]
fn double_click_at_once_is_one_grant() {
    for seed in SEEDS {
        let world = World::local();
        let client = world.client();
        let browser = Browser::default();
        let page = browser.sign_in(&world, "alice@example.com", &client.request().encode());
        let click = browser.dress(browser.form_request("/consent", &approval(&page)));
        let replies = race(&world, vec![click.clone(); 2], seed);
        let redirects: Vec<_> =
            replies.iter().filter(|reply| reply.status == StatusCode::SEE_OTHER).map(location).collect();
        assert!(!redirects.is_empty() && redirects.iter().all(|redirect| *redirect == redirects[0]));
        let others = replies.iter().filter(|reply| reply.status != StatusCode::SEE_OTHER);
        others.for_each(|reply| assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "seed {seed}"));
        assert_eq!(world.grants().len(), 1, "seed {seed}");
        assert_eq!(location(&world.send(click)), redirects[0], "trying again helps, seed {seed}");
        Tokens::of(&world.send(client.redeem(&redirects[0].1["code"])));
    }
}

/// K-24, K-25, K-29: two approvals at once when the index is about to be full, the second one whole
/// while the first has been entered and not yet made. Each code that was handed out is good, and each
/// grant is in the index, where the user can find and end it.
#[test]
fn approvals_at_once_do_not_prune_each_other() {
    let world = Rc::new(World::local());
    let client = world.client();
    let browser = Browser::default();
    let target = format!("/authorize?{}", client.request().encode());
    browser.sign_in(&world, "alice@example.com", &client.request().encode());
    for _ in 1..CONNECTIONS_PER_USER {
        world.tokens(&client);
    }
    let [first, second] = [(), ()].map(|()| {
        let page = browser.get(&world, &target);
        browser.dress(browser.form_request("/consent", &approval(&page)))
    });
    let interrupting = Rc::new(RefCell::new(None));
    world.store.after_next_swap(Box::new({
        let (world, interrupting) = (Rc::clone(&world), Rc::clone(&interrupting));
        move || *interrupting.borrow_mut() = Some(world.send(second))
    }));
    let interrupted = world.send(first);
    for reply in [interrupted, interrupting.take().unwrap()] {
        // The one that finds no room any more asks again, and has ended nothing for it.
        if reply.status == StatusCode::OK {
            assert!(
                body_text(&reply).contains("Your connections changed meanwhile"),
                "{}",
                body_text(&reply)
            );
            continue;
        }
        let (_, params) = location(&reply);
        let redeemed = world.send(client.redeem(&params["code"]));
        assert_eq!(redeemed.status, StatusCode::OK, "{}", body_text(&redeemed));
    }
    let listed: Vec<String> =
        world.user("alice@example.com").grants.iter().map(|entry| entry.id.key()).collect();
    let live = world.grants().into_iter().filter(|(_, grant)| !grant.is_dead(world.now.get()));
    for (key, _) in live {
        assert!(listed.contains(&key), "a live grant that nobody sees");
    }
    assert_eq!(listed.len(), CONNECTIONS_PER_USER);
}

fn approval(page: &Reply) -> Params {
    PageForm::of(page).filled_in(&[], Some("approve"))
}

/// I1, AZ-28: the second click comes whole between the first one's entry in the index and its grant. It
/// must not make the grant again, because by then the first one's code may have been used.
#[test]
fn second_click_never_makes_the_grant_again() {
    let world = Rc::new(World::local());
    let client = world.client();
    let browser = Browser::default();
    let page = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    let click = browser.dress(browser.form_request("/consent", &approval(&page)));
    let second = Rc::new(RefCell::new(None));
    world.store.after_next_swap(Box::new({
        let (world, second, click) = (Rc::clone(&world), Rc::clone(&second), click.clone());
        move || *second.borrow_mut() = Some(world.send(click))
    }));
    let first = world.send(click);
    assert_eq!(second.take().unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
    Tokens::of(&world.send(client.redeem(&location(&first).1["code"])));
    assert_eq!(world.user("alice@example.com").grants.len(), 1);
}

/// K-31: a user's record that many want at once. Everybody is answered, with a code or with "try again";
/// whoever tries again gets theirs, and every code is good.
#[test]
fn contended_user_is_served_or_told_to_try_again() {
    for seed in 0..20 {
        let world = World::local();
        let client = world.client();
        let browser = Browser::default();
        browser.sign_in(&world, "alice@example.com", &client.request().encode());
        let clicks: Vec<Request> = (0..24)
            .map(|_| {
                let page = browser.get(&world, &format!("/authorize?{}", client.request().encode()));
                browser.dress(browser.form_request("/consent", &approval(&page)))
            })
            .collect();
        let replies = race(&world, clicks.clone(), seed);
        for (reply, click) in replies.into_iter().zip(clicks) {
            let reply = match reply.status {
                StatusCode::SERVICE_UNAVAILABLE => world.send(click),
                _ => reply,
            };
            Tokens::of(&world.send(client.redeem(&location(&reply).1["code"])));
        }
    }
}
