//! What can be read: `resources/list`, `resources/templates/list`, `resources/read`.

use crate::bench::{Bench, Request, challenge, error, json, result};
use serde_json::{Value, json};

/// Both eras.
const ERAS: [fn(&str, Value) -> Request; 2] = [Request::legacy, Request::modern];

fn read(uri: &str) -> Request {
    Request::modern("resources/read", json!({ "uri": uri }))
}

/// MCP-M-01, MCP-M-34, MCP-M-37: the whole of a description; hints in the modern era only (MCP-B-09).
#[test]
fn resources_are_listed() {
    let bench = Bench::new();
    for request in ERAS {
        let listed = result(&bench.send(request("resources/list", json!({}))));
        assert_eq!(
            listed["resources"][0],
            json!({
                "uri": "test://bench/text",
                "name": "text",
                "title": "A text",
                "description": "Some text",
                "mimeType": "text/plain",
                "size": 5,
                "annotations": {
                    "audience": ["user", "assistant"],
                    "priority": 0.5,
                    "lastModified": "2026-07-28T12:00:00Z",
                },
            })
        );
        assert_eq!(listed["resources"][1], json!({ "uri": "test://bench/bytes", "name": "bytes" }));
        assert!(listed.get("nextCursor").is_none());
    }
    let listed = result(&bench.send(Request::modern("resources/list", json!({}))));
    assert_eq!((&listed["resultType"], &listed["cacheScope"]), (&json!("complete"), &json!("private")));
    assert!(listed["ttlMs"].is_u64());
    let listed = result(&bench.send(Request::legacy("resources/list", json!({}))));
    assert_eq!(listed.as_object().unwrap().len(), 1);
}

/// MCP-M-01, MCP-M-23, MCP-M-34.
#[test]
fn templates_are_listed() {
    let bench = Bench::new();
    for request in ERAS {
        let listed = result(&bench.send(request("resources/templates/list", json!({}))));
        assert_eq!(
            listed["resourceTemplates"][0],
            json!({
                "uriTemplate": "notes://{year}/{title}",
                "name": "t",
                "title": "Notes",
                "description": "Notes by year",
                "mimeType": "text/markdown",
            })
        );
    }
    let listed = result(&bench.send(Request::modern("resources/templates/list", json!({}))));
    assert_eq!((&listed["cacheScope"], listed["ttlMs"].is_u64()), (&json!("private"), true));
}

/// MCP-M-21, MCP-M-23: what is no address or no template is left out, and the operator is told.
#[test]
fn malformed_descriptions_are_left_out() {
    let bench = Bench::new();
    let listed = bench.send(Request::modern("resources/list", json!({})));
    assert!(!String::from_utf8_lossy(&listed.body).contains("escapes"));
    let listed = result(&bench.send(Request::modern("resources/templates/list", json!({}))));
    assert_eq!(listed["resourceTemplates"].as_array().unwrap().len(), 3);
    let log = bench.log.borrow();
    assert!(log[0].contains("resource test://bench/../escapes: it is no absolute URI"), "{log:?}");
    assert!(log[1].contains("resource broken://{: it is no URI template"), "{log:?}");
}

/// MCP-M-32, MP-14.
#[test]
fn unknown_cursors_are_refused() {
    for method in ["resources/list", "resources/templates/list", "prompts/list"] {
        for cursor in [json!(""), json!("x"), json!(7)] {
            let reply = Bench::new().send(Request::modern(method, json!({ "cursor": cursor })));
            assert_eq!(error(&reply), (200, -32602), "{method} {cursor}");
        }
    }
}

/// MCP-M-17, MCP-M-22, MCP-M-34, MCP-M-36.
#[test]
fn resources_are_read() {
    let bench = Bench::new();
    let text = result(&bench.send(read("test://bench/text")));
    assert_eq!(
        text["contents"],
        json!([{ "uri": "test://bench/text", "mimeType": "text/plain", "text": "hello" }])
    );
    assert_eq!(
        (&text["ttlMs"], &text["cacheScope"], &text["resultType"]),
        (&json!(60_000), &json!("private"), &json!("complete"))
    );
    let bytes = result(&bench.send(read("test://bench/bytes")));
    assert_eq!(bytes["contents"], json!([{ "uri": "test://bench/bytes", "blob": "//4=" }]));
    assert_eq!(bytes["ttlMs"], 0);
    let parts = result(&bench.send(read("test://bench/parts")));
    assert_eq!(parts["contents"][1], json!({ "uri": "test://bench/parts/2", "text": "2" }));
    let legacy =
        result(&bench.send(Request::legacy("resources/read", json!({ "uri": "test://bench/text" }))));
    assert_eq!(legacy, json!({ "contents": text["contents"] }));
    // The resources are told who reads, and never the token (RS-11).
    let (caller, read) = &bench.reads.borrow()[0];
    assert_eq!((&*caller.subject, &*read.uri), ("alice", "test://bench/text"));
}

/// MCP-M-23.
#[test]
fn what_fits_a_template_is_read() {
    let bench = Bench::new();
    let note = result(&bench.send(read("notes://2026/a%2Fb")));
    assert_eq!(note["contents"], json!([{ "uri": "notes://2026/a%2Fb", "text": "a note" }]));
}

/// MCP-M-18, MCP-M-19, MCP-M-20, MCP-M-21, MP-15: one answer, whether a resource is missing, hidden or a way out;
/// and only what is listed or fits a template gets as far as to the resources.
#[test]
fn missing_resources_are_errors_that_name_them() {
    let bench = Bench::new();
    for uri in [
        "test://bench/absent",
        "test://bench/TEXT",
        "test://bench/text?x=1",
        "test://bench/../escapes",
        "notes://2026/../x",
        "notes://2026/%2e%2e%2fx",
        "broken://{",
        "file:///etc/passwd",
        "text",
        "",
    ] {
        let reply = bench.send(read(uri));
        let modern = json(&reply);
        assert_eq!(error(&reply), (200, -32602), "{uri}");
        assert_eq!(
            modern["error"],
            json!({ "code": -32602, "message": "Resource not found", "data": { "uri": uri } })
        );
        let reply = bench.send(Request::legacy("resources/read", json!({ "uri": uri })));
        assert_eq!(json(&reply)["error"]["data"], json!({ "uri": uri }));
        assert_eq!(error(&reply), (200, -32002), "{uri}");
    }
    assert!(bench.reads.borrow().is_empty());
    // The resources themselves say so too.
    for uri in ["test://bench/has-gone", "notes://1999/x"] {
        assert_eq!(error(&bench.send(read(uri))), (200, -32602));
        assert_eq!(bench.reads.borrow_mut().pop().map(|(_, read)| read.uri).as_deref(), Some(uri));
    }
}

#[test]
fn uri_is_a_string() {
    for params in [json!({}), json!({ "uri": null }), json!({ "uri": 7 }), json!({ "uri": ["x"] })] {
        let reply = Bench::new().send(Request::legacy("resources/read", params));
        assert_eq!(error(&reply), (200, -32602));
        assert!(json(&reply)["error"].get("data").is_none());
    }
}

/// MCP-T-15, MCP-T-16: the header names the address, compared as it is written.
#[test]
fn header_and_address_must_agree() {
    let bench = Bench::new();
    let request = read("test://bench/text").header("mcp-name", "test://bench/bytes");
    assert_eq!(error(&bench.send(request)), (400, -32020));
    assert_eq!(error(&bench.send(read("test://bench/text").without("mcp-name"))), (400, -32020));
    assert!(bench.reads.borrow().is_empty());
}

/// RS-08, MCP-A-12, MCP-M-38: what is declared is enforced, in a list or in a template; of several templates, all of it.
#[test]
fn lacking_scope_is_challenged() {
    let bench = Bench::new();
    for request in ERAS {
        for uri in ["test://bench/needs-statistics", "secret://a/b"] {
            let reply = bench.send(request("resources/read", json!({ "uri": uri })));
            assert_eq!(reply.status, 403, "{uri}");
            assert!(challenge(&reply).contains(r#"scope="math:statistics math:basic""#), "{uri}");
        }
        let reply =
            bench.send(request("resources/read", json!({ "uri": "notes://2026/x" })).token("no-scopes"));
        assert!(reply.status == 403 && challenge(&reply).contains(r#"scope="math:basic""#));
    }
    assert!(bench.reads.borrow().is_empty());
    // Nobody is told whether there is anything behind a template: that is asked afterwards.
    let reply = bench.send(read("secret://a/b").token("statistics"));
    assert_eq!(error(&reply), (200, -32602));
    // More than was declared.
    let reply = bench.send(read("test://bench/wants-more-scope"));
    assert!(challenge(&reply).contains(r#"scope="math:basic math:more""#));
    assert_eq!(error(&bench.send(read("test://bench/wants-scope-that-is-there"))), (200, -32603));
}

/// MCP-M-20, I12: what goes wrong behind the server is no business of the client's.
#[test]
fn failures_have_fixed_texts() {
    let bench = Bench::new();
    for (uri, message) in [
        ("test://bench/is-empty", "Internal error"),
        ("test://bench/is-unavailable", "Temporarily unavailable"),
        ("test://bench/is-broken", "Internal error"),
    ] {
        let reply = bench.send(read(uri));
        assert_eq!(error(&reply), (200, -32603));
        assert_eq!(json(&reply)["error"]["message"], message);
    }
    assert!(bench.log.borrow().iter().any(|line| line.contains("read-resource of the resources failed")));
    let reply = bench.send(read("test://bench/wants-a-form"));
    assert_eq!(error(&reply), (400, -32021));
    assert_eq!(
        json(&reply)["error"]["data"]["requiredCapabilities"],
        json!({ "elicitation": { "form": {} } })
    );
}

/// MCP-M-32, MCP-M-33, MCP-M-35: every item once, in order, on pages that say alike how they may be kept.
#[test]
fn long_lists_come_in_pages() {
    for (method, list, name) in [
        ("resources/list", "resources", "uri"),
        ("resources/templates/list", "resourceTemplates", "uriTemplate"),
        ("prompts/list", "prompts", "name"),
    ] {
        let bench = Bench::new();
        bench.offers_many.set(true);
        let (mut names, mut params) = (Vec::new(), json!({}));
        for page in 1.. {
            let listed = result(&bench.send(Request::modern(method, params)));
            assert_eq!(listed["cacheScope"], "private");
            let items = listed[list].as_array().unwrap();
            names.extend(items.iter().map(|item| item[name].as_str().unwrap().to_owned()));
            assert!(page <= 3, "{method}");
            let Some(cursor) = listed.get("nextCursor") else { break };
            params = json!({ "cursor": cursor });
            // MP-14: a cursor is good for its own list only.
            let other = if method == "prompts/list" { "resources/list" } else { "prompts/list" };
            assert_eq!(error(&bench.send(Request::modern(other, params.clone()))), (200, -32602));
        }
        assert_eq!(names.len(), 250, "{method}");
        names.dedup();
        assert!(names.len() == 250 && names[0].contains('0') && names[249].contains("249"), "{method}");
    }
}

/// MCP-M-36, MCP-R-01, MCP-R-02, MCP-R-04, MCP-R-09: a read in two rounds; what depends on the answer is not to be kept.
#[test]
fn a_resource_may_ask_first() {
    let bench = Bench::new();
    let asks = |edit: &dyn Fn(&mut Value)| {
        read("test://bench/asks").edit(|message| {
            message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
                json!({ "elicitation": {} });
            edit(&mut message["params"]);
        })
    };
    let asked = result(&bench.send(asks(&|_| {})));
    assert_eq!(asked["resultType"], "input_required");
    assert_eq!(asked["inputRequests"]["tone"]["method"], "elicitation/create");
    assert!(asked.get("ttlMs").is_none() && asked.get("cacheScope").is_none());
    let answer = |params: &mut Value| {
        params["inputResponses"] = json!({ "tone": { "action": "accept", "content": { "tone": "warm" } } });
        params["requestState"] = asked["requestState"].clone();
    };
    let given = result(&bench.send(asks(&answer)));
    assert_eq!(given["contents"][0]["text"], r#"{"tone":"warm"}"#);
    assert_eq!((&given["ttlMs"], &given["cacheScope"]), (&json!(0), &json!("private")));
    let resumption = bench.reads.borrow()[1].1.resumption.clone().unwrap();
    assert_eq!(resumption.state, b"asked");
    // The state of one resource is none for another.
    let other = read("test://bench/text").edit(|message| answer(&mut message["params"]));
    assert_eq!(error(&bench.send(other)), (200, -32602));
}

/// MCP-R-03: a question that the client did not offer to answer is not put; MCP-R-02: nor one that breaks the rules.
#[test]
fn questions_that_cannot_be_put_are_errors() {
    let bench = Bench::new();
    assert_eq!(error(&bench.send(read("test://bench/asks"))), (400, -32021));
    let in_vain = read("test://bench/asks-in-vain").edit(|message| {
        message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({ "roots": {} });
    });
    assert_eq!(error(&bench.send(in_vain)), (200, -32603));
    assert!(bench.log.borrow()[0].contains("mcp: resource test://bench/asks-in-vain: "));
}

/// MCP-M-16, MCP-M-19: what older revisions have no word for is left out.
#[test]
fn older_revisions_get_what_they_know() {
    let bench = Bench::new();
    for (revision, has_titles) in
        [("2024-11-05", false), ("2025-03-26", false), ("2025-06-18", true), ("2025-11-25", true)]
    {
        let send = |method, params| {
            result(&bench.send(Request::legacy(method, params).header("mcp-protocol-version", revision)))
        };
        let resource = &send("resources/list", json!({}))["resources"][0];
        assert_eq!(resource.get("title").is_some(), has_titles, "{revision}");
        assert_eq!(resource["annotations"].get("lastModified").is_some(), has_titles, "{revision}");
        assert_eq!(resource["annotations"]["priority"], 0.5);
        let template = &send("resources/templates/list", json!({}))["resourceTemplates"][0];
        assert_eq!(template.get("title").is_some(), has_titles, "{revision}");
        let prompt = &send("prompts/list", json!({}))["prompts"][1];
        assert_eq!(prompt.get("title").is_some(), has_titles, "{revision}");
        assert_eq!(prompt["arguments"][0].get("title").is_some(), has_titles, "{revision}");
        let played = &send("prompts/get", json!({ "name": "plays" }))["messages"][0]["content"];
        assert_eq!(played["type"], if revision == "2024-11-05" { "text" } else { "audio" }, "{revision}");
        let missing = Request::legacy("resources/read", json!({ "uri": "test://bench/absent" }));
        let missing = bench.send(missing.header("mcp-protocol-version", revision));
        assert_eq!(error(&missing), (200, -32002), "{revision}");
    }
}
