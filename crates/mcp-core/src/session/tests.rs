use super::*;

/// MCP-L-15: and what does not look like one of ours costs no look into the store.
#[test]
fn names_of_sessions_are_recognised() {
    let secret = "0123456789abcdef0123456789abcdef";
    assert_eq!(place_of(&format!("7{secret}")), Some((7, None)));
    let there = Connection::parse("abc");
    assert_eq!(place_of(&format!("7{secret}-abc")), Some((7, there)));
    for bad in ["", "a:s0", "ABC", "-", "abc-"] {
        assert_eq!(place_of(&format!("7{secret}-{bad}")), None, "{bad}");
    }
    assert_eq!(place_of(&format!("63{secret}-abc")).unwrap().0, 63);
    let long = format!("7{secret}0");
    for bad in ["", "7", &format!("64{secret}"), &long, &format!("é{secret}"), &format!("07{secret}"), secret]
    {
        assert_eq!(place_of(bad), None, "{bad}");
    }
    assert_eq!(place_of(&format!("7{}", secret.to_uppercase())), None);
}

#[test]
fn subscriptions_are_bounded() {
    let mut session = Session {
        owner: None,
        id: String::new(),
        revision: Revision::R2025_11_25,
        client_info: None,
        capabilities: ClientCapabilities::default(),
        log_level: None,
        subscriptions: Vec::new(),
        streams: Vec::new(),
        listeners: Vec::new(),
        used_at: 0,
        is_new: false,
        held_until: None,
    };
    for number in 0..MAX_SUBSCRIPTIONS {
        session.subscribe(&format!("test://{number}")).unwrap();
    }
    assert!(session.subscribe("test://more").is_err());
    session.subscribe("test://1").unwrap();
    session.subscriptions.truncate(1);
    assert!(session.subscribe(&"x".repeat(MAX_SUBSCRIPTION_BYTES)).is_err());
}
