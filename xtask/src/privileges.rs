//! Least privilege, written down: what each component may touch, and why.
//!
//! Two tables in docs/privileges.md, under `## What each component may touch`, have to say exactly what
//! the built components import and what the published manifests grant, no row more and no row less, each with a
//! reason:
//!
//! ```text
//! | Component | Imports | Why |
//! |---|---|---|
//! | `mcp`, `tools` | `wasi:io/poll@0.2`, `wasi:io/streams@0.2` | … |
//!
//! | Component | Grant | Why |
//! |---|---|---|
//! | `mcp` | `key_value_stores = default` | … |
//! | `introspection` in `mcp` | `inherits key_value_stores` | … |
//! | `tools` in `mcp` | `inherits nothing` | … |
//! ```
//!
//! * A component goes by the name of its file, without `.wasm`, and if its manifest is not `spin.toml`, with
//!   the manifest's name: `` `mcp` of `spin.external-provider.toml` ``.
//! * In the first table a row may stand for several components, each with all of several imports.
//! * An import is an interface as the file names it, without the last number of its version: which
//!   patch of WASI a toolchain asks for is no privilege. A pre-release version stays whole.
//! * A grant is a key of the component in the manifest with its elements, sorted. Outbound hosts are
//!   always listed, as `allowed_outbound_hosts = none` when there are none. What a variable is set to
//!   does not count.
//! * The order of rows, and backticks, do not matter.
//!
//! `cargo xtask privileges` prints both tables, with the reasons that are written already.
//!
//! What a table cannot loosen: what is on offer (`tools`, `guide`, `prompts`) inherits nothing, and imports
//! nothing but clocks, randomness and what Rust's standard library brings into every component: the streams, arguments and environment of
//! a process, which a host leaves empty.

use crate::build::MANIFESTS;
use crate::command::root;
use crate::manifest::Manifest;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use wasmparser::{Encoding, Parser, Payload};

const DOCUMENT: &str = "docs/privileges.md";
const HEADING: &str = "## What each component may touch";

/// The components that offer something. They are given nothing.
const OFFERS: [&str; 3] = ["tools", "guide", "prompts"];

/// Both tables, as they are or as they are written.
#[derive(Debug, Default)]
struct Tables {
    imports: Vec<Row>,
    grants: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    component: String,
    touches: String,
    why: String,
}

impl Row {
    fn new(component: &str, touches: impl Into<String>) -> Self {
        Self { component: component.to_owned(), touches: touches.into(), why: String::new() }
    }

    fn is_for(&self, other: &Self) -> bool {
        self.component == other.component && self.touches == other.touches
    }
}

/// The task `privileges`.
pub(crate) fn print() -> Result<ExitCode> {
    let mut actual = actual()?;
    let written =
        std::fs::read_to_string(root().join(DOCUMENT)).map(|text| written(&text)).unwrap_or_default();
    for (rows, written) in [(&mut actual.imports, &written.imports), (&mut actual.grants, &written.grants)] {
        for row in rows {
            row.why = written
                .iter()
                .find(|other| other.is_for(row))
                .map_or_else(String::new, |row| row.why.clone());
        }
    }
    let imports = gathered(&actual.imports);
    println!("{HEADING}\n\n{}\n{}", table("Imports", &imports), table("Grant", &actual.grants));
    Ok(ExitCode::SUCCESS)
}

/// Fails unless the tables in docs/privileges.md are exact and every row has a reason.
pub(crate) fn check() -> Result<()> {
    let actual = actual()?;
    let document = root().join(DOCUMENT);
    let text = std::fs::read_to_string(&document).with_context(|| format!("cannot read {DOCUMENT}"))?;
    let mut faults = offer_faults(&actual);
    faults.extend(differences(&actual, &written(&text)));
    if faults.is_empty() {
        return Ok(());
    }
    bail!(
        "{DOCUMENT} and the components disagree (`cargo xtask privileges` prints the tables):\n  {}",
        faults.join("\n  ")
    );
}

fn differences(actual: &Tables, written: &Tables) -> Vec<String> {
    let mut faults = Vec::new();
    for (actual, written) in [(&actual.imports, &written.imports), (&actual.grants, &written.grants)] {
        for row in actual {
            match written.iter().filter(|other| other.is_for(row)).count() {
                0 => faults.push(format!("not written down: {} | {}", row.component, row.touches)),
                1 => {}
                _ => faults.push(format!("written down twice: {} | {}", row.component, row.touches)),
            }
        }
        for row in written {
            if !actual.iter().any(|other| other.is_for(row)) {
                faults.push(format!("no longer so: {} | {}", row.component, row.touches));
            } else if row.why.is_empty() {
                faults.push(format!("no reason given: {} | {}", row.component, row.touches));
            }
        }
    }
    faults
}

fn offer_faults(actual: &Tables) -> Vec<String> {
    let harmless = ["wasi:clocks/", "wasi:random/", "wasi:cli/", "wasi:io/"];
    let mut faults = Vec::new();
    for name in OFFERS {
        let imports = actual.imports.iter().filter(|row| {
            row.component == name && !harmless.iter().any(|prefix| row.touches.starts_with(prefix))
        });
        let inside = format!("{name} in ");
        let grants = actual
            .grants
            .iter()
            .filter(|row| row.component.starts_with(&inside) && row.touches != "inherits nothing");
        faults.extend(imports.chain(grants).map(|row| format!("{name} must not have this: {}", row.touches)));
    }
    faults
}

// --- what is so ---

fn actual() -> Result<Tables> {
    let mut tables = Tables::default();
    let mut files = BTreeSet::new();
    for (index, file) in MANIFESTS.into_iter().enumerate() {
        let manifest = Manifest::read(&root().join(file))?;
        let place = if index == 0 { String::new() } else { format!(" of {file}") };
        tables.grants.extend(grants(&manifest, &place).with_context(|| format!("in {file}"))?);
        files.extend(manifest.files());
    }
    for file in files {
        let name = stem(&file);
        let bytes = std::fs::read(&file)
            .with_context(|| format!("cannot read {}; `cargo xtask build` makes it", file.display()))?;
        let imports = imports(&bytes).with_context(|| format!("{} is no component", file.display()))?;
        tables.imports.extend(imports.iter().map(|import| Row::new(&name, import)));
    }
    tables.imports.sort();
    tables.grants.sort();
    Ok(tables)
}

/// What a manifest grants. `place` tells its components from those of others.
fn grants(manifest: &Manifest, place: &str) -> Result<Vec<Row>> {
    let mut grants = Vec::new();
    for component in &manifest.components {
        let name = stem(&component.source);
        if name != component.name {
            bail!("component `{}` has the file `{name}`: one name for one thing", component.name);
        }
        let holder = format!("{name}{place}");
        let outbound = "allowed_outbound_hosts";
        if !component.grants.iter().any(|(key, _)| key == outbound) {
            grants.push(Row::new(&holder, format!("{outbound} = none")));
        }
        for (key, allowed) in &component.grants {
            let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
            grants.push(Row::new(&holder, format!("{key} = {allowed}")));
        }
        for dependency in &component.dependencies {
            let inner = format!("{} in {holder}", stem(&dependency.source));
            if dependency.inherits.is_empty() {
                grants.push(Row::new(&inner, "inherits nothing"));
            }
            let inherits = dependency.inherits.iter();
            grants.extend(inherits.map(|kind| Row::new(&inner, format!("inherits {kind}"))));
        }
    }
    Ok(grants)
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The names of what a component imports.
fn imports(bytes: &[u8]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                bail!("it is a core module");
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.insert(without_patch(import?.name.name));
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// `a:b/c@0.2.6` → `a:b/c@0.2`; a version with a pre-release tag stays as it is.
fn without_patch(import: &str) -> String {
    match import.split_once('@') {
        Some((name, version)) if !version.contains('-') => {
            let version: Vec<&str> = version.splitn(3, '.').take(2).collect();
            format!("{name}@{}", version.join("."))
        }
        _ => import.to_owned(),
    }
}

// --- what is written ---

fn written(document: &str) -> Tables {
    let section = document.split_once(HEADING).map(|(_, rest)| rest).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut tables = Tables::default();
    let mut rows = None;
    for line in section.lines() {
        let cells: Vec<String> = line
            .trim()
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.replace('`', "").trim().to_owned())
            .collect();
        match cells.as_slice() {
            [component, second, _] if component == "Component" => {
                rows = Some(if second == "Imports" { &mut tables.imports } else { &mut tables.grants });
            }
            [component, ..] if component.starts_with("---") => {}
            [component, touches, why] => {
                // A grant has commas of its own.
                let is_import = touches.contains(':') && !touches.contains(" = ");
                let separator = if is_import { ", " } else { "\n" };
                for component in component.split(", ") {
                    for touches in touches.split(separator) {
                        let row = Row { why: why.clone(), ..Row::new(component, touches) };
                        rows.iter_mut().for_each(|rows| rows.push(row.clone()));
                    }
                }
            }
            _ => {}
        }
    }
    tables
}

/// Rows for the same import with the same reason become one, and then rows of the same components with
/// the same reason.
fn gathered(rows: &[Row]) -> Vec<Row> {
    let by_import = gather(rows, |row| (row.touches.clone(), row.why.clone()), |row| row.component.clone());
    let rows: Vec<Row> = by_import
        .into_iter()
        .map(|((touches, why), components)| Row { why, ..Row::new(&components.join("`, `"), touches) })
        .collect();
    let by_components =
        gather(&rows, |row| (row.component.clone(), row.why.clone()), |row| row.touches.clone());
    by_components
        .into_iter()
        .map(|((component, why), touches)| Row { why, ..Row::new(&component, touches.join("`, `")) })
        .collect()
}

/// What rows with the same key have, in the order in which the keys first occur.
fn gather<K: PartialEq>(
    rows: &[Row],
    key: impl Fn(&Row) -> K,
    value: impl Fn(&Row) -> String,
) -> Vec<(K, Vec<String>)> {
    let mut gathered: Vec<(K, Vec<String>)> = Vec::new();
    for row in rows {
        match gathered.iter_mut().find(|(known, _)| *known == key(row)) {
            Some((_, values)) => values.push(value(row)),
            None => gathered.push((key(row), vec![value(row)])),
        }
    }
    gathered
}

fn table(second: &str, rows: &[Row]) -> String {
    let mut table = format!("| Component | {second} | Why |\n|---|---|---|\n");
    for row in rows {
        let component = row.component.replace(" in ", "` in `").replace(" of ", "` of `");
        table.push_str(&format!("| `{component}` | `{}` | {} |\n", row.touches, row.why));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "\
# Architecture

| Component | Imports | Why |
|---|---|---|
| `elsewhere` | `is not read` | |

## What each component may touch

Some words.

| Component | Imports | Why |
|---|---|---|
| `tools` | `wasi:clocks/wall-clock@0.2` | to tell the time |

| Component | Grant | Why |
|---|---|---|
| `tools` in `mcp` | `inherits nothing` | |

## Next
";

    #[test]
    fn tables_are_read_back_as_they_are_printed() {
        let tables = written(DOCUMENT);
        assert_eq!(tables.imports.len(), 1);
        assert!(DOCUMENT.contains(&table("Imports", &tables.imports)));
        assert!(DOCUMENT.contains(&table("Grant", &tables.grants).replace("|  |", "| |")));
    }

    #[test]
    fn rows_can_be_gathered() {
        let row = |component: &str, touches: &str, why: &str| Row {
            why: why.to_owned(),
            ..Row::new(component, touches)
        };
        let rows = [
            row("mcp", "a:b/c", "same"),
            row("mcp", "a:b/d", "same"),
            row("tools", "a:b/c", "same"),
            row("tools", "a:b/d", "same"),
            row("tools", "a:b/e", "other"),
        ];
        let gathered = gathered(&rows);
        assert_eq!(gathered.len(), 2);
        let document = format!("{HEADING}\n\n{}", table("Imports", &gathered));
        let mut read = written(&document).imports;
        read.sort();
        assert_eq!(read, rows);
    }

    #[test]
    fn missing_extra_and_unreasoned_rows_are_faults() {
        let actual = Tables {
            imports: vec![Row::new("tools", "wasi:random/random@0.2")],
            grants: vec![Row::new("tools in mcp", "inherits nothing")],
        };
        assert_eq!(
            differences(&actual, &written(DOCUMENT)),
            [
                "not written down: tools | wasi:random/random@0.2",
                "no longer so: tools | wasi:clocks/wall-clock@0.2",
                "no reason given: tools in mcp | inherits nothing",
            ]
        );
    }

    #[test]
    fn tools_cannot_be_given_more_by_writing_it_down() {
        let tables = Tables {
            imports: vec![
                Row::new("tools", "wasi:random/random@0.2"),
                Row::new("tools", "wasi:http/client@0.3"),
            ],
            grants: vec![Row::new("tools in mcp", "inherits key_value_stores")],
        };
        assert_eq!(offer_faults(&tables).len(), 2);
    }

    #[test]
    fn only_released_versions_lose_their_patch() {
        for (import, kept) in [
            ("wasi:io/poll@0.2.6", "wasi:io/poll@0.2"),
            ("wasi:keyvalue/store@0.2.0-draft2", "wasi:keyvalue/store@0.2.0-draft2"),
            ("postern:tools/tools@0.1.0", "postern:tools/tools@0.1"),
            ("plain", "plain"),
        ] {
            assert_eq!(without_patch(import), kept);
        }
    }

    /// A component with one import, `a:b/c@1.2.3`, of an instance type that is empty.
    #[test]
    fn imports_are_read_from_the_binary() {
        let mut component = b"\0asm\x0d\0\x01\0".to_vec();
        component.extend([7, 3, 1, 0x42, 0]);
        component.extend([10, 16, 1, 0, 11]);
        component.extend(b"a:b/c@1.2.3");
        component.extend([5, 0]);
        assert_eq!(imports(&component).unwrap().into_iter().collect::<Vec<_>>(), ["a:b/c@1.2"]);
        assert!(imports(b"\0asm\x01\0\0\0").is_err());
    }
}
