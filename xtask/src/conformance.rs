//! The task `conformance`: the official suite, against the real components with the suite's tools in the place
//! of the example's.
//!
//! They come in as a user's own would: by the lines of `spin.toml` that name the file. What is served is
//! `target/conformance/spin.toml`, the same manifest with those lines changed.

use crate::command::{Program, root, target_dir};
use crate::server::Server;
use crate::tally::Tally;
use crate::{build, clients};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What is exchanged: the file that `spin.toml` names, and the package that is built in its place.
const SWAPS: [(&str, &str); 3] = [
    ("tools.wasm", "conformance-tools"),
    ("guide.wasm", "conformance-resources"),
    ("prompts.wasm", "conformance-prompts"),
];

/// Where the components are, as `spin.toml` says it.
const COMPONENTS: &str = "target/wasm32-wasip2/release/";

/// How the host gives requests to instances: what is added to the names of the sets, and the host's flags.
/// What a client sees may not depend on which instance takes its next request, nor on who else is in it.
const VARIANTS: [(&str, &[&str]); 3] = [
    ("", &[]),
    ("+new-instances", &["--max-instance-reuse-count", "1"]),
    ("+shared-instances", &["--max-instance-concurrent-reuse-count", "16"]),
];

/// The task `conformance`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let all = match arguments {
        [] => false,
        [all] if all == "--all" => true,
        [other, ..] => bail!("`conformance` knows no `{other}`"),
    };
    if let Some(missing) = clients::node_fault() {
        bail!("{missing}");
    }
    build::components(&root().join("spin.toml"))?;
    build::host()?;
    let tally = variants(if all { VARIANTS.len() } else { 1 })?;
    println!("{tally}");
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All variants, with what the manifest names and the host already built, and what else there is to see on
/// such a server. Counts scenarios and tests.
pub(crate) fn ring() -> Result<Tally> {
    let mut tally = variants(VARIANTS.len())?;
    tally += Program::cargo()
        .args(["test", "--no-fail-fast", "-p", "postern-tests", "--test", "conformance"])
        .env("POSTERN_HOST", build::host_file())
        .env("RUST_BACKTRACE", "0")
        .tally()?;
    Ok(tally)
}

fn variants(count: usize) -> Result<Tally> {
    clients::install_packages(&clients::conformance_dir())?;
    build_swapped()?;
    let manifest = write_manifest()?;
    let mut tally = Tally::default();
    for (suffix, flags) in VARIANTS.into_iter().take(count) {
        tally += suite(&manifest, suffix, flags)?;
    }
    Ok(tally)
}

/// Starts a server and runs the suite against it.
fn suite(manifest: &Path, suffix: &str, flags: &[&str]) -> Result<Tally> {
    let dir = dir();
    let mut arguments =
        vec!["--from".into(), manifest.into(), "--cache-dir".into(), dir.join("cache").into()];
    arguments.extend(flags.iter().map(Into::into));
    let mut server = Server::start_with(&build::host_file(), &format!("conformance{suffix}"), &arguments)?;
    let tally = Program::new(node())
        .args(["run.js", &server.base_url])
        .args([dir.join("results")])
        .args([suffix])
        .in_dir(clients::conformance_dir())
        .tally()?;
    if tally.failed > 0 {
        server.keep = true;
        println!("What the server said: {}", server.log().display());
    }
    Ok(tally)
}

/// The suite needs a newer Node than the other clients, and its packages bring one along where they can.
fn node() -> PathBuf {
    let own = clients::conformance_dir().join("node_modules/.bin/node");
    if own.exists() { own } else { "node".into() }
}

fn dir() -> PathBuf {
    target_dir().join("conformance")
}

fn build_swapped() -> Result<()> {
    let packages = SWAPS.iter().flat_map(|(_, package)| ["-p", package]);
    let target = ["build", "--release", "--target", build::WASM_TARGET];
    Program::cargo().args(target).args(packages).run()
}

fn write_manifest() -> Result<PathBuf> {
    let manifest = std::fs::read_to_string(root().join("spin.toml")).context("no spin.toml")?;
    let file = dir().join("spin.toml");
    std::fs::create_dir_all(dir())?;
    std::fs::write(&file, swapped(&manifest, &SWAPS)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// The manifest with the files exchanged, for a folder that lies two below the root.
pub(crate) fn swapped(manifest: &str, swaps: &[(&str, &str)]) -> Result<String> {
    let mut swapped = manifest.to_owned();
    for (file, package) in swaps {
        let (from, to) =
            (format!("{COMPONENTS}{file}\""), format!("{COMPONENTS}{}.wasm\"", package.replace('-', "_")));
        if !swapped.contains(&from) {
            bail!("spin.toml names no {COMPONENTS}{file}, so there is nothing to exchange");
        }
        swapped = swapped.replace(&from, &to);
    }
    Ok(swapped.replace(&format!("\"{COMPONENTS}"), &format!("\"../../{COMPONENTS}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_exchanged_and_nothing_else() {
        let manifest = std::fs::read_to_string(root().join("spin.toml")).unwrap();
        let swapped = swapped(&manifest, &SWAPS).unwrap();
        let changed: Vec<&str> = manifest
            .lines()
            .zip(swapped.lines())
            .filter(|(before, after)| *before != after.replace("../../", ""))
            .map(|(before, _)| before)
            .collect();
        assert_eq!(manifest.lines().count(), swapped.lines().count());
        assert!(!changed.is_empty());
        assert!(
            changed.iter().all(|line| line.starts_with("\"postern:") && line.contains("@")),
            "{changed:?}"
        );
    }

    #[test]
    fn a_manifest_without_the_file_is_not_served_unchanged() {
        assert!(swapped("source = \"target/wasm32-wasip2/release/mcp.wasm\"", &SWAPS).is_err());
    }
}
