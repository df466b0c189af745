//! What has to hold on every store: the same tests, over HTTP, against servers with their data in SQLite
//! and in Redis. The names of those that need a Redis server end in `on_redis`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "this is how a test fails")]

mod at_once;
mod growth;
mod two_hosts;

use postern_tests::host::State;
use postern_tests::mcp::{ping, post};
use postern_tests::redis::Redis;
use postern_tests::sqlite::Database;
use postern_tests::{Host, Response, Server};

/// A server of the test's own, and where it keeps its data.
struct Deployment {
    host: Host,
    state: State,
    redis: Option<Redis>,
}

impl Deployment {
    fn on_sqlite() -> Self {
        let state = State::new();
        Self { host: Host::start(&state), state, redis: None }
    }

    fn on_redis() -> Self {
        let redis = Redis::start();
        let state = State::new().with_redis(&redis);
        Self { host: Host::start(&state), state, redis: Some(redis) }
    }

    /// Records, and the bytes of all keys and values.
    fn size(&self) -> (usize, usize) {
        match &self.redis {
            Some(redis) => redis.size(),
            None => Database::open(&self.state).size(),
        }
    }
}

/// Does the same so many times at once.
fn at_once<T: Send>(count: usize, action: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = std::sync::Barrier::new(count);
    std::thread::scope(|scope| {
        let (barrier, action) = (&barrier, &action);
        let start = |index| {
            scope.spawn(move || {
                barrier.wait();
                action(index)
            })
        };
        let threads: Vec<_> = (0..count).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// The status of a call with this access token.
fn call(server: &Server, access_token: &str) -> u16 {
    server.send(&post(access_token, &ping())).status
}

/// Fails unless it says to try again, when, and nothing about the grant.
#[track_caller]
fn assert_try_again(response: &Response) {
    assert_eq!(response.status, 503, "{response}");
    assert!(response.header("retry-after").is_some(), "{response}");
    assert!(
        response.all("set-cookie").next().is_none() && response.header("location").is_none(),
        "{response}"
    );
}
