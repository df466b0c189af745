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
    for bad in ["", "7", &format!("8{secret}"), &format!("7{secret}0"), &format!("é{secret}"), secret] {
        assert_eq!(place_of(bad), None, "{bad}");
    }
    assert_eq!(place_of(&format!("7{}", secret.to_uppercase())), None);
}

/// SS-04: the one that was not used for longest gives way; what is past its time does anyway.
#[test]
fn sessions_are_bounded() {
    let mut root = Root::default();
    for number in 0..8 {
        let slot = make_room(&mut root, None, 0);
        root.sessions.push(Entry { id: number.to_string(), slot, expires_at: 100 + u64::from(slot) });
    }
    assert_eq!(make_room(&mut root.clone(), Some("5"), 0), 5);
    assert_eq!(make_room(&mut root.clone(), Some("gone"), 0), 0);
    assert_eq!(make_room(&mut root, None, 102), 0);
    assert_eq!(root.sessions.len(), 5);
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
