//! A server on a bench: requests to put to it, and what its ports saw.

use crate::{
    asking,
    long_tools::{self, World},
};
use bytes::Bytes;
use futures_core::future::LocalBoxFuture;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use mcp_core::{
    AllowedOrigins, KnownTools, LogEvent, McpServer, MessageLimit, Tolerances, ToolLimits, UserLimits,
    ports::{self, *},
};
use serde_json::{Value, json};
use std::{
    cell::{Cell, RefCell},
    ops::Deref,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use store_core::{
    DeploymentError, Keyring,
    testing::{MemoryStore, SequenceRandom},
};
use web_core::{Body, BodyError, Head, Issuer, PublicUrl, ReadBody};

/// A reply that has been read.
pub(crate) type Reply = web_core::Reply<Bytes>;

/// The time of every request.
pub(crate) const NOW: u64 = 1_800_000_000;

/// Cheap to clone: a clone is another instance of the same deployment.
#[derive(Clone)]
pub(crate) struct Bench(Rc<Shared>);

impl Deref for Bench {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// What the ports saw, and what they do.
pub(crate) struct Shared {
    pub(crate) public_url: &'static str,
    /// These as the variables have them.
    pub(crate) public_path: &'static str,
    pub(crate) also_served_at: &'static str,
    pub(crate) allowed_origins: &'static str,
    pub(crate) strict: &'static str,
    /// As the variable has it.
    pub(crate) authorization_server: &'static str,
    pub(crate) tolerances: Cell<Tolerances>,
    pub(crate) tool_limits: Cell<ToolLimits>,
    pub(crate) user_limits: Cell<UserLimits>,
    pub(crate) message_limit: Cell<MessageLimit>,
    pub(crate) known_tools: Rc<KnownTools>,
    /// Every token that was looked up.
    pub(crate) introspected: RefCell<Vec<String>>,
    /// How often the tools were listed.
    pub(crate) listed: Cell<usize>,
    /// Every call that reached a tool.
    pub(crate) calls: RefCell<Vec<(Caller, Call)>>,
    /// Every read that reached the resources.
    pub(crate) reads: RefCell<Vec<(Caller, Read)>>,
    /// Every wish that reached the prompts.
    pub(crate) gets: RefCell<Vec<(Caller, GetPrompt)>>,
    /// Every completion that reached either.
    pub(crate) completions: RefCell<Vec<(Caller, Completion)>>,
    /// How often a body was read.
    pub(crate) bodies_read: Cell<usize>,
    /// The operator's log.
    pub(crate) log: RefCell<Vec<String>>,
    /// Whether there is more to read and to say than fits on a page.
    pub(crate) offers_many: Cell<bool>,
    /// What the tools answer to everything, when they are broken.
    pub(crate) tools_error: Option<ToolsError>,
    pub(crate) store: MemoryStore,
    random: SequenceRandom,
    /// Where the work of tasks goes on.
    pub(crate) world: World,
    /// There are keys.
    pub(crate) has_keys: Cell<bool>,
    /// No token is good any more.
    pub(crate) is_revoked: Cell<bool>,
    /// A token that is good no more.
    pub(crate) revoked: Cell<&'static str>,
    /// What lookups fail with, after so many.
    pub(crate) outage: RefCell<Option<IntrospectionError>>,
    pub(crate) outage_begins_after: Cell<usize>,
    /// How many tools there are besides.
    pub(crate) more_tools: usize,
    /// How many milliseconds after [`NOW`] it is.
    pub(crate) later: Cell<u64>,
    /// What goes on beside.
    spawned: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Shared)) -> Self {
        let mut shared = Shared {
            public_url: "https://mcp.example.com",
            public_path: "",
            also_served_at: "",
            allowed_origins: "",
            strict: "",
            authorization_server: "",
            tolerances: Cell::default(),
            tool_limits: Cell::default(),
            user_limits: Cell::default(),
            message_limit: Cell::default(),
            known_tools: Rc::default(),
            introspected: RefCell::default(),
            listed: Cell::default(),
            calls: RefCell::default(),
            reads: RefCell::default(),
            gets: RefCell::default(),
            completions: RefCell::default(),
            offers_many: Cell::default(),
            bodies_read: Cell::default(),
            log: RefCell::default(),
            tools_error: None,
            store: MemoryStore::default(),
            random: SequenceRandom::default(),
            world: World::default(),
            has_keys: Cell::new(true),
            is_revoked: Cell::default(),
            revoked: Cell::default(),
            outage: RefCell::default(),
            outage_begins_after: Cell::default(),
            more_tools: 0,
            later: Cell::default(),
            spawned: RefCell::default(),
        };
        change(&mut shared);
        Self(Rc::new(shared))
    }

    /// A developer's machine.
    pub(crate) fn loopback() -> Self {
        Self::with(|shared| shared.public_url = "http://127.0.0.1:3000")
    }

    /// Sends a request and reads all of the reply.
    pub(crate) fn send(&self, request: Request) -> Reply {
        self.run(async {
            let web_core::Reply { status, headers, body } = self.begin(request).await;
            let body = match body {
                Body::Whole(body) => body,
                Body::Stream(chunks) => chunks.collect::<Vec<_>>().await.concat().into(),
            };
            let reply = Reply { status, headers, body };
            self.inspect(&reply);
            reply
        })
    }

    /// Does something, and what was begun beside it, as a host does.
    pub(crate) fn run<T>(&self, main: impl Future<Output = T>) -> T {
        let mut main = pin!(main);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(done) = main.as_mut().poll(&mut context) {
                return done;
            }
            let mut beside = self.spawned.take();
            beside.retain_mut(|work| work.as_mut().poll(&mut context).is_pending());
            self.spawned.borrow_mut().extend(beside);
        }
    }

    /// Ends all that goes on beside, as a host does that is stopped: nothing gets to tidy up.
    pub(crate) fn stop(&self) {
        let ended = self.spawned.take();
        drop(ended);
        self.spawned.take();
    }

    /// Sends a request. Its reply may go on.
    pub(crate) async fn begin(&self, request: Request) -> web_core::Reply<Body> {
        let public_url = PublicUrl::read(|name| {
            let value = match name {
                "public_url" => self.public_url,
                "public_path" => self.public_path,
                "also_served_at" => self.also_served_at,
                _ => self.strict,
            };
            value.to_owned()
        })
        .unwrap();
        let origins = AllowedOrigins::parse(self.allowed_origins, &public_url, self.strict).unwrap();
        let server = Rc::new(McpServer {
            allowed_origins: Rc::new(origins),
            authorization_server: Issuer::parse(self.authorization_server, &public_url).unwrap(),
            public_url,
            tolerances: self.tolerances.get(),
            tool_limits: self.tool_limits.get(),
            user_limits: self.user_limits.get(),
            message_limit: self.message_limit.get(),
            known_tools: Rc::clone(&self.known_tools),
            outside: self.clone(),
        });
        let mut body = CountedBody { bytes: request.body, reads: &self.bodies_read };
        server.handle(&request.head, &mut body, self.now()).await
    }

    /// Whatever happens, these hold (HT-13, RS-15, I12).
    fn inspect(&self, reply: &Reply) {
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        let text = String::from_utf8(reply.body.to_vec()).unwrap();
        for secret in ["good", "DETAIL"].map(|secret| format!("{secret}-secret")) {
            assert!(
                !text.contains(&secret) && !self.log.borrow().iter().any(|line| line.contains("good-secret"))
            );
        }
    }

    /// Takes one tolerance away.
    pub(crate) fn be_strict(&self, change: impl FnOnce(&mut Tolerances)) {
        let mut tolerances = self.tolerances.get();
        change(&mut tolerances);
        self.tolerances.set(tolerances);
    }

    /// How many lookups and tool calls there were.
    pub(crate) fn effects(&self) -> (usize, usize) {
        (self.introspected.borrow().len(), self.calls.borrow().len())
    }
}

/// Lets somebody else go on.
pub(crate) async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        // What selects among many polls only who has asked for it.
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

struct CountedBody<'a> {
    bytes: Bytes,
    reads: &'a Cell<usize>,
}

impl ReadBody for CountedBody<'_> {
    async fn read(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        self.reads.set(self.reads.get() + 1);
        self.bytes.read(limit).await
    }
}

/// Tokens are called after what they stand for.
impl Lasting for Bench {
    type Store = MemoryStore;
    type Random = SequenceRandom;

    fn store(&self) -> &MemoryStore {
        &self.0.store
    }

    fn random(&self) -> &SequenceRandom {
        &self.0.random
    }

    async fn keys(&self) -> Result<Option<Keyring>, DeploymentError> {
        Ok(self.has_keys.get().then(|| Keyring::from_secret(&[7; 32]).unwrap()))
    }
}

impl Clock for Bench {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOW) + Duration::from_millis(self.later.get())
    }

    /// Time passes when there is nothing else to do: everybody else gets some turns first, the more the longer.
    async fn sleep(&self, time: Duration) {
        let milliseconds = u64::try_from(time.as_millis()).unwrap();
        let until = self.later.get() + milliseconds;
        for _ in 0..20 + milliseconds / 10 {
            yield_once().await;
        }
        self.later.set(until.max(self.later.get()));
    }

    fn spawn(&self, work: LocalBoxFuture<'static, ()>) {
        self.spawned.borrow_mut().push(work);
    }
}

impl Log for Bench {
    fn log(&self, event: LogEvent<'_>) {
        self.0.log.borrow_mut().push(event.to_string());
    }
}

impl Introspection for Bench {
    async fn introspect(&self, token: &str) -> Result<Option<Access>, IntrospectionError> {
        self.introspected.borrow_mut().push(token.to_owned());
        if self.is_revoked.get() || self.revoked.get() == token {
            return Ok(None);
        }
        if let Some(error) = self.outage.borrow().clone()
            && self.introspected.borrow().len() > self.outage_begins_after.get()
        {
            return Err(error);
        }
        let access = |scopes: &[&str], audience: &str, expires_at| {
            Ok(Some(Access {
                subject: "alice".into(),
                client_id: "client-1".into(),
                scopes: scopes.iter().map(|&scope| scope.into()).collect(),
                audience: vec![audience.into()],
                expires_at,
                grant_id: Some("0123456789abcdef0123456789abcdef".into()),
            }))
        };
        let ours = format!("{}/mcp", self.public_url);
        if token == "bob" {
            let bob = access(&["math:basic"], &ours, NOW + 86_400)?;
            let grant_id = Some("fedcba9876543210fedcba9876543210".into());
            return Ok(bob.map(|access| Access { subject: "bob".into(), grant_id, ..access }));
        }
        let of = |subject: &str, grant: &str| {
            let lasting = access(&["math:basic"], &ours, NOW + 86_400)?;
            Ok(lasting.map(|access| Access {
                subject: subject.into(),
                grant_id: Some(grant.into()),
                ..access
            }))
        };
        match token {
            "of-another-user-too" => of("mallory", "cccccccccccccccccccccccccccccccc"),
            // The same user and client, after the user has allowed more.
            "with-statistics" => {
                let more = of("alice", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")?;
                let scopes = ["math:basic", "math:statistics"].map(str::to_owned).into();
                Ok(more.map(|access| Access { scopes, ..access }))
            }
            // As an outside provider issues them: under no grant that is known here.
            "under-no-grant" => {
                let access = access(&["math:basic"], &ours, NOW + 60)?;
                Ok(access.map(|access| Access { grant_id: None, ..access }))
            }
            "of-another-user" => of("mallory", "ffffffffffffffffffffffffffffffff"),
            "of-another-grant" => of("alice", "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"),
            "of-another-client" => {
                let other = of("alice", "dddddddddddddddddddddddddddddddd")?;
                Ok(other.map(|access| Access { client_id: "client-2".into(), ..access }))
            }
            "for-sse" => access(&[], &format!("{}/sse", self.public_url), NOW + 86_400),
            "for-a-minute" => access(&["math:basic"], &ours, NOW + 60),
            "everlasting" => access(&["math:basic"], &ours, u64::MAX),
            "good-secret" => access(&["math:basic"], &ours, NOW + 1),
            "statistics" => access(&["offline_access", "math:statistics", "math:basic"], &ours, NOW + 1),
            "lasting" => access(&["math:basic"], &ours, NOW + 86_400),
            "no-scopes" => access(&[], &ours, NOW + 1),
            "expired" => access(&["math:basic"], &ours, NOW),
            "for-the-origin" => access(&["math:basic"], self.public_url, NOW + 1),
            "for-an-alias" => access(&["math:basic"], "http://localhost:3000/mcp", NOW + 1),
            "for-a-prefix" => access(&["math:basic"], &format!("{ours}-v2"), NOW + 1),
            "for-another-server" => access(&["math:basic"], "https://other.example/mcp", NOW + 1),
            "store-is-down" => Err(IntrospectionError::Unavailable),
            "introspection-is-broken" => Err(IntrospectionError::Other("DETAIL-secret".into())),
            _ => Ok(None),
        }
    }
}

/// Tools are called after what they do.
impl Tools for Bench {
    async fn list_tools(&self) -> Result<Vec<Tool>, ToolsError> {
        self.listed.set(self.listed.get() + 1);
        if let Some(error) = &self.tools_error {
            return Err(error.clone());
        }
        let tool = |name: &str, scopes: &[&str]| Tool {
            name: name.into(),
            description: format!("Does {name}"),
            input_schema: r#"{"type":"object"}"#.into(),
            scopes: scopes.iter().map(|&scope| scope.into()).collect(),
            ..Tool::default()
        };
        let long = long_tools::NAMES.iter().map(|name| tool(name, &["math:basic"]));
        let more = (0..self.more_tools).map(|n| tool(&format!("more-{n}"), &[]));
        let tools = vec![
            Tool {
                title: Some("Add".into()),
                input_schema: r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","$defs":{"n":{"$anchor":"n"}}}"#.into(),
                output_schema: Some(r#"{"type":"object"}"#.into()),
                annotations: Annotations { read_only: Some(true), open_world: Some(false), ..Default::default() },
                ..tool("add", &["math:basic"])
            },
            tool("mean", &["math:statistics", "math:basic"]),
            Tool { output_schema: Some(r#"{"type":"array"}"#.into()), ..tool("gives-a-list", &[]) },
            tool("gives-structure-only", &[]),
            tool("refuses-arguments", &[]),
            tool("fails", &[]),
            tool("wants-more-scope", &["math:basic"]),
            tool("wants-scope-that-is-there", &["math:basic"]),
            tool("is-unavailable", &[]),
            tool("is-broken", &[]),
            tool("gives-no-json", &[]),
            tool("tells", &[]),
            Tool { output_schema: Some(r#"{"type":"object"}"#.into()), ..tool("forgets-structure", &[]) },
            Tool {
                input_schema: "{\r\n".to_owned() + r#""type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}"#,
                ..tool("mirrors-region", &[])
            },
            Tool { input_schema: "{".into(), ..tool("has-a-bad-schema", &[]) },
            Tool {
                input_schema: r#"{"type":"object","properties":{"n":{"type":"number","x-mcp-header":"N"}}}"#.into(),
                ..tool("mirrors-a-number", &[])
            },
            Tool {
                input_schema: r#"{"$schema":"https://example.com/dialect","type":"object"}"#.into(),
                ..tool("has-a-dialect", &[])
            },
            Tool {
                input_schema: r#"{"type":"object","$ref":"https://example.com/schema"}"#.into(),
                ..tool("refers-elsewhere", &[])
            },
            Tool {
                input_schema: r#"{"type":"object","properties":{"n":{"type":"integer","maximum":9}},"required":["n"],"additionalProperties":false}"#.into(),
                ..tool("takes-a-number", &[])
            },
            tool("größer", &[]),
        ];
        let asking = asking::TOOLS.map(|name| tool(name, &[]));
        Ok(tools.into_iter().chain(asking).chain(long).chain(more).collect())
    }

    async fn list_scopes(&self) -> Result<Vec<Scope>, ToolsError> {
        if let Some(error) = &self.tools_error {
            return Err(error.clone());
        }
        let scope = |name: &str, initial| Scope { name: name.into(), description: String::new(), initial };
        Ok(vec![scope("math:basic", true), scope("math:statistics", false)])
    }

    async fn call_tool(&self, caller: Caller, call: Call) -> Result<ports::Reply, ToolsError> {
        let name = call.name.clone();
        let asked = asking::call(self, &call);
        self.calls.borrow_mut().push((caller, call.clone()));
        if self.world.is_stuck.get() || name == "never-answers" {
            std::future::pending::<()>().await;
        }
        if let Some(reply) = asked {
            return Ok(reply);
        }
        if let Some(reply) = long_tools::call(&self.world, &call) {
            return reply;
        }
        let text = |text: &str| vec![ContentBlock::Text(text.into())];
        let done = |result| Ok(ports::Reply::Done(Outcome::Complete(result)));
        let structured = |content, structured: &str| {
            done(ToolResult { content, structured_content: Some(structured.into()), is_error: false })
        };
        match &*name {
            "add" => structured(text("42"), r#"{"result":42}"#),
            "gives-a-list" => structured(text("[1]"), "[1]"),
            "gives-structure-only" => structured(vec![], r#"{"n": 1}"#),
            "refuses-arguments" => Err(ToolsError::InvalidArguments("a must be a number".into())),
            "fails" => done(ToolResult {
                content: text("Division by zero"),
                structured_content: None,
                is_error: true,
            }),
            "wants-more-scope" => Err(ToolsError::InsufficientScope(vec!["math:more".into()])),
            "wants-scope-that-is-there" => Err(ToolsError::InsufficientScope(vec!["math:basic".into()])),
            "is-unavailable" => Err(ToolsError::Unavailable),
            "is-broken" => Err(ToolsError::Other("DETAIL-secret".into())),
            "gives-no-json" => structured(text(""), "{"),
            "tells" => Ok(ports::Reply::Running(Running {
                notifications: Box::pin(futures_util::stream::iter([
                    Notification::Progress(Progress { progress: 1.0, total: Some(2.0), message: None }),
                    Notification::Log(LogMessage {
                        level: LogLevel::Info,
                        logger: None,
                        data: "\"half\"".into(),
                    }),
                    Notification::Progress(Progress {
                        progress: 2.0,
                        total: Some(2.0),
                        message: Some("done".into()),
                    }),
                ])),
                outcome: Box::pin(async {
                    Ok(Outcome::Complete(ToolResult {
                        content: vec![ContentBlock::Text("told".into())],
                        ..ToolResult::default()
                    }))
                }),
            })),
            _ => done(ToolResult { content: text(&name), ..ToolResult::default() }),
        }
    }
}

/// A request, good until something is changed in it.
#[derive(Clone)]
pub(crate) struct Request {
    head: Head,
    body: Bytes,
}

impl Request {
    /// A POST with a good token and no version header.
    pub(crate) fn post(body: impl Into<Bytes>) -> Self {
        let headers = HeaderMap::new();
        let head = Head { method: Method::POST, path: "/mcp".into(), query: None, authority: None, headers };
        Self { head, body: body.into() }
            .header("authorization", "Bearer good-secret")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
    }

    /// A request as a client of 2025-11-25 sends it.
    pub(crate) fn legacy(method: &str, params: Value) -> Self {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        Self::post(message.to_string()).header("mcp-protocol-version", "2025-11-25")
    }

    /// A request as a client of 2026-07-28 sends it.
    pub(crate) fn modern(method: &str, mut params: Value) -> Self {
        params["_meta"] = meta();
        let name = params["name"].as_str().or(params["uri"].as_str()).map(str::to_owned);
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let request = Self::post(message.to_string())
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method);
        match name {
            Some(name) if name.is_ascii() => request.header("mcp-name", &name),
            _ => request,
        }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::post("").method(Method::GET).path(path).without("authorization")
    }

    pub(crate) fn method(mut self, method: Method) -> Self {
        self.head.method = method;
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        self.head.path = path.to_owned();
        self
    }

    pub(crate) fn query(mut self, query: &str) -> Self {
        self.head.query = Some(query.to_owned());
        self
    }

    pub(crate) fn authority(mut self, authority: &str) -> Self {
        self.head.authority = Some(authority.to_owned());
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sets a header.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.head.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    /// Adds a header to those of its name.
    pub(crate) fn another(mut self, name: &'static str, value: &str) -> Self {
        self.head.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.head.headers.remove(name);
        self
    }

    /// Changes the message.
    pub(crate) fn edit(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        let mut message = serde_json::from_slice(&self.body).unwrap();
        edit(&mut message);
        self.body = message.to_string().into();
        self
    }
}

/// What a modern request has in `_meta`.
pub(crate) fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1" },
    })
}

pub(crate) fn json(reply: &Reply) -> Value {
    assert_eq!(reply.headers["content-type"], "application/json");
    serde_json::from_slice(&reply.body).unwrap()
}

/// Status and JSON-RPC code of an error, after a look at what all of them have in common.
pub(crate) fn error(reply: &Reply) -> (u16, i64) {
    let message = json(reply);
    assert_eq!(message["jsonrpc"], "2.0");
    assert!(message.get("result").is_none() && message["error"]["message"].is_string(), "{message}");
    assert!(message.get("id").is_none_or(|id| !id.is_null()), "{message}");
    (reply.status.as_u16(), message["error"]["code"].as_i64().unwrap())
}

/// The result that a reply carries.
pub(crate) fn result(reply: &Reply) -> Value {
    let mut message = json(reply);
    assert_eq!((reply.status.as_u16(), &message["id"]), (200, &json!(1)), "{message}");
    assert!(message.get("error").is_none(), "{message}");
    message["result"].take()
}

pub(crate) fn challenge(reply: &Reply) -> &str {
    reply.headers["www-authenticate"].to_str().unwrap()
}
