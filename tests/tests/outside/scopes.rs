//! A tool declares its scopes once. What follows from it, all the way: metadata, consent page, list, refusal, and the client
//! that comes back with more.

use postern_tests::mcp::{McpClient, STATELESS, list, ping, post};
use postern_tests::oauth::{BASIC, STATISTICS};
use postern_tests::{Authorization, Browser, Client, Person, Server, Tokens};
use serde_json::{Value, json};

fn names(document: &Value, name: &str) -> Vec<String> {
    list(document, name).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// MCP-A-12, RS-08, MP-16.
#[test]
fn one_declaration_drives_what_is_asked_shown_refused_and_granted() {
    let server = Server::under_test();
    let tool = "statistics";
    let arguments = json!({ "numbers": [1, 2, 6] });

    // The resource names what to begin with, the authorization server everything.
    let resource = server.get("/.well-known/oauth-protected-resource/mcp").expect(200).json();
    let initial = names(&resource, "scopes_supported");
    assert_eq!(initial, [BASIC]);
    let all =
        names(&server.get("/.well-known/oauth-authorization-server").expect(200).json(), "scopes_supported");
    assert!(all.contains(&STATISTICS.to_owned()), "{all:?}");

    for revision in ["2025-11-25", STATELESS] {
        // A client asks for that. The page says what it is for, and nothing of the rest.
        let client = Client::register(&server);
        let (person, mut browser) = (Person::new(), Browser::new(&server));
        let authorization = Authorization::new(&client).with("scope", &initial.join(" "));
        let page = person.consent_page(&mut browser, &authorization).text();
        assert!(page.contains("Do arithmetic") && page.contains("Add"), "{page}");
        assert!(!page.contains(STATISTICS) && !page.contains("Summarise"), "{page}");
        let answer = person.approve(&mut browser, &authorization);
        let tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));

        // It sees the tool, calls it, and is told what that takes.
        let mcp = McpClient::connect(&server, &tokens.access_token, revision);
        assert!(mcp.tools().contains(&tool.to_owned()), "what nobody sees, nobody asks for");
        let params = json!({ "name": tool, "arguments": arguments });
        let refused = mcp.send("tools/call", params).expect(403);
        let challenge = refused.expect_header("www-authenticate");
        assert!(challenge.starts_with("Bearer error=\"insufficient_scope\""), "{challenge}");
        let (_, scope) = challenge.split_once("scope=\"").unwrap();
        let (scope, _) = scope.split_once('"').unwrap();

        // It asks for exactly that. The page says what is new.
        let authorization = Authorization::new(&client).with("scope", scope);
        let page = person.consent_page(&mut browser, &authorization).text();
        for text in ["Summarise lists of numbers", STATISTICS, "Statistics", "Do arithmetic"] {
            assert!(page.contains(text), "no {text}: {page}");
        }
        let answer = person.approve(&mut browser, &authorization);
        let more = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
        // U2: the new grant takes the place of the one that the browser approved before.
        server.send(&post(&tokens.access_token, &ping())).expect(401);
        let mcp = McpClient::connect(&server, &more.access_token, revision);
        assert_eq!(mcp.call_tool(tool, arguments.clone())["structuredContent"]["mean"].as_f64(), Some(3.0));
        // Nothing that was there is lost.
        mcp.call_tool("add", json!({ "a": 1, "b": 2 }));
    }
}
