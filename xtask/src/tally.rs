//! How many tests passed, failed and were skipped, read from what the runners print.

use std::ops::AddAssign;

/// A count of tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Tally {
    /// Counts a line that a runner printed, if it is one of these:
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; …` of Rust's test harness, or `ℹ pass 3`,
    /// `ℹ fail 0` and so on of Node's, or `conformance 2026-07-28 37/37` of the official suite's.
    pub(crate) fn read_line(&mut self, line: &str) {
        let line = line.trim();
        if let Some(result) = line.strip_prefix("test result: ") {
            let counts = result.split_once(". ").map_or(result, |(_, counts)| counts);
            for count in counts.split(';') {
                if let Some((number, word)) = count.trim().split_once(' ') {
                    self.add(word, number);
                }
            }
        } else if let Some((passed, total)) = line.strip_prefix("conformance ").and_then(scenarios) {
            self.passed += passed;
            self.failed += total.saturating_sub(passed);
        } else if let Some(count) = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# "))
            && let Some((word, number)) = count.split_once(' ')
        {
            self.add(word, number);
        }
    }

    fn add(&mut self, word: &str, number: &str) {
        let Ok(number) = number.parse::<usize>() else { return };
        match word {
            "passed" | "pass" => self.passed += number,
            "failed" | "fail" | "cancelled" => self.failed += number,
            "ignored" | "skipped" | "todo" => self.skipped += number,
            _ => {}
        }
    }
}

/// The numbers of `SET passed/total`.
fn scenarios(line: &str) -> Option<(usize, usize)> {
    let (passed, total) = line.split_once(' ')?.1.split_once('/')?;
    Some((passed.parse().ok()?, total.parse().ok()?))
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// The line without the escape sequences that colour it.
pub(crate) fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            plain.push(character);
            continue;
        }
        // ESC [ parameters, and a letter that ends it.
        for character in characters.by_ref() {
            if character.is_ascii_alphabetic() {
                break;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        for line in lines {
            tally.read_line(&without_colour(line));
        }
        tally
    }

    #[test]
    fn reads_the_rust_harness() {
        let lines = [
            "running 4 tests",
            "test passed_is_a_name ... ok",
            "test result: \u{1b}[32mok\u{1b}[0m. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
        ];
        assert_eq!(tally(&lines), Tally { passed: 13, failed: 2, skipped: 1 });
    }

    #[test]
    fn reads_the_lines_of_the_official_suite() {
        let lines = ["conformance 2025-11-25 30/30", "conformance tasks 7/9", "conformance is a word"];
        assert_eq!(tally(&lines), Tally { passed: 37, failed: 2, skipped: 0 });
    }

    #[test]
    fn reads_the_node_harness() {
        let lines = [
            "ℹ tests 7",
            "ℹ suites 0",
            "ℹ pass 3",
            "ℹ fail 1",
            "ℹ cancelled 1",
            "ℹ skipped 2",
            "ℹ todo 0",
            "ℹ duration_ms 12.5",
        ];
        assert_eq!(tally(&lines), Tally { passed: 3, failed: 2, skipped: 2 });
    }
}
