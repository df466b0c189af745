//! What a call takes along from one round to the next.
//!
//! It travels as JSON, and sealed: nobody but this component has had it in its hands when it comes back.

use crate::{contract::Error, json};
use serde_json::{Value, json};

/// What a tool leaves for its next round.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Carried {
    /// The answers that the tool was given, by key.
    pub(crate) answers: Vec<(String, KeptAnswer)>,
    /// What the tool's task is found again by.
    pub(crate) task: Option<Value>,
}

/// An answer that a tool was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeptAnswer {
    /// To a form or a page; of a form, the text of a JSON object.
    Accepted(Option<String>),
    Declined,
    Cancelled,
    /// The text of a JSON object.
    Sampled(String),
    /// URIs, and names.
    Roots(Vec<(String, Option<String>)>),
}

impl Carried {
    /// Writes it down.
    pub(crate) fn write(&self) -> Result<Vec<u8>, Error> {
        let answers = self.answers.iter().map(|(key, answer)| {
            let (kind, what) = match answer {
                KeptAnswer::Accepted(content) => ("accepted", json!(content)),
                KeptAnswer::Declined => ("declined", Value::Null),
                KeptAnswer::Cancelled => ("cancelled", Value::Null),
                KeptAnswer::Sampled(result) => ("sampled", json!(result)),
                KeptAnswer::Roots(roots) => {
                    let root = |(uri, name): &(String, Option<String>)| json!([uri, name]);
                    ("roots", roots.iter().map(root).collect())
                }
            };
            json!([key, kind, what])
        });
        let mut written = json!({ "answers": answers.collect::<Value>() });
        if let (Some(task), Some(members)) = (&self.task, written.as_object_mut()) {
            members.insert("task".to_owned(), task.clone());
        }
        json::text(&written).map(String::into_bytes).map_err(|error| Error::Other(error.to_string()))
    }

    /// Reads it, as it was written.
    pub(crate) fn read(state: &[u8]) -> Option<Self> {
        let mut state: Value = serde_json::from_str(std::str::from_utf8(state).ok()?).ok()?;
        let task = state.get_mut("task").map(Value::take);
        let answers = state.get("answers")?.as_array()?;
        Some(Self { answers: answers.iter().map(read_answer).collect::<Option<_>>()?, task })
    }
}

fn read_answer(answer: &Value) -> Option<(String, KeptAnswer)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let what = answer.get(2)?;
    let kept = match answer.get(1)?.as_str()? {
        "accepted" => KeptAnswer::Accepted(text(what)),
        "declined" => KeptAnswer::Declined,
        "cancelled" => KeptAnswer::Cancelled,
        "sampled" => KeptAnswer::Sampled(text(what)?),
        "roots" => {
            let root = |root: &Value| Some((text(root.get(0)?)?, root.get(1).and_then(text)));
            KeptAnswer::Roots(what.as_array()?.iter().map(root).collect::<Option<_>>()?)
        }
        _ => return None,
    };
    Some((text(answer.get(0)?)?, kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_carried_comes_back_as_it_went() {
        let text = || "\"{}\u{7}\u{1f600}".to_owned();
        let carried = Carried {
            answers: vec![
                (text(), KeptAnswer::Accepted(Some(text()))),
                ("b".to_owned(), KeptAnswer::Accepted(None)),
                ("c".to_owned(), KeptAnswer::Declined),
                ("d".to_owned(), KeptAnswer::Cancelled),
                ("e".to_owned(), KeptAnswer::Sampled(text())),
                ("f".to_owned(), KeptAnswer::Roots(vec![(text(), Some(text())), (text(), None)])),
            ],
            task: Some(json!({ "job": [7, null] })),
        };
        for carried in [carried, Carried::default()] {
            assert_eq!(Carried::read(&carried.write().unwrap()), Some(carried));
        }
    }

    #[test]
    fn what_another_version_carried_is_not_guessed_at() {
        for state in ["", "{}", "[]", "{\"answers\":[[\"a\",\"agreed\",null]]}", "{\"answers\":[[\"a\"]]}"] {
            assert_eq!(Carried::read(state.as_bytes()), None, "{state}");
        }
        assert_eq!(Carried::read(&[0xff]), None);
    }
}
