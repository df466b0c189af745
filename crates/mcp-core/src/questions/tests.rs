use super::*;
use crate::ports::{Media, SamplingMessage};
use serde_json::json;

const EVERYTHING: ClientCapabilities = ClientCapabilities {
    elicit_form: true,
    elicit_url: true,
    sample: true,
    sample_with_tools: true,
    list_roots: true,
    tasks: true,
};

fn form(schema: &str) -> Ask {
    Ask::ElicitForm(ElicitForm { message: "Who?".into(), requested_schema: schema.into() })
}

fn page(url: &str) -> Ask {
    Ask::ElicitUrl(ElicitUrl { message: "There".into(), url: url.into() })
}

fn sample(options: Option<&str>) -> Ask {
    let content = ContentBlock::Text("Capital of France?".into());
    Ask::Sample(Sample {
        messages: vec![SamplingMessage { role: Role::User, content }],
        max_tokens: 100,
        system_prompt: None,
        options: options.map(str::to_owned),
    })
}

fn put(question: Ask, client: ClientCapabilities, revision: Revision) -> Result<Value, Misasked> {
    let questions = [Question { key: "k".into(), ask: question }];
    let asked = ask(&questions, client, revision, || "id-1".to_owned())?;
    Ok(serde_json::to_value(InputRequests(&asked)).unwrap()["k"].take())
}

const NAME: &str = r#"{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}"#;

/// MCP-R-02, MCP-R-24, MCP-R-32: bare `method` and `params`.
/// MCP-R-33.
#[test]
fn questions_have_their_shapes() {
    for (question, wire) in [
        (
            form(NAME),
            json!({ "method": "elicitation/create", "params": {
                    "message": "Who?", "requestedSchema": serde_json::from_str::<Value>(NAME).unwrap() } }),
        ),
        (
            page("https://a.example/x"),
            json!({ "method": "elicitation/create", "params": {
                    "mode": "url", "message": "There", "url": "https://a.example/x" } }),
        ),
        (
            sample(Some(r#"{"temperature":0.5,"maxTokens":9,"includeContext":"allServers"}"#)),
            json!({ "method": "sampling/createMessage", "params": {
                    "messages": [{ "role": "user", "content": { "type": "text", "text": "Capital of France?" } }],
                    "maxTokens": 100, "temperature": 0.5 } }),
        ),
        (Ask::ListRoots, json!({ "method": "roots/list", "params": {} })),
    ] {
        assert_eq!(put(question, EVERYTHING, Revision::R2026_07_28), Ok(wire));
    }
}

/// The order in which they were asked, and the text of a schema, are the author's.
#[test]
fn order_is_kept() {
    let schema = r#"{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"}}}"#;
    let questions = [("z", form(schema)), ("a", Ask::ListRoots)];
    let questions = questions.map(|(key, ask)| Question { key: key.into(), ask });
    let asked = ask(&questions, EVERYTHING, Revision::R2026_07_28, String::new).unwrap();
    let text = serde_json::to_string(&InputRequests(&asked)).unwrap();
    assert!(text.starts_with(r#"{"z":"#) && text.contains(schema), "{text}");
}

/// MCP-R-03, MCP-R-19, MCP-R-31, MCP-R-35.
#[test]
fn what_the_client_does_not_offer_is_not_asked() {
    let nothing = ClientCapabilities::default();
    for (question, offered, lacking) in [
        (form(NAME), nothing, json!({ "elicitation": { "form": {} } })),
        (
            page("https://a.example/"),
            ClientCapabilities { elicit_form: true, ..nothing },
            json!({ "elicitation": { "url": {} } }),
        ),
        (sample(None), nothing, json!({ "sampling": {} })),
        (
            sample(Some(r#"{"tools":[]}"#)),
            ClientCapabilities { sample: true, ..nothing },
            json!({ "sampling": { "tools": {} } }),
        ),
        (Ask::ListRoots, nothing, json!({ "roots": {} })),
    ] {
        let Err(Misasked::MissingCapability(told)) = put(question, offered, Revision::R2026_07_28) else {
            panic!("{lacking}")
        };
        assert_eq!(serde_json::to_value(told).unwrap(), lacking);
    }
    // A revision that has no pages.
    let old = put(page("https://a.example/"), EVERYTHING, Revision::R2025_06_18);
    assert!(matches!(old, Err(Misasked::MissingCapability(_))));
}

/// MCP-R-21, and MCP-R-20: what 2025-06-18 knows of forms.
#[test]
fn older_revisions_are_asked_in_their_words() {
    let wire = put(page("https://a.example/"), EVERYTHING, Revision::R2025_11_25).unwrap();
    assert_eq!(wire["params"]["elicitationId"], "id-1");
    let schema = r#"{"type":"object","properties":{
            "n":{"type":"integer","default":3},"b":{"type":"boolean","default":true},
            "c":{"type":"string","oneOf":[{"const":"x","title":"An X"},{"const":"y","title":"A Y"}]}}}"#;
    let wire = put(form(schema), EVERYTHING, Revision::R2025_06_18).unwrap();
    assert_eq!(
        wire["params"]["requestedSchema"]["properties"],
        json!({ "n": { "type": "integer" }, "b": { "type": "boolean", "default": true },
                    "c": { "type": "string", "enum": ["x", "y"], "enumNames": ["An X", "A Y"] } })
    );
    assert!(wire["params"].get("mode").is_none());
    let several =
        r#"{"type":"object","properties":{"m":{"type":"array","items":{"type":"string","enum":["x"]}}}}"#;
    assert!(put(form(several), EVERYTHING, Revision::R2025_11_25).is_ok());
    assert!(put(form(several), EVERYTHING, Revision::R2025_06_18).is_err());
}

/// MCP-R-17, MCP-R-25, MCP-R-26, MP-22: an author's mistake is not passed on.
#[test]
fn questions_that_break_a_rule_are_not_put() {
    let nested = r#"{"type":"object","properties":{"a":{"type":"object","properties":{}}}}"#;
    let picture = Media { data: vec![1], mime_type: "image/png".into() };
    let link = ContentBlock::EmbeddedResource(crate::ports::EmbeddedResource {
        uri: "x:y".into(),
        mime_type: None,
        contents: crate::ports::ResourceContents::Text(String::new()),
    });
    let talk = |content| {
        Ask::Sample(Sample {
            messages: vec![SamplingMessage { role: Role::User, content }],
            max_tokens: 1,
            system_prompt: None,
            options: None,
        })
    };
    assert!(put(talk(ContentBlock::Image(picture)), EVERYTHING, Revision::R2026_07_28).is_ok());
    for bad in [
        form(nested),
        form("{"),
        form(r#"{"type":"array"}"#),
        form(r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/x"}}}"##),
        sample(Some("[]")),
        talk(link),
        page("http://a.example/"),
        page("https://user@a.example/"),
        page("javascript:alert(1)"),
        page("https://"),
        page("https://a.example/\r\nx"),
        page("http://localhost.evil.example/"),
    ] {
        let put = put(bad.clone(), EVERYTHING, Revision::R2026_07_28);
        assert!(matches!(put, Err(Misasked::Malformed(_))), "{bad:?}");
    }
    for good in ["https://a.example:8443/x?y#z", "http://127.0.0.1:3000/x", "http://localhost/"] {
        assert!(put(page(good), EVERYTHING, Revision::R2026_07_28).is_ok(), "{good}");
    }
    let twice = [1, 2].map(|_| Question { key: "k".into(), ask: Ask::ListRoots });
    assert!(ask(&twice, EVERYTHING, Revision::R2026_07_28, String::new).is_err());
    let many: Vec<_> = (0..17).map(|n| Question { key: format!("k{n}"), ask: Ask::ListRoots }).collect();
    assert!(ask(&many, EVERYTHING, Revision::R2026_07_28, String::new).is_err());
}
