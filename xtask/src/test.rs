//! The task `test`: build, then every ring of tests, from the rules to real clients.
//!
//! The last line is `N passed, N failed, N skipped`, over all of them.

use crate::command::Program;
use crate::new::LANGUAGES;
use crate::server::Server;
use crate::tally::Tally;
use crate::{bench, build, clients, conformance, hostile, languages, redis};
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// A ring of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The rules, the example components' own tests, natively, and this program's own.
    Cores,
    /// The server that runs the components.
    Host,
    /// Over HTTP, against any server.
    Outside,
    /// Over HTTP, against servers that the tests start, stop and look into.
    Owned,
    /// What `cargo xtask new` makes, in each language.
    Languages,
    /// `mcp-remote`, MCP Inspector, the SDKs and a browser.
    Clients,
    /// The official conformance suite.
    Conformance,
    /// How many instructions a call takes, compared with a baseline.
    Instructions,
}

const PHASES: [(Phase, &str); 8] = [
    (Phase::Cores, "cores"),
    (Phase::Host, "host"),
    (Phase::Outside, "outside"),
    (Phase::Owned, "owned"),
    (Phase::Languages, "languages"),
    (Phase::Clients, "clients"),
    (Phase::Conformance, "conformance"),
    (Phase::Instructions, "instructions"),
];

/// What became of it all.
#[derive(Default)]
struct Report {
    phases: Vec<(&'static str, Tally, u64)>,
    /// What was not run, and why.
    left_out: Vec<String>,
    /// Whether something was left out that nobody asked to leave out.
    incomplete: bool,
}

/// The task `test`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let only = parse(arguments)?;
    let running = std::env::var("BASE_URL").ok().filter(|url| !url.is_empty());
    let wanted = |phase: Phase| match &only {
        Some(only) => only.contains(&phase),
        None => running.is_none() || matches!(phase, Phase::Outside | Phase::Clients),
    };
    let mut report = Report::default();
    let own_server =
        running.is_none() && [Phase::Outside, Phase::Owned, Phase::Clients].into_iter().any(wanted);
    let mut server = None;

    let official = running.is_none() && wanted(Phase::Conformance);
    let made = running.is_none() && wanted(Phase::Languages);

    let counted = running.is_none() && wanted(Phase::Instructions);

    let mut unfinished = None;
    let mut host_file = build::host_file();
    if own_server || official || made || counted || wanted(Phase::Host) {
        report.phase("build", || {
            // All of it is tested as it is published; a part, as rustc makes it, which is sooner there.
            match only.is_none() || counted {
                true => unfinished = build::finished_components()?,
                false => build::all_components()?,
            }
            host_file = build::host_under_test()?;
            if official || made || counted {
                build::host()?;
            }
            Ok(Tally::default())
        });
    }
    let built = report.failed() == 0;
    if wanted(Phase::Cores) {
        report.phase("cores", cores);
    }
    if wanted(Phase::Host) && built {
        report.phase("host", host);
    }
    if own_server && built {
        report.phase("start", || {
            server = Some(Server::start(&host_file)?);
            Ok(Tally::default())
        });
    }
    let base_url = running.clone().or_else(|| server.as_ref().map(|server| server.base_url.clone()));
    if let Some(base_url) = base_url {
        println!("The server under test: {base_url}");
        if wanted(Phase::Outside) {
            report.phase("outside", || outside(&base_url));
        }
        if wanted(Phase::Owned) && running.is_none() {
            report.owned(&host_file);
        }
        if wanted(Phase::Clients) {
            report.real_clients(&base_url, own_server.then_some(host_file.as_path()));
        }
    }
    if made && built {
        report.languages();
    }
    if official && built {
        report.conformance();
    }
    if let (true, Some(missing)) = (counted, unfinished) {
        report.left_out.push(format!("how many instructions a call takes: {missing}"));
    } else if counted && built {
        report.phase("instructions", || {
            bench::instructions(build::host_file(), false)?;
            Ok(Tally { passed: 1, ..Tally::default() })
        });
    }
    if running.is_some() {
        report.leave_out_owned()?;
    }
    if let Some(server) = &mut server
        && report.failed() > 0
    {
        server.keep = true;
        println!("\nWhat the server said: {}", server.log().display());
    }
    Ok(report.finish())
}

fn parse(arguments: &[String]) -> Result<Option<Vec<Phase>>> {
    let mut only = None;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let names = match argument.strip_prefix("--only=") {
            Some(names) => names.to_owned(),
            None if argument == "--only" => arguments.next().context("--only needs a phase")?.clone(),
            None => bail!("`test` knows no `{argument}`"),
        };
        for name in names.split(',') {
            let known = PHASES.iter().find(|(_, known)| *known == name);
            let (phase, _) = known.with_context(|| {
                let known: Vec<&str> = PHASES.iter().map(|(_, known)| *known).collect();
                format!("there is no phase `{name}`, but {}", known.join(", "))
            })?;
            only.get_or_insert_with(Vec::new).push(*phase);
        }
    }
    Ok(only)
}

fn cores() -> Result<Tally> {
    let mut tally = Program::cargo().args(["test", "--no-fail-fast"]).tally()?;
    // Bytes that nobody foresaw, a bounded number of them: see the library.
    let others = ["-p", "xtask", "-p", "postern-fuzz", "-p", "postern-bench"];
    tally += Program::cargo().args(["test", "--no-fail-fast"]).args(others).tally()?;
    // In the profile that components are built in, so that what generates their bindings is built once.
    let examples = ["-p", "tools", "-p", "example-tools", "-p", "guide", "-p", "prompts"];
    tally += Program::cargo().args(["test", "--no-fail-fast", "--release"]).args(examples).tally()?;
    Ok(tally)
}

fn host() -> Result<Tally> {
    Program::cargo().args(["test", "--no-fail-fast", "--profile", "host", "-p", "postern-host"]).tally()
}

fn outside(base_url: &str) -> Result<Tally> {
    black_box(&["outside"]).env("BASE_URL", base_url).tally()
}

/// The tests that start servers of their own.
const OWNED: [&str; 4] = ["owned", "stores", "faults", "hostile"];

fn black_box(tests: &[&str]) -> Program {
    Program::cargo()
        .args(["test", "--no-fail-fast", "-p", "postern-tests"])
        .args(tests.iter().flat_map(|test| ["--test", test]))
        // An answer says more than where it was read.
        .env("RUST_BACKTRACE", "0")
}

impl Report {
    fn phase(&mut self, name: &'static str, run: impl FnOnce() -> Result<Tally>) {
        println!("\n== {name} ==");
        let start = Instant::now();
        let tally = run().unwrap_or_else(|error| {
            println!("{error:#}");
            Tally { failed: 1, ..Tally::default() }
        });
        self.phases.push((name, tally, start.elapsed().as_secs()));
    }

    fn failed(&self) -> usize {
        self.total().failed
    }

    fn total(&self) -> Tally {
        let mut total = Tally::default();
        for (_, tally, _) in &self.phases {
            total += *tally;
        }
        total
    }

    fn real_clients(&mut self, base_url: &str, host: Option<&Path>) {
        if let Some(missing) = clients::node_fault() {
            self.incomplete = true;
            self.left_out.push(format!("real clients: {missing}"));
            self.phases.push(("clients", Tally { skipped: 1, ..Tally::default() }, 0));
            return;
        }
        let browser = clients::browser();
        if let Err(error) = &browser {
            self.incomplete = true;
            self.left_out.push(format!("sign-in with real clients: {error:#}"));
        }
        let python = clients::python();
        if let Err(error) = &python {
            self.incomplete = true;
            self.left_out.push(format!("the Python SDK: {error:#}"));
        }
        self.phase("clients", || {
            clients::install_packages(&clients::dir())?;
            clients::install_packages(&clients::conformance_dir())?;
            clients::install_packages(&clients::dir().join("inspector-0.15"))?;
            let browser = browser.map_or_else(|_| OsString::new(), OsString::from);
            // Some start a server of their own, and are skipped without.
            let host = host.map_or_else(OsString::new, OsString::from);
            Program::new("node")
                .args(["--test", "--test-reporter=spec", "--test-concurrency=1"])
                .args(scripts()?)
                .in_dir(clients::dir())
                .env("BASE_URL", base_url)
                .env("CHROMIUM", browser)
                .env("POSTERN_HOST", host)
                .env("PYTHON", python.map_or_else(|_| OsString::new(), OsString::from))
                .tally()
        });
    }

    /// A server with a component of each language in it.
    fn languages(&mut self) {
        for (word, language) in LANGUAGES {
            if let Some(missing) = languages::fault(word, language) {
                self.incomplete = true;
                self.left_out.push(format!("tools in {word}: {missing}"));
                self.phases.push((word, Tally { skipped: 1, ..Tally::default() }, 0));
                continue;
            }
            self.phase(word, || languages::ring(word, language));
        }
    }

    /// The official suite, against servers with its own tools in them.
    fn conformance(&mut self) {
        if let Some(missing) = clients::node_fault() {
            self.incomplete = true;
            self.left_out.push(format!("the official conformance suite: {missing}"));
            self.phases.push(("conformance", Tally { skipped: 1, ..Tally::default() }, 0));
            return;
        }
        self.phase("conformance", conformance::ring);
    }

    /// Servers that the tests start themselves. Without a Redis server those that need one are left out.
    fn owned(&mut self, host: &Path) {
        let program = redis::program();
        self.phase("owned", || {
            hostile::prepare()?;
            let tests = black_box(&OWNED).env("POSTERN_HOST", host);
            match &program {
                Ok(program) => tests.env("REDIS_SERVER", program).tally(),
                Err(_) => {
                    let mut tally = tests.args(["--", "--skip", "on_redis"]).tally()?;
                    tally.skipped += list(&OWNED)?.iter().filter(|name| name.ends_with("on_redis")).count();
                    Ok(tally)
                }
            }
        });
        if let Err(missing) = program {
            self.incomplete = true;
            self.left_out.push(format!("everything on Redis: {missing:#}"));
        }
    }

    /// Names the tests that need a server of their own, when there is only somebody else's.
    fn leave_out_owned(&mut self) -> Result<()> {
        let names = list(&OWNED)?;
        self.left_out.extend(
            names.iter().map(|name| format!("{name}: needs a server of its own, and BASE_URL is set")),
        );
        self.phases.push(("owned", Tally { skipped: names.len(), ..Tally::default() }, 0));
        Ok(())
    }

    fn finish(self) -> ExitCode {
        let total = self.total();
        println!();
        if !self.left_out.is_empty() {
            println!("Not run:");
            for reason in &self.left_out {
                println!("  {reason}");
            }
            println!();
        }
        println!("{:<12} {:>7} {:>7} {:>8} {:>8}", "", "passed", "failed", "skipped", "seconds");
        for (name, tally, seconds) in &self.phases {
            println!("{name:<12} {:>7} {:>7} {:>8} {seconds:>8}", tally.passed, tally.failed, tally.skipped);
        }
        println!("\n{total}");
        let strict = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        if total.failed > 0 || (strict && self.incomplete) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

/// The names of tests.
fn list(tests: &[&str]) -> Result<Vec<String>> {
    let list = black_box(tests).args(["--quiet", "--", "--list"]).output()?;
    Ok(list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// The clients' tests, by name: an argument per file works with every version of Node.
fn scripts() -> Result<Vec<OsString>> {
    let mut scripts = Vec::new();
    for entry in std::fs::read_dir(clients::dir()).context("the clients' tests are missing")? {
        let name = entry?.file_name();
        if name.to_string_lossy().ends_with(".test.js") {
            scripts.push(name);
        }
    }
    scripts.sort();
    Ok(scripts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_named() {
        let parse = |line: &str| parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(parse("").unwrap(), None);
        assert_eq!(parse("--only outside,clients").unwrap(), Some(vec![Phase::Outside, Phase::Clients]));
        assert_eq!(parse("--only=cores --only host").unwrap(), Some(vec![Phase::Cores, Phase::Host]));
        assert!(parse("--only insides").is_err());
        assert!(parse("outside").is_err());
    }
}
