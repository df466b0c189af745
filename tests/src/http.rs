//! A client that sends what it is told to, byte for byte, on a connection of its own.
//!
//! It reads an answer that comes before the request is sent to its end (a 413, say), follows no
//! redirect, keeps no cookie and speaks no TLS. Who has thousands of requests to send keeps a
//! [`Connection`].

use crate::browser::Browser;
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

/// How long a server may keep a connection on which nothing good can come any more.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server to talk to.
#[derive(Debug, Clone)]
pub struct Server {
    /// Scheme, host and port: the server's public address, for example `http://127.0.0.1:3000`.
    pub base: String,
    /// Host and port that lead there, where the public address does not.
    address: Option<String>,
}

impl Server {
    /// The server that `BASE_URL` names.
    pub fn under_test() -> Self {
        let base = std::env::var("BASE_URL").unwrap_or_else(|_| {
            panic!("BASE_URL says which server to test; `cargo xtask test` starts one and sets it")
        });
        Self::at(&base)
    }

    /// The server at an address.
    pub fn at(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), address: None }
    }

    /// The server that calls itself `base` and is reached at `address`, as if there were a proxy in front.
    pub fn behind(base: &str, address: &str) -> Self {
        Self { address: Some(address.to_owned()), ..Self::at(base) }
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        match &self.address {
            Some(address) => address,
            None => {
                self.base.strip_prefix("http://").unwrap_or_else(|| panic!("{} is not http://", self.base))
            }
        }
    }

    /// The port.
    pub fn port(&self) -> &str {
        self.authority().rsplit_once(':').map_or("80", |(_, port)| port)
    }

    /// Whether it runs on this machine and says so.
    pub fn is_loopback(&self) -> bool {
        ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| self.authority().starts_with(name))
    }

    /// An absolute URL of the server's.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Path and query of an absolute URL of the server's, or of what is a path already.
    pub fn path_of<'a>(&self, url: &'a str) -> Option<&'a str> {
        if url.starts_with('/') {
            return Some(url);
        }
        url.strip_prefix(&self.base).filter(|path| path.starts_with('/'))
    }

    /// Sends a request.
    pub fn send(&self, request: &Request) -> Response {
        self.try_send(request)
            .unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.target))
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let mut address = self.authority().to_owned();
        if address.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
            address.push_str(":80");
        }
        let connection = TcpStream::connect(address)?;
        connection.set_read_timeout(Some(TIMEOUT))?;
        connection.set_write_timeout(Some(TIMEOUT))?;
        connection.set_nodelay(true)?;
        Ok(connection)
    }

    /// Sends these bytes, and returns everything that comes back until the server closes the connection.
    /// `None` when it does not.
    pub fn send_raw(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        exchange(self.connect().expect("the server is there"), bytes, false)
    }

    /// Sends these bytes and no more, and returns everything that comes back.
    pub fn send_cut_off(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        exchange(self.connect().expect("the server is there"), bytes, true)
    }

    /// Sends a request that may find nobody.
    pub fn try_send(&self, request: &Request) -> std::io::Result<Response> {
        let mut connection = self.connect()?;
        let bytes = request.bytes(self.authority(), "close");
        let mut writing = connection.try_clone()?;
        // The server may answer before it has read everything, and then close: writing fails, and the
        // answer counts.
        let writer = std::thread::spawn(move || drop(writing.write_all(&bytes)));
        let response = read_response(&mut connection, request.method == "HEAD");
        let _ = connection.shutdown(std::net::Shutdown::Both);
        let _ = writer.join();
        response
    }

    /// Sends a request whose answer goes on, to be read as it comes.
    pub fn open(&self, request: &Request) -> Stream {
        let mut connection = self.connect().expect("the server is there");
        let sent = connection.write_all(&request.bytes(self.authority(), "close"));
        sent.expect("the server reads the request");
        Stream { connection, text: String::new() }
    }

    /// Sends a GET request.
    pub fn get(&self, target: &str) -> Response {
        self.send(&Request::new("GET", target))
    }
}

/// A connection for one request after the other.
#[derive(Debug)]
pub struct Connection {
    authority: String,
    stream: TcpStream,
}

impl Connection {
    /// Connects.
    pub fn open(server: &Server) -> Self {
        let stream = server.connect().expect("the server is there");
        Self { authority: server.authority().to_owned(), stream }
    }

    /// Sends a request and reads its answer.
    #[track_caller]
    pub fn send(&mut self, request: &Request) -> Response {
        let sent = self.stream.write_all(&request.bytes(&self.authority, "keep-alive"));
        let answer = sent.and_then(|()| read_response(&mut self.stream, request.method == "HEAD"));
        answer.unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.target))
    }
}

/// An answer that goes on.
#[derive(Debug)]
pub struct Stream {
    connection: TcpStream,
    text: String,
}

impl Stream {
    /// Reads until this has come, and returns all that has come so far: head, body, and how it is cut into chunks.
    /// Fails when the answer ends, or nothing comes for long.
    #[track_caller]
    pub fn read_until(&mut self, text: &str) -> &str {
        while !self.text.contains(text) {
            let read = self.read();
            assert!(read > 0, "the answer ends without {text}:\n{}", self.text);
        }
        &self.text
    }

    /// Reads to the end.
    pub fn read_to_end(&mut self) -> &str {
        while self.read() > 0 {}
        &self.text
    }

    fn read(&mut self) -> usize {
        let mut bytes = [0; 4096];
        let read = self.connection.read(&mut bytes).unwrap_or_else(|error| panic!("{error}:\n{}", self.text));
        self.text.push_str(&String::from_utf8_lossy(bytes.get(..read).unwrap_or_default()));
        read
    }
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// A request without a body.
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// POST of a form.
    pub fn form<N: AsRef<str>, V: AsRef<str>>(target: &str, fields: &[(N, V)]) -> Self {
        Self::new("POST", target).body("application/x-www-form-urlencoded", encode(fields))
    }

    /// POST of a JSON document.
    pub fn json(target: &str, document: &Value) -> Self {
        Self::new("POST", target).body("application/json", document.to_string())
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body and its type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// Adds the cookies of a browser.
    #[must_use]
    pub fn cookies(self, browser: &Browser) -> Self {
        match browser.cookies() {
            Some(cookies) => self.header("cookie", &cookies),
            None => self,
        }
    }

    /// Adds a bearer token.
    #[must_use]
    pub fn bearer(self, access_token: &str) -> Self {
        self.header("authorization", &format!("Bearer {access_token}"))
    }

    fn bytes(&self, authority: &str, connection: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let mut line = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            line("host", authority);
        }
        line("connection", connection);
        if !self.body.is_empty() || self.method == "POST" {
            line("content-length", &self.body.len().to_string());
        }
        for (name, value) in &self.headers {
            line(name, value);
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

/// Encodes a query or a form.
pub fn encode<N: AsRef<str>, V: AsRef<str>>(fields: &[(N, V)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body, decoded if it came in chunks.
    pub body: Vec<u8>,
}

impl Response {
    /// A header's value; several are an error.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.all(name);
        let value = values.next();
        assert!(values.next().is_none(), "{name} came more than once: {self}");
        value
    }

    /// A header's value, which has to be there.
    pub fn expect_header(&self, name: &str) -> &str {
        self.header(name).unwrap_or_else(|| panic!("no {name} in {self}"))
    }

    /// All values of a header.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        assert!(
            self.header("content-type").is_some_and(|kind| kind.starts_with("application/json")),
            "expected JSON: {self}"
        );
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "expected {status}: {self}");
        self
    }

    /// Fails unless this is an OAuth error document (RFC 6749 section 5.2) with this code.
    #[track_caller]
    pub fn expect_oauth_error(self, status: u16, code: &str) -> Self {
        let response = self.expect(status);
        assert_eq!(response.json().get("error").and_then(Value::as_str), Some(code), "{response}");
        response
    }

    /// Fails unless this is an HTML page with this status that sends the reader nowhere.
    #[track_caller]
    pub fn expect_page(self, status: u16) -> Self {
        let response = self.expect(status);
        assert!(
            response.header("content-type").is_some_and(|kind| kind.starts_with("text/html")),
            "{response}"
        );
        assert_eq!(response.header("location"), None, "{response}");
        response
    }
}

impl std::fmt::Display for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "HTTP {}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        let text = self.text();
        // The stylesheet is the same on every page.
        let style = text
            .split_once("<style")
            .and_then(|(before, rest)| Some((before, rest.split_once("</style>")?.1)));
        let text = style.map_or_else(|| text.clone(), |(before, after)| format!("{before}{after}"));
        write!(f, "\n{}", text.chars().take(4000).collect::<String>())
    }
}

fn exchange(mut connection: TcpStream, bytes: &[u8], is_all: bool) -> Option<Vec<u8>> {
    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    // The server may close before it has read everything.
    let _ = connection.write_all(bytes);
    if is_all {
        let _ = connection.shutdown(std::net::Shutdown::Write);
    }
    let mut received = Vec::new();
    match connection.read_to_end(&mut received) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
        // A connection that is reset is closed.
        Ok(_) | Err(_) => Some(received),
    }
}

fn read_response(connection: &mut TcpStream, no_body: bool) -> std::io::Result<Response> {
    let mut received = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(response) = parse(&received, no_body, false) {
            return Ok(response);
        }
        let count = match connection.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                return parse(&received, no_body, true).ok_or(error);
            }
        };
        if count == 0 {
            return parse(&received, no_body, true).ok_or_else(|| ErrorKind::UnexpectedEof.into());
        }
        received.extend(buffer.iter().take(count));
    }
}

/// The response in `received`, once it is complete. At the end of the connection a body without a
/// length is complete.
fn parse(received: &[u8], no_body: bool, at_end: bool) -> Option<Response> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = received.split_at_checked(end)?;
    let body = body.get(4..)?;
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    if status == 100 {
        return parse(body, no_body, at_end);
    }
    let find = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let body = if no_body || status == 204 || status == 304 {
        Vec::new()
    } else if find("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        unchunk(body)?
    } else if let Some(length) = find("content-length") {
        body.get(..length.parse().ok()?)?.to_vec()
    } else if at_end {
        body.to_vec()
    } else {
        return None;
    };
    Some(Response { status, headers, body })
}

fn unchunk(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(chunks.get(..line)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        let start = line + 2;
        body.extend(chunks.get(start..start + size)?);
        if size == 0 {
            return Some(body);
        }
        chunks = chunks.get(start + size + 2..)?;
    }
}
