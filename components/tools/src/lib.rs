//! The tools that this server offers: a little mathematics. **This is the file to replace by yours.**
//!
//! A tool is an entry in `TOOLS`: what it is called, what it takes and gives (as JSON Schema), the
//! scope that a caller needs, and the function that does it. The scopes are in `SCOPES`, in the
//! words in which the consent page asks for them. Everything below the line is plumbing.
//!
//! Signing in, tokens, scopes, HTTP and JSON-RPC are other components' work and never get here.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

const BASIC: &str = "math:basic";
const STATISTICS: &str = "math:statistics";

/// Scope, what it allows, and whether clients ask for it at sign-in. The others are asked for when
/// somebody calls a tool that needs them.
const SCOPES: [(&str, &str, bool); 2] =
    [(BASIC, "Do arithmetic", true), (STATISTICS, "Summarise lists of numbers", false)];

const TOOLS: [MathTool; 7] = [
    MathTool {
        name: "add",
        title: "Add",
        description: "Adds two numbers: a + b.",
        scope: BASIC,
        arguments: TWO_NUMBERS,
        result: ONE_NUMBER,
        run: |arguments| with_two_numbers(arguments, |a, b| Ok(a + b)),
    },
    MathTool {
        name: "subtract",
        title: "Subtract",
        description: "Subtracts the second number from the first: a - b.",
        scope: BASIC,
        arguments: TWO_NUMBERS,
        result: ONE_NUMBER,
        run: |arguments| with_two_numbers(arguments, |a, b| Ok(a - b)),
    },
    MathTool {
        name: "multiply",
        title: "Multiply",
        description: "Multiplies two numbers: a * b.",
        scope: BASIC,
        arguments: TWO_NUMBERS,
        result: ONE_NUMBER,
        run: |arguments| with_two_numbers(arguments, |a, b| Ok(a * b)),
    },
    MathTool {
        name: "divide",
        title: "Divide",
        description: "Divides the first number by the second: a / b. b must not be 0.",
        scope: BASIC,
        arguments: TWO_NUMBERS,
        result: ONE_NUMBER,
        run: |arguments| {
            with_two_numbers(arguments, |a, b| if b == 0.0 { Err("Division by zero.") } else { Ok(a / b) })
        },
    },
    MathTool {
        name: "power",
        title: "Power",
        description: "Raises the first number to the power of the second: a to the b.",
        scope: BASIC,
        arguments: TWO_NUMBERS,
        result: ONE_NUMBER,
        run: |arguments| with_two_numbers(arguments, |a, b| Ok(a.powf(b))),
    },
    MathTool {
        name: "square_root",
        title: "Square root",
        description: "Gives the square root of a number that is not negative.",
        scope: BASIC,
        arguments: r#"{
            "type": "object",
            "properties": { "number": { "type": "number", "minimum": 0 } },
            "required": ["number"],
            "additionalProperties": false
        }"#,
        result: ONE_NUMBER,
        run: |arguments| {
            let Number { number } = parse(arguments)?;
            if number < 0.0 {
                return Ok(failed("A negative number has no real square root."));
            }
            Ok(one_number(number.sqrt()))
        },
    },
    MathTool {
        name: "statistics",
        title: "Statistics",
        description: "Summarises a list of numbers: count, mean, median and standard deviation (of the \
                      numbers as a whole population).",
        scope: STATISTICS,
        arguments: r#"{
            "type": "object",
            "properties": {
                "numbers": { "type": "array", "items": { "type": "number" }, "minItems": 1 }
            },
            "required": ["numbers"],
            "additionalProperties": false
        }"#,
        result: r#"{
            "type": "object",
            "properties": {
                "count": { "type": "integer" },
                "mean": { "type": "number" },
                "median": { "type": "number" },
                "standardDeviation": { "type": "number" }
            },
            "required": ["count", "mean", "median", "standardDeviation"],
            "additionalProperties": false
        }"#,
        run: |arguments| {
            let Numbers { numbers } = parse(arguments)?;
            summarise(numbers)
        },
    },
];

const TWO_NUMBERS: &str = r#"{
    "type": "object",
    "properties": { "a": { "type": "number" }, "b": { "type": "number" } },
    "required": ["a", "b"],
    "additionalProperties": false
}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TwoNumbers {
    a: f64,
    b: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Number {
    number: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    numbers: Vec<f64>,
}

const ONE_NUMBER: &str = r#"{
    "type": "object",
    "properties": { "result": { "type": "number" } },
    "required": ["result"],
    "additionalProperties": false
}"#;

fn with_two_numbers(
    arguments: &str,
    calculate: impl FnOnce(f64, f64) -> Result<f64, &'static str>,
) -> Result<ToolResult, Error> {
    let TwoNumbers { a, b } = parse(arguments)?;
    Ok(calculate(a, b).map_or_else(failed, one_number))
}

fn one_number(result: f64) -> ToolResult {
    match number(result) {
        Some(result) => succeeded(&result.to_string(), &json!({ "result": result })),
        None => failed(NOT_FINITE),
    }
}

fn summarise(mut numbers: Vec<f64>) -> Result<ToolResult, Error> {
    numbers.sort_by(f64::total_cmp);
    let count = numbers.len();
    let middle = count / 2;
    let (Some(&upper), Some(&lower)) = (numbers.get(middle), numbers.get(count.saturating_sub(1) / 2)) else {
        return Err(Error::InvalidArguments("numbers must not be empty".to_owned()));
    };
    let mean = numbers.iter().sum::<f64>() / count as f64;
    let variance = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / count as f64;
    let figures = (number(mean), number(lower / 2.0 + upper / 2.0), number(variance.sqrt()));
    let (Some(mean), Some(median), Some(deviation)) = figures else { return Ok(failed(NOT_FINITE)) };
    Ok(succeeded(
        &format!("count {count}, mean {mean}, median {median}, standard deviation {deviation}"),
        &json!({ "count": count, "mean": mean, "median": median, "standardDeviation": deviation }),
    ))
}

const NOT_FINITE: &str = "The result is not a finite real number.";

/// A number as a person writes it: 42, not 42.0. `None` for what JSON has no number for.
fn number(value: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2 to the 53: up to there f64 has every integer.
    if value.fract() == 0.0 && value.abs() <= EXACT {
        return Some(Value::from(value as i64));
    }
    serde_json::Number::from_f64(value).map(Value::Number)
}

// ------------------------------------------------------------------------------------------------
// What the interface asks for, in terms of the above.

use bindings::exports::postern::tools::tools::{
    Annotations, Call, Caller, ContentBlock, Error, Guest, Outcome, Reply, Scope, Tool, ToolResult,
};

struct MathTool {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    scope: &'static str,
    arguments: &'static str,
    result: &'static str,
    run: fn(&str) -> Result<ToolResult, Error>,
}

struct Math;

impl Guest for Math {
    async fn list_tools() -> Result<Vec<Tool>, Error> {
        let describe = |tool: &MathTool| Tool {
            name: tool.name.to_owned(),
            title: Some(tool.title.to_owned()),
            description: tool.description.to_owned(),
            input_schema: tool.arguments.to_owned(),
            output_schema: Some(tool.result.to_owned()),
            annotations: Annotations {
                read_only: Some(true),
                destructive: Some(false),
                idempotent: Some(true),
                open_world: Some(false),
            },
            scopes: vec![tool.scope.to_owned()],
        };
        Ok(TOOLS.iter().map(describe).collect())
    }

    async fn list_scopes() -> Result<Vec<Scope>, Error> {
        let scope = |(name, description, initial): (&str, &str, bool)| Scope {
            name: name.to_owned(),
            description: description.to_owned(),
            initial,
        };
        Ok(SCOPES.map(scope).to_vec())
    }

    async fn call_tool(_caller: Caller, call: Call) -> Result<Reply, Error> {
        let tool = TOOLS.iter().find(|tool| tool.name == call.name).ok_or(Error::UnknownTool)?;
        (tool.run)(&call.arguments).map(|result| Reply::Done(Outcome::Complete(result)))
    }
}

/// Reads a tool's arguments. The model sees what is wrong with them.
fn parse<T: DeserializeOwned>(arguments: &str) -> Result<T, Error> {
    serde_json::from_str(arguments).map_err(|error| Error::InvalidArguments(error.to_string()))
}

fn succeeded(text: &str, structured: &Value) -> ToolResult {
    ToolResult {
        content: vec![ContentBlock::Text(text.to_owned())],
        structured_content: Some(structured.to_string()),
        is_error: false,
    }
}

/// The tool ran and failed. The model sees why, and can try something else.
fn failed(why: &str) -> ToolResult {
    ToolResult { content: vec![ContentBlock::Text(why.to_owned())], structured_content: None, is_error: true }
}

#[expect(unsafe_code, reason = "generated: the component model's calling convention")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/tools", world: "tool-provider" });
    use super::Math;
    export!(Math);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bindings::exports::postern::tools::tools::ClientCapabilities;
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("nothing here waits"),
        }
    }

    fn call(name: &str, arguments: Value) -> Result<ToolResult, Error> {
        let caller =
            Caller { subject: "alice".into(), client_id: "c".into(), scopes: vec![], client_info: None };
        let client = ClientCapabilities {
            elicit_form: false,
            elicit_url: false,
            sample: false,
            sample_with_tools: false,
            list_roots: false,
            tasks: false,
        };
        let call = Call {
            name: name.into(),
            arguments: arguments.to_string(),
            resumption: None,
            client,
            wants_progress: false,
            log_level: None,
        };
        let Reply::Done(Outcome::Complete(result)) = now(Math::call_tool(caller, call))? else {
            panic!("nothing here takes time or asks anything")
        };
        Ok(result)
    }

    /// The text of a result, its structured content, and whether it is an error.
    fn outcome(name: &str, arguments: Value) -> (String, Value, bool) {
        let result = call(name, arguments).unwrap();
        let [ContentBlock::Text(text)] = &result.content[..] else { panic!("{result:?}") };
        let structured = result.structured_content.as_deref().unwrap_or("null");
        (text.clone(), serde_json::from_str(structured).unwrap(), result.is_error)
    }

    #[test]
    fn tools_calculate() {
        for (name, a, b, result) in [
            ("add", 19.0, 23.0, "42"),
            ("add", 0.5, 0.25, "0.75"),
            ("subtract", 1.0, 3.0, "-2"),
            ("multiply", -0.0, 5.0, "0"),
            ("divide", 1.0, 8.0, "0.125"),
            ("power", 2.0, 53.0, "9007199254740992"),
            ("power", 2.0, -1.0, "0.5"),
        ] {
            let (text, structured, is_error) = outcome(name, json!({ "a": a, "b": b }));
            assert_eq!((&*text, is_error), (result, false), "{name}");
            assert_eq!(structured.to_string(), format!("{{\"result\":{result}}}"));
        }
        assert_eq!(outcome("square_root", json!({ "number": 144 })).0, "12");
    }

    #[test]
    fn lists_are_summarised() {
        let (text, structured, _) = outcome("statistics", json!({ "numbers": [9, 2, 4, 4, 5, 5, 7, 4] }));
        assert_eq!(text, "count 8, mean 5, median 4.5, standard deviation 2");
        assert_eq!(structured, json!({ "count": 8, "mean": 5, "median": 4.5, "standardDeviation": 2 }));
        assert_eq!(outcome("statistics", json!({ "numbers": [3] })).1["median"], 3);
    }

    #[test]
    fn what_has_no_result_is_a_failure_that_says_why() {
        let both = |a: f64, b: f64| json!({ "a": a, "b": b });
        for (name, arguments, why) in [
            ("divide", both(1.0, 0.0), "Division by zero."),
            ("multiply", both(1e308, 10.0), NOT_FINITE),
            ("power", both(-1.0, 0.5), NOT_FINITE),
            ("square_root", json!({ "number": -1 }), "A negative number has no real square root."),
            ("statistics", json!({ "numbers": [1e308, 1e308] }), NOT_FINITE),
        ] {
            assert_eq!(outcome(name, arguments), (why.to_owned(), Value::Null, true), "{name}");
        }
    }

    /// Checks a value as the server would check arguments.
    fn fits(schema: &str, value: &Value) -> bool {
        let mut compiler = boon::Compiler::new();
        let mut schemas = boon::Schemas::new();
        compiler.add_resource("test:/schema", serde_json::from_str(schema).unwrap()).unwrap();
        let index = compiler.compile("test:/schema", &mut schemas).unwrap();
        schemas.validate(value, index).is_ok()
    }

    /// MCP-M-11, MCP-M-12: what a tool gives is what it says that it gives, and what it takes is what it says that it
    /// takes.
    #[test]
    fn tools_keep_to_their_schemas() {
        for tool in now(Math::list_tools()).unwrap() {
            let arguments = match tool.name.as_str() {
                "square_root" => json!({ "number": 2 }),
                "statistics" => json!({ "numbers": [1, 2.5, -3e9] }),
                _ => json!({ "a": 7.5, "b": 3 }),
            };
            assert!(fits(&tool.input_schema, &arguments), "{}", tool.name);
            let result = call(&tool.name, arguments).unwrap();
            let structured = serde_json::from_str(&result.structured_content.unwrap()).unwrap();
            assert!(fits(&tool.output_schema.unwrap(), &structured), "{}: {structured}", tool.name);
            assert!(!fits(&tool.input_schema, &json!({})), "{}", tool.name);
            assert!(matches!(&result.content[..], [ContentBlock::Text(_)]));
        }
    }

    /// TL-01.
    #[test]
    fn arguments_that_do_not_fit_are_refused_with_the_reason() {
        for (name, arguments, reason) in [
            ("add", json!({ "a": 1 }), "missing field `b`"),
            ("add", json!({ "a": 1, "b": "2" }), "invalid type: string \"2\", expected f64"),
            ("add", json!({ "a": 1, "b": 2, "c": 3 }), "unknown field `c`"),
            ("add", json!({ "a": 1, "b": null }), "invalid type: null"),
            ("statistics", json!({ "numbers": [] }), "numbers must not be empty"),
        ] {
            let Err(Error::InvalidArguments(told)) = call(name, arguments) else { panic!("{name}") };
            assert!(told.contains(reason), "{told}");
        }
    }

    /// TL-02.
    #[test]
    fn tools_are_found_by_their_exact_names() {
        for name in ["Add", "add ", "", "math/add"] {
            assert!(matches!(call(name, json!({ "a": 1, "b": 2 })), Err(Error::UnknownTool)), "{name}");
        }
    }

    /// MCP-M-02, MCP-M-04: what the interface asks of every description.
    #[test]
    fn descriptions_keep_the_rules_of_the_interface() {
        let scopes = now(Math::list_scopes()).unwrap();
        let tools = now(Math::list_tools()).unwrap();
        for tool in &tools {
            let schemas = [Some(&tool.input_schema), tool.output_schema.as_ref()];
            for schema in schemas.into_iter().flatten() {
                let schema: Value = serde_json::from_str(schema).unwrap();
                assert_eq!(schema["type"], "object", "{}", tool.name);
            }
            assert!(tool.scopes.iter().all(|needed| scopes.iter().any(|scope| scope.name == *needed)));
            assert_eq!(tools.iter().filter(|other| other.name == tool.name).count(), 1);
        }
        assert!(scopes.iter().any(|scope| scope.initial) && scopes.iter().any(|scope| !scope.initial));
    }
}
