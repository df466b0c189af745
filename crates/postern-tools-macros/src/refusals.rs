//! What is refused, and in which words.

use crate::expand::tool;
use proc_macro2::TokenStream;
use std::str::FromStr;

/// What the compiler says of a tool with this attribute and this text.
fn refusal(attribute: &str, function: &str) -> String {
    let tokens = |text: &str| TokenStream::from_str(text).unwrap();
    match tool(tokens(attribute), tokens(function)) {
        Ok(expanded) => panic!("not refused: {expanded}"),
        Err(error) => error.to_string(),
    }
}

/// The same, of an argument.
fn of_argument(argument: &str) -> String {
    refusal("", &format!("/// Does.\nfn does({argument}) {{}}"))
}

#[test]
fn what_is_not_understood_in_the_attribute_is_refused() {
    let of = |attribute: &str| refusal(attribute, "/// Does.\nfn does() {}");
    let keys = "there are name, title, scopes(…), read_only, destructive, idempotent and open_world";
    assert_eq!(of("readonly"), format!("unknown `readonly`: {keys}"));
    assert_eq!(of("description = \"x\""), "a tool's description is its doc comment");
    assert_eq!(of("read_only, read_only = false"), "`read_only` is said twice");
    assert_eq!(of("name = \"a b\""), "a tool's name is 1 to 64 of A-Z a-z 0-9 _ - .");
    assert_eq!(
        of(&format!("name = \"{}\"", "a".repeat(65))),
        "a tool's name is 1 to 64 of A-Z a-z 0-9 _ - ."
    );
    assert!(of("scopes(\"a b\")").starts_with("a scope is printable ASCII without space"));
    assert!(of("scopes = \"a\"").starts_with("expected parentheses"));
    assert!(of("read_only = \"yes\"").starts_with("expected boolean literal"));
}

#[test]
fn a_tool_without_a_description_is_refused() {
    let why = "a tool needs a doc comment: it is what a model reads to decide whether to call it";
    assert_eq!(refusal("", "fn does() {}"), why);
    assert_eq!(refusal("", "/// \nfn does() {}"), why);
}

#[test]
fn what_is_no_plain_function_is_refused() {
    assert!(refusal("", "/// Is.\nstruct Is;").starts_with("a tool is a function: expected"));
    let of = |function: &str| refusal("", &format!("/// Does.\n{function}"));
    assert_eq!(of("fn does(&self) {}"), "a tool is a function, not a method: it has no `self`");
    let generic = "a tool has no type or lifetime parameters: its arguments are what a client can send";
    assert_eq!(of("fn does<T>(t: T) {}"), generic);
    assert_eq!(of("fn does<'a>(t: &'a str) {}"), generic);
    assert_eq!(of("unsafe fn does() {}"), "a tool is called by whoever likes to: it cannot be unsafe");
    assert_eq!(of("fn does() -> impl Copy {}"), "a tool's result is a type that has a name");
}

#[test]
fn arguments_that_no_client_could_send_are_refused() {
    assert!(of_argument("name: &str").starts_with("an argument owns what it is: `String` instead of `&str`"));
    assert!(of_argument("ctx: &mut Context").starts_with("an argument owns what it is"));
    assert_eq!(of_argument("ctx: Context"), "the context is borrowed: `&Context`");
    assert_eq!(of_argument("#[header(\"A\")] ctx: &Context"), "the context is no argument of the tool");
    assert_eq!(of_argument("one: &Context, other: &Context"), "there is one context");
    assert_eq!(of_argument("(a, b): (u8, u8)"), "an argument needs a name, for the client to give it by");
    assert!(of_argument("#[serde(default)] a: u8").starts_with("an argument is read by itself"));
    assert_eq!(of_argument("#[name(\"b\")] a: u8, b: u8"), "two arguments have the name `b`");
}

/// MCP-T-27: a tool with such a header would be hidden by every client that keeps the rules.
#[test]
fn headers_that_clients_would_not_send_are_refused() {
    assert_eq!(of_argument("#[header] a: u8"), "a header has a name: `#[header(\"Region\")]`");
    assert_eq!(of_argument("#[header(\"a b\")] a: u8"), "this is no name of an HTTP header");
    assert_eq!(of_argument("#[header(\"\")] a: u8"), "this is no name of an HTTP header");
    for kind in ["f64", "Option<f32>", "Vec<u8>", "std::option::Option<Vec<u8>>"] {
        let refused = of_argument(&format!("#[header(\"A\")] a: {kind}"));
        assert_eq!(refused, "a header is for a text, an integer or a `bool`", "{kind}");
    }
    assert_eq!(
        of_argument("#[header(\"Region\")] a: u8, #[header(\"region\")] b: u8"),
        "two arguments have the header `region`"
    );
}
