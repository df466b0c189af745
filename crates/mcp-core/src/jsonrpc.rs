//! JSON-RPC 2.0 as MCP narrows it: one message in a body, ids that are strings or integers, parameters
//! by name. What a method's parameters mean is the business of [`methods`](crate::methods).

use crate::{
    json::{self, flaw},
    ports::ClientCapabilities,
    revision::Revision,
};
use http::StatusCode;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{json, value::RawValue};
use std::{borrow::Cow, rc::Rc};

/// What is in a body.
#[derive(Debug)]
#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::large_enum_variant, reason = "there is one for a request, and it is taken apart at once")
)]
pub(crate) enum Parsed<'a> {
    /// One message.
    One(Message<'a>),
    /// Several, each of which may be wrong by itself.
    Batch(Vec<Result<Message<'a>, Misread>>),
}

/// Why a message cannot be read. With the error comes the id, if there was one to be read.
pub(crate) type Misread = (Option<Id>, Fault);

/// One message.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    /// Wants a reply.
    Request(Id, Call<'a>),
    /// Wants none.
    Notification(Call<'a>),
    /// Answers a request of ours.
    Response(Response<'a>),
}

/// An answer to a request of ours.
#[derive(Debug)]
pub(crate) struct Response<'a> {
    /// The request's id, where it is a string, as ours are.
    pub(crate) id: Option<Cow<'a, str>>,
    /// `None`: it went wrong.
    pub(crate) result: Option<&'a RawValue>,
}

/// What a message asks for.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Cow<'a, str>,
    pub(crate) params: Params<'a>,
    /// All of the message.
    pub(crate) text: &'a str,
    /// `params` is `null`, which counts as left out.
    pub(crate) has_null_params: bool,
}

/// The parameters that any method here reads, unparsed; all others are ignored.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Params<'a> {
    #[serde(rename = "_meta", default, borrow, deserialize_with = "json::present")]
    pub(crate) meta: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "json::present")]
    pub(crate) name: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "json::present")]
    pub(crate) uri: Option<&'a RawValue>,
    #[serde(rename = "taskId", default, borrow, deserialize_with = "json::present")]
    pub(crate) task_id: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "json::present")]
    pub(crate) arguments: Option<&'a RawValue>,
    #[serde(rename = "ref", default, borrow, deserialize_with = "json::present")]
    pub(crate) reference: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "json::present")]
    pub(crate) argument: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "json::present")]
    pub(crate) context: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "json::present")]
    pub(crate) cursor: Option<&'a RawValue>,
    #[serde(rename = "inputResponses", default, borrow, deserialize_with = "json::present")]
    pub(crate) input_responses: Option<&'a RawValue>,
    #[serde(rename = "requestState", default, borrow, deserialize_with = "json::present")]
    pub(crate) request_state: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "json::present")]
    pub(crate) notifications: Option<&'a RawValue>,
    #[serde(rename = "protocolVersion", default, borrow, deserialize_with = "json::present")]
    pub(crate) protocol_version: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "json::present")]
    pub(crate) capabilities: Option<&'a RawValue>,
    #[serde(rename = "clientInfo", default, borrow, deserialize_with = "json::present")]
    pub(crate) client_info: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "json::present")]
    pub(crate) level: Option<&'a RawValue>,
    #[serde(rename = "requestId", default, borrow, deserialize_with = "json::present")]
    pub(crate) request_id: Option<&'a RawValue>,
}

/// A request's id or a progress token, kept as it was written, so that it goes back with the same type.
#[derive(Debug, Clone)]
pub(crate) struct Id(Rc<RawValue>);

impl Id {
    /// A string or an integer; `null`, `1.5` and everything else is none, and so is what is too long to be repeated.
    pub(crate) fn parse(value: &RawValue) -> Option<Self> {
        let text = value.get();
        if text.len() > MAX_ID {
            return None;
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_id = text.starts_with('"') || digits.bytes().all(|byte| byte.is_ascii_digit());
        is_id.then(|| Self(value.to_owned().into()))
    }
}

impl Id {
    /// Its JSON text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (*self.0).serialize(serializer)
    }
}

/// The most messages in a batch (MP-08).
const MAX_BATCH: usize = 16;

/// The longest id or progress token, as JSON, in bytes. Both come back to the client in every message about them.
pub(crate) const MAX_ID: usize = 1024;

/// The longest part of a client's text that a message repeats, in bytes.
const MAX_REPEATED: usize = 200;

/// The longest error message, in bytes.
const MAX_MESSAGE: usize = 8 * 1024;

/// The longest URI that an error repeats, in bytes.
const MAX_URI: usize = 2048;

/// A client's text, cut if it is long, to be repeated in an error.
pub(crate) fn repeated(text: &str) -> Cow<'_, str> {
    cut(text.into(), MAX_REPEATED)
}

fn cut(text: Cow<'_, str>, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return text;
    }
    format!("{}…", text.get(..text.floor_char_boundary(most)).unwrap_or_default()).into()
}

/// Reads a body. `allow_null`: `params` may be `null` ([`Tolerances::null_parameters`](crate::Tolerances)).
pub(crate) fn parse(body: &[u8], allow_null: bool) -> Result<Parsed<'_>, Misread> {
    let text = json::check_text(body).ok_or_else(|| unreadable(body))?;
    if !text.starts_with('[') {
        return Ok(Parsed::One(parse_message(text, allow_null)?));
    }
    let messages: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| (None, Fault::Parse))?;
    if messages.is_empty() || messages.len() > MAX_BATCH {
        return Err((None, Fault::InvalidRequest("A batch must have 1 to 16 messages")));
    }
    let messages = messages.into_iter().map(RawValue::get);
    Ok(Parsed::Batch(messages.map(|message| parse_message(message, allow_null)).collect()))
}

/// Says why a body cannot be read, and whose request it was, as far as that is certain.
fn unreadable(body: &[u8]) -> Misread {
    let Some(flaw) = flaw::find(body) else { return (None, Fault::Parse) };
    let id = flaw.id.and_then(|id| serde_json::from_str(id).ok()).and_then(Id::parse);
    let what = match flaw.place.as_str() {
        "" => flaw.kind.to_string(),
        place => format!("{} (at {place})", flaw.kind),
    };
    let fault = match flaw.kind {
        flaw::Kind::Encoding => Fault::NotText(what),
        // The client waits for the answer to this id, and finds it in an answer that HTTP calls a success.
        _ if flaw.is_in_params() && id.is_some() => Fault::InvalidParams(what),
        _ => Fault::Unreadable(what),
    };
    (id, fault)
}

/// Reads a message.
fn parse_message(text: &str, allow_null: bool) -> Result<Message<'_>, Misread> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(default, borrow, deserialize_with = "json::present")]
        jsonrpc: Option<&'a RawValue>,
        #[serde(default, borrow, deserialize_with = "json::present")]
        id: Option<&'a RawValue>,
        #[serde(default, borrow, deserialize_with = "json::present")]
        method: Option<&'a RawValue>,
        #[serde(default, borrow, deserialize_with = "json::present")]
        params: Option<&'a RawValue>,
        #[serde(default, borrow, deserialize_with = "json::present")]
        result: Option<&'a RawValue>,
        #[serde(default, borrow, deserialize_with = "json::present")]
        error: Option<&'a RawValue>,
    }

    if !text.starts_with('{') {
        return Err((None, Fault::InvalidRequest("The body must be a JSON-RPC message")));
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|_| (None, Fault::Parse))?;
    let id = envelope.id.and_then(Id::parse);
    let invalid = |what| (id.clone(), Fault::InvalidRequest(what));

    if envelope.jsonrpc.and_then(json::string).as_deref() != Some("2.0") {
        return Err(invalid("jsonrpc must be \"2.0\""));
    }
    if envelope.id.is_some() && id.is_none() {
        return Err(invalid("id must be a string or an integer of at most 1024 bytes"));
    }
    if envelope.method.is_none() && envelope.result.is_some() != envelope.error.is_some() {
        let id = envelope.id.and_then(json::string);
        return Ok(Message::Response(Response { id, result: envelope.result }));
    }
    let method = envelope
        .method
        .and_then(json::string)
        .ok_or_else(|| invalid("The message must be a request, a notification or a response"))?;
    let has_null_params = allow_null && envelope.params.is_some_and(|params| params.get() == "null");
    let params = match envelope.params {
        None => Params::default(),
        Some(_) if has_null_params => Params::default(),
        Some(params) if json::is_object(params) => {
            serde_json::from_str(params.get()).map_err(|_| (id.clone(), Fault::Parse))?
        }
        Some(_) => return Err(invalid("params must be an object")),
    };
    let call = Call { method, params, text, has_null_params };
    Ok(match id {
        Some(id) => Message::Request(id, call),
        None => Message::Notification(call),
    })
}

/// A protocol error. Its text is ours, with at most the client's own words in it (I12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The body is not JSON.
    Parse,
    /// The body is JSON that parsers read differently; what is wrong with it, and where.
    Unreadable(String),
    /// The body is not UTF-8; where.
    NotText(String),
    /// The body is no request and no notification.
    InvalidRequest(&'static str),
    /// This revision, or this server, has no such method.
    MethodNotFound,
    /// The method's parameters are wrong.
    InvalidParams(String),
    /// There is no such resource, or this caller may not know that there is (MP-15).
    ResourceNotFound {
        /// As the client wrote it.
        uri: String,
        /// The code, which depends on the revision.
        code: i32,
    },
    /// The request does not say what every modern request has to say in `_meta`.
    InvalidMeta(&'static str),
    /// A header does not say what the body says.
    HeaderMismatch(Cow<'static, str>),
    /// The revision is not served, or not in this way.
    UnsupportedProtocolVersion {
        /// As the client wrote it.
        requested: String,
    },
    /// The revision is not served over HTTP+SSE.
    UnsupportedOverSse {
        /// As the client wrote it.
        requested: String,
    },
    /// A request that was accepted takes more scopes than its token has; those that it takes. Over a stream only: where
    /// HTTP can say so, it does.
    InsufficientScope(Vec<String>),
    /// The user has opened more streams than there may be.
    TooManyStreams,
    /// The client has to offer something that it does not.
    MissingCapability(ClientCapabilities),
    /// Nothing can be checked against a tool's input schema; why.
    UnusableSchema(&'static str),
    /// No more tasks are kept for this client.
    TooManyTasks,
    /// What was asked for takes a session, and the request has none.
    SessionNeeded,
    /// There is no such session, to whoever asks.
    SessionNotFound,
    /// A request that ran did not come to its end; why, in words for the client.
    Interrupted(&'static str),
    /// A legacy client could not be asked what had to be known, or its answer was of no use; why.
    Unanswered(String),
    /// Something here or behind us went wrong. The log has the cause.
    Internal,
    /// As `Internal`, for a tool that failed on its own account.
    ToolFailed {
        /// What joins the error with the line in the log.
        trace: String,
    },
    /// As `Internal`, and trying again may help.
    Unavailable,
}

impl Fault {
    /// The numbers are JSON-RPC's, and from -32020 on MCP's.
    fn code(&self) -> i32 {
        match self {
            Self::Parse | Self::NotText(_) => -32700,
            Self::InvalidRequest(_)
            | Self::Unreadable(_)
            | Self::SessionNeeded
            | Self::SessionNotFound
            | Self::InsufficientScope(_) => -32600,
            Self::MethodNotFound => -32601,
            Self::ResourceNotFound { code, .. } => *code,
            Self::InvalidParams(_) | Self::InvalidMeta(_) => -32602,
            Self::UnusableSchema(_)
            | Self::TooManyTasks
            | Self::TooManyStreams
            | Self::Interrupted(_)
            | Self::Unanswered(_)
            | Self::Internal
            | Self::ToolFailed { .. }
            | Self::Unavailable => -32603,
            Self::HeaderMismatch(_) => -32020,
            Self::MissingCapability(_) => -32021,
            Self::UnsupportedProtocolVersion { .. } | Self::UnsupportedOverSse { .. } => -32022,
        }
    }

    fn message(&self) -> Cow<'_, str> {
        match self {
            Self::Parse => "The body is not valid JSON".into(),
            Self::InvalidRequest(what) | Self::InvalidMeta(what) | Self::Interrupted(what) => (*what).into(),
            Self::SessionNeeded => "This takes a session: send Mcp-Session-Id".into(),
            Self::SessionNotFound => "Session not found".into(),
            Self::MethodNotFound => "Method not found".into(),
            Self::InvalidParams(what) | Self::Unanswered(what) => cut(what.into(), MAX_MESSAGE),
            Self::Unreadable(what) | Self::NotText(what) => what.into(),
            Self::ResourceNotFound { .. } => "Resource not found".into(),
            Self::HeaderMismatch(what) => format!("Header mismatch: {what}").into(),
            Self::UnsupportedProtocolVersion { .. } => "Unsupported protocol version".into(),
            Self::UnsupportedOverSse { .. } => "Unsupported protocol version over HTTP+SSE".into(),
            Self::InsufficientScope(scopes) => format!(
                "The access token does not allow this operation, which takes the scopes {}",
                scopes.join(" ")
            )
            .into(),
            Self::TooManyStreams => "This user has opened more streams than the server allows".into(),
            Self::MissingCapability(_) => "Missing required client capability".into(),
            Self::UnusableSchema(why) => format!("The tool's input schema cannot be used: {why}").into(),
            Self::TooManyTasks => "Too many tasks are kept; wait for one to end, or cancel one".into(),
            Self::Internal => "Internal error".into(),
            Self::ToolFailed { trace } => {
                format!("Internal error: the tool failed. The server's log says more, under trace={trace}")
                    .into()
            }
            Self::Unavailable => "Temporarily unavailable".into(),
        }
    }

    fn data(&self) -> Option<serde_json::Value> {
        match self {
            Self::UnsupportedProtocolVersion { requested } => Some(
                json!({ "supported": Revision::ALL.map(Revision::as_str), "requested": repeated(requested) }),
            ),
            Self::UnsupportedOverSse { requested } => {
                let supported = Revision::ALL.into_iter().filter(|revision| !revision.is_modern());
                let supported = supported.map(Revision::as_str).collect::<Vec<_>>();
                Some(json!({ "supported": supported, "requested": repeated(requested) }))
            }
            Self::InsufficientScope(scopes) => {
                Some(json!({ "error": "insufficient_scope", "scope": scopes.join(" ") }))
            }
            Self::MissingCapability(needed) => Some(json!({ "requiredCapabilities": needed })),
            Self::ToolFailed { trace } => Some(json!({ "traceId": trace })),
            Self::ResourceNotFound { uri, .. } => (uri.len() <= MAX_URI).then(|| json!({ "uri": uri })),
            Self::Parse
            | Self::Unreadable(_)
            | Self::NotText(_)
            | Self::InvalidRequest(_)
            | Self::MethodNotFound
            | Self::InvalidParams(_)
            | Self::InvalidMeta(_)
            | Self::HeaderMismatch(_)
            | Self::UnusableSchema(_)
            | Self::TooManyTasks
            | Self::TooManyStreams
            | Self::SessionNeeded
            | Self::SessionNotFound
            | Self::Interrupted(_)
            | Self::Unanswered(_)
            | Self::Internal
            | Self::Unavailable => None,
        }
    }

    /// The HTTP status. Only the modern era has one for a method that does not exist; there, a body
    /// with a code keeps a client that knows both eras from falling back (MCP-V-21).
    pub(crate) fn status(&self, modern: bool) -> StatusCode {
        match self {
            Self::MethodNotFound if modern => StatusCode::NOT_FOUND,
            Self::SessionNotFound => StatusCode::NOT_FOUND,
            Self::TooManyStreams => StatusCode::TOO_MANY_REQUESTS,
            Self::MethodNotFound
            | Self::InvalidParams(_)
            | Self::ResourceNotFound { .. }
            | Self::UnusableSchema(_)
            | Self::TooManyTasks
            | Self::Interrupted(_)
            | Self::Unanswered(_)
            | Self::Internal
            | Self::ToolFailed { .. }
            | Self::Unavailable => StatusCode::OK,
            Self::Parse
            | Self::Unreadable(_)
            | Self::NotText(_)
            | Self::InvalidRequest(_)
            | Self::SessionNeeded
            | Self::InvalidMeta(_)
            | Self::HeaderMismatch(_)
            | Self::MissingCapability(_)
            | Self::InsufficientScope(_)
            | Self::UnsupportedOverSse { .. }
            | Self::UnsupportedProtocolVersion { .. } => StatusCode::BAD_REQUEST,
        }
    }

    /// The error message. Without an id the member is left out: the schema has no `null` there.
    pub(crate) fn to_message(&self, id: Option<&Id>) -> Vec<u8> {
        serialize(&ErrorMessage { jsonrpc: Version, id, error: self }).unwrap_or_default()
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            code: i32,
            message: Cow<'a, str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            data: Option<serde_json::Value>,
        }
        Wire { code: self.code(), message: self.message(), data: self.data() }.serialize(serializer)
    }
}

/// The message that carries a result.
pub(crate) fn result_message(id: &Id, result: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serialize(&ResultMessage { jsonrpc: Version, id, result }).ok_or(Fault::Internal)
}

/// The message of a request of ours: `{ method, params }`, and its id.
pub(crate) fn request_message(id: &str, request: &impl Serialize) -> Option<Vec<u8>> {
    #[derive(Serialize)]
    struct Request<'a, T> {
        jsonrpc: Version,
        id: &'a str,
        #[serde(flatten)]
        request: &'a T,
    }
    serialize(&Request { jsonrpc: Version, id, request })
}

/// The message of a notification.
pub(crate) fn notification_message(method: &str, params: &impl Serialize) -> Option<Vec<u8>> {
    #[derive(Serialize)]
    struct Notification<'a, T> {
        jsonrpc: Version,
        method: &'a str,
        params: &'a T,
    }
    serialize(&Notification { jsonrpc: Version, method, params })
}

fn serialize(message: &impl Serialize) -> Option<Vec<u8>> {
    serde_json::to_vec(message).ok()
}

#[derive(Serialize)]
struct ResultMessage<'a, T> {
    jsonrpc: Version,
    id: &'a Id,
    result: &'a T,
}

#[derive(Serialize)]
struct ErrorMessage<'a> {
    jsonrpc: Version,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Id>,
    error: &'a Fault,
}

/// `"2.0"`.
struct Version;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("2.0")
    }
}

#[cfg(test)]
mod tests;
