//! How large the components are.

use crate::build::MANIFESTS;
use crate::command::root;
use crate::manifest::Manifest;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;

/// All components together stay below this.
const LIMIT: u64 = 4_000_000;

/// Prints the size of every component, and fails when they are too large together.
pub(super) fn check() -> Result<()> {
    let mut files = BTreeSet::new();
    for manifest in MANIFESTS {
        files.extend(Manifest::read(&root().join(manifest))?.files());
    }
    let mut total = 0;
    for file in files {
        let size = std::fs::metadata(&file).with_context(|| format!("no {}", file.display()))?.len();
        total += size;
        println!("{size:>9}  {}", file.file_name().unwrap_or_default().to_string_lossy());
    }
    println!("{total:>9}  together, of at most {LIMIT}");
    if total > LIMIT {
        bail!("the components are too large");
    }
    Ok(())
}
