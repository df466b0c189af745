//! The memory of instances: a budget for each, and one for all of them together.
//!
//! An instance that passes its own budget is ended with a trap. The budget of all is what the machine
//! has. When it is used up, an instance that needs more waits for a
//! while, idle instances go, and then the request that needs more is given up with a 503. Counted is
//! linear memory, which is nearly all that guests use; what the host itself needs comes on top.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use wasmtime::{ResourceLimiterAsync, Result, bail};

/// The most elements that all tables of an instance may have together.
const MAX_TABLE_ELEMENTS: usize = 1_000_000;

/// How long an instance waits for memory that others have.
const PATIENCE: Duration = Duration::from_secs(5);

/// The largest instance that is kept for another request. Memory never shrinks, so a larger one would
/// keep what a single large call has taken.
const LARGE: usize = 32 << 20;

/// Where the machine does not say how much memory it has.
const UNKNOWN_MACHINE: usize = 2 << 30;

/// The memory that all instances have together.
#[derive(Debug)]
pub struct MemoryPool {
    limit: usize,
    patience: Duration,
    used: AtomicUsize,
    waiting: AtomicUsize,
    released: Notify,
    pressure: Notify,
}

impl MemoryPool {
    /// A pool of `limit` bytes.
    pub fn new(limit: usize) -> Arc<Self> {
        Self::with_patience(limit, PATIENCE)
    }

    fn with_patience(limit: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            limit,
            patience,
            used: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            released: Notify::new(),
            pressure: Notify::new(),
        })
    }

    fn try_take(&self, bytes: usize) -> bool {
        let take = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Waits until there are so many bytes, or until it has taken too long.
    async fn take(&self, bytes: usize) -> bool {
        if self.try_take(bytes) {
            return true;
        }
        let _waiting = Waiting::new(self);
        self.pressure.notify_waiters();
        let deadline = Instant::now() + self.patience;
        loop {
            let mut released = std::pin::pin!(self.released.notified());
            // From here on no release is missed.
            released.as_mut().enable();
            if self.try_take(bytes) {
                return true;
            }
            if timeout_at(deadline, released).await.is_err() {
                return false;
            }
        }
    }

    fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        self.released.notify_waiters();
    }

    /// Done when an idle instance had better go.
    pub fn pressed(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        Box::pin(async move {
            let mut pressure = std::pin::pin!(self.pressure.notified());
            pressure.as_mut().enable();
            if self.waiting.load(Ordering::Relaxed) == 0 {
                pressure.await;
            }
        })
    }
}

/// An instance that waits for memory, until this is dropped.
struct Waiting<'a>(&'a MemoryPool);

impl<'a> Waiting<'a> {
    fn new(pool: &'a MemoryPool) -> Self {
        pool.waiting.fetch_add(1, Ordering::Relaxed);
        Self(pool)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All instances together have no memory left.
#[derive(Debug)]
pub struct MemoryUsedUp(usize);

impl fmt::Display for MemoryUsedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} MiB of memory for all instances (--max-total-memory) are used up", self.0 >> 20)
    }
}

impl std::error::Error for MemoryUsedUp {}

/// Whether an instance has become large. Shared with those that decide what becomes of it.
#[derive(Clone, Debug, Default)]
pub struct Size(Arc<AtomicUsize>);

impl Size {
    /// Whether it is too large to be kept.
    pub fn is_large(&self) -> bool {
        self.0.load(Ordering::Relaxed) > LARGE
    }
}

/// Watches the memory of one instance.
#[derive(Debug)]
pub struct MemoryBudget {
    limit: usize,
    pool: Arc<MemoryPool>,
    memory: usize,
    size: Size,
    table_elements: usize,
}

impl MemoryBudget {
    /// A budget of `limit` bytes, taken from `pool` as they are used.
    pub fn new(limit: usize, pool: Arc<MemoryPool>) -> Self {
        Self { limit, pool, memory: 0, size: Size::default(), table_elements: 0 }
    }

    /// How large the instance is.
    pub fn size(&self) -> Size {
        self.size.clone()
    }
}

impl Drop for MemoryBudget {
    fn drop(&mut self) {
        self.pool.release(self.memory);
    }
}

#[async_trait::async_trait]
impl ResourceLimiterAsync for MemoryBudget {
    async fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        let more = desired.saturating_sub(current);
        let grown = self.memory.saturating_add(more);
        if grown > self.limit {
            // A refusal would reach the guest as a failed allocation, and the log as a mere
            // `unreachable`.
            bail!("the instance needs more than its {} MiB of memory", self.limit >> 20);
        }
        if !self.pool.take(more).await {
            return Err(MemoryUsedUp(self.pool.limit).into());
        }
        self.memory = grown;
        self.size.0.store(grown, Ordering::Relaxed);
        Ok(true)
    }

    async fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        self.table_elements = self.table_elements.saturating_add(desired.saturating_sub(current));
        Ok(self.table_elements <= MAX_TABLE_ELEMENTS)
    }
}

/// Half of the memory that this machine has, or this container may use.
pub fn half_of_machine() -> usize {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let machine = meminfo_total(&read("/proc/meminfo"));
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .map(|file| read(file).trim().parse().ok());
    half_of_least(machine.into_iter().chain(limits.into_iter().flatten()))
}

fn half_of_least(bytes: impl Iterator<Item = usize>) -> usize {
    bytes.min().unwrap_or(UNKNOWN_MACHINE * 2) / 2
}

fn meminfo_total(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn budget(pool: &Arc<MemoryPool>, limit: usize) -> MemoryBudget {
        MemoryBudget::new(limit, pool.clone())
    }

    #[tokio::test]
    async fn memory_is_counted_over_all_memories() {
        let pool = MemoryPool::new(100 * MIB);
        let mut budget = budget(&pool, 10 * MIB);
        assert!(budget.memory_growing(0, 6 * MIB, None).await.unwrap());
        assert!(budget.memory_growing(0, 4 * MIB, None).await.unwrap());
        let error = budget.memory_growing(4 * MIB, 4 * MIB + 65536, None).await.unwrap_err();
        assert!(error.to_string().contains("10 MiB"));
    }

    #[tokio::test]
    async fn all_instances_together_have_no_more_than_the_pool() {
        let pool = MemoryPool::with_patience(10 * MIB, Duration::from_millis(50));
        let (mut one, mut other) = (budget(&pool, 10 * MIB), budget(&pool, 10 * MIB));
        assert!(one.memory_growing(0, 6 * MIB, None).await.unwrap());
        let error = other.memory_growing(0, 6 * MIB, None).await.unwrap_err();
        assert!(error.is::<MemoryUsedUp>(), "{error}");
        assert!(other.memory_growing(0, 4 * MIB, None).await.unwrap());
        drop(one);
        assert!(other.memory_growing(4 * MIB, 10 * MIB, None).await.unwrap());
        drop(other);
        assert_eq!(pool.used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn an_instance_waits_for_memory_and_idle_ones_are_told() {
        let pool = MemoryPool::new(10 * MIB);
        let mut idle = budget(&pool, 10 * MIB);
        assert!(idle.memory_growing(0, 8 * MIB, None).await.unwrap());
        let leaving = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.pressed().await;
                drop(idle);
            }
        });
        let mut busy = budget(&pool, 10 * MIB);
        assert!(busy.memory_growing(0, 8 * MIB, None).await.unwrap());
        leaving.await.unwrap();
    }

    #[tokio::test]
    async fn an_instance_that_has_grown_large_is_known_as_that() {
        let mut budget = budget(&MemoryPool::new(100 * MIB), 100 * MIB);
        let size = budget.size();
        budget.memory_growing(0, 20 * MIB, None).await.unwrap();
        assert!(!size.is_large());
        budget.memory_growing(20 * MIB, 40 * MIB, None).await.unwrap();
        assert!(size.is_large());
    }

    #[test]
    fn the_machines_memory_is_read() {
        assert_eq!(meminfo_total("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16 * MIB));
        assert_eq!(meminfo_total("nothing"), None);
        assert_eq!(half_of_least([16 * MIB, 8 * MIB].into_iter()), 4 * MIB);
        assert_eq!(half_of_least(std::iter::empty()), UNKNOWN_MACHINE);
        assert!(half_of_machine() > 0);
    }
}
