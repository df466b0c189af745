//! The prompts that this server offers: beginnings of conversations that use its tools. **This is the file to
//! replace by yours.**
//!
//! A prompt is an entry in `PROMPTS`: what it is called, what can be filled in, and the function that writes
//! it. It needs no scope of its own: the tools that it has a model call ask for theirs. Everything below the line is
//! plumbing.

const PROMPTS: [MathPrompt; 2] = [
    MathPrompt {
        name: "explain_calculation",
        title: "Explain a calculation",
        description: "Works through a calculation step by step, with the tools doing the arithmetic.",
        arguments: &[
            Field {
                name: "calculation",
                title: "Calculation",
                description: "What to work out, such as (3 + 4) * 12 / 5.",
                required: true,
                examples: &[],
            },
            Field {
                name: "audience",
                title: "Audience",
                description: "Whom to explain it to.",
                required: false,
                examples: &["a child", "a student", "an engineer", "someone in a hurry"],
            },
        ],
        write: |filled| {
            let calculation = filled.get("calculation").unwrap_or_default();
            let audience = filled.get("audience").unwrap_or("someone who wants to follow each step");
            Ok(format!(
                "Work out this calculation: {calculation}\n\n\
                 Do every single step with one of the tools add, subtract, multiply, divide, power and square_root, in \
                 the order that the rules of arithmetic ask for, and do no arithmetic yourself. Then explain it to \
                 {audience}: one line for each step, with the numbers that went in and what came out, and the \
                 result at the end. If a step has no result, say which one and why."
            ))
        },
    },
    MathPrompt {
        name: "summarise_numbers",
        title: "Summarise numbers",
        description: "Says what a list of numbers has to tell, from its mean, median and standard deviation.",
        arguments: &[
            Field {
                name: "numbers",
                title: "Numbers",
                description: "The numbers, with commas or spaces between them.",
                required: true,
                examples: &[],
            },
            Field {
                name: "about",
                title: "What they are",
                description: "What the numbers measure.",
                required: false,
                examples: &[
                    "response times in milliseconds",
                    "temperatures in °C",
                    "prices in €",
                    "test scores",
                ],
            },
        ],
        write: |filled| {
            let numbers = numbers(filled.get("numbers").unwrap_or_default())?;
            let about = filled.get("about").map(|about| format!(", which are {about}")).unwrap_or_default();
            Ok(format!(
                "Call the tool statistics with these numbers{about}: [{numbers}]\n\n\
                 Then say in a few sentences what they have to tell: what is typical, how far they spread, and whether mean \
                 and median differ enough to point to outliers. If so, name the numbers that stand out. Calculate nothing \
                 yourself: use the tools for whatever else you need."
            ))
        },
    },
];

/// Reads numbers as people write them in a row, and writes them as JSON has them.
fn numbers(text: &str) -> Result<String, Error> {
    let is_separator = |letter: char| letter == ',' || letter == ';' || letter.is_whitespace();
    let words = text.split(is_separator).filter(|word| !word.is_empty());
    let numbers = words.map(|word| match word.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number.to_string()),
        _ => Err(Error::InvalidArguments(format!("Not a number: {word}"))),
    });
    let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
    if numbers.is_empty() {
        return Err(Error::InvalidArguments("There are no numbers".to_owned()));
    }
    Ok(numbers.join(", "))
}

// ------------------------------------------------------------------------------------------------
// What the interface asks for, in terms of the above.

use bindings::exports::postern::prompts::prompts::{
    Argument, Caller, Completion, ContentBlock, Error, Get, Guest, Message, Outcome, Prompt, PromptMessages,
    Role, Suggestions,
};

struct MathPrompt {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    arguments: &'static [Field],
    write: fn(&Filled) -> Result<String, Error>,
}

struct Field {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    required: bool,
    /// What is suggested to somebody who fills it in. Anything else is as good.
    examples: &'static [&'static str],
}

/// What was filled in.
struct Filled(Vec<(String, String)>);

impl Filled {
    /// An argument, unless it was left blank.
    fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(given, _)| given == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }
}

struct MathPrompts;

impl Guest for MathPrompts {
    async fn list_prompts(_caller: Caller) -> Result<Vec<Prompt>, Error> {
        let argument = |field: &Field| Argument {
            name: field.name.to_owned(),
            title: Some(field.title.to_owned()),
            description: Some(field.description.to_owned()),
            required: field.required,
        };
        let describe = |prompt: &MathPrompt| Prompt {
            name: prompt.name.to_owned(),
            title: Some(prompt.title.to_owned()),
            description: Some(prompt.description.to_owned()),
            arguments: prompt.arguments.iter().map(argument).collect(),
            scopes: Vec::new(),
        };
        Ok(PROMPTS.iter().map(describe).collect())
    }

    async fn get_prompt(_caller: Caller, get: Get) -> Result<Outcome, Error> {
        let prompt = find(&get.name)?;
        let filled = Filled(get.arguments);
        let blank = prompt.arguments.iter().find(|field| field.required && filled.get(field.name).is_none());
        if let Some(field) = blank {
            return Err(Error::InvalidArguments(format!("{} is blank", field.name)));
        }
        let message = Message { role: Role::User, content: ContentBlock::Text((prompt.write)(&filled)?) };
        let description = Some(prompt.description.to_owned());
        Ok(Outcome::Complete(PromptMessages { description, messages: vec![message] }))
    }

    async fn complete(_caller: Caller, completion: Completion) -> Result<Suggestions, Error> {
        let prompt = find(&completion.name)?;
        let field = prompt.arguments.iter().find(|field| field.name == completion.argument);
        let examples = field.map(|field| field.examples).unwrap_or_default();
        let typed = completion.value.to_lowercase();
        let fitting = examples.iter().filter(|example| example.to_lowercase().starts_with(&typed));
        let values: Vec<String> = fitting.map(|&example| example.to_owned()).collect();
        Ok(Suggestions { total: u32::try_from(values.len()).ok(), values, has_more: false })
    }
}

fn find(name: &str) -> Result<&'static MathPrompt, Error> {
    PROMPTS.iter().find(|prompt| prompt.name == name).ok_or(Error::UnknownPrompt)
}

#[expect(unsafe_code, reason = "generated: the component model's calling convention")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/prompts", world: "prompt-provider" });
    use super::MathPrompts;
    export!(MathPrompts);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bindings::exports::postern::prompts::prompts::ClientCapabilities;
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

    fn alice() -> Caller {
        Caller { subject: "alice".into(), client_id: "c".into(), scopes: vec![], client_info: None }
    }

    fn get(name: &str, arguments: &[(&str, &str)]) -> Result<String, Error> {
        let client = ClientCapabilities {
            elicit_form: false,
            elicit_url: false,
            sample: false,
            sample_with_tools: false,
            list_roots: false,
        };
        let arguments = arguments.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        let get = Get { name: name.into(), arguments, resumption: None, client };
        let Outcome::Complete(prompt) = now(MathPrompts::get_prompt(alice(), get))? else {
            panic!("there is nothing to ask")
        };
        let [Message { role: Role::User, content: ContentBlock::Text(text) }] = &prompt.messages[..] else {
            panic!("{prompt:?}")
        };
        Ok(text.clone())
    }

    fn complete(name: &str, argument: &str, value: &str) -> Vec<String> {
        let (name, argument, value) = (name.into(), argument.into(), value.into());
        let completion = Completion { name, argument, value, context: vec![] };
        now(MathPrompts::complete(alice(), completion)).unwrap().values
    }

    #[test]
    fn calculation_is_explained_to_whom_it_is_for() {
        let text = get("explain_calculation", &[("calculation", "2 * (3 + 4)")]).unwrap();
        assert!(text.starts_with("Work out this calculation: 2 * (3 + 4)\n") && text.contains("each step"));
        let arguments = [("calculation", "1 + 1"), ("audience", "a child")];
        assert!(get("explain_calculation", &arguments).unwrap().contains("explain it to a child:"));
        // Clients send what was left blank as an empty text.
        let arguments = [("calculation", "1 + 1"), ("audience", " ")];
        assert!(get("explain_calculation", &arguments).unwrap().contains("explain it to someone"));
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let text = get("summarise_numbers", &[("numbers", "9, 2.5;-4  1e3\n7.0,")]).unwrap();
        assert!(text.contains("these numbers: [9, 2.5, -4, 1000, 7]"), "{text}");
        let text = get("summarise_numbers", &[("numbers", "1"), ("about", "prices in €")]).unwrap();
        assert!(text.contains("these numbers, which are prices in €: [1]"), "{text}");
    }

    /// MCP-M-26.
    #[test]
    fn what_cannot_be_used_is_refused_with_the_reason() {
        for (name, argument, value, reason) in [
            ("summarise_numbers", "numbers", "1, two", "Not a number: two"),
            ("summarise_numbers", "numbers", "NaN", "Not a number: NaN"),
            ("summarise_numbers", "numbers", "1e999", "Not a number: 1e999"),
            ("summarise_numbers", "numbers", ",;", "There are no numbers"),
            ("summarise_numbers", "numbers", " ", "numbers is blank"),
            ("explain_calculation", "calculation", "", "calculation is blank"),
        ] {
            let Err(Error::InvalidArguments(told)) = get(name, &[(argument, value)]) else {
                panic!("{value}")
            };
            assert_eq!(told, reason);
        }
        assert!(matches!(get("Summarise_numbers", &[("numbers", "1")]), Err(Error::UnknownPrompt)));
    }

    #[test]
    fn suggestions_begin_with_what_was_typed() {
        assert_eq!(complete("explain_calculation", "audience", "A s"), ["a student"]);
        assert_eq!(complete("summarise_numbers", "about", "").len(), 4);
        assert!(complete("summarise_numbers", "numbers", "").is_empty());
    }
}
