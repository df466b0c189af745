//! The tests that carry the ids of rules.
//!
//! A Rust test carries the ids in the comment above it and in the comments in its body. A JavaScript test carries
//! the ids in the comment above it and anywhere in its body.

use super::id::{Id, ids_in};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// A test of the repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Test {
    /// The file, from the root of the repository.
    pub(super) file: String,
    /// The function, or the title of a JavaScript test.
    pub(super) name: String,
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` `{}`", self.file, self.name)
    }
}

/// The folders with tests.
const SOURCES: [&str; 6] = ["crates", "components", "fuzz", "host", "tests", "xtask"];

/// The sources of this check, whose ids are samples.
const OWN_SOURCES: &str = "xtask/src/check/rules";

/// Finds the tests of each id, in the order of their files. Tests that are marked `#[ignore]` do not count.
pub(super) fn collect(root: &Path, groups: &BTreeSet<String>) -> Result<BTreeMap<Id, Vec<Test>>> {
    let mut tests = BTreeMap::<Id, Vec<Test>>::new();
    for dir in SOURCES {
        for path in sources(&root.join(dir))? {
            let file = path.strip_prefix(root).unwrap_or(&path).display().to_string().replace('\\', "/");
            if file.starts_with(OWN_SOURCES) {
                continue;
            }
            let text = std::fs::read_to_string(&path)?;
            let found =
                if file.ends_with(".rs") { in_rust(&text, groups) } else { in_javascript(&text, groups) };
            for (id, name) in found {
                tests.entry(id).or_default().push(Test { file: file.clone(), name });
            }
        }
    }
    Ok(tests)
}

/// Pairs of an id and the name of a test that carries it.
type Found = BTreeSet<(Id, String)>;

fn in_rust(source: &str, groups: &BTreeSet<String>) -> Found {
    let mut found = Found::new();
    // The comments and attributes directly above the current line.
    let (mut above, mut is_test, mut is_ignored) = (String::new(), false, false);
    // The name and the indentation of the test around the current line.
    let mut within: Option<(String, usize)> = None;
    for line in source.lines() {
        let text = line.trim_start();
        let indentation = line.len() - text.len();
        if let Some((name, of_test)) = &within {
            if text.starts_with("//") {
                found.extend(ids_in(text, groups).into_iter().map(|id| (id, name.clone())));
            }
            if indentation == *of_test && text.starts_with('}') {
                within = None;
            }
        } else if text.starts_with("//") && !text.starts_with("//!") {
            above.push_str(text.trim_start_matches('/'));
            above.push('\n');
        } else if text.starts_with("#[") {
            is_test |= is_test_attribute(text);
            is_ignored |= text.starts_with("#[ignore");
        } else {
            if let Some(name) = function_name(text).filter(|_| is_test && !is_ignored) {
                found.extend(ids_in(&above, groups).into_iter().map(|id| (id, name.to_owned())));
                within = (!text.ends_with('}')).then(|| (name.to_owned(), indentation));
            }
            above.clear();
            (is_test, is_ignored) = (false, false);
        }
    }
    found
}

fn in_javascript(source: &str, groups: &BTreeSet<String>) -> Found {
    let mut found = Found::new();
    // The ids for which no test has begun yet: those above the first one, and those in the comment above the next.
    let mut pending = BTreeSet::new();
    let mut current: Option<String> = None;
    for line in source.lines() {
        let text = line.trim_start();
        if let Some(title) = title(text) {
            found.extend(pending.iter().cloned().map(|id| (id, title.to_owned())));
            pending.clear();
            current = Some(title.to_owned());
        }
        let ids = ids_in(text, groups);
        // A comment at the margin belongs to the test below it.
        let is_above = text.starts_with("//") && text.len() == line.len();
        match &current {
            Some(title) if !is_above => found.extend(ids.into_iter().map(|id| (id, title.clone()))),
            _ => pending.extend(ids),
        }
    }
    if let Some(title) = current {
        found.extend(pending.into_iter().map(|id| (id, title.clone())));
    }
    found
}

/// Returns the title of the JavaScript test that begins on this line.
fn title(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("await ").unwrap_or(line);
    let rest = ["test(", "it(", "t.test(", "describe("].iter().find_map(|call| rest.strip_prefix(call))?;
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\'' | '`'))?;
    rest.get(1..)?.split(quote).next()
}

/// Returns the name of the function that begins on this line.
fn function_name(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("fn ")?;
    rest.split(['(', '<']).next()
}

fn is_test_attribute(line: &str) -> bool {
    let path = line.trim_start_matches("#[").split(['(', ']']).next().unwrap_or_default();
    path == "test" || path.ends_with("::test")
}

/// Returns the Rust and JavaScript files in a folder, without built and installed ones.
fn sources(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("no {}", dir.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if name != "node_modules" && name != "target" {
                files.extend(sources(&path)?);
            }
        } else if name.ends_with(".rs") || name.ends_with(".js") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(found: &Found) -> Vec<String> {
        found.iter().map(|(id, name)| format!("{id} {name}")).collect()
    }

    fn groups() -> BTreeSet<String> {
        BTreeSet::from(["HT".to_owned()])
    }

    #[test]
    fn rust_tests_carry_ids_in_comments_above_and_inside() {
        let source = "
//! HT-01 is the subject of this file.

/// HT-02: a rule, not a test.
fn rule() {
    // HT-03
}

/// HT-04: the first line,
/// and HT-05 in the second.
#[test]
fn first() {
    // HT-06
    if true {
    }
    let text = \"HT-07\";
}

// HT-08
#[tokio::test(flavor = \"multi_thread\")]
async fn second() {}

/// HT-09
#[test]
#[ignore]
fn ignored() {}

/// HT-10
fn after() {}
";
        let found = in_rust(source, &groups());
        assert_eq!(shown(&found), ["HT-04 first", "HT-05 first", "HT-06 first", "HT-08 second"]);
    }

    #[test]
    fn javascript_tests_carry_ids_above_and_inside() {
        let source = "
// HT-01: for the first test.
test(\"first\", async () => {
  // HT-02
  await t.test('inner', () => {}); // HT-03
});

// HT-04
test(`second`, () => {});
";
        let found = in_javascript(source, &groups());
        assert_eq!(shown(&found), ["HT-01 first", "HT-02 first", "HT-03 inner", "HT-04 second"]);
    }
}
