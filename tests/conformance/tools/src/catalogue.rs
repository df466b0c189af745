//! The tools as `tools/list` shows them. The first is the one that the suite calls without looking.

use crate::SCOPE;
use crate::bindings::exports::postern::tools::tools::{Annotations, Tool};

const NOTHING: &str = r#"{"type":"object","properties":{}}"#;

const TOOLS: [(&str, &str, &str); 36] = [
    ("test_simple_text", "Answers with a text.", NOTHING),
    ("test_image_content", "Answers with a picture.", NOTHING),
    ("test_audio_content", "Answers with a sound.", NOTHING),
    ("test_embedded_resource", "Answers with a resource.", NOTHING),
    ("test_multiple_content_types", "Answers with a text, a picture and a resource.", NOTHING),
    ("test_error_handling", "Fails.", NOTHING),
    ("test_tool_with_progress", "Says how far it is.", NOTHING),
    ("test_tool_with_logging", "Writes to the log.", NOTHING),
    ("test_logging_tool", "Writes to the log of whoever wants one.", NOTHING),
    ("test_reconnection", "Lets the client go, and has it come back.", NOTHING),
    ("tell_until_left", "Says how far it is until nobody listens.", NOTHING),
    ("test_trigger_tool_change", "Says that the tools have changed.", NOTHING),
    ("test_trigger_prompt_change", "Says that the prompts have changed.", NOTHING),
    (
        "test_x_mcp_header",
        "Has an argument that a header repeats.",
        r#"{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}"#,
    ),
    ("json_schema_2020_12_tool", "Has a schema with much in it.", JSON_SCHEMA_2020_12),
    ("test_missing_capability", "Cannot do without sampling.", NOTHING),
    (
        "test_sampling",
        "Has the client's model answer.",
        r#"{"type":"object","properties":{"prompt":{"type":"string"}},"required":["prompt"]}"#,
    ),
    (
        "test_elicitation",
        "Asks the person who they are.",
        r#"{"type":"object","properties":{"message":{"type":"string"}},"required":["message"]}"#,
    ),
    ("test_elicitation_sep1034_defaults", "Asks with answers filled in.", NOTHING),
    ("test_elicitation_sep1330_enums", "Asks with choices of every form.", NOTHING),
    ("test_streaming_elicitation", "Asks the person to go on.", NOTHING),
    ("test_input_required_result_elicitation", "Greets a person by name.", NOTHING),
    ("test_input_required_result_sampling", "Has the client's model know a capital.", NOTHING),
    ("test_input_required_result_list_roots", "Names the client's roots.", NOTHING),
    ("test_input_required_result_request_state", "Finds its state again.", NOTHING),
    ("test_input_required_result_multiple_inputs", "Asks everything at once.", NOTHING),
    ("test_input_required_result_multi_round", "Asks one thing after the other.", NOTHING),
    ("test_input_required_result_tampered_state", "Believes no state but its own.", NOTHING),
    ("test_input_required_result_capabilities", "Asks for what the client has.", NOTHING),
    (
        "greet",
        "Greets, at once.",
        r#"{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}"#,
    ),
    (
        "slow_compute",
        "Takes its time.",
        r#"{"type":"object","properties":{"seconds":{"type":"number","minimum":0},"label":{"type":"string"}}}"#,
    ),
    ("failing_job", "Goes on in the background and fails.", NOTHING),
    ("protocol_error_job", "Goes on in the background and breaks.", NOTHING),
    (
        "confirm_delete",
        "Wants to be sure before it goes on.",
        r#"{"type":"object","properties":{"filename":{"type":"string"}}}"#,
    ),
    ("multi_input", "Wants to know two things before it goes on.", NOTHING),
    ("test_tool_with_task", "Asks for a name, and then goes on in the background.", NOTHING),
];

/// Has to come out as it went in, member by member.
const JSON_SCHEMA_2020_12: &str = r##"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": { "street": { "type": "string" }, "city": { "type": "string" } }
        }
    },
    "properties": {
        "name": { "type": "string" },
        "address": { "$ref": "#/$defs/address" },
        "contactMethod": { "type": "string", "enum": ["phone", "email"] },
        "phone": { "type": "string" },
        "email": { "type": "string" }
    },
    "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
    "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
    "then": { "required": ["phone"] },
    "else": { "required": ["email"] },
    "additionalProperties": false
}"##;

pub(crate) fn tools() -> Vec<Tool> {
    let annotations =
        Annotations { read_only: Some(true), destructive: None, idempotent: None, open_world: Some(false) };
    let tool = |(name, description, input_schema): &(&str, &str, &str)| Tool {
        name: (*name).to_owned(),
        title: None,
        description: (*description).to_owned(),
        input_schema: (*input_schema).to_owned(),
        output_schema: None,
        annotations,
        scopes: vec![SCOPE.to_owned()],
    };
    TOOLS.iter().map(tool).collect()
}
