//! A component and its dependencies become one component.
//!
//! Stands in for Spin's composition, with the same crate and the same rules: each dependency's name
//! is matched against the component's imports, each matched import is filled with the dependency's
//! export of the same name (or the one named in `export`), and every dependency is a package of its
//! own in the graph, so two of them whose interfaces share a WIT package do not compose. What a
//! dependency does not inherit is renamed before it enters the graph (see [`crate::capability`]);
//! imports that nobody fills stay imports of the whole, merged by name.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use wac_graph::types::{Package, SubtypeChecker, WorldId};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};
use wasm_encoder::reencode::ReencodeComponent;
use wasm_encoder::{Component, ComponentImportSection, reencode};
use wasmparser::{ComponentExternName, ComponentImportSectionReader, Encoding, Parser, Payload};

use crate::capability::Inherit;

/// A dependency's bytes and how it is to be used.
pub struct Part {
    /// The dependency's name in the manifest.
    pub name: String,
    /// The component.
    pub bytes: Vec<u8>,
    /// The export to use, when it is not named like the import.
    pub export: Option<String>,
    /// What it inherits.
    pub inherit: Inherit,
}

/// Compose the component `id` with `dependencies`.
pub fn compose(id: &str, bytes: Vec<u8>, dependencies: Vec<Part>) -> Result<Vec<u8>> {
    ensure_component(&bytes)?;
    if dependencies.is_empty() {
        return Ok(bytes);
    }
    let mut graph = CompositionGraph::new();
    let (world, instance) = register(&mut graph, id, bytes)?;
    let imports: Vec<String> = graph.types()[world].imports.keys().cloned().collect();

    let mut filled: BTreeMap<&str, (String, NodeId)> = BTreeMap::new();
    for part in dependencies {
        let wanted: Vec<&str> =
            imports.iter().map(String::as_str).filter(|import| matches(&part.name, import)).collect();
        ensure!(!wanted.is_empty(), "dependency {:?} matches none of the component's imports", part.name);
        let package = part.name.split(['/', '@']).next().unwrap_or_default().to_owned();
        let bytes = ensure_component(&part.bytes)
            .and_then(|()| deny(&part.bytes, &part.inherit))
            .with_context(|| format!("dependency {:?}", part.name))?;
        let (part_world, part_instance) =
            register(&mut graph, &package, bytes).with_context(|| format!("dependency {:?}", part.name))?;
        for import in wanted {
            if let Some((other, _)) = filled.get(import) {
                bail!("the import {import:?} is filled by two dependencies, {other:?} and {:?}", part.name);
            }
            let export = part.export.as_deref().unwrap_or(import);
            check_type(&graph, &part.name, (part_world, export), (world, import))?;
            let node = graph.alias_instance_export(part_instance, export)?;
            filled.insert(import, (part.name.clone(), node));
        }
    }
    for (import, (_, node)) in filled {
        graph.set_instantiation_argument(instance, import, node)?;
    }
    let exports: Vec<String> = graph.types()[world].exports.keys().cloned().collect();
    for export in exports {
        let node = graph.alias_instance_export(instance, &export)?;
        graph.export(node, export)?;
    }
    graph.encode(EncodeOptions::default()).context("the composition cannot be encoded")
}

/// Whether the bytes are a component at all: a core module or a text file is a likely slip.
fn ensure_component(bytes: &[u8]) -> Result<()> {
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding: Encoding::Component, .. })) => Ok(()),
        Some(Ok(Payload::Version { .. })) => bail!("the file is a core WebAssembly module, not a component"),
        _ => bail!("the file is not WebAssembly"),
    }
}

fn register(graph: &mut CompositionGraph, name: &str, bytes: Vec<u8>) -> Result<(WorldId, NodeId)> {
    let package = Package::from_bytes(name, None, bytes, graph.types_mut())?;
    let world = package.ty();
    let id = graph.register_package(package)?;
    Ok((world, graph.instantiate(id)))
}

fn check_type(
    graph: &CompositionGraph,
    dependency: &str,
    (from, export): (WorldId, &str),
    (to, import): (WorldId, &str),
) -> Result<()> {
    let types = graph.types();
    let offered = types[from].exports.get(export).with_context(|| {
        format!("dependency {dependency:?} does not export {export:?}, which the import {import:?} needs")
    })?;
    let needed = types[to].imports.get(import).context("the import has gone")?;
    let mut cache = Default::default();
    SubtypeChecker::new(&mut cache).is_subtype(*offered, types, *needed, types).map_err(|error| {
        anyhow!("dependency {dependency:?} exports {export:?} in another shape than the component imports it: {error:#}")
    })
}

/// Whether the dependency called `name` is meant for `import`.
///
/// A plain name stands for itself; `package` and `package/interface` stand for every interface and
/// every version that they leave open.
fn matches(name: &str, import: &str) -> bool {
    fn parts(name: &str) -> (&str, Option<&str>, Option<&str>) {
        let (name, version) = name.split_once('@').map_or((name, None), |(name, v)| (name, Some(v)));
        let (package, interface) = name.split_once('/').map_or((name, None), |(p, i)| (p, Some(i)));
        (package, interface, version)
    }
    let (package, interface, version) = parts(name);
    let (import_package, import_interface, import_version) = parts(import);
    package == import_package
        && (interface.is_none() || interface == import_interface)
        && (version.is_none() || version == import_version)
        && (package.contains(':') || interface == import_interface)
}

/// `bytes` with every import that is not inherited under its denied name.
fn deny(bytes: &[u8], inherit: &Inherit) -> Result<Vec<u8>> {
    let mut component = Component::new();
    Rename { inherit, depth: 0 }
        .parse_component(&mut component, Parser::new(0), bytes)
        .map_err(|error| anyhow!("the component cannot be rewritten: {error}"))?;
    Ok(component.finish())
}

struct Rename<'a> {
    inherit: &'a Inherit,
    /// How many components deep: only the outermost one's imports are the host's business.
    depth: usize,
}

impl reencode::Reencode for Rename<'_> {
    type Error = std::convert::Infallible;
}

impl ReencodeComponent for Rename<'_> {
    fn push_depth(&mut self) {
        self.depth += 1;
    }

    fn pop_depth(&mut self) {
        self.depth -= 1;
    }

    fn parse_component_import_section(
        &mut self,
        imports: &mut ComponentImportSection,
        section: ComponentImportSectionReader<'_>,
    ) -> Result<(), reencode::Error<Self::Error>> {
        if self.depth > 0 {
            return reencode::component_utils::parse_component_import_section(self, imports, section);
        }
        for import in section {
            let import = import?;
            let ty = self.component_type_ref(import.ty)?;
            match self.inherit.denied_name(import.name.name) {
                Some(denied) => imports.import(ComponentExternName { name: &denied, ..import.name }, ty),
                None => imports.import(import.name, ty),
            };
        }
        Ok(())
    }
}
