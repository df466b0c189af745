//! Two servers that share a Redis, a secret and a public address are one server to everybody outside.

use crate::at_once::revoke;
use crate::{at_once, call};
use postern_tests::host::State;
use postern_tests::redis::Redis;
use postern_tests::{Authorization, Browser, Client, Host, Person, Tokens, random};
use std::collections::BTreeSet;

struct Pair {
    here: Host,
    there: Host,
    _states: [State; 2],
    _redis: Redis,
}

impl Pair {
    fn start() -> Self {
        let redis = Redis::start();
        let secret = random() + &random();
        let states = [(); 2].map(|()| {
            State::new()
                .with_variable("public_url", "https://postern.example")
                .with_variable("deployment_secret", &secret)
                .with_variable("sign_up", "open")
                .with_redis(&redis)
        });
        let [here, there] = [Host::start(&states[0]), Host::start(&states[1])];
        Self { here, there, _states: states, _redis: redis }
    }

    /// The same client, when its requests happen to reach the other one.
    fn elsewhere(&self, client: &Client) -> Client {
        Client { server: (*self.there).clone(), ..client.clone() }
    }
}

/// K-01, K-03, K-05, I1, I2, I4: registered and signed in here, redeemed there, called and refreshed at
/// either, revoked here and refused there at once.
#[test]
fn two_hosts_are_one_server_on_redis() {
    let pair = Pair::start();
    let client = Client::register(&pair.here);
    let elsewhere = pair.elsewhere(&client);
    let person = Person::new();

    // The form that was shown here is sent there, and so is the code.
    let mut browser = Browser::new(&pair.here);
    let authorization = Authorization::new(&client);
    let form = person.consent_form(&mut browser, &authorization);
    let mut browser = browser.at(&pair.there);
    let url = browser.submit(&form, Some("approve")).elsewhere();
    let answer = authorization.answer(&pair.there, &url);
    let tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
    elsewhere.redeem(answer.code(), &authorization.verifier).expect_oauth_error(400, "invalid_grant");
    for host in [&pair.here, &pair.there] {
        assert_eq!(call(host, &tokens.access_token), 200);
    }
    let refreshed = Tokens::of(&elsewhere.refresh(&tokens.refresh_token));
    let again = Tokens::of(&client.refresh(&tokens.refresh_token));
    assert_eq!(refreshed.refresh_token, again.refresh_token, "a lost answer is given again by the other one");
    assert_eq!(call(&pair.here, &refreshed.access_token), 200);

    // The browser is signed in at both.
    let authorization = Authorization::new(&client);
    let page = browser.open(&authorization.target()).page().expect_page(200);
    assert!(!postern_tests::oauth::is_sign_in(&page));

    revoke(&client, &refreshed.refresh_token).expect(200);
    assert_eq!(call(&pair.there, &refreshed.access_token), 401);
    elsewhere.refresh(&refreshed.refresh_token).expect_oauth_error(400, "invalid_grant");
}

/// K-01, K-03: the same code, and then the same refresh token, at both hosts at once.
#[test]
fn two_hosts_decide_once_on_redis() {
    let pair = Pair::start();
    let client = Client::register(&pair.here);
    let clients = [client.clone(), pair.elsewhere(&client)];
    for _ in 0..3 {
        let authorization = Authorization::new(&client);
        let answer = Person::new().approve(&mut Browser::new(&pair.here), &authorization);
        let answers = at_once(32, |index| clients[index % 2].redeem(answer.code(), &authorization.verifier));
        let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(good.len(), 1);
        for answer in bad {
            answer.expect_oauth_error(400, "invalid_grant");
        }
        let tokens = Tokens::of(&good[0]);
        let answers = at_once(32, |index| clients[index % 2].refresh(&tokens.refresh_token));
        let successors: BTreeSet<String> =
            answers.iter().map(|answer| Tokens::of(answer).refresh_token).collect();
        assert_eq!(successors.len(), 1);
        let successor = successors.into_iter().next().unwrap();
        Tokens::of(&clients[1].refresh(&successor));
    }
}
