//! What the MCP server keeps for connected clients ends with their grants.

use crate::support::{Client, Params, Request, Tokens, World};
use oauth_core::approvals::CONNECTIONS_PER_USER;
use store_core::{Connection, Slot, Store, testing::block_on};

/// Tokens, and something that is kept for the client that has them.
fn connect(world: &World, client: &Client) -> (Tokens, Connection) {
    let tokens = world.tokens(client);
    let grant = world.introspect(&tokens.access).unwrap().grant_id;
    let connection = Connection::of(Some(&grant), "", "");
    block_on(async {
        world.store.put(connection.root(), b"root").await.unwrap();
        for slot in [Slot::Session, Slot::Inbox, Slot::Stream, Slot::Task] {
            world.store.put(&connection.slot(slot, slot.count() - 1), b"slot").await.unwrap();
        }
    });
    (tokens, connection)
}

fn is_kept(world: &World, connection: &Connection) -> bool {
    world.store.snapshot().keys().any(|key| key.starts_with(connection.root()))
}

/// TK-34: at once, and nobody else's.
#[test]
fn nothing_is_kept_under_a_revoked_grant() {
    let world = World::public();
    let client = world.client();
    let ((tokens, revoked), (_, other)) = (connect(&world, &client), connect(&world, &client));
    let form = Params::of(&[("client_id", &client.id), ("token", &tokens.access)]);
    assert_eq!(world.send(Request::post_form("/revoke", &form)).status, 200);
    assert!(!is_kept(&world, &revoked) && is_kept(&world, &other));
}

/// TK-22: also when it is revoked because a token was used twice.
#[test]
fn nothing_is_kept_under_a_grant_whose_tokens_were_stolen() {
    let world = World::public();
    let client = world.client();
    let (tokens, connection) = connect(&world, &client);
    Tokens::of(&world.send(client.refresh(&tokens.refresh)));
    world.advance(31);
    assert!(is_kept(&world, &connection));
    assert_eq!(world.send(client.refresh(&tokens.refresh)).status, 400);
    assert!(!is_kept(&world, &connection));
}

/// D8: what gives way, or is past its time, leaves nothing behind after its user's next approval.
#[test]
fn nothing_is_kept_under_a_grant_that_is_tidied_up() {
    let world = World::public();
    let client = world.client();
    let (_, oldest) = connect(&world, &client);
    for _ in 1..CONNECTIONS_PER_USER {
        world.advance(1);
        world.tokens(&client);
    }
    let (_, last) = connect(&world, &client);
    assert!(!is_kept(&world, &oldest) && is_kept(&world, &last));
    world.advance(365 * 24 * 60 * 60);
    world.tokens(&client);
    assert!(!is_kept(&world, &last));
}
