//! Which application shows a client id that is unknown here, and how its registration is reset.
//!
//! That is not told by the id, which cannot be read, but by where the application asks the user to be sent.
//! Anybody can ask for any address, so this chooses among fixed texts for an error page, and nothing else
//! depends on it.

use crate::words::reset;
use web_core::Form;

/// An application that people have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Application {
    /// ChatGPT.
    ChatGpt,
    /// Claude in the browser, on the desktop, or on a phone.
    Claude,
    /// Claude Code.
    ClaudeCode,
    /// Cursor.
    Cursor,
    /// MCP Inspector.
    Inspector,
    /// `mcp-remote`.
    McpRemote,
    /// VS Code.
    VsCode,
}

/// Ports that MCP Inspector listens on: its web page and its command line.
const INSPECTOR_PORTS: [&str; 2] = ["6274", "6276"];

/// The port that Cursor's command line listens on.
const CURSOR_PORT: &str = "8787";

/// The port that VS Code tries first.
const VS_CODE_PORT: &str = "33418";

impl Application {
    /// Which application an authorization request seems to be of.
    pub fn guess(query: &str) -> Option<Self> {
        let form = Form::parse(query.as_bytes()).ok()?;
        let redirect_uri = form.single("redirect_uri").ok().flatten()?;
        let (scheme, rest) = redirect_uri.split_once("://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.split('?').next().unwrap_or_default();
        match (scheme, authority, path) {
            ("https", "claude.ai" | "claude.com", _) | ("claude", _, _) => Some(Self::Claude),
            ("https", "chatgpt.com", _) => Some(Self::ChatGpt),
            ("https", "www.cursor.com", _) | ("cursor", _, _) => Some(Self::Cursor),
            ("https", "vscode.dev" | "insiders.vscode.dev", _) | ("vscode" | "vscode-insiders", _, _) => {
                Some(Self::VsCode)
            }
            ("http", _, _) => {
                let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
                match (host, port, path) {
                    ("localhost" | "127.0.0.1", port, "oauth/callback" | "oauth/callback/debug")
                        if INSPECTOR_PORTS.contains(&port) =>
                    {
                        Some(Self::Inspector)
                    }
                    ("localhost" | "127.0.0.1", _, "oauth/callback") => Some(Self::McpRemote),
                    ("localhost", CURSOR_PORT, "callback") => Some(Self::Cursor),
                    ("localhost", _, "callback") => Some(Self::ClaudeCode),
                    ("127.0.0.1", VS_CODE_PORT, "") => Some(Self::VsCode),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What the person can do about it.
    pub fn how_to_reset(self) -> &'static str {
        match self {
            Self::ChatGpt => reset::CHATGPT,
            Self::Claude => reset::CLAUDE,
            Self::ClaudeCode => reset::CLAUDE_CODE,
            Self::Cursor => reset::CURSOR,
            Self::Inspector => reset::INSPECTOR,
            Self::McpRemote => reset::MCP_REMOTE,
            Self::VsCode => reset::VS_CODE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(redirect_uri: &str) -> Option<Application> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", "x")
            .append_pair("redirect_uri", redirect_uri)
            .finish();
        Application::guess(&query)
    }

    /// The addresses are those that the applications register.
    #[test]
    fn applications_are_told_by_their_redirect_uris() {
        for (redirect_uri, application) in [
            ("https://claude.ai/api/mcp/auth_callback", Application::Claude),
            ("https://claude.com/api/mcp/auth_callback", Application::Claude),
            ("claude://claude.ai/mcp-auth-callback/sdk", Application::Claude),
            ("https://chatgpt.com/connector_platform_oauth_redirect", Application::ChatGpt),
            ("https://chatgpt.com/connector/oauth/abc", Application::ChatGpt),
            ("cursor://anysphere.cursor-mcp/oauth/callback", Application::Cursor),
            ("http://localhost:8787/callback", Application::Cursor),
            ("http://127.0.0.1:33418/", Application::VsCode),
            ("https://vscode.dev/redirect", Application::VsCode),
            ("http://localhost:6274/oauth/callback", Application::Inspector),
            ("http://127.0.0.1:6276/oauth/callback", Application::Inspector),
            ("http://localhost:3334/oauth/callback", Application::McpRemote),
            ("http://localhost:54212/callback", Application::ClaudeCode),
        ] {
            assert_eq!(guess(redirect_uri), Some(application), "{redirect_uri}");
        }
    }

    #[test]
    fn nothing_is_guessed_of_other_addresses() {
        for redirect_uri in
            ["https://claude.ai.evil.example/", "https://client.example/cb", "http://localhost/x", "x", ""]
        {
            assert_eq!(guess(redirect_uri), None, "{redirect_uri}");
        }
        assert_eq!(Application::guess("redirect_uri=%"), None);
        assert_eq!(Application::guess("redirect_uri=cursor://a&redirect_uri=cursor://a"), None);
    }
}
