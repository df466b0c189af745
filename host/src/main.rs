//! `postern-host`: the command line around [`postern_host`].

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use postern_host::options::Options;
use postern_host::{Server, log};

/// After how many turns of tasks the network is looked at. A turn of a guest that loops takes a whole
/// tick of the epoch, so with tokio's 61 a few of them would keep everybody waiting for half a second.
const EVENT_INTERVAL: u32 = 7;

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("postern-host: {}", log::one_line(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .build()
        .context("cannot start")?;
    runtime.block_on(async {
        let server = Server::start(options).await?;
        // Before it says that it serves: whoever has read that may ask it to end.
        let stop = stop_signal()?;
        let mut stdout = std::io::stdout().lock();
        for line in &server.summary {
            writeln!(stdout, "{line}")?;
        }
        // Tests and scripts wait for this line; nothing follows it.
        writeln!(stdout, "Serving http://{}", server.address)?;
        stdout.flush()?;
        drop(stdout);
        server.serve(stop).await;
        anyhow::Ok(())
    })?;
    // A guest that is still at work is neither waited for nor cut off with a line in the log, as it
    // would be if its task were dropped: the process just ends.
    std::mem::forget(runtime);
    Ok(())
}

/// Done when somebody asks the process to end, from now on.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
