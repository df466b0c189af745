//! The protocol revisions that are served, and what each one asks for.
//!
//! Differences between revisions are questions asked of [`Revision`]; nothing else compares dates.

/// A protocol revision, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Revision {
    /// 2024-11-05: text, pictures and embedded resources.
    R2024_11_05,
    /// 2025-03-26: sounds, annotations of tools, batches.
    R2025_03_26,
    /// 2025-06-18: structured content, resource links, titles, elicitation, the version header.
    R2025_06_18,
    /// 2025-11-25: failed argument checks are tool results; pages to visit; streams that pause.
    R2025_11_25,
    /// 2026-07-28: no handshake; every request says what it needs.
    R2026_07_28,
}

impl Revision {
    /// All of them, newest first, as `supportedVersions` lists them.
    pub const ALL: [Self; 5] =
        [Self::R2026_07_28, Self::R2025_11_25, Self::R2025_06_18, Self::R2025_03_26, Self::R2024_11_05];

    /// What `initialize` falls back to (2025-11-25, lifecycle, version negotiation).
    pub const NEWEST_LEGACY: Self = Self::R2025_11_25;

    /// What a legacy request without a version header and without a session is served as (2025-06-18,
    /// transports): the revision that has no such header.
    pub const WITHOUT_HEADER: Self = Self::R2025_03_26;

    /// The revision of a `protocolVersion`, if it is served. Exact: "draft" is none.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str() == text)
    }

    /// As `protocolVersion` writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::R2024_11_05 => "2024-11-05",
            Self::R2025_03_26 => "2025-03-26",
            Self::R2025_06_18 => "2025-06-18",
            Self::R2025_11_25 => "2025-11-25",
            Self::R2026_07_28 => "2026-07-28",
        }
    }

    /// Whether each request stands for itself: claims in `_meta`, mirrored headers, `resultType`,
    /// HTTP statuses for protocol errors. Otherwise there is a handshake, and errors come with 200.
    pub fn is_modern(self) -> bool {
        self >= Self::R2026_07_28
    }

    /// Whether arguments that do not fit give a result for the model to read (`isError`), not a
    /// JSON-RPC error.
    pub fn bad_arguments_are_results(self) -> bool {
        self >= Self::R2025_11_25
    }

    /// Whether a progress notification may say what is being done.
    pub fn progress_has_a_message(self) -> bool {
        self >= Self::R2025_03_26
    }

    /// Whether content may be a sound.
    pub fn has_audio(self) -> bool {
        self >= Self::R2025_03_26
    }

    /// Whether tools have hints about their behaviour.
    pub fn has_tool_annotations(self) -> bool {
        self >= Self::R2025_03_26
    }

    /// Whether `completion/complete` has a capability of its own. Before, it was simply there.
    pub fn has_completions_capability(self) -> bool {
        self >= Self::R2025_03_26
    }

    /// Whether several messages may come in one body, as an array.
    pub fn has_batches(self) -> bool {
        self == Self::R2025_03_26
    }

    /// Whether things have names for people besides those for programs.
    pub fn has_titles(self) -> bool {
        self >= Self::R2025_06_18
    }

    /// Whether a resource may say when it was last changed.
    pub fn has_last_modified(self) -> bool {
        self >= Self::R2025_06_18
    }

    /// Whether content may be a link to a resource.
    pub fn has_resource_links(self) -> bool {
        self >= Self::R2025_06_18
    }

    /// Whether tools have output schemas, and results structured content.
    pub fn has_structured_content(self) -> bool {
        self >= Self::R2025_06_18
    }

    /// Whether such a page has an id (`elicitationId`), by which a client hears that it is done with.
    pub fn pages_have_ids(self) -> bool {
        self.elicits_pages() && !self.is_modern()
    }

    /// Whether a form knows choices with titles, several choices at once, and defaults of every type.
    pub fn forms_have_titled_choices(self) -> bool {
        self >= Self::R2025_11_25
    }

    /// The JSON-RPC code for a resource that is not there.
    pub fn resource_not_found_code(self) -> i32 {
        if self.is_modern() { -32602 } else { -32002 }
    }

    /// Whether structured content may be any JSON value. Otherwise it is an object.
    pub fn structured_content_is_any_json(self) -> bool {
        self >= Self::R2026_07_28
    }

    /// Whether the person can be asked to fill in a form.
    pub fn elicits_forms(self) -> bool {
        self >= Self::R2025_06_18
    }

    /// Whether a form can be more than one: a page to visit. A request then says which of the two it is.
    pub fn elicits_pages(self) -> bool {
        self >= Self::R2025_11_25
    }

    /// Whether the client's model can be given tools.
    pub fn samples_with_tools(self) -> bool {
        self >= Self::R2025_11_25
    }

    /// Whether a stream begins with an event that is empty but for its id, and may pause: the server closes
    /// the connection, and the client comes back for the rest.
    pub fn streams_may_pause(self) -> bool {
        self == Self::R2025_11_25
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_matched_exactly() {
        for revision in Revision::ALL {
            assert_eq!(Revision::parse(revision.as_str()), Some(revision));
        }
        for text in ["", "draft", "2026-07-28 ", "2024-10-07", "DRAFT-2026-v1"] {
            assert_eq!(Revision::parse(text), None, "{text}");
        }
    }

    #[test]
    fn newest_is_listed_first() {
        assert!(Revision::ALL.is_sorted_by(|newer, older| newer > older));
    }
}
