//! Tools that answer at once.

use crate::bindings::exports::postern::tools::tools::{
    ContentBlock, EmbeddedResource, Media, ResourceContents, ToolResult,
};
use crate::{blocks, text};

/// One red pixel.
const PNG: [u8; 69] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53, 0xde, 0x00,
    0x00, 0x00, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0x00, 0x00, 0x03, 0x01,
    0x01, 0x00, 0xf7, 0x03, 0x41, 0x43, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60,
    0x82,
];

/// Two samples of silence.
const WAV: [u8; 46] =
    *b"RIFF&\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x02\0\0\0\x80\x80";

/// The result of the tool of this name, if it is one of these.
pub(crate) fn find(name: &str) -> Option<ToolResult> {
    Some(match name {
        "test_simple_text" => text("This is a simple text response for testing."),
        "test_image_content" => blocks([image()]),
        "test_audio_content" => {
            blocks([ContentBlock::Audio(Media { data: WAV.to_vec(), mime_type: "audio/wav".to_owned() })])
        }
        "test_embedded_resource" => blocks([resource(
            "test://embedded-resource",
            "text/plain",
            "This is an embedded resource content.",
        )]),
        "test_multiple_content_types" => blocks([
            ContentBlock::Text("Multiple content types test:".to_owned()),
            image(),
            resource("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#),
        ]),
        "test_error_handling" => {
            ToolResult { is_error: true, ..text("This tool intentionally returns an error for testing") }
        }
        "test_x_mcp_header" | "json_schema_2020_12_tool" => text("The arguments are good."),
        _ => return None,
    })
}

fn image() -> ContentBlock {
    ContentBlock::Image(Media { data: PNG.to_vec(), mime_type: "image/png".to_owned() })
}

fn resource(uri: &str, mime_type: &str, text: &str) -> ContentBlock {
    ContentBlock::EmbeddedResource(EmbeddedResource {
        uri: uri.to_owned(),
        mime_type: Some(mime_type.to_owned()),
        contents: ResourceContents::Text(text.to_owned()),
    })
}
