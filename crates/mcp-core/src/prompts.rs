//! `prompts/list` and `prompts/get`.

use crate::{
    McpServer, access,
    content::WireContent,
    json,
    jsonrpc::{self, Call, Fault, Id, repeated},
    methods::{Caching, Context, Envelope, Failure},
    offer_rounds::{Asker, Came, Wish},
    page::List,
    ports::{
        Caller, GetPrompt, LogEvent, Outside, Prompt, PromptArgument, PromptMessage, PromptMessages,
        PromptOutcome, PromptsError, Resumption, Role,
    },
    revision::Revision,
};
use serde::Serialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap};

/// How long a client may go without asking for the prompts again.
const LIST_TTL_MS: u32 = 300_000;

impl<O: Outside> McpServer<O> {
    /// Lists all prompts that the caller may know of. Which of them the token may get is decided when it asks
    /// for one; see [`access`] for why.
    pub(crate) async fn list_prompts(
        &self,
        id: &Id,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<u8>, Failure> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct ListPromptsResult<'a> {
            prompts: Vec<WirePrompt<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_cursor: Option<String>,
            #[serde(flatten)]
            caching: Option<Caching>,
            #[serde(flatten)]
            envelope: Option<Envelope>,
        }
        let prompts = self.prompts_on_offer(context.caller()).await?;
        let cursor = call.params.cursor;
        let page = self.page(List::Prompts, &prompts, |item| &item.name, cursor, &context.access).await?;
        let in_revision = |prompt| WirePrompt::new(prompt, context.revision);
        let result = ListPromptsResult {
            prompts: page.items.iter().map(in_revision).collect(),
            next_cursor: page.next_cursor,
            caching: context.caching(Caching { ttl_ms: LIST_TTL_MS, cache_scope: "private" }),
            envelope: context.envelope(),
        };
        Ok(jsonrpc::result_message(id, &result)?)
    }

    /// Checks everything that is checked before a prompt is written.
    pub(crate) async fn prepare_get(
        &self,
        id: &Id,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Getting, Failure> {
        let name = call.params.name.and_then(json::string);
        let name = name.ok_or_else(|| Fault::InvalidParams("name must be a string".to_owned()))?;
        let asker = Asker::new(id, context);
        let prompt = self.prompt_on_offer(&asker.caller, &name).await?;
        let arguments = self.prompt_arguments(call.params.arguments, &prompt)?;
        access::authorize(&asker.caller.scopes, &prompt.scopes)?;
        let written = self.optional(call.params.arguments).map_or("{}", RawValue::get).to_owned();
        Ok(Getting { asker, prompt, arguments, written })
    }

    async fn prompts_on_offer(&self, caller: Caller) -> Result<Vec<Prompt>, Fault> {
        let prompts = self.outside.list_prompts(caller).await;
        prompts.map_err(|error| self.judge_prompts_error("list-prompts", &error))
    }

    /// The prompt of this name.
    pub(crate) async fn prompt_on_offer(&self, caller: &Caller, name: &str) -> Result<Prompt, Fault> {
        let prompts = self.prompts_on_offer(caller.clone()).await?;
        prompts.into_iter().find(|prompt| prompt.name == name).ok_or_else(|| unknown_prompt(name))
    }

    /// The arguments, checked against what the prompt declares.
    fn prompt_arguments(
        &self,
        arguments: Option<&RawValue>,
        prompt: &Prompt,
    ) -> Result<Vec<(String, String)>, Fault> {
        let arguments = match self.optional(arguments) {
            None => Vec::new(),
            Some(arguments) => self.strings(arguments, "arguments")?,
        };
        let is_declared = |name: &str| prompt.arguments.iter().any(|argument| argument.name == name);
        if let Some((name, _)) = arguments.iter().find(|(name, _)| !is_declared(name)) {
            return Err(Fault::InvalidParams(format!("Unknown argument: {}", repeated(name))));
        }
        let is_missing = |argument: &&PromptArgument| {
            argument.required && !arguments.iter().any(|(name, _)| *name == argument.name)
        };
        match prompt.arguments.iter().find(is_missing) {
            Some(argument) => Err(Fault::InvalidParams(format!("Missing argument: {}", argument.name))),
            None => Ok(arguments),
        }
    }

    /// The members of an object whose values are texts.
    pub(crate) fn strings(&self, object: &RawValue, what: &str) -> Result<Vec<(String, String)>, Fault> {
        let wrong = || Fault::InvalidParams(format!("{what} must be an object of strings"));
        let members: BTreeMap<Cow<'_, str>, &RawValue> =
            serde_json::from_str(object.get()).map_err(|_| wrong())?;
        let members =
            members.into_iter().filter_map(|(name, value)| Some((name, self.optional(Some(value))?)));
        members
            .map(|(name, value)| {
                let value = json::string(value).ok_or_else(wrong)?;
                Ok((name.into_owned(), value.into_owned()))
            })
            .collect()
    }

    /// What becomes of an error that has no meaning to the client.
    pub(crate) fn judge_prompts_error(&self, function: &'static str, error: &PromptsError) -> Fault {
        self.outside.log(LogEvent::PromptsFailed { function, error });
        match error {
            PromptsError::Unavailable => Fault::Unavailable,
            PromptsError::UnknownPrompt
            | PromptsError::InvalidArguments(_)
            | PromptsError::InsufficientScope(_)
            | PromptsError::MissingCapability(_)
            | PromptsError::Other(_) => Fault::Internal,
        }
    }

    fn log_malformed_prompt(&self, prompt: &str, fault: &'static str) {
        self.outside.log(LogEvent::PromptMalformed { prompt, fault });
    }
}

/// The wish for a prompt, by somebody who may have it.
pub(crate) struct Getting {
    asker: Asker,
    prompt: Prompt,
    arguments: Vec<(String, String)>,
    /// The arguments, as the client wrote them.
    written: String,
}

impl<O: Outside> Wish<O> for Getting {
    fn asker(&self) -> &Asker {
        &self.asker
    }

    fn subject(&self) -> (&'static str, &str, &str) {
        ("prompts/get", &self.prompt.name, &self.written)
    }

    async fn ask(&self, server: &McpServer<O>, resumption: Option<Resumption>) -> Result<Came, Failure> {
        let Asker { caller, client, .. } = &self.asker;
        let (name, arguments) = (self.prompt.name.clone(), self.arguments.clone());
        let get = GetPrompt { name, arguments, resumption, client: *client };
        match server.outside.get_prompt(caller.clone(), get).await {
            Ok(PromptOutcome::Complete(prompt)) => Ok(Came::Final(write_prompt(&self.asker, &prompt)?)),
            Ok(PromptOutcome::InputRequired(input)) => Ok(Came::Ask(input)),
            Err(error) => Err(self.judge(server, error)),
        }
    }

    fn log_malformed(&self, server: &McpServer<O>, fault: &'static str) {
        server.log_malformed_prompt(&self.prompt.name, fault);
    }
}

impl Getting {
    /// What becomes of an error.
    fn judge<O: Outside>(&self, server: &McpServer<O>, error: PromptsError) -> Failure {
        let Prompt { name, scopes, .. } = &self.prompt;
        match error {
            PromptsError::UnknownPrompt => unknown_prompt(name).into(),
            PromptsError::InvalidArguments(how) => Fault::InvalidParams(how).into(),
            PromptsError::InsufficientScope(more) => {
                let needed = [scopes.as_slice(), more.as_slice()].concat();
                match access::authorize(&self.asker.caller.scopes, &needed) {
                    Err(refusal) => refusal.into(),
                    Ok(()) => {
                        server.log_malformed_prompt(name, "it asks for scopes that the caller has");
                        Fault::Internal.into()
                    }
                }
            }
            PromptsError::MissingCapability(needed) => self.asker.cannot_ask(needed).into(),
            PromptsError::Unavailable | PromptsError::Other(_) => {
                server.judge_prompts_error("get-prompt", &error).into()
            }
        }
    }
}

fn write_prompt(asker: &Asker, prompt: &PromptMessages) -> Result<Vec<u8>, Fault> {
    #[derive(Serialize)]
    struct GetPromptResult<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        messages: Vec<WireMessage<'a>>,
        #[serde(flatten)]
        envelope: Option<Envelope>,
    }
    #[derive(Serialize)]
    struct WireMessage<'a> {
        role: Role,
        content: WireContent<'a>,
    }
    let messages = prompt.messages.iter().map(|PromptMessage { role, content }| WireMessage {
        role: *role,
        content: WireContent::in_revision(content, asker.revision),
    });
    let result = GetPromptResult {
        description: prompt.description.as_deref(),
        messages: messages.collect(),
        envelope: Envelope::for_revision(asker.revision),
    };
    jsonrpc::result_message(&asker.id, &result)
}

fn unknown_prompt(name: &str) -> Fault {
    Fault::InvalidParams(format!("Unknown prompt: {}", repeated(name)))
}

/// A prompt on the wire.
#[derive(Serialize)]
struct WirePrompt<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    arguments: Vec<WireArgument<'a>>,
}

#[derive(Serialize)]
struct WireArgument<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    required: bool,
}

impl<'a> WirePrompt<'a> {
    fn new(prompt: &'a Prompt, revision: Revision) -> Self {
        let title = |title: &'a Option<String>| title.as_deref().filter(|_| revision.has_titles());
        let argument = |argument: &'a PromptArgument| WireArgument {
            name: &argument.name,
            title: title(&argument.title),
            description: argument.description.as_deref(),
            required: argument.required,
        };
        Self {
            name: &prompt.name,
            title: title(&prompt.title),
            description: prompt.description.as_deref(),
            arguments: prompt.arguments.iter().map(argument).collect(),
        }
    }
}
