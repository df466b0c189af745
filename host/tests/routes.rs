//! Where the paths of the manifests in this repository lead, by Spin's rules.
#![expect(clippy::unwrap_used, reason = "unwrapping in a test is how a test fails")]

use std::path::Path;

use postern_host::manifest::Manifest;
use postern_host::routes::Router;

fn assert_routes(manifest: &str, expected: &[(&str, &[&str])]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(manifest);
    let router = Router::new(&Manifest::read(&file).unwrap().routes).unwrap();
    for (component, paths) in expected {
        for path in *paths {
            let found = router.find(path).map(|found| found.component.to_owned());
            assert_eq!(found.as_deref(), Some(*component), "{path} of {manifest}");
        }
    }
}

/// C5, C8: with a slash at the end, below a path that a proxy leaves on, and behind a well-known part.
#[test]
fn every_path_leads_to_the_component_that_serves_it() {
    let mcp = [
        "/mcp",
        "/mcp/",
        "/sse/",
        "/sse/message",
        "/mcp-server/mcp",
        "/mcp-server/mcp/",
        "/mcp-server/sse/message",
        "/v1.2/mcp",
        "/a/b/mcp",
        "/a/b/sse",
        "/a/b/sse/message",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-protected-resource/mcp-server/mcp",
        "/.well-known/oauth-protected-resource/a/b/sse/",
    ];
    let oauth = [
        "/",
        "/token",
        "/token/",
        "/sign-in/callback",
        "/sign-in/callback/mcp",
        "/sign-in/callback/sse",
        "/mcp-server",
        "/mcp-server/",
        "/mcp-server/account/change",
        "/mcp-server/sign-in/callback/google",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/mcp",
        "/.well-known/oauth-authorization-server/a/mcp",
        "/.well-known/openid-configuration",
        "/.well-known/nothing",
        "/.env",
        "/mcp/nothing",
    ];
    assert_routes("spin.toml", &[("mcp", &mcp), ("oauth", &oauth)]);
    assert_routes("spin.external-provider.toml", &[("mcp", &mcp), ("mcp", &oauth)]);
}
