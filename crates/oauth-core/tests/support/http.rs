//! Requests to send and replies to read.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use serde_json::Value;
use std::collections::BTreeMap;
use web_core::{Head, Reply};

/// A request as plain data, so that a test can change it, send it twice, or let several race.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// `None` stands for the server's own.
    pub(crate) authority: Option<String>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: Method, target: &str) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
            None => (target.to_owned(), None),
        };
        Self { method, path, query, authority: None, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new(Method::GET, target)
    }

    pub(crate) fn post_json(target: &str, body: &Value) -> Self {
        Self::new(Method::POST, target).with("content-type", "application/json").with_body(body.to_string())
    }

    pub(crate) fn post_form(target: &str, params: &Params) -> Self {
        Self::new(Method::POST, target)
            .with("content-type", "application/x-www-form-urlencoded")
            .with_body(params.encode())
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub(crate) fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn with_authority(mut self, authority: &str) -> Self {
        self.authority = Some(authority.to_owned());
        self
    }

    pub(crate) fn into_parts(self, own_authority: &str) -> (Head, Bytes) {
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let authority = self.authority.unwrap_or_else(|| own_authority.to_owned());
        let head = Head {
            method: self.method,
            path: self.path,
            query: self.query,
            authority: Some(authority).filter(|authority| !authority.is_empty()),
            headers,
        };
        (head, self.body.into())
    }
}

/// Parameters of a query or a form, in order, possibly repeated.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(pub(crate) Vec<(String, String)>);

impl Params {
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// Sets a parameter, in place of any other of that name.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    /// Adds a parameter beside any other of that name.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn encode(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

/// A header that occurs at most once, as text; empty when it is absent.
pub(crate) fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    assert!(reply.headers.get_all(name).iter().count() <= 1, "{name} occurs once");
    reply.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

pub(crate) fn body_text(reply: &Reply) -> &str {
    std::str::from_utf8(&reply.body).unwrap()
}

pub(crate) fn json(reply: &Reply) -> Value {
    assert_eq!(header(reply, "content-type"), "application/json", "{}", body_text(reply));
    serde_json::from_slice(&reply.body).unwrap()
}

/// Where a redirect leads: the URI without its query, and the query's parameters, each of which may
/// occur once.
pub(crate) fn location(reply: &Reply) -> (String, BTreeMap<String, String>) {
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", body_text(reply));
    let location = header(reply, "location");
    let (uri, query) = location.split_once('?').unwrap_or((location, ""));
    let mut params = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        assert_eq!(params.insert(name, value), None, "{location}");
    }
    (uri.to_owned(), params)
}
