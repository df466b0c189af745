//! The task `new`: a component for tools of the author's own, a copy of the example in their language, named in `spin.toml`
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
pub(crate) const LEFTOVERS: [&str; 4] = ["node_modules", "target", "__pycache__", ".venv"];

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
    pub(crate) fn main_file(self) -> &'static str {
        match self {
            Self::Rust => "src/lib.rs",
            Self::Python => "app.py",
            Self::JavaScript => "app.js",
        }
    }
}

/// What an example's files call the component that is built of it.
fn example_file(language: Language) -> String {
    match language {
        Language::Rust => file(language, EXAMPLE),
        Language::Python => file(language, "python"),
        Language::JavaScript => file(language, "javascript"),
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
    let (before, dropped) = scaffold(&root(), &name, language)?;
    let folder = language.folder(&name);
    let main = language.main_file();
    println!("Made {folder}, a copy of {}, and put it into {MANIFEST}:", language.example());
    println!("it is built with the rest, and serves `mcp` and `oauth` in the place of {before}.");
    for command in &dropped {
        println!("Nothing uses what `{command}` builds, so it is no longer run. Its folder is still there.");
    }
    let again = dropped.last().map(|command| format!(", and put back `{command}`")).unwrap_or_default();
    println!();
    println!("  Serve   cargo xtask up");
    println!("  Edit    {folder}/{main}");
    println!("  Undo    delete {folder}, and in {MANIFEST} name {before} again");
    println!("          where {} is named, and take out its build command{again}", file(language, &name));
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
/// there before, and the build commands that were taken out.
pub(crate) fn scaffold(root: &Path, name: &str, language: Language) -> Result<(String, Vec<String>)> {
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
    let Wired { text, before, dropped } = wired(&text, name, language)?;
    copy(&root.join(language.example()), &folder, name, language)
        .and_then(|()| replace(&manifest, &text))
        .inspect_err(|_| {
            // It was not there before.
            let _ = std::fs::remove_dir_all(&folder);
        })?;
    Ok((before, dropped))
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

/// A manifest with a component in it.
struct Wired {
    text: String,
    /// The file that it named before.
    before: String,
    /// The build commands that were taken out, because nothing uses what they build.
    dropped: Vec<String>,
}

/// The language and the name of a component that `new` made, by its build command.
fn made_by(command: &str) -> Option<(Language, &str)> {
    let known = LANGUAGES.iter().find_map(|(_, language)| {
        let name = command.rsplit(['/', ' ']).next()?;
        (language.build_command(name) == command).then_some((*language, name))
    });
    // Both languages that are not Rust have the same command, and the same file.
    known.filter(|(_, name)| check_name(name).is_ok())
}

/// Puts the component into the manifest, and takes out what built the component in its place.
fn wired(text: &str, name: &str, language: Language) -> Result<Wired> {
    let file = file(language, name);
    let command = language.build_command(name);
    let (mut before, mut dropped) = (String::new(), Vec::new());
    let renamed = text.lines().map(|line| {
        if !line.starts_with(&format!("\"{INTERFACE}\"")) {
            return Ok(line.to_owned());
        }
        let (start, rest) = line.split_once("path = \"").context("a dependency names no path")?;
        let (path, rest) = rest.split_once('"').context("a path does not end")?;
        before = path.to_owned();
        Ok(format!("{start}path = \"{file}\"{rest}"))
    });
    let renamed: Vec<String> = renamed.collect::<Result<_>>()?;
    let is_used = |file: &str| renamed.iter().any(|line| line.contains(&format!("\"{file}\"")));
    let is_unused = |command: &str| {
        made_by(command).is_some_and(|(language, name)| !is_used(&self::file(language, name)))
    };
    let (mut lines, mut table) = (Vec::new(), "");
    for line in &renamed {
        if line.starts_with('[') {
            table = line.trim_end();
        }
        let key = line.split_once(" = ").map(|(key, _)| key).filter(|_| table == "[component.mcp.build]");
        let line_now = match key {
            Some("command") => {
                let (unused, mut commands): (Vec<_>, Vec<_>) =
                    texts(line)?.into_iter().partition(|command| is_unused(command));
                dropped = unused;
                commands.push(command.clone());
                list("command", &commands)
            }
            Some("watch") => {
                let mut patterns = texts(line)?;
                let unused = dropped.iter().filter_map(|command| made_by(command));
                let unused: Vec<String> = unused
                    .flat_map(|(_, name)| LANGUAGES.map(|(_, language)| language.watch(name)))
                    .flatten()
                    .collect();
                patterns.retain(|pattern| !unused.contains(pattern));
                patterns.extend(language.watch(name));
                list("watch", &patterns)
            }
            _ => line.clone(),
        };
        lines.push(line_now);
    }
    let mut wired = lines.join("\n");
    if text.ends_with('\n') {
        wired.push('\n');
    }
    let as_meant = || -> Result<bool> {
        let manifest = Manifest::parse(&wired, PathBuf::new())?;
        let dependencies = manifest.components.iter().flat_map(|component| &component.dependencies);
        let tools: Vec<_> = dependencies.filter(|dependency| dependency.interface == INTERFACE).collect();
        Ok(tools.len() == 2
            && tools.iter().all(|tools| tools.source == Path::new(&file))
            && manifest.build_commands().iter().any(|(known, _)| *known == command))
    };
    ensure!(
        as_meant()?,
        "{MANIFEST} is not as this program knows it. Name the component there yourself, as \"{INTERFACE}\" = {{ path = \
         \"{file}\" }}, for `mcp` and for `oauth`, and its build command, {command}"
    );
    Ok(Wired { text: wired, before, dropped })
}

/// The texts of a line of the manifest: `key = "text"` or `key = ["text", "text"]`.
fn texts(line: &str) -> Result<Vec<String>> {
    let table: toml::Table = line.parse().with_context(|| format!("cannot read `{line}` in {MANIFEST}"))?;
    let texts = |value: &toml::Value| match value {
        toml::Value::Array(values) => values.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        value => value.as_str().map(|text| vec![text.to_owned()]),
    };
    table.values().next().and_then(texts).with_context(|| format!("`{line}` in {MANIFEST} has no texts"))
}

fn list(key: &str, texts: &[String]) -> String {
    // TOML writes texts as JSON does.
    let texts: Vec<String> =
        texts.iter().map(|text| serde_json::Value::from(text.as_str()).to_string()).collect();
    format!("{key} = [{}]", texts.join(", "))
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
        let text = text
            .replace(&example_file(language), &self::file(language, name))
            .replace(language.example(), &language.folder(name))
            .replace(EXAMPLE, name);
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
            let (replaced, dropped) = scaffold(&repository.0, "my-own", language).unwrap();
            assert!(dropped.is_empty(), "{dropped:?}");
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

    /// U18.
    #[test]
    fn a_second_component_takes_the_place_of_the_first_and_of_its_build_command() {
        for (_, first) in LANGUAGES {
            for (_, second) in LANGUAGES {
                let repository = Repository::new("second");
                scaffold(&repository.0, "one-more", first).unwrap();
                let (replaced, dropped) = scaffold(&repository.0, "two", second).unwrap();
                assert_eq!(replaced, file(first, "one-more"));
                assert_eq!(dropped, [first.build_command("one-more")]);
                let manifest = repository.manifest();
                assert!(!manifest.contains("one-more") && !manifest.contains("one_more"), "{manifest}");
                let commands = Manifest::read(&repository.0.join(MANIFEST)).unwrap().build_commands();
                assert!(commands.iter().any(|(command, _)| *command == second.build_command("two")));
                assert!(commands.iter().any(|(command, _)| command.contains("-p introspection")));
                assert!(
                    repository.0.join(first.folder("one-more")).is_dir(),
                    "an author's work is never deleted"
                );
            }
        }
    }

    #[test]
    fn a_build_command_whose_file_is_used_elsewhere_is_kept() {
        let repository = Repository::new("kept");
        scaffold(&repository.0, "one", Language::Python).unwrap();
        let prompts = "\"postern:prompts/prompts@0.1.0\" = { path = \"";
        let text = repository.manifest().replace(
            &format!("{prompts}target/wasm32-wasip2/release/prompts.wasm"),
            &format!("{prompts}{}", file(Language::Python, "one")),
        );
        let own = text.replace("command = [", "command = [\"make all\", ");
        std::fs::write(repository.0.join(MANIFEST), own).unwrap();
        let (_, dropped) = scaffold(&repository.0, "two", Language::JavaScript).unwrap();
        assert!(dropped.is_empty(), "{dropped:?}");
        let commands = Manifest::read(&repository.0.join(MANIFEST)).unwrap().build_commands();
        for kept in ["make all", "cargo xtask build tools/one", "cargo xtask build tools/two"] {
            assert!(commands.iter().any(|(command, _)| command == kept), "{commands:?}");
        }
    }

    /// U18.
    #[test]
    fn a_generated_readme_names_the_component_s_own_file_and_nothing_that_is_not_there() {
        for (word, language) in LANGUAGES {
            let repository = Repository::new(&format!("readme-{word}"));
            scaffold(&repository.0, "my-own", language).unwrap();
            let folder = repository.0.join(language.folder("my-own"));
            let text = std::fs::read_to_string(folder.join("README.md")).unwrap();
            assert!(text.contains(&file(language, "my-own")), "{text}");
            for strange in ["examples/", EXAMPLE, "example_tools", "python.wasm", "javascript.wasm"] {
                assert!(!text.contains(strange), "{strange} in {text}");
            }
            for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let path = link.split('#').next().unwrap();
                let is_there =
                    || folder.join(path).exists() || root().join("examples/rust").join(path).exists();
                assert!(link.starts_with("https://") || is_there(), "{link} in {text}");
            }
        }
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
