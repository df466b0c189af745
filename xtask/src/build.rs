//! Building the components, as `spin build` does, and the server that runs them.

use crate::command::{Program, root, target_dir};
use crate::manifest::Manifest;
use crate::{guest, shrink};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The target that components are built for.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip2";

/// The manifests that are published, the usual one first.
pub(crate) const MANIFESTS: [&str; 2] = ["spin.toml", "spin.external-provider.toml"];

/// The task `build`.
pub(crate) fn run() -> Result<ExitCode> {
    finished_components()?;
    println!("{}", finished_host()?.display());
    Ok(ExitCode::SUCCESS)
}

/// Builds what the published manifests name.
pub(crate) fn all_components() -> Result<()> {
    MANIFESTS.iter().try_for_each(|file| components(&root().join(file)))
}

/// The same, made as small as they are published. What is given back says why they could not be.
pub(crate) fn finished_components() -> Result<Option<String>> {
    all_components()?;
    shrink::all_components()
}

/// Runs every build command of the manifest once.
pub(crate) fn components(manifest: &Path) -> Result<()> {
    add_wasm_target()?;
    let manifest = Manifest::read(manifest)?;
    for (command, dir) in manifest.build_commands() {
        println!("{command}");
        if let (Some(folder), true) = (guest_folder(&command), dir == root()) {
            // What the command would start is this program again.
            guest::component(&root().join(folder))?;
            continue;
        }
        // The manifest names files in its own `target`, wherever else this user lets cargo build.
        Program::shell(&command)
            .in_dir(&dir)
            .env("CARGO_TARGET_DIR", manifest.dir.join("target"))
            .succeeds()?
            .then_some(())
            .with_context(|| format!("`{command}` failed"))?;
    }
    Ok(())
}

/// The folder of a component in Python or JavaScript that a build command builds.
pub(crate) fn guest_folder(command: &str) -> Option<&str> {
    let folder = command.strip_prefix("cargo xtask build ")?.trim();
    (!folder.is_empty() && !folder.starts_with('-') && !folder.contains(char::is_whitespace))
        .then_some(folder)
}

/// Builds the server and returns its file.
pub(crate) fn host() -> Result<PathBuf> {
    host_as("host", "The first time this takes about five minutes; later, seconds.")
}

/// The server that tests start: the one that `POSTERN_HOST` names, or the bundled one, which is built.
pub(crate) fn host_under_test() -> Result<PathBuf> {
    match other_host() {
        Some(file) => Ok(file),
        None => host(),
    }
}

/// The program that `POSTERN_HOST` names: it takes the bundled host's flags.
pub(crate) fn other_host() -> Option<PathBuf> {
    let file = std::env::var_os("POSTERN_HOST").filter(|file| !file.is_empty())?;
    // Tests run in other folders.
    Some(std::path::absolute(&file).unwrap_or_else(|_| file.into()))
}

/// The same, made as fast as it can be.
pub(crate) fn finished_host() -> Result<PathBuf> {
    host_as("host-finished", "The first time this takes about ten minutes, and after each change some.")
}

fn host_as(profile: &str, patience: &str) -> Result<PathBuf> {
    let file = host_file_as(profile);
    if !file.exists() {
        println!("Building the server. {patience}");
    }
    Program::cargo().args(["build", "--profile", profile, "-p", "postern-host"]).run()?;
    if !file.exists() {
        bail!("cargo built the server, and it is not at {}", file.display());
    }
    Ok(file)
}

/// Where the server is once it has been built.
pub(crate) fn host_file() -> PathBuf {
    host_file_as("host")
}

fn host_file_as(profile: &str) -> PathBuf {
    target_dir().join(profile).join(format!("postern-host{}", std::env::consts::EXE_SUFFIX))
}

/// Whether the standard library for components is here.
pub(crate) fn has_wasm_target() -> Result<bool> {
    let sysroot = Program::new("rustc").args(["--print", "sysroot"]).output()?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(WASM_TARGET).join("lib").is_dir())
}

fn add_wasm_target() -> Result<()> {
    if has_wasm_target()? {
        return Ok(());
    }
    if crate::command::find_program("rustup").is_none() {
        bail!(
            "Rust's {WASM_TARGET} target is missing, and there is no rustup to add it with. Install Rust from \
             https://rustup.rs, or your distribution's package of the standard library for {WASM_TARGET}"
        );
    }
    Program::new("rustup")
        .args(["target", "add", WASM_TARGET])
        .run()
        .context("adding the target for components")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_that_build_a_folder_are_run_in_this_process() {
        assert_eq!(guest_folder("cargo xtask build tools/weather"), Some("tools/weather"));
        for command in
            ["cargo xtask build", "cargo xtask build a && b", "cargo xtask build --x", "cargo build -p a"]
        {
            assert_eq!(guest_folder(command), None, "{command}");
        }
    }
}
