//! Mixed traffic for a long time, to see that nothing is left over: no memory, no descriptors, and no records
//! but those that people made.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use postern_tests::mcp::{McpClient, STATELESS};
use postern_tests::{Authorization, Browser, Client, Person, Request, Server, Tokens};
use serde_json::json;

use crate::figures::median;
use crate::process::Usage;
use crate::target::Built;

/// How many people there are. Each is at it all the time.
const PEOPLE: usize = 4;

/// How often the server is looked at.
const LOOK: Duration = Duration::from_secs(10);

/// By how much memory may have grown from the second quarter to the last, both under load, in percent.
const MAX_GROWTH: f64 = 15.0;

/// How long the server is left alone before it is judged: until instances that have nothing to do are gone, and
/// streams have found out, when they next wrote to somebody, that nobody reads.
const REST: Duration = Duration::from_secs(45);

/// The longest that a person goes on under one grant, in rounds.
const ROUNDS_PER_GRANT: u64 = 50;

/// After how many rounds everything has been done.
const WARM_UP: u64 = 2 * ROUNDS_PER_GRANT;

/// Runs it, and fails if something is left over.
pub(crate) fn run(built: &Built, minutes: f64) -> Result<()> {
    let postern = built.postern("soak", &["--idle-instance-timeout".into(), "2s".into()])?;
    let server = Server::at(&postern.process.base);
    // What is made once and kept is not left over: a file in memory for each component that has run, for one.
    let rounds = AtomicU64::new(0);
    work(&server, 1, &rounds, || rounds.load(Ordering::Relaxed) < WARM_UP)?;
    std::thread::sleep(REST);
    let before = postern.process.usage();

    let end = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    let mut looks: Vec<f64> = Vec::new();
    let mut looked = Instant::now();
    work(&server, PEOPLE, &rounds, || {
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            let Usage { resident, descriptors, .. } = postern.process.usage();
            let rounds = rounds.load(Ordering::Relaxed);
            println!("  {rounds} rounds, {} MiB, {descriptors} descriptors", resident / 1024);
            #[expect(clippy::cast_precision_loss, reason = "memory is far below what a float counts")]
            looks.push(resident as f64);
        }
        Instant::now() < end
    })?;
    std::thread::sleep(REST);
    let after = postern.process.usage();
    let records = records(&built.folder.join("soak/sqlite_key_value.db"))?;

    let quarter = looks.len() / 4;
    ensure!(quarter > 0, "that was too short to say anything of memory");
    let early = looks.iter().skip(quarter).take(quarter).copied().collect();
    let late = looks.iter().rev().take(quarter).copied().collect();
    let growth = (median(late) / median(early) - 1.0) * 100.0;
    println!("bench soak.rounds {} rounds", rounds.load(Ordering::Relaxed));
    println!("bench soak.memory-before {} KiB", before.resident);
    println!("bench soak.memory-after {} KiB", after.resident);
    println!("bench soak.memory-growth {growth:.1} %");
    println!("bench soak.descriptors-before {} descriptors", before.descriptors);
    println!("bench soak.descriptors-after {} descriptors", after.descriptors);
    println!("bench soak.records {records} records");
    ensure!(
        after.descriptors <= before.descriptors,
        "{} descriptors are open, and there were {}",
        after.descriptors,
        before.descriptors
    );
    ensure!(growth < MAX_GROWTH, "memory has grown by {growth:.0} % under the same load");
    // A person has an account and an index of grants, at most fifty of which are kept, each with what hangs on it.
    let most = 20 + (PEOPLE as u64 + 2) * (2 + 50 * 12);
    ensure!(records <= most, "{records} records are stored, of at most {most}");
    println!("Nothing is left over.");
    Ok(())
}

/// So many people at it, for as long as `go_on` says.
fn work(server: &Server, people: usize, rounds: &AtomicU64, mut go_on: impl FnMut() -> bool) -> Result<()> {
    let done = AtomicBool::new(false);
    let lived = std::thread::scope(|scope| {
        let people: Vec<_> = (0..people).map(|_| scope.spawn(|| live(server, &done, rounds))).collect();
        while go_on() && !people.iter().any(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::sleep(Duration::from_millis(100));
        }
        done.store(true, Ordering::Relaxed);
        people.into_iter().all(|person| person.join().is_ok())
    });
    ensure!(lived, "something was not answered as it should be; see above");
    Ok(())
}

fn records(file: &PathBuf) -> Result<u64> {
    let connection = rusqlite::Connection::open(file)?;
    Ok(connection.query_row("SELECT COUNT(*) FROM spin_key_value", [], |row| row.get(0))?)
}

/// What a person does all day.
fn live(server: &Server, done: &AtomicBool, rounds: &AtomicU64) {
    let person = Person::new();
    while !done.load(Ordering::Relaxed) {
        let client = Client::register(server);
        let authorization = Authorization::new(&client);
        let answer = person.approve(&mut Browser::new(server), &authorization);
        let mut tokens = Tokens::of(&client.redeem(answer.code(), &authorization.verifier));
        for round in 0..ROUNDS_PER_GRANT {
            if done.load(Ordering::Relaxed) {
                return;
            }
            live_a_round(server, &client, &mut tokens, round);
            rounds.fetch_add(1, Ordering::Relaxed);
        }
        // And never comes back to it.
        server
            .send(&Request::form(
                "/revoke",
                &[("token", &tokens.refresh_token), ("client_id", &client.client_id)],
            ))
            .expect(200);
        let call = McpClient::connect(server, &tokens.access_token, STATELESS);
        call.send("tools/list", json!({})).expect(401);
    }
}

fn live_a_round(server: &Server, client: &Client, tokens: &mut Tokens, round: u64) {
    let modern = McpClient::connect(server, &tokens.access_token, STATELESS);
    for _ in 0..5 {
        let result = modern.call_tool("add", json!({ "a": 2, "b": 3 }));
        assert_eq!(result.pointer("/structuredContent/result"), Some(&json!(5)), "{result}");
    }
    // Arguments that do not fit, a tool that is not there, a body that is no JSON, and no token at all.
    modern.send("tools/call", json!({ "name": "add", "arguments": { "a": "two" } }));
    modern.send("tools/call", json!({ "name": "nothing", "arguments": {} }));
    let broken = Request::new("POST", "/mcp").body("application/json", "{").bearer(&tokens.access_token);
    server.send(&broken.header("accept", "application/json, text/event-stream")).expect(400);
    server.send(&Request::new("GET", "/mcp")).expect(401);
    server.send(&Request::form("/token", &[("grant_type", "authorization_code"), ("code", "made-up")]));
    if round.is_multiple_of(10) {
        let legacy = McpClient::connect(server, &tokens.access_token, "2025-11-25");
        legacy.call_tool("add", json!({ "a": 2, "b": 3 }));
        let stream =
            Request::new("GET", "/sse").header("accept", "text/event-stream").bearer(&tokens.access_token);
        // Whoever reads it leaves without a word.
        server.open(&stream).read_until("event: endpoint");
        *tokens = Tokens::of(&client.refresh(&tokens.refresh_token));
    }
}
