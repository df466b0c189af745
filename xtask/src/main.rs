//! `cargo xtask`: the one command of this repository. Its help text is the list of tasks.
//!
//! Reading order: [`up`] and [`mod@test`] are what people come for; [`build`] makes what both need;
//! [`check`] and [`privileges`] hold the rules that the compiler does not.
#![expect(
    clippy::disallowed_methods,
    reason = "a program for the developer's machine reads its environment and its clock"
)]

mod bench;
mod build;
mod check;
mod clients;
mod command;
mod conformance;
mod doctor;
mod guest;
mod hostile;
mod invite;
mod languages;
mod manifest;
mod new;
mod privileges;
mod redis;
mod server;
mod shrink;
mod tally;
mod test;
mod up;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask TASK

  up           Build everything that is missing and serve on http://127.0.0.1:3000
                 --listen ADDR:PORT           listen elsewhere
                 --state-dir DIR              keep the data elsewhere than in .spin
                 --runtime-config-file FILE   stores and more, in Spin's format
                 --from FILE                  another manifest than spin.toml
                 --quiet                      no line for each request
                 -- MORE                      handed to the server as it is
  new NAME     Make a component for your tools that works at once, and put it into spin.toml
                 --lang LANG                  rust, python or js
  build        Build the components and the server
  build DIR    Build the component of Python or JavaScript in a folder, as spin.toml does for those of `new`
  test         Build, then run every test: the cores, the server, the black-box suite, real clients, the official suite
                 --only PHASE[,PHASE]         of cores, host, outside, owned, languages, clients, conformance, instructions
               With BASE_URL=http://HOST:PORT, run `outside` and `clients` against a running server
  conformance  Build, then run the official conformance suite against the real components with its tools in them
                 --all                        again with a new instance for each request, and with shared ones
  bench        Build, then measure Postern beside Cloudflare's stack and a native server; see bench/README.md
                 --quick                      in five minutes, and keep nothing
                 --soak [--minutes N]         mixed traffic for thirty minutes instead, to look for leaks
                 --accept-instructions        let what a call takes now be what it may take
  check        What has to hold besides the tests: format, lints, documentation, dependencies, privileges
  rules        Write the test of each rule into the tables of docs/rules
  privileges   Print what each component imports and is granted, as the tables for docs/privileges.md
  invite       Write an invitation for a server with sign_up=invited: invite ADDRESS [--days N]
                 The server's secret is read from SPIN_VARIABLE_DEPLOYMENT_SECRET, and nothing is called or stored
  doctor       Say what is missing on this machine and how to get it
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let arguments: Vec<String> = arguments.collect();
    let outcome = match task.as_str() {
        "up" => up::run(&arguments),
        "new" => new::run(&arguments),
        "build" => match arguments.as_slice() {
            [dir] if !dir.starts_with('-') => guest::run(dir.as_ref()),
            _ => without_arguments(&arguments).and_then(|()| build::run()),
        },
        "test" => test::run(&arguments),
        "conformance" => conformance::run(&arguments),
        "bench" => bench::run(&arguments),
        "check" => without_arguments(&arguments).and_then(|()| check::run()),
        "rules" => without_arguments(&arguments).and_then(|()| check::rules::update()),
        "privileges" => without_arguments(&arguments).and_then(|()| privileges::print()),
        "invite" => invite::run(&arguments),
        "doctor" => without_arguments(&arguments).and_then(|()| doctor::run()),
        "" | "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => Err(anyhow::anyhow!("there is no task `{other}`; `cargo xtask help` lists them")),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}

fn without_arguments(arguments: &[String]) -> anyhow::Result<()> {
    match arguments.first() {
        None => Ok(()),
        Some(argument) => anyhow::bail!("this task takes no argument, and got `{argument}`"),
    }
}
