//! The home page: what this server is, and how each known client is connected to it.

use super::{Brand, Page};
use crate::{
    ports::Offer,
    routes,
    words::{self, home::setup},
};
use askama::Template;
use base64ct::{Base64, Encoding};
use web_core::PublicUrl;

/// What this server is, and how to connect to it.
#[derive(Debug, Clone, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// The server's name.
    pub name: String,
    /// The MCP endpoint.
    pub endpoint: String,
    /// What is on offer: title and description.
    pub tools: Vec<(String, String)>,
    /// How to connect.
    pub setups: Vec<Setup>,
    /// Where people see what they connected.
    pub account: String,
}

impl HomePage {
    /// The page of a server that offers this, for somebody who knows it by `address`, which is one of its own.
    pub fn new(public_url: &PublicUrl, address: &str, brand: &Brand, offer: &Offer) -> Self {
        let endpoint = format!("{address}/mcp");
        Self {
            name: brand.name.clone(),
            setups: setups(&brand.slug(), &endpoint, public_url.is_loopback()),
            endpoint,
            // People sign in at one address alone.
            account: match address == public_url.as_str() {
                true => public_url.local(routes::ACCOUNT),
                false => public_url.join(routes::ACCOUNT),
            },
            tools: offer.tools.iter().map(|tool| (tool.title.clone(), tool.description.clone())).collect(),
        }
    }
}

impl Page for HomePage {
    fn title(&self) -> &str {
        ""
    }

    fn is_wide(&self) -> bool {
        true
    }
}

/// How one client is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// The client.
    pub client: &'static str,
    /// In order.
    pub steps: Vec<Step>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// What to do.
    Say(&'static str),
    /// What to copy.
    Copy(String),
    /// What to follow: an address of the client's own scheme.
    Link {
        /// What it does.
        label: &'static str,
        /// Where it leads.
        href: String,
    },
}

/// How each client is connected to the endpoint. `name` is what it is to be called there, a slug
/// ([`Brand::slug`]): neither it nor an address of ours has a character that JSON or a shell would read.
fn setups(name: &str, endpoint: &str, is_loopback: bool) -> Vec<Setup> {
    use Step::{Copy, Say};
    let url = || Copy(endpoint.to_owned());
    // A client on the internet does not reach a developer's machine.
    let hosted = |how: &[&'static str]| match is_loopback {
        true => vec![Say(setup::OUT_OF_REACH)],
        false => how.iter().map(|text| Say(text)).chain([url()]).collect(),
    };
    let remote = format!(
        "{{\n      \"command\": \"npx\",\n      \"args\": [\"-y\", \"mcp-remote\", \"{endpoint}\"]\n    }}"
    );
    let vs_code = format!(r#"{{"name":"{name}","type":"http","url":"{endpoint}"}}"#);
    let cursor = format!(r#"{{ "url": "{endpoint}" }}"#);
    vec![
        Setup { client: setup::CLAUDE, steps: hosted(&[setup::CLAUDE_HOW]) },
        Setup {
            client: setup::CLAUDE_DESKTOP,
            steps: vec![Say(setup::CLAUDE_DESKTOP_HOW), Copy(servers(name, &remote))],
        },
        Setup {
            client: setup::CLAUDE_CODE,
            steps: vec![
                Say(setup::TERMINAL),
                Copy(format!("claude mcp add --transport http {name} {endpoint}")),
                Say(setup::CLAUDE_CODE_THEN),
            ],
        },
        Setup { client: setup::CHATGPT, steps: hosted(&[setup::CHATGPT_FIRST, setup::CHATGPT_THEN]) },
        Setup {
            client: setup::VS_CODE,
            steps: vec![
                Step::Link {
                    label: setup::VS_CODE_INSTALL,
                    href: format!("vscode:mcp/install?{}", encode(&vs_code)),
                },
                Say(setup::OR_TERMINAL),
                Copy(format!("code --add-mcp '{vs_code}'")),
            ],
        },
        Setup {
            client: setup::CURSOR,
            steps: vec![
                Step::Link {
                    label: setup::CURSOR_INSTALL,
                    href: format!(
                        "cursor://anysphere.cursor-deeplink/mcp/install?name={name}&config={}",
                        encode(&Base64::encode_string(cursor.as_bytes()))
                    ),
                },
                Say(setup::CURSOR_OR),
                Copy(servers(name, &cursor)),
            ],
        },
        Setup {
            client: setup::INSPECTOR,
            steps: vec![
                Say(setup::INSPECTOR_2),
                Copy(format!("npx @modelcontextprotocol/inspector --transport http --server-url {endpoint}")),
                Say(setup::INSPECTOR_2_THEN),
                Copy("npx @modelcontextprotocol/inspector".into()),
                Say(setup::INSPECTOR_OLDER_THEN),
                url(),
            ],
        },
        Setup {
            client: setup::MCP_REMOTE,
            steps: vec![
                Say(setup::MCP_REMOTE_HOW),
                Copy(servers(name, &remote)),
                Say(setup::OR_TERMINAL),
                Copy(format!("npx -y mcp-remote {endpoint}")),
            ],
        },
    ]
}

/// A file of the form that most clients have for their servers.
fn servers(name: &str, server: &str) -> String {
    format!("{{\n  \"mcpServers\": {{\n    \"{name}\": {server}\n  }}\n}}")
}

/// As `encodeURIComponent` writes it. What is encoded has no spaces, in which the two would differ.
fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn at(public_url: &str) -> Vec<Setup> {
        let endpoint = PublicUrl::parse(public_url).unwrap().join("/mcp");
        setups("our-tools", &endpoint, public_url.starts_with("http:"))
    }

    fn links(setups: &[Setup]) -> Vec<&str> {
        let steps = setups.iter().flat_map(|setup| &setup.steps);
        steps
            .filter_map(|step| if let Step::Link { href, .. } = step { Some(href.as_str()) } else { None })
            .collect()
    }

    fn copied(setups: &[Setup]) -> Vec<&str> {
        let steps = setups.iter().flat_map(|setup| &setup.steps);
        steps
            .filter_map(|step| if let Step::Copy(text) = step { Some(text.as_str()) } else { None })
            .collect()
    }

    /// The forms that the clients document: VS Code's has the server as JSON in the query
    /// (code.visualstudio.com/api/extension-guides/ai/mcp), Cursor's has its name, and the rest as JSON in
    /// base64 (cursor.com/docs/mcp/install-links).
    #[test]
    fn install_links_say_what_the_clients_read() {
        let setups = at("https://mcp.example.com");
        let [vs_code, cursor] = links(&setups)[..] else { panic!("two links") };
        let query = vs_code.strip_prefix("vscode:mcp/install?").unwrap();
        assert!(query.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%-_.".contains(&byte)), "{query}");
        let query = format!("x={query}");
        let (_, server) = form_urlencoded::parse(query.as_bytes()).next().unwrap();
        let expected = json!({ "name": "our-tools", "type": "http", "url": "https://mcp.example.com/mcp" });
        assert_eq!(serde_json::from_str::<Value>(&server).unwrap(), expected);

        let (before, query) = cursor.split_once('?').unwrap();
        assert_eq!(before, "cursor://anysphere.cursor-deeplink/mcp/install");
        let query: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        assert_eq!(query[0], ("name".into(), "our-tools".into()));
        let config = Base64::decode_vec(&query[1].1).unwrap();
        let expected = json!({ "url": "https://mcp.example.com/mcp" });
        assert_eq!(serde_json::from_slice::<Value>(&config).unwrap(), expected);
    }

    #[test]
    fn files_are_json_with_the_address_in_it() {
        let setups = at("https://mcp.example.com");
        let files = copied(&setups).into_iter().filter(|text| text.starts_with('{'));
        let files: Vec<Value> = files.map(|text| serde_json::from_str(text).unwrap()).collect();
        assert_eq!(files.len(), 3);
        for file in files {
            let server = file["mcpServers"]["our-tools"].to_string();
            assert!(server.contains("https://mcp.example.com/mcp"), "{server}");
        }
    }

    /// Nobody is sent to connect a service on the internet to their own machine.
    #[test]
    fn every_client_is_told_an_address_that_it_can_reach() {
        for (url, is_hosted) in [("https://mcp.example.com", true), ("http://127.0.0.1:3000", false)] {
            for setup in at(url) {
                let is_told = setup.steps.iter().any(|step| match step {
                    Step::Copy(text) => text.contains(&format!("{url}/mcp")),
                    _ => false,
                });
                let needs_internet = [setup::CLAUDE, setup::CHATGPT].contains(&setup.client);
                assert_eq!(is_told, is_hosted || !needs_internet, "{} at {url}", setup.client);
            }
        }
    }
}
