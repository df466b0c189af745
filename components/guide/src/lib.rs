//! The resources that this server offers: its own guide. **This is the file to replace by yours.**
//!
//! A page is an entry in `PAGES` and a file in `pages/`. It can be read as a whole, or one section of it by
//! the name of its heading, which spares a model the rest. Everything below the line is plumbing.

/// All addresses begin with this.
const ROOT: &str = "guide://postern/";

/// One section of a page.
const SECTION: &str = "guide://postern/{page}/{section}";

const PAGES: [Page; 4] = [
    Page {
        name: "about",
        title: "What this server is",
        description: "What is on offer here, and how to make good use of it. Read this first.",
        priority: 1.0,
        text: include_str!("../pages/about.md"),
    },
    Page {
        name: "connect",
        title: "How to connect",
        description: "How to set up each client, and what to do when that does not work.",
        priority: 0.5,
        text: include_str!("../pages/connect.md"),
    },
    Page {
        name: "sign-in",
        title: "How sign-in and scopes work",
        description: "What a client may do, who decides it, and how it ends.",
        priority: 0.5,
        text: include_str!("../pages/sign-in.md"),
    },
    Page {
        name: "write-tools",
        title: "How to offer something of your own",
        description: "How to write tools, resources and prompts for this server.",
        priority: 0.3,
        text: include_str!("../pages/write-tools.md"),
    },
];

/// How long a client need not read a page again. They change with a deployment.
const TTL_MS: u32 = 3_600_000;

impl Page {
    /// The sections, each from its heading to the next, with the names that they have in addresses.
    fn sections(&self) -> impl Iterator<Item = (String, String)> {
        let sections = self.text.split("\n## ").skip(1);
        sections
            .map(|text| (slug(text.lines().next().unwrap_or_default()), format!("## {}\n", text.trim_end())))
    }

    fn section(&self, name: &str) -> Option<String> {
        self.sections().find(|(section, _)| section == name).map(|(_, text)| text)
    }
}

/// `What is on offer` → `what-is-on-offer`.
fn slug(heading: &str) -> String {
    let words = heading.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

/// The text at an address.
fn find(uri: &str) -> Option<String> {
    let path = uri.strip_prefix(ROOT)?;
    match path.split_once('/') {
        None => page(path).map(|page| page.text.to_owned()),
        Some((name, section)) => page(name)?.section(section),
    }
}

fn page(name: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.name == name)
}

/// What a variable of the template can be: a page, or a section of the page that was chosen, or else of any.
fn values(argument: &str, chosen: Option<&str>) -> Vec<String> {
    match (argument, chosen) {
        ("page", _) => PAGES.iter().map(|page| page.name.to_owned()).collect(),
        ("section", chosen) => {
            let pages = PAGES.iter().filter(|page| chosen.is_none_or(|chosen| chosen == page.name));
            pages.flat_map(Page::sections).map(|(name, _)| name).collect()
        }
        _ => Vec::new(),
    }
}

// ------------------------------------------------------------------------------------------------
// What the interface asks for, in terms of the above.

use bindings::exports::postern::resources::resources::{
    Annotations, Body, Caller, Completion, Contents, Error, Guest, Outcome, Read, ReadResult, Resource,
    Suggestions, Template,
};

struct Page {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    priority: f64,
    text: &'static str,
}

struct Guide;

impl Guest for Guide {
    async fn list_resources(_caller: Caller) -> Result<Vec<Resource>, Error> {
        let describe = |page: &Page| Resource {
            uri: format!("{ROOT}{}", page.name),
            name: page.name.to_owned(),
            title: Some(page.title.to_owned()),
            description: Some(page.description.to_owned()),
            mime_type: Some(MARKDOWN.to_owned()),
            size: u64::try_from(page.text.len()).ok(),
            annotations: annotations(Some(page.priority)),
            scopes: Vec::new(),
        };
        Ok(PAGES.iter().map(describe).collect())
    }

    async fn list_templates(_caller: Caller) -> Result<Vec<Template>, Error> {
        Ok(vec![Template {
            uri_template: SECTION.to_owned(),
            name: "section".to_owned(),
            title: Some("A section of the guide".to_owned()),
            description: Some(
                "One section of a page, by the words of its heading: what-is-on-offer.".to_owned(),
            ),
            mime_type: Some(MARKDOWN.to_owned()),
            annotations: annotations(None),
            scopes: Vec::new(),
        }])
    }

    async fn read_resource(_caller: Caller, read: Read) -> Result<Outcome, Error> {
        let text = find(&read.uri).ok_or(Error::NotFound)?;
        let contents =
            Contents { uri: read.uri, mime_type: Some(MARKDOWN.to_owned()), body: Body::Text(text) };
        Ok(Outcome::Complete(ReadResult { contents: vec![contents], ttl_ms: Some(TTL_MS) }))
    }

    async fn complete(_caller: Caller, completion: Completion) -> Result<Suggestions, Error> {
        let chosen =
            completion.context.iter().find(|(name, _)| name == "page").map(|(_, page)| page.as_str());
        let mut values = values(&completion.argument, chosen);
        values.retain(|value| value.starts_with(&completion.value));
        Ok(Suggestions { total: u32::try_from(values.len()).ok(), values, has_more: false })
    }
}

const MARKDOWN: &str = "text/markdown";

fn annotations(priority: Option<f64>) -> Annotations {
    Annotations { audience: Vec::new(), priority, last_modified: None }
}

#[expect(unsafe_code, reason = "generated: the component model's calling convention")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/resources", world: "resource-provider" });
    use super::Guide;
    export!(Guide);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bindings::exports::postern::resources::resources::ClientCapabilities;
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("nothing here waits"),
        }
    }

    fn alice() -> Caller {
        Caller { subject: "alice".into(), client_id: "c".into(), scopes: vec![], client_info: None }
    }

    fn read(uri: &str) -> Result<String, Error> {
        let client = ClientCapabilities {
            elicit_form: false,
            elicit_url: false,
            sample: false,
            sample_with_tools: false,
            list_roots: false,
        };
        let read = Read { uri: uri.into(), resumption: None, client };
        let Outcome::Complete(result) = now(Guide::read_resource(alice(), read))? else {
            panic!("there is nothing to ask")
        };
        let [Contents { uri: given, body: Body::Text(text), .. }] = &result.contents[..] else {
            panic!("{result:?}")
        };
        assert_eq!(given, uri);
        Ok(text.clone())
    }

    fn complete(argument: &str, value: &str, context: &[(&str, &str)]) -> Vec<String> {
        let context = context.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        let (argument, value) = (argument.into(), value.into());
        let completion = Completion { uri_template: SECTION.into(), argument, value, context };
        now(Guide::complete(alice(), completion)).unwrap().values
    }

    /// MCP-M-22: every page that is listed can be read, and is as long as it says.
    #[test]
    fn listed_pages_can_be_read() {
        let pages = now(Guide::list_resources(alice())).unwrap();
        for page in &pages {
            let text = read(&page.uri).unwrap();
            assert_eq!((page.size, text.starts_with("# ")), (Some(text.len() as u64), true), "{}", page.uri);
            assert_eq!(text.lines().next().unwrap().trim_start_matches("# "), page.title.as_deref().unwrap());
        }
    }

    /// MCP-M-23: whatever can be completed can be read, and the sections are all of a page but its beginning.
    #[test]
    fn sections_can_be_read_by_the_names_that_are_suggested() {
        for page in complete("page", "", &[]) {
            let whole = read(&format!("{ROOT}{page}")).unwrap();
            let sections = complete("section", "", &[("page", &page)]);
            assert!(!sections.is_empty());
            for section in sections {
                let text = read(&format!("{ROOT}{page}/{section}")).unwrap();
                assert!(text.starts_with("## ") && whole.contains(text.trim_end()), "{page}/{section}");
            }
        }
        let text = read("guide://postern/about/for-a-person").unwrap();
        assert!(text.starts_with("## For a person\n\nYour client shows"), "{text}");
    }

    #[test]
    fn suggestions_begin_with_what_was_typed() {
        assert_eq!(complete("page", "s", &[]), ["sign-in"]);
        assert_eq!(complete("section", "to", &[("page", "sign-in")]), ["tokens"]);
        assert_eq!(complete("section", "to", &[]), ["tokens", "tools"]);
        assert!(complete("section", "", &[("page", "absent")]).is_empty());
        assert!(complete("absent", "", &[]).is_empty());
    }

    /// MCP-M-18, MP-15.
    #[test]
    fn what_there_is_not_is_not_found() {
        for uri in [
            "guide://postern/",
            "guide://postern/About",
            "guide://postern/about/",
            "guide://postern/about/absent",
            "guide://postern/about/for-a-person/more",
            "guide://postern/../about",
            "guide://elsewhere/about",
            "about",
            "",
        ] {
            assert!(matches!(read(uri), Err(Error::NotFound)), "{uri}");
        }
    }
}
