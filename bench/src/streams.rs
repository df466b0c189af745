//! Many event streams that are open at once, while calls go on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::figures::Figures;
use crate::seed::{Place, seed};
use crate::target::{Built, MODERN};
use crate::workloads::{Effort, Work};

/// How many streams are opened.
const MANY: u64 = 1000;
const FEW: u64 = 100;

/// How long nothing comes on them before they are looked at: silent streams cost less and less for a minute.
const SETTLE: Duration = Duration::from_secs(60);
const SETTLE_QUICKLY: Duration = Duration::from_secs(10);

/// Opens them, and measures what they take.
#[expect(clippy::cast_precision_loss, reason = "counts and memory are far below what a float counts")]
pub(crate) fn measure(built: &Built, quick: bool, figures: &mut Figures) -> Result<()> {
    let count = if quick { FEW } else { MANY };
    let places = ["--max-concurrent-requests", "2000"].map(Into::into);
    let postern = built.postern("streams", &places)?;
    let file = built.folder.join("streams/sqlite_key_value.db");
    // A connection has room for eight sessions, so each stream has a grant of its own.
    let seeded = seed(&Place::Sqlite(&file), &postern.tokens.access_token, count)?;
    let call = postern.call(MODERN)?;
    let effort = Effort { rounds: 1, time: Duration::from_secs(3), times: 1 };
    let alone = Work::new("call-8.no-streams", call.clone(), 8, &postern.process);
    alone.measure(&effort, &built.folder, figures)?;
    let before = postern.process.usage();
    let address = postern.process.base.trim_start_matches("http://");
    let mut streams = Vec::new();
    for token in &seeded.access_tokens {
        streams.push(open(address, token).with_context(|| format!("stream {}", streams.len() + 1))?);
    }
    let opened = postern.process.usage();
    let each = opened.resident.saturating_sub(before.resident) as f64 / streams.len() as f64;
    figures.take("streams.open", streams.len() as f64, "streams");
    figures.take("streams.memory-each", each, "KiB");
    std::thread::sleep(if quick { SETTLE_QUICKLY } else { SETTLE });
    let settled = postern.process.usage();
    let idle = Duration::from_secs(5);
    std::thread::sleep(idle);
    let used = postern.process.usage().processor - settled.processor;
    figures.take("streams.processor-each", used as f64 / idle.as_secs_f64() / streams.len() as f64, "ms/s");
    let among = Work::new(&format!("call-8.{count}-streams"), call, 8, &postern.process);
    among.measure(&effort, &built.folder, figures)?;
    for stream in &mut streams {
        stream.get_ref().set_nonblocking(true)?;
        let mut byte = [0; 1];
        // One that was ended meanwhile would say so.
        ensure!(!matches!(stream.get_ref().peek(&mut byte), Ok(0)), "a stream was ended");
    }
    Ok(())
}

/// Opens a stream, and waits until it says where to post to.
fn open(address: &str, token: &str) -> Result<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        stream,
        "GET /sse HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\naccept: text/event-stream\r\n\r\n"
    )?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while !line.contains("event: endpoint") {
        line.clear();
        ensure!(reader.read_line(&mut line)? > 0, "it ended");
        ensure!(!line.starts_with("HTTP/1.1 ") || line.contains(" 200 "), "{line}");
    }
    Ok(reader)
}
