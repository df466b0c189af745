//! Building a tools component in Python or JavaScript: the packages that its lock names are installed, it is built if
//! something changed since the last time, and what it declares is checked.
//!
//! Reading order: [`component`], then [`inputs`] for what counts as a change, [`declarations`] for what is refused, and
//! [`failure`] for how an error is shown.

mod declarations;
mod failure;
mod inputs;
mod schema;

use crate::command::{Program, find_program, root, target_dir};
use crate::{build, clients};
use anyhow::{Context, Result, bail};
use declarations::{Declarations, Mistake};
use failure::Failure;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The world that a tools component exports, and where it is.
const WORLD: &str = "tool-provider";

/// The file that says which packages of Python a component takes.
pub(crate) const REQUIREMENTS: &str = "requirements.txt";

/// The module that builds `app` and reports on it.
const ENTRY: (&str, &str) = ("postern_entry", include_str!("entry.py"));

/// The script that reports on a module of JavaScript.
const DESCRIBE: (&str, &str) = ("describe.mjs", include_str!("describe.mjs"));

/// What a language calls the things that a mistake can be in.
pub(crate) struct LanguageWords {
    /// What a tool's description is written as.
    description: &'static str,
    /// How to write one.
    description_advice: &'static str,
    /// The two values of a hint.
    booleans: &'static str,
}

const PYTHON_WORDS: LanguageWords = LanguageWords {
    description: "docstring",
    description_advice: "write \"\"\"What the tool does.\"\"\" as the first line of the function",
    booleans: "True or False",
};

const JAVASCRIPT_WORDS: LanguageWords = LanguageWords {
    description: "description",
    description_advice: "write description: \"What the tool does.\" in its second argument",
    booleans: "true or false",
};

/// The task `build DIR`.
pub(crate) fn run(dir: &Path) -> Result<ExitCode> {
    let file = component(&root().join(dir))?;
    println!("{}", file.display());
    Ok(ExitCode::SUCCESS)
}

/// A component that is being built.
struct Guest {
    /// Its folder.
    dir: PathBuf,
    /// The folder as messages name it.
    shown: String,
    /// The folder's name.
    name: String,
    /// Where the build leaves what it needs in between.
    scratch: PathBuf,
}

/// Builds the component in a folder if something changed, and returns its file: named for the folder, beside those of
/// Rust.
pub(crate) fn component(dir: &Path) -> Result<PathBuf> {
    let dir = std::path::absolute(dir)?;
    let name = dir.file_name().with_context(|| format!("{} has no name", dir.display()))?;
    let name = name.to_string_lossy().into_owned();
    let shown = dir.strip_prefix(root()).unwrap_or(&dir).display().to_string();
    let release = target_dir().join(build::WASM_TARGET).join("release");
    let scratch = target_dir().join("guests").join(&name);
    for folder in [&release, &scratch] {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let file = release.join(&name).with_added_extension("wasm");
    let guest = Guest { dir, shown, name, scratch };
    let is_python = guest.dir.join(REQUIREMENTS).is_file();
    if is_python {
        clients::python_with(&guest.dir.join(REQUIREMENTS), &guest.environment())?;
    } else if guest.dir.join("package.json").is_file() {
        if let Some(fault) = clients::node_fault() {
            bail!("{fault}");
        }
        clients::install_packages(&guest.dir)?;
    } else {
        bail!("{} has neither a {REQUIREMENTS} nor a package.json", guest.shown);
    }
    let toolchain = if is_python { guest.environment() } else { guest.dir.join("node_modules") };
    let digest = inputs::digest(&guest.dir, &root().join("wit").join("tools"), &toolchain)?;
    let record = file.with_added_extension("inputs");
    if let Some(digest) = &digest
        && file.is_file()
        && std::fs::read_to_string(&record).is_ok_and(|known| known == *digest)
    {
        println!("{}: nothing changed since it was built", guest.shown);
        return Ok(file);
    }
    let new = guest.scratch.join("component.wasm");
    if is_python {
        guest.python(&new)?
    } else {
        guest.javascript(&new)?
    }
    // If this is interrupted, the old record must not stand beside the new file.
    let _ = std::fs::remove_file(&record);
    std::fs::rename(&new, &file).with_context(|| format!("cannot write {}", file.display()))?;
    if let Some(digest) = digest {
        std::fs::write(&record, digest).with_context(|| format!("cannot write {}", record.display()))?;
    }
    Ok(file)
}

/// Where the packages of a component of Python are, in this `target`.
pub(crate) fn python_environment(target: &Path, name: &str) -> PathBuf {
    target.join("python-components").join(name)
}

impl Guest {
    fn environment(&self) -> PathBuf {
        python_environment(&target_dir(), &self.name)
    }

    fn python(&self, file: &Path) -> Result<()> {
        let report = self.scratch.join("report.json");
        let _ = std::fs::remove_file(&report);
        std::fs::write(self.scratch.join(ENTRY.0).with_extension("py"), ENTRY.1)?;
        let python = clients::python_with(&self.dir.join(REQUIREMENTS), &self.environment())?;
        let program = python.with_file_name(format!("componentize-py{}", std::env::consts::EXE_SUFFIX));
        let (built, printed) = Program::new(program)
            .args(["--quiet", "--world", WORLD, "--wit-path"])
            .args([root().join("wit").join("tools")])
            .args(["componentize", ENTRY.0, "--python-path", ".", "--python-path"])
            .args([self.scratch.as_path(), Path::new("--output"), file])
            // Whatever else is installed there may be imported.
            .env("VIRTUAL_ENV", self.environment())
            .env("RUST_BACKTRACE", "0")
            .in_dir(&self.dir)
            .captured()?;
        let report =
            std::fs::read(&report).ok().and_then(|report| serde_json::from_slice::<Value>(&report).ok());
        if !built {
            let reported = report.as_ref().and_then(|report| Failure::reported(report.get("failure")?));
            return self.give_up(&reported.unwrap_or_else(|| Failure::of_componentize_py(&printed)));
        }
        self.judge(&report.unwrap_or_default(), &PYTHON_WORDS)
    }

    fn javascript(&self, file: &Path) -> Result<()> {
        let npm = find_program("npm").context("npm is missing")?;
        let (built, printed) = Program::new(npm)
            .args(["run", "--silent", "build", "--", "--output"])
            .args([file])
            .env("RUST_BACKTRACE", "0")
            .in_dir(&self.dir)
            .captured()?;
        if !built {
            return self.give_up(&Failure::of_componentize_qjs(&printed));
        }
        let script = self.scratch.join(DESCRIBE.0);
        std::fs::write(&script, DESCRIBE.1)?;
        let module = self.dir.join(self.javascript_module()?);
        let (_, printed) = Program::new("node").args([&script, &module]).in_dir(&self.dir).captured()?;
        // Node may print warnings of its own.
        let reports = printed.lines().filter(|line| line.starts_with('{'));
        let report = reports.filter_map(|line| serde_json::from_str::<Value>(line).ok()).next();
        self.judge(&report.unwrap_or_default(), &JAVASCRIPT_WORDS)
    }

    /// The module that the build command makes a component of.
    fn javascript_module(&self) -> Result<String> {
        let package = std::fs::read(self.dir.join("package.json"))?;
        let package: Value = serde_json::from_slice(&package)
            .with_context(|| format!("{}/package.json is not JSON", self.shown))?;
        let command = package.pointer("/scripts/build").and_then(Value::as_str).unwrap_or_default();
        let mut words = command.split_whitespace().skip_while(|word| !matches!(*word, "--js" | "-j"));
        Ok(words.nth(1).unwrap_or("app.js").to_owned())
    }

    /// Refuses a component that was built, if what it declares has mistakes.
    fn judge(&self, report: &Value, words: &LanguageWords) -> Result<()> {
        let Some(declared) = Declarations::read(report) else {
            let why = report.pointer("/failure/message").and_then(Value::as_str);
            let why = why.unwrap_or("it could not be read");
            println!("{}: built, but what its tools declare was not checked: {why}", self.shown);
            return Ok(());
        };
        let mistakes = declared.mistakes(words);
        for Mistake { place, what } in &mistakes {
            let place = place.as_ref().map(|place| format!("/{}:{}", place.file, place.line));
            eprintln!("{}{}: {what}", self.shown, place.unwrap_or_default());
        }
        match mistakes.len() {
            0 => Ok(()),
            1 => bail!("{} is not built: its tools have a mistake", self.shown),
            more => bail!("{} is not built: its tools have {more} mistakes", self.shown),
        }
    }

    fn give_up(&self, failure: &Failure) -> Result<()> {
        eprintln!("{}", failure.show(&self.shown, &self.dir));
        bail!("{} is not built", self.shown);
    }
}
