//! The task `check`: what has to hold besides the tests. Every rule is looked at, whatever became of
//! the one before, and the last thing printed says which do not hold.

mod dependencies;
mod layers;
pub(crate) mod rules;
mod sizes;
mod wit;

use crate::command::Program;
use crate::{build, privileges};
use anyhow::Result;
use std::process::ExitCode;
use std::time::Instant;

/// What builds natively and is nobody's dependency but the tests' and the developer's.
const NATIVE_PROGRAMS: [&str; 4] = ["xtask", "postern-tests", "postern-fuzz", "postern-bench"];

/// What builds for components only.
const WASM_PACKAGES: [&str; 17] = [
    "platform",
    "oauth",
    "accounts",
    "mcp",
    "tools",
    "example-tools",
    "guide",
    "prompts",
    "empty",
    "introspection",
    "jwt-introspection",
    "conformance-tools",
    "conformance-resources",
    "conformance-prompts",
    "hostile-tools",
    "seam-caller",
    "seam-noop",
];

type Rule = (&'static str, fn() -> Result<()>);

const RULES: [Rule; 13] = [
    ("format", format),
    ("dependency direction", dependencies::check),
    ("layers", layers::check),
    ("WIT is documented", wit::check),
    ("rules have tests", rules::check),
    ("lints, native", lint_native),
    ("lints, components", lint_components),
    ("lints, server", lint_host),
    ("documentation", document),
    ("documentation, platform", document_platform),
    ("components build", || build::finished_components().map(drop)),
    ("sizes", sizes::check),
    ("privileges", privileges::check),
];

/// The task `check`.
pub(crate) fn run() -> Result<ExitCode> {
    let mut results = Vec::new();
    for (name, rule) in RULES {
        println!("\n== {name} ==");
        let start = Instant::now();
        let outcome = rule();
        if let Err(error) = &outcome {
            println!("{error:#}");
        }
        results.push((name, outcome.is_ok(), start.elapsed().as_secs()));
    }
    println!();
    for (name, holds, seconds) in &results {
        println!("{:<6} {name:<28} {seconds:>4} s", if *holds { "ok" } else { "FAILED" });
    }
    let broken = results.iter().filter(|(_, holds, _)| !holds).count();
    println!("{} rules hold, {broken} do not", results.len() - broken);
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn format() -> Result<()> {
    Program::cargo().args(["fmt", "--all", "--check"]).run()
}

fn lint_native() -> Result<()> {
    // Without `-p`, cargo takes the default members; naming two more would leave those out.
    let members = dependencies::default_members()?;
    clippy().args(packages(members.iter().map(String::as_str).chain(NATIVE_PROGRAMS))).args(DENY).run()
}

fn lint_components() -> Result<()> {
    let target = ["--release", "--target", build::WASM_TARGET];
    Program::cargo().arg_clippy().args(target).args(packages(WASM_PACKAGES)).args(DENY).run()
}

/// In the server's own profile, so that what it is built from is compiled once.
fn lint_host() -> Result<()> {
    clippy().args(["--profile", "host", "-p", "postern-host"]).args(DENY).run()
}

const DENY: [&str; 3] = ["--", "-D", "warnings"];

fn clippy() -> Program {
    Program::cargo().arg_clippy().args(["--all-targets"])
}

fn packages<'a>(names: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    names.into_iter().flat_map(|name| ["-p", name])
}

fn document() -> Result<()> {
    let members = dependencies::default_members()?;
    documentation().args(packages(members.iter().map(String::as_str).chain(NATIVE_PROGRAMS))).run()
}

fn document_platform() -> Result<()> {
    documentation().args(["--target", build::WASM_TARGET, "-p", "platform"]).run()
}

fn documentation() -> Program {
    Program::cargo().args(["doc", "--no-deps", "--keep-going"]).env("RUSTDOCFLAGS", "-D warnings")
}

impl Program {
    fn arg_clippy(self) -> Self {
        self.args(["clippy", "--quiet", "--keep-going"])
    }
}
