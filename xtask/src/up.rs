//! The task `up`: build what is missing, then become the server.

use crate::build;
use crate::command::{Program, root};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::ExitCode;

const DEFAULT_LISTEN: &str = "127.0.0.1:3000";

/// What was asked for, checked before minutes are spent on building.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    listen: String,
    manifest: PathBuf,
    quiet: bool,
    /// For the server: paths made absolute, because it runs at the root.
    rest: Vec<String>,
}

/// The task `up`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let options = parse(arguments)?;
    build::components(&options.manifest)?;
    let host = build::host()?;
    if !options.quiet {
        introduce(&options.listen);
    }
    Program::new(host)
        .args(["--listen", &options.listen, "--derive-public-url", "--from"])
        .args([&options.manifest])
        .args(&options.rest)
        .become_it()
}

fn introduce(listen: &str) {
    let port = listen.rsplit_once(':').map_or("3000", |(_, port)| port);
    println!();
    println!("  Open     http://{listen}");
    println!("  Connect  npx mcp-remote http://localhost:{port}/mcp");
    println!("  Stop     Ctrl-C");
    println!();
}

fn parse(arguments: &[String]) -> Result<Options> {
    let mut options = Options {
        listen: DEFAULT_LISTEN.into(),
        manifest: root().join("spin.toml"),
        quiet: false,
        rest: Vec::new(),
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            options.rest.extend(arguments.cloned());
            break;
        }
        let (flag, attached) = match argument.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (argument.as_str(), None),
        };
        let mut value = || {
            attached
                .clone()
                .or_else(|| arguments.next().cloned())
                .with_context(|| format!("{flag} needs a value"))
        };
        match flag {
            "--listen" => options.listen = value()?,
            "--from" => options.manifest = std::path::absolute(value()?)?,
            "--state-dir" | "--runtime-config-file" => {
                let path = std::path::absolute(value()?)?;
                options.rest.extend([flag.to_owned(), path.display().to_string()]);
            }
            "--quiet" => {
                options.quiet = true;
                options.rest.push(flag.to_owned());
            }
            _ => bail!("`up` knows no `{argument}`; what is meant for the server goes after `--`"),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Options> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn flags_are_understood_before_anything_is_built() {
        let options = parse_line("--listen=127.0.0.1:4000 --quiet --state-dir /tmp/x -- --more 1").unwrap();
        assert_eq!(options.listen, "127.0.0.1:4000");
        assert!(options.quiet);
        assert_eq!(options.rest, ["--quiet", "--state-dir", "/tmp/x", "--more", "1"]);
        assert!(parse_line("--listne 127.0.0.1:4000").is_err());
        assert!(parse_line("--listen").is_err());
    }
}
