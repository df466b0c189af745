//! A client's answers, read by what was asked.

use super::{Expects, MAX_QUESTIONS};
use crate::{
    json,
    jsonrpc::{Fault, repeated},
    ports::{Answer, AnswerValue, Elicited, Root},
    schema,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The most roots that are passed on.
const MAX_ROOTS: usize = 256;

/// Reads `inputResponses` in the light of what was asked. Answers to what was not asked are passed over (MCP-R-12); if
/// nothing is known to have been asked, each is taken for what it looks like (MCP-R-14).
pub(crate) fn read_responses(
    responses: &RawValue,
    expected: &[(String, Expects)],
) -> Result<Vec<Answer>, Fault> {
    let unreadable = || Fault::InvalidParams("inputResponses must be an object".to_owned());
    if !json::is_object(responses) {
        return Err(unreadable());
    }
    let responses: BTreeMap<String, &RawValue> =
        serde_json::from_str(responses.get()).map_err(|_| unreadable())?;
    let mut answers = Vec::new();
    for (key, response) in responses {
        let expects = match expected.iter().find(|(asked, _)| *asked == key) {
            Some((_, expects)) => Some(expects.clone()),
            None if expected.is_empty() => Some(Expects::guess(response)),
            None => None,
        };
        let Some(expects) = expects else { continue };
        if answers.len() == MAX_QUESTIONS {
            return Err(Fault::InvalidParams(
                "inputResponses has more answers than were asked for".to_owned(),
            ));
        }
        let value = expects.read(response).map_err(|why| {
            Fault::InvalidParams(format!("The answer {:?} does not fit: {why}", repeated(&key)))
        })?;
        answers.push(Answer { key, value });
    }
    Ok(answers)
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(default, borrow, deserialize_with = "json::present")]
    action: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "json::present")]
    content: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "json::present")]
    role: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "json::present")]
    roots: Option<&'a RawValue>,
}

impl Expects {
    /// What an answer that nobody is known to have asked for answers, by its looks.
    fn guess(response: &RawValue) -> Self {
        match serde_json::from_str(response.get()) {
            Ok(Response { roots: Some(_), .. }) => Self::Roots,
            Ok(Response { role: Some(_), .. }) => Self::Sample,
            Ok(Response { action: Some(_), content: None, .. }) => Self::Page,
            // A form that takes anything.
            _ => Self::Form("{}".to_owned()),
        }
    }

    /// Reads an answer: the result of the request. Otherwise why it is none, in words for the client.
    pub(crate) fn read(&self, response: &RawValue) -> Result<AnswerValue, String> {
        if !json::is_object(response) {
            return Err("it must be an object".to_owned());
        }
        let parsed: Response<'_> = serde_json::from_str(response.get()).map_err(|_| "it cannot be read")?;
        match self {
            Self::Form(requested) => match parsed.action()? {
                Elicited::Accept(_) => {
                    let content = parsed.content.map_or("{}", RawValue::get);
                    if !content.starts_with('{') {
                        return Err("content must be an object".to_owned());
                    }
                    schema::check(requested, content).map_err(|misfit| misfit.to_string())?;
                    Ok(AnswerValue::Elicited(Elicited::Accept(Some(content.to_owned()))))
                }
                other => Ok(AnswerValue::Elicited(other)),
            },
            Self::Page => Ok(AnswerValue::Elicited(parsed.action()?)),
            Self::Sample => {
                let role = parsed.role.and_then(json::string);
                if !matches!(role.as_deref(), Some("user" | "assistant")) {
                    return Err("role must be user or assistant".to_owned());
                }
                if !parsed.content.is_some_and(|content| content.get().starts_with(['{', '['])) {
                    return Err("content must be a content block, or several".to_owned());
                }
                Ok(AnswerValue::Sampled(response.get().to_owned()))
            }
            Self::Roots => {
                #[derive(Deserialize)]
                struct WireRoot {
                    uri: String,
                    name: Option<String>,
                }
                let roots =
                    parsed.roots.and_then(|roots| serde_json::from_str::<Vec<WireRoot>>(roots.get()).ok());
                let roots = roots.filter(|roots| {
                    roots.len() <= MAX_ROOTS && roots.iter().all(|root| root.uri.starts_with("file://"))
                });
                let roots = roots.ok_or("roots must be a list of file:// URIs")?;
                let root = |WireRoot { uri, name }| Root { uri, name };
                Ok(AnswerValue::Roots(roots.into_iter().map(root).collect()))
            }
        }
    }
}

impl Response<'_> {
    /// What the person did; for `accept`, without what they filled in.
    fn action(&self) -> Result<Elicited, String> {
        match self.action.and_then(json::string).as_deref() {
            Some("accept") => Ok(Elicited::Accept(None)),
            Some("decline") => Ok(Elicited::Decline),
            Some("cancel") => Ok(Elicited::Cancel),
            _ => Err("action must be accept, decline or cancel".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = r#"{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}"#;

    fn read(responses: &str, expected: &[(&str, Expects)]) -> Result<Vec<Answer>, Fault> {
        let expected: Vec<_> =
            expected.iter().map(|(key, expects)| ((*key).to_owned(), expects.clone())).collect();
        read_responses(serde_json::from_str(responses).unwrap(), &expected)
    }

    fn elicited(key: &str, elicited: Elicited) -> Answer {
        Answer { key: key.into(), value: AnswerValue::Elicited(elicited) }
    }

    /// MCP-R-11, MCP-R-12, MCP-R-16: what is there is passed on, and what was not asked for is not.
    #[test]
    fn answers_are_read_by_what_was_asked() {
        let expected = [
            ("name", Expects::Form(NAME.into())),
            ("page", Expects::Page),
            ("talk", Expects::Sample),
            ("roots", Expects::Roots),
        ];
        let talk = r#"{"role":"assistant","content":{"type":"text","text":"Paris"},"model":"m"}"#;
        let all = format!(
            r#"{{"name":{{"action":"accept","content":{{"name":"Alice"}}}},"page":{{"action":"accept","content":{{"x":1}}}},
                "talk":{talk},"roots":{{"roots":[{{"uri":"file:///p","name":"p"}}]}},"other":5}}"#
        );
        assert_eq!(
            read(&all, &expected),
            Ok(vec![
                elicited("name", Elicited::Accept(Some(r#"{"name":"Alice"}"#.into()))),
                elicited("page", Elicited::Accept(None)),
                Answer {
                    key: "roots".into(),
                    value: AnswerValue::Roots(vec![Root { uri: "file:///p".into(), name: Some("p".into()) }])
                },
                Answer { key: "talk".into(), value: AnswerValue::Sampled(talk.into()) },
            ])
        );
        assert_eq!(read("{}", &expected), Ok(vec![]));
        assert_eq!(read(r#"{"wrong_key":{"action":"accept"}}"#, &expected), Ok(vec![]));
        for (action, meaning) in [("decline", Elicited::Decline), ("cancel", Elicited::Cancel)] {
            let answer = format!(r#"{{"name":{{"action":"{action}"}}}}"#);
            assert_eq!(read(&answer, &expected), Ok(vec![elicited("name", meaning)]));
        }
    }

    /// MCP-R-13, MCP-R-29: an answer that is none is the client's mistake.
    #[test]
    fn answers_that_do_not_fit_are_refused() {
        let expected =
            [("name", Expects::Form(NAME.into())), ("talk", Expects::Sample), ("roots", Expects::Roots)];
        for bad in [
            "null",
            "[]",
            "5",
            r#"{"name":12345}"#,
            r#"{"name":null}"#,
            r#"{"name":{}}"#,
            r#"{"name":{"action":"agree"}}"#,
            r#"{"name":{"action":"accept"}}"#,
            r#"{"name":{"action":"accept","content":[]}}"#,
            r#"{"name":{"action":"accept","content":{"name":5}}}"#,
            r#"{"talk":{"role":"system","content":{}}}"#,
            r#"{"talk":{"role":"assistant"}}"#,
            r#"{"roots":{"roots":[{"uri":"https://a.example"}]}}"#,
            r#"{"roots":{"roots":5}}"#,
        ] {
            assert!(matches!(read(bad, &expected), Err(Fault::InvalidParams(_))), "{bad}");
        }
    }

    /// MCP-R-14: without a state nobody knows what was asked.
    #[test]
    fn answers_to_nothing_known_are_taken_for_what_they_look_like() {
        let answers = read(
            r#"{"a":{"action":"accept","content":{"n":1}},"b":{"roots":[]},"c":{"role":"user","content":[]}}"#,
            &[],
        )
        .unwrap();
        assert_eq!(answers[0], elicited("a", Elicited::Accept(Some(r#"{"n":1}"#.into()))));
        assert_eq!(answers[1].value, AnswerValue::Roots(vec![]));
        assert!(matches!(answers[2].value, AnswerValue::Sampled(_)));
        assert!(read(r#"{"a":12345}"#, &[]).is_err());
    }
}
