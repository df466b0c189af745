//! The methods of the legacy era that are about the session itself.

use crate::{
    McpServer, access,
    answer::Answered,
    json,
    jsonrpc::{self, Call, Fault, Id},
    methods::{Capabilities, Context, Empty, Failure, ServerInfo},
    ports::{ClientCapabilities, LogLevel, Outside},
    resources,
    revision::Revision,
    session::{Begun, Handshake, Lost, OpenSession, Session},
};
use serde::Serialize;
use std::rc::Rc;

/// The longest URI that is subscribed to.
const MAX_URI: usize = 2048;

impl<O: Outside> McpServer<O> {
    /// The handshake (2025-11-25, lifecycle). The client's revision if we serve it, else another that it
    /// may take or leave; never a modern one, which has no handshake (MCP-V-13).
    pub(crate) async fn initialize(
        &self,
        id: &Id,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Answered, Failure> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct InitializeResult {
            protocol_version: &'static str,
            capabilities: Capabilities,
            server_info: ServerInfo,
        }
        let requested = call.params.protocol_version.and_then(json::string);
        let requested =
            requested.ok_or_else(|| Fault::InvalidParams("protocolVersion must be a string".to_owned()))?;
        let revision = Revision::parse(&requested)
            .filter(|revision| !revision.is_modern())
            .unwrap_or(Revision::NEWEST_LEGACY);
        let handshake = Handshake {
            revision,
            client_info: call.params.client_info.and_then(|info| serde_json::from_str(info.get()).ok()),
            capabilities: call.params.capabilities.map(ClientCapabilities::parse).unwrap_or_default(),
            is_held: false,
        };
        let begun = match &context.session {
            // On the older transport the session was there before the handshake.
            Some(session) => {
                self.change(session, |session| session.agree(&handshake)).await?;
                None
            }
            None => match self.begin_session(&context.access, handshake).await {
                Ok(Begun::Open(session)) => Some(session),
                // Most of what there is takes no session, and a client has to do without if it gets none.
                Ok(Begun::NoKeys | Begun::Full) => None,
                Err(error) => {
                    self.log_unavailable(&error);
                    return Err(Failure::Refusal(crate::challenge::Refusal::Unavailable));
                }
            },
        };
        let result = InitializeResult {
            protocol_version: revision.as_str(),
            capabilities: Capabilities::legacy(revision, begun.is_some() || context.session.is_some()),
            server_info: ServerInfo::for_revision(revision),
        };
        let message = jsonrpc::result_message(id, &result)?;
        Ok(match begun {
            Some(session) => Answered::Handshake(message, session),
            None => message.into(),
        })
    }

    /// `logging/setLevel`: for this session, from now on.
    pub(crate) async fn set_log_level(
        &self,
        id: &Id,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let level = call.params.level.and_then(|level| serde_json::from_str::<LogLevel>(level.get()).ok());
        let level = level.ok_or_else(|| Fault::InvalidParams("level is no log level".to_owned()))?;
        let session = needed(context)?;
        self.change(session, |session| session.log_level = Some(level)).await?;
        Ok(jsonrpc::result_message(id, &Empty {})?)
    }

    /// `resources/subscribe` and `resources/unsubscribe`.
    pub(crate) async fn subscribe(
        &self,
        id: &Id,
        call: &Call<'_>,
        context: &Context<'_>,
        subscribes: bool,
    ) -> Result<Vec<u8>, Failure> {
        let uri = call.params.uri.and_then(json::string).filter(|uri| (1..=MAX_URI).contains(&uri.len()));
        let uri = uri.ok_or_else(|| Fault::InvalidParams("uri must be a URI".to_owned()))?;
        let session = needed(context)?;
        if subscribes {
            // Nobody is told of what they may not read.
            let caller = context.caller();
            let declared = self.scopes_to_read(&caller, &uri).await?;
            let declared = declared.ok_or_else(|| resources::not_found(&uri, context.revision))?;
            access::authorize(&caller.scopes, &declared)?;
        }
        let mut outcome = Ok(());
        self.change(session, |session| {
            if subscribes {
                outcome = session.subscribe(&uri);
            } else {
                session.subscriptions.retain(|known| *known != uri);
            }
        })
        .await?;
        outcome.map_err(|_| Fault::InvalidParams("There are too many subscriptions".to_owned()))?;
        Ok(jsonrpc::result_message(id, &Empty {})?)
    }

    async fn change(&self, session: &OpenSession, change: impl FnMut(&mut Session)) -> Result<(), Fault> {
        match self.change_session(session, change).await {
            Ok(_) => Ok(()),
            Err(Lost::Ended) => Err(Fault::SessionNotFound),
            Err(Lost::Unavailable(error)) => {
                self.log_unavailable(&error);
                Err(Fault::Unavailable)
            }
        }
    }
}

fn needed<'a>(context: &'a Context<'_>) -> Result<&'a Rc<OpenSession>, Fault> {
    context.session.as_ref().ok_or(Fault::SessionNeeded)
}
