//! Building a component that is not of Rust. What it takes is installed first, exactly as the folder's lock says.

use crate::command::{Program, find_program, root, target_dir};
use crate::{build, clients};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The world that a tools component exports, and where it is.
const WORLD: &str = "tool-provider";

/// The file that says which packages of Python a component takes.
pub(crate) const REQUIREMENTS: &str = "requirements.txt";

/// The task `build DIR`.
pub(crate) fn run(dir: &Path) -> Result<ExitCode> {
    let file = component(&root().join(dir))?;
    println!("{}", file.display());
    Ok(ExitCode::SUCCESS)
}

/// Builds the component in a folder, and returns its file: named for the folder, beside those of Rust.
pub(crate) fn component(dir: &Path) -> Result<PathBuf> {
    let dir = std::path::absolute(dir)?;
    let name = dir.file_name().with_context(|| format!("{} has no name", dir.display()))?;
    let release = target_dir().join(build::WASM_TARGET).join("release");
    std::fs::create_dir_all(&release).with_context(|| format!("cannot make {}", release.display()))?;
    let file = release.join(name).with_added_extension("wasm");
    if dir.join(REQUIREMENTS).is_file() {
        python(&dir, &name.to_string_lossy(), &file)?;
    } else if dir.join("package.json").is_file() {
        javascript(&dir, &file)?;
    } else {
        bail!("{} has neither a {REQUIREMENTS} nor a package.json", dir.display());
    }
    Ok(file)
}

fn python(dir: &Path, name: &str, file: &Path) -> Result<()> {
    let environment = python_environment(&target_dir(), name);
    let python = clients::python_with(&dir.join(REQUIREMENTS), &environment)?;
    let program = python.with_file_name(format!("componentize-py{}", std::env::consts::EXE_SUFFIX));
    Program::new(program)
        .args(["--quiet", "--world", WORLD, "--wit-path"])
        .args([root().join("wit").join("tools")])
        .args(["componentize", "app", "--output"])
        .args([file])
        // Whatever else is installed there may be imported.
        .env("VIRTUAL_ENV", &environment)
        .in_dir(dir)
        .run()
}

/// Where the packages of a component of Python are, in this `target`.
pub(crate) fn python_environment(target: &Path, name: &str) -> PathBuf {
    target.join("python-components").join(name)
}

fn javascript(dir: &Path, file: &Path) -> Result<()> {
    if let Some(fault) = clients::node_fault() {
        bail!("{fault}");
    }
    clients::install_packages(dir)?;
    let npm = find_program("npm").context("npm is missing")?;
    Program::new(npm).args(["run", "--silent", "build", "--", "--output"]).args([file]).in_dir(dir).run()
}
