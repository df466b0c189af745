//! The figures, told: whether the goals are met, and the table and plot of `bench/README.md`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::figures::{Figures, shown};
use crate::workloads::CONNECTIONS;

/// Between these lines, `bench/README.md` is written by the last run.
const BEGIN: &str = "<!-- begin: written by `cargo xtask bench` -->";
const END: &str = "<!-- end -->";

/// What is to be reached: its name, what is said of it, and whether more is better.
struct Goal {
    what: String,
    value: Option<f64>,
    wanted: f64,
    unit: &'static str,
    more_is_better: bool,
}

fn all_goals(figures: &Figures) -> Vec<Goal> {
    let rate = |workload: &str, target: &str| figures.find(&format!("{workload}.{target}.rate"));
    let over = |part: Option<f64>, whole: Option<f64>| part.zip(whole).map(|(part, whole)| part / whole);
    let mut goals = Vec::new();
    let mut goal = |what: String, value, wanted, unit, more_is_better| {
        goals.push(Goal { what, value, wanted, unit, more_is_better });
    };
    for connections in [8, 64] {
        let workerd = ["workerd-session", "workerd-stateless"]
            .into_iter()
            .filter_map(|target| rate(&format!("call-2025-{connections}"), target))
            .reduce(f64::max);
        let ratio = over(rate(&format!("call-{connections}"), "postern"), workerd);
        goal(
            format!("calls a second at {connections} connections, to the better of workerd's"),
            ratio,
            20.0,
            "times",
            true,
        );
    }
    goal("median of a call at 8 connections".into(), figures.find("call-8.postern.median"), 1.0, "ms", false);
    let native = over(rate("call-8", "postern"), rate("call-8", "native"));
    goal(
        "calls a second at 8 connections, to a native server's".into(),
        native.map(|part| part * 100.0),
        40.0,
        "%",
        true,
    );
    for (store, small, large) in
        [("SQLite", "sqlite-100", "sqlite-1000000"), ("Redis", "redis-100", "redis-1000000")]
    {
        let ratio = over(rate("call-8", large), rate("call-8", small));
        goal(
            format!("calls a second with 1,000,000 grants in {store}, to those with 100"),
            ratio.map(|part| part * 100.0),
            90.0,
            "%",
            true,
        );
    }
    let size = figures.find("size.together").map(|size| size / 1000.0);
    goal("all components of a server together".into(), size, 4.0, "MB", false);
    goal("second start to first answer".into(), figures.find("start-later.postern"), 100.0, "ms", false);
    goal("a new instance".into(), figures.find("instance.postern"), 1.0, "ms", false);
    goals
}

impl Goal {
    fn is_met(&self) -> Option<bool> {
        let value = self.value?;
        Some(if self.more_is_better { value >= self.wanted } else { value < self.wanted })
    }

    /// What was measured, what is wanted, and which of both is the better one.
    fn cells(&self) -> [String; 3] {
        let bound = if self.more_is_better { "at least" } else { "under" };
        let verdict = match self.is_met() {
            Some(true) => "met",
            Some(false) => "missed",
            None => "not measured",
        };
        let value = self.value.map_or("-".to_owned(), |value| format!("{} {}", shown(value), self.unit));
        [value, format!("{bound} {} {}", self.wanted, self.unit), verdict.to_owned()]
    }
}

/// A line for each goal.
pub(crate) fn goals(figures: &Figures) -> Vec<String> {
    let line = |goal: &Goal| {
        let [value, wanted, verdict] = goal.cells();
        format!("{}: {value}, {wanted}: {verdict}", goal.what)
    };
    all_goals(figures).iter().map(line).collect()
}

/// Writes the table into `bench/README.md`, and the plot beside it.
pub(crate) fn write(root: &Path, figures: &Figures) -> Result<()> {
    let readme = root.join("bench/README.md");
    let text = std::fs::read_to_string(&readme).with_context(|| format!("no {}", readme.display()))?;
    let (before, rest) = text.split_once(BEGIN).context("bench/README.md has no place for the figures")?;
    let (_, after) = rest.split_once(END).context("the place for the figures does not end")?;
    std::fs::write(&readme, format!("{before}{BEGIN}\n\n{}\n{END}{after}", section(figures)))?;
    Ok(std::fs::write(root.join("bench/calls.svg"), plot(figures))?)
}

fn section(figures: &Figures) -> String {
    let mut text = format!("{}\n\n", machine());
    text.push_str("| Goal | Measured | Wanted | |\n|---|---|---|---|\n");
    for goal in all_goals(figures) {
        let _ = writeln!(text, "| {} | {} |", goal.what, goal.cells().join(" | "));
    }
    text.push_str("\n![Calls a second](calls.svg)\n\n| Figure | Median |\n|---|---|\n");
    for line in figures.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["bench", name, value, unit] = words.as_slice() {
            let _ = writeln!(text, "| `{name}` | {value} {unit} |");
        }
    }
    text
}

/// What it was measured on, and when.
fn machine() -> String {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        output.lines().next().map(|line| line.trim().to_owned())
    };
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = information.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let parts = [
        said("date", &["-u", "+%Y-%m-%d"]),
        field("model name").map(|name| format!("{processors} x {name}, the load generator among them")),
        // The version, without what whoever built it has added.
        said("uname", &["-sr"]).and_then(|system| Some(system.split('-').next()?.to_owned())),
        said("rustc", &["--version"]),
        said("git", &["describe", "--always", "--dirty"]).map(|commit| format!("commit {commit}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Calls a second, as bars.
fn plot(figures: &Figures) -> String {
    const BAR: usize = 18;
    let rows: Vec<(String, f64)> = CONNECTIONS
        .iter()
        .flat_map(|connections| {
            let named = [
                ("native Rust", format!("call-{connections}.native")),
                ("Postern", format!("call-{connections}.postern")),
                ("Postern on Spin", format!("call-{connections}.spin")),
                ("workerd, stateless", format!("call-2025-{connections}.workerd-stateless")),
                ("workerd, sessions", format!("call-2025-{connections}.workerd-session")),
            ];
            named.map(|(name, figure)| (format!("{name}, {connections}"), format!("{figure}.rate")))
        })
        .filter_map(|(label, figure)| Some((label, figures.find(&figure)?)))
        .collect();
    let most = rows.iter().map(|(_, rate)| *rate).fold(1.0, f64::max);
    let height = rows.len() * (BAR + 6) + 40;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"10\" y=\"20\">Authenticated \
         tools/call a second, by connections</text>\n"
    );
    for (index, (label, rate)) in rows.iter().enumerate() {
        let y = index * (BAR + 6) + 32;
        let width = rate / most * 440.0;
        let colour = if label.starts_with("Postern") { "#2563eb" } else { "#9ca3af" };
        let _ = writeln!(
            svg,
            "<text x=\"170\" y=\"{text}\" text-anchor=\"end\">{label}</text><rect x=\"178\" y=\"{y}\" width=\"{width:.1}\" \
             height=\"{BAR}\" fill=\"{colour}\"/><text x=\"{end:.1}\" y=\"{text}\">{rate:.0}</text>",
            text = y + 13,
            end = width + 184.0,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_judged_by_ratios_of_one_run() {
        let mut figures = Figures::default();
        for (name, rate) in [
            ("call-8.postern.rate", 5000.0),
            ("call-2025-8.workerd-session.rate", 100.0),
            ("call-2025-8.workerd-stateless.rate", 500.0),
            ("call-8.native.rate", 10_000.0),
        ] {
            figures.take(name, rate, "1/s");
        }
        let lines = goals(&figures);
        let has = |text: &str| assert!(lines.iter().any(|line| line.contains(text)), "{text} in {lines:#?}");
        has("to the better of workerd's: 10.0 times, at least 20 times: missed");
        has("to a native server's: 50.0 %, at least 40 %: met");
        has("a new instance: -, under 1 ms: not measured");
    }
}
