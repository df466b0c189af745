//! The SQLite file in which a server keeps its data: looked into, and broken, while the server runs.
//!
//! Faults are made by triggers on the server's own table. The server notices at once, because SQLite
//! prepares a statement anew when the schema has changed, and it sees what it would see of a full disk:
//! an error from the operation that was to write.

use crate::host::State;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::time::Duration;

/// How long the server may hold the file.
const PATIENCE: Duration = Duration::from_secs(30);

/// A file that a server is using, or has used.
pub struct Database {
    connection: Connection,
}

/// More writes than any request makes.
const NEVER: u32 = 1_000_000;

impl Database {
    /// Opens the file of a server that has run on this state.
    pub fn open(state: &State) -> Self {
        let file = state.dir.join("sqlite_key_value.db");
        assert!(file.is_file(), "{} is not there", file.display());
        let connection = Connection::open(file).expect("it can be opened");
        connection.busy_timeout(PATIENCE).expect("a timeout can be set");
        Self { connection }
    }

    /// How many rows there are, and how many bytes all keys and values have.
    pub fn size(&self) -> (usize, usize) {
        let query = "SELECT count(*), coalesce(sum(length(key) + length(value)), 0) FROM spin_key_value";
        self.connection
            .query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("the table is there")
    }

    /// How many pages the file has: a high-water mark, because it never shrinks.
    pub fn pages(&self) -> usize {
        self.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("it has pages")
    }

    /// All keys and values.
    pub fn rows(&self) -> Vec<(String, String, Vec<u8>)> {
        let mut statement = self
            .connection
            .prepare("SELECT store, key, value FROM spin_key_value ORDER BY store, key")
            .expect("the table is there");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.expect("it can be read").map(|row| row.expect("a row")).collect()
    }

    /// Writes a row, as another application would that shares the file.
    pub fn insert(&self, store: &str, key: &str, value: &[u8]) {
        let insert = "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)";
        self.connection.execute(insert, (store, key, value)).expect("a row can be written");
    }

    /// Prepares the triggers. Nothing fails yet.
    pub fn arm(&self) {
        let mut script = format!(
            "CREATE TABLE f_limit (fail INTEGER, stall INTEGER);
             INSERT INTO f_limit VALUES ({NEVER}, {NEVER});
             CREATE TABLE f_log (n INTEGER PRIMARY KEY);
             CREATE TABLE f_sink (n INTEGER);
             -- Minutes of work for whoever reads it.
             CREATE VIEW f_ages AS
               WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 4000000000)
               SELECT count(*) AS n FROM c;"
        );
        for event in ["INSERT", "UPDATE", "DELETE"] {
            let name = event.to_lowercase();
            script.push_str(&format!(
                "CREATE TRIGGER f_fail_{name} BEFORE {event} ON spin_key_value
                   WHEN (SELECT count(*) FROM f_log) >= (SELECT fail FROM f_limit)
                   BEGIN SELECT RAISE(ABORT, 'injected'); END;
                 CREATE TRIGGER f_stall_{name} BEFORE {event} ON spin_key_value
                   WHEN (SELECT count(*) FROM f_log) >= (SELECT stall FROM f_limit)
                   BEGIN INSERT INTO f_sink SELECT n FROM f_ages; END;
                 CREATE TRIGGER f_log_{name} AFTER {event} ON spin_key_value
                   BEGIN INSERT INTO f_log (n) VALUES (NULL); END;"
            ));
        }
        self.execute(&script);
    }

    /// From now on `count` writes are made, and all others fail.
    pub fn fail_after(&self, count: u32) {
        self.execute(&format!("DELETE FROM f_log; UPDATE f_limit SET fail = {count}, stall = {NEVER}"));
    }

    /// From now on `count` writes are made, and the next one takes longer than anybody waits.
    pub fn stall_after(&self, count: u32) {
        self.execute(&format!("DELETE FROM f_log; UPDATE f_limit SET fail = {NEVER}, stall = {count}"));
    }

    /// Ends the faults, and says how many writes were made since they began.
    pub fn heal(&self) -> u32 {
        self.execute(&format!("UPDATE f_limit SET fail = {NEVER}, stall = {NEVER}"));
        self.writes()
    }

    /// How many writes were made since [`fail_after`](Self::fail_after) or
    /// [`stall_after`](Self::stall_after).
    pub fn writes(&self) -> u32 {
        self.connection.query_row("SELECT count(*) FROM f_log", [], |row| row.get(0)).expect("a count")
    }

    /// Takes the table away: neither reads nor writes work, until [`restore`](Self::restore).
    pub fn remove_table(&self) {
        self.execute("ALTER TABLE spin_key_value RENAME TO elsewhere");
    }

    /// Puts the table back.
    pub fn restore(&self) {
        self.execute("ALTER TABLE elsewhere RENAME TO spin_key_value");
    }

    /// Locks the file against everybody, as a backup does that copies it, for as long as `action` takes.
    pub fn locked<T>(&mut self, action: impl FnOnce() -> T) -> T {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Exclusive);
        let transaction = transaction.expect("the file can be locked");
        let outcome = action();
        transaction.rollback().expect("the file can be let go");
        outcome
    }

    /// Waits until the server is in the middle of the write that
    /// [`stall_after`](Self::stall_after) lets take so long. `false` when `waiting` ended before that.
    pub fn wait_for_stall(&mut self, count: u32, waiting: impl Fn() -> bool) -> bool {
        self.connection.busy_timeout(Duration::ZERO).expect("a timeout can be set");
        let is_busy = |error: &rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy) => true,
            _ => panic!("{error}"),
        };
        // The lock that precedes a commit is short; this one lasts.
        let mut in_a_row = 0;
        while in_a_row < 10 && waiting() {
            std::thread::sleep(Duration::from_millis(10));
            let writes =
                self.connection.query_row("SELECT count(*) FROM f_log", [], |row| row.get::<_, u32>(0));
            let others_are_done = match writes {
                Ok(writes) => count == writes,
                Err(error) => !is_busy(&error),
            };
            let is_writing = match self.connection.transaction_with_behavior(TransactionBehavior::Immediate) {
                Ok(transaction) => transaction.rollback().is_err(),
                Err(error) => is_busy(&error),
            };
            in_a_row = if others_are_done && is_writing { in_a_row + 1 } else { 0 };
        }
        self.connection.busy_timeout(PATIENCE).expect("a timeout can be set");
        in_a_row == 10
    }

    fn execute(&self, script: &str) {
        self.connection.execute_batch(script).expect("the script runs");
    }
}
