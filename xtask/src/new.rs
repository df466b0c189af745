//! The task `new`: a component for somebody's own tools, a copy of the example in their language, named in `spin.toml`
//! in the place of the one that is there.
//!
//! The templates are the examples themselves, which the tests build and serve, so they cannot rot. Everything that can be
//! wrong is found before anything is written.

use crate::build::WASM_TARGET;
use crate::command::root;
use crate::manifest::Manifest;
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const MANIFEST: &str = "spin.toml";

/// What a tools component is to those that call it.
const INTERFACE: &str = "postern:tools/tools@0.1.0";

/// What an example is called in its own files.
const EXAMPLE: &str = "example-tools";

/// What tools leave behind when they run or build.
const LEFTOVERS: [&str; 4] = ["node_modules", "target", "__pycache__", ".venv"];

/// A language that there is an example in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    Python,
    JavaScript,
}

/// The languages, by the name that they are asked for with.
pub(crate) const LANGUAGES: [(&str, Language); 3] =
    [("rust", Language::Rust), ("python", Language::Python), ("js", Language::JavaScript)];

impl Language {
    /// The folder of its example.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Rust => "examples/rust",
            Self::Python => "examples/python",
            Self::JavaScript => "examples/javascript",
        }
    }

    /// Where a component is put. Cargo takes every folder of `components` for a package.
    pub(crate) fn folder(self, name: &str) -> String {
        match self {
            Self::Rust => format!("components/{name}"),
            Self::Python | Self::JavaScript => format!("tools/{name}"),
        }
    }

    fn build_command(self, name: &str) -> String {
        match self {
            Self::Rust => format!("cargo build --release --target {WASM_TARGET} -p {name}"),
            Self::Python | Self::JavaScript => format!("cargo xtask build {}", self.folder(name)),
        }
    }

    /// What `spin watch` looks at besides.
    fn watch(self, name: &str) -> Option<String> {
        let ending = match self {
            Self::Rust => return None,
            Self::Python => "py",
            Self::JavaScript => "js",
        };
        Some(format!("{}/*.{ending}", self.folder(name)))
    }

    /// The file to edit.
    fn main_file(self) -> &'static str {
        match self {
            Self::Rust => "src/lib.rs",
            Self::Python => "app.py",
            Self::JavaScript => "app.js",
        }
    }
}

/// The component's file, as the manifest names it.
pub(crate) fn file(language: Language, name: &str) -> String {
    let stem = if language == Language::Rust { name.replace('-', "_") } else { name.to_owned() };
    format!("target/{WASM_TARGET}/release/{stem}.wasm")
}

/// The task `new`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let (name, language) = parse(arguments)?;
    let before = scaffold(&root(), &name, language)?;
    let folder = language.folder(&name);
    let main = language.main_file();
    println!("Made {folder}, a copy of {}, and put it into {MANIFEST}:", language.example());
    println!("it is built with the rest, and serves `mcp` and `oauth` in the place of {before}.");
    println!();
    println!("  Serve   cargo xtask up");
    println!("  Edit    {folder}/{main}");
    println!("  Undo    delete {folder}, and in {MANIFEST} name {before} again");
    println!("          where {} is named, and take out its build command", file(language, &name));
    Ok(ExitCode::SUCCESS)
}

fn parse(arguments: &[String]) -> Result<(String, Language)> {
    const USAGE: &str = "cargo xtask new NAME --lang rust|python|js";
    let (mut name, mut language) = (None, None);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let wanted = match argument.strip_prefix("--lang=") {
            Some(wanted) => wanted,
            None if argument == "--lang" => arguments.next().context("--lang needs a language")?,
            None if argument.starts_with('-') || name.is_some() => bail!("not `{argument}`, but {USAGE}"),
            None => {
                name = Some(argument.clone());
                continue;
            }
        };
        let known = LANGUAGES.iter().find(|(known, _)| *known == wanted);
        language = Some(
            known.with_context(|| format!("there is no language `{wanted}`, but rust, python and js"))?.1,
        );
    }
    match (name, language) {
        (Some(name), Some(language)) => Ok((name, language)),
        _ => bail!("it takes a name and a language: {USAGE}"),
    }
}

/// Makes the component and names it in the manifest of the repository at `root`. Returns the file that was named
/// there before.
pub(crate) fn scaffold(root: &Path, name: &str, language: Language) -> Result<String> {
    check_name(name)?;
    let folder = root.join(language.folder(name));
    for taken in ["components", "tools", "crates", "examples"].map(|parent| root.join(parent).join(name)) {
        ensure!(!taken.exists(), "{} is there already; choose another name", taken.display());
    }
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).context("no Cargo.lock")?;
    let package = |name: &str| lock.contains(&format!("\nname = \"{name}\"\n"));
    ensure!(
        !package(name) && !package(&name.replace('-', "_")),
        "`{name}` is the name of a package here; choose another"
    );
    let manifest = root.join(MANIFEST);
    let text = std::fs::read_to_string(&manifest).with_context(|| format!("no {}", manifest.display()))?;
    let (text, before) = wired(&text, name, language)?;
    copy(&root.join(language.example()), &folder, name, language)
        .and_then(|()| replace(&manifest, &text))
        .inspect_err(|_| {
            // It was not there before.
            let _ = std::fs::remove_dir_all(&folder);
        })?;
    Ok(before)
}

/// A name is a folder, a package, a file of every system, and a word of a command line.
fn check_name(name: &str) -> Result<()> {
    const TAKEN: [&str; 22] = [
        "aux",
        "con",
        "nul",
        "prn", // Windows keeps these for devices,
        "alloc",
        "core",
        "std",
        "test",
        "proc-macro", // Rust these for its own packages,
        "async",
        "await",
        "crate",
        "enum",
        "extern",
        "impl",
        "loop",
        "match",
        "move",
        "self",
        "super",
        "type",
        "wit", // and these for its language.
    ];
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let well_formed = name.chars().all(letters)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--");
    ensure!(
        well_formed && name.len() <= 40,
        "`{name}` is no name for a component: a letter, then letters, digits and hyphens, all lower case, 40 at most"
    );
    let device = name.len() == 4 && ["com", "lpt"].iter().any(|device| name.starts_with(device));
    ensure!(
        !TAKEN.contains(&name) && !device,
        "`{name}` means something else to some system; choose another"
    );
    Ok(())
}

/// The manifest with the component in it, and the file that it named before.
fn wired(text: &str, name: &str, language: Language) -> Result<(String, String)> {
    let file = file(language, name);
    let command = language.build_command(name);
    let mut before = String::new();
    let (mut lines, mut table, mut named, mut built) = (Vec::new(), "", 0, false);
    for line in text.lines() {
        let line_now = if line.starts_with('[') {
            table = line.trim_end();
            None
        } else if line.starts_with(&format!("\"{INTERFACE}\"")) {
            let (start, rest) = line.split_once("path = \"").context("a dependency names no path")?;
            let (path, rest) = rest.split_once('"').context("a path does not end")?;
            before = path.to_owned();
            named += 1;
            Some(format!("{start}path = \"{file}\"{rest}"))
        } else if table == "[component.mcp.build]" {
            match line.split_once(" = ") {
                Some(("command", commands)) => {
                    built = true;
                    let commands = commands
                        .strip_prefix('[')
                        .and_then(|list| list.strip_suffix(']'))
                        .unwrap_or(commands);
                    Some(format!("command = [{commands}, \"{command}\"]"))
                }
                Some(("watch", list)) => language
                    .watch(name)
                    .zip(list.strip_suffix(']'))
                    .map(|(watch, list)| format!("watch = {list}, \"{watch}\"]")),
                _ => None,
            }
        } else {
            None
        };
        lines.push(line_now.unwrap_or_else(|| line.to_owned()));
    }
    let mut wired = lines.join("\n");
    if text.ends_with('\n') {
        wired.push('\n');
    }
    let as_meant = || -> Result<bool> {
        let manifest = Manifest::parse(&wired, PathBuf::new())?;
        let dependencies = manifest.components.iter().flat_map(|component| &component.dependencies);
        let mut tools = dependencies.filter(|dependency| dependency.interface == INTERFACE);
        Ok(named == 2
            && built
            && tools.all(|tools| tools.source == Path::new(&file))
            && manifest.build_commands().iter().any(|(known, _)| *known == command))
    };
    ensure!(
        as_meant()?,
        "{MANIFEST} is not as this program knows it. Name the component there yourself, as \"{INTERFACE}\" = {{ path = \
         \"{file}\" }}, for `mcp` and for `oauth`, and its build command, {command}"
    );
    Ok((wired, before))
}

/// Copies an example under another name.
fn copy(from: &Path, to: &Path, name: &str, language: Language) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let entries = std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let path = entry?.path();
        let entry = path.file_name().unwrap_or_default();
        if LEFTOVERS.iter().any(|leftover| entry == OsStr::new(leftover)) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(entry), name, language)?;
            continue;
        }
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = text.replace(language.example(), &language.folder(name)).replace(EXAMPLE, name);
        let file = to.join(entry);
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Replaces a file as a whole.
fn replace(file: &Path, text: &str) -> Result<()> {
    let new = file.with_added_extension("new");
    std::fs::write(&new, text)
        .and_then(|()| std::fs::rename(&new, file))
        .with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str =
        "[[package]]\nname = \"mcp\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"serde_json\"\n";

    /// A repository with no more in it than this program looks at.
    struct Repository(PathBuf);

    impl Repository {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("postern-new-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&dir);
            for (_, language) in LANGUAGES {
                copy(&root().join(language.example()), &dir.join(language.example()), EXAMPLE, language)
                    .unwrap();
            }
            std::fs::copy(root().join(MANIFEST), dir.join(MANIFEST)).unwrap();
            std::fs::write(dir.join("Cargo.lock"), LOCK).unwrap();
            Self(dir)
        }

        fn manifest(&self) -> String {
            std::fs::read_to_string(self.0.join(MANIFEST)).unwrap()
        }
    }

    impl Drop for Repository {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_component_is_named_where_the_example_was_and_nothing_else_changes() {
        for (word, language) in LANGUAGES {
            let repository = Repository::new(word);
            let before = repository.manifest();
            let replaced = scaffold(&repository.0, "my-own", language).unwrap();
            let after = repository.manifest();
            let added = |line: &str| !before.lines().any(|known| known == line);
            let changed: Vec<&str> = after.lines().filter(|line| added(line)).collect();
            assert_eq!(before.lines().count(), after.lines().count());
            assert!(
                changed.iter().all(|line| line.contains("my-own") || line.contains("my_own")),
                "{changed:?}"
            );
            let named = format!("\"{INTERFACE}\" = {{ path = \"{}\" }}", file(language, "my-own"));
            assert_eq!(after.matches(&named).count(), 2, "{after}");
            assert!(before.contains(&replaced) && !after.contains(&replaced), "{replaced}");
            let manifest = Manifest::read(&repository.0.join(MANIFEST)).unwrap();
            let commands = manifest.build_commands();
            assert!(commands.iter().any(|(command, _)| *command == language.build_command("my-own")));
            assert!(commands.iter().any(|(command, _)| command.contains("-p introspection")));
            let folder = repository.0.join(language.folder("my-own"));
            assert!(folder.join(language.main_file()).is_file());
            assert!(!folder.join("node_modules").exists());
        }
    }

    #[test]
    fn a_second_component_takes_the_place_of_the_first() {
        let repository = Repository::new("second");
        scaffold(&repository.0, "one", Language::Python).unwrap();
        let replaced = scaffold(&repository.0, "two", Language::JavaScript).unwrap();
        assert_eq!(replaced, file(Language::Python, "one"));
        let commands = Manifest::read(&repository.0.join(MANIFEST)).unwrap().build_commands();
        assert!(commands.iter().any(|(command, _)| command.ends_with("tools/one")), "{commands:?}");
        assert!(commands.iter().any(|(command, _)| command.ends_with("tools/two")), "{commands:?}");
    }

    #[test]
    fn names_that_would_not_work_somewhere_are_refused_and_nothing_is_written() {
        let repository = Repository::new("names");
        let before = repository.manifest();
        std::fs::create_dir_all(repository.0.join("tools/taken")).unwrap();
        let names = [
            "",
            "Weather",
            "my tools",
            "../up",
            "a/b",
            "a\\b",
            "-x",
            "x-",
            "x--y",
            "7up",
            "wetter\u{e4}",
            "con",
            "com1",
            "crate",
            "core",
            "mcp",
            "serde-json",
            "taken",
            "a\"b",
            "$(id)",
        ];
        for name in names.into_iter().chain([&*"x".repeat(41)]) {
            for (_, language) in LANGUAGES {
                assert!(scaffold(&repository.0, name, language).is_err(), "{name}");
            }
        }
        assert_eq!(repository.manifest(), before);
        assert_eq!(std::fs::read_dir(repository.0.join("tools")).unwrap().count(), 1);
        assert!(!repository.0.join("components").exists());
    }

    #[test]
    fn a_manifest_that_is_not_understood_is_left_alone() {
        let repository = Repository::new("manifest");
        for (from, to) in
            [(INTERFACE, "postern:tools/tools@0.2.0"), ("[component.mcp.build]", "[component.mcp.make]")]
        {
            let text = repository.manifest().replace(from, to);
            std::fs::write(repository.0.join(MANIFEST), &text).unwrap();
            assert!(scaffold(&repository.0, "my-own", Language::Python).is_err());
            assert_eq!(repository.manifest(), text);
            assert!(!repository.0.join("tools").exists());
            std::fs::copy(root().join(MANIFEST), repository.0.join(MANIFEST)).unwrap();
        }
    }

    #[test]
    fn it_is_asked_for_with_a_name_and_a_language() {
        let parse = |line: &str| parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(parse("a --lang python").unwrap(), ("a".to_owned(), Language::Python));
        assert_eq!(parse("--lang=js b").unwrap(), ("b".to_owned(), Language::JavaScript));
        for line in
            ["", "a", "--lang rust", "a b --lang rust", "a --lang", "a --lang perl", "a --force --lang rust"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
