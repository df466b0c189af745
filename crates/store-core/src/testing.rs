//! For tests: stores that misbehave as real ones do, chance that can be repeated, and the smallest
//! executor that will do. Nothing that is served uses this.
#![expect(clippy::indexing_slicing, reason = "test support fails loudly")]

use crate::{Random, Store, StoreError};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// A store in memory. Every operation yields once before it is carried out, so that
/// [`run_interleaved`] can put any other task's operation in between. A clone is the same store.
#[derive(Clone, Default)]
pub struct MemoryStore {
    inner: Rc<Inner>,
    /// What reads are answered from, if not from what is stored.
    past: Option<Rc<BTreeMap<String, Vec<u8>>>>,
}

#[derive(Default)]
struct Inner {
    values: RefCell<BTreeMap<String, Vec<u8>>>,
    operations: Cell<Operations>,
    fault: Cell<Option<(usize, Fault)>>,
    after_next_swap: RefCell<Option<Box<dyn FnOnce()>>>,
}

/// How a store fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every operation is an error, and does nothing.
    Error,
    /// Writes are errors and do nothing; reads work.
    WriteError,
}

/// How many operations were asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Operations {
    /// Values read.
    pub reads: usize,
    /// Values written or deleted.
    pub writes: usize,
}

/// A compare-and-swap in progress.
#[derive(Debug)]
pub struct MemorySwap {
    key: String,
    expected: Option<Vec<u8>>,
}

impl MemoryStore {
    /// The operations since the last call.
    pub fn take_operations(&self) -> Operations {
        self.inner.operations.take()
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.inner.values.borrow().is_empty()
    }

    /// All keys and values, to compare before and after.
    pub fn snapshot(&self) -> BTreeMap<String, Vec<u8>> {
        self.inner.values.borrow().clone()
    }

    /// The same store, whose reads give for ever what is stored now. Its writes and counts are made on what is
    /// stored then, as those of a replica that is behind.
    pub fn behind(&self) -> Self {
        Self { inner: Rc::clone(&self.inner), past: Some(Rc::new(self.snapshot())) }
    }

    /// Lets `count` operations pass, and then fails until [`heal`](Self::heal).
    pub fn fail_after(&self, count: usize, fault: Fault) {
        self.inner.fault.set(Some((count, fault)));
    }

    /// Ends [`fail_after`](Self::fail_after).
    pub fn heal(&self) {
        self.inner.fault.set(None);
    }

    /// Runs `action` right after the next swap, before anybody reads back.
    pub fn after_next_swap(&self, action: Box<dyn FnOnce()>) {
        *self.inner.after_next_swap.borrow_mut() = Some(action);
    }

    async fn operate(&self, is_write: bool) -> Result<(), StoreError> {
        yield_once().await;
        let mut operations = self.inner.operations.get();
        if is_write {
            operations.writes += 1
        } else {
            operations.reads += 1
        }
        self.inner.operations.set(operations);
        match self.inner.fault.get() {
            Some((0, fault)) if is_write || fault == Fault::Error => {
                Err(StoreError { detail: "injected".into() })
            }
            Some((count, fault)) => {
                self.inner.fault.set(Some((count.saturating_sub(1), fault)));
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Store for MemoryStore {
    type Swap = MemorySwap;

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.operate(false).await?;
        Ok(match &self.past {
            Some(past) => past.get(key).cloned(),
            None => self.inner.values.borrow().get(key).cloned(),
        })
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.operate(true).await?;
        self.inner.values.borrow_mut().insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.operate(true).await?;
        self.inner.values.borrow_mut().remove(key);
        Ok(())
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        self.operate(true).await?;
        self.inner.values.borrow_mut().retain(|key, _| !keys.contains(key));
        Ok(())
    }

    async fn increment(&self, key: &str) -> Result<i64, StoreError> {
        self.operate(true).await?;
        let mut values = self.inner.values.borrow_mut();
        let value = values.entry(key.to_owned()).or_insert_with(|| vec![0; 8]);
        let count = i64::from_le_bytes(value[..].try_into().unwrap_or_default()) + 1;
        *value = count.to_le_bytes().to_vec();
        Ok(count)
    }

    async fn begin_swap(&self, key: &str) -> Result<(Option<Vec<u8>>, MemorySwap), StoreError> {
        let expected = self.get(key).await?;
        Ok((expected.clone(), MemorySwap { key: key.to_owned(), expected }))
    }

    async fn swap(&self, swap: MemorySwap, value: &[u8]) {
        if self.operate(true).await.is_ok() {
            assert!(
                swap.expected.is_some(),
                "K-14: a swap on an absent key writes for everybody on some backends"
            );
            let mut values = self.inner.values.borrow_mut();
            if values.get(&swap.key) == swap.expected.as_ref() {
                values.insert(swap.key, value.to_vec());
            }
        }
        if let Some(action) = self.inner.after_next_swap.take() {
            action();
        }
    }
}

/// Repeatable "chance": the same seed gives the same bytes, and different seeds give different ones.
#[derive(Debug, Default)]
pub struct SequenceRandom(Cell<u64>);

impl SequenceRandom {
    /// The sequence number `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Cell::new(seed << 32))
    }
}

impl Random for SequenceRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0.set(self.0.get() + 1);
            chunk.copy_from_slice(&scramble(self.0.get()).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// SplitMix64's output function.
fn scramble(state: u64) -> u64 {
    let mut z = state.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Runs one future to its end.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Runs futures to their ends, one operation at a time, in an order that `seed` chooses.
pub fn run_interleaved<T, F: Future<Output = T>>(tasks: impl IntoIterator<Item = F>, seed: u64) -> Vec<T> {
    let mut tasks: Vec<Pin<Box<F>>> = tasks.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<T>> = tasks.iter().map(|_| None).collect();
    let random = SequenceRandom::new(seed + 1000);
    let mut context = Context::from_waker(Waker::noop());
    while outputs.iter().any(Option::is_none) {
        let pending: Vec<usize> = (0..tasks.len()).filter(|index| outputs[*index].is_none()).collect();
        let chosen = pending[usize::from(random.bytes::<1>()[0]) % pending.len()];
        if let Poll::Ready(output) = tasks[chosen].as_mut().poll(&mut context) {
            outputs[chosen] = Some(output);
        }
    }
    outputs.into_iter().map(Option::unwrap).collect()
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        // What selects among many polls only who has asked for it.
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
