//! How large Postern is, and how it starts.

use std::ffi::OsString;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use postern_tests::Server;

use crate::figures::Figures;
use crate::process::Process;
use crate::target::{Built, MODERN};
use crate::workloads::{Effort, milliseconds};

/// The components of `spin.toml`.
const COMPONENTS: [&str; 7] = ["accounts", "guide", "introspection", "mcp", "oauth", "prompts", "tools"];

/// What takes the place of one of them.
const OTHERS: [&str; 2] = ["empty", "jwt_introspection"];

/// What each component weighs.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below what a float counts")]
pub(crate) fn sizes(built: &Built, figures: &mut Figures) -> Result<()> {
    let folder = built.root.join("target/wasm32-wasip2/release");
    let mut total = 0;
    for name in COMPONENTS.iter().chain(&OTHERS) {
        let size = std::fs::metadata(folder.join(format!("{name}.wasm")))
            .with_context(|| format!("no {name}"))?
            .len();
        if COMPONENTS.contains(name) {
            total += size;
        }
        figures.take(&format!("size.{name}"), size as f64 / 1000.0, "kB");
    }
    figures.take("size.together", total as f64 / 1000.0, "kB");
    Ok(())
}

/// From the start of the process to its first answer, the first time and later; and what a new instance costs.
pub(crate) fn measure(built: &Built, effort: &Effort, figures: &mut Figures) -> Result<()> {
    let state = built.folder.join("start");
    std::fs::create_dir_all(&state)?;
    for (name, times) in [("start-first", 1), ("start-later", effort.times.min(10))] {
        for _ in 0..times {
            let began = Instant::now();
            let process = Process::start(built.host_command(&state, &[]), &state.join("log"))?;
            Server::at(&process.base).get("/.well-known/oauth-protected-resource/mcp").expect(200);
            figures.take(&format!("{name}.postern"), milliseconds([began.elapsed()]), "ms");
        }
    }
    // The same call, in an instance that is there and in one that has to be made for it.
    let once: Vec<OsString> = ["--max-instance-reuse-count", "1"].map(Into::into).into();
    for (name, more) in [("kept", Vec::new()), ("new", once)] {
        let postern = built.postern(&format!("instance-{name}"), &more)?;
        let load = postern.call(MODERN)?;
        load.run(1, Duration::from_secs(1), &built.folder)?;
        for _ in 0..effort.rounds {
            let sample = load.run(1, effort.time, &built.folder)?;
            figures.take(&format!("call-1.instance-{name}.median"), sample.median / 1000.0, "ms");
        }
    }
    if let (Some(new), Some(kept)) =
        (figures.find("call-1.instance-new.median"), figures.find("call-1.instance-kept.median"))
    {
        figures.take("instance.postern", new - kept, "ms");
    }
    if built.has_cloudflare {
        let began = Instant::now();
        let cloudflare = built.cloudflare()?;
        drop(TcpStream::connect(cloudflare.process.base.trim_start_matches("http://"))?);
        figures.take("start-later.workerd", milliseconds([began.elapsed()]), "ms");
    }
    Ok(())
}
