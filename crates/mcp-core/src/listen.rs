//! `subscriptions/listen` (2026-07-28): a stream of what changes, for as long as the client listens.
//!
//! What it wants to hear of stands in the request, and nothing of it is kept anywhere else: when the stream ends, so does
//! the subscription. What happens in other instances is found in the [record of changes](crate::changes), and how
//! tasks stand by [asking](crate::tasks).

use crate::{
    McpServer, access,
    answer::Answered,
    challenge::Refusal,
    changes::{Changed, Wanted},
    json,
    jsonrpc::{self, Call, Fault, Id},
    methods::{Context, Envelope, Failure},
    pace::Pace,
    places::{Kind, NoPlace},
    ports::Outside,
    task::WireTask,
    tasks::Asker,
};
use async_stream::stream;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{rc::Rc, time::Duration};

/// How often the token is asked about again.
const INTROSPECT_EVERY: Duration = Duration::from_secs(5);

/// How often in a row that may fail before the stream ends: nobody listens for long on a token that nobody can judge.
const MAX_FAILURES: u32 = 6;

/// The most resources, and the most tasks, that one stream is about.
const MAX_URIS: usize = 64;
const MAX_TASKS: usize = 16;

/// The least and the most time between two looks at a task.
const MIN_TASK_INTERVAL: Duration = Duration::from_millis(500);
const MAX_TASK_INTERVAL: Duration = Duration::from_secs(5);

/// What a client wants to hear of, or will.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    tools_list_changed: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    prompts_list_changed: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    resources_list_changed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource_subscriptions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    task_ids: Vec<String>,
}

/// `_meta` of every message of such a stream (MCP-M-40).
#[derive(Serialize)]
struct SubscriptionMeta<'a> {
    #[serde(rename = "io.modelcontextprotocol/subscriptionId")]
    subscription_id: &'a Id,
}

/// A task that a stream tells of.
struct Followed {
    id: String,
    /// What was told last.
    told: Option<Vec<u8>>,
    /// When to look again, in milliseconds since the Unix epoch. `None`: it has ended.
    due: Option<u64>,
}

impl<O: Outside> McpServer<O> {
    /// Listens.
    pub(crate) async fn listen_for_changes(
        self: &Rc<Self>,
        id: &Id,
        call: &Call<'_>,
        context: Context<'_>,
    ) -> Result<Answered, Failure> {
        let filter = read_filter(call.params.notifications)?;
        let asker = if filter.task_ids.is_empty() { None } else { Some(Asker::of(&context)?) };
        // Before anything is promised: what changes from here on is news.
        let mut seen = self.begin_to_listen().await.map_err(|error| {
            self.log_unavailable(&error);
            Fault::Unavailable
        })?;
        let honoured = self.honour(filter, &context, asker.as_ref()).await?;
        let wanted = Wanted {
            tools: honoured.tools_list_changed,
            prompts: honoured.prompts_list_changed,
            resources: honoured.resources_list_changed,
            uris: honoured.resource_subscriptions.clone(),
        };
        let mut followed: Vec<_> = honoured
            .task_ids
            .iter()
            .map(|id| Followed { id: id.clone(), told: None, due: Some(0) })
            .collect();
        let acknowledged = acknowledgement(id, &honoured).ok_or(Fault::Internal)?;
        let Context { mut credential, access, .. } = context;
        let mut place = match self.take_place(&access.subject, Kind::Stream).await {
            Ok(place) => place,
            Err(NoPlace::TooMany) => return Err(Fault::TooManyStreams.into()),
            Err(NoPlace::Unavailable(error)) => {
                self.log_unavailable(&error);
                return Err(Fault::Unavailable.into());
            }
        };
        let (server, id) = (Rc::clone(self), id.clone());
        Ok(Answered::Endless(Box::pin(stream! {
            yield acknowledged;
            let mut introspected = server.unix_now_ms();
            let mut pace = Pace::new(introspected);
            let mut failures = 0;
            loop {
                server.outside.sleep(pace.pause(server.unix_now_ms())).await;
                // The token's expiry is known without introspection.
                if credential.is_expired(server.unix_now()) {
                    break;
                }
                if let Some(place) = &mut place
                    && !place.is_kept().await
                {
                    break;
                }
                let now = server.unix_now_ms();
                if now >= introspected + milliseconds(INTROSPECT_EVERY) {
                    introspected = now;
                    match credential.introspect(&server.outside, server.outside.now()).await {
                        Ok(access) => {
                            credential.refresh(&access);
                            failures = 0;
                        }
                        Err(Refusal::Unavailable) if failures < MAX_FAILURES => failures += 1,
                        Err(_) => break,
                    }
                }
                match server.look_for_changes(&mut seen, &wanted).await {
                    Ok(changes) => {
                        for change in changes {
                            if let Some(message) = change_message(&id, &change) {
                                yield message;
                                pace.came(now);
                            }
                        }
                    }
                    Err(error) => {
                        server.log_unavailable(&error);
                        // One line in the log every now and then is enough.
                        server.outside.sleep(INTROSPECT_EVERY).await;
                    }
                }
                if let Some(asker) = &asker {
                    for followed in &mut followed {
                        if let Some(message) = server.follow_task(&id, asker, followed).await {
                            yield message;
                            pace.came(now);
                        }
                    }
                }
            }
            yield last_message(&id);
        })))
    }

    /// What of a filter is honoured: what is served, what the caller may read, and their own tasks (MCP-M-41, MCP-M-45).
    async fn honour(
        self: &Rc<Self>,
        mut filter: Filter,
        context: &Context<'_>,
        asker: Option<&Asker>,
    ) -> Result<Filter, Failure> {
        let caller = context.caller();
        let mut readable = Vec::new();
        for uri in std::mem::take(&mut filter.resource_subscriptions) {
            let needed = self.scopes_to_read(&caller, &uri).await?;
            let may_read = needed.is_some_and(|needed| access::authorize(&caller.scopes, &needed).is_ok());
            if may_read && !readable.contains(&uri) {
                readable.push(uri);
            }
        }
        filter.resource_subscriptions = readable;
        let mut tasks = Vec::new();
        for id in std::mem::take(&mut filter.task_ids) {
            let Some(asker) = asker else { continue };
            match self.ask_about_task(asker, &id).await {
                Ok(_) if !tasks.contains(&id) => tasks.push(id),
                Err(Failure::Fault(fault @ Fault::Unavailable)) => return Err(fault.into()),
                Ok(_) | Err(_) => {}
            }
        }
        filter.task_ids = tasks;
        Ok(filter)
    }

    /// The message that tells how a task stands, if that is news.
    async fn follow_task(
        self: &Rc<Self>,
        id: &Id,
        asker: &Asker,
        followed: &mut Followed,
    ) -> Option<Vec<u8>> {
        #[derive(Serialize)]
        struct Params<'a> {
            #[serde(flatten)]
            task: WireTask<'a>,
            #[serde(rename = "_meta")]
            meta: SubscriptionMeta<'a>,
        }
        let now = self.unix_now_ms();
        followed.due.filter(|due| now >= *due)?;
        let Ok(task) = self.ask_about_task(asker, &followed.id).await else {
            // It may be a matter of the moment. One that is gone for good is looked for in vain, and seldom.
            followed.due = Some(now + milliseconds(MAX_TASK_INTERVAL));
            return None;
        };
        let interval = task.poll_interval().clamp(MIN_TASK_INTERVAL, MAX_TASK_INTERVAL);
        followed.due = task.ended.is_none().then(|| now + milliseconds(interval));
        let meta = SubscriptionMeta { subscription_id: id };
        let message =
            jsonrpc::notification_message("notifications/tasks", &Params { task: task.to_wire()?, meta });
        let message = message.filter(|message| followed.told.as_ref() != Some(message))?;
        followed.told = Some(message.clone());
        Some(message)
    }
}

fn read_filter(notifications: Option<&RawValue>) -> Result<Filter, Fault> {
    let invalid = |what: &str| Fault::InvalidParams(what.to_owned());
    let notifications = notifications
        .filter(|notifications| json::is_object(notifications))
        .ok_or_else(|| invalid("notifications must be an object"))?;
    let filter: Filter = serde_json::from_str(notifications.get())
        .map_err(|_| invalid("notifications says something in a way that is not understood"))?;
    if filter.resource_subscriptions.len() > MAX_URIS || filter.task_ids.len() > MAX_TASKS {
        return Err(invalid("notifications names too much"));
    }
    Ok(filter)
}

fn acknowledgement(id: &Id, honoured: &Filter) -> Option<Vec<u8>> {
    #[derive(Serialize)]
    struct Params<'a> {
        #[serde(rename = "_meta")]
        meta: SubscriptionMeta<'a>,
        notifications: &'a Filter,
    }
    let params = Params { meta: SubscriptionMeta { subscription_id: id }, notifications: honoured };
    jsonrpc::notification_message("notifications/subscriptions/acknowledged", &params)
}

fn change_message(id: &Id, change: &Changed) -> Option<Vec<u8>> {
    #[derive(Serialize)]
    struct Params<'a> {
        #[serde(rename = "_meta")]
        meta: SubscriptionMeta<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        uri: Option<&'a str>,
    }
    let (method, uri) = match change {
        Changed::Tools => ("notifications/tools/list_changed", None),
        Changed::Prompts => ("notifications/prompts/list_changed", None),
        Changed::Resources => ("notifications/resources/list_changed", None),
        Changed::Resource(uri) => ("notifications/resources/updated", Some(uri.as_str())),
    };
    jsonrpc::notification_message(method, &Params { meta: SubscriptionMeta { subscription_id: id }, uri })
}

/// The stream ends with the result (MCP-M-43).
fn last_message(id: &Id) -> Vec<u8> {
    let envelope = Envelope::of_subscription(id);
    jsonrpc::result_message(id, &envelope).unwrap_or_else(|fault| fault.to_message(Some(id)))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
