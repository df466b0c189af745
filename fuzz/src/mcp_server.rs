//! Targets for the MCP endpoint, with a valid token: messages, and the headers that mirror them.

use crate::{Target, shape, two_lines};
use base64ct::{Base64, Encoding};
use bytes::Bytes;
use futures_core::future::LocalBoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use mcp_core::ports::{
    Access, Call, Caller, Clock, Completion, ContentBlock, GetPrompt, Introspection, IntrospectionError,
    Lasting, Log, Outcome, Prompt, PromptOutcome, Prompts, PromptsError, Read, ReadOutcome, Reply, Resource,
    Resources, ResourcesError, Scope, Suggestions, Template, Tool, ToolResult, Tools, ToolsError,
};
use mcp_core::{AllowedOrigins, LogEvent, McpServer, Tolerances, ToolLimits, UserLimits};
use serde_json::{Value, json};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store_core::testing::{MemoryStore, SequenceRandom, block_on};
use store_core::{DeploymentError, Keyring};
use web_core::{Body, Head, Issuer, PublicUrl};

const ENDPOINT: &str = "https://mcp.example.com";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// The ports: one tool, and any token is valid.
#[derive(Clone, Default)]
struct Outside(MemoryStore, Rc<SequenceRandom>);

impl Lasting for Outside {
    type Store = MemoryStore;
    type Random = SequenceRandom;

    fn store(&self) -> &MemoryStore {
        &self.0
    }

    fn random(&self) -> &SequenceRandom {
        &self.1
    }

    async fn keys(&self) -> Result<Option<Keyring>, DeploymentError> {
        Ok(Some(Keyring::from_secret(&[7; 32])?))
    }
}

impl Clock for Outside {
    fn now(&self) -> SystemTime {
        now()
    }

    async fn sleep(&self, _: Duration) {}

    fn spawn(&self, _: LocalBoxFuture<'static, ()>) {}
}

impl Log for Outside {
    fn log(&self, event: LogEvent<'_>) {
        panic!("a fault: {event}");
    }
}

impl Introspection for Outside {
    async fn introspect(&self, _: &str) -> Result<Option<Access>, IntrospectionError> {
        Ok(Some(Access {
            subject: "alice".into(),
            client_id: "client".into(),
            scopes: Vec::new(),
            audience: vec![format!("{ENDPOINT}/mcp")],
            expires_at: u64::MAX,
            grant_id: None,
        }))
    }
}

impl Tools for Outside {
    async fn list_tools(&self) -> Result<Vec<Tool>, ToolsError> {
        let input_schema = r#"{"type":"object"}"#.into();
        Ok(vec![Tool { name: "echo".into(), description: "Echoes".into(), input_schema, ..Tool::default() }])
    }

    async fn list_scopes(&self) -> Result<Vec<Scope>, ToolsError> {
        Ok(Vec::new())
    }

    async fn call_tool(&self, _: Caller, call: Call) -> Result<Reply, ToolsError> {
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
        assert!(arguments.is_object(), "TL-01");
        let content = vec![ContentBlock::Text(call.arguments)];
        Ok(Reply::Done(Outcome::Complete(ToolResult { content, ..ToolResult::default() })))
    }
}

impl Resources for Outside {
    async fn list_resources(&self, _: Caller) -> Result<Vec<Resource>, ResourcesError> {
        Ok(Vec::new())
    }

    async fn list_templates(&self, _: Caller) -> Result<Vec<Template>, ResourcesError> {
        Ok(Vec::new())
    }

    async fn read_resource(&self, _: Caller, _: Read) -> Result<ReadOutcome, ResourcesError> {
        panic!("nothing is listed that could be read");
    }

    async fn complete_template(&self, _: Caller, _: Completion) -> Result<Suggestions, ResourcesError> {
        Err(ResourcesError::NotFound)
    }
}

impl Prompts for Outside {
    async fn list_prompts(&self, _: Caller) -> Result<Vec<Prompt>, PromptsError> {
        Ok(Vec::new())
    }

    async fn get_prompt(&self, _: Caller, _: GetPrompt) -> Result<PromptOutcome, PromptsError> {
        panic!("nothing is listed that could be got");
    }

    async fn complete_prompt(&self, _: Caller, _: Completion) -> Result<Suggestions, PromptsError> {
        Err(PromptsError::UnknownPrompt)
    }
}

/// Returns the status and the message of a response that is not a stream.
fn send(headers: &[(&'static str, &[u8])], body: &[u8]) -> (StatusCode, Option<Value>) {
    let fixed: [(&'static str, &[u8]); 3] = [
        ("authorization", b"Bearer token"),
        ("content-type", b"application/json"),
        ("accept", b"application/json, text/event-stream"),
    ];
    let headers: HeaderMap = fixed
        .iter()
        .chain(headers)
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap()))
        .collect();
    let head = Head { method: Method::POST, path: "/mcp".into(), query: None, authority: None, headers };
    let public_url = PublicUrl::parse(ENDPOINT).unwrap();
    let server = Rc::new(McpServer {
        authorization_server: Issuer::own(&public_url),
        allowed_origins: Rc::new(AllowedOrigins::parse("", &public_url, "").unwrap()),
        public_url,
        tolerances: Tolerances::default(),
        message_limit: mcp_core::MessageLimit::default(),
        tool_limits: ToolLimits::default(),
        user_limits: UserLimits::default(),
        known_tools: Rc::default(),
        outside: Outside::default(),
    });
    let reply = block_on(server.handle(&head, &mut Bytes::copy_from_slice(body), now()));
    match reply.body {
        Body::Whole(body) if body.is_empty() => (reply.status, None),
        Body::Whole(body) => (reply.status, Some(serde_json::from_slice(&body).unwrap())),
        Body::Stream(_) => (reply.status, None),
    }
}

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"f","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#;

/// MP-07 to MP-12, MP-18: every message gets the response for its kind, with its own id, in either era.
pub(crate) const JSONRPC: Target = Target {
    name: "jsonrpc",
    run: jsonrpc,
    seeds: || {
        let messages = [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{META}}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"echo","arguments":{"a":1},META}}"#,
            r#"{"jsonrpc":"2.0","id":-1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"f","version":"1"}}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{META}}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1.5,"method":"ping","params":[]}"#,
        ];
        messages.map(|message| message.replace("META", META).into_bytes()).to_vec()
    },
    words: &[
        "\"id\":",
        "\"id\":\"x\",",
        "\"params\":{},",
        ",\"cursor\":\"x\"",
        "\"arguments\":null,",
        "tools/list",
        "subscriptions/listen",
        "notifications/cancelled",
        "\"method\":",
        "\"params\":",
        "\"jsonrpc\":\"2.0\"",
        "null",
        "true",
        "1e400",
        "-0",
        "\"tools/call\"",
        "\"resources/read\"",
        "\"prompts/list\"",
        "\"cursor\":\"x\"",
        "\"arguments\":",
        "\"name\":\"echo\"",
        "\\u0000",
        "\\ud83d",
        "[[[[[[[[",
        "{\"a\":",
        "]",
        "}",
        ",",
        "\"_meta\":{}",
        "\"tasks/get\"",
        "\"logging/setLevel\"",
        "\"completion/complete\"",
        "{}",
    ],
    iterations: 20_000,
};

fn jsonrpc(input: &[u8]) -> String {
    let reference = serde_json::from_slice::<Value>(input).ok();
    let member = |name: &str| reference.as_ref().and_then(|message| message.get(name));
    let text = |name: &str| member(name).and_then(Value::as_str).unwrap_or_default();
    let name =
        reference.as_ref().and_then(|message| message.pointer("/params/name")?.as_str()).unwrap_or_default();
    let method = format!("=?base64?{}?=", Base64::encode_string(text("method").as_bytes()));
    // `Mcp-Method` is not encoded; a method of this server is always valid in a header.
    let method = HeaderValue::from_str(text("method")).map_or(method.clone(), |_| text("method").to_owned());
    let name = format!("=?base64?{}?=", Base64::encode_string(name.as_bytes()));
    let modern: [(&'static str, &[u8]); 3] = [
        ("mcp-protocol-version", b"2026-07-28"),
        ("mcp-method", method.as_bytes()),
        ("mcp-name", name.as_bytes()),
    ];
    let legacy: [(&'static str, &[u8]); 1] = [("mcp-protocol-version", b"2025-11-25")];
    let mut outcome = shape(input);
    for headers in [&modern[..], &legacy[..]] {
        let (status, answer) = send(headers, input);
        assert!(!status.is_server_error(), "{status} {answer:?}");
        let code = answer.as_ref().and_then(|answer| answer.pointer("/error/code")?.as_i64());
        outcome.push_str(&format!("{status} {code:?} "));
        if reference.is_none() {
            // Some of it is JSON by its grammar, and then there may be an id.
            let refused = (status.as_u16(), code);
            assert!(matches!(refused, (400, Some(-32700 | -32600)) | (200, Some(-32602))), "{refused:?}");
        }
        let Some(answer) = answer else {
            let is_stream = status == StatusCode::OK;
            assert!(is_stream || member("id").is_none(), "a request without an answer: {status}");
            continue;
        };
        assert_eq!(answer["jsonrpc"], "2.0");
        let id = answer.get("id").filter(|id| !id.is_null());
        let is_own = |id: &Value| match &reference {
            Some(_) => Some(id) == member("id"),
            None => !(id.is_i64() || id.is_u64()) || String::from_utf8_lossy(input).contains(&id.to_string()),
        };
        assert!(id.is_none_or(is_own), "another's id");
        if answer.get("result").is_some() {
            assert_eq!((status, text("jsonrpc")), (StatusCode::OK, "2.0"));
            assert!(id.is_some_and(|id| id.is_string() || id.is_number()));
            assert!(
                !text("method").is_empty()
                    && member("params").is_none_or(|params| params.is_object() || params.is_null())
            );
        } else {
            assert!(code.is_some() && answer["error"]["message"].is_string(), "{answer}");
        }
    }
    outcome
}

/// MP-03, MP-04: a header equals the body's name exactly when it is that name or its one encoding. The
/// first line is the name in the body, the second one the header.
pub(crate) const MIRRORED_HEADER: Target = Target {
    name: "mirrored_header",
    run: mirrored_header,
    seeds: || {
        let pairs = [
            ("echo", "echo"),
            ("echo", "=?base64?ZWNobw==?="),
            ("größer", "=?base64?Z3LDtsOfZXI=?="),
            ("=?base64?ZWNobw==?=", "=?base64?ZWNobw==?="),
            ("=?base64?ZWNobw==?=", "=?base64?PT9iYXNlNjQ/WldOb2J3PT0/PQ==?="),
            ("=?base64?=", "=?base64?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ];
        pairs.map(|(name, header)| format!("{name}\n{header}").into_bytes()).to_vec()
    },
    words: &[
        "=?base64?",
        "?=",
        "=?BASE64?",
        "=",
        "==",
        "ZWNobw==",
        "ZWNobw",
        "+",
        "/",
        "-",
        "_",
        " ",
        "\t",
        "echo",
    ],
    iterations: 20_000,
};

fn mirrored_header(input: &[u8]) -> String {
    let Some((name, header)) = two_lines(input) else { return "no two lines".to_owned() };
    if name.is_empty() || HeaderValue::from_str(header).is_err() {
        return "no header".to_owned();
    }
    let meta: Value = serde_json::from_str(&format!("{{{META}}}")).unwrap();
    let params = json!({ "name": name, "arguments": {}, "_meta": meta["_meta"] });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let headers: [(&'static str, &[u8]); 3] = [
        ("mcp-protocol-version", b"2026-07-28"),
        ("mcp-method", b"tools/call"),
        ("mcp-name", header.as_bytes()),
    ];
    let (status, answer) = send(&headers, message.to_string().as_bytes());
    let answer = answer.unwrap();
    let is_refused = answer["error"]["code"] == -32020;
    let value = header.trim_matches([' ', '\t']);
    let is_encoded =
        value.len() >= "=?base64??=".len() && value.starts_with("=?base64?") && value.ends_with("?=");
    let means_name = match is_encoded {
        true => value == format!("=?base64?{}?=", Base64::encode_string(name.as_bytes())),
        false => value.is_ascii() && value == name,
    };
    assert_eq!(is_refused, !means_name, "{status} {answer}");
    format!("{status} {is_refused} {is_encoded}")
}
