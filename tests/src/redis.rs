//! A Redis server that a test starts, and looks into.

use crate::random;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const START: Duration = Duration::from_secs(20);

/// A running Redis server. What it holds is gone with it, unless it is only paused.
pub struct Redis {
    child: Child,
    port: u16,
    dir: PathBuf,
}

impl Redis {
    /// Starts `redis-server`, or the file that `REDIS_SERVER` names, on a free port.
    pub fn start() -> Self {
        let dir = std::env::temp_dir().join(format!("postern-redis-{}", random()));
        std::fs::create_dir_all(&dir).expect("a folder can be made");
        // Somebody else may take the port in between; then another one is as good.
        for _ in 0..5 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = listener.local_addr().expect("it is bound").port();
            drop(listener);
            let mut redis = Self { child: spawn(port, &dir), port, dir: dir.clone() };
            if redis.is_ready() {
                return redis;
            }
        }
        panic!("redis-server did not start, five times over");
    }

    /// Where it is, for a runtime configuration.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends a command and reads what it gives: a number, a text, or a list of those.
    pub fn command(&self, parts: &[&[u8]]) -> Reply {
        self.try_command(parts).expect("redis answers")
    }

    /// How many keys there are, and how many bytes all keys and values have.
    pub fn size(&self) -> (usize, usize) {
        let Reply::List(keys) = self.command(&[b"KEYS", b"*"]) else { panic!("KEYS gives a list") };
        let keys: Vec<Vec<u8>> = keys.into_iter().map(Reply::text).collect();
        let length = |key: &Vec<u8>| match self.command(&[b"STRLEN", key]) {
            Reply::Number(length) => key.len() + usize::try_from(length).expect("a length"),
            other => panic!("STRLEN gives a number, not {other:?}"),
        };
        (keys.len(), keys.iter().map(length).sum())
    }

    /// Has it answer nobody, as if it were far too busy, until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Has it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill {signal}");
    }

    fn is_ready(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < START {
            if matches!(self.try_command(&[b"PING"]), Ok(Reply::Text(pong)) if pong == b"PONG") {
                return true;
            }
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    fn try_command(&self, parts: &[&[u8]]) -> std::io::Result<Reply> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port))?;
        connection.set_read_timeout(Some(START))?;
        let mut request = format!("*{}\r\n", parts.len()).into_bytes();
        for part in parts {
            request.extend(format!("${}\r\n", part.len()).as_bytes());
            request.extend(*part);
            request.extend(b"\r\n");
        }
        connection.write_all(&request)?;
        read_reply(&mut BufReader::new(connection))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn spawn(port: u16, dir: &PathBuf) -> Child {
    let program = std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
    let mut command = Command::new(&program);
    command
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
        ])
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| {
        panic!(
            "{program}: {error}; these tests need a Redis server (on Debian: apt-get install redis-server)"
        )
    })
}

/// What Redis answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A number.
    Number(i64),
    /// A text, or the value of a key.
    Text(Vec<u8>),
    /// No such key.
    Nothing,
    /// Several of those.
    List(Vec<Reply>),
}

impl Reply {
    fn text(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text,
            other => panic!("expected a text, not {other:?}"),
        }
    }
}

fn read_reply(connection: &mut impl BufRead) -> std::io::Result<Reply> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    let line = line.trim_end();
    let (kind, rest) = line.split_at_checked(1).ok_or(ErrorKind::UnexpectedEof)?;
    let number = || rest.parse::<i64>().map_err(|_| std::io::Error::from(ErrorKind::InvalidData));
    Ok(match kind {
        "+" => Reply::Text(rest.as_bytes().to_vec()),
        ":" => Reply::Number(number()?),
        "$" => match usize::try_from(number()?) {
            Err(_) => Reply::Nothing,
            Ok(length) => {
                let mut text = vec![0; length + 2];
                connection.read_exact(&mut text)?;
                text.truncate(length);
                Reply::Text(text)
            }
        },
        "*" => {
            let count = usize::try_from(number()?).unwrap_or_default();
            Reply::List((0..count).map(|_| read_reply(connection)).collect::<std::io::Result<_>>()?)
        }
        _ => return Err(std::io::Error::other(line.to_owned())),
    })
}
