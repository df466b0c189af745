//! What a tool gave back, as MCP writes it.

use crate::{
    ports::{ContentBlock, EmbeddedResource, Media, ResourceContents, ResourceLink},
    revision::Revision,
};
use base64ct::{Base64, Encoding};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A content block on the wire. Revisions from 2025-06-18 on know all of these; to older ones,
/// [`in_revision`](Self::in_revision) tells in words what they have no block for.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(crate) enum WireContent<'a> {
    Text {
        text: Cow<'a, str>,
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
            ContentBlock::Text(text) => Self::Text { text: text.into() },
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

impl<'a> WireContent<'a> {
    /// The block, as a client of `revision` can read it (MCP-M-16).
    pub(crate) fn in_revision(block: &'a ContentBlock, revision: Revision) -> Self {
        let told = match block {
            ContentBlock::Audio(Media { data, mime_type }) if !revision.has_audio() => {
                format!(
                    "[A sound of type {mime_type} and {} bytes, which this client cannot play]",
                    data.len()
                )
            }
            ContentBlock::ResourceLink(link) if !revision.has_resource_links() => {
                let ResourceLink { uri, name, title, description, mime_type: _ } = link;
                let name = title.as_ref().unwrap_or(name);
                match description {
                    Some(description) => format!("{name}: {description}\n{uri}"),
                    None => format!("{name}\n{uri}"),
                }
            }
            _ => return block.into(),
        };
        Self::Text { text: told.into() }
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
    revision.has_structured_content()
        && (revision.structured_content_is_any_json() || crate::json::is_object(value))
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
    revision.has_structured_content() && (revision.structured_content_is_any_json() || is_object_schema())
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

    /// MCP-M-16: what a revision has no block for is told in words.
    #[test]
    fn older_revisions_get_words_for_sounds_and_links() {
        let in_revision = |block: &ContentBlock, revision| {
            serde_json::to_string(&WireContent::in_revision(block, revision)).unwrap()
        };
        let sound = ContentBlock::Audio(Media { data: b"abc".to_vec(), mime_type: "audio/wav".into() });
        assert_eq!(
            in_revision(&sound, Revision::R2024_11_05),
            r#"{"type":"text","text":"[A sound of type audio/wav and 3 bytes, which this client cannot play]"}"#
        );
        assert_eq!(in_revision(&sound, Revision::R2025_03_26), wire(&sound));
        let link = ContentBlock::ResourceLink(ResourceLink {
            uri: "test://x".into(),
            name: "x".into(),
            title: Some("The X".into()),
            description: Some("An x".into()),
            mime_type: None,
        });
        for revision in [Revision::R2024_11_05, Revision::R2025_03_26] {
            assert_eq!(in_revision(&link, revision), r#"{"type":"text","text":"The X: An x\ntest://x"}"#);
        }
        assert_eq!(in_revision(&link, Revision::R2025_06_18), wire(&link));
    }

    /// MCP-M-13, MCP-M-14, MCP-M-16.
    #[test]
    fn legacy_revisions_get_structured_objects_only() {
        let raw = |text| serde_json::from_str::<&RawValue>(text).unwrap();
        for (text, object) in [("{}", true), ("[1]", false), ("5", false), ("null", false)] {
            assert_eq!(may_send_structured(raw(text), Revision::R2025_11_25), object, "{text}");
            assert!(may_send_structured(raw(text), Revision::R2026_07_28), "{text}");
            assert!(!may_send_structured(raw(text), Revision::R2025_03_26), "{text}");
        }
        for (text, object) in [(r#"{"type":"object"}"#, true), (r#"{"type":"array"}"#, false), ("{}", false)]
        {
            assert_eq!(may_send_output_schema(raw(text), Revision::R2025_06_18), object, "{text}");
            assert!(may_send_output_schema(raw(text), Revision::R2026_07_28), "{text}");
            assert!(!may_send_output_schema(raw(text), Revision::R2025_03_26), "{text}");
        }
    }
}
