//! Books of what has to be tested: every id has a test that carries it, or a reason in a document why there
//! is none.
//!
//! A test carries an id in the comment above it or in its body (Rust), or anywhere in a file of tests
//! (JavaScript). `K-01…K-03` stands for all three. What the ids stand for is in the design's lists, which
//! are not part of the repository: here they are numbers.

use crate::command::root;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One such book.
pub(super) struct Ledger {
    /// What the ids stand for, for the line that is printed.
    pub(super) what: &'static str,
    /// What every id begins with, before its group.
    pub(super) prefix: &'static str,
    /// The groups, and how many ids each has.
    pub(super) groups: &'static [(&'static str, u32)],
    /// Where the reasons are.
    pub(super) reasons: &'static str,
}

/// Where tests are.
const SOURCES: [&str; 6] = ["crates", "components", "fuzz", "host", "tests", "xtask"];

/// What is about this rule, and no test of the product.
const NO_TESTS: [&str; 3] = ["ledger.rs", "threats.rs", "requirements.rs"];

/// What stands between the first and the last id of a range.
const RANGE_SIGNS: [&str; 5] = ["…", "...", "..", "–", "to"];

/// An id: the group and the number.
type Id = (String, u32);

impl Ledger {
    /// The rule.
    pub(super) fn check(&self) -> Result<()> {
        let document = self.reasons;
        let reasons =
            std::fs::read_to_string(root().join(document)).with_context(|| format!("no {document}"))?;
        let reasons = self.reasons_in(&reasons)?;
        let mut tests = BTreeMap::new();
        for dir in SOURCES {
            for file in sources(&root().join(dir))? {
                let text = std::fs::read_to_string(&file)?;
                let shown = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
                let is_rust = file.extension().is_some_and(|extension| extension == "rs");
                let ids = if is_rust { self.ids_of_rust_tests(&text) } else { self.ids_in(&text) };
                for id in ids {
                    tests.entry(id).or_insert_with(|| shown.clone());
                }
            }
        }
        println!(
            "{} {}: {} with a test, {} with a reason",
            self.all().len(),
            self.what,
            tests.len(),
            reasons.len()
        );
        let faults = self.faults(&tests, &reasons);
        if !faults.is_empty() {
            bail!("{}", faults.join("\n"));
        }
        Ok(())
    }

    fn all(&self) -> BTreeSet<Id> {
        let numbers =
            |(group, count): &(&str, u32)| (1..=*count).map(|number| ((*group).to_owned(), number)).collect();
        self.groups.iter().flat_map::<Vec<Id>, _>(numbers).collect()
    }

    fn name(&self, (group, number): &Id) -> String {
        format!("{}{group}-{number:02}", self.prefix)
    }

    /// What is wrong, a sentence each.
    fn faults(&self, tests: &BTreeMap<Id, String>, reasons: &BTreeSet<Id>) -> Vec<String> {
        let (all, document) = (self.all(), self.reasons);
        let mut faults = Vec::new();
        for id in &all {
            match (tests.get(id), reasons.contains(id)) {
                (None, false) => {
                    faults.push(format!("{} has no test, and no reason in {document}", self.name(id)));
                }
                (Some(file), true) => faults.push(format!(
                    "{} has a test in {file}, so the reason in {document} is out of date",
                    self.name(id)
                )),
                _ => {}
            }
        }
        for (id, file) in tests.iter().filter(|(id, _)| !all.contains(*id)) {
            faults.push(format!("{}, of a test in {file}, is no known id", self.name(id)));
        }
        for id in reasons.difference(&all) {
            faults.push(format!("{}, in {document}, is no known id", self.name(id)));
        }
        faults
    }

    /// The ids of the table `| Id | Why there is no test |`. Every row has to say why.
    fn reasons_in(&self, document: &str) -> Result<BTreeSet<Id>> {
        let mut reasons = BTreeSet::new();
        for line in document.lines().filter(|line| line.starts_with('|')) {
            let mut cells = line.trim().trim_matches('|').split('|').map(str::trim);
            let (first, reason) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
            if first == "Id" || first.starts_with("--") {
                continue;
            }
            let ids = self.ids_in(first);
            if ids.is_empty() {
                bail!("no id in this row of {}: {line}", self.reasons);
            }
            if reason.len() < 10 {
                bail!("no reason in this row of {}: {line}", self.reasons);
            }
            for id in ids {
                if !reasons.insert(id.clone()) {
                    bail!("{} has two reasons in {}", self.name(&id), self.reasons);
                }
            }
        }
        Ok(reasons)
    }

    /// The ids in the comments of tests: above the function, beside its attributes, and in its body.
    /// Comments of anything else do not count.
    fn ids_of_rust_tests(&self, source: &str) -> BTreeSet<Id> {
        let mut ids = BTreeSet::new();
        // The comments and attributes that stand together above the line at hand.
        let (mut above, mut is_test) = (String::new(), false);
        // The indentation of the test that the line at hand is in.
        let mut within: Option<usize> = None;
        for line in source.lines() {
            let text = line.trim_start();
            let indentation = line.len() - text.len();
            if let Some(of_test) = within {
                if text.starts_with("//") {
                    ids.extend(self.ids_in(text));
                }
                if indentation == of_test && text.starts_with('}') {
                    within = None;
                }
            } else if text.starts_with("//") && !text.starts_with("//!") {
                above.push_str(text.trim_start_matches('/'));
                above.push('\n');
            } else if text.starts_with("#[") {
                is_test |= is_test_attribute(text);
            } else {
                if is_test && !text.is_empty() {
                    ids.extend(self.ids_in(&above));
                    within = (!text.ends_with('}')).then_some(indentation);
                }
                above.clear();
                is_test = false;
            }
        }
        ids
    }

    /// The ids in a text, ranges written out.
    fn ids_in(&self, text: &str) -> BTreeSet<Id> {
        let mut ids = BTreeSet::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..) {
            let Some(next) = rest.chars().next() else { break };
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let starts = !before.is_some_and(|before| before.is_alphanumeric() || before == '-');
            match starts.then(|| self.id_at(rest)).flatten() {
                Some((id, after)) => {
                    at = text.len() - after.len();
                    if let Some((last, after)) = self.range_end(&id.0, after) {
                        ids.extend((id.1..=last).map(|number| (id.0.clone(), number)));
                        at = text.len() - after.len();
                    }
                    ids.insert(id);
                }
                None => at += next.len_utf8(),
            }
        }
        ids
    }

    /// The id that a text begins with, and what follows.
    fn id_at<'a>(&self, text: &'a str) -> Option<(Id, &'a str)> {
        let text = text.strip_prefix(self.prefix)?;
        self.groups.iter().find_map(|(group, _)| {
            let (number, after) = number_at(text.strip_prefix(group)?.strip_prefix('-')?)?;
            Some((((*group).to_owned(), number), after))
        })
    }

    /// The number that a range ends with, if a range goes on here: `…K-03`, `…03`, ` to K-03`.
    fn range_end<'a>(&self, group: &str, text: &'a str) -> Option<(u32, &'a str)> {
        let text = text.trim_start_matches(' ');
        let text = RANGE_SIGNS.iter().find_map(|sign| text.strip_prefix(sign))?.trim_start_matches(' ');
        let whole =
            text.strip_prefix(self.prefix).and_then(|text| text.strip_prefix(group)?.strip_prefix('-'));
        number_at(whole.unwrap_or(text))
    }
}

fn is_test_attribute(line: &str) -> bool {
    let path = line.trim_start_matches("#[").split(['(', ']']).next().unwrap_or_default();
    path == "test" || path.ends_with("::test")
}

/// Two digits and no third.
fn number_at(text: &str) -> Option<(u32, &str)> {
    let (digits, after) = text.split_at_checked(2)?;
    let complete = digits.bytes().all(|byte| byte.is_ascii_digit())
        && !after.starts_with(|next: char| next.is_alphanumeric());
    complete.then(|| digits.parse().ok()).flatten().map(|number| (number, after))
}

/// All files of Rust and JavaScript below a folder, but what was built or installed.
fn sources(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("no {}", dir.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if name != "node_modules" && name != "target" {
                files.extend(sources(&path)?);
            }
        } else if (name.ends_with(".rs") || name.ends_with(".js")) && !NO_TESTS.contains(&&*name) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: Ledger = Ledger {
        what: "cases",
        prefix: "",
        groups: &[("AZ", 3), ("TK", 9), ("K", 9), ("HT", 10)],
        reasons: "reasons.md",
    };

    fn found(text: &str) -> Vec<String> {
        BOOK.ids_in(text).iter().map(|id| BOOK.name(id)).collect()
    }

    #[test]
    fn ids_may_have_a_prefix() {
        let book = Ledger { prefix: "MCP-", ..BOOK };
        let found = |text: &str| book.ids_in(text).iter().map(|id| book.name(id)).collect::<Vec<_>>();
        assert_eq!(found("MCP-K-01, K-02, MCP-HT-01"), ["MCP-HT-01", "MCP-K-01"]);
        for range in ["MCP-K-01…MCP-K-03", "MCP-K-01…03", "MCP-K-01 to MCP-K-03"] {
            assert_eq!(found(range), ["MCP-K-01", "MCP-K-02", "MCP-K-03"], "{range}");
        }
    }

    #[test]
    fn ids_are_found_in_lists_and_ranges() {
        assert_eq!(found("AZ-02, TK-04 and (K-07): x"), ["AZ-02", "K-07", "TK-04"]);
        for range in ["K-01…K-03", "K-01...K-03", "K-01..K-03", "K-01 – K-03", "K-01 to K-03", "K-01…03"]
        {
            assert_eq!(found(range), ["K-01", "K-02", "K-03"], "{range}");
        }
        assert_eq!(found("K-01…K-02, K-05"), ["K-01", "K-02", "K-05"]);
        assert_eq!(found("HT-10… and so on"), ["HT-10"]);
    }

    #[test]
    fn what_looks_like_an_id_is_none() {
        for text in ["MCP-K-01", "XK-01", "K-1", "K-012", "K-01st", "MP-01", "k-01", "K 01", "§K-", "CIMD-02"]
        {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
        // A character of several bytes on either side.
        assert_eq!(found("…K-01…"), ["K-01"]);
    }

    #[test]
    fn only_tests_carry_ids_in_rust() {
        let source = "
//! HT-01 is what this file is about.

/// HT-02: a rule, and no test of it.
fn rule() {
    // HT-03
}

/// HT-04: the first line,
/// and HT-05 in the second.
#[test]
#[ignore]
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
fn after() {}
";
        let ids: Vec<u32> = BOOK.ids_of_rust_tests(source).into_iter().map(|(_, number)| number).collect();
        assert_eq!(ids, [4, 5, 6, 8]);
    }

    #[test]
    fn rows_have_ids_and_reasons() {
        let table = "| Id | Why there is no test |\n|---|---|\n| K-01…K-02, HT-03 | nobody can do that |\n";
        assert_eq!(BOOK.reasons_in(table).unwrap().len(), 3);
        assert!(BOOK.reasons_in("| something | nobody can do that |").is_err());
        assert!(BOOK.reasons_in("| K-01 | |").is_err());
        assert!(
            BOOK.reasons_in("| K-01…K-03 | nobody can do that |\n| K-02 | nobody can do that |").is_err()
        );
    }

    #[test]
    fn gaps_stale_reasons_and_unknown_ids_are_faults() {
        let id = |group: &str, number: u32| (group.to_owned(), number);
        let file = || "somewhere.rs".to_owned();
        let mut tests: BTreeMap<Id, String> = BOOK.all().into_iter().map(|id| (id, file())).collect();
        assert!(BOOK.faults(&tests, &BTreeSet::new()).is_empty());
        assert_eq!(BOOK.faults(&tests, &BTreeSet::from([id("K", 1)])).len(), 1, "a stale reason");
        assert_eq!(BOOK.faults(&tests, &BTreeSet::from([id("K", 99)])).len(), 1, "a reason for nothing");
        tests.remove(&id("K", 1));
        assert!(BOOK.faults(&tests, &BTreeSet::from([id("K", 1)])).is_empty());
        assert_eq!(BOOK.faults(&tests, &BTreeSet::new()).len(), 1, "a gap");
        tests.insert(id("AZ", 99), file());
        assert_eq!(BOOK.faults(&tests, &BTreeSet::from([id("K", 1)])).len(), 1, "a test of nothing");
    }
}
