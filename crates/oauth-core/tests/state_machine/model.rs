//! The rules of a grant's life, without a store.

/// Who makes a request, and what they can prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    Owner,
    OtherClient,
    /// The client's own id, which is no secret, without the code verifier, which is.
    Thief,
}

/// What is asked for, with what it refers to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    Redeem(Caller),
    Refresh(Caller, u32),
    Revoke { is_owner: bool, token_expires_at: u64 },
    Introspect { generation: u32, expires_at: u64 },
    SignOutEverywhere,
}

/// What a caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Tokens of this generation.
    Tokens(u32),
    Refused,
    Done,
    IsActive(bool),
}

/// The rules, without a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) approved_at: u64,
    pub(super) state: State,
    pub(super) is_signed_out: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Issued,
    Active { redeemed_at: u64, generation: u32, rotated_at: u64 },
    Revoked,
}

pub(super) const DAY: u64 = 86_400;

impl Model {
    fn is_over(&self, now: u64) -> bool {
        now >= self.approved_at + 30 * DAY
    }

    pub(super) fn apply(&mut self, request: &Asked, now: u64) -> Outcome {
        match *request {
            Asked::Redeem(caller) => self.redeem(caller, now),
            Asked::Refresh(caller, presented) => self.refresh(caller, presented, now),
            Asked::Revoke { is_owner, token_expires_at } => {
                if is_owner && now < token_expires_at {
                    self.state = State::Revoked;
                }
                Outcome::Done
            }
            Asked::Introspect { generation, expires_at } => Outcome::IsActive(
                matches!(self.state, State::Active { generation: current, .. } if generation <= current)
                    && !self.is_signed_out
                    && now < expires_at,
            ),
            Asked::SignOutEverywhere => {
                self.is_signed_out = true;
                Outcome::Done
            }
        }
    }

    fn redeem(&mut self, caller: Caller, now: u64) -> Outcome {
        if caller != Caller::Owner || self.is_signed_out {
            return Outcome::Refused;
        }
        match self.state {
            State::Issued if now < self.approved_at + 60 => {
                self.state = State::Active { redeemed_at: now, generation: 1, rotated_at: now };
                Outcome::Tokens(1)
            }
            State::Active { redeemed_at, .. } if now > redeemed_at + 10 => {
                self.state = State::Revoked;
                Outcome::Refused
            }
            State::Issued | State::Active { .. } | State::Revoked => Outcome::Refused,
        }
    }

    fn refresh(&mut self, caller: Caller, presented: u32, now: u64) -> Outcome {
        let State::Active { redeemed_at, generation, rotated_at } = self.state else {
            return Outcome::Refused;
        };
        if caller == Caller::OtherClient
            || self.is_signed_out
            || self.is_over(now)
            || now >= rotated_at + 14 * DAY
            || presented > generation
        {
            return Outcome::Refused;
        }
        if presented == generation {
            self.state = State::Active { redeemed_at, generation: generation + 1, rotated_at: now };
            return Outcome::Tokens(generation + 1);
        }
        if presented + 1 == generation && now <= rotated_at + 30 {
            return Outcome::Tokens(generation);
        }
        self.state = State::Revoked;
        Outcome::Refused
    }

    /// Whether these outcomes, and this state in the end, can come of these requests one after the other.
    pub(super) fn explains(
        self,
        pending: &[(Asked, Option<Outcome>)],
        now: u64,
        is_final: &impl Fn(&Self) -> bool,
    ) -> bool {
        if pending.is_empty() {
            return is_final(&self);
        }
        (0..pending.len()).any(|next| {
            let mut others = pending.to_vec();
            let (request, told) = others.remove(next);
            let mut after = self;
            let outcome = after.apply(&request, now);
            match told {
                Some(told) => told == outcome && after.explains(&others, now, is_final),
                None => after.explains(&others, now, is_final) || self.explains(&others, now, is_final),
            }
        })
    }
}
