//! Values in a SQLite file: Spin's file, Spin's table, Spin's semantics.
//!
//! Whoever changes hosts keeps the data, so neither the schema nor any setting of the file (journal
//! mode, synchronous, auto-vacuum) differs from what Spin leaves behind. One connection per file
//! behind one lock. Reads that follow each other closely share one transaction, because to lock the file and to
//! look whether somebody has changed it takes much longer than to read a value. What to know about it:
//!
//! - get-many leaves out keys that are not there, and does not keep the order;
//! - swap compares the whole value, and after a `current` that found nothing, or without one, it is
//!   an unconditional write that succeeds for everybody;
//! - a counter is eight bytes, little-endian. Where Spin panics on any other value, with the lock
//!   held, so that every later call fails until a restart, this host returns an error instead.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use anyhow::{Context as _, Result as HostResult};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};
use tokio::task::block_in_place;

use super::SwapError;
use crate::private;

const CREATE: &str = "CREATE TABLE IF NOT EXISTS spin_key_value (
                           store TEXT NOT NULL,
                           key   TEXT NOT NULL,
                           value BLOB NOT NULL,

                           PRIMARY KEY (store, key)
                        )";
const GET: &str = "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2";
const EXISTS: &str = "SELECT 1 FROM spin_key_value WHERE store = ?1 AND key = ?2";
const SET: &str = "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)
                   ON CONFLICT (store, key) DO UPDATE SET value = ?3";
const DELETE: &str = "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2";
const KEYS: &str = "SELECT key FROM spin_key_value WHERE store = ?1";
const REPLACE: &str = "UPDATE spin_key_value SET value = ?4 WHERE store = ?1 AND key = ?2 AND value = ?3";
// The keys travel as one JSON array, so that there is one statement however many there are.
const GET_MANY: &str = "SELECT key, value FROM spin_key_value
                        WHERE store = ?1 AND key IN (SELECT value FROM json_each(?2))";
const DELETE_MANY: &str = "DELETE FROM spin_key_value
                           WHERE store = ?1 AND key IN (SELECT value FROM json_each(?2))";

/// How long the file may stay locked for reading, whoever else may want to write to it. Nothing can change meanwhile,
/// so what is read is what is stored.
const HOLD: Duration = Duration::from_millis(5);

/// How much of the file is kept in memory at most, in KiB: what some thousands of people use who are all at it. With
/// SQLite's own 2 MiB, a million records made reads of a thousand of them a fifth slower.
const CACHE_KIB: i64 = 32 << 10;

type Result<T> = std::result::Result<T, String>;

/// One SQLite database.
#[derive(Debug)]
pub struct Database {
    path: Option<PathBuf>,
    connection: Arc<Mutex<Connection>>,
    /// Who ends what reads have begun. `None`: they begin nothing.
    closer: Option<Thread>,
}

impl Database {
    /// Open the file at `path`, or a database in memory.
    pub fn open(path: Option<&Path>) -> HostResult<Self> {
        let connection = match path {
            Some(path) => {
                private::make_database(path)?;
                Connection::open(path).with_context(|| format!("cannot open the store {}", path.display()))?
            }
            None => Connection::open_in_memory().context("cannot open a store in memory")?,
        };
        let place = || path.map_or("in memory".to_owned(), |path| path.display().to_string());
        connection.execute(CREATE, []).with_context(|| format!("cannot use the store {}", place()))?;
        // Of this connection, not of the file.
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        let connection = Arc::new(Mutex::new(connection));
        // In memory there is nothing to lock; and whoever reads a write-ahead log keeps nobody from writing. Somebody
        // who begins one later makes what is read older than what is stored, by as long as it is held.
        let may_hold = path.is_some() && mode != "wal";
        let closer = if may_hold { Some(closer(Arc::downgrade(&connection))?) } else { None };
        Ok(Self { path: path.map(Path::to_owned), connection, closer })
    }

    /// The file, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The value of a key.
    pub fn get(&self, label: &str, key: &str) -> Result<Option<Vec<u8>>> {
        self.read(|connection| get(connection, label, key))
    }

    /// Whether a key has a value.
    pub fn exists(&self, label: &str, key: &str) -> Result<bool> {
        self.read(|connection| prepare(connection, EXISTS)?.exists([label, key]).map_err(text))
    }

    /// All keys of a label.
    pub fn keys(&self, label: &str) -> Result<Vec<String>> {
        // A scan of everything: not something to do where other requests are waiting for a turn.
        self.write(|connection| {
            let mut statement = prepare(connection, KEYS)?;
            let rows = statement.query_map([label], |row| row.get(0)).map_err(text)?;
            rows.collect::<rusqlite::Result<_>>().map_err(text)
        })
    }

    /// The keys that have values, with those.
    pub fn get_many(&self, label: &str, keys: &[String]) -> Result<Vec<(String, Option<Vec<u8>>)>> {
        let keys = serde_json::to_string(keys).map_err(|error| error.to_string())?;
        self.read(|connection| {
            let mut statement = prepare(connection, GET_MANY)?;
            let rows =
                statement.query_map([label, &keys], |row| Ok((row.get(0)?, row.get(1)?))).map_err(text)?;
            rows.collect::<rusqlite::Result<_>>().map_err(text)
        })
    }

    /// Write a value, whatever was there.
    pub fn set(&self, label: &str, key: &str, value: &[u8]) -> Result<()> {
        self.write(|connection| set(connection, label, key, value))
    }

    /// Write several values, all or none.
    pub fn set_many(&self, label: &str, values: &[(String, Vec<u8>)]) -> Result<()> {
        self.write(|connection| {
            let transaction = connection.transaction().map_err(text)?;
            for (key, value) in values {
                set(&transaction, label, key, value)?;
            }
            transaction.commit().map_err(text)
        })
    }

    /// Delete a value, if there is one.
    pub fn delete(&self, label: &str, key: &str) -> Result<()> {
        self.write(|connection| prepare(connection, DELETE)?.execute([label, key]).map(drop).map_err(text))
    }

    /// Delete several values, all or none.
    pub fn delete_many(&self, label: &str, keys: &[String]) -> Result<()> {
        let keys = serde_json::to_string(keys).map_err(|error| error.to_string())?;
        self.write(|connection| {
            prepare(connection, DELETE_MANY)?.execute([label, &keys]).map(drop).map_err(text)
        })
    }

    /// Add to a counter; one that is not there counts as zero.
    pub fn increment(&self, label: &str, key: &str, delta: i64) -> Result<i64> {
        self.write(|connection| {
            let transaction = connection.transaction().map_err(text)?;
            let before = match get(&transaction, label, key)? {
                None => 0,
                Some(value) => i64::from_le_bytes(
                    <[u8; 8]>::try_from(value).map_err(|_| "the value is not a counter".to_owned())?,
                ),
            };
            let after = before.checked_add(delta).ok_or("the counter would overflow")?;
            set(&transaction, label, key, &after.to_le_bytes())?;
            transaction.commit().map_err(text)?;
            Ok(after)
        })
    }

    /// Write `value` if the value is still `seen`; always, if nothing was seen.
    pub fn swap(
        &self,
        label: &str,
        key: &str,
        seen: Option<&[u8]>,
        value: &[u8],
    ) -> std::result::Result<(), SwapError> {
        self.write(|connection| {
            let Some(seen) = seen else { return set(connection, label, key, value).map(|()| 1) };
            prepare(connection, REPLACE)?.execute(params![label, key, seen, value]).map_err(text)
        })
        .map_err(SwapError::Store)
        .and_then(|rows| if rows == 1 { Ok(()) } else { Err(SwapError::Lost) })
    }

    /// Do something that takes microseconds. Only when another request is at it (it may be waiting
    /// for the disk) is it worth telling the runtime that this thread is going to block.
    fn read<T: Send>(&self, operation: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        match self.connection.try_lock() {
            Ok(connection) => self.read_with(&connection, operation),
            Err(TryLockError::Poisoned(poisoned)) => self.read_with(&poisoned.into_inner(), operation),
            Err(TryLockError::WouldBlock) => {
                block_in_place(|| self.read_with(&lock(&self.connection), operation))
            }
        }
    }

    /// Read in the transaction of the reads before, or begin one.
    fn read_with<T>(
        &self,
        connection: &Connection,
        operation: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let Some(closer) = &self.closer else { return operation(connection) };
        if connection.is_autocommit() {
            run(connection, "BEGIN")?;
            closer.unpark();
        }
        let read = operation(connection);
        if read.is_err() {
            let_go(connection)?;
        }
        read
    }

    /// Do something that waits for the disk.
    fn write<T: Send>(&self, operation: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        block_in_place(|| {
            let mut connection = lock(&self.connection);
            let_go(&connection)?;
            operation(&mut connection)
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(closer) = &self.closer {
            closer.unpark();
        }
    }
}

/// Starts the thread that lets the file go after each time that reads have begun something, for as long as there is
/// a connection.
fn closer(connection: Weak<Mutex<Connection>>) -> HostResult<Thread> {
    let close = move || {
        while connection.strong_count() > 0 {
            thread::park();
            thread::sleep(HOLD);
            let Some(connection) = connection.upgrade() else { return };
            // If that fails, so do the operations that follow, and say why.
            let _ = let_go(&lock(&connection));
        }
    };
    Ok(thread::Builder::new().name("store".to_owned()).spawn(close)?.thread().clone())
}

/// End the transaction that reads share, if there is one.
fn let_go(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() { Ok(()) } else { run(connection, "COMMIT") }
}

fn run(connection: &Connection, sql: &str) -> Result<()> {
    prepare(connection, sql)?.execute([]).map(drop).map_err(text)
}

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    // A transaction that a panic interrupted was rolled back when it was dropped.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn get(connection: &Connection, label: &str, key: &str) -> Result<Option<Vec<u8>>> {
    prepare(connection, GET)?.query_row([label, key], |row| row.get(0)).optional().map_err(text)
}

fn set(connection: &Connection, label: &str, key: &str, value: &[u8]) -> Result<()> {
    prepare(connection, SET)?.execute(params![label, key, value]).map(drop).map_err(text)
}

fn prepare<'a>(connection: &'a Connection, sql: &str) -> Result<CachedStatement<'a>> {
    connection.prepare_cached(sql).map_err(text)
}

fn text(error: rusqlite::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Database {
        Database::open(None).unwrap()
    }

    #[test]
    fn a_value_is_kept_per_label_and_key() {
        let database = database();
        assert_eq!(database.get("a", "k").unwrap(), None);
        assert!(!database.exists("a", "k").unwrap());
        database.set("a", "k", b"1").unwrap();
        database.set("b", "k", b"2").unwrap();
        database.set("a", "k", b"3").unwrap();
        assert_eq!(database.get("a", "k").unwrap().unwrap(), b"3");
        assert_eq!(database.get("b", "k").unwrap().unwrap(), b"2");
        assert!(database.exists("a", "k").unwrap());
        database.delete("a", "k").unwrap();
        database.delete("a", "k").unwrap();
        assert_eq!(database.get("a", "k").unwrap(), None);
        assert_eq!(database.keys("b").unwrap(), ["k"]);
    }

    #[test]
    fn many_keys_are_read_without_the_missing_ones() {
        let database = database();
        let value = |text: &str| text.as_bytes().to_vec();
        database
            .set_many("a", &[("k\"1".to_owned(), value("1")), ("k\u{0}2".to_owned(), value(""))])
            .unwrap();
        let keys = ["missing", "k\u{0}2", "k\"1", "k\"1", "k"].map(str::to_owned);
        let mut found = database.get_many("a", &keys).unwrap();
        found.sort();
        assert_eq!(found, [("k\u{0}2".to_owned(), Some(value(""))), ("k\"1".to_owned(), Some(value("1")))]);
        database.delete_many("a", &keys).unwrap();
        assert!(database.keys("a").unwrap().is_empty());
    }

    #[test]
    fn a_counter_is_eight_bytes_little_endian() {
        let database = database();
        assert_eq!(database.increment("a", "n", 5).unwrap(), 5);
        assert_eq!(database.increment("a", "n", -7).unwrap(), -2);
        assert_eq!(database.get("a", "n").unwrap().unwrap(), (-2i64).to_le_bytes());
    }

    #[test]
    fn what_is_no_counter_is_an_error_and_harms_nobody() {
        let database = database();
        database.set("a", "n", b"text").unwrap();
        assert!(database.increment("a", "n", 1).is_err());
        database.set("a", "big", &i64::MAX.to_le_bytes()).unwrap();
        assert!(database.increment("a", "big", 1).is_err());
        assert_eq!(database.get("a", "n").unwrap().unwrap(), b"text");
        assert_eq!(database.increment("a", "other", 1).unwrap(), 1);
    }

    #[test]
    fn a_swap_compares_the_whole_value() {
        let database = database();
        database.set("a", "k", b"1").unwrap();
        assert_eq!(database.swap("a", "k", Some(b"1"), b"2"), Ok(()));
        assert_eq!(database.swap("a", "k", Some(b"1"), b"3"), Err(SwapError::Lost));
        assert_eq!(database.get("a", "k").unwrap().unwrap(), b"2");
        database.delete("a", "k").unwrap();
        assert_eq!(database.swap("a", "k", Some(b"2"), b"4"), Err(SwapError::Lost));
        assert_eq!(database.get("a", "k").unwrap(), None);
    }

    #[test]
    fn a_swap_from_nothing_succeeds_for_everybody() {
        let database = database();
        assert_eq!(database.swap("a", "k", None, b"1"), Ok(()));
        assert_eq!(database.swap("a", "k", None, b"2"), Ok(()));
        assert_eq!(database.get("a", "k").unwrap().unwrap(), b"2");
    }

    #[test]
    fn the_file_is_what_spin_would_write() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        Database::open(Some(&path)).unwrap().set("default", "k", b"v").unwrap();
        let connection = Connection::open(&path).unwrap();
        let setting = |name: &str| {
            connection
                .query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, rusqlite::types::Value>(0))
                .unwrap()
        };
        assert_eq!(setting("journal_mode"), "delete".to_owned().into());
        assert_eq!(setting("auto_vacuum"), 0.into());
        assert_eq!(setting("user_version"), 0.into());
        let row = connection
            .query_row("SELECT store, key, value FROM spin_key_value", [], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Vec<u8>>(2)?))
            })
            .unwrap();
        assert_eq!(row, ("default".to_owned(), "k".to_owned(), b"v".to_vec()));
    }

    /// Reads keep the file for a moment only, and see at once what others have written.
    #[test]
    fn reads_let_others_write_and_see_what_they_wrote() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let [one, another] = [(); 2].map(|()| Database::open(Some(&path)).unwrap());
        for round in 0..20_u8 {
            assert_eq!(one.get("a", "k").unwrap(), round.checked_sub(1).map(|before| vec![before]));
            another.set("a", "k", &[round]).unwrap();
            assert_eq!(one.get("a", "k").unwrap().unwrap(), [round]);
            one.set("a", "other", b"v").unwrap();
        }
        // Some read or other is looked at before its time is over.
        let looks = std::iter::repeat_with(|| {
            one.get("a", "k").unwrap();
            !lock(&one.connection).is_autocommit()
        });
        assert!(looks.take(1000).any(|shares| shares));
    }

    /// What a failed read has begun is ended, and the next one works.
    #[test]
    fn failed_read_holds_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let database = Database::open(Some(&path)).unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("ALTER TABLE spin_key_value RENAME TO elsewhere").unwrap();
        assert!(database.get("a", "k").unwrap_err().contains("no such table"));
        assert!(lock(&database.connection).is_autocommit());
        other.execute_batch("ALTER TABLE elsewhere RENAME TO spin_key_value").unwrap();
        assert_eq!(database.get("a", "k").unwrap(), None);
    }

    /// Nobody is kept from writing by whoever reads a write-ahead log, so reads would go on seeing what was.
    #[test]
    fn reads_share_nothing_where_that_would_be_stale() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        Connection::open(&path).unwrap().execute_batch("PRAGMA journal_mode = wal").unwrap();
        let database = Database::open(Some(&path)).unwrap();
        assert_eq!(database.get("a", "k").unwrap(), None);
        assert!(lock(&database.connection).is_autocommit());
        Database::open(Some(&path)).unwrap().set("a", "k", b"v").unwrap();
        assert_eq!(database.get("a", "k").unwrap().unwrap(), b"v");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let error = Database::open(Some(&directory.path().join("missing/store.db"))).unwrap_err();
        assert!(format!("{error:#}").contains("store.db"));
    }
}
