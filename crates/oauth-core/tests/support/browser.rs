//! A browser: it keeps cookies, and posts the forms that it is shown.

use super::{
    World,
    http::{Params, Request, body_text, header},
};
use http::StatusCode;
use std::{cell::RefCell, collections::BTreeMap};
use web_core::Reply;

/// A browser with its cookies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: RefCell<BTreeMap<String, String>>,
}

impl Browser {
    /// The request with this browser's cookies.
    pub(crate) fn dress(&self, request: Request) -> Request {
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if cookies.is_empty() { request } else { request.with("cookie", &cookies.join("; ")) }
    }

    /// Sends a request, and takes the cookies that come back.
    pub(crate) fn send(&self, world: &World, request: Request) -> Reply {
        let reply = world.send(self.dress(request));
        self.take_cookies(&reply);
        reply
    }

    pub(crate) fn take_cookies(&self, reply: &Reply) {
        for line in reply.headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (name, rest) = line.split_once('=').unwrap();
            let (value, attributes) = rest.split_once(';').unwrap();
            if attributes.contains("Max-Age=0;") {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
            }
        }
    }

    pub(crate) fn get(&self, world: &World, target: &str) -> Reply {
        self.send(world, Request::get(target).with("accept", "text/html"))
    }

    /// Follows a redirect within this server.
    pub(crate) fn follow(&self, world: &World, reply: &Reply) -> Reply {
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", body_text(reply));
        self.get(world, header(reply, "location"))
    }

    pub(crate) fn post(&self, world: &World, action: &str, params: &Params) -> Reply {
        self.send(world, self.form_request(action, params))
    }

    /// What a browser sends when a form on one of our own pages is submitted.
    pub(crate) fn form_request(&self, action: &str, params: &Params) -> Request {
        Request::post_form(action, params).with("accept", "text/html").with("sec-fetch-site", "same-origin")
    }

    /// Shows an authorization request and signs in. The reply is the consent page.
    pub(crate) fn sign_in(&self, world: &World, email: &str, query: &str) -> Reply {
        let page = self.get(world, &format!("/authorize?{query}"));
        let answered = self.post_page(world, &page, &[("email", email), ("password", "good")], None);
        let consent = self.follow(world, &answered);
        let action = world.config.public_url.local("/consent");
        assert!(PageForm::of(&consent).action == action, "{}", body_text(&consent));
        consent
    }

    /// Fills in the form on a page and submits it with the button of this value.
    pub(crate) fn post_page(
        &self,
        world: &World,
        page: &Reply,
        fill_in: &[(&str, &str)],
        button: Option<&str>,
    ) -> Reply {
        let form = PageForm::with_button(page, button);
        self.post(world, &form.action, &form.filled_in(fill_in, button))
    }

    /// Unticks all scopes but these, and approves.
    pub(crate) fn approve(&self, world: &World, consent: &Reply, ticked: &[&str]) -> Reply {
        let form = PageForm::of(consent);
        self.post(world, &form.action, &form.ticked(ticked, "approve"))
    }
}

/// The form on a page, read from the HTML as a browser would.
#[derive(Debug, Clone)]
pub(crate) struct PageForm {
    pub(crate) action: String,
    /// Name, value and type of its inputs, in order.
    pub(crate) inputs: Vec<(String, String, String)>,
    /// Name and value of its buttons, in order.
    pub(crate) buttons: Vec<(String, String)>,
}

impl PageForm {
    /// The only form of a page, or the last: the one with the fields.
    pub(crate) fn of(page: &Reply) -> Self {
        let all = Self::all(page);
        all.into_iter().next_back().unwrap_or_else(|| panic!("no form: {} {}", page.status, body_text(page)))
    }

    /// The form with the button of this value.
    fn with_button(page: &Reply, button: Option<&str>) -> Self {
        let has = |form: &Self| form.buttons.iter().any(|(_, value)| Some(value.as_str()) == button);
        Self::all(page).into_iter().find(has).unwrap_or_else(|| Self::of(page))
    }

    fn all(page: &Reply) -> Vec<Self> {
        let html = body_text(page);
        let mut forms = Vec::new();
        let mut form = None;
        // A form that only searches, in front of the other one.
        let mut is_search = false;
        for tag in html.split('<').skip(1) {
            let (name, attributes) = attributes(tag);
            let attribute = |name: &str| attributes.get(name).cloned().unwrap_or_default();
            match (name, &mut form) {
                ("form", None) if attribute("method") == "get" => is_search = true,
                ("/form", None) => is_search = false,
                _ if is_search => {}
                ("form", None) => {
                    assert_eq!(attribute("method"), "post");
                    form =
                        Some(Self { action: attribute("action"), inputs: Vec::new(), buttons: Vec::new() });
                }
                ("/form", _) => forms.extend(form.take()),
                ("form", Some(_)) => panic!("a form in a form: {html}"),
                ("input", Some(form))
                    if attribute("type") != "checkbox" || attributes.contains_key("checked") =>
                {
                    form.inputs.push((attribute("name"), attribute("value"), attribute("type")));
                }
                ("button", Some(form)) => form.buttons.push((attribute("name"), attribute("value"))),
                _ => {}
            }
        }
        forms
    }

    /// What is submitted when these fields are filled in and this button is pressed.
    pub(crate) fn filled_in(&self, values: &[(&str, &str)], button: Option<&str>) -> Params {
        let mut params = Params::default();
        for (name, value, kind) in &self.inputs {
            let filled_in = values.iter().find(|(wanted, _)| wanted == name && kind != "hidden");
            params = params.and(name, filled_in.map_or(value, |(_, value)| value));
        }
        let pressed = self.buttons.iter().find(|(_, value)| Some(value.as_str()) == button);
        assert_eq!(pressed.is_some(), button.is_some(), "{button:?} of {:?}", self.buttons);
        match pressed {
            Some((name, value)) => params.and(name, value),
            None => params,
        }
    }

    /// As [`filled_in`](Self::filled_in), with only these checkboxes still ticked.
    pub(crate) fn ticked(&self, ticked: &[&str], button: &str) -> Params {
        let mut form = self.clone();
        for scope in ticked {
            assert!(form.inputs.iter().any(|(_, value, _)| value == scope), "{scope} is not on the page");
        }
        form.inputs.retain(|(_, value, kind)| kind != "checkbox" || ticked.contains(&value.as_str()));
        form.filled_in(&[], Some(button))
    }

    /// The values of the checkboxes that are ticked as the page is shown.
    pub(crate) fn checkboxes(&self) -> Vec<&str> {
        let ticked = self.inputs.iter().filter(|(_, _, kind)| kind == "checkbox");
        ticked.map(|(_, value, _)| value.as_str()).collect()
    }

    pub(crate) fn hidden(&self, wanted: &str) -> &str {
        let hidden = self.inputs.iter().find(|(name, _, kind)| name == wanted && kind == "hidden");
        &hidden.unwrap_or_else(|| panic!("no hidden {wanted}")).1
    }
}

/// The tag's name, and its attributes without the character references.
fn attributes(tag: &str) -> (&str, BTreeMap<String, String>) {
    let name_end = tag.find([' ', '>']).unwrap_or(tag.len());
    let (name, mut rest) = tag.split_at(name_end);
    let mut attributes = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() || rest.starts_with('>') {
            return (name, attributes);
        }
        let end = rest.find(['=', ' ', '>']).unwrap_or(rest.len());
        let (attribute, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix("=\"") {
            Some(quoted) => quoted.split_once('"').unwrap(),
            None => ("", after),
        };
        attributes.insert(attribute.to_owned(), unescape(value));
        rest = after;
    }
}

fn unescape(text: &str) -> String {
    [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (reference, character)| text.replace(reference, character))
}
