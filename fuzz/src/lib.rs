//! What parsers do with bytes that nobody foresaw.
//!
//! A [`Target`] takes any bytes and panics when something does not hold: that nothing panics, of course,
//! but above all what the parser promises, checked in another way than it does it. [`driver`] makes up the
//! bytes: it mutates inputs that are known to be interesting, and keeps those that had an outcome that no
//! other had. It is bounded by a count, takes stable Rust only, and does the same every time:
//!
//! ```text
//! cargo test -p postern-fuzz                                    a bounded number of inputs for each target
//! cargo run --release -p postern-fuzz -- redirect_uri 10000000  for longer, from another start every time
//! cargo +nightly fuzz run redirect_uri --features libfuzzer     guided by coverage, for as long as wanted
//! ```
//!
//! An input that broke something once belongs into the seeds of its target.
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

/// Something that takes bytes from outside.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, which is also that of its cargo-fuzz target.
    pub name: &'static str,
    /// Takes the bytes; panics when something does not hold. Returns what became of them, in a few words:
    /// an input with a new outcome is worth changing further.
    pub run: fn(&[u8]) -> String,
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words that mean something to the parser.
    pub words: &'static [&'static str],
    /// How many inputs a run of the tests takes.
    pub iterations: u32,
}

/// All of them.
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

/// The target of this name.
pub fn find(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Gives one input to a target: what cargo-fuzz calls.
pub fn run(name: &str, input: &[u8]) {
    let target = find(name).unwrap_or_else(|| panic!("there is no target {name}"));
    (target.run)(input);
}

/// The names in a JSON object: inputs that say other things are worth changing further.
fn shape(input: &[u8]) -> String {
    let members = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(input);
    members.map(|members| members.keys().cloned().collect::<Vec<_>>().join(" ")).unwrap_or_default()
}

/// A text before the first line break, and what follows.
fn two_lines(input: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(input).ok()?.split_once('\n')
}
