//! The one place where components read the clock and wait for it. A request that is answered at once reads
//! it once.

use std::time::{Duration, SystemTime};

/// Now.
#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// Now, in seconds since the Unix epoch. A clock before 1970 counts as 1970.
pub fn unix_now() -> u64 {
    now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// Now, in milliseconds since the Unix epoch. A clock before 1970 counts as 1970.
pub fn unix_now_ms() -> u64 {
    let since = now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Waits, and lets what else there is to do in this instance be done.
#[cfg(feature = "http")]
pub async fn sleep(time: Duration) {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    spin_sdk::wasip3::clocks::monotonic_clock::wait_for(nanoseconds).await;
}
