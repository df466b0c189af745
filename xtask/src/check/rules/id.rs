//! The ids of rules, and where a text names them.

use std::collections::BTreeSet;
use std::fmt;

/// The id of a rule, for example `AZ-07` or `MCP-T-12`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    /// The group, for example `AZ` or `MCP-T`.
    pub(super) group: String,
    pub(super) number: u32,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}", self.group, self.number)
    }
}

/// The signs between the first and the last id of a range.
const RANGE_SIGNS: [&str; 5] = ["…", "...", "..", "–", "to"];

/// Returns the ids of these groups that a text names. `K-01…K-03` stands for all three.
pub(super) fn ids_in(text: &str, groups: &BTreeSet<String>) -> BTreeSet<Id> {
    let mut ids = BTreeSet::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(next) = rest.chars().next() else { break };
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let starts = !before.is_some_and(|before| before.is_alphanumeric() || before == '-');
        match starts.then(|| id_at(rest, groups)).flatten() {
            Some((id, after)) => {
                at = text.len() - after.len();
                if let Some((last, after)) = range_end(&id.group, after) {
                    ids.extend((id.number..=last).map(|number| Id { group: id.group.clone(), number }));
                    at = text.len() - after.len();
                }
                ids.insert(id);
            }
            None => at += next.len_utf8(),
        }
    }
    ids
}

/// Returns the id that a text begins with, and the rest of the text.
fn id_at<'a>(text: &'a str, groups: &BTreeSet<String>) -> Option<(Id, &'a str)> {
    groups.iter().find_map(|group| {
        let (number, after) = number_at(text.strip_prefix(group.as_str())?.strip_prefix('-')?)?;
        Some((Id { group: group.clone(), number }, after))
    })
}

/// Returns the number that a range ends with, if a range goes on here: `…K-03`, `…03`, ` to K-03`.
fn range_end<'a>(group: &str, text: &'a str) -> Option<(u32, &'a str)> {
    let text = text.trim_start_matches(' ');
    let text = RANGE_SIGNS.iter().find_map(|sign| text.strip_prefix(sign))?.trim_start_matches(' ');
    let number = text.strip_prefix(group).and_then(|text| text.strip_prefix('-'));
    number_at(number.unwrap_or(text))
}

/// Parses exactly two digits.
fn number_at(text: &str) -> Option<(u32, &str)> {
    let (digits, after) = text.split_at_checked(2)?;
    let complete = digits.bytes().all(|byte| byte.is_ascii_digit())
        && !after.starts_with(|next: char| next.is_alphanumeric());
    complete.then(|| digits.parse().ok()).flatten().map(|number| (number, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let groups = ["AZ", "K", "HT", "MCP-K"].map(str::to_owned).into();
        ids_in(text, &groups).iter().map(Id::to_string).collect()
    }

    #[test]
    fn ids_are_found_in_lists_and_ranges() {
        assert_eq!(found("AZ-02, K-04 and (K-07): x"), ["AZ-02", "K-04", "K-07"]);
        assert_eq!(found("MCP-K-01, K-02"), ["K-02", "MCP-K-01"]);
        for range in ["K-01…K-03", "K-01...K-03", "K-01..K-03", "K-01 – K-03", "K-01 to K-03", "K-01…03"]
        {
            assert_eq!(found(range), ["K-01", "K-02", "K-03"], "{range}");
        }
        assert_eq!(found("MCP-K-01…MCP-K-02, AZ-05"), ["AZ-05", "MCP-K-01", "MCP-K-02"]);
        assert_eq!(found("HT-10… and so on"), ["HT-10"]);
        assert_eq!(found("…K-01…"), ["K-01"]);
    }

    #[test]
    fn similar_words_are_not_ids() {
        for text in ["XK-01", "K-1", "K-012", "K-01st", "MP-01", "k-01", "K 01", "§K-", "CIMD-02"] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }
}
