//! What lasts: keys, sealed records, and the one way in which a record changes.
//!
//! Postern keeps its records in a key-value store that it does not trust to be private, and whose
//! compare-and-swap does not always tell the truth. This crate turns that into something to build on:
//!
//! * [`keyring`]: the deployment's secrets, and the keys derived from them, each for one purpose;
//! * [`deployment`]: where the deployment's secrets come from;
//! * [`seal`]: values that nobody can read or forge without such a key, and that say which key it was;
//! * [`store`]: the port to the store behind `wasi:keyvalue`;
//! * [`records`]: typed, sealed records in that store, created under fresh keys and changed by
//!   [`Records::transition`] only;
//! * [`connection`]: the keys of what is kept for connected clients, all of which end together;
//! * [`testing`]: stores that misbehave as real ones do, and chance that can be repeated.
//!
//! It does no I/O: time, chance and the store are arguments.
//!
//! ```
//! use store_core::testing::{MemoryStore, SequenceRandom, block_on};
//! use store_core::{Change, Keyring, Records};
//!
//! let keys = Keyring::parse("VGhpcyBpcyBub3QgYSBzZWNyZXQsIGl0J3MgYSBkb2N0ZXN0").unwrap();
//! let (store, random) = (MemoryStore::default(), SequenceRandom::default());
//! let records = Records { store: &store, keys: &keys, random: &random };
//! let left = block_on(async {
//!     records.create("demo:counter", &3u32).await?;
//!     records
//!         .transition("demo:counter", |left: &u32| match left.checked_sub(1) {
//!             Some(left) => Ok(Change::Write(left, left)),
//!             None => Err("none left"),
//!         })
//!         .await
//!         .map_err(|error| error.into_record_error().unwrap())
//! });
//! assert_eq!(left.unwrap(), 2);
//! ```

pub mod connection;
pub mod deployment;
pub mod keyring;
pub mod random;
pub mod records;
pub mod seal;
pub mod store;
pub mod testing;

pub use connection::{Connection, Slot};
pub use deployment::{DeploymentError, Provision};
pub use keyring::{KeyId, Keyring, KeyringError, Purpose};
pub use random::Random;
pub use records::{Change, RecordError, Records, TransitionError};
pub use store::{Store, StoreError};
