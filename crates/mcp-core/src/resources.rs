//! `resources/list`, `resources/templates/list` and `resources/read`.
//!
//! What a caller may read follows from the two lists alone: an address that is listed, or that fits a listed
//! template, and the scopes that are declared there. For everything else the resources are not even asked, so
//! nothing can be read by an address that says more than its author meant.

use crate::{
    McpServer, access,
    answer::Answered,
    content::WireResource,
    json,
    jsonrpc::{self, Call, Fault, Id},
    methods::{Caching, Context, Envelope, Failure},
    ports::{
        Caller, LogEvent, Outside, Read, ReadOutcome, ReadResult, Resource, ResourceAnnotations,
        ResourcesError, Role, Template,
    },
    revision::Revision,
    uri::{self, UriTemplate},
};
use serde::Serialize;
use std::rc::Rc;

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
        struct ListResourcesResult<'a> {
            resources: Vec<WireListed<'a>>,
            #[serde(flatten)]
            caching: Option<Caching>,
            #[serde(flatten)]
            envelope: Option<Envelope>,
        }
        self.refuse_cursor(call)?;
        let resources = self.resources_on_offer(context.caller()).await?;
        let resources = resources.iter().filter_map(|resource| {
            if !uri::is_well_formed(&resource.uri) {
                self.log_malformed(&resource.uri, "it is no absolute URI that can be read");
                return None;
            }
            Some(WireListed {
                uri: Some(&resource.uri),
                uri_template: None,
                name: &resource.name,
                title: resource.title.as_deref(),
                description: resource.description.as_deref(),
                mime_type: resource.mime_type.as_deref(),
                size: resource.size,
                annotations: WireAnnotations::new(&resource.annotations),
            })
        });
        let result = ListResourcesResult {
            resources: resources.collect(),
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
            #[serde(flatten)]
            caching: Option<Caching>,
            #[serde(flatten)]
            envelope: Option<Envelope>,
        }
        self.refuse_cursor(call)?;
        let templates = self.templates_on_offer(context.caller()).await?;
        let templates = templates.iter().filter_map(|template| {
            if UriTemplate::parse(&template.uri_template).is_none() {
                self.log_malformed(&template.uri_template, "it is no URI template");
                return None;
            }
            Some(WireListed {
                uri: None,
                uri_template: Some(&template.uri_template),
                name: &template.name,
                title: template.title.as_deref(),
                description: template.description.as_deref(),
                mime_type: template.mime_type.as_deref(),
                size: None,
                annotations: WireAnnotations::new(&template.annotations),
            })
        });
        let result = ListTemplatesResult {
            resource_templates: templates.collect(),
            caching: context.caching(Caching { ttl_ms: LIST_TTL_MS, cache_scope: "private" }),
            envelope: context.envelope(),
        };
        Ok(jsonrpc::result_message(id, &result)?)
    }

    /// Reads a resource.
    pub(crate) async fn read_resource(
        self: &Rc<Self>,
        id: &Id,
        call: &Call<'_>,
        context: Context<'_>,
    ) -> Result<Answered, Failure> {
        let uri = call.params.uri.and_then(json::string);
        let uri = uri.ok_or_else(|| Fault::InvalidParams("uri must be a string".to_owned()))?;
        let caller = context.caller();
        let declared = self.scopes_to_read(&caller, &uri).await?;
        let declared = declared.ok_or_else(|| not_found(&uri, context.revision))?;
        access::authorize(&caller.scopes, &declared)?;
        let read =
            Read { uri: uri.clone().into_owned(), resumption: None, client: context.client_capabilities() };
        let outcome = self.outside.read_resource(caller.clone(), read).await;
        match outcome {
            Ok(ReadOutcome::Complete(result)) => {
                Ok(self.write_read_result(id, &uri, &result, context.revision)?.into())
            }
            Ok(ReadOutcome::InputRequired(_)) => {
                self.log_malformed(&uri, "it asks for what is not served yet");
                Err(Fault::Internal.into())
            }
            Err(error) => Err(self.judge_read_error(&error, &uri, &caller, &declared, context.revision)),
        }
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

    /// There is one page, so no cursor is one of ours, the empty one included (MP-14).
    pub(crate) fn refuse_cursor(&self, call: &Call<'_>) -> Result<(), Fault> {
        match self.optional(call.params.cursor) {
            None => Ok(()),
            Some(_) => Err(Fault::InvalidParams("Unknown cursor".to_owned())),
        }
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

    fn judge_read_error(
        &self,
        error: &ResourcesError,
        uri: &str,
        caller: &Caller,
        declared: &[String],
        revision: Revision,
    ) -> Failure {
        match error {
            ResourcesError::NotFound => not_found(uri, revision).into(),
            ResourcesError::InsufficientScope(more) => {
                match access::authorize(&caller.scopes, &[declared, more].concat()) {
                    Err(refusal) => refusal.into(),
                    Ok(()) => {
                        self.log_malformed(uri, "it asks for scopes that the caller has");
                        Fault::Internal.into()
                    }
                }
            }
            ResourcesError::MissingCapability(needed) => Fault::MissingCapability(*needed).into(),
            ResourcesError::Unavailable | ResourcesError::Other(_) => {
                self.judge_resources_error("read-resource", error).into()
            }
        }
    }

    fn write_read_result(
        &self,
        id: &Id,
        uri: &str,
        result: &ReadResult,
        revision: Revision,
    ) -> Result<Vec<u8>, Fault> {
        #[derive(Serialize)]
        struct ReadResourceResult<'a> {
            contents: Vec<WireResource<'a>>,
            #[serde(flatten)]
            caching: Option<Caching>,
            #[serde(flatten)]
            envelope: Option<Envelope>,
        }
        if result.contents.is_empty() {
            // That would say that it is there and has nothing in it (MCP-M-20).
            self.log_malformed(uri, "it was read, and has no contents");
            return Err(Fault::Internal);
        }
        let contents = result
            .contents
            .iter()
            .map(|contents| WireResource::new(&contents.uri, contents.mime_type.as_deref(), &contents.body));
        let caching = Caching { ttl_ms: result.ttl_ms.unwrap_or(0), cache_scope: "private" };
        let result = ReadResourceResult {
            contents: contents.collect(),
            caching: revision.is_modern().then_some(caching),
            envelope: Envelope::for_revision(revision),
        };
        jsonrpc::result_message(id, &result)
    }

    fn log_malformed(&self, uri: &str, fault: &'static str) {
        self.outside.log(LogEvent::ResourceMalformed { uri, fault });
    }
}

fn not_found(uri: &str, revision: Revision) -> Fault {
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
    fn new(annotations: &'a ResourceAnnotations) -> Option<Self> {
        let ResourceAnnotations { audience, priority, last_modified } = annotations;
        // The schema has it between 0 and 1; another number is no hint.
        let priority = priority.filter(|priority| (0.0..=1.0).contains(priority));
        let is_empty = audience.is_empty() && priority.is_none() && last_modified.is_none();
        (!is_empty).then_some(Self { audience, priority, last_modified: last_modified.as_deref() })
    }
}
