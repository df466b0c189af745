//! Requests that arrive at once, for real: threads, connections, and the store's own locks.

use crate::{Deployment, assert_try_again, at_once, call};
use postern_tests::oauth::consent_form;
use postern_tests::{Authorization, Browser, Client, Person, Request, Response, Tokens};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

const MANY: usize = 32;

/// A code that nobody has redeemed yet, and its verifier.
fn code(client: &Client) -> (String, String) {
    let authorization = Authorization::new(client);
    let answer = Person::new().approve(&mut Browser::new(&client.server), &authorization);
    (answer.code().to_owned(), authorization.verifier)
}

pub(crate) fn revoke(client: &Client, token: &str) -> Response {
    client
        .server
        .send(&Request::form("/revoke", &[("client_id", client.client_id.as_str()), ("token", token)]))
}

/// I1: one success, and the others are told that the code is no good; the winner's tokens work, and they
/// are of the only grant.
fn redeem_at_once(deployment: &Deployment) {
    let client = Client::register(&deployment.host);
    let (before, _) = deployment.size();
    let (code, verifier) = code(&client);
    let (with_grant, _) = deployment.size();
    let answers = at_once(MANY, |_| client.redeem(&code, &verifier));
    let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(good.len(), 1, "{good:?}");
    for answer in bad {
        answer.expect_oauth_error(400, "invalid_grant");
    }
    let tokens = Tokens::of(&good[0]);
    assert_eq!(call(&deployment.host, &tokens.access_token), 200);
    Tokens::of(&client.refresh(&tokens.refresh_token));
    assert_eq!(deployment.size().0, with_grant, "no second family");
    // The account, the user and the grant.
    assert_eq!(with_grant, before + 3);
}

/// K-01.
#[test]
fn one_of_many_redemptions_succeeds_on_sqlite() {
    redeem_at_once(&Deployment::on_sqlite());
}

/// K-01, K-11: on a store that says "failed" to every swap.
/// MCP-S-64.
#[test]
fn one_of_many_redemptions_succeeds_on_redis() {
    redeem_at_once(&Deployment::on_redis());
}

/// K-02, TK-02: whoever has the code and not the verifier gets nothing, and takes nothing from the owner.
fn steal_at_once(deployment: &Deployment) {
    let client = Client::register(&deployment.host);
    let (code, verifier) = code(&client);
    let answers = at_once(MANY, |index| {
        let verifier = if index == MANY / 2 { verifier.clone() } else { "v".repeat(43) };
        client.redeem(&code, &verifier)
    });
    for (index, answer) in answers.into_iter().enumerate() {
        if index == MANY / 2 {
            Tokens::of(&answer);
        } else {
            answer.expect_oauth_error(400, "invalid_grant");
        }
    }
}

/// K-02.
#[test]
fn owner_wins_over_many_thieves_on_sqlite() {
    steal_at_once(&Deployment::on_sqlite());
}

/// K-02.
#[test]
fn owner_wins_over_many_thieves_on_redis() {
    steal_at_once(&Deployment::on_redis());
}

/// I2: everybody gets the same successor, which is good; and the line goes on from there. Whoever comes
/// with a token that is older than that ends it.
fn refresh_at_once(deployment: &Deployment) {
    let client = Client::register(&deployment.host);
    let first = client.sign_in();
    let mut current = first.clone();
    for _ in 0..3 {
        let answers = at_once(MANY, |_| client.refresh(&current.refresh_token));
        let tokens: Vec<Tokens> = answers.iter().map(Tokens::of).collect();
        let successors: BTreeSet<_> =
            tokens.iter().map(|tokens| (&tokens.access_token, &tokens.refresh_token)).collect();
        assert_eq!(successors.len(), 1);
        assert_ne!(tokens[0].refresh_token, current.refresh_token);
        current = tokens[0].clone();
        assert_eq!(call(&deployment.host, &current.access_token), 200);
    }
    // Three generations later this is no lost answer: somebody else has it.
    client.refresh(&first.refresh_token).expect_oauth_error(400, "invalid_grant");
    client.refresh(&current.refresh_token).expect_oauth_error(400, "invalid_grant");
    assert_eq!(call(&deployment.host, &current.access_token), 401);
}

/// K-03, TK-22, TK-23.
#[test]
fn many_refreshes_are_one_family_until_a_replay_on_sqlite() {
    refresh_at_once(&Deployment::on_sqlite());
}

/// K-03, TK-22, TK-23.
#[test]
fn many_refreshes_are_one_family_until_a_replay_on_redis() {
    refresh_at_once(&Deployment::on_redis());
}

/// I4: a call that starts after the revocation was answered is refused, however many others are under
/// way; and so is every token that a refresh handed out meanwhile.
fn revoke_at_once(deployment: &Deployment) {
    for _ in 0..5 {
        let client = Client::register(&deployment.host);
        let tokens = client.sign_in();
        let is_revoked = AtomicBool::new(false);
        let answers = at_once(MANY / 2, |index| match index {
            0 => {
                revoke(&client, &tokens.refresh_token).expect(200);
                is_revoked.store(true, Ordering::SeqCst);
                None
            }
            1..4 => Some(client.refresh(&tokens.refresh_token)),
            _ => {
                for _ in 0..10 {
                    let was_revoked = is_revoked.load(Ordering::SeqCst);
                    let status = call(&deployment.host, &tokens.access_token);
                    assert!(status == 401 || (status == 200 && !was_revoked), "{status}, {was_revoked}");
                }
                None
            }
        });
        for answer in answers.into_iter().flatten() {
            let access_token = match answer.status {
                200 => Tokens::of(&answer).access_token,
                _ => answer.expect_oauth_error(400, "invalid_grant").text(),
            };
            assert_eq!(call(&deployment.host, &access_token), 401);
        }
        client.refresh(&tokens.refresh_token).expect_oauth_error(400, "invalid_grant");
    }
}

/// K-05, RS-12, TK-35.
#[test]
fn revocation_holds_from_the_next_request_on_sqlite() {
    revoke_at_once(&Deployment::on_sqlite());
}

/// K-05, RS-12, TK-35.
#[test]
fn revocation_holds_from_the_next_request_on_redis() {
    revoke_at_once(&Deployment::on_redis());
}

/// One user's record, wanted by many at once: everybody is answered, with a code or with "try again", and
/// every code is good. Whoever tries again gets theirs.
fn approve_at_once(deployment: &Deployment) {
    let client = Client::register(&deployment.host);
    let person = Person::new();
    let mut browser = Browser::new(&deployment.host);
    person.consent_page(&mut browser, &Authorization::new(&client));
    let pages: Vec<_> = (0..MANY)
        .map(|_| {
            let authorization = Authorization::new(&client);
            let page = browser.open(&authorization.target()).page().expect_page(200);
            (authorization, consent_form(&page))
        })
        .collect();
    let approve = |index: usize| {
        let mut browser = browser.clone();
        let submission = browser.submission(&pages[index].1, Some("approve"));
        browser.send(submission)
    };
    let mut answers: Vec<Response> = at_once(MANY, approve);
    for (index, (authorization, _)) in pages.iter().enumerate() {
        if answers[index].status != 303 {
            assert_try_again(&answers[index]);
            answers[index] = approve(index).expect(303);
        }
        let answer = authorization.answer(&deployment.host, answers[index].expect_header("location"));
        Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
    }
    // The account, the user, and a grant for each.
    let (rows, _) = deployment.size();
    assert!(rows >= MANY + 2, "{rows}");
}

/// K-31.
#[test]
fn contended_user_is_served_or_told_to_try_again_on_sqlite() {
    approve_at_once(&Deployment::on_sqlite());
}

/// K-31.
#[test]
fn contended_user_is_served_or_told_to_try_again_on_redis() {
    approve_at_once(&Deployment::on_redis());
}
