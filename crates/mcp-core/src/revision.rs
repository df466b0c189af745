//! The protocol revisions that are served, and what each one asks for.
//!
//! Differences between revisions are questions asked of [`Revision`]; nothing else compares dates.

/// A protocol revision, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Revision {
    /// 2025-06-18: structured content, resource links, titles.
    R2025_06_18,
    /// 2025-11-25: failed argument checks are tool results.
    R2025_11_25,
    /// 2026-07-28: no handshake; every request says what it needs.
    R2026_07_28,
}

impl Revision {
    /// All of them, newest first, as `supportedVersions` lists them.
    pub const ALL: [Self; 3] = [Self::R2026_07_28, Self::R2025_11_25, Self::R2025_06_18];

    /// What `initialize` falls back to (2025-11-25, lifecycle, version negotiation).
    pub const NEWEST_LEGACY: Self = Self::R2025_11_25;

    /// What a legacy request without a version header is served as.
    ///
    /// The specification names 2025-03-26. Until that one is served it is the oldest that is: to a
    /// client of 2025-03-26 the answers look alike, and one of a later revision that forgot the header
    /// gets nothing that it cannot read.
    pub const WITHOUT_HEADER: Self = Self::R2025_06_18;

    /// The revision of a `protocolVersion`, if it is served. Exact: "draft" is none.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str() == text)
    }

    /// As `protocolVersion` writes it.
    pub fn as_str(self) -> &'static str {
        match self {
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
        self >= Self::R2025_06_18
    }

    /// Whether structured content may be any JSON value. Otherwise it is an object.
    pub fn structured_content_is_any_json(self) -> bool {
        self >= Self::R2026_07_28
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
        for text in ["", "draft", "2026-07-28 ", "2024-11-05", "DRAFT-2026-v1"] {
            assert_eq!(Revision::parse(text), None, "{text}");
        }
    }

    #[test]
    fn newest_is_listed_first() {
        assert!(Revision::ALL.is_sorted_by(|newer, older| newer > older));
    }
}
