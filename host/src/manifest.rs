//! `spin.toml`, as far as this host serves it.
//!
//! Manifest version 2 with HTTP triggers, components from files, dependencies from files or from
//! other components, key-value stores, variables and outbound hosts. Whatever else Spin reads there
//! (files, SQLite databases, models, registries, profiles, …) is refused by name rather than ignored:
//! a component that was promised something must not start without it. `[component.*.build]` belongs
//! to the build and is skipped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde::Deserialize;
use toml::Value;

use crate::capability::Inherit;

/// An application, with every path made absolute or relative to the current directory.
#[derive(Debug)]
pub struct Manifest {
    /// The application's name.
    pub name: String,
    /// The directory of the manifest, against which its paths were resolved.
    pub directory: PathBuf,
    /// The declared variables.
    pub variables: BTreeMap<String, Variable>,
    /// The routes in the order of the file; private triggers are left out.
    pub routes: Vec<Route>,
    /// The components by id.
    pub components: BTreeMap<String, Component>,
}

/// A variable's declaration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Its value when nobody gives one.
    pub default: Option<String>,
    /// Whether somebody has to give one.
    #[serde(default)]
    pub required: bool,
    /// Whether the value must not be shown. Nothing here shows values.
    #[serde(default)]
    pub secret: bool,
    /// For people.
    #[serde(default)]
    pub description: String,
}

/// A route and the component that answers it.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// The pattern as written.
    pub pattern: String,
    /// The component's id.
    pub component: String,
}

/// A component and what it is granted.
#[derive(Debug)]
pub struct Component {
    /// The component's file.
    pub source: PathBuf,
    /// The labels of the stores that it may open.
    pub key_value_stores: Vec<String>,
    /// Its variables: templates over the application's.
    pub variables: BTreeMap<String, String>,
    /// The hosts that it may call: templates over the application's variables.
    pub allowed_outbound_hosts: Vec<String>,
    /// What its imports are filled with.
    pub dependencies: BTreeMap<String, Dependency>,
}

/// Another component that fills imports of this one.
#[derive(Debug)]
pub struct Dependency {
    /// The component's file.
    pub source: PathBuf,
    /// The export to use, when its name is not the import's.
    pub export: Option<String>,
    /// What it inherits.
    pub inherit: Inherit,
}

impl Manifest {
    /// Read the manifest at `path`; a directory stands for the `spin.toml` in it, as with Spin.
    pub fn read(path: &Path) -> Result<Self> {
        let path = if path.is_dir() { path.join("spin.toml") } else { path.to_owned() };
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let directory = path.parent().filter(|parent| *parent != Path::new(".")).unwrap_or(Path::new(""));
        Self::parse(&text, directory.to_owned()).with_context(|| path.display().to_string())
    }

    /// Understand `text`, whose paths are relative to `directory`.
    pub fn parse(text: &str, directory: PathBuf) -> Result<Self> {
        let raw: RawManifest = toml::from_str(text).map_err(|error| explain(text, &error))?;
        ensure!(
            raw.spin_manifest_version == 2,
            "spin_manifest_version {} is not supported, only 2 is",
            raw.spin_manifest_version
        );
        for (name, variable) in &raw.variables {
            ensure!(
                variable.required != variable.default.is_some(),
                "variable {name:?} needs either `required = true` or a `default`, not both"
            );
        }
        let sources = raw
            .component
            .iter()
            .map(|(id, component)| {
                let source = file(&component.source, "source").with_context(|| in_component(id))?;
                Ok((id.clone(), directory.join(source)))
            })
            .collect::<Result<BTreeMap<_, _>>>()?;
        let mut routes = Vec::new();
        for trigger in raw.trigger.http {
            routes.extend(route(trigger, &sources)?);
        }
        ensure!(!routes.is_empty(), "there is no [[trigger.http]] with a route");
        let components = raw
            .component
            .into_iter()
            .map(|(id, raw)| {
                let component =
                    component(&id, raw, &sources, &directory).with_context(|| in_component(&id))?;
                Ok((id, component))
            })
            .collect::<Result<_>>()?;
        Ok(Self { name: raw.application.name, directory, variables: raw.variables, routes, components })
    }
}

fn in_component(id: &str) -> String {
    format!("component {id:?}")
}

/// A parse error as one sentence: where, and what.
fn explain(text: &str, error: &toml::de::Error) -> anyhow::Error {
    let line =
        error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    let message = error.message().replace('\n', " ");
    // "unknown field `x`, expected one of …": to the reader of a Spin manifest the list is noise.
    let message = match message.strip_prefix("unknown field ").and_then(|rest| rest.split(',').next()) {
        Some(field) => format!("{field} is not something this host supports"),
        None => message,
    };
    match line {
        Some(line) => anyhow!("line {line}: {message}"),
        None => anyhow!(message),
    }
}

fn route(trigger: RawTrigger, sources: &BTreeMap<String, PathBuf>) -> Result<Option<Route>> {
    let pattern = match trigger.route {
        Value::String(pattern) => pattern,
        Value::Table(table) if table.get("private") == Some(&Value::Boolean(true)) && table.len() == 1 => {
            return Ok(None);
        }
        _ => bail!("a trigger's route has to be a path or {{ private = true }}"),
    };
    if let Some(executor) = trigger.executor {
        ensure!(
            executor.kind == "http",
            "route {pattern:?}: executor {:?} is not something this host supports",
            executor.kind
        );
    }
    let Value::String(component) = trigger.component else {
        bail!("route {pattern:?}: its component has to be the id of one");
    };
    ensure!(sources.contains_key(&component), "route {pattern:?}: there is no component {component:?}");
    Ok(Some(Route { pattern, component }))
}

fn component(
    id: &str,
    raw: RawComponent,
    sources: &BTreeMap<String, PathBuf>,
    directory: &Path,
) -> Result<Component> {
    let source = sources.get(id).cloned().context("has no source")?;
    let inherit_for_all = raw.dependencies_inherit_configuration;
    let dependencies = raw
        .dependencies
        .into_iter()
        .map(|(name, value)| {
            let dependency = dependency(value, inherit_for_all, sources, directory)
                .with_context(|| format!("dependency {name:?}"))?;
            Ok((name, dependency))
        })
        .collect::<Result<_>>()?;
    Ok(Component {
        source,
        key_value_stores: raw.key_value_stores,
        variables: raw.variables,
        allowed_outbound_hosts: raw.allowed_outbound_hosts,
        dependencies,
    })
}

fn dependency(
    value: Value,
    inherit_for_all: Option<bool>,
    sources: &BTreeMap<String, PathBuf>,
    directory: &Path,
) -> Result<Dependency> {
    let Value::Table(table) = value else {
        bail!("a version from a registry is not something this host supports; give a path");
    };
    for field in ["version", "registry", "package", "url", "digest"] {
        ensure!(!table.contains_key(field), "{field:?} is not something this host supports; give a path");
    }
    let raw: RawDependency = table.try_into().map_err(|error: toml::de::Error| explain("", &error))?;
    let source = match (raw.path, raw.component) {
        (Some(path), None) => directory.join(path),
        (None, Some(component)) => sources
            .get(&component)
            .cloned()
            .with_context(|| format!("there is no component {component:?}"))?,
        _ => bail!("give either a path or a component"),
    };
    let inherit = match (raw.inherit_configuration, inherit_for_all) {
        (Some(_), Some(_)) => {
            bail!("inherit_configuration and dependencies_inherit_configuration exclude each other")
        }
        (None, Some(true)) => Inherit::All,
        (None, _) => Inherit::NOTHING,
        (Some(value), None) => inherit(&value)?,
    };
    Ok(Dependency { source, export: raw.export, inherit })
}

fn inherit(value: &Value) -> Result<Inherit> {
    match value {
        Value::Boolean(true) => Ok(Inherit::All),
        Value::Boolean(false) => Ok(Inherit::NOTHING),
        Value::Array(words) => {
            let words = words
                .iter()
                .map(|word| word.as_str().context("inherit_configuration has to be a list of words"))
                .collect::<Result<Vec<_>>>()?;
            Inherit::from_words(words)
        }
        _ => bail!("inherit_configuration has to be true, false or a list of words"),
    }
}

fn file<'a>(value: &'a Value, what: &str) -> Result<&'a str> {
    match value {
        Value::String(path) if path.contains("://") => {
            bail!("a {what} from the network is not something this host supports; give a path")
        }
        Value::String(path) => Ok(path),
        _ => bail!("a {what} from the network is not something this host supports; give a path"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    spin_manifest_version: u32,
    application: RawApplication,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[serde(default)]
    trigger: RawTriggers,
    #[serde(default)]
    component: BTreeMap<String, RawComponent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApplication {
    name: String,
    #[serde(default, rename = "version")]
    _version: String,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTriggers {
    #[serde(default)]
    http: Vec<RawTrigger>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrigger {
    #[serde(default, rename = "id")]
    _id: Option<String>,
    route: Value,
    component: Value,
    executor: Option<RawExecutor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExecutor {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawComponent {
    source: Value,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default)]
    key_value_stores: Vec<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    dependencies: BTreeMap<String, Value>,
    dependencies_inherit_configuration: Option<bool>,
    #[serde(default, rename = "build")]
    _build: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDependency {
    path: Option<PathBuf>,
    component: Option<String>,
    export: Option<String>,
    inherit_configuration: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "spin_manifest_version = 2\n[application]\nname = \"test\"\n";
    const TRIGGER: &str = "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"a\"\n";

    fn parse(rest: &str) -> Result<Manifest> {
        Manifest::parse(&format!("{HEAD}{TRIGGER}{rest}"), PathBuf::from("app"))
    }

    fn refused(rest: &str) -> String {
        format!("{:#}", parse(rest).unwrap_err())
    }

    #[test]
    fn the_manifest_of_this_repository_is_understood() {
        let manifest =
            Manifest::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../spin.toml"))).unwrap();
        let mcp = &manifest.components["mcp"];
        assert_eq!(mcp.key_value_stores, ["default"]);
        let introspection = &mcp.dependencies["postern:introspection/introspection@0.1.0"];
        assert_eq!(introspection.inherit, Inherit::from_words(["key_value_stores", "variables"]).unwrap());
        assert_eq!(mcp.dependencies["postern:tools/tools@0.1.0"].inherit, Inherit::NOTHING);
        assert!(manifest.routes.iter().any(|route| route.pattern == "/mcp" && route.component == "mcp"));
    }

    #[test]
    fn paths_are_relative_to_the_manifest() {
        let manifest = parse("[component.a]\nsource = \"a.wasm\"\n").unwrap();
        assert_eq!(manifest.components["a"].source, Path::new("app/a.wasm"));
    }

    #[test]
    fn an_unsupported_field_is_named_with_its_line() {
        let error = refused("[component.a]\nsource = \"a.wasm\"\nsqlite_databases = [\"default\"]\n");
        assert_eq!(error, "line 9: `sqlite_databases` is not something this host supports");
    }

    #[test]
    fn broken_toml_is_one_line() {
        let error = refused("[component.a\n");
        assert!(error.starts_with("line 7: "), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }

    #[test]
    fn a_dependency_may_be_another_component() {
        let manifest = parse(
            "[component.a]\nsource = \"a.wasm\"\n[component.a.dependencies]\n\
             \"x:y/z\" = { component = \"b\", export = \"x:y/w\", inherit_configuration = true }\n\
             [component.b]\nsource = \"b.wasm\"\n",
        )
        .unwrap();
        let dependency = &manifest.components["a"].dependencies["x:y/z"];
        assert_eq!(dependency.source, Path::new("app/b.wasm"));
        assert_eq!(dependency.export.as_deref(), Some("x:y/w"));
        assert_eq!(dependency.inherit, Inherit::All);
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        let dependency = |value: &str| {
            refused(&format!(
                "[component.a]\nsource = \"a.wasm\"\n[component.a.dependencies]\n\"x:y/z\" = {value}\n"
            ))
        };
        assert!(dependency("\"1.0\"").contains("registry"));
        assert!(dependency("{ version = \"1.0\" }").contains("\"version\""));
        assert!(dependency("{ component = \"c\" }").contains("there is no component \"c\""));
        assert!(dependency("{ path = \"b\", inherit_configuration = [\"stores\"] }").contains("\"stores\""));
        assert!(refused("[component.b]\nsource = \"b.wasm\"\n").contains("there is no component \"a\""));
        assert!(
            refused("[component.a]\nsource = { url = \"https://x\", digest = \"\" }\n").contains("network")
        );
        assert!(refused("[component.a]\nsource = \"a\"\n[variables]\nv = {}\n").contains("variable \"v\""));
        assert!(
            refused("[component.a]\nsource = \"a\"\n[[trigger.redis]]\nchannel = \"c\"\n")
                .contains("`redis`")
        );
    }

    #[test]
    fn a_private_trigger_has_no_route() {
        let manifest = parse(
            "[component.a]\nsource = \"a\"\n[[trigger.http]]\nroute = { private = true }\ncomponent = \"a\"\n",
        )
        .unwrap();
        assert_eq!(manifest.routes.len(), 1);
    }
}
