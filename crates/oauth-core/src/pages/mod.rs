//! The pages: one typed struct each, with only what the page shows. The HTML is in `templates/`, without the
//! layout that goes around it; the sentences are in [`crate::words`]; escaping is automatic, and there is no
//! script.

pub mod account;
pub mod brand;
pub mod home;
pub mod refused;

pub use account::{AccountPage, ChangePage, ConfirmPage, DonePage, SignedOutPage};
pub use brand::Brand;
pub use home::HomePage;
pub use refused::RefusedPage;

use crate::{
    client::{policy::KnownClients, redirect_uri},
    ports::{Alternative, Field},
    routes,
    trace::TraceId,
    words::{self, ErrorWords},
};
use askama::Template;
use base64ct::{Base64, Encoding};
use http::{HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use web_core::{Forms, PublicUrl, Reply};

/// The one stylesheet, inlined by the layout.
pub(crate) const STYLE: &str = include_str!("../../templates/style.css");

/// What goes around every page.
#[derive(Template)]
#[template(path = "layout.html")]
struct Layout<'a> {
    brand: &'a Brand,
    title: &'a str,
    is_wide: bool,
    icon: &'a str,
    style: &'a str,
    content: &'a str,
}

/// Renders a page. `forms` says where its forms lead.
pub fn reply(status: StatusCode, page: &impl Page, brand: &Brand, forms: Forms) -> Reply {
    match page.render().map(|content| lay_out(&content, page.title(), page.is_wide(), brand)) {
        Ok(Some((html, style_source))) => Reply::html(status, html, &style_source, forms),
        // Rendering fails only when writing to a string does.
        Ok(None) | Err(_) => Reply::empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The icon for whoever asks for it by its usual name: for the pages it is a part of each.
pub fn icon(brand: &Brand) -> Reply {
    let fixed = HeaderValue::from_static;
    Reply { body: brand.icon().into(), ..Reply::empty(StatusCode::OK) }
        .with(header::CONTENT_TYPE, fixed("image/svg+xml"))
        .with(header::CONTENT_SECURITY_POLICY, fixed("default-src 'none'"))
        .with(header::CACHE_CONTROL, fixed("public, max-age=86400"))
}

/// Renders a step of a conversation. `retry_after` is in how many seconds the next answer is looked at, if there
/// were too many wrong ones (RFC 6585 section 4).
pub fn prompt_reply(retry_after: Option<u32>, page: &impl Page, brand: &Brand, forms: Forms) -> Reply {
    match retry_after {
        Some(seconds) => reply(StatusCode::TOO_MANY_REQUESTS, page, brand, forms).with_retry_after(seconds),
        None => reply(StatusCode::OK, page, brand, forms),
    }
}

/// The whole page, and its stylesheet's hash as a CSP source (CSP Level 3 section 2.3.1).
fn lay_out(content: &str, title: &str, is_wide: bool, brand: &Brand) -> Option<(String, String)> {
    let style = brand.style();
    let icon = Base64::encode_string(brand.icon().as_bytes());
    let html = Layout { brand, title, is_wide, icon: &icon, style: &style, content }.render().ok()?;
    Some((html, format!("sha256-{}", Base64::encode_string(&Sha256::digest(style.as_bytes())))))
}

/// The server's host, with its port, as pages show it.
pub fn host_of(public_url: &PublicUrl) -> String {
    without_scheme(public_url.origin())
}

/// An address as people say it.
pub(crate) fn without_scheme(url: &str) -> String {
    url.split_once("://").map_or(url, |(_, rest)| rest).to_owned()
}

/// A page of ours: what stands inside the layout.
pub trait Page: Template {
    /// The document's title, before the server's name. Empty for the server's own page.
    fn title(&self) -> &str;

    /// Whether it needs more room than a form does.
    fn is_wide(&self) -> bool {
        false
    }
}

/// A step of signing in.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// Where the form goes.
    pub action: String,
    /// The sealed transaction.
    pub transaction: String,
    /// Who wants to connect. Unverified; may be empty.
    pub client_name: String,
    /// The server's host.
    pub host: String,
    /// What the form is for, if it is not for signing in.
    pub heading: Option<String>,
    /// One sentence under the heading.
    pub notice: Option<String>,
    /// What was wrong with the last answer.
    pub problem: Option<String>,
    /// What to fill in.
    pub fields: Vec<Field>,
    /// The text of the button that sends the fields.
    pub submit: String,
    /// Other ways to go on.
    pub alternatives: Vec<Alternative>,
    /// Whether the browser is to stay signed in after it is closed; nothing, and the person is not asked.
    pub keeps_signed_in: Option<bool>,
}

impl SignInPage {
    fn focus(&self) -> usize {
        first_empty(&self.fields)
    }

    fn ways(&self, leads_elsewhere: bool) -> Vec<&Alternative> {
        ways(&self.alternatives, leads_elsewhere)
    }
}

/// The ways to go on that lead to another site, or those that do not.
fn ways(alternatives: &[Alternative], leads_elsewhere: bool) -> Vec<&Alternative> {
    alternatives.iter().filter(|way| way.leads_elsewhere == leads_elsewhere).collect()
}

/// The field that a person goes on with: the first that is not filled in yet.
fn first_empty(fields: &[Field]) -> usize {
    fields.iter().position(|field| field.value.is_empty()).unwrap_or_default()
}

/// The decision.
#[derive(Debug, Clone, Template)]
#[template(path = "consent.html")]
pub struct ConsentPage {
    /// Where the form goes.
    pub action: String,
    /// The sealed transaction.
    pub transaction: String,
    /// Who wants to connect. Unverified; may be empty.
    pub client_name: String,
    /// Who says so.
    pub identity: ClientIdentity,
    /// What should make one think twice (see [`crate::look_alike`]).
    pub warnings: Vec<String>,
    /// The server's host.
    pub host: String,
    /// Where the user ends it later, without the scheme.
    pub account: String,
    /// Where the user will be sent.
    pub destination: Destination,
    /// Who is signed in.
    pub user: String,
    /// Why the page is shown again.
    pub problem: Option<&'static str>,
    /// What is asked for.
    pub scopes: Vec<ConsentScope>,
    /// Tools that need no scope.
    pub open_tools: Vec<String>,
    /// The connection that ends if the user approves.
    pub replaced: Option<ReplacedConnection>,
    /// Whether the user may let the decision stand for later requests.
    pub can_be_remembered: bool,
    /// Whether the box for that is ticked.
    pub is_to_be_remembered: bool,
}

/// A connection that ends if the user approves another one.
#[derive(Debug, Clone)]
pub struct ReplacedConnection {
    /// Why, and which application's it is.
    pub text: String,
    /// When it was approved.
    pub approved_at: account::ShownDay,
    /// In which browser.
    pub browser: Option<String>,
    /// When it was last used.
    pub last_used_on: Option<account::ShownDay>,
}

/// Where what is known of a client comes from, for the person who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientIdentity {
    /// Whoever runs the server wrote it down.
    Configured,
    /// Whoever has this host publishes it.
    Published {
        /// The host.
        host: String,
        /// Whether every program on the user's computer could take its place (AZ-31): all its redirect
        /// URIs lead there, and the host's owner has no say in who listens.
        anybodys: bool,
    },
    /// The client itself, which has people sent to an address of a known client.
    Known,
    /// The client itself, which is a program on the person's computer.
    Local,
    /// The client itself, and nothing speaks for it.
    Registered,
}

impl ClientIdentity {
    /// Of a client that registered itself and has people sent there.
    pub(crate) fn registered(destination: redirect_uri::Destination<'_>, known: &KnownClients) -> Self {
        match destination {
            redirect_uri::Destination::ThisComputer(_) => Self::Local,
            other if known.contains(other) => Self::Known,
            _ => Self::Registered,
        }
    }
}

/// A scope to grant or not.
#[derive(Debug, Clone)]
pub struct ConsentScope {
    /// The scope token.
    pub name: String,
    /// What granting it allows.
    pub description: String,
    /// The tools that it unlocks.
    pub tools: Vec<String>,
    /// Whether it is granted, unless the person says otherwise.
    pub is_ticked: bool,
    /// Whether the application asks for more than it has, and this is a part of that.
    pub is_new: bool,
}

/// Where the user will be sent, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A website.
    Website(String),
    /// A program on this computer that listens there.
    ThisComputer(String),
    /// An app on this computer with this scheme.
    App(String),
}

impl From<redirect_uri::Destination<'_>> for Destination {
    fn from(destination: redirect_uri::Destination<'_>) -> Self {
        match destination {
            redirect_uri::Destination::Host(host) => Self::Website(host.to_owned()),
            redirect_uri::Destination::ThisComputer(host) => Self::ThisComputer(host.to_owned()),
            redirect_uri::Destination::App(scheme) => Self::App(scheme.to_owned()),
        }
    }
}

/// Something went wrong, and there is nowhere to send it.
#[derive(Debug, Clone, Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    /// What happened, and what to do about it.
    pub said: ErrorWords,
    /// Where a sign-in failed, if it was elsewhere.
    pub place: Option<&'a str>,
    /// More of what to do.
    pub more: &'a [&'static str],
    /// What the log has this request under.
    pub trace: &'a TraceId,
    /// The parameters of the authorization request that a button begins again; none, and there is no button.
    pub again: &'a [(String, String)],
    /// Whether the way on is the person's account.
    pub leads_to_account: bool,
    /// The path from which the person can try again.
    pub way_back: Option<&'a str>,
    /// The path of the server's address, which links begin with.
    pub path: &'a str,
    /// Whether there is a link to the home page.
    pub leads_home: bool,
}

impl Page for SignInPage {
    fn title(&self) -> &str {
        self.heading.as_deref().unwrap_or(words::sign_in::TITLE)
    }
}

impl Page for ConsentPage {
    fn title(&self) -> &str {
        words::consent::TITLE
    }
}

impl Page for ErrorPage<'_> {
    fn title(&self) -> &str {
        self.said.title
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{Offer, OfferedTool};
    use http::{HeaderMap, Method};
    use store_core::testing::SequenceRandom;
    use web_core::Head;

    /// A payload for everything that somebody else may have written.
    const HOSTILE: &str = "\"><script>alert(1)</script>'&";

    fn sign_in(text: &str) -> SignInPage {
        let field = |name: &str, label: &str, kind, value: &str| Field {
            name: name.into(),
            label: label.into(),
            kind,
            autocomplete: if kind == "password" { "current-password" } else { "username" }.into(),
            value: value.into(),
        };
        SignInPage {
            action: "/sign-in".into(),
            transaction: "sealed".into(),
            client_name: text.into(),
            host: "127.0.0.1:3000".into(),
            heading: None,
            notice: Some(text.into()),
            problem: Some(text.into()),
            fields: vec![
                field("email", "E-mail", "email", text),
                field("password", "Password", "password", ""),
            ],
            submit: "Continue".into(),
            alternatives: vec![
                Alternative { name: "invitation".into(), label: text.into(), leads_elsewhere: false },
                Alternative { name: "elsewhere".into(), label: text.into(), leads_elsewhere: true },
            ],
            keeps_signed_in: Some(true),
        }
    }

    fn consent(text: &str) -> ConsentPage {
        ConsentPage {
            action: "/consent".into(),
            transaction: "sealed".into(),
            client_name: text.into(),
            identity: ClientIdentity::Registered,
            warnings: vec![text.into()],
            account: "127.0.0.1:3000/account".into(),
            host: "127.0.0.1:3000".into(),
            destination: Destination::Website(text.into()),
            user: text.into(),
            problem: None,
            scopes: vec![ConsentScope {
                name: text.into(),
                description: text.into(),
                tools: vec![text.into()],
                is_ticked: true,
                is_new: true,
            }],
            open_tools: vec![text.into()],
            replaced: None,
            can_be_remembered: true,
            is_to_be_remembered: false,
        }
    }

    fn refused(text: &str) -> RefusedPage {
        RefusedPage {
            reason: "response_type is missing".into(),
            destination: Destination::Website(text.into()),
            link: format!("https://client.example/?{text}"),
        }
    }

    fn published(host: &str) -> ClientIdentity {
        ClientIdentity::Published { host: host.into(), anybodys: true }
    }

    fn brand() -> Brand {
        Brand::of(&PublicUrl::parse("https://mcp.example.com").unwrap())
    }

    fn home(text: &str) -> HomePage {
        let public_url = PublicUrl::parse("https://mcp.example.com").unwrap();
        let tool = OfferedTool { title: text.into(), description: text.into(), scopes: Vec::new() };
        HomePage::new(
            &public_url,
            public_url.as_str(),
            &brand(),
            &Offer { scopes: Vec::new(), tools: vec![tool] },
        )
    }

    fn html(page: &impl Page, brand: &Brand) -> String {
        String::from_utf8(reply(StatusCode::OK, page, brand, Forms::StayHere).body.to_vec()).unwrap()
    }

    /// BR-01.
    #[test]
    fn everything_is_escaped() {
        let published = ConsentPage { identity: published(HOSTILE), ..consent("Inspector") };
        let mut hostile = brand();
        for text in [&mut hostile.name, &mut hostile.host, &mut hostile.logo_text] {
            HOSTILE.clone_into(text);
        }
        hostile.support_url = Some(HOSTILE.into());
        for brand in [brand(), hostile] {
            for page in [
                html(&sign_in(HOSTILE), &brand),
                html(&consent(HOSTILE), &brand),
                html(&published, &brand),
                html(&home(HOSTILE), &brand),
                html(&refused(HOSTILE), &brand),
            ] {
                assert!(!page.contains("<script") && !page.contains(HOSTILE), "{page}");
            }
        }
    }

    /// Pages as they are, to review without running anything. `UPDATE_GOLDEN=1 cargo test` rewrites them.
    #[test]
    fn pages_look_as_they_did() {
        let head = Head {
            method: Method::GET,
            path: "/".into(),
            query: None,
            authority: None,
            headers: HeaderMap::new(),
        };
        let trace = TraceId::of(&head, &SequenceRandom::new(1));
        let said = ErrorWords { title: "Title", text: "What happened.", help: "What to do." };
        let again = [("state".to_owned(), HOSTILE.to_owned())];
        let error = ErrorPage {
            said,
            place: Some("Field & Co"),
            more: &["And what else."],
            trace: &trace,
            again: &again,
            way_back: Some("/authorize?a=b&c=d"),
            leads_to_account: true,
            path: "/x",
            leads_home: true,
        };
        let destination = Destination::ThisComputer("127.0.0.1:33418".into());
        let identity = published("client.example");
        let published = ConsentPage { identity, destination, ..consent("Inspector") };
        let brand = brand();
        for (name, page) in [
            ("home", html(&home("Add"), &brand)),
            ("sign_in", html(&sign_in("Inspector"), &brand)),
            ("consent", html(&consent("Inspector"), &brand)),
            ("consent_published", html(&published, &brand)),
            ("error", html(&error, &brand)),
            ("refused", html(&refused("client.example"), &brand)),
        ] {
            let page = page.replace(STYLE, "/* style.css */");
            let path = format!("{}/tests/golden/{name}.html", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::write(&path, &page).unwrap();
            }
            assert_eq!(page, std::fs::read_to_string(&path).unwrap(), "{name}");
        }
    }

    /// BR-03: no script, nothing from elsewhere, and the style is the one that the policy names.
    #[test]
    fn policy_names_the_style_that_is_there() {
        let reply = reply(StatusCode::OK, &home("x"), &brand(), Forms::StayHere);
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        let html = std::str::from_utf8(&reply.body).unwrap();
        let style = html.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = Base64::encode_string(&Sha256::digest(style));
        assert!(policy.contains(&format!("style-src 'sha256-{hash}'")), "{policy}");
        assert!(!html.contains("style=") && !html.contains("src="));
        // The icon is a part of the page too.
        assert_eq!(html.matches("<link").count(), 1);
        assert_eq!(html.matches("<link rel=\"icon\" href=\"data:image/svg+xml;base64,").count(), 1);
    }
}
