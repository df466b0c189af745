//! HTTP+SSE: which tokens a stream and what is posted to it count by, and what is said before a POST is accepted.

use crate::{
    bench::{Bench, Request, challenge},
    http_sse::{Client, get, post, request},
    sessions::Stream,
};
use serde_json::json;

/// SS-07, MCP-A-26: a token that is revoked ends the stream that it opened, and nothing is told meanwhile.
#[test]
fn stream_ends_when_its_token_is_revoked() {
    let bench = Bench::new();
    let mut stream = Stream::open(&bench, get());
    assert_eq!(stream.event().unwrap()[0].1, "endpoint");
    bench.is_revoked.set(true);
    (0..2).for_each(|_| stream.expect_sign_of_life());
    bench.is_revoked.set(false);
    bench.revoked.set("lasting");
    bench.send(Request::modern("tools/call", json!({ "name": "changes" })).token("everlasting"));
    assert_eq!(stream.event(), None);
    assert!(bench.later.get() < 60_000, "{}", bench.later.get());
}

/// C23, U7: a user who allows more gives the client another grant in the place of the first, whose tokens are over. The
/// client comes back with a token of the new one a moment later.
#[test]
fn stream_goes_on_when_another_grant_takes_the_place_of_the_first() {
    let bench = Bench::new();
    let mut client = Client::connect(&bench, "2025-06-18");
    bench.revoked.set("lasting");
    (0..3).for_each(|_| client.stream.expect_sign_of_life());
    let call = request(6, "tools/call", json!({ "name": "mean" }));
    assert_eq!(bench.send(post(&client.session, &call).token("with-statistics")).status, 202);
    assert_eq!(client.stream.message().unwrap()["id"], 6);
    (0..20).for_each(|_| client.stream.expect_sign_of_life());
    assert_eq!(bench.send(post(&client.session, &call).token("with-statistics")).status, 202);
    assert_eq!(client.stream.message().unwrap()["id"], 6);
}

/// C25: access tokens live for minutes, and a stream goes on with the newer ones that the client posts with.
#[test]
fn stream_goes_on_with_the_tokens_that_its_client_posts_with() {
    let bench = Bench::new();
    let mut client = Client::open(&bench);
    bench.later.set(0);
    client.stream = {
        let mut stream = Stream::open(&bench, get().token("for-a-minute"));
        let endpoint = stream.event().unwrap();
        client.session = endpoint[1].1.strip_prefix("/sse/message?sessionId=").unwrap().to_owned();
        stream
    };
    while bench.later.get() < 90_000 {
        client.stream.expect_sign_of_life();
    }
    // The token that opened it is no longer good for anything.
    let ping = request(1, "ping", json!({}));
    assert_eq!(bench.send(post(&client.session, &ping).token("for-a-minute")).status, 401);
    let changes = |bench: &Bench| {
        bench.send(Request::modern("tools/call", json!({ "name": "changes" })).token("lasting"));
    };
    // What the server says of its own accord waits for a good token.
    changes(&bench);
    (0..3).for_each(|_| client.stream.expect_sign_of_life());
    client.post(&ping);
    let mut heard: Vec<_> = (0..4).map(|_| client.stream.message().unwrap()).collect();
    heard.sort_by_key(|message| message["id"].is_null());
    assert_eq!(heard[0]["id"], 1);
    assert_eq!(heard[1]["method"], "notifications/tools/list_changed");
    for _ in 0..30 {
        client.stream.expect_sign_of_life();
    }
    assert_eq!(client.call("add")["result"]["content"][0]["text"], "42");
}

/// C25, SS-07: it ends with the grant, which the authorization server makes known by deleting what is kept under it.
#[test]
fn stream_ends_with_its_grant() {
    let bench = Bench::new();
    let mut stream = Stream::open(&bench, get().token("for-a-minute"));
    stream.event().unwrap();
    while bench.later.get() < 90_000 {
        stream.expect_sign_of_life();
    }
    let grant = store_core::Connection::of(Some("0123456789abcdef0123456789abcdef"), "", "");
    store_core::testing::block_on(grant.forget(&bench.store)).unwrap();
    let before = bench.later.get();
    assert_eq!(stream.event(), None);
    assert!(bench.later.get() - before < 10_000);
}

/// C25: where tokens are issued under no grant that is known here, nothing tells of its end but the token's own.
#[test]
fn stream_of_a_token_without_a_grant_ends_with_it() {
    let bench = Bench::new();
    let mut stream = Stream::open(&bench, get().token("under-no-grant"));
    stream.event().unwrap();
    assert_eq!(stream.event(), None);
    assert!((60_000..80_000).contains(&bench.later.get()), "{}", bench.later.get());
}

/// C25: a stream does not outlast a token that expired long ago.
#[test]
fn stream_without_a_good_token_ends_after_a_day() {
    let bench = Bench::new();
    let mut stream = Stream::open(&bench, get().token("for-a-minute"));
    stream.event().unwrap();
    bench.later.set(25 * 60 * 60 * 1000);
    assert_eq!(stream.event(), None);
}

/// C23, U7, MCP-A-12: what a token does not allow is refused as over Streamable HTTP, before it is accepted; and a
/// client that comes back with a token that does allow it is served on the stream that it has.
#[test]
fn client_is_asked_to_sign_in_for_more_and_goes_on() {
    let bench = Bench::new();
    let mut client = Client::connect(&bench, "2025-06-18");
    for (method, params) in [
        ("tools/call", json!({ "name": "mean" })),
        ("resources/read", json!({ "uri": "test://bench/needs-statistics" })),
        ("resources/subscribe", json!({ "uri": "test://bench/needs-statistics" })),
    ] {
        let reply = bench.send(post(&client.session, &request(5, method, params)));
        assert_eq!(reply.status, 403, "{method}");
        let challenge = challenge(&reply);
        assert!(
            challenge.contains("insufficient_scope")
                && challenge.contains("math:statistics")
                && challenge.contains("/.well-known/oauth-protected-resource/sse\""),
            "{challenge}"
        );
    }
    let call = request(6, "tools/call", json!({ "name": "mean" }));
    let reply = bench.send(post(&client.session, &call).token("with-statistics"));
    assert_eq!(reply.status, 202);
    let answer = client.stream.message().unwrap();
    assert_eq!((&answer["id"], &answer["result"]["content"][0]["text"]), (&json!(6), &json!("mean")));
    let caller = bench.calls.borrow().last().unwrap().0.clone();
    assert!(caller.scopes.contains(&"math:statistics".to_owned()), "{caller:?}");
    // Each POST has its own token, and an older one does not gain by a newer one.
    assert_eq!(bench.send(post(&client.session, &call)).status, 403);
    // Another user's token is for no session of this one's, whatever it allows.
    assert_eq!(bench.send(post(&client.session, &call).token("of-another-user")).status, 404);
}

/// C23: what only the tool itself knows is an error on the stream, which says what it takes.
#[test]
fn scope_that_a_tool_asks_for_while_it_runs_is_named() {
    let bench = Bench::new();
    let mut client = Client::connect(&bench, "2025-06-18");
    let answer = client.call("wants-more-scope");
    assert_eq!(answer["error"]["code"], -32600, "{answer}");
    assert_eq!(answer["error"]["data"]["error"], "insufficient_scope");
    assert!(answer["error"]["data"]["scope"].as_str().unwrap().contains("math:more"), "{answer}");
}

/// C21: clients that try the newer era first are answered on the stream, in a way that leads them to the
/// handshake.
#[test]
fn client_that_tries_the_newer_era_first_goes_on_with_a_handshake() {
    let bench = Bench::new();
    let mut client = Client::open(&bench);
    for (method, params, code) in [
        ("server/discover", json!({ "_meta": crate::bench::meta() }), -32601),
        ("server/discover", json!({}), -32601),
        ("subscriptions/listen", json!({ "_meta": crate::bench::meta(), "notifications": {} }), -32601),
        ("initialize", json!({ "_meta": crate::bench::meta() }), -32601),
        ("tools/list", json!({ "_meta": crate::bench::meta() }), -32022),
        ("tools/call", json!({ "_meta": crate::bench::meta(), "name": "mean" }), -32022),
    ] {
        client.post(&request(9, method, params));
        let answer = client.stream.message().unwrap();
        assert_eq!(
            (&answer["id"], &answer["error"]["code"]),
            (&json!(9), &json!(code)),
            "{method}: {answer}"
        );
        if code == -32022 {
            let supported = answer["error"]["data"]["supported"].as_array().unwrap();
            assert!(supported.contains(&json!("2024-11-05")) && !supported.contains(&json!("2026-07-28")));
            assert_eq!(answer["error"]["data"]["requested"], "2026-07-28");
        }
    }
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {},
                        "clientInfo": { "name": "c", "version": "1" } });
    client.post(&request(0, "initialize", hello));
    assert_eq!(client.stream.message().unwrap()["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(client.call("add")["result"]["content"][0]["text"], "42");
}
