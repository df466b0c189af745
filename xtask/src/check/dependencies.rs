//! The direction of dependency, from what cargo resolves.

use crate::build::WASM_TARGET;
use crate::command::Program;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::Path;

/// What a package must not reach, through however many others. A name that ends in `*` is a prefix.
struct Wall {
    packages: &'static [&'static str],
    may_not_reach: &'static [&'static str],
    because: &'static str,
}

const CORES: [&str; 7] =
    ["web-core", "store-core", "jwt-core", "oauth-core", "accounts-core", "mcp-core", "provider-core"];
const SERVERS: [&str; 4] = ["oauth-core", "accounts-core", "mcp-core", "provider-core"];
const COMPONENTS: [&str; 9] =
    ["oauth", "accounts", "mcp", "tools", "guide", "prompts", "empty", "introspection", "jwt-introspection"];
/// The components that a user replaces, and those that tests have in their place.
const REPLACED: [&str; 10] = [
    "tools",
    "example-tools",
    "guide",
    "prompts",
    "empty",
    "conformance-tools",
    "conformance-resources",
    "conformance-prompts",
    "hostile-tools",
    "seam-noop",
];

const OURS: [&str; 8] = [
    "platform",
    "web-core",
    "store-core",
    "jwt-core",
    "oauth-core",
    "accounts-core",
    "mcp-core",
    "provider-core",
];

const OUTSIDE: &str = "it sees the product from outside";

const WALLS: [Wall; 10] = [
    Wall {
        packages: &CORES,
        may_not_reach: &["spin-*", "wit-bindgen", "wasi", "wasip2", "wasip3", "tokio", "platform"],
        because: "a core does no I/O and builds natively",
    },
    Wall { packages: &CORES, may_not_reach: &COMPONENTS, because: "components depend on cores" },
    Wall {
        packages: &["oauth-core", "provider-core"],
        may_not_reach: &["mcp-core"],
        because: "they share WIT and RFCs, no code",
    },
    Wall {
        packages: &["mcp-core"],
        may_not_reach: &["oauth-core"],
        because: "they share WIT and RFCs, no code",
    },
    Wall {
        packages: &["web-core", "store-core", "jwt-core"],
        may_not_reach: &SERVERS,
        because: "it is below both servers",
    },
    Wall {
        packages: &["postern-tools", "postern-tools-macros"],
        may_not_reach: &OURS,
        because: "it is for components that a user writes, wherever they are",
    },
    Wall { packages: &REPLACED, may_not_reach: &OURS, because: "it is what a user replaces" },
    Wall { packages: &["postern-host"], may_not_reach: &OURS, because: "it runs components" },
    Wall { packages: &["postern-tests", "xtask"], may_not_reach: &OURS, because: OUTSIDE },
    Wall { packages: &["postern-tests", "xtask"], may_not_reach: &["postern-host"], because: OUTSIDE },
];

/// What is reached all the same, and does no harm: `boon` seeds its hash maps by way of `ahash` and `getrandom`, which
/// ask the host for chance. `mcp` may have it anyway; natively it is the operating system's.
const EXCEPTIONS: [(&str, &str); 2] = [("mcp-core", "wasip2"), ("mcp-core", "wit-bindgen")];

/// Fails when a package reaches what it must not.
pub(super) fn check() -> Result<()> {
    let mut faults = Vec::new();
    for wall in &WALLS {
        for package in wall.packages {
            let reached = reached(package)?;
            let reached =
                reached.iter().filter(|name| wall.may_not_reach.iter().any(|rule| matches(rule, name)));
            let reached = reached.filter(|name| !EXCEPTIONS.contains(&(*package, name.as_str())));
            faults.extend(reached.map(|name| format!("{package} reaches {name}: {}", wall.because)));
        }
    }
    // One component is no part of another; what they share is below them.
    for package in COMPONENTS {
        let others = reached(package)?.into_iter().filter(|name| COMPONENTS.contains(&name.as_str()));
        faults.extend(
            others.map(|name| format!("{package} reaches {name}: components meet in spin.toml only")),
        );
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(())
}

/// The names of the packages that cargo builds by default.
pub(crate) fn default_members() -> Result<Vec<String>> {
    let metadata = Program::cargo().args(["metadata", "--format-version=1", "--no-deps"]).output()?;
    let metadata: Value = serde_json::from_str(&metadata).context("what `cargo metadata` printed")?;
    let list = |key: &str| metadata.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let default = list("workspace_default_members");
    let members: Vec<String> = list("packages")
        .iter()
        .filter(|package| package.get("id").is_some_and(|id| default.contains(id)))
        .filter_map(|package| package.get("name")?.as_str().map(str::to_owned))
        .collect();
    if members.is_empty() {
        bail!("cargo names no default members in {}", Path::new("Cargo.toml").display());
    }
    Ok(members)
}

/// Everything below a package, on this machine and in a component. Not below it in tests.
fn reached(package: &str) -> Result<Vec<String>> {
    let tree = ["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", package];
    let mut names = Vec::new();
    for target in [None, Some(["--target", WASM_TARGET])] {
        let output = Program::cargo().args(tree).args(target.into_iter().flatten()).output()?;
        let lines = output.lines().filter_map(|line| line.split_whitespace().next());
        names.extend(lines.filter(|name| *name != package).map(str::to_owned));
    }
    names.sort();
    names.dedup();
    Ok(names)
}

fn matches(rule: &str, name: &str) -> bool {
    match rule.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == rule,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_match_whole_names_and_beginnings() {
        assert!(matches("tokio", "tokio") && !matches("tokio", "tokio-util"));
        assert!(matches("spin-*", "spin-sdk") && !matches("spin-*", "spinning"));
    }
}
