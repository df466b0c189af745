//! How large the components are.

use crate::build::MANIFESTS;
use crate::command::root;
use crate::manifest::Manifest;
use anyhow::{Context, Result, bail};

/// All components of a server together stay below this. docs/decisions.md says why it is more than 4 MB.
const LIMIT: u64 = 4_350_000;

/// Prints the size of every component of every published manifest, and fails when those that one server is made
/// of are too large together.
pub(super) fn check() -> Result<()> {
    let mut too_large = Vec::new();
    for manifest in MANIFESTS {
        println!("{manifest}");
        let mut total = 0;
        for file in Manifest::read(&root().join(manifest))?.files() {
            let size = std::fs::metadata(&file).with_context(|| format!("no {}", file.display()))?.len();
            total += size;
            println!("{size:>9}  {}", file.file_name().unwrap_or_default().to_string_lossy());
        }
        println!("{total:>9}  together, of at most {LIMIT}");
        if total > LIMIT {
            too_large.push(manifest);
        }
    }
    if !too_large.is_empty() {
        bail!("the components of {} are too large", too_large.join(" and "));
    }
    Ok(())
}
