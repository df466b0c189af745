//! A person's browser: it keeps cookies, follows redirects within the server, and sends forms with the
//! headers that a browser adds.

use crate::html::{Form, forms};
use crate::http::{Request, Response, Server, encode};
use std::collections::BTreeMap;

/// A browser with one server's cookies.
#[derive(Debug, Clone)]
pub struct Browser {
    server: Server,
    cookies: BTreeMap<String, String>,
    /// Every `Set-Cookie` line that came, as it came.
    pub set_cookies: Vec<String>,
}

/// Where following a link or sending a form led.
#[derive(Debug)]
pub enum Landing {
    /// A page of the server's.
    Page(Response),
    /// The address of another server, which nobody called.
    Elsewhere(String),
}

impl Landing {
    /// The page; fails when the browser was sent away.
    #[track_caller]
    pub fn page(self) -> Response {
        match self {
            Self::Page(page) => page,
            Self::Elsewhere(url) => panic!("expected a page and was sent to {url}"),
        }
    }

    /// The address that the browser was sent away to; fails when it shows a page.
    #[track_caller]
    pub fn elsewhere(self) -> String {
        match self {
            Self::Elsewhere(url) => url,
            Self::Page(page) => panic!("expected to be sent away and got {page}"),
        }
    }
}

impl Browser {
    /// A browser that has never been here.
    pub fn new(server: &Server) -> Self {
        Self { server: server.clone(), cookies: BTreeMap::new(), set_cookies: Vec::new() }
    }

    /// The same browser, when its requests happen to reach another host of the same server.
    #[must_use]
    pub fn at(self, server: &Server) -> Self {
        Self { server: server.clone(), ..self }
    }

    /// The server it is at.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Opens an address.
    pub fn open(&mut self, target: &str) -> Landing {
        let response = self.send(Request::new("GET", target));
        self.follow(response)
    }

    /// Sends a form by pressing the button of a value, or by Enter.
    pub fn submit(&mut self, form: &Form, button: Option<&str>) -> Landing {
        let response = self.send(self.submission(form, button));
        self.follow(response)
    }

    /// The request that sends a form, complete but for the cookies.
    pub fn submission(&self, form: &Form, button: Option<&str>) -> Request {
        let fields = form.fields(button);
        let action = self.server.path_of(&form.action);
        let action = action.unwrap_or_else(|| panic!("a form goes elsewhere: {form:?}"));
        if form.method == "POST" {
            Request::form(action, &fields)
                .header("origin", &self.server.base)
                .header("sec-fetch-site", "same-origin")
                .header("sec-fetch-mode", "navigate")
        } else {
            Request::new("GET", &format!("{action}?{}", encode(&fields)))
        }
    }

    /// Sends a request with the cookies, and keeps those that come back.
    pub fn send(&mut self, request: Request) -> Response {
        let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
        let request = request.header("accept", accept).cookies(self);
        let response = self.server.send(&request);
        for line in response.all("set-cookie") {
            self.set_cookies.push(line.to_owned());
            let pair = line.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let gone = line.to_ascii_lowercase().contains("max-age=0");
            if gone || value.is_empty() {
                self.cookies.remove(name.trim());
            } else {
                self.cookies.insert(name.trim().to_owned(), value.to_owned());
            }
        }
        response
    }

    /// The `Cookie` header, if there is a cookie.
    pub fn cookies(&self) -> Option<String> {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn follow(&mut self, mut response: Response) -> Landing {
        for _ in 0..10 {
            let Some(location) = response.header("location").map(str::to_owned) else {
                return Landing::Page(response);
            };
            assert_eq!(response.status, 303, "only 303 turns a POST into a GET: {response}");
            let Some(path) = self.server.path_of(&location) else { return Landing::Elsewhere(location) };
            response = self.send(Request::new("GET", path));
        }
        panic!("redirected in a circle: {response}");
    }
}

/// The first form of a page for which something holds.
#[track_caller]
pub fn find_form(page: &Response, what: &str, is_it: impl Fn(&Form) -> bool) -> Form {
    forms(&page.text()).into_iter().find(is_it).unwrap_or_else(|| panic!("no form {what} on {page}"))
}
