//! What becomes of types: schemas of arguments and results, results, forms.

#![expect(clippy::unwrap_used, reason = "this is how a test fails")]

use postern_tools::{
    ContentBlock, Context, Structured, ToolResult, Unanswered,
    contract::{Ask, Error},
    testing::{self, call},
    tool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const ADMIN: &str = "things:admin";

/// How a thing is done.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Way {
    AtOnce,
    Slowly,
}

/// Does a thing.
///
/// In more words.
#[tool(name = "do.thing-1", title = "Do it", scopes("things:do", ADMIN), destructive, idempotent = false)]
pub(crate) async fn do_thing(
    /// Where it is done.
    #[header("Region")]
    region: String,
    #[schemars(range(min = 1, max = 9))] mut often: u8,
    way: Option<Way>,
    r#type: Option<Vec<String>>,
    #[name("page-size")] page_size: Option<i64>,
    ctx: &Context,
) -> String {
    often += 1;
    let way = way.map_or("", |way| match way {
        Way::AtOnce => " at once",
        Way::Slowly => " slowly",
    });
    let kinds = r#type.unwrap_or_default().join("+");
    format!("{region} {often}{way} {kinds} {page_size:?} {}", ctx.has_scope(ADMIN))
}

/// Nothing to take, and nothing to give.
#[tool]
fn nothing() {}

/// A list.
#[tool(read_only)]
fn list(length: usize) -> Vec<Way> {
    (0..length).map(|_| Way::AtOnce).collect()
}

/// Something that contains itself.
#[derive(Serialize, JsonSchema)]
struct Tree {
    value: f64,
    branches: Vec<Tree>,
}

/// A tree.
#[tool]
fn tree() -> Result<Tree, String> {
    Ok(Tree { value: 1.0, branches: vec![Tree { value: 0.5, branches: vec![] }] })
}

/// Perhaps a tree.
#[tool]
fn perhaps_tree(really: bool) -> Option<Tree> {
    really.then_some(Tree { value: 2.0, branches: vec![] })
}

/// A picture.
#[tool]
fn picture() -> ContentBlock {
    ContentBlock::image([1, 2], "image/png")
}

/// Several things.
#[tool]
fn several() -> ToolResult {
    ToolResult::from_iter([ContentBlock::text("a"), ContentBlock::text("b")])
}

/// A value and a word about it.
#[tool]
fn explained() -> Structured<bool> {
    Structured::new(true, [ContentBlock::text("So it is.")])
}

postern_tools::export! {
    scopes {
        ADMIN => "Do as you like";
        "things:do" => "Do things", initial;
    }
    tools { do_thing, quoting, routed, nothing, list, tree, perhaps_tree, picture, several, explained }
}

fn described(name: &str) -> postern_tools::contract::Tool {
    testing::tools::<Exported>().into_iter().find(|tool| tool.name == name).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// MCP-M-02, MCP-M-04, MCP-T-27: everything that is listed comes from the function.
#[test]
fn a_tool_is_described_by_its_function() {
    let tool = described("do.thing-1");
    assert_eq!(tool.description, "Does a thing.\n\nIn more words.");
    assert_eq!(
        (tool.title.as_deref(), &tool.scopes[..]),
        (Some("Do it"), &["things:do".into(), ADMIN.into()][..])
    );
    let hints = tool.annotations;
    assert_eq!(
        (hints.read_only, hints.destructive, hints.idempotent, hints.open_world),
        (None, Some(true), Some(false), None)
    );
    assert_eq!(
        json(&tool.input_schema),
        json!({
            "type": "object",
            "properties": {
                "region": { "type": "string", "description": "Where it is done.", "x-mcp-header": "Region" },
                "often": { "type": "integer", "minimum": 1, "maximum": 9 },
                "way": {
                    "type": ["string", "null"],
                    "enum": ["at-once", "slowly", null],
                    "description": "How a thing is done.",
                },
                "type": { "type": ["array", "null"], "items": { "type": "string" } },
                "page-size": { "type": ["integer", "null"] },
            },
            "required": ["region", "often"],
            "additionalProperties": false,
        })
    );
    assert_eq!(tool.output_schema, None);
    let read_only = described("list").annotations;
    let hints = (read_only.read_only, read_only.destructive, read_only.idempotent, read_only.open_world);
    assert_eq!(hints, (Some(true), Some(false), Some(true), None));
}

/// Takes what looks like a schema and is none.
#[tool]
fn quoting(
    #[schemars(title = "A format", example = &json!({ "format": "double" }))] format: Option<String>,
    #[schemars(extend("format" = "date"))] day: String,
) -> String {
    format.unwrap_or(day)
}

/// MCP-M-05: what the author wrote stays.
#[test]
fn only_the_widths_of_numbers_are_left_out() {
    let schema = json(&described("quoting").input_schema);
    let format = &schema["properties"]["format"];
    assert_eq!(
        (&format["title"], &format["examples"]),
        (&json!("A format"), &json!([{ "format": "double" }]))
    );
    assert_eq!(schema["properties"]["day"], json!({ "type": "string", "format": "date" }));
    assert_eq!(call::<quoting>(json!({ "day": "today" })).run().text(), "today");
}

/// Has arguments that headers repeat.
#[tool]
fn routed(
    #[header("Region")] region: Option<String>,
    #[header("Way")] way: Option<Way>,
    #[header("Titled")] titled: Titled,
    #[header("Rows")] rows: u32,
) -> String {
    format!("{region:?} {} {} {rows}", way.is_some(), matches!(titled, Titled::One))
}

/// MCP-T-27: a header is for one type. Where an argument may be `null` too, clients would hide the tool.
#[test]
fn an_argument_that_a_header_repeats_has_one_type() {
    let schema = json(&described("routed").input_schema);
    for (name, kind) in [("region", "string"), ("way", "string"), ("titled", "string"), ("rows", "integer")] {
        assert_eq!(schema["properties"][name]["type"], kind, "{schema}");
        assert!(schema["properties"][name]["x-mcp-header"].is_string(), "{schema}");
    }
    assert_eq!(schema["required"], json!(["titled", "rows"]));
    let run = call::<routed>(json!({ "titled": "One", "rows": 7 })).run();
    assert_eq!(run.text(), "None false true 7");
}

#[test]
fn scopes_are_listed_in_the_order_in_which_they_stand() {
    let scopes = testing::scopes::<Exported>();
    let scopes: Vec<_> = scopes.iter().map(|scope| (scope.name.as_str(), scope.initial)).collect();
    assert_eq!(scopes, [(ADMIN, false), ("things:do", true)]);
}

#[test]
fn arguments_have_the_names_that_the_client_gives_them_by() {
    let full = json!({
        "region": "north", "often": 2, "way": "slowly", "type": ["a", "b"], "page-size": -7,
    });
    assert_eq!(call::<do_thing>(full).run().text(), "north 3 slowly a+b Some(-7) true");
    let least = call::<do_thing>(json!({ "region": "", "often": 1 }));
    assert_eq!(least.caller(|caller| caller.scopes.clear()).run().text(), " 2  None false");
}

/// TL-01.
#[test]
fn what_is_wrong_with_arguments_is_said_with_their_names() {
    for (arguments, how) in [
        (json!({ "region": "a" }), "missing field `often`"),
        (json!({ "region": "a", "often": 256 }), "often: 256 is not between 0 and 255"),
        (json!({ "region": null, "often": 1 }), "region: invalid type: null, expected a string"),
        (json!({ "region": "a", "often": 1, "page_size": 1 }), "unknown field `page_size`"),
        (json!({ "region": "a", "often": 1, "way": "never" }), "way: unknown variant `never`"),
        (json!({ "region": "a", "often": 1, "__proto__": {} }), "unknown field `__proto__`"),
        (json!([]), "invalid type: sequence, expected a map"),
    ] {
        let run = call::<do_thing>(arguments).run();
        let Error::InvalidArguments(told) = run.error() else { panic!("{:?}", run.error()) };
        assert!(told.starts_with(how), "{told}");
    }
}

/// MCP-M-11: structured content is an object, and the same as text stands beside it.
#[test]
fn results_have_the_shape_of_their_type() {
    let nothing = call::<nothing>(json!({})).run();
    assert_eq!((nothing.result().content.len(), nothing.structured()), (0, Value::Null));
    assert_eq!(json(&described("nothing").input_schema)["type"], "object");

    let list = call::<list>(json!({ "length": 2 })).run();
    assert_eq!(list.text(), r#"["at-once","at-once"]"#);
    assert_eq!(list.structured(), json!({ "result": ["at-once", "at-once"] }));
    let schema = json(&described("list").output_schema.unwrap());
    assert_eq!(schema["properties"]["result"]["items"]["enum"], json!(["at-once", "slowly"]));

    let tree = call::<tree>(json!({})).run();
    assert_eq!(tree.text(), r#"{"value":1,"branches":[{"value":0.5,"branches":[]}]}"#);
    assert_eq!(tree.structured().to_string(), r#"{"branches":[{"branches":[],"value":0.5}],"value":1}"#);
    let perhaps = call::<perhaps_tree>(json!({ "really": false })).run();
    assert_eq!((perhaps.text().as_str(), perhaps.structured()), ("null", json!({ "result": null })));
    for name in ["tree", "perhaps_tree"] {
        let schema = json(&described(name).output_schema.unwrap());
        let inner = &schema["$defs"]["Tree"]["properties"]["branches"]["items"];
        assert_eq!(
            (&schema["type"], inner),
            (&json!("object"), &json!({ "$ref": "#/$defs/Tree" })),
            "{schema}"
        );
    }

    assert_eq!(call::<picture>(json!({})).run().result().content, [ContentBlock::image([1, 2], "image/png")]);
    assert_eq!(call::<several>(json!({})).run().text(), "a\nb");
    let explained = call::<explained>(json!({})).run();
    assert_eq!((explained.text().as_str(), explained.structured()), ("So it is.", json!({ "result": true })));
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "what counts is its schema")]
struct Form {
    /// Who you are
    name: String,
    #[schemars(range(min = 0))]
    age: Option<u8>,
    way: Option<Way>,
    titled: Titled,
    either: Option<Titled>,
    some: Vec<Titled>,
    any: Vec<Way>,
    agreed: bool,
}

#[derive(Deserialize, JsonSchema)]
enum Titled {
    /// The first
    One,
    Two,
}

/// Asks.
#[tool]
async fn asks(ctx: &Context) -> Result<(), Unanswered> {
    ctx.elicit::<Form>("form", "Please").await.map(|_| ())
}

/// MCP-R-17: forms are flat, and of the types that clients can show.
#[test]
fn forms_are_flat() {
    let run = call::<asks>(json!({})).run();
    let Ask::ElicitForm(form) = &run.questions[0].ask else { panic!("{:?}", run.questions) };
    let choices = json!([{ "const": "Two", "title": "Two" }, { "const": "One", "title": "The first" }]);
    assert_eq!(
        json(&form.requested_schema),
        json!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "description": "Who you are" },
                "age": { "type": "integer", "minimum": 0, "maximum": 255 },
                "way": { "type": "string", "enum": ["at-once", "slowly"], "description": "How a thing is done." },
                "titled": {
                    "type": "string",
                    "oneOf": choices,
                },
                "either": { "type": "string", "oneOf": choices },
                "some": { "type": "array", "items": { "anyOf": choices } },
                "any": {
                    "type": "array",
                    "items": { "type": "string", "enum": ["at-once", "slowly"], "description": "How a thing is done." },
                },
                "agreed": { "type": "boolean" },
            },
            "required": ["name", "titled", "some", "any", "agreed"],
        })
    );
}

#[test]
fn a_tool_is_still_a_function() {
    assert!(matches!(&list(1)[..], [Way::AtOnce]));
}
