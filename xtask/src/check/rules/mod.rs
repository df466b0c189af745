//! The catalogue of rules in `docs/rules`: every rule has a test that exists and runs, or a reason why it has none.
//!
//! Tests carry the ids of the rules that they cover. `cargo xtask rules` writes the first test of each rule into the
//! tables; `cargo xtask check` proves that it is still there.

mod catalogue;
mod evidence;
mod id;

use crate::command::root;
use anyhow::{Result, bail};
use catalogue::{Coverage, Line, Page, Row};
use evidence::Test;
use id::Id;
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

/// Where the tables are.
const CATALOGUE: &str = "docs/rules";

type Tests = BTreeMap<Id, Vec<Test>>;

/// The rule of `cargo xtask check`.
pub(super) fn check() -> Result<()> {
    let (pages, tests) = read()?;
    let rows: Vec<&Row> = pages.iter().flat_map(Page::rows).collect();
    let faults = faults(&rows, &tests);
    if !faults.is_empty() {
        bail!("{}\n`cargo xtask rules` writes the tests into {CATALOGUE}", faults.join("\n"));
    }
    let with_reason = rows.iter().filter(|row| matches!(row.test, Coverage::Reason(_))).count();
    println!("{} rules: {} with a test, {with_reason} with a reason", rows.len(), rows.len() - with_reason);
    Ok(())
}

/// The task `rules`: writes the first test of each rule into the tables.
pub(crate) fn update() -> Result<ExitCode> {
    let (mut pages, tests) = read()?;
    for page in &mut pages {
        for line in &mut page.lines {
            if let Line::Rule(row) = line
                && let Some(test) = tests.get(&row.id).and_then(|tests| tests.first())
            {
                row.test = Coverage::Test(test.to_string());
            }
        }
        page.write()?;
    }
    check()?;
    Ok(ExitCode::SUCCESS)
}

fn read() -> Result<(Vec<Page>, Tests)> {
    let pages = Page::read_all(&root().join(CATALOGUE))?;
    let groups = pages.iter().flat_map(Page::rows).map(|row| row.id.group.clone()).collect();
    Ok((pages, evidence::collect(&root(), &groups)?))
}

/// Returns a sentence for each row and each test that is wrong.
fn faults(rows: &[&Row], tests: &Tests) -> Vec<String> {
    let mut faults = Vec::new();
    let mut known = BTreeSet::new();
    for Row { id, test, .. } in rows {
        if !known.insert(id) {
            faults.push(format!("{id} is in the catalogue twice"));
        }
        let covering = tests.get(id).map(Vec::as_slice).unwrap_or_default();
        match (test, covering) {
            (Coverage::Reason(_), []) => {}
            (Coverage::Reason(_), [first, ..]) => {
                faults.push(format!("{id} has a reason why it has no test, and the test {first}"));
            }
            (Coverage::Test(test), covering) if covering.iter().any(|found| found.to_string() == *test) => {}
            (Coverage::Test(test), _) => {
                faults.push(format!(
                    "{id} names a test that is missing or ignored, or does not carry the id: {test}"
                ));
            }
        }
    }
    for (id, tests) in tests.iter().filter(|(id, _)| !known.contains(id)) {
        faults.extend(tests.first().map(|test| format!("{test} carries {id}, which is not in {CATALOGUE}")));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_test_or_a_reason() {
        check().unwrap();
    }

    fn id(number: u32) -> Id {
        Id { group: "TK".to_owned(), number }
    }

    fn row(number: u32, test: Coverage) -> Row {
        Row { id: id(number), about: vec!["a rule".to_owned(), "a source".to_owned()], test }
    }

    #[test]
    fn missing_tests_stale_reasons_and_unknown_ids_are_faults() {
        let test = Test { file: "a.rs".to_owned(), name: "once".to_owned() };
        let tests = Tests::from([(id(1), vec![test.clone()])]);
        let named = row(1, Coverage::Test(test.to_string()));
        let reason = |number| row(number, Coverage::Reason("it cannot be tested".to_owned()));
        assert!(faults(&[&named, &reason(2)], &tests).is_empty());
        assert_eq!(faults(&[&named, &named], &tests).len(), 1, "twice");
        assert_eq!(faults(&[&reason(1)], &tests).len(), 1, "a stale reason");
        assert_eq!(
            faults(&[&row(1, Coverage::Test("`b.rs` `once`".to_owned()))], &tests).len(),
            1,
            "a missing test"
        );
        assert_eq!(faults(&[], &tests).len(), 1, "an unknown id");
    }
}
