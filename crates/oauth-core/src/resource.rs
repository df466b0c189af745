//! Resource indicators (RFC 8707): which resource a token is for.

use crate::{Config, config::log_tolerance};
use web_core::{PublicUrl, public_url};

/// The MCP endpoint's path.
const MCP_PATH: &str = "/mcp";

/// The paths of the resources: the endpoint, and the one of the older transport.
const PATHS: [&str; 2] = [MCP_PATH, "/sse"];

/// A resource that is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the resource is not served here")]
pub struct InvalidTarget;

/// The audience that the `resource` parameters ask for, each in its canonical form, once. Without any,
/// the MCP endpoint, which is all that clients of the first revisions can mean (tolerance
/// `default_resource`).
///
/// A resource at any of the server's addresses is one of ours, and stays the one that was asked for.
///
/// Tolerances besides: `resource_query`, a query makes no difference; `resource_spelling`, upper case in scheme and host, the scheme's own port, and a slash at
/// the end make no difference; `loopback_aliases`, a loopback
/// server's other names stand for its own (see [`PublicUrl::url_for`]); `origin_audience`, the server's address alone
/// is a resource too, because clients that start from its metadata ask for it.
pub fn audience<'a>(
    resources: impl Iterator<Item = &'a str>,
    config: &Config,
    log: &dyn Fn(&str),
) -> Result<Vec<String>, InvalidTarget> {
    let mut audience: Vec<String> = Vec::new();
    for resource in resources.filter(|resource| !resource.is_empty()) {
        let canonical = canonical(resource, config, log).ok_or(InvalidTarget)?;
        if !audience.contains(&canonical) {
            audience.push(canonical);
        }
    }
    if audience.is_empty() {
        if !config.tolerances.default_resource {
            return Err(InvalidTarget);
        }
        log_tolerance(log, "default_resource");
        audience.push(config.public_url.join(MCP_PATH));
    }
    Ok(audience)
}

fn canonical(resource: &str, config: &Config, log: &dyn Fn(&str)) -> Option<String> {
    let Config { public_url, tolerances, .. } = config;
    let (named, has_query) = match resource.split_once('?') {
        // What has a fragment is no resource (RFC 8707 section 2).
        Some((named, query)) if tolerances.resource_query && !query.contains('#') => (named, true),
        _ => (resource, false),
    };
    let comparable = public_url::comparable(named);
    let written = comparable.strip_suffix('/').unwrap_or(&comparable);
    // RFC 3986 section 6.2.3: a URL without a path may have a slash at its end or not.
    let is_origin = written.matches('/').count() == 2 && named.strip_suffix('/') == Some(written);
    let is_tolerated = named != written && !is_origin;
    if is_tolerated && !tolerances.resource_spelling {
        return None;
    }
    let (address, canonical, path) = PATHS.into_iter().chain([""]).find_map(|path| {
        let address = written.strip_suffix(path)?;
        Some((address, public_url.canonical(address)?, path))
    })?;
    if path.is_empty() && !tolerances.origin_audience {
        return None;
    }
    for (name, made_a_difference) in [
        ("resource_query", has_query),
        ("resource_spelling", is_tolerated),
        ("origin_audience", path.is_empty()),
        ("loopback_aliases", address != canonical),
    ] {
        if made_a_difference {
            log_tolerance(log, name);
        }
    }
    Some(format!("{canonical}{path}"))
}

/// The MCP endpoint at each of the server's addresses, as the metadata names it.
pub fn endpoints(public_url: &PublicUrl) -> Vec<String> {
    public_url.all().map(|address| format!("{}{MCP_PATH}", address.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tolerances;
    use std::cell::RefCell;

    fn config(url: &str) -> Config {
        Config::new(PublicUrl::parse(url).unwrap())
    }

    /// The audience, and the tolerances that it took.
    fn ask(config: &Config, resources: &[&str]) -> Result<(Vec<String>, String), InvalidTarget> {
        let logged = RefCell::new(Vec::new());
        let log = |line: &str| logged.borrow_mut().push(line.trim_start_matches("tolerance: ").to_owned());
        let audience = audience(resources.iter().copied(), config, &log)?;
        let logged = logged.borrow().join(" ");
        Ok((audience, logged))
    }

    /// AZ-18, MCP-A-19.
    #[test]
    fn our_resources_in_their_canonical_form() {
        let config = config("https://mcp.example.com");
        let (endpoint, origin) = ("https://mcp.example.com/mcp", "https://mcp.example.com");
        for (resources, audience, tolerances) in [
            (&[endpoint][..], &[endpoint][..], ""),
            (&[], &[endpoint], "default_resource"),
            (&["https://mcp.example.com/mcp/"], &[endpoint], "resource_spelling"),
            (&["HTTPS://MCP.Example.com/mcp"], &[endpoint], "resource_spelling"),
            (&["https://mcp.example.com:443/mcp"], &[endpoint], "resource_spelling"),
            (&["https://mcp.example.com:443/"], &[origin], "resource_spelling origin_audience"),
            (&["https://mcp.example.com/sse"], &["https://mcp.example.com/sse"], ""),
            (&[origin], &[origin], "origin_audience"),
            (&["https://mcp.example.com/"], &[origin], "origin_audience"),
            (&[origin, endpoint, endpoint], &[origin, endpoint], "origin_audience"),
            // C17
            (&["https://mcp.example.com/mcp?x=1"], &[endpoint], "resource_query"),
            (&["https://mcp.example.com/mcp?"], &[endpoint], "resource_query"),
            (&["https://mcp.example.com/mcp/?x=a/b?c"], &[endpoint], "resource_query resource_spelling"),
            (&["https://mcp.example.com?x"], &[origin], "resource_query origin_audience"),
        ] {
            let expected = audience.iter().map(|resource| (*resource).to_owned()).collect();
            assert_eq!(ask(&config, resources), Ok((expected, tolerances.to_owned())), "{resources:?}");
        }
    }

    /// AZ-18: each of them can be switched off.
    #[test]
    fn strict_server_takes_resources_as_they_are_written() {
        let (endpoint, origin) = ("https://mcp.example.com/mcp", "https://mcp.example.com");
        for (name, resources) in [
            ("default_resource", &[][..]),
            ("resource_spelling", &["https://mcp.example.com/mcp/"]),
            ("resource_spelling", &["https://MCP.example.com/mcp"]),
            ("resource_spelling", &["https://mcp.example.com:443/mcp"]),
            ("resource_query", &["https://mcp.example.com/mcp?x=1"]),
            ("origin_audience", &[origin]),
            ("origin_audience", &["https://mcp.example.com/"]),
        ] {
            let tolerances = Tolerances::parse(name).unwrap();
            let config = Config { tolerances, ..config(origin) };
            assert_eq!(ask(&config, resources), Err(InvalidTarget), "{name}");
            assert!(ask(&config, &[endpoint]).is_ok(), "{name}");
        }
    }

    /// AZ-19, RS-04.
    #[test]
    fn anything_else_is_not_served_here() {
        let config = config("https://mcp.example.com");
        for bad in [
            "https://other.example.com/mcp",
            "http://mcp.example.com/mcp",
            "https://mcp.example.com/mcp-v2",
            "https://mcp.example.com/sse/message",
            "https://mcp.example.com/mcp/tools",
            "https://mcp.example.com/mcp//",
            "https://mcp.example.com/MCP",
            "https://mcp.example.com:80/mcp",
            "https://mcp.example.com@evil.example/mcp",
            "https://mcp.example.com//",
            "https://mcp.example.com/mcp#fragment",
            "https://mcp.example.com/mcp?x=1#fragment",
            "https://mcp.example.com/mcp#?x=1",
            "https://evil.example/?https://mcp.example.com/mcp",
            "https://evil.example?x=/mcp",
            "https://mcp.example.com.evil.example/mcp",
            "/mcp",
            "mcp",
            "/",
        ] {
            assert_eq!(ask(&config, &[bad]), Err(InvalidTarget), "{bad}");
        }
    }

    #[test]
    fn loopback_names_stand_for_the_configured_one() {
        let mut config = config("http://127.0.0.1:3000");
        let alias = &["http://localhost:3000/mcp"][..];
        let expected = (vec!["http://127.0.0.1:3000/mcp".to_owned()], "loopback_aliases".to_owned());
        assert_eq!(ask(&config, alias), Ok(expected));
        assert!(ask(&config, &["http://localhost:3001/mcp"]).is_err());
        config.public_url = config.public_url.strictly("loopback_aliases");
        assert!(ask(&config, alias).is_err());
    }

    /// C8: what is at the host beside the server is not the server.
    #[test]
    fn resources_are_below_the_path_of_the_address() {
        for url in ["https://example.com/mcp-server", "https://example.com/mcp", "https://example.com/a/sse"]
        {
            let config = config(url);
            for path in ["/mcp", "/sse", ""] {
                let resource = format!("{url}{path}");
                assert_eq!(ask(&config, &[&resource]).unwrap().0, [resource]);
            }
            for bad in [
                "https://example.com",
                "https://example.com/",
                "https://example.com/sse",
                "https://example.com/x/mcp",
            ] {
                assert_eq!(ask(&config, &[bad]), Err(InvalidTarget), "{bad} at {url}");
            }
            assert_eq!(ask(&config, &[]).unwrap().0, [format!("{url}/mcp")]);
        }
        let config = config("https://example.com/mcp-server");
        let slash = ask(&config, &["https://example.com/mcp-server/"]).unwrap();
        assert_eq!(slash.1, "resource_spelling origin_audience");
    }

    /// C12: each listed address has resources of its own.
    #[test]
    fn resources_are_at_every_listed_address() {
        let mut config = config("https://mcp.example.com");
        let listed = "https://mcp.internal.example,https://b.example/tools";
        config.public_url = config.public_url.also_served_at(listed).unwrap();
        for resource in
            ["https://mcp.internal.example/mcp", "https://b.example/tools/sse", "https://mcp.example.com/mcp"]
        {
            assert_eq!(ask(&config, &[resource]), Ok((vec![resource.to_owned()], String::new())));
        }
        for bad in ["https://b.example/mcp", "https://c.example/mcp", "https://mcp.internal.example:8443/mcp"]
        {
            assert_eq!(ask(&config, &[bad]), Err(InvalidTarget), "{bad}");
        }
        assert_eq!(endpoints(&config.public_url).len(), 3);
    }
}
