//! What the tools give for which arguments. Their schemas are compared with what the tools do.

use super::*;
use postern_tools::testing::{self, accept, call, decline};
use serde_json::{Value, json};

/// A call that nobody has to answer anything in: text, structured content, and whether it is an error.
macro_rules! outcome {
    ($tool:ident, $arguments:expr) => {{
        let run = call::<$tool>($arguments).run();
        (run.text(), run.structured(), run.is_error())
    }};
}

#[test]
fn tools_calculate() {
    let two = |a: f64, b: f64| json!({ "a": a, "b": b });
    for ((text, structured, is_error), result) in [
        (outcome!(add, two(19.0, 23.0)), "42"),
        (outcome!(add, two(0.5, 0.25)), "0.75"),
        (outcome!(subtract, two(1.0, 3.0)), "-2"),
        (outcome!(multiply, two(-0.0, 5.0)), "0"),
        (outcome!(divide, two(1.0, 8.0)), "0.125"),
        (outcome!(power, two(2.0, 53.0)), "9007199254740992"),
        (outcome!(power, two(2.0, -1.0)), "0.5"),
        (outcome!(square_root, json!({ "number": 144 })), "12"),
        (outcome!(count_primes, json!({ "limit": 100 })), "25"),
        (outcome!(count_primes, json!({ "limit": 0 })), "0"),
    ] {
        assert_eq!((&*text, is_error), (result, false));
        assert_eq!(structured.to_string(), format!("{{\"result\":{result}}}"));
    }
}

#[test]
fn lists_are_summarised() {
    let (text, structured, _) = outcome!(statistics, json!({ "numbers": [9, 2, 4, 4, 5, 5, 7, 4] }));
    assert_eq!(text, r#"{"count":8,"mean":5,"median":4.5,"standardDeviation":2}"#);
    assert_eq!(structured, json!({ "count": 8, "mean": 5, "median": 4.5, "standardDeviation": 2 }));
    assert_eq!(outcome!(statistics, json!({ "numbers": [3] })).1["median"], 3);
}

#[test]
fn what_has_no_result_is_a_failure_that_says_why() {
    const NOT_FINITE: &str = "The result is not a finite real number.";
    let two = |a: f64, b: f64| json!({ "a": a, "b": b });
    for (outcome, why) in [
        (outcome!(divide, two(1.0, 0.0)), "Division by zero."),
        (outcome!(multiply, two(1e308, 10.0)), NOT_FINITE),
        (outcome!(power, two(-1.0, 0.5)), NOT_FINITE),
        (outcome!(square_root, json!({ "number": -1 })), "A negative number has no real square root."),
        (outcome!(statistics, json!({ "numbers": [1e308, 1e308] })), NOT_FINITE),
    ] {
        assert_eq!(outcome, (why.to_owned(), Value::Null, true));
    }
}

#[test]
fn counting_primes_tells_how_far_it_is() {
    let run = call::<count_primes>(json!({ "limit": 25_000 })).run();
    assert_eq!(run.text(), "2762");
    assert_eq!(run.progress(), [(10_000.0, Some(25_000.0)), (20_000.0, Some(25_000.0))]);
}

#[test]
fn a_bill_is_split_among_those_who_are_said_to_pay() {
    let bill = call::<split_bill>(json!({ "amount": 90 }));
    let three = bill.clone().answer("party", accept(json!({ "people": 3, "tip": 10 }))).run();
    assert_eq!((three.text().as_str(), three.rounds), ("33", 2));
    assert!(bill.answer("party", decline()).run().is_error());
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
    macro_rules! keeps {
        ($tool:ident, $arguments:expr) => {
            let tools = testing::tools::<Exported>();
            let described = tools.iter().find(|tool| tool.name == stringify!($tool)).unwrap();
            assert!(fits(&described.input_schema, &$arguments), "{}", described.input_schema);
            assert!(!fits(&described.input_schema, &json!({})), "{}", described.input_schema);
            let run = call::<$tool>($arguments).answer("party", accept(json!({ "people": 2 }))).run();
            let schema = described.output_schema.as_deref().unwrap();
            assert!(fits(schema, &run.structured()), "{schema}: {}", run.structured());
            assert!(!fits(schema, &json!({ "result": "42" })) && !fits(schema, &json!({})), "{schema}");
        };
    }
    let two = || json!({ "a": 7.5, "b": 3 });
    keeps!(add, two());
    keeps!(subtract, two());
    keeps!(multiply, two());
    keeps!(divide, two());
    keeps!(power, two());
    keeps!(square_root, json!({ "number": 2 }));
    keeps!(statistics, json!({ "numbers": [1, 2.5, -3e9] }));
    keeps!(count_primes, json!({ "limit": 10 }));
    keeps!(split_bill, json!({ "amount": 10 }));
}

/// MCP-M-12: the schemas say all that the types do.
#[test]
fn schemas_are_strict() {
    let tools = testing::tools::<Exported>();
    let schema = |name: &str| {
        let tool = tools.iter().find(|tool| tool.name == name).unwrap();
        serde_json::from_str::<Value>(&tool.input_schema).unwrap()
    };
    let numbers = json!({ "a": { "type": "number" }, "b": { "type": "number" } });
    let two = json!({
        "type": "object", "properties": numbers, "required": ["a", "b"], "additionalProperties": false,
    });
    for name in ["add", "subtract", "multiply", "divide", "power"] {
        assert_eq!(schema(name), two, "{name}");
    }
    assert_eq!(schema("square_root")["properties"]["number"], json!({ "type": "number", "minimum": 0 }));
    let list = json!({ "type": "array", "items": { "type": "number" }, "minItems": 1 });
    assert_eq!(schema("statistics")["properties"]["numbers"], list);
}

/// TL-01.
#[test]
fn arguments_that_do_not_fit_are_refused_with_the_reason() {
    use postern_tools::contract::Error;
    macro_rules! refused {
        ($tool:ident, $arguments:expr, $reason:expr) => {
            let run = call::<$tool>($arguments).run();
            let Error::InvalidArguments(told) = run.error() else { panic!("{:?}", run.error()) };
            assert!(told.contains($reason), "{told}");
        };
    }
    refused!(add, json!({ "a": 1 }), "missing field `b`");
    refused!(add, json!({ "a": 1, "b": "2" }), "invalid type: string \"2\", expected f64");
    refused!(add, json!({ "a": 1, "b": 2, "c": 3 }), "unknown field `c`");
    refused!(add, json!({ "a": 1, "b": null }), "invalid type: null");
    refused!(statistics, json!({ "numbers": [] }), "numbers must not be empty");
}

/// MCP-M-02, MCP-M-04: what the interface asks of every description.
#[test]
fn descriptions_keep_the_rules_of_the_interface() {
    let scopes = testing::scopes::<Exported>();
    for tool in &testing::tools::<Exported>() {
        let schemas = [Some(&tool.input_schema), tool.output_schema.as_ref()];
        for schema in schemas.into_iter().flatten() {
            let schema: Value = serde_json::from_str(schema).unwrap();
            assert_eq!(schema["type"], "object", "{}", tool.name);
        }
        let hints = (tool.annotations.read_only, tool.annotations.destructive, tool.annotations.open_world);
        assert_eq!(hints, (Some(true), Some(false), Some(false)), "{}", tool.name);
    }
    assert!(scopes.iter().any(|scope| scope.initial) && scopes.iter().any(|scope| !scope.initial));
}
