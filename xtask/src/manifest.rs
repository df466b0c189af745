//! `spin.toml`, as far as this program needs it: how components are built, what they are made of and
//! what they are granted. Judging the rest is the host's task.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// A manifest.
pub(crate) struct Manifest {
    /// The folder that its paths are relative to.
    pub(crate) dir: PathBuf,
    /// Its components, by name.
    pub(crate) components: Vec<Component>,
    /// The paths that it answers.
    pub(crate) routes: Vec<String>,
}

/// One `[component.NAME]`.
pub(crate) struct Component {
    pub(crate) name: String,
    /// The file, relative to the manifest.
    pub(crate) source: PathBuf,
    /// What it is granted: the key in the manifest, and what that key allows.
    pub(crate) grants: Vec<(String, Vec<String>)>,
    pub(crate) dependencies: Vec<Dependency>,
    /// The commands that build it, and the folder to run each in.
    pub(crate) build: Vec<(String, PathBuf)>,
}

/// One entry of `[component.NAME.dependencies]`.
pub(crate) struct Dependency {
    /// What it stands for, as `package/interface@version`.
    pub(crate) interface: String,
    /// The file, relative to the manifest.
    pub(crate) source: PathBuf,
    /// Which kinds of grants it has from its parent.
    pub(crate) inherits: Vec<String>,
}

/// The keys of a component that grant it something. An `inherit_configuration` entry is one of these;
/// a host ignores any other without a word, so a misspelt one has to be found here.
const GRANTS: [&str; 7] = [
    "ai_models",
    "allowed_outbound_hosts",
    "environment",
    "files",
    "key_value_stores",
    "sqlite_databases",
    "variables",
];

/// The keys of a component that grant it nothing.
const OTHER_KEYS: [&str; 6] = ["build", "dependencies", "description", "source", "tool", "trigger"];

impl Manifest {
    /// Reads a manifest.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let dir = file.parent().map(Path::to_path_buf).unwrap_or_default();
        Self::parse(&text, dir).with_context(|| format!("in {}", file.display()))
    }

    /// Reads the text of a manifest that is in a folder.
    pub(crate) fn parse(text: &str, dir: PathBuf) -> Result<Self> {
        let table: Table = text.parse()?;
        let components = table.get("component").and_then(Value::as_table).context("no [component.…]")?;
        let components =
            components.iter().map(|(name, value)| component(name, value, &dir)).collect::<Result<_>>()?;
        let triggers = table.get("trigger").and_then(|trigger| trigger.get("http")).and_then(Value::as_array);
        let route = |trigger: &Value| trigger.get("route").and_then(Value::as_str).map(str::to_owned);
        let routes = triggers.into_iter().flatten().filter_map(route).collect();
        Ok(Self { dir, components, routes })
    }

    /// The build commands, each once, with the folder to run it in.
    pub(crate) fn build_commands(&self) -> Vec<(String, PathBuf)> {
        let mut commands: Vec<(String, PathBuf)> = Vec::new();
        for command in self.components.iter().flat_map(|component| &component.build) {
            if !commands.contains(command) {
                commands.push(command.clone());
            }
        }
        commands
    }

    /// Every component file, each once, in order of name.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let sources = self.components.iter().flat_map(|component| {
            std::iter::once(&component.source)
                .chain(component.dependencies.iter().map(|dependency| &dependency.source))
        });
        let mut files: Vec<PathBuf> = sources.map(|source| self.dir.join(source)).collect();
        files.sort();
        files.dedup();
        files
    }
}

fn component(name: &str, value: &Value, dir: &Path) -> Result<Component> {
    let table = value.as_table().with_context(|| format!("[component.{name}] is no table"))?;
    if let Some(key) =
        table.keys().find(|key| !GRANTS.contains(&key.as_str()) && !OTHER_KEYS.contains(&key.as_str()))
    {
        bail!(
            "[component.{name}]: it is not known whether `{key}` grants something; name it in xtask/src/manifest.rs"
        );
    }
    let grants = GRANTS
        .iter()
        .filter_map(|key| table.get(*key).map(|value| ((*key).to_owned(), allowed(value))))
        .collect();
    let dependencies = table.get("dependencies").and_then(Value::as_table).into_iter().flatten();
    let dependencies = dependencies
        .map(|(interface, value)| {
            dependency(interface, value).with_context(|| format!("dependency {interface} of {name}"))
        })
        .collect::<Result<_>>()?;
    let build = table.get("build").map(|build| {
        let commands = match build.get("command") {
            Some(Value::Array(commands)) => commands.iter().filter_map(Value::as_str).collect(),
            command => command.and_then(Value::as_str).into_iter().collect::<Vec<_>>(),
        };
        let workdir = dir.join(build.get("workdir").and_then(Value::as_str).unwrap_or_default());
        commands.into_iter().map(|command| (command.to_owned(), workdir.clone())).collect()
    });
    let build = build.unwrap_or_default();
    let source = table.get("source").and_then(Value::as_str);
    let source = source.with_context(|| format!("[component.{name}] names no file as its source"))?;
    Ok(Component { name: name.to_owned(), source: source.into(), grants, dependencies, build })
}

fn dependency(interface: &str, value: &Value) -> Result<Dependency> {
    let source = value.get("path").and_then(Value::as_str).context("names no path")?;
    let inherits = match value.get("inherit_configuration") {
        None | Some(Value::Boolean(false)) => Vec::new(),
        Some(Value::Boolean(true)) => bail!("inherits everything; name what it needs"),
        Some(list) => allowed(list),
    };
    if let Some(unknown) = inherits.iter().find(|kind| !GRANTS.contains(&kind.as_str())) {
        bail!("inherits `{unknown}`, which no host knows");
    }
    Ok(Dependency { interface: interface.to_owned(), source: source.into(), inherits })
}

/// The elements of a list, or the keys of a table: what a variable is set to is no privilege.
fn allowed(value: &Value) -> Vec<String> {
    let mut allowed = match value {
        Value::Array(values) => values.iter().map(plain).collect(),
        Value::Table(table) => table.keys().cloned().collect(),
        other => vec![plain(other)],
    };
    allowed.sort();
    allowed
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| format!("{value:?}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
        [component.a]
        source = "target/a.wasm"
        key_value_stores = ["default"]
        variables = { b = "{{ b }}", a = "x" }
        [component.a.build]
        command = "make a"
        [component.a.dependencies]
        "x:y/z@1.0.0" = { path = "target/z.wasm", inherit_configuration = ["variables"] }
    "#;

    #[test]
    fn reads_what_is_granted() {
        let manifest = Manifest::parse(MANIFEST, "dir".into()).unwrap();
        let a = &manifest.components[0];
        assert_eq!(
            a.grants,
            [
                ("key_value_stores".to_owned(), vec!["default".to_owned()]),
                ("variables".to_owned(), vec!["a".to_owned(), "b".to_owned()]),
            ]
        );
        assert_eq!(a.dependencies[0].inherits, ["variables"]);
        assert_eq!(a.dependencies[0].interface, "x:y/z@1.0.0");
        assert_eq!(manifest.build_commands(), [("make a".to_owned(), PathBuf::from("dir"))]);
        assert_eq!(
            manifest.files(),
            [PathBuf::from("dir/target/a.wasm"), PathBuf::from("dir/target/z.wasm")]
        );
    }

    #[test]
    fn a_component_may_have_several_build_commands() {
        let text = MANIFEST.replace("\"make a\"", "[\"make a\", \"make b\", \"make a\"]\nworkdir = \"w\"");
        let manifest = Manifest::parse(&text, "dir".into()).unwrap();
        let dir = PathBuf::from("dir/w");
        assert_eq!(
            manifest.build_commands(),
            [("make a".to_owned(), dir.clone()), ("make b".to_owned(), dir)]
        );
    }

    #[test]
    fn unknown_grants_are_not_overlooked() {
        for (from, to) in [
            ("[\"variables\"]", "[\"variable\"]"),
            ("[\"variables\"]", "true"),
            ("key_value_stores", "allowed_http_hosts"),
        ] {
            assert!(Manifest::parse(&MANIFEST.replace(from, to), "dir".into()).is_err(), "{to}");
        }
    }
}
