//! The host from outside: small guests, real connections.

mod support;

use support::{App, Host, http_guest};

const STORE: &str = "key_value_stores = [\"default\"]";

#[test]
fn a_request_is_answered_and_logged() {
    let app = App::new(&http_guest(), STORE);
    let host = app.serve(&[]);
    assert_eq!(host.get("/x"), 200);
    assert_eq!(host.logged_request(), "GET /x 200 guest kv=0r/0w");
}

#[test]
fn the_summary_names_routes_and_stores() {
    let app = App::new(&http_guest(), STORE);
    let host = app.serve(&[]);
    let store = Host::state(&app).join("sqlite_key_value.db");
    let expected = [
        "Routes of test:".to_owned(),
        format!("  guest: http://{}/...", host.address),
        format!("Key-value store default: {}", store.display()),
    ];
    assert_eq!(host.summary, expected);
    assert!(store.is_file());
}

#[test]
fn the_log_holds_neither_query_nor_header() {
    let host = App::new(&http_guest(), "").serve(&[]);
    host.send(
        b"GET /x?token=hunter2 HTTP/1.1\r\nHost: test\r\nAuthorization: hunter2\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(host.logged_request(), "GET /x 200 guest kv=0r/0w");
}

#[test]
fn store_operations_are_counted_per_request() {
    let app = App::new(&http_guest(), STORE);
    let host = app.serve(&[]);
    for (path, counted) in [("/s", "kv=1r/0w"), ("/x", "kv=0r/0w"), ("/s", "kv=1r/0w")] {
        assert_eq!(host.get(path), 200);
        assert_eq!(host.logged_request(), format!("GET {path} 200 guest {counted}"));
    }
}

#[test]
fn a_store_that_was_not_granted_is_denied() {
    assert_eq!(App::new(&http_guest(), "").serve(&[]).get("/s"), 403);
}

#[test]
fn a_trap_is_a_500_with_a_trace_id_and_the_next_request_is_served() {
    let host = App::new(&http_guest(), "").serve(&[]);
    let (status, _, body) = host.send(b"GET /t HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert_eq!(status, 500);
    let trace = body.trim_end().trim_end_matches('.').rsplit_once("trace=").unwrap().1;
    let logged = host.log();
    assert!(logged.starts_with("component guest failed: ") && logged.contains(trace), "{logged}: {body}");
    assert_eq!(host.logged_request(), "GET /t 500 guest kv=0r/0w");
    assert_eq!(host.get("/x"), 200);
}

#[test]
fn a_loop_ends_and_disturbs_nobody() {
    let app = App::new(&http_guest(), "");
    let host = app.serve(&["--cpu-timeout", "300ms"]);
    std::thread::scope(|scope| {
        let loops: Vec<_> = (0..4).map(|_| scope.spawn(|| host.get("/l"))).collect();
        assert_eq!(host.get("/x"), 200);
        for looped in loops {
            assert_eq!(looped.join().unwrap(), 500);
        }
    });
    assert!(std::iter::repeat_with(|| host.log()).any(|line| line.contains("300ms of processor time")));
}

#[test]
fn memory_is_limited() {
    let host = App::new(&http_guest(), "").serve(&["--max-instance-memory", "8"]);
    assert_eq!(host.get("/m"), 500);
    assert!(host.log().contains("8 MiB"));
}

/// An answer may be read before its instance is free again, and then the next request gets another. So this asks
/// until one instance has answered as often as it may, and looks for one that answers more often.
#[test]
fn an_instance_serves_so_many_requests_one_after_the_other() {
    let host = App::new(&http_guest(), "").serve(&["--max-instance-reuse-count", "3"]);
    let mut worn_out = 0;
    for _ in 0..1000 {
        match host.get("/c") {
            200 | 201 => {}
            202 => worn_out += 1,
            other => panic!("an instance has answered {} requests", other - 199),
        }
        if worn_out == 5 {
            return;
        }
    }
    panic!("only {worn_out} instances have answered 3 requests");
}

#[test]
fn the_runtime_configuration_limits_memory() {
    let app = App::new(&http_guest(), "");
    app.write("runtime-config.toml", "max_instance_memory = 4194304\n");
    let file = app.path().join("runtime-config.toml");
    let host = app.serve(&["--runtime-config-file", file.to_str().unwrap(), "--max-instance-memory", "8"]);
    assert_eq!(host.get("/m"), 500);
    assert!(host.log().contains("4 MiB"));
}

#[test]
fn a_request_waits_for_its_turn() {
    let host =
        App::new(&http_guest(), "").serve(&["--max-concurrent-requests", "1", "--cpu-timeout", "300ms"]);
    std::thread::scope(|scope| {
        let looped = scope.spawn(|| host.get("/l"));
        assert_eq!(host.get("/x"), 200);
        assert_eq!(looped.join().unwrap(), 500);
    });
}

#[test]
fn health_is_answered_by_the_host() {
    let host = App::new(&http_guest(), "").serve(&[]);
    let (status, _, body) =
        host.send(b"GET /.well-known/spin/health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert_eq!((status, body.as_str()), (200, "OK"));
    assert_eq!(host.get("/.well-known/spin/info"), 404);
}

#[test]
fn a_request_without_a_clear_host_is_refused() {
    let host = App::new(&http_guest(), "").serve(&[]);
    assert_eq!(host.send(b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n").0, 400);
    assert_eq!(host.send(b"GET /x HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n").0, 400);
    assert_eq!(host.send(b"GET /x HTTP/1.1\r\nHost: a\r\nX: \xff\r\nConnection: close\r\n\r\n").0, 400);
    // S6: the same twice is refused as well.
    assert_eq!(host.send(b"GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n").0, 400);
    assert_eq!(host.send(b"GET http://a/x HTTP/1.1\r\nHost: b\r\n\r\n").0, 400);
}

#[test]
fn an_interrupt_ends_it_well() {
    assert!(App::new(&http_guest(), "").serve(&[]).interrupt());
}

#[test]
fn what_cannot_be_started_says_why_in_one_sentence() {
    let guest = http_guest();
    let app = |extra: &str| App::new(&guest, extra);

    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let said = app("").refused(&["--listen", &address]);
    assert_eq!(said, format!("{address} is already in use; choose another with --listen"));

    let missing = app("[component.guest.dependencies]\n\"test:dep/api\" = { path = \"missing.wasm\" }");
    assert!(missing.refused(&[]).contains("missing.wasm; has it been built?"));
    assert!(app("sqlite_databases = []").refused(&[]).contains("`sqlite_databases` is not something"));
    assert!(
        app("key_value_stores = [\"other\"]").refused(&[]).contains("\"other\", which is not configured")
    );
    assert!(app("variables = { a = \"{{ b }}\" }").refused(&[]).contains("unknown variable \"b\""));
    assert!(app("").refused(&["--variable", "b=1"]).contains("no variable \"b\""));
    assert!(App::new(b"text", "").refused(&[]).contains("not WebAssembly"));
    assert!(App::new(b"\0asm\x01\0\0\0", "").refused(&[]).contains("a core WebAssembly module"));
    assert!(App::new(&support::dependency(), "").refused(&[]).contains("no HTTP handler"));
}
