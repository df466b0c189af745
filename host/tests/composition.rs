//! Components and their dependencies: what composes, what does not, and what a dependency may do.

mod support;

use postern_host::capability::Inherit;
use postern_host::compose::{Part, compose};
use support::{App, Host, component, dependency, http_guest, http_guest_with_dependency};

const EMPTY: &str = r#"(module (func (export "test:other/api#go")))"#;

fn part(name: &str, bytes: Vec<u8>) -> Part {
    Part { name: name.to_owned(), bytes, export: None, inherit: Inherit::NOTHING }
}

fn refused(dependencies: Vec<Part>) -> String {
    match compose("guest", http_guest_with_dependency(), dependencies) {
        Ok(_) => "composed".to_owned(),
        Err(error) => format!("{error:#}"),
    }
}

fn status(inherit: &str) -> (u16, u16) {
    served(inherit, &dependency()).1
}

fn served(inherit: &str, dependency: &[u8]) -> (Host, (u16, u16)) {
    let app = App::new(
        &http_guest_with_dependency(),
        &format!(
            "key_value_stores = [\"default\"]\n[component.guest.dependencies]\n\
             \"test:dep/api\" = {{ path = \"dependency.wasm\"{inherit} }}"
        ),
    );
    app.write("dependency.wasm", dependency);
    let host = app.serve(&[]);
    let statuses = (host.get("/d"), host.get("/s"));
    (host, statuses)
}

#[test]
fn what_a_dependency_inherits_it_may_use() {
    assert_eq!(status(", inherit_configuration = [\"key_value_stores\"]"), (200, 200));
    assert_eq!(status(", inherit_configuration = true"), (200, 200));
}

/// P1: as on Spin, the call is an error that the dependency can handle.
#[test]
fn what_a_dependency_does_not_inherit_is_an_error_although_its_parent_may_use_it() {
    // A dependency that traps unless the error is `access-denied`.
    let denied = include_str!("support/dependency.wat").replace(
        "(if (i32.load8_u (i32.const 0)) (then unreachable))",
        "(if (i32.eqz (i32.load8_u (i32.const 0))) (then unreachable))
         (if (i32.ne (i32.load8_u (i32.const 4)) (i32.const 1)) (then unreachable))
         (return)",
    );
    for inherit in ["", ", inherit_configuration = false", ", inherit_configuration = [\"variables\"]"] {
        let (host, statuses) = served(inherit, &component("dependency", &denied));
        assert_eq!(statuses, (200, 200), "{inherit}");
        let tried = "component guest: a dependency called wasi:keyvalue/store@0.2.0-draft2#open";
        assert!(host.log().starts_with(tried));
        assert_eq!(served(inherit, &dependency()).1, (500, 200), "it traps by itself");
    }
}

/// The engines of Python and JavaScript bring sockets along and do not use them, and look for environment and files.
#[test]
fn a_dependency_may_import_what_it_is_denied_and_finds_nothing_where_nobody_has_any() {
    let looks = "(call $environment (i32.const 0)) (call $directories (i32.const 16))
        (if (i32.or (i32.load (i32.const 4)) (i32.load (i32.const 20))) (then unreachable))";
    for (go, expected) in [("", 200), (looks, 200), ("(drop (call $wait))", 500)] {
        let app = App::new(
            &http_guest_with_dependency(),
            "[component.guest.dependencies]\n\"test:dep/api\" = { path = \"dependency.wasm\" }",
        );
        let module = format!(
            r#"(module
              (import "wasi:sockets/udp@0.2.6" "wait" (func $wait (result i32)))
              (import "wasi:io/poll@0.2.6" "[resource-drop]pollable" (func (param i32)))
              (import "wasi:cli/environment@0.2.6" "get-environment" (func $environment (param i32)))
              (import "wasi:filesystem/preopens@0.2.6" "get-directories" (func $directories (param i32)))
              (memory (export "memory") 1)
              (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
              (func (export "test:dep/api#go") {go}))"#
        );
        app.write("dependency.wasm", component("dependency-with-sockets", &module));
        assert_eq!(app.serve(&[]).get("/d"), expected, "{go}");
    }
}

#[test]
fn a_component_without_dependencies_is_left_alone() {
    assert_eq!(compose("guest", http_guest(), Vec::new()).unwrap(), http_guest());
}

#[test]
fn a_dependency_may_be_named_by_its_package() {
    for name in ["test:dep", "test:dep/api"] {
        assert!(
            compose("guest", http_guest_with_dependency(), vec![part(name, dependency())]).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn a_dependency_that_matches_no_import_is_an_error() {
    for name in ["test:other/api", "test:dep/other", "test:dep/api@0.1.0", "api"] {
        let error = refused(vec![part(name, dependency())]);
        assert!(error.contains("matches none of the component's imports"), "{name}: {error}");
    }
}

#[test]
fn a_dependency_without_the_export_is_an_error() {
    let error = refused(vec![part("test:dep/api", component("unrelated", EMPTY))]);
    assert!(error.contains("does not export \"test:dep/api\""), "{error}");
}

#[test]
fn an_export_may_be_named() {
    let other = Part {
        export: Some("test:other/api".to_owned()),
        ..part("test:dep/api", component("unrelated", EMPTY))
    };
    assert!(compose("guest", http_guest_with_dependency(), vec![other]).is_ok());
}

#[test]
fn an_import_is_not_filled_twice() {
    let error = refused(vec![part("test:dep/api", dependency()), part("test:dep", dependency())]);
    // As on Spin 4.1: both are the package `test:dep`, and that is noticed first.
    assert!(error.contains("has already been registered in the graph"), "{error}");
}

#[test]
fn a_dependency_has_to_be_a_component() {
    assert!(refused(vec![part("test:dep/api", b"\0asm\x01\0\0\0".to_vec())]).contains("not a component"));
    assert!(refused(vec![part("test:dep/api", b"text".to_vec())]).contains("not WebAssembly"));
}

#[test]
fn an_import_that_nobody_provides_is_named() {
    let needy = component(
        "needs-more",
        include_str!("support/http_guest.wat")
            .replace("(func $dependency)", r#"(import "test:other/api" "go" (func $dependency))"#)
            .as_str(),
    );
    let said = App::new(&needy, "").refused(&[]);
    assert!(said.contains("\"test:other/api\", which neither a dependency nor this host provides"), "{said}");
}
