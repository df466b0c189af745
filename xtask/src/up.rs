//! The task `up`: build what is missing, then become the server.

use crate::build;
use crate::command::{Program, root};
use crate::manifest::Manifest;
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
        print!("{}", introduction(&options.listen, &Manifest::read(&options.manifest)?.routes));
    }
    Program::new(host)
        .args(["--listen", &options.listen, "--derive-public-url", "--from"])
        .args([&options.manifest])
        .args(&options.rest)
        .become_it()
}

/// What to do with the server, as far as it has the paths for it.
fn introduction(listen: &str, routes: &[String]) -> String {
    let port = listen.rsplit_once(':').map_or("3000", |(_, port)| port);
    let has = |path: &str| routes.iter().any(|route| route == path);
    let mut lines = Vec::new();
    if has("/") {
        lines.push(format!("  Open     http://{listen}"));
    }
    if has("/mcp") {
        lines.push(format!("  Connect  npx mcp-remote http://localhost:{port}/mcp"));
    }
    lines.push("  Stop     Ctrl-C".to_owned());
    format!("\n{}\n\n", lines.join("\n"))
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
    fn a_server_without_a_home_page_is_not_said_to_have_one() {
        let routes = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
        let whole = introduction("127.0.0.1:4000", &routes(&["/mcp", "/"]));
        assert!(whole.contains("Open     http://127.0.0.1:4000\n") && whole.contains(":4000/mcp"), "{whole}");
        let bare = introduction("127.0.0.1:4000", &routes(&["/mcp"]));
        assert!(!bare.contains("Open") && bare.contains(":4000/mcp"), "{bare}");
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
