//! What is measured: each a server that runs, and how to talk to it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use postern_tests::{Authorization, Browser, Client, Person, Request, Response, Server, Tokens};
use serde_json::{Value, json};

use crate::load::Load;
use crate::process::Process;

/// The revision in which every request stands alone.
pub(crate) const MODERN: &str = "2026-07-28";
/// The one before.
pub(crate) const LEGACY: &str = "2025-11-25";

/// Where everything is that `cargo xtask bench` has built.
#[derive(Debug)]
pub(crate) struct Built {
    /// The repository.
    pub(crate) root: PathBuf,
    /// The bundled host.
    pub(crate) host: PathBuf,
    /// The native server, if it is to be measured.
    pub(crate) native: Option<PathBuf>,
    /// Whether Cloudflare's packages are installed.
    pub(crate) has_cloudflare: bool,
    /// Where servers keep their data, and everybody their scratch files.
    pub(crate) folder: PathBuf,
}

/// Postern, on a host.
#[derive(Debug)]
pub(crate) struct Postern {
    /// The server.
    pub(crate) process: Process,
    /// Who registered there.
    pub(crate) client: Client,
    /// Whoever signed in.
    pub(crate) person: Person,
    /// What came of it.
    pub(crate) tokens: Tokens,
}

impl Built {
    /// The command that serves Postern from `state` on the bundled host.
    pub(crate) fn host_command(&self, state: &Path, more: &[OsString]) -> Command {
        let mut command = Command::new(&self.host);
        command.current_dir(&self.root).args(["--listen", "127.0.0.1:0", "--quiet", "--derive-public-url"]);
        command.arg("--state-dir").arg(state).arg("--cache-dir").arg(self.folder.join("cache")).args(more);
        without_settings(command)
    }

    /// Postern on the bundled host, with somebody who has signed in.
    pub(crate) fn postern(&self, name: &str, more: &[OsString]) -> Result<Postern> {
        let state = self.folder.join(name);
        std::fs::create_dir_all(&state)?;
        Postern::sign_in(Process::start(self.host_command(&state, more), &state.join("log"))?)
    }

    /// Postern on Spin.
    pub(crate) fn spin(&self, spin: &Path) -> Result<Postern> {
        let state = self.folder.join("spin");
        std::fs::create_dir_all(&state)?;
        // Spin does not say which port it got.
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(spin);
        command.current_dir(&self.root).args(["up", "--quiet", "--from", "spin.toml"]);
        command.arg("--listen").arg(format!("127.0.0.1:{port}")).arg("--state-dir").arg(&state);
        command.args(["--max-instance-concurrent-reuse-count", "1"]);
        command.args(["--variable", &format!("public_url=http://127.0.0.1:{port}")]);
        Postern::sign_in(Process::start(without_settings(command), &state.join("log"))?)
    }

    /// The native server, which takes the tokens of a Postern with this state.
    pub(crate) fn native(&self, program: &Path, state: &Path, public_url: &str) -> Result<Process> {
        let mut command = Command::new(program);
        command.args(["127.0.0.1:0".as_ref(), state.join("sqlite_key_value.db").as_os_str()]).arg(public_url);
        Process::start(command, &self.folder.join("native.log"))
    }

    /// Cloudflare's stack.
    pub(crate) fn cloudflare(&self) -> Result<Cloudflare> {
        let folder = self.root.join("bench/cloudflare");
        // The version of Node that its packages ask for comes with them.
        let mut command = Command::new(folder.join("node_modules/.bin/node"));
        command.current_dir(&folder).arg("serve.js");
        Cloudflare::sign_in(Process::start(command, &self.folder.join("cloudflare.log"))?)
    }
}

/// What this user configures for a server of their own is not meant for these.
fn without_settings(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SPIN_VARIABLE_") {
            command.env_remove(name);
        }
    }
    command
}

impl Postern {
    fn sign_in(process: Process) -> Result<Self> {
        let server = Server::at(&process.base);
        let (client, person) = (Client::register(&server), Person::new());
        let authorization = Authorization::new(&client);
        let answer = person.approve(&mut Browser::new(&server), &authorization);
        let tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
        Ok(Self { process, client, person, tokens })
    }

    /// A call of `add`.
    pub(crate) fn call(&self, revision: &str) -> Result<Load> {
        let session = match revision {
            MODERN => None,
            _ => Some(session(&Server::at(&self.process.base), "/mcp", &self.tokens.access_token)?),
        };
        Ok(call(&self.process.base, "/mcp", &self.tokens.access_token, revision, session.as_deref()))
    }
}

/// Cloudflare's stack, with somebody who has signed in.
#[derive(Debug)]
pub(crate) struct Cloudflare {
    /// The server.
    pub(crate) process: Process,
    /// The client's id.
    pub(crate) client_id: String,
    /// The access token.
    pub(crate) access_token: String,
    /// The refresh token.
    pub(crate) refresh_token: String,
}

impl Cloudflare {
    fn sign_in(process: Process) -> Result<Self> {
        let mut signed_in = Self {
            process,
            client_id: String::new(),
            access_token: String::new(),
            refresh_token: String::new(),
        };
        let server = Server::at(&signed_in.process.base);
        let metadata = json!({
            "client_name": "bench",
            "redirect_uris": [postern_tests::oauth::REDIRECT_URI],
            "token_endpoint_auth_method": "none",
        });
        let registered = server.send(&Request::json("/register", &metadata)).json();
        signed_in.client_id = member(&registered, "client_id")?;
        signed_in.walk()?;
        Ok(signed_in)
    }

    /// From the request to the tokens. Nobody is asked anything.
    pub(crate) fn walk(&mut self) -> Result<()> {
        let server = Server::at(&self.process.base);
        let client = Client {
            server: server.clone(),
            client_id: self.client_id.clone(),
            redirect_uri: postern_tests::oauth::REDIRECT_URI.to_owned(),
        };
        // Its resource is the origin, and it takes no scope that it does not know.
        let authorization = Authorization::new(&client).without("scope").without("resource");
        let answer = server.get(&authorization.target());
        let query = answer.header("location").and_then(|url| url.split_once('?')).map(|(_, query)| query);
        let parameters = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let code = parameters.into_iter().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
        let code = code.with_context(|| format!("no code: {answer}"))?;
        let tokens = client.redeem(&code, &authorization.verifier).json();
        self.access_token = member(&tokens, "access_token")?;
        self.refresh_token = member(&tokens, "refresh_token")?;
        Ok(())
    }

    /// A call of `add`, in the session object or in the stateless handler.
    pub(crate) fn call(&self, in_session: bool) -> Result<Load> {
        let (base, token) = (&self.process.base, &self.access_token);
        if !in_session {
            return Ok(call(base, "/stateless", token, LEGACY, None));
        }
        let session = session(&Server::at(base), "/mcp", token)?;
        Ok(call(base, "/mcp", token, LEGACY, Some(&session)))
    }
}

/// A message to an endpoint.
pub(crate) fn message(
    base: &str,
    path: &str,
    token: &str,
    revision: &str,
    session: Option<&str>,
    (method, mut params): (&str, Value),
) -> Load {
    let mut headers = vec![
        ("authorization".to_owned(), format!("Bearer {token}")),
        ("content-type".to_owned(), "application/json".to_owned()),
        ("accept".to_owned(), "application/json, text/event-stream".to_owned()),
        ("mcp-protocol-version".to_owned(), revision.to_owned()),
    ];
    if revision == MODERN {
        headers.push(("mcp-method".to_owned(), method.to_owned()));
        if let Some(name) = params.get("name").and_then(Value::as_str) {
            headers.push(("mcp-name".to_owned(), name.to_owned()));
        }
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": { "name": "postern-bench", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        if let Some(params) = params.as_object_mut() {
            params.insert("_meta".to_owned(), meta);
        }
    }
    if let Some(session) = session {
        headers.push(("mcp-session-id".to_owned(), session.to_owned()));
    }
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let url = format!("{base}{path}");
    Load { url, body: Some(body.to_string()), headers, status: 200, ..Load::default() }
}

/// A call of `add`.
pub(crate) fn call(base: &str, path: &str, token: &str, revision: &str, session: Option<&str>) -> Load {
    let add = ("tools/call", json!({ "name": "add", "arguments": { "a": 2, "b": 3 } }));
    message(base, path, token, revision, session, add)
}

/// Sends a load once, to see that it does what it is meant to before it is counted.
pub(crate) fn send_once(load: &Load) -> Result<Response> {
    let (base, path) = split(&load.url)?;
    let mut request = match &load.body {
        Some(body) => {
            let content_type = load.headers.iter().find(|(name, _)| name == "content-type");
            let content_type = content_type.map_or("application/json", |(_, value)| value);
            Request::new("POST", path).body(content_type, body.clone())
        }
        None => Request::new("GET", path),
    };
    for (name, value) in load.headers.iter().filter(|(name, _)| name != "content-type") {
        request = request.header(name, value);
    }
    let response = Server::at(base).send(&request);
    ensure!(response.status == load.status, "{}: {response}", load.url);
    Ok(response)
}

fn split(url: &str) -> Result<(&str, &str)> {
    let at = url.match_indices('/').nth(2).map(|(at, _)| at).context("a URL has a path")?;
    url.split_at_checked(at).context("a URL has a path")
}

/// Begins a session of the legacy era.
fn session(server: &Server, path: &str, token: &str) -> Result<String> {
    let params = json!({
        "protocolVersion": LEGACY,
        "capabilities": {},
        "clientInfo": { "name": "postern-bench", "version": "1" },
    });
    let initialize = message(&server.base, path, token, LEGACY, None, ("initialize", params));
    let response = send_once(&initialize)?;
    let session = response.header("mcp-session-id").context("no session")?.to_owned();
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let mut notification = call(&server.base, path, token, LEGACY, Some(&session));
    notification.body = Some(initialized.to_string());
    notification.status = 202;
    send_once(&notification)?;
    Ok(session)
}

fn member(document: &Value, name: &str) -> Result<String> {
    let member = document.get(name).and_then(Value::as_str);
    Ok(member.with_context(|| format!("no {name} in {document}"))?.to_owned())
}
