//! A request's turn in an instance: from the moment it is handed over until nothing of it is left.
//!
//! An instance serves one request at a time, or as many as the operator says. The response's head is not the end of a turn: a body may
//! follow for hours. So the server marks the end ([`Turn::finish`], by way of [`Delivery`]) when the
//! answer is delivered or given up, and the instance is not offered another request before.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Instant;

use crate::places::Place;

/// How often a request used the key-value store.
#[derive(Debug, Default)]
pub struct Tally {
    reads: AtomicU32,
    writes: AtomicU32,
    failures: AtomicU32,
}

impl Tally {
    /// Count a read.
    pub fn read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    /// Count a write.
    pub fn write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// Count an operation that failed.
    pub fn fail(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether an operation has failed.
    pub fn has_failures(&self) -> bool {
        self.failures.load(Ordering::Relaxed) > 0
    }

    /// Reads and writes so far.
    pub fn counts(&self) -> (u32, u32) {
        (self.reads.load(Ordering::Relaxed), self.writes.load(Ordering::Relaxed))
    }
}

/// One request's turn.
#[derive(Debug, Default)]
pub struct Turn {
    /// What it cost.
    pub tally: Tally,
    trace: OnceLock<String>,
    failed: AtomicBool,
    timed_out: AtomicBool,
    without_memory: AtomicBool,
    given_up: AtomicBool,
    finished: OnceLock<Instant>,
    waker: Mutex<Option<Waker>>,
    place: Mutex<Option<Place>>,
}

impl Turn {
    /// A turn that holds a place among the concurrent requests.
    pub fn new(place: Place) -> Self {
        Self { place: Mutex::new(Some(place)), ..Self::default() }
    }

    /// The answer is delivered, or nobody waits for it any more.
    pub fn finish(&self) {
        if self.finished.set(Instant::now()).is_ok()
            && let Some(waker) = lock(&self.waker).take()
        {
            waker.wake();
        }
    }

    /// When it was finished.
    pub fn finished(&self) -> Option<Instant> {
        self.finished.get().copied()
    }

    /// Wake `waker` when the turn is finished.
    pub fn wake_when_finished(&self, waker: &Waker) {
        let mut slot = lock(&self.waker);
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
        drop(slot);
        // It may have been finished in between.
        if self.finished().is_some() {
            waker.wake_by_ref();
        }
    }

    /// What joins the response to a failed request with the lines about it in the log. It is made when it is first asked for.
    pub fn trace(&self) -> &str {
        // Seeded by the system, and different each time. It has to be unique, not secret.
        self.trace.get_or_init(|| format!("{:016x}", RandomState::new().hash_one(0)))
    }

    /// The instance failed before it was done with the answer.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }

    /// Whether the instance failed.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// The instance was ended because this took too long.
    pub fn time_out(&self) {
        self.timed_out.store(true, Ordering::Release);
    }

    /// Whether that is why it failed.
    pub fn has_timed_out(&self) -> bool {
        self.timed_out.load(Ordering::Acquire)
    }

    /// The instance was ended because there was no memory for it.
    pub fn run_out_of_memory(&self) {
        self.without_memory.store(true, Ordering::Release);
    }

    /// Whether that is why it failed.
    pub fn has_run_out_of_memory(&self) -> bool {
        self.without_memory.load(Ordering::Acquire)
    }

    /// The answer is ended in favour of another's, so its instance has little time to end.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
    }

    /// Whether the answer was ended in that way.
    pub fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }

    /// Give the place back. The instance does so when it has stopped working on the request, which
    /// is not when a client hangs up: else hanging up would make room for ever more work.
    pub fn leave(&self) {
        lock(&self.place).take();
    }
}

/// Finishes a turn when it is dropped.
#[derive(Debug)]
pub struct Delivery(pub Arc<Turn>);

impl Drop for Delivery {
    fn drop(&mut self) {
        self.0.finish();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code that could panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn finishing_wakes_whoever_waits() {
        let (turn, woken) = (Arc::new(Turn::default()), Arc::new(Woken::default()));
        turn.wake_when_finished(&Waker::from(woken.clone()));
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        drop(Delivery(turn.clone()));
        assert!(turn.finished().is_some());
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn waiting_for_a_finished_turn_does_not_wait() {
        let (turn, woken) = (Turn::default(), Arc::new(Woken::default()));
        turn.finish();
        turn.wake_when_finished(&Waker::from(woken.clone()));
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_turn_keeps_its_trace() {
        let (turn, other) = (Turn::default(), Turn::default());
        assert_eq!(turn.trace(), turn.trace());
        assert_eq!(turn.trace().len(), 16);
        assert_ne!(turn.trace(), other.trace());
    }

    #[test]
    fn operations_are_counted() {
        let tally = Tally::default();
        tally.read();
        tally.read();
        tally.write();
        assert_eq!(tally.counts(), (2, 1));
    }
}
