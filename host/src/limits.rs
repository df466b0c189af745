//! What an instance may use: memory in total, and processor time per request.
//!
//! Both end the instance with a trap, and the request that was in it with a 500. Neither exists in
//! Spin's defaults; an operator of Spin has to set them there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::{ResourceLimiter, Result, UpdateDeadline, bail};

/// How often the epoch advances: how long a guest may run before others get a turn on its thread.
pub const TICK: Duration = Duration::from_millis(5);

/// The most elements that all tables of an instance may have together.
const MAX_TABLE_ELEMENTS: usize = 1_000_000;

/// The limits, the same for every component.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of linear memory in one instance, dependencies included.
    pub memory: usize,
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
    pub concurrent_requests: usize,
    /// Whether the instructions of an instance are counted. Nothing limits them.
    pub count_instructions: bool,
}

/// Watches the memory of one instance.
#[derive(Debug)]
pub struct MemoryBudget {
    limit: usize,
    memory: usize,
    table_elements: usize,
}

impl MemoryBudget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, memory: 0, table_elements: 0 }
    }
}

impl ResourceLimiter for MemoryBudget {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let grown = self.memory.saturating_add(desired.saturating_sub(current));
        if grown > self.limit {
            // A refusal would reach the guest as a failed allocation, and the log as a mere
            // `unreachable`.
            bail!("the instance needs more than its {} MiB of memory", self.limit >> 20);
        }
        self.memory = grown;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        self.table_elements = self.table_elements.saturating_add(desired.saturating_sub(current));
        Ok(self.table_elements <= MAX_TABLE_ELEMENTS)
    }
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

    #[test]
    fn memory_is_counted_over_all_memories() {
        let mut budget = MemoryBudget::new(10 << 20);
        assert!(budget.memory_growing(0, 6 << 20, None).unwrap());
        assert!(budget.memory_growing(0, 4 << 20, None).unwrap());
        let error = budget.memory_growing(4 << 20, (4 << 20) + 65536, None).unwrap_err();
        assert!(error.to_string().contains("10 MiB"));
    }
}
