//! Resource indicators (RFC 8707): which resource a token is for.

use web_core::PublicUrl;

/// The MCP endpoint's path.
const MCP_PATH: &str = "/mcp";

/// The paths of the resources: the endpoint, and the one of the older transport.
const PATHS: [&str; 2] = [MCP_PATH, "/sse"];

/// A resource that is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the resource is not served here")]
pub struct InvalidTarget;

/// The audience that the `resource` parameters ask for, each in its canonical form, once. Without any,
/// the MCP endpoint, which is all that clients of the first revisions can mean.
///
/// Tolerance `resource_spelling`: a slash at the end is dropped, and a loopback server's other names
/// stand for its own (see [`PublicUrl::origin_for`]). The origin alone is a resource too: clients that
/// start from the origin's metadata ask for it.
pub fn audience<'a>(
    resources: impl Iterator<Item = &'a str>,
    public_url: &PublicUrl,
) -> Result<Vec<String>, InvalidTarget> {
    let mut audience: Vec<String> = Vec::new();
    for resource in resources.filter(|resource| !resource.is_empty()) {
        let canonical = canonical(resource, public_url).ok_or(InvalidTarget)?;
        if !audience.contains(&canonical) {
            audience.push(canonical);
        }
    }
    if audience.is_empty() {
        audience.push(public_url.join(MCP_PATH));
    }
    Ok(audience)
}

fn canonical(resource: &str, public_url: &PublicUrl) -> Option<String> {
    let resource = resource.strip_suffix('/').unwrap_or(resource);
    if public_url.is_own_origin(resource) {
        return Some(public_url.origin().to_owned());
    }
    let path = PATHS.into_iter().find(|path| resource.ends_with(path))?;
    let origin = resource.strip_suffix(path)?;
    public_url.is_own_origin(origin).then(|| public_url.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_resources_in_their_canonical_form() {
        let url = PublicUrl::parse("https://mcp.example.com").unwrap();
        let ask = |resources: &[&'static str]| audience(resources.iter().copied(), &url);
        assert_eq!(ask(&[]).unwrap(), ["https://mcp.example.com/mcp"]);
        assert_eq!(ask(&["https://mcp.example.com/mcp/"]).unwrap(), ["https://mcp.example.com/mcp"]);
        assert_eq!(ask(&["https://mcp.example.com/sse"]).unwrap(), ["https://mcp.example.com/sse"]);
        assert_eq!(ask(&["https://mcp.example.com/"]).unwrap(), ["https://mcp.example.com"]);
        assert_eq!(
            ask(&["https://mcp.example.com", "https://mcp.example.com/mcp", "https://mcp.example.com/mcp"])
                .unwrap(),
            ["https://mcp.example.com", "https://mcp.example.com/mcp"]
        );
    }

    /// AZ-19, RS-04.
    #[test]
    fn anything_else_is_not_served_here() {
        let url = PublicUrl::parse("https://mcp.example.com").unwrap();
        for bad in [
            "https://other.example.com/mcp",
            "http://mcp.example.com/mcp",
            "https://mcp.example.com/mcp-v2",
            "https://mcp.example.com/sse/message",
            "https://mcp.example.com/mcp/tools",
            "https://mcp.example.com/mcp#fragment",
            "https://mcp.example.com.evil.example/mcp",
            "/mcp",
            "mcp",
        ] {
            assert_eq!(audience([bad].into_iter(), &url), Err(InvalidTarget), "{bad}");
        }
    }

    #[test]
    fn loopback_names_stand_for_the_configured_one() {
        let url = PublicUrl::parse("http://127.0.0.1:3000").unwrap();
        assert_eq!(
            audience(["http://localhost:3000/mcp"].into_iter(), &url).unwrap(),
            ["http://127.0.0.1:3000/mcp"]
        );
        assert!(audience(["http://localhost:3001/mcp"].into_iter(), &url).is_err());
    }
}
