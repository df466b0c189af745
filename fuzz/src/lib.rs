//! Fuzz targets for every parser of outside bytes.
//!
//! A [`Target`] takes any bytes and panics when a property does not hold: that the parser does not panic,
//! and what the parser promises, checked in another way than the parser does. [`driver`] generates the
//! bytes: it mutates interesting inputs, and keeps those with an outcome that no
//! other input had. It is bounded by a count, runs on stable Rust, and is deterministic:
//!
//! ```text
//! cargo test -p postern-fuzz                                    a bounded number of inputs for each target
//! cargo run --release -p postern-fuzz -- redirect_uri 10000000  for longer, from a random start
//! cargo +nightly fuzz run redirect_uri --features libfuzzer     guided by coverage, without an end
//! ```
//!
//! An input that once broke a property belongs in the seeds of its target.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a target says that something does not hold"
)]

mod authorization_server;
pub mod driver;
mod mcp_server;
mod values;

/// A parser under test.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, which is also the name of its cargo-fuzz target.
    pub name: &'static str,
    /// Runs the parser; panics when a property does not hold. Returns the outcome in a few words:
    /// an input with a new outcome is mutated further.
    pub run: fn(&[u8]) -> String,
    /// The first inputs.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words that have a meaning to the parser.
    pub words: &'static [&'static str],
    /// How many inputs a test runs.
    pub iterations: u32,
}

/// All targets.
pub const TARGETS: [Target; 10] = [
    values::FORM,
    authorization_server::REGISTRATION,
    authorization_server::REDIRECT_URI,
    values::SEALED,
    values::CREDENTIAL,
    authorization_server::COOKIE,
    mcp_server::JSONRPC,
    mcp_server::MIRRORED_HEADER,
    values::JWT,
    values::FETCH_URL,
];

/// Returns the target of this name.
pub fn find(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Runs a target on one input. cargo-fuzz calls it.
pub fn run(name: &str, input: &[u8]) {
    let target = find(name).unwrap_or_else(|| panic!("there is no target {name}"));
    (target.run)(input);
}

/// Returns the member names of a JSON object, as an outcome.
fn shape(input: &[u8]) -> String {
    let members = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(input);
    members.map(|members| members.keys().cloned().collect::<Vec<_>>().join(" ")).unwrap_or_default()
}

/// Splits a text at the first line break.
fn two_lines(input: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(input).ok()?.split_once('\n')
}
