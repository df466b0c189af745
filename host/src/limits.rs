//! What requests and instances may use. Memory is watched in [`crate::memory`], places in
//! [`crate::places`], processor time here.
//!
//! An instance that passes its memory or its processor time is ended with a trap, and the request that
//! was in it with a 500. Neither limit exists in Spin's defaults; an operator of Spin has to set them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::{Result, UpdateDeadline, bail};

use crate::places::PlaceLimits;

/// How often the epoch advances: how long a guest may run before others get a turn on its thread.
pub const TICK: Duration = Duration::from_millis(5);

/// The limits, the same for every component.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of linear memory in one instance, dependencies included.
    pub memory: usize,
    /// Bytes of linear memory in all instances together.
    pub total_memory: usize,
    /// Processor time for one request.
    pub cpu: Duration,
    /// Time from the head of a request to the head of its response.
    pub request: Duration,
    /// How long an instance is kept without requests.
    pub idle: Duration,
    /// How many requests an instance serves.
    pub requests_per_instance: usize,
    /// How many of them at once.
    pub requests_at_once: usize,
    /// How many requests are served at once, over all instances.
    pub places: PlaceLimits,
    /// Bytes a second that a request's body has to arrive with.
    pub least_body_rate: usize,
    /// Whether the instructions of an instance are counted. Nothing limits them.
    pub count_instructions: bool,
}

/// Counts the ticks of the epoch.
#[derive(Clone, Debug, Default)]
pub struct Ticks(Arc<AtomicU64>);

impl Ticks {
    /// One more.
    pub fn advance(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// So many so far.
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Watches the processor time of one instance.
#[derive(Debug)]
pub struct CpuBudget {
    ticks: Ticks,
    limit: u64,
    used: u64,
    last: u64,
}

impl CpuBudget {
    /// A budget of `limit` for each request.
    pub fn new(limit: Duration, ticks: Ticks) -> Self {
        let limit = limit.as_millis().div_ceil(TICK.as_millis());
        let last = ticks.now();
        Self { ticks, limit: u64::try_from(limit).unwrap_or(u64::MAX), used: 0, last }
    }

    /// Begin another request.
    pub fn reset(&mut self) {
        self.used = 0;
        self.last = self.ticks.now();
    }

    /// The guest was running when a tick passed.
    ///
    /// Only a tick right after the last one counts. After a gap, the guest was waiting for something
    /// in between and has perhaps just resumed; it gets to the next tick first. So a stream that
    /// wakes up now and then for hours uses up nothing, and a loop uses up everything.
    pub fn spend(&mut self) -> Result<UpdateDeadline> {
        let now = self.ticks.now();
        let ran_on = now.saturating_sub(self.last) <= 1;
        self.last = now;
        if !ran_on {
            return Ok(UpdateDeadline::Continue(1));
        }
        self.used += 1;
        if self.used > self.limit {
            let limit = Duration::from_millis(self.limit * u64::try_from(TICK.as_millis()).unwrap_or(1));
            bail!("the request used up its {limit:?} of processor time");
        }
        Ok(UpdateDeadline::Yield(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(ticks: &Ticks) -> CpuBudget {
        CpuBudget::new(3 * TICK, ticks.clone())
    }

    #[test]
    fn a_loop_uses_up_its_time() {
        let ticks = Ticks::default();
        let mut budget = budget(&ticks);
        for _ in 0..3 {
            ticks.advance();
            assert!(matches!(budget.spend(), Ok(UpdateDeadline::Yield(1))));
        }
        ticks.advance();
        assert!(budget.spend().err().unwrap().to_string().contains("15ms"));
    }

    #[test]
    fn a_loop_on_a_busy_machine_uses_it_up_too() {
        let ticks = Ticks::default();
        let mut budget = budget(&ticks);
        let ended = (0..20).any(|_| {
            // Others had the thread for a while.
            (0..5).for_each(|_| ticks.advance());
            let resumed = budget.spend();
            assert!(matches!(resumed, Ok(UpdateDeadline::Continue(1))));
            ticks.advance();
            budget.spend().is_err()
        });
        assert!(ended);
    }

    #[test]
    fn waking_up_now_and_then_costs_nothing() {
        let ticks = Ticks::default();
        let mut budget = budget(&ticks);
        for _ in 0..1000 {
            ticks.advance();
            ticks.advance();
            assert!(matches!(budget.spend(), Ok(UpdateDeadline::Continue(1))));
        }
    }

    #[test]
    fn each_request_has_the_whole_budget() {
        let ticks = Ticks::default();
        let mut budget = budget(&ticks);
        for _ in 0..10 {
            budget.reset();
            for _ in 0..3 {
                ticks.advance();
                assert!(budget.spend().is_ok());
            }
        }
    }
}
