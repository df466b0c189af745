//! The resources that the official conformance suite reads by address. They ship nowhere: `cargo xtask
//! conformance` puts them in the place of the example's, by the line of `spin.toml` that a user changes.

use bindings::exports::postern::resources::resources::{
    Annotations, Body, Caller, Completion, Contents, Error, Guest, Outcome, Read, ReadResult, Resource,
    Suggestions, Template,
};

/// One red pixel.
const PNG: [u8; 69] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53, 0xde, 0x00,
    0x00, 0x00, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0x00, 0x00, 0x03, 0x01,
    0x01, 0x00, 0xf7, 0x03, 0x41, 0x43, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60,
    0x82,
];

/// Address, name, description, media type. The first is read by whoever wants to read any.
const RESOURCES: [(&str, &str, &str, &str); 3] = [
    ("test://static-text", "static-text", "A text that stays the same.", "text/plain"),
    ("test://static-binary", "static-binary", "A picture that stays the same.", "image/png"),
    ("test://watched-resource", "watched-resource", "A text to be told of.", "text/plain"),
];

/// What comes before and after the one variable of the template.
const TEMPLATE: (&str, &str) = ("test://template/", "/data");

struct Conformance;

impl Guest for Conformance {
    async fn list_resources(_caller: Caller) -> Result<Vec<Resource>, Error> {
        let resource = |(uri, name, description, mime_type): &(&str, &str, &str, &str)| Resource {
            uri: (*uri).to_owned(),
            name: (*name).to_owned(),
            title: None,
            description: Some((*description).to_owned()),
            mime_type: Some((*mime_type).to_owned()),
            size: None,
            annotations: no_hints(),
            scopes: Vec::new(),
        };
        Ok(RESOURCES.iter().map(resource).collect())
    }

    async fn list_templates(_caller: Caller) -> Result<Vec<Template>, Error> {
        let (before, after) = TEMPLATE;
        Ok(vec![Template {
            uri_template: format!("{before}{{id}}{after}"),
            name: "template".to_owned(),
            title: None,
            description: Some("Data by its id.".to_owned()),
            mime_type: Some("application/json".to_owned()),
            annotations: no_hints(),
            scopes: Vec::new(),
        }])
    }

    async fn read_resource(_caller: Caller, read: Read) -> Result<Outcome, Error> {
        let text = |text: &str| Body::Text(text.to_owned());
        let (mime_type, body) = match read.uri.as_str() {
            "test://static-text" => ("text/plain", text("This is the content of the static text resource.")),
            "test://static-binary" => ("image/png", Body::Blob(PNG.to_vec())),
            "test://watched-resource" => ("text/plain", text("This is watched.")),
            uri => {
                let (before, after) = TEMPLATE;
                let id = uri.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
                let id = id.ok_or(Error::NotFound)?;
                let data = format!(r#"{{"id":"{id}","templateTest":true,"data":"Data for ID: {id}"}}"#);
                ("application/json", Body::Text(data))
            }
        };
        let contents = vec![Contents { uri: read.uri, mime_type: Some(mime_type.to_owned()), body }];
        Ok(Outcome::Complete(ReadResult { contents, ttl_ms: None }))
    }

    async fn complete(_caller: Caller, completion: Completion) -> Result<Suggestions, Error> {
        let ids = ["1", "12", "123"].map(str::to_owned);
        let values = ids.into_iter().filter(|id| id.starts_with(&completion.value)).collect();
        Ok(Suggestions { values, total: None, has_more: false })
    }
}

fn no_hints() -> Annotations {
    Annotations { audience: Vec::new(), priority: None, last_modified: None }
}

#[expect(unsafe_code, reason = "generated: the component model's calling convention")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/resources", world: "resource-provider" });
    use super::Conformance;
    export!(Conformance);
}
