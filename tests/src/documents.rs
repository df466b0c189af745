//! A client's own web server, on this machine: it publishes what a test tells it to, as well or as badly
//! as it is told to.

use crate::http::Server;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is at a path.
#[derive(Debug, Clone)]
pub enum Answer {
    /// These bytes: status line, headers and body.
    Bytes(Vec<u8>),
    /// A head, and then a byte of the body every second.
    Slow,
    /// A head, and then a body without an end.
    Endless,
    /// Nothing at all, on a connection that stays open.
    Silent,
}

impl Answer {
    /// A JSON document.
    pub fn json(document: &Value) -> Self {
        Self::with("200 OK", &[("content-type", "application/json")], &document.to_string())
    }

    /// A status, headers and a body.
    pub fn with(status: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        Self::Bytes(format!("{head}\r\n{body}").into_bytes())
    }
}

/// The web server. It answers until the test is over.
pub struct DocumentServer {
    server: Server,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    answers: BTreeMap<String, Answer>,
    requests: Vec<String>,
}

impl Default for DocumentServer {
    fn default() -> Self {
        Self::start()
    }
}

impl DocumentServer {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Mutex::new(Shared::default()));
        let answering = Arc::clone(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&answering);
                std::thread::spawn(move || drop(answer(connection, &shared)));
            }
        });
        Self { server: Server::at(&format!("http://{address}")), shared }
    }

    /// The address of a path here.
    pub fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// From now on, this is at this path.
    pub fn publish(&self, path: &str, answer: Answer) {
        self.shared.lock().expect("nobody panics with it").answers.insert(path.to_owned(), answer);
    }

    /// From now on, nothing is here: every path is 404.
    pub fn withdraw_all(&self) {
        self.shared.lock().expect("nobody panics with it").answers.clear();
    }

    /// The requests since the last call, each with its headers, as they came.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().expect("nobody panics with it").requests)
    }
}

fn answer(mut connection: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let found = {
        let mut shared = shared.lock().expect("nobody panics with it");
        shared.requests.push(head);
        shared.answers.get(&path).cloned()
    };
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    match found.unwrap_or_else(|| Answer::with("404 Not Found", &[], "")) {
        Answer::Bytes(bytes) => connection.write_all(&bytes),
        Answer::Slow => {
            connection.write_all(head)?;
            loop {
                connection.write_all(b" ")?;
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        Answer::Endless => {
            connection.write_all(head)?;
            loop {
                connection.write_all(&[b' '; 1024])?;
            }
        }
        // Until the other side has had enough.
        Answer::Silent => reader.read_line(&mut String::new()).map(drop),
    }
}
