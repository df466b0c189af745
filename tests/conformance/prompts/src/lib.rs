//! The prompts that the official conformance suite gets by name. They ship nowhere: `cargo xtask conformance`
//! puts them in the place of the example's, by the line of `spin.toml` that a user changes.

use bindings::exports::postern::prompts::prompts::{
    AnswerValue, Argument, Ask, Caller, Completion, ContentBlock, ElicitForm, Elicited, EmbeddedResource,
    Error, Get, Guest, InputRequired, Media, Message, Outcome, Prompt, PromptMessages, Question,
    ResourceContents, Role, Suggestions,
};
use serde_json::{Value, json};

/// One red pixel.
const PNG: [u8; 69] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53, 0xde, 0x00,
    0x00, 0x00, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0x00, 0x00, 0x03, 0x01,
    0x01, 0x00, 0xf7, 0x03, 0x41, 0x43, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60,
    0x82,
];

/// Name, description, and the arguments, all of them required.
const PROMPTS: [(&str, &str, &[&str]); 5] = [
    ("test_simple_prompt", "Says one thing.", &[]),
    ("test_prompt_with_arguments", "Repeats two arguments.", &["arg1", "arg2"]),
    ("test_prompt_with_embedded_resource", "Brings a resource along.", &["resourceUri"]),
    ("test_prompt_with_image", "Brings a picture along.", &[]),
    ("test_input_required_result_prompt", "Asks for the context first.", &[]),
];

struct Conformance;

impl Guest for Conformance {
    async fn list_prompts(_caller: Caller) -> Result<Vec<Prompt>, Error> {
        let argument = |name: &&str| Argument {
            name: (*name).to_owned(),
            title: None,
            description: Some(format!("What to use as {name}")),
            required: true,
        };
        let prompt = |(name, description, arguments): &(&str, &str, &[&str])| Prompt {
            name: (*name).to_owned(),
            title: None,
            description: Some((*description).to_owned()),
            arguments: arguments.iter().map(argument).collect(),
            scopes: Vec::new(),
        };
        Ok(PROMPTS.iter().map(prompt).collect())
    }

    async fn get_prompt(_caller: Caller, get: Get) -> Result<Outcome, Error> {
        let argument = |wanted: &str| {
            let mut arguments = get.arguments.iter();
            arguments.find(|(name, _)| name == wanted).map_or("", |(_, value)| value.as_str())
        };
        let content = match get.name.as_str() {
            "test_simple_prompt" => vec![text("This is a simple prompt for testing.")],
            "test_prompt_with_arguments" => {
                let (first, second) = (argument("arg1"), argument("arg2"));
                vec![text(&format!("Prompt with arguments: arg1='{first}', arg2='{second}'"))]
            }
            "test_prompt_with_embedded_resource" => vec![
                ContentBlock::EmbeddedResource(EmbeddedResource {
                    uri: argument("resourceUri").to_owned(),
                    mime_type: Some("text/plain".to_owned()),
                    contents: ResourceContents::Text("Embedded resource content for testing.".to_owned()),
                }),
                text("Please process the embedded resource above."),
            ],
            "test_prompt_with_image" => vec![
                ContentBlock::Image(Media { data: PNG.to_vec(), mime_type: "image/png".to_owned() }),
                text("Please analyze the image above."),
            ],
            "test_input_required_result_prompt" => match context(&get) {
                Some(context) => vec![text(&format!("Use this context: {context}"))],
                None => return Ok(ask_for_context()),
            },
            _ => return Err(Error::UnknownPrompt),
        };
        let messages = content.into_iter().map(|content| Message { role: Role::User, content }).collect();
        Ok(Outcome::Complete(PromptMessages { description: None, messages }))
    }

    async fn complete(_caller: Caller, completion: Completion) -> Result<Suggestions, Error> {
        let words = ["testValue1", "testValue2", "paris", "park", "party"].map(str::to_owned);
        let values = words.into_iter().filter(|word| word.starts_with(&completion.value)).collect();
        Ok(Suggestions { values, total: None, has_more: false })
    }
}

/// The answer to the one question, in an earlier round.
fn context(get: &Get) -> Option<String> {
    let answers = &get.resumption.as_ref()?.answers;
    let answer = answers.iter().find(|answer| answer.key == "user_context")?;
    match &answer.value {
        AnswerValue::Elicited(Elicited::Accept(Some(content))) => {
            let content: Value = serde_json::from_str(content).ok()?;
            Some(content.get("context")?.as_str()?.to_owned())
        }
        AnswerValue::Elicited(_) => Some("none".to_owned()),
        _ => None,
    }
}

fn ask_for_context() -> Outcome {
    let schema = json!({
        "type": "object",
        "properties": { "context": { "type": "string" } },
        "required": ["context"],
    });
    let ask = Ask::ElicitForm(ElicitForm {
        message: "What context should the prompt use?".to_owned(),
        requested_schema: schema.to_string(),
    });
    let questions = vec![Question { key: "user_context".to_owned(), ask }];
    Outcome::InputRequired(InputRequired { questions, state: Vec::new() })
}

fn text(text: &str) -> ContentBlock {
    ContentBlock::Text(text.to_owned())
}

#[expect(unsafe_code, reason = "generated: the component model's calling convention")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/prompts", world: "prompt-provider" });
    use super::Conformance;
    export!(Conformance);
}
