//! A server that a test starts, stops and looks into.
//!
//! It is the bundled host, or the program that `POSTERN_HOST` names: one that takes the same flags, prints
//! the same `Serving` line, and keeps its data in the same place, such as a wrapper around Spin. What only
//! the bundled host does is asked of it alone; see [`is_bundled`].

use crate::http::Server;
use crate::random;
use crate::redis::Redis;
use std::io::{BufRead, BufReader, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Compiling the components takes its time when several start at once.
const START: Duration = Duration::from_secs(180);

/// What the bundled host says when it ends because a component cannot use its variables.
const CANNOT_SERVE: &str = "cannot serve";

/// How long a line of the log may take to be written.
const LOG: Duration = Duration::from_secs(5);

/// A running server.
pub struct Host {
    server: Server,
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Deref for Host {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Host {
    /// Starts a server on a free port that keeps its data in a folder.
    pub fn start(state: &State) -> Self {
        Self::start_on(state, "127.0.0.1:0")
    }

    /// Starts a server on an address.
    pub fn start_on(state: &State, listen: &str) -> Self {
        Self::spawn(state, command(state, listen))
    }

    /// Starts a server that is reached under the public address that its variables give it.
    pub fn start_public(state: &State) -> Self {
        Self::spawn(state, program(state, "127.0.0.1:0"))
    }

    /// Starts a server whose disk can be full; see [`limit_disk`](Self::limit_disk).
    #[cfg(target_os = "linux")]
    pub fn start_on_small_disk(state: &State) -> Self {
        let server = command(state, "127.0.0.1:0");
        // The system's way to say that a file may not grow is a signal, which is ignored here: then it is an
        // error like any other.
        let mut command = Command::new("bash");
        let script = "trap '' XFSZ; exec \"$@\"";
        command.args(["-c", script, "bash"]).arg(server.get_program()).args(server.get_args());
        command.current_dir(server.get_current_dir().expect("it is set"));
        for (name, value) in server.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::spawn(state, command)
    }

    /// From now on no file can grow beyond so many bytes, as if the disk were full; without a number, there
    /// is room again.
    #[cfg(target_os = "linux")]
    pub fn limit_disk(&self, bytes: Option<u64>) {
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let arguments = [format!("--pid={}", self.child.id()), format!("--fsize={limit}:unlimited")];
        let status = Command::new("prlimit").args(arguments).status();
        assert!(status.is_ok_and(|status| status.success()), "prlimit (of util-linux)");
    }

    fn spawn(state: &State, mut command: Command) -> Self {
        let mut host = Self::run(&mut command);
        let mut address = host.address();
        if address.is_none() && host.log().contains(CANNOT_SERVE) {
            // The bundled host ends when a component cannot serve. Others serve what can be served, and how that
            // looks is what the test is about.
            host = Self::run(command.arg("--no-start-check"));
            address = host.address();
        }
        let address = address.unwrap_or_else(|| panic!("the server ended:\n{}", host.log()));
        host.server = match state.variable("public_url") {
            Some(public_url) => Server::behind(public_url, &address),
            None => Server::at(&format!("http://{address}")),
        };
        host
    }

    fn run(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the server starts");
        let log = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().expect("it is piped"), &log);
        collect(child.stderr.take().expect("it is piped"), &log);
        Self { server: Server::at(""), child, log }
    }

    /// Waits until it serves, and returns where; `None` if it ends instead.
    fn address(&mut self) -> Option<String> {
        let start = Instant::now();
        loop {
            let log = self.log();
            let serving = log.split_once("Serving http://").and_then(|(_, rest)| rest.split_once('\n'));
            // Not before the line is complete.
            if let Some((line, _)) = serving {
                return line.split_whitespace().next().map(str::to_owned);
            }
            if let Ok(Some(_)) = self.child.try_wait() {
                // What it said last may still be on its way.
                std::thread::sleep(Duration::from_millis(100));
                return None;
            }
            assert!(start.elapsed() < START, "waited for the server to serve:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it as a power cut would, without a word to it.
    pub fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        let _ = self.child.wait();
    }

    /// The most memory that the process has had at any time, in bytes.
    #[cfg(target_os = "linux")]
    pub fn peak_memory(&self) -> usize {
        let file = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(file).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux counts it");
        let kib: usize = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
        kib * 1024
    }

    /// Everything that it has said.
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics with it").clone()
    }

    /// How many lines it has said.
    pub fn log_lines(&self) -> usize {
        self.log().lines().count()
    }

    /// The first line after `skip` others that has all of these in it.
    pub fn log_line(&mut self, skip: usize, parts: &[&str]) -> String {
        self.wait_for(LOG, &format!("a line with {parts:?}"), |log| {
            let complete = log.rsplit_once('\n').map(|(lines, _)| lines).unwrap_or_default();
            let mut lines = complete.lines().skip(skip);
            lines.find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned)
        })
    }

    /// The first line about a request, after `skip` lines, that has all of these in it. `None` where the host under
    /// test writes no such lines: then a test checks the rest.
    pub fn request_line(&mut self, skip: usize, parts: &[&str]) -> Option<String> {
        is_bundled().then(|| self.log_line(skip, parts))
    }

    /// Stops it as an operator does, and returns what it has said.
    pub fn stop(mut self) -> String {
        if cfg!(unix) {
            let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(10) {
                if let Ok(Some(status)) = self.child.try_wait() {
                    assert!(status.success(), "the server ended with {status}:\n{}", self.log());
                    return self.log();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            panic!("the server did not stop when told to:\n{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.log()
    }

    fn wait_for<T>(&mut self, patience: Duration, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = find(&self.log()) {
                return found;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                // What it said last may still be on its way.
                std::thread::sleep(Duration::from_millis(100));
                panic!("the server ended with {status}:\n{}", self.log());
            }
            assert!(start.elapsed() < patience, "waited for {what}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server that is expected to refuse, and returns whether it succeeded and what it said.
pub fn refused(state: &State, listen: &str) -> (bool, String) {
    let output = command(state, listen).output().expect("the server starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Whether the host under test is the bundled one. It writes a line for each request, and looks at its components
/// before it serves.
pub fn is_bundled() -> bool {
    std::env::var_os("POSTERN_HOST").is_none_or(|file| same_file(Path::new(&file), &bundled_host()))
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn bundled_host() -> PathBuf {
    root().join("target/host").join(format!("postern-host{}", std::env::consts::EXE_SUFFIX))
}

fn command(state: &State, listen: &str) -> Command {
    let mut command = program(state, listen);
    command.arg("--derive-public-url");
    command
}

fn program(state: &State, listen: &str) -> Command {
    let root = root();
    let file = std::env::var("POSTERN_HOST").map(PathBuf::from).unwrap_or_else(|_| bundled_host());
    let mut command = Command::new(&file);
    command
        .current_dir(&root)
        .args(["--listen", listen, "--state-dir"])
        .arg(&state.dir)
        // The components are the same for all of them, and compiling them takes longer than most tests.
        .arg("--cache-dir")
        .arg(root.join("target/tmp/host-cache"));
    if let Some(manifest) = &state.manifest {
        command.arg("--from").arg(root.join(manifest));
    }
    command.args(&state.flags);
    if state.runtime_config().is_file() {
        command.arg("--runtime-config-file").arg(state.runtime_config());
    }
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SPIN_VARIABLE_")) {
        command.env_remove(name);
    }
    command.envs(state.variables.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn collect(output: impl Read + Send + 'static, log: &Arc<Mutex<String>>) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            log.lock().expect("nobody panics with it").push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
}

/// The folder in which a server keeps its data; gone with the test.
pub struct State {
    /// The folder.
    pub dir: PathBuf,
    /// What an operator configures: variables and their values.
    variables: Vec<(String, String)>,
    /// The manifest, relative to the root of the repository, where it is not `spin.toml`.
    manifest: Option<PathBuf>,
    /// What else the server is told.
    flags: Vec<&'static str>,
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    /// An empty one.
    pub fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("postern-{}", random()));
        std::fs::create_dir_all(&dir).expect("a folder can be made");
        Self { dir, variables: Vec::new(), manifest: None, flags: Vec::new() }
    }

    /// Sets a variable for the servers that use it, in the way of the manifest's own comments.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase()), value.to_owned()));
        self
    }

    /// Configures the host of the servers that use it, in Spin's format.
    #[must_use]
    pub fn with_runtime_config(self, toml: &str) -> Self {
        std::fs::write(self.runtime_config(), toml).expect("a file can be written");
        self
    }

    /// Has the servers that use it serve another manifest than `spin.toml`.
    #[must_use]
    pub fn with_manifest(mut self, file: &str) -> Self {
        self.manifest = Some(file.into());
        self
    }

    /// Tells the servers that use it more.
    #[must_use]
    pub fn with_flags(mut self, flags: &[&'static str]) -> Self {
        self.flags.extend(flags);
        self
    }

    /// Has the servers that use it keep their data in this Redis.
    #[must_use]
    pub fn with_redis(self, redis: &Redis) -> Self {
        self.with_runtime_config(&format!(
            "[key_value_store.default]\ntype = \"redis\"\nurl = \"{}\"\n",
            redis.url()
        ))
    }

    fn runtime_config(&self) -> PathBuf {
        self.dir.join("runtime-config.toml")
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let name = format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase());
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// All bytes of all files in it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        read_all(&self.dir, &mut bytes);
        bytes
    }
}

impl Drop for State {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn read_all(dir: &Path, bytes: &mut Vec<u8>) {
    for entry in std::fs::read_dir(dir).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_all(&path, bytes);
        } else {
            bytes.extend(std::fs::read(&path).unwrap_or_default());
        }
    }
}
