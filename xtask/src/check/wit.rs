//! Every item of our WIT says what it is: it is the contract that strangers implement.
//!
//! Items are packages, interfaces, worlds, types and functions. A field or a case may go without,
//! when its name says it. What is copied from elsewhere (`wit/wasi`) is not judged.

use crate::command::root;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

const KEYWORDS: [&str; 9] =
    ["package", "interface", "world", "record", "variant", "enum", "flags", "resource", "type"];

/// Fails when an item has no documentation.
pub(super) fn check() -> Result<()> {
    let mut faults = Vec::new();
    for file in files(&root().join("wit"))? {
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let shown = file.strip_prefix(root()).unwrap_or(&file).display();
        faults.extend(undocumented(&text).map(|(number, item)| format!("{shown}:{number}: {item}")));
    }
    if !faults.is_empty() {
        bail!("without a word of documentation:\n  {}", faults.join("\n  "));
    }
    Ok(())
}

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "wasi" && name != "deps") {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "wit") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The items that no `///` stands before, with their line numbers. A package is documented in one
/// file of its folder; ours have one file each.
fn undocumented(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut documented = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let line = line.trim();
        if line.starts_with("///") {
            documented = true;
            return None;
        }
        // Attributes stand between an item and its documentation.
        if line.starts_with('@') {
            return None;
        }
        let fault = is_item(line) && !documented;
        documented = false;
        fault.then_some((index + 1, line))
    })
}

fn is_item(line: &str) -> bool {
    // A field called `type` reads `type:` and a case called `resource-link` is another word.
    let first = line.split_whitespace().next().unwrap_or_default();
    let is_function = line.split_once(':').is_some_and(|(_, kind)| {
        ["func(", "async func(", "static func("].iter().any(|func| kind.trim().starts_with(func))
    });
    KEYWORDS.contains(&first) || is_function
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_need_documentation_and_fields_do_not() {
        let text = "\
/// Documented.
package a:b@0.1.0;

interface bare {
  /// Documented.
  @since(version = 0.1.0)
  record r {
    type: string,
    name: string,
  }
  go: async func() -> string;
  /// Documented.
  stay: func();
}
";
        let found: Vec<_> = undocumented(text).collect();
        assert_eq!(found, [(4, "interface bare {"), (11, "go: async func() -> string;")]);
    }
}
