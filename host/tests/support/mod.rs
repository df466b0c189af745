//! Guests in the text format, and a host to serve them.

#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses its part")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "unwrapping in a test is how a test fails")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A component made of a core module and the world that it implements.
pub(crate) fn component(world: &str, module: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit/wasi/keyvalue")).unwrap();
    let package = resolve.push_str("guest.wit", include_str!("guest.wit")).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// An HTTP guest. The letter after the slash of the path says what it does.
pub(crate) fn http_guest() -> Vec<u8> {
    component("http-guest", include_str!("http_guest.wat"))
}

/// An HTTP guest that on `/d` calls its dependency.
pub(crate) fn http_guest_with_dependency() -> Vec<u8> {
    let module = include_str!("http_guest.wat");
    let import = r#"(import "test:dep/api" "go" (func $dependency))"#;
    component("http-guest-with-dependency", &module.replace("(func $dependency)", import))
}

/// A dependency that opens the store `default`, and traps if it may not.
pub(crate) fn dependency() -> Vec<u8> {
    component("dependency", include_str!("dependency.wat"))
}

/// An application in a directory of its own.
pub(crate) struct App {
    directory: tempfile::TempDir,
}

impl App {
    /// An application of one component, `guest`, with `extra` lines in its table.
    pub(crate) fn new(guest: &[u8], extra: &str) -> Self {
        let app = Self { directory: tempfile::tempdir().unwrap() };
        app.write("guest.wasm", guest);
        app.write(
            "spin.toml",
            format!(
                "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
                 [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
                 [component.guest]\nsource = \"guest.wasm\"\n{extra}\n"
            ),
        );
        app
    }

    /// The same, with a route to one path besides.
    pub(crate) fn with_route(guest: &[u8], path: &str) -> Self {
        let app = Self::new(guest, "");
        let manifest = std::fs::read_to_string(app.path().join("spin.toml")).unwrap();
        app.write(
            "spin.toml",
            format!("{manifest}[[trigger.http]]\nroute = \"{path}\"\ncomponent = \"guest\"\n"),
        );
        app
    }

    /// Put a file into its directory.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), bytes).unwrap();
    }

    /// Its directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.arguments(Command::new(env!("CARGO_BIN_EXE_postern-host")), arguments)
    }

    fn arguments(&self, mut command: Command, arguments: &[&str]) -> Command {
        command.arg("--from").arg(self.path()).args(["--listen", "127.0.0.1:0"]).args(arguments);
        command
    }

    /// Starts it with a umask that takes no permission away from other users.
    #[cfg(unix)]
    pub(crate) fn serve_for_all_to_read(&self, arguments: &[&str]) -> Host {
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask 000; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_postern-host")]);
        Host::of(self.arguments(shell, arguments))
    }

    /// Start it although it cannot be started; everything that it says.
    pub(crate) fn said_when_refused(&self, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        assert_eq!(status.code(), Some(1));
        assert!(stdout.is_empty());
        String::from_utf8(stderr).unwrap()
    }

    /// The same, where that is one sentence.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let said = self.said_when_refused(arguments);
        assert_eq!(said.matches('\n').count(), 1, "{said}");
        said.trim_end().strip_prefix("postern-host: ").unwrap().to_owned()
    }

    /// Start it.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Host {
        Host::of(self.command(arguments))
    }
}

/// A running host.
pub(crate) struct Host {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What it said before it began to serve.
    pub(crate) summary: Vec<String>,
    log: Mutex<Receiver<String>>,
}

impl Host {
    fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut summary = Vec::new();
        let mut address = None;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(serving) = line.strip_prefix("Serving http://") {
                address = Some(serving.parse().unwrap());
                break;
            }
            summary.push(line);
        }
        let (sender, log) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines() {
                let _ = sender.send(line.unwrap());
            }
        });
        Self { child, address: address.expect("the host did not start"), summary, log: Mutex::new(log) }
    }

    /// Send a request as it is; the status, the head and the body of the answer.
    pub(crate) fn send(&self, request: &[u8]) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_owned(), body.to_owned())
    }

    /// The status of a GET.
    pub(crate) fn get(&self, path: &str) -> u16 {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").as_bytes()).0
    }

    /// The next line of the log, without its time.
    pub(crate) fn log(&self) -> String {
        let line = self.log.lock().unwrap().recv().unwrap();
        line.split_once("Z ").map_or(line.clone(), |(_, rest)| rest.to_owned())
    }

    /// The next request's line of the log, without its duration.
    pub(crate) fn logged_request(&self) -> String {
        let line = std::iter::repeat_with(|| self.log()).find(|line| line.contains("kv=")).unwrap();
        line.split(' ').filter(|word| !word.ends_with("ms")).collect::<Vec<_>>().join(" ")
    }

    /// Ask it to end; whether it ended well.
    pub(crate) fn interrupt(mut self) -> bool {
        let kill = Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status().unwrap();
        assert!(kill.success());
        self.child.wait().unwrap().success()
    }

    /// The state directory that is used by default.
    pub(crate) fn state(app: &App) -> PathBuf {
        app.path().join(".spin")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
