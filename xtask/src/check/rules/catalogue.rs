//! The tables of `docs/rules`: one row for each rule, with its test or the reason why it has none.

use super::id::{Id, ids_in};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A page of the catalogue.
pub(super) struct Page {
    pub(super) path: PathBuf,
    pub(super) lines: Vec<Line>,
}

/// A line of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Any text but a rule.
    Text(String),
    /// The row of a rule.
    Rule(Row),
}

/// The row of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: Id,
    /// The cells between the id and the test: the rule and its source.
    pub(super) about: Vec<String>,
    /// The last cell.
    pub(super) test: Coverage,
}

/// The last cell of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Coverage {
    /// A test, as it is written in the table.
    Test(String),
    /// The reason why there is no test.
    Reason(String),
}

/// What a cell with a reason begins with.
const NO_TEST: &str = "No test: ";

impl Page {
    /// Reads all pages with rules in a folder.
    pub(super) fn read_all(dir: &Path) -> Result<Vec<Self>> {
        let mut paths = std::fs::read_dir(dir)
            .with_context(|| format!("no {}", dir.display()))?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
        paths.sort();
        paths.into_iter().map(Self::read).collect()
    }

    fn read(path: PathBuf) -> Result<Self> {
        let text = std::fs::read_to_string(&path)?;
        let lines = text.lines().map(Line::parse).collect::<Result<_>>();
        Ok(Self { lines: lines.with_context(|| path.display().to_string())?, path })
    }

    /// Writes the page.
    pub(super) fn write(&self) -> Result<()> {
        let text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&self.path, text).with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Returns the rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.lines.iter().filter_map(|line| match line {
            Line::Rule(row) => Some(row),
            Line::Text(_) => None,
        })
    }
}

impl Line {
    fn parse(line: &str) -> Result<Self> {
        let Some(cells) = line.strip_prefix("| ").and_then(|rest| rest.strip_suffix(" |")) else {
            return Ok(Self::Text(line.to_owned()));
        };
        let cells: Vec<&str> = cells.split(" | ").map(str::trim).collect();
        let [first, about @ .., test] = cells.as_slice() else { return Ok(Self::Text(line.to_owned())) };
        let Some((group, _)) = first.rsplit_once('-') else { return Ok(Self::Text(line.to_owned())) };
        let id = ids_in(first, &BTreeSet::from([group.to_owned()])).pop_first();
        let Some(id) = id else { return Ok(Self::Text(line.to_owned())) };
        if about.len() < 2 || about.iter().any(|cell| cell.is_empty()) {
            bail!("{id} needs a rule, a source and a test");
        }
        let about = about.iter().map(|cell| (*cell).to_owned()).collect();
        let test = match test.strip_prefix(NO_TEST) {
            Some(reason) if reason.len() < 10 => bail!("{id} needs a reason after `{NO_TEST}`"),
            Some(reason) => Coverage::Reason(reason.to_owned()),
            None => Coverage::Test((*test).to_owned()),
        };
        Ok(Self::Rule(Row { id, about, test }))
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Rule(Row { id, about, test }) => {
                let about = about.join(" | ");
                match test {
                    Coverage::Test(test) => write!(f, "| {id} | {about} | {test} |"),
                    Coverage::Reason(reason) => write!(f, "| {id} | {about} | {NO_TEST}{reason} |"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_and_writes_the_same() {
        for line in [
            "# Tokens",
            "| Id | Rule | Source | Test |",
            "|---|---|---|---|",
            "| TK-01 | A code is good once. | RFC 6749 4.1.2 | `tests/a.rs` `once` |",
            "| MCP-T-01 | 2026-07-28 | One message. | transports | No test: it cannot be tested |",
        ] {
            assert_eq!(Line::parse(line).unwrap().to_string(), line);
        }
    }

    #[test]
    fn a_row_has_every_cell_and_a_reason() {
        for line in ["| TK-01 | A rule. | `tests/a.rs` `once` |", "| TK-01 | A rule. | RFC | No test: no |"] {
            assert!(Line::parse(line).is_err(), "{line}");
        }
    }
}
