//! What an operator sets: secrets and their rotation, lifetimes, tolerances, remembered consent.

use postern_tests::host::{State, is_bundled, refused};
use postern_tests::mcp::{ping, post};
use postern_tests::oauth::is_sign_in;
use postern_tests::{Authorization, Browser, Client, Host, Person, Request, Tokens, random};
use serde_json::json;

/// A deployment secret.
fn secret() -> String {
    random() + &random()
}

fn with_secrets(state: State, secrets: &[&str]) -> State {
    state.with_variable("deployment_secret", &secrets.join(","))
}

/// K-33 and rotation: a new secret before the old one ends nothing; taking the old one out ends everything
/// that was made under it, a restored backup included, and everybody can begin again.
#[test]
fn rotation_keeps_what_is_live_and_retiring_a_secret_ends_it() {
    let (old, new) = (secret(), secret());
    let state = with_secrets(State::new(), &[&old]);
    let host = Host::start(&state);
    let listen = host.authority().to_owned();
    let client = Client::register(&host);
    let person = Person::new();
    let mut browser = Browser::new(&host);
    let authorization = Authorization::new(&client);
    let answer = person.approve(&mut browser, &authorization);
    let tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
    // In another browser: a second approval in the first one would take the place of its grant (U2).
    let mut other_browser = Browser::new(&host);
    let unused = Authorization::new(&client);
    let code = person.approve(&mut other_browser, &unused).code().to_owned();
    host.stop();

    let state = with_secrets(state, &[&new, &old]);
    let host = Host::start_on(&state, &listen);
    host.send(&post(&tokens.access_token, &ping())).expect(200);
    Tokens::of(&client.redeem(&code, &unused.verifier));
    let rotated = Tokens::of(&client.refresh(&tokens.refresh_token));
    host.send(&post(&rotated.access_token, &ping())).expect(200);
    // The browsers' sessions, the client's registration and the account are good as well.
    for browser in [&mut browser, &mut other_browser] {
        let page = browser.open(&Authorization::new(&client).target()).page().expect_page(200);
        assert!(!is_sign_in(&page), "{page}");
    }
    person.approve(&mut other_browser, &Authorization::new(&client)).code();
    person.approve(&mut Browser::new(&host), &Authorization::new(&client)).code();
    let newer = Client::register_for(&host, "https://app.example/new");
    assert_ne!(newer.client_id, client.client_id);
    host.stop();

    let state = with_secrets(state, &[&new]);
    let host = Host::start_on(&state, &listen);
    // It was refreshed under the new secret, and its client id was made under the old one.
    client.refresh(&rotated.refresh_token).expect_oauth_error(401, "invalid_client");
    host.send(&post(&tokens.access_token, &ping())).expect(401);
    client.refresh(&tokens.refresh_token).expect_oauth_error(401, "invalid_client");
    client.redeem(&code, &unused.verifier).expect_oauth_error(401, "invalid_client");
    Browser::new(&host).open(&Authorization::new(&client).target()).page().expect_page(400);
    let authorization = Authorization::new(&newer);
    let answer = person.approve(&mut Browser::new(&host), &authorization);
    let tokens = Tokens::of(&newer.redeem(answer.code(), &authorization.verifier));
    host.send(&post(&tokens.access_token, &ping())).expect(200);
}

/// A server on the internet makes no secret for itself: it serves nothing and says what to set, and how.
#[test]
fn public_server_without_a_secret_says_how_to_make_one() {
    let state = State::new().with_variable("public_url", "https://mcp.example.com");
    let mut host = Host::start(&state);
    for (target, status) in
        [("/", 500), ("/.well-known/oauth-authorization-server", 500), ("/authorize", 500)]
    {
        let skip = host.log_lines();
        let response = host.send(&Request::new("GET", target).header("accept", "text/html"));
        assert_eq!(response.status, status, "{target}: {response}");
        let line = host.log_line(skip, &["deployment_secret"]);
        assert!(line.contains("openssl rand"), "{line}");
    }
    // What has the form of a token is looked up, and that takes a key.
    let token = format!("postern_at_{}", "A".repeat(94));
    let response = host.send(&post(&token, &ping()));
    assert!(matches!(response.status, 401 | 503), "it is not let in: {response}");
}

/// A mistake in a variable is told in the log by the variable's name, and nothing is served in the meantime:
/// an operator who wrote `1 hour` does not get fifteen minutes.
#[test]
fn mistake_in_a_variable_is_named_and_nothing_is_served() {
    for (variable, value) in [
        ("access_token_lifetime", "1 hour"),
        ("refresh_token_lifetime", "10m"),
        ("grant_lifetime", "30"),
        ("authorization_code_lifetime", "1h"),
        ("page_lifetime", "0s"),
        ("browser_session_lifetime", "forever"),
        ("remember_consent", "yes"),
        ("strict", "everything"),
    ] {
        let state = State::new().with_variable(variable, value);
        let mut host = Host::start(&state);
        let skip = host.log_lines();
        host.get("/.well-known/oauth-authorization-server").expect(500);
        let line = host.log_line(skip, &[&format!("{variable}: ")]);
        assert!(!line.contains(value) || value == "30", "the value is not repeated: {line}");
    }
}

/// Lifetimes are what the variables say, at both components that know them.
#[test]
fn lifetimes_are_variables() {
    let state =
        State::new().with_variable("access_token_lifetime", "1h").with_variable("page_lifetime", "5m");
    let host = Host::start(&state);
    let client = Client::register(&host);
    let authorization = Authorization::new(&client);
    let mut browser = Browser::new(&host);
    let answer = Person::new().approve(&mut browser, &authorization);
    assert!(
        browser.set_cookies.iter().any(|cookie| cookie.contains("Max-Age=300;")),
        "{:?}",
        browser.set_cookies
    );
    let response = client.redeem(answer.code(), &authorization.verifier);
    assert_eq!(response.json()["expires_in"], json!(3600));
    let tokens = Tokens::of(&response);
    // The token check does not take an hour for more than tokens live.
    host.send(&post(&tokens.access_token, &ping())).expect(200);
    let listen = host.authority().to_owned();
    host.stop();
    let state = state.with_variable("access_token_lifetime", "10m");
    let host = Host::start_on(&state, &listen);
    host.send(&post(&tokens.access_token, &ping())).expect(401);
    let tokens = Tokens::of(&client.refresh(&tokens.refresh_token));
    host.send(&post(&tokens.access_token, &ping())).expect(200);
}

/// The variable `strict` reaches both components; a tolerance that is on is a line in the log when it made
/// the difference.
#[test]
fn tolerances_are_switched_off_for_the_whole_server() {
    let state = State::new();
    let mut host = Host::start(&state);
    let origin = host.base.clone();
    let client = Client::register(&host);
    let skip = host.log_lines();
    let authorization = Authorization::new(&client).with("resource", &origin);
    let answer = Person::new().approve(&mut Browser::new(&host), &authorization);
    host.log_line(skip, &["tolerance: origin_audience"]);
    let tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
    host.send(&post(&tokens.access_token, &ping())).expect(200);
    host.get("/.well-known/oauth-protected-resource").expect(200);
    let listen = host.authority().to_owned();
    host.stop();

    let state = state.with_variable("strict", "origin_audience, loopback_aliases");
    let host = Host::start_on(&state, &listen);
    host.send(&post(&tokens.access_token, &ping())).expect(401);
    host.get("/.well-known/oauth-protected-resource").expect(404);
    let program = Request::new("GET", &authorization.target()).header("accept", "application/json");
    host.send(&program).expect_oauth_error(400, "invalid_target");
    let alias = format!("localhost:{}", host.port());
    for target in ["/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/mcp"] {
        host.send(&Request::new("GET", target).header("host", &alias)).expect(421);
    }
}

/// AZ-24: with `remember_consent` a person may tick that a decision stands. It does for an address that the
/// person opened, and not for one that a website led to.
#[test]
fn remembered_decision_stands_for_what_the_person_opened() {
    let state = State::new().with_variable("remember_consent", "on");
    let host = Host::start(&state);
    let client = Client::register(&host);
    let mut browser = Browser::new(&host);
    let mut form = Person::new().consent_form(&mut browser, &Authorization::new(&client));
    form.tick("remember");
    browser.submit(&form, Some("approve")).elsewhere();
    let again = Authorization::new(&client);
    let navigate = |site: &str| {
        Request::new("GET", &again.target())
            .header("sec-fetch-site", site)
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
    };
    let page = browser.send(navigate("cross-site")).expect_page(200);
    assert!(!is_sign_in(&page), "{page}");
    let response = browser.send(navigate("none")).expect(303);
    let answer = again.answer(&host, response.expect_header("location"));
    let tokens = Tokens::of(&client.redeem(answer.code(), &again.verifier));
    host.send(&post(&tokens.access_token, &ping())).expect(200);
    let fields = [("client_id", client.client_id.as_str()), ("token", tokens.refresh_token.as_str())];
    host.send(&Request::form("/revoke", &fields)).expect(200);
    browser.send(navigate("none")).expect_page(200);
}

/// C9: an operator learns of a mistake when the server is started, not from clients. The sentence is the one in
/// the log, for every variable that a component reads.
#[test]
fn server_that_cannot_use_a_variable_says_so_and_does_not_start() {
    if !is_bundled() {
        return;
    }
    for (variable, value) in [
        ("public_url", "http://mcp.example.com"),
        ("public_url", "nonsense"),
        ("deployment_secret", "short"),
        ("sign_up", "sometimes"),
        ("providers", "[{}]"),
        ("password_sign_in", "perhaps"),
        ("access_token_lifetime", "1 hour"),
        ("refresh_token_lifetime", "10m"),
        ("grant_lifetime", "30"),
        ("authorization_code_lifetime", "1h"),
        ("page_lifetime", "0s"),
        ("browser_session_lifetime", "forever"),
        ("accent_color", "red"),
        ("logo_text", "Weather"),
        ("support_url", "nowhere"),
        ("remember_consent", "yes"),
        ("registration", "half"),
        ("clients", "[{}]"),
        ("metadata_documents", "maybe"),
        ("private_schemes", "a b"),
        ("tool_timeout", "soon"),
        ("tool_output_limit", "much"),
        ("tool_notification_limit", "-1"),
        ("tool_notification_size_limit", "big"),
        ("strict", "everything"),
    ] {
        let (success, said) = refused(&State::new().with_variable(variable, value), "127.0.0.1:0");
        assert!(!success && !said.contains("Serving"), "{variable}: {said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(last.contains("cannot serve") && last.contains(variable), "{variable}: {said}");
    }
}

/// C9: without a public address, a server for other machines could tell them nothing that they can use.
#[test]
fn server_for_other_machines_needs_a_public_address() {
    if !is_bundled() {
        return;
    }
    let (success, said) = refused(&State::new(), "0.0.0.0:0");
    assert!(!success && said.contains("public_url") && said.contains("0.0.0.0"), "{said}");
    let public = State::new().with_variable("public_url", "https://mcp.example.com");
    let (success, said) = refused(&public, "0.0.0.0:0");
    assert!(!success && said.contains("deployment_secret"), "{said}");
}
