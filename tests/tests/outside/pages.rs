//! What every page carries, whatever is on it.

use postern_tests::{Authorization, Browser, Client, Person, Response, Server};

fn directive<'a>(policy: &'a str, name: &str) -> Option<&'a str> {
    policy
        .split(';')
        .filter_map(|directive| directive.trim().split_once(' '))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// RFC 9700 section 4.16, and the W3C's Content Security Policy Level 3. `form_action` is where the page's forms may
/// lead; `None` only for a page whose form leads to the client.
#[track_caller]
fn check(page: &Response, form_action: Option<&str>) {
    let policy = page.expect_header("content-security-policy");
    assert_eq!(directive(policy, "default-src"), Some("'none'"), "{policy}");
    assert_eq!(directive(policy, "frame-ancestors"), Some("'none'"), "{policy}");
    assert_eq!(directive(policy, "base-uri"), Some("'none'"), "{policy}");
    assert_eq!(directive(policy, "form-action"), form_action, "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-frame-options"), Some("DENY"), "{page}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{page}");
    assert_eq!(page.header("referrer-policy"), Some("same-origin"), "{page}");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{page}");
    let text = page.text();
    assert!(!text.contains("<script"), "{page}");
    assert!(!text.contains(" style=\"") && !text.contains(" onclick="), "the policy forbids it: {page}");
    for said in ["<!doctype html>", "<html lang=", "<title>", "name=\"viewport\""] {
        assert!(text.to_lowercase().contains(said), "no {said}: {page}");
    }
}

#[test]
fn pages_cannot_be_framed_sniffed_or_scripted() {
    let server = Server::under_test();
    let mut browser = Browser::new(&server);
    let authorization = Authorization::new(&Client::register(&server));
    check(&server.get("/").expect_page(200), Some("'self'"));
    check(&browser.open("/nowhere").page().expect_page(404), Some("'self'"));
    check(&browser.open("/authorize").page().expect_page(400), Some("'self'"));
    let sign_in = browser.open(&authorization.target()).page().expect_page(200);
    check(&sign_in, Some("'self'"));
    assert_eq!(sign_in.header("cache-control"), Some("no-store"));
    let consent = Person::new().sign_in(&mut browser, &sign_in).page().expect_page(200);
    // C1: Chromium would apply it to what the client's own page redirects to.
    check(&consent, None);
    assert_eq!(consent.header("cache-control"), Some("no-store"));
}

/// The home page has what there is to copy, with this server's own address in it.
#[test]
fn home_page_says_how_to_connect() {
    let server = Server::under_test();
    let page = server.get("/").expect_page(200).text();
    assert!(page.contains(&server.url("/mcp")), "{page}");
    assert!(page.contains("mcp-remote"), "{page}");
    assert!(page.contains("add"), "the tools on offer: {page}");
}
