//! Every abuse case that the design names has a test that carries its id, or a reason in
//! `tests/threats.md` why there is none.
//!
//! A test carries an id in the comment above it or in its body (Rust), or anywhere in a file of tests
//! (JavaScript). `K-01…K-03` stands for all three. What the ids stand for is in the design's threat
//! list, which is not part of the repository: here they are numbers.

use crate::command::root;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The groups, and how many cases each has: AZ authorization and consent, TK tokens, RG registration,
/// CM client id metadata documents, DS discovery, RS the resource server, K storage, HT HTTP.
const GROUPS: [(&str, u32); 8] =
    [("AZ", 34), ("TK", 40), ("RG", 19), ("CM", 25), ("DS", 10), ("RS", 16), ("K", 33), ("HT", 17)];

/// Where tests are.
const SOURCES: [&str; 6] = ["crates", "components", "fuzz", "host", "tests", "xtask"];

/// Where the reasons are.
const REASONS: &str = "tests/threats.md";

/// What stands between the first and the last id of a range.
const RANGE_SIGNS: [&str; 5] = ["…", "...", "..", "–", "to"];

/// An id: the group and the number.
type Id = (String, u32);

/// The rule.
pub(super) fn check() -> Result<()> {
    let reasons = std::fs::read_to_string(root().join(REASONS)).with_context(|| format!("no {REASONS}"))?;
    let reasons = reasons_in(&reasons)?;
    let mut tests = BTreeMap::new();
    for dir in SOURCES {
        for file in sources(&root().join(dir))? {
            let text = std::fs::read_to_string(&file)?;
            let shown = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
            let is_rust = file.extension().is_some_and(|extension| extension == "rs");
            let ids = if is_rust { ids_of_rust_tests(&text) } else { ids_in(&text) };
            for id in ids {
                tests.entry(id).or_insert_with(|| shown.clone());
            }
        }
    }
    println!("{} cases: {} with a test, {} with a reason", all().len(), tests.len(), reasons.len());
    let faults = faults(&tests, &reasons);
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(())
}

fn all() -> BTreeSet<Id> {
    let numbers =
        |(group, count): (&'static str, u32)| (1..=count).map(move |number| (group.to_owned(), number));
    GROUPS.into_iter().flat_map(numbers).collect()
}

/// What is wrong, a sentence each.
fn faults(tests: &BTreeMap<Id, String>, reasons: &BTreeSet<Id>) -> Vec<String> {
    let all = all();
    let name = |(group, number): &Id| format!("{group}-{number:02}");
    let mut faults = Vec::new();
    for id in &all {
        match (tests.get(id), reasons.contains(id)) {
            (None, false) => faults.push(format!("{} has no test, and no reason in {REASONS}", name(id))),
            (Some(file), true) => faults.push(format!(
                "{} has a test in {file}, so the reason in {REASONS} is out of date",
                name(id)
            )),
            _ => {}
        }
    }
    for (id, file) in tests.iter().filter(|(id, _)| !all.contains(*id)) {
        faults.push(format!("{}, of a test in {file}, is no known id", name(id)));
    }
    for id in reasons.difference(&all) {
        faults.push(format!("{}, in {REASONS}, is no known id", name(id)));
    }
    faults
}

/// The ids of the table `| Id | Why there is no test |`. Every row has to say why.
fn reasons_in(document: &str) -> Result<BTreeSet<Id>> {
    let mut reasons = BTreeSet::new();
    for line in document.lines().filter(|line| line.starts_with('|')) {
        let mut cells = line.trim().trim_matches('|').split('|').map(str::trim);
        let (first, reason) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
        if first == "Id" || first.starts_with("--") {
            continue;
        }
        let ids = ids_in(first);
        if ids.is_empty() {
            bail!("no id in this row of {REASONS}: {line}");
        }
        if reason.len() < 10 {
            bail!("no reason in this row of {REASONS}: {line}");
        }
        for id in ids {
            if !reasons.insert(id.clone()) {
                bail!("{}-{:02} has two reasons in {REASONS}", id.0, id.1);
            }
        }
    }
    Ok(reasons)
}

/// The ids in the comments of tests: above the function, beside its attributes, and in its body.
/// Comments of anything else do not count.
fn ids_of_rust_tests(source: &str) -> BTreeSet<Id> {
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
                ids.extend(ids_in(text));
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
                ids.extend(ids_in(&above));
                within = (!text.ends_with('}')).then_some(indentation);
            }
            above.clear();
            is_test = false;
        }
    }
    ids
}

fn is_test_attribute(line: &str) -> bool {
    let path = line.trim_start_matches("#[").split(['(', ']']).next().unwrap_or_default();
    path == "test" || path.ends_with("::test")
}

/// The ids in a text, ranges written out.
fn ids_in(text: &str) -> BTreeSet<Id> {
    let mut ids = BTreeSet::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(next) = rest.chars().next() else { break };
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let starts = !before.is_some_and(|before| before.is_alphanumeric() || before == '-');
        match starts.then(|| id_at(rest)).flatten() {
            Some((id, after)) => {
                at = text.len() - after.len();
                if let Some((last, after)) = range_end(&id.0, after) {
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
fn id_at(text: &str) -> Option<(Id, &str)> {
    GROUPS.iter().find_map(|(group, _)| {
        let (number, after) = number_at(text.strip_prefix(group)?.strip_prefix('-')?)?;
        Some((((*group).to_owned(), number), after))
    })
}

/// Two digits and no third.
fn number_at(text: &str) -> Option<(u32, &str)> {
    let (digits, after) = text.split_at_checked(2)?;
    let complete = digits.bytes().all(|byte| byte.is_ascii_digit())
        && !after.starts_with(|next: char| next.is_alphanumeric());
    complete.then(|| digits.parse().ok()).flatten().map(|number| (number, after))
}

/// The number that a range ends with, if a range goes on here: `…K-03`, `…03`, ` to K-03`.
fn range_end<'a>(group: &str, text: &'a str) -> Option<(u32, &'a str)> {
    let text = text.trim_start_matches(' ');
    let text = RANGE_SIGNS.iter().find_map(|sign| text.strip_prefix(sign))?.trim_start_matches(' ');
    let number = text.strip_prefix(group).and_then(|text| text.strip_prefix('-')).unwrap_or(text);
    number_at(number)
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
        // What stands in here is about the rule, and no test of the product.
        } else if (name.ends_with(".rs") || name.ends_with(".js")) && name != "threats.rs" {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        ids_in(text).iter().map(|(group, number)| format!("{group}-{number:02}")).collect()
    }

    #[test]
    fn every_case_has_a_test_or_a_reason() {
        check().unwrap();
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
        let ids: Vec<u32> = ids_of_rust_tests(source).into_iter().map(|(_, number)| number).collect();
        assert_eq!(ids, [4, 5, 6, 8]);
    }

    #[test]
    fn rows_have_ids_and_reasons() {
        let table = "| Id | Why there is no test |\n|---|---|\n| K-01…K-02, HT-03 | nobody can do that |\n";
        assert_eq!(reasons_in(table).unwrap().len(), 3);
        assert!(reasons_in("| something | nobody can do that |").is_err());
        assert!(reasons_in("| K-01 | |").is_err());
        assert!(reasons_in("| K-01…K-03 | nobody can do that |\n| K-02 | nobody can do that |").is_err());
    }

    #[test]
    fn gaps_stale_reasons_and_unknown_ids_are_faults() {
        let id = |group: &str, number: u32| (group.to_owned(), number);
        let file = || "somewhere.rs".to_owned();
        let mut tests: BTreeMap<Id, String> = all().into_iter().map(|id| (id, file())).collect();
        assert!(faults(&tests, &BTreeSet::new()).is_empty());
        assert_eq!(faults(&tests, &BTreeSet::from([id("K", 1)])).len(), 1, "a stale reason");
        assert_eq!(faults(&tests, &BTreeSet::from([id("K", 99)])).len(), 1, "a reason for nothing");
        tests.remove(&id("K", 1));
        assert!(faults(&tests, &BTreeSet::from([id("K", 1)])).is_empty());
        assert_eq!(faults(&tests, &BTreeSet::new()).len(), 1, "a gap");
        tests.insert(id("AZ", 99), file());
        assert_eq!(faults(&tests, &BTreeSet::from([id("K", 1)])).len(), 1, "a test of nothing");
    }
}
