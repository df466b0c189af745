//! A tool as the attribute [`tool`](crate::tool) makes it, and many of them as [`export!`](crate::export) does.

use crate::{
    Context,
    contract::{self, Annotations, Call, Caller, Error, Scope},
    error::ToolError,
    result::{Finished, ToolOutput},
    round::{Round, Work},
    schema::{self, OutputSchema, Schemer, Shape},
};
use schemars::JsonSchema;
use std::sync::OnceLock;

/// A tool. The attribute [`tool`](crate::tool) makes a type that is one, of the function's name.
pub trait Tool {
    /// The name to call it by.
    const NAME: &'static str;
    /// The name to show to a person.
    const TITLE: Option<&'static str>;
    /// What it does, from the doc comment.
    const DESCRIPTION: &'static str;
    /// Hints about its behaviour.
    const ANNOTATIONS: Annotations;
    /// The scopes that a caller needs, all of them.
    const SCOPES: &'static [&'static str];
    /// Its arguments.
    #[doc(hidden)]
    type Arguments: JsonSchema;
    /// What it gives.
    #[doc(hidden)]
    type Output: ToolOutput;

    /// Runs it.
    #[doc(hidden)]
    fn call(context: Context, arguments: String) -> Work;
}

/// A tool in a list of tools of many types: data, as far as it goes, because each tool adds to what ships.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    name: &'static str,
    title: Option<&'static str>,
    description: &'static str,
    annotations: Annotations,
    scopes: &'static [&'static str],
    arguments: Schemer,
    output: fn() -> OutputSchema,
    call: fn(Context, String) -> Work,
}

impl Entry {
    /// The entry of a tool.
    pub const fn of<T: Tool>() -> Self {
        Self {
            name: T::NAME,
            title: T::TITLE,
            description: T::DESCRIPTION,
            annotations: T::ANNOTATIONS,
            scopes: T::SCOPES,
            arguments: T::Arguments::json_schema,
            output: T::Output::schema,
            call: T::call,
        }
    }

    /// The tool as it is listed, and how its values become results.
    pub(crate) fn describe(&self) -> Described {
        let OutputSchema { shape, schema } = (self.output)();
        let tool = contract::Tool {
            name: self.name.to_owned(),
            title: self.title.map(str::to_owned),
            description: self.description.to_owned(),
            input_schema: schema::of_arguments(self.arguments),
            output_schema: schema,
            annotations: self.annotations,
            scopes: self.scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        Described { tool, shape }
    }
}

/// A tool as it is listed, and how its values become results.
#[doc(hidden)]
#[derive(Debug)]
pub struct Described {
    pub(crate) tool: contract::Tool,
    pub(crate) shape: Shape,
}

/// A scope as `export!` has it: name, description, and whether clients ask for it at sign-in.
#[doc(hidden)]
pub type ScopeEntry = (&'static str, &'static str, bool);

/// All tools of a component. [`export!`](crate::export) makes the type `Exported`, which is one.
pub trait Provider {
    /// The tools, in the order in which they are listed.
    #[doc(hidden)]
    const TOOLS: &'static [Entry];
    /// The scopes, in the order in which they are shown.
    #[doc(hidden)]
    const SCOPES: &'static [ScopeEntry];

    /// The descriptions are made once in an instance: they are the same for every caller.
    #[doc(hidden)]
    fn descriptions() -> &'static OnceLock<Vec<Described>>;
}

/// The tools' descriptions, in order.
pub(crate) fn described<P: Provider>() -> &'static [Described] {
    P::descriptions().get_or_init(|| P::TOOLS.iter().map(Entry::describe).collect())
}

/// `list-tools`.
#[doc(hidden)]
pub fn list_tools<P: Provider>() -> Vec<contract::Tool> {
    described::<P>().iter().map(|described| described.tool.clone()).collect()
}

/// `list-scopes`.
#[doc(hidden)]
pub fn list_scopes<P: Provider>() -> Vec<Scope> {
    let scope = |(name, description, initial): &ScopeEntry| Scope {
        name: (*name).to_owned(),
        description: (*description).to_owned(),
        initial: *initial,
    };
    P::SCOPES.iter().map(scope).collect()
}

/// The beginning of `call-tool`.
pub(crate) fn begin<P: Provider>(caller: Caller, call: Call) -> Result<Round, Error> {
    let position = P::TOOLS.iter().position(|entry| entry.name == call.name).ok_or(Error::UnknownTool)?;
    let entry = P::TOOLS.get(position).ok_or(Error::UnknownTool)?;
    let described = described::<P>().get(position).ok_or(Error::UnknownTool)?;
    Round::begin(entry.name, caller, call, described.shape, entry.call)
}

/// A `Result`, whatever it is called.
#[doc(hidden)]
pub trait Fallible {
    /// What it is when nothing fails.
    type Output;
}

impl<T, E> Fallible for Result<T, E> {
    type Output = T;
}

/// A tool that is done when it has begun.
#[doc(hidden)]
pub fn done(ended: Result<Finished, ToolError>) -> Work {
    Box::pin(std::future::ready(ended))
}

/// The end of a tool that cannot fail.
#[doc(hidden)]
pub fn finish<T: ToolOutput>(value: T) -> Result<Finished, ToolError> {
    value.finish()
}

/// The end of a tool that can.
#[doc(hidden)]
pub fn finish_result<T: ToolOutput, E: Into<ToolError>>(value: Result<T, E>) -> Result<Finished, ToolError> {
    value.map_err(E::into)?.finish()
}

/// Fails the build unless the scopes that a tool needs are among those that are described.
#[doc(hidden)]
pub const fn check_scopes<T: Tool>(known: &[ScopeEntry]) {
    let mut needed = T::SCOPES;
    while let [scope, rest @ ..] = needed {
        assert!(is_among(scope, known), "the tool needs a scope that `scopes` does not describe");
        needed = rest;
    }
}

const fn is_among(scope: &str, known: &[ScopeEntry]) -> bool {
    let mut others = known;
    while let [(name, ..), rest @ ..] = others {
        if is_same(name, scope) {
            return true;
        }
        others = rest;
    }
    false
}

/// Fails the build if a scope is no scope token (RFC 6749 section 3.3), which an authorization server would never grant.
#[doc(hidden)]
pub const fn check_tokens(scopes: &[ScopeEntry]) {
    let mut scopes = scopes;
    while let [(name, ..), rest @ ..] = scopes {
        assert!(!name.is_empty(), "a scope has no name");
        let mut bytes = name.as_bytes();
        while let [byte, rest @ ..] = bytes {
            let is_allowed = byte.is_ascii_graphic() && *byte != b'"' && *byte != b'\\';
            assert!(is_allowed, "a scope is printable ASCII without space, `\"` and `\\`");
            bytes = rest;
        }
        scopes = rest;
    }
}

/// Fails the build if two tools have the same name.
#[doc(hidden)]
pub const fn check_names(tools: &[Entry]) {
    let mut tools = tools;
    while let [tool, rest @ ..] = tools {
        let mut others = rest;
        while let [other, rest @ ..] = others {
            assert!(!is_same(tool.name, other.name), "two tools have the same name");
            others = rest;
        }
        tools = rest;
    }
}

const fn is_same(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    while let ([first, one_rest @ ..], [second, other_rest @ ..]) = (one, other) {
        if *first != *second {
            return false;
        }
        (one, other) = (one_rest, other_rest);
    }
    one.is_empty() && other.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::needed;

    /// Adds.
    #[crate::tool]
    fn add(a: f64, b: f64) -> f64 {
        a + b
    }

    struct Sums;

    impl Provider for Sums {
        const TOOLS: &'static [Entry] = &[Entry::of::<add>()];
        const SCOPES: &'static [ScopeEntry] = &[];

        fn descriptions() -> &'static OnceLock<Vec<Described>> {
            static DESCRIPTIONS: OnceLock<Vec<Described>> = OnceLock::new();
            &DESCRIPTIONS
        }
    }

    fn call(name: &str, state: &[u8]) -> Result<Round, Error> {
        let caller = Caller {
            subject: "alice".to_owned(),
            client_id: "c".to_owned(),
            scopes: Vec::new(),
            client_info: None,
        };
        let resumption =
            contract::Resumption { state: state.to_owned(), answers: Vec::new(), cancelled: false };
        let call = Call {
            name: name.to_owned(),
            arguments: r#"{"a":1,"b":2}"#.to_owned(),
            resumption: Some(resumption),
            client: needed(|_| ()),
            wants_progress: false,
            log_level: None,
        };
        begin::<Sums>(caller, call)
    }

    /// TL-02.
    #[test]
    fn tools_are_found_by_their_exact_names() {
        assert!(call("add", b"").is_ok());
        for name in ["Add", "add ", "", "math/add", "add\0"] {
            assert!(matches!(call(name, b""), Err(Error::UnknownTool)), "{name}");
        }
    }

    /// After a deployment, a state may be another version's. It is no reason to begin anew what may be half done.
    #[test]
    fn a_state_that_cannot_be_read_is_an_error() {
        assert!(matches!(call("add", b"\x01\x02"), Err(Error::Other(_))));
    }
}
