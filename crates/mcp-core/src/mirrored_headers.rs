//! Headers that repeat what the body says (2026-07-28, transports, standard request headers), so that a
//! proxy can route by them. They must agree with the body, or a proxy and we could be made to see
//! different requests (MP-03).

use crate::{
    json,
    jsonrpc::{Call, Fault},
};
use base64ct::{Base64, Encoding};
use http::{HeaderMap, HeaderName};
use serde_json::{Value, value::RawValue};
use std::{borrow::Cow, collections::BTreeSet};

/// The value of a header that occurs at most once, without the whitespace around it.
pub(crate) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return if headers.contains_key(name) { Err(mismatch(name, "occurs twice")) } else { Ok(None) };
    };
    match value.to_str() {
        Ok(value) => Ok(Some(value.trim_matches([' ', '\t']))),
        Err(_) => Err(mismatch(name, "is not ASCII")),
    }
}

/// Compares the headers that every modern request has with its body.
pub(crate) fn check(headers: &HeaderMap, call: &Call<'_>) -> Result<(), Fault> {
    if find(headers, "mcp-protocol-version")?.is_none() {
        return Err(mismatch("MCP-Protocol-Version", "is missing"));
    }
    match find(headers, "mcp-method")? {
        None => return Err(mismatch("Mcp-Method", "is missing")),
        Some(header) if header != call.method => {
            return Err(mismatch("Mcp-Method", "is not the body's method"));
        }
        Some(_) => {}
    }
    let Some(named) = name_member(call) else { return Ok(()) };
    let Some(header) = find(headers, "mcp-name")? else { return Err(mismatch("Mcp-Name", "is missing")) };
    let header = decode(header).ok_or_else(|| mismatch("Mcp-Name", "is not well encoded"))?;
    if named.and_then(json::string).as_deref() != Some(&*header) {
        return Err(mismatch("Mcp-Name", "is not what the body names"));
    }
    Ok(())
}

/// The parameter that `Mcp-Name` repeats, for the methods that have one, whether we serve them or not.
#[expect(clippy::option_option, reason = "a method with a name that is missing is not one without")]
fn name_member<'a>(call: &Call<'a>) -> Option<Option<&'a RawValue>> {
    match &*call.method {
        "tools/call" | "prompts/get" => Some(call.params.name),
        "resources/read" => Some(call.params.uri),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some(call.params.task_id),
        _ => None,
    }
}

/// Whether a tool's input schema may ask for headers. Few do; for the others it is not parsed.
pub(crate) fn are_asked_for(input_schema: &str) -> bool {
    input_schema.contains("\"x-mcp-header\"")
}

/// Compares the headers that a tool asked for with `x-mcp-header` in its input schema with the
/// arguments. An argument that is `null` or missing has no header.
pub(crate) fn check_arguments(headers: &HeaderMap, input_schema: &str, arguments: &str) -> Result<(), Fault> {
    let schema = serde_json::from_str(input_schema).unwrap_or(Value::Null);
    let arguments = serde_json::from_str(arguments).unwrap_or(Value::Null);
    check_properties(headers, &schema, Some(&arguments))
}

/// Whether an input schema keeps the rules for `x-mcp-header`. A client that keeps them too would hide a tool that
/// does not (MCP-T-27).
pub(crate) fn lint(input_schema: &str) -> Result<(), &'static str> {
    if !input_schema.contains("x-mcp-header") {
        return Ok(());
    }
    let schema: Value =
        serde_json::from_str(input_schema).map_err(|_| "its input schema is not a JSON object")?;
    if schema.get("x-mcp-header").is_some() {
        return Err("its input schema has x-mcp-header where no argument is");
    }
    lint_schema(&schema, true, &mut BTreeSet::new())
}

/// `is_argument`: the schema is that of one argument and no other, by a way through `properties` alone.
fn lint_schema(schema: &Value, is_argument: bool, names: &mut BTreeSet<String>) -> Result<(), &'static str> {
    let Some(members) = schema.as_object() else { return Ok(()) };
    if let Some(name) = members.get("x-mcp-header") {
        if !is_argument {
            return Err("its input schema has x-mcp-header where no argument is");
        }
        let name = name.as_str().filter(|name| !name.is_empty() && name.bytes().all(is_tchar));
        let name = name.ok_or("its x-mcp-header is no header name")?;
        if !names.insert(name.to_ascii_lowercase()) {
            return Err("two of its arguments have the same x-mcp-header");
        }
        if !matches!(members.get("type").and_then(Value::as_str), Some("string" | "integer" | "boolean")) {
            return Err("its x-mcp-header is on an argument that is no string, integer or boolean");
        }
    }
    for (keyword, value) in members {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                properties.values().try_for_each(|property| lint_schema(property, is_argument, names))?;
            }
            ("$defs" | "definitions" | "patternProperties" | "dependentSchemas", Value::Object(schemas)) => {
                schemas.values().try_for_each(|schema| lint_schema(schema, false, names))?;
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(schemas)) => {
                schemas.iter().try_for_each(|schema| lint_schema(schema, false, names))?;
            }
            (
                "items"
                | "additionalItems"
                | "additionalProperties"
                | "contains"
                | "not"
                | "if"
                | "then"
                | "else"
                | "propertyNames"
                | "unevaluatedItems"
                | "unevaluatedProperties"
                | "contentSchema",
                schema,
            ) => lint_schema(schema, false, names)?,
            // What is no schema may say what it likes, as `default` and `enum` may.
            _ => {}
        }
    }
    Ok(())
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn check_properties(headers: &HeaderMap, schema: &Value, arguments: Option<&Value>) -> Result<(), Fault> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Ok(()) };
    for (name, property) in properties {
        let argument = arguments.and_then(|arguments| arguments.get(name)).filter(|value| !value.is_null());
        if let Some(header) = property.get("x-mcp-header").and_then(Value::as_str) {
            check_argument(headers, header, argument)?;
        }
        check_properties(headers, property, argument)?;
    }
    Ok(())
}

fn check_argument(headers: &HeaderMap, name: &str, argument: Option<&Value>) -> Result<(), Fault> {
    let Ok(name) = HeaderName::try_from(format!("mcp-param-{name}")) else { return Ok(()) };
    let name = name.as_str();
    let header = find(headers, name)?
        .map(|header| decode(header).ok_or_else(|| mismatch(name, "is not well encoded")))
        .transpose()?;
    match (argument, header) {
        (None, None) => Ok(()),
        (Some(argument), Some(header)) if says(&header, argument) => Ok(()),
        (Some(_), Some(_)) => Err(mismatch(name, "is not the argument")),
        (Some(_), None) => Err(mismatch(name, "is missing")),
        (None, Some(_)) => Err(mismatch(name, "has no argument")),
    }
}

/// Whether a header's text stands for the value. Numbers are compared as numbers (MCP-T-24).
fn says(header: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => text == header,
        Value::Bool(value) => header == if *value { "true" } else { "false" },
        Value::Number(number) => {
            number.to_string() == header
                || header.parse::<f64>().is_ok_and(|header| number.as_f64() == Some(header))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

const SENTINEL_START: &str = "=?base64?";
const SENTINEL_END: &str = "?=";

/// The text that a header value stands for: itself, or what is encoded in `=?base64?…?=`. `None` when
/// that is no Base64 (RFC 4648 section 4, padded) of UTF-8.
fn decode(value: &str) -> Option<Cow<'_, str>> {
    // Start and end must not overlap: `=?base64?=` is itself.
    let encoded = value.strip_prefix(SENTINEL_START).and_then(|rest| rest.strip_suffix(SENTINEL_END));
    match encoded {
        None => Some(Cow::Borrowed(value)),
        Some(encoded) => {
            let bytes = Base64::decode_vec(encoded).ok()?;
            String::from_utf8(bytes).ok().map(Cow::Owned)
        }
    }
}

fn mismatch(header: &str, fault: &str) -> Fault {
    Fault::HeaderMismatch(format!("{header} {fault}").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::try_from(*value).unwrap()))
            .collect()
    }

    /// MCP-T-18.
    #[test]
    fn sentinel_is_decoded() {
        for (encoded, text) in [
            ("=?base64?SGVsbG8sIOS4lueVjA==?=", "Hello, 世界"),
            ("=?base64?IHBhZGRlZCA=?=", " padded "),
            ("=?base64?bGluZTEKbGluZTI=?=", "line1\nline2"),
            ("=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", "=?base64?literal?="),
            ("=?base64??=", ""),
        ] {
            assert_eq!(decode(encoded).as_deref(), Some(text));
        }
    }

    /// MCP-T-20, MCP-T-21.
    #[test]
    fn what_only_looks_like_a_sentinel_is_literal() {
        for literal in
            ["add", "", "=?BASE64?YQ==?=", "=?base64?YQ==", "YQ==?=", "=?base64?=", "=?utf-8?YQ==?="]
        {
            assert_eq!(decode(literal).as_deref(), Some(literal));
        }
    }

    /// MCP-T-19, MP-04.
    #[test]
    fn bad_base64_in_a_sentinel_is_refused() {
        for bad in [
            "=?base64?SGVsbG8?=",
            "=?base64?SGVs!!!bG8=?=",
            "=?base64?_-8=?=",
            "=?base64?/w==?=",
            "=?base64? YQ==?=",
        ] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    /// MCP-T-17, MCP-T-53.
    #[test]
    fn whitespace_around_a_value_is_no_part_of_it_and_repeats_are_refused() {
        assert_eq!(find(&headers(&[("mcp-name", "\t add ")]), "mcp-name"), Ok(Some("add")));
        assert_eq!(find(&headers(&[]), "mcp-name"), Ok(None));
        assert!(find(&headers(&[("mcp-name", "add"), ("mcp-name", "add")]), "mcp-name").is_err());
    }

    const SCHEMA: &str = r#"{"type":"object","properties":{
        "region":{"type":"string","x-mcp-header":"Region"},
        "limits":{"type":"object","properties":{"rows":{"type":"integer","x-mcp-header":"Rows"}}},
        "dry":{"type":"boolean","x-mcp-header":"Dry"}}}"#;

    /// MCP-T-22 to MCP-T-26.
    #[test]
    fn annotated_arguments_are_compared_with_their_headers() {
        let arguments = r#"{"region":"us-west1","limits":{"rows":42.0},"dry":null}"#;
        let good = [("mcp-param-region", "us-west1"), ("mcp-param-rows", "42"), ("mcp-param-other", "x")];
        assert_eq!(check_arguments(&headers(&good), SCHEMA, arguments), Ok(()));
        for bad in [
            &[("mcp-param-region", "us-west1")][..],
            &[("mcp-param-rows", "42")],
            &[("mcp-param-region", "US-WEST1"), ("mcp-param-rows", "42")],
            &[("mcp-param-region", "us-west1"), ("mcp-param-rows", "43")],
            &[("mcp-param-region", "=?base64?x?="), ("mcp-param-rows", "42")],
            &[("mcp-param-region", "us-west1"), ("mcp-param-rows", "42"), ("mcp-param-dry", "true")],
        ] {
            assert!(check_arguments(&headers(bad), SCHEMA, arguments).is_err(), "{bad:?}");
        }
        assert_eq!(
            check_arguments(&headers(&[("mcp-param-dry", "true")]), SCHEMA, r#"{"dry":true}"#),
            Ok(())
        );
    }

    /// MCP-T-27.
    #[test]
    fn annotations_that_a_client_would_hide_a_tool_for_are_found() {
        let argument = |argument: &str| format!(r#"{{"type":"object","properties":{{"a":{argument}}}}}"#);
        for good in [
            SCHEMA.to_owned(),
            argument(r#"{"type":"string","x-mcp-header":"Method"}"#),
            argument(r#"{"type":"string","default":{"x-mcp-header":""}}"#),
            argument(r#"{"type":"object","properties":{"x-mcp-header":{"type":"number"}}}"#),
        ] {
            assert_eq!(lint(&good), Ok(()), "{good}");
        }
        for bad in [
            r#"{"type":"object","x-mcp-header":"A"}"#.to_owned(),
            argument(r#"{"type":"string","x-mcp-header":""}"#),
            argument(r#"{"type":"string","x-mcp-header":"A B"}"#),
            argument(r#"{"type":"string","x-mcp-header":"Ä"}"#),
            argument(r#"{"type":"string","x-mcp-header":5}"#),
            argument(r#"{"type":"number","x-mcp-header":"A"}"#),
            argument(r#"{"type":["string","null"],"x-mcp-header":"A"}"#),
            argument(r#"{"x-mcp-header":"A"}"#),
            argument(r#"{"type":"array","items":{"type":"string","x-mcp-header":"A"}}"#),
            argument(r#"{"anyOf":[{"type":"string","x-mcp-header":"A"}]}"#),
            r#"{"$defs":{"d":{"type":"string","x-mcp-header":"A"}}}"#.to_owned(),
            r#"{"if":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}}"#.to_owned(),
            r#"{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}"#.to_owned(),
        ] {
            assert!(lint(&bad).is_err(), "{bad}");
        }
    }
}
