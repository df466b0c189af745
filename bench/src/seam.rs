//! What a call through a seam takes: a tool that does nothing, called by another component and by its own (`bench/seam`).

use std::ffi::OsString;
use std::time::Instant;

use anyhow::Result;
use postern_tests::Server;

use crate::figures::Figures;
use crate::process::Process;
use crate::target::Built;
use crate::workloads::{Effort, milliseconds};

/// How a request makes its calls, each of a thousand: so a request's milliseconds are a call's microseconds.
const WAYS: [&str; 2] = ["composed", "in-process"];

/// Measures both in turn.
pub(crate) fn measure(built: &Built, effort: &Effort, figures: &mut Figures) -> Result<()> {
    let state = built.folder.join("seam");
    std::fs::create_dir_all(&state)?;
    let from: [OsString; 2] = ["--from".into(), "bench/seam/spin.toml".into()];
    let process = Process::start(built.host_command(&state, &from), &state.join("log"))?;
    let server = Server::at(&process.base);
    let call = |way: &str| {
        let began = Instant::now();
        server.get(&format!("/{way}")).expect(204);
        began.elapsed()
    };
    // In an instance that is there.
    for way in WAYS {
        call(way);
    }
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..effort.times {
        for (way, times) in WAYS.iter().zip(&mut times) {
            times.push(call(way));
        }
    }
    for (way, times) in WAYS.iter().zip(times) {
        figures.take(&format!("seam.{way}"), milliseconds(times), "us");
    }
    Ok(())
}
