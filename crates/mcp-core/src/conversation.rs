//! A request of a session in all its rounds, as one stream.
//!
//! What in the modern era is a result that asks for more, and another request with the answers, is here one
//! request: its stream carries our questions to the client as requests, the answers come in by way of the
//! [inbox](crate::session::Inbox), whichever instance they reach, and the operation is called again with them
//! until it is through. An operation that only asks to be called again later pauses the stream, where the
//! revision can: then nobody waits, and whoever the client comes back to goes on.
//!
//! What it takes to go on is in [`Pending`], so that any instance can, and after any of them was ended.

use crate::{
    McpServer,
    answer::Messages,
    jsonrpc::{self, Id},
    ports::{Answer, ClientCapabilities, InputRequired, Outside, Resumption},
    questions::{self, Expects, Misasked},
    session::{self, Inbox, Lost, OpenSession},
};
use async_stream::stream;
use base64ct::{Base64, Encoding};
use futures_core::{future::LocalBoxFuture, stream::LocalBoxStream};
use futures_util::{
    StreamExt,
    future::{Either, select},
};
use serde::{Deserialize, Serialize};
use std::{pin::pin, rc::Rc, time::Duration};
use store_core::Random;

/// The most rounds of one request. Whoever needs more asks in circles.
const MAX_ROUNDS: u8 = 32;

/// How often the inbox is looked into for an answer.
const ANSWER_POLL: Duration = Duration::from_millis(150);

/// How often it is looked into for a cancellation, while an operation runs.
const CANCEL_POLL: Duration = Duration::from_millis(500);

/// How long a client has to answer, in seconds. There is a person behind it.
const ANSWER_SECONDS: u64 = 10 * 60;

/// How long an operation is left alone that asks to be called again.
pub(crate) const LATER: Duration = Duration::from_millis(500);

/// An operation that may take several rounds, ready to be run.
pub(crate) trait Rounds {
    /// Runs it, from the beginning or with what came of an earlier round.
    fn round(&self, resumption: Option<Resumption>) -> LocalBoxFuture<'static, Round>;
    /// The message that says that the client cannot be asked, or did not answer. `why` is for the model to read.
    fn unanswered(&self, why: String) -> Vec<u8>;
    /// The message that says that the client cannot be asked what has to be asked.
    fn cannot_ask(&self, lacking: ClientCapabilities) -> Vec<u8>;
    /// The message that says that the operation broke a rule of its interface. `fault` is for the operator.
    fn malformed(&self, fault: &'static str) -> Vec<u8>;
}

/// What came of a round.
pub(crate) enum Round {
    /// The message that ends it.
    Final(Vec<u8>),
    /// Messages first.
    Running(Messages, LocalBoxFuture<'static, Round>),
    /// Something has to be known before the next.
    Ask(InputRequired),
}

/// A step of a conversation.
#[derive(Debug)]
pub(crate) enum Step {
    /// A message that is not the last.
    Message(Vec<u8>),
    /// Questions. From here on it takes this to go on.
    Asked(Pending, Vec<Vec<u8>>),
    /// They are answered.
    Resumed,
    /// Whoever comes back goes on with this. It is the last step.
    Paused(Pending),
    /// The message that ends it. It is the last step.
    Final(Vec<u8>),
    /// The client gave the request up, or its session. It is the last step, and there is no answer.
    GivenUp,
}

/// What it takes to go on with a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// How many rounds there were.
    round: u8,
    /// What the last one left, in base64.
    state: String,
    /// What is to be answered first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<Waiting>,
    /// Until when, in seconds since the Unix epoch.
    until: u64,
}

/// A question that was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    /// The id of our request.
    id: String,
    /// The key of the answer.
    key: String,
    /// What the answer has to be.
    expects: Expects,
}

/// What came of waiting for answers.
enum Answers {
    All(Vec<Answer>),
    /// None that would do; why, for the model to read.
    Unfit(String),
    GivenUp,
}

impl<O: Outside> McpServer<O> {
    /// Holds a conversation. `can_pause`: the client comes back for what its stream did not bring.
    pub(crate) fn converse(
        self: &Rc<Self>,
        session: Rc<OpenSession>,
        id: Id,
        rounds: Rc<dyn Rounds>,
        begun: Option<Pending>,
        can_pause: bool,
    ) -> LocalBoxStream<'static, Step> {
        let server = Rc::clone(self);
        Box::pin(stream! {
            let since = server.unix_now();
            let mut is_kept = begun.is_some();
            let mut pending = begun;
            loop {
                let round = pending.as_ref().map_or(0, |pending| pending.round);
                let mut resumption = None;
                if let Some(Pending { state, waiting, until, .. }) = pending.take() {
                    let answers = match server.answers(&session, &id, since, &waiting, until).await {
                        Answers::All(answers) => answers,
                        Answers::Unfit(why) => {
                            yield Step::Final(rounds.unanswered(why));
                            return;
                        }
                        Answers::GivenUp => {
                            yield Step::GivenUp;
                            return;
                        }
                    };
                    if is_kept {
                        yield Step::Resumed;
                    }
                    let state = Base64::decode_vec(&state).unwrap_or_default();
                    resumption = Some(Resumption { state, answers, cancelled: false });
                }
                let mut running = rounds.round(resumption);
                let input = loop {
                    match server.unless_cancelled(&session, &id, since, running).await {
                        None => {
                            yield Step::GivenUp;
                            return;
                        }
                        Some(Round::Final(message)) => {
                            yield Step::Final(message);
                            return;
                        }
                        Some(Round::Running(mut messages, then)) => {
                            loop {
                                match server.unless_cancelled(&session, &id, since, messages.next()).await {
                                    None => {
                                        yield Step::GivenUp;
                                        return;
                                    }
                                    Some(Some(message)) => yield Step::Message(message),
                                    Some(None) => break,
                                }
                            }
                            running = then;
                        }
                        Some(Round::Ask(input)) => break input,
                    }
                };
                if round >= MAX_ROUNDS {
                    yield Step::Final(rounds.malformed("it asks in circles"));
                    return;
                }
                match server.put(&session, round + 1, &input).await {
                    Ok((next, questions)) if questions.is_empty() => {
                        if can_pause {
                            yield Step::Paused(next);
                            return;
                        }
                        server.outside.sleep(LATER).await;
                        (pending, is_kept) = (Some(next), false);
                    }
                    Ok((next, questions)) => {
                        yield Step::Asked(next.clone(), questions);
                        (pending, is_kept) = (Some(next), true);
                    }
                    Err(Unput::Misasked(Misasked::MissingCapability(lacking))) => {
                        yield Step::Final(rounds.cannot_ask(lacking));
                        return;
                    }
                    Err(Unput::Misasked(Misasked::Malformed(fault))) => {
                        yield Step::Final(rounds.malformed(fault));
                        return;
                    }
                    Err(Unput::Lost(Lost::Ended)) => {
                        yield Step::GivenUp;
                        return;
                    }
                    Err(Unput::Lost(Lost::Unavailable(error))) => {
                        server.log_unavailable(&error);
                        yield Step::Final(jsonrpc::Fault::Unavailable.to_message(Some(&id)));
                        return;
                    }
                }
            }
        })
    }

    /// Makes questions ready to be sent: from here on, answers to them come in.
    async fn put(
        &self,
        session: &OpenSession,
        round: u8,
        input: &InputRequired,
    ) -> Result<(Pending, Vec<Vec<u8>>), Unput> {
        let client = session.session.capabilities;
        let asked = questions::ask(&input.questions, client, session.session.revision, || self.fresh_id())?;
        let mut waiting = Vec::with_capacity(asked.len());
        let mut messages = Vec::with_capacity(asked.len());
        for question in asked {
            let id = self.fresh_id();
            messages.extend(jsonrpc::request_message(&id, &question.request));
            waiting.push(Waiting { id, key: question.key, expects: question.expects });
        }
        if !waiting.is_empty() {
            let ids = || waiting.iter().map(|waiting| waiting.id.clone());
            self.change_inbox(session, |inbox| inbox.wait_for(ids())).await.map_err(Unput::Lost)?;
        }
        let until = self.unix_now().saturating_add(ANSWER_SECONDS);
        Ok((Pending { round, state: Base64::encode_string(&input.state), waiting, until }, messages))
    }

    /// Waits for the answers to questions.
    async fn answers(
        &self,
        session: &OpenSession,
        request: &Id,
        since: u64,
        waiting: &[Waiting],
        until: u64,
    ) -> Answers {
        loop {
            let inbox = match self.inbox(session).await {
                Ok(inbox) => inbox,
                Err(Lost::Ended) => return Answers::GivenUp,
                // The store may be back the next time.
                Err(Lost::Unavailable(_)) => Inbox::default(),
            };
            // All at once or none: an instance that ends in between must not take some of them with it.
            if waiting.iter().all(|question| inbox.answers.iter().any(|answer| answer.id == question.id)) {
                let take = |inbox: &mut Inbox| {
                    waiting.iter().map(|question| inbox.take_answer(&question.id)).collect::<Vec<_>>()
                };
                match self.change_inbox(session, take).await {
                    Ok(taken) => return read(waiting, taken),
                    Err(Lost::Ended) => return Answers::GivenUp,
                    Err(Lost::Unavailable(_)) => {}
                }
            }
            let is_cancelled = inbox.is_cancelled(request.as_str(), since);
            if is_cancelled || self.unix_now() >= until {
                let give_up = |inbox: &mut Inbox| {
                    waiting.iter().for_each(|question| inbox.give_up(&question.id));
                };
                drop(self.change_inbox(session, give_up).await);
                return if is_cancelled { Answers::GivenUp } else { Answers::Unfit(TOO_LATE.to_owned()) };
            }
            self.outside.sleep(ANSWER_POLL).await;
        }
    }

    /// Waits for something, unless the client gives up the request or its session first.
    async fn unless_cancelled<T>(
        &self,
        session: &OpenSession,
        request: &Id,
        since: u64,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let cancelled = async {
            loop {
                self.outside.sleep(CANCEL_POLL).await;
                match self.inbox(session).await {
                    Ok(inbox) if inbox.is_cancelled(request.as_str(), since) => return,
                    Err(Lost::Ended) => return,
                    Ok(_) | Err(Lost::Unavailable(_)) => {}
                }
            }
        };
        match select(pin!(work), pin!(cancelled)).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }

    /// An id of ours that is nobody else's (MCP-Z-01).
    pub(crate) fn fresh_id(&self) -> String {
        self.outside.random().bytes::<16>().map(|byte| format!("{byte:02x}")).concat()
    }
}

const TOO_LATE: &str = "The client did not answer in time";

/// Why questions were not put.
enum Unput {
    Misasked(Misasked),
    Lost(Lost),
}

impl From<Misasked> for Unput {
    fn from(misasked: Misasked) -> Self {
        Self::Misasked(misasked)
    }
}

/// Reads the answers.
fn read(waiting: &[Waiting], taken: Vec<Option<session::Answered>>) -> Answers {
    let mut answers = Vec::with_capacity(waiting.len());
    for (question, answered) in waiting.iter().zip(taken) {
        let result = answered.and_then(|answered| answered.result);
        let Some(result) = result.as_deref().and_then(|text| serde_json::from_str(text).ok()) else {
            return Answers::Unfit("The client could not do what it was asked for".to_owned());
        };
        match question.expects.read(result) {
            Ok(value) => answers.push(Answer { key: question.key.clone(), value }),
            Err(why) => return Answers::Unfit(format!("The client's answer does not fit: {why}")),
        }
    }
    Answers::All(answers)
}
