//! What the server on the bench has to read and to say. Both are called after what they do.

use crate::bench::Bench;
use mcp_core::ports::*;

fn scopes(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.into()).collect()
}

/// How much there is of each, when there is much.
const MANY: usize = 250;

/// A question, for whoever has not answered it yet; what was answered, for others.
fn asked(resumption: Option<Resumption>) -> Result<String, InputRequired> {
    let form = ElicitForm {
        message: "Which tone?".into(),
        requested_schema: r#"{"type":"object","properties":{"tone":{"type":"string"}}}"#.into(),
    };
    let question = Question { key: "tone".into(), ask: Ask::ElicitForm(form) };
    let again = InputRequired { questions: vec![question], state: b"asked".to_vec() };
    let Some(Resumption { answers, .. }) = resumption else { return Err(again) };
    match answers.into_iter().find(|answer| answer.key == "tone").map(|answer| answer.value) {
        Some(AnswerValue::Elicited(Elicited::Accept(content))) => Ok(content.unwrap_or_default()),
        Some(AnswerValue::Elicited(Elicited::Decline | Elicited::Cancel)) => Ok("none".into()),
        _ => Err(again),
    }
}

impl Resources for Bench {
    async fn list_resources(&self, caller: Caller) -> Result<Vec<Resource>, ResourcesError> {
        let resource = |uri: &str, needed: &[&str]| Resource {
            uri: uri.into(),
            name: uri.rsplit('/').next().unwrap_or_default().into(),
            scopes: scopes(needed),
            ..Resource::default()
        };
        let mut resources = vec![
            Resource {
                title: Some("A text".into()),
                description: Some("Some text".into()),
                mime_type: Some("text/plain".into()),
                size: Some(5),
                annotations: ResourceAnnotations {
                    audience: vec![Role::User, Role::Assistant],
                    priority: Some(0.5),
                    last_modified: Some("2026-07-28T12:00:00Z".into()),
                },
                ..resource("test://bench/text", &[])
            },
            resource("test://bench/bytes", &["math:basic"]),
            resource("test://bench/parts", &[]),
            resource("test://bench/needs-statistics", &["math:statistics"]),
            resource("test://bench/wants-more-scope", &["math:basic"]),
            resource("test://bench/wants-scope-that-is-there", &["math:basic"]),
            resource("test://bench/is-empty", &[]),
            resource("test://bench/has-gone", &[]),
            resource("test://bench/wants-a-form", &[]),
            resource("test://bench/asks", &[]),
            resource("test://bench/asks-in-vain", &[]),
            resource("test://bench/is-unavailable", &[]),
            resource("test://bench/is-broken", &[]),
            Resource {
                annotations: ResourceAnnotations { priority: Some(7.0), ..Default::default() },
                ..resource("test://bench/../escapes", &[])
            },
        ];
        assert_eq!(caller.subject, "alice");
        if self.offers_many.get() {
            resources = (0..MANY).map(|number| resource(&format!("test://many/{number}"), &[])).collect();
        }
        Ok(resources)
    }

    async fn list_templates(&self, _: Caller) -> Result<Vec<Template>, ResourcesError> {
        let template = |uri_template: &str, needed: &[&str]| Template {
            uri_template: uri_template.into(),
            name: "t".into(),
            scopes: scopes(needed),
            ..Template::default()
        };
        if self.offers_many.get() {
            return Ok((0..MANY).map(|number| template(&format!("many{number}://{{x}}"), &[])).collect());
        }
        Ok(vec![
            Template {
                title: Some("Notes".into()),
                description: Some("Notes by year".into()),
                mime_type: Some("text/markdown".into()),
                ..template("notes://{year}/{title}", &["math:basic"])
            },
            template("notes://{+all}", &[]),
            template("secret://{+path}", &["math:statistics"]),
            template("broken://{", &[]),
        ])
    }

    async fn read_resource(&self, caller: Caller, read: Read) -> Result<ReadOutcome, ResourcesError> {
        let (uri, resumption) = (read.uri.clone(), read.resumption.clone());
        self.reads.borrow_mut().push((caller, read));
        let part = |uri: &str, body| Contents { uri: uri.into(), mime_type: None, body };
        let text = |text: &str| ResourceContents::Text(text.into());
        let result = match uri.strip_prefix("test://bench/").unwrap_or(&uri) {
            "text" => ReadResult {
                contents: vec![Contents {
                    mime_type: Some("text/plain".into()),
                    ..part(&uri, text("hello"))
                }],
                ttl_ms: Some(60_000),
            },
            "bytes" => ReadResult {
                contents: vec![part(&uri, ResourceContents::Blob(vec![255, 254]))],
                ttl_ms: None,
            },
            "parts" => ReadResult {
                contents: vec![part(&format!("{uri}/1"), text("1")), part(&format!("{uri}/2"), text("2"))],
                ttl_ms: None,
            },
            "wants-more-scope" => return Err(ResourcesError::InsufficientScope(scopes(&["math:more"]))),
            "wants-scope-that-is-there" => {
                return Err(ResourcesError::InsufficientScope(scopes(&["math:basic"])));
            }
            "asks" => match asked(resumption) {
                Ok(answer) => ReadResult { contents: vec![part(&uri, text(&answer))], ttl_ms: Some(60_000) },
                Err(input) => return Ok(ReadOutcome::InputRequired(input)),
            },
            "asks-in-vain" => {
                let question = Question { key: "a".into(), ask: Ask::ListRoots };
                let questions = vec![question.clone(), question];
                return Ok(ReadOutcome::InputRequired(InputRequired { questions, state: Vec::new() }));
            }
            "is-empty" => ReadResult::default(),
            "wants-a-form" => {
                let elicit_form = true;
                return Err(ResourcesError::MissingCapability(ClientCapabilities {
                    elicit_form,
                    ..Default::default()
                }));
            }
            "is-unavailable" => return Err(ResourcesError::Unavailable),
            "is-broken" => return Err(ResourcesError::Other("DETAIL-secret".into())),
            note if note.starts_with("notes://2026/") => {
                ReadResult { contents: vec![part(&uri, text("a note"))], ttl_ms: None }
            }
            _ => return Err(ResourcesError::NotFound),
        };
        Ok(ReadOutcome::Complete(result))
    }

    async fn complete_template(
        &self,
        caller: Caller,
        completion: Completion,
    ) -> Result<Suggestions, ResourcesError> {
        let years = ["2025", "2026"].into_iter().filter(|year| year.starts_with(&completion.value));
        let suggestions = Suggestions { values: years.map(str::to_owned).collect(), ..Default::default() };
        self.completions.borrow_mut().push((caller, completion));
        Ok(suggestions)
    }
}

impl Prompts for Bench {
    async fn list_prompts(&self, _: Caller) -> Result<Vec<Prompt>, PromptsError> {
        let prompt = |name: &str, needed: &[&str]| Prompt {
            name: name.into(),
            scopes: scopes(needed),
            ..Prompt::default()
        };
        let argument =
            |name: &str, required| PromptArgument { name: name.into(), required, ..Default::default() };
        if self.offers_many.get() {
            return Ok((0..MANY).map(|number| prompt(&format!("many-{number}"), &[])).collect());
        }
        Ok(vec![
            prompt("simple", &[]),
            Prompt {
                title: Some("Greet".into()),
                description: Some("Greets somebody".into()),
                arguments: vec![
                    PromptArgument {
                        title: Some("Name".into()),
                        description: Some("Whom".into()),
                        ..argument("name", true)
                    },
                    argument("tone", false),
                ],
                ..prompt("greet", &["math:basic"])
            },
            prompt("needs-statistics", &["math:statistics"]),
            prompt("wants-more-scope", &["math:basic"]),
            prompt("wants-scope-that-is-there", &["math:basic"]),
            prompt("refuses-arguments", &[]),
            prompt("plays", &[]),
            Prompt { arguments: vec![argument("name", false)], ..prompt("asks", &[]) },
            prompt("wants-a-form", &[]),
            prompt("is-unavailable", &[]),
            prompt("is-broken", &[]),
        ])
    }

    async fn get_prompt(&self, caller: Caller, get: GetPrompt) -> Result<PromptOutcome, PromptsError> {
        let (name, resumption) = (get.name.clone(), get.resumption.clone());
        self.gets.borrow_mut().push((caller, get));
        let message = |role, content| PromptMessage { role, content };
        let text = |text: &str| ContentBlock::Text(text.into());
        match &*name {
            "simple" => Ok(PromptOutcome::Complete(PromptMessages {
                description: None,
                messages: vec![message(Role::User, text("Say something."))],
            })),
            "greet" => Ok(PromptOutcome::Complete(PromptMessages {
                description: Some("A greeting".into()),
                messages: vec![
                    message(Role::User, text("Greet Ada.")),
                    message(
                        Role::Assistant,
                        ContentBlock::EmbeddedResource(EmbeddedResource {
                            uri: "test://bench/text".into(),
                            mime_type: Some("text/plain".into()),
                            contents: ResourceContents::Text("hello".into()),
                        }),
                    ),
                ],
            })),
            "plays" => {
                let media = Media { data: b"abc".to_vec(), mime_type: "audio/wav".into() };
                let messages = vec![message(Role::User, ContentBlock::Audio(media))];
                Ok(PromptOutcome::Complete(PromptMessages { description: None, messages }))
            }
            "asks" => Ok(match asked(resumption) {
                Err(input) => PromptOutcome::InputRequired(input),
                Ok(answer) => PromptOutcome::Complete(PromptMessages {
                    description: None,
                    messages: vec![message(Role::User, text(&answer))],
                }),
            }),
            "wants-more-scope" => Err(PromptsError::InsufficientScope(scopes(&["math:more"]))),
            "wants-scope-that-is-there" => Err(PromptsError::InsufficientScope(scopes(&["math:basic"]))),
            "refuses-arguments" => Err(PromptsError::InvalidArguments("no such tone".into())),
            "wants-a-form" => Err(PromptsError::MissingCapability(ClientCapabilities {
                elicit_form: true,
                ..Default::default()
            })),
            "is-unavailable" => Err(PromptsError::Unavailable),
            "is-broken" => Err(PromptsError::Other("DETAIL-secret".into())),
            _ => Err(PromptsError::UnknownPrompt),
        }
    }

    async fn complete_prompt(
        &self,
        caller: Caller,
        completion: Completion,
    ) -> Result<Suggestions, PromptsError> {
        let value = completion.value.clone();
        self.completions.borrow_mut().push((caller, completion));
        match &*value {
            "refuse" => Err(PromptsError::InvalidArguments("no such beginning".into())),
            "fail" => Err(PromptsError::Other("DETAIL-secret".into())),
            // More than a client may be given.
            "many" => Ok(Suggestions {
                values: (0..250).map(|number| number.to_string()).collect(),
                total: Some(1000),
                has_more: false,
            }),
            _ => Ok(Suggestions { values: vec![format!("{value}!")], total: Some(1), has_more: false }),
        }
    }
}
