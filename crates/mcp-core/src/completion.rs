//! `completion/complete`: what could be meant by the beginning of a value.

use crate::{
    McpServer, access, json,
    jsonrpc::{self, Call, Fault, Id, repeated},
    methods::{Context, Envelope, Failure},
    ports::{Caller, Completion, Outside, PromptsError, ResourcesError, Suggestions},
    uri::UriTemplate,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The most values that a client is given (2025-11-25 and 2026-07-28, completion).
const MAX_VALUES: usize = 100;

/// What a client says is being filled in.
pub(crate) enum Reference {
    /// The prompt of this name.
    Prompt(String),
    /// The template that reads like this.
    Template(String),
}

/// What somebody is typing.
struct Typed {
    argument: String,
    value: String,
    context: Vec<(String, String)>,
}

impl Typed {
    /// As it is passed on. Of what is filled in already, only what has a name there.
    fn into_completion(self, of: String, is_declared: impl Fn(&str) -> bool) -> Result<Completion, Fault> {
        let Self { argument, value, mut context } = self;
        if !is_declared(&argument) {
            return Err(Fault::InvalidParams(format!("Unknown argument: {}", repeated(&argument))));
        }
        context.retain(|(name, _)| is_declared(name));
        Ok(Completion { of, argument, value, context })
    }
}

impl<O: Outside> McpServer<O> {
    /// Suggests values, to those who may use what they are for.
    pub(crate) async fn complete(
        &self,
        id: &Id,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let reference = call.params.reference.and_then(Reference::parse);
        let reference = reference.ok_or_else(|| {
            Fault::InvalidParams(
                "ref must name a prompt (ref/prompt) or a resource (ref/resource)".to_owned(),
            )
        })?;
        let typed = self.typed(call)?;
        let caller = context.caller();
        let suggestions = match reference {
            Reference::Prompt(name) => self.complete_prompt(caller, &name, typed).await?,
            Reference::Template(template) => self.complete_template(caller, template, typed).await?,
        };
        Ok(write(id, suggestions, context)?)
    }

    fn typed(&self, call: &Call<'_>) -> Result<Typed, Fault> {
        #[derive(Deserialize)]
        struct Argument {
            name: String,
            value: String,
        }
        #[derive(Deserialize)]
        struct Filled<'a> {
            #[serde(default, borrow, deserialize_with = "json::present")]
            arguments: Option<&'a RawValue>,
        }
        let argument = call.params.argument.and_then(|argument| serde_json::from_str(argument.get()).ok());
        let Argument { name: argument, value } = argument
            .ok_or_else(|| Fault::InvalidParams("argument must have a name and a value".to_owned()))?;
        let filled = self.optional(call.params.context).map(|filled| {
            serde_json::from_str::<Filled<'_>>(filled.get())
                .map_err(|_| Fault::InvalidParams("context must be an object".to_owned()))
        });
        let filled = filled.transpose()?.and_then(|filled| self.optional(filled.arguments));
        let context = filled.map(|filled| self.strings(filled, "context.arguments")).transpose()?;
        Ok(Typed { argument, value, context: context.unwrap_or_default() })
    }

    async fn complete_prompt(
        &self,
        caller: Caller,
        name: &str,
        typed: Typed,
    ) -> Result<Suggestions, Failure> {
        let prompt = self.prompt_on_offer(&caller, name).await?;
        access::authorize(&caller.scopes, &prompt.scopes)?;
        let is_declared = |name: &str| prompt.arguments.iter().any(|argument| argument.name == name);
        let completion = typed.into_completion(prompt.name.clone(), is_declared)?;
        match self.outside.complete_prompt(caller, completion).await {
            Ok(suggestions) => Ok(suggestions),
            Err(PromptsError::InvalidArguments(how)) => Err(Fault::InvalidParams(how).into()),
            Err(error) => Err(self.judge_prompts_error("complete", &error).into()),
        }
    }

    async fn complete_template(
        &self,
        caller: Caller,
        text: String,
        typed: Typed,
    ) -> Result<Suggestions, Failure> {
        let unknown = || Fault::InvalidParams(format!("Unknown resource template: {}", repeated(&text)));
        let templates = self.templates_on_offer(caller.clone()).await?;
        let listed = templates.into_iter().find(|listed| listed.uri_template == text);
        let scopes = listed.ok_or_else(unknown)?.scopes;
        let template = UriTemplate::parse(&text).ok_or_else(unknown)?;
        access::authorize(&caller.scopes, &scopes)?;
        let completion = typed.into_completion(text.clone(), |name| template.has_variable(name))?;
        match self.outside.complete_template(caller, completion).await {
            Ok(suggestions) => Ok(suggestions),
            Err(ResourcesError::NotFound) => Err(unknown().into()),
            Err(error) => Err(self.judge_resources_error("complete", &error).into()),
        }
    }
}

impl Reference {
    pub(crate) fn parse(reference: &RawValue) -> Option<Self> {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(rename = "type")]
            kind: String,
            name: Option<String>,
            uri: Option<String>,
        }
        let Wire { kind, name, uri } = serde_json::from_str(reference.get()).ok()?;
        match &*kind {
            "ref/prompt" => name.map(Self::Prompt),
            "ref/resource" => uri.map(Self::Template),
            _ => None,
        }
    }
}

fn write(id: &Id, suggestions: Suggestions, context: &Context<'_>) -> Result<Vec<u8>, Fault> {
    #[derive(Serialize)]
    struct CompleteResult {
        completion: Values,
        #[serde(flatten)]
        envelope: Option<Envelope>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Values {
        values: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<u32>,
        has_more: bool,
    }
    let Suggestions { mut values, total, has_more } = suggestions;
    let has_more = has_more || values.len() > MAX_VALUES;
    values.truncate(MAX_VALUES);
    let completion = Values { values, total, has_more };
    jsonrpc::result_message(id, &CompleteResult { completion, envelope: context.envelope() })
}
