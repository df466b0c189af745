//! What a tool gave back, as MCP writes it.

use crate::{
    ports::{ContentBlock, EmbeddedResource, Media, ResourceContents, ResourceLink},
    revision::Revision,
};
use base64ct::{Base64, Encoding};
use serde::Serialize;
use serde_json::value::RawValue;

/// A content block on the wire. Revisions from 2025-06-18 on know all of these.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(crate) enum WireContent<'a> {
    Text {
        text: &'a str,
    },
    Image {
        data: String,
        mime_type: &'a str,
    },
    Audio {
        data: String,
        mime_type: &'a str,
    },
    ResourceLink {
        uri: &'a str,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        mime_type: Option<&'a str>,
    },
    Resource {
        resource: WireResource<'a>,
    },
}

/// The contents of a resource: a text or a blob.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireResource<'a> {
    uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob: Option<String>,
}

impl<'a> From<&'a ContentBlock> for WireContent<'a> {
    fn from(block: &'a ContentBlock) -> Self {
        let encode = |Media { data, mime_type }: &'a Media| (Base64::encode_string(data), mime_type.as_str());
        match block {
            ContentBlock::Text(text) => Self::Text { text },
            ContentBlock::Image(media) => {
                let (data, mime_type) = encode(media);
                Self::Image { data, mime_type }
            }
            ContentBlock::Audio(media) => {
                let (data, mime_type) = encode(media);
                Self::Audio { data, mime_type }
            }
            ContentBlock::ResourceLink(ResourceLink { uri, name, title, description, mime_type }) => {
                Self::ResourceLink {
                    uri,
                    name,
                    title: title.as_deref(),
                    description: description.as_deref(),
                    mime_type: mime_type.as_deref(),
                }
            }
            ContentBlock::EmbeddedResource(EmbeddedResource { uri, mime_type, contents }) => {
                Self::Resource { resource: WireResource::new(uri, mime_type.as_deref(), contents) }
            }
        }
    }
}

impl<'a> WireResource<'a> {
    pub(crate) fn new(uri: &'a str, mime_type: Option<&'a str>, contents: &'a ResourceContents) -> Self {
        let (text, blob) = match contents {
            ResourceContents::Text(text) => (Some(text.as_str()), None),
            ResourceContents::Blob(bytes) => (None, Some(Base64::encode_string(bytes))),
        };
        Self { uri, mime_type, text, blob }
    }
}

/// Whether structured content may go to clients of `revision` as such (MCP-M-13, MCP-M-14).
pub(crate) fn may_send_structured(value: &RawValue, revision: Revision) -> bool {
    revision.structured_content_is_any_json() || crate::json::is_object(value)
}

/// Whether an output schema may. To revisions with objects only, its root says that it is one.
pub(crate) fn may_send_output_schema(schema: &RawValue, revision: Revision) -> bool {
    #[derive(serde::Deserialize)]
    struct Root<'a> {
        #[serde(rename = "type", default, borrow, deserialize_with = "crate::json::present")]
        kind: Option<&'a RawValue>,
    }
    let is_object_schema = || {
        let root = serde_json::from_str::<Root<'_>>(schema.get()).ok();
        root.and_then(|root| root.kind).is_some_and(|kind| kind.get() == "\"object\"")
    };
    revision.structured_content_is_any_json() || is_object_schema()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(block: &ContentBlock) -> String {
        serde_json::to_string(&WireContent::from(block)).unwrap()
    }

    /// MCP-M-17; the golden form of every kind of block.
    #[test]
    fn blocks_have_their_shapes() {
        let media = |data: &[u8], mime_type: &str| Media { data: data.to_vec(), mime_type: mime_type.into() };
        assert_eq!(wire(&ContentBlock::Text("a\"b".into())), r#"{"type":"text","text":"a\"b"}"#);
        assert_eq!(
            wire(&ContentBlock::Image(media(&[255, 254], "image/png"))),
            r#"{"type":"image","data":"//4=","mimeType":"image/png"}"#
        );
        assert_eq!(
            wire(&ContentBlock::Audio(media(b"a", "audio/wav"))),
            r#"{"type":"audio","data":"YQ==","mimeType":"audio/wav"}"#
        );
        let link = ResourceLink {
            uri: "test://x".into(),
            name: "x".into(),
            title: None,
            description: Some("An x".into()),
            mime_type: Some("text/plain".into()),
        };
        assert_eq!(
            wire(&ContentBlock::ResourceLink(link)),
            r#"{"type":"resource_link","uri":"test://x","name":"x","description":"An x","mimeType":"text/plain"}"#
        );
        let resource = |contents| EmbeddedResource { uri: "test://x".into(), mime_type: None, contents };
        assert_eq!(
            wire(&ContentBlock::EmbeddedResource(resource(ResourceContents::Text("t".into())))),
            r#"{"type":"resource","resource":{"uri":"test://x","text":"t"}}"#
        );
        assert_eq!(
            wire(&ContentBlock::EmbeddedResource(resource(ResourceContents::Blob(b"a".to_vec())))),
            r#"{"type":"resource","resource":{"uri":"test://x","blob":"YQ=="}}"#
        );
    }

    /// MCP-M-13, MCP-M-14.
    #[test]
    fn legacy_revisions_get_structured_objects_only() {
        let raw = |text| serde_json::from_str::<&RawValue>(text).unwrap();
        for (text, object) in [("{}", true), ("[1]", false), ("5", false), ("null", false)] {
            assert_eq!(may_send_structured(raw(text), Revision::R2025_11_25), object, "{text}");
            assert!(may_send_structured(raw(text), Revision::R2026_07_28), "{text}");
        }
        for (text, object) in [(r#"{"type":"object"}"#, true), (r#"{"type":"array"}"#, false), ("{}", false)]
        {
            assert_eq!(may_send_output_schema(raw(text), Revision::R2025_06_18), object, "{text}");
            assert!(may_send_output_schema(raw(text), Revision::R2026_07_28), "{text}");
        }
    }
}
