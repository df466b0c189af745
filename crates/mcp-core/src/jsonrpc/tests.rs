use super::*;

fn refusal(body: &str) -> String {
    let (id, fault) = parse(body.as_bytes(), false).unwrap_err();
    String::from_utf8(fault.to_message(id.as_ref())).unwrap()
}

/// MCP-B-03.
#[test]
fn id_goes_back_as_it_came() {
    for id in ["1", "-7", "12345678901234567890123", r#""1""#, r#""""#, r#""\u00e9""#] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let Ok(Parsed::One(Message::Request(parsed, _))) = parse(body.as_bytes(), false) else {
            panic!("{id}")
        };
        let reply = result_message(&parsed, &json!({})).unwrap();
        assert_eq!(
            String::from_utf8(reply).unwrap(),
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
        );
    }
}

/// MCP-B-02, MP-08; the member is left out of the reply, because the schema forbids `null`.
#[test]
fn id_of_another_type_is_refused() {
    for id in ["null", "1.5", "1e3", "{}", "[1]", "true"] {
        let reply = refusal(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#));
        assert!(reply.contains("-32600") && !reply.contains("\"id\":"), "{reply}");
    }
}

/// MCP-B-07.
#[test]
fn error_has_the_id_that_could_be_read() {
    for body in [
        r#"{"id":7,"method":"ping"}"#,
        r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":7}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":5}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":null}"#,
        r#"{"jsonrpc":"2.0","id":7,"result":{},"error":{}}"#,
    ] {
        let reply = refusal(body);
        assert!(reply.starts_with(r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32600,"#), "{body}: {reply}");
    }
}

/// MP-08, MCP-L-06: at least one message, and not too many.
#[test]
fn what_is_no_message_and_no_batch_is_refused() {
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let batch = |count| format!("[{}]", vec![ping; count].join(","));
    for body in ["[]", &batch(17), "\"ping\"", "1", "null"] {
        assert!(refusal(body).contains("-32600"), "{body}");
    }
    assert!(
        matches!(parse(batch(16).as_bytes(), false), Ok(Parsed::Batch(messages)) if messages.len() == 16)
    );
}

/// One bad message in a batch is its own affair; a batch in a batch is such a message.
#[test]
fn messages_of_a_batch_are_judged_one_by_one() {
    let body =
        br#"[1, [], {"jsonrpc":"2.0","id":1,"method":"ping"}, {"jsonrpc":"2.0","id":"a","result":{}}]"#;
    let Ok(Parsed::Batch(messages)) = parse(body, false) else { panic!() };
    assert!(messages[..2].iter().all(Result::is_err));
    assert!(matches!(messages[2], Ok(Message::Request(..))));
    assert!(matches!(&messages[3], Ok(Message::Response(response)) if response.id.as_deref() == Some("a")));
}

/// MCP-B-06.
#[test]
fn what_is_not_json_is_a_parse_error_without_id() {
    assert_eq!(
        refusal("{\"jsonrpc\":"),
        r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"The body is not valid JSON"}}"#
    );
}

/// MCP-T-09.
#[test]
fn unsupported_version_names_the_ones_that_are() {
    let fault = Fault::UnsupportedProtocolVersion { requested: "1900-01-01".to_owned() };
    assert_eq!(
        String::from_utf8(fault.to_message(None)).unwrap(),
        r#"{"jsonrpc":"2.0","error":{"code":-32022,"message":"Unsupported protocol version","data":{"requested":"1900-01-01","supported":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"]}}}"#
    );
}

#[test]
fn message_without_id_is_a_notification() {
    let body = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert!(matches!(parse(body, false), Ok(Parsed::One(Message::Notification(_)))));
}

/// C15: some clients write out that they have no parameters.
#[test]
fn null_parameters_are_left_out_where_that_is_tolerated() {
    for (id, method) in [(r#""id":7,"#, "ping"), ("", "notifications/initialized")] {
        let body = format!(r#"{{"jsonrpc":"2.0",{id}"method":"{method}","params":null}}"#);
        let Ok(Parsed::One(Message::Request(_, call) | Message::Notification(call))) =
            parse(body.as_bytes(), true)
        else {
            panic!("{body}")
        };
        assert!(call.has_null_params && call.params.name.is_none());
        assert!(parse(body.as_bytes(), false).is_err());
        for other in ["[]", "0", "false", "\"\""] {
            assert!(parse(body.replace("null", other).as_bytes(), true).is_err(), "{other}");
        }
    }
}

/// C16: the client that waits for the answer to the id learns what is wrong, and where.
#[test]
fn a_body_that_means_different_things_is_refused_with_its_id() {
    for (params, code, place) in [
        (r#"{"arguments":{"a":["\ud83d"]}}"#, -32602, "(at /params/arguments/a/0)"),
        (r#"{"arguments":{"\udc00":1}}"#, -32602, "(at /params/arguments)"),
        (r#"{"arguments":{"a":1,"a":2}}"#, -32602, "(at /params/arguments/a)"),
        (r#"{"a":1e999}"#, -32602, "(at /params/a)"),
        (r#"{},"method":"pong""#, -32600, "(at /method)"),
        (r#"{},"more":"\ud800""#, -32600, "(at /more)"),
    ] {
        let reply = refusal(&format!(r#"{{"jsonrpc":"2.0","id":"é","method":"ping","params":{params}}}"#));
        let begin = format!(r#"{{"jsonrpc":"2.0","id":"é","error":{{"code":{code},"message":""#);
        assert!(reply.starts_with(&begin) && reply.contains(place), "{reply}");
    }
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"ping","params":{{"a":{}{}}}}}"#,
        "[".repeat(99),
        "]".repeat(99)
    );
    assert!(refusal(&deep).starts_with(r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"#));
    let (id, fault) = parse(b"{\"id\":7,\"params\":{\"a\":\"\xff\"}}", false).unwrap_err();
    let reply = String::from_utf8(fault.to_message(id.as_ref())).unwrap();
    assert_eq!(
        reply,
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32700,"message":"A string is not UTF-8 (at /params/a)"}}"#
    );
    // A notification is not answered, so HTTP says that it failed.
    let (id, fault) = parse(br#"{"jsonrpc":"2.0","method":"x","params":{"a":"\ud800"}}"#, false).unwrap_err();
    assert!(id.is_none() && fault.status(false) == StatusCode::BAD_REQUEST);
}

/// S9.
#[test]
fn what_is_repeated_is_bounded() {
    let body = |id: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
    let id = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    assert!(parse(body(&id(MAX_ID)).as_bytes(), false).is_ok());
    for long in [id(MAX_ID + 1), "1".repeat(MAX_ID + 1), id(100_000)] {
        let reply = refusal(&body(&long));
        assert!(reply.contains("-32600") && reply.len() < 200, "{reply}");
        // Not on the way on which ids are found again, either.
        let reply = refusal(&body(&long).replace("ping\"", "ping\",\"x\":\"\\ud800\""));
        assert!(reply.contains("-32600") && reply.len() < 300, "{reply}");
    }
    let long = "é".repeat(100_000);
    for fault in [
        Fault::UnsupportedProtocolVersion { requested: long.clone() },
        Fault::ResourceNotFound { uri: long.clone(), code: -32002 },
        Fault::InvalidParams(format!("Unknown tool: {}", repeated(&long))),
    ] {
        assert!(fault.to_message(None).len() < 600, "{fault:?}");
    }
    assert!(Fault::InvalidParams(long).to_message(None).len() < MAX_MESSAGE + 200);
}
