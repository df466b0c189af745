//! The browser that the user sits at: its cookies, and whether a form was posted from our own page.

use crate::{
    Config,
    ports::User,
    records::{SignIn, UserGrants},
    routes,
};
use http::{Method, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store_core::{Keyring, Purpose, Random, seal};
use web_core::{Head, PublicUrl};

/// A browser that somebody is signed in at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserSession {
    /// New at every sign-in, so that nothing from before it carries over.
    pub id: String,
    /// The user.
    pub subject: String,
    /// What to call the user.
    pub display_name: String,
    /// The user's epoch at sign-in. When the user's own has moved on, the session is over.
    pub user_epoch: u64,
    /// The user's epoch of sign-ins, likewise.
    #[serde(default)]
    pub sign_in_epoch: u64,
    /// When the user signed in, in seconds since the Unix epoch.
    pub signed_in_at: u64,
    /// The authorization request that the user signed in for, and how it had come.
    pub signed_in_for: Arrival,
    /// When it ends, in seconds since the Unix epoch.
    pub expires_at: u64,
    /// The browser, as it is known by beyond this session ([`Known::device`]). Empty in sessions from before.
    #[serde(default)]
    pub device: String,
    /// Whether the browser keeps it when it is closed.
    #[serde(default = "keep")]
    pub is_kept: bool,
}

/// Sessions from before people were asked are kept.
fn keep() -> bool {
    true
}

/// An authorization request as it came in at a browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// A digest of the request.
    request: String,
    /// Whether it was opened by the person, or by a program on the person's computer, and not by a website.
    pub is_own: bool,
}

impl Arrival {
    /// Of a request with this query. Fetch Metadata tells who opened it: `none` stands for nobody's page
    /// (W3C Fetch Metadata section 2.3). A browser that does not say gets no benefit of the doubt.
    pub fn of(head: &Head, query: &str) -> Self {
        let is_navigation = |name, value| matches!(head.single_header(name), Ok(Some(sent)) if sent == value);
        let is_own = head.method == Method::GET
            && is_navigation("sec-fetch-site", "none")
            && is_navigation("sec-fetch-mode", "navigate")
            && is_navigation("sec-fetch-dest", "document")
            // A browser that looks ahead is not a person who asks.
            && !head.headers.contains_key("sec-purpose");
        let digest = Sha256::digest(query);
        Self { request: seal::to_text(digest.get(..16).unwrap_or_default()), is_own }
    }
}

/// The cookie that carries a [`BrowserSession`], sealed.
const SESSION: &str = "postern-session";

/// The cookie that ties a sign-in page to the browser that it was shown in.
const BROWSER: &str = "postern-browser";

impl BrowserSession {
    /// A new session for a user who has just signed in. It is good when it is [`under`](Self::under) the epochs of
    /// the user's record.
    pub fn start(
        user: User,
        signed_in_for: Arrival,
        device: String,
        is_kept: bool,
        config: &Config,
        random: &impl Random,
        now: u64,
    ) -> Self {
        Self {
            id: new_id(random),
            subject: user.subject,
            display_name: user.display_name,
            user_epoch: 0,
            sign_in_epoch: 0,
            signed_in_at: now,
            signed_in_for,
            expires_at: now.saturating_add(config.lifetimes.browser_session.as_secs()),
            device,
            is_kept,
        }
    }

    /// The same person's at the same browser, after what was there before has been ended.
    pub fn restart(&self, random: &impl Random) -> Self {
        Self { id: new_id(random), ..self.clone() }
    }

    /// The same session under the epochs of the user's record.
    pub fn under(self, record: &UserGrants) -> Self {
        Self { user_epoch: record.epoch, sign_in_epoch: record.sign_in_epoch, ..self }
    }

    /// What the user's record says of it.
    pub fn to_sign_in(&self, browser: Option<String>) -> SignIn {
        SignIn { id: self.id.clone(), signed_in_at: self.signed_in_at, expires_at: self.expires_at, browser }
    }

    /// The session that a request comes with, if there is one and it has not expired. Whether it was ended, the
    /// user's record says ([`UserGrants::is_signed_in`]).
    pub fn find(head: &Head, config: &Config, keys: &Keyring, now: u64) -> Option<Self> {
        let name = cookie_name(SESSION, &config.public_url);
        let sealed = seal::from_text(head.cookie(&name)?)?;
        let plaintext = seal::open(keys, Purpose::Cookie, SESSION.as_bytes(), &sealed)?;
        let session: Self = serde_json::from_slice(&plaintext).ok()?;
        (now < session.expires_at).then_some(session)
    }

    /// Whether the user signed in for this very request, a moment ago: as long as a page of ours is good.
    pub fn is_for(&self, arrival: &Arrival, config: &Config, now: u64) -> bool {
        let until = self.signed_in_at.saturating_add(config.lifetimes.transaction.as_secs());
        self.signed_in_for.request == arrival.request && now < until
    }

    /// The `Set-Cookie` value that starts the session in the browser. Without `Max-Age`, a browser forgets it when it is
    /// closed (RFC 6265 section 5.3); the session ends at `expires_at` in any case.
    pub fn cookie(&self, config: &Config, keys: &Keyring, random: &impl Random) -> String {
        let plaintext = serde_json::to_vec(self).unwrap_or_default();
        let sealed = seal::seal(keys, Purpose::Cookie, SESSION.as_bytes(), &plaintext, random);
        set_cookie(
            SESSION,
            &seal::to_text(&sealed),
            self.is_kept.then_some(config.lifetimes.browser_session.as_secs()),
            &config.public_url,
        )
    }
}

/// The cookie that keeps who has signed in at a browser, sealed, for longer than a session.
const KNOWN: &str = "postern-known";

/// For how long, in seconds: browsers keep no cookie for longer than 400 days (RFC 6265bis section 5.5).
const KNOWN_SECONDS: u64 = 400 * 24 * 60 * 60;

/// Of how many users, and in how many characters.
const MAX_KNOWN: usize = 4;
const MAX_KNOWN_CHARACTERS: usize = 1_500;

/// What a browser keeps beyond its session. It cannot be made up, so a person who guesses passwords elsewhere does not
/// hold up those who are known here (LG-06).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Tells the browser from others. Random, and known to this server alone.
    pub device: String,
    /// The subjects that have signed in at this browser, the last one first.
    pub subjects: Vec<String>,
}

/// The cookie as it is, and as it was before browsers were told apart.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredKnown {
    Known(Known),
    Subjects(Vec<String>),
}

impl Known {
    /// Reads what the browser of a request keeps.
    pub fn find(head: &Head, config: &Config, keys: &Keyring) -> Self {
        let open = || {
            let sealed = seal::from_text(head.cookie(&cookie_name(KNOWN, &config.public_url))?)?;
            serde_json::from_slice(&seal::open(keys, Purpose::Cookie, KNOWN.as_bytes(), &sealed)?).ok()
        };
        match open() {
            Some(StoredKnown::Known(known)) => known,
            Some(StoredKnown::Subjects(subjects)) => Self { device: String::new(), subjects },
            None => Self::default(),
        }
    }

    /// The same with a device, if it has none yet.
    pub fn with_device(self, random: &impl Random) -> Self {
        if self.device.is_empty() { Self { device: new_id(random), ..self } } else { self }
    }

    /// The `Set-Cookie` value that makes the browser remember one more subject. `None` if that is too long.
    pub fn cookie(
        self,
        subject: &str,
        config: &Config,
        keys: &Keyring,
        random: &impl Random,
    ) -> Option<String> {
        let Self { device, subjects } = self;
        let others = subjects.into_iter().filter(|other| other != subject);
        let subjects = std::iter::once(subject.to_owned()).chain(others).take(MAX_KNOWN).collect();
        let mut known = Self { device, subjects };
        loop {
            let plaintext = serde_json::to_vec(&known).unwrap_or_default();
            let sealed = seal::seal(keys, Purpose::Cookie, KNOWN.as_bytes(), &plaintext, random);
            let text = seal::to_text(&sealed);
            if text.len() <= MAX_KNOWN_CHARACTERS {
                return Some(set_cookie(KNOWN, &text, Some(KNOWN_SECONDS), &config.public_url));
            }
            // A subject that is too long by itself is not remembered.
            known.subjects.pop();
            if known.subjects.is_empty() {
                return None;
            }
        }
    }
}

/// The address that a request came from, as the host tells it. The host puts its own value last, behind whatever
/// the client sent under that name (LG-05).
pub fn client_address(head: &Head) -> Option<String> {
    let last = head.headers.get_all("spin-client-addr").iter().next_back()?;
    Some(last.to_str().ok()?.to_owned())
}

/// The `Set-Cookie` value that ends a session in the browser.
pub fn sign_out_cookie(public_url: &PublicUrl) -> String {
    set_cookie(SESSION, "", Some(0), public_url)
}

/// The id of the browser that a request comes from, if it was given one.
pub fn find_browser_id(head: &Head, public_url: &PublicUrl) -> Option<String> {
    let id = head.cookie(&cookie_name(BROWSER, public_url))?;
    seal::from_text(id).filter(|bytes| bytes.len() == 16).map(|_| id.to_owned())
}

/// A fresh random id.
pub fn new_id(random: &impl Random) -> String {
    seal::to_text(&random.bytes::<16>())
}

/// The `Set-Cookie` value that gives a browser its id.
pub fn browser_id_cookie(id: &str, config: &Config) -> String {
    set_cookie(BROWSER, id, Some(config.lifetimes.transaction.as_secs()), &config.public_url)
}

/// The name of a cookie that carries what a browser does elsewhere (see [`away`](crate::away)).
pub(crate) fn away_cookie_name(slot: usize, public_url: &PublicUrl) -> String {
    // `__Host-` is for cookies of all paths.
    let prefix = if public_url.is_loopback() { "" } else { SECURE };
    format!("{prefix}postern-away-{slot}")
}

/// The `Set-Cookie` value of such a cookie. It goes along to where people sign in and come back to only: it
/// is large.
pub(crate) fn away_cookie(slot: usize, value: &str, max_age: u64, public_url: &PublicUrl) -> String {
    let name = away_cookie_name(slot, public_url);
    let secure = if public_url.is_loopback() { "" } else { "; Secure" };
    let path = public_url.local(routes::SIGN_IN);
    format!("{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}

/// The name of the cookie that carries what the account page says next.
pub(crate) fn flash_cookie_name(public_url: &PublicUrl) -> String {
    // `__Host-` is for cookies of all paths.
    let prefix = if public_url.is_loopback() { "" } else { SECURE };
    format!("{prefix}postern-flash")
}

/// The `Set-Cookie` value of that cookie. It goes along to the account page only.
pub(crate) fn flash_cookie(value: &str, max_age: u64, public_url: &PublicUrl) -> String {
    let name = flash_cookie_name(public_url);
    let secure = if public_url.is_loopback() { "" } else { "; Secure" };
    let path = public_url.local(routes::ACCOUNT);
    format!("{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}

/// Whether a page is asked for by name, as browsers do and programs do not.
pub fn wants_page(head: &Head) -> bool {
    let values = head.headers.get_all(header::ACCEPT).iter();
    values.filter_map(|value| value.to_str().ok()).any(|value| value.contains("text/html"))
}

/// Whether a form was posted from a page of ours, as the browser says (Fetch Metadata); from browsers
/// too old for that, by the `Origin` that they send.
pub fn is_same_origin(head: &Head, public_url: &PublicUrl) -> bool {
    match head.single_header("sec-fetch-site") {
        Ok(Some(site)) => site == "same-origin",
        Ok(None) => {
            matches!(head.single_header(header::ORIGIN), Ok(Some(origin)) if public_url.is_own_origin(origin))
        }
        Err(_) => false,
    }
}

/// `__Host-` keeps a sibling host from setting a cookie of that name (RFC 6265bis section 4.1.3.2), and is for cookies
/// of all paths. A server below a path keeps its cookies from what else is on its host, and has to do without. Either
/// works over https only, and a loopback server has no https.
fn cookie_name(name: &str, public_url: &PublicUrl) -> String {
    match (public_url.is_loopback(), public_url.path()) {
        (true, _) => name.to_owned(),
        (false, "") => format!("__Host-{name}"),
        (false, _) => format!("{SECURE}{name}"),
    }
}

/// For cookies of some paths (section 4.1.3.1).
const SECURE: &str = "__Secure-";

fn set_cookie(name: &str, value: &str, max_age: Option<u64>, public_url: &PublicUrl) -> String {
    let name = cookie_name(name, public_url);
    let secure = if public_url.is_loopback() { "" } else { "; Secure" };
    let max_age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let path = if public_url.path().is_empty() { "/" } else { public_url.path() };
    format!("{name}={value}; Path={path}{max_age}; HttpOnly; SameSite=Lax{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use store_core::testing::SequenceRandom;

    fn head(headers: &[(&'static str, &str)]) -> Head {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Head { method: Method::POST, path: "/".into(), query: None, authority: None, headers: map }
    }

    fn config(url: &str) -> Config {
        Config::new(PublicUrl::parse(url).unwrap())
    }

    #[test]
    fn session_lives_in_its_cookie() {
        let keys = Keyring::from_secret(&[7; 32]).unwrap();
        let (config, random) = (config("https://mcp.example.com"), SequenceRandom::default());
        let user = User { subject: "s".into(), display_name: "alice".into() };
        let arrival = Arrival::of(&head(&[]), "a=b");
        let session = BrowserSession::start(user, arrival, "device".into(), true, &config, &random, 1_000);
        let cookie = session.cookie(&config, &keys, &random);
        assert!(cookie.starts_with("__Host-postern-session="), "BR-08: {cookie}");
        for attribute in ["; Path=/;", "; HttpOnly", "; Secure", "; SameSite=Lax"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        let sent = head(&[("cookie", cookie.split(';').next().unwrap())]);
        assert_eq!(BrowserSession::find(&sent, &config, &keys, 2_000), Some(session.clone()));
        assert_eq!(BrowserSession::find(&sent, &config, &keys, session.expires_at), None);
        let other = Keyring::from_secret(&[8; 32]).unwrap();
        assert_eq!(BrowserSession::find(&sent, &config, &other, 2_000), None);
    }

    /// AZ-26, BR-10.
    #[test]
    fn forms_count_only_from_our_own_pages() {
        let url = PublicUrl::parse("https://mcp.example.com").unwrap();
        let judge = |headers: &[(&'static str, &str)]| is_same_origin(&head(headers), &url);
        assert!(judge(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(judge(&[("origin", "https://mcp.example.com")]));
        assert!(!judge(&[]));
        assert!(!judge(&[("origin", "null")]));
        assert!(!judge(&[("origin", "https://mcp.example.com.evil.example")]));
        assert!(!judge(&[("sec-fetch-site", "same-site"), ("origin", "https://mcp.example.com")]));
        assert!(!judge(&[("sec-fetch-site", "none")]));
    }
}
