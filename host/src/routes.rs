//! Which component answers a path.
//!
//! Spin's rules, by the crate that Spin uses for them: an exact route, `:name` for one segment, `/...`
//! for the rest; the most specific route wins; slashes at either end of a path do not count. Of two
//! equal routes the later one wins. The path itself is passed on as the client sent it.
//!
//! That crate's order of routes is not an order: how a wildcard and a segment that begins with a dot
//! compare depends on which of them was added first, and then `/...` may come before everything,
//! on Spin as here. Such a table is refused instead of served, because on Spin it would go wrong.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, ensure};

use crate::manifest::Route;

/// Spin's own corner of the path space; routes under it are never reached.
pub const WELL_KNOWN_PREFIX: &str = "/.well-known/spin/";

/// The routes of an application.
pub struct Router {
    finder: routefinder::Router<Target>,
}

struct Target {
    component: String,
    pattern: String,
}

/// A route that matched.
#[derive(Debug, PartialEq, Eq)]
pub struct RouteMatch<'a> {
    /// The component's id.
    pub component: &'a str,
    /// The route as the manifest has it.
    pub pattern: &'a str,
    /// What a trailing wildcard stands for, with its slashes; empty without one.
    pub path_info: String,
    /// The named segments.
    pub segments: BTreeMap<String, String>,
}

impl Router {
    /// Build the table.
    pub fn new(routes: &[Route]) -> Result<Self> {
        let mut finder = routefinder::Router::new();
        for (position, route) in routes.iter().enumerate() {
            let replaced = routes.iter().skip(position + 1).any(|later| later.pattern == route.pattern);
            if replaced {
                continue;
            }
            let target = Target { component: route.component.clone(), pattern: route.pattern.clone() };
            finder
                .add(finder_pattern(&route.pattern).as_str(), target)
                .map_err(|error| anyhow!("route {:?} cannot be parsed: {error}", route.pattern))?;
        }
        let router = Self { finder };
        for route in routes {
            let taken = router.find(&sample_path(&route.pattern)).map_or("another", |found| found.pattern);
            ensure!(
                taken == route.pattern,
                "route {:?} is never reached, because Spin's router prefers {taken:?}; list {taken:?} first",
                route.pattern
            );
        }
        Ok(router)
    }

    /// The best route for `path`, if there is one.
    pub fn find(&self, path: &str) -> Option<RouteMatch<'_>> {
        let best = self.finder.best_match(path)?;
        let target = best.handler();
        let captures = best.captures();
        Some(RouteMatch {
            component: &target.component,
            pattern: &target.pattern,
            path_info: captures.wildcard().map(|rest| path_info(rest, path)).unwrap_or_default(),
            segments: captures.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        })
    }
}

impl RouteMatch<'_> {
    /// The route without its trailing wildcard.
    pub fn prefix(&self) -> &str {
        self.pattern.strip_suffix("/...").unwrap_or(self.pattern)
    }

    /// The route as Spin normalizes it: with a slash before it and none after it.
    pub fn normalized(&self) -> String {
        normalized(self.pattern)
    }
}

fn normalized(pattern: &str) -> String {
    let absolute = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/{pattern}") };
    absolute.strip_suffix('/').unwrap_or(&absolute).to_owned()
}

fn finder_pattern(pattern: &str) -> String {
    let pattern = normalized(pattern);
    match pattern.strip_suffix("/...") {
        Some(prefix) => format!("{prefix}/*"),
        None => pattern,
    }
}

/// A path that no route but this one should be best for.
fn sample_path(pattern: &str) -> String {
    let segment = |segment: &str| match segment {
        "..." | "*" => "~".to_owned(),
        _ if segment.starts_with(':') => "~".to_owned(),
        _ => segment.to_owned(),
    };
    normalized(pattern).split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// The finder trims slashes from what a wildcard captured; Spin puts them back, and so do we.
fn path_info(rest: &str, path: &str) -> String {
    let slash_after = if path.ends_with('/') { "/" } else { "" };
    if rest.is_empty() { slash_after.to_owned() } else { format!("/{rest}{slash_after}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(routes: &[(&str, &str)]) -> Router {
        let routes: Vec<_> = routes
            .iter()
            .map(|(pattern, component)| Route {
                pattern: pattern.to_string(),
                component: component.to_string(),
            })
            .collect();
        Router::new(&routes).unwrap()
    }

    fn found(router: &Router, path: &str) -> Option<String> {
        router.find(path).map(|found| found.component.to_owned())
    }

    #[test]
    fn the_most_specific_route_wins() {
        let router = router(&[
            ("/...", "rest"),
            ("/mcp", "mcp"),
            ("/.well-known/oauth-protected-resource/...", "resource"),
            ("/users/:id", "user"),
            ("/users/me", "me"),
        ]);
        for (path, component) in [
            ("/", "rest"),
            ("/mcp", "mcp"),
            ("/mcp/x", "rest"),
            ("/mcpx", "rest"),
            ("/.well-known/oauth-protected-resource", "resource"),
            ("/.well-known/oauth-protected-resource/mcp", "resource"),
            ("/.well-known/oauth-authorization-server", "rest"),
            ("/users/7", "user"),
            ("/users/me", "me"),
            ("/users/7/x", "rest"),
        ] {
            assert_eq!(found(&router, path).as_deref(), Some(component), "{path}");
        }
    }

    #[test]
    fn a_route_that_is_never_reached_is_refused() {
        let in_this_order = |patterns: &[&str]| {
            let route = |pattern: &&str| Route { pattern: pattern.to_string(), component: "a".to_owned() };
            Router::new(&patterns.iter().map(route).collect::<Vec<_>>()).map(drop)
        };
        let error = in_this_order(&["/mcp", "/.well-known/x/...", "/..."]).unwrap_err().to_string();
        assert!(error.contains("list \"/...\" first"), "{error}");
        for order in [["/...", "/mcp", "/.well-known/x/..."], ["/...", "/.well-known/x/...", "/mcp"]] {
            assert!(in_this_order(&order).is_ok(), "{order:?}");
        }
    }

    #[test]
    fn slashes_at_the_ends_do_not_count() {
        let router = router(&[("/token", "token"), ("/...", "rest")]);
        for path in ["/token", "/token/", "//token///"] {
            assert_eq!(found(&router, path).as_deref(), Some("token"), "{path}");
        }
    }

    #[test]
    fn without_a_route_there_is_nothing() {
        assert_eq!(found(&router(&[("/a", "a")]), "/b"), None);
    }

    #[test]
    fn a_route_is_the_same_with_a_slash_after_it_or_none_before_it() {
        for pattern in ["/a", "a", "/a/"] {
            assert_eq!(found(&router(&[(pattern, "a")]), "/a").as_deref(), Some("a"), "{pattern}");
        }
    }

    #[test]
    fn the_later_of_two_equal_routes_wins() {
        assert_eq!(found(&router(&[("/a", "first"), ("/a", "second")]), "/a").as_deref(), Some("second"));
    }

    #[test]
    fn a_trailing_wildcard_keeps_its_slashes() {
        let router = router(&[("/foo/...", "foo")]);
        for (path, info) in [("/foo", ""), ("/foo/", "/"), ("/foo/bar", "/bar"), ("/foo/bar/", "/bar/")] {
            assert_eq!(router.find(path).unwrap().path_info, info, "{path}");
        }
        assert_eq!(router.find("/foo/bar").unwrap().prefix(), "/foo");
    }

    #[test]
    fn named_segments_are_captured() {
        let router = router(&[("/one/:two/three", "x")]);
        assert_eq!(router.find("/one/2/three").unwrap().segments["two"], "2");
    }
}
