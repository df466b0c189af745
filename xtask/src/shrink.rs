//! Making components smaller with binaryen's `wasm-opt`, which also makes them faster.
//!
//! rustc leaves about a seventh that `wasm-opt` can do without. It knows core modules only, so those in a component are taken
//! out, made smaller and put back; the names of a component's parts, which nothing reads, are left out. What came of a
//! file is kept by its digest: only what was built anew costs time.

use crate::build::MANIFESTS;
use crate::clients::{install_packages, node_fault};
use crate::command::{Program, root, target_dir};
use crate::manifest::Manifest;
use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::Path;

/// What the modules may use: what rustc's target may.
const FEATURES: [&str; 9] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-extended-const",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// At which level. `-Oz` makes them 2 % smaller still, and slower.
const LEVEL: &str = "-O2";

/// Modules smaller than this are the adapters that the linker writes.
const SMALL: usize = 20_000;

/// Where binaryen's version is written down.
const PACKAGES: &str = "xtask/binaryen";

/// The section that says of a component that it has been through this.
const MARK: &str = "wasm-opt";

/// What components may call themselves and their parts, in a section that nothing reads.
const NAMES: &str = "component-name";

/// The ids of sections of a component.
const CUSTOM: u8 = 0;
const CORE_MODULE: u8 = 1;

/// Makes all components of the published manifests smaller. What is given back says why they were not.
pub(crate) fn all_components() -> Result<Option<String>> {
    if let Some(missing) = node_fault() {
        println!("The components stay as rustc makes them: {missing}");
        return Ok(Some(missing));
    }
    let packages = root().join(PACKAGES);
    install_packages(&packages)?;
    let mut files = BTreeSet::new();
    for manifest in MANIFESTS {
        files.extend(Manifest::read(&root().join(manifest))?.files());
    }
    for file in &files {
        shrink(file, &packages).with_context(|| format!("making {} smaller", file.display()))?;
    }
    Ok(None)
}

/// Replaces a component by a smaller one.
fn shrink(file: &Path, packages: &Path) -> Result<()> {
    let bytes = std::fs::read(file)?;
    if sections(&bytes)?.iter().any(|section| section.custom_name() == Some(MARK.as_bytes())) {
        return Ok(());
    }
    let mut digest = Sha256::new();
    digest.update(std::fs::read(packages.join("package-lock.json"))?);
    digest.update(include_bytes!("shrink.rs"));
    digest.update(&bytes);
    let digest: String = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let folder = target_dir().join("shrunk");
    std::fs::create_dir_all(&folder)?;
    let kept = folder.join(&digest);
    if !kept.exists() {
        let scratch = folder.join(format!("{}.tmp", std::process::id()));
        let smaller = rewrite(&bytes, |module| optimize(module, &scratch, packages))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        println!("{name}: {} bytes instead of {}", smaller.len(), bytes.len());
        std::fs::write(&scratch, &smaller)?;
        std::fs::rename(&scratch, &kept)?;
    }
    // As another file, because cargo has a link to this one, from which it makes it again.
    let new = file.with_extension("new");
    std::fs::copy(&kept, &new)?;
    Ok(std::fs::rename(&new, file)?)
}

/// A core module, smaller.
fn optimize(module: &[u8], scratch: &Path, packages: &Path) -> Result<Vec<u8>> {
    let smaller = scratch.with_extension("opt");
    std::fs::write(scratch, module)?;
    // The program is a script; which Node runs it, it does not say on every system.
    let script = packages.join("node_modules/binaryen/bin/wasm-opt");
    Program::new("node")
        .args([script.as_path()])
        .args(FEATURES)
        .args([LEVEL])
        .args([scratch, Path::new("-o"), &smaller])
        .output()?;
    let bytes = std::fs::read(&smaller)?;
    std::fs::remove_file(&smaller)?;
    Ok(bytes)
}

/// A section of a component.
struct Section<'a> {
    id: u8,
    body: &'a [u8],
}

impl<'a> Section<'a> {
    fn custom_name(&self) -> Option<&'a [u8]> {
        let (length, body) = number(self.body)?;
        (self.id == CUSTOM).then(|| body.get(..length)).flatten()
    }
}

/// The component with its large modules made smaller, marked, and without names.
fn rewrite(bytes: &[u8], mut smaller: impl FnMut(&[u8]) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    let mut component = bytes.get(..8).context("it is no component")?.to_vec();
    let mut add = |id: u8, body: &[u8]| {
        component.push(id);
        write_number(&mut component, body.len());
        component.extend_from_slice(body);
    };
    for section in sections(bytes)? {
        match section.id {
            CORE_MODULE if section.body.len() > SMALL => add(CORE_MODULE, &smaller(section.body)?),
            CUSTOM if section.custom_name() == Some(NAMES.as_bytes()) => {}
            id => add(id, section.body),
        }
    }
    let mut mark = Vec::new();
    write_number(&mut mark, MARK.len());
    mark.extend_from_slice(MARK.as_bytes());
    add(CUSTOM, &mark);
    Ok(component)
}

/// The sections at the top of a component.
fn sections(bytes: &[u8]) -> Result<Vec<Section<'_>>> {
    // The magic number, and the version and layer that are a component's.
    ensure!(bytes.starts_with(b"\0asm\x0d\0\x01\0"), "it is no component");
    let mut rest = bytes.get(8..).unwrap_or_default();
    let mut sections = Vec::new();
    while let Some((id, after)) = rest.split_first() {
        let body = number(after).and_then(|(length, after)| after.split_at_checked(length));
        let (body, after) = body.context("it ends in the middle")?;
        sections.push(Section { id: *id, body });
        rest = after;
    }
    Ok(sections)
}

/// Reads a number in LEB128, and returns what follows it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(index + 1..)?));
        }
    }
    None
}

fn write_number(bytes: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        bytes.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"\0asm\x0d\0\x01\0";

    fn section(id: u8, body: &[u8]) -> Vec<u8> {
        let mut section = vec![id];
        write_number(&mut section, body.len());
        section.extend_from_slice(body);
        section
    }

    #[test]
    fn large_modules_are_replaced_and_names_left_out() {
        let module = vec![7; SMALL + 1];
        let names = [&[14][..], NAMES.as_bytes(), b"whatever"].concat();
        let other = section(6, b"an alias");
        let component = [
            HEAD,
            &section(CORE_MODULE, &module),
            &section(CORE_MODULE, b"small"),
            &section(CUSTOM, &names),
            &other,
        ]
        .concat();
        let smaller = rewrite(&component, |given| {
            assert_eq!(given, module);
            Ok(b"smaller".to_vec())
        });
        let mark = section(CUSTOM, &[&[8][..], MARK.as_bytes()].concat());
        let expected =
            [HEAD, &section(CORE_MODULE, b"smaller"), &section(CORE_MODULE, b"small"), &other, &mark]
                .concat();
        assert_eq!(smaller.unwrap(), expected);
        assert!(
            sections(&expected).unwrap().iter().any(|section| section.custom_name() == Some(MARK.as_bytes()))
        );
    }

    #[test]
    fn what_is_no_component_is_left_alone() {
        assert!(sections(b"\0asm\x01\0\0\0").is_err(), "a core module");
        assert!(sections(&[HEAD, &[1, 200, 1, 0]].concat()).is_err(), "it is cut off");
        assert!(sections(b"").is_err());
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for length in [0, 127, 128, 300, 1_600_000] {
            let mut bytes = Vec::new();
            write_number(&mut bytes, length);
            bytes.push(9);
            assert_eq!(number(&bytes), Some((length, &[9][..])));
        }
    }
}
