//! Tools that ask their client something, or take their time.

use crate::bench::Bench;
use futures_util::StreamExt;
use mcp_core::ports::*;
use std::time::Duration;

/// Their names say what they do.
pub(crate) const TOOLS: [&str; 9] = [
    "asks-to-fill-in",
    "asks-to-visit",
    "asks-the-model",
    "asks-for-roots",
    "asks-two-at-once",
    "asks-later",
    "asks-forever",
    "takes-a-minute",
    "makes-a-noise",
];

/// What such a tool does; `None` for other tools.
pub(crate) fn call(bench: &Bench, call: &Call) -> Option<Reply> {
    if !TOOLS.contains(&call.name.as_str()) {
        return None;
    }
    let form = |key: &str| Question {
        key: key.into(),
        ask: Ask::ElicitForm(ElicitForm {
            message: "Who are you?".into(),
            requested_schema:
                r#"{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}"#.into(),
        }),
    };
    let one = |ask| vec![Question { key: "q".into(), ask }];
    let questions = match &*call.name {
        "asks-to-fill-in" | "asks-forever" => vec![form("q")],
        "asks-two-at-once" => vec![form("a"), form("b")],
        "asks-to-visit" => {
            one(Ask::ElicitUrl(ElicitUrl { message: "Pay".into(), url: "https://pay.example/".into() }))
        }
        "asks-the-model" => one(Ask::Sample(Sample {
            messages: vec![SamplingMessage { role: Role::User, content: ContentBlock::Text("Hi".into()) }],
            max_tokens: 10,
            system_prompt: None,
            options: None,
        })),
        "asks-for-roots" => one(Ask::ListRoots),
        "asks-later" => vec![],
        "takes-a-minute" => return Some(takes_a_minute(bench)),
        _ => {
            let content = vec![
                ContentBlock::Audio(Media { data: b"abc".to_vec(), mime_type: "audio/wav".into() }),
                ContentBlock::ResourceLink(ResourceLink {
                    uri: "test://x".into(),
                    name: "x".into(),
                    title: None,
                    description: None,
                    mime_type: None,
                }),
            ];
            return Some(done(ToolResult { content, ..ToolResult::default() }));
        }
    };
    let outcome = match &call.resumption {
        Some(resumption) if call.name != "asks-forever" => {
            assert_eq!(resumption.state, b"STATE", "it comes back as it was given");
            return Some(text(&format!("{:?}", resumption.answers)));
        }
        _ => Outcome::InputRequired(InputRequired { questions, state: b"STATE".to_vec() }),
    };
    Some(Reply::Done(outcome))
}

fn done(result: ToolResult) -> Reply {
    Reply::Done(Outcome::Complete(result))
}

fn text(text: &str) -> Reply {
    done(ToolResult { content: vec![ContentBlock::Text(text.into())], ..ToolResult::default() })
}

fn takes_a_minute(bench: &Bench) -> Reply {
    let (first, last) = (bench.clone(), bench.clone());
    let notifications = futures_util::stream::iter([1.0, 2.0]).then(move |progress| {
        let bench = first.clone();
        async move {
            bench.sleep(Duration::from_secs(20)).await;
            Notification::Progress(Progress { progress, total: None, message: None })
        }
    });
    let outcome = async move {
        last.sleep(Duration::from_secs(20)).await;
        let content = vec![ContentBlock::Text("at last".into())];
        Ok(Outcome::Complete(ToolResult { content, ..ToolResult::default() }))
    };
    Reply::Running(Running { notifications: Box::pin(notifications), outcome: Box::pin(outcome) })
}
