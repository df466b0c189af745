//! Why a component could not be built: the error and its place in the author's code, once.

use super::declarations::Place;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

/// The most lines that are shown of what a toolchain printed, if it is not understood.
const MAX_LINES: usize = 20;

/// An error in the author's code, or in what builds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    message: String,
    place: Option<Place>,
    /// From 1.
    column: Option<usize>,
}

impl Failure {
    /// The failure that `entry.py` reports.
    pub(super) fn reported(failure: &Value) -> Option<Self> {
        let column = failure.get("column").and_then(Value::as_u64);
        Some(Self {
            message: failure.get("message")?.as_str()?.to_owned(),
            place: failure.get("place").and_then(Place::read),
            column: column.and_then(|column| usize::try_from(column).ok()),
        })
    }

    /// A failure of componentize-py itself: what it says, without how its launcher wraps it.
    pub(super) fn of_componentize_py(printed: &str) -> Self {
        let text = printed.split_once("AssertionError: ").map_or(printed, |(_, text)| text);
        Self::plain(text.split("\nCaused by:").next().unwrap_or(text))
    }

    /// A failure of componentize-qjs, or of whatever else the build script runs.
    pub(super) fn of_componentize_qjs(printed: &str) -> Self {
        const PREFIXES: [&str; 2] = ["JavaScript module: ", "JavaScript module evaluation: "];
        let text = PREFIXES
            .iter()
            .filter_map(|prefix| printed.rfind(prefix).and_then(|at| printed.get(at + prefix.len()..)))
            .min_by_key(|text| text.len());
        let Some(text) = text else { return Self::plain(printed) };
        let mut lines = text.lines();
        let message = lines.next().unwrap_or_default().trim_start_matches("Error: ").to_owned();
        let mut frames = lines.filter_map(frame).filter(|(place, _)| place.file != "postern.js");
        let (place, column) = frames.next().unzip();
        Self { message, place, column }
    }

    fn plain(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        // What went wrong is said last.
        let message = lines.get(lines.len().saturating_sub(MAX_LINES)..).unwrap_or_default().join("\n");
        Self { message, place: None, column: None }
    }

    /// The failure as a person reads it. `shown` is what the folder `dir` is called.
    pub(super) fn show(&self, shown: &str, dir: &Path) -> String {
        let Some(Place { file, line }) = &self.place else { return format!("{shown}: {}", self.message) };
        let mut text = format!("{shown}/{file}:{line}: {}", self.message);
        let source = std::fs::read_to_string(dir.join(file)).unwrap_or_default();
        let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        if let Some(source) = source.lines().nth(index) {
            let indent = source.len() - source.trim_start().len();
            let _ = write!(text, "\n    {}", source.trim());
            if let Some(column) = self.column.filter(|column| *column > indent && *column <= source.len() + 1)
            {
                let _ = write!(text, "\n    {}^", " ".repeat(column - 1 - indent));
            }
        }
        text
    }
}

/// A line of a stack of QuickJS: `at name (/file.js:1:2)` or `at /file.js:1:2`.
fn frame(line: &str) -> Option<(Place, usize)> {
    let place = line.trim().strip_prefix("at ")?;
    let place = place.rsplit_once('(').map_or(place, |(_, place)| place.trim_end_matches(')'));
    let (place, column) = place.strip_prefix('/')?.rsplit_once(':')?;
    let (file, line) = place.rsplit_once(':')?;
    Some((Place { file: file.to_owned(), line: line.parse().ok()? }, column.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn folder(name: &str, file: &str, text: &str) -> std::path::PathBuf {
        let dir = std::env::temp_dir().join(format!("postern-failure-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(file), text).unwrap();
        dir
    }

    #[test]
    fn an_error_is_shown_once_with_its_line() {
        let dir = folder("python", "app.py", "def f():\n    return a +\n");
        let place = json!({ "file": "app.py", "line": 2 });
        let failure =
            json!({ "message": "SyntaxError: invalid syntax", "place": place, "source": "x", "column": 15 });
        let shown = Failure::reported(&failure).unwrap().show("tools/weather", &dir);
        assert_eq!(
            shown,
            "tools/weather/app.py:2: SyntaxError: invalid syntax\n    return a +\n              ^"
        );
        let elsewhere = json!({ "message": "ImportError: no x", "place": null });
        assert_eq!(Failure::reported(&elsewhere).unwrap().show("t", &dir), "t: ImportError: no x");
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn quickjs_s_errors_lose_what_wraps_them() {
        let printed = "componentize-qjs\n  JS:     app.js\nError: : Failed to evaluate user JavaScript module: Failed to \
                       declare JavaScript module: Error: unexpected token in expression: '}'\n    at /app.js:2:5\n";
        let failure = Failure::of_componentize_qjs(printed);
        assert_eq!(failure.message, "unexpected token in expression: '}'");
        assert_eq!(failure.place, Some(Place { file: "app.js".to_owned(), line: 2 }));
        let printed = "Error: : Failed to evaluate user JavaScript module: Failed to finish JavaScript module evaluation: \
                       TypeError: add: unknown `readonly`\n    at tool (/postern.js:60:11)\n    at <anonymous> (/lib/a.js:7:3)\n";
        let failure = Failure::of_componentize_qjs(printed);
        assert_eq!(failure.message, "TypeError: add: unknown `readonly`");
        assert_eq!(failure.place, Some(Place { file: "lib/a.js".to_owned(), line: 7 }));
    }

    #[test]
    fn what_is_not_understood_is_shown_in_a_few_lines() {
        let printed = "Traceback (most recent call last):\n  File \"x\", line 8\nAssertionError: no such world\n\n\nCaused by:\n    no such world\n";
        assert_eq!(Failure::of_componentize_py(printed).message, "no such world");
        let long = (0..100).map(|line| format!("line {line}\n\n")).collect::<String>();
        let message = Failure::of_componentize_qjs(&long).message;
        assert_eq!(message.lines().count(), MAX_LINES);
        assert!(message.ends_with("line 99"));
    }
}
