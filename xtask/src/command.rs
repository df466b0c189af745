//! Running other programs, from the repository's root and with sentences for what goes wrong.

use crate::tally::{Tally, without_colour};
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = here.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    here.parent().map(Path::to_path_buf).unwrap_or(here)
}

/// Where everything is built. Not what `CARGO_TARGET_DIR` says, because `spin.toml` names files in here.
pub(crate) fn target_dir() -> PathBuf {
    root().join("target")
}

/// A program to run.
pub(crate) struct Program {
    command: Command,
}

impl Program {
    /// A program found on the path.
    pub(crate) fn new(name: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(name);
        command.current_dir(root());
        Self { command }
    }

    /// Cargo, the one that runs this program, building into [`target_dir`].
    pub(crate) fn cargo() -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .env("CARGO_TARGET_DIR", target_dir())
            .without_this_package()
    }

    /// Takes out what cargo tells this program of its own package. Build scripts that look at such variables, like
    /// `ring`'s, would else run again, and all that depends on them be built anew, whenever somebody calls cargo
    /// directly in between.
    fn without_this_package(mut self) -> Self {
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                self.command.env_remove(name);
            }
        }
        self
    }

    /// A command line as a manifest has it, for the system's shell.
    pub(crate) fn shell(line: &str) -> Self {
        if cfg!(windows) { Self::new("cmd").args(["/C", line]) } else { Self::new("sh").args(["-c", line]) }
    }

    /// Adds arguments.
    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs elsewhere than at the root.
    pub(crate) fn in_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// The command line, to show.
    pub(crate) fn line(&self) -> String {
        let program = Path::new(self.command.get_program()).file_name().unwrap_or_default();
        std::iter::once(program)
            .chain(self.command.get_args())
            .map(OsStr::to_string_lossy)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Runs it in full view. Anything but success is an error.
    pub(crate) fn run(mut self) -> Result<()> {
        let status = self.command.status().with_context(|| format!("cannot start `{}`", self.line()))?;
        self.expect_success(status)
    }

    /// Runs it in full view and returns whether it succeeded.
    pub(crate) fn succeeds(mut self) -> Result<bool> {
        let status = self.command.status().with_context(|| format!("cannot start `{}`", self.line()))?;
        Ok(status.success())
    }

    /// Runs it out of sight and returns what it printed. Anything but success is an error that shows
    /// what it complained about.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self
            .command
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start `{}`", self.line()))?;
        self.expect_success(output.status)
            .with_context(|| String::from_utf8_lossy(&output.stderr).trim().to_owned())?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it out of sight, and returns whether it succeeded and what it printed, first to its output and then to its
    /// errors.
    pub(crate) fn captured(mut self) -> Result<(bool, String)> {
        let output = self.command.stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("cannot start `{}`", self.line()))?;
        let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
        printed.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), printed))
    }

    /// Runs a test runner in full view and counts what it reports. A runner that fails without
    /// having reported a failed test counts as one.
    pub(crate) fn tally(mut self) -> Result<Tally> {
        if std::io::stdout().is_terminal() {
            self = self.env("CARGO_TERM_COLOR", "always").env("FORCE_COLOR", "1");
        }
        let line = self.line();
        let mut child =
            self.command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{line}`"))?;
        let mut tally = Tally::default();
        let stdout = child.stdout.take().context("a piped output is there")?;
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.context("reading a test runner's output")?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            tally.read_line(&without_colour(&line));
        }
        let status = child.wait()?;
        if !status.success() && tally.failed == 0 {
            println!("`{line}` ended with {status}");
            tally.failed = 1;
        }
        Ok(tally)
    }

    /// Replaces this process by the program, so that signals and the exit code are the program's own.
    #[cfg(unix)]
    pub(crate) fn become_it(mut self) -> Result<std::process::ExitCode> {
        use std::os::unix::process::CommandExt;
        let error = self.command.exec();
        Err(error).with_context(|| format!("cannot start `{}`", self.line()))
    }

    /// Runs the program to its end and takes over its exit code.
    #[cfg(not(unix))]
    pub(crate) fn become_it(mut self) -> Result<std::process::ExitCode> {
        let status = self.command.status().with_context(|| format!("cannot start `{}`", self.line()))?;
        Ok(if status.success() { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE })
    }

    /// For what needs the process itself.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    fn expect_success(&self, status: ExitStatus) -> Result<()> {
        if !status.success() {
            bail!("`{}` ended with {status}", self.line());
        }
        Ok(())
    }
}

/// The file that a bare program name stands for on this machine.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let extensions: &[&str] = if cfg!(windows) { &[".exe", ".cmd"] } else { &[""] };
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|dir| extensions.iter().map(move |extension| dir.join(format!("{name}{extension}"))))
        .find(|file| file.is_file())
}
