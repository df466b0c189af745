//! The life of a grant against a model of it: random sequences of what one to three callers do at once,
//! in any order of the store's operations, from a store that fails before or after doing what it was asked.
//!
//! What the callers were told, and what is stored in the end, must be what they would have got one after
//! the other, in some order. A caller that was told "try again later" may or may not have been heard.
//! The model is written from the rules and not from `grants.rs`.

mod faulty;
mod model;

use faulty::{Faults, Faulty};
use model::{Asked, Caller, DAY, Model, Outcome, State};

use crate::support::{Client, Params, Request, Tokens, VERIFIER, World, header, refusal};
use http::StatusCode;
use oauth_core::{
    credential::{Audience, Credential, Kind, ScopeSet},
    grants::{self, Issue},
    introspection,
    records::{Grant, GrantId, GrantState, UserGrants, user_key},
};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeMap;
use store_core::{
    Change, Records, Store,
    testing::{block_on, run_interleaved},
};
use web_core::Reply;

#[derive(Debug, Clone, Copy)]
enum Op {
    Redeem(Caller),
    /// With the refresh token that is this many generations older than the newest that was ever current;
    /// -1 stands for one that has not been issued yet.
    Refresh(Caller, i8),
    Revoke(Caller),
    /// Asks about one of the access tokens that were handed out.
    Introspect(usize),
    SignOutEverywhere,
}

/// What happens at once.
#[derive(Debug, Clone)]
struct Step {
    /// Seconds since the last step.
    pause: u64,
    ops: Vec<(Op, Faults)>,
    order: u64,
}

/// A grant, from the moment when its code was handed out.
struct Run {
    world: World,
    client: Client,
    other: Client,
    code: String,
    id: GrantId,
    model: Model,
    /// The newest generation that was ever current.
    newest: u32,
    /// By generation: what every caller who got it must have been given.
    handed_out: BTreeMap<u32, Tokens>,
    redemptions: usize,
    is_revoked_for_sure: bool,
}

impl Run {
    fn start() -> Self {
        let world = World::local();
        let client = world.client();
        let other = world.register(&["https://other.example/cb"]);
        let code = world.code(&client);
        let id = Credential::verify(Kind::AuthorizationCode, &code, &world.keys).unwrap().grant;
        let model = Model { approved_at: world.now.get(), state: State::Issued, is_signed_out: false };
        let (handed_out, redemptions) = (BTreeMap::new(), 0);
        let is_revoked_for_sure = false;
        Self {
            world,
            client,
            other,
            code,
            id,
            model,
            newest: 0,
            handed_out,
            redemptions,
            is_revoked_for_sure,
        }
    }

    /// The refresh token of a generation, whether it was handed out or not.
    fn refresh_token(&self, generation: u32) -> String {
        let grant = self.grant();
        let (grant, expires_at) = (self.id, grant.expires_at);
        let (scopes, audience) = (ScopeSet::ALL, Audience::ALL);
        Credential { kind: Kind::RefreshToken, grant, generation, expires_at, scopes, audience }
            .issue(&self.world.keys)
    }

    fn grant(&self) -> Grant {
        block_on(self.world.records().find(&self.id.key())).unwrap().unwrap()
    }

    fn client(&self, caller: Caller) -> &Client {
        if caller == Caller::OtherClient { &self.other } else { &self.client }
    }

    fn asked(&self, op: Op) -> Asked {
        match op {
            Op::Redeem(caller) => Asked::Redeem(caller),
            Op::Refresh(caller, age) => {
                Asked::Refresh(caller, self.newest.saturating_add_signed(-i32::from(age)).max(1))
            }
            Op::Revoke(caller) => Asked::Revoke {
                is_owner: caller != Caller::OtherClient,
                token_expires_at: self.grant().expires_at,
            },
            Op::Introspect(index) => {
                let token = self.handed_out.values().nth(index % self.handed_out.len().max(1));
                let token = token.and_then(|tokens| {
                    Credential::verify(Kind::AccessToken, &tokens.access, &self.world.keys)
                });
                // Nothing was handed out: ask about what never can have been.
                token.map_or(Asked::Introspect { generation: u32::MAX, expires_at: 0 }, |token| {
                    Asked::Introspect { generation: token.generation, expires_at: token.expires_at }
                })
            }
            Op::SignOutEverywhere => Asked::SignOutEverywhere,
        }
    }

    async fn ask(&self, store: &Faulty<'_>, asked: Asked) -> (Option<Outcome>, Option<Reply>) {
        let request = match asked {
            Asked::Redeem(caller) => {
                let verifier = if caller == Caller::Owner { VERIFIER } else { &"v".repeat(43) };
                let redemption = self.client(caller).redemption(&self.code).without("redirect_uri");
                Request::post_form("/token", &redemption.with("code_verifier", verifier))
            }
            Asked::Refresh(caller, presented) => self.client(caller).refresh(&self.refresh_token(presented)),
            Asked::Revoke { is_owner, .. } => {
                let client = if is_owner { &self.client } else { &self.other };
                let token = self.refresh_token(self.newest.max(1));
                Request::post_form("/revoke", &Params::of(&[("client_id", &client.id), ("token", &token)]))
            }
            Asked::Introspect { generation, .. } => {
                return (self.introspect(store, generation).await.map(Outcome::IsActive), None);
            }
            Asked::SignOutEverywhere => return (self.sign_out(store).await, None),
        };
        let is_revocation = matches!(asked, Asked::Revoke { .. });
        let reply = self.world.answer_from(store, request).await;
        let outcome = match reply.status {
            StatusCode::OK if is_revocation => Some(Outcome::Done),
            StatusCode::OK => Some(Outcome::Tokens(self.generation(&Tokens::of(&reply)))),
            StatusCode::BAD_REQUEST => {
                assert_eq!(refusal(&reply).1, "invalid_grant");
                Some(Outcome::Refused)
            }
            _ => {
                assert_eq!(refusal(&reply), (503, "temporarily_unavailable".into()));
                assert!(!header(&reply, "retry-after").is_empty());
                None
            }
        };
        (outcome, Some(reply))
    }

    fn generation(&self, tokens: &Tokens) -> u32 {
        Credential::verify(Kind::RefreshToken, &tokens.refresh, &self.world.keys).unwrap().generation
    }

    async fn introspect(&self, store: &impl Store, generation: u32) -> Option<bool> {
        let Some(tokens) = self.handed_out.get(&generation) else { return Some(false) };
        let token = introspection::parse(&tokens.access).unwrap();
        let records = Records { store, keys: &self.world.keys, random: &self.world.random };
        let now = self.world.now.get();
        let access = introspection::introspect(token, &records, &self.world.config, now).await;
        access.ok().map(|access| access.is_some())
    }

    async fn sign_out(&self, store: &impl Store) -> Option<Outcome> {
        let records = Records { store, keys: &self.world.keys, random: &self.world.random };
        let key = user_key("subject of alice@example.com");
        let signed_out = records.transition(&key, |user: &UserGrants| {
            let user = UserGrants { epoch: user.epoch + 1, ..user.clone() };
            Ok::<_, ()>(Change::Write(user, Outcome::Done))
        });
        signed_out.await.ok()
    }

    fn step(&mut self, step: &Step) {
        self.world.advance(step.pause);
        let now = self.world.now.get();
        let before = self.world.store.snapshot();
        let asked: Vec<Asked> = step.ops.iter().map(|(op, _)| self.asked(*op)).collect();
        let stores: Vec<Faulty<'_>> =
            step.ops.iter().map(|(_, faults)| Faulty::new(&self.world.store, *faults)).collect();
        let answers = run_interleaved(
            asked.iter().zip(&stores).map(|(asked, store)| self.ask(store, *asked)),
            step.order,
        );
        drop(stores);
        let told: Vec<(Asked, Option<Outcome>)> =
            asked.iter().zip(&answers).map(|(asked, (outcome, _))| (*asked, *outcome)).collect();

        // They all could have come one after the other.
        let stored = self.stored(&self.model);
        let explained = self.model.explains(&told, now, &|model| *model == stored);
        assert!(explained, "{:?} became {stored:?} at {now} by {told:?}", self.model);
        let is_quiet = told.iter().all(|(asked, outcome)| match outcome {
            Some(Outcome::Refused | Outcome::IsActive(_)) => true,
            Some(Outcome::Done) => matches!(asked, Asked::Revoke { is_owner: false, .. }),
            Some(Outcome::Tokens(_)) | None => false,
        });
        if is_quiet && stored == self.model {
            assert_eq!(before, self.world.store.snapshot(), "I11: nothing happened, and nothing changed");
        }
        self.model = stored;
        self.note(&told, answers);
        self.check(now);
    }

    /// What the model would be if it were what is stored.
    fn stored(&self, before: &Model) -> Model {
        let grant = self.grant();
        let state = match grant.state {
            GrantState::Issued { .. } => State::Issued,
            GrantState::Active { redeemed_at, generation, rotated_at, .. } => {
                State::Active { redeemed_at, generation, rotated_at }
            }
            GrantState::Revoked { .. } => State::Revoked,
        };
        let is_signed_out = self.world.user("alice@example.com").epoch != grant.user_epoch;
        Model { state, is_signed_out, ..*before }
    }

    fn note(&mut self, told: &[(Asked, Option<Outcome>)], answers: Vec<(Option<Outcome>, Option<Reply>)>) {
        for ((asked, outcome), (_, reply)) in told.iter().zip(answers) {
            if let (Some(Outcome::Tokens(generation)), Some(reply)) = (outcome, reply) {
                let tokens = Tokens::of(&reply);
                let first = self.handed_out.entry(*generation).or_insert_with(|| tokens.clone());
                assert_eq!((&first.access, &first.refresh), (&tokens.access, &tokens.refresh), "one family");
                self.redemptions += usize::from(matches!(asked, Asked::Redeem(_)));
            }
            self.is_revoked_for_sure |= *outcome == Some(Outcome::Done)
                && matches!(asked, Asked::Revoke { is_owner: true, token_expires_at } if self.world.now.get() < *token_expires_at);
        }
        if let State::Active { generation, .. } = self.model.state {
            self.newest = self.newest.max(generation);
        }
    }

    fn check(&self, now: u64) {
        assert!(self.redemptions <= 1, "I1");
        let grant = self.grant();
        let fertile = (0..=self.newest + 2).filter(|presented| {
            let decision = grants::refresh(&grant, &self.client.id, *presented, &self.world.config, now);
            matches!(decision, Ok(Change::Write(_, Ok(Issue { .. }))))
        });
        assert!(fertile.count() <= 1, "I2");
        for (generation, tokens) in &self.handed_out {
            let is_active = block_on(self.introspect(&self.world.store, *generation)).unwrap();
            let token = Credential::verify(Kind::AccessToken, &tokens.access, &self.world.keys).unwrap();
            let asked = Asked::Introspect { generation: *generation, expires_at: token.expires_at };
            assert_eq!(self.model.clone().apply(&asked, now), Outcome::IsActive(is_active), "I3");
            assert!(!(is_active && self.is_revoked_for_sure), "I4");
        }
    }

    /// I5: whatever happened, whoever holds the newest token is answered as the rules have it, and the user
    /// can start again.
    fn finish(mut self) {
        let now = self.world.now.get();
        let healthy = Faulty::new(&self.world.store, Faults::None);
        let asked = Asked::Refresh(Caller::Owner, self.newest.max(1));
        let (outcome, _) = block_on(self.ask(&healthy, asked));
        assert_eq!(outcome, Some(self.model.apply(&asked, now)));
        let anew = self.world.tokens(&self.client);
        assert!(self.world.introspect(&anew.access).is_some());
    }
}

fn callers() -> impl Strategy<Value = Caller> {
    prop_oneof![6 => Just(Caller::Owner), 1 => Just(Caller::OtherClient), 1 => Just(Caller::Thief)]
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => callers().prop_map(Op::Redeem),
        12 => (callers(), prop_oneof![6 => Just(0), 4 => Just(1), 1 => Just(2), 1 => Just(-1)])
            .prop_map(|(caller, age)| Op::Refresh(caller, age)),
        1 => callers().prop_map(Op::Revoke),
        2 => any::<usize>().prop_map(Op::Introspect),
        1 => Just(Op::SignOutEverywhere),
    ]
}

fn faults() -> impl Strategy<Value = Faults> {
    prop_oneof![
        6 => Just(Faults::None),
        1 => (0u8..10).prop_map(Faults::Before),
        2 => (0u8..10).prop_map(Faults::After),
        1 => (0u8..10).prop_map(Faults::From),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let pause = prop_oneof![
        8 => Just(0u64),
        2 => Just(5),
        1 => Just(10),
        2 => Just(11),
        1 => Just(30),
        2 => Just(31),
        1 => Just(61),
        1 => Just(900),
        1 => Just(14 * DAY),
    ];
    (pause, vec((ops(), faults()), 1..=3), any::<u32>()).prop_map(|(pause, ops, order)| Step {
        pause,
        ops,
        order: order.into(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    /// I1 to I5, I11; K-01, K-03, K-05, K-07, K-11, K-12, K-13: whoever does what at once, and whatever
    /// the store does meanwhile.
    #[test]
    fn every_history_of_a_grant_is_one_that_the_rules_allow(
        is_redeemed in prop::bool::weighted(0.7),
        steps in vec(steps(), 1..8),
    ) {
        let mut run = Run::start();
        if is_redeemed {
            run.step(&Step { pause: 0, ops: vec![(Op::Redeem(Caller::Owner), Faults::None)], order: 0 });
        }
        for step in &steps {
            run.step(step);
        }
        run.finish();
    }
}
