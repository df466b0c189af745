//! The server under test: started on a free loopback port with a state folder of its own, and stopped
//! when it goes out of scope.

use crate::command::{Program, target_dir};
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// What the server prints once it answers, before the address.
const SERVING: &str = "Serving http://";

/// Compiling the components takes its time on a small machine.
const START: Duration = Duration::from_secs(180);

/// A running server.
pub(crate) struct Server {
    child: Child,
    dir: PathBuf,
    /// For example `http://127.0.0.1:40123`.
    pub(crate) base_url: String,
    /// Whether to leave its state and log for somebody to look at.
    pub(crate) keep: bool,
}

impl Server {
    /// Starts the server.
    pub(crate) fn start(host: &Path) -> Result<Self> {
        Self::start_with(host, "server", &[])
    }

    /// Starts a server that is told more, with a state folder of this name.
    pub(crate) fn start_with(host: &Path, name: &str, arguments: &[OsString]) -> Result<Self> {
        let dir = target_dir().join("tmp").join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let log = File::create(dir.join("server.log"))?;
        let mut command = Program::new(host)
            .args(["--listen", "127.0.0.1:0", "--derive-public-url", "--state-dir"])
            .args([dir.join("state")])
            .args(arguments)
            .into_command();
        // What this user configures for a server of their own is not meant for this one.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SPIN_VARIABLE_"))
        {
            command.env_remove(name);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.try_clone()?)
            .spawn()
            .with_context(|| format!("cannot start {}", host.display()))?;
        let stdout = child.stdout.take().context("a piped output is there")?;
        let mut server = Self { child, dir, base_url: String::new(), keep: true };
        server.base_url = address(stdout, log).with_context(|| format!("see {}", server.log().display()))?;
        server.keep = false;
        Ok(server)
    }

    /// Everything it said.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }
}

/// Copies the server's output to its log until the server ends, and returns the address in it.
fn address(stdout: impl std::io::Read + Send + 'static, mut log: File) -> Result<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = writeln!(log, "{line}");
            if let Some(rest) = line.split_once(SERVING).map(|(_, rest)| rest) {
                let address = rest.split_whitespace().next().unwrap_or_default();
                let _ = sender.send(format!("http://{}", address.trim_end_matches('/')));
            }
        }
    });
    match receiver.recv_timeout(START) {
        Ok(address) => Ok(address),
        Err(mpsc::RecvTimeoutError::Disconnected) => bail!("the server ended before it served"),
        Err(mpsc::RecvTimeoutError::Timeout) => bail!("the server did not say `{SERVING}…` in {START:?}"),
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !self.keep {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}
