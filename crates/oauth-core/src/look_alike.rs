//! Names and hosts that look like somebody else's (AZ-30, BR-15).
//!
//! A client may call itself anything. Three things give a person away to it: a name that well-known clients
//! have, a word whose letters come from several scripts, and a host that reads like another. None of them is
//! refused, for each has honest uses; the consent page says so, next to what is certain.
//!
//! Two names look alike when their skeletons are the same, as in Unicode Technical Standard 39 section 4. Its
//! table has thousands of rows, for names of all kinds; the one here has what can stand for the letters of the
//! names below, which is a hundredth of its size. What counts as mixed is "moderately restrictive" (section
//! 5.2), by word: names of two words in two scripts are honest names.

use crate::{
    client::{Client, Source, redirect_uri},
    pages::Brand,
    words::consent,
};
use redirect_uri::Destination;

/// A client that people know by name, or a company that they do.
struct Known {
    /// The name, and then what else it is called.
    names: &'static [&'static str],
    /// Where it is at home: it publishes itself there, or has people sent there. The first is shown.
    hosts: &'static [&'static str],
    /// Whether it, or something of that name, has people sent to a program on their own computer.
    is_local: bool,
}

const KNOWN: [Known; 10] = [
    Known {
        names: &["Claude", "Anthropic"],
        hosts: &["claude.ai", "claude.com", "anthropic.com"],
        is_local: true,
    },
    Known { names: &["ChatGPT", "OpenAI"], hosts: &["chatgpt.com", "openai.com"], is_local: false },
    Known { names: &["Codex"], hosts: &["chatgpt.com", "openai.com"], is_local: true },
    Known {
        names: &["VS Code", "Visual Studio Code"],
        hosts: &["vscode.dev", "code.visualstudio.com", "visualstudio.com"],
        is_local: true,
    },
    Known { names: &["Cursor"], hosts: &["cursor.com", "cursor.sh"], is_local: true },
    Known { names: &["GitHub"], hosts: &["github.com", "vscode.dev"], is_local: true },
    Known { names: &["Gemini"], hosts: &["gemini.google.com", "google.com"], is_local: true },
    Known { names: &["Windsurf"], hosts: &["windsurf.com", "codeium.com"], is_local: true },
    Known { names: &["MCP Inspector"], hosts: &["modelcontextprotocol.io"], is_local: true },
    Known { names: &["mcp-remote"], hosts: &["modelcontextprotocol.io"], is_local: true },
];

/// What the person who is asked should know of a client's name, and of where it has people sent, in
/// sentences.
pub fn warnings(client: &Client, redirect_uri: &str, brand: &Brand) -> Vec<String> {
    let destination = redirect_uri::destination(redirect_uri);
    let mut warnings = Vec::new();
    let publisher = match &client.source {
        // The operator knows what it is called.
        Source::Configured { .. } => return warnings,
        Source::MetadataDocument { host } => Some(without_port(host)),
        Source::Registered => None,
    };
    let words = skeletons(&client.name);
    let is_called = |name: &str| has_run(&words, &skeletons(name).concat());
    if has_mixed_scripts(&client.name) {
        warnings.push(consent::MIXED_SCRIPTS.to_owned());
    }
    for known in &KNOWN {
        let called = known.names.iter().find(|name| is_called(name));
        let (Some(called), [home, ..]) = (called, known.hosts) else { continue };
        if !known.is_shown(publisher, destination) {
            warnings.push(consent::known_name(called, home));
        }
    }
    if is_called(&brand.name) || is_called(without_port(&brand.host)) {
        warnings.push(consent::own_name(&brand.name));
    }
    let website = if let Destination::Host(host) = destination { Some(without_port(host)) } else { None };
    for host in [publisher, website.filter(|website| Some(*website) != publisher)].into_iter().flatten() {
        if host.split('.').any(|label| label.starts_with("xn--")) {
            warnings.push(consent::foreign_host(host));
        } else if let Some(other) = looks_like_host(host) {
            warnings.push(consent::host_like(host, other));
        }
    }
    warnings
}

impl Known {
    /// Whether the host that vouches for the client, or else the place to which people are sent, is this one's.
    fn is_shown(&self, publisher: Option<&str>, destination: Destination<'_>) -> bool {
        match (publisher, destination) {
            (Some(host), _) => self.is_at_home(host),
            (None, Destination::Host(host)) => self.is_at_home(without_port(host)),
            (None, Destination::ThisComputer(_) | Destination::App(_)) => self.is_local,
        }
    }

    fn is_at_home(&self, host: &str) -> bool {
        self.hosts.iter().any(|home| is_at(host, home))
    }
}

/// Whether a host is this one, or under it.
fn is_at(host: &str, home: &str) -> bool {
    host.strip_suffix(home).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn without_port(authority: &str) -> &str {
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

/// The known host that this one is not, and is easily read as: with digits for letters, or as its beginning.
fn looks_like_host(host: &str) -> Option<&'static str> {
    let mut homes = KNOWN.iter().flat_map(|known| known.hosts);
    if KNOWN.iter().any(|known| known.is_at_home(host)) {
        return None;
    }
    let labels = skeletons(host);
    let has = |home: &str| {
        let home = skeletons(home);
        labels.windows(home.len()).any(|labels| labels == home)
    };
    homes.find(|home| has(home)).copied()
}

/// Whether some words in a row are, without what is between them, this.
fn has_run(words: &[String], wanted: &str) -> bool {
    !wanted.is_empty()
        && (0..words.len()).any(|start| {
            let mut run = String::new();
            words.iter().skip(start).any(|word| {
                run.push_str(word);
                run == wanted
            })
        })
}

/// The words of a text, each as it looks.
fn skeletons(text: &str) -> Vec<String> {
    let looks: String = text.chars().filter_map(skeleton).collect();
    let words = looks.split(|character: char| !character.is_alphanumeric());
    // Two that are read as one.
    words.filter(|word| !word.is_empty()).map(|word| word.replace("rn", "m").replace("vv", "w")).collect()
}

/// What can stand for each letter. `i` and `l` stand for each other.
const LOOKS_LIKE: [(char, &str); 23] = [
    ('a', "àáâãäåāăąǎạαаɑ4@"),
    ('b', "вьβ8"),
    ('c', "çćčсϲϹᴄ¢"),
    ('d', "ďđԁɗ"),
    ('e', "èéêëēĕėęěẹеєε3€"),
    ('g', "ĝğġģɡԍ9"),
    ('h', "ĥħһհнΗ"),
    ('k', "ķкκ"),
    ('l', "iìíîïĩīĭįıіїɩι1!|łĺļľӏ"),
    ('m', "мμṁ"),
    ('n', "ñńņňпηΝո"),
    ('o', "òóôõöøōŏőọοоօσ0"),
    ('p', "рρþ"),
    ('q', "ԛ"),
    ('r', "ŕŗřг"),
    ('s', "śŝşšșѕ5$"),
    ('t', "ţťŧтτ7"),
    ('u', "ùúûüũūŭůűųυս"),
    ('v', "νѵ"),
    ('w', "ŵԝѡω"),
    ('x', "хχ×"),
    ('y', "ýÿŸуүγΥ"),
    ('z', "źżžζ2"),
];

/// What a character looks like, in lower case. `None` for marks that only add to another.
fn skeleton(character: char) -> Option<char> {
    let plain = match u32::from(character) {
        0x300..=0x36f => return None,
        // Full width.
        code @ 0xff01..=0xff5e => char::from_u32(code - 0xfee0)?,
        // Mathematical alphabets, each of them upper case and then lower case.
        code @ 0x1d400..=0x1d6a3 => char::from(b'a' + u8::try_from((code - 0x1d400) % 26).ok()?),
        _ => character,
    };
    let lower = lower_case(plain);
    // Some Greek capitals look like other letters than their small ones do.
    let found = [plain, lower].into_iter().find_map(|character| {
        LOOKS_LIKE.iter().find(|(_, others)| others.contains(character)).map(|(letter, _)| *letter)
    });
    Some(found.unwrap_or(lower))
}

/// The lower case of a letter of the blocks that [`LOOKS_LIKE`] has letters of. The standard library's table is
/// for all of Unicode, and would be the largest thing here.
fn lower_case(character: char) -> char {
    let code = u32::from(character);
    let distance = match code {
        // Latin 1, Greek, Cyrillic.
        0x41..=0x5a | 0xc0..=0xd6 | 0xd8..=0xde | 0x391..=0x3ab | 0x410..=0x42f => 32,
        0x400..=0x40f => 80,
        // Armenian.
        0x531..=0x556 => 48,
        0x4c0 => 15,
        // Latin, with capitals at odd numbers.
        0x139..=0x148 | 0x179..=0x17e | 0x1cd..=0x1dc => code % 2,
        // Latin and Cyrillic, with capitals at even numbers.
        0x100..=0x137
        | 0x14a..=0x177
        | 0x218..=0x21b
        | 0x460..=0x481
        | 0x48a..=0x4bf
        | 0x4d0..=0x52f
        | 0x1e00..=0x1eff => 1 - code % 2,
        _ => 0,
    };
    char::from_u32(code + distance).unwrap_or(character)
}

/// Scripts that have letters which look like another's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Cherokee,
    Coptic,
    Lisu,
    /// Latin letters in a disguise: as text, nobody needs them.
    Styled,
}

fn script(character: char) -> Option<Script> {
    if !character.is_alphabetic() {
        return None;
    }
    Some(match u32::from(character) {
        0x41..=0x24f | 0x1e00..=0x1eff => Script::Latin,
        0x370..=0x3ff | 0x1f00..=0x1fff => Script::Greek,
        0x400..=0x52f | 0x1c80..=0x1c8f | 0xa640..=0xa69f => Script::Cyrillic,
        0x530..=0x58f => Script::Armenian,
        0x13a0..=0x13ff | 0xab70..=0xabbf => Script::Cherokee,
        0x2c80..=0x2cff => Script::Coptic,
        0xa4d0..=0xa4ff => Script::Lisu,
        0xff21..=0xff5a | 0x1d400..=0x1d7ff | 0x1d00..=0x1d7f | 0x250..=0x2af => Script::Styled,
        _ => return None,
    })
}

fn has_mixed_scripts(name: &str) -> bool {
    name.split(|character: char| !character.is_alphanumeric()).any(|word| {
        let mut scripts = word.chars().filter_map(script);
        let first = scripts.next();
        first == Some(Script::Styled) || scripts.any(|other| Some(other) != first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{ClientKeys, authentication::Method};
    use web_core::PublicUrl;

    fn warned(name: &str, source: Source, redirect_uri: &str) -> Vec<String> {
        let client = Client {
            id: "x".into(),
            name: name.into(),
            redirect_uris: vec![redirect_uri.into()],
            authentication: Method::None,
            keys: ClientKeys::None,
            source,
        };
        let brand = Brand::of(&PublicUrl::parse("https://tools.example.com").unwrap());
        warnings(&client, redirect_uri, &brand)
    }

    fn registered(name: &str, redirect_uri: &str) -> Vec<String> {
        warned(name, Source::Registered, redirect_uri)
    }

    fn published(name: &str, host: &str) -> Vec<String> {
        let redirect_uri = format!("https://{host}/cb");
        warned(name, Source::MetadataDocument { host: host.into() }, &redirect_uri)
    }

    /// The names and addresses that the clients themselves register.
    #[test]
    fn clients_as_they_are_get_no_warning() {
        for (name, redirect_uri) in [
            ("Claude", "https://claude.ai/api/mcp/auth_callback"),
            ("Claude", "https://claude.com/api/mcp/auth_callback"),
            ("Claude Code (postern)", "http://localhost:54212/callback"),
            ("ChatGPT", "https://chatgpt.com/connector/oauth/abc"),
            ("Visual Studio Code", "http://127.0.0.1:33418/"),
            ("Visual Studio Code", "https://vscode.dev/redirect"),
            ("Cursor", "cursor://anysphere.cursor-mcp/oauth/callback"),
            ("Cursor", "https://www.cursor.com/agents/mcp/oauth/callback"),
            ("MCP Inspector", "http://localhost:6274/oauth/callback"),
            ("MCP CLI Proxy", "http://localhost:3334/oauth/callback"),
            ("", "https://client.example/cb"),
            ("Precursor", "https://client.example/cb"),
            ("Claudette", "https://client.example/cb"),
            ("Помощник GPT", "https://client.example/cb"),
            ("クロードAI助手", "https://client.example/cb"),
            ("Müller & Søn", "https://client.example:8443/cb"),
            ("Ελληνικά", "https://client.example/cb"),
        ] {
            assert_eq!(registered(name, redirect_uri), [""; 0], "{name} {redirect_uri}");
        }
        assert_eq!(published("Claude", "claude.ai"), [""; 0]);
        assert_eq!(published("ChatGPT", "chatgpt.com"), [""; 0]);
        let configured = Source::Configured { secret: None };
        assert_eq!(warned("Claude", configured, "https://evil.example/cb"), [""; 0]);
    }

    /// AZ-30: whoever calls itself what a known client is called, in whatever letters.
    #[test]
    fn names_of_known_clients_are_flagged() {
        for name in [
            "Claude",
            "claude",
            "The Claude App",
            "CIaude",
            "C1aude",
            "C l a u d e",
            "Cla-ude",
            "Cláude",
            "Сlаudе",
            "ᴄlaude",
            "Ｃｌａｕｄｅ",
            "𝐂𝐥𝐚𝐮𝐝𝐞",
            "𝓬𝓵𝓪𝓾𝓭𝓮",
            "Cla\u{301}ude",
            "CLAUDE",
            "ĆŁÀŲĎĖ",
            "СLАUDЕ",
            "Сӏаυԁе",
            "Anthropic",
        ] {
            let warnings = registered(name, "https://evil.example/cb").concat();
            assert!(warnings.contains("claude.ai"), "{name}: {warnings}");
        }
        for (name, home) in [
            ("Chat GPT", "chatgpt.com"),
            ("VSCode", "vscode.dev"),
            ("Visual-Studio-Code", "vscode.dev"),
            ("Сursоr", "cursor.com"),
            ("GitHub Copilot", "github.com"),
            ("Github", "github.com"),
            ("vvindsurf", "windsurf.com"),
            ("Gernini", "gemini.google.com"),
            ("GΙΤΗUΒ", "github.com"),
        ] {
            let warnings = registered(name, "https://evil.example/cb").concat();
            assert!(warnings.contains(home), "{name}: {warnings}");
        }
        assert!(registered("ChatGPT", "http://localhost:1/cb").concat().contains("chatgpt.com"));
        assert!(published("Claude", "evil.example").concat().contains("claude.ai"));
        assert!(
            registered("Tools.Example.com", "https://evil.example/cb").concat().contains("tools.example.com")
        );
    }

    /// What is computed is what the standard library knows. Letters of the phonetic alphabet have capitals that
    /// look like nothing else, and three Greek ones look like other letters than their small ones.
    #[test]
    fn capitals_look_like_their_letters() {
        for (letter, others) in LOOKS_LIKE {
            for other in
                others.chars().chain([letter]).filter(|other| !('\u{250}'..='\u{2af}').contains(other))
            {
                assert_eq!(skeleton(other), skeleton(letter), "{other}");
                for upper in other.to_uppercase().filter(|upper| upper.to_lowercase().eq([other])) {
                    let expected = if "ΗΝΥ".contains(upper) { skeleton(upper) } else { skeleton(letter) };
                    assert_eq!(skeleton(upper), expected, "{upper}");
                }
            }
        }
    }

    #[test]
    fn mixed_scripts_are_flagged() {
        for name in ["Payраl", "Αpple", "Ꮯode", "𝐁ank", "Ｂank", "helper Ⲥo", "Bаnk"] {
            assert!(
                registered(name, "https://client.example/cb").contains(&consent::MIXED_SCRIPTS.to_owned()),
                "{name}"
            );
        }
    }

    /// BR-15, CM-24.
    #[test]
    fn hosts_that_read_like_others_are_flagged() {
        for host in [
            "claude.ai.evil.example",
            "www.claude.ai.evil.example",
            "c1aude.ai",
            "cIaude.ai",
            "chatgpt.com.example",
            "xn--clade-0ra.ai",
        ] {
            let warnings = registered("Helper", &format!("https://{host}/cb")).concat();
            assert!(warnings.contains(host), "{host}: {warnings}");
            assert!(published("Helper", host).len() == 1, "said once: {host}");
        }
        for host in ["claude.ai", "www.cursor.com", "client.example", "notclaude.ai", "claude.example"] {
            assert_eq!(registered("Helper", &format!("https://{host}/cb")), [""; 0], "{host}");
        }
    }
}
