//! The ring `languages`: what a tool author does, once in each language. In a copy of the repository:
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
    let main = scratch.join(language.folder(NAME)).join(language.main_file());
    let failing = failing_tool(language).unwrap_or_default();
    let text = std::fs::read_to_string(&main)? + failing;
    std::fs::write(&main, &text)?;
    build_component(&scratch, language)?;
    let built = start.elapsed();
    let mut tally = Tally::default();
    if let Some(mistakes) = mistakes(language) {
        println!("{word}: a build with mistakes, and one without a change");
        match builds_are_judged(&scratch, &main, &text, mistakes) {
            Ok(()) => tally.passed += 1,
            Err(error) => {
                println!("{error:#}");
                tally.failed += 1;
            }
        }
    }
    let manifest = scratch.join("spin.toml");
    let arguments =
        ["--from".into(), manifest.into(), "--cache-dir".into(), scratch.join("target/cache").into()];
    let mut server = Server::start_with(&build::host_file(), &format!("language-{word}"), &arguments)?;
    let serving = start.elapsed();
    tally += Program::cargo()
        .args(["test", "--no-fail-fast", "-p", "postern-tests", "--test", "languages"])
        .env("BASE_URL", &server.base_url)
        .env("RUST_BACKTRACE", "0")
        // Where an exception of the failing tool is to be found, and as what.
        .env("SERVER_LOG", server.log())
        .env("FAILING_TOOL", failing_tool(language).map(|_| word).unwrap_or_default())
        .tally()?;
    if tally.failed > 0 {
        server.keep = true;
        println!("What the server said: {}", server.log().display());
    }
    println!("{word}: built in {}, serving {} after `new`", seconds(built), seconds(serving));
    Ok(tally)
}

/// A tool whose mistake shows only when it runs, added to the component's main file.
fn failing_tool(language: Language) -> Option<&'static str> {
    match language {
        Language::Rust => None,
        Language::Python => Some(
            "\n\ndef inner(secret: float) -> float:\n    return 1 / secret\n\n\n@tool()\ndef fail_inside() -> float:\n    \
             \"\"\"Fails.\"\"\"\n    return inner(0)\n",
        ),
        Language::JavaScript => Some(
            "\nconst inner = (secret) => secret.nothing();\ntool(\"fail_inside\", { description: \"Fails.\" }, () => {\n  \
             return inner({});\n});\n",
        ),
    }
}

/// Lines with mistakes that Rust's compiler finds, and what is said of each. The compiler has tests of its own.
fn mistakes(language: Language) -> Option<(&'static str, &'static [&'static str])> {
    match language {
        Language::Rust => None,
        Language::Python => Some((
            "\n\n@tool(scopes=[\"never:declared\"])\ndef wrong(number: Annotated[float, {\"minimum\": \"zero\"}]) -> \
             float:\n    return number\n",
            &["has no docstring", "`never:declared`, which is not declared", "`minimum` is \"zero\""],
        )),
        Language::JavaScript => Some((
            "\nconst zero = { type: \"number\", minimum: \"zero\" };\ntool(\"wrong\", { scopes: [\"never:declared\"], input: \
             { number: zero } }, () => \"\");\n",
            &["has no description", "`never:declared`, which is not declared", "`minimum` is \"zero\""],
        )),
    }
}

/// Builds the component with mistakes, which is refused with their places, and then without any change, which is quick.
fn builds_are_judged(
    scratch: &Path,
    main: &Path,
    good: &str,
    (mistakes, complaints): (&str, &[&str]),
) -> Result<()> {
    let dir = main.parent().context("a file is in a folder")?;
    let dir = dir.strip_prefix(scratch)?.display().to_string();
    let build = || {
        Program::new(std::env::current_exe()?)
            .args(["build", &dir])
            .env("CARGO_MANIFEST_DIR", scratch.join("xtask"))
            .captured()
    };
    let (_, printed) = build()?;
    ensure!(printed.contains("nothing changed since it was built"), "it was built again: {printed}");
    std::fs::write(main, format!("{good}{mistakes}"))?;
    let refused = build();
    std::fs::write(main, good)?;
    let (built, printed) = refused?;
    ensure!(!built, "it was built, in spite of its mistakes: {printed}");
    let name = main.file_name().unwrap_or_default().to_string_lossy();
    // Each is told at the tool, which is below the lines that were there before, and nothing else is.
    let place = printed.lines().next().and_then(|line| line.strip_prefix(&format!("{dir}/{name}:")));
    let line = place.and_then(|rest| rest.split(':').next()).and_then(|line| line.parse::<usize>().ok());
    ensure!(line.is_some_and(|line| line > good.lines().count()), "no place: {printed}");
    for complaint in complaints {
        ensure!(printed.contains(complaint), "no word of {complaint}: {printed}");
    }
    ensure!(printed.lines().count() == complaints.len() + 1, "more than the mistakes: {printed}");

    std::fs::write(main, format!("{good}\n}} not a line of any language (\n"))?;
    let refused = build();
    std::fs::write(main, good)?;
    let (built, printed) = refused?;
    ensure!(
        !built && printed.starts_with(&format!("{dir}/{name}:")),
        "no place of the syntax error: {printed}"
    );
    ensure!(printed.lines().count() <= 4 && !printed.contains("Traceback"), "more than the error: {printed}");
    // What was served so far is left as it was.
    ensure!(build()?.0, "the component cannot be built again");
    Ok(())
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
