//! The command line. Where Spin has a flag for the same thing, it has the same name here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;

use crate::limits::Limits;
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
        Limits {
            memory: (self.max_instance_memory as usize) << 20,
            cpu: self.cpu_timeout,
            request: self.request_timeout,
            idle: self.idle_instance_timeout,
            requests_per_instance: self.max_instance_reuse_count as usize,
            requests_at_once: self.max_instance_concurrent_reuse_count as usize,
            concurrent_requests: self.max_concurrent_requests as usize,
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
