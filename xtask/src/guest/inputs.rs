//! What a component is made of, as one digest: the same digest, the same component.

use super::REQUIREMENTS;
use crate::command::Program;
use crate::new::LEFTOVERS;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Digests everything that a component in `dir` is built from: its files, the interface, the packages that are
/// installed in `toolchain`, Node, and this program's own way of building.
///
/// `None` if the component also has packages that are folders elsewhere, which change without a new version.
pub(super) fn digest(dir: &Path, interface: &Path, toolchain: &Path) -> Result<Option<String>> {
    let mut digest = Sha256::new();
    let mut add = |name: &[u8], bytes: &[u8]| {
        for part in [name, bytes] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
    };
    for (name, own) in [
        ("mod.rs", include_str!("mod.rs")),
        ("declarations.rs", include_str!("declarations.rs")),
        ("schema.rs", include_str!("schema.rs")),
        ("entry.py", include_str!("entry.py")),
        ("describe.mjs", include_str!("describe.mjs")),
    ] {
        add(name.as_bytes(), own.as_bytes());
    }
    // Which of two folders of the same name wrote the file.
    add(b"dir", dir.to_string_lossy().as_bytes());
    for folder in [dir, interface] {
        for file in files(folder)? {
            let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            add(file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().as_bytes(), &bytes);
        }
    }
    for package in packages(toolchain)? {
        add(b"package", package.as_bytes());
    }
    if dir.join("package.json").is_file() {
        let node = Program::new("node").args(["--version"]).output().unwrap_or_default();
        add(b"node", node.as_bytes());
    }
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((!has_linked_packages(dir)).then_some(digest))
}

/// The files of a folder, in order, without what tools leave behind and what is hidden.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') || LEFTOVERS.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

/// What is installed: of npm, its own record of it; of pip, the names of its records, which have the versions.
fn packages(toolchain: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for record in [".package-lock.json", "pyvenv.cfg"] {
        found.extend(std::fs::read_to_string(toolchain.join(record)));
    }
    for library in ["lib", "Lib"] {
        let mut folders = vec![toolchain.join(library)];
        // `lib/python3.11/site-packages`, or on Windows `Lib/site-packages`.
        for _ in 0..3 {
            let mut within = Vec::new();
            for entry in folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten() {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if name.ends_with(".dist-info") {
                    found.push(name);
                } else if name.starts_with("python") || name == "site-packages" {
                    within.push(path);
                }
            }
            folders = within;
        }
    }
    found.sort();
    Ok(found)
}

/// Whether packages are taken from folders rather than from a registry.
fn has_linked_packages(dir: &Path) -> bool {
    let text = |file: &str| std::fs::read_to_string(dir.join(file)).unwrap_or_default();
    let requirements = text(REQUIREMENTS);
    let is_local = |line: &str| {
        let line = line.split('#').next().unwrap_or_default().trim();
        line.starts_with(['-', '.', '/']) || line.contains("file:") || line.contains("@ .")
    };
    requirements.lines().any(is_local) || text("package-lock.json").contains("\"link\": true")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folders(PathBuf);

    impl Folders {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("postern-inputs-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&dir);
            let folders = Self(dir);
            folders.write("app/app.py", "a");
            folders.write("app/requirements.txt", "componentize-py==0.25.1\n");
            folders.write("wit/tools.wit", "package a;");
            folders.write("env/pyvenv.cfg", "version = 3.11.7");
            folders.write("env/lib/python3.11/site-packages/componentize_py-0.25.1.dist-info/METADATA", "x");
            folders
        }

        fn write(&self, file: &str, text: &str) {
            let file = self.0.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }

        fn digest(&self) -> Option<String> {
            digest(&self.0.join("app"), &self.0.join("wit"), &self.0.join("env")).unwrap()
        }
    }

    impl Drop for Folders {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn an_edit_a_new_file_another_interface_and_another_toolchain_are_changes() {
        let folders = Folders::new("changes");
        let mut seen = vec![folders.digest().unwrap()];
        for (file, text) in [
            ("app/app.py", "b"),
            ("app/more/part.py", ""),
            ("app/data.json", "{}"),
            ("wit/tools.wit", "package b;"),
            ("env/pyvenv.cfg", "version = 3.12.0"),
            ("env/lib/python3.11/site-packages/extra-1.0.dist-info/METADATA", "x"),
            ("app/package.json", "{}"),
        ] {
            folders.write(file, text);
            let digest = folders.digest().unwrap();
            assert!(!seen.contains(&digest), "{file}");
            seen.push(digest);
        }
    }

    #[test]
    fn what_tools_leave_behind_is_no_change() {
        let folders = Folders::new("leftovers");
        let before = folders.digest();
        for file in
            ["app/__pycache__/app.pyc", "app/node_modules/a/index.js", "app/.venv/x", "app/.app.py.swp"]
        {
            folders.write(file, "x");
        }
        assert_eq!(folders.digest(), before);
        // The same bytes under another name, or in another file, are a change.
        folders.write("app/a", "bc");
        let one = folders.digest();
        std::fs::remove_file(folders.0.join("app/a")).unwrap();
        folders.write("app/ab", "c");
        assert_ne!(folders.digest(), one);
    }

    /// Such a folder changes without a new version of anything.
    #[test]
    fn a_component_with_packages_from_other_folders_is_always_built() {
        for line in ["-e ../mine", "./mine", "mine @ file:///mine", "-r more.txt"] {
            let folders = Folders::new("linked");
            folders.write("app/requirements.txt", &format!("componentize-py==0.25.1\n{line}\n"));
            assert_eq!(folders.digest(), None, "{line}");
        }
        let folders = Folders::new("linked-npm");
        folders.write("app/package-lock.json", "{ \"link\": true }");
        assert_eq!(folders.digest(), None);
    }
}
