use super::*;

fn refusal(body: &str) -> String {
    let (id, fault) = parse(body.as_bytes()).unwrap_err();
    String::from_utf8(fault.to_message(id.as_ref())).unwrap()
}

/// MCP-B-03.
#[test]
fn id_goes_back_as_it_came() {
    for id in ["1", "-7", "12345678901234567890123", r#""1""#, r#""""#, r#""\u00e9""#] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let Ok(Parsed::One(Message::Request(parsed, _))) = parse(body.as_bytes()) else { panic!("{id}") };
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
    assert!(matches!(parse(batch(16).as_bytes()), Ok(Parsed::Batch(messages)) if messages.len() == 16));
}

/// One bad message in a batch is its own affair; a batch in a batch is such a message.
#[test]
fn messages_of_a_batch_are_judged_one_by_one() {
    let body =
        br#"[1, [], {"jsonrpc":"2.0","id":1,"method":"ping"}, {"jsonrpc":"2.0","id":"a","result":{}}]"#;
    let Ok(Parsed::Batch(messages)) = parse(body) else { panic!() };
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
    assert!(matches!(parse(body), Ok(Parsed::One(Message::Notification(_)))));
}
