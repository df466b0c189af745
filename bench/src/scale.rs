//! What a full store does to a server: calls and refreshes with a hundred grants, with ten thousand and
//! with a million.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::figures::Figures;
use crate::load::Load;
use crate::seed::{Place, Seeded, seed, stored_bytes};
use crate::target::{Built, MODERN, Postern};
use crate::workloads::{self, Effort, Work};

/// How many grants there are in all, step by step.
const FULL: [u64; 3] = [100, 10_000, 1_000_000];
const QUICK: [u64; 2] = [100, 10_000];

/// Measures it in SQLite and, if there is a server, in Redis.
pub(crate) fn measure(built: &Built, effort: &Effort, quick: bool, figures: &mut Figures) -> Result<()> {
    let steps: &[u64] = if quick { &QUICK } else { &FULL };
    let postern = built.postern("scale-sqlite", &[])?;
    let file = built.folder.join("scale-sqlite/sqlite_key_value.db");
    fill("sqlite", &Place::Sqlite(&file), &postern, steps, built, effort, figures)?;
    drop(postern);
    match Redis::start(&built.folder.join("redis")) {
        Ok(redis) => {
            let config = built.folder.join("redis.toml");
            let stores = format!("[key_value_store.default]\ntype = \"redis\"\nurl = \"{}\"\n", redis.url);
            std::fs::write(&config, stores)?;
            let more = ["--runtime-config-file".into(), config.into()];
            let postern = built.postern("scale-redis", &more)?;
            fill("redis", &Place::Redis(&redis.url), &postern, steps, built, effort, figures)
        }
        Err(missing) => {
            println!("  not on Redis: {missing:#}");
            Ok(())
        }
    }
}

/// Fills a store step by step, and measures at each.
fn fill(
    store: &str,
    place: &Place<'_>,
    postern: &Postern,
    steps: &[u64],
    built: &Built,
    effort: &Effort,
    figures: &mut Figures,
) -> Result<()> {
    let mut there = 0;
    let mut before = stored_bytes(place)?;
    for step in steps {
        let seeded = seed(place, &postern.tokens.access_token, step - there)?;
        let now = stored_bytes(place)?;
        let (grown, added) = (now.saturating_sub(before), step - there);
        (before, there) = (now, *step);
        #[expect(clippy::cast_precision_loss, reason = "sizes are far below what a float counts")]
        if added >= 9000 {
            figures.take(&format!("stored-per-grant.{store}-{step}"), grown as f64 / added as f64, "bytes");
        }
        for work in loads(&format!("{store}-{step}"), postern, seeded) {
            for _ in 0..effort.rounds.min(3) {
                work.measure(effort, &built.folder, figures)?;
            }
        }
    }
    Ok(())
}

/// Calls with a thousand tokens in turn, and refreshes of as many grants.
fn loads<'a>(name: &str, postern: &'a Postern, seeded: Seeded) -> [Work<'a>; 2] {
    let process = &postern.process;
    let mut load: Load = crate::target::call(&process.base, "/mcp", "{}", MODERN, None);
    load.rotation = seeded.access_tokens;
    let refresh = format!("refresh-8.{name}");
    [
        Work::new(&format!("call-8.{name}"), load, 8, process),
        workloads::refresh(&refresh, process, &postern.client.client_id, seeded.refresh_tokens),
    ]
}

/// A Redis server that keeps nothing on the disk.
struct Redis {
    child: Child,
    url: String,
}

impl Redis {
    fn start(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let program = std::env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
        let child = Command::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(folder)
            .stdout(Stdio::null())
            .spawn()
            .context("there is no redis-server")?;
        let redis = Self { child, url: format!("redis://127.0.0.1:{port}") };
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(redis);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        anyhow::bail!("redis-server does not answer")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
