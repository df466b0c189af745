//! The store grows with users, never with requests (I6).

use crate::Deployment;
use postern_tests::oauth::REDIRECT_URI;
use postern_tests::sqlite::Database;
use postern_tests::{Authorization, Client, Connection, Request};
use serde_json::json;

const CONNECTIONS: usize = 4;

/// So many registrations, all different, and as many people who were sent to sign in and did not: the
/// records are the same as before, byte for byte.
fn flood(deployment: &Deployment, count: usize) {
    // What there is of records on a server that has users.
    let known = Client::register(&deployment.host);
    let tokens = known.sign_in();
    let before = deployment.size();
    std::thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            scope.spawn(move || {
                let mut wire = Connection::open(&deployment.host);
                for index in (connection..count).step_by(CONNECTIONS) {
                    let metadata = json!({
                        "client_name": format!("Client {index}"),
                        "redirect_uris": [REDIRECT_URI, format!("https://client{index}.example/callback")],
                    });
                    let registered = wire.send(&Request::json("/register", &metadata)).expect(201).json();
                    let client = Client {
                        server: (*deployment.host).clone(),
                        client_id: registered["client_id"].as_str().unwrap().to_owned(),
                        redirect_uri: REDIRECT_URI.to_owned(),
                    };
                    let target = Authorization::new(&client).target();
                    let page = Request::new("GET", &target).header("accept", "text/html");
                    wire.send(&page).expect_page(200);
                }
            });
        }
    });
    assert_eq!(deployment.size(), before);
    // Those who were there before are none the worse for it.
    known.refresh(&tokens.refresh_token).expect(200);
}

/// RG-11, K-23: not even the file has grown, which never shrinks again.
#[test]
fn ten_thousand_strangers_leave_nothing_behind_on_sqlite() {
    let deployment = Deployment::on_sqlite();
    Client::register(&deployment.host).sign_in();
    let before = Database::open(&deployment.state).pages();
    flood(&deployment, 10_000);
    let after = Database::open(&deployment.state).pages();
    // A second user came in between.
    assert!(after <= before + 2, "{before} pages became {after}");
}

/// RG-11.
#[test]
fn strangers_leave_nothing_behind_on_redis() {
    flood(&Deployment::on_redis(), 500);
}
