//! The layers of a crate: modules use what is below them, and no modules use each other in a circle.
//!
//! A use of a re-exported item counts as a use of the module that defines it. Test modules do not count.

use crate::command::root;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// A crate with its layers.
struct Layered {
    /// The folder of the sources.
    sources: &'static str,
    /// The modules of the crate's root, from the lowest layer to the highest. `lib.rs` is above them all. Empty for
    /// a crate whose modules are not in layers.
    layers: &'static [&'static [&'static str]],
}

const CRATES: [Layered; 5] = [
    Layered { sources: "crates/accounts-core/src", layers: &[] },
    Layered { sources: "crates/jwt-core/src", layers: &[] },
    Layered { sources: "crates/provider-core/src", layers: &[] },
    Layered { sources: "crates/store-core/src", layers: &[] },
    Layered { sources: "crates/web-core/src", layers: &[] },
];

/// The path of a module in its crate. The root's is empty.
type Module = Vec<String>;

/// The rule.
pub(super) fn check() -> Result<()> {
    let mut faults = Vec::new();
    for Layered { sources, layers } in CRATES {
        let uses = uses(&read(&root().join(sources))?);
        let upward = if layers.is_empty() { Vec::new() } else { upward(&uses, layers) };
        faults.extend(upward.into_iter().map(|fault| format!("{sources}: {fault}")));
        let circle = circle(&uses);
        if !circle.is_empty() {
            let names: Vec<String> = circle.iter().map(name).collect();
            faults.push(format!("{sources}: these modules use each other in circles: {}", names.join(", ")));
        }
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(())
}

fn name(module: &Module) -> String {
    if module.is_empty() { "lib".to_owned() } else { module.join("::") }
}

/// Returns a sentence for each use of a module in a higher layer, and for each module without a layer.
fn upward(uses: &BTreeMap<Module, BTreeSet<Module>>, layers: &[&[&str]]) -> Vec<String> {
    let layer = |module: &Module| match module.first() {
        None => Some(layers.len()),
        Some(first) => layers.iter().position(|layer| layer.contains(&first.as_str())),
    };
    let mut faults = Vec::new();
    for (module, used) in uses {
        let Some(own) = layer(module) else {
            faults.push(format!("{} is in no layer", name(module)));
            continue;
        };
        for other in used.iter().filter(|other| layer(other).is_some_and(|other| other > own)) {
            faults.push(format!("{} uses {}, which is above it", name(module), name(other)));
        }
    }
    faults
}

/// Returns the modules that are in a circle, or between two circles.
fn circle(uses: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let mut left: BTreeSet<Module> = uses.keys().cloned().collect();
    loop {
        let uses_left = |module: &Module| {
            uses.get(module).is_some_and(|used| used.iter().any(|used| left.contains(used)))
        };
        let is_used = |module: &Module| {
            left.iter().any(|other| uses.get(other).is_some_and(|used| used.contains(module)))
        };
        let inside: BTreeSet<Module> =
            left.iter().filter(|module| uses_left(module) && is_used(module)).cloned().collect();
        if inside.len() == left.len() {
            return inside;
        }
        left = inside;
    }
}

/// Returns which modules each module uses.
fn uses(files: &BTreeMap<Module, syn::File>) -> BTreeMap<Module, BTreeSet<Module>> {
    let mut paths = BTreeMap::new();
    // From the name under which an item is re-exported to its path.
    let mut exports = BTreeMap::new();
    for (module, file) in files {
        let mut found = Paths { module: module.clone(), ..Paths::default() };
        found.visit_file(file);
        exports.extend(found.exports);
        paths.insert(module.clone(), found.used);
    }
    let defined_in = |mut path: Vec<String>| {
        // A re-export may lead to another one.
        for _ in 0..8 {
            let prefix = (1..=path.len()).rev().find_map(|end| Some((exports.get(path.get(..end)?)?, end)));
            let Some((target, end)) = prefix else { break };
            path = target.iter().chain(path.iter().skip(end)).cloned().collect();
        }
        let end =
            (0..=path.len()).rev().find(|end| path.get(..*end).is_some_and(|path| files.contains_key(path)));
        path.truncate(end.unwrap_or_default());
        path
    };
    paths
        .into_iter()
        .map(|(module, used)| {
            let used = used.into_iter().map(defined_in).filter(|used| *used != module).collect();
            (module, used)
        })
        .collect()
}

/// Collects the paths that a file uses, from the root of the crate.
#[derive(Default)]
struct Paths {
    module: Module,
    used: BTreeSet<Vec<String>>,
    exports: BTreeMap<Vec<String>, Vec<String>>,
}

impl Paths {
    /// Makes a path absolute. `None` for a path that does not begin with `crate`, `self` or `super`.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let base = match first.as_str() {
            "crate" => Module::new(),
            "self" => self.module.clone(),
            "super" => {
                let ups = path.iter().take_while(|segment| *segment == "super").count();
                let depth = self.module.len().checked_sub(ups)?;
                let base = self.module.get(..depth)?;
                return Some(base.iter().chain(path.iter().skip(ups)).cloned().collect());
            }
            _ => return None,
        };
        Some(base.into_iter().chain(rest.iter().cloned()).collect())
    }

    fn add_tree(&mut self, prefix: &[String], tree: &syn::UseTree, is_export: bool) {
        let with = |segment: &syn::Ident| -> Vec<String> {
            prefix.iter().cloned().chain([segment.to_string()]).collect()
        };
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&with(&path.ident), &path.tree, is_export),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.add_tree(prefix, tree, is_export));
            }
            syn::UseTree::Name(name) if name.ident == "self" => self.add(prefix, prefix.last(), is_export),
            syn::UseTree::Name(name) => {
                let path = with(&name.ident);
                self.add(&path, path.last(), is_export);
            }
            syn::UseTree::Rename(rename) => {
                self.add(&with(&rename.ident), Some(&rename.rename.to_string()), is_export);
            }
            syn::UseTree::Glob(_) => self.add(prefix, None, false),
        }
    }

    fn add(&mut self, path: &[String], name: Option<&String>, is_export: bool) {
        // A child of this module may be named without `self`.
        let absolute = self
            .absolute(path)
            .or_else(|| is_export.then(|| self.module.iter().chain(path).cloned().collect()));
        match (absolute, name) {
            (Some(path), Some(name)) if is_export => {
                let exported = self.module.iter().chain([name]).cloned().collect();
                self.exports.insert(exported, path);
            }
            (Some(path), _) => {
                self.used.insert(path);
            }
            (None, _) => {}
        }
    }
}

impl Visit<'_> for Paths {
    fn visit_item(&mut self, item: &syn::Item) {
        if !is_for_tests(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        let is_export = !matches!(item.vis, syn::Visibility::Inherited);
        self.add_tree(&[], &item.tree, is_export);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let Some(path) = self.absolute(&segments) {
            self.used.insert(path);
        }
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &syn::Visibility) {
        // `pub(super)` uses nothing.
    }
}

/// Returns whether an item is `#[cfg(test)]`.
fn is_for_tests(item: &syn::Item) -> bool {
    let attributes = match item {
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

/// Parses the sources of a crate, without files of tests.
fn read(sources: &Path) -> Result<BTreeMap<Module, syn::File>> {
    let mut files = BTreeMap::new();
    let mut dirs = vec![(sources.to_owned(), Module::new())];
    while let Some((dir, module)) = dirs.pop() {
        for path in entries(&dir)? {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let own: Module = match stem.as_str() {
                "lib" | "mod" => module.clone(),
                _ => module.iter().cloned().chain([stem.clone()]).collect(),
            };
            if path.is_dir() {
                dirs.push((path, own));
            } else if path.extension().is_some_and(|extension| extension == "rs") && stem != "tests" {
                let text = std::fs::read_to_string(&path)?;
                let file = syn::parse_file(&text).with_context(|| path.display().to_string())?;
                files.insert(own, file);
            }
        }
    }
    Ok(files)
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("no {}", dir.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(texts: &[(&str, &str)]) -> BTreeMap<Module, syn::File> {
        let module =
            |path: &str| path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
        texts.iter().map(|(path, text)| (module(path), syn::parse_file(text).unwrap())).collect()
    }

    #[test]
    fn modules_hold_their_layers() {
        check().unwrap();
    }

    #[test]
    fn uses_are_found_through_re_exports() {
        let files = files(&[
            ("", "pub mod a; mod b; pub use a::Thing;"),
            ("a", "mod inner; pub use inner::{Deep as Thing, Other};"),
            ("a::inner", "pub struct Deep; pub(super) struct Other;"),
            (
                "b",
                "use crate::Thing; fn f(_: super::a::Other) {} #[cfg(test)] mod tests { use crate::c::X; }",
            ),
            ("c", "fn f() { crate::b::f() }"),
        ]);
        let uses = uses(&files);
        let inner = vec!["a".to_owned(), "inner".to_owned()];
        assert_eq!(uses[&vec!["b".to_owned()]], BTreeSet::from([inner]));
        assert_eq!(uses[&vec!["c".to_owned()]], BTreeSet::from([vec!["b".to_owned()]]));
        assert!(uses[&Module::new()].is_empty(), "a re-export is no use");
    }

    #[test]
    fn circles_and_upward_uses_are_faults() {
        let files = files(&[
            ("", ""),
            ("low", "use crate::high::f;"),
            ("high", "use crate::low; pub fn f() {}"),
            ("aside", "use crate::low;"),
        ]);
        let uses = uses(&files);
        let names = |modules: BTreeSet<Module>| modules.iter().map(name).collect::<Vec<_>>();
        assert_eq!(names(circle(&uses)), ["high", "low"]);
        let faults = upward(&uses, &[&["low"], &["high"]]);
        assert_eq!(faults, ["aside is in no layer", "low uses high, which is above it"]);
    }
}
