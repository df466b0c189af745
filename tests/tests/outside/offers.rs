//! What there is to read and to say, through the components that come with the server: its guide, and prompts that
//! use its tools.

use postern_tests::mcp::{McpClient, STATELESS, list, text};
use postern_tests::{Client, Server};
use serde_json::{Value, json};

/// The newest revision of each era.
const REVISIONS: [&str; 2] = ["2025-11-25", STATELESS];

fn clients() -> [McpClient; 2] {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    REVISIONS.map(|revision| McpClient::connect(&server, &token, revision))
}

/// MCP-M-01, MCP-M-22: whatever is listed can be read.
#[test]
fn every_page_of_the_guide_can_be_read() {
    for client in clients() {
        let listed = client.result("resources/list", json!({}));
        let resources = list(&listed, "resources");
        assert!(resources.len() >= 4, "{listed}");
        for resource in resources {
            let uri = text(resource, "/uri");
            let read = client.result("resources/read", json!({ "uri": uri }));
            assert_eq!(text(&read, "/contents/0/uri"), uri);
            assert_eq!(text(&read, "/contents/0/mimeType"), text(resource, "/mimeType"));
            assert_eq!(Some(text(&read, "/contents/0/text").len() as u64), resource["size"].as_u64());
        }
    }
}

/// MCP-M-23, MCP-M-28: the variables of a template can be completed, and what comes of it can be read.
#[test]
fn sections_of_the_guide_can_be_found_and_read() {
    for client in clients() {
        let listed = client.result("resources/templates/list", json!({}));
        let template = text(&listed, "/resourceTemplates/0/uriTemplate");
        let complete = |name: &str, value: &str, filled: Value| {
            let params = json!({
                "ref": { "type": "ref/resource", "uri": template },
                "argument": { "name": name, "value": value },
                "context": { "arguments": filled },
            });
            let completed = client.result("completion/complete", params);
            text(&completed, "/completion/values/0").to_owned()
        };
        let page = complete("page", "con", json!({}));
        let section = complete("section", "when", json!({ "page": page }));
        let uri = template.replace("{page}", &page).replace("{section}", &section);
        let read = client.result("resources/read", json!({ "uri": uri }));
        assert!(text(&read, "/contents/0/text").starts_with("## When it does not work\n"), "{read}");
    }
}

/// MCP-M-18, MCP-M-19, MP-15.
#[test]
fn missing_resources_are_errors_that_name_them() {
    for (client, code) in clients().iter().zip([-32002, -32602]) {
        for uri in ["guide://postern/absent", "guide://postern/../about", "file:///etc/passwd"] {
            let answer = client.call("resources/read", json!({ "uri": uri }));
            assert_eq!(answer["error"]["code"], code, "{answer}");
            assert_eq!(text(&answer, "/error/data/uri"), uri);
        }
    }
}

/// MCP-M-26, MCP-M-27.
#[test]
fn prompts_are_filled_in() {
    for client in clients() {
        let listed = client.result("prompts/list", json!({}));
        let names: Vec<&str> = list(&listed, "prompts").iter().map(|prompt| text(prompt, "/name")).collect();
        assert_eq!(names, ["explain_calculation", "summarise_numbers"]);
        let get = |arguments: Value| {
            client.call("prompts/get", json!({ "name": "summarise_numbers", "arguments": arguments }))
        };
        let given = get(json!({ "numbers": "1; 2.50 3", "about": "prices" }));
        assert_eq!(text(&given, "/result/messages/0/role"), "user");
        let message = text(&given, "/result/messages/0/content/text");
        assert!(message.contains("which are prices: [1, 2.5, 3]"), "{message}");
        for arguments in [json!({}), json!({ "numbers": "one" }), json!({ "numbers": "1", "colour": "red" })]
        {
            let answer = get(arguments);
            assert_eq!(answer["error"]["code"], -32602, "{answer}");
        }
        let answer = client.call("prompts/get", json!({ "name": "absent" }));
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
}

/// MCP-M-28, MCP-M-30.
#[test]
fn arguments_of_prompts_can_be_completed() {
    for client in clients() {
        let complete = |name: &str, argument: &str| {
            let reference = json!({ "type": "ref/prompt", "name": name });
            let argument = json!({ "name": argument, "value": "a" });
            client.call("completion/complete", json!({ "ref": reference, "argument": argument }))
        };
        let values = complete("explain_calculation", "audience");
        assert_eq!(
            values["result"]["completion"],
            json!({ "values": ["a child", "a student", "an engineer"], "total": 3, "hasMore": false })
        );
        for (name, argument) in [("absent", "audience"), ("explain_calculation", "colour")] {
            assert_eq!(complete(name, argument)["error"]["code"], -32602);
        }
    }
}

/// MCP-M-01: what is advertised is what is served, in both eras.
#[test]
fn what_is_served_is_advertised() {
    let server = Server::under_test();
    let token = Client::register(&server).sign_in().access_token;
    let stateless = McpClient::connect(&server, &token, STATELESS);
    let discovered = stateless.result("server/discover", json!({}));
    let params = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": { "name": "postern-tests", "version": "1" },
    });
    let initialized = McpClient::connect(&server, &token, "2025-11-25").result("initialize", params);
    for answer in [discovered, initialized] {
        for capability in ["tools", "resources", "prompts", "completions"] {
            assert!(answer["capabilities"][capability].is_object(), "{capability} in {answer}");
        }
    }
}
