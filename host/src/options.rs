//! The command line. Where Spin has a flag for the same thing, it has the same name here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;

use crate::limits::Limits;
use crate::memory;
use crate::places::PlaceLimits;
use crate::variables::Values;

/// Serve the components of a spin.toml, without Spin.
#[derive(Clone, Debug, Parser)]
#[command(name = "postern-host", version, about, args_override_self = true)]
pub struct Options {
    /// The manifest, or the directory of a spin.toml
    #[arg(short = 'f', long, value_name = "PATH", default_value = ".")]
    pub from: PathBuf,

    /// IP address and port to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// Where stores and compiled code are kept [default: .spin beside the manifest]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,

    /// Spin's runtime configuration: key-value stores and blocked networks
    #[arg(long, value_name = "FILE")]
    pub runtime_config_file: Option<PathBuf>,

    /// Set a variable; may be repeated. SPIN_VARIABLE_NAME in the environment does the same
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_variable)]
    pub variable: Vec<(String, String)>,

    /// If nothing sets the variable public_url, set it to the address that is listened on
    #[arg(long)]
    pub derive_public_url: bool,

    /// Where compiled code is kept [default: cache in the state directory]
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,

    /// Keep no compiled code
    #[arg(long, conflicts_with = "cache_dir")]
    pub disable_cache: bool,

    /// Time until a component has to respond, such as 30s or 500ms
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_duration)]
    pub request_timeout: Duration,

    /// Processor time that a request may use
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    pub cpu_timeout: Duration,

    /// Time that an instance is kept without requests
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    pub idle_instance_timeout: Duration,

    /// Memory that an instance may use, in MiB; max_instance_memory of the runtime configuration goes before
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub max_instance_memory: u32,

    /// Memory that all instances may use together, in MiB. A request that needs more waits, and gets a 503
    /// if that takes too long [default: half of the memory of the machine or container]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(16..))]
    pub max_total_memory: Option<u32>,

    /// Requests that an instance serves before it is replaced
    #[arg(long, value_name = "COUNT", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_instance_reuse_count: u32,

    /// Requests that an instance serves at once. Spin's default is 16; with more than one, a tool that
    /// loops or traps takes others with it
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub max_instance_concurrent_reuse_count: u32,

    /// Requests that are served at once; more have to wait, and get a 503 if that takes too long
    #[arg(long, value_name = "COUNT", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub max_concurrent_requests: u32,

    /// Of those, responses that go on as streams; the other places are kept for short ones. A new stream
    /// ends the oldest one of the client that has the most [default: three quarters of the requests at once]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub max_streams: Option<u32>,

    /// Requests at once from one client address, which loopback and private addresses are not; more have to
    /// wait, and get a 429 if that takes too long [default: half of the requests at once]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub max_requests_per_address: Option<u32>,

    /// The same with one value of the Authorization header [default: a quarter of the requests at once]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub max_requests_per_credential: Option<u32>,

    /// Bytes a second that the body of a request has to arrive with, in every five seconds; slower ones get
    /// a 408
    #[arg(long, value_name = "BYTES", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub min_body_rate: u32,

    /// Serve even if a component cannot: normally each is asked for one of its pages first, and the host ends
    /// with the reason if the answer is a 500
    #[arg(long)]
    pub no_start_check: bool,

    /// Send responses as Spin 4.1 does: with Nagle's algorithm, and the head before the body
    #[arg(long, hide = true)]
    pub imitate_spin_latency: bool,

    /// Count the instructions that guests execute, and log them when an instance ends. It makes them slower
    #[arg(long)]
    pub count_instructions: bool,

    /// Do not log requests
    #[arg(short, long)]
    pub quiet: bool,
}

impl Options {
    /// The limits that these options set.
    pub fn limits(&self) -> Limits {
        let at_once = self.max_concurrent_requests as usize;
        let share =
            |option: Option<u32>, default: usize| option.map_or(default.max(1), |count| count as usize);
        Limits {
            memory: (self.max_instance_memory as usize) << 20,
            total_memory: self
                .max_total_memory
                .map_or_else(memory::half_of_machine, |mib| (mib as usize) << 20),
            cpu: self.cpu_timeout,
            request: self.request_timeout,
            idle: self.idle_instance_timeout,
            requests_per_instance: self.max_instance_reuse_count as usize,
            requests_at_once: self.max_instance_concurrent_reuse_count as usize,
            places: PlaceLimits {
                all: at_once,
                streams: share(self.max_streams, at_once * 3 / 4),
                per_address: share(self.max_requests_per_address, at_once / 2),
                per_credential: share(self.max_requests_per_credential, at_once / 4),
            },
            least_body_rate: self.min_body_rate as usize,
            count_instructions: self.count_instructions,
        }
    }

    /// The variables that were given; of two with one name the later wins.
    pub fn variables(&self) -> Values {
        self.variable.iter().cloned().collect()
    }

    /// The state directory of an application in `directory`.
    pub fn state_dir(&self, directory: &Path) -> PathBuf {
        self.state_dir.clone().unwrap_or_else(|| directory.join(".spin"))
    }

    /// Where compiled code is kept.
    pub fn cache_dir(&self, state_dir: &Path) -> Option<PathBuf> {
        let chosen = || self.cache_dir.clone().unwrap_or_else(|| state_dir.join("cache"));
        (!self.disable_cache).then(chosen)
    }
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a variable is given as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// As in Spin: seconds, unless another unit follows.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000)];
    let (number, milliseconds) = units
        .iter()
        .find_map(|(unit, milliseconds)| Some((text.strip_suffix(unit)?, *milliseconds)))
        .unwrap_or((text, 1000));
    let number: u64 = number.parse().map_err(|_| "a time is a number and a unit: ms, s or m".to_owned())?;
    match number.checked_mul(milliseconds) {
        Some(0) | None => Err("the time is out of range".to_owned()),
        // Longer than anything here lives, and short enough to be added to a clock.
        Some(milliseconds) => Ok(Duration::from_millis(milliseconds.min(86_400_000 * 365))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MCP-T-05.
    #[test]
    fn the_defaults_are_the_documented_ones() {
        let options = Options::parse_from(["postern-host"]);
        assert_eq!(options.listen.to_string(), "127.0.0.1:3000");
        assert_eq!(options.state_dir(Path::new("app")), Path::new("app/.spin"));
        let limits = options.limits();
        assert_eq!((limits.requests_per_instance, limits.memory), (128, 256 << 20));
        assert_eq!(limits.requests_at_once, 1);
        let PlaceLimits { all, streams, per_address, per_credential } = limits.places;
        assert_eq!((all, streams, per_address, per_credential), (512, 384, 256, 128));
        assert_eq!(limits.least_body_rate, 1024);
    }

    #[test]
    fn shares_follow_the_number_of_requests_and_are_never_nothing() {
        let places = |arguments: &[&str]| {
            let arguments = ["postern-host"].iter().chain(arguments);
            let PlaceLimits { all, streams, per_address, per_credential } =
                Options::parse_from(arguments).limits().places;
            (all, streams, per_address, per_credential)
        };
        assert_eq!(places(&["--max-concurrent-requests", "16"]), (16, 12, 8, 4));
        assert_eq!(places(&["--max-concurrent-requests", "1"]), (1, 1, 1, 1));
        assert_eq!(
            places(&[
                "--max-streams",
                "5",
                "--max-requests-per-address",
                "6",
                "--max-requests-per-credential",
                "7"
            ]),
            (512, 5, 6, 7)
        );
    }

    #[test]
    fn variables_may_hold_equal_signs() {
        let options = Options::parse_from(["postern-host", "--variable", "a=b=c", "--variable", "d="]);
        let expected = [("a", "b=c"), ("d", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(options.variables(), Values::from(expected));
    }

    #[test]
    fn times_have_units() {
        for (text, milliseconds) in [("2", 2000), ("2s", 2000), ("2ms", 2), ("2m", 120_000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "0", "-1", "1h", "99999999999999999999", "999999999999999999m"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
