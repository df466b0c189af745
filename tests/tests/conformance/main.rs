//! What the official suite does not look at, on a server with the suite's tools in it: they do what the
//! example's have no need for. `cargo xtask conformance` builds them.
//!
//! [`stateless`] is about 2026-07-28, [`sessions`] about the revisions before.
#![expect(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "this is how a test fails")]

mod sessions;
mod stateless;

use postern_tests::host::State;
use postern_tests::http::Stream;
use postern_tests::mcp::{STATELESS, message_in, post};
use postern_tests::{Client, Host, Request, Response};
use serde_json::{Value, json};

pub(crate) const META: &str = "io.modelcontextprotocol/";

/// A server, and somebody who has signed in.
pub(crate) struct Scene {
    pub(crate) host: Host,
    pub(crate) token: String,
    // The last to go: the server has its files in it.
    pub(crate) state: State,
}

impl Scene {
    pub(crate) fn open(flags: &[&'static str]) -> Self {
        let state = State::new().with_manifest("target/conformance/spin.toml").with_flags(flags);
        let host = Host::start(&state);
        let token = Client::register(&host).sign_in_with("conformance").access_token;
        Self { host, token, state }
    }

    /// The same server, started again.
    pub(crate) fn restart(self) -> Self {
        let listen = self.host.authority().to_owned();
        self.host.stop();
        Self { host: Host::start_on(&self.state, &listen), ..self }
    }

    pub(crate) fn send(&self, call: &Call) -> Response {
        self.host.send(&call.request(&self.token))
    }

    pub(crate) fn open_stream(&self, call: &Call) -> Stream {
        self.host.open(&call.request(&self.token))
    }

    pub(crate) fn answer(&self, call: &Call) -> Value {
        message_in(&self.send(call))
    }

    /// A request of the era before, in the form in which it needs no handshake.
    pub(crate) fn legacy(&self, method: &str, params: Value) -> Value {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        message_in(&self.host.send(&post(&self.token, &message)))
    }
}

/// A request of 2026-07-28, good until something is changed in it.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) message: Value,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Call {
    pub(crate) fn new(method: &str, mut params: Value) -> Self {
        params["_meta"] = json!({
            format!("{META}protocolVersion"): STATELESS,
            format!("{META}clientCapabilities"): {},
        });
        let mut headers =
            vec![("mcp-protocol-version", STATELESS.to_owned()), ("mcp-method", method.to_owned())];
        if let Some(name) = params.get("name").or_else(|| params.get("uri")).and_then(Value::as_str) {
            headers.push(("mcp-name", name.to_owned()));
        }
        Self { message: json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }), headers }
    }

    pub(crate) fn tool(name: &str) -> Self {
        Self::new("tools/call", json!({ "name": name, "arguments": {} }))
    }

    /// Puts something into `_meta`; the names of the protocol's own members are given without their prefix.
    pub(crate) fn with_meta(mut self, name: &str, value: Value) -> Self {
        let own = ["clientCapabilities", "clientInfo", "logLevel"].contains(&name);
        let name = if own { format!("{META}{name}") } else { name.to_owned() };
        self.message["params"]["_meta"][name] = value;
        self
    }

    pub(crate) fn with_param(mut self, name: &str, value: Value) -> Self {
        self.message["params"][name] = value;
        self
    }

    pub(crate) fn request(&self, token: &str) -> Request {
        let headers = self.headers.iter();
        headers.fold(post(token, &self.message), |request, (name, value)| request.header(name, value))
    }
}

/// What a client can be asked for, all of it.
pub(crate) fn everything() -> Value {
    json!({ "elicitation": { "form": {}, "url": {} }, "sampling": {}, "roots": {} })
}
