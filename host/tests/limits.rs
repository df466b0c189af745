//! What one client can take from the others, and what the host keeps to its owner.
#![expect(clippy::unwrap_used, reason = "unwrapping in a test is how a test fails")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use support::{App, Host, http_guest};

/// A request on a connection that stays open.
fn begin(host: &Host, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(host.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(request).unwrap();
    stream
}

/// The status and the head of the next answer.
fn answer(stream: &mut TcpStream) -> (u16, String) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head)
}

/// P7, C13: the guest reads no body. A client that sends everything before it reads still sees the answer, and
/// its next request is served on the same connection.
#[test]
fn the_rest_of_a_body_that_a_guest_does_not_want_is_read() {
    let host = App::new(&http_guest(), "").serve(&[]);
    let body = vec![b'x'; 8 << 20];
    let head = format!("POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut stream = begin(&host, head.as_bytes());
    stream.write_all(&body).unwrap();
    assert_eq!(answer(&mut stream).0, 200);
    stream.write_all(b"GET /x HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(answer(&mut stream).0, 200);
    // Where the host itself refuses the request as well.
    let head = head.replace("Host: test\r\n", "Host: test\r\nHost: test\r\n");
    let mut stream = begin(&host, head.as_bytes());
    stream.write_all(&body).unwrap();
    assert_eq!(answer(&mut stream).0, 400);
}

/// P7: without end, nothing is read.
#[test]
fn a_body_without_end_is_not_read_for_ever() {
    let host = App::new(&http_guest(), "").serve(&[]);
    let head = "POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000\r\n\r\n";
    let mut stream = begin(&host, head.as_bytes());
    let piece = vec![b'x'; 1 << 20];
    let sent = (0..200).take_while(|_| stream.write_all(&piece).is_ok()).count();
    assert!(sent < 200, "{sent} MiB were read");
}

/// S15: bodies that arrive slowly take no place, and are given up.
#[test]
fn half_sent_bodies_take_no_place() {
    let host = App::new(&http_guest(), "").serve(&["--max-concurrent-requests", "2"]);
    let head = b"POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf";
    let mut slow: Vec<_> = (0..20).map(|_| begin(&host, head)).collect();
    assert_eq!(host.get("/x"), 200);
    for stream in &mut slow {
        let (status, head) = answer(stream);
        assert_eq!(status, 408);
        assert!(head.contains("connection: close"), "{head}");
    }
}

/// S15: a body that is large is passed on as it comes, and takes one of a few places. The guest answers without it,
/// so this is about the others.
#[test]
fn large_bodies_on_their_way_leave_places_free() {
    let host = App::new(&http_guest(), "").serve(&["--max-concurrent-requests", "4"]);
    let head = b"POST /l HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nhalf";
    let _slow: Vec<_> = (0..8).map(|_| begin(&host, head)).collect();
    for _ in 0..5 {
        assert_eq!(host.get("/x"), 200);
    }
}

/// A client that waits to be told to send its body is told.
#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    let host = App::new(&http_guest(), "").serve(&[]);
    let head = b"POST /x HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    let mut stream = begin(&host, head);
    assert_eq!(answer(&mut stream).0, 100);
    stream.write_all(b"body").unwrap();
    assert_eq!(answer(&mut stream).0, 200);
}

/// S2: one credential has its share, and the others have theirs.
#[test]
fn a_credential_has_a_share_of_the_places() {
    let host = App::new(&http_guest(), "").serve(&["--max-concurrent-requests", "4"]);
    let looping = b"GET /l HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer 1\r\n\r\n";
    let _first = begin(&host, looping);
    std::thread::sleep(Duration::from_millis(500));
    let mut second = begin(&host, looping);
    let other = b"GET /x HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer 2\r\nConnection: close\r\n\r\n";
    assert_eq!(host.send(other).0, 200);
    let (status, head) = answer(&mut second);
    assert_eq!(status, 429);
    assert!(head.contains("retry-after: "), "{head}");
}

/// S3: the memory of all instances has a bound, and who finds none is told to come later.
#[test]
fn all_instances_together_have_a_bound_of_memory() {
    let host =
        App::new(&http_guest(), "").serve(&["--max-total-memory", "16", "--max-instance-memory", "1000"]);
    let (status, head, _) = host.send(b"GET /m HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert_eq!(status, 503);
    assert!(head.to_ascii_lowercase().contains("retry-after: "), "{head}");
    assert!(host.log().contains("16 MiB of memory for all instances"));
    assert_eq!(host.get("/x"), 200);
}

/// C9: a component that cannot answer is found out before the host serves.
#[test]
fn a_component_that_cannot_answer_stops_the_start() {
    let app = App::with_route(&http_guest(), "/t");
    let said = app.said_when_refused(&[]);
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("postern-host: component \"guest\" cannot serve /t: "), "{said}");
    let host = app.serve(&["--no-start-check"]);
    assert_eq!(host.get("/t"), 500);
    assert_eq!(host.get("/x"), 200);
}

#[cfg(unix)]
mod private {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;

    const STORE: &str = "key_value_stores = [\"default\"]";

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    /// S8: whatever the umask says.
    #[test]
    fn the_state_is_its_owners_alone() {
        let app = App::new(&http_guest(), STORE);
        let host = app.serve_for_all_to_read(&[]);
        assert_eq!(host.get("/s"), 200);
        let state = Host::state(&app);
        assert_eq!(mode(&state), 0o700);
        assert_eq!(mode(&state.join("cache")), 0o700);
        assert_eq!(mode(&state.join("sqlite_key_value.db")), 0o600);
    }

    /// S8: in a folder that is there already, the file is private, and the operator is warned of those who could
    /// exchange it.
    #[test]
    fn the_store_is_private_in_a_folder_that_is_not() {
        let app = App::new(&http_guest(), STORE);
        let state = Host::state(&app);
        std::fs::create_dir(&state).unwrap();
        std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o777)).unwrap();
        std::fs::write(state.join("sqlite_key_value.db"), "").unwrap();
        let host = app.serve_for_all_to_read(&[]);
        assert_eq!(mode(&state.join("sqlite_key_value.db")), 0o600);
        assert_eq!(mode(&state), 0o777, "it may be a folder that others use");
        let warning = host.log();
        assert!(warning.starts_with("warning: other users can write to "), "{warning}");
        assert!(warning.contains(state.to_str().unwrap()), "{warning}");
    }

    /// S8: code is run from there.
    #[test]
    fn compiled_code_is_not_taken_from_a_folder_that_others_can_write_to() {
        let app = App::new(&http_guest(), "");
        let cache = app.path().join("cache");
        std::fs::create_dir(&cache).unwrap();
        std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o777)).unwrap();
        let host = app.serve(&["--cache-dir", cache.to_str().unwrap()]);
        assert_eq!(host.get("/x"), 200);
        assert!(host.log().starts_with("warning: compiled code is not kept"));
        assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 0);
    }
}
