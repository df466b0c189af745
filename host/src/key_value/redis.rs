//! Values in Redis, with the semantics of Spin's Redis backend.
//!
//! It is here so that what is built on it meets what Spin would do, and Spin does some odd things:
//!
//! - the label is ignored: a Redis database is one name space;
//! - get-many sends its keys to `KEYS`, so with more than one key it is an error;
//! - a swap ends with `UNWATCH key`, which Redis refuses because `UNWATCH` takes no argument, so a
//!   swap reports that it lost **even when it was committed**. Only reading back tells.
//!
//! Each compare-and-swap has a connection of its own, because a watch belongs to a connection.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result as HostResult};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands as _, Client};
use tokio::sync::OnceCell;

use super::SwapError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

type Result<T> = std::result::Result<T, String>;

/// A Redis server.
pub struct Server {
    client: Client,
    connection: OnceCell<ConnectionManager>,
}

/// A connection that watches a key.
pub struct Watch {
    connection: ConnectionManager,
}

impl Server {
    /// The server at `url`. It is contacted when it is first needed.
    pub fn new(url: &str) -> HostResult<Self> {
        // The URL may hold a password, so it is not repeated.
        let client = Client::open(url).context("the url of a Redis store is not valid")?;
        Ok(Self { client, connection: OnceCell::new() })
    }

    /// Where Spin waits for ever, a server that does not answer is an error soon enough for a request
    /// to be answered with it.
    async fn connect(&self) -> redis::RedisResult<ConnectionManager> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        self.client.get_connection_manager_with_config(config).await
    }

    async fn connection(&self) -> Result<ConnectionManager> {
        self.connection.get_or_try_init(|| self.connect()).await.cloned().map_err(text)
    }

    /// The value of a key.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.connection().await?.get(key).await.map_err(text)
    }

    /// Whether a key has a value.
    pub async fn exists(&self, key: &str) -> Result<bool> {
        self.connection().await?.exists(key).await.map_err(text)
    }

    /// All keys of the database.
    pub async fn keys(&self) -> Result<Vec<String>> {
        self.connection().await?.keys("*").await.map_err(text)
    }

    /// As in Spin: one key is taken for a pattern and its answer for pairs, several are an error.
    pub async fn get_many(&self, keys: &[String]) -> Result<Vec<(String, Option<Vec<u8>>)>> {
        redis::cmd("KEYS").arg(keys).query_async(&mut self.connection().await?).await.map_err(text)
    }

    /// Write a value, whatever was there.
    pub async fn set(&self, key: &str, value: &[u8]) -> Result<()> {
        self.connection().await?.set(key, value).await.map_err(text)
    }

    /// Write several values, all or none.
    pub async fn set_many(&self, values: &[(String, Vec<u8>)]) -> Result<()> {
        self.connection().await?.mset(values).await.map_err(text)
    }

    /// Delete the values that are there.
    pub async fn delete(&self, keys: &[String]) -> Result<()> {
        self.connection().await?.del(keys).await.map_err(text)
    }

    /// Add to a counter, which Redis keeps as decimal text.
    pub async fn increment(&self, key: &str, delta: i64) -> Result<i64> {
        self.connection().await?.incr(key, delta).await.map_err(text)
    }

    /// Begin a compare-and-swap.
    pub async fn watch(&self) -> Result<Watch> {
        Ok(Watch { connection: self.connect().await.map_err(text)? })
    }
}

impl Watch {
    /// Watch `key` from now on, and read it.
    pub async fn current(&mut self, key: &str) -> Result<Option<Vec<u8>>> {
        redis::cmd("WATCH").arg(key).exec_async(&mut self.connection).await.map_err(text)?;
        self.connection.get(key).await.map_err(text)
    }

    /// Write `value` if nobody has written since `current`. See above for what the answer is worth.
    pub async fn swap(mut self, key: &str, value: &[u8]) -> std::result::Result<(), SwapError> {
        let committed: redis::RedisResult<()> =
            redis::pipe().atomic().set(key, value).query_async(&mut self.connection).await;
        let unwatched = redis::cmd("UNWATCH").arg(key).exec_async(&mut self.connection).await;
        if committed.is_ok() && unwatched.is_ok() { Ok(()) } else { Err(SwapError::Lost) }
    }
}

/// Host, port and database, never user or password.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.client.get_connection_info();
        write!(f, "Redis at {}, database {}", info.addr(), info.redis_settings().db())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn text(error: redis::RedisError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let server = Server::new("redis://user:hunter2@127.0.0.1:6380/3").unwrap();
        assert_eq!(server.to_string(), "Redis at 127.0.0.1:6380, database 3");
        assert!(!format!("{server:?}").contains("hunter2"));
    }

    #[test]
    fn a_broken_url_is_refused_without_repeating_it() {
        let error = format!("{:#}", Server::new("redis://:hunter2@:x").unwrap_err());
        assert!(!error.contains("hunter2"), "{error}");
    }
}
