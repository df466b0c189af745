//! `resources/list`, `resources/templates/list` and `resources/read`.
//!
//! What a caller may read follows from the two lists alone: an address that is listed, or that fits a listed
//! template, and the scopes that are declared there. For everything else the resources are not even asked, so
//! nothing can be read by an address that says more than its author meant.

use crate::{
    McpServer, access,
    content::WireResource,
    json,
    jsonrpc::{self, Call, Fault, Id},
    methods::{Caching, Context, Envelope, Failure},
    offer_rounds::{Asker, Came, Wish},
    page::List,
    ports::{
        Caller, LogEvent, Outside, Read, ReadOutcome, ReadResult, Resource, ResourceAnnotations,
        ResourcesError, Resumption, Role, Template,
    },
    revision::Revision,
    uri::{self, UriTemplate},
};
use serde::Serialize;

/// How long a client may go without asking for the lists again.
const LIST_TTL_MS: u32 = 300_000;

impl<O: Outside> McpServer<O> {
    /// Lists all resources that the caller may know of. Which of them the token may read is decided when it
    /// reads; see [`access`] for why.
    pub(crate) async fn list_resources(
        &self,
        id: &Id,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<u8>, Failure> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct ListResourcesResult<'a> {
            resources: Vec<WireListed<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_cursor: Option<String>,
            #[serde(flatten)]
            caching: Option<Caching>,
            #[serde(flatten)]
            envelope: Option<Envelope>,
        }
        let resources = self.resources_on_offer(context.caller()).await?;
        let cursor = call.params.cursor;
        let page = self.page(List::Resources, &resources, |item| &item.uri, cursor, &context.access).await?;
        let resources = page.items.iter().filter_map(|resource| {
            if !uri::is_well_formed(&resource.uri) {
                self.log_malformed_resource(&resource.uri, "it is no absolute URI that can be read");
                return None;
            }
            Some(WireListed {
                uri: Some(&resource.uri),
                uri_template: None,
                name: &resource.name,
                title: resource.title.as_deref().filter(|_| context.revision.has_titles()),
                description: resource.description.as_deref(),
                mime_type: resource.mime_type.as_deref(),
                size: resource.size,
                annotations: WireAnnotations::new(&resource.annotations, context.revision),
            })
        });
        let result = ListResourcesResult {
            resources: resources.collect(),
            next_cursor: page.next_cursor,
            caching: context.caching(Caching { ttl_ms: LIST_TTL_MS, cache_scope: "private" }),
            envelope: context.envelope(),
        };
        Ok(jsonrpc::result_message(id, &result)?)
    }

    /// Lists all templates that the caller may know of.
    pub(crate) async fn list_templates(
        &self,
        id: &Id,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<u8>, Failure> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct ListTemplatesResult<'a> {
            resource_templates: Vec<WireListed<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_cursor: Option<String>,
            #[serde(flatten)]
            caching: Option<Caching>,
            #[serde(flatten)]
            envelope: Option<Envelope>,
        }
        let templates = self.templates_on_offer(context.caller()).await?;
        let (list, cursor) = (List::ResourceTemplates, call.params.cursor);
        let page = self.page(list, &templates, |item| &item.uri_template, cursor, &context.access).await?;
        let templates = page.items.iter().filter_map(|template| {
            if UriTemplate::parse(&template.uri_template).is_none() {
                self.log_malformed_resource(&template.uri_template, "it is no URI template");
                return None;
            }
            Some(WireListed {
                uri: None,
                uri_template: Some(&template.uri_template),
                name: &template.name,
                title: template.title.as_deref().filter(|_| context.revision.has_titles()),
                description: template.description.as_deref(),
                mime_type: template.mime_type.as_deref(),
                size: None,
                annotations: WireAnnotations::new(&template.annotations, context.revision),
            })
        });
        let result = ListTemplatesResult {
            resource_templates: templates.collect(),
            next_cursor: page.next_cursor,
            caching: context.caching(Caching { ttl_ms: LIST_TTL_MS, cache_scope: "private" }),
            envelope: context.envelope(),
        };
        Ok(jsonrpc::result_message(id, &result)?)
    }

    /// Checks everything that is checked before a resource is read.
    pub(crate) async fn prepare_read(
        &self,
        id: &Id,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Reading, Failure> {
        let uri = call.params.uri.and_then(json::string);
        let uri = uri.ok_or_else(|| Fault::InvalidParams("uri must be a string".to_owned()))?.into_owned();
        let asker = Asker::new(id, context);
        let declared = self.scopes_to_read(&asker.caller, &uri).await?;
        let declared = declared.ok_or_else(|| not_found(&uri, context.revision))?;
        access::authorize(&asker.caller.scopes, &declared)?;
        Ok(Reading { asker, uri, declared })
    }

    /// The scopes that it takes to read an address. `None` when this caller cannot read it with any: it is not
    /// listed, and fits no template that is.
    pub(crate) async fn scopes_to_read(
        &self,
        caller: &Caller,
        uri: &str,
    ) -> Result<Option<Vec<String>>, Fault> {
        if !uri::is_well_formed(uri) {
            return Ok(None);
        }
        let resources = self.resources_on_offer(caller.clone()).await?;
        if let Some(resource) = resources.into_iter().find(|resource| resource.uri == uri) {
            return Ok(Some(resource.scopes));
        }
        let templates = self.templates_on_offer(caller.clone()).await?;
        let fitting = templates.into_iter().filter(|template| {
            UriTemplate::parse(&template.uri_template).is_some_and(|template| template.fits(uri))
        });
        Ok(fitting.map(|template| template.scopes).reduce(|all, more| [all, more].concat()))
    }

    async fn resources_on_offer(&self, caller: Caller) -> Result<Vec<Resource>, Fault> {
        let resources = self.outside.list_resources(caller).await;
        resources.map_err(|error| self.judge_resources_error("list-resources", &error))
    }

    pub(crate) async fn templates_on_offer(&self, caller: Caller) -> Result<Vec<Template>, Fault> {
        let templates = self.outside.list_templates(caller).await;
        templates.map_err(|error| self.judge_resources_error("list-templates", &error))
    }

    /// What becomes of an error that has no meaning to the client.
    pub(crate) fn judge_resources_error(&self, function: &'static str, error: &ResourcesError) -> Fault {
        self.outside.log(LogEvent::ResourcesFailed { function, error });
        match error {
            ResourcesError::Unavailable => Fault::Unavailable,
            ResourcesError::NotFound
            | ResourcesError::InsufficientScope(_)
            | ResourcesError::MissingCapability(_)
            | ResourcesError::Other(_) => Fault::Internal,
        }
    }

    fn log_malformed_resource(&self, uri: &str, fault: &'static str) {
        self.outside.log(LogEvent::ResourceMalformed { uri, fault });
    }
}

/// The wish to read a resource, by somebody who may.
pub(crate) struct Reading {
    asker: Asker,
    uri: String,
    /// The scopes that it takes.
    declared: Vec<String>,
}

impl<O: Outside> Wish<O> for Reading {
    fn asker(&self) -> &Asker {
        &self.asker
    }

    fn subject(&self) -> (&'static str, &str, &str) {
        ("resources/read", &self.uri, "{}")
    }

    async fn ask(&self, server: &McpServer<O>, resumption: Option<Resumption>) -> Result<Came, Failure> {
        let Asker { caller, client, .. } = &self.asker;
        let is_first_round = resumption.is_none();
        let read = Read { uri: self.uri.clone(), resumption, client: *client };
        match server.outside.read_resource(caller.clone(), read).await {
            Ok(ReadOutcome::Complete(mut result)) => {
                // What depends on answers is not what the next reader gets.
                result.ttl_ms = result.ttl_ms.filter(|_| is_first_round);
                match write_contents(&self.asker, &result) {
                    Some(message) => Ok(Came::Final(message?)),
                    None => {
                        // That would say that it is there and has nothing in it (MCP-M-20).
                        server.log_malformed_resource(&self.uri, "it was read, and has no contents");
                        Err(Fault::Internal.into())
                    }
                }
            }
            Ok(ReadOutcome::InputRequired(input)) => Ok(Came::Ask(input)),
            Err(error) => Err(self.judge(server, &error)),
        }
    }

    fn log_malformed(&self, server: &McpServer<O>, fault: &'static str) {
        server.log_malformed_resource(&self.uri, fault);
    }
}

impl Reading {
    /// What becomes of an error.
    fn judge<O: Outside>(&self, server: &McpServer<O>, error: &ResourcesError) -> Failure {
        match error {
            ResourcesError::NotFound => not_found(&self.uri, self.asker.revision).into(),
            ResourcesError::InsufficientScope(more) => {
                let needed = [self.declared.as_slice(), more.as_slice()].concat();
                match access::authorize(&self.asker.caller.scopes, &needed) {
                    Err(refusal) => refusal.into(),
                    Ok(()) => {
                        server.log_malformed_resource(&self.uri, "it asks for scopes that the caller has");
                        Fault::Internal.into()
                    }
                }
            }
            ResourcesError::MissingCapability(needed) => self.asker.cannot_ask(*needed).into(),
            ResourcesError::Unavailable | ResourcesError::Other(_) => {
                server.judge_resources_error("read-resource", error).into()
            }
        }
    }
}

/// The message with what was read. `None` if that is nothing.
fn write_contents(asker: &Asker, result: &ReadResult) -> Option<Result<Vec<u8>, Fault>> {
    #[derive(Serialize)]
    struct ReadResourceResult<'a> {
        contents: Vec<WireResource<'a>>,
        #[serde(flatten)]
        caching: Option<Caching>,
        #[serde(flatten)]
        envelope: Option<Envelope>,
    }
    if result.contents.is_empty() {
        return None;
    }
    let contents = result
        .contents
        .iter()
        .map(|contents| WireResource::new(&contents.uri, contents.mime_type.as_deref(), &contents.body));
    let caching = Caching { ttl_ms: result.ttl_ms.unwrap_or(0), cache_scope: "private" };
    let result = ReadResourceResult {
        contents: contents.collect(),
        caching: asker.revision.is_modern().then_some(caching),
        envelope: Envelope::for_revision(asker.revision),
    };
    Some(jsonrpc::result_message(&asker.id, &result))
}

pub(crate) fn not_found(uri: &str, revision: Revision) -> Fault {
    Fault::ResourceNotFound { uri: uri.to_owned(), code: revision.resource_not_found_code() }
}

/// A resource or a template on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireListed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_template: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<WireAnnotations<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireAnnotations<'a> {
    #[serde(skip_serializing_if = "<[Role]>::is_empty")]
    audience: &'a [Role],
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<&'a str>,
}

impl<'a> WireAnnotations<'a> {
    fn new(annotations: &'a ResourceAnnotations, revision: Revision) -> Option<Self> {
        let ResourceAnnotations { audience, priority, last_modified } = annotations;
        let last_modified = last_modified.as_deref().filter(|_| revision.has_last_modified());
        // The schema has it between 0 and 1; another number is no hint.
        let priority = priority.filter(|priority| (0.0..=1.0).contains(priority));
        let is_empty = audience.is_empty() && priority.is_none() && last_modified.is_none();
        (!is_empty).then_some(Self { audience, priority, last_modified })
    }
}
