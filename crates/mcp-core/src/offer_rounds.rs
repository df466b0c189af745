//! `prompts/get` and `resources/read` in [rounds](crate::rounds): what can be had at once, or after the client was
//! asked something.

use crate::{
    McpServer,
    answer::Answered,
    jsonrpc::{Call, Fault, Id},
    methods::{Context, Failure},
    ports::{Caller, ClientCapabilities, InputRequired, Outside, Resumption},
    revision::Revision,
    rounds::{Binding, Resumed, Unasked},
};
use std::rc::Rc;

/// What the requests have in common. Nothing here borrows from the request: it may outlive it.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    /// The request's id.
    pub(crate) id: Id,
    pub(crate) revision: Revision,
    pub(crate) caller: Caller,
    pub(crate) client: ClientCapabilities,
}

impl Asker {
    pub(crate) fn new(id: &Id, context: &Context<'_>) -> Self {
        Self {
            id: id.clone(),
            revision: context.revision,
            caller: context.caller(),
            client: context.client_capabilities(),
        }
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
pub(crate) trait Wish<O: Outside> {
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
        let Asker { id, revision, caller, client } = wish.asker();
        let binding = || {
            let (method, name, arguments) = wish.subject();
            let caller = (caller.subject.as_str(), caller.client_id.as_str());
            Binding::new(method, name, arguments, caller, self.resource())
        };
        let Resumed { resumption, round } =
            if revision.is_modern() { self.resume(call, binding).await? } else { Resumed::default() };
        let input = match wish.ask(self, resumption).await? {
            Came::Final(message) => return Ok(message.into()),
            Came::Ask(input) => input,
        };
        if !revision.is_modern() {
            wish.log_malformed(self, "it asks a client that cannot be asked");
            return Err(Fault::Internal.into());
        }
        match self.input_required(id, &binding(), round, (*client, *revision), &input).await {
            Ok(message) => Ok(message.into()),
            Err(Unasked::Fault(fault)) => Err(fault.into()),
            Err(Unasked::Malformed(fault)) => {
                wish.log_malformed(self, fault);
                Err(Fault::Internal.into())
            }
        }
    }
}
