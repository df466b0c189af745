//! Tools that have to ask the client something.

use crate::bindings::exports::postern::tools::tools::{
    Answer, AnswerValue, Ask, Call, ContentBlock, ElicitForm, Elicited, Error, InputRequired, Outcome,
    Question, Role, Sample, SamplingMessage,
};
use crate::{missing, text, text_argument};
use serde_json::{Value, json};

/// The outcome of the tool of this name, if it is one of these.
pub(crate) fn find(call: &Call) -> Option<Result<Outcome, Error>> {
    let asked = Asked::of(call);
    Some(match call.name.as_str() {
        // Asks nothing but to be called again: where a client can come back, it is let go meanwhile.
        "test_reconnection" if asked.state == "begun" => complete("It went on while nobody was connected."),
        "test_reconnection" => ask([], "begun"),
        "test_missing_capability" if call.client.sample => complete("The client can sample."),
        "test_missing_capability" => Err(missing(|needed| needed.sample = true)),
        "test_sampling" if !call.client.sample => Err(missing(|needed| needed.sample = true)),
        "test_sampling" => match asked.sampled("completion") {
            Some(answer) => complete(format!("LLM response: {answer}")),
            None => {
                let prompt = text_argument(call, "prompt");
                ask([sample("completion", &prompt, 100)], "")
            }
        },
        "test_elicitation" => {
            let message = text_argument(call, "message");
            let schema = json!({
                "type": "object",
                "properties": { "username": { "type": "string" }, "email": { "type": "string" } },
                "required": ["username", "email"],
            });
            report("User response", call, &asked, &message, &schema)
        }
        "test_elicitation_sep1034_defaults" => {
            report("Elicitation completed", call, &asked, "Please check what is filled in", &defaults())
        }
        "test_elicitation_sep1330_enums" => {
            report("Elicitation completed", call, &asked, "Please choose", &choices())
        }
        "test_streaming_elicitation" => {
            let schema = one_member("ok", "boolean");
            report("Elicitation completed", call, &asked, "Please confirm", &schema)
        }
        "test_input_required_result_elicitation" => match asked.elicited("user_name") {
            Some(Elicited::Accept(_)) => complete(format!("Hello, {}!", asked.member("user_name", "name"))),
            Some(Elicited::Decline | Elicited::Cancel) => complete("Hello, whoever you are!"),
            None => ask([form("user_name", "What is your name?", "name", "string")], ""),
        },
        "test_input_required_result_sampling" => match asked.sampled("capital_question") {
            Some(answer) => complete(answer),
            None => ask([sample("capital_question", "What is the capital of France?", 100)], ""),
        },
        "test_input_required_result_list_roots" => match asked.roots("client_roots") {
            Some(roots) => complete(format!("The roots are: {roots}")),
            None => ask([list_roots("client_roots")], ""),
        },
        "test_input_required_result_request_state" | "test_input_required_result_tampered_state" => {
            let answered = asked.elicited("confirm").is_some() && asked.state == "asked";
            if answered {
                complete("state-ok")
            } else {
                ask([form("confirm", "Please confirm", "ok", "boolean")], "asked")
            }
        }
        "test_input_required_result_multiple_inputs" => several(&asked),
        "test_input_required_result_multi_round" => rounds(&asked),
        "test_input_required_result_capabilities" if !asked.answers.is_empty() => complete("Thank you."),
        "test_input_required_result_capabilities" => {
            let questions = [
                call.client.sample.then(|| sample("greeting", "Generate a greeting", 50)),
                call.client.elicit_form.then(|| form("user_name", "What is your name?", "name", "string")),
                call.client.list_roots.then(|| list_roots("client_roots")),
            ];
            ask(questions.into_iter().flatten().collect::<Vec<_>>(), "")
        }
        _ => return None,
    })
}

/// Three questions of three kinds at once.
fn several(asked: &Asked<'_>) -> Result<Outcome, Error> {
    let answers =
        (asked.elicited("user_name"), asked.sampled("greeting"), asked.roots("client_roots"), asked.state);
    if let (Some(_), Some(greeting), Some(roots), "asked") = answers {
        let name = asked.member("user_name", "name");
        return complete(format!("{greeting} ({name}, at {roots})"));
    }
    let questions = [
        form("user_name", "What is your name?", "name", "string"),
        sample("greeting", "Generate a greeting", 50),
        list_roots("client_roots"),
    ];
    ask(questions, "asked")
}

/// Two questions, one after the other. What the first answer was is in the second state.
fn rounds(asked: &Asked<'_>) -> Result<Outcome, Error> {
    let second = || form("step2", "Step 2: What is your favorite color?", "color", "string");
    match asked.state.split_once(':') {
        Some(("step1", _)) if asked.elicited("step1").is_some() => {
            ask([second()], &format!("step2:{}", asked.member("step1", "name")))
        }
        Some(("step2", name)) if asked.elicited("step2").is_some() => {
            complete(format!("{name} likes {}.", asked.member("step2", "color")))
        }
        Some(("step2", _)) => ask([second()], asked.state),
        _ => ask([form("step1", "Step 1: What is your name?", "name", "string")], "step1:"),
    }
}

/// A form whose answer is repeated, whatever it is.
fn report(
    what: &str,
    call: &Call,
    asked: &Asked<'_>,
    message: &str,
    schema: &Value,
) -> Result<Outcome, Error> {
    if !call.client.elicit_form {
        return Err(missing(|needed| needed.elicit_form = true));
    }
    let (action, content) = match asked.elicited("form") {
        Some(Elicited::Accept(content)) => ("accept", content.as_deref().unwrap_or("{}")),
        Some(Elicited::Decline) => ("decline", "{}"),
        Some(Elicited::Cancel) => ("cancel", "{}"),
        None => return ask([question("form", elicit(message, schema))], ""),
    };
    complete(format!("{what}: action={action}, content={content}"))
}

fn defaults() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "default": "John Doe" },
            "age": { "type": "integer", "default": 30 },
            "score": { "type": "number", "default": 95.5 },
            "status": {
                "type": "string", "enum": ["active", "inactive", "pending"], "default": "active",
            },
            "verified": { "type": "boolean", "default": true },
        },
        "required": [],
    })
}

fn choices() -> Value {
    let titled = |word: &str| {
        let titles = [("value1", "First"), ("value2", "Second"), ("value3", "Third")];
        titles.map(|(value, title)| json!({ "const": value, "title": format!("{title} {word}") }))
    };
    let options = ["option1", "option2", "option3"];
    json!({
        "type": "object",
        "properties": {
            "untitledSingle": { "type": "string", "enum": options },
            "titledSingle": { "type": "string", "oneOf": titled("Option") },
            "legacyEnum": {
                "type": "string",
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"],
            },
            "untitledMulti": { "type": "array", "items": { "type": "string", "enum": options } },
            "titledMulti": { "type": "array", "items": { "anyOf": titled("Choice") } },
        },
        "required": [],
    })
}

/// What came of an earlier round.
pub(crate) struct Asked<'a> {
    pub(crate) state: &'a str,
    pub(crate) answers: &'a [Answer],
}

impl<'a> Asked<'a> {
    pub(crate) fn of(call: &'a Call) -> Self {
        match &call.resumption {
            Some(resumption) => Self {
                state: std::str::from_utf8(&resumption.state).unwrap_or_default(),
                answers: &resumption.answers,
            },
            None => Self { state: "", answers: &[] },
        }
    }

    fn value(&self, key: &str) -> Option<&'a AnswerValue> {
        self.answers.iter().find(|answer| answer.key == key).map(|answer| &answer.value)
    }

    /// What came of a form.
    pub(crate) fn elicited(&self, key: &str) -> Option<&'a Elicited> {
        let AnswerValue::Elicited(elicited) = self.value(key)? else { return None };
        Some(elicited)
    }

    /// A member of a form's answer, as text.
    pub(crate) fn member(&self, key: &str, member: &str) -> String {
        let Some(Elicited::Accept(Some(content))) = self.elicited(key) else { return "nobody".to_owned() };
        let content: Value = serde_json::from_str(content).unwrap_or_default();
        let value = content.get(member).unwrap_or(&Value::Null);
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// The text that the client's model wrote.
    fn sampled(&self, key: &str) -> Option<String> {
        let AnswerValue::Sampled(result) = self.value(key)? else { return None };
        let result: Value = serde_json::from_str(result).ok()?;
        Some(result.pointer("/content/text")?.as_str()?.to_owned())
    }

    fn roots(&self, key: &str) -> Option<String> {
        let AnswerValue::Roots(roots) = self.value(key)? else { return None };
        Some(roots.iter().map(|root| root.uri.as_str()).collect::<Vec<_>>().join(", "))
    }
}

fn complete(result: impl Into<String>) -> Result<Outcome, Error> {
    Ok(Outcome::Complete(text(result)))
}

fn ask(questions: impl Into<Vec<Question>>, state: &str) -> Result<Outcome, Error> {
    Ok(Outcome::InputRequired(InputRequired { questions: questions.into(), state: state.into() }))
}

fn question(key: &str, ask: Ask) -> Question {
    Question { key: key.to_owned(), ask }
}

/// A form with one member.
pub(crate) fn form(key: &str, message: &str, member: &str, kind: &str) -> Question {
    question(key, elicit(message, &one_member(member, kind)))
}

fn one_member(member: &str, kind: &str) -> Value {
    json!({ "type": "object", "properties": { member: { "type": kind } }, "required": [member] })
}

fn elicit(message: &str, schema: &Value) -> Ask {
    Ask::ElicitForm(ElicitForm { message: message.to_owned(), requested_schema: schema.to_string() })
}

fn sample(key: &str, prompt: &str, max_tokens: u32) -> Question {
    let message = SamplingMessage { role: Role::User, content: ContentBlock::Text(prompt.to_owned()) };
    let sample = Sample { messages: vec![message], max_tokens, system_prompt: None, options: None };
    question(key, Ask::Sample(sample))
}

fn list_roots(key: &str) -> Question {
    question(key, Ask::ListRoots)
}
