//! The port to the key-value store.

/// The store, in the operations of `wasi:keyvalue`. There is no expiry, no create-if-absent and no
/// listing: backends differ too much in them, or do not have them.
#[expect(async_fn_in_trait, reason = "everything runs in one task of one instance; nothing needs Send")]
pub trait Store {
    /// A compare-and-swap in progress.
    type Swap;

    /// Reads a value.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes a value, whatever was there. Only for keys that nobody else can be writing.
    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;

    /// Deletes a value, if there is one.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// Deletes many values, as far as they are there: in one operation where the store has one. An error may
    /// leave some of them in place.
    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        for key in keys {
            self.delete(key).await?;
        }
        Ok(())
    }

    /// Adds one to a counter and returns its new value; an absent counter starts at one. Only for keys
    /// that nothing else ever writes: counters have a format of their own on every backend.
    async fn increment(&self, key: &str) -> Result<i64, StoreError>;

    /// Begins a compare-and-swap: the current value, and a handle that knows it.
    async fn begin_swap(&self, key: &str) -> Result<(Option<Vec<u8>>, Self::Swap), StoreError>;

    /// Writes `value` if the stored value is still the one that the handle knows. Only for handles
    /// whose value was there: on an absent key some backends write for everybody.
    ///
    /// It does not tell whether it wrote, because some backends tell wrongly; read back to know.
    async fn swap(&self, swap: Self::Swap, value: &[u8]);
}

/// The store did not do what it was asked. It says nothing about what is stored: the caller answers
/// "try again later", never "no".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key-value store failed")]
pub struct StoreError {
    /// What the store said, for the operator's log. Never shown to anybody else.
    pub detail: String,
}
