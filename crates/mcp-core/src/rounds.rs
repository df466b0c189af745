//! Requests in rounds (2026-07-28, multi round-trip requests): a tool, a prompt or a resource that has to know
//! something first asks for it in a result of type `input_required`, and the client sends its request again with
//! the answers.
//!
//! Nothing is kept between the rounds, and the next may come to another instance, or never. What the tool wants to
//! find again travels with the client as `requestState`: sealed, and good only for the same caller's same
//! request, for a while, and for so many rounds. It may come more than once; who must not do something
//! twice has to see to that where it is done.

use crate::{
    McpServer, json,
    jsonrpc::{self, Call, Fault, Id},
    methods::Envelope,
    ports::{ClientCapabilities, InputRequired, Outside, Resumption},
    questions::{self, Asked, Expects, InputRequests, Misasked},
    revision::Revision,
    routes,
};
use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    time::{Duration, UNIX_EPOCH},
};
use store_core::Purpose;

/// How long a person has for an answer.
const STATE_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// How many rounds a request may have. A tool that is never content, or a model that is made to write again and
/// again, comes to an end (MCP-R-34).
const MAX_ROUNDS: u32 = 64;

/// The longest state before it is sealed, in bytes: what the tool keeps, and what it asked.
const MAX_STATE: usize = 64 * 1024;

/// What is the same in every round of a request, and belongs to nobody else's.
#[derive(Debug, Clone)]
pub(crate) struct Binding([String; 5]);

impl Binding {
    /// For a request of `method` about `name` (a URI, for a resource), with `arguments`, the text of a JSON object.
    pub(crate) fn new(
        method: &str,
        name: &str,
        arguments: &str,
        (subject, client_id): (&str, &str),
        resource: String,
    ) -> Self {
        let mut hasher = Sha256::new();
        hash_text(&mut hasher, name);
        if let Ok(arguments) = serde_json::from_str(arguments) {
            hash(&mut hasher, arguments);
        }
        let digest = Base64::encode_string(&hasher.finalize());
        Self([method.to_owned(), digest, subject.to_owned(), client_id.to_owned(), resource])
    }

    fn place(&self) -> [&str; 5] {
        self.0.each_ref().map(String::as_str)
    }
}

/// Hashes a value, however it is laid out: a client may write the same arguments differently the second time.
/// Numbers are taken as they are written.
fn hash(hasher: &mut Sha256, value: &RawValue) {
    let text = value.get();
    if text.starts_with('{') {
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap_or_default();
        hasher.update(b"{");
        hasher.update((members.len() as u64).to_be_bytes());
        for (name, member) in members {
            hash_text(hasher, &name);
            hash(hasher, member);
        }
    } else if text.starts_with('[') {
        let elements: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        hasher.update(b"[");
        hasher.update((elements.len() as u64).to_be_bytes());
        elements.into_iter().for_each(|element| hash(hasher, element));
    } else if let Some(string) = json::string(value) {
        hasher.update(b"\"");
        hash_text(hasher, &string);
    } else {
        hasher.update(b"=");
        hash_text(hasher, text);
    }
}

fn hash_text(hasher: &mut Sha256, text: &str) {
    hasher.update((text.len() as u64).to_be_bytes());
    hasher.update(text);
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct State {
    /// What the tool keeps, in Base64.
    kept: String,
    /// What was asked.
    expected: Vec<(String, Expects)>,
    /// How many rounds there were.
    round: u32,
    /// Until when, in seconds since the Unix epoch.
    expires_at: u64,
}

/// A request that goes on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resumed {
    /// `None` in the first round.
    pub(crate) resumption: Option<Resumption>,
    /// How many rounds there were.
    pub(crate) round: u32,
}

/// Why a client is not asked.
#[derive(Debug)]
pub(crate) enum Unasked {
    /// The client is told so.
    Fault(Fault),
    /// Whoever wants to ask it broke a rule of the interface; which, in words for the operator.
    Malformed(&'static str),
}

impl From<Fault> for Unasked {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Misasked> for Unasked {
    fn from(misasked: Misasked) -> Self {
        match misasked {
            Misasked::MissingCapability(lacking) => Self::Fault(Fault::MissingCapability(lacking)),
            Misasked::Malformed(fault) => Self::Malformed(fault),
        }
    }
}

impl<O: Outside> McpServer<O> {
    /// The resource that this server is, for a [`Binding`].
    pub(crate) fn resource(&self) -> String {
        self.public_url.join(routes::MCP)
    }

    /// Reads what a modern request brings from earlier rounds. A state that is not ours, or not for this request, or
    /// too old, is refused, never asked about again (MCP-R-06 to MCP-R-09).
    pub(crate) async fn resume(
        &self,
        call: &Call<'_>,
        binding: impl FnOnce() -> Binding,
    ) -> Result<Resumed, Fault> {
        let (state, responses) = (call.params.request_state, call.params.input_responses);
        if state.is_none() && responses.is_none() {
            return Ok(Resumed::default());
        }
        let state = match state {
            // Answers before anything was asked (MCP-R-14): whoever knows what will be asked may save a round.
            None => State { kept: String::new(), expected: Vec::new(), round: 0, expires_at: u64::MAX },
            Some(state) => {
                let invalid =
                    || Fault::InvalidParams("requestState is not valid for this request".to_owned());
                let text = json::string(state).ok_or_else(invalid)?;
                let place = binding();
                let opened = self.open_from_client(Purpose::RequestState, &place.place(), &text).await?;
                let state = opened.and_then(|state| serde_json::from_slice::<State>(&state).ok());
                state.filter(|state| self.unix_now() < state.expires_at).ok_or_else(invalid)?
            }
        };
        let answers = match responses {
            None => Vec::new(),
            Some(responses) => questions::read_responses(responses, &state.expected)?,
        };
        let kept = Base64::decode_vec(&state.kept).unwrap_or_default();
        let resumption = Resumption { state: kept, answers, cancelled: false };
        Ok(Resumed { resumption: Some(resumption), round: state.round })
    }

    /// The message that asks a client for input. It ends the request as far as JSON-RPC is concerned.
    pub(crate) async fn input_required(
        &self,
        id: &Id,
        binding: &Binding,
        round: u32,
        (client, revision): (ClientCapabilities, Revision),
        input: &InputRequired,
    ) -> Result<Vec<u8>, Unasked> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct InputRequiredResult<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            input_requests: Option<InputRequests<'a>>,
            request_state: String,
            #[serde(flatten)]
            envelope: Envelope,
        }
        if round >= MAX_ROUNDS {
            return Err(Unasked::Malformed("it has asked too often"));
        }
        let asked = questions::ask(&input.questions, client, revision, String::new)?;
        let state = State {
            kept: Base64::encode_string(&input.state),
            expected: asked.iter().map(|Asked { key, expects, .. }| (key.clone(), expects.clone())).collect(),
            round: round + 1,
            expires_at: self.unix_now().saturating_add(STATE_LIFETIME.as_secs()),
        };
        let state = serde_json::to_vec(&state).map_err(|_| Fault::Internal)?;
        if state.len() > MAX_STATE {
            return Err(Unasked::Malformed("what it keeps for the next round is too large"));
        }
        let result = InputRequiredResult {
            input_requests: (!asked.is_empty()).then_some(InputRequests(&asked)),
            request_state: self.seal_for_client(Purpose::RequestState, &binding.place(), &state).await?,
            envelope: Envelope::of_type("input_required"),
        };
        Ok(jsonrpc::result_message(id, &result)?)
    }

    /// Now, in seconds since the Unix epoch. A clock before it is broken, and then nothing is unexpired.
    pub(crate) fn unix_now(&self) -> u64 {
        self.outside.now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(name: &str, arguments: &str) -> String {
        let Binding([_, digest, ..]) = Binding::new("m", name, arguments, ("s", "c"), String::new());
        digest
    }

    /// MCP-R-09.
    #[test]
    fn same_arguments_are_the_same_however_they_are_laid_out() {
        let one = digest("t", r#"{"a":[1,{"x":"é","y":null}],"b":2.50}"#);
        assert_eq!(one, digest("t", "{ \"b\" : 2.50,\n \"a\": [1, {\"y\":null, \"x\":\"\\u00e9\"}] }"));
        for other in [
            r#"{"a":[1,{"x":"e","y":null}],"b":2.50}"#,
            r#"{"a":[1,{"x":"é","y":null}],"b":2.5}"#,
            r#"{"a":[{"x":"é","y":null},1],"b":2.50}"#,
            r#"{"a":[1,{"x":"é"}],"b":2.50}"#,
            r#"{"a":["1",{"x":"é","y":null}],"b":2.50}"#,
            "{}",
        ] {
            assert_ne!(one, digest("t", other), "{other}");
        }
        assert_ne!(digest("t", r#"{"a":"null"}"#), digest("t", r#"{"a":null}"#));
        assert_ne!(digest("t", "{}"), digest("u", "{}"));
    }
}
