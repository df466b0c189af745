use super::*;

fn at(url: &str) -> PublicUrl {
    PublicUrl::parse(url).unwrap()
}

/// DS-10.
/// MCP-S-09.
#[test]
fn accepts_addresses_that_clients_can_reach() {
    for good in [
        "https://mcp.example.com",
        "https://a.example:8443",
        "https://example.com/mcp-server",
        "http://127.0.0.1:3000",
        "http://localhost",
        "http://[::1]:8080",
    ] {
        assert_eq!(at(good).as_str(), good);
    }
    for bad in [
        "",
        "http://mcp.example.com",
        "http://0.0.0.0:3000",
        "http://127.0.0.1.example.com",
        "http://localhost.example",
    ] {
        let error = PublicUrl::parse(bad).unwrap_err();
        assert_eq!(error.problem, Problem::Address(AddressError::Scheme), "{bad}");
        let text = error.to_string();
        assert!(text.starts_with("public_url: it must begin with https://"), "{text}");
    }
}

/// C9: each error names its variable, what to write, and not what was written.
#[test]
fn mistakes_name_their_variable() {
    let read = |wrong: &str, value: &str| {
        PublicUrl::read(|name| match name {
            name if name == wrong => value.to_owned(),
            "public_url" => "https://mcp.example.com".to_owned(),
            _ => String::new(),
        })
    };
    assert!(read("", "").is_ok());
    for (variable, value) in [
        ("public_url", "s3cret"),
        ("public_url", "https://s3cret@a.example"),
        ("public_url", "https://a.example/s3cret//"),
        ("public_path", "s3cret"),
        ("also_served_at", "s3cret"),
        ("also_served_at", "http://s3cret.example"),
        ("also_served_at", "https://s3cret.example,https://s3cret.example/x"),
        ("also_served_at", "https://mcp.example.com:443/s3cret"),
    ] {
        let text = read(variable, value).unwrap_err().to_string();
        assert!(text.starts_with(&format!("{variable}: ")) && !text.contains("s3cret"), "{text}");
    }
    let error = at("http://127.0.0.1:3000").also_served_at("https://a.example").unwrap_err();
    assert_eq!(error.problem, Problem::Loopback);
}

/// DS-01, MP-02: the closed list of names, and no prefix tests.
#[test]
fn loopback_server_answers_to_its_own_names_only() {
    let url = at("http://127.0.0.1:3000");
    for good in ["127.0.0.1:3000", "localhost:3000", "LOCALHOST:3000", "[::1]:3000"] {
        assert!(url.serves_authority(Some(good)), "{good}");
    }
    for bad in [
        "evil.example:3000",
        "localhost:3001",
        "localhost",
        "localhost.evil.example:3000",
        "127.0.0.1:3000@evil.example",
        "127.0.0.10:3000",
        "",
    ] {
        assert!(!url.serves_authority(Some(bad)), "{bad}");
    }
    assert!(!url.serves_authority(None));
    assert_eq!(url.url_for(Some("localhost:3000")), "http://localhost:3000");
    assert_eq!(url.url_for(Some("evil.example:3000")), "http://127.0.0.1:3000");
    assert!(url.is_own_origin("http://localhost:3000"));
    assert!(!url.is_own_origin("https://localhost:3000"));
    let with_path = at("http://127.0.0.1:3000/x");
    assert_eq!(with_path.url_for(Some("localhost:3000")), "http://localhost:3000/x");
    let metadata = with_path.well_known_for(Some("localhost:3000"), "/.well-known/a", "/mcp");
    assert_eq!(metadata, "http://localhost:3000/.well-known/a/x/mcp");
}

/// MCP-A-19: what may be written differently, and nothing else.
#[test]
fn resources_are_compared_as_urls_are() {
    for (written, compared) in [
        ("https://a.example/mcp", "https://a.example/mcp"),
        ("HTTPS://A.Example:443/mcp", "https://a.example/mcp"),
        ("https://a.example/", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("https://a.example:80/", "https://a.example:80"),
        ("https://a.example/MCP", "https://a.example/MCP"),
        ("https://a.example/mcp/", "https://a.example/mcp/"),
        ("https://a.example:443@evil.example/", "https://a.example:443@evil.example"),
        ("https://a.example?x=://B:443", "https://a.example?x=://B:443"),
        ("urn:A", "urn:A"),
    ] {
        assert_eq!(comparable(written), compared, "{written}");
    }
}

/// DS-01: the switch of the tolerance `loopback_aliases`.
#[test]
fn strict_loopback_server_has_one_name() {
    let url = at("http://127.0.0.1:3000").strictly("a, loopback_aliases");
    assert!(url.is_loopback() && url.serves_authority(Some("127.0.0.1:3000")));
    assert!(url.is_own_origin("http://127.0.0.1:3000"));
    assert!(!url.serves_authority(Some("localhost:3000")) && !url.is_own_origin("http://[::1]:3000"));
    assert_eq!(url.url_for(Some("localhost:3000")), "http://127.0.0.1:3000");
}

/// MP-01.
#[test]
fn loopback_origin_is_matched_exactly() {
    for good in ["http://localhost", "http://localhost:6274", "http://127.0.0.1:1", "http://[::1]:5173"] {
        assert!(is_loopback_origin(good), "{good}");
    }
    for bad in [
        "null",
        "",
        "localhost:6274",
        "https://localhost",
        "http://LOCALHOST",
        "http://localhost/",
        "http://localhost:",
        "http://localhost:x",
        "http://localhost:99999",
        "http://localhost.evil.example",
        "http://evil@localhost",
        "http://127.0.0.2",
        "http://[::1",
        "http://[::1]evil.example",
    ] {
        assert!(!is_loopback_origin(bad), "{bad}");
    }
}

#[test]
fn public_server_has_one_name() {
    let url = at("https://mcp.example.com");
    assert!(url.serves_authority(Some("internal:8080")));
    assert_eq!(url.url_for(Some("localhost")), "https://mcp.example.com");
    assert!(url.is_own_origin("https://mcp.example.com"));
    assert!(!url.is_own_origin("http://localhost:3000"));
}

/// C12: a closed list, by `Host` and nothing else; and the issuer stays where it is.
#[test]
fn server_is_known_by_the_listed_addresses_and_no_others() {
    let url = at("https://mcp.example.com")
        .also_served_at("https://MCP.internal.example/, https://b.example:8443/tools,")
        .unwrap();
    for (authority, known_as) in [
        ("mcp.internal.example", "https://mcp.internal.example"),
        ("MCP.Internal.Example:443", "https://mcp.internal.example"),
        ("b.example:8443", "https://b.example:8443/tools"),
        ("b.example", "https://mcp.example.com"),
        ("mcp.internal.example:8443", "https://mcp.example.com"),
        ("mcp.internal.example.evil.example", "https://mcp.example.com"),
        ("evil.example", "https://mcp.example.com"),
        ("mcp.example.com", "https://mcp.example.com"),
    ] {
        assert_eq!(url.url_for(Some(authority)), known_as, "{authority}");
    }
    assert_eq!(url.as_str(), "https://mcp.example.com");
    let metadata = url.well_known_for(Some("b.example:8443"), "/.well-known/x", "/mcp");
    assert_eq!(metadata, "https://b.example:8443/.well-known/x/tools/mcp");
    assert_eq!(url.canonical("https://b.example:8443/tools"), Some("https://b.example:8443/tools"));
    assert_eq!(url.canonical("https://b.example:8443"), None);
    assert!(!url.is_own_origin("https://mcp.internal.example"), "pages are at the issuer alone");
}

/// C8: RFC 8414 section 3.1 and RFC 9728 section 3.1, with a proxy of either kind in front.
#[test]
fn paths_are_found_below_the_address() {
    let stripped = at("https://example.com/mcp-server");
    let kept = stripped.clone().with_path_handling("keep").unwrap();
    let found = |url: &PublicUrl, path: &str| url.route(path, None).map(|route| route.path.into_owned());
    for (path, in_stripped, in_kept) in [
        ("/mcp", Some("/mcp"), None),
        ("/mcp-server/mcp", Some("/mcp-server/mcp"), Some("/mcp")),
        ("/mcp-server/mcp/", Some("/mcp-server/mcp"), Some("/mcp")),
        ("/mcp-server", Some("/mcp-server"), Some("/")),
        ("/mcp-server/", Some("/mcp-server"), Some("/")),
        ("/", Some("/"), None),
        ("/mcp-serverx/mcp", Some("/mcp-serverx/mcp"), None),
        ("/.well-known/a/mcp-server", Some("/.well-known/a"), Some("/.well-known/a")),
        ("/.well-known/a/mcp-server/", Some("/.well-known/a"), Some("/.well-known/a")),
        ("/.well-known/a/mcp-server/mcp", Some("/.well-known/a/mcp"), Some("/.well-known/a/mcp")),
        ("/mcp-server/.well-known/a/mcp", Some("/mcp-server/.well-known/a/mcp"), Some("/.well-known/a/mcp")),
        ("/.well-known/a", Some("/.well-known/a"), None),
        ("/.well-known/a/mcp-serverx", Some("/.well-known/a/mcp-serverx"), None),
    ] {
        assert_eq!(found(&stripped, path).as_deref(), in_stripped, "stripped: {path}");
        assert_eq!(found(&kept, path).as_deref(), in_kept, "kept: {path}");
    }
    assert!(stripped.explain_path("/mcp-server/mcp", None).unwrap().contains("public_path to keep"));
    assert!(kept.explain_path("/mcp", None).unwrap().contains("public_path to strip"));
    assert_eq!((stripped.explain_path("/x", None), kept.explain_path("/mcp-server/x", None)), (None, None));
    assert_eq!(at("https://example.com").explain_path("/x", None), None);
}

/// C8, C12: what a path means is decided by the listed address that the request names.
#[test]
fn each_listed_address_has_its_own_path() {
    let url = at("https://example.com/mcp-server").also_served_at("https://tools.internal.example").unwrap();
    let url = url.with_path_handling("keep").unwrap();
    let found = |path, host| url.route(path, Some(host)).map(|route| route.path.into_owned());
    assert_eq!(found("/mcp-server/mcp", "example.com").as_deref(), Some("/mcp"));
    assert_eq!(found("/mcp", "example.com"), None);
    assert_eq!(found("/mcp", "tools.internal.example").as_deref(), Some("/mcp"));
    assert_eq!(found("/.well-known/a/mcp", "tools.internal.example").as_deref(), Some("/.well-known/a/mcp"));
}

/// C5: one slash, and no other spelling.
#[test]
fn slash_at_the_end_of_a_path_makes_no_difference() {
    let url = at("https://mcp.example.com");
    let found = |url: &PublicUrl, path: &str| {
        url.route(path, None).map(|route| (route.path.into_owned(), route.has_trailing_slash))
    };
    for (path, meant, has_slash) in [
        ("/", "/", false),
        ("/mcp", "/mcp", false),
        ("/mcp/", "/mcp", true),
        ("/.well-known/a/mcp/", "/.well-known/a/mcp", true),
        ("/mcp//", "/mcp/", true),
        ("//mcp", "//mcp", false),
        ("/m%63p/", "/m%63p", true),
    ] {
        assert_eq!(found(&url, path), Some((meant.to_owned(), has_slash)), "{path}");
    }
    let strict = url.strictly("trailing_slash");
    assert_eq!(found(&strict, "/mcp/"), None);
    assert_eq!(found(&strict, "/"), Some(("/".to_owned(), false)));
    let kept = at("https://example.com/x").with_path_handling("keep").unwrap().strictly("trailing_slash");
    assert_eq!(found(&kept, "/x/"), Some(("/".to_owned(), false)), "browsers write the address so");
    assert_eq!(found(&kept, "/x/mcp/"), None);
}

/// Clients of links and forms stay below the address.
#[test]
fn links_have_the_path_of_the_address() {
    let url = at("https://example.com/a/b");
    assert_eq!((url.local("/account"), url.local("/")), ("/a/b/account".into(), "/a/b/".into()));
    assert_eq!(url.join("/mcp"), "https://example.com/a/b/mcp");
    assert_eq!(at("https://example.com").local("/"), "/");
}
