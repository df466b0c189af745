//! The ring `languages`: what somebody does who has tools to offer, once in each language. In a copy of the repository:
//! `new`, build, serve, sign in, list, call. Since `new` copies the examples, this is their test too.

use crate::command::{Program, root, target_dir};
use crate::manifest::Manifest;
use crate::new::{self, Language};
use crate::server::Server;
use crate::tally::Tally;
use crate::{build, clients, guest};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What the component is called. Two words, because files of Rust's have another sign between them.
const NAME: &str = "trial-tools";

/// What of the repository is not copied.
const LEFT_OUT: [&str; 5] = [".git", ".spin", "node_modules", "target", "__pycache__"];

/// Why a language cannot be tried on this machine, if that is so. What it takes is installed, if it can be.
pub(crate) fn fault(word: &str, language: Language) -> Option<String> {
    let example = root().join(language.example());
    let installed = match language {
        Language::Rust => Ok(()),
        Language::Python => {
            let environment = guest::python_environment(&scratch(word).join("target"), NAME);
            clients::python_with(&example.join(guest::REQUIREMENTS), &environment).map(drop)
        }
        Language::JavaScript => match clients::node_fault() {
            Some(fault) => return Some(fault),
            None => clients::install_packages(&example),
        },
    };
    installed.err().map(|error| format!("{error:#}"))
}

fn scratch(word: &str) -> PathBuf {
    target_dir().join("languages").join(word)
}

/// Tries the language that is called `word` on the command line, with what else is served already built.
pub(crate) fn ring(word: &str, language: Language) -> Result<Tally> {
    let scratch = scratch(word);
    copy_repository(&scratch)?;
    let start = Instant::now();
    task(&scratch, &["new", NAME, "--lang", word])?;
    build_component(&scratch, language)?;
    let built = start.elapsed();
    let manifest = scratch.join("spin.toml");
    let arguments =
        ["--from".into(), manifest.into(), "--cache-dir".into(), scratch.join("target/cache").into()];
    let mut server = Server::start_with(&build::host_file(), &format!("language-{word}"), &arguments)?;
    let serving = start.elapsed();
    let tally = Program::cargo()
        .args(["test", "--no-fail-fast", "-p", "postern-tests", "--test", "languages"])
        .env("BASE_URL", &server.base_url)
        .env("RUST_BACKTRACE", "0")
        .tally()?;
    if tally.failed > 0 {
        server.keep = true;
        println!("What the server said: {}", server.log().display());
    }
    println!("{word}: built in {}, serving {} after `new`", seconds(built), seconds(serving));
    Ok(tally)
}

fn seconds(time: Duration) -> String {
    format!("{:.0} s", time.as_secs_f64())
}

/// Runs a task of this program as if the copy were the repository.
fn task(scratch: &Path, arguments: &[&str]) -> Result<()> {
    let program = std::env::current_exe().context("which program this is")?;
    Program::new(program)
        .args(arguments)
        .env("CARGO_MANIFEST_DIR", scratch.join("xtask"))
        .in_dir(scratch)
        .run()
}

/// Runs the build command that `new` wrote. What is not the component's own is built already, and taken from there.
fn build_component(scratch: &Path, language: Language) -> Result<()> {
    let commands = Manifest::read(&scratch.join("spin.toml"))?.build_commands();
    let mut own = commands.iter().filter(|(command, _)| command.contains(NAME));
    let (command, _) = own.next().context("spin.toml does not build the component")?;
    let file = new::file(language, NAME);
    let release = scratch.join(&file);
    let release = release.parent().context("a file is in a folder")?;
    copy_components(release)?;
    match command.strip_prefix("cargo xtask ") {
        // This program, and not a second one of the copy.
        Some(task_line) => task(scratch, &task_line.split(' ').collect::<Vec<_>>())?,
        None => {
            // Beside the rest, so that what both are made of is compiled once.
            Program::shell(command).env("CARGO_TARGET_DIR", target_dir()).in_dir(scratch).run()?;
            std::fs::copy(root().join(&file), scratch.join(&file))?;
        }
    }
    ensure!(scratch.join(&file).is_file(), "`{command}` did not make {file}");
    Ok(())
}

fn copy_components(to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for file in Manifest::read(&root().join("spin.toml"))?.files() {
        std::fs::copy(&file, to.join(file.file_name().unwrap_or_default()))
            .with_context(|| format!("no {}", file.display()))?;
    }
    Ok(())
}

/// Makes a fresh copy. What an earlier one has downloaded and built is kept.
fn copy_repository(to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in std::fs::read_dir(to)? {
        let path = entry?.path();
        if path.is_file() {
            std::fs::remove_file(path)?;
        } else if !path.ends_with("target") {
            std::fs::remove_dir_all(path)?;
        }
    }
    copy(&root(), to).with_context(|| format!("copying the repository to {}", to.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let path: PathBuf = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        if path.is_dir() {
            std::fs::create_dir_all(to.join(name))?;
            copy(&path, &to.join(name))?;
        } else {
            std::fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}
