//! Grants by the million: real records, sealed by the cores, put into a store in bulk.
//!
//! Each is a copy of a grant that came of a real sign-in, with an id and a user of its own. So its
//! tokens are good, and a server on that store cannot tell it from one that somebody approved.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use oauth_core::credential::{Credential, Kind};
use oauth_core::records::{Grant, GrantEntry, GrantId, UserGrants, user_key};
use rusqlite::{Connection, params};
use store_core::{Provision, Random, Records, Store, StoreError};

/// How many grants each user has, which nobody notices: nothing reads more of an index than it has to.
const PER_USER: u64 = 10;

/// How many values are written at once.
const BATCH: usize = 5000;

/// What of the seeded grants a load uses: enough that no cache holds the same few.
const KEPT_TOKENS: usize = 1000;

/// A store that is filled.
pub(crate) enum Place<'a> {
    /// The host's file.
    Sqlite(&'a Path),
    /// A Redis server's address.
    Redis(&'a str),
}

/// Tokens of seeded grants.
#[derive(Debug, Default)]
pub(crate) struct Seeded {
    /// Access tokens, of different grants all over the store.
    pub(crate) access_tokens: Vec<String>,
    /// Refresh tokens of the same grants.
    pub(crate) refresh_tokens: Vec<String>,
}

/// Adds `count` grants like that of `access_token`.
pub(crate) fn seed(place: &Place<'_>, access_token: &str, count: u64) -> Result<Seeded> {
    let store = Bulk { target: RefCell::new(Target::open(place)?), values: RefCell::default() };
    let keys = now(store_core::deployment::keyring("", true, Provision::FindOnly, &store, &Chance))?
        .context("the store has no secret: nobody has signed in yet")?;
    let records = Records { store: &store, keys: &keys, random: &Chance };
    let credential = Credential::verify(Kind::AccessToken, access_token, &keys)
        .context("the token is another server's")?;
    let grant: Grant = now(records.find(&credential.grant.key()))?.context("the token's grant is gone")?;
    let mut seeded = Seeded::default();
    let step = (count / KEPT_TOKENS as u64).max(1);
    let mut made = 0;
    for user in 0..count.div_ceil(PER_USER) {
        let subject = format!("bench-{user:07}@example.com-{}", hex(&Chance.bytes::<8>()));
        let mut index = UserGrants { epoch: grant.user_epoch, ..UserGrants::default() };
        for _ in 0..PER_USER.min(count - made) {
            let id = GrantId(Chance.bytes());
            let copy = Grant { subject: subject.clone(), ..grant.clone() };
            now(records.create(&id.key(), &copy))?;
            index.grants.push(GrantEntry {
                id,
                approved_at: grant.approved_at,
                expires_at: grant.expires_at,
                attempt: hex(&Chance.bytes::<16>()),
                place: String::new(),
                remembered: None,
            });
            if made % step == 0 && seeded.access_tokens.len() < KEPT_TOKENS {
                let token = |kind, expires_at| Credential {
                    kind,
                    grant: id,
                    generation: 1,
                    expires_at,
                    ..credential
                };
                seeded.access_tokens.push(token(Kind::AccessToken, credential.expires_at).issue(&keys));
                seeded.refresh_tokens.push(token(Kind::RefreshToken, grant.expires_at).issue(&keys));
            }
            made += 1;
        }
        now(records.create(&user_key(&subject), &index))?;
    }
    store.flush()?;
    Ok(seeded)
}

/// How many bytes a store holds for its keys and values.
pub(crate) fn stored_bytes(place: &Place<'_>) -> Result<u64> {
    match place {
        Place::Sqlite(path) => Ok(std::fs::metadata(path)?.len()),
        Place::Redis(address) => {
            let mut redis = Redis::open(address)?;
            redis.send(&[b"INFO", b"memory"])?;
            let info = redis.read()?.unwrap_or_default();
            let info = String::from_utf8_lossy(&info).into_owned();
            let used = info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:"));
            used.and_then(|used| used.trim().parse().ok()).context("Redis does not say what it uses")
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Chance;

impl Random for Chance {
    #[expect(clippy::expect_used, reason = "a machine without randomness is none to measure on")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("randomness");
    }
}

/// A store that is written to in bulk, and by nobody else meanwhile.
struct Bulk {
    target: RefCell<Target>,
    values: RefCell<Vec<(String, Vec<u8>)>>,
}

enum Target {
    Sqlite(Connection),
    Redis(Redis),
}

impl Target {
    fn open(place: &Place<'_>) -> Result<Self> {
        Ok(match place {
            Place::Sqlite(path) => {
                let connection = Connection::open(path)?;
                // Nothing is lost with it that could not be made again.
                connection.execute_batch("PRAGMA synchronous = OFF")?;
                Self::Sqlite(connection)
            }
            Place::Redis(address) => Self::Redis(Redis::open(address)?),
        })
    }

    fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Sqlite(connection) => {
                let sql = "SELECT value FROM spin_key_value WHERE store = 'default' AND key = ?1";
                let mut statement = connection.prepare_cached(sql)?;
                let mut rows = statement.query([key])?;
                Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
            }
            Self::Redis(redis) => {
                redis.send(&[b"GET", key.as_bytes()])?;
                redis.read()
            }
        }
    }

    fn put_all(&mut self, values: &[(String, Vec<u8>)]) -> Result<()> {
        match self {
            Self::Sqlite(connection) => {
                let transaction = connection.transaction()?;
                {
                    let sql = "INSERT INTO spin_key_value (store, key, value) VALUES ('default', ?1, ?2)";
                    let mut statement = transaction.prepare_cached(sql)?;
                    for (key, value) in values {
                        statement.execute(params![key, value])?;
                    }
                }
                Ok(transaction.commit()?)
            }
            Self::Redis(redis) => {
                for (key, value) in values {
                    redis.send(&[b"SET", key.as_bytes(), value])?;
                }
                values.iter().try_for_each(|_| redis.read().map(drop))
            }
        }
    }
}

impl Bulk {
    fn flush(&self) -> Result<()> {
        let values = std::mem::take(&mut *self.values.borrow_mut());
        self.target.borrow_mut().put_all(&values)
    }
}

impl Store for Bulk {
    type Swap = std::convert::Infallible;

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.target.borrow_mut().get(key).map_err(failed)
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let is_full = {
            let mut values = self.values.borrow_mut();
            values.push((key.to_owned(), value.to_owned()));
            values.len() >= BATCH
        };
        if is_full { self.flush().map_err(failed) } else { Ok(()) }
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        Err(only_added())
    }

    async fn increment(&self, _: &str) -> Result<i64, StoreError> {
        Err(only_added())
    }

    async fn begin_swap(&self, _: &str) -> Result<(Option<Vec<u8>>, Self::Swap), StoreError> {
        Err(only_added())
    }

    async fn swap(&self, swap: Self::Swap, _: &[u8]) {
        match swap {}
    }
}

fn failed(error: anyhow::Error) -> StoreError {
    StoreError { detail: format!("{error:#}") }
}

fn only_added() -> StoreError {
    StoreError { detail: "records are only added here".to_owned() }
}

/// What a future gives that waits for nothing: the stores here answer at once.
fn now<T, E: Into<anyhow::Error>>(future: impl Future<Output = Result<T, E>>) -> Result<T> {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(result) => result.map_err(Into::into),
        std::task::Poll::Pending => bail!("the store made somebody wait"),
    }
}

/// A connection to Redis: commands out, answers in.
struct Redis {
    writer: std::io::BufWriter<TcpStream>,
    reader: BufReader<TcpStream>,
}

impl Redis {
    fn open(url: &str) -> Result<Self> {
        let address = url.trim_start_matches("redis://");
        let stream = TcpStream::connect(address).with_context(|| format!("no Redis at {address}"))?;
        Ok(Self { writer: std::io::BufWriter::new(stream.try_clone()?), reader: BufReader::new(stream) })
    }

    fn send(&mut self, parts: &[&[u8]]) -> Result<()> {
        write!(self.writer, "*{}\r\n", parts.len())?;
        for part in parts {
            write!(self.writer, "${}\r\n", part.len())?;
            self.writer.write_all(part)?;
            self.writer.write_all(b"\r\n")?;
        }
        Ok(())
    }

    /// An answer: a status, or a text or nothing.
    fn read(&mut self) -> Result<Option<Vec<u8>>> {
        self.writer.flush()?;
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        let (kind, rest) = line.trim_end().split_at_checked(1).context("Redis is gone")?;
        match kind {
            "+" | ":" => Ok(Some(rest.as_bytes().to_vec())),
            "$" if rest == "-1" => Ok(None),
            "$" => {
                let length: usize = rest.parse()?;
                let mut text = vec![0; length + 2];
                std::io::Read::read_exact(&mut self.reader, &mut text)?;
                text.truncate(length);
                Ok(Some(text))
            }
            _ => bail!("Redis: {line}"),
        }
    }
}
