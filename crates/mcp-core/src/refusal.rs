//! What a request takes, before it runs: for a transport that can refuse a request only before it accepts it.

use crate::{
    McpServer, access,
    challenge::Refusal,
    completion::Reference,
    json,
    jsonrpc::{Call, Fault},
    methods::{Context, Method},
    ports::Outside,
};

impl<O: Outside> McpServer<O> {
    /// Why the token of a request does not allow it, as far as that is declared. `None` too when the request is wrong
    /// in another way: its answer says so.
    pub(crate) async fn refusal(&self, call: &Call<'_>, context: &Context<'_>) -> Option<Refusal> {
        let needed = self.declared_scopes(call, context).await.ok().flatten()?;
        access::authorize(&context.access.scopes, &needed).err()
    }

    /// The scopes that a request takes.
    async fn declared_scopes(
        &self,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Option<Vec<String>>, Fault> {
        let name = call.params.name.and_then(json::string);
        let uri = call.params.uri.and_then(json::string);
        match (Method::find(&call.method, context.revision), name, uri) {
            (Some(Method::CallTool), Some(name), _) => {
                Ok(self.known_tool(&name).await?.map(|tool| tool.scopes.clone()))
            }
            (Some(Method::GetPrompt), Some(name), _) => {
                Ok(Some(self.prompt_on_offer(&context.caller(), &name).await?.scopes))
            }
            (Some(Method::ReadResource | Method::Subscribe), _, Some(uri)) => {
                self.scopes_to_read(&context.caller(), &uri).await
            }
            (Some(Method::Complete), ..) => match call.params.reference.and_then(Reference::parse) {
                Some(Reference::Prompt(name)) => {
                    Ok(Some(self.prompt_on_offer(&context.caller(), &name).await?.scopes))
                }
                Some(Reference::Template(template)) => {
                    let templates = self.templates_on_offer(context.caller()).await?;
                    let named = templates.into_iter().find(|offered| offered.uri_template == template);
                    Ok(named.map(|template| template.scopes))
                }
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }
}
