//! Lists, page by page (`cursor` and `nextCursor`).
//!
//! A cursor says after which item the next page begins. Nothing is kept for it: it is sealed, and good for the list and
//! the caller that it was made for (MP-14).

use crate::{
    McpServer, json,
    jsonrpc::Fault,
    ports::{Access, Outside},
};
use serde_json::value::RawValue;
use store_core::Purpose;

/// How many items are on a page. Many clients never ask for a second one.
const PAGE_SIZE: usize = 100;

/// What there are pages of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Tools,
    Prompts,
    Resources,
    ResourceTemplates,
}

impl List {
    fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::ResourceTemplates => "resource templates",
        }
    }
}

/// A page.
#[derive(Debug)]
pub(crate) struct Page<'a, T> {
    pub(crate) items: &'a [T],
    /// Only if there is more (MCP-M-33).
    pub(crate) next_cursor: Option<String>,
}

impl<O: Outside> McpServer<O> {
    /// The page that begins at `cursor`, or the first. `name` is what tells one item from the others.
    pub(crate) async fn page<'a, T>(
        &self,
        list: List,
        items: &'a [T],
        name: impl Fn(&T) -> &str,
        cursor: Option<&RawValue>,
        access: &Access,
    ) -> Result<Page<'a, T>, Fault> {
        let place = [list.name(), &access.subject, &access.client_id];
        let rest = match self.optional(cursor) {
            None => items,
            Some(cursor) => {
                // The empty text is a cursor too, and none of ours (MCP-M-32).
                let unknown = || Fault::InvalidParams("Unknown cursor".to_owned());
                let cursor = json::string(cursor).ok_or_else(unknown)?;
                let after =
                    self.open_from_client(Purpose::Cursor, &place, &cursor).await?.ok_or_else(unknown)?;
                // An item that is gone takes its cursors with it: the client begins anew.
                let position = items.iter().position(|item| name(item).as_bytes() == after);
                position.and_then(|position| items.get(position + 1..)).ok_or_else(unknown)?
            }
        };
        let Some((page, _)) = rest.split_at_checked(PAGE_SIZE).filter(|(_, more)| !more.is_empty()) else {
            return Ok(Page { items: rest, next_cursor: None });
        };
        let last = page.last().map(name).unwrap_or_default();
        let next_cursor = self.seal_for_client(Purpose::Cursor, &place, last.as_bytes()).await?;
        Ok(Page { items: page, next_cursor: Some(next_cursor) })
    }
}
