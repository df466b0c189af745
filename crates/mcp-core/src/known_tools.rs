//! The tools as they were listed a moment ago, for the calls that come next.
//!
//! Listing them for each call would cost much of what a call does, and they hardly ever change. So an instance asks for them anew only
//! when it has not for a [second](KEPT_FOR), when a tool of its own says that they have changed or a listener hears of it,
//! and when somebody calls one that is not among them. `tools/list` always asks. They are the same for every caller, so
//! nothing is kept here that is anybody's.

use crate::{
    McpServer, mirrored_headers,
    ports::{Outside, Tool},
    schema::{self, Checker},
};
use std::{
    cell::{Cell, OnceCell, RefCell},
    ops::Deref,
    rc::Rc,
    time::{Duration, SystemTime},
};

/// For how long a list is good for calls. So long may a change that another instance was told of stay unknown here.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// What an instance knows of the tools. It outlives the request, and every [`McpServer`] of an instance has the same.
#[derive(Debug, Default)]
pub struct KnownTools {
    listed: RefCell<Option<Listed>>,
    /// How often they were forgotten: a list that was asked for before is not kept.
    forgotten: Cell<u64>,
}

#[derive(Debug)]
struct Listed {
    at: SystemTime,
    tools: Rc<[Rc<KnownTool>]>,
}

/// A tool, and what comes of its schema, worked out when it is first called.
#[derive(Debug)]
pub(crate) struct KnownTool {
    tool: Tool,
    fault: OnceCell<Option<&'static str>>,
    mirrors_arguments: OnceCell<bool>,
    arguments: OnceCell<Rc<Checker>>,
}

impl KnownTool {
    /// Why clients would hide it, if they would (MCP-T-27).
    pub(crate) fn fault(&self) -> Option<&'static str> {
        *self.fault.get_or_init(|| mirrored_headers::lint(&self.tool.input_schema).err())
    }

    /// Whether it asks for headers that repeat arguments.
    pub(crate) fn mirrors_arguments(&self) -> bool {
        *self.mirrors_arguments.get_or_init(|| mirrored_headers::are_asked_for(&self.tool.input_schema))
    }

    /// What its arguments are checked with.
    pub(crate) fn arguments(&self) -> &Checker {
        self.arguments.get_or_init(|| schema::checker(&self.tool.input_schema))
    }
}

impl From<Tool> for KnownTool {
    fn from(tool: Tool) -> Self {
        Self { tool, fault: OnceCell::new(), mirrors_arguments: OnceCell::new(), arguments: OnceCell::new() }
    }
}

impl Deref for KnownTool {
    type Target = Tool;

    fn deref(&self) -> &Tool {
        &self.tool
    }
}

impl KnownTools {
    /// The tool of that name, if it is known and that is good at this time.
    pub(crate) fn find(&self, name: &str, now: SystemTime) -> Option<Rc<KnownTool>> {
        let listed = self.listed.borrow();
        let Listed { at, tools } = listed.as_ref()?;
        // Not after the clock was set back, either.
        now.duration_since(*at).ok().filter(|age| *age < KEPT_FOR)?;
        find(tools, name)
    }

    /// They are no longer the same.
    pub(crate) fn forget(&self) {
        self.forgotten.set(self.forgotten.get().wrapping_add(1));
        self.listed.take();
    }
}

fn find(tools: &[Rc<KnownTool>], name: &str) -> Option<Rc<KnownTool>> {
    tools.iter().find(|tool| tool.name == name).cloned()
}

impl<O: Outside> McpServer<O> {
    /// The tool of that name, from what is known or else from what there is now.
    pub(crate) async fn known_tool(
        &self,
        name: &str,
    ) -> Result<Option<Rc<KnownTool>>, crate::jsonrpc::Fault> {
        let (known, now) = (&self.known_tools, self.outside.now());
        if let Some(tool) = known.find(name, now) {
            return Ok(Some(tool));
        }
        let forgotten = known.forgotten.get();
        let tools = self.tools_on_offer().await?;
        let tools: Rc<[_]> = tools.into_iter().map(|tool| Rc::new(KnownTool::from(tool))).collect();
        let found = find(&tools, name);
        if known.forgotten.get() == forgotten {
            known.listed.replace(Some(Listed { at: now, tools }));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_known_for_a_moment_and_until_they_change() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let known = KnownTools::default();
        let know = || {
            let tool = Tool { name: "add".into(), ..Tool::default() };
            known.listed.replace(Some(Listed { at, tools: Rc::new([Rc::new(tool.into())]) }));
        };
        know();
        assert!(known.find("add", at).is_some());
        assert!(known.find("add", at + Duration::from_millis(999)).is_some());
        assert!(known.find("subtract", at).is_none());
        assert!(known.find("add", at + KEPT_FOR).is_none());
        assert!(known.find("add", at - Duration::from_millis(1)).is_none(), "the clock was set back");
        known.forget();
        assert!(known.find("add", at).is_none());
    }
}
