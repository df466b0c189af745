//! Compiled components, kept from one start to the next.
//!
//! What is kept is the composed component, ready to be mapped into memory: a later start neither
//! composes nor compiles. A file is named by the digest of all that it was made from, so a component
//! that was built anew is another file, and nothing is ever out of date. Whoever can write to the
//! directory decides what code runs, as with the components themselves; it is made for its owner alone.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result, anyhow};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::log::{self, one_line};
use crate::private;

/// How many are kept. A developer makes a new one with every build.
const MOST: usize = 32;

/// How their names end.
const EXTENSION: &str = "cwasm";

/// How components are composed here, which their names depend on too.
const RULES: [&str; 2] = [include_str!("compose.rs"), include_str!("capability.rs")];

/// The directory that they are kept in.
#[derive(Debug)]
pub struct Compiled {
    directory: PathBuf,
}

/// What a component is made from, as a digest.
#[derive(Clone, Debug)]
pub struct Origin(Sha256);

impl Default for Origin {
    fn default() -> Self {
        Self(Sha256::new()).with(env!("CARGO_PKG_VERSION")).with(RULES[0]).with(RULES[1])
    }
}

impl Origin {
    /// Adds a part.
    #[must_use]
    pub fn with(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        // With its length, so that what is in one part cannot look like two.
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    fn file_name(self) -> String {
        let digest = self.0.finalize();
        let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{name}.{EXTENSION}")
    }
}

impl Compiled {
    /// Keep them in `directory`, which is made if it is not there.
    pub fn open(directory: &Path) -> Result<Self> {
        private::make_directory(directory)?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// The component with this origin: the one that was kept, or else what `make` composes, which is
    /// compiled and kept.
    pub fn component(
        &self,
        engine: &Engine,
        origin: Origin,
        make: impl FnOnce() -> Result<Vec<u8>>,
    ) -> Result<Component> {
        let path = self.directory.join(origin.file_name());
        if let Some(component) = read(engine, &path) {
            return Ok(component);
        }
        let component = compile(engine, &make()?)?;
        // It is needed now, and only wanted later.
        if let Err(error) = self.keep(&component, &path) {
            log::line(format_args!("compiled code cannot be kept: {error:#}"));
        }
        Ok(component)
    }

    /// Writes it whole or not at all, and lets those go that were not used for longest.
    fn keep(&self, component: &Component, path: &Path) -> Result<()> {
        let bytes = component.serialize().map_err(|error| anyhow!("{}", one_line(&error)))?;
        let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = File::create(&unfinished).and_then(|mut file| {
            file.write_all(&bytes)?;
            std::fs::rename(&unfinished, path)
        });
        if written.is_err() {
            let _ = std::fs::remove_file(&unfinished);
        }
        written.with_context(|| format!("cannot write {}", path.display()))?;
        let mut kept: Vec<(SystemTime, PathBuf)> = std::fs::read_dir(&self.directory)?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let path = entry.path();
                let is_one = path.extension().is_some_and(|extension| extension == EXTENSION);
                is_one.then_some((entry.metadata().ok()?.modified().ok()?, path))
            })
            .collect();
        kept.sort();
        for (_, path) in kept.iter().rev().skip(MOST) {
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }
}

/// Compiles a component.
pub fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component> {
    Component::new(engine, bytes)
        .map_err(|error| anyhow!("{}", one_line(&error)))
        .context("it cannot be compiled")
}

/// One that was kept. What another version of the engine wrote, or another processor can do, is not
/// taken, and replaced.
#[expect(unsafe_code, reason = "the file is ours, as the directory is; see the module")]
fn read(engine: &Engine, path: &Path) -> Option<Component> {
    let file = File::open(path).ok()?;
    // SAFETY: nobody but this program writes to the directory, and files in it are only ever replaced
    // as a whole, so what is mapped does not change.
    let component = unsafe { Component::deserialize_file(engine, path) }.ok()?;
    let _ = file.set_modified(SystemTime::now());
    Some(component)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: &str = "(component)";

    fn made(compiled: &Compiled, engine: &Engine, origin: &str) -> bool {
        let mut made = false;
        let origin = Origin::default().with(origin);
        compiled
            .component(engine, origin, || {
                made = true;
                Ok(wat::parse_str(COMPONENT)?)
            })
            .unwrap();
        made
    }

    #[test]
    fn a_component_is_compiled_once() {
        let directory = tempfile::tempdir().unwrap();
        let (compiled, engine) = (Compiled::open(directory.path()).unwrap(), Engine::default());
        assert!(made(&compiled, &engine, "a"));
        assert!(!made(&compiled, &engine, "a"));
        assert!(made(&compiled, &engine, "b"), "another one is compiled");
    }

    #[test]
    fn a_torn_file_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let (compiled, engine) = (Compiled::open(directory.path()).unwrap(), Engine::default());
        assert!(made(&compiled, &engine, "a"));
        let file = std::fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        assert!(made(&compiled, &engine, "a"));
        assert!(!made(&compiled, &engine, "a"));
    }

    #[test]
    fn the_oldest_are_let_go() {
        let directory = tempfile::tempdir().unwrap();
        let (compiled, engine) = (Compiled::open(directory.path()).unwrap(), Engine::default());
        for origin in 0..=MOST {
            assert!(made(&compiled, &engine, &origin.to_string()));
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), MOST);
    }

    #[test]
    fn parts_do_not_run_together() {
        let name = |origin: Origin| origin.file_name();
        assert_ne!(
            name(Origin::default().with("ab").with("c")),
            name(Origin::default().with("a").with("bc"))
        );
    }
}
