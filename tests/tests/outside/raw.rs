//! Requests as no client of ours would write them. The HTTP library of the host decides what a request
//! is; whatever it decides, one connection gets no more answers than it sent requests, and the server is
//! none the worse for it.
#![expect(clippy::panic, reason = "this is how a test fails")]

use postern_tests::{Client, Server};

/// Everything that came back on a connection, which the server has to close.
fn send(server: &Server, request: &str) -> String {
    send_bytes(server, &with_host(server, request))
}

fn send_bytes(server: &Server, request: &[u8]) -> String {
    let answer = server.send_raw(request);
    let answer = answer.unwrap_or_else(|| panic!("left waiting: {}", String::from_utf8_lossy(request)));
    // The server is still there, for everybody else.
    server.get("/.well-known/oauth-authorization-server").expect(200);
    String::from_utf8_lossy(&answer).into_owned()
}

fn with_host(server: &Server, request: &str) -> Vec<u8> {
    request.replace("HOST", server.authority()).replace('\n', "\r\n").into_bytes()
}

/// The status of each answer.
fn statuses(answer: &str) -> Vec<u16> {
    let lines = answer.split("HTTP/1.1 ").skip(1);
    lines.map(|rest| rest.split(' ').next().unwrap_or_default().parse().unwrap_or_default()).collect()
}

/// Refused, or not answered at all; never two answers, and never a success.
#[track_caller]
fn assert_refused(request: &str, answer: &str) {
    let statuses = statuses(answer);
    assert!(statuses.len() <= 1, "{request:?} got two answers: {answer}");
    assert!(statuses.iter().all(|status| (400..=501).contains(status)), "{request:?}: {answer}");
}

/// What a second request, hidden in the first, would ask for. The connection would be kept for it.
const HIDDEN: &str =
    "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: HOST\nConnection: close\n\n";

/// HT-03, RFC 9112 section 11.2: whatever two readers could take for two different requests is refused, and
/// what is hidden in it is not answered.
#[test]
fn smuggled_requests_are_not_answered() {
    let server = Server::under_test();
    let form = "Host: HOST\nContent-Type: application/x-www-form-urlencoded\n";
    let chunked = format!("0\n\n{HIDDEN}");
    for request in [
        format!("POST /token HTTP/1.1\n{form}Content-Length: 4\nTransfer-Encoding: chunked\n\n{chunked}"),
        format!("POST /token HTTP/1.1\n{form}Content-Length: 0\nContent-Length: 120\n\n{HIDDEN}"),
        format!("POST /token HTTP/1.1\n{form}Content-Length: 0, 120\n\n{HIDDEN}"),
        format!("POST /token HTTP/1.1\n{form}Content-Length: +0\n\n{HIDDEN}"),
        format!("POST /token HTTP/1.1\n{form}Content-Length: 0x0\n\n{HIDDEN}"),
        format!("POST /token HTTP/1.1\n{form}Content-Length : 0\n\n{HIDDEN}"),
        format!("POST /token HTTP/1.1\n{form}Transfer-Encoding: chunked, identity\n\n{chunked}"),
        format!(
            "POST /token HTTP/1.1\n{form}Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n{chunked}"
        ),
        format!("POST /token HTTP/1.1\n{form}Transfer-Encoding: chunked, chunked\n\n{chunked}"),
        format!("POST /token HTTP/1.1\n{form}Transfer-Encoding: xchunked\n\n{chunked}"),
        format!("POST /token HTTP/1.1\n{form}Transfer-Encoding : chunked\n\n{chunked}"),
        format!("POST /token HTTP/1.1\n{form}Transfer-Encoding:\n chunked\n\n{chunked}"),
        format!("POST /token HTTP/1.1\n{form}X-Folded: a\n b\nContent-Length: 0\n\n{HIDDEN}"),
        format!("POST /token HTTP/1.0\n{form}Transfer-Encoding: chunked\n\n{chunked}"),
        format!("POST /token HTTP/2.0\n{form}Content-Length: 0\n\n{HIDDEN}"),
        format!("GET /mcp\nHost: HOST\n\n{HIDDEN}"),
    ] {
        let answer = send(&server, &request);
        assert_refused(&request, &answer);
        assert!(!answer.contains("authorization_endpoint"), "{request:?}: {answer}");
    }
    // Line ends without a carriage return are no reason to see two requests in one.
    let bare = format!("POST /token HTTP/1.1\n{form}Connection: close\nContent-Length: 0\n\n");
    let bare = bare.replace("HOST", server.authority());
    assert!(statuses(&send_bytes(&server, bare.as_bytes())).len() <= 1);
}

/// HT-02, RFC 9112 section 6.3: a body that ends before it should is no body, and nothing comes of it.
#[test]
fn body_that_is_cut_off_is_not_processed() {
    let server = Server::under_test();
    let client = Client::register(&server);
    let tokens = client.sign_in();
    let form = format!(
        "grant_type=refresh_token&client_id={}&refresh_token={}",
        client.client_id, tokens.refresh_token
    );
    let head = "POST /token HTTP/1.1\nHost: HOST\nContent-Type: application/x-www-form-urlencoded\n\
                Connection: close\n";
    let (declared, chunk) = (form.len() + 10, form.len());
    for request in [
        format!("{head}Content-Length: {declared}\n\n{form}"),
        format!("{head}Transfer-Encoding: chunked\n\n{chunk:x}\n{form}\n"),
        format!("{head}Transfer-Encoding: chunked\n\n{declared:x}\n{form}"),
        format!("{head}Transfer-Encoding: chunked\n\nzz\n{form}\n0\n\n"),
        format!("{head}Transfer-Encoding: chunked\n\n{chunk:x}\n{form}x\n0\n\n"),
        format!("{head}Transfer-Encoding: chunked\n\nfffffffffffffffff\n{form}\n0\n\n"),
    ] {
        let answer = server.send_cut_off(&with_host(&server, &request)).expect("it is not waited for");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert_refused(&request, &answer);
        assert!(!answer.contains("access_token"), "{request:?}: {answer}");
    }
    // None of them has used the token: what it gives now is its first successor, and that is current.
    let next = postern_tests::Tokens::of(&client.refresh(&tokens.refresh_token));
    client.refresh(&next.refresh_token).expect(200);
}

/// HT-09: bytes that are no text, in a header that is read and in one that is not.
#[test]
fn header_that_is_no_text_is_refused_and_harms_nobody() {
    let server = Server::under_test();
    for name in ["Authorization", "Cookie", "Origin", "X-Unknown", "Mcp-Name"] {
        for (method, path) in [("POST", "/mcp"), ("GET", "/authorize"), ("POST", "/token")] {
            let head = format!(
                "{method} {path} HTTP/1.1\nHost: HOST\nConnection: close\nContent-Length: 0\n{name}: "
            );
            let mut request = with_host(&server, &head);
            request.extend(b"\xff\xfe\x80\r\n\r\n");
            let answer = send_bytes(&server, &request);
            let statuses = statuses(&answer);
            assert!(statuses.len() == 1 && (400..=500).contains(&statuses[0]), "{name} {path}: {answer}");
        }
    }
}

/// HT-11: another protocol is not spoken, and a client that waits to be told to go on is told something.
#[test]
fn expectations_and_upgrades_end_in_an_answer() {
    let server = Server::under_test();
    let websocket = "Connection: Upgrade, close\nUpgrade: websocket\nSec-WebSocket-Version: 13\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let h2c = "Connection: Upgrade, HTTP2-Settings, close\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__";
    for upgrade in [websocket, h2c] {
        let request =
            format!("GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: HOST\n{upgrade}\n\n");
        let answer = send(&server, &request);
        assert_eq!(statuses(&answer), [200], "{answer}");
    }
    // HTTP/2 without asking first.
    let answer = send(&server, "PRI * HTTP/2.0\n\nSM\n\n");
    assert_refused("PRI", &answer);
    for expectation in ["100-continue", "something-else"] {
        let request = format!(
            "POST /token HTTP/1.1\nHost: HOST\nContent-Type: application/x-www-form-urlencoded\n\
             Connection: close\nExpect: {expectation}\nContent-Length: 12\n\ngrant_type=x"
        );
        let answer = send(&server, &request);
        let last = statuses(&answer).last().copied();
        assert!(last.is_some_and(|status| (400..=417).contains(&status)), "{answer}");
    }
}

/// HT-15, RFC 9112 section 3.2.2: a request that names another host in its target gets nothing that is built
/// from that name; DS-01 is about the same name in `Host`.
#[test]
fn absolute_target_with_another_authority_changes_nothing() {
    let server = Server::under_test();
    let path = "/.well-known/oauth-authorization-server";
    for request in [
        format!("GET http://evil.example{path} HTTP/1.1\nHost: HOST\nConnection: close\n\n"),
        format!("GET http://HOST{path} HTTP/1.1\nHost: evil.example\nConnection: close\n\n"),
        format!("GET http://evil.example@HOST{path} HTTP/1.1\nHost: HOST\nConnection: close\n\n"),
        format!("GET {path} HTTP/1.1\nHost: HOST\nHost: evil.example\nConnection: close\n\n"),
        format!("GET {path} HTTP/1.1\nHost: evil.example\nHost: HOST\nConnection: close\n\n"),
        format!("GET {path} HTTP/1.1\nConnection: close\n\n"),
        format!("GET evil.example{path} HTTP/1.1\nHost: HOST\nConnection: close\n\n"),
        "CONNECT evil.example:443 HTTP/1.1\nHost: evil.example:443\nConnection: close\n\n".to_owned(),
    ] {
        let answer = send(&server, &request);
        assert!(statuses(&answer).len() <= 1 && !answer.contains("evil.example"), "{request:?}: {answer}");
        if let Some((_, body)) = answer.split_once("\r\n\r\n")
            && answer.starts_with("HTTP/1.1 200")
        {
            assert!(body.contains(&format!("\"issuer\":\"{}\"", server.base)), "{answer}");
        }
    }
}
