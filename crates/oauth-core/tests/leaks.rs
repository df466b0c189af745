//! What must not get out: through error bodies, through the operator's log, from one user to another.

use crate::support::{Browser, PageForm, Request, Tokens, VERIFIER, World, body_text};
use http::StatusCode;
use oauth_core::ports::IdentityError;
use store_core::testing::Fault;
use web_core::Reply;

/// The part of a credential that is secret.
fn body(credential: &str) -> String {
    credential["postern_xx_".len()..].to_owned()
}

/// Rules 1 and 3, I12, TK-31: everything goes wrong that can, with real secrets in hand; none of them
/// is in an error or in the log, and what the store said is in the log only.
#[test]
fn errors_and_logs_tell_no_secrets() {
    let world = World::local();
    let client = world.client();
    let browser = Browser::default();
    let page = browser.sign_in(&world, "alice@example.com", &client.request().encode());
    let code = world.code(&client);
    let tokens = world.tokens(&client);
    let session = browser.cookies.borrow()["postern-session"].clone();
    let approve = browser.form_request("/consent", &PageForm::of(&page).filled_in(&[], Some("approve")));
    let sign_in = Browser::default();
    let sign_in_page = sign_in.get(&world, &format!("/authorize?{}", client.request().encode()));
    let password = [("email", "alice@example.com"), ("password", "s3cret-passw0rd")];
    let password = PageForm::of(&sign_in_page).filled_in(&password, None);
    let password = sign_in.dress(sign_in.form_request("/sign-in", &password));
    let requests = [
        browser.dress(approve),
        password,
        client.redeem(&code),
        client.refresh(&tokens.refresh),
        client.redeem(&tokens.refresh),
        client.refresh(&tokens.access),
        client.redeem(&code).with("authorization", "Basic czNjcmV0LXBhc3N3MHJk"),
        Request { query: Some(client.redemption(&code).encode()), ..client.redeem(&code) },
        browser.dress(Request::get(&format!("/authorize?code={code}&{}", client.request().encode()))),
        Request::post_form("/token", &client.redemption(&code).with("code_verifier", &"v".repeat(43))),
    ];
    let mut errors = Vec::new();
    for fault in [Some(Fault::Error), Some(Fault::WriteError), None] {
        for request in requests.clone() {
            if let Some(fault) = fault {
                world.store.fail_after(0, fault);
                *world.people.failure.borrow_mut() = Some(IdentityError::Unavailable);
            }
            let reply = world.send(request);
            world.people.failure.borrow_mut().take();
            world.store.heal();
            if reply.status.is_client_error() || reply.status.is_server_error() {
                errors.push(reply);
            }
        }
    }
    assert!(errors.len() > 15, "{}", errors.len());
    let logged = world.logged.borrow().join("\n");
    let texts: Vec<&str> = errors.iter().map(body_text).chain([logged.as_str()]).collect();
    let mut secrets = [&code, &tokens.access, &tokens.refresh].map(|credential| body(credential)).to_vec();
    secrets.extend([session, VERIFIER.to_owned(), "s3cret-passw0rd".into(), "czNjcmV0".into()]);
    for (secret, text) in secrets.iter().flat_map(|secret| texts.iter().map(move |text| (secret, text))) {
        assert!(!text.contains(secret.as_str()), "{secret} in {text}");
    }
    assert!(errors.iter().all(|reply| !body_text(reply).contains("injected")), "I12");
    assert!(logged.contains("injected"), "the operator learns what the store said: {logged}");
    assert!(logged.lines().any(|line| line.contains("token")), "{logged}");
}

/// TK-31, style 5.7: whoever presents a credential that is not good learns nothing of why.
#[test]
fn all_bad_credentials_look_alike() {
    let world = World::local();
    let (client, other) = (world.client(), world.register(&["https://other.example/cb"]));
    let revoked = world.tokens(&client);
    let newer = Tokens::of(&world.send(client.refresh(&revoked.refresh)));
    world.advance(31);
    world.send(client.refresh(&revoked.refresh));
    let foreign = world.tokens(&other);
    let expired = world.code(&client);
    world.advance(60);
    let replies: Vec<Reply> = [
        client.refresh("garbage"),
        client.refresh("postern_rt_AAAA"),
        client.refresh(&newer.refresh),
        client.refresh(&foreign.refresh),
        client.redeem(&expired),
        client.redeem("postern_ac_"),
    ]
    .map(|request| world.send(request))
    .to_vec();
    assert_eq!(replies[0].status, StatusCode::BAD_REQUEST);
    assert!(replies.iter().all(|reply| *reply == replies[0]));
}

/// I10: instances are reused; nothing of one user's request is in the next one's answer.
#[test]
fn answers_do_not_depend_on_who_asked_before() {
    let world = World::local();
    let client = world.client();
    let query = client.request().encode();
    Browser::default().sign_in(&world, "alice@example.com", &query);
    let consent = Browser::default().sign_in(&world, "bob@example.com", &query);
    assert!(body_text(&consent).contains("bob@example.com") && !body_text(&consent).contains("alice"));
    let stranger = Browser::default().get(&world, &format!("/authorize?{query}"));
    assert_eq!(PageForm::of(&stranger).action, "/sign-in");
    assert!(!body_text(&stranger).contains("@example.com"));
}
