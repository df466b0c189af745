//! `prompts/get` and `resources/read` in rounds: what can be had at once, or after the client was asked something.
//! In the modern era that is another [request](crate::rounds), in a session a [conversation](crate::conversation).

use crate::{
    McpServer,
    answer::{Answered, Conversation},
    capabilities::in_words,
    conversation::{Round, Rounds},
    jsonrpc::{Call, Fault, Id},
    methods::{Context, Failure, MayPause},
    ports::{Caller, ClientCapabilities, InputRequired, Outside, Resumption},
    revision::Revision,
    rounds::{Binding, Resumed, Unasked},
    session::OpenSession,
    tool_call::Prepared,
    tool_rounds::ToolRounds,
};
use futures_core::future::LocalBoxFuture;
use std::{cell::RefCell, future::ready, rc::Rc};

/// What the requests have in common. Nothing here borrows from the request: it may outlive it.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    /// The request's id.
    pub(crate) id: Id,
    pub(crate) revision: Revision,
    pub(crate) caller: Caller,
    pub(crate) client: ClientCapabilities,
    /// Where a legacy client can be asked, if it can.
    conversation: Option<(Rc<OpenSession>, MayPause)>,
}

impl Asker {
    pub(crate) fn new(id: &Id, context: &Context<'_>) -> Self {
        Self {
            id: id.clone(),
            revision: context.revision,
            caller: context.caller(),
            client: context.client_capabilities(),
            conversation: context.session.clone().zip(context.conversation),
        }
    }

    /// What becomes of a request that has to ask the client for what it does not offer. Legacy revisions have no
    /// code for that.
    pub(crate) fn cannot_ask(&self, lacking: ClientCapabilities) -> Fault {
        if self.revision.is_modern() {
            return Fault::MissingCapability(lacking);
        }
        let what = in_words(lacking);
        Fault::Unanswered(format!(
            "The client has to be asked for something that it does not offer here: {what}"
        ))
    }
}

/// What came of a round.
pub(crate) enum Came {
    /// The message that answers the request.
    Final(Vec<u8>),
    /// Something has to be known first.
    Ask(InputRequired),
}

/// A request that may be made, and may take rounds: its caller has the scopes.
pub(crate) trait Wish<O: Outside>: 'static {
    /// Who asks.
    fn asker(&self) -> &Asker;
    /// What it is about, the same in every round: the method, a name, and the text of a JSON object.
    fn subject(&self) -> (&'static str, &str, &str);
    /// Asks for it, in the first round or with what came of an earlier one.
    fn ask(
        &self,
        server: &McpServer<O>,
        resumption: Option<Resumption>,
    ) -> impl Future<Output = Result<Came, Failure>>;
    /// Tells the operator which rule of its interface the other side broke.
    fn log_malformed(&self, server: &McpServer<O>, fault: &'static str);
}

impl<O: Outside> McpServer<O> {
    /// Answers a request that may take rounds.
    pub(crate) async fn grant(
        self: &Rc<Self>,
        wish: impl Wish<O>,
        call: &Call<'_>,
    ) -> Result<Answered, Failure> {
        let asker = wish.asker();
        let binding = || {
            let (method, name, arguments) = wish.subject();
            let caller = (asker.caller.subject.as_str(), asker.caller.client_id.as_str());
            Binding::new(method, name, arguments, caller, self.resource())
        };
        let is_modern = asker.revision.is_modern();
        let Resumed { resumption, round } =
            if is_modern { self.resume(call, binding).await? } else { Resumed::default() };
        let input = match wish.ask(self, resumption).await? {
            Came::Final(message) => return Ok(message.into()),
            Came::Ask(input) => input,
        };
        if !is_modern {
            return self.converse_about(wish, input);
        }
        let client = (asker.client, asker.revision);
        match self.input_required(&asker.id, &binding(), round, client, &input).await {
            Ok(message) => Ok(message.into()),
            Err(Unasked::Fault(fault)) => Err(fault.into()),
            Err(Unasked::Malformed(fault)) => {
                wish.log_malformed(self, fault);
                Err(Fault::Internal.into())
            }
        }
    }

    /// Goes on with a request that has asked for something in its first round.
    fn converse_about(
        self: &Rc<Self>,
        wish: impl Wish<O>,
        input: InputRequired,
    ) -> Result<Answered, Failure> {
        let Asker { id, conversation, .. } = wish.asker().clone();
        let (session, may_pause) = conversation.ok_or_else(|| {
            Fault::Unanswered(
                "The client has to be asked something, which takes a session and a client that reads streams"
                    .to_owned(),
            )
        })?;
        let first = RefCell::new(Some(input));
        let rounds = Rc::new(WishRounds { server: Rc::clone(self), wish: Rc::new(wish), first });
        let steps = self.converse(Rc::clone(&session), id.clone(), rounds, None, may_pause);
        Ok(Answered::Conversation(Conversation { session, id, steps }))
    }

    /// A request that was begun elsewhere, ready for its next round; or the message that ends it.
    pub(crate) async fn rounds_of(
        self: &Rc<Self>,
        id: &Id,
        call: &Call<'_>,
        context: &Context<'_>,
    ) -> Result<Rc<dyn Rounds>, Vec<u8>> {
        let server = Rc::clone(self);
        let ended = |failure: Failure| failure.to_message(id);
        match &*call.method {
            "prompts/get" => {
                Ok(WishRounds::again(server, self.prepare_get(id, call, context).await.map_err(ended)?))
            }
            "resources/read" => {
                Ok(WishRounds::again(server, self.prepare_read(id, call, context).await.map_err(ended)?))
            }
            // Nothing else has rounds.
            _ => match self.prepare_call(id, call, context).await.map_err(ended)? {
                Prepared::Call(call) => Ok(Rc::new(ToolRounds { server, call: *call })),
                Prepared::Answer(message) => Err(message),
            },
        }
    }
}

/// A request as something that may take several rounds of a conversation.
struct WishRounds<O, W> {
    server: Rc<McpServer<O>>,
    wish: Rc<W>,
    /// What its first round asks for, where that has been run: without a conversation most requests are through.
    first: RefCell<Option<InputRequired>>,
}

impl<O: Outside, W: Wish<O>> WishRounds<O, W> {
    fn again(server: Rc<McpServer<O>>, wish: W) -> Rc<dyn Rounds> {
        Rc::new(Self { server, wish: Rc::new(wish), first: RefCell::default() })
    }

    fn fault(&self, fault: &Fault) -> Vec<u8> {
        fault.to_message(Some(&self.wish.asker().id))
    }
}

impl<O: Outside, W: Wish<O>> Rounds for WishRounds<O, W> {
    fn round(&self, resumption: Option<Resumption>) -> LocalBoxFuture<'static, Round> {
        if let Some(input) = self.first.take() {
            return Box::pin(ready(Round::Ask(input)));
        }
        let (server, wish) = (Rc::clone(&self.server), Rc::clone(&self.wish));
        Box::pin(async move {
            match wish.ask(&server, resumption).await {
                Ok(Came::Final(message)) => Round::Final(message),
                Ok(Came::Ask(input)) => Round::Ask(input),
                Err(failure) => Round::Final(failure.to_message(&wish.asker().id)),
            }
        })
    }

    fn unanswered(&self, why: String) -> Vec<u8> {
        self.fault(&Fault::Unanswered(why))
    }

    fn cannot_ask(&self, lacking: ClientCapabilities) -> Vec<u8> {
        self.fault(&self.wish.asker().cannot_ask(lacking))
    }

    fn malformed(&self, fault: &'static str) -> Vec<u8> {
        self.wish.log_malformed(&self.server, fault);
        self.fault(&Fault::Internal)
    }
}
