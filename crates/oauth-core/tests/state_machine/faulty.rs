//! A store that fails, before or after it has done what it was asked.

use std::cell::Cell;
use store_core::{
    Store, StoreError,
    testing::{MemoryStore, MemorySwap},
};

/// Which of a caller's store operations fail, and how.
#[derive(Debug, Clone, Copy)]
pub(super) enum Faults {
    None,
    /// This one is not carried out.
    Before(u8),
    /// This one is carried out, and reported as failed.
    After(u8),
    /// This one and all that follow.
    From(u8),
}

/// A store as one caller sees it.
pub(super) struct Faulty<'a> {
    inner: &'a MemoryStore,
    faults: Faults,
    count: Cell<u8>,
}

impl<'a> Faulty<'a> {
    pub(super) fn new(inner: &'a MemoryStore, faults: Faults) -> Self {
        Self { inner, faults, count: Cell::new(0) }
    }
}

enum Verdict {
    Works,
    FailsUndone,
    FailsDone,
}

impl Faulty<'_> {
    fn verdict(&self) -> Verdict {
        let index = self.count.replace(self.count.get().saturating_add(1));
        match self.faults {
            Faults::Before(at) if at == index => Verdict::FailsUndone,
            Faults::From(at) if index >= at => Verdict::FailsUndone,
            Faults::After(at) if at == index => Verdict::FailsDone,
            Faults::None | Faults::Before(_) | Faults::After(_) | Faults::From(_) => Verdict::Works,
        }
    }

    async fn operate<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let failure = Err(StoreError { detail: "injected".into() });
        match self.verdict() {
            Verdict::Works => operation.await,
            Verdict::FailsUndone => failure,
            Verdict::FailsDone => {
                operation.await?;
                failure
            }
        }
    }
}

impl Store for Faulty<'_> {
    type Swap = MemorySwap;

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.operate(self.inner.get(key)).await
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.operate(self.inner.put(key, value)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.operate(self.inner.delete(key)).await
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        self.operate(self.inner.delete_many(keys)).await
    }

    async fn increment(&self, key: &str) -> Result<i64, StoreError> {
        self.operate(self.inner.increment(key)).await
    }

    async fn begin_swap(&self, key: &str) -> Result<(Option<Vec<u8>>, MemorySwap), StoreError> {
        self.operate(self.inner.begin_swap(key)).await
    }

    async fn swap(&self, swap: MemorySwap, value: &[u8]) {
        let swapped = async {
            self.inner.swap(swap, value).await;
            Ok(())
        };
        drop(self.operate(swapped).await);
    }
}
